//! Text that is moved or copied keeps who wrote it.

use crate::editor::{FORCE, PUBLIC, SAFE, Workspace};
use crate::hooks::{claude_writes, until_ai, until_ai_in};

/// Long enough to be told from other text.
const BLOCK: &str =
    "resource \"aws_route53_zone\" \"orders\" {\n  name          = \"orders.example.org\"\n  force_destroy = true\n}\n";

#[test]
fn cut_and_pasted_elsewhere_in_the_file() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", BLOCK);
    let range = editor.find("main.tf", BLOCK);
    editor.edit("main.tf", range, "");
    editor.edit("main.tf", 0..0, BLOCK);
    until_ai(&mut editor, &[BLOCK]);
}

#[test]
fn copied_within_the_file() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", BLOCK);
    editor.edit("main.tf", 0..0, BLOCK);
    until_ai(&mut editor, &[BLOCK, BLOCK]);
}

#[test]
fn cut_or_copied_to_another_open_file() {
    for cut in [true, false] {
        let workspace = Workspace::git(&[("main.tf", SAFE), ("other.tf", FORCE)]);
        let mut editor = workspace.editor_on(SAFE);
        editor.open("other.tf", FORCE);
        editor.ai_appends("main.tf", BLOCK);
        if cut {
            let range = editor.find("main.tf", BLOCK);
            editor.edit("main.tf", range, "");
        }
        editor.append("other.tf", BLOCK);
        until_ai_in(&mut editor, "other.tf", &[BLOCK]);
    }
}

#[test]
fn copied_from_a_file_that_is_not_open() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    claude_writes(&workspace, "zone.tf", BLOCK);
    let mut editor = workspace.editor_on(SAFE);
    editor.append("main.tf", BLOCK);
    until_ai(&mut editor, &[BLOCK]);
}

#[test]
fn a_persons_text_that_is_copied_stays_a_persons_and_little_says_nothing() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_on(PUBLIC);
    editor.ai_appends("main.tf", BLOCK);
    editor.append("main.tf", PUBLIC);
    // Too little to be told from what anybody would type.
    editor.append("main.tf", "  force_destroy = true\n}\n");
    editor.save("main.tf");
    until_ai(&mut editor, &[BLOCK]);
}

#[test]
fn text_that_two_wrote_alike_is_nobodys() {
    let workspace = Workspace::git(&[("main.tf", SAFE), ("other.tf", BLOCK)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.open("other.tf", BLOCK);
    editor.ai_appends("main.tf", BLOCK);
    editor.insert_after("main.tf", SAFE, BLOCK);
    editor.save("main.tf");
    editor.settle();
    assert_eq!(editor.ai_texts("main.tf"), [BLOCK]);
}

#[test]
fn a_file_that_is_renamed_or_copied() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    claude_writes(&workspace, "zone.tf", BLOCK);
    workspace.write("renamed.tf", BLOCK);
    std::fs::remove_file(workspace.path("zone.tf")).expect("it is there");
    let mut editor = workspace.editor();
    editor.open("renamed.tf", BLOCK);
    until_ai_in(&mut editor, "renamed.tf", &[BLOCK]);
}
