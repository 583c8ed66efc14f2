//! JSON that stands inside a value: policy documents in heredocs and strings.

use crate::model::{Body, Field, Value, ValueKind};
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::borrow::Cow;
use std::ops::Range;

/// JSON as the providers' APIs accept it, and a comma too many: they refuse that, but it stands there while somebody types.
pub(crate) const POLICY_JSON: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A value as the document that it holds: an object or list as it is (`jsonencode({…})` is one), a string or heredoc by
/// reading the JSON in it. In a heredoc with interpolations, the strings that hold one are unknown and the rest is known.
/// `None` where there is no document to be read.
pub fn document<'a>(value: &'a Value, source: &str) -> Option<Cow<'a, Value>> {
    match &value.kind {
        ValueKind::Object(_) | ValueKind::List(_) => Some(Cow::Borrowed(value)),
        // What stands in the text is indented, and means the same.
        ValueKind::String { text, verbatim: Some(range) } if range.len() != text.len() => {
            match source.get(range.clone()) {
                Some(source) => parse(source, At::Offset(range.start), false),
                None => parse(text, At::Whole(&value.range), false),
            }
        }
        ValueKind::String { text, verbatim } => {
            parse(text, verbatim.as_ref().map_or(At::Whole(&value.range), |range| At::Offset(range.start)), false)
        }
        ValueKind::Unknown { template: Some(range), .. } => {
            parse(&masked(source.get(range.clone())?), At::Offset(range.start), true)
        }
        _ => None,
    }
}

/// A template of which every interpolation is as long as before and holds nothing that JSON would read: quotes and line breaks
/// may stand in it.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        if before.ends_with('$') {
            out.push_str("${");
            rest = from.get(2..).unwrap_or_default();
            continue;
        }
        let length = interpolation(from);
        let (inside, behind) = from.split_at(length);
        out.push_str("${");
        out.extend(inside.bytes().skip(2).take(length.saturating_sub(3)).map(|_| 'x'));
        out.push_str(if length > 2 { "}" } else { "" });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Bytes of the interpolation that a text begins with; to its end where it has none.
fn interpolation(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if depth > 0 => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// How places in the JSON text map to places in the unit.
#[derive(Clone, Copy)]
enum At<'a> {
    /// The JSON stands in the unit as it is, from this offset.
    Offset(usize),
    /// It was written with escapes: every place in it is the whole string.
    Whole(&'a Range<usize>),
}

impl At<'_> {
    fn range(self, node: &impl Ranged) -> Range<usize> {
        match self {
            At::Offset(start) => start + node.start()..start + node.end(),
            At::Whole(range) => range.clone(),
        }
    }
}

fn parse<'a>(text: &str, at: At<'_>, template: bool) -> Option<Cow<'a, Value>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &POLICY_JSON).ok()?;
    Some(Cow::Owned(convert(&parsed.value?, at, template)))
}

fn convert(node: &ast::Value<'_>, at: At<'_>, template: bool) -> Value {
    let kind = match node {
        ast::Value::StringLit(string) if template && holds_template(&string.value) => ValueKind::UNKNOWN,
        ast::Value::StringLit(string) => ValueKind::String { text: string.value.to_string(), verbatim: None },
        ast::Value::NumberLit(number) => number.value.parse().map_or(ValueKind::UNKNOWN, ValueKind::Number),
        ast::Value::BooleanLit(bool) => ValueKind::Bool(bool.value),
        ast::Value::NullKeyword(_) => ValueKind::Null,
        ast::Value::Array(array) => {
            ValueKind::List(array.elements.iter().map(|element| convert(element, at, template)).collect())
        }
        ast::Value::Object(object) => {
            let whole = at.range(object);
            let mut body = Body { anchor: whole.start..(whole.start + 1).min(whole.end), ..Body::default() };
            for property in &object.properties {
                let name = property.name.as_str();
                body.open |= template && holds_template(name);
                let value = convert(&property.value, at, template);
                body.fields.push(Field { name: name.to_owned(), range: at.range(property), value });
            }
            ValueKind::Object(body)
        }
    };
    Value::new(at.range(node), kind)
}

fn holds_template(text: &str) -> bool {
    text.contains("${") || text.contains("%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_their_places() {
        let cases = [
            (r#"{"a": "${f("x", { b = "}" })}", "b": 1}"#, r#"{"a": "${xxxxxxxxxxxxxxxxxxx}", "b": 1}"#),
            ("$${a} ${b\né}c", "$${a} ${xxxx}c"),
            ("${", "${"),
            ("${a", "${}"),
            ("plain", "plain"),
        ];
        for (text, expected) in cases {
            let masked = masked(text);
            assert_eq!(masked, expected, "{text}");
            assert_eq!(masked.len(), text.len(), "{text}");
        }
    }
}
