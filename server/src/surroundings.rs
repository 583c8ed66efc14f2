//! What stands around files on disk: the other files of their modules, the modules that they call, the files that they
//! read. From all of it the index is made that the analysis asks.

use crate::cache;
use crate::disk;
use countersign_engine::{
    Elsewhere, Snapshot, Workspace, chart_of, folder, locate, module_of, normal, parent_of, read as read_units, units,
    wanted_files,
};
use countersign_grammars::Language;
use countersign_syntax::Budget;
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are read only because they stand around others; more are left out.
const MAX_AROUND: usize = 5_000;

/// Files that stand for themselves which are read only because they are in the folder of another; more are left out.
const MAX_BESIDE: usize = 1_000;

/// Longest file that an expression may read, in bytes.
pub(crate) const MAX_TEXT: u64 = 1 << 20;

/// A file's name in the index: its absolute path with forward slashes.
pub(crate) fn key(path: &Path) -> Arc<str> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    normal(&absolute.to_string_lossy().replace('\\', "/")).into()
}

/// A text as the file at a path, with its units read.
pub(crate) fn snapshot(path: &Path, language: Language, text: &str) -> Snapshot {
    let mut snapshot = Snapshot::new(language, 0, text);
    snapshot.file = key(path);
    read_units(&snapshot, &mut Budget::unbounded());
    snapshot
}

/// What is read for an index.
pub(crate) enum Indexed {
    /// A file that is analysed.
    File(Arc<Snapshot>),
    /// A file that is no more.
    Gone(Arc<str>),
    /// The text of a file that an expression reads.
    Text(String, Option<Arc<str>>),
    /// Where a module that a call names was installed: the module that calls, the call, the folder.
    Module(String, String, String),
}

/// Files and what stands around them.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// The index.
    pub(crate) workspace: Workspace,
    files: HashMap<Arc<str>, Arc<Snapshot>>,
    /// Folders that were looked at.
    folders: BTreeSet<String>,
    /// Files that expressions read, each with the module that it is read in.
    texts: Vec<(String, String)>,
    /// Where modules were installed: the module that calls, the call, the folder.
    modules: Vec<(String, String, String)>,
}

impl Surroundings {
    /// Starts with files that were read, and reads what stands around them.
    pub(crate) fn of(snapshots: impl IntoIterator<Item = Arc<Snapshot>>) -> Self {
        let mut around = Self::default();
        for snapshot in snapshots {
            around.add(snapshot);
        }
        around.complete();
        around
    }

    /// The same, with the manifests and templates that lie beside those among the files, and the templates of values.
    pub(crate) fn and_beside(snapshots: impl IntoIterator<Item = Arc<Snapshot>>) -> Self {
        let mut around = Self::of(snapshots);
        let folders_of = |is_one: fn(&str) -> bool| {
            let files = around.files.keys().filter(|file| is_one(file));
            files.map(|file| PathBuf::from(folder(file))).collect::<BTreeSet<_>>()
        };
        let beside = folders_of(stands_beside);
        let mut beside: Vec<_> = beside.iter().flat_map(|folder| files_beside(folder)).collect();
        beside.extend(folders_of(holds_values).iter().flat_map(|chart| templates_of(chart)));
        beside.retain(|(path, _)| !around.files.contains_key(&key(path)));
        for snapshot in cache::snapshots(&beside) {
            around.add(Arc::new(snapshot));
        }
        around
    }

    /// Files around which nothing is looked at.
    pub(crate) fn alone(snapshots: impl IntoIterator<Item = Arc<Snapshot>>) -> Self {
        let mut around = Self::default();
        for snapshot in snapshots {
            around.add(snapshot);
        }
        around
    }

    /// The module of a folder and what stands around it, with the manifests and templates that lie there.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let mut read = files_in(folder);
        read.extend(files_beside(folder));
        Self::of(cache::snapshots(&read).map(Arc::new))
    }

    /// Everything, for the index of a session.
    pub(crate) fn into_indexed(self) -> Vec<Indexed> {
        let modules = self.modules.into_iter().map(|(module, call, folder)| Indexed::Module(module, call, folder));
        modules.chain(self.files.into_values().map(Indexed::File)).collect()
    }

    fn add(&mut self, snapshot: Arc<Snapshot>) {
        let before = self.files.get(&snapshot.file).map(|before| units(before)).unwrap_or_default();
        self.workspace.update(&snapshot.file, &before, &units(&snapshot));
        self.files.insert(Arc::clone(&snapshot.file), snapshot);
    }

    /// Reads the other files of every module, the modules that they call, and what they read.
    fn complete(&mut self) {
        let mut open: BTreeSet<String> = self.files.keys().flat_map(|file| needed(file)).collect();
        let mut left = MAX_AROUND;
        while !open.is_empty() {
            let mut missing = Vec::new();
            for folder in &open {
                self.folders.insert(folder.clone());
                self.installed(folder, &mut missing);
                missing.extend(files_in(Path::new(folder)));
            }
            missing.retain(|(path, _)| !self.files.contains_key(&key(path)));
            missing.truncate(left);
            left -= missing.len();
            for snapshot in cache::snapshots(&missing) {
                self.add(Arc::new(snapshot));
            }
            let called: BTreeSet<String> = open.iter().flat_map(|folder| self.workspace.callees(folder)).collect();
            let installed = self.files.keys().flat_map(|file| needed(file));
            open = called.into_iter().chain(installed).filter(|folder| !self.folders.contains(folder)).collect();
        }
        let files: Vec<_> = self.files.values().cloned().collect();
        for snapshot in files {
            for path in wanted_files(&self.workspace, &snapshot.file, &units(&snapshot)) {
                let module = module_of(&snapshot.file);
                self.workspace.set_text(&path, text_within(&path, module));
                self.texts.push((module.to_owned(), path));
            }
        }
    }

    /// Where `terraform init` put the modules of a folder.
    fn installed(&mut self, folder: &str, missing: &mut Vec<(PathBuf, Language)>) {
        for (module, call, installed) in installed_modules(folder) {
            self.workspace.set_installed(&module, &call, &installed);
            missing.extend(files_in(Path::new(&installed)));
            self.modules.push((module, call, installed));
        }
    }

    /// Files that expressions read, each with the module that it is read in.
    pub(crate) fn texts(&self) -> &[(String, String)] {
        &self.texts
    }

    /// The files that were read, by their names in the index.
    pub(crate) fn files(&self) -> &HashMap<Arc<str>, Arc<Snapshot>> {
        &self.files
    }

    /// The index with another text for one file.
    pub(crate) fn with(&self, snapshot: &Snapshot) -> Workspace {
        let mut workspace = self.workspace.clone();
        let before = self.files.get(&snapshot.file).map(|before| units(before)).unwrap_or_default();
        workspace.update(&snapshot.file, &before, &units(snapshot));
        workspace
    }

    /// Where something else is that a finding names.
    pub(crate) fn locate(&self, place: &Elsewhere) -> Option<(&Arc<Snapshot>, Range<usize>)> {
        let snapshot = self.files.get(&place.file)?;
        Some((snapshot, locate(snapshot, place)?))
    }
}

/// Files by their index, those together of which one may have to do with the other: of one folder, or of folders that call
/// each other. As many of these groups as are small are put together until they have so many bytes, so that neither are all
/// files held at once nor is each group waited for.
pub(crate) fn batches(files: &[(PathBuf, Language)], bytes: usize) -> Vec<Vec<usize>> {
    let read: Vec<_> = files.par_iter().map(|(path, _)| near(path)).collect();
    let mut groups = Groups::default();
    for Near { module, called, .. } in &read {
        let own = groups.of(module);
        for called in called {
            let other = groups.of(called);
            groups.join(own, other);
        }
    }
    let mut members: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
    for (index, Near { module, length, .. }) in read.iter().enumerate() {
        let own = groups.of(module);
        let (sum, group) = members.entry(groups.root(own)).or_default();
        *sum += length;
        group.push(index);
    }
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (length, group) in members.into_values() {
        if let Some(batch) = batches.last_mut().filter(|_| length <= room) {
            batch.extend(group);
        } else {
            batches.push(group);
            room = bytes;
        }
        room = room.saturating_sub(length);
    }
    batches
}

/// What a file has to do with others, by the look of it. Nothing is parsed for it: what only looks like a call joins more
/// than need be.
#[derive(Debug, Default)]
pub(crate) struct Near {
    /// Its module.
    pub(crate) module: String,
    /// Its length in bytes.
    length: usize,
    /// Folders that it may call.
    pub(crate) called: Vec<String>,
    /// Kinds of what it may declare.
    pub(crate) declared: Vec<String>,
    /// Kinds of what it may look up, `terraform_remote_state` among them.
    pub(crate) looked_up: Vec<String>,
    /// What tells the state that it keeps.
    pub(crate) keeps: StateNames,
    /// What tells the states that it looks up.
    pub(crate) looks_into: StateNames,
    /// Whether it may read files.
    pub(crate) reads: bool,
}

/// Names of states, as far as they stand there in so many words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StateNames {
    /// Those that do.
    pub(crate) names: Vec<String>,
    /// Whether there is one that does not.
    pub(crate) is_open: bool,
}

impl StateNames {
    /// Whether a state of these may be one of those.
    pub(crate) fn may_meet(&self, others: &Self) -> bool {
        let is_there = |names: &Self| names.is_open || !names.names.is_empty();
        let is_open = (self.is_open && is_there(others)) || (others.is_open && is_there(self));
        is_open || self.names.iter().any(|name| others.names.contains(name))
    }
}

/// What a file has to do with others.
pub(crate) fn near(path: &Path) -> Near {
    near_as(path, &disk::read(path).unwrap_or_default())
}

/// What a file with a text has to do with others.
pub(crate) fn near_as(path: &Path, text: &str) -> Near {
    let file = key(path);
    let module = module_of(&file).to_owned();
    let mut called = Vec::new();
    for (at, found) in text.match_indices("source") {
        let rest = text[at + found.len()..].trim_start_matches(['"', ' ', '\t', '=', ':']);
        if rest.starts_with('.')
            && let Some(end) = rest.find('"')
        {
            called.push(normal(&format!("{module}/{}", &rest[..end])));
        }
    }
    let (mut declared, mut looked_up) = (kinds(text, "resource"), kinds(text, "data"));
    if stands_beside(&file) {
        called.extend(charts(&file).map(str::to_owned));
        outside(folder(&file), text, &mut declared, &mut looked_up);
    }
    let keeps = state_names(text, &["backend \"", "\"backend\"", "cloud {"]);
    let looks_into = state_names(text, &["terraform_remote_state\""]);
    Near { module, length: text.len(), called, declared, looked_up, keeps, looks_into, reads: text.contains("file(") }
}

/// The folders that are needed to read a file: its module, and of a template the charts that it is a part of.
fn needed(file: &str) -> impl Iterator<Item = String> {
    std::iter::once(module_of(file)).chain(charts(file)).map(str::to_owned)
}

/// The chart that a template belongs to, and the one that this may be a part of.
fn charts(file: &str) -> impl Iterator<Item = &str> {
    let chart = chart_of(file).filter(|_| stands_beside(file));
    chart.into_iter().chain(chart.and_then(parent_of).map(|(parent, _)| parent))
}

/// What leads from one file of YAML or JSON to others, by the look of the text: objects of Kubernetes in one folder or namespace may
/// name each other, and a stack may import what another exports.
fn outside(folder: &str, text: &str, declared: &mut Vec<String>, looked_up: &mut Vec<String>) {
    if text.contains("apiVersion") {
        let mut names = vec![format!("beside {folder}")];
        names.extend(values(text, "namespace").map(|name| format!("namespace {name}")));
        names.extend(OF_CLUSTER.iter().filter(|kind| text.contains(**kind)).map(|kind| format!("cluster {kind}")));
        looked_up.extend(names.iter().cloned());
        declared.append(&mut names);
        if text.contains("Namespace") {
            declared.extend(values(text, "name").map(|name| format!("namespace {name}")));
        }
    }
    // Who exports a name has to be known too, for of two it is not known which is meant.
    let exports = "exports of stacks";
    if text.contains("Export") {
        declared.push(exports.to_owned());
        looked_up.push(exports.to_owned());
    } else if text.contains("ImportValue") {
        looked_up.push(exports.to_owned());
    }
}

/// Kinds of objects that are in no namespace and are named by others, without their first letter: it is small where they are named.
const OF_CLUSTER: [&str; 3] = ["lusterRole", "riorityClass", "torageClass"];

/// What stands behind a key of YAML or JSON on its line.
fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(key).filter_map(move |(at, _)| {
        let rest = text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start_matches(' ').strip_prefix(':')?;
        let line = rest.lines().next()?;
        let value = line.split([',', '}', '#']).next()?.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then_some(value)
    })
}

/// Stands for all states that are kept in a file.
pub(crate) const LOCAL_STATE: &str = "a file";

/// Settings of a backend that tell its states from others.
const STATE_NAMES: [&str; 5] = ["key", "prefix", "name", "address", "secret_suffix"];

/// The names of the states that blocks are about which begin with one of some words.
fn state_names(text: &str, words: &[&str]) -> StateNames {
    let mut found = StateNames::default();
    for (at, word) in words.iter().flat_map(|word| text.match_indices(word)) {
        let rest = &text[at + word.len()..];
        // Up to the end of the top-level block.
        let block = rest.split("\n}").next().unwrap_or(rest);
        if block.contains("\"local\"") {
            found.names.push(LOCAL_STATE.to_owned());
            continue;
        }
        let settings = block.lines().filter_map(|line| line.split_once('='));
        let mut settings = settings.filter(|(name, _)| STATE_NAMES.contains(&name.trim())).peekable();
        found.is_open |= settings.peek().is_none();
        for (_, value) in settings {
            match value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
                Some(name) if !name.contains("${") => found.names.push(name.to_owned()),
                _ => found.is_open = true,
            }
        }
    }
    found
}

/// The kinds that stand behind a word: `resource "aws_vpc"`.
fn kinds(text: &str, word: &str) -> Vec<String> {
    let mut kinds = Vec::new();
    for (at, found) in text.match_indices(word) {
        let rest = text[at + found.len()..].trim_start_matches(['"', ' ', '\t', ':', '{', '\n', '\r']);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if rest[..end].contains('_') {
            kinds.push(rest[..end].to_owned());
        }
    }
    kinds
}

/// Folders in groups: a forest of which each tree is one.
#[derive(Default)]
struct Groups {
    numbers: HashMap<String, usize>,
    parents: Vec<usize>,
}

impl Groups {
    fn of(&mut self, folder: &str) -> usize {
        if let Some(number) = self.numbers.get(folder) {
            return *number;
        }
        let number = self.parents.len();
        self.numbers.insert(folder.to_owned(), number);
        self.parents.push(number);
        number
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[b] = a;
    }
}

/// The files of the module of a folder, in order.
pub(crate) fn files_in(folder: &Path) -> Vec<(PathBuf, Language)> {
    listed(folder, |file| module_of(file) != file)
}

/// The files of a folder that stand for themselves and may have to do with each other, in order.
fn files_beside(folder: &Path) -> Vec<(PathBuf, Language)> {
    let mut files = listed(folder, stands_beside);
    files.truncate(MAX_BESIDE);
    files
}

/// The templates of a chart, in order.
pub(crate) fn templates_of(chart: &Path) -> Vec<(PathBuf, Language)> {
    let walk = disk::walk(&chart.join("templates")).build().flatten();
    let paths =
        walk.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())).map(ignore::DirEntry::into_path);
    let templates = paths.filter_map(|path| Some((Language::of_path(&path.to_string_lossy())?, path)));
    let mut templates: Vec<_> = templates.filter(|(_, path)| stands_beside(&path.to_string_lossy())).collect();
    templates.sort_by(|a, b| a.1.cmp(&b.1));
    templates.truncate(MAX_BESIDE);
    templates.into_iter().map(|(language, path)| (path, language)).collect()
}

/// Whether a file holds values for a chart.
pub(crate) fn holds_values(file: &str) -> bool {
    Language::of_path(file) == Some(Language::ChartValues)
}

/// Whether a file stands for itself and may name what is in others, or be named there.
pub(crate) fn stands_beside(file: &str) -> bool {
    matches!(Language::of_path(file), Some(Language::Yaml | Language::Json))
}

/// Files of a folder, in order.
fn listed(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<(PathBuf, Language)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter_map(|path| {
            let language = Language::of_path(&path.to_string_lossy())?;
            (is_wanted(&key(&path)) && path.is_file()).then_some((path, language))
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

/// The text of a file that an expression of a module reads. Only files of the same repository count, for what else a path
/// leads to is nobody's business here.
pub(crate) fn text_within(path: &str, module: &str) -> Option<Arc<str>> {
    let root = crate::git::work_tree(&Path::new(module).join("-")).unwrap_or_else(|| PathBuf::from(module));
    let (path, root) = (Path::new(path).canonicalize().ok()?, root.canonicalize().ok()?);
    let metadata = std::fs::metadata(&path).ok()?;
    if !path.starts_with(root) || !metadata.is_file() || metadata.len() > MAX_TEXT {
        return None;
    }
    disk::read(&path).ok().map(Arc::from)
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "Modules", default)]
    modules: Vec<Installed>,
}

#[derive(Deserialize)]
struct Installed {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Dir")]
    folder: String,
}

/// What `.terraform/modules/modules.json` says: module that calls, name of the call, folder of the module that is called.
pub(crate) fn installed_modules(folder: &str) -> Vec<(String, String, String)> {
    let path = Path::new(folder).join(".terraform/modules/modules.json");
    let Ok(text) = disk::read(&path) else { return Vec::new() };
    let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else { return Vec::new() };
    let at = |folder_of: &str| normal(&format!("{folder}/{folder_of}"));
    let folder_of = |key: &str| {
        manifest.modules.iter().find(|module| module.key == key).map_or_else(|| folder.to_owned(), |it| at(&it.folder))
    };
    manifest
        .modules
        .iter()
        .filter(|module| module.folder.contains(".terraform/"))
        .filter_map(|module| {
            let (parent, call) = module.key.rsplit_once('.').unwrap_or(("", &module.key));
            (!call.is_empty()).then(|| (folder_of(parent), call.to_owned(), at(&module.folder)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LOCAL_STATE, StateNames, state_names};

    #[test]
    fn states_are_told_apart_by_the_look_of_the_text() {
        let of = |text: &str| state_names(text, &["backend \"", "terraform_remote_state\""]);
        let named = |name: &str| StateNames { names: vec![name.to_owned()], is_open: false };
        let kept = of("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"net\"\n  }\n}\n");
        assert_eq!(kept, named("net"));
        let reader = |settings: &str| of(&format!("data \"terraform_remote_state\" \"n\" {{\n{settings}\n}}\nx = 1\n"));
        assert!(reader("  config = {\n    key = \"net\"\n  }").may_meet(&kept));
        assert!(!reader("  config = {\n    key = \"app\"\n  }").may_meet(&kept));
        assert!(reader("  config = {\n    key = \"${local.x}/net\"\n  }").may_meet(&kept));
        assert!(reader("  config = { key = \"app\" }").may_meet(&kept), "it is not looked at so closely");
        assert!(!reader("  backend = \"local\"\n  config = {\n    path = \"../n/x\"\n  }").may_meet(&kept));
        assert_eq!(reader("  backend = \"local\"").names, [LOCAL_STATE]);
        assert!(of("terraform {\n  backend \"s3\" {}\n}\n").may_meet(&named("any")), "it is told elsewhere");
        assert!(!StateNames::default().may_meet(&StateNames { is_open: true, ..StateNames::default() }));
    }
}
