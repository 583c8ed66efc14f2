//! Completion and hover in a `countersign.toml`. Everything that is said comes from the schema of the code that reads the file.

mod place;
mod schema;

use super::client::Features;
use super::features::{to_bytes, to_range};
use crate::own_risks;
use countersign_policy::{AREAS, CONFIG_FILE, Catalogue, Config, ConfigProblem, Wrong, read_own_risk};
use countersign_text::Text;
use place::{At, Place, place};
use schema::Node;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range as ByteRange;
use std::path::Path;
use std::sync::Arc;
use tower_lsp::ls_types::*;

/// Largest file in which is helped, in bytes; nobody writes a larger one by hand.
const MAX_BYTES: usize = 1 << 20;

/// What is typed where something can be chosen.
pub(super) const TRIGGERS: [&str; 4] = ["[", "\"", ".", "="];

/// A file that says what holds, open as it is now: a `countersign.toml`, or a risk of a repository's own.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) which: Which,
    pub(super) text: Text,
    pub(super) version: i32,
    pub(super) features: Features,
}

/// Which of them it is.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// A `countersign.toml`, with the risks that it may name once these were read.
    Config(Option<Arc<Catalogue>>),
    /// A risk, by the id that the file's name says.
    Risk(String),
}

impl Which {
    /// What a file is; `None` for one that says nothing of the kind.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.file_name().is_some_and(|name| name == CONFIG_FILE) {
            return Some(Self::Config(None));
        }
        own_risks::is_of_risk(path).then(|| Self::Risk(own_risks::id_of(path)))
    }

    fn catalogue(&self) -> Option<&Arc<Catalogue>> {
        match self {
            Self::Config(catalogue) => catalogue.as_ref(),
            Self::Risk(_) => None,
        }
    }

    /// Takes the risks that are looked for where the file stands.
    pub(super) fn set(&mut self, catalogue: &Arc<Catalogue>) {
        if let Self::Config(known) = self {
            *known = Some(Arc::clone(catalogue));
        }
    }
}

impl Settings {
    /// What is wrong with it.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let text = self.text.to_string();
        let problems = match &self.which {
            Which::Config(catalogue) => {
                let of_risks = catalogue.iter().flat_map(|catalogue| Config::problems_of_risks(&text, catalogue));
                Config::read(&text).1.into_iter().chain(of_risks).collect()
            }
            Which::Risk(id) => match read_own_risk(&text, id) {
                Ok(_) => Vec::new(),
                Err(Wrong { range, message }) => vec![ConfigProblem { range, message }],
            },
        };
        let diagnostic = |problem: ConfigProblem| Diagnostic {
            range: to_range(&self.text, self.features.encoding, &problem.range),
            severity: Some(DiagnosticSeverity::ERROR),
            source: Some("countersign".to_owned()),
            message: problem.message,
            ..Diagnostic::default()
        };
        problems.into_iter().map(diagnostic).collect()
    }

    fn place(&self, position: Position) -> Option<(String, Place)> {
        if self.text.len() > MAX_BYTES || !matches!(self.which, Which::Config(_)) {
            return None;
        }
        let offset = to_bytes(&self.text, self.features.encoding, &Range { start: position, end: position }).start;
        let text = self.text.to_string();
        let place = place(&text, offset)?;
        Some((text, place))
    }

    /// What can stand at a place.
    pub(super) fn completion(&self, position: Position) -> Option<CompletionResponse> {
        let (text, place) = self.place(position)?;
        let offers = match place.at {
            At::Header => headers(),
            At::Key { begins_line } => keys(&text, &place, begins_line),
            At::Value { in_list, quoted } => values(&text, &place, (in_list, quoted), self.which.catalogue()),
        };
        let item = |offer: Offer| self.item(&place.word, offer);
        (!offers.is_empty()).then(|| CompletionResponse::Array(offers.into_iter().map(item).collect()))
    }

    fn item(&self, word: &ByteRange<usize>, offer: Offer) -> CompletionItem {
        let range = to_range(&self.text, self.features.encoding, word);
        let documentation =
            offer.documentation.map(|value| Documentation::MarkupContent(MarkupContent { kind: self.markup(), value }));
        CompletionItem {
            label: offer.label,
            kind: Some(offer.kind),
            detail: offer.detail,
            documentation,
            filter_text: Some(offer.filter),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: offer.text })),
            ..CompletionItem::default()
        }
    }

    fn markup(&self) -> MarkupKind {
        if self.features.markdown_hover { MarkupKind::Markdown } else { MarkupKind::PlainText }
    }

    /// What is said of a key or value.
    pub(super) fn hover(&self, position: Position) -> Option<Hover> {
        let (text, Place { mut path, at, word }) = self.place(position)?;
        let name = text.get(word.clone()).filter(|name| !name.is_empty())?;
        if let At::Key { .. } = at {
            path.push(name.to_owned());
        }
        let node = Node::at(&path).filter(|_| !path.is_empty())?;
        let meaning = || {
            let is_it = |value: &str| value.trim_matches('"') == name;
            node.values().find(|(value, _)| is_it(value)).and_then(|(value, meaning)| Some((value, meaning?)))
        };
        let value = match at {
            At::Value { .. } => meaning().map(|(value, meaning)| format!("`{value}`: {meaning}\n\n")),
            _ => None,
        };
        let contents = MarkupContent { kind: self.markup(), value: value.unwrap_or_default() + &about(&path, node) };
        let range = Some(to_range(&self.text, self.features.encoding, &word));
        Some(Hover { contents: HoverContents::Markup(contents), range })
    }
}

/// The page of a key.
fn about(path: &[String], node: Node) -> String {
    let mut page = format!("`{}`: {}", path.join("."), node.kind());
    if let Some(default) = node.default() {
        let _ = write!(page, ", by default `{default}`");
    }
    page.push('.');
    if let Some(text) = node.documentation() {
        let _ = write!(page, "\n\n{text}");
    }
    let values: Vec<_> = node.values().collect();
    if values.iter().any(|(_, meaning)| meaning.is_some()) {
        page.push('\n');
        for (value, meaning) in values {
            let _ = write!(page, "\n- `{value}`{}", meaning.map(|text| format!(": {text}")).unwrap_or_default());
        }
    } else if !values.is_empty() {
        let names: Vec<_> = values.iter().map(|(value, _)| format!("`{value}`")).collect();
        let _ = write!(page, "\n\nOne of {}.", names.join(", "));
    }
    page
}

/// Something that can stand there.
struct Offer {
    label: String,
    kind: CompletionItemKind,
    /// What it is, in short.
    detail: Option<String>,
    documentation: Option<String>,
    /// What is compared with what was typed.
    filter: String,
    text: String,
}

/// The headers of all tables.
fn headers() -> Vec<Offer> {
    fn collect(outside: &str, node: Node, offers: &mut Vec<Offer>) {
        for (name, inner) in node.keys().filter(|(_, inner)| inner.is_table()) {
            let name = if outside.is_empty() { name.to_owned() } else { format!("{outside}.{name}") };
            let header = if inner.is_list() { format!("[[{name}]]") } else { format!("[{name}]") };
            offers.push(Offer {
                label: header.clone(),
                kind: CompletionItemKind::MODULE,
                detail: Some(inner.kind().to_owned()),
                documentation: inner.documentation().map(str::to_owned),
                filter: header.clone(),
                text: header,
            });
            if !inner.is_list() {
                collect(&name, inner, offers);
            }
        }
    }
    let mut offers = Vec::new();
    collect("", Node::root(), &mut offers);
    offers
}

/// The keys of the table that a place is in, but for those that are there, and at the beginning of a line the other tables.
fn keys(text: &str, place: &Place, begins_line: bool) -> Vec<Offer> {
    let there = if begins_line { keys_around(text, place.word.start) } else { BTreeSet::new() };
    let word = text.get(place.word.clone()).unwrap_or_default();
    let rest = text.get(place.word.end..).unwrap_or_default().trim_start_matches([' ', '\t']);
    let has_value = rest.starts_with(['=', '.']);
    let node = Node::at(&place.path).filter(|_| !place.path.is_empty());
    let missing = |(name, _): &(&str, Node)| *name == word || !there.contains(*name);
    let offer = |(name, inner): (&str, Node)| Offer {
        label: name.to_owned(),
        kind: CompletionItemKind::PROPERTY,
        detail: Some(
            inner
                .default()
                .map_or_else(|| inner.kind().to_owned(), |default| format!("{}, by default {default}", inner.kind())),
        ),
        documentation: Some(about(&[place.path.as_slice(), &[name.to_owned()]].concat(), inner)),
        filter: name.to_owned(),
        text: match (has_value, inner.is_table()) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name}."),
            (false, false) => format!("{name} = "),
        },
    };
    let mut offers: Vec<_> =
        node.into_iter().flat_map(|node| node.keys().filter(missing).map(offer).collect::<Vec<_>>()).collect();
    if begins_line && !has_value {
        offers.extend(headers());
    }
    offers
}

/// The first parts of the keys of the table that a place is in.
fn keys_around(text: &str, offset: usize) -> BTreeSet<&str> {
    let is_header = |line: &&str| line.starts_with('[');
    let before = text.get(..offset).unwrap_or_default().rsplit('\n').take_while(|line| !is_header(line));
    let after = text.get(offset..).unwrap_or_default().split('\n').skip(1).take_while(|line| !is_header(line));
    let key = |line: &'_ str| -> Option<usize> {
        let (key, _) = line.split_once(['=', '.'])?;
        Some(key.trim_end().len())
    };
    before.chain(after).filter_map(|line| line.get(..key(line)?)).map(str::trim).collect()
}

/// The values that may stand at a place.
fn values(
    text: &str,
    place: &Place,
    (in_list, quoted): (bool, bool),
    catalogue: Option<&Arc<Catalogue>>,
) -> Vec<Offer> {
    let Some(node) = Node::at(&place.path).filter(|node| !node.is_table()) else { return Vec::new() };
    let mut values: Vec<(String, Option<&str>)> = node.values().collect();
    if values.is_empty() && node.is_text() {
        let of_key = place.path.last().map(String::as_str).unwrap_or_default();
        let catalogue = catalogue.unwrap_or(Catalogue::built_in());
        values.extend(named_elsewhere(text, of_key, catalogue).into_iter().map(|value| (format!("\"{value}\""), None)));
    }
    let default = node.default().filter(|_| values.is_empty() && !in_list && !quoted);
    values.extend(default.map(|value| (value, Some("What holds where nothing is written."))));
    let is_text = |value: &str| value.starts_with('"');
    let offer = |(value, meaning): (String, Option<&str>)| {
        let bare = value.trim_matches('"').to_owned();
        let text = match (quoted, node.is_list() && !in_list && !value.starts_with('[')) {
            (true, _) => bare.clone(),
            (false, true) => format!("[{value}]"),
            (false, false) => value,
        };
        Offer {
            label: bare.clone(),
            kind: CompletionItemKind::ENUM_MEMBER,
            detail: None,
            documentation: meaning.map(str::to_owned),
            filter: bare,
            text,
        }
    };
    values.into_iter().filter(|(value, _)| !quoted || is_text(value)).map(offer).collect()
}

/// The levels that a text names. It is read table by table, for another one may be half-typed.
fn levels(text: &str) -> Vec<String> {
    let people = text.split("\n[").find(|table| table.trim_start_matches('[').starts_with("people]"));
    Config::read(&people.map(|table| format!("[{}", table.trim_start_matches('['))).unwrap_or_default()).0.people.levels
}

/// Values of a key that no type lists: levels, as the file itself has them, risks and their areas, and the kinds that the catalogue
/// knows.
fn named_elsewhere(text: &str, key: &str, catalogue: &Catalogue) -> BTreeSet<String> {
    match key {
        "id" => catalogue.documents().iter().map(|document| document.risk.id.to_string()).collect(),
        "area" => AREAS.iter().map(ToString::to_string).collect(),
        "level" | "author" => levels(text).into_iter().collect(),
        "kinds" | "type" => {
            let risks = catalogue.documents().iter();
            let kinds = risks.flat_map(|document| &document.risk.bindings).flat_map(|binding| &binding.kinds);
            kinds.filter(|kind| !kind.contains('*')).cloned().collect()
        }
        _ => BTreeSet::new(),
    }
}
