//! What depends on a resource, all of it at once: `countersign/blastRadius`.

use crate::editor::{Editor, Workspace, capabilities};
use serde_json::{Value, json};
use std::fmt::Write as _;

const PROD: &str = r#"resource "aws_db_instance" "orders" {
  identifier        = "orders"
  engine            = "postgres"
  storage_encrypted = true
}

locals {
  endpoint = aws_db_instance.orders.endpoint
}

resource "null_resource" "endpoint" {
  triggers = { endpoint = local.endpoint }
}

module "app" {
  source   = "../../modules/app"
  database = null_resource.endpoint.id
}

module "monitoring" {
  source = "registry.example.com/acme/monitoring/aws"
  target = aws_db_instance.orders.id
}
"#;

const APP: &str = r#"variable "database" {}

resource "aws_dynamodb_table" "cache" {
  name = var.database
}
"#;

fn repository() -> Workspace {
    Workspace::git(&[("live/prod/main.tf", PROD), ("modules/app/main.tf", APP)])
}

fn ask(editor: &mut Editor, name: &str, about: Value) -> Value {
    editor.request("countersign/blastRadius", name, about)
}

/// Asks until the files around are read and the change is compared.
fn ask_until(editor: &mut Editor, name: &str, about: &Value, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let answer = ask(editor, name, about.clone());
        if is(&answer) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{:#}", ask(editor, name, about.clone()));
}

fn addresses(answer: &Value) -> Vec<&str> {
    let dependents = answer["dependents"].as_array().expect("a list");
    dependents.iter().map(|it| it["address"].as_str().expect("an address")).collect()
}

#[test]
fn what_depends_on_a_resource_and_by_which_way() {
    let workspace = repository();
    let mut editor = workspace.editor();
    editor.open("live/prod/main.tf", PROD);
    let place = editor.range("live/prod/main.tf", "identifier");
    let about = json!({ "position": place["start"] });
    // Until it is read, the module counts as one, too.
    let is_read = |it: &Value| (&it["total"], &it["unseen"]) == (&json!(3), &json!(1));
    let answer = ask_until(&mut editor, "live/prod/main.tf", &about, is_read);

    let resource = &answer["resource"];
    assert_eq!(resource["address"], "aws_db_instance.orders");
    assert_eq!((&resource["kind"], &resource["tier"]), (&json!("aws_db_instance"), &json!("critical")));
    assert_eq!(resource["environment"], "production");
    assert_eq!(resource["range"], editor.range("live/prod/main.tf", "resource \"aws_db_instance\" \"orders\" {"));
    assert_eq!(answer.get("change"), None);
    assert_eq!((&answer["atLeast"], &answer["unseen"]), (&json!(false), &json!(1)));

    let mut found = addresses(&answer);
    found[..2].sort_unstable();
    assert_eq!(found, ["module.monitoring", "null_resource.endpoint", "module.app.aws_dynamodb_table.cache"]);
    let dependents = answer["dependents"].as_array().expect("a list");
    let at = |address: &str| dependents.iter().position(|it| it["address"] == address).expect("it is there");
    let parameter = at("null_resource.endpoint");
    assert_eq!(dependents[parameter]["via"], json!(["local.endpoint"]));
    assert_eq!(dependents[parameter].get("through"), None);
    assert_eq!(dependents[at("module.monitoring")]["unseen"], true);
    // What is in a module is where the module stands, and in the environment from which it is called.
    let cache = &dependents[2];
    assert_eq!(cache["uri"], workspace.uri("modules/app/main.tf"));
    assert_eq!(cache["range"]["start"], json!({ "line": 2, "character": 0 }));
    assert_eq!((&cache["distance"], &cache["through"]), (&json!(2), &json!(parameter)));
    assert_eq!((&cache["environment"], &cache["tier"]), (&json!("production"), &json!("critical")));
    assert_eq!(answer["worst"], 2);

    // The same by its name, also from another document.
    editor.open("modules/app/main.tf", APP);
    let module = answer["module"].clone();
    let named = json!({ "address": "aws_db_instance.orders", "module": module });
    ask_until(&mut editor, "modules/app/main.tf", &named, |it| *it == answer);
}

#[test]
fn what_the_change_does_is_said() {
    let workspace = repository();
    let mut editor = workspace.editor();
    editor.open("live/prod/main.tf", PROD);
    editor.replace("live/prod/main.tf", "storage_encrypted = true", "storage_encrypted = false");
    editor.save("live/prod/main.tf");
    let about = json!({ "address": "aws_db_instance.orders" });
    let answer = ask_until(&mut editor, "live/prod/main.tf", &about, |it| it["change"]["dependents"] == 3);
    let change = &answer["change"];
    assert_eq!((&change["action"], &change["dataLoss"]), (&json!("replace"), &json!(true)));
    assert_eq!(change["summary"], "replace · data loss · 3 dependents · production");
    assert_eq!(change["isGone"], false);
}

#[test]
fn what_is_gone_says_what_still_refers_to_it() {
    let workspace = repository();
    let mut editor = workspace.editor();
    editor.open("live/prod/main.tf", PROD);
    let start = PROD.find("locals {").expect("the second block");
    editor.edit("live/prod/main.tf", 0..start, "");
    editor.save("live/prod/main.tf");
    let about = json!({ "address": "aws_db_instance.orders" });
    let answer = ask_until(&mut editor, "live/prod/main.tf", &about, |it| it["change"]["isGone"] == true);
    assert_eq!(answer["change"]["action"], "destroy");
    assert_eq!(answer["resource"]["uri"], workspace.uri("live/prod/main.tf"));
    assert!(addresses(&answer).contains(&"null_resource.endpoint"), "{answer:#}");
}

#[test]
fn where_no_resource_is_there_is_no_answer() {
    let workspace = repository();
    let mut editor = workspace.editor();
    editor.open("live/prod/main.tf", PROD);
    assert_eq!(ask(&mut editor, "live/prod/main.tf", json!({ "address": "aws_vpc.none" })), Value::Null);
    let uri = workspace.uri("live/prod/main.tf");
    let both = [json!({}), json!({ "address": "a.b", "position": { "line": 0, "character": 0 } })];
    for mut about in both {
        about["textDocument"] = json!({ "uri": uri });
        let error = editor.client.request("countersign/blastRadius", about).expect_err("it is wrong");
        assert!(error.message.contains("either a `position` or an `address`"), "{error:?}");
    }
}

#[test]
fn of_many_the_nearest_are_listed_and_the_way_to_the_worst() {
    let mut text = "resource \"aws_iam_role\" \"app\" {\n  name = \"app\"\n}\n".to_owned();
    for number in 0..600 {
        let _ = writeln!(
            text,
            "resource \"null_resource\" \"n{number}\" {{\n  triggers = {{ a = aws_iam_role.app.arn }}\n}}"
        );
    }
    text += "resource \"aws_db_instance\" \"last\" {\n  identifier = null_resource.n599.id\n}\n";
    let workspace = Workspace::new();
    let mut editor = workspace.editor();
    editor.open("main.tf", &text);
    let answer = ask_until(&mut editor, "main.tf", &json!({ "address": "aws_iam_role.app" }), |it| it["total"] == 601);
    let listed = addresses(&answer);
    // The last but one of those that are near leads to the worst, so it is listed, too.
    let worst = answer["worst"].as_u64().and_then(|it| usize::try_from(it).ok()).expect("there is one");
    assert_eq!(listed[worst], "aws_db_instance.last");
    let above = answer["dependents"][worst]["through"].as_u64().and_then(|it| usize::try_from(it).ok());
    assert_eq!(listed[above.expect("it was reached through one")], "null_resource.n599");
    assert!((501..=502).contains(&listed.len()), "{}", listed.len());
}

#[test]
fn the_lens_leads_to_the_graph_where_the_client_has_one() {
    let lens = |with: Value| {
        let workspace = repository();
        let mut editor = workspace.editor_with(with);
        editor.open("live/prod/main.tf", PROD);
        editor.replace("live/prod/main.tf", "storage_encrypted = true", "storage_encrypted = false");
        editor.save("live/prod/main.tf");
        for _ in 0..200 {
            let lenses = editor.request("textDocument/codeLens", "live/prod/main.tf", json!({}));
            if !lenses[0].is_null() {
                return lenses[0]["command"].clone();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("there is no lens");
    };
    assert_eq!(lens(capabilities())["command"], "countersign.explain");
    let mut with = capabilities();
    with["experimental"] = json!({ "countersign": { "commands": ["countersign.showBlastRadius"] } });
    let command = lens(with);
    assert_eq!(command["command"], "countersign.showBlastRadius");
    assert_eq!(command["arguments"][0]["address"], "aws_db_instance.orders");
}
