//! What an action harms besides: what is lost, what does not answer, what protected it and what is opened.

mod exposure;
mod identity;
mod interruption;
mod loss;
mod protections;

pub(super) use loss::guard;

use super::module::Pair;
use crate::change::{Action, Change, Reason};
use countersign_infra::terraform::Definition;
use countersign_infra::{Body, Found, Value, ValueKind};

/// Two states of one instance, with what is needed to point at them.
pub(super) struct States<'a> {
    /// Before: nothing where the resource is new.
    pub(super) before: Option<&'a Body>,
    /// After: nothing where the resource is gone.
    pub(super) after: Option<&'a Body>,
    /// Where it is declared, in the state after where it is there.
    pub(super) definition: &'a Definition,
    /// Where it was declared, where it is in both states.
    pub(super) old: Option<&'a Definition>,
    /// Whether the new one is created before the old one is destroyed.
    pub(super) create_first: bool,
}

impl<'a> States<'a> {
    /// A resource that is gone.
    pub(super) fn gone(before: Option<&'a Body>, definition: &'a Definition) -> Self {
        Self { before, after: None, definition, old: None, create_first: false }
    }

    /// A resource that is new; `before` is what one says that it takes the place of.
    pub(super) fn new(
        before: Option<(&'a Body, &'a Definition)>,
        after: Option<&'a Body>,
        definition: &'a Definition,
    ) -> Self {
        let (before, old) = before.unzip();
        Self { before, after, definition, old, create_first: false }
    }
}

impl Pair<'_> {
    /// Adds what is lost and what does not answer.
    pub(super) fn add_loss(&self, change: &mut Change, states: &States<'_>) {
        if change.loss.is_none() {
            change.loss = loss::loss(change, states.before);
        }
        if change.interruption.is_none() {
            change.interruption = self.interruption(change, states);
        }
    }

    /// Adds what is opened and what protected it. True where there is any of that.
    pub(super) fn add_differences(&self, change: &mut Change, states: &States<'_>) -> bool {
        for reason in self.protections(&change.kind, states) {
            if !change.protections_removed.contains(&reason) {
                change.protections_removed.push(reason);
            }
        }
        for widening in self.exposed(&change.kind, states).into_iter().chain(self.widened(&change.kind, states)) {
            if !change.widened.iter().any(|known| known.reason.why == widening.reason.why) {
                change.widened.push(widening);
            }
        }
        !change.protections_removed.is_empty() || !change.widened.is_empty()
    }

    /// A reason that stands where a value stands.
    pub(super) fn reason_at(&self, states: &States<'_>, attribute: &str, value: Option<&Value>, why: String) -> Reason {
        let half = if states.after.is_some() { &self.after } else { &self.before };
        let block = states.definition.block();
        let inside = |value: &&Value| block.range.start() <= value.range.start && value.range.end <= block.range.end();
        let range = value.filter(inside).map_or_else(|| block.body.anchor.range(), |value| value.range.clone());
        Reason { attribute: Some(attribute.to_owned()), why, place: Some(half.place(states.definition, &range)) }
    }
}

/// Whether an action takes something away that was there.
pub(super) fn takes_away(action: Action) -> bool {
    matches!(action, Action::Destroy | Action::Replace)
}

/// What is known of an attribute.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Missing,
    Unknown,
    Value(&'a Value),
}

/// What is known of an attribute, at its first place.
pub(super) fn at<'a>(body: &'a Body, path: &str) -> At<'a> {
    match body.find(path).first() {
        Some(Found::Value(value)) => match value.kind {
            ValueKind::Null => At::Missing,
            ValueKind::Unknown { .. } => At::Unknown,
            _ => At::Value(value),
        },
        Some(Found::Missing { .. }) | None => At::Missing,
        Some(Found::Unknown) => At::Unknown,
    }
}

/// Calls `each` with the path and value of everything in a body that is no block and no object, elements of lists included.
pub(super) fn for_each_leaf<'a>(body: &'a Body, path: &str, each: &mut impl FnMut(&str, &'a Value)) {
    for field in &body.fields {
        let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
        leaf(&field.value, &path, each);
    }
}

fn leaf<'a>(value: &'a Value, path: &str, each: &mut impl FnMut(&str, &'a Value)) {
    match &value.kind {
        ValueKind::Object(body) => for_each_leaf(body, path, each),
        ValueKind::List(values) => values.iter().for_each(|value| leaf(value, path, each)),
        _ => each(path, value),
    }
}

/// The elements of a list; any other value is its own only element.
pub(super) fn elements(value: &Value) -> &[Value] {
    match &value.kind {
        ValueKind::List(values) => values,
        _ => std::slice::from_ref(value),
    }
}

/// The blocks with a name, also where they are written as a list of objects.
pub(super) fn blocks<'a>(body: &'a Body, name: &'a str) -> impl Iterator<Item = &'a Body> {
    body.named(name).flat_map(|field| elements(&field.value)).filter_map(|value| match &value.kind {
        ValueKind::Object(body) => Some(body),
        _ => None,
    })
}

/// The last name of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
