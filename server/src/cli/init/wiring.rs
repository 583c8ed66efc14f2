//! What stands in which settings so that an agent asks Countersign, by the documents that `crates/agents/src/adapter` names.

use super::settings::Entry;
use countersign_agents::AgentKind;
use serde_json::{Value, json};

/// Seconds that an agent waits for the hook.
const TIMEOUT: u64 = 15;

/// How an agent is set up in a repository.
pub(in crate::cli) struct Wiring {
    /// Where.
    pub(in crate::cli) files: Vec<Place>,
    /// Files and folders that say that the agent is in use here, from the root or from the home folder (`~/`).
    pub(in crate::cli) signs: &'static [&'static str],
    /// What remains to be done or is not covered, in whole sentences.
    pub(in crate::cli) remarks: &'static [&'static str],
}

/// A file of an agent's settings, from the root of the repository.
pub(in crate::cli) enum Place {
    /// Hooks in JSON that people write, too.
    Settings {
        /// The path.
        path: &'static str,
        /// What else has to be there.
        others: Vec<Entry>,
        /// The hooks.
        hooks: Vec<Entry>,
    },
    /// A file that is ours as a whole.
    Own {
        /// The path.
        path: &'static str,
        /// Its text.
        text: &'static str,
        /// Whether it is a program.
        is_program: bool,
    },
}

impl Place {
    /// Its path from the root of the repository.
    pub(in crate::cli) fn path(&self) -> &'static str {
        match self {
            Self::Settings { path, .. } | Self::Own { path, .. } => path,
        }
    }
}

const CLINE: &str = "#!/bin/sh\n# By `countersign init --agent cline`.\nexec countersign hook cline\n";

const KIRO: &str = include_str!("kiro.json");

const OPENCODE: &str = include_str!("opencode.js");

/// How an agent is set up. One whose settings are not in the repository has no files.
pub(in crate::cli) fn wiring(agent: AgentKind) -> Wiring {
    let command = format!("countersign hook {agent}");
    match agent {
        AgentKind::ClaudeCode => claude_code(&command),
        AgentKind::VsCode => vscode(&command),
        AgentKind::CopilotCli => copilot_cli(&command),
        AgentKind::Cursor => cursor(&command),
        AgentKind::Codex => codex(&command),
        AgentKind::GeminiCli => gemini_cli(&command),
        AgentKind::Windsurf => windsurf(&command),
        AgentKind::Kiro => kiro(),
        AgentKind::AmazonQ => amazon_q(),
        AgentKind::Cline => cline(),
        AgentKind::OpenCode => opencode(),
    }
}

fn settings(path: &'static str, others: Vec<Entry>, hooks: Vec<Entry>) -> Vec<Place> {
    vec![Place::Settings { path, others, hooks }]
}

fn claude_code(command: &str) -> Wiring {
    let group =
        |handler: Value| json!({ "matcher": "Edit|Write|MultiEdit|Bash|PowerShell|mcp__.*", "hooks": [handler] });
    let handler = json!({ "type": "command", "command": command, "timeout": TIMEOUT });
    let closed = json!({ "type": "command", "command": command, "timeout": TIMEOUT, "onFailure": "block" });
    Wiring {
        files: settings(
            ".claude/settings.json",
            Vec::new(),
            vec![
                ("PreToolUse", group(closed)),
                ("PostToolUse", group(handler.clone())),
                ("PostToolUseFailure", group(handler.clone())),
                ("SessionStart", json!({ "hooks": [handler] })),
            ],
        ),
        signs: &[".claude", "~/.claude"],
        remarks: &["Where the hook cannot run, Claude Code does not go on (`onFailure`)."],
    }
}

fn vscode(command: &str) -> Wiring {
    let handler = json!({ "type": "command", "command": command, "timeout": TIMEOUT });
    let events = ["PreToolUse", "PostToolUse", "SessionStart"];
    Wiring {
        files: settings(
            ".github/hooks/countersign-vscode.json",
            Vec::new(),
            events.map(|event| (event, handler.clone())).into(),
        ),
        signs: &[".vscode/mcp.json", ".github/chatmodes", ".github/prompts"],
        remarks: &[
            "VS Code's agent also runs the hooks of .claude/settings.json and those of Copilot CLI in .github/hooks: set up \
                     only one of the three, or each edit is judged several times.",
            "Where the hook cannot run, it goes on. Inline completions have no hook.",
        ],
    }
}

fn copilot_cli(command: &str) -> Wiring {
    let handler = json!({ "type": "command", "bash": command, "powershell": command, "timeoutSec": TIMEOUT });
    let events = ["preToolUse", "postToolUse", "sessionStart"];
    Wiring {
        files: settings(
            ".github/hooks/countersign.json",
            vec![("version", json!(1))],
            events.map(|event| (event, handler.clone())).into(),
        ),
        signs: &["~/.copilot"],
        remarks: &["The cloud agent runs these hooks only where `countersign` is installed in its environment."],
    }
}

fn cursor(command: &str) -> Wiring {
    let handler = json!({ "command": command, "timeout": TIMEOUT });
    let closed = json!({ "command": command, "timeout": TIMEOUT, "failClosed": true });
    let after = ["postToolUse", "afterFileEdit", "afterTabFileEdit", "sessionStart"];
    let hooks = std::iter::once(("preToolUse", closed)).chain(after.map(|event| (event, handler.clone())));
    Wiring {
        files: settings(".cursor/hooks.json", vec![("version", json!(1))], hooks.collect()),
        signs: &[".cursor", "~/.cursor"],
        remarks: &[
            "Where the hook cannot run, Cursor does not go on (`failClosed`).",
            "Tab has no hook that can refuse: what it inserts is recorded after it.",
        ],
    }
}

fn codex(command: &str) -> Wiring {
    let group = json!({ "hooks": [{ "type": "command", "command": command, "timeout": TIMEOUT }] });
    let events = ["PreToolUse", "PostToolUse", "SessionStart"];
    Wiring {
        files: settings(".codex/hooks.json", Vec::new(), events.map(|event| (event, group.clone())).into()),
        signs: &[".codex", "~/.codex"],
        remarks: &[
            "In ~/.codex/config.toml hooks have to be on: `[features]`, `hooks = true`. Then trust these with `/hooks`; \
                     nobody but you can.",
            "Where the hook cannot run, Codex goes on.",
        ],
    }
}

fn gemini_cli(command: &str) -> Wiring {
    let handler = json!({ "name": "countersign", "type": "command", "command": command, "timeout": TIMEOUT * 1_000 });
    let group = json!({ "matcher": "write_file|replace|run_shell_command|mcp_.*", "hooks": [handler.clone()] });
    let start = ("SessionStart", json!({ "hooks": [handler] }));
    let events = ["BeforeTool", "AfterTool"].map(|event| (event, group.clone()));
    Wiring {
        files: settings(".gemini/settings.json", Vec::new(), events.into_iter().chain([start]).collect()),
        signs: &[".gemini", "~/.gemini"],
        remarks: &["Where the hook cannot run, Gemini CLI goes on."],
    }
}

fn windsurf(command: &str) -> Wiring {
    let handler = json!({ "command": command, "show_output": true });
    let events = ["pre_write_code", "pre_run_command", "pre_mcp_tool_use", "post_write_code", "post_run_command"];
    Wiring {
        files: settings(".windsurf/hooks.json", Vec::new(), events.map(|event| (event, handler.clone())).into()),
        signs: &[".windsurf", "~/.codeium/windsurf"],
        remarks: &["Where the hook cannot run, Windsurf goes on. Its completions have no hook."],
    }
}

fn kiro() -> Wiring {
    Wiring {
        files: vec![Place::Own { path: ".kiro/hooks/countersign.json", text: KIRO, is_program: false }],
        signs: &[".kiro", "~/.kiro"],
        remarks: &[
            "Where the hook cannot run, Kiro goes on.",
            "What a session inherits is looked at where an agent's own file (.kiro/agents) has `agentSpawn` with the command \
                        `countersign hook kiro`.",
        ],
    }
}

fn amazon_q() -> Wiring {
    Wiring {
        files: Vec::new(),
        signs: &[".amazonq", "~/.aws/amazonq"],
        remarks: &["Its hooks stand in the file of each of its agents (~/.aws/amazonq/cli-agents): add `preToolUse`, \
                        `postToolUse` and `agentSpawn` with the command `countersign hook amazon-q` there."],
    }
}

fn cline() -> Wiring {
    Wiring {
        files: [".clinerules/hooks/PreToolUse", ".clinerules/hooks/PostToolUse", ".clinerules/hooks/TaskStart"]
            .map(|path| Place::Own { path, text: CLINE, is_program: true })
            .into(),
        signs: &[".clinerules", "~/Documents/Cline"],
        remarks: &[
            "Hooks have to be on in Cline's settings; there are none on Windows. Where the hook cannot run, Cline goes on.",
        ],
    }
}

fn opencode() -> Wiring {
    Wiring {
        files: vec![Place::Own { path: ".opencode/plugins/countersign.js", text: OPENCODE, is_program: false }],
        signs: &[".opencode", "opencode.json", "~/.config/opencode"],
        remarks: &["Where the hook cannot run, OpenCode does not go on: the plugin throws."],
    }
}
