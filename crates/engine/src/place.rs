//! What is said of text in files that a team calls critical, whatever language they are in: who wrote it.

use crate::analysis::OriginSummary;
use crate::document::Snapshot;
use countersign_policy::Origin;
use countersign_provenance as provenance;
use countersign_text::RangeMap;
use std::ops::Range;

/// The risk that an AI wrote text there.
pub(crate) const BY_AI: &str = "ai-in-critical-place";

/// The risk that nobody is on record for new text there.
pub(crate) const BY_NOBODY: &str = "unknown-in-critical-place";

/// Bytes at either end of a range in which is looked for its first and last letter: what begins with more white space than that
/// is none.
const LOOKED_AT: usize = 1 << 10;

/// Ranges of which nobody is known to be the writer that are told of.
const MOST_UNKNOWN: usize = 256;

/// One thing to be said.
#[derive(Debug)]
pub(crate) struct Said {
    /// [`BY_AI`] or [`BY_NOBODY`].
    pub(crate) risk: &'static str,
    /// The first line of it, in bytes of the text.
    pub(crate) shown: Range<usize>,
    /// All of it.
    pub(crate) ranges: Vec<Range<usize>>,
    /// Lines in which it stands.
    pub(crate) lines: usize,
    /// Who wrote it.
    pub(crate) origin: OriginSummary,
}

impl Said {
    /// What is so. What is nobody's is not called an AI's.
    pub(crate) fn message(&self) -> String {
        let Self { lines, .. } = self;
        if self.risk == BY_AI {
            let part = if self.origin.by == Origin::Mixed { " part of" } else { "" };
            let these = if *lines == 1 { "this line".to_owned() } else { format!("these {lines} lines") };
            return format!("An AI wrote{part} {these}, and the team says that this file is critical.");
        }
        let are = match (lines, self.ranges.len()) {
            (1, _) => "This line is".to_owned(),
            (_, 1) => format!("These {lines} lines are"),
            _ => format!("{lines} lines, this one and others below, are"),
        };
        let them = if *lines == 1 { "it" } else { "them" };
        format!("{are} new in a file that the team says is critical, and nothing says who wrote {them}.")
    }
}

/// Who wrote what; `None` is nobody's business.
pub(crate) type Writers<'a> = RangeMap<Option<&'a provenance::Origin>>;

/// What is to be said of a text in such a file: each run of lines that an AI wrote, and all that is new and nobody's together.
/// `declared` is what tags say, and `tags` are their comments. Costs something for each region and change, and nothing for the
/// text between them.
pub(crate) fn said(
    snapshot: &Snapshot,
    declared: &RangeMap<provenance::Origin>,
    tags: impl Iterator<Item = Range<usize>>,
) -> Vec<Said> {
    let writers = writers(snapshot, declared, tags);
    let mut said = Vec::new();
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (range, origin) in writers.iter() {
        let Some(origin) = origin.filter(|origin| origin.is_ai()) else { continue };
        let Some(range) = visible(snapshot, range) else { continue };
        match runs.last_mut().filter(|run| run.joins(snapshot, &range)) {
            Some(run) => run.add(range, origin),
            None => runs.push(Run { ranges: vec![range], strongest: origin }),
        }
    }
    for run in runs {
        let by = if run.is_interrupted(snapshot) { Origin::Mixed } else { Origin::Ai };
        let origin = OriginSummary { by, evidence: Some(run.strongest.clone()) };
        said.extend(of(snapshot, BY_AI, run.ranges, origin));
    }
    let unknown = unknown(snapshot, &snapshot.changed, &writers, MOST_UNKNOWN);
    said.extend(of(snapshot, BY_NOBODY, unknown, OriginSummary { by: Origin::Unknown, evidence: None }));
    said
}

/// Neighbouring text that AI tools wrote.
struct Run<'a> {
    ranges: Vec<Range<usize>>,
    strongest: &'a provenance::Origin,
}

impl<'a> Run<'a> {
    fn end(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// Whether nothing of others stands on a line of its own in between.
    fn joins(&self, snapshot: &Snapshot, next: &Range<usize>) -> bool {
        let text = &snapshot.text;
        let between = text.line_of(next.start).saturating_sub(text.line_of(self.end().saturating_sub(1)));
        between <= 1 || (next.start - self.end() <= LOOKED_AT && text.slice(self.end()..next.start).trim().is_empty())
    }

    fn add(&mut self, range: Range<usize>, origin: &'a provenance::Origin) {
        if self.strongest.authority < origin.authority {
            self.strongest = origin;
        }
        self.ranges.push(range);
    }

    /// Whether something of others stands in between.
    fn is_interrupted(&self, snapshot: &Snapshot) -> bool {
        let gap = |pair: &[Range<usize>]| match pair {
            [before, after] => before.end..after.start,
            _ => 0..0,
        };
        self.ranges.windows(2).any(|pair| !snapshot.text.slice(gap(pair)).trim().is_empty())
    }
}

/// Who wrote what: what was recorded, and where nothing was, what tags declare.
pub(crate) fn writers<'a>(
    snapshot: &'a Snapshot,
    declared: &'a RangeMap<provenance::Origin>,
    tags: impl Iterator<Item = Range<usize>>,
) -> Writers<'a> {
    let mut writers = Writers::default();
    tags.for_each(|tag| writers.set(tag, Some(None)));
    for (range, origin) in declared.iter() {
        writers.set(range, Some(Some(origin)));
    }
    for piece in snapshot.regions.pieces(0..snapshot.text.len()) {
        writers.set(piece.start..piece.end, Some(Some(piece.origin)));
    }
    writers
}

/// What of some text is nobody's, in order of the text; about `most` ranges of it.
pub(crate) fn unknown(snapshot: &Snapshot, of: &RangeMap<()>, writers: &Writers<'_>, most: usize) -> Vec<Range<usize>> {
    let mut unknown = Vec::new();
    for (changed, ()) in of.iter() {
        let mut at = changed.start;
        let is_known = |origin: Option<&provenance::Origin>| origin.is_none_or(|origin| !origin.is_disputed());
        let known =
            writers.overlapping(changed.clone()).filter(|(_, origin)| is_known(**origin)).map(|(range, _)| range);
        for range in known.chain(std::iter::once(changed.end..changed.end)) {
            unknown.extend(visible(snapshot, at..range.start));
            at = range.end;
            if unknown.len() >= most {
                return unknown;
            }
        }
    }
    unknown
}

/// A range from its first letter to its last; `None` where it has none.
pub(crate) fn visible(snapshot: &Snapshot, range: Range<usize>) -> Option<Range<usize>> {
    let range = snapshot.text.clamp(range);
    let begin = snapshot.text.slice(range.start..range.end.min(range.start + LOOKED_AT));
    let blank = begin.len() - begin.trim_start().len();
    let end = snapshot.text.slice(range.end.saturating_sub(LOOKED_AT).max(range.start)..range.end);
    let after = end.len() - end.trim_end().len();
    (blank < begin.len()).then(|| range.start + blank..range.end - after)
}

/// What is said of ranges, if there are any.
fn of(snapshot: &Snapshot, risk: &'static str, ranges: Vec<Range<usize>>, origin: OriginSummary) -> Option<Said> {
    let text = &snapshot.text;
    let first = ranges.first()?.start;
    let line = text.line_content(text.line_of(first));
    let (mut lines, mut counted) = (0, None);
    for range in &ranges {
        let (start, end) = (text.line_of(range.start), text.line_of(range.end.saturating_sub(1).max(range.start)));
        let start = counted.map_or(start, |last: usize| start.max(last + 1));
        lines += (end + 1).saturating_sub(start);
        counted = Some(end.max(counted.unwrap_or_default()));
    }
    let end = line.end.min(ranges.first()?.end).max(first);
    Some(Said { risk, shown: first..end, ranges, lines, origin })
}
