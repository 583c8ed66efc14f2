//! What stands beside a resource, and what a module call makes of the module.

use super::entries::Definition;
use super::evaluate::{Scope, string};
use super::syntax::{ExprKind, Lowered};
use super::workspace::{What, may_name};
use crate::model::{Resource, Value, ValueKind, World};
use std::ops::Range;
use std::sync::Arc;

/// Resources that one question is answered with; a module with more of them is taken in part.
const MAX_ANSWERS: usize = 256;

/// Steps that the rules for one block of a module that is called count for.
const RULES: usize = 30;

impl Scope<'_> {
    fn first(&self, definition: &Definition) -> Option<Arc<Resource>> {
        self.resources(definition).into_iter().next().map(Arc::new)
    }

    fn answers(&self, what: What, name: &str) -> Vec<Arc<Resource>> {
        let blocks = self.evaluation.blocks(&self.module, what, name);
        let blocks = blocks.iter().filter(|definition| !definition.is_override()).take(MAX_ANSWERS);
        blocks.filter_map(|definition| self.first(definition)).collect()
    }

    /// The blocks of a unit of this module, each with its instances as they are evaluated here.
    pub fn unit<'u>(
        &'u self,
        file: &'u Arc<str>,
        unit: &'u Arc<Lowered>,
    ) -> impl Iterator<Item = (Definition, Vec<Resource>)> + 'u {
        (0..unit.blocks.len()).map(move |index| {
            let definition = Definition::new(file, unit, index);
            let resources = self.resources(&definition);
            (definition, resources)
        })
    }

    /// Every block of the module that is looked at, with its instances.
    pub fn everything(&self) -> impl Iterator<Item = (Definition, Vec<Resource>)> {
        self.evaluation.ask(&self.module, What::All, "");
        let blocks = self.evaluation.workspace.all(&self.module);
        blocks
            .into_iter()
            .filter(|definition| !definition.is_override())
            .take_while(|_| self.evaluation.step(RULES))
            .map(|definition| {
                let resources = self.resources(&definition);
                (definition, resources)
            })
    }

    /// Paths of the files that a unit reads, as far as they are known.
    pub fn wanted_files(&self, unit: &Lowered) -> Vec<String> {
        let paths = unit.blocks.iter().flat_map(|block| &block.files);
        paths.filter_map(|path| self.eval(path, None).as_str().map(|path| self.path(path))).collect()
    }

    /// The block with an address.
    pub fn definition(&self, address: &str) -> Option<Definition> {
        self.evaluation.blocks(&self.module, What::Definition, address).into_iter().find(|block| !block.is_override())
    }

    /// The value of `var.x`, `local.x`, or of a parameter, mapping or condition of a template, where that is declared.
    pub fn value_of(&self, address: &str) -> Option<Value> {
        let definition = self.definition(address)?;
        match &*definition.block().kind {
            "parameter" => Some(self.parameter(&Arc::from(address), &(0..0))),
            "mapping" | "condition" => Some(self.eval(definition.block().body.attribute("value")?, None)),
            _ => Some(self.named(&Arc::from(address)).value().clone()),
        }
    }

    /// Where a value of a variable file is not of the type that its variable is declared with: the value, what is wrong, and
    /// the variable.
    pub fn mismatch(&self, definition: &Definition) -> Option<(Range<usize>, String, Definition)> {
        let block = definition.block();
        let variable = self.definition(&format!("var.{}", block.address))?;
        let kind = variable.block().body.attribute("type")?;
        let resource = self.resources(definition).into_iter().next()?;
        let value = &resource.body.fields.first()?.value;
        let (wanted, fits) = match &kind.kind {
            ExprKind::Variable(name) => match &**name {
                "string" => ("string", string(value).is_some()),
                "number" => ("number", value.as_number().is_some()),
                "bool" => ("bool", value.as_bool().is_some()),
                _ => return None,
            },
            ExprKind::Call(call) => match &*call.name {
                name @ ("list" | "set" | "tuple") => (name, matches!(value.kind, ValueKind::List(_))),
                name @ ("map" | "object") => (name, matches!(value.kind, ValueKind::Object(_))),
                _ => return None,
            },
            _ => return None,
        };
        if fits || value.is_unknown() || matches!(value.kind, ValueKind::Null) {
            return None;
        }
        let message = format!(
            "`{}` is declared as `{wanted}`, and this is something else; Terraform refuses this.",
            variable.block().address
        );
        Some((value.range.clone(), message, variable))
    }

    /// The other blocks with a block's address, which Terraform refuses.
    pub fn duplicates(&self, definition: &Definition) -> Vec<Definition> {
        let block = definition.block();
        let may_repeat = matches!(&*block.kind, "terraform" | "moved" | "removed" | "import" | "value" | "build")
            || block.kind.starts_with("provider.")
            || block.kind.starts_with("backend.")
            || block.kind.contains(['/', ':'])
            || definition.is_override();
        if may_repeat {
            return Vec::new();
        }
        let key = self.evaluation.ask(&self.module, What::Definition, &block.address);
        let blocks = || self.evaluation.workspace.blocks(&key);
        if blocks().map(Definition::count).sum::<usize>() < 2 {
            return Vec::new();
        }
        blocks().filter(|other| !other.is_override()).cloned().collect()
    }
}

impl World for Scope<'_> {
    fn resource(&self, address: &str) -> Option<Arc<Resource>> {
        self.answers(What::Definition, address).into_iter().next()
    }

    fn referrers(&self, address: &str, kinds: &[&str]) -> Vec<Arc<Resource>> {
        if kinds.is_empty() {
            return self.answers(What::Mentions, address);
        }
        kinds.iter().flat_map(|kind| self.answers(What::MentionsBy, &format!("{kind} {address}"))).collect()
    }

    fn naming(&self, kind: &str, attribute: &str, resource: &Resource) -> Vec<Arc<Resource>> {
        let mut named = self.referrers(&resource.address, &[kind]);
        named.retain(|other| other.body.value(attribute).is_none_or(|value| may_be(value, resource)));
        let what = if may_name(attribute) { What::Names } else { What::Kind };
        let key = if may_name(attribute) { format!("{kind}.{attribute}") } else { kind.to_owned() };
        let others = self.evaluation.blocks(&self.module, what, &key);
        for definition in others.iter().filter(|definition| !definition.is_override()).take(MAX_ANSWERS) {
            let block = definition.block();
            let Some(expr) = block.body.attribute(attribute) else { continue };
            if !block.mentions(&resource.address) && may_be(&self.eval(expr, None), resource) {
                named.extend(self.first(definition));
            }
        }
        named
    }

    fn of_kind(&self, kind: &str) -> Vec<Arc<Resource>> {
        self.answers(What::Kind, kind)
    }

    fn has_kind(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.evaluation.ask(&self.module, What::Kinds, "");
        self.evaluation.workspace.kinds(&self.module).any(wanted)
    }

    fn is_called(&self) -> bool {
        !self.evaluation.blocks(&self.module, What::Callers, &self.module).is_empty()
    }
}

/// Whether a value names a resource, or may do so.
fn may_be(value: &Value, resource: &Resource) -> bool {
    if value.refers_to(&resource.address) {
        return true;
    }
    match &value.kind {
        ValueKind::String { text, .. } => {
            let is = |name| resource.body.value(name).and_then(Value::as_str) == Some(text);
            ["id", "name", "bucket", "arn"].into_iter().any(is)
        }
        ValueKind::List(values) => values.iter().any(|value| may_be(value, resource)),
        // An attribute of another resource is something else.
        ValueKind::Unknown { .. } => value.reference().is_none(),
        _ => false,
    }
}
