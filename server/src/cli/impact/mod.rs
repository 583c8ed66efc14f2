//! `countersign impact`.

mod drawing;
mod human;

use super::print;
use crate::disk::Configs;
use crate::impact::report::Impact;
use crate::impact::{Besides, Compared, narrow, object, read_plan, since, two, words};
use crate::surroundings::key;
use anyhow::Context;
use clap::{Args, ValueEnum};
use countersign_grammars::Language;
use countersign_impact::graph::parts;
use countersign_impact::plan;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ImpactArguments {
    /// A file or folder, of which what is different is said; or the address of a resource, of which it is said also what
    /// depends on it where nothing is different.
    #[arg(value_name = "PATH|ADDRESS", default_value = ".", conflicts_with = "before")]
    target: String,
    /// Compare with this commit, branch or tag.
    ///
    /// Without it: with the commit at which this branch left the default branch (origin/HEAD, else main or master), and where
    /// that is not known with the last commit.
    #[arg(long, value_name = "REV", conflicts_with = "before")]
    base: Option<String>,
    /// Without git: the file or folder as it was.
    #[arg(long, value_name = "PATH", requires = "after")]
    before: Option<PathBuf>,
    /// Without git: the file or folder as it is.
    #[arg(long, value_name = "PATH", requires = "before")]
    after: Option<PathBuf>,
    /// Put a real plan beside the prediction: what `terraform show -json PLANFILE` or `tofu show -json PLANFILE` printed in
    /// the folder that is compared.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to end with 1.
    #[arg(long, value_enum, default_value_t = FailOn::Danger)]
    fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs; `countersign schema impact` prints the schema.
    Json,
    /// What is touched and what depends on it, as a flowchart of Mermaid.
    Mermaid,
    /// The same for Graphviz.
    Dot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Something is or may be destroyed or replaced, is lost, stops, loses a protection or is opened; or it is not known what
    /// happens to it.
    Danger,
    /// Anything at all happens, as with `terraform plan -detailed-exitcode`.
    Change,
    /// Never.
    Never,
}

/// What is asked about.
enum Target {
    Path(PathBuf),
    Address(String),
}

pub(super) fn run(arguments: &ImpactArguments) -> anyhow::Result<ExitCode> {
    let configs = Configs::default();
    let target = target(&arguments.target);
    let compared = compare(arguments, &target, &configs)?;
    let mut impact = Impact::new(&compared, &configs);
    if let Target::Address(address) = &target {
        narrow(&mut impact, &key(Path::new(".")), address)?;
    }
    let mut doubts = compared.doubts.clone();
    if let Some(path) = &arguments.plan {
        doubts.extend(beside(&mut impact, path, &root(arguments, &target)?)?);
    }
    let rendered = match arguments.format {
        Format::Human => human::report(&impact),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&impact.json())?),
        Format::Mermaid => drawing::mermaid(&impact),
        Format::Dot => drawing::dot(&impact),
    };
    let _ = print(&rendered)?;
    for doubt in &doubts {
        anstream::eprintln!("countersign: {doubt}");
    }
    for problem in &compared.problems {
        anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
    }
    let fails = match arguments.fail_on {
        FailOn::Danger => impact.told.iter().any(|told| told.json.is_dangerous()),
        FailOn::Change => impact.told.iter().any(|told| told.json.is_change()),
        FailOn::Never => false,
    };
    Ok(match (compared.problems.is_empty(), fails) {
        (false, _) => ExitCode::from(super::FAILED),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    })
}

/// What is there is a path, and so is what looks like one and may be gone, but for the address of an object of Kubernetes.
fn target(target: &str) -> Target {
    let path = Path::new(target);
    if !path.exists() && object(target).is_some() {
        return Target::Address(target.to_owned());
    }
    let is_path = path.exists() || target.contains(['/', '\\']) || Language::of_path(target).is_some();
    let (_, address) = parts(target);
    if is_path || address.split('.').count() < 2 || address.split('.').any(str::is_empty) {
        Target::Path(path.to_owned())
    } else {
        Target::Address(target.to_owned())
    }
}

fn compare(arguments: &ImpactArguments, target: &Target, configs: &Configs) -> anyhow::Result<Compared> {
    if let (Some(before), Some(after)) = (&arguments.before, &arguments.after) {
        return two(before, after);
    }
    let base = arguments.base.as_deref();
    let root = root(arguments, target)?;
    let folder = arguments.plan.as_ref().map(|_| root.as_path());
    match target {
        Target::Path(path) => since(path, base, configs, &Besides { folder, words: &[] }),
        Target::Address(address) => {
            let words = words(address);
            since(Path::new("."), base, configs, &Besides { folder, words: &words })
        }
    }
}

/// The folder of the configuration that a plan is of.
fn root(arguments: &ImpactArguments, target: &Target) -> anyhow::Result<PathBuf> {
    let path = match (&arguments.after, target) {
        (Some(after), _) => after.clone(),
        (None, Target::Path(path)) => path.clone(),
        (None, Target::Address(_)) => PathBuf::from("."),
    };
    if path.is_dir() {
        return Ok(path);
    }
    path.parent()
        .map(|parent| if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
        .with_context(|| format!("{} is in no folder", path.display()))
}

/// Puts a plan beside the prediction, and says what makes it doubtful.
fn beside(impact: &mut Impact<'_>, path: &Path, root: &Path) -> anyhow::Result<Option<String>> {
    let named = format!("--plan {}", path.display());
    let planned = plan::read(&read_plan(path, &named)?.1).with_context(|| format!("{named} cannot be used"))?;
    let root = root.canonicalize().ok().filter(|_| !impact.knows(&key(root))).unwrap_or_else(|| root.to_owned());
    impact.put_beside(&planned, &key(&root))
}
