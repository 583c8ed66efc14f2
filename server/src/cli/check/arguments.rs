//! What `countersign check` is asked.

use super::rego::PolicyArguments;
use crate::cli::checked::Format;
use clap::{Args, ValueEnum};
use countersign_engine::report::JsonFinding;
use countersign_policy::{Severity, Verdict};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct CheckArguments {
    /// Files and folders. A folder is searched for files that Countersign reads, except what `.gitignore` and
    /// `files.exclude` in countersign.toml leave out.
    #[arg(default_value = ".")]
    pub(super) paths: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Write the report to this file instead of standard output, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Leave out the findings that this baseline knows; `countersign baseline write` writes one.
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Compare with this commit, branch or tag to see what is destroyed, replaced, interrupted or opened.
    ///
    /// Without it: with what `baseline` under `[impact]` in countersign.toml names, else with the commit at which this branch left
    /// the default branch, else with the last commit.
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
    /// Leave out what happens to what is live.
    #[arg(long, conflicts_with = "base")]
    pub(super) no_impact: bool,
    /// Make the changes that are safe to make unread, show them, and report what remains.
    ///
    /// Suppressed findings, those that the baseline knows and those below --min-severity are left as they are.
    #[arg(long)]
    pub(super) fix: bool,
    /// With --fix: show the changes and make none; the findings are those of the files as they are.
    #[arg(long, requires = "fix")]
    pub(super) dry_run: bool,
    /// List also what cannot be decided, with the value that would have to be known; in the formats `human` and `json`.
    #[arg(long)]
    pub(super) undecided: bool,
    /// Leave out findings below this severity.
    #[arg(long, value_enum, default_value_t = SeverityName::Low)]
    pub(super) min_severity: SeverityName,
    /// Who wrote text of which nothing is known.
    #[arg(long, value_enum, default_value_t = OriginName::Unknown)]
    pub(super) assume_origin: OriginName,
    /// End with 1 if a finding has this severity or verdict, or a higher one.
    ///
    /// May be given twice, once for each; the default is severity `high` or verdict `review`.
    #[arg(long, value_enum, value_name = "SEVERITY|VERDICT", default_values_t = [Threshold::High, Threshold::Review])]
    pub(super) fail_on: Vec<Threshold>,
    #[command(flatten)]
    pub(super) rego: PolicyArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SeverityName {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OriginName {
    Ai,
    Human,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Threshold {
    Low,
    Medium,
    High,
    Critical,
    Note,
    Review,
    Deny,
    Never,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Low => Self::Low,
            SeverityName::Medium => Self::Medium,
            SeverityName::High => Self::High,
            SeverityName::Critical => Self::Critical,
        }
    }
}

impl Threshold {
    pub(super) fn is_reached(self, finding: &JsonFinding) -> bool {
        match self {
            Self::Low => true,
            Self::Medium => finding.severity >= Severity::Medium,
            Self::High => finding.severity >= Severity::High,
            Self::Critical => finding.severity >= Severity::Critical,
            Self::Note => finding.verdict >= Verdict::Note,
            Self::Review => finding.verdict >= Verdict::Review,
            Self::Deny => finding.verdict >= Verdict::Deny,
            Self::Never => false,
        }
    }
}
