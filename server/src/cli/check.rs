//! `countersign check`.

use super::{Format, human, print};
use crate::disk::{self, Configs};
use crate::state::Store;
use anyhow::Context;
use clap::{Args, ValueEnum};
use countersign_engine::report::{FORMAT_VERSION, JsonFinding, JsonProblem, JsonReport};
use countersign_engine::{Analysis, Policy, Snapshot, analyze};
use countersign_grammars::Language;
use countersign_policy::{Origin, Severity, Surface, Verdict};
use countersign_syntax::Budget;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Files and folders. A folder is searched for files that Countersign reads, except what `.gitignore` and
    /// `files.exclude` in countersign.toml leave out.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Leave out findings below this severity.
    #[arg(long, value_enum, default_value_t = SeverityName::Low)]
    min_severity: SeverityName,
    /// Who wrote text of which nothing is known.
    #[arg(long, value_enum, default_value_t = OriginName::Unknown)]
    assume_origin: OriginName,
    /// End with 1 if a finding has this severity or verdict, or a higher one.
    ///
    /// May be given twice, once for each; the default is severity `high` or verdict `review`.
    #[arg(long, value_enum, value_name = "SEVERITY|VERDICT", default_values_t = [Threshold::High, Threshold::Review])]
    fail_on: Vec<Threshold>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SeverityName {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OriginName {
    Ai,
    Human,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Threshold {
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
    fn is_reached(self, finding: &JsonFinding) -> bool {
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

/// What was found in one file.
#[derive(Default)]
struct Checked {
    findings: Vec<JsonFinding>,
    suppressed: usize,
    /// The findings for people, in the same order.
    shown: Vec<String>,
    problem: Option<JsonProblem>,
}

/// Checks everything that was named and prints what was found.
pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let configs = Configs::default();
    let (files, mut problems) = disk::files(&arguments.paths, &configs);
    let check = Check { arguments, configs: &configs, today: today(), store: Store::default() };
    let progress = progress(arguments.format, files.len());
    let mut checked: Vec<Checked> = files
        .par_iter()
        .map(|(path, language)| {
            let checked = check.file(path, *language);
            progress.inc(1);
            checked
        })
        .collect();
    progress.finish_and_clear();

    problems.extend(configs.problems().into_iter().map(|(path, message)| JsonProblem { path, message }));
    problems.extend(checked.iter_mut().filter_map(|checked| checked.problem.take()));
    let failed = checked
        .iter()
        .flat_map(|checked| &checked.findings)
        .any(|finding| arguments.fail_on.iter().any(|threshold| threshold.is_reached(finding)));
    let code = match (problems.is_empty(), failed) {
        (false, _) => ExitCode::from(super::FAILED),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    };
    match arguments.format {
        Format::Json => {
            let findings = checked.into_iter().flat_map(|checked| checked.findings).collect();
            let report = JsonReport { version: FORMAT_VERSION, findings, problems };
            print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
        }
        Format::Human => {
            let mut out = String::new();
            for finding in checked.iter().flat_map(|checked| &checked.shown) {
                out.push_str(finding);
                out.push_str("\n\n");
            }
            let findings: Vec<_> = checked.iter().flat_map(|checked| &checked.findings).collect();
            let suppressed = checked.iter().map(|checked| checked.suppressed).sum();
            out.push_str(&human::summary(&findings, files.len(), suppressed, started.elapsed()));
            print(&out)?;
            for problem in &problems {
                anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
            }
        }
    }
    Ok(code)
}

struct Check<'a> {
    arguments: &'a CheckArguments,
    configs: &'a Configs,
    today: jiff::civil::Date,
    store: Store,
}

impl Check<'_> {
    fn file(&self, path: &Path, language: Language) -> Checked {
        let shown_path = disk::display(path);
        match disk::read(path) {
            Ok(text) => {
                let mut snapshot = Snapshot::new(language, 0, &text);
                if let Some(saved) = self.store.load(path) {
                    snapshot.regions = saved.restore(&text);
                }
                self.report(path, &shown_path, &snapshot)
            }
            Err(disk::Unread::Limit(message)) => {
                let mut snapshot = Snapshot::new(language, 0, "");
                snapshot.unread = Some(message);
                self.report(path, &shown_path, &snapshot)
            }
            Err(disk::Unread::Io(message)) => {
                Checked { problem: Some(JsonProblem { path: shown_path, message }), ..Checked::default() }
            }
        }
    }

    fn report(&self, path: &Path, shown_path: &str, snapshot: &Snapshot) -> Checked {
        let mut policy = Policy::new(&self.configs.of(path).config, Surface::CommandLine, self.today);
        policy.assumed_origin = match self.arguments.assume_origin {
            OriginName::Ai => Some(Origin::Ai),
            OriginName::Human => Some(Origin::Human),
            OriginName::Unknown => None,
        };
        let Analysis { findings, suppressed, .. } =
            analyze(snapshot, &policy, &mut Budget::unbounded()).unwrap_or_default();
        let least = Severity::from(self.arguments.min_severity);
        let mut checked = Checked { suppressed, ..Checked::default() };
        for finding in findings.iter().filter(|finding| finding.severity >= least) {
            if self.arguments.format == Format::Human {
                checked.shown.push(human::finding(shown_path, &snapshot.text, finding));
            }
            checked.findings.push(JsonFinding::new(shown_path, &snapshot.text, finding));
        }
        checked
    }
}

/// Today, where this machine is.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}

fn progress(format: Format, files: usize) -> ProgressBar {
    let hidden = format != Format::Human || !std::io::stderr().is_terminal();
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(4) };
    let bar = ProgressBar::with_draw_target(u64::try_from(files).ok(), target);
    let style = ProgressStyle::with_template("checking {pos} of {len} files {wide_bar} {eta}").context("template");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_elapsed(Duration::ZERO).with_finish(indicatif::ProgressFinish::AndClear)
}
