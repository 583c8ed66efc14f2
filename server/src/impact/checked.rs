//! What files do to what is live, for `countersign check`.

use super::since::{scope, since_all};
use super::then::Earlier;
use super::{Baselines, Comparison, Kept};
use crate::disk::Configs;
use crate::git::Revision;
use crate::surroundings::key;
use countersign_engine::impact::Impact;
use countersign_engine::report::JsonProblem;
use countersign_policy::Surface;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// What files do to what is live.
#[derive(Default)]
pub(crate) struct Checked {
    impacts: HashMap<Arc<str>, Arc<[Impact]>>,
    /// What went with files that are gone.
    pub(crate) gone: BTreeMap<Arc<str>, Arc<[Impact]>>,
    /// What makes the answer less than one expects, and what to do.
    pub(crate) doubts: Vec<String>,
    /// Why nothing is said of what is live, where something would have to be.
    pub(crate) not_said: Option<String>,
    /// What could not be compared.
    pub(crate) problems: Vec<JsonProblem>,
}

impl Checked {
    /// Compares what is below some paths with what is presumed to be live: the commit that is named, else what the settings say.
    /// Where that is no commit, outside of git for instance, there is nothing to compare.
    pub(crate) fn of(paths: &[PathBuf], named: Option<&str>, configs: &Configs) -> Self {
        let mut checked = Self::default();
        let kept = Kept::default();
        let mut baselines = Baselines::new(&kept, configs, named);
        let mut groups: Vec<(Rc<Revision>, Vec<PathBuf>)> = Vec::new();
        for path in paths.iter().filter(|path| path.exists()) {
            let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
            let Earlier::Commit(revision) = baselines.of(&key(folder)) else { continue };
            let scope = scope(&revision, path);
            match groups.iter_mut().find(|(known, _)| Rc::ptr_eq(known, &revision)) {
                Some((_, scopes)) => scopes.push(scope),
                None => groups.push((revision, vec![scope])),
            }
        }
        let problem = |message: &String| JsonProblem { path: String::from("."), message: message.clone() };
        checked.problems.extend(baselines.problems.iter().map(problem));
        for (revision, scopes) in groups {
            checked.compare(&kept, &revision, &scopes, configs);
        }
        checked
    }

    fn compare(&mut self, kept: &Kept, revision: &Rc<Revision>, scopes: &[PathBuf], configs: &Configs) {
        let compared = match since_all(kept, revision, scopes.to_owned(), configs) {
            Ok(compared) => compared,
            // Those that are different are too many; the rest is looked at nevertheless.
            Err(error) => return self.not_said = Some(format!("what this does to what is live is not said: {error}")),
        };
        let (before, after) = (&compared.before, &compared.after);
        let comparison =
            Comparison { before, after, links: &after.links, configs, surface: Surface::CommandLine, open: None };
        let is_in_scope = |file: &str| scopes.iter().any(|scope| Path::new(file).starts_with(scope));
        let impacts = comparison.impacts(&compared.modules).into_iter();
        for (file, impacts) in impacts.filter(|(file, _)| is_in_scope(file)) {
            if after.file(&file).is_some() {
                self.impacts.insert(file, impacts);
            } else {
                self.gone.insert(file, impacts);
            }
        }
        self.doubts.extend(compared.doubts);
        // What cannot be read now is said by the check itself.
        let is_then = |problem: &JsonProblem| problem.message.starts_with("at ");
        self.problems.extend(compared.problems.into_iter().filter(is_then));
    }

    /// Whether nothing happens to anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.impacts.is_empty() && self.gone.is_empty()
    }

    /// The files in which something happens to what is live.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<str>> {
        self.impacts.keys()
    }

    /// What a file does.
    pub(crate) fn of_file(&self, path: &Path) -> Arc<[Impact]> {
        let known = self.impacts.get(&key(path));
        let real = || self.impacts.get(&key(&path.canonicalize().ok()?));
        known.or_else(|| if self.impacts.is_empty() { None } else { real() }).cloned().unwrap_or_default()
    }
}
