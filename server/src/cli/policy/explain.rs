//! `countersign policy explain`.

use super::{FOLLOWS, JsonTried, facts, human, in_words, requirement_facts, tried, value};
use crate::cli::{Check, FAILED, Format, person, print, today};
use crate::disk::{self, Configs, FolderConfig};
use crate::git::Git;
use crate::impact::Checked as Live;
use crate::review::{Change, Situation, parts};
use anyhow::{Context, bail};
use clap::Args;
use countersign_engine::Finding;
use countersign_grammars::Language;
use countersign_policy::{Circumstances, Config, Surface, Verdict};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArguments {
    /// A file and a line in it, from 1: `main.tf:12`. Without a line, all of the file.
    #[arg(value_name = "PATH[:LINE]")]
    place: String,
    /// Compare with this commit, branch or tag, and not with what is presumed to be live.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// How to print it; `countersign schema policy` prints the schema of the JSON.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What `policy explain --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct JsonExplained {
    /// The file.
    path: String,
    /// What was found in the block or the file, in order of the text.
    findings: Vec<JsonFindingExplained>,
    /// What is changed there, and what it needs.
    changes: Vec<JsonChangeExplained>,
    /// Why nothing is said of changes, where nothing can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_changes_because: Option<String>,
}

/// Why the verdict of a finding is what it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonFindingExplained {
    /// The line, from 1.
    line: usize,
    /// Id of the risk.
    risk: String,
    /// What is so.
    message: String,
    /// What the table of verdicts was asked about, by the keys of its conditions.
    asked: BTreeMap<&'static str, Value>,
    /// The rows that were tried; of those that hold, the first that names a verdict gives it.
    rows: Vec<JsonTried>,
    /// The verdict.
    verdict: Verdict,
}

/// Why a change needs what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonChangeExplained {
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What the table was asked about, by the keys of its conditions.
    asked: BTreeMap<&'static str, Value>,
    /// The rows of `[[require]]` that were tried. The last one is the one that holds, if any does.
    rows: Vec<JsonTried>,
    /// What it needs, in words; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
}

pub(super) fn run(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let (path, line) = place(&arguments.place)?;
    let text = disk::read(&path).map_err(|why| anyhow::anyhow!("{}: {}", path.display(), why.message()))?;
    let configs = Configs::default();
    let config = configs.of(&std::path::absolute(&path)?);
    let line_start =
        line.map(|line| start_of(&text, line).with_context(|| has_no_line(&path, &text, line))).transpose()?;
    let here: Vec<_> = parts(&path, text.as_bytes())
        .into_iter()
        .filter(|part| line_start.is_none_or(|at| part.holds(at) || part.ranges.iter().any(|range| range.end == at)))
        .flat_map(|part| part.ranges)
        .collect();
    let is_here = |at: usize| line_start.is_none() || here.iter().any(|range| range.contains(&at));
    let findings = findings(&path, arguments.base.as_deref(), &configs)?;
    let found = findings.iter().filter(|finding| is_here(finding.range.start));
    let (changes, no_changes_because) = match changes(&path, arguments.base.as_deref()) {
        Ok(changes) => (changes, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let is_of_here = |change: &&Change| {
        change.ranges.is_empty() || change.ranges.iter().any(|range| line_start.is_none_or(|at| range.contains(&at)))
    };
    let explained = JsonExplained {
        path: disk::display(&path),
        findings: found.map(|finding| of_finding(finding, &text, &config)).collect(),
        changes: changes.iter().filter(is_of_here).map(|change| of_change(change, &config.config)).collect(),
        no_changes_because,
    };
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&explained)?))?,
        Format::Human => print(&person::shown(&for_people(&explained, line)))?,
    };
    let problems = configs.problems();
    for (path, message) in &problems {
        anstream::eprintln!("countersign: {path}: {message}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// A path, and a line behind a colon.
fn place(place: &str) -> anyhow::Result<(PathBuf, Option<usize>)> {
    let (path, line) = match place.rsplit_once(':') {
        Some((path, line)) if !Path::new(place).exists() => {
            let number = line.parse().ok().filter(|line| *line > 0);
            (path, Some(number.with_context(|| format!("`{line}` is no line; write PATH:LINE, with lines from 1"))?))
        }
        _ => (place, None),
    };
    if Path::new(path).is_dir() {
        bail!("{path} is a folder; name a file, and a line in it: {path}/main.tf:1");
    }
    Ok((PathBuf::from(path), line))
}

fn start_of(text: &str, line: usize) -> Option<usize> {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            // The first byte that is no white space, which belongs to what stands on the line.
            let indent = content.len() - content.trim_start().len();
            return Some(if content.trim().is_empty() { start } else { start + indent });
        }
        start += content.len();
    }
    None
}

fn has_no_line(path: &Path, text: &str, line: usize) -> String {
    format!("{} has {} lines, and none with the number {line}", path.display(), text.lines().count())
}

fn findings(path: &Path, base: Option<&str>, configs: &Configs) -> anyhow::Result<Vec<Finding>> {
    let Some(language) = Language::of_path(&path.to_string_lossy()) else { return Ok(Vec::new()) };
    let check = Check::plain(configs, Live::of(&[path.to_owned()], base, configs));
    let look = |path: &Path, snapshot: &_, around: &_| {
        let in_git = check.in_git(path, snapshot);
        check.findings(path, snapshot, in_git.as_ref(), around).2
    };
    let found = check.each(&[(path.to_owned(), language)], look).into_iter().next();
    let found = found.unwrap_or(Ok(Vec::new())).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    Ok(found.into_iter().map(|(finding, _)| finding).collect())
}

fn changes(path: &Path, base: Option<&str>) -> anyhow::Result<Vec<Change>> {
    let git = Git::of(path.parent().unwrap_or(Path::new("")))?;
    let relative = git.relative(path)?;
    let situation = Situation::of_work_tree(&git, base, &[])?;
    Ok(situation.changes.into_iter().filter(|change| change.bound.path == relative).collect())
}

fn of_finding(finding: &Finding, text: &str, config: &FolderConfig) -> JsonFindingExplained {
    let policy = config.policy(Surface::CommandLine, today());
    let at = Circumstances {
        origin: finding.origin.by,
        severity: finding.severity,
        surface: Surface::CommandLine,
        changed: true,
        environment: finding.environment,
        impact: finding.impact,
    };
    let own = config.config.verdict.len() - Config::defaults().verdict.len();
    let asked = facts(&at);
    JsonFindingExplained {
        line: text.get(..finding.range.start).unwrap_or_default().matches('\n').count() + 1,
        risk: finding.risk.to_owned(),
        message: finding.message.to_string(),
        rows: tried(&policy.table.tried(at), &asked, (&["verdict", "show"], own)),
        asked,
        verdict: finding.verdict,
    }
}

fn of_change(change: &Change, config: &Config) -> JsonChangeExplained {
    let asked = change.asked(config);
    let facts = requirement_facts(&asked);
    let own = config.require.len() - Config::defaults().require.len();
    let rows = config.requirements_tried(&asked);
    let needs = change.required.as_ref().filter(|(_, row)| !row.is_nothing()).map(|(_, row)| row.in_words());
    JsonChangeExplained {
        address: change.bound.address.clone(),
        rows: tried(&rows, &facts, (FOLLOWS, own)),
        asked: facts,
        needs,
    }
}

fn for_people(explained: &JsonExplained, line: Option<usize>) -> String {
    let mut text = String::new();
    for found in &explained.findings {
        let place = format!("{}:{}", explained.path, found.line);
        let _ = writeln!(text, "{place}  {}: {}", found.risk, super::word(&value(found.verdict)));
        let _ = writeln!(text, "  {}\n  {}", found.message, in_words(&found.asked));
        let _ = writeln!(text, "{}", human(&found.rows, "  "));
    }
    for change in &explained.changes {
        let what = change.address.as_deref().unwrap_or("what has no address");
        let needs = change.needs.as_deref().unwrap_or("nothing");
        let _ = writeln!(text, "{}  {what} is changed; before it is merged it needs {needs}", explained.path);
        let _ = writeln!(text, "  {}", in_words(&change.asked));
        let _ = writeln!(text, "{}", human(&change.rows, "  "));
    }
    let place = line.map_or_else(|| explained.path.clone(), |line| format!("{}:{line}", explained.path));
    if explained.findings.is_empty() {
        let _ = writeln!(text, "Nothing is found at {place}, so there is no verdict.");
    }
    match &explained.no_changes_because {
        Some(why) => drop(writeln!(text, "What it needs before it is merged is not known: {why}.")),
        None if explained.changes.is_empty() => {
            let _ = writeln!(text, "Nothing is changed at {place} that policy has to do with.");
        }
        None => {}
    }
    text
}
