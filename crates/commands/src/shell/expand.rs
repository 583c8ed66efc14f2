//! From the nodes of a word to what a program gets.

use super::state::{Shell, Value};
use super::walk::{At, Walk, children};
use super::word::{Stream, Word, short};
use std::ops::Range;
use tree_sitter::Node;

/// What an expansion stands for.
struct Expanded {
    text: Option<String>,
    guessed: bool,
    reason: String,
    stream: Option<Stream>,
}

/// Words in the making: an expansion outside of quotes may make several.
struct Fields {
    done: Vec<Word>,
    open: Word,
    begun: bool,
}

impl Fields {
    fn new(node: Node<'_>) -> Self {
        let open = Word { range: node.byte_range(), ..Word::default() };
        Self { done: Vec::new(), open, begun: false }
    }

    fn push(&mut self, text: &str, quoted: bool) {
        self.open.text.push_str(text);
        self.open.quoted |= quoted;
        self.begun = true;
    }

    fn expanded(&mut self, expanded: Expanded, source: &str, quoted: bool) {
        let Expanded { text, guessed, reason, stream } = expanded;
        self.open.stream = self.open.stream.take().or(stream);
        self.open.guessed |= guessed;
        let Some(text) = text else {
            self.open.unknown_from.get_or_insert(self.open.text.len());
            self.open.reason.get_or_insert(reason);
            self.push(source, quoted);
            return;
        };
        if quoted {
            self.push(&text, true);
            return;
        }
        let mut parts = text.split_whitespace();
        if let Some(first) = parts.next() {
            if text.starts_with(char::is_whitespace) {
                self.end();
            }
            self.push(first, false);
        }
        for part in parts {
            self.end();
            self.open.guessed = guessed;
            self.push(part, false);
        }
        if self.begun && text.ends_with(char::is_whitespace) {
            self.end();
        }
    }

    fn end(&mut self) {
        let next = Word { range: self.open.range.clone(), ..Word::default() };
        let word = std::mem::replace(&mut self.open, next);
        if std::mem::take(&mut self.begun) {
            self.done.push(word);
        }
    }

    fn finish(mut self) -> Vec<Word> {
        self.end();
        self.done
    }
}

impl Walk<'_> {
    /// The words that a node becomes: none or several where an expansion stands outside of quotes.
    pub(super) fn words(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Vec<Word> {
        if self.over_limit {
            return Vec::new();
        }
        let mut fields = Fields::new(node);
        self.piece(node, at, shell, &mut fields);
        let mut words = fields.finish();
        if let [word] = words.as_mut_slice()
            && word.is_known()
        {
            word.verbatim = verbatim(at.text, &word.range, &word.text);
        }
        if words.iter().any(|word| !word.quoted && word.is_known() && word.text.contains('{')) {
            words = words.into_iter().flat_map(braces).collect();
        }
        words
    }

    /// One word, however many an expansion would make of it.
    pub(super) fn joined(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Word {
        let mut words = self.words(node, at, shell).into_iter();
        let mut first = words.next().unwrap_or_else(|| Word { range: node.byte_range(), ..Word::default() });
        for word in words {
            first.text.push(' ');
            let begin = first.text.len();
            first.unknown_from = first.unknown_from.or(word.unknown_from.map(|from| begin + from));
            first.text.push_str(&word.text);
            first.reason = first.reason.or(word.reason);
        }
        first
    }

    fn piece(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, fields: &mut Fields) {
        let source = at.of(node);
        match node.kind() {
            "concatenation" | "command_name" => {
                for child in children(node) {
                    self.piece(child, at, shell, fields);
                }
            }
            // All arguments, each a word of its own.
            "string" if source.ends_with("@\"") || source.ends_with("@}\"") || source.ends_with("[@]}\"") => {
                for child in children(node) {
                    self.piece(child, at, shell, fields);
                }
            }
            "string" | "translated_string" => {
                let inside = if source.starts_with('$') { 2 } else { 1 };
                let end = node.end_byte().saturating_sub(usize::from(source.len() > inside && source.ends_with('"')));
                let word =
                    self.template(node, node.start_byte() + inside..end.max(node.start_byte() + inside), at, shell);
                if let Some(from) = word.unknown_from {
                    let begin = fields.open.text.len();
                    fields.open.unknown_from.get_or_insert(begin + from);
                    fields.open.reason = fields.open.reason.take().or(word.reason);
                }
                fields.open.guessed |= word.guessed;
                fields.push(&word.text, true);
            }
            "raw_string" => fields.push(source.trim_start_matches('\'').trim_end_matches('\''), true),
            "ansi_c_string" => {
                let inner = source.strip_prefix("$'").and_then(|text| text.strip_suffix('\'')).unwrap_or(source);
                fields.push(&ansi(inner), true);
            }
            "simple_expansion" | "expansion" | "command_substitution" | "process_substitution" => {
                let expanded = self.expansion(node, at, shell);
                fields.expanded(expanded, source, false);
            }
            "arithmetic_expansion" => {
                self.substitutions(node, at, shell);
                let expanded = Expanded {
                    text: None,
                    guessed: false,
                    reason: "the result of arithmetic".to_owned(),
                    stream: None,
                };
                fields.expanded(expanded, source, false);
            }
            _ => {
                if node.named_child_count() > 0 {
                    self.substitutions(node, at, shell);
                }
                fields.push(&unescaped(source), source.contains('\\'));
            }
        }
    }

    /// A text with expansions in it, such as a string in double quotes: everything that is no expansion is taken as written.
    pub(super) fn template(&mut self, node: Node<'_>, range: Range<usize>, at: At<'_>, shell: &mut Shell) -> Word {
        let mut word = Word { range: node.byte_range(), quoted: true, ..Word::default() };
        let mut next = range.start;
        for child in children(node) {
            if !child.kind().contains("expansion") && !child.kind().contains("substitution") {
                continue;
            }
            word.text.push_str(&in_quotes(at.text.get(next..child.start_byte()).unwrap_or_default()));
            next = child.end_byte();
            let expanded = if child.kind() == "arithmetic_expansion" {
                self.substitutions(child, at, shell);
                Expanded { text: None, guessed: false, reason: "the result of arithmetic".to_owned(), stream: None }
            } else {
                self.expansion(child, at, shell)
            };
            word.guessed |= expanded.guessed;
            if let Some(text) = expanded.text {
                word.text.push_str(&text);
            } else {
                word.unknown_from.get_or_insert(word.text.len());
                word.reason.get_or_insert(expanded.reason);
                word.text.push_str(at.of(child));
            }
        }
        word.text.push_str(&in_quotes(at.text.get(next..range.end).unwrap_or_default()));
        word
    }

    fn expansion(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Expanded {
        let expanded = self.expansion_inside(node, at, shell);
        let bytes = expanded.text.as_ref().map_or(0, String::len);
        if self.over_limit || !self.expand(bytes, at.origin) {
            return Expanded { text: None, stream: None, ..expanded };
        }
        expanded
    }

    fn expansion_inside(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Expanded {
        match node.kind() {
            "command_substitution" | "process_substitution" => {
                let mut inner = shell.clone();
                let out = self.block(node, at, &mut inner, &Stream::Nothing);
                let reason =
                    format!("what `{}` prints", short(at.of(node).trim_matches(['$', '(', ')', '<', '>', '`'])));
                if node.kind() == "process_substitution" {
                    let stream = Some(match out {
                        Stream::Nothing => Stream::Unknown(reason.clone()),
                        out => out,
                    });
                    return Expanded { text: None, guessed: false, reason, stream };
                }
                let text = match out {
                    Stream::Text(text) => Some(text.trim_end_matches('\n').to_owned()),
                    Stream::Nothing | Stream::Unknown(_) => None,
                };
                Expanded { text, guessed: false, reason, stream: None }
            }
            _ => self.variable(node, at, shell),
        }
    }

    fn variable(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Expanded {
        let source = at.of(node);
        let inner = source.trim_start_matches('$').trim_start_matches('{').trim_end_matches('}');
        let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, rest) = if end == 0 {
            let one = inner.chars().next().map_or(0, char::len_utf8);
            inner.split_at(one)
        } else {
            inner.split_at(end)
        };
        let found = self.lookup(name, shell);
        let rest = rest.strip_prefix("[@]").or_else(|| rest.strip_prefix("[*]")).unwrap_or(rest);
        let (text, guessed) = match (found, rest) {
            (Some(Value::Known(text)), "") => (Some(text.to_string()), false),
            (Some(Value::Known(text)), rest) if matches!(name, "@" | "*") => {
                // `${@:2}`: from the second on.
                let from = rest.strip_prefix(':').and_then(|from| from.parse::<usize>().ok());
                let part = from.map(|from| text.split(' ').skip(from.saturating_sub(1)).collect::<Vec<_>>().join(" "));
                (part, false)
            }
            (Some(Value::Known(text)), rest) if rest.starts_with([':', '-', '?']) && !rest.starts_with(":+") => {
                // `${x:1:2}` is a part of it.
                let part = rest.strip_prefix(':').is_some_and(|rest| !rest.starts_with(['-', '?', '=']));
                ((!part).then(|| text.to_string()), false)
            }
            (None, rest) if rest.starts_with(":-") || rest.starts_with(":=") || rest.starts_with('-') => {
                let default = node.named_children(&mut node.walk()).skip(1).last();
                match default {
                    Some(default) => {
                        let word = self.joined(default, at, shell);
                        (word.known().map(str::to_owned), true)
                    }
                    None => (None, false),
                }
            }
            _ => {
                self.substitutions(node, at, shell);
                (None, false)
            }
        };
        Expanded { text, guessed, reason: format!("what `{}` stands for", short(source)), stream: None }
    }

    /// The value of a variable; `None` where it has never been heard of.
    pub(crate) fn lookup(&self, name: &str, shell: &Shell) -> Option<Value> {
        if let Some(value) = shell.variables.get(name) {
            return Some(value.clone());
        }
        if let Some(arguments) = &shell.arguments {
            if matches!(name, "@" | "*") {
                return Some(Value::Known(arguments.get(1..).unwrap_or_default().join(" ").into()));
            }
            if name == "#" {
                return Some(Value::Known(arguments.len().saturating_sub(1).to_string().into()));
            }
            if let Ok(index) = name.parse::<usize>() {
                return arguments.get(index).map(|text| Value::Known(text.as_str().into()));
            }
        }
        match name {
            "HOME" => return Some(Value::Known("~".into())),
            "PWD" => {
                return shell
                    .folder
                    .as_deref()
                    .map(|folder| Value::Known(if folder.is_empty() { "." } else { folder }.into()));
            }
            "TMPDIR" => return Some(Value::Known("/tmp".into())),
            _ => {}
        }
        if shell.remote || shell.container {
            return None;
        }
        self.context.environment.get(name).map(|text| Value::Known(text.as_str().into()))
    }

    /// Runs what stands in `$(…)` anywhere below a node.
    pub(super) fn substitutions(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) {
        let mut cursor = node.walk();
        let mut deeper = cursor.goto_first_child();
        while deeper {
            let child = cursor.node();
            let found = matches!(child.kind(), "command_substitution" | "process_substitution");
            if found {
                let mut inner = shell.clone();
                self.statement_block(child, at, &mut inner);
            }
            deeper = (!found && cursor.goto_first_child()) || cursor.goto_next_sibling();
            while !deeper && cursor.goto_parent() {
                if cursor.node().id() == node.id() {
                    return;
                }
                deeper = cursor.goto_next_sibling();
            }
        }
    }

    fn statement_block(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) {
        for child in children(node) {
            self.statement(child, at, shell, &Stream::Nothing);
        }
    }
}

/// Where a word's text stands in the source as it is.
fn verbatim(source: &str, range: &Range<usize>, text: &str) -> Option<usize> {
    let written = source.get(range.clone())?;
    let quote = usize::from(written.starts_with(['\'', '"']));
    written.get(quote..)?.starts_with(text).then_some(range.start + quote)
}

/// `a{b,c}d` as the two words that a shell makes of it.
fn braces(word: Word) -> Vec<Word> {
    let parts = word.text.split_once('{').and_then(|(begin, rest)| {
        let (inside, end) = rest.split_once('}')?;
        (inside.contains(',') && !inside.contains(['{', '"', ':'])).then_some((begin, inside, end))
    });
    let Some((begin, inside, end)) = parts else { return vec![word] };
    let one = |part: &str| Word { text: format!("{begin}{part}{end}"), verbatim: None, ..word.clone() };
    inside.split(',').map(one).collect()
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().filter(|next| *next != '\n')),
            c => out.push(c),
        }
    }
    out
}

fn in_quotes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('$' | '`' | '"' | '\\') => out.extend(chars.next()),
            Some('\n') => {
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

fn ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('x') => {
                let digits: String = chars.clone().take(2).take_while(char::is_ascii_hexdigit).collect();
                out.extend(u8::from_str_radix(&digits, 16).ok().map(char::from));
                for _ in 0..digits.len() {
                    chars.next();
                }
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
