//! Kiro, in a terminal or as an editor.
//!
//! Source: <https://kiro.dev/docs/cli/hooks>; for the arguments of `fs_write` its ancestor, see [`super::amazon_q`].
//! The editor's tools have the same arguments in camel case. No field names the call of the tool or the model, and most
//! versions name no session.

use super::{Names, command, common, edit, moment, other, result_is};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Change, Edit, Moment, Refusal, Reply};
use serde_json::{Value, json};

const NAMES: Names = Names {
    path: &["path", "file_path", "targetFile"],
    old: &["old_str", "oldStr"],
    new: &["new_str", "newStr"],
    all: &[],
    content: &["file_text", "new_str", "text", "content"],
    text_is_promised: true,
};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let mut call = common(payload)?;
    call.moment = moment(payload.required(&["hook_event_name"])?);
    if !call.moment.is_of_tool() {
        return Ok(call);
    }
    // A hook that waits for the end of the turn gets all uses of tools at once.
    if let Some(events) = payload.list(&["hook_events"])? {
        (call.moment, call.action) = deferred(payload, events)?;
        return Ok(call);
    }
    if has_failed(payload) {
        call.moment = Moment::Failed;
    }
    call.action = event(payload, payload)?;
    Ok(call)
}

fn has_failed(event: Fields<'_>) -> bool {
    result_is(event, &["tool_response"], "success", &[&json!(false)])
}

fn event(payload: Fields<'_>, event: Fields<'_>) -> Result<Action, Refusal> {
    tool(payload, event.required(&["tool_name"])?, &arguments(event.get(&["tool_input"])))
}

fn deferred(payload: Fields<'_>, events: &[Value]) -> Result<(Moment, Action), Refusal> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut commands: Vec<String> = Vec::new();
    for one in events {
        let one = payload.inside(one, "hook_events[]")?;
        let action = event(payload, one)?;
        match action {
            Action::Edits(more) if !has_failed(one) => edits.extend(more),
            Action::Command(command) => commands.push(command),
            _ => {}
        }
    }
    // A command may have changed any file, so what the tools wrote before it is not what the files hold.
    Ok((
        Moment::After,
        match (edits.is_empty(), commands.is_empty()) {
            (_, false) => Action::Command(commands.join("\n")),
            (false, true) => Action::Edits(edits),
            (true, true) => Action::Nothing,
        },
    ))
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name {
        "fs_write" | "write" | "fsWrite" | "str_replace" | "strReplace" | "fs_append" | "fsAppend" => {
            let fields = fields()?;
            let what = match (fields.text(&["command"])?, name) {
                (Some(command), _) => command,
                (None, "str_replace" | "strReplace") => "str_replace",
                (None, "fs_append" | "fsAppend") => "append",
                (None, _) => "create",
            };
            match what {
                "create" => NAMES.write(fields),
                "str_replace" | "strReplace" => NAMES.replace(fields),
                "insert" => {
                    let text = fields.required(NAMES.new)?.to_owned();
                    let path = fields.required_path(NAMES.path)?;
                    let line = fields.number(&["insert_line", "insertLine"])?;
                    Ok(edit(
                        path,
                        line.map_or_else(
                            || Change::Append(text.clone()),
                            |after_line| Change::Insert { after_line, text: text.clone() },
                        ),
                    ))
                }
                "append" => {
                    let text = fields.required(&["new_str", "newStr", "text", "content"])?.to_owned();
                    Ok(edit(fields.required_path(NAMES.path)?, Change::Append(text)))
                }
                _ => Ok(edit(fields.required_path(NAMES.path)?, Change::Patched)),
            }
        }
        "delete_file" | "deleteFile" => NAMES.delete(fields()?),
        "execute_bash" | "execute_cmd" | "shell" | "executeBash" | "executePwsh" => command(fields()?, &["command"]),
        _ => Ok(other(name, arguments)),
    }
}

/// An exit code of 2 stops the tool, and standard error goes to the model; with any other but 0 the tool runs, and standard
/// error is shown to the user as a warning.
pub(super) fn reply(answer: &Answer) -> Reply {
    match answer {
        Answer::Pass => Reply::silent(),
        Answer::Tell(text) | Answer::Ask(text) => Reply { code: 1, ..Reply::blocking(text) },
        Answer::Deny(text) => Reply::blocking(text),
    }
}
