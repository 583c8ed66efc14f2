//! Terraform's functions, as far as they matter for what is checked here. An argument that is unknown makes the result
//! unknown, but where the rest decides.

use super::evaluate::{MAX_ELEMENTS, same, string, unknown, unknown_kind};
use crate::json::document;
use crate::model::{Body, Field, Value, ValueKind};
use std::ops::Range;

/// Longest string that a function makes, in bytes.
const MAX_STRING: usize = 1 << 20;

/// The result of a function.
pub(super) fn call(name: &str, arguments: Vec<Value>, range: &Range<usize>) -> Value {
    let needs = arguments.iter().find_map(Value::needs).map(str::to_owned);
    match kind(name, arguments, range) {
        Some(kind) => Value::new(range.clone(), kind),
        None => unknown(range, needs.as_deref().unwrap_or(&format!("{name}()"))),
    }
}

fn text(text: impl Into<String>) -> Option<ValueKind> {
    let text = text.into();
    (text.len() <= MAX_STRING).then_some(ValueKind::String { text, verbatim: None })
}

fn list(values: Vec<Value>) -> Option<ValueKind> {
    (values.len() <= MAX_ELEMENTS).then_some(ValueKind::List(values))
}

fn object(fields: Vec<Field>, range: &Range<usize>, open: bool) -> Option<ValueKind> {
    let anchor = range.start..(range.start + 1).min(range.end);
    (fields.len() <= MAX_ELEMENTS).then_some(ValueKind::Object(Body { fields, anchor, close: None, open }))
}

fn elements(value: &Value) -> Option<&[Value]> {
    match &value.kind {
        ValueKind::List(values) => Some(values),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
#[expect(clippy::unnecessary_wraps, reason = "as its neighbours")]
fn number(number: usize) -> Option<ValueKind> {
    Some(ValueKind::Number(number as f64))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn kind(name: &str, arguments: Vec<Value>, range: &Range<usize>) -> Option<ValueKind> {
    let at = |index: usize| arguments.get(index);
    let string_at = |index: usize| string(arguments.get(index)?);
    let make = |kind: ValueKind| Value::new(range.clone(), kind);
    match name {
        // What is given is looked at as it is, whatever type it is turned into.
        "jsonencode" | "yamlencode" | "tolist" | "toset" | "tomap" | "sensitive" | "nonsensitive" | "tostring"
        | "tobool" | "tonumber" | "one" | "sum" | "max" | "min" => convert(name, arguments),
        "jsondecode" => {
            let value = at(0)?;
            document(value, "").map(|document| document.into_owned().kind)
        }
        "lower" => text(string_at(0)?.to_lowercase()),
        "upper" => text(string_at(0)?.to_uppercase()),
        "title" => {
            let words: Vec<_> = string_at(0)?.split(' ').map(capital).collect();
            text(words.join(" "))
        }
        "trimspace" => text(string_at(0)?.trim()),
        "chomp" => text(string_at(0)?.trim_end_matches(['\n', '\r'])),
        "trimprefix" => {
            let (whole, prefix) = (string_at(0)?, string_at(1)?);
            text(whole.strip_prefix(&prefix).unwrap_or(&whole))
        }
        "trimsuffix" => {
            let (whole, suffix) = (string_at(0)?, string_at(1)?);
            text(whole.strip_suffix(&suffix).unwrap_or(&whole))
        }
        "trim" => {
            let (whole, set) = (string_at(0)?, string_at(1)?);
            text(whole.trim_matches(|c| set.contains(c)))
        }
        "replace" => {
            let (whole, from, to) = (string_at(0)?, string_at(1)?, string_at(2)?);
            let pattern = from.len() > 2 && from.starts_with('/') && from.ends_with('/');
            let grows = whole.len().saturating_mul(to.len().max(1)) > MAX_STRING;
            if pattern || grows { None } else { text(whole.replace(&from, &to)) }
        }
        "substr" => {
            let whole: Vec<char> = string_at(0)?.chars().collect();
            let (start, length) = (at(1)?.as_number()?, at(2)?.as_number()?);
            let start = index(start)?;
            let end = if length < 0.0 { whole.len() } else { start.saturating_add(index(length)?).min(whole.len()) };
            text(whole.get(start..end)?.iter().collect::<String>())
        }
        "split" => {
            let (separator, whole) = (string_at(0)?, string_at(1)?);
            if whole.is_empty() {
                return list(Vec::new());
            }
            list(whole.split(separator.as_str()).filter_map(|part| Some(make(text(part)?))).collect())
        }
        "join" => {
            let separator = string_at(0)?;
            let mut parts = Vec::new();
            for argument in arguments.get(1..)? {
                for element in elements(argument)? {
                    parts.push(string(element)?);
                }
            }
            text(parts.join(&separator))
        }
        "format" => format(&string_at(0)?, arguments.get(1..)?),
        "startswith" => Some(ValueKind::Bool(string_at(0)?.starts_with(&string_at(1)?))),
        "endswith" => Some(ValueKind::Bool(string_at(0)?.ends_with(&string_at(1)?))),
        "strcontains" => Some(ValueKind::Bool(string_at(0)?.contains(&string_at(1)?))),
        "abs" => Some(ValueKind::Number(at(0)?.as_number()?.abs())),
        "ceil" => Some(ValueKind::Number(at(0)?.as_number()?.ceil())),
        "floor" => Some(ValueKind::Number(at(0)?.as_number()?.floor())),
        "length" => match &at(0)?.kind {
            ValueKind::List(values) => number(values.len()),
            ValueKind::Object(body) if !body.open => number(body.fields.len()),
            ValueKind::String { text, .. } => number(text.chars().count()),
            _ => None,
        },
        "concat" => {
            let mut all = Vec::new();
            for argument in &arguments {
                all.extend_from_slice(elements(argument)?);
            }
            list(all)
        }
        "flatten" => {
            let mut all = Vec::new();
            flatten(at(0)?, &mut all, 0)?;
            list(all)
        }
        "compact" => {
            let mut all = Vec::new();
            for element in elements(at(0)?)? {
                match &element.kind {
                    ValueKind::Null => {}
                    ValueKind::String { text, .. } if text.is_empty() => {}
                    ValueKind::Unknown { .. } => return None,
                    _ => all.push(element.clone()),
                }
            }
            list(all)
        }
        "distinct" | "setunion" => {
            let mut all: Vec<Value> = Vec::new();
            for argument in &arguments {
                for element in elements(argument)? {
                    if all.len() > 1_000 {
                        return None;
                    }
                    let mut is_new = true;
                    for known in &all {
                        is_new &= !same(known, element)?;
                    }
                    if is_new {
                        all.push(element.clone());
                    }
                }
            }
            list(all)
        }
        "reverse" => list(elements(at(0)?)?.iter().rev().cloned().collect()),
        "sort" => {
            let mut all: Vec<(String, Value)> = Vec::new();
            for element in elements(at(0)?)? {
                all.push((string(element)?, element.clone()));
            }
            all.sort_by(|a, b| a.0.cmp(&b.0));
            list(all.into_iter().map(|(_, value)| value).collect())
        }
        "slice" => {
            let (start, end) = (index(at(1)?.as_number()?)?, index(at(2)?.as_number()?)?);
            list(elements(at(0)?)?.get(start..end)?.to_vec())
        }
        "element" => {
            let (values, at) = (elements(at(0)?)?, index(at(1)?.as_number()?)?);
            Some(values.get(at.checked_rem(values.len())?)?.kind.clone())
        }
        "range" => {
            let bounds: Option<Vec<f64>> = arguments.iter().map(Value::as_number).collect();
            let (start, end, step) = match bounds?.as_slice() {
                [end] => (0.0, *end, 1.0),
                [start, end] => (*start, *end, 1.0),
                [start, end, step] => (*start, *end, *step),
                _ => return None,
            };
            let mut all = Vec::new();
            let mut next = start;
            while step > 0.0 && next < end {
                all.push(make(ValueKind::Number(next)));
                next += step;
                if all.len() > 1_024 {
                    return None;
                }
            }
            list(all)
        }
        "contains" => {
            let wanted = at(1)?;
            let mut sure = true;
            for element in elements(at(0)?)? {
                match same(element, wanted) {
                    Some(true) => return Some(ValueKind::Bool(true)),
                    Some(false) => {}
                    None => sure = false,
                }
            }
            sure.then_some(ValueKind::Bool(false))
        }
        "keys" => match &at(0)?.kind {
            ValueKind::Object(body) if !body.open => {
                let mut names: Vec<_> = body.fields.iter().map(|field| field.name.clone()).collect();
                names.sort_unstable();
                list(names.into_iter().filter_map(|name| Some(make(text(name)?))).collect())
            }
            _ => None,
        },
        "values" => match &at(0)?.kind {
            ValueKind::Object(body) if !body.open => {
                let mut fields: Vec<_> = body.fields.iter().collect();
                fields.sort_by(|a, b| a.name.cmp(&b.name));
                list(fields.into_iter().map(|field| field.value.clone()).collect())
            }
            _ => None,
        },
        "lookup" => match &at(0)?.kind {
            ValueKind::Object(body) => {
                let name = string_at(1)?;
                match body.fields.iter().rev().find(|field| field.name == name) {
                    Some(field) => Some(field.value.kind.clone()),
                    None if body.open => None,
                    None => Some(at(2)?.kind.clone()),
                }
            }
            _ => None,
        },
        "merge" => {
            let (mut fields, mut open): (Vec<Field>, bool) = (Vec::new(), false);
            let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
            for argument in arguments {
                match argument.kind {
                    ValueKind::Object(body) => {
                        open |= body.open;
                        for field in body.fields {
                            if let Some(place) = places.get(&field.name) {
                                fields[*place] = field;
                            } else {
                                places.insert(field.name.clone(), fields.len());
                                fields.push(field);
                            }
                        }
                    }
                    ValueKind::Null => {}
                    // It may hold any name, those that came before included.
                    _ => {
                        let needs = argument.needs().unwrap_or("an argument of merge()").to_owned();
                        for field in &mut fields {
                            field.value.kind = unknown_kind(&needs);
                        }
                        open = true;
                    }
                }
            }
            object(fields, range, open)
        }
        "zipmap" => {
            let (keys, values) = (elements(at(0)?)?, elements(at(1)?)?);
            let mut fields = Vec::new();
            for (key, value) in keys.iter().zip(values) {
                fields.push(Field { name: string(key)?, range: range.clone(), value: value.clone() });
            }
            object(fields, range, false)
        }
        "coalesce" => {
            for argument in &arguments {
                match &argument.kind {
                    ValueKind::Null => {}
                    ValueKind::String { text, .. } if text.is_empty() => {}
                    ValueKind::Unknown { .. } => return None,
                    kind => return Some(kind.clone()),
                }
            }
            None
        }
        "coalescelist" => {
            for argument in &arguments {
                match &argument.kind {
                    ValueKind::List(values) if values.is_empty() => {}
                    ValueKind::Null => {}
                    ValueKind::List(values) => return Some(ValueKind::List(values.clone())),
                    _ => return None,
                }
            }
            None
        }
        "alltrue" | "anytrue" => {
            let decides = name == "anytrue";
            let mut sure = true;
            for element in elements(at(0)?)? {
                match element.as_bool() {
                    Some(bool) if bool == decides => return Some(ValueKind::Bool(decides)),
                    Some(_) => {}
                    None => sure = false,
                }
            }
            sure.then_some(ValueKind::Bool(!decides))
        }
        "basename" => text(string_at(0)?.rsplit('/').next().unwrap_or_default()),
        "dirname" => text(string_at(0)?.rsplit_once('/').map_or(".", |(folder, _)| folder)),
        _ => None,
    }
}

/// Functions that turn a value into another type, which says the same here, and those over numbers.
fn convert(name: &str, arguments: Vec<Value>) -> Option<ValueKind> {
    match name {
        "max" | "min" | "sum" => {
            let values = match arguments.as_slice() {
                [Value { kind: ValueKind::List(values), .. }] => values.as_slice(),
                values => values,
            };
            let numbers: Option<Vec<f64>> = values.iter().map(Value::as_number).collect();
            let numbers = numbers?.into_iter();
            Some(ValueKind::Number(match name {
                "max" => numbers.reduce(f64::max)?,
                "min" => numbers.reduce(f64::min)?,
                _ => numbers.sum(),
            }))
        }
        "one" => match &arguments.first()?.kind {
            ValueKind::List(values) => match values.as_slice() {
                [] => Some(ValueKind::Null),
                [only] => Some(only.kind.clone()),
                _ => None,
            },
            _ => None,
        },
        "tostring" => match &arguments.first()?.kind {
            ValueKind::Null => Some(ValueKind::Null),
            _ => text(string(arguments.first()?)?),
        },
        "tobool" => arguments.first()?.as_bool().map(ValueKind::Bool),
        "tonumber" => arguments.first()?.as_number().map(ValueKind::Number),
        _ => {
            let value = arguments.into_iter().next()?;
            (!value.is_unknown()).then_some(value.kind)
        }
    }
}

fn flatten(value: &Value, all: &mut Vec<Value>, depth: usize) -> Option<()> {
    for element in elements(value)? {
        match &element.kind {
            ValueKind::List(_) if depth < 100 => flatten(element, all, depth + 1)?,
            // It may be a list with any number of elements.
            ValueKind::Unknown { .. } => return None,
            _ => all.push(element.clone()),
        }
        if all.len() > MAX_ELEMENTS {
            return None;
        }
    }
    Some(())
}

/// `%s`, `%d`, `%v`, `%q` and `%%`; other verbs are not read.
fn format(pattern: &str, arguments: &[Value]) -> Option<ValueKind> {
    let mut made = String::new();
    let mut arguments = arguments.iter();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            made.push(c);
            continue;
        }
        match chars.next()? {
            '%' => made.push('%'),
            's' | 'd' | 'v' => made.push_str(&string(arguments.next()?)?),
            'q' => {
                made.push('"');
                made.push_str(&string(arguments.next()?)?);
                made.push('"');
            }
            _ => return None,
        }
    }
    text(made)
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small index")]
fn index(number: f64) -> Option<usize> {
    ((0.0..1e9).contains(&number) && number.fract() == 0.0).then_some(number as usize)
}
