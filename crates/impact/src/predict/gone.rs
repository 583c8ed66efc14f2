//! Resources and calls that are not there any more.

use super::formats::{self, Left};
use super::half::Half;
use super::harm::States;
use super::instances::is_none;
use super::lifecycle::{Lifecycle, say_guard};
use super::module::{Loose, Pair, Seen};
use super::moves::{Removal, plain};
use super::names;
use super::similar::{matched, words};
use super::words::file;
use crate::change::{Action, Change, Reason};
use countersign_infra::Format;
use countersign_infra::terraform::{Instances, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Pair<'_> {
    /// A resource that is not declared any more. `like` is a new one that is likely to be it.
    pub(super) fn gone(&self, address: &Arc<str>, like: Option<&str>) -> Option<Change> {
        let definition = self.before.main(address)?;
        let kind = &definition.block().kind;
        if formats::is_generated(kind, address) {
            return None;
        }
        let declared = self.before.declared(definition);
        let instances = declared.as_ref().map(|declared| &declared.instances);
        if instances.is_some_and(is_none) {
            return None;
        }
        let mut change = self.change(kind, address, self.before.anchor(definition), Action::Destroy);
        if self.explained(address, &mut change) {
            return Some(change);
        }
        let mut say = |why: String| change.reasons.push(Reason { attribute: None, why, place: None });
        match (formats::gone(kind, like, !self.after.is_there()), like) {
            (Some((why, certain)), _) => {
                say(why);
                change.certain = certain;
                change.renamed_to = like.map(str::to_owned);
            }
            (None, Some(to)) => {
                say(format!(
                    "it is gone, and `{to}` is nearly the same: without a `moved` block Terraform destroys the one and creates \
                     the other"
                ));
                change.renamed_to = Some(to.to_owned());
            }
            (None, None) => say("it is not declared any more".to_owned()),
        }
        if matches!(instances, Some(Instances::Count(None) | Instances::Keys(None)) | None) {
            let why = "how many instances there were is not known".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
        }
        let lifecycle = Lifecycle::of(
            self.before.said(address),
            declared.as_ref().and_then(|declared| declared.bodies.first()).map(|resource| &resource.body),
        );
        let body = declared.as_ref().and_then(|declared| declared.bodies.first()).map(|resource| &resource.body);
        if body.is_some_and(|body| formats::left(kind, body, "DeletionPolicy") == Left::All) {
            let why = "its `DeletionPolicy` says that it stays as it is; the stack manages it no longer".to_owned();
            change.reasons.push(Reason { attribute: Some("DeletionPolicy".to_owned()), why, place: None });
            (change.action, change.certain) = (Action::Update, true);
            return Some(change);
        }
        say_guard(&mut change, body);
        self.add_loss(&mut change, &States::gone(body, definition));
        if lifecycle.prevent_destroy {
            let why = "its `prevent_destroy` was removed together with it and does not hold this up".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
        }
        Some(change)
    }

    /// Says what is known of a block that is gone besides that: a statement about it, a part that cannot be read. True where
    /// that is all there is to say.
    pub(super) fn explained(&self, address: &str, change: &mut Change) -> bool {
        let mut say = |why: String, action, certain| {
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (action, certain);
            true
        };
        if let Some(removal) = self.statements.removal(address) {
            return match removal {
                Removal::Forgotten => say(
                    "a `removed` block with `destroy = false` says that it stays as it is and is managed no longer"
                        .to_owned(),
                    Action::Update,
                    true,
                ),
                Removal::Destroyed => {
                    say("a `removed` block says that it is destroyed".to_owned(), Action::Destroy, true)
                }
                Removal::Unknown => say(
                    "a `removed` block is about it, and it is not known whether it says that it is destroyed"
                        .to_owned(),
                    Action::Unknown,
                    false,
                ),
            };
        }
        if let Some(broken) = self.after.may_hold(address) {
            return say(
                format!(
                    "it is not found, and {} cannot be read in full: it may be there. Whether it is destroyed can be told when \
                     that is mended",
                    file(&broken)
                ),
                Action::Unknown,
                false,
            );
        }
        if let Some(to) = self.statements.target(address) {
            change.renamed_to = Some(to.clone());
            self.moved_away(address, &to, change);
            return true;
        }
        if let Some(to) = self.moved_out(address) {
            let why = format!("a `moved` block where this module is called says that it is `{to}` now");
            change.reasons.push(Reason { attribute: None, why, place: None });
            change.renamed_to = Some(to);
            (change.action, change.certain) = (Action::Rename, false);
            return true;
        }
        let instances: Vec<_> = self.statements.instances(address).collect();
        if !instances.is_empty() {
            let all_there = instances.iter().all(|(_, to)| self.is_declared(to) == Some(true));
            let why = if all_there {
                "`moved` blocks give its instances other addresses; others, if there are any, are destroyed"
            } else {
                "`moved` blocks name its instances, and not all of the addresses that they give are known to be there"
            };
            change.reasons.push(Reason { attribute: None, why: why.to_owned(), place: None });
            (change.action, change.certain) =
                if all_there { (Action::Rename, false) } else { (Action::Unknown, false) };
            return true;
        }
        if self.statements.unread {
            let why = "a `moved` or `removed` block cannot be read and may be about it".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
            return true;
        }
        if self.before.is_repeated(address) {
            let why = format!("`{address}` was declared more than once, so it is not known what is live");
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
            return true;
        }
        if self.after.is_over() {
            let why = "too much has to be worked out to tell".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
            return true;
        }
        false
    }

    fn moved_away(&self, address: &str, to: &str, change: &mut Change) {
        if let Some(inside) = self.moved_into(address, to) {
            change.action = inside.action;
            change.certain = inside.certain;
            change.reasons = inside.reasons;
            change.loss = inside.loss;
            change.interruption = inside.interruption;
            change.protections_removed = inside.protections_removed;
            change.widened = inside.widened;
            return;
        }
        let (why, action, certain) = match self.is_declared(to) {
            Some(true) if self.before.blocks.contains_key(plain(to).as_str()) => (
                format!(
                    "a `moved` block says that it is `{to}`, which was there already: Terraform cannot move it there and \
                         destroys it"
                ),
                Action::Destroy,
                false,
            ),
            Some(true) => (format!("a `moved` block says that it is `{to}` now"), Action::Rename, true),
            Some(false) => (
                format!("a `moved` block says that it is `{to}`, which is not declared: it is destroyed"),
                Action::Destroy,
                true,
            ),
            None => (
                format!("a `moved` block says that it is `{to}` now, in a module that cannot be read here"),
                Action::Rename,
                false,
            ),
        };
        change.reasons.push(Reason { attribute: None, why, place: None });
        (change.action, change.certain) = (action, certain);
    }

    /// What becomes of a resource that is moved into a module that can be read.
    fn moved_into(&self, address: &str, to: &str) -> Option<Change> {
        let whole = plain(to);
        let mut rest = whole.as_str();
        let mut half: Option<Half<'_>> = None;
        while let Some(inside) = rest.strip_prefix("module.") {
            let (name, behind) = inside.split_once('.')?;
            let at = half.as_ref().unwrap_or(&self.after);
            let next = at.enter(at.main(&format!("module.{name}"))?)?;
            (half, rest) = (Some(next), behind);
        }
        let after = half.filter(|half| half.blocks.contains_key(rest))?;
        let shown = after.anchor(after.main(rest)?);
        let before = self.before.again();
        let changed = names::changed(&before, &after, &BTreeSet::new());
        let pair = Self::with(before, after, self.tables.clone(), changed, String::new(), Some(shown));
        let mut change = pair.resource(address, rest)?;
        let why = format!("a `moved` block says that it is `{to}` now");
        change.reasons.insert(0, Reason { attribute: None, why, place: None });
        if change.action == Action::Update {
            (change.action, change.certain) = (Action::Rename, true);
        }
        Some(change)
    }

    /// Where the callers of this module say that something in it goes.
    fn moved_out(&self, address: &str) -> Option<String> {
        self.outer.iter().find_map(|(prefix, statements)| {
            let from = format!("{prefix}{address}");
            statements.target(&from).or_else(|| {
                let mut instances = statements.moved_within(&from);
                instances.next().map(str::to_owned)
            })
        })
    }

    /// Whether an address is declared in the state after; `None` where that is in a module that cannot be read.
    fn is_declared(&self, address: &str) -> Option<bool> {
        let whole = plain(address);
        if self.after.blocks.contains_key(whole.as_str()) {
            return Some(true);
        }
        let mut parts = whole.split('.');
        if parts.next() != Some("module") {
            return Some(false);
        }
        let call = format!("module.{}", parts.next()?);
        let Some(definition) = self.after.main(&call) else { return Some(false) };
        let inside = self.after.enter(definition)?;
        let rest = parts.collect::<Vec<_>>().join(".");
        is_inside(&inside, &rest)
    }
}

fn is_inside(half: &Half<'_>, address: &str) -> Option<bool> {
    if address.is_empty() || half.blocks.contains_key(address) {
        return Some(true);
    }
    let mut parts = address.split('.');
    if parts.next() != Some("module") {
        return if half.broken.is_empty() { Some(false) } else { None };
    }
    let call = format!("module.{}", parts.next()?);
    let Some(definition) = half.main(&call) else { return Some(false) };
    is_inside(&half.enter(definition)?, &parts.collect::<Vec<_>>().join("."))
}

/// Objects of Kubernetes that are declared in another file than before: in which, in which now, and their addresses. They are who
/// their names say, so nothing becomes of them by that.
pub(super) fn objects_elsewhere(seen: &mut Seen) -> Vec<(Arc<str>, Arc<str>, Arc<str>)> {
    let mut found = Vec::new();
    for gone in seen.gone.iter().filter(|it| Format::of_kind(&it.definition.block().kind) == Format::Kubernetes) {
        let is_it = |new: &&Loose| new.address == gone.address && new.folder != gone.folder;
        if let Some(new) = seen.new.iter().find(is_it) {
            found.push((Arc::clone(&gone.folder), Arc::clone(&new.folder), Arc::clone(&gone.address)));
        }
    }
    seen.changes.retain(|change| {
        let is_one = |(from, to, address): &(Arc<str>, Arc<str>, Arc<str>)| {
            let is_at = |folder: &Arc<str>, action| change.module == *folder && change.action == action;
            *change.address == **address && (is_at(from, Action::Destroy) || is_at(to, Action::Create))
        };
        !found.iter().any(is_one)
    });
    found
}

/// Resources that are gone from one folder and new in another of the folders that are compared.
pub(super) fn moved_elsewhere(seen: &mut Seen, after: &Workspace) {
    let mut by_name: BTreeMap<(Arc<str>, Arc<str>), Vec<usize>> = BTreeMap::new();
    for (index, loose) in seen.new.iter().enumerate() {
        let key = (Arc::clone(&loose.definition.block().kind), Arc::clone(&loose.address));
        by_name.entry(key).or_default().push(index);
    }
    for gone in &seen.gone {
        let key = (Arc::clone(&gone.definition.block().kind), Arc::clone(&gone.address));
        let Some(others) = by_name.get(&key) else { continue };
        let others = others.iter().filter_map(|index| seen.new.get(*index));
        let like = others.filter(|other| other.folder != gone.folder).find(|other| {
            let of = |loose: &Loose| vec![(loose.address.to_string(), words(&loose.definition))];
            !matched(&of(gone), &of(other)).is_empty()
        });
        let Some(like) = like else { continue };
        let is_this = |change: &&mut Change| {
            change.module == gone.folder && *change.address == *gone.address && change.action == Action::Destroy
        };
        let Some(change) = seen.changes.iter_mut().find(is_this) else { continue };
        // A module that this one calls is applied with the same state, and there the address is another one.
        let calls: Vec<_> =
            after.callers(&like.folder).into_iter().filter(|call| folder_of(&call.file) == &*gone.folder).collect();
        change.reasons.clear();
        let why = if Format::of_kind(&change.kind) == Format::CloudFormation {
            format!(
                "it is declared in {} now, which is another stack: CloudFormation deletes it here and creates it there",
                file(&like.folder)
            )
        } else if let [call] = calls.as_slice() {
            let to = format!("{}.{}", call.block().address, like.address);
            let why = format!(
                "it is declared in the module at {} now, as `{to}`: without a `moved` block Terraform destroys it and creates it \
                 anew",
                like.folder
            );
            change.renamed_to = Some(to);
            why
        } else {
            (change.action, change.certain) = (Action::Unknown, false);
            format!(
                "it is declared in {} now: unless its state is moved there as well, it is destroyed here and created there",
                like.folder
            )
        };
        change.reasons.push(Reason { attribute: None, why, place: None });
    }
}

fn folder_of(file: &str) -> &str {
    countersign_infra::terraform::module_of(file)
}
