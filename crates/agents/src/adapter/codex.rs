//! Codex.
//!
//! Source: `codex-rs/hooks/schema/generated/{pre,post}-tool-use.command.input.schema.json` of openai/codex for the
//! payload, which leaves the arguments open: `apply_patch` has its patch in `command`. The program that `notify`
//! configures gets no edits; its payload is read so that a wrong configuration does no harm.

use super::{command, common, moment, other, patch_in, with_tool};
use crate::json::Fields;
use crate::{Action, Answer, Call, Refusal, Reply, patch};
use serde_json::{Value, json};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let mut call = common(payload)?;
    if payload.get(&["hook_event_name"]).is_none() && payload.get(&["type"]).is_some() {
        call.session = payload.named(&["thread-id"])?;
        return Ok(call);
    }
    call.moment = moment(payload.required(&["hook_event_name"])?);
    with_tool(call, payload, tool)
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name.strip_prefix("functions.").unwrap_or(name) {
        "apply_patch" => patch_in(payload, arguments, &["command", "input", "patch"], "tool_input"),
        "Bash" | "shell" | "shell_command" | "exec_command" | "local_shell" => {
            let fields = fields()?;
            // Models also call the patch program by its name.
            if let Some(Value::Array(words)) = fields.get(&["command"])
                && let [Value::String(program), Value::String(text)] = words.as_slice()
                && program == "apply_patch"
            {
                return Ok(Action::Edits(patch::read(payload.agent, text)?));
            }
            command(fields, &["command", "cmd"])
        }
        _ => Ok(other(name, arguments)),
    }
}

/// Codex takes no `ask` from a hook, and what it takes for a mistake it passes over, so a question becomes context:
/// `codex-rs/hooks/src/engine/output_parser.rs` of openai/codex, and `pre-tool-use.command.output.schema.json` beside it.
pub(super) fn reply(answer: &Answer) -> Reply {
    super::specific(&answer.clone().without_ask())
        .map_or_else(Reply::silent, |specific| Reply::json(&json!({ "hookSpecificOutput": specific })))
}
