//! What goes wrong once in a thousand times: the same again and again, for as long as one likes.

pub(crate) mod editors;
pub(crate) mod ledger;
pub(crate) mod store;
