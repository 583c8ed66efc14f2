//! Bindings against resources: where a risk is seen, what is underlined, what would fix it.

use crate::catalogue::Catalogue;
use crate::checks::{self, Context};
use crate::format::{Binding, Comparison, Guard, Operand, Risk, Scalar, When, Word};
use countersign_infra::{Body, Format, Found, Resource, Value, ValueKind, Via, World};
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A risk seen in a unit. Ranges are bytes from the unit's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Id of the risk.
    pub risk: &'static str,
    /// Kind of the resource.
    pub kind: Arc<str>,
    /// Address of the resource.
    pub address: Arc<str>,
    /// What to underline, which is also the text that makes it so.
    pub range: Range<usize>,
    /// The block that declares the resource.
    pub resource: Range<usize>,
    /// What is so and why it matters.
    pub message: Arc<str>,
    /// What to do.
    pub help: Arc<str>,
    /// A change that makes it safe.
    pub fix: Option<Fix>,
    /// Other resources that have to do with it.
    pub related: Vec<Related>,
    /// Where the value is written that makes it so, if not here.
    pub via: Option<Arc<Via>>,
}

impl Hit {
    /// Whether another one tells nobody anything new.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.risk == other.risk && self.range == other.range && self.message == other.message
    }
}

/// A risk of which it is not known whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Id of the risk.
    pub risk: String,
    /// Address of the resource.
    pub address: String,
    /// The value that is not known, in bytes from the unit's start.
    pub range: Range<usize>,
    /// What would have to be known.
    pub needs: String,
}

/// What is seen in a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The risks, in order of the text.
    pub hits: Vec<Hit>,
    /// What cannot be decided.
    pub gaps: Vec<Gap>,
}

/// Replacement of a range of the unit's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced; empty for an insertion.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// The other end of a risk that is seen in how two resources stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Address of the other resource.
    pub address: String,
    /// What it has to do with it.
    pub message: String,
}

/// A place where a condition holds.
#[derive(Default)]
pub(crate) struct Place {
    /// What to underline, in bytes of the unit.
    pub(crate) range: Range<usize>,
    /// What a message shows for `{value}`.
    pub(crate) value: Option<String>,
    /// A change that makes it safe.
    pub(crate) fix: Option<Fix>,
    /// Other resources that have to do with it.
    pub(crate) related: Vec<Related>,
    /// Where the value is written that makes it so, if not here.
    pub(crate) via: Option<Arc<Via>>,
}

/// All risks of the catalogue that are seen in a resource, in order of the text. `source` is the text of its unit; where only what
/// `Lowered::source` keeps of it is at hand, no attribute is added as a fix.
pub fn hits(catalogue: &Catalogue, resource: &Resource, source: &str, world: &dyn World) -> Seen {
    let (mut hits, mut gaps) = (Vec::new(), Vec::new());
    for (risk, binding) in catalogue.bindings(&resource.kind) {
        let risk = &catalogue.documents()[risk].risk;
        let binding = &risk.bindings[binding];
        let mut places = Vec::new();
        for body in bodies(binding, resource) {
            if !guarded(binding, body) {
                places.extend(places_in(risk, binding, (resource, body), source, world, &mut gaps));
            }
        }
        if places.is_empty() || accompanied(binding, resource, world) || ruled_out(binding, resource, source, world) {
            continue;
        }
        for place in places {
            let hit = hit(risk, binding, resource, place);
            // Two bindings may name the same place, as may two elements of one list written as one string.
            if !hits.iter().any(|other: &Hit| other.says_the_same(&hit)) {
                hits.push(hit);
            }
        }
    }
    hits.sort_by(|a, b| (a.range.start, &a.risk).cmp(&(b.range.start, &b.risk)));
    Seen { hits, gaps }
}

/// What a binding is about: the resource, or some of what stands in it.
fn bodies<'r>(binding: &Binding, resource: &'r Resource) -> Vec<&'r Body> {
    // A check goes its own way.
    if binding.within.is_empty() || binding.check.is_some() {
        return vec![&resource.body];
    }
    let mut bodies = Vec::new();
    for found in resource.body.find(&binding.within) {
        let Found::Value(value) = found else { continue };
        match &value.kind {
            ValueKind::Object(body) => bodies.push(body),
            ValueKind::List(values) => bodies.extend(values.iter().filter_map(|value| match &value.kind {
                ValueKind::Object(body) => Some(body),
                _ => None,
            })),
            _ => {}
        }
    }
    bodies
}

/// Whether what the binding asks of other attributes rules it out, or cannot be known.
fn guarded(binding: &Binding, body: &Body) -> bool {
    !binding.only_if.iter().all(|guard| guard_holds(guard, body) == Truth::Yes)
        || binding.unless.iter().any(|guard| guard_holds(guard, body) != Truth::No)
}

fn guard_holds(guard: &Guard, body: &Body) -> Truth {
    let mut truth = Truth::No;
    for found in body.find(&guard.attribute) {
        truth = truth.max(holds(&guard.when, found).0);
    }
    truth
}

/// Whether another resource takes care of what the binding is about, or may do so: one that names this resource, or may name
/// it, and of which no condition is known to fail; or one of another module that this one is handed to.
fn accompanied(binding: &Binding, resource: &Resource, world: &dyn World) -> bool {
    let Some(companion) = &binding.companion else { return false };
    let takes_care =
        |other: &Arc<Resource>| companion.when.iter().all(|guard| guard_holds(guard, &other.body) != Truth::No);
    let attributes = || std::iter::once(&companion.attribute).chain(&companion.older);
    let names = |kind: &String| attributes().any(|name| world.naming(kind, name, resource).iter().any(takes_care));
    companion.kinds.iter().any(names) || !world.referrers(&resource.address, &["output", "module"]).is_empty()
}

/// Whether a check finds what rules the binding out.
fn ruled_out(binding: &Binding, resource: &Resource, source: &str, world: &dyn World) -> bool {
    let check = binding.unless_check.as_deref().and_then(checks::find);
    check.is_some_and(|check| !check(&Context { resource, attribute: &binding.path(), source, world }).is_empty())
}

fn places_in(
    risk: &Risk,
    binding: &Binding,
    (resource, body): (&Resource, &Body),
    source: &str,
    world: &dyn World,
    gaps: &mut Vec<Gap>,
) -> Vec<Place> {
    if let Some(check) = &binding.check {
        return checks::find(check)
            .map(|check| check(&Context { resource, attribute: &binding.path(), source, world }))
            .unwrap_or_default();
    }
    let Some(when) = &binding.when else { return Vec::new() };
    let mut places = Vec::new();
    for found in body.find(&binding.attribute) {
        let (truth, element) = holds(when, found);
        if truth != Truth::Yes {
            if let (Truth::Unknown, Found::Value(value)) = (truth, found)
                && let Some(needs) = element.unwrap_or(value).needs().or(value.needs())
            {
                let (risk, address) = (risk.id.to_string(), resource.address.clone());
                gaps.push(Gap { risk, address, range: value.range.clone(), needs: needs.to_owned() });
            }
            continue;
        }
        places.push(match (found, element) {
            (Found::Value(_), Some(element)) => {
                let via = element.via.clone();
                Place { range: element.range.clone(), value: shown(element), via, ..Place::default() }
            }
            (Found::Value(value), None) => {
                let part = within(when, value, source);
                // A value that is written elsewhere may be used elsewhere too.
                let fix = binding.fix.as_deref().filter(|_| value.via.is_none());
                Place {
                    value: part.clone().map_or_else(|| shown(value), |part| source.get(part).map(shortened)),
                    range: part.unwrap_or_else(|| value.range.clone()),
                    fix: fix.map(|text| Fix { range: value.range.clone(), text: risk.filled(text) }),
                    via: value.via.clone(),
                    ..Place::default()
                }
            }
            (Found::Missing { body, parent_found }, _) => Place {
                range: body.anchor.clone(),
                value: None,
                fix: binding
                    .fix
                    .as_deref()
                    .filter(|_| parent_found)
                    .and_then(|fix| insertion(resource, body, &binding.attribute, &risk.filled(fix), source)),
                ..Place::default()
            },
            (Found::Unknown, _) => continue,
        });
    }
    places
}

/// Where in a string that goes over several lines of the text, or begins in another one than its value, a pattern matches.
fn within(when: &When, value: &Value, source: &str) -> Option<Range<usize>> {
    let When::Compare(comparison) = when else { return None };
    let pattern = comparison.matches.as_ref()?;
    let ValueKind::String { text, verbatim: Some(range) } = &value.kind else { return None };
    let written = source.get(range.clone())?;
    let begins_below = || source.get(value.range.start..range.start).is_some_and(|before| before.contains('\n'));
    if !written.contains('\n') && !begins_below() {
        return None;
    }
    // Lines may be indented in the text and not in the string; else what counts is the string, which may be without comments.
    let found = found(pattern, if text.len() == range.len() { text } else { written })?;
    Some(range.start + found.start..range.start + found.end)
}

fn hit(risk: &Risk, binding: &Binding, resource: &Resource, place: Place) -> Hit {
    let fill = |template: &str| {
        risk.filled(template)
            .replace("{kind}", &resource.kind)
            .replace("{address}", &resource.address)
            .replace("{attribute}", &binding.attribute)
            .replace("{value}", place.value.as_deref().unwrap_or("?"))
    };
    Hit {
        risk: risk.id.as_str(),
        kind: resource.kind.as_str().into(),
        address: resource.address.as_str().into(),
        range: place.range.clone(),
        resource: resource.range.clone(),
        message: fill(binding.message.as_ref().unwrap_or(&risk.message)).into(),
        help: fill(binding.help.as_ref().unwrap_or(&risk.help)).into(),
        fix: place.fix,
        related: place.related,
        via: place.via,
    }
}

/// Longest value that a message repeats, in characters.
const SHOWN_VALUE: usize = 120;

/// A value as a message shows it.
fn shown(value: &Value) -> Option<String> {
    let text = match &value.kind {
        ValueKind::String { text, .. } => text.clone(),
        ValueKind::Number(number) => number.to_string(),
        ValueKind::Bool(bool) => bool.to_string(),
        _ => return None,
    };
    Some(shortened(&text))
}

/// The first line of a text, as far as a message shows it.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN_VALUE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Adds an attribute as the last one of a body. None where the text is not at hand, or what it is added to looks like nothing known.
fn insertion(resource: &Resource, body: &Body, path: &str, value: &str, source: &str) -> Option<Fix> {
    let close = body.close?;
    let name = path.rsplit('.').next()?;
    match Format::of_kind(&resource.kind) {
        Format::Terraform => attribute(body, close, name, value, source),
        _ => entry(body, close, name, value, source),
    }
}

/// What a value in YAML or JSON ends with. The value itself may be longer: to the grammar a comment below a block belongs to it.
fn innermost<'v>(value: &'v Value, source: &str) -> &'v Value {
    let inner = match &value.kind {
        ValueKind::Object(body) => body.fields.last().map(|field| &field.value),
        ValueKind::List(values) => values.last(),
        _ => None,
    };
    let is_closed = source.get(..value.range.end).is_some_and(|text| text.ends_with(['}', ']']));
    match inner.filter(|inner| !is_closed && value.range.contains(&inner.range.start)) {
        Some(inner) => innermost(inner, source),
        None => value,
    }
}

/// Adds `name: value` behind the last entry of a mapping in YAML or JSON, as that one is written.
fn entry(body: &Body, end: usize, name: &str, value: &str, source: &str) -> Option<Fix> {
    let last = body.fields.iter().find(|field| field.range.end == end)?;
    let line_start = source.get(..last.range.start)?.rfind('\n').map_or(0, |at| at + 1);
    let before = &source[line_start..last.range.start];
    // What an alias stands for is written elsewhere.
    let inner = Some(innermost(&last.value, source)).filter(|inner| last.range.contains(&inner.range.start));
    let end = source.get(..inner.map_or(last.range.end, |inner| inner.range.end))?.trim_end().len();
    let (written, rest) = source.split_at(end);
    // A template may put anything between two lines.
    if source.contains("{{") {
        return None;
    }
    let newline = if source.contains("\r\n") { "\r\n" } else { "\n" };
    let is_quoted = written.get(last.range.start..)?.starts_with('"');
    let name = if is_quoted { format!("\"{name}\"") } else { name.to_owned() };
    if rest.trim_start().starts_with('}') {
        let is_alone = before.trim().is_empty() && line_start > 0;
        let gap = if is_alone { format!("{newline}{before}") } else { " ".to_owned() };
        return Some(Fix { range: end..end, text: format!(",{gap}{name}: {value}") });
    }
    // In a block each has lines of its own; the first of a list's element stands behind its dash.
    let line = rest.split(['\r', '\n']).next()?;
    let mut behind =
        rest.lines().skip(1).map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let is_block = before.chars().all(|c| matches!(c, ' ' | '-'))
        && (line.trim().is_empty() || line.starts_with([' ', '\t']) && line.trim_start().starts_with('#'))
        && !behind.next().is_some_and(|next| next.starts_with(['}', ']', ',']));
    // `|+` keeps the empty lines that follow, and `|` the end of its last line. Elsewhere a last line with `#` is a comment below,
    // which may be about what comes next.
    let inner = inner.and_then(|inner| written.get(inner.range.start..)).unwrap_or_default();
    let header = inner.lines().next().filter(|line| line.starts_with(['|', '>']));
    let is_comment = header.is_none() && written.lines().last().is_some_and(|line| line.trim_start().starts_with('#'));
    let is_text_changed = header.is_some_and(|header| header.contains('+') || rest.is_empty());
    if !is_block || is_comment || is_text_changed {
        return None;
    }
    let (at, indent) = (end + line.len(), " ".repeat(before.len()));
    Some(Fix { range: at..at, text: format!("{newline}{indent}{name}: {value}") })
}

/// Adds `name = value` as the last line of a block.
fn attribute(body: &Body, close: usize, name: &str, value: &str, source: &str) -> Option<Fix> {
    let line_start = source.get(..close)?.rfind('\n').map_or(0, |at| at + 1);
    let before = &source[line_start..close];
    let newline = if source.contains("\r\n") { "\r\n" } else { "\n" };
    if before.trim().is_empty() && line_start > 0 {
        // Under the block's last line, indented as what is in the block.
        let indent = body.fields.last().and_then(|field| {
            let start = source[..field.range.start].rfind('\n').map_or(0, |at| at + 1);
            Some(&source[start..field.range.start]).filter(|indent| indent.trim().is_empty())
        });
        let indent = indent.map_or_else(|| format!("{before}  "), str::to_owned);
        return Some(Fix { range: line_start..line_start, text: format!("{indent}{name} = {value}{newline}") });
    }
    if body.fields.is_empty() && before.trim_end().ends_with('{') {
        let opening = line_start + before.trim_end().len();
        let indent: String = before.chars().take_while(|c| c.is_whitespace()).collect();
        return Some(Fix {
            range: opening..close,
            text: format!("{newline}{indent}  {name} = {value}{newline}{indent}"),
        });
    }
    None
}

/// Three-valued truth, in the order in which several instances of a block are joined: one that holds is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Unknown,
    Yes,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Whether a condition holds, and for which element where the value is a list.
fn holds<'a>(when: &When, found: Found<'a>) -> (Truth, Option<&'a Value>) {
    let value = match found {
        Found::Unknown => return (Truth::Unknown, None),
        Found::Missing { .. } | Found::Value(Value { kind: ValueKind::Null, .. }) => {
            return (holds_missing(when).into(), None);
        }
        Found::Value(value) => value,
    };
    match when {
        When::Word(Word::Present) => (Truth::Yes, None),
        When::Word(Word::Missing) => (Truth::No, None),
        _ if value.is_unknown() => (Truth::Unknown, None),
        When::Word(Word::True | Word::TrueOrMissing) => ((value.as_bool() == Some(true)).into(), None),
        When::Word(Word::False | Word::FalseOrMissing) => ((value.as_bool() == Some(false)).into(), None),
        When::Word(Word::Empty | Word::EmptyOrMissing) => (is_empty(value).into(), None),
        When::Word(Word::Literal) => (value.as_str().is_some_and(|text| !text.is_empty()).into(), None),
        When::Compare(comparison) => compared(comparison, value),
    }
}

/// The same for a comparison, of a value that is there and known.
fn compared<'a>(comparison: &Comparison, value: &'a Value) -> (Truth, Option<&'a Value>) {
    if let Some(scalars) = comparison.lacks.as_ref().and_then(Operand::value) {
        return (lacks(scalars, value), None);
    }
    if let Some(pattern) = &comparison.none_match {
        return (none_matches(pattern, value), None);
    }
    match &value.kind {
        ValueKind::List(elements) => elements.iter().fold((Truth::No, None), |best, element| {
            let truth = if element.is_unknown() { Truth::Unknown } else { compare(comparison, element).into() };
            if truth > best.0 { (truth, Some(element)) } else { best }
        }),
        _ => (compare(comparison, value).into(), None),
    }
}

fn holds_missing(when: &When) -> bool {
    match when {
        When::Word(word) => {
            matches!(word, Word::Missing | Word::TrueOrMissing | Word::FalseOrMissing | Word::EmptyOrMissing)
        }
        When::Compare(comparison) => comparison.or_missing,
    }
}

fn is_empty(value: &Value) -> bool {
    match &value.kind {
        ValueKind::String { text, .. } => text.is_empty(),
        ValueKind::List(elements) => elements.is_empty(),
        ValueKind::Object(body) => body.fields.is_empty() && !body.open,
        _ => false,
    }
}

/// Whether a list is without one of the scalars.
fn lacks(scalars: &[Scalar], value: &Value) -> Truth {
    let ValueKind::List(elements) = &value.kind else { return Truth::No };
    let unknown = elements.iter().any(Value::is_unknown);
    match scalars.iter().any(|scalar| !elements.iter().any(|element| equals(scalar, element))) {
        true if unknown => Truth::Unknown,
        lacks => lacks.into(),
    }
}

/// Whether a list is without anything that matches a pattern.
fn none_matches(pattern: &str, value: &Value) -> Truth {
    let ValueKind::List(elements) = &value.kind else { return Truth::No };
    if elements.iter().filter_map(Value::as_str).any(|text| matches(pattern, text)) {
        return Truth::No;
    }
    if elements.iter().any(Value::is_unknown) { Truth::Unknown } else { Truth::Yes }
}

fn equals(scalar: &Scalar, value: &Value) -> bool {
    match scalar {
        Scalar::Bool(bool) => value.as_bool() == Some(*bool),
        Scalar::Number(number) => value.as_number() == Some(*number),
        Scalar::String(string) => value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(string)),
    }
}

/// Whether a text begins with a scalar, without regard to case.
fn begins(text: &str, scalar: &Scalar) -> bool {
    let Scalar::String(start) = scalar else { return false };
    text.get(..start.len()).is_some_and(|part| part.eq_ignore_ascii_case(start))
}

fn compare(comparison: &Comparison, value: &Value) -> bool {
    let is = |scalar: &Scalar| equals(scalar, value);
    let number = |test: &dyn Fn(f64) -> bool| value.as_number().is_some_and(test);
    if let Some(scalars) = comparison.one_of.as_ref().and_then(Operand::value) {
        scalars.iter().any(is)
    } else if let Some(scalars) = comparison.none_of.as_ref().and_then(Operand::value) {
        !matches!(value.kind, ValueKind::Object(_)) && !scalars.iter().any(is)
    } else if let Some(starts) = comparison.starts_with.as_ref().and_then(Operand::value) {
        value.as_str().is_some_and(|text| starts.iter().any(|start| begins(text, start)))
    } else if let Some(bound) = comparison.less_than.as_ref().and_then(Operand::value) {
        number(&|number| number < *bound)
    } else if let Some(bound) = comparison.greater_than.as_ref().and_then(Operand::value) {
        number(&|number| number > *bound)
    } else if let Some(pattern) = &comparison.matches {
        value.as_str().is_some_and(|text| matches(pattern, text))
    } else {
        false
    }
}

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Option<Regex>>> = RefCell::new(HashMap::new());
}

/// Whether a pattern of a rule is found in a text.
fn matches(pattern: &str, text: &str) -> bool {
    found(pattern, text).is_some()
}

/// Where a pattern of a rule is found first in a text. Patterns are compiled once a thread.
fn found(pattern: &str, text: &str) -> Option<Range<usize>> {
    PATTERNS.with_borrow_mut(|patterns| {
        if !patterns.contains_key(pattern) {
            patterns.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        patterns.get(pattern)?.as_ref()?.find(text).map(|found| found.range())
    })
}
