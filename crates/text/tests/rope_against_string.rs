//! The rope and its positions against the simplest model there is: a `String` that is searched from the start.

use countersign_text::{Bias, Encoding, LinePosition, Text, TextEdit, trim_common};
use proptest::prelude::*;

const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

/// Start of each line, and its end without the line break.
fn lines(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let length = match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\r' | b'\n' => 1,
            _ => 0,
        };
        if length > 0 {
            lines.push((start, at));
            start = at + length;
        }
        at += length.max(1);
    }
    lines.push((start, text.len()));
    lines
}

fn width(c: char, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => c.len_utf8(),
        Encoding::Utf16 => c.len_utf16(),
        Encoding::Utf32 => 1,
    }
}

fn model_offset(text: &str, position: LinePosition, encoding: Encoding) -> usize {
    let Some(&(start, end)) = lines(text).get(position.line) else {
        return text.len();
    };
    let (mut at, mut units) = (start, 0);
    for c in text[start..end].chars() {
        if units + width(c, encoding) > position.character {
            break;
        }
        units += width(c, encoding);
        at += c.len_utf8();
    }
    at
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a",
            "b c",
            "\n",
            "\r",
            "\r\n",
            "é",
            "e\u{301}",
            "漢",
            "😀",
            "👩\u{200d}🚀",
            "\u{2028}",
            "\u{85}",
            "\u{b}",
            "\0",
            "",
        ]),
        0..80,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn positions(text in text(), line in 0usize..40, character in prop_oneof![0usize..30, Just(usize::MAX)]) {
        let rope = Text::from(text.as_str());
        prop_assert_eq!(rope.line_count(), lines(&text).len());
        for encoding in ENCODINGS {
            let position = LinePosition { line, character };
            let offset = rope.offset(position, encoding);
            prop_assert_eq!(offset, model_offset(&text, position, encoding), "{:?}", encoding);
            let back = rope.position(offset, encoding);
            prop_assert_eq!(rope.offset(back, encoding), offset);
        }
    }

    #[test]
    fn both_ends_of_a_range(text in text(), start in 0usize..300, len in 0usize..80) {
        let rope = Text::from(text.as_str());
        for encoding in ENCODINGS {
            let each = (rope.position(start, encoding), rope.position(start + len, encoding));
            prop_assert_eq!(rope.positions(&(start..start + len), encoding), each);
        }
    }

    #[test]
    fn edits(first in text(), edits in prop::collection::vec((0usize..400, 0usize..40, text()), 0..20)) {
        let mut model = first.clone();
        let mut rope = Text::from(first.as_str());
        for (start, removed, new) in edits {
            let range = rope.clamp(start..start.saturating_add(removed));
            rope.edit(&TextEdit::new(range.clone(), new.as_str()));
            model.replace_range(range, &new);
            prop_assert_eq!(rope.to_string(), model.as_str());
            prop_assert_eq!(rope.len(), model.len());
            prop_assert_eq!(rope.line_count(), lines(&model).len());
            for (number, (start, end)) in lines(&model).into_iter().enumerate() {
                prop_assert_eq!(rope.line_content(number), start..end);
            }
        }
    }

    #[test]
    fn common_ends(old in text(), new in text()) {
        let (prefix, suffix) = trim_common(&old, &new);
        prop_assert_eq!(&old[..prefix], &new[..prefix]);
        prop_assert_eq!(&old[old.len() - suffix..], &new[new.len() - suffix..]);
        prop_assert!(prefix + suffix <= old.len().min(new.len()));
    }
}

#[test]
fn past_the_end_is_the_end() {
    let text = Text::from("ab\r\ncd\r");
    let at = |line, character| text.offset(LinePosition { line, character }, Encoding::Utf16);
    assert_eq!(at(0, 99), 2, "before the line break");
    assert_eq!(at(1, 99), 6, "before a lone CR");
    assert_eq!(at(2, 0), 7);
    assert_eq!(at(9, 9), 7);
    assert_eq!(text.position(3, Encoding::Utf16), LinePosition { line: 0, character: 2 }, "inside CR LF");
}

#[test]
fn offsets_move_with_edits() {
    let edit = TextEdit::new(4..6, "xyz");
    assert_eq!(edit.map(3, Bias::After), 3);
    assert_eq!(edit.map(4, Bias::Before), 4);
    assert_eq!(edit.map(5, Bias::Before), 4);
    assert_eq!(edit.map(5, Bias::After), 7);
    assert_eq!(edit.map(6, Bias::After), 7);
    let insert = TextEdit::new(4..4, "xyz");
    assert_eq!(insert.map_range(&(4..8)), 7..11, "text typed at the start is not part of the range");
    assert_eq!(insert.map_range(&(0..4)), 0..4, "nor text typed at the end");
    assert_eq!(insert.map_range(&(2..6)), 2..9);
}
