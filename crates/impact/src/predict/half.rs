//! One module in one of the two states.

use crate::change::{Place, Side};
use countersign_infra::Resource;
use countersign_infra::terraform::{Definition, Evaluation, Instances, Lowered, MAX_STEPS, Scope, Workspace, callee};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The way to a module: the folder that is applied, and the calls that lead from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) root: Arc<str>,
    pub(super) calls: Vec<Arc<str>>,
}

/// Steps that are left for all evaluations of a comparison.
pub(super) struct Steps(pub(super) Cell<u64>);

/// One module in one of the two states.
pub(super) struct Half<'w> {
    pub(super) side: Side,
    pub(super) workspace: &'w Workspace,
    pub(super) route: Route,
    /// Its folder.
    pub(super) folder: Arc<str>,
    /// Its blocks by address, those of override files last.
    pub(super) blocks: BTreeMap<Arc<str>, Vec<Definition>>,
    /// What of it could not be read in full.
    pub(super) broken: Vec<(Arc<str>, Arc<Lowered>)>,
    steps: &'w Steps,
}

/// What a block declares, evaluated.
pub(super) struct Declared {
    pub(super) instances: Instances,
    /// As [`Scope::resources`] has them.
    pub(super) bodies: Vec<Resource>,
}

impl<'w> Half<'w> {
    pub(super) fn new(side: Side, workspace: &'w Workspace, route: Route, folder: &str, steps: &'w Steps) -> Self {
        let mut blocks: BTreeMap<Arc<str>, Vec<Definition>> = BTreeMap::new();
        for definition in workspace.all(folder) {
            blocks.entry(Arc::clone(&definition.block().address)).or_default().push(definition);
        }
        for definitions in blocks.values_mut() {
            definitions.sort_by_key(Definition::is_override);
        }
        Self { side, workspace, route, folder: folder.into(), blocks, broken: workspace.broken(folder), steps }
    }

    /// The module that a call leads to, where it can be read.
    pub(super) fn enter(&self, call: &Definition) -> Option<Self> {
        let folder = self.with(|scope| scope.enter(call).map(|inside| inside.folder().to_owned()))??;
        let mut route = self.route.clone();
        route.calls.push(Arc::clone(&call.block().address));
        Some(Self::new(self.side, self.workspace, route, &folder, self.steps))
    }

    /// Whether anything is there.
    pub(super) fn is_there(&self) -> bool {
        !self.blocks.is_empty() || !self.broken.is_empty()
    }

    /// Evaluates something with steps of its own, so that it does not depend on what came before. `None` where the calls do
    /// not lead here, or where there are no steps left.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Scope<'_>) -> T) -> Option<T> {
        let left = self.steps.0.get();
        if left == 0 {
            return None;
        }
        let evaluation = Evaluation::new(self.workspace, MAX_STEPS.min(left));
        let mut scope = Scope::new(&evaluation, &self.route.root);
        for call in &self.route.calls {
            let definition = scope.definition(call)?;
            scope = scope.enter(&definition)?;
        }
        let result = work(&scope);
        self.steps.0.set(left.saturating_sub(evaluation.steps_taken() + 1));
        Some(result)
    }

    /// Whether the steps did not suffice.
    pub(super) fn is_over(&self) -> bool {
        self.steps.0.get() == 0
    }

    /// The block with an address, without override files.
    pub(super) fn main(&self, address: &str) -> Option<&Definition> {
        let definitions = self.blocks.get(address)?;
        definitions.iter().find(|definition| !definition.is_override()).or(definitions.first())
    }

    /// Everything that is said under an address.
    pub(super) fn said(&self, address: &str) -> &[Definition] {
        self.blocks.get(address).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an address is declared more than once, which Terraform refuses.
    pub(super) fn is_repeated(&self, address: &str) -> bool {
        let declared = self.said(address).iter().filter(|definition| !definition.is_override());
        declared.map(Definition::count).sum::<usize>() > 1
    }

    /// Addresses of its resources.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.addresses(|definition| definition.block().is_resource())
    }

    /// Addresses of its calls of modules.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Arc<str>> {
        self.addresses(|definition| {
            let block = definition.block();
            &*block.kind == "module" && block.address.matches('.').count() == 1
        })
    }

    fn addresses(&self, wanted: impl Fn(&Definition) -> bool) -> impl Iterator<Item = &Arc<str>> {
        let is_wanted = move |definitions: &Vec<Definition>| definitions.first().is_some_and(&wanted);
        self.blocks.iter().filter(move |(_, definitions)| is_wanted(definitions)).map(|(address, _)| address)
    }

    /// The blocks of a kind.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Definition> {
        self.blocks.values().flatten().filter(move |definition| &*definition.block().kind == kind)
    }

    /// What a block declares. Nothing is known of it where the steps did not suffice.
    pub(super) fn declared(&self, definition: &Definition) -> Option<Declared> {
        self.with(|scope| {
            let instances = scope.instances(definition);
            let bodies = match instances {
                Instances::Count(Some(count)) => scope.counted(definition, count),
                _ => scope.resources(definition),
            };
            Declared { instances, bodies }
        })
    }

    /// A place in this state.
    pub(super) fn place(&self, definition: &Definition, range: &Range<usize>) -> Place {
        Place {
            side: self.side,
            file: Arc::clone(&definition.file),
            unit: definition.unit.digest,
            range: range.clone(),
        }
    }

    /// Where a block is pointed at.
    pub(super) fn anchor(&self, definition: &Definition) -> Place {
        self.place(definition, &definition.block().body.anchor)
    }

    /// A number that tells states of this module and of all that it calls apart.
    pub(super) fn deep_sum(&self) -> u64 {
        let mut sum = self.workspace.sum(&self.folder);
        let mut seen = vec![self.folder.to_string()];
        let mut next: Vec<String> = self.workspace.callees(&self.folder).into_iter().collect();
        while let Some(folder) = next.pop() {
            if seen.contains(&folder) {
                continue;
            }
            sum = sum.rotate_left(7) ^ self.workspace.sum(&folder);
            next.extend(self.workspace.callees(&folder));
            seen.push(folder);
        }
        sum
    }
}

/// What the source of a call says: the folder of a local module.
pub(super) fn local_source(folder: &str, call: &Definition) -> Option<String> {
    callee(folder, call.block())
}
