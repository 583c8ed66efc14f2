//! What is made of a unit in its workspace: the risks that are seen in it, with everything evaluated.
//!
//! It holds for as long as nothing changes that was asked for. So after a change of the workspace only those units are
//! looked at again that asked for what has changed.

use crate::document::Snapshot;
use crate::facts::Facts;
use countersign_infra::terraform::{
    Definition, Evaluation, Key, Lowered, MAX_STEPS, Reads, Refusal, Scope, Workspace, is_variable_file, module_of,
    unread,
};
use countersign_infra::{Field, Found, Resource, Value, ValueKind, Via, ViaSource, World};
use countersign_policy::{Catalogue, Environment, EnvironmentEvidence, Environments, Gap, Hit, Written, hits};
use countersign_syntax::{Budget, Carry, Unit};
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tree_sitter::Tree;

/// Steps of an evaluation that take as long as one of the parser.
const STEPS_PER_PARSER_STEP: u64 = 300;

/// Steps of the parser that the rules for one block take at least.
const BLOCK_STEPS: usize = 1;

/// A place that has to do with a finding and may be in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The file.
    pub file: Arc<str>,
    /// Digest of the unit.
    pub unit: u64,
    /// Bytes from the start of that unit.
    pub range: Range<usize>,
    /// What is there.
    pub message: String,
}

/// A risk seen in a unit, with what has to do with it.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) hit: Hit,
    pub(crate) elsewhere: Arc<[Elsewhere]>,
    written: Written,
    /// The environment, by the settings and for the path that it was told for last.
    told: Mutex<Option<(Arc<Environments>, String, Told)>>,
}

/// An environment, and what tells it.
type Told = (Environment, Option<EnvironmentEvidence>);

impl Sight {
    /// The environment of the resource. `path` is that of the file.
    pub(crate) fn environment(&self, environments: &Arc<Environments>, path: &str) -> Told {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((by, of, known)) = &*told
            && Arc::ptr_eq(by, environments)
            && of == path
        {
            return *known;
        }
        let found = environments.of(&Written { path: path.to_owned(), ..self.written.clone() });
        *told = Some((Arc::clone(environments), path.to_owned(), found));
        found
    }
}

/// Where something is refused, what is wrong, and where else that shows.
type Refused = (Range<usize>, Arc<str>, Arc<[Elsewhere]>);

/// What is made of a unit.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// The workspace's version for which it is known to hold.
    version: AtomicU64,
    /// The number of the catalogue that was looked for.
    catalogue: u64,
    reads: Reads,
    /// Fingerprints of their keys.
    fingerprints: Vec<u64>,
    pub(crate) sights: Vec<Sight>,
    pub(crate) gaps: Vec<Gap>,
    /// What Terraform would refuse or what could not be worked out, and where.
    pub(crate) refusals: Vec<Refused>,
}

/// What is kept about neighbouring units.
#[derive(Debug, Default)]
pub struct Digest {
    /// Numbers of the units that the workspace's index has.
    pub(crate) indexed: Vec<u64>,
    /// It has all of them, and none that is no more.
    pub(crate) is_indexed: bool,
    /// The workspace's version for which the rest holds; `None` where nothing is known.
    version: Option<u64>,
    /// The number of the catalogue for which it holds.
    catalogue: u64,
    /// The units that it is about, in order.
    units: Vec<Known>,
    /// Those of them of which there is something to say.
    notable: Vec<NotableAt>,
    /// No unit was replaced since.
    settled: bool,
    /// Fingerprints of the keys that each of them asked for, one unit after the other.
    keys: Vec<u64>,
    /// The same, and perhaps what units asked for that are no more.
    filter: Filter,
}

/// What is kept about one of them.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The unit's number.
    id: u64,
    /// How many keys it asked for.
    keys: usize,
    /// Whether there is anything to say about it.
    is_notable: bool,
}

/// Where a unit is of which there is something to say.
#[derive(Debug, Clone, Copy)]
struct NotableAt {
    /// Which of the units.
    index: usize,
    /// Bytes from the start of the first unit.
    offset: usize,
}

impl Carry for Digest {
    fn carry(&self) -> Self {
        Self {
            indexed: self.indexed.clone(),
            version: self.version,
            catalogue: self.catalogue,
            units: self.units.clone(),
            keys: self.keys.clone(),
            filter: self.filter.clone(),
            ..Self::default()
        }
    }
}

/// Keys of which it is known which are certainly not among them; it says of about one key in a thousand that it is, and is
/// wrong. Copied at each edit of a neighbour, which a set of the keys themselves would make slow.
#[derive(Debug, Clone)]
struct Filter {
    bits: Box<[u64]>,
    /// Keys that were put in.
    len: usize,
}

/// Bits of a [`Filter`], a power of two: fifty for each of the six hundred keys that 64 units ask for.
const FILTER_BITS: usize = 1 << 15;

/// Keys that may be put into a [`Filter`] before it is made anew.
const FILTER_KEYS: usize = FILTER_BITS / 16;

impl Default for Filter {
    fn default() -> Self {
        Self { bits: vec![0; FILTER_BITS / 64].into(), len: 0 }
    }
}

impl Filter {
    /// The three bits that stand for a hash.
    fn places(hash: u64) -> impl Iterator<Item = (usize, u64)> {
        [0, 15, 30].into_iter().map(move |shift| {
            let bit = usize::try_from(hash >> shift & (FILTER_BITS as u64 - 1)).unwrap_or_default();
            (bit / 64, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, hash: u64) {
        self.len += 1;
        for (word, bit) in Self::places(hash) {
            self.bits[word] |= bit;
        }
    }

    fn may_hold(&self, hash: u64) -> bool {
        Self::places(hash).all(|(word, bit)| self.bits[word] & bit != 0)
    }
}

/// A unit of which there is something to say: where it starts, what it says, what is made of it.
pub(crate) type Notable<'a> = (usize, &'a Facts, Arc<Derived>);

/// Works out every unit, and returns those of which there is something to say. `None` where the budget did not suffice.
pub(crate) fn derive<'a>(
    snapshot: &'a Snapshot,
    workspace: &Workspace,
    catalogue: &Catalogue,
    budget: &mut Budget,
) -> Option<Vec<Notable<'a>>> {
    let mut notable = Vec::new();
    for neighbours in snapshot.units.neighbours() {
        let mut digest = neighbours.digest.lock().unwrap_or_else(PoisonError::into_inner);
        if digest.catalogue != catalogue.number() {
            // Other risks: whatever is known is about those of before.
            (digest.version, digest.catalogue) = (None, catalogue.number());
        }
        let is_current = is_current(&digest, workspace);
        if !is_current || !digest.settled {
            let known = std::mem::take(&mut *digest);
            let around = (workspace, catalogue);
            *digest = settle(known, is_current, (neighbours.start, neighbours.units), snapshot, around, budget)?;
        }
        digest.version = Some(workspace.version());
        for NotableAt { index, offset } in &digest.notable {
            let Some(unit) = neighbours.units.get(*index) else { continue };
            let Some(facts) = unit.memo() else { continue };
            let start = neighbours.start + offset;
            // A job on the pool may have looked for other risks meanwhile.
            let derived = match facts.derived().filter(|derived| derived.catalogue == catalogue.number()) {
                Some(derived) => derived,
                None => of_unit(facts, snapshot, start..start + unit.len(), (workspace, catalogue), budget)?,
            };
            notable.push((start, facts, derived));
        }
    }
    Some(notable)
}

/// Works out the units that are new or that asked for something that has changed.
fn settle(
    known: Digest,
    is_current: bool,
    (start, units): (usize, &[Unit<Facts>]),
    snapshot: &Snapshot,
    (workspace, catalogue): (&Workspace, &Catalogue),
    budget: &mut Budget,
) -> Option<Digest> {
    let changed: Option<FxHashSet<u64>> = match known.version {
        Some(_) if is_current => Some(FxHashSet::default()),
        version => version.and_then(|version| workspace.changed_since(version)).map(Iterator::collect),
    };
    let (indexed, is_indexed) = (known.indexed, known.is_indexed);
    let (filter, catalogue_number) = (known.filter, catalogue.number());
    let mut found =
        Digest { indexed, is_indexed, settled: true, filter, catalogue: catalogue_number, ..Digest::default() };
    let (mut next, mut next_key) = (0, 0);
    let mut end = start;
    for unit in units {
        let at = end..end + unit.len();
        end = at.end;
        // Both are in the order of the text.
        let before = known.units[next..].iter().position(|known| known.id == unit.id());
        if let (Some(ahead), Some(changed)) = (before, &changed) {
            next_key += known.units[next..next + ahead].iter().map(|known| known.keys).sum::<usize>();
            next += ahead + 1;
            let unit = known.units[next - 1];
            let keys = &known.keys[next_key..next_key + unit.keys];
            next_key += unit.keys;
            if changed.is_empty() || !keys.iter().any(|key| changed.contains(key)) {
                found.keys.extend_from_slice(keys);
                found.units.push(unit);
                continue;
            }
        }
        let facts = unit.memo()?;
        let derived = of_unit(facts, snapshot, at, (workspace, catalogue), budget)?;
        derived.fingerprints.iter().for_each(|key| found.filter.insert(*key));
        found.keys.extend_from_slice(&derived.fingerprints);
        found.units.push(Known {
            id: unit.id(),
            keys: derived.fingerprints.len(),
            is_notable: facts.is_notable() || !derived.sights.is_empty() || !derived.refusals.is_empty(),
        });
    }
    let mut offset = 0;
    for (index, (unit, known)) in units.iter().zip(&found.units).enumerate() {
        if known.is_notable {
            found.notable.push(NotableAt { index, offset });
        }
        offset += unit.len();
    }
    // Once the filter is mostly about units that are no more, it is made anew.
    if found.filter.len > FILTER_KEYS.max(2 * found.keys.len()) {
        found.filter = Filter::default();
        found.keys.iter().for_each(|key| found.filter.insert(*key));
    }
    Some(found)
}

/// Whether a change of the workspace may change what is to be said about a snapshot.
pub fn is_affected(snapshot: &Snapshot, workspace: &Workspace) -> bool {
    let mut affected = false;
    for neighbours in snapshot.units.neighbours() {
        let mut digest = neighbours.digest.lock().unwrap_or_else(PoisonError::into_inner);
        if digest.settled && is_current(&digest, workspace) {
            digest.version = Some(workspace.version());
        } else {
            affected = true;
        }
    }
    affected
}

/// Whether nothing changed that one of these units asked for.
fn is_current(digest: &Digest, workspace: &Workspace) -> bool {
    digest.version.is_some_and(|version| is_untouched(version, workspace, |key| digest.filter.may_hold(key)))
}

/// Whether what was worked out for a version of the workspace holds for it now; `asked` says on which keys it rests, by their
/// fingerprints.
fn is_untouched(version: u64, workspace: &Workspace, asked: impl Fn(u64) -> bool) -> bool {
    workspace.changed_since(version).is_some_and(|mut changed| !changed.any(asked))
}

/// Whether the answers to all that was asked are the same now.
fn are_answered_alike(reads: &Reads, workspace: &Workspace) -> bool {
    reads.iter().all(|(key, version)| workspace.version_of(key) == *version)
}

impl Derived {
    /// Whether it holds: nothing changed that was asked for, or the answers are the same all the same.
    fn holds(&self, workspace: &Workspace) -> bool {
        let version = self.version.load(Ordering::Relaxed);
        let holds = is_untouched(version, workspace, |key| self.fingerprints.contains(&key))
            || are_answered_alike(&self.reads, workspace);
        if holds {
            self.version.store(workspace.version(), Ordering::Relaxed);
        }
        holds
    }
}

/// Works out the unit that stands somewhere in a snapshot.
fn of_unit(
    facts: &Facts,
    snapshot: &Snapshot,
    at: Range<usize>,
    (workspace, catalogue): (&Workspace, &Catalogue),
    budget: &mut Budget,
) -> Option<Arc<Derived>> {
    let is_of_it = |known: &Arc<Derived>| known.catalogue == catalogue.number() && known.holds(workspace);
    if let Some(known) = facts.derived().filter(is_of_it) {
        return Some(known);
    }
    let allowed = u64::try_from(budget.steps()).unwrap_or(u64::MAX).saturating_mul(STEPS_PER_PARSER_STEP);
    let limit = allowed.min(MAX_STEPS);
    let evaluation = Evaluation::new(workspace, limit);
    let mut derived = look(&facts.lowered, (&snapshot.file, &snapshot.text.slice(at)), &evaluation, catalogue);
    derived.catalogue = catalogue.number();
    let steps = usize::try_from(evaluation.steps_taken() / STEPS_PER_PARSER_STEP).unwrap_or(usize::MAX);
    let enough = budget.spend(steps + BLOCK_STEPS * facts.lowered.blocks.len());
    if evaluation.steps_left() == 0 {
        if limit < MAX_STEPS {
            return None;
        }
        let range = facts.lowered.blocks.first().map_or(0..0, |block| block.body.anchor.range());
        let message = format!(
            "This block is not analysed in full: evaluating it takes more than {MAX_STEPS} steps. Split what it goes over."
        );
        derived.refusals.push((range, message.into(), Arc::default()));
    }
    if !enough {
        return None;
    }
    derived.reads = evaluation.into_reads();
    derived.fingerprints = derived.reads.keys().map(Key::fingerprint).collect();
    derived.version = AtomicU64::new(workspace.version());
    let derived = Arc::new(derived);
    let mut known = facts.derived.lock().unwrap_or_else(PoisonError::into_inner);
    // A job on the pool may be done with an older workspace after the main loop was with a newer one.
    let is_newer = |known: &Arc<Derived>| {
        known.catalogue == catalogue.number() && known.version.load(Ordering::Relaxed) > workspace.version()
    };
    if !known.as_ref().is_some_and(is_newer) {
        *known = Some(Arc::clone(&derived));
    }
    Some(derived)
}

/// Looks at every block of a unit, which is in a file and has a text.
fn look(
    unit: &Arc<Lowered>,
    (file, text): (&Arc<str>, &str),
    evaluation: &Evaluation<'_>,
    catalogue: &Catalogue,
) -> Derived {
    let scope = Scope::new(evaluation, module_of(file));
    let mut derived = Derived::default();
    let mut refused = 0;
    for (definition, resources) in scope.unit(file, unit) {
        let block = definition.block();
        if !is_variable_file(file) && module_of(file) != &**file {
            duplicates(&scope, &definition, &mut derived);
        }
        for resource in &resources {
            let seen = hits(catalogue, resource, text, &scope);
            derived.gaps.extend(seen.gaps);
            for hit in seen.hits.into_iter().filter(|hit| !is_seen_elsewhere(hit, catalogue)) {
                let sight = sight(&scope, hit, resource);
                if !derived.sights.iter().any(|known| known.hit.says_the_same(&sight.hit)) {
                    derived.sights.push(sight);
                }
            }
        }
        if &*block.kind == "module" && !resources.is_empty() {
            called((&scope, catalogue), &definition, &definition, "", &mut derived, 0);
        }
        wrong_type(&scope, &definition, &mut derived);
        // What was refused meanwhile, was refused on behalf of this block.
        let refusals = evaluation.refusals();
        let is_about = |refusal: &&Refusal| {
            let own = |about: &String| {
                about.strip_prefix(&*block.address).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            &*block.kind == "module" || refusal.about.iter().any(own)
        };
        for refusal in refusals.iter().skip(refused).filter(is_about) {
            derived.refusals.push((block.body.anchor.range(), refusal.message.as_str().into(), Arc::default()));
        }
        refused = refusals.len();
    }
    derived.gaps.sort_by(|a, b| (a.range.start, &a.risk).cmp(&(b.range.start, &b.risk)));
    derived.gaps.dedup();
    derived
}

/// Whether the same risk is seen where the value is written, in a policy document that is looked at by itself.
fn is_seen_elsewhere(hit: &Hit, catalogue: &Catalogue) -> bool {
    const DOCUMENT: &str = "data.aws_iam_policy_document";
    let from_document = hit.via.iter().flat_map(|via| via.chain()).any(|via| via.name.starts_with(DOCUMENT));
    let risk = catalogue.risk(hit.risk);
    from_document
        && risk.is_some_and(|risk| {
            risk.bindings.iter().any(|binding| binding.kinds.iter().any(|kind| kind == DOCUMENT || kind == "*"))
        })
}

/// The risks in a module that are there because of what a call passes to it, at the arguments.
fn called(
    (scope, catalogue): (&Scope<'_>, &Catalogue),
    root: &Definition,
    call: &Definition,
    prefix: &str,
    derived: &mut Derived,
    depth: usize,
) {
    let Some(inside) = scope.enter(call) else { return };
    let prefix = format!("{prefix}{}.", call.block().address);
    // Ends where the steps do.
    for (definition, resources) in inside.everything() {
        for resource in &resources {
            for mut hit in hits(catalogue, resource, &definition.unit.source, &inside).hits {
                let Some(argument) = hit.via.as_deref().and_then(|via| argument_of(via, root)) else { continue };
                let range = argument.range.clone();
                let known = |known: &Sight| known.hit.risk == hit.risk && known.hit.range == range;
                if derived.sights.iter().any(known) {
                    continue;
                }
                let inner = Elsewhere {
                    file: Arc::clone(&definition.file),
                    unit: definition.unit.digest,
                    range: hit.range.clone(),
                    message: format!("`{}` uses it here.", hit.address),
                };
                let mut sight = sight(&inside, hit.clone(), resource);
                let is_inside = |place: &&Elsewhere| place.file != root.file || place.unit != root.unit.digest;
                sight.elsewhere =
                    std::iter::once(inner).chain(sight.elsewhere.iter().filter(is_inside).cloned()).collect();
                hit.address = format!("{prefix}{}", hit.address).into();
                let (inner, outer) = (format!("`{}`", resource.address), format!("`{}`", hit.address));
                hit.message = hit.message.replacen(&inner, &outer, 1).into();
                hit.range = range;
                hit.resource = root.block().range.range();
                hit.fix = None;
                hit.via = None;
                sight.hit = hit;
                derived.sights.push(sight);
            }
        }
        if &*definition.block().kind == "module" && depth < 8 && !resources.is_empty() {
            called((&inside, catalogue), root, &definition, &prefix, derived, depth + 1);
        }
    }
}

/// The place in a call where a value is passed.
fn argument_of<'v>(via: &'v Via, call: &Definition) -> Option<&'v Via> {
    via.chain().find(|via| via.source == ViaSource::Argument && via.file == call.file && via.unit == call.unit.digest)
}

fn sight(scope: &Scope<'_>, mut hit: Hit, resource: &Resource) -> Sight {
    let mut elsewhere = Vec::new();
    if let Some(via) = hit.via.clone() {
        hit.message = format!("{} {}", hit.message, in_words(&via)).into();
        for place in via.chain() {
            elsewhere.push(Elsewhere {
                file: Arc::clone(&place.file),
                unit: place.unit,
                range: place.range.clone(),
                message: in_words(place),
            });
        }
    }
    for related in &hit.related {
        if let Some(other) = scope.definition(&related.address) {
            elsewhere.push(Elsewhere {
                file: Arc::clone(&other.file),
                unit: other.unit.digest,
                range: other.block().body.anchor.range(),
                message: related.message.clone(),
            });
        }
    }
    Sight { hit, elsewhere: elsewhere.into(), written: written(scope, resource), told: Mutex::default() }
}

/// Where a value comes from, as a sentence.
fn in_words(via: &Via) -> String {
    let file = via.file.rsplit('/').next().unwrap_or(&via.file);
    let name = &via.name;
    match via.source {
        ViaSource::Default => format!("This is the default of `{name}`; nothing that is known here sets it."),
        ViaSource::VariableFile => format!("`{name}` is set in {file}."),
        ViaSource::Argument => format!("It is passed as `{name}`."),
        ViaSource::Local => format!("It comes from `{name}` in {file}."),
        ViaSource::Attribute => format!("It is `{name}`, set in {file}."),
        ViaSource::Output => format!("It is the output `{name}`."),
        ViaSource::Override => format!("{file} overrides it."),
    }
}

/// Blocks that say for a second time what an address is.
fn duplicates(scope: &Scope<'_>, definition: &Definition, derived: &mut Derived) {
    let others = scope.duplicates(definition);
    let block = definition.block();
    let elsewhere: Vec<_> = others
        .iter()
        .filter(|other| other.file != definition.file || other.unit.digest != definition.unit.digest)
        .map(|other| Elsewhere {
            file: Arc::clone(&other.file),
            unit: other.unit.digest,
            range: other.block().body.anchor.range(),
            message: format!("`{}` is declared here too.", block.address),
        })
        .collect();
    if !others.is_empty() {
        let message = format!("`{}` is declared more than once in this module; Terraform refuses this.", block.address);
        derived.refusals.push((block.body.anchor.range(), message.into(), elsewhere.into()));
    }
}

/// A value of a variable file that is not what the variable is declared to be.
fn wrong_type(scope: &Scope<'_>, definition: &Definition, derived: &mut Derived) {
    if !is_variable_file(&definition.file) {
        return;
    }
    if let Some((range, message, variable)) = scope.mismatch(definition) {
        let elsewhere = Elsewhere {
            file: Arc::clone(&variable.file),
            unit: variable.unit.digest,
            range: variable.block().body.anchor.range(),
            message: format!("`{}` is declared here.", variable.block().address),
        };
        derived.refusals.push((range, message.into(), Arc::new([elsewhere])));
    }
}

/// Names under which an environment is told.
const ENVIRONMENT_NAMES: &[&str] = &["environment", "env", "stage", "environment_name", "env_name"];

/// What tells the environment of a resource, the path aside.
pub(crate) fn written(scope: &Scope<'_>, resource: &Resource) -> Written {
    let text = |value: Option<&Value>| value.and_then(|value| value.as_str()).map(str::to_owned);
    let tag = ["tags", "labels", "tags_all", "resource_labels", "metadata.labels"].iter().find_map(|name| {
        let tags = resource.body.find(name);
        let Some(Found::Value(Value { kind: ValueKind::Object(tags), .. })) = tags.first() else { return None };
        let tag = |field: &&Field| ENVIRONMENT_NAMES.iter().any(|name| field.name.eq_ignore_ascii_case(name));
        text(tags.fields.iter().find(tag).map(|field| &field.value))
    });
    let tag = tag.or_else(|| {
        let tags = resource.body.find("Tags");
        let Some(Found::Value(Value { kind: ValueKind::List(tags), .. })) = tags.first() else { return None };
        tags.iter().find_map(|tag| {
            let ValueKind::Object(tag) = &tag.kind else { return None };
            let key = tag.value("Key").and_then(Value::as_str)?;
            let is_told = ENVIRONMENT_NAMES.iter().any(|name| key.eq_ignore_ascii_case(name));
            text(tag.value("Value")).filter(|_| is_told)
        })
    });
    let mut names: Vec<_> = ["name", "identifier", "cluster_identifier", "bucket", "db_name", "cluster_name"]
        .iter()
        .filter_map(|name| text(resource.body.value(name)))
        .collect();
    // Of a template.
    let is_name = |field: &&Field| field.name.ends_with("Name") || field.name.ends_with("Identifier");
    names.extend(resource.body.fields.iter().filter(is_name).filter_map(|field| text(Some(&field.value))));
    // A stage of a Dockerfile is called after what it is for, and its image runs anywhere.
    if !resource.kind.starts_with("docker/") {
        names.extend(resource.address.rsplit('.').next().map(str::to_owned));
    }
    let variable = ENVIRONMENT_NAMES.iter().find_map(|name| {
        ["var", "local"].iter().find_map(|from| text(Some(&scope.value_of(&format!("{from}.{name}"))?)))
    });
    let workspace = scope
        .of_kind("backend.cloud")
        .iter()
        .find_map(|cloud| match cloud.body.find("workspaces.name").as_slice() {
            [Found::Value(value)] => text(Some(value)),
            _ => None,
        })
        .or_else(|| {
            ["backend.s3", "backend.gcs", "backend.azurerm"].iter().find_map(|kind| {
                let backends = scope.of_kind(kind);
                let backend = backends.first()?;
                ["key", "prefix"].iter().find_map(|name| text(backend.body.value(name)))
            })
        });
    Written { path: String::new(), workspace, variable, tag, names }
}

/// The address of the block that a byte of a text stands in.
pub fn block_at(snapshot: &Snapshot, offset: usize) -> Option<String> {
    let (start, unit) = snapshot.units.iter().find(|(start, unit)| (*start..start + unit.len()).contains(&offset))?;
    let blocks = &unit.memo()?.lowered.blocks;
    let block = blocks.iter().find(|block| (block.range.start()..=block.range.end()).contains(&(offset - start)))?;
    Some(block.address.to_string())
}

/// The file that declares an address in a module, and what tells the environment of the resource.
pub(crate) fn written_of(workspace: &Workspace, module: &str, address: &str) -> Option<(Arc<str>, Written)> {
    evaluated(workspace, &Evaluation::new(workspace, MAX_STEPS), module, address)
}

/// The names that a block gives to what it declares, as far as they are written out: of the resource in its cloud, and its own.
pub fn names_of(workspace: &Workspace, module: &str, address: &str) -> Vec<String> {
    written_of(workspace, module, address).map(|(_, written)| written.names).unwrap_or_default()
}

/// The same, by an evaluation that notes what is asked for it.
fn evaluated(
    workspace: &Workspace,
    evaluation: &Evaluation<'_>,
    module: &str,
    address: &str,
) -> Option<(Arc<str>, Written)> {
    let definition = workspace.definition(module, address)?;
    let scope = Scope::new(evaluation, module);
    let resources = scope.resources(definition);
    Some((Arc::clone(&definition.file), written(&scope, resources.first()?)))
}

/// What tells the environment of a block, and what it rests on.
#[derive(Debug)]
pub(crate) struct ToldBy {
    address: Arc<str>,
    reads: Reads,
    written: Written,
}

/// What tells the environment of a block of a unit, the path aside. It is worked out anew where something has changed that it rests on.
pub(crate) fn written_in(facts: &Facts, workspace: &Workspace, module: &str, address: &Arc<str>) -> Written {
    let mut told = facts.told.lock().unwrap_or_else(PoisonError::into_inner);
    let known = told.iter().find(|known| known.address == *address);
    if let Some(known) = known.filter(|known| are_answered_alike(&known.reads, workspace)) {
        return known.written.clone();
    }
    told.retain(|known| known.address != *address);
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    let written = evaluated(workspace, &evaluation, module, address).map(|(_, written)| written).unwrap_or_default();
    told.push(ToldBy { address: Arc::clone(address), reads: evaluation.into_reads(), written: written.clone() });
    written
}

/// The resource whose header stands at a place: its address and what tells its environment.
pub(crate) fn resource_at(snapshot: &Snapshot, workspace: &Workspace, offset: usize) -> Option<(String, Written)> {
    let (start, unit) = snapshot.units.iter().find(|(start, unit)| (*start..start + unit.len()).contains(&offset))?;
    let facts = unit.memo()?;
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    let scope = Scope::new(&evaluation, module_of(&snapshot.file));
    scope.unit(&snapshot.file, &facts.lowered).find_map(|(definition, resources)| {
        let block = definition.block();
        let resource = resources
            .first()
            .filter(|_| (block.is_resource() || block.is_data()) && block.header().contains(&(offset - start)))?;
        Some((block.address.to_string(), written(&scope, resource)))
    })
}

/// A workspace in which there is one file only.
pub fn alone(snapshot: &Snapshot) -> Workspace {
    let mut workspace = Workspace::default();
    workspace.update(&snapshot.file, &[], &units(snapshot));
    workspace
}

/// Paths of the files that units of a file read and that the workspace does not have.
pub fn wanted_files(workspace: &Workspace, file: &str, units: &[Arc<Lowered>]) -> Vec<String> {
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    let scope = Scope::new(&evaluation, module_of(file));
    let wanted = units.iter().filter(|unit| unit.blocks.iter().any(|block| !block.files.is_empty()));
    wanted.flat_map(|unit| scope.wanted_files(unit)).filter(|path| !workspace.has_text(path)).collect()
}

/// The risks of which it is not known whether they are there, in order of the text; as far as the snapshot was analysed.
pub fn gaps(snapshot: &Snapshot) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (start, unit) in snapshot.units.iter() {
        let derived = unit.memo().map(Facts::derived);
        for gap in derived.flatten().iter().flat_map(|derived| &derived.gaps) {
            gaps.push(Gap { range: start + gap.range.start..start + gap.range.end, ..gap.clone() });
        }
    }
    gaps
}

/// Where a place is in the text of its file; `None` where the text has moved on.
pub fn locate(snapshot: &Snapshot, place: &Elsewhere) -> Option<Range<usize>> {
    let unit = |facts: &Facts| facts.lowered.digest == place.unit;
    let (start, _) = snapshot.units.iter().find(|(_, other)| other.memo().is_some_and(unit))?;
    Some(start + place.range.start..start + place.range.end)
}

/// A unit of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitAt {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// Kind and address of the block that it declares, where it is one, with what stands inside of it.
    pub block: Option<(String, String)>,
}

/// The units of a snapshot, in order.
pub fn parts(snapshot: &Snapshot) -> Vec<UnitAt> {
    let part = |(start, unit): (usize, &Unit<Facts>)| {
        let blocks = unit.memo().map(|facts| &facts.lowered.blocks[..]).unwrap_or_default();
        let one = blocks.iter().find(|block| {
            let range = block.range.range();
            blocks.iter().all(|other| range.start <= other.range.start() && other.range.end() <= range.end)
        });
        let block = one.map(|block| (block.kind.to_string(), block.address.to_string()));
        UnitAt { range: start..start + unit.len(), block }
    };
    snapshot.units.iter().map(part).collect()
}

/// The units of a snapshot of which nothing has been read yet, in order, each with what `made` makes of its text and its tree; there
/// is no tree where it could not be parsed. Reads the snapshot, and parses each unit once.
pub fn parts_with<T>(snapshot: &Snapshot, made: impl Fn(&str, Option<&Tree>) -> T) -> Vec<(UnitAt, T)> {
    let all = RefCell::new(Vec::new());
    snapshot.units.compute(&snapshot.text, &mut Budget::unbounded(), |source, tree| {
        all.borrow_mut().push(made(source, tree.ok()));
        Facts::of(snapshot.language, source, tree)
    });
    parts(snapshot).into_iter().zip(all.into_inner()).collect()
}

/// What the units of a snapshot say, for an index. A text over a limit may say anything, plain text nothing.
pub fn units(snapshot: &Snapshot) -> Vec<Arc<Lowered>> {
    if !snapshot.language.is_parsed() {
        return Vec::new();
    }
    if snapshot.unread.is_some() {
        return vec![Arc::new(unread(""))];
    }
    snapshot.units.iter().filter_map(|(_, unit)| unit.memo()).map(|facts| Arc::clone(&facts.lowered)).collect()
}
