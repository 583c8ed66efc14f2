//! GitHub Copilot in a terminal, and its cloud agent.
//!
//! Source: <https://docs.github.com/en/copilot/reference/copilot-cli-reference/cli-hooks-reference>. The payload of its
//! own events (`toolName`, `toolArgs`) does not name the event: a result says that the tool ran. Events that are
//! configured under the names of Claude Code get that agent's fields; their tools follow the presets of
//! git-ai-project/git-ai (`presets/github_copilot/cli.rs`), where `Edit` and `Write` may hold a patch.

use super::{Names, claude_code, common, edit, moment, other, patch_in, result_is};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Change, Moment, Refusal, Reply, patch};
use serde_json::{Value, json};

const NAMES: Names = Names {
    path: &["path", "file_path", "filePath"],
    old: &["old_str", "old_string"],
    new: &["new_str", "new_string"],
    content: &["file_text", "content"],
    text_is_promised: false,
    ..Names::SNAKE
};

const RESULT: &[&str] = &["toolResult", "tool_result", "tool_response"];

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let mut call = common(payload)?;
    let event = payload.text(&["hook_event_name", "hookEventName"])?;
    let Some(name) = payload.text(&["toolName", "tool_name"])? else {
        if event.map(moment).is_some_and(Moment::is_of_tool) {
            return Err(payload.missing("toolName"));
        }
        // Its own events do not say which they are; only the start of a session says where that comes from.
        let is_start = event.map_or(payload.get(&["source"]).is_some(), |event| moment(event) == Moment::Start);
        if is_start {
            call.moment = Moment::Start;
        }
        return Ok(call);
    };
    let has_failed = ["resultType", "result_type"]
        .iter()
        .any(|field| result_is(payload, RESULT, field, &[&json!("failure"), &json!("denied"), &json!("rejected")]));
    call.moment = match event.map(moment) {
        Some(Moment::After) | None if has_failed => Moment::Failed,
        Some(moment) => moment,
        None if payload.get(RESULT).is_some() => Moment::After,
        None if payload.get(&["error"]).is_some() => Moment::Failed,
        // The question whether the user agrees, which is asked before the tool runs but after `preToolUse`.
        None if payload.get(&["permissionSuggestions"]).is_some() => Moment::Other,
        None => Moment::Before,
    };
    if call.moment.is_of_tool() {
        let arguments = arguments(payload.get(&["toolArgs", "tool_input", "toolInput"]));
        call.action = tool(payload, name, &arguments)?;
    }
    Ok(call)
}

pub(super) fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "toolArgs");
    match (name, arguments) {
        ("apply_patch" | "git_apply_patch", _) => patch_in(payload, arguments, &["input", "patch"], "toolArgs"),
        ("Edit" | "Write" | "MultiEdit" | "edit" | "create", Value::String(text)) if patch::is_patch(text) => {
            patch_in(payload, arguments, &[], "toolArgs")
        }
        ("create", _) => NAMES.write(fields()?),
        ("edit" | "str_replace", _) => NAMES.replace(fields()?),
        ("str_replace_editor", Value::Object(_)) => {
            let fields = fields()?;
            match fields.required(&["command"])? {
                "create" => NAMES.write(fields),
                "str_replace" => NAMES.replace(fields),
                "insert" => match fields.number(&["insert_line"])?.zip(fields.text(NAMES.new)?) {
                    Some((after_line, text)) => {
                        let text = text.to_owned();
                        Ok(edit(fields.required_path(NAMES.path)?, Change::Insert { after_line, text }))
                    }
                    None => Ok(edit(fields.required_path(NAMES.path)?, Change::Patched)),
                },
                _ => Ok(other(name, arguments)),
            }
        }
        ("bash" | "powershell" | "Powershell", _) => super::command(fields()?, &["command"]),
        _ => claude_code::action(payload, name, arguments),
    }
}

/// The decision stands at the top; `additionalContext` follows the reference of the Copilot SDK
/// (<https://docs.github.com/en/copilot/how-tos/copilot-sdk/hooks/pre-tool-use>), which names the same fields. Events that
/// are configured under the names of Claude Code are answered in its format.
pub(super) fn reply(event: Option<&str>, answer: &Answer) -> Reply {
    if event == Some("PreToolUse") {
        return claude_code::reply(answer);
    }
    match answer {
        Answer::Pass => Reply::silent(),
        Answer::Tell(text) => Reply::json(&json!({ "additionalContext": text })),
        Answer::Ask(text) => Reply::json(&json!({ "permissionDecision": "ask", "permissionDecisionReason": text })),
        Answer::Deny(text) => Reply::json(&json!({ "permissionDecision": "deny", "permissionDecisionReason": text })),
    }
}
