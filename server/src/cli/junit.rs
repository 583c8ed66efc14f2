//! `JUnit`: findings as failed tests.

use super::catalogue::severity;
use super::report::{Checked, Report};
use crate::disk;
use std::collections::HashMap;
use std::fmt::Write;

/// The whole document.
pub(super) fn suites(report: &Report) -> String {
    let problems = report.problems.len();
    let failures = report.findings().count();
    let tests = report.files.iter().map(|file| file.findings.len().max(1)).sum::<usize>() + problems;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"countersign\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{problems}\" time=\"{:.3}\">",
        report.took.as_secs_f64()
    );
    for file in &report.files {
        suite(&mut out, file);
    }
    if problems > 0 {
        let _ = writeln!(
            out,
            "  <testsuite name=\"not checked\" tests=\"{problems}\" failures=\"0\" errors=\"{problems}\" time=\"0\">"
        );
        for problem in &report.problems {
            let (path, message) = (escaped(&problem.path), escaped(&problem.message));
            let _ = writeln!(
                out,
                "    <testcase classname=\"{path}\" name=\"is read\" time=\"0\"><error type=\"problem\" message=\"{message}\"/></testcase>"
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, file: &Checked) {
    let path = escaped(&disk::display(&file.path));
    let failures = file.findings.len();
    let tests = failures.max(1);
    let _ = writeln!(
        out,
        "  <testsuite name=\"{path}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"0\">"
    );
    if file.findings.is_empty() {
        let _ = writeln!(out, "    <testcase classname=\"{path}\" name=\"no findings\" time=\"0\"/>");
    }
    // Two tests of one name would be taken for one.
    let mut names: HashMap<String, usize> = HashMap::new();
    for finding in file.findings.iter().map(|found| &found.json) {
        let address = finding.resource.as_ref().map(|resource| format!(" {}", resource.address)).unwrap_or_default();
        let mut name = format!("{}{address}", finding.risk);
        let count = names.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let _ = write!(name, " #{count}");
        }
        let place = format!("{}:{}:{}", finding.path, finding.range.start.line + 1, finding.range.start.character + 1);
        let _ = writeln!(
            out,
            "    <testcase classname=\"{path}\" name=\"{}\" time=\"0\"><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
            escaped(&name),
            severity(finding.severity),
            escaped(&finding.message),
            escaped(&format!("{place}\n{}\n{}", finding.message, finding.help)),
        );
    }
    out.push_str("  </testsuite>\n");
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
