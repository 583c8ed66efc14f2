//! What the ledger says of a time.

use super::periods::Periods;
use super::{Distribution, Listed, MAX_LISTED, UNNAMED, moment};
use crate::slo::{Case, Cases, Said};
use countersign_ledger::{Entry, Kind};
use countersign_policy::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// How far ahead of this machine's clock the clock of another process may be, in milliseconds.
const SKEW: i64 = 60_000;

/// The risks that what keeps a resource or its data from harm is off: it was removed, or never put on.
pub(super) const PROTECTIONS: [&str; 10] = [
    "backups-kept-briefly",
    "backups-off",
    "deletion-protection-off",
    "entrance-deletable",
    "final-snapshot-skipped",
    "force-destroy",
    "object-versioning-off",
    "protection-removed",
    "purge-protection-off",
    "volume-deleted-with-claim",
];

/// What the ledger of this clone says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonRecord {
    /// How many entries of the time there are.
    entries: usize,
    /// Whether no entry was changed, taken out or put in.
    pub(super) intact: bool,
    /// The same in words, with how far the anchors in notes of commits protect it.
    pub(super) chain: String,
    /// Why entries from one on could not be read, so that these are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread: Option<String>,
    /// What each AI tool did, by name; `unknown` where the record names none.
    pub(super) agents: Vec<JsonAgent>,
    /// The same over time.
    pub(super) periods: Vec<JsonActivity>,
    /// What became of what policy said of their text, by tool and verdict.
    pub(super) outcomes: Vec<JsonOutcome>,
    /// How many resources depend on what their text destroys, replaces or interrupts, while it is written.
    pub(super) blast_radius: Distribution,
    /// Protections that their text removed or left off, the newest first.
    pub(super) protections: Listed<JsonSeen>,
    /// Who was said to have written a text, and who did.
    pub(super) corrections: Vec<JsonCorrection>,
    /// How often something was out of the ordinary, by tool and what it was.
    pub(super) anomaly_counts: Vec<JsonAnomalyCount>,
    /// What was out of the ordinary, the newest first.
    pub(super) anomalies: Listed<JsonAnomaly>,
    /// Edits that agents told about and that cannot be matched with a text, so that nothing is attributed for them.
    pub(super) unmatched: u64,
    /// Entries that are ahead of this machine's clock; they are not counted.
    pub(super) of_the_future: usize,
    /// How often an entry is older than the one before it by more than a minute: a clock was set back, or several disagree.
    pub(super) clock_went_back: usize,
}

/// What one AI tool did.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAgent {
    /// Its name.
    pub(super) agent: String,
    /// How often text of it came in.
    pub(super) insertions: usize,
    /// What it was answered before edits. What was allowed or only noted is not recorded.
    pub(super) edits: JsonAnswers,
    /// How many commands and calls of tools it ran.
    pub(super) ran: usize,
    /// What it was answered before commands and calls of tools. What was allowed or only noted is not recorded.
    pub(super) commands: JsonAnswers,
    /// What became of the denied commands that it asked for.
    pub(super) requests: JsonRequests,
}

/// How often each verdict was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonVerdicts {
    /// It was told, and nothing followed.
    pub(super) note: usize,
    /// Somebody had to look.
    pub(super) review: usize,
    /// It was not to be done.
    pub(super) deny: usize,
}

/// How often an agent was not simply let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAnswers {
    /// Somebody had to look.
    pub(super) review: usize,
    /// It was not to be done.
    pub(super) deny: usize,
}

/// What became of denied commands that were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonRequests {
    /// How many were asked for.
    pub(super) requested: usize,
    /// How often somebody agreed.
    pub(super) approved: usize,
    /// How often somebody declined.
    pub(super) declined: usize,
    /// How often the agreement was used.
    pub(super) used: usize,
}

/// What happened in one part of the time.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonActivity {
    /// Where it begins, in UTC, as RFC 3339 has it.
    pub(super) since: String,
    /// How often text of AI tools came in.
    pub(super) insertions: usize,
    /// Risks that were seen in their text first, by the strictest verdict that each had.
    pub(super) cases: JsonVerdicts,
    /// Denied edits, commands and calls of tools.
    pub(super) denials: usize,
}

/// What became of risks in the text of one AI tool.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonOutcome {
    /// The tool.
    pub(super) agent: String,
    /// The strictest verdict that they had: `note`, `review` or `deny`.
    pub(super) verdict: &'static str,
    /// How many there are.
    pub(super) cases: usize,
    /// Of how many somebody was asked for a review.
    pub(super) asked: usize,
    /// Of how many somebody answered.
    pub(super) answered: usize,
    /// How many were mended or taken back.
    pub(super) mended: usize,
    /// How many are told no more, for somebody accepted them or the text is somebody else's now.
    pub(super) taken_on: usize,
    /// How many are told no more, and it is not recorded why.
    pub(super) unclear: usize,
    /// Of how many it is not recorded that they are gone.
    pub(super) open: usize,
}

/// A risk that was seen.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonSeen {
    /// When, in UTC, as RFC 3339 has it.
    pub(super) at: String,
    /// The file, from the root of the repository; a digest where the name was erased.
    pub(super) path: String,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// The AI tool.
    pub(super) agent: String,
    /// The risk that says so.
    pub(super) risk: String,
    /// What became of it: `mended`, `taken-on`, `unclear` or `open`.
    pub(super) outcome: &'static str,
}

/// How often a person corrected who had written a text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonCorrection {
    /// The AI tool that was said to have written it; left out where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// The AI tool that wrote it; left out where it was a person, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    /// How often.
    pub(super) times: usize,
}

/// How often something was out of the ordinary.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAnomalyCount {
    /// The AI tool.
    pub(super) agent: String,
    /// What it was.
    pub(super) anomaly: String,
    /// How often.
    pub(super) times: usize,
}

/// Something out of the ordinary.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAnomaly {
    /// When, in UTC, as RFC 3339 has it.
    pub(super) at: String,
    /// The AI tool.
    pub(super) agent: String,
    /// What it was.
    pub(super) anomaly: String,
    /// The same in words.
    pub(super) why: String,
    /// The file that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
}

impl JsonVerdicts {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Allow => {}
            Verdict::Note => self.note += 1,
            Verdict::Review => self.review += 1,
            Verdict::Deny => self.deny += 1,
        }
    }
}

/// What comes out of one entry after the other.
pub(super) struct Tally<'p> {
    periods: &'p Periods,
    now: i64,
    entries: usize,
    cases: Cases,
    /// Those of ledgers before.
    finished: Vec<Case>,
    agents: BTreeMap<String, JsonAgent>,
    activity: Vec<JsonActivity>,
    corrections: BTreeMap<(Option<String>, Option<String>), usize>,
    anomaly_counts: BTreeMap<(String, String), usize>,
    anomalies: VecDeque<JsonAnomaly>,
    unmatched: u64,
    of_the_future: usize,
    clock_went_back: usize,
    last: i64,
}

impl<'p> Tally<'p> {
    /// Of nothing yet. `now` is in milliseconds since 1970.
    pub(super) fn new(periods: &'p Periods, now: i64) -> Self {
        let activity = periods.all().map(|(from, _)| JsonActivity { since: moment(from), ..JsonActivity::default() });
        Self {
            periods,
            now,
            entries: 0,
            cases: Cases::default(),
            finished: Vec::new(),
            agents: BTreeMap::new(),
            activity: activity.collect(),
            corrections: BTreeMap::new(),
            anomaly_counts: BTreeMap::new(),
            anomalies: VecDeque::new(),
            unmatched: 0,
            of_the_future: 0,
            clock_went_back: 0,
            last: i64::MIN,
        }
    }

    /// Takes the next entry, in order of their numbers, also of those before and after the time: what was seen in it may have come in
    /// earlier, and gone later.
    pub(super) fn add(&mut self, entry: &Entry) {
        if entry.at > self.now.saturating_add(SKEW) {
            self.of_the_future += 1;
            return;
        }
        if entry.at.saturating_add(SKEW) < self.last {
            self.clock_went_back += 1;
        }
        self.last = entry.at;
        // What became of something may be later than the time.
        self.cases.add(entry);
        let Some(period) = self.periods.index(entry.at) else { return };
        self.entries += 1;
        let word = |name: &str| entry.body.get(name).and_then(Value::as_str);
        match &entry.kind {
            Kind::Insertion => {
                self.agent(entry).insertions += 1;
                if let Some(activity) = self.activity.get_mut(period) {
                    activity.insertions += 1;
                }
            }
            Kind::Verdict if word("surface") == Some("hook") => {
                let Some(verdict) = word("verdict").and_then(verdict) else { return };
                let is_command = entry.body.get("command").or(entry.body.get("tool")).is_some();
                let agent = self.agent(entry);
                let answers = if is_command { &mut agent.commands } else { &mut agent.edits };
                answers.review += usize::from(verdict == Verdict::Review);
                answers.deny += usize::from(verdict == Verdict::Deny);
                if verdict == Verdict::Deny
                    && let Some(activity) = self.activity.get_mut(period)
                {
                    activity.denials += 1;
                }
            }
            Kind::Command => self.agent(entry).ran += 1,
            // Of a review it says which one; of a command, which request.
            Kind::Approval if word("request").is_some() => {
                let state = word("state").unwrap_or_default();
                let requests = &mut self.agent(entry).requests;
                match state {
                    "requested" => requests.requested += 1,
                    "approved" => requests.approved += 1,
                    "declined" => requests.declined += 1,
                    "used" => requests.used += 1,
                    _ => {}
                }
            }
            Kind::Correction => {
                let pair = (word("corrects").map(str::to_owned), entry.agent.clone());
                *self.corrections.entry(pair).or_default() += 1;
            }
            Kind::Unmatched => {
                let count = entry.body.get("count").and_then(Value::as_u64).unwrap_or(1);
                self.unmatched = self.unmatched.saturating_add(count);
            }
            Kind::Anomaly => {
                let agent = entry.agent.clone().unwrap_or_else(|| UNNAMED.to_owned());
                let anomaly = word("anomaly").unwrap_or(UNNAMED).to_owned();
                *self.anomaly_counts.entry((agent.clone(), anomaly.clone())).or_default() += 1;
                if self.anomalies.len() == MAX_LISTED {
                    self.anomalies.pop_front();
                }
                self.anomalies.push_back(JsonAnomaly {
                    at: moment(entry.at),
                    agent,
                    anomaly,
                    why: word("why").unwrap_or_default().to_owned(),
                    path: entry.file.as_ref().map(ToString::to_string),
                });
            }
            _ => {}
        }
    }

    fn agent(&mut self, entry: &Entry) -> &mut JsonAgent {
        let name = entry.agent.as_deref().unwrap_or(UNNAMED);
        if !self.agents.contains_key(name) {
            self.agents.insert(name.to_owned(), JsonAgent { agent: name.to_owned(), ..JsonAgent::default() });
        }
        // It was just put there where it was not.
        self.agents.entry(name.to_owned()).or_default()
    }

    /// Goes on with another ledger, whose entries have nothing to do with those of the last one.
    pub(super) fn next_ledger(&mut self) {
        self.finished.extend(std::mem::take(&mut self.cases).finish(Vec::new()));
        self.last = i64::MIN;
    }

    /// What it comes to, but for the chain; and the cases of the time.
    pub(super) fn finish(mut self, said: Vec<Said>) -> (JsonRecord, Vec<Case>) {
        let of_last = self.cases.finish(said);
        let mut cases = self.finished;
        if cases.is_empty() {
            cases = of_last;
        } else {
            cases.extend(of_last);
            cases.sort_by_key(|case| case.at);
        }
        cases.retain(|case| self.periods.index(case.at).is_some());
        let mut outcomes: BTreeMap<(String, Verdict), JsonOutcome> = BTreeMap::new();
        let mut blast_radius = Distribution::default();
        for case in &cases {
            let verdict = verdict_of(case);
            if let Some(activity) = self.periods.index(case.at).and_then(|index| self.activity.get_mut(index)) {
                activity.cases.count(verdict);
            }
            if case.is_hit {
                blast_radius.add(case.dependents);
            }
            let agent = case.agent.clone().unwrap_or_else(|| UNNAMED.to_owned());
            let row = outcomes.entry((agent.clone(), verdict)).or_insert_with(|| JsonOutcome {
                agent,
                verdict: verdict.name(),
                ..JsonOutcome::default()
            });
            row.cases += 1;
            row.asked += usize::from(case.asked.is_some());
            row.answered += usize::from(case.decided.is_some());
            match outcome(case) {
                "mended" => row.mended += 1,
                "taken-on" => row.taken_on += 1,
                "unclear" => row.unclear += 1,
                _ => row.open += 1,
            }
        }
        let protections = cases.iter().rev().filter(|case| PROTECTIONS.contains(&case.risk.as_str()));
        let protections = Listed::of(protections.map(|case| JsonSeen {
            risk: case.risk.clone(),
            at: moment(case.at),
            path: case.file.clone(),
            address: case.address.clone(),
            agent: case.agent.clone().unwrap_or_else(|| UNNAMED.to_owned()),
            outcome: outcome(case),
        }));
        let anomalies = self.anomaly_counts.values().sum();
        let record = JsonRecord {
            entries: self.entries,
            intact: false,
            chain: String::new(),
            unread: None,
            agents: self.agents.into_values().collect(),
            periods: self.activity,
            outcomes: outcomes.into_values().collect(),
            blast_radius,
            protections,
            corrections: self
                .corrections
                .into_iter()
                .map(|((from, to), times)| JsonCorrection { from, to, times })
                .collect(),
            anomaly_counts: self
                .anomaly_counts
                .into_iter()
                .map(|((agent, anomaly), times)| JsonAnomalyCount { agent, anomaly, times })
                .collect(),
            anomalies: Listed { total: anomalies, items: self.anomalies.into_iter().rev().collect() },
            unmatched: self.unmatched,
            of_the_future: self.of_the_future,
            clock_went_back: self.clock_went_back,
        };
        (record, cases)
    }
}

fn verdict(name: &str) -> Option<Verdict> {
    [Verdict::Note, Verdict::Review, Verdict::Deny].into_iter().find(|verdict| verdict.name() == name)
}

/// The strictest verdict that a case had.
fn verdict_of(case: &Case) -> Verdict {
    match (case.is_denied, case.needs_review) {
        (true, _) => Verdict::Deny,
        (false, true) => Verdict::Review,
        (false, false) => Verdict::Note,
    }
}

/// What became of it.
fn outcome(case: &Case) -> &'static str {
    match case.gone {
        Some((_, Some(true))) => "mended",
        Some((_, Some(false))) => "taken-on",
        Some((_, None)) => "unclear",
        None => "open",
    }
}
