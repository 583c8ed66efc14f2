//! The way back from what an AI wrote to what stood there before.

use crate::diff::minimal_edits;
use crate::origin::Origin;
use crate::regions::Regions;
use countersign_text::TextEdit;
use std::ops::Range;

/// What would be taken back, and what would not.
#[derive(Debug, Default)]
pub struct Inverse {
    /// The edits that bring back what stood there before, the last first. They do not overlap.
    pub edits: Vec<TextEdit>,
    /// Where what is wanted back is entangled with text of others, which would be lost.
    pub kept: Vec<Range<usize>>,
}

/// The edits of a text that take back what is different from `before` and was written by those that are `wanted`, as far as
/// `within` reaches. Text of others stays: a difference that holds some of it is left alone and named. What was deleted
/// comes back where it stood beside what is taken back, or everywhere in `within` where `deleted` says so: who deleted
/// something is not known.
pub fn inverse(
    before: &str,
    text: &str,
    regions: &Regions,
    wanted: impl Fn(&Origin) -> bool,
    within: &Range<usize>,
    deleted: bool,
) -> Inverse {
    let mut inverse = Inverse::default();
    let touches = |range: &Range<usize>| range.start <= within.end && within.start <= range.end;
    let is_wanted = |at: Range<usize>| regions.pieces(at).any(|piece| wanted(piece.origin));
    for edit in minimal_edits(0, text, before) {
        if !touches(&edit.range) {
            continue;
        }
        if edit.range.is_empty() {
            let beside = edit.range.start.saturating_sub(1)..(edit.range.start + 1).min(text.len());
            if deleted || is_wanted(beside) {
                inverse.edits.push(edit);
            }
            continue;
        }
        let whose = |range: &Range<usize>| {
            let (mut own, mut foreign, mut at) = (false, false, range.start);
            let visible = |range: Range<usize>| text.get(range).is_some_and(|text| !text.trim().is_empty());
            for piece in regions.pieces(range.clone()) {
                foreign |= visible(at..piece.start);
                at = piece.end;
                if wanted(piece.origin) {
                    own = true;
                } else {
                    foreign |= visible(piece.start..piece.end);
                }
            }
            foreign |= visible(at..range.end);
            (own, foreign)
        };
        let mut edit = edit;
        let (mut own, mut foreign) = whose(&edit.range);
        if foreign && edit.text.is_empty() {
            // What was put between equal texts can be taken out at several places with the same result.
            if let Some(range) = slides(text, &edit.range).find(|range| whose(range) == (true, false)) {
                edit.range = range;
                (own, foreign) = (true, false);
            }
        }
        if own && foreign && edit.text.is_empty() {
            // All of it is new, so what others wrote there can stay.
            let pieces = regions.pieces(0..text.len()).filter(|piece| wanted(piece.origin));
            let mut inside: Vec<_> = pieces
                .map(|piece| piece.start..piece.end)
                .filter(|piece| edit.range.start <= piece.start && piece.end <= edit.range.end)
                .collect();
            inside.reverse();
            if !inside.is_empty() {
                inverse.edits.extend(inside.into_iter().map(|range| TextEdit::new(range, "")));
                continue;
            }
        }
        match (own, foreign) {
            (true, false) => inverse.edits.push(edit),
            (true, true) => inverse.kept.push(edit.range),
            (false, _) => {}
        }
    }
    inverse
}

/// The other ranges that a text can do without to the same end.
fn slides<'t>(text: &'t str, range: &Range<usize>) -> impl Iterator<Item = Range<usize>> + 't {
    let bytes = text.as_bytes();
    let Range { start, end } = *range;
    let earlier =
        (1..=start).take_while(move |by| bytes[start - by] == bytes[end - by]).map(move |by| start - by..end - by);
    let later = (0..bytes.len() - end)
        .take_while(move |by| bytes[start + by] == bytes[end + by])
        .map(move |by| start + by + 1..end + by + 1);
    let is_whole = |range: &Range<usize>| text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
    earlier.chain(later).filter(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Agent, Authority, Writer};

    fn by(tool: &str) -> Origin {
        let agent = Agent { tool: tool.to_owned(), ..Agent::default() };
        Origin { writer: Writer::Ai(agent), authority: Authority::Reported, means: None, corrects: None }
    }

    fn back(before: &str, text: &str, by_ai: &[&str], deleted: bool) -> (String, usize) {
        let mut regions = Regions::default();
        for piece in by_ai {
            let start = text.find(piece).expect("it is there");
            regions.attribute(std::slice::from_ref(&(start..start + piece.len())), &by("claude"));
        }
        let inverse = inverse(before, text, &regions, Origin::is_ai, &(0..text.len()), deleted);
        let mut out = text.to_owned();
        for edit in &inverse.edits {
            out.replace_range(edit.range.clone(), &edit.text);
        }
        (out, inverse.kept.len())
    }

    #[test]
    fn what_an_ai_wrote_goes_and_what_a_person_wrote_stays() {
        let before = "a = 1\nb = 2\n";
        assert_eq!(
            back(before, "a = 1\nx = 5\nb = 2\ny = 6\n", &["x = 5\n"], false),
            ("a = 1\nb = 2\ny = 6\n".into(), 0)
        );
        assert_eq!(back(before, "a = 100\nb = 2\n", &["100"], false), (before.into(), 0));
        assert_eq!(back("a\n", "a\nann\nclaude\nann\n", &["claude\n"], false), ("a\nann\nann\n".into(), 0));
    }

    #[test]
    fn what_stands_between_equal_texts() {
        let (first, second) = ("a {\n  x = 1\n}\n", "b {\n  x = 1\n  y = 2\n}\n");
        assert_eq!(back(first, &format!("{first}{second}"), &[second], false), (first.into(), 0));
        assert_eq!(back(first, &format!("{second}{first}"), &[second], false), (first.into(), 0));
    }

    #[test]
    fn what_is_entangled_is_left_alone() {
        let (text, kept) = back("name = before\n", "name = claude and ann\n", &["claude"], false);
        assert_eq!((text.as_str(), kept), ("name = claude and ann\n", 1));
    }

    #[test]
    fn what_was_deleted_comes_back_where_that_is_asked() {
        let (before, text) = ("a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n");
        assert_eq!(back(before, text, &[], false).0, text);
        assert_eq!(back(before, text, &[], true).0, before);
    }
}
