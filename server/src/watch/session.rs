//! What a session of an agent did lately, and which tiers an agent has been in.

use super::alert::Strange;
use super::{BURST, BURST_WITHIN, DENIALS, DENIALS_WITHIN, Deed, ROUTE_WITHIN, TOLD_FOR};
use crate::spool::prune;
use crate::state::{Store, write_private};
use countersign_agents::{AgentKind, Call};
use countersign_policy::Tier;
use countersign_provenance::sha256;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Decisions of a session that are kept; the oldest go first.
const MAX_DECISIONS: usize = 60;

/// Deeds of one decision that are kept.
const MAX_DEEDS: usize = 8;

/// Resources of a session that are told apart; over it, all others count as one more each time.
const MAX_RESOURCES: usize = 20_000;

/// How long a session is remembered after it did something, and how many are.
const SESSION_AGE: Duration = Duration::from_hours(24);
const MAX_SESSIONS: usize = 500;

/// What an agent was answered, and what about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decision {
    /// When, in milliseconds since 1970.
    pub(super) at: i64,
    pub(super) is_denied: bool,
    /// Whether it was denied, or somebody has to look at it.
    pub(super) is_stopped: bool,
    pub(super) deeds: Vec<Deed>,
}

/// What a session did lately.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Session {
    decisions: Vec<Decision>,
    /// What was told, and when last.
    told: BTreeMap<String, i64>,
    /// The resources that its edits have made, changed or removed.
    #[serde(default)]
    resources: BTreeSet<String>,
}

/// The tiers that agents have changed something in.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tiers {
    entered: BTreeMap<AgentKind, Vec<Tier>>,
    #[serde(skip)]
    is_new: bool,
}

/// What stands for a resource where a session's are counted.
pub(crate) fn resource(module: &str, address: &str) -> String {
    sha256(&format!("{module}\n{address}")).chars().take(16).collect()
}

/// The resources that the edits of a session have made, changed or removed so far.
pub(crate) fn resources(call: &Call, at: &Path) -> BTreeSet<String> {
    Session::load(&Store::default(), at, call.agent, call.session.as_deref()).resources
}

impl Session {
    /// What is known of a session. What cannot be read is none: it only bounds what is told.
    pub(super) fn load(store: &Store, at: &Path, agent: AgentKind, session: Option<&str>) -> Self {
        let path = file(store, at, agent, session);
        path.and_then(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).unwrap_or_default()
    }

    pub(super) fn save(
        &self,
        store: &Store,
        at: &Path,
        agent: AgentKind,
        session: Option<&str>,
    ) -> std::io::Result<()> {
        let Some(path) = file(store, at, agent, session) else { return Ok(()) };
        write_private(&path, &serde_json::to_vec(self)?)?;
        prune(path.parent().unwrap_or(&path), SESSION_AGE, MAX_SESSIONS);
        Ok(())
    }

    pub(super) fn add(&mut self, mut decision: Decision) {
        decision.deeds.truncate(MAX_DEEDS);
        self.decisions.push(decision);
        let excess = self.decisions.len().saturating_sub(MAX_DECISIONS);
        self.decisions.drain(..excess);
    }

    pub(super) fn touch(&mut self, resources: impl IntoIterator<Item = String>) {
        for resource in resources {
            if self.resources.len() < MAX_RESOURCES {
                self.resources.insert(resource);
            }
        }
    }

    /// What is out of the ordinary with one more decision.
    pub(super) fn strange(&mut self, decision: &Decision, now: i64) -> Vec<Strange> {
        let within =
            |time: i64| self.decisions.iter().filter(move |one| one.at <= now && now.saturating_sub(one.at) < time);
        let mut found = Vec::new();
        if decision.is_denied {
            let denials = within(DENIALS_WITHIN).filter(|one| one.is_denied).count() + 1;
            if denials >= DENIALS {
                found.push(Strange::RepeatedDenials { count: denials });
            }
        }
        if decision.is_stopped {
            let denied = || within(ROUTE_WITHIN).filter(|one| one.is_denied).flat_map(|one| &one.deeds);
            let other = decision
                .deeds
                .iter()
                .find_map(|deed| denied().find(|before| deed.is_other_way_to(before)).map(|before| (deed, before)));
            // Who goes the same way once more has not found another one.
            let is_known = |deed: &Deed| denied().any(|before| before.class == deed.class && before.way == deed.way);
            if let Some((deed, before)) = other.filter(|(deed, _)| !is_known(deed)) {
                let (class, from, to) = (deed.class, before.route.clone(), deed.route.clone());
                found.push(Strange::AnotherRoute { class, from, to });
            }
        }
        let changes = |one: &Decision| !one.is_denied && one.deeds.iter().any(|deed| deed.is_live);
        if changes(decision) {
            let count = within(BURST_WITHIN).filter(|one| changes(one)).count() + 1;
            if count >= BURST {
                found.push(Strange::Burst { count });
            }
        }
        found.retain(|strange| {
            let last = self.told.insert(strange.key(), now);
            let is_new = last.is_none_or(|last| now.saturating_sub(last) >= TOLD_FOR);
            if let Some(last) = last.filter(|_| !is_new) {
                self.told.insert(strange.key(), last);
            }
            is_new
        });
        found
    }
}

impl Tiers {
    pub(super) fn load(store: &Store, at: &Path) -> Self {
        let path = tiers(store, at);
        path.and_then(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).unwrap_or_default()
    }

    pub(super) fn save(&self, store: &Store, at: &Path) -> std::io::Result<()> {
        match tiers(store, at).filter(|_| self.is_new) {
            Some(path) => write_private(&path, &serde_json::to_vec(self)?),
            None => Ok(()),
        }
    }

    /// Notes that an agent changes something in a tier. Returns whether that is its first time in one that matters.
    pub(super) fn enter(&mut self, agent: AgentKind, tier: Tier) -> bool {
        let entered = self.entered.entry(agent).or_default();
        let is_first = tier >= Tier::High && !entered.contains(&tier);
        if is_first {
            entered.push(tier);
            self.is_new = true;
        }
        is_first
    }
}

fn file(store: &Store, at: &Path, agent: AgentKind, session: Option<&str>) -> Option<PathBuf> {
    let name: String = sha256(&format!("{agent}\n{}", session.unwrap_or_default())).chars().take(32).collect();
    Some(store.folder(at)?.join("sessions").join(format!("{name}.json")))
}

fn tiers(store: &Store, at: &Path) -> Option<PathBuf> {
    Some(store.folder(at)?.join("tiers.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Class;
    use countersign_policy::Environment;

    fn decision(at: i64, is_denied: bool, route: &str, environment: Environment) -> Decision {
        let deed = Deed {
            class: Class::Loss,
            target: None,
            environment,
            route: route.to_owned(),
            way: route.to_owned(),
            is_grave: true,
            is_live: true,
        };
        Decision { at, is_denied, is_stopped: is_denied, deeds: vec![deed] }
    }

    fn run(decisions: &[Decision]) -> Vec<Strange> {
        let mut session = Session::default();
        let mut found = Vec::new();
        for decision in decisions {
            found.extend(session.strange(decision, decision.at));
            session.add(decision.clone());
        }
        found
    }

    #[test]
    fn each_is_told_once() {
        let denied = |minute: i64| decision(minute * 60_000, true, "terraform", Environment::Unknown);
        let minutes: Vec<Decision> = (0..6).map(denied).collect();
        assert_eq!(run(&minutes), [Strange::RepeatedDenials { count: 3 }]);
        let later: Vec<Decision> = [0, 1, 2, 70, 71, 72].map(denied).into();
        assert_eq!(run(&later).len(), 2, "an hour later it is told anew");
        let way = |second: i64, route| decision(second * 1_000, true, route, Environment::Production);
        assert_eq!(
            run(&[way(0, "terraform"), way(1, "aws"), way(700, "aws")]),
            [Strange::AnotherRoute { class: Class::Loss, from: "terraform".to_owned(), to: "aws".to_owned() }]
        );
        let burst: Vec<Decision> =
            (0..30).map(|second| decision(second * 1_000, false, "kubectl", Environment::Development)).collect();
        assert_eq!(run(&burst), [Strange::Burst { count: 20 }]);
    }

    #[test]
    fn ordinary_work_is_nothing_strange() {
        let mut work = Vec::new();
        for minute in 0..120 {
            // A denial now and then, and the same done where it may be.
            let at = minute * 60_000;
            work.push(decision(at, minute % 12 == 0, "terraform", Environment::Unknown));
            work.push(decision(at + 1, false, "make dev › terraform", Environment::Development));
            work.push(decision(at + 2, false, "kubectl", Environment::Development));
        }
        assert_eq!(run(&work), []);
    }

    #[test]
    fn a_tier_is_entered_once() {
        let mut tiers = Tiers::default();
        assert!(!tiers.enter(AgentKind::Codex, Tier::Standard));
        assert!(tiers.enter(AgentKind::Codex, Tier::Critical) && tiers.enter(AgentKind::Codex, Tier::High));
        assert!(!tiers.enter(AgentKind::Codex, Tier::Critical));
        assert!(tiers.enter(AgentKind::Cursor, Tier::Critical), "another agent");
    }
}
