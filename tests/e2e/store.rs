//! A team's store, with a real `PostgreSQL`.

use crate::cli::{Said, countersign, printed};
use crate::editor::Workspace;
use countersign_ledger::{Kind, Ledger, NewEntry};
use countersign_testkit::Postgres;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const LEDGER: &str = ".git/countersign/ledger.sqlite";

fn repository(name: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    workspace.run_git(&["remote", "add", "origin", &format!("https://github.com/example/{name}.git")]);
    workspace
}

fn record(workspace: &Workspace, file: &str, count: usize) {
    fs::create_dir_all(workspace.path(".git/countersign")).expect("a folder");
    let at = jiff::Timestamp::now().as_millisecond();
    let entry = |index: usize| NewEntry {
        at: at - 60_000,
        kind: Kind::Insertion,
        agent: Some("cl\0aude".to_owned()),
        person: index.is_multiple_of(2).then(|| "Ann".to_owned()),
        file: Some(file.to_owned()),
        body: json!({ "authority": "reported", "bytes": index, "said": "\u{0}é\"" }),
    };
    let entries: Vec<NewEntry> = (0..count).map(entry).collect();
    Ledger::open(workspace.path(LEDGER)).expect("a ledger").append(&entries).expect("it is recorded");
}

fn sync(workspace: &Workspace, address: &str, more: &[&str]) -> Said {
    countersign(workspace, &[&["sync", "--store", address], more].concat())
}

fn sends(workspace: &Workspace, address: &str, wanted: &str) {
    let said = sync(workspace, address, &[]);
    assert!(said.code == Some(0) && said.stdout.contains(wanted), "{}{}", said.stdout, said.stderr);
}

/// A store that is set up, with somebody who writes and somebody who reads.
fn store() -> Postgres {
    let store = Postgres::new();
    let said = sync(&Workspace::new(), &store.address("owner"), &["--set-up"]);
    assert!(said.code == Some(0) && said.stdout.contains("is set up"), "{}{}", said.stdout, said.stderr);
    store
        .says("CREATE ROLE w LOGIN; GRANT countersign_writer TO w; CREATE ROLE r LOGIN; GRANT countersign_reader TO r");
    store
}

#[test]
fn everything_is_there_once_whoever_sends_it_and_whatever_happens() {
    let store = store();
    let (writer, shop) = (store.address("w"), repository("shop"));
    sends(&shop, &writer, "nothing was recorded");
    // More than one batch.
    record(&shop, "live/prod/main.tf", 12_000);
    sends(&shop, &writer, "12000 entries and 2 names sent");
    sends(&shop, &writer, "has everything already");
    record(&shop, "live/prod/db.tf", 3);
    let both = repository("both");
    record(&both, "main.tf", 7);
    let roots = [shop.root(), both.root()].map(|root| root.display().to_string());
    let said = sync(&shop, &writer, &[roots[0].as_str(), "/", roots[1].as_str()]);
    assert!(
        said.stdout.contains("shop: 3 entries and 1 name sent") && said.stdout.contains("both: 7 entries"),
        "{}",
        said.stdout
    );
    let counts =
        || store.says("SELECT count(*), count(DISTINCT hash), count(DISTINCT ledger) FROM countersign.entries");
    assert_eq!(counts(), "12010|12010|2");
    assert_eq!(
        store.says("SELECT DISTINCT repository || '/' || file FROM countersign.log ORDER BY 1 LIMIT 1"),
        "github.com/example/both/main.tf"
    );

    // What is erased is erased there as well, and does not come back.
    let said = countersign(&shop, &["ledger", "erase", "live/prod/db.tf"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    sends(&shop, &writer, "erased here and now are there as well: 1.");
    assert_eq!(store.says("SELECT count(*) FROM countersign.names WHERE is_erased AND salt IS NULL"), "1");

    // A copy that goes on by itself is kept beside the one that it was, and so is one that is older.
    let copy = repository("shop");
    fs::create_dir_all(copy.path(".git/countersign")).expect("a folder");
    fs::copy(shop.path(LEDGER), copy.path(LEDGER)).expect("a copy");
    record(&shop, "live/prod/main.tf", 2);
    sends(&shop, &writer, "2 entries");
    sends(&copy, &writer, "goes on 2 beyond the last entry of this ledger");
    record(&copy, "live/prod/main.tf", 1);
    sends(&copy, &writer, "goes another way than one that is there, after entry 12003");
    record(&copy, "live/prod/main.tf", 1);
    sends(&copy, &writer, "1 entry and 0 names sent");
    sends(&shop, &writer, "has everything already");
    // What each of them names from there on is none of the other's, and is not erased for it.
    record(&shop, "live/prod/new.tf", 1);
    record(&copy, "live/prod/other.tf", 1);
    for workspace in [&shop, &copy, &shop, &copy] {
        assert_eq!(sync(workspace, &writer, &[]).code, Some(0));
    }
    assert_eq!(store.says("SELECT count(*) FILTER (WHERE is_erased), count(*) FROM countersign.names"), "1|7");
    assert_eq!(counts(), "12016|12016|3");

    // One that was changed is not sent from there on.
    record(&both, "main.tf", 2);
    tamper(&both);
    let said = sync(&both, &writer, &[]);
    assert!(said.code == Some(2) && said.stderr.contains("not intact: entry 9 was changed"), "{}", said.stderr);
    assert_eq!(counts(), "12017|12017|3", "what comes before it was sent");

    // All of it can be asked, by whoever reads.
    let report = printed(&shop, "report", &["report", "--store", &store.address("r"), "--format", "json"]);
    assert_eq!(report["record"]["chain"], "intact, 12017 entries in 3 ledgers", "{report:#}");
    assert_eq!(report["repository"], "2 repositories");
    assert!(report["doubts"].to_string().contains("of github.com/example/both, github.com/example/shop; "), "{report}");
    assert!(report["doubts"].to_string().contains("goes another way than another one after entry 12003"), "{report}");
}

/// Changes an entry by hand.
fn tamper(workspace: &Workspace) {
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nfor (t,) in c.execute(\"select name from sqlite_master \
                  where type='trigger'\").fetchall(): c.execute('drop trigger ' + t)\n\
                  c.execute('update entries set at = at + 1 where number = 9')\nc.commit()";
    let status = Command::new("python3").args(["-c", script]).arg(workspace.path(LEDGER)).status();
    assert!(status.expect("python").success());
}

#[test]
fn whoever_writes_adds_and_whoever_reads_reads() {
    let store = store();
    let shop = repository("shop");
    record(&shop, "main.tf", 3);
    sends(&shop, &store.address("w"), "3 entries");
    let refused = |user: &str, statement: &str, why: &str| {
        let output = store.ask(user, statement);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{statement}: {said}");
    };
    for (user, statement) in [
        ("w", "DELETE FROM countersign.entries"),
        ("w", "UPDATE countersign.entries SET at = 0"),
        ("w", "SELECT body FROM countersign.entries"),
        ("w", "SELECT name FROM countersign.names"),
        ("w", "TRUNCATE countersign.entries"),
        ("w", "UPDATE countersign.names SET name = NULL, salt = NULL"),
        ("r", "SELECT countersign.erase(ARRAY[]::bytea[])"),
        (
            "r",
            "INSERT INTO countersign.ledgers (root, family, begins, repository) SELECT sha256('x'), sha256('x'), 1, 'x'",
        ),
        ("r", "UPDATE countersign.names SET name = NULL"),
        ("r", "DELETE FROM countersign.entries"),
    ] {
        refused(user, statement, "permission denied");
    }
    // What no ledger had, and what follows nothing, is not taken from anybody.
    refused(
        "owner",
        "INSERT INTO countersign.entries SELECT * FROM countersign.entries WHERE number = 2",
        "duplicate key",
    );
    refused(
        "owner",
        "INSERT INTO countersign.entries (ledger, number, at, kind, body, previous, hash) SELECT ledger, 4, at, kind, body, hash, sha256('x') FROM countersign.entries WHERE number = 3",
        "entry_is_what_its_hash_says",
    );
    refused(
        "owner",
        "DELETE FROM countersign.entries WHERE number = 2; INSERT INTO countersign.entries (ledger, number, at, kind, body, previous, hash) SELECT ledger, 5, 0, '\\x61', '\\x7b7d', previous, sha256('countersign ledger 1'::bytea || previous || int8send(0) || int8send(1) || '\\x61' || '\\x000000' || int8send(2) || '\\x7b7d' || int8send(5)) FROM countersign.entries WHERE number = 3",
        "does not follow the one before it",
    );
    refused("owner", "UPDATE countersign.names SET name = '\\x61'", "name_is_what_was_committed_to");
    // Whoever owns it can, and it is found.
    store.says("ALTER TABLE countersign.entries DROP CONSTRAINT entry_is_what_its_hash_says; UPDATE countersign.entries SET at = at + 1 WHERE number = 2");
    let said = countersign(&shop, &["report", "--store", &store.address("r"), "--format", "json"]);
    assert!(
        said.code == Some(2) && said.stdout.contains("github.com/example/shop: entry 2 was changed"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_store_that_cannot_do_it_is_named_with_the_way_out() {
    let plain = Postgres::new();
    let shop = repository("shop");
    record(&shop, "main.tf", 3);
    let refused = |address: &str, why: &str| {
        let said = sync(&shop, address, &[]);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{why}: {}{}", said.stdout, said.stderr);
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    };
    refused("mysql://localhost/team", "it begins with `postgres://`");
    refused("postgres://me:hunter2@127.0.0.1:1/team", "cannot be reached");
    refused("postgres://me:hunter2%@127.0.0.1:x/team", "no address of PostgreSQL");
    refused(&plain.address("owner"), "countersign sync --set-up");
    refused(&plain.address("nobody"), "does not allow this");

    let store = store();
    let (owner, writer) = (store.address("owner"), store.address("w"));
    refused(&store.address("r"), "countersign_writer");
    store.says("ALTER DATABASE team SET default_transaction_read_only = on");
    refused(&writer, "is read-only");
    store.says("BEGIN READ WRITE; ALTER DATABASE team RESET default_transaction_read_only; COMMIT");
    store.says(
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; \
         END $$; CREATE TRIGGER no_space BEFORE INSERT ON countersign.entries FOR EACH ROW EXECUTE FUNCTION no_space()",
    );
    refused(&writer, "is full: no space left");
    store.says("DROP TRIGGER no_space ON countersign.entries");
    // It restarts while somebody sends: that is waited for.
    record(&shop, "main.tf", 30_000);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| sync(&shop, &writer, &[]));
        std::thread::sleep(std::time::Duration::from_millis(300));
        store.stop();
        store.start();
        let said = sending.join().expect("it ends");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    });
    assert_eq!(store.says("SELECT count(*), max(number) FROM countersign.entries"), "30003|30003");
    // It was set up by a newer version.
    store.says("INSERT INTO countersign.migrations SELECT 2, 'later', now(), true, '\\x00', 0");
    refused(&writer, "a newer version of Countersign");
    let said = sync(&shop, &owner, &["--set-up"]);
    assert!(said.code == Some(2) && said.stderr.contains("a newer version"), "{}", said.stderr);
}

#[test]
fn several_that_send_the_same_do_not_double_it() {
    let store = store();
    let shop = repository("shop");
    record(&shop, "main.tf", 20_000);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| sync(&shop, &store.address("w"), &[]))).collect();
        for said in all {
            let said = said.join().expect("it ends");
            assert_eq!(said.code, Some(0), "{}", said.stderr);
        }
    });
    assert_eq!(
        store.says("SELECT count(*), max(number), count(DISTINCT ledger) FROM countersign.entries"),
        "20000|20000|1"
    );
}

#[test]
fn what_another_machine_ran_is_among_the_candidates() {
    let store = store();
    let (mine, hers) = (repository("shop"), repository("shop"));
    mine.write("live/prod/db.tf", "resource \"aws_s3_bucket\" \"invoices\" {\n  bucket = \"shop-invoices\"\n}\n");
    mine.run_git(&["add", "-A"]);
    mine.run_git(&["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "start"]);
    hers.write("live/prod/db.tf", "");
    let payload = json!({
        "session_id": "s1", "cwd": hers.path("live/prod"), "hook_event_name": "PostToolUse", "tool_name": "Bash",
        "tool_use_id": "t1", "tool_input": { "command": "aws s3 rm s3://shop-invoices --recursive" }, "tool_response": {},
    });
    crate::agents::hook(&hers, "claude-code", payload.to_string().as_bytes());
    sends(&hers, &store.address("w"), "1 entry and 1 name sent");
    let asked =
        ["incident", "new", "--format", "json", "--dry-run", "--from", "1h", "--resource", "aws_s3_bucket.invoices"];
    let alone = printed(&mine, "incident", &asked);
    assert_eq!(alone["candidates"], json!([]), "{alone:#}");
    let reader = store.address("r");
    let found: Value = printed(&mine, "incident", &[asked.as_slice(), &["--store", &reader]].concat());
    assert_eq!(found["candidates"][0]["kind"], "command", "{found:#}");
    assert!(found["doubts"].to_string().contains("has not sent to the store yet"), "{found:#}");
}
