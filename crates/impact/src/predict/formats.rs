//! What is different where it is not Terraform that applies: CloudFormation, which keeps resources by their logical ids and has
//! policies about what is left of them, and Kubernetes, where an object is who its name says and nobody but a tool that prunes
//! deletes what is declared no more.
//!
//! Source: CloudFormation's pages about update behaviors of stack resources and about its policies for deletion and replacement;
//! Kubernetes' page "Declarative management of Kubernetes objects".

use super::half::{Declared, Half};
use super::harm::States;
use super::module::Pair;
use super::names::is_about;
use super::resource::{raise, setting_place};
use crate::change::{Action, Change, Reason};
use crate::tables::class;
use countersign_infra::terraform::Definition;
use countersign_infra::{Body, Field, Format, Found, Value, ValueKind};
use std::borrow::Cow;

/// What a policy says of a resource that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing is left, or it is not known what.
    Nothing,
    /// It stays, and is managed no longer.
    All,
    /// A last snapshot is taken.
    Snapshot,
}

/// The policy that counts when a resource goes in some way.
pub(super) fn policy_of(action: Action) -> &'static str {
    if action == Action::Replace { "UpdateReplacePolicy" } else { "DeletionPolicy" }
}

/// What a policy of a template leaves of a resource.
pub(super) fn left(kind: &str, body: &Body, policy: &str) -> Left {
    if Format::of_kind(kind) != Format::CloudFormation {
        return Left::Nothing;
    }
    match body.value(policy).map(Value::as_str) {
        Some(Some("Retain" | "RetainExceptOnCreate")) => Left::All,
        Some(Some("Snapshot")) => Left::Snapshot,
        None if policy == "DeletionPolicy" && takes_snapshot(kind, body) => Left::Snapshot,
        _ => Left::Nothing,
    }
}

/// Whether a last snapshot is taken without a word.
fn takes_snapshot(kind: &str, body: &Body) -> bool {
    match kind {
        "AWS::RDS::DBCluster" => true,
        "AWS::RDS::DBInstance" => body.value("DBClusterIdentifier").is_none(),
        _ => false,
    }
}

/// Whether objects are created anew each time, under names that the cluster makes (`generateName`): none of them is the one
/// that is declared.
pub(super) fn is_generated(kind: &str, address: &str) -> bool {
    Format::of_kind(kind) == Format::Kubernetes && address.ends_with('*')
}

/// Whether what is declared under an address is something else now. An object of Kubernetes is the same one in any version of its
/// group.
pub(super) fn is_other_kind(before: &str, after: &str) -> bool {
    before != after && Format::of_kind(after) == Format::CloudFormation
}

/// An object with what versions of its group that are gone filled in where only the other state has it written: the labels of its
/// pods as selector.
pub(super) fn filled_in<'b>(kind: &str, body: &'b Body, other: &Body) -> Cow<'b, Body> {
    let selects =
        matches!(kind, "apps/v1/Deployment" | "apps/v1/DaemonSet" | "apps/v1/ReplicaSet" | "apps/v1/StatefulSet");
    let selector = || {
        let selector = body.find("spec.selector");
        matches!(selector.as_slice(), [Found::Missing { parent_found: true, .. }]).then_some(())?;
        matches!(other.find("spec.selector").as_slice(), [Found::Value(_)]).then_some(())?;
        match body.find("spec.template.metadata.labels").as_slice() {
            [Found::Value(labels)] if matches!(labels.kind, ValueKind::Object(_)) => Some((*labels).clone()),
            _ => None,
        }
    };
    let Some(labels) = selects.then(selector).flatten() else { return Cow::Borrowed(body) };
    let mut body = body.clone();
    let range = labels.range.clone();
    let inside = |name: &str, value: Value| Field { name: name.to_owned(), range: range.clone(), value };
    let selector = Body { fields: vec![inside("matchLabels", labels)], ..Body::default() };
    let selector = inside("selector", Value::new(range.clone(), ValueKind::Object(selector)));
    let spec = body.fields.iter_mut().find(|field| field.name == "spec");
    if let Some(Value { kind: ValueKind::Object(spec), .. }) = spec.map(|field| &mut field.value) {
        spec.fields.push(selector);
    }
    Cow::Owned(body)
}

/// Whether the new one is there before the old one goes.
pub(super) fn creates_first(kind: &str) -> bool {
    Format::of_kind(kind) == Format::CloudFormation && !class(kind).is_some_and(|kind| kind.deletes_first())
}

/// What happens to a resource that is declared no more, where it is not Terraform that applies: the sentence, and whether it is
/// certain that it goes. `like` is a new one that is nearly the same.
/// `whole` says that nothing is left of the file.
pub(super) fn gone(kind: &str, like: Option<&str>, whole: bool) -> Option<(String, bool)> {
    let why = match (Format::of_kind(kind), like) {
        (Format::Terraform, _) => return None,
        (Format::CloudFormation, _) if whole => {
            "its template is there no more: what the stack made goes when the stack is deleted, and stays until then".to_owned()
        }
        (Format::CloudFormation, Some(to)) => format!(
            "it is gone, and `{to}` is nearly the same: under another logical id it is another resource, so CloudFormation creates \
             that one and deletes this one"
        ),
        (_, Some(to)) => format!(
            "it is gone, and `{to}` is nearly the same: under another name it is another object, and this one is deleted by what \
             prunes (Argo CD, Flux, Helm, `kubectl apply --prune`) and else left running"
        ),
        (Format::CloudFormation, None) => "it is not declared any more".to_owned(),
        (_, None) => "it is not declared any more: what prunes (Argo CD, Flux, Helm, `kubectl apply --prune`) deletes it, else it \
                      is left running"
            .to_owned(),
    };
    Some((why, Format::of_kind(kind) == Format::CloudFormation && !whole))
}

impl Pair<'_> {
    /// A resource that is of another kind under the same address.
    pub(super) fn other_kind(&self, mut change: Change, (before, after): (&Definition, &Definition)) -> Change {
        let (old, new) = (&before.block().kind, &after.block().kind);
        let why = format!(
            "its type changes from `{old}` to `{new}`, which CloudFormation refuses under the same logical id; under another one it \
             creates the new one and deletes this one"
        );
        change.reasons.push(Reason { attribute: Some("Type".to_owned()), why, place: None });
        change.kind = old.to_string();
        (change.action, change.certain) = (Action::Replace, false);
        let body = |half: &Half<'_>, definition: &Definition| {
            half.declared(definition).and_then(|it| it.bodies.into_iter().next()).map(|it| it.body)
        };
        let (old, new) = (body(&self.before, before), body(&self.after, after));
        if let (Some(old), Some(new)) = (&old, &new) {
            let states = States {
                create_first: creates_first(&change.kind),
                ..States::new(Some((old, before)), Some(new), after)
            };
            self.add_loss(&mut change, &states);
        }
        change
    }

    /// Whether `Condition` says something else than before, and with that perhaps that the resource goes.
    pub(super) fn condition(
        &self,
        change: &mut Change,
        (before, after): (&Declared, &Declared),
        definition: &Definition,
    ) -> bool {
        if Format::of_kind(&change.kind) != Format::CloudFormation {
            return false;
        }
        let of = |declared: &Declared| declared.bodies.first().and_then(|it| it.body.value("Condition").cloned());
        let [old, new] = [before, after].map(of);
        let holds = |value: &Option<Value>| value.as_ref().map_or(Some(true), Value::as_bool);
        let expr = |half: &Half<'_>| {
            let expr = half.main(&change.address)?.block().body.attribute("Condition")?;
            let is_changed = is_about(&expr.mentions(), &self.changed);
            Some((expr.address()?, is_changed))
        };
        let (was, is) = (expr(&self.before), expr(&self.after));
        let is_same = was.as_ref().map(|(name, _)| name) == is.as_ref().map(|(name, _)| name)
            && !is.as_ref().is_some_and(|(_, is_changed)| *is_changed);
        if is_same || holds(&new) == Some(true) || holds(&old) == Some(false) {
            return false;
        }
        let name = is.and_then(|(name, _)| name.split('.').nth(1).map(str::to_owned));
        let named = name.map_or_else(|| "its condition".to_owned(), |name| format!("`{name}`"));
        let why = format!("{named} decides now whether it is there, and where that does not hold it is deleted");
        let place = setting_place(&self.after, definition, "Condition");
        change.reasons.push(Reason { attribute: Some("Condition".to_owned()), why, place });
        raise(change, Action::Destroy, false);
        true
    }
}
