//! Values and files in sentences for people.

use super::diff::Difference;
use countersign_infra::{Value, ValueKind};

/// Longest value that is shown, in characters.
const MAX_SHOWN: usize = 60;

/// Parts of the names of attributes whose values are not shown.
const SECRET: &[&str] =
    &["password", "secret", "token", "private_key", "credential", "connection_string", "passphrase"];

/// A value in a sentence; `None` where it is long, secret or not known.
pub(super) fn shown(path: &str, value: &Value) -> Option<String> {
    if SECRET.iter().any(|part| path.contains(part)) {
        return None;
    }
    let text = match &value.kind {
        ValueKind::Bool(bool) => bool.to_string(),
        ValueKind::Number(number) => number.to_string(),
        ValueKind::String { text, .. } => format!("{text:?}"),
        ValueKind::List(values) => {
            let all: Option<Vec<_>> = values.iter().map(|value| shown(path, value)).collect();
            format!("[{}]", all?.join(", "))
        }
        ValueKind::Null | ValueKind::Object(_) | ValueKind::Unknown { .. } => return None,
    };
    (text.chars().count() <= MAX_SHOWN).then_some(text)
}

/// How a difference is said: "`engine` changes from "a" to "b"".
pub(super) fn said(difference: &Difference) -> String {
    let path = &difference.path;
    let show = |value: &Option<Value>| value.as_ref().and_then(|value| shown(path, value));
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) if !before.is_unknown() && !after.is_unknown() => {
            match (show(&difference.before), show(&difference.after)) {
                (Some(before), Some(after)) => format!("`{path}` changes from {before} to {after}"),
                _ => format!("`{path}` changes"),
            }
        }
        (Some(_), Some(_)) => match (show(&difference.before), show(&difference.after)) {
            (Some(before), _) => format!("`{path}` was {before} and its new value is not known"),
            (_, Some(after)) => format!("`{path}` is {after} now and its old value is not known"),
            _ => format!("`{path}` changes and its value is not known"),
        },
        (None, _) => match show(&difference.after) {
            Some(after) => format!("`{path}` is new, with {after}"),
            None => format!("`{path}` is new"),
        },
        (_, None) => format!("`{path}` is removed"),
    }
}

/// A file in a sentence: its name without its folders.
pub(super) fn file(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
