//! Cline.
//!
//! Source: <https://docs.cline.bot/features/hooks/hook-reference> for the payload; the arguments of its tools follow
//! cline/cline and the presets of git-ai-project/git-ai (`presets/cline.rs`, which also has `model`). The parameters of
//! a tool are texts, also where they hold lists. No field names the call of the tool.

use super::{Names, edit, other, patch_in};
use crate::json::{Fields, arguments};
use crate::{Action, Answer, Call, Change, Moment, Refusal, Reply, blocks};
use serde_json::{Value, json};

const NAMES: Names = Names {
    path: &["path", "absolutePath", "file_path"],
    old: &["old_text", "old_str"],
    new: &["new_text", "new_str"],
    text_is_promised: false,
    ..Names::SNAKE
};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    let event = payload.required(&["hookName"])?;
    let roots = payload.list(&["workspaceRoots"])?.unwrap_or_default();
    let model = match payload.get(&["model"]) {
        Some(Value::Object(_)) => {
            payload.object("model", "model")?.map(|model| model.named(&["slug"])).transpose()?.flatten()
        }
        _ => payload.named(&["model"])?,
    };
    let call = Call {
        model,
        session: payload.named(&["taskId"])?,
        cwd: roots.first().and_then(Value::as_str).map(Into::into),
        ..Call::of(payload.agent)
    };
    let (mut moment, field) = match event {
        "PreToolUse" => (Moment::Before, "preToolUse"),
        "PostToolUse" => (Moment::After, "postToolUse"),
        "TaskStart" | "TaskResume" => return Ok(Call { moment: Moment::Start, ..call }),
        _ => return Ok(call),
    };
    let tool = payload.object(field, field)?.ok_or_else(|| payload.missing(field))?;
    if tool.get(&["success"]).is_some() && !tool.flag(&["success"])? {
        moment = Moment::Failed;
    }
    let name = tool.required(&["toolName"])?;
    let action = action(payload, name, &arguments(tool.get(&["parameters"])))?;
    Ok(Call { moment, action, ..call })
}

fn action(payload: Fields<'_>, name: &str, arguments: &Value) -> Result<Action, Refusal> {
    let fields = || payload.inside(arguments, "parameters");
    match name {
        "write_to_file" => NAMES.write(fields()?),
        "replace_in_file" => {
            let fields = fields()?;
            let change = fields.text(&["diff"])?.map_or(Change::Patched, blocks::read);
            Ok(edit(fields.required_path(NAMES.path)?, change))
        }
        "apply_patch" => patch_in(payload, arguments, &["input", "patch"], "parameters"),
        "editor" | "edit" => {
            let fields = fields()?;
            // Without text to replace it depends on the file what the tool does.
            if fields.get(NAMES.old).is_some() {
                NAMES.replace(fields)
            } else {
                Ok(edit(fields.required_path(NAMES.path)?, Change::Patched))
            }
        }
        "execute_command" | "bash" | "shell" | "run_command" => super::command(fields()?, &["command"]),
        "run_commands" => {
            let fields = fields()?;
            let commands = fields.list(&["commands"])?.ok_or_else(|| fields.missing("commands"))?;
            let lines = commands.iter().filter_map(|one| one.as_str().or_else(|| one.get("command")?.as_str()));
            Ok(Action::Command(lines.collect::<Vec<_>>().join("\n")))
        }
        // A tool of a server; its own arguments are a text that holds JSON.
        "use_mcp_tool" => {
            let fields = fields()?;
            let server = fields.text(&["server_name", "serverName"])?.unwrap_or_default();
            let tool = fields.required(&["tool_name", "toolName"])?;
            Ok(other(&format!("mcp__{server}__{tool}"), &crate::json::arguments(fields.get(&["arguments"]))))
        }
        _ => Ok(other(name, arguments)),
    }
}

/// Cline expects an object from every hook. It has no way to ask, so a question becomes context.
pub(super) fn reply(answer: &Answer) -> Reply {
    Reply::json(&match answer {
        Answer::Pass => json!({ "cancel": false }),
        Answer::Tell(text) | Answer::Ask(text) => json!({ "cancel": false, "contextModification": text }),
        Answer::Deny(text) => json!({ "cancel": true, "errorMessage": text }),
    })
}
