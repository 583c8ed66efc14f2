//! What agents' hooks leave for a server, and what they keep between the moment before an edit and the moment after it.
//!
//! A report is one file in the state folder, written beside its name and then renamed. A server applies it to a document
//! once that shows the very text that the report is about; until then, and for others who may have to, it lies there.
//! Reports say who wrote what by digests of lines and hold no text.

use crate::state::{Store, write_private};
use crate::surroundings::key;
use countersign_provenance::{Saved, sha256};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Version of the format; another one is left alone.
const FORMAT: u32 = 1;

/// How long a report waits for a document that shows its text.
const REPORT_AGE: Duration = Duration::from_hours(24);

/// Reports, and texts before an edit, that are kept of all files of a repository.
const MAX_REPORTS: usize = 2_000;

/// The folder of the reports in that of the state.
const FOLDER: &str = "spool";

/// How long the text before an edit is kept for an agent that never says that the edit is done.
const TEXT_AGE: Duration = Duration::from_hours(1);

/// How the names of texts before an edit end: of one that may go on, and of one that was denied.
const KEPT: [&str; 2] = ["json", "denied"];

/// Who wrote what in a text that an agent left on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    format: u32,
    /// The file.
    file: PathBuf,
    /// Who wrote what.
    pub(crate) saved: Saved,
}

/// The text that an agent found.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    text: String,
}

/// Leaves a report about a file.
pub(crate) fn leave(store: &Store, file: &Path, saved: Saved) -> std::io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(folder) = store.folder(file).map(|folder| folder.join(FOLDER)) else { return Ok(()) };
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let report = Report { format: FORMAT, file: file.to_owned(), saved };
    // Names tell the file, and are in the order of time.
    let name = format!("{}-{at:017}-{}-{count}.json", prefix(file), std::process::id());
    write_private(&folder.join(name), &serde_json::to_vec(&report)?)?;
    prune(&folder, REPORT_AGE, MAX_REPORTS);
    Ok(())
}

/// The reports about a file, the newest first; each is read when it is asked for. What cannot be read is none.
pub(crate) fn reports(store: &Store, file: &Path) -> impl Iterator<Item = Report> {
    let files = store.folder(file).map(|folder| store.list(&folder.join(FOLDER))).unwrap_or_default();
    let (prefix, about) = (prefix(file), key(file));
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // Names are in order, and those of one file begin alike.
    let start = files.partition_point(|path| name(path) < prefix);
    let of_file = files[start..].iter().take_while(|path| name(path).starts_with(&prefix)).cloned();
    let read = move |path: &PathBuf| -> Option<Report> {
        let report: Report = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let is_of = key(&report.file) == about;
        (report.format == FORMAT && is_of && report.saved.is_readable()).then_some(report)
    };
    let newest_first = of_file.collect::<Vec<_>>().into_iter().rev();
    newest_first.filter(|path| is_report(path) && !is_older(path, REPORT_AGE)).filter_map(move |path| read(&path))
}

/// The file that a report in a place of the spool is about.
pub(crate) fn file_of(path: &Path) -> Option<PathBuf> {
    let report: Report = serde_json::from_slice(&std::fs::read(path).ok().filter(|_| is_report(path))?).ok()?;
    Some(report.file)
}

/// The folder that reports about files beside this one are left in, which is there from now on.
pub(crate) fn folder(store: &Store, file: &Path) -> Option<PathBuf> {
    let folder = store.folder(file)?.join(FOLDER);
    crate::state::create_private(&folder).ok()?;
    Some(folder)
}

/// How the names of all reports about a file begin.
fn prefix(file: &Path) -> String {
    sha256(&key(file)).chars().take(32).collect()
}

/// Keeps the text that an agent found, until it says what it did. `edit` names the one edit. Of one that `is_denied` nobody
/// expects to hear again. Returns how many texts were given up, for nobody said what became of them.
pub(crate) fn keep(store: &Store, file: &Path, edit: &str, text: &str, is_denied: bool) -> std::io::Result<usize> {
    let Some(path) = kept(store, file, edit) else { return Ok(0) };
    let (wanted, other) =
        (path.with_extension(KEPT[usize::from(is_denied)]), path.with_extension(KEPT[usize::from(!is_denied)]));
    write_private(&wanted, &serde_json::to_vec(&Found { text: text.to_owned() })?)?;
    let _ = std::fs::remove_file(other);
    let gone = prune(wanted.parent().unwrap_or(&wanted), TEXT_AGE, MAX_REPORTS);
    Ok(gone.iter().filter(|path| is_report(path)).count())
}

/// The text that was kept, which is kept no longer.
pub(crate) fn take(store: &Store, file: &Path, edit: &str) -> Option<String> {
    let path = kept(store, file, edit)?;
    let there = KEPT.map(|ending| path.with_extension(ending)).into_iter().find(|path| path.exists())?;
    let bytes = std::fs::read(&there).ok()?;
    let _ = std::fs::remove_file(&there);
    serde_json::from_slice::<Found>(&bytes).ok().map(|found| found.text)
}

/// Notes that an editor has saved this text in a file, so that nobody takes it for the work of a command that ran then.
pub(crate) fn saved(store: &Store, file: &Path, text: &str) -> std::io::Result<()> {
    let Some(folder) = store.folder(file).map(|folder| folder.join("saves")) else { return Ok(()) };
    write_private(&folder.join(prefix(file)), sha256(text).as_bytes())?;
    prune(&folder, TEXT_AGE, MAX_REPORTS);
    Ok(())
}

/// Whether an editor has lately saved this text in a file.
pub(crate) fn was_saved(store: &Store, file: &Path, text: &str) -> bool {
    let path = store.folder(file).map(|folder| folder.join("saves").join(prefix(file)));
    path.is_some_and(|path| std::fs::read_to_string(path).is_ok_and(|saved| saved == sha256(text)))
}

fn kept(store: &Store, file: &Path, edit: &str) -> Option<PathBuf> {
    let name = sha256(&format!("{edit}\n{}", key(file)));
    Some(store.folder(file)?.join("before").join(format!("{name}.json")))
}

fn is_report(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|elapsed| elapsed > age)
}

/// Takes away what is too old, and the oldest where there is too much, and returns what that was.
pub(crate) fn prune(folder: &Path, age: Duration, most: usize) -> Vec<PathBuf> {
    let modified = |entry: std::fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut files: Vec<(SystemTime, PathBuf)> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(modified).collect();
    files.sort();
    let excess = files.len().saturating_sub(most);
    let is_old = |modified: &SystemTime| modified.elapsed().is_ok_and(|elapsed| elapsed > age);
    let old = files.iter().enumerate().filter(|(index, (modified, _))| *index < excess || is_old(modified));
    old.map(|(_, (_, path))| path).filter(|path| std::fs::remove_file(path).is_ok()).cloned().collect()
}
