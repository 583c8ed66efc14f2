//! Clients of databases: SQL, MongoDB, Redis and others.

use super::rule::{Program, When, rule};
use crate::args::Args;
use crate::call::{Call, Found, has_ending};
use crate::context::File;
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Stream, Walk, Word, short};
use crate::sql::{self, Dialect, Meta};

const ASK: &str = "Show the statement to a person, with a `SELECT count(*)` of what it would hit, and let them run it.";
const BACKUP: &str = "Say what is to go and why, and let a person do it after a backup.";

const SQL_VARIABLES: &[&str] = &["PGHOST", "PGDATABASE", "PGSERVICE", "DATABASE_URL", "MYSQL_HOST"];
const SQL: &[&str] = &[
    "-h",
    "--host",
    "-d",
    "--dbname",
    "--database",
    "-D",
    "-U",
    "-u",
    "--user",
    "-S",
    "--server",
    "--uri",
    "--url",
    "--service",
];

/// A client that runs SQL.
const fn client(
    names: &'static [&'static str],
    valued: &'static [&'static str],
    special: super::rule::Special,
) -> Program {
    Program {
        evidence: SQL,
        variables: SQL_VARIABLES,
        help: &["--help", "-?"],
        dry: &[],
        special: Some(special),
        looks_for: "`DROP`, `TRUNCATE`, `DELETE` and `UPDATE` without `WHERE`, `GRANT`: in arguments, files, heredocs and pipes",
        ..Program::new(names, valued)
    }
}

pub(super) const PROGRAMS: &[Program] = &[
    client(
        &["psql", "pgcli", "cockroach", "ysqlsh"],
        &[
            "-c",
            "--command",
            "-f",
            "--file",
            "-h",
            "--host",
            "-p",
            "--port",
            "-U",
            "--username",
            "-d",
            "--dbname",
            "-v",
            "--set",
            "--variable",
            "-o",
            "--output",
            "-L",
            "--log-file",
            "-F",
            "-P",
            "-R",
            "-T",
            "--url",
            "-e",
            "--execute",
        ],
        psql,
    ),
    client(
        &["mysql", "mariadb", "mycli"],
        &[
            "-e",
            "--execute",
            "-h",
            "--host",
            "-P",
            "--port",
            "-u",
            "--user",
            "-D",
            "--database",
            "-S",
            "--socket",
            "--defaults-file",
            "--defaults-extra-file",
        ],
        mysql,
    ),
    client(&["sqlite3", "sqlite", "litecli", "duckdb", "libsql"], &["-cmd", "-init", "-separator", "-c"], sqlite),
    client(
        &[
            "clickhouse-client",
            "clickhouse",
            "cqlsh",
            "snowsql",
            "sqlcmd",
            "trino",
            "presto",
            "usql",
            "influx",
            "spanner-cli",
            "beeline",
            "hive",
            "vsql",
        ],
        &[
            "-q",
            "--query",
            "-e",
            "--execute",
            "-Q",
            "-f",
            "--file",
            "-i",
            "-h",
            "--host",
            "-u",
            "--user",
            "-d",
            "--database",
            "-S",
            "--server",
            "-c",
            "--connection",
            "--queries-file",
            "-U",
            "-P",
            "-p",
            "-o",
        ],
        other,
    ),
    Program {
        evidence: &["--host", "-h", "--uri", "--db"],
        variables: &["MONGODB_URI", "MONGO_URL"],
        help: &["--help"],
        special: Some(mongo),
        looks_for: "`dropDatabase`, `drop`, `deleteMany` and `remove` without a filter",
        ..Program::new(
            &["mongosh", "mongo"],
            &[
                "--eval",
                "--host",
                "-h",
                "--port",
                "-u",
                "-p",
                "--username",
                "--password",
                "--authenticationDatabase",
                "--file",
                "-f",
                "--db",
            ],
        )
    },
    Program {
        evidence: &["-h", "-u", "--host"],
        variables: &["REDIS_URL", "REDISCLI_HOST"],
        help: &["--help"],
        special: Some(redis),
        looks_for: "`FLUSHALL`, `FLUSHDB`, `DEL`, `UNLINK`, `SHUTDOWN`",
        ..Program::new(
            &["redis-cli", "valkey-cli", "keydb-cli"],
            &["-h", "-p", "-a", "-u", "-n", "-s", "--user", "--pass", "-r", "-i", "--cacert", "--cert", "--key"],
        )
    },
    Program {
        evidence: SQL,
        variables: SQL_VARIABLES,
        help: &["--help"],
        rules: &[rule("", Effect::DataDelete, "drops the database {target|named}", BACKUP)],
        ..Program::new(&["dropdb"], &["-h", "--host", "-p", "--port", "-U", "--username", "--maintenance-db"])
    },
    Program {
        evidence: SQL,
        help: &["--help"],
        rules: &[
            rule("drop", Effect::DataDelete, "drops the database {target|named}", BACKUP),
            rule("shutdown", Effect::Interrupt, "stops the database", BACKUP),
        ],
        ..Program::new(&["mysqladmin", "mariadb-admin"], &["-h", "--host", "-P", "--port", "-u", "--user"])
    },
    Program {
        evidence: SQL,
        variables: SQL_VARIABLES,
        help: &["--help", "-?"],
        rules: &[rule(
            "",
            Effect::DataDelete,
            "drops what the database holds before it restores {target|the backup}",
            BACKUP,
        )
        .when(&[When::Has(&["-c", "--clean"]), When::Has(&["-d", "--dbname"])])],
        ..Program::new(
            &["pg_restore"],
            &[
                "-d",
                "--dbname",
                "-h",
                "--host",
                "-p",
                "--port",
                "-U",
                "--username",
                "-j",
                "--jobs",
                "-n",
                "-t",
                "-f",
                "--file",
            ],
        )
    },
    Program {
        evidence: &["--uri", "--host", "-h", "-d", "--db"],
        help: &["--help"],
        dry: &["--dryRun"],
        rules: &[rule("", Effect::DataDelete, "drops the collections that it restores", BACKUP)
            .when(&[When::Has(&["--drop"])])],
        ..Program::new(&["mongorestore"], &["--uri", "--host", "-h", "-d", "--db"])
    },
    Program {
        evidence: &["--endpoints"],
        variables: &["ETCDCTL_ENDPOINTS"],
        rules: &[
            rule("del", Effect::DataDelete, "deletes {target|keys} of etcd, which a cluster lives by", BACKUP),
            rule("member remove", Effect::Interrupt, "takes a member out of etcd", BACKUP),
            rule("snapshot restore", Effect::DataDelete, "takes etcd back to an earlier state", BACKUP),
        ],
        ..Program::new(&["etcdctl"], &["--endpoints", "--cacert", "--cert", "--key", "--user"])
    },
    Program {
        evidence: &["--bootstrap-server", "--zookeeper"],
        rules: &[rule("", Effect::DataDelete, "deletes a topic with all that is in it", BACKUP)
            .when(&[When::Has(&["--delete"])])],
        ..Program::new(&["kafka-topics", "kafka-topics.sh"], &["--bootstrap-server", "--zookeeper", "--topic"])
    },
    Program {
        rules: &[
            rule("db:drop|db:reset|db:schema:load", Effect::DataDelete, "drops the application's database", BACKUP),
            rule("db:drop:all", Effect::DataDelete, "drops the application's databases", BACKUP),
        ],
        variables: &["RAILS_ENV", "RACK_ENV", "DATABASE_URL"],
        ..Program::new(&["rails", "rake"], &[])
    },
    Program {
        variables: &["DATABASE_URL"],
        rules: &[
            rule("migrate reset", Effect::DataDelete, "drops the application's database", BACKUP),
            rule("db push", Effect::DataDelete, "changes the database and accepts the loss of data", BACKUP)
                .when(&[When::Has(&["--accept-data-loss", "--force-reset"])]),
        ],
        ..Program::new(&["prisma"], &["--schema"])
    },
];

/// What SQL does, as it is to be reported.
pub(crate) fn statements(text: &str, dialect: Dialect) -> Vec<Found> {
    let one = |statement: sql::Statement| Found {
        grade: statement.grade,
        ..Found::new(statement.effect, Reach::Live, statement.what, ASK).target(statement.target)
    };
    sql::read(text, dialect).statements.into_iter().map(one).collect()
}

/// Reports what a text of SQL does.
pub(super) fn report_sql(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    text: &str,
    dialect: Dialect,
) {
    let reading = sql::read(text, dialect);
    for statement in reading.statements {
        let found = Found { grade: statement.grade, ..Found::new(statement.effect, Reach::Live, statement.what, ASK) };
        walk.report(shell, call, Some(args), Some(program), found.target(statement.target));
    }
    for meta in reading.metas {
        match meta {
            Meta::Shell(command) => {
                let origin = call.origin.inner(&call.range, None).through(format!("{} \\!", call.program()));
                walk.text(&command, &origin, shell, &Stream::Nothing);
            }
            Meta::Include(path) => report_file(walk, shell, call, args, program, &Word::new(path), dialect),
        }
    }
}

fn report_file(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    path: &Word,
    dialect: Dialect,
) {
    if let Some(stream) = &path.stream {
        report_stream(walk, shell, call, args, program, &stream.clone(), dialect);
        return;
    }
    let Some(known) = path.known() else {
        let what = format!("runs the SQL of {}, which cannot be read", path.reason.as_deref().unwrap_or(&path.text));
        walk.unreadable(shell, call, what, "Write the file's name in the command.");
        return;
    };
    if matches!(known, "-" | "/dev/stdin") {
        report_stream(walk, shell, call, args, program, &call.stdin.clone(), dialect);
        return;
    }
    match walk.file(known, shell, &call.origin) {
        File::Text(text) => {
            let inner = Call {
                origin: crate::shell::Origin {
                    file: Some(known.into()),
                    place: crate::shell::Place::Within(0..text.len()),
                    ..call.origin.through(known)
                },
                ..call.clone()
            };
            // A file that includes others is followed like a script: up to a depth.
            walk.level += 1;
            if walk.level < crate::limits::MAX_LEVELS {
                report_sql(walk, shell, &inner, args, program, &text, dialect);
            }
            walk.level -= 1;
        }
        File::Absent => {}
        File::Unreadable => {
            walk.unreadable(
                shell,
                call,
                format!("runs the SQL of `{known}`, which cannot be read"),
                "Put the statements where they can be read.",
            );
        }
    }
}

fn report_stream(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    stream: &Stream,
    dialect: Dialect,
) {
    match stream {
        Stream::Nothing => {}
        Stream::Text(text) => report_sql(walk, shell, call, args, program, text, dialect),
        Stream::Unknown(reason) => {
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} as SQL, which cannot be read"),
                "Write the statements to a file first.",
            );
        }
    }
}

/// What a client runs: arguments, files, else standard input.
#[expect(
    clippy::too_many_arguments,
    reason = "the last ones are the client's flags, which make it readable where it is called"
)]
fn run(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    dialect: Dialect,
    texts: &[&str],
    files: &[&str],
) {
    let mut any = false;
    for flag in &args.flags {
        let Some(word) = &flag.value else { continue };
        if texts.contains(&flag.name.as_str()) {
            any = true;
            if word.is_opaque() {
                let what =
                    format!("runs {} as SQL, which cannot be read", word.reason.as_deref().unwrap_or(&word.text));
                walk.unreadable(shell, call, what, "Write the statement in the command.");
            } else {
                report_sql(walk, shell, call, args, program, &word.text, dialect);
            }
        } else if files.contains(&flag.name.as_str()) {
            any = true;
            report_file(walk, shell, call, args, program, word, dialect);
        }
    }
    if !any {
        report_stream(walk, shell, call, args, program, &call.stdin.clone(), dialect);
    }
}

fn psql(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    run(
        walk,
        shell,
        call,
        args,
        program,
        Dialect::Transactional,
        &["-c", "--command", "-e", "--execute"],
        &["-f", "--file"],
    );
    true
}

fn mysql(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    run(walk, shell, call, args, program, Dialect::Other, &["-e", "--execute"], &[]);
    true
}

fn other(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    run(
        walk,
        shell,
        call,
        args,
        program,
        Dialect::Other,
        &["-q", "--query", "-e", "--execute", "-Q"],
        &["-f", "--file", "-i", "--queries-file"],
    );
    true
}

fn sqlite(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, _: &Args, program: &'static Program) -> bool {
    // Its flags are long ones behind one hyphen.
    let spec = crate::args::Spec { clusters: false, ..program.spec };
    let args = &Args::parse(call.arguments(), &spec);
    let memory = args.positional(0).is_none_or(|name| name == ":memory:" || name.starts_with("/tmp/"));
    let texts: Vec<&Word> = args.values(&["-cmd", "-c"]).chain(args.positionals.iter().skip(1)).collect();
    if memory {
        return true;
    }
    if texts.is_empty() {
        report_stream(walk, shell, call, args, program, &call.stdin.clone(), Dialect::Transactional);
    }
    for text in texts {
        report_sql(walk, shell, call, args, program, &text.text, Dialect::Transactional);
    }
    true
}

fn mongo(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let mut texts: Vec<String> = args.values(&["--eval"]).map(|word| word.text.clone()).collect();
    let files: Vec<Word> = args.values(&["--file", "-f"]).chain(&args.positionals).cloned().collect();
    for file in files.iter().filter(|file| has_ending(file.known_part(), "js")) {
        if let File::Text(text) = walk.file(&file.text, shell, &call.origin) {
            texts.push(text);
        }
    }
    match (&call.stdin, texts.is_empty()) {
        (Stream::Text(text), true) => texts.push(text.clone()),
        (Stream::Unknown(reason), true) => {
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} in the database, which cannot be read"),
                "Write the statements to a file first.",
            );
        }
        _ => {}
    }
    for text in texts {
        for (effect, what) in mongo_calls(&text) {
            walk.report(shell, call, Some(args), Some(program), Found::new(effect, Reach::Live, what, ASK));
        }
    }
    true
}

/// Calls in MongoDB's JavaScript that lose data.
fn mongo_calls(text: &str) -> Vec<(Effect, String)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let code = line
            .split_once("//")
            .map_or(line, |(code, comment)| if comment.contains(['"', '\'']) { line } else { code });
        let flat: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        for (call, what) in [
            (".dropDatabase(", "drops the database"),
            (".drop(", "drops a collection"),
            ("dropDatabase:1", "drops the database"),
            (".deleteMany({})", "deletes every document of a collection"),
            (".deleteMany()", "deletes every document of a collection"),
            (".remove({})", "deletes every document of a collection"),
            (".updateMany({},", "changes every document of a collection"),
        ] {
            if let Some(at) = flat.find(call) {
                // A call inside of a text is no call.
                let quotes = flat.get(..at).unwrap_or_default().matches(['"', '\'']).count();
                if quotes.is_multiple_of(2) {
                    found.push((Effect::DataDelete, format!("{what}: `{}`", short(code.trim()))));
                }
            }
        }
    }
    found
}

fn redis(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let mut lines: Vec<String> =
        vec![args.positionals.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")];
    if let (true, Stream::Text(text)) = (args.positionals.is_empty(), &call.stdin) {
        lines.extend(text.lines().map(str::to_owned));
    }
    for line in lines {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default().to_ascii_uppercase();
        let found = match command.as_str() {
            "FLUSHALL" => {
                Found::new(Effect::DataDelete, Reach::Live, "deletes every key of every database of the server", BACKUP)
            }
            "FLUSHDB" => Found::new(Effect::DataDelete, Reach::Live, "deletes every key of the database", BACKUP),
            "DEL" | "UNLINK" => Found::new(Effect::DataDelete, Reach::Live, "deletes keys", BACKUP).lesser(),
            "SHUTDOWN" => Found::new(Effect::Interrupt, Reach::Live, "stops the server", BACKUP),
            _ => continue,
        };
        walk.report(shell, call, Some(args), Some(program), found);
    }
    true
}
