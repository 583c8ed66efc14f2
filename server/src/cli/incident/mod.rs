//! Incidents: what changes and what commands of agents may have caused one, ranked, with the evidence for each.
//!
//! Nothing here says what did cause it. A ranking is a list of where to look first, and the part that AI tools had in it is a
//! proposal with its reasons; a person decides and signs (`closed.rs`).

mod affected;
mod changes;
mod close;
mod closed;
mod commands;
mod markdown;
mod rank;
mod role;
mod run;

pub(super) use closed::cases;
pub(super) use run::{IncidentCommand, run};

use super::person::shown;
use crate::disk::Configs;
use crate::git::{self, Git, Line};
use crate::review::repository_at;
use affected::{Affected, Asked};
use anyhow::{Context, bail};
use changes::Steps;
use commands::Record;
use countersign_commands::Effect;
use countersign_impact::Action;
use countersign_policy::{Environment, Origin, Tier};
use jiff::Timestamp;
use role::{Factors, Proposal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Candidates that are kept.
const MAX_CANDIDATES: usize = 20;

/// Moments of the timeline that are kept, and resources that are told one by one.
const MAX_LISTED: usize = 200;

/// Longest time that is looked through.
const MAX_DAYS: i64 = 366;

const DAY: i64 = 86_400_000;

/// Version of the JSON.
const VERSION: u32 = 1;

/// An incident, and what may have caused it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incident {
    /// Version of this form.
    version: u32,
    /// Its name.
    id: String,
    /// It in a few words, as whoever opened it says.
    title: String,
    /// The repository, as requests for reviews name it; without a remote, its folder.
    repository: String,
    /// When it was opened, in UTC, as RFC 3339 has it. All times are so.
    #[schemars(with = "String")]
    opened_at: Timestamp,
    /// Who opened it, where git knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opened_by: Option<String>,
    /// Where the time begins in which its cause may lie.
    #[schemars(with = "String")]
    from: Timestamp,
    /// Where it ends: when it was noticed.
    #[schemars(with = "String")]
    until: Timestamp,
    /// The last commit that is taken to have been good; left out where the history begins later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    good: Option<String>,
    /// The commit that was deployed; left out where nothing is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployed: Option<String>,
    /// What was said to be affected.
    asked: AskedFor,
    /// What that is: resources, and the files in which they are. The first 200.
    affected: Vec<Place>,
    /// How many steps of the branch were looked at: commits, and merges of branches.
    steps: usize,
    /// How many of them could not be looked at.
    unread_steps: usize,
    /// How many commands and calls of tools the record of this clone has; left out where there is no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commands: Option<usize>,
    /// What may have caused it, the likeliest first. Twenty at most.
    candidates: Vec<Candidate>,
    /// How many more there are.
    more_candidates: usize,
    /// What part AI tools may have had in it.
    proposal: Proposal,
    /// What people, AI tools and the way of working added to it.
    factors: Factors,
    /// What happened when. The first 200.
    timeline: Vec<Event>,
    /// What is not known.
    doubts: Vec<String>,
}

/// What was said to be affected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AskedFor {
    /// Addresses of resources.
    resources: Vec<String>,
    /// Globs of files, from the root of the repository.
    paths: Vec<String>,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place {
    /// The file, from the root of the repository.
    path: String,
    /// The resource; left out where it is no single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// Something that may have caused it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    /// From 0 to 100: by what it does, whether that reaches what is affected, how much depends on it, and how near it is in time. It
    /// orders candidates and is no probability.
    score: u32,
    /// When it came in or was run.
    #[schemars(with = "String")]
    at: Timestamp,
    /// What it is.
    #[serde(flatten)]
    what: What,
    /// Who wrote it, or let it be written.
    origin: Origin,
    /// The AI tools; `unknown` where no record names one.
    agents: Vec<String>,
    /// How it reaches what is affected.
    reach: Reach,
    /// Whether it does something that could be noticed: destroys, replaces, interrupts, opens or closes.
    is_harmful: bool,
    /// Whether it certainly happened, as far as the record and the text can tell.
    is_certain: bool,
    /// What speaks for it and against it, in sentences.
    evidence: Vec<String>,
    /// What policy wanted for it and did not get, and what was overridden.
    gaps: Vec<String>,
}

/// What a candidate is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum What {
    /// A step of the branch.
    Change {
        /// The commit.
        commit: String,
        /// The first line of its message.
        subject: String,
        /// What it changed, the gravest first. Ten at most.
        parts: Vec<Part>,
        /// How many more there are.
        more_parts: usize,
    },
    /// A command or a call of a tool by an agent.
    Command {
        /// The session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// SHA-256 of the command's text, which is not kept; the agent's transcript has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// The tool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool: Option<String>,
        /// The folder, from the root of the repository.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
        /// `done`, `failed`, or `not-recorded` where nothing says whether it was run.
        state: String,
        /// What it was judged to do.
        operations: Vec<Operation>,
        /// `approved` where people let it through; `asked` where a person was asked; `overridden` where it was denied and run
        /// nevertheless; `perhaps` where that may be so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passed: Option<String>,
    },
}

/// A part of a file that a step changed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Part {
    /// Where it is.
    #[serde(flatten)]
    place: Place,
    /// What applying it does to the resource that is live, where it does anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
    /// Whether data is lost for good.
    data_loss: bool,
    /// Whether something does not answer, or answers less.
    interruption: bool,
    /// Resources that depend on it.
    dependents: usize,
    /// How much it matters.
    tier: Tier,
    /// Its environment.
    environment: Environment,
    /// The risks that were found in it.
    risks: Vec<String>,
    /// Whether it is as it was, and does something else because of what is different elsewhere.
    is_only_caused: bool,
}

/// What a command did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Operation {
    /// The program or tool.
    program: String,
    /// What became of what it hit.
    effect: Effect,
    /// `local`, `shared` or `live`.
    reach: String,
    /// Whether it cannot simply be undone.
    grave: bool,
    /// Whether the command's text left no doubt.
    certain: bool,
    /// The environment.
    environment: Environment,
    /// What it hit, where that has the name of a resource that is known here. Of any other only a digest of the name is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// How something reaches what is affected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
enum Reach {
    /// It is what is affected.
    Itself,
    /// What is affected depends on it.
    Dependent {
        /// What depends on it and is affected.
        on: String,
        /// Resources on the way, and the one that is affected: 1 where it depends directly.
        distance: usize,
        /// What leads from one to the other.
        via: Vec<String>,
    },
    /// It is done to all that the configuration of a folder makes, what is affected among it.
    Whole,
    /// What it hit has a name that several resources have, and one of them leads to what is affected.
    Perhaps {
        /// That one.
        address: String,
    },
    /// It stands in the same file.
    Beside,
    /// It stands in the same folder.
    Nearby,
    /// What it hit, or what depends on that, is not known.
    Unknown,
    /// Nothing leads from it to what is affected, by the text.
    Elsewhere,
    /// Nobody said what is affected.
    NotAsked,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Event {
    /// When.
    #[schemars(with = "String")]
    at: Timestamp,
    /// What, in a sentence.
    what: String,
}

/// What is asked about.
#[derive(Debug, Clone)]
struct Question {
    /// It in a few words.
    title: String,
    /// Where the time begins, in milliseconds since 1970; where it is left out, at the good commit.
    from: Option<i64>,
    /// Where it ends.
    until: i64,
    /// The commit that was deployed.
    deployed: String,
    /// Whether somebody said so.
    is_deployed: bool,
    /// The last good one, where somebody says.
    good: Option<String>,
    /// What is affected.
    asked: Asked,
    /// A team's store, by whose record it is asked.
    store: Option<String>,
    /// The time and the commits in the words of whoever asks.
    words: Vec<String>,
}

/// The last good commit and the deployed one, on the line that leads to it, and where the time begins.
struct Window {
    line: Line,
    good: usize,
    deployed: usize,
    from: i64,
}

/// What may have caused an incident. `now` is in milliseconds since 1970.
fn incident(git: &Git, question: &Question, now: i64) -> anyhow::Result<Incident> {
    let configs = Configs::default();
    let settings = configs.of(&git.root().join("-"));
    let mut doubts = Vec::new();
    if question.from.is_some_and(|from| from >= question.until) {
        bail!("the time ends before it begins: --from has to be before --until");
    }
    let window = window(git, question, now, &mut doubts)?;
    let (good, deployed) = (window.line.commit(window.good), window.line.commit(window.deployed));
    if window.from >= question.until {
        bail!("the time ends before the good commit was made: --until has to be after that");
    }
    if question.until - window.from > MAX_DAYS * DAY {
        bail!("the time is more than {MAX_DAYS} days; let --from be later, or name the last good commit with --good");
    }
    let affected = Affected::of(git, (good, deployed), &question.asked)?;
    let time = (window.from, question.until);
    let places = (window.good, window.deployed);
    let steps = Steps::of(git, &settings, &window.line, places, time, &affected)?;
    let repository = repository_at(git.root(), Some(git), &settings.config);
    let record = match &question.store {
        Some(address) => Record::of_store(address, &repository, time, now)?,
        None => Record::of(git.root(), time, now)?,
    };
    let mut candidates = steps.candidates(&affected, time);
    candidates.extend(record.candidates(&affected, time));
    candidates.sort_by_key(|candidate| Reverse((candidate.score, candidate.at)));
    // Why it is not known that nothing is missing.
    let gaps =
        [&doubts, &affected.doubts, &steps.gaps, record.gaps()].into_iter().flatten().cloned().collect::<Vec<_>>();
    let proposal = role::propose(&candidates, &gaps);
    candidates.retain(|candidate| candidate.score > 0);
    doubts.extend(affected.doubts.iter().cloned());
    doubts.extend(steps.doubts());
    doubts.extend(record.doubts());
    let mut timeline = steps.events();
    timeline.extend(record.events());
    timeline.push(Event { at: moment(question.until), what: "The incident was noticed.".to_owned() });
    timeline.sort();
    if timeline.len() > MAX_LISTED {
        doubts.push(format!("of {} moments of the timeline the last {MAX_LISTED} are kept", timeline.len()));
        timeline.drain(..timeline.len() - MAX_LISTED);
    }
    let opened_by = git::author(&git.root().join("-"));
    let factors = role::factors(&candidates, &record);
    let more_candidates = candidates.len().saturating_sub(MAX_CANDIDATES);
    candidates.truncate(MAX_CANDIDATES);
    Ok(Incident {
        version: VERSION,
        id: closed::name(&repository, question),
        title: one_line(&question.title),
        repository,
        opened_at: moment(now),
        opened_by: opened_by.as_deref().map(one_line),
        from: moment(window.from),
        until: moment(question.until),
        good: Some(good.to_owned()),
        deployed: Some(deployed.to_owned()),
        asked: AskedFor { resources: question.asked.resources.clone(), paths: question.asked.paths.clone() },
        affected: affected.places().iter().take(MAX_LISTED).cloned().collect(),
        steps: steps.count(),
        unread_steps: steps.unread,
        commands: record.commands(),
        candidates,
        more_candidates,
        proposal,
        factors,
        timeline,
        doubts,
    })
}

fn window(git: &Git, question: &Question, now: i64, doubts: &mut Vec<String>) -> anyhow::Result<Window> {
    let unknown =
        |name: &str| format!("`{name}` is no commit of this repository; `git fetch` gets what is only at the remote");
    if git.commit("HEAD").is_err() {
        bail!("nothing is committed here yet, so there is nothing that could have caused anything");
    }
    let tip = git.commit(&question.deployed).ok().with_context(|| unknown(&question.deployed))?;
    let line = Line::to(git, &tip, now)?;
    let tip = line.place(&tip).context("the deployed commit is not on its own line")?;
    if line.ahead > 0 {
        doubts.push(format!(
            "{} of the commits are dated ahead of this machine's clock; they and those that follow count as made just now",
            line.ahead
        ));
    }
    let good = if let Some(name) = &question.good {
        let commit = git.commit(name).ok().with_context(|| unknown(name))?;
        let place = line.place(&commit).with_context(|| {
                format!(
                    "`{name}` is not on the line of first parents of `{}`; name a commit that was deployed from that branch",
                    question.deployed
                )
            })?;
        if place >= tip {
            bail!("the good commit is not before the deployed one, so nothing came in between");
        }
        Some(place)
    } else {
        doubts.push(
                "which commit was live when all was well is not known; the last one before that moment is taken, and what was \
                 merged before and deployed after is missing. --good names it"
                    .to_owned(),
            );
        question.from.and_then(|from| line.before(from))
    };
    // What somebody says was deployed was deployed, whatever its date is.
    let deployed = match line.before(question.until).map(|last| last.min(tip)) {
        _ if question.is_deployed => tip,
        Some(last) => last,
        None => {
            doubts.push("all commits are younger than the time".to_owned());
            0
        }
    };
    if deployed < tip {
        doubts.push(format!("{} of the commits are younger than the time; they are not looked at", tip - deployed));
    }
    let good = good.unwrap_or_else(|| {
        let why = if git::is_shallow(git.root()) {
            "this clone is shallow and ends within the time; `git fetch --unshallow` gets the rest"
        } else {
            "the history begins within the time; what its first commit brought is not looked at"
        };
        doubts.push(why.to_owned());
        0
    });
    let from = match question.from {
        Some(from) => from,
        None => line.time(good),
    };
    Ok(Window { good: good.min(deployed), deployed, line, from })
}

/// A moment in milliseconds since 1970; one that no calendar has is 1970.
fn moment(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

/// A text of others, as one line without what a terminal would take for its own.
fn one_line(text: &str) -> String {
    shown(text).replace('\n', " ")
}
