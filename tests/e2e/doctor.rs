//! `countersign doctor`.
#![cfg(unix)]

use crate::cli::{Said, countersign, fits};
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use countersign_testkit::run;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const AGENTS: &[&str] =
    &["claude-code", "vscode", "copilot-cli", "cursor", "codex", "gemini-cli", "windsurf", "kiro", "cline"];

/// Runs it with a home folder of its own, and with the program on the path or not.
fn doctor(workspace: &Workspace, is_on_path: bool, arguments: &[&str]) -> Said {
    let home = workspace.state().join("home");
    fs::create_dir_all(&home).expect("a folder");
    let program = Path::new(COUNTERSIGN).parent().expect("a folder").display().to_string();
    let path = if is_on_path { format!("{program}:/usr/bin:/bin") } else { "/usr/bin:/bin".to_owned() };
    let mut command = Command::new(COUNTERSIGN);
    command.arg("doctor").args(arguments).current_dir(workspace.root()).env("HOME", home).env("PATH", path);
    command.env("XDG_STATE_HOME", workspace.state()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("AWS_PROFILE", "dev");
    let output = run(&mut command, LIMIT);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The report as JSON, which is as its schema says.
fn report(workspace: &Workspace, is_on_path: bool) -> (Value, Option<i32>) {
    let said = doctor(workspace, is_on_path, &["--format", "json"]);
    assert_eq!(said.stderr, "");
    let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
    fits("doctor", &report);
    let controls = report["controls"].as_array().expect("controls");
    for (name, state) in [("ok", "ok"), ("missing", "missing"), ("unknown", "unknown")] {
        let count = controls.iter().filter(|control| control["state"] == state).count();
        assert_eq!(report[name], count, "{report}");
    }
    for control in controls {
        assert_eq!(control["next"].is_string(), control["state"] != "ok", "{control}");
        assert!(control["why"].as_str().is_some_and(|why| why.len() > 20), "{control}");
    }
    assert_eq!(said.code, Some(i32::from(report["missing"] != 0)));
    (report.clone(), said.code)
}

/// State and words of a control; `None` where it is not listed.
fn control<'r>(report: &'r Value, name: &str, of: Option<&str>) -> Option<(&'r str, &'r str)> {
    let controls = report["controls"].as_array().expect("controls");
    let found = controls.iter().find(|control| control["control"] == name && control["of"].as_str() == of)?;
    Some((found["state"].as_str()?, found["what"].as_str()?))
}

fn state<'r>(report: &'r Value, name: &str, of: Option<&str>) -> &'r str {
    control(report, name, of).unwrap_or_else(|| panic!("{name} {of:?} is not in {report}")).0
}

fn init(workspace: &Workspace, arguments: &[&str]) {
    let said = countersign(workspace, &[&["init"], arguments].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

/// The states of an agent's hook before an edit and before a command.
fn hooks<'r>(report: &'r Value, agent: &str) -> [&'r str; 2] {
    ["edit", "command"].map(|what| state(report, "hook", Some(&format!("{agent} ({what})"))))
}

#[test]
fn what_was_set_up_answers() {
    for agent in AGENTS {
        let workspace = Workspace::git(&[("main.tf", "")]);
        init(&workspace, &["--agent", agent]);
        let (said, _) = report(&workspace, true);
        assert_eq!(hooks(&said, agent), ["ok", "ok"], "{agent}: {said}");
        // An attempt that nobody made is in no record.
        assert!(!workspace.path(".git/countersign").exists(), "{agent}");
        let left: Vec<_> =
            fs::read_dir(workspace.state()).expect("a folder").flatten().map(|it| it.file_name()).collect();
        assert_eq!(left, ["home"], "{agent}");
    }
    // What an agent does with its plugin cannot be seen.
    let workspace = Workspace::git(&[("main.tf", "")]);
    init(&workspace, &["--agent", "opencode"]);
    assert_eq!(hooks(&report(&workspace, true).0, "opencode"), ["unknown", "unknown"]);
    assert_eq!(hooks(&report(&workspace, false).0, "opencode"), ["missing", "missing"]);
}

#[test]
fn what_does_not_answer_is_told() {
    let workspace = Workspace::git(&[("main.tf", ""), (".cursor/rules/a.mdc", "")]);
    init(&workspace, &["--agent", "claude-code"]);
    // Cursor is in use and has no hook; that of Claude Code is not found.
    let (said, code) = report(&workspace, false);
    assert_eq!((hooks(&said, "cursor"), code), (["missing", "missing"], Some(1)));
    assert_eq!(hooks(&said, "claude-code"), ["missing", "missing"]);
    let (_, what) = control(&said, "hook", Some("claude-code (edit)")).expect("it is listed");
    assert!(what.contains(".claude/settings.json") && what.contains("127") && what.contains("not found"), "{what}");

    let settings = workspace.read(".claude/settings.json");
    for (from, to, expected) in [
        ("Edit|Write|MultiEdit|Bash|", "Edit|Bash|", ["missing", "ok"]),
        ("Edit|Write|MultiEdit|Bash|", "Edit|Write|", ["ok", "missing"]),
        ("\"PreToolUse\"", "\"PreCompact\"", ["missing", "missing"]),
        ("countersign hook claude-code", "true countersign", ["missing", "missing"]),
        ("countersign hook claude-code", "countersign hook windsurf", ["missing", "missing"]),
        ("countersign hook claude-code", "echo countersign; exit 2", ["missing", "missing"]),
        ("{", "", ["missing", "missing"]),
    ] {
        workspace.write(".claude/settings.json", &settings.replace(from, to));
        assert_eq!(hooks(&report(&workspace, true).0, "claude-code"), expected, "{to}");
    }
    workspace.write(".claude/settings.json", &settings.replacen('{', "{\n  // off\n  \"disableAllHooks\": true,", 1));
    let (said, _) = report(&workspace, true);
    assert_eq!(state(&said, "hooks-on", Some("claude-code")), "missing");
    // In the home folder it counts as well, and who calls it by another path, too.
    fs::remove_file(workspace.path(".claude/settings.json")).expect("it goes");
    let home = workspace.state().join("home/.claude");
    fs::create_dir_all(&home).expect("a folder");
    let by_path = settings.replace("countersign hook", &format!("{COUNTERSIGN} hook"));
    fs::write(home.join("settings.json"), by_path).expect("it is written");
    let (said, _) = report(&workspace, false);
    assert_eq!(hooks(&said, "claude-code"), ["ok", "ok"], "{said}");
    assert!(control(&said, "hooks-on", Some("claude-code")).is_none(), "nothing is off");
}

#[test]
fn the_switches_of_codex() {
    let workspace = Workspace::git(&[("main.tf", "")]);
    init(&workspace, &["--agent", "codex"]);
    let home = workspace.state().join("home/.codex");
    fs::create_dir_all(&home).expect("a folder");
    for (config, expected) in [
        ("model = \"m\"\n", "missing"),
        ("[features]\nhooks = true\n", "ok"),
        ("[features]\nhooks = false\n", "missing"),
        ("[", "unknown"),
    ] {
        fs::write(home.join("config.toml"), config).expect("it is written");
        let (said, _) = report(&workspace, true);
        assert_eq!(state(&said, "hooks-on", Some("codex")), expected, "{config}");
        assert_eq!(state(&said, "hooks-trusted", Some("codex")), "unknown");
    }
}

#[test]
fn a_repository_before_and_after() {
    let workspace = Workspace::git(&[("main.tf", "")]);
    workspace.run_git(&["remote", "add", "origin", "/nowhere"]);
    let (said, code) = report(&workspace, true);
    assert_eq!(code, Some(1));
    let not_ok = [
        "notes post-commit",
        "notes pre-push",
        "notes notes.rewriteRef",
        "notes from origin",
        "commit-gate",
        "ci-gate",
        "owners",
        "approvals",
    ];
    let named = |name: &str| {
        name.split_once(' ').map_or((name.to_owned(), None), |(name, of)| (name.to_owned(), Some(of.to_owned())))
    };
    for name in not_ok {
        let (name, of) = named(name);
        assert_eq!(state(&said, &name, of.as_deref()), "missing", "{name}");
    }
    assert_eq!((state(&said, "policy", None), state(&said, "hook", None)), ("ok", "unknown"));
    assert_eq!(state(&said, "tiers", None), "ok", "by default");
    assert_eq!(state(&said, "required", None), "unknown", "the forge is not asked");

    init(&workspace, &["--git", "--agent", "claude-code"]);
    let approval = "[[approval]]\nenvironment = [\"production\", \"unknown\"]\npeople = 1\nown = false\n";
    workspace.write("countersign.toml", &format!("[agents]\nunjudged = \"deny\"\n{approval}"));
    workspace.write(
        ".github/workflows/check.yml",
        "jobs:\n  check:\n    steps:\n      - run: countersign check --format github\n",
    );
    workspace.write(".github/CODEOWNERS", "* @team\n");
    workspace.write(".git/hooks/pre-commit", "#!/bin/sh\nexec countersign check\n");
    // One that may not be run is not run.
    assert_eq!(state(&report(&workspace, true).0, "commit-gate", None), "missing");
    fs::set_permissions(workspace.path(".git/hooks/pre-commit"), fs::Permissions::from_mode(0o755))
        .expect("it may be run");
    let (said, code) = report(&workspace, true);
    assert_eq!((code, &said["missing"]), (Some(0), &Value::from(0)), "{said}");
    for name in not_ok {
        let (name, of) = named(name);
        assert_eq!(state(&said, &name, of.as_deref()), "ok", "{name}");
    }
    assert_eq!(state(&said, "required", None), "unknown");

    // Rows of one's own may let through what the default does not.
    let passes = "[[verdict]]\norigin = [\"ai\"]\nenvironment = [\"unknown\"]\nverdict = \"note\"\n";
    workspace.write("countersign.toml", &format!("{approval}{passes}"));
    let (said, _) = report(&workspace, true);
    let (state, what) = control(&said, "tiers", None).expect("it is listed");
    assert!(state == "missing" && what.contains("critical") && what.contains("unknown"), "{what}");
    assert!(!what.contains("production"), "{what}");

    workspace.write("countersign.toml", "[agents]\nunjudged = \"maybe\"\n");
    let (said, code) = report(&workspace, true);
    let (state, what) = control(&said, "policy", None).expect("it is listed");
    assert!(state == "missing" && what.contains("countersign.toml:2") && code == Some(1), "{what}");
}

#[test]
fn for_people() {
    let workspace = Workspace::git(&[("main.tf", "")]);
    init(&workspace, &["--agent", "claude-code"]);
    let said = doctor(&workspace, true, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
    for line in [
        "ok         hook claude-code (edit): .claude/settings.json denies a known bad edit\n",
        "missing    notes post-commit: no hook writes a note for each commit\n",
        "           Next: `countersign init --git`\n",
        "not known  required: ",
    ] {
        assert!(said.stdout.contains(line), "{line}\n{}", said.stdout);
    }
    // Outside of git, and from a subfolder.
    let said = doctor(&Workspace::new(), true, &[]);
    assert!(said.code == Some(1) && said.stdout.contains("in no git repository"), "{}", said.stdout);
}
