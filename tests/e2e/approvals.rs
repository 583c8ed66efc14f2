//! Commands that are denied, requested, approved by people, and let through once.

#[cfg(target_os = "linux")]
mod signed;

use crate::agents::{decision, hook};
use crate::cli::{Said, countersign};
use crate::editor::Workspace;
use crate::ledger::log;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const DESTROY: &str = "terraform -chdir=live/prod destroy -auto-approve";

/// What an agent is answered before it runs a command.
fn runs(workspace: &Workspace, (agent, session): (&str, &str), folder: &str, command: &str) -> (String, String) {
    let output = hook(workspace, agent, payload(workspace, agent, session, folder, command).to_string().as_bytes());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    decision(&said["hookSpecificOutput"])
}

fn payload(workspace: &Workspace, agent: &str, session: &str, folder: &str, command: &str) -> Value {
    let mut payload = json!({
        "session_id": session, "cwd": workspace.path(folder), "hook_event_name": "PreToolUse",
        "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": command },
    });
    if agent == "codex" {
        payload["turn_id"] = "1".into();
        payload["model"] = "m".into();
    }
    payload
}

fn claude(workspace: &Workspace, command: &str) -> (String, String) {
    runs(workspace, ("claude-code", "s1"), "", command)
}

/// Requests a command as Claude Code does in its session, and gives the request's name.
fn requests(workspace: &Workspace, command: &[&str]) -> String {
    let said = ask(workspace, command);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let id = said.stdout.strip_prefix("Requested as ").and_then(|rest| rest.split(',').next()).expect("a name");
    id.to_owned()
}

fn ask(workspace: &Workspace, command: &[&str]) -> Said {
    let line = [&["request-command", "--agent", "claude-code", "--session", "s1", "--"], command].concat();
    countersign(workspace, &line)
}

/// What a person is told who approves at a terminal, in whose git that name stands.
#[cfg(target_os = "linux")]
fn approves(workspace: &Workspace, person: &str, id: &str, answer: &str) -> (bool, String) {
    approves_with(workspace, person, id, answer, "")
}

/// The same with other options.
#[cfg(target_os = "linux")]
fn approves_with(workspace: &Workspace, person: &str, id: &str, answer: &str, options: &str) -> (bool, String) {
    workspace.run_git(&["config", "user.name", person]);
    workspace.run_git(&["config", "user.email", &format!("{}@example.org", person.to_lowercase())]);
    let (code, said) = crate::cli::at_terminal(workspace, &format!("request-command --approve {id} {options}"), answer);
    (code == Some(0), said)
}

#[cfg(target_os = "linux")]
fn is_approved(workspace: &Workspace, id: &str) {
    let (is_done, said) = approves(workspace, "Ann", id, "yes");
    assert!(is_done && said.contains(&format!("Request {id} is approved")), "{said}");
}

fn records(workspace: &Workspace) -> Vec<PathBuf> {
    let folder = workspace.root().join(".git/countersign/approvals");
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[test]
fn a_denial_says_how_to_ask_and_asking_lets_nothing_through() {
    let workspace = Workspace::git(&[]);
    let (answer, reason) = claude(&workspace, DESTROY);
    assert_eq!(answer, "deny");
    let line = format!("`countersign request-command --agent claude-code --session s1 -- {DESTROY}`");
    assert!(reason.contains(&line), "{reason}");
    // The agent may run that very line, and is then told what it waits for.
    assert_eq!(claude(&workspace, line.trim_matches('`')).0, "");
    let words: Vec<&str> = DESTROY.split(' ').collect();
    let id = requests(&workspace, &words);
    let (answer, reason) = claude(&workspace, DESTROY);
    assert!(answer == "deny" && reason.contains(&format!("Request {id} waits for a person")), "{reason}");
    assert!(!reason.contains("Where it has to run as it is"), "nobody is told twice how to ask: {reason}");
    // An agent approves nothing: its shell is no terminal, and its hook says so before.
    for command in [
        format!("countersign request-command --approve {id}"),
        format!("script -qec 'countersign request-command --approve {id}' /dev/null"),
        format!("expect -c 'spawn countersign request-command --approve {id}; expect once; send yes'"),
        format!("python3 -c \"import pty; pty.spawn(['countersign', 'request-command', '--approve', '{id}'])\""),
    ] {
        let (answer, reason) = claude(&workspace, &command);
        assert!(answer == "deny" && reason.contains("approves a command in a person's name"), "{reason}");
    }
    let said = countersign(&workspace, &["request-command", "--approve", &id]);
    assert!(said.code == Some(2) && said.stderr.contains("at a terminal"), "{}", said.stderr);
    assert_eq!(claude(&workspace, DESTROY).0, "deny");
    // What is no simple command is asked for as it stands.
    let (_, reason) = claude(&workspace, "cd live/prod && psql -c \"DROP TABLE a\"");
    assert!(reason.contains("-- 'cd live/prod && psql -c \"DROP TABLE a\"'`"), "{reason}");
}

#[test]
fn what_cannot_be_requested() {
    let workspace = Workspace::git(&[("countersign.toml", "[[scope]]\n[scope.never]\ncommands = [\"helm\"]\n")]);
    for (command, why) in [
        (&["terraform", "plan"][..], "nothing stands in its way"),
        (&["git", "commit", "--no-verify", "-m", "x"], "a person has to do"),
        (&["eval \"$PLAN\""], "nobody can say what would be approved"),
        (&["helm", "uninstall", "shop", "--kube-context", "prod"], "`never.commands`"),
        (&["terraform", "apply", "missing.plan"], "cannot be read"),
    ] {
        let said = ask(&workspace, command);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{command:?}: {}", said.stderr);
    }
    assert_eq!(records(&workspace).len(), 0);
    for line in [&["--list", "--approve", "3f2a9c1b"][..], &["--approve", "3f2a9c1b", "--decline", "3f2a9c1b"]] {
        let said = countersign(&workspace, &[&["request-command"], line].concat());
        assert!(said.code == Some(2) && said.stderr.contains("cannot be used with"), "{}", said.stderr);
    }
}

#[test]
fn a_request_is_listed_and_declined() {
    let workspace = Workspace::git(&[]);
    assert_eq!(countersign(&workspace, &["request-command", "--list"]).stdout, "Nothing was requested.\n");
    let id = requests(&workspace, &["terraform", "destroy"]);
    let list = || -> Value {
        let said = countersign(&workspace, &["request-command", "--list", "--format", "json"]);
        serde_json::from_str(&said.stdout).expect("JSON")
    };
    let listed = list();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"], &listed[0]["session"]),
        (&json!(id), &json!("waiting"), &json!("s1"))
    );
    assert_eq!(listed[0]["argv"], json!(["terraform", "destroy"]));
    assert_eq!(countersign(&workspace, &["request-command", "--decline", &id]).code, Some(0));
    assert_eq!(list()[0]["state"], "declined");
    let (answer, reason) = claude(&workspace, "terraform destroy");
    assert!(answer == "deny" && reason.contains("was declined by Ann"), "{reason}");
    let said = countersign(&workspace, &["request-command", "--decline", "../../x"]);
    assert!(said.code == Some(2) && said.stderr.contains("no request"), "{}", said.stderr);
    let states: Vec<Value> =
        log(&workspace, &["--kind", "approval"]).into_iter().map(|it| it["body"]["state"].clone()).collect();
    assert_eq!(states, ["requested", "declined"]);
}

#[test]
#[cfg(target_os = "linux")]
fn an_approval_is_for_one_command_of_one_session_once() {
    let workspace = Workspace::git(&[("other/main.tf", "")]);
    let words: Vec<&str> = DESTROY.split(' ').collect();
    let id = requests(&workspace, &words);
    let (is_done, said) = approves(&workspace, "Ann", &id, "y");
    assert!(!is_done && said.contains("was not approved"), "{said}");
    is_approved(&workspace, &id);
    let (is_done, said) = approves(&workspace, "Ann", &id, "yes");
    assert!(!is_done && said.contains("is approved"), "{said}");
    for ((agent, session), folder, command) in [
        (("codex", "s1"), "", DESTROY),
        (("claude-code", "s2"), "", DESTROY),
        (("claude-code", "s1"), "other", DESTROY),
        (("claude-code", "s1"), "", "terraform -chdir=live/prod destroy"),
        (("claude-code", "s1"), "", "terraform -chdir=live/prod destroy -auto-approve -target=a.b"),
        (("claude-code", "s1"), "", "terraform -chdir=live/prod destroy -auto-approve; terraform destroy"),
        (("claude-code", "s1"), "", "AWS_PROFILE=prod terraform -chdir=live/prod destroy -auto-approve"),
        (("claude-code", "s1"), "", "sudo terraform -chdir=live/prod destroy -auto-approve"),
    ] {
        assert_eq!(
            runs(&workspace, (agent, session), folder, command).0,
            "deny",
            "{agent} {session} {folder} {command}"
        );
    }
    // Another spelling of the same words is the same command.
    let (answer, said) = claude(&workspace, &DESTROY.replace("destroy", " 'destroy'"));
    assert!(answer == "tell" && said.contains(&format!("request {id}, approved by Ann <ann@example.org>")), "{said}");
    let (answer, reason) = claude(&workspace, DESTROY);
    assert!(
        answer == "deny" && reason.contains("has been used") && reason.contains("request-command --agent"),
        "{reason}"
    );
    let entries = log(&workspace, &["--kind", "approval"]);
    let told: Vec<_> =
        entries.iter().map(|entry| (entry["body"]["state"].as_str(), entry["person"].as_str())).collect();
    assert_eq!(
        told,
        [(Some("requested"), None), (Some("approved"), Some("Ann <ann@example.org>")), (Some("used"), None)]
    );
    assert!(entries.iter().all(|entry| entry["body"]["request"] == json!(id)), "{entries:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn of_two_hooks_at_once_one_lets_it_through() {
    let workspace = Workspace::git(&[]);
    let id = requests(&workspace, &["terraform", "destroy"]);
    is_approved(&workspace, &id);
    let payload = payload(&workspace, "claude-code", "s1", "", "terraform destroy").to_string();
    let path = workspace.state().join("at-once");
    fs::write(&path, payload).expect("it is written");
    let children: Vec<_> = (0..8)
        .map(|_| {
            std::process::Command::new(crate::editor::COUNTERSIGN)
                .args(["hook", "claude-code"])
                .current_dir(workspace.root())
                .env("XDG_STATE_HOME", workspace.state())
                .stdin(fs::File::open(&path).expect("it is there"))
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("it runs")
        })
        .collect();
    let said: Vec<String> = children
        .into_iter()
        .map(|child| String::from_utf8_lossy(&child.wait_with_output().expect("it ends").stdout).into_owned())
        .collect();
    let through = said.iter().filter(|said| said.contains("lets this command through once")).count();
    let denied = said.iter().filter(|said| said.contains("\"deny\"")).count();
    assert_eq!((through, denied), (1, 7), "{said:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_judged_has_to_be_the_same() {
    let makefile = "down:\n\tterraform -chdir=live/prod destroy -auto-approve\n";
    let workspace = Workspace::git(&[("Makefile", makefile), ("live.plan", "a plan")]);
    for (command, file, other) in [
        (&["make", "down"][..], "Makefile", format!("{makefile}# more\n")),
        (&["terraform", "apply", "live.plan"], "live.plan", "another plan".to_owned()),
    ] {
        let line = command.join(" ");
        let same = workspace.read(file);
        let id = requests(&workspace, command);
        workspace.write(file, &other);
        let (is_done, said) = approves(&workspace, "Ann", &id, "yes");
        assert!(!is_done && said.contains("has changed since"), "{said}");
        workspace.write(file, &same);
        is_approved(&workspace, &id);
        workspace.write(file, &other);
        let (answer, reason) = claude(&workspace, &line);
        assert!(answer != "tell" && (answer == "ask" || reason.contains("has changed since")), "{answer} {reason}");
        workspace.write(file, &same);
        assert_eq!(claude(&workspace, &line).0, "tell", "{line}: what was approved is there again");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn as_many_people_as_policy_asks_for() {
    let policy = "[[approval]]\nenvironment = [\"production\"]\npeople = 2\nby = [\"*@example.org\"]\nown = false\n";
    let workspace = Workspace::git(&[("countersign.toml", policy)]);
    let words: Vec<&str> = DESTROY.split(' ').collect();
    let id = requests(&workspace, &words);
    let (is_done, said) = approves(&workspace, "Ann", &id, "yes");
    assert!(!is_done && said.contains("the agent works in the name of ann@example.org"), "{said}");
    let (is_done, said) = approves(&workspace, "Bo", &id, "yes");
    assert!(is_done && said.contains("waits for a person"), "{said}");
    let (is_done, said) = approves(&workspace, "Bo", &id, "yes");
    assert!(!is_done && said.contains("each person counts once"), "{said}");
    assert_eq!(claude(&workspace, DESTROY).0, "deny");
    let (is_done, said) = approves(&workspace, "Cy", &id, "yes");
    assert!(is_done && said.contains("is approved"), "{said}");
    let (answer, said) = claude(&workspace, DESTROY);
    assert!(answer == "tell" && said.contains("Bo <bo@example.org> and Cy <cy@example.org>"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_corrupt_record_is_no_approval() {
    let workspace = Workspace::git(&[]);
    let id = requests(&workspace, &["terraform", "destroy"]);
    is_approved(&workspace, &id);
    let folder = records(&workspace).pop().expect("a record");
    let request = folder.join("request.json");
    let text = fs::read_to_string(&request).expect("a request");
    let longer = text.replacen("\"expires\": 1", "\"expires\": 2", 1);
    assert_ne!(longer, text);
    for changed in [longer.as_str(), "{", ""] {
        fs::write(&request, changed).expect("it is written");
        let (answer, reason) = claude(&workspace, "terraform destroy");
        assert!(
            answer == "deny" && reason.contains(&format!("the record of request {id} counts for nothing")),
            "{reason}"
        );
        let said = countersign(&workspace, &["request-command", "--list"]);
        assert!(said.code == Some(2) && said.stderr.contains("counts for nothing"), "{}", said.stderr);
    }
    // One that cannot be used up lets nothing through either.
    fs::write(&request, &text).expect("it is written");
    fs::create_dir(folder.join("used.json")).expect("a folder in its place");
    assert_eq!(claude(&workspace, "terraform destroy").0, "deny");
}
