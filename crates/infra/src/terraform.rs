//! Terraform, OpenTofu, Terragrunt and Packer, from the tree of the HCL grammar.
//!
//! Known are literals, templates that hold only literals, lists and objects of them, and `jsonencode` of them. Everything
//! else is unknown.

use crate::model::{Body, Field, Resource, Value, ValueKind};
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// See [`crate::resources`].
pub(crate) fn resources(source: &str, tree: &Tree) -> Vec<Resource> {
    let reader = Reader { source };
    let mut resources = Vec::new();
    // A tree with errors may hold its blocks one level deeper or beside an `ERROR` node.
    let mut bodies = vec![tree.root_node()];
    while let Some(body) = bodies.pop() {
        for node in named_children(body) {
            match node.kind() {
                "body" | "ERROR" => bodies.push(node),
                "block" => reader.top_level_block(node, &mut resources),
                "attribute" => reader.top_level_attribute(node, &mut resources),
                _ => {}
            }
        }
    }
    resources.sort_by_key(|resource| resource.range.start);
    resources
}

struct Reader<'a> {
    source: &'a str,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    fn top_level_block(&self, node: Node<'_>, resources: &mut Vec<Resource>) {
        let Some(block) = self.block(node) else { return };
        let label = |index: usize| block.labels.get(index).map_or("", String::as_str);
        let (kind, address) = match (block.name, block.labels.len()) {
            ("resource", 2) => (label(0).to_owned(), format!("{}.{}", label(0), label(1))),
            ("data" | "ephemeral" | "source", 2) => {
                (format!("{}.{}", block.name, label(0)), format!("{}.{}.{}", block.name, label(0), label(1)))
            }
            ("provider", 1) => (format!("provider.{}", label(0)), format!("provider.{}", label(0))),
            ("variable", 1) => ("variable".to_owned(), format!("var.{}", label(0))),
            (name, _) => (name.to_owned(), [&[name.to_owned()], &block.labels[..]].concat().join(".")),
        };
        match block.name {
            "terraform" => self.backends(node, resources),
            "remote_state" => resources.extend(remote_state(&block.body)),
            _ => {}
        }
        resources.push(Resource { kind, address, range: node.byte_range(), body: block.body });
    }

    /// The `backend "s3" { … }` blocks inside of a `terraform` block.
    fn backends(&self, terraform: Node<'_>, resources: &mut Vec<Resource>) {
        let nested = named_children(terraform).filter(|node| node.kind() == "body").flat_map(named_children);
        for node in nested.filter(|node| node.kind() == "block") {
            if let Some(block) = self.block(node)
                && block.name == "backend"
                && let Some(backend) = block.labels.first()
            {
                let name = format!("backend.{backend}");
                resources.push(Resource {
                    kind: name.clone(),
                    address: name,
                    range: node.byte_range(),
                    body: block.body,
                });
            }
        }
    }

    /// `name = value` outside of any block: a value in a `.tfvars` file, or a setting of Terragrunt.
    fn top_level_attribute(&self, node: Node<'_>, resources: &mut Vec<Resource>) {
        if let Some(field) = self.attribute(node) {
            resources.push(Resource {
                kind: "value".to_owned(),
                address: field.name.clone(),
                range: node.byte_range(),
                body: Body {
                    anchor: field.range.start..field.range.start + field.name.len(),
                    fields: vec![field],
                    ..Body::default()
                },
            });
        }
    }

    fn block(&self, node: Node<'_>) -> Option<Block<'a>> {
        let mut name = None;
        let mut labels = Vec::new();
        let mut anchor = node.start_byte()..node.start_byte();
        let mut body = Body::default();
        for child in named_children(node) {
            match child.kind() {
                "identifier" if name.is_none() => {
                    name = Some(self.text(child));
                    anchor = child.byte_range();
                }
                "identifier" | "string_lit" => {
                    if labels.is_empty() {
                        anchor.start = child.start_byte();
                    }
                    anchor.end = child.end_byte();
                    labels.push(self.text(child).trim_matches('"').to_owned());
                }
                "body" => self.body(child, &mut body),
                "block_end" if !child.is_missing() => body.close = Some(child.start_byte()),
                "ERROR" => body.open = true,
                _ => {}
            }
        }
        body.anchor = anchor;
        Some(Block { name: name?, labels, body })
    }

    fn body(&self, node: Node<'_>, body: &mut Body) {
        for child in named_children(node) {
            match child.kind() {
                "attribute" => body.fields.extend(self.attribute(child)),
                "block" => {
                    let Some(block) = self.block(child) else { continue };
                    let range = child.byte_range();
                    if block.name == "dynamic" {
                        // It makes any number of blocks of this name, with contents that depend on its `for_each`.
                        let name = block.labels.first().cloned().unwrap_or_default();
                        let value = Value { range: range.clone(), kind: ValueKind::UNKNOWN };
                        body.fields.push(Field { name, range, value });
                    } else {
                        let value = Value { range: range.clone(), kind: ValueKind::Object(block.body) };
                        body.fields.push(Field { name: block.name.to_owned(), range, value });
                    }
                }
                // Something is there that could not be read, and it may be any attribute.
                "ERROR" => body.open = true,
                _ => {}
            }
        }
    }

    fn attribute(&self, node: Node<'_>) -> Option<Field> {
        let mut children = named_children(node);
        let name = children.find(|child| child.kind() == "identifier")?;
        let value = children.find(|child| child.kind() == "expression")?;
        Some(Field { name: self.text(name).to_owned(), range: node.byte_range(), value: self.expression(value) })
    }

    fn expression(&self, node: Node<'_>) -> Value {
        let mut children = named_children(node);
        let kind = match (children.next(), children.next()) {
            (Some(only), None) if !node.has_error() => self.term(only),
            _ => ValueKind::UNKNOWN,
        };
        Value { range: node.byte_range(), kind }
    }

    fn term(&self, node: Node<'_>) -> ValueKind {
        match node.kind() {
            // `( … )`
            "expression" => self.expression(node).kind,
            "literal_value" => named_children(node).next().map_or(ValueKind::UNKNOWN, |literal| self.literal(literal)),
            "template_expr" => {
                named_children(node).next().map_or(ValueKind::UNKNOWN, |template| self.template(template))
            }
            "collection_value" => named_children(node).next().map_or(ValueKind::UNKNOWN, |node| self.collection(node)),
            "function_call" => self.function_call(node),
            "operation" => self.negative_number(node),
            _ => ValueKind::UNKNOWN,
        }
    }

    fn literal(&self, node: Node<'_>) -> ValueKind {
        match node.kind() {
            "bool_lit" => ValueKind::Bool(self.text(node) == "true"),
            "null_lit" => ValueKind::Null,
            "numeric_lit" => self.text(node).parse().map_or(ValueKind::UNKNOWN, ValueKind::Number),
            "string_lit" => {
                let content = node.start_byte() + 1..node.end_byte().saturating_sub(1);
                self.source.get(content.clone()).map_or(ValueKind::UNKNOWN, |text| quoted(text, content))
            }
            _ => ValueKind::UNKNOWN,
        }
    }

    fn template(&self, node: Node<'_>) -> ValueKind {
        let literal =
            named_children(node).all(|child| !matches!(child.kind(), "template_interpolation" | "template_directive"));
        match node.kind() {
            "quoted_template" if literal => {
                let content = node.start_byte() + 1..node.end_byte().saturating_sub(1);
                self.source.get(content.clone()).map_or(ValueKind::UNKNOWN, |text| quoted(text, content))
            }
            "heredoc_template" => {
                let mut tags = named_children(node).filter(|child| child.kind() == "heredoc_identifier");
                let (Some(first), Some(last)) = (tags.next(), tags.next_back()) else {
                    return ValueKind::UNKNOWN;
                };
                let first_line =
                    self.source[first.end_byte()..].find('\n').map_or(first.end_byte(), |at| first.end_byte() + at + 1);
                let content = first_line..last.start_byte().max(first_line);
                let text = &self.source[content.clone()];
                if !literal {
                    ValueKind::Unknown { template: Some(content), needs: None }
                } else if text.contains("$${") || text.contains("%%{") {
                    ValueKind::String { text: text.replace("$${", "${").replace("%%{", "%{"), verbatim: None }
                } else {
                    ValueKind::String { text: text.to_owned(), verbatim: Some(content) }
                }
            }
            _ => ValueKind::UNKNOWN,
        }
    }

    fn collection(&self, node: Node<'_>) -> ValueKind {
        match node.kind() {
            "tuple" => ValueKind::List(
                named_children(node)
                    .filter(|child| child.kind() == "expression")
                    .map(|child| self.expression(child))
                    .collect(),
            ),
            "object" => {
                let mut body = Body { anchor: node.start_byte()..node.start_byte() + 1, ..Body::default() };
                for element in named_children(node) {
                    match element.kind() {
                        "object_elem" => match self.object_element(element) {
                            Some(field) => body.fields.push(field),
                            None => body.open = true,
                        },
                        "ERROR" => body.open = true,
                        _ => {}
                    }
                }
                ValueKind::Object(body)
            }
            _ => ValueKind::UNKNOWN,
        }
    }

    fn object_element(&self, node: Node<'_>) -> Option<Field> {
        let key = node.child_by_field_name("key")?;
        let value = self.expression(node.child_by_field_name("val")?);
        let mut parts = named_children(key);
        let name = match (parts.next(), parts.next()) {
            // A bare word is a name, not a reference.
            (Some(word), None) if word.kind() == "variable_expr" => self.text(word).to_owned(),
            _ => self.expression(key).as_str()?.to_owned(),
        };
        Some(Field { name, range: node.byte_range(), value })
    }

    fn function_call(&self, node: Node<'_>) -> ValueKind {
        let mut children = named_children(node);
        let name = children.next().map(|name| self.text(name));
        let arguments: Vec<_> =
            children.filter(|child| child.kind() == "function_arguments").flat_map(named_children).collect();
        match (name, arguments.as_slice()) {
            (Some("jsonencode"), [argument]) if argument.kind() == "expression" => self.expression(*argument).kind,
            _ => ValueKind::UNKNOWN,
        }
    }

    fn negative_number(&self, node: Node<'_>) -> ValueKind {
        let text = self.text(node);
        match text.strip_prefix('-').map(|digits| digits.trim_start().parse::<f64>()) {
            Some(Ok(number)) => ValueKind::Number(-number),
            _ => ValueKind::UNKNOWN,
        }
    }
}

struct Block<'a> {
    name: &'a str,
    labels: Vec<String>,
    body: Body,
}

/// Terragrunt's `remote_state { backend = "s3", config = { … } }` sets up the same backend as Terraform's own block.
fn remote_state(body: &Body) -> Option<Resource> {
    let backend = body.value("backend")?.as_str()?;
    let config = body.fields.iter().find(|field| field.name == "config")?;
    let ValueKind::Object(settings) = &config.value.kind else {
        return None;
    };
    let name = format!("backend.{backend}");
    Some(Resource { kind: name.clone(), address: name, range: config.range.clone(), body: settings.clone() })
}

/// The value of a quoted template without interpolations; `content` is where `text` stands.
fn quoted(text: &str, content: Range<usize>) -> ValueKind {
    if !text.contains(['\\', '$', '%']) {
        return ValueKind::String { text: text.to_owned(), verbatim: Some(content) };
    }
    unescape(text).map_or(ValueKind::UNKNOWN, |text| ValueKind::String { text, verbatim: None })
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            out.push(c);
            out.push('{');
            rest = &rest[3..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = rest.chars().next()?;
        rest = &rest[escape.len_utf8()..];
        let digits = match escape {
            'n' => {
                out.push('\n');
                continue;
            }
            'r' => {
                out.push('\r');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            '"' | '\\' => {
                out.push(escape);
                continue;
            }
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        out.push(char::from_u32(u32::from_str_radix(rest.get(..digits)?, 16).ok()?)?);
        rest = &rest[digits..];
    }
    Some(out)
}

/// Named children without comments. Collected through a cursor: asking a node for its n-th child walks over those before.
fn named_children(node: Node<'_>) -> std::vec::IntoIter<Node<'_>> {
    let mut cursor = node.walk();
    let children: Vec<_> = node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    children.into_iter()
}
