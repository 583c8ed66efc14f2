//! The changes that reached what was deployed, step by step of the branch.

use super::affected::Affected;
use super::rank::{Facts, harm_of_change, is_harmful, score};
use super::{Candidate, Event, Part, Place, Reach, What, moment, one_line};
use crate::cli::first_of;
use crate::cli::stamp::{UNNAMED, agents, counted, standing};
use crate::disk::FolderConfig;
use crate::git::{Git, Line, Step};
use crate::review::{Change, Situation, is_of_interest};
use countersign_engine::impact::verb;
use countersign_impact::Action;
use countersign_policy::{Environment, Mode, Origin, Severity, Tier};
use countersign_provenance::trailers::trailers;
use std::collections::BTreeSet;

/// Steps that are looked at, the last ones.
const MAX_STEPS: usize = 1_000;

/// Parts of a step that are told one by one.
const MAX_PARTS: usize = 10;

/// Paths from which something may follow, and what a part lacked, that are told one by one.
const MAX_PATHS: usize = 5;
const MAX_GAPS: usize = 10;

/// How the evidence begins that says who approved it.
pub(super) const APPROVED: &str = "Approved by";

/// A step, and what it changed.
struct Looked {
    commit: String,
    subject: String,
    /// A file of it that was asked about, and of which nothing else is known.
    only_named: Option<String>,
    /// The AI tools that its message names.
    named: BTreeSet<String>,
    at: i64,
    parts: Vec<LookedPart>,
}

/// One part that it changed, with where that stood with policy.
struct LookedPart {
    change: Change,
    worst: Option<Severity>,
    gaps: Vec<String>,
    approved_by: Vec<String>,
}

/// The steps of a time.
pub(super) struct Steps {
    looked: Vec<Looked>,
    /// How many could not be looked at.
    pub(super) unread: usize,
    /// Why there may be more that came in.
    pub(super) gaps: Vec<String>,
    /// What is not looked at by nature.
    notes: Vec<String>,
}

impl Steps {
    /// Looks at the steps after one place of a line up to another.
    pub(super) fn of(
        git: &Git,
        config: &FolderConfig,
        line: &Line,
        (good, deployed): (usize, usize),
        (from, _): (i64, i64),
        affected: &Affected,
    ) -> anyhow::Result<Self> {
        let mut found = Self { looked: Vec::new(), unread: 0, gaps: Vec::new(), notes: Vec::new() };
        let mut steps = line.steps(git, good, deployed)?;
        let all = steps.len();
        steps.retain(|(step, _)| is_of_interest(step, config) || affected.names_file(&step.files).is_some());
        if steps.len() < all {
            found.gaps.push(format!(
                "{} changed only files of which nothing is known here, programs for instance; they are not looked at",
                counted(all - steps.len(), "step")
            ));
        }
        if let Some(more) = steps.len().checked_sub(MAX_STEPS).filter(|more| *more > 0) {
            found.gaps.push(format!("the oldest {more} steps are not looked at; a shorter time has them all"));
            steps.drain(..more);
        }
        let early = steps.iter().filter(|(_, at)| *at < from).count();
        if early > 0 {
            found.notes.push(format!(
                "{} since the last good commit came in before the time; they are looked at all the same",
                counted(early, "step")
            ));
        }
        let merges = steps.iter().filter(|(step, _)| step.parents.len() > 1).count();
        if merges > 0 {
            found.gaps.push(format!(
                "of {} what the branch brought is looked at, and not what the merge itself changed or left out",
                counted(merges, "merge")
            ));
        }
        let messages = git.messages(steps.iter().map(|(step, _)| step.commit.as_str()))?;
        let mut problems = BTreeSet::new();
        Situation::of_steps(git, &steps, |step, at, situation| match situation {
            Ok(situation) => {
                let all = situation.all_problems().into_iter().map(|it| format!("{}: {}", it.path, it.message));
                problems.extend(all.chain(situation.doubts.iter().cloned()));
                let message = messages.get(&step.commit).map(String::as_str).unwrap_or_default();
                let named = affected.names_file(&step.files);
                found.looked.push(Looked::of(step, message, at, &situation, named));
            }
            Err(error) => {
                found.unread += 1;
                problems.insert(format!("commit {}: {error:#}", step.commit.get(..12).unwrap_or_default()));
            }
        });
        found.gaps.extend(first_of(problems));
        Ok(found)
    }

    /// What they do not say.
    pub(super) fn doubts(&self) -> Vec<String> {
        self.gaps.iter().chain(&self.notes).cloned().collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.looked.len() + self.unread
    }

    /// What each of them may have done. `time` is that in which the cause lies, in milliseconds since 1970.
    pub(super) fn candidates(&self, affected: &Affected, time: (i64, i64)) -> Vec<Candidate> {
        self.looked.iter().filter_map(|step| step.candidate(affected, time)).collect()
    }

    /// When each of them came in.
    pub(super) fn events(&self) -> Vec<Event> {
        let event = |step: &Looked| {
            let Looked { commit, subject, at, parts, .. } = step;
            let short = commit.get(..12).unwrap_or(commit);
            let harm = parts.iter().filter(|part| part.is_harmful()).count();
            let harm = if harm > 0 { format!(", {harm} of them so that it could be noticed") } else { String::new() };
            let what = format!("{short} came in: {subject} ({} changed{harm}).", counted(parts.len(), "part"));
            Event { at: moment(*at), what }
        };
        self.looked.iter().filter(|step| !step.parts.is_empty()).map(event).collect()
    }
}

impl LookedPart {
    fn harm(&self) -> f64 {
        harm_of_change(self.change.impact.as_ref(), self.worst, self.change.tier)
    }

    fn is_harmful(&self) -> bool {
        is_harmful(self.change.impact.as_ref(), self.change.found.iter().map(|found| found.risk.as_str()))
    }

    fn place(&self) -> Place {
        Place { path: self.change.bound.path.clone(), address: self.change.bound.address.clone() }
    }
}

impl Looked {
    fn of(step: &Step, message: &str, at: i64, situation: &Situation, named_file: Option<String>) -> Self {
        let part = |change: &Change| {
            let (state, approved_by, missing) = standing(situation, change);
            // What is to be done about it was to be done then.
            let gap = |gap: String| gap.split(": `countersign ").next().unwrap_or_default().to_owned();
            let mut gaps: Vec<String> = missing.into_iter().map(gap).collect();
            if state == "break-glass" {
                gaps.push("it was let through alone, by a break-glass".to_owned());
            }
            let mode = change.required.as_ref().map(|(_, row)| row.mode);
            if let Some(mode) = mode.filter(|mode| state == "open" && *mode != Mode::Enforce) {
                let mode = if mode == Mode::Warn { "warn" } else { "observe" };
                gaps.push(format!("policy let it pass, for its mode was `{mode}`"));
            }
            let worst = change.found.iter().map(|found| found.severity).max();
            LookedPart { change: change.clone(), worst, gaps, approved_by }
        };
        let subject = one_line(message.lines().next().unwrap_or_default());
        let named = trailers(message).into_iter().map(|named| named.tool).collect();
        let parts: Vec<LookedPart> = situation.changes.iter().map(part).collect();
        let only_named = named_file.filter(|file| !parts.iter().any(|part| part.change.bound.path == *file));
        Self { commit: step.commit.clone(), subject, only_named, named, at, parts }
    }

    /// That it changed a file that was asked about and of which nothing is known.
    fn of_file(&self, file: &str, time: (i64, i64)) -> Candidate {
        let facts = Facts {
            harm: harm_of_change(None, None, Tier::Standard),
            reach: &Reach::Itself,
            dependents: 0,
            when: when(self.at, time),
            is_elsewhere: false,
            certainty: 1.0,
        };
        let what = format!(
            "It changed {file}, which is affected; what that does is not predicted, and who wrote it is not known."
        );
        let mut evidence = vec![one_line(&what), before(self.at, time)];
        evidence.extend(self.mentions());
        Candidate {
            score: score(&facts),
            at: moment(self.at),
            origin: Origin::Unknown,
            agents: Vec::new(),
            reach: Reach::Itself,
            is_harmful: false,
            is_certain: true,
            evidence,
            gaps: Vec::new(),
            what: What::Change {
                commit: self.commit.clone(),
                subject: self.subject.clone(),
                parts: Vec::new(),
                more_parts: 0,
            },
        }
    }

    /// The AI tools that its message names, which whoever wrote the message could do.
    fn mentions(&self) -> Option<String> {
        let names: Vec<&str> = self.named.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("The message of the commit names {}.", names.join(", ")))
    }

    fn candidate(&self, affected: &Affected, time: (i64, i64)) -> Option<Candidate> {
        let mut ranked: Vec<(u32, Reach, &LookedPart)> = Vec::new();
        for part in &self.parts {
            let reach = affected.reach(&part.place());
            let change = &part.change;
            let facts = Facts {
                harm: part.harm(),
                reach: &reach,
                dependents: change.impact.map_or(0, |impact| impact.dependents),
                when: when(self.at, time),
                is_elsewhere: affected.is_elsewhere(change.environment, &reach),
                certainty: 1.0,
            };
            ranked.push((score(&facts), reach, part));
        }
        ranked.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
        let of_file = self.only_named.as_ref().map(|file| self.of_file(file, time));
        let Some((score, reach, first)) = ranked.first() else { return of_file };
        if of_file.as_ref().is_some_and(|of_file| of_file.score > *score) {
            return of_file;
        }
        let mut evidence = vec![one_line(&in_words(first, reach))];
        if first.change.is_only_caused {
            let others = self.parts.iter().filter(|part| !part.change.is_only_caused).map(|part| part.place().path);
            let others: BTreeSet<String> = others.collect();
            let more = others.len().saturating_sub(MAX_PATHS);
            let more = if more > 0 { format!(" or {more} more") } else { String::new() };
            let others: Vec<String> = others.into_iter().take(MAX_PATHS).collect();
            evidence.push(one_line(&format!(
                "What is written there did not change; it may follow from {}{more}.",
                others.join(" or ")
            )));
        }
        if affected.is_elsewhere(first.change.environment, reach) {
            evidence.push(format!("It is about {}, and what is affected is not.", first.change.environment.name()));
        }
        let risks: BTreeSet<&str> = first.change.found.iter().map(|found| found.risk.as_str()).collect();
        if !risks.is_empty() {
            evidence.push(format!("Found in it: {}.", risks.into_iter().collect::<Vec<_>>().join(", ")));
        }
        evidence.push(before(self.at, time));
        if !first.approved_by.is_empty() {
            evidence.push(one_line(&format!("{APPROVED} {}.", first.approved_by.join(" and "))));
        }
        let (origin, agents) = self.writers(first);
        if origin.is_ai() && agents.iter().all(|agent| agent == UNNAMED) || origin == Origin::Unknown {
            evidence.extend(self.mentions());
        }
        let gaps: BTreeSet<&String> = first.gaps.iter().collect();
        Some(Candidate {
            score: *score,
            at: moment(self.at),
            origin,
            agents,
            reach: reach.clone(),
            is_harmful: first.is_harmful(),
            is_certain: first.change.impact.is_none_or(|impact| impact.action != Action::Unknown),
            evidence,
            gaps: gaps.into_iter().take(MAX_GAPS).map(|gap| one_line(gap)).collect(),
            what: What::Change {
                commit: self.commit.clone(),
                subject: self.subject.clone(),
                parts: ranked.iter().take(MAX_PARTS).map(|(.., looked)| part(looked)).collect(),
                more_parts: ranked.len().saturating_sub(MAX_PARTS),
            },
        })
    }

    /// Who wrote a part, and with which AI tools. What follows from elsewhere is whoever's who wrote all that was changed there; where
    /// those are several, nobody knows whose.
    fn writers(&self, part: &LookedPart) -> (Origin, Vec<String>) {
        let own = |part: &LookedPart| {
            let origin = part.change.origin;
            (origin, if origin.is_ai() { agents(&part.change) } else { Vec::new() })
        };
        if !part.change.is_only_caused {
            return own(part);
        }
        let mut written = self.parts.iter().filter(|part| !part.change.is_only_caused).map(own);
        let first = written.next();
        match first {
            Some(first) if written.all(|other| other == first) => first,
            _ => (Origin::Unknown, Vec::new()),
        }
    }
}

/// Where in a time a moment lies, from 0 to 1.
pub(super) fn when(at: i64, (from, until): (i64, i64)) -> f64 {
    let [at, all] = [at.saturating_sub(from), until.saturating_sub(from).max(1)]
        .map(|it| i32::try_from(it / 1000).unwrap_or(i32::MAX));
    f64::from(at) / f64::from(all.max(1))
}

/// How long before the end of a time a moment is, as a sentence.
pub(super) fn before(at: i64, (_, until): (i64, i64)) -> String {
    let minutes = until.saturating_sub(at).max(0) / 60_000;
    let (days, hours) = (minutes / (24 * 60), minutes / 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min before it was noticed."),
        (0, hours) => format!("{hours} h before it was noticed."),
        (days, _) => format!("{days} d {} h before it was noticed.", hours % 24),
    }
}

fn part(looked: &LookedPart) -> Part {
    let LookedPart { change, .. } = looked;
    let risks: BTreeSet<String> = change.found.iter().map(|found| found.risk.clone()).collect();
    Part {
        place: looked.place(),
        action: change.impact.map(|impact| impact.action),
        data_loss: change.impact.is_some_and(|impact| impact.data_loss),
        interruption: change.impact.is_some_and(|impact| impact.interruption),
        dependents: change.impact.map_or(0, |impact| impact.dependents),
        tier: change.tier,
        environment: change.environment,
        risks: risks.into_iter().collect(),
        is_only_caused: change.is_only_caused,
    }
}

/// What a part does, and how that reaches what is affected.
fn in_words(looked: &LookedPart, reach: &Reach) -> String {
    let change = &looked.change;
    let place = change.bound.place();
    let does = change.impact.map_or_else(
        || "nothing is predicted to happen to what is live".to_owned(),
        |impact| {
            let mut does = vec![verb(impact.action).to_owned()];
            does.extend(impact.data_loss.then(|| "data is lost".to_owned()));
            does.extend(impact.interruption.then(|| "it does not answer for a while, or answers less".to_owned()));
            does.extend((impact.dependents > 0).then(|| format!("{} depend on it", impact.dependents)));
            does.join(", ")
        },
    );
    let environment = match change.environment {
        Environment::Unknown => String::new(),
        known => format!(", {}", known.name()),
    };
    format!("{place} (tier {}{environment}): {does}. {}", change.tier.name(), reaches(reach))
}

/// How something reaches what is affected, as a sentence.
pub(super) fn reaches(reach: &Reach) -> String {
    match reach {
        Reach::Itself => "It is what is affected.".to_owned(),
        Reach::Dependent { on, distance: 1, via } if via.is_empty() => format!("{on} depends on it."),
        Reach::Dependent { on, distance: 1, via } => format!("{on} depends on it, by way of {}.", via.join(", ")),
        Reach::Dependent { on, distance, .. } => format!("{on} depends on it, {distance} resources away."),
        Reach::Whole => {
            "It is done to all that the configuration of that folder makes, what is affected among it.".to_owned()
        }
        Reach::Beside => {
            "It stands in the same file as what is affected; that one leads to the other is not known.".to_owned()
        }
        Reach::Nearby => {
            "It stands in the same folder as what is affected; that one leads to the other is not known.".to_owned()
        }
        Reach::Perhaps { address } => {
            format!("Several resources have that name; one of them, {address}, leads to what is affected.")
        }
        Reach::Unknown => "What it hit, or what depends on that, is not known.".to_owned(),
        Reach::Elsewhere => "Nothing is known that leads from it to what is affected.".to_owned(),
        Reach::NotAsked => "Nobody said what is affected.".to_owned(),
    }
}
