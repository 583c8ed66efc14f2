//! Edits of a document: no panic, and findings equal findings from scratch.
#![no_main]

use arbitrary::Arbitrary;
use countersign_engine::{Change, Document, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    text: String,
    edits: Vec<(u16, u16, String)>,
}

fuzz_target!(|input: Input| {
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    let findings = |snapshot: &Snapshot| analyze_alone(snapshot, &policy, &mut Budget::unbounded()).map(|analysis| analysis.findings);
    let mut document = Document::new(Language::Terraform, 0, &input.text);
    for (version, (start, len, text)) in (1..).zip(input.edits.into_iter().take(16)) {
        let start = usize::from(start);
        document.change(version, [()], |_, ()| Change { range: Some(start..start + usize::from(len)), text: text.clone() });
        let scratch = Snapshot::new(Language::Terraform, 0, &document.text().to_string());
        assert_eq!(findings(document.snapshot()), findings(&scratch));
    }
});
