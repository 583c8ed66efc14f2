use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A coding agent whose hooks are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentKind {
    /// Claude Code, in a terminal or inside an editor.
    ClaudeCode,
    /// Cursor: its agent and its completions (Tab).
    Cursor,
    /// The agent of VS Code.
    #[serde(rename = "vscode")]
    VsCode,
    /// GitHub Copilot in a terminal, and its cloud agent.
    CopilotCli,
    /// Codex.
    Codex,
    /// Gemini CLI.
    GeminiCli,
    /// Windsurf.
    Windsurf,
    /// Kiro, in a terminal or as an editor.
    Kiro,
    /// Amazon Q Developer in a terminal.
    AmazonQ,
    /// Cline.
    Cline,
    /// OpenCode.
    #[serde(rename = "opencode")]
    OpenCode,
}

impl AgentKind {
    /// All agents.
    pub const ALL: &[Self] = &[
        Self::ClaudeCode,
        Self::Cursor,
        Self::VsCode,
        Self::CopilotCli,
        Self::Codex,
        Self::GeminiCli,
        Self::Windsurf,
        Self::Kiro,
        Self::AmazonQ,
        Self::Cline,
        Self::OpenCode,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::CopilotCli => "copilot-cli",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
            Self::Windsurf => "windsurf",
            Self::Kiro => "kiro",
            Self::AmazonQ => "amazon-q",
            Self::Cline => "cline",
            Self::OpenCode => "opencode",
        }
    }

    /// The name of the tool in records of who wrote what, as git-ai writes it where it knows the agent.
    pub fn tool(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude",
            Self::VsCode => "github-copilot",
            Self::CopilotCli => "github-copilot-cli",
            Self::GeminiCli => "gemini",
            other => other.name(),
        }
    }
}

impl fmt::Display for AgentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of [`AgentKind::name`] nor of [`AgentKind::tool`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no known agent; known are {known}", known = names())]
pub struct UnknownAgent(pub String);

fn names() -> String {
    AgentKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for AgentKind {
    type Err = UnknownAgent;

    fn from_str(name: &str) -> Result<Self, UnknownAgent> {
        let is = |kind: &Self| kind.name() == name || kind.tool() == name;
        Self::ALL.iter().copied().find(is).ok_or_else(|| UnknownAgent(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_has_one_name() {
        for agent in AgentKind::ALL {
            assert_eq!(serde_json::to_value(agent).expect("a name"), agent.name());
        }
    }
}
