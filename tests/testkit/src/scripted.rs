//! A history of 300 changes and 100 commands of agents, with ten incidents of which it is known what caused them.
//!
//! It was written before anything ranked causes. Around each cause stands what looks like one: a change of the very resource that
//! does nothing, a database of another environment that is replaced, something of production that is destroyed and has nothing to
//! do with it, and commands that destroy elsewhere.

use crate::run_on;
use countersign_ledger::{Entry, Filter, Kind, Ledger, NewEntry};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Changes and commands.
const CHANGES: usize = 300;
const COMMANDS: usize = 100;

/// The first change, in seconds since 1970: 2026-08-01T00:00:00Z. From one to the next it takes six hours.
const BEGIN: i64 = 1_785_542_400;
const STEP: i64 = 6 * 3600;

/// An incident, and what caused it.
pub struct Scene {
    /// What is asked of `countersign incident new`.
    pub arguments: Vec<String>,
    /// What was it: the subject of a commit, or a command.
    pub cause: Cause,
}

/// What caused an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A commit, by its subject.
    Commit(&'static str),
    /// A command of an agent, by its text.
    Command(&'static str),
}

impl Cause {
    /// Where it is among the candidates that `countersign incident new --format json` found, from 1.
    pub fn place(&self, found: &Value) -> Option<usize> {
        let is_it = |candidate: &Value| match self {
            Self::Commit(subject) => candidate["subject"] == **subject,
            Self::Command(text) => candidate["sha256"] == HEXLOWER.encode(&Sha256::digest(text.as_bytes())),
        };
        found["candidates"].as_array()?.iter().position(is_it).map(|place| place + 1)
    }
}

/// What a cause does to what is written: a text that is replaced by another one in a file.
struct Edit(&'static str, &'static str, &'static str);

/// How a command came to be run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Allowed,
    Approved,
    Overridden,
}

/// What happens around one incident.
struct Script {
    /// What is asked: resources or paths.
    asked: &'static [&'static str],
    cause: Scripted,
}

enum Scripted {
    Commit { subject: &'static str, by_ai: bool, edit: Edit },
    Command { text: &'static str, folder: &'static str, way: Way },
}

const SCRIPTS: [Script; 10] = [
    Script {
        asked: &["--resource", "live/prod:aws_db_instance.orders"],
        cause: Scripted::Commit {
            subject: "Move orders to MySQL",
            by_ai: true,
            edit: Edit("live/prod/db.tf", "\"orders\"\n  engine = \"postgres\"", "\"orders\"\n  engine = \"mysql\""),
        },
    },
    Script {
        asked: &["--resource", "aws_lb.front"],
        cause: Scripted::Commit {
            subject: "Renumber the second subnet",
            by_ai: false,
            edit: Edit("live/prod/network.tf", "10.0.2.0/24", "10.0.12.0/24"),
        },
    },
    Script {
        asked: &["--resource", "Deployment shop/checkout"],
        cause: Scripted::Command {
            text: "kubectl delete deployment checkout -n shop",
            folder: "k8s/shop",
            way: Way::Allowed,
        },
    },
    Script {
        asked: &["--resource", "aws_lb.front"],
        cause: Scripted::Commit {
            subject: "Tidy the rules of the web group",
            by_ai: true,
            edit: Edit(
                "live/prod/network.tf",
                "  ingress {\n    from_port = 443\n    to_port = 443\n    protocol = \"tcp\"\n    cidr_blocks = [\"10.0.0.0/8\"]\n  }\n",
                "",
            ),
        },
    },
    Script {
        asked: &["--path", "live/prod/cache.tf"],
        cause: Scripted::Command { text: "terraform apply -auto-approve", folder: "live/prod", way: Way::Allowed },
    },
    Script {
        asked: &["--resource", "Service shop/search"],
        cause: Scripted::Commit {
            subject: "Save some pods",
            by_ai: true,
            edit: Edit("k8s/shop/search.yaml", "replicas: 3", "replicas: 0"),
        },
    },
    Script {
        asked: &["--resource", "aws_db_instance.billing"],
        cause: Scripted::Command {
            text: "aws rds delete-db-instance --db-instance-identifier billing --skip-final-snapshot",
            folder: "live/prod",
            way: Way::Approved,
        },
    },
    Script {
        asked: &["--path", "migrations/**"],
        cause: Scripted::Commit {
            subject: "Drop what nobody reads",
            by_ai: true,
            edit: Edit("migrations/0900_totals.sql", "", "ALTER TABLE orders DROP COLUMN total;\n"),
        },
    },
    Script {
        asked: &["--resource", "aws_s3_bucket.invoices"],
        cause: Scripted::Command {
            text: "terraform destroy -target=aws_s3_bucket.invoices -auto-approve",
            folder: "live/prod",
            way: Way::Overridden,
        },
    },
    Script {
        asked: &["--resource", "aws_autoscaling_group.web"],
        cause: Scripted::Commit {
            subject: "Other sizes",
            by_ai: false,
            edit: Edit("live/prod/terraform.tfvars", "web_count = 6", "web_count = 0"),
        },
    },
];

/// The resource that a harmless change next to the cause touches, by what is asked.
const TOUCHED: [&str; 10] =
    ["orders", "front", "checkout", "front", "sessions", "search", "billing", "0500_note.sql", "invoices", "web"];

/// Commands that are none of the causes, with their folders.
const OTHERS: [(&str, &str); 12] = [
    ("ls -la", ""),
    ("git status", ""),
    ("terraform plan", "live/prod"),
    ("kubectl get pods -n shop", "k8s/shop"),
    ("terraform destroy -auto-approve", "live/staging"),
    ("kubectl delete pod debug-1 -n sandbox", ""),
    ("aws s3 rm s3://scratch-7 --recursive", ""),
    ("rm -rf build", ""),
    ("terraform fmt -recursive", "live"),
    ("psql -h db.staging.example.com -c 'DROP TABLE tmp_import'", ""),
    ("make test", ""),
    ("kubectl rollout restart deployment/cart -n shop", "k8s/shop"),
];

/// Files by their paths.
type Files = BTreeMap<String, String>;

/// One change.
struct Change {
    subject: String,
    by_ai: bool,
    files: Files,
}

/// The commit that is the last good one of a script, and the cause, by their numbers.
const fn of_script(script: usize) -> (usize, usize) {
    (script * 29 + 3, script * 29 + 18)
}

fn change(number: usize, files: &Files) -> Change {
    let mut files = files.clone();
    for (script, Script { cause, .. }) in SCRIPTS.iter().enumerate() {
        let (_, at) = of_script(script);
        let Scripted::Commit { subject, by_ai, edit: Edit(path, from, to) } = cause else { continue };
        if at == number {
            let text = files.entry((*path).to_owned()).or_default();
            assert!(text.contains(from), "{path} has what is replaced");
            *text = if from.is_empty() { (*to).to_owned() } else { text.replacen(from, to, 1) };
            return Change { subject: (*subject).to_owned(), by_ai: *by_ai, files };
        }
        // It is mended behind the time that is asked about.
        if at + 14 == number && !from.is_empty() {
            let text = files.entry((*path).to_owned()).or_default();
            *text = if to.is_empty() {
                text.replacen("  egress {", &format!("{from}  egress {{"), 1)
            } else {
                text.replacen(to, from, 1)
            };
            return Change { subject: format!("Mend {number}"), by_ai: false, files };
        }
    }
    let (script, place) = (number / 29, number % 29);
    let by_ai = number.is_multiple_of(2);
    let subject = match place {
        // The very resource of the incident, in a way that does nothing.
        24 if script < SCRIPTS.len() => {
            let touched = TOUCHED[script];
            touch(&mut files, touched, number);
            format!("Label {touched} {number}")
        }
        13 => {
            let text = files.entry("live/staging/db.tf".to_owned()).or_default();
            let is_postgres = text.contains("engine = \"postgres\"");
            let (from, to) = if is_postgres { ("postgres", "mysql") } else { ("mysql", "postgres") };
            *text = text.replacen(&format!("engine = \"{from}\""), &format!("engine = \"{to}\""), 1);
            format!("Try {to} in staging {number}")
        }
        6 => {
            files.insert("live/prod/scratch.tf".to_owned(), bucket("scratch", number));
            format!("A place for experiments {number}")
        }
        21 => {
            files.remove("live/prod/scratch.tf");
            format!("Remove the place for experiments {number}")
        }
        _ => match number % 5 {
            0 => {
                let text = files.entry("README.md".to_owned()).or_default();
                let _ = writeln!(text, "\nNote {number}.");
                format!("Explain {number}")
            }
            1 => {
                touch(&mut files, ["users", "exports", "vpc", "cart"][number / 5 % 4], number);
                format!("Label things {number}")
            }
            2 => {
                let path = format!("migrations/{number:04}_table.sql");
                files.insert(path, format!("CREATE TABLE extra_{number} (id bigint PRIMARY KEY);\n"));
                format!("A table {number}")
            }
            3 => {
                files.insert(format!("live/prod/extra-{}.tf", number % 7), bucket("extra", number % 7 + 100 * number));
                format!("A bucket {number}")
            }
            _ => {
                let text = files.entry("k8s/shop/cart.yaml".to_owned()).or_default();
                let next = format!("memory: {}Mi", 200 + number);
                let from = text.lines().find(|line| line.contains("memory:")).unwrap_or_default().trim().to_owned();
                *text = text.replacen(&from, &next, 1);
                format!("More memory for the cart {number}")
            }
        },
    };
    Change { subject, by_ai, files }
}

/// Changes the label of a resource.
fn touch(files: &mut Files, name: &str, number: usize) {
    if name.contains(".sql") {
        files.insert(format!("migrations/{name}"), format!("COMMENT ON TABLE orders IS 'note {number}';\n"));
        return;
    }
    let label = format!("revision-of-{name}");
    for text in files.values_mut() {
        let Some(line) = text.lines().find(|line| line.contains(&label)).map(str::to_owned) else { continue };
        let start = line.split(&label).next().unwrap_or_default();
        let sign = if line.contains(" = ") { " = " } else { ": " };
        *text = text.replacen(&line, &format!("{start}{label}{sign}\"{number}\""), 1);
    }
}

fn bucket(name: &str, number: usize) -> String {
    format!("resource \"aws_s3_bucket\" \"{name}-{number}\" {{\n  bucket = \"{name}-{number}\"\n}}\n")
}

fn tags(name: &str) -> String {
    format!("  tags = {{\n    revision-of-{name} = \"0\"\n  }}\n")
}

fn database(name: &str) -> String {
    format!(
        "resource \"aws_db_instance\" \"{name}\" {{\n  identifier = \"{name}\"\n  engine = \"postgres\"\n  instance_class = \"db.r6g.large\"\n  \
         allocated_storage = 100\n  storage_encrypted = true\n  backup_retention_period = 14\n  deletion_protection = true\n  \
         db_subnet_group_name = aws_db_subnet_group.main.name\n  vpc_security_group_ids = [aws_security_group.db.id]\n{}}}\n\n",
        tags(name)
    )
}

fn network() -> String {
    let subnet = |name: &str, cidr: &str| {
        format!("resource \"aws_subnet\" \"{name}\" {{\n  vpc_id = aws_vpc.main.id\n  cidr_block = \"{cidr}\"\n}}\n\n")
    };
    let ingress = |port: usize| {
        format!(
            "  ingress {{\n    from_port = {port}\n    to_port = {port}\n    protocol = \"tcp\"\n    cidr_blocks = [\"10.0.0.0/8\"]\n  }}\n"
        )
    };
    let egress = "  egress {\n    from_port = 0\n    to_port = 0\n    protocol = \"-1\"\n    cidr_blocks = [\"10.0.0.0/8\"]\n  }\n";
    let group = |name: &str, port: usize| {
        format!(
            "resource \"aws_security_group\" \"{name}\" {{\n  name = \"{name}\"\n  vpc_id = aws_vpc.main.id\n{}{egress}}}\n\n",
            ingress(port)
        )
    };
    format!(
        "resource \"aws_vpc\" \"main\" {{\n  cidr_block = \"10.0.0.0/16\"\n{}}}\n\n{}{}{}{}resource \"aws_db_subnet_group\" \"main\" {{\n  \
         name = \"main\"\n  subnet_ids = [aws_subnet.c.id]\n}}\n",
        tags("vpc"),
        subnet("a", "10.0.1.0/24"),
        subnet("b", "10.0.2.0/24"),
        subnet("c", "10.0.3.0/24"),
        group("web", 443) + &group("db", 5432),
    )
}

fn app() -> String {
    format!(
        "resource \"aws_launch_template\" \"web\" {{\n  name = \"web\"\n  image_id = \"ami-12345678\"\n  instance_type = \"m6i.large\"\n}}\n\n\
         resource \"aws_autoscaling_group\" \"web\" {{\n  name = \"web\"\n  min_size = var.web_count\n  max_size = 20\n  desired_capacity = var.web_count\n  \
         vpc_zone_identifier = [aws_subnet.a.id]\n  target_group_arns = [aws_lb_target_group.web.arn]\n  \
         launch_template {{\n    id = aws_launch_template.web.id\n  }}\n  tag {{\n    key = \"app\"\n    value = \"web\"\n    propagate_at_launch = true\n  }}\n}}\n\n\
         resource \"aws_lb_target_group\" \"web\" {{\n  name = \"web\"\n  port = 443\n  protocol = \"HTTPS\"\n  vpc_id = aws_vpc.main.id\n{}}}\n\n\
         resource \"aws_lb\" \"front\" {{\n  name = \"front\"\n  subnets = [aws_subnet.a.id, aws_subnet.b.id]\n  \
         security_groups = [aws_security_group.web.id]\n{}}}\n\n\
         resource \"aws_route53_record\" \"front\" {{\n  zone_id = \"Z1\"\n  name = \"www\"\n  type = \"CNAME\"\n  ttl = 60\n  records = [aws_lb.front.dns_name]\n}}\n",
        tags("web"),
        tags("front"),
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations:\n    revision-of-{name}: \"0\"\nspec:\n  \
         replicas: 3\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n    spec:\n      \
         containers:\n        - name: web\n          image: registry.example.com/{name}:1.0.0\n          resources:\n            limits:\n              \
         memory: 200Mi\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  selector:\n    app: {name}\n  ports:\n    - port: 80\n"
    )
}

/// How it begins.
fn first() -> Files {
    let cache = format!(
        "resource \"aws_elasticache_replication_group\" \"sessions\" {{\n  replication_group_id = \"sessions\"\n  description = \"sessions\"\n  \
         num_cache_clusters = 2\n  at_rest_encryption_enabled = true\n{}}}\n",
        tags("sessions")
    );
    let kept = |name: &str| {
        format!("resource \"aws_s3_bucket\" \"{name}\" {{\n  bucket = \"shop-{name}\"\n{}}}\n\n", tags(name))
    };
    let files = [
        ("README.md", "# The shop\n".to_owned()),
        ("live/prod/network.tf", network()),
        ("live/prod/db.tf", database("orders") + &database("billing") + &database("users")),
        ("live/prod/cache.tf", cache),
        ("live/prod/app.tf", app()),
        ("live/prod/storage.tf", kept("invoices") + &kept("exports")),
        ("live/prod/variables.tf", "variable \"web_count\" {\n  type = number\n}\n".to_owned()),
        ("live/prod/terraform.tfvars", "web_count = 6\n".to_owned()),
        ("live/staging/db.tf", database("orders").replace("revision-of-orders", "revision-in-staging")),
        ("k8s/shop/checkout.yaml", service("checkout")),
        ("k8s/shop/search.yaml", service("search")),
        ("k8s/shop/cart.yaml", service("cart")),
        (
            "migrations/0001_init.sql",
            "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);\n".to_owned(),
        ),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

/// Writes the history into an empty folder, and lets the agents' hook of a program record the commands there. Returns what is asked
/// of it.
///
/// The entries of the ledger are those that the hook wrote, with the times of the script.
pub fn scripted(root: &Path, program: &Path) -> Vec<Scene> {
    let git = |arguments: &[&str], input: Stdio| {
        let mut git = Command::new("git");
        git.current_dir(root).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = run_on(&mut git, input, Duration::from_mins(2));
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q", "-b", "main"], Stdio::null());
    git(&["config", "user.name", "Ann"], Stdio::null());
    git(&["config", "user.email", "ann@example.org"], Stdio::null());
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(imported().as_bytes()).expect("it is written");
    std::io::Seek::rewind(&mut file).expect("it begins again");
    git(&["fast-import", "--quiet"], Stdio::from(file));
    git(&["reset", "-q", "--hard", "main"], Stdio::null());
    record(root, program);
    SCRIPTS.iter().enumerate().map(|(number, script)| scene(number, script)).collect()
}

/// All commits, as `git fast-import` reads them.
fn imported() -> String {
    let mut out = String::new();
    let mut files = first();
    let mut known = Files::new();
    for number in 0..CHANGES {
        let (subject, by_ai) = if number == 0 {
            ("The shop".to_owned(), false)
        } else {
            let change = change(number, &files);
            files = change.files;
            (change.subject, change.by_ai)
        };
        let number = i64::try_from(number).expect("it is small");
        let mark = if by_ai { "\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n" } else { "\n" };
        let message = format!("{subject}{mark}");
        let _ = write!(
            out,
            "commit refs/heads/main\ncommitter Ann <ann@example.org> {} +0000\ndata {}\n{message}",
            BEGIN + number * STEP,
            message.len()
        );
        for path in known.keys().filter(|path| !files.contains_key(*path)) {
            let _ = writeln!(out, "D {path}");
        }
        for (path, text) in files.iter().filter(|(path, text)| known.get(*path) != Some(text)) {
            let _ = write!(out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        known.clone_from(&files);
    }
    out
}

fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).expect("a moment").to_string()
}

fn scene(number: usize, Script { asked, cause }: &Script) -> Scene {
    let (first, at) = of_script(number);
    let time = |number: usize| BEGIN + i64::try_from(number).expect("it is small") * STEP;
    let window = ["--from".to_owned(), moment(time(first) + 60), "--until".to_owned(), moment(time(at + 8) + 60)];
    let cause = match cause {
        Scripted::Commit { subject, .. } => Cause::Commit(subject),
        Scripted::Command { text, .. } => Cause::Command(text),
    };
    Scene { arguments: window.into_iter().chain(asked.iter().map(|word| (*word).to_owned())).collect(), cause }
}

/// A command, when it was run, where and how.
type Ran = (i64, &'static str, &'static str, Way);

fn commands() -> Vec<Ran> {
    let all = i64::try_from(CHANGES).expect("it is small") * STEP;
    let causes = SCRIPTS.iter().enumerate().filter_map(|(number, script)| match script.cause {
        Scripted::Command { text, folder, way } => {
            let at = i64::try_from(of_script(number).1).expect("it is small") * STEP;
            Some((BEGIN + at + 600, text, folder, way))
        }
        Scripted::Commit { .. } => None,
    });
    let causes: Vec<Ran> = causes.collect();
    let others = COMMANDS - causes.len();
    let other = |number: usize| {
        let (text, folder) = OTHERS[number % OTHERS.len()];
        let number = i64::try_from(number).expect("it is small");
        (BEGIN + all / i64::try_from(others).expect("it is small") * number + 1200, text, folder, Way::Allowed)
    };
    let mut ran: Vec<Ran> = (0..others).map(other).chain(causes).collect();
    ran.sort_unstable_by_key(|(at, ..)| *at);
    ran
}

/// Lets the hook record every command, and gives the entries the times of the script.
fn record(root: &Path, program: &Path) {
    let ledger = root.join(".git/countersign/ledger.sqlite");
    let mut entries: Vec<NewEntry> = Vec::new();
    let mut seen = 0;
    for (number, (at, text, folder, way)) in commands().into_iter().enumerate() {
        let session = format!("session-{}", number / 10);
        for event in ["PreToolUse", "PostToolUse"] {
            // What was approved, the hook lets through, which takes a person at a terminal.
            if way == Way::Approved && event == "PreToolUse" {
                let body =
                    json!({ "state": "used", "request": "0a1b2c3d", "session": session, "effects": ["data-delete"] });
                entries.push(NewEntry {
                    at: at * 1000,
                    kind: Kind::Approval,
                    agent: Some("claude".to_owned()),
                    person: None,
                    file: None,
                    body,
                });
                continue;
            }
            hook(
                program,
                &json!({
                    "session_id": session, "cwd": root.join(folder), "hook_event_name": event, "tool_name": "Bash",
                    "tool_use_id": format!("call-{number}"), "tool_input": { "command": text }, "tool_response": {},
                }),
            );
        }
        if !ledger.exists() {
            continue;
        }
        let mut numbered = 0;
        let written = Ledger::open(&ledger).expect("a ledger");
        written
            .entries(&Filter::default(), |entry| {
                numbered += 1;
                if numbered > seen {
                    entries.push(timed(entry, at * 1000));
                }
                ControlFlow::Continue(())
            })
            .expect("it is read");
        seen = numbered;
    }
    std::fs::remove_dir_all(root.join(".git/countersign")).expect("the state");
    std::fs::create_dir_all(root.join(".git/countersign")).expect("a folder");
    Ledger::open(ledger).expect("a ledger").append(&entries).expect("it is recorded");
}

fn timed(entry: Entry, at: i64) -> NewEntry {
    let name = |named: Option<countersign_ledger::Named>| named.map(|named| named.to_string());
    NewEntry {
        at,
        kind: entry.kind,
        agent: entry.agent,
        person: name(entry.person),
        file: name(entry.file),
        body: entry.body,
    }
}

fn hook(program: &Path, payload: &Value) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(payload.to_string().as_bytes()).expect("it is written");
    std::io::Seek::rewind(&mut file).expect("it begins again");
    let mut hook = Command::new(program);
    hook.args(["hook", "claude-code"]);
    let output = run_on(&mut hook, Stdio::from(file), Duration::from_mins(1));
    assert!(output.status.success(), "{output:?}");
}
