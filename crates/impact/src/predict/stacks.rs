//! Configurations that moved to another folder and took their state along, and templates that moved to another file.

use super::providers::written;
use countersign_infra::Format;
use countersign_infra::terraform::Workspace;
use std::collections::{BTreeMap, BTreeSet};

/// Folders whose configuration is in another folder now and keeps its state: where it is now, and where it was. It keeps it where
/// its backend is told by the same words, and nothing is left where it was or was there before where it is now. A template or a
/// file of SQL is taken for the same where it declares the same.
pub(super) fn moved(before: &Workspace, after: &Workspace, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let is_there = |workspace: &Workspace, folder: &str| !workspace.all(folder).is_empty();
    let mut by_state: BTreeMap<String, [Vec<&String>; 2]> = BTreeMap::new();
    for folder in modules {
        match (is_there(before, folder), is_there(after, folder)) {
            (true, false) => by_state.entry(state(before, folder)).or_default()[0].push(folder),
            (false, true) => by_state.entry(state(after, folder)).or_default()[1].push(folder),
            _ => {}
        }
    }
    let pairs = by_state.into_iter().filter(|(state, _)| !state.is_empty());
    let pairs = pairs.filter_map(|(_, folders)| match folders.each_ref().map(Vec::as_slice) {
        [[from], [to]] => Some(((*to).clone(), (*from).clone())),
        _ => None,
    });
    pairs.collect()
}

/// The words that tell which state a configuration keeps; empty where they do not. A state in a file stays behind.
fn state(workspace: &Workspace, folder: &str) -> String {
    let is_template = |kind: &str| matches!(Format::of_kind(kind), Format::CloudFormation | Format::Sql);
    let mut resources: Vec<_> = workspace
        .of_kinds(folder, is_template)
        .map(|it| format!("{} {}", it.block().kind, it.block().address))
        .collect();
    if !resources.is_empty() {
        resources.sort();
        return resources.join(", ");
    }
    let mut backends = workspace.of_kinds(folder, |kind| kind.starts_with("backend."));
    match (backends.next(), backends.next()) {
        (Some(backend), None) if &*backend.block().kind != "backend.local" => {
            let settings = written(backend);
            if settings.is_empty() { settings } else { format!("{} {settings}", backend.block().kind) }
        }
        _ => String::new(),
    }
}
