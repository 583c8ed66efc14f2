//! What a check found, and the formats that it is printed in: one file a format beside this one.

use super::baseline::Fingerprint;
use super::{github, gitlab, human, junit, sarif};
use crate::disk;
use countersign_engine::report::{FORMAT_VERSION, JsonFinding, JsonGap, JsonProblem, JsonReport};
use countersign_policy::Catalogue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// For programs; `countersign schema findings` prints the schema.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// `JUnit`'s XML, for whatever shows the results of tests.
    Junit,
}

/// What was found in all files.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// In order of their paths, also those without findings.
    pub(super) files: Vec<Checked>,
    /// What could not be looked at.
    pub(super) problems: Vec<JsonProblem>,
    /// How many findings were fixed, or would be.
    pub(super) fixed: usize,
    /// Whether nothing was written.
    pub(super) dry_run: bool,
    /// Entries of the baseline that no longer occur.
    pub(super) outdated: usize,
    /// Findings that exceptions of policies took away, where all files are looked at at once.
    pub(super) excepted: usize,
    /// How long it took.
    pub(super) took: Duration,
}

/// What was found in one file.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The file, as given or found.
    pub(super) path: PathBuf,
    /// In order of the text.
    pub(super) findings: Vec<Found>,
    /// How many findings a suppression took away.
    pub(super) suppressed: usize,
    /// How many findings the baseline knows.
    pub(super) known: usize,
    /// What could not be decided, where that was asked for.
    pub(super) gaps: Option<Vec<JsonGap>>,
    /// Why it could not be looked at, or not be changed.
    pub(super) problem: Option<JsonProblem>,
    /// The risks that were looked for; those that come with Countersign where it says nothing.
    pub(super) catalogue: Option<Arc<Catalogue>>,
}

/// One finding.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) json: JsonFinding,
    /// What tells it from others of the file, wherever it stands.
    pub(super) fingerprint: Fingerprint,
    /// As people see it; empty where nobody looks.
    pub(super) shown: String,
}

impl Report {
    /// All findings, by path and place.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Found> {
        self.files.iter().flat_map(|file| &file.findings)
    }

    /// The report in a format, ending with a line break.
    pub(super) fn render(&self, format: Format) -> anyhow::Result<String> {
        Ok(match format {
            Format::Human => human::report(self),
            Format::Json => {
                let findings = self.findings().map(|found| found.json.clone()).collect();
                let undecided: Vec<_> = self.files.iter().filter_map(|file| file.gaps.clone()).flatten().collect();
                let asked = self.files.iter().any(|file| file.gaps.is_some());
                let report = JsonReport {
                    version: FORMAT_VERSION,
                    findings,
                    undecided: asked.then_some(undecided),
                    problems: self.problems.clone(),
                };
                format!("{}\n", serde_json::to_string_pretty(&report)?)
            }
            Format::Sarif => format!("{}\n", serde_json::to_string_pretty(&sarif::log(self, &Root::here()))?),
            Format::Github => github::commands(self, &Root::here()),
            Format::Gitlab => format!("{}\n", serde_json::to_string_pretty(&gitlab::issues(self, &Root::here()))?),
            Format::Junit => junit::suites(self),
        })
    }
}

/// The folder that others take paths from: the root of the repository, outside of git where the command runs.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn here() -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let root = crate::git::work_tree(&here.join("-")).unwrap_or(here);
        Self(root.canonicalize().unwrap_or(root))
    }

    /// A path from there, with forward slashes; nothing for what stands elsewhere.
    pub(super) fn relative(&self, path: &Path) -> Option<String> {
        let absolute = absolute(path)?;
        absolute.strip_prefix(&self.0).ok().map(disk::display)
    }
}

/// A path from the disk's root. Links on the way are followed, the file itself may be one.
pub(super) fn absolute(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    match (absolute.parent().and_then(|folder| folder.canonicalize().ok()), absolute.file_name()) {
        (Some(folder), Some(name)) => Some(folder.join(name)),
        _ => Some(absolute),
    }
}
