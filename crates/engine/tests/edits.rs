//! Findings after any series of edits equal findings from scratch.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{Change, Document, Finding, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use proptest::prelude::*;

const FRAGMENTS: &[&str] = &[
    "resource \"aws_db_instance\" \"a\" {\n  publicly_accessible = true\n  storage_encrypted = true\n}\n",
    "resource \"aws_s3_bucket\" \"b\" {\n  force_destroy = true\n}\n",
    "  deletion_protection = false\n",
    "publicly_accessible = tru",
    "e\n",
    "# countersign: allow force-destroy reason=\"why\"\n",
    "# countersign: allow force-destroy\n",
    "# ai-provenance: begin id=s_1 tool=claude\n",
    "# ai-provenance: end id=s_1\n",
    "policy = <<EOF\n{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}\nEOF\n",
    "resource \"aws_iam_policy\" \"p\" {\n",
    "{",
    "}\n",
    "\"",
    "${",
    "/*",
    "*/",
    "é😀\r\n",
    "\n",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..8).prop_map(|parts| parts.concat())
}

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    // The command line does not look at what changed, which depends on the way to a text and not on the text.
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    analyze_alone(snapshot, &policy, &mut Budget::unbounded()).expect("unbounded").findings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn equal_from_scratch(
        first in text(),
        messages in prop::collection::vec(
            (prop::collection::vec((0usize..500, prop_oneof![4 => 0usize..5, 1 => 0usize..300], text()), 1..4), any::<bool>()),
            1..12,
        ),
    ) {
        let mut document = Document::new(Language::Terraform, 0, &first);
        let mut model = first;
        for (version, (changes, look)) in (1..).zip(messages) {
            for (start, len, new) in &changes {
                let start = model.floor_char_boundary(*start);
                let end = model.floor_char_boundary(start + len).max(start);
                model.replace_range(start..end, new);
            }
            document.change(version, changes, |text, (start, len, new)| {
                let start = text.clamp(start..start).start;
                Change { range: Some(start..start + len), text: new }
            });
            prop_assert_eq!(document.text().to_string(), model.as_str());
            if look {
                let scratch = Snapshot::new(Language::Terraform, version, &model);
                prop_assert_eq!(findings(document.snapshot()), findings(&scratch));
            }
        }
        let scratch = Snapshot::new(Language::Terraform, 0, &model);
        prop_assert_eq!(findings(document.snapshot()), findings(&scratch));
    }
}

/// A fix takes its finding away, adds none, and leaves a text that still parses.
#[test]
fn fixes_fix() {
    let text = "resource \"aws_s3_bucket\" \"b\" { force_destroy = true }\nresource \"aws_kms_key\" \"k\" {}\nresource \"aws_db_instance\" \"d\" {\r\n  publicly_accessible = \"true\"\r\n}\r\n";
    let mut before = findings(&Snapshot::new(Language::Terraform, 0, text));
    while let Some(finding) = before.iter().find(|finding| finding.fix.is_some()).cloned() {
        let fix = finding.fix.clone().expect("a fix");
        let mut fixed = text.to_owned();
        fixed.replace_range(fix.range, &fix.text);
        let after = findings(&Snapshot::new(Language::Terraform, 0, &fixed));
        assert!(after.len() < findings(&Snapshot::new(Language::Terraform, 0, text)).len(), "{fixed}");
        before.retain(|other| other != &finding);
    }
}
