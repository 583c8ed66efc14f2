//! Whether a text reads a suggestion where something was inserted.

use countersign_text::Text;
use std::ops::Range;

/// Bytes that a document may have more than a suggestion around an insertion: its indentation.
const SLACK: usize = 1 << 10;

/// Characters that are compared for one insertion and one suggestion.
const MAX_STEPS: usize = 1 << 20;

/// An insertion that a suggestion explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// What was inserted. It is where the suggestion has it: of `a\n` between two lines nobody can tell whether the line
    /// break before or behind it is new.
    pub(super) inserted: Range<usize>,
    /// Bytes of the suggestion up to the end of the insertion.
    pub(super) read: usize,
    /// The text reads the whole suggestion.
    pub(super) whole: bool,
}

/// Whether the document reads `suggestion`, or its first part up to the end of the insertion, such that `inserted` lies within
/// it and `anchor`, where it was offered, too. White space at the start of a line, and how lines end, may differ; white space
/// at its end may be missing. `moves` says that nothing was replaced, so that the insertion may have been a little to either
/// side.
pub(super) fn reading(
    text: &Text,
    inserted: &Range<usize>,
    moves: bool,
    suggestion: &str,
    anchor: usize,
) -> Option<Reading> {
    let around = 2 * suggestion.len() + SLACK;
    let window_range = text.clamp(inserted.start.saturating_sub(around)..inserted.end + around);
    let window = text.slice(window_range.clone());
    let first = suggestion.chars().next()?;
    let (length, start) = (inserted.len(), inserted.start.checked_sub(window_range.start)?);
    let slides = slides(window.as_bytes(), start, length, if moves { suggestion.len() } else { 0 });
    let anchor = anchor.checked_sub(window_range.start)?;
    let mut steps = MAX_STEPS;
    let mut best: Option<Reading> = None;
    let starts = window.char_indices().take_while(|(at, _)| *at <= anchor.min(*slides.end()));
    for (at, c) in starts {
        // A suggestion may begin with a line break that the document has as CR LF.
        if c != first && !(c == '\r' && first == '\n') {
            continue;
        }
        let (end, read) = walk(&window, at, suggestion, usize::MAX, &mut steps);
        // The insertion lies within what is the same.
        let (lowest, highest) = (at.max(*slides.start()), end.saturating_sub(length).min(*slides.end()));
        if lowest > highest || end < anchor || end < length {
            continue;
        }
        let place = start.clamp(lowest, highest);
        if !window.is_char_boundary(place) || !window.is_char_boundary(place + length) {
            continue;
        }
        let whole = suggestion.get(read..).is_some_and(|rest| rest.trim().is_empty());
        let (_, read) = walk(&window, at, suggestion, place + length, &mut steps);
        let inserted = window_range.start + place..window_range.start + place + length;
        let found = Reading { inserted, read, whole };
        if whole {
            return Some(found);
        }
        best = best.filter(|best| best.read >= found.read).or(Some(found));
    }
    best
}

/// Where an insertion may have been made for the text to be what it is.
fn slides(window: &[u8], start: usize, length: usize, most: usize) -> std::ops::RangeInclusive<usize> {
    let same = |a: usize, b: usize| window.get(a).is_some_and(|byte| window.get(b) == Some(byte));
    let (mut first, mut last) = (start, start);
    while first > 0 && start - first < most && same(first - 1, first + length - 1) {
        first -= 1;
    }
    while last - start < most && same(last, last + length) {
        last += 1;
    }
    first..=last
}

/// How far a text and a suggestion are the same from `at` on, at most up to `limit`: where that ends in both.
fn walk(window: &str, at: usize, suggestion: &str, limit: usize, steps: &mut usize) -> (usize, usize) {
    let (mut there, mut read) = (at, 0);
    let next = |text: &str, at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    let is_break = |text: &str, at: usize| text.as_bytes().get(at..at + 2) == Some(b"\r\n");
    let blanks = |text: &str, at: usize| {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    };
    while there < limit && *steps > 0 {
        *steps -= 1;
        // CR LF is a line break like any other.
        let (here, wanted) =
            (there + usize::from(is_break(window, there)), read + usize::from(is_break(suggestion, read)));
        match (next(window, here), next(suggestion, wanted)) {
            (Some(a), Some(b)) if a == b => {
                (there, read) = (here + a.len_utf8(), wanted + b.len_utf8());
                if a == '\n' {
                    there += blanks(window, there);
                    read += blanks(suggestion, read);
                }
            }
            _ => break,
        }
    }
    (there, read)
}

/// Whether a suggestion may be cut at a byte without cutting a word.
pub(super) fn is_word_boundary(suggestion: &str, at: usize) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let Some((before, after)) = suggestion.split_at_checked(at) else { return false };
    !(is_word(before.chars().next_back()) && is_word(after.chars().next()))
}

/// Number of characters that are no white space.
pub(super) fn visible(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inserts a text in place of `|` and says what of it the suggestion explains, and how.
    fn explained(document: &str, inserted: &str, suggestion: &str) -> Option<(String, bool)> {
        let at = document.find('|').expect("a mark");
        let whole = document.replace('|', inserted);
        let found = reading(&Text::from(&*whole), &(at..at + inserted.len()), true, suggestion, at)?;
        Some((whole[found.inserted].to_owned(), found.whole))
    }

    #[test]
    fn what_is_inserted_is_the_suggestion_or_the_rest_of_it() {
        assert_eq!(explained("a = |\n", "true", "true"), Some(("true".to_owned(), true)));
        assert_eq!(explained("  pub|\n", "lic = true", "public = true"), Some(("lic = true".to_owned(), true)));
        assert_eq!(explained("  a|)\n", "(1, 2", "a(1, 2)"), Some(("(1, 2".to_owned(), true)), "both ends are there");
        assert_eq!(explained("a = |\n", "true", "false"), None);
        assert_eq!(explained("a = |\n", "true\n# mine", "true"), None, "more than was suggested");
        assert_eq!(explained("a = |\n", "tr", "true"), Some(("tr".to_owned(), false)));
    }

    #[test]
    fn layout_may_differ() {
        let suggestion = "a {\n  b = 1\n}\n";
        assert_eq!(explained("    |", "a {\r\n\t\tb = 1\r\n}", suggestion).map(|found| found.1), Some(true));
        assert_eq!(explained("|", "a {\n  b  = 1\n}", suggestion), None, "within a line it may not");
        assert_eq!(explained("  a = 1|\r\n}", "\r\n  b = 1", "\n  b = 1").map(|found| found.1), Some(true));
    }

    #[test]
    fn an_insertion_beside_its_like_is_found() {
        // A difference of texts puts the line break at the other end.
        let text = "  a = 1\n  b = 1\n}";
        let found = reading(&Text::from(text), &(8..16), true, "\n  b = 1", 7).expect("found");
        assert_eq!((found.inserted, found.whole), (7..15, true));
        assert_eq!(reading(&Text::from(text), &(8..16), false, "\n  b = 1", 7), None);
    }

    #[test]
    fn elsewhere_is_not_where_it_was_offered() {
        let text = Text::from("a = true\nb = true\n");
        assert!(reading(&text, &(4..8), true, "true", 4).is_some());
        assert!(reading(&text, &(4..8), true, "true", 13).is_none());
        assert!(reading(&text, &(13..17), true, "true", 4).is_none());
    }

    #[test]
    fn words_are_not_cut() {
        assert!(is_word_boundary("force_destroy = true", 13));
        assert!(!is_word_boundary("force_destroy = true", 5));
        assert!(!is_word_boundary("é", 1), "within a character");
    }
}
