//! `countersign init --agent`: the settings of coding agents.

use crate::cli::countersign;
use crate::editor::{COUNTERSIGN, LIMIT, PUBLIC, Workspace};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

const AGENTS: &[&str] =
    &["claude-code", "vscode", "copilot-cli", "cursor", "codex", "gemini-cli", "windsurf", "kiro", "cline", "opencode"];

/// The files of a repository, without git's own.
fn files(workspace: &Workspace) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![workspace.root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name() != Some(".git".as_ref()) {
                    folders.push(path);
                }
            } else {
                let name = path.strip_prefix(workspace.root()).expect("below").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    found
}

fn init(workspace: &Workspace, arguments: &[&str]) -> String {
    let said = countersign(workspace, &[&["init"], arguments].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    said.stdout
}

#[test]
fn every_agent_is_set_up_once_and_taken_back() {
    for agent in AGENTS {
        let workspace = Workspace::git(&[("main.tf", "")]);
        let before = files(&workspace);
        let shown = init(&workspace, &["--agent", agent, "--dry-run"]);
        assert!(shown.contains(&format!("countersign hook {agent}")) || *agent == "opencode", "{shown}");
        assert_eq!(files(&workspace), before, "{agent}: --dry-run changes nothing");
        init(&workspace, &["--agent", agent]);
        let set = files(&workspace);
        assert_ne!(set, before, "{agent}");
        for (name, text) in set.iter().filter(|(name, _)| Path::new(name).extension() == Some("json".as_ref())) {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{name}: {text}");
        }
        assert!(init(&workspace, &["--agent", agent]).contains("It is set up already."), "{agent}");
        assert_eq!(files(&workspace), set, "{agent}: twice is once");
        init(&workspace, &["--agent", agent, "--uninstall"]);
        assert_eq!(files(&workspace), before, "{agent}: it is taken back");
        assert!(init(&workspace, &["--all", "--undo"]).contains("There is nothing to take back."), "{agent}");
    }
}

#[test]
fn what_people_wrote_stays() {
    let settings = "{\n  // ours\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"PreToolUse\": [\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"lint\" }] }\n    ]\n  }\n}\n";
    let script = "#!/bin/sh\necho '{}'\n";
    let workspace = Workspace::git(&[
        (".claude/settings.json", settings),
        (".clinerules/hooks/PreToolUse", script),
        (".gemini/settings.json", "[]\n"),
    ]);
    let shown = init(&workspace, &["--agent", "claude-code", "cline", "gemini-cli"]);
    assert!(shown.contains("somebody else's") && shown.contains("it is no object"), "{shown}");
    let set = workspace.read(".claude/settings.json");
    assert!(
        set.contains("// ours") && set.contains("\"lint\"") && set.contains("countersign hook claude-code"),
        "{set}"
    );
    assert_eq!(
        (workspace.read(".clinerules/hooks/PreToolUse").as_str(), workspace.read(".gemini/settings.json").as_str()),
        (script, "[]\n")
    );
    init(&workspace, &["--all", "--undo"]);
    let back = workspace.read(".claude/settings.json");
    assert!(back.contains("// ours") && back.contains("\"lint\"") && !back.contains("countersign"), "{back}");
    assert!(
        !workspace.path(".clinerules/hooks/PostToolUse").exists()
            && workspace.path(".clinerules/hooks/PreToolUse").exists()
    );
}

#[test]
fn agents_that_are_in_use_are_found() {
    let workspace = Workspace::git(&[(".cursor/rules/a.mdc", ""), (".codex/notes", "")]);
    let home = workspace.state().join("home");
    fs::create_dir_all(home.join(".gemini")).expect("a folder");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["init", "--all"]).current_dir(workspace.root()).env("HOME", &home);
    let output = countersign_testkit::run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let set: Vec<bool> = [".cursor/hooks.json", ".codex/hooks.json", ".gemini/settings.json", ".claude/settings.json"]
        .iter()
        .map(|name| workspace.path(name).exists())
        .collect();
    assert_eq!(set, [true, true, true, false], "{said}");
    assert!(said.contains("Tab has no hook that can refuse") && said.contains("trust these with `/hooks`"), "{said}");
    assert!(said.contains("No hook sees: ") && said.contains("cloud"), "{said}");
}

/// The command that stands in the settings is run as the agent would run it, with an edit that must not pass.
#[test]
#[cfg(unix)]
fn the_wiring_holds() {
    let workspace = Workspace::git(&[("main.tf", "")]);
    init(&workspace, &["--agent", "claude-code"]);
    let settings: Value = serde_json::from_str(&workspace.read(".claude/settings.json")).expect("JSON");
    let group = &settings["hooks"]["PreToolUse"][0];
    assert_eq!(group["hooks"][0]["onFailure"], "block", "what cannot be asked does not pass");
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PreToolUse", "tool_name": "Write",
        "tool_use_id": "t1", "tool_input": { "file_path": workspace.path("main.tf"), "content": PUBLIC },
    });
    let path = workspace.state().join("payload");
    fs::write(&path, payload.to_string()).expect("the payload is written");
    let program = Path::new(COUNTERSIGN).parent().expect("a folder").display().to_string();
    let mut shell = Command::new("sh");
    shell.args(["-c", group["hooks"][0]["command"].as_str().expect("a command")]).current_dir(workspace.root());
    shell
        .env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap_or_default()))
        .env("XDG_STATE_HOME", workspace.state());
    let output = run_on(&mut shell, File::open(path).expect("the payload is there"), LIMIT);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"permissionDecision\":\"deny\""), "{output:?}");
}

#[test]
fn a_preset_is_written_once_and_what_somebody_wrote_stays() {
    for preset in ["observe", "balanced", "strict"] {
        let workspace = Workspace::git(&[("main.tf", "")]);
        let before = files(&workspace);
        let shown = init(&workspace, &["--preset", preset, "--dry-run"]);
        assert!(shown.contains(&format!("the preset \"{preset}\"")), "{shown}");
        assert_eq!(files(&workspace), before, "{preset}: --dry-run changes nothing");
        init(&workspace, &["--preset", preset]);
        let said = countersign(&workspace, &["check", "."]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{preset}: it is read without a word");
        assert!(init(&workspace, &["--preset", preset]).contains("It is set up already."), "{preset}");
        init(&workspace, &["--preset", "observe"]);
        init(&workspace, &["--preset", preset, "--undo"]);
        assert_eq!(files(&workspace), before, "{preset}: it is taken back");
        workspace.write("countersign.toml", "# Ours.\n");
        for more in [&[][..], &["--undo"]] {
            let said = countersign(&workspace, &[&["init", "--preset", preset], more].concat());
            assert!(said.code == Some(2) && said.stderr.contains("countersign.toml is"), "{}", said.stderr);
            assert_eq!(workspace.read("countersign.toml"), "# Ours.\n");
        }
    }
    let said = countersign(&Workspace::new(), &["init", "--preset", "none"]);
    assert!(said.code == Some(2) && said.stderr.contains("possible values"), "{}", said.stderr);
}
