//! What it costs to know who wrote what.

use crate::document::terraform;
use crate::programs::{git, hook};
use crate::table::{Row, ms, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_engine::{Change, Document, Evidence, Policy, Snapshot, Workspace, analyze, read};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_provenance::{Agent, Authority, Means, Origin, Writer};
use countersign_syntax::Budget;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Lines of the file that an agent edits, and of the one that is blamed, with its commits.
const EDITED_LINES: usize = 1_000;
const BLAMED_LINES: usize = 5_000;
const COMMITS: usize = 200;

/// Regions of one document.
const REGIONS: usize = 10_000;

/// Lines of the file that patterns limit, and how many of them an AI wrote.
const LIMITED_LINES: usize = 5_000;
const BY_AI: usize = 1_000;

/// Measures the recording hook, `blame`, the upkeep of regions, and what patterns cost.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    vec![recording(if settings.quick { 3 } else { 40 }), blame(settings), upkeep(), patterns()]
}

/// A folder in which git keeps a repository.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q"]);
    folder
}

fn recording(edits: usize) -> Row {
    let folder = repository();
    let file = folder.path().join("main.tf");
    let mut text: String = (0..EDITED_LINES).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "variable \"name_{line}\" {{}}");
        text
    });
    fs::write(&file, &text).expect("the file is written");
    let payload = folder.path().join("payload");
    let mut times = Vec::new();
    for edit in 0..edits {
        let old = format!("variable \"name_{}\" {{}}", edit * 20);
        let new = format!("{old}\nvariable \"new_{edit}\" {{}}");
        for event in ["PreToolUse", "PostToolUse"] {
            if event == "PostToolUse" {
                text = text.replacen(&old, &new, 1);
                fs::write(&file, &text).expect("the file is written");
            }
            let said = json!({
                "session_id": "s", "cwd": folder.path(), "hook_event_name": event, "tool_name": "Edit",
                "tool_use_id": edit.to_string(), "tool_response": {},
                "tool_input": { "file_path": file, "old_string": old, "new_string": new },
            });
            let (time, output) = hook(&payload, &said);
            // Before an edit it judges, too, which is another figure.
            if event == "PostToolUse" {
                times.push(time);
            }
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
    }
    let median = percentile(&times, 50);
    Row::new(
        "Recording hook after an edit, whole process, 1,000 lines, median",
        "at most 15 ms",
        format!("{:.1} ms", ms(median)),
        ms(median) <= 15.0,
    )
}

fn blame(settings: &Settings) -> Row {
    let folder = repository();
    let file = folder.path().join("main.tf");
    let mut lines: Vec<String> = (0..BLAMED_LINES).map(|line| format!("line_{line} = 0")).collect();
    let commits = if settings.quick { 5 } else { COMMITS };
    for commit in 0..commits {
        for line in (commit..BLAMED_LINES).step_by(COMMITS) {
            lines[line] = format!("line_{line} = {commit}");
        }
        fs::write(&file, lines.join("\n") + "\n").expect("the file is written");
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "-m", "change"]);
        let note = format!(
            "main.tf\n  s_{commit:014x}::t_{commit:014x} 1-{BLAMED_LINES}\n---\n{}",
            json!({
                "schema_version": "authorship/3.0.0", "base_commit_sha": "", "prompts": {},
                "sessions": { format!("s_{commit:014x}"): { "agent_id": { "tool": "claude", "id": "1", "model": "m" } } },
            })
        );
        git(folder.path(), &["notes", "--ref", "ai", "add", "-f", "-m", &note]);
    }
    let time = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(arguments);
        let begun = Instant::now();
        let output = command.output().expect("the command runs");
        assert!(output.status.success(), "{output:?}");
        begun.elapsed()
    };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..if settings.quick { 2 } else { 15 } {
        theirs.push(time("git", &["blame", "main.tf"]));
        ours.push(time(COUNTERSIGN, &["blame", "main.tf"]));
    }
    let (theirs, ours) = (percentile(&theirs, 50), percentile(&ours, 50));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    Row::new(
        "`blame` of 5,000 lines with 200 commits against `git blame`",
        "at most 2×",
        format!("{ratio:.2}×: {:.0} ms of {:.0} ms", ms(ours), ms(theirs)),
        ratio <= 2.0,
    )
}

/// How long one edit of a document takes that has ten thousand regions.
fn upkeep() -> Row {
    let text = "key = \"a value\"\n".repeat(REGIONS);
    let line = text.len() / REGIONS;
    let mut document = Document::new(Language::Terraform, 1, &text);
    for region in 0..REGIONS {
        let agent = Agent { tool: "claude".to_owned(), session: Some(region.to_string()), ..Agent::default() };
        let origin = Origin {
            writer: Writer::Ai(agent),
            authority: Authority::Observed,
            means: Some(Means::Agent),
            corrects: None,
        };
        let range = region * line..region * line + 3;
        let evidence = Evidence { origin: Some(origin), means: Means::Agent };
        document.evidence(1, evidence, Box::new(move |_| vec![range.clone()]));
    }
    assert_eq!(document.snapshot().regions.len(), REGIONS, "regions are kept apart");
    let mut times = Vec::new();
    for edit in 0..2_000 {
        let at = (edit * 7_919) % REGIONS * line + 8;
        let change = if edit % 2 == 0 {
            Change { range: Some(at..at), text: "x".to_owned() }
        } else {
            let at = ((edit - 1) * 7_919) % REGIONS * line + 8;
            Change { range: Some(at..at + 1), text: String::new() }
        };
        let begun = Instant::now();
        document.change(i32::try_from(edit).unwrap_or_default() + 2, [change], |_, change| change);
        times.push(begun.elapsed());
    }
    let median = percentile(&times, 50);
    Row::new(
        "An edit of a document with 10,000 regions, median",
        "at most 50 µs",
        format!("{:.1} µs; p99 {:.1} µs", ms(median) * 1e3, ms(percentile(&times, 99)) * 1e3),
        ms(median) <= 0.05,
    )
}

/// How much longer one edit takes where a pattern keeps from AI tools what they wrote a thousand lines of.
fn patterns() -> Row {
    let row = "[[pattern]]\nenvironment = [\"production\"]\n[pattern.only]\nkinds = [\"aws_sqs_*\"]\n";
    let [without, with] = ["", row].map(edits_under);
    let (without, with) = (percentile(&without, 50), percentile(&with, 50));
    let more = ms(with) - ms(without);
    Row::new(
        format!("An edit of {LIMITED_LINES} lines with {BY_AI} AI regions, all of them outside of a pattern, median"),
        "at most 2 ms more than without",
        format!("{more:.2} ms more: {:.2} ms of {:.2} ms", ms(with), ms(without)),
        more <= 2.0,
    )
}

/// How long edits take under a policy, from the change to the findings.
fn edits_under(policy: &str) -> Vec<Duration> {
    let (config, problems) = Config::read(policy);
    assert!(problems.is_empty(), "{problems:?}");
    let policy = Policy::new(&config, Surface::Editor, jiff::civil::date(2026, 1, 1));
    let policy = Policy { root: "/shop".to_owned(), ..policy };
    let text = terraform(LIMITED_LINES, 0).text;
    let snapshot = Snapshot { file: "/shop/live/prod/main.tf".into(), ..Snapshot::new(Language::Terraform, 0, "") };
    let mut document = Document::of(snapshot);
    let change = Change { range: Some(0..0), text: text.clone() };
    document.change(1, [change], |_: &countersign_text::Text, change| change);
    let agent = Agent { tool: "claude".to_owned(), ..Agent::default() };
    let origin =
        Origin { writer: Writer::Ai(agent), authority: Authority::Observed, means: Some(Means::Agent), corrects: None };
    let mut at = 0;
    let mut lines = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number.is_multiple_of(LIMITED_LINES / BY_AI) {
            lines.push(at..at + line.len());
        }
        at += line.len();
    }
    document.evidence(1, Evidence { origin: Some(origin), means: Means::Agent }, Box::new(move |_| lines.clone()));
    let mut workspace = Workspace::default();
    let mut times = Vec::new();
    let middle = text.find("description").expect("it is there");
    for edit in 0..400 {
        let change = if edit % 2 == 0 {
            Change { range: Some(middle..middle), text: "x".to_owned() }
        } else {
            Change { range: Some(middle..middle + 1), text: String::new() }
        };
        let begun = Instant::now();
        document.change(edit + 2, [change], |_: &countersign_text::Text, change| change);
        let snapshot = document.snapshot().clone();
        assert!(read(&snapshot, &mut Budget::unbounded()), "unbounded");
        document.index(&mut workspace);
        let found = analyze(&snapshot, &workspace, &policy, &mut Budget::unbounded()).expect("unbounded").findings;
        times.push(begun.elapsed());
        assert_eq!(found.iter().any(|finding| finding.risk == "outside-pattern"), !config.pattern.is_empty());
    }
    times
}
