//! Every payload in `payloads/` is read as the call that it is.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]

use countersign_agents::{
    Action, AgentKind, Call, Change, Edit, MAX_PATH_BYTES, Moment, Refusal, Replacement, Span, read,
};
use proptest::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

fn payload(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A call of an agent with what all its payloads share.
fn call(agent: AgentKind, moment: Moment, action: Action) -> Call {
    let text = |text: &str| Some(text.to_owned());
    let (model, session, id, transcript) = match agent {
        AgentKind::ClaudeCode => {
            (None, text("6f1c"), text("toolu_01"), text("/home/dev/.claude/projects/-repo/6f1c.jsonl"))
        }
        AgentKind::Cursor => (text("claude-sonnet-4-20250514"), text("668320d2"), text("abc123"), None),
        AgentKind::VsCode => (None, text("s-1"), text("tool-123"), text("/home/dev/transcript.json")),
        AgentKind::CopilotCli => (None, text("c0f4"), None, None),
        AgentKind::Codex => {
            (text("gpt-5.1-codex"), text("0199"), text("call_1"), text("/home/dev/.codex/sessions/rollout.jsonl"))
        }
        AgentKind::GeminiCli => (None, text("g-1"), None, text("/home/dev/.gemini/tmp/x/chats/session.json")),
        AgentKind::Windsurf => (text("GPT 4.1"), text("traj-1"), None, None),
        AgentKind::Kiro | AgentKind::AmazonQ => (None, None, None, None),
        AgentKind::Cline => (text("claude-sonnet-4-6"), text("task-1"), None, None),
        AgentKind::OpenCode => (text("anthropic/claude-sonnet-4-5"), text("ses_1"), text("call_1"), None),
    };
    Call {
        agent,
        tool: agent.tool().to_owned(),
        model,
        session,
        call: id,
        cwd: Some(PathBuf::from("/repo")),
        event: None,
        moment,
        action,
        transcript: transcript.map(PathBuf::from),
    }
}

fn one(path: &str, change: Change) -> Edit {
    Edit { path: PathBuf::from(path), change }
}

fn edits(path: &str, change: Change) -> Action {
    Action::Edits(vec![one(path, change)])
}

fn swap(old: &str, new: &str) -> Replacement {
    Replacement { old: old.to_owned(), new: new.to_owned(), all: false, at: None }
}

fn swap_all(old: &str, new: &str) -> Replacement {
    Replacement { all: true, ..swap(old, new) }
}

fn replace(path: &str, old: &str, new: &str) -> Action {
    edits(path, Change::Replace(vec![swap(old, new)]))
}

fn write(path: &str, content: &str) -> Action {
    edits(path, Change::Write(content.to_owned()))
}

fn run(command: &str) -> Action {
    Action::Command(command.to_owned())
}

fn tool(name: &str, arguments: serde_json::Value) -> Action {
    Action::Tool { name: name.to_owned(), arguments }
}

/// What is expected of every file.
fn expected() -> Vec<(&'static str, Call)> {
    let mut all = Vec::new();
    all.extend(claude_code());
    all.extend(cursor());
    all.extend(github());
    all.extend(codex_and_gemini());
    all.extend(windsurf_and_cline());
    all.extend(kiro_and_opencode());
    all
}

fn claude_code() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Start};
    let claude = |moment, action| call(AgentKind::ClaudeCode, moment, action);
    vec![
        (
            "claude-code/edit-before.json",
            claude(Before, replace("/repo/main.tf", "acl = \"private\"", "acl = \"public-read\"")),
        ),
        (
            "claude-code/edit-after.json",
            claude(After, edits("/repo/main.tf", Change::Replace(vec![swap_all("a", "b")]))),
        ),
        ("claude-code/edit-failed.json", claude(Failed, replace("/repo/main.tf", "a", "b"))),
        (
            "claude-code/multi-edit-before.json",
            claude(Before, edits("/repo/main.tf", Change::Replace(vec![swap("a", "b"), swap_all("c", "d")]))),
        ),
        ("claude-code/write-before.json", claude(Before, write("/repo/new.tf", "locals {}\n"))),
        ("claude-code/notebook-before.json", claude(Before, Action::Nothing)),
        ("claude-code/bash-before.json", claude(Before, run("terraform apply"))),
        ("claude-code/read-before.json", claude(Before, tool("Read", json!({"file_path": "/repo/main.tf"})))),
        (
            "claude-code/session-start.json",
            Call { call: None, model: Some("claude-sonnet-4-5".to_owned()), ..claude(Start, Action::Nothing) },
        ),
        ("claude-code/from-cursor.json", call(AgentKind::Cursor, Before, write("/repo/main.tf", "locals {}\n"))),
        ("claude-code/from-vscode.json", call(AgentKind::VsCode, Before, replace("/repo/main.tf", "a", "b"))),
        (
            "claude-code/from-copilot-cli.json",
            Call {
                session: Some("sess-cli".to_owned()),
                ..call(AgentKind::CopilotCli, After, write("main.tf", "locals {}\n"))
            },
        ),
    ]
}

fn cursor() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Other, Start};
    let cursor = |moment, action| call(AgentKind::Cursor, moment, action);
    let event = |moment, action| Call { call: None, ..cursor(moment, action) };
    let place = Span { start: (10, 5), end: (10, 5) };
    vec![
        (
            "cursor/write-before.json",
            Call { cwd: Some(PathBuf::from("/repo/sub")), ..cursor(Before, write("/repo/main.tf", "locals {}\n")) },
        ),
        ("cursor/str-replace-before.json", cursor(Before, replace("/repo/main.tf", "a", "b"))),
        ("cursor/str-replace-path-only.json", cursor(Before, edits("/repo/main.tf", Change::Patched))),
        ("cursor/apply-patch-after.json", cursor(After, replace("/repo/main.tf", "a\n", "b\n"))),
        ("cursor/delete-before.json", cursor(Before, edits("/repo/main.tf", Change::Delete))),
        ("cursor/shell-failed.json", cursor(Failed, run("npm test"))),
        ("cursor/before-shell.json", event(Before, run("terraform apply"))),
        ("cursor/after-mcp.json", event(After, tool("query", json!({"sql": "SELECT 1"})))),
        (
            "cursor/after-file-edit.json",
            event(After, edits("/repo/main.tf", Change::Replace(vec![swap("a", "b"), swap("", "c")]))),
        ),
        (
            "cursor/after-tab-file-edit.json",
            Call {
                tool: "cursor-tab".to_owned(),
                ..event(
                    After,
                    edits(
                        "/repo/main.tf",
                        Change::Replace(vec![Replacement { at: Some(place), ..swap("", " = true") }]),
                    ),
                )
            },
        ),
        ("cursor/stop.json", event(Other, Action::Nothing)),
        ("cursor/session-start.json", event(Start, Action::Nothing)),
    ]
}

fn github() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Other, Start};
    let vscode = |moment, action| call(AgentKind::VsCode, moment, action);
    let copilot = |moment, action| call(AgentKind::CopilotCli, moment, action);
    vec![
        ("vscode/edit-files-before.json", vscode(Before, edits("src/main.ts", Change::Patched))),
        ("vscode/create-file-after.json", vscode(After, write("/repo/a.tf", "locals {}\n"))),
        (
            "vscode/multi-replace-before.json",
            vscode(
                Before,
                Action::Edits(vec![
                    one("/repo/a.tf", Change::Replace(vec![swap("a", "b"), swap("c", "d")])),
                    one("/repo/b.tf", Change::Replace(vec![swap("e", "f")])),
                ]),
            ),
        ),
        ("vscode/insert-edit-before.json", vscode(Before, edits("/repo/a.tf", Change::Patched))),
        ("vscode/terminal-before.json", vscode(Before, run("terraform apply"))),
        (
            "vscode/apply-patch-snake.json",
            Call {
                session: Some("bad0027f".to_owned()),
                call: Some("call_1__vscode-1778541016875".to_owned()),
                transcript: Some(PathBuf::from(
                    "/home/dev/.config/Code/User/workspaceStorage/e8/GitHub.copilot-chat/transcripts/bad0027f.jsonl",
                )),
                ..vscode(Before, replace("/repo/a.ts", "a\n", "b\n"))
            },
        ),
        ("copilot-cli/create-before.json", copilot(Before, write("/repo/a.tf", "locals {}\n"))),
        ("copilot-cli/edit-after.json", copilot(After, replace("/repo/a.tf", "a", "b"))),
        ("copilot-cli/edit-failed.json", copilot(Failed, replace("/repo/a.tf", "a", "b"))),
        ("copilot-cli/bash-before.json", copilot(Before, run("rm -rf dist"))),
        ("copilot-cli/view-before.json", copilot(Before, tool("view", json!({"path": "/repo/a.tf"})))),
        ("copilot-cli/session-end.json", copilot(Other, Action::Nothing)),
        ("copilot-cli/session-start.json", copilot(Start, Action::Nothing)),
    ]
}

fn codex_and_gemini() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Other, Start};
    let codex = |moment, action| call(AgentKind::Codex, moment, action);
    let gemini = |moment, action| call(AgentKind::GeminiCli, moment, action);
    vec![
        (
            "codex/apply-patch-before.json",
            codex(
                Before,
                Action::Edits(vec![
                    one(
                        "main.tf",
                        Change::Replace(vec![swap(
                            "  bucket = \"b\"\n  acl = \"private\"\n",
                            "  bucket = \"b\"\n  acl = \"public-read\"\n",
                        )]),
                    ),
                    one("new.tf", Change::Write("locals {}\n".to_owned())),
                    one("old.tf", Change::Delete),
                    one("a.tf", Change::Replace(vec![swap("a\n", "b\n")])),
                    one("a.tf", Change::MoveTo(PathBuf::from("b.tf"))),
                ]),
            ),
        ),
        ("codex/apply-patch-after.json", Call { transcript: None, ..codex(After, edits("old.tf", Change::Delete)) }),
        ("codex/bash-before.json", Call { call: Some("call_2".to_owned()), ..codex(Before, run("terraform plan")) }),
        ("codex/session-start.json", Call { call: None, ..codex(Start, Action::Nothing) }),
        ("gemini-cli/session-start.json", gemini(Start, Action::Nothing)),
        ("codex/notify.json", Call { model: None, call: None, transcript: None, ..codex(Other, Action::Nothing) }),
        ("gemini-cli/write-file-before.json", gemini(Before, write("/repo/a.tf", "locals {}\n"))),
        (
            "gemini-cli/replace-before.json",
            gemini(Before, edits("/repo/a.tf", Change::Replace(vec![swap_all("a", "b")]))),
        ),
        ("gemini-cli/replace-failed.json", gemini(Failed, replace("/repo/a.tf", "a", "b"))),
        ("gemini-cli/shell-after.json", gemini(After, run("terraform fmt"))),
        ("gemini-cli/before-model.json", gemini(Other, Action::Nothing)),
    ]
}

fn windsurf_and_cline() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Other, Start};
    let windsurf = |moment, action| call(AgentKind::Windsurf, moment, action);
    let nowhere = |moment, action| Call { cwd: None, ..windsurf(moment, action) };
    let cline = |moment, action| call(AgentKind::Cline, moment, action);
    vec![
        (
            "windsurf/write-code-before.json",
            nowhere(Before, replace("/repo/file.py", "import os", "import os\nimport sys")),
        ),
        ("windsurf/write-code-path-only.json", nowhere(After, edits("/repo/file.py", Change::Patched))),
        ("windsurf/run-command-before.json", windsurf(Before, run("npm install"))),
        ("windsurf/mcp-after.json", nowhere(After, tool("create_issue", json!({"title": "x"})))),
        ("windsurf/user-prompt.json", nowhere(Other, Action::Nothing)),
        (
            "windsurf/raw-control-characters.json",
            Call { model: None, ..nowhere(After, replace("/repo/main.tf", "a\n\tb", "c\n\td")) },
        ),
        ("cline/write-to-file-before.json", cline(Before, write("src/a.tf", "locals {}\n"))),
        ("cline/replace-in-file-after.json", cline(After, replace("src/a.tf", "a\n", "b\n"))),
        ("cline/replace-in-file-failed.json", cline(Failed, replace("src/a.tf", "a\n", "b\n"))),
        ("cline/apply-patch-before.json", cline(Before, edits("src/a.tf", Change::Delete))),
        ("cline/execute-command-before.json", cline(Before, run("cargo test"))),
        ("cline/run-commands-before.json", cline(Before, run("echo a\necho b"))),
        (
            "cline/mcp-before.json",
            cline(
                Before,
                Action::Tool { name: "mcp__aws__delete_bucket".to_owned(), arguments: json!({ "bucket": "orders" }) },
            ),
        ),
        ("cline/task-start.json", cline(Start, Action::Nothing)),
    ]
}

fn kiro_and_opencode() -> Vec<(&'static str, Call)> {
    use Moment::{After, Before, Failed, Start};
    let kiro = |moment, action| call(AgentKind::Kiro, moment, action);
    let amazon_q = |moment, action| call(AgentKind::AmazonQ, moment, action);
    let opencode = |moment, action| call(AgentKind::OpenCode, moment, action);
    vec![
        (
            "kiro/create-before.json",
            Call { session: Some("k-1".to_owned()), ..kiro(Before, write("/repo/a.tf", "locals {}\n")) },
        ),
        ("kiro/str-replace-failed.json", kiro(Failed, replace("/repo/a.tf", "a", "b"))),
        (
            "kiro/insert-before.json",
            kiro(Before, edits("/repo/a.tf", Change::Insert { after_line: 3, text: "x\n".to_owned() })),
        ),
        ("kiro/append-after.json", kiro(After, edits("/repo/a.tf", Change::Append("x\n".to_owned())))),
        ("kiro/bash-before.json", kiro(Before, run("ls"))),
        ("kiro/agent-spawn.json", kiro(Start, Action::Nothing)),
        ("opencode/session-created.json", Call { model: None, call: None, ..opencode(Start, Action::Nothing) }),
        ("amazon-q/deferred-after.json", amazon_q(After, write("/repo/a.tf", "x\n"))),
        ("amazon-q/mcp-before.json", amazon_q(Before, tool("@postgres/query", json!({"sql": "SELECT 1"})))),
        ("opencode/edit-before.json", opencode(Before, edits("/repo/a.tf", Change::Replace(vec![swap_all("a", "b")])))),
        ("opencode/write-after.json", opencode(After, write("/repo/a.tf", "locals {}\n"))),
        ("opencode/edit-failed.json", opencode(Failed, replace("/repo/a.tf", "a", "b"))),
        ("opencode/bash-before.json", opencode(Before, run("terraform fmt"))),
    ]
}

/// The agent whose folder a file is in.
fn asked(file: &str) -> AgentKind {
    file.split('/').next().and_then(|name| name.parse().ok()).expect("a folder named like an agent")
}

#[test]
fn every_payload_is_read_as_the_call_that_it_is() {
    for (file, expected) in expected() {
        let found = read(asked(file), &payload(file)).map(|call| Call { event: None, ..call });
        assert_eq!(found, Ok(expected), "{file}");
    }
}

#[test]
fn every_payload_is_expected_and_every_agent_has_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads");
    let mut found = Vec::new();
    for agent in AgentKind::ALL {
        let before = found.len();
        for entry in std::fs::read_dir(root.join(agent.name())).expect("a folder") {
            found.push(format!("{agent}/{}", entry.expect("an entry").file_name().display()));
        }
        assert!(found.len() > before, "{agent}");
    }
    found.sort_unstable();
    let mut expected: Vec<_> = expected().into_iter().map(|(file, _)| file).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// Which agents' payloads a hook of another agent may get.
#[test]
fn a_payload_of_another_agent_is_attributed_to_it_or_refused() {
    for (file, expected) in expected() {
        let bytes = payload(file);
        for agent in AgentKind::ALL.iter().copied().filter(|agent| *agent != expected.agent) {
            match read(agent, &bytes) {
                Ok(call) if call.agent == expected.agent => {
                    assert_eq!(Call { event: None, ..call }, expected, "{file} as {agent}");
                }
                Err(Refusal::OtherAgent { asked, looks_like }) => {
                    let same = |kind| if kind == AgentKind::AmazonQ { AgentKind::Kiro } else { kind };
                    assert_eq!((asked, looks_like), (agent, same(expected.agent)), "{file} as {agent}");
                }
                // Some payloads hold no field that tells agents apart. They are no worse than those of `agent` itself.
                _ => {}
            }
        }
        // What hooks of Claude Code get of the agents that run them is never taken for Claude Code's.
        if matches!(expected.agent, AgentKind::Cursor | AgentKind::VsCode) {
            let found = read(AgentKind::ClaudeCode, &bytes).map(|call| Call { event: None, ..call });
            assert_eq!(found, Ok(expected), "{file}");
        }
    }
}

#[test]
fn names_are_unique_and_read_back() {
    for agent in AgentKind::ALL {
        // The name in its records is typed, too.
        assert_eq!((agent.name().parse(), agent.tool().parse()), (Ok(*agent), Ok(*agent)));
        assert_eq!(AgentKind::ALL.iter().filter(|other| other.tool() == agent.tool()).count(), 1);
    }
    let error = "clod".parse::<AgentKind>().expect_err("no agent").to_string();
    assert!(error.contains("\"clod\"") && error.contains("claude-code"), "{error}");
}

#[test]
fn refusals_name_the_field() {
    let refusal =
        |agent, payload: &serde_json::Value| read(agent, payload.to_string().as_bytes()).expect_err("refused");
    let edit = json!({"hook_event_name": "PreToolUse", "tool_name": "Edit", "tool_input": {"file_path": "/a"}});
    let agent = AgentKind::ClaudeCode;
    let missing = |field: &str| Refusal::Missing { agent, field: field.to_owned() };
    assert_eq!(refusal(agent, &edit), missing("tool_input.old_string"));
    assert_eq!(refusal(agent, &json!({})), missing("hook_event_name"));
    assert_eq!(refusal(agent, &json!({"hook_event_name": "PreToolUse", "tool_name": "Write"})), missing("tool_input"));
    let wrong = json!({"hook_event_name": "PreToolUse", "tool_name": "Write", "tool_input": {"file_path": 7}});
    let refusal = refusal(agent, &wrong);
    let message = refusal.to_string();
    assert!(
        message.starts_with("`tool_input.file_path` of the claude-code payload is a number, expected a string"),
        "{message}"
    );
}

#[test]
fn a_path_that_no_system_opens_is_refused() {
    let agent = AgentKind::ClaudeCode;
    let call = |folder: &str, path: &str| {
        let input = json!({"file_path": path, "content": ""});
        json!({"hook_event_name": "PreToolUse", "cwd": folder, "tool_name": "Write", "tool_input": input}).to_string()
    };
    let (longest, longer) = ("a/".repeat(MAX_PATH_BYTES / 2), "a/".repeat(200_000));
    assert!(read(agent, call("/", &longest).as_bytes()).is_ok());
    let start = "a/".repeat(30);
    for payload in [call("/", &longer), call(&longer, "/a.tf")] {
        let refused = read(agent, payload.as_bytes()).expect_err("refused");
        assert_eq!(refused, Refusal::PathTooLong { agent, bytes: 400_000, start: start.clone() });
        assert!(refused.to_string().contains("400000 bytes"), "{refused}");
    }
}

#[test]
fn unknown_events_and_tools_are_no_error() {
    let event = json!({"hook_event_name": "SomethingNew", "tool_name": 3, "extra": [1]});
    let found = read(AgentKind::ClaudeCode, event.to_string().as_bytes()).expect("a call");
    assert_eq!((found.moment, found.action), (Moment::Other, Action::Nothing));
    let new = json!({"hook_event_name": "PreToolUse", "tool_name": "New", "tool_input": {"x": 1}});
    let found = read(AgentKind::Codex, new.to_string().as_bytes()).expect("a call");
    assert_eq!(found.action, tool("New", json!({"x": 1})));
}

/// A payload with bytes replaced, removed, doubled or cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = expected().into_iter().map(|(file, _)| payload(file)).collect();
    let change = (any::<prop::sample::Index>(), 0u8..4, any::<u8>());
    (prop::sample::select(files), prop::collection::vec(change, 1..6)).prop_map(|(mut bytes, changes)| {
        for (at, kind, byte) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => _ = bytes.remove(at),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

/// A payload in which a value somewhere is another one.
fn retyped() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<serde_json::Value> =
        expected().into_iter().filter_map(|(file, _)| serde_json::from_slice(&payload(file)).ok()).collect();
    let value = prop::sample::select(vec![
        json!(null),
        json!(-1),
        json!(true),
        json!("*** Add File: x"),
        json!([1]),
        json!({"a": 1}),
    ]);
    (prop::sample::select(files), any::<prop::sample::Index>(), value).prop_map(|(mut payload, at, value)| {
        let mut places = Vec::new();
        collect(&payload, &mut String::new(), &mut places);
        let place = &places[at.index(places.len())];
        *payload.pointer_mut(place).expect("a place of it") = value;
        payload.to_string().into_bytes()
    })
}

fn collect(value: &serde_json::Value, place: &mut String, places: &mut Vec<String>) {
    let children: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), value)).collect(),
        serde_json::Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let length = place.len();
        place.push('/');
        place.push_str(&name);
        places.push(place.clone());
        collect(child, place, places);
        place.truncate(length);
    }
}

/// A line that a patch may hold.
const PATCH_LINE: &str = r"([*]{3} (Add|Update|Delete) File: [a-c]?|[*]{3} Move to: x|@@|[-+ ]?[a-z]{0,3})";

/// Every agent reads it or refuses it with a message, and who it is attributed to reads it the same.
fn holds(payload: &[u8]) {
    for agent in AgentKind::ALL {
        match read(*agent, payload) {
            Ok(call) => assert_eq!(read(call.agent, payload), Ok(call)),
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&payload);
    }

    #[test]
    fn mutated_payloads(payload in mutated()) {
        holds(&payload);
    }

    #[test]
    fn payloads_with_other_types(payload in retyped()) {
        holds(&payload);
    }

    #[test]
    fn any_patch(lines in prop::collection::vec(PATCH_LINE, 0..12)) {
        let patch = lines.join("\n");
        holds(json!({"hook_event_name": "PreToolUse", "tool_name": "apply_patch", "turn_id": "1", "model": "m",
            "tool_input": {"command": patch}}).to_string().as_bytes());
    }
}
