//! YAML and JSON of every format that is read, SQL, scripts, Dockerfiles: no panic, no abort of the grammar, places inside of the text and on the borders of characters,
//! and what is said after an edit equals what is said from scratch.
#![no_main]

use countersign_engine::{Change, Document, Finding, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use libfuzzer_sys::fuzz_target;

/// What a text is put behind, so that most of what the fuzzer finds out is read as something.
const HEADS: &[(Language, &str)] = &[
    (Language::Yaml, ""),
    (Language::Yaml, "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n"),
    (Language::Yaml, "kind: List\napiVersion: v1\nitems:\n"),
    (Language::Yaml, "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties:\n"),
    (Language::Yaml, "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"),
    (Language::Json, ""),
    (Language::Sql, ""),
    (Language::Sql, "CREATE TABLE a ();\nALTER TABLE b "),
    (Language::Sql, "DROP "),
    (Language::Shell, ""),
    (Language::Shell, "f() {\n  kubectl delete namespace \"$1\"\n}\nterraform "),
    (Language::Dockerfile, ""),
    (Language::Dockerfile, "FROM a AS b\nRUN <<E\nkubectl delete namespace c\nE\nRUN curl "),
    (Language::Yaml, "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          kubectl delete namespace "),
    (Language::Json, "{\n\"Resources\": {\n\"A\": {\"Type\": \"AWS::S3::Bucket\", \"Properties\": {"),
    (Language::ChartValues, ""),
    (Language::ChartValues, "image:\n  tag: &tag "),
];

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    analyze_alone(snapshot, &policy, &mut Budget::unbounded()).expect("unbounded").findings
}

fuzz_target!(|input: (u8, &str, u16, &str)| {
    let (head, text, at, typed) = input;
    let (language, head) = HEADS[usize::from(head) % HEADS.len()];
    let text = format!("{head}{text}");
    let mut document = Document::new(language, 0, &text);
    for finding in findings(document.snapshot()) {
        assert!(text.get(finding.range.clone()).is_some(), "{finding:?}");
    }
    let at = text.floor_char_boundary(usize::from(at));
    let change = Change { range: Some(at..at), text: typed.to_owned() };
    document.change(1, [change], |_, change| change);
    let mut edited = text;
    edited.insert_str(at, typed);
    assert_eq!(findings(document.snapshot()), findings(&Snapshot::new(language, 1, &edited)));
});
