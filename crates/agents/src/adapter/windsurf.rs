//! Windsurf.
//!
//! Source: <https://docs.windsurf.com/windsurf/cascade/hooks>. `execution_id` names a turn, in which many tools may
//! run, so it joins nothing. Text inside strings is sometimes not escaped; the reader of JSON takes care of that.

use super::{Names, command, other};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Moment, Refusal, Reply};

const NAMES: Names = Names { text_is_promised: false, ..Names::SNAKE };

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let event = payload.required(&["agent_action_name"])?;
    let info = payload.object("tool_info", "tool_info")?;
    let cwd = info.map(|info| info.path(&["cwd", "workspace_path"])).transpose()?.flatten();
    let mut call = Call {
        model: payload.named(&["model_name"])?,
        session: payload.named(&["trajectory_id"])?,
        cwd: if cwd.is_some() { cwd } else { payload.path(&["cwd"])? },
        ..Call::of(payload.agent)
    };
    let (moment, what) = match event.split_once('_') {
        Some(("pre", what)) => (Moment::Before, what),
        Some(("post", what)) => (Moment::After, what),
        _ => return Ok(call),
    };
    let info = || info.ok_or_else(|| payload.missing("tool_info"));
    call.action = match what {
        "write_code" => NAMES.replace_several(info()?, "edits", "tool_info.edits[]")?,
        "run_command" => command(info()?, &["command_line"])?,
        "mcp_tool_use" => {
            let info = info()?;
            other(info.required(&["mcp_tool_name"])?, &arguments(info.get(&["mcp_tool_arguments"])))
        }
        _ => Action::Nothing,
    };
    if call.action != Action::Nothing {
        call.moment = moment;
    }
    Ok(call)
}

/// An exit code of 2 stops what is about to be done, and standard error says why. What is printed besides is shown where
/// the hook is configured with `show_output`.
pub(super) fn reply(answer: &Answer) -> Reply {
    match answer {
        Answer::Pass => Reply::silent(),
        Answer::Tell(text) | Answer::Ask(text) => Reply { stdout: format!("{text}\n"), ..Reply::silent() },
        Answer::Deny(text) => Reply::blocking(text),
    }
}
