//! `data.aws_iam_policy_document` as the policy that it renders.
//!
//! Source: the data source's page of the AWS provider: statements without `effect` allow; a principal of type `AWS` and
//! `"*"` renders as `{"AWS": "*"}`, one of type `"*"` as `"*"`.

use super::entries::Definition;
use super::evaluate::{Scope, unknown_kind};
use crate::model::{Body, Field, Value, ValueKind};
use std::ops::Range;

impl Scope<'_> {
    /// The policy that an `aws_iam_policy_document` renders, spelled as in JSON.
    pub fn policy_document(&self, definition: &Definition) -> Value {
        render(self, definition)
    }
}

/// The policy: an object with `Statement`, spelled as in JSON. Ranges are those of the data source's unit.
pub(super) fn render(scope: &Scope<'_>, definition: &Definition) -> Value {
    let block = definition.block();
    let mut body = scope.body(&block.body, None);
    scope.override_fields(definition, &mut body, None);
    let mut statements: Vec<Value> = Vec::new();
    let mut open = body.open;
    // Documents that this one is based on come first; those that override come last, by `Sid`.
    for name in ["source_policy_documents", "source_json", "override_policy_documents", "override_json"] {
        for value in body.named(name).map(|field| &field.value) {
            let documents = match &value.kind {
                ValueKind::List(values) => values.as_slice(),
                _ => std::slice::from_ref(value),
            };
            for other in documents {
                match crate::json::document(other, "").map(std::borrow::Cow::into_owned).map(|other| other.kind) {
                    Some(ValueKind::Object(other)) if name.starts_with("source") => {
                        match other.value("Statement").map(|value| &value.kind) {
                            Some(ValueKind::List(values)) => statements.extend(values.iter().cloned()),
                            Some(ValueKind::Object(_)) => statements.extend(other.value("Statement").cloned()),
                            _ => open = true,
                        }
                    }
                    // It has statements, and they are not known.
                    Some(_) | None if name.starts_with("source") => {
                        let needs = other.needs().unwrap_or("the documents that this one is based on");
                        statements.push(Value::new(other.range.clone(), unknown_kind(needs)));
                    }
                    // Which statements it takes the place of is not worked out.
                    _ => {
                        let needs = other.needs().unwrap_or("the documents that override this one");
                        return Value::new(
                            block.range.range(),
                            ValueKind::Unknown { template: None, needs: Some(needs.into()) },
                        );
                    }
                }
            }
        }
    }
    for field in body.named("statement") {
        match &field.value.kind {
            ValueKind::Object(written) => {
                // One of the same name takes the place of what this document is based on.
                let own = written.value("sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
                statements.retain(|other| match &other.kind {
                    ValueKind::Object(other) => own.is_none() || other.value("Sid").and_then(Value::as_str) != own,
                    _ => true,
                });
                statements.push(statement(written, &field.value.range));
            }
            ValueKind::Unknown { .. } => statements.push(field.value.clone()),
            _ => open = true,
        }
    }
    let range = block.range;
    let list = Value::new(range.range(), ValueKind::List(statements));
    let fields = vec![Field { name: "Statement".to_owned(), range: range.range(), value: list }];
    Value::new(range.range(), ValueKind::Object(Body { fields, anchor: body.anchor, close: None, open }))
}

fn statement(written: &Body, range: &Range<usize>) -> Value {
    let mut made = Body { anchor: written.anchor.clone(), open: written.open, ..Body::default() };
    let mut push = |name: &str, range: &Range<usize>, value: Value| {
        made.fields.push(Field { name: name.to_owned(), range: range.clone(), value });
    };
    if written.value("effect").is_none() {
        let allow = ValueKind::String { text: "Allow".to_owned(), verbatim: None };
        push("Effect", range, Value::new(range.clone(), allow));
    }
    for field in &written.fields {
        let name = match field.name.as_str() {
            "sid" => "Sid",
            "effect" => "Effect",
            "actions" => "Action",
            "not_actions" => "NotAction",
            "resources" => "Resource",
            "not_resources" => "NotResource",
            "condition" => "Condition",
            "principals" | "not_principals" => {
                let name = if field.name == "principals" { "Principal" } else { "NotPrincipal" };
                push(name, &field.range, principal(&field.value));
                continue;
            }
            _ => continue,
        };
        push(name, &field.range, field.value.clone());
    }
    Value::new(range.clone(), ValueKind::Object(made))
}

/// `principals { type = "AWS", identifiers = […] }` as `{"AWS": […]}`.
fn principal(value: &Value) -> Value {
    let ValueKind::Object(body) = &value.kind else { return value.clone() };
    let (Some(kind), Some(identifiers)) = (body.value("type"), body.value("identifiers")) else {
        return Value::new(value.range.clone(), ValueKind::UNKNOWN);
    };
    match kind.as_str() {
        Some("*") => identifiers.clone(),
        Some(name) => {
            let field = Field { name: name.to_owned(), range: value.range.clone(), value: identifiers.clone() };
            let body = Body { fields: vec![field], anchor: body.anchor.clone(), ..Body::default() };
            Value::new(value.range.clone(), ValueKind::Object(body))
        }
        None => Value::new(value.range.clone(), ValueKind::UNKNOWN),
    }
}
