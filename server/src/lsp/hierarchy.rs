//! Who depends on a resource and what it depends on, as the call hierarchy that every editor can browse: incoming calls are
//! its dependents, outgoing ones what it mentions.

use super::features::{View, to_range};
use countersign_engine::impact::environment_of;
use countersign_engine::{Definition, Elsewhere, Workspace, block_at, module_of};
use countersign_impact::graph::dependents;
use countersign_policy::{Environment, Tier};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tower_lsp::ls_types::{
    CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, Position, Range, SymbolKind, Uri,
};

/// Items that are listed for one resource.
const MAX_ITEMS: usize = 500;

/// What an item is about, which a client sends back.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    /// An open document, of whose workspace the question is.
    from: String,
    module: String,
    address: String,
}

/// The open document that an item was listed for.
pub(super) fn document(item: &CallHierarchyItem) -> Option<Uri> {
    about(item)?.from.parse().ok()
}

fn about(item: &CallHierarchyItem) -> Option<About> {
    serde_json::from_value(item.data.clone()?).ok()
}

/// The resource at a place.
pub(super) fn prepare(view: &View, position: Position) -> Option<Vec<CallHierarchyItem>> {
    let offset = view.bytes(&Range { start: position, end: position }).start;
    let address = block_at(&view.snapshot, offset)?;
    let module = module_of(&view.snapshot.file);
    Some(vec![item(view, module, view.workspace.definition(module, &address)?)?])
}

/// What depends on it directly.
pub(super) fn incoming(view: &View, of: &CallHierarchyItem) -> Option<Vec<CallHierarchyIncomingCall>> {
    let About { module, address, .. } = about(of)?;
    let radius = dependents(&view.workspace, view.around.live.links(), &module, &address);
    let direct = radius.dependents.iter().filter(|dependent| dependent.distance == 1).take(MAX_ITEMS);
    let call = |dependent: &countersign_impact::graph::Dependent| {
        let from = item(view, &dependent.module, &dependent.definition)?;
        Some(CallHierarchyIncomingCall { from_ranges: vec![from.selection_range], from })
    };
    Some(direct.filter_map(call).collect())
}

/// What it mentions.
pub(super) fn outgoing(view: &View, of: &CallHierarchyItem) -> Option<Vec<CallHierarchyOutgoingCall>> {
    let About { module, address, .. } = about(of)?;
    let mentioned = mentioned(&view.workspace, &module, &address);
    let call = |definition: &Definition| {
        let to = item(view, &module, definition)?;
        Some(CallHierarchyOutgoingCall { from_ranges: vec![of.selection_range], to })
    };
    Some(mentioned.into_iter().take(MAX_ITEMS).filter_map(call).collect())
}

/// The resources, data sources and module calls that a block mentions, through local values too.
fn mentioned<'w>(workspace: &'w Workspace, module: &str, address: &str) -> Vec<&'w Definition> {
    let mut found: Vec<&Definition> = Vec::new();
    let mut seen = vec![address.to_owned()];
    let mut open: Vec<&Definition> = workspace.definition(module, address).into_iter().collect();
    while let Some(definition) = open.pop() {
        for name in &definition.block().mentions {
            if seen.iter().any(|known| **known == **name) {
                continue;
            }
            seen.push(name.to_string());
            let Some(next) = workspace.definition(module, name) else { continue };
            if name.starts_with("local.") {
                open.push(next);
            } else if !name.starts_with("var.") {
                found.push(next);
            }
        }
    }
    found
}

/// A block as it is listed.
fn item(view: &View, module: &str, definition: &Definition) -> Option<CallHierarchyItem> {
    let block = definition.block();
    let place = |range| Elsewhere {
        file: Arc::clone(&definition.file),
        unit: definition.unit.digest,
        range,
        message: String::new(),
    };
    let (uri, snapshot, range) = view.around.locate(&place(block.range.range()))?;
    let (_, _, header) = view.around.locate(&place(definition.block().header()))?;
    let encoding = view.features.encoding;
    let environment = environment_of(&view.workspace, &view.policy, module, &block.address).0;
    let mut detail = Tier::of(&block.kind).name().to_owned();
    if environment != Environment::Unknown {
        detail = format!("{detail}, {}", environment.name());
    }
    let about =
        About { from: view.uri.as_str().to_owned(), module: module.to_owned(), address: block.address.to_string() };
    Some(CallHierarchyItem {
        name: block.address.to_string(),
        kind: SymbolKind::OBJECT,
        tags: None,
        detail: Some(detail),
        uri,
        range: to_range(&snapshot.text, encoding, &range),
        selection_range: to_range(&snapshot.text, encoding, &header),
        data: serde_json::to_value(about).ok(),
    })
}
