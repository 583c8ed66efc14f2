//! A text that counts lines and characters as a client does.

use serde_json::{Value, json};
use std::ops::Range;

/// In which code units positions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16.
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// The simplest text that there is, a `String` that is searched from its start for every position: what the server's
/// own text is checked against. Offsets are bytes.
#[derive(Debug, Clone)]
pub struct LspText {
    text: String,
    encoding: Encoding,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Utf8, Self::Utf16, Self::Utf32];

    /// The name in `general.positionEncodings`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf32 => "utf-32",
        }
    }

    /// Length of a text in code units.
    pub fn units(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Utf32 => text.chars().count(),
        }
    }
}

impl LspText {
    /// A text whose positions count in `encoding`.
    pub fn new(text: impl Into<String>, encoding: Encoding) -> Self {
        Self { text: text.into(), encoding }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Line and character of an offset. Between CR and LF it is that of the line's end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let (before, after) = self.text.split_at(offset);
        let before = if after.starts_with('\n') { before.strip_suffix('\r').unwrap_or(before) } else { before };
        let bytes = before.as_bytes();
        let mut line = count(bytes, b'\n');
        if bytes.contains(&b'\r') {
            let pairs = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
            line += count(bytes, b'\r') - pairs;
        }
        let start = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        (line, self.encoding.units(&before[start..]))
    }

    /// Offset of a line and a character, clamped as LSP says: past the end of a line to its end, past the last line to
    /// the end of the text, within a character to its start.
    pub fn offset(&self, line: usize, character: usize) -> usize {
        let Some(line) = self.lines().nth(line) else {
            return self.text.len();
        };
        let mut units = 0;
        for (at, c) in self.text[line.clone()].char_indices() {
            units += self.encoding.units(c.encode_utf8(&mut [0; 4]));
            if units > character {
                return line.start + at;
            }
        }
        line.end
    }

    /// Where each line's content is, without its line break.
    fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let start = next?;
            let rest = &self.text[start..];
            let end = rest.find(['\r', '\n']).map(|at| start + at);
            next = end.map(|end| end + if self.text[end..].starts_with("\r\n") { 2 } else { 1 });
            Some(start..end.unwrap_or(self.text.len()))
        })
    }

    /// An LSP range.
    pub fn range(&self, range: &Range<usize>) -> Value {
        let position = |offset| {
            let (line, character) = self.position(offset);
            json!({ "line": line, "character": character })
        };
        let start = position(range.start);
        let end = if range.is_empty() { start.clone() } else { position(range.end) };
        json!({ "start": start, "end": end })
    }

    /// The text of an LSP range.
    pub fn slice(&self, range: &Value) -> &str {
        let offset = |position: &Value| {
            let part = |name: &str| {
                let part = position[name].as_u64().unwrap_or_else(|| panic!("{position} is not a position"));
                usize::try_from(part).expect("a position that fits")
            };
            self.offset(part("line"), part("character"))
        };
        &self.text[offset(&range["start"])..offset(&range["end"])]
    }

    /// Replaces a range and returns the entry of `contentChanges` that says so.
    pub fn edit(&mut self, range: Range<usize>, new: &str) -> Value {
        let change = json!({ "range": self.range(&range), "text": new });
        self.text.replace_range(range, new);
        change
    }
}

/// Counts a byte, in pieces that a `u8` can count: that becomes vector code, and the benchmark asks a million times.
fn count(bytes: &[u8], wanted: u8) -> usize {
    let pieces = bytes.chunks(u8::MAX.into());
    pieces.map(|piece| usize::from(piece.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>())).sum()
}

#[cfg(test)]
mod tests {
    use super::{Encoding, LspText};
    use serde_json::json;

    const TEXT: &str = "é😀\r\nb\rc\n\nd";

    #[test]
    fn positions_and_offsets_agree() {
        for encoding in Encoding::ALL {
            let text = LspText::new(TEXT, encoding);
            for (offset, _) in TEXT.char_indices().filter(|(at, c)| *c != '\n' || *at != 7) {
                let (line, character) = text.position(offset);
                assert_eq!(text.offset(line, character), offset, "{encoding:?}");
            }
        }
    }

    #[test]
    fn characters_are_counted_in_code_units() {
        let end = |encoding| LspText::new(TEXT, encoding).position("é😀".len());
        assert_eq!(end(Encoding::Utf8), (0, 6));
        assert_eq!(end(Encoding::Utf16), (0, 3));
        assert_eq!(end(Encoding::Utf32), (0, 2));
    }

    #[test]
    fn lines_end_at_lf_cr_and_both() {
        let text = LspText::new(TEXT, Encoding::Utf16);
        assert_eq!(text.position(TEXT.len()), (4, 1));
        assert_eq!(text.position(7), (0, 3), "between CR and LF");
        assert_eq!(text.offset(1, 0), 8);
        assert_eq!(text.offset(2, 0), 10);
    }

    #[test]
    fn positions_are_clamped() {
        let text = LspText::new(TEXT, Encoding::Utf16);
        assert_eq!(text.offset(0, 2), 2, "within a surrogate pair");
        assert_eq!(text.offset(0, 99), 6);
        assert_eq!(text.offset(99, 0), TEXT.len());
    }

    #[test]
    fn an_edit_says_where_it_was() {
        let mut text = LspText::new(TEXT, Encoding::Utf16);
        let change = text.edit(8..9, "xy");
        assert_eq!(
            change,
            json!({
                "range": { "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 1 } },
                "text": "xy",
            })
        );
        assert_eq!(text.as_str(), "é😀\r\nxy\rc\n\nd");
        assert_eq!(
            text.slice(&json!({
                "start": { "line": 0, "character": 1 }, "end": { "line": 1, "character": 1 },
            })),
            "😀\r\nx"
        );
    }
}
