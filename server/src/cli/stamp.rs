//! `countersign stamp`: what AI tools had a part in of a release, to go with it.

use super::check::write_output;
use super::gate;
use super::{FAILED, print};
use crate::git::Git;
use crate::review::{Change, Situation};
use anyhow::bail;
use clap::{Args, ValueEnum};
use countersign_engine::report::JsonProblem;
use countersign_policy::{Environment, Origin, Tier};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct StampArguments {
    /// From which commit, branch or tag to which: `v1.4..v1.5`. Without an end it is `HEAD`.
    #[arg(value_name = "RANGE")]
    range: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Write it to this file instead of standard output, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the notes of a release.
    Markdown,
    /// For programs; `countersign schema stamp` prints the schema.
    Json,
    /// `NAME=value`, for a pipeline's environment.
    Env,
    /// Annotations of Kubernetes, as they stand in a manifest.
    K8sAnnotations,
    /// Labels of an image, as `docker build --label` takes them, one a line.
    OciLabels,
}

/// What AI tools had a part in between two commits.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonStamp {
    /// The commit before the first one.
    from: String,
    /// The last commit.
    to: String,
    /// How many commits there are.
    commits: usize,
    /// How many parts of files are different that policy knows: resources, statements, files.
    changes: usize,
    /// In how many of these AI tools had a part.
    ai_changes: usize,
    /// The same by tier, from `critical` to `low`.
    by_tier: BTreeMap<&'static str, usize>,
    /// By AI tool in how many it had a part; `unknown` where no record names one.
    by_agent: BTreeMap<String, usize>,
    /// Of how many changes nobody knows who wrote them.
    unknown_changes: usize,
    /// Of those of AI tools, how many have what policy wants for them.
    approved: usize,
    /// How many lack it.
    open: usize,
    /// Those of AI tools, by path.
    items: Vec<JsonItem>,
    /// What could not be read; while there is any, the figures are too low.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<String>,
}

/// A change that AI tools had a part in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonItem {
    /// The file, from the root of the repository.
    path: String,
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// How much the place matters.
    tier: Tier,
    /// The environment that it belongs to.
    environment: Environment,
    /// `ai`, or `mixed` where a person wrote some of it.
    origin: Origin,
    /// The AI tools.
    agents: Vec<String>,
    /// What applying it does to the resource that is live, where it does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<countersign_impact::Action>,
    /// `not-needed` where policy wants nothing for it, `approved`, `break-glass`, or `open`.
    state: &'static str,
    /// Who has approved it.
    approved_by: Vec<String>,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// What stands for an AI tool that no record names.
pub(super) const UNNAMED: &str = "unknown";

pub(super) const TIERS: [Tier; 4] = [Tier::Critical, Tier::High, Tier::Standard, Tier::Low];

pub(super) fn run(arguments: &StampArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new(""))?;
    let (from, to) = ends(&arguments.range)?;
    let situation = Situation::of_release(&git, from, to)?;
    let stamp = stamp(&git, &situation, from)?;
    let rendered = match arguments.format {
        Format::Markdown => markdown(&stamp),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&stamp)?),
        Format::Env => lines(&stamp, |name| format!("COUNTERSIGN_{}=", name.to_uppercase().replace('-', "_")), ""),
        Format::K8sAnnotations => lines(&stamp, |name| format!("countersign/{name}: \""), "\""),
        Format::OciLabels => lines(&stamp, |name| format!("countersign.{name}="), ""),
    };
    match &arguments.output {
        Some(path) => write_output(path, &rendered)?,
        None => drop(print(&rendered)?),
    }
    for problem in &stamp.problems {
        anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
    }
    Ok(ExitCode::from(if stamp.problems.is_empty() { 0 } else { FAILED }))
}

/// The two ends of a range.
fn ends(range: &str) -> anyhow::Result<(&str, &str)> {
    let (from, to) = range.split_once("...").or_else(|| range.split_once("..")).unwrap_or((range, ""));
    if from.is_empty() {
        bail!(
            "`{range}` does not say where it begins: name a commit, branch or tag before the dots, as in `v1.4..v1.5`"
        );
    }
    Ok((from, if to.is_empty() { "HEAD" } else { to }))
}

fn stamp(git: &Git, situation: &Situation, from: &str) -> anyhow::Result<JsonStamp> {
    let to = situation.head.clone().unwrap_or_default();
    let from = git.commit(from)?;
    let is_ai = |change: &&Change| change.origin.is_ai();
    let mut items: Vec<JsonItem> = situation.changes.iter().filter(is_ai).map(|it| item(situation, it)).collect();
    items.sort_by(|a, b| (&a.path, &a.address).cmp(&(&b.path, &b.address)));
    let (mut by_tier, mut by_agent) = (BTreeMap::new(), BTreeMap::new());
    for item in &items {
        *by_tier.entry(item.tier.name()).or_default() += 1;
        for agent in &item.agents {
            *by_agent.entry(agent.clone()).or_default() += 1;
        }
    }
    let of_state = |states: &[&str]| items.iter().filter(|item| states.contains(&item.state)).count();
    Ok(JsonStamp {
        commits: git.commits_between(&situation.left, &to)?.len(),
        changes: situation.changes.len(),
        ai_changes: items.len(),
        by_tier,
        by_agent,
        unknown_changes: situation.changes.iter().filter(|change| change.origin == Origin::Unknown).count(),
        approved: of_state(&["approved", "break-glass"]),
        open: of_state(&["open"]),
        from,
        to,
        items,
        problems: situation.all_problems(),
        doubts: situation.doubts.clone(),
    })
}

/// Where a change stands in what was released: `not-needed`, `approved`, `break-glass` or `open`; who has approved it; what is missing.
pub(super) fn standing(situation: &Situation, change: &Change) -> (&'static str, Vec<String>, Vec<String>) {
    let approved_by = || situation.approved_by(change);
    match gate::json(situation, change) {
        None => ("not-needed", Vec::new(), Vec::new()),
        Some(told) if told.has_it() => ("approved", approved_by(), Vec::new()),
        Some(told) if told.is_let_through() => ("break-glass", Vec::new(), Vec::new()),
        Some(told) => match situation.approved_by_steps(change).filter(|_| change.lacks.is_empty()) {
            Some(who) => ("approved", who, Vec::new()),
            None => ("open", approved_by(), told.missing()),
        },
    }
}

/// The AI tools that had a part in a change.
pub(super) fn agents(change: &Change) -> Vec<String> {
    let mut agents: Vec<String> = change.tools().map(str::to_owned).collect();
    if agents.is_empty() {
        agents.push(UNNAMED.to_owned());
    }
    agents
}

fn item(situation: &Situation, change: &Change) -> JsonItem {
    let (state, approved_by, missing) = standing(situation, change);
    JsonItem {
        path: change.bound.path.clone(),
        address: change.bound.address.clone(),
        tier: change.tier,
        environment: change.environment,
        origin: change.origin,
        agents: agents(change),
        action: change.impact.map(|impact| impact.action),
        state,
        approved_by,
        missing,
    }
}

/// The figures by name, in a fixed order. Their values hold nothing that has to be quoted.
fn lines(stamp: &JsonStamp, name: impl Fn(&str) -> String, end: &str) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: &str| _ = writeln!(out, "{}{value}{end}", name(key));
    line("from", &stamp.from);
    line("to", &stamp.to);
    line("commits", &stamp.commits.to_string());
    line("changes", &stamp.changes.to_string());
    line("ai-changes", &stamp.ai_changes.to_string());
    for tier in TIERS {
        let count = stamp.by_tier.get(tier.name()).copied().unwrap_or_default();
        line(&format!("ai-changes-{}", tier.name()), &count.to_string());
    }
    let agents: Vec<String> = stamp.by_agent.keys().map(|agent| plain(agent)).collect();
    line("ai-agents", &agents.join(","));
    line("ai-approved", &stamp.approved.to_string());
    line("ai-open", &stamp.open.to_string());
    line("unknown-changes", &stamp.unknown_changes.to_string());
    out
}

/// A name with nothing in it that means something to a shell, to YAML or to a list.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).take(64).collect()
}

fn markdown(stamp: &JsonStamp) -> String {
    let mut out = String::from("## AI-assisted changes\n\n");
    let tiers = TIERS.iter().filter_map(|tier| Some(format!("{} {}", stamp.by_tier.get(tier.name())?, tier.name())));
    let tiers: Vec<String> = tiers.collect();
    let tiers = if tiers.is_empty() { String::new() } else { format!(" ({})", tiers.join(", ")) };
    let [from, to] = [&stamp.from, &stamp.to].map(|commit| commit.get(..12).unwrap_or(commit));
    let _ = writeln!(
        out,
        "From `{from}` to `{to}`: {}, {} of infrastructure; AI tools had a part in {}{tiers}.",
        counted(stamp.commits, "commit"),
        counted(stamp.changes, "change"),
        stamp.ai_changes,
    );
    if stamp.unknown_changes > 0 {
        let _ = writeln!(out, "Of {} nobody knows who wrote them.", counted(stamp.unknown_changes, "change"));
    }
    if !stamp.items.is_empty() {
        let _ = writeln!(out, "\n| change | tier | written with | does | review |\n|---|---|---|---|---|");
    }
    for item in &stamp.items {
        let place = match &item.address {
            Some(address) => format!("{} in {}", code(address), code(&item.path)),
            None => code(&item.path),
        };
        let environment = if item.environment == Environment::Unknown {
            String::new()
        } else {
            format!(", {}", item.environment.name())
        };
        let agents: Vec<String> = item.agents.iter().map(|agent| code(agent)).collect();
        let does = item.action.map(countersign_engine::impact::verb).unwrap_or_default();
        let who: Vec<String> = item.approved_by.iter().map(|who| code(who)).collect();
        let review = match item.state {
            "approved" if who.is_empty() => "approved".to_owned(),
            "approved" => format!("approved by {}", who.join(", ")),
            "break-glass" => "let through alone, to be looked at".to_owned(),
            "open" => "**open**".to_owned(),
            _ => "not needed".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {place} | {}{environment} | {} | {does} | {review} |",
            item.tier.name(),
            agents.join(", ")
        );
    }
    for doubt in stamp.doubts.iter().chain(stamp.problems.iter().map(|problem| &problem.message)) {
        let _ = writeln!(out, "\n> {}", code(doubt));
    }
    out
}

pub(super) fn counted(count: usize, what: &str) -> String {
    let is_ies = |stem: &&str| !stem.ends_with(['a', 'e', 'o', 'u']);
    match (count, what.strip_suffix('y').filter(is_ies)) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}

/// A text that others have written, as code in a cell of a table.
pub(super) fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    // A bar ends a cell also within code.
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::{code, ends, plain};

    #[test]
    fn what_others_have_written_stays_in_its_place() {
        assert_eq!(code("a|b\nc"), "`a\\|b c`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(plain("x; rm -rf \"$HOME\",y"), "x--rm--rf---HOME--y");
    }

    #[test]
    fn a_range_has_two_ends() {
        assert_eq!(ends("v1..v2").ok(), Some(("v1", "v2")));
        assert_eq!(ends("v1...v2").ok(), Some(("v1", "v2")));
        assert_eq!(ends("v1").ok(), Some(("v1", "HEAD")));
        assert_eq!(ends("v1..").ok(), Some(("v1", "HEAD")));
        assert!(ends("..v2").is_err());
    }
}
