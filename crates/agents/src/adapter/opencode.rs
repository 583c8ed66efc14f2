//! OpenCode.
//!
//! OpenCode runs hooks inside its own process, so what comes here is written by our plugin, which passes on what
//! `tool.execute.before` and `tool.execute.after` give it (`packages/plugin/src/index.ts` of sst/opencode; arguments of
//! the tools as in `packages/opencode/src/tool`):
//!
//! ```json
//! {
//!   "hook": "tool.execute.before",
//!   "sessionID": "ses_1",
//!   "callID": "call_1",
//!   "tool": "edit",
//!   "args": { "filePath": "/r/main.tf", "oldString": "a", "newString": "b", "replaceAll": false },
//!   "directory": "/r",
//!   "model": "provider/model",
//!   "error": null
//! }
//! ```
//!
//! `model` and `error` may be absent: OpenCode gives neither to these hooks, and the plugin takes them from the events of
//! the session. An `error` after the tool says that it failed.

use super::{Names, command, other, patch_in};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Moment, Refusal, Reply};
use serde_json::{Value, json};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let moment = match payload.required(&["hook"])? {
        "tool.execute.before" => Moment::Before,
        "tool.execute.after" if payload.get(&["error"]).is_some() => Moment::Failed,
        "tool.execute.after" => Moment::After,
        "session.created" => Moment::Start,
        _ => Moment::Other,
    };
    let mut call = Call {
        model: payload.named(&["model"])?,
        session: payload.named(&["sessionID"])?,
        call: payload.named(&["callID"])?,
        cwd: payload.path(&["directory"])?,
        moment,
        ..Call::of(payload.agent)
    };
    if moment.is_of_tool() {
        call.action = tool(payload, payload.required(&["tool"])?, &arguments(payload.get(&["args"])))?;
    }
    Ok(call)
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "args");
    match name {
        "edit" => Names::CAMEL.replace(fields()?),
        "multiedit" => Names::CAMEL.replace_several(fields()?, "edits", "args.edits[]"),
        "write" => Names::CAMEL.write(fields()?),
        "patch" | "apply_patch" => patch_in(payload, arguments, &["patchText"], "args"),
        "bash" | "shell" => command(fields()?, &["command"]),
        _ => Ok(other(name, arguments)),
    }
}

/// What our plugin reads: it throws the message where the verdict is `deny`, which OpenCode gives to the model as the tool's
/// result. A hook of OpenCode cannot ask and has no context to give, so the plugin logs the rest.
pub(super) fn reply(answer: &Answer) -> Reply {
    match answer {
        Answer::Pass => Reply::silent(),
        Answer::Tell(text) | Answer::Ask(text) => Reply::json(&json!({ "verdict": "note", "message": text })),
        Answer::Deny(text) => Reply::json(&json!({ "verdict": "deny", "message": text })),
    }
}
