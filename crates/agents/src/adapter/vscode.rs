//! The agent of VS Code.
//!
//! Source: <https://code.visualstudio.com/docs/agents/reference/hooks-reference> for the payload (`hookEventName` and
//! `sessionId`; newer versions send the names of Claude Code), `src/extension/tools` of microsoft/vscode-copilot-chat
//! for the arguments of its tools. Sessions that run in the runtime of Copilot CLI send that runtime's tools.

use super::{Names, claude_code, common, copilot_cli, edit, moment, other, patch_in, with_tool};
use crate::json::Fields;
use crate::{Action, Answer, Call, Change, Edit, Refusal, Reply};
use serde_json::Value;

const NAMES: Names = Names { path: &["filePath", "file_path", "path"], text_is_promised: false, ..Names::CAMEL };

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let moment = moment(payload.required(&["hookEventName", "hook_event_name"])?);
    with_tool(Call { moment, ..common(payload)? }, payload, tool)
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name {
        "create_file" => NAMES.write(fields()?),
        "replace_string_in_file" => NAMES.replace(fields()?),
        "multi_replace_string_in_file" => several_files(fields()?),
        "apply_patch" => patch_in(payload, arguments, &["input"], "tool_input"),
        "delete_file" => NAMES.delete(fields()?),
        // The text has holes ("...existing code..."), so it is not what the file will hold.
        "insert_edit_into_file" => Ok(edit(fields()?.required_path(NAMES.path)?, Change::Patched)),
        "editFiles" => {
            let mut edits = Vec::new();
            let fields = fields()?;
            for file in fields.list(&["files"])?.ok_or_else(|| fields.missing("files"))? {
                let Some(path) = file.as_str() else { continue };
                edits.push(Edit { path: path.into(), change: Change::Patched });
            }
            Ok(Action::Edits(edits))
        }
        "edit_notebook_file" => Ok(Action::Nothing),
        "run_in_terminal" | "runTerminalCommand" => super::command(fields()?, &["command"]),
        "view" => Ok(other(name, arguments)),
        _ => copilot_cli::tool(payload, name, arguments),
    }
}

/// Replacements that each name their file; those of one file in a row are one edit.
fn several_files(arguments: Fields<'_>) -> Result<Action, Refusal> {
    let mut edits: Vec<Edit> = Vec::new();
    for item in arguments.list(&["replacements"])?.ok_or_else(|| arguments.missing("replacements"))? {
        let item = arguments.inside(item, "tool_input.replacements[]")?;
        let path = item.required_path(NAMES.path)?;
        match (NAMES.replacement(item)?, edits.last_mut()) {
            (Some(one), Some(Edit { path: last, change: Change::Replace(ones) })) if *last == path => ones.push(one),
            (Some(one), _) => edits.push(Edit { path, change: Change::Replace(vec![one]) }),
            (None, _) => edits.push(Edit { path, change: Change::Patched }),
        }
    }
    Ok(Action::Edits(edits))
}

/// The format is that of Claude Code, by the reference named above.
pub(super) fn reply(answer: &Answer) -> Reply {
    claude_code::reply(answer)
}
