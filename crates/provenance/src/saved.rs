//! Attribution on disk: who wrote what, in a form that finds its text again.
//!
//! The text itself is not stored, only a digest of each line, so a file that changed while nobody watched is compared
//! line by line, and lines that are still there keep their owner.

use crate::origin::Origin;
use crate::regions::Regions;
use imara_diff::{Algorithm, Diff, InternedInput};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Version of the format; another one is set aside unread.
const FORMAT: u32 = 1;

/// Letters and digits that a line needs to be told from others: a brace alone says nothing about who wrote it.
const DISTINCTIVE: usize = 8;

/// The attribution of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    format: u32,
    /// First eight bytes of the SHA-256 of each line, without its line break.
    lines: Vec<u64>,
    origins: Vec<Origin>,
    regions: Vec<SavedRegion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedRegion {
    /// First line and byte within it.
    start: (usize, usize),
    /// Last line and byte within it.
    end: (usize, usize),
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
        for piece in regions.pieces(0..text.len()) {
            let known = origins.iter().position(|origin| origin == piece.origin);
            let origin = known.unwrap_or_else(|| {
                origins.push(piece.origin.clone());
                origins.len() - 1
            });
            saved.push(SavedRegion { start: place(piece.start), end: place(piece.end), origin });
        }
        let lines = lines.iter().map(|range| digest(&text[range.clone()])).collect();
        Some(Self { format: FORMAT, lines, origins, regions: saved })
    }

    /// Whether this version of Countersign can read it.
    pub fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// The regions in a text that may have changed since. What cannot be found again is left out.
    pub fn restore(&self, text: &str) -> Regions {
        let now = lines(text);
        let digests: Vec<u64> = now.iter().map(|range| digest(&text[range.clone()])).collect();
        let line_now = self.match_lines(&digests, |line| is_distinctive(&text[now[line].clone()]));
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
                let start = if line == region.start.0 { full.start + region.start.1 } else { full.start };
                let end = if line == region.end.0 { full.start + region.end.1 } else { full.end };
                let range = floor(text, start)..floor(text, end.min(full.end));
                match ranges.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => ranges.push(range),
                }
            }
            // A run that holds nothing but braces may be anybody's.
            let whole = self.lines == digests;
            ranges.retain(|range| !range.is_empty() && (whole || text[range.clone()].lines().any(is_distinctive)));
            regions.attribute(&ranges, origin);
        }
        regions
    }

    /// For each line of then, which line of now it is.
    fn match_lines(&self, now: &[u64], distinctive: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        if self.lines == now {
            return (0..now.len()).map(Some).collect();
        }
        let mut input = InternedInput::default();
        input.update_before(self.lines.iter().copied());
        input.update_after(now.iter().copied());
        let diff = Diff::compute(Algorithm::Histogram, &input);
        let mut matched = vec![None; self.lines.len()];
        let (mut then, mut today) = (0, 0);
        let ends = (self.lines.len(), now.len());
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

fn digest(line: &str) -> u64 {
    let hash = Sha256::digest(line.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn floor(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset)
}
