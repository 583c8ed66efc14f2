//! What differs between two states of one body.

use super::formats::filled_in;
use super::half::Half;
use super::names::is_about;
use crate::tables::Tables;
use countersign_infra::terraform::{Definition, Item, Names, same};
use countersign_infra::{Body, Field, Format, Value, ValueKind, document};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Settings of Terraform itself, which the provider does not see.
pub(super) const OF_TERRAFORM: &[&str] =
    &["count", "for_each", "lifecycle", "depends_on", "provider", "provisioner", "connection", "timeouts"];

/// What CloudFormation itself looks at.
const OF_CLOUDFORMATION: &[&str] =
    &["Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "UpdatePolicy", "UpdateReplacePolicy"];

/// What is the name of an object, or what the cluster says of it.
const OF_KUBERNETES: &[&str] = &["apiVersion", "kind", "status"];

/// Settings of resources of a format that are not attributes of theirs.
fn settings(format: Format) -> &'static [&'static str] {
    match format {
        Format::Terraform => OF_TERRAFORM,
        Format::CloudFormation => OF_CLOUDFORMATION,
        Format::Kubernetes => OF_KUBERNETES,
        Format::Sql | Format::Workflow => &[],
    }
}

/// How much is known of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sure {
    /// The values may be the same for the provider: they are not known, or only their order or their case differs.
    May,
    /// It is written on one side only, so that the other has what the provider makes of it.
    OneSide,
    /// Two known values differ, by the default of a variable that may be given another value.
    ByDefault,
    /// Two known values differ.
    Yes,
}

/// A difference.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    /// Names of blocks and of the attribute, joined by dots.
    pub(super) path: String,
    pub(super) sure: Sure,
    /// A whole block, or something of which it is not known what is in it.
    pub(super) whole: bool,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// Where it stands in the block after, if it does.
    pub(super) range: Option<Range<usize>>,
}

/// Two states of one block, with what is needed to compare them.
pub(super) struct Compared<'a> {
    pub(super) kind: &'a str,
    pub(super) tables: &'a Tables,
    /// Everything that is said under the address, override files last.
    pub(super) before: &'a [Definition],
    pub(super) after: &'a [Definition],
    /// Other names for addresses in both.
    pub(super) names: [Names<'a>; 2],
    /// Names whose values are not what they were.
    pub(super) changed: &'a BTreeSet<String>,
    /// Both modules, which know what rests on defaults.
    pub(super) halves: [&'a Half<'a>; 2],
}

impl Compared<'_> {
    /// Whether both say the same in the same words, and nothing that they mention has changed.
    pub(super) fn is_unchanged(&self) -> bool {
        let reads = |definition: &Definition| !definition.block().files.is_empty() || definition.unit.broken;
        let all = || self.before.iter().chain(self.after);
        if all().any(reads) || all().any(|definition| is_about(&definition.block().mentions, self.changed)) {
            return false;
        }
        let text = |definitions: &[Definition], names: Names<'_>| {
            let mut out = String::new();
            for definition in definitions {
                definition.block().body.write(names, &mut out);
            }
            out
        };
        let is_identical = self.before.len() == self.after.len()
            && self
                .before
                .iter()
                .zip(self.after)
                .all(|(before, after)| before.unit.digest == after.unit.digest && before.index == after.index);
        is_identical || text(self.before, self.names[0]) == text(self.after, self.names[1])
    }

    /// The top-level names of which something may differ, with what both bodies say of them.
    pub(super) fn differences(&self, before: &Body, after: &Body) -> Vec<Difference> {
        let mut found = Vec::new();
        let (before, after) = (&*filled_in(self.kind, before, after), &*filled_in(self.kind, after, before));
        let (of_before, of_after) = (by_name(self.before), by_name(self.after));
        let mut names: BTreeSet<&str> = of_before.keys().chain(of_after.keys()).copied().collect();
        // What a template says of all resources of a kind is not written in the resource.
        let inherits = self.kind.starts_with("AWS::Serverless::");
        if inherits {
            names.extend(before.fields.iter().chain(&after.fields).map(|field| field.name.as_str()));
        }
        let settings = settings(Format::of_kind(self.kind));
        for name in names.into_iter().filter(|name| !settings.contains(name)) {
            let items = [&of_before, &of_after].map(|of| of.get(name).map(Vec::as_slice).unwrap_or_default());
            if !inherits && self.says_the_same(items[0], items[1]) {
                continue;
            }
            let fields = |body: &Body| body.named(name).map(|field| field.value.clone()).collect::<Vec<_>>();
            let range = after.named(name).next().map(|field| field.range.clone());
            let first = found.len();
            self.values(name, &fields(before), &fields(after), range.as_ref(), &mut found);
            if self.rests_on_default(items[0], items[1]) {
                for difference in found.iter_mut().skip(first).filter(|difference| difference.sure == Sure::Yes) {
                    difference.sure = Sure::ByDefault;
                }
            }
        }
        if (before.open || after.open) && !found.is_empty() {
            // What could not be read may be what takes the place of it.
            for difference in found.iter_mut().filter(|difference| difference.sure == Sure::OneSide) {
                difference.sure = Sure::May;
            }
        }
        found
    }

    /// Whether that two values differ rests on the default of a variable: one whose value has changed, or that only one of them
    /// names.
    fn rests_on_default(&self, before: &[&Item], after: &[&Item]) -> bool {
        let soft = |items: &[&Item], soft: &BTreeSet<String>| -> BTreeSet<Arc<str>> {
            let names = items.iter().flat_map(|item| item.mentions());
            names.filter(|name| soft.contains(&**name)).collect()
        };
        let (before, after) = (soft(before, self.halves[0].soft()), soft(after, self.halves[1].soft()));
        before != after || is_about(&before, self.changed)
    }

    fn says_the_same(&self, before: &[&Item], after: &[&Item]) -> bool {
        let text = |items: &[&Item], names: Names<'_>| {
            let mut out = String::new();
            for item in items {
                item.write(names, &mut out);
            }
            out
        };
        let is_touched =
            |items: &[&Item]| items.iter().any(|item| is_about(&item.mentions(), self.changed) || reads_file(item));
        text(before, self.names[0]) == text(after, self.names[1]) && !is_touched(before) && !is_touched(after)
    }

    /// Compares everything that stands under one name.
    fn values(
        &self,
        path: &str,
        before: &[Value],
        after: &[Value],
        range: Option<&Range<usize>>,
        found: &mut Vec<Difference>,
    ) {
        let is_null = |value: &&Value| !matches!(value.kind, ValueKind::Null);
        let mut before: Vec<&Value> = before.iter().filter(is_null).collect();
        let mut after: Vec<&Value> = after.iter().filter(is_null).collect();
        let is_block = |value: &&&Value| matches!(value.kind, ValueKind::Object(_));
        let all_blocks = before.iter().chain(&after).all(|value| is_block(&value));
        if before.len() + after.len() > 2 && all_blocks {
            // Blocks that are repeated: those that are the same on both sides first, wherever they stand.
            before.retain(|value| match after.iter().position(|other| self.is_same(value, other)) {
                Some(at) => {
                    after.remove(at);
                    false
                }
                None => true,
            });
        }
        if before.len() == after.len() {
            for (before, after) in before.iter().zip(&after) {
                self.value(path, before, after, found);
            }
            return;
        }
        let one_side = before.is_empty() != after.is_empty();
        let is_unknown = before.iter().chain(&after).any(|value| value.is_unknown());
        let sure = match (is_unknown, one_side) {
            (true, _) => Sure::May,
            (false, true) => Sure::OneSide,
            (false, false) => Sure::Yes,
        };
        let range = after.first().map(|value| value.range.clone()).or_else(|| range.cloned());
        found.push(Difference {
            path: path.to_owned(),
            sure,
            whole: all_blocks && self.is_written_as_block(path, &before, &after) || is_unknown,
            before: before.first().map(|value| (*value).clone()),
            after: after.first().map(|value| (*value).clone()),
            range,
        });
    }

    fn is_written_as_block(&self, path: &str, before: &[&Value], after: &[&Value]) -> bool {
        let is_block = |value: &&&Value| matches!(&value.kind, ValueKind::Object(body) if body.close.is_some());
        self.tables.goes_into(self.kind, path) || before.iter().chain(after).any(|value| is_block(&value))
    }

    fn value(&self, path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
        if self.is_same(before, after) {
            return;
        }
        let mut push = |sure| {
            found.push(Difference {
                path: path.to_owned(),
                sure,
                whole: before.is_unknown() || after.is_unknown(),
                before: Some(before.clone()),
                after: Some(after.clone()),
                range: Some(after.range.clone()),
            });
        };
        match (&before.kind, &after.kind) {
            (ValueKind::Object(left), ValueKind::Object(right))
                if self.is_written_as_block(path, &[before], &[after]) =>
            {
                let names: BTreeSet<&str> =
                    left.fields.iter().chain(&right.fields).map(|field| field.name.as_str()).collect();
                for name in names {
                    let values = |body: &Body| body.named(name).map(|field| field.value.clone()).collect::<Vec<_>>();
                    let range = right.named(name).next().map(|field: &Field| field.range.clone());
                    let range = range.or_else(|| Some(right.anchor.clone()));
                    self.values(&format!("{path}.{name}"), &values(left), &values(right), range.as_ref(), found);
                }
            }
            (ValueKind::List(left), ValueKind::List(right))
                if self.tables.goes_into(self.kind, path)
                    && left.iter().chain(right).all(|value| matches!(value.kind, ValueKind::Object(_))) =>
            {
                self.values(path, left, right, Some(&after.range), found);
            }
            _ => match same(before, after) {
                Some(true) => {}
                Some(false) if is_spelling(before, after) || has_unknown_element(before, after) => push(Sure::May),
                Some(false) => push(Sure::Yes),
                None => push(Sure::May),
            },
        }
    }

    /// Whether two values are the same: known to be so, or not known and written in the same words of which none has changed.
    fn is_same(&self, before: &Value, after: &Value) -> bool {
        if same(before, after) == Some(true) || is_same_document(before, after) {
            return true;
        }
        match (&before.kind, &after.kind) {
            (ValueKind::Object(left), ValueKind::Object(right)) => {
                left.open == right.open
                    && left.fields.len() == right.fields.len()
                    && left
                        .fields
                        .iter()
                        .zip(&right.fields)
                        .all(|(left, right)| left.name == right.name && self.is_same(&left.value, &right.value))
            }
            (ValueKind::List(left), ValueKind::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| self.is_same(left, right))
            }
            (ValueKind::Unknown { .. }, ValueKind::Unknown { .. }) => self.is_same_expression(before, after),
            _ => false,
        }
    }

    fn is_same_expression(&self, before: &Value, after: &Value) -> bool {
        // With override files it is not known in which of them a place is.
        let expr = |definitions: &[Definition], value: &Value| match definitions {
            [definition] => definition.block().body.at(&value.range).cloned(),
            _ => None,
        };
        let (Some(before), Some(after)) = (expr(self.before, before), expr(self.after, after)) else { return false };
        let (mut left, mut right) = (String::new(), String::new());
        before.write(self.names[0], &mut left);
        after.write(self.names[1], &mut right);
        left == right && !is_about(&before.mentions(), self.changed) && !is_about(&after.mentions(), self.changed)
    }
}

fn by_name(definitions: &[Definition]) -> BTreeMap<&str, Vec<&Item>> {
    let mut by_name: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in definitions.iter().flat_map(|definition| &definition.block().body.entries) {
        by_name.entry(&item.name).or_default().push(item);
    }
    by_name
}

/// Whether what an item says depends on the text of a file.
fn reads_file(item: &Item) -> bool {
    let mut text = String::new();
    item.write(&|_| None, &mut text);
    text.contains("file(")
}

/// Whether two values are JSON that says the same.
fn is_same_document(before: &Value, after: &Value) -> bool {
    let (Some(before), Some(after)) = (document(before, ""), document(after, "")) else { return false };
    same(&before, &after) == Some(true)
}

/// Whether two lists may hold the same: some elements are not known, and each of those may be several or one that is there.
fn has_unknown_element(before: &Value, after: &Value) -> bool {
    match (&before.kind, &after.kind) {
        (ValueKind::List(left), ValueKind::List(right)) => left.iter().chain(right).any(Value::is_unknown),
        _ => false,
    }
}

/// Whether two values differ in nothing but the order of their elements, case or white space, which some providers take for
/// the same.
fn is_spelling(before: &Value, after: &Value) -> bool {
    match (&before.kind, &after.kind) {
        (ValueKind::List(left), ValueKind::List(right)) => {
            let mut rest: Vec<&Value> = right.iter().collect();
            left.len() == right.len()
                && left.iter().all(|value| match rest.iter().position(|other| same(value, other) == Some(true)) {
                    Some(at) => {
                        rest.remove(at);
                        true
                    }
                    None => false,
                })
        }
        _ => match (before.as_str(), after.as_str()) {
            (Some(left), Some(right)) => {
                let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
                plain(left) == plain(right)
            }
            _ => false,
        },
    }
}
