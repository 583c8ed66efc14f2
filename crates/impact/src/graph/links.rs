//! What leads from one configuration to another: states that are read, and names that are looked up.

use super::state::state;
use countersign_infra::terraform::{Definition, Evaluation, MAX_STEPS, Scope, Workspace, module_of};
use countersign_infra::{Body, Resource, ValueKind};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The data source that reads the outputs of another configuration.
const REMOTE_STATE: &str = "data.terraform_remote_state";

/// Attributes that hold the name by which a thing is looked up, each with what the name is called here: some data sources
/// call it otherwise than the resource does.
const NAMES: &[(&str, &str)] = &[
    ("bucket", "bucket"),
    ("cluster_id", "cluster_id"),
    ("cluster_identifier", "cluster_identifier"),
    ("db_instance_identifier", "identifier"),
    ("domain_name", "domain_name"),
    ("function_name", "function_name"),
    ("identifier", "identifier"),
    ("name", "name"),
    ("replication_group_id", "replication_group_id"),
    ("user_name", "name"),
];

/// What was found of links between configurations, kept for the next question. It follows one workspace through its edits
/// and works out anew only what asked for something that has changed; of another workspace it starts anew.
#[derive(Debug, Default)]
pub struct Links {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The version of the workspace that it holds for.
    version: Option<u64>,
    kinds: FxHashMap<Arc<str>, Kind>,
}

/// The blocks of one kind.
#[derive(Debug, Default)]
struct Kind {
    /// Tells sets of them apart.
    sum: u64,
    blocks: FxHashMap<Place, Arc<Found>>,
    by_name: FxHashMap<String, Vec<Named>>,
}

/// Folder of the module, and what the block says.
type Named = (Arc<str>, Arc<Found>);

/// File, digest of the unit, index of the block.
type Place = (Arc<str>, u64, usize);

/// What one block says of the thing that it declares or looks up.
#[derive(Debug)]
struct Found {
    address: Arc<str>,
    /// What it is known by: kind and text of the name, or the state. None where the text does not determine it.
    name: Option<String>,
    /// What else is known of it.
    rest: BTreeMap<String, String>,
    /// Fingerprints of what was asked.
    reads: Box<[u64]>,
}

impl Found {
    /// Whether nothing that both say is different.
    fn agrees(&self, other: &Self) -> bool {
        self.rest.iter().all(|(name, value)| other.rest.get(name).is_none_or(|there| there == value))
    }
}

/// Folder of a module and address in it.
type Address = (Arc<str>, Arc<str>);

impl Links {
    /// The data sources that read the state of the configuration in a folder.
    pub(super) fn readers(&self, workspace: &Workspace, module: &Arc<str>) -> Vec<Address> {
        if workspace.version_everywhere(REMOTE_STATE) == 0 {
            return Vec::new();
        }
        let Some(state) = state_of(workspace, module) else { return Vec::new() };
        let mut known = self.known(workspace);
        let readers = known.kind(workspace, REMOTE_STATE).by_name.get(&state);
        readers.into_iter().flatten().map(|(module, found)| (Arc::clone(module), Arc::clone(&found.address))).collect()
    }

    /// The data sources that look up a resource by a name that no other resource of its kind is known to have.
    pub(super) fn lookups(&self, workspace: &Workspace, module: &Arc<str>, of: &Definition) -> Vec<Address> {
        let block = of.block();
        let data = format!("data.{}", block.kind);
        if !block.is_resource() || workspace.version_everywhere(&data) == 0 {
            return Vec::new();
        }
        let own = found(workspace, of);
        let Some(name) = &own.name else { return Vec::new() };
        let mut known = self.known(workspace);
        let looking = known.kind(workspace, &data).by_name.get(name);
        let looking: Vec<_> = looking.into_iter().flatten().filter(|(_, found)| found.agrees(&own)).cloned().collect();
        if looking.is_empty() {
            return Vec::new();
        }
        let named = known.kind(workspace, &block.kind).by_name.get(name);
        let is_other = |(folder, other): &Named| {
            (folder, &other.address) != (module, &block.address) && looking.iter().any(|(_, found)| found.agrees(other))
        };
        if named.into_iter().flatten().any(is_other) {
            return Vec::new();
        }
        looking.into_iter().map(|(module, found)| (module, Arc::clone(&found.address))).collect()
    }

    fn known(&self, workspace: &Workspace) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.follow(workspace);
        known
    }
}

impl Known {
    /// Lets go of what asked for something that has changed.
    fn follow(&mut self, workspace: &Workspace) {
        let now = Some(workspace.version());
        if self.version == now {
            return;
        }
        let changed = self.version.and_then(|version| workspace.changed_since(version));
        match changed.map(Iterator::collect::<FxHashSet<u64>>) {
            None => self.kinds.clear(),
            Some(changed) => {
                for kind in self.kinds.values_mut() {
                    let before = kind.blocks.len();
                    kind.blocks.retain(|_, found| !found.reads.iter().any(|read| changed.contains(read)));
                    if kind.blocks.len() != before {
                        kind.sum = 0;
                    }
                }
            }
        }
        self.version = now;
    }

    fn kind(&mut self, workspace: &Workspace, name: &str) -> &Kind {
        let kind = self.kinds.entry(name.into()).or_default();
        let sum = workspace.version_everywhere(name);
        if kind.sum == sum {
            return kind;
        }
        let before = std::mem::take(&mut kind.blocks);
        kind.by_name.clear();
        for definition in workspace.everywhere(name).filter(|definition| !definition.is_override()) {
            let place = (Arc::clone(&definition.file), definition.unit.digest, definition.index);
            let found = before.get(&place).cloned().unwrap_or_else(|| Arc::new(found(workspace, definition)));
            if let Some(name) = &found.name {
                let module: Arc<str> = module_of(&definition.file).into();
                kind.by_name.entry(name.clone()).or_default().push((module, Arc::clone(&found)));
            }
            kind.blocks.insert(place, found);
        }
        kind.sum = sum;
        kind
    }
}

/// Where the configuration in a folder keeps its state.
fn state_of(workspace: &Workspace, module: &Arc<str>) -> Option<String> {
    let mut backends = workspace.of_kinds(module, |kind| kind.starts_with("backend."));
    let Some(definition) = backends.next() else { return state("local", &Body::default(), module) };
    if backends.next().is_some() {
        return None;
    }
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    let backend = Scope::new(&evaluation, module).resources(definition).into_iter().next()?;
    state(backend.kind.strip_prefix("backend.")?, &backend.body, module)
}

fn found(workspace: &Workspace, definition: &Definition) -> Found {
    let module = module_of(&definition.file);
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    let resource = Scope::new(&evaluation, module).resources(definition).into_iter().next();
    let is_state = &*definition.block().kind == REMOTE_STATE;
    let (name, rest) = match resource {
        Some(resource) if is_state => (state_read(&resource, module), BTreeMap::new()),
        Some(resource) => (name_of(&resource.body), texts(&resource.body)),
        None => (None, BTreeMap::new()),
    };
    let reads = evaluation.into_reads().into_keys().map(|key| key.fingerprint()).collect();
    Found { address: Arc::clone(&definition.block().address), name, rest, reads }
}

/// The state that a data source reads.
fn state_read(resource: &Resource, module: &str) -> Option<String> {
    let backend = resource.body.value("backend")?.as_str()?;
    let nothing = Body::default();
    let settings = match resource.body.value("config").map(|value| &value.kind) {
        Some(ValueKind::Object(settings)) => settings,
        None => &nothing,
        Some(_) => return None,
    };
    state(backend, settings, module)
}

/// The name of what a block declares or looks up, with the kind of the name.
fn name_of(body: &Body) -> Option<String> {
    for (attribute, kind) in NAMES {
        match body.value(attribute).map(|value| &value.kind) {
            None | Some(ValueKind::Null) => {}
            Some(ValueKind::String { text, .. }) => return Some(format!("{kind} {text}")),
            Some(_) => return None,
        }
    }
    if let Some(ValueKind::Object(tags)) = body.value("tags").map(|value| &value.kind)
        && let Some(name) = tags.value("Name")
    {
        return name.as_str().map(|name| format!("tag {name}"));
    }
    let mut filters = body.named("filter").filter_map(|field| match &field.value.kind {
        ValueKind::Object(filter) => Some(filter),
        _ => None,
    });
    let filter = filters.find(|filter| filter.value("name").and_then(|name| name.as_str()) == Some("tag:Name"))?;
    match &filter.value("values")?.kind {
        ValueKind::List(values) => match values.as_slice() {
            [value] => value.as_str().map(|name| format!("tag {name}")),
            _ => None,
        },
        _ => None,
    }
}

/// What else a block says in so many words: where the thing is, what it belongs to.
fn texts(body: &Body) -> BTreeMap<String, String> {
    let text = |value: &ValueKind| match value {
        ValueKind::String { text, .. } => Some(text.clone()),
        ValueKind::Bool(is) => Some(is.to_string()),
        ValueKind::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let is_name = |name: &str| NAMES.iter().any(|(attribute, _)| *attribute == name);
    let fields = body.fields.iter().filter(|field| !is_name(&field.name));
    fields.filter_map(|field| Some((field.name.clone(), text(&field.value.kind)?))).collect()
}
