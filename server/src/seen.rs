//! What was seen in the text of a file that an AI tool wrote, and what became of it, for the ledger. It is compared with what
//! was there the last time, so that an entry stands for something that happened and not for a look at the file.

use crate::record::{self, Kind};
use crate::state::{Store, write_private};
use countersign_engine::{Analysis, Finding};
use countersign_impact::Action;
use countersign_ledger::{LedgerError, NewEntry};
use countersign_policy::{Severity, Verdict};
use countersign_provenance::{Agent, Origin, sha256};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What is to be said about text of AI tools in one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    findings: Vec<Risk>,
    tags: Vec<Agent>,
}

/// A risk in text of an AI tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Risk {
    id: String,
    /// Of the resource.
    address: Option<String>,
    severity: Severity,
    verdict: Verdict,
    agent: Option<Agent>,
    /// How many resources depend on the one that is destroyed, replaced or interrupted; `None` where nothing of that happens.
    #[serde(default)]
    dependents: Option<usize>,
}

/// What is to be known of the look at a file by which something was seen, beside what was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// When this server looked at the file before, in milliseconds since 1970: what is new now was not there then.
    before: Option<i64>,
    /// Risks that are there and in no text of AI tools, or that nothing follows from, each with the address of the resource.
    others: Vec<(String, Option<String>)>,
    /// Whether something is accepted in the file, of which it is not told here what.
    has_accepted: bool,
}

impl Look {
    /// What an analysis says, beside what is seen in text of AI tools.
    pub(crate) fn of(analysis: &Analysis, before: Option<i64>) -> Self {
        let others = analysis.findings.iter().filter(|finding| Risk::of(finding).is_none());
        let address = |finding: &Finding| finding.resource.as_ref().map(|resource| resource.address.to_string());
        Self {
            before,
            others: others.map(|finding| (finding.risk.to_owned(), address(finding))).collect(),
            has_accepted: analysis.suppressed > 0,
        }
    }

    /// Whether a risk that is not seen any more is mended or taken back: neither accepted, nor somebody else's now. `None` where
    /// that cannot be told.
    fn is_mended(&self, risk: &Risk) -> Option<bool> {
        let is_there = self.others.iter().any(|(id, address)| (id, address) == (&risk.id, &risk.address));
        match (is_there, self.has_accepted) {
            (true, _) => Some(false),
            (false, true) => None,
            (false, false) => Some(true),
        }
    }
}

impl Risk {
    fn of(finding: &Finding) -> Option<Self> {
        let origin = finding.origin.evidence.as_ref().filter(|origin| origin.is_ai())?;
        (finding.verdict > Verdict::Allow).then(|| Self {
            id: finding.risk.to_owned(),
            address: finding.resource.as_ref().map(|resource| resource.address.to_string()),
            severity: finding.severity,
            verdict: finding.verdict,
            agent: origin.agent().cloned(),
            dependents: finding.impact.and_then(|impact| {
                let hits = matches!(impact.action, Action::Destroy | Action::Replace)
                    || impact.data_loss
                    || impact.interruption;
                hits.then_some(impact.dependents)
            }),
        })
    }

    fn is(&self, other: &Self) -> bool {
        (&self.id, &self.address) == (&other.id, &other.address)
    }

    fn entry(&self, kind: Kind, file: &Path, more: &serde_json::Value) -> NewEntry {
        let mut body = json!({ "risk": self.id });
        let session = self.agent.as_ref().and_then(|agent| agent.session.clone());
        let own = [("address", self.address.clone()), ("session", session)];
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            body[name] = value.into();
        }
        if let Some(dependents) = self.dependents {
            body["dependents"] = dependents.into();
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        record::entry_of(kind, file, self.agent.as_ref().map(|agent| agent.tool.clone()), None, body)
    }
}

impl Seen {
    /// What an analysis says of text of AI tools.
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let mut findings: Vec<Risk> = Vec::new();
        for risk in analysis.findings.iter().filter_map(Risk::of) {
            match findings.iter_mut().find(|known| known.is(&risk)) {
                Some(known) => {
                    known.verdict = known.verdict.max(risk.verdict);
                    known.dependents = known.dependents.max(risk.dependents);
                }
                None => findings.push(risk),
            }
        }
        let tags = analysis.declared.iter().filter_map(|(_, origin)| Origin::agent(origin).cloned()).collect();
        Self { findings, tags }
    }

    /// Writes down in the ledger what is new since the last time, and what is gone.
    pub(crate) fn record(&self, store: &Store, file: &Path, look: &Look) -> Result<(), LedgerError> {
        let place = place(store, file);
        let before: Self = place
            .as_ref()
            .and_then(|place| serde_json::from_slice(&std::fs::read(place).ok()?).ok())
            .unwrap_or_default();
        if before == *self {
            return Ok(());
        }
        record::append(store, file, &self.since(&before, file, look))?;
        let Some(place) = place else { return Ok(()) };
        let written = if *self == Self::default() {
            std::fs::remove_file(&place)
        } else {
            serde_json::to_vec(self).map_err(Into::into).and_then(|bytes| write_private(&place, &bytes))
        };
        if let Err(error) = written {
            tracing::warn!("what was seen in {} could not be kept: {error}", file.display());
        }
        Ok(())
    }

    fn since(&self, before: &Self, file: &Path, look: &Look) -> Vec<NewEntry> {
        let mut entries = Vec::new();
        for risk in &self.findings {
            let known = before.findings.iter().find(|known| known.is(risk));
            if known.is_none() {
                let mut more = json!({ "severity": risk.severity, "state": "open" });
                if let Some(before) = look.before {
                    more["lookedBefore"] = before.into();
                }
                entries.push(risk.entry(Kind::Finding, file, &more));
            }
            let has_grown = known.is_some_and(|known| known.dependents < risk.dependents);
            if has_grown || known.is_none_or(|known| known.verdict != risk.verdict) {
                let more = json!({ "verdict": risk.verdict, "surface": "editor" });
                entries.push(risk.entry(Kind::Verdict, file, &more));
            }
        }
        let gone = before.findings.iter().filter(|known| !self.findings.iter().any(|risk| risk.is(known)));
        entries.extend(gone.map(|risk| {
            let more = json!({ "state": "gone", "mended": look.is_mended(risk) });
            risk.entry(Kind::Finding, file, &more)
        }));
        let mut tags = before.tags.clone();
        for agent in &self.tags {
            match tags.iter().position(|known| known == agent) {
                Some(known) => drop(tags.swap_remove(known)),
                None => entries.push(record::tag(file, agent)),
            }
        }
        entries
    }
}

/// Where it is kept what was seen in a file the last time.
fn place(store: &Store, file: &Path) -> Option<PathBuf> {
    let name = sha256(&crate::surroundings::key(file));
    Some(store.folder(file)?.join("seen").join(format!("{name}.json")))
}
