//! What is out of the ordinary in what an agent does: repeated denials, the same effect by another route after a denial, the
//! first entry into a tier, bursts, and an edit that was denied and stands on disk all the same.
//!
//! A hook is one process and remembers nothing, so what a session did lately stands in a small file in the state. Each thing is
//! told once: in the ledger, and to the editors that are open.

pub(crate) mod alert;
mod deed;
pub(crate) mod denied;
mod session;

pub(crate) use deed::{Class, Deed, digest, name, names};
pub(crate) use session::{resource, resources};

use crate::approvals::now;
use crate::disk;
use crate::proposal::Judgement;
use crate::state::Store;
use alert::{Anomaly, Strange};
use countersign_agents::{Action, Call, Moment};
use countersign_policy::Verdict;
use session::{Decision, Session, Tiers};
use std::path::{Path, PathBuf};

/// Denials of one session within a time, in milliseconds, from which on they are told of.
const DENIALS: usize = 3;
const DENIALS_WITHIN: i64 = 10 * 60_000;

/// How long after a denial another route to the same effect is told of.
const ROUTE_WITHIN: i64 = 60 * 60_000;

/// Calls of one session that change what runs, within a time, from which on they are told of.
const BURST: usize = 20;
const BURST_WITHIN: i64 = 2 * 60_000;

/// How long the same is not told again.
const TOLD_FOR: i64 = 60 * 60_000;

/// Takes in what an agent was answered, and raises what is out of the ordinary.
pub(crate) fn decided(store: &Store, call: &Call, judgement: &Judgement, is_denied: bool) -> Result<(), String> {
    let (deeds, doing) = (&judgement.deeds, &judgement.doing);
    let is_nothing = !is_denied && deeds.is_empty() && doing.is_empty();
    if is_nothing || call.moment != Moment::Before {
        return Ok(());
    }
    let at = place(call);
    let mut found = Vec::new();
    let done = store.alone(&at, || -> Result<(), String> {
        let mut session = Session::load(store, &at, call.agent, call.session.as_deref());
        let now = now();
        let decision = Decision {
            at: now,
            is_denied,
            is_stopped: is_denied || judgement.verdict() >= Verdict::Review,
            deeds: deeds.clone(),
        };
        found = session.strange(&decision, now);
        if !is_denied {
            let mut tiers = Tiers::load(store, &at);
            let entered = doing.iter().filter(|one| tiers.enter(call.agent, one.tier));
            found.extend(entered.map(|one| Strange::FirstEntry { tier: one.tier }));
            tiers.save(store, &at).map_err(|error| error.to_string())?;
            session.touch(doing.iter().map(|one| one.key.clone()));
        }
        session.add(decision);
        session.save(store, &at, call.agent, call.session.as_deref()).map_err(|error| error.to_string())
    });
    done.map_err(|error| error.to_string())??;
    for strange in found {
        let file = edited(call).unwrap_or_else(|| at.clone());
        alert::raise(store, &Anomaly { strange, tool: &call.tool, session: call.session.as_deref(), file: &file })?;
    }
    if is_denied && let Action::Edits(_) = &call.action {
        denied::keep(store, call, &judgement.left, &judgement.ids()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Looks whether edits that were denied stand on disk all the same, and raises those.
pub(crate) fn look(store: &Store, at: &Path, only: Option<&Path>) -> Result<(), String> {
    for found in denied::found(store, at, only) {
        let strange = Strange::DeniedEditOnDisk { risk: found.risk.clone() };
        alert::raise(
            store,
            &Anomaly { strange, tool: &found.tool, session: found.session.as_deref(), file: &found.file },
        )?;
    }
    Ok(())
}

/// A name in the folder in which an agent works.
pub(crate) fn place(call: &Call) -> PathBuf {
    disk::place(call.cwd.as_deref(), edited(call).as_deref().unwrap_or(Path::new("-")))
}

fn edited(call: &Call) -> Option<PathBuf> {
    let Action::Edits(edits) = &call.action else { return None };
    edits.first().map(|edit| disk::place(call.cwd.as_deref(), &edit.path))
}
