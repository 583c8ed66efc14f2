//! Findings after any series of edits equal findings from scratch.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{Change, Document, Finding, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use proptest::prelude::*;

const TERRAFORM: &[&str] = &[
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

const YAML: &[&str] = &[
    "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: a:latest\n",
    "apiVersion: apps/v1\nkind: Deployment\n",
    "      securityContext:\n        privileged: true\n",
    "  hostNetwork: tru",
    "e\n",
    "kind: List\napiVersion: v1\nitems:\n",
    "- apiVersion: v1\n  kind: Pod\n  spec: {hostPID: true}\n",
    "# countersign: allow image-unpinned reason=\"why\"\n",
    "# ai-provenance: begin id=s_1 tool=claude\n",
    "# ai-provenance: end id=s_1\n",
    "spec: &a\n  hostIPC: true\n",
    "<<: *a\n",
    "    - |\n      text {\n",
    "{{- if .x }}\n",
    "{{ .a",
    "}}",
    "{",
    "}\n",
    "[",
    "\"",
    "'",
    "\t",
    "é😀\r\n",
    "\n",
    "  ",
    "---\n",
];

const JSON: &[&str] = &[
    "{\n  \"AWSTemplateFormatVersion\": \"2010-09-09\",\n",
    "  \"Parameters\": {\"P\": {\"Type\": \"String\"}},\n",
    "  \"Resources\": {",
    "\n    \"Db\": {\n      \"Type\": \"AWS::RDS::DBInstance\",\n      \"Properties\": {\"PubliclyAccessible\": true}\n    },",
    "\n    \"Open\": {\"Type\": \"AWS::EC2::SecurityGroupIngress\", \"Properties\": {\"CidrIp\": \"0.0.0.0/0\"",
    "}}",
    "\n  },\n  \"Outputs\": {}\n}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"hostPID\": tru",
    "e",
    "\"Resources\":{\n",
    "\"Fn::Sub\": \"${P}\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "// x\n",
    "é😀\r\n",
    "\n",
    "  ",
];

const SHELL: &[&str] = &[
    "set -e\n",
    "terraform destroy -auto-approve\n",
    "terraform ",
    "kubectl delete namespace \"$1\"\n",
    "if a; then\n",
    "fi\n",
    "f() {\n",
    "}\n",
    "cat <<EOF\n",
    "EOF\n",
    "git push --force origin main\n",
    "curl https://a.example/b | sh\n",
    "# countersign: allow script-destroys reason=\"why\"\n",
    "# ai-provenance: begin id=s_1 tool=claude\n",
    "# ai-provenance: end id=s_1\n",
    "\\\n",
    "&&\n",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    ";",
    "\n",
];

const DOCKERFILE: &[&str] = &[
    "FROM node:latest AS a\n",
    "FROM a\n",
    "FROM debian:12.7\n",
    "ARG V=1\n",
    "USER root\n",
    "USER app\n",
    "COPY --from=a /b /c\n",
    "COPY --from=0 /b /c\n",
    "ENV DB_PASSWORD=tulip-4417-harbour\n",
    "RUN curl https://a.example/b | sh\n",
    "RUN kubectl delete namespace a \\\n",
    "  && b\n",
    "RUN <<EOF\n",
    "EOF\n",
    "# countersign: allow image-unpinned reason=\"why\"\n",
    "# ai-provenance: begin id=s_1 tool=claude\n",
    "# ai-provenance: end id=s_1\n",
    "# escape=`\n",
    "\\\n",
    "\"",
    "\n",
];

const SQL: &[&str] = &[
    "CREATE TABLE a (id bigint);\n",
    "ALTER TABLE a ADD COLUMN b text NOT NULL;\n",
    "ALTER TABLE b\n  DROP COLUMN c,\n  ADD COLUMN d uuid DEFAULT gen_random_uuid();\n",
    "CREATE INDEX i ON b (c);\n",
    "CREATE UNIQUE INDEX CONCURRENTLY j ON a (b)",
    "DELETE FROM a",
    " WHERE b = 1",
    "TRUNCATE a, b CASCADE;\n",
    "-- +goose Down\n",
    "-- +goose Up\n",
    "-- countersign: allow column-dropped reason=\"why\"\n",
    "-- ai-provenance: begin id=s_1 tool=claude\n",
    "-- ai-provenance: end id=s_1\n",
    "DROP TABLE `b`;\n",
    "CREATE FUNCTION f() AS $$ BEGIN DELETE FROM a; END $$;\n",
    "CREATE TRIGGER t BEGIN ",
    "END;\n",
    "DELIMITER //\n",
    "$$",
    "'",
    "\"",
    "`",
    "(",
    ")",
    ";",
    ",",
    "/*",
    "*/",
    "--",
    "é😀\r\n",
    "\n",
    "\n\nALTER ",
];

fn text(fragments: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(fragments), 0..8).prop_map(|parts| parts.concat())
}

/// Changes of a message, each of a range with what takes its place, and whether it is looked at what comes of them.
type Messages = Vec<(Vec<(usize, usize, String)>, bool)>;

fn messages(fragments: &'static [&'static str]) -> impl Strategy<Value = Messages> {
    let change = (0usize..500, prop_oneof![4 => 0usize..5, 1 => 0usize..300], text(fragments));
    prop::collection::vec((prop::collection::vec(change, 1..4), any::<bool>()), 1..12)
}

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    // The command line does not look at what changed, which depends on the way to a text and not on the text.
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    analyze_alone(snapshot, &policy, &mut Budget::unbounded()).expect("unbounded").findings
}

fn equal_from_scratch(language: Language, first: String, messages: Messages) -> Result<(), TestCaseError> {
    let mut document = Document::new(language, 0, &first);
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
            let scratch = Snapshot::new(language, version, &model);
            prop_assert_eq!(findings(document.snapshot()), findings(&scratch));
        }
    }
    let scratch = Snapshot::new(language, 0, &model);
    prop_assert_eq!(findings(document.snapshot()), findings(&scratch));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn terraform_equals_from_scratch(first in text(TERRAFORM), messages in messages(TERRAFORM)) {
        equal_from_scratch(Language::Terraform, first, messages)?;
    }

    #[test]
    fn yaml_equals_from_scratch(first in text(YAML), messages in messages(YAML)) {
        equal_from_scratch(Language::Yaml, first, messages)?;
    }

    #[test]
    fn values_equal_from_scratch(first in text(YAML), messages in messages(YAML)) {
        equal_from_scratch(Language::ChartValues, first, messages)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn json_equals_from_scratch(first in text(JSON), messages in messages(JSON)) {
        equal_from_scratch(Language::Json, first, messages)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn sql_equals_from_scratch(first in text(SQL), messages in messages(SQL)) {
        equal_from_scratch(Language::Sql, first, messages)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn scripts_equal_from_scratch(first in text(SHELL), messages in messages(SHELL)) {
        equal_from_scratch(Language::Shell, first, messages)?;
    }

    #[test]
    fn dockerfiles_equal_from_scratch(first in text(DOCKERFILE), messages in messages(DOCKERFILE)) {
        equal_from_scratch(Language::Dockerfile, first, messages)?;
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
