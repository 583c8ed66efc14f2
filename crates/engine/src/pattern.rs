//! What is said of text of AI tools where `[[pattern]]` limits what they may write.

use crate::analysis::{Policy, ResourceRef, shift};
use crate::derive::written_in;
use crate::document::Snapshot;
use crate::facts::Facts;
use crate::place::{unknown, visible, writers};
use countersign_infra::terraform::{Block, Content, Items, Workspace, callee, module_of};
use countersign_policy::{
    Called, Environment, EnvironmentEvidence, Only, Origin, PatternRow, Place, Surface, Tier, Written,
};
use countersign_provenance as provenance;
use countersign_text::RangeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// The risk that an AI wrote what a pattern keeps from it.
pub(crate) const OUTSIDE: &str = "outside-pattern";

/// Blocks of which it is said in an editor; to see where one belongs it may have to be evaluated.
const MOST_IN_EDITORS: usize = 50;

/// Attributes that a message names.
const NAMED: usize = 3;

/// One block with something in it that a pattern keeps from AI tools.
#[derive(Debug)]
pub(crate) struct Outside {
    /// The first line of that, in bytes of the text.
    pub(crate) shown: Range<usize>,
    /// All of it.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The block.
    pub(crate) resource: ResourceRef,
    /// What is so.
    pub(crate) message: String,
    /// The environment that it belongs to.
    pub(crate) environment: Environment,
    /// What tells that.
    pub(crate) environment_by: Option<EnvironmentEvidence>,
}

/// Text that somebody else than a person wrote, as far as that is known.
#[derive(Debug, Clone)]
struct Touched {
    range: Range<usize>,
    /// Whether it is known that an AI wrote it; else it is new and nobody's.
    is_ai: bool,
}

/// What a pattern has against some text.
struct Complaint {
    /// The text.
    ranges: Vec<Range<usize>>,
    /// What it is, with an article or a name before it.
    what: String,
    /// What AI tools may write instead.
    instead: String,
}

/// What is to be said of a text. `declared` is what tags say, and `tags` are their comments. Costs nothing where no row may hold
/// for the file; else something for each region, and for each block that an AI wrote something of.
pub(crate) fn outside(
    (snapshot, workspace): (&Snapshot, &Workspace),
    policy: &Policy,
    declared: &RangeMap<provenance::Origin>,
    tags: impl Iterator<Item = Range<usize>>,
) -> Vec<Outside> {
    let path = policy.relative(&snapshot.file);
    let may_hold = |(_, row): &(usize, &PatternRow)| row.may_hold_in(path);
    let rows: Vec<(usize, &PatternRow)> = policy.patterns.iter().enumerate().filter(may_hold).collect();
    if rows.is_empty() || !snapshot.language.is_parsed() {
        return Vec::new();
    }
    let touched = touched(snapshot, policy, declared, tags);
    let look = Look { snapshot, workspace, policy, path, rows };
    let most = if policy.surface == Surface::Editor { MOST_IN_EDITORS } else { usize::MAX };
    look.outside(&touched).take(most).collect()
}

/// What AI tools wrote, of what is new where that is known; at the gate also what is new and nobody's. In order of the text, and no
/// two of it overlap.
fn touched(
    snapshot: &Snapshot,
    policy: &Policy,
    declared: &RangeMap<provenance::Origin>,
    tags: impl Iterator<Item = Range<usize>>,
) -> Vec<Touched> {
    let writers = writers(snapshot, declared, tags);
    let is_compared = policy.at_gate || policy.surface == Surface::Editor;
    let mut touched = Vec::new();
    for (range, origin) in writers.iter() {
        if !origin.is_some_and(provenance::Origin::is_ai) {
            continue;
        }
        // Whether there is anything to be seen in it is looked at block by block.
        if is_compared {
            let new = snapshot.changed.overlapping(range.clone());
            touched.extend(new.map(|(new, ())| Touched { range: clip(&new, &range), is_ai: true }));
        } else {
            touched.push(Touched { range, is_ai: true });
        }
    }
    let is_assumed = policy.assumed_origin == Some(Origin::Ai);
    if is_assumed || policy.at_gate {
        let mut all = RangeMap::default();
        all.set(0..snapshot.text.len(), Some(()));
        let new = if is_compared { &snapshot.changed } else { &all };
        let nobodys = unknown(snapshot, new, &writers, usize::MAX).into_iter();
        touched.extend(nobodys.map(|range| Touched { range, is_ai: is_assumed }));
        touched.sort_by_key(|touched| touched.range.start);
    }
    touched
}

struct Look<'a> {
    snapshot: &'a Snapshot,
    workspace: &'a Workspace,
    policy: &'a Policy,
    /// The file, from the root of the repository.
    path: &'a str,
    /// The rows that may hold for it, with their numbers from 0.
    rows: Vec<(usize, &'a PatternRow)>,
}

impl<'a> Look<'a> {
    fn outside<'t>(&'t self, touched: &'t [Touched]) -> impl Iterator<Item = Outside> + use<'t, 'a> {
        let units =
            self.snapshot.units.iter().filter(|(start, unit)| !within(touched, *start..start + unit.len()).is_empty());
        units.flat_map(move |(start, unit)| {
            let facts = unit.memo();
            let blocks = facts.map(|facts| &facts.lowered.blocks[..]).unwrap_or_default();
            blocks.iter().filter_map(move |block| {
                let range = shift(&block.range.range(), start);
                let inside: Vec<Touched> = within(touched, range.clone())
                    .iter()
                    .filter_map(|one| {
                        Some(Touched { range: visible(self.snapshot, clip(&one.range, &range))?, ..one.clone() })
                    })
                    .collect();
                if inside.is_empty() { None } else { self.block(facts?, block, start, inside) }
            })
        })
    }

    /// What is to be said of a block that AI tools, or nobody, wrote something of.
    fn block(&self, facts: &Facts, block: &Block, start: usize, mut touched: Vec<Touched>) -> Option<Outside> {
        let mut place = Place { path: self.path, kind: &block.kind, known: None };
        let against = |only: &Only, touched: &[Touched]| self.complaint(only, block, start, touched);
        // Where it belongs is worked out only where something hangs on it.
        let mut possible = Vec::new();
        for (number, row) in &self.rows {
            let holds = row.holds(&place);
            if holds != Some(false) {
                possible.push((number, row, against(&row.only, &touched)));
            }
            if holds == Some(true) {
                break;
            }
        }
        if possible.iter().all(|(.., complaint)| complaint.is_none()) {
            return None;
        }
        let (tier, environment, environment_by) = self.belongs(facts, block);
        place.known = Some((tier, environment));
        let (number, row, complaint) = possible.into_iter().find(|(_, row, _)| row.holds(&place) == Some(true))?;
        let is_ai = touched.iter().any(|touched| touched.is_ai);
        let complaint = if tier >= Tier::High || touched.iter().all(|touched| touched.is_ai) {
            complaint?
        } else {
            // What is nobody's counts as nobody's here.
            touched.retain(|touched| touched.is_ai);
            against(&row.only, &touched)?
        };
        let Complaint { ranges, what, instead } = complaint;
        let by_ai = |range: &Range<usize>| touched.iter().any(|one| one.is_ai && overlap(&one.range, range));
        let mut message = if is_ai && ranges.iter().any(by_ai) {
            format!("An AI wrote {what}.")
        } else {
            format!("Nothing says who wrote {what}, which counts as an AI's where the tier is {}.", tier.name())
        };
        let _ = write!(message, " AI tools may write {instead} here, by row {} of `[[pattern]]`.", number + 1);
        let first = ranges.first()?;
        let line = self.snapshot.text.line_content(self.snapshot.text.line_of(first.start));
        Some(Outside {
            shown: first.start..first.end.min(line.end).max(first.start),
            resource: ResourceRef {
                kind: Arc::clone(&block.kind),
                address: Arc::clone(&block.address),
                range: shift(&block.range.range(), start),
            },
            ranges,
            message,
            environment,
            environment_by,
        })
    }

    /// How much a block matters, and the environment that it belongs to with what tells that.
    fn belongs(&self, facts: &Facts, block: &Block) -> (Tier, Environment, Option<EnvironmentEvidence>) {
        let written = written_in(facts, self.workspace, module_of(&self.snapshot.file), &block.address);
        let written = Written { path: self.path.to_owned(), ..written };
        let (environment, by) = self.policy.environments.of(&written);
        (self.policy.tiers.of(self.path, &block.kind, environment), environment, by)
    }

    /// The path of a folder from the root, where it is inside of it.
    fn inside<'f>(&self, folder: &'f str) -> Option<&'f str> {
        let root = self.policy.root.as_str();
        let rest = folder.strip_prefix(root)?;
        let is_inside = root.is_empty() || rest.is_empty() || rest.starts_with('/');
        Some(rest.trim_start_matches('/')).filter(|rest| is_inside && !rest.starts_with(".."))
    }

    /// What a pattern has against something of a block; `None` where it has nothing.
    fn complaint(&self, only: &Only, block: &Block, start: usize, touched: &[Touched]) -> Option<Complaint> {
        let address = &block.address;
        let all = || touched.iter().map(|touched| touched.range.clone()).collect();
        let is_call = &*block.kind == "module";
        if is_call {
            let folder = callee(module_of(&self.snapshot.file), block);
            let folder = folder.as_deref().and_then(|folder| self.inside(folder));
            let called = Called { source: block.text("source"), folder, version: block.text("version") };
            if !only.allows_module(&called) {
                let source = called.source.map_or("a module that is not known".to_owned(), |it| format!("`{it}`"));
                let version = called.version.map(|version| format!(" `{version}`")).unwrap_or_default();
                return Some(Complaint {
                    ranges: all(),
                    what: format!("the call `{address}` of {source}{version}, or a part of it"),
                    instead: instead("calls of ", &only.modules_in_words(), ""),
                });
            }
        } else if !only.allows_kind(&block.kind) {
            return Some(Complaint {
                ranges: all(),
                what: format!("`{address}` or a part of it"),
                instead: instead("", &only.kinds_in_words(), ""),
            });
        }
        if Only::is_value(&block.kind) {
            return None;
        }
        let mut found = Vec::new();
        let mut path = Vec::new();
        // Which module it is, and in which version, is another matter where that is limited.
        let is_source = |name: &str| is_call && only.modules.is_some() && matches!(name, "source" | "version");
        attributes(
            &block.body,
            (start, touched),
            &mut path,
            &|path| is_source(path[0]) || only.allows_attribute(path),
            &mut found,
        );
        let names: Vec<String> = found.iter().take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
        let more = found.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!found.is_empty()).then(|| Complaint {
            ranges: found.into_iter().map(|(_, range)| range).collect(),
            what: format!("{}{more} of `{address}`", names.join(", ")),
            instead: instead("", &only.attributes_in_words(), " of it"),
        })
    }
}

/// Attributes and nested blocks of which something was touched and that are not allowed, each by the names that lead to it.
fn attributes<'b>(
    items: &'b Items,
    (start, touched): (usize, &[Touched]),
    path: &mut Vec<&'b str>,
    is_allowed: &dyn Fn(&[&str]) -> bool,
    found: &mut Vec<(String, Range<usize>)>,
) -> bool {
    let mut is_any = false;
    for item in &items.entries {
        let range = shift(&item.range.range(), start);
        let here = within(touched, range.clone());
        let Some(first) = here.first() else { continue };
        is_any = true;
        path.push(&item.name);
        if !is_allowed(path) {
            let inside = match &item.content {
                Content::Attribute(_) => false,
                Content::Block(items) => attributes(items, (start, here), path, is_allowed, found),
                Content::Dynamic(dynamic) => {
                    let over = dynamic.for_each.as_ref().map(|over| shift(&over.range.range(), start));
                    let is_over = over.is_some_and(|over| !within(here, over).is_empty());
                    attributes(&dynamic.content, (start, here), path, is_allowed, found) && !is_over
                }
            };
            if !inside {
                // From where it was touched, so that what is shown is what an AI wrote.
                found.push((path.join("."), clip(&first.range, &range)));
            }
        }
        path.pop();
    }
    is_any
}

/// What may be written, where `names` are all that may.
fn instead(before: &str, names: &str, after: &str) -> String {
    if names.is_empty() { "nothing of the sort".to_owned() } else { format!("only {before}{names}{after}") }
}

/// Those of some texts that overlap a range.
fn within(touched: &[Touched], range: Range<usize>) -> &[Touched] {
    let from = touched.partition_point(|one| one.range.end <= range.start);
    let rest = &touched[from..];
    &rest[..rest.partition_point(|one| one.range.start < range.end)]
}

/// What two ranges that overlap have in common.
fn clip(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.max(other.start)..one.end.min(other.end)
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}
