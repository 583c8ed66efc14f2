//! Text and the coordinates of text.
//!
//! Inside Countersign a place is a byte offset into UTF-8 text. Lines and columns, in any of the three encodings that
//! LSP knows, exist only in [`Text::offset`] and [`Text::position`]; everything else counts bytes.

mod edit;
mod range_map;

pub use edit::{Bias, TextEdit, trim_common};
pub use range_map::RangeMap;

use ropey::Rope;
use std::ops::Range;

/// Bytes of a line up to which its characters are counted one by one.
const SHORT_LINE: usize = 512;

/// In which code units a client counts `Position::character` (LSP 3.17, `PositionEncodingKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16, what LSP assumes when nothing was negotiated.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A zero-based line and a zero-based count of code units of some [`Encoding`] within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinePosition {
    /// Lines end at LF, CR LF or a lone CR.
    pub line: usize,
    /// Code units from the line's start, in the encoding that stands beside it.
    pub character: usize,
}

/// A text that is cheap to clone and to edit anywhere. All offsets are bytes.
#[derive(Debug, Clone, Default)]
pub struct Text {
    rope: Rope,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { rope: Rope::from_str(text) }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rope.chunks().try_for_each(|chunk| out.write_str(chunk))
    }
}

impl Text {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.rope.len_bytes()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of lines; a text that ends with a line break has an empty last line.
    pub fn line_count(&self) -> usize {
        self.rope.len_lines()
    }

    /// The text of a byte range. The range is clamped to the text and moved down to character boundaries.
    pub fn slice(&self, range: Range<usize>) -> String {
        let range = self.clamp(range);
        self.rope.byte_slice(range).to_string()
    }

    /// The pieces that make up a byte range, in order.
    pub fn chunks(&self, range: Range<usize>) -> impl Iterator<Item = &str> {
        let range = self.clamp(range);
        self.rope.byte_slice(range).chunks()
    }

    /// Clamps a range to the text and moves both ends down to character boundaries.
    pub fn clamp(&self, range: Range<usize>) -> Range<usize> {
        let start = self.floor(range.start);
        start..self.floor(range.end).max(start)
    }

    /// Applies an edit. Its range is clamped as [`Text::clamp`] says.
    pub fn edit(&mut self, edit: &TextEdit) {
        let range = self.clamp(edit.range.clone());
        let start = self.rope.byte_to_char(range.start);
        if range.end > range.start {
            let end = self.rope.byte_to_char(range.end);
            self.rope.remove(start..end);
        }
        if !edit.text.is_empty() {
            self.rope.insert(start, &edit.text);
        }
    }

    /// Byte offset of a position, clamped as LSP says: a character past the end of its line is the line's end (before
    /// its line break), a line past the last one is the end of the text. A position inside a character is its start.
    pub fn offset(&self, position: LinePosition, encoding: Encoding) -> usize {
        if position.line >= self.line_count() {
            return self.len();
        }
        let line = self.line_content(position.line);
        match encoding {
            Encoding::Utf8 => self.floor(line.end.min(line.start.saturating_add(position.character))),
            Encoding::Utf16 => {
                let units = |byte| self.rope.char_to_utf16_cu(self.rope.byte_to_char(byte));
                let unit = units(line.end).min(units(line.start).saturating_add(position.character));
                self.rope.char_to_byte(self.rope.utf16_cu_to_char(unit))
            }
            Encoding::Utf32 => {
                let chars = |byte| self.rope.byte_to_char(byte);
                self.rope.char_to_byte(chars(line.end).min(chars(line.start).saturating_add(position.character)))
            }
        }
    }

    /// Position of a byte offset; the inverse of [`Text::offset`]. An offset past the end is the end.
    pub fn position(&self, offset: usize, encoding: Encoding) -> LinePosition {
        if let Some(position) = self.position_in_chunk(offset, encoding) {
            return position;
        }
        let offset = self.floor(offset);
        let line = self.rope.byte_to_line(offset);
        let full = self.line_range(line);
        // Only what is at the line's end can be inside its line break.
        let offset = if offset + 2 < full.end { offset } else { offset.min(self.line_content(line).end) };
        let character = match encoding {
            Encoding::Utf8 => offset - full.start,
            // The rope's own count costs several look-ups, which is more than a short stretch takes to read.
            _ if offset - full.start <= SHORT_LINE => {
                let chars = self.rope.byte_slice(full.start..offset).chunks().flat_map(str::chars);
                chars.map(|c| if encoding == Encoding::Utf16 { c.len_utf16() } else { 1 }).sum()
            }
            Encoding::Utf16 => {
                let units = |byte| self.rope.char_to_utf16_cu(self.rope.byte_to_char(byte));
                units(offset) - units(full.start)
            }
            Encoding::Utf32 => self.rope.byte_to_char(offset) - self.rope.byte_to_char(full.start),
        };
        LinePosition { line, character }
    }

    /// Positions of both ends of a range; the end of a short one is counted from its start.
    pub fn positions(&self, range: &Range<usize>, encoding: Encoding) -> (LinePosition, LinePosition) {
        let start = self.position(range.start, encoding);
        let clamped = self.clamp(range.clone());
        let inside = || self.chunks(clamped.clone()).flat_map(str::chars);
        let is_short = clamped.len() <= SHORT_LINE && clamped.start == range.start && range.start <= range.end;
        if !is_short || inside().any(|c| !(' '..='~').contains(&c)) {
            return (start, self.position(range.end, encoding));
        }
        (start, LinePosition { character: start.character + clamped.len(), ..start })
    }

    /// The same with one look-up, where the rope keeps the line in one piece from its start and no line there ends with CR.
    fn position_in_chunk(&self, offset: usize, encoding: Encoding) -> Option<LinePosition> {
        let (chunk, start, _, line) = self.rope.get_chunk_at_byte(offset)?;
        let mut at = offset - start;
        while !chunk.is_char_boundary(at) {
            at -= 1;
        }
        let before = chunk.get(..at)?;
        let line_start = before.rfind('\n')? + 1;
        if chunk.as_bytes().contains(&b'\r') {
            return None;
        }
        let breaks = before.bytes().filter(|byte| *byte == b'\n').count();
        let text = &before[line_start..];
        let character = match encoding {
            Encoding::Utf8 => text.len(),
            _ if text.is_ascii() => text.len(),
            Encoding::Utf16 => text.chars().map(char::len_utf16).sum(),
            Encoding::Utf32 => text.chars().count(),
        };
        Some(LinePosition { line: line + breaks, character })
    }

    /// The zero-based line that a byte offset is on.
    pub fn line_of(&self, offset: usize) -> usize {
        self.rope.byte_to_line(self.floor(offset))
    }

    /// Byte range of a line without its line break; the empty range at the end for a line past the last.
    pub fn line_content(&self, line: usize) -> Range<usize> {
        let full = self.line_range(line);
        let byte = |back: usize| (full.len() >= back).then(|| self.rope.byte(full.end - back));
        let length = match (byte(2), byte(1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (_, Some(b'\n' | b'\r')) => 1,
            _ => 0,
        };
        full.start..full.end - length
    }

    /// Byte range of a line with its line break.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let lines = self.line_count();
        let start = self.rope.line_to_byte(line.min(lines));
        start..self.rope.line_to_byte((line + 1).min(lines))
    }

    /// The nearest character boundary at or before an offset.
    fn floor(&self, offset: usize) -> usize {
        let offset = offset.min(self.len());
        self.rope.char_to_byte(self.rope.byte_to_char(offset))
    }
}
