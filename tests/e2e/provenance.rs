//! Who wrote what: evidence, and what happens to it while the text is edited, closed, and opened again.

use crate::editor::{ERROR, Editor, FORCE, HINT, INFORMATION, PUBLIC, Region, SAFE, WARNING, Workspace, finding};
use serde_json::{Value, json};
use std::fs;

/// A repository whose `main.tf` is [`SAFE`], and an editor that has it open.
fn editor_in_git() -> (Workspace, Editor) {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let editor = workspace.editor_on(SAFE);
    (workspace, editor)
}

/// Text by an AI and what became of it: everything that is recorded, in order.
fn by(regions: &[Region]) -> Vec<(&str, &str)> {
    regions.iter().map(|region| (region.by.as_str(), region.text.as_str())).collect()
}

// Evidence and loudness.

#[test]
fn evidence_after_its_change() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    let message = editor.message("main.tf");
    assert!(message.contains("must not be applied"), "{message}");
    assert!(message.contains("written by claude (observed)"), "{message}");
    let regions = editor.regions("main.tf");
    assert_eq!(by(&regions), [("ai", PUBLIC)]);
    assert_eq!(
        regions[0].origin,
        json!({
            "by": "ai", "tool": "claude", "model": "anthropic/opus", "session": "s1",
            "authority": "observed", "retained": 1.0,
        })
    );
}

#[test]
fn evidence_before_its_change() {
    let (_workspace, mut editor) = editor_in_git();
    let end = SAFE.len();
    let changes = editor.prepare("main.tf", &[(end..end, PUBLIC)]);
    editor.ai_wrote("main.tf", PUBLIC);
    editor.send("main.tf", changes);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert_eq!(editor.ai_texts("main.tf"), [PUBLIC]);
}

#[test]
fn evidence_finds_its_text_after_later_changes() {
    let (_workspace, mut editor) = editor_in_git();
    let end = SAFE.len();
    editor.edit("main.tf", end..end, PUBLIC);
    let (version, range) = (editor.version("main.tf"), editor.range("main.tf", PUBLIC));
    editor.edit("main.tf", 0..0, "# 😀\n");
    editor.replace("main.tf", "\"db\"", "\"orders\"");
    let origin = json!({ "tool": "cursor", "means": "chat" });
    let document = json!({ "uri": editor.uri("main.tf"), "version": version });
    let params = json!({ "textDocument": document, "ranges": [range], "origin": origin });
    editor.client.notify("countersign/edit", params);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    let regions = editor.regions("main.tf");
    assert_eq!(regions.len(), 1, "{regions:?}");
    assert_eq!(regions[0].by, "mixed");
    assert_eq!(regions[0].origin["tool"], "cursor");
}

#[test]
fn old_text_of_unknown_origin_is_shown_a_step_lower() {
    let both = format!("{PUBLIC}{FORCE}");
    let workspace = Workspace::git(&[("main.tf", &both)]);
    let mut editor = workspace.editor_on(&both);
    assert_eq!(
        editor.findings("main.tf"),
        [finding(WARNING, "database-public", "true"), finding(INFORMATION, "force-destroy", "true"),]
    );
    let message = &editor.diagnostics("main.tf")[0]["message"];
    let message = message.as_str().expect("a message");
    assert!(message.contains("of unknown origin; needs a review"), "{message}");
}

#[test]
fn text_that_is_changed_against_head_is_shown_in_full() {
    let before = format!("{}{FORCE}", PUBLIC.replace("true", "false"));
    let after = format!("{PUBLIC}{FORCE}");
    let workspace = Workspace::git(&[("main.tf", &before)]);
    workspace.write("main.tf", &after);
    let mut editor = workspace.editor_on(&after);
    let expected = [finding(ERROR, "database-public", "true"), finding(INFORMATION, "force-destroy", "true")];
    assert_eq!(editor.findings("main.tf"), expected, "changed while it was closed");
    editor.replace("main.tf", "force_destroy = true", "force_destroy = false");
    editor.replace("main.tf", "force_destroy = false", "force_destroy = true");
    assert_eq!(editor.findings("main.tf")[1], finding(WARNING, "force-destroy", "true"), "changed by typing");
    workspace.run_git(&["commit", "-q", "-a", "-m", "accept"]);
    editor.save("main.tf");
    assert_eq!(
        editor.findings("main.tf"),
        [finding(WARNING, "database-public", "true"), finding(INFORMATION, "force-destroy", "true"),],
        "committed"
    );
}

#[test]
fn a_file_that_was_never_committed_is_shown_in_full() {
    let workspace = Workspace::git(&[]);
    workspace.write("main.tf", PUBLIC);
    let mut editor = workspace.editor_on(PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
}

#[test]
fn what_a_person_wrote_is_a_hint() {
    let (_workspace, mut editor) = editor_in_git();
    editor.append("main.tf", PUBLIC);
    editor.evidence("main.tf", SAFE.len()..SAFE.len() + PUBLIC.len(), "human");
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "database-public", "true")]);
    let message = editor.message("main.tf");
    assert!(message.contains("written by a person (observed); noted"), "{message}");
    assert_eq!(by(&editor.regions("main.tf")), [("human", PUBLIC)]);
}

#[test]
fn a_paste_says_nothing_about_who_wrote_it() {
    let (_workspace, mut editor) = editor_in_git();
    editor.append("main.tf", PUBLIC);
    editor.evidence("main.tf", SAFE.len()..SAFE.len() + PUBLIC.len(), "paste");
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert!(editor.message("main.tf").contains("of unknown origin; needs a review"));
    assert_eq!(editor.regions("main.tf"), []);
}

#[test]
fn evidence_about_what_is_not_known_does_nothing() {
    let (_workspace, mut editor) = editor_in_git();
    let origin = json!({ "tool": "claude", "means": "agent" });
    let range = editor.range("main.tf", SAFE);
    let never = json!({ "uri": editor.uri("never.tf"), "version": 1 });
    let params = json!({ "textDocument": never, "ranges": [range], "origin": origin });
    editor.client.notify("countersign/edit", params);
    for _ in 0..100 {
        editor.replace("main.tf", "safe", "safer");
        editor.replace("main.tf", "safer", "safe");
    }
    let long_gone = json!({ "uri": editor.uri("main.tf"), "version": 1 });
    let params = json!({ "textDocument": long_gone, "ranges": [range], "origin": origin });
    editor.client.notify("countersign/edit", params);
    assert_eq!(editor.regions("main.tf"), []);
}

// Edits.

#[test]
fn typing_inside_a_line_of_an_ai_makes_it_mixed() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    editor.replace("main.tf", "\"db\"", "\"orders\"");
    let regions = editor.regions("main.tf");
    assert_eq!(by(&regions), [("mixed", PUBLIC.replace("db", "orders").as_str())]);
    assert!((0.9..1.0).contains(&regions[0].retained), "{regions:?}");
}

#[test]
fn a_value_of_an_ai_and_a_person_is_in_part_the_ais() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", &PUBLIC.replace("true", "tr"));
    editor.insert_after("main.tf", "= tr", "ue");
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    let message = editor.message("main.tf");
    assert!(message.contains("in part by claude (observed); must not be applied"), "{message}");
}

#[test]
fn a_line_typed_into_a_block_of_an_ai_splits_it() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let typed = "  name = \"orders\"\n";
    editor.insert_after("main.tf", "\"db\" {\n", typed);
    let (before, after) = PUBLIC.split_at("resource \"aws_lightsail_database\" \"db\" {\n".len());
    assert_eq!(by(&editor.regions("main.tf")), [("ai", before), ("ai", after)]);
}

#[test]
fn typing_at_an_edge_belongs_to_the_typist() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", "a = 1");
    editor.append("main.tf", "0");
    editor.insert_after("main.tf", SAFE, "b");
    assert_eq!(editor.text("main.tf"), format!("{SAFE}ba = 10"));
    assert_eq!(editor.ai_texts("main.tf"), ["a = 1"]);
}

#[test]
fn a_value_that_a_person_retypes_is_not_the_ais() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", &PUBLIC.replace("true", "false"));
    let value = editor.text("main.tf").rfind("false").expect("it is there");
    editor.edit("main.tf", value..value + 5, "true");
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    let message = editor.message("main.tf");
    assert!(message.contains("of unknown origin"), "{message}");
}

#[test]
fn undo_and_redo_bring_the_origin_back() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    for _ in 0..2 {
        editor.replace("main.tf", PUBLIC, "");
        assert_eq!(editor.regions("main.tf"), []);
        editor.append("main.tf", PUBLIC);
        assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
        assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    }
}

#[test]
fn what_was_deleted_key_by_key_comes_back_at_once() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let word = editor.find("main.tf", " = true");
    for end in word.clone().rev() {
        editor.edit("main.tf", end..end + 1, "");
    }
    editor.edit("main.tf", word.start..word.start, " = true");
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)], "Backspace");
    for _ in word.clone() {
        editor.edit("main.tf", word.start..word.start + 1, "");
    }
    editor.edit("main.tf", word.start..word.start, " = true");
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)], "Delete");
}

#[test]
fn what_came_in_line_by_line_comes_back_at_once() {
    let (_workspace, mut editor) = editor_in_git();
    for line in PUBLIC.split_inclusive('\n') {
        editor.ai_appends("main.tf", line);
    }
    editor.replace("main.tf", PUBLIC, "");
    editor.append("main.tf", PUBLIC);
    assert_eq!(editor.ai_texts("main.tf").concat(), PUBLIC);
}

/// No editor undoes one deletion in many steps; a person who types the same again wrote it.
#[test]
fn what_a_person_types_again_letter_by_letter_is_the_persons() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let word = editor.find("main.tf", "true");
    editor.edit("main.tf", word.clone(), "");
    for (index, c) in "true".char_indices() {
        let at = word.start + index;
        editor.edit("main.tf", at..at, &c.to_string());
    }
    let message = editor.message("main.tf");
    assert!(message.contains("of unknown origin"), "{message}");
}

#[test]
fn what_a_person_wrote_does_not_become_the_ais_by_undo() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", "a = 1\n");
    editor.append("main.tf", "b = 2\n");
    editor.replace("main.tf", "a = 1\nb = 2\n", "");
    editor.append("main.tf", "a = 1\nb = 2\n");
    assert_eq!(editor.ai_texts("main.tf"), ["a = 1\n"]);
}

/// A completion replaces what was typed before it, which is still the typist's.
fn assert_completion(typed: &str, accepted: &str) {
    let (_workspace, mut editor) = editor_in_git();
    editor.append("main.tf", typed);
    editor.edit("main.tf", SAFE.len()..SAFE.len() + typed.len(), accepted);
    editor.evidence("main.tf", SAFE.len()..SAFE.len() + accepted.len(), "inlineCompletion");
    assert_eq!(editor.ai_texts("main.tf"), [accepted.strip_prefix(typed).expect("a prefix")]);
}

#[test]
fn a_short_completion_does_not_take_the_typed_prefix() {
    assert_completion("en", "engine = 1");
}

#[test]
fn a_long_completion_does_not_take_the_typed_prefix() {
    assert_completion("publicly_accessible_from_", "publicly_accessible_from_the_whole_wide_world = true");
}

#[test]
fn a_completion_of_lines_does_not_take_the_typed_prefix() {
    assert_completion(&PUBLIC[..10], PUBLIC);
}

#[test]
fn a_full_replacement_keeps_the_owner_of_what_is_the_same() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").replace("\"safe\"", "\"safer\"");
    editor.replace_all("main.tf", &text);
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
    let text = text.replace("\"db\" {\n", "\"db\" {\n  name = \"orders\"\n");
    editor.replace_all("main.tf", &text);
    let texts = editor.ai_texts("main.tf");
    assert_eq!(texts.concat(), PUBLIC, "all but the line that is new");
}

/// An agent rewrites the file to change one word: the word is its own, and not only the letters that differ.
#[test]
fn a_full_replacement_by_an_agent_takes_no_letter_that_was_there() {
    let (_workspace, mut editor) = editor_in_git();
    let text = SAFE.replace("false", "true");
    editor.replace_all("main.tf", &text);
    editor.evidence("main.tf", 0..text.len(), "agent");
    assert_eq!(editor.ai_texts("main.tf"), ["tru"]);
    let message = editor.message("main.tf");
    assert!(message.contains("written in part by claude (observed); must not be applied"), "{message}");
}

#[test]
fn a_formatter_keeps_the_owner() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", "resource \"aws_lightsail_database\" \"db\" {\n publicly_accessible=true\n}\n");
    let text = editor.text("main.tf").replace(" publicly_accessible=true", "  publicly_accessible = true");
    editor.replace_all("main.tf", &text);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert!(editor.message("main.tf").contains("written by claude"));
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
}

// Closing and opening.

#[test]
fn a_reload_by_closing_and_opening_keeps_it() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    assert_eq!(editor.ai_texts("main.tf"), [PUBLIC]);
    editor.close("main.tf");
    editor.open("main.tf", &text);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
}

/// A tool opens, writes and closes in one go, faster than what is remembered of the file can be read.
#[test]
fn evidence_is_kept_where_the_document_is_closed_at_once() {
    let (_workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.close("main.tf");
    editor.open("main.tf", &text);
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
}

#[test]
fn evidence_is_kept_where_the_server_is_ended_at_once() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.quit();
    let mut editor = workspace.editor_on(&text);
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
}

#[test]
fn evidence_is_kept_where_the_client_goes_without_waiting_for_the_answer_to_shutdown() {
    let (workspace, mut editor) = editor_in_git();
    // So much that writing it down takes a while.
    let block = PUBLIC.repeat(1_000);
    editor.ai_appends("main.tf", &block);
    let text = editor.text("main.tf").to_owned();
    let client = &mut editor.client;
    client.send_request("shutdown", Value::Null);
    drop(client.take_stdin());
    assert_eq!(client.wait_exit(), Some(1));
    let mut editor = workspace.editor_on(&text);
    assert_eq!(editor.ai_texts("main.tf"), [block]);
}

#[test]
fn a_restart_keeps_it() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    editor.append("main.tf", "# by hand\n");
    let text = editor.text("main.tf").to_owned();
    let before = editor.regions("main.tf");
    editor.quit();
    let mut editor = workspace.editor_on(&text);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert_eq!(editor.regions("main.tf"), before);
}

#[test]
fn a_restart_keeps_it_where_lines_were_added_above() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.settle();
    editor.quit();
    let mut editor = workspace.editor_on(&format!("# A new first line.\n\n{FORCE}{text}"));
    assert_eq!(editor.ai_texts("main.tf"), [PUBLIC]);
}

#[test]
fn what_was_rewritten_while_it_was_closed_is_nobodys() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").replace("publicly_accessible = true", "publicly_accessible = \"true\"");
    editor.settle();
    editor.quit();
    let mut editor = workspace.editor_on(&text);
    let texts = editor.ai_texts("main.tf");
    assert!(texts.iter().all(|text| !text.contains("publicly")), "{texts:?}");
}

#[test]
fn the_state_is_in_the_git_folder_and_for_the_user_alone() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    editor.settle();
    editor.quit();
    let folder = workspace.path(".git/countersign/attribution");
    let files: Vec<_> = fs::read_dir(&folder).expect("the state").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(files[0].path()), 0o600);
        assert_eq!(mode(folder), 0o700);
    }
    let state = fs::read_to_string(files[0].path()).expect("the state");
    assert!(!state.contains("publicly_accessible"), "the text itself is not stored: {state}");
    assert_eq!(workspace.run_git(&["status", "--porcelain"]), "");
    assert_eq!(fs::read_dir(workspace.state()).expect("the folder").count(), 0);
}

#[test]
fn outside_of_git_the_state_is_in_the_state_folder() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.settle();
    editor.quit();
    let folder = workspace.state().join("countersign/attribution");
    assert_eq!(fs::read_dir(folder).expect("the state").count(), 1);
    let mut editor = workspace.editor_on(&text);
    assert_eq!(editor.ai_texts("main.tf"), [PUBLIC]);
}

/// A document of another scheme, such as the committed side of a comparison, is not the file of that path.
#[test]
fn a_document_that_is_no_file_does_not_touch_the_state_of_one() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.settle();
    editor.close("main.tf");
    let uri = format!("git:{}?ref=HEAD", workspace.path("main.tf").display());
    editor.client.open(&uri, "terraform", SAFE);
    let (start, end) = (json!({ "line": 0, "character": 0 }), json!({ "line": 1, "character": 0 }));
    let document = json!({ "uri": uri, "version": 1 });
    let origin = json!({ "tool": "cursor", "means": "agent" });
    let ranges = [json!({ "start": start, "end": end })];
    let params = json!({ "textDocument": document, "ranges": ranges, "origin": origin });
    editor.client.notify("countersign/edit", params);
    editor.settle();
    editor.client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    editor.open("main.tf", &text);
    assert_eq!(by(&editor.regions("main.tf")), [("ai", PUBLIC)]);
}

#[test]
fn a_broken_state_counts_as_none() {
    let (workspace, mut editor) = editor_in_git();
    editor.ai_appends("main.tf", PUBLIC);
    let text = editor.text("main.tf").to_owned();
    editor.settle();
    editor.quit();
    let folder = workspace.path(".git/countersign/attribution");
    let file = fs::read_dir(folder).expect("the state").flatten().next().expect("a file");
    fs::write(file.path(), "{\"format\":1,\"lines\":[").expect("it is written");
    let mut editor = workspace.editor_on(&text);
    assert_eq!(editor.regions("main.tf"), []);
}

// Tags.

#[test]
fn a_tag_in_the_file_declares_an_ai() {
    let tagged = format!(
        "# ai-provenance: begin id=s_0123456789abcd tool=cursor model=openai/gpt reviewed=no\n{PUBLIC}# ai-provenance: end id=s_0123456789abcd\n"
    );
    let workspace = Workspace::git(&[("main.tf", &tagged)]);
    let mut editor = workspace.editor_on(&tagged);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert!(editor.message("main.tf").contains("written by cursor (declared); must not be applied"));
    let regions = editor.regions("main.tf");
    assert_eq!(regions.len(), 1, "{regions:?}");
    assert!(regions[0].text.contains(PUBLIC.trim()), "{regions:?}");
    assert_eq!(regions[0].origin["authority"], "declared");
    assert_eq!(regions[0].origin["model"], "openai/gpt");
    editor.replace("main.tf", "# ai-provenance: end id=s_0123456789abcd\n", "");
    assert_eq!(
        editor.findings("main.tf"),
        [finding(WARNING, "database-public", "true")],
        "one end alone declares nothing"
    );
}

#[test]
fn evidence_is_stronger_than_a_tag() {
    let tagged = format!(
        "# ai-provenance: begin id=s_0123456789abcd tool=cursor reviewed=no\n{SAFE}# ai-provenance: end id=s_0123456789abcd\n"
    );
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&tagged);
    let at = editor.find("main.tf", SAFE).end;
    editor.edit("main.tf", at..at, PUBLIC);
    editor.evidence("main.tf", at..at + PUBLIC.len(), "human");
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "database-public", "true")]);
}

#[test]
fn two_editors_on_one_file() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let (mut first, mut second) = (workspace.editor_on(SAFE), workspace.editor_on(SAFE));
    second.settle();
    first.ai_appends("main.tf", FORCE);
    let text = first.text("main.tf").to_owned();
    workspace.write("main.tf", &text);
    first.save("main.tf");
    first.settle();
    // The other one reads the file, knows nothing, and writes that down.
    second.replace_all("main.tf", &text);
    second.save("main.tf");
    second.settle();
    second.quit();
    first.quit();
    assert_eq!(workspace.editor_on(&text).ai_texts("main.tf"), [FORCE]);
}
