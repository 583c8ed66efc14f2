//! How long the report takes over a ledger of years.

use crate::programs::{commit_all, git};
use crate::table::{Row, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_ledger::{Kind, Ledger, NewEntry};
use countersign_testkit::run;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const ENTRIES: usize = 1_000_000;

/// Entries of one transaction.
const BATCH: usize = 10_000;

const DAY: i64 = 86_400_000;

/// Measures the page over a ledger with entries of all kinds over two years, of 2,000 files, whole process, its chain verified.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let (entries, samples) = if settings.quick { (10_000, 1) } else { (ENTRIES, 3) };
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    git(root, &["init", "-q"]);
    fs::write(root.join("main.tf"), "resource \"aws_s3_bucket\" \"a\" {\n}\n").expect("a file");
    commit_all(root);
    record(root, entries);
    let page = root.join("report.html");
    let report = |_| {
        let mut command = Command::new(COUNTERSIGN);
        command.args(["report", "--since", "700d", "--format", "html", "--output"]).arg(&page).current_dir(root);
        let begun = Instant::now();
        let output = run(&mut command, Duration::from_mins(5));
        let elapsed = begun.elapsed();
        assert!(output.status.success(), "{output:?}");
        elapsed
    };
    let times: Vec<Duration> = (0..samples).map(report).collect();
    let took = percentile(&times, 50);
    let bytes = fs::metadata(&page).expect("a page").len();
    let text = fs::read_to_string(&page).expect("a page");
    assert!(text.contains(&format!("intact, {entries} entries")), "the ledger was read");
    vec![
        Row::new(
            format!("Report over {entries} entries of the ledger, its chain verified, whole process, median"),
            "at most 5 s",
            format!("{:.2} s", took.as_secs_f64()),
            took <= Duration::from_secs(5),
        ),
        Row::new("The same: its page", "at most 1 MB", format!("{} kB", bytes / 1000), bytes <= 1_000_000),
    ]
}

/// A ledger in the repository, with as many entries.
pub(crate) fn record(root: &Path, entries: usize) {
    let state = root.join(".git/countersign");
    fs::create_dir_all(&state).expect("a folder");
    let mut ledger = Ledger::open(state.join("ledger.sqlite")).expect("a ledger");
    let now = jiff::Timestamp::now().as_millisecond();
    let first = now - 690 * DAY;
    let at = |number: usize| {
        let [number, all] = [number, entries].map(|number| i64::try_from(number).expect("it is small"));
        first + (now - first) / all * number
    };
    for batch in 0..entries / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let batch: Vec<NewEntry> = numbers.map(|number| entry(number, at(number))).collect();
        ledger.append(&batch).expect("it is recorded");
    }
}

/// One of many: of ten, four insertions, two findings that come and two that go, a verdict, and something else.
fn entry(number: usize, at: i64) -> NewEntry {
    let round = number / 10;
    let agent = ["claude", "copilot", "cursor", "gemini"][round % 4];
    let file = format!("live/stack{}/file{}.tf", round % 40, round % 2000);
    let risk = ["database-public", "destroys-data", "storage-unencrypted", "protection-removed"][round % 4];
    let address = |which: usize| format!("aws_db_instance.d{}", (round + which) % 7);
    let finding = |state: &str, which: usize| {
        json!({
            "risk": risk, "address": address(which), "session": format!("s{}", round % 5000), "severity": "high", "state": state,
            "dependents": round % 150, "mended": state == "gone" && !round.is_multiple_of(3),
        })
    };
    let (kind, body): (Kind, Value) = match number % 10 {
        0..=3 => {
            let session = format!("s{}", round % 5000);
            (
                Kind::Insertion,
                json!({ "authority": "reported", "bytes": 120, "session": session, "model": "m-1", "means": "hook" }),
            )
        }
        which @ (4 | 5) => (Kind::Finding, finding("open", which)),
        6 => {
            let verdict = ["note", "review", "deny"][round % 3];
            let mut body = finding("open", 4);
            body["verdict"] = verdict.into();
            body["surface"] = "editor".into();
            (Kind::Verdict, body)
        }
        which @ (7 | 8) => (Kind::Finding, finding("gone", which - 3)),
        _ => match round % 4 {
            0 => {
                let verdict = ["review", "deny"][round / 4 % 2];
                (Kind::Verdict, json!({ "surface": "hook", "verdict": verdict, "risk": risk, "risks": [risk] }))
            }
            1 => (
                Kind::Anomaly,
                json!({ "anomaly": "burst", "why": "changed what runs with 20 calls within two minutes." }),
            ),
            2 => (Kind::Approval, json!({ "state": "requested", "request": "0a1b2c3d", "command": "0a1b" })),
            _ => (Kind::Correction, json!({ "authority": "corrected", "bytes": 40, "corrects": "copilot" })),
        },
    };
    NewEntry { at, kind, agent: Some(agent.to_owned()), person: None, file: Some(file), body }
}
