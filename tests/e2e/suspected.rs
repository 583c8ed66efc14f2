//! The question who wrote a block that came in at once.

use crate::editor::{Editor, HINT, Workspace, finding};
use serde_json::{Value, json};

/// Its lines stand nowhere else, and nothing in it is a risk.
fn block() -> String {
    let line = |line: usize| format!("  distinctive_setting_{line} = \"some value {line}\"\n");
    format!("locals {{\n{}}}\n", (1..=12).map(line).collect::<Vec<_>>().concat())
}

fn editor(workspace: &Workspace) -> Editor {
    workspace.editor_on("# A module.\n")
}

/// Whether the editor asks.
fn asks(editor: &mut Editor, name: &str) -> bool {
    let findings = editor.findings(name);
    findings.iter().any(|(_, risk, _)| risk == "unconfirmed-origin")
}

#[test]
fn a_block_that_comes_in_at_once_is_asked_about() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "unconfirmed-origin", "locals {")]);
    assert!(editor.message("main.tf").starts_with("Did an AI write these 14 lines?"));
    let regions = editor.regions("main.tf");
    assert_eq!(regions.len(), 1, "{regions:?}");
    assert_eq!(regions[0].text, block());
    assert_eq!((&regions[0].origin["by"], &regions[0].origin["authority"]), (&json!("unknown"), &json!("suspected")));
}

#[test]
fn the_question_is_not_remembered_as_an_answer() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    assert!(asks(&mut editor, "main.tf"));
    let text = editor.text("main.tf").to_owned();
    editor.quit();
    let mut editor = workspace.editor_on(&text);
    assert_eq!(editor.regions("main.tf"), []);
}

#[test]
fn ten_lines_typed_one_by_one_are_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    for line in block().split_inclusive('\n') {
        editor.append("main.tf", line);
    }
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn what_stands_elsewhere_in_the_document_is_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&block());
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn what_stands_in_another_open_document_is_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.open("elsewhere/other.tf", &block());
    editor.settle();
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn what_stands_in_a_file_beside_it_is_not_asked_about() {
    let workspace = Workspace::new();
    workspace.write("other.tf", &block());
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn what_is_moved_is_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&format!("{}# A module.\n", block()));
    editor.replace("main.tf", &block(), "");
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn undo_and_redo_are_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&block());
    editor.replace("main.tf", &block(), "");
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"), "undo");
    editor.append("main.tf", &block().replace("some value", "another text"));
    editor.replace("main.tf", &block().replace("some value", "another text"), "");
    editor.append("main.tf", &block().replace("some value", "another text"));
    assert!(!asks(&mut editor, "main.tf"), "redo");
}

#[test]
fn a_formatter_is_not_asked_about() {
    let workspace = Workspace::new();
    let text = block();
    let mut editor = workspace.editor_on(&text);
    let formatted = text.replace("  distinctive", "\tdistinctive").replace(" = ", "      = ");
    let all = 0..text.len();
    editor.edit("main.tf", all, &formatted);
    assert!(!asks(&mut editor, "main.tf"));
    editor.replace_all("main.tf", &formatted.replace('\n', "\n\n"));
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn a_reload_from_disk_is_not_asked_about() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    let text = format!("# A module.\n{}", block());
    workspace.write("main.tf", &text);
    editor.replace_all("main.tf", &text);
    assert!(!asks(&mut editor, "main.tf"));
}

#[test]
fn evidence_answers_the_question() {
    for means in ["agent", "human", "paste"] {
        let workspace = Workspace::new();
        let mut editor = editor(&workspace);
        editor.append("main.tf", &block());
        assert!(asks(&mut editor, "main.tf"));
        let range = editor.find("main.tf", &block());
        editor.evidence("main.tf", range, means);
        assert!(!asks(&mut editor, "main.tf"), "{means}");
    }
}

#[test]
fn evidence_that_comes_first_leaves_no_question() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.ai_appends("main.tf", &block());
    assert_eq!(editor.findings("main.tf"), []);
    assert_eq!(editor.ai_texts("main.tf"), [block()]);
}

#[test]
fn a_paste_that_is_told_first_leaves_no_question() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    let start = editor.text("main.tf").len();
    editor.append("main.tf", &block());
    editor.evidence("main.tf", start..start + block().len(), "paste");
    assert!(!asks(&mut editor, "main.tf"));
    // What comes in later is asked about all the same.
    let other = block().replace("distinctive", "other");
    editor.append("main.tf", &other);
    assert!(asks(&mut editor, "main.tf"));
    let asked: Vec<_> = editor.regions("main.tf").into_iter().map(|region| region.text).collect();
    assert_eq!(asked, [other]);
}

#[test]
fn a_person_answers_the_question() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    let action = editor.action("main.tf", "locals {", "I wrote this");
    let params = json!({
        "command": action["command"]["command"], "arguments": action["command"]["arguments"],
    });
    let answer = editor.client.request("workspace/executeCommand", params);
    assert_eq!(answer, Ok(Value::Null));
    assert!(!asks(&mut editor, "main.tf"));
    let regions = editor.regions("main.tf");
    assert_eq!((regions.len(), regions[0].by.as_str()), (1, "human"), "{regions:?}");
}

#[test]
fn a_tag_answers_the_question() {
    let workspace = Workspace::new();
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    editor.choose("main.tf", "locals {", "Tag as written by");
    assert!(!asks(&mut editor, "main.tf"), "{}", editor.text("main.tf"));
    let regions = editor.regions("main.tf");
    assert_eq!((regions.len(), regions[0].by.as_str()), (1, "ai"), "{regions:?}");
}

#[test]
fn the_question_can_be_switched_off() {
    let workspace = Workspace::new();
    workspace.write("countersign.toml", "[editor]\nask_about_unknown_origin = false\n");
    let mut editor = editor(&workspace);
    editor.append("main.tf", &block());
    assert!(!asks(&mut editor, "main.tf"));
}
