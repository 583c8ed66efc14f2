//! `check --fix`.

use crate::cli::{countersign, files, findings, report};
use crate::editor::{PUBLIC, SAFE, Workspace};
use std::fs;
use std::path::PathBuf;

/// Two findings with a fix on adjacent lines.
const DATABASE: &str = "resource \"aws_db_instance\" \"db\" {\n  password            = \"correct-horse\"\n  publicly_accessible = true\n  deletion_protection = false\n  skip_final_snapshot = false\n  storage_encrypted   = true\n}\n";

#[test]
fn findings_are_fixed_shown_and_the_rest_is_reported() {
    let workspace = files(&[("main.tf", DATABASE), ("safe.tf", SAFE)]);
    let said = countersign(&workspace, &["check", "--fix"]);
    let diff = "--- main.tf\n+++ main.tf\n@@ -1,7 +1,7 @@\n resource \"aws_db_instance\" \"db\" {\n   password            = \"*************\"\n-  publicly_accessible = true\n-  deletion_protection = false\n+  publicly_accessible = false\n+  deletion_protection = true\n   skip_final_snapshot = false\n   storage_encrypted   = true\n }\n\n";
    assert!(said.stdout.starts_with(diff), "{}", said.stdout);
    assert!(!said.stdout.contains("horse"));
    assert!(said.stdout.contains("critical[password-in-code]"), "{}", said.stdout);
    assert!(said.stdout.contains("1 finding (1 critical), 2 fixed in 2 files, "), "{}", said.stdout);
    assert_eq!(said.code, Some(1));
    let expected =
        DATABASE.replace("accessible = true", "accessible = false").replace("protection = false", "protection = true");
    assert_eq!(workspace.read("main.tf"), expected);
    assert_eq!(workspace.read("safe.tf"), SAFE);
    let left: Vec<_> = fs::read_dir(workspace.root()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "no file is left behind");
}

#[test]
fn what_is_shown_is_a_patch() {
    let blocks = "resource \"aws_rds_cluster\" \"r\" {\n  engine = \"aurora-mysql\"\n}\n\n".repeat(3);
    let text = format!("# one\n# two\n# three\n{blocks}{SAFE}{PUBLIC}");
    let workspace = files(&[("main.tf", &text)]);
    let said = countersign(&workspace, &["check", "--fix", "--dry-run", "--format", "json"]);
    workspace.write("the.patch", &said.stderr);
    workspace.run_git(&["apply", "--unidiff-zero", "-p0", "the.patch"]);
    let patched = workspace.read("main.tf");
    workspace.write("main.tf", &text);
    countersign(&workspace, &["check", "--fix"]);
    assert_eq!(workspace.read("main.tf"), patched);
    assert_eq!(patched.matches("deletion_protection = true").count(), 3);
}

#[test]
fn a_dry_run_writes_nothing() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["check", "--fix", "--dry-run"]);
    assert!(said.stdout.contains("-  publicly_accessible = true\n+  publicly_accessible = false\n"), "{}", said.stdout);
    assert!(said.stdout.contains("1 finding (1 critical), 1 can be fixed in 1 file"), "{}", said.stdout);
    assert_eq!((said.code, workspace.read("main.tf").as_str()), (Some(1), PUBLIC));
    assert_eq!(countersign(&workspace, &["check", "--dry-run"]).code, Some(2), "it goes with --fix");
}

#[test]
fn what_programs_read_has_no_diff_in_it() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["check", "--fix", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&said.stdout).is_ok(), "{}", said.stdout);
    assert!(said.stderr.contains("+  publicly_accessible = false"), "{}", said.stderr);
    assert_eq!(said.code, Some(0));
}

#[test]
fn what_was_accepted_is_not_fixed() {
    let suppressed = format!("# countersign: allow database-public reason=\"a honeypot\"\n{PUBLIC}");
    let workspace = files(&[("main.tf", &suppressed), ("known.tf", PUBLIC)]);
    assert_eq!(countersign(&workspace, &["baseline", "write"]).code, Some(0));
    let said = countersign(&workspace, &["check", "--fix", "--baseline", "countersign-baseline.json"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert_eq!((workspace.read("main.tf"), workspace.read("known.tf")), (suppressed, PUBLIC.to_owned()));
}

#[test]
fn a_suppressed_secret_is_not_shown_in_a_diff() {
    let text =
        DATABASE.replace("  password", "  # countersign: allow password-in-code reason=\"rotated daily\"\n  password");
    let workspace = files(&[("main.tf", &text)]);
    let said = countersign(&workspace, &["check", "--fix"]);
    assert!(said.stdout.contains("+  publicly_accessible = false"), "{}", said.stdout);
    assert!(!said.stdout.contains("horse"), "{}", said.stdout);
}

#[test]
fn line_endings_and_a_missing_last_one_are_kept() {
    let text = DATABASE.trim_end().replace('\n', "\r\n");
    let workspace = files(&[("main.tf", &text)]);
    countersign(&workspace, &["check", "--fix"]);
    let fixed = workspace.read("main.tf");
    assert!(fixed.contains("publicly_accessible = false\r\n") && fixed.ends_with("\r\n}"), "{fixed:?}");
    assert_eq!(fixed.matches('\n').count(), text.matches("\r\n").count());
}

#[cfg(unix)]
#[test]
fn permissions_are_kept_and_heeded() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = files(&[("main.tf", PUBLIC), ("locked.tf", PUBLIC)]);
    let mode = |name: &str, mode| {
        fs::set_permissions(workspace.path(name), fs::Permissions::from_mode(mode)).expect("permissions");
    };
    mode("main.tf", 0o640);
    mode("locked.tf", 0o444);
    let said = countersign(&workspace, &["check", "--fix"]);
    assert_eq!(fs::metadata(workspace.path("main.tf")).expect("there").permissions().mode() & 0o777, 0o640);
    assert_eq!(workspace.read("main.tf"), PUBLIC.replace("true", "false"));
    assert_eq!((workspace.read("locked.tf").as_str(), said.code), (PUBLIC, Some(2)));
    assert!(said.stderr.contains("locked.tf: may not be written"), "{}", said.stderr);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outside = files(&[("other.tf", PUBLIC)]);
    let workspace = Workspace::new();
    std::os::unix::fs::symlink(outside.path("other.tf"), workspace.path("link.tf")).expect("a link");
    std::os::unix::fs::symlink(outside.root(), workspace.path("folder")).expect("a link");
    assert_eq!(countersign(&workspace, &["check", "--fix"]).code, Some(0), "a search passes over links");
    let said = countersign(&workspace, &["check", "--fix", "link.tf"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("link.tf: is a link, which --fix does not follow"), "{}", said.stderr);
    assert_eq!(outside.read("other.tf"), PUBLIC);
    assert!(workspace.path("link.tf").is_symlink());
}

/// The examples of all rules, one file each.
pub(crate) fn examples() -> Workspace {
    let workspace = Workspace::new();
    let rules = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules"));
    for area in fs::read_dir(rules).expect("rules").flatten().filter(|area| area.path().is_dir()) {
        for rule in fs::read_dir(area.path()).expect("an area").flatten() {
            let text = fs::read_to_string(rule.path()).expect("a rule");
            for (index, example) in text.split("```hcl\n").skip(1).enumerate() {
                let example: String = example
                    .split("```")
                    .next()
                    .unwrap_or_default()
                    .split_inclusive('\n')
                    .filter(|line| !line.trim_end().ends_with("^ expect"))
                    .collect();
                let name = rule.file_name().to_string_lossy().replace(".md", "");
                workspace.write(&format!("{name}-{index}/main.tf"), &example);
            }
        }
    }
    workspace
}

#[test]
fn no_example_of_a_rule_is_broken_and_no_fix_adds_a_finding() {
    let workspace = examples();
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_hcl::LANGUAGE.into()).expect("the grammar");
    let mut errors = || {
        let files = fs::read_dir(workspace.root()).expect("a folder").flatten();
        let mut broken: Vec<_> = files
            .filter(|file| {
                let text = fs::read_to_string(file.path().join("main.tf")).expect("text");
                parser.parse(text, None).expect("a tree").root_node().has_error()
            })
            .map(|file| file.file_name())
            .collect();
        broken.sort();
        broken
    };
    let broken = errors();
    let (before, _) = report(&workspace, &[]);
    let fixable = before["findings"].as_array().expect("findings").iter().filter(|f| f.get("fix").is_some()).count();
    let (after, _) = report(&workspace, &["--fix"]);
    assert!(fixable > 10, "{fixable}");
    assert_eq!(after["problems"], serde_json::json!([]));
    assert_eq!(errors(), broken);
    let mut known = findings(&before);
    for finding in findings(&after) {
        let at = known.iter().position(|known| *known == finding);
        known.remove(at.unwrap_or_else(|| panic!("{finding:?} is new")));
    }
    assert!(known.len() >= fixable, "{} of {fixable} fixed", known.len());
    let left = after["findings"].as_array().expect("findings").iter().filter(|f| f.get("fix").is_some()).count();
    assert_eq!(left, 0, "what can be fixed is fixed");
    let (again, _) = report(&workspace, &["--fix"]);
    assert_eq!(again["findings"], after["findings"], "a second time changes nothing");
}

#[test]
fn what_is_left_out_of_a_template_is_added_as_its_neighbours_are_written() {
    let cases = [
        (
            "k.yaml",
            "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      KeyPolicy:\n        Statement: [] # none\n\n    # kept\n    DeletionPolicy: Retain\n  T:\n    Type: AWS::SNS::Topic\n",
            "Statement: [] # none\n      EnableKeyRotation: true\n",
        ),
        (
            "crlf.yaml",
            "Resources:\r\n  K:\r\n    DeletionPolicy: Retain\r\n    Type: AWS::KMS::Key\r\n    Properties:\r\n      Description: |\r\n        one\r\n\r\n        two\r\n",
            "        two\r\n      EnableKeyRotation: true\r\n",
        ),
        (
            "flow.yaml",
            "Resources:\n  K: { Type: AWS::KMS::Key, Properties: { Description: k, KeyPolicy: {} } }\n",
            "KeyPolicy: {}, EnableKeyRotation: true } }\n",
        ),
        (
            "k.json",
            "{\n  \"Resources\": {\n    \"K\": {\n      \"Type\": \"AWS::KMS::Key\",\n      \"Properties\": {\n        \"Description\": \"k\"\n      }\n    }\n  }\n}\n",
            "        \"Description\": \"k\",\n        \"EnableKeyRotation\": true\n      }\n",
        ),
        (
            "line.json",
            "{\"Resources\": {\"K\": {\"Properties\": {\"Description\": \"k\"}, \"Type\": \"AWS::KMS::Key\"}}}\n",
            "{\"Description\": \"k\", \"EnableKeyRotation\": true}, ",
        ),
        (
            "alias.yaml",
            "Resources:\n  K:\n    Metadata: &same\n      Description: k\n    Type: AWS::KMS::Key\n    Properties:\n      KeyPolicy: *same # so\n",
            "KeyPolicy: *same # so\n      EnableKeyRotation: true\n",
        ),
        (
            "merged.yaml",
            "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Metadata: &same\n      Description: k\n    Properties:\n      PendingWindowInDays: 30\n      <<: *same",
            "PendingWindowInDays: 30\n      EnableKeyRotation: true\n      <<: *same",
        ),
    ];
    for (name, text, expected) in cases {
        let workspace = files(&[(name, text)]);
        let said = countersign(&workspace, &["check", "--fix", name]);
        assert!(said.code.is_some_and(|code| code < 2), "{name}: {}", said.stderr);
        let after = workspace.read(name);
        assert!(after.contains(expected), "{name}: {after}\n{}", said.stdout);
        assert_eq!(after.matches("EnableKeyRotation").count(), 1, "{name}: {after}");
        let (still, _) = report(&workspace, &[name]);
        assert!(!findings(&still).iter().any(|(_, risk, _)| *risk == "key-rotation-off"), "{name}: {still}");
    }
}

#[test]
fn what_may_stand_elsewhere_too_is_not_added_to() {
    let cases = [
        // Something else says the same.
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Metadata: &same\n      Description: k\n    Properties: *same\n",
        // The empty lines are a part of the text.
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      Description: |+\n        one\n\n",
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      KeyPolicy:\n        Id: |+\n          one\n\n",
        // The last line would end otherwise.
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      Description: |\n        one",
        // The last line is a part of the text, or a comment.
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      KeyPolicy:\n        - Fn::If:\n            - A\n            # b\n",
        // Nobody knows what a template puts there.
        "Resources:\n  K:\n    Type: AWS::KMS::Key\n    Properties:\n      Description: \"{{ name }}\"\n",
    ];
    for text in cases {
        let workspace = files(&[("k.yaml", text)]);
        let said = countersign(&workspace, &["check", "--fix"]);
        assert!(said.stdout.contains("key-rotation-off"), "{}", said.stdout);
        assert_eq!(workspace.read("k.yaml"), text);
    }
}
