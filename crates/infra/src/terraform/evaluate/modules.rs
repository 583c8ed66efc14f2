//! Modules that are called: what goes in, and what comes out.

use super::references::as_document;
use super::{Bound, MAX_CALLS, Scope, unknown};
use crate::model::{Value, ViaSource};
use crate::terraform::entries::Definition;
use crate::terraform::lower::text_of;
use crate::terraform::syntax::{Content, Step};
use crate::terraform::workspace::{What, callee};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

impl Scope<'_> {
    /// An output of a module that is called.
    pub(super) fn output(
        &self,
        address: &Arc<str>,
        steps: &[Step],
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Value {
        let written = || match steps.first() {
            Some(Step::Attribute(name)) => format!("{address}.{name}"),
            _ => address.to_string(),
        };
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(call) = blocks.iter().find(|definition| !definition.is_override()) else {
            return unknown(range, &written());
        };
        let Some((Step::Attribute(name), rest)) = steps.split_first() else { return unknown(range, &written()) };
        let expands = ["count", "for_each"].iter().any(|name| self.setting(call, name).is_some());
        let Some(inside) = self.enter(call).filter(|_| !expands) else { return unknown(range, &written()) };
        let blocks = self.evaluation.blocks(&inside.module, What::Definition, &format!("output.{name}"));
        let Some(output) = blocks.iter().find(|block| !block.is_override()) else {
            return unknown(range, &written());
        };
        let Some((expr, output)) = inside.setting(output, "value") else { return unknown(range, &written()) };
        let value = inside.guarded(&format!("output.{name}"), || {
            let value = as_document(inside.eval(&expr, None), &output);
            self.walk(&value, rest, range, bound)
        });
        if value.is_unknown() {
            return unknown(range, &written());
        }
        let via = Self::via(&written(), ViaSource::Output, &output, &value);
        self.moved(&value, range, &via)
    }

    /// The module that a block calls, with what the call passes. `None` where the module is not there to be read, or calls
    /// itself.
    pub fn enter(&self, call: &Definition) -> Option<Self> {
        let address = &call.block().address;
        let entered = self.entered.borrow().get(address).cloned();
        match entered {
            Some(Some(worked)) => {
                self.evaluation.depends(&worked);
                return worked.result.clone();
            }
            Some(None) => {
                self.evaluation.relative.set(true);
                return None;
            }
            None => {}
        }
        // An argument may need an output of the same module, which Terraform can do and this does not.
        self.entered.borrow_mut().insert(Arc::clone(address), None);
        let worked = Rc::new(self.evaluation.tracked(|| self.enter_once(call)));
        self.entered.borrow_mut().insert(Arc::clone(address), Some(Rc::clone(&worked)));
        worked.result.clone()
    }

    pub(super) fn enter_once(&self, call: &Definition) -> Option<Self> {
        let block = call.block();
        let folder: Arc<str> = if let Some(folder) = callee(&self.module, block) {
            folder.into()
        } else {
            let name: Arc<str> = block.address.strip_prefix("module.")?.into();
            self.evaluation.ask(&self.module, What::Installed, &name);
            Arc::clone(self.evaluation.workspace.installed(&self.module, &name)?)
        };
        if folder == self.module || self.callers.contains(&folder) {
            let message = format!(
                "`{}` calls a module that it is itself a part of ({}); Terraform refuses this.",
                block.address,
                text_of(block.body.attribute("source")?).unwrap_or_default()
            );
            self.evaluation.refuse(message, vec![block.address.to_string()]);
            return None;
        }
        if self.callers.len() >= MAX_CALLS {
            return None;
        }
        if !self.evaluation.workspace.has_module(&folder) {
            // It may come to be there.
            self.evaluation.ask(&folder, What::Kinds, "");
            return None;
        }
        let mut arguments = HashMap::new();
        for item in &block.body.entries {
            let Content::Attribute(expr) = &item.content else { continue };
            if matches!(&*item.name, "source" | "version" | "providers" | "count" | "for_each" | "depends_on") {
                continue;
            }
            let name = format!("{}.{}", block.address, item.name);
            let value = as_document(self.eval(expr, None), call);
            let via = Self::via(&name, ViaSource::Argument, call, &value);
            arguments.insert(Arc::clone(&item.name), self.moved(&value, &(0..0), &via));
        }
        let others = self.evaluation.blocks(&self.module, What::Definition, &block.address);
        for other in others.iter().filter(|other| other.is_override()) {
            for item in &other.block().body.entries {
                let Content::Attribute(expr) = &item.content else { continue };
                let value = as_document(self.eval(expr, None), other);
                let via = Self::via(&format!("{}.{}", block.address, item.name), ViaSource::Override, other, &value);
                arguments.insert(Arc::clone(&item.name), self.moved(&value, &(0..0), &via));
            }
        }
        let mut callers = (*self.callers).clone();
        callers.push(Arc::clone(&self.module));
        Some(Self {
            evaluation: self.evaluation,
            module: folder,
            arguments: Some(Rc::new(arguments)),
            callers: Rc::new(callers),
            known: Rc::default(),
            entered: Rc::default(),
        })
    }
}
