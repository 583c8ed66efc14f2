//! What a person can do about a finding or a stretch of text: code actions, and a command for each of them.

use crate::editor::{
    ERROR, Editor, FORCE, HINT, PUBLIC, SAFE, WARNING, Workspace, capabilities, capabilities_but, finding, path_of,
    sha256,
};
use serde_json::{Value, json};
use std::fs;

const CONTENT_MODIFIED: i64 = -32801;
const INVALID_PARAMS: i64 = -32602;

/// Names of what is offered at a piece of text.
fn titles(editor: &mut Editor, piece: &str, only: Value) -> Vec<String> {
    let range = editor.find("main.tf", piece);
    let actions = editor.actions_at("main.tf", &range, only);
    actions.iter().map(|action| action["title"].as_str().expect("a title").to_owned()).collect()
}

fn codes(editor: &mut Editor) -> Vec<String> {
    editor.findings("main.tf").into_iter().map(|(_, code, _)| code).collect()
}

// Fixes.

#[test]
fn a_fix_comes_late_and_makes_the_finding_go_away() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let action = editor.action("main.tf", "true", "Fix: ");
    assert_eq!(action["kind"], "quickfix");
    assert_eq!(action["isPreferred"], true);
    assert_eq!(action["diagnostics"], json!(editor.diagnostics("main.tf")));
    assert!(action.get("edit").is_none() && action.get("command").is_none(), "{action}");
    let resolved = editor.resolve(action.clone()).expect("it is resolved");
    assert_eq!(resolved["title"], action["title"]);
    editor.apply(&resolved["edit"]);
    assert_eq!(editor.text("main.tf"), PUBLIC.replace("true", "false"));
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn a_fix_comes_at_once_where_the_client_resolves_nothing() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/codeAction/resolveSupport", Value::Null));
    assert_eq!(editor.offered["capabilities"]["codeActionProvider"]["resolveProvider"], false);
    editor.open("main.tf", PUBLIC);
    let action = editor.action("main.tf", "true", "Fix: ");
    assert!(action.get("data").is_none(), "{action}");
    editor.apply(&action["edit"]);
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn a_fix_is_a_command_where_the_client_knows_no_literals() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/codeAction", json!({})));
    assert_eq!(editor.offered["capabilities"]["codeActionProvider"], true);
    editor.open("main.tf", PUBLIC);
    let command = editor.action("main.tf", "true", "Fix: ");
    assert_eq!(command["command"], "countersign.fix");
    let params = json!({ "command": command["command"], "arguments": command["arguments"] });
    assert_eq!(editor.client.request("workspace/executeCommand", params), Ok(Value::Null));
    editor.apply_what_is_asked();
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn an_edit_names_no_version_where_the_client_knows_no_document_changes() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(capabilities_but("/workspace/workspaceEdit", json!({})));
    editor.open("main.tf", PUBLIC);
    let action = editor.action("main.tf", "true", "Fix: ");
    let edit = editor.resolve(action).expect("it is resolved")["edit"].clone();
    assert!(edit.get("documentChanges").is_none(), "{edit}");
    editor.apply(&edit);
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn a_fix_writes_what_is_missing_with_the_line_breaks_of_the_file() {
    let text = "resource \"aws_docdb_cluster\" \"docs\" {\r\n  engine = \"docdb\"\r\n}\r\n";
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(text);
    assert!(codes(&mut editor).contains(&"deletion-protection-off".to_owned()));
    editor.choose("main.tf", "aws_docdb_cluster", "Fix: Deletion protection");
    assert!(!codes(&mut editor).contains(&"deletion-protection-off".to_owned()));
    let fixed = editor.text("main.tf");
    assert!(fixed.contains("  deletion_protection = true\r\n"), "{fixed:?}");
    assert!(!fixed.replace("\r\n", "").contains('\n'), "{fixed:?}");
}

#[test]
fn a_fix_that_a_person_takes_leaves_the_rest_with_its_writer() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.choose("main.tf", "= true", "Fix: ");
    assert_eq!(editor.findings("main.tf"), []);
    assert_eq!(editor.regions("main.tf")[0].by, "mixed");
}

#[test]
fn an_action_for_an_older_version_is_refused() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let action = editor.action("main.tf", "true", "Fix: ");
    editor.edit("main.tf", 0..0, "\n");
    let error = editor.resolve(action).expect_err("the text has changed");
    assert_eq!(error.code, CONTENT_MODIFIED);
}

#[test]
fn an_action_of_somebody_else_is_refused() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    for data in [json!(null), json!(1), json!({ "command": "countersign.fix" })] {
        let action = json!({ "title": "Fix", "data": data });
        assert_eq!(editor.resolve(action).expect_err("an error").code, INVALID_PARAMS);
    }
}

#[test]
fn only_the_kinds_that_are_asked_for_are_offered() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    let all = titles(&mut editor, "= true", Value::Null);
    let fixes = titles(&mut editor, "= true", json!(["quickfix"]));
    let refactorings = titles(&mut editor, "= true", json!(["refactor"]));
    assert!(!fixes.is_empty() && !refactorings.is_empty(), "{all:?}");
    assert_eq!([fixes, refactorings].concat(), all);
    assert_eq!(titles(&mut editor, "= true", json!([""])), all, "the empty kind is that of all");
    for other in ["source.organizeImports", "source.fixAll.other", "refactor.extract", "quickfix.other", "quick"] {
        assert_eq!(titles(&mut editor, "= true", json!([other])), [] as [String; 0], "{other}");
    }
}

/// Names of all findings that have a fix.
fn fixable(editor: &mut Editor) -> usize {
    let all = 0..editor.text("main.tf").len();
    let actions = editor.actions_at("main.tf", &all, json!(["quickfix"]));
    let is_fix = |action: &&Value| action["title"].as_str().is_some_and(|title| title.starts_with("Fix: "));
    actions.iter().filter(is_fix).count()
}

/// Several risks, two of them at one place and two of one kind; one is accepted.
fn many() -> String {
    let docs = "resource \"aws_docdb_cluster\" \"docs\" {\n  engine = \"docdb\"\n}\n";
    let accepted = PUBLIC.replace("\"db\"", "\"honey\"");
    let second = PUBLIC.replace("\"db\"", "\"second\"");
    let allow = "# countersign: allow database-public reason=\"a honeypot\"\n";
    let versions = "resource \"aws_s3_bucket_versioning\" \"v\" {\n  bucket = \"b\"\n  versioning_configuration {\n    status = \"Suspended\"\n  }\n}\n";
    format!("{PUBLIC}{docs}{second}{allow}{accepted}{versions}{FORCE}")
}

#[test]
fn everything_is_fixed_at_once_and_nothing_else_changes() {
    for kind in ["source.fixAll.countersign", "source.fixAll", "source"] {
        let workspace = Workspace::new();
        let mut editor = workspace.editor_on(&many());
        let before = codes(&mut editor);
        assert!(fixable(&mut editor) >= 4, "{before:?}");
        let actions = editor.actions_at("main.tf", &(0..0), json!([kind]));
        let [action] = actions.as_slice() else { panic!("{actions:#?} is not one action") };
        assert_eq!(action["kind"], "source.fixAll.countersign");
        assert!(action.get("edit").is_none() && action.get("command").is_none(), "{action}");
        let edit = editor.resolve(action.clone()).expect("it is resolved")["edit"].clone();
        assert!(edit["documentChanges"][0]["textDocument"]["version"].is_number(), "{edit}");
        editor.apply(&edit);
        let after = codes(&mut editor);
        assert_eq!(fixable(&mut editor), 0, "{}", editor.text("main.tf"));
        assert!(after.iter().all(|code| before.contains(code)), "{after:?}");
        assert_eq!(editor.text("main.tf").matches("publicly_accessible = true").count(), 1, "what is accepted stays");
        assert_eq!(editor.actions_at("main.tf", &(0..0), json!([kind])), [] as [Value; 0], "there is nothing left");
    }
}

#[test]
fn all_of_one_risk_are_fixed_where_there_are_several() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&many());
    let range = editor.find("main.tf", "\"db\" {\n  publicly_accessible = true");
    let title = "Fix all `database-public` in this file";
    let actions = editor.actions_at("main.tf", &range, Value::Null);
    let action = actions.iter().find(|action| action["title"] == title).expect("it is offered").clone();
    assert_eq!(action["kind"], "quickfix");
    let edit = editor.resolve(action).expect("it is resolved")["edit"].clone();
    editor.apply(&edit);
    let left = codes(&mut editor);
    assert!(!left.contains(&"database-public".to_owned()), "{left:?}");
    assert!(left.contains(&"deletion-protection-off".to_owned()), "{left:?}");
    // One alone has its own fix.
    editor.replace_all("main.tf", PUBLIC);
    assert!(!titles(&mut editor, "true", Value::Null).iter().any(|title| title.starts_with("Fix all")));
}

#[test]
fn all_is_fixed_by_a_command_too() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&many());
    editor.settle();
    assert_eq!(editor.command("countersign.fixAll", "main.tf", "logs", json!({})), Ok(Value::Null));
    editor.apply_what_is_asked();
    assert_eq!(fixable(&mut editor), 0);
    editor.settle();
    let error = editor.command("countersign.fixAll", "main.tf", "logs", json!({})).expect_err("nothing is left");
    assert_eq!(error.code, INVALID_PARAMS);
}

#[test]
fn nothing_is_offered_where_nothing_is_known() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    assert_eq!(editor.actions_at("main.tf", &(3..3), Value::Null), [] as [Value; 0]);
}

#[test]
fn actions_come_for_the_diagnostics_that_the_client_names() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    editor.settle();
    // The place is the beginning of the finding's line.
    let start = editor.find("main.tf", "  publicly").start;
    let place = editor.range_of("main.tf", &(start..start));
    let finding = editor.range_of("main.tf", &editor.find("main.tf", "true"));
    for (code, range, offered) in [
        ("database-public", finding.clone(), true),
        ("force-destroy", finding, false),
        ("database-public", place.clone(), false),
    ] {
        let diagnostic = json!({ "range": range, "code": code, "message": "" });
        let params = json!({ "range": place, "context": { "diagnostics": [diagnostic] } });
        let actions = editor.request("textDocument/codeAction", "main.tf", params);
        let fix = actions.to_string().contains("Fix: A database gets a public address");
        assert_eq!(fix, offered, "{code} at {range}: {actions}");
    }
}

// Tags and a person's word.

#[test]
fn a_tag_stands_around_whole_lines() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    editor.ai_wrote("main.tf", "accessible = true");
    editor.choose("main.tf", "true", "Tag as written by claude");
    let text = editor.text("main.tf").to_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    let begin = lines[1].strip_prefix("  # ai-provenance: begin id=").expect("a tag");
    let (id, rest) = begin.split_once(' ').expect("more");
    assert_eq!(rest, "tool=claude model=anthropic/opus reviewed=no");
    assert!(id.starts_with("s_") && id.len() == 16, "{id}");
    assert_eq!(lines[2], "  publicly_accessible = true");
    assert_eq!(lines[3], format!("  # ai-provenance: end id={id}"));
    assert_eq!(lines[4], "}");
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
}

#[test]
fn lines_behind_the_last_come_with_its_line_break() {
    let workspace = Workspace::new();
    for newline in ["\n", "\r\n"] {
        let mut editor = workspace.editor_on(&PUBLIC.replace('\n', newline));
        let range = 0..editor.text("main.tf").len();
        let actions = editor.actions_at("main.tf", &range, Value::Null);
        let tag = actions.iter().find(|action| action["title"].as_str().is_some_and(|title| title.starts_with("Tag")));
        let resolved = editor.client.request("codeAction/resolve", tag.expect("a tag").clone()).expect("an edit");
        let edits = resolved["edit"]["documentChanges"][0]["edits"].as_array().expect("edits").clone();
        let last = edits.iter().find(|edit| edit["range"]["start"]["line"] == 2).expect("at the last line");
        assert_eq!(last["range"]["end"], json!({ "line": 3, "character": 0 }));
        let text = last["newText"].as_str().expect("text");
        assert!(text.starts_with(&format!("{newline}# ai-provenance: end")) && text.ends_with(newline), "{text:?}");
        editor.close("main.tf");
    }
}

#[test]
fn a_tag_keeps_the_line_breaks_of_the_file() {
    let text = PUBLIC.replace('\n', "\r\n");
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(text.trim_end());
    editor.ai_wrote("main.tf", text.trim_end());
    editor.choose("main.tf", "true", "Tag as written by claude");
    let tagged = editor.text("main.tf");
    assert_eq!(tagged.matches("\r\n").count(), 5, "{tagged:?}");
    assert!(!tagged.replace("\r\n", "").contains(['\r', '\n']), "{tagged:?}");
}

#[test]
fn a_tag_never_stands_in_a_heredoc() {
    let text = "resource \"null_resource\" \"a\" {\n  script = <<-EOT\n    first\n    second\n    third\n  EOT\n}\n";
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(text);
    editor.ai_wrote("main.tf", "second\n");
    editor.choose("main.tf", "second", "Tag as written by claude");
    let tagged = editor.text("main.tf");
    let lines: Vec<_> = tagged.lines().map(str::trim).collect();
    assert!(lines[1].starts_with("# ai-provenance: begin "), "{tagged}");
    assert_eq!(lines[2..7], ["script = <<-EOT", "first", "second", "third", "EOT"], "{tagged}");
    assert!(lines[7].starts_with("# ai-provenance: end "), "{tagged}");
}

#[test]
fn a_selection_can_be_tagged() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    editor.choose("main.tf", PUBLIC, "Tag as written by an AI");
    assert!(editor.text("main.tf").contains("tool=unknown reviewed=no\n"));
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    assert!(editor.message("main.tf").contains("written by an AI tool (declared)"));
}

#[test]
fn a_person_corrects_what_is_on_record() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    let action = editor.action("main.tf", "= true", "I wrote this");
    assert_eq!(action["kind"], "refactor");
    let params = json!({
        "command": action["command"]["command"], "arguments": action["command"]["arguments"],
    });
    assert_eq!(editor.client.request("workspace/executeCommand", params), Ok(Value::Null));
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "database-public", "true")]);
    let regions = editor.regions("main.tf");
    assert_eq!((regions.len(), regions[0].text.as_str()), (1, PUBLIC), "{regions:?}");
    assert_eq!(regions[0].origin["by"], "human");
    assert_eq!(regions[0].origin["authority"], "corrected");
    let at = editor.range("main.tf", "= true")["start"].clone();
    let hover = editor.request("textDocument/hover", "main.tf", json!({ "position": at }));
    let words = hover["contents"]["value"].as_str().expect("words");
    assert!(words.contains("Before, claude was on record (observed)"), "{words}");
    let text = editor.text("main.tf").to_owned();
    editor.close("main.tf");
    editor.open("main.tf", &text);
    assert_eq!(editor.regions("main.tf"), regions, "a correction is kept");
}

// Reviews.

/// What a request for a review of [`PUBLIC`] in this file has to say.
fn assert_is_request(request: &str, name: &str, text: &str, by: &str) {
    let statement: Value = serde_json::from_str(request).expect("JSON");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "urn:countersign:review-request:v1");
    assert_eq!(statement["subject"], json!([{ "name": name, "digest": { "sha256": sha256(text) } }]));
    let predicate = &statement["predicate"];
    assert_eq!(predicate["requestedBy"], by);
    let region = &predicate["region"];
    assert_eq!(region["path"], name);
    assert_eq!(region["contentSha256"], sha256(PUBLIC.trim_end()), "all of the resource");
    let findings = predicate["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["risk"], "database-public");
    assert_eq!(findings[0]["verdict"], "deny");
    assert_eq!(findings[0]["origin"]["tool"], "claude");
    assert_eq!(findings[0]["resource"]["address"], "aws_lightsail_database.db");
    assert!(predicate["why"].as_str().is_some_and(|why| !why.is_empty()), "{predicate}");
    assert!(predicate["requestedAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{predicate}");
}

#[test]
fn a_review_is_requested_with_a_file_that_the_editor_creates() {
    let workspace = Workspace::git(&[("db/main.tf", SAFE)]);
    let mut editor = workspace.editor();
    editor.open("db/main.tf", SAFE);
    editor.ai_appends("db/main.tf", PUBLIC);
    let action = editor.action("db/main.tf", "= true", "Request a review: ");
    let edit = editor.resolve(action).expect("it is resolved")["edit"].clone();
    let changes = edit["documentChanges"].as_array().expect("changes");
    assert_eq!(changes.len(), 2, "{edit}");
    assert_eq!(changes[0]["kind"], "create");
    assert_eq!(changes[1]["textDocument"], json!({ "uri": changes[0]["uri"], "version": null }));
    let file = path_of(&changes[0]["uri"]);
    assert_eq!(file.parent(), Some(workspace.path(".countersign/reviews").as_path()));
    assert!(!file.exists(), "nothing is written before the person chose");
    editor.apply(&edit);
    let request = fs::read_to_string(&file).expect("the request");
    assert_is_request(&request, "db/main.tf", editor.text("db/main.tf"), "Ann <ann@example.org>");
    let statement: Value = serde_json::from_str(&request).expect("JSON");
    let id = statement["predicate"]["requestId"].as_str().expect("an id");
    assert_eq!(file.file_name().and_then(|name| name.to_str()), Some(format!("{id}.json").as_str()));
}

#[test]
fn a_review_is_requested_with_a_file_that_the_server_writes() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_with(capabilities_but("/workspace/workspaceEdit", json!({})));
    editor.open("main.tf", SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    let action = editor.action("main.tf", "= true", "Request a review: ");
    assert!(action.get("data").is_none() && action.get("edit").is_none(), "{action}");
    assert!(!workspace.path(".countersign").exists(), "nothing is written before the person chose");
    let params = json!({
        "command": action["command"]["command"], "arguments": action["command"]["arguments"],
    });
    let answer = editor.client.request("workspace/executeCommand", params).expect("it is written");
    let said = editor.client.notification("window/showMessage");
    let said = said["message"].as_str().expect("a message");
    assert!(said.contains(".countersign/reviews/"), "{said}");
    let files: Vec<_> = fs::read_dir(workspace.path(".countersign/reviews")).expect("the folder").flatten().collect();
    assert_eq!(files.len(), 1, "one file and no leftovers: {files:?}");
    let file = files[0].path();
    assert!(
        answer["file"].as_str().is_some_and(|name| file.ends_with(name) || name == file.to_string_lossy()),
        "{answer}"
    );
    let request = fs::read_to_string(file).expect("the request");
    assert_is_request(&request, "main.tf", editor.text("main.tf"), "Ann <ann@example.org>");
}

#[test]
fn the_same_content_gives_the_same_request() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_with(capabilities_but("/workspace/workspaceEdit", json!({})));
    editor.open("main.tf", PUBLIC);
    for _ in 0..2 {
        editor.settle();
        let more = json!({ "risk": "database-public", "reason": "Only for the launch." });
        editor.command("countersign.requestReview", "main.tf", "true", more).expect("it is written");
        editor.client.notification("window/showMessage");
    }
    let files: Vec<_> = fs::read_dir(workspace.path(".countersign/reviews")).expect("the folder").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let request = fs::read_to_string(files[0].path()).expect("the request");
    let statement: Value = serde_json::from_str(&request).expect("JSON");
    assert_eq!(statement["predicate"]["why"], "Only for the launch.");
}

#[test]
fn a_review_of_what_is_no_file_is_refused() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    let uri = "untitled:Untitled-1";
    editor.client.open(uri, "terraform", PUBLIC);
    assert_eq!(editor.client.diagnostics(uri, 1).len(), 1);
    let range = json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 2, "character": 0 } });
    let arguments = [json!({ "uri": uri, "range": range })];
    let params = json!({ "command": "countersign.requestReview", "arguments": arguments });
    let error = editor.client.request("workspace/executeCommand", params).expect_err("an error");
    assert_eq!(error.code, INVALID_PARAMS);
    assert!(error.message.contains("save"), "{error:?}");
}

// Suppressions.

#[test]
fn a_suppression_has_no_effect_before_it_has_a_reason() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    editor.choose("main.tf", "true", "Accept with a reason: ");
    let comment = "  # countersign: allow database-public reason=\"\"\n";
    assert!(editor.text("main.tf").contains(comment), "{}", editor.text("main.tf"));
    assert_eq!(codes(&mut editor), ["suppression-without-effect", "database-public"]);
    let diagnostics = editor.diagnostics("main.tf");
    let message = diagnostics[0]["message"].as_str().expect("a message");
    assert!(message.contains("no reason"), "{message}");
    editor.replace("main.tf", "reason=\"", "reason=\"a honeypot");
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn a_suppression_holds_for_its_block_and_no_further() {
    let workspace = Workspace::new();
    let allow = "# countersign: allow database-public reason=\"a honeypot\" until=2999-12-31\n";
    let mut editor = workspace.editor_on(&format!("{allow}{PUBLIC}"));
    assert_eq!(editor.findings("main.tf"), [], "above the block");
    editor.append("main.tf", &PUBLIC.replace("\"db\"", "\"second\""));
    assert_eq!(codes(&mut editor), ["database-public"], "the next block");
    let behind = PUBLIC.replace("true", "true # countersign: allow database-public reason=\"a honeypot\"");
    editor.replace_all("main.tf", &behind);
    assert_eq!(editor.findings("main.tf"), [], "behind the line");
}

#[test]
fn a_suppression_without_effect_is_a_finding_that_says_why() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on("");
    for (allow, why) in [
        ("database-public reason=\"x\" until=2020-01-31", "it ended on 2020-01-31"),
        ("data-base-public reason=\"x\"", "there is no risk `data-base-public`"),
        ("force-destroy reason=\"x\"", "`force-destroy` is not seen here"),
        ("database-public", "it gives no reason"),
        ("database-public reason=\" \"", "it gives no reason"),
        ("database-public reason=\"x\" until=soon", "`soon` is not a date"),
        ("reason=\"x\"", "it names no risk"),
    ] {
        editor.replace_all("main.tf", &format!("# countersign: allow {allow}\n{PUBLIC}"));
        let diagnostics = editor.diagnostics("main.tf");
        assert_eq!(codes(&mut editor), ["suppression-without-effect", "database-public"], "{allow}");
        let message = diagnostics[0]["message"].as_str().expect("a message");
        assert!(message.contains(why), "{allow}: {message}");
    }
}

#[test]
fn an_ai_cannot_accept_a_risk() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let allow = "# countersign: allow database-public reason=\"a honeypot\"\n";
    editor.edit("main.tf", 0..0, allow);
    editor.ai_wrote("main.tf", allow);
    assert_eq!(codes(&mut editor), ["suppression-without-effect", "database-public"]);
    let diagnostics = editor.diagnostics("main.tf");
    let message = diagnostics[0]["message"].as_str().expect("a message");
    assert!(message.contains("an AI wrote it"), "{message}");
    let action = editor.action("main.tf", "a honeypot", "I wrote this");
    let params = json!({
        "command": action["command"]["command"], "arguments": action["command"]["arguments"],
    });
    editor.client.request("workspace/executeCommand", params).expect("it is taken");
    assert_eq!(editor.findings("main.tf"), [], "a person vouches for it");
}

#[test]
fn a_suppression_of_its_own_notice_is_not_offered() {
    let workspace = Workspace::new();
    let text = "# countersign: allow database-public reason=\"x\"\nlocals {}\n";
    let mut editor = workspace.editor_on(text);
    let titles = titles(&mut editor, "countersign: allow", json!(["quickfix"]));
    assert!(!titles.iter().any(|title| title.starts_with("Accept")), "{titles:?}");
}

// Explanations.

#[test]
fn a_risk_is_explained_in_a_message() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let action = editor.action("main.tf", "true", "Explain: ");
    let params = json!({
        "command": action["command"]["command"], "arguments": action["command"]["arguments"],
    });
    let page = editor.client.request("workspace/executeCommand", params).expect("a page");
    let page = page.as_str().expect("a text");
    assert!(page.starts_with("# A database gets a public address"), "{page}");
    assert_eq!(editor.client.notification("window/showMessage")["message"], page);
}

#[test]
fn a_risk_is_explained_in_a_document() {
    let workspace = Workspace::new();
    let mut capabilities = capabilities();
    capabilities["window"]["showDocument"]["support"] = true.into();
    let mut editor = workspace.editor_with(capabilities);
    editor.open("main.tf", PUBLIC);
    let arguments = [json!({ "risk": "database-public" })];
    let params = json!({ "command": "countersign.explain", "arguments": arguments });
    let page = editor.client.request("workspace/executeCommand", params).expect("a page");
    let asked = editor.client.server_request("window/showDocument");
    let file = path_of(&asked["uri"]);
    assert!(file.starts_with(workspace.state()), "{asked}");
    assert_eq!(fs::read_to_string(file).expect("the page"), page.as_str().expect("a text"));
}

// Commands.

#[test]
fn each_action_has_a_command() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    let commands = editor.offered["capabilities"]["executeCommandProvider"]["commands"].clone();
    for command in ["fix", "tagProvenance", "iWroteThis", "requestReview", "suppress", "explain"] {
        let command = format!("countersign.{command}");
        assert!(commands.as_array().is_some_and(|all| all.contains(&command.into())), "{commands}");
    }
    editor.ai_appends("main.tf", PUBLIC);
    editor.settle();

    let reason = json!({ "risk": "database-public", "reason": "say \"why\"" });
    assert_eq!(editor.command("countersign.suppress", "main.tf", "true", reason), Ok(Value::Null));
    editor.apply_what_is_asked();
    assert_eq!(editor.findings("main.tf"), [], "{}", editor.text("main.tf"));
    let comment = "  # countersign: allow database-public reason=\"say 'why'\"\n";
    editor.replace("main.tf", comment, "");

    editor.settle();
    let tool = json!({ "tool": "claude" });
    assert_eq!(editor.command("countersign.tagProvenance", "main.tf", "= true", tool), Ok(Value::Null));
    editor.apply_what_is_asked();
    assert!(editor.text("main.tf").contains("# ai-provenance: begin "));

    editor.settle();
    let risk = json!({ "risk": "database-public" });
    assert_eq!(editor.command("countersign.requestReview", "main.tf", "true", risk.clone()), Ok(Value::Null));
    editor.apply_what_is_asked();
    let reviews = fs::read_dir(workspace.path(".countersign/reviews")).expect("the folder");
    assert_eq!(reviews.count(), 1);

    let origin = editor.command("countersign.showOrigin", "main.tf", "= true", json!({}));
    let origin = origin.expect("words");
    assert_eq!(editor.client.notification("window/showMessage")["message"], origin);
    assert!(origin.as_str().is_some_and(|words| words.contains("claude")), "{origin}");

    assert_eq!(editor.command("countersign.fix", "main.tf", "true", risk), Ok(Value::Null));
    editor.apply_what_is_asked();
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn commands_that_make_no_sense_are_refused() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&format!("{PUBLIC}{FORCE}"));
    editor.settle();
    let mut code = |command: &str, piece: &str, more: Value| {
        let error = editor.command(command, "main.tf", piece, more).expect_err("an error");
        (error.code, error.message)
    };
    for (command, piece, more, says) in [
        ("countersign.nothing", "db", json!({}), "countersign.nothing"),
        ("countersign.fix", "db", json!({ "risk": "database-public" }), "any more"),
        ("countersign.fix", "db", json!({}), "any more"),
        ("countersign.suppress", "db", json!({ "risk": "force-destroy" }), "any more"),
        ("countersign.explain", "db", json!({ "risk": "nothing" }), "no risk `nothing`"),
    ] {
        let (code, message) = code(command, piece, more);
        assert_eq!(code, INVALID_PARAMS, "{command}");
        assert!(message.contains(says), "{command}: {message}");
    }
    for arguments in [json!([]), json!([1]), json!([{ "uri": "file:///not/open.tf" }])] {
        let params = json!({ "command": "countersign.fix", "arguments": arguments });
        let error = editor.client.request("workspace/executeCommand", params).expect_err("an error");
        assert_eq!(error.code, INVALID_PARAMS);
        // An editor that lists commands sends nothing.
        assert_eq!(error.message.contains("told a place"), arguments == json!([]), "{}", error.message);
    }
    assert_eq!(editor.findings("main.tf").len(), 2, "nothing happened");
}

#[test]
fn a_command_does_not_edit_where_the_client_cannot() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(capabilities_but("/workspace/applyEdit", false.into()));
    editor.open("main.tf", PUBLIC);
    editor.settle();
    let risk = json!({ "risk": "database-public" });
    let error = editor.command("countersign.fix", "main.tf", "true", risk);
    assert_eq!(error.expect_err("an error").code, INVALID_PARAMS);
    assert_eq!(editor.client.server_requests(), [] as [Value; 0]);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
}
