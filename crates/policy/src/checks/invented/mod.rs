//! Things that do not exist: resource types, arguments, AWS actions, regions, and placeholders that were left in.
//!
//! A name that is in no table may still be real, of another version or a preview. So a name counts as made up only where it is
//! also a slip of a real one, or is known to be made up.

mod images;
mod names;
mod placeholders;
mod regions;
mod tables;

pub(super) use images::image;
pub(super) use names::{action, argument, kind};
pub(super) use placeholders::placeholder;
pub(super) use regions::region;

use crate::evaluate::Place;
use countersign_infra::{Body, Field, Value, ValueKind, World};
use std::ops::Range;

/// Whether the module's AWS provider talks to something that is not AWS, such as an emulator in which any id is good.
fn emulated(world: &dyn World) -> bool {
    world.of_kind("provider.aws").iter().any(|provider| {
        ["endpoints", "skip_region_validation", "skip_requesting_account_id"]
            .iter()
            .any(|name| provider.body.value(name).is_some())
    })
}

/// Calls `each` with every value in a body that is no list or object, and the name that it stands under.
fn for_each_leaf<'a>(body: &'a Body, each: &mut impl FnMut(&'a str, &'a Value)) {
    fn visit<'a>(name: &'a str, value: &'a Value, each: &mut impl FnMut(&'a str, &'a Value)) {
        match &value.kind {
            ValueKind::List(elements) => elements.iter().for_each(|element| visit(name, element, each)),
            ValueKind::Object(body) => for_each_leaf(body, each),
            _ => each(name, value),
        }
    }
    body.fields.iter().for_each(|field| visit(&field.name, &field.value, each));
}

/// A place with what a message shows for it.
fn place(range: Range<usize>, shown: impl Into<String>) -> Place {
    Place { range, value: Some(shown.into()), ..Place::default() }
}

/// A place at a value, with what a message shows for it.
fn place_at(value: &Value, shown: impl Into<String>) -> Place {
    Place { value: Some(shown.into()), ..Place::at(value) }
}

/// Where a field's name stands, which for a block that `dynamic` makes is not at its start.
fn name_range(field: &Field, source: &str) -> Option<Range<usize>> {
    let range = field.range.start..field.range.start + field.name.len();
    (source.get(range.clone())? == field.name).then_some(range)
}
