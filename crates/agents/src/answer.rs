use crate::{AgentKind, adapter};
use serde_json::Value;

/// What a hook answers before a tool runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: the agent goes on as it would without the hook.
    Pass,
    /// The tool may run, and this is to be known.
    Tell(String),
    /// A person is to be asked, and this is why. Agents that cannot ask are told.
    Ask(String),
    /// The tool must not run, and this is why.
    Deny(String),
}

/// What a hook's process leaves: what it prints, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl Answer {
    /// An answer in the words of the agent that asks. `event` is [`crate::Call::event`], `None` where the payload could not be
    /// read.
    pub fn reply(&self, agent: AgentKind, event: Option<&str>) -> Reply {
        adapter::reply(agent, event, self)
    }

    /// The same for an agent that cannot ask.
    pub(crate) fn without_ask(self) -> Self {
        match self {
            Self::Ask(text) => Self::Tell(text),
            other => other,
        }
    }
}

impl Reply {
    pub(crate) fn silent() -> Self {
        Self { stdout: String::new(), stderr: String::new(), code: 0 }
    }

    pub(crate) fn json(object: &Value) -> Self {
        Self { stdout: format!("{object}\n"), ..Self::silent() }
    }

    /// What stops a tool where an agent goes by the exit code.
    pub(crate) fn blocking(text: &str) -> Self {
        Self { stderr: format!("{text}\n"), code: 2, ..Self::silent() }
    }
}
