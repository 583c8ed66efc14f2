//! The hooks of agents: whether they stand in the settings, and whether they answer.

use super::probe::{Attempt, Ground};
use super::{JsonControl, State, place};
use crate::cli::init::{Place, Wiring};
use crate::cli::init::{in_use, wiring};
use countersign_agents::AgentKind;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::CstRootNode;
use regex::Regex;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const WHY: &str = "Without a hook that answers, the agent edits and runs whatever it decides to, and nobody is asked.";

/// Longest settings that are read, in bytes.
const MAX_SETTINGS: u64 = 4 << 20;

/// Each agent that is in use here or set up here.
pub(super) fn controls(root: &Path) -> Vec<JsonControl> {
    let used = in_use(root, false);
    let agents = AgentKind::ALL.iter().copied();
    let agents: Vec<_> = agents.filter(|agent| used.contains(agent) || is_set_up(root, *agent)).collect();
    if agents.is_empty() {
        let what = "no coding agent was found in this repository or in the home folder, so none was tried";
        return vec![JsonControl::unknown(
            "hook",
            None,
            WHY,
            what,
            "name the agent that you use: `countersign init --agent NAME`",
        )];
    }
    let ground = match Ground::new() {
        Ok(ground) => ground,
        Err(error) => {
            let what = format!("no hook could be tried, for no temporary repository can be made: {error:#}");
            return vec![JsonControl::unknown("hook", None, WHY, what, "make room in the folder for temporary files")];
        }
    };
    let mut controls = Vec::new();
    for agent in agents {
        for attempt in [Attempt::Edit, Attempt::Command] {
            controls.push(hook(root, agent, attempt, &ground));
        }
        controls.extend(switches(root, agent));
    }
    controls
}

/// Whether a file of the wiring mentions the hook.
fn is_set_up(root: &Path, agent: AgentKind) -> bool {
    let files = places(&wiring(agent), agent);
    files.iter().filter_map(|path| text(root, path)).any(|text| text.contains(&format!("countersign hook {agent}")))
}

/// The files in which the hooks of an agent may stand, the nearest first.
fn places(wiring: &Wiring, agent: AgentKind) -> Vec<&'static str> {
    let mut places: Vec<&'static str> = wiring.files.iter().map(Place::path).collect();
    places.extend(match agent {
        AgentKind::ClaudeCode => &[".claude/settings.local.json", "~/.claude/settings.json"][..],
        AgentKind::Cursor => &["~/.cursor/hooks.json"],
        AgentKind::Codex => &["~/.codex/hooks.json"],
        AgentKind::GeminiCli => &["~/.gemini/settings.json"],
        AgentKind::Windsurf => &["~/.codeium/windsurf/hooks.json"],
        _ => &[],
    });
    places
}

fn text(root: &Path, path: &str) -> Option<String> {
    let path = place(root, path)?;
    let metadata =
        std::fs::metadata(&path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_SETTINGS);
    metadata.and_then(|_| std::fs::read_to_string(path).ok())
}

/// Tries what an agent's settings say.
fn hook(root: &Path, agent: AgentKind, attempt: Attempt, ground: &Ground) -> JsonControl {
    let name = format!("{agent} ({})", attempt.name());
    let of = Some(name.as_str());
    let init = format!("countersign init --agent {agent}");
    let wiring = wiring(agent);
    let files = places(&wiring, agent);
    if files.is_empty() {
        let what = "its hooks stand in files that are not looked at";
        return JsonControl::unknown("hook", of, WHY, what, wiring.remarks.join(" "));
    }
    let mut found = Vec::new();
    for path in &files {
        let Some(text) = text(root, path) else { continue };
        match commands(agent, attempt, path, &text, ground) {
            Ok(commands) => found.extend(commands.into_iter().map(|command| (*path, command))),
            Err(why) => {
                return JsonControl::missing(
                    "hook",
                    of,
                    WHY,
                    format!("{path}: {why}"),
                    format!("put it right, then `{init}`"),
                );
            }
        }
    }
    let Some((path, _)) = found.first() else {
        let what = format!("no hook of Countersign before an {} in {}", word(attempt), files.join(", "));
        return JsonControl::missing("hook", of, WHY, what, format!("`{init}`"));
    };
    let path = *path;
    for (path, run) in &found {
        if let Err(why) = ground.attempt(agent, attempt, &mut run.command(root, path), root) {
            let next = format!("see that `countersign` is on the path of {agent}, then `{init}`");
            return JsonControl::missing("hook", of, WHY, format!("{path}: {why}"), next);
        }
    }
    if found.iter().any(|(_, run)| matches!(run, Run::Plugin)) {
        let what = format!(
            "what {path} calls denies a known bad {}; whether {agent} loads the plugin cannot be seen",
            attempt.name()
        );
        return JsonControl::unknown(
            "hook",
            of,
            WHY,
            what,
            format!("ask {agent} to run `terraform destroy` in an empty folder and see it refused"),
        );
    }
    JsonControl::ok("hook", of, WHY, format!("{path} denies a known bad {}", attempt.name()))
}

const fn word(attempt: Attempt) -> &'static str {
    match attempt {
        Attempt::Edit => "edit of a file",
        Attempt::Command => "execution of a command",
    }
}

/// How a hook is run.
enum Run {
    /// By the shell.
    Shell(String),
    /// The file itself is a program.
    Program,
    /// From a plugin of the agent, which calls the program by itself.
    Plugin,
}

impl Run {
    fn command(&self, root: &Path, path: &str) -> Command {
        match self {
            Self::Shell(text) => shell(text),
            Self::Program => Command::new(place(root, path).unwrap_or_default()),
            Self::Plugin => {
                let mut command = Command::new("countersign");
                command.args(["hook", AgentKind::OpenCode.name()]);
                command
            }
        }
    }
}

#[cfg(not(windows))]
fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

#[cfg(windows)]
fn shell(text: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", text]);
    command
}

/// The hooks of ours that the agent would run for an attempt.
fn commands(agent: AgentKind, attempt: Attempt, path: &str, text: &str, ground: &Ground) -> Result<Vec<Run>, String> {
    match agent {
        // It has one file for each event.
        AgentKind::Cline => {
            let is_before = path.ends_with("/PreToolUse") && text.contains("countersign");
            return Ok(if is_before { vec![Run::Program] } else { Vec::new() });
        }
        AgentKind::OpenCode => return Ok(if text.contains("countersign") { vec![Run::Plugin] } else { Vec::new() }),
        _ => {}
    }
    let settings = json(text).map_err(|error| format!("it is no JSON, so the agent has no hooks: {error}"))?;
    let sample = ground.sample(agent, attempt);
    let mut found = Vec::new();
    for entry in entries(&settings["hooks"], sample.event) {
        if matches(entry, sample.tool)? {
            found.extend(ours(entry).into_iter().map(|command| Run::Shell(command.to_owned())));
        }
    }
    Ok(found)
}

/// Settings, which may have comments.
fn json(text: &str) -> Result<Value, String> {
    let root = CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| error.to_string())?;
    Ok(root.to_serde_value().unwrap_or_default())
}

/// What is set up for an event: a list under its name, or of a list what names it.
fn entries<'v>(hooks: &'v Value, event: &str) -> Vec<&'v Value> {
    match hooks {
        Value::Object(events) => events.get(event).and_then(Value::as_array).into_iter().flatten().collect(),
        Value::Array(list) => list.iter().filter(|entry| entry["trigger"] == event).collect(),
        _ => Vec::new(),
    }
}

/// Whether what is set up holds for a tool: a regular expression that its whole name has to match.
fn matches(entry: &Value, tool: &str) -> Result<bool, String> {
    match entry["matcher"].as_str() {
        None | Some("" | "*") => Ok(true),
        Some(matcher) => Regex::new(&format!("^(?:{matcher})$"))
            .map(|matcher| matcher.is_match(tool))
            .map_err(|_| format!("the matcher `{matcher}` is no regular expression")),
    }
}

/// The commands in a value that run Countersign, at any depth.
fn ours(value: &Value) -> Vec<&str> {
    let name = if cfg!(windows) { "powershell" } else { "bash" };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(field, value)| match value.as_str() {
                Some(text) if (field == "command" || field == name) && text.contains("countersign") => vec![text],
                _ => ours(value),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(ours).collect(),
        _ => Vec::new(),
    }
}

/// Switches of agents by which hooks that are set up are not run.
fn switches(root: &Path, agent: AgentKind) -> Vec<JsonControl> {
    let of = Some(agent.name());
    match agent {
        AgentKind::Codex => {
            const FILE: &str = "~/.codex/config.toml";
            let trusted = JsonControl::unknown(
                "hooks-trusted",
                of,
                "Codex runs hooks of a repository only where a person has trusted them.",
                "whether they were trusted cannot be seen",
                "open `/hooks` in Codex and trust them",
            );
            vec![codex_switch(text(root, FILE).as_deref()), trusted]
        }
        AgentKind::ClaudeCode => {
            let files = [".claude/settings.json", ".claude/settings.local.json", "~/.claude/settings.json"];
            let is_off = |path: &&&str| {
                let settings = text(root, path).and_then(|text| json(&text).ok());
                settings.is_some_and(|settings| settings["disableAllHooks"] == true)
            };
            let off = files.iter().find(is_off).map(|path| {
                let what = format!("{path} has `disableAllHooks`, so no hook runs");
                JsonControl::missing("hooks-on", of, WHY, what, format!("take `disableAllHooks` out of {path}"))
            });
            off.into_iter().collect()
        }
        AgentKind::Cline => {
            let what = "whether hooks are on in Cline's settings cannot be seen";
            vec![JsonControl::unknown("hooks-on", of, WHY, what, "switch hooks on in Cline's settings")]
        }
        _ => Vec::new(),
    }
}

/// Whether Codex runs hooks at all: `[features]`, `hooks = true`.
fn codex_switch(config: Option<&str>) -> JsonControl {
    let of = Some(AgentKind::Codex.name());
    let next = "put `hooks = true` under `[features]` in ~/.codex/config.toml";
    let missing = |what: String| JsonControl::missing("hooks-on", of, WHY, what, next);
    let Some(text) = config else { return missing("there is no ~/.codex/config.toml, so hooks are off".to_owned()) };
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let what = format!("~/.codex/config.toml cannot be read: {}", error.message());
            return JsonControl { state: State::Unknown, ..missing(what) };
        }
    };
    match table.get("features").and_then(|features| features.get("hooks")).and_then(toml::Value::as_bool) {
        Some(true) => {
            JsonControl::ok("hooks-on", of, WHY, "~/.codex/config.toml has `hooks = true` under `[features]`")
        }
        Some(false) => missing("~/.codex/config.toml has `hooks = false` under `[features]`".to_owned()),
        None => missing("~/.codex/config.toml does not have `hooks = true` under `[features]`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_of_codex() {
        let state = |text: Option<&str>| codex_switch(text).state;
        assert_eq!(state(Some("model = \"m\"\n[features]\nhooks = true\n")), State::Ok);
        assert_eq!(state(Some("features.hooks = true\n")), State::Ok);
        for off in [
            None,
            Some(""),
            Some("hooks = true\n"),
            Some("[features]\nhooks = false\n"),
            Some("[features]\nhooks = \"true\"\n"),
        ] {
            assert_eq!(state(off), State::Missing, "{off:?}");
        }
        assert_eq!(state(Some("[features\n")), State::Unknown);
    }

    #[test]
    fn what_is_set_up_for_a_tool() {
        let entry = |matcher: &str| serde_json::json!({ "matcher": matcher });
        for (matcher, tool, expected) in [
            ("", "Write", Ok(true)),
            ("*", "Write", Ok(true)),
            ("Edit|Write", "Write", Ok(true)),
            ("Edit", "Write", Ok(false)),
            ("Writ", "Write", Ok(false)),
            ("mcp__.*", "Bash", Ok(false)),
            (".*", "Bash", Ok(true)),
        ] {
            assert_eq!(matches(&entry(matcher), tool), expected, "{matcher} {tool}");
        }
        assert!(matches(&entry("["), "Bash").is_err());
        assert_eq!(matches(&serde_json::json!({}), "Bash"), Ok(true));
    }
}
