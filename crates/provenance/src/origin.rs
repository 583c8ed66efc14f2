//! Origins and the evidence for them.

use serde::{Deserialize, Serialize};

/// An AI tool at work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agent {
    /// Name of the tool, as git-ai writes it: `claude`, `cursor`, `github-copilot`.
    pub tool: String,
    /// The model, `provider/model` where both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tool's own name for the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// Who wrote a region. That nobody knows is not a writer: such text has no region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// An AI tool.
    Ai(Agent),
    /// A person.
    Human,
}

/// How we know, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// An in-file tag, a git note, a trailer, or a person's word.
    Declared,
    /// The editor saw it happen.
    Observed,
    /// The agent's own hook said so.
    Reported,
    /// A person corrected what was known before.
    Corrected,
}

/// By what means text came in, as a client says with `countersign/edit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Means {
    /// An accepted inline completion.
    InlineCompletion,
    /// An edit applied from a chat.
    Chat,
    /// An edit by an agent.
    Agent,
    /// A paste, which says nothing about who wrote the text.
    Paste,
    /// Typed by a person.
    Human,
}

/// Who wrote a region and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Who.
    pub writer: Writer,
    /// How we know.
    pub authority: Authority,
    /// By what means, where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<Means>,
    /// What a person's correction took the place of; kept beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Box<Origin>>,
}

impl Origin {
    /// Whether an AI tool wrote it.
    pub fn is_ai(&self) -> bool {
        matches!(self.writer, Writer::Ai(_))
    }

    /// The tool, where it is one.
    pub fn agent(&self) -> Option<&Agent> {
        match &self.writer {
            Writer::Ai(agent) => Some(agent),
            Writer::Human => None,
        }
    }
}
