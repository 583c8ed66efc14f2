//! What rules out risks of statements in SQL: something else that the same file does.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::Value;

/// Whether the file does something with the table that a statement is about, or is of a dialect.
fn has(context: &Context<'_>, what: &str) -> bool {
    let body = &context.resource.body;
    let table = body.value("table").or_else(|| body.value("name")).and_then(Value::as_str);
    table.is_some_and(|table| context.world.resource(&format!("{what} {table}")).is_some())
}

fn is(so: bool) -> Vec<Place> {
    so.then(Place::default).into_iter().collect()
}

/// The file makes the table: nobody waits for it, and what is in it was put there by the file.
pub(super) fn table_is_new(context: &Context<'_>) -> Vec<Place> {
    is(has(context, "table"))
}

/// The file makes the table, or empties it.
pub(super) fn table_is_empty(context: &Context<'_>) -> Vec<Place> {
    is(has(context, "table") || has(context, "emptied"))
}

/// The same, or the file is of a database that takes its locks otherwise than PostgreSQL does; or what is checked of every row was
/// validated before, without a lock.
pub(super) fn lock_is_short(context: &Context<'_>) -> Vec<Place> {
    let is_other = ["dialect mysql", "dialect other"].iter().any(|it| context.world.resource(it).is_some());
    let is_validated = || context.resource.kind == "sql/set-not-null" && has(context, "validated");
    if is_other || is_validated() { is(true) } else { table_is_empty(context) }
}

/// The file says what a part of it takes back.
pub(super) fn goes_on(context: &Context<'_>) -> Vec<Place> {
    is(context.world.resource("direction up").is_some())
}
