//! What an edit would do to what is live, in the editor: once the text has settled or is saved.

use crate::editor::{Editor, WARNING, Workspace, capabilities_but};
use serde_json::json;

/// A database that others depend on. Nothing about it is a risk but that it is a database.
const SHOP: &str = r#"resource "aws_db_instance" "orders" {
  identifier                      = "orders"
  engine                          = "postgres"
  engine_version                  = "16.4"
  instance_class                  = "db.m6g.large"
  allocated_storage               = 100
  storage_encrypted               = true
  deletion_protection             = true
  backup_retention_period         = 14
  multi_az                        = true
  skip_final_snapshot             = false
  final_snapshot_identifier       = "orders-final"
  performance_insights_enabled    = true
  iam_database_authentication_enabled = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
}

resource "aws_ssm_parameter" "endpoint" {
  name  = "/orders/endpoint"
  type  = "SecureString"
  value = aws_db_instance.orders.endpoint
}
"#;

/// Risks about what is live, each with the text that is underlined.
fn told(editor: &mut Editor, name: &str) -> Vec<(String, String)> {
    const RISKS: &[&str] =
        &["destroys", "destroys-data", "replaces", "impact-unknown", "interrupts", "protection-removed", "widens"];
    let findings = editor.findings(name).into_iter();
    findings.filter(|(_, risk, _)| RISKS.contains(&risk.as_str())).map(|(_, risk, text)| (risk, text)).collect()
}

fn until_told(editor: &mut Editor, name: &str, expected: &[(&str, &str)]) {
    let is = |told: &[(String, String)]| {
        told.iter().map(|(risk, text)| (risk.as_str(), text.as_str())).eq(expected.iter().copied())
    };
    for _ in 0..200 {
        if is(&told(editor, name)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{:#?} is not {expected:#?}", told(editor, name));
}

fn editor(workspace: &Workspace) -> Editor {
    let mut editor = workspace.editor();
    editor.open("main.tf", SHOP);
    editor
}

#[test]
fn an_attribute_that_cannot_be_changed_in_place() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let related = json!({ "versionSupport": true, "relatedInformation": true });
    let mut editor = workspace.editor_with(capabilities_but("/textDocument/publishDiagnostics", related));
    editor.open("main.tf", SHOP);
    editor.replace("main.tf", "storage_encrypted               = true", "storage_encrypted               = false");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[("destroys-data", "false")]);
    let diagnostics = editor.diagnostics("main.tf");
    let told = diagnostics.iter().find(|it| it["code"] == "destroys-data").expect("it is told");
    let message = told["message"].as_str().expect("a message");
    assert!(message.contains("`aws_db_instance.orders` would be destroyed and created anew"), "{message}");
    assert!(message.contains("1 resource depends on it, most of all `aws_ssm_parameter.endpoint`"), "{message}");
    assert_eq!(told["relatedInformation"][0]["message"], "`aws_ssm_parameter.endpoint` depends on it");
    let lenses = editor.request("textDocument/codeLens", "main.tf", json!({}));
    assert_eq!(lenses[0]["command"]["title"], "replace · data loss · 1 dependent");
    assert_eq!(lenses[0]["range"]["start"]["line"], 0);
    // Taken back, there is nothing to tell.
    editor.replace("main.tf", "storage_encrypted               = false", "storage_encrypted               = true");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[]);
}

#[test]
fn a_block_that_is_taken_out_is_told_where_it_stood() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    let start = SHOP.find("\nresource \"aws_ssm").expect("the second block");
    editor.edit("main.tf", start..SHOP.len(), "");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[("destroys-data", "")]);
}

#[test]
fn a_new_name_has_the_moved_block_as_its_fix() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    editor.replace("main.tf", "\"aws_ssm_parameter\" \"endpoint\"", "\"aws_ssm_parameter\" \"address\"");
    editor.save("main.tf");
    let header = "resource \"aws_ssm_parameter\" \"address\" {";
    until_told(&mut editor, "main.tf", &[("destroys-data", header)]);
    editor.command("countersign.fix", "main.tf", header, json!({ "risk": "destroys-data" })).expect("it is done");
    editor.apply_what_is_asked();
    let text = editor.text("main.tf");
    assert!(
        text.contains("moved {\n  from = aws_ssm_parameter.endpoint\n  to   = aws_ssm_parameter.address\n}"),
        "{text}"
    );
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[]);
}

#[test]
fn what_an_ai_would_destroy_does_not_pass() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    editor.replace(
        "main.tf",
        "identifier                      = \"orders\"",
        "identifier                      = \"orders-2\"",
    );
    editor.ai_wrote("main.tf", "\"orders-2\"");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[]);
    editor.replace(
        "main.tf",
        "engine                          = \"postgres\"",
        "engine                          = \"mysql\"",
    );
    editor.ai_wrote("main.tf", "\"mysql\"");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[("destroys-data", "\"mysql\"")]);
    let diagnostics = editor.diagnostics("main.tf");
    let told = diagnostics.iter().find(|it| it["code"] == "destroys-data").expect("it is told");
    assert_eq!(told["severity"], 1);
    assert!(told["message"].as_str().is_some_and(|message| message.contains("must not be applied as it is")));
}

#[test]
fn a_protection_that_is_taken_off() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    editor.replace("main.tf", "backup_retention_period         = 14", "backup_retention_period         = 7");
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[("protection-removed", "7")]);
    assert_eq!(editor.findings("main.tf")[0].0, WARNING);
}

#[test]
fn outside_of_git_what_was_saved_last_counts_as_live() {
    let workspace = Workspace::new();
    workspace.write("main.tf", SHOP);
    let mut editor = editor(&workspace);
    editor.replace(
        "main.tf",
        "engine                          = \"postgres\"",
        "engine                          = \"mysql\"",
    );
    until_told(&mut editor, "main.tf", &[("destroys-data", "\"mysql\"")]);
    // From now on that counts.
    workspace.write("main.tf", editor.text("main.tf"));
    editor.save("main.tf");
    until_told(&mut editor, "main.tf", &[]);
}

#[test]
fn dependents_can_be_browsed() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    editor.settle();
    let place = editor.range("main.tf", "engine ");
    let items = editor.request("textDocument/prepareCallHierarchy", "main.tf", json!({ "position": place["start"] }));
    assert_eq!((&items[0]["name"], &items[0]["detail"]), (&json!("aws_db_instance.orders"), &json!("critical")));
    let call = |editor: &mut Editor, method: &str, item: &serde_json::Value| {
        editor.client.request(method, json!({ "item": item })).expect("an answer")
    };
    let incoming = call(&mut editor, "callHierarchy/incomingCalls", &items[0]);
    assert_eq!(incoming[0]["from"]["name"], "aws_ssm_parameter.endpoint");
    let outgoing = call(&mut editor, "callHierarchy/outgoingCalls", &incoming[0]["from"]);
    assert_eq!(outgoing[0]["to"]["name"], "aws_db_instance.orders");
    assert_eq!(call(&mut editor, "callHierarchy/incomingCalls", &incoming[0]["from"]), json!([]));
}
