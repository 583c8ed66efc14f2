//! What the commits of a time say: step by step of the branch, who wrote what has changed, and what it lacks.

use super::periods::Periods;
use super::record::PROTECTIONS;
use super::{Distribution, Listed, moment};
use crate::cli::first_of;
use crate::cli::stamp::{TIERS, agents, standing};
use crate::disk::FolderConfig;
use crate::git::{Git, Line, is_shallow};
use crate::review::{Change, Situation, is_of_interest};
use countersign_grammars::Language;
use countersign_impact::Action;
use countersign_policy::{Environment, Impacted, Mode, Origin, Tier};
use countersign_review::Standing;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Areas, languages and folders that are told one by one.
const MAX_SHARES: usize = 20;

/// Steps that are looked at, the newest.
const MAX_STEPS: usize = 2_000;

/// What the commits say that were made in the time, along the line of first parents. A step is a commit of it, or the merge of a
/// branch; a change is a part of a file, a resource for instance, that is not as it was before a step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonCommits {
    /// The commit before the first one.
    from: String,
    /// The last commit.
    to: String,
    /// How many steps were looked at: those in which a file changed that policy may have something to do with.
    pub(super) steps: usize,
    /// How many steps could not be looked at, so that what they changed is missing.
    pub(super) unread_steps: usize,
    /// How many changes there are.
    pub(super) total: JsonCount,
    /// The same over time.
    pub(super) periods: Vec<JsonPeriod>,
    /// By how much the place matters, from `critical` to `low`.
    pub(super) by_tier: Vec<JsonShare>,
    /// By the areas of the risks that were found in what has changed; a change may be in several. Those in which none was found
    /// are left out.
    pub(super) by_area: Vec<JsonShare>,
    /// By language.
    pub(super) by_language: Vec<JsonShare>,
    /// By folder.
    pub(super) by_folder: Vec<JsonShare>,
    /// Changes that lacked what policy wants and came in, for its mode was `observe` or `warn`, the newest first.
    pub(super) let_pass: Listed<JsonPassed>,
    /// How many of them by mode.
    pub(super) let_pass_by_mode: BTreeMap<&'static str, usize>,
    /// How many resources depend on what changes by AI tools destroy, replace or interrupt.
    pub(super) blast_radius: Distribution,
    /// Protections that changes by AI tools removed or left off, the newest first.
    pub(super) protections: Listed<JsonProtection>,
    /// What AI tools wrote in critical places, came in without what policy wants, and was neither approved since nor taken away; the
    /// oldest first.
    pub(super) open: Listed<JsonOpen>,
}

/// How many changes there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonCount {
    /// All of them.
    pub(super) changes: usize,
    /// Those that AI tools had a part in.
    pub(super) ai: usize,
    /// Those of which nobody knows who wrote them.
    pub(super) unknown: usize,
}

/// The changes of one part of the time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonPeriod {
    /// Where it begins, in UTC, as RFC 3339 has it.
    pub(super) since: String,
    /// How many there are.
    #[serde(flatten)]
    pub(super) count: JsonCount,
}

/// The changes of one sort.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonShare {
    /// Which sort; `all others` where there are too many to tell them one by one.
    pub(super) name: String,
    /// How many there are.
    #[serde(flatten)]
    pub(super) total: JsonCount,
    /// The same in each part of the time.
    pub(super) periods: Vec<JsonCount>,
}

/// Where a change is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonPlace {
    /// The file, from the root of the repository.
    pub(super) path: String,
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// How much the place matters.
    pub(super) tier: Tier,
    /// The environment that it belongs to.
    pub(super) environment: Environment,
    /// The AI tools that had a part in it; `unknown` where no record names one.
    pub(super) agents: Vec<String>,
}

/// A protection that is off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonProtection {
    /// When it came in, in UTC, as RFC 3339 has it.
    pub(super) at: String,
    /// Where it is.
    #[serde(flatten)]
    pub(super) place: JsonPlace,
    /// The risks that say so.
    pub(super) risks: Vec<String>,
}

/// A change that came in while something was missing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonPassed {
    /// When it came in, in UTC, as RFC 3339 has it.
    pub(super) at: String,
    /// Where it is.
    #[serde(flatten)]
    pub(super) place: JsonPlace,
    /// Who wrote it.
    pub(super) origin: Origin,
    /// `observe` or `warn`.
    pub(super) mode: Mode,
    /// What was missing.
    pub(super) missing: Vec<String>,
}

/// A change that lacks what policy wants.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonOpen {
    /// When it came in, in UTC, as RFC 3339 has it.
    pub(super) since: String,
    /// Where it is.
    #[serde(flatten)]
    pub(super) place: JsonPlace,
    /// What was missing then.
    pub(super) missing: Vec<String>,
}

impl JsonCount {
    fn add(&mut self, change: &Change) {
        self.changes += 1;
        self.ai += usize::from(is_ai(change));
        self.unknown += usize::from(!is_ai(change) && change.origin != Origin::Human);
    }

    fn plus(self, other: Self) -> Self {
        Self { changes: self.changes + other.changes, ai: self.ai + other.ai, unknown: self.unknown + other.unknown }
    }
}

impl JsonPlace {
    fn of(change: &Change) -> Self {
        Self {
            path: change.bound.path.clone(),
            address: change.bound.address.clone(),
            tier: change.tier,
            environment: change.environment,
            agents: if is_ai(change) { agents(change) } else { Vec::new() },
        }
    }
}

/// Whether AI tools are known to have had a part in it. Where no line of it is left to tell, all commits have to be theirs that may
/// have done it.
fn is_ai(change: &Change) -> bool {
    match change.origin {
        Origin::Ai => true,
        Origin::Mixed => !change.is_only_caused && change.lines.is_some(),
        Origin::Human | Origin::Unknown | Origin::Suspected => false,
    }
}

/// What the commits of a time come to; `None` where there is none. What makes it less than one expects is added to `doubts`. `now` is
/// in milliseconds since 1970.
pub(super) fn commits(
    git: &Git,
    config: &FolderConfig,
    (periods, now): (&Periods, i64),
    doubts: &mut Vec<String>,
) -> anyhow::Result<Option<JsonCommits>> {
    if git.commit("HEAD").is_err() {
        doubts.push("nothing is committed here yet, so nothing is known of changes".to_owned());
        return Ok(None);
    }
    let line = Line::to(git, "HEAD", now)?;
    if line.ahead > 0 {
        doubts.push(format!("{} of the commits are dated ahead of this machine's clock; they and those that follow count as made just now", line.ahead));
    }
    let Some(last) = line.before(periods.until()) else {
        doubts.push("all commits are younger than the time of the report, so nothing is known of changes".to_owned());
        return Ok(None);
    };
    let first = line.before(periods.since()).unwrap_or_else(|| {
        let why = if is_shallow(git.root()) {
            "this clone is shallow and ends within the time; `git fetch --unshallow` gets the rest"
        } else {
            "the history begins within the time; what its first commit brought is not counted"
        };
        doubts.push(why.to_owned());
        0
    });
    let (from, to) = (line.commit(first).to_owned(), line.commit(last).to_owned());
    let mut steps = line.steps(git, first, last)?;
    steps.retain(|(step, _)| is_of_interest(step, config));
    if let Some(more) = steps.len().checked_sub(MAX_STEPS).filter(|more| *more > 0) {
        doubts.push(format!("the oldest {more} steps of the branch are not counted; a shorter time has them all"));
        steps.drain(..more);
    }
    let mut found = Found::new(periods);
    let mut problems = BTreeSet::new();
    let mut latest = None;
    Situation::of_steps(git, &steps, |step, at, situation| match situation {
        Ok(situation) => {
            found.add(at, periods, &situation);
            problems.extend(situation.all_problems().into_iter().map(|it| format!("{}: {}", it.path, it.message)));
            latest = Some(situation);
        }
        Err(error) => {
            found.unread += 1;
            problems.insert(format!("commit {}: {error:#}", step.commit.get(..12).unwrap_or_default()));
        }
    });
    doubts.extend(first_of(problems));
    Ok(Some(found.finish((from, to), steps.len(), latest.as_ref())))
}

/// Shares by name.
type Shares = BTreeMap<String, Vec<JsonCount>>;

/// A part of a file, by its path and the resource.
type Place = (String, Option<String>);

/// What comes out of one step after the other.
struct Found {
    starts: Vec<String>,
    periods: Vec<JsonCount>,
    tiers: Shares,
    areas: Shares,
    languages: Shares,
    folders: Shares,
    passed: Vec<JsonPassed>,
    by_mode: BTreeMap<&'static str, usize>,
    blast_radius: Distribution,
    protections: Vec<JsonProtection>,
    /// With the time and the change, by which a later answer is found.
    open: BTreeMap<Place, (i64, Change, JsonOpen)>,
    unread: usize,
}

impl Found {
    fn new(periods: &Periods) -> Self {
        Self {
            starts: periods.all().map(|(from, _)| moment(from)).collect(),
            periods: vec![JsonCount::default(); periods.count()],
            tiers: Shares::new(),
            areas: Shares::new(),
            languages: Shares::new(),
            folders: Shares::new(),
            passed: Vec::new(),
            by_mode: BTreeMap::new(),
            blast_radius: Distribution::default(),
            protections: Vec::new(),
            open: BTreeMap::new(),
            unread: 0,
        }
    }

    fn add(&mut self, at: i64, periods: &Periods, situation: &Situation) {
        let Some(period) = periods.index(at) else { return };
        for change in &situation.changes {
            if !change.is_only_caused {
                self.count(period, situation, change);
            }
            if is_ai(change) {
                self.add_of_ai(at, change);
            }
            self.add_lacking(at, situation, change);
        }
    }

    fn count(&mut self, period: usize, situation: &Situation, change: &Change) {
        if let Some(count) = self.periods.get_mut(period) {
            count.add(change);
        }
        let all = self.periods.len();
        let count = |shares: &mut Shares, name: String| {
            let counts = shares.entry(name).or_insert_with(|| vec![JsonCount::default(); all]);
            if let Some(count) = counts.get_mut(period) {
                count.add(change);
            }
        };
        count(&mut self.tiers, change.tier.name().to_owned());
        let language = Language::of_path(&change.bound.path).unwrap_or(Language::Plain);
        count(&mut self.languages, language.name().to_owned());
        count(&mut self.folders, format!("{}/", if change.folder().is_empty() { "." } else { change.folder() }));
        let risks = change.found.iter().filter_map(|found| situation.config.catalogue.risk(&found.risk));
        let areas: BTreeSet<String> = risks.map(|risk| risk.area.to_string()).collect();
        for area in areas {
            count(&mut self.areas, area);
        }
    }

    fn add_of_ai(&mut self, at: i64, change: &Change) {
        let hits = |impact: &Impacted| {
            matches!(impact.action, Action::Destroy | Action::Replace) || impact.data_loss || impact.interruption
        };
        if let Some(impact) = change.impact.filter(hits) {
            let dependents = Some(impact.dependents as u64);
            // There may be more than were counted, which is known to be many where many were.
            self.blast_radius.add(dependents.filter(|count| !impact.more_dependents || *count > 100));
        }
        let is_off = |risk: &String| PROTECTIONS.contains(&risk.as_str());
        let risks: BTreeSet<String> = change.found.iter().map(|found| found.risk.clone()).filter(is_off).collect();
        if !risks.is_empty() && !change.is_only_caused {
            let risks = risks.into_iter().collect();
            self.protections.push(JsonProtection { at: moment(at), place: JsonPlace::of(change), risks });
        }
    }

    /// Notes what lacks what policy wants: that it came in all the same, and where it matters most that it is open.
    fn add_lacking(&mut self, at: i64, situation: &Situation, change: &Change) {
        let (state, _, missing) = standing(situation, change);
        let place = (change.bound.path.clone(), change.bound.address.clone());
        // Somebody has seen all of it, or nothing of it is left.
        if ["approved", "break-glass"].contains(&state) || change.lines.is_none() {
            self.open.remove(&place);
        }
        if state != "open" {
            return;
        }
        let mode = change.required.as_ref().map(|(_, row)| row.mode);
        if let Some(mode) = mode.filter(|mode| *mode != Mode::Enforce) {
            *self.by_mode.entry(if mode == Mode::Warn { "warn" } else { "observe" }).or_default() += 1;
            self.passed.push(JsonPassed {
                at: moment(at),
                place: JsonPlace::of(change),
                origin: change.origin,
                mode,
                missing: missing.clone(),
            });
        }
        if change.tier == Tier::Critical && is_ai(change) {
            let since = self.open.get(&place).map_or(at, |(since, ..)| *since);
            let open = JsonOpen { since: moment(since), place: JsonPlace::of(change), missing };
            self.open.insert(place, (since, change.clone(), open));
        }
    }

    /// `latest` is what the last step that was looked at brought: with all answers there are.
    fn finish(mut self, (from, to): (String, String), steps: usize, latest: Option<&Situation>) -> JsonCommits {
        let is_approved = |change: &Change| {
            latest.is_some_and(|latest| matches!(latest.stands(change).standing, Some(Standing::Approved(_))))
        };
        let mut open: Vec<(i64, Change, JsonOpen)> = std::mem::take(&mut self.open).into_values().collect();
        open.retain(|(_, change, _)| !is_approved(change));
        open.sort_by_key(|(since, ..)| *since);
        let tiers = TIERS.into_iter().filter_map(|tier| self.tiers.remove_entry(tier.name()));
        let by_tier = tiers.map(|(name, counts)| share(name, counts)).collect();
        let periods = self.starts.into_iter().zip(&self.periods);
        JsonCommits {
            from,
            to,
            steps,
            unread_steps: self.unread,
            total: sum(&self.periods),
            periods: periods.map(|(since, count)| JsonPeriod { since, count: *count }).collect(),
            by_tier,
            by_area: most(self.areas),
            by_language: most(self.languages),
            by_folder: most(self.folders),
            let_pass: Listed::of(self.passed.into_iter().rev()),
            let_pass_by_mode: self.by_mode,
            blast_radius: self.blast_radius,
            protections: Listed::of(self.protections.into_iter().rev()),
            open: Listed::of(open.into_iter().map(|(.., open)| open)),
        }
    }
}

fn sum(counts: &[JsonCount]) -> JsonCount {
    counts.iter().fold(JsonCount::default(), |all, count| all.plus(*count))
}

fn share(name: String, periods: Vec<JsonCount>) -> JsonShare {
    JsonShare { name, total: sum(&periods), periods }
}

/// Those with the most changes of AI tools first, and the rest together.
fn most(shares: Shares) -> Vec<JsonShare> {
    let mut shares: Vec<JsonShare> = shares.into_iter().map(|(name, counts)| share(name, counts)).collect();
    shares.sort_by(|a, b| (b.total.ai, b.total.changes, &a.name).cmp(&(a.total.ai, a.total.changes, &b.name)));
    if shares.len() > MAX_SHARES {
        let rest = shares.split_off(MAX_SHARES - 1);
        let count = rest.first().map_or(0, |share| share.periods.len());
        let of = |index: usize| sum(&rest.iter().filter_map(|it| it.periods.get(index).copied()).collect::<Vec<_>>());
        shares.push(share("all others".to_owned(), (0..count).map(of).collect()));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_counted_together() {
        let count = |ai: usize| vec![JsonCount { changes: 10, ai, unknown: 0 }];
        let shares: Shares = (0..30).map(|number| (format!("{number:02}"), count(number % 10))).collect();
        let most = most(shares);
        assert_eq!(most.len(), MAX_SHARES);
        assert_eq!((most[0].name.as_str(), most[0].total.ai), ("09", 9));
        assert_eq!(most.last().map(|it| (it.name.as_str(), it.total.changes)), Some(("all others", 110)));
        let all: usize = most.iter().map(|it| it.total.ai).sum();
        assert_eq!(all, 3 * 45);
    }
}
