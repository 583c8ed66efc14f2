//! Regions through edits, undo and redo.

use crate::regions::Regions;
use crate::suspicion::is_telling;
use countersign_text::{Bias, TextEdit};
use std::collections::VecDeque;
use std::ops::Range;

/// Deletions that are remembered, so that undo brings the origin back.
const REMEMBERED: usize = 256;

/// Longest deletion that is remembered, in bytes, and the most that all of them together may take up.
const REMEMBERED_BYTES: usize = 1 << 20;

/// How many of the deletions at a place are compared with what is inserted there.
const COMPARED: usize = 16;

/// The regions of a document and what is needed to keep them through its next edits.
#[derive(Debug, Clone, Default)]
pub struct Attribution {
    regions: Regions,
    deletions: VecDeque<Deletion>,
    bytes: usize,
    next: u64,
}

/// Text that was deleted, with its regions, and where it was.
#[derive(Debug, Clone)]
struct Deletion {
    number: u64,
    at: usize,
    text: String,
    pieces: Vec<(Range<usize>, u32)>,
    /// Earlier deletions whose places fell together with this one, and where within this text they were.
    inner: Vec<(u64, usize)>,
}

impl Attribution {
    /// Starts from known regions.
    pub fn new(regions: Regions) -> Self {
        Self { regions, ..Self::default() }
    }

    /// The regions now.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// The regions, to attribute text that is there.
    pub fn regions_mut(&mut self) -> &mut Regions {
        &mut self.regions
    }

    /// Whether a text was deleted here lately.
    pub fn was_deleted(&self, text: &str) -> bool {
        self.deletions.iter().any(|deletion| deletion.text.contains(text))
    }

    /// Who wrote a text that was deleted here lately, for the place where it starts now. `None` where nothing is known of it.
    pub fn deleted(&self, text: &str, start: usize) -> Option<Regions> {
        is_telling(text).then_some(())?;
        let deletion = self.deletions.iter().rev().find(|deletion| deletion.text == text)?;
        let origin = |index: u32| Some(self.regions.insertion(index)?.origin.clone());
        let part: Vec<_> =
            deletion.pieces.iter().filter_map(|(range, index)| Some((range.clone(), origin(*index)?))).collect();
        let regions = Regions::of_part(start, &part);
        (!regions.is_empty()).then_some(regions)
    }

    /// Follows an edit; `removed` is the text that it replaces. Inserted text belongs to nobody, except where it is what
    /// was deleted at this very place: then somebody undid or redid, and the origin comes back. So it does for a text that is
    /// long enough to be told from others and was deleted elsewhere in the document: it was moved. Returns whether it did.
    pub fn edit(&mut self, edit: &TextEdit, removed: &str) -> bool {
        let restored = self.take_back(edit.range.start, &edit.text, edit.range.is_empty());
        let deletion = (!removed.is_empty()).then(|| self.delete(edit, removed));
        self.regions.edit(edit.range.clone(), edit.text.len());
        for deletion in &mut self.deletions {
            deletion.at = edit.map(deletion.at, Bias::Before);
        }
        if let Some(deletion) = deletion.flatten() {
            self.bytes += deletion.text.len();
            self.deletions.push_back(deletion);
            while self.deletions.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
                self.bytes -= self.deletions.pop_front().map_or(0, |oldest| oldest.text.len());
            }
        }
        let Some(taken) = restored else {
            let moved = is_telling(&edit.text)
                .then(|| self.deletions.iter().rev().find(|deletion| deletion.text == edit.text))
                .flatten();
            if let Some(moved) = moved {
                self.regions.restore(edit.range.start, &moved.pieces);
            }
            return moved.is_some();
        };
        self.regions.restore(edit.range.start, &taken.pieces);
        for (number, within) in taken.inner {
            if let Some(inner) = self.deletions.iter_mut().find(|deletion| deletion.number == number) {
                inner.at = edit.range.start + within;
            }
        }
        true
    }

    fn delete(&mut self, edit: &TextEdit, removed: &str) -> Option<Deletion> {
        self.next += 1;
        if removed.len() > REMEMBERED_BYTES {
            return None;
        }
        let within = edit.range.start..=edit.range.end;
        let inner = self.deletions.iter().filter(|deletion| within.contains(&deletion.at));
        Some(Deletion {
            number: self.next,
            at: edit.range.start,
            text: removed.to_owned(),
            pieces: self.regions.extract(edit.range.clone()),
            inner: inner.map(|deletion| (deletion.number, deletion.at - edit.range.start)).collect(),
        })
    }

    /// Finds what was deleted at `at` and reads `text`, alone or with earlier deletions around it that are taken back in
    /// the same step, and forgets it. The newest comes first.
    fn take_back(&mut self, at: usize, text: &str, joined: bool) -> Option<Deletion> {
        if text.is_empty() {
            return None;
        }
        let here = self.deletions.iter().rev().filter(|deletion| deletion.at == at).take(COMPARED);
        let part = |deletion: &&Deletion| {
            deletion.text == text || (joined && deletion.text.len() < text.len() && text.contains(&deletion.text))
        };
        let candidates: Vec<u64> = here.filter(part).map(|deletion| deletion.number).collect();
        for number in candidates {
            let mut joint = self.deletions.iter().find(|deletion| deletion.number == number)?.clone();
            let mut used = vec![number];
            loop {
                if joint.text == text {
                    self.deletions.retain(|deletion| !used.contains(&deletion.number));
                    self.bytes = self.deletions.iter().map(|deletion| deletion.text.len()).sum();
                    return Some(joint);
                }
                // Join the newest of the earlier deletions that lay at this one.
                let newest = joint.inner.iter().max_by_key(|(number, _)| *number).copied();
                let Some((inner, within)) = newest.filter(|_| joined && joint.text.len() < text.len()) else {
                    break;
                };
                joint.inner.retain(|(number, _)| *number != inner);
                let Some(earlier) = self.deletions.iter().find(|deletion| deletion.number == inner) else {
                    continue;
                };
                let added = earlier.text.len();
                joint.text.insert_str(within, &earlier.text);
                let shift = |offset: usize| if offset >= within { offset + added } else { offset };
                let mut pieces: Vec<_> = Vec::new();
                for (range, index) in joint.pieces {
                    if range.start < within && range.end > within {
                        pieces.push((range.start..within, index));
                        pieces.push((within + added..range.end + added, index));
                    } else {
                        pieces.push((shift(range.start)..shift(range.start) + range.len(), index));
                    }
                }
                pieces.extend(
                    earlier.pieces.iter().map(|(range, index)| (range.start + within..range.end + within, *index)),
                );
                joint.pieces = pieces;
                for (_, place) in &mut joint.inner {
                    *place = shift(*place);
                }
                joint.inner.extend(earlier.inner.iter().map(|(number, place)| (*number, place + within)));
                used.push(inner);
            }
        }
        None
    }
}
