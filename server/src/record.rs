//! What is written down in the ledger: an append-only record, in the folder that holds the state of a repository, of who
//! wrote what and how that came to be known.

use crate::git;
use crate::state::Store;
use countersign_agents::{Action, Call};
use countersign_ledger::{Ledger, LedgerError, NewEntry};
use countersign_policy::Verdict;
use countersign_provenance::{Agent, Authority, Origin, sha256};
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
    let agent = origin.agent();
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
    // A person's name can be erased, so it stands in no other place.
    let person = if kind == Kind::Correction { git::author(file) } else { None };
    entry_of(kind, file, agent.map(|agent| agent.tool.clone()), person, body)
}

/// An entry that a file says by a tag who wrote a part of it.
pub(crate) fn tag(file: &Path, agent: &Agent) -> NewEntry {
    let mut body = json!({ "authority": Authority::Declared });
    if let Some(model) = &agent.model {
        body["model"] = model.as_str().into();
    }
    entry_of(Kind::Tag, file, Some(agent.tool.clone()), git::author(file), body)
}

/// An entry that what an agent said of a file cannot be matched with it.
pub(crate) fn unmatched(file: &Path, agent: &str, why: Unmatched) -> NewEntry {
    entry_of(Kind::Unmatched, file, Some(agent.to_owned()), None, json!({ "why": why.message() }))
}

/// An entry that agents said before edits and never after them, some time ago.
pub(crate) fn expired(file: &Path, count: usize) -> NewEntry {
    let body = json!({ "why": "the agent never said what became of the edit", "count": count });
    NewEntry { file: None, ..entry_of(Kind::Unmatched, file, None, None, body) }
}

/// An entry that an agent was answered before it did something. `file` is the one that it was about to edit, or a name in the
/// folder in which it was about to do something else. Of a command only a digest is kept: it may hold secrets.
pub(crate) fn answered(file: &Path, call: &Call, verdict: Verdict, risks: &[&str]) -> NewEntry {
    let mut body = json!({ "surface": "hook", "verdict": verdict, "risk": risks.first(), "risks": risks });
    if let Some(session) = &call.session {
        body["session"] = session.as_str().into();
    }
    let what = match &call.action {
        Action::Command(command) => Some(("command", sha256(command))),
        Action::Tool { name, .. } => Some(("tool", name.clone())),
        Action::Edits(_) | Action::Nothing => None,
    };
    let is_edit = matches!(call.action, Action::Edits(_));
    if let Some((name, value)) = what {
        body[name] = value.into();
    }
    let entry = entry_of(Kind::Verdict, file, Some(call.tool.clone()), None, body);
    NewEntry { file: entry.file.filter(|_| is_edit), ..entry }
}

/// Why nothing is attributed for what an agent said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// What stood there before is not known.
    Before,
    /// The edit does not lead to what stands there now.
    After,
}

impl Unmatched {
    /// In words.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Before => {
                "what the agent found there is not known, so nothing is attributed; set up the hook for the moment before an \
                 edit, too"
            }
            Self::After => {
                "the text is not what the agent's edit makes of it, so nothing is attributed; something else changed it at the \
                 same time"
            }
        }
    }
}

/// An entry about a file.
pub(crate) fn entry_of(
    kind: Kind,
    file: &Path,
    agent: Option<String>,
    person: Option<String>,
    body: Value,
) -> NewEntry {
    let relative = git::work_tree(file).and_then(|root| file.strip_prefix(root).ok().map(Path::to_owned));
    let name = relative.unwrap_or_else(|| file.to_owned()).to_string_lossy().replace('\\', "/");
    NewEntry { at: now(), kind, agent, person, file: Some(name), body }
}

/// Now, in milliseconds since 1970 in UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Appends entries about a file. A ledger that cannot be used is set aside, and a new one is begun.
pub(crate) fn append(store: &Store, file: &Path, entries: &[NewEntry]) -> Result<(), LedgerError> {
    let Some(path) = path(store, file).filter(|_| !entries.is_empty()) else { return Ok(()) };
    let (mut ledger, aside) = Ledger::open_or_set_aside(path)?;
    if let Some(aside) = aside {
        tracing::warn!("the ledger was set aside as {}: {}", aside.moved_to.display(), aside.reason);
    }
    ledger.set_patience(PATIENCE);
    ledger.append(entries).map(drop)
}
