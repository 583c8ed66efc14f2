//! Names: what other blocks and local values say, and how a value gets from there to here.

use super::expressions::string;
use super::{
    ABSENT, Bound, MAX_CHAIN, MAX_KNOWN, MAX_VALUE_DEPTH, Scope, TOO_MANY_STEPS, Worked, unknown, unknown_kind,
};
use crate::json::document;
use crate::model::{Body, Field, Value, ValueKind, Via, ViaSource};
use crate::terraform::entries::Definition;
use crate::terraform::lower::address_of;
use crate::terraform::policy_document;
use crate::terraform::syntax::{Expr, ExprKind, Step};
use crate::terraform::workspace::What;
use std::ops::Range;
use std::sync::Arc;

impl Scope<'_> {
    pub(super) fn traversal(
        &self,
        root: &Expr,
        steps: &[Step],
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Value {
        let ExprKind::Variable(name) = &root.kind else {
            return self.walk(&self.eval(root, bound), steps, range, bound);
        };
        if let Some(value) = Bound::find(bound, name) {
            let found = self.walk(value, steps, range, bound);
            return self.here(found, range);
        }
        let Some((address, used)) = address_of(root, steps) else { return unknown(range, name) };
        let rest = &steps[used..];
        match &**name {
            "var" | "local" => {
                let worked = self.named(&address);
                let found = self.walk(worked.value(), rest, range, bound);
                self.here(found, range)
            }
            "path" => {
                let folder = match steps {
                    [Step::Attribute(which)] if &**which == "module" => &self.module,
                    [Step::Attribute(which)] if &**which == "root" => self.callers.first().unwrap_or(&self.module),
                    _ => return unknown(range, "path"),
                };
                Value::new(range.clone(), ValueKind::String { text: folder.to_string(), verbatim: None })
            }
            "module" => self.output(&address, rest, range, bound),
            "each" | "count" | "terraform" | "self" | "ephemeral" => unknown(range, &written(name, steps)),
            _ => self.attribute(&address, rest, range, bound, &written(name, steps)),
        }
    }

    /// A value that was found elsewhere stands where it is used.
    pub(super) fn here(&self, mut value: Value, range: &Range<usize>) -> Value {
        if (value.via.is_some() || value.is_unknown()) && value.range != *range {
            relocate(&mut value, range);
            self.evaluation.step(width(&value));
        }
        value
    }

    pub(super) fn walk(&self, value: &Value, steps: &[Step], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let Some((step, rest)) = steps.split_first() else { return value.clone() };
        if value.is_unknown() {
            let needs = value.needs().unwrap_or("a value that cannot be read");
            return Value { range: range.clone(), kind: unknown_kind(needs), via: value.via.clone() };
        }
        let absent = || unknown(range, ABSENT);
        match step {
            Step::Attribute(name) => match &value.kind {
                ValueKind::Object(body) => match body.fields.iter().rev().find(|field| *field.name == **name) {
                    Some(field) => self.walk(&field.value, rest, range, bound),
                    None if body.open => unknown(range, name),
                    None => absent(),
                },
                _ => absent(),
            },
            Step::Index(index) => {
                let index = self.eval(index, bound);
                if index.is_unknown() {
                    return unknown(range, index.needs().unwrap_or("an index"));
                }
                match &value.kind {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
                    ValueKind::List(values) => match index.as_number().filter(|at| *at >= 0.0 && at.fract() == 0.0) {
                        Some(at) => values.get(at as usize).map_or_else(absent, |v| self.walk(v, rest, range, bound)),
                        None => absent(),
                    },
                    ValueKind::Object(body) => {
                        let name = string(&index).unwrap_or_default();
                        match body.fields.iter().rev().find(|field| field.name == name) {
                            Some(field) => self.walk(&field.value, rest, range, bound),
                            None if body.open => unknown(range, &name),
                            None => absent(),
                        }
                    }
                    _ => absent(),
                }
            }
            Step::Splat | Step::AttributeSplat => {
                // After `.*`, an index counts in the list of what was found.
                let own = match step {
                    Step::AttributeSplat => rest.iter().take_while(|step| matches!(step, Step::Attribute(_))).count(),
                    _ => rest.len(),
                };
                let (rest, behind) = rest.split_at(own);
                let mut is_absent = false;
                let mut each = |values: &[Value]| {
                    let found: Vec<_> = values.iter().map(|value| self.walk(value, rest, range, bound)).collect();
                    is_absent = found.iter().any(|value| value.needs() == Some(ABSENT));
                    ValueKind::List(found)
                };
                let kind = match &value.kind {
                    ValueKind::List(values) => each(values),
                    ValueKind::Null => ValueKind::List(Vec::new()),
                    _ => each(std::slice::from_ref(value)),
                };
                if is_absent {
                    return absent();
                }
                let all = Value { range: range.clone(), kind, via: value.via.clone() };
                self.walk(&all, behind, range, bound)
            }
        }
    }

    /// The value of `var.x` or `local.x`, worked out once.
    pub(in crate::terraform) fn named(&self, address: &Arc<str>) -> Arc<Worked<Value>> {
        if let Some(worked) = self.known.borrow().get(address) {
            self.evaluation.depends(worked);
            return Arc::clone(worked);
        }
        let work = || match address.strip_prefix("var.") {
            Some(name) => self.variable(name, address),
            None => self.local(address),
        };
        let evaluation = self.evaluation;
        let worked = if self.arguments.is_some() {
            Arc::new(evaluation.tracked(|| self.guarded(address, work)))
        } else {
            let key = (Arc::clone(&self.module), Arc::clone(address));
            let kept = evaluation.workspace.known().get(&key).cloned();
            if let Some(worked) = kept.filter(|worked| evaluation.holds(worked)) {
                evaluation.depends(&worked);
                worked
            } else {
                let worked = evaluation.tracked(|| self.guarded(address, || evaluation.with_own_steps(work)));
                let worked = Arc::new(worked);
                if !worked.relative {
                    let mut known = evaluation.workspace.known();
                    if known.len() >= MAX_KNOWN {
                        known.clear();
                    }
                    known.insert(key, Arc::clone(&worked));
                }
                worked
            }
        };
        self.known.borrow_mut().insert(Arc::clone(address), Arc::clone(&worked));
        worked
    }

    /// Works out what an address stands for, unless that is being done already.
    pub(super) fn guarded(&self, address: &str, work: impl FnOnce() -> Value) -> Value {
        let here = format!("{} {address}", self.module);
        let stack = &self.evaluation.stack;
        let cycle = stack.borrow().iter().position(|above| *above == here);
        if let Some(start) = cycle {
            let names: Vec<_> = stack.borrow()[start..]
                .iter()
                .map(|above| above.rsplit_once(' ').map_or(above.as_str(), |(_, address)| address).to_owned())
                .collect();
            let message =
                format!("`{address}` depends on itself ({} → {address}); Terraform refuses this.", names.join(" → "));
            self.evaluation.refuse(message, names);
            return unknown(&(0..0), &format!("{address}, which depends on itself"));
        }
        if stack.borrow().len() >= MAX_CHAIN {
            self.evaluation.relative.set(true);
            return unknown(&(0..0), &format!("{address}, which is more than {MAX_CHAIN} references away"));
        }
        stack.borrow_mut().push(here);
        let (longest, depth) = self.evaluation.reached.get();
        self.evaluation.reached.set((longest.max(stack.borrow().len()), depth));
        let value = work();
        stack.borrow_mut().pop();
        value
    }

    pub(super) fn local(&self, address: &Arc<str>) -> Value {
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(definition) = blocks.iter().rfind(|block| block.is_override()).or(blocks.first()) else {
            return unknown(&(0..0), &format!("{address}, which is not declared"));
        };
        // Packer has `local "name" { expression = … }` too.
        let body = &definition.block().body;
        let name = address.strip_prefix("local.").unwrap_or(address);
        let Some(expr) = body.attribute(name).or_else(|| body.attribute("expression")) else {
            return unknown(&(0..0), address);
        };
        let value = self.eval(expr, None);
        // Terraform refuses it where it stands: `try` and `can` of what names it do not help.
        if value.needs() == Some(ABSENT) {
            return unknown(&(0..0), &format!("{address}, which asks for {ABSENT}"));
        }
        let value = as_document(value, definition);
        let via = Self::via(address, ViaSource::Local, definition, &value);
        self.moved(&value, &(0..0), &via)
    }

    /// An attribute of another block.
    pub(super) fn attribute(
        &self,
        address: &str,
        steps: &[Step],
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
        written: &str,
    ) -> Value {
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(definition) = blocks.iter().find(|definition| !definition.is_override()) else {
            return unknown(range, written);
        };
        let block = definition.block();
        // An instance: all of them are written in one block.
        let (instance, steps) = match steps.split_first() {
            Some((step @ (Step::Index(_) | Step::Splat | Step::AttributeSplat), rest)) => (Some(step), rest),
            _ => (None, steps),
        };
        let Some((Step::Attribute(name), rest)) = steps.split_first() else { return unknown(range, written) };
        let is_policy = &*block.kind == "data.aws_iam_policy_document" && matches!(&**name, "json" | "minified_json");
        let expands = self.setting(definition, "count").or_else(|| self.setting(definition, "for_each")).is_some();
        if is_policy && (expands || instance.is_none()) && !matches!(instance, Some(Step::Splat | Step::AttributeSplat))
        {
            let value = self.guarded(address, || policy_document::render(self, definition));
            let via = Self::via(address, ViaSource::Attribute, definition, &value);
            return self.moved(&value, range, &via);
        }
        let is_there = match instance {
            Some(Step::Index(index)) if expands => self.is_instance(definition, &self.eval(index, bound)),
            // How many there are is not worked out.
            Some(_) => false,
            None => !expands,
        };
        let Some((expr, from)) = self.setting(definition, name).filter(|_| is_there) else {
            return unknown(range, written);
        };
        let value = self.guarded(&format!("{address}.{name}"), || {
            let value = as_document(self.eval(&expr, None), &from);
            self.walk(&value, rest, range, bound)
        });
        if value.is_unknown() {
            return unknown(range, written);
        }
        let via = Self::via(written, ViaSource::Attribute, &from, &value);
        self.moved(&value, range, &via)
    }

    /// Whether a block is known to have the instance with an index or a key.
    pub(super) fn is_instance(&self, definition: &Definition, index: &Value) -> bool {
        if let Some((count, _)) = self.setting(definition, "count") {
            let count = self.guarded(&format!("{}.count", definition.block().address), || self.eval(&count, None));
            return count
                .as_number()
                .zip(index.as_number())
                .is_some_and(|(count, index)| index >= 0.0 && index < count);
        }
        let Some((over, _)) = self.setting(definition, "for_each") else { return false };
        let over = self.guarded(&format!("{}.for_each", definition.block().address), || self.eval(&over, None));
        let keys = Self::elements(&over).unwrap_or_default();
        keys.iter().any(|(key, _)| key.as_str().is_some() && key.as_str() == index.as_str())
    }

    pub(super) fn via(name: &str, source: ViaSource, definition: &Definition, value: &Value) -> Via {
        Via {
            name: name.into(),
            source,
            file: Arc::clone(&definition.file),
            unit: definition.unit.digest,
            range: value.range.clone(),
            next: None,
        }
    }

    /// A value of another place, used here.
    pub(in crate::terraform) fn moved(&self, value: &Value, range: &Range<usize>, via: &Via) -> Value {
        self.moved_inside(value, range, via, 0)
    }

    pub(super) fn moved_inside(&self, value: &Value, range: &Range<usize>, via: &Via, depth: usize) -> Value {
        if !self.evaluation.step(1) {
            return unknown(range, TOO_MANY_STEPS);
        }
        if depth > MAX_VALUE_DEPTH {
            return unknown(range, "values that are nested too deep");
        }
        let at = Via { range: value.range.clone(), next: value.via.clone(), ..via.clone() };
        let kind = match &value.kind {
            ValueKind::List(values) => {
                ValueKind::List(values.iter().map(|value| self.moved_inside(value, range, via, depth + 1)).collect())
            }
            ValueKind::Object(body) => ValueKind::Object(Body {
                fields: body
                    .fields
                    .iter()
                    .map(|field| Field {
                        name: field.name.clone(),
                        range: range.clone(),
                        value: self.moved_inside(&field.value, range, via, depth + 1),
                    })
                    .collect(),
                anchor: range.clone(),
                close: None,
                open: body.open,
            }),
            ValueKind::String { text, .. } => ValueKind::String { text: text.clone(), verbatim: None },
            ValueKind::Unknown { needs, .. } => ValueKind::Unknown { template: None, needs: needs.clone() },
            ValueKind::Null => ValueKind::Null,
            ValueKind::Bool(bool) => ValueKind::Bool(*bool),
            ValueKind::Number(number) => ValueKind::Number(*number),
        };
        Value { range: range.clone(), kind, via: Some(Arc::new(at)) }
    }
}

/// A heredoc with interpolations that holds a document: the document, as far as it is known.
pub(super) fn as_document(value: Value, definition: &Definition) -> Value {
    if matches!(value.kind, ValueKind::Unknown { template: Some(_), .. })
        && let Some(document) = document(&value, &definition.unit.source).map(std::borrow::Cow::into_owned)
    {
        return document;
    }
    value
}

pub(super) fn relocate(value: &mut Value, range: &Range<usize>) {
    value.range = range.clone();
    match &mut value.kind {
        ValueKind::List(values) => values.iter_mut().for_each(|value| relocate(value, range)),
        ValueKind::Object(body) => {
            body.anchor = range.clone();
            body.close = None;
            for field in &mut body.fields {
                field.range = range.clone();
                relocate(&mut field.value, range);
            }
        }
        ValueKind::String { verbatim, .. } => *verbatim = None,
        ValueKind::Unknown { template, .. } => *template = None,
        _ => {}
    }
}

/// How many values a value is made of.
pub(super) fn width(value: &Value) -> usize {
    match &value.kind {
        ValueKind::List(values) => 1 + values.iter().map(width).sum::<usize>(),
        ValueKind::Object(body) => 1 + body.fields.iter().map(|field| width(&field.value)).sum::<usize>(),
        _ => 1,
    }
}

/// `name.a.b`, for words.
pub(super) fn written(name: &str, steps: &[Step]) -> String {
    let mut written = name.to_owned();
    for step in steps {
        match step {
            Step::Attribute(name) => {
                written.push('.');
                written.push_str(name);
            }
            Step::Index(_) => {}
            Step::Splat | Step::AttributeSplat => written.push_str("[*]"),
        }
    }
    written
}
