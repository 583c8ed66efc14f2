//! Stores that do not speak SQL, and programs that look after databases: MongoDB, Redis, etcd, restoring, dropping.

use super::databases::{ASK, SQL, SQL_VARIABLES};
use super::rule::{Program, When, rule};
use crate::args::Args;
use crate::call::{Call, Found, has_ending};
use crate::context::File;
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Stream, Walk, Word, short};

const BACKUP: &str = "Say what is to go and why, and let a person do it after a backup.";

pub(super) const PROGRAMS: &[Program] = &[
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
            rule("db:drop|db:reset|db:schema:load", Effect::DataDelete, "drops the application's database", BACKUP)
                .lesser(),
            rule("db:drop:all", Effect::DataDelete, "drops the application's databases", BACKUP).lesser(),
        ],
        variables: &["RAILS_ENV", "RACK_ENV", "DATABASE_URL"],
        ..Program::new(&["rails", "rake"], &[])
    },
    Program {
        rules: &[rule(
            "migrate:fresh|migrate:reset|db:wipe",
            Effect::DataDelete,
            "drops the application's database",
            BACKUP,
        )
        .lesser()],
        variables: &["APP_ENV", "DATABASE_URL"],
        evidence: &["--env", "--database"],
        dry: &["--pretend"],
        ..Program::new(&["artisan"], &["--env", "--database", "--path"])
    },
    Program {
        rules: &[rule("flush|reset_db", Effect::DataDelete, "deletes every row of the application's database", BACKUP)
            .lesser()],
        variables: &["DJANGO_SETTINGS_MODULE", "DATABASE_URL"],
        evidence: &["--settings", "--database"],
        ..Program::new(
            &["manage.py", "django-admin"],
            &["--settings", "--database", "--pythonpath", "-v", "--verbosity"],
        )
    },
    Program {
        variables: &["DATABASE_URL"],
        rules: &[
            rule("migrate reset", Effect::DataDelete, "drops the application's database", BACKUP).lesser(),
            rule("db push", Effect::DataDelete, "changes the database and accepts the loss of data", BACKUP)
                .when(&[When::Has(&["--accept-data-loss", "--force-reset"])]),
        ],
        ..Program::new(&["prisma"], &["--schema"])
    },
];

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
