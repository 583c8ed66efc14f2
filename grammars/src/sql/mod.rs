//! SQL: a unit is a statement with the comments before it.
//!
//! No grammar reads the statements of all dialects, so there is none: what is known of a statement is told by its tokens
//! (`tokens`). What rolls a migration back, behind a comment that says so, is one unit: nobody runs it to go on.
//!
//! Source: the lexical structure of PostgreSQL and of MySQL; the formats of goose, dbmate, sql-migrate and `MyBatis` migrations.

use crate::{Scan, ScannedUnit};
use std::ops::Range;

/// A token of a statement. Its place is in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub range: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in `"…"` or `` `…` ``. The brackets of T-SQL are signs: elsewhere they are those of arrays.
    Quoted,
    /// A string: `'…'`, `E'…'`, `$$…$$`.
    String,
    /// A number.
    Number,
    /// Anything else, by its first byte.
    Sign(u8),
    /// `-- …`, `# …` at the beginning of a line, `/* … */`.
    Comment,
}

/// All tokens of a text, in order.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: source.as_bytes(), at: 0 };
    std::iter::from_fn(|| lexer.next()).collect()
}

/// The comments of a text, in order.
pub(crate) fn comments(source: &str) -> Vec<Range<usize>> {
    let is_comment = |token: &Token| token.kind == TokenKind::Comment;
    tokens(source).into_iter().filter(is_comment).map(|token| token.range).collect()
}

/// Which way a token says that what follows goes: `Some(true)` back, `Some(false)` on. Only a comment that begins its line says so:
/// one behind a statement is about that statement.
pub fn direction(source: &[u8], token: &Token) -> Option<bool> {
    let before = &source[line_start(source, token.range.start)..token.range.start];
    let begins = token.kind == TokenKind::Comment && before.iter().all(u8::is_ascii_whitespace);
    std::str::from_utf8(&source[token.range.clone()]).ok().filter(|_| begins).and_then(says)
}

/// What [`direction`] a comment says.
fn says(comment: &str) -> Option<bool> {
    // MyBatis: `-- // What it is about`, and further down `-- //@UNDO`.
    let title = comment.strip_prefix("--").map(str::trim_start).and_then(|text| text.strip_prefix("//"));
    if title.is_some_and(|title| title.starts_with(' ')) {
        return Some(false);
    }
    let text =
        comment.trim_start_matches(['-', '#', '/', '*', ' ', '\t', '@']).trim_end_matches(['*', '/', ' ', '\t', '\r']);
    let text = text.to_ascii_lowercase();
    let begins = |marks: &[&str]| marks.iter().any(|mark| text.starts_with(mark));
    if begins(&["+goose down", "+migrate down", "migrate:down"])
        || ["down", "undo", "rollback"].contains(&text.as_str())
    {
        Some(true)
    } else if begins(&["+goose up", "+migrate up", "migrate:up"]) || text == "up" {
        Some(false)
    } else {
        None
    }
}

/// Words of which one stands in every statement that anything is known of, or in the comment that says which way it goes.
const KNOWN: [&str; 13] = [
    "alter", "cluster", "create", "delete", "drop", "grant", "refresh", "reindex", "rename", "truncate", "up",
    "update", "vacuum",
];

/// Whether a unit may declare something; see [`crate::Language::may_declare`].
pub(crate) fn may_declare(source: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_alphabetic() && is_edge(at.checked_sub(1).and_then(|before| bytes.get(before))) {
            let is_it = |word: &&str| {
                let end = at + word.len();
                bytes.get(at..end).is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
                    && is_edge(bytes.get(end))
            };
            if KNOWN.iter().any(is_it) {
                return true;
            }
        }
        at += 1;
    }
    false
}

/// Words that begin a statement wherever they stand first in a line below an empty one.
const BEGINNINGS: [&str; 5] = ["alter", "create", "grant", "revoke", "truncate"];

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    let mut lexer = Lexer { bytes, at: 0 };
    let mut statement = Statement::default();
    let (mut nesting, mut deepest) = (0_usize, 0);
    let found = |len: usize, reach: usize, nesting| Scan::Found(ScannedUnit { len, reach, nesting });
    while let Some(token) = lexer.next() {
        // What touches the end may go on behind it.
        if token.range.end == bytes.len() && !complete {
            return Scan::NeedMore;
        }
        let text = &bytes[token.range.clone()];
        match token.kind {
            TokenKind::Comment => {
                let line = line_start(bytes, token.range.start);
                let marked = direction(bytes, &token);
                if marked.is_some() && bytes[..line].iter().any(|byte| !byte.is_ascii_whitespace()) {
                    return found(line, token.range.end + 1, deepest);
                }
                if marked == Some(true) {
                    return rollback(lexer, complete);
                }
            }
            TokenKind::Sign(b';') if !statement.is_in_body() => {
                return ended(bytes, token.range.end, complete, &statement, deepest);
            }
            TokenKind::Sign(b'\\') if statement.is_empty() => {
                // A command of psql goes to the end of its line.
                return through_line(bytes, token.range.end, complete, deepest);
            }
            TokenKind::Sign(b'(') => {
                nesting += 1;
                deepest = deepest.max(nesting);
            }
            TokenKind::Sign(b')') => nesting = nesting.saturating_sub(1),
            TokenKind::Word => {
                let begins =
                    !statement.is_empty() && !statement.is_in_body() && is_below_empty_line(bytes, token.range.start);
                if begins && BEGINNINGS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes())) {
                    // Whatever is before it was never ended.
                    return found(token.range.start, token.range.end + 1, deepest);
                }
                if statement.is_empty() && text.eq_ignore_ascii_case(b"delimiter") {
                    return delimited(bytes, token.range.end, complete, deepest);
                }
                statement.word(text);
            }
            _ => statement.words += 1,
        }
    }
    all(bytes, complete, deepest)
}

/// A unit of all there is, where there is no more.
fn all(bytes: &[u8], complete: bool, nesting: usize) -> Scan {
    if !complete {
        return Scan::NeedMore;
    }
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting })
}

/// A unit that ends with the line of a place.
fn through_line(bytes: &[u8], at: usize, complete: bool, nesting: usize) -> Scan {
    match bytes[at..].iter().position(|byte| *byte == b'\n') {
        Some(length) => Scan::Found(ScannedUnit { len: at + length + 1, reach: at + length + 1, nesting }),
        None => all(bytes, complete, nesting),
    }
}

/// What a statement is, as far as it matters for where it ends.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Create,
    /// A function, procedure, trigger or event is made.
    Routine,
    Copy,
    /// Rows follow.
    CopyFromStdin,
}

/// What is known of the statement that is being scanned.
#[derive(Default)]
struct Statement {
    kind: Kind,
    /// Tokens so far.
    words: usize,
    /// `BEGIN`s and `CASE`s that are open in the body of a routine.
    open: usize,
    /// The last word was `END`.
    ends: bool,
}

impl Statement {
    fn is_empty(&self) -> bool {
        self.words == 0
    }

    fn is_in_body(&self) -> bool {
        self.open > 0
    }

    fn word(&mut self, word: &[u8]) {
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        let is_routine = || ["event", "function", "procedure", "trigger"].iter().any(|known| is(known));
        self.kind = match self.kind {
            Kind::Other if self.words == 0 && is("create") => Kind::Create,
            Kind::Other if self.words == 0 && is("copy") => Kind::Copy,
            Kind::Copy if is("stdin") => Kind::CopyFromStdin,
            Kind::Create if is_routine() => Kind::Routine,
            kind => kind,
        };
        if self.kind == Kind::Routine {
            let closes = std::mem::take(&mut self.ends);
            match () {
                // `END IF`, `END LOOP`: what they close was not counted. `END CASE` was.
                () if closes && ["if", "loop", "repeat", "while"].iter().any(|known| is(known)) => self.open += 1,
                () if closes && is("case") => {}
                () if is("begin") || (is("case") && self.open > 0) => self.open += 1,
                () if is("end") && self.open > 0 => {
                    self.open -= 1;
                    self.ends = true;
                }
                () => {}
            }
        }
        self.words += 1;
    }
}

/// The end of a statement behind its semicolon: with a comment in the same line, and with the rows of a `COPY`.
fn ended(bytes: &[u8], semicolon: usize, complete: bool, statement: &Statement, nesting: usize) -> Scan {
    let found = |len: usize, reach: usize| Scan::Found(ScannedUnit { len, reach, nesting });
    if statement.kind == Kind::CopyFromStdin {
        let rows = bytes[semicolon..].windows(3).position(|window| window == b"\n\\.");
        return match rows {
            Some(at) => through_line(bytes, semicolon + at + 3, complete, nesting),
            None => all(bytes, complete, nesting),
        };
    }
    let mut at = semicolon;
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    let rest = &bytes[at..];
    match rest {
        [] | [b'-'] if !complete => Scan::NeedMore,
        [] => found(at, at + 1),
        [b'\n', ..] => found(at + 1, at + 1),
        [b'-', b'-', ..] => through_line(bytes, at, complete, nesting),
        _ => found(semicolon, at + 2),
    }
}

/// What rolls back: to the comment that says that it goes on, or the end.
fn rollback(mut lexer: Lexer<'_>, complete: bool) -> Scan {
    let bytes = lexer.bytes;
    while let Some(token) = lexer.next() {
        if token.range.end == bytes.len() && !complete {
            return Scan::NeedMore;
        }
        if direction(bytes, &token) == Some(false) {
            let len = line_start(bytes, token.range.start);
            return Scan::Found(ScannedUnit { len, reach: token.range.end + 1, nesting: 0 });
        }
    }
    all(bytes, complete, 0)
}

/// What stands between two lines of `DELIMITER`, as MySQL's client has them.
fn delimited(bytes: &[u8], from: usize, complete: bool, nesting: usize) -> Scan {
    let mut at = from;
    while let Some(length) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = at + length + 1;
        let Some(word) = bytes.get(line..line + 9) else { break };
        if word.eq_ignore_ascii_case(b"delimiter") {
            return through_line(bytes, line, complete, nesting);
        }
        at = line;
    }
    all(bytes, complete, nesting)
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |line| line + 1)
}

/// Whether a place is the first of its line, and the line above it is empty.
fn is_below_empty_line(bytes: &[u8], at: usize) -> bool {
    if line_start(bytes, at) != at || at == 0 {
        return false;
    }
    let above = &bytes[line_start(bytes, at - 1)..at - 1];
    above.iter().all(u8::is_ascii_whitespace)
}

struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let rest = &self.bytes[start..];
        let (kind, len) = match rest {
            [b'-', b'-', ..] => (TokenKind::Comment, line(rest)),
            [b'#', ..] if line_start(self.bytes, start) == start => (TokenKind::Comment, line(rest)),
            [b'/', b'*', ..] => (TokenKind::Comment, block(rest)),
            [b'e' | b'E', b'\'', ..] => (TokenKind::String, 1 + quoted(&rest[1..], b'\'', true)),
            [b'\'', ..] => (TokenKind::String, quoted(rest, b'\'', false)),
            [b'"', ..] => (TokenKind::Quoted, quoted(rest, b'"', false)),
            [b'`', ..] => (TokenKind::Quoted, quoted(rest, b'`', false)),
            [b'$', ..] => dollar(rest),
            [b'0'..=b'9', ..] => {
                (TokenKind::Number, while_matches(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'.'))
            }
            _ if is_of_name(first) => (TokenKind::Word, while_matches(rest, |byte| is_of_name(byte) || byte == b'$')),
            _ => (TokenKind::Sign(first), 1),
        };
        self.at = start + len;
        Some(Token { kind, range: start..self.at })
    }
}

/// Whether a byte is part of a name. Those of letters beyond ASCII are.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn while_matches(bytes: &[u8], matches: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !matches(*byte)).unwrap_or(bytes.len())
}

/// To the end of the line, without the line break.
fn line(bytes: &[u8]) -> usize {
    while_matches(bytes, |byte| byte != b'\n')
}

/// A comment in `/* … */`, in which others may stand.
fn block(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Something in quotes, which stand twice for one. A backslash takes the quote behind it where `escapes`, and in any string where a
/// letter follows: `'it\'s'` is one string in MySQL, and `'C:\'` one in PostgreSQL.
fn quoted(bytes: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'\\', _, ..] if escapes => at += 2,
            [b'\\', second, third, ..] if *second == quote && third.is_ascii_alphanumeric() => at += 2,
            [first, second, ..] if *first == quote && *second == quote => at += 2,
            [first, ..] if *first == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `$$…$$`, `$tag$…$tag$`, or a parameter, `$1`.
fn dollar(bytes: &[u8]) -> (TokenKind, usize) {
    let tag = 1 + while_matches(&bytes[1..], is_of_name);
    if bytes.get(tag) != Some(&b'$') || bytes.get(1).is_some_and(u8::is_ascii_digit) {
        return (TokenKind::Sign(b'$'), tag);
    }
    let mark = &bytes[..=tag];
    let mut at = mark.len();
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'$') {
        at += next;
        if bytes[at..].starts_with(mark) {
            return (TokenKind::String, at + mark.len());
        }
        at += 1;
    }
    (TokenKind::String, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;
    use proptest::prelude::*;

    fn units(text: &str) -> Vec<&str> {
        split(scan_unit, text)
    }

    #[test]
    fn a_unit_is_a_statement_with_its_comments() {
        let text =
            "-- about a\nCREATE TABLE a (x text DEFAULT ';');  -- trailing\n\nDROP TABLE b; DROP TABLE c;\nSELECT 1";
        let expected = [
            "-- about a\nCREATE TABLE a (x text DEFAULT ';');  -- trailing\n",
            "\nDROP TABLE b;",
            " DROP TABLE c;\n",
            "SELECT 1",
        ];
        assert_eq!(units(text), expected);
    }

    #[test]
    fn semicolons_inside_end_nothing() {
        for text in [
            "CREATE FUNCTION f() RETURNS void AS $$ BEGIN DELETE FROM a; END; $$ LANGUAGE plpgsql;\n",
            "CREATE FUNCTION f() RETURNS int AS $body$ SELECT 1; $x$; $body$ LANGUAGE sql;\n",
            "INSERT INTO a VALUES ('it''s; fine', E'a\\';b', 'it\\'s; so', \"a;b\", `c;d`);\n",
            "INSERT INTO a VALUES ('C:\\', ';');\n",
            "/* ; /* ; */ ; */ SELECT 1;\n",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN IF NEW.x THEN SET NEW.y = 1; END IF; END;\n",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 2; END;\n",
            "COPY a (b) FROM stdin;\n1;2\n3\n\\.\n",
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN DELETE FROM a; END //\nDELIMITER ;\n",
            "\\connect a; b\n",
        ] {
            assert_eq!(units(&format!("{text}SELECT 2;\n")), [text, "SELECT 2;\n"], "{text}");
        }
    }

    #[test]
    fn what_rolls_back_is_one_unit() {
        let text = "-- +goose Up\nCREATE TABLE a ();\n\n-- +goose Down\nDROP TABLE a;\nDROP TABLE b;\n-- +goose Up\nDROP TABLE c;\n";
        let expected = [
            "-- +goose Up\nCREATE TABLE a ();\n",
            "\n-- +goose Down\nDROP TABLE a;\nDROP TABLE b;\n",
            "-- +goose Up\nDROP TABLE c;\n",
        ];
        assert_eq!(units(text), expected);
        assert_eq!(says("-- migrate:down"), Some(true));
        assert_eq!(says("--//@UNDO"), Some(true));
        assert_eq!(says("-- Down"), Some(true));
        assert_eq!(says("-- going down the road"), None);
        assert_eq!(says("-- // Create users."), Some(false));
        assert_eq!(units("SELECT 1 -- down\n+ 2;\n"), ["SELECT 1 -- down\n+ 2;\n"]);
    }

    #[test]
    fn what_is_never_ended_ends_where_another_begins() {
        let text = "ALTER TABLE a ADD COLUMN (\n\nCREATE TABLE b ();\n";
        assert_eq!(units(text), ["ALTER TABLE a ADD COLUMN (\n\n", "CREATE TABLE b ();\n"]);
        // As they are written by people, these are one.
        for text in ["CREATE VIEW a AS\n\nSELECT 1;\n", "WITH a AS (SELECT 1)\n\nDELETE FROM b;\n"] {
            assert_eq!(units(text), [text]);
        }
    }

    #[test]
    fn only_what_is_known_is_looked_at() {
        assert!(may_declare("drop table a"));
        assert!(may_declare("x;ALTER\ntable a"));
        assert!(!may_declare("INSERT INTO created_drops VALUES ('altered')"));
    }

    proptest! {
        #[test]
        fn units_do_not_depend_on_the_window(text in "([a-c;'\"$\\-\n(){}/*\\\\ ]|BEGIN|END|CREATE TRIGGER|DROP|COPY|STDIN|-- down\n|-- up\n|DELIMITER){0,24}") {
            prop_assert_eq!(units(&text).concat(), text);
        }

        #[test]
        fn tokens_stand_in_order(text in "\\PC{0,80}") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(token.range.start >= end && token.range.end > token.range.start);
                end = token.range.end;
            }
        }
    }
}
