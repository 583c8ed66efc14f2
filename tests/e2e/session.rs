//! What is agreed on at the start, how diagnostics are sent, and how a session goes.

use crate::editor::{ERROR, FORCE, LIMIT, PUBLIC, SAFE, WARNING, Workspace, capabilities, capabilities_but, finding};
use countersign_testkit::{Encoding, LspText};
use serde_json::{Value, json};
use std::time::Instant;

const REQUEST_CANCELLED: i64 = -32800;

/// Has one finding in its last line, behind characters of every length and of both line breaks.
const MANY_CHARACTERS: &str =
    "# 😀 ünï\r\nresource \"aws_route53_zone\" \"logs\" {\r\n  /* 😀é\u{1d11e} */ force_destroy = true # 😀\r\n}\r\n";

/// Capabilities of a client that pulls diagnostics.
fn pulling() -> Value {
    let mut capabilities = capabilities();
    capabilities["textDocument"]["diagnostic"] = json!({ "dynamicRegistration": false });
    capabilities["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    capabilities
}

// What is agreed on.

#[test]
fn the_first_encoding_that_is_known_is_taken() {
    for (offered, taken) in [
        (json!(["utf-8", "utf-16", "utf-32"]), "utf-8"),
        (json!(["utf-32", "utf-16"]), "utf-32"),
        (json!(["utf-16", "utf-8"]), "utf-16"),
        (json!(["utf-7", "utf-32"]), "utf-32"),
        (json!([]), "utf-16"),
        (json!(null), "utf-16"),
    ] {
        let workspace = Workspace::new();
        let editor = workspace.editor_with(capabilities_but("/general/positionEncodings", offered.clone()));
        assert_eq!(editor.offered["capabilities"]["positionEncoding"], taken, "{offered}");
    }
    let workspace = Workspace::new();
    let editor = workspace.editor_with(json!({}));
    assert_eq!(editor.offered["capabilities"]["positionEncoding"], "utf-16");
}

#[test]
fn what_the_server_offers() {
    let workspace = Workspace::new();
    let editor = workspace.editor();
    assert_eq!(editor.offered["serverInfo"]["name"], "countersign");
    let capabilities = &editor.offered["capabilities"];
    assert_eq!(capabilities["textDocumentSync"]["openClose"], true);
    assert_eq!(capabilities["textDocumentSync"]["change"], 2);
    assert_eq!(capabilities["hoverProvider"], true);
    assert_eq!(capabilities["inlayHintProvider"], true);
    assert!(capabilities["codeLensProvider"].is_object());
    assert_eq!(
        capabilities["codeActionProvider"],
        json!({ "codeActionKinds": ["quickfix", "refactor", "source.fixAll.countersign"], "resolveProvider": true })
    );
    assert_eq!(
        capabilities["workspace"]["workspaceFolders"],
        json!({ "supported": true, "changeNotifications": true })
    );
    assert!(capabilities.get("diagnosticProvider").is_none());
}

#[test]
fn diagnostics_name_no_version_where_the_client_reads_none() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(json!({}));
    editor.open("main.tf", PUBLIC);
    let uri = editor.uri("main.tf");
    let received = editor.client.wait("diagnostics", |message| message["params"]["uri"] == uri.as_str());
    assert!(received.message["params"].get("version").is_none(), "{received:?}");
}

#[test]
fn settings_are_watched_where_the_client_registers() {
    let workspace = Workspace::new();
    let mut with = capabilities();
    with["workspace"]["didChangeWatchedFiles"] = json!({ "dynamicRegistration": true });
    let mut editor = workspace.editor_with(with);
    let asked = editor.client.server_request("client/registerCapability");
    let [registration] = asked["registrations"].as_array().expect("a list").as_slice() else {
        panic!("{asked} is not one registration")
    };
    assert_eq!(registration["method"], "workspace/didChangeWatchedFiles");
    let watchers = &registration["registerOptions"]["watchers"];
    assert_eq!(watchers[0]["globPattern"], "**/countersign.toml");
}

/// Nothing is asked of a client that offers nothing.
#[test]
fn a_client_that_offers_nothing_is_asked_nothing() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(json!({}));
    editor.open("main.tf", SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(ERROR, "database-public", "true")]);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    editor.settle();
    assert_eq!(editor.client.server_requests(), [] as [Value; 0]);
}

// Documents.

#[test]
fn ranges_are_exact_in_each_encoding() {
    for encoding in Encoding::ALL {
        let workspace = Workspace::new();
        let offered = json!([encoding.name()]);
        let mut editor = workspace.editor_with(capabilities_but("/general/positionEncodings", offered));
        editor.open("main.tf", MANY_CHARACTERS);
        let expected = LspText::new(MANY_CHARACTERS, encoding).range(&editor.find("main.tf", "true"));
        let diagnostics = editor.diagnostics("main.tf");
        assert_eq!(diagnostics.len(), 1, "{encoding:?}");
        assert_eq!(diagnostics[0]["range"], expected, "{encoding:?}");
        // Behind the emoji of its own line, and in front of it.
        editor.replace("main.tf", "é", "ééé");
        editor.replace("main.tf", "force_destroy =", "force_destroy     =");
        editor.edit("main.tf", 0..0, "𝄞\r");
        assert_eq!(editor.findings("main.tf").len(), 1);
        let expected = editor.range("main.tf", "true");
        assert_eq!(editor.diagnostics("main.tf")[0]["range"], expected, "{encoding:?}");
        assert_eq!(expected["start"]["line"], 3);
    }
}

#[test]
fn a_document_is_followed_through_its_changes() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on("");
    assert_eq!(editor.findings("main.tf"), []);
    editor.append("main.tf", FORCE);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "force-destroy", "true")]);
    editor.replace("main.tf", "true", "false");
    assert_eq!(editor.findings("main.tf"), []);
    editor.replace_all("main.tf", &format!("{SAFE}{FORCE}"));
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "force-destroy", "true")]);
    // Several changes in one message, each in the text that the one before left.
    let changes = editor.prepare("main.tf", &[(0..SAFE.len(), ""), (0..0, "\n\n"), (1..2, PUBLIC)]);
    editor.send("main.tf", changes);
    let findings = editor.findings("main.tf");
    assert_eq!(findings[0], finding(ERROR, "database-public", "true"));
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn closing_clears_the_diagnostics() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let uri = editor.uri("main.tf");
    assert_eq!(editor.client.diagnostics(&uri, 1).len(), 1);
    editor.close("main.tf");
    let cleared = editor.client.wait("cleared diagnostics", |message| message["params"]["uri"] == uri.as_str());
    assert_eq!(cleared.message["params"]["diagnostics"], json!([]));
}

#[test]
fn an_untitled_document_is_analysed() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    let uri = "untitled:Untitled-1";
    editor.client.open(uri, "terraform", PUBLIC);
    assert_eq!(editor.client.diagnostics(uri, 1).len(), 1);
}

#[test]
fn a_document_in_another_language_is_left_alone() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    let uri = editor.uri("README.md");
    editor.client.open(&uri, "markdown", PUBLIC);
    editor.client.change(&uri, 2, json!([{ "text": PUBLIC }]));
    let position = json!({ "line": 0, "character": 0 });
    let params = json!({ "textDocument": { "uri": uri }, "position": position });
    assert_eq!(editor.client.request("textDocument/hover", params), Ok(Value::Null));
    let params = json!({ "textDocument": { "uri": uri } });
    assert_eq!(editor.client.request("countersign/regions", params), Ok(json!([])));
    editor.client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    editor.settle();
    assert_eq!(editor.client.take_unread("textDocument/publishDiagnostics"), [] as [Value; 0]);
    assert_eq!(editor.client.take_unread("window/logMessage"), [] as [Value; 0]);
}

#[test]
fn a_value_outside_of_a_broken_block_is_found() {
    let workspace = Workspace::new();
    let broken = "resource \"aws_route53_zone\" \"typing\" {\n  bucket = \"unclosed\n\n";
    let mut editor = workspace.editor_on(&format!("{broken}{PUBLIC}"));
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
}

// Pulled diagnostics.

#[test]
fn diagnostics_are_pulled_and_never_pushed_where_the_client_prefers_that() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    let report = editor.request("textDocument/diagnostic", "main.tf", json!({}));
    assert_eq!(report["kind"], "full");
    let items = report["items"].as_array().expect("diagnostics").clone();
    assert_eq!(editor.in_short("main.tf", &items), [finding(WARNING, "database-public", "true")]);
    editor.replace("main.tf", "true", "false");
    let report = editor.request("textDocument/diagnostic", "main.tf", json!({}));
    assert_eq!(report["items"], json!([]));
    editor.close("main.tf");
    editor.client.open("untitled:a", "terraform", PUBLIC);
    let params = json!({ "textDocument": { "uri": "untitled:a" } });
    editor.client.request("textDocument/diagnostic", params).expect("a report");
    assert_eq!(editor.client.take_unread("textDocument/publishDiagnostics"), [] as [Value; 0]);
}

/// Pulls until the diagnostics are as wanted, and after the first time only when the server asks for it.
fn pull_until(editor: &mut crate::editor::Editor, wanted: &[crate::editor::Finding]) {
    let started = Instant::now();
    loop {
        let report = editor.request("textDocument/diagnostic", "main.tf", json!({}));
        let items = report["items"].as_array().expect("diagnostics").clone();
        let found = editor.in_short("main.tf", &items);
        if found == wanted {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{found:?}");
        editor.client.server_request("workspace/diagnostic/refresh");
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    pull_until(&mut editor, &[finding(WARNING, "database-public", "true")]);
    let started = Instant::now();
    // What is read from disk after the document was opened may still make new results.
    let unchanged = loop {
        let full = editor.request("textDocument/diagnostic", "main.tf", json!({}));
        let id = full["resultId"].clone();
        assert!(id.is_string(), "{full}");
        let again = editor.request("textDocument/diagnostic", "main.tf", json!({ "previousResultId": id }));
        if again["kind"] == "unchanged" {
            assert_eq!(again, json!({ "kind": "unchanged", "resultId": id }));
            break id;
        }
        assert!(started.elapsed() < LIMIT, "{again}");
    };
    editor.replace("main.tf", "true", "false");
    let changed = editor.request("textDocument/diagnostic", "main.tf", json!({ "previousResultId": unchanged }));
    assert_eq!((&changed["kind"], &changed["items"]), (&json!("full"), &json!([])));
}

#[test]
fn a_client_that_pulls_is_told_about_evidence() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    pull_until(&mut editor, &[finding(WARNING, "database-public", "true")]);
    editor.ai_wrote("main.tf", PUBLIC);
    editor.client.server_request("workspace/diagnostic/refresh");
    pull_until(&mut editor, &[finding(ERROR, "database-public", "true")]);
}

/// The first pull may be answered before git was asked; then the client has to hear of what git said.
#[test]
fn a_client_that_pulls_is_told_about_the_baseline() {
    let workspace = Workspace::git(&[]);
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    pull_until(&mut editor, &[finding(ERROR, "database-public", "true")]);
}

#[test]
fn a_client_that_pulls_is_told_about_what_is_remembered() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_on(PUBLIC);
    editor.ai_wrote("main.tf", PUBLIC);
    editor.settle();
    editor.quit();
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    pull_until(&mut editor, &[finding(ERROR, "database-public", "true")]);
}

#[test]
fn a_client_that_pulls_is_told_about_the_settings() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_with(pulling());
    editor.open("main.tf", PUBLIC);
    pull_until(&mut editor, &[finding(WARNING, "database-public", "true")]);
    workspace.write("countersign.toml", "[files]\nexclude = [\"*.tf\"]\n");
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    pull_until(&mut editor, &[]);
}

#[test]
fn lenses_and_hints_are_refreshed_where_the_client_can() {
    let workspace = Workspace::new();
    let mut with = capabilities();
    with["workspace"]["codeLens"] = json!({ "refreshSupport": true });
    with["workspace"]["inlayHint"] = json!({ "refreshSupport": true });
    let mut editor = workspace.editor_with(with);
    editor.open("main.tf", PUBLIC);
    editor.ai_wrote("main.tf", PUBLIC);
    editor.client.server_request("workspace/codeLens/refresh");
    editor.client.server_request("workspace/inlayHint/refresh");
}

/// What is remembered of a document is read after it was opened, and its lenses may have been asked for before.
#[test]
fn lenses_are_refreshed_when_what_is_remembered_is_there() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_on(PUBLIC);
    editor.ai_wrote("main.tf", PUBLIC);
    editor.settle();
    editor.quit();
    let mut with = capabilities();
    with["workspace"]["codeLens"] = json!({ "refreshSupport": true });
    let mut editor = workspace.editor_with(with);
    editor.open("main.tf", PUBLIC);
    let mut lenses = editor.request("textDocument/codeLens", "main.tf", json!({}));
    while lenses == json!([]) {
        editor.client.server_request("workspace/codeLens/refresh");
        lenses = editor.request("textDocument/codeLens", "main.tf", json!({}));
    }
    assert_eq!(lenses[0]["command"]["title"], "AI: written by claude (observed)");
}

// Other messages.

#[test]
fn a_cancelled_request_is_answered() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    let params = json!({ "textDocument": editor.document("main.tf") });
    for _ in 0..50 {
        let id = editor.client.send_request("countersign/regions", params.clone());
        editor.client.notify("$/cancelRequest", json!({ "id": id }));
        if let Err(error) = editor.client.reply(id) {
            assert_eq!(error.code, REQUEST_CANCELLED);
        }
    }
    editor.client.notify("$/cancelRequest", json!({ "id": 1_000_000 }));
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
}

#[test]
fn folders_come_and_go() {
    let (first, second) = (Workspace::new(), Workspace::new());
    let mut editor = first.editor_with(capabilities_but("/workspace/workspaceEdit", json!({})));
    let folder = |workspace: &Workspace| json!({ "uri": workspace.uri("").trim_end_matches('/'), "name": "folder" });
    let event = json!({ "added": [folder(&second)], "removed": [folder(&first)] });
    editor.client.notify("workspace/didChangeWorkspaceFolders", json!({ "event": event }));
    // Outside of git a request for a review stands in the folder of the workspace.
    let uri = second.uri("deep/main.tf");
    editor.client.open(&uri, "terraform", PUBLIC);
    assert_eq!(editor.client.diagnostics(&uri, 1).len(), 1);
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 3, "character": 0 } });
    let arguments = [json!({ "uri": uri, "range": range })];
    let params = json!({ "command": "countersign.requestReview", "arguments": arguments });
    editor.client.request("workspace/executeCommand", params).expect("it is written");
    editor.client.notification("window/showMessage");
    assert!(second.path(".countersign/reviews").is_dir());
    assert!(!second.path("deep").exists());
}

#[test]
fn a_change_of_the_configuration_reads_the_settings_again() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor_on(PUBLIC);
    assert_eq!(editor.findings("main.tf").len(), 1);
    workspace.write("countersign.toml", "[files]\nexclude = [\"main.tf\"]\n");
    editor.client.notify("workspace/didChangeConfiguration", json!({ "settings": null }));
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn a_document_that_is_opened_twice_is_there_once() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    let mut editor = workspace.editor_on(PUBLIC);
    editor.settle();
    editor.open("main.tf", PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
    editor.append("main.tf", FORCE);
    assert_eq!(editor.findings("main.tf").len(), 2);
}
