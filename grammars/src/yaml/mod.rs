//! YAML: Kubernetes manifests, CloudFormation templates, pipelines, Compose files.
//!
//! A unit is a document, or an entry of one of the [`SECTIONS`] that hold most of a document, told by its indentation. What
//! stands before the first entry and what stands behind the last one are units too. Each of them is YAML by itself. Of the values of
//! a chart each key is one.
//!
//! The grammar ends the process where more than some 250 block collections are open, and reads nothing of what has more than
//! 32,768 rows (measured with tree-sitter-yaml 0.7.2; its issues 48 and 49), so both are counted here, and what is over a limit
//! is not parsed.

use crate::{MAX_UNIT_ROWS, Scan, ScannedUnit, TOO_MANY_ROWS};

/// Keys at the start of a line whose entries are units of their own.
const SECTIONS: [&[u8]; 4] = [b"Resources", b"items", b"jobs", b"services"];

/// Whether a name in small letters is that of a file of values for a Helm chart.
pub(crate) fn is_values(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    let rest = stem.and_then(|stem| stem.strip_prefix("values"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
}

/// See [`crate::Language::scan_unit`]. `by_keys` says that each key of a document is a unit.
pub(crate) fn scan_unit(bytes: &[u8], complete: bool, by_keys: bool) -> Scan {
    let mut unit = Unit { by_keys, ..Unit::default() };
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_whole = line.ends_with(b"\n");
        if !is_whole && !complete {
            return Scan::NeedMore;
        }
        if let Some(len) = unit.ends_before(line, at) {
            return Scan::Found(ScannedUnit {
                len,
                reach: at + line.len() + usize::from(!is_whole),
                nesting: unit.nesting(),
            });
        }
        at += line.len();
        unit.take(line, at);
    }
    if !complete {
        return Scan::NeedMore;
    }
    // Whatever is added behind it belongs to it.
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting: unit.nesting() })
}

/// Whether a unit may declare infrastructure; what may not is not parsed, and nothing is said of it. It has to be cheap, and lock files
/// of tens of thousands of lines hold any word.
pub(crate) fn may_declare(text: &str) -> bool {
    let has = |word: &str| text.contains(word);
    let kubernetes = || has("apiVersion") && has("kind");
    // Sections that may stand behind the resources, in a unit of their own.
    let section = || has("Outputs:") || has("Globals:");
    let cloudformation = || has("Resources:") || (has("Type") && has("::")) || section();
    let workflow = || ["runs-on", "uses:", "using:", "jobs:", "\n  script:"].into_iter().any(has);
    let services = || text.starts_with("services:") || has("\nservices:") || is_indented(text);
    let compose = || (has("image:") || has("build:")) && services();
    kubernetes() || cloudformation() || workflow() || compose()
}

/// Whether the first line that says something is indented.
fn is_indented(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !matches!(line.trim_start().as_bytes().first(), None | Some(b'#')));
    lines.next().is_some_and(|line| line.starts_with(' '))
}

/// What a unit is an entry of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// A mapping.
    Key,
    /// A sequence.
    Item,
}

/// How far a unit has come. In order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Stage {
    /// There are comments at most.
    #[default]
    Before,
    /// Behind the line that starts a document.
    Marked,
    /// Something stands in it.
    Begun,
    /// Behind the line that ends a document.
    Over,
}

/// What is open at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    /// Nothing.
    #[default]
    Nothing,
    /// A block scalar: lines that are indented deeper than this belong to it.
    Scalar(usize),
    /// Brackets, and a string in them.
    Brackets(usize, Option<u8>),
    /// A string.
    Quote(u8),
}

/// A unit, as far as it has been read.
#[derive(Debug, Default)]
struct Unit {
    /// Whether the keys of a document are units.
    by_keys: bool,
    /// Its indentation and what it is an entry of; `None` where it is a document or before its first line.
    entry: Option<(usize, Entry)>,
    /// How far into a document it has come.
    stage: Stage,
    /// Behind the last line that holds something.
    content_end: usize,
    /// Behind a key of [`SECTIONS`] that is the last thing so far.
    section: bool,
    open: Open,
    /// The columns of the block collections that are open.
    columns: Vec<usize>,
    deepest: usize,
    deepest_brackets: usize,
    rows: usize,
}

impl Unit {
    /// Where the unit ends, if it does so before a line that begins at `at`.
    fn ends_before(&mut self, line: &[u8], at: usize) -> Option<usize> {
        if self.stage == Stage::Over {
            return Some(at);
        }
        let content = trimmed(line);
        if content.is_empty() {
            return None;
        }
        let indent = indent(line);
        if is_marker(line, b"---") && self.stage > Stage::Before {
            return Some(at);
        }
        match self.open {
            Open::Scalar(parent) if indent > parent => return None,
            Open::Scalar(_) => self.open = Open::Nothing,
            Open::Brackets(..) | Open::Quote(_) => {
                // What was never closed ends where the next entry begins.
                let base = self.entry.map_or(0, |(indent, _)| indent);
                if indent > base || !is_plain_key(content) {
                    return None;
                }
                self.open = Open::Nothing;
            }
            Open::Nothing => {}
        }
        if content.starts_with(b"#") || self.stage < Stage::Begun {
            return None;
        }
        let is_item = is_item(content);
        match self.entry {
            Some((base, of)) => {
                // The items of a key may stand in its own column.
                let belongs = indent > base || (indent == base && of == Entry::Key && is_item);
                (!belongs).then_some(self.content_end)
            }
            None if self.section && (indent > 0 || is_item) => Some(self.content_end),
            None => None,
        }
    }

    /// Takes a line that belongs to the unit; `end` is the offset behind it.
    fn take(&mut self, line: &[u8], end: usize) {
        let content = trimmed(line);
        self.rows += 1;
        if content.is_empty() {
            return;
        }
        let indent = indent(line);
        self.note_columns(indent, content);
        match self.open {
            Open::Scalar(_) => self.content_end = end,
            Open::Brackets(depth, quote) => {
                self.content_end = end;
                self.brackets(content, depth, quote);
            }
            Open::Quote(quote) => {
                self.content_end = end;
                if let Some(rest) = after_quote(content, quote) {
                    self.open = Open::Nothing;
                    self.values(rest, indent);
                }
            }
            Open::Nothing if content.starts_with(b"#") => {
                if self.entry.is_some_and(|(base, _)| indent > base) {
                    self.content_end = end;
                }
            }
            Open::Nothing if is_marker(line, b"---") => {
                self.stage = Stage::Marked;
                self.content_end = end;
                let rest = trimmed(&content[3..]);
                if !rest.is_empty() && !rest.starts_with(b"#") {
                    self.stage = Stage::Begun;
                    self.values(rest, 0);
                }
            }
            Open::Nothing if is_marker(line, b"...") => self.stage = Stage::Over,
            Open::Nothing => {
                self.content_end = end;
                if self.stage < Stage::Begun {
                    self.stage = Stage::Begun;
                    let of = if is_item(content) { Entry::Item } else { Entry::Key };
                    self.entry = (self.by_keys || indent > 0 || of == Entry::Item).then_some((indent, of));
                }
                self.section = self.entry.is_none() && indent == 0 && is_section(content);
                self.values(content, indent);
            }
        }
    }

    /// Counts which collections are open. It knows nothing of strings, so that it can only count too many.
    fn note_columns(&mut self, indent: usize, content: &[u8]) {
        let mut column = indent;
        let mut rest = content;
        loop {
            while self.columns.last().is_some_and(|last| *last > column) {
                self.columns.pop();
            }
            if self.columns.last() != Some(&column) {
                self.columns.push(column);
            }
            if !matches!(rest, [b'-' | b'?' | b':', b' ' | b'\t', ..]) {
                break;
            }
            let inner = trimmed(&rest[1..]);
            column += rest.len() - inner.len();
            rest = inner;
        }
        // What the grammar makes of markers behind a key is its own affair; a sequence may stand in the column of its key.
        let markers =
            rest.windows(2).filter(|pair| is_item(pair) || matches!(pair, [b'?' | b':', b' ' | b'\t'])).count();
        self.deepest = self.deepest.max(2 * self.columns.len() + markers);
    }

    /// What stands behind the indentation of a line, from a column on: markers, keys and a value.
    fn values(&mut self, content: &[u8], column: usize) {
        let mut rest = content;
        // The column of the collection that the value is in: what belongs to a block scalar stands deeper.
        let mut parent = column;
        let mut at = column;
        loop {
            let step = match rest {
                [] | [b'#', ..] => return,
                [b'-' | b'?' | b':', b' ' | b'\t', ..] => {
                    let inner = trimmed(&rest[1..]);
                    parent = at;
                    rest.len() - inner.len()
                }
                [b'&' | b'!' | b'*', ..] => {
                    let word = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                    rest.len() - trimmed(&rest[word..]).len()
                }
                [b'|' | b'>', ..] => {
                    self.open = Open::Scalar(parent);
                    return;
                }
                [b'[' | b'{', ..] => {
                    self.brackets(rest, 0, None);
                    return;
                }
                [quote @ (b'"' | b'\''), ..] => {
                    if let Some(after) = after_quote(&rest[1..], *quote) {
                        let key = trimmed(after);
                        if !key.starts_with(b":") {
                            return;
                        }
                        parent = at;
                        rest.len() - trimmed(&key[1..]).len()
                    } else {
                        self.open = Open::Quote(*quote);
                        return;
                    }
                }
                _ => {
                    let Some(colon) = key_end(rest) else { return };
                    parent = at;
                    rest.len() - trimmed(&rest[colon + 1..]).len()
                }
            };
            at += step;
            rest = &rest[step..];
        }
    }

    /// Goes on in brackets that are `depth` deep.
    fn brackets(&mut self, content: &[u8], depth: usize, quote: Option<u8>) {
        let (mut depth, mut quote) = (depth, quote);
        let mut rest = content;
        let mut before = b' ';
        while let Some((byte, after)) = rest.split_first() {
            if let Some(end) = quote {
                match after_quote(rest, end) {
                    Some(after) => {
                        quote = None;
                        before = end;
                        rest = after;
                        continue;
                    }
                    None => break,
                }
            }
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                b'#' if before.is_ascii_whitespace() => break,
                b'"' | b'\'' if matches!(before, b' ' | b'\t' | b',' | b'[' | b'{' | b':') => quote = Some(*byte),
                _ => {}
            }
            self.deepest_brackets = self.deepest_brackets.max(depth);
            before = *byte;
            rest = after;
            if depth == 0 {
                self.open = Open::Nothing;
                return;
            }
        }
        self.open = Open::Brackets(depth, quote);
    }

    fn nesting(&self) -> usize {
        if self.rows > MAX_UNIT_ROWS { TOO_MANY_ROWS } else { self.deepest + self.deepest_brackets }
    }
}

/// A line without what stands before its first character and behind its last.
fn trimmed(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}

/// How many spaces a line begins with.
fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == b' ').count()
}

/// Whether a line begins with `---` or `...`, which stand by themselves.
fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

fn is_item(content: &[u8]) -> bool {
    matches!(content, [b'-'] | [b'-', b' ' | b'\t', ..])
}

/// Whether a line is a key that begins one of the [`SECTIONS`], and nothing more.
fn is_section(content: &[u8]) -> bool {
    let rest = |name: &&[u8]| content.strip_prefix(*name).and_then(|rest| trimmed(rest).strip_prefix(b":"));
    SECTIONS.iter().find_map(rest).is_some_and(|rest| {
        let value = trimmed(rest);
        value.is_empty() || (value.starts_with(b"#") && rest.first().is_some_and(u8::is_ascii_whitespace))
    })
}

/// Whether a line begins with a key that is not quoted.
fn is_plain_key(content: &[u8]) -> bool {
    let word =
        content.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')));
    word.is_some_and(|end| end > 0 && content[end] == b':' && content.get(end + 1).is_none_or(u8::is_ascii_whitespace))
}

/// Where the colon behind a key that is not quoted stands.
fn key_end(content: &[u8]) -> Option<usize> {
    let mut before = b'x';
    for (at, byte) in content.iter().enumerate() {
        match byte {
            b':' if content.get(at + 1).is_none_or(u8::is_ascii_whitespace) => return Some(at),
            b'#' if before.is_ascii_whitespace() => return None,
            _ => before = *byte,
        }
    }
    None
}

/// What stands behind the end of a string.
fn after_quote(text: &[u8], quote: u8) -> Option<&[u8]> {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            byte if *byte == quote => {
                if quote == b'\'' && text.get(at + 1) == Some(&b'\'') {
                    at += 1;
                } else {
                    return text.get(at + 1..);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A text as the grammar is to read it, in as many bytes; `None` where that is the text itself. See [`filled`] and [`joined`].
pub(crate) fn masked(text: &str) -> Option<String> {
    match filled(text) {
        Some(filled) => Some(joined(&filled).unwrap_or(filled)),
        None => joined(text),
    }
}

/// A text with strings on one line of which a later line is not indented deeper than what they belong to: parsers in use
/// take these (libyaml, and that of Go), the specification and the grammar do not. Blanks stand for the line breaks.
fn joined(text: &str) -> Option<String> {
    let is_odd = |line: &[u8], quote| line.iter().fold(false, |odd, byte| odd ^ (*byte == quote));
    let lines = || text.as_bytes().split_inclusive(|byte| *byte == b'\n');
    lines().any(|line| is_odd(line, b'"') || is_odd(line, b'\'')).then_some(())?;
    let mut unit = Unit::default();
    let (mut at, mut begun, mut column, mut is_shallow) = (0, 0, 0, false);
    let mut joins = Vec::new();
    for line in lines() {
        if unit.ends_before(line, at).is_some() {
            unit = Unit::default();
        }
        let was_open = matches!(unit.open, Open::Quote(_));
        is_shallow |= was_open && !trimmed(line).is_empty() && indent(line) <= column;
        unit.take(line, at + line.len());
        if was_open && !matches!(unit.open, Open::Quote(_)) && is_shallow {
            joins.push(begun..at);
        }
        if !was_open || !matches!(unit.open, Open::Quote(_)) {
            let content = trimmed(line);
            let marked = content.iter().take_while(|byte| matches!(byte, b'-' | b' ' | b'\t')).count();
            (begun, column, is_shallow) = (at, indent(line) + marked, false);
        }
        at += line.len();
    }
    let mut out = text.as_bytes().to_vec();
    (!joins.is_empty()).then_some(())?;
    for join in joins {
        let breaks = out.get_mut(join).into_iter().flatten().filter(|byte| matches!(byte, b'\n' | b'\r'));
        breaks.for_each(|byte| *byte = b' ');
    }
    String::from_utf8(out).ok()
}

/// A text with everything between `{{` and `}}` taken out, in as many bytes: what a template engine fills in is no YAML. Where nothing
/// else stands on a line, the line is left empty, else letters stand for it. `None` where there is nothing of that kind.
fn filled(text: &str) -> Option<String> {
    template_start(text).is_some().then_some(())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        // Lines as long as a template goes over their ends.
        let mut len = line_end(rest, 0);
        let mut holes = Vec::new();
        let mut from = 0;
        while let Some(start) = rest.get(from..len).and_then(template_start).map(|at| from + at) {
            let end = template_end(rest, start);
            holes.push(start..end);
            from = end;
            len = len.max(line_end(rest, end));
        }
        let lines = rest.get(..len).unwrap_or(rest);
        let is_between = |at: usize| !holes.iter().any(|hole| hole.contains(&at));
        let alone = lines.bytes().enumerate().all(|(at, byte)| byte.is_ascii_whitespace() || !is_between(at));
        let mut filled = false;
        for (at, c) in lines.char_indices() {
            let is_break = matches!(c, '\n' | '\r');
            if is_break || is_between(at) {
                filled |= is_break && !is_between(at);
                out.push(c);
            } else {
                // What goes on in further lines is no more than one word.
                let is_first = !filled && !lines[holes[0].start..at].contains('\n');
                let with = if alone || !is_first { " " } else { "x" };
                (0..c.len_utf8()).for_each(|_| out.push_str(with));
            }
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    Some(out)
}

/// Where the first template begins. What stands behind a `$` is an expression of GitHub Actions, which is part of a string.
pub fn template_start(text: &str) -> Option<usize> {
    let starts = text.match_indices("{{").map(|(at, _)| at);
    starts.into_iter().find(|at| !text[..*at].ends_with('$'))
}

/// Behind the line that an offset is in.
fn line_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at + 1)
}

/// Longest template, in bytes, so that one that is never closed costs no more than that.
const MAX_TEMPLATE: usize = 4 << 10;

/// Behind the template that begins at an offset; one that is never closed ends with its line.
fn template_end(text: &str, start: usize) -> usize {
    let bytes = &text.as_bytes()[start..];
    let within = &bytes[..bytes.len().min(MAX_TEMPLATE)];
    if let Some(end) = within.windows(2).position(|pair| pair == b"}}") {
        start + end + 2
    } else {
        let end = line_end(text, start);
        start + text[start..end].trim_end().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;

    fn scan(bytes: &[u8], complete: bool) -> Scan {
        scan_unit(bytes, complete, false)
    }

    fn check(units: &[&str]) {
        assert_eq!(split(scan, &units.concat()), units);
    }

    #[test]
    fn each_key_of_values_is_a_unit() {
        let scan = |bytes: &[u8], complete: bool| scan_unit(bytes, complete, true);
        let check = |units: &[&str]| assert_eq!(split(scan, &units.concat()), units);
        check(&[
            "# all\n---\n# about\nimage:\n  tag: a\n  # inside\n",
            "\n# next\nreplicas: 3\n",
            "list:\n- a\n- b\n",
            "last: {}\n# end\n",
        ]);
        check(&["note: |\n  a: b\n\n  c: d\n", "open: {a: [\n", "next: 1\n", "---\nother: 1\n"]);
        check(&["a: \"x\n  y: z\"\n", "b: &b {c: 1}\n", "items:\n  - a\n", "jobs:\n  b:\n    c: 1\n"]);
    }

    #[test]
    fn a_document_is_a_unit() {
        check(&["# about\n---\napiVersion: v1\nkind: Pod\n# end\n", "---\n# b\nkind: X\n", "--- # c\nkind: Y\n"]);
        check(&["kind: A\n...\n", "---\nkind: B\n"]);
        check(&["kind: A\r\nspec:\r\n  a: 1\r\n", "---\r\nkind: B\r\n"]);
    }

    #[test]
    fn entries_of_sections_are_units() {
        check(&[
            "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n  A:\n    Type: String\nResources: # all\n",
            "  # the first\n  Bucket:\n    Type: AWS::S3::Bucket\n    # inside\n",
            "\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n    - odd\n",
            "\nOutputs:\n  X:\n    Value: !Ref Bucket\n",
        ]);
        check(&["kind: List\nitems:\n", "- kind: A\n  x: 1\n", "- kind: B\n", "metadata: {}\n"]);
        check(&[
            "on: push\njobs:\n",
            "  a:\n    steps:\n    - run: |\n        x: {\n      # no\n",
            "  b:\n    steps: []\n",
        ]);
        check(&["services:\n", "  web: {image: a,\n    ports: [1]}\n", "  db:\n    image: b\n"]);
        check(&["- hosts: all\n  tasks: []\n", "- hosts: db\n"]);
    }

    #[test]
    fn strings_and_brackets_do_not_end_a_unit() {
        check(&["jobs:\n", "  a:\n    run: \"x\n      b: c\"\n", "  d:\n    x: it's\n", "  e: 1\n"]);
        check(&["jobs:\n", "  a: {\n  \"b\": 1,\n  \"c\": [\n]}\n", "  e: 1\n"]);
        check(&["jobs:\n", "  a:\n    - |\n      b\n\n    c: 'x: {'\n", "  e: 1\n"]);
    }

    #[test]
    fn what_is_broken_stays_inside_its_unit() {
        let next = "  next:\n    a: 1\n";
        check(&["jobs:\n", "  a:\n    x: \"open\n", next]);
        check(&["jobs:\n", "  a:\n    x: {open\n    y: [\n", next]);
        check(&["jobs:\n", "  a:\n    x: 'open\n", next]);
        check(&["a: {\n", "---\nb: 1\n"]);
    }

    #[test]
    fn collections_that_are_open_are_counted() {
        let nesting = |text: &str| match scan(text.as_bytes(), true) {
            Scan::Found(unit) => unit.nesting,
            Scan::NeedMore => panic!("complete"),
        };
        assert!(nesting(&"- ".repeat(254)) > crate::MAX_NESTING);
        assert!(nesting(&"? ".repeat(254)) > crate::MAX_NESTING);
        assert!(nesting(&format!("a: {}", "- ".repeat(254))) > crate::MAX_NESTING);
        let deeper = (0..254).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
        assert!(nesting(&deeper) > crate::MAX_NESTING);
        assert!(nesting(&"[".repeat(500)) > crate::MAX_NESTING);
        assert_eq!(nesting(&"a: 1\n".repeat(MAX_UNIT_ROWS + 1)), TOO_MANY_ROWS);
        assert!(nesting("a:\n  - b:\n    - c: [1, [2]]\n") < 12);
    }

    #[test]
    fn what_declares_nothing_is_told_by_a_few_words() {
        assert!(may_declare("apiVersion: v1\nkind: Pod\n"));
        assert!(may_declare("  Logs:\n    Type: AWS::S3::Bucket\n") && may_declare("Resources:\n"));
        assert!(may_declare("  build:\n    runs-on: x\n") && may_declare("on: push\njobs:\n"));
        assert!(!may_declare(
            "lockfileVersion: '9.0'\npackages:\n  '@types/jobs@1.0.0':\n    engines: {node: '>=10'}\n"
        ));
        assert!(!may_declare("- hosts: all\n  tasks: []\n"));
    }

    #[test]
    fn strings_that_go_on_too_far_left_are_put_on_one_line() {
        let of = |text: &str| joined(text).unwrap_or_else(|| text.to_owned());
        assert_eq!(of("a:\n  b: '[\n    1\n  ]'\n  c: 2\n"), "a:\n  b: '[     1   ]'\n  c: 2\n");
        assert_eq!(of("- a: \"x\n  y\"\n- b\n"), "- a: \"x   y\"\n- b\n");
        for same in ["a: 'x\n  y'\n", "a: it's\nb: 1\n", "a: |\n  'x\n  y\nb: 1\n", "a: 'x\nb: 1\n", "a: \"x\n"] {
            assert_eq!(joined(same), None, "{same}");
        }
    }

    #[test]
    fn templates_are_taken_out() {
        let of = |text: &str| {
            let masked = masked(text).expect("a template");
            assert_eq!(masked.len(), text.len());
            masked
        };
        assert_eq!(of("a: {{ .b }}\n"), "a: xxxxxxxx\n");
        assert_eq!(of("{{- if .x }}\na: 1\n{{- end }}\n"), format!("{}\na: 1\n{}\n", " ".repeat(12), " ".repeat(10)));
        assert_eq!(of("a: \"{{ f \"x\" }}:{{ .t }}\"\n"), "a: \"xxxxxxxxxxx:xxxxxxxx\"\n");
        assert_eq!(of("  {{ a\n  b }}\nc: 1\n"), "      \n      \nc: 1\n");
        assert_eq!(of("a: {{ b\nc: 1\n"), "a: xxxx\nc: 1\n");
        assert_eq!(of("{{ .a }}: {{ .b }}\n"), "xxxxxxxx: xxxxxxxx\n");
        assert_eq!(masked("a: 1\nb: ${{ c }}\n"), None);
    }
}
