//! Small edits out of large ones.

use countersign_text::{TextEdit, trim_common};
use imara_diff::{Algorithm, Diff, InternedInput};

/// The edits, last first, that turn `old` into `new` and leave alone the lines and words that are the same in both: an editor
/// that replaces a whole file to change one line did not write the other lines. Offsets count from `offset`. Applied one after another
/// in this order, each one's range is right.
pub fn minimal_edits(offset: usize, old: &str, new: &str) -> Vec<TextEdit> {
    if old == new {
        return Vec::new();
    }
    if !old.contains('\n') || !new.contains('\n') {
        return hunk_edits(offset, old, new);
    }
    // Whole lines that are the same at both ends need not be compared one by one.
    let (prefix, suffix) = trim_common(old, new);
    let prefix = old[..prefix].rfind('\n').map_or(0, |at| at + 1);
    let suffix = old[old.len() - suffix..].find('\n').map_or(0, |at| suffix - at - 1);
    let (old, new) = (&old[prefix..old.len() - suffix], &new[prefix..new.len() - suffix]);
    let offset = offset + prefix;
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let (old_starts, new_starts) = (line_starts(old), line_starts(new));
    let at = |starts: &[usize], line: u32| starts.get(line as usize).or(starts.last()).copied().unwrap_or(0);
    let mut edits: Vec<_> = Vec::new();
    for hunk in diff.hunks() {
        let start = at(&old_starts, hunk.before.start);
        let old = &old[start..at(&old_starts, hunk.before.end)];
        let new = &new[at(&new_starts, hunk.after.start)..at(&new_starts, hunk.after.end)];
        let mut of_hunk = hunk_edits(offset + start, old, new);
        of_hunk.reverse();
        edits.append(&mut of_hunk);
    }
    edits.reverse();
    edits
}

/// The edits for one stretch that differs, last first: white space alone where nothing else differs, as after a formatter,
/// else all of it but what is the same at its ends.
fn hunk_edits(offset: usize, old: &str, new: &str) -> Vec<TextEdit> {
    if visible(old).eq(visible(new)) {
        return white_space_edits(offset, old, new);
    }
    let (mut prefix, mut suffix) = trim_common(old, new);
    if prefix + suffix < old.len().min(new.len()) {
        // A word that is replaced by another is another, whatever letters they share: nobody owns half of `true` because
        // `false` ends with the same letter.
        prefix -= word_len(old[..prefix].chars().rev());
        suffix -= word_len(old[old.len() - suffix..].chars());
    }
    let range = offset + prefix..offset + old.len() - suffix;
    vec![TextEdit::new(range, &new[prefix..new.len() - suffix])]
}

/// Bytes of the characters of a word that come first.
fn word_len(chars: impl Iterator<Item = char>) -> usize {
    chars.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).map(char::len_utf8).sum()
}

pub(crate) fn visible(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}

/// The edits, last first, between two texts that differ in white space only.
pub(crate) fn white_space_edits(offset: usize, old: &str, new: &str) -> Vec<TextEdit> {
    let gap = |text: &str| text.len() - text.trim_start().len();
    let mut edits = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    loop {
        let before = &old[old_at..old_at + gap(&old[old_at..])];
        let after = &new[new_at..new_at + gap(&new[new_at..])];
        if before != after {
            let (prefix, suffix) = trim_common(before, after);
            let range = offset + old_at + prefix..offset + old_at + before.len() - suffix;
            edits.push(TextEdit::new(range, &after[prefix..after.len() - suffix]));
        }
        (old_at, new_at) = (old_at + before.len(), new_at + after.len());
        let Some(next) = old[old_at..].chars().next() else { break };
        (old_at, new_at) = (old_at + next.len_utf8(), new_at + next.len_utf8());
    }
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
