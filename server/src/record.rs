//! What is written down in the ledger: an append-only record, in the folder that holds the state of a repository, of who
//! wrote what and how that came to be known.

use crate::git;
use crate::proposal::JudgedOperation;
use crate::state::Store;
use countersign_agents::{Action, Call, Moment};
use countersign_commands::{Grade, Reach};
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
pub(crate) fn answered(file: &Path, call: &Call, verdict: Verdict, answer: &str, risks: &[&str]) -> NewEntry {
    let mut body =
        json!({ "surface": "hook", "verdict": verdict, "answer": answer, "risk": risks.first(), "risks": risks });
    name_call(&mut body, call);
    let is_edit = matches!(call.action, Action::Edits(_));
    let entry = entry_of(Kind::Verdict, file, Some(call.tool.clone()), None, body);
    NewEntry { file: entry.file.filter(|_| is_edit), ..entry }
}

/// Names the command by a digest, or the tool, with its session and the number that the agent gives the call.
fn name_call(body: &mut Value, call: &Call) {
    for (name, value) in [("session", &call.session), ("call", &call.call)] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    match &call.action {
        Action::Command(command) => body["command"] = sha256(command).into(),
        Action::Tool { name, .. } => body["tool"] = name.as_str().into(),
        Action::Edits(_) | Action::Nothing => {}
    }
}

/// An entry that an agent has run a command or called a tool, and what that was judged to do. `folder` is that in which it was called.
///
/// The entry is about the folder in which its operations run, where the text says that, else that in which it was called; `here` says
/// of each operation whether it runs there. Of what was hit only digests of names are kept, as [`crate::watch::names`] makes them, and
/// none of what is on this machine alone; of a program that is not known, not even its name.
pub(crate) fn ran(folder: &Path, call: &Call, operations: &[JudgedOperation]) -> NewEntry {
    let place = |one: &JudgedOperation| one.operation.folder.as_ref().map(|inside| folder.join(inside));
    let common = operations.iter().find_map(place).unwrap_or_else(|| folder.to_owned());
    let operation = |one: &JudgedOperation| {
        let deed = &one.operation;
        let target = deed.target.as_deref().filter(|_| deed.reach != Reach::Local);
        json!({
            "program": program(call, &deed.program), "effect": deed.effect, "reach": deed.reach, "grave": deed.grade == Grade::Grave,
            "certain": deed.certain, "environment": one.environment, "names": target.map(crate::watch::names),
            "here": place(one).is_some_and(|place| place == common),
        })
    };
    let state = if call.moment == Moment::Failed { "failed" } else { "done" };
    let operations: Vec<Value> = operations.iter().take(MAX_OPERATIONS).map(operation).collect();
    let mut body = json!({ "state": state, "operations": operations });
    name_call(&mut body, call);
    let entry = entry_of(Kind::Command, &common.join("-"), Some(call.tool.clone()), None, body);
    // The folder, and no file in it.
    let folder = entry.file.as_deref().and_then(|file| file.strip_suffix('-')).map(|it| it.trim_end_matches('/'));
    let folder = folder.map(|folder| if folder.is_empty() { ".".to_owned() } else { folder.to_owned() });
    NewEntry { file: folder, ..entry }
}

/// The name of a program that is known. Any other may be called after somebody, or not be the name of a program at all.
fn program<'n>(call: &Call, name: &'n str) -> &'n str {
    let is_known =
        || countersign_commands::recognised().iter().any(|(names, _)| names.split('`').any(|known| known == name));
    if matches!(call.action, Action::Tool { .. }) || is_known() { name } else { "a script" }
}

/// What one command does that is kept: a script may do more.
const MAX_OPERATIONS: usize = 20;

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
