use crate::{AgentKind, MAX_PATH_BYTES, MAX_PAYLOAD_BYTES};
use std::path::Path;

/// Why a payload cannot be read. Nothing is known of the call then, so a caller that must be safe has to assume an
/// edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than [`MAX_PAYLOAD_BYTES`].
    #[error(
        "the hook payload has {bytes} bytes, and at most {MAX_PAYLOAD_BYTES} are read; the call was not looked at, so \
         review the files that it changed"
    )]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// JSON is UTF-8.
    #[error(
        "the hook payload is not UTF-8: byte {position} is not valid; pass what the agent gives on standard input \
         unchanged"
    )]
    NotUtf8 {
        /// The first byte that is wrong, from 0.
        position: usize,
    },
    /// No JSON, or not all of it.
    #[error(
        "the hook payload is not JSON: {why} at line {line}, column {column}; pass all that the agent gives on \
         standard input"
    )]
    NotJson {
        /// Line, from 1; 0 if there is nothing at all.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        why: String,
    },
    /// JSON, but something else than an object.
    #[error("the hook payload is {found} and not an object; this command reads what an agent gives to its hooks")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// The payload of an agent that does not run hooks of the one that was asked for.
    #[error(
        "this is a hook payload of {looks_like} and not of {asked}; configure the hook as `hook {looks_like}` there"
    )]
    OtherAgent {
        /// The agent that the hook was configured for.
        asked: AgentKind,
        /// The agent whose payload it is.
        looks_like: AgentKind,
    },
    /// A field that the agent's documentation promises is not there.
    #[error(
        "the {agent} payload has no `{field}`, which its edits cannot be read without; if {agent} was updated, report \
         the new payload"
    )]
    Missing {
        /// The agent.
        agent: AgentKind,
        /// The field, with those that it is in.
        field: String,
    },
    /// A field has another type than the agent's documentation says.
    #[error(
        "`{field}` of the {agent} payload is {found}, expected {expected}; if {agent} was updated, report the \
         new payload"
    )]
    WrongType {
        /// The agent.
        agent: AgentKind,
        /// The field, with those that it is in.
        field: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A patch that does not follow the grammar of `apply_patch`.
    #[error(
        "the patch in the {agent} payload cannot be read: {why} at line {line} of the patch; check its files by hand"
    )]
    BadPatch {
        /// The agent.
        agent: AgentKind,
        /// Line of the patch, from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A path of more than [`MAX_PATH_BYTES`].
    #[error(
        "a path in the {agent} payload has {bytes} bytes, and no system opens one of more than {MAX_PATH_BYTES}; it begins \
         with {start:?}: name the file that is meant"
    )]
    PathTooLong {
        /// The agent.
        agent: AgentKind,
        /// Bytes of the path.
        bytes: usize,
        /// What it begins with.
        start: String,
    },
}

/// Characters of a path that is too long which are shown.
const SHOWN_CHARACTERS: usize = 60;

impl Refusal {
    pub(crate) fn path_too_long(agent: AgentKind, path: &Path) -> Self {
        let start = path.to_string_lossy().chars().take(SHOWN_CHARACTERS).collect();
        Self::PathTooLong { agent, bytes: path.as_os_str().len(), start }
    }
}
