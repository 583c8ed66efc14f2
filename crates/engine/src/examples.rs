//! The examples in a risk's file, held against what is seen in them: flagged places exactly, silence, and what the fixes make.

use crate::analysis::{Analysis, Policy, analyze_alone};
use crate::document::Snapshot;
use countersign_grammars::Language;
use countersign_policy::{Risk, RiskDocument};
use countersign_syntax::Budget;
use std::ops::Range;

/// An example that does not do what the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Bytes of the document's body.
    pub range: Range<usize>,
    /// What is so and what was said.
    pub message: String,
}

/// A fenced example.
struct Example<'a> {
    language: Language,
    text: &'a str,
    /// Where it stands in the body.
    start: usize,
}

/// An example without its marks.
struct Marked {
    text: String,
    /// The places that are expected.
    expected: Vec<Range<usize>>,
    /// Where each line of the text starts in the body.
    lines: Vec<usize>,
}

impl Marked {
    fn of(example: &Example<'_>) -> Self {
        let mut marked = Self { text: String::new(), expected: Vec::new(), lines: Vec::new() };
        let (mut at, mut last_line) = (example.start, 0);
        for line in example.text.split_inclusive('\n') {
            if let Some((column, carets)) = mark(line) {
                marked.expected.push(last_line + column..last_line + column + carets);
            } else {
                last_line = marked.text.len();
                marked.text.push_str(line);
                marked.lines.push(at);
            }
            at += line.len();
        }
        marked.expected.sort_by_key(|range| (range.start, range.end));
        marked
    }

    /// The place in the body of a place in the text.
    fn in_body(&self, range: &Range<usize>) -> Range<usize> {
        let place = |offset: usize| {
            let before = self.text.get(..offset).unwrap_or(&self.text);
            let line = before.matches('\n').count();
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
            self.lines.get(line).map_or(0, |start| start + column)
        };
        let start = place(range.start);
        start..place(range.end).max(start)
    }
}

/// Where the carets of a mark begin and how many they are: a comment with carets and `expect`.
fn mark(line: &str) -> Option<(usize, usize)> {
    let comment = line.trim_start();
    let comment = ["#", "--", "//"].iter().find_map(|sign| comment.strip_prefix(sign))?;
    let carets = comment.trim().strip_suffix("expect")?.trim();
    (!carets.is_empty() && carets.bytes().all(|b| b == b'^')).then_some(())?;
    Some((line.find('^')?, carets.len()))
}

/// What of the examples in a file is not as it says. `policy` has the risk among those that it looks for.
pub fn failed_examples(document: &RiskDocument, policy: &Policy) -> Vec<Failed> {
    let (risk, body) = (&document.risk, document.body.as_str());
    let mut failed = Vec::new();
    for section in ["Flagged", "Not flagged"] {
        let (examples, whole) = examples(body, section, &mut failed);
        if examples.is_empty() {
            let message = format!(
                "`## {section}` has no example; write one between lines of three backticks, after `hcl` or `yaml`"
            );
            failed.push(Failed { range: whole, message });
        }
        for (nth, example) in examples.iter().enumerate() {
            let marked = Marked::of(example);
            if section == "Not flagged" && !marked.expected.is_empty() {
                let message = "this is marked, and in `## Not flagged` nothing is seen; move it to `## Flagged`";
                failed.push(Failed { range: marked.in_body(&marked.expected[0]), message: message.to_owned() });
                continue;
            }
            hold(example.language, &marked, (risk, policy), &mut failed);
            if nth == 0 && section == "Flagged" {
                if marked.expected.is_empty() {
                    let message = "nothing is marked here; put a comment with carets and `expect` below what is seen";
                    let first_line = example.text.lines().next().unwrap_or_default().len();
                    failed
                        .push(Failed { range: example.start..example.start + first_line, message: message.to_owned() });
                }
                hold_fixes(example, &marked, (risk, policy), body, &mut failed);
            }
        }
    }
    failed.sort_by_key(|failed| failed.range.start);
    failed
}

/// Holds what is seen in one example against its marks, and the fixes against what they must not do.
fn hold(language: Language, marked: &Marked, (risk, policy): (&Risk, &Policy), failed: &mut Vec<Failed>) {
    let before = analysis(language, &marked.text, policy);
    let found: Vec<_> = of_risk(&before, &risk.id);
    for range in found.iter().filter(|range| !marked.expected.contains(range)) {
        let message = format!("`{}` is seen here, and is not expected: {}", risk.id, shown(risk, &marked.text, range));
        failed.push(Failed { range: marked.in_body(range), message });
    }
    for range in marked.expected.iter().filter(|range| !found.contains(range)) {
        let message = format!("`{}` is expected here, and is not seen: {}", risk.id, shown(risk, &marked.text, range));
        failed.push(Failed { range: marked.in_body(range), message });
    }
    let after = analysis(language, &fixed(language, &marked.text, &risk.id, policy), policy);
    if after.findings.len() > before.findings.len() {
        let message = "the fix of this risk leaves more findings behind than there were".to_owned();
        failed.push(Failed { range: marked.in_body(&(0..0)), message });
    }
}

/// Holds what the fixes make of the first flagged example against the section `## Fixed`.
fn hold_fixes(
    example: &Example<'_>,
    marked: &Marked,
    (risk, policy): (&Risk, &Policy),
    body: &str,
    failed: &mut Vec<Failed>,
) {
    let made = fixed(example.language, &marked.text, &risk.id, policy);
    let mut ignored = Vec::new();
    let (examples, whole) = examples(body, "Fixed", &mut ignored);
    match examples.first() {
        Some(expected) if made != expected.text => {
            let range = expected.start..expected.start + expected.text.trim_end().len();
            failed.push(Failed { range, message: format!("the fixes make of the first flagged example:\n{made}") });
        }
        None if made != marked.text => {
            let message = format!(
                "there is a fix, so write `## Fixed` after `## Not flagged`, with what it makes of the first example:\n{made}"
            );
            failed.push(Failed { range: whole, message });
        }
        _ => {}
    }
}

/// The fenced examples of one section, and where the section is: its heading, else the end of the body.
fn examples<'a>(body: &'a str, section: &str, failed: &mut Vec<Failed>) -> (Vec<Example<'a>>, Range<usize>) {
    let heading = format!("## {section}");
    let mut examples = Vec::new();
    let (mut inside, mut whole) = (false, body.len()..body.len());
    let mut open: Option<(Option<Language>, usize)> = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let trimmed = line.trim_end();
        let range = at..at + trimmed.len();
        at += line.len();
        match (trimmed.strip_prefix("```"), open) {
            (Some(_), Some((language, start))) => {
                let text = body.get(start..range.start).unwrap_or_default();
                examples.extend(language.map(|language| Example { language, text, start }));
                open = None;
            }
            (Some(name), None) if inside => {
                let language = Language::of_id(name.trim());
                if language.is_none() {
                    let message = format!(
                        "`{}` is no language that is read; write for instance `hcl`, `yaml` or `json`",
                        name.trim()
                    );
                    failed.push(Failed { range, message });
                }
                // Terragrunt's files are HCL as well, and no example is one.
                let language = language.map(|it| if it == Language::Terragrunt { Language::Terraform } else { it });
                open = Some((language, at));
            }
            // Of another section.
            (Some(_), None) => open = Some((None, at)),
            (None, None) if trimmed.starts_with("## ") => {
                inside = trimmed == heading;
                if inside {
                    whole = range;
                }
            }
            (None, _) => {}
        }
    }
    (examples, whole)
}

fn analysis(language: Language, text: &str, policy: &Policy) -> Analysis {
    analyze_alone(&Snapshot::new(language, 0, text), policy, &mut Budget::unbounded()).unwrap_or_default()
}

/// Where a risk is seen, in order of the text.
fn of_risk(analysis: &Analysis, id: &str) -> Vec<Range<usize>> {
    let of_it = analysis.findings.iter().filter(|finding| finding.risk == id);
    let mut found: Vec<_> = of_it.map(|finding| finding.range.clone()).collect();
    found.sort_by_key(|range| (range.start, range.end));
    found
}

/// The text after all fixes of one risk.
fn fixed(language: Language, text: &str, id: &str, policy: &Policy) -> String {
    let mut text = text.to_owned();
    let found = analysis(language, &text, policy).findings.into_iter().filter(|finding| finding.risk == id);
    let mut fixes: Vec<_> = found.filter_map(|finding| finding.fix).collect();
    fixes.sort_by_key(|fix| fix.range.start);
    for fix in fixes.into_iter().rev() {
        text.replace_range(fix.range, &fix.text);
    }
    text
}

/// Longest text of an example that a message shows, in characters.
const SHOWN: usize = 60;

fn shown(risk: &Risk, text: &str, range: &Range<usize>) -> String {
    if risk.secret {
        return "a secret".to_owned();
    }
    let text = text.get(range.clone()).unwrap_or_default();
    let mut shown: String = text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
