//! What is there now against a commit.

use super::{Compared, State, is_of_module, problem, read, read_all};
use crate::disk::{self, Configs};
use crate::git::Revision;
use crate::surroundings::{self, LOCAL_STATE, MAX_TEXT, Near, StateNames, Surroundings, key, near};
use anyhow::{Context, bail};
use countersign_engine::{Workspace, module_of, units, wanted_files};
use gix::ObjectId;
use ignore::WalkBuilder;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of modules that are read; more are left out, and that is said.
const MAX_FILES: usize = 20_000;

/// What has to be there even where nothing is different.
#[derive(Default)]
pub(crate) struct Besides<'a> {
    /// The modules of texts in which all of these stand.
    pub(crate) words: &'a [String],
    /// A folder of a module.
    pub(crate) folder: Option<&'a Path>,
}

/// Compares the files below a path with a commit: the one that `base` names, else what is presumed to be live.
pub(crate) fn since(
    path: &Path,
    base: Option<&str>,
    configs: &Configs,
    besides: &Besides<'_>,
) -> anyhow::Result<Compared> {
    let revision = Revision::presumed(path, base)?;
    let absolute = PathBuf::from(&*key(path));
    // What a link leads to is named as git names it.
    let scope =
        if revision.inside(&absolute).is_some() { absolute } else { absolute.canonicalize().unwrap_or(absolute) };
    let root = revision.root().display();
    let inside = revision.inside(&scope).with_context(|| format!("{} is not below {root}", path.display()))?;
    if is_of_module(&key(&scope)).is_none() && (scope.is_file() || revision.id(&inside).is_some()) {
        bail!("{}: {}", path.display(), super::NOT_COMPARED);
    }
    if !scope.exists() && !revision.has(&inside) {
        bail!("{}: there is no such file or folder, neither now nor at {}", path.display(), revision.name);
    }
    let only = revision.id(&inside).is_some() || scope.is_file();
    let only = only.then(|| key(&scope));
    let mut since = Since::new(revision, scope);
    let mut modules = since.different(&inside, configs)?;
    let mut called = BTreeSet::new();
    loop {
        let (around, after) = since.now(&modules, &called, besides)?;
        let Past { before, read, called_then } = since.past(&around, &after, &modules);
        let known = (modules.len(), called.len());
        modules.extend(read.into_iter().filter(|module| since.is_in_scope(module)));
        called.extend(called_then);
        // What depends on modules that were found to be different only now has to be there too, and what is called no more.
        if known == (modules.len(), called.len()) {
            return Ok(since.compared(before, after, modules, only));
        }
    }
}

/// The state before, and what has to be known besides.
struct Past {
    before: State,
    /// The modules that read a file that is different.
    read: BTreeSet<String>,
    /// Folders that are there now and were called then only.
    called_then: BTreeSet<String>,
}

struct Since {
    revision: Revision,
    scope: PathBuf,
    /// The files of all modules in the work tree that git does not ignore, by their names in the index.
    visible: BTreeMap<Arc<str>, Near>,
    /// What a sparse checkout leaves out.
    left_out: BTreeSet<String>,
    doubts: Vec<String>,
    problems: BTreeMap<Arc<str>, String>,
}

impl Since {
    fn new(revision: Revision, scope: PathBuf) -> Self {
        let walk = WalkBuilder::new(revision.root()).build().flatten();
        let paths: Vec<_> = walk
            .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
            .map(|entry| (key(entry.path()), entry.into_path()))
            .filter(|(file, _)| is_of_module(file).is_some())
            .collect();
        let visible = paths.into_par_iter().map(|(file, path)| (file, near(&path))).collect();
        let doubts = revision.doubt.iter().cloned().collect();
        let left_out = revision.left_out();
        Self { revision, scope, visible, left_out, doubts, problems: BTreeMap::new() }
    }

    /// Whether a file of the commit is not in the work tree because nobody wants it there.
    fn is_left_out(&self, inside: &str) -> bool {
        let mut folders = inside.match_indices('/').filter_map(|(at, _)| inside.get(..=at));
        self.left_out.contains(inside) || folders.any(|folder| self.left_out.contains(folder))
    }

    fn is_in_scope(&self, file: &str) -> bool {
        Path::new(file).starts_with(&self.scope)
    }

    /// The modules of files in scope that are not as they were.
    fn different(&self, inside: &str, configs: &Configs) -> anyhow::Result<BTreeSet<String>> {
        let (committed, foreign) = match self.revision.id(inside) {
            Some(id) => (vec![(inside.to_owned(), id)], Vec::new()),
            None => self.revision.files_below(inside)?,
        };
        let name = |inside: &str| key(&self.revision.root().join(inside));
        let foreign: Vec<_> = foreign.iter().map(|folder| name(folder)).collect();
        let mut files: BTreeMap<Arc<str>, Option<ObjectId>> =
            self.visible.keys().filter(|file| self.is_in_scope(file)).map(|file| (Arc::clone(file), None)).collect();
        let committed =
            committed.iter().filter(|(path, _)| !self.is_left_out(path) || Path::new(&*name(path)).exists());
        files.extend(committed.map(|(path, id)| (name(path), Some(*id))));
        files.retain(|file, _| {
            let path = Path::new(&**file);
            let is_foreign = foreign.iter().any(|folder| path.starts_with(&**folder));
            is_of_module(file).is_some() && !is_foreign && !configs.of(path).excludes(path)
        });
        let names = self.revision.names();
        let files: Vec<_> = files.into_iter().collect();
        let is_same = |file: &str, id: Option<ObjectId>| match (std::fs::read(file), id) {
            (Ok(content), Some(id)) => names.is_same(id, &content),
            (Err(_), None) => true,
            _ => false,
        };
        let different = files.par_iter().filter(|(file, id)| !is_same(file, *id));
        Ok(different.map(|(file, _)| module_of(file).to_owned()).collect())
    }

    /// The modules that are compared and what has to do with them, as they are now.
    fn now(
        &mut self,
        modules: &BTreeSet<String>,
        called: &BTreeSet<String>,
        besides: &Besides<'_>,
    ) -> anyhow::Result<(Surroundings, State)> {
        let wanted = self.wanted(modules, besides);
        let of_wanted = self.visible.iter().filter(|(_, near)| wanted.contains(&near.module));
        let mut files: Vec<_> = of_wanted.map(|(file, _)| Arc::clone(file)).collect();
        // What git ignores is used nevertheless.
        let visible: HashSet<_> = files.iter().cloned().collect();
        let folders = modules.union(called).flat_map(|folder| surroundings::files_in(Path::new(folder)));
        files.extend(folders.map(|(path, _)| key(&path)).filter(|file| !visible.contains(file)));
        if files.len() > MAX_FILES {
            // What is compared comes first.
            files.sort_by_key(|file| !modules.contains(module_of(file)));
            if files.get(MAX_FILES).is_some_and(|file| modules.contains(module_of(file))) {
                bail!("more than {MAX_FILES} files are in modules that are different; name a folder further down");
            }
            self.doubt(format!(
                "{} files have to do with this and only {MAX_FILES} of them were read, so there may be more dependents; name a \
                 folder further down",
                files.len()
            ));
            files.truncate(MAX_FILES);
        }
        let files = files.into_iter().map(|file| (Arc::clone(&file), PathBuf::from(&*file))).collect();
        let (snapshots, problems) = read_all(&files);
        let around = Surroundings::of(snapshots);
        let now = State::now(&around, &problems);
        self.problems.extend(problems);
        Ok((around, now))
    }

    fn doubt(&mut self, doubt: String) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// The modules that have to be read: those that are compared, those that something of them leads to, and what all of
    /// them call.
    fn wanted(&self, modules: &BTreeSet<String>, besides: &Besides<'_>) -> BTreeSet<String> {
        let mut by_module: BTreeMap<&str, Vec<&Near>> = BTreeMap::new();
        for near in self.visible.values() {
            by_module.entry(&near.module).or_default().push(near);
        }
        let mut wanted: BTreeSet<&str> = modules.iter().map(String::as_str).collect();
        let folder = besides.folder.map(key);
        wanted.extend(folder.as_deref().and_then(|folder| by_module.get_key_value(folder)).map(|(folder, _)| *folder));
        if !besides.words.is_empty() {
            let is_about = |file: &str| {
                let text = disk::read(Path::new(file));
                text.is_ok_and(|text| besides.words.iter().all(|word| text.contains(word.as_str())))
            };
            let in_scope: Vec<_> = self.visible.iter().filter(|(file, _)| self.is_in_scope(file)).collect();
            wanted.par_extend(
                in_scope.par_iter().filter(|(file, _)| is_about(file)).map(|(_, near)| near.module.as_str()),
            );
        }
        // Upwards: who calls them, and who looks up what they declare.
        loop {
            let declared: HashSet<&str> = wanted
                .iter()
                .filter_map(|module| by_module.get(module))
                .flatten()
                .flat_map(|near| near.declared.iter().map(String::as_str))
                .collect();
            let own = || wanted.iter().filter_map(|module| by_module.get(module)).flatten();
            let names = own().flat_map(|near| near.keeps.names.iter().cloned());
            // Without a backend it is a file.
            let file = (!wanted.is_empty()).then(|| LOCAL_STATE.to_owned());
            let keeps =
                StateNames { names: names.chain(file).collect(), is_open: own().any(|near| near.keeps.is_open) };
            let is_led_to = |near: &Near| {
                near.called.iter().any(|called| wanted.contains(called.as_str()))
                    || near.looks_into.may_meet(&keeps)
                    || near.looked_up.iter().any(|kind| declared.contains(kind.as_str()))
            };
            let more: Vec<&str> = by_module
                .iter()
                .filter(|(module, files)| !wanted.contains(*module) && files.iter().any(|near| is_led_to(near)))
                .map(|(module, _)| *module)
                .collect();
            if more.is_empty() {
                break;
            }
            wanted.extend(more);
        }
        // Those that read files are there to see whether these are different.
        let reading = self.visible.iter().filter(|(file, near)| near.reads && self.is_in_scope(file));
        wanted.extend(reading.map(|(_, near)| near.module.as_str()));
        wanted.into_iter().map(str::to_owned).collect()
    }

    /// The same modules as they were.
    fn past(&mut self, around: &Surroundings, after: &State, modules: &BTreeSet<String>) -> Past {
        let mut before = State { workspace: after.workspace.clone(), files: after.files.clone(), ..State::default() };
        let mut open: BTreeSet<String> = after.files.keys().map(|file| module_of(file).to_owned()).collect();
        open.extend(modules.iter().cloned());
        let mut known = BTreeSet::new();
        while !open.is_empty() {
            for folder in &open {
                self.folder_then(folder, after, &mut before);
            }
            known.append(&mut open);
            let called = known.iter().flat_map(|folder| before.workspace.callees(folder));
            open = called.filter(|folder| !known.contains(folder)).collect();
        }
        let is_left = |folder: &&String| !after.workspace.has_module(folder) && Path::new(&***folder).is_dir();
        let called_then = known.iter().filter(is_left).filter(|folder| !modules.contains(*folder)).cloned().collect();
        let mut read = BTreeSet::new();
        for (module, path) in around.texts() {
            if self.text_then(path, &mut before.workspace) {
                read.insert(module.clone());
            }
        }
        for (file, snapshot) in &before.files {
            let is_same = after.file(file).is_some_and(|now| Arc::ptr_eq(now, snapshot));
            if !is_same {
                for path in wanted_files(&before.workspace, file, &units(snapshot)) {
                    self.text_then(&path, &mut before.workspace);
                }
            }
        }
        Past { before, read, called_then }
    }

    /// Puts the files of a folder into the state before as they were committed.
    fn folder_then(&mut self, folder: &str, after: &State, before: &mut State) {
        let Some(inside) = self.revision.inside(Path::new(folder)) else { return };
        let names = self.revision.names();
        let mut committed = HashSet::new();
        for (name, id) in self.revision.files_in(&inside) {
            let path = Path::new(folder).join(name);
            let file = key(&path);
            let Some(language) = is_of_module(&file) else { continue };
            committed.insert(Arc::clone(&file));
            // It is not gone: a sparse checkout or a limit leaves it out.
            let is_left_out = || self.revision.inside(&path).is_some_and(|inside| self.is_left_out(&inside));
            if after.file(&file).is_none() && (path.exists() || is_left_out()) {
                continue;
            }
            if after.file(&file).is_some_and(|now| names.is_same(id, now.text.to_string().as_bytes())) {
                continue;
            }
            let (then, problem) = match self.revision.content(id) {
                Ok(content) => read(&path, content, language),
                Err(error) => (surroundings::snapshot(&path, language, ""), Some(error.to_string())),
            };
            before.replace(&file, Some(Arc::new(then)), problem.is_some());
            if let Some(problem) = problem {
                self.problems.insert(file, format!("at {}: {problem}", self.revision.name));
            }
        }
        // What git ignores was there then as it is now.
        let is_new =
            |file: &str| module_of(file) == folder && !committed.contains(file) && self.visible.contains_key(file);
        let new: Vec<_> = after.files.keys().filter(|file| is_new(file)).collect();
        for file in new {
            before.replace(file, None, false);
        }
    }

    /// Puts a text that an expression reads into the state before; says whether it was another one.
    fn text_then(&self, path: &str, workspace: &mut Workspace) -> bool {
        let Some(inside) = self.revision.inside(Path::new(path)) else { return false };
        let Some(content) = self.revision.file(&inside) else { return false };
        let content = (content.len() as u64 <= MAX_TEXT).then(|| String::from_utf8(content).ok()).flatten();
        let version = workspace.version();
        workspace.set_text(path, content.map(Arc::from));
        version != workspace.version()
    }

    fn compared(self, before: State, after: State, modules: BTreeSet<String>, only: Option<Arc<str>>) -> Compared {
        let baseline = format!("{} ({})", self.revision.name, self.revision.commit);
        let problems = self.problems.into_iter().map(|(file, message)| problem(&after, &file, message)).collect();
        Compared { before, after, modules, only, baseline, doubts: self.doubts, problems }
    }
}
