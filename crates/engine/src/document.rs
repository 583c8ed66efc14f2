//! A document: one text with its units, its regions and its version, which change together.

use crate::MAX_FILE_BYTES;
use crate::derive::Digest;
use crate::facts::Facts;
use crate::impact::{At, Impact};
use countersign_grammars::Language;
use countersign_infra::terraform::{Lowered, Workspace};
use countersign_provenance::{Attribution, Means, Origin, Regions, minimal_edits};
use countersign_syntax::{Unit, Units};
use countersign_text::{Bias, RangeMap, Text, TextEdit, trim_common};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Versions whose text is kept, so that evidence that arrives late finds its place.
const KEPT_VERSIONS: usize = 64;

/// Pieces of evidence that are kept for versions that have not arrived yet.
const KEPT_EVIDENCE: usize = 64;

/// Bytes between two edits up to which they are joined to one.
const JOINED_BYTES: usize = 2 << 10;

/// One state of a document. It does not change; a clone is cheap.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The language.
    pub language: Language,
    /// The client's version.
    pub version: i32,
    /// The text.
    pub text: Text,
    /// The file, with forward slashes; empty where it has no name.
    pub file: Arc<str>,
    /// Its units.
    pub units: Units<Facts, Digest>,
    /// Who wrote what.
    pub regions: Regions,
    /// What is changed against the baseline.
    pub changed: RangeMap<()>,
    /// Blocks that were inserted at once and that nobody said anything about.
    pub suspected: RangeMap<()>,
    /// What the changes against what is presumed live do to it, as far as that is known and shown here.
    pub impacts: Arc<[Impact]>,
    /// Why the text is not analysed, where it is over a limit.
    pub unread: Option<String>,
}

/// A change as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is replaced, in bytes of the text before; `None` for all of it.
    pub range: Option<Range<usize>>,
    /// What stands there afterwards.
    pub text: String,
}

/// What somebody says about text of some version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who wrote it and how we know; `None` says that it is nobody's that we know, as of a paste.
    pub origin: Option<Origin>,
    /// By what means.
    pub means: Means,
}

/// Text that one change put in at once and that might be worth a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// Where, in the version that the change made.
    pub range: Range<usize>,
    /// What.
    pub text: String,
    /// What it took the place of.
    pub removed: String,
}

/// A document that is being edited.
pub struct Document {
    snapshot: Snapshot,
    attribution: Attribution,
    history: VecDeque<Step>,
    pending: Vec<(i32, Evidence, Ranges)>,
    /// Text about which somebody said that nobody knows who wrote it, so that it is not asked about.
    answered: RangeMap<()>,
    /// What the edits since the units were brought up to date span: bytes of the text then, and of the text now.
    behind: Option<(Range<usize>, Range<usize>)>,
    /// What units said that are no more and that the index still has.
    gone: Vec<Arc<Lowered>>,
}

/// Gives the byte ranges that evidence is about, once the text of its version is there.
pub type Ranges = Box<dyn Fn(&Text) -> Vec<Range<usize>> + Send>;

/// How the text came to a version.
#[derive(Debug)]
struct Step {
    version: i32,
    text: Text,
    edits: Vec<(Range<usize>, usize)>,
    /// What was inserted, in the text of this version.
    inserted: RangeMap<()>,
}

/// What is said of a text that is too large.
pub fn over_limit() -> String {
    format!(
        "This file is not analysed: it is larger than {} MiB. Split it, or leave it out with `files.exclude` in countersign.toml.",
        MAX_FILE_BYTES >> 20
    )
}

impl Snapshot {
    /// A text of which nothing is known but itself.
    pub fn new(language: Language, version: i32, text: &str) -> Self {
        let unread = (text.len() > MAX_FILE_BYTES).then(over_limit);
        Self {
            language,
            version,
            file: Arc::from(""),
            units: Units::new(language, if unread.is_none() { text } else { "" }),
            text: Text::from(text),
            regions: Regions::default(),
            changed: RangeMap::default(),
            suspected: RangeMap::default(),
            impacts: Arc::default(),
            unread,
        }
    }
}

/// What a unit says that the index has.
fn indexed(unit: &Unit<Facts>) -> Option<Arc<Lowered>> {
    let facts = unit.memo().filter(|facts| facts.indexed.load(Ordering::Relaxed))?;
    Some(Arc::clone(&facts.lowered))
}

impl Document {
    /// Opens a document.
    pub fn new(language: Language, version: i32, text: &str) -> Self {
        Self::of(Snapshot::new(language, version, text))
    }

    /// A document that goes on from a state.
    pub fn of(snapshot: Snapshot) -> Self {
        let step = Step {
            version: snapshot.version,
            text: snapshot.text.clone(),
            edits: Vec::new(),
            inserted: RangeMap::default(),
        };
        let attribution = Attribution::new(snapshot.regions.clone());
        Self {
            snapshot,
            attribution,
            history: VecDeque::from([step]),
            pending: Vec::new(),
            answered: RangeMap::default(),
            behind: None,
            gone: Vec::new(),
        }
    }

    /// Brings the units up to date with the edits since.
    fn catch_up(&mut self) {
        if let Some((before, now)) = self.behind.take() {
            let gone = self.snapshot.units.edit(&self.snapshot.text, &before, now.len());
            self.gone.extend(gone.iter().filter_map(indexed));
        }
    }

    /// The units are no more.
    fn leave_units(&mut self) {
        let gone: Vec<_> = self.snapshot.units.iter().filter_map(|(_, unit)| indexed(unit)).collect();
        self.gone.extend(gone);
        self.behind = None;
    }

    /// Brings the index of the workspace up to date with what was worked out about the units. Returns what is new in it.
    pub fn index(&mut self, workspace: &mut Workspace) -> Vec<Arc<Lowered>> {
        let mut added = Vec::new();
        if !self.snapshot.language.is_parsed() {
            return added;
        }
        for neighbours in self.snapshot.units.neighbours() {
            let mut digest = neighbours.digest.lock().unwrap_or_else(PoisonError::into_inner);
            if digest.is_indexed {
                continue;
            }
            let before = std::mem::take(&mut digest.indexed);
            let mut next = 0;
            for unit in neighbours.units {
                // Both are in the order of the text.
                if let Some(ahead) = before[next..].iter().position(|id| *id == unit.id()) {
                    next += ahead + 1;
                } else if let Some(facts) = unit.memo() {
                    if !facts.indexed.swap(true, Ordering::Relaxed) {
                        added.push(Arc::clone(&facts.lowered));
                    }
                } else {
                    continue;
                }
                digest.indexed.push(unit.id());
            }
            digest.is_indexed = digest.indexed.len() == neighbours.units.len();
        }
        let gone = std::mem::take(&mut self.gone);
        workspace.update(&self.snapshot.file, &gone, &added);
        added
    }

    /// Takes the document out of the index.
    pub fn unindex(&mut self, workspace: &mut Workspace) {
        self.leave_units();
        let gone = std::mem::take(&mut self.gone);
        workspace.update(&self.snapshot.file, &gone, &[]);
        self.snapshot.units = self.snapshot.units.forget();
    }

    /// The state now. Units are brought up to date here and not at each edit, so that a burst of edits is scanned once.
    pub fn snapshot(&mut self) -> &Snapshot {
        if self.snapshot.text.len() > MAX_FILE_BYTES {
            if self.snapshot.unread.is_none() {
                self.leave_units();
                self.snapshot.units = Units::new(self.snapshot.language, "");
            }
            self.snapshot.unread = Some(over_limit());
            self.behind = None;
        } else if self.snapshot.unread.take().is_some() {
            self.leave_units();
            self.snapshot.units = Units::new(self.snapshot.language, &self.snapshot.text.to_string());
        } else {
            self.catch_up();
        }
        &self.snapshot
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.snapshot.language
    }

    /// The text now.
    pub fn text(&self) -> &Text {
        &self.snapshot.text
    }

    /// The version now.
    pub fn version(&self) -> i32 {
        self.snapshot.version
    }

    /// Follows the changes of one message, in order, and tells what came in at once. Ranges are made from positions by
    /// `resolve`, one change after the other, for each counts in the text that the one before left.
    pub fn change<C>(
        &mut self,
        version: i32,
        changes: impl IntoIterator<Item = C>,
        resolve: impl Fn(&Text, C) -> Change,
    ) -> Vec<Inserted> {
        let mut step = Step { version, text: Text::default(), edits: Vec::new(), inserted: RangeMap::default() };
        let mut inserted = Vec::new();
        for change in changes {
            let change = resolve(&self.snapshot.text, change);
            let range = self.snapshot.text.clamp(change.range.unwrap_or(0..self.snapshot.text.len()));
            let removed = self.snapshot.text.slice(range.clone());
            let edits = if removed.is_empty() || change.text.is_empty() {
                vec![TextEdit::new(range, change.text)]
            } else {
                minimal_edits(range.start, &removed, &change.text)
            };
            for edit in edits {
                // Evidence is about what is new to the letter, so that a completion does not take what was typed before it.
                let (prefix, suffix) = trim_common(&self.snapshot.text.slice(edit.range.clone()), &edit.text);
                let new = edit.range.start + prefix..edit.inserted().end - suffix;
                inserted.retain_mut(|inserted: &mut Inserted| {
                    inserted.range = edit.map_range(&inserted.range);
                    !inserted.range.is_empty()
                });
                inserted.extend(self.apply(&edit));
                step.edits.push((edit.range.clone(), edit.text.len()));
                step.inserted.edit(edit.range, edit.text.len(), None);
                step.inserted.set(new, Some(()));
            }
        }
        if version <= self.snapshot.version {
            // A version that goes back leaves no way to tell which text evidence is about.
            self.history.clear();
        }
        self.snapshot.version = version;
        step.text = self.snapshot.text.clone();
        self.history.push_back(step);
        if self.history.len() > KEPT_VERSIONS {
            self.history.pop_front();
        }
        for (version, evidence, ranges) in std::mem::take(&mut self.pending) {
            self.evidence(version, evidence, ranges);
        }
        inserted
    }

    /// Applies one edit to everything at once.
    fn apply(&mut self, edit: &TextEdit) -> Option<Inserted> {
        // Edits far apart are not joined: what lies between them would have to be looked at again.
        let far =
            |now: &Range<usize>| edit.range.start > now.end + JOINED_BYTES || edit.range.end + JOINED_BYTES < now.start;
        if self.snapshot.unread.is_none() && self.behind.as_ref().is_some_and(|(_, now)| far(now)) {
            self.catch_up();
        }
        let removed = self.snapshot.text.slice(edit.range.clone());
        let restored = self.attribution.edit(edit, &removed);
        let snapshot = &mut self.snapshot;
        snapshot.text.edit(edit);
        self.behind = Some(match self.behind.take() {
            None => (edit.range.clone(), edit.inserted()),
            Some((before, now)) => {
                // The union, in the text now and, by the lengths that the edits so far have added, in the text then.
                let start = now.start.min(edit.range.start);
                let end = now.end.max(edit.range.end);
                let shift = |offset: usize| offset + before.end - now.end;
                let then = before.start.min(start)..shift(end);
                (then, start..end - edit.range.len() + edit.text.len())
            }
        });
        if snapshot.impacts.iter().any(|impact| matches!(impact.at, At::Gone(_))) {
            let moved = |impact: &Impact| match impact.at {
                At::Gone(offset) => Impact { at: At::Gone(edit.map(offset, Bias::Before)), ..impact.clone() },
                At::Unit(..) => impact.clone(),
            };
            snapshot.impacts = snapshot.impacts.iter().map(moved).collect();
        }
        snapshot.changed.edit(edit.range.clone(), edit.text.len(), Some(()));
        snapshot.suspected.edit(edit.range.clone(), edit.text.len(), None);
        self.answered.edit(edit.range.clone(), edit.text.len(), None);
        snapshot.regions = self.attribution.regions().clone();
        (!restored && !edit.text.is_empty()).then(|| Inserted {
            range: edit.inserted(),
            text: edit.text.clone(),
            removed,
        })
    }

    /// Whether a text was deleted from this document lately.
    pub fn was_deleted(&self, text: &str) -> bool {
        self.attribution.was_deleted(text)
    }

    /// Who wrote a text that was deleted from this document lately and came in elsewhere, in the place where it stands now.
    pub fn deleted(&self, inserted: &Inserted) -> Option<Regions> {
        self.attribution.deleted(&inserted.text, inserted.range.start)
    }

    /// Takes evidence about the text of some version, which may not be there yet. Where it is about text that came in
    /// with that very version, it is about that text only: a completion that replaces what was typed before it does not
    /// make that part its own. Returns whether anything was said about text that is there now.
    pub fn evidence(&mut self, version: i32, evidence: Evidence, ranges: Ranges) -> bool {
        if version > self.snapshot.version {
            if self.pending.len() < KEPT_EVIDENCE {
                self.pending.push((version, evidence, ranges));
            }
            return false;
        }
        let Some(index) = self.history.iter().position(|step| step.version == version) else {
            return false;
        };
        let step = &self.history[index];
        let said: Vec<_> = ranges(&step.text).into_iter().map(|range| step.text.clamp(range)).collect();
        let mut inserted: Vec<Range<usize>> = Vec::new();
        for range in &said {
            inserted.extend(step.inserted.overlapping(range.clone()).map(|(range, ())| range));
        }
        let ranges = self.forward(index, if inserted.is_empty() { &said } else { &inserted });
        if ranges.is_empty() {
            return false;
        }
        for range in &ranges {
            self.snapshot.suspected.set(range.clone(), None);
        }
        match &evidence.origin {
            Some(origin) => self.attribution.regions_mut().attribute(&ranges, origin),
            // The question may come later than its answer.
            None => ranges.iter().for_each(|range| self.answered.set(range.clone(), Some(()))),
        }
        self.snapshot.regions = self.attribution.regions().clone();
        true
    }

    /// Takes a person's word about who wrote a range of the text as it is now.
    pub fn declare(&mut self, range: Range<usize>, origin: &Origin) {
        self.snapshot.suspected.set(range.clone(), None);
        self.attribution.regions_mut().attribute(&[range], origin);
        self.snapshot.regions = self.attribution.regions().clone();
    }

    /// Who wrote what.
    pub fn regions(&self) -> &Regions {
        &self.snapshot.regions
    }

    /// Whether nothing is known about who wrote what.
    pub fn regions_are_empty(&self) -> bool {
        self.snapshot.regions.is_empty()
    }

    /// Takes regions that were found for the text of some version. Returns false
    /// where that version is not kept any more.
    pub fn attribute(&mut self, version: i32, regions: &Regions) -> bool {
        let Some(index) = self.history.iter().position(|step| step.version == version) else {
            return false;
        };
        let len = self.history[index].text.len();
        for piece in regions.pieces(0..len) {
            let ranges = self.forward(index, std::slice::from_ref(&(piece.start..piece.end)));
            for range in &ranges {
                self.snapshot.suspected.set(range.clone(), None);
            }
            self.attribution.regions_mut().attribute(&ranges, piece.origin);
        }
        self.snapshot.regions = self.attribution.regions().clone();
        true
    }

    /// The same, where nothing is known so far.
    pub fn attribute_unknown(&mut self, version: i32, regions: &Regions) {
        let Some(index) = self.history.iter().position(|step| step.version == version) else { return };
        for piece in regions.pieces(0..self.history[index].text.len()) {
            for range in self.forward(index, std::slice::from_ref(&(piece.start..piece.end))) {
                let mut at = range.start;
                let known: Vec<_> = self.snapshot.regions.pieces(range.clone()).map(|it| it.start..it.end).collect();
                let ends = std::iter::once(range.end);
                for (until, next) in known.into_iter().map(|it| (it.start, it.end)).chain(ends.map(|end| (end, end))) {
                    let unknown = at..until;
                    at = next;
                    self.snapshot.suspected.set(unknown.clone(), None);
                    self.attribution.regions_mut().attribute(&[unknown], piece.origin);
                }
            }
        }
        self.snapshot.regions = self.attribution.regions().clone();
    }

    /// The latest versions that are kept, with their texts, the newest first.
    pub fn versions(&self, most: usize) -> Vec<(i32, Text)> {
        self.history.iter().rev().take(most).map(|step| (step.version, step.text.clone())).collect()
    }

    /// Takes what is changed against the baseline in the text of some version; what was inserted since is changed too.
    pub fn set_changed(&mut self, version: i32, changed: RangeMap<()>) {
        let Some(index) = self.history.iter().position(|step| step.version == version) else {
            return;
        };
        let mut changed = changed;
        for (range, len) in self.history.iter().skip(index + 1).flat_map(|step| &step.edits) {
            changed.edit(range.clone(), *len, Some(()));
        }
        self.snapshot.changed = changed;
    }

    /// Takes what the changes do to what is live. Returns whether that is something else than before.
    pub fn set_impacts(&mut self, impacts: Arc<[Impact]>) -> bool {
        let is_new = self.snapshot.impacts != impacts;
        self.snapshot.impacts = impacts;
        is_new
    }

    /// Asks about a block that came in at once with some version.
    pub fn suspect(&mut self, version: i32, range: &Range<usize>) {
        let Some(index) = self.history.iter().position(|step| step.version == version) else {
            return;
        };
        for range in self.forward(index, std::slice::from_ref(range)) {
            let regions = self.snapshot.regions.pieces(range.clone()).map(|piece| piece.start..piece.end);
            let answered = self.answered.overlapping(range.clone()).map(|(range, ())| range);
            let known: Vec<_> = regions.chain(answered).collect();
            self.snapshot.suspected.set(range, Some(()));
            for known in known {
                self.snapshot.suspected.set(known, None);
            }
        }
    }

    /// Works out everything again, as after a change of the catalogue.
    pub fn forget_facts(&mut self) {
        self.leave_units();
        self.snapshot.units = self.snapshot.units.forget();
    }

    /// Where ranges of a kept version are now; what was deleted since is gone, what was typed inside is not part of them.
    fn forward(&self, index: usize, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut mask: RangeMap<()> = RangeMap::default();
        for range in ranges {
            mask.set(range.clone(), Some(()));
        }
        for (range, len) in self.history.iter().skip(index + 1).flat_map(|step| &step.edits) {
            mask.edit(range.clone(), *len, None);
        }
        mask.iter().map(|(range, ())| range).collect()
    }
}
