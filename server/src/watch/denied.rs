//! Edits that were denied, so that it is seen where they stand on disk all the same. Only digests of the text are kept.

use crate::approvals::now;
use crate::disk;
use crate::git;
use crate::spool::prune;
use crate::state::{Store, create_private, write_private};
use crate::surroundings::key;
use countersign_agents::Call;
use countersign_provenance::sha256;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a denied edit is remembered, and how many of a repository.
const AGE: Duration = Duration::from_hours(24);
const MAX: usize = 100;

/// An edit of one file that was denied.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Denied {
    pub(crate) file: PathBuf,
    /// Digest of the text that it would have, without white space; `None` where it would be gone.
    text: Option<String>,
    pub(crate) tool: String,
    pub(crate) session: Option<String>,
    /// What was to be said of it first.
    pub(crate) risk: Option<String>,
    at: i64,
}

/// A file that an edit would change: the text that it has, and would have; `None` where it is not there.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) file: PathBuf,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Remembers a denied edit.
pub(crate) fn keep(store: &Store, call: &Call, left: &[Left], risks: &[&str]) -> std::io::Result<()> {
    for Left { file, before, after } in left.iter().take(MAX) {
        let text = after.as_deref().map(ink);
        // What only changes the layout cannot be told from what is there.
        if text == before.as_deref().map(ink) {
            continue;
        }
        let Some(folder) = folder(store, file) else { continue };
        let name = sha256(&format!("{}\n{}", file.display(), text.as_deref().unwrap_or_default()));
        let (tool, session) = (call.tool.clone(), call.session.clone());
        let risk = risks.first().map(|risk| (*risk).to_owned());
        let denied = Denied { file: file.clone(), text, tool, session, risk, at: now() };
        write_private(&folder.join(format!("{name}.json")), &serde_json::to_vec(&denied)?)?;
        prune(&folder, AGE, MAX);
    }
    Ok(())
}

/// The denied edits that stand on disk now, each once; those of one file alone where one is named.
pub(crate) fn found(store: &Store, at: &Path, only: Option<&Path>) -> Vec<Denied> {
    let files = folder(store, at).map(|folder| store.list(&folder)).unwrap_or_default();
    let take = |path: &PathBuf| -> Option<Denied> {
        let denied = read(path)?;
        let is_meant = only.is_none_or(|only| key(only) == key(&denied.file));
        // Whoever takes the record away has found it; nobody else has.
        let is_there = is_meant && stands(&denied) && std::fs::remove_file(path).is_ok();
        is_there.then_some(denied)
    };
    files.iter().filter_map(take).collect()
}

/// Whether an edit of a file was denied lately, so that its text may still turn up.
pub(crate) fn awaits(store: &Store, file: &Path) -> bool {
    let files = folder(store, file).map(|folder| store.list(&folder)).unwrap_or_default();
    files.iter().filter_map(read).any(|denied| key(&denied.file) == key(file))
}

/// The file that a record in a place is about; `None` where that is none.
pub(crate) fn file_of(path: &Path) -> Option<PathBuf> {
    path.parent()?.ends_with(FOLDER).then(|| read(path).map(|denied| denied.file))?
}

/// The folder of the records, which is there from now on.
pub(crate) fn watched(store: &Store, file: &Path) -> Option<PathBuf> {
    let folder = folder(store, file)?;
    create_private(&folder).ok()?;
    Some(folder)
}

fn read(path: impl AsRef<Path>) -> Option<Denied> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).ok().filter(|_| path.extension().is_some_and(|it| it == "json"))?;
    serde_json::from_slice(&bytes).ok()
}

fn stands(denied: &Denied) -> bool {
    let recent = now().saturating_sub(denied.at) < i64::try_from(AGE.as_millis()).unwrap_or(i64::MAX);
    match (disk::found(&denied.file), &denied.text) {
        // What git has was written before, whoever it was.
        (Ok(Some(text)), Some(ink_then)) => recent && ink(&text) == *ink_then && !git::has_text(&denied.file, &text),
        (Ok(None), None) => recent,
        _ => false,
    }
}

fn folder(store: &Store, at: &Path) -> Option<PathBuf> {
    Some(store.folder(at)?.join(FOLDER))
}

const FOLDER: &str = "denied";

/// A digest of a text whatever its layout.
fn ink(text: &str) -> String {
    sha256(&text.split_whitespace().collect::<Vec<_>>().concat())
}
