//! Suppressions that stand in the code for other tools.

use crate::cli::{countersign, files, findings, report};

/// `database-public` is Checkov's `CKV_AWS_17`.
const DATABASE: &str = "resource \"aws_db_instance\" \"db\" {\n  publicly_accessible = true\n}\n";

/// How many findings of `database-public` a text has, and what else is told.
fn told(text: &str, arguments: &[&str]) -> (usize, Vec<String>) {
    let workspace = files(&[("main.tf", text)]);
    let (report, _) = report(&workspace, arguments);
    let (public, other): (Vec<_>, Vec<_>) =
        findings(&report).into_iter().map(|(_, risk, _)| risk.to_owned()).partition(|risk| risk == "database-public");
    (public.len(), other.into_iter().filter(|risk| risk.contains("suppression")).collect())
}

fn inside(comment: &str) -> String {
    DATABASE.replace("{\n", &format!("{{\n  {comment}\n"))
}

#[test]
fn comments_for_other_tools_are_heeded_where_they_would_be() {
    let above = |comment: &str| format!("{comment}\n{DATABASE}");
    let last = DATABASE.replace("}\n", "  # checkov:skip=CKV_AWS_17\n}\n");
    for (text, left) in [
        (inside("#checkov:skip=CKV_AWS_17:a honeypot"), 0),
        (last, 0),
        (inside("# checkov:skip=CKV_AWS_20:another check"), 1),
        (above("#checkov:skip=CKV_AWS_17:not in the block"), 1),
        (above("# kics-scan ignore-block"), 0),
        (inside("# kics-scan ignore-line"), 0),
        (above("# kics-scan ignore-line"), 1),
        (above("# Copyright\n\n# kics-scan ignore"), 0),
        (inside("# kics-scan ignore"), 1),
        (format!("locals {{}}\n# kics-scan ignore\n{DATABASE}"), 1),
        (above("#trivy:ignore:AVD-AWS-0180"), 0),
        (above("# trivy:ignore:aws-0180:exp:2999-01-31"), 0),
        (inside("#tfsec:ignore:aws-s3-enable-versioning tfsec:ignore:aws-rds-*"), 0),
        (DATABASE.replace("= true", "= true #trivy:ignore:AVD-AWS-0180"), 0),
        (DATABASE.replace("}\n", "  name = \"x\" #trivy:ignore:AVD-AWS-0180\n}\n"), 1),
        (above("#trivy:ignore:*"), 0),
        (inside("# tfsec:ignore:*:exp:2999-01-31"), 0),
        (above("#trivy:ignore:AVD-AWS-9999"), 1),
        (above("#trivy:ignore:*:ws:dev"), 1),
    ] {
        assert_eq!(told(&text, &[]), (left, vec![]), "{text}");
    }
}

#[test]
fn an_expired_one_and_one_of_an_ai_have_no_effect_and_that_is_said() {
    let expired = format!("#trivy:ignore:AVD-AWS-0180:exp:2020-01-31\n{DATABASE}");
    assert_eq!(told(&expired, &[]), (1, vec!["suppression-without-effect".to_owned()]));
    let skip = inside("#checkov:skip=CKV_AWS_17:a honeypot");
    assert_eq!(told(&skip, &["--assume-origin", "ai"]), (1, vec!["suppression-without-effect".to_owned()]));
    assert_eq!(told(&inside("#checkov:skip=CKV_AWS_999"), &["--assume-origin", "ai"]), (1, vec![]), "not ours");
}

#[test]
fn they_are_counted_as_suppressed_and_can_be_turned_off() {
    let workspace = files(&[("main.tf", &inside("#checkov:skip=CKV_AWS_17"))]);
    let said = countersign(&workspace, &["check"]);
    assert!(said.stdout.contains(", 1 suppressed"), "{}", said.stdout);
    workspace.write("countersign.toml", "[suppressions]\npeers = false\n");
    let (report, _) = report(&workspace, &[]);
    assert!(findings(&report).iter().any(|(_, risk, _)| *risk == "database-public"));
}
