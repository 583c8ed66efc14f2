//! What becomes of what is inside of modules.

use crate::support::{changes, short};

const INSIDE: &str = r#"variable "engine" {
}
variable "size" {
  default = 10
}
resource "aws_db_instance" "this" {
  engine            = var.engine
  allocated_storage = var.size
}
resource "aws_kms_key" "this" {
}
"#;

const CALL: &str = r#"module "db" {
  source = "./db"
  engine = "postgres"
}
"#;

fn of(before: &str, after: &str) -> Vec<String> {
    let found = changes(
        &[("/w/main.tf", before), ("/w/db/main.tf", INSIDE)],
        &[("/w/main.tf", after), ("/w/db/main.tf", INSIDE)],
    );
    assert!(found.iter().all(|change| &*change.module == "/w"), "{found:#?}");
    short(&found)
}

#[test]
fn arguments() {
    assert_eq!(of(CALL, &CALL.replace("postgres", "mysql")), ["replace module.db.aws_db_instance.this"]);
    assert_eq!(of(CALL, &CALL.replace("\"postgres\"", "var.x")), ["replace? module.db.aws_db_instance.this"]);
    assert_eq!(of(CALL, &CALL.replace("\n}", "\n  size = 20\n}")), ["update module.db.aws_db_instance.this"]);
    assert_eq!(of(CALL, &CALL.replace("\n}", "\n  size = 10\n}")), [""; 0]);
    assert_eq!(of(CALL, CALL), [""; 0]);
}

#[test]
fn calls_that_go() {
    let all = ["destroy module.db", "destroy module.db.aws_db_instance.this", "destroy module.db.aws_kms_key.this"];
    assert_eq!(of(CALL, ""), all);
    assert_eq!(of(CALL, &CALL.replace("\n}", "\n  count = 0\n}")), all);
    assert_eq!(of(CALL, &CALL.replace("\n}", "\n  count = 1\n}")), all);
    assert_eq!(of(&CALL.replace("\n}", "\n  count = 0\n}"), ""), [""; 0]);
    let renamed = CALL.replace("\"db\" {", "\"data\" {");
    let found = of(CALL, &renamed);
    assert!(found.contains(&"destroy module.db -> module.data".to_owned()), "{found:?}");
    let moved = "moved {\n  from = module.db\n  to   = module.data\n}\n";
    assert_eq!(of(CALL, &format!("{renamed}{moved}")), ["rename module.db -> module.data"]);
    let removed = "removed {\n  from = module.db\n  lifecycle {\n    destroy = false\n  }\n}\n";
    assert_eq!(of(CALL, removed), ["update module.db"]);
}

#[test]
fn calls_that_come() {
    assert_eq!(
        of("", CALL),
        ["create module.db", "create module.db.aws_db_instance.this", "create module.db.aws_kms_key.this"]
    );
}

#[test]
fn a_change_inside_is_said_once() {
    let after = INSIDE.replace("engine            = var.engine", "engine            = \"mysql\"");
    let found =
        changes(&[("/w/main.tf", CALL), ("/w/db/main.tf", INSIDE)], &[("/w/main.tf", CALL), ("/w/db/main.tf", &after)]);
    assert_eq!(
        short(&found),
        ["replace module.db.aws_db_instance.this", "replace? aws_db_instance.this"],
        "by the call it is certain: {found:#?}"
    );
    let after = INSIDE.replace("var.size", "20");
    let found =
        changes(&[("/w/main.tf", CALL), ("/w/db/main.tf", INSIDE)], &[("/w/main.tf", CALL), ("/w/db/main.tf", &after)]);
    assert!(short(&found).contains(&"update? aws_db_instance.this".to_owned()), "{found:#?}");
}

#[test]
fn a_module_in_another_folder() {
    let before: &[(&str, &str)] = &[("/w/main.tf", CALL), ("/w/db/main.tf", INSIDE)];
    let moved = CALL.replace("./db", "./modules/db");
    assert_eq!(short(&changes(before, &[("/w/main.tf", &moved), ("/w/modules/db/main.tf", INSIDE)])), [""; 0]);
    let changed = INSIDE.replace("var.size", "20").replace("var.engine", "\"mysql\"");
    assert_eq!(
        short(&changes(before, &[("/w/main.tf", &moved), ("/w/modules/db/main.tf", &changed)])),
        ["replace module.db.aws_db_instance.this"]
    );
    // Nothing is there that could be read.
    assert_eq!(short(&changes(before, &[("/w/main.tf", &moved)])), ["unknown module.db"]);
    assert_eq!(short(&changes(before, &[("/w/main.tf", CALL)])), ["unknown module.db"]);
}

#[test]
fn remote_modules() {
    let call =
        "module \"eks\" {\n  source  = \"terraform-aws-modules/eks/aws\"\n  version = \"20.0\"\n  size    = 1\n}\n";
    let between = |after: &str| short(&changes(&[("/w/main.tf", call)], &[("/w/main.tf", after)]));
    assert_eq!(between(&call.replace("20.0", "21.0")), ["unknown module.eks"]);
    assert_eq!(between(&call.replace("terraform-aws-modules", "acme")), ["unknown module.eks"]);
    assert_eq!(between(&call.replace("size    = 1", "size    = 2")), ["unknown module.eks"]);
    assert_eq!(between(&call.replace("size    = 1", "size = 1")), [""; 0]);
    assert_eq!(between(""), ["destroy module.eks"]);
}

#[test]
fn modules_that_call_each_other() {
    let call = |name: &str, source: &str| format!("module \"{name}\" {{\n  source = \"{source}\"\n  x = 1\n}}\n");
    let files = |x: &str| {
        [
            ("/w/main.tf", call("a", "./a").replace('1', x)),
            ("/w/a/main.tf", call("b", "../b")),
            ("/w/b/main.tf", call("a", "../a")),
        ]
    };
    let (before, after) = (files("1"), files("2"));
    let found = changes(&texts(&before), &texts(&after));
    assert!(found.iter().all(|change| !change.certain), "{found:#?}");
    let itself = "module \"a\" {\n  source = \"./\"\n  x = 1\n}\n";
    let found = changes(&[("/w/main.tf", itself)], &[("/w/main.tf", &itself.replace('1', "2"))]);
    assert_eq!(short(&found), ["unknown module.a"]);
}

#[test]
fn resources_that_move_between_folders() {
    let bucket = "resource \"aws_s3_bucket\" \"logs\" {\n  bucket = \"acme-logs\"\n}\n";
    let found = changes(&[("/w/a/main.tf", bucket)], &[("/w/b/main.tf", bucket), ("/w/a/main.tf", "")]);
    assert_eq!(short(&found), ["unknown aws_s3_bucket.logs", "create aws_s3_bucket.logs"]);
    assert!(found.iter().any(|change| change.reasons.iter().any(|reason| reason.why.contains("/w/b"))), "{found:#?}");
    let call = "module \"logs\" {\n  source = \"./logs\"\n}\n";
    let found = changes(&[("/w/main.tf", bucket)], &[("/w/main.tf", call), ("/w/logs/main.tf", bucket)]);
    assert!(
        short(&found).contains(&"destroy aws_s3_bucket.logs -> module.logs.aws_s3_bucket.logs".to_owned()),
        "{found:#?}"
    );
    let moved = "moved {\n  from = aws_s3_bucket.logs\n  to = module.logs.aws_s3_bucket.logs\n}\n";
    let found =
        changes(&[("/w/main.tf", bucket)], &[("/w/main.tf", &format!("{call}{moved}")), ("/w/logs/main.tf", bucket)]);
    assert_eq!(
        short(&found),
        ["rename aws_s3_bucket.logs -> module.logs.aws_s3_bucket.logs", "create module.logs"],
        "{found:#?}"
    );
    let other = bucket.replace("acme-logs", "acme-other");
    let after: &[(&str, &str)] = &[("/w/main.tf", &format!("{call}{moved}")), ("/w/logs/main.tf", &other)];
    let found = changes(&[("/w/main.tf", bucket)], after);
    assert!(
        short(&found).contains(&"replace aws_s3_bucket.logs -> module.logs.aws_s3_bucket.logs".to_owned()),
        "{found:#?}"
    );
    let back = "moved {\n  from = module.logs.aws_s3_bucket.logs\n  to = aws_s3_bucket.logs\n}\n";
    let before: &[(&str, &str)] = &[("/w/main.tf", call), ("/w/logs/main.tf", bucket)];
    let after: &[(&str, &str)] = &[("/w/main.tf", &format!("{call}{bucket}{back}")), ("/w/logs/main.tf", "")];
    let found = changes(before, after);
    assert!(short(&found).iter().all(|it| !it.starts_with("destroy") && !it.starts_with("replace")), "{found:#?}");
}

fn texts<'t>(of: &'t [(&'static str, String); 3]) -> Vec<(&'static str, &'t str)> {
    of.iter().map(|(path, text)| (*path, text.as_str())).collect()
}

#[test]
fn keys_of_modules() {
    let keyed = CALL.replace("\n}", "\n  for_each = toset([\"a\", \"b\"])\n}");
    let fewer = keyed.replace(", \"b\"", "");
    let found = of(&keyed, &fewer);
    assert!(found.contains(&"destroy module.db".to_owned()), "{found:?}");
    assert_eq!(of(&fewer, &keyed), ["create module.db"]);
    let moved = "moved {\n  from = module.db\n  to   = module.db[\"a\"]\n}\n";
    let found = of(CALL, &format!("{keyed}{moved}"));
    assert!(found.iter().all(|it| !it.starts_with("destroy")), "{found:?}");
}
