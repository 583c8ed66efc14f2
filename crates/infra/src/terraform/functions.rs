//! Terraform's functions, as far as they matter for what is checked here. An argument that is unknown makes the result
//! unknown, but where the rest decides.

use super::evaluate::{MAX_ELEMENTS, equal, is_exact, same, string, unknown, unknown_kind};
use crate::json::document;
use crate::model::{Body, Field, Value, ValueKind};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Longest string that a function makes, in bytes.
const MAX_STRING: usize = 1 << 20;

/// The result of a function.
pub(super) fn call(name: &str, arguments: Vec<Value>, range: &Range<usize>) -> Value {
    let needs = arguments.iter().find_map(Value::needs).map(str::to_owned);
    let via = chosen(name, &arguments).and_then(|value| value.via.clone());
    match kind(name, arguments, range) {
        Some(kind) => Value { via, ..Value::new(range.clone(), kind) },
        None => unknown(range, needs.as_deref().unwrap_or(&format!("{name}()"))),
    }
}

/// The value that a function chooses from what it is given, where that is what it does.
fn chosen<'v>(name: &str, arguments: &'v [Value]) -> Option<&'v Value> {
    match name {
        "coalesce" => arguments.iter().find(|value| match &value.kind {
            ValueKind::Null => false,
            ValueKind::String { text, .. } => !text.is_empty(),
            _ => true,
        }),
        "lookup" => match &arguments.first()?.kind {
            ValueKind::Object(body) => {
                let name = string(arguments.get(1)?)?;
                let found = body.fields.iter().rev().find(|field| field.name == name).map(|field| &field.value);
                found.or(arguments.get(2))
            }
            _ => None,
        },
        "element" => {
            let (values, at) = (elements(arguments.first()?)?, index(arguments.get(1)?.as_number()?)?);
            values.get(at.checked_rem(values.len())?)
        }
        "one" => elements(arguments.first()?)?.first(),
        "jsonencode" | "yamlencode" | "tolist" | "toset" | "tomap" | "sensitive" | "nonsensitive" | "tostring"
        | "tobool" | "tonumber" | "jsondecode" | "concat" | "merge" | "flatten" | "compact" | "distinct" | "lower"
        | "upper" | "trimspace" | "abs" => arguments.first(),
        _ => None,
    }
}

/// What stands in a set: nothing twice, strings in order.
pub(super) fn make_set(values: &mut Vec<Value>) {
    let mut known = HashSet::new();
    values.retain(|value| match &value.kind {
        ValueKind::String { text, .. } => known.insert(text.clone()),
        _ => true,
    });
    if values.iter().all(|value| value.as_str().is_some()) {
        values.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
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
        "lower" => text(each_letter(&string_at(0)?, |c| Some(c.to_lowercase()))?),
        "upper" => text(each_letter(&string_at(0)?, |c| Some(c.to_uppercase()))?),
        "title" => {
            let mut before = ' ';
            text(each_letter(&string_at(0)?, |c| {
                let is_first = !(before.is_alphanumeric() || before == '_');
                before = c;
                is_first.then(|| c.to_uppercase())
            })?)
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
            let pattern = from.len() > 1 && from.starts_with('/') && from.ends_with('/');
            let grows = whole.len().saturating_mul(to.len().max(1)) > MAX_STRING;
            if pattern || grows { None } else { text(whole.replace(&from, &to)) }
        }
        "substr" => {
            let whole: Vec<char> = string_at(0).filter(|text| is_plain(text))?.chars().collect();
            let (start, length) = (at(1)?.as_number()?, at(2)?.as_number()?);
            let start = index(start)?;
            let end = if length < 0.0 { whole.len() } else { start.saturating_add(index(length)?).min(whole.len()) };
            text(whole.get(start..end)?.iter().collect::<String>())
        }
        "split" => {
            let (separator, whole) = (string_at(0)?, string_at(1)?);
            if separator.is_empty() {
                return list(whole.chars().filter_map(|c| Some(make(text(c)?))).collect());
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
            ValueKind::String { text, .. } if is_plain(text) => number(text.len()),
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
            let (mut texts, mut others): (HashSet<String>, Vec<Value>) = (HashSet::new(), Vec::new());
            for argument in &arguments {
                for element in elements(argument)? {
                    let is_new = match &element.kind {
                        ValueKind::String { text, .. } => texts.insert(text.clone()),
                        _ if others.len() > 100 => return None,
                        _ => {
                            let mut is_new = true;
                            for known in &others {
                                is_new &= !same(known, element)?;
                            }
                            if is_new {
                                others.push(element.clone());
                            }
                            is_new
                        }
                    };
                    if is_new {
                        all.push(element.clone());
                    }
                }
            }
            // An element that is known by halves may be any of the others.
            if !texts.is_empty() && !others.is_empty() {
                return None;
            }
            if name == "setunion" {
                make_set(&mut all);
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
                [end] => (0.0, *end, None),
                [start, end] => (*start, *end, None),
                [start, end, step] => (*start, *end, Some(*step)),
                _ => return None,
            };
            let towards = if end < start { -1.0 } else { 1.0 };
            let step = step.unwrap_or(towards);
            // Terraform refuses a step that leads away.
            if step * towards <= 0.0 || !is_exact(start) || !is_exact(step) {
                return None;
            }
            let mut all = Vec::new();
            let mut next = start;
            while (end - next) * step > 0.0 {
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
                match equal(element, wanted) {
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
            let mut places: HashMap<String, usize> = HashMap::new();
            for argument in arguments {
                match argument.kind {
                    ValueKind::Object(body) => {
                        if body.open {
                            // What it holds may take the place of anything before.
                            open = true;
                            for field in &mut fields {
                                field.value.kind = unknown_kind("an argument of merge()");
                            }
                        }
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
            let mut fields: Vec<Field> = Vec::new();
            let mut names = HashSet::new();
            for (key, value) in keys.iter().zip(values) {
                let name = string(key)?;
                if !names.insert(name.clone()) {
                    return None;
                }
                fields.push(Field { name, range: range.clone(), value: value.clone() });
            }
            if keys.len() != values.len() {
                return None;
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
        "basename" => {
            let path = string_at(0)?;
            let path = path.trim_end_matches('/');
            if path.is_empty() { None } else { text(path.rsplit('/').next().unwrap_or_default()) }
        }
        "dirname" => {
            let path = string_at(0)?;
            // Terraform tidies the rest.
            let is_tidy = path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
            match path.rsplit_once('/') {
                _ if !is_tidy => None,
                Some((folder, _)) => text(if folder.is_empty() { "/" } else { folder }),
                None => text("."),
            }
        }
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
                _ => {
                    let sum = numbers.reduce(|a, b| a + b)?;
                    is_exact(sum).then_some(sum)?
                }
            }))
        }
        "one" => match &arguments.first()?.kind {
            ValueKind::List(values) => match values.as_slice() {
                [] => Some(ValueKind::Null),
                [only] if !only.is_unknown() => Some(only.kind.clone()),
                _ => None,
            },
            _ => None,
        },
        "tostring" => match &arguments.first()?.kind {
            ValueKind::Null => Some(ValueKind::Null),
            _ => text(string(arguments.first()?)?),
        },
        "tobool" | "tonumber" if matches!(arguments.first()?.kind, ValueKind::Null) => Some(ValueKind::Null),
        "toset" => match arguments.into_iter().next()?.kind {
            ValueKind::List(mut values) => {
                make_set(&mut values);
                Some(ValueKind::List(values))
            }
            ValueKind::Null => Some(ValueKind::Null),
            _ => None,
        },
        "jsonencode" => {
            let value = arguments.into_iter().next()?;
            match &value.kind {
                // A document stands for the text of it.
                ValueKind::List(_) | ValueKind::Object(_) => Some(value.kind),
                ValueKind::String { text: plain, .. } => {
                    let is_plain =
                        plain.chars().all(|c| (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '<' | '>' | '&'));
                    if is_plain { text(format!("\"{plain}\"")) } else { None }
                }
                ValueKind::Null => text("null"),
                ValueKind::Number(_) | ValueKind::Bool(_) => text(string(&value)?),
                ValueKind::Unknown { .. } => None,
            }
        }
        "yamlencode" => {
            let value = arguments.into_iter().next()?;
            matches!(value.kind, ValueKind::List(_) | ValueKind::Object(_)).then_some(value.kind)
        }
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
            // What is unknown may be a list with any number of elements.
            ValueKind::List(_) | ValueKind::Unknown { .. } => return None,
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
            'd' => {
                let number = arguments.next()?.as_number().filter(|number| number.fract() == 0.0)?;
                made.push_str(&number.to_string());
            }
            's' | 'v' => made.push_str(&string(arguments.next()?)?),
            'q' => {
                let text = string(arguments.next()?).filter(|text| {
                    text.chars().all(|c| (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '<' | '>' | '&'))
                })?;
                made.push('"');
                made.push_str(&text);
                made.push('"');
            }
            _ => return None,
        }
    }
    // Terraform refuses arguments that no verb takes.
    if arguments.next().is_some() { None } else { text(made) }
}

/// A text with each letter changed; letters that become several are not alike in Rust and in Go.
fn each_letter<I: ExactSizeIterator<Item = char>>(
    text: &str,
    mut change: impl FnMut(char) -> Option<I>,
) -> Option<String> {
    let mut changed = String::with_capacity(text.len());
    for c in text.chars() {
        match change(c) {
            Some(mut letters) if letters.len() == 1 => changed.extend(letters.next()),
            Some(_) => return None,
            None => changed.push(c),
        }
    }
    Some(changed)
}

/// Whether each byte of a text is what Terraform counts as one character.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && !text.contains('\r')
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small index")]
fn index(number: f64) -> Option<usize> {
    ((0.0..1e9).contains(&number) && number.fract() == 0.0).then_some(number as usize)
}
