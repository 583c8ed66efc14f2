//! HCL as JSON, as it is for who knows nothing of Terraform: what Conftest hands to its policies.
//!
//! Blocks are objects below their labels, each in a list (`resource.aws_s3_bucket.logs[0]`); literals, lists and objects are
//! what they are; every other expression is its own text in `${…}`. Source: `convert/convert.go` of hcl2json 0.6, which
//! Conftest uses for `.tf`, `.tfvars` and `.hcl`.

use super::lower::{children, expression, kind};
use super::syntax::{Element, Expr, ExprKind, Operator, Part, Template};
use serde_json::{Map, Number, Value};
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// A block or an attribute at the top of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    /// Its type and labels: `resource`, `aws_s3_bucket`, `logs`; the name of an attribute.
    pub path: Vec<String>,
    /// What a block holds, or an attribute's value.
    pub value: Value,
    /// Whether it is a block, which stands in a list, for there may be more with the same labels.
    pub is_block: bool,
    /// Where it stands, in bytes from the start of the unit.
    pub range: Range<usize>,
}

/// Two of a file that cannot be in one document: an attribute and a block of one name, or blocks with and without labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// What both are called.
    pub name: String,
}

/// What stands at the top of a unit, in order of the text. The tree must have no errors.
pub fn plain(source: &str, tree: &Tree) -> Result<Vec<Plain>, Clash> {
    let mut found = Vec::new();
    for body in children(tree.root_node()).filter(|node| kind(node) == "body") {
        for node in children(body) {
            let (path, value, is_block) = match kind(&node) {
                "block" => {
                    let (path, inside) = block(source, node)?;
                    (path, Value::Object(inside), true)
                }
                "attribute" => match attribute(source, node) {
                    Some((name, value)) => (vec![name], value, false),
                    None => continue,
                },
                _ => continue,
            };
            found.push(Plain { path, value, is_block, range: node.byte_range() });
        }
    }
    Ok(found)
}

/// Puts them into one document.
pub fn join<'a>(all: impl IntoIterator<Item = &'a Plain>) -> Result<Map<String, Value>, Clash> {
    let mut document = Map::new();
    for Plain { path, value, is_block, .. } in all {
        put(&mut document, path, value.clone(), *is_block)?;
    }
    Ok(document)
}

fn put(into: &mut Map<String, Value>, path: &[String], value: Value, is_block: bool) -> Result<(), Clash> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    let clash = || Clash { name: first.clone() };
    if !rest.is_empty() {
        let inner = into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
        return put(inner.as_object_mut().ok_or_else(clash)?, rest, value, is_block);
    }
    if !is_block {
        return match into.insert(first.clone(), value) {
            None => Ok(()),
            Some(_) => Err(clash()),
        };
    }
    let list = into.entry(first.clone()).or_insert_with(|| Value::Array(Vec::new()));
    // A list that an attribute gives is none of blocks, but nothing tells them apart; Terraform refuses both together.
    list.as_array_mut().ok_or_else(clash)?.push(value);
    Ok(())
}

/// A block's type and labels, and what it holds.
fn block(source: &str, node: Node<'_>) -> Result<(Vec<String>, Map<String, Value>), Clash> {
    let (mut path, mut inside) = (Vec::new(), Map::new());
    for child in children(node) {
        match kind(&child) {
            "identifier" => path.push(text(source, child.byte_range()).to_owned()),
            "string_lit" => path.push(text(source, child.byte_range()).trim_matches('"').to_owned()),
            "body" => {
                for item in children(child) {
                    match kind(&item) {
                        "attribute" => {
                            if let Some((name, value)) = attribute(source, item) {
                                put(&mut inside, &[name], value, false)?;
                            }
                        }
                        "block" => {
                            let (path, value) = block(source, item)?;
                            put(&mut inside, &path, Value::Object(value), true)?;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok((path, inside))
}

fn attribute(source: &str, node: Node<'_>) -> Option<(String, Value)> {
    let mut nodes = children(node);
    let name = nodes.find(|child| kind(child) == "identifier")?;
    let written = nodes.find(|child| kind(child) == "expression")?;
    Some((text(source, name.byte_range()).to_owned(), value(source, &expression(source, written))))
}

/// What an expression is by itself; what would have to be worked out is its text.
fn value(source: &str, expr: &Expr) -> Value {
    let written = text(source, expr.range.range());
    let as_written = || Value::String(format!("${{{written}}}"));
    if written.starts_with('(') {
        return as_written();
    }
    match &expr.kind {
        ExprKind::Null => Value::Null,
        ExprKind::Bool(bool) => Value::Bool(*bool),
        ExprKind::Number(value) => number(*value).unwrap_or_else(as_written),
        ExprKind::Unary(Operator::Subtract, operand) => match operand.kind {
            ExprKind::Number(value) => number(-value).unwrap_or_else(as_written),
            _ => as_written(),
        },
        ExprKind::Unary(Operator::Not, operand) => match operand.kind {
            ExprKind::Bool(bool) => Value::Bool(!bool),
            _ => as_written(),
        },
        ExprKind::Template(template) => match &*template.parts {
            [Part::Interpolation(inner)] if !template.heredoc => value(source, inner),
            _ => Value::String(characters(source, template)),
        },
        ExprKind::List(values) => values.iter().map(|element| value(source, element)).collect(),
        ExprKind::Object { elements, open: false } => {
            let entry = |Element { key, value: of, .. }: &Element| (name(source, key), value(source, of));
            Value::Object(elements.iter().map(entry).collect())
        }
        _ => as_written(),
    }
}

/// A whole number as one, so that it is not written `80.0`.
fn number(value: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and no larger than what both hold exactly")]
        return Some(Value::Number(Number::from(value as i64)));
    }
    Number::from_f64(value).map(Value::Number)
}

/// A string with its interpolations as they are written. Characters that look like one are doubled, as in the text.
fn characters(source: &str, template: &Template) -> String {
    let mut all = String::new();
    for part in &template.parts {
        match part {
            Part::Text { text, .. } => all.push_str(&text.replace("${", "$${").replace("%{", "%%{")),
            Part::Interpolation(inner) => all.push_str(&inserted(source, inner)),
            // A directive is not taken apart: then the whole is as it is written.
            Part::If(_) | Part::Unknown => return text(source, template.content.range()).to_owned(),
        }
    }
    all
}

/// An expression inside of a string.
fn inserted(source: &str, expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) => text(source, expr.range.range()).to_owned(),
        ExprKind::Template(template) => characters(source, template),
        _ => format!("${{{}}}", text(source, expr.range.range())),
    }
}

/// The key of an object's entry.
fn name(source: &str, key: &Expr) -> String {
    match &key.kind {
        ExprKind::Traversal(..) if !text(source, key.range.range()).starts_with('(') => {
            text(source, key.range.range()).to_owned()
        }
        _ => inserted(source, key),
    }
}

fn text(source: &str, range: Range<usize>) -> &str {
    source.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terraform::parse_fragment;
    use serde_json::json;

    fn read(source: &str) -> Value {
        let tree = parse_fragment(source).expect("a tree");
        assert!(!tree.root_node().has_error(), "{source}");
        Value::Object(join(&plain(source, &tree).expect("no clash")).expect("no clash"))
    }

    /// The example of Conftest's own test of its parser, save for directives in heredocs that are not indented.
    #[test]
    fn as_conftest_has_it() {
        let source = r#"
resource "aws_elastic_beanstalk_environment" "example" {
  name        = "test_environment"
  application = "testing"

  setting {
    namespace = "aws:autoscaling:asg"
    name      = "MinSize"
    value     = "1"
  }

  dynamic "setting" {
    for_each = data.consul_key_prefix.environment.var
    content {
      heredoc = <<-EOF
        This is a heredoc template.
        It references ${local.other.3}
        EOF
      simple = "${4 - 2}"
      cond = test3 > 2 ? 1: 0
      loop = "This has a for loop: %{for x in local.arr}x,%{endfor}"
      namespace = "aws:elasticbeanstalk:application:environment"
      name      = setting.key
      value     = setting.value
    }
  }
}"#;
        let expected = json!({"resource": {"aws_elastic_beanstalk_environment": {"example": [{
            "name": "test_environment",
            "application": "testing",
            "setting": [{"name": "MinSize", "namespace": "aws:autoscaling:asg", "value": "1"}],
            "dynamic": {"setting": [{
                "for_each": "${data.consul_key_prefix.environment.var}",
                "content": [{
                    "cond": "${test3 > 2 ? 1: 0}",
                    "heredoc": "This is a heredoc template.\nIt references ${local.other.3}\n",
                    "loop": "This has a for loop: %{for x in local.arr}x,%{endfor}",
                    "name": "${setting.key}",
                    "namespace": "aws:elasticbeanstalk:application:environment",
                    "simple": "${4 - 2}",
                    "value": "${setting.value}",
                }],
            }]},
        }]}}});
        assert_eq!(read(source), expected);
    }

    #[test]
    fn blocks_of_one_name_stand_in_one_list() {
        let source = "provider \"aws\" {\n  alias = \"one\"\n}\nprovider \"aws\" {\n  alias = \"two\"\n}\nlocals {\n  a = 1\n}\nlocals {\n  b = 2\n}\n";
        let expected = json!({
            "provider": {"aws": [{"alias": "one"}, {"alias": "two"}]},
            "locals": [{"a": 1}, {"b": 2}],
        });
        assert_eq!(read(source), expected);
    }

    #[test]
    fn literals_are_what_they_are_and_the_rest_is_its_text() {
        let cases = [
            ("true", json!(true)),
            ("null", json!(null)),
            ("80", json!(80)),
            ("-1", json!(-1)),
            ("1.5", json!(1.5)),
            ("\"a\\nb\"", json!("a\nb")),
            ("\"$${a}\"", json!("$${a}")),
            ("\"${true}\"", json!(true)),
            ("\"a-${var.b}-${1}\"", json!("a-${var.b}-1")),
            ("var.a", json!("${var.a}")),
            ("(1)", json!("${(1)}")),
            ("!var.a", json!("${!var.a}")),
            ("a ? 1 : 2", json!("${a ? 1 : 2}")),
            ("[1, var.a, [\"x\"]]", json!([1, "${var.a}", ["x"]])),
            ("{ a = 1, \"b\" = var.c, (var.d) = 2 }", json!({"a": 1, "b": "${var.c}", "${(var.d)}": 2})),
            ("jsonencode({ a = 1 })", json!("${jsonencode({ a = 1 })}")),
            ("[for x in y : x]", json!("${[for x in y : x]}")),
        ];
        for (written, expected) in cases {
            assert_eq!(read(&format!("x = {written}\n"))["x"], expected, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_one_document_is_said() {
        let source = "a = 1\na \"b\" {\n}\n";
        let tree = parse_fragment(source).expect("a tree");
        let found = plain(source, &tree).expect("each by itself");
        assert_eq!(join(&found), Err(Clash { name: "a".to_owned() }));
    }
}
