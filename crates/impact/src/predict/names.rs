//! Names whose values are not what they were: variables, local values, data sources; parameters, mappings, conditions.

use super::half::Half;
use countersign_infra::terraform::{Definition, Items, same};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What decides about the value of a variable.
const OF_VARIABLES: &[&str] = &["default", "type", "nullable", "Default", "Type"];

/// The names of which another value is used now, or may be. `arguments` are the variables for which a call passes something
/// else.
pub(super) fn changed(before: &Half<'_>, after: &Half<'_>, arguments: &BTreeSet<String>) -> BTreeSet<String> {
    let mut changed: BTreeSet<String> =
        arguments.iter().filter(|name| is_other(before, after, name)).cloned().collect();
    let addresses: BTreeSet<&Arc<str>> = before.blocks.keys().chain(after.blocks.keys()).collect();
    let is_named = |address: &str| before.is_name(address) || after.is_name(address);
    let named: Vec<&str> =
        addresses.into_iter().map(|address| &**address).filter(|address| is_named(address)).collect();
    for address in &named {
        let (old, new) = (before.said(address), after.said(address));
        let is_identical = old.len() == new.len()
            && old.iter().zip(new).all(|(old, new)| old.unit.digest == new.unit.digest && old.index == new.index);
        if !is_identical && written(old) != written(new) && is_other(before, after, address) {
            changed.insert((*address).to_owned());
        }
    }
    if before.route.calls.is_empty() {
        let (of_before, of_after) = (values(before), values(after));
        for name in of_before.keys().chain(of_after.keys()) {
            let address = format!("var.{name}");
            if of_before.get(name) != of_after.get(name) && is_other(before, after, &address) {
                changed.insert(address);
            }
        }
    }
    // What is made of them is changed as well, unless it comes to the same.
    loop {
        let mentions = |half: &Half<'_>, address: &str| {
            half.said(address).iter().any(|definition| is_about(&definition.block().mentions, &changed))
        };
        let more: Vec<&str> = named
            .iter()
            .filter(|address| !changed.contains(**address))
            .filter(|address| mentions(before, address) || mentions(after, address))
            .filter(|address| is_other(before, after, address))
            .copied()
            .collect();
        if more.is_empty() {
            return changed;
        }
        changed.extend(more.into_iter().map(str::to_owned));
    }
}

/// Whether one of the names is among those that are changed.
pub(super) fn is_about<'a>(names: impl IntoIterator<Item = &'a Arc<str>>, changed: &BTreeSet<String>) -> bool {
    !changed.is_empty() && names.into_iter().any(|name| changed.contains(&**name))
}

/// Whether a name may stand for another value than before.
fn is_other(before: &Half<'_>, after: &Half<'_>, address: &str) -> bool {
    if address.starts_with("data.") {
        return true;
    }
    let value = |half: &Half<'_>| half.with(|scope| scope.value_of(address)).flatten();
    match (value(before), value(after)) {
        (Some(before), Some(after)) => same(&before, &after) != Some(true),
        _ => true,
    }
}

fn written(definitions: &[Definition]) -> String {
    let mut out = String::new();
    for definition in definitions {
        let block = definition.block();
        if matches!(&*block.kind, "variable" | "parameter") {
            let items = block.body.entries.iter().filter(|item| OF_VARIABLES.contains(&&*item.name));
            items.for_each(|item| item.write(&|_| None, &mut out));
        } else {
            write(&block.body, &mut out);
        }
        out.push('\n');
    }
    out
}

fn write(items: &Items, out: &mut String) {
    items.write(&|_| None, out);
}

/// What variable files say, by variable.
fn values(half: &Half<'_>) -> BTreeMap<Arc<str>, String> {
    let mut values: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for definition in half.workspace.values(&half.folder) {
        let out = values.entry(Arc::clone(&definition.block().address)).or_default();
        out.push_str(&definition.file);
        write(&definition.block().body, out);
    }
    values
}
