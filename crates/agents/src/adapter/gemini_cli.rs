//! Gemini CLI.
//!
//! Source: `packages/core/src/hooks/types.ts` of google-gemini/gemini-cli for the payload,
//! `packages/core/src/tools/definitions/base-declarations.ts` for the arguments. No field names the call of the tool or
//! the model.

use super::{Names, command, common, other, with_tool};
use crate::json::Fields;
use crate::{Action, Answer, Call, Moment, Refusal, Reply};
use serde_json::{Value, json};

const NAMES: Names = Names { all: &["allow_multiple"], ..Names::SNAKE };

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let mut call = common(payload)?;
    call.moment = match payload.required(&["hook_event_name"])? {
        "BeforeTool" => Moment::Before,
        "AfterTool" => {
            let error = payload.get(&["tool_response"]).and_then(|response| response.get("error"));
            if error.is_some_and(|error| !error.is_null()) { Moment::Failed } else { Moment::After }
        }
        event => super::moment(event),
    };
    with_tool(call, payload, tool)
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name {
        "write_file" => NAMES.write(fields()?),
        "replace" => NAMES.replace(fields()?),
        "run_shell_command" => command(fields()?, &["command"]),
        _ => Ok(other(name, arguments)),
    }
}

/// <https://geminicli.com/docs/hooks/reference>: `deny` with a reason for the model. `ask` is in the code and not in the
/// reference, and nothing gives the model context before a tool, so both become a message to the user.
pub(super) fn reply(answer: &Answer) -> Reply {
    match answer {
        Answer::Pass => Reply::silent(),
        Answer::Tell(text) | Answer::Ask(text) => Reply::json(&json!({ "systemMessage": text })),
        Answer::Deny(text) => Reply::json(&json!({ "decision": "deny", "reason": text })),
    }
}
