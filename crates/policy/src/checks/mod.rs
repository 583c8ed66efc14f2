//! Checks for what the table of a binding cannot say. The rule's file names the check and stays its home.

mod iam;
mod ports;
mod secrets;

use crate::evaluate::Place;
use countersign_infra::{Resource, Value};

/// A check: the places in `resource` where it holds. `attribute` is the binding's, `source` the unit's text.
pub(crate) type Check = fn(resource: &Resource, attribute: &str, source: &str) -> Vec<Place>;

/// The check with a name of [`crate::format::CHECKS`].
pub(crate) fn find(name: &str) -> Option<Check> {
    Some(match name {
        "iam_allows_everything" => iam::allows_everything,
        "iam_public_principal" | "iam_trusts_anyone" => iam::anyone,
        "known_secret_format" => secrets::known_format,
        "open_admin_port" => ports::open_admin_port,
        "open_database_port" => ports::open_database_port,
        _ => return None,
    })
}

impl Place {
    /// A place at a value that the message may repeat.
    fn at(value: &Value) -> Self {
        Self { range: value.range.clone(), value: value.as_str().map(str::to_owned), fix: None }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_named_check_is_there() {
        for name in crate::format::CHECKS {
            assert!(super::find(name).is_some(), "{name}");
        }
    }
}
