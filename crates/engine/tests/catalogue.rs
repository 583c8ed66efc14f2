//! Every example in every risk's file does what the file says: flagged places exactly, silence, and what the fixes make.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{Analysis, Policy, Snapshot, analyze_alone};
use countersign_grammars::Language;
use countersign_policy::{Catalogue, Config, RiskDocument, Surface};
use countersign_syntax::Budget;
use std::fmt::Write as _;
use std::ops::Range;

/// An example and its language.
type Example<'a> = (Language, &'a str);

/// The fenced examples of one section.
fn fences<'a>(document: &'a RiskDocument, section: &str) -> Vec<Example<'a>> {
    let heading = format!("## {section}");
    let Some(start) = document.body.lines().position(|line| line == heading) else {
        return Vec::new();
    };
    let lines: Vec<_> = document.body.lines().skip(start + 1).take_while(|line| !line.starts_with("## ")).collect();
    let text = lines.join("\n");
    let begin = lines.first().map_or(0, |line| line.as_ptr() as usize);
    let base = document.body.as_ptr() as usize;
    let area = &document.body[begin - base..begin - base + text.len()];
    let example = |fence: &'a str| {
        let (name, text) = fence.split_once('\n').expect("the name of a language");
        (Language::of_id(name).expect(name), text)
    };
    let examples = area.split("```").skip(1).step_by(2).map(example);
    // Terragrunt's files are HCL as well, and no example is one.
    examples
        .map(|(language, text)| (if language == Language::Terragrunt { Language::Terraform } else { language }, text))
        .collect()
}

/// Takes the marks out of an example: the text that is analysed, and the places that are expected.
fn marks(example: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut expected) = (String::new(), Vec::new());
    let mut last_line = 0;
    for line in example.split_inclusive('\n') {
        let mark = line.trim_start().strip_prefix('#').map(str::trim).and_then(|mark| mark.strip_suffix("expect"));
        if let Some(carets) =
            mark.map(str::trim).filter(|carets| !carets.is_empty() && carets.bytes().all(|b| b == b'^'))
        {
            let column = line.find('^').expect("carets");
            expected.push(last_line + column..last_line + column + carets.len());
        } else {
            last_line = text.len();
            text.push_str(line);
        }
    }
    (text, expected)
}

fn analysis(language: Language, text: &str) -> Analysis {
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    analyze_alone(&Snapshot::new(language, 0, text), &policy, &mut Budget::unbounded()).expect("unbounded")
}

/// The text after all fixes of one risk.
fn fixed(language: Language, text: &str, risk: &str) -> String {
    let mut text = text.to_owned();
    let mut fixes: Vec<_> = analysis(language, &text)
        .findings
        .into_iter()
        .filter(|finding| finding.risk == risk)
        .filter_map(|finding| finding.fix)
        .collect();
    fixes.sort_by_key(|fix| fix.range.start);
    for fix in fixes.into_iter().rev() {
        text.replace_range(fix.range, &fix.text);
    }
    text
}

fn show(text: &str, places: &[Range<usize>]) -> String {
    let mut out = String::new();
    for place in places {
        let line = text[..place.start].lines().count();
        let _ = writeln!(out, "  line {line}: {:?}", &text[place.clone()]);
    }
    out
}

#[test]
fn examples() {
    let mut failures = String::new();
    let catalogue = Catalogue::built_in();
    assert!(catalogue.documents().len() >= 15);
    for document in catalogue.documents().iter().filter(|document| !document.risk.engine) {
        let id = &document.risk.id;
        let flagged = fences(document, "Flagged");
        assert!(!flagged.is_empty() && !fences(document, "Not flagged").is_empty(), "{id} has examples");
        for (language, example) in flagged.iter().chain(&fences(document, "Not flagged")) {
            let (text, expected) = marks(example);
            let mut found: Vec<_> = analysis(*language, &text)
                .findings
                .into_iter()
                .filter(|finding| finding.risk == *id)
                .map(|finding| finding.range)
                .collect();
            found.sort_by_key(|range| (range.start, range.end));
            let mut expected = expected;
            expected.sort_by_key(|range| (range.start, range.end));
            if found != expected {
                let _ = write!(
                    failures,
                    "{id}:\n{text}expected\n{}found\n{}\n",
                    show(&text, &expected),
                    show(&text, &found)
                );
            }
            let after = analysis(*language, &fixed(*language, &text, id));
            let before = analysis(*language, &text);
            if after.findings.len() > before.findings.len() {
                let _ = writeln!(failures, "{id}: the fix of\n{text}adds a finding");
            }
        }
        let (first, _) = marks(flagged[0].1);
        let made = fixed(flagged[0].0, &first, id);
        match fences(document, "Fixed").first() {
            Some((_, expected)) if made != *expected => {
                let _ = write!(failures, "{id}: the fixes make\n{made}and not\n{expected}\n");
            }
            None if made != first => {
                let _ = write!(failures, "{id}: the fixes make this, and there is no section Fixed\n{made}");
            }
            _ => {}
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
