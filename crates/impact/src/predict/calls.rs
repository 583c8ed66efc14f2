//! Calls of modules: what becomes of what is inside.

use super::half::{Half, local_source};
use super::harm::States;
use super::instances::{fate, is_none};
use super::lifecycle::say_guard;
use super::module::{Pair, Seen};
use super::moved::moved_instances;
use super::moves::plain;
use super::names::is_about;
use super::resource::{raise, setting_place};
use super::words::file;
use crate::change::{Action, Change, Place, Reason};
use countersign_infra::Body;
use countersign_infra::terraform::{Content, Definition, Instances, Item, same};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Settings of a call that are no arguments.
const SETTINGS: &[&str] = &["source", "version", "providers", "count", "for_each", "depends_on", "lifecycle"];

impl Pair<'_> {
    /// Compares what the calls of this module make of others.
    pub(super) fn compare_calls(&self, seen: &mut Seen) {
        let mut gone: Vec<&Arc<str>> = Vec::new();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut pairs: Vec<(&Arc<str>, String)> = Vec::new();
        for address in self.before.calls() {
            match self.statements.target(address).filter(|to| self.is_free(to)) {
                _ if self.after.blocks.contains_key(address) => {
                    taken.insert(address.to_string());
                    pairs.push((address, self.own_instance(address)));
                }
                Some(to) => {
                    taken.insert(plain(&to));
                    pairs.push((address, to));
                }
                None => gone.push(address),
            }
        }
        let new: Vec<&Arc<str>> = self.after.calls().filter(|address| !taken.contains(&***address)).collect();
        let renamed = self.renamed(&gone, &new, &self.before, &self.after);
        self.loose(&gone, &new, seen);
        for (from, to) in &pairs {
            self.call(from, to, seen);
        }
        for address in &gone {
            self.gone_call(address, renamed.get(&***address).map(String::as_str), seen);
        }
        for address in &new {
            self.new_call(address, seen);
        }
    }

    /// A call that is in both states.
    fn call(&self, from: &str, target: &str, seen: &mut Seen) {
        let to = &*plain(target);
        let (Some(before), Some(after)) = (self.before.main(from), self.after.main(to)) else { return };
        let names = self.names();
        let compared = self.compared("module", (from, to), &names);
        let inside = (self.before.enter(before), self.after.enter(after));
        let is_same_inside = match &inside {
            (Some(left), Some(right)) => left.folder == right.folder && left.deep_sum() == right.deep_sum(),
            (None, None) => true,
            _ => false,
        };
        let is_unchanged = compared.is_unchanged();
        if from == to && is_unchanged && is_same_inside && self.elsewhere.is_empty() {
            return;
        }
        let mut change = self.change("module", from, self.after.anchor(after), Action::Unknown);
        let mut is_told = false;
        if before.unit.broken || after.unit.broken || self.before.is_repeated(from) || self.after.is_repeated(to) {
            if !self.is_untouched(from, to) {
                let why = "the call cannot be read in full or stands there more than once".to_owned();
                change.reasons.push(Reason { attribute: None, why, place: None });
                seen.changes.push(change);
            }
            return;
        }
        if from != target {
            let why = format!("a `moved` block says that it is `{target}` now, with everything in it");
            change.reasons.push(Reason { attribute: None, why, place: None });
            change.renamed_to = Some(target.to_owned());
            (change.action, change.certain) = (Action::Rename, true);
            is_told = true;
        }
        let moved: Vec<_> = self.statements.instances(from).collect();
        let instances = (self.before.instances(before), self.after.instances(after));
        if let (Some((left, _)), Some((right, _))) = &instances
            && !moved.is_empty()
            && left != right
        {
            is_told |= moved_instances(&mut change, &moved, left);
        }
        let fate = match instances {
            (Some((left, soft)), Some((right, soft_too))) if moved.is_empty() && target == to => {
                let same = self.is_same_setting(from, to, &compared.names);
                fate(to, (&left, &right), (same, soft || soft_too), true)
            }
            _ => None,
        };
        if let Some(fate) = fate {
            let place = setting_place(&self.after, after, fate.setting);
            change.reasons.push(Reason { attribute: Some(fate.setting.to_owned()), why: fate.why, place });
            (change.action, change.certain) = (fate.action, fate.certain);
            let (action, certain) = (fate.action, fate.certain);
            seen.changes.push(change);
            if action == Action::Destroy
                && let (Some(inside), _) = &inside
            {
                let why = format!("it is inside of `{from}`, of which instances are destroyed");
                self.everything(inside, from, &why, certain, seen);
                return;
            }
        } else {
            self.source(&mut change, (before, after), (&inside.0, &inside.1), &mut is_told);
            if is_told {
                seen.changes.push(change);
            }
        }
        let (Some(left), Some(right)) = inside else {
            self.remote(from, (before, after), seen);
            return;
        };
        let arguments = self.arguments((before, after));
        let shown = self.after.anchor(after);
        let inner = self.inside((left, right), from, shown, &arguments);
        inner.compare(seen);
        inner.compare_calls(seen);
    }

    /// What a changed source or version does.
    fn source(
        &self,
        change: &mut Change,
        (before, after): (&Definition, &Definition),
        inside: (&Option<Half<'_>>, &Option<Half<'_>>),
        is_told: &mut bool,
    ) {
        let text = |definition: &Definition, name: &str| {
            let mut text = String::new();
            if let Some(expr) = definition.block().body.attribute(name) {
                expr.write(&|_| None, &mut text);
            }
            text
        };
        for name in ["source", "version"] {
            let (old, new) = (text(before, name), text(after, name));
            if old == new || name == "source" && inside.0.is_some() && inside.1.is_some() {
                continue;
            }
            let place = setting_place(&self.after, after, name);
            let why = match (old.as_str(), new.as_str()) {
                ("", new) => format!(
                    "`{name}` is {new} now; what is in the module is not known here, so neither is what changes"
                ),
                (old, "") => {
                    format!("`{name}` was {old}; what is in the module is not known here, so neither is what changes")
                }
                (old, new) => format!(
                    "`{name}` changes from {old} to {new}; what is in the module is not known here, so neither is what changes"
                ),
            };
            change.reasons.push(Reason { attribute: Some(name.to_owned()), why, place });
            raise(change, Action::Unknown, false);
            *is_told = true;
        }
        let is_local = local_source(&self.after.folder, after).is_some();
        if is_local && inside.1.is_none() && inside.0.is_some() {
            let why = "its source is not there or calls itself, so what is in it is not known".to_owned();
            change.reasons.push(Reason { attribute: Some("source".to_owned()), why, place: None });
            raise(change, Action::Unknown, false);
            *is_told = true;
        }
    }

    /// A call of a module that cannot be read, where what is passed changes.
    fn remote(&self, address: &str, (before, after): (&Definition, &Definition), seen: &mut Seen) {
        let names = self.arguments((before, after));
        if names.is_empty() {
            return;
        }
        let whole = self.change("module", address, self.after.anchor(after), Action::Unknown);
        // What has been said of the call already stays.
        let known = seen.changes.iter().position(|it| it.module == whole.module && it.address == whole.address);
        let mut change = known.map_or(whole, |at| seen.changes.remove(at));
        for name in &names {
            let argument = name.strip_prefix("var.").unwrap_or(name);
            let why = format!("`{argument}` changes, and what the module does with it is not known here");
            let place = setting_place(&self.after, after, argument);
            change.reasons.push(Reason { attribute: Some(argument.to_owned()), why, place });
        }
        let (left, right) = (call_body(&self.before, before), call_body(&self.after, after));
        let states = States::new(left.as_ref().zip(Some(before)), right.as_ref(), after);
        self.add_differences(&mut change, &states);
        seen.changes.push(change);
    }

    /// The variables, as `var.name`, for which a call passes something else, or may do so.
    fn arguments(&self, (before, after): (&Definition, &Definition)) -> BTreeSet<String> {
        fn arguments(definition: &Definition) -> impl Iterator<Item = &Item> {
            let entries = &definition.block().body.entries;
            entries
                .iter()
                .filter(|item| !SETTINGS.contains(&&*item.name) && matches!(item.content, Content::Attribute(_)))
        }
        let body = |half: &Half<'_>, definition| half.declared(definition).and_then(|it| it.bodies.into_iter().next());
        let (left, right) = (body(&self.before, before), body(&self.after, after));
        let (of_before, of_after) = self.names();
        let text = |definition: &Definition, name: &str, names: &dyn Fn(&str) -> Option<String>| {
            let mut text = String::new();
            let mut is_touched = false;
            for item in arguments(definition).filter(|item| &*item.name == name) {
                item.write(names, &mut text);
                is_touched |= is_about(&item.mentions(), &self.changed);
            }
            (text, is_touched)
        };
        let all: BTreeSet<&str> = arguments(before).chain(arguments(after)).map(|item| &*item.name).collect();
        let differs = |name: &&str| {
            let ((old, touched), (new, touched_too)) = (text(before, name, &of_before), text(after, name, &of_after));
            if old == new && !touched && !touched_too {
                return false;
            }
            let value = |resource: &Option<countersign_infra::Resource>| resource.as_ref()?.body.value(name).cloned();
            match (value(&left), value(&right)) {
                (Some(left), Some(right)) => same(&left, &right) != Some(true),
                _ => true,
            }
        };
        all.into_iter().filter(differs).map(|name| format!("var.{name}")).collect()
    }

    /// A call that is not there any more.
    fn gone_call(&self, address: &Arc<str>, like: Option<&str>, seen: &mut Seen) {
        let Some(definition) = self.before.main(address) else { return };
        let instances = self.before.instances(definition).map(|(instances, _)| instances);
        if instances.as_ref().is_some_and(is_none) {
            return;
        }
        let mut change = self.change("module", address, self.before.anchor(definition), Action::Destroy);
        if self.explained(address, &mut change) {
            seen.changes.push(change);
            return;
        }
        let inside = self.before.enter(definition);
        let what = if inside.is_some() { "" } else { ", whatever is in it" };
        let why = match like {
            Some(to) => format!(
                "the call is gone, and `{to}` is nearly the same: without a `moved` block everything in it{what} is destroyed and \
                 created anew"
            ),
            None => format!("the call is gone, and everything in it{what} is destroyed"),
        };
        change.renamed_to = like.map(str::to_owned);
        change.reasons.push(Reason { attribute: None, why, place: None });
        seen.changes.push(change);
        if let Some(inside) = inside {
            let why = format!("it is inside of `{address}`, of which the call is gone");
            self.everything(&inside, address, &why, true, seen);
        }
    }

    /// Everything in a module is destroyed.
    fn everything(&self, inside: &Half<'_>, address: &str, why: &str, certain: bool, seen: &mut Seen) {
        let Some(call) = self.before.main(address) else { return };
        self.everything_in(inside, address, &self.before.anchor(call), (why, certain), seen);
    }

    fn everything_in(
        &self,
        inside: &Half<'_>,
        address: &str,
        place: &Place,
        (why, certain): (&str, bool),
        seen: &mut Seen,
    ) {
        for resource in inside.resources().chain(inside.calls()) {
            let Some(definition) = inside.main(resource) else { continue };
            let instances = inside.instances(definition).map(|(instances, _)| instances);
            if instances.as_ref().is_some_and(is_none) {
                continue;
            }
            let local = format!("{address}.{resource}");
            let mut change = self.change(&definition.block().kind, &local, place.clone(), Action::Destroy);
            change.certain =
                certain && !matches!(instances, None | Some(Instances::Count(None) | Instances::Keys(None)));
            let place_inside = Some(inside.anchor(definition));
            change.reasons.push(Reason { attribute: None, why: why.to_owned(), place: place_inside });
            let declared = inside.declared(definition).and_then(|it| it.bodies.into_iter().next());
            let body = declared.as_ref().map(|resource| &resource.body);
            say_guard(&mut change, body);
            self.add_loss(&mut change, &States::gone(body, definition));
            let certain = change.certain;
            seen.changes.push(change);
            if &*definition.block().kind == "module"
                && let Some(deeper) = inside.enter(definition)
            {
                self.everything_in(&deeper, &local, place, (why, certain), seen);
            }
        }
    }

    /// A call that was not there before.
    fn new_call(&self, address: &Arc<str>, seen: &mut Seen) {
        let Some(definition) = self.after.main(address) else { return };
        let place = self.after.anchor(definition);
        let instances = self.after.instances(definition).map(|(instances, _)| instances);
        let mut change = self.change("module", address, place.clone(), Action::Create);
        match instances {
            Some(instances) if is_none(&instances) => return,
            Some(Instances::Count(None) | Instances::Keys(None)) | None => change.certain = false,
            _ => {}
        }
        if let Some(broken) = self.before.may_hold(address) {
            let why = format!("{} could not be read in full before, so it may have been there", file(&broken));
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
        }
        let certain = change.certain;
        let inside = self.after.enter(definition);
        if inside.is_none() {
            let body = call_body(&self.after, definition);
            self.add_differences(&mut change, &States::new(None, body.as_ref(), definition));
        }
        seen.changes.push(change);
        let Some(inside) = inside else { return };
        for resource in inside.resources() {
            let Some(inner) = inside.main(resource) else { continue };
            let local = format!("{address}.{resource}");
            if self.statements.arrives(&local) {
                continue;
            }
            let mut change = self.change(&inner.block().kind, &local, place.clone(), Action::Create);
            change.certain = certain;
            let declared = inside.declared(inner).and_then(|it| it.bodies.into_iter().next());
            let body = declared.as_ref().map(|resource| &resource.body);
            self.add_differences(&mut change, &States::new(None, body, inner));
            seen.changes.push(change);
        }
    }
}

/// What a call says. Its arguments are the module's own names, so the body counts as open; what is not written is not passed all
/// the same.
fn call_body(half: &Half<'_>, definition: &Definition) -> Option<Body> {
    let body = half.declared(definition)?.bodies.into_iter().next()?.body;
    Some(Body { open: definition.block().body.open, ..body })
}
