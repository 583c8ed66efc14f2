//! What is written down in the ledger: an append-only record, in the folder that holds the state of a repository, of who
//! wrote what and how that came to be known.

use crate::git;
use crate::state::Store;
use countersign_ledger::{Ledger, LedgerError, NewEntry};
use countersign_provenance::{Origin, Writer};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use countersign_ledger::Kind;

/// How long a ledger may be held by others before an entry is given up: an agent waits for its hook.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the ledger of the repository of a file stands.
pub(crate) fn path(store: &Store, file: &Path) -> Option<PathBuf> {
    Some(store.folder(file)?.join("ledger.sqlite"))
}

/// An entry about a part of a file.
pub(crate) fn entry(kind: Kind, file: &Path, origin: &Origin, bytes: usize) -> NewEntry {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let agent = match &origin.writer {
        Writer::Ai(agent) => Some(agent),
        Writer::Human | Writer::Disputed(_) => None,
    };
    // A person's name can be erased, so it stands in no other place.
    let person = match kind {
        Kind::Tag | Kind::Correction => git::author(file),
        _ => None,
    };
    let relative = git::work_tree(file).and_then(|root| file.strip_prefix(root).ok().map(Path::to_owned));
    let name = relative.unwrap_or_else(|| file.to_owned()).to_string_lossy().replace('\\', "/");
    let mut body = json!({ "authority": origin.authority, "bytes": bytes });
    let more = [
        ("model", agent.and_then(|agent| agent.model.clone()).map(Value::from)),
        ("session", agent.and_then(|agent| agent.session.clone()).map(Value::from)),
        ("means", origin.means.and_then(|means| serde_json::to_value(means).ok())),
        (
            "corrects",
            origin.corrects.as_deref().and_then(|origin| origin.agent()).map(|agent| agent.tool.as_str().into()),
        ),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    NewEntry {
        at: i64::try_from(at).unwrap_or(i64::MAX),
        kind,
        agent: agent.map(|agent| agent.tool.clone()),
        person,
        file: Some(name),
        body,
    }
}

/// Appends entries about a file. A ledger that cannot be used is set aside, and a new one is begun.
pub(crate) fn append(store: &Store, file: &Path, entries: &[NewEntry]) -> Result<(), LedgerError> {
    let Some(path) = path(store, file) else { return Ok(()) };
    let (mut ledger, aside) = Ledger::open_or_set_aside(path)?;
    if let Some(aside) = aside {
        tracing::warn!("the ledger was set aside as {}: {}", aside.moved_to.display(), aside.reason);
    }
    ledger.set_patience(PATIENCE);
    ledger.append(entries).map(drop)
}
