//! Where each request stands for whoever is at work here, as an editor shows it.

use super::{Change, Situation};
use countersign_review::{Answer, Decision, Judged, NAMESPACE, Request, Standing};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Somebody has still to approve it.
    Waiting,
    /// It has all approvals that it needs.
    Approved,
    /// Somebody has rejected it.
    Rejected,
    /// What it is about has become another text since, or the base has moved.
    Void,
    /// It is about nothing that is still to be merged: that was merged, or taken back.
    Past,
}

/// One request, as it stands.
pub(crate) struct Told<'s> {
    pub(crate) request: &'s Request,
    /// What is different now in the place that it is about.
    pub(crate) change: Option<&'s Change>,
    pub(crate) state: State,
    /// Why it does not hold for what is there now, where it does not.
    pub(crate) why_void: Option<String>,
    /// Who has answered.
    pub(crate) answers: Vec<Said>,
    /// Those whose approval counted for the text that it is about, where that is another one now and no approval counts for it.
    pub(crate) voided: Vec<String>,
    /// Why whoever is at work here does not approve it, and does not reject it; `None` for what may be done.
    pub(crate) refused: [Option<String>; 2],
}

/// What somebody answered.
pub(crate) struct Said {
    /// Who, by the signature; where the answer does not count, the name of its file.
    pub(crate) who: String,
    /// What; `None` where it does not count.
    pub(crate) decision: Option<Decision>,
    /// When; only where it counts.
    pub(crate) at: Option<Timestamp>,
    /// Why; only where it counts, for else anybody may have written it.
    pub(crate) why: String,
    /// Why it does not count.
    pub(crate) refused: Option<String>,
}

impl Situation {
    /// All requests, by name, as they stand for somebody; for nobody in particular where git does not say who is at work.
    pub(crate) fn told(&self, reviewer: Option<&str>) -> Vec<Told<'_>> {
        self.reviews.requests().map(|request| self.one(request, reviewer)).collect()
    }

    fn one<'s>(&'s self, request: &'s Request, reviewer: Option<&str>) -> Told<'s> {
        let is_there = |change: &&Change| {
            (&change.bound.path, &change.bound.address) == (&request.bound.path, &request.bound.address)
        };
        let past = |why_void: String| Told {
            request,
            change: None,
            state: State::Past,
            why_void: Some(why_void),
            answers: Vec::new(),
            voided: Vec::new(),
            refused: [const { None }; 2],
        };
        let Some(change) = self.changes.iter().find(is_there) else {
            let place = request.bound.place();
            return past(format!("nothing of {place} is different from {} now", self.base));
        };
        let differs = request.bound.differs(&change.bound);
        // Of a request between two other texts nobody knows whether it was merged, so nothing is said of its approvals.
        let is_of_this =
            request.bound.from_sha256 == change.bound.from_sha256 || request.bound.to_sha256 == change.bound.to_sha256;
        if let Some(why) = differs.clone().filter(|_| !is_of_this) {
            return past(why);
        }
        let (standing, judged) = self.answered(request, change);
        let state = match (&differs, &standing) {
            (Some(_), _) | (None, Standing::Void(_)) => State::Void,
            (None, Standing::Approved(_)) => State::Approved,
            (None, Standing::Rejected(_)) => State::Rejected,
            (None, Standing::Waits(_)) => State::Waiting,
        };
        let needs_any = change.required.as_ref().is_none_or(|(_, row)| row.approvals > 0);
        let voided = match (state, standing) {
            (State::Void, Standing::Rejected(_)) => Vec::new(),
            (State::Void, _) if needs_any && !self.is_approved_by_any(change) => approved_by(&judged),
            _ => Vec::new(),
        };
        let refused = [Decision::Approve, Decision::Reject].map(|decision| {
            let own = reviewer.and_then(|reviewer| self.said(&judged, reviewer));
            match (state, reviewer) {
                (State::Void | State::Past, _) => differs.clone(),
                (_, None) => Some("git does not say who you are; set `user.name` and `user.email`".to_owned()),
                _ if own == Some(decision) => Some(format!("you have {} it", super::word(decision))),
                (State::Approved, Some(_)) if decision == Decision::Approve => {
                    Some("it has all approvals that it needs".to_owned())
                }
                (_, Some(reviewer)) => self.refuses(request, change, reviewer, decision),
            }
        });
        let answers = judged.into_iter().map(|judged| self.in_detail(request, judged)).collect();
        Told { request, change: Some(change), state, why_void: differs, answers, voided, refused }
    }

    /// Where a request stands for the text that it is about itself, by what the change in its place needs now.
    fn answered(&self, request: &Request, change: &Change) -> (Standing, Vec<Judged>) {
        let (people, now) = (self.config.config.people(), self.at);
        self.reviews.judged(request, &request.bound, change, &self.signers, people, now)
    }

    fn is_approved_by_any(&self, change: &Change) -> bool {
        !self.approved_by(change).is_empty()
    }

    /// The people whose approval of a change counts.
    pub(crate) fn approved_by(&self, change: &Change) -> Vec<String> {
        approved_by(&self.stands(change).judged)
    }

    /// What somebody has answered, under whatever name.
    fn said(&self, judged: &[Judged], reviewer: &str) -> Option<Decision> {
        let names = self.signers.same_person(reviewer);
        let mut own =
            judged.iter().filter_map(|one| one.said.as_ref().ok()).filter(|(who, _)| names.contains(&who.as_str()));
        own.next_back().map(|(_, decision)| *decision)
    }

    fn in_detail(&self, request: &Request, judged: Judged) -> Said {
        match judged.said {
            Ok((who, decision)) => {
                let bytes = self.reviews.answer(&request.request_id, &judged.file);
                let answer = bytes.and_then(|bytes| Answer::read(bytes).ok());
                let at = answer.as_ref().map(|answer| answer.at);
                let why = answer.map(|answer| answer.why).unwrap_or_default();
                Said { who, decision: Some(decision), at, why, refused: None }
            }
            Err(why) => Said { who: judged.file, decision: None, at: None, why: String::new(), refused: Some(why) },
        }
    }

    /// All names that somebody has among the signers; an error says that there is none, and how to have one.
    pub(crate) fn names_of(&self, who: &str) -> Result<Vec<&str>, String> {
        let names = self.signers.same_person(who);
        if names.is_empty() {
            let signers = &self.config.config.review.signers;
            return Err(format!(
                "{who} is not among the signers, so the signature would count for nothing; a line `{who} \
                 namespaces=\"{NAMESPACE}\" ssh-ed25519 AAAA…` in {signers} of the base makes you one"
            ));
        }
        Ok(names)
    }

    /// Why somebody does not answer a request about a change; `None` for who may.
    pub(crate) fn refuses(
        &self,
        request: &Request,
        change: &Change,
        reviewer: &str,
        decision: Decision,
    ) -> Option<String> {
        let names = match self.names_of(reviewer) {
            Ok(names) => names,
            Err(why) => return Some(why),
        };
        let row = change.required.as_ref().map(|(_, row)| row);
        let people = self.config.config.people();
        if let Some(why) = row.and_then(|row| row.refuses(people, &names, &change.owners)) {
            return Some(format!("this is not for you to answer: {why}"));
        }
        let own = change.not_own(row.is_some_and(|row| row.own), &request.requested_by);
        let is_own = names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        (is_own && decision == Decision::Approve).then(|| {
            format!("{reviewer} wrote the change or asks for the review, and nobody approves what is their own")
        })
    }
}

/// The people whose approval counts.
fn approved_by(judged: &[Judged]) -> Vec<String> {
    let said = judged.iter().filter_map(|one| one.said.as_ref().ok());
    said.filter(|(_, decision)| *decision == Decision::Approve).map(|(who, _)| who.clone()).collect()
}
