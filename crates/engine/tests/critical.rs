//! What is said of text in a file that a team calls critical: who wrote it.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{Change, Document, Evidence, Finding, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Config, Origin, Surface};
use countersign_provenance::{self as provenance, Agent, Means};
use countersign_syntax::Budget;
use countersign_text::Text;
use proptest::prelude::*;
use std::ops::Range;

fn policy() -> Policy {
    let (config, problems) = Config::read("[[tier]]\npaths = [\"src/**\"]\ntier = \"critical\"\n");
    assert_eq!(problems, []);
    let policy = Policy::new(&config, Surface::Editor, jiff::civil::date(2026, 1, 1));
    Policy { root: "/shop".to_owned(), ..policy }
}

fn document(file: &str, text: &str) -> Document {
    let snapshot = Snapshot { file: format!("/shop/{file}").into(), ..Snapshot::new(Language::Plain, 0, text) };
    Document::of(snapshot)
}

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    analyze_alone(snapshot, &policy(), &mut Budget::unbounded()).expect("unbounded").findings
}

/// Risk, writer and underlined text.
fn short(document: &mut Document) -> Vec<(&'static str, Origin, String)> {
    let snapshot = document.snapshot().clone();
    let found = findings(&snapshot).into_iter();
    found.map(|finding| (finding.risk, finding.origin.by, snapshot.text.slice(finding.range))).collect()
}

fn change(document: &mut Document, range: Range<usize>, text: &str) {
    let change = Change { range: Some(range), text: text.to_owned() };
    document.change(document.version() + 1, [change], |_: &Text, change| change);
}

fn by(writer: provenance::Writer) -> provenance::Origin {
    let authority = provenance::Authority::Observed;
    provenance::Origin { writer, authority, means: None, corrects: None }
}

fn agent() -> provenance::Writer {
    provenance::Writer::Ai(Agent { tool: "claude".to_owned(), model: None, session: None })
}

/// Somebody types or inserts a text, and it is known who.
fn insert(document: &mut Document, at: usize, text: &str, writer: provenance::Writer) {
    change(document, at..at, text);
    let evidence = Evidence { origin: Some(by(writer)), means: Means::Agent };
    let range = at..at + text.len();
    document.evidence(document.version(), evidence, Box::new(move |_| vec![range.clone()]));
}

#[test]
fn each_run_of_lines_of_an_ai_is_one_finding() {
    let mut document = document("src/total.py", "a = 1\n\nz = 9\n");
    assert_eq!(short(&mut document), []);
    insert(&mut document, 6, "b = 2\nc = 3\n", agent());
    insert(&mut document, 18, "d = 4\n", agent());
    assert_eq!(short(&mut document), [("ai-in-critical-place", Origin::Ai, "b = 2".to_owned())]);
    // Somebody else's line between them parts them; a word does not.
    change(&mut document, 12..12, "x = 0\n");
    let ai = |origin, text: &str| ("ai-in-critical-place", origin, text.to_owned());
    let nobody = |text: &str| ("unknown-in-critical-place", Origin::Unknown, text.to_owned());
    assert_eq!(short(&mut document), [ai(Origin::Ai, "b = 2"), nobody("x = 0"), ai(Origin::Ai, "c = 3")]);
    change(&mut document, 12..18, "");
    change(&mut document, 10..10, "1 + ");
    let found = short(&mut document);
    assert_eq!(found.iter().map(|(_, by, _)| *by).collect::<Vec<_>>(), [Origin::Mixed, Origin::Unknown]);
    let messages: Vec<_> = findings(document.snapshot()).iter().map(|finding| finding.message.to_string()).collect();
    assert!(messages[0].contains("An AI wrote part of these 3 lines"), "{messages:?}");
    assert!(!messages[1].contains("AI"), "{messages:?}");
}

#[test]
fn what_is_new_and_nobodys_is_one_finding() {
    let mut document = document("src/total.py", "a = 1\n");
    change(&mut document, 6..6, "b = 2\n\n    \n");
    assert_eq!(short(&mut document), [("unknown-in-critical-place", Origin::Unknown, "b = 2".to_owned())]);
    change(&mut document, 0..0, "c = 3\n");
    assert_eq!(short(&mut document), [("unknown-in-critical-place", Origin::Unknown, "c = 3".to_owned())]);
    insert(&mut document, 0, "d = 4\n", provenance::Writer::Human);
    assert_eq!(short(&mut document).len(), 1, "a person's is said of nobody");
    let message = findings(document.snapshot())[0].message.to_string();
    assert!(message.contains("2 lines, this one and others below"), "{message}");
}

#[test]
fn white_space_is_nobodys_business() {
    let mut document = document("src/total.py", "a = 1\n");
    insert(&mut document, 6, "\n  \n", agent());
    change(&mut document, 0..0, "\n");
    assert_eq!(short(&mut document), []);
}

#[test]
fn tags_declare_it() {
    let text = "a = 1\n# ai-provenance: begin id=s_1 tool=claude\nb = 2\n# ai-provenance: end id=s_1\nc = 3\n";
    let mut tagged = document("src/total.py", text);
    assert_eq!(short(&mut tagged), [("ai-in-critical-place", Origin::Ai, "b = 2".to_owned())]);
    let mut new = document("src/total.py", "");
    change(&mut new, 0..0, text);
    let risks: Vec<_> = short(&mut new).into_iter().map(|(risk, _, text)| (risk, text)).collect();
    let expected = [("unknown-in-critical-place", "a = 1"), ("ai-in-critical-place", "b = 2")];
    assert_eq!(risks, expected.map(|(risk, text)| (risk, text.to_owned())));
}

#[test]
fn other_files_and_languages() {
    let mut other = document("lib/total.py", "");
    insert(&mut other, 0, "b = 2\n", agent());
    assert_eq!(short(&mut other), []);
    let snapshot =
        Snapshot { file: "/shop/src/main.tf".into(), ..Snapshot::new(Language::Terraform, 0, "locals {}\n") };
    let mut parsed = Document::of(snapshot);
    insert(&mut parsed, 10, "locals {\n  a = 1\n}\n", agent());
    assert_eq!(short(&mut parsed), [("ai-in-critical-place", Origin::Ai, "locals {".to_owned())]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn after_any_edits_it_is_what_is_said_from_scratch(
        edits in prop::collection::vec((0usize..200, 0usize..20, "([a-c =ä]{0,5}\n){0,3}", 0u8..3), 1..25),
    ) {
        let mut document = document("src/total.py", "a = 1\nb = 2\n\nc = 3\n");
        for (start, removed, text, writer) in edits {
            let range = document.text().clamp(start.min(document.text().len())..start + removed);
            change(&mut document, range.clone(), "");
            match writer {
                0 => change(&mut document, range.start..range.start, &text),
                1 => insert(&mut document, range.start, &text, agent()),
                _ => insert(&mut document, range.start, &text, provenance::Writer::Human),
            }
            let edited = document.snapshot().clone();
            let scratch = Snapshot {
                file: edited.file.clone(),
                regions: edited.regions.clone(),
                changed: edited.changed.clone(),
                ..Snapshot::new(Language::Plain, edited.version, &edited.text.to_string())
            };
            prop_assert_eq!(findings(&edited), findings(&scratch));
            for finding in findings(&edited) {
                let text = edited.text.slice(finding.range.clone());
                prop_assert!(!text.trim().is_empty() && !text.contains('\n'), "{text:?}");
                let is_of_ai = finding.causes.iter().all(|cause| {
                    edited.regions.pieces(cause.clone()).any(|piece| piece.origin.is_ai())
                });
                prop_assert_eq!(is_of_ai, finding.risk == "ai-in-critical-place");
            }
        }
    }
}
