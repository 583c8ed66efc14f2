//! `countersign impact`: what an edit would do to what is live.

use crate::agents::{claude, decision};
use crate::cli::{Said, countersign, files};
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use countersign_testkit::run;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::LazyLock;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let said = countersign(&Workspace::new(), &["schema", "impact"]);
    jsonschema::validator_for(&serde_json::from_str(&said.stdout).expect("JSON")).expect("a schema")
});

const NETWORK: &str = r#"resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "a" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

module "db" {
  source    = "../../modules/db"
  subnet_id = aws_subnet.a.id
}
"#;

const DATABASE: &str = r#"variable "subnet_id" {}

resource "aws_db_subnet_group" "g" {
  subnet_ids = [var.subnet_id]
}

resource "aws_db_instance" "orders" {
  identifier           = "orders"
  db_subnet_group_name = aws_db_subnet_group.g.name
}
"#;

fn repository() -> Workspace {
    Workspace::git(&[("live/prod/main.tf", NETWORK), ("modules/db/main.tf", DATABASE)])
}

/// The impact as JSON that its schema allows, and the exit code.
pub(crate) fn impact(workspace: &Workspace, arguments: &[&str]) -> (Value, Option<i32>) {
    let said = countersign(workspace, &[&["impact", "--format", "json"], arguments].concat());
    (valid(&said), said.code)
}

fn valid(said: &Said) -> Value {
    let json: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    let errors: Vec<_> = SCHEMA.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    json
}

/// Action, path and address of each resource.
pub(crate) fn actions(impact: &Value) -> Vec<(&str, &str, &str)> {
    let resources = impact["resources"].as_array().expect("resources").iter();
    resources
        .map(|resource| {
            let [action, path, address] =
                ["action", "path", "address"].map(|field| resource[field].as_str().expect("a text"));
            (action, path, address)
        })
        .collect()
}

#[test]
fn what_is_gone_is_destroyed_and_what_depends_on_it_is_told() {
    let workspace = repository();
    let (nothing, code) = impact(&workspace, &[]);
    assert_eq!((nothing, code), (json!({ "resources": [] }), Some(0)));
    let gone = &NETWORK[NETWORK.find("resource \"aws_subnet\"").expect("a subnet")..];
    workspace.write("live/prod/main.tf", gone);
    let (found, code) = impact(&workspace, &[]);
    assert_eq!((actions(&found), code), (vec![("destroy", "live/prod/main.tf", "aws_vpc.main")], Some(1)));
    let vpc = &found["resources"][0];
    assert_eq!(vpc["range"]["start"], json!({ "line": 0, "character": 9 }), "its labels");
    assert_eq!(vpc["kind"], "aws_vpc");
    let dependents = &vpc["dependents"];
    assert_eq!((&dependents["direct"], &dependents["transitive"]), (&json!(1), &json!(3)), "{dependents}");
    let worst = &dependents["worst"];
    assert_eq!(worst["environment"], "production");
    assert!(worst["via"].is_array(), "{worst}");
    let said = countersign(&workspace, &["impact"]);
    let first = said.stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("1 destroyed; 3 dependents, worst: "), "{}", said.stdout);
    assert!(said.stdout.contains("compared with the last commit ("), "{}", said.stdout);
    assert!(said.stdout.contains("aws_vpc.main is destroyed"), "{}", said.stdout);
    assert!(said.stdout.contains("3 resources depend on it, 1 of them directly"), "{}", said.stdout);
    assert_eq!(countersign(&workspace, &["impact", "--fail-on", "never"]).code, Some(0));
}

#[test]
fn what_is_new_is_created_and_no_danger() {
    let workspace = repository();
    workspace.write("live/prod/more.tf", "resource \"aws_sqs_queue\" \"q\" {\n  name = \"q\"\n}\n");
    let (found, code) = impact(&workspace, &[]);
    assert_eq!((actions(&found), code), (vec![("create", "live/prod/more.tf", "aws_sqs_queue.q")], Some(0)));
    assert_eq!(countersign(&workspace, &["impact", "--fail-on", "change"]).code, Some(1));
}

#[test]
fn a_path_narrows_what_is_said() {
    let workspace = repository();
    workspace.write("live/prod/main.tf", "");
    workspace.write("modules/db/main.tf", "variable \"subnet_id\" {}\n");
    assert_eq!(impact(&workspace, &["modules"]).0["resources"].as_array().map(Vec::len), Some(2));
    let path = |path: &str| {
        let (found, _) = impact(&workspace, &[path]);
        actions(&found).iter().all(|(_, shown, _)| shown.starts_with(path)) && !actions(&found).is_empty()
    };
    assert!(path("modules/db"));
    assert!(path("live/prod/main.tf"));
}

#[test]
fn a_file_narrows_it_to_that_file() {
    let bucket = |name: &str| format!("resource \"aws_s3_bucket\" \"{name}\" {{\n  bucket = \"{name}\"\n}}\n");
    let workspace = Workspace::git(&[("a.tf", &bucket("a")), ("b.tf", &bucket("b"))]);
    workspace.write("a.tf", "");
    workspace.write("b.tf", "");
    assert_eq!(actions(&impact(&workspace, &["b.tf"]).0), [("destroy", "b.tf", "aws_s3_bucket.b")]);
    workspace.run_git(&["rm", "-q", "-f", "b.tf"]);
    assert_eq!(actions(&impact(&workspace, &["b.tf"]).0), [("destroy", "b.tf", "aws_s3_bucket.b")]);
}

#[test]
fn a_module_that_is_called_no_more_takes_what_is_inside_along() {
    let workspace = repository();
    let without = &NETWORK[..NETWORK.find("module").expect("a call")];
    workspace.write("live/prod/main.tf", without);
    let (found, code) = impact(&workspace, &["live"]);
    assert_eq!(code, Some(1));
    assert!(found.to_string().contains("module.db"), "{found}");
    assert!(actions(&found).iter().any(|(action, ..)| *action == "destroy"), "{found}");
}

#[test]
fn a_file_that_is_renamed_or_gone() {
    let workspace = repository();
    workspace.run_git(&["mv", "live/prod/main.tf", "live/prod/network.tf"]);
    assert_eq!(actions(&impact(&workspace, &[]).0), []);
    workspace.run_git(&["rm", "-q", "-f", "live/prod/network.tf"]);
    let (found, _) = impact(&workspace, &["live/prod/main.tf"]);
    assert!(actions(&found).contains(&("destroy", "live/prod/main.tf", "aws_vpc.main")), "{found}");
    let (found, _) = impact(&workspace, &["live"]);
    assert!(actions(&found).contains(&("destroy", "live/prod/main.tf", "aws_subnet.a")), "{found}");
}

#[test]
fn the_baseline_is_where_the_default_branch_was_left() {
    let workspace = repository();
    workspace.run_git(&["branch", "-M", "main"]);
    workspace.run_git(&["checkout", "-q", "-b", "topic"]);
    workspace.write(
        "live/prod/main.tf",
        &NETWORK.replace("resource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n", ""),
    );
    workspace.run_git(&["commit", "-qam", "gone"]);
    workspace.run_git(&["checkout", "-q", "main"]);
    workspace.write("live/prod/later.tf", "resource \"aws_eip\" \"later\" {}\n");
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-qm", "later"]);
    workspace.run_git(&["checkout", "-q", "topic"]);
    let (found, _) = impact(&workspace, &[]);
    assert_eq!(actions(&found), [("destroy", "live/prod/main.tf", "aws_vpc.main")]);
    assert!(countersign(&workspace, &["impact"]).stdout.contains("the merge base with main ("));
    assert_eq!(actions(&impact(&workspace, &["--base", "HEAD"]).0), []);
    let (found, _) = impact(&workspace, &["--base", "main"]);
    assert!(actions(&found).contains(&("destroy", "live/prod/later.tf", "aws_eip.later")), "{found}");
    let wrong = countersign(&workspace, &["impact", "--base", "nowhere"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("`nowhere` is no revision of this repository"), "{}", wrong.stderr);
}

#[test]
fn the_settings_name_the_baseline() {
    let workspace = repository();
    workspace.run_git(&["tag", "released"]);
    workspace.run_git(&["branch", "-M", "main"]);
    workspace.write("live/prod/main.tf", &NETWORK.replace("10.0.1.0", "10.0.2.0"));
    workspace.run_git(&["commit", "-qam", "another range"]);
    assert_eq!(actions(&impact(&workspace, &[]).0), [], "nothing is different from the last commit");
    let set = |baseline: &str| workspace.write("countersign.toml", &format!("[impact]\nbaseline = \"{baseline}\"\n"));
    set("released");
    let replaced = ("replace", "live/prod/main.tf", "aws_subnet.a");
    assert!(actions(&impact(&workspace, &[]).0).contains(&replaced));
    assert!(countersign(&workspace, &["impact"]).stdout.contains("compared with `released` ("));
    assert_eq!(actions(&impact(&workspace, &["--base", "HEAD"]).0), [], "what is said comes first");
    workspace.write("live/prod/countersign.toml", "[impact]\nbaseline = \"HEAD\"\n");
    assert_eq!(actions(&impact(&workspace, &["live/prod"]).0), [], "the nearest settings hold");
    set("no-such-tag");
    let said = countersign(&workspace, &["impact"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("`no-such-tag` is no revision of this repository"), "{}", said.stderr);
    assert!(said.stderr.contains("`baseline` in countersign.toml"), "{}", said.stderr);
    set("saved");
    let said = countersign(&workspace, &["impact"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("name an earlier state with --base REV"), "{}", said.stderr);
}

#[test]
fn the_settings_say_what_changes_of_attributes_do() {
    let store = "resource \"acme_store\" \"a\" {\n  name = \"a\"\n}\n";
    let workspace = Workspace::git(&[("live/main.tf", store), ("other/main.tf", store)]);
    for folder in ["live", "other"] {
        workspace.write(&format!("{folder}/main.tf"), &store.replace("= \"a\"", "= \"b\""));
    }
    let unknown = ["live", "other"].map(|folder| format!("{folder}/main.tf"));
    let unknown = unknown.each_ref().map(|path| ("unknown", path.as_str(), "acme_store.a"));
    assert_eq!(actions(&impact(&workspace, &[]).0), unknown);
    let row = "[[impact.attribute]]\ntype = \"acme_store\"\nattribute = \"name\"\nchange = \"replaces\"\n";
    workspace.write("live/countersign.toml", row);
    let (found, _) = impact(&workspace, &[]);
    assert_eq!(actions(&found), [("replace", "live/main.tf", "acme_store.a"), unknown[1]]);
    assert!(found.to_string().contains("which replaces it (as countersign.toml says)"), "{found}");
    assert_eq!(checked(&workspace, &["live"]).0, [at("replaces", "live/main.tf", 1)]);
    workspace.write("live/countersign.toml", &format!("{row}since = \"nine\"\n"));
    let said = countersign(&workspace, &["check", "live"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("`nine` is no version"), "{}", said.stderr);
}

#[test]
fn a_submodule_has_a_history_of_its_own() {
    let inner = Workspace::git(&[("main.tf", DATABASE)]);
    let workspace = repository();
    let from = format!("file://{}", inner.root().display());
    workspace.run_git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &from, "vendor/db"]);
    workspace.run_git(&["commit", "-qm", "a submodule"]);
    let calls = "module \"db\" {\n  source    = \"../../vendor/db\"\n  subnet_id = \"a\"\n}\n";
    workspace.write("live/test/main.tf", calls);
    workspace.run_git(&["add", "live"]);
    workspace.run_git(&["commit", "-qm", "a call of it"]);
    workspace.write("live/test/main.tf", &calls.replace("\"a\"", "\"b\""));
    let (found, _) = impact(&workspace, &[]);
    let found = actions(&found);
    assert!(found.iter().all(|(action, ..)| *action != "create"), "{found:?}");
    assert!(!found.is_empty());
}

#[test]
fn a_work_tree_of_its_own_has_its_own_branch() {
    let workspace = repository();
    workspace.run_git(&["branch", "-M", "main"]);
    workspace.run_git(&["worktree", "add", "-q", "-b", "topic", "other"]);
    workspace.write("other/live/prod/main.tf", "");
    let (found, _) = impact(&workspace, &["other/live"]);
    assert!(actions(&found).contains(&("destroy", "other/live/prod/main.tf", "aws_vpc.main")), "{found}");
}

#[test]
fn a_shallow_clone_says_what_it_lacks() {
    let workspace = repository();
    workspace.run_git(&["branch", "-M", "main"]);
    workspace.run_git(&["checkout", "-q", "-b", "topic"]);
    workspace.run_git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    workspace.run_git(&["checkout", "-q", "main"]);
    workspace.run_git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    let clone = Workspace::new();
    let from = format!("file://{}", workspace.root().display());
    clone.run_git(&["clone", "-q", "--depth", "1", "--no-single-branch", "-b", "topic", &from, "clone"]);
    clone.write("clone/live/prod/main.tf", "");
    let said = countersign(&clone, &["impact", "clone", "--format", "json"]);
    assert!(said.stderr.contains("shallow") && said.stderr.contains("--unshallow"), "{}", said.stderr);
    assert!(actions(&valid(&said)).contains(&("destroy", "clone/live/prod/main.tf", "aws_vpc.main")));
}

#[test]
fn without_git_both_states_are_named() {
    let workspace = files(&[("a/main.tf", NETWORK), ("b/main.tf", "")]);
    let said = countersign(&workspace, &["impact"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.contains("in no git repository") && said.stderr.contains("--before"), "{}", said.stderr);
    let (found, code) = impact(&workspace, &["--before", "a", "--after", "b"]);
    assert_eq!(code, Some(1));
    assert!(actions(&found).contains(&("destroy", "a/main.tf", "aws_vpc.main")), "{found}");
    let (found, _) = impact(&workspace, &["--before", "a/main.tf", "--after", "b/main.tf"]);
    assert!(actions(&found).contains(&("destroy", "a/main.tf", "aws_subnet.a")), "{found}");
    let (found, code) = impact(&workspace, &["--before", "b", "--after", "a"]);
    assert!(actions(&found).contains(&("create", "a/main.tf", "aws_vpc.main")), "{found}");
    assert!(code.is_some_and(|code| code < 2));
    let said = countersign(&workspace, &["impact", "--before", "a", "--after", "b/main.tf"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("two files or two folders"), "{}", said.stderr);
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_not_gone() {
    let workspace = repository();
    workspace.run_git(&["sparse-checkout", "set", "modules"]);
    assert!(!workspace.path("live/prod/main.tf").exists());
    assert_eq!(impact(&workspace, &[]), (json!({ "resources": [] }), Some(0)));
}

#[test]
fn a_file_that_is_no_terraform() {
    let workspace = Workspace::git(&[("README.md", "x")]);
    let said = countersign(&workspace, &["impact", "README.md"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("predicted for Terraform and OpenTofu (.tf"), "{}", said.stderr);
    let said = countersign(&workspace, &["impact", "nowhere.tf"]);
    assert!(said.stderr.contains("there is no such file or folder"), "{}", said.stderr);
}

#[test]
fn a_repository_without_a_commit() {
    let workspace = files(&[("main.tf", NETWORK)]);
    workspace.run_git(&["init", "-q"]);
    let said = countersign(&workspace, &["impact"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("no commit yet"), "{}", said.stderr);
}

#[test]
fn what_does_not_parse_is_not_taken_for_gone() {
    let broken = NETWORK.replace("resource \"aws_vpc\" \"main\" {", "resource \"aws_vpc\" \"ma");
    let workspace = Workspace::git(&[("live/prod/main.tf", &broken), ("modules/db/main.tf", DATABASE)]);
    workspace.write("live/prod/main.tf", NETWORK);
    let (found, _) = impact(&workspace, &["live"]);
    assert!(!actions(&found).contains(&("create", "live/prod/main.tf", "aws_vpc.main")), "{found}");
    let workspace = repository();
    workspace.write("live/prod/main.tf", &broken);
    let (found, _) = impact(&workspace, &["live"]);
    assert!(actions(&found).iter().all(|(action, ..)| *action != "destroy"), "{found}");
    let conflict = NETWORK.replace(
        "  cidr_block = \"10.0.0.0/16\"",
        "<<<<<<< ours\n  cidr_block = \"10.0.0.0/16\"\n=======\n>>>>>>> theirs",
    );
    workspace.write("live/prod/main.tf", &conflict);
    let (found, _) = impact(&workspace, &["live"]);
    assert!(actions(&found).iter().all(|(action, ..)| *action != "destroy"), "{found}");
}

#[test]
fn a_file_that_is_no_text_is_said_and_nothing_is_taken_for_gone() {
    let workspace = repository();
    std::fs::write(workspace.path("live/prod/main.tf"), b"\xFF\xFE\x00").expect("written");
    let said = countersign(&workspace, &["impact", "live", "--format", "json"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("live/prod/main.tf: "), "{}", said.stderr);
    assert!(actions(&valid(&said)).iter().all(|(action, ..)| *action != "destroy"), "{}", said.stdout);
}

#[test]
fn an_ignored_file_was_there_before_too() {
    let workspace = Workspace::git(&[
        (".gitignore", "*.auto.tfvars\n"),
        ("main.tf", "variable \"n\" {\n  default = 1\n}\nresource \"aws_instance\" \"w\" {\n  count = var.n\n}\n"),
    ]);
    workspace.write("x.auto.tfvars", "n = 3\n");
    workspace.write("new.tf", "resource \"aws_eip\" \"e\" {}\n");
    assert_eq!(actions(&impact(&workspace, &[]).0), [("create", "new.tf", "aws_eip.e")]);
}

#[test]
fn ends_of_lines_are_no_change() {
    let workspace = repository();
    workspace.write("live/prod/main.tf", &NETWORK.replace('\n', "\r\n"));
    assert_eq!(actions(&impact(&workspace, &[]).0), []);
}

#[test]
fn a_file_that_an_expression_reads_is_compared_too() {
    let main = "resource \"aws_instance\" \"w\" {\n  ami       = \"ami-1\"\n  user_data = file(\"${path.module}/run.sh\")\n}\n";
    let workspace = Workspace::git(&[("main.tf", main), ("run.sh", "echo one\n")]);
    assert_eq!(actions(&impact(&workspace, &[]).0), []);
    workspace.write("run.sh", "echo two\n");
    let (found, _) = impact(&workspace, &[]);
    let [(_, path, address)] = actions(&found)[..] else { panic!("{found}") };
    assert_eq!((path, address), ("main.tf", "aws_instance.w"));
}

#[test]
fn an_address_is_looked_at_where_nothing_happens_to_it() {
    let workspace = repository();
    let (found, code) = impact(&workspace, &["aws_vpc.main"]);
    assert_eq!((actions(&found), code), (vec![("none", "live/prod/main.tf", "aws_vpc.main")], Some(0)));
    assert_eq!(found["resources"][0]["dependents"]["transitive"], 3);
    let said = countersign(&workspace, &["impact", "aws_vpc.main"]);
    assert!(said.stdout.contains("module.db.aws_db_instance.orders (production), by way of "), "{}", said.stdout);
    let said = countersign(&workspace, &["impact", "aws_vpc.other"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("there is no `aws_vpc.other`"), "{}", said.stderr);
    workspace.write("live/prod/main.tf", "");
    let (found, code) = impact(&workspace, &["aws_vpc.main"]);
    assert_eq!((actions(&found), code), (vec![("destroy", "live/prod/main.tf", "aws_vpc.main")], Some(1)));
    let mut inside = Command::new(COUNTERSIGN);
    workspace.write("live/prod/main.tf", NETWORK);
    inside
        .args(["impact", "module.db[0].aws_db_subnet_group.g", "--format", "json"])
        .current_dir(workspace.path("live/prod"));
    let output = run(&mut inside, LIMIT);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["resources"][0]["dependents"]["worst"]["address"], "module.db.aws_db_instance.orders", "{found}");
}

fn plan(changes: Value) -> String {
    json!({ "format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {}, "resource_changes": changes })
        .to_string()
}

fn planned(address: &str, kind: &str, actions: Value) -> Value {
    json!({ "address": address, "mode": "managed", "type": kind, "change": { "actions": actions } })
}

#[test]
fn a_plan_confirms_and_corrects() {
    let workspace = repository();
    workspace.write(
        "live/prod/main.tf",
        &NETWORK.replace("resource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n", ""),
    );
    workspace.write("live/prod/new.tf", "resource \"aws_eip\" \"new\" {}\n");
    workspace.write(
        "plan.json",
        &plan(json!([
            planned("aws_vpc.main", "aws_vpc", json!(["delete"])),
            planned("aws_subnet.a", "aws_subnet", json!(["delete", "create"])),
            planned("module.db.aws_db_instance.orders", "aws_db_instance", json!(["no-op"])),
            planned("aws_eip.new", "aws_eip", json!(["no-op"])),
        ])),
    );
    let (found, code) = impact(&workspace, &["live/prod", "--plan", "plan.json"]);
    assert_eq!(code, Some(1));
    let of = |address: &str| {
        let resources = found["resources"].as_array().expect("resources").iter();
        let resource = resources.clone().find(|resource| resource["address"] == address);
        let resource = resource.unwrap_or_else(|| panic!("{address} in {found}"));
        (resource["action"].clone(), resource["plan"]["action"].clone(), resource["plan"]["prediction"].clone())
    };
    assert_eq!(of("aws_vpc.main"), (json!("destroy"), json!("destroy"), json!("confirmed")));
    assert_eq!(of("aws_subnet.a"), (json!("none"), json!("replace"), json!("corrected")));
    assert_eq!(of("aws_eip.new"), (json!("create"), json!("none"), json!("corrected")));
    let said = countersign(&workspace, &["impact", "live/prod", "--plan", "plan.json"]);
    assert!(said.stdout.starts_with("1 destroyed, 1 replaced; "), "{}", said.stdout);
    assert!(said.stdout.contains("the plan confirms the prediction (predicted: destroy)"), "{}", said.stdout);
}

#[test]
fn a_plan_of_something_else_is_refused() {
    let workspace = repository();
    let said = |text: &str| {
        workspace.write("plan.json", text);
        let said = countersign(&workspace, &["impact", "live/prod", "--plan", "plan.json"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.stderr);
        said.stderr
    };
    assert!(said("{\"format_version\":\"2.0\",\"planned_values\":{}}").contains("its format is 2.0"));
    assert!(said("{\"format_version\":\"1.0\",\"values\":{}}").contains("it is a state"));
    assert!(said("Terraform will perform").contains("it is not JSON"));
    let other = plan(json!([planned("google_storage_bucket.b", "google_storage_bucket", json!(["update"]))]));
    assert!(said(&other).contains("not one of live/prod"), "{}", said(&other));
    let older = plan(json!([
        planned("aws_vpc.main", "aws_vpc", json!(["no-op"])),
        planned("aws_vpc.gone", "aws_vpc", json!(["no-op"])),
    ]));
    workspace.write("plan.json", &older);
    let said = countersign(&workspace, &["impact", "live/prod", "--plan", "plan.json"]);
    assert!(said.stderr.contains("made from another text") && said.stderr.contains("aws_vpc.gone"), "{}", said.stderr);
}

#[test]
fn graphs_have_no_names_that_break_them() {
    let text = "resource \"aws_vpc\" \"a\" {}\nmodule \"x\" {\n  source = \"./m\"\n  v = aws_vpc.a.id\n}\n";
    let odd = "variable \"v\" {}\nresource \"aws_subnet\" \"b\\\"]; click <script>\" {\n  vpc_id = var.v\n}\n";
    let workspace = Workspace::git(&[("main.tf", text), ("m/main.tf", odd)]);
    workspace.write("main.tf", &text.replace("\"a\" {}", "\"c\" {}").replace("aws_vpc.a", "aws_vpc.c"));
    let mermaid = countersign(&workspace, &["impact", "--format", "mermaid"]).stdout;
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("aws_vpc.a"), "{mermaid}");
    assert!(!mermaid.contains("<script>") && !mermaid.contains("]; click"), "{mermaid}");
    let node = |line: &&str| line.trim_start().starts_with('n') && line.contains('[');
    for line in mermaid.lines().filter(node) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
    }
    let dot = countersign(&workspace, &["impact", "--format", "dot"]).stdout;
    assert!(dot.starts_with("digraph impact {\n") && dot.ends_with("}\n"), "{dot}");
    for line in dot.lines().filter(|line| line.contains("label")) {
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert!(quotes.is_multiple_of(2), "{line}");
    }
    assert!(mermaid.contains("-->") && dot.contains("->"), "{mermaid}{dot}");
}

#[test]
fn another_configuration_reads_the_state() {
    let network = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"net\"\n  }\n}\nresource \"aws_vpc\" \"v\" {}\noutput \"vpc\" {\n  value = aws_vpc.v.id\n}\n";
    let app = |key: &str| {
        format!(
            "data \"terraform_remote_state\" \"n\" {{\n  backend = \"s3\"\n  config = {{\n    bucket = \"b\"\n    key    = \"{key}\"\n  }}\n}}\nresource \"aws_subnet\" \"s\" {{\n  vpc_id = data.terraform_remote_state.n.outputs.vpc\n}}\n"
        )
    };
    let workspace =
        Workspace::git(&[("net/main.tf", network), ("app/main.tf", &app("net")), ("other/main.tf", &app("x"))]);
    let (found, _) = impact(&workspace, &["aws_vpc.v"]);
    let dependents = &found["resources"][0]["dependents"];
    assert_eq!(dependents["transitive"], 1, "{found}");
    assert_eq!(dependents["worst"]["via"], json!(["output.vpc", "data.terraform_remote_state.n.outputs.vpc"]));
}

/// Risk, path and line of each finding of `countersign check` about what is live, and the exit code.
fn checked(workspace: &Workspace, arguments: &[&str]) -> (Vec<(String, String, u64)>, Option<i32>) {
    const RISKS: [&str; 4] = ["destroys", "destroys-data", "replaces", "protection-removed"];
    let arguments = [&["check", "--format", "json", "--min-severity", "high"], arguments].concat();
    let said = countersign(workspace, &arguments);
    let json: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    let findings = json["findings"].as_array().expect("a list").iter();
    let findings = findings.filter(|it| RISKS.iter().any(|risk| it["risk"] == *risk));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |it: &Value| it["range"]["start"]["line"].as_u64().expect("a line");
    (findings.map(|it| (text(&it["risk"]), text(&it["path"]), line(it))).collect(), said.code)
}

fn at(risk: &str, path: &str, line: u64) -> (String, String, u64) {
    (risk.to_owned(), path.to_owned(), line)
}

#[test]
fn a_check_says_what_happens_to_what_is_live() {
    let workspace = repository();
    workspace.write("live/prod/main.tf", &NETWORK.replace("10.0.1.0", "10.0.2.0"));
    let told = [at("replaces", "live/prod/main.tf", 6)];
    assert_eq!(checked(&workspace, &[]), (told.to_vec(), Some(1)));
    assert_eq!(checked(&workspace, &["live"]).0, told, "of a folder");
    assert_eq!(checked(&workspace, &["live/prod/main.tf", "modules/db/main.tf"]).0, told, "of files");
    assert_eq!(checked(&workspace, &["modules"]).0, [], "a path narrows what is said");
    assert_eq!(checked(&workspace, &["--no-impact"]).0, []);
    workspace.run_git(&["commit", "-qam", "another range"]);
    workspace.run_git(&["tag", "now"]);
    workspace.run_git(&["checkout", "-q", "-b", "topic"]);
    assert_eq!(checked(&workspace, &["--base", "HEAD~1"]).0, told);
    assert_eq!(checked(&workspace, &["--base", "now"]).0, []);
    let said = countersign(&workspace, &["check", "--base", "nowhere"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("`nowhere` is no revision"), "{}", said.stderr);
    let said = countersign(&workspace, &["check", "--base", "HEAD~1"]);
    let message = "`aws_subnet.a` would be destroyed and created anew: `cidr_block` changes from";
    assert!(said.stdout.contains(message), "{}", said.stdout);
}

#[test]
fn a_check_says_what_went_with_a_file() {
    let workspace = repository();
    std::fs::remove_dir_all(workspace.path("live/prod")).expect("it was there");
    let (told, code) = checked(&workspace, &["."]);
    assert_eq!(code, Some(1));
    assert!(told.contains(&at("destroys", "live/prod/main.tf", 0)), "{told:?}");
    let said = countersign(&workspace, &["check", "."]);
    assert!(said.stdout.contains("it stood in `main.tf`, which is there no more"), "{}", said.stdout);
    assert!(!countersign(&workspace, &["check", ".", "--no-impact"]).stdout.contains("no more"));
}

#[test]
fn a_check_writes_no_moved_block_by_itself_and_no_known_findings() {
    let workspace = repository();
    let renamed = NETWORK.replace("\"aws_vpc\" \"main\"", "\"aws_vpc\" \"net\"").replace("aws_vpc.main", "aws_vpc.net");
    workspace.write("live/prod/main.tf", &renamed);
    let (told, code) = checked(&workspace, &["--fix"]);
    assert_eq!(code, Some(1));
    assert!(told.contains(&at("destroys", "live/prod/main.tf", 0)), "{told:?}");
    assert_eq!(workspace.read("live/prod/main.tf"), renamed);
    countersign(&workspace, &["baseline", "write", "--output", "known.json"]);
    assert_eq!(checked(&workspace, &["--baseline", "known.json"]).0, told, "it is no old debt");
}

#[test]
fn outside_of_git_a_check_compares_nothing() {
    let workspace = files(&[("main.tf", NETWORK)]);
    let said = countersign(&workspace, &["check"]);
    assert_eq!(said.stderr, "");
    assert_eq!(checked(&workspace, &[]).0, []);
}

const MANIFEST: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: cart, namespace: shop}\nspec:\n  accessModes: [ReadWriteOnce]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: shop}\nspec:\n  selector: {matchLabels: {app: cart}}\n  template:\n    metadata: {labels: {app: cart}}\n    spec:\n      containers: [{name: cart, image: 'cart@sha256:0b5b1f4f9e7c2a1d3e6f8a9b0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293'}]\n      volumes: [{name: data, persistentVolumeClaim: {claimName: cart}}]\n";

const TEMPLATE: &str = "{\n  \"AWSTemplateFormatVersion\": \"2010-09-09\",\n  \"Resources\": {\n    \"Net\": {\n      \"Type\": \"AWS::EC2::VPC\",\n      \"Properties\": {\"CidrBlock\": \"10.0.0.0/16\"}\n    },\n    \"Sub\": {\n      \"Type\": \"AWS::EC2::Subnet\",\n      \"Properties\": {\"VpcId\": {\"Ref\": \"Net\"}, \"CidrBlock\": \"10.0.1.0/24\"}\n    }\n  }\n}\n";

/// Manifests and templates stand by themselves, also in folders that begin with a dot, and what is mentioned in them counts.
#[test]
fn manifests_and_templates() {
    let workflow = "on: push\npermissions: {}\njobs:\n  deploy:\n    runs-on: ubuntu-24.04\n    environment: prod\n    steps: [{run: make}]\n";
    let workspace = Workspace::git(&[
        ("k8s/cart.yaml", MANIFEST),
        ("stack.json", TEMPLATE),
        (".github/workflows/deploy.yml", workflow),
        ("package.json", "{\"name\": \"shop\"}"),
    ]);
    let (claim, rest) = MANIFEST.split_once("---\n").expect("two documents");
    workspace.write("k8s/cart.yaml", rest);
    workspace.write("stack.json", &TEMPLATE.replace("10.0.0.0/16", "10.1.0.0/16"));
    workspace.write(".github/workflows/deploy.yml", &workflow.replace("    environment: prod\n", ""));
    workspace.write("package.json", "{\"name\": \"other\"}");
    let (json, _) = impact(&workspace, &[]);
    let mut found = actions(&json);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("destroy", "k8s/cart.yaml", "PersistentVolumeClaim shop/cart"),
            ("replace", "stack.json", "Net"),
            ("replace", "stack.json", "Sub"),
            ("update", ".github/workflows/deploy.yml", "jobs.deploy"),
        ]
    );
    let of = |address: &str| {
        let resources = json["resources"].as_array().expect("resources");
        resources.iter().find(|it| it["address"] == address).expect("the resource").clone()
    };
    assert_eq!(of("PersistentVolumeClaim shop/cart")["dependents"]["direct"], 1, "{json:#}");
    assert_eq!(of("Net")["dependents"]["worst"]["address"], "Sub");
    // The claim in a file of its own is the same claim.
    workspace.write("k8s/claim.yaml", claim);
    let (json, _) = impact(&workspace, &["k8s"]);
    assert_eq!(json, json!({ "resources": [] }));
    let said = countersign(&workspace, &["impact"]);
    assert!(!said.stdout.contains("`moved` block"), "{}", said.stdout);
}

/// What uses something from another file depends on it: in its folder or namespace, or by an export.
#[test]
fn manifests_and_templates_that_use_each_other() {
    let (claim, cart) = MANIFEST.split_once("---\n").expect("two documents");
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: export, namespace: shop}\nspec:\n  template:\n    spec:\n      containers: []\n      volumes: [{name: data, persistentVolumeClaim: {claimName: cart}}]\n";
    let network = "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Net:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\nOutputs:\n  Net:\n    Value: !Ref Net\n    Export:\n      Name: shared-net\n";
    let app = "Resources:\n  Sub:\n    Type: AWS::EC2::Subnet\n    Properties:\n      VpcId: !ImportValue shared-net\n      CidrBlock: 10.0.1.0/24\n";
    let workspace = Workspace::git(&[
        ("k8s/claim.yaml", claim),
        ("k8s/cart.yaml", cart),
        ("jobs/export.yaml", job),
        ("jobs/other.yaml", &job.replace("namespace: shop", "namespace: test")),
        ("net/stack.yaml", network),
        ("app/stack.yaml", app),
    ]);
    std::fs::remove_file(workspace.path("k8s/claim.yaml")).expect("a file");
    workspace.write("net/stack.yaml", &network.replace("10.0.0.0/16", "10.1.0.0/16"));
    let (json, _) = impact(&workspace, &[]);
    let of = |address: &str| {
        let resources = json["resources"].as_array().expect("resources");
        resources.iter().find(|it| it["address"] == address).expect("the resource").clone()
    };
    assert_eq!(of("PersistentVolumeClaim shop/cart")["dependents"]["direct"], 2, "{json:#}");
    // Asked about by its address.
    let (asked, _) = impact(&workspace, &["PersistentVolumeClaim shop/cart"]);
    assert_eq!(asked["resources"][0]["dependents"]["direct"], 2, "{asked:#}");
    let worst = &of("Net")["dependents"]["worst"];
    assert_eq!((&worst["address"], &worst["via"]), (&json!("Sub"), &json!(["Outputs.Net"])));
}

/// What is there by another path is read like any other: one file against another.
#[test]
fn two_manifests() {
    let workspace = files(&[
        ("a.yaml", MANIFEST),
        ("b.yaml", &MANIFEST.replace("matchLabels: {app: cart}", "matchLabels: {app: b}")),
    ]);
    let (json, _) = impact(&workspace, &["--before", "a.yaml", "--after", "b.yaml"]);
    assert_eq!(actions(&json), [("replace", "b.yaml", "Deployment shop/cart")]);
}

/// An agent hears of it before it writes a manifest or a template.
#[test]
fn an_agent_is_stopped_before_a_claim_gets_another_name() {
    let workspace = Workspace::git(&[("cart.yaml", MANIFEST), ("stack.json", TEMPLATE)]);
    let edit = |name: &str, old: &str, new: &str| {
        let input = json!({ "file_path": workspace.path(name), "old_string": old, "new_string": new });
        decision(&claude(&workspace, "Edit", &input))
    };
    let (decision, why) = edit(
        "cart.yaml",
        "metadata: {name: cart, namespace: shop}\nspec:\n  access",
        "metadata: {name: files, namespace: shop}\nspec:\n  access",
    );
    assert_eq!(decision, "deny");
    assert!(why.contains("`PersistentVolumeClaim shop/cart` may be destroyed"), "{why}");
    let (decision, why) = edit("stack.json", "10.0.0.0/16", "10.1.0.0/16");
    assert!(decision == "deny" && why.contains("`Net` would be destroyed and created anew"), "{decision}: {why}");
}
