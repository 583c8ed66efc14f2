//! Files of any language that a team calls critical: who wrote what is new in them is a finding.

use crate::agents::{claude, decision};
use crate::cli::{countersign, findings, report};
use crate::editor::{Editor, Finding, INFORMATION, WARNING, Workspace, capabilities, finding};
use crate::hooks::claude_writes;
use serde_json::{Value, json};

const CONFIG: &str = "countersign.toml";
const TIER: &str = "[[tier]]\npaths = [\"src/pricing/**\"]\ntier = \"critical\"\n";
const FILE: &str = "src/pricing/total.py";
const TEXT: &str = "def total(items):\n    return sum(item.price for item in items)\n";
const BY_AI: &str = "\ndef discount(total):\n    return total * 0.9\n";
const TYPED: &str = "RATE = 19\n";

/// A repository with a critical file and another one.
fn shop() -> Workspace {
    Workspace::git(&[(CONFIG, TIER), (FILE, TEXT), ("src/other.py", TEXT)])
}

fn editor_of(workspace: &Workspace) -> Editor {
    let mut editor = workspace.editor();
    editor.open_as(FILE, "python", TEXT);
    editor
}

/// What is shown of a file, once it is known what the settings say of it and what was there before.
fn findings_in(editor: &mut Editor, name: &str) -> Vec<Finding> {
    // What is opened as plain text asks the disk only then.
    editor.settle();
    editor.settle();
    editor.findings(name)
}

#[test]
fn what_an_ai_writes_is_a_finding() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    assert_eq!(findings_in(&mut editor, FILE), [], "what was there is nobody's business");
    editor.ai_appends(FILE, BY_AI);
    assert_eq!(findings_in(&mut editor, FILE), [finding(WARNING, "ai-in-critical-place", "def discount(total):")]);
    let message = editor.message(FILE);
    assert!(message.contains("An AI wrote these 2 lines"), "{message}");
    assert!(message.contains("written by claude (observed)") && message.contains("needs a review"), "{message}");
    assert_eq!(editor.ai_texts(FILE), [BY_AI]);
    let lenses = editor.request("textDocument/codeLens", FILE, json!({}));
    assert!(lenses.to_string().contains("request a review"), "{lenses}");
    // It follows the text, and goes with it.
    editor.edit(FILE, 0..0, "import money\n");
    let found = findings_in(&mut editor, FILE);
    assert_eq!(found[1], finding(WARNING, "ai-in-critical-place", "def discount(total):"));
    editor.replace(FILE, BY_AI, "");
    assert_eq!(findings_in(&mut editor, FILE).len(), 1);
}

#[test]
fn what_nobody_is_known_to_have_written_is_no_ais() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    editor.append(FILE, TYPED);
    assert_eq!(findings_in(&mut editor, FILE), [finding(INFORMATION, "unknown-in-critical-place", "RATE = 19")]);
    let message = editor.message(FILE);
    assert!(message.contains("This line is new") && !message.contains("An AI"), "{message}");
    editor.edit(FILE, 0..0, "import money\n");
    assert!(editor.message(FILE).contains("2 lines, this one and others below"), "there is one finding of a file");
    for piece in ["RATE", "import"] {
        let at = editor.find(FILE, piece).start;
        let actions = editor.actions_at(FILE, &(at..at), Value::Null);
        let action = actions.iter().find(|action| action["title"] == "I wrote this").expect("it is offered");
        let command = action["command"].clone();
        editor.client.request("workspace/executeCommand", command).expect("it is done");
    }
    assert_eq!(findings_in(&mut editor, FILE), []);
}

#[test]
fn a_tag_declares_it() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    editor.append(FILE, TYPED);
    editor.choose(FILE, "RATE = 19", "Tag as written by");
    assert!(editor.text(FILE).contains("# ai-provenance: begin"), "{}", editor.text(FILE));
    assert_eq!(
        findings_in(&mut editor, FILE),
        [finding(WARNING, "ai-in-critical-place", "RATE = 19")],
        "nor are the tags"
    );
    // On disk it is the same, for whoever reads it.
    workspace.write(FILE, editor.text(FILE));
    let (said, code) = report(&workspace, &["."]);
    assert_eq!((findings(&said), code), (vec![(FILE, "ai-in-critical-place", "review")], Some(1)));
}

#[test]
fn it_is_remembered() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    editor.settle();
    editor.ai_appends(FILE, BY_AI);
    editor.settle();
    workspace.write(FILE, editor.text(FILE));
    editor.save(FILE);
    editor.quit();
    let mut editor = workspace.editor();
    editor.open_as(FILE, "python", &workspace.read(FILE));
    assert_eq!(findings_in(&mut editor, FILE), [finding(WARNING, "ai-in-critical-place", "def discount(total):")]);
}

#[test]
fn others_are_left_alone() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    for (name, text) in [("src/other.py", TEXT), ("src/pricing/logo.svg", "<svg>\0</svg>")] {
        editor.open_as(name, "plaintext", text);
        editor.settle();
        editor.ai_appends(name, "more\n");
        assert_eq!(editor.regions(name), [], "{name}");
    }
    let critical = |editor: &mut Editor, name: &str| {
        editor.request("countersign/isCritical", name, json!({}))["critical"].as_bool().expect("an answer")
    };
    let names = [FILE, "src/pricing/new.sql", "src/other.py", ".github/workflows/deploy.yml", CONFIG];
    assert_eq!(names.map(|name| critical(&mut editor, name)), [true, true, false, false, false]);
    assert_eq!(findings_in(&mut editor, FILE), []);
}

#[test]
fn the_settings_may_change() {
    let workspace = shop();
    let mut editor = editor_of(&workspace);
    editor.open_as("src/other.py", "python", TEXT);
    editor.append("src/other.py", TYPED);
    editor.append(FILE, TYPED);
    assert_eq!(findings_in(&mut editor, FILE).len(), 1);
    workspace.write(CONFIG, &TIER.replace("pricing/**", "*.py"));
    let changes = json!([{ "uri": editor.uri(CONFIG), "type": 2 }]);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    let expected = [finding(INFORMATION, "unknown-in-critical-place", "RATE = 19")];
    assert_eq!(findings_in(&mut editor, "src/other.py"), expected);
    assert_eq!(findings_in(&mut editor, FILE), []);
    // Both follow what is typed, whichever of them counts.
    editor.append(FILE, "LOW = 7\n");
    workspace.write(CONFIG, TIER);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    assert_eq!(findings_in(&mut editor, FILE).len(), 1);
    assert!(editor.message(FILE).contains("These 2 lines are new"));
    assert_eq!(findings_in(&mut editor, "src/other.py"), []);
}

#[test]
fn a_client_that_can_is_asked_to_send_them() {
    let workspace = shop();
    let mut with = capabilities();
    with["textDocument"]["synchronization"] = json!({ "dynamicRegistration": true });
    with["textDocument"]["codeLens"] = json!({ "dynamicRegistration": true });
    let mut editor = workspace.editor_with(with);
    let methods = |asked: &Value, list: &str| -> Vec<String> {
        let all = asked[list].as_array().expect("a list").iter();
        all.map(|one| one["method"].as_str().expect("a name").replace("textDocument/", "")).collect()
    };
    let asked = editor.client.server_request("client/registerCapability");
    assert_eq!(methods(&asked, "registrations"), ["didOpen", "didChange", "didSave", "didClose", "codeLens"]);
    for registration in asked["registrations"].as_array().expect("a list") {
        let selector = &registration["registerOptions"]["documentSelector"];
        assert_eq!(selector, &json!([{ "scheme": "file", "pattern": "**/src/pricing/**" }]));
    }
    workspace.write(CONFIG, &TIER.replace("pricing/**", "*.py"));
    let changes = json!([{ "uri": editor.uri(CONFIG), "type": 2 }]);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    let gone = editor.client.server_request("client/unregisterCapability");
    assert_eq!(methods(&gone, "unregisterations").len(), 5);
    let asked = editor.client.server_request("client/registerCapability");
    let selector = &asked["registrations"][0]["registerOptions"]["documentSelector"];
    assert_eq!(selector, &json!([{ "scheme": "file", "pattern": "**/src/*.py" }]));
}

#[test]
fn the_command_line_says_the_same() {
    let workspace = shop();
    assert_eq!(findings(&report(&workspace, &["."]).0), [], "nothing is new");
    workspace.write(FILE, &format!("{TEXT}{TYPED}"));
    workspace.write("src/other.py", &format!("{TEXT}{TYPED}"));
    workspace.write("src/pricing/table.csv", "a;b\n");
    std::fs::write(workspace.path("src/pricing/logo.png"), [0x89, 0x50, 0x4E, 0x47, 0, 0xFF]).expect("it is written");
    let (said, code) = report(&workspace, &["."]);
    let unknown = |name: &'static str| (name, "unknown-in-critical-place", "note");
    assert_eq!((findings(&said), code), (vec![unknown("src/pricing/table.csv"), unknown(FILE)], Some(0)));
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-q", "-m", "Prices"]);
    assert_eq!(findings(&report(&workspace, &["."]).0), []);
    claude_writes(&workspace, FILE, &format!("{TEXT}{TYPED}{BY_AI}"));
    let (said, code) = report(&workspace, &["."]);
    assert_eq!((findings(&said), code), (vec![(FILE, "ai-in-critical-place", "review")], Some(1)));
    let found = &said["findings"][0];
    assert_eq!((&found["origin"]["tool"], &found["range"]["start"]["line"]), (&json!("claude"), &json!(4)), "{found}");
    let other = countersign(&workspace, &["check", "src/other.py"]);
    assert!(other.stderr.contains("calls critical by its path"), "{}", other.stderr);
}

#[test]
fn an_agent_is_told_when_it_suggests_it() {
    let workspace = shop();
    let write = |name: &str| {
        let input = json!({ "file_path": workspace.path(name), "content": format!("{TEXT}{BY_AI}") });
        decision(&claude(&workspace, "Write", &input))
    };
    let (answer, why) = write(FILE);
    assert!(why.contains("An AI wrote these 2 lines"), "{answer}: {why}");
    assert_ne!(answer, "deny", "it is to be looked at, not forbidden");
    assert_eq!(write("src/other.py").1, "");
    // The same question over the protocol.
    let mut editor = editor_of(&workspace);
    editor.settle();
    let params = json!({ "newText": format!("{TEXT}{BY_AI}"), "origin": { "tool": "claude", "means": "agent" } });
    let judged = editor.request("countersign/checkEdit", FILE, params);
    assert_eq!(
        (&judged["verdict"], &judged["findings"][0]["risk"]),
        (&json!("review"), &json!("ai-in-critical-place"))
    );
}

#[test]
fn a_large_file_is_followed() {
    let workspace = shop();
    let text: Vec<String> = (0..100_000).map(|line| format!("price[{line}] = {}\n", line * 37 % 1_000)).collect();
    let text = text.concat();
    workspace.write("src/pricing/table.py", &text);
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-q", "-m", "Prices"]);
    let mut editor = workspace.editor();
    editor.open_as("src/pricing/table.py", "python", &text);
    assert_eq!(findings_in(&mut editor, "src/pricing/table.py"), []);
    editor.replace("src/pricing/table.py", "price[50000] = 0", "price[50000] = 1");
    let expected = [finding(INFORMATION, "unknown-in-critical-place", "1")];
    assert_eq!(findings_in(&mut editor, "src/pricing/table.py"), expected);
}
