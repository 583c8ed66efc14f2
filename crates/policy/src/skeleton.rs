//! Tests that hold a change to what it must not do, as somebody would begin to write them: of a rule that looks at attributes what
//! its own condition says, turned round; else what the rule or its area has of its own.

use crate::catalogue::Catalogue;
use crate::format::{Binding, Comparison, Operand, Risk, Scalar, When, Word};
use std::fmt::Write as _;

/// The beginning of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skeleton {
    /// A `run` block for a file of `terraform test`, which ends with `.tftest.hcl`.
    Test(String),
    /// A shell script that looks at a plan and fails where it shows anything else.
    Plan(String),
}

/// The tests for a risk that was found in a resource, with the message that it was told with. There is none where it is not known
/// what would have to hold, and where the resource is inside of a module, whose own test that is.
pub fn skeletons(catalogue: &Catalogue, risk: &str, kind: &str, address: &str, message: &str) -> Vec<Skeleton> {
    let Some(risk) = catalogue.risk(risk) else { return Vec::new() };
    let run = is_here(kind, address).then(|| condition(risk, kind, address, message)).flatten();
    let test = run.map(|condition| {
        let title = quoted(&format!("{}: {address}.", risk.title));
        let name = &risk.id;
        Skeleton::Test(format!(
            "run \"{name}\" {{\n  command = plan\n\n  assert {{\n    condition     = {condition}\n    error_message = {title}\n  }}\n}}\n"
        ))
    });
    // What stands between quotes of the shell.
    let is_plain = !address.contains(['\'', '\n']) && !address.is_empty();
    let plan = catalogue.plan(risk).filter(|_| is_plain);
    let plan = plan.map(|plan| Skeleton::Plan(format!("{}\n", plan.replace("{address}", address).trim_end())));
    test.into_iter().chain(plan).collect()
}

/// Whether an address is that of a resource of the module itself, and can be written in an expression.
fn is_here(kind: &str, address: &str) -> bool {
    let name = address.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
    let is_type = kind.strip_prefix("data.").unwrap_or(kind).bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    is_type && kind.contains('_') && name.is_some_and(is_name)
}

/// What holds where a risk is not there. `None` where that is not known, or not which of its bindings was meant.
fn condition(risk: &Risk, kind: &str, address: &str, message: &str) -> Option<String> {
    let told = |binding: &&Binding| {
        let is_of_kind = binding.kinds.iter().any(|known| known == kind);
        is_of_kind
            && is_message(
                &risk.filled(binding.message.as_ref().unwrap_or(&risk.message)),
                binding,
                kind,
                address,
                message,
            )
    };
    let mut conditions: Vec<String> = Vec::new();
    let mut attribute = None;
    for binding in risk.bindings.iter().filter(told) {
        let path = binding.path();
        if *attribute.get_or_insert_with(|| path.clone()) != path {
            return None;
        }
        let condition = match (&binding.holds, &binding.when) {
            (Some(holds), _) => holds.replace("{address}", address).replace("{attribute}", &path),
            // A secret is not compared with anything, and what another resource takes care of does not show in this one.
            (None, Some(when)) if !risk.secret && binding.companion.is_none() => not(when, address, &path)?,
            _ => return None,
        };
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    (!conditions.is_empty()).then(|| conditions.join(" && "))
}

/// Whether a message is what a template says of a resource, whichever value it shows.
fn is_message(template: &str, binding: &Binding, kind: &str, address: &str, message: &str) -> bool {
    let filled =
        template.replace("{kind}", kind).replace("{address}", address).replace("{attribute}", &binding.attribute);
    let parts: Vec<&str> = filled.split("{value}").collect();
    let [first, between @ .., last] = parts.as_slice() else { return filled == message };
    let Some(mut rest) = message.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    between.iter().all(|part| {
        let found = rest.split_once(part);
        rest = found.map_or(rest, |(_, behind)| behind);
        found.is_some()
    })
}

/// A condition of a rule turned round, as an expression of Terraform about one attribute. A path through nested blocks is followed
/// with splats, which do the same for a block, a list and a set.
fn not(when: &When, address: &str, attribute: &str) -> Option<String> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let path: Vec<&str> = attribute.split('.').collect();
    if !path.iter().all(|name| is_name(name) && !name.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let place = format!("{address}.{}", path.join("[*]."));
    let is_nested = path.len() > 1;
    // Whatever stands there, as a list; without what is not set.
    let values = if is_nested { format!("flatten({place})") } else { format!("flatten([{place}])") };
    let set = format!("[for value in {values} : value if value != null]");
    let all = |test: String| format!("alltrue([for value in {set} : {test}])");
    let is_set = format!("length({set}) > 0");
    let with = |or_missing: bool, test: String| if or_missing { format!("{is_set} && {test}") } else { test };
    Some(match when {
        When::Word(word) => match word {
            Word::True if is_nested => all("value != true".to_owned()),
            Word::False if is_nested => all("value != false".to_owned()),
            Word::TrueOrMissing if is_nested => with(true, all("value == false".to_owned())),
            Word::FalseOrMissing if is_nested => with(true, all("value == true".to_owned())),
            Word::True => format!("{place} != true"),
            Word::False => format!("{place} != false"),
            Word::TrueOrMissing => format!("{place} == false"),
            Word::FalseOrMissing => format!("{place} == true"),
            Word::Missing => is_set,
            Word::Present => format!("length({set}) == 0"),
            Word::Empty if !is_nested => format!("try(length({place}), 1) > 0"),
            Word::EmptyOrMissing if !is_nested => format!("try(length({place}), 0) > 0"),
            // Nothing is left of an empty list among others; and what has to come from elsewhere, a value does not show.
            Word::Empty | Word::EmptyOrMissing | Word::Literal => return None,
        },
        When::Compare(compare) => comparison(compare, &set, &all, &with)?,
    })
}

fn comparison(
    compare: &Comparison,
    set: &str,
    all: &dyn Fn(String) -> String,
    with: &dyn Fn(bool, String) -> String,
) -> Option<String> {
    // Strings compare without regard to case, and everything else by how it is written.
    const WORD: &str = "lower(tostring(value))";
    let list = |scalars: &[Scalar]| format!("[{}]", scalars.iter().map(scalar).collect::<Vec<_>>().join(", "));
    let test = if let Some(scalars) = compare.one_of.as_ref().and_then(Operand::value) {
        all(format!("!contains({}, {WORD})", list(scalars)))
    } else if let Some(scalars) = compare.none_of.as_ref().and_then(Operand::value) {
        all(format!("contains({}, {WORD})", list(scalars)))
    } else if let Some(scalars) = compare.starts_with.as_ref().and_then(Operand::value) {
        all(format!("!anytrue([for start in {} : startswith({WORD}, start)])", list(scalars)))
    } else if let Some(scalars) = compare.lacks.as_ref().and_then(Operand::value) {
        let has_all =
            format!("alltrue([for wanted in {} : contains([for value in {set} : {WORD}], wanted)])", list(scalars));
        if compare.or_missing { has_all } else { format!("(length({set}) == 0 || {has_all})") }
    } else if let Some(pattern) = &compare.none_match {
        format!("anytrue([for value in {set} : can(regex({}, value))])", quoted(pattern))
    } else if let Some(least) = compare.less_than.as_ref().and_then(Operand::value) {
        all(format!("value >= {least}"))
    } else if let Some(most) = compare.greater_than.as_ref().and_then(Operand::value) {
        all(format!("value <= {most}"))
    } else {
        all(format!("!can(regex({}, value))", quoted(compare.matches.as_ref()?)))
    };
    Some(with(compare.or_missing, test))
}

/// A scalar as a lower-case string.
fn scalar(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Bool(value) => quoted(&value.to_string()),
        Scalar::Number(value) => quoted(&value.to_string()),
        Scalar::String(value) => quoted(&value.to_lowercase()),
    }
}

/// A string of HCL, in which nothing is replaced.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                let _ = write!(out, "{c}{c}");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
