//! What depends on a resource, all of it at once: the answer to `countersign/blastRadius`.

use super::features::{View, from_wire, to_range, to_wire};
use super::protocol::{BlastChange, BlastDependent, BlastRadiusParams, BlastRadiusResult, BlastResource, WireRange};
use crate::impact::critical;
use countersign_engine::impact::Impact;
use countersign_engine::{Definition, Elsewhere, block_at, module_of};
use countersign_impact::graph::{Dependent, Radius, dependents};
use countersign_policy::{Environment, Tier};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use tower_lsp::ls_types::{Range, Uri};

/// Dependents that are listed, the nearest; what leads to the most critical one comes on top.
const MAX_LISTED: usize = 500;

/// The resource that is asked about and what depends on it; `None` where no resource is.
pub(super) fn blast_radius(view: &View, params: &BlastRadiusParams) -> Option<BlastRadiusResult> {
    let (module, address) = asked(view, params)?;
    let change = change(view, &module, &address);
    let definition = view.workspace.definition(&module, &address);
    let (kind, place) = match (definition, &change) {
        (Some(definition), _) => (definition.block().kind.to_string(), place(view, definition)),
        (None, Some(gone)) => (gone.impact.change.kind.clone(), Some((gone.uri.clone(), gone.range))),
        (None, None) => return None,
    };
    let environment = match (&change, definition) {
        (Some(gone), None) => gone.impact.environment,
        _ => critical::environment(&view.workspace, &view.policy, (&module, &address), &module),
    };
    let (uri, range) = place.map_or((None, None), |(uri, range)| (Some(uri), range));
    let tier = Tier::of(&kind);
    let resource = BlastResource { address: address.clone(), kind, environment, tier, uri, range };

    let radius = dependents(&view.workspace, view.around.live.links(), &module, &address);
    let worst = critical::most_critical(&radius, |dependent| environment_in(view, &radius, dependent));
    let worst = worst.map(|critical| critical.place);
    let through = through(&radius);
    let listed = listed(&through, worst);
    let unseen: HashSet<_> = radius.unseen().map(|unseen| (&unseen.module, &unseen.address)).collect();
    let index_of = |place: usize| listed.binary_search(&place).ok();
    let dependent = |place: &usize| {
        let dependent = radius.dependents.get(*place)?;
        Some(BlastDependent {
            resource: resource_of(view, &radius, dependent),
            distance: dependent.distance,
            through: through.get(*place).copied().flatten().and_then(index_of),
            via: radius.via(dependent),
            unseen: unseen.contains(&(&dependent.module, &dependent.address)),
        })
    };
    Some(BlastRadiusResult {
        resource,
        change: change.map(|change| change.told(definition.is_none())),
        dependents: listed.iter().filter_map(dependent).collect(),
        total: radius.dependents.len(),
        at_least: radius.is_cut,
        unseen: unseen.len(),
        worst: worst.and_then(index_of),
        module,
    })
}

/// Module and address of the resource that is meant.
fn asked(view: &View, params: &BlastRadiusParams) -> Option<(String, String)> {
    let own = module_of(&view.snapshot.file);
    if let Some(address) = &params.address {
        return Some((params.module.clone().unwrap_or_else(|| own.to_owned()), address.clone()));
    }
    let position = params.position?;
    let offset = view.bytes(&from_wire(&WireRange { start: position, end: position })).start;
    let address = block_at(&view.snapshot, offset)?;
    view.workspace.definition(own, &address).map(|_| (own.to_owned(), address))
}

/// What the changes do to a resource, and the open document that shows it.
struct Shown {
    impact: Impact,
    uri: String,
    range: Option<WireRange>,
}

fn change(view: &View, module: &str, address: &str) -> Option<Shown> {
    let is = |impact: &&Impact| {
        let change = &impact.change;
        *change.module == *module && (change.address == address || change.renamed_to.as_deref() == Some(address))
    };
    view.around.open.iter().find_map(|entry| {
        let snapshot = entry.value();
        let impact = snapshot.impacts.iter().find(is)?;
        let start = impact.range(snapshot).map(|range| range.start..range.start);
        let range = start.map(|start| to_wire(&to_range(&snapshot.text, view.features.encoding, &start)));
        Some(Shown { impact: impact.clone(), uri: entry.key().clone(), range })
    })
}

impl Shown {
    fn told(&self, is_gone: bool) -> BlastChange {
        let change = &self.impact.change;
        BlastChange {
            action: change.action,
            certain: change.certain,
            data_loss: change.loss.is_some(),
            summary: self.impact.in_short(),
            is_gone,
            dependents: self.impact.reach.transitive,
        }
    }
}

/// For each dependent the place of the one through which it was reached, which comes before it.
fn through(radius: &Radius) -> Vec<Option<usize>> {
    let name = |dependent: &Dependent| (Arc::clone(&dependent.module), Arc::clone(&dependent.address));
    let places: HashMap<_, _> = radius.dependents.iter().enumerate().map(|(place, it)| (name(it), place)).collect();
    let of = |(place, dependent): (usize, &Dependent)| {
        let above = places.get(&name(radius.through(dependent)?)).copied();
        above.filter(|above| *above < place)
    };
    radius.dependents.iter().enumerate().map(of).collect()
}

/// The places of those that are listed, in order.
fn listed(through: &[Option<usize>], worst: Option<usize>) -> Vec<usize> {
    let mut listed: BTreeSet<usize> = (0..through.len().min(MAX_LISTED)).collect();
    let up = |place: &usize| through.get(*place).copied().flatten();
    listed.extend(std::iter::successors(worst, up));
    listed.into_iter().collect()
}

fn resource_of(view: &View, radius: &Radius, dependent: &Dependent) -> BlastResource {
    let place = place(view, &dependent.definition);
    let (uri, range) = place.map_or((None, None), |(uri, range)| (Some(uri), range));
    BlastResource {
        address: radius.full_address(dependent),
        kind: dependent.kind().to_owned(),
        environment: environment_in(view, radius, dependent),
        tier: Tier::of(dependent.kind()),
        uri,
        range,
    }
}

/// File and first line of a block; the file alone where its text has moved on.
fn place(view: &View, definition: &Definition) -> Option<(String, Option<WireRange>)> {
    let place = Elsewhere {
        file: Arc::clone(&definition.file),
        unit: definition.unit.digest,
        range: definition.block().header(),
        message: String::new(),
    };
    let Some((uri, snapshot, range)) = view.around.locate(&place) else {
        return Some((Uri::from_file_path(&*definition.file)?.as_str().to_owned(), None));
    };
    let range: Range = to_range(&snapshot.text, view.features.encoding, &range);
    Some((uri.as_str().to_owned(), Some(to_wire(&range))))
}

fn environment_in(view: &View, radius: &Radius, dependent: &Dependent) -> Environment {
    critical::environment_in(&view.workspace, &view.policy, radius, dependent)
}
