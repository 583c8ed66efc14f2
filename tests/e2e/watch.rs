//! What is raised as out of the ordinary in what agents do, and what is not.

use crate::agents::{claude, decision, hook};
use crate::cli::countersign;
use crate::editor::{PUBLIC, SAFE, Workspace};
use crate::hooks::claude_writes;
use crate::ledger::log;
use serde_json::{Value, json};
use std::fs::File;
use std::time::{Duration, SystemTime};

fn runs(workspace: &Workspace, command: &str) -> String {
    decision(&claude(workspace, "Bash", &json!({ "command": command }))).0
}

fn writes(workspace: &Workspace, file: &str, text: &str) -> String {
    decision(&claude(workspace, "Write", &json!({ "file_path": workspace.path(file), "content": text }))).0
}

/// The anomalies that were recorded, with the file that each is about.
fn anomalies(workspace: &Workspace) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let entries = log(workspace, &["--anomalies"]);
    entries.iter().map(|entry| (text(&entry["body"]["anomaly"]).expect("a word"), text(&entry["file"]))).collect()
}

fn named(workspace: &Workspace) -> Vec<String> {
    anomalies(workspace).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn ordinary_work_raises_nothing() {
    let workspace = Workspace::git(&[("main.tf", SAFE), ("ask.sh", "if [ \"$1\" ]; then terraform destroy; fi\n")]);
    // Denials are heeded: the edit is corrected, and the command is run where it may be.
    assert_eq!(writes(&workspace, "main.tf", PUBLIC), "deny");
    assert_eq!(runs(&workspace, "terraform destroy"), "deny");
    for round in 0..3 {
        claude_writes(&workspace, "main.tf", &format!("{SAFE}# round {round}\n"));
        for command in [
            "terraform plan",
            "git status",
            "terraform -chdir=envs/dev destroy",
            "kubectl --context kind-x delete pod a",
            "terraform apply",
            // It may be the same, and nobody knows.
            "./ask.sh",
        ] {
            assert_ne!(runs(&workspace, command), "deny", "{command}");
        }
    }
    assert_eq!(named(&workspace), Vec::<String>::new());
    let said = countersign(&workspace, &["log", "--anomalies"]);
    assert_eq!(said.stdout, "Nothing out of the ordinary was recorded.\n");
}

#[test]
fn denials_and_ways_around_them() {
    let workspace = Workspace::git(&[("Makefile", "down:\n\tterraform -chdir=live/prod destroy -auto-approve\n")]);
    assert_eq!(runs(&workspace, "terraform -chdir=live/prod destroy"), "deny");
    assert_eq!(runs(&workspace, "make down"), "deny");
    assert_eq!(named(&workspace), ["another-route"]);
    assert_eq!(runs(&workspace, "make down"), "deny");
    assert_eq!(runs(&workspace, "make down"), "deny");
    assert_eq!(named(&workspace), ["another-route", "repeated-denials"], "each once");
    let entries = log(&workspace, &["--anomalies"]);
    assert_eq!((&entries[0]["agent"], &entries[0]["body"]["session"]), (&json!("claude"), &json!("s1")));
    let said = countersign(&workspace, &["log", "--anomalies"]).stdout;
    assert!(
        said.contains("was denied destroying by way of `terraform`") && said.contains("`make › terraform`"),
        "{said}"
    );
    // Another session starts anew.
    let payload = json!({
        "session_id": "s2", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": "make down" },
    });
    hook(&workspace, "claude-code", payload.to_string().as_bytes());
    assert_eq!(named(&workspace).len(), 2);
}

#[test]
fn an_edit_that_is_denied_and_then_a_command_to_the_same_end() {
    let database =
        "resource \"aws_db_instance\" \"orders\" {\n  identifier = \"orders\"\n  engine     = \"postgres\"\n}\n";
    let workspace = Workspace::git(&[("live/prod/main.tf", database)]);
    assert_eq!(writes(&workspace, "live/prod/main.tf", "locals {}\n"), "deny");
    assert_eq!(runs(&workspace, "aws rds delete-db-instance --db-instance-identifier orders"), "deny");
    assert_eq!(named(&workspace), ["another-route"]);
}

/// Claude Code writes a file, and says so before and after.
fn lands(workspace: &Workspace, file: &str, text: &str) {
    assert_ne!(writes(workspace, file, text), "deny");
    workspace.write(file, text);
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PostToolUse",
        "tool_name": "Write", "tool_use_id": "t1", "tool_response": {},
        "tool_input": { "file_path": workspace.path(file), "content": text },
    });
    hook(workspace, "claude-code", payload.to_string().as_bytes());
}

#[test]
fn a_tier_is_entered_for_the_first_time_once() {
    let workspace = Workspace::git(&[]);
    let vpc = "resource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n";
    lands(&workspace, "network.tf", vpc);
    lands(&workspace, "network.tf", &vpc.replace("main", "other"));
    let topic = "resource \"aws_cloudwatch_dashboard\" \"a\" {\n  dashboard_name = \"a\"\n}\n";
    lands(&workspace, "topic.tf", topic);
    assert_eq!(anomalies(&workspace), [("first-entry".to_owned(), Some("network.tf".to_owned()))]);
    // No name of what the file declares stays behind.
    let state = workspace.root().join(".git/countersign");
    for file in ["tiers.json", "ledger.sqlite"] {
        let bytes = std::fs::read(state.join(file)).expect("a file");
        assert!(!String::from_utf8_lossy(&bytes).contains("aws_vpc"), "{file}");
    }
}

#[test]
fn a_burst_is_told_once() {
    let workspace = Workspace::git(&[]);
    for number in 0..21 {
        assert_eq!(runs(&workspace, &format!("kubectl --context kind-x delete namespace ns{number}")), "tell");
    }
    assert_eq!(named(&workspace), ["burst"]);
}

#[test]
fn a_denied_edit_that_stands_on_disk() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    assert_eq!(writes(&workspace, "main.tf", PUBLIC), "deny");
    assert_eq!(runs(&workspace, "ls"), "");
    assert_eq!(named(&workspace), Vec::<String>::new(), "it is not there");
    // By a shell, say, and with another layout.
    workspace.write("main.tf", &PUBLIC.replace(" = ", "  =  "));
    assert_eq!(runs(&workspace, "ls"), "");
    assert_eq!(runs(&workspace, "ls"), "");
    assert_eq!(anomalies(&workspace), [("denied-edit-on-disk".to_owned(), Some("main.tf".to_owned()))]);
    // What comes out of git was written before.
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    workspace.write("main.tf", SAFE);
    writes(&workspace, "main.tf", PUBLIC);
    workspace.run_git(&["checkout", "-q", "main.tf"]);
    runs(&workspace, "ls");
    assert_eq!(named(&workspace), Vec::<String>::new());
}

#[test]
fn an_open_editor_tells_at_once_and_once() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.settle();
    for _ in 0..4 {
        assert_eq!(runs(&workspace, "terraform destroy"), "deny");
    }
    let said = editor.client.notification("window/showMessage");
    assert_eq!(said["type"], 2, "a warning");
    let message = said["message"].as_str().expect("a text");
    assert!(message.starts_with("Countersign: claude was denied 3 times"), "{message}");
    // Where nothing but the editor sees it: the denied text is on disk, and the editor reads it.
    assert_eq!(writes(&workspace, "main.tf", PUBLIC), "deny");
    workspace.write("main.tf", PUBLIC);
    editor.replace_all("main.tf", PUBLIC);
    let said = editor.client.notification("window/showMessage");
    let message = said["message"].as_str().expect("a text");
    assert!(message.contains("main.tf: claude was denied an edit"), "{message}");
    editor.settle();
    editor.quit();
}

#[test]
fn a_denied_edit_does_not_count_as_never_finished() {
    let workspace = Workspace::git(&[("main.tf", SAFE), ("other.tf", SAFE)]);
    let age = || {
        let kept = workspace.root().join(".git/countersign/before");
        for entry in kept.read_dir().expect("a folder").flatten() {
            let file = File::options().write(true).open(entry.path()).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_hours(2)).expect("its time is set");
        }
    };
    assert_eq!(writes(&workspace, "main.tf", PUBLIC), "deny");
    age();
    assert_ne!(writes(&workspace, "other.tf", &format!("{SAFE}# more\n")), "deny");
    assert_eq!(log(&workspace, &["--kind", "unmatched"]).len(), 0);
    // One that may go on and is never heard of again does.
    age();
    assert_ne!(writes(&workspace, "third.tf", "locals {}\n"), "deny");
    assert_eq!(log(&workspace, &["--kind", "unmatched"]).len(), 1);
}
