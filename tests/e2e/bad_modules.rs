//! Modules that no sane person writes: what they say of values may not hang or end anything, nor hide what stands beside
//! it, and a limit that is met is named.

use countersign_testkit::{Client, run};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// Stands beside what is bad, and its finding must be there.
const PUBLIC: &str = "resource \"aws_db_instance\" \"beside\" {\n  publicly_accessible = true\n}\n";

/// How long a command or a session may take on any of it, in a debug build on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

fn write(folder: &Path, files: &[(&str, &str)]) {
    std::fs::create_dir_all(folder.join(".git")).expect("a folder");
    for (name, text) in files.iter().chain(&[("beside.tf", PUBLIC)]) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}

/// Findings of the command line, each as risk and message.
fn check(folder: &Path) -> Vec<(String, String)> {
    let output = run(Command::new(COUNTERSIGN).args(["check", "--format", "json"]).arg(folder), LIMIT);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    findings.iter().map(|finding| (text(finding, "risk"), text(finding, "message"))).collect()
}

/// What the language server says of a file, with all of the folder around it.
fn served(folder: &Path, name: &str) -> Vec<String> {
    let mut client = Client::start(COUNTERSIGN);
    client.set_patience(LIMIT);
    client.initialize(json!({}));
    let uri = |name: &str| format!("file://{}", folder.join(name).display());
    let text = std::fs::read_to_string(folder.join(name)).expect("a text");
    client.open(&uri(name), "terraform", &text);
    let said = client.diagnostics(&uri(name), 1);
    client.open(&uri("beside.tf"), "terraform", PUBLIC);
    let beside = client.diagnostics(&uri("beside.tf"), 1);
    assert!(beside.iter().any(|diagnostic| diagnostic["code"] == "database-public"), "{beside:?}");
    said.iter().filter_map(|diagnostic| diagnostic["code"].as_str().map(str::to_owned)).collect()
}

/// Nothing hangs, and what stands beside it is seen, by the command line and by the language server.
fn holds(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), files);
    let started = Instant::now();
    let findings = check(folder.path());
    served(folder.path(), files[0].0);
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    let beside = findings.iter().any(|(risk, message)| risk == "database-public" && message.contains("beside"));
    assert!(beside, "{findings:?}");
    findings
}

fn says(findings: &[(String, String)], risk: &str, words: &str) {
    assert!(
        findings.iter().any(|(known, message)| known == risk && message.contains(words)),
        "{risk} with {words:?} is not in {findings:?}"
    );
}

/// `name = …` in a `locals` block, and a resource that uses it.
fn local(expression: &str) -> Vec<(String, String)> {
    holds(&[(
        "main.tf",
        &format!("locals {{\n  x = {expression}\n}}\nresource \"aws_s3_bucket\" \"b\" {{\n  bucket = local.x\n}}\n"),
    )])
}

/// Locals of which each is made from the one before.
fn row(count: usize, first: &str, next: impl Fn(&str) -> String) -> String {
    let mut text = format!("locals {{\n  a0 = {first}\n");
    for at in 1..=count {
        let before = format!("local.a{}", at - 1);
        writeln!(text, "  a{at} = {}", next(&before)).expect("a string");
    }
    text + &format!("}}\nresource \"aws_s3_bucket\" \"b\" {{\n  tags = local.a{count}\n}}\n")
}

#[test]
fn what_leads_to_itself() {
    let found = holds(&[(
        "main.tf",
        "locals {\n  a = local.b\n  b = \"${local.a}\"\n}\nresource \"aws_s3_bucket\" \"b\" {\n  bucket = local.a\n}\n",
    )]);
    says(&found, "not-evaluated", "depends on itself");
    assert_eq!(found.iter().filter(|(risk, _)| risk == "not-evaluated").count(), 1, "{found:?}");
    let found = holds(&[("main.tf", "module \"m\" {\n  source = \"./\"\n}\n")]);
    says(&found, "not-evaluated", "itself a part of");
    let found = holds(&[
        ("main.tf", "module \"a\" {\n  source = \"./a\"\n  x = module.a.x\n}\n"),
        (
            "a/main.tf",
            "variable \"x\" {}\nmodule \"b\" {\n  source = \"../b\"\n}\noutput \"x\" {\n  value = module.b.x\n}\n",
        ),
        ("b/main.tf", "module \"a\" {\n  source = \"../a\"\n}\noutput \"x\" {\n  value = module.a.x\n}\n"),
    ]);
    says(&found, "not-evaluated", "itself a part of");
}

#[test]
fn deep_and_long_expressions() {
    for (open, inside, close, count) in [
        ("\"${", "1", "}\"", 1_000),
        ("(", "1", ")", 100_000),
        ("", "1", "+1", 100_000),
        ("", "x", ".y", 100_000),
        ("", "local.y", "[*]", 100_000),
        ("", "local.y", ".0", 100_000),
        ("-", "1", "", 100_000),
        ("!", "true", "", 100_000),
        ("true ? 1 : ", "2", "", 10_000),
        ("[for x in ", "[1]", " : x]", 150),
        ("upper(", "\"a\"", ")", 150),
    ] {
        local(&format!("{}{inside}{}", open.repeat(count), close.repeat(count)));
    }
}

#[test]
fn rows_of_locals() {
    holds(&[("main.tf", &row(1_000, "1", str::to_owned))]);
    holds(&[("main.tf", &row(64, "[1, 2]", |before| format!("concat({before}, {before})")))]);
    holds(&[("main.tf", &row(64, "\"text\"", |before| format!("\"${{{before}}}${{{before}}}\"")))]);
    holds(&[("main.tf", &row(64, "{}", |before| format!("{{ l = {before}, r = {before} }}")))]);
    holds(&[("main.tf", &row(64, "[1]", |before| format!("[for x in {before} : {before}]")))]);
    holds(&[("main.tf", &row(200, "1", |before| format!("{}{before}{}", "[".repeat(100), "]".repeat(100))))]);
}

#[test]
fn loops_in_loops_meet_the_limit_and_hide_nothing() {
    let found = local("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a + b + c]]]");
    says(&found, "not-evaluated", "200000 steps");
}

#[test]
fn large_maps() {
    let mut text = "locals {\n  big = {\n".to_owned();
    for at in 0..10_000 {
        writeln!(text, "    k{at} = {{ n = {at}, open = true }}").expect("a string");
    }
    text += "  }\n}\n";
    for at in 0..1_000 {
        writeln!(
            text,
            "resource \"aws_db_instance\" \"d{at}\" {{\n  publicly_accessible = local.big[\"k{at}\"].open\n}}"
        )
        .expect("a string");
    }
    let found = holds(&[("main.tf", &text)]);
    assert!(found.iter().filter(|(risk, _)| risk == "database-public").count() >= 499, "all are seen");
}

#[test]
fn a_local_that_many_use() {
    let mut text = "locals {\n  t = { a = \"b\" }\n}\n".to_owned();
    for at in 0..5_000 {
        writeln!(text, "resource \"aws_s3_bucket\" \"b{at}\" {{\n  tags = local.t\n}}").expect("a string");
    }
    holds(&[("main.tf", &text)]);
}

#[test]
fn modules_that_call_many_modules() {
    let call = |level: usize| {
        (0..10).fold(String::new(), |text, at| {
            text + &format!("module \"m{at}\" {{\n  source = \"../l{level}\"\n  x = var.x\n}}\n")
        })
    };
    let files: Vec<(String, String)> = (0..9)
        .map(|level| {
            let text = "variable \"x\" {\n  default = true\n}\noutput \"o\" {\n  value = \"${module.m0.o}${module.m1.o}\"\n}\n";
            (format!("l{level}/main.tf"), text.to_owned() + &call(level + 1))
        })
        .collect();
    let last = "variable \"x\" {}\nresource \"aws_db_instance\" \"d\" {\n  publicly_accessible = var.x\n}\noutput \"o\" {\n  value = 1\n}\n";
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("l9/main.tf", last));
    holds(&files);
}

#[test]
fn what_is_not_known_and_what_is_wrong() {
    holds(&[(
        "main.tf",
        "variable \"u\" {}\nresource \"aws_s3_bucket\" \"b\" {\n  for_each = var.u\n  bucket = each.key\n}\nmodule \"m\" {\n  source = \"./m\"\n  for_each = module.m\n}\n",
    )]);
    let found = holds(&[
        ("main.tf", "variable \"a\" {\n  type = list(string)\n}\nvariable \"b\" {\n  type = number\n}\n"),
        ("terraform.tfvars", "a = \"x\"\nb = {}\nc = 1\na = 2\n"),
    ]);
    says(&found, "not-evaluated", "`var.a` is declared as `list`");
    says(&found, "not-evaluated", "`var.b` is declared as `number`");
    let found = holds(&[("main.tf", "resource \"a\" \"b\" {}\nresource \"a\" \"b\" {}\n")]);
    says(&found, "not-evaluated", "more than once");
    holds(&[
        ("main.tf", "resource \"a\" \"b\" {}\n"),
        ("override.tf", "resource \"a\" \"b\" {\n  x = 1\n}\nresource \"a\" \"b\" {\n  x = a.b.x\n}\n"),
        ("override_override.tf", "resource \"a\" \"b\" {\n  x = 2\n}\nlocals {\n  a = 1\n}\nmodule \"q\" {}\n"),
    ]);
    let found =
        holds(&[("main.tf", "<<<<<<< HEAD\nlocals {\n  a = 1\n}\n=======\nlocals {\n  a = 2\n}\n>>>>>>> other\n")]);
    says(&found, "not-analysed", "merge conflict");
}

#[test]
fn json_that_is_none() {
    says(&holds(&[("main.tf.json", "[1, 2]")]), "not-analysed", "no JSON object");
    says(&holds(&[("main.tf.json", "{\"resource\": ")]), "not-analysed", "no JSON");
    let deep = format!("{{\"locals\": {}1{}}}", "{\"a\": ".repeat(10_000), "}".repeat(10_000));
    says(&holds(&[("main.tf.json", &deep)]), "not-analysed", "nested");
    let long = format!("{{\"locals\": {{\"a\": \"{}\"}}}}", "b".repeat(10 << 20));
    says(&holds(&[("main.tf.json", &long)]), "not-analysed", "KiB");
    let twice = "{\"locals\": {\"a\": 1, \"a\": 2}, \"locals\": {\"a\": 3}, \"resource\": {\"aws_db_instance\": {\"d\": {\"publicly_accessible\": true}}}, \"resource\": 5, \"variable\": [[]], \"output\": null}";
    says(&holds(&[("main.tf.json", twice)]), "database-public", "aws_db_instance.d");
}

#[test]
fn a_list_of_modules_that_is_broken_or_leads_away() {
    let call = "module \"x\" {\n  source = \"a/b/c\"\n}\nmodule \"y\" {\n  source = \"d/e/f\"\n}\n";
    for list in [
        "",
        "{",
        "[]",
        "{\"Modules\": 5}",
        "{\"Modules\": [{\"Key\": \"x\"}]}",
        "{\"Modules\": [{\"Key\": \"x\", \"Dir\": \"../../../../../../etc\"}, {\"Key\": \"y\", \"Dir\": \"/\"}]}",
        "{\"Modules\": [{\"Key\": \"x\", \"Dir\": \".terraform/../../../../../..\"}, {\"Key\": \"x.x\", \"Dir\": \".terraform/\"}]}",
        "{\"Modules\": [{\"Key\": \"\", \"Dir\": \".terraform/\"}, {\"Key\": \"...\", \"Dir\": \".terraform/modules/y\"}]}",
    ] {
        holds(&[("main.tf", call), (".terraform/modules/modules.json", list)]);
    }
}

#[cfg(unix)]
#[test]
fn files_that_are_none_of_ours() {
    const POLICY: &str = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}";
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("policy.json"), POLICY).expect("a file");
    let folder = tempfile::tempdir().expect("a folder");
    let outside = outside.path().join("policy.json");
    let paths = [
        ".",
        "..",
        "/",
        "/dev/zero",
        "/dev/stdin",
        "missing",
        "link",
        "loop",
        "huge",
        "fifo",
        "\\u0000",
        outside.to_str().expect("a path"),
    ];
    let text = paths.iter().enumerate().fold(String::new(), |text, (at, path)| {
        text + &format!("resource \"aws_iam_policy\" \"p{at}\" {{\n  policy = file(\"{path}\")\n}}\n")
    });
    let inside = "resource \"aws_iam_policy\" \"inside\" {\n  policy = file(\"${path.module}/policy.json\")\n}\n";
    write(folder.path(), &[("main.tf", &text), ("inside.tf", inside), ("policy.json", POLICY)]);
    std::os::unix::fs::symlink(&outside, folder.path().join("link")).expect("a link");
    std::os::unix::fs::symlink("loop", folder.path().join("loop")).expect("a link");
    std::fs::File::create(folder.path().join("huge")).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let fifo = Command::new("mkfifo").arg(folder.path().join("fifo")).status();
    assert!(fifo.is_ok_and(|status| status.success()), "mkfifo");
    let found = check(folder.path());
    says(&found, "database-public", "beside");
    let policies: Vec<_> = found.iter().filter(|(_, message)| message.contains("aws_iam_policy.")).collect();
    assert!(!policies.is_empty(), "{found:?}");
    assert!(policies.iter().all(|(_, message)| message.contains("inside")), "{policies:?}");
    served(folder.path(), "main.tf");
}
