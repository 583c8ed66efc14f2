//! The syntax tree of a command, within limits.

use crate::limits::{BASE_PARSE_STEPS, BYTES_PER_PARSE_STEP, MAX_COMMAND_BYTES, MAX_NESTING, MAX_OPERATORS};
use countersign_grammars::shell::{Piece, pieces};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// The statements of a text, or why it cannot be read: a clause about the text.
pub(super) fn statements(text: &str) -> Result<Vec<Piece>, String> {
    if text.len() > MAX_COMMAND_BYTES {
        return Err(format!("is longer than {} KiB", MAX_COMMAND_BYTES >> 10));
    }
    if text.as_bytes().contains(&0) {
        return Err("contains a NUL byte".to_owned());
    }
    if nesting(text) > MAX_NESTING {
        return Err(format!("nests brackets more than {MAX_NESTING} deep"));
    }
    Ok(pieces(text))
}

/// The tree of a statement, or why it has none.
pub(super) fn parse(text: &str, operators: usize) -> Result<Tree, String> {
    if operators > MAX_OPERATORS {
        return Err(format!("has a statement with more than {MAX_OPERATORS} operators"));
    }
    let allowed = BASE_PARSE_STEPS + text.len() / BYTES_PER_PARSE_STEP;
    let mut steps = 0usize;
    let mut count = |_: &ParseState| {
        steps += 1;
        if steps > allowed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let ascii = in_ascii(text);
    let bytes = ascii.as_ref();
    let tree = PARSER.with_borrow_mut(|parser| {
        parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
        let options = ParseOptions::new().progress_callback(&mut count);
        let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options));
        if tree.is_none() {
            parser.reset();
        }
        tree
    });
    tree.ok_or_else(|| "is too broken to be read within the parser's step limit".to_owned())
}

/// The text with a letter for every byte that is not ASCII, so that ranges of the tree hold for the text itself.
///
/// The grammar's scanner asks C's `isdigit` about whatever stands behind a `{`, which reads beyond a table and ends the process
/// for many characters (tree-sitter-bash 0.25.1, its issue 337). To a shell they are letters of a word anyway, blanks included.
fn in_ascii(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(text.bytes().map(|byte| if byte.is_ascii() { byte } else { b'x' }).collect())
}

/// Brackets that are open at once. Quotes are not looked at, so it is never too few.
fn nesting(text: &str) -> usize {
    let (mut open, mut most) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' | b'[' => {
                open += 1;
                most = most.max(open);
            }
            b')' | b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}
