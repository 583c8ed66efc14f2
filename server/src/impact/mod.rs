//! Two states of files, to be compared: what is presumed live, and what is there now.

mod asked;
mod checked;
pub(crate) mod critical;
mod files;
pub(crate) mod live;
mod planned;
pub(crate) mod report;
mod shown;
mod since;
mod then;
mod two;

pub(crate) use asked::{narrow, object, words};
pub(crate) use checked::Checked;
pub(crate) use critical::environment;
pub(crate) use files::Files;
pub(crate) use planned::read_plan;
pub(crate) use shown::{Comparison, Impacts};
pub(crate) use since::{Besides, since};
pub(crate) use then::{Baselines, Kept, Then};
pub(crate) use two::two;

use crate::cache::{self, Cache};
use crate::disk::Configs;
use crate::surroundings::{Surroundings, key};
use countersign_engine::report::JsonProblem;
use countersign_engine::{Elsewhere, Snapshot, Workspace, locate, module_of, units, unread};
use countersign_grammars::Language;
use countersign_impact::graph::Links;
use countersign_impact::tables::Tables;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One state of the files.
#[derive(Default)]
pub(crate) struct State {
    /// The index.
    pub(crate) workspace: Workspace,
    /// What leads from one configuration to another in it.
    pub(crate) links: Links,
    files: Files,
    /// Where files really are that stand elsewhere in the index.
    real: HashMap<Arc<str>, String>,
}

/// Two states of the same files.
pub(crate) struct Compared {
    /// What is presumed to be live.
    pub(crate) before: State,
    /// What is there now.
    pub(crate) after: State,
    /// The folders of the modules that are compared: those in which something is different.
    pub(crate) modules: BTreeSet<String>,
    /// The file that alone is asked about, where it is one.
    pub(crate) only: Option<Arc<str>>,
    /// What the state before is, in words: `the merge base with origin/main (1a2b3c4)`.
    pub(crate) baseline: String,
    /// What makes the answer less than one expects, and what to do.
    pub(crate) doubts: Vec<String>,
    /// What could not be read.
    pub(crate) problems: Vec<JsonProblem>,
}

impl State {
    /// A state of which the index is known.
    pub(crate) fn new(workspace: Workspace, files: Files) -> Self {
        Self { workspace, files, ..Self::default() }
    }

    /// The state of what was read; of some of it is known only that it could not be.
    fn now(around: &Surroundings, unreadable: &BTreeMap<Arc<str>, String>) -> Self {
        let mut workspace = around.workspace.clone();
        for file in unreadable.keys() {
            workspace.update(file, &[], &[Arc::new(unread(""))]);
        }
        Self::new(workspace, Files::new(Arc::new(around.files().clone()), []))
    }

    /// Puts another text in the place of a file, or takes it away.
    fn replace(&mut self, file: &Arc<str>, with: Option<Arc<Snapshot>>, is_unreadable: bool) {
        let before = self.files.get(file).map(|file| units(file)).unwrap_or_default();
        let mut after = with.as_ref().map(|file| units(file)).unwrap_or_default();
        if is_unreadable {
            after.push(Arc::new(unread("")));
        }
        self.workspace.update(file, &before, &after);
        self.files.set(file, with);
    }

    /// All files of the state.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Snapshot>)> {
        self.files.iter()
    }

    /// A file of the state.
    pub(crate) fn file(&self, name: &str) -> Option<&Arc<Snapshot>> {
        self.files.get(name)
    }

    /// Where a place is, given by the digest of its unit and bytes from the start of that.
    pub(crate) fn locate(
        &self,
        file: &Arc<str>,
        unit: u64,
        range: &Range<usize>,
    ) -> Option<(&Arc<Snapshot>, Range<usize>)> {
        let snapshot = self.file(file)?;
        let place = Elsewhere { file: Arc::clone(file), unit, range: range.clone(), message: String::new() };
        Some((snapshot, locate(snapshot, &place)?))
    }

    /// The folder of the module that calls lead to from another one.
    pub(crate) fn enter(&self, folder: &str, calls: &[String]) -> Option<Arc<str>> {
        calls.iter().try_fold(Arc::from(folder), |folder: Arc<str>, call| {
            let call = self.workspace.definition(&folder, call)?;
            self.workspace.called(&folder, call.block())
        })
    }

    /// A file's path as people see it: from the folder at work where it is below that.
    pub(crate) fn shown(&self, file: &str) -> String {
        if let Some(real) = self.real.get(file) {
            return real.clone();
        }
        let here = std::env::current_dir().map(|here| key(&here)).unwrap_or_default();
        file.strip_prefix(&*here).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file).to_owned()
    }
}

/// The tables, with what the settings of modules state beside them.
pub(crate) fn tables(configs: &Configs, modules: &BTreeSet<String>) -> Tables {
    let stated = |folder: &String| configs.of(&Path::new(folder).join("-")).config.impact.facts();
    Tables::of_folders(modules.iter().map(|folder| (folder.clone(), stated(folder))))
}

/// What is said of a file that is none of a module.
const NOT_COMPARED: &str = "what an edit does is predicted for Terraform and OpenTofu (.tf, .tofu, .tf.json, .tofu.json, .tfvars), \
                            for CloudFormation and Kubernetes (.yaml, .yml, .json, .template), and for SQL (.sql)";

/// Whether a path is that of a file of a module, which may be one by itself.
fn is_of_module(path: &str) -> Option<Language> {
    Language::of_path(path).filter(|_| stands_alone(path) || module_of(path) != path)
}

/// Whether a module is one file by itself.
fn stands_alone(module: &str) -> bool {
    matches!(Language::of_path(module), Some(Language::Yaml | Language::Json | Language::Sql))
}

/// A content as the file at a path. What is no text, or too large, declares what nobody knows, and why is said.
fn read(cache: &Cache, path: &Path, content: Vec<u8>, language: Language) -> (Snapshot, Option<String>) {
    match crate::disk::decode(content) {
        Ok(text) => (cache.snapshot(path, language, &text), None),
        Err(why) => (cache.snapshot(path, language, ""), Some(why.message())),
    }
}

/// Files by their names in the index, and why some of them could not be read.
type ReadAll = (Vec<Arc<Snapshot>>, BTreeMap<Arc<str>, String>);

/// Reads files, given by their names in the index.
fn read_all(files: &BTreeMap<Arc<str>, PathBuf>) -> ReadAll {
    let files: Vec<_> = files.iter().collect();
    let read = |cache: &Cache, (name, path): &(&Arc<str>, &PathBuf)| {
        let language = is_of_module(name)?;
        let (content, error) = match std::fs::read(path) {
            Ok(content) => (content, None),
            Err(error) => (Vec::new(), Some(format!("cannot be read: {error}"))),
        };
        let (snapshot, problem) = self::read(cache, Path::new(&***name), content, language);
        Some((Arc::new(snapshot), Arc::clone(name), error.or(problem)))
    };
    let read = cache::by_folder(&files, |(name, _)| Path::new(&***name), read);
    let (mut snapshots, mut problems) = (Vec::new(), BTreeMap::new());
    for (snapshot, name, problem) in read.into_iter().flatten() {
        snapshots.push(snapshot);
        problems.extend(problem.map(|problem| (name, problem)));
    }
    (snapshots, problems)
}

fn problem(state: &State, file: &str, message: String) -> JsonProblem {
    JsonProblem { path: state.shown(file), message }
}
