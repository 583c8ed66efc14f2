//! Cursor: its agent, and its completions, which are recorded as `cursor-tab`.
//!
//! Source: <https://cursor.com/docs/agent/hooks>, read in a public copy. The arguments of the file tools are not
//! documented: their names follow the presets of git-ai-project/git-ai (`presets/cursor.rs`) and public hook scripts,
//! and a file without text counts as changed. Hooks that were configured for Claude Code get the same fields, with
//! Claude Code's names of events and tools.

use super::{Names, common, edit, moment, other, patch_in};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Change, Moment, Refusal, Replacement, Reply, Span, patch};
use serde_json::{Value, json};

const NAMES: Names = Names {
    path: &["file_path", "path", "target_file"],
    content: &["content", "contents", "file_text"],
    text_is_promised: false,
    ..Names::SNAKE
};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let event = payload.required(&["hook_event_name"])?;
    let mut call = common(payload)?;
    if let Some(conversation) = payload.named(&["conversation_id"])? {
        call.session = Some(conversation);
    }
    if call.cwd.is_none() {
        let root = payload.list(&["workspace_roots"])?.and_then(|roots| roots.first()).and_then(Value::as_str);
        call.cwd = root.map(Into::into);
    }
    (call.moment, call.action) = match event {
        "beforeShellExecution" => (Moment::Before, super::command(payload, &["command"])?),
        "afterShellExecution" => (Moment::After, super::command(payload, &["command"])?),
        "beforeMCPExecution" | "afterMCPExecution" => {
            let moment = if event == "beforeMCPExecution" { Moment::Before } else { Moment::After };
            (moment, other(payload.required(&["tool_name"])?, &arguments(payload.get(&["tool_input"]))))
        }
        "afterFileEdit" | "afterTabFileEdit" => (Moment::After, file_edit(payload)?),
        _ => match moment(event) {
            moment @ (Moment::Other | Moment::Start) => (moment, Action::Nothing),
            moment => {
                let name = payload.required(&["tool_name"])?;
                (moment, tool(payload, name, &arguments(payload.get(&["tool_input"])))?)
            }
        },
    };
    if event == "afterTabFileEdit" || event == "beforeTabFileRead" {
        "cursor-tab".clone_into(&mut call.tool);
    }
    Ok(call)
}

fn tool(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "tool_input");
    match name {
        "Write" | "StrReplace" | "Edit" => {
            let fields = fields()?;
            // `Write` is the name of every edit in some versions.
            if fields.get(NAMES.content).is_some() {
                NAMES.write(fields)
            } else if fields.get(&["edits"]).is_some() {
                NAMES.replace_several(fields, "edits", "tool_input.edits[]")
            } else {
                NAMES.replace(fields)
            }
        }
        "MultiEdit" => NAMES.replace_several(fields()?, "edits", "tool_input.edits[]"),
        "Delete" => NAMES.delete(fields()?),
        "ApplyPatch" => {
            const PATCH: &[&str] = &["patch", "input", "command"];
            let Value::Object(_) = arguments else { return patch_in(payload, arguments, PATCH, "tool_input") };
            let fields = fields()?;
            match (fields.text(PATCH)?, fields.path(NAMES.path)?) {
                (Some(text), path) if path.is_none() || patch::is_patch(text) => {
                    Ok(Action::Edits(patch::read(payload.agent, text)?))
                }
                (_, Some(path)) => Ok(edit(path, Change::Patched)),
                (_, None) => Err(fields.missing("patch")),
            }
        }
        "EditNotebook" | "NotebookEdit" => Ok(Action::Nothing),
        "Shell" | "Bash" => super::command(fields()?, &["command"]),
        _ => Ok(other(name, arguments)),
    }
}

/// The events that say what was edited, after the fact.
fn file_edit(payload: Fields<'_>) -> Result<Action, Refusal> {
    let path = payload.required_path(&["file_path"])?;
    let mut replacements = Vec::new();
    for item in payload.list(&["edits"])?.ok_or_else(|| payload.missing("edits"))? {
        let item = payload.inside(item, "edits[]")?;
        replacements.push(Replacement {
            old: item.required(&["old_string"])?.to_owned(),
            new: item.required(&["new_string"])?.to_owned(),
            all: false,
            at: item.object("range", "edits[].range")?.map(span).transpose()?.flatten(),
        });
    }
    Ok(edit(path, Change::Replace(replacements)))
}

fn span(range: Fields<'_>) -> Result<Option<Span>, Refusal> {
    let place = |line, column| -> Result<_, Refusal> { Ok(range.number(&[line])?.zip(range.number(&[column])?)) };
    let ends = place("start_line_number", "start_column")?.zip(place("end_line_number", "end_column")?);
    Ok(ends.map(|(start, end)| Span { start, end }))
}

/// `permission` with a message for each of user and model is the answer to `beforeShellExecution` and
/// `beforeMCPExecution`; `preToolUse` was first documented with `decision` and `reason`, so both are given. It may only be
/// asked about shell commands and calls of MCP. Hooks in the names of Claude Code are answered in its format, too.
pub(super) fn reply(event: Option<&str>, answer: &Answer) -> Reply {
    let may_ask = matches!(event, Some("beforeShellExecution" | "beforeMCPExecution"));
    let answer = if may_ask || event == Some("PreToolUse") { answer.clone() } else { answer.clone().without_ask() };
    let (permission, text) = match &answer {
        Answer::Pass => return Reply::silent(),
        Answer::Tell(text) => ("allow", text),
        Answer::Ask(text) => ("ask", text),
        Answer::Deny(text) => ("deny", text),
    };
    let mut reply = json!({ "permission": permission, "user_message": text, "agent_message": text });
    if !may_ask {
        reply["decision"] = permission.into();
        reply["reason"] = text.as_str().into();
    }
    if event == Some("PreToolUse")
        && let Some(specific) = super::specific(&answer)
    {
        reply["hookSpecificOutput"] = specific;
    }
    Reply::json(&reply)
}
