//! `JUnit`: what was looked at as tests, what is wrong as their failures.

use super::catalogue::severity;
use super::checked::{Checked, Report};
use crate::disk;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// Tests that belong together.
pub(super) struct Suite {
    /// Its name.
    pub(super) name: String,
    /// In order.
    pub(super) cases: Vec<Case>,
}

/// One test.
pub(super) struct Case {
    /// What it is about, a file for instance.
    pub(super) class: String,
    /// What it says of that.
    pub(super) name: String,
    /// How it went.
    pub(super) outcome: Outcome,
}

/// How a test went.
pub(super) enum Outcome {
    Passed,
    /// What it looks at is wrong: a word for what, in one sentence, and at length.
    Failed(&'static str, String, String),
    /// It is wrong, and nothing follows from it.
    Skipped(String),
    /// It could not be looked at.
    Error(String),
}

impl Suite {
    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| is(&case.outcome)).count()
    }
}

/// The whole document of a check.
pub(super) fn suites(report: &Report) -> String {
    let mut suites: Vec<Suite> = report.files.iter().map(suite).collect();
    suites.extend(problems(report.problems.iter().map(|problem| (&*problem.path, &*problem.message))));
    document(&suites, report.took)
}

/// The whole document. `took` is how long all of it did.
pub(super) fn document(suites: &[Suite], took: Duration) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let sum = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let _ = writeln!(
        out,
        "<testsuites name=\"countersign\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">",
        sum(|suite| suite.cases.len()),
        sum(failed),
        sum(broken),
        took.as_secs_f64()
    );
    for suite in suites {
        let (tests, failures, errors) = (suite.cases.len(), failed(suite), broken(suite));
        let skipped = suite.count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\">",
            escaped(&suite.name)
        );
        for case in &suite.cases {
            write_case(&mut out, case);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// What could not be looked at, each a path and why; nothing where there is none.
pub(super) fn problems<'p>(problems: impl Iterator<Item = (&'p str, &'p str)>) -> Option<Suite> {
    let case = |(path, message): (&str, &str)| Case {
        class: path.to_owned(),
        name: "is read".to_owned(),
        outcome: Outcome::Error(message.to_owned()),
    };
    let cases: Vec<Case> = problems.map(case).collect();
    (!cases.is_empty()).then(|| Suite { name: "not checked".to_owned(), cases })
}

fn failed(suite: &Suite) -> usize {
    suite.count(|outcome| matches!(outcome, Outcome::Failed(..)))
}

fn broken(suite: &Suite) -> usize {
    suite.count(|outcome| matches!(outcome, Outcome::Error(_)))
}

fn write_case(out: &mut String, case: &Case) {
    let _ =
        write!(out, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", escaped(&case.class), escaped(&case.name));
    let _ = match &case.outcome {
        Outcome::Passed => writeln!(out, "/>"),
        Outcome::Failed(kind, message, text) => writeln!(
            out,
            "><failure type=\"{kind}\" message=\"{}\">{}</failure></testcase>",
            escaped(message),
            escaped(text)
        ),
        Outcome::Skipped(message) => writeln!(out, "><skipped message=\"{}\"/></testcase>", escaped(message)),
        Outcome::Error(message) => {
            writeln!(out, "><error type=\"problem\" message=\"{}\"/></testcase>", escaped(message))
        }
    };
}

fn suite(file: &Checked) -> Suite {
    let path = disk::display(&file.path);
    // Two tests of one name would be taken for one.
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut cases: Vec<Case> = Vec::new();
    for finding in file.findings.iter().map(|found| &found.json) {
        let address = finding.resource.as_ref().map(|resource| format!(" {}", resource.address)).unwrap_or_default();
        let mut name = format!("{}{address}", finding.risk);
        let count = names.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let _ = write!(name, " #{count}");
        }
        let place = format!("{}:{}:{}", finding.path, finding.range.start.line + 1, finding.range.start.character + 1);
        let text = format!("{place}\n{}\n{}", finding.message, finding.help);
        let outcome = Outcome::Failed(severity(finding.severity), finding.message.clone(), text);
        cases.push(Case { class: path.clone(), name, outcome });
    }
    if cases.is_empty() {
        cases.push(Case { class: path.clone(), name: "no findings".to_owned(), outcome: Outcome::Passed });
    }
    Suite { name: path, cases }
}

/// Text for XML, in an element or a quoted attribute. Characters that XML 1.0 has no way to write are named.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // As they are, a parser would turn these into blanks.
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if u32::from(c) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_form() {
        assert_eq!(
            escaped("<a b='\"&'>\u{1b}[0m\n\u{0}\u{ffff}é😀\u{85}"),
            "&lt;a b=&apos;&quot;&amp;&apos;&gt;\\u{1b}[0m&#10;\\u{0}\\u{ffff}é😀\u{85}"
        );
    }
}
