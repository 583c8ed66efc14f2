//! Regions of a text: which bytes have which origin.

use crate::origin::Origin;
use countersign_text::RangeMap;
use std::ops::Range;
use std::sync::Arc;

/// One piece of evidence about text that came in at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    /// Who wrote it and how we know.
    pub origin: Origin,
    /// How many bytes it was.
    pub len: usize,
}

/// Which bytes have which origin. A value: cheap to clone, and a clone does not change.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    /// Indices into `insertions`.
    map: RangeMap<u32>,
    insertions: Arc<Vec<Insertion>>,
}

/// Bytes with one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Start, in bytes.
    pub start: usize,
    /// End, in bytes.
    pub end: usize,
    /// Who wrote them and how we know.
    pub origin: &'a Origin,
}

/// A region as it is shown to people: the pieces of one insertion that are only interrupted within a line.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionView {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Who wrote it and how we know.
    pub origin: Origin,
    /// Somebody else's text stands within the range.
    pub mixed: bool,
    /// Share of the text that came in then and is still there, from 0 to 1.
    pub retained: f64,
}

impl Regions {
    /// Whether nothing is known of any byte.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Number of disjoint pieces.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// The pieces within a window, in order.
    pub fn pieces(&self, window: Range<usize>) -> impl Iterator<Item = Piece<'_>> {
        self.map.overlapping(window).filter_map(|(range, index)| {
            let insertion = self.insertion(*index)?;
            Some(Piece { start: range.start, end: range.end, origin: &insertion.origin })
        })
    }

    pub(crate) fn insertion(&self, index: u32) -> Option<&Insertion> {
        self.insertions.get(usize::try_from(index).ok()?)
    }

    /// Says of `ranges` that they have this origin. They count as one insertion. A weaker word does not change a stronger
    /// one, words of the same rank that disagree leave it open who is right, and a correction keeps what it corrects.
    pub fn attribute(&mut self, ranges: &[Range<usize>], origin: &Origin) {
        let mut allowed: Vec<(Range<usize>, Option<Origin>, Origin)> = Vec::new();
        for range in ranges.iter().filter(|range| !range.is_empty()) {
            let mut at = range.start;
            for piece in self.pieces(range.clone()) {
                allowed.push((at..piece.start, None, origin.clone()));
                if let Some(origin) = origin.over(piece.origin) {
                    allowed.push((piece.start..piece.end, Some(piece.origin.clone()), origin));
                }
                at = piece.end;
            }
            allowed.push((at..range.end, None, origin.clone()));
        }
        allowed.retain(|(range, ..)| !range.is_empty());
        let len = allowed.iter().map(|(range, ..)| range.len()).sum();
        for (range, before, mut origin) in allowed {
            if origin.authority == crate::Authority::Corrected {
                origin.corrects = before.filter(|before| before.writer != origin.writer).map(|mut before| {
                    // One step back is kept: what the evidence said, not the chain of opinions about it.
                    before.corrects.take().unwrap_or_else(|| Box::new(before))
                });
            }
            let index = self.intern(Insertion { origin, len });
            self.map.set(range, index);
        }
    }

    /// Says of everything of which other regions of the same text know an origin that it has that one.
    pub fn attribute_all(&mut self, others: &Self) {
        for piece in others.pieces(0..usize::MAX) {
            self.attribute(std::slice::from_ref(&(piece.start..piece.end)), piece.origin);
        }
    }

    /// Who wrote what in a part of the text, in bytes from the start of that part.
    pub fn part(&self, range: &Range<usize>) -> Vec<(Range<usize>, Origin)> {
        let pieces = self.pieces(range.clone());
        pieces.map(|piece| (piece.start - range.start..piece.end - range.start, piece.origin.clone())).collect()
    }

    /// The regions of a text in which a part that starts somewhere has these origins.
    pub fn of_part(start: usize, part: &[(Range<usize>, Origin)]) -> Self {
        let mut regions = Self::default();
        for (range, origin) in part {
            regions.attribute(std::slice::from_ref(&(start + range.start..start + range.end)), origin);
        }
        regions
    }

    /// How many bytes have an origin.
    pub fn bytes_of(&self, origin: &Origin) -> usize {
        let own = self.pieces(0..usize::MAX).filter(|piece| piece.origin == origin);
        own.map(|piece| piece.end - piece.start).sum()
    }

    /// Takes away what is known of a range.
    pub fn clear(&mut self, range: Range<usize>) {
        self.map.set(range, None);
    }

    /// Index for an insertion; equal ones that follow each other are one.
    fn intern(&mut self, insertion: Insertion) -> Option<u32> {
        if self.insertions.last() != Some(&insertion) {
            Arc::make_mut(&mut self.insertions).push(insertion);
        }
        u32::try_from(self.insertions.len() - 1).ok()
    }

    /// The text in `range` was replaced by `new_len` bytes, of which nothing is known.
    pub(crate) fn edit(&mut self, range: Range<usize>, new_len: usize) {
        self.map.edit(range, new_len, None);
    }

    /// What is known of a range, relative to its start.
    pub(crate) fn extract(&self, range: Range<usize>) -> Vec<(Range<usize>, u32)> {
        let start = range.start;
        self.map.overlapping(range).map(|(range, index)| (range.start - start..range.end - start, *index)).collect()
    }

    /// Brings back what [`Regions::extract`] gave.
    pub(crate) fn restore(&mut self, start: usize, extracted: &[(Range<usize>, u32)]) {
        for (range, index) in extracted {
            self.map.set(start + range.start..start + range.end, Some(*index));
        }
    }

    /// The regions as they are shown to people. `text` gives the text of a byte range.
    pub fn views(&self, text: impl Fn(Range<usize>) -> String) -> Vec<RegionView> {
        let mut held = vec![0usize; self.insertions.len()];
        for (range, index) in self.map.iter() {
            if let Some(held) = usize::try_from(*index).ok().and_then(|index| held.get_mut(index)) {
                *held += range.len();
            }
        }
        let mut views: Vec<(u32, RegionView)> = Vec::new();
        for (range, index) in self.map.iter() {
            let Some(insertion) = self.insertion(*index) else {
                continue;
            };
            if let Some((last, view)) = views.last_mut()
                && last == index
            {
                let gap = text(view.range.end..range.start);
                if gap.trim().is_empty() || !gap.contains('\n') {
                    view.mixed |= !gap.trim().is_empty();
                    view.range.end = range.end;
                    continue;
                }
            }
            let held = usize::try_from(*index).ok().and_then(|index| held.get(index)).copied().unwrap_or_default();
            let retained = share(held, insertion.len);
            views.push((*index, RegionView { range, origin: insertion.origin.clone(), mixed: false, retained }));
        }
        views.into_iter().map(|(_, view)| view).collect()
    }
}

/// `part` of `whole`, at most 1, with two digits.
#[expect(clippy::cast_precision_loss, reason = "a share with two digits")]
fn share(part: usize, whole: usize) -> f64 {
    ((part as f64 / whole.max(1) as f64).min(1.0) * 100.0).round() / 100.0
}
