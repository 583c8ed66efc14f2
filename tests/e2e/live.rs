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

/// Risks about what is live, and one that a value of a chart brings about, each with the text that is underlined.
fn told(editor: &mut Editor, name: &str) -> Vec<(String, String)> {
    const RISKS: &[&str] = &[
        "destroys",
        "destroys-data",
        "replaces",
        "impact-unknown",
        "interrupts",
        "node-namespace-shared",
        "protection-removed",
        "widens",
    ];
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
fn a_new_name_in_another_file_has_the_moved_block_as_its_fix() {
    let at = SHOP.find("resource \"aws_ssm").expect("the second block");
    let (database, endpoint) = SHOP.split_at(at);
    let renamed = endpoint.replace("\"endpoint\"", "\"address\"");
    let until_moved = |workspace: &Workspace, editor: &mut Editor, name: &str, piece: &str| {
        until_told(editor, name, &[("destroys-data", piece)]);
        editor.command("countersign.fix", name, piece, json!({ "risk": "destroys-data" })).expect("it is done");
        editor.apply_what_is_asked();
        let moved = "moved {\n  from = aws_ssm_parameter.endpoint\n  to   = aws_ssm_parameter.address\n}";
        assert!(editor.text(name).contains(moved), "{}", editor.text(name));
        workspace.write(name, editor.text(name));
        editor.save(name);
        until_told(editor, name, &[]);
    };
    // The other file is open: it is told there.
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    let mut editor = editor(&workspace);
    editor.open("other.tf", &renamed);
    editor.replace_all("main.tf", database);
    editor.save("main.tf");
    until_moved(&workspace, &mut editor, "other.tf", "resource \"aws_ssm_parameter\" \"address\" {");
    assert_eq!(told(&mut editor, "main.tf"), []);
    // It is not: it is told where the block stood.
    let workspace = Workspace::git(&[("main.tf", &format!("{endpoint}\n{database}"))]);
    workspace.write("other.tf", &renamed);
    workspace.write("main.tf", database);
    let mut editor = workspace.editor();
    editor.open("main.tf", database);
    until_moved(&workspace, &mut editor, "main.tf", "resource \"aws_db_instance\" \"orders\" {");
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
fn the_settings_name_the_baseline() {
    let workspace = Workspace::git(&[("main.tf", SHOP)]);
    workspace.run_git(&["tag", "released"]);
    let mysql = SHOP.replace("\"postgres\"", "\"mysql\"");
    workspace.write("main.tf", &mysql);
    workspace.run_git(&["commit", "-qam", "another engine"]);
    let set = |editor: &mut Editor, baseline: &str| {
        let text = format!("[impact]\nbaseline = \"{baseline}\"\n");
        workspace.write("countersign.toml", &text);
        editor.replace_all("countersign.toml", &text);
        editor.save("countersign.toml");
    };
    let mut editor = workspace.editor();
    editor.open("countersign.toml", "");
    set(&mut editor, "released");
    editor.open("main.tf", &mysql);
    until_told(&mut editor, "main.tf", &[("destroys-data", "\"mysql\"")]);
    set(&mut editor, "HEAD");
    until_told(&mut editor, "main.tf", &[]);
    set(&mut editor, "released");
    until_told(&mut editor, "main.tf", &[("destroys-data", "\"mysql\"")]);
    // What is not there is no reason to compare with something else.
    set(&mut editor, "no-such-tag");
    until_told(&mut editor, "main.tf", &[]);
    set(&mut editor, "saved");
    editor.replace("main.tf", "\"mysql\"", "\"mariadb\"");
    until_told(&mut editor, "main.tf", &[("destroys-data", "\"mariadb\"")]);
}

#[test]
fn what_went_with_a_file_is_told_in_another_one_of_the_module() {
    let queue = "resource \"aws_sqs_queue\" \"jobs\" {}\n\nresource \"aws_kms_key\" \"jobs\" {}\n";
    let main =
        "resource \"aws_sqs_queue_policy\" \"jobs\" {\n  queue_url = aws_sqs_queue.jobs.id\n  policy    = \"{}\"\n}\n";
    let other = "resource \"aws_kms_alias\" \"other\" {\n  target_key_id = \"x\"\n}\n";
    let workspace = Workspace::git(&[("other.tf", other), ("users.tf", main), ("old.tf", queue)]);
    std::fs::remove_file(workspace.path("old.tf")).expect("it was there");
    let mut editor = workspace.editor();
    editor.open("other.tf", other);
    editor.open("users.tf", main);
    // What still mentions it says so itself; of the rest it is said at the top.
    until_told(&mut editor, "users.tf", &[("destroys-data", "resource \"aws_sqs_queue_policy\" \"jobs\" {")]);
    until_told(&mut editor, "other.tf", &[("destroys", "resource \"aws_kms_alias\" \"other\" {")]);
    let diagnostics = editor.diagnostics("other.tf");
    let message = diagnostics.iter().find_map(|it| it["message"].as_str().filter(|it| it.contains("aws_kms_key.jobs")));
    assert!(message.expect("it is told").contains("it stood in `old.tf`, which is there no more"), "{message:?}");
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_not_gone() {
    let pair = [("live/main.tf", SHOP), ("live/more.tf", "resource \"aws_kms_key\" \"k\" {}\n")];
    let workspace = Workspace::git(&pair);
    workspace.run_git(&["sparse-checkout", "set", "--no-cone", "/live/main.tf"]);
    assert!(!workspace.path("live/more.tf").exists());
    let mut editor = workspace.editor();
    editor.open("live/main.tf", SHOP);
    editor.replace("live/main.tf", "\"postgres\"", "\"mysql\"");
    editor.save("live/main.tf");
    until_told(&mut editor, "live/main.tf", &[("destroys-data", "\"mysql\"")]);
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

#[test]
fn manifests_and_templates_are_compared_while_they_are_written() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: cart\nspec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: fast\n";
    let stack = "{\n  \"AWSTemplateFormatVersion\": \"2010-09-09\",\n  \"Resources\": {\n    \"Net\": {\n      \"Type\": \"AWS::EC2::VPC\",\n      \"Properties\": {\"CidrBlock\": \"10.0.0.0/16\"}\n    }\n  }\n}\n";
    let workspace = Workspace::git(&[("claim.yaml", claim), ("stack.json", stack)]);
    let mut editor = workspace.editor();
    editor.open_as("claim.yaml", "yaml", claim);
    editor.open_as("stack.json", "json", stack);
    until_told(&mut editor, "claim.yaml", &[]);
    editor.replace("claim.yaml", "fast", "slow");
    until_told(&mut editor, "claim.yaml", &[("destroys-data", "slow")]);
    editor.replace("claim.yaml", "slow", "fast");
    until_told(&mut editor, "claim.yaml", &[]);
    editor.replace("stack.json", "10.0.0.0", "10.1.0.0");
    until_told(&mut editor, "stack.json", &[("replaces", "\"10.1.0.0/16\"")]);
    editor.quit();
}

#[test]
fn a_service_in_another_file_is_heeded_while_labels_are_written() {
    let cart = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  template:\n    metadata:\n      labels:\n        app: shop\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: front\nspec:\n  selector:\n    app: shop\n";
    let workspace = Workspace::git(&[("cart.yaml", cart), ("service.yaml", service)]);
    let mut editor = workspace.editor();
    editor.open_as("cart.yaml", "yaml", cart);
    until_told(&mut editor, "cart.yaml", &[]);
    editor.replace("cart.yaml", "app: shop", "app: store");
    until_told(&mut editor, "cart.yaml", &[("interrupts", "cart")]);
    editor.replace("cart.yaml", "app: store", "app: shop");
    until_told(&mut editor, "cart.yaml", &[]);
    editor.quit();
}

#[test]
fn a_template_is_looked_at_again_when_a_value_is_another_one() {
    let template = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  hostNetwork: {{ .Values.hostNetwork }}\n  containers: []\n";
    let values = "name: web\nhostNetwork: true\n";
    let workspace = Workspace::git(&[("chart/templates/web.yaml", template), ("chart/values.yaml", values)]);
    let mut editor = workspace.editor();
    editor.open_as("chart/templates/web.yaml", "helm", template);
    let told = [("node-namespace-shared", "{{ .Values.hostNetwork }}")];
    until_told(&mut editor, "chart/templates/web.yaml", &told);
    editor.open_as("chart/values.yaml", "yaml", values);
    editor.replace("chart/values.yaml", "true", "false");
    until_told(&mut editor, "chart/templates/web.yaml", &[]);
    editor.replace("chart/values.yaml", "false", "true");
    until_told(&mut editor, "chart/templates/web.yaml", &told);
    editor.quit();
}
