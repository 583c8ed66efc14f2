//! From cases to what each objective comes to.

use super::Case;
use countersign_policy::{Objectives, Percent, Within};

/// What is wanted of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objective {
    /// How many resources depend on what is destroyed, replaced or interrupted.
    BlastRadius,
    /// From the insertion to the first time that it was seen.
    Detection,
    /// From the insertion to the request of a review.
    Review,
    /// From the insertion to an answer.
    Decision,
    /// From the insertion to the moment at which what was denied was gone.
    Rollback,
}

impl Objective {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::BlastRadius, Self::Detection, Self::Review, Self::Decision, Self::Rollback];

    /// The limit that policy sets, as it is written, and as a number of what is measured.
    fn limit(self, objectives: &Objectives) -> Option<(String, i64)> {
        let time = |within: &Option<Within>| within.as_ref().map(|it| (it.to_string(), it.milliseconds()));
        match self {
            Self::BlastRadius => {
                let number = |most: u64| (most.to_string(), i64::try_from(most).unwrap_or(i64::MAX));
                objectives.dependents.map(number)
            }
            Self::Detection => time(&objectives.detection),
            Self::Review => time(&objectives.review),
            Self::Decision => time(&objectives.decision),
            Self::Rollback => time(&objectives.rollback),
        }
    }

    /// What a case comes to; `None` where it is no case of this.
    fn of(self, case: &Case, limit: Option<i64>, now: i64) -> Option<Status> {
        let moment = match self {
            Self::BlastRadius => {
                let count = case.dependents.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
                let status = count.map_or(Status::Unknown(NO_COUNT), |count| Status::Known(count, count));
                return case.is_hit.then_some(status);
            }
            Self::Detection => {
                return Some(
                    case.detection.map_or(Status::Unknown(NO_INSERTION), |(least, most)| Status::Known(least, most)),
                );
            }
            Self::Review => Some(case.asked).filter(|_| case.needs_review)?,
            Self::Decision => Some(case.decided).filter(|_| case.needs_review)?,
            Self::Rollback => {
                if !case.is_denied {
                    return None;
                }
                match case.gone {
                    Some((_, Some(false))) => return Some(Status::Unknown(NOT_MENDED)),
                    Some((_, None)) => return Some(Status::Unknown(PERHAPS_MENDED)),
                    gone => gone.map(|(at, _)| at),
                }
            }
        };
        if let Some(moment) = moment {
            return Some(
                case.since(moment).map_or(Status::Unknown(NO_INSERTION), |(least, most)| Status::Known(least, most)),
            );
        }
        let is_within =
            |moment: i64| limit.is_some_and(|limit| case.since(moment).is_some_and(|(_, most)| most <= limit));
        match (self, case.gone) {
            // There was nothing left to look at.
            (Self::Review | Self::Decision, Some((at, Some(true)))) if is_within(at) => None,
            _ if is_within(now) => Some(Status::Pending),
            (Self::Review, _) => Some(Status::Unknown(NOT_ASKED)),
            (Self::Decision, _) => Some(Status::Unknown(NOT_DECIDED)),
            _ => Some(Status::Unknown(NOT_GONE)),
        }
    }
}

const NO_COUNT: &str = "the entry does not say how many depend on it; it is older than that is recorded";
const NO_INSERTION: &str = "no insertion is recorded that it can come from";
const NOT_ASKED: &str = "no request of a review is recorded here";
const NOT_DECIDED: &str = "no answer to a review is recorded here";
const NOT_GONE: &str = "it is not recorded that it is gone";
const NOT_MENDED: &str = "it was accepted, or is somebody else's text now, and not mended";
const PERHAPS_MENDED: &str = "it is not recorded whether it was mended or accepted";

/// What is known of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// So much at least and at most: milliseconds, or resources.
    Known(i64, i64),
    /// There is time left.
    Pending,
    /// Nothing; why.
    Unknown(&'static str),
}

/// Whether an objective is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Whatever the unknown cases are.
    Kept,
    /// Whatever the unknown cases are.
    Missed,
    /// It depends on the unknown cases.
    Unknown,
    /// There was no case.
    NoCases,
    /// Policy sets no limit.
    NoLimit,
}

/// What one objective comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measure<'c> {
    /// What was measured.
    pub(crate) objective: Objective,
    /// The limit, as it is written in `countersign.toml`.
    pub(crate) limit: Option<String>,
    /// Of a hundred cases, how many have to keep it.
    pub(crate) percent: Percent,
    /// Whether it is kept.
    pub(crate) state: State,
    /// Cases that are certainly within the limit, certainly over it, neither, and those that have time left. Where there is no limit,
    /// none is within or over it.
    pub(crate) counts: Counts,
    /// Every case with what is known of it: over the limit first, then what is not known, then the rest; the most first.
    pub(crate) cases: Vec<Measured<'c>>,
}

/// How many cases there are of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) met: usize,
    pub(crate) missed: usize,
    pub(crate) unknown: usize,
    pub(crate) pending: usize,
}

/// A case and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured<'c> {
    pub(crate) case: &'c Case,
    pub(crate) status: Status,
    /// Whether it is within the limit; `None` where that is not known.
    pub(crate) is_met: Option<bool>,
}

impl Measure<'_> {
    /// What so many of a hundred of the known cases do not exceed, each taken at its upper bound: the nearest rank. `None` where no
    /// case is known.
    pub(crate) fn quantile(&self, percent: usize) -> Option<i64> {
        let mut most: Vec<i64> = self.cases.iter().filter_map(|one| one.status.most()).collect();
        most.sort_unstable();
        let rank = (most.len() * percent).div_ceil(100).max(1);
        most.get(rank - 1).copied()
    }

    /// How many cases are known.
    pub(crate) fn known(&self) -> usize {
        self.cases.iter().filter(|one| one.status.most().is_some()).count()
    }
}

impl Status {
    fn most(self) -> Option<i64> {
        if let Self::Known(_, most) = self { Some(most) } else { None }
    }

    fn is_met(self, limit: Option<i64>) -> Option<bool> {
        match (self, limit?) {
            (Self::Known(_, most), limit) if most <= limit => Some(true),
            (Self::Known(least, _), limit) if least > limit => Some(false),
            _ => None,
        }
    }
}

/// What each objective comes to by some cases. `now` is in milliseconds since 1970.
pub(crate) fn measure<'c>(cases: &'c [Case], objectives: &Objectives, now: i64) -> Vec<Measure<'c>> {
    let one = |objective: Objective| {
        let limit = objective.limit(objectives);
        let number = limit.as_ref().map(|(_, number)| *number);
        let percent = if objective == Objective::BlastRadius { Percent::ALL } else { objectives.percent };
        let of = |case: &'c Case| {
            let status = objective.of(case, number, now)?;
            Some(Measured { case, status, is_met: status.is_met(number) })
        };
        let mut cases: Vec<Measured<'c>> = cases.iter().filter_map(of).collect();
        let count = |wanted: fn(&Measured<'_>) -> bool| cases.iter().filter(|one| wanted(one)).count();
        let pending = count(|one| one.status == Status::Pending);
        let (met, missed) = (count(|one| one.is_met == Some(true)), count(|one| one.is_met == Some(false)));
        let without_limit = if number.is_none() { count(|one| one.status.most().is_some()) } else { 0 };
        let unknown = cases.len() - pending - met - missed - without_limit;
        let counts = Counts { met, missed, unknown, pending };
        cases.sort_by_key(|one| {
            let class = match (one.is_met, one.status) {
                (Some(false), _) => 0,
                (None, Status::Known(..) | Status::Unknown(_)) => 1,
                (Some(true), _) => 2,
                (None, Status::Pending) => 3,
            };
            (class, std::cmp::Reverse(one.status.most()), one.case.entry)
        });
        let state = if number.is_none() { State::NoLimit } else { counts.state(percent) };
        Measure { objective, limit: limit.map(|(text, _)| text), percent, state, counts, cases }
    };
    Objective::ALL.into_iter().map(one).collect()
}

impl Counts {
    /// Whether enough cases are within the limit, whatever the unknown ones are.
    fn state(self, percent: Percent) -> State {
        let Self { met, missed, unknown, pending: _ } = self;
        let all = met + missed + unknown;
        let is_enough = |met: usize| met * 100 >= all * usize::from(percent.get());
        if all == 0 {
            State::NoCases
        } else if is_enough(met) {
            State::Kept
        } else if is_enough(met + unknown) {
            State::Unknown
        } else {
            State::Missed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_policy::Config;

    const MINUTE: i64 = 60_000;

    fn objectives(text: &str) -> Objectives {
        let (config, problems) = Config::read(&format!("[objectives]\n{text}\n"));
        assert_eq!(problems, []);
        config.objectives
    }

    /// A case of which the text came in at minute 0, or between two minutes.
    fn case(entry: u64, change: impl FnOnce(&mut Case)) -> Case {
        let mut case = Case { entry, inserted: Some((0, 0)), needs_review: true, ..Case::default() };
        change(&mut case);
        case
    }

    fn states(cases: &[Case], text: &str, now: i64, objective: Objective) -> (State, Counts) {
        let all = measure(cases, &objectives(text), now);
        let found = all.into_iter().find(|one| one.objective == objective).expect("it is measured");
        (found.state, found.counts)
    }

    fn counts(met: usize, missed: usize, unknown: usize, pending: usize) -> Counts {
        Counts { met, missed, unknown, pending }
    }

    #[test]
    fn what_is_not_known_is_neither_kept_nor_missed() {
        let between = |least: i64, most: i64| case(1, |it| it.detection = Some((least * MINUTE, most * MINUTE)));
        let detection = |cases: &[Case], text: &str| states(cases, text, 0, Objective::Detection);
        let limit = "detection = \"5m\"\npercent = 50";
        assert_eq!(detection(&[between(0, 5)], limit), (State::Kept, counts(1, 0, 0, 0)));
        assert_eq!(detection(&[between(6, 9)], limit), (State::Missed, counts(0, 1, 0, 0)));
        assert_eq!(detection(&[between(1, 9)], limit), (State::Unknown, counts(0, 0, 1, 0)));
        let nothing = case(1, |_| ());
        assert_eq!(detection(std::slice::from_ref(&nothing), limit), (State::Unknown, counts(0, 0, 1, 0)));
        // One of two is enough, whatever the other is; and not where all are asked for.
        assert_eq!(detection(&[between(0, 1), nothing.clone()], limit), (State::Kept, counts(1, 0, 1, 0)));
        let all = "detection = \"5m\"\npercent = 100";
        assert_eq!(detection(&[between(0, 1), nothing.clone()], all), (State::Unknown, counts(1, 0, 1, 0)));
        assert_eq!(detection(&[between(6, 7), nothing], all), (State::Missed, counts(0, 1, 1, 0)));
        assert_eq!(detection(&[], limit), (State::NoCases, counts(0, 0, 0, 0)));
        assert_eq!(detection(&[between(0, 1)], ""), (State::NoLimit, counts(0, 0, 0, 0)));
    }

    #[test]
    fn what_has_time_left_is_not_counted_and_silence_afterwards_is_not_known() {
        let review = |case: Case, now: i64| states(&[case], "review = \"1h\"", now * MINUTE, Objective::Review);
        assert_eq!(review(case(1, |_| ()), 60), (State::NoCases, counts(0, 0, 0, 1)));
        assert_eq!(review(case(1, |_| ()), 61), (State::Unknown, counts(0, 0, 1, 0)));
        assert_eq!(review(case(1, |it| it.inserted = None), 1), (State::Unknown, counts(0, 0, 1, 0)));
        let asked = |at: i64| case(1, move |it| it.asked = Some(at * MINUTE));
        assert_eq!(review(asked(60), 900).0, State::Kept);
        assert_eq!(review(asked(61), 900).0, State::Missed);
        // What is gone in time needs nobody; what is gone later stood there without a request.
        let gone = |at: i64, mended| case(1, move |it| it.gone = Some((at * MINUTE, mended)));
        assert_eq!(review(gone(59, Some(true)), 900).1, counts(0, 0, 0, 0));
        assert_eq!(review(gone(59, None), 900).1, counts(0, 0, 1, 0));
        assert_eq!(review(gone(61, Some(true)), 900).1, counts(0, 0, 1, 0));
        assert_eq!(review(case(1, |it| it.needs_review = false), 900).1, counts(0, 0, 0, 0));
    }

    #[test]
    fn only_what_was_denied_and_mended_is_rolled_back() {
        let rollback =
            |change: fn(&mut Case)| states(&[case(1, change)], "rollback = \"1h\"", 900 * MINUTE, Objective::Rollback);
        assert_eq!(rollback(|_| ()).0, State::NoCases);
        let gone = |case: &mut Case, mended| (case.is_denied, case.gone) = (true, Some((MINUTE, mended)));
        assert_eq!(rollback(|it| it.is_denied = true).1, counts(0, 0, 1, 0));
        let all = [(Some(true), State::Kept), (Some(false), State::Unknown), (None, State::Unknown)];
        for (mended, state) in all {
            let mut one = case(1, |_| ());
            gone(&mut one, mended);
            assert_eq!(states(&[one], "rollback = \"1h\"", 900 * MINUTE, Objective::Rollback).0, state, "{mended:?}");
        }
    }

    #[test]
    fn every_blast_radius_counts_and_quantiles_are_the_nearest_rank() {
        let of = |entry: u64, count: Option<u64>| case(entry, move |it| (it.is_hit, it.dependents) = (true, count));
        let cases: Vec<Case> = (1..=10).map(|number| of(number, Some(number))).collect();
        let radius = |cases: &[Case], text: &str| states(cases, text, 0, Objective::BlastRadius).0;
        assert_eq!(radius(&cases, "dependents = 10\npercent = 10"), State::Kept);
        assert_eq!(radius(&cases, "dependents = 9\npercent = 10"), State::Missed, "the largest is meant");
        assert_eq!(radius(&[of(1, None)], "dependents = 9"), State::Unknown);
        let all = measure(&cases, &objectives("dependents = 8"), 0);
        let quantiles = [50, 90, 100].map(|percent| all[0].quantile(percent));
        assert_eq!((all[0].known(), quantiles), (10, [Some(5), Some(9), Some(10)]));
        let worst: Vec<_> = all[0].cases.iter().map(|one| (one.case.entry, one.is_met)).take(3).collect();
        assert_eq!(worst, [(10, Some(false)), (9, Some(false)), (8, Some(true))]);
        assert_eq!(measure(&[], &objectives(""), 0)[0].quantile(50), None);
    }
}
