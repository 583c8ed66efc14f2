//! From the entries of the ledger to cases.

use super::said::{Said, key};
use countersign_ledger::{Entry, Kind};
use serde_json::Value;
use std::collections::HashMap;

/// How long before a look at a file a text may have come in that the look did not show yet: the hook of an agent writes down what
/// it wrote a moment before or after the editor has read it.
const SLACK: i64 = 60_000;

/// How long after its hook was answered an agent's edit is still the one that the answer was about.
const EDIT_WITHIN: i64 = 3_600_000;

/// Risks that are about something being destroyed, replaced or interrupted (`countersign_engine::impact`), so that the number of
/// resources that depend on it is asked for.
const HITS: [&str; 4] = ["destroys-data", "destroys", "replaces", "interrupts"];

/// A risk that was seen in text of an AI tool. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Case {
    /// The entry of the ledger that says so first.
    pub(crate) entry: u64,
    /// The risk.
    pub(crate) risk: String,
    /// The file, as [`key`] has it.
    pub(crate) file: String,
    /// The resource.
    pub(crate) address: Option<String>,
    /// The AI tool.
    pub(crate) agent: Option<String>,
    /// When it was written down that it was seen.
    pub(crate) at: i64,
    /// When the text came in: not before the first, not after the second. `None` where no insertion fits.
    pub(crate) inserted: Option<(i64, i64)>,
    /// How long after that it was seen, at least and at most.
    pub(crate) detection: Option<(i64, i64)>,
    /// Whether policy asked for a review of it at any time, or denied it.
    pub(crate) needs_review: bool,
    /// Whether policy denied it at any time.
    pub(crate) is_denied: bool,
    /// Whether it is about a resource being destroyed, replaced or interrupted.
    pub(crate) is_hit: bool,
    /// How many depend on that, where it is known.
    pub(crate) dependents: Option<u64>,
    /// When somebody was asked about it.
    pub(crate) asked: Option<i64>,
    /// When somebody answered.
    pub(crate) decided: Option<i64>,
    /// When it was seen no more, and whether it was mended or taken back; `None` where that cannot be told.
    pub(crate) gone: Option<(i64, Option<bool>)>,
    /// The agent's session.
    pub(crate) session: Option<String>,
}

/// Text of an AI tool that came into a file.
struct Insertion {
    at: i64,
    agent: Option<String>,
    session: Option<String>,
}

/// An edit of which its agent was told before that a risk is in it.
struct Told {
    entry: u64,
    at: i64,
    agent: Option<String>,
    session: Option<String>,
    risks: Vec<String>,
}

/// That all was taken back that AI tools wrote in a file, or all of one session.
struct Revert {
    at: i64,
    file: String,
    session: Option<String>,
}

/// File, risk and resource.
type Place = (String, String, Option<String>);

/// Cases, as they come out of one entry after the other.
#[derive(Default)]
pub(crate) struct Cases {
    all: Vec<Case>,
    insertions: HashMap<String, Vec<Insertion>>,
    told: HashMap<String, Vec<Told>>,
    open: HashMap<Place, usize>,
    last_gone: HashMap<Place, i64>,
    reverts: Vec<Revert>,
    said: Vec<Said>,
}

/// Whether two things that may be by the same writer are, as far as both say.
fn is_same(agents: (Option<&str>, Option<&str>), sessions: (Option<&str>, Option<&str>)) -> bool {
    let agree = |pair: (Option<&str>, Option<&str>)| pair.0.is_none() || pair.1.is_none() || pair.0 == pair.1;
    agents.0 == agents.1 && agree(sessions)
}

impl Cases {
    /// Takes the next entry.
    pub(crate) fn add(&mut self, entry: &Entry) {
        let Some(file) = entry.file.as_ref().map(key) else { return };
        let word = |name: &str| entry.body.get(name).and_then(Value::as_str);
        let session = word("session").map(str::to_owned);
        match &entry.kind {
            Kind::Insertion => {
                let insertion = Insertion { at: entry.at, agent: entry.agent.clone(), session };
                let all = self.insertions.entry(file).or_default();
                // In order of their times, which is nearly always that of the entries.
                let place = all.partition_point(|it| it.at <= insertion.at);
                all.insert(place, insertion);
            }
            Kind::Finding => {
                let Some(risk) = word("risk") else { return };
                let place = (file, risk.to_owned(), word("address").map(str::to_owned));
                match word("state") {
                    Some("open") => self.seen(entry, place, session),
                    Some("gone") => self.gone(entry, &place),
                    _ => {}
                }
            }
            Kind::Verdict if word("surface") == Some("hook") => {
                let risks = entry.body.get("risks").and_then(Value::as_array).into_iter().flatten();
                let risks = risks.filter_map(Value::as_str).map(str::to_owned).collect();
                if word("verdict") != Some("deny") {
                    let told = Told { entry: entry.number, at: entry.at, agent: entry.agent.clone(), session, risks };
                    self.told.entry(file).or_default().push(told);
                }
            }
            Kind::Verdict => {
                let Some(risk) = word("risk") else { return };
                let place = (file, risk.to_owned(), word("address").map(str::to_owned));
                let case = self.open.get(&place).and_then(|index| self.all.get_mut(*index));
                if let Some(case) = case {
                    case.needs_review |= matches!(word("verdict"), Some("review" | "deny"));
                    case.is_denied |= word("verdict") == Some("deny");
                    case.count(entry);
                }
            }
            Kind::Revert if entry.body.get("whole").and_then(Value::as_bool) == Some(true) => {
                self.reverts.push(Revert { at: entry.at, file, session });
            }
            Kind::Approval => self.said.extend(Said::of(entry)),
            _ => {}
        }
    }

    /// A risk was seen.
    fn seen(&mut self, entry: &Entry, place: Place, session: Option<String>) {
        // Two editors on one file may both say so.
        if self.open.contains_key(&place) {
            return;
        }
        let looked = entry.body.get("lookedBefore").and_then(Value::as_i64).map(|at| at.saturating_sub(SLACK));
        let from = looked.max(self.last_gone.get(&place).copied()).unwrap_or(i64::MIN);
        let (file, risk, address) = place.clone();
        let agent = entry.agent.clone();
        let all = self.insertions.get(&file).map(Vec::as_slice).unwrap_or_default();
        let is_candidate = |it: &&Insertion| {
            is_same((it.agent.as_deref(), agent.as_deref()), (it.session.as_deref(), session.as_deref()))
        };
        let candidates: Vec<&Insertion> = between(all, from, entry.at).iter().filter(is_candidate).collect();
        let told = self.told.get(&file).into_iter().flatten().filter(|told| told.risks.contains(&risk));
        let told: Vec<i64> = told.filter_map(|told| told.insertion(all)).map(|it| it.at).collect();
        let detection = |it: &&Insertion| if told.contains(&it.at) { 0 } else { entry.at.saturating_sub(it.at) };
        let mut case = Case {
            entry: entry.number,
            at: entry.at,
            inserted: bounds(candidates.iter().map(|it| it.at)),
            detection: bounds(candidates.iter().map(detection)),
            is_hit: HITS.contains(&risk.as_str()),
            risk,
            file,
            address,
            agent,
            session,
            ..Case::default()
        };
        case.count(entry);
        self.open.insert(place, self.all.len());
        self.all.push(case);
    }

    fn gone(&mut self, entry: &Entry, place: &Place) {
        self.last_gone.insert(place.clone(), entry.at);
        if let Some(case) = self.open.remove(place).and_then(|index| self.all.get_mut(index)) {
            let mended = entry.body.get("mended").and_then(Value::as_bool);
            case.gone.get_or_insert((entry.at, mended));
        }
    }

    /// All cases, in order of the entries. `said` is what is known beside the ledger of who was asked and has answered.
    pub(crate) fn finish(mut self, said: Vec<Said>) -> Vec<Case> {
        let only_told = self.only_told();
        self.all.extend(only_told);
        self.all.sort_by_key(|case| case.entry);
        self.said.extend(said);
        let mut reverts: HashMap<&str, Vec<&Revert>> = HashMap::new();
        for revert in &self.reverts {
            reverts.entry(&revert.file).or_default().push(revert);
        }
        let mut by_file: HashMap<&str, Vec<&Said>> = HashMap::new();
        for said in &self.said {
            by_file.entry(&said.file).or_default().push(said);
        }
        for case in &mut self.all {
            let is_of = |it: &&&Revert| {
                (it.session.is_none() || it.session == case.session)
                    && (case.at..case.gone.map_or(i64::MAX, |(at, _)| at)).contains(&it.at)
            };
            let reverted = reverts.get(case.file.as_str()).into_iter().flatten();
            let reverted = reverted.filter(is_of).map(|it| it.at).min();
            if let Some(at) = reverted {
                case.gone = Some((at, Some(true)));
            }
            let from = case.inserted.map_or(case.at, |(first, _)| first);
            let until = case.gone.map_or(i64::MAX, |(at, _)| at);
            let about = by_file.get(case.file.as_str()).into_iter().flatten();
            let about = about.filter(|it| (from..=until).contains(&it.at) && it.is_about(case.address.as_deref()));
            for said in about {
                let when = if said.is_answer { &mut case.decided } else { &mut case.asked };
                *when = Some(when.map_or(said.at, |known| known.min(said.at)));
            }
        }
        self.all
    }

    /// Risks of which only the agent was told, and that came in all the same: no editor has seen them since.
    fn only_told(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        // When the text of cases came in, by file and risk.
        let mut known: HashMap<(&str, &str), Vec<(i64, i64)>> = HashMap::new();
        for case in &self.all {
            known.entry((case.file.as_str(), case.risk.as_str())).or_default().extend(case.inserted);
        }
        for (file, all) in &self.told {
            let insertions = self.insertions.get(file).map(Vec::as_slice).unwrap_or_default();
            for told in all {
                let Some(insertion) = told.insertion(insertions) else { continue };
                for risk in &told.risks {
                    let known = known.entry((file.as_str(), risk.as_str())).or_default();
                    if known.iter().any(|(from, to)| (*from..=*to).contains(&insertion.at)) {
                        continue;
                    }
                    known.push((insertion.at, insertion.at));
                    cases.push(Case {
                        entry: told.entry,
                        risk: risk.clone(),
                        file: file.clone(),
                        agent: told.agent.clone(),
                        session: told.session.clone(),
                        at: told.at,
                        inserted: Some((insertion.at, insertion.at)),
                        detection: Some((0, 0)),
                        needs_review: true,
                        is_hit: HITS.contains(&risk.as_str()),
                        ..Case::default()
                    });
                }
            }
        }
        cases
    }
}

/// Those of some insertions, in order of their times, that are from one moment on and not after another.
fn between(all: &[Insertion], from: i64, to: i64) -> &[Insertion] {
    let [from, to] = [all.partition_point(|it| it.at < from), all.partition_point(|it| it.at <= to)];
    all.get(from..to).unwrap_or_default()
}

impl Told {
    /// The insertion of this very edit: the first of the same writer since, among all of the file.
    fn insertion<'i>(&self, all: &'i [Insertion]) -> Option<&'i Insertion> {
        let is_by_same = |it: &&Insertion| {
            is_same((self.agent.as_deref(), it.agent.as_deref()), (self.session.as_deref(), it.session.as_deref()))
        };
        between(all, self.at, self.at.saturating_add(EDIT_WITHIN)).iter().find(is_by_same)
    }
}

impl Case {
    /// Takes over how many resources depend on what is hit; the most that was ever said.
    fn count(&mut self, entry: &Entry) {
        if let Some(count) = entry.body.get("dependents").and_then(Value::as_u64) {
            self.is_hit = true;
            self.dependents = self.dependents.max(Some(count));
        }
    }

    /// How long after the insertion a moment is, at least and at most; `None` where it is not known when that was, or where the
    /// clock went back.
    pub(crate) fn since(&self, moment: i64) -> Option<(i64, i64)> {
        let (first, last) = self.inserted?;
        let most = moment.checked_sub(first).filter(|most| *most >= 0)?;
        Some((moment.saturating_sub(last).max(0), most))
    }
}

/// The least and the most.
fn bounds(values: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    values.fold(None, |known, value| {
        let (least, most) = known.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

#[cfg(test)]
mod tests;
