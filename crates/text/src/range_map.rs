//! Values attached to byte ranges of a text, kept in place while the text is edited.

use std::ops::Range;

/// Disjoint, sorted, non-empty byte ranges with a value each. Neighbours that touch and are equal are one range.
///
/// Text that is inserted takes the value given with the edit and never that of a neighbour, so a range does not grow
/// when somebody types at its edge, and splits when somebody types inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeMap<T> {
    ranges: Vec<(Range<usize>, T)>,
}

impl<T> Default for RangeMap<T> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<T: Clone + PartialEq> RangeMap<T> {
    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, &T)> {
        self.ranges.iter().map(|(range, value)| (range.clone(), value))
    }

    /// Whether no byte has a value.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Number of ranges.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The parts of ranges that lie within `window`, in order.
    pub fn overlapping(&self, window: Range<usize>) -> impl Iterator<Item = (Range<usize>, &T)> {
        let first = self.ranges.partition_point(|(range, _)| range.end <= window.start);
        self.ranges[first..]
            .iter()
            .take_while(move |(range, _)| range.start < window.end)
            .map(move |(range, value)| (range.start.max(window.start)..range.end.min(window.end), value))
    }

    /// Gives every byte of `range` a value, or none.
    pub fn set(&mut self, range: Range<usize>, value: Option<T>) {
        if !range.is_empty() {
            self.edit(range.clone(), range.len(), value);
        }
    }

    /// The text in `range` was replaced by `new_len` bytes, which all have `value`.
    pub fn edit(&mut self, range: Range<usize>, new_len: usize, value: Option<T>) {
        let first = self.ranges.partition_point(|(r, _)| r.end <= range.start);
        // An insertion at the very start of a range comes before it, so that range is only shifted.
        let last = first + self.ranges[first..].partition_point(|(r, _)| r.start < range.end);
        let moved = |offset: usize| offset - range.end + range.start + new_len;

        let mut middle: Vec<(Range<usize>, T)> = Vec::new();
        if let Some((r, v)) = self.ranges[first..last].first()
            && r.start < range.start
        {
            middle.push((r.start..range.start, v.clone()));
        }
        if let Some(value) = value
            && new_len > 0
        {
            middle.push((range.start..range.start + new_len, value));
        }
        if let Some((r, v)) = self.ranges[first..last].last()
            && r.end > range.end
        {
            middle.push((moved(range.end)..moved(r.end), v.clone()));
        }
        if new_len != range.len() {
            for (r, _) in &mut self.ranges[last..] {
                *r = moved(r.start)..moved(r.end);
            }
        }
        let added = middle.len();
        self.ranges.splice(first..last, middle);
        self.join(first.saturating_sub(1)..first + added + 1);
    }

    /// Joins equal neighbours among the ranges with these indices.
    fn join(&mut self, indices: Range<usize>) {
        let mut index = indices.start;
        let mut end = indices.end.min(self.ranges.len());
        while index + 1 < end {
            let (left, right) = (&self.ranges[index], &self.ranges[index + 1]);
            if left.0.end == right.0.start && left.1 == right.1 {
                self.ranges[index].0.end = right.0.end;
                self.ranges.remove(index + 1);
                end -= 1;
            } else {
                index += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The model: one optional value a byte.
    fn model(map: &RangeMap<u8>, len: usize) -> Vec<Option<u8>> {
        let mut bytes = vec![None; len];
        for (range, value) in map.iter() {
            bytes[range].fill(Some(*value));
        }
        bytes
    }

    proptest! {
        #[test]
        fn equals_one_value_a_byte(edits in prop::collection::vec((0usize..200, 0usize..30, 0usize..30, prop::option::of(0u8..3)), 0..60)) {
            let mut map = RangeMap::default();
            let mut bytes: Vec<Option<u8>> = vec![None; 100];
            for (start, removed, added, value) in edits {
                let start = start.min(bytes.len());
                let end = (start + removed).min(bytes.len());
                map.edit(start..end, added, value);
                bytes.splice(start..end, std::iter::repeat_n(value, added));
                prop_assert_eq!(&model(&map, bytes.len()), &bytes);
                for pair in map.ranges.windows(2) {
                    prop_assert!(pair[0].0.end < pair[1].0.start || pair[0].1 != pair[1].1, "equal neighbours are joined");
                }
                let window = start / 2..end.min(bytes.len()).max(start / 2);
                let mut part = vec![None; bytes.len()];
                for (range, value) in map.overlapping(window.clone()) {
                    part[range].fill(Some(*value));
                }
                prop_assert_eq!(&part[window.clone()], &bytes[window]);
            }
        }
    }
}
