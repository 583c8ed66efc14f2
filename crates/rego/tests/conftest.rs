//! Policies as people write them for Conftest, over inputs as its parser of HCL makes them.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_rego::{Data, Failure, Level, Namespaces, Outcome, Policies, Setup, Source};
use serde_json::{Value, json};

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn setup(policies: &[&str]) -> Setup {
    let policies = policies.iter().enumerate();
    Setup {
        policies: policies.map(|(index, text)| source(&format!("p{index}.rego"), text)).collect(),
        data: Vec::new(),
        namespaces: Namespaces::Named(vec!["main".to_owned()]),
        limit_ms: 1_000,
    }
}

fn run(setup: &Setup, input: Value) -> Result<Outcome, Failure> {
    Policies::load(setup)?.run(input, ("main.tf", "/work/tree"))
}

fn said(setup: &Setup, input: Value) -> Vec<(Level, String, String)> {
    let outcome = run(setup, input).expect("the policies run");
    outcome.said.into_iter().map(|said| (said.level, said.rule, said.message)).collect()
}

fn one(level: Level, rule: &str, message: &str) -> Vec<(Level, String, String)> {
    vec![(level, rule.to_owned(), message.to_owned())]
}

fn buckets() -> Value {
    json!({"resource": {"aws_s3_bucket": {
        "logs": [{"acl": "private"}],
        "site": [{"acl": "public-read"}],
    }}})
}

#[test]
fn rego_v0_and_v1_say_the_same() {
    let v0 = "package main\n\ndeny[msg] {\n  input.resource.aws_s3_bucket[name][_].acl == \"public-read\"\n  msg = sprintf(\"%v is public if asked\", [name])\n}\n";
    let v1 = "package main\n\ndeny contains msg if {\n  some name\n  input.resource.aws_s3_bucket[name][_].acl == \"public-read\"\n  msg := sprintf(\"%v is public if asked\", [name])\n}\n";
    let future = "package main\nimport future.keywords\n\ndeny contains msg if {\n  some name, all in input.resource.aws_s3_bucket\n  all[_].acl == \"public-read\"\n  msg := sprintf(\"%v is public if asked\", [name])\n}\n";
    let imported = v1.replace("package main\n", "package main\nimport rego.v1\n");
    for policy in [v0, v1, future, &imported] {
        assert_eq!(
            said(&setup(&[policy]), buckets()),
            one(Level::Deny, "main.deny", "site is public if asked"),
            "{policy}"
        );
    }
    let both = said(&setup(&[v0, &v1.replace("is public", "is open")]), buckets());
    assert_eq!(both.len(), 2, "rules of one name in several files: {both:?}");
}

#[test]
fn functions_of_old_policies_are_there() {
    let policy = "package main\ndeny[msg] { re_match(\"^arn:\", input.arn); msg := \"arn\" }\ndeny[msg] { any([input.a == 1, input.a == 2]); msg := \"any\" }\ndeny[msg] { all([true, input.b]); msg := \"all\" }\n";
    let setup = setup(&[policy]);
    assert_eq!(said(&setup, json!({"arn": "x:arn:", "a": 3, "b": false})), []);
    assert_eq!(said(&setup, json!({"arn": "arn:x", "a": 2, "b": true})).len(), 3);
}

#[test]
fn what_is_wrong_in_one_syntax_is_not_read_as_the_other() {
    let mixed = "package main\n\ndeny contains msg if {\n  helper\n  msg := \"x\"\n}\n\nhelper { input.a }\n";
    let failure = run(&setup(&[mixed]), json!({})).expect_err("it is broken");
    assert_eq!(failure.place, "p0.rego:8:8");
    assert!(failure.message.contains("`if` keyword is required"), "{failure}");
}

#[test]
fn which_rules_count_is_told_by_their_names() {
    let policy = "package main\nimport rego.v1\ndeny_a contains \"1\"\nwarn contains \"2\"\nviolation_b_c contains {\"msg\": \"3\", \"details\": {\"n\": 1}}\nwarning contains \"no\"\ndeny__x contains \"no\"\ndenied contains \"no\"\n# deny_comment\n";
    let outcome = run(&setup(&[policy]), json!({})).expect("it runs");
    let short: Vec<_> =
        outcome.said.iter().map(|said| (said.level, said.rule.as_str(), said.message.as_str())).collect();
    assert_eq!(
        short,
        [(Level::Deny, "main.deny_a", "1"), (Level::Deny, "main.violation_b_c", "3"), (Level::Warn, "main.warn", "2")]
    );
    assert_eq!(outcome.said[1].metadata, json!({"details": {"n": 1}}).as_object().cloned().expect("an object"));
}

#[test]
fn packages_are_chosen() {
    let policies = ["package main\ndeny[\"a\"] { true }\n", "package terraform.s3\ndeny[\"b\"] { true }\n"];
    let mut setup = setup(&policies);
    assert_eq!(said(&setup, json!({})), one(Level::Deny, "main.deny", "a"));
    setup.namespaces = Namespaces::Named(vec!["terraform.s3".to_owned()]);
    assert_eq!(said(&setup, json!({})), one(Level::Deny, "terraform.s3.deny", "b"));
    setup.namespaces = Namespaces::All;
    assert_eq!(said(&setup, json!({})).len(), 2);
    setup.namespaces = Namespaces::Named(vec!["aws".to_owned()]);
    let failure = run(&setup, json!({})).expect_err("there is none");
    assert_eq!(failure.place, "package aws");
    assert!(failure.message.contains("`main`, `terraform.s3`"), "{failure}");
}

#[test]
fn exceptions_take_away_what_they_name() {
    let policy = "package main\ndeny_root[msg] { msg := \"root\" }\ndeny[msg] { msg := \"plain\" }\nwarn_old[msg] { msg := \"old\" }\nexception[rules] { input.ok; rules := [\"root\", \"other\"] }\nexception[rules] { input.all; rules := [\"\"] }\n";
    let setup = setup(&[policy]);
    assert_eq!(said(&setup, json!({})).len(), 3);
    let outcome = run(&setup, json!({"ok": true})).expect("it runs");
    assert_eq!((outcome.said.len(), outcome.excepted), (2, 1));
    let outcome = run(&setup, json!({"ok": true, "all": true})).expect("it runs");
    assert_eq!((outcome.said.len(), outcome.excepted), (1, 2));
}

#[test]
fn data_and_the_name_of_the_file_are_there() {
    let policy = "package main\nimport data.teams\nimport data.conftest.file\ndeny[msg] { not teams.allowed[input.owner]; msg := sprintf(\"%s in %s\", [input.owner, file.name]) }\ndeny[msg] { data.net.ranges[_] == input.range; msg := \"range\" }\n";
    let mut setup = setup(&[policy]);
    setup.data = vec![
        Data { source: source("teams.yaml", "teams:\n  allowed:\n    core: true\n"), below: Vec::new() },
        Data { source: source("ranges.json", "{\"ranges\": [\"10.0.0.0/8\"]}"), below: vec!["net".to_owned()] },
    ];
    assert_eq!(said(&setup, json!({"owner": "core"})), []);
    assert_eq!(said(&setup, json!({"owner": "x"})), one(Level::Deny, "main.deny", "x in main.tf"));
    assert_eq!(said(&setup, json!({"owner": "core", "range": "10.0.0.0/8"})), one(Level::Deny, "main.deny", "range"));
    setup.data = vec![Data { source: source("list.json", "[1]"), below: Vec::new() }];
    let failure = run(&setup, json!({})).expect_err("data is an object");
    assert_eq!(failure.place, "list.json");
}

#[test]
fn what_is_broken_is_said_with_its_place() {
    let cases = [
        ("package main\ndeny[msg] {\n  msg := \"a\"\n", "p0.rego:"),
        ("package main\ndeny[msg] { input.n[x] == y }\n", "p0.rego:2:"),
        ("package main\ndeny { input.a }\n", "p0.rego"),
        ("package main\nimport rego.v1\ndeny[msg] if { msg := \"a\" }\n", "p0.rego"),
        ("package main\ndeny[msg] { msg := 1 }\n", "p0.rego"),
        ("package main\ndeny[{\"message\": \"no msg\"}] { true }\n", "p0.rego"),
        ("package main\nallow { true }\n", "p0.rego"),
        ("not rego", "p0.rego:1:"),
        ("", "p0.rego"),
    ];
    for (policy, place) in cases {
        let failure = run(&setup(&[policy]), json!({"a": true, "n": [1]})).expect_err(policy);
        assert!(failure.place.starts_with(place), "{policy:?}: {failure}");
    }
}

#[test]
fn a_policy_reaches_nothing_but_its_input() {
    for call in [
        "http.send({\"method\": \"GET\", \"url\": \"http://127.0.0.1:9\"})",
        "opa.runtime()",
        "net.lookup_ip_addr(\"localhost\")",
    ] {
        let policy = format!("package main\ndeny[msg] {{ x := {call}; msg := sprintf(\"%v\", [x]) }}\n");
        let failure = run(&setup(&[&policy]), json!({})).expect_err(call);
        assert!(failure.place.starts_with("p0.rego:2:"), "{failure}");
        assert!(failure.message.contains("no network"), "{failure}");
        // In a function, what goes wrong is undefined; this must not get lost so.
        let policy = format!("package main\nf(x) = y {{ y := {call} }}\ndeny[msg] {{ not f(1); msg := \"a\" }}\n");
        let failure = run(&setup(&[&policy]), json!({})).expect_err(call);
        assert!(failure.message.contains("no network"), "{failure}");
    }
}

#[test]
fn time_and_output_are_limited() {
    let forever = "package main\ndeny[msg] { some i, j, k; n := numbers.range(1, 2000); n[i] + n[j] + n[k] == 1; msg := \"never\" }\n";
    let failure = run(&Setup { limit_ms: 200, ..setup(&[forever]) }, json!({})).expect_err("it is stopped");
    assert_eq!(failure.place, "p0.rego, rule main.deny");
    assert!(failure.message.contains("0.2 s") && failure.message.contains("--policy-timeout"), "{failure}");
    let inside = forever.replace("deny[msg] {", "f(x) = y {").replace("msg := \"never\"", "y := x");
    let inside = format!("{inside}deny[msg] {{ not f(1); msg := \"a\" }}\n");
    let failure = run(&Setup { limit_ms: 200, ..setup(&[&inside]) }, json!({})).expect_err("it is stopped");
    assert_eq!(failure.place, "p0.rego, rule main.deny");
    let words = format!(
        "package main\ndeny[msg] {{ i := numbers.range(1, 20000)[_]; msg := sprintf(\"%d {}\", [i]) }}\n",
        "x".repeat(90)
    );
    let prints = format!(
        "package main\ndeny[msg] {{ i := numbers.range(1, 20000)[_]; print(\"{}\", i); i == 0; msg := \"a\" }}\n",
        "x".repeat(90)
    );
    for policy in [&words, &prints] {
        let failure = run(&Setup { limit_ms: 60_000, ..setup(&[policy]) }, json!({})).expect_err("it says too much");
        assert!(failure.message.contains("1024 KiB"), "{failure}");
    }
    let large = format!("package main\n{}", "# a comment\n".repeat(100_000));
    let failure = run(&setup(&[&large]), json!({})).expect_err("it is too large");
    assert!(failure.message.contains("larger than 1024 KiB"), "{failure}");
}

#[test]
fn a_call_that_fails_is_undefined() {
    let policy = "package main\ndeny[msg] { to_number(input.a) > 1; msg := \"a\" }\ndeny[msg] { not is_large; msg := \"small\" }\nis_large { to_number(input.a) > 1 }\n";
    assert_eq!(said(&setup(&[policy]), json!({"a": "x"})), one(Level::Deny, "main.deny", "small"));
}

#[test]
fn the_policy_of_the_docs_accuses_nobody_of_what_is_not_known() {
    let docs = include_str!("../../../docs/rego.md");
    let policy = docs.split("```rego\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a policy");
    let declared = |address: &str, values: Value, unknown: Value| {
        json!({
            "kind": "aws_db_instance", "address": address, "tier": "critical", "origin": {"by": "ai"},
            "instances": [{"values": values, "unknown": unknown}],
        })
    };
    let mut lossy = declared("aws_db_instance.lossy", json!({"storage_encrypted": true}), json!([]));
    lossy["impact"] = json!({"dataLoss": true});
    let resources = [
        declared("aws_db_instance.open", json!({}), json!([])),
        declared("aws_db_instance.off", json!({"storage_encrypted": false}), json!([])),
        declared("aws_db_instance.on", json!({"storage_encrypted": true}), json!([])),
        declared("aws_db_instance.asked", json!({"storage_encrypted": "${var.on}"}), json!(["storage_encrypted"])),
        lossy,
    ];
    let said = said(&setup(&[policy]), json!({"countersign": {"resources": resources}}));
    let messages: Vec<_> = said.iter().map(|(_, _, message)| message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "aws_db_instance.lossy: an AI's change loses data",
            "aws_db_instance.off is not encrypted",
            "aws_db_instance.open is not encrypted",
        ]
    );
}
