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
    /// Whether the agent would take this as a no. `event` is as for [`Answer::reply`].
    pub fn is_denial(&self, agent: AgentKind, event: Option<&str>) -> bool {
        let denial = Answer::Deny(String::new()).reply(agent, event);
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        self.code == denial.code
            && json(&denial.stdout).is_none_or(|shape| json(&self.stdout).is_some_and(|found| has(&found, &shape)))
    }

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

/// Whether an answer has all that another has; texts that are empty there may be any.
fn has(found: &Value, shape: &Value) -> bool {
    match (found, shape) {
        (Value::Object(found), Value::Object(shape)) => {
            shape.iter().all(|(name, shape)| found.get(name).is_some_and(|found| has(found, shape)))
        }
        (Value::String(_), Value::String(shape)) if shape.is_empty() => true,
        _ => found == shape,
    }
}
