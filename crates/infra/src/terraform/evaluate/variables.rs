//! Variables: where they are set, and what their types make of the values.

use super::expressions::{same, string};
use super::references::as_document;
use super::{Scope, unknown};
use crate::charts::{self, VALUES};
use crate::model::{Field, Value, ValueKind, ViaSource};
use crate::terraform::entries::Definition;
use crate::terraform::functions;
use crate::terraform::lower::text_of;
use crate::terraform::syntax::{Call, Content, Expr, ExprKind};
use crate::terraform::workspace::{What, folder};
use std::ops::Range;
use std::sync::Arc;

impl Scope<'_> {
    /// What a template of a chart puts in its place: the value that the chart comes with.
    fn chart_value(&self, name: &str, range: &Range<usize>) -> Option<Value> {
        let (keys, has_default) = charts::path(name)?;
        let (first, rest) = keys.split_first()?;
        let chart: Arc<str> = charts::chart_of(&self.module)?.into();
        let name = format!("{VALUES}{}", keys.join("."));
        let under =
            |chart: &Arc<str>, key: &str| self.evaluation.blocks(chart, What::Values, &format!("{VALUES}{key}"));
        let value = |definition: &Definition, keys: &[&str]| {
            let Content::Attribute(expr) = &definition.block().body.entries.first()?.content else { return None };
            let leaf = charts::leaf(expr, keys)?;
            Some(if charts::is_said(leaf, has_default) { self.eval(leaf, None) } else { unknown(&(0..0), &name) })
        };
        let mut files = under(&chart, first);
        let at = files.iter().position(|definition| charts::is_default(&definition.file))?;
        let own = files.remove(at);
        let Some(found) = value(&own, rest).filter(|found| !found.is_unknown()) else {
            return Some(unknown(range, &format!("{name}, which the chart leaves open")));
        };
        let mut others: Vec<_> = files.iter().filter_map(|file| Some((value(file, rest)?, file))).collect();
        let parent = charts::parent_of(&chart).map(|(parent, part)| under(&parent.into(), part)).unwrap_or_default();
        others.extend(parent.iter().filter_map(|file| Some((value(file, &keys)?, file))));
        // What is global is the parent's own.
        let global = charts::parent_of(&chart).filter(|_| **first == *"global");
        let global = global.map(|(parent, _)| under(&parent.into(), "global")).unwrap_or_default();
        others.extend(global.iter().filter_map(|file| Some((value(file, rest)?, file))));
        if let Some((_, other)) = others.iter().find(|(other, _)| same(other, &found) != Some(true)) {
            let file = file_name(&other.file);
            return Some(unknown(range, &format!("{name}, which {file} sets to something else")));
        }
        let via = Self::via(&name, ViaSource::Default, &own, &found);
        Some(self.moved(&found, range, &via))
    }

    /// The value of a parameter of a template: its default.
    pub(in crate::terraform) fn parameter(&self, name: &Arc<str>, range: &Range<usize>) -> Value {
        if let Some(value) = self.chart_value(name, range) {
            return value;
        }
        let blocks = self.evaluation.blocks(&self.module, What::Definition, name);
        let Some(definition) = blocks.iter().find(|block| &*block.block().kind == "parameter") else {
            return unknown(range, name);
        };
        let is_looked_up =
            |kind: Value| kind.as_str().is_none_or(|kind| kind.starts_with("AWS::SSM::Parameter::Value"));
        if self.setting(definition, "Type").is_some_and(|(kind, _)| is_looked_up(self.eval(&kind, None))) {
            return unknown(range, &format!("{name}, which is looked up in Parameter Store"));
        }
        let Some((default, from)) = self.setting(definition, "Default") else {
            return unknown(range, &format!("{name}, which has no default"));
        };
        let value = self.guarded(name, || self.eval(&default, None));
        let via = Self::via(name, ViaSource::Default, &from, &value);
        self.moved(&value, range, &via)
    }

    /// The value of a variable: what the call passes, else what variable files that apply by themselves say, else its
    /// default.
    pub(super) fn variable(&self, name: &str, address: &Arc<str>) -> Value {
        let nowhere = 0..0;
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let definition = blocks.iter().find(|block| !block.is_override()).or(blocks.first());
        let setting = |name: &str| definition.and_then(|definition| self.setting(definition, name));
        let kind = setting("type").map(|(kind, _)| kind);
        let kind = kind.as_ref();
        let is_nullable =
            || setting("nullable").is_none_or(|(expr, _)| self.eval(&expr, None).as_bool() != Some(false));
        let of_type = |value: Value| kind.map_or_else(|| value.clone(), |kind| self.of_type(&value, kind, 0));
        if let Some(arguments) = &self.arguments
            && let Some(value) = arguments.get(name)
        {
            // `null` stands for the default where the variable is not nullable.
            if !matches!(value.kind, ValueKind::Null) || is_nullable() {
                return of_type(value.clone());
            }
        }
        let default = setting("default").map(|(expr, definition)| {
            let value = as_document(self.eval(&expr, None), &definition);
            let via = Self::via(address, ViaSource::Default, &definition, &value);
            of_type(self.moved(&value, &nowhere, &via))
        });
        if self.arguments.is_some() {
            return default.unwrap_or_else(|| unknown(&nowhere, &format!("{address}, which the call does not set")));
        }
        let mut files = self.evaluation.blocks(&self.module, What::Values, name);
        files.sort_by(|a, b| applied(&a.file).cmp(&applied(&b.file)));
        let (mut value, mut others) = (default.clone(), Vec::new());
        for definition in &files {
            let Some(item) = definition.block().body.entries.first() else { continue };
            let Content::Attribute(expr) = &item.content else { continue };
            let found = as_document(self.eval(expr, None), definition);
            let via = Self::via(address, ViaSource::VariableFile, definition, &found);
            let found = of_type(self.moved(&found, &nowhere, &via));
            let found = match (&default, &found.kind) {
                (Some(default), ValueKind::Null) if !is_nullable() => default.clone(),
                _ => found,
            };
            if applied(&definition.file).is_some() {
                value = Some(found);
            } else {
                others.push((found, file_name(&definition.file).to_owned()));
            }
        }
        let Some(value) = value.or_else(|| {
            // Nothing applies by itself, and all the files that say something say the same.
            let (first, _) = others.first()?;
            others.iter().all(|(other, _)| same(first, other) == Some(true)).then(|| first.clone())
        }) else {
            let needs = match (others.first(), definition) {
                (Some((_, file)), _) => format!("{address}, which depends on the variable file ({file})"),
                (None, Some(_)) => format!("{address}, which has no default"),
                (None, None) => format!("{address}, which is not declared"),
            };
            return unknown(&nowhere, &needs);
        };
        if let Some((_, file)) = others.iter().find(|(other, _)| same(&value, other) != Some(true)) {
            return unknown(&nowhere, &format!("{address}, which {file} sets to something else"));
        }
        if self.is_set_by_callers(name) {
            return unknown(&nowhere, &format!("{address}, which the calls of this module set"));
        }
        value
    }

    /// Whether the module is called, and every call sets a variable.
    pub(super) fn is_set_by_callers(&self, name: &str) -> bool {
        let calls = self.evaluation.blocks(&self.module, What::Callers, &self.module);
        !calls.is_empty() && calls.iter().all(|call| call.block().body.attribute(name).is_some())
    }

    /// A value as its type makes it: attributes that are left out get their defaults.
    pub(super) fn of_type(&self, value: &Value, kind: &Expr, depth: usize) -> Value {
        if let ExprKind::Variable(name) = &kind.kind {
            let made = match (&**name, &value.kind) {
                ("string", ValueKind::Number(_) | ValueKind::Bool(_)) => {
                    string(value).map(|text| ValueKind::String { text, verbatim: None })
                }
                ("number", ValueKind::String { .. }) => value.as_number().map(ValueKind::Number),
                ("bool", ValueKind::String { .. }) => value.as_bool().map(ValueKind::Bool),
                _ => None,
            };
            return made.map_or_else(|| value.clone(), |kind| Value { kind, ..value.clone() });
        }
        let ExprKind::Call(call) = &kind.kind else { return value.clone() };
        let Call { name, arguments, .. } = &**call;
        let Some(argument) = arguments.first().filter(|_| depth < 16 && self.evaluation.step(1)) else {
            return value.clone();
        };
        let mut value = value.clone();
        match (&**name, &mut value.kind) {
            ("optional", _) => return self.of_type(&value, argument, depth + 1),
            ("list" | "set", ValueKind::List(values)) => {
                for element in values.iter_mut() {
                    *element = self.of_type(element, argument, depth + 1);
                }
                if &**name == "set" {
                    functions::make_set(values);
                }
            }
            ("map", ValueKind::Object(body)) => {
                for field in &mut body.fields {
                    field.value = self.of_type(&field.value, argument, depth + 1);
                }
            }
            ("object", ValueKind::Object(body)) => {
                let ExprKind::Object { elements, open: false } = &argument.kind else { return value };
                let names: Option<Vec<_>> = elements.iter().map(|element| text_of(&element.key)).collect();
                if let Some(names) = names {
                    body.fields.retain(|field| names.contains(&field.name.as_str()));
                }
                for element in elements {
                    let Some(name) = text_of(&element.key) else { continue };
                    match body.fields.iter_mut().find(|field| field.name == name) {
                        Some(field) if !matches!(field.value.kind, ValueKind::Null) => {
                            field.value = self.of_type(&field.value, &element.value, depth + 1);
                        }
                        Some(field) => {
                            if let Some(default) = self.optional(&element.value, depth) {
                                field.value = Value { via: value.via.clone(), ..default };
                            }
                        }
                        None if body.open => {}
                        None => {
                            let default = self.optional(&element.value, depth);
                            let is_optional =
                                matches!(&element.value.kind, ExprKind::Call(call) if &*call.name == "optional");
                            let missing = if is_optional { ValueKind::Null } else { ValueKind::UNKNOWN };
                            let null = || Value::new(value.range.clone(), missing);
                            let default = Value { via: value.via.clone(), ..default.unwrap_or_else(null) };
                            let range = value.range.clone();
                            body.fields.push(Field { name: name.to_owned(), range, value: default });
                        }
                    }
                }
            }
            _ => {}
        }
        value
    }

    /// The default of an `optional(type, default)`.
    pub(super) fn optional(&self, kind: &Expr, depth: usize) -> Option<Value> {
        let ExprKind::Call(call) = &kind.kind else { return None };
        let Call { name, arguments, .. } = &**call;
        let [kind, default] = &**arguments else { return None };
        (&**name == "optional").then(|| {
            let value = self.eval(default, None);
            self.of_type(&Value { range: 0..0, ..value }, kind, depth + 1)
        })
    }
}

/// The order in which variable files apply by themselves; `None` for those that have to be named.
pub(super) fn applied(file: &str) -> Option<(u8, &str)> {
    let name = file_name(file);
    match name {
        "terraform.tfvars" => Some((0, name)),
        "terraform.tfvars.json" => Some((1, name)),
        _ if [".auto.tfvars", ".auto.tfvars.json", ".auto.pkrvars.hcl"].iter().any(|end| name.ends_with(end)) => {
            Some((2, name))
        }
        _ => None,
    }
}

pub(super) fn file_name(file: &str) -> &str {
    file.strip_prefix(folder(file)).unwrap_or(file).trim_start_matches('/')
}
