//! Words of a command, as far as they can be known.

use crate::limits::MAX_QUOTED;
use std::ops::Range;

/// A word as the program would get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its text. What is not known stands as it is written: `$TARGET`.
    pub(crate) text: String,
    /// Where in `text` that begins which is not known.
    pub(crate) unknown_from: Option<usize>,
    /// Whether some of it is the default of a variable that may be set otherwise.
    pub(crate) guessed: bool,
    /// Whether some of it stands in quotes.
    pub(crate) quoted: bool,
    /// The bytes in the source.
    pub(crate) range: Range<usize>,
    /// Where in the source the very same text stands.
    pub(crate) verbatim: Option<usize>,
    /// What the unknown part is, for people: "what `curl` prints".
    pub(crate) reason: Option<String>,
    /// Files that a `<(…)` stands for: what it prints.
    pub(crate) stream: Option<Stream>,
}

/// What a program reads or prints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Nothing that this text says.
    #[default]
    Nothing,
    /// This text.
    Text(String),
    /// Something that cannot be read, and what it is: "what `curl` prints".
    Unknown(String),
}

impl Word {
    /// A word that stands nowhere.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.unknown_from.is_none()
    }

    /// The text where all of it is known.
    pub(crate) fn known(&self) -> Option<&str> {
        self.is_known().then_some(self.text.as_str())
    }

    /// The text before what is not known.
    pub(crate) fn known_part(&self) -> &str {
        self.text.get(..self.unknown_from.unwrap_or(self.text.len())).unwrap_or_default()
    }

    /// Whether nothing of it is known.
    pub(crate) fn is_opaque(&self) -> bool {
        self.unknown_from == Some(0)
    }

    /// The word without its first `count` bytes.
    pub(crate) fn after(&self, count: usize) -> Self {
        Self {
            text: self.text.get(count..).unwrap_or_default().to_owned(),
            unknown_from: self.unknown_from.map(|from| from.saturating_sub(count)),
            verbatim: self.verbatim.map(|at| at + count),
            ..self.clone()
        }
    }
}

/// A text cut to what a message can hold, in one line.
pub(crate) fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_QUOTED {
        return line;
    }
    let end = (0..=MAX_QUOTED).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", line.get(..end).unwrap_or_default())
}
