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
    /// Evidence of the same rank names these, and it cannot be known who is right.
    Disputed(Vec<Writer>),
}

impl Writer {
    /// Whether an AI tool wrote it, whichever.
    pub fn is_ai(&self) -> bool {
        match self {
            Self::Ai(_) => true,
            Self::Human => false,
            Self::Disputed(claims) => claims.iter().all(Self::is_ai),
        }
    }

    /// Whether two pieces of evidence mean the same writer; a model or a conversation that only one of them names is no
    /// disagreement.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ai(agent), Self::Ai(other)) => agent.tool == other.tool,
            (Self::Human, Self::Human) => true,
            (Self::Disputed(claims), other) | (other, Self::Disputed(claims)) => {
                claims.iter().any(|claim| claim.agrees(other))
            }
            _ => false,
        }
    }
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
    /// That an agent wrote it, as its own hook says.
    pub fn reported(agent: Agent) -> Self {
        Self { writer: Writer::Ai(agent), authority: Authority::Reported, means: Some(Means::Agent), corrects: None }
    }

    /// Whether an AI tool wrote it.
    pub fn is_ai(&self) -> bool {
        self.writer.is_ai()
    }

    /// The tool, where it is one.
    pub fn agent(&self) -> Option<&Agent> {
        match &self.writer {
            Writer::Ai(agent) => Some(agent),
            Writer::Human | Writer::Disputed(_) => None,
        }
    }

    /// Whether it is not known if an AI or a person wrote it, for evidence of the same rank says both.
    pub fn is_disputed(&self) -> bool {
        matches!(self.writer, Writer::Disputed(_)) && !self.is_ai()
    }

    /// What this evidence makes of text of which there was other evidence; `None` where that is stronger. A person's
    /// correction always counts, the last of them.
    pub(crate) fn over(&self, before: &Self) -> Option<Self> {
        let disagrees = self.authority == before.authority
            && self.authority != Authority::Corrected
            && (!self.writer.agrees(&before.writer) || matches!(before.writer, Writer::Disputed(_)));
        if !disagrees {
            return (self.authority >= before.authority).then(|| self.clone());
        }
        let mut claims = match &before.writer {
            Writer::Disputed(claims) => claims.clone(),
            writer => vec![writer.clone()],
        };
        if !claims.iter().any(|claim| claim.agrees(&self.writer)) {
            claims.push(self.writer.clone());
        }
        Some(Self { writer: Writer::Disputed(claims), ..self.clone() })
    }
}
