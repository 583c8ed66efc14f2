//! Blocks: their instances, what override files make of them, and what `dynamic` repeats.

use super::{Bound, MAX_INSTANCES, Scope, unknown, unknown_kind};
use crate::cloudformation::globals_of;
use crate::model::{Body, Field, Resource, Value, ValueKind, ViaSource};
use crate::terraform::entries::Definition;
use crate::terraform::syntax::{Content, Dynamic, Expr, ExprKind, Items};
use crate::terraform::workspace::What;
use std::ops::Range;

/// How many there are of what a block declares, and under which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instances {
    /// One, without a key.
    One,
    /// As many as `count` says, under the numbers from 0; `None` where that is not known.
    Count(Option<u64>),
    /// One a key of `for_each`, in the order in which [`Scope::resources`] has them; `None` where they are not known.
    Keys(Option<Vec<String>>),
}

impl Scope<'_> {
    /// How many there are of what a block declares.
    pub fn instances(&self, definition: &Definition) -> Instances {
        if !is_repeatable(&definition.block().kind) {
            return Instances::One;
        }
        if let Some((count, _)) = self.setting(definition, "count") {
            let count = self.eval(&count, None).as_number().filter(|count| *count >= 0.0 && count.fract() == 0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            return Instances::Count(count.map(|count| count as u64));
        }
        if let Some((over, _)) = self.setting(definition, "for_each") {
            let elements = Self::elements(&self.eval(&over, None));
            let keys = elements.and_then(|elements| {
                elements.iter().map(|(key, _)| key.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            });
            return Instances::Keys(keys);
        }
        Instances::One
    }

    /// The first instances of a block with `count`, in order, up to as many as are looked at one by one; the same for all where
    /// their number is not mentioned. Empty where it has no `count`.
    pub fn counted(&self, definition: &Definition, count: u64) -> Vec<Resource> {
        let Some((expr, _)) = self.setting(definition, "count") else { return Vec::new() };
        let looked_at = if definition.block().mentions("count") { MAX_INSTANCES as u64 } else { 1 };
        (0..count.min(looked_at)).map(|index| self.numbered(definition, &expr.range.range(), index)).collect()
    }

    /// One instance of a block of which nothing is known that tells instances apart.
    pub fn any_instance(&self, definition: &Definition) -> Resource {
        let range = &definition.block().range;
        let part =
            |name: &str| Field { name: name.to_owned(), range: range.range(), value: unknown(&range.range(), name) };
        let fields = ["key", "value", "index"].map(part).to_vec();
        let value = Value::new(range.range(), ValueKind::Object(Body { fields, open: true, ..Body::default() }));
        let count = Bound { name: "count", value: &value, outer: None };
        self.resource(definition, Some(&Bound { name: "each", value: &value, outer: Some(&count) }))
    }

    fn numbered(&self, definition: &Definition, range: &Range<usize>, number: u64) -> Resource {
        #[expect(clippy::cast_precision_loss, reason = "no more than are looked at")]
        let number = Value::new(range.clone(), ValueKind::Number(number as f64));
        let index = Field { name: "index".to_owned(), range: range.clone(), value: number };
        let body = Body { fields: vec![index], ..Body::default() };
        let value = Value::new(range.clone(), ValueKind::Object(body));
        self.resource(definition, Some(&Bound { name: "count", value: &value, outer: None }))
    }

    /// The instances of a block: one where it has neither `count` nor `for_each`, none where it is known to have none.
    pub fn resources(&self, definition: &Definition) -> Vec<Resource> {
        let block = definition.block();
        let unknown_each = |needs: &str| {
            let part = |name: &str| Field {
                name: name.to_owned(),
                range: block.range.range(),
                value: unknown(&block.range.range(), needs),
            };
            let body = Body { fields: vec![part("key"), part("value")], open: true, ..Body::default() };
            Value::new(block.range.range(), ValueKind::Object(body))
        };
        let instance = |name: &str, value: &Value| self.resource(definition, Some(&Bound { name, value, outer: None }));
        if !is_repeatable(&block.kind) {
            return vec![self.resource(definition, None)];
        }
        if let Some((expr, _)) = self.setting(definition, "count") {
            let count = self.eval(&expr, None);
            return match count.as_number() {
                Some(number) if number <= 0.0 => Vec::new(),
                Some(_) if block.mentions("count") => vec![self.numbered(definition, &expr.range.range(), 0)],
                _ => vec![instance("count", &unknown_each("count.index"))],
            };
        }
        if let Some((expr, _)) = self.setting(definition, "for_each") {
            let elements = Self::elements(&self.eval(&expr, None));
            return match elements {
                Some(elements) if elements.is_empty() => Vec::new(),
                Some(elements) if block.mentions("each") && elements.len() <= MAX_INSTANCES => elements
                    .into_iter()
                    .map(|(key, value)| instance("each", &pair(&expr.range.range(), key, value)))
                    .collect(),
                _ => vec![instance("each", &unknown_each("each.value"))],
            };
        }
        vec![self.resource(definition, None)]
    }

    /// What a block says of an attribute, the last override file first, and where.
    pub(super) fn setting(&self, definition: &Definition, name: &str) -> Option<(Expr, Definition)> {
        let mut from = definition.clone();
        if !definition.is_override() && self.may_be_overridden(definition) {
            let blocks = self.evaluation.blocks(&self.module, What::Definition, &definition.block().address);
            let says = |other: &Definition| other.is_override() && other.block().body.attribute(name).is_some();
            if let Some(other) = blocks.into_iter().rfind(says) {
                from = other;
            }
        }
        Some((from.block().body.attribute(name)?.clone(), from))
    }

    /// Whether another file may say something else of a block: of a file that stands for itself none may, and there many blocks may
    /// have one address.
    fn may_be_overridden(&self, definition: &Definition) -> bool {
        *self.module != *definition.file
    }

    pub(super) fn resource(&self, definition: &Definition, bound: Option<&Bound<'_>>) -> Resource {
        let block = definition.block();
        self.evaluation.step(1);
        let mut body = self.body(&block.body, bound);
        if &*block.kind == "locals" || &*block.kind == "module" {
            // Their names are the user's own.
            body.open = true;
        }
        if definition.is_override() {
            // What it does not say, the block that it changes may say.
            body.open = true;
        } else if !matches!(&*block.kind, "local" | "value" | "variable") {
            self.override_fields(definition, &mut body, bound);
        }
        if let Some(globals) = globals_of(&block.kind) {
            self.global_fields(&globals, &mut body);
        }
        Resource { kind: block.kind.to_string(), address: block.address.to_string(), range: block.range.range(), body }
    }

    /// What a template of SAM says of all resources of a kind holds where one says nothing else: of mappings for each key, and lists
    /// are put together.
    ///
    /// Source: the section on globals in the developer guide of AWS SAM.
    fn global_fields(&self, address: &str, body: &mut Body) {
        for definition in self.evaluation.blocks(&self.module, What::Definition, address) {
            let globals = self.body(&definition.block().body, None);
            body.open |= globals.open;
            for field in &globals.fields {
                let name = format!("{address}.{}", field.name);
                let via = Self::via(&name, ViaSource::Attribute, &definition, &field.value);
                let range = body.anchor.clone();
                let value = self.moved(&field.value, &range, &via);
                inherit(body, Field { name: field.name.clone(), range, value });
            }
        }
    }

    /// What override files say of a block takes the place of what it says itself.
    pub(in crate::terraform) fn override_fields(
        &self,
        definition: &Definition,
        body: &mut Body,
        bound: Option<&Bound<'_>>,
    ) {
        if !self.may_be_overridden(definition) {
            return;
        }
        let others = self.evaluation.blocks(&self.module, What::Definition, &definition.block().address);
        for other in others.iter().filter(|other| other.is_override()) {
            let mut changed = self.body(&other.block().body, bound);
            // Of this block alone Terraform takes the settings that the other does not make.
            if let Some(ValueKind::Object(before)) = body.value("lifecycle").map(|value| value.kind.clone()) {
                for field in changed.fields.iter_mut().filter(|field| field.name == "lifecycle") {
                    let ValueKind::Object(after) = &mut field.value.kind else { continue };
                    let kept: Vec<_> =
                        before.fields.iter().filter(|field| after.value(&field.name).is_none()).cloned().collect();
                    after.fields.extend(kept);
                }
            }
            let mut names: Vec<_> = changed.fields.iter().map(|field| field.name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let place = body.fields.iter().find(|field| field.name == name);
                let range = place.map_or_else(|| body.anchor.clone(), |field| field.value.range.clone());
                body.fields.retain(|field| field.name != name);
                for field in changed.named(&name) {
                    let via = Self::via(&name, ViaSource::Override, other, &field.value);
                    let value = self.moved(&field.value, &range, &via);
                    body.fields.push(Field { name: name.clone(), range: range.clone(), value });
                }
            }
        }
    }

    pub(in crate::terraform) fn body(&self, items: &Items, bound: Option<&Bound<'_>>) -> Body {
        let mut body = Body {
            fields: Vec::new(),
            anchor: items.anchor.range(),
            close: items.close.map(|at| at as usize),
            open: items.open,
        };
        for item in &items.entries {
            let value = match &item.content {
                Content::Attribute(value) => self.eval(value, bound),
                Content::Block(items) => Value::new(item.range.range(), ValueKind::Object(self.body(items, bound))),
                Content::Dynamic(dynamic) => {
                    self.dynamic(&item.name, dynamic, &item.range.range(), bound, &mut body);
                    continue;
                }
            };
            body.fields.push(Field { name: item.name.to_string(), range: item.range.range(), value });
        }
        body
    }

    pub(super) fn dynamic(
        &self,
        name: &str,
        dynamic: &Dynamic,
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
        body: &mut Body,
    ) {
        let mut push = |value| body.fields.push(Field { name: name.to_owned(), range: range.clone(), value });
        let over = dynamic.for_each.as_ref().map(|expr| (expr, self.eval(expr, bound)));
        let elements = over.as_ref().and_then(|(expr, value)| Self::keyed(expr, value));
        match (over, elements) {
            (Some((expr, _)), Some(elements)) if elements.len() <= MAX_INSTANCES => {
                for (key, value) in elements {
                    let element = pair(&expr.range.range(), key, value);
                    let bound = Bound { name: &dynamic.iterator, value: &element, outer: bound };
                    let content = self.body(&dynamic.content, Some(&bound));
                    push(Value::new(range.clone(), ValueKind::Object(content)));
                }
            }
            (Some((_, value)), _) => push(unknown(range, value.needs().unwrap_or("for_each"))),
            (None, _) => push(unknown(range, "for_each")),
        }
    }

    /// The elements of a value that something goes over, with their keys. The keys of a set are its elements, those of a list
    /// are numbers, and a value does not tell which of them it is.
    pub(super) fn keyed(expr: &Expr, value: &Value) -> Option<Vec<(Value, Value)>> {
        let is_set = matches!(&expr.kind, ExprKind::Call(call) if &*call.name == "toset");
        let is_list = matches!(&expr.kind, ExprKind::List(_));
        let mut elements = Self::elements(value)?;
        if matches!(value.kind, ValueKind::List(_)) && !is_set {
            for (index, (key, value)) in elements.iter_mut().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "an index")]
                let kind =
                    if is_list { ValueKind::Number(index as f64) } else { unknown_kind("the key of an element") };
                *key = Value::new(value.range.clone(), kind);
            }
        }
        Some(elements)
    }

    /// The elements of a value that something goes over, with their keys: those of objects in order of their names.
    pub(super) fn elements(value: &Value) -> Option<Vec<(Value, Value)>> {
        let text =
            |text: &str| Value::new(value.range.clone(), ValueKind::String { text: text.to_owned(), verbatim: None });
        match &value.kind {
            ValueKind::Object(body) if !body.open => {
                let mut fields: Vec<_> = body.fields.iter().collect();
                fields.sort_by(|a, b| a.name.cmp(&b.name));
                Some(fields.into_iter().map(|field| (text(&field.name), field.value.clone())).collect())
            }
            ValueKind::List(values) => Some(
                values
                    .iter()
                    .enumerate()
                    .map(|(index, element)| {
                        let key = match &element.kind {
                            // As in a set, an element is its own key.
                            ValueKind::String { .. } => element.clone(),
                            #[expect(clippy::cast_precision_loss, reason = "an index")]
                            _ => Value::new(element.range.clone(), ValueKind::Number(index as f64)),
                        };
                        (key, element.clone())
                    })
                    .collect(),
            ),
            _ => None,
        }
    }
}

/// Adds what a field says to what is said already.
fn inherit(body: &mut Body, field: Field) {
    let Some(own) = body.fields.iter_mut().find(|own| own.name == field.name) else {
        body.fields.push(field);
        return;
    };
    match (&mut own.value.kind, field.value.kind) {
        (ValueKind::Object(own), ValueKind::Object(more)) => {
            own.open |= more.open;
            more.fields.into_iter().for_each(|field| inherit(own, field));
        }
        (ValueKind::List(own), ValueKind::List(more)) => _ = own.splice(0..0, more),
        _ => {}
    }
}

/// Whether `count` and `for_each` make instances of a block.
pub(super) fn is_repeatable(kind: &str) -> bool {
    !matches!(kind, "variable" | "output" | "local" | "locals" | "value" | "terraform" | "inputs")
        && !kind.starts_with("provider.")
}

pub(super) fn pair(range: &Range<usize>, key: Value, value: Value) -> Value {
    let via = value.via.clone();
    let field = |name: &str, value| Field { name: name.to_owned(), range: range.clone(), value };
    let body = Body { fields: vec![field("key", key), field("value", value)], ..Body::default() };
    Value { range: range.clone(), kind: ValueKind::Object(body), via }
}
