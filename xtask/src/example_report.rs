//! A repository with twelve weeks of history and a record, made up and the same each time: what the pictures of the report are taken
//! from, and what its page is tested with in a browser.

use anyhow::{Context, bail};
use countersign_ledger::{Kind, Ledger, NewEntry};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The Monday that the twelve weeks begin with, at noon in UTC, in seconds since 1970: 2026-08-10.
const START: i64 = 1_786_363_200;

const DAY: i64 = 86_400;

const CONFIG: &str = r#"[objectives]
dependents = 20
detection = "5m"
review = "4h"
decision = "1d"
rollback = "4h"
percent = 90

[[mode]]
environment = ["staging"]
mode = "observe"
"#;

/// Files in which a number is another one each time somebody works on them.
const FILES: [(&str, &str); 5] = [
    (
        "live/prod/database.tf",
        "resource \"aws_db_instance\" \"orders\" {\n  identifier          = \"orders\"\n  engine              = \"postgres\"\n  \
         instance_class      = \"db.r6g.large\"\n  deletion_protection = true\n  allocated_storage   = NUMBER\n}\n",
    ),
    (
        "live/prod/queue.tf",
        "resource \"aws_sqs_queue\" \"orders\" {\n  name                      = \"orders\"\n  message_retention_seconds = NUMBER\n}\n",
    ),
    (
        "live/staging/database.tf",
        "resource \"aws_db_instance\" \"orders\" {\n  identifier        = \"orders-staging\"\n  engine            = \"postgres\"\n  \
         instance_class    = \"db.t4g.small\"\n  allocated_storage = NUMBER\n}\n",
    ),
    (
        "modules/functions/main.tf",
        "resource \"aws_lambda_function\" \"checkout\" {\n  function_name = \"checkout\"\n  role          = \"arn:aws:iam::123456789012:role/checkout\"\n  \
         memory_size   = NUMBER\n}\n",
    ),
    (
        "deploy/cart.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\n  namespace: shop\nspec:\n  replicas: NUMBER\n  selector:\n    matchLabels: {app: cart}\n  \
         template:\n    metadata:\n      labels: {app: cart}\n    spec:\n      containers:\n        - name: cart\n          image: shop/cart:1.4.2\n",
    ),
];

const AGENTS: [&str; 3] = ["claude", "copilot", "cursor"];

/// Makes it in a folder that is not there yet.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        bail!("{} is there already; name a folder that is not", folder.display());
    }
    fs::create_dir_all(folder)?;
    git(folder, START, &["init", "--quiet", "--initial-branch", "main"])?;
    fs::write(folder.join("countersign.toml"), CONFIG)?;
    for (index, (path, _)) in FILES.iter().enumerate() {
        write(folder, index, 1, path)?;
    }
    commit(folder, START - 7 * DAY, "What there is")?;
    let mut step: usize = 1;
    for week in 0..12 {
        // More of it is written by assistants from week to week.
        for one in 0..4 + week % 3 {
            step += 1;
            let index = (step * 7 + one) % FILES.len();
            let Some((path, _)) = FILES.get(index) else { continue };
            let line = write(folder, index, step, path)?;
            let at = START + i64::try_from(week * 7 + one)? * DAY;
            commit(folder, at, &format!("Another size for {path}"))?;
            match (step * 5 + week) % 12 {
                0 => {}
                by if by < 3 + week / 2 => note(folder, at, path, line, Some(AGENTS[step % AGENTS.len()]))?,
                _ => note(folder, at, path, line, None)?,
            }
        }
    }
    // At the end somebody's assistant takes a protection away.
    let path = "live/prod/database.tf";
    let text =
        fs::read_to_string(folder.join(path))?.replace("deletion_protection = true", "deletion_protection = false");
    fs::write(folder.join(path), text)?;
    commit(folder, START + 82 * DAY, "The plan failed, so off with it")?;
    note(folder, START + 82 * DAY, path, 5, Some("claude"))?;
    let state = folder.join(".git/countersign");
    fs::create_dir_all(&state)?;
    let mut ledger = Ledger::open(state.join("ledger.sqlite"))?;
    ledger.append(&entries())?;
    Ok(())
}

/// Writes a file with another number, and says in which line that is, from 1.
fn write(folder: &Path, index: usize, number: usize, path: &str) -> anyhow::Result<usize> {
    let (_, text) = FILES.get(index).context("a file")?;
    let file = folder.join(path);
    file.parent().map(fs::create_dir_all).transpose()?;
    // Each text as a review may have left it: with a number of its own.
    let before = fs::read_to_string(&file).unwrap_or_default();
    let is_off = before.contains("deletion_protection = false");
    let text = text.replace("NUMBER", &(number * 4).to_string());
    let text = if is_off { text.replace("deletion_protection = true", "deletion_protection = false") } else { text };
    fs::write(file, &text)?;
    let (_, original) = FILES.get(index).context("a file")?;
    let line = original.lines().position(|line| line.contains("NUMBER")).context("a number")?;
    Ok(line + 1)
}

fn git(folder: &Path, at: i64, arguments: &[&str]) -> anyhow::Result<String> {
    let date = format!("{at} +0000");
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn commit(folder: &Path, at: i64, message: &str) -> anyhow::Result<()> {
    git(folder, at, &["add", "--all"])?;
    git(folder, at, &["commit", "--quiet", "--message", message]).map(drop)
}

/// Notes on the last commit who wrote a line of it: an AI tool, or without one a person.
fn note(folder: &Path, at: i64, path: &str, line: usize, agent: Option<&str>) -> anyhow::Result<()> {
    let mut head = json!({ "schema_version": "authorship/3.0.0", "base_commit_sha": "", "prompts": {} });
    let key = if let Some(agent) = agent {
        head["sessions"] = json!({ "s_0123456789abcd": { "agent_id": { "tool": agent, "id": "1", "model": "m" } } });
        "s_0123456789abcd::t_0123456789abcd"
    } else {
        head["humans"] = json!({ "h_0123456789abcd": { "author": "Ann <ann@example.org>" } });
        "h_0123456789abcd"
    };
    let note = format!("{path}\n  {key} {line}\n---\n{head}");
    git(folder, at, &["notes", "--ref", "ai", "add", "--force", "--message", &note]).map(drop)
}

/// What was recorded, in order of its time.
fn entries() -> Vec<NewEntry> {
    let mut entries = Vec::new();
    for day in 0..83_i64 {
        let number = usize::try_from(day).unwrap_or_default();
        let agent = AGENTS[number * 5 % 7 % AGENTS.len()];
        let path = FILES[number % FILES.len()].0;
        let address = format!("aws_db_instance.orders{}", number % 4);
        let mut add = |minutes: i64, kind: Kind, file: Option<&str>, body: Value| {
            let at = (START + day * DAY + minutes * 60) * 1000;
            entries.push(NewEntry {
                at,
                kind,
                agent: Some(agent.to_owned()),
                person: None,
                file: file.map(str::to_owned),
                body,
            });
        };
        let risks =
            ["database-public", "destroys-data", "storage-unencrypted", "protection-removed", "open-admin-port"];
        let risk = risks[number * 3 % risks.len()];
        // A quarter of an hour before it was seen, and when somebody was asked.
        let [looked, asked] = [-15, 60 + day].map(|minutes| (START + day * DAY + minutes * 60) * 1000);
        let of = |more: Value| {
            let mut body = json!({ "risk": risk, "address": address, "session": "s", "dependents": number * 7 % 60 });
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            body
        };
        add(
            0,
            Kind::Insertion,
            Some(path),
            json!({ "bytes": 40 + number * 13 % 400, "session": "s", "authority": "reported" }),
        );
        if number % 3 != 1 {
            add(
                1 + day % 9,
                Kind::Finding,
                Some(path),
                of(json!({ "severity": "high", "state": "open", "lookedBefore": looked })),
            );
            let verdict = ["note", "review", "deny", "review"][number % 4];
            add(1 + day % 9, Kind::Verdict, Some(path), of(json!({ "verdict": verdict, "surface": "editor" })));
            if number % 4 == 1 {
                let body = json!({ "state": "approved", "review": "0123456789abcdef", "address": address, "requestedAt": asked });
                add(200 + day * 3, Kind::Approval, Some(path), body);
            }
            if number % 7 != 3 {
                add(240 + day, Kind::Finding, Some(path), of(json!({ "state": "gone", "mended": number % 5 != 2 })));
            }
        }
        if number % 6 == 2 {
            let body = json!({ "surface": "hook", "verdict": "deny", "risk": "destroys", "risks": ["destroys"], "command": "0a1b" });
            add(500, Kind::Verdict, None, body);
            add(503, Kind::Approval, None, json!({ "state": "requested", "request": "0a1b2c3d", "command": "0a1b" }));
            let state = if number % 4 == 0 { "approved" } else { "declined" };
            add(520, Kind::Approval, None, json!({ "state": state, "request": "0a1b2c3d", "command": "0a1b" }));
        }
        if number % 17 == 9 {
            let why = "was denied 4 times within ten minutes in one session.";
            add(530, Kind::Anomaly, None, json!({ "anomaly": "repeated-denials", "why": why, "session": "s" }));
        }
        if number % 23 == 11 {
            add(
                600,
                Kind::Correction,
                Some(path),
                json!({ "authority": "corrected", "bytes": 40, "corrects": "copilot" }),
            );
        }
    }
    entries
}
