//! What the units of files on disk say, kept from one run to the next: parsing is most of what an index costs.
//!
//! One file in the state folder for each folder of files, written beside its name and then renamed. It is looked up by the very
//! text of a unit and only by the build that wrote it, so what is in it is right or not found; whatever else is found there is
//! no cache. A run that cannot write one is slower, and says the same.

use crate::disk::{self, Unread};
use crate::state::{Store, write_private};
use crate::surroundings::{self, key};
use countersign_engine::{READER, Snapshot, UnitName, read_known};
use countersign_grammars::Language;
use countersign_provenance::sha256;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The folder in that of the state.
const FOLDER: &str = "units";

/// Largest file of it, in bytes: what was not asked for lately is left out.
const MAX_FILE: usize = 16 << 20;

/// Bytes of all files of a repository; the oldest go first.
const MAX_ALL: u64 = 256 << 20;

/// Bytes of a checksum.
const SUM: usize = 32;

/// What the units of one folder's files say.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Where it is kept; `None` where nothing can be.
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    /// Where in the bytes.
    known: HashMap<UnitName, Range<usize>>,
    asked: Mutex<Asked>,
}

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    known: HashSet<UnitName>,
    new: HashMap<UnitName, Vec<u8>>,
}

impl Cache {
    /// That of a folder.
    pub(crate) fn of(folder: &Path, store: &Store) -> Self {
        let state = store.folder(&folder.join("-"));
        let path = state.map(|state| state.join(FOLDER).join(sha256(&key(folder))));
        let bytes = path.as_deref().and_then(read).unwrap_or_default();
        let known = entries(&bytes).unwrap_or_default();
        Self { path, bytes, known, asked: Mutex::default() }
    }

    /// Reads a file and its units.
    pub(crate) fn load(&self, path: &Path, language: Language) -> Result<Snapshot, Unread> {
        Ok(self.snapshot(path, language, &disk::read(path)?))
    }

    /// A text as the file at a path, with its units read.
    pub(crate) fn snapshot(&self, path: &Path, language: Language, text: &str) -> Snapshot {
        if !language.is_parsed() {
            return surroundings::snapshot(path, language, text);
        }
        let mut snapshot = Snapshot::new(language, 0, text);
        snapshot.file = key(path);
        let known = |name: &UnitName| self.bytes.get(self.known.get(name)?.clone());
        let kept = read_known(&snapshot, text, known);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, new) in kept {
            match new {
                Some(new) => drop(asked.new.insert(name, new)),
                None => drop(asked.known.insert(name)),
            }
        }
        snapshot
    }

    /// Writes it down where there is anything new in it: what was asked for, and of the rest what there is room for.
    pub(crate) fn save(self) {
        let asked = self.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = self.path.filter(|_| !asked.new.is_empty()) else { return };
        let (mut rest, mut used): (Vec<_>, Vec<_>) =
            self.known.into_iter().partition(|(name, _)| !asked.known.contains(name));
        // The order of the file: what was asked for last stands first.
        for known in [&mut used, &mut rest] {
            known.sort_by_key(|(_, range)| range.start);
        }
        let known = used.into_iter().chain(rest);
        let known = known.filter_map(|(name, range)| Some((name, self.bytes.get(range)?)));
        let new = asked.new.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        // It may be that nobody can write there, and then it is so the next time too.
        if write_private(&path, &file(new.chain(known))).is_ok() {
            prune(path.parent().unwrap_or(&path));
        }
    }
}

/// Reads files, and leaves out what cannot be read; in the order in which they are given.
pub fn snapshots(files: &[(PathBuf, Language)]) -> impl Iterator<Item = Snapshot> {
    load_all(files).into_iter().flatten()
}

/// Reads files, in the order in which they are given.
pub(crate) fn load_all(files: &[(PathBuf, Language)]) -> Vec<Result<Snapshot, Unread>> {
    by_folder(files, |(path, _)| path, |cache, (path, language)| cache.load(path, *language))
}

/// Reads something of each file with the cache of its folder, in the order in which they are given.
pub(crate) fn by_folder<F: Sync, R: Send>(
    files: &[F],
    path: impl Fn(&F) -> &Path,
    read: impl Fn(&Cache, &F) -> R + Sync,
) -> Vec<R> {
    let store = Store::default();
    let mut folders: BTreeMap<&Path, Vec<(usize, &F)>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        folders.entry(path(file).parent().unwrap_or(Path::new(""))).or_default().push((index, file));
    }
    let of_folder = |(folder, files): (&&Path, &Vec<(usize, &F)>)| {
        let cache = Cache::of(folder, &store);
        let read: Vec<_> = files.par_iter().map(|(index, file)| (*index, read(&cache, file))).collect();
        cache.save();
        read
    };
    let mut read: Vec<_> = folders.par_iter().flat_map_iter(of_folder).collect();
    read.sort_by_key(|(index, _)| *index);
    read.into_iter().map(|(_, read)| read).collect()
}

/// A file of the cache, if it is whole: the bytes behind the checksum.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE + SUM).unwrap_or(u64::MAX);
    std::fs::File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    let (sum, rest) = bytes.split_at_checked(SUM)?;
    (sum == checksum(rest)).then(|| rest.to_owned())
}

/// Of the bytes and of the build, so that what another build wrote counts as none.
fn checksum(bytes: &[u8]) -> [u8; SUM] {
    Sha256::new().chain_update(READER).chain_update(bytes).finalize().into()
}

/// The entries of a file: name, length as four bytes, the lowest first, and so many bytes. `None` where they do not end with it.
fn entries(mut bytes: &[u8]) -> Option<HashMap<UnitName, Range<usize>>> {
    let mut entries = HashMap::new();
    let mut at = 0;
    while !bytes.is_empty() {
        let (name, rest) = bytes.split_first_chunk::<{ size_of::<UnitName>() }>()?;
        let (len, rest) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let start = at + name.len() + size_of::<u32>();
        at = start.checked_add(len)?;
        entries.insert(*name, start..at);
        bytes = rest.get(len..)?;
    }
    Some(entries)
}

/// A file of entries, as many of the first ones as there is room for.
fn file<'b>(entries: impl Iterator<Item = (UnitName, &'b [u8])>) -> Vec<u8> {
    let mut bytes = vec![0; SUM];
    for (name, entry) in entries {
        let Some(len) = u32::try_from(entry.len()).ok() else { continue };
        if bytes.len() + name.len() + size_of::<u32>() + entry.len() > MAX_FILE {
            break;
        }
        bytes.extend(name);
        bytes.extend(len.to_le_bytes());
        bytes.extend(entry);
    }
    let (sum, rest) = bytes.split_at_mut(SUM);
    sum.copy_from_slice(&checksum(rest));
    bytes
}

/// Takes the oldest files away where there is too much, once in a run.
fn prune(folder: &Path) {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let about = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len(), entry.path()))
    };
    let mut files: Vec<(SystemTime, u64, PathBuf)> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(about).collect();
    files.sort_by(|a, b| b.cmp(a));
    let mut left = MAX_ALL;
    for (_, len, path) in files {
        match left.checked_sub(len) {
            Some(less) => left = less,
            None => drop(std::fs::remove_file(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, MAX_FILE, SUM, checksum, entries, file, read};
    use crate::state::Store;
    use countersign_engine::{UnitName, units};
    use countersign_grammars::Language;
    use std::path::Path;

    const TEXT: &str = "variable \"a\" {}\n\nresource \"aws_vpc\" \"v\" {\n  cidr_block = var.a\n}\n";

    /// Reads a text with the cache of a folder, and says how many of its units were not in it.
    fn new_in(folder: &Path, text: &str) -> usize {
        let cache = Cache::of(folder, &Store::default());
        let snapshot = cache.snapshot(&folder.join("a.tf"), Language::Terraform, text);
        let uncached = Cache::default().snapshot(&folder.join("a.tf"), Language::Terraform, text);
        assert_eq!(units(&snapshot), units(&uncached));
        let new = cache.asked.lock().expect("nobody panicked").new.len();
        cache.save();
        new
    }

    /// A repository, and the one file of the cache that is in it once something was read.
    fn repository() -> (tempfile::TempDir, impl Fn() -> std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        gix::init(folder.path()).expect("a repository");
        let units = folder.path().join(".git/countersign/units");
        let only = move || {
            let mut files = std::fs::read_dir(&units).expect("the folder is there").flatten();
            let file = files.next().expect("a file").path();
            assert!(files.next().is_none(), "one only");
            file
        };
        (folder, only)
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let (folder, only) = repository();
        assert_eq!(new_in(folder.path(), TEXT), 2);
        assert_eq!(new_in(folder.path(), TEXT), 0);
        // One unit is another one, in another place.
        assert_eq!(new_in(folder.path(), &format!("\n{}", TEXT.replace("var.a", "var.b"))), 2);
        assert_eq!(new_in(folder.path(), TEXT), 0, "what was not asked for stays");
        let written = read(&only()).expect("it is whole");
        assert_eq!(entries(&written).expect("entries").len(), 4);
    }

    #[test]
    fn what_is_not_whole_or_of_another_build_is_no_cache() {
        let (folder, only) = repository();
        new_in(folder.path(), TEXT);
        let whole = std::fs::read(only()).expect("it is there");
        let mut broken: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        broken.extend((0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        }));
        broken.push([&whole[..], b"\n"].concat());
        broken.push(vec![0xFF; 1000]);
        for bytes in broken {
            std::fs::write(only(), &bytes).expect("it is written");
            assert!(read(&only()).is_none(), "{} bytes", bytes.len());
        }
        assert_eq!(new_in(folder.path(), TEXT), 2);
        assert_eq!(new_in(folder.path(), TEXT), 0);
    }

    #[test]
    fn entries_that_lie_are_refused() {
        // The sum is right, and what it is of is not.
        let (folder, only) = repository();
        new_in(folder.path(), TEXT);
        let whole = read(&only()).expect("it is whole");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] = bytes[at].wrapping_add(0x55);
            let known = entries(&bytes).unwrap_or_default();
            assert!(known.values().all(|range| range.end <= bytes.len()));
            std::fs::write(only(), [&checksum(&bytes)[..], &bytes].concat()).expect("it is written");
            let cache = Cache::of(folder.path(), &Store::default());
            cache.snapshot(&folder.path().join("a.tf"), Language::Terraform, TEXT);
        }
    }

    #[test]
    fn a_file_of_it_does_not_grow_without_end() {
        let entry = vec![7; MAX_FILE / 3];
        let written = file((0..9).map(|name| ([name; 32], &*entry)));
        assert!(written.len() <= MAX_FILE);
        let known = entries(&written[SUM..]).expect("entries");
        let mut names: Vec<UnitName> = known.into_keys().collect();
        names.sort_unstable();
        assert_eq!(names, [[0; 32], [1; 32]], "the first ones stay");
    }

    #[test]
    fn where_nothing_can_be_written_it_is_read_each_time() {
        let (folder, _) = repository();
        // A file stands where the folder would be.
        std::fs::create_dir_all(folder.path().join(".git/countersign")).expect("the folder is made");
        std::fs::write(folder.path().join(".git/countersign/units"), "").expect("the file is written");
        assert_eq!(new_in(folder.path(), TEXT), 2);
        assert_eq!(new_in(folder.path(), TEXT), 2);
    }
}
