//! Where in a `countersign.toml` a place is: in which table, at which key, in which value. The text may be half-typed, so this is
//! no parser of TOML: an unclosed string ends with its line, and a line that looks like a header of a table ends whatever is open.

use std::ops::Range;

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The tables and keys that it is in, from the root.
    pub(super) path: Vec<String>,
    /// What stands there.
    pub(super) at: At,
    /// The word there, in bytes of the text: of a key its own part, of a text what is between the quotes.
    pub(super) word: Range<usize>,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The name of a table, in a header. The word is the whole line, and the path that up to the part of the name.
    Header,
    /// A key, or where one can begin; whether it begins its line, as a header could.
    Key {
        /// Nothing else stands before it on its line.
        begins_line: bool,
    },
    /// A value, or where one can begin. The path leads to its key.
    Value {
        /// It is one of a list.
        in_list: bool,
        /// It is a text and in quotes.
        quoted: bool,
    },
}

/// What is open around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    List,
    /// An inline table, with the length of the path outside.
    Table(usize),
}

/// Goes through the text up to a place.
struct Scan<'t> {
    text: &'t str,
    offset: usize,
    /// The table that the last header opened.
    table: Vec<String>,
    /// The keys since.
    keys: Vec<String>,
    frames: Vec<Frame>,
    /// Behind `=` or inside of a list.
    in_value: bool,
    /// The value is there already.
    is_done: bool,
}

/// Whether a byte may stand in a word without quotes.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Finds a place; `None` in a comment, and in a text of several lines.
pub(super) fn place(text: &str, offset: usize) -> Option<Place> {
    let offset = offset.min(text.len());
    let scan =
        Scan { text, offset, table: Vec::new(), keys: Vec::new(), frames: Vec::new(), in_value: false, is_done: false };
    scan.run()
}

impl Scan<'_> {
    fn run(mut self) -> Option<Place> {
        let bytes = self.text.as_bytes();
        let (mut at, mut line) = (0, 0);
        let mut begins_line = true;
        loop {
            if begins_line {
                line = at;
                let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
                if let Some(name) = header(&self.text[at..end], !self.frames.is_empty()) {
                    if (at..=end).contains(&self.offset) {
                        return Some(self.in_header(at..end, name));
                    }
                    self.table = parts(name);
                    self.close();
                    at = (end + 1).min(self.text.len());
                    continue;
                }
                if is_setting(&self.text[at..end]) {
                    self.close();
                }
                begins_line = false;
            }
            let Some(byte) = bytes.get(at).copied() else {
                return self.here(line);
            };
            match byte {
                b'\n' => {
                    if self.offset <= at {
                        return self.here(line);
                    }
                    // An inline table ends with its line.
                    if self.frames.last().is_none_or(|frame| *frame != Frame::List) {
                        self.close();
                    }
                    begins_line = true;
                }
                b'#' => {
                    let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
                    if (at + 1..=end).contains(&self.offset) {
                        return None;
                    }
                    at = end;
                    continue;
                }
                _ if self.offset <= at && !is_word(byte) => return self.here(line),
                b'"' | b'\'' => {
                    let (content, end) = string(self.text, at);
                    if self.offset < end || self.offset == content.end {
                        // In a text of several lines there is nothing to choose.
                        let is_plain = (content.start..=content.end).contains(&self.offset)
                            && !self.text[content.clone()].contains('\n');
                        return is_plain.then(|| self.word(content, true, line));
                    }
                    self.pass(content);
                    at = end;
                    continue;
                }
                _ if is_word(byte) => {
                    let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                    let word = at..at + length;
                    if self.offset < at {
                        return self.here(line);
                    }
                    if self.offset <= word.end {
                        return Some(self.word(word, false, line));
                    }
                    self.pass(word);
                    at += length;
                    continue;
                }
                _ => self.mark(byte),
            }
            at += 1;
        }
    }

    /// Goes past a mark.
    fn mark(&mut self, byte: u8) {
        match byte {
            b'=' => (self.in_value, self.is_done) = (true, false),
            b'[' if self.in_value => {
                self.is_done = false;
                self.frames.push(Frame::List);
            }
            b'{' if self.in_value => {
                (self.in_value, self.is_done) = (false, false);
                self.frames.push(Frame::Table(self.keys.len()));
            }
            b']' | b'}' => {
                if let Some(Frame::Table(outside)) = self.frames.pop() {
                    self.keys.truncate(outside);
                }
                (self.in_value, self.is_done) = (true, true);
            }
            b',' => {
                self.is_done = false;
                if let Some(Frame::Table(outside)) = self.frames.last() {
                    self.keys.truncate(*outside);
                    self.in_value = false;
                }
            }
            _ => {}
        }
    }

    /// Ends what is open.
    fn close(&mut self) {
        self.keys.clear();
        self.frames.clear();
        (self.in_value, self.is_done) = (false, false);
    }

    /// Goes past a word.
    fn pass(&mut self, word: Range<usize>) {
        if self.in_value {
            self.is_done = true;
        } else {
            self.keys.push(self.text[word].to_owned());
        }
    }

    fn path(&self) -> Vec<String> {
        self.table.iter().chain(&self.keys).cloned().collect()
    }

    /// The place at a word, which begins its line or does not.
    fn word(&self, word: Range<usize>, quoted: bool, line: usize) -> Place {
        let before = self.text[line..word.start].trim();
        if self.in_value {
            let in_list = self.frames.last() == Some(&Frame::List);
            return Place { path: self.path(), at: At::Value { in_list, quoted }, word };
        }
        Place { path: self.path(), at: At::Key { begins_line: before.is_empty() && self.frames.is_empty() }, word }
    }

    /// The place where nothing stands, on a line that begins somewhere; `None` behind a value.
    fn here(&self, line: usize) -> Option<Place> {
        let at = if self.in_value {
            At::Value { in_list: self.frames.last() == Some(&Frame::List), quoted: false }
        } else {
            let before = self.text[line.min(self.offset)..self.offset].trim();
            At::Key { begins_line: before.is_empty() && self.frames.is_empty() }
        };
        (!(self.in_value && self.is_done)).then(|| Place { path: self.path(), at, word: self.offset..self.offset })
    }

    fn in_header(&self, line: Range<usize>, name: &str) -> Place {
        let whole = &self.text[line.clone()];
        let blank = whole.len() - whole.trim_start().len();
        let brackets = if whole.trim_start().starts_with("[[") { 2 } else { 1 };
        let start = line.start + blank + brackets;
        let typed = self.offset.clamp(start, start + name.len());
        // Up to the end of the part that the place is in.
        let end = self.text[typed..start + name.len()].find('.').map_or(name.len(), |dot| typed + dot - start);
        let typed_to = whole.split('#').next().unwrap_or_default().trim_end().len();
        let word = (line.start + blank).min(self.offset)..(line.start + typed_to.max(blank)).max(self.offset);
        Place { path: parts(&name[..end]), at: At::Header, word }
    }
}

/// Whether a line begins with a key and `=`, as no element of a list does.
fn is_setting(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c == '.' || u8::try_from(c).is_ok_and(is_word));
    rest.len() < line.len() && rest.trim_start().starts_with('=')
}

/// The name in a line that is a header of a table, closed or not. Inside of a list only what cannot be one of its elements is.
fn header(line: &str, in_list: bool) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default();
    if in_list && line.starts_with([' ', '\t']) {
        return None;
    }
    let inside = line.trim().strip_prefix('[')?;
    let inside = inside.strip_prefix('[').unwrap_or(inside);
    let closed = inside.trim_end_matches(']');
    if in_list && (closed.len() == inside.len() || closed.trim().is_empty()) {
        return None;
    }
    let may_name = closed.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b' ' | b'\t' | b'"'));
    let is_name = !in_list || !closed.contains(['"', ' ']);
    (may_name && is_name).then_some(closed)
}

/// The parts of the name of a table.
fn parts(name: &str) -> Vec<String> {
    let parts = name.split('.').map(|part| part.trim().trim_matches('"').to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// What stands between the quotes of a text that starts somewhere, and where it ends.
fn string(text: &str, start: usize) -> (Range<usize>, usize) {
    let rest = &text[start..];
    let quote = &rest[..1];
    let triple = quote.repeat(3);
    if rest.starts_with(&triple) {
        let content = start + 3;
        return match text[content..].find(&triple) {
            Some(length) => (content..content + length, content + length + 3),
            None => (content..text.len(), text.len()),
        };
    }
    let content = start + 1;
    let mut escaped = false;
    for (at, c) in text[content..].char_indices() {
        match c {
            '\n' => return (content..content + at, content + at),
            _ if escaped => escaped = false,
            '\\' if quote == "\"" => escaped = true,
            c if quote.starts_with(c) => return (content..content + at, content + at + 1),
            _ => {}
        }
    }
    (content..text.len(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The place at `|`: its path, what stands there, and the word.
    fn at(marked: &str) -> Option<(String, At, String)> {
        let offset = marked.find('|').expect("a mark");
        let text = marked.replacen('|', "", 1);
        let place = place(&text, offset)?;
        Some((place.path.join("."), place.at, text[place.word].to_owned()))
    }

    fn key(path: &str, begins_line: bool, word: &str) -> (String, At, String) {
        (path.to_owned(), At::Key { begins_line }, word.to_owned())
    }

    fn value(path: &str, in_list: bool, quoted: bool, word: &str) -> (String, At, String) {
        (path.to_owned(), At::Value { in_list, quoted }, word.to_owned())
    }

    #[test]
    fn keys() {
        assert_eq!(at("|"), Some(key("", true, "")));
        assert_eq!(at("[files]\nexc|lude = []\n"), Some(key("files", true, "exclude")));
        assert_eq!(at("[[verdict]]\norigin = [\"ai\"]\n|"), Some(key("verdict", true, "")));
        assert_eq!(at("[[verdict]]\n\n|\n\n[files]\n"), Some(key("verdict", true, "")));
        assert_eq!(at("[[scope]]\nnever.pa|"), Some(key("scope.never", false, "pa")));
        assert_eq!(at("[[scope]]\nnever = { paths = [\"a\"], ki|nds = [] }"), Some(key("scope.never", false, "kinds")));
        assert_eq!(at("[people]\nlevels = [\"a\",\n  \"b\",\n]\n|"), Some(key("people", true, "")));
    }

    #[test]
    fn values() {
        assert_eq!(at("[[tier]]\ntier = |"), Some(value("tier.tier", false, false, "")));
        assert_eq!(at("[[tier]]\ntier = \"cri|"), Some(value("tier.tier", false, true, "cri")));
        assert_eq!(at("[[tier]]\ntier = \"cri|\"\n"), Some(value("tier.tier", false, true, "cri")));
        assert_eq!(at("[[tier]]\ntier = cri|\n"), Some(value("tier.tier", false, false, "cri")));
        assert_eq!(at("[[verdict]]\norigin = [|"), Some(value("verdict.origin", true, false, "")));
        assert_eq!(at("[[verdict]]\norigin = [\n  \"ai\",\n  \"|\n"), Some(value("verdict.origin", true, true, "")));
        assert_eq!(
            at("[[scope]]\nonly = { environments = [\"|\"] }"),
            Some(value("scope.only.environments", true, true, ""))
        );
        assert_eq!(at("a = \"x\" # co|mment"), None);
        assert_eq!(at("a = \"\"\"\nx|\n\"\"\"\n"), None);
    }

    #[test]
    fn headers() {
        let header = |path: &str, word: &str| Some((path.to_owned(), At::Header, word.to_owned()));
        assert_eq!(at("[|"), header("", "["));
        assert_eq!(at("[[ver|"), header("ver", "[[ver"));
        assert_eq!(at("[[impact.attri|bute]]\n"), header("impact.attribute", "[[impact.attribute]]"));
        assert_eq!(at("[[imp|act.attribute]]"), header("impact", "[[impact.attribute]]"));
    }

    #[test]
    fn what_is_half_typed_ends_early() {
        assert_eq!(at("[[verdict]]\norigin = [\"ai\n[[tier]]\n|"), Some(key("tier", true, "")));
        assert_eq!(at("[[verdict]]\norigin = [\n[files]\nex|"), Some(key("files", true, "ex")));
        assert_eq!(at("[[verdict]]\nseverity = \"hi\n|"), Some(key("verdict", true, "")));
        assert_eq!(at("[[verdict]]\nseverity = [\nverdict = \"|"), Some(value("verdict.verdict", false, true, "")));
        assert_eq!(at("[[scope]]\nnever = { paths = [\"a\"]\n|"), Some(key("scope", true, "")));
        assert_eq!(at("= = ]] }\n[files]\n|"), Some(key("files", true, "")));
    }

    proptest! {
        #[test]
        fn no_text_is_too_broken(text in "[\\[\\]{}=,.\"'#\n a-cä|]{0,60}", offset in 0usize..70) {
            let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            if let Some(place) = place(&text, offset) {
                prop_assert!(text.get(place.word.clone()).is_some());
                prop_assert!(place.word.start <= offset && offset <= place.word.end, "{place:?} is not at {offset}");
            }
        }
    }
}
