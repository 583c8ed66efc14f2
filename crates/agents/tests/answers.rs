//! What each agent is answered, by the payloads of its own hooks.
//!
//! The expected texts follow the documents that each file in `src/adapter` names.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]

use countersign_agents::{AgentKind, Answer, Moment, Reply, read};
use serde_json::{Value, json};
use std::path::Path;

/// What the agent is answered that gave a payload of `payloads/`.
fn answer(file: &str, answer: &Answer) -> Reply {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads").join(file);
    let payload = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let agent = file.split('/').next().and_then(|name| name.parse().ok()).expect("an agent");
    let call = read(agent, &payload).expect("a call");
    assert!(matches!(call.moment, Moment::Before | Moment::Start), "{file}");
    answer.reply(call.agent, call.event.as_deref())
}

fn three() -> [Answer; 3] {
    let text = || "why".to_owned();
    [Answer::Tell(text()), Answer::Ask(text()), Answer::Deny(text())]
}

/// The objects that are printed where something is told, asked and denied; the exit code is 0 and nothing is on standard error.
fn objects(file: &str) -> [Value; 3] {
    three().map(|it| {
        let reply = answer(file, &it);
        assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{file}");
        serde_json::from_str(&reply.stdout).expect("JSON")
    })
}

#[test]
fn claude_code_and_what_imitates_it() {
    let specific = |fields: Value| {
        let mut fields = fields;
        fields["hookEventName"] = "PreToolUse".into();
        json!({ "hookSpecificOutput": fields })
    };
    let told = specific(json!({ "additionalContext": "why" }));
    let asked = specific(json!({ "permissionDecision": "ask", "permissionDecisionReason": "why" }));
    let denied = specific(json!({ "permissionDecision": "deny", "permissionDecisionReason": "why" }));
    for file in ["claude-code/edit-before.json", "claude-code/bash-before.json", "vscode/terminal-before.json"] {
        assert_eq!(objects(file), [told.clone(), asked.clone(), denied.clone()], "{file}");
    }
    // Codex takes a question of a hook for a mistake, and lets the tool run.
    assert_eq!(objects("codex/apply-patch-before.json"), [told.clone(), told, denied]);
}

#[test]
fn those_with_an_object_of_their_own() {
    assert_eq!(
        objects("copilot-cli/create-before.json"),
        [
            json!({ "additionalContext": "why" }),
            json!({ "permissionDecision": "ask", "permissionDecisionReason": "why" }),
            json!({ "permissionDecision": "deny", "permissionDecisionReason": "why" }),
        ]
    );
    let shell = |permission| json!({ "permission": permission, "user_message": "why", "agent_message": "why" });
    assert_eq!(objects("cursor/before-shell.json"), [shell("allow"), shell("ask"), shell("deny")]);
    let [told, asked, denied] = objects("cursor/delete-before.json");
    assert_eq!((&told, &told["permission"]), (&asked, &json!("allow")), "there is no question before an edit");
    assert_eq!(
        (&denied["permission"], &denied["decision"], &denied["reason"]),
        (&json!("deny"), &json!("deny"), &json!("why"))
    );
    let message = json!({ "systemMessage": "why" });
    let denied = json!({ "decision": "deny", "reason": "why" });
    assert_eq!(objects("gemini-cli/replace-before.json"), [message.clone(), message, denied]);
    let told = json!({ "cancel": false, "contextModification": "why" });
    let denied = json!({ "cancel": true, "errorMessage": "why" });
    assert_eq!(objects("cline/write-to-file-before.json"), [told.clone(), told, denied]);
    let told = json!({ "verdict": "note", "message": "why" });
    let denied = json!({ "verdict": "deny", "message": "why" });
    assert_eq!(objects("opencode/edit-before.json"), [told.clone(), told, denied]);
}

#[test]
fn those_that_go_by_the_exit_code() {
    let reply = |stdout: &str, stderr: &str, code| Reply { stdout: stdout.to_owned(), stderr: stderr.to_owned(), code };
    for (file, told) in [
        ("windsurf/write-code-before.json", reply("why\n", "", 0)),
        ("kiro/create-before.json", reply("", "why\n", 1)),
        ("amazon-q/mcp-before.json", reply("", "why\n", 1)),
    ] {
        let replies = three().map(|it| answer(file, &it));
        assert_eq!(replies, [told.clone(), told, reply("", "why\n", 2)], "{file}");
    }
}

#[test]
fn nothing_is_said_where_there_is_nothing_to_say() {
    for agent in AgentKind::ALL {
        let reply = Answer::Pass.reply(*agent, None);
        let expected = if *agent == AgentKind::Cline { "{\"cancel\":false}\n" } else { "" };
        assert_eq!((reply.stdout.as_str(), reply.stderr.as_str(), reply.code), (expected, "", 0), "{agent}");
    }
}

/// Agents run hooks that were configured for Claude Code and expect its format then.
#[test]
fn hooks_of_claude_code_that_others_run() {
    for agent in [AgentKind::Cursor, AgentKind::CopilotCli] {
        let reply = Answer::Deny("why".to_owned()).reply(agent, Some("PreToolUse"));
        let object: Value = serde_json::from_str(&reply.stdout).expect("JSON");
        assert_eq!(object["hookSpecificOutput"]["permissionDecision"], "deny", "{agent}");
    }
}

/// Where a session starts nothing can be refused but by Cline, so all that is said is said the same.
#[test]
fn where_a_session_starts() {
    let claude = json!({
        "hookSpecificOutput": { "hookEventName": "SessionStart", "additionalContext": "why" }, "systemMessage": "why",
    });
    for (file, expected) in [
        ("claude-code/session-start.json", claude.clone()),
        ("codex/session-start.json", claude.clone()),
        ("gemini-cli/session-start.json", claude),
        ("cursor/session-start.json", json!({ "additional_context": "why" })),
        ("copilot-cli/session-start.json", json!({ "additionalContext": "why" })),
    ] {
        assert_eq!(objects(file), [expected.clone(), expected.clone(), expected], "{file}");
        assert_eq!(answer(file, &Answer::Pass).stdout, "", "{file}");
    }
    let printed = Reply { stdout: "why\n".to_owned(), stderr: String::new(), code: 0 };
    assert_eq!(three().map(|it| answer("kiro/agent-spawn.json", &it)), [printed.clone(), printed.clone(), printed]);
    let [told, _, denied] = objects("cline/task-start.json");
    assert_eq!(told, json!({ "cancel": false, "contextModification": "why" }));
    assert_eq!(denied, json!({ "cancel": true, "errorMessage": "why" }));
    let [told, _, denied] = objects("opencode/session-created.json");
    assert_eq!((&told["verdict"], &denied["verdict"]), (&json!("note"), &json!("deny")));
}
