//! What rules out risks of statements in SQL.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::Value;

/// The table that a statement is about, where the same file makes it: nobody waits for it, and nothing is in it.
pub(super) fn table_is_new(context: &Context<'_>) -> Vec<Place> {
    let body = &context.resource.body;
    let table = body.value("table").or_else(|| body.value("name")).and_then(Value::as_str);
    let made = table.and_then(|table| context.world.resource(&format!("table {table}")));
    made.map(|_| Place::default()).into_iter().collect()
}

/// The same, and what tells that the file is of a database that takes its locks otherwise than PostgreSQL does.
pub(super) fn lock_is_short(context: &Context<'_>) -> Vec<Place> {
    let is_other = ["dialect mysql", "dialect other"].iter().any(|it| context.world.resource(it).is_some());
    if is_other { vec![Place::default()] } else { table_is_new(context) }
}
