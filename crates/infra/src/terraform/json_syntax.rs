//! `.tf.json`: Terraform's configuration as JSON. Strings are templates; what is a block is told by its name and place.
//!
//! Source: the page "JSON Configuration Syntax" of the Terraform language.

use super::lower::{finished, names, nested_block, number, template_in, template_of, text_of, type_of};
use super::syntax::{Block, Content, Element, Expr, ExprKind, Item, Items, Part, Template};
use crate::json::POLICY_JSON;
use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::ops::Range;

/// The blocks of a file. `values` says that it is a file of variables' values.
pub(super) fn blocks(source: &str, values: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    let parsed = parse_to_ast(source, &CollectOptions::default(), &POLICY_JSON).ok().and_then(|parsed| parsed.value);
    let Some(Value::Object(root)) = parsed else { return blocks };
    let reader = Reader { source, templates: true };
    for property in &root.properties {
        let name = property.name.as_str();
        match (name, values) {
            (_, true) => blocks.push(reader.value(name, "value", property)),
            ("locals", _) => {
                for object in objects(&property.value) {
                    for local in &object.properties {
                        blocks.push(reader.value(&format!("local.{}", local.name.as_str()), "local", local));
                    }
                }
            }
            ("resource" | "data" | "ephemeral", _) => reader.labelled(name, &property.value, 2, &[], &mut blocks),
            ("variable" | "output" | "module" | "provider" | "check", _) => {
                reader.labelled(name, &property.value, 1, &[], &mut blocks);
            }
            ("terraform", _) => {
                for object in objects(&property.value) {
                    for inner in object.properties.iter().filter(|inner| inner.name.as_str() == "backend") {
                        reader.labelled("backend", &inner.value, 1, &[], &mut blocks);
                    }
                }
                reader.labelled(name, &property.value, 0, &[], &mut blocks);
            }
            ("moved" | "removed" | "import", _) => reader.labelled(name, &property.value, 0, &[], &mut blocks),
            _ => {}
        }
    }
    blocks.sort_by_key(|block| block.range.start());
    blocks
}

/// What a document says, with strings as they are; `None` where it is no JSON.
pub(crate) fn document(source: &str) -> Option<Expr> {
    let options = ParseOptions { allow_comments: true, ..POLICY_JSON };
    let value = parse_to_ast(source, &CollectOptions::default(), &options).ok()?.value?;
    Some(Reader { source, templates: false }.expr(&value))
}

/// Why a file says nothing that can be read, where that is so.
pub(super) fn failure(source: &str) -> Option<&'static str> {
    match parse_to_ast(source, &CollectOptions::default(), &POLICY_JSON).map(|parsed| parsed.value) {
        Ok(Some(Value::Object(_)) | None) => None,
        Ok(Some(_)) => Some("it holds no JSON object"),
        Err(_) => Some("it is no JSON"),
    }
}

struct Reader<'a> {
    source: &'a str,
    /// Whether strings are templates of Terraform.
    templates: bool,
}

impl Reader<'_> {
    /// Blocks with so many labels still to come, each a level of objects.
    fn labelled(
        &self,
        name: &str,
        value: &Value<'_>,
        left: usize,
        labels: &[(String, Range<usize>)],
        blocks: &mut Vec<Block>,
    ) {
        for object in objects(value) {
            if left > 0 {
                for property in &object.properties {
                    let label = (property.name.as_str().to_owned(), range(&property.name));
                    self.labelled(name, &property.value, left - 1, &[labels, &[label]].concat(), blocks);
                }
                continue;
            }
            let words: Vec<String> = labels.iter().map(|(label, _)| label.clone()).collect();
            let mut items = self.items(object);
            if name == "variable" {
                for item in items.entries.iter_mut().filter(|item| &*item.name == "type") {
                    let Content::Attribute(expr) = &mut item.content else { continue };
                    if let Some(kind) = text_of(expr).and_then(|text| type_of(text, &expr.range.range())) {
                        *expr = kind;
                    }
                }
            }
            if let Some((_, last)) = labels.last() {
                items.anchor = last.clone().into();
            }
            let (kind, address) = match (name, words.first()) {
                ("backend", Some(backend)) => (format!("backend.{backend}"), format!("backend.{backend}")),
                _ => names(name, &words),
            };
            let start = labels.last().map_or(object.start(), |(_, last)| last.start);
            blocks.push(finished(&kind, &address, start..object.end(), items));
        }
    }

    fn value(&self, address: &str, kind: &str, property: &ObjectProp<'_>) -> Block {
        let content = Content::Attribute(self.expr(&property.value));
        let item = Item { name: property.name.as_str().into(), range: range(property).into(), content };
        let items = Items { entries: vec![item], anchor: range(&property.name).into(), ..Items::default() };
        finished(kind, address, range(property), items)
    }

    /// What an object says as the body of a block. An object, or a list of them, may be a nested block or a value; both are
    /// looked at in the same way later, so an object is read as a block and a list of objects as several.
    fn items(&self, object: &Object<'_>) -> Items {
        let mut items = Items { anchor: (object.start()..object.start() + 1).into(), ..Items::default() };
        for property in &object.properties {
            let name = property.name.as_str();
            let at = range(property);
            match &property.value {
                _ if name == "//" => {}
                Value::Object(dynamic) if name == "dynamic" => {
                    for inner in &dynamic.properties {
                        for object in objects(&inner.value) {
                            let labels = [inner.name.as_str().to_owned()];
                            items.entries.push(nested_block("dynamic", &labels, self.items(object), range(inner)));
                        }
                    }
                }
                Value::Array(array)
                    if !array.elements.is_empty() && array.elements.iter().all(|e| matches!(e, Value::Object(_))) =>
                {
                    for object in objects(&property.value) {
                        let content = Content::Block(Box::new(self.items(object)));
                        items.entries.push(Item { name: name.into(), range: range(object).into(), content });
                    }
                }
                Value::Object(object) if name == "content" || name == "lifecycle" => {
                    let content = Content::Block(Box::new(self.items(object)));
                    items.entries.push(Item { name: name.into(), range: at.into(), content });
                }
                value => items.entries.push(Item {
                    name: name.into(),
                    range: at.into(),
                    content: Content::Attribute(self.expr(value)),
                }),
            }
        }
        items
    }

    fn expr(&self, value: &Value<'_>) -> Expr {
        let at = match value {
            Value::StringLit(literal) => literal.start()..literal.end(),
            other => other.start()..other.end(),
        };
        let kind = match value {
            Value::NullKeyword(_) => ExprKind::Null,
            Value::BooleanLit(literal) => ExprKind::Bool(literal.value),
            Value::NumberLit(literal) => number(literal.value),
            Value::Array(array) => ExprKind::List(array.elements.iter().map(|element| self.expr(element)).collect()),
            Value::Object(object) => {
                let element = |property: &ObjectProp<'_>| Element {
                    range: range(property).into(),
                    key: literal(property.name.as_str(), range(&property.name)),
                    value: self.expr(&property.value),
                };
                ExprKind::Object { elements: object.properties.iter().map(element).collect(), open: false }
            }
            Value::StringLit(text) => {
                let inside = at.start + 1..at.end.saturating_sub(1).max(at.start + 1);
                let written = self.source.get(inside.clone()).unwrap_or_default();
                let is_template = self.templates && (text.value.contains("${") || text.value.contains("%{"));
                return if is_template && written == text.value && (written.contains("${") || written.contains("%{")) {
                    Expr { range: at.into(), ..template_in(written, inside.start) }
                } else if is_template {
                    template_of(&text.value, &at)
                } else {
                    let verbatim = written == text.value;
                    let part = Part::Text { text: (*text.value).into(), verbatim };
                    let template = Template { parts: [part].into(), content: inside.into(), heredoc: false };
                    Expr { range: at.into(), kind: ExprKind::Template(template) }
                };
            }
        };
        Expr { range: at.into(), kind }
    }
}

fn literal(text: &str, range: Range<usize>) -> Expr {
    let part = Part::Text { text: text.into(), verbatim: false };
    let template = Template { parts: [part].into(), content: range.clone().into(), heredoc: false };
    Expr { range: range.into(), kind: ExprKind::Template(template) }
}

fn range(node: &impl Ranged) -> Range<usize> {
    node.start()..node.end()
}

/// An object, or the objects of a list.
fn objects<'v, 's>(value: &'v Value<'s>) -> Vec<&'v Object<'s>> {
    match value {
        Value::Object(object) => vec![object],
        Value::Array(array) => array
            .elements
            .iter()
            .filter_map(|element| match element {
                Value::Object(object) => Some(object),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
