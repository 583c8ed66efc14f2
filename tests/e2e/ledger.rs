//! The record of who wrote what, and what tells that it was tampered with.

use crate::cli::{countersign, printed};
use crate::editor::{FORCE, PUBLIC, SAFE, Workspace};
use crate::history::{commit, git, repository};
use crate::hooks::{claude_says_after, claude_writes};
use serde_json::Value;
use std::fs;

pub(crate) fn log(workspace: &Workspace, arguments: &[&str]) -> Vec<Value> {
    let said = countersign(workspace, &[&["log", "--format", "json"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

#[test]
fn what_an_agent_wrote_is_recorded() {
    let workspace = repository(SAFE);
    assert!(log(&workspace, &[]).is_empty());
    claude_writes(&workspace, "main.tf", &format!("{SAFE}# claude\n"));
    claude_writes(&workspace, "sub/new.tf", "# claude, too\n");
    let entries = log(&workspace, &[]);
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry["kind"].as_str(), entry["agent"].as_str(), entry["file"].as_str(), entry["body"]["bytes"].as_u64())
        })
        .collect();
    let insertion = |file, bytes| (Some("insertion"), Some("claude"), Some(file), Some(bytes));
    assert_eq!(told, [insertion("main.tf", 9), insertion("sub/new.tf", 14)]);
    assert_eq!(log(&workspace, &["--agent", "cursor"]).len(), 0);
    assert_eq!(log(&workspace, &["--since", "1h"]).len(), 2);
    assert_eq!(log(&workspace, &["--since", "2999-01-01"]).len(), 0);
    let said = countersign(&workspace, &["log", "--since", "yesteryear"]);
    assert!(said.code == Some(2) && said.stderr.contains("is no time"), "{}", said.stderr);
}

#[test]
fn a_correction_names_the_person_until_the_name_is_erased() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", "# claude or ann\n");
    let said = editor.command("countersign.iWroteThis", "main.tf", "claude or ann", Value::Null);
    assert_eq!(said, Ok(Value::Null));
    editor.settle();
    editor.quit();
    let kinds = |entries: &[Value]| -> Vec<String> {
        entries.iter().map(|entry| format!("{} {}", entry["kind"], entry["person"])).collect()
    };
    let entries = log(&workspace, &[]);
    assert_eq!(kinds(&entries), ["\"insertion\" null", "\"correction\" \"Ann <ann@example.org>\""]);
    assert_eq!(countersign(&workspace, &["ledger", "erase", "Ann <ann@example.org>"]).code, Some(0));
    assert!(!log(&workspace, &[])[1]["person"].as_str().expect("a digest").contains("Ann"));
    let said = countersign(&workspace, &["ledger", "verify"]);
    assert!(said.code == Some(0) && said.stdout.contains("intact, 2 entries"), "{}", said.stdout);
}

#[test]
fn what_was_cut_off_before_an_anchor_is_missed() {
    let workspace = repository(SAFE);
    let ledger = workspace.root().join(".git/countersign/ledger.sqlite");
    claude_writes(&workspace, "main.tf", &format!("{SAFE}# one\n"));
    let early = fs::read(&ledger).expect("the ledger is there");
    claude_writes(&workspace, "main.tf", &format!("{SAFE}# one\n# two\n"));
    commit(&workspace, "claude");
    let said = countersign(&workspace, &["ledger", "verify"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "The ledger is intact, 2 entries.\n"));
    let export = countersign(&workspace, &["ledger", "export"]).stdout;
    workspace.write("export.jsonl", &export);
    let said = countersign(&workspace, &["ledger", "verify", "--export", "export.jsonl"]);
    assert!(said.code == Some(0) && said.stdout.contains("intact"), "{}", said.stdout);
    workspace.write("export.jsonl", &export.replace("\"bytes\":", "\"bytes\":1"));
    let said = countersign(&workspace, &["ledger", "verify", "--export", "export.jsonl"]);
    assert!(said.code == Some(1) && said.stdout.contains("entry 1 was changed"), "{}", said.stdout);
    // Somebody puts an older ledger in its place.
    fs::write(&ledger, early).expect("the ledger is written");
    let said = countersign(&workspace, &["ledger", "verify"]);
    assert!(said.code == Some(1) && said.stdout.contains("not intact"), "{}", said.stdout);
    assert!(git(&workspace, &["status"]));
}

/// Kind, risk, and what is said of it.
fn told(entries: &[Value]) -> Vec<String> {
    let word = |entry: &Value, name: &str| entry["body"][name].as_str().unwrap_or("-").to_owned();
    let told = |entry: &Value| {
        let kind = entry["kind"].as_str().unwrap_or_default();
        let what = ["risk", "state", "verdict"].map(|name| word(entry, name));
        format!("{kind} {}", what.join(" "))
    };
    entries.iter().map(told).collect()
}

#[test]
fn what_was_seen_in_text_of_an_ai_and_what_became_of_it() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    // What nobody knows who wrote is no business of the ledger.
    editor.append("main.tf", FORCE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.save("main.tf");
    editor.settle();
    editor.quit();
    let seen = ["insertion - - -", "finding database-public open -", "verdict database-public - deny"];
    assert_eq!(told(&log(&workspace, &[])), seen);
    // Who opens it again sees nothing new.
    let text = format!("{SAFE}{FORCE}{PUBLIC}");
    workspace.write("main.tf", &text);
    let mut editor = workspace.editor();
    editor.open("main.tf", &text);
    editor.settle();
    editor.append("main.tf", "# ann\n");
    editor.save("main.tf");
    editor.settle();
    editor.replace("main.tf", "= true\n}\n# ann", "= false\n}\n# ann");
    editor.save("main.tf");
    editor.settle();
    editor.quit();
    let entries = log(&workspace, &[]);
    assert_eq!(told(&entries)[seen.len()..], ["finding database-public gone -"]);
    assert_eq!(entries[1]["agent"], "claude");
    assert_eq!(entries[1]["body"]["severity"], "critical");
    assert_eq!(log(&workspace, &["--kind", "verdict"]).len(), 1);
}

#[test]
fn a_tag_is_recorded_once() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.choose("main.tf", SAFE, "Tag as written by an AI");
    for _ in 0..2 {
        editor.append("main.tf", "# ann\n");
        editor.save("main.tf");
        editor.settle();
    }
    editor.quit();
    let entries = log(&workspace, &["--kind", "tag"]);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["person"], "Ann <ann@example.org>");
}

#[test]
fn what_cannot_be_matched_is_counted() {
    let workspace = repository(SAFE);
    let status = || -> Value {
        let said = countersign(&workspace, &["status", "--format", "json"]);
        serde_json::from_str(&said.stdout).expect("JSON")
    };
    assert_eq!(status()["unmatched"], 0);
    let after = claude_says_after(&workspace, "nothing that is there", "x");
    assert!(after.contains("nothing is attributed"), "{after}");
    assert_eq!(status()["unmatched"], 1);
    let said = countersign(&workspace, &["status"]).stdout;
    assert!(said.contains("1 edit that agents told about"), "{said}");
    let entries = log(&workspace, &["--kind", "unmatched"]);
    assert!(entries[0]["body"]["why"].as_str().is_some_and(|why| why.contains("something else changed it")));
}

#[test]
fn what_is_printed_is_as_the_schemas_say() {
    let workspace = repository(SAFE);
    claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
    for (schema, command) in [("log", &["log"][..]), ("status", &["status"]), ("blame", &["blame", "main.tf"])] {
        printed(&workspace, schema, &[command, &["--format", "json"]].concat());
    }
}
