//! Who wrote what, through a repository's history: a script of git commands, and the truth about every line afterwards.

use crate::cli::countersign;
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use crate::hooks::claude_writes;
use countersign_testkit::run;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A repository with the hooks of `countersign init --git`, in which Ann has committed `main.tf`.
pub(crate) fn repository(text: &str) -> Workspace {
    let workspace = Workspace::git(&[("main.tf", text)]);
    let said = countersign(&workspace, &["init", "--git"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    workspace
}

/// Git as a person runs it, with the hooks and what these call.
pub(crate) fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let tools = Path::new(COUNTERSIGN).parent().expect("a folder");
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let mut git = Command::new("git");
    git.current_dir(workspace.root())
        .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false", "-c", "core.editor=true"])
        .args(arguments)
        .env("PATH", path)
        .env("XDG_STATE_HOME", workspace.state())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

pub(crate) fn git(workspace: &Workspace, arguments: &[&str]) -> bool {
    run(&mut command(workspace, arguments), LIMIT).status.success()
}

pub(crate) fn commit(workspace: &Workspace, message: &str) {
    assert!(git(workspace, &["add", "-A"]));
    assert!(git(workspace, &["commit", "-q", "-m", message]));
}

/// Each line with the tool that wrote it, as another clone would see it: what is recorded here is forgotten first.
fn blame(workspace: &Workspace, file: &str) -> Vec<String> {
    let state = workspace.root().join(".git/countersign");
    let kept = workspace.root().join(".git/countersign-kept");
    let is_there = std::fs::rename(&state, &kept).is_ok();
    let said = countersign(workspace, &["blame", file, "--format", "json"]);
    let _ = std::fs::remove_dir_all(&state);
    assert!(!is_there || std::fs::rename(&kept, &state).is_ok(), "the state is put back");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let text = workspace.read(file);
    let who = |line: &Value| line["origin"]["tool"].as_str().unwrap_or("-").to_owned();
    let lines = json["lines"].as_array().expect("lines");
    lines.iter().zip(text.lines()).map(|(line, text)| format!("{} {text}", who(line))).collect()
}

const START: &str = "# one\n# two\n# three\n# four\n# five\n";

#[test]
fn a_commit_has_a_note() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude wrote this\n# three\n# four\n# five\n");
    commit(&workspace, "add");
    assert_eq!(
        blame(&workspace, "main.tf"),
        ["- # one", "- # two", "claude # claude wrote this", "- # three", "- # four", "- # five"]
    );
    let note = workspace.run_git(&["notes", "--ref", "ai", "show", "HEAD"]);
    assert!(note.starts_with("main.tf\n  s_") && note.contains(" 3\n---\n"), "{note}");
    assert!(note.contains("authorship/3.0.0"), "{note}");
}

#[test]
fn what_is_not_committed_yet() {
    let workspace = repository(START);
    let status = || countersign(&workspace, &["status"]).stdout;
    assert_eq!(status(), "Nothing that an AI is known to have written waits to be committed.\n");
    claude_writes(&workspace, "main.tf", &format!("{START}# claude\n# wrote\n"));
    claude_writes(&workspace, "new.tf", "# claude\n");
    assert_eq!(status(), "main.tf: 2 lines by claude\nnew.tf: 1 line by claude\n");
    commit(&workspace, "claude");
    assert_eq!(status(), "Nothing that an AI is known to have written waits to be committed.\n");
}

#[test]
fn lines_of_a_person_have_none() {
    let workspace = repository(START);
    workspace.write("main.tf", "# one\n# ann wrote this\n# two\n");
    commit(&workspace, "add");
    assert_eq!(blame(&workspace, "main.tf"), ["- # one", "- # ann wrote this", "- # two"]);
    assert!(!git(&workspace, &["notes", "--ref", "ai", "show", "HEAD"]));
}

#[test]
fn amended() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", "# one\n# claude wrote this\n# two\n# three\n# four\n# five\n");
    commit(&workspace, "add");
    workspace.write("main.tf", "# ann wrote this\n# one\n# claude wrote this\n# two\n# three\n# four\n# five\n");
    assert!(git(&workspace, &["commit", "-q", "-a", "--amend", "--no-edit"]));
    assert_eq!(
        blame(&workspace, "main.tf")[..4],
        [
            "- # ann wrote this".to_owned(),
            "- # one".to_owned(),
            "claude # claude wrote this".to_owned(),
            "- # two".to_owned(),
        ]
    );
}

#[test]
fn rebased_with_and_without_a_conflict() {
    for conflict in [false, true] {
        let workspace = repository(START);
        assert!(git(&workspace, &["checkout", "-q", "-b", "topic"]));
        claude_writes(
            &workspace,
            "main.tf",
            "# one\n# two\n# three\n# four\n# claude wrote this\n# and this\n# five\n",
        );
        commit(&workspace, "claude");
        assert!(git(&workspace, &["checkout", "-q", "-"]));
        let theirs = if conflict {
            "# one\n# two\n# three\n# four\n# bob\n# five\n"
        } else {
            "# zero\n# one\n# two\n# three\n# four\n# five\n"
        };
        workspace.write("main.tf", theirs);
        commit(&workspace, "bob");
        assert!(git(&workspace, &["checkout", "-q", "topic"]));
        let done = git(&workspace, &["rebase", "-q", "@{-1}"]);
        assert_eq!(done, !conflict);
        if conflict {
            workspace
                .write("main.tf", "# one\n# two\n# three\n# four\n# bob\n# claude wrote this\n# resolved\n# five\n");
            assert!(git(&workspace, &["add", "-A"]));
            assert!(git(&workspace, &["rebase", "--continue"]));
            assert_eq!(
                blame(&workspace, "main.tf")[4..],
                ["- # bob", "claude # claude wrote this", "- # resolved", "- # five"]
            );
        } else {
            assert_eq!(
                blame(&workspace, "main.tf")[4..],
                ["- # four", "claude # claude wrote this", "claude # and this", "- # five"]
            );
        }
    }
}

#[test]
fn squashed_in_a_rebase() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", "# one\n# claude 1\n# two\n# three\n# four\n# five\n");
    commit(&workspace, "first");
    workspace.write("main.tf", "# one\n# claude 1\n# two\n# ann\n# three\n# four\n# five\n");
    commit(&workspace, "second");
    claude_writes(&workspace, "main.tf", "# claude 0\n# one\n# claude 1\n# two\n# ann\n# three\n# four\n# five\n");
    commit(&workspace, "third");
    assert!(git(&workspace, &["-c", "sequence.editor=sed -i '2,$s/^pick/fixup/'", "rebase", "-q", "-i", "HEAD~3"]));
    assert_eq!(workspace.run_git(&["rev-list", "--count", "HEAD"]).trim(), "2");
    assert_eq!(
        blame(&workspace, "main.tf"),
        [
            "claude # claude 0",
            "- # one",
            "claude # claude 1",
            "- # two",
            "- # ann",
            "- # three",
            "- # four",
            "- # five"
        ]
    );
}

#[test]
fn renamed_merged_and_formatted() {
    let workspace = repository("a = 1\n");
    claude_writes(&workspace, "main.tf", "a = 1\nlonger = 2\n");
    commit(&workspace, "claude");
    assert!(git(&workspace, &["mv", "main.tf", "moved.tf"]));
    commit(&workspace, "rename");
    assert_eq!(blame(&workspace, "moved.tf"), ["- a = 1", "claude longer = 2"]);
    assert!(git(&workspace, &["checkout", "-q", "-b", "other", "HEAD~1"]));
    workspace.write("other.tf", "b = 1\n");
    commit(&workspace, "other");
    assert!(git(&workspace, &["checkout", "-q", "-"]));
    assert!(git(&workspace, &["merge", "-q", "--no-edit", "other"]));
    assert_eq!(blame(&workspace, "moved.tf"), ["- a = 1", "claude longer = 2"]);
    // What comes with a merge, the merge has not added.
    assert!(!git(&workspace, &["notes", "--ref", "ai", "show", "HEAD"]));
}

#[test]
fn taken_back() {
    let workspace = Workspace::git(&[("main.tf", START)]);
    let hooks = workspace.root().join(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("a folder");
    std::fs::write(hooks.join("post-commit"), "#!/bin/sh\ntouch mine\n").expect("a hook");
    for arguments in [&["init", "--git"][..], &["init", "--git", "--undo"]] {
        assert_eq!(countersign(&workspace, arguments).code, Some(0));
    }
    let script = std::fs::read_to_string(hooks.join("post-commit")).expect("the hook is there");
    assert_eq!(script, "#!/bin/sh\ntouch mine\n");
    assert!(!hooks.join("post-rewrite").exists());
}

#[test]
fn picked_from_another_branch() {
    let workspace = repository(START);
    assert!(git(&workspace, &["checkout", "-q", "-b", "topic"]));
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude wrote this\n# three\n# four\n# five\n");
    commit(&workspace, "claude");
    assert!(git(&workspace, &["checkout", "-q", "-"]));
    workspace.write("main.tf", "# zero\n# one\n# two\n# three\n# four\n# five\n");
    commit(&workspace, "bob");
    // As in another clone, which has the notes and nothing else.
    std::fs::remove_dir_all(workspace.root().join(".git/countersign")).expect("the state is there");
    assert!(git(&workspace, &["cherry-pick", "topic"]));
    assert_eq!(blame(&workspace, "main.tf")[2..5], ["- # two", "claude # claude wrote this", "- # three"]);
}

#[test]
fn reverted_and_brought_back() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude wrote this\n# three\n# four\n# five\n");
    commit(&workspace, "claude");
    workspace.write("main.tf", "# one\n# two\n# three\n# four\n# five\n");
    commit(&workspace, "ann takes it out");
    std::fs::remove_dir_all(workspace.root().join(".git/countersign")).expect("the state is there");
    assert!(git(&workspace, &["revert", "--no-edit", "HEAD"]));
    assert_eq!(blame(&workspace, "main.tf")[1..4], ["- # two", "claude # claude wrote this", "- # three"]);
}

#[test]
fn split_into_two_files() {
    let block = "resource \"aws_s3_bucket\" \"logs\" {\n  bucket        = \"company-logs-of-production\"\n  force_destroy = true\n}\n";
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", &format!("{START}{block}"));
    commit(&workspace, "claude");
    workspace.write("main.tf", START);
    workspace.write("logs.tf", &format!("# by ann\n{block}"));
    commit(&workspace, "split");
    assert_eq!(blame(&workspace, "logs.tf")[..2], ["- # by ann", "claude resource \"aws_s3_bucket\" \"logs\" {"]);
    assert_eq!(blame(&workspace, "logs.tf")[3], "claude   force_destroy = true");
}

#[test]
fn put_aside_and_taken_up_again() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude wrote this\n# three\n# four\n# five\n");
    assert!(git(&workspace, &["stash", "-q"]));
    assert_eq!(workspace.read("main.tf"), START);
    assert!(git(&workspace, &["stash", "pop", "-q"]));
    commit(&workspace, "claude");
    assert_eq!(blame(&workspace, "main.tf")[1..4], ["- # two", "claude # claude wrote this", "- # three"]);
}

#[test]
fn a_merge_that_people_had_to_finish() {
    let workspace = repository(START);
    assert!(git(&workspace, &["checkout", "-q", "-b", "topic"]));
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude\n# four\n# five\n");
    commit(&workspace, "claude");
    assert!(git(&workspace, &["checkout", "-q", "-"]));
    workspace.write("main.tf", "# one\n# two\n# bob\n# four\n# five\n");
    commit(&workspace, "bob");
    assert!(!git(&workspace, &["merge", "-q", "--no-edit", "topic"]));
    workspace.write("main.tf", "# one\n# two\n# bob\n# claude\n# ann\n# four\n# five\n");
    assert!(git(&workspace, &["commit", "-q", "-a", "--no-edit"]));
    assert_eq!(blame(&workspace, "main.tf")[2..5], ["- # bob", "claude # claude", "- # ann"]);
}

#[test]
fn notes_of_another_clone_come_and_go() {
    let workspace = repository(START);
    let remote = workspace.state().join("remote.git");
    let remote = remote.to_str().expect("UTF-8");
    assert!(git(&workspace, &["init", "-q", "--bare", remote]));
    assert!(git(&workspace, &["remote", "add", "origin", remote]));
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude wrote this\n# three\n# four\n# five\n");
    commit(&workspace, "claude");
    assert!(git(&workspace, &["push", "-q", "origin", "HEAD"]));
    let listed = workspace.run_git(&["ls-remote", "origin"]);
    assert!(listed.contains("refs/notes/ai"), "{listed}");
}

#[test]
fn squashed_on_a_server() {
    let workspace = repository(START);
    assert!(git(&workspace, &["checkout", "-q", "-b", "topic"]));
    claude_writes(&workspace, "main.tf", "# one\n# two\n# claude 1\n# three\n# four\n# five\n");
    commit(&workspace, "first");
    workspace.write("main.tf", "# one\n# ann\n# two\n# claude 1\n# three\n# four\n# five\n");
    commit(&workspace, "second");
    claude_writes(&workspace, "new.tf", "# claude 2\n# and 3\n");
    commit(&workspace, "third");
    assert!(git(&workspace, &["checkout", "-q", "-"]));
    workspace.write("main.tf", "# zero\n# one\n# two\n# three\n# four\n# five\n");
    commit(&workspace, "meanwhile");
    // A server has neither our hooks nor what is recorded here.
    std::fs::remove_dir_all(workspace.root().join(".git/countersign")).expect("the state is there");
    assert!(git(&workspace, &["merge", "-q", "--squash", "topic"]));
    assert!(git(&workspace, &["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "all of it"]));
    assert_eq!(blame(&workspace, "new.tf"), ["- # claude 2", "- # and 3"]);
    assert!(git(&workspace, &["branch", "-q", "-f", "merged", "topic"]));
    let said = countersign(&workspace, &["note", "--squashed", "merged"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(blame(&workspace, "new.tf"), ["claude # claude 2", "claude # and 3"]);
    assert_eq!(blame(&workspace, "main.tf")[..5], ["- # zero", "- # one", "- # ann", "- # two", "claude # claude 1"]);
}

#[test]
fn as_agent_trace() {
    let workspace = repository(START);
    claude_writes(&workspace, "main.tf", &format!("{START}# claude\n# wrote\n"));
    commit(&workspace, "claude");
    workspace.write("main.tf", &format!("# ann\n{START}# claude\n# wrote\n"));
    commit(&workspace, "ann");
    let said = countersign(&workspace, &["export", "agent-trace"]);
    assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 1), "{}", said.stderr);
    let record: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let revision = workspace.run_git(&["rev-parse", "HEAD~1"]);
    assert_eq!(record["vcs"]["revision"], revision.trim());
    assert_eq!(record["tool"]["name"], "claude");
    let conversation = &record["files"][0]["conversations"][0];
    assert_eq!(conversation["contributor"]["type"], "ai");
    assert_eq!(
        (&conversation["ranges"][0]["start_line"], &conversation["ranges"][0]["end_line"]),
        (&6.into(), &7.into())
    );
    let hash = crate::editor::sha256("# claude\n# wrote\n");
    assert_eq!(conversation["ranges"][0]["content_hash"], format!("sha256:{hash}"));
    let said = countersign(&workspace, &["export", "agent-trace", "no-such-branch"]);
    assert_eq!(said.code, Some(2));
}
