//! The state that is presumed to be live, made of what is there now and of what is known of earlier. There is one way for
//! editors and for the command line.

use super::{State, is_of_module, read, stands_alone};
use crate::cache::Cache;
use crate::disk::{self, Configs};
use crate::git::{MergeBases, Revision};
use crate::state::Store;
use crate::surroundings::{self, MAX_TEXT, key};
use countersign_engine::{Snapshot, module_of};
use countersign_grammars::Language;
use countersign_policy::Baseline;
use gix::ObjectId;
use ignore::WalkBuilder;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// Committed files that are kept read.
const MAX_KEPT: usize = 5_000;

/// Where the files of a folder were earlier.
#[derive(Clone)]
pub(crate) enum Earlier {
    /// In a commit.
    Commit(Rc<Revision>),
    /// On disk: what was saved last.
    Saved,
    /// That is not known: they are taken to have been as they are.
    Unknown,
}

/// What is kept from one comparison to the next: by what names it, so it never gets old.
#[derive(Default)]
pub(crate) struct Kept {
    /// Committed files, by what names their content and by their own names; and why one could not be read.
    files: Mutex<HashMap<(ObjectId, Arc<str>), Read>>,
    bases: MergeBases,
    /// Finds where what units say is kept.
    store: Store,
}

type Read = (Arc<Snapshot>, Option<String>);

impl Kept {
    /// What is presumed to be live for a path: the commit that is named, else what the settings say. It is an error where that
    /// is no commit.
    pub(crate) fn revision(&self, path: &Path, named: Option<&str>, configs: &Configs) -> anyhow::Result<Revision> {
        let setting = configs.of(&path.join("-")).config.impact.baseline.clone();
        match (named, &setting) {
            (Some(named), _) => Revision::presumed(path, Some(named), &self.bases),
            (None, Baseline::Revision(named)) => Revision::presumed(path, Some(named), &self.bases),
            (None, Baseline::MergeBase) => Revision::presumed(path, None, &self.bases),
            (None, Baseline::Saved) => anyhow::bail!(
                "countersign.toml says `baseline = \"saved\"`, which is a state for editors; on the command line it is what is \
                 there now, so there is nothing to compare it with: name an earlier state with --base REV"
            ),
        }
    }

    /// A file as it was committed.
    fn file(&self, revision: &Revision, id: ObjectId, cache: &Cache, path: &Path, language: Language) -> Read {
        let file = &key(path);
        let kept = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&(id, Arc::clone(file))) {
            return known.clone();
        }
        let (then, problem) = match revision.content(id) {
            Ok(content) => read(cache, path, content, language),
            Err(error) => (cache.snapshot(path, language, ""), Some(error.to_string())),
        };
        let then = (Arc::new(then), problem);
        let mut kept = kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert((id, Arc::clone(file)), then.clone());
        then
    }
}

/// What the folders of a session are compared with.
pub(crate) struct Baselines<'a> {
    kept: &'a Kept,
    configs: &'a Configs,
    /// What comes before the settings.
    named: Option<&'a str>,
    /// By the root of the work tree and the setting.
    known: HashMap<(PathBuf, Baseline), Earlier>,
    /// What is wrong, once each.
    pub(crate) problems: BTreeSet<String>,
}

impl<'a> Baselines<'a> {
    /// As the settings say; where a revision is named, that.
    pub(crate) fn new(kept: &'a Kept, configs: &'a Configs, named: Option<&'a str>) -> Self {
        Self { kept, configs, named, known: HashMap::new(), problems: BTreeSet::new() }
    }

    /// Where the files of a folder were earlier: as the settings say, outside of git what was saved last.
    pub(crate) fn of(&mut self, folder: &str) -> Earlier {
        let inside = inside(folder);
        let folder = inside.parent().unwrap_or(Path::new(folder));
        let setting = match self.named {
            Some(named) => Baseline::Revision(named.to_owned()),
            None => self.configs.of(&inside).config.impact.baseline.clone(),
        };
        let Some(root) = crate::git::work_tree(&inside).filter(|_| setting != Baseline::Saved) else {
            return Earlier::Saved;
        };
        if let Some(known) = self.known.get(&(root.clone(), setting.clone())) {
            return known.clone();
        }
        let earlier = match self.kept.revision(folder, self.named, self.configs) {
            Ok(revision) => Earlier::Commit(Rc::new(revision)),
            // A revision that is not there is a mistake, and no reason to compare with something else.
            Err(error) if matches!(setting, Baseline::Revision(_)) => {
                self.problems.insert(format!("what edits do to what is live is not said: {error}"));
                Earlier::Unknown
            }
            Err(_) => Earlier::Saved,
        };
        self.known.insert((root, setting), earlier.clone());
        earlier
    }
}

/// The state before, while it is made.
pub(crate) struct Then<'a> {
    now: &'a State,
    kept: &'a Kept,
    /// Files that are there now, by folder.
    now_in: HashMap<&'a str, Vec<&'a Arc<str>>>,
    /// The state before.
    pub(crate) state: State,
    /// Folders that were gone through.
    pub(crate) folders: BTreeSet<String>,
    /// What could not be read, by file.
    pub(crate) problems: BTreeMap<Arc<str>, String>,
}

impl<'a> Then<'a> {
    /// Begins with what is there now.
    pub(crate) fn new(now: &'a State, kept: &'a Kept) -> Self {
        let state = State { workspace: now.workspace.clone(), files: now.files.clone(), ..State::default() };
        let mut now_in: HashMap<&str, Vec<&Arc<str>>> = HashMap::new();
        for (file, _) in now.files() {
            now_in.entry(module_of(file)).or_default().push(file);
        }
        Self { now, kept, now_in, state, folders: BTreeSet::new(), problems: BTreeMap::new() }
    }

    /// Puts folders into the state before as they were, and what they call, then and now.
    pub(crate) fn go_back(
        &mut self,
        folders: impl IntoIterator<Item = String>,
        mut earlier: impl FnMut(&str) -> Earlier,
    ) {
        let mut open: BTreeSet<String> = folders.into_iter().collect();
        while let Some(folder) = open.pop_first() {
            if self.folders.contains(&folder) {
                continue;
            }
            match earlier(&folder) {
                Earlier::Commit(revision) => self.committed(&revision, &folder),
                Earlier::Saved => self.saved(&folder),
                Earlier::Unknown => {}
            }
            open.extend(self.now.workspace.callees(&folder));
            open.extend(self.state.workspace.callees(&folder));
            self.folders.insert(folder);
        }
    }

    /// Puts the files of a folder into the state before as a commit has them.
    fn committed(&mut self, revision: &Revision, folder: &str) {
        let of = inside(folder);
        let Some(inside) = of.parent().and_then(|folder| revision.inside(folder)) else { return };
        let mut files = revision.files_in(&inside);
        if stands_alone(folder) {
            // A file by itself.
            let name = folder.rsplit('/').next().unwrap_or_default();
            files.retain(|(file, _)| *file == *name);
        }
        // A submodule is a repository of its own, with another history.
        if files.is_empty() && revision.is_foreign(&inside) {
            return;
        }
        let names = revision.names();
        let cache = OnceCell::new();
        let mut committed = HashSet::new();
        for (name, id) in files {
            let path = of.with_file_name(&name);
            let file = key(&path);
            let Some(language) = is_of_module(&file) else { continue };
            committed.insert(Arc::clone(&file));
            let now = self.now.file(&file);
            // It is not gone: a sparse checkout or a limit leaves it out.
            let is_left_out = || revision.inside(&path).is_some_and(|inside| revision.is_left_out(&inside));
            if now.is_none() && (path.exists() || is_left_out()) {
                continue;
            }
            if now.is_some_and(|now| names.is_same(id, now.text.to_string().as_bytes())) {
                continue;
            }
            let cache = cache.get_or_init(|| Cache::of(path.parent().unwrap_or(&path), &self.kept.store));
            let (then, problem) = self.kept.file(revision, id, cache, &path, language);
            self.state.replace(&file, Some(then), problem.is_some());
            if let Some(problem) = problem {
                self.problems.insert(file, format!("at {}: {problem}", revision.name));
            }
        }
        cache.into_inner().into_iter().for_each(Cache::save);
        // What git ignores was there then as it is now; what was never written is new.
        let mut visible = None;
        for file in self.now_in.get(folder).into_iter().flatten().filter(|file| !committed.contains(**file)) {
            let visible = visible.get_or_insert_with(|| visible_files(folder));
            if visible.contains(*file) || !Path::new(&***file).exists() {
                self.state.replace(file, None, false);
            }
        }
    }

    /// Puts the files of a folder into the state before as they were saved last.
    fn saved(&mut self, folder: &str) {
        for file in self.now_in.get(folder).into_iter().flatten() {
            let path = Path::new(&***file);
            let Some((language, now)) = is_of_module(file).zip(self.now.file(file)) else { continue };
            let Ok(text) = disk::read(path) else { continue };
            if text != now.text.to_string() {
                let then = Arc::new(surroundings::snapshot(path, language, &text));
                self.state.replace(file, Some(then), false);
            }
        }
    }

    /// Puts a text that an expression reads into the state before; says whether it was another one.
    pub(crate) fn text(&mut self, revision: &Revision, path: &str) -> bool {
        let Some(inside) = revision.inside(Path::new(path)) else { return false };
        let Some(content) = revision.file(&inside) else { return false };
        let content = (content.len() as u64 <= MAX_TEXT).then(|| String::from_utf8(content).ok()).flatten();
        let version = self.state.workspace.version();
        self.state.workspace.set_text(path, content.map(Arc::from));
        version != self.state.workspace.version()
    }

    /// Files of the state before that are not as they are now.
    pub(crate) fn different(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Snapshot>)> {
        self.state.files().filter(|(file, then)| self.now.file(file).is_none_or(|now| !Arc::ptr_eq(now, then)))
    }
}

/// A path in a folder; where a file is a module by itself, in that of the file.
fn inside(module: &str) -> PathBuf {
    let path = Path::new(module);
    if stands_alone(module) { path.with_file_name("-") } else { path.join("-") }
}

/// The files of a folder that git does not ignore.
fn visible_files(folder: &str) -> HashSet<Arc<str>> {
    let walk = WalkBuilder::new(folder).max_depth(Some(1)).build().flatten();
    walk.map(|entry| key(entry.path())).collect()
}
