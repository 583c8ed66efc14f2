//! `countersign/checkEdit`: what would be said of an edit, without making it.

use crate::editor::{Editor, FORCE, PUBLIC, SAFE, WARNING, Workspace, capabilities_but, finding};
use countersign_testkit::RpcError;
use serde_json::{Value, json};

const INVALID_PARAMS: i64 = -32602;

fn by(means: &str) -> Value {
    json!({ "tool": "claude", "means": means })
}

fn check(editor: &mut Editor, name: &str, mut params: Value) -> Result<Value, RpcError> {
    if params.get("origin").is_none() {
        params["origin"] = by("agent");
    }
    editor.settle();
    editor.try_request("countersign/checkEdit", name, params)
}

/// An edit that puts `text` at the start.
fn insertion(text: &str) -> Value {
    let start = json!({ "line": 0, "character": 0 });
    json!({ "range": { "start": start, "end": start }, "newText": text })
}

/// Verdict and risks.
fn verdict(answer: &Value) -> (&str, Vec<&str>) {
    let findings = answer["findings"].as_array().expect("findings").iter();
    let risks = findings.map(|finding| finding["risk"].as_str().expect("a risk")).collect();
    (answer["verdict"].as_str().expect("a verdict"), risks)
}

#[test]
fn each_verdict() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on("");
    let versioning = "resource \"aws_s3_bucket_versioning\" \"v\" {\n  versioning_configuration {\n    status = \"Suspended\"\n  }\n}\n";
    for (text, means, expected) in [
        (PUBLIC, "agent", ("deny", vec!["database-public"])),
        (PUBLIC, "chat", ("deny", vec!["database-public"])),
        (PUBLIC, "paste", ("review", vec!["database-public"])),
        (PUBLIC, "human", ("note", vec!["database-public"])),
        (FORCE, "agent", ("review", vec!["force-destroy"])),
        (versioning, "agent", ("note", vec!["object-versioning-off"])),
        (SAFE, "agent", ("allow", vec![])),
    ] {
        let params = json!({ "edits": [insertion(text)], "origin": by(means) });
        let answer = check(&mut editor, "main.tf", params).expect("an answer");
        assert_eq!(verdict(&answer), expected, "{means}");
    }
}

#[test]
fn the_answer_says_what_a_finding_says() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    let answer = check(&mut editor, "main.tf", json!({ "edits": [insertion(PUBLIC)] })).expect("an answer");
    let finding = &answer["findings"][0];
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["origin"]["by"], "ai");
    assert_eq!(finding["origin"]["tool"], "claude");
    assert_eq!(finding["resource"]["address"], "aws_lightsail_database.db");
    assert_eq!(finding["range"]["start"], json!({ "line": 1, "character": 24 }));
    assert!(finding["path"].as_str().is_some_and(|path| path.ends_with("main.tf")), "{finding}");
    let message = answer["message"].as_str().expect("a message");
    assert!(message.contains("gets a public address"), "{message}");
    assert!(message.contains("Set `publicly_accessible` to `false`"), "{message}");
    assert!(message.contains("database-public"), "{message}");
}

#[test]
fn nothing_is_changed() {
    let workspace = Workspace::new();
    workspace.write("main.tf", FORCE);
    let mut editor = workspace.editor_on(FORCE);
    let before = editor.findings("main.tf");
    let text = format!("{FORCE}{PUBLIC}");
    let answer = check(&mut editor, "main.tf", json!({ "newText": text })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
    assert_eq!(editor.findings("main.tf"), before);
    assert_eq!(editor.regions("main.tf"), []);
    assert_eq!(workspace.read("main.tf"), FORCE);
    editor.append("main.tf", PUBLIC);
    assert_eq!(editor.findings("main.tf").len(), 2, "the server's text is still the editor's");
}

/// A value that happens to stay does not make a person of the AI that wrote everything around it.
#[test]
fn a_setting_that_an_ai_puts_before_an_old_value_is_its_own() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(FORCE);
    let answer = check(&mut editor, "main.tf", json!({ "newText": PUBLIC })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
}

#[test]
fn what_was_there_before_is_not_the_edits() {
    let workspace = Workspace::new();
    let text = format!("{PUBLIC}{SAFE}");
    let mut editor = workspace.editor_on(&text);
    let range = editor.range("main.tf", "\"safe\"");
    let edits = json!([{ "range": range, "newText": "\"safer\"" }]);
    let answer = check(&mut editor, "main.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("allow", vec![]));
    let answer = check(&mut editor, "main.tf", json!({ "newText": text.replace("safe", "safer") }));
    assert_eq!(verdict(&answer.expect("an answer")), ("allow", vec![]), "as a whole text");
}

#[test]
fn an_edit_that_takes_a_protection_away_is_judged() {
    let protected =
        "resource \"aws_docdb_cluster\" \"docs\" {\n  deletion_protection = true\n  storage_encrypted = true\n}\n";
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(protected);
    let range = editor.range("main.tf", "  deletion_protection = true\n");
    let edits = json!([{ "range": range, "newText": "" }]);
    let answer = check(&mut editor, "main.tf", json!({ "edits": edits })).expect("an answer");
    let (verdict, risks) = verdict(&answer);
    assert_eq!((verdict, risks.contains(&"deletion-protection-off")), ("review", true), "{answer}");
}

#[test]
fn an_edit_that_repairs_is_allowed() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let edits = json!([{ "range": editor.range("main.tf", "true"), "newText": "false" }]);
    let answer = check(&mut editor, "main.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("allow", vec![]));
}

#[test]
fn an_ai_cannot_bring_its_own_permission() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    let text = format!("# countersign: allow database-public reason=\"because\"\n{PUBLIC}");
    let answer = check(&mut editor, "main.tf", json!({ "edits": [insertion(&text)] })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["suppression-without-effect", "database-public"]));
}

#[test]
fn several_edits_all_count_in_the_text_as_it_is() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(&format!("# 😀\n{SAFE}# end\n"));
    let edits = json!([
        { "range": editor.range("main.tf", "# 😀"), "newText": "# one\n# two" },
        { "range": editor.range("main.tf", "false"), "newText": "true" },
        { "range": editor.range("main.tf", "# end"), "newText": FORCE },
    ]);
    let answer = check(&mut editor, "main.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public", "force-destroy"]));
    assert_eq!(answer["findings"][0]["range"]["start"]["line"], 3, "in the text as it would be");
}

#[test]
fn edits_that_touch_are_no_overlap() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    let edits = json!([insertion("# first\n"), insertion("# second\n")]);
    let answer = check(&mut editor, "main.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("allow", vec![]));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let workspace = Workspace::new();
    workspace.write("README.md", "text");
    let mut editor = workspace.editor_on(SAFE);
    let overlapping = json!([
        { "range": editor.range("main.tf", "_accessible = f"), "newText": "x" },
        { "range": editor.range("main.tf", "false"), "newText": "y" },
    ]);
    for (name, params, says) in [
        ("main.tf", json!({ "edits": overlapping }), "overlap"),
        ("main.tf", json!({ "edits": [], "newText": "" }), "either"),
        ("main.tf", json!({}), "either"),
        ("missing.tf", json!({ "edits": [insertion("x")] }), "cannot be read"),
        ("README.md", json!({ "newText": "" }), "this kind of file"),
    ] {
        let error = check(&mut editor, name, params.clone()).expect_err("an error");
        assert_eq!(error.code, INVALID_PARAMS, "{params}");
        assert!(error.message.contains(says), "{params}: {error:?}");
    }
}

#[test]
fn a_file_that_is_not_open_is_read() {
    let workspace = Workspace::new();
    workspace.write("other.tf", &format!("# 😀\n{SAFE}"));
    let mut editor = workspace.editor();
    let value = json!({ "start": { "line": 2, "character": 24 }, "end": { "line": 2, "character": 29 } });
    let edits = json!([{ "range": value, "newText": "true" }]);
    let answer = check(&mut editor, "other.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
    let answer = check(&mut editor, "other.tf", json!({ "newText": format!("{SAFE}{FORCE}") })).expect("an answer");
    assert_eq!(verdict(&answer), ("review", vec!["force-destroy"]));
}

#[test]
fn a_file_that_is_not_open_is_counted_in_the_encoding_that_was_agreed_on() {
    let workspace = Workspace::new();
    workspace.write("other.tf", &SAFE.replace("  publicly", "  /* ééé */ publicly"));
    let mut editor = workspace.editor_with(capabilities_but("/general/positionEncodings", json!(["utf-8"])));
    let start = "  /* ééé */ publicly_accessible = ".len();
    let range = json!({
        "start": { "line": 1, "character": start }, "end": { "line": 1, "character": start + "false".len() },
    });
    let edits = json!([{ "range": range, "newText": "true" }]);
    let answer = check(&mut editor, "other.tf", json!({ "edits": edits })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
}

#[test]
fn a_file_that_is_new_is_judged_as_a_whole() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    let answer = check(&mut editor, "modules/db/new.tf", json!({ "newText": PUBLIC })).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
    assert!(!workspace.path("modules").exists());
}

#[test]
fn the_settings_hold_for_open_and_closed_files() {
    let workspace = Workspace::new();
    let rows = "[files]\nexclude = [\"vendor/**\"]\n[[verdict]]\norigin = [\"ai\", \"mixed\"]\nverdict = \"review\"\n";
    workspace.write("countersign.toml", rows);
    let mut editor = workspace.editor_on(SAFE);
    editor.open("vendor/open.tf", SAFE);
    workspace.write("vendor/closed.tf", SAFE);
    for (name, expected) in
        [("main.tf", "review"), ("closed.tf", "review"), ("vendor/open.tf", "allow"), ("vendor/closed.tf", "allow")]
    {
        let answer = check(&mut editor, name, json!({ "newText": PUBLIC })).expect("an answer");
        assert_eq!(verdict(&answer).0, expected, "{name}");
    }
}

#[test]
fn a_large_block_raises_no_question() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let block = "# A distinctive comment, many times.\n".repeat(20);
    let params = json!({ "edits": [insertion(&block)], "origin": by("paste") });
    let answer = check(&mut editor, "main.tf", params).expect("an answer");
    assert_eq!(verdict(&answer), ("allow", vec![]));
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
}

/// A diff as an agent of the Agent Client Protocol proposes it, and what is asked about it: docs/acp.md has both.
#[test]
fn a_diff_of_the_agent_client_protocol() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/acp.md")).expect("the page");
    let fences: Vec<Value> = page
        .split("```json\n")
        .skip(1)
        .map(|part| serde_json::from_str(part.split("```").next().expect("a fence")).expect("JSON"))
        .collect();
    let [asked, request, result, refused] = fences.as_slice() else { panic!("four examples") };
    let diff = &asked["params"]["toolCall"]["content"][0];
    let workspace = Workspace::git(&[("live/prod/main.tf", diff["oldText"].as_str().expect("a text"))]);
    let mut editor = workspace.editor();
    let name = diff["path"].as_str().expect("a path").trim_start_matches("/repo/");
    // The page's request is made of its diff, and its answer is what is given.
    assert_eq!(request["method"], "countersign/checkEdit");
    let mut params = request["params"].clone();
    assert_eq!(params["textDocument"]["uri"], format!("file:///repo/{name}"));
    assert_eq!((&params["oldText"], &params["newText"]), (&diff["oldText"], &diff["newText"]));
    params.as_object_mut().expect("an object").remove("textDocument");
    let mut answer = check(&mut editor, name, params.clone()).expect("an answer");
    let path = answer["findings"][0]["path"].take();
    assert!(path.as_str().is_some_and(|path| path.ends_with(name)), "{path}");
    answer["findings"][0]["path"] = name.into();
    assert_eq!(answer, *result);
    // The same of a document that is open, and of a part of it.
    editor.open(name, diff["oldText"].as_str().expect("a text"));
    assert_eq!(check(&mut editor, name, params.clone()).expect("an answer")["verdict"], result["verdict"]);
    let part = json!({ "oldText": "name = \"orders\"", "newText": "name = \"orders-2\"", "origin": params["origin"] });
    let (verdict_of_part, risks) = {
        let answer = check(&mut editor, name, part).expect("an answer");
        let (verdict, risks) = verdict(&answer);
        (verdict.to_owned(), risks.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    assert!(verdict_of_part == "deny" && !risks.is_empty(), "{verdict_of_part} {risks:?}");
    let new = json!({ "oldText": null, "newText": PUBLIC, "origin": params["origin"] });
    let answer = check(&mut editor, "live/prod/new.tf", new).expect("an answer");
    assert_eq!(verdict(&answer), ("deny", vec!["database-public"]));
    for (old, says) in [("not there", "is not in the document"), ("e", "more than once"), ("", "more than once")] {
        let params = json!({ "oldText": old, "newText": "x", "origin": params["origin"] });
        let error = check(&mut editor, name, params).expect_err("an error");
        assert!(error.code == INVALID_PARAMS && error.message.contains(says), "{old}: {error:?}");
    }
    assert_eq!(refused["result"]["outcome"]["optionId"], asked["params"]["options"][1]["optionId"]);
}

#[test]
fn what_goes_is_told_as_the_hook_tells_it() {
    let workspace =
        Workspace::git(&[("main.tf", &format!("{SAFE}{FORCE}")), ("other.tf", SAFE.replace("safe", "kept").as_str())]);
    let mut editor = workspace.editor();
    editor.open("main.tf", &format!("{SAFE}{FORCE}"));
    for name in ["main.tf", "other.tf"] {
        let answer = check(&mut editor, name, json!({ "newText": "# nothing\n" })).expect("an answer");
        let (verdict, risks) = verdict(&answer);
        assert!(verdict == "deny" && risks.iter().any(|risk| risk.starts_with("destroys")), "{name}: {answer}");
    }
    // What stays in another file is not lost, and what was lost before is not this edit's.
    let answer =
        check(&mut editor, "main.tf", json!({ "newText": format!("{SAFE}{FORCE}# nothing\n") })).expect("an answer");
    assert_eq!(verdict(&answer), ("allow", vec![]));
}
