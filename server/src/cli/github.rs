//! Findings as workflow commands of GitHub Actions. GitHub shows ten errors, ten warnings and ten notices of a step; the
//! others stand in its log.

use super::checked::{Report, Root};
use countersign_policy::Severity;
use std::fmt::Write;
use std::path::Path;

/// One command a finding or problem.
pub(super) fn commands(report: &Report, root: &Root) -> String {
    let mut out = String::new();
    for file in &report.files {
        for found in &file.findings {
            let finding = &found.json;
            let command = match finding.severity {
                Severity::Critical | Severity::High => "error",
                Severity::Medium => "warning",
                Severity::Low => "notice",
            };
            let path = root.relative(&file.path).unwrap_or_else(|| finding.path.clone());
            let (start, end) = (finding.range.start, finding.range.end);
            let _ =
                write!(out, "::{command} file={},line={},endLine={}", property(&path), start.line + 1, end.line + 1);
            // Columns are looked at within one line only.
            if start.line == end.line {
                let _ =
                    write!(out, ",col={},endColumn={}", start.character + 1, end.character.max(start.character + 1));
            }
            let text = format!("{}\n{}", finding.message, finding.help);
            let _ = writeln!(out, ",title={}::{}", property(&format!("countersign {}", finding.risk)), data(&text));
        }
    }
    for problem in &report.problems {
        let path = Path::new(&problem.path);
        let file = root.relative(path).filter(|_| path.is_file());
        let file = file.map(|path| format!("file={},", property(&path))).unwrap_or_default();
        let text = format!("{}: {}", problem.path, problem.message);
        let _ = writeln!(out, "::error {file}title=countersign::{}", data(&text));
    }
    out
}

/// Escapes the text of a command.
pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        assert_eq!(data("50% of\r\na: b, c"), "50%25 of%0D%0Aa: b, c");
        assert_eq!(property("a%b,c:d\n"), "a%25b%2Cc%3Ad%0A");
    }
}
