//! Every example in every risk's file does what the file says.

use countersign_engine::{Policy, failed_examples};
use countersign_policy::{Catalogue, Config, Surface};
use std::fmt::Write as _;

#[test]
fn examples() {
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    let mut failures = String::new();
    let documents = Catalogue::built_in().documents();
    assert!(documents.len() >= 150);
    for document in documents.iter().filter(|document| !document.risk.engine) {
        for failed in failed_examples(document, &policy) {
            let line = document.body[..failed.range.start].matches('\n').count() + 1;
            let _ = writeln!(failures, "{}, line {line} of the text: {}", document.risk.id, failed.message);
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
