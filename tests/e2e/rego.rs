//! Policies in Rego: what teams have for Conftest says the same here.

use crate::cli::{countersign, files, findings, report};
use crate::editor::{PUBLIC, SAFE, Workspace};
use crate::formats::valid;
use serde_json::{Value, json};

/// A module as people write it.
const MODULE: &str = r#"variable "acl" {
  default = "public-read"
}

locals {
  owner = "core"
}

resource "aws_s3_bucket" "logs" {
  bucket = "shop-logs"
  acl    = var.acl

  tags = {
    environment = "prod"
    owner       = local.owner
  }
}

resource "aws_alb_listener" "front" {
  port     = "80"
  protocol = "HTTP"
}

resource "aws_security_group_rule" "any" {
  type        = "ingress"
  cidr_blocks = ["0.0.0.0/0"]
}

resource "azurerm_managed_disk" "source" {
  encryption_settings {
    enabled = false
  }
}

module "vpc" {
  source = "git::https://example.com/vpc.git?ref=v1"
}
"#;

/// A finding: line (one-based), risk, verdict, address, message.
type Row = (u64, String, String, String, String);

/// What `check` finds by policies alone, and its exit code.
fn said(workspace: &Workspace, arguments: &[&str]) -> (Vec<Row>, Option<i32>) {
    let (report, code) = report(workspace, arguments);
    assert_eq!(report["problems"], json!([]));
    let all = report["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let said = all.filter(|finding| text(&finding["risk"]).starts_with("policy-")).map(|finding| {
        (
            finding["range"]["start"]["line"].as_u64().expect("a line") + 1,
            text(&finding["risk"]),
            text(&finding["verdict"]),
            text(&finding["resource"]["address"]),
            text(&finding["message"]),
        )
    });
    (said.collect(), code)
}

fn expected(rows: &[(u64, &str, &str, &str)]) -> Vec<Row> {
    let row = |(line, risk, address, message): &(u64, &str, &str, &str)| {
        let verdict = if *risk == "policy-denies" { "deny" } else { "note" };
        (*line, (*risk).to_owned(), verdict.to_owned(), (*address).to_owned(), (*message).to_owned())
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_policy_in_the_old_syntax() {
    let policy = r#"package main

has_field(obj, field) {
  obj[field]
}

deny[msg] {
  proto = input.resource.aws_alb_listener[lb][_].protocol
  proto == "HTTP"
  msg = sprintf("ALB `%v` is using HTTP rather than HTTPS", [lb])
}

deny[msg] {
  rule = input.resource.aws_security_group_rule[name][_]
  rule.type == "ingress"
  contains(rule.cidr_blocks[_], "0.0.0.0/0")
  msg = sprintf("ASG `%v` defines a fully open ingress", [name])
}

deny[msg] {
  disk = input.resource.azurerm_managed_disk[name][_]
  has_field(disk, "encryption_settings")
  disk.encryption_settings[_].enabled == false
  msg = sprintf("Azure disk `%v` is not encrypted", [name])
}

warn[msg] {
  not input.terraform
  msg = "state it in a terraform block which version is needed"
}
"#;
    let workspace = files(&[("main.tf", MODULE), ("policy/base.rego", policy)]);
    let rows = [
        (1, "policy-warns", "", "state it in a terraform block which version is needed"),
        (19, "policy-denies", "aws_alb_listener.front", "ALB `front` is using HTTP rather than HTTPS"),
        (24, "policy-denies", "aws_security_group_rule.any", "ASG `any` defines a fully open ingress"),
        (29, "policy-denies", "azurerm_managed_disk.source", "Azure disk `source` is not encrypted"),
    ];
    assert_eq!(said(&workspace, &["--policy", "policy", "main.tf"]), (expected(&rows), Some(1)));
    let (none, _) = said(&workspace, &["main.tf"]);
    assert_eq!(none, [], "only where it is asked for");
}

#[test]
fn a_policy_in_the_new_syntax_with_a_library_and_metadata() {
    let library = "package lib.tags\n\nimport rego.v1\n\nrequired := {\"environment\", \"cost_center\"}\n\nmissing(resource) := required - {tag | some tag, _ in resource.tags}\n";
    let policy = r#"package terraform.tags

import data.lib.tags
import rego.v1

violation_tags contains {"msg": msg, "details": {"resource": address}} if {
  some kind, all in input.resource
  startswith(kind, "aws_s3_")
  some name, bodies in all
  some body in bodies
  missing := tags.missing(body)
  count(missing) > 0
  address := sprintf("%s.%s", [kind, name])
  msg := sprintf("missing tags: %s", [concat(", ", missing)])
}

warn_ref contains {"msg": "a branch or tag may move", "_loc": {"file": "main.tf", "line": 36}} if {
  some call in input.module.vpc
  contains(call.source, "?ref=")
}
"#;
    let workspace = files(&[("main.tf", MODULE), ("policy/tags.rego", policy), ("policy/lib/tags.rego", library)]);
    let rows = [
        (9, "policy-denies", "aws_s3_bucket.logs", "missing tags: cost_center"),
        (36, "policy-warns", "module.vpc", "a branch or tag may move"),
    ];
    let arguments = ["--policy", "policy", "--namespace", "terraform.tags", "main.tf"];
    assert_eq!(said(&workspace, &arguments), (expected(&rows), Some(1)));
    let all = ["--policy", "policy/tags.rego", "--policy", "policy/lib", "--all-namespaces", "main.tf"];
    assert_eq!(said(&workspace, &all), (expected(&rows), Some(1)));
}

#[test]
fn a_warning_alone_ends_with_0() {
    let policy =
        "package main\nwarn[msg] { input.resource.aws_lightsail_database[name]; msg := sprintf(\"%s\", [name]) }\n";
    let workspace = files(&[("main.tf", SAFE), ("p.rego", policy)]);
    let (rows, code) = said(&workspace, &["--policy", "p.rego", "main.tf"]);
    assert_eq!((rows, code), (expected(&[(1, "policy-warns", "aws_lightsail_database.safe", "safe")]), Some(0)));
    assert_eq!(said(&workspace, &["--policy", "p.rego", "--fail-on", "note", "main.tf"]).1, Some(1));
}

#[test]
fn what_an_expression_comes_to_is_its_text_and_what_is_known_stands_beside() {
    let policy = r#"package main

deny[msg] {
  input.resource.aws_s3_bucket[name][_].acl == "public-read"
  msg := sprintf("%s is written so", [name])
}

deny[msg] {
  resource := input.countersign.resources[_]
  resource.instances[_].values.acl == "public-read"
  msg := sprintf("%s comes to that", [resource.address])
}

warn[msg] {
  resource := input.countersign.resources[_]
  resource.tier == "critical"
  resource.environment == "production"
  msg := sprintf("%s is critical in production, by %s", [resource.address, resource.origin.by])
}

warn[msg] {
  resource := input.countersign.resources[_]
  resource.tier == "critical"
  path := resource.instances[_].unknown[_]
  msg := sprintf("%s of %s is not known", [path, resource.address])
}
"#;
    let unknown = MODULE.replace("shop-logs", "${var.name}-logs");
    let workspace = files(&[("main.tf", &format!("{unknown}\nvariable \"name\" {{}}\n")), ("p.rego", policy)]);
    let (rows, _) = said(&workspace, &["--policy", "p.rego", "--assume-origin", "ai", "main.tf"]);
    let messages: Vec<&str> = rows.iter().map(|row| row.4.as_str()).collect();
    let expected = [
        "aws_s3_bucket.logs comes to that",
        "aws_s3_bucket.logs is critical in production, by ai",
        "bucket of aws_s3_bucket.logs is not known",
    ];
    assert_eq!(messages, expected);
    assert!(rows.iter().all(|row| row.3 == "aws_s3_bucket.logs"), "{rows:?}");
}

#[test]
fn all_files_at_once() {
    let policy = r#"package main

deny[msg] {
  one := input[i].contents.resource.aws_s3_bucket[_][_].bucket
  other := input[j].contents.resource.aws_s3_bucket[name][_].bucket
  i < j
  one == other
  msg := sprintf("%s has the name of another, in %s", [name, input[j].path])
}
"#;
    let bucket = |name: &str| format!("resource \"aws_s3_bucket\" \"{name}\" {{\n  bucket = \"same\"\n}}\n");
    let workspace = files(&[("a.tf", &bucket("one")), ("b.tf", &bucket("two")), ("p.rego", policy)]);
    let (alone, _) = said(&workspace, &["--policy", "p.rego"]);
    assert_eq!(alone, []);
    let (report, code) = report(&workspace, &["--policy", "p.rego", "--combine", "a.tf", "b.tf"]);
    let found: Vec<_> = findings(&report).into_iter().filter(|(_, risk, _)| risk.starts_with("policy-")).collect();
    assert_eq!((found, code), (vec![("b.tf", "policy-denies", "deny")], Some(1)));
}

#[test]
fn exceptions_and_data() {
    let policy = r#"package main

import data.owners

deny_owner[msg] {
  bucket := input.resource.aws_s3_bucket[name][_]
  not owners[bucket.tags.team]
  msg := sprintf("`%s` belongs to nobody", [name])
}

exception[rules] {
  input.resource.aws_s3_bucket.legacy
  rules := ["owner"]
}
"#;
    let bucket = |name: &str, team: &str| {
        format!("resource \"aws_s3_bucket\" \"{name}\" {{\n  tags = {{\n    team = \"{team}\"\n  }}\n}}\n")
    };
    let workspace = files(&[
        ("known.tf", &bucket("a", "core")),
        ("legacy.tf", &bucket("legacy", "none")),
        ("main.tf", &bucket("b", "none")),
        ("p.rego", policy),
        ("data/owners/teams.yaml", "core: true\n"),
    ]);
    let arguments = ["--policy", "p.rego", "--data", "data", "--no-impact"];
    let (rows, code) = said(&workspace, &arguments);
    assert_eq!((rows, code), (expected(&[(1, "policy-denies", "aws_s3_bucket.b", "`b` belongs to nobody")]), Some(1)));
    let human = countersign(&workspace, &[&["check"], &arguments[..]].concat());
    assert!(human.stdout.contains("high[policy-denies]: `b` belongs to nobody\n"), "{}", human.stdout);
    assert!(human.stdout.contains("it is `main.deny_owner` in p.rego."), "{}", human.stdout);
    assert!(human.stdout.contains("1 suppressed"), "{}", human.stdout);
    assert!(human.stdout.contains("must not be applied as it is"), "{}", human.stdout);
}

#[test]
fn in_every_format() {
    let policy = "package main\ndeny[{\"msg\": \"no <listeners> & more\", \"resource\": \"aws_alb_listener.front\"}] { input.resource.aws_alb_listener }\n";
    let workspace = files(&[("main.tf", MODULE), ("p.rego", policy)]);
    let run = |format: &str| {
        let said = countersign(&workspace, &["check", "--policy", "p.rego", "--format", format, "main.tf"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""), "{format}");
        said.stdout
    };
    let log = valid(&run("sarif"));
    let result =
        log["runs"][0]["results"].as_array().expect("results").iter().find(|it| it["ruleId"] == "policy-denies");
    assert_eq!(result.expect("a result")["locations"][0]["physicalLocation"]["region"]["startLine"], 19);
    assert!(run("github").contains("title=countersign policy-denies::no <listeners> & more"));
    assert!(run("junit").contains("no &lt;listeners&gt; &amp; more"));
}

#[test]
fn the_input_is_as_its_schema_says() {
    let said = countersign(&Workspace::new(), &["schema", "policy-input"]);
    let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let policy = "package main\nwarn[msg] { msg := json.marshal(input) }\n";
    let small = "resource \"aws_s3_bucket\" \"b\" {\n  bucket = var.x\n}\n";
    let workspace = files(&[("main.tf", small), ("p.rego", policy)]);
    let (rows, _) = self::said(&workspace, &["--policy", "p.rego", "main.tf"]);
    let input: Value = serde_json::from_str(&rows[0].4).expect("the input");
    assert!(validator.is_valid(&input), "{input:#}");
    assert_eq!(input["resource"]["aws_s3_bucket"]["b"], json!([{"bucket": "${var.x}"}]));
    assert_eq!(input["countersign"]["resources"][0]["instances"][0]["unknown"], json!(["bucket"]));
}

/// What stops policies from being asked, and what is said then.
#[test]
fn one_clear_error_and_exit_code_2() {
    let cases: &[(&str, &str, &str)] = &[
        ("package main\ndeny[msg] {\n  msg := \"a\"\n", "p/p.rego:", "Mend the policy"),
        ("package main\ndeny[msg] { input.resource[x] == y }\n", "p/p.rego:2:", "unsafe"),
        ("package main\ndeny { input.resource }\n", "p/p.rego", "gives no set of messages"),
        ("package main\nallow { true }\n", "p/p.rego", "no rule `deny`"),
        ("package other\ndeny[\"a\"] { true }\n", "package main", "`other`"),
        (
            "package main\ndeny[msg] { http.send({\"url\": \"http://127.0.0.1:9\", \"method\": \"GET\"}); msg := \"a\" }\n",
            "p/p.rego:2:",
            "`http.send`",
        ),
        ("package main\ndeny[msg] { r := opa.runtime(); msg := r.env.HOME }\n", "p/p.rego:2:", "`opa.runtime`"),
        (
            "package main\nf(x) = y { y := f(x + 1) }\ndeny[msg] { f(1); msg := \"a\" }\n",
            "p/p.rego",
            "calls itself again and again",
        ),
        (
            "package main\ndeny[msg] { some i, j, k; n := numbers.range(1, 2000); n[i] + n[j] + n[k] == 1; msg := \"a\" }\n",
            "p/p.rego, rule main.deny",
            "--policy-timeout",
        ),
        (
            "package main\ndeny[msg] { i := numbers.range(1, 30000)[_]; msg := sprintf(\"%d, and some words that make it longer than it has to be\", [i]) }\n",
            "p/p.rego",
            "1024 KiB",
        ),
        (
            "package main\ndeny[msg] { i := numbers.range(1, 20000)[_]; print(\"some words that make it longer than it has to be, and some more of them\", i); i == 0; msg := \"a\" }\n",
            "p/p.rego",
            "1024 KiB",
        ),
        ("package main\ndeny[msg] { count(numbers.range(1, 100000000000)) > 1; msg := \"a\" }\n", "p/p.rego", "memory"),
    ];
    for (policy, place, message) in cases {
        // Only Linux counts the memory that a process asks for.
        if *message == "memory" && !cfg!(target_os = "linux") {
            continue;
        }
        let workspace = files(&[("a.tf", MODULE), ("b.tf", PUBLIC), ("p/p.rego", policy)]);
        let timeout = if message.contains("KiB") { "8" } else { "1" };
        let said = countersign(&workspace, &["check", "--policy", "p", "--policy-timeout", timeout]);
        assert_eq!(said.code, Some(2), "{policy}: {}", said.stderr);
        let errors: Vec<_> = said.stderr.lines().collect();
        assert_eq!(errors.len(), 1, "{policy}: {}", said.stderr);
        assert!(errors[0].starts_with(&format!("countersign: {place}")), "{policy}: {}", said.stderr);
        assert!(errors[0].contains(message), "{policy}: {}", said.stderr);
    }
}

#[test]
fn where_there_are_no_policies() {
    let workspace = files(&[("main.tf", MODULE), ("empty/readme.txt", "x"), ("tests/a_test.rego", "package main\n")]);
    for (path, message) in [
        ("gone", "gone: cannot be read; --policy takes a file or a folder that is there"),
        ("empty", "empty: there is no policy in this folder"),
        ("tests", "tests: there is no policy in this folder"),
    ] {
        let said = countersign(&workspace, &["check", "--policy", path, "main.tf"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{path}");
        assert!(said.stderr.starts_with(&format!("countersign: {message}")), "{}", said.stderr);
    }
    let said = countersign(&workspace, &["check", "--combine", "main.tf"]);
    assert_eq!(said.code, Some(2), "an option that would do nothing");
}

#[test]
fn a_file_that_is_known_in_part_is_not_judged() {
    let policy = "package main\ndeny[msg] { not input.resource.aws_s3_bucket.logs; msg := \"there are no logs\" }\n";
    let broken = format!("{MODULE}\nresource \"aws_s3_bucket\" \"x\" {{\n  acl = = 1\n}}\n");
    let workspace = files(&[("main.tf", &broken), ("p.rego", policy)]);
    let (report, code) = report(&workspace, &["--policy", "p.rego", "main.tf"]);
    assert!(findings(&report).iter().all(|(_, risk, _)| *risk != "policy-denies"), "{report}");
    assert_eq!(code, Some(2));
    let problem = report["problems"][0]["message"].as_str().expect("a message");
    assert!(problem.starts_with("not checked by the policies: from line "), "{problem}");
}

#[test]
fn a_message_cannot_reach_the_terminal() {
    let policy = "package main\ndeny[\"a\\u001b[31m\\nred\"] { true }\n";
    let workspace = files(&[("main.tf", MODULE), ("p.rego", policy)]);
    let said = countersign(&workspace, &["check", "--policy", "p.rego", "main.tf"]);
    assert!(said.stdout.contains("a [31m red") && !said.stdout.contains('\u{1b}'), "{}", said.stdout);
}
