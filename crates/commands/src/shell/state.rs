//! What a shell knows while it runs a text.

use crate::operation::Evidence;
use rpds::HashTrieMap;
use std::ops::Range;
use std::rc::Rc;

/// A text, and how to point into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The file that the text is in, if it is not the command itself.
    pub(crate) file: Option<Rc<str>>,
    /// Where the text stands in it.
    pub(crate) place: Place,
    /// How it is reached.
    pub(crate) via: Rc<Vec<String>>,
}

/// Where a text stands in the command or in a file.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// It begins at this byte.
    At(usize),
    /// It is made of these bytes, and not the same.
    Within(Range<usize>),
}

impl Default for Place {
    fn default() -> Self {
        Self::At(0)
    }
}

impl Origin {
    /// The bytes that a range of the text stands for.
    pub(crate) fn range(&self, range: &Range<usize>) -> Range<usize> {
        match &self.place {
            Place::At(at) => at + range.start..at + range.end,
            Place::Within(whole) => whole.clone(),
        }
    }

    /// The origin of a text that stands in this one, at `verbatim` if it is the very same.
    pub(crate) fn inner(&self, range: &Range<usize>, verbatim: Option<usize>) -> Self {
        let place = match (&self.place, verbatim) {
            (Place::At(at), Some(inner)) => Place::At(at + inner),
            _ => Place::Within(self.range(range)),
        };
        Self { place, ..self.clone() }
    }

    /// The same, reached through one step more.
    pub(crate) fn through(&self, step: impl Into<String>) -> Self {
        let mut via = Rc::clone(&self.via);
        Rc::make_mut(&mut via).push(step.into());
        Self { via, ..self.clone() }
    }
}

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Known(Rc<str>),
    /// It was set to something that cannot be read.
    Unknown,
}

/// A function: the text of its body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) body: String,
    pub(crate) origin: Origin,
}

/// What a shell knows. A clone is cheap, and is what a subshell starts with.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) variables: HashTrieMap<String, Value>,
    pub(crate) functions: HashTrieMap<String, Rc<Function>>,
    pub(crate) aliases: HashTrieMap<String, String>,
    /// Files that the text itself has written, with what is in them if it can be read.
    pub(crate) written: HashTrieMap<String, Option<Rc<str>>>,
    /// Arguments `$1`, `$2`, … where they are known.
    pub(crate) arguments: Option<Rc<Vec<String>>>,
    /// The working folder; `None` where it cannot be read.
    pub(crate) folder: Option<String>,
    /// What earlier commands chose, each with the programs that it holds for.
    pub(crate) choices: Vec<(&'static [&'static str], Evidence)>,
    /// Whether what is looked at may not be run at all.
    pub(crate) undecided: bool,
    /// Whether commands run in a container, so its files are not this machine's.
    pub(crate) container: bool,
    /// Whether commands run on another machine.
    pub(crate) remote: bool,
}

impl Shell {
    pub(crate) fn new(folder: &str) -> Self {
        Self {
            variables: HashTrieMap::new(),
            functions: HashTrieMap::new(),
            aliases: HashTrieMap::new(),
            written: HashTrieMap::new(),
            arguments: None,
            folder: Some(folder.to_owned()),
            choices: Vec::new(),
            undecided: false,
            container: false,
            remote: false,
        }
    }

    /// After branches of which one was run: what differs between them is not known. Returns how many names were looked at.
    pub(crate) fn join(&mut self, branches: &[Self]) -> usize {
        let mut looked_at = 0;
        for branch in branches {
            for (name, value) in &branch.variables {
                looked_at += 1;
                if self.variables.get(name) != Some(value) {
                    self.variables.insert_mut(name.clone(), Value::Unknown);
                }
            }
            for (path, text) in &branch.written {
                looked_at += 1;
                if self.written.get(path) != Some(text) {
                    self.written.insert_mut(path.clone(), None);
                }
            }
            for (name, function) in &branch.functions {
                looked_at += 1;
                if !self.functions.contains_key(name) {
                    self.functions.insert_mut(name.clone(), Rc::clone(function));
                }
            }
            if branch.folder != self.folder {
                self.folder = None;
            }
            for choice in &branch.choices {
                if !self.choices.contains(choice) {
                    self.choices.push(choice.clone());
                }
            }
        }
        looked_at
    }

    /// A path as the working folder makes it; `None` where that cannot be known.
    pub(crate) fn path(&self, path: &str) -> Option<String> {
        if path.starts_with('/') || path == "~" || path.starts_with("~/") {
            return Some(normal(path));
        }
        let folder = self.folder.as_deref()?;
        Some(if folder.is_empty() { normal(path) } else { normal(&format!("{folder}/{path}")) })
    }
}

/// A path without `.`, `..` and empty parts, as far as they can be resolved.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != ".." && *last != "~") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}
