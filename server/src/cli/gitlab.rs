//! What was found as a Code Quality report of GitLab: one array of objects, as
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format> has it. GitLab shows what is new of it in the merge
//! request, and knows it again by its fingerprint.

use super::checked::{Report, Root};
use countersign_policy::Severity;
use countersign_review::digest;
use serde::Serialize;
use std::path::Path;

/// One thing that is wrong.
#[derive(Serialize)]
pub(super) struct Issue {
    /// What is so and what to do.
    pub(super) description: String,
    /// The name of what found it.
    pub(super) check_name: String,
    /// What tells it from all others of the report, in this run and the next.
    pub(super) fingerprint: String,
    /// `info`, `minor`, `major`, `critical` or `blocker`.
    pub(super) severity: &'static str,
    /// Where it is.
    pub(super) location: Location,
}

/// Where something is.
#[derive(Serialize)]
pub(super) struct Location {
    /// From the root of the repository, without `./`.
    pub(super) path: String,
    /// Its lines.
    pub(super) lines: Lines,
}

/// Lines, from 1.
#[derive(Serialize)]
pub(super) struct Lines {
    pub(super) begin: usize,
    pub(super) end: usize,
}

impl Issue {
    /// A file that could not be looked at, or a line of it: `FILE:LINE`.
    pub(super) fn problem(path: &str, message: &str) -> Self {
        let line = path.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
        let (file, line) = line.unwrap_or((path, 1));
        Self {
            description: format!("{path}: {message}"),
            check_name: "not-read".to_owned(),
            fingerprint: fingerprint(&["not-read", path, message]),
            severity: "blocker",
            location: Location { path: file.to_owned(), lines: Lines { begin: line, end: line } },
        }
    }
}

/// One name for what is told apart by some texts.
pub(super) fn fingerprint(texts: &[&str]) -> String {
    digest(texts.join("\n").as_bytes())
}

/// The report of a check.
pub(super) fn issues(report: &Report, root: &Root) -> Vec<Issue> {
    let from_root = |path: &Path| root.relative(path).unwrap_or_else(|| crate::disk::display(path));
    let mut issues = Vec::new();
    for file in &report.files {
        let path = from_root(&file.path);
        for found in &file.findings {
            let finding = &found.json;
            issues.push(Issue {
                description: format!("{} {}", finding.message, finding.help),
                check_name: finding.risk.clone(),
                fingerprint: fingerprint(&[&path, &finding.risk, &found.fingerprint.for_others()]),
                severity: match finding.severity {
                    Severity::Critical => "critical",
                    Severity::High => "major",
                    Severity::Medium => "minor",
                    Severity::Low => "info",
                },
                location: Location {
                    path: path.clone(),
                    lines: Lines { begin: finding.range.start.line + 1, end: finding.range.end.line + 1 },
                },
            });
        }
    }
    issues.extend(
        report.problems.iter().map(|problem| Issue::problem(&from_root(Path::new(&problem.path)), &problem.message)),
    );
    issues
}
