//! The same change judged by an editor, `check`, an agent's hook and the gate: the same verdict, on 200 changes.
//!
//! The four see different things of a change, so they are compared in what they see of the same:
//!
//! - The editor and `check` see the text and what is recorded of it: the same findings, each with its place and verdict. What an
//!   editor alone does is ask who wrote something.
//! - A clone sees the notes of commits in the place of what is recorded: the same findings and verdicts again.
//! - A hook sees what an agent's edit brings, before it is made, and says the worst of it. It knows that an agent makes the edit
//!   also where no text is left that would say so, of a deletion for instance; `check --assume-origin ai` says what that comes to.
//!   What was so before is no reason to stop an edit, and is at most to be reviewed.
//! - The gate sees which parts changed, and tells the worst verdict of each by the row of `[[require]]` that holds. What nobody
//!   knows the writer of counts as an AI's there where it matters most, and so does what an AI's change does to what is live.
//!
//! The cases stand in four repositories, because a hundred impacts are the most of which it is worked out who depends on it.

mod cases;

use crate::cli::{countersign, report};
use crate::editor::{COUNTERSIGN, Editor, LIMIT, Workspace, capabilities_but};
use cases::{Case, POLICIES, Tool, Writer, cases, policy};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

/// Cases in one repository.
const EACH: u64 = 50;

/// Verdicts, each worse than the one before.
const VERDICTS: [&str; 4] = ["allow", "note", "review", "deny"];

/// Risks that are about what happens to what is live.
const LIVE: [&str; 7] =
    ["destroys", "destroys-data", "replaces", "impact-unknown", "interrupts", "protection-removed", "widens"];

#[test]
fn the_first_fifty() {
    are_judged_alike(0);
}

#[test]
fn the_second_fifty() {
    are_judged_alike(1);
}

#[test]
fn the_third_fifty() {
    are_judged_alike(2);
}

#[test]
fn the_last_fifty() {
    are_judged_alike(3);
}

fn are_judged_alike(quarter: u64) {
    let cases = cases(quarter * EACH..(quarter + 1) * EACH);
    let workspace = repository(&cases);
    let before = checked(&workspace, &["--assume-origin", "ai"]);
    let mut editor = open(&workspace, &cases);
    let answers = make(&workspace, &mut editor, &cases);

    let now = checked(&workspace, &[]);
    let by_ai = checked(&workspace, &["--assume-origin", "ai"]);
    let mut wrong = shown_otherwise(&mut editor, &now);
    drop(editor);
    for case in cases.iter().filter(|case| case.writer == Writer::Agent) {
        wrong.extend(answered_otherwise(case, &answers[&case.file], &before, &by_ai));
    }

    commit(&workspace, &cases);
    let clone = checked(&workspace, &[]);
    wrong.extend(differences("with the note of the commit", &in_words(&now), &in_words(&clone)));
    let clone_by_ai = checked(&workspace, &["--assume-origin", "ai"]);
    let gate = countersign(&workspace, &["gate", "--base", "main", "--format", "json"]);
    let gate: Value = serde_json::from_str(&gate.stdout).unwrap_or_else(|_| panic!("{}", gate.stderr));
    assert_eq!(gate["problems"], json!([]));
    wrong.extend(gated_otherwise(&gate, &before, &clone, &clone_by_ai));
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));

    // It was about something.
    let rows: Vec<&Value> = gate["changes"].as_array().expect("changes").iter().map(|change| &change["row"]).collect();
    for (verdict, row) in [(3, 1), (2, 2)] {
        let said = answers.values().filter(|(answer, _)| *answer == verdict).count();
        let passed = rows.iter().filter(|it| **it == row).count();
        assert!(said > 0 && passed > 2, "{}: {said} of the hook, {passed} of the gate", VERDICTS[verdict]);
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    file: String,
    risk: String,
    /// First line and character, last line and character.
    place: [u64; 4],
    address: String,
    verdict: usize,
    message: String,
    is_unknown: bool,
}

impl Told {
    fn of(finding: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            file: text(&finding["path"]),
            risk: text(&finding["risk"]),
            place: place(&finding["range"]),
            address: text(&finding["resource"]["address"]),
            verdict: rank(&finding["verdict"]),
            message: text(&finding["message"]),
            is_unknown: finding["origin"]["by"] == "unknown",
        }
    }

    /// Whether two are the same risk of the same resource.
    fn is_of(&self, other: &Self) -> bool {
        (&self.file, &self.risk, &self.address) == (&other.file, &other.risk, &other.address)
    }
}

fn place(range: &Value) -> [u64; 4] {
    [("start", "line"), ("start", "character"), ("end", "line"), ("end", "character")]
        .map(|(edge, part)| range[edge][part].as_u64().expect("a number"))
}

fn rank(verdict: &Value) -> usize {
    VERDICTS.iter().position(|known| verdict == known).unwrap_or_else(|| panic!("{verdict} is no verdict"))
}

/// What `check` finds.
fn checked(workspace: &Workspace, arguments: &[&str]) -> Vec<Told> {
    let (said, _) = report(workspace, &[arguments, &["."]].concat());
    assert_eq!(said["problems"], json!([]));
    said["findings"].as_array().expect("findings").iter().map(Told::of).collect()
}

fn in_words(told: &[Told]) -> Vec<String> {
    let word = |told: &Told| format!("{} {} {}: {}", told.file, told.risk, told.address, VERDICTS[told.verdict]);
    told.iter().map(word).collect()
}

/// What only one of two lists has.
fn differences(what: &str, expected: &[String], found: &[String]) -> Vec<String> {
    let count = |list: &[String], one: &String| list.iter().filter(|other| *other == one).count();
    let all: BTreeSet<&String> = expected.iter().chain(found).collect();
    let differs = all.into_iter().filter(|one| count(expected, one) != count(found, one));
    differs.map(|one| format!("{what}: {} times, not {}: {one}", count(found, one), count(expected, one))).collect()
}

/// A repository with a branch `change` off `main`, in which all is as it was before.
fn repository(cases: &[Case]) -> Workspace {
    let workspace = Workspace::git(&[]);
    workspace.run_git(&["checkout", "-q", "-B", "main"]);
    for number in 0..POLICIES.len() {
        workspace.write(&format!("policy{number}/countersign.toml"), &policy(number));
    }
    for case in cases {
        workspace.write(&case.file, &case.before);
    }
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-q", "-m", "before"]);
    workspace.run_git(&["checkout", "-q", "-b", "change"]);
    // An agent that has been in all tiers before, so that nothing is told of that.
    let tiers = json!({ "entered": { "claude-code": ["high", "critical"] } });
    workspace.write(".git/countersign/tiers.json", &tiers.to_string());
    workspace
}

/// An editor in which all of them are open.
fn open(workspace: &Workspace, cases: &[Case]) -> Editor {
    let data = json!({ "versionSupport": true, "dataSupport": true });
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/publishDiagnostics", data));
    // That an agent was denied an edit is shown, and is not what this is about.
    editor.client = editor.client.lenient();
    editor.client.set_lifetime(Duration::from_mins(10));
    editor.client.set_patience(Duration::from_mins(2));
    for case in cases {
        editor.open(&case.file, &case.before);
    }
    editor.settle();
    editor
}

/// Makes all changes, and returns what an agent's hook answered: the verdict and the risks that are named.
fn make(workspace: &Workspace, editor: &mut Editor, cases: &[Case]) -> BTreeMap<String, (usize, Vec<String>)> {
    let mut answers = BTreeMap::new();
    for case in cases {
        if case.writer == Writer::Agent {
            answers.insert(case.file.clone(), answer(&hook(workspace, case, "PreToolUse")));
            workspace.write(&case.file, &case.after);
            hook(workspace, case, "PostToolUse");
        } else {
            workspace.write(&case.file, &case.after);
        }
    }
    for case in cases {
        editor.replace_all(&case.file, &case.after);
        if case.writer == Writer::Person {
            for (lines, _) in case.new_lines() {
                editor.command("countersign.iWroteThis", &case.file, lines, json!({})).expect("it is done");
            }
        }
    }
    editor.settle();
    for case in cases {
        editor.save(&case.file);
    }
    editor.settle();
    answers
}

/// What Claude Code's hook is answered.
fn hook(workspace: &Workspace, case: &Case, event: &str) -> String {
    let file = workspace.path(&case.file);
    let edit = |(old, new): &(String, String)| json!({ "old_string": old, "new_string": new });
    let (tool, input) = match case.tool {
        Tool::Edit => {
            let (old, new) = &case.edits[0];
            ("Edit", json!({ "file_path": file, "old_string": old, "new_string": new }))
        }
        Tool::MultiEdit => {
            let edits: Vec<Value> = case.edits.iter().map(edit).collect();
            ("MultiEdit", json!({ "file_path": file, "edits": edits }))
        }
        Tool::Write => ("Write", json!({ "file_path": file, "content": case.after })),
    };
    let payload = json!({
        "session_id": case.file, "transcript_path": "", "cwd": workspace.root(), "hook_event_name": event,
        "tool_name": tool, "tool_use_id": case.file, "tool_input": input, "tool_response": {},
    });
    let path = workspace.state().join("payload");
    fs::write(&path, payload.to_string()).expect("the payload is written");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", "claude-code"]).current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    let output = run_on(&mut command, File::open(path).expect("the payload is there"), LIMIT);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The verdict of an answer, and the risks that it names.
fn answer(answer: &str) -> (usize, Vec<String>) {
    if answer.is_empty() {
        return (0, Vec::new());
    }
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let (_, text) = crate::agents::decision(&answer["hookSpecificOutput"]);
    let heads = ["Countersign notes of", "Countersign: somebody has to review", "Countersign denies"];
    let verdict = heads.iter().position(|head| text.starts_with(head)).unwrap_or_else(|| panic!("{text}")) + 1;
    let named = |line: &str| Some(line.strip_suffix(')')?.rsplit_once('(')?.1.to_owned());
    (verdict, text.lines().skip(1).filter_map(named).collect())
}

/// How the editor differs from `check`, once it has heard of everything.
fn shown_otherwise(editor: &mut Editor, now: &[Told]) -> Vec<String> {
    let word = |file: &str, risk: &str, place: [u64; 4], verdict: usize| {
        format!("{file} {risk} at {place:?}: {}", VERDICTS[verdict])
    };
    let expected: Vec<String> = now.iter().map(|told| word(&told.file, &told.risk, told.place, told.verdict)).collect();
    // What agents report and what happens to what is live comes when it comes.
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let mut shown = Vec::new();
        for (file, diagnostics) in editor.all_diagnostics() {
            for diagnostic in diagnostics.iter().filter(|it| it["code"] != "unconfirmed-origin") {
                let risk = diagnostic["code"].as_str().expect("a risk");
                shown.push(word(&file, risk, place(&diagnostic["range"]), rank(&diagnostic["data"]["verdict"])));
            }
        }
        let wrong = differences("in the editor", &expected, &shown);
        if wrong.is_empty() || Instant::now() > deadline {
            return wrong;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// How the answer of a hook differs from `check`.
fn answered_otherwise(
    case: &Case,
    (answer, named): &(usize, Vec<String>),
    before: &[Told],
    by_ai: &[Told],
) -> Option<String> {
    let lines = case.new_lines();
    let is_touched = |told: &Told| lines.iter().any(|(_, new)| told.place[0] < new.end && new.start <= told.place[2]);
    let was_said = |told: &Told| {
        let count = |all: &[Told]| all.iter().filter(|it| it.is_of(told) && it.message == told.message).count();
        count(before) >= count(by_ai)
    };
    let is_brought = |told: &&Told| is_touched(told) || !before.iter().any(|known| known.is_of(told));
    let brought: Vec<&Told> = by_ai.iter().filter(|told| told.file == case.file).filter(is_brought).collect();
    let verdict = |told: &&Told| if was_said(told) { told.verdict.min(2) } else { told.verdict };
    let expected = brought.iter().map(verdict).max().unwrap_or_default();
    let is_known = |risk: &String| brought.iter().any(|told| told.risk == *risk);
    if *answer == expected && named.iter().all(is_known) {
        return None;
    }
    let brought: Vec<String> = brought.iter().map(|told| format!("{} {}", told.risk, VERDICTS[told.verdict])).collect();
    Some(format!(
        "the hook: {}, not {}, of {}: it names {named:?}, and there is {brought:?}",
        VERDICTS[*answer], VERDICTS[expected], case.file
    ))
}

/// Commits what the agent did and what people did, each with its note, and forgets what was recorded here, as another clone has it.
fn commit(workspace: &Workspace, cases: &[Case]) {
    for by_agent in [true, false] {
        let files = cases.iter().filter(|case| (case.writer == Writer::Agent) == by_agent);
        let files: Vec<&str> = files.map(|case| case.file.as_str()).collect();
        workspace.run_git(&[&["add"], files.as_slice()].concat());
        workspace.run_git(&["commit", "-q", "-m", "change"]);
        let said = countersign(workspace, &["note"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
    fs::remove_dir_all(workspace.path(".git/countersign")).expect("the state is there");
}

/// How the gate differs from `check` in a clone.
fn gated_otherwise(gate: &Value, before: &[Told], clone: &[Told], clone_by_ai: &[Told]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut gated: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for change in gate["changes"].as_array().expect("changes") {
        let text = |name: &str| change[name].as_str().unwrap_or_default();
        let (file, address) = (text("path"), text("address"));
        let is_by_ai = ["ai", "mixed"].contains(&text("countsAs"));
        let is_held_high = ["high", "critical"].contains(&text("tier"));
        let verdict = |told: &Told| {
            let is_raised = told.is_unknown && is_by_ai && (is_held_high || LIVE.contains(&told.risk.as_str()));
            let same = clone_by_ai.iter().filter(|it| it.is_of(told) && it.place == told.place);
            let as_ai = same.map(|it| it.verdict).max().filter(|_| is_raised);
            as_ai.unwrap_or_default().max(told.verdict)
        };
        let mut expected = None;
        for risk in change["risks"].as_array().expect("risks").iter().filter_map(Value::as_str) {
            gated.insert((file, address, risk));
            let is = |told: &&Told| told.file == file && told.risk == risk && told.address == address;
            let found = clone.iter().filter(is).map(&verdict).max();
            if found.is_none() {
                wrong.push(format!("the gate: {file} {address} has {risk}, and `check` does not find it"));
            }
            expected = expected.max(found);
        }
        // The first three rows ask for each verdict, the worst first.
        let row = change["row"].as_u64().and_then(|row| usize::try_from(row).ok());
        let told = row.and_then(|row| VERDICTS.len().checked_sub(row)).filter(|verdict| *verdict > 0);
        if told != expected {
            let name = |verdict: Option<usize>| verdict.map_or("nothing", |verdict| VERDICTS[verdict]);
            wrong.push(format!("the gate: {}, not {}, of {change}", name(told), name(expected)));
        }
    }
    let is_new = |told: &&Told| !before.iter().any(|known| known.is_of(told));
    for told in clone.iter().filter(is_new) {
        if !gated.contains(&(told.file.as_str(), told.address.as_str(), told.risk.as_str())) {
            wrong.push(format!("the gate: nothing of {} {} {}", told.file, told.address, told.risk));
        }
    }
    wrong
}
