//! What other files say, and diagnostics of files that are not open.

use crate::editor::{ERROR, Editor, FORCE, Finding, LIMIT, PUBLIC, SAFE, WARNING, Workspace, capabilities, finding};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// Is public if the variable says so.
const BY_VARIABLE: &str = "resource \"aws_lightsail_database\" \"db\" {\n  publicly_accessible = var.public\n}\n";

fn variable(default: &str) -> String {
    format!("variable \"public\" {{\n  default = {default}\n}}\n")
}

/// What is found where the variable is true.
fn by_variable() -> Vec<Finding> {
    vec![finding(WARNING, "database-public", "var.public")]
}

/// Capabilities of a client that shows other places, and takes part in progress.
fn with_progress() -> Value {
    let mut capabilities = capabilities();
    capabilities["textDocument"]["publishDiagnostics"]["relatedInformation"] = true.into();
    capabilities["window"]["workDoneProgress"] = true.into();
    capabilities
}

fn pulling() -> Value {
    let mut capabilities = with_progress();
    capabilities["textDocument"]["diagnostic"] = json!({ "dynamicRegistration": false });
    capabilities["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    capabilities
}

/// Waits until the findings of a document are as wanted: files that are not open are read beside everything else.
#[track_caller]
fn until(editor: &mut Editor, name: &str, wanted: &[Finding]) {
    let started = Instant::now();
    loop {
        let found = editor.findings(name);
        if found == wanted {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{found:?} is not {wanted:?}");
    }
}

/// Says that files changed on disk.
fn changed_on_disk(editor: &mut Editor, names: &[(&str, u8)]) {
    let changes: Vec<_> = names.iter().map(|(name, kind)| json!({ "uri": editor.uri(name), "type": kind })).collect();
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
}

// The index.

#[test]
fn an_unsaved_default_decides_about_another_file() {
    let workspace = Workspace::new();
    workspace.write("variables.tf", &variable("false"));
    let mut editor = workspace.editor_with(with_progress());
    editor.open("main.tf", BY_VARIABLE);
    editor.open("variables.tf", &variable("false"));
    until(&mut editor, "main.tf", &[]);
    for _ in 0..3 {
        editor.replace("variables.tf", "false", "true");
        assert_eq!(editor.findings("main.tf"), by_variable());
        let diagnostic = editor.diagnostics("main.tf")[0].clone();
        let place = &diagnostic["relatedInformation"][0]["location"];
        assert_eq!(place["uri"], editor.uri("variables.tf"), "{diagnostic}");
        assert_eq!(place["range"], editor.range("variables.tf", "true"));
        editor.replace("variables.tf", "true", "false");
        assert_eq!(editor.findings("main.tf"), []);
    }
    // Closed, it counts as it is on disk.
    editor.replace("variables.tf", "false", "true");
    assert_eq!(editor.findings("main.tf"), by_variable());
    editor.close("variables.tf");
    until(&mut editor, "main.tf", &[]);
}

#[test]
fn a_dependent_document_is_published_without_another_event() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open("main.tf", BY_VARIABLE);
    editor.open("variables.tf", &variable("false"));
    until(&mut editor, "main.tf", &[]);
    editor.replace("variables.tf", "false", "true");
    // No probe here: nothing else happens that would wake the server.
    let uri = editor.uri("main.tf");
    let told = editor.client.diagnostics_where(&uri, 1, |found| !found.is_empty());
    assert_eq!(told.message["params"]["diagnostics"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_changes_on_disk_counts() {
    let workspace = Workspace::new();
    workspace.write("variables.tf", &variable("true"));
    let mut editor = workspace.editor();
    editor.open("main.tf", BY_VARIABLE);
    until(&mut editor, "main.tf", &by_variable());
    workspace.write("variables.tf", &variable("false"));
    changed_on_disk(&mut editor, &[("variables.tf", 2)]);
    until(&mut editor, "main.tf", &[]);
    workspace.write("variables.tf", &variable("true"));
    changed_on_disk(&mut editor, &[("variables.tf", 2)]);
    until(&mut editor, "main.tf", &by_variable());
    fs::remove_file(workspace.path("variables.tf")).expect("it is removed");
    changed_on_disk(&mut editor, &[("variables.tf", 3)]);
    until(&mut editor, "main.tf", &[]);
    workspace.write("renamed.tf", &variable("true"));
    changed_on_disk(&mut editor, &[("renamed.tf", 1)]);
    until(&mut editor, "main.tf", &by_variable());
    fs::rename(workspace.path("renamed.tf"), workspace.path("again.tf")).expect("it is renamed");
    changed_on_disk(&mut editor, &[("renamed.tf", 3), ("again.tf", 1)]);
    editor.settle();
    until(&mut editor, "main.tf", &by_variable());
}

#[test]
fn what_is_deleted_while_it_is_open_counts_until_it_is_closed() {
    let workspace = Workspace::new();
    workspace.write("variables.tf", &variable("true"));
    let mut editor = workspace.editor();
    editor.open("main.tf", BY_VARIABLE);
    editor.open("variables.tf", &variable("true"));
    until(&mut editor, "main.tf", &by_variable());
    fs::remove_file(workspace.path("variables.tf")).expect("it is removed");
    changed_on_disk(&mut editor, &[("variables.tf", 3)]);
    assert_eq!(editor.findings("main.tf"), by_variable());
    editor.close("variables.tf");
    until(&mut editor, "main.tf", &[]);
}

#[test]
fn what_a_call_passes_is_found_at_the_argument() {
    let workspace = Workspace::new();
    workspace.write("db/main.tf", &format!("variable \"public\" {{}}\n{BY_VARIABLE}"));
    let mut editor = workspace.editor_with(with_progress());
    editor.open("main.tf", "module \"db\" {\n  source = \"./db\"\n  public = true\n}\n");
    until(&mut editor, "main.tf", &[finding(WARNING, "database-public", "true")]);
    let diagnostic = editor.diagnostics("main.tf")[0].clone();
    let place = &diagnostic["relatedInformation"][0]["location"];
    assert_eq!(place["uri"], editor.uri("db/main.tf"), "{diagnostic}");
    assert_eq!(place["range"]["start"]["line"], 2, "{diagnostic}");
    assert!(diagnostic["message"].as_str().is_some_and(|it| it.contains("module.db.aws_lightsail_database.db")));
    editor.replace("main.tf", "true", "false");
    until(&mut editor, "main.tf", &[]);
    // The module's own text, unsaved.
    editor.replace("main.tf", "false", "true");
    editor.open("db/main.tf", &format!("variable \"public\" {{}}\n{BY_VARIABLE}"));
    until(&mut editor, "main.tf", &[finding(ERROR, "database-public", "true")]);
    editor.replace("db/main.tf", "var.public", "false");
    until(&mut editor, "main.tf", &[]);
}

/// A module may come after what calls it.
#[test]
fn a_module_that_is_not_there_yet_counts_when_it_comes() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open("main.tf", "module \"db\" {\n  source = \"./db\"\n  public = true\n}\n");
    until(&mut editor, "main.tf", &[]);
    workspace.write("db/main.tf", &format!("variable \"public\" {{}}\n{BY_VARIABLE}"));
    changed_on_disk(&mut editor, &[("db/main.tf", 1)]);
    until(&mut editor, "main.tf", &[finding(WARNING, "database-public", "true")]);
    fs::remove_file(workspace.path("db/main.tf")).expect("it is removed");
    changed_on_disk(&mut editor, &[("db/main.tf", 3)]);
    until(&mut editor, "main.tf", &[]);
}

/// What another resource of the module makes of this one.
#[test]
fn a_companion_in_another_file_counts() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    let has = |editor: &mut Editor| editor.findings("main.tf").iter().any(|(_, code, _)| code == "image-cannot-exist");
    let image = "resource \"aws_instance\" \"web\" {\n  ami = \"ami-12345678\"\n  instance_type = \"t3.micro\"\n}\n";
    editor.open("main.tf", image);
    assert!(has(&mut editor));
    let emulator = "provider \"aws\" {\n  skip_requesting_account_id = true\n}\n";
    editor.open("provider.tf", emulator);
    assert!(!has(&mut editor), "an emulator knows any image");
    editor.replace("provider.tf", "skip_requesting_account_id", "region_of_nothing");
    assert!(has(&mut editor));
    editor.replace_all("provider.tf", emulator);
    assert!(!has(&mut editor));
    editor.close("provider.tf");
    let started = Instant::now();
    while !has(&mut editor) {
        assert!(started.elapsed() < LIMIT);
    }
}

#[test]
fn variable_files_that_apply_by_themselves_decide() {
    let workspace = Workspace::new();
    let declared = format!("variable \"public\" {{\n  default = false\n}}\n{BY_VARIABLE}");
    let mut editor = workspace.editor();
    editor.open("main.tf", &declared);
    until(&mut editor, "main.tf", &[]);
    workspace.write("a.auto.tfvars", "public = true\n");
    changed_on_disk(&mut editor, &[("a.auto.tfvars", 1)]);
    until(&mut editor, "main.tf", &by_variable());
    // Open and unsaved it counts as it is in the editor.
    let uri = editor.uri("a.auto.tfvars");
    editor.client.open(&uri, "terraform-vars", "public = false\n");
    until(&mut editor, "main.tf", &[]);
    editor.client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    until(&mut editor, "main.tf", &by_variable());
    fs::remove_file(workspace.path("a.auto.tfvars")).expect("it is removed");
    changed_on_disk(&mut editor, &[("a.auto.tfvars", 3)]);
    until(&mut editor, "main.tf", &[]);
}

/// What applies only where somebody names it says that the value is open.
#[test]
fn variable_files_that_do_not_apply_by_themselves_leave_it_open() {
    let workspace = Workspace::new();
    let declared = format!("variable \"public\" {{\n  default = true\n}}\n{BY_VARIABLE}");
    let mut editor = workspace.editor();
    editor.open("main.tf", &declared);
    until(&mut editor, "main.tf", &by_variable());
    workspace.write("dev.tfvars", "public = false\n");
    changed_on_disk(&mut editor, &[("dev.tfvars", 1)]);
    until(&mut editor, "main.tf", &[]);
    let at = editor.range("main.tf", "var.public")["start"].clone();
    let hover = editor.request("textDocument/hover", "main.tf", json!({ "position": at }));
    let words = hover["contents"]["value"].as_str().expect("words");
    assert!(words.contains("Not known: whether `database-public` holds here. It needs `var.public`"), "{words}");
    assert!(words.contains("dev.tfvars"), "{words}");
}

/// A text that an expression reads is no document here.
#[test]
fn a_text_that_is_read_counts_when_it_changes() {
    let workspace = Workspace::new();
    workspace.write("db.json", "{\"public\": false}");
    let text = BY_VARIABLE.replace("var.public", "jsondecode(file(\"${path.module}/db.json\")).public");
    let mut with = capabilities();
    with["workspace"]["didChangeWatchedFiles"] = json!({ "dynamicRegistration": true });
    let mut editor = workspace.editor_with(with);
    editor.client.server_request("client/registerCapability");
    editor.open("main.tf", &text);
    let asked = editor.client.server_request("client/registerCapability");
    let watchers = &asked["registrations"][0]["registerOptions"]["watchers"];
    assert_eq!(watchers, &json!([{ "globPattern": "**/db.json" }]));
    until(&mut editor, "main.tf", &[]);
    workspace.write("db.json", "{\"public\": true}");
    changed_on_disk(&mut editor, &[("db.json", 2)]);
    let wanted = finding(WARNING, "database-public", "file(\"${path.module}/db.json\")");
    until(&mut editor, "main.tf", std::slice::from_ref(&wanted));
    workspace.write("db.json", "{\"public\": false}");
    let params = json!({ "textDocument": editor.document("db.json") });
    editor.client.notify("textDocument/didSave", params);
    until(&mut editor, "main.tf", &[]);
}

#[test]
fn an_edit_publishes_only_what_it_concerns() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.client.set_lifetime(LIMIT * 12);
    editor.open("variables.tf", &variable("false"));
    for index in 0..200 {
        let text = if index < 3 { BY_VARIABLE } else { FORCE };
        let text = text.replace("\"db\"", &format!("\"db{index}\"")).replace("\"logs\"", &format!("\"logs{index}\""));
        editor.open(&format!("file{index}.tf"), &text);
    }
    editor.settle();
    editor.settle();
    editor.client.take_unread("textDocument/publishDiagnostics");
    editor.replace("variables.tf", "false", "true");
    let (first, variables) = (editor.uri("file0.tf"), editor.uri("variables.tf"));
    editor.client.diagnostics_where(&first, 1, |found| !found.is_empty());
    let document = editor.document("variables.tf");
    editor.client.request("countersign/regions", json!({ "textDocument": document })).expect("regions");
    let mut published: Vec<_> = editor
        .client
        .take_unread("textDocument/publishDiagnostics")
        .iter()
        .map(|params| params["uri"].as_str().expect("a URI").to_owned())
        .filter(|uri| *uri != variables && !uri.contains("/probe"))
        .collect();
    published.sort();
    // The first one was taken above.
    assert_eq!(published, [editor.uri("file1.tf"), editor.uri("file2.tf")]);
}

// All files, pulled.

/// Asks about all files.
fn pull(editor: &mut Editor, previous: &Value, more: Value) -> Value {
    let mut params = more;
    params["previousResultIds"] = previous.clone();
    editor.client.request("workspace/diagnostic", params).expect("a report")
}

fn of_file<'r>(editor: &Editor, items: &'r Value, name: &str) -> &'r Value {
    let uri = editor.uri(name);
    let items = items.as_array().expect("items");
    items.iter().find(|item| item["uri"] == uri).unwrap_or_else(|| panic!("{name} is not in {items:#?}"))
}

fn ids(items: &Value) -> Value {
    let items = items.as_array().expect("items").iter();
    items.map(|item| json!({ "uri": item["uri"], "value": item["resultId"] })).collect()
}

#[test]
fn all_files_can_be_pulled() {
    let workspace = Workspace::new();
    workspace.write("a.tf", PUBLIC);
    workspace.write("b/b.tf", SAFE);
    workspace.write("left/out.tf", PUBLIC);
    workspace.write("countersign.toml", "[files]\nexclude = [\"left/**\"]\n");
    let mut editor = workspace.editor_with(pulling());
    let provider = &editor.offered["capabilities"]["diagnosticProvider"];
    assert_eq!(provider["interFileDependencies"], true, "{provider}");
    assert_eq!(provider["workspaceDiagnostics"], true, "{provider}");
    let report = pull(&mut editor, &json!([]), json!({}));
    let items = report["items"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(2), "{items}");
    let a = of_file(&editor, &items, "a.tf");
    assert_eq!((&a["kind"], &a["version"]), (&json!("full"), &Value::Null), "{a}");
    assert_eq!(a["items"][0]["code"], "database-public");
    assert_eq!(of_file(&editor, &items, "b/b.tf")["items"], json!([]));
    let again = pull(&mut editor, &ids(&items), json!({}))["items"].clone();
    assert!(again.as_array().expect("items").iter().all(|item| item["kind"] == "unchanged"), "{again}");

    // One is opened and changed, one is deleted.
    editor.open("a.tf", SAFE);
    fs::remove_file(workspace.path("b/b.tf")).expect("it is removed");
    changed_on_disk(&mut editor, &[("b/b.tf", 3)]);
    let started = Instant::now();
    let report = loop {
        let report = pull(&mut editor, &ids(&items), json!({}));
        let a = report["items"].as_array().expect("items").iter().find(|item| item["version"] == 1);
        let is_through = of_file(&editor, &report["items"], "b/b.tf")["kind"] == "full";
        if a.is_some() && is_through {
            break report;
        }
        assert!(started.elapsed() < LIMIT, "{report}");
    };
    let a = of_file(&editor, &report["items"], "a.tf");
    assert_eq!((&a["kind"], &a["items"]), (&json!("full"), &json!([])), "{a}");
    assert_eq!(of_file(&editor, &report["items"], "b/b.tf")["items"], json!([]), "what is no more is taken back");
    assert_eq!(editor.client.take_unread("textDocument/publishDiagnostics"), [] as [Value; 0]);
}

#[test]
fn what_is_pulled_comes_in_parts_with_progress() {
    let workspace = Workspace::new();
    for index in 0..150 {
        workspace.write(&format!("m{index}/main.tf"), PUBLIC);
    }
    let mut editor = workspace.editor_with(pulling());
    let tokens = json!({ "workDoneToken": "work", "partialResultToken": 7 });
    let report = pull(&mut editor, &json!([]), tokens);
    assert_eq!(report, json!({ "items": [] }), "all of it came before");
    let told = editor.client.take_unread("$/progress");
    let parts = told.iter().filter(|told| told["token"] == 7);
    let parts: Vec<_> = parts.map(|told| told["value"]["items"].as_array().expect("items").len()).collect();
    assert_eq!((parts.len() > 1, parts.iter().sum()), (true, 150), "{parts:?}");
    let work: Vec<_> = told.iter().filter(|told| told["token"] == "work").map(|told| &told["value"]["kind"]).collect();
    assert_eq!((work.first(), work.last()), (Some(&&json!("begin")), Some(&&json!("end"))), "{work:?}");
    assert!(work.len() > 2, "{work:?}");
    // The reading of the workspace is told about too, on a token of the server's own.
    let own = editor.client.server_request("window/workDoneProgress/create")["token"].clone();
    assert!(own.is_string() && own != "work", "{own}");
    let of_reading = told.iter().filter(|told| told["token"] == own).map(|told| &told["value"]["kind"]);
    let of_reading: Vec<_> = of_reading.collect();
    assert_eq!((of_reading.first(), of_reading.last()), (Some(&&json!("begin")), Some(&&json!("end"))));
}

// All files, pushed.

/// The newest diagnostics of a file that is not open.
fn published(editor: &mut Editor, name: &str) -> Option<Value> {
    let uri = editor.uri(name);
    let all = editor.client.take_unread("textDocument/publishDiagnostics");
    all.into_iter().rev().find(|params| params["uri"] == uri).map(|mut params| params["diagnostics"].take())
}

fn check(editor: &mut Editor) -> Value {
    let params = json!({ "command": "countersign.checkWorkspace" });
    editor.client.request("workspace/executeCommand", params).expect("it is done")
}

/// Waits for the next diagnostics of a file that is not open.
fn next(editor: &mut Editor, name: &str) -> Vec<Value> {
    let uri = editor.uri(name);
    let mut told = editor.client.wait(&format!("diagnostics of {name}"), |message| {
        message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri
    });
    serde_json::from_value(told.message["params"]["diagnostics"].take()).expect("a list")
}

#[test]
fn a_check_publishes_what_is_in_files_that_are_not_open() {
    let workspace = Workspace::new();
    workspace.write("a.tf", PUBLIC);
    workspace.write("b.tf", SAFE);
    workspace.write("c/variables.tf", &variable("true"));
    workspace.write("c/main.tf", BY_VARIABLE);
    let mut editor = workspace.editor_with(with_progress());
    let answer = check(&mut editor);
    assert_eq!(answer, json!({ "files": 4, "findings": 2, "leftOut": 0, "cancelled": false }));
    assert_eq!(published(&mut editor, "b.tf"), None);
    assert_eq!(check(&mut editor)["findings"], 2);
    assert_eq!(published(&mut editor, "a.tf"), None, "it is shown already");

    // Opened, closed.
    editor.open("a.tf", "");
    assert_eq!(next(&mut editor, "a.tf"), [] as [Value; 0]);
    editor.close("a.tf");
    let started = Instant::now();
    while next(&mut editor, "a.tf").is_empty() {
        assert!(started.elapsed() < LIMIT);
    }

    // What it depends on changes on disk; and it is deleted.
    workspace.write("c/variables.tf", &variable("false"));
    changed_on_disk(&mut editor, &[("c/variables.tf", 2)]);
    assert_eq!(next(&mut editor, "c/main.tf"), [] as [Value; 0]);
    fs::remove_file(workspace.path("a.tf")).expect("it is removed");
    changed_on_disk(&mut editor, &[("a.tf", 3)]);
    assert_eq!(next(&mut editor, "a.tf"), [] as [Value; 0]);
}

/// Who wrote it and whether it is committed counts, as in a document.
#[test]
fn a_file_is_told_about_as_if_it_were_open() {
    let workspace = Workspace::git(&[("old.tf", PUBLIC)]);
    workspace.write("new/main.tf", PUBLIC);
    workspace.write("ai/main.tf", PUBLIC);
    let names = ["old.tf", "new/main.tf", "ai/main.tf"];
    let mut editor = workspace.editor();
    editor.open("ai/main.tf", PUBLIC);
    editor.ai_wrote("ai/main.tf", PUBLIC);
    editor.settle();
    editor.quit();
    let mut editor = workspace.editor();
    check(&mut editor);
    let closed: Vec<_> = names.iter().map(|name| next(&mut editor, name)).collect();
    for (name, closed) in names.iter().zip(closed) {
        editor.open(name, PUBLIC);
        assert_eq!(editor.diagnostics(name), closed, "{name}");
        assert_eq!(closed.len(), 1, "{name}");
    }
}

#[test]
fn nothing_is_published_of_other_files_before_somebody_asks() {
    let workspace = Workspace::new();
    workspace.write("a.tf", PUBLIC);
    let mut editor = workspace.editor();
    editor.open("main.tf", SAFE);
    editor.settle();
    editor.save("main.tf");
    editor.settle();
    assert_eq!(published(&mut editor, "a.tf"), None);
}

#[test]
fn a_check_reads_what_has_changed_on_disk_where_the_client_watches_nothing() {
    let workspace = Workspace::new();
    workspace.write("a.tf", PUBLIC);
    workspace.write("b.tf", SAFE);
    let mut editor = workspace.editor_with(with_progress());
    assert_eq!(check(&mut editor)["findings"], 1);
    assert_eq!(next(&mut editor, "a.tf").len(), 1);
    workspace.write("b.tf", PUBLIC);
    workspace.write("new/main.tf", PUBLIC);
    std::fs::remove_file(workspace.path("a.tf")).expect("it was there");
    let answer = check(&mut editor);
    assert_eq!(answer, json!({ "files": 2, "findings": 2, "leftOut": 0, "cancelled": false }));
    assert_eq!(next(&mut editor, "b.tf").len(), 1);
    assert_eq!(next(&mut editor, "new/main.tf").len(), 1);
    assert_eq!(next(&mut editor, "a.tf").len(), 0);
}

#[test]
fn a_check_can_be_cancelled() {
    let workspace = Workspace::new();
    for index in 0..400 {
        workspace.write(&format!("m{index}/main.tf"), PUBLIC);
    }
    let mut editor = workspace.editor_with(with_progress());
    editor.client.server_request("window/workDoneProgress/create");
    let command = json!({ "command": "countersign.checkWorkspace" });
    let id = editor.client.send_request("workspace/executeCommand", command);
    let token = editor.client.server_request("window/workDoneProgress/create")["token"].clone();
    editor.client.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let answer = editor.client.reply(id).expect("an answer");
    assert_eq!(answer["cancelled"], true, "{answer}");
    // Nothing is left of it.
    let mut shown = std::collections::HashMap::new();
    for params in editor.client.take_unread("textDocument/publishDiagnostics") {
        shown.insert(params["uri"].to_string(), params["diagnostics"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(shown.values().sum::<usize>(), 0, "{shown:?}");
}

// Environments.

#[test]
fn production_is_said_in_the_message_and_the_hover() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open("prod/main.tf", &format!("{PUBLIC}{SAFE}"));
    editor.settle();
    let message = editor.diagnostics("prod/main.tf")[0]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(", in production; "), "{message}");
    for piece in ["aws_lightsail_database\" \"safe", "= true"] {
        let at = editor.range("prod/main.tf", piece)["end"].clone();
        let hover = editor.request("textDocument/hover", "prod/main.tf", json!({ "position": at }));
        let words = hover["contents"]["value"].as_str().expect("words");
        assert!(words.contains("Production, told by the path."), "{words}");
    }
}

#[test]
fn a_hover_leads_to_where_a_value_comes_from() {
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open("variables.tf", &variable("true"));
    editor.open("main.tf", BY_VARIABLE);
    until(&mut editor, "main.tf", &by_variable());
    let at = editor.range("main.tf", "var.public")["start"].clone();
    let hover = editor.request("textDocument/hover", "main.tf", json!({ "position": at }));
    let words = hover["contents"]["value"].as_str().expect("words");
    let link = format!("- [variables.tf:2]({}#L2): ", editor.uri("variables.tf"));
    assert!(words.contains(&link), "{words}");
    editor.replace("variables.tf", "  default = true\n", "");
    until(&mut editor, "main.tf", &[]);
    let hover = editor.request("textDocument/hover", "main.tf", json!({ "position": at }));
    let words = hover["contents"]["value"].as_str().expect("words");
    let wanted = "Not known: whether `database-public` holds here. It needs `var.public`, which has no default.";
    assert_eq!(words, wanted);
}
