//! What an editor shows beside the text: hovers, lenses and hints.

use crate::editor::{Editor, FORCE, PUBLIC, SAFE, Workspace, capabilities_but};
use serde_json::{Value, json};

/// The hover over the first character of a piece of text.
fn hover(editor: &mut Editor, piece: &str) -> Value {
    editor.settle();
    let at = editor.range("main.tf", piece)["start"].clone();
    editor.request("textDocument/hover", "main.tf", json!({ "position": at }))
}

fn lenses(editor: &mut Editor) -> Vec<Value> {
    editor.settle();
    let lenses = editor.request("textDocument/codeLens", "main.tf", json!({}));
    serde_json::from_value(lenses).expect("a list")
}

/// Labels and places of the hints in a range of bytes.
fn hints(editor: &mut Editor, window: &std::ops::Range<usize>) -> Vec<(String, Value)> {
    editor.settle();
    let params = json!({ "range": editor.range_of("main.tf", window) });
    let hints: Vec<Value> =
        serde_json::from_value(editor.request("textDocument/inlayHint", "main.tf", params)).expect("a list");
    hints
        .into_iter()
        .map(|mut hint| (hint["label"].as_str().expect("a label").to_owned(), hint["position"].take()))
        .collect()
}

// Hovers.

#[test]
fn a_hover_says_the_risk_the_origin_and_what_to_do() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    let hover = hover(&mut editor, "true");
    assert_eq!(hover["range"], editor.range("main.tf", "true"));
    assert_eq!(hover["contents"]["kind"], "markdown");
    let words = hover["contents"]["value"].as_str().expect("words");
    for part in [
        "**A database gets a public address** (`database-public`)",
        "`aws_lightsail_database.db` gets a public address",
        "*What to do:* Set `publicly_accessible` to `false`",
        "written by claude (observed); must not be applied as it is",
        "Written by the AI tool claude, model anthropic/opus: the editor saw it come in.",
    ] {
        assert!(words.contains(part), "{part:?} is not in {words}");
    }
}

#[test]
fn a_hover_says_the_origin_where_there_is_no_risk() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    editor.ai_appends("main.tf", SAFE);
    let words = hover(&mut editor, "safe")["contents"]["value"].clone();
    assert_eq!(words, "Written by the AI tool claude, model anthropic/opus: the editor saw it come in.");
    assert_eq!(hover(&mut editor, "\"db\""), Value::Null, "nothing is known of this");
}

#[test]
fn a_hover_is_plain_where_the_client_reads_no_markdown() {
    for formats in [json!(["plaintext"]), json!([]), Value::Null] {
        let workspace = Workspace::new();
        let mut editor = workspace.editor_with(capabilities_but("/textDocument/hover/contentFormat", formats));
        editor.open("main.tf", PUBLIC);
        let hover = hover(&mut editor, "true");
        assert_eq!(hover["contents"]["kind"], "plaintext");
        let words = hover["contents"]["value"].as_str().expect("words");
        assert!(words.contains("What to do: Set publicly_accessible to false"), "{words}");
        assert!(!words.contains(['*', '`']) && !words.contains("---"), "{words}");
    }
}

/// A star that is meant stays when marks are taken away.
#[test]
fn a_plain_hover_keeps_what_is_no_mark() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/hover/contentFormat", json!(["plaintext"])));
    editor.open(
        "main.tf",
        "resource \"aws_lambda_permission\" \"any\" {\n  action = \"lambda:InvokeFunction\"\n  function_name = \"f\"\n  principal = \"*\"\n}\n",
    );
    let hover = hover(&mut editor, "\"*\"");
    let words = hover["contents"]["value"].as_str().expect("words");
    assert!(words.contains("its principal is *."), "{words}");
}

#[test]
fn the_preferred_format_of_hovers_is_taken() {
    let workspace = Workspace::new();
    let formats = json!(["plaintext", "markdown"]);
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/hover/contentFormat", formats));
    editor.open("main.tf", PUBLIC);
    assert_eq!(hover(&mut editor, "true")["contents"]["kind"], "plaintext");
}

// Lenses.

#[test]
fn a_lens_stands_over_what_an_ai_wrote() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(FORCE);
    assert_eq!(lenses(&mut editor), [] as [Value; 0]);
    editor.ai_appends("main.tf", PUBLIC);
    editor.append("main.tf", SAFE);
    let end = editor.text("main.tf").len();
    editor.evidence("main.tf", end - SAFE.len()..end, "human");
    let lenses = lenses(&mut editor);
    let start = editor.range("main.tf", PUBLIC)["start"].clone();
    let titles: Vec<_> = lenses.iter().map(|lens| &lens["command"]["title"]).collect();
    assert_eq!(titles, ["AI: written by claude (observed)", "1 to review: request a review"]);
    assert!(lenses.iter().all(|lens| lens["range"]["start"] == start), "{lenses:?}");
    assert_eq!(lenses[1]["command"]["command"], "countersign.requestReview");
    assert_eq!(lenses[1]["command"]["arguments"][0]["range"], editor.range("main.tf", PUBLIC));
}

#[test]
fn a_lens_says_how_much_is_left() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on("");
    editor.ai_appends("main.tf", "first = 1\nother = 2\n");
    editor.replace("main.tf", "other = 2\n", "");
    let lenses = lenses(&mut editor);
    assert_eq!(lenses.len(), 1, "{lenses:?}");
    let title = lenses[0]["command"]["title"].as_str().expect("a title");
    assert!(title.ends_with("50 % still there"), "{title}");
}

#[test]
fn the_command_of_a_lens_works() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    for lens in lenses(&mut editor) {
        let params = json!({ "command": lens["command"]["command"], "arguments": lens["command"]["arguments"] });
        editor.client.request("workspace/executeCommand", params).expect("it works");
    }
    editor.client.notification("window/showMessage");
    editor.apply_what_is_asked();
    assert!(workspace.path(".countersign/reviews").is_dir());
}

// Hints.

#[test]
fn hints_name_the_writer_behind_the_first_line() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.append("main.tf", FORCE);
    let end = editor.text("main.tf").len();
    editor.evidence("main.tf", end - FORCE.len()..end, "human");
    let behind = |editor: &Editor, line: &str| editor.range("main.tf", line)["end"].clone();
    let (ai, human) = (behind(&editor, "\"db\" {"), behind(&editor, "\"logs\" {"));
    assert_eq!(hints(&mut editor, &(0..end)), [("by claude".to_owned(), ai), ("by a person".to_owned(), human)]);
}

#[test]
fn hints_are_given_for_the_window_that_is_asked_about() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.append("main.tf", FORCE);
    let public = editor.find("main.tf", PUBLIC);
    assert_eq!(hints(&mut editor, &public).len(), 1);
    assert_eq!(hints(&mut editor, &(0..SAFE.len() - 1)), [], "above");
    let end = editor.text("main.tf").len();
    assert_eq!(hints(&mut editor, &(public.end..end)), [], "below");
}

#[test]
fn a_finding_carries_its_verdict_for_a_client_that_keeps_it() {
    let workspace = Workspace::new();
    for (keeps, expected) in [(true, json!({ "verdict": "deny" })), (false, Value::Null)] {
        let publish = json!({ "versionSupport": true, "dataSupport": keeps });
        let mut editor = workspace.editor_with(capabilities_but("/textDocument/publishDiagnostics", publish));
        editor.open("main.tf", PUBLIC);
        editor.ai_wrote("main.tf", PUBLIC);
        assert_eq!(editor.diagnostics("main.tf")[0]["data"], expected);
    }
}
