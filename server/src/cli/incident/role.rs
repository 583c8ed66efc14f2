//! What part AI tools may have had in an incident: a proposal, never a fact.

use super::changes::APPROVED;
use super::commands::{Record, verb};
use super::{Candidate, Reach, What};
use countersign_commands::Effect;
use countersign_policy::Origin;
use countersign_review::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is proposed, for a person to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proposal {
    /// What part AI tools may have had: `primary`, `contributory`, `incidental`, `none` or `unknown`.
    #[schemars(with = "String")]
    pub(super) role: Role,
    /// Why, in sentences.
    pub(super) reasons: Vec<String>,
}

/// What people, AI tools and the way of working added to it, in sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Factors {
    /// What AI tools wrote and ran.
    pub(super) ai: Vec<String>,
    /// What people wrote and let through.
    pub(super) human: Vec<String>,
    /// What policy wanted and did not get, and what nobody is known to have written.
    pub(super) process: Vec<String>,
}

/// Candidates below this part of the first one's score are no rivals of it.
const RIVAL: f64 = 0.6;

/// Whether something that may be noticed is known to lead to what is affected.
fn is_likely(candidate: &Candidate) -> bool {
    candidate.is_harmful
        && matches!(candidate.reach, Reach::Itself | Reach::Dependent { .. } | Reach::Whole | Reach::NotAsked)
}

fn is_ai(candidate: &Candidate) -> bool {
    candidate.origin.is_ai()
}

/// What part AI tools may have had, by the candidates, the likeliest first. `gaps` says why it is not known that nothing is missing.
pub(super) fn propose(candidates: &[Candidate], gaps: &[String]) -> Proposal {
    let proposal = |role: Role, reasons: Vec<String>| Proposal { role, reasons };
    let mut likely = candidates.iter().filter(|candidate| is_likely(candidate));
    let Some(first) = likely.next() else { return without_likely(candidates, gaps) };
    let mut reasons = vec![format!("The likeliest candidate is {}.", what(first))];
    if first.reach == Reach::NotAsked {
        reasons.push("Nobody said what is affected, so it is not known whether it leads there.".to_owned());
        return proposal(Role::Unknown, reasons);
    }
    let rival = likely
        .filter(|other| f64::from(other.score) >= RIVAL * f64::from(first.score))
        .find(|other| is_ai(other) != is_ai(first));
    if let Some(rival) = rival {
        reasons.push(format!("{} is nearly as likely, and is not by the same.", sentence(&what(rival))));
        return proposal(Role::Unknown, reasons);
    }
    match first.origin {
        Origin::Ai if first.is_certain => {
            reasons.push(format!("It is by {}.", tools(first)));
            proposal(Role::Primary, reasons)
        }
        Origin::Ai => {
            reasons.push(format!("It is by {}, and whether it did that is not certain.", tools(first)));
            proposal(Role::Unknown, reasons)
        }
        Origin::Mixed => {
            reasons.push(format!("{} had a part in it, and so had somebody else.", sentence(&tools(first))));
            proposal(Role::Contributory, reasons)
        }
        Origin::Unknown | Origin::Suspected => {
            reasons.push("Nobody knows who wrote it: no note or tag says so.".to_owned());
            proposal(Role::Unknown, reasons)
        }
        Origin::Human => {
            reasons.push("A person wrote it.".to_owned());
            if let Some(gap) = gaps.first() {
                reasons.push(format!("What else there was is not known in full: {gap}."));
                proposal(Role::Unknown, reasons)
            } else if candidates.iter().any(is_ai) {
                reasons.push("What AI tools did in that time is less likely.".to_owned());
                proposal(Role::Incidental, reasons)
            } else {
                proposal(Role::None, reasons)
            }
        }
    }
}

/// The same where of nothing it is known that it did what leads to what is affected.
fn without_likely(candidates: &[Candidate], gaps: &[String]) -> Proposal {
    let nothing = "Of nothing that is known of it is known that it leads to what is affected and could be noticed.";
    let mut reasons = vec![nothing.to_owned()];
    let is_near = |candidate: &&Candidate| !matches!(candidate.reach, Reach::Elsewhere | Reach::Nearby);
    let near = candidates.iter().find(|candidate| is_ai(candidate) && is_near(candidate));
    let ai = candidates.iter().filter(|candidate| is_ai(candidate)).count();
    let unknown = candidates.iter().find(|candidate| matches!(candidate.origin, Origin::Unknown | Origin::Suspected));
    let role = if let Some(near) = near {
        reasons.push(format!("{} may touch it; what that did there is not known.", sentence(&what(near))));
        Role::Unknown
    } else if let Some(gap) = gaps.first() {
        reasons.push(format!("What there was is not known in full: {gap}."));
        Role::Unknown
    } else if let Some(unknown) = unknown {
        reasons.push(format!("Nobody knows who wrote {}.", what(unknown)));
        Role::Unknown
    } else if ai > 0 {
        reasons.push(format!(
            "{ai} of {} candidates are by AI tools, and by the text nothing leads from them to it.",
            candidates.len()
        ));
        Role::Incidental
    } else if candidates.is_empty() {
        reasons.push("Nothing came in, and no command is recorded.".to_owned());
        Role::Unknown
    } else {
        reasons.push("All that came in is by people.".to_owned());
        Role::None
    };
    Proposal { role, reasons }
}

/// The AI tools of a candidate, in words.
pub(super) fn tools(candidate: &Candidate) -> String {
    match candidate.agents.as_slice() {
        [] => "an AI tool".to_owned(),
        [one] if one == crate::cli::stamp::UNNAMED => "an AI tool that no record names".to_owned(),
        agents => agents.join(", "),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A candidate in a few words.
pub(super) fn what(candidate: &Candidate) -> String {
    match &candidate.what {
        What::Change { commit, subject, .. } => format!("commit {} ({subject})", commit.get(..12).unwrap_or(commit)),
        What::Command { operations, tool, .. } => {
            let first = operations.first();
            let program = tool.as_deref().or(first.map(|one| one.program.as_str())).unwrap_or("a command");
            let does = verb(first.map_or(Effect::Unknown, |one| one.effect));
            format!("the command of {} at {} ({program}, which {does})", tools(candidate), candidate.at)
        }
    }
}

/// What people, AI tools and the way of working added to it, by the candidates that are likely.
pub(super) fn factors(candidates: &[Candidate], record: &Record) -> Factors {
    let mut factors = Factors::default();
    let likely: Vec<&Candidate> = candidates.iter().filter(|candidate| is_likely(candidate)).take(5).collect();
    for candidate in likely {
        let name = what(candidate);
        let what = sentence(&name);
        match candidate.origin {
            Origin::Ai => factors.ai.push(format!("{what} is by {}.", tools(candidate))),
            Origin::Mixed => {
                factors.ai.push(format!("{} had a part in {name}.", sentence(&tools(candidate))));
                factors.human.push(format!("So had somebody else in {name}."));
            }
            Origin::Human => factors.human.push(format!("{what} is by a person.")),
            Origin::Unknown | Origin::Suspected => factors.process.push(format!("Nobody knows who wrote {name}.")),
        }
        let approved = candidate.evidence.iter().filter(|it| it.starts_with(APPROVED));
        factors.human.extend(approved.map(|it| format!("{what}: {it}")));
        if let What::Command { passed: Some(passed), .. } = &candidate.what {
            match passed.as_str() {
                "approved" => factors.human.push(format!("People let {name} through.")),
                "asked" => factors.human.push(format!("A person was asked about {name}.")),
                _ => {}
            }
        }
        factors.process.extend(candidate.gaps.iter().map(|gap| format!("{what}: {gap}.")));
    }
    if record.anomalies > 0 {
        factors.ai.push(format!(
            "What agents did was out of the ordinary {} times; the timeline says when.",
            record.anomalies
        ));
    }
    factors
}
