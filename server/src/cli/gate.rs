//! `countersign gate`: whether every change of a range has what policy wants for it.

use super::{FAILED, print};
use crate::git::Git;
use crate::review::{Change, PlanFile, Planned, Situation, Stands, word};
use clap::{Args, ValueEnum};
use countersign_engine::report::JsonProblem;
use countersign_policy::{Environment, Mode, Origin, Tier, Verdict};
use countersign_review::Standing;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
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
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs; `countersign schema gate` prints the schema.
    Json,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
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
    /// What could not be read; while there is any, nothing has passed.
    problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<String>,
}

/// One change, and what it has of what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonChange {
    /// The file, from the root of the repository.
    path: String,
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    /// `approved`, `waiting`, `rejected`, or `none` where nobody has asked.
    state: &'static str,
    /// Those who have approved or rejected it, as far as that counts.
    answered: Vec<String>,
    /// What is missing, and why what is there does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Those of the signers who may give an approval that is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    who_may: Vec<String>,
}

pub(super) fn run(arguments: &GateArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new(""))?;
    let plans = arguments.plan.iter().map(|plan| PlanFile::read(&git, plan)).collect::<anyhow::Result<Vec<_>>>()?;
    let situation = Situation::of_commit(&git, &arguments.base, &arguments.head, &plans)?;
    let gate = judged(situation);
    match arguments.format {
        Format::Human => print(&human(&gate))?,
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&gate)?))?,
        Format::Github => print(&github(&gate))?,
    };
    if arguments.format != Format::Human {
        for problem in &gate.problems {
            anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
        }
    }
    Ok(match (gate.problems.is_empty(), gate.passed) {
        (false, _) => ExitCode::from(FAILED),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
    })
}

/// What a gate says of a situation.
fn judged(mut situation: Situation) -> JsonGate {
    let changes: Vec<JsonChange> = situation.changes.iter().filter_map(|change| json(&situation, change)).collect();
    let reviews = std::mem::take(&mut situation.reviews.problems).into_iter();
    let mut problems = situation.problems;
    problems.extend(reviews.map(|(path, message)| JsonProblem { path, message }));
    let is_open = |change: &JsonChange| !change.has_it && change.mode == Mode::Enforce;
    JsonGate {
        base: situation.base,
        passed: problems.is_empty() && !changes.iter().any(is_open),
        changes,
        problems,
        doubts: situation.doubts,
    }
}

/// A change as it is told; `None` where policy wants nothing for it.
pub(super) fn json(situation: &Situation, change: &Change) -> Option<JsonChange> {
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
    if !change.has_trailer {
        let trailer = required.trailer.as_deref().unwrap_or_default();
        missing.push(format!("no commit of it has the trailer `{trailer}:` in the last paragraph of its message"));
    }
    let mut risks: Vec<String> = change.found.iter().map(|found| found.risk.clone()).collect();
    risks.dedup();
    let who_may = if is_approved { Vec::new() } else { situation.who_may(change) };
    let answered = stands.judged.iter().filter_map(|one| one.said.as_ref().ok());
    Some(JsonChange {
        path: change.bound.path.clone(),
        address: change.bound.address.clone(),
        review: change.bound.id(),
        tier: change.tier,
        environment: change.environment,
        origin: change.origin,
        counts_as: change.counts_as,
        action: change.impact.map(|impact| impact.action),
        risks,
        planned: change.planned.iter().map(Planned::in_words).collect(),
        row: row.map(|row| row + 1),
        needs: required.in_words(),
        mode: required.mode,
        has_it: missing.is_empty(),
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
    /// What it needs, in words.
    pub(super) fn needs(&self) -> &str {
        &self.needs
    }

    /// Where it is, for people.
    fn place(&self) -> String {
        match &self.address {
            Some(address) => format!("{address} in {}", self.path),
            None => self.path.clone(),
        }
    }

    /// What is to be known of it, in a few words.
    pub(super) fn in_words(&self) -> String {
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

/// Changes, for people.
pub(super) fn human_changes(changes: &[JsonChange]) -> String {
    let mut text = String::new();
    for change in changes {
        let sign = match (change.has_it, change.mode) {
            (true, _) => "passed  ",
            (false, Mode::Enforce) => "MISSING ",
            (false, Mode::Warn) => "warning ",
            (false, Mode::Observe) => "observed",
        };
        let _ = writeln!(text, "{sign}  {}\n          {}", change.place(), change.in_words());
        for planned in &change.planned {
            let _ = writeln!(text, "          {planned}");
        }
        let by = change.row.map_or("for the plan".to_owned(), |row| format!("row {row} of [[require]]"));
        let _ = writeln!(text, "          needs {} ({by})", change.needs);
        for said in change.answered.iter().chain(&change.missing) {
            let _ = writeln!(text, "          {said}");
        }
        if !change.who_may.is_empty() {
            let _ = writeln!(text, "          {} may approve it", change.who_may.join(", "));
        } else if !change.has_it && change.state != "rejected" {
            let _ = writeln!(
                text,
                "          none of the signers may approve it, by countersign.toml and the signers' file"
            );
        }
        text.push('\n');
    }
    text
}

fn human(gate: &JsonGate) -> String {
    let mut text = human_changes(&gate.changes);
    for problem in &gate.problems {
        let _ = writeln!(text, "countersign: {}: {}", problem.path, problem.message);
    }
    for doubt in &gate.doubts {
        let _ = writeln!(text, "countersign: {doubt}");
    }
    let missing = gate.changes.iter().filter(|change| !change.has_it && change.mode == Mode::Enforce).count();
    let would = gate.changes.iter().filter(|change| !change.has_it && change.mode != Mode::Enforce).count();
    let against = format!("against {}", gate.base);
    let _ = match (gate.problems.is_empty(), missing) {
        (false, _) => writeln!(text, "Not passed {against}: something could not be read."),
        (true, 0) if gate.changes.is_empty() => writeln!(text, "Passed {against}: no change needs anything."),
        (true, 0) => writeln!(text, "Passed {against}."),
        (true, 1) => writeln!(text, "Not passed {against}: 1 change lacks what it needs."),
        (true, more) => writeln!(text, "Not passed {against}: {more} changes lack what they need."),
    };
    if would > 0 {
        let _ = writeln!(text, "Enforcement would have stopped {would} more.");
    }
    super::person::shown(&text)
}

fn github(gate: &JsonGate) -> String {
    let mut text = String::new();
    for change in gate.changes.iter().filter(|change| !change.has_it) {
        let level = match change.mode {
            Mode::Enforce => "error",
            Mode::Warn => "warning",
            Mode::Observe => "notice",
        };
        let message =
            format!("{} needs {}: {}. {}", change.place(), change.needs, change.missing.join("; "), change.in_words());
        let title = "Countersign: an approval is missing";
        let _ = writeln!(
            text,
            "::{level} file={},title={}::{}",
            super::github::property(&change.path),
            super::github::property(title),
            super::github::data(&message)
        );
    }
    text
}

/// Whether a change asks somebody to look before it is merged, whatever the mode.
pub(super) fn is_worth_asking(change: &Change) -> bool {
    let needs = change.required.as_ref().is_some_and(|(_, row)| row.approvals > 0);
    needs || change.found.iter().any(|found| found.verdict >= Verdict::Review)
}
