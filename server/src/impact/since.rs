//! What is there now against a commit.

use super::then::{Earlier, Kept, Then};
use super::{Compared, State, is_of_module, problem, read_all, stands_alone};
use crate::disk::{self, Configs};
use crate::git::Revision;
use crate::surroundings::{self, LOCAL_STATE, Near, StateNames, Surroundings, key, near};
use anyhow::{Context, bail};
use countersign_engine::{module_of, units, wanted_files};
use countersign_grammars::Language;
use gix::ObjectId;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
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
    let kept = Kept::default();
    let revision = Rc::new(kept.revision(path, base, configs)?);
    let scope = scope(&revision, path);
    let root = revision.root().display();
    let inside = revision.inside(&scope).with_context(|| format!("{} is not below {root}", path.display()))?;
    if is_of_module(&key(&scope)).is_none() && (scope.is_file() || revision.id(&inside).is_some()) {
        bail!("{}: {}", path.display(), super::NOT_COMPARED);
    }
    if !scope.exists() && !revision.has(&inside) {
        bail!("{}: there is no such file or folder, neither now nor at {}", path.display(), revision.name);
    }
    let only = (revision.id(&inside).is_some() || scope.is_file()).then(|| key(&scope));
    let compared = Since::new(&kept, revision, vec![scope]).compare(configs, besides)?;
    Ok(Compared { only, ..compared })
}

/// Compares what is below some paths of one work tree with a commit.
pub(super) fn since_all(
    kept: &Kept,
    revision: &Rc<Revision>,
    scopes: Vec<PathBuf>,
    configs: &Configs,
) -> anyhow::Result<Compared> {
    Since::new(kept, Rc::clone(revision), scopes).compare(configs, &Besides::default())
}

/// A path as git names it, also where a link leads to it.
pub(super) fn scope(revision: &Revision, path: &Path) -> PathBuf {
    let absolute = PathBuf::from(&*key(path));
    if revision.inside(&absolute).is_some() { absolute } else { absolute.canonicalize().unwrap_or(absolute) }
}

/// The state before, and what has to be known besides.
struct Past {
    before: State,
    /// The modules that read a file that is different.
    read: BTreeSet<String>,
    /// Folders that are there now and were called then only.
    called_then: BTreeSet<String>,
}

struct Since<'a> {
    kept: &'a Kept,
    revision: Rc<Revision>,
    scopes: Vec<PathBuf>,
    /// The files of modules that git does not ignore, by their names in the index: those in scope, and once it is needed all of
    /// the work tree.
    visible: BTreeMap<Arc<str>, Near>,
    doubts: Vec<String>,
    problems: BTreeMap<Arc<str>, String>,
}

impl<'a> Since<'a> {
    fn new(kept: &'a Kept, revision: Rc<Revision>, scopes: Vec<PathBuf>) -> Self {
        let visible = visible(&scopes);
        let doubts = revision.doubt.iter().cloned().collect();
        Self { kept, revision, scopes, visible, doubts, problems: BTreeMap::new() }
    }

    fn compare(mut self, configs: &Configs, besides: &Besides<'_>) -> anyhow::Result<Compared> {
        let mut modules = BTreeSet::new();
        for scope in &self.scopes {
            let inside = self.revision.inside(scope).unwrap_or_default();
            modules.append(&mut self.different(scope, &inside, configs)?);
        }
        let is_more = !besides.words.is_empty() || besides.folder.is_some();
        // Another text may be read where the files are as they were.
        if modules.is_empty() && !is_more && !self.visible.values().any(|near| near.reads) {
            return Ok(self.compared(State::default(), State::default(), modules));
        }
        let root = self.revision.root().to_owned();
        if !self.scopes.contains(&root) {
            self.visible = visible(&[root]);
        }
        let mut called = BTreeSet::new();
        loop {
            let (around, after) = self.now(&modules, &called, besides)?;
            let Past { before, read, called_then } = self.past(&around, &after, &modules);
            let known = (modules.len(), called.len());
            modules.extend(read.into_iter().filter(|module| self.is_in_scope(module)));
            called.extend(called_then);
            // What depends on modules that were found to be different only now has to be there too, and what is called no more.
            if known == (modules.len(), called.len()) {
                return Ok(self.compared(before, after, modules));
            }
        }
    }

    fn is_in_scope(&self, file: &str) -> bool {
        self.scopes.iter().any(|scope| Path::new(file).starts_with(scope))
    }

    /// The modules of files in scope that are not as they were.
    fn different(&self, scope: &Path, inside: &str, configs: &Configs) -> anyhow::Result<BTreeSet<String>> {
        let (committed, foreign) = match self.revision.id(inside) {
            Some(id) => (vec![(inside.to_owned(), id)], Vec::new()),
            None => self.revision.files_below(inside)?,
        };
        let name = |inside: &str| key(&self.revision.root().join(inside));
        let foreign: Vec<_> = foreign.iter().map(|folder| name(folder)).collect();
        let visible = self.visible.keys().filter(|file| Path::new(&***file).starts_with(scope));
        let mut files: BTreeMap<Arc<str>, Option<ObjectId>> = visible.map(|file| (Arc::clone(file), None)).collect();
        let committed =
            committed.iter().filter(|(path, _)| !self.revision.is_left_out(path) || Path::new(&*name(path)).exists());
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
        // What a file declared before, or one that is gone.
        let then: Vec<Near> = modules.iter().filter_map(|module| self.near_then(module)).collect();
        // Upwards: who calls them, and who looks up what they declare.
        loop {
            let declared: HashSet<&str> = wanted
                .iter()
                .filter_map(|module| by_module.get(module))
                .flatten()
                .copied()
                .chain(&then)
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
        // What a migration does to a table is told by those that made it.
        let migrations: BTreeSet<_> = modules.iter().filter_map(|module| Migration::of(module)).collect();
        let is_beside = |module: &&str| {
            Migration::of(module).is_some_and(|it| migrations.iter().any(|migration| migration.is_beside(&it)))
        };
        wanted.extend(by_module.keys().copied().filter(is_beside));
        // Those that read files are there to see whether these are different.
        let reading = self.visible.iter().filter(|(file, near)| near.reads && self.is_in_scope(file));
        wanted.extend(reading.map(|(_, near)| near.module.as_str()));
        wanted.into_iter().map(str::to_owned).collect()
    }

    /// What a file that stands for itself had to do with others.
    fn near_then(&self, module: &str) -> Option<Near> {
        let path = Path::new(module);
        let content = self.revision.file(&self.revision.inside(path).filter(|_| stands_alone(module))?)?;
        Some(surroundings::near_as(path, &String::from_utf8_lossy(&content)))
    }

    /// The same modules as they were.
    fn past(&mut self, around: &Surroundings, after: &State, modules: &BTreeSet<String>) -> Past {
        let mut then = Then::new(after, self.kept);
        let earlier = Earlier::Commit(Rc::clone(&self.revision));
        let folders = after.files().map(|(file, _)| module_of(file).to_owned()).chain(modules.iter().cloned());
        then.go_back(folders.collect::<BTreeSet<_>>(), |_| earlier.clone());
        let is_left = |folder: &&String| !after.workspace.has_module(folder) && Path::new(&***folder).is_dir();
        let called_then = then.folders.iter().filter(is_left).filter(|folder| !modules.contains(*folder));
        let called_then = called_then.cloned().collect();
        let read = around.texts().iter().filter(|(_, path)| then.text(&self.revision, path));
        let read = read.map(|(module, _)| module.clone()).collect();
        let wanted =
            |(file, then_file): (&Arc<str>, &Arc<_>)| wanted_files(&then.state.workspace, file, &units(then_file));
        for path in then.different().flat_map(wanted).collect::<BTreeSet<_>>() {
            then.text(&self.revision, &path);
        }
        self.problems.append(&mut then.problems);
        Past { before: then.state, read, called_then }
    }

    fn compared(self, before: State, after: State, modules: BTreeSet<String>) -> Compared {
        let baseline = format!("{} ({})", self.revision.name, self.revision.commit);
        let problems = self.problems.into_iter().map(|(file, message)| problem(&after, &file, message)).collect();
        Compared { before, after, modules, only: None, baseline, doubts: self.doubts, problems }
    }
}

/// A file of SQL by its folder, the one that is in, and its own name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Migration<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl<'a> Migration<'a> {
    fn of(file: &'a str) -> Option<Self> {
        let (folder, name) = file.rsplit_once('/')?;
        (Language::of_path(file) == Some(Language::Sql)).then_some(Self { folder: Path::new(folder), name })
    }

    /// Whether two are of one row of migrations: files of a folder, or one in a folder each (`2_add/up.sql`).
    fn is_beside(&self, other: &Self) -> bool {
        self.folder == other.folder || self.name == other.name && self.folder.parent() == other.folder.parent()
    }
}

/// The files of modules below some paths that git does not ignore.
fn visible(scopes: &[PathBuf]) -> BTreeMap<Arc<str>, Near> {
    let walks = scopes.iter().flat_map(|scope| disk::walk(scope).build().flatten());
    let paths: BTreeMap<_, _> = walks
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(|entry| (key(entry.path()), entry.into_path()))
        .filter(|(file, _)| is_of_module(file).is_some())
        .collect();
    paths.into_par_iter().map(|(file, path)| (file, near(&path))).collect()
}
