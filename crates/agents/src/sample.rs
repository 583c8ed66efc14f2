//! What an agent says before it does something, made up: to try whether a hook answers.

use crate::AgentKind;
use serde_json::{Value, json};

/// Something that an agent would be about to do.
#[derive(Debug, Clone, Copy)]
pub enum Sample<'a> {
    /// It writes a file that is not there: the absolute path and the text.
    Write(&'a str, &'a str),
    /// It runs a command.
    Command(&'a str),
}

/// What a sample looks like from an agent.
#[derive(Debug, Clone)]
pub struct SamplePayload {
    /// The event that the hook is set up for in the agent's settings.
    pub event: &'static str,
    /// The agent's name for the tool, which the settings may match.
    pub tool: &'static str,
    /// What comes on standard input.
    pub payload: Value,
}

/// Names the session of a sample.
const SESSION: &str = "countersign-doctor";

/// What an agent gives to its hook before it does something in a folder, which is an absolute path. The shapes are those that the
/// adapters read, which name their sources; [`crate::read`] reads them back.
pub fn sample(agent: AgentKind, folder: &str, sample: Sample<'_>) -> SamplePayload {
    let is_command = matches!(sample, Sample::Command(_));
    let tools = |write: &'static str, run: &'static str| if is_command { run } else { write };
    let input = |path: &str, content: &str| match sample {
        Sample::Write(file, text) => json!({ path: file, content: text }),
        Sample::Command(command) => json!({ "command": command }),
    };
    let with = |event: &'static str, tool: &'static str, payload: Value| SamplePayload { event, tool, payload };
    match agent {
        AgentKind::ClaudeCode => {
            let tool = tools("Write", "Bash");
            let payload = json!({
                "session_id": SESSION, "transcript_path": format!("{folder}/.claude/{SESSION}.jsonl"), "cwd": folder,
                "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": tool, "tool_use_id": "toolu_doctor",
                "tool_input": input("file_path", "content"),
            });
            with("PreToolUse", tool, payload)
        }
        AgentKind::VsCode => {
            let tool = tools("create_file", "run_in_terminal");
            let payload = json!({
                "timestamp": "2026-01-01T00:00:00.000Z", "cwd": folder, "sessionId": SESSION,
                "transcript_path": format!("{folder}/{SESSION}.json"), "hookEventName": "PreToolUse", "tool_name": tool,
                "tool_use_id": "tool-doctor", "tool_input": input("filePath", "content"),
            });
            with("PreToolUse", tool, payload)
        }
        AgentKind::CopilotCli => {
            let tool = tools("create", "bash");
            let payload = json!({
                "timestamp": 1_767_225_600_000_u64, "cwd": folder, "sessionId": SESSION, "toolName": tool,
                "toolArgs": input("path", "file_text").to_string(),
            });
            with("preToolUse", tool, payload)
        }
        AgentKind::Cursor => {
            let tool = tools("Write", "Shell");
            let payload = json!({
                "conversation_id": SESSION, "generation_id": SESSION, "model": "none", "cursor_version": "1.7.2",
                "workspace_roots": [folder], "user_email": null, "transcript_path": null, "hook_event_name": "preToolUse",
                "tool_name": tool, "tool_use_id": "doctor", "cwd": folder, "tool_input": input("file_path", "content"),
            });
            with("preToolUse", tool, payload)
        }
        AgentKind::Codex => codex(folder, sample),
        AgentKind::GeminiCli => {
            let tool = tools("write_file", "run_shell_command");
            let payload = json!({
                "session_id": SESSION, "transcript_path": format!("{folder}/.gemini/{SESSION}.json"), "cwd": folder,
                "timestamp": "2026-01-01T00:00:00.000Z", "hook_event_name": "BeforeTool", "tool_name": tool,
                "tool_input": input("file_path", "content"),
            });
            with("BeforeTool", tool, payload)
        }
        AgentKind::Windsurf => windsurf(folder, sample),
        AgentKind::Kiro | AgentKind::AmazonQ => kiro(folder, sample),
        AgentKind::Cline => {
            let tool = tools("write_to_file", "execute_command");
            let payload = json!({
                "clineVersion": "3.36.0", "timestamp": "1767225600000", "taskId": SESSION, "workspaceRoots": [folder],
                "userId": SESSION, "model": { "provider": "none", "slug": "none" }, "hookName": "PreToolUse",
                "preToolUse": { "toolName": tool, "parameters": input("path", "content") },
            });
            with("PreToolUse", tool, payload)
        }
        AgentKind::OpenCode => {
            let tool = tools("write", "bash");
            let payload = json!({
                "hook": "tool.execute.before", "sessionID": SESSION, "callID": "call_doctor", "directory": folder,
                "tool": tool, "args": input("filePath", "content"),
            });
            with("tool.execute.before", tool, payload)
        }
    }
}

fn codex(folder: &str, sample: Sample<'_>) -> SamplePayload {
    let (tool, command) = match sample {
        Sample::Write(file, text) => {
            let lines: String = text.lines().flat_map(|line| ["+", line, "\n"]).collect();
            ("apply_patch", format!("*** Begin Patch\n*** Add File: {file}\n{lines}*** End Patch\n"))
        }
        Sample::Command(command) => ("Bash", command.to_owned()),
    };
    let payload = json!({
        "session_id": SESSION, "transcript_path": format!("{folder}/.codex/{SESSION}.jsonl"), "cwd": folder, "model": "none",
        "turn_id": "doctor", "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": tool,
        "tool_use_id": "call_doctor", "tool_input": { "command": command },
    });
    SamplePayload { event: "PreToolUse", tool, payload }
}

fn windsurf(folder: &str, sample: Sample<'_>) -> SamplePayload {
    let (event, info) = match sample {
        Sample::Write(file, text) => {
            ("pre_write_code", json!({ "file_path": file, "edits": [{ "old_string": "", "new_string": text }] }))
        }
        Sample::Command(command) => ("pre_run_command", json!({ "command_line": command, "cwd": folder })),
    };
    let payload = json!({
        "agent_action_name": event, "trajectory_id": SESSION, "execution_id": SESSION, "timestamp": "2026-01-01T00:00:00Z",
        "model_name": "none", "tool_info": info,
    });
    SamplePayload { event, tool: event, payload }
}

fn kiro(folder: &str, sample: Sample<'_>) -> SamplePayload {
    let (tool, input) = match sample {
        Sample::Write(file, text) => ("fs_write", json!({ "command": "create", "path": file, "file_text": text })),
        Sample::Command(command) => ("execute_bash", json!({ "command": command })),
    };
    let payload = json!({
        "hook_event_name": "preToolUse", "cwd": folder, "session_id": SESSION, "tool_name": tool, "tool_input": input,
    });
    SamplePayload { event: "PreToolUse", tool, payload }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Answer, Change, Edit, Moment, read};
    use std::path::Path;

    #[test]
    fn every_adapter_reads_its_samples() {
        for agent in AgentKind::ALL {
            let read = |sample: Sample<'_>| {
                let payload = super::sample(*agent, "/r", sample).payload.to_string();
                let call = read(*agent, payload.as_bytes()).unwrap_or_else(|refusal| panic!("{agent}: {refusal}"));
                assert_eq!((call.agent, call.moment), (*agent, Moment::Before), "{agent}");
                call
            };
            let call = read(Sample::Write("/r/a.tf", "locals {}\n"));
            let Action::Edits(edits) = &call.action else { panic!("{agent}: {call:?}") };
            let [Edit { path, change }] = edits.as_slice() else { panic!("{agent}: {edits:?}") };
            assert_eq!(path, Path::new("/r/a.tf"), "{agent}");
            let text = match change {
                Change::Write(text) => text,
                Change::Replace(replacements) => &replacements[0].new,
                other => panic!("{agent}: {other:?}"),
            };
            assert_eq!(text, "locals {}\n", "{agent}");
            let call = read(Sample::Command("terraform destroy"));
            assert_eq!(call.action, Action::Command("terraform destroy".to_owned()), "{agent}");
            // What is denied is told from everything else.
            let reply = |answer: Answer| answer.reply(*agent, call.event.as_deref());
            assert!(reply(Answer::Deny("because".to_owned())).is_denial(*agent, call.event.as_deref()), "{agent}");
            for other in [Answer::Pass, Answer::Tell("note".to_owned()), Answer::Ask("really?".to_owned())] {
                assert!(!reply(other).is_denial(*agent, call.event.as_deref()), "{agent}");
            }
        }
    }
}
