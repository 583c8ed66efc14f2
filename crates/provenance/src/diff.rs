//! Small edits out of large ones.

use countersign_text::{TextEdit, trim_common};
use imara_diff::{Algorithm, Diff, InternedInput};

/// The edits, last first, that turn `old` into `new` and leave alone what is the same in both: an editor that replaces a
/// whole file to change one line did not write the other lines. Offsets count from `offset`. Applied one after another
/// in this order, each one's range is right.
pub fn minimal_edits(offset: usize, old: &str, new: &str) -> Vec<TextEdit> {
    let (prefix, suffix) = trim_common(old, new);
    let (old, new) = (&old[prefix..old.len() - suffix], &new[prefix..new.len() - suffix]);
    let offset = offset + prefix;
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if !old.contains('\n') || !new.contains('\n') {
        return vec![TextEdit::new(offset..offset + old.len(), new)];
    }
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let (old_starts, new_starts) = (line_starts(old), line_starts(new));
    let at = |starts: &[usize], line: u32| starts.get(line as usize).or(starts.last()).copied().unwrap_or(0);
    let mut edits: Vec<_> = diff
        .hunks()
        .map(|hunk| {
            let start = at(&old_starts, hunk.before.start);
            let old = &old[start..at(&old_starts, hunk.before.end)];
            let new = &new[at(&new_starts, hunk.after.start)..at(&new_starts, hunk.after.end)];
            let (prefix, suffix) = trim_common(old, new);
            let range = offset + start + prefix..offset + start + old.len() - suffix;
            TextEdit::new(range, &new[prefix..new.len() - suffix])
        })
        .collect();
    edits.reverse();
    edits
}

/// Where each line starts, and the end.
fn line_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
    if starts.last() != Some(&text.len()) {
        starts.push(text.len());
    }
    starts
}
