//! What an agent's edit did to a text: which bytes are its own, from what its hook says.

use crate::diff::{minimal_edits, visible, white_space_edits};
use crate::history::Attribution;
use crate::origin::Origin;
use crate::regions::Regions;
use countersign_text::{RangeMap, TextEdit, trim_common};
use std::ops::Range;

/// One thing that an agent says that it did to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It put a text in the place of another, which stands there once, unless `all` are meant.
    Replace {
        /// What stood there.
        old: String,
        /// What stands there now.
        new: String,
        /// Whether every one is replaced.
        all: bool,
    },
    /// It put a text after a line; 0 is the start.
    Insert {
        /// Number of the line, from 1.
        after_line: usize,
        /// The text.
        text: String,
    },
    /// It put a text at the end, on a line of its own.
    Append(String),
    /// It wrote the whole text.
    Write(String),
}

/// The text that comes of what an agent says, with the edits that lead to it, each in the text that the one before left.
/// `None` where it cannot be: what is replaced is not there, or several times.
fn apply(before: &str, steps: &[Step]) -> Option<(String, Vec<TextEdit>)> {
    let mut text = before.to_owned();
    let mut edits = Vec::new();
    for step in steps {
        // What a model writes has LF only, whatever the file has.
        let is_crlf = text.contains("\r\n");
        let line_break = if is_crlf { "\r\n" } else { "\n" };
        let adapt = |part: &str| {
            if is_crlf && !part.contains('\r') { part.replace('\n', line_break) } else { part.to_owned() }
        };
        match step {
            Step::Write(new) => {
                edits.extend(minimal_edits(0, &text, new));
                text.clone_from(new);
            }
            Step::Replace { old, new, all } => {
                let (old, new) = (adapt(old), adapt(new));
                let places: Vec<usize> = match old.is_empty() {
                    // A file that was empty.
                    true if text.is_empty() => vec![0],
                    true => return None,
                    false => text.match_indices(&old).map(|(at, _)| at).collect(),
                };
                if places.is_empty() || (places.len() > 1 && !all) {
                    return None;
                }
                for at in places.into_iter().rev() {
                    edits.extend(minimal_edits(at, &old, &new));
                    text.replace_range(at..at + old.len(), &new);
                }
            }
            Step::Insert { after_line, text: new } => {
                let lines = text.match_indices('\n').map(|(at, _)| at + 1);
                let at = std::iter::once(0).chain(lines).nth(*after_line).unwrap_or(text.len());
                let is_open = at == text.len() && *after_line > 0 && !text.is_empty() && !text.ends_with('\n');
                let mut new = adapt(new);
                if is_open {
                    new.insert_str(0, line_break);
                } else if !new.ends_with('\n') {
                    new.push_str(line_break);
                }
                text.insert_str(at, &new);
                edits.push(TextEdit::new(at..at, new));
            }
            Step::Append(new) => {
                let mut new = adapt(new);
                if !text.is_empty() && !text.ends_with('\n') {
                    new.insert_str(0, line_break);
                }
                edits.push(TextEdit::new(text.len()..text.len(), new.as_str()));
                text.push_str(&new);
            }
        }
    }
    Some((text, edits))
}

/// The regions of the text that an agent left, from those of the text that it found; its own bytes are of `origin`.
///
/// `after` may differ in white space from what the agent says: a formatter may have run. `None` where it differs otherwise,
/// for then somebody else was at it too, and what is whose is not known.
pub fn after_agent(before: &str, known: &Regions, after: &str, steps: &[Step], origin: &Origin) -> Option<Regions> {
    let (text, edits) = apply(before, steps)?;
    if text != after && !visible(&text).eq(visible(after)) {
        return None;
    }
    let mut attribution = Attribution::new(known.clone());
    let mut own: RangeMap<()> = RangeMap::default();
    let mut now = before.to_owned();
    for edit in edits {
        let removed = now.get(edit.range.clone())?.to_owned();
        // Its own is what is new to the letter.
        let (prefix, suffix) = trim_common(&removed, &edit.text);
        let new = edit.range.start + prefix..edit.inserted().end - suffix;
        now.replace_range(edit.range.clone(), &edit.text);
        own.edit(edit.range.clone(), edit.text.len(), None);
        own.set(new, Some(()));
        attribution.edit(&edit, &removed);
    }
    let ranges: Vec<Range<usize>> = own.iter().map(|(range, ())| range).collect();
    attribution.regions_mut().attribute(&ranges, origin);
    for edit in white_space_edits(0, &text, after) {
        let removed = text.get(edit.range.clone())?.to_owned();
        attribution.edit(&edit, &removed);
    }
    Some(attribution.regions().clone())
}

/// The text before edits of which only the text after them is known. `None` where that cannot be told: what was put in
/// stands there several times, or not at all.
pub fn before_agent(after: &str, steps: &[Step]) -> Option<String> {
    let mut text = after.to_owned();
    for step in steps.iter().rev() {
        let Step::Replace { old, new, all } = step else { return None };
        let count = if new.is_empty() { 0 } else { text.matches(new.as_str()).count() };
        if count == 0 || (count > 1 && !all) || (*all && text.contains(old.as_str()) && !old.is_empty()) {
            return None;
        }
        text = text.replace(new.as_str(), old);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Agent;

    fn claude() -> Origin {
        Origin::reported(Agent { tool: "claude".to_owned(), ..Agent::default() })
    }

    fn own(before: &str, after: &str, step: Step) -> Option<Vec<String>> {
        let regions = after_agent(before, &Regions::default(), after, &[step], &claude())?;
        Some(regions.pieces(0..after.len()).map(|piece| after[piece.start..piece.end].to_owned()).collect())
    }

    fn replaced(old: &str, new: &str) -> Step {
        Step::Replace { old: old.to_owned(), new: new.to_owned(), all: false }
    }

    #[test]
    fn only_what_is_new_is_its_own() {
        let told = replaced("a = 1\nb = 2\n", "a = 1\nx = 9\nb = 2\n");
        assert_eq!(own("a = 1\nb = 2\n", "a = 1\nx = 9\nb = 2\n", told), Some(vec!["x = 9\n".to_owned()]));
    }

    #[test]
    fn a_formatter_takes_nothing_away() {
        let told = replaced("a = 1\n", "a = 1\nlonger = 2\n");
        assert_eq!(own("a = 1\n", "a      = 1\nlonger = 2\n", told), Some(vec!["longer = 2\n".to_owned()]));
    }

    #[test]
    fn what_others_changed_meanwhile_is_nobodys() {
        assert_eq!(own("a = 1\n", "a = 3\nb = 2\n", replaced("a = 1\n", "a = 1\nb = 2\n")), None);
    }

    #[test]
    fn what_stands_there_twice_is_not_guessed_at() {
        assert_eq!(own("a\na\n", "b\na\n", replaced("a", "b")), None);
        let all = Step::Replace { old: "a".to_owned(), new: "b".to_owned(), all: true };
        assert_eq!(own("a\na\n", "b\nb\n", all), Some(vec!["b".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn line_breaks_of_the_file_are_kept() {
        let told = replaced("a = 1\nb = 2", "a = 1\nx = 9\nb = 2");
        assert_eq!(own("a = 1\r\nb = 2", "a = 1\r\nx = 9\r\nb = 2", told), Some(vec!["x = 9\r\n".to_owned()]));
    }

    #[test]
    fn what_is_put_after_a_line_or_at_the_end() {
        let insert = |after_line| Step::Insert { after_line, text: "x = 9".to_owned() };
        assert_eq!(own("a = 1\nb = 2\n", "a = 1\nx = 9\nb = 2\n", insert(1)), Some(vec!["x = 9\n".to_owned()]));
        assert_eq!(own("a = 1", "x = 9\na = 1", insert(0)), Some(vec!["x = 9\n".to_owned()]));
        assert_eq!(own("a = 1", "a = 1\nx = 9", Step::Append("x = 9".to_owned())), Some(vec!["\nx = 9".to_owned()]));
    }

    #[test]
    fn the_text_before_is_told_from_that_after() {
        let replaced = [replaced("1", "22")];
        assert_eq!(before_agent("a = 22", &replaced).as_deref(), Some("a = 1"));
        assert_eq!(before_agent("a = 2222", &replaced), None);
    }
}
