//! `countersign policy test`.

use super::{FOLLOWS, facts, human, in_words, requirement_facts, tried, value, word};
use crate::cli::{FAILED, person, print};
use crate::disk::{Configs, FolderConfig};
use anyhow::Context;
use clap::Args;
use countersign_impact::Action;
use countersign_policy::{
    ChangeUnderReview, Circumstances, Config, Environment, Impacted, Mode, Origin, Severity, Surface, Tier, Verdict,
};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Longest file of cases that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct TestArguments {
    /// Files of cases.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    #[serde(default)]
    case: Vec<Case>,
}

/// What is so, and what has to follow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "main")]
    path: String,
    kind: Option<String>,
    tier: Option<Tier>,
    environment: Option<Environment>,
    #[serde(default = "unknown")]
    origin: Origin,
    author: Option<String>,
    severity: Option<Severity>,
    #[serde(default = "command_line")]
    surface: Surface,
    #[serde(default = "yes")]
    changed: bool,
    action: Option<Action>,
    #[serde(default)]
    data_loss: bool,
    #[serde(default)]
    interruption: bool,
    #[serde(default)]
    dependents: usize,
    #[serde(default = "one")]
    at_once: usize,
    expect: Expected,
}

/// What follows: of what is expected, what is left out may be anything.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    tier: Option<Tier>,
    verdict: Option<Verdict>,
    approvals: Option<usize>,
    level: Option<String>,
    mode: Option<Mode>,
}

fn main() -> String {
    "main.tf".to_owned()
}

const fn unknown() -> Origin {
    Origin::Unknown
}

const fn command_line() -> Surface {
    Surface::CommandLine
}

const fn yes() -> bool {
    true
}

const fn one() -> usize {
    1
}

pub(super) fn run(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let configs = Configs::default();
    let (mut all, mut failed) = (0, 0);
    let mut said = String::new();
    for file in &arguments.files {
        let cases = read(file)?;
        let folder = std::path::absolute(Path::new(".").join(file))?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        for case in &cases {
            all += 1;
            let wrong = case.wrong(&configs.of(&folder.join(&case.path)));
            if !wrong.is_empty() {
                failed += 1;
                let _ = writeln!(said, "FAILED  {}: {}\n{wrong}", file.display(), case.name);
            }
        }
    }
    let problems = configs.problems();
    for (path, message) in &problems {
        anstream::eprintln!("countersign: {path}: {message}");
    }
    let _ = match failed {
        0 => writeln!(said, "{all} cases, all as expected."),
        _ => writeln!(said, "{all} cases, {failed} not as expected."),
    };
    print(&person::shown(&said))?;
    Ok(match (problems.is_empty(), failed) {
        (false, _) => ExitCode::from(FAILED),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::FAILURE,
    })
}

fn read(file: &Path) -> anyhow::Result<Vec<Case>> {
    let name = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{name} cannot be read"))?.len();
    anyhow::ensure!(size <= MAX_BYTES, "{name} has {size} bytes, and at most {MAX_BYTES} are read; split it");
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let cases: Cases = toml::from_str(&text).with_context(|| format!("{name} is no file of cases"))?;
    anyhow::ensure!(!cases.case.is_empty(), "{name} has no `[[case]]`");
    for case in &cases.case {
        let expect = value(&case.expect);
        let is_empty = expect.as_object().is_none_or(|fields| fields.values().all(serde_json::Value::is_null));
        anyhow::ensure!(!is_empty, "{name}: the case `{}` expects nothing, so it cannot fail", case.name);
    }
    Ok(cases.case)
}

impl Case {
    /// What is not as expected, with the rows that say so; empty where all is.
    fn wrong(&self, folder: &FolderConfig) -> String {
        let config = &folder.config;
        let environment = self.environment.unwrap_or_else(|| config.environment.of_path(&self.path));
        let tiers = &folder.tiers;
        let tier = self.tier.unwrap_or_else(|| match &self.kind {
            Some(kind) => tiers.of(&self.path, kind, environment),
            None => tiers.of_file(&self.path, environment).unwrap_or(Tier::Standard),
        });
        let impact = self.action.map(|action| Impacted {
            action,
            data_loss: self.data_loss,
            interruption: self.interruption,
            tier,
            dependents: self.dependents,
            more_dependents: false,
            at_once: self.at_once,
        });
        let people = config.people();
        let level = match self.author.as_deref() {
            Some(author) if author.contains('@') => people.level(&[author]).to_owned(),
            Some(level) => level.to_owned(),
            None => people.level(&[]).to_owned(),
        };
        let mut change = ChangeUnderReview {
            path: &self.path,
            tier,
            environment,
            origin: self.origin,
            author: &level,
            found: None,
            impact,
        };
        let at = self.severity.map(|severity| Circumstances {
            origin: self.origin,
            severity,
            surface: self.surface,
            changed: self.changed,
            environment,
            impact,
        });
        let table = config.table();
        let verdict = at.map(|at| table.decide(at).0);
        // As the gate does it: where it matters most, nobody's counts as an AI's.
        let at_gate = at.map(|at| table.decide(Circumstances { origin: change.counts_as(), ..at }).0);
        change.found = at_gate.max(verdict).zip(self.severity);
        let required = config.required(&change).map(|(_, row)| row);
        let is = Expected {
            tier: Some(tier),
            verdict,
            approvals: Some(required.as_ref().map_or(0, |row| row.approvals)),
            level: required.as_ref().and_then(|row| row.level.clone()),
            mode: required.as_ref().map(|row| row.mode),
        };
        let (expected, is) = (value(&self.expect), value(&is));
        let mut wrong = String::new();
        for (key, wanted) in expected.as_object().into_iter().flatten().filter(|(_, wanted)| !wanted.is_null()) {
            let found = is.get(key).cloned().unwrap_or_default();
            if found == *wanted {
                continue;
            }
            let found = if found.is_null() { "none".to_owned() } else { word(&found) };
            let _ = writeln!(wrong, "  {key} is {found}, and {} was expected", word(wanted));
            if let Some(at) = at.filter(|_| key == "verdict") {
                let own = config.verdict.len() - Config::defaults().verdict.len();
                let facts = facts(&at);
                let _ = writeln!(wrong, "    {}", in_words(&facts));
                wrong.push_str(&human(&tried(&table.tried(at), &facts, (&["verdict", "show"], own)), "    "));
            } else if key != "tier" && key != "verdict" {
                wrong.push_str(&Self::requirement(&change, config));
            }
        }
        wrong
    }

    fn requirement(change: &ChangeUnderReview<'_>, config: &Config) -> String {
        let facts = requirement_facts(change);
        let own = config.require.len() - Config::defaults().require.len();
        let rows = tried(&config.requirements_tried(change), &facts, (FOLLOWS, own));
        format!("    {}\n{}", in_words(&facts), human(&rows, "    "))
    }
}
