//! What a session of an agent inherits, as it starts and before it acts.

use crate::agents::decision;
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::process::Command;

/// What an agent prints in a home folder of its own, with these variables alone.
fn says(workspace: &Workspace, agent: &str, payload: &Value, variables: &[(&str, &str)]) -> String {
    let home = workspace.state().join("home");
    fs::create_dir_all(&home).expect("a folder");
    let path = workspace.state().join("payload");
    fs::write(&path, payload.to_string()).expect("the payload is written");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", agent]).current_dir(workspace.root()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", &home).env("XDG_STATE_HOME", workspace.state()).envs(variables.iter().copied());
    let output = run_on(&mut command, File::open(path).expect("the payload is there"), LIMIT);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn starts(workspace: &Workspace, variables: &[(&str, &str)]) -> String {
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "SessionStart", "source": "startup",
    });
    let said = says(workspace, "claude-code", &payload, variables);
    let said: Value = serde_json::from_str(&said).unwrap_or_default();
    assert_eq!(said["systemMessage"], said["hookSpecificOutput"]["additionalContext"]);
    said["systemMessage"].as_str().unwrap_or_default().to_owned()
}

fn runs(workspace: &Workspace, command: &str, variables: &[(&str, &str)]) -> (String, String) {
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": command },
    });
    let said: Value = serde_json::from_str(&says(workspace, "claude-code", &payload, variables)).unwrap_or_default();
    decision(&said["hookSpecificOutput"])
}

const KEYS: [(&str, &str); 2] = [("AWS_SECRET_ACCESS_KEY", "t0p-s3cret"), ("GITHUB_TOKEN", "gh-s3cret")];

#[test]
fn without_a_scope_only_production_is_worth_a_word() {
    let workspace = Workspace::git(&[]);
    assert_eq!(starts(&workspace, &KEYS), "");
    assert_eq!(starts(&workspace, &[("AWS_PROFILE", "dev"), ("TF_WORKSPACE", "default")]), "");
    let said = starts(&workspace, &[("AWS_PROFILE", "prod-admin")]);
    assert!(said.contains("It inherits `AWS_PROFILE=prod-admin`, which is production."), "{said}");
}

#[test]
fn what_files_choose_is_inherited_too() {
    let workspace =
        Workspace::git(&[("countersign.toml", "[[scope]]\n[scope.never]\nenvironments = [\"production\"]\n")]);
    let home = workspace.state().join("home");
    for (file, text) in [
        (".aws/config", "[default]\nrole_arn = arn:aws:iam::1:role/prod-admin\n"),
        (".kube/config", "apiVersion: v1\ncurrent-context: prod-eu\n"),
        (".config/gcloud/active_config", "live\n"),
        (".config/gcloud/configurations/config_live", "[core]\nproject = shop-prod\n"),
        (".azure/azureProfile.json", "{\"subscriptions\":[{\"name\":\"Shop-Prod\",\"isDefault\":true}]}"),
    ] {
        let path = home.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("it is written");
    }
    workspace.write(".terraform/environment", "prod");
    let variables = [("HOME", home.to_str().expect("text"))];
    let said = starts(&workspace, &variables);
    for what in ["aws-role=arn:aws:iam::1:role/prod-admin", "kubernetes-context=prod-eu", "terraform-workspace=prod"] {
        assert!(said.contains(&format!("`{what}`, which is production. `never.environments`")), "{what}: {said}");
    }
    assert!(said.contains("And 2 more"), "{said}");
}

#[test]
fn a_secret_is_named_and_never_shown() {
    let workspace =
        Workspace::git(&[("countersign.toml", "[[scope]]\n[scope.never]\ninherits = [\"AWS_*\", \"*_TOKEN\"]\n")]);
    let said = starts(&workspace, &KEYS);
    assert!(said.contains("`AWS_SECRET_ACCESS_KEY`") && said.contains("`GITHUB_TOKEN`"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    let mut folders = vec![workspace.root().join(".git/countersign")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let text = fs::read(entry.path()).expect("a file");
                assert!(!String::from_utf8_lossy(&text).contains("s3cret"), "{}", entry.path().display());
            }
        }
    }
}

#[test]
fn what_exceeds_the_scope_is_told_asked_or_denied() {
    let scope = "[[scope]]\nagent = [\"claude-code\"]\n[scope.never]\nenvironments = [\"production\"]\n";
    let live = "kubectl --context kind-x delete pod a";
    for (inherited, expected) in [("tell", "tell"), ("ask", "ask"), ("deny", "deny")] {
        let policy = format!("[agents]\ninherited = \"{inherited}\"\n{scope}");
        let workspace = Workspace::git(&[("countersign.toml", &policy)]);
        let variables = [("AWS_PROFILE", "prod")];
        let said = starts(&workspace, &variables);
        assert!(said.contains("`never.environments` of countersign.toml does not let claude-code have that"), "{said}");
        let (answer, reason) = runs(&workspace, live, &variables);
        assert_eq!(answer, expected, "{inherited}: {reason}");
        // What reads, and what is done on this machine, does not need any of it.
        assert_eq!(runs(&workspace, "terraform plan", &variables).0, "");
        assert_eq!(runs(&workspace, live, &[("AWS_PROFILE", "dev")]).0, "tell");
        assert_eq!(starts(&workspace, &[("AWS_PROFILE", "dev")]), "");
    }
}

#[test]
fn each_agent_in_its_own_words() {
    let workspace = Workspace::git(&[]);
    let root = workspace.root();
    let variables = [("AWS_PROFILE", "prod")];
    for (agent, payload, field) in [
        (
            "cursor",
            json!({ "hook_event_name": "sessionStart", "cursor_version": "3", "conversation_id": "c", "workspace_roots": [root] }),
            "/additional_context",
        ),
        (
            "codex",
            json!({ "hook_event_name": "SessionStart", "session_id": "s", "cwd": root, "model": "m", "source": "startup" }),
            "/hookSpecificOutput/additionalContext",
        ),
        (
            "gemini-cli",
            json!({ "hook_event_name": "SessionStart", "session_id": "s", "cwd": root, "timestamp": "t", "source": "startup" }),
            "/systemMessage",
        ),
        (
            "copilot-cli",
            json!({ "sessionId": "s", "timestamp": 1, "cwd": root, "source": "new" }),
            "/additionalContext",
        ),
        (
            "cline",
            json!({ "hookName": "TaskStart", "clineVersion": "3", "taskId": "t", "workspaceRoots": [root], "taskStart": {} }),
            "/contextModification",
        ),
    ] {
        let said = says(&workspace, agent, &payload, &variables);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let text = said.pointer(field).and_then(Value::as_str).unwrap_or_default();
        assert!(text.contains("`AWS_PROFILE=prod`"), "{agent}: {said}");
    }
}
