//! One module in one of the two states.

use super::instances::is_none;
use super::names::is_about;
use crate::change::{Place, Side};
use crate::versions::Span;
use countersign_infra::charts::is_value as is_of_chart;
use countersign_infra::terraform::{Definition, Evaluation, Instances, Lowered, MAX_STEPS, Scope, Workspace, callee};
use countersign_infra::{Found, Resource, ViaSource};
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Variables to which the call that leads here passes what rests on a default.
    soft_arguments: BTreeSet<String>,
    soft: OnceCell<BTreeSet<String>>,
    steps: &'w Steps,
}

/// What a block declares, evaluated.
pub(super) struct Declared {
    /// What rests on a default is never known to be none: another value may be given where it is applied.
    pub(super) instances: Instances,
    /// Whether they rest on the default of a variable.
    pub(super) soft: bool,
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
        Self {
            side,
            workspace,
            route,
            folder: folder.into(),
            blocks,
            broken: workspace.broken(folder),
            soft_arguments: BTreeSet::new(),
            soft: OnceCell::new(),
            steps,
        }
    }

    /// The versions of a provider that the constraints of this module leave.
    pub(super) fn versions(&self, provider: &str) -> Span {
        let mut span = Span::default();
        let path = format!("required_providers.{provider}.version");
        for definition in self.blocks.values().flatten().filter(|it| &*it.block().kind == "terraform") {
            for body in self.declared(definition).into_iter().flat_map(|declared| declared.bodies) {
                for found in body.body.find(&path) {
                    if let Found::Value(value) = found {
                        span.narrow(value.as_str().unwrap_or_default());
                    }
                }
            }
        }
        span
    }

    /// Another module of this state, by itself.
    pub(super) fn by_itself(&self, folder: &str) -> Self {
        let route = Route { root: folder.into(), calls: Vec::new() };
        Self::new(self.side, self.workspace, route, folder, self.steps)
    }

    /// The same module once more.
    pub(super) fn again(&self) -> Self {
        let half = Self::new(self.side, self.workspace, self.route.clone(), &self.folder, self.steps);
        Self { soft_arguments: self.soft_arguments.clone(), ..half }
    }

    /// The module that a call leads to, where it can be read.
    pub(super) fn enter(&self, call: &Definition) -> Option<Self> {
        let folder = self.with(|scope| scope.enter(call).map(|inside| inside.folder().to_owned()))??;
        let mut route = self.route.clone();
        route.calls.push(Arc::clone(&call.block().address));
        let items = self.said(&call.block().address).iter().flat_map(|definition| &definition.block().body.entries);
        let soft =
            items.filter(|item| is_about(&item.mentions(), self.soft())).map(|item| format!("var.{}", item.name));
        let soft_arguments = soft.collect();
        let inside = Self::new(self.side, self.workspace, route, &folder, self.steps);
        Some(Self { soft_arguments, ..inside })
    }

    /// Names whose values rest on the default of a variable of the folder that is applied: there another value may be given
    /// on the command line or by the environment.
    pub(super) fn soft(&self) -> &BTreeSet<String> {
        self.soft.get_or_init(|| {
            let mut soft = self.soft_arguments.clone();
            if self.route.calls.is_empty() {
                let is_variable = |address: &str| address.starts_with("var.") || self.is_of(address, &["parameter"]);
                let variables = self.blocks.keys().filter(|address| is_variable(address));
                soft.extend(variables.filter(|address| self.is_by_default(address)).map(ToString::to_string));
                // A chart is filled with other values where it is installed.
                let mentions = self.blocks.values().flatten().flat_map(|definition| &definition.block().mentions);
                soft.extend(mentions.filter(|name| is_of_chart(name)).map(ToString::to_string));
            }
            let is_local =
                |address: &str| address.starts_with("local.") || self.is_of(address, &["mapping", "condition"]);
            let locals: Vec<_> = self.blocks.keys().filter(|address| is_local(address)).collect();
            loop {
                let rests = |address: &str| {
                    self.said(address).iter().any(|definition| is_about(&definition.block().mentions, &soft))
                };
                let more: Vec<String> = locals
                    .iter()
                    .filter(|address| !soft.contains(&****address) && rests(address))
                    .map(ToString::to_string)
                    .collect();
                if more.is_empty() {
                    return soft;
                }
                soft.extend(more);
            }
        })
    }

    fn is_by_default(&self, variable: &str) -> bool {
        let has_default = self.said(variable).iter().any(|it| {
            let body = &it.block().body;
            body.attribute("default").or_else(|| body.attribute("Default")).is_some()
        });
        let value = || self.with(|scope| scope.value_of(variable)).flatten();
        has_default
            && value().is_some_and(|value| value.via.as_deref().is_some_and(|via| via.source == ViaSource::Default))
    }

    /// Whether an address is that of a value with a name and not of a resource.
    pub(super) fn is_name(&self, address: &str) -> bool {
        ["var.", "local.", "data."].iter().any(|prefix| address.starts_with(prefix))
            || self.is_of(address, &["parameter", "mapping", "condition", "globals"])
    }

    /// Whether what is declared under an address is of one of some kinds.
    fn is_of(&self, address: &str, kinds: &[&str]) -> bool {
        self.said(address).first().is_some_and(|definition| kinds.contains(&&*definition.block().kind))
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

    /// The kind of what is declared under an address.
    pub(super) fn kind(&self, address: &str) -> Arc<str> {
        self.main(address).map(|definition| Arc::clone(&definition.block().kind)).unwrap_or_default()
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

    /// A file that may declare an address and could not be read in full.
    pub(super) fn may_hold(&self, address: &str) -> Option<Arc<str>> {
        let quoted = format!("\"{}\"", address.rsplit('.').next().unwrap_or_default());
        // In YAML names stand as they are.
        let plain = address.rsplit(['/', ' ']).next().unwrap_or_default();
        // What is broken is mostly one block; it declares others only where nothing of it was read or their name is in it.
        let may = |file: &str, unit: &Lowered| {
            let name = if *file == *self.folder { plain } else { &quoted };
            unit.blocks.is_empty() || unit.source.contains(name)
        };
        self.broken.iter().find(|(file, unit)| may(file, unit)).map(|(file, _)| Arc::clone(file))
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
        let soft = self.is_soft_setting(definition);
        self.with(|scope| {
            let instances = scope.instances(definition);
            if soft && is_none(&instances) {
                let instances = unknown_of(&instances);
                return Declared { instances, soft, bodies: vec![scope.any_instance(definition)] };
            }
            let bodies = match instances {
                Instances::Count(Some(count)) => scope.counted(definition, count),
                _ => scope.resources(definition),
            };
            Declared { instances, soft, bodies }
        })
    }

    /// How many there are of what a block declares, and whether that rests on the default of a variable.
    pub(super) fn instances(&self, definition: &Definition) -> Option<(Instances, bool)> {
        let soft = self.is_soft_setting(definition);
        let instances = self.with(|scope| scope.instances(definition))?;
        Some((if soft && is_none(&instances) { unknown_of(&instances) } else { instances }, soft))
    }

    fn is_soft_setting(&self, definition: &Definition) -> bool {
        let settings = self.said(&definition.block().address).iter().flat_map(|definition| {
            let body = &definition.block().body;
            ["count", "for_each"].into_iter().filter_map(|name| body.attribute(name))
        });
        settings.into_iter().any(|expr| is_about(&expr.mentions(), self.soft()))
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
        self.place(definition, &definition.block().body.anchor.range())
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

fn unknown_of(instances: &Instances) -> Instances {
    match instances {
        Instances::One => Instances::One,
        Instances::Count(_) => Instances::Count(None),
        Instances::Keys(_) => Instances::Keys(None),
    }
}

/// What the source of a call says: the folder of a local module.
pub(super) fn local_source(folder: &str, call: &Definition) -> Option<String> {
    callee(folder, call.block())
}
