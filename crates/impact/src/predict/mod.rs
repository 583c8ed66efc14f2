//! What an edit does, resource by resource: two states of a module are compared by address.
//!
//! Whatever the text does not determine makes a prediction uncertain or [`Action::Unknown`]. A module is compared by itself
//! first; then what its calls of other modules do to the resources inside of those, as far as these come from the calls.

mod calls;
mod columns;
mod diff;
mod follow;
mod formats;
mod gone;
mod half;
mod harm;
mod instances;
mod lifecycle;
mod module;
mod moved;
mod moves;
mod names;
mod providers;
mod resource;
mod selectors;
mod similar;
mod stacks;
mod statements;
mod words;

use crate::change::{Action, Change, Place, Reason, Side};
use crate::tables::Tables;
use countersign_infra::terraform::Workspace;
use half::{Half, Route, Steps};
use module::{Pair, Seen};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Steps that all evaluations of one comparison may take together: some seconds. What is left then is unknown.
const MAX_STEPS: u64 = 40_000_000;

/// What becomes of what is live when the state `after` is applied where `before` was. `modules` are the folders of the modules
/// to compare, as the workspaces name them. In order of module and address.
pub fn predict(before: &Workspace, after: &Workspace, modules: &BTreeSet<String>, tables: &Tables) -> Vec<Change> {
    let steps = Steps(Cell::new(MAX_STEPS));
    let mut seen = Seen::default();
    let mut pairs = Vec::new();
    let moved = stacks::moved(before, after, modules);
    for folder in modules {
        if moved.values().any(|from| from == folder) || is_unchanged(before, after, folder) {
            continue;
        }
        let half = |side, workspace, folder: &str| {
            let route = Route { root: folder.into(), calls: Vec::new() };
            Half::new(side, workspace, route, folder, &steps)
        };
        let from = moved.get(folder).unwrap_or(folder);
        let pair = Pair::new(half(Side::Before, before, from), half(Side::After, after, folder), tables);
        // What the calls of a module make of it is said there, where only one of the states has it.
        if statements::are_statements(&pair) {
            pair.statements(&mut seen);
            continue;
        }
        let is_called = |workspace: &Workspace| !workspace.callers(folder).is_empty();
        if (pair.before.is_there() || !is_called(after)) && (pair.after.is_there() || !is_called(before)) {
            pair.compare(&mut seen);
        } else {
            pair.note_loose(&mut seen);
        }
        pairs.push(pair);
    }
    for pair in &pairs {
        pair.compare_calls(&mut seen);
    }
    for (from, to, address) in gone::objects_elsewhere(&mut seen) {
        let half = |side, workspace, folder: &Arc<str>| {
            Half::new(side, workspace, Route { root: Arc::clone(folder), calls: Vec::new() }, folder, &steps)
        };
        let pair = Pair::new(half(Side::Before, before, &from), half(Side::After, after, &to), tables);
        seen.changes.extend(pair.resource(&address, &address));
    }
    gone::moved_elsewhere(&mut seen, after);
    let mut changes = seen.changes;
    if steps.0.get() == 0 {
        for pair in &pairs {
            changes.extend(over(pair));
        }
    }
    changes.sort_by(|a, b| (&a.module, &a.address, a.action).cmp(&(&b.module, &b.address, b.action)));
    changes
}

/// Whether a module and all that it calls are the same in both states.
fn is_unchanged(before: &Workspace, after: &Workspace, folder: &str) -> bool {
    let mut next = vec![folder.to_owned()];
    let mut known = BTreeSet::new();
    while let Some(folder) = next.pop() {
        if before.sum(&folder) != after.sum(&folder) {
            return false;
        }
        let callees = after.callees(&folder);
        next.extend(callees.into_iter().filter(|callee| known.insert(callee.clone())));
    }
    // The text of a file that an expression reads is no part of a module.
    !after.all(folder).iter().any(|definition| !definition.block().files.is_empty())
}

/// What is said of a module that is too large to be compared in full.
fn over(pair: &Pair<'_>) -> Option<Change> {
    let definition = pair.after.blocks.values().flatten().next()?;
    let why = "it takes too many steps to work out what this module makes, so what else happens to it is not known"
        .to_owned();
    let mut change = pair.change("module", &pair.after.folder, pair.after.anchor(definition), Action::Unknown);
    change.reasons.push(Reason { attribute: None, why, place: None });
    Some(change)
}

/// A change of which nothing is said yet.
fn change(module: &Arc<str>, address: String, kind: &str, place: Place, action: Action) -> Change {
    Change {
        module: Arc::clone(module),
        address,
        kind: kind.to_owned(),
        place,
        action,
        certain: action != Action::Unknown,
        reasons: Vec::new(),
        renamed_to: None,
        loss: None,
        interruption: None,
        protections_removed: Vec::new(),
        widened: Vec::new(),
    }
}

/// What is said under which address.
type ByAddress<T> = BTreeMap<Arc<str>, T>;
