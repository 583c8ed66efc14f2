//! Claude Code.
//!
//! Source: the hook types in `sdk.d.ts` of the package @anthropic-ai/claude-agent-sdk, and
//! <https://code.claude.com/docs/en/hooks>. `PostToolUse` is only sent for tools that succeeded. There is no model in
//! the payload of a tool: the transcript has it.

use super::{Names, common, moment, other, with_tool};
use crate::json::Fields;
use crate::{Action, Answer, Call, Refusal, Reply};
use serde_json::{Value, json};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let moment = moment(payload.required(&["hook_event_name"])?);
    with_tool(Call { moment, ..common(payload)? }, payload, action)
}

/// What a tool of Claude Code does; agents that imitate its tools share this.
pub(super) fn action(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name {
        "Edit" => Names::SNAKE.replace(fields()?),
        "MultiEdit" => Names::SNAKE.replace_several(fields()?, "edits", "tool_input.edits[]"),
        "Write" => Names::SNAKE.write(fields()?),
        "NotebookEdit" => Ok(Action::Nothing),
        "Bash" | "PowerShell" => super::command(fields()?, &["command"]),
        _ => Ok(other(name, arguments)),
    }
}

/// Without a decision the call goes on as it would without the hook: `allow` would skip the user's own rules.
pub(super) fn reply(answer: &Answer) -> Reply {
    super::specific(answer)
        .map_or_else(Reply::silent, |specific| Reply::json(&json!({ "hookSpecificOutput": specific })))
}
