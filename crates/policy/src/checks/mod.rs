//! Checks for what the table of a binding cannot say. The rule's file names the check and stays its home.

mod across;
mod docker;
mod iam;
mod invented;
mod pins;
mod ports;
mod secrets;
mod sql;
mod workflows;

use crate::evaluate::Place;
use countersign_infra::{Resource, Value, World};

/// What a check looks at.
pub(crate) struct Context<'a> {
    /// The resource.
    pub(crate) resource: &'a Resource,
    /// The binding's attribute.
    pub(crate) attribute: &'a str,
    /// The unit's text.
    pub(crate) source: &'a str,
    /// What stands beside the resource.
    pub(crate) world: &'a dyn World,
}

/// A check: the places in the resource where it holds.
pub(crate) type Check = fn(&Context<'_>) -> Vec<Place>;

/// The check with a name of [`crate::format::CHECKS`].
pub(crate) fn find(name: &str) -> Option<Check> {
    Some(match name {
        "bucket_is_public" => across::bucket_is_public,
        "container_image_unpinned" => pins::container_image,
        "docker_image_is_stage" => docker::image_is_stage,
        "docker_stage_is_used" => docker::stage_is_used,
        "iam_allows_everything" => iam::allows_everything,
        "iam_any_action" => iam::any_action,
        "iam_document_public" => iam::document_public,
        "iam_escalation" => iam::escalation,
        "iam_github_open" => iam::github_open,
        "iam_locks_out" => iam::locks_out,
        "iam_public_principal" | "iam_trusts_anyone" => iam::anyone,
        "invented_action" => invented::action,
        "invented_argument" => invented::argument,
        "invented_image" => invented::image,
        "invented_kind" => invented::kind,
        "invented_region" => invented::region,
        "known_secret_format" => secrets::known_format,
        "module_unpinned" => pins::module,
        "open_acl_port" => ports::open_acl_port,
        "open_admin_port" => ports::open_admin_port,
        "open_cleartext_port" => ports::open_cleartext_port,
        "open_database_port" => ports::open_database_port,
        "open_admin_role" => across::open_admin_role,
        "open_group" => across::open_group,
        "placeholder" => invented::placeholder,
        "provider_unpinned" => pins::provider,
        "reachable_admin" => across::reachable_admin,
        "routed_through_nat" => across::routed_through_nat,
        "secret_in_base64" => secrets::in_base64,
        "secret_in_environment" => secrets::in_environment,
        "sql_goes_on" => sql::goes_on,
        "sql_lock_is_short" => sql::lock_is_short,
        "sql_table_is_empty" => sql::table_is_empty,
        "sql_table_is_new" => sql::table_is_new,
        "state_bucket" => across::state_bucket,
        "untrusted_checkout" => workflows::untrusted_checkout,
        _ => return None,
    })
}

impl Place {
    /// A place at a value that the message may repeat.
    fn at(value: &Value) -> Self {
        Self {
            range: value.range.clone(),
            value: value.as_str().map(str::to_owned),
            via: value.via.clone(),
            ..Self::default()
        }
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
