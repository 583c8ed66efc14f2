//! From bytes to fields of known types.

use crate::{AgentKind, Refusal, Replacement};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write;
use std::path::PathBuf;

/// Payloads above this many bytes are refused. Agents embed whole files, and no file that a person reviews is this
/// large.
pub const MAX_PAYLOAD_BYTES: usize = 32 << 20;

/// The object that a payload is.
pub(crate) fn parse(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::TooLarge { bytes: payload.len() });
    }
    let text = str::from_utf8(payload).map_err(|error| Refusal::NotUtf8 { position: error.valid_up_to() })?;
    // Shells on Windows put a byte order mark before what they pipe.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = serde_json::from_str::<Value>(text).or_else(|error| {
        serde_json::from_str(&escape_control_characters(text)).map_err(|_| Refusal::NotJson {
            line: error.line(),
            column: error.column(),
            why: reason(&error),
        })
    })?;
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Refusal::NotAnObject { found: type_of(&other) }),
    }
}

/// What the parser says, without the position, which the refusal gives by itself.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(why, _)| why.to_owned())
}

/// Escapes the control characters inside strings. JSON forbids them there, and Windsurf writes them.
fn escape_control_characters(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string && c < ' ' {
            // After a backslash the escape is half written.
            let _ = write!(out, "{}u{:04x}", if escaped { "" } else { "\\" }, u32::from(c));
            escaped = false;
            continue;
        }
        out.push(c);
        if escaped {
            escaped = false;
        } else if in_string && c == '\\' {
            escaped = true;
        } else if c == '"' {
            in_string = !in_string;
        }
    }
    out
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The arguments of a tool: some agents give them as a string that holds JSON.
pub(crate) fn arguments(value: Option<&Value>) -> Cow<'_, Value> {
    match value {
        None => Cow::Owned(Value::Null),
        Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(object @ Value::Object(_)) => Cow::Owned(object),
            _ => Cow::Owned(Value::String(text.clone())),
        },
        Some(other) => Cow::Borrowed(other),
    }
}

/// The fields of an object. A field that is `null` counts as absent; where several names are given, the first that is
/// there counts.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) agent: AgentKind,
    object: &'a Map<String, Value>,
    /// The fields that the object is in.
    within: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(agent: AgentKind, object: &'a Map<String, Value>) -> Self {
        Self { agent, object, within: "" }
    }

    /// The fields of another value of the same payload, which must be an object.
    pub(crate) fn inside(self, value: &'a Value, within: &'static str) -> Result<Fields<'a>, Refusal> {
        match value {
            Value::Object(object) => Ok(Fields { agent: self.agent, object, within }),
            Value::Null => Err(Refusal::Missing { agent: self.agent, field: within.to_owned() }),
            other => Err(Refusal::WrongType {
                agent: self.agent,
                field: within.to_owned(),
                expected: "an object",
                found: type_of(other),
            }),
        }
    }

    pub(crate) fn get(self, names: &[&str]) -> Option<&'a Value> {
        self.find(names).map(|(_, value)| value)
    }

    fn find(self, names: &[&str]) -> Option<(&'a str, &'a Value)> {
        names
            .iter()
            .find_map(|name| self.object.get_key_value(*name).filter(|(_, value)| !value.is_null()))
            .map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn missing(self, name: &str) -> Refusal {
        Refusal::Missing { agent: self.agent, field: self.full(name) }
    }

    fn full(self, name: &str) -> String {
        if self.within.is_empty() { name.to_owned() } else { format!("{}.{name}", self.within) }
    }

    /// A field that is there must have the type that `of` gives.
    fn typed<T>(
        self,
        names: &[&str],
        expected: &'static str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some((name, value)) = self.find(names) else { return Ok(None) };
        of(value).map(Some).ok_or_else(|| Refusal::WrongType {
            agent: self.agent,
            field: self.full(name),
            expected,
            found: type_of(value),
        })
    }

    pub(crate) fn text(self, names: &[&str]) -> Result<Option<&'a str>, Refusal> {
        self.typed(names, "a string", Value::as_str)
    }

    /// A text that must be there.
    pub(crate) fn required(self, names: &[&str]) -> Result<&'a str, Refusal> {
        self.text(names)?.ok_or_else(|| self.missing(names.first().copied().unwrap_or_default()))
    }

    /// A text that says something.
    pub(crate) fn named(self, names: &[&str]) -> Result<Option<String>, Refusal> {
        Ok(self.text(names)?.filter(|text| !text.is_empty()).map(ToOwned::to_owned))
    }

    pub(crate) fn path(self, names: &[&str]) -> Result<Option<PathBuf>, Refusal> {
        Ok(self.named(names)?.map(PathBuf::from))
    }

    pub(crate) fn required_path(self, names: &[&str]) -> Result<PathBuf, Refusal> {
        self.path(names)?.ok_or_else(|| self.missing(names.first().copied().unwrap_or_default()))
    }

    pub(crate) fn flag(self, names: &[&str]) -> Result<bool, Refusal> {
        // Agents whose parameters are all text write them so.
        Ok(self
            .typed(names, "a boolean", |value| match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_bool(),
            })?
            .unwrap_or(false))
    }

    pub(crate) fn number(self, names: &[&str]) -> Result<Option<u64>, Refusal> {
        self.typed(names, "a whole number", Value::as_u64)
    }

    pub(crate) fn list(self, names: &[&str]) -> Result<Option<&'a [Value]>, Refusal> {
        self.typed(names, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    pub(crate) fn object(self, name: &str, within: &'static str) -> Result<Option<Fields<'a>>, Refusal> {
        self.get(&[name]).map(|value| self.inside(value, within)).transpose()
    }

    /// Two texts and whether all occurrences are meant; `None` if neither text is there.
    pub(crate) fn replacement(self, old: &[&str], new: &[&str], all: &[&str]) -> Result<Option<Replacement>, Refusal> {
        if self.get(old).is_none() && self.get(new).is_none() {
            return Ok(None);
        }
        Ok(Some(Replacement {
            old: self.required(old)?.to_owned(),
            new: self.required(new)?.to_owned(),
            all: self.flag(all)?,
            at: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_inside_strings_are_kept() {
        let object = parse(b"{\"a\":\"x\n\ty\\\"\x01\\\nz\"}\n").expect("an object");
        assert_eq!(object.get("a").and_then(Value::as_str), Some("x\n\ty\"\u{1}\nz"));
    }

    #[test]
    fn refusals_say_where() {
        let Err(Refusal::NotJson { line: 2, column: 5, why }) = parse(b"{\n\"a\":\"") else { panic!("refused") };
        assert_eq!(why, "EOF while parsing a string");
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), Err(Refusal::NotUtf8 { position: 6 }));
        assert_eq!(parse(b"[]"), Err(Refusal::NotAnObject { found: "a list" }));
        assert!(matches!(parse(b""), Err(Refusal::NotJson { .. })));
        let large = vec![b' '; MAX_PAYLOAD_BYTES + 1];
        assert_eq!(parse(&large), Err(Refusal::TooLarge { bytes: MAX_PAYLOAD_BYTES + 1 }));
        assert!(parse("\u{feff}{}".as_bytes()).is_ok());
    }
}
