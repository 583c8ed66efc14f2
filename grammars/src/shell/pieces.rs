//! A text cut into statements that a parser is given one by one.
//!
//! On a text with errors the grammar's time and memory grow with the square of the text: 10 KB of `a | ` take 100 MB, and 100 KB
//! more than there is. So a text is cut where a statement ends, and how many operators one may have is limited. What is quoted,
//! and the text of a heredoc, is one token to the grammar however long it is, and does not count.

use std::ops::Range;

/// Heredocs without an end after which none is looked for.
const MAX_ENDLESS: usize = 20;

/// Bytes that count for an operator where a quote or bracket has no end.
const BYTES_PER_OPERATOR_UNCLOSED: usize = 4;

/// Operators that a bracket counts for which closes nothing.
const STRAY_OPERATORS: usize = 10;

/// Operators that a heredoc counts for.
const HEREDOC_OPERATORS: usize = 40;

/// A statement, or several that cannot be told apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// Operators, brackets and quotes in it: what it costs the parser.
    pub operators: usize,
}

/// What the scanner is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// `(`, `$(`, `<(`, `((`
    Round,
    /// `${`
    Expansion,
    DoubleQuote,
    Backtick,
}

/// Whether a `{` begins the body of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    No,
    /// Here: behind `)`.
    Next,
    /// Somewhere in the statement: it began with `function`.
    Named,
}

pub(super) struct Scanner<'t> {
    bytes: &'t [u8],
    pub(super) at: usize,
    frames: Vec<Frame>,
    /// `if`, `case`, loops and `{` that are open.
    compounds: usize,
    operators: usize,
    /// Whether a word here would name a command.
    command: bool,
    body: Body,
    /// Whether what is on the next line belongs to it: behind `&&`, `||`, `|` and the `()` of a function.
    continues: bool,
    heredocs: Vec<(Vec<u8>, bool)>,
    /// Heredocs without an end. They are looked for no longer after a few, for each look goes to the end of the text.
    pub(super) endless: usize,
    /// The last comment.
    pub(super) comment: Option<Range<usize>>,
}

/// Cuts a text.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut scanner = Scanner::new(text.as_bytes());
    let mut pieces = Vec::new();
    let mut begin = 0;
    while scanner.at < scanner.bytes.len() {
        let ends = scanner.step();
        // Only behind a byte of ASCII, so never inside of a character.
        if ends && scanner.is_outside() {
            pieces.push(Piece { range: begin..scanner.at, operators: std::mem::take(&mut scanner.operators) });
            begin = scanner.at;
        }
    }
    let unclosed = if scanner.frames.is_empty() { 0 } else { (text.len() - begin) / BYTES_PER_OPERATOR_UNCLOSED };
    pieces.push(Piece { range: begin..text.len(), operators: scanner.operators + unclosed });
    pieces.retain(|piece| text.get(piece.range.clone()).is_some_and(|piece| !piece.trim().is_empty()));
    pieces
}

impl<'t> Scanner<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            frames: Vec::new(),
            compounds: 0,
            operators: 0,
            command: true,
            body: Body::No,
            continues: false,
            heredocs: Vec::new(),
            endless: 0,
            comment: None,
        }
    }

    /// Whether nothing is open that goes on.
    pub(super) fn is_outside(&self) -> bool {
        self.frames.is_empty() && self.compounds == 0 && self.heredocs.is_empty() && !self.continues
    }

    /// How much is open inside each other.
    pub(super) fn depth(&self) -> usize {
        self.frames.len() + self.compounds
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or_default()
    }

    /// Reads one token or byte. Returns whether a statement may end behind it.
    pub(super) fn step(&mut self) -> bool {
        let byte = self.peek(0);
        if self.frames.last() == Some(&Frame::DoubleQuote) {
            self.in_double_quotes(byte);
            return false;
        }
        let is_comment = byte == b'#'
            && (self.at == 0 || self.bytes.get(self.at - 1).is_some_and(|before| b" \t\n;&|(".contains(before)));
        if !is_comment && !byte.is_ascii_whitespace() {
            self.continues = false;
        }
        match byte {
            b'\\' => self.at += 2,
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\n' => {
                self.at += 1;
                self.operators += 1;
                self.begin_command();
                self.skip_heredocs();
                return true;
            }
            b'#' if is_comment => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let len = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                // What is a comment here may be none to the grammar.
                let comment = rest.get(..len).unwrap_or_default();
                self.operators += comment.iter().filter(|byte| b";&|<>(){}[]`\"'$".contains(byte)).count();
                self.comment = Some(self.at..self.at + len);
                self.at += len;
            }
            b'\'' => {
                let escapes = self.at > 0 && self.bytes.get(self.at - 1) == Some(&b'$');
                self.operators += 1;
                self.single_quotes(escapes);
            }
            b'"' => self.open(Frame::DoubleQuote, 1),
            b'`' if self.frames.last() == Some(&Frame::Backtick) => self.close(Frame::Backtick),
            b'`' => self.open(Frame::Backtick, 1),
            b'$' if self.peek(1) == b'(' => self.open(Frame::Round, 2),
            b'$' if self.peek(1) == b'{' => self.open(Frame::Expansion, 2),
            b'(' if self.peek(1) == b')' && !self.command && self.bytes.get(self.at.wrapping_sub(1)) != Some(&b'=') => {
                // Of a function, whose body may stand on the next line.
                self.at += 2;
                self.operators += 2;
                self.body = Body::Next;
                self.command = true;
                self.continues = true;
            }
            b'(' => self.open(Frame::Round, 1),
            b')' => {
                self.close(Frame::Round);
                self.body = Body::Next;
                self.command = self.compounds > 0;
            }
            b'}' if self.frames.last() == Some(&Frame::Expansion) => self.close(Frame::Expansion),
            b';' | b'&' | b'|' => {
                let doubled = self.peek(1) == byte;
                // `>&2` and `&>` are redirections.
                let redirects = byte == b'&'
                    && (self.peek(1) == b'>'
                        || (self.at > 0 && matches!(self.bytes.get(self.at - 1), Some(b'>' | b'<'))));
                self.operators += 1;
                self.at += if doubled { 2 } else { 1 };
                if !redirects {
                    self.begin_command();
                    self.continues = byte == b'|' || (byte == b'&' && doubled);
                }
                return !redirects && !doubled && byte != b'|';
            }
            b'<' | b'>' => self.redirection(byte),
            _ => self.word(),
        }
        false
    }

    fn begin_command(&mut self) {
        self.command = true;
        self.body = Body::No;
    }

    fn open(&mut self, frame: Frame, len: usize) {
        self.operators += 1;
        self.frames.push(frame);
        self.at += len;
        self.command = matches!(frame, Frame::Round | Frame::Backtick);
    }

    fn close(&mut self, frame: Frame) {
        self.operators += 1;
        self.at += 1;
        if self.frames.last() == Some(&frame) {
            self.frames.pop();
        } else if self.compounds == 0 {
            self.operators += STRAY_OPERATORS;
        }
        self.command = false;
    }

    fn in_double_quotes(&mut self, byte: u8) {
        match byte {
            b'\\' => self.at += 2,
            b'"' => self.close(Frame::DoubleQuote),
            b'`' => self.open(Frame::Backtick, 1),
            b'$' if self.peek(1) == b'(' => self.open(Frame::Round, 2),
            b'$' if self.peek(1) == b'{' => self.open(Frame::Expansion, 2),
            _ => self.at += 1,
        }
    }

    fn single_quotes(&mut self, escapes: bool) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\'' => break,
                b'\\' if escapes => self.at += 1,
                _ => {}
            }
        }
        self.command = false;
    }

    fn redirection(&mut self, byte: u8) {
        self.operators += 1;
        if byte == b'<' && self.peek(1) == b'<' && self.peek(2) != b'<' && !self.frames.contains(&Frame::Expansion) {
            self.at += 2;
            let indented = self.peek(0) == b'-';
            self.at += usize::from(indented);
            while matches!(self.peek(0), b' ' | b'\t') {
                self.at += 1;
            }
            let mut name = Vec::new();
            while let Some(byte) = self.bytes.get(self.at) {
                if b" \t\n;&|<>()".contains(byte) {
                    break;
                }
                if !matches!(byte, b'\'' | b'"' | b'\\') {
                    name.push(*byte);
                }
                self.at += 1;
            }
            // One costs the grammar as much as many operators.
            self.operators += HEREDOC_OPERATORS;
            if !name.is_empty() {
                self.heredocs.push((name, indented));
            }
            return;
        }
        let len = if self.bytes.get(self.at..self.at + 3) == Some(b"<<<") { 3 } else { 1 };
        self.at += len;
        if self.peek(0) == b'(' {
            self.open(Frame::Round, 1);
        }
    }

    /// Passes over the texts of heredocs that begin on the next line. One without an end is taken as none.
    fn skip_heredocs(&mut self) {
        for (name, indented) in std::mem::take(&mut self.heredocs) {
            let mut at = self.at;
            loop {
                let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty() && self.endless < MAX_ENDLESS)
                else {
                    self.endless += 1;
                    return;
                };
                let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
                let line = rest.get(..len).unwrap_or_default();
                at += len;
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let tabs = if indented { line.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
                if line.get(tabs..) == Some(name.as_slice()) {
                    self.at = at;
                    break;
                }
            }
        }
    }

    fn word(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| b" \t\r\n;&|<>()`\"'\\$".contains(byte)).unwrap_or(rest.len());
        // What ends an expansion ends a word inside of it.
        let len = match self.frames.last() {
            Some(Frame::Expansion) => {
                rest.get(..len).and_then(|word| word.iter().position(|byte| *byte == b'}')).unwrap_or(len)
            }
            _ => len,
        };
        let word = rest.get(..len.max(1)).unwrap_or_default();
        let whole = rest.get(len).is_none_or(|next| b" \t\r\n;&|()".contains(next));
        self.at += len.max(1);
        self.operators += word.iter().filter(|byte| b"{}[]!*".contains(byte)).count();
        let opens_body = word == b"{" && self.body != Body::No;
        if self.body == Body::Next {
            self.body = Body::No;
        }
        if !whole || !(self.command || opens_body || word == b"}") {
            self.command = false;
            return;
        }
        match word {
            b"if" | b"case" | b"for" | b"while" | b"until" | b"select" | b"{" => {
                self.operators += 1;
                self.compounds += 1;
                self.command = matches!(word, b"if" | b"while" | b"until" | b"{");
            }
            b"fi" | b"esac" | b"done" => {
                self.operators += 1;
                self.compounds = self.compounds.saturating_sub(1);
                self.command = false;
            }
            b"}" if self.command => {
                self.compounds = self.compounds.saturating_sub(1);
                self.command = false;
            }
            b"then" | b"do" | b"else" | b"elif" | b"!" | b"time" => self.operators += 1,
            b"function" => self.body = Body::Named,
            _ => self.command = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        for (text, expected) in [
            ("a; b", &["a;", " b"][..]),
            ("a && b | c\nd", &["a && b | c\n", "d"]),
            ("if a; then b; fi; c", &["if a; then b; fi;", " c"]),
            ("for x in a b; do c; done\nd", &["for x in a b; do c; done\n", "d"]),
            ("f() { a; b; }; f", &["f() { a; b; };", " f"]),
            ("function f { a; }\nf", &["function f { a; }\n", "f"]),
            ("case $x in a) b;; c) d ;; esac; e", &["case $x in a) b;; c) d ;; esac;", " e"]),
            ("cat <<EOF; a\nb; c\nEOF\nd", &["cat <<EOF; a\nb; c\nEOF\n", "d"]),
            ("cat <<'A' <<-B\n1\nA\n\t2\n\tB\nc", &["cat <<'A' <<-B\n1\nA\n\t2\n\tB\n", "c"]),
            ("echo 'a; b' \"c; $(d; e \"f;\")\"; g", &["echo 'a; b' \"c; $(d; e \"f;\")\";", " g"]),
            ("echo if; b", &["echo if;", " b"]),
            ("a 2>&1; b &> c & d", &["a 2>&1;", " b &> c &", " d"]),
            ("a # b; c\nd", &["a # b; c\n", "d"]),
            ("(a; b); c", &["(a; b);", " c"]),
            ("a \\; b; c", &["a \\; b;", " c"]),
            ("x=${a:-b;c}; d", &["x=${a:-b;c};", " d"]),
            ("{ a; }; b", &["{ a; };", " b"]),
            ("find . -exec rm {} \\; ; a", &["find . -exec rm {} \\; ;", " a"]),
            ("a &&\n  b |\n # c\n\nd\ne", &["a &&\n  b |\n # c\n\nd\n", "e"]),
            ("f()\n{\n  a\n}\nb", &["f()\n{\n  a\n}\n", "b"]),
            ("(a; b)\nc", &["(a; b)\n", "c"]),
            ("a=()\nb", &["a=()\n", "b"]),
        ] {
            let found: Vec<_> = pieces(text).into_iter().map(|piece| &text[piece.range]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
