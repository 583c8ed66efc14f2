//! `countersign doctor`: whether what should stand between an agent and what is live does stand there.
//!
//! What can be tried is tried; what can be read is read; what can be neither is said to be not known. Nothing is changed.

mod agents;
mod probe;
mod repository;

use super::{Format, print};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What was looked at, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonDoctor {
    /// The repository, or the folder outside of git.
    root: String,
    /// Each control.
    controls: Vec<JsonControl>,
    /// How many are in order.
    ok: usize,
    /// How many are not there or do not work.
    missing: usize,
    /// Of how many it is not known.
    unknown: usize,
}

/// Something that stands between an agent and what is live.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct JsonControl {
    /// Its name: `hook`, `notes`, `commit-gate`.
    control: &'static str,
    /// What it is about, where there are several: an agent, a remote.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    /// Whether it is in order.
    state: State,
    /// What was seen.
    what: String,
    /// Why it matters.
    why: &'static str,
    /// What to do next: a command, or what to set up where. Left out where it is in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Whether a control is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It was seen to be.
    Ok,
    /// It was seen not to be.
    Missing,
    /// It cannot be seen from here.
    Unknown,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Unknown => "not known",
        }
    }
}

impl JsonControl {
    fn ok(control: &'static str, of: Option<&str>, why: &'static str, what: impl Into<String>) -> Self {
        Self { control, of: of.map(str::to_owned), state: State::Ok, what: what.into(), why, next: None }
    }

    fn missing(
        control: &'static str,
        of: Option<&str>,
        why: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { state: State::Missing, next: Some(next.into()), ..Self::ok(control, of, why, what) }
    }

    fn unknown(
        control: &'static str,
        of: Option<&str>,
        why: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { state: State::Unknown, ..Self::missing(control, of, why, what, next) }
    }
}

/// Looks at everything. Ends with 0 where nothing is missing.
pub(super) fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir()?;
    let root = crate::git::work_tree(&here.join("-")).unwrap_or(here);
    let mut controls = agents::controls(&root);
    controls.extend(repository::controls(&root));
    let count = |state: State| controls.iter().filter(|control| control.state == state).count();
    let doctor = JsonDoctor {
        root: crate::disk::display(&root),
        ok: count(State::Ok),
        missing: count(State::Missing),
        unknown: count(State::Unknown),
        controls,
    };
    let _ = match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&doctor)?))?,
        Format::Human => print(&table(&doctor))?,
    };
    Ok(if doctor.missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(doctor: &JsonDoctor) -> String {
    let mut text = String::new();
    for JsonControl { control, of, state, what, why, next } in &doctor.controls {
        let name = of.as_ref().map_or_else(|| (*control).to_owned(), |of| format!("{control} {of}"));
        let _ = writeln!(text, "{:<9}  {name}: {what}", state.name());
        if let Some(next) = next {
            let _ = writeln!(text, "           {why}");
            let _ = writeln!(text, "           Next: {next}");
        }
    }
    let JsonDoctor { ok, missing, unknown, .. } = doctor;
    let _ = writeln!(text, "\n{ok} ok, {missing} missing, {unknown} not known");
    text
}

/// A path in the repository or, with `~/` before it, in the home folder.
fn place(root: &Path, path: &str) -> Option<PathBuf> {
    match path.strip_prefix("~/") {
        Some(rest) => etcetera::home_dir().ok().map(|home| home.join(rest)),
        None => Some(root.join(path)),
    }
}
