//! What git's own hooks call: before a push, and for the message of a commit.

use crate::cli::countersign;
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use crate::history::command;
use crate::hooks::claude_writes;
use crate::reviews::{FILE, Team};
use countersign_testkit::{run, run_on};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

fn git(workspace: &Workspace, arguments: &[&str]) -> Output {
    run(&mut command(workspace, arguments), LIMIT)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A repository in which messages get trailers.
fn with_trailers() -> Workspace {
    let workspace = Workspace::git(&[("main.tf", "# one\n")]);
    let said = countersign(&workspace, &["init", "--trailers"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    workspace
}

fn message(workspace: &Workspace) -> String {
    workspace.run_git(&["log", "-1", "--format=%B"]).trim_end().to_owned()
}

fn committed(workspace: &Workspace, arguments: &[&str]) -> String {
    let output = git(workspace, &[&["commit", "-q", "-a"], arguments].concat());
    assert!(output.status.success(), "{}", said(&output));
    message(workspace)
}

// The message of a commit.

#[test]
fn a_message_names_the_tools_that_wrote_lines_of_the_commit() {
    let workspace = with_trailers();
    claude_writes(&workspace, "main.tf", "# one\n# claude wrote this\n");
    assert_eq!(committed(&workspace, &["-m", "Say more"]), "Say more\n\nAssisted-by: claude:unknown");
    // As a trailer of others it is read again.
    let said = countersign(&workspace, &["blame", "main.tf"]);
    assert!(said.stdout.contains("claude"), "{}", said.stdout);
    // Nothing twice, and the trailers of others stay.
    let signed = "Say more\n\nSigned-off-by: Ann <ann@example.org>\nAssisted-by: claude:unknown";
    claude_writes(&workspace, "main.tf", "# one\n# claude wrote this\n# and this\n");
    assert_eq!(committed(&workspace, &["-m", signed]), signed);
    // What a person wrote has none, though an AI's lines stand in the same file.
    workspace.write("main.tf", "# one\n# ann wrote this\n# claude wrote this\n# and this\n");
    assert_eq!(committed(&workspace, &["-m", "By hand"]), "By hand");
}

#[test]
fn only_what_is_committed_counts() {
    let workspace = with_trailers();
    workspace.write("other.tf", "# ann\n");
    workspace.run_git(&["add", "other.tf"]);
    claude_writes(&workspace, "main.tf", "# one\n# claude wrote this\n");
    let output = git(&workspace, &["commit", "-q", "-m", "Mine"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(message(&workspace), "Mine");
}

#[test]
fn what_is_no_message_of_its_own_stays_as_it_is() {
    let workspace = with_trailers();
    for text in ["fixup! start", "squash! start", "amend! start\n\nAnother message"] {
        claude_writes(&workspace, "main.tf", &format!("# one\n# claude on {}\n", text.len()));
        assert_eq!(committed(&workspace, &["-m", text]), text);
    }
    // An empty one is none, and git gives the commit up.
    claude_writes(&workspace, "main.tf", "# one\n# claude\n");
    workspace.run_git(&["add", "main.tf"]);
    let file = workspace.path("MESSAGE");
    for text in ["", "\n# Please enter the commit message\n", "\nSigned-off-by: Ann <ann@example.org>\n"] {
        fs::write(&file, text).expect("it is written");
        let said = countersign(&workspace, &["git-hook", "commit-msg", "--assisted-by", "MESSAGE"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{text}");
        assert_eq!(workspace.read("MESSAGE"), text);
    }
}

#[test]
fn a_merge_stays_as_it_is() {
    let workspace = with_trailers();
    workspace.run_git(&["checkout", "-q", "-b", "other"]);
    claude_writes(&workspace, "other.tf", "# claude\n");
    workspace.run_git(&["add", "-A"]);
    assert!(committed(&workspace, &["-m", "Other"]).contains("Assisted-by"));
    workspace.run_git(&["checkout", "-q", "-"]);
    workspace.write("main.tf", "# two\n");
    committed(&workspace, &["-m", "Two"]);
    let output = git(&workspace, &["merge", "-q", "--no-ff", "--no-edit", "other"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!message(&workspace).contains("Assisted-by"), "{}", message(&workspace));
}

#[test]
fn comments_and_scissors_stay_below() {
    let workspace = with_trailers();
    claude_writes(&workspace, "main.tf", "# one\n# claude\n");
    workspace.run_git(&["add", "-A"]);
    let below = "# Please enter the commit message\n# ------------------------ >8 ------------------------\n# Do not modify this line\ndiff --git a/x b/x\n+Fixes: this\n";
    workspace.write("MESSAGE", &format!("Subject\n\nBody.\n{below}"));
    for _ in 0..2 {
        let said = countersign(&workspace, &["git-hook", "commit-msg", "--assisted-by", "MESSAGE"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        assert_eq!(workspace.read("MESSAGE"), format!("Subject\n\nBody.\n\nAssisted-by: claude:unknown\n{below}"));
    }
    // And whatever goes wrong, the commit goes on.
    let said = countersign(&workspace, &["git-hook", "commit-msg", "--assisted-by", "GONE"]);
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("no trailer was added"), "{}", said.stderr);
    assert_eq!(countersign(&workspace, &["git-hook", "commit-msg", "MESSAGE"]).code, Some(2), "nothing is asked for");
}

#[test]
fn a_message_names_the_reviews_of_what_it_changes() {
    let team = Team::new("");
    let workspace = &team.workspace;
    let start = workspace.run_git(&["rev-parse", "HEAD"]);
    assert_eq!(countersign(workspace, &["init", "--trailers"]).code, Some(0));
    workspace.write(FILE, &workspace.read(FILE).replace("\"postgres\"", "\"mysql\""));
    let asked = countersign(workspace, &["review", "request"]);
    let id =
        asked.stdout.strip_prefix("Requested ").and_then(|rest| rest.split(' ').next()).expect("a name").to_owned();
    let expected = format!("Countersign-Review: {id}");
    // With the request, and without it in a commit of its own.
    workspace.run_git(&["add", "-A"]);
    assert!(committed(workspace, &["-m", "Use MySQL"]).ends_with(&expected));
    workspace.run_git(&["reset", "-q", "--soft", start.trim()]);
    workspace.run_git(&["reset", "-q", "--", FILE]);
    let output = git(workspace, &["commit", "-q", "-m", "Ask"]);
    assert!(output.status.success() && message(workspace).ends_with(&expected), "{}", said(&output));
    assert!(committed(workspace, &["-m", "Use MySQL"]).ends_with(&expected));
    // What it changes to something else is not what was asked about.
    workspace.write(FILE, &workspace.read(FILE).replace("\"mysql\"", "\"mariadb\""));
    assert_eq!(committed(workspace, &["-m", "Use MariaDB"]), "Use MariaDB");
}

// Before a push.

/// A team with a remote that has `main`, and the hook that asks the gate.
fn with_remote(remote: &Path) -> Team {
    let team = Team::new("");
    assert!(Command::new("git").args(["init", "-q", "--bare"]).arg(remote).status().expect("git is there").success());
    let workspace = &team.workspace;
    workspace.run_git(&["remote", "add", "up", remote.to_str().expect("UTF-8")]);
    workspace.run_git(&["push", "-q", "up", "main"]);
    assert_eq!(countersign(workspace, &["init", "--gate"]).code, Some(0));
    team
}

#[test]
fn what_the_gate_would_stop_is_not_pushed() {
    let remote = tempfile::tempdir().expect("a folder");
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    let id = team.asks();
    let refused = git(workspace, &["push", "up", "change"]);
    assert!(!refused.status.success());
    let text = said(&refused);
    assert!(text.contains("MISSING") && text.contains(&format!("review approve {id}")), "{text}");
    assert!(text.contains("refs/heads/change is not pushed"), "{text}");
    team.approves(&id, "bob");
    let pushed = git(workspace, &["push", "up", "change"]);
    assert!(pushed.status.success(), "{}", said(&pushed));
    assert!(said(&pushed).contains("Passed against"), "{}", said(&pushed));

    // Deleted branches, tags and notes are nothing to look at; nor is what the remote has already.
    workspace.run_git(&["tag", "v1"]);
    workspace.run_git(&["notes", "--ref", "ai", "add", "-m", "---", "HEAD"]);
    for arguments in [&["up", "v1"][..], &["up", "refs/notes/ai"], &["up", "--delete", "change"], &["up", "main"]] {
        let output = git(workspace, &[&["push", "-q"], arguments].concat());
        assert!(output.status.success() && !said(&output).contains("countersign"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_push_of_the_default_branch_is_held_against_what_is_there() {
    let remote = tempfile::tempdir().expect("a folder");
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    team.asks();
    workspace.run_git(&["checkout", "-q", "main"]);
    workspace.run_git(&["merge", "-q", "change"]);
    let refused = git(workspace, &["push", "up", "main"]);
    assert!(!refused.status.success() && said(&refused).contains("MISSING"), "{}", said(&refused));
}

#[test]
fn what_nobody_knows_the_base_of_is_said_to_be_so() {
    let (remote, empty) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    assert!(Command::new("git").args(["init", "-q", "--bare"]).arg(empty.path()).status().expect("git").success());
    workspace.run_git(&["remote", "add", "empty", empty.path().to_str().expect("UTF-8")]);
    team.asks();
    let output = git(workspace, &["push", "empty", "change"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("nobody knows which branch it will be merged into"), "{}", said(&output));
}

#[cfg(unix)]
#[test]
fn hooks_below_ours_read_what_git_says() {
    use std::os::unix::fs::PermissionsExt;
    let remote = tempfile::tempdir().expect("a folder");
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    let hook = workspace.path(".git/hooks/pre-push");
    let ours = fs::read_to_string(&hook).expect("the hook");
    fs::write(&hook, format!("{ours}cat >\"{}\"\n", workspace.path("said").display())).expect("it is written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("it may be run");
    let output = git(workspace, &["push", "-q", "up", "change"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(workspace.read("said").starts_with("refs/heads/change "), "{}", workspace.read("said"));
}

#[test]
fn in_a_work_tree_of_its_own_and_with_wrong_input() {
    let remote = tempfile::tempdir().expect("a folder");
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    team.asks();
    workspace.run_git(&["checkout", "-q", "main"]);
    let tree = tempfile::tempdir().expect("a folder");
    let linked = tree.path().join("linked");
    workspace.run_git(&["worktree", "add", "-q", linked.to_str().expect("UTF-8"), "change"]);
    let mut push = command(workspace, &["push", "up", "change"]);
    let refused = run(push.current_dir(&linked), LIMIT);
    assert!(!refused.status.success() && said(&refused).contains("MISSING"), "{}", said(&refused));

    let input = workspace.path("input");
    for (text, why) in [("refs/heads/change\n", "does not say what is pushed"), ("a b c d\n", "is no id of a commit")] {
        fs::write(&input, text).expect("it is written");
        let mut hook = Command::new(COUNTERSIGN);
        hook.args(["git-hook", "pre-push", "up"]).current_dir(workspace.root());
        let output = run_on(hook.env("XDG_STATE_HOME", workspace.state()), File::open(&input).expect("input"), LIMIT);
        assert!(output.status.code() == Some(2) && said(&output).contains(why), "{}", said(&output));
    }
}

#[test]
fn the_framework_is_answered_by_its_variables() {
    let remote = tempfile::tempdir().expect("a folder");
    let team = with_remote(remote.path());
    let workspace = &team.workspace;
    team.asks();
    let mut hook = Command::new(COUNTERSIGN);
    hook.args(["git-hook", "pre-push"])
        .current_dir(workspace.root())
        .env("XDG_STATE_HOME", workspace.state())
        .env("PRE_COMMIT", "1")
        .env("PRE_COMMIT_REMOTE_NAME", "up")
        .env("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/change")
        .env("PRE_COMMIT_TO_REF", "change");
    let output = run(&mut hook, LIMIT);
    assert!(output.status.code() == Some(1) && said(&output).contains("MISSING"), "{}", said(&output));
}

#[test]
fn each_part_is_set_up_and_taken_back_by_itself() {
    let workspace = Workspace::git(&[]);
    let hooks = || {
        let read = |name: &str| fs::read_to_string(workspace.path(&format!(".git/hooks/{name}"))).unwrap_or_default();
        (read("pre-push"), read("commit-msg"))
    };
    let init = |arguments: &[&str]| {
        let said = countersign(&workspace, &[&["init"], arguments].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    };
    init(&["--gate", "--trailers"]);
    init(&["--git"]);
    let (push, message) = hooks();
    assert!(push.contains("git-hook pre-push") && push.contains("note --push"), "{push}");
    assert!(message.contains("git-hook commit-msg"), "{message}");
    assert!(init(&["--git", "--gate", "--trailers"]).contains("It is set up already."));
    init(&["--gate", "--undo"]);
    let (push, _) = hooks();
    assert!(!push.contains("git-hook") && push.contains("note --push"), "{push}");
    init(&["--git", "--trailers", "--undo"]);
    assert_eq!(hooks(), (String::new(), String::new()));
}
