//! What is found in a text that has no tree: names, what they are, and where that stands.

use crate::terraform::lower::finished;
use crate::terraform::syntax::{Block, Content, Element, Expr, ExprKind, Item, Items, Part, Template};
use crate::yaml::shared;
use std::ops::Range;

/// What a text is that a variable may stand in.
fn kind_of(value: &str, range: &Range<usize>) -> ExprKind {
    if value.contains('$') {
        return ExprKind::Unreadable;
    }
    let parts =
        if value.is_empty() { Box::default() } else { [Part::Text { text: shared(value), verbatim: true }].into() };
    ExprKind::Template(Template { parts, content: range.clone().into(), heredoc: false })
}

/// What is known of one thing that a text does.
#[derive(Default)]
pub(crate) struct Found {
    entries: Vec<Item>,
}

impl Found {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A text, which stands there or says what does.
    pub(crate) fn text(self, name: &str, value: &str, range: Range<usize>) -> Self {
        let parts =
            if value.is_empty() { Box::default() } else { [Part::Text { text: shared(value), verbatim: true }].into() };
        let kind = ExprKind::Template(Template { parts, content: range.clone().into(), heredoc: false });
        self.entry(name, kind, range)
    }

    pub(crate) fn is(self, name: &str, is: bool, range: Range<usize>) -> Self {
        self.entry(name, ExprKind::Bool(is), range)
    }

    /// A text in which `$…` is filled in later, and unknown with it.
    pub(crate) fn value(self, name: &str, value: &str, range: Range<usize>) -> Self {
        self.entry(name, kind_of(value, &range), range)
    }

    /// Names with values, and where those stand.
    pub(crate) fn map(self, name: &str, pairs: &[(String, String, Range<usize>)], range: Range<usize>) -> Self {
        let element = |(key, value, at): &(String, String, Range<usize>)| {
            let text = [Part::Text { text: shared(key), verbatim: false }].into();
            let kind = ExprKind::Template(Template { parts: text, content: at.clone().into(), heredoc: false });
            let key = Expr { range: at.clone().into(), kind };
            Element {
                range: at.clone().into(),
                key,
                value: Expr { range: at.clone().into(), kind: kind_of(value, at) },
            }
        };
        let elements = pairs.iter().map(element).collect();
        self.entry(name, ExprKind::Object { elements, open: false }, range)
    }

    fn entry(mut self, name: &str, kind: ExprKind, range: Range<usize>) -> Self {
        let expr = Expr { range: range.clone().into(), kind };
        self.entries.push(Item { name: shared(name), range: range.into(), content: Content::Attribute(expr) });
        self
    }

    /// All of it as a block. `range` is what is underlined where no value is.
    pub(crate) fn block(self, kind: &str, address: &str, range: Range<usize>) -> Block {
        let items = Items { entries: self.entries, anchor: range.clone().into(), ..Items::default() };
        finished(kind, address, range, items)
    }
}
