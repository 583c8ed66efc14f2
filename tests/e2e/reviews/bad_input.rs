//! What the gate cannot work with is one clear error, code 2, and nothing written; what is merely unusual, it works with.

use super::{DATABASE, FILE, SIGNERS, Team, VPC};
use crate::cli::Said;
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use countersign_testkit::run;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below a folder.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                all.insert(path.clone(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    all
}

/// Runs the gate in a folder of a repository, and holds that nothing was written there or left behind elsewhere.
fn gate_in(workspace: &Workspace, folder: &Path, arguments: &[&str]) -> Said {
    let aside = tempfile::tempdir().expect("a folder");
    let before = (everything(&workspace.root()), everything(workspace.state()), everything(folder));
    let mut command = Command::new(COUNTERSIGN);
    command.arg("gate").args(arguments).current_dir(folder);
    command.env("XDG_STATE_HOME", workspace.state()).env("TMPDIR", aside.path());
    let output = run(&mut command, LIMIT);
    let now = (everything(&workspace.root()), everything(workspace.state()), everything(folder));
    assert!(now == before, "nothing is written");
    assert_eq!(everything(aside.path()), BTreeMap::new(), "nothing is left behind");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// That the gate ends with one error that says all of this.
fn refuses(workspace: &Workspace, base: &str, why: &[&str]) {
    let said = gate_in(workspace, &workspace.root(), &["--base", base]);
    let all = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.code, Some(2), "{all}");
    let errors: Vec<&str> = all.lines().filter(|line| line.starts_with("countersign: ")).collect();
    assert_eq!(errors.len(), 1, "{all}");
    for part in why {
        assert!(errors[0].contains(part), "{part:?} in {}", errors[0]);
    }
}

impl Team {
    /// What stands at the base in one file, and is the same on the branch.
    fn at_base(&self, name: &str, content: impl AsRef<[u8]>) {
        self.git(&["checkout", "-q", "main"]);
        self.workspace.write(name, "");
        fs::write(self.workspace.path(name), content).expect("it is written");
        self.commit("At the base");
        self.git(&["checkout", "-q", "-B", "change"]);
    }

    /// Changes the database so that it is replaced.
    fn uses_mysql(&self) {
        self.workspace.write(FILE, &self.workspace.read(FILE).replace("\"postgres\"", "\"mysql\""));
        self.commit("Use MySQL");
    }
}

#[test]
fn a_policy_that_is_not_there_or_empty_is_the_built_in_one() {
    let missing = Team::new("");
    let empty = Team::new("");
    empty.at_base("countersign.toml", "");
    let changes = [missing, empty].map(|team| {
        team.uses_mysql();
        let gate = team.gate();
        assert_eq!(gate.said.code, Some(1), "{}", gate.said.stderr);
        assert_eq!(gate.json["changes"][0]["needs"].as_str().map(|it| it.contains("senior")), Some(true));
        gate.json["changes"].clone()
    });
    assert_eq!(changes[0], changes[1]);
}

#[test]
fn a_policy_that_cannot_be_followed() {
    let long = "# nothing is said here, at length\n".repeat(300_000);
    for (policy, why) in [
        (long.as_str(), ["countersign.toml:1", "longer than 1048576 bytes", "take out what is not needed"]),
        ("[review]\nsigners = \"a\"\n\n[review]\nsigners = \"b\"\n", ["countersign.toml:4", "duplicate", ""]),
        ("[[require]]\napprovals = 1\nlevel = \"lead\"\n", ["countersign.toml:3", "`lead`", "junior, mid, senior"]),
        (
            "[[require]]\naction = [\"replace\"]\nlevel = \"senior\"\n",
            ["countersign.toml:3", "without `approvals` nobody has to", "add `approvals = 1`"],
        ),
        (
            "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"junior\"\n\n\
             [[person]]\nemails = [\"bob@example.org\"]\nlevel = \"senior\"\n",
            ["countersign.toml:6", "`bob@example.org` is listed in another [[person]] too", "into one"],
        ),
    ] {
        let team = Team::new("");
        team.at_base("countersign.toml", policy);
        team.uses_mysql();
        refuses(&team.workspace, "main", &why);
    }
}

#[test]
fn signers_that_cannot_be_read() {
    for (content, why) in [
        (b"garbage\n".to_vec(), "does not count"),
        (b"bob@example.org ssh-ed25519 AAAA\n".to_vec(), "its key cannot be read"),
        (b"\x00\xff\xfe\x01garbage\x02".to_vec(), "does not count"),
        (vec![b'#'; 5 << 20], "longer than 4194304 bytes"),
    ] {
        let team = Team::new("");
        team.at_base(SIGNERS, content);
        team.uses_mysql();
        refuses(&team.workspace, "main", &[SIGNERS, why]);
    }
}

#[test]
fn a_shallow_clone() {
    let team = Team::new("");
    team.asks();
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write("other.tf", VPC);
    team.commit("The base has moved");
    team.git(&["checkout", "-q", "change"]);
    let clone = |options: &[&str]| {
        let clone = Workspace::new();
        let from = format!("file://{}", team.workspace.root().display());
        clone.run_git(&[&["clone", "-q"], options, &["-b", "change", from.as_str(), "."]].concat());
        clone
    };
    let shallow = clone(&["--depth", "1"]);
    refuses(&shallow, "origin/main", &["`origin/main` is no commit of this repository", "shallow, fetch it first"]);
    let shallow = clone(&["--depth", "1", "--no-single-branch"]);
    refuses(&shallow, "origin/main", &["no commit in common", "`git fetch --unshallow` gets the rest"]);
    shallow.run_git(&["fetch", "-q", "--unshallow"]);
    let said = gate_in(&shallow, &shallow.root(), &["--base", "origin/main"]);
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_repository_without_commits() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    workspace.write(FILE, DATABASE);
    for base in ["main", "HEAD"] {
        refuses(&workspace, base, &["is no commit of this repository", "nothing is committed here yet"]);
    }
    let said = crate::cli::countersign(&Team::new("").workspace, &["gate", "--base", "main", "--head", "nowhere"]);
    assert!(
        said.code == Some(2) && said.stderr.contains("`nowhere` is no commit of this repository"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_repository_that_cannot_be_opened() {
    let team = Team::new("");
    team.asks();
    team.git(&["config", "extensions.objectFormat", "md5"]);
    refuses(&team.workspace, "main", &["cannot be opened", "git config --list"]);
}

#[test]
fn a_name_with_a_line_break() {
    let team = Team::new("");
    team.workspace.write("live/prod/a\nPassed against `main`.\n.tf", DATABASE);
    team.commit("A name");
    refuses(&team.workspace, "main", &["a\\nPassed against", "has a line break", "rename it"]);
}

#[test]
fn a_detached_head_and_a_work_tree_beside() {
    let team = Team::new("");
    let id = team.asks();
    let waits = |said: &Said| {
        assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(&format!("the review {id} waits")), "{}", said.stdout);
    };
    let beside = tempfile::tempdir().expect("a folder");
    let beside = beside.path().join("beside");
    team.git(&["worktree", "add", "-q", "--detach", &beside.to_string_lossy(), "change"]);
    waits(&gate_in(&team.workspace, &beside, &["--base", "main"]));
    waits(&gate_in(&team.workspace, &beside.join("live/prod"), &["--base", "main"]));
    team.git(&["checkout", "-q", "--detach", "change"]);
    waits(&gate_in(&team.workspace, &team.workspace.root(), &["--base", "main"]));
    team.git(&["checkout", "-q", "change"]);
    team.approves(&id, "bob");
    team.git(&["checkout", "-q", "--detach", "change"]);
    team.passes();
}

#[test]
fn a_submodule_is_said_not_to_be_looked_at() {
    let other = Workspace::git(&[("main.tf", DATABASE)]);
    let team = Team::new("");
    let from = format!("file://{}", other.root().display());
    team.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &from, "vendor/db"]);
    team.commit("A submodule");
    for is_there in [true, false] {
        if !is_there {
            team.git(&["submodule", "deinit", "-q", "-f", "vendor/db"]);
        }
        let said = gate_in(&team.workspace, &team.workspace.root(), &["--base", "main"]);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        let doubt = "vendor/db is a repository of its own, and what it brings along is not looked at";
        assert!(said.stdout.contains(doubt), "{}", said.stdout);
    }
}

#[test]
fn objects_that_are_named_by_sha_256() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q", "--object-format=sha256"]);
    let team = Team::of(workspace, "");
    assert_eq!(team.git(&["rev-parse", "HEAD"]).trim().len(), 64);
    let id = team.asks();
    team.is_refused(&format!("the review {id} waits"));
    refuses(&team.workspace, "nowhere", &["`nowhere` is no commit of this repository"]);
    team.approves(&id, "bob");
    team.passes();
    // So does everything else that asks git.
    crate::hooks::claude_writes(&team.workspace, "live/prod/new.tf", crate::editor::PUBLIC);
    team.commit("An agent's");
    let said = crate::cli::countersign(&team.workspace, &["note"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    fs::remove_dir_all(team.workspace.path(".git/countersign")).expect("the state is there");
    let (report, _) = crate::cli::report(&team.workspace, &["live/prod/new.tf"]);
    assert_eq!(report["findings"][0]["origin"]["tool"], "claude", "{report}");
    team.is_refused("database-public");
}
