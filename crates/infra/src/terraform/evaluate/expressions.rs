//! Expressions.

use super::references::width;
use super::{ABSENT, Bound, MAX_DEPTH, MAX_ELEMENTS, Scope, TOO_MANY_STEPS, unknown, unknown_kind};
use crate::cloudformation::GET_ATT;
use crate::model::{Body, Field, Value, ValueKind};
use crate::terraform::functions;
use crate::terraform::lower::text_of;
use crate::terraform::syntax::{Element, Expr, ExprKind, For, Operator, Part, Template};
use crate::terraform::workspace::{What, normal};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

impl Scope<'_> {
    /// The value of an expression.
    pub(in crate::terraform) fn eval(&self, expr: &Expr, bound: Option<&Bound<'_>>) -> Value {
        if !self.evaluation.step(1) {
            return unknown(&expr.range.range(), TOO_MANY_STEPS);
        }
        let depth = self.evaluation.depth.get();
        if depth >= MAX_DEPTH {
            self.evaluation.relative.set(true);
            return unknown(&expr.range.range(), "expressions that lead to each other too deep");
        }
        self.evaluation.depth.set(depth + 1);
        let (stack, deepest) = self.evaluation.reached.get();
        self.evaluation.reached.set((stack, deepest.max(depth + 1)));
        let value = self.eval_inside(expr, bound);
        self.evaluation.depth.set(depth);
        value
    }

    pub(super) fn eval_inside(&self, expr: &Expr, bound: Option<&Bound<'_>>) -> Value {
        let range = &expr.range;
        let kind = match &expr.kind {
            ExprKind::Null => ValueKind::Null,
            ExprKind::Bool(bool) => ValueKind::Bool(*bool),
            ExprKind::Number(number) => ValueKind::Number(*number),
            ExprKind::Template(template) => return self.template(template, &range.range(), bound),
            ExprKind::List(values) => ValueKind::List(values.iter().map(|value| self.eval(value, bound)).collect()),
            ExprKind::Object { elements, open } => {
                ValueKind::Object(self.object(elements, *open, &range.range(), bound))
            }
            ExprKind::Variable(name) => {
                let found = Bound::find(bound, name).map(|value| self.here(value.clone(), &range.range()));
                return found.unwrap_or_else(|| self.parameter(name, &range.range()));
            }
            ExprKind::Traversal(root, steps) => return self.traversal(root, steps, &range.range(), bound),
            ExprKind::Call(call) => return self.call(&call.name, &call.arguments, call.expand, &range.range(), bound),
            ExprKind::Conditional(parts) => return self.conditional(parts, &range.range(), bound),
            ExprKind::Unary(operator, operand) => {
                let value = self.eval(operand, bound);
                match (operator, value.as_number(), value.as_bool()) {
                    // Not `-number`, for there is no -0.
                    (Operator::Subtract, Some(number), _) => ValueKind::Number(0.0 - number),
                    (Operator::Not, _, Some(bool)) => ValueKind::Bool(!bool),
                    _ => unknown_kind(value.needs().unwrap_or("an operand of another type")),
                }
            }
            ExprKind::Binary(operator, operands) => self.binary(*operator, operands, bound),
            ExprKind::For(parts) => self.comprehension(parts, &range.range(), bound),
            ExprKind::Unreadable => ValueKind::UNKNOWN,
        };
        Value::new(range.range(), kind)
    }

    pub(super) fn object(
        &self,
        elements: &[Element],
        open: bool,
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Body {
        // Without a brace it begins with its first key.
        let first = elements.first().filter(|first| first.range.start() == range.start);
        let anchor = first.map_or(range.start..(range.start + 1).min(range.end), |first| first.key.range.range());
        let mut body = Body { fields: Vec::with_capacity(elements.len()), anchor, close: None, open };
        for element in elements {
            let value = self.eval(&element.value, bound);
            let key = match text_of(&element.key) {
                Some(text) => Some(text.to_owned()),
                None => string(&self.eval(&element.key, bound)),
            };
            match key {
                Some(name) => body.fields.push(Field { name, range: element.range.range(), value }),
                None => body.open = true,
            }
        }
        // The last entry with a name counts.
        let mut names = HashSet::with_capacity(body.fields.len());
        let is_last: Vec<bool> = body.fields.iter().rev().map(|field| names.insert(field.name.as_str())).collect();
        if is_last.contains(&false) {
            let mut is_last = is_last.into_iter().rev();
            body.fields.retain(|_| is_last.next() == Some(true));
        }
        body
    }

    pub(super) fn template(&self, template: &Template, range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let string = |text: String, verbatim: Option<Range<usize>>| {
            Value::new(range.clone(), ValueKind::String { text, verbatim })
        };
        match &*template.parts {
            [] => return string(String::new(), Some(template.content.range())),
            [Part::Text { text, verbatim }] => {
                return string(text.to_string(), verbatim.then(|| template.content.range()));
            }
            // `"${x}"` is x itself.
            [Part::Interpolation(expr)] if !template.heredoc => {
                return Value { range: range.clone(), ..self.eval(expr, bound) };
            }
            _ => {}
        }
        let mut text = String::new();
        match self.parts(&template.parts, &mut text, bound) {
            Ok(()) => string(text, None),
            Err(needs) => {
                let template = template.heredoc.then(|| template.content.range());
                Value::new(range.clone(), ValueKind::Unknown { template, needs })
            }
        }
    }

    /// Writes the parts one after the other, or says what is unknown in them.
    pub(super) fn parts(
        &self,
        parts: &[Part],
        text: &mut String,
        bound: Option<&Bound<'_>>,
    ) -> Result<(), Option<Arc<str>>> {
        for part in parts {
            match part {
                Part::Text { text: part, .. } => text.push_str(part),
                Part::Interpolation(expr) => {
                    let value = self.eval(expr, bound);
                    match string(&value) {
                        Some(part) if self.evaluation.step(part.len() / 64) => text.push_str(&part),
                        _ => return Err(value.needs().map(Arc::from)),
                    }
                }
                Part::If(parts) => {
                    let condition = self.eval(&parts.0, bound);
                    match condition.as_bool() {
                        Some(true) => self.parts(&parts.1, text, bound)?,
                        Some(false) => self.parts(&parts.2, text, bound)?,
                        None => return Err(condition.needs().map(Arc::from)),
                    }
                }
                Part::Unknown => return Err(None),
            }
        }
        Ok(())
    }

    pub(super) fn conditional(&self, parts: &[Expr; 3], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let [condition, yes, no] = parts;
        let condition = self.eval(condition, bound);
        match condition.as_bool() {
            Some(true) => self.eval(yes, bound),
            Some(false) => self.eval(no, bound),
            None => {
                let (yes, no) = (self.eval(yes, bound), self.eval(no, bound));
                if same(&yes, &no) == Some(true) {
                    return Value { range: range.clone(), ..yes };
                }
                unknown(range, condition.needs().unwrap_or("a condition"))
            }
        }
    }

    pub(super) fn binary(&self, operator: Operator, operands: &[Expr; 2], bound: Option<&Bound<'_>>) -> ValueKind {
        let left = self.eval(&operands[0], bound);
        match (operator, left.as_bool()) {
            (Operator::And, Some(false)) => return ValueKind::Bool(false),
            (Operator::Or, Some(true)) => return ValueKind::Bool(true),
            _ => {}
        }
        let right = self.eval(&operands[1], bound);
        let needs = || unknown_kind(left.needs().or(right.needs()).unwrap_or("an operand of another type"));
        let numbers = left.as_number().zip(right.as_number());
        let number = |of: fn(f64, f64) -> f64| {
            numbers.map(|(a, b)| of(a, b)).filter(|number| is_exact(*number)).map_or_else(needs, ValueKind::Number)
        };
        let order = |of: fn(&f64, &f64) -> bool| numbers.map_or_else(needs, |(a, b)| ValueKind::Bool(of(&a, &b)));
        match operator {
            Operator::Add => number(|a, b| a + b),
            Operator::Subtract => number(|a, b| a - b),
            Operator::Multiply => number(|a, b| a * b),
            Operator::Divide => number(|a, b| a / b),
            Operator::Remainder => number(|a, b| a % b),
            Operator::Less => order(f64::lt),
            Operator::LessOrEqual => order(f64::le),
            Operator::Greater => order(f64::gt),
            Operator::GreaterOrEqual => order(f64::ge),
            Operator::Equal => equal(&left, &right).map_or_else(needs, ValueKind::Bool),
            Operator::NotEqual => equal(&left, &right).map_or_else(needs, |equal| ValueKind::Bool(!equal)),
            Operator::And => match (left.as_bool(), right.as_bool()) {
                (_, Some(false)) => ValueKind::Bool(false),
                (Some(true), Some(true)) => ValueKind::Bool(true),
                _ => needs(),
            },
            Operator::Or => match (left.as_bool(), right.as_bool()) {
                (_, Some(true)) => ValueKind::Bool(true),
                (Some(false), Some(false)) => ValueKind::Bool(false),
                _ => needs(),
            },
            Operator::Not => ValueKind::UNKNOWN,
        }
    }

    pub(super) fn comprehension(&self, parts: &For, range: &Range<usize>, bound: Option<&Bound<'_>>) -> ValueKind {
        let collection = self.eval(&parts.collection, bound);
        let elements = Self::keyed(&parts.collection, &collection);
        let Some(elements) = elements.filter(|elements| elements.len() <= MAX_ELEMENTS) else {
            return unknown_kind(collection.needs().unwrap_or("a collection"));
        };
        let mut list = Vec::new();
        let mut body = Body { anchor: range.start..(range.start + 1).min(range.end), ..Body::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        for (key, value) in elements {
            if self.evaluation.steps_left() == 0 {
                return unknown_kind(TOO_MANY_STEPS);
            }
            let outer = Bound { name: parts.key_name.as_deref().unwrap_or_default(), value: &key, outer: bound };
            let bound = Bound { name: &parts.value_name, value: &value, outer: Some(&outer) };
            if let Some(condition) = &parts.condition {
                let condition = self.eval(condition, Some(&bound));
                match condition.as_bool() {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return unknown_kind(condition.needs().unwrap_or("a condition")),
                }
            }
            let result = self.eval(&parts.value, Some(&bound));
            let Some(key) = &parts.key else {
                list.push(result);
                continue;
            };
            match string(&self.eval(key, Some(&bound))) {
                Some(name) if parts.grouped => {
                    let group = places.get(&name).and_then(|place| body.fields.get_mut(*place));
                    if let Some(ValueKind::List(values)) = group.map(|field| &mut field.value.kind) {
                        values.push(result);
                    } else {
                        places.insert(name.clone(), body.fields.len());
                        let value = Value::new(range.clone(), ValueKind::List(vec![result]));
                        body.fields.push(Field { name, range: range.clone(), value });
                    }
                }
                Some(name) => {
                    if places.insert(name.clone(), body.fields.len()).is_some() {
                        return unknown_kind("keys that are all different");
                    }
                    body.fields.push(Field { name, range: range.clone(), value: result });
                }
                None => body.open = true,
            }
        }
        if body.open && parts.grouped {
            // Any group may have more elements.
            return unknown_kind("the key of an element");
        }
        if parts.key.is_some() { ValueKind::Object(body) } else { ValueKind::List(list) }
    }

    pub(super) fn call(
        &self,
        name: &str,
        arguments: &[Expr],
        expand: bool,
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Value {
        match name {
            "try" | "can" => {
                for argument in arguments {
                    let value = self.eval(argument, bound);
                    let absent = value.needs() == Some(ABSENT);
                    // Where a part is unknown, it may be one that is not there.
                    if let Some(needs) = unknown_part(&value).filter(|_| !value.is_unknown()) {
                        return unknown(range, needs);
                    }
                    if name == "can" {
                        return match (absent, value.is_unknown()) {
                            (true, _) => Value::new(range.clone(), ValueKind::Bool(false)),
                            (false, true) => value,
                            (false, false) => Value::new(range.clone(), ValueKind::Bool(true)),
                        };
                    }
                    if !absent {
                        return value;
                    }
                }
                return unknown(range, ABSENT);
            }
            GET_ATT => return unknown(range, &attribute_of(arguments)),
            "file" | "templatefile" | "filebase64" => return self.file(name, arguments, range, bound),
            _ => {}
        }
        let mut values: Vec<Value> = arguments.iter().map(|argument| self.eval(argument, bound)).collect();
        if expand && let Some(last) = values.pop() {
            match last.kind {
                ValueKind::List(elements) => values.extend(elements),
                _ => return unknown(range, last.needs().unwrap_or("the arguments")),
            }
        }
        if !self.evaluation.step(values.iter().map(width).sum()) {
            return unknown(range, TOO_MANY_STEPS);
        }
        functions::call(name, values, range)
    }

    /// A path that counts from the module's folder.
    pub(in crate::terraform) fn path(&self, path: &str) -> String {
        if path.starts_with('/') { normal(path) } else { normal(&format!("{}/{path}", self.module)) }
    }

    /// The text of a file of the workspace.
    pub(super) fn file(
        &self,
        name: &str,
        arguments: &[Expr],
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Value {
        let Some(path) = arguments.first().map(|argument| self.eval(argument, bound)) else {
            return unknown(range, "a path");
        };
        let Some(text) = path.as_str() else { return unknown(range, path.needs().unwrap_or("a path")) };
        let path = self.path(text);
        self.evaluation.ask(&Arc::from(path.as_str()), What::File, &path);
        match self.evaluation.workspace.text(&path).filter(|_| name == "file") {
            Some(content) if self.evaluation.step(content.len() / 64) => {
                Value::new(range.clone(), ValueKind::String { text: content.to_string(), verbatim: None })
            }
            _ => unknown(range, &format!("the file {text}")),
        }
    }
}

/// An attribute of a resource of a template, by its name.
fn attribute_of(arguments: &[Expr]) -> String {
    match arguments {
        [Expr { kind: ExprKind::Variable(id), .. }, attribute] => {
            format!("{id}.{}", text_of(attribute).unwrap_or("an attribute"))
        }
        _ => "an attribute".to_owned(),
    }
}

/// What is needed for a part of a value that is unknown.
pub(super) fn unknown_part(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::Unknown { needs, .. } => Some(needs.as_deref().unwrap_or("a part that cannot be read")),
        ValueKind::List(values) => values.iter().find_map(unknown_part),
        ValueKind::Object(body) => body.fields.iter().find_map(|field| unknown_part(&field.value)),
        _ => None,
    }
}

/// Whether a result of floating point numbers is the one of Terraform, whose numbers are longer.
pub(in crate::terraform) fn is_exact(number: f64) -> bool {
    number.abs() < 1e12 && (number * 1024.0).fract() == 0.0
}

/// A value as a string, where it is a known scalar.
pub(in crate::terraform) fn string(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String { text, .. } => Some(text.clone()),
        ValueKind::Number(number) => Some(number.to_string()),
        ValueKind::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// What `==` says of two values, where that is known. Values of two types are never equal, and it is not always known of what
/// type a value is: a number may be kept as a string, and `[]` is not equal to an empty list of strings.
pub(in crate::terraform) fn equal(a: &Value, b: &Value) -> Option<bool> {
    let equal = same(a, b)?;
    let is_certain = matches!(
        (&a.kind, &b.kind),
        (ValueKind::Null, ValueKind::Null)
            | (ValueKind::String { .. }, ValueKind::String { .. })
            | (ValueKind::Number(_), ValueKind::Number(_))
            | (ValueKind::Bool(_), ValueKind::Bool(_))
    );
    (!equal || is_certain).then_some(equal)
}

/// Whether two values say the same, where that is known.
pub fn same(a: &Value, b: &Value) -> Option<bool> {
    match (&a.kind, &b.kind) {
        (ValueKind::Unknown { .. }, _) | (_, ValueKind::Unknown { .. }) => None,
        (ValueKind::Null, ValueKind::Null) => Some(true),
        (ValueKind::List(a), ValueKind::List(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            a.iter().zip(b).try_fold(true, |all, (a, b)| Some(all && same(a, b)?))
        }
        (ValueKind::Object(a), ValueKind::Object(b)) => {
            if a.open || b.open {
                return None;
            }
            if a.fields.len() != b.fields.len() {
                return Some(false);
            }
            a.fields.iter().try_fold(true, |all, field| match b.value(&field.name) {
                Some(other) => Some(all && same(&field.value, other)?),
                None => Some(false),
            })
        }
        (ValueKind::Null | ValueKind::List(_) | ValueKind::Object(_), _)
        | (_, ValueKind::Null | ValueKind::List(_) | ValueKind::Object(_)) => Some(false),
        (ValueKind::Number(a), ValueKind::Number(b)) => Some(a.partial_cmp(b) == Some(std::cmp::Ordering::Equal)),
        _ => Some(string(a) == string(b)),
    }
}
