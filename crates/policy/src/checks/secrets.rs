//! Credentials by the formats that their issuers publish.

use crate::evaluate::Place;
use countersign_infra::{Resource, Value, ValueKind};
use regex::Regex;
use std::sync::LazyLock;

/// Formats with a fixed prefix and length, as their issuers document them: AWS access key ids, GitHub, GitLab, Slack,
/// Stripe, Google API keys, npm, `HashiCorp` Vault, private keys in PEM.
static FORMATS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \b(?:AKIA|ASIA)[A-Z2-7]{16}\b
        | \bgh[pousr]_[A-Za-z0-9]{36}\b
        | \bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b
        | \bglpat-[A-Za-z0-9_-]{20}\b
        | \bxox[abprs]-[0-9]{10,13}-[0-9A-Za-z-]{20,}
        | \b[sr]k_live_[0-9A-Za-z]{24,}\b
        | \bAIza[0-9A-Za-z_-]{35}\b
        | \bnpm_[A-Za-z0-9]{36}\b
        | \bhvs\.[A-Za-z0-9_-]{90,}
        | -----BEGIN\ (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED)\ )?PRIVATE\ KEY-----\s+[A-Za-z0-9+/=]{32,}
        ",
    )
    .ok()
});

/// Strings in which one of [`FORMATS`] is found. Keys that their issuer's documentation uses as examples are passed over.
pub(super) fn known_format(resource: &Resource, _: &str, source: &str) -> Vec<Place> {
    let Some(formats) = FORMATS.as_ref() else { return Vec::new() };
    let holds_secret = |text: &str| formats.find_iter(text).any(|found| !found.as_str().ends_with("EXAMPLE"));
    let mut places = Vec::new();
    let mut visit = |value: &Value, text: &str| {
        if holds_secret(text) {
            places.push(Place { range: value.range.clone(), value: None, fix: None });
        }
    };
    for field in &resource.body.fields {
        if let ValueKind::Unknown { template: Some(range) } = &field.value.kind {
            visit(&field.value, source.get(range.clone()).unwrap_or_default());
        }
        field.value.for_each_string(&mut visit);
    }
    places
}
