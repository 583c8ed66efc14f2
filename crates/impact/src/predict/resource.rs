//! One resource in both states.

use super::diff::{Compared, Difference, Sure};
use super::half::{Declared, Half};
use super::harm::{States, guard, takes_away};
use super::instances::{fate, pairs};
use super::module::Pair;
use super::names::is_about;
use super::words::{file, said};
use crate::change::{Action, Change, Place, Reason};
use crate::tables::Effect;
use countersign_infra::terraform::{Definition, Expr, ExprKind, Instances};
use countersign_infra::{Body, Found, ValueKind};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reasons that are given for one change.
const MAX_REASONS: usize = 12;

/// What a resource's `lifecycle` says.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    /// Paths whose changes are ignored.
    ignored: Vec<String>,
    /// All changes are.
    ignores_all: bool,
    /// Addresses whose changes replace it.
    triggers: Vec<String>,
    pub(super) create_first: bool,
    pub(super) prevent_destroy: bool,
}

impl Lifecycle {
    pub(super) fn of(definitions: &[Definition], body: Option<&Body>) -> Self {
        let mut lifecycle = Self::default();
        let blocks = definitions.iter().flat_map(|definition| definition.block().body.blocks("lifecycle"));
        for items in blocks {
            let each = |name: &str| match items.attribute(name).map(|expr| &expr.kind) {
                Some(ExprKind::List(values)) => values.iter().map(Expr::address).collect::<Vec<_>>(),
                Some(ExprKind::Variable(word)) => vec![Some(word.to_string())],
                _ => Vec::new(),
            };
            for ignored in each("ignore_changes").into_iter().flatten() {
                lifecycle.ignores_all |= ignored == "all";
                lifecycle.ignored.push(super::moves::plain(&ignored));
            }
            lifecycle.triggers.extend(each("replace_triggered_by").into_iter().flatten());
        }
        let is = |name: &str| match body.map(|body| body.find(&format!("lifecycle.{name}"))).as_deref() {
            Some([Found::Value(value)]) => value.as_bool() == Some(true),
            _ => false,
        };
        lifecycle.create_first = is("create_before_destroy");
        lifecycle.prevent_destroy = is("prevent_destroy");
        lifecycle
    }

    fn ignores(&self, path: &str) -> bool {
        self.ignores_all
            || self.ignored.iter().any(|ignored| {
                path.strip_prefix(ignored.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }
}

/// How an action weighs against another one of the same resource.
fn weight(action: Action, certain: bool) -> u8 {
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
        let to = &*super::moves::plain(target);
        let (before, after) = (self.before.main(from)?, self.after.main(to)?);
        let kind = Arc::clone(&after.block().kind);
        let names = self.names();
        let changed = self.changed_for(from, to, &names);
        let compared = Compared { changed: &changed, ..self.compared(&kind, (from, to), &names) };
        let provider = self.provider(from, to);
        if from == to && provider.is_none() && compared.is_unchanged() {
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
        let is_same_text = compared.is_unchanged();
        let mut is_changed = false;
        if from != to {
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
        let moved: Vec<_> = self.statements.instances(from).collect();
        let mut pairs = pairs(&of_before, &of_after);
        if target != to {
            let key = target.get(to.len()..).unwrap_or_default();
            pairs = self.moved_to_instance(&mut change, key, &of_before, &of_after);
        } else if moved.is_empty() {
            let same = self.is_same_setting(from, to, &compared.names);
            let soft = of_before.soft || of_after.soft;
            if let Some(fate) = fate(to, (&of_before.instances, &of_after.instances), (same, soft), false) {
                let place = setting_place(&self.after, after, fate.setting);
                let reason = Reason { attribute: Some(fate.setting.to_owned()), why: fate.why, place };
                change.reasons.push(reason);
                change.renamed_to = change.renamed_to.or(fate.renamed_to);
                if is_changed || weight(fate.action, fate.certain) > 1 {
                    raise(&mut change, fate.action, fate.certain);
                } else {
                    (change.action, change.certain) = (fate.action, fate.certain);
                }
                is_changed = true;
            }
        } else if of_before.instances != of_after.instances {
            is_changed |= self.moved_instances(&mut change, &moved, &of_before.instances);
        }
        let mut differences: BTreeMap<String, Difference> = BTreeMap::new();
        if !is_same_text {
            for (left, right) in &pairs {
                let (left, right) = (*left, *right);
                let (Some(left), Some(right)) = (of_before.bodies.get(left), of_after.bodies.get(right)) else {
                    continue;
                };
                for difference in compared.differences(&left.body, &right.body) {
                    match differences.get_mut(&difference.path) {
                        Some(known) if known.sure >= difference.sure => {}
                        Some(known) => *known = difference,
                        None => _ = differences.insert(difference.path.clone(), difference),
                    }
                }
            }
        }
        differences.retain(|path, _| !lifecycle.ignores(path));
        is_changed |= self.weigh(&mut change, after, &differences);
        if let Some((why, certain)) = provider {
            let place = setting_place(&self.after, after, "provider");
            change.reasons.push(Reason { attribute: Some("provider".to_owned()), why, place });
            raise(&mut change, Action::Replace, certain);
            is_changed = true;
        }
        self.say_lifecycle(&mut change, &lifecycle);
        for (left, right) in &pairs {
            let (Some(left), Some(right)) = (of_before.bodies.get(*left), of_after.bodies.get(*right)) else {
                continue;
            };
            let states =
                States { before: Some(&left.body), after: Some(&right.body), definition: after, old: Some(before) };
            is_changed |= self.add_differences(&mut change, &states);
            if is_changed {
                self.add_loss(&mut change, &states);
            }
        }
        if pairs.is_empty() {
            let body = of_before.bodies.first().map(|resource| &resource.body);
            self.add_loss(&mut change, &States { before: body, after: None, definition: before, old: None });
        }
        if !is_changed {
            return None;
        }
        self.say_guard(&mut change, of_before.bodies.first().map(|resource| &resource.body));
        change.reasons.truncate(MAX_REASONS);
        Some(change)
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

    /// A resource that becomes one instance of another: which bodies are to be compared.
    fn moved_to_instance(
        &self,
        change: &mut Change,
        key: &str,
        before: &Declared,
        after: &Declared,
    ) -> Vec<(usize, usize)> {
        let keys: Option<Vec<String>> = match &after.instances {
            Instances::One => Some(vec![String::new()]),
            Instances::Count(count) => count.map(|count| (0..count).map(|index| format!("[{index}]")).collect()),
            Instances::Keys(keys) => keys.as_ref().map(|keys| keys.iter().map(|key| format!("[{key:?}]")).collect()),
        };
        let first = |index| if before.bodies.is_empty() { Vec::new() } else { vec![(0, index)] };
        match keys.as_ref().map(|keys| keys.iter().position(|known| known == key)) {
            Some(Some(index)) if keys.map(|keys| keys.len()) == Some(after.bodies.len()) => first(index),
            Some(Some(_)) => first(0),
            Some(None) => {
                let why = format!("there is no instance `{key}` there, so it is destroyed");
                change.reasons.push(Reason { attribute: None, why, place: None });
                (change.action, change.certain) = (Action::Destroy, !after.soft);
                Vec::new()
            }
            None => {
                let why = "whether that instance is there is not known; if it is not, it is destroyed".to_owned();
                change.reasons.push(Reason { attribute: None, why, place: None });
                change.certain = false;
                first(0)
            }
        }
    }

    /// Instances that `moved` blocks name one by one.
    fn moved_instances(&self, change: &mut Change, moved: &[(&str, &str)], before: &Instances) -> bool {
        let named: BTreeSet<&str> = moved.iter().map(|(from, _)| *from).collect();
        let address = moved.first().map(|(from, _)| super::moves::plain(from)).unwrap_or_default();
        let all: Option<Vec<String>> = match before {
            Instances::One => Some(vec![address.clone()]),
            Instances::Count(Some(count)) => Some((0..*count).map(|index| format!("{address}[{index}]")).collect()),
            Instances::Keys(Some(keys)) => Some(keys.iter().map(|key| format!("{address}[{key:?}]")).collect()),
            Instances::Count(None) | Instances::Keys(None) => None,
        };
        let is_complete = all.is_some_and(|all| all.iter().all(|instance| named.contains(instance.as_str())));
        let why = if is_complete {
            "`moved` blocks give its instances other addresses".to_owned()
        } else {
            "`moved` blocks give some of its instances other addresses; it is not known whether there are others, which would \
             be destroyed"
                .to_owned()
        };
        change.reasons.push(Reason { attribute: None, why, place: None });
        let action = if is_complete { Action::Rename } else { Action::Unknown };
        (change.action, change.certain) = (action, is_complete);
        true
    }

    /// Whether `count` or `for_each` says the same in the same words and nothing that it mentions has changed.
    pub(super) fn is_same_setting(
        &self,
        from: &str,
        to: &str,
        names: &[countersign_infra::terraform::Names<'_>; 2],
    ) -> bool {
        let settings = |half: &Half<'_>, address: &str, names: countersign_infra::terraform::Names<'_>| {
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
                (Effect::Replaces, Sure::Yes) => (Action::Replace, true, format!("{said}, which replaces it")),
                (Effect::Replaces, Sure::ByDefault) => {
                    let why =
                        format!("{said}, which replaces it unless a variable is given another value than its default");
                    (Action::Replace, false, why)
                }
                (Effect::Replaces, Sure::OneSide) => {
                    let why = format!("{said}, which replaces it unless the provider has the same value without it");
                    (Action::Replace, false, why)
                }
                (Effect::Replaces, Sure::May) => {
                    (Action::Replace, false, format!("{said}; another value than before replaces it"))
                }
                (Effect::MayReplace, _) => {
                    let why = format!("{said}, and whether that replaces it depends on a condition in the provider");
                    (Action::Replace, false, why)
                }
                (Effect::Unknown, _) => {
                    let why = format!("{said}, and it is not known what a change of that does to `{kind}`");
                    (Action::Unknown, false, why)
                }
                (Effect::InPlace | Effect::ReplacesWhenSet, sure) => (Action::Update, sure == Sure::Yes, said),
            };
            let place = difference.range.as_ref().map(|range| self.after.place(after, range));
            let reason = Reason { attribute: Some(path.clone()), why, place };
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
        reasons.sort_by(|a, b| b.0.cmp(&a.0));
        change.reasons.extend(reasons.into_iter().map(|(_, reason)| reason));
        is_changed
    }

    /// Says that the provider refuses to destroy it.
    pub(super) fn say_guard(&self, change: &mut Change, before: Option<&Body>) {
        if !takes_away(change.action) {
            return;
        }
        if let Some(path) = before.and_then(|body| guard(&change.kind, body)) {
            let why = format!("`{path}` was on: applying this fails until that is off; it is no protection from that");
            change.reasons.push(Reason { attribute: Some(path), why, place: None });
        }
    }

    fn say_lifecycle(&self, change: &mut Change, lifecycle: &Lifecycle) {
        let mut say = |why: &str| change.reasons.push(Reason { attribute: None, why: why.to_owned(), place: None });
        if !matches!(change.action, Action::Replace | Action::Destroy) {
            return;
        }
        if lifecycle.prevent_destroy {
            say(
                "`prevent_destroy` makes Terraform refuse to plan this until it is taken away; it is no protection from that",
            );
        }
        if change.action == Action::Replace && lifecycle.create_first {
            say("`create_before_destroy` creates the new one before the old one is destroyed");
        }
    }

    /// Why nothing can be said of a resource.
    fn unreadable(&self, from: &str, to: &str) -> Option<Reason> {
        let of = |half: &Half<'_>, address: &str, when: &str| {
            let is_broken = |definition: &&Definition| definition.unit.broken;
            if let Some(definition) = half.said(address).iter().find(is_broken) {
                let why = format!("the block {when} in {} cannot be read in full", file(&definition.file));
                return Some(Reason { attribute: None, why, place: None });
            }
            half.is_repeated(address).then(|| {
                let why = format!("`{address}` {when} declared more than once, which Terraform refuses");
                Reason { attribute: None, why, place: None }
            })
        };
        of(&self.after, to, "is").or_else(|| of(&self.before, from, "was"))
    }

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
                let index = match at.get(&***from) {
                    Some(index) => *index,
                    None => {
                        let Some(definition) = self.after.main(to) else { continue };
                        let place = self.after.anchor(definition);
                        found.push(self.change(&definition.block().kind, from, place, Action::Update));
                        at.insert(from.to_string(), found.len() - 1);
                        found.len() - 1
                    }
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
            let whole = super::moves::plain(trigger);
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
    fn replacing_path(
        &self,
        kind: &str,
        items: &countersign_infra::terraform::Items,
        prefix: &str,
        named: &str,
    ) -> Option<String> {
        use countersign_infra::terraform::Content;
        items.entries.iter().find_map(|item| {
            let path = format!("{prefix}{}", item.name);
            match &item.content {
                Content::Attribute(expr) => {
                    let rest = expr.address()?;
                    let rest = super::moves::plain(&rest);
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

/// Where a setting of Terraform itself stands in a block.
pub(super) fn setting_place(half: &Half<'_>, definition: &Definition, name: &str) -> Option<Place> {
    let item = definition.block().body.entries.iter().find(|item| &*item.name == name)?;
    Some(half.place(definition, &item.range))
}
