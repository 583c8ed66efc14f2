//! Where a configuration keeps its state, as far as the text determines it.

use countersign_infra::terraform::normal;
use countersign_infra::{Body, Value, ValueKind};

/// What tells one state of a backend from another: the names of its settings, as in
/// <https://developer.hashicorp.com/terraform/language/backend>. Workspaces of one backend are one here, for they hold the
/// same configuration.
const BACKENDS: &[(&str, &[&str])] = &[
    ("azurerm", &["storage_account_name", "container_name", "key"]),
    ("consul", &["path"]),
    ("cos", &["bucket", "prefix", "key"]),
    ("gcs", &["bucket", "prefix"]),
    ("http", &["address"]),
    ("kubernetes", &["secret_suffix"]),
    ("oss", &["bucket", "prefix", "key"]),
    ("remote", &["organization", "workspaces.name"]),
    ("s3", &["bucket", "key"]),
];

/// A text that two states share only if they are the same one. `None` where the text does not determine it. `module` is
/// the folder that paths count from.
pub(super) fn state(backend: &str, settings: &Body, module: &str) -> Option<String> {
    let backend = if backend == "cloud" { "remote" } else { backend };
    if backend == "local" {
        let path = match settings.value("path").map(|value| &value.kind) {
            None | Some(ValueKind::Null) if !settings.open => "terraform.tfstate",
            Some(ValueKind::String { text, .. }) => text,
            _ => return None,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{module}/{path}") };
        return Some(format!("local\n{}", normal(&path)));
    }
    let (_, names) = BACKENDS.iter().find(|(name, _)| *name == backend)?;
    let mut state = backend.to_owned();
    for name in *names {
        state.push('\n');
        state.push_str(setting(settings, name)?);
    }
    Some(state)
}

/// A setting that is known; one with a default that is left out says nothing and has the empty text.
fn setting<'b>(settings: &'b Body, path: &str) -> Option<&'b str> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let value = settings.value(name);
    match (value.map(|value| &value.kind), rest) {
        (Some(ValueKind::Object(inner)), Some(rest)) => setting(inner, rest),
        (Some(ValueKind::List(values)), Some(rest)) => match values.as_slice() {
            [Value { kind: ValueKind::Object(inner), .. }] => setting(inner, rest),
            _ => None,
        },
        (None | Some(ValueKind::Null), _) if path == "prefix" && !settings.open => Some(""),
        _ => value.and_then(Value::as_str),
    }
}
