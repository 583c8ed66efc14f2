//! Provider configurations: a resource that another one of them looks after is looked for elsewhere.

use super::diff::OF_TERRAFORM;
use super::half::Half;
use super::module::Pair;
use countersign_infra::Value;
use countersign_infra::terraform::{Definition, Expr, same};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Settings of a provider that say where it looks: an account, a region, a project, a cluster.
const WHERE: &[&str] = &[
    "region",
    "project",
    "subscription_id",
    "tenant_id",
    "host",
    "config_path",
    "config_context",
    "assume_role.role_arn",
];

/// A provider that looks elsewhere than before.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere {
    setting: &'static str,
    certain: bool,
}

/// The providers of a module that look elsewhere, by the name that resources give: `aws`, `aws.eu`.
pub(super) fn elsewhere(before: &Half<'_>, after: &Half<'_>) -> BTreeMap<String, Elsewhere> {
    let (of_before, of_after) = (configurations(before), configurations(after));
    let mut elsewhere = BTreeMap::new();
    for (name, old) in &of_before {
        let Some(new) = of_after.get(name) else { continue };
        if written(old) == written(new) && old.unit.digest == new.unit.digest && before.folder == after.folder {
            // Its inputs may have changed all the same; that is what the values below say.
            let reads = old.block().mentions.iter().any(|name| name.starts_with("var.") || name.starts_with("local."));
            if !reads {
                continue;
            }
        }
        let settings = |half: &Half<'_>, definition: &Definition| {
            let body = half.declared(definition)?.bodies.into_iter().next()?.body;
            Some(WHERE.map_values(|path| body.find(path).first().and_then(value_of)))
        };
        let (Some(left), Some(right)) = (settings(before, old), settings(after, new)) else { continue };
        for (setting, (left, right)) in WHERE.iter().zip(left.iter().zip(&right)) {
            let is_other = match (left, right) {
                (None, None) => continue,
                (Some(left), Some(right)) => same(left, right).map(|same| !same),
                _ => None,
            };
            let is_written_differently = || written_at(old, setting) != written_at(new, setting);
            match is_other {
                Some(true) => _ = elsewhere.insert(name.clone(), Elsewhere { setting, certain: true }),
                None if is_written_differently() => {
                    _ = elsewhere.insert(name.clone(), Elsewhere { setting, certain: false });
                }
                _ => {}
            }
        }
    }
    elsewhere
}

trait MapValues {
    fn map_values<T>(&self, of: impl Fn(&str) -> T) -> Vec<T>;
}

impl MapValues for [&'static str] {
    fn map_values<T>(&self, of: impl Fn(&str) -> T) -> Vec<T> {
        self.iter().map(|name| of(name)).collect()
    }
}

fn value_of(found: &countersign_infra::Found<'_>) -> Option<Value> {
    match found {
        countersign_infra::Found::Value(value) => Some((*value).clone()),
        _ => None,
    }
}

/// The configurations of a module by the name that resources give.
fn configurations(half: &Half<'_>) -> BTreeMap<String, Definition> {
    let mut found = BTreeMap::new();
    for definition in half.blocks.values().flatten() {
        let block = definition.block();
        let Some(provider) = block.kind.strip_prefix("provider.") else { continue };
        let alias = block.body.attribute("alias").and_then(Expr::address);
        let name = alias.map_or_else(|| provider.to_owned(), |alias| format!("{provider}.{alias}"));
        found.entry(name).or_insert_with(|| definition.clone());
    }
    found
}

/// The body of a block as it is written, give or take white space.
pub(super) fn written(definition: &Definition) -> String {
    let mut text = String::new();
    definition.block().body.write(&|_| None, &mut text);
    text
}

fn written_at(definition: &Definition, setting: &str) -> String {
    let name = setting.split('.').next().unwrap_or(setting);
    let mut text = String::new();
    let items = definition.block().body.entries.iter().filter(|item| &*item.name == name);
    items.for_each(|item| item.write(&|_| None, &mut text));
    text
}

impl Pair<'_> {
    /// Why a resource is looked for elsewhere than before, where it is, and whether that is certain to be another place.
    pub(super) fn provider(&self, from: &str, to: &str) -> Option<(String, bool)> {
        let of = |half: &Half<'_>, address: &str| {
            let definition = half.main(address)?;
            let named = definition.block().body.attribute("provider").and_then(Expr::address);
            let own = || definition.block().kind.split('_').next().unwrap_or_default().to_owned();
            Some(named.unwrap_or_else(own))
        };
        let (before, after) = (of(&self.before, from)?, of(&self.after, to)?);
        if before != after {
            if self.looks_at_the_same_place(&before, &after) {
                return None;
            }
            let why = format!(
                "`{after}` looks after it and no longer `{before}`: where that is another region or account, it is not found \
                 there and created anew, and what is live is left behind"
            );
            return Some((why, false));
        }
        let elsewhere = self.elsewhere.get(&after)?;
        let says = |half: &Half<'_>, address: &str| {
            half.said(address).iter().any(|it| it.block().body.attribute(elsewhere.setting).is_some())
        };
        if says(&self.before, from) && says(&self.after, to) {
            return None;
        }
        let why = format!(
            "`{}` of the provider `{after}` {}: it is looked for there, not found and created anew, and what is live is left \
             behind",
            elsewhere.setting,
            if elsewhere.certain { "changes" } else { "may be another one" }
        );
        Some((why, false))
    }

    /// Whether two configurations are known to look at the same place.
    fn looks_at_the_same_place(&self, before: &str, after: &str) -> bool {
        let (of_before, of_after) = (configurations(&self.before), configurations(&self.after));
        let (Some(left), Some(right)) = (of_before.get(before), of_after.get(after)) else { return false };
        let is_alias = |name: &&Arc<str>| &***name != "alias" && !OF_TERRAFORM.contains(&&***name);
        let names = |definition: &Definition| -> BTreeSet<Arc<str>> {
            let entries = &definition.block().body.entries;
            entries.iter().map(|item| &item.name).filter(is_alias).cloned().collect()
        };
        names(left) == names(right) && names(left).iter().all(|name| written_at(left, name) == written_at(right, name))
    }
}
