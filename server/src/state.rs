//! What Countersign remembers between runs: who wrote what, one file a document, readable by the user alone.
//!
//! It stands in `countersign/` in the repository's git folder, so that it is never committed and goes with the clone;
//! outside of git in the platform's state folder.

use crate::git::{self, Committed};
use crate::upwards::Upwards;
use countersign_provenance::{Regions, Saved, is_telling, sha256};
use etcetera::BaseStrategy;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How often and how long apart it is tried to be alone with the state.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Files of the state that are searched for a text that another file had.
const MAX_SEARCHED: usize = 1_000;

/// Finds and keeps the files of the state.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// State folder by folder of the document; a look-up walks up the folders.
    folders: Upwards<Option<PathBuf>>,
    /// What folders hold, where they need not be looked at again.
    listed: Option<Mutex<HashMap<PathBuf, Arc<[PathBuf]>>>>,
    /// What is remembered of the files of a repository, by text, as it was when its folder had last changed.
    inks: Mutex<HashMap<PathBuf, (SystemTime, Arc<ByInk>)>>,
}

/// Files of the state by the digest of the whole text.
type ByInk = HashMap<u64, Vec<PathBuf>>;

impl Store {
    /// One that looks at each folder once, for a run over many files.
    pub(crate) fn of_one_run() -> Self {
        Self { listed: Some(Mutex::default()), ..Self::default() }
    }

    /// The files of a folder, in order of their names.
    pub(crate) fn list(&self, folder: &Path) -> Arc<[PathBuf]> {
        let list = || {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            files.sort();
            Arc::from(files)
        };
        let Some(listed) = &self.listed else { return list() };
        let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(listed.entry(folder.to_owned()).or_insert_with(list))
    }

    /// What is remembered of a file. A state that cannot be read counts as none.
    pub(crate) fn load(&self, file: &Path) -> Option<Saved> {
        read(&self.file(file)?)
    }

    /// When what is remembered of a file was written down.
    pub(crate) fn written(&self, file: &Path) -> Option<SystemTime> {
        std::fs::metadata(self.file(file)?).and_then(|metadata| metadata.modified()).ok()
    }

    /// What is remembered of other files that have this text, but for its layout: of one that was renamed or copied. `None`
    /// where there is none, where they do not say the same, where the file was there before, for then it may be what the other
    /// was copied from, and where git has the same text in a file of which nothing is remembered.
    pub(crate) fn same(&self, file: &Path, text: &str) -> Option<Regions> {
        is_telling(text).then_some(())?;
        let files = self.by_ink(&self.folder(file)?.join("attribution"));
        let files = files.get(&Saved::ink_of(text)).filter(|_| git::at_head(file) == Committed::Absent)?;
        let mut same = files.iter().filter_map(|path| read(path)?.restore_same(text));
        let first = same.next()?;
        let is_unknown = |other: &PathBuf| other != file && self.load(other).is_none();
        if git::files_with(file, text).iter().any(is_unknown) {
            return None;
        }
        let whole = 0..text.len();
        same.all(|other| other.part(&whole) == first.part(&whole)).then_some(first)
    }

    /// What is remembered of the files of a repository, by the digest of the whole text.
    fn by_ink(&self, folder: &Path) -> Arc<ByInk> {
        // It changes with every file that is put into it.
        let Ok(changed) = std::fs::metadata(folder).and_then(|metadata| metadata.modified()) else {
            return Arc::default();
        };
        let mut known = self.inks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, inks)) = known.get(folder).filter(|(at, _)| *at == changed) {
            return Arc::clone(inks);
        }
        let mut inks = ByInk::new();
        for path in self.list(folder).iter().take(MAX_SEARCHED) {
            if let Some(saved) = read(path) {
                inks.entry(saved.ink()).or_default().push(path.clone());
            }
        }
        let inks = Arc::new(inks);
        known.insert(folder.to_owned(), (changed, Arc::clone(&inks)));
        inks
    }

    /// Remembers this of a file, or forgets it.
    pub(crate) fn save(&self, file: &Path, saved: Option<&Saved>) -> std::io::Result<()> {
        let Some(path) = self.file(file) else { return Ok(()) };
        match saved {
            Some(saved) => write_private(&path, &serde_json::to_vec(saved)?),
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// Where the state of a file stands: named by a digest, for a name in the state must not break the state.
    fn file(&self, file: &Path) -> Option<PathBuf> {
        let file = std::path::absolute(file).ok()?;
        Some(self.folder(&file)?.join("attribution").join(format!("{}.json", sha256(&file.to_string_lossy()))))
    }

    /// The folder that holds the state of a file. Only where `.git` stands is git asked, and that once.
    pub(crate) fn folder(&self, file: &Path) -> Option<PathBuf> {
        let look = |folder: &Path, _, above: Option<_>| {
            let git = || git::git_folder(&folder.join("-")).map(|git| git.join("countersign"));
            above.unwrap_or_else(|| git().or_else(state_folder))
        };
        self.folders.of(std::path::absolute(file).ok()?.parent()?, look)?
    }

    /// Changes what is remembered of a file, while no other hook does.
    pub(crate) fn alone<T>(&self, file: &Path, change: impl FnOnce() -> T) -> std::io::Result<T> {
        let Some(folder) = self.folder(file) else { return Ok(change()) };
        create_private(&folder)?;
        let lock = std::fs::File::create(folder.join("lock"))?;
        // Who holds it for longer has got stuck, and an agent must not wait for that.
        for _ in 0..LOCK_TRIES {
            if lock.try_lock().is_ok() {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        // It is let go of when the file is closed.
        Ok(change())
    }
}

/// What is remembered in a file of the state.
fn read(path: &Path) -> Option<Saved> {
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str::<Saved>(&text).ok().filter(Saved::is_readable)
}

/// The platform's folder for state that is worth keeping and not worth a backup.
fn state_folder() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("countersign"))
}

/// Writes a page that the editor can open.
pub(crate) fn write_page(name: &str, markdown: &str) -> std::io::Result<PathBuf> {
    let folder = state_folder().ok_or_else(|| std::io::Error::other("this platform names no state folder"))?;
    let path = folder.join("pages").join(format!("{name}.md"));
    write_private(&path, markdown.as_bytes())?;
    Ok(path)
}

/// Writes a file that only the user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or_else(|| std::io::Error::other("a file has a folder"))?;
    create_private(folder)?;
    // `tempfile` creates files for the user alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
pub(crate) fn create_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
pub(crate) fn create_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Writes a file whole or not at all, with the permissions that a new file gets.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or_else(|| std::io::Error::other("a file has a folder"))?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
