//! What becomes of resources, by the two texts alone.

use crate::support::{between, changes, check, short, workspace};
use countersign_impact::tables::{Effect, Extra, Tables};
use countersign_impact::{Change, Side, predict};
use std::collections::BTreeSet;

const DB: &str = r#"resource "aws_db_instance" "orders" {
  identifier     = "orders"
  engine         = "postgres"
  instance_class = "db.t3.medium"
}
"#;

fn reasons(changes: &[Change]) -> String {
    changes.iter().flat_map(|change| &change.reasons).map(|reason| reason.why.as_str()).collect::<Vec<_>>().join("\n")
}

fn with(text: &str, more: &str) -> String {
    text.replacen("\n}", &format!("\n{more}\n}}"), 1)
}

#[test]
fn what_is_the_same_is_no_change() {
    check(DB, DB, &[]);
    check(DB, &format!("# a comment\n{}", DB.replace("  engine         =", "  engine =")), &[]);
    check(DB, &DB.replace("\"postgres\"", "\"${\"postgres\"}\""), &[]);
    let (a, b) = ("resource \"aws_s3_bucket\" \"a\" {\n}\n", "resource \"aws_s3_bucket\" \"b\" {\n}\n");
    check(&format!("{a}{b}"), &format!("{b}{a}"), &[]);
    assert_eq!(short(&changes(&[("/w/a.tf", DB)], &[("/w/b.tf", DB)])), [""; 0], "another file of the module");
    check("data \"aws_ami\" \"a\" {\n}\n", "", &[]);
}

#[test]
fn comes_and_goes() {
    check("", DB, &["create aws_db_instance.orders"]);
    check(DB, "", &["destroy aws_db_instance.orders"]);
    let found = between(DB, "");
    assert_eq!(found[0].place.side, Side::Before);
    assert_eq!(&*found[0].module, "/w");
    assert_eq!(found[0].kind, "aws_db_instance");
    assert_eq!(DB.get(found[0].place.range.clone()), Some("\"aws_db_instance\" \"orders\""));
}

#[test]
fn attributes() {
    for (from, to, expected) in [
        ("\"postgres\"", "\"mysql\"", "replace aws_db_instance.orders"),
        ("\"db.t3.medium\"", "\"db.t3.large\"", "update aws_db_instance.orders"),
        ("\"postgres\"", "var.engine", "replace? aws_db_instance.orders"),
        ("\"postgres\"", "\"Postgres\"", "replace? aws_db_instance.orders"),
    ] {
        check(DB, &DB.replace(from, to), &[expected]);
    }
    let changed = between(DB, &DB.replace("\"postgres\"", "\"mysql\""));
    let reason = &changed[0].reasons[0];
    assert_eq!(reason.attribute.as_deref(), Some("engine"));
    assert_eq!(reason.why, "`engine` changes from \"postgres\" to \"mysql\", which replaces it");
    assert_eq!(reason.place.as_ref().expect("a place").side, Side::After);
    check(DB, &with(DB, "  availability_zone = \"eu-west-1a\""), &["replace? aws_db_instance.orders"]);
    check(&with(DB, "  availability_zone = \"eu-west-1a\""), DB, &["replace? aws_db_instance.orders"]);
    check(DB, &with(DB, "  availability_zone = null"), &[]);
    check(DB, &with(DB, "  multi_az = true"), &["update? aws_db_instance.orders"]);
    check(
        &with(DB, "  region = \"eu-west-1\""),
        &with(DB, "  region = \"eu-west-2\""),
        &["replace aws_db_instance.orders"],
    );
}

#[test]
fn what_a_condition_of_the_provider_decides_is_not_certain() {
    let machine = "resource \"aws_instance\" \"web\" {\n  ami = \"ami-1\"\n  instance_type = \"t3.micro\"\n}\n";
    check(machine, &machine.replace("t3.micro", "t3.large"), &["replace? aws_instance.web"]);
    check(machine, &machine.replace("ami-1", "ami-2"), &["replace aws_instance.web"]);
}

#[test]
fn nested_blocks_and_lists() {
    let machine = r#"resource "aws_instance" "web" {
  root_block_device {
    encrypted   = true
    volume_size = 10
  }
  ebs_block_device {
    device_name = "/dev/sdb"
    volume_size = 10
  }
  ebs_block_device {
    device_name = "/dev/sdc"
    volume_size = 20
  }
}
"#;
    check(machine, &machine.replace("encrypted   = true", "encrypted   = false"), &["replace aws_instance.web"]);
    check(machine, &machine.replacen("volume_size = 10", "volume_size = 11", 1), &["update aws_instance.web"]);
    check(machine, &machine.replace("volume_size = 20", "volume_size = 21"), &["replace aws_instance.web"]);
    let swapped = machine.replace("sdb", "x").replace("sdc", "sdb").replace("/x", "/sdc");
    let swapped = swapped.replacen(
        "volume_size = 10\n  }\n  ebs_block_device {\n    device_name = \"/dev/sdb\"\n    volume_size = 20",
        "volume_size = 20\n  }\n  ebs_block_device {\n    device_name = \"/dev/sdb\"\n    volume_size = 10",
        1,
    );
    assert_ne!(machine, swapped);
    check(machine, &swapped, &[]);
    let rule = "resource \"aws_security_group_rule\" \"a\" {\n  type = \"egress\"\n  cidr_blocks = [\"10.0.0.0/8\", \"10.1.0.0/16\"]\n}\n";
    check(
        rule,
        &rule.replace("\"10.0.0.0/8\", \"10.1.0.0/16\"", "\"10.1.0.0/16\", \"10.0.0.0/8\""),
        &["replace? aws_security_group_rule.a"],
    );
    check(rule, &rule.replace(", \"10.1.0.0/16\"", ""), &["replace aws_security_group_rule.a"]);
    check(
        rule,
        &rule.replace("\"10.0.0.0/8\", \"10.1.0.0/16\"", "data.x.y.cidrs"),
        &["replace? aws_security_group_rule.a"],
    );
}

#[test]
fn what_the_tables_do_not_know_is_unknown() {
    let made_up = "resource \"acme_store\" \"a\" {\n  name = \"a\"\n}\n";
    check(made_up, &made_up.replace("\"a\"\n}", "\"b\"\n}"), &["unknown acme_store.a"]);
    let after = made_up.replace("\"a\"\n}", "\"b\"\n}");
    let fact = Extra { kind: "acme_store".to_owned(), attribute: "name".to_owned(), effect: Effect::Replaces };
    let modules = BTreeSet::from(["/w".to_owned()]);
    let states = [made_up, &after].map(|text| workspace(&[("/w/main.tf", text)]));
    let found = predict(&states[0], &states[1], &modules, &Tables::new([fact]));
    assert_eq!(short(&found), ["replace acme_store.a"]);
}

#[test]
fn values_from_elsewhere() {
    let text = format!("locals {{\n  engine = \"postgres\"\n}}\n{}", DB.replace("\"postgres\"", "local.engine"));
    check(&text, &text.replace("\"postgres\"", "\"mysql\""), &["replace aws_db_instance.orders"]);
    check(DB, &text, &[]);
    let text =
        format!("variable \"engine\" {{\n  default = \"postgres\"\n}}\n{}", DB.replace("\"postgres\"", "var.engine"));
    check(&text, &text.replace("\"postgres\"", "\"mysql\""), &["replace? aws_db_instance.orders"]);
    check(&text, &text.replace("variable \"engine\" {", "variable \"engine\" {\n  description = \"x\""), &[]);
    let set = |value: &str| {
        changes(
            &[("/w/main.tf", &text), ("/w/terraform.tfvars", "engine = \"postgres\"\n")],
            &[("/w/main.tf", &text), ("/w/terraform.tfvars", &format!("engine = \"{value}\"\n"))],
        )
    };
    assert_eq!(short(&set("mysql")), ["replace aws_db_instance.orders"]);
    assert_eq!(short(&set("postgres")), [""; 0]);
    let ami = "data \"aws_ami\" \"a\" {\n  most_recent = true\n}\nresource \"aws_instance\" \"web\" {\n  ami = data.aws_ami.a.id\n}\n";
    check(ami, &ami.replace("true", "false"), &["replace? aws_instance.web"]);
}

#[test]
fn lifecycles() {
    let ignoring = with(DB, "  lifecycle {\n    ignore_changes = [engine]\n  }");
    check(&ignoring, &ignoring.replace("\"postgres\"", "\"mysql\""), &[]);
    let all = ignoring.replace("[engine]", "all");
    check(&all, &all.replace("\"postgres\"", "\"mysql\"").replace("medium", "large"), &[]);
    let guarded = with(DB, "  lifecycle {\n    prevent_destroy = true\n  }");
    let found = between(&guarded, &guarded.replace("\"postgres\"", "\"mysql\""));
    assert_eq!(short(&found), ["replace aws_db_instance.orders"]);
    assert!(reasons(&found).contains("refuse to plan"), "{found:#?}");
    assert!(reasons(&between(&guarded, "")).contains("removed together with it"));
    let first = with(DB, "  lifecycle {\n    create_before_destroy = true\n  }");
    let found = between(&first, &first.replace("\"postgres\"", "\"mysql\""));
    assert!(reasons(&found).contains("before the old one is destroyed"), "{found:#?}");
    assert_eq!(found[0].interruption, None);
    let triggered = "resource \"aws_instance\" \"web\" {\n  lifecycle {\n    replace_triggered_by = [aws_db_instance.orders]\n  }\n}\n";
    let both = format!("{DB}{triggered}");
    check(
        &both,
        &both.replace("\"postgres\"", "\"mysql\""),
        &["replace aws_db_instance.orders", "replace aws_instance.web"],
    );
}

#[test]
fn what_is_made_anew_gives_others_another_id() {
    let text = r#"resource "aws_subnet" "a" {
  vpc_id     = "vpc-1"
  cidr_block = "10.0.0.0/24"
}
resource "aws_instance" "web" {
  subnet_id = aws_subnet.a.id
}
"#;
    check(text, &text.replace("vpc-1", "vpc-2"), &["replace? aws_instance.web", "replace aws_subnet.a"]);
    check(
        text,
        &text
            .replace("cidr_block = \"10.0.0.0/24\"", "cidr_block = \"10.0.0.0/24\"\n  map_public_ip_on_launch = false"),
        &["update? aws_subnet.a"],
    );
}

#[test]
fn moves() {
    let renamed = DB.replace("\"orders\" {", "\"shop\" {");
    check(DB, &renamed, &["destroy aws_db_instance.orders -> aws_db_instance.shop", "create aws_db_instance.shop"]);
    let moved = "moved {\n  from = aws_db_instance.orders\n  to   = aws_db_instance.shop\n}\n";
    check(DB, &format!("{renamed}{moved}"), &["rename aws_db_instance.orders -> aws_db_instance.shop"]);
    check(
        DB,
        &format!("{}{moved}", renamed.replace("\"postgres\"", "\"mysql\"")),
        &["replace aws_db_instance.orders -> aws_db_instance.shop"],
    );
    let chain = format!(
        "{}moved {{\n  from = aws_db_instance.shop\n  to   = aws_db_instance.third\n}}\n{moved}",
        DB.replace("\"orders\" {", "\"third\" {")
    );
    check(DB, &chain, &["rename aws_db_instance.orders -> aws_db_instance.third"]);
    check(DB, moved, &["destroy aws_db_instance.orders -> aws_db_instance.shop"]);
    // One that was moved long ago says nothing.
    check(&format!("{renamed}{moved}"), &format!("{renamed}{moved}\n"), &[]);
    // What refers to it refers to the same as before.
    let user = "resource \"aws_instance\" \"web\" {\n  subnet_id = aws_db_instance.orders.subnet\n}\n";
    check(
        &format!("{DB}{user}"),
        &format!("{renamed}{moved}{}", user.replace("orders", "shop")),
        &["rename aws_db_instance.orders -> aws_db_instance.shop"],
    );
    let keyed = with(&renamed, "  for_each = toset([\"a\", \"b\"])");
    let to_key = moved.replace("aws_db_instance.shop", "aws_db_instance.shop[\"a\"]");
    check(DB, &format!("{keyed}{to_key}"), &["rename aws_db_instance.orders -> aws_db_instance.shop[\"a\"]"]);
    // It was there before, and could not be made.
    check(
        &format!("{DB}{moved}"),
        &format!("{renamed}{moved}"),
        &["rename aws_db_instance.orders -> aws_db_instance.shop"],
    );
    // Its own name, with a key; and a move that was made long ago says nothing of what comes after.
    let own = moved.replace("aws_db_instance.shop", "aws_db_instance.orders[\"a\"]");
    let keyed_own = with(DB, "  for_each = toset([\"a\", \"b\"])");
    let both = format!("{keyed_own}{own}");
    check(DB, &both, &["rename aws_db_instance.orders -> aws_db_instance.orders[\"a\"]"]);
    check(&both, &both.replace(", \"b\"", ""), &["destroy aws_db_instance.orders"]);
    check(&both, &both.replace("medium", "large"), &["update aws_db_instance.orders"]);
    let nowhere = to_key.replace("\"a\"", "\"c\"");
    check(DB, &format!("{keyed}{nowhere}"), &["destroy aws_db_instance.orders -> aws_db_instance.shop[\"c\"]"]);
}

#[test]
fn removed_and_imported() {
    let removed = "removed {\n  from = aws_db_instance.orders\n  lifecycle {\n    destroy = false\n  }\n}\n";
    check(DB, removed, &["update aws_db_instance.orders"]);
    check(DB, &removed.replace("false", "true"), &["destroy aws_db_instance.orders"]);
    check(DB, "removed {\n  from = aws_db_instance.orders\n}\n", &["destroy aws_db_instance.orders"]);
    check(DB, &removed.replace("false", "var.x"), &["unknown aws_db_instance.orders"]);
    let import = "import {\n  to = aws_db_instance.orders\n  id = \"orders\"\n}\n";
    check("", &format!("{DB}{import}"), &["update? aws_db_instance.orders"]);
}

#[test]
fn count_and_for_each() {
    let text = |setting: &str| with(DB, &format!("  {setting}"));
    let none = DB;
    let cases = [
        (none, "count = 1", "rename aws_db_instance.orders -> aws_db_instance.orders[0]"),
        (none, "count = 0", "destroy aws_db_instance.orders"),
        (none, "count = var.n", "rename? aws_db_instance.orders -> aws_db_instance.orders[0]"),
        (none, "for_each = toset([\"a\"])", "destroy aws_db_instance.orders -> aws_db_instance.orders[\"a\"]"),
        ("count = 1", none, "rename aws_db_instance.orders -> aws_db_instance.orders"),
        ("count = 3", none, "destroy aws_db_instance.orders"),
        ("count = 3", "count = 1", "destroy aws_db_instance.orders"),
        ("count = 1", "count = 3", "create aws_db_instance.orders"),
        ("count = var.n", "count = 0", "destroy? aws_db_instance.orders"),
        ("count = var.n", "count = var.m", "unknown aws_db_instance.orders"),
        ("for_each = toset([\"a\", \"b\"])", "for_each = toset([\"a\"])", "destroy aws_db_instance.orders"),
        ("for_each = toset([\"a\"])", "for_each = toset([\"a\", \"b\"])", "create aws_db_instance.orders"),
        ("for_each = toset([\"a\"])", none, "destroy aws_db_instance.orders"),
        ("for_each = toset([\"a\"])", "count = 1", "destroy aws_db_instance.orders"),
        ("for_each = var.x", "for_each = var.y", "unknown aws_db_instance.orders"),
        ("count = 0", none, "create aws_db_instance.orders"),
    ];
    for (before, after, expected) in cases {
        let of = |setting: &str| if setting == DB { DB.to_owned() } else { text(setting) };
        check(&of(before), &of(after), &[expected]);
    }
    check(&text("count = 0"), "", &[]);
    check(&text("for_each = {}"), "", &[]);
    check("", &text("count = 0"), &[]);
    check(&text("count = var.n"), &text("count = var.n"), &[]);
    assert!(
        reasons(&between(&text("count = 3"), &text("count = 1")))
            .contains("`aws_db_instance.orders[1]`, `aws_db_instance.orders[2]` are destroyed")
    );
    // A default may be another value where it is applied.
    let by_default = |number: &str| format!("variable \"n\" {{\n  default = {number}\n}}\n{}", text("count = var.n"));
    check(&by_default("3"), &by_default("1"), &["destroy? aws_db_instance.orders"]);
    check(&by_default("0"), &by_default("0").replace("\"postgres\"", "\"mysql\""), &["replace aws_db_instance.orders"]);
}

#[test]
fn instances_that_shift() {
    let text = |names: &str| {
        format!(
            "locals {{\n  names = [{names}]\n}}\nresource \"aws_s3_bucket\" \"all\" {{\n  count  = length(local.names)\n  bucket = \
             local.names[count.index]\n}}\n"
        )
    };
    let found = between(&text("\"a\", \"b\", \"c\""), &text("\"a\", \"c\""));
    assert_eq!(short(&found), ["destroy aws_s3_bucket.all"]);
    assert!(reasons(&found).contains("`bucket` changes from \"b\" to \"c\""), "{found:#?}");
    check(&text("\"a\", \"b\""), &text("\"a\", \"x\""), &["replace aws_s3_bucket.all"]);
    let keyed = |sizes: &str| {
        format!(
            "resource \"aws_ebs_volume\" \"all\" {{\n  for_each = {{ {sizes} }}\n  availability_zone = each.value\n}}\n"
        )
    };
    check(&keyed("a = \"x\", b = \"y\""), &keyed("b = \"y\", a = \"x\""), &[]);
    check(&keyed("a = \"x\", b = \"y\""), &keyed("a = \"x\", b = \"z\""), &["replace aws_ebs_volume.all"]);
}

#[test]
fn providers_and_backends() {
    let text = r#"provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias  = "us"
  region = "us-east-1"
}
resource "aws_s3_bucket" "a" {
  bucket = "a"
}
"#;
    check(text, &text.replace("bucket = \"a\"", "bucket = \"a\"\n  provider = aws.us"), &["replace? aws_s3_bucket.a"]);
    check(text, &text.replace("eu-west-1", "eu-west-2"), &["replace? aws_s3_bucket.a"]);
    check(text, &text.replace("us-east-1", "us-east-2"), &[]);
    let backend = "terraform {\n  backend \"s3\" {\n    key = \"a\"\n  }\n}\n";
    check(
        &format!("{backend}{text}"),
        &format!("{}{text}", backend.replace("\"a\"", "\"b\"")),
        &["unknown backend.s3"],
    );
    check(&format!("{backend}{text}"), text, &["unknown backend.s3"]);
    check(text, text, &[]);
}

#[test]
fn broken_text_is_unknown() {
    let other = "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"b\"\n}\n";
    let both = format!("{DB}{other}");
    for broken in [
        format!("{}{other}", DB.replacen("{\n", "{\n  x = [\n", 1)),
        format!("resource \"aws_db_instance\" \"orders {{\n{other}"),
        format!("<<<<<<< ours\n{DB}=======\n>>>>>>> theirs\n{other}"),
        format!("{}{other}", DB.trim_end().trim_end_matches('}')),
    ] {
        let found = between(&both, &broken);
        assert!(
            found.iter().all(|change| !change.certain && change.address == "aws_db_instance.orders"),
            "{broken}\n{:?}",
            short(&found)
        );
        assert_ne!(short(&found), ["destroy? aws_db_instance.orders"]);
        assert_eq!(
            short(&between(&broken, &both)).iter().filter(|it| it.starts_with("create ")).count(),
            0,
            "{broken}"
        );
    }
    let twice = format!("{DB}{}", DB.replace("postgres", "mysql"));
    check(DB, &twice, &["unknown aws_db_instance.orders"]);
    check(&twice, DB, &["unknown aws_db_instance.orders"]);
}

#[test]
fn secrets_are_not_shown() {
    let text = with(DB, "  username = \"a\"\n  password = \"hunter2-of-old\"");
    let found = between(&text, &text.replace("hunter2-of-old", "hunter2-of-new"));
    assert_eq!(short(&found), ["update aws_db_instance.orders"]);
    assert!(!format!("{found:?}").contains("hunter2"), "{found:#?}");
}

#[test]
fn other_ways_to_write_it() {
    let json = r#"{"resource": {"aws_db_instance": {"orders": {"engine": "postgres"}}}}"#;
    let of = |before: &str, after: &str| short(&changes(&[("/w/main.tf.json", before)], &[("/w/main.tf.json", after)]));
    assert_eq!(of(json, json), [""; 0]);
    assert_eq!(of(json, &json.replace("postgres", "mysql")), ["replace aws_db_instance.orders"]);
    assert_eq!(of(json, "{}"), ["destroy aws_db_instance.orders"]);
    assert_eq!(of(json, &json.replacen(':', "", 1)), ["unknown aws_db_instance.orders"]);
    let moved = r#"{"resource": {"aws_db_instance": {"shop": {"engine": "postgres"}}}, "moved": [{"from": "aws_db_instance.orders", "to": "aws_db_instance.shop"}]}"#;
    assert_eq!(of(json, moved), ["rename aws_db_instance.orders -> aws_db_instance.shop"]);
    let over = |engine: &str| format!("resource \"aws_db_instance\" \"orders\" {{\n  engine = \"{engine}\"\n}}\n");
    let with_override = |engine: &str| {
        short(&changes(
            &[("/w/main.tf", DB), ("/w/override.tf", &over("postgres"))],
            &[("/w/main.tf", DB), ("/w/override.tf", &over(engine))],
        ))
    };
    assert_eq!(with_override("postgres"), [""; 0]);
    assert_eq!(with_override("mysql"), ["replace aws_db_instance.orders"]);
}
