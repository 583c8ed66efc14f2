//! YAML: from a unit's tree to the values that it holds, as expressions. What they mean is for the adapters of the formats.
//!
//! Scalars are read as YAML 1.2's core schema has them. Aliases and merge keys are resolved within the unit, up to a limit. What
//! stands between `{{` and `}}` is no YAML: a scalar that holds some is a template, and a mapping into which a line of it may put
//! keys is open.

use crate::terraform::lower::{interned, number};
use crate::terraform::syntax::{Element, Expr, ExprKind, Part, Span, Template, short};
use countersign_grammars::template_start;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use tree_sitter::{Node, Tree};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 120;

/// Values that aliases of one unit stand for, altogether.
const MAX_ALIASED: usize = 10_000;

/// Makes a value of a tag and what it is on; `None` where the tag means nothing special.
pub(crate) type Tags<'t> = &'t dyn Fn(&str, Expr) -> Expr;

/// The values of a unit's documents, in order of the text.
pub(crate) fn documents(source: &str, tree: &Tree, tags: Tags<'_>) -> Vec<Expr> {
    let mut reader = Reader { source, tags, anchors: HashMap::new(), aliased: 0, holes: holes(source) };
    let mut documents = Vec::new();
    let mut found = vec![tree.root_node()];
    while let Some(node) = found.pop() {
        let mut inner: Vec<_> = children(node).collect();
        inner.reverse();
        match kind(&node) {
            "stream" | "document" | "ERROR" => found.extend(inner),
            "block_node" | "flow_node" => documents.push(reader.value(node, source.len(), 0)),
            // What is left of a broken mapping.
            "block_mapping_pair" => documents.push(reader.pairs(node.byte_range(), &[node], source.len(), true, 0)),
            _ => {}
        }
    }
    documents
}

/// A line on which nothing stands but a template that may put anything there.
struct Hole {
    at: usize,
    /// The column in which its first line comes to stand, where that is known.
    column: Option<usize>,
}

/// Words that templates begin with that put nothing in their place.
const SILENT: [&str; 9] = ["if", "else", "end", "range", "with", "define", "block", "/*", "$"];

/// The lines of a text that hold templates alone, but for those that put nothing there.
fn holes(source: &str) -> Vec<Hole> {
    let mut holes = Vec::new();
    if template_start(source).is_none() {
        return holes;
    }
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let inside = line.trim();
        if let Some(first) = inside.strip_prefix("{{") {
            let word = first.trim_start_matches('-').trim_start();
            let is_silent = SILENT.iter().any(|silent| word.starts_with(silent));
            let is_alone = inside.rfind("}}").is_none_or(|end| end + 2 == inside.len());
            if !is_silent && is_alone {
                let column = ["nindent ", "indent "].iter().find_map(|name| {
                    let (_, rest) = inside.split_once(name)?;
                    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
                });
                holes.push(Hole { at, column });
            }
        }
        at += line.len();
    }
    holes
}

struct Reader<'a> {
    source: &'a str,
    tags: Tags<'a>,
    anchors: HashMap<&'a str, Expr>,
    aliased: usize,
    holes: Vec<Hole>,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    /// A `block_node` or `flow_node`. What follows it begins at `until`.
    fn value(&mut self, node: Node<'_>, until: usize, depth: usize) -> Expr {
        let (mut tag, mut anchor) = (None, None);
        let mut value = Expr { range: node.byte_range().into(), kind: ExprKind::Null };
        for child in children(node) {
            match kind(&child) {
                "tag" => tag = Some(self.text(child)),
                "anchor" => anchor = self.text(child).strip_prefix('&'),
                _ if depth > MAX_DEPTH => value = unreadable(child.byte_range()),
                _ => value = self.content(child, until, depth + 1),
            }
        }
        if let Some(tag) = tag {
            value = match tag {
                "!!str" | "!" => Expr { kind: literal(self.source, value.range.range()), range: value.range },
                tag if tag.starts_with("!!") => value,
                tag => (self.tags)(tag, Expr { range: node.byte_range().into(), ..value }),
            };
        }
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, value.clone());
        }
        value
    }

    fn content(&mut self, node: Node<'_>, until: usize, depth: usize) -> Expr {
        let range = node.byte_range();
        let kind = match kind(&node) {
            "block_mapping" | "flow_mapping" => {
                let pairs: Vec<_> = children(node).collect();
                return self.pairs(range, &pairs, until, node.has_error(), depth);
            }
            "block_sequence" | "flow_sequence" => {
                let items: Vec<_> = children(node).collect();
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let until = items.get(index + 1).map_or(until, Node::start_byte);
                    values.push(match self::kind(item) {
                        "block_sequence_item" => match children(*item).next() {
                            Some(value) => self.value(value, until, depth),
                            None => self.nothing(item.byte_range(), until),
                        },
                        "flow_pair" => self.pairs(item.byte_range(), &[*item], until, false, depth),
                        "flow_node" => self.value(*item, until, depth),
                        _ => unreadable(item.byte_range()),
                    });
                }
                if self.hole(range.start..until, Some(column(self.source, range.start))) {
                    // There may be more of them.
                    return unreadable(range);
                }
                ExprKind::List(values.into())
            }
            "alias" => {
                let known = self.text(node).strip_prefix('*').and_then(|name| self.anchors.get(name));
                let Some(known) = known.cloned() else { return unreadable(range) };
                self.aliased += size(&known);
                return if self.aliased > MAX_ALIASED { unreadable(range) } else { known };
            }
            _ if node.has_error() => ExprKind::Unreadable,
            "block_scalar" => block_scalar(self.source, range.clone()),
            "double_quote_scalar" => self.quoted(range.clone(), b'"'),
            "single_quote_scalar" => self.quoted(range.clone(), b'\''),
            "plain_scalar" => self.plain(node),
            _ => ExprKind::Unreadable,
        };
        Expr { range: range.into(), kind }
    }

    /// The pairs of a mapping.
    fn pairs(&mut self, range: Range<usize>, pairs: &[Node<'_>], until: usize, broken: bool, depth: usize) -> Expr {
        let mut elements = Vec::with_capacity(pairs.len());
        let mut merged = Vec::new();
        let mut open = broken && pairs.iter().any(|pair| kind(pair) == "ERROR");
        for (index, pair) in pairs.iter().enumerate() {
            let until = pairs.get(index + 1).map_or(until, Node::start_byte);
            // `{a}` is `{a: null}`.
            let is_pair = matches!(kind(pair), "block_mapping_pair" | "flow_pair");
            let key = if is_pair { pair.child_by_field_name("key") } else { Some(*pair) };
            let Some(key) = key.filter(|_| kind(pair) != "ERROR") else {
                open = true;
                continue;
            };
            let key = self.value(key, key.end_byte(), depth);
            let value = pair.child_by_field_name("value").filter(|_| is_pair);
            let mut value = match value {
                Some(value) => self.value(value, until, depth),
                None => self.nothing(pair.end_byte()..pair.end_byte(), until),
            };
            if matches!(value.kind, ExprKind::Null) && self.hole(value.range.end()..until, None) {
                value.kind = ExprKind::Unreadable;
            }
            if matches!(&key.kind, ExprKind::Template(key) if matches!(&*key.parts, [Part::Text { text, .. }] if &**text == "<<"))
            {
                merged.push(value);
                continue;
            }
            elements.push(Element { range: pair.byte_range().into(), key: as_key(self.source, key), value });
        }
        for value in merged {
            open |= merge(&mut elements, value);
        }
        open |= self.hole(range.start..until, Some(column(self.source, range.start)));
        Expr { range: range.into(), kind: ExprKind::Object { elements: elements.into(), open } }
    }

    /// Where no value is written.
    fn nothing(&self, range: Range<usize>, until: usize) -> Expr {
        let is_filled = self.hole(range.end..until, None);
        Expr { kind: if is_filled { ExprKind::Unreadable } else { ExprKind::Null }, range: range.into() }
    }

    /// Whether a template may put something into a range, in a column or where its column is not known.
    fn hole(&self, range: Range<usize>, column: Option<usize>) -> bool {
        let from = self.holes.partition_point(|hole| hole.at < range.start);
        let mut within = self.holes.iter().skip(from).take_while(|hole| hole.at < range.end);
        within.any(|hole| column.is_none() || hole.column.is_none() || hole.column == column)
    }

    fn plain(&self, node: Node<'_>) -> ExprKind {
        let text = self.text(node);
        if template_start(text).is_some() {
            return templated(text, node.start_byte(), false);
        }
        let inner = children(node).next();
        match inner.as_ref().map(kind) {
            Some("null_scalar") => ExprKind::Null,
            Some("boolean_scalar") => ExprKind::Bool(text.eq_ignore_ascii_case("true")),
            Some("integer_scalar" | "float_scalar") if is_decimal(text) => number(text),
            _ => literal(self.source, node.byte_range()),
        }
    }

    fn quoted(&self, range: Range<usize>, quote: u8) -> ExprKind {
        let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
        let Some(text) = self.source.get(inside.clone()) else { return ExprKind::Unreadable };
        if template_start(text).is_some() {
            return templated(text, inside.start, false);
        }
        let is_simple = !text.contains(['\n', '\\']) || (quote == b'\'' && !text.contains('\n'));
        let unescaped = match quote {
            b'\'' => text.replace("''", "'"),
            _ if is_simple => text.to_owned(),
            _ => match unescape(text) {
                Some(unescaped) => unescaped,
                None => return ExprKind::Unreadable,
            },
        };
        let unescaped = if is_simple || quote == b'"' { unescaped } else { folded(&unescaped) };
        string(&unescaped, unescaped == text, inside)
    }
}

/// Whether a number is written as people write it; what begins with a zero is octal to some and a string to others.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."))
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'))
}

/// A plain scalar as a string.
fn literal(source: &str, range: Range<usize>) -> ExprKind {
    let text = source.get(range.clone()).unwrap_or_default();
    if text.contains('\n') { string(&folded(text), false, range) } else { string(text, true, range) }
}

fn string(text: &str, verbatim: bool, content: Range<usize>) -> ExprKind {
    let parts = if text.is_empty() { Box::default() } else { [Part::Text { text: interned(text), verbatim }].into() };
    ExprKind::Template(Template { parts, content: content.into(), heredoc: false })
}

/// A scalar with templates in it.
fn templated(text: &str, at: usize, heredoc: bool) -> ExprKind {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut start = at;
    while let Some(from) = template_start(rest) {
        if from > 0 {
            parts.push(Part::Text { text: interned(&rest[..from]), verbatim: true });
        }
        let end = rest[from..].find("}}").map_or(rest.len(), |end| from + end + 2);
        let inside = rest[from..end].trim_matches(['{', '}', '-', ' ', '\t']);
        let name: String = inside.chars().take(MAX_TEMPLATE_NAME).collect();
        let range = start + from..start + end;
        let expr = Expr { range: range.into(), kind: ExprKind::Variable(interned(&name)) };
        parts.push(Part::Interpolation(Box::new(expr)));
        start += end;
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text { text: interned(rest), verbatim: true });
    }
    ExprKind::Template(Template { parts: parts.into(), content: (at..at + text.len()).into(), heredoc })
}

/// Longest name by which a template is told, in characters.
pub(crate) const MAX_TEMPLATE_NAME: usize = 100;

/// Several lines as one: a line break is a space, empty lines are line breaks.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for (index, line) in text.lines().enumerate() {
        let line = if index == 0 { line.trim_end() } else { line.trim() };
        if index > 0 && line.is_empty() {
            empty += 1;
            continue;
        }
        if index > 0 {
            if empty == 0 {
                out.push(' ');
            }
            out.extend(std::iter::repeat_n('\n', empty));
        }
        empty = 0;
        out.push_str(line);
    }
    out
}

/// `|` and `>`, with their lines.
fn block_scalar(source: &str, range: Range<usize>) -> ExprKind {
    let Some(all) = source.get(range.clone()) else { return ExprKind::Unreadable };
    let (header, lines) = all.split_once('\n').unwrap_or((all, ""));
    let start = range.start + header.len() + 1;
    let content = start.min(range.end)..range.end;
    if template_start(lines).is_some() {
        return templated(lines, content.start, true);
    }
    let indicators = header.split('#').next().unwrap_or_default().trim();
    let is_folded = indicators.starts_with('>');
    let width = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let indent = lines.lines().find(|line| !line.trim().is_empty()).map_or(0, width);
    let mut text = String::with_capacity(lines.len());
    for line in lines.lines() {
        text.push_str(line.get(indent..).unwrap_or_default());
        text.push('\n');
    }
    let body = text.trim_end_matches('\n');
    let mut text = if is_folded { folded(body) } else { body.to_owned() };
    if !indicators.contains('-') && !text.is_empty() {
        text.push('\n');
    }
    let parts = [Part::Text { text: text.into(), verbatim: !is_folded }];
    ExprKind::Template(Template { parts: parts.into(), content: content.into(), heredoc: true })
}

/// The characters of a string in double quotes; `None` where an escape is none.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('\\');
    let first = pieces.next()?;
    out.push_str(&if first.contains('\n') { folded(first) } else { first.to_owned() });
    let mut plain = false;
    for piece in pieces {
        if std::mem::take(&mut plain) {
            out.push_str(piece);
            continue;
        }
        let Some(escape) = piece.chars().next() else {
            out.push('\\');
            plain = true;
            continue;
        };
        let rest = &piece[escape.len_utf8()..];
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let rest = if digits > 0 {
            out.push(char::from_u32(u32::from_str_radix(rest.get(..digits)?, 16).ok()?)?);
            rest.get(digits..)?
        } else if escape == '\n' {
            rest.trim_start()
        } else {
            out.push(match escape {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'v' => '\u{b}',
                'f' => '\u{c}',
                'e' => '\u{1b}',
                'N' => '\u{85}',
                '_' => '\u{a0}',
                'L' => '\u{2028}',
                'P' => '\u{2029}',
                '"' | '/' | ' ' | '\t' => escape,
                _ => return None,
            });
            rest
        };
        out.push_str(&if rest.contains('\n') { folded(rest) } else { rest.to_owned() });
    }
    Some(out)
}

/// A key, which is a string whatever it looks like: `on`, `80`.
fn as_key(source: &str, key: Expr) -> Expr {
    match key.kind {
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) => {
            Expr { kind: literal(source, key.range.range()), range: key.range }
        }
        _ => key,
    }
}

/// Adds what a merge key stands for. Returns whether that is not known in full.
fn merge(elements: &mut Vec<Element>, value: Expr) -> bool {
    match value.kind {
        ExprKind::Object { elements: merged, open } => {
            for element in merged {
                let name = crate::terraform::text_of(&element.key).map(str::to_owned);
                let is_known = |known: &Element| crate::terraform::text_of(&known.key) == name.as_deref();
                if name.is_none() || !elements.iter().any(is_known) {
                    elements.push(element);
                }
            }
            open
        }
        ExprKind::List(values) => values.into_iter().fold(false, |open, value| merge(elements, value) | open),
        _ => true,
    }
}

/// How many values an expression is made of.
fn size(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::List(values) => 1 + values.iter().map(size).sum::<usize>(),
        ExprKind::Object { elements, .. } => 1 + elements.iter().map(|element| size(&element.value)).sum::<usize>(),
        _ => 1,
    }
}

/// The column of an offset, in bytes.
fn column(source: &str, at: usize) -> usize {
    source.get(..at).map_or(0, |before| at - before.rfind('\n').map_or(0, |start| start + 1))
}

fn unreadable(range: Range<usize>) -> Expr {
    Expr { range: range.into(), kind: ExprKind::Unreadable }
}

/// The kind of a node. The node itself would read a C string to its end each time.
fn kind(node: &Node<'_>) -> &'static str {
    static KINDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    crate::terraform::lower::kind_in(&KINDS, node)
}

/// Named children without comments.
fn children(node: Node<'_>) -> std::vec::IntoIter<Node<'_>> {
    let mut cursor = node.walk();
    let children: Vec<_> = node.named_children(&mut cursor).filter(|child| kind(child) != "comment").collect();
    children.into_iter()
}

/// The name of an element whose key is written out.
pub(crate) fn name(element: &Element) -> Option<&str> {
    crate::terraform::text_of(&element.key)
}

/// Where the last entry ends of those that are written in a mapping, and not merged into it from elsewhere.
pub(crate) fn last(value: &Expr) -> Option<u32> {
    let ExprKind::Object { elements, .. } = &value.kind else { return None };
    let is_inside = |range: &Span| value.range.start() <= range.start() && range.end() <= value.range.end();
    elements.iter().map(|element| element.range).filter(is_inside).map(|range| short(range.end())).max()
}

/// The value of a key of a mapping.
pub(crate) fn get<'e>(expr: &'e Expr, key: &str) -> Option<&'e Expr> {
    let ExprKind::Object { elements, .. } = &expr.kind else { return None };
    elements.iter().find(|element| name(element) == Some(key)).map(|element| &element.value)
}

/// The string that a key of a mapping has, where it is written out.
pub(crate) fn text<'e>(expr: &'e Expr, key: &str) -> Option<&'e str> {
    crate::terraform::text_of(get(expr, key)?)
}

/// A name that is shared.
pub(crate) fn shared(text: &str) -> Arc<str> {
    interned(text)
}
