//! Clients of databases: SQL, MongoDB, Redis and others.

use super::rule::Program;
use crate::args::Args;
use crate::call::{Call, Found};
use crate::context::File;
use crate::operation::Reach;
use crate::shell::{Shell, Stream, Walk, Word};
use crate::sql::{self, Dialect, Meta};

pub(super) const ASK: &str =
    "Show the statement to a person, with a `SELECT count(*)` of what it would hit, and let them run it.";

pub(super) const SQL_VARIABLES: &[&str] = &["PGHOST", "PGDATABASE", "PGSERVICE", "DATABASE_URL", "MYSQL_HOST"];
pub(super) const SQL: &[&str] = &[
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
    )
    .attached(&["-p"]),
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

/// A platform's program that opens a database's own client: `heroku pg:psql -c …`.
pub(super) fn by_platform(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
) -> bool {
    if !matches!(args.positional(0), Some("pg:psql" | "psql" | "db:psql")) {
        return false;
    }
    let spec = crate::args::Spec { valued: &["-c", "--command", "-a", "--app", "-f", "--file"], ..program.spec };
    let args = Args::parse(call.arguments(), &spec);
    run(walk, shell, call, &args, program, Dialect::Transactional, &["-c", "--command"], &["-f", "--file"]);
    true
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
