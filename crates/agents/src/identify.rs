//! Which agent a payload came from.
//!
//! Cursor, VS Code and Copilot also run the hooks of `.claude/settings.json`, and the latter two share `.github/hooks`.
//! Taking their payloads for Claude Code's would name the wrong tool in every record.

use crate::{AgentKind, Refusal};
use serde_json::{Map, Value};

/// The agent that called, if the hook was configured for `asked`.
pub(crate) fn sender(asked: AgentKind, payload: &Map<String, Value>) -> Result<AgentKind, Refusal> {
    use AgentKind::{AmazonQ, ClaudeCode, CopilotCli, Cursor, Kiro, VsCode};
    let Some(found) = certain(payload) else { return Ok(asked) };
    match (asked, found) {
        (ClaudeCode, Cursor | VsCode | CopilotCli) | (CopilotCli, VsCode) | (VsCode, CopilotCli) => Ok(found),
        // Kiro grew out of Amazon Q, and their payloads are the same.
        (AmazonQ, Kiro) => Ok(asked),
        _ if asked == found => Ok(asked),
        _ => Err(Refusal::OtherAgent { asked, looks_like: found }),
    }
}

/// The agent, if fields that only it sends say so.
fn certain(payload: &Map<String, Value>) -> Option<AgentKind> {
    let has = |name: &str| payload.get(name).is_some_and(|value| !value.is_null());
    let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
    let transcript = text("transcript_path").to_lowercase();
    let lies_in = |folder: &str| transcript.split(['/', '\\']).any(|part| part == folder);
    let event = text("hook_event_name");
    let result = payload.get("tool_result");

    if has("agent_action_name") {
        Some(AgentKind::Windsurf)
    } else if has("clineVersion") || has("hookName") {
        Some(AgentKind::Cline)
    } else if text("hook").starts_with("tool.execute.") || text("hook") == "session.created" {
        Some(AgentKind::OpenCode)
    } else if has("cursor_version") || (has("conversation_id") && has("workspace_roots")) || lies_in(".cursor") {
        Some(AgentKind::Cursor)
    } else if has("toolArgs") || result.and_then(|result| result.get("result_type")).is_some() {
        Some(AgentKind::CopilotCli)
    } else if (has("hookEventName") && !has("toolName"))
        || text("tool_use_id").contains("__vscode-")
        || transcript.contains("github.copilot")
        || transcript.contains("github copilot")
    {
        Some(AgentKind::VsCode)
    } else if has("turn_id") && has("model") {
        Some(AgentKind::Codex)
    } else if event.starts_with("BeforeTool") || event == "AfterTool" || lies_in(".gemini") {
        Some(AgentKind::GeminiCli)
    } else if event == "agentSpawn" || matches!(text("tool_name"), "fs_write" | "fs_read" | "execute_bash") {
        Some(AgentKind::Kiro)
    } else if matches!(event, "PreToolUse" | "PostToolUse") && has("timestamp") && !has("transcript_path") {
        // Claude Code always names a transcript and never the time.
        Some(AgentKind::CopilotCli)
    } else if lies_in(".claude") {
        Some(AgentKind::ClaudeCode)
    } else {
        None
    }
}
