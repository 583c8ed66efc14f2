//! Credentials by the formats that their issuers publish.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::{Body, Found, Value, ValueKind, document};
use data_encoding::BASE64;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Formats with a fixed prefix and length, as their issuers document them: AWS access key ids, GitHub, GitLab, Slack,
/// Stripe, Google API keys, npm, `HashiCorp` Vault, private keys in PEM, which Kubernetes has in Base64.
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
        | \bLS0tLS1CRUdJTi[A-Za-z0-9+/]{0,24}(?:UFJJVkFURSBLRVkt|QUklWQVRFIEtFWS|BSSVZBVEUgS0VZ)[A-Za-z0-9+/=]{48,}
        | -----BEGIN\ (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED)\ )?PRIVATE\ KEY-----\s+[A-Za-z0-9+/=]{32,}
        ",
    )
    .ok()
});

/// Keys in one of [`FORMATS`], underlined by themselves where the text stands as it is. Keys that their issuer's
/// documentation uses as examples are passed over.
pub(super) fn known_format(context: &Context<'_>) -> Vec<Place> {
    let Some(formats) = FORMATS.as_ref() else { return Vec::new() };
    let mut places = Vec::new();
    let mut visit = |value: &Value, text: &str, verbatim: Option<&Range<usize>>| {
        for found in formats.find_iter(text).filter(|found| !is_published(found.as_str())) {
            let range = verbatim.map_or(value.range.clone(), |at| at.start + found.start()..at.start + found.end());
            places.push(Place { range, ..Place::default() });
        }
    };
    context.resource.body.for_each_value(&mut |value| match &value.kind {
        ValueKind::String { text, verbatim: Some(range) } if range.len() != text.len() => {
            visit(value, context.source.get(range.clone()).unwrap_or_default(), Some(range));
        }
        ValueKind::String { text, verbatim } => visit(value, text, verbatim.as_ref()),
        ValueKind::Unknown { template: Some(range), .. } => {
            visit(value, context.source.get(range.clone()).unwrap_or_default(), Some(range));
        }
        _ => {}
    });
    places
}

/// Whether it is a key that its issuer's documentation publishes, or made after one.
fn is_published(text: &str) -> bool {
    text.ends_with("EXAMPLE") || text.ends_with("EXAMPLEKEY")
}

/// Whether a name is one of a secret.
pub(super) fn is_name_of_secret(name: &str) -> bool {
    NAMES.as_ref().is_some_and(|names| names.is_match(name))
}

/// Names of environment variables that hold secrets.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:^|_|-)(?:password|passwd|pwd|secret|secret_?key|api_?key|private_?key|(?:access|auth|api)_?token)$",
    )
    .ok()
});

/// Passwords and keys that stand as text in the environment of what is run: values of a map, names and values in a list, or JSON
/// container definitions.
pub(super) fn in_environment(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for found in context.resource.body.find(context.attribute) {
        let Found::Value(value) = found else { continue };
        if let ValueKind::Object(variables) = &value.kind {
            secrets_of(variables, &mut places);
            continue;
        }
        let Some(definitions) = document(value, context.source) else { continue };
        let ValueKind::List(containers) = &definitions.kind else { continue };
        for container in containers {
            let ValueKind::Object(container) = &container.kind else { continue };
            pair(container, &mut places);
            pairs(container.value("environment"), &mut places);
        }
    }
    places
}

/// Passwords and keys in the data of a secret: values of a map in Base64. It is what they stand for that is looked at.
pub(super) fn in_base64(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for found in context.resource.body.find(context.attribute) {
        let Found::Value(Value { kind: ValueKind::Object(data), .. }) = found else { continue };
        for field in &data.fields {
            let Some(decoded) = field.value.as_str().and_then(|text| BASE64.decode(text.trim().as_bytes()).ok()) else {
                continue;
            };
            // What is no text is a key or a file.
            let text = String::from_utf8(decoded).unwrap_or_else(|_| "binary0".repeat(2));
            let decoded = ValueKind::String { text: text.trim_end().into(), verbatim: None };
            if is_secret(&field.name, &Value::new(field.value.range.clone(), decoded)) {
                places.push(Place { range: field.value.range.clone(), ..Place::default() });
            }
        }
    }
    places
}

fn secrets_of(variables: &Body, places: &mut Vec<Place>) {
    for field in &variables.fields {
        if is_secret(&field.name, &field.value) {
            places.push(Place { range: field.value.range.clone(), ..Place::default() });
        }
    }
}

/// `[{ "name": …, "value": … }]`.
fn pairs(list: Option<&Value>, places: &mut Vec<Place>) {
    let Some(Value { kind: ValueKind::List(list), .. }) = list else { return };
    for element in list {
        if let ValueKind::Object(body) = &element.kind {
            pair(body, places);
        }
    }
}

/// `{ "name": …, "value": … }`.
fn pair(body: &Body, places: &mut Vec<Place>) {
    if let (Some(name), Some(value)) = (body.value("name").and_then(Value::as_str), body.value("value"))
        && is_secret(name, value)
    {
        places.push(Place { range: value.range.clone(), ..Place::default() });
    }
}

/// Whether a name asks for a secret and the value looks like one: no reference to where it is kept, no marker, no word.
fn is_secret(name: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let named = is_name_of_secret(name) && !is_published(text);
    let elsewhere = ["arn:", "http", "projects/", "/", "@Microsoft.KeyVault", "$", "{", "<", "%", "#", "__"];
    let looks = text.len() >= 8
        && !text.contains(char::is_whitespace)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_to_be_filled_in =
        ["your", "change", "replace", "example", "xxx"].iter().any(|word| text.to_ascii_lowercase().starts_with(word));
    named && looks && !is_to_be_filled_in && !elsewhere.iter().any(|start| text.starts_with(start))
}
