//! The units of a text, in order, and what an edit does to them.

use crate::parse::{Budget, ParseFailure, parse};
use countersign_grammars::{Language, Scan, ScannedUnit};
use countersign_text::Text;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tree_sitter::{InputEdit, Point, Tree};

/// Units in one chunk. An edit copies one chunk and the list of chunks, so the cost of an edit grows with the square root
/// of the number of units, and is some microseconds for ten thousand.
const CHUNK: usize = 64;

/// First window of text, in bytes, that the scanner is shown after an edit; four times as long until it is enough. Most
/// blocks are shorter.
const WINDOW: usize = 1 << 10;

/// A unit shorter than this is not worth a kept tree until somebody edits it: its full parse takes about 2 ms.
const KEEP_TREE_BYTES: usize = 8 << 10;

static IDS: AtomicU64 = AtomicU64::new(0);

/// One unit of a text. `M` is what the caller works out about it, once for each text.
#[derive(Debug)]
pub struct Unit<M> {
    /// Tells it from every other one; a unit that an edit leaves as it is keeps it.
    id: u64,
    scanned: ScannedUnit,
    /// Somebody edits it, so its tree is worth keeping.
    hot: bool,
    work: Arc<Work<M>>,
}

impl<M> Clone for Unit<M> {
    fn clone(&self) -> Self {
        Self { id: self.id, scanned: self.scanned, hot: self.hot, work: Arc::clone(&self.work) }
    }
}

/// What belongs to the text of one unit and is shared by all versions of the document in which it stands.
#[derive(Debug)]
struct Work<M> {
    /// The tree of an earlier text of this unit, edited to fit this one.
    seed: Option<Tree>,
    tree: OnceLock<Tree>,
    memo: OnceLock<M>,
}

impl<M> Unit<M> {
    fn new(scanned: ScannedUnit, seed: Option<Tree>) -> Self {
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Self { id, scanned, hot: false, work: Arc::new(Work { seed, tree: OnceLock::new(), memo: OnceLock::new() }) }
    }

    /// A number that no unit with another text has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.scanned.len
    }

    /// Never true: a unit has at least one byte.
    pub fn is_empty(&self) -> bool {
        self.scanned.len == 0
    }

    /// What the caller worked out, if it was.
    pub fn memo(&self) -> Option<&M> {
        self.work.memo.get()
    }

    /// Takes what was worked out about the very same text before, unless it is worked out already.
    pub fn set_memo(&self, memo: M) {
        let _ = self.work.memo.set(memo);
    }

    /// What `compute` makes of the unit's tree, worked out on the first call. `source` is the unit's text.
    ///
    /// Returns `None` where the budget did not suffice.
    pub fn memo_or_compute(
        &self,
        language: Language,
        source: &str,
        budget: &mut Budget,
        compute: impl FnOnce(Result<&Tree, ParseFailure>) -> M,
    ) -> Option<&M> {
        if let Some(memo) = self.work.memo.get() {
            return Some(memo);
        }
        let seed = self.work.seed.as_ref();
        let parsed = parse(language, source, self.scanned.nesting, seed, budget).ok()?;
        let memo = compute(parsed.as_ref().map_err(|failure| *failure));
        if let Ok(tree) = parsed
            && (self.hot || source.len() >= KEEP_TREE_BYTES)
        {
            // Lost only to another thread that parsed the same text.
            let _ = self.work.tree.set(tree);
        }
        Some(self.work.memo.get_or_init(|| memo))
    }

    /// The tree to parse this unit from once `edit`, in offsets of the unit, has been applied.
    fn seed_after(&self, edit: &Range<usize>, new_len: usize) -> Option<Tree> {
        let mut tree = self.work.tree.get().or(self.work.seed.as_ref())?.clone();
        // Neither the HCL grammar nor anything here reads rows and columns: places are byte offsets.
        let point = |column| Point { row: 0, column };
        tree.edit(&InputEdit {
            start_byte: edit.start,
            old_end_byte: edit.end,
            new_end_byte: edit.start + new_len,
            start_position: point(edit.start),
            old_end_position: point(edit.end),
            new_end_position: point(edit.start + new_len),
        });
        Some(tree)
    }
}

#[derive(Debug)]
struct Chunk<M, C> {
    units: Vec<Unit<M>>,
    /// Sum of the units' lengths.
    len: usize,
    /// Furthest that any of them reaches, from the chunk's start.
    reach: usize,
    /// Whether every unit was worked out.
    computed: OnceLock<()>,
    /// What the caller keeps about all of its units.
    digest: Mutex<C>,
}

impl<M, C: Default> Chunk<M, C> {
    fn new(units: Vec<Unit<M>>) -> Arc<Self> {
        let (mut len, mut reach) = (0, 0);
        for unit in &units {
            reach = reach.max(len + unit.scanned.reach);
            len += unit.len();
        }
        Arc::new(Self { units, len, reach, computed: OnceLock::new(), digest: Mutex::default() })
    }
}

/// What a caller keeps about neighbouring units.
pub trait Carry: Default {
    /// What of it still holds once some of the units have been replaced by others.
    #[must_use]
    fn carry(&self) -> Self {
        Self::default()
    }
}

impl Carry for () {}

/// Some neighbouring units, kept together through edits elsewhere.
#[derive(Debug)]
pub struct Neighbours<'a, M, C> {
    /// Where the first of them starts.
    pub start: usize,
    /// The units.
    pub units: &'a [Unit<M>],
    /// What the caller keeps about all of them; carried over to a new value once one of them changes.
    pub digest: &'a Mutex<C>,
}

/// All units of a text. They are disjoint, in order, and cover it. `C` is what the caller keeps about neighbouring ones.
#[derive(Debug)]
pub struct Units<M, C = ()> {
    language: Language,
    chunks: Vec<Arc<Chunk<M, C>>>,
}

impl<M, C> Clone for Units<M, C> {
    fn clone(&self) -> Self {
        Self { language: self.language, chunks: self.chunks.clone() }
    }
}

impl<M, C: Carry> Units<M, C> {
    /// Finds the units of a whole text.
    pub fn new(language: Language, text: &str) -> Self {
        let mut units = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let Scan::Found(scanned) = language.scan_unit(&text.as_bytes()[at..], true) else {
                break;
            };
            units.push(Unit::new(scanned, None));
            at += scanned.len;
        }
        Self { language, chunks: into_chunks(units) }
    }

    /// The units with the offset at which each starts.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Unit<M>)> {
        self.chunks.iter().flat_map(|chunk| &chunk.units).scan(0, |at, unit| {
            let start = *at;
            *at += unit.len();
            Some((start, unit))
        })
    }

    /// Lengths of all units, for comparing two ways to the same text.
    pub fn lengths(&self) -> Vec<usize> {
        self.iter().map(|(_, unit)| unit.len()).collect()
    }

    /// Brings the units up to date with an edit that replaced `replaced` by `new_len` bytes. `text` is the text after it.
    /// Several edits may be given as one that spans them all. Returns the units that are no more.
    pub fn edit(&mut self, text: &Text, replaced: &Range<usize>, new_len: usize) -> Vec<Unit<M>> {
        let inserted_end = replaced.start + new_len;
        let old_len = text.len() + replaced.len() - new_len;
        let (first, first_start) = self.first_reaching(replaced.start, old_len);

        let mut old = self.cursor(first, first_start);
        let mut replacement: Vec<Unit<M>> = Vec::new();
        let mut at = first_start; // in the text after the edit
        loop {
            // The offset in the text before, where it is the same place: not inside of what the edit replaced.
            let before = if at <= replaced.start {
                Some(at)
            } else if at >= inserted_end {
                Some(at - new_len + replaced.len())
            } else {
                None
            };
            if let Some(before) = before {
                old.skip_to(before);
                if old.start == before && before >= replaced.end && at >= inserted_end {
                    break; // from here on nothing changed
                }
                if let Some(unit) = old.unit()
                    && old.start == before
                    && before + unit.scanned.reach <= replaced.start
                {
                    replacement.push(unit.clone());
                    at += unit.len();
                    continue;
                }
            }
            if at >= text.len() {
                old.skip_to(old_len);
                break;
            }
            let scanned = self.scan_at(text, at);
            replacement.push(match old.unit() {
                Some(unit) if before == Some(old.start) => successor(unit, old.start, scanned, replaced, new_len),
                _ => Unit::new(scanned, None),
            });
            at += scanned.len;
        }
        let until = old.index;
        let gone = self.without(first..until, &replacement);
        self.splice(first..until, replacement);
        gone
    }

    /// The units at some indices that are not among others.
    fn without(&self, range: Range<usize>, others: &[Unit<M>]) -> Vec<Unit<M>> {
        let mut gone = Vec::new();
        let mut seen = 0;
        for chunk in &self.chunks {
            if seen >= range.end {
                break;
            }
            if seen + chunk.units.len() > range.start {
                for (index, unit) in chunk.units.iter().enumerate() {
                    let kept = |other: &Unit<M>| Arc::ptr_eq(&other.work, &unit.work);
                    if range.contains(&(seen + index)) && !others.iter().any(kept) {
                        gone.push(unit.clone());
                    }
                }
            }
            seen += chunk.units.len();
        }
        gone
    }

    /// All units, in the groups in which they are kept.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbours<'_, M, C>> {
        self.chunks.iter().scan(0, |at, chunk| {
            let start = *at;
            *at += chunk.len;
            Some(Neighbours { start, units: &chunk.units, digest: &chunk.digest })
        })
    }

    /// Works out the memo of every unit that has none. Returns whether the budget sufficed.
    pub fn compute(
        &self,
        text: &Text,
        budget: &mut Budget,
        compute: impl Fn(&str, Result<&Tree, ParseFailure>) -> M,
    ) -> bool {
        let mut start = 0;
        for chunk in &self.chunks {
            if chunk.computed.get().is_none() {
                let mut at = start;
                for unit in &chunk.units {
                    if unit.memo().is_none() {
                        let source = text.slice(at..at + unit.len());
                        if unit.memo_or_compute(self.language, &source, budget, |tree| compute(&source, tree)).is_none()
                        {
                            return false;
                        }
                    }
                    at += unit.len();
                }
                let _ = chunk.computed.set(());
            }
            start += chunk.len;
        }
        true
    }

    /// The same units with nothing worked out.
    #[must_use]
    pub fn forget(&self) -> Self {
        let units = self.iter().map(|(_, unit)| Unit::new(unit.scanned, None)).collect();
        Self { language: self.language, chunks: into_chunks(units) }
    }

    fn scan_at(&self, text: &Text, at: usize) -> ScannedUnit {
        let mut window = WINDOW;
        loop {
            let end = at.saturating_add(window).min(text.len());
            // Cut at any byte: the scanner asks for more rather than read past the end.
            let mut bytes = Vec::with_capacity(end - at);
            text.chunks(at..end).for_each(|chunk| bytes.extend_from_slice(chunk.as_bytes()));
            let complete = at + bytes.len() >= text.len();
            match self.language.scan_unit(&bytes, complete) {
                Scan::Found(scanned) => return scanned,
                Scan::NeedMore => window = window.saturating_mul(4),
            }
        }
    }

    /// Index and start of the first unit that a change at `offset` may touch.
    fn first_reaching(&self, offset: usize, len: usize) -> (usize, usize) {
        let (mut index, mut start) = (0, 0);
        for chunk in &self.chunks {
            if start + chunk.reach > offset {
                for unit in &chunk.units {
                    if start + unit.scanned.reach > offset {
                        return (index, start);
                    }
                    index += 1;
                    start += unit.len();
                }
            } else {
                index += chunk.units.len();
                start += chunk.len;
            }
        }
        (index, len)
    }

    fn cursor(&self, index: usize, start: usize) -> Cursor<'_, M, C> {
        let (mut chunk, mut skipped) = (0, 0);
        while chunk < self.chunks.len() && skipped + self.chunks[chunk].units.len() <= index {
            skipped += self.chunks[chunk].units.len();
            chunk += 1;
        }
        Cursor { units: self, chunk, within: index - skipped, index, start }
    }

    /// Replaces units by index, copying only the chunks that hold them.
    fn splice(&mut self, range: Range<usize>, replacement: Vec<Unit<M>>) {
        let (mut first, mut skipped) = (0, 0);
        while first < self.chunks.len() && skipped + self.chunks[first].units.len() < range.start {
            skipped += self.chunks[first].units.len();
            first += 1;
        }
        let mut units = Vec::new();
        let mut last = first;
        let mut seen = skipped;
        let mut replacement = Some(replacement);
        while last < self.chunks.len() && (seen < range.end || last == first) {
            for unit in &self.chunks[last].units {
                if seen >= range.start {
                    units.extend(replacement.take().into_iter().flatten());
                }
                if !range.contains(&seen) {
                    units.push(unit.clone());
                }
                seen += 1;
            }
            last += 1;
        }
        units.extend(replacement.into_iter().flatten());
        // A small remainder is joined with its neighbour, so that chunks do not crumble.
        if units.len() < CHUNK / 4
            && let Some(next) = self.chunks.get(last)
        {
            units.extend(next.units.iter().cloned());
            last += 1;
        }
        let mut chunks = into_chunks(units);
        if let ([old], [new]) = (&self.chunks[first..last], chunks.as_mut_slice())
            && let Some(new) = Arc::get_mut(new)
        {
            new.digest = Mutex::new(old.digest.lock().unwrap_or_else(PoisonError::into_inner).carry());
        }
        self.chunks.splice(first..last, chunks);
    }
}

/// The unit that takes the place of `unit`, which started where this one does in the text before the edit.
fn successor<M>(
    unit: &Unit<M>,
    old_start: usize,
    scanned: ScannedUnit,
    replaced: &Range<usize>,
    new_len: usize,
) -> Unit<M> {
    let old_end = old_start + unit.len();
    if replaced.start >= old_end && scanned.len == unit.len() {
        // Only what the scanner had to look at has changed, not the text.
        return Unit { scanned, ..unit.clone() };
    }
    let inside = replaced.start >= old_start && replaced.end <= old_end;
    if inside && scanned.len + replaced.len() == unit.len() + new_len {
        let within = replaced.start - old_start..replaced.end - old_start;
        let seed = unit.seed_after(&within, new_len);
        return Unit { hot: true, ..Unit::new(scanned, seed) };
    }
    Unit::new(scanned, None)
}

fn into_chunks<M, C: Default>(mut units: Vec<Unit<M>>) -> Vec<Arc<Chunk<M, C>>> {
    let mut chunks = Vec::with_capacity(units.len().div_ceil(CHUNK));
    while units.len() > CHUNK {
        let rest = units.split_off(CHUNK);
        chunks.push(Chunk::new(std::mem::replace(&mut units, rest)));
    }
    if !units.is_empty() {
        chunks.push(Chunk::new(units));
    }
    chunks
}

/// A walk over the units of the text before an edit.
struct Cursor<'a, M, C> {
    units: &'a Units<M, C>,
    chunk: usize,
    within: usize,
    /// Index of the unit among all.
    index: usize,
    /// Where it starts.
    start: usize,
}

impl<'a, M, C> Cursor<'a, M, C> {
    fn unit(&self) -> Option<&'a Unit<M>> {
        self.units.chunks.get(self.chunk)?.units.get(self.within)
    }

    /// Moves on until the unit starts at `offset` or behind it.
    fn skip_to(&mut self, offset: usize) {
        while self.start < offset
            && let Some(unit) = self.unit()
        {
            self.start += unit.len();
            self.index += 1;
            self.within += 1;
            if self.within == self.units.chunks[self.chunk].units.len() {
                self.chunk += 1;
                self.within = 0;
            }
        }
    }
}
