//! What is worked out about one unit, once for each text of it.

use crate::derive::{Derived, ToldBy};
use crate::peers::{Peer, peers};
use countersign_grammars::Language;
use countersign_infra::may_declare;
use countersign_infra::terraform::{Lowered, failure, lower, lower_tokens, unread};
use countersign_policy::{Suppression, may_hold_peer, may_hold_suppression, read_suppression};
use countersign_provenance::{Tag, may_hold_tag, read_tag};
use countersign_syntax::ParseFailure;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use tree_sitter::{Node, Tree};

/// What a unit says by itself. Ranges are bytes from the unit's start.
#[derive(Debug, Default)]
pub struct Facts {
    /// What it declares.
    pub(crate) lowered: Arc<Lowered>,
    /// Suppressions in its comments, with the text that each is about.
    pub(crate) suppressions: Vec<(Suppression, Range<usize>)>,
    /// Suppressions in its comments that are for other tools.
    pub(crate) peers: Vec<Peer>,
    /// Provenance tags in its comments.
    pub(crate) tags: Vec<Tag>,
    /// Why it was not read, and its first line.
    pub(crate) failure: Option<(String, Range<usize>)>,
    /// Whether the workspace's index has it.
    pub(crate) indexed: AtomicBool,
    /// What was made of it last, with the workspace as it was.
    pub(crate) derived: Mutex<Option<Arc<Derived>>>,
    /// What tells the environment of its blocks, as far as somebody has asked.
    pub(crate) told: Mutex<Vec<ToldBy>>,
}

impl Facts {
    /// Whether there is anything at all to be said.
    pub(crate) fn is_notable(&self) -> bool {
        !self.suppressions.is_empty() || !self.peers.is_empty() || !self.tags.is_empty() || self.failure.is_some()
    }

    /// What was made of it last.
    pub(crate) fn derived(&self) -> Option<Arc<Derived>> {
        self.derived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Works out the facts of a unit from its text and tree.
    pub(crate) fn of(language: Language, source: &str, tree: Result<&Tree, ParseFailure>) -> Self {
        let mut facts = Self::default();
        if language == Language::Plain || !may_declare(language, source) {
            facts.tags = if may_hold_tag(source) { tags_of_lines(source) } else { Vec::new() };
            return facts;
        }
        if let Some(conflict) = conflict(source) {
            let message = "an unresolved merge conflict is in it, and what it will say is not known";
            facts.failure = Some((message.to_owned(), conflict));
            facts.lowered = Arc::new(unread(source));
            return facts;
        }
        if !language.has_grammar() && matches!(tree, Err(ParseFailure::NoGrammar)) {
            facts.read_tokens(language, source);
            return facts;
        }
        let why = match tree {
            Ok(_) => failure(language, source).map(str::to_owned),
            Err(failure) => Some(failure.to_string()),
        };
        let (Ok(tree), None) = (tree, &why) else {
            let start = source.len() - source.trim_start().len();
            let end = source[start..].find('\n').map_or(source.len(), |length| start + length);
            facts.failure = why.map(|why| (why, start..end));
            facts.lowered = Arc::new(unread(source));
            return facts;
        };
        facts.lowered = Arc::new(lower(language, source, tree));
        if may_hold_suppression(source) || may_hold_tag(source) {
            for comment in comments(tree.root_node()) {
                let range = comment.byte_range();
                let text = source.get(range.clone()).unwrap_or_default();
                facts.tags.extend(read_tag(text, range.start));
                if let Some(suppression) = read_suppression(text, range.start) {
                    let target = target(source, tree, &range);
                    facts.suppressions.push((suppression, target));
                }
            }
        }
        if may_hold_peer(source) {
            facts.peers = peers(source, tree, &comments(tree.root_node()), |comment| target(source, tree, comment));
        }
        facts
    }
}

impl Facts {
    /// The same of a unit in a language without a grammar.
    fn read_tokens(&mut self, language: Language, source: &str) {
        self.lowered = Arc::new(lower_tokens(language, source));
        if !may_hold_suppression(source) && !may_hold_tag(source) {
            return;
        }
        let comments = language.comments(source);
        for (nth, range) in comments.iter().enumerate() {
            let text = source.get(range.clone()).unwrap_or_default();
            self.tags.extend(read_tag(text, range.start));
            let Some(suppression) = read_suppression(text, range.start) else { continue };
            // Behind something it is about that line, else about what is below, to the end of the unit.
            let line = source[..range.start].rfind('\n').map_or(0, |at| at + 1);
            let target = if source[line..range.start].trim().is_empty() {
                below(source, &comments[nth..])..source.len()
            } else {
                line..range.start
            };
            self.suppressions.push((suppression, target));
        }
    }
}

/// Where what stands below comments begins: behind the first of them, and those that follow it.
fn below(source: &str, comments: &[Range<usize>]) -> usize {
    let mut at = 0;
    for comment in comments {
        if at > 0 && !source.get(at..comment.start).unwrap_or_default().trim().is_empty() {
            break;
        }
        at = comment.end;
    }
    let rest = source.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start().len())
}

/// The tags of a text that is not parsed: in lines that look like comments of any language.
fn tags_of_lines(source: &str) -> Vec<Tag> {
    let mut at = 0;
    let tags = source.split_inclusive('\n').filter_map(|line| {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let line = line.trim();
        line.starts_with(['#', '/', '-', '*']).then(|| read_tag(line, start)).flatten()
    });
    tags.collect()
}

/// The line that starts a merge conflict.
fn conflict(source: &str) -> Option<Range<usize>> {
    if !source.contains("<<<<<<<") && !source.contains(">>>>>>>") {
        return None;
    }
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
            return Some(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

/// All comments of a tree, in order of the text.
fn comments(root: Node<'_>) -> Vec<Node<'_>> {
    let mut comments = Vec::new();
    let mut cursor = root.walk();
    loop {
        if cursor.node().kind() == "comment" {
            comments.push(cursor.node());
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        while cursor.goto_parent() {
            if cursor.goto_next_sibling() {
                break;
            }
        }
        if cursor.node() == root {
            return comments;
        }
    }
}

/// What a suppression is about: the line that it ends, else the first line below that is no comment; and all of the
/// largest block or attribute that starts on that line.
fn target(source: &str, tree: &Tree, comment: &Range<usize>) -> Range<usize> {
    let line_start = source[..comment.start].rfind('\n').map_or(0, |at| at + 1);
    let mut start = line_start;
    if source[line_start..comment.start].trim().is_empty() {
        let next_line = |from: usize| source[from..].find('\n').map_or(source.len(), |length| from + length + 1);
        start = next_line(comment.end);
        while start < source.len() && {
            let line = source[start..].trim_start_matches([' ', '\t']);
            line.starts_with(['#', '\n', '\r']) || line.starts_with("//")
        } {
            start = next_line(start);
        }
    }
    let end = source[start..].find('\n').map_or(source.len(), |length| start + length);
    let content = start + (source[start..end].len() - source[start..end].trim_start().len());
    let mut node = tree.root_node().descendant_for_byte_range(content, content);
    let mut target = start..end;
    while let Some(current) = node.filter(|node| node.start_byte() == content) {
        if matches!(
            current.kind(),
            "block" | "attribute" | "object_elem" | "block_mapping_pair" | "block_sequence_item" | "flow_pair"
        ) {
            target.end = target.end.max(current.end_byte());
        }
        node = current.parent();
    }
    target
}
