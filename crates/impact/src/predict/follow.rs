//! What follows from the replacement of others.

use super::lifecycle::Lifecycle;
use super::module::Pair;
use super::moves::plain;
use super::resource::raise;
use crate::change::{Action, Change, Reason};
use crate::tables::Effect;
use countersign_infra::terraform::{Content, Expr, ExprKind, Items};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Pair<'_> {
    /// What follows from the replacement of others: `replace_triggered_by`, and attributes that name what is created anew.
    pub(super) fn follow(&self, pairs: &[(&Arc<str>, String)], found: &mut Vec<Change>) {
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        for (index, change) in found.iter().enumerate() {
            at.insert(self.local(change).to_owned(), index);
        }
        // Addresses after, with whether they are replaced for certain, and any change at all.
        let mut replaced: BTreeMap<String, bool> = BTreeMap::new();
        let mut touched: BTreeSet<String> = BTreeSet::new();
        for change in found.iter() {
            let local = self.local(change).to_owned();
            match change.action {
                Action::Replace => _ = replaced.insert(local.clone(), change.certain),
                Action::Update | Action::Destroy => {}
                Action::Create | Action::Rename | Action::Unknown => continue,
            }
            touched.insert(local);
        }
        let mut round: BTreeMap<String, bool> = replaced.clone();
        while !round.is_empty() || !touched.is_empty() {
            let mut next = BTreeMap::new();
            for (from, to) in pairs {
                let known = at.get(&***from).and_then(|index| found.get(*index));
                if known.is_some_and(|change| matches!(change.action, Action::Replace | Action::Destroy)) {
                    continue;
                }
                let Some((reason, certain)) = self.follows(to, &round, &touched) else { continue };
                let index = if let Some(index) = at.get(&***from) {
                    *index
                } else {
                    let Some(definition) = self.after.main(to) else { continue };
                    let place = self.after.anchor(definition);
                    found.push(self.change(&definition.block().kind, from, place, Action::Update));
                    at.insert(from.to_string(), found.len() - 1);
                    found.len() - 1
                };
                if let Some(change) = found.get_mut(index) {
                    change.reasons.push(reason);
                    raise(change, Action::Replace, certain);
                    next.insert(to.clone(), certain);
                }
            }
            touched.clear();
            round = next;
        }
    }

    /// The address of a change in this module.
    fn local<'c>(&self, change: &'c Change) -> &'c str {
        change.address.get(self.prefix_len()..).unwrap_or(&change.address)
    }

    /// Why a resource is replaced because others are.
    fn follows(
        &self,
        address: &str,
        replaced: &BTreeMap<String, bool>,
        touched: &BTreeSet<String>,
    ) -> Option<(Reason, bool)> {
        let definition = self.after.main(address)?;
        let block = definition.block();
        let lifecycle = Lifecycle::of(self.after.said(address), None);
        for trigger in &lifecycle.triggers {
            let whole = plain(trigger);
            let mut parts = whole.splitn(3, '.');
            let (Some(kind), Some(name)) = (parts.next(), parts.next()) else { continue };
            let other = format!("{kind}.{name}");
            if replaced.contains_key(&other) || touched.contains(&other) {
                // Of one attribute it is not looked up whether it is the one that changes.
                let certain = parts.next().is_none() && replaced.get(&other).copied().unwrap_or(true);
                let why = format!("`replace_triggered_by` names `{trigger}`, which changes");
                return Some((
                    Reason { attribute: Some("replace_triggered_by".to_owned()), why, place: None },
                    certain,
                ));
            }
        }
        let named = block.mentions.iter().find(|name| replaced.contains_key(&***name))?;
        if lifecycle.ignores_all {
            return None;
        }
        let path = self.replacing_path(&block.kind, &block.body, "", named)?;
        if lifecycle.ignores(&path) {
            return None;
        }
        let why =
            format!("`{path}` is taken from `{named}`, which is replaced; another value than before replaces this too");
        let place = Some(self.after.anchor(definition));
        Some((Reason { attribute: Some(path), why, place }, false))
    }

    /// The path of an attribute that replaces and is no more than something of a resource with an address that only the
    /// provider knows.
    fn replacing_path(&self, kind: &str, items: &Items, prefix: &str, named: &str) -> Option<String> {
        items.entries.iter().find_map(|item| {
            let path = format!("{prefix}{}", item.name);
            match &item.content {
                Content::Attribute(Expr { kind: ExprKind::Variable(name), .. }) => {
                    // `Ref` stands for the name that the service gave it.
                    let is_it = &**name == named && self.tables.effect(kind, &path) == Effect::Replaces;
                    is_it.then_some(path)
                }
                Content::Attribute(expr) => {
                    let rest = expr.address()?;
                    let rest = plain(&rest);
                    let attribute = rest.strip_prefix(named)?.strip_prefix('.')?;
                    let is_computed = matches!(attribute, "id" | "arn" | "self_link" | "unique_id");
                    let effect = self.tables.effect(kind, &path);
                    (is_computed && effect == Effect::Replaces).then_some(path)
                }
                Content::Block(inner) => self.replacing_path(kind, inner, &format!("{path}."), named),
                Content::Dynamic(_) => None,
            }
        })
    }
}
