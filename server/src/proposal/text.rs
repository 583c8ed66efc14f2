//! The text of a file as an agent's edit would leave it.

use countersign_agents::{Change, Replacement};
use countersign_text::{Encoding, LinePosition, Text};

/// A file as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Its text.
    Text(String),
    /// It is gone.
    Gone,
    /// Which text it would have cannot be told, and why.
    Unknown(&'static str),
}

const NOT_THERE: &str = "the text that is replaced is not in the file, so the agent's own tool has to refuse it";
const NOT_SAID: &str = "the agent does not say which text it would write";

/// What becomes of a file's text; `None` stands for a file that is not there. A file that is moved is gone from here.
pub fn left(found: Option<&str>, change: &Change) -> Left {
    let before = found.unwrap_or_default();
    match change {
        Change::Write(new) => Left::Text(new.clone()),
        Change::Replace(replacements) => {
            let step = |text: String, replacement: &Replacement| replaced(&text, replacement);
            replacements.iter().try_fold(before.to_owned(), step).map_or(Left::Unknown(NOT_THERE), Left::Text)
        }
        Change::Insert { after_line, text } => Left::Text(inserted(before, *after_line, text)),
        Change::Append(new) => {
            let end = if before.is_empty() || before.ends_with('\n') { "" } else { line_break(before) };
            Left::Text(format!("{before}{end}{}", adapted(before, new)))
        }
        Change::Delete | Change::MoveTo(_) => Left::Gone,
        Change::Patched => Left::Unknown(NOT_SAID),
    }
}

fn line_break(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// What a model writes has LF only, whatever the file has.
fn adapted(text: &str, part: &str) -> String {
    if text.contains("\r\n") && !part.contains('\r') { part.replace('\n', "\r\n") } else { part.to_owned() }
}

/// A text with a replacement made; `None` where what is replaced is not there. Where it stands several times and not all are
/// meant, the first counts, as it does for tools that apply patches; the others refuse such an edit.
fn replaced(text: &str, replacement: &Replacement) -> Option<String> {
    let (old, new) = (adapted(text, &replacement.old), adapted(text, &replacement.new));
    if let Some(at) = replacement.at {
        let place = |(line, column): (u64, u64)| {
            let number = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
            Some(LinePosition { line: number(line)?, character: number(column)? })
        };
        let rope = Text::from(text);
        let range = rope.offset(place(at.start)?, Encoding::Utf16)..rope.offset(place(at.end)?, Encoding::Utf16);
        return (range.start <= range.end).then(|| format!("{}{new}{}", &text[..range.start], &text[range.end..]));
    }
    if old.is_empty() {
        // A file that is new or empty.
        return text.is_empty().then_some(new);
    }
    if replacement.all {
        return text.contains(&old).then(|| text.replace(&old, &new));
    }
    if text.contains(&old) {
        return Some(text.replacen(&old, &new, 1));
    }
    // The last line of a patch has a line break, whether the file has one or not.
    if let Some(start) = old.strip_suffix('\n').and_then(|old| text.strip_suffix(old)) {
        return Some(format!("{start}{new}"));
    }
    loosely(text, &old, &new)
}

/// The same, with lines that are alike but for white space at their ends: tools that apply patches take them so.
fn loosely(text: &str, old: &str, new: &str) -> Option<String> {
    let wanted: Vec<&str> = old.lines().map(str::trim).collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push((start, line));
        start += line.len();
    }
    let is_same = |window: &[(usize, &str)]| window.iter().map(|(_, line)| line.trim()).eq(wanted.iter().copied());
    let window = lines.windows(wanted.len().max(1)).find(|window| is_same(window))?;
    let (start, line) = window.last()?;
    let kept = if old.ends_with('\n') { line } else { line.trim_end_matches(['\r', '\n']) };
    Some(format!("{}{new}{}", &text[..window.first()?.0], &text[start + kept.len()..]))
}

fn inserted(text: &str, after_line: u64, new: &str) -> String {
    let lines = text.match_indices('\n').map(|(at, _)| at + 1);
    let number = usize::try_from(after_line).unwrap_or(usize::MAX);
    let at = std::iter::once(0).chain(lines).nth(number).unwrap_or(text.len());
    let mut new = adapted(text, new);
    if at == text.len() && at > 0 && !text.ends_with('\n') {
        new.insert_str(0, line_break(text));
    } else if !new.ends_with('\n') {
        new.push_str(line_break(text));
    }
    format!("{}{new}{}", &text[..at], &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_agents::Span;
    use std::path::PathBuf;

    fn swap(old: &str, new: &str) -> Replacement {
        Replacement { old: old.to_owned(), new: new.to_owned(), all: false, at: None }
    }

    fn check(found: Option<&str>, change: &Change, expected: &Left) {
        assert_eq!(left(found, change), *expected, "{change:?} of {found:?}");
    }

    #[test]
    fn every_change() {
        let text = |text: &str| Left::Text(text.to_owned());
        let replace = |one: Replacement| Change::Replace(vec![one]);
        check(None, &Change::Write("a\n".to_owned()), &text("a\n"));
        check(Some("a b a"), &replace(swap("b", "c")), &text("a c a"));
        check(Some("a b a"), &replace(Replacement { all: true, ..swap("a", "c") }), &text("c b c"));
        check(Some("a b a"), &replace(swap("a", "c")), &text("c b a"));
        check(Some("a"), &replace(swap("b", "c")), &Left::Unknown(NOT_THERE));
        check(Some("a"), &replace(swap("", "c")), &Left::Unknown(NOT_THERE));
        check(None, &replace(swap("", "c")), &text("c"));
        check(Some("a\r\nb\r\n"), &replace(swap("a\nb\n", "c\nd\n")), &text("c\r\nd\r\n"));
        check(Some("a\nb"), &replace(swap("b\n", "c\nd\n")), &text("a\nc\nd\n"));
        check(Some("a {  \n\tb\n}\n"), &replace(swap("a {\nb\n", "c\n")), &text("c\n}\n"));
        check(Some("a \nb\n"), &replace(swap("a\nb", "c")), &text("c\n"));
        let at = Some(Span { start: (1, 3), end: (1, 4) });
        check(Some("a b a"), &replace(Replacement { at, ..swap("b", "c") }), &text("a c a"));
        check(Some("a\nb\n"), &Change::Insert { after_line: 1, text: "c".to_owned() }, &text("a\nc\nb\n"));
        check(Some("a"), &Change::Insert { after_line: 9, text: "c".to_owned() }, &text("a\nc"));
        check(None, &Change::Insert { after_line: 0, text: "c\n".to_owned() }, &text("c\n"));
        check(Some("a"), &Change::Append("c\n".to_owned()), &text("a\nc\n"));
        check(Some("a"), &Change::Delete, &Left::Gone);
        check(Some("a"), &Change::MoveTo(PathBuf::from("b")), &Left::Gone);
        check(Some("a"), &Change::Patched, &Left::Unknown(NOT_SAID));
    }
}
