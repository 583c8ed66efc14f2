use crate::AgentKind;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// No system opens a path of more bytes (Linux: `PATH_MAX`; elsewhere it is less, or hardly ever more), so a payload that
/// names one is refused: looking for what holds in each of its folders would take for ever.
pub const MAX_PATH_BYTES: usize = 4_096;

/// What one call of a hook says.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The agent that called, which is not always the one whose hook was configured.
    pub agent: AgentKind,
    /// [`AgentKind::tool`], or a part of the agent that is recorded by itself: `cursor-tab`.
    pub tool: String,
    /// The model, where the payload names it.
    pub model: Option<String>,
    /// The session or conversation.
    pub session: Option<String>,
    /// The call of the tool: joins what is said before with what is said after.
    pub call: Option<String>,
    /// The working directory, or the first workspace folder.
    pub cwd: Option<PathBuf>,
    /// The event, as the payload names it. Some agents expect another answer to each.
    pub event: Option<String>,
    /// Before or after the tool ran.
    pub moment: Moment,
    /// What the tool does.
    pub action: Action,
    /// The file in which the agent records the session.
    pub transcript: Option<PathBuf>,
}

impl Call {
    /// A call of an agent of which nothing else is known.
    pub fn of(agent: AgentKind) -> Self {
        Self {
            agent,
            tool: agent.tool().to_owned(),
            model: None,
            session: None,
            call: None,
            cwd: None,
            event: None,
            moment: Moment::Other,
            action: Action::Nothing,
            transcript: None,
        }
    }

    /// The longest path that is named, if it is longer than any that can be there.
    pub(crate) fn path_that_is_too_long(&self) -> Option<&Path> {
        let edits = if let Action::Edits(edits) = &self.action { edits.as_slice() } else { &[] };
        let named = edits.iter().flat_map(|edit| {
            let target = if let Change::MoveTo(path) = &edit.change { Some(path) } else { None };
            [Some(&edit.path), target]
        });
        let paths = named.chain([self.cwd.as_ref(), self.transcript.as_ref()]).flatten();
        let longest = paths.max_by_key(|path| path.as_os_str().len())?;
        (longest.as_os_str().len() > MAX_PATH_BYTES).then_some(longest)
    }
}

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the tool runs: it can still be refused.
    Before,
    /// After the tool ran.
    After,
    /// The tool failed, was interrupted or was refused. A command may have changed files nevertheless.
    Failed,
    /// A session starts, or goes on after a pause: something can be said, and only Cline can be refused.
    Start,
    /// Something else than the use of a tool, such as the end of a session.
    Other,
}

impl Moment {
    /// Whether it is about the use of a tool.
    pub fn is_of_tool(self) -> bool {
        matches!(self, Self::Before | Self::After | Self::Failed)
    }
}

/// What a tool does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Changes files, in this order. Several of the same file apply one after the other.
    Edits(Vec<Edit>),
    /// Runs a shell command, which may change any file.
    Command(String),
    /// Some other tool, which may change files or not.
    Tool {
        /// Its name, as the agent gives it.
        name: String,
        /// What it is called with.
        arguments: Value,
    },
    /// No use of a tool, or one that changes no text that is tracked (notebooks).
    Nothing,
}

/// The change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file as the payload names it: absolute, or relative to [`Call::cwd`].
    pub path: PathBuf,
    /// How it changes.
    pub change: Change,
}

/// How a file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Text is replaced, one replacement after the other.
    Replace(Vec<Replacement>),
    /// The whole content.
    Write(String),
    /// Text is put after a line; 0 is the start of the file.
    Insert {
        /// Number of the line, from 1.
        after_line: u64,
        /// The text, as it is put there.
        text: String,
    },
    /// Text is put at the end of the file, on a line of its own.
    Append(String),
    /// The file is removed.
    Delete,
    /// The file gets this name.
    MoveTo(PathBuf),
    /// The payload names the file but not the text.
    Patched,
}

/// Text in place of other text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// What is replaced. Empty for a new or empty file, and where only [`Self::at`] says the place.
    pub old: String,
    /// What stands there then.
    pub new: String,
    /// Every occurrence of `old`, and not only one.
    pub all: bool,
    /// Where `old` is, if the payload says so.
    pub at: Option<Span>,
}

/// A place in a file. Lines and columns count from 1, columns as the editor counts them (UTF-16 code units).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Line and column of the first character.
    pub start: (u64, u64),
    /// Line and column after the last character.
    pub end: (u64, u64),
}
