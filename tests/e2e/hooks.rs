//! What coding agents' hooks report, and how it comes to the text that an editor or the command line looks at.

use crate::cli::{countersign, findings, report};
use crate::editor::{COUNTERSIGN, Editor, FORCE, LIMIT, PUBLIC, SAFE, Workspace};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::process::Command;

/// Calls the hook and returns what it says on standard error.
fn hook(workspace: &Workspace, agent: &str, payload: &[u8]) -> String {
    let path = workspace.state().join("payload");
    fs::write(&path, payload).expect("the payload is written");
    is_known(workspace, agent);
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", agent]).current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    let payload = File::open(path).expect("the payload is there");
    // Programs of the test's own come first.
    let tools = workspace.state().join("tools");
    command.env("PATH", format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default()));
    let output = run_on(&mut command, payload, LIMIT);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    // What is answered is not tested here: an edit that is denied may come about all the same, and is recorded.
    let is_denied = output.status.code() == Some(2) && said.starts_with("Countersign denies");
    assert!(output.status.success() || is_denied, "{said}");
    if is_denied { String::new() } else { said }
}

/// Has an agent been in all tiers before, so that nothing is told of that.
fn is_known(workspace: &Workspace, agent: &str) {
    let path = workspace.root().join(".git/countersign/tiers.json");
    if workspace.root().join(".git").exists() && !path.exists() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let tiers = json!({ "entered": { agent: ["high", "critical"] } });
        fs::write(path, tiers.to_string()).expect("it is written");
    }
}

/// What Claude Code says before or after it replaces a text in `main.tf`.
fn edit(workspace: &Workspace, event: &str, call: &str, old: &str, new: &str) -> Value {
    json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": event,
        "tool_name": "Edit", "tool_use_id": call,
        "tool_input": { "file_path": workspace.path("main.tf"), "old_string": old, "new_string": new },
    })
}

fn say(workspace: &Workspace, payload: &Value) {
    assert_eq!(hook(workspace, "claude-code", payload.to_string().as_bytes()), "");
}

/// Claude Code replaces a text of the file on disk, and says so before and after.
fn claude_edits(workspace: &Workspace, call: &str, old: &str, new: &str) {
    say(workspace, &edit(workspace, "PreToolUse", call, old, new));
    let text = workspace.read("main.tf");
    workspace.write("main.tf", &text.replacen(old, new, 1));
    say(workspace, &edit(workspace, "PostToolUse", call, old, new));
}

/// What the hook says where Claude Code tells of a replacement that it did not make.
pub(crate) fn claude_says_after(workspace: &Workspace, old: &str, new: &str) -> String {
    let before = edit(workspace, "PreToolUse", "t9", old, new);
    let said = hook(workspace, "claude-code", before.to_string().as_bytes());
    assert!(said.is_empty() || said.contains("is not in the file"), "{said}");
    workspace.write("main.tf", &format!("{}# somebody\n", workspace.read("main.tf")));
    hook(workspace, "claude-code", edit(workspace, "PostToolUse", "t9", old, new).to_string().as_bytes())
}

/// Claude Code writes a file anew.
pub(crate) fn claude_writes(workspace: &Workspace, name: &str, text: &str) {
    for event in ["PreToolUse", "PostToolUse"] {
        say(
            workspace,
            &json!({
                "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": event,
                "tool_name": "Write", "tool_use_id": text, "tool_response": {},
                "tool_input": { "file_path": workspace.path(name), "content": text },
            }),
        );
        workspace.write(name, text);
    }
}

/// Waits until these are the texts by an AI in `main.tf`.
pub(crate) fn until_ai(editor: &mut Editor, expected: &[&str]) {
    until_ai_in(editor, "main.tf", expected);
}

/// The same of another file.
pub(crate) fn until_ai_in(editor: &mut Editor, name: &str, expected: &[&str]) {
    for _ in 0..100 {
        if editor.ai_texts(name) == expected {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(editor.ai_texts(name), expected);
}

#[test]
fn an_edit_on_disk_without_a_server() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    claude_edits(&workspace, "t1", "publicly_accessible = false", "publicly_accessible = true");
    let (said, code) = report(&workspace, &["."]);
    assert_eq!((findings(&said), code), (vec![("main.tf", "database-public", "deny")], Some(1)));
    let origin = &said["findings"][0]["origin"];
    assert_eq!((&origin["tool"], &origin["authority"]), (&json!("claude"), &json!("reported")));
    // A formatter and a person's line above it change nothing about that.
    let text = workspace.read("main.tf").replace("  publicly_accessible = true", "    publicly_accessible    = true");
    workspace.write("main.tf", &format!("# by Ann\n{text}"));
    assert_eq!(findings(&report(&workspace, &["."]).0), [("main.tf", "database-public", "deny")]);
}

#[test]
fn nothing_of_the_text_stays_behind() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    claude_edits(&workspace, "t1", "false", "\"t0p-s3cret\"");
    let state = workspace.root().join(".git/countersign");
    let mut folders = vec![state];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the state is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
                assert!(!text.contains("t0p-s3cret") && !text.contains("lightsail"), "{}: {text}", path.display());
            }
        }
    }
}

#[test]
fn a_reload_in_one_piece_before_and_after_the_report() {
    for report_first in [true, false] {
        let workspace = Workspace::git(&[("main.tf", SAFE)]);
        let mut editor = workspace.editor_on(SAFE);
        let new = format!("{SAFE}{FORCE}");
        say(&workspace, &edit(&workspace, "PreToolUse", "t1", SAFE, &new));
        workspace.write("main.tf", &new);
        let after = edit(&workspace, "PostToolUse", "t1", SAFE, &new);
        if report_first {
            say(&workspace, &after);
            editor.replace_all("main.tf", &new);
        } else {
            editor.replace_all("main.tf", &new);
            say(&workspace, &after);
        }
        until_ai(&mut editor, &[FORCE]);
    }
}

#[test]
fn a_second_report_before_its_reload() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    claude_edits(&workspace, "t1", SAFE, &format!("{SAFE}{FORCE}"));
    editor.replace_all("main.tf", &workspace.read("main.tf"));
    until_ai(&mut editor, &[FORCE]);
    // The text that the first report is about is still shown when the second one comes.
    claude_edits(&workspace, "t2", SAFE, &format!("{PUBLIC}{SAFE}"));
    editor.settle();
    editor.replace_all("main.tf", &workspace.read("main.tf"));
    until_ai(&mut editor, &[PUBLIC, FORCE]);
    // One of the edits was denied, and is there.
    let said = editor.client.notification("window/showMessage");
    assert!(said["message"].as_str().expect("a text").contains("was denied an edit"), "{said}");
}

#[test]
fn a_reload_by_closing_and_opening() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    claude_edits(&workspace, "t1", SAFE, &format!("{SAFE}{FORCE}"));
    editor.close("main.tf");
    let text = workspace.read("main.tf");
    editor.open("main.tf", &text);
    until_ai(&mut editor, &[FORCE]);
}

#[test]
fn a_chain_of_edits_that_is_read_once_and_formatted() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    claude_edits(&workspace, "t1", SAFE, &format!("{SAFE}{FORCE}"));
    claude_edits(&workspace, "t2", SAFE, &format!("{PUBLIC}{SAFE}"));
    // The editor formats what it has read before anybody sees it.
    let formatted = workspace.read("main.tf").replace("force_destroy = true", "force_destroy   =  true");
    editor.replace_all("main.tf", &formatted);
    // What white space at its end is whose, is not known after that.
    until_ai(&mut editor, &[PUBLIC.trim(), FORCE.replace("force_destroy = true", "force_destroy   =  true").trim()]);
    // One of the edits was denied, and is there.
    let said = editor.client.notification("window/showMessage");
    assert!(said["message"].as_str().expect("a text").contains("was denied an edit"), "{said}");
}

#[test]
fn what_a_person_typed_stays_a_persons() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.append("main.tf", "# TODO\n");
    claude_edits(&workspace, "t1", SAFE, &format!("{SAFE}{FORCE}"));
    // The editor does not read the file, because the person has not saved; then it is saved over the agent's text.
    editor.append("main.tf", "# more\n");
    editor.settle();
    assert!(editor.ai_texts("main.tf").is_empty());
}

/// Claude Code runs a command; `run` is what it does to the files.
fn claude_runs(workspace: &Workspace, command: &str, run: impl FnOnce()) {
    let say_it = |event: &str| {
        let payload = json!({
            "session_id": "s1", "cwd": workspace.root(), "hook_event_name": event, "tool_name": "Bash",
            "tool_use_id": command, "tool_input": { "command": command }, "tool_response": {},
        });
        say(workspace, &payload);
    };
    say_it("PreToolUse");
    run();
    say_it("PostToolUse");
}

#[test]
fn commands_that_name_what_they_change() {
    let other = |text: &str| text.replace("\"safe\"", "\"other\"");
    let workspace = Workspace::git(&[("main.tf", SAFE), ("other.tf", &other(SAFE))]);
    let origin = |file: &str| {
        let (said, _) = report(&workspace, &[file]);
        said["findings"][0]["origin"]["tool"].as_str().map(str::to_owned)
    };
    let public = SAFE.replace("false", "true");
    claude_runs(&workspace, "sed -i s/false/true/ main.tf", || workspace.write("main.tf", &public));
    assert_eq!(origin("main.tf").as_deref(), Some("claude"));
    claude_runs(&workspace, "cat > new.tf <<EOF", || workspace.write("new.tf", PUBLIC));
    assert_eq!(origin("new.tf").as_deref(), Some("claude"));
    // Somebody changes another file meanwhile.
    claude_runs(&workspace, "terraform plan", || workspace.write("other.tf", &other(&public)));
    assert_eq!(origin("other.tf"), None);
    // What git brings back was there before.
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-q", "-m", "public"]);
    workspace.write("other.tf", &other(SAFE));
    claude_runs(&workspace, "git checkout other.tf", || workspace.write("other.tf", &other(&public)));
    assert_eq!(origin("other.tf"), None);
}

#[test]
fn what_an_editor_saves_while_a_command_runs() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    claude_runs(&workspace, "sleep 60; cat main.tf", || {
        editor.append("main.tf", PUBLIC);
        editor.save("main.tf");
        let text = editor.text("main.tf").to_owned();
        workspace.write("main.tf", &text);
        editor.settle();
    });
    editor.settle();
    assert!(editor.ai_texts("main.tf").is_empty());
    assert_eq!(report(&workspace, &["."]).0["findings"][0]["origin"]["by"], "unknown");
}

#[test]
fn two_agents_at_once() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    // The second begins before the first is done; what it says does not lead from one text to the other.
    say(&workspace, &edit(&workspace, "PreToolUse", "t1", SAFE, &format!("{SAFE}{FORCE}")));
    say(&workspace, &edit(&workspace, "PreToolUse", "t2", SAFE, &format!("{PUBLIC}{SAFE}")));
    workspace.write("main.tf", &format!("{PUBLIC}{SAFE}{FORCE}"));
    let said = hook(
        &workspace,
        "claude-code",
        edit(&workspace, "PostToolUse", "t2", SAFE, &format!("{PUBLIC}{SAFE}")).to_string().as_bytes(),
    );
    assert!(said.contains("nothing is attributed"), "{said}");
    assert_eq!(report(&workspace, &["."]).0["findings"][0]["origin"]["by"], "unknown");
}

#[test]
fn payloads_that_are_none() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let cut = edit(&workspace, "PreToolUse", "t1", SAFE, FORCE).to_string();
    for payload in [b"".as_slice(), b"[]", b"{", b"\xff\xfe", &cut.as_bytes()[..cut.len() / 2]] {
        let said = hook(&workspace, "claude-code", payload);
        assert!(said.starts_with("countersign hook claude-code: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn paths_that_no_system_opens() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let long = format!("/x/{}main.tf", "a/".repeat(200_000));
    let mut payload = edit(&workspace, "PreToolUse", "t1", "a", "b");
    payload["tool_input"]["file_path"] = json!(long);
    let said = hook(&workspace, "claude-code", payload.to_string().as_bytes());
    assert!(said.contains("has 400010 bytes") && said.lines().count() == 1, "{said}");
    for command in [format!("terraform -chdir={long} plan"), format!("cd {long} && rm -f {long}"), format!("sh {long}")]
    {
        let payload = json!({
            "session_id": "s1", "cwd": workspace.root(), "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": { "command": command },
        });
        hook(&workspace, "claude-code", payload.to_string().as_bytes());
    }
}

/// What each agent says when it puts `true` in the place of `false`: the payload before, where it speaks before, and after.
fn edits_of_agents(workspace: &Workspace) -> Vec<(&'static str, &'static str, Option<Value>, Value)> {
    let (root, file) = (workspace.root(), workspace.path("main.tf"));
    let (old, new) = ("publicly_accessible = false", "publicly_accessible = true");
    let both = |payload: &dyn Fn(bool) -> Value| (Some(payload(false)), payload(true));
    let mut all = Vec::new();
    let mut add = |agent, tool, (before, after)| all.push((agent, tool, before, after));
    add(
        "codex",
        "codex",
        both(&|after| {
            json!({
                "session_id": "1", "cwd": root, "model": "gpt-5", "hook_event_name": if after { "PostToolUse" } else { "PreToolUse" },
                "tool_name": "apply_patch", "tool_use_id": "c1", "tool_response": "Success.",
                "tool_input": { "command": format!("*** Begin Patch\n*** Update File: main.tf\n@@\n-  {old}\n+  {new}\n*** End Patch") },
            })
        }),
    );
    let cursor = |event: &str, more: Value| {
        let mut payload = json!({
            "conversation_id": "1", "generation_id": "2", "model": "m", "cursor_version": "1.7.2", "workspace_roots": [root],
            "hook_event_name": event,
        });
        payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        payload
    };
    let edit = json!({ "file_path": file, "edits": [{ "old_string": old, "new_string": new }] });
    add("cursor", "cursor", (None, cursor("afterFileEdit", edit)));
    let tab = json!({ "file_path": file, "edits": [{
        "old_string": "fals", "new_string": "tru", "old_line": format!("  {old}"), "new_line": format!("  {new}"),
        "range": { "start_line_number": 2, "start_column": 25, "end_line_number": 2, "end_column": 29 },
    }] });
    add("cursor", "cursor-tab", (None, cursor("afterTabFileEdit", tab)));
    add(
        "gemini-cli",
        "gemini",
        both(&|after| {
            json!({
                "session_id": "1", "cwd": root, "hook_event_name": if after { "AfterTool" } else { "BeforeTool" },
                "tool_name": "replace", "tool_input": { "file_path": file, "old_string": old, "new_string": new }, "tool_response": {},
            })
        }),
    );
    add(
        "windsurf",
        "windsurf",
        both(&|after| {
            json!({
                "agent_action_name": if after { "post_write_code" } else { "pre_write_code" }, "trajectory_id": "1",
                "tool_info": { "file_path": file, "edits": [{ "old_string": old, "new_string": new }] },
            })
        }),
    );
    add(
        "copilot-cli",
        "github-copilot-cli",
        both(&|after| {
            let mut payload = json!({
                "timestamp": 1, "cwd": root, "sessionId": "1", "toolName": "edit",
                "toolArgs": json!({ "path": file, "old_str": old, "new_str": new }).to_string(),
            });
            if after {
                payload["toolResult"] = json!({ "resultType": "success" });
            }
            payload
        }),
    );
    add(
        "kiro",
        "kiro",
        both(&|after| {
            json!({
                "hook_event_name": if after { "postToolUse" } else { "preToolUse" }, "cwd": root, "tool_name": "fs_write",
                "tool_input": { "command": "str_replace", "path": file, "old_str": old, "new_str": new },
                "tool_response": { "success": true },
            })
        }),
    );
    add(
        "cline",
        "cline",
        both(&|after| {
            let name = if after { "PostToolUse" } else { "PreToolUse" };
            let what = json!({
                "toolName": "replace_in_file", "success": true,
                "parameters": { "path": "main.tf", "diff": format!("------- SEARCH\n  {old}\n=======\n  {new}\n+++++++ REPLACE\n") },
            });
            let field = if after { "postToolUse" } else { "preToolUse" };
            json!({ "clineVersion": "3.36.0", "taskId": "1", "workspaceRoots": [root], "hookName": name, field: what })
        }),
    );
    add(
        "opencode",
        "opencode",
        both(&|after| {
            json!({
                "hook": if after { "tool.execute.after" } else { "tool.execute.before" }, "sessionID": "1", "callID": "1",
                "directory": root, "tool": "edit", "args": { "filePath": file, "oldString": old, "newString": new },
            })
        }),
    );
    all
}

#[test]
fn every_agent_that_can_tell() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    for (agent, tool, before, after) in edits_of_agents(&workspace) {
        let state = workspace.root().join(".git/countersign");
        let _ = fs::remove_dir_all(&state);
        workspace.write("main.tf", SAFE);
        if let Some(before) = before {
            assert_eq!(hook(&workspace, agent, before.to_string().as_bytes()), "", "{tool}");
        }
        workspace.write("main.tf", &SAFE.replace("false", "true"));
        assert_eq!(hook(&workspace, agent, after.to_string().as_bytes()), "", "{tool}");
        let origin = &report(&workspace, &["."]).0["findings"][0]["origin"];
        assert_eq!((&origin["tool"], &origin["authority"]), (&json!(tool), &json!("reported")), "{agent}");
    }
}

#[test]
#[cfg(unix)]
fn git_ai_is_told_where_it_is_installed() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let tools = workspace.state().join("tools");
    fs::create_dir_all(&tools).expect("a folder");
    let told = workspace.state().join("told");
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = 'checkpoint agent-v1 --hook-input stdin' ] || exit 9\ncat >> {0}\necho >> {0}\n",
        told.display()
    );
    fs::write(tools.join("git-ai"), script).expect("the stand-in is written");
    fs::set_permissions(tools.join("git-ai"), fs::Permissions::from_mode(0o755)).expect("it may be run");
    claude_edits(&workspace, "t1", "false", "true");
    let told = fs::read_to_string(told).expect("git-ai was told");
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (root, file) = (json!(workspace.root()), json!([workspace.path("main.tf")]));
    assert_eq!(
        told,
        [
            json!({ "type": "human", "repo_working_dir": root, "will_edit_filepaths": file, "dirty_files": {} }),
            json!({
                "type": "ai_agent", "repo_working_dir": root, "edited_filepaths": file, "dirty_files": {},
                "agent_name": "claude", "model": "unknown", "conversation_id": "s1",
            }),
        ]
    );
}

#[test]
#[cfg(unix)]
fn what_is_no_file_keeps_no_agent_waiting() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let pipe = workspace.path("pipe.tf");
    let made = run_on(Command::new("mkfifo").arg(&pipe), std::process::Stdio::null(), LIMIT);
    assert!(made.status.success());
    std::os::unix::fs::symlink("/dev/zero", workspace.path("zero.tf")).expect("a link");
    for file in [pipe, workspace.path("zero.tf"), workspace.root()] {
        let mut payload = edit(&workspace, "PreToolUse", "t1", "a", "b");
        payload["tool_input"]["file_path"] = json!(file);
        payload["transcript_path"] = json!(workspace.path("pipe.tf"));
        for event in ["PreToolUse", "PostToolUse"] {
            payload["hook_event_name"] = json!(event);
            let said = hook(&workspace, "claude-code", payload.to_string().as_bytes());
            assert!(said.contains("it is no file"), "{said}");
        }
    }
}

#[test]
fn an_agent_that_is_not_known() {
    let said = countersign(&Workspace::new(), &["hook", "hal"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("claude-code"), "{}", said.stderr);
}
