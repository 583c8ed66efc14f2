//! Documents as the client shows them, with what is known of who wrote them.

use crate::lsp::file_of;
use countersign_engine::MAX_FILE_BYTES;
use countersign_provenance::{Attribution, Regions, minimal_edits};
use countersign_text::{Encoding, LinePosition, Text, TextEdit};
use serde_json::Value;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

/// Insertions that are remembered for an acceptance that comes after them.
const LOOSE: usize = 16;

/// A document that is open.
pub(super) struct Open {
    /// The file, if it is one.
    pub(super) path: Option<PathBuf>,
    /// The text.
    pub(super) text: Text,
    /// Tells states apart.
    pub(super) revision: u64,
    /// Something changed since the last report.
    pub(super) is_news: bool,
    attribution: Attribution,
    loose: VecDeque<Insertion>,
}

/// Text that came in with one change.
#[derive(Debug, Clone)]
pub(super) struct Insertion {
    /// Where, in the text as it is now.
    pub(super) range: Range<usize>,
    /// Nothing was replaced.
    pub(super) moves: bool,
    /// When.
    pub(super) at: Instant,
}

impl Open {
    /// Opens a document. `None` for one that is too large to follow.
    pub(super) fn new(uri: &str, text: &str) -> Option<Self> {
        (text.len() <= MAX_FILE_BYTES).then(|| Self {
            path: file_of(uri),
            text: Text::from(text),
            revision: 0,
            is_news: false,
            attribution: Attribution::default(),
            loose: VecDeque::new(),
        })
    }

    /// Who wrote what.
    pub(super) fn regions(&self) -> &Regions {
        self.attribution.regions()
    }

    /// The same, to add to it.
    pub(super) fn regions_mut(&mut self) -> &mut Regions {
        self.is_news = true;
        self.attribution.regions_mut()
    }

    /// Follows one entry of `contentChanges`: the edits that it comes to, in order, and what they inserted that was not
    /// there before. `None` for what is no change.
    pub(super) fn change(&mut self, change: &Value, encoding: Encoding) -> Option<(Vec<TextEdit>, Vec<Insertion>)> {
        let new = change["text"].as_str()?;
        let range = match &change["range"] {
            Value::Null => 0..self.text.len(),
            range => self.bytes(range, encoding)?,
        };
        let removed = self.text.slice(range.clone());
        let edits = if removed.is_empty() || new.is_empty() {
            vec![TextEdit::new(range, new)]
        } else {
            minimal_edits(range.start, &removed, new)
        };
        let mut inserted: Vec<Insertion> = Vec::new();
        for edit in &edits {
            for insertion in inserted.iter_mut().chain(&mut self.loose) {
                insertion.range = edit.map_range(&insertion.range);
            }
            let removed = self.text.slice(edit.range.clone());
            let is_back = self.attribution.edit(edit, &removed);
            self.text.edit(edit);
            // What undo brings back is whose it was.
            if !is_back && !edit.text.is_empty() {
                inserted.push(Insertion { range: edit.inserted(), moves: removed.is_empty(), at: Instant::now() });
            }
        }
        self.revision += 1;
        self.is_news = true;
        Some((edits, inserted))
    }

    /// Remembers an insertion of which nothing is known yet.
    pub(super) fn set_loose(&mut self, insertion: Insertion) {
        self.loose.push_back(insertion);
        if self.loose.len() > LOOSE {
            self.loose.pop_front();
        }
    }

    /// The insertions of which nothing is known yet, the newest first.
    pub(super) fn loose(&self) -> impl Iterator<Item = &Insertion> {
        self.loose.iter().rev()
    }

    /// Something is known of an insertion now.
    pub(super) fn settle(&mut self, range: &Range<usize>) {
        self.loose.retain(|insertion| insertion.range != *range);
    }

    /// The byte that an LSP position means.
    pub(super) fn offset(&self, position: &Value, encoding: Encoding) -> Option<usize> {
        let part = |name: &str| Some(usize::try_from(position[name].as_u64()?).unwrap_or(usize::MAX));
        Some(self.text.offset(LinePosition { line: part("line")?, character: part("character")? }, encoding))
    }

    /// The bytes that an LSP range means; one that is turned around is empty.
    pub(super) fn bytes(&self, range: &Value, encoding: Encoding) -> Option<Range<usize>> {
        let start = self.offset(&range["start"], encoding)?;
        Some(start..self.offset(&range["end"], encoding)?.max(start))
    }
}
