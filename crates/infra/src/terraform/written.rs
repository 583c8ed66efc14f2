//! Expressions as they are written: in one spelling, so that two of them can be compared whatever their layout, and as the
//! addresses that `moved`, `ignore_changes` and the like name.

use super::lower::{address_of, mentions_of, mentions_of_items};
use super::syntax::{Content, Expr, ExprKind, Item, Items, Operator, Part, Step};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// Another name for an address, where it has one: `aws_s3_bucket.a`, `aws_s3_bucket.a[0]`, `var.x`.
pub type Names<'n> = &'n dyn Fn(&str) -> Option<String>;

impl Expr {
    /// The address that it names, instances included: `module.a["x"].aws_s3_bucket.b[0]`. A string is taken as it is, because
    /// JSON has addresses in strings. `None` where it is something else or a key is not written as a constant.
    pub fn address(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Variable(name) => Some(name.to_string()),
            ExprKind::Traversal(root, steps) => {
                let mut address = root.address()?;
                for step in steps {
                    match step {
                        Step::Attribute(name) => {
                            address.push('.');
                            address.push_str(name);
                        }
                        Step::Index(index) => address.push_str(&constant(index)?),
                        Step::Splat | Step::AttributeSplat => return None,
                    }
                }
                Some(address)
            }
            ExprKind::Template(_) => super::lower::text_of(self).map(str::to_owned),
            _ => None,
        }
    }

    /// The addresses that it mentions.
    pub fn mentions(&self) -> BTreeSet<Arc<str>> {
        let mut mentions = super::lower::Mentions::default();
        mentions_of(self, &mut mentions);
        mentions.addresses
    }

    /// Writes it in one spelling, with other names for the addresses that have one.
    pub fn write(&self, names: Names<'_>, out: &mut String) {
        match &self.kind {
            ExprKind::Null => out.push_str("null"),
            ExprKind::Bool(bool) => _ = write!(out, "{bool}"),
            ExprKind::Number(number) => _ = write!(out, "{number}"),
            ExprKind::Template(template) => {
                out.push('"');
                parts(&template.parts, names, out);
                out.push('"');
            }
            ExprKind::List(values) => list("[", values, "]", names, out),
            ExprKind::Object { elements, open } => {
                out.push('{');
                for element in elements {
                    element.key.write(names, out);
                    out.push('=');
                    element.value.write(names, out);
                    out.push(',');
                }
                out.push_str(if *open { "…}" } else { "}" });
            }
            ExprKind::Variable(name) => out.push_str(&names(name).unwrap_or_else(|| name.to_string())),
            ExprKind::Traversal(root, path) => traversal(root, path, names, out),
            ExprKind::Call(call) => {
                out.push_str(&call.name);
                list("(", &call.arguments, if call.expand { "...)" } else { ")" }, names, out);
            }
            ExprKind::Conditional(parts) => list("(?", parts.as_slice(), ")", names, out),
            ExprKind::Unary(operator, operand) => {
                _ = write!(out, "({}", sign(*operator));
                operand.write(names, out);
                out.push(')');
            }
            ExprKind::Binary(operator, operands) => {
                list(&format!("({}", sign(*operator)), &**operands, ")", names, out);
            }
            ExprKind::For(parts) => {
                _ = write!(out, "[for {} {}", parts.key_name.as_deref().unwrap_or_default(), parts.value_name);
                out.push_str(if parts.grouped { "... " } else { " " });
                for part in [Some(&parts.collection), parts.key.as_ref(), Some(&parts.value), parts.condition.as_ref()]
                {
                    match part {
                        Some(part) => part.write(names, out),
                        None => out.push('-'),
                    }
                    out.push(':');
                }
                out.push(']');
            }
            // Never the same as another one, not even as itself elsewhere: it has not been read.
            ExprKind::Unreadable => _ = write!(out, "<unreadable {}..{}>", self.range.start(), self.range.end()),
        }
    }

    /// The innermost expression that stands in exactly this place.
    fn at(&self, range: &Range<usize>) -> Option<&Self> {
        if self.range.start() > range.start || self.range.end() < range.end {
            return None;
        }
        let inner = match &self.kind {
            ExprKind::List(values) => values.iter().find_map(|value| value.at(range)),
            ExprKind::Object { elements, .. } => elements.iter().find_map(|element| element.value.at(range)),
            ExprKind::Call(call) => call.arguments.iter().find_map(|argument| argument.at(range)),
            ExprKind::Conditional(parts) => parts.iter().find_map(|part| part.at(range)),
            _ => None,
        };
        inner.or_else(|| (self.range.range() == *range).then_some(self))
    }
}

impl Item {
    /// Writes it in one spelling.
    pub fn write(&self, names: Names<'_>, out: &mut String) {
        match &self.content {
            Content::Attribute(value) => {
                _ = write!(out, "{}=", self.name);
                value.write(names, out);
                out.push('\n');
            }
            Content::Block(items) => {
                _ = writeln!(out, "{}{{", self.name);
                items.write(names, out);
                out.push_str("}\n");
            }
            Content::Dynamic(dynamic) => {
                _ = write!(out, "dynamic {} {} ", self.name, dynamic.iterator);
                if let Some(over) = &dynamic.for_each {
                    over.write(names, out);
                }
                out.push_str("{\n");
                dynamic.content.write(names, out);
                out.push_str("}\n");
            }
        }
    }

    /// The addresses that it mentions.
    pub fn mentions(&self) -> BTreeSet<Arc<str>> {
        let mut mentions = super::lower::Mentions::default();
        mentions_of_items(std::slice::from_ref(self), &mut mentions);
        mentions.addresses
    }
}

impl Items {
    /// Writes everything in it in one spelling, in order of the text.
    pub fn write(&self, names: Names<'_>, out: &mut String) {
        for item in &self.entries {
            item.write(names, out);
        }
        if self.open {
            out.push('…');
        }
    }

    /// The expression that stands in exactly this place.
    pub fn at(&self, range: &Range<usize>) -> Option<&Expr> {
        self.entries.iter().filter(|item| item.range.start() <= range.start && range.end <= item.range.end()).find_map(
            |item| match &item.content {
                Content::Attribute(value) => value.at(range),
                Content::Block(items) => items.at(range),
                Content::Dynamic(dynamic) => {
                    dynamic.for_each.as_ref().and_then(|over| over.at(range)).or_else(|| dynamic.content.at(range))
                }
            },
        )
    }
}

/// `[0]`, `["x"]`.
fn constant(index: &Expr) -> Option<String> {
    match &index.kind {
        ExprKind::Number(number) => Some(format!("[{number}]")),
        ExprKind::Template(_) => super::lower::text_of(index).map(|text| format!("[{text:?}]")),
        _ => None,
    }
}

fn traversal(root: &Expr, path: &[Step], names: Names<'_>, out: &mut String) {
    let mut rest = path;
    match address_of(root, path) {
        Some((address, used)) => {
            rest = path.get(used..).unwrap_or_default();
            let instance = match rest.first() {
                Some(Step::Index(index)) => constant(index).and_then(|key| names(&format!("{address}{key}"))),
                _ => None,
            };
            if let Some(name) = instance {
                rest = rest.get(1..).unwrap_or_default();
                out.push_str(&name);
            } else {
                out.push_str(&names(&address).unwrap_or_else(|| address.to_string()));
            }
        }
        None => root.write(names, out),
    }
    for step in rest {
        match step {
            Step::Attribute(name) => _ = write!(out, ".{name}"),
            Step::Index(index) => list("[", std::slice::from_ref(&**index), "]", names, out),
            Step::Splat => out.push_str("[*]"),
            Step::AttributeSplat => out.push_str(".*"),
        }
    }
}

fn list(open: &str, values: &[Expr], close: &str, names: Names<'_>, out: &mut String) {
    out.push_str(open);
    for value in values {
        value.write(names, out);
        out.push(',');
    }
    out.push_str(close);
}

fn parts(all: &[Part], names: Names<'_>, out: &mut String) {
    for part in all {
        match part {
            Part::Text { text, .. } => _ = write!(out, "{text:?}"),
            Part::Interpolation(expr) => {
                out.push_str("${");
                expr.write(names, out);
                out.push('}');
            }
            Part::If(branches) => {
                out.push_str("%{if ");
                branches.0.write(names, out);
                for branch in [&branches.1, &branches.2] {
                    out.push(':');
                    parts(branch, names, out);
                }
                out.push('}');
            }
            Part::Unknown => out.push_str("<a part that is not understood>"),
        }
    }
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Remainder => "%",
        Operator::Equal => "==",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::And => "&&",
        Operator::Or => "||",
        Operator::Not => "!",
    }
}
