//! What is recorded with commits counts in every clone: in the editor and on the command line.

use crate::cli::{countersign, findings, report};
use crate::editor::{FORCE, PUBLIC, SAFE, Workspace};
use crate::history::{commit, repository};
use crate::hooks::{claude_writes, until_ai};
use serde_json::{Value, json};

/// As in another clone: nothing is recorded on this machine.
fn forget(workspace: &Workspace) {
    std::fs::remove_dir_all(workspace.root().join(".git/countersign")).expect("the state is there");
}

#[test]
fn a_note_counts_on_the_command_line() {
    let workspace = repository(SAFE);
    claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
    commit(&workspace, "claude");
    workspace.write("other.tf", FORCE);
    forget(&workspace);
    let said = report(&workspace, &["."]).0;
    assert_eq!(findings(&said), [("main.tf", "database-public", "deny"), ("other.tf", "force-destroy", "review")]);
    let origin = &said["findings"][0]["origin"];
    assert_eq!((&origin["tool"], &origin["authority"]), (&json!("claude"), &json!("declared")));
}

#[test]
fn a_note_counts_in_the_editor_and_follows_the_text() {
    let workspace = repository(SAFE);
    claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
    commit(&workspace, "claude");
    forget(&workspace);
    let mut editor = workspace.editor();
    editor.open("main.tf", &workspace.read("main.tf"));
    until_ai(&mut editor, &[PUBLIC]);
    // What a person types inside is not part of it.
    let piece = "publicly_accessible = true\n";
    editor.insert_after("main.tf", piece, "  name = \"x\"\n");
    let (before, after) = PUBLIC.split_at(PUBLIC.find(piece).expect("it is there") + piece.len());
    until_ai(&mut editor, &[before, after]);
}

#[test]
fn a_persons_word_is_stronger() {
    let workspace = repository(SAFE);
    claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
    commit(&workspace, "claude");
    let mut editor = workspace.editor();
    editor.open("main.tf", &workspace.read("main.tf"));
    until_ai(&mut editor, &[PUBLIC]);
    editor.command("countersign.iWroteThis", "main.tf", PUBLIC, json!({})).expect("it is done");
    until_ai(&mut editor, &[]);
    editor.save("main.tf");
    editor.quit();
    assert_eq!(findings(&report(&workspace, &["."]).0), [("main.tf", "database-public", "note")]);
}

/// A record of Agent Trace about the whole of `main.tf` in the last commit.
fn trace(workspace: &Workspace, hash: Option<String>) -> Value {
    let lines = workspace.read("main.tf").lines().count();
    let mut range = json!({ "start_line": 1, "end_line": lines });
    if let Some(hash) = hash {
        range["content_hash"] = json!(hash);
    }
    json!({
        "version": "0.1.0", "id": "0b9a0c52-6d3a-4f0e-8a44-111111111111", "timestamp": "2026-11-01T00:00:00Z",
        "vcs": { "type": "git", "revision": workspace.run_git(&["rev-parse", "HEAD"]).trim() },
        "tool": { "name": "cursor" },
        "files": [{ "path": "main.tf", "conversations": [{ "contributor": { "type": "ai" }, "ranges": [range] }] }],
    })
}

#[test]
fn a_record_of_agent_trace_counts_where_its_hash_is_that_of_the_lines() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let hash = format!("sha256:{}", crate::editor::sha256(PUBLIC));
    for (hash, tool) in
        [(None, Value::Null), (Some("sha256:00".to_owned()), Value::Null), (Some(hash), json!("cursor"))]
    {
        workspace.write(".agent-trace/traces.jsonl", &format!("{}\n", trace(&workspace, hash)));
        assert_eq!(report(&workspace, &["."]).0["findings"][0]["origin"]["tool"], tool);
        let said = countersign(&workspace, &["blame", "main.tf", "--format", "json"]);
        let blame: Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!(blame["lines"][1]["origin"]["tool"], tool);
        assert_eq!(blame["lines"][1]["source"], if tool.is_null() { "none" } else { "trace" });
    }
}
