//! Attribution on disk: who wrote what, in a form that finds its text again.
//!
//! The text itself is not stored, only a digest of each line, so a file that changed while nobody watched is compared
//! line by line, and lines that are still there keep their owner.

use crate::diff::visible;
use crate::origin::Origin;
use crate::regions::Regions;
use imara_diff::{Algorithm, Diff, InternedInput};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Version of the format; another one is set aside unread.
const FORMAT: u32 = 2;

/// Letters and digits that a line needs to be told from others: a brace alone says nothing about who wrote it.
const DISTINCTIVE: usize = 8;

/// The attribution of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    format: u32,
    /// First eight bytes of the SHA-256 of each line, without its line break.
    lines: Vec<u64>,
    /// The same without any white space, by which a line is known after a formatter, with the number of its characters that
    /// are none.
    inks: Vec<(u64, usize)>,
    /// The same of the whole text, for a formatter that joins and splits lines.
    ink: u64,
    origins: Vec<Origin>,
    regions: Vec<SavedRegion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedRegion {
    /// First line and byte within it.
    start: (usize, usize),
    /// Last line and byte within it.
    end: (usize, usize),
    /// How many characters that are no white space stand before its first byte and before its end.
    ink: (usize, usize),
    /// Index into `origins`.
    origin: usize,
}

impl Saved {
    /// What is to be stored of a text's regions; `None` where nothing is known of it.
    pub fn new(text: &str, regions: &Regions) -> Option<Self> {
        if regions.is_empty() {
            return None;
        }
        let lines = lines(text);
        let place = |offset: usize| {
            let line = lines.partition_point(|range| range.start <= offset).saturating_sub(1);
            (line, offset - lines[line].start)
        };
        let mut origins: Vec<Origin> = Vec::new();
        let mut saved = Vec::new();
        let (mut counted, mut so_far) = (0, 0);
        let mut ink_before = |offset: usize| {
            so_far += visible(&text[counted..offset]).count();
            counted = offset;
            so_far
        };
        for piece in regions.pieces(0..text.len()) {
            let known = origins.iter().position(|origin| origin == piece.origin);
            let origin = known.unwrap_or_else(|| {
                origins.push(piece.origin.clone());
                origins.len() - 1
            });
            let ink = (ink_before(piece.start), ink_before(piece.end));
            saved.push(SavedRegion { start: place(piece.start), end: place(piece.end), ink, origin });
        }
        let inks = lines.iter().map(|range| ink(&text[range.clone()])).collect();
        let lines = lines.iter().map(|range| digest(&text[range.clone()])).collect();
        Some(Self { format: FORMAT, lines, inks, ink: ink(text).0, origins, regions: saved })
    }

    /// Whether this version of Countersign can read it.
    pub fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// Digest of the text that it is of, without white space.
    pub fn ink(&self) -> u64 {
        self.ink
    }

    /// The same of a text.
    pub fn ink_of(text: &str) -> u64 {
        ink(text).0
    }

    /// The regions in a text, where it is the one that they were of, but for its layout.
    pub fn restore_same(&self, text: &str) -> Option<Regions> {
        let same = lines(text).into_iter().map(|range| digest(&text[range])).eq(self.lines.iter().copied());
        if same { Some(self.restore(text)) } else { self.restore_formatted(text) }
    }

    /// The regions in a text that differs in white space only.
    fn restore_formatted(&self, text: &str) -> Option<Regions> {
        (self.ink == ink(text).0).then_some(())?;
        let visible = visible_ranges(text);
        let mut regions = Regions::default();
        for region in &self.regions {
            let inside = visible.get(region.ink.0..region.ink.1).unwrap_or_default();
            if let (Some(first), Some(last), Some(origin)) =
                (inside.first(), inside.last(), self.origins.get(region.origin))
            {
                regions.attribute(std::slice::from_ref(&(first.start..last.end)), origin);
            }
        }
        Some(regions)
    }

    /// The regions in a text that may have changed since. What cannot be found again is left out.
    pub fn restore(&self, text: &str) -> Regions {
        let now = lines(text);
        let digests: Vec<u64> = now.iter().map(|range| digest(&text[range.clone()])).collect();
        if self.lines != digests
            && let Some(regions) = self.restore_formatted(text)
        {
            return regions;
        }
        let inks: Vec<u64> = now.iter().map(|range| ink(&text[range.clone()]).0).collect();
        let line_now = self.match_lines(&inks, |line| is_distinctive(&text[now[line].clone()]));
        // Characters that are no white space before each line of then.
        let ink_before: Vec<usize> =
            self.inks.iter().scan(0, |sum, (_, count)| Some(std::mem::replace(sum, *sum + count))).collect();
        let mut regions = Regions::default();
        for region in &self.regions {
            let Some(origin) = self.origins.get(region.origin) else {
                continue;
            };
            let mut ranges: Vec<Range<usize>> = Vec::new();
            for line in region.start.0..=region.end.0 {
                let Some(Some(found)) = line_now.get(line) else {
                    continue;
                };
                let full = now[*found].start..now.get(found + 1).map_or(text.len(), |next| next.start);
                let (is_first, is_last) = (line == region.start.0, line == region.end.0);
                let (start, end) = if self.lines.get(line) == digests.get(*found) {
                    let start = if is_first { full.start + region.start.1 } else { full.start };
                    (start, if is_last { full.start + region.end.1 } else { full.end })
                } else {
                    // The same but for its layout.
                    let visible = visible_ranges(&text[full.clone()]);
                    let before = ink_before.get(line).copied().unwrap_or_default();
                    let place = |ink: usize| visible.get(ink.saturating_sub(before));
                    let last = || region.ink.1.checked_sub(before + 1).and_then(|ink| visible.get(ink));
                    let start = if is_first {
                        place(region.ink.0).map_or(full.end, |at| full.start + at.start)
                    } else {
                        full.start
                    };
                    (start, if is_last { last().map_or(full.start, |at| full.start + at.end) } else { full.end })
                };
                let range = floor(text, start)..floor(text, end.min(full.end));
                match ranges.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => ranges.push(range),
                }
            }
            // A run that holds nothing but braces may be anybody's.
            let whole = self.lines == digests;
            let of_lines = |range: &Range<usize>| {
                let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
                let end = text[range.end..].find('\n').map_or(text.len(), |length| range.end + length);
                text[start..end].lines().any(is_distinctive)
            };
            ranges.retain(|range| !range.is_empty() && (whole || of_lines(range)));
            regions.attribute(&ranges, origin);
        }
        regions
    }

    /// For each line of then, which line of now it is, by digests without white space.
    fn match_lines(&self, now: &[u64], distinctive: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        let then = || self.inks.iter().map(|(digest, _)| *digest);
        if then().eq(now.iter().copied()) {
            return (0..now.len()).map(Some).collect();
        }
        let mut input = InternedInput::default();
        input.update_before(then());
        input.update_after(now.iter().copied());
        let diff = Diff::compute(Algorithm::Histogram, &input);
        let mut matched = vec![None; self.inks.len()];
        let (mut then, mut today) = (0, 0);
        let ends = (self.inks.len(), now.len());
        let hunks = diff.hunks().map(|hunk| {
            let index = |line: u32| line as usize;
            (index(hunk.before.start), index(hunk.before.end), index(hunk.after.start), index(hunk.after.end))
        });
        for (before, before_end, after, after_end) in hunks.chain([(ends.0, ends.0, ends.1, ends.1)]) {
            // An unchanged run counts if it can be told from others.
            let run = today..after.min(today + (before - then));
            if run.clone().any(&distinctive) {
                for (offset, line) in run.enumerate() {
                    matched[then + offset] = Some(line);
                }
            }
            (then, today) = (before_end, after_end);
        }
        matched
    }
}

fn is_distinctive(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= DISTINCTIVE
}

/// Byte ranges of the lines, without their LF.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    text.split('\n')
        .map(|line| {
            let range = start..start + line.len();
            start = range.end + 1;
            range
        })
        .collect()
}

/// Digest and number of the characters that are no white space.
fn ink(text: &str) -> (u64, usize) {
    let ink: String = visible(text).collect();
    (digest(&ink), ink.chars().count())
}

/// Where each character stands that is no white space.
fn visible_ranges(text: &str) -> Vec<Range<usize>> {
    let visible = text.char_indices().filter(|(_, c)| !c.is_whitespace());
    visible.map(|(at, c)| at..at + c.len_utf8()).collect()
}

fn digest(line: &str) -> u64 {
    let hash = Sha256::digest(line.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn floor(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset)
}
