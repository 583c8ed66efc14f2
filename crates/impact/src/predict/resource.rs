//! One resource in both states.

use super::diff::{Compared, Difference, Sure};
use super::formats::{creates_first, is_generated, is_other_kind};
use super::half::{Declared, Half};
use super::harm::States;
use super::instances::{fate, pairs};
use super::lifecycle::{Lifecycle, say_guard, say_lifecycle};
use super::module::Pair;
use super::moved::{moved_instances, moved_to_instance};
use super::moves::plain;
use super::names::is_about;
use super::words::{file, said};
use crate::change::{Action, Change, Place, Reason};
use crate::tables::Effect;
use countersign_infra::terraform::{Definition, Instances, Names};
use countersign_infra::{Body, Format, ValueKind};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reasons that are given for one change.
const MAX_REASONS: usize = 12;

/// How an action weighs against another one of the same resource.
pub(super) fn weight(action: Action, certain: bool) -> u8 {
    match (action, certain) {
        (Action::Destroy, true) => 6,
        (Action::Replace, true) => 5,
        (Action::Destroy, false) => 4,
        (Action::Replace, false) => 3,
        (Action::Unknown, _) => 2,
        (Action::Update | Action::Create | Action::Rename, _) => 1,
    }
}

/// Takes an action where it weighs more than what is there.
pub(super) fn raise(change: &mut Change, action: Action, certain: bool) {
    if weight(action, certain) > weight(change.action, change.certain) {
        (change.action, change.certain) = (action, certain);
    }
}

impl Pair<'_> {
    /// What becomes of a resource that is `from` before and `to` after. `to` may be one instance, where a `moved` block says so.
    pub(super) fn resource(&self, from: &str, target: &str) -> Option<Change> {
        let to = &*plain(target);
        let (before, after) = (self.before.main(from)?, self.after.main(to)?);
        let kind = Arc::clone(&after.block().kind);
        let names = self.names();
        let changed = self.changed_for(from, to, &names);
        let compared = Compared { changed: &changed, ..self.compared(&kind, (from, to), &names) };
        let provider = if Format::of_kind(&kind) == Format::Terraform { self.provider(from, to) } else { None };
        let is_other = from == target && is_other_kind(&before.block().kind, &kind);
        if from == to && provider.is_none() && !is_other && compared.is_unchanged() {
            return None;
        }
        let mut change = self.change(&kind, from, self.after.anchor(after), Action::Update);
        if let Some(why) = self.unreadable(from, to) {
            if self.is_untouched(from, to) && !is_about(&after.block().mentions, &self.changed) {
                return None;
            }
            change.reasons.push(why);
            (change.action, change.certain) = (Action::Unknown, false);
            return Some(change);
        }
        if is_generated(&kind, from) {
            return None;
        }
        if is_other {
            return Some(self.other_kind(change, (before, after)));
        }
        let is_same_text = compared.is_unchanged();
        let mut is_changed = false;
        if from != target {
            self.rename(&mut change, target, (before, after));
            is_changed = true;
        }
        let (Some(of_before), Some(of_after)) = (self.before.declared(before), self.after.declared(after)) else {
            let why = "too much has to be worked out to tell".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
            return Some(change);
        };
        let lifecycle = Lifecycle::of(self.after.said(to), of_after.bodies.first().map(|resource| &resource.body));
        let states = (&of_before, &of_after);
        let (pairs, is_other) = self.instances(&mut change, (from, target), states, &compared.names);
        is_changed |= is_other;
        is_changed |= self.condition(&mut change, (&of_before, &of_after), after);
        let mut differences = if is_same_text { BTreeMap::new() } else { differences(&compared, states, &pairs) };
        differences.retain(|path, _| !lifecycle.ignores(path));
        is_changed |= self.weigh(&mut change, after, &differences);
        if let Some((why, certain)) = provider {
            let place = setting_place(&self.after, after, "provider");
            change.reasons.push(Reason { attribute: Some("provider".to_owned()), why, place });
            raise(&mut change, Action::Replace, certain);
            is_changed = true;
        }
        say_lifecycle(&mut change, &lifecycle);
        for (left, right) in pairs.iter().filter_map(|pair| bodies(states, *pair)) {
            let states = States {
                create_first: lifecycle.create_first || creates_first(&kind),
                ..States::new(Some((left, before)), Some(right), after)
            };
            is_changed |= self.add_differences(&mut change, &states);
            if is_changed {
                self.add_loss(&mut change, &states);
            }
        }
        let old = of_before.bodies.first().map(|resource| &resource.body);
        if pairs.is_empty() {
            self.add_loss(&mut change, &States::gone(old, before));
        }
        say_guard(&mut change, old);
        change.reasons.truncate(MAX_REASONS);
        is_changed.then_some(change)
    }

    /// What becomes of the instances: which bodies are of the same one, and whether something happens to them.
    fn instances(
        &self,
        change: &mut Change,
        (from, target): (&str, &str),
        (before, after): (&Declared, &Declared),
        names: &[Names<'_>; 2],
    ) -> (Vec<(usize, usize)>, bool) {
        let to = &*plain(target);
        if target != to {
            let key = target.get(to.len()..).unwrap_or_default();
            return (moved_to_instance(change, key, before, after), true);
        }
        let pairs = pairs(before, after);
        let moved: Vec<_> = self.statements.instances(from).collect();
        if !moved.is_empty() {
            let is_other = before.instances != after.instances;
            return (pairs, is_other && moved_instances(change, &moved, &before.instances));
        }
        let same = self.is_same_setting(from, to, names);
        let soft = before.soft || after.soft;
        let Some(fate) = fate(to, (&before.instances, &after.instances), (same, soft), false) else {
            return (pairs, false);
        };
        let place = self.after.main(to).and_then(|definition| setting_place(&self.after, definition, fate.setting));
        change.reasons.push(Reason { attribute: Some(fate.setting.to_owned()), why: fate.why, place });
        if from == to {
            (change.action, change.certain) = (fate.action, fate.certain);
            change.renamed_to = fate.renamed_to;
        } else {
            raise(change, fate.action, fate.certain);
        }
        (pairs, true)
    }

    /// Names whose values are not what they were, of the instances of a block too.
    fn changed_for<'s>(
        &'s self,
        from: &str,
        to: &str,
        names: &(impl Fn(&str) -> Option<String>, impl Fn(&str) -> Option<String>),
    ) -> Cow<'s, BTreeSet<String>> {
        if self.is_same_setting(from, to, &[&names.0, &names.1]) {
            return Cow::Borrowed(&self.changed);
        }
        let known = |half: &Half<'_>, address: &str| {
            let instances = half.main(address).and_then(|definition| half.instances(definition));
            matches!(instances, Some((Instances::One | Instances::Count(Some(_)) | Instances::Keys(Some(_)), _)))
        };
        // Where the keys are not known, neither is whether the instances that stay say something else.
        if !known(&self.before, from) || !known(&self.after, to) {
            return Cow::Borrowed(&self.changed);
        }
        let each = ["each", "count"].map(str::to_owned);
        Cow::Owned(self.changed.iter().cloned().chain(each).collect())
    }

    /// Whether exactly the same is said under an address as before.
    pub(super) fn is_untouched(&self, from: &str, to: &str) -> bool {
        let of = |definitions: &[Definition]| {
            let each = definitions.iter().map(|it| (it.unit.digest, it.index, it.count()));
            each.collect::<Vec<_>>()
        };
        of(self.before.said(from)) == of(self.after.said(to))
    }

    fn rename(&self, change: &mut Change, to: &str, (before, after): (&Definition, &Definition)) {
        change.renamed_to = Some(to.to_owned());
        let mut why = format!("a `moved` block says that it is `{to}` now");
        let is_same_kind = before.block().kind == after.block().kind;
        if !is_same_kind {
            why.push_str(", which is of another type; only some providers can do that");
        }
        let place = Some(self.after.anchor(after));
        change.reasons.push(Reason { attribute: None, why, place });
        (change.action, change.certain) = (Action::Rename, is_same_kind);
    }

    /// Whether `count` or `for_each` says the same in the same words and nothing that it mentions has changed.
    pub(super) fn is_same_setting(&self, from: &str, to: &str, names: &[Names<'_>; 2]) -> bool {
        let settings = |half: &Half<'_>, address: &str, names: Names<'_>| {
            let mut text = String::new();
            let mut is_touched = false;
            for definition in half.said(address) {
                for name in ["count", "for_each"] {
                    if let Some(expr) = definition.block().body.attribute(name) {
                        text.push_str(name);
                        expr.write(names, &mut text);
                        is_touched |= is_about(&expr.mentions(), &self.changed);
                    }
                }
            }
            (text, is_touched)
        };
        let (before, touched) = settings(&self.before, from, names[0]);
        let (after, touched_too) = settings(&self.after, to, names[1]);
        before == after && !touched && !touched_too
    }

    /// What differences of attributes do.
    fn weigh(&self, change: &mut Change, after: &Definition, differences: &BTreeMap<String, Difference>) -> bool {
        let mut is_changed = false;
        let kind = change.kind.clone();
        let mut reasons: Vec<(u8, Reason)> = Vec::new();
        for difference in differences.values() {
            let path = &difference.path;
            let mut effect = self.tables.effect(&kind, path);
            if difference.whole && effect == Effect::InPlace && self.tables.replaces_inside(&kind, path) {
                effect = Effect::MayReplace;
            }
            if effect == Effect::ReplacesWhenSet {
                let is_set = difference.after.as_ref().map(|value| !matches!(value.kind, ValueKind::Null));
                effect = if is_set == Some(true) { Effect::Replaces } else { Effect::InPlace };
            }
            let said = said(difference);
            let (action, certain, why) = match (effect, difference.sure) {
                (Effect::Replaces, sure) => {
                    (Action::Replace, sure == Sure::Yes, format!("{said}{}", replaces(Format::of_kind(&kind), sure)))
                }
                (Effect::MayReplace, _) => {
                    let who = match Format::of_kind(&kind) {
                        Format::Terraform | Format::Sql | Format::Workflow => "a condition in the provider",
                        Format::CloudFormation => "a condition that the reference of the property names",
                        Format::Kubernetes => "what the object is at that time",
                    };
                    (Action::Replace, false, format!("{said}, and whether that replaces it depends on {who}"))
                }
                (Effect::Unknown, _) => {
                    let why = format!("{said}, and it is not known what a change of that does to `{kind}`");
                    (Action::Unknown, false, why)
                }
                (Effect::InPlace | Effect::ReplacesWhenSet, sure) => (Action::Update, sure == Sure::Yes, said),
            };
            let place = difference.range.as_ref().map(|range| self.after.place(after, range));
            let by = if self.tables.is_stated(&kind, path) { " (as countersign.toml says)" } else { "" };
            let reason = Reason { attribute: Some(path.clone()), why: why + by, place };
            reasons.push((weight(action, certain), reason));
            let is_first_update = !is_changed && change.action == Action::Update;
            is_changed = true;
            if action == Action::Update {
                if is_first_update {
                    change.certain = certain;
                } else if change.action == Action::Update {
                    change.certain |= certain;
                } else if matches!(change.action, Action::Rename | Action::Create) && change.renamed_to.is_none() {
                    (change.action, change.certain) = (Action::Update, certain);
                }
            } else {
                raise(change, action, certain);
            }
        }
        reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        change.reasons.extend(reasons.into_iter().map(|(_, reason)| reason));
        is_changed
    }

    /// Why nothing can be said of a resource.
    fn unreadable(&self, from: &str, to: &str) -> Option<Reason> {
        let of = |half: &Half<'_>, address: &str, (is, cannot): (&str, &str)| {
            let is_broken = |definition: &&Definition| definition.unit.broken;
            if let Some(definition) = half.said(address).iter().find(is_broken) {
                let why = format!("the block in {} {cannot} be read in full", file(&definition.file));
                return Some(Reason { attribute: None, why, place: None });
            }
            half.is_repeated(address).then(|| {
                let why = format!("`{address}` {is} declared more than once{}", refused(&half.kind(address)));
                Reason { attribute: None, why, place: None }
            })
        };
        of(&self.after, to, ("is", "cannot")).or_else(|| of(&self.before, from, ("was", "could not")))
    }
}

/// That a change replaces a resource, and how sure that is, as the end of a sentence about the change.
fn replaces(format: Format, sure: Sure) -> &'static str {
    match (format, sure) {
        (Format::Kubernetes, Sure::Yes | Sure::ByDefault) => {
            ", which the API server refuses to change: it has to be deleted and created anew"
        }
        (Format::Kubernetes, Sure::OneSide) => {
            ", which the API server refuses to change unless that is what it had filled in itself: then it has to be deleted and \
             created anew"
        }
        (Format::Kubernetes, Sure::May) => "; the API server refuses to give it another value than before",
        (_, Sure::Yes) => ", which replaces it",
        (Format::CloudFormation, Sure::ByDefault) => {
            ", which replaces it unless a parameter is given another value than its default"
        }
        (_, Sure::ByDefault) => ", which replaces it unless a variable is given another value than its default",
        (Format::CloudFormation, Sure::OneSide) => {
            ", which replaces it unless the service has the same value without it"
        }
        (_, Sure::OneSide) => ", which replaces it unless the provider has the same value without it",
        (_, Sure::May) => "; another value than before replaces it",
    }
}

/// What becomes of an address that is declared twice, as the end of a sentence about that.
pub(super) fn refused(kind: &str) -> &'static str {
    match Format::of_kind(kind) {
        Format::Terraform => ", which Terraform refuses",
        Format::CloudFormation => ", and it is not said which of them counts",
        Format::Kubernetes | Format::Sql | Format::Workflow => ", and the one that is applied last counts",
    }
}

/// Two bodies by their numbers.
fn bodies<'d>(
    (before, after): (&'d Declared, &'d Declared),
    (left, right): (usize, usize),
) -> Option<(&'d Body, &'d Body)> {
    Some((&before.bodies.get(left)?.body, &after.bodies.get(right)?.body))
}

/// What differs in any of the instances, by path; of what differs in several, the surest.
fn differences(
    compared: &Compared<'_>,
    states: (&Declared, &Declared),
    pairs: &[(usize, usize)],
) -> BTreeMap<String, Difference> {
    let mut differences: BTreeMap<String, Difference> = BTreeMap::new();
    for (left, right) in pairs.iter().filter_map(|pair| bodies(states, *pair)) {
        for difference in compared.differences(left, right) {
            match differences.get_mut(&difference.path) {
                Some(known) if known.sure >= difference.sure => {}
                Some(known) => *known = difference,
                None => _ = differences.insert(difference.path.clone(), difference),
            }
        }
    }
    differences
}

/// Where a setting of Terraform itself stands in a block.
pub(super) fn setting_place(half: &Half<'_>, definition: &Definition, name: &str) -> Option<Place> {
    let item = definition.block().body.entries.iter().find(|item| &*item.name == name)?;
    Some(half.place(definition, &item.range.range()))
}
