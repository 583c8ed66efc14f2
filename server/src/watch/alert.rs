//! Telling what is out of the ordinary: in the ledger, and by a file that the servers of open editors see.

use super::Class;
use crate::record::{self, Kind, append, entry_of};
use crate::spool::prune;
use crate::state::{Store, create_private, write_private};
use countersign_ledger::NewEntry;
use countersign_policy::Tier;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long an alert lies there for servers, and how many do.
const AGE: Duration = Duration::from_hours(1);
const MAX: usize = 100;

/// What is out of the ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strange {
    /// So many denials of one session in a short time.
    RepeatedDenials { count: usize },
    /// After a denial, the same effect by another way.
    AnotherRoute { class: Class, from: String, to: String },
    /// An agent changes something in a tier for the first time.
    FirstEntry { tier: Tier },
    /// So many calls that change what runs in a short time.
    Burst { count: usize },
    /// An edit that was denied stands on disk.
    DeniedEditOnDisk { risk: Option<String> },
}

/// Something out of the ordinary, and who did it where.
pub(crate) struct Anomaly<'a> {
    pub(crate) strange: Strange,
    /// The agent's name in records.
    pub(crate) tool: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) file: &'a Path,
}

/// What lies there for servers.
#[derive(Debug, Serialize, Deserialize)]
struct Alert {
    message: String,
}

impl Strange {
    /// The word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RepeatedDenials { .. } => "repeated-denials",
            Self::AnotherRoute { .. } => "another-route",
            Self::FirstEntry { .. } => "first-entry",
            Self::Burst { .. } => "burst",
            Self::DeniedEditOnDisk { .. } => "denied-edit-on-disk",
        }
    }

    /// What is not told twice within an hour.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::AnotherRoute { class, to, .. } => format!("{} {} {to}", self.name(), class.name()),
            other => other.name().to_owned(),
        }
    }

    /// What is so, in a sentence whose subject is the agent.
    fn what(&self) -> String {
        match self {
            Self::RepeatedDenials { count } => format!("was denied {count} times within ten minutes in one session."),
            Self::AnotherRoute { class, from, to } => {
                format!("was denied {} by way of `{from}`, and then tried the same by way of `{to}`.", class.name())
            }
            Self::FirstEntry { tier } => format!("changes a resource of tier {} here for the first time.", tier.name()),
            Self::Burst { count } => format!("changed what runs with {count} calls within two minutes."),
            Self::DeniedEditOnDisk { .. } => "was denied an edit, and its text is in the file all the same.".to_owned(),
        }
    }

    /// Why it matters and what to do, in whole sentences.
    fn instead(&self) -> &'static str {
        match self {
            Self::RepeatedDenials { .. } => {
                "It may be looking for a way around: see what it is after; `countersign log --kind verdict` lists the denials."
            }
            Self::AnotherRoute { .. } => {
                "It is looking for a way around the denial: stop it, and see what it is after."
            }
            Self::FirstEntry { .. } => "Much hangs on it: look at the change before it is applied.",
            Self::Burst { .. } => "See whether that is meant.",
            Self::DeniedEditOnDisk { .. } => {
                "It got there some other way, or somebody wrote it: look at it before it is committed."
            }
        }
    }
}

/// Writes it down in the ledger, and leaves it for the servers of open editors.
pub(crate) fn raise(store: &Store, anomaly: &Anomaly<'_>) -> Result<(), String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Anomaly { strange, tool, session, file } = anomaly;
    let is_about_file = matches!(strange, Strange::DeniedEditOnDisk { .. } | Strange::FirstEntry { .. });
    let mut body = json!({ "anomaly": strange.name(), "why": strange.what(), "session": session });
    if let Strange::DeniedEditOnDisk { risk: Some(risk) } = strange {
        body["risk"] = risk.as_str().into();
    }
    let entry = entry_of(Kind::Anomaly, file, Some((*tool).to_owned()), None, body);
    let named = entry.file.clone().filter(|_| is_about_file);
    let at = entry.at;
    append(store, file, &[NewEntry { file: named.clone(), ..entry }]).map_err(|error| error.to_string())?;
    let Some(folder) = folder(store, file) else { return Ok(()) };
    let of = named.map(|name| format!("{name}: ")).unwrap_or_default();
    let message = format!("{of}{tool} {} {}", strange.what(), strange.instead());
    let name = format!("{at:017}-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let alert = serde_json::to_vec(&Alert { message }).map_err(|error| error.to_string())?;
    write_private(&folder.join(name), &alert).map_err(|error| error.to_string())?;
    prune(&folder, AGE, MAX);
    Ok(())
}

/// The folder that alerts about the repository of a file are left in, which is there from now on.
pub(crate) fn watched(store: &Store, file: &Path) -> Option<PathBuf> {
    let folder = folder(store, file)?;
    create_private(&folder).ok()?;
    Some(folder)
}

/// The message of an alert in a place; `None` where it is none.
pub(crate) fn message(path: &Path) -> Option<String> {
    let is_alert = path.extension().is_some_and(|it| it == "json") && path.parent()?.ends_with(FOLDER);
    let bytes = std::fs::read(path).ok().filter(|_| is_alert)?;
    serde_json::from_slice::<Alert>(&bytes).ok().map(|alert| alert.message)
}

const FOLDER: &str = "alerts";

fn folder(store: &Store, file: &Path) -> Option<PathBuf> {
    Some(record::path(store, file)?.parent()?.join(FOLDER))
}
