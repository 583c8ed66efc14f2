//! What an AI changed is taken back, and what others wrote stays.

use crate::cli::countersign;
use crate::editor::{FORCE, PUBLIC, SAFE, Workspace};
use crate::hooks::claude_writes;

#[test]
fn a_session_a_file_and_lines() {
    for what in ["s1", "main.tf", "main.tf:1-20"] {
        let workspace = Workspace::git(&[("main.tf", SAFE)]);
        claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
        workspace.write("main.tf", &format!("# ann\n{SAFE}{PUBLIC}"));
        let said = countersign(&workspace, &["revert", what]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("-  publicly_accessible = true"), "{}", said.stdout);
        assert!(said.stdout.contains("Nothing was changed"), "{}", said.stdout);
        assert_eq!(workspace.read("main.tf"), format!("# ann\n{SAFE}{PUBLIC}"));
        let said = countersign(&workspace, &["revert", what, "--write"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_eq!(workspace.read("main.tf"), format!("# ann\n{SAFE}"));
    }
}

#[test]
fn what_is_lost_is_said() {
    let live = format!("{SAFE}resource \"aws_db_instance\" \"orders\" {{\n  engine = \"postgres\"\n}}\n");
    let workspace = Workspace::git(&[("main.tf", &live)]);
    claude_writes(&workspace, "main.tf", &live.replace("\"postgres\"", "\"mysql\""));
    let said = countersign(&workspace, &["revert", "s1"]);
    assert!(said.stdout.contains("`aws_db_instance.orders` does not come back with the text"), "{}", said.stdout);
}

#[test]
fn nothing_to_take_back() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    workspace.write("main.tf", &format!("{SAFE}{FORCE}"));
    for what in ["s1", "main.tf", "main.tf:0-3", "main.tf:9-3"] {
        let said = countersign(&workspace, &["revert", what]);
        assert_eq!(said.code, Some(2), "{}", said.stdout);
        assert!(
            said.stderr.contains("nothing that is there now") || said.stderr.contains("names no lines"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(workspace.read("main.tf"), format!("{SAFE}{FORCE}"));
}

#[test]
fn in_the_editor() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.append("main.tf", "# ann\n");
    editor.ai_appends("main.tf", PUBLIC);
    editor.choose("main.tf", PUBLIC, "Take back what the AI changed here");
    assert_eq!(editor.text("main.tf"), format!("{SAFE}# ann\n"));
}
