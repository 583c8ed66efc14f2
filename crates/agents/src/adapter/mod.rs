//! One file per agent. Each names the document that its field names come from.

mod amazon_q;
mod claude_code;
mod cline;
mod codex;
mod copilot_cli;
mod cursor;
mod gemini_cli;
mod kiro;
mod opencode;
mod vscode;
mod windsurf;

use crate::json::{Fields, arguments};
use crate::{Action, AgentKind, Answer, Call, Change, Edit, Moment, Refusal, Replacement, Reply, patch};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The payload of the agent that `payload` is of.
pub(crate) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    const EVENT: &[&str] = &["hook_event_name", "hookEventName", "hookName", "agent_action_name", "hook"];
    let event = payload.get(EVENT).and_then(Value::as_str).map(str::to_owned);
    let call = read_of(payload)?;
    // Copilot's own events do not name themselves.
    let unnamed = || (call.moment == Moment::Start).then(|| "sessionStart".to_owned());
    Ok(Call { event: event.or_else(unnamed), ..call })
}

fn read_of(payload: Fields<'_>) -> Result<Call, Refusal> {
    match payload.agent {
        AgentKind::ClaudeCode => claude_code::read(payload),
        AgentKind::Cursor => cursor::read(payload),
        AgentKind::VsCode => vscode::read(payload),
        AgentKind::CopilotCli => copilot_cli::read(payload),
        AgentKind::Codex => codex::read(payload),
        AgentKind::GeminiCli => gemini_cli::read(payload),
        AgentKind::Windsurf => windsurf::read(payload),
        AgentKind::Kiro => kiro::read(payload),
        AgentKind::AmazonQ => amazon_q::read(payload),
        AgentKind::Cline => cline::read(payload),
        AgentKind::OpenCode => opencode::read(payload),
    }
}

/// An answer in the words of the agent that asks. `event` is [`Call::event`].
pub(crate) fn reply(agent: AgentKind, event: Option<&str>, answer: &Answer) -> Reply {
    if let Some(event) = event.filter(|event| moment(event) == Moment::Start)
        && let Answer::Tell(text) | Answer::Ask(text) | Answer::Deny(text) = answer
    {
        return start(agent, event, text);
    }
    match agent {
        AgentKind::ClaudeCode => claude_code::reply(answer),
        AgentKind::Cursor => cursor::reply(event, answer),
        AgentKind::VsCode => vscode::reply(answer),
        AgentKind::CopilotCli => copilot_cli::reply(event, answer),
        AgentKind::Codex => codex::reply(answer),
        AgentKind::GeminiCli => gemini_cli::reply(answer),
        AgentKind::Windsurf => windsurf::reply(answer),
        AgentKind::Kiro | AgentKind::AmazonQ => kiro::reply(answer),
        AgentKind::Cline => cline::reply(answer),
        AgentKind::OpenCode => opencode::reply(answer),
    }
}

/// What is said where a session starts: to the model, and to the person where the agent shows that. No agent can be refused there
/// but Cline, which has its own event.
///
/// Source: `session-start.command.output.schema.json` of openai/codex, which takes no other fields; `SessionStart` in the references
/// of Claude Code, VS Code and Gemini CLI; `sessionStart` in those of Cursor and of the Copilot SDK, of whose terminal older
/// versions pass it over (github/copilot-cli, issue 2142); Kiro adds what is printed to its context.
fn start(agent: AgentKind, event: &str, text: &str) -> Reply {
    match agent {
        AgentKind::Kiro | AgentKind::AmazonQ => Reply { stdout: format!("{text}\n"), ..Reply::silent() },
        AgentKind::Cursor if event != "SessionStart" => Reply::json(&json!({ "additional_context": text })),
        AgentKind::CopilotCli if event != "SessionStart" => Reply::json(&json!({ "additionalContext": text })),
        _ => Reply::json(&json!({
            "hookSpecificOutput": { "hookEventName": "SessionStart", "additionalContext": text },
            "systemMessage": text,
        })),
    }
}

/// The fields of an answer that Claude Code introduced and others took over; `None` where there is nothing to say.
fn specific(answer: &Answer) -> Option<Value> {
    let (decision, text) = match answer {
        Answer::Pass => return None,
        Answer::Tell(text) => {
            return Some(json!({ "hookEventName": "PreToolUse", "additionalContext": text }));
        }
        Answer::Ask(text) => ("ask", text),
        Answer::Deny(text) => ("deny", text),
    };
    let reason =
        json!({ "hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": text });
    Some(reason)
}

/// The fields that Claude Code introduced and others took over.
fn common(payload: Fields<'_>) -> Result<Call, Refusal> {
    Ok(Call {
        model: payload.named(&["model"])?,
        session: payload.named(&["session_id", "sessionId"])?,
        call: payload.named(&["tool_use_id", "toolUseId"])?,
        cwd: payload.path(&["cwd"])?,
        transcript: payload.path(&["transcript_path", "transcriptPath"])?,
        ..Call::of(payload.agent)
    })
}

/// Adds what a tool does to a call of which the moment is known, where its payload names the tool as Claude Code's does.
fn with_tool(
    mut call: Call,
    payload: Fields<'_>,
    read: impl FnOnce(Fields<'_>, &str, &Value) -> Result<Action, Refusal>,
) -> Result<Call, Refusal> {
    if call.moment.is_of_tool() {
        let name = payload.required(&["tool_name"])?;
        call.action = read(payload, name, &arguments(payload.get(&["tool_input"])))?;
    }
    Ok(call)
}

/// The moment that the name of an event in the manner of Claude Code stands for; some agents begin it in lower case.
fn moment(event: &str) -> Moment {
    match event {
        "PreToolUse" | "preToolUse" => Moment::Before,
        "PostToolUse" | "postToolUse" => Moment::After,
        "PostToolUseFailure" | "postToolUseFailure" => Moment::Failed,
        "SessionStart" | "sessionStart" | "agentSpawn" => Moment::Start,
        _ => Moment::Other,
    }
}

/// How an agent names the arguments of its tools; the first of several names is the documented one.
struct Names {
    path: &'static [&'static str],
    old: &'static [&'static str],
    new: &'static [&'static str],
    all: &'static [&'static str],
    content: &'static [&'static str],
    /// Whether documentation or source promises the text. If not, a file without text is still a changed file.
    text_is_promised: bool,
}

impl Names {
    /// What Claude Code calls them.
    const SNAKE: Self = Self {
        path: &["file_path"],
        old: &["old_string"],
        new: &["new_string"],
        all: &["replace_all"],
        content: &["content"],
        text_is_promised: true,
    };

    /// The same in camel case.
    const CAMEL: Self = Self {
        path: &["filePath"],
        old: &["oldString"],
        new: &["newString"],
        all: &["replaceAll"],
        content: &["content"],
        text_is_promised: true,
    };

    fn replacement(&self, fields: Fields<'_>) -> Result<Option<Replacement>, Refusal> {
        let found = fields.replacement(self.old, self.new, self.all)?;
        if found.is_none() && self.text_is_promised {
            return Err(fields.missing(self.old.first().copied().unwrap_or_default()));
        }
        Ok(found)
    }

    /// One replacement in one file.
    fn replace(&self, arguments: Fields<'_>) -> Result<Action, Refusal> {
        let path = arguments.required_path(self.path)?;
        Ok(edit(path, self.replacement(arguments)?.map_or(Change::Patched, |one| Change::Replace(vec![one]))))
    }

    /// Several replacements in one file, listed in a field; `within` is its full name.
    fn replace_several(&self, arguments: Fields<'_>, list: &str, within: &'static str) -> Result<Action, Refusal> {
        let path = arguments.required_path(self.path)?;
        let Some(items) = arguments.list(&[list])? else {
            return if self.text_is_promised { Err(arguments.missing(list)) } else { Ok(edit(path, Change::Patched)) };
        };
        let mut replacements = Vec::with_capacity(items.len());
        for item in items {
            replacements.extend(self.replacement(arguments.inside(item, within)?)?);
        }
        Ok(edit(path, if replacements.is_empty() { Change::Patched } else { Change::Replace(replacements) }))
    }

    /// The whole content of one file.
    fn write(&self, arguments: Fields<'_>) -> Result<Action, Refusal> {
        let path = arguments.required_path(self.path)?;
        let content = if self.text_is_promised {
            Some(arguments.required(self.content)?)
        } else {
            arguments.text(self.content)?
        };
        Ok(edit(path, content.map_or(Change::Patched, |content| Change::Write(content.to_owned()))))
    }

    /// The removal of one file.
    fn delete(&self, arguments: Fields<'_>) -> Result<Action, Refusal> {
        Ok(edit(arguments.required_path(self.path)?, Change::Delete))
    }
}

fn edit(path: PathBuf, change: Change) -> Action {
    Action::Edits(vec![Edit { path, change }])
}

/// A tool without meaning of its own here.
fn other(name: &str, arguments: &Value) -> Action {
    Action::Tool { name: name.to_owned(), arguments: arguments.clone() }
}

/// A shell command: a line, or the words of one.
fn command(arguments: Fields<'_>, names: &[&str]) -> Result<Action, Refusal> {
    if let Some(Value::Array(words)) = arguments.get(names) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return Ok(Action::Command(words.join(" ")));
    }
    Ok(Action::Command(arguments.required(names)?.to_owned()))
}

/// The patch that is the argument of a tool, or one of its fields.
fn patch_in(payload: Fields<'_>, value: &Value, names: &[&str], within: &'static str) -> Result<Action, Refusal> {
    let text = match value {
        Value::String(text) => text,
        object => payload.inside(object, within)?.required(names)?,
    };
    Ok(Action::Edits(patch::read(payload.agent, text)?))
}

/// Whether the result of a tool is an object in which a field has one of these values.
fn result_is(payload: Fields<'_>, result: &[&str], field: &str, values: &[&Value]) -> bool {
    payload.get(result).and_then(|result| result.get(field)).is_some_and(|found| values.contains(&found))
}
