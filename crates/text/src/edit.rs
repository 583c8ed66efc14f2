//! Edits, and what they do to offsets.

use std::ops::Range;

/// Replacement of a byte range of a text by other text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// What is replaced, in bytes of the text before the edit.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// To which side an offset sticks when text is inserted exactly there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// Stay before the inserted text.
    Before,
    /// Move behind it.
    After,
}

impl TextEdit {
    /// Replaces `range` by `text`.
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    /// The range that the new text takes up after the edit.
    pub fn inserted(&self) -> Range<usize> {
        self.range.start..self.range.start + self.text.len()
    }

    /// Where an offset of the text before is in the text after. Offsets inside the replaced range go to the side of the
    /// new text that `bias` names.
    pub fn map(&self, offset: usize, bias: Bias) -> usize {
        if offset < self.range.start || (offset == self.range.start && bias == Bias::Before) {
            offset
        } else if offset > self.range.end || (offset == self.range.end && bias == Bias::After) {
            offset - self.range.len() + self.text.len()
        } else {
            match bias {
                Bias::Before => self.range.start,
                Bias::After => self.inserted().end,
            }
        }
    }

    /// Where a range is after the edit: text inserted at one of its edges is not part of it.
    pub fn map_range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.map(range.start, Bias::After);
        start..self.map(range.end, Bias::Before).max(start)
    }
}

/// Byte lengths of the longest common prefix and, of what remains, suffix of two texts, both at character boundaries.
pub fn trim_common(old: &str, new: &str) -> (usize, usize) {
    let mut prefix = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    while !(old.is_char_boundary(prefix) && new.is_char_boundary(prefix)) {
        prefix -= 1;
    }
    let (old, new) = (&old[prefix..], &new[prefix..]);
    let mut suffix = old.bytes().rev().zip(new.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !(old.is_char_boundary(old.len() - suffix) && new.is_char_boundary(new.len() - suffix)) {
        suffix -= 1;
    }
    (prefix, suffix)
}
