//! What a comparison has to say as findings: of which file, and who depends on what it is about.

use super::State;
use super::critical::{Critical, environment_in, most_critical};
use crate::disk::Configs;
use countersign_engine::impact::{At, Impact, Reach, Worst, environment_of};
use countersign_engine::{Definition, Elsewhere, Policy, Snapshot, locate, module_of};
use countersign_impact::graph::{Dependent, Links, Radius, dependents};
use countersign_impact::{Action, Change, Place, Reason, Side, predict};
use countersign_policy::Surface;
use countersign_provenance::minimal_edits;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Changes of which it is worked out who depends on the resource; of more it is said that nobody has counted.
const MAX_RADII: usize = 100;

/// Direct dependents whose places are shown.
const SHOWN: usize = 5;

/// What is shown in which file.
pub(crate) type Impacts = HashMap<Arc<str>, Arc<[Impact]>>;

/// Two states, and what they are compared with the help of.
pub(crate) struct Comparison<'a> {
    /// What is presumed to be live.
    pub(crate) before: &'a State,
    /// What is there now.
    pub(crate) after: &'a State,
    /// What leads from one configuration to another now.
    pub(crate) links: &'a Links,
    /// The settings of files.
    pub(crate) configs: &'a Configs,
    /// Where it is shown.
    pub(crate) surface: Surface,
    /// The files in which alone something is shown, where that is not all of them.
    pub(crate) open: Option<&'a BTreeSet<Arc<str>>>,
}

impl Comparison<'_> {
    /// What becomes of what is live in modules, by the file that it is shown in.
    pub(crate) fn impacts(&self, modules: &BTreeSet<String>) -> Impacts {
        let changes =
            predict(&self.before.workspace, &self.after.workspace, modules, &super::tables(self.configs, modules));
        let is_lost = |change: &&Change| matches!(change.action, Action::Destroy | Action::Replace);
        let at_once = changes.iter().filter(is_lost).count();
        let mut impacts: HashMap<Arc<str>, Vec<Impact>> = HashMap::new();
        for (index, mut change) in changes.into_iter().filter(is_worth_saying).enumerate() {
            let Some((file, at)) = self.shown_at(&change).or_else(|| self.shown_besides(&mut change)) else { continue };
            let policy = self.configs.of(Path::new(&*file)).policy(self.surface, crate::cli::today());
            let uncounted = || Reach { is_cut: true, ..Reach::default() };
            let reach = if index < MAX_RADII { self.reach(&change, &policy) } else { uncounted() };
            let is_gone = change.place.side == Side::Before;
            let state = if is_gone { self.before } else { self.after };
            let (environment, environment_by) =
                environment_of(&state.workspace, &policy, &change.module, &change.address);
            let change = Arc::new(change);
            impacts.entry(file).or_default().push(Impact { change, at, reach, environment, environment_by, at_once });
        }
        impacts.into_iter().map(|(file, impacts)| (file, impacts.into())).collect()
    }

    /// Who depends on the resource of a change.
    fn reach(&self, change: &Change, policy: &Policy) -> Reach {
        let is_there = self.after.workspace.definition(&change.module, &change.address).is_some();
        let (state, links) = if is_there { (self.after, self.links) } else { (self.before, &self.before.links) };
        let radius = dependents(&state.workspace, links, &change.module, &change.address);
        let worst = most_critical(&radius, |dependent| environment_in(&state.workspace, policy, &radius, dependent));
        let worst = worst.map(|Critical { dependent, tier, environment, .. }| Worst {
            address: radius.full_address(dependent),
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

    /// The file and the place in which a change is shown: where the resource is, where it has gone, or where it was.
    fn shown_at(&self, change: &Change) -> Option<(Arc<str>, At)> {
        let Place { side, file, unit, range } = &change.place;
        if *side == Side::After {
            return Some((Arc::clone(file), At::Unit(*unit, range.clone())));
        }
        let renamed = change.renamed_to.as_ref();
        let renamed = renamed.and_then(|to| self.after.workspace.definition(&change.module, to));
        // Where it is shown at all; else where it was.
        let is_shown = |file: &Arc<str>| self.open.is_none_or(|open| open.contains(file));
        if let Some(renamed) = renamed.filter(|renamed| is_shown(&renamed.file)) {
            return Some((Arc::clone(&renamed.file), At::Unit(renamed.unit.digest, renamed.block().header())));
        }
        let (then, now) = (self.before.file(file)?, self.after.file(file)?);
        let place = Elsewhere { file: Arc::clone(file), unit: *unit, range: range.clone(), message: String::new() };
        let was = locate(then, &place)?.start;
        Some((Arc::clone(file), At::Gone(now_at(then, now, was))))
    }

    /// Where a change is shown of which the file is there no more: where only some files are shown, at what still mentions the
    /// resource in one of them, else at the top of one of its module; else at the file that is gone.
    fn shown_besides(&self, change: &mut Change) -> Option<(Arc<str>, At)> {
        let file = Arc::clone(&change.place.file);
        self.before.file(&file).filter(|_| self.after.file(&file).is_none())?;
        let name = file.rsplit('/').next().unwrap_or(&file);
        let why = format!("it stood in `{name}`, which is there no more");
        change.reasons.push(Reason { attribute: None, why, place: None });
        let Some(open) = self.open else { return Some((file, At::Gone(0))) };
        let mut mentions = self.after.workspace.mentioning(&change.module, &change.address);
        if let Some(mention) = mentions.find(|mention| open.contains(&mention.file)) {
            return Some((Arc::clone(&mention.file), At::Unit(mention.unit.digest, mention.block().header())));
        }
        let of_module = open.iter().filter(|open| *module_of(open) == *change.module);
        // The one that people look at first.
        let shown = of_module.min_by_key(|file| (!file.ends_with("/main.tf"), Arc::clone(file)))?;
        Some((Arc::clone(shown), At::Gone(0)))
    }
}

/// Where a byte of a text is in a later one.
fn now_at(then: &Snapshot, now: &Snapshot, mut at: usize) -> usize {
    let (before, after) = (then.text.to_string(), now.text.to_string());
    // The last edit comes first, so each one's place is that in the text before.
    for edit in minimal_edits(0, &before, &after) {
        at = edit.map(at, countersign_text::Bias::Before);
    }
    at.min(after.len())
}

/// Whether a change is more than that something is made or changed in place.
fn is_worth_saying(change: &Change) -> bool {
    matches!(change.action, Action::Destroy | Action::Replace | Action::Unknown)
        || change.loss.is_some()
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
            range: dependent.definition.block().header(),
            message: format!("`{}` depends on it", dependent.address),
        }
    };
    direct.map(place).collect()
}
