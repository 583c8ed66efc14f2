//! `countersign gate`: whether every change of a range has what policy wants for it.

mod formats;
mod human;

pub(super) use human::human_changes;

use super::break_glass::{self, JsonBroken};
use super::check::write_output;
use super::{FAILED, print};
use crate::git::Git;
use crate::review::{Change, EvidenceFile, PlanFile, Planned, Situation, Stands, word};
use clap::{Args, ValueEnum};
use countersign_engine::report::JsonProblem;
use countersign_policy::{Environment, Mode, Origin, Tier, Verdict};
use countersign_review::Standing;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct GateArguments {
    /// The commit, branch or tag that the change is to be merged into. Its policy and its signers hold.
    #[arg(long, value_name = "REV")]
    base: String,
    /// The commit, branch or tag that is to be merged.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    head: String,
    /// What is about to be applied: what `terraform show -json PLANFILE` printed, or `aws cloudformation describe-change-set`.
    ///
    /// It is of the folder at work; `FOLDER=FILE` names another one, `TEMPLATE=FILE` the template of a change set. Whatever a plan
    /// destroys or replaces needs an approval, whether the text says so or not.
    #[arg(long, value_name = "[PATH=]FILE")]
    plan: Vec<String>,
    /// What a pipeline has proved about the commit: a statement of `countersign evidence`, with its signature beside it.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// A label that the pull request has.
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write it to this file instead of standard output, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs; `countersign schema gate` prints the schema.
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

/// What the gate says of a range.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonGate {
    /// What the change is compared with, in words.
    base: String,
    /// Whether nothing is missing.
    passed: bool,
    /// The changes that policy wants something for, by path.
    changes: Vec<JsonChange>,
    /// The break-glasses of which somebody else has still to look at something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    break_glasses: Vec<JsonBroken>,
    /// What could not be read; while there is any, nothing has passed.
    problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<String>,
}

/// One change, and what it has of what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonChange {
    /// The file, from the root of the repository.
    path: String,
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Its first and its last line at the head, from 1; left out where it is there no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<(usize, usize)>,
    /// The name that a review of it has.
    review: String,
    /// How much the place matters.
    tier: Tier,
    /// The environment that it belongs to.
    environment: Environment,
    /// Who wrote it.
    origin: Origin,
    /// The same, where what nobody knows the writer of counts as an AI's.
    counts_as: Origin,
    /// What applying it does to the resource that is live, where it does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<countersign_impact::Action>,
    /// The risks that were found in it.
    risks: Vec<String>,
    /// What a plan does to it, where one was given; in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    planned: Vec<String>,
    /// The row of `[[require]]` that holds, counted from 1, the defaults behind your own; left out where none does, and the plan
    /// alone asks for an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
    /// What it says is needed.
    needs: String,
    /// What becomes of it where that is missing.
    mode: Mode,
    /// Whether it has all of it.
    has_it: bool,
    /// By what it passes all the same, in words; left out where nothing lets it through.
    #[serde(skip_serializing_if = "Option::is_none")]
    break_glass: Option<String>,
    /// `approved`, `waiting`, `rejected`, or `none` where nobody has asked.
    state: &'static str,
    /// Those who have approved or rejected it, as far as that counts.
    answered: Vec<String>,
    /// What is missing, and why what is there does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Those of the signers who may give an approval that is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    who_may: Vec<String>,
}

pub(super) fn run(arguments: &GateArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new(""))?;
    let plans = arguments.plan.iter().map(|plan| PlanFile::read(&git, plan)).collect::<anyhow::Result<Vec<_>>>()?;
    let evidence =
        arguments.evidence.iter().map(|path| EvidenceFile::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut situation = Situation::of_commit(&git, &arguments.base, &arguments.head, &plans)?;
    let plans: Vec<String> = plans.into_iter().map(|plan| plan.digest).collect();
    situation.prove(&evidence, &arguments.label, &plans);
    let gate = judged(situation);
    let rendered = match arguments.format {
        Format::Human => human::human(&gate),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&gate)?),
        Format::Sarif => format!("{}\n", serde_json::to_string_pretty(&formats::sarif(&gate))?),
        Format::Github => formats::github(&gate),
        Format::Gitlab => format!("{}\n", serde_json::to_string_pretty(&formats::gitlab(&gate))?),
        Format::Junit => formats::junit(&gate),
    };
    match &arguments.output {
        Some(path) => write_output(path, &rendered)?,
        None => drop(print(&rendered)?),
    }
    if arguments.format != Format::Human {
        for problem in &gate.problems {
            anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
        }
    }
    Ok(ExitCode::from(gate.code()))
}

/// What the gate says of a commit, for people, and its exit code.
pub(super) fn said(git: &Git, base: &str, head: &str) -> anyhow::Result<(String, u8)> {
    let gate = judged(Situation::of_commit(git, base, head, &[])?);
    Ok((human::human(&gate), gate.code()))
}

impl JsonGate {
    fn code(&self) -> u8 {
        match (self.problems.is_empty(), self.passed) {
            (false, _) => FAILED,
            (true, true) => 0,
            (true, false) => 1,
        }
    }
}

/// What a gate says of a situation.
fn judged(situation: Situation) -> JsonGate {
    let changes: Vec<JsonChange> = situation.changes.iter().filter_map(|change| json(&situation, change)).collect();
    let break_glasses = break_glass::unreviewed(&situation);
    let problems = situation.all_problems();
    JsonGate {
        base: situation.base,
        passed: problems.is_empty() && !changes.iter().any(JsonChange::stops),
        changes,
        break_glasses,
        problems,
        doubts: situation.doubts,
    }
}

/// A change as it is told; `None` where policy wants nothing for it.
pub(crate) fn json(situation: &Situation, change: &Change) -> Option<JsonChange> {
    let (row, required) = change.required.as_ref().filter(|(_, row)| !row.is_nothing())?;
    let stands = situation.stands(change);
    let mut missing = Vec::new();
    let is_approved = required.approvals == 0 || matches!(stands.standing, Some(Standing::Approved(_)));
    if !is_approved {
        missing.push(lack(change, &stands, required.approvals));
        missing.extend(stands.void.iter().cloned());
        missing.extend(
            stands
                .judged
                .iter()
                .filter_map(|one| Some(format!("{} does not count: {}", one.file, one.said.as_ref().err()?))),
        );
    }
    missing.extend(situation.lacks(change));
    let broken = if missing.is_empty() { Err(Vec::new()) } else { situation.broken(change, &stands) };
    let break_glass = match broken {
        Ok(broken) => Some(broken.in_words()),
        Err(why) => {
            missing.extend(why);
            None
        }
    };
    let mut risks: Vec<String> = change.found.iter().map(|found| found.risk.clone()).collect();
    risks.dedup();
    let who_may = if is_approved { Vec::new() } else { situation.who_may(change) };
    let answered = stands.judged.iter().filter_map(|one| one.said.as_ref().ok());
    Some(JsonChange {
        path: change.bound.path.clone(),
        address: change.bound.address.clone(),
        lines: change.lines,
        review: change.bound.id(),
        tier: change.tier,
        environment: change.environment,
        origin: change.origin,
        counts_as: change.counts_as(),
        action: change.impact.map(|impact| impact.action),
        risks,
        planned: change.planned.iter().map(Planned::in_words).collect(),
        row: row.map(|row| row + 1),
        needs: required.in_words(),
        mode: required.mode,
        has_it: missing.is_empty(),
        break_glass,
        state: match stands.standing {
            None => "none",
            Some(Standing::Approved(_)) => "approved",
            Some(Standing::Rejected(_)) => "rejected",
            Some(Standing::Waits(_) | Standing::Void(_)) => "waiting",
        },
        answered: answered.map(|(who, decision)| format!("{} by {who}", word(*decision))).collect(),
        missing,
        who_may,
    })
}

fn lack(change: &Change, stands: &Stands, approvals: usize) -> String {
    let id = change.bound.id();
    match &stands.standing {
        None => {
            let plan = if change.planned.is_empty() { "" } else { " --plan …" };
            format!("nobody has asked for a review: `countersign review request{plan} {}` does", change.bound.path)
        }
        Some(Standing::Rejected(who)) => format!("the review {id} was rejected by {}", who.join(" and ")),
        Some(Standing::Waits(more)) if *more < approvals => {
            format!("the review {id} waits for {more} more: `countersign review approve {id}`")
        }
        Some(_) => format!("the review {id} waits: `countersign review approve {id}`"),
    }
}

impl JsonChange {
    /// Whether it has what it needs.
    pub(super) fn has_it(&self) -> bool {
        self.has_it
    }

    /// Whether somebody has let it through alone.
    pub(super) fn is_let_through(&self) -> bool {
        self.break_glass.is_some()
    }

    /// What is missing.
    pub(super) fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }

    /// What it needs, in words.
    pub(crate) fn needs(&self) -> &str {
        &self.needs
    }

    /// Whether it lacks what it needs, and nothing lets it through.
    pub(super) fn stops(&self) -> bool {
        !self.has_it && self.mode == Mode::Enforce && self.break_glass.is_none()
    }

    /// How what it lacks is told: what a break-glass lets through is a warning at least.
    fn told_as(&self) -> Mode {
        if self.break_glass.is_some() { self.mode.min(Mode::Warn) } else { self.mode }
    }

    /// What is missing of it, in one sentence; `None` where nothing is.
    fn lacks(&self) -> Option<String> {
        (!self.has_it).then(|| {
            let said: Vec<&str> = self.break_glass.iter().chain(&self.missing).map(String::as_str).collect();
            format!("{} needs {}: {}. {}", self.place(), self.needs, said.join("; "), self.in_words())
        })
    }

    /// Where it is, for people.
    fn place(&self) -> String {
        match &self.address {
            Some(address) => format!("{address} in {}", self.path),
            None => self.path.clone(),
        }
    }

    /// What is to be known of it, in a few words.
    pub(crate) fn in_words(&self) -> String {
        let mut words = vec![self.tier.name().to_owned()];
        if self.environment != Environment::Unknown {
            words.push(self.environment.name().to_owned());
        }
        words.extend(self.action.map(|action| countersign_engine::impact::verb(action).to_owned()));
        words.push(match (self.origin, self.counts_as) {
            (Origin::Ai, _) => "written by an AI".to_owned(),
            (Origin::Mixed, _) => "written by an AI in part".to_owned(),
            (Origin::Human, _) => "written by a person".to_owned(),
            (_, Origin::Ai) => "nobody knows who wrote it, which counts as an AI here".to_owned(),
            _ => "nobody knows who wrote it".to_owned(),
        });
        if !self.planned.is_empty() {
            words.push("by the plan".to_owned());
        }
        if !self.risks.is_empty() {
            words.push(self.risks.join(", "));
        }
        words.join(" · ")
    }
}

/// Whether a change asks somebody to look before it is merged, whatever the mode.
pub(super) fn is_worth_asking(change: &Change) -> bool {
    let needs = change.required.as_ref().is_some_and(|(_, row)| row.approvals > 0);
    needs || change.found.iter().any(|found| found.verdict >= Verdict::Review)
}
