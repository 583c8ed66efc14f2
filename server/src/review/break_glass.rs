//! Break-glasses: what somebody lets through alone in an emergency, and who has looked at it since.

use super::kept::{is_taken_away, with_signature};
use super::{Change, REVIEWS, Reviews, Situation, Stands};
use countersign_policy::is_rulebook;
use countersign_review::{Bound, BreakGlass, Given, Need, Rules, Standing, standing};
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// The folder of break-glasses among those of the answers: no request is called so.
pub(super) const BREAK_GLASS: &str = "break-glass";

/// A break-glass that somebody gave who may.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    /// The name of its file.
    pub(crate) file: String,
    /// What was signed.
    pub(crate) given: Given,
}

/// The break-glasses of a repository: each with the name of its file, and as it was judged.
pub(super) type Judged = Vec<(String, Result<Broken, Refused>)>;

/// One that counts for nothing.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    /// What it says, where it can be read.
    glass: Option<BreakGlass>,
    why: String,
}

impl Broken {
    /// In words, for whoever looks at what it let through.
    pub(crate) fn in_words(&self) -> String {
        let BreakGlass { by, expires, reason, .. } = &self.given.statement;
        let until = expires.round(jiff::Unit::Second).unwrap_or(*expires);
        format!("passed by break-glass of {by} until {until}, to be reviewed afterwards ({reason})")
    }
}

impl Situation {
    /// The break-glass that lets a change through which lacks something; where there is none, why those do not that name its place.
    /// What says who may do what passes by none, nor does what somebody has rejected.
    pub(crate) fn broken(&self, change: &Change, stands: &Stands) -> Result<Broken, Vec<String>> {
        let now = self.at;
        let bound = &change.bound;
        let names = |glass: &BreakGlass| {
            glass.changes.iter().any(|it| (&it.path, &it.address) == (&bound.path, &bound.address))
        };
        let mut why = Vec::new();
        for (file, judged) in self.judged_glasses(now) {
            let refusal = match judged {
                Ok(broken) => {
                    let refusal = match &stands.standing {
                        _ if is_rulebook(&bound.path, &self.config.config.review.signers) => {
                            Some("no break-glass covers what says who may do what".to_owned())
                        }
                        Some(Standing::Rejected(_)) => Some("the change was rejected".to_owned()),
                        _ if is_taken_away(file) => Some("its file is not there any more".to_owned()),
                        _ => broken.given.refuses(bound, &self.left, now),
                    };
                    match refusal {
                        None => return Ok(broken.clone()),
                        Some(refusal) => names(&broken.given.statement).then_some(refusal),
                    }
                }
                Err(refused) => refused.glass.as_ref().is_none_or(names).then(|| refused.why.clone()),
            };
            why.extend(refusal.map(|refusal| format!("the break-glass {file} does not count: {refusal}")));
        }
        Err(why)
    }

    /// The break-glasses of which somebody else has still to look at something, whether they hold or not, each with what that is.
    pub(crate) fn unreviewed(&self) -> Vec<(Broken, Vec<Bound>)> {
        let now = self.at;
        let given = self.judged_glasses(now).iter().filter_map(|(_, judged)| judged.as_ref().ok());
        let open = |broken: &Broken| {
            let BreakGlass { changes, by, .. } = &broken.given.statement;
            let is_open = |bound: &&Bound| {
                ![&self.reviews, &self.merged].iter().any(|reviews| self.is_reviewed(reviews, bound, by, now))
            };
            let bounds = changes.iter().filter(is_open);
            (broken.clone(), bounds.cloned().collect::<Vec<_>>())
        };
        given.map(open).filter(|(_, bounds)| !bounds.is_empty()).collect()
    }

    /// Whether by these reviews somebody else than `by` has approved or rejected this very change.
    fn is_reviewed(&self, reviews: &Reviews, bound: &Bound, by: &str, now: Timestamp) -> bool {
        let Some(request) = reviews.request(&bound.id()).filter(|request| request.bound == *bound) else {
            return false;
        };
        let change = self.changes.iter().find(|change| change.bound == *bound);
        let row = change.and_then(|change| Some((&change.required.as_ref()?.1, &change.owners)));
        let people = self.config.config.people();
        let refuses = |emails: &[&str]| row.and_then(|(row, owners)| row.refuses(people, emails, owners));
        let need = Need { own: vec![by.to_owned()], refuses: &refuses, ..Need::people(1) };
        let answers = reviews.answers(&request.request_id);
        match standing(request, Ok(bound), &answers, &self.signers, &need, now).0 {
            Standing::Approved(_) => true,
            Standing::Rejected(who) => who.iter().any(|who| !self.signers.same_person(by).contains(&who.as_str())),
            Standing::Waits(_) | Standing::Void(_) => false,
        }
    }

    /// Every break-glass, as it was judged by the policy and the signers that hold here.
    fn judged_glasses(&self, now: Timestamp) -> &Judged {
        self.glasses.get_or_init(|| {
            let all = self.reviews.answers(BREAK_GLASS).into_iter();
            let judge = |(file, bytes, signature): (String, Vec<u8>, Vec<u8>)| {
                let refused = |why| Refused { glass: BreakGlass::read(&bytes).ok(), why };
                let judged = self.judge_glass(&bytes, &signature, now).map_err(refused);
                (file.clone(), judged.map(|given| Broken { file, given }))
            };
            all.map(judge).collect()
        })
    }

    /// A break-glass that somebody gave who may, or why it is none.
    pub(crate) fn judge_glass(&self, bytes: &[u8], signature: &[u8], now: Timestamp) -> Result<Given, String> {
        let Some(policy) = &self.config.config.break_glass else {
            return Err("policy lets nobody break the glass: `countersign.toml` has no `[break_glass]`".to_owned());
        };
        let people = self.config.config.people();
        let rules = Rules {
            signers: &self.signers,
            longest: SignedDuration::from_hours(i64::from(policy.hours.get())),
            hardware: policy.hardware,
            refuses: &|emails| policy.refuses(people, emails),
        };
        Given::read(bytes, signature, &rules, now)
    }
}

/// The names of the files of a break-glass and its signature, from the root of the repository.
pub(crate) fn break_glass_files(id: &str) -> (PathBuf, PathBuf) {
    with_signature(Path::new(REVIEWS).join(BREAK_GLASS).join(format!("{id}.json")))
}
