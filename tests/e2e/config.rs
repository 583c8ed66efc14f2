//! `countersign.toml`: how it is found, that it is read again when it changes, and what is said in the file itself.

use crate::editor::{ERROR, Editor, FORCE, HINT, INFORMATION, PUBLIC, SAFE, WARNING, Workspace, capabilities, finding};
use serde_json::{Value, json};

const CONFIG: &str = "countersign.toml";

/// Tells the server that the settings changed on disk.
fn changed_on_disk(editor: &mut Editor) {
    let changes = json!([{ "uri": editor.uri(CONFIG), "type": 2 }]);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
}

/// What is underlined in a `countersign.toml` and what is said of it.
fn problems(text: &str) -> Vec<(String, String)> {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open(CONFIG, text);
    let diagnostics = editor.diagnostics(CONFIG);
    let found = editor.in_short(CONFIG, &diagnostics);
    assert!(found.iter().all(|(severity, ..)| *severity == ERROR), "{found:?}");
    let messages = diagnostics.iter().map(|diagnostic| diagnostic["message"].as_str().expect("a message").to_owned());
    found.into_iter().map(|(_, _, text)| text).zip(messages).collect()
}

#[test]
fn settings_are_read_again_when_they_change_on_disk() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
    workspace.write(CONFIG, "[[verdict]]\nseverity = [\"critical\"]\nshow = \"hint\"\n");
    changed_on_disk(&mut editor);
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "database-public", "true")]);
    std::fs::remove_file(workspace.path(CONFIG)).expect("it is removed");
    changed_on_disk(&mut editor);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
}

#[test]
fn settings_are_read_again_when_they_are_saved_here() {
    let workspace = Workspace::new();
    workspace.write(CONFIG, "");
    let mut editor = workspace.editor_on(PUBLIC);
    editor.open(CONFIG, "");
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
    editor.append(CONFIG, "[files]\nexclude = [\"*.tf\"]\n");
    assert_eq!(editor.findings("main.tf").len(), 1, "not before it is saved");
    workspace.write(CONFIG, editor.text(CONFIG));
    editor.save(CONFIG);
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn an_excluded_file_is_silent() {
    let workspace = Workspace::new();
    workspace.write(CONFIG, "[files]\nexclude = [\"vendor/**\"]\n");
    let mut editor = workspace.editor();
    editor.open("vendor/a/main.tf", PUBLIC);
    editor.open("main.tf", PUBLIC);
    assert_eq!(editor.findings("vendor/a/main.tf"), []);
    assert_eq!(editor.findings("main.tf").len(), 1);
    let at = editor.find("vendor/a/main.tf", "true");
    let start = at.start..at.start;
    assert_eq!(editor.actions_at("vendor/a/main.tf", &start, Value::Null), [] as [Value; 0]);
    let position = editor.range("vendor/a/main.tf", "true")["start"].clone();
    let hover = editor.request("textDocument/hover", "vendor/a/main.tf", json!({ "position": position }));
    assert_eq!(hover, Value::Null);
}

#[test]
fn rows_change_what_is_shown() {
    let both = format!("{PUBLIC}{FORCE}");
    for (rows, expected) in [
        (
            "[[verdict]]\nseverity = [\"critical\"]\nshow = \"off\"\n",
            vec![finding(INFORMATION, "force-destroy", "true")],
        ),
        (
            "[[verdict]]\nseverity = [\"high\"]\nverdict = \"allow\"\n",
            vec![finding(WARNING, "database-public", "true")],
        ),
        (
            "[[verdict]]\norigin = [\"unknown\"]\nsurface = \"editor\"\nshow = \"full\"\n",
            vec![finding(ERROR, "database-public", "true"), finding(WARNING, "force-destroy", "true")],
        ),
        (
            "[[verdict]]\nsurface = \"command-line\"\nshow = \"off\"\n",
            vec![finding(WARNING, "database-public", "true"), finding(INFORMATION, "force-destroy", "true")],
        ),
    ] {
        let workspace = Workspace::new();
        workspace.write(CONFIG, rows);
        let mut editor = workspace.editor_on(&both);
        assert_eq!(editor.findings("main.tf"), expected, "{rows}");
    }
}

#[test]
fn a_row_changes_the_verdict() {
    let workspace = Workspace::new();
    workspace.write(CONFIG, "[[verdict]]\nseverity = [\"high\"]\nverdict = \"deny\"\n");
    let mut editor = workspace.editor_on(FORCE);
    assert_eq!(editor.findings("main.tf"), [finding(INFORMATION, "force-destroy", "true")]);
    assert!(editor.message("main.tf").contains("must not be applied"));
}

#[test]
fn the_nearest_file_holds_and_none_outside_of_the_repository() {
    let workspace = Workspace::new();
    let off = "[[verdict]]\nshow = \"off\"\n";
    let hint = "[[verdict]]\nshow = \"hint\"\n";
    workspace.write(CONFIG, off);
    workspace.write("near/countersign.toml", hint);
    workspace.write("repository/.git/HEAD", "");
    let mut editor = workspace.editor();
    for name in ["main.tf", "near/deep/main.tf", "repository/deep/main.tf"] {
        editor.open(name, PUBLIC);
    }
    assert_eq!(editor.findings("main.tf"), []);
    assert_eq!(editor.findings("near/deep/main.tf"), [finding(HINT, "database-public", "true")]);
    assert_eq!(editor.findings("repository/deep/main.tf"), [finding(WARNING, "database-public", "true")]);
}

#[test]
fn what_is_right_in_a_broken_file_holds() {
    let workspace = Workspace::new();
    workspace.write(CONFIG, "[[verdict]]\nshow = \"hint\"\n\n[files]\nexclude = [1]\n\n[nonsense]\n");
    let mut editor = workspace.editor_on(PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(HINT, "database-public", "true")]);
}

// In the file itself.

#[test]
fn problems_are_shown_where_they_are() {
    for (text, underlined, says) in [
        ("colour = \"red\"\n", "colour", "unknown key `colour`"),
        ("[files]\nexclud = []\n", "exclud", "exclud"),
        ("[editor]\nask_about_unknown_origin = \"😀\"\n", "\"😀\"", "boolean"),
        ("[files]\nexclude = \"vendor\"\n", "\"vendor\"", "sequence"),
        ("[files]\nexclude = [\"ok/**\", \"😀[\"]\n", "\"😀[\"", "is not a glob"),
        ("[[verdict]]\nseverity = [\"huge\"]\n", "\"huge\"", "huge"),
        ("[[verdict]]\nshow = \"of\"\n", "\"of\"", "of"),
        ("# 😀\r\n[[verdict]]\r\nseverty = [\"low\"]\r\n", "severty", "severty"),
        ("[verdict]\nshow = \"off\"\n", "[verdict]", "[[verdict]]"),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].0, underlined, "{text}: {problems:?}");
        assert!(problems[0].1.contains(says), "{text}: {problems:?}");
    }
    assert_eq!(problems("[files]\nexclude = [\"vendor/**\"]\n"), []);
}

#[test]
fn a_file_that_is_no_toml_is_one_problem() {
    let problems = problems("[files]\nexclude = [\n\"a\"\n\n[editor\n");
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn problems_follow_the_changes_and_go_with_the_file() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open(CONFIG, "[files]\n");
    assert_eq!(editor.findings(CONFIG), []);
    editor.insert_after(CONFIG, "[files]\n", "exclude = 1\n");
    assert_eq!(editor.findings(CONFIG), [finding(ERROR, "", "1")]);
    editor.replace(CONFIG, "1", "[]");
    assert_eq!(editor.findings(CONFIG), []);
    editor.replace(CONFIG, "[]", "{}");
    assert_eq!(editor.findings(CONFIG).len(), 1);
    let uri = editor.uri(CONFIG);
    editor.close(CONFIG);
    let cleared = editor.client.wait("cleared diagnostics", |message| message["params"]["uri"] == uri.as_str());
    assert_eq!(cleared.message["params"]["diagnostics"], json!([]));
}

#[test]
fn problems_are_pulled_where_the_client_prefers_that() {
    let workspace = Workspace::new();
    let mut pulling = capabilities();
    pulling["textDocument"]["diagnostic"] = json!({});
    pulling["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    let mut editor = workspace.editor_with(pulling);
    editor.open(CONFIG, "nonsense = 1\n");
    let report = editor.request("textDocument/diagnostic", CONFIG, json!({}));
    assert_eq!(report["items"].as_array().map(Vec::len), Some(1), "{report}");
    editor.replace(CONFIG, "nonsense = 1", "");
    let report = editor.request("textDocument/diagnostic", CONFIG, json!({}));
    assert_eq!(report["items"], json!([]));
    assert_eq!(editor.client.take_unread("textDocument/publishDiagnostics"), [] as [Value; 0], "never both");
}

/// Rows of a team count before those of Countersign, also for what a person and an AI wrote.
#[test]
fn rows_tell_origins_apart() {
    let workspace = Workspace::new();
    let rows = "[[verdict]]\norigin = [\"human\"]\nshow = \"full\"\n\n[[verdict]]\norigin = [\"ai\"]\nshow = \"off\"\n";
    workspace.write(CONFIG, rows);
    let mut editor = workspace.editor_on(SAFE);
    editor.append("main.tf", PUBLIC);
    editor.evidence("main.tf", SAFE.len()..SAFE.len() + PUBLIC.len(), "human");
    editor.ai_appends("main.tf", FORCE);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
}

// Completion and hover in the file itself.

/// Labels of what is offered at `|` in a text.
fn offered(editor: &mut Editor, marked: &str) -> Vec<String> {
    let answer = complete(editor, marked);
    let items = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
}

/// The answer to a request for completions at `|`.
fn complete(editor: &mut Editor, marked: &str) -> Value {
    let position = put(editor, marked);
    editor.request("textDocument/completion", CONFIG, json!({ "position": position }))
}

/// What is said of the place at `|`.
fn hovered(editor: &mut Editor, marked: &str) -> String {
    let position = put(editor, marked);
    let hover = editor.request("textDocument/hover", CONFIG, json!({ "position": position }));
    hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
}

/// Puts a text into the file and returns the position of `|` in it.
fn put(editor: &mut Editor, marked: &str) -> Value {
    let at = marked.find('|').expect("a mark");
    editor.replace_all(CONFIG, &marked.replacen('|', "", 1));
    editor.range_of(CONFIG, &(at..at))["start"].clone()
}

#[test]
fn what_can_stand_there_is_offered() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open(CONFIG, "");
    let tables = offered(&mut editor, "|");
    assert!(
        ["[files]", "[[tier]]", "[[require]]", "[[impact.attribute]]"]
            .iter()
            .all(|it| tables.contains(&(*it).to_owned()))
    );
    assert_eq!(offered(&mut editor, "[[ti|"), tables, "the client compares");
    let keys = offered(&mut editor, "[[tier]]\npaths = [\"a\"]\n|");
    assert_eq!(keys[..3], ["environment", "kinds", "owners"], "what is there is not offered again");
    let tiers = ["low", "standard", "high", "critical"];
    for text in
        ["[[tier]]\ntier = |", "[[tier]]\ntier = \"|", "[[tier]]\ntier = \"cr|\"\n", "[[verdict]]\ntier = [\"low\", |]"]
    {
        assert_eq!(offered(&mut editor, text), tiers, "{text}");
    }
    for (text, value) in [
        ("[[verdict]]\norigin = [\"|", "mixed"),
        ("[[verdict]]\nseverity = |", "critical"),
        ("[[verdict]]\nverdict = \"|\"", "deny"),
        ("[[verdict]]\naction = [|", "replace"),
        ("[[verdict]]\nenvironment = [\"|\"]", "production"),
        ("[[verdict]]\nchanged = |", "true"),
        ("[[require]]\nmode = \"|", "observe"),
        ("[[command]]\neffect = [\"|", "data-delete"),
        ("[[scope]]\nnever = { areas = [\"|", "identity"),
        ("[[tier]]\nkinds = [\"|", "aws_db_instance"),
        ("[people]\nlevels = [\"new\", \"old\"]\n[[require]]\nlevel = \"|", "old"),
    ] {
        assert!(offered(&mut editor, text).contains(&value.to_owned()), "{text}");
    }
    for text in ["# |", "[nonsense]\n|x = 1", "[files]\nexclude = [\"|\"]", "[[tier]]\ntier = \"low\" |"] {
        let labels = offered(&mut editor, text);
        assert!(labels.iter().all(|label| label.starts_with('[')), "{text}: {labels:?}");
    }
}

#[test]
fn what_is_chosen_is_what_stands_there() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open(CONFIG, "");
    for (marked, label, expected) in [
        ("[[ti|", "[[tier]]", "[[tier]]"),
        ("[[tier]]\nti|", "tier", "[[tier]]\ntier = "),
        ("[[tier]]\nti| = \"low\"", "tier", "[[tier]]\ntier = \"low\""),
        ("[[tier]]\ntier = |", "low", "[[tier]]\ntier = \"low\""),
        ("[[tier]]\ntier = \"l|", "low", "[[tier]]\ntier = \"low"),
        ("[[verdict]]\norigin = |", "ai", "[[verdict]]\norigin = [\"ai\"]"),
        ("[[verdict]]\norigin = [\"ai\", |]", "mixed", "[[verdict]]\norigin = [\"ai\", \"mixed\"]"),
        ("[[scope]]\nne|", "never", "[[scope]]\nnever."),
    ] {
        let answer = complete(&mut editor, marked);
        let items = answer.as_array().expect("a list");
        let item = items.iter().find(|item| item["label"] == label).unwrap_or_else(|| panic!("{marked}: {items:?}"));
        let uri = editor.uri(CONFIG);
        editor.apply(&json!({ "changes": { uri: [item["textEdit"]] } }));
        assert_eq!(editor.text(CONFIG), expected, "{marked}");
    }
}

#[test]
fn keys_and_values_are_explained() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open(CONFIG, "");
    let tier = hovered(&mut editor, "[[tier]]\nti|er = \"low\"\n");
    assert!(
        tier.contains("`tier.tier`") && tier.contains("How much it matters") && tier.contains("`\"critical\"`"),
        "{tier}"
    );
    let value = hovered(&mut editor, "[[tier]]\ntier = \"l|ow\"\n");
    assert!(value.starts_with("`\"low\"`: What can be made anew"), "{value}");
    let default = hovered(&mut editor, "[editor]\nask_about_unk|nown_origin =");
    assert!(default.contains("by default `true`"), "{default}");
    let table = hovered(&mut editor, "[[requ|ire]]\napprovals = [\n\"");
    assert!(table.contains("`require`: list of tables"), "{table}");
    assert_eq!(hovered(&mut editor, "[[tier]]\nnon|sense = 1"), "");
    assert_eq!(hovered(&mut editor, "[[tier]]\n\n|\n"), "");
}

#[test]
fn completions_are_asked_for_where_there_are_any() {
    let workspace = Workspace::new();
    let editor = workspace.editor();
    assert!(editor.offered["capabilities"]["completionProvider"].is_object());
    let mut with = capabilities();
    with["textDocument"]["completion"] = json!({ "dynamicRegistration": true });
    let mut editor = workspace.editor_with(with);
    assert!(editor.offered["capabilities"].get("completionProvider").is_none());
    let asked = editor.client.server_request("client/registerCapability");
    let [registration] = asked["registrations"].as_array().expect("a list").as_slice() else {
        panic!("{asked} is not one registration")
    };
    assert_eq!(registration["method"], "textDocument/completion");
    assert_eq!(registration["registerOptions"]["documentSelector"][0]["pattern"], "**/countersign.toml");
    editor.open("main.tf", SAFE);
    let position = editor.range("main.tf", "safe")["start"].clone();
    assert_eq!(editor.request("textDocument/completion", "main.tf", json!({ "position": position })), Value::Null);
}
