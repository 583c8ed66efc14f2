//! What the open documents would do to what is live: their modules are compared with what was committed last, on the pool, once
//! the text has settled.

use crate::disk::{self, Configs};
use crate::git::Revision;
use crate::surroundings::{self, key};
use countersign_engine::impact::{At, Impact, Reach, Worst, environment_of};
use countersign_engine::{Definition, Elsewhere, Policy, Snapshot, Workspace, header, locate, module_of, units};
use countersign_grammars::Language;
use countersign_impact::graph::{Dependent, Links, Radius, dependents};
use countersign_impact::tables::Tables;
use countersign_impact::{Action, Change, Place, Side, predict};
use countersign_policy::{Surface, Tier};
use countersign_provenance::minimal_edits;
use gix::ObjectId;
use ignore::WalkBuilder;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Committed files that are kept read.
const MAX_KEPT: usize = 5_000;

/// Changes of which it is worked out who depends on the resource; of more it is not said.
const MAX_RADII: usize = 100;

/// Direct dependents whose places are shown.
const SHOWN: usize = 5;

/// The one that matters most is looked for among no more dependents than this.
const WEIGHED: usize = 500;

/// The files of the session, as they were at one moment.
pub(crate) struct Files {
    pub(crate) workspace: Workspace,
    /// Files that are open.
    pub(crate) open: HashMap<Arc<str>, Arc<Snapshot>>,
    /// Files that are not.
    pub(crate) on_disk: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
}

impl Files {
    fn get(&self, file: &str) -> Option<&Arc<Snapshot>> {
        self.open.get(file).or_else(|| self.on_disk.get(file))
    }

    fn of_folder<'f>(&'f self, folder: &'f str) -> impl Iterator<Item = &'f Arc<str>> {
        let closed = self.on_disk.keys().filter(|file| !self.open.contains_key(*file));
        self.open.keys().chain(closed).filter(move |file| module_of(file) == folder && file.as_ref() != folder)
    }
}

/// What is shown in which file.
pub(crate) type Impacts = HashMap<Arc<str>, Arc<[Impact]>>;

/// Compares, and keeps what it has read.
#[derive(Default)]
pub(crate) struct Live {
    /// Committed files, by what names their content and by their own names.
    committed: Mutex<Kept>,
    links: Links,
    tables: Tables,
}

type Kept = HashMap<(ObjectId, Arc<str>), Arc<Snapshot>>;

/// The state that is presumed to be live.
struct Baseline {
    workspace: Workspace,
    /// Files that were not as they are now.
    files: HashMap<Arc<str>, Arc<Snapshot>>,
}

impl Live {
    /// What the open files and those beside them do to what is live, by the file that it is shown in.
    pub(crate) fn impacts(&self, now: &Files, configs: &Configs) -> Impacts {
        let modules: BTreeSet<String> = now
            .open
            .keys()
            .map(|file| module_of(file))
            .filter(|module| !now.open.contains_key(*module))
            .map(str::to_owned)
            .collect();
        let baseline = self.baseline(now, &modules);
        let changes = predict(&baseline.workspace, &now.workspace, &modules, &self.tables);
        let is_lost = |change: &&Change| matches!(change.action, Action::Destroy | Action::Replace);
        let at_once = changes.iter().filter(is_lost).count();
        let mut impacts: HashMap<Arc<str>, Vec<Impact>> = HashMap::new();
        let worth = changes.into_iter().filter(is_worth_saying);
        for (index, change) in worth.enumerate() {
            let Some((file, at)) = shown_at(&change, &baseline, now) else { continue };
            let policy = configs.of(Path::new(&*file)).policy(Surface::Editor, crate::cli::today());
            let reach = if index < MAX_RADII { self.reach(&change, &baseline, now, &policy) } else { Reach::default() };
            let is_gone = change.place.side == Side::Before;
            let workspace = if is_gone { &baseline.workspace } else { &now.workspace };
            let (environment, environment_by) = environment_of(workspace, &policy, &change.module, &change.address);
            let change = Arc::new(change);
            impacts.entry(file).or_default().push(Impact { change, at, reach, environment, environment_by, at_once });
        }
        impacts.into_iter().map(|(file, impacts)| (file, impacts.into())).collect()
    }

    /// The state that is presumed to be live of modules and of what they call; the rest is as it is now.
    fn baseline(&self, now: &Files, modules: &BTreeSet<String>) -> Baseline {
        let mut baseline = Baseline { workspace: now.workspace.clone(), files: HashMap::new() };
        let mut open: BTreeSet<String> = modules.clone();
        let mut known = BTreeSet::new();
        while let Some(folder) = open.pop_first() {
            if !known.insert(folder.clone()) {
                continue;
            }
            match Revision::presumed(Path::new(&folder), None) {
                Ok(revision) => self.folder(&revision, &folder, now, &mut baseline),
                Err(_) => saved(&folder, now, &mut baseline),
            }
            open.extend(now.workspace.callees(&folder));
            open.extend(baseline.workspace.callees(&folder));
        }
        baseline
    }

    /// Puts the files of a folder into the baseline as they were committed.
    fn folder(&self, revision: &Revision, folder: &str, now: &Files, baseline: &mut Baseline) {
        let Some(inside) = revision.inside(Path::new(folder)) else { return };
        let names = revision.names();
        let mut committed = HashSet::new();
        for (name, id) in revision.files_in(&inside) {
            let path = Path::new(folder).join(name);
            let file = key(&path);
            let Some(language) = Language::of_path(&file).filter(|_| module_of(&file) == folder) else { continue };
            committed.insert(Arc::clone(&file));
            let current = now.get(&file);
            if current.is_some_and(|current| names.is_same(id, current.text.to_string().as_bytes())) {
                continue;
            }
            let Some(then) = self.committed(revision, id, &path, &file, language) else { continue };
            let units_now = current.map(|current| units(current)).unwrap_or_default();
            baseline.workspace.update(&file, &units_now, &units(&then));
            baseline.files.insert(file, then);
        }
        let mut visible: Option<HashSet<Arc<str>>> = None;
        for file in now.of_folder(folder).filter(|file| !committed.contains(*file)) {
            // What git ignores was there then as it is now; what was never written is new.
            let visible = visible.get_or_insert_with(|| visible_files(folder));
            if !Path::new(&**file).exists() || visible.contains(file) {
                let units_now = now.get(file).map(|current| units(current)).unwrap_or_default();
                baseline.workspace.update(file, &units_now, &[]);
            }
        }
    }

    /// A file as it was committed; `None` where that cannot be read.
    fn committed(
        &self,
        revision: &Revision,
        id: ObjectId,
        path: &Path,
        file: &Arc<str>,
        language: Language,
    ) -> Option<Arc<Snapshot>> {
        let mut kept = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&(id, Arc::clone(file))) {
            return Some(Arc::clone(known));
        }
        let text = disk::decode(revision.content(id).ok()?).ok()?;
        let snapshot = Arc::new(surroundings::snapshot(path, language, &text));
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert((id, Arc::clone(file)), Arc::clone(&snapshot));
        Some(snapshot)
    }

    /// Who depends on the resource of a change.
    fn reach(&self, change: &Change, baseline: &Baseline, now: &Files, policy: &Policy) -> Reach {
        let is_there = now.workspace.definition(&change.module, &change.address).is_some();
        let (radius, workspace) = if is_there {
            (dependents(&now.workspace, &self.links, &change.module, &change.address), &now.workspace)
        } else {
            let links = Links::default();
            (dependents(&baseline.workspace, &links, &change.module, &change.address), &baseline.workspace)
        };
        let weight = |dependent: &Dependent| {
            let environment = environment_of(workspace, policy, &dependent.module, &dependent.address).0;
            (Tier::of(dependent.kind()), environment)
        };
        let worst = (radius.dependents.len() <= WEIGHED).then(|| radius.worst(weight)).flatten();
        let worst = worst.map(|(dependent, (tier, environment))| Worst {
            address: dependent.address.to_string(),
            tier,
            environment,
            via: radius.via(dependent),
        });
        Reach {
            direct: radius.direct(),
            transitive: radius.dependents.len(),
            is_cut: radius.is_cut,
            worst,
            places: places(&radius),
        }
    }
}

/// Whether a change is more than that something is made or changed in place.
fn is_worth_saying(change: &Change) -> bool {
    matches!(change.action, Action::Destroy | Action::Replace | Action::Unknown)
        || change.interruption.is_some()
        || !change.protections_removed.is_empty()
        || !change.widened.is_empty()
}

/// Where those stand that depend directly, as far as they are shown.
fn places(radius: &Radius) -> Vec<Elsewhere> {
    let direct = radius.dependents.iter().filter(|dependent| dependent.distance == 1).take(SHOWN);
    let place = |dependent: &Dependent| {
        let Definition { file, unit, .. } = &dependent.definition;
        Elsewhere {
            file: Arc::clone(file),
            unit: unit.digest,
            range: header(&dependent.definition),
            message: format!("`{}` depends on it", dependent.address),
        }
    };
    direct.map(place).collect()
}

/// The file and the place in which a change is shown: where the resource is, where it has gone, or where it was.
fn shown_at(change: &Change, baseline: &Baseline, now: &Files) -> Option<(Arc<str>, At)> {
    let Place { side, file, unit, range } = &change.place;
    if *side == Side::After {
        return Some((Arc::clone(file), At::Unit(*unit, range.clone())));
    }
    let renamed = change.renamed_to.as_ref().and_then(|to| now.workspace.definition(&change.module, to));
    if let Some(renamed) = renamed {
        return Some((Arc::clone(&renamed.file), At::Unit(renamed.unit.digest, header(renamed))));
    }
    // What became of a file that is there no more, is shown nowhere.
    let (then, current) = (baseline.files.get(file)?, now.get(file)?);
    let place = Elsewhere { file: Arc::clone(file), unit: *unit, range: range.clone(), message: String::new() };
    let was = locate(then, &place)?.start;
    let (before, after) = (then.text.to_string(), current.text.to_string());
    let mut at = was;
    // The last edit comes first, so each one's place is that in the text before.
    for edit in minimal_edits(0, &before, &after) {
        at = edit.map(at, countersign_text::Bias::Before);
    }
    Some((Arc::clone(file), At::Gone(at.min(after.len()))))
}

/// The files of a folder that git does not ignore.
fn visible_files(folder: &str) -> HashSet<Arc<str>> {
    let walk = WalkBuilder::new(folder).max_depth(Some(1)).build().flatten();
    walk.map(|entry| key(entry.path())).collect()
}

/// Outside of git what was saved last counts as live.
fn saved(folder: &str, now: &Files, baseline: &mut Baseline) {
    for file in now.open.keys().filter(|file| module_of(file) == folder) {
        let path = Path::new(&**file);
        let Some((language, current)) = Language::of_path(file).zip(now.get(file)) else { continue };
        let Ok(text) = disk::read(path) else { continue };
        if text != current.text.to_string() {
            let then = Arc::new(surroundings::snapshot(path, language, &text));
            baseline.workspace.update(file, &units(current), &units(&then));
            baseline.files.insert(Arc::clone(file), then);
        }
    }
}
