-- The ledgers of many repositories and machines.
--
-- Everything that may hold bytes of others is `bytea`: a text of PostgreSQL cannot hold a NUL, and the bytes are what was hashed.

-- A ledger; of one that goes another way than one that is here from some entry on, only the part from there on.
CREATE TABLE countersign.ledgers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Hash of its first entry here.
    root bytea NOT NULL UNIQUE CHECK (octet_length(root) = 32),
    -- Hash of entry 1: the same for all that have parted from one another.
    family bytea NOT NULL CHECK (octet_length(family) = 32),
    -- The number of its first entry here, and the ledger in which the entry before that is.
    begins bigint NOT NULL CHECK (begins > 0),
    parent bigint,
    -- As requests for reviews name it.
    repository text NOT NULL,
    CHECK ((begins = 1) = (parent IS NULL)),
    CHECK ((begins = 1) = (root = family)),
    UNIQUE (id, family),
    -- Whoever has parted from a ledger is of its family.
    FOREIGN KEY (parent, family) REFERENCES countersign.ledgers (id, family)
);

CREATE INDEX ledgers_of_family ON countersign.ledgers (family);

CREATE TABLE countersign.entries (
    ledger bigint NOT NULL REFERENCES countersign.ledgers,
    number bigint NOT NULL CHECK (number > 0),
    -- Milliseconds since 1970 in UTC.
    at bigint NOT NULL,
    kind bytea NOT NULL,
    agent bytea,
    -- Commitments to names.
    person bytea CHECK (octet_length(person) = 32),
    file bytea CHECK (octet_length(file) = 32),
    body bytea NOT NULL,
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    -- No entry is here twice.
    hash bytea NOT NULL UNIQUE,
    PRIMARY KEY (ledger, number),
    -- The encoding is that of the ledger (countersign_ledger): whoever writes here writes entries that are what their hash says.
    CONSTRAINT entry_is_what_its_hash_says CHECK (hash = sha256(
        convert_to('countersign ledger 1', 'UTF8') || previous || int8send(at)
        || int8send(octet_length(kind)::bigint) || kind
        || CASE WHEN agent IS NULL THEN '\x00'::bytea ELSE '\x01'::bytea || int8send(octet_length(agent)::bigint) || agent END
        || CASE WHEN person IS NULL THEN '\x00'::bytea ELSE '\x01'::bytea || int8send(32::bigint) || person END
        || CASE WHEN file IS NULL THEN '\x00'::bytea ELSE '\x01'::bytea || int8send(32::bigint) || file END
        || int8send(octet_length(body)::bigint) || body
        || int8send(number)
    ))
);

CREATE INDEX entries_by_time ON countersign.entries (at);

-- Names of people and files. One that was erased keeps its commitment only, and does not come back.
CREATE TABLE countersign.names (
    commitment bytea PRIMARY KEY CHECK (octet_length(commitment) = 32),
    family bytea NOT NULL CHECK (octet_length(family) = 32),
    salt bytea,
    name bytea,
    is_erased boolean GENERATED ALWAYS AS (name IS NULL) STORED,
    CHECK ((salt IS NULL) = (name IS NULL)),
    CHECK (octet_length(salt) = 32),
    CONSTRAINT name_is_what_was_committed_to CHECK (salt IS NULL OR commitment = sha256(salt || name))
);

CREATE INDEX names_of_family ON countersign.names (family);

-- Each entry follows the one before it: of the first of a ledger the last common one, else the one with the number before.
CREATE FUNCTION countersign.entries_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = countersign, pg_temp AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT added.number INTO wrong
    FROM new_entries AS added JOIN countersign.ledgers AS of ON of.id = added.ledger
    WHERE added.number < of.begins
        OR (added.number = of.begins AND added.hash <> of.root)
        OR added.previous IS DISTINCT FROM CASE
            WHEN added.number = 1 THEN decode(repeat('00', 32), 'hex')
            ELSE (
                SELECT before.hash FROM countersign.entries AS before
                WHERE before.number = added.number - 1
                    AND before.ledger = CASE WHEN added.number = of.begins THEN of.parent ELSE added.ledger END
            )
        END
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not follow the one before it', wrong USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_follow AFTER INSERT ON countersign.entries
REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION countersign.entries_follow();

-- Forgets names, and gives their number. Whoever may erase may write no other name in their place.
CREATE FUNCTION countersign.erase(commitments bytea[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = countersign, pg_temp AS $$
    WITH erased AS (
        UPDATE countersign.names SET salt = NULL, name = NULL
        WHERE commitment IN (
            SELECT n.commitment FROM countersign.names AS n
            WHERE n.commitment = ANY(commitments) AND n.name IS NOT NULL ORDER BY n.commitment FOR UPDATE
        )
        RETURNING 1
    )
    SELECT count(*) FROM erased
$$;

-- A text for people; what is none in UTF-8, or has a NUL, with escapes.
CREATE FUNCTION countersign.in_words(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN encode(bytes, 'escape');
END
$$;

-- For people and their tools.
CREATE VIEW countersign.log AS
SELECT
    l.repository, e.ledger, e.number, -- What is beyond the years that there are is the last moment of them.
    to_timestamp(least(greatest(e.at, 0), 253402300799999) / 1000.0) AS at, countersign.in_words(e.kind) AS kind,
    countersign.in_words(e.agent) AS agent, countersign.in_words(p.name) AS person, countersign.in_words(f.name) AS file,
    countersign.in_words(e.body) AS body, encode(e.hash, 'hex') AS hash
FROM countersign.entries AS e
JOIN countersign.ledgers AS l ON l.id = e.ledger
LEFT JOIN countersign.names AS p ON p.commitment = e.person
LEFT JOIN countersign.names AS f ON f.commitment = e.file;

-- Whoever writes adds, and reads of others only what tells how far a ledger has come. Whoever reads changes nothing.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_writer') THEN
        CREATE ROLE countersign_writer NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_reader') THEN
        CREATE ROLE countersign_reader NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA countersign TO countersign_writer, countersign_reader;
GRANT SELECT ON countersign.migrations TO countersign_writer, countersign_reader;
GRANT SELECT ON countersign.ledgers, countersign.entries, countersign.names, countersign.log TO countersign_reader;
GRANT SELECT, INSERT ON countersign.ledgers TO countersign_writer;
GRANT UPDATE (repository) ON countersign.ledgers TO countersign_writer;
GRANT SELECT (ledger, number, hash), INSERT ON countersign.entries TO countersign_writer;
GRANT SELECT (commitment, family, is_erased), INSERT ON countersign.names TO countersign_writer;
REVOKE ALL ON FUNCTION countersign.erase(bytea[]), countersign.in_words(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.erase(bytea[]) TO countersign_writer;
GRANT EXECUTE ON FUNCTION countersign.in_words(bytea) TO countersign_reader;
