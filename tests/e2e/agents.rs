//! What agents are answered before they run a command, call a tool or edit a file.

use crate::cli::countersign;
use crate::editor::{COUNTERSIGN, FORCE, LIMIT, PUBLIC, SAFE, Workspace};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::process::{Command, Output};

/// Calls the hook of an agent.
pub(crate) fn hook(workspace: &Workspace, agent: &str, payload: &[u8]) -> Output {
    let path = workspace.state().join("payload");
    fs::write(&path, payload).expect("the payload is written");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", agent]).current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    for name in ["AWS_PROFILE", "KUBECONFIG", "TF_WORKSPACE"] {
        command.env_remove(name);
    }
    run_on(&mut command, File::open(path).expect("the payload is there"), LIMIT)
}

/// What Claude Code is answered before it uses a tool: the fields for the event; `Null` where nothing is said.
pub(crate) fn claude(workspace: &Workspace, tool: &str, input: &Value) -> Value {
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": tool, "tool_use_id": "t1", "tool_input": input,
    });
    let output = hook(workspace, "claude-code", payload.to_string().as_bytes());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    if output.stdout.is_empty() {
        return Value::Null;
    }
    let mut object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let specific = object["hookSpecificOutput"].take();
    assert_eq!(specific["hookEventName"], "PreToolUse");
    specific
}

/// The decision about a shell command, `tell` where something is said without one, and what is said.
fn bash(workspace: &Workspace, command: &str) -> (String, String) {
    decision(&claude(workspace, "Bash", &json!({ "command": command })))
}

pub(crate) fn decision(answer: &Value) -> (String, String) {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    match (text("permissionDecision"), text("additionalContext")) {
        (Some(decision), None) => (decision, text("permissionDecisionReason").expect("a reason")),
        (None, Some(context)) => ("tell".to_owned(), context),
        (None, None) if answer.is_null() => (String::new(), String::new()),
        _ => panic!("{answer}"),
    }
}

#[test]
fn commands_by_what_they_do_and_where() {
    let workspace = Workspace::git(&[
        ("Makefile", "down:\n\t@terraform -chdir=live/prod destroy -auto-approve\n"),
        ("ask.sh", "if [ \"$1\" ]; then terraform destroy; fi\n"),
    ]);
    for (command, expected) in [
        ("terraform plan && ls", ""),
        ("grep -r 'terraform destroy' .", ""),
        ("kubectl delete ns shop --dry-run=client", ""),
        ("terraform destroy", "deny"),
        ("terraform -chdir=live/prod destroy", "deny"),
        ("terraform -chdir=envs/staging destroy", "ask"),
        ("terraform -chdir=envs/dev destroy", "tell"),
        ("kubectl --context kind-shop delete ns shop", "tell"),
        ("make down", "deny"),
        ("./ask.sh", "ask"),
        ("eval \"$WHATEVER\"", "ask"),
        ("git commit --no-verify -m x", "deny"),
        ("git push --force origin main", "deny"),
        ("git push --force origin my-branch", "tell"),
        ("rm -rf node_modules", ""),
        ("rm -rf /", "deny"),
    ] {
        assert_eq!(bash(&workspace, command).0, expected, "{command}");
    }
}

#[test]
fn a_reason_says_what_why_and_what_to_do_instead() {
    let workspace = Workspace::git(&[("Makefile", "down:\n\t@terraform -chdir=live/prod destroy -auto-approve\n")]);
    assert_eq!(
        bash(&workspace, "make down").1,
        "Countersign denies this command.\n\
         `terraform` destroys every resource of the Terraform state in live/prod, by way of `make down`. \
         Its environment is production, by `-chdir live/prod`. \
         Run `terraform plan -destroy -out=plan` and let a person look at the plan before it is applied. (command/destroy)\n\
         Where it has to run as it is, ask for it: \
         `countersign request-command --agent claude-code --session s1 -- make down`. \
         Once a person has approved that, the very same command passes once."
    );
    let (_, reason) = bash(&workspace, "terraform destroy");
    assert!(reason.contains("Nothing tells which environment it means"), "{reason}");
}

#[test]
fn tools_of_servers_and_the_agents_own() {
    let workspace = Workspace::git(&[]);
    let tool = |name: &str, input: Value| decision(&claude(&workspace, name, &input)).0;
    assert_eq!(tool("mcp__aws__delete_bucket", json!({ "bucket": "orders" })), "deny");
    assert_eq!(tool("mcp__aws__delete_bucket", json!({ "bucket": "orders", "environment": "dev" })), "tell");
    assert_eq!(tool("mcp__aws__list_buckets", json!({})), "");
    assert_eq!(tool("mcp__db__query", json!({ "sql": "DROP TABLE orders" })), "deny");
    assert_eq!(
        tool("mcp__deploys__update_thing", json!({ "environment": "production" })),
        "deny",
        "nobody knows what it does"
    );
    assert_eq!(tool("mcp__deploys__update_thing", json!({ "environment": "dev" })), "");
    for own in ["TodoWrite", "KillShell", "Task", "Read"] {
        assert_eq!(tool(own, json!({ "id": "prod" })), "", "{own}");
    }
}

#[test]
fn what_the_policy_says_of_commands() {
    let workspace = Workspace::git(&[(
        "countersign.toml",
        "[agents]\nreview_of_commands = \"deny\"\nunjudged = \"deny\"\nprotected_branches = [\"stable\"]\n\
         [[command]]\nprogram = [\"helm\"]\nagent = [\"codex\"]\nverdict = \"deny\"\n\
         [[command]]\nprogram = [\"helm\"]\nverdict = \"allow\"\n\
         [[scope]]\n[scope.never]\ncommands = [\"flux\"]\n",
    )]);
    assert_eq!(bash(&workspace, "helm uninstall shop").0, "");
    assert_eq!(bash(&workspace, "terraform -chdir=envs/staging destroy").0, "deny", "a review is a no here");
    assert_eq!(bash(&workspace, "git push --force origin stable").0, "deny");
    let (decision, reason) = bash(&workspace, "flux suspend kustomization x --context dev");
    assert_eq!(decision, "deny");
    assert!(reason.contains("`never.commands` of countersign.toml does not let claude-code do that"), "{reason}");
    let codex = json!({
        "session_id": "s1", "turn_id": "1", "model": "m", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": "helm uninstall shop" },
    });
    let output = hook(&workspace, "codex", codex.to_string().as_bytes());
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"deny\""), "{output:?}");
    // What cannot be read is denied too, because the policy says so.
    let output = hook(&workspace, "claude-code", b"{");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Countersign cannot judge this"), "{output:?}");
}

#[test]
fn what_cannot_be_read_passes_where_the_policy_says_nothing() {
    let workspace = Workspace::git(&[]);
    let output = hook(&workspace, "claude-code", b"{");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"".as_slice()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not JSON"), "{output:?}");
    // Nor does anything take the process down.
    let nested = format!("{}x{}", "$(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(bash(&workspace, &nested).0, "ask");
    assert_eq!(bash(&workspace, &"a ".repeat(600_000)).0, "ask");
}

/// The decision about a replacement in a file, and what is said.
fn edit(workspace: &Workspace, file: &str, old: &str, new: &str) -> (String, String) {
    let input = json!({ "file_path": workspace.path(file), "old_string": old, "new_string": new });
    decision(&claude(workspace, "Edit", &input))
}

fn write(workspace: &Workspace, file: &str, text: &str) -> (String, String) {
    decision(&claude(workspace, "Write", &json!({ "file_path": workspace.path(file), "content": text })))
}

/// The decision about a patch of Codex, and what is said.
fn codex(workspace: &Workspace, patch: &str) -> (String, String) {
    let payload = json!({
        "session_id": "s1", "turn_id": "1", "model": "m", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": "apply_patch", "tool_use_id": "t1",
        "tool_input": { "command": format!("*** Begin Patch\n{patch}*** End Patch\n") },
    });
    let output = hook(workspace, "codex", payload.to_string().as_bytes());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    decision(&said["hookSpecificOutput"])
}

const DATABASE: &str =
    "resource \"aws_db_instance\" \"orders\" {\n  identifier = \"orders\"\n  engine     = \"postgres\"\n}\n";

#[test]
fn edits_by_what_they_would_bring() {
    let workspace = Workspace::git(&[("main.tf", SAFE), ("zone.tf", &FORCE.replace("true", "false"))]);
    assert_eq!(edit(&workspace, "main.tf", "false", "false # as it must be").0, "");
    let (decision, reason) = edit(&workspace, "main.tf", "false", "true");
    assert_eq!(decision, "deny", "{reason}");
    let mut lines = reason.lines();
    assert_eq!(lines.next(), Some("Countersign denies this edit of main.tf."));
    let line = lines.next().expect("what is so");
    assert!(line.starts_with("main.tf, line 2: ") && line.ends_with("(database-public)"), "{reason}");
    let (decision, reason) = edit(&workspace, "zone.tf", "false", "true");
    assert!(
        decision == "tell" && reason.contains("somebody has to review") && reason.contains("(force-destroy)"),
        "{reason}"
    );
    assert_eq!(write(&workspace, "new/main.tf", PUBLIC).0, "deny", "a new file in a new folder");
    // The same edit twice: once for each, all at once.
    let twice = format!("{SAFE}{}", SAFE.replace("\"safe\"", "\"b\""));
    workspace.write("main.tf", &twice);
    let input = json!({ "file_path": workspace.path("main.tf"), "old_string": "false", "new_string": "true", "replace_all": true });
    let (_, reason) = self::decision(&claude(&workspace, "Edit", &input));
    assert!(reason.contains("line 2:") && reason.contains("line 5:"), "{reason}");
    let edits = json!([{ "old_string": "\"b\"", "new_string": "\"c\"" }, { "old_string": "\"c\" {\n  publicly_accessible = false", "new_string": "\"c\" {\n  publicly_accessible = true" }]);
    let input = json!({ "file_path": workspace.path("main.tf"), "edits": edits });
    assert_eq!(self::decision(&claude(&workspace, "MultiEdit", &input)).0, "deny", "one after the other");
    // What is no infrastructure is not looked at.
    assert_eq!(write(&workspace, "notes.md", PUBLIC).0, "");
}

#[test]
fn what_was_so_before_stops_no_edit() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    assert_eq!(edit(&workspace, "main.tf", "= true", "= (true)").0, "tell");
    let more = PUBLIC.replace("\"db\"", "\"more\"");
    assert_eq!(edit(&workspace, "main.tf", PUBLIC, &format!("{PUBLIC}{more}")).0, "deny", "another one is new");
}

#[test]
fn a_value_that_another_file_declares() {
    let open = "variable \"open\" {\n  type = bool\n}\n";
    let workspace = Workspace::git(&[
        ("main.tf", &PUBLIC.replace("true", "var.open")),
        ("variables.tf", open),
        ("terraform.tfvars", "open = false\n"),
    ]);
    let (decision, reason) = edit(&workspace, "terraform.tfvars", "false", "true");
    assert!(decision == "deny" && reason.contains("main.tf, line 2: "), "{reason}");
}

#[test]
fn what_is_live_is_neither_deleted_nor_renamed_away() {
    let workspace = Workspace::git(&[("main.tf", DATABASE), ("other.tf", "locals {}\n")]);
    let (decision, reason) = write(&workspace, "main.tf", "locals {}\n");
    assert!(decision == "deny" && reason.contains("(destroys-data)"), "{reason}");
    let (decision, reason) = codex(&workspace, "*** Delete File: main.tf\n");
    assert!(decision == "deny" && reason.contains("(destroys-data)"), "{reason}");
    // Another file of the same module keeps it; another folder does not.
    let (decision, reason) =
        codex(&workspace, "*** Update File: main.tf\n*** Move to: database.tf\n@@\n engine = \"postgres\"\n");
    assert_ne!(decision, "deny", "{reason}");
    // Whether its state is moved there as well, nobody knows.
    let (decision, reason) = codex(&workspace, "*** Update File: main.tf\n*** Move to: old/main.tf\n@@\n-x\n+x\n");
    assert!(decision == "tell" && reason.contains("(impact-unknown)"), "{reason}");
    // What was never committed is not live.
    workspace.write("main.tf", &format!("{DATABASE}{}", DATABASE.replace("orders", "drafts")));
    assert_eq!(write(&workspace, "main.tf", DATABASE).0, "");
    // One file of a patch takes what the other brings back.
    let moved: String = DATABASE.lines().flat_map(|line| ["+", line, "\n"]).collect();
    workspace.write("main.tf", DATABASE);
    let patch = format!("*** Delete File: main.tf\n*** Add File: database.tf\n{moved}");
    assert_ne!(codex(&workspace, &patch).0, "deny");
}

#[test]
fn no_agent_takes_a_check_away() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC), (".github/workflows/ci.yml", "run: countersign check\n")]);
    for file in [
        "countersign.toml",
        "live/countersign.toml",
        ".claude/settings.json",
        ".git/hooks/pre-push",
        "CODEOWNERS",
        ".github/workflows/ci.yml",
    ] {
        let (decision, reason) = write(&workspace, file, "x = 1\n");
        assert!(decision == "deny" && reason.contains("(edit/bypass-control)"), "{file}: {reason}");
    }
    assert_eq!(write(&workspace, ".github/workflows/docs.yml", "run: countersign\n").0, "", "a new check");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(workspace.path("countersign.toml"), workspace.path("harmless.txt")).expect("a link");
        workspace.write("countersign.toml", "");
        assert_eq!(write(&workspace, "harmless.txt", "x = 1\n").0, "deny", "by another name");
    }
    let line = "# countersign: allow database-public reason=\"it is a test\"\n";
    let (decision, reason) = edit(&workspace, "main.tf", PUBLIC, &format!("{line}{PUBLIC}"));
    assert!(decision == "deny" && reason.contains("writes a suppression"), "{reason}");
}

#[test]
fn what_the_policy_says_of_edits() {
    let workspace = Workspace::git(&[
        ("infra/main.tf", SAFE),
        (
            "countersign.toml",
            "[agents]\nreview_of_edits = \"ask\"\n[[scope]]\n[scope.only]\npaths = [\"infra/**\"]\n\
             [scope.never]\npaths = [\"infra/secret/**\"]\nkinds = [\"aws_iam_*\"]\nenvironments = [\"production\"]\n",
        ),
    ]);
    assert_eq!(write(&workspace, "infra/zone.tf", FORCE).0, "ask");
    assert_eq!(edit(&workspace, "infra/main.tf", "false", "false # as it must be").0, "");
    for (file, text, expected) in [
        ("app/main.tf", "locals {}\n", "only.paths"),
        ("infra/secret/notes.md", "x", "never.paths"),
        ("infra/iam.tf", "resource \"aws_iam_group\" \"a\" {\n  name = \"a\"\n}\n", "never.kinds"),
        ("infra/prod/a.tf", "resource \"aws_sns_topic\" \"a\" {\n  name = \"a\"\n}\n", "never.environments"),
    ] {
        let (decision, reason) = write(&workspace, file, text);
        assert!(decision == "deny" && reason.contains(&format!("`{expected}`")), "{file}: {reason}");
    }
}

#[test]
fn how_much_one_session_may_change() {
    let vpc = "resource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n";
    let subnet = "resource \"aws_subnet\" \"a\" {\n  vpc_id     = aws_vpc.main.id\n  cidr_block = \"10.0.0.0/24\"\n}\n";
    let topic = |name: &str| format!("resource \"aws_sns_topic\" \"{name}\" {{\n  name = \"{name}\"\n}}\n");
    let workspace = Workspace::git(&[
        ("main.tf", &format!("{vpc}{subnet}")),
        (
            "countersign.toml",
            "[[scope]]\nagent = [\"claude-code\"]\n[scope.never]\nareas = [\"identity\"]\n\
             [scope.most]\nresources = 3\ndependents = 0\n",
        ),
    ]);
    let (decision, reason) = edit(&workspace, "main.tf", "/16\"\n", "/16\"\n  enable_dns_support = true\n");
    assert!(decision == "deny" && reason.contains("on which 1 resources depend. `most.dependents`"), "{reason}");
    let (decision, reason) = write(&workspace, "iam.tf", "resource \"aws_iam_group\" \"a\" {\n  name = \"a\"\n}\n");
    assert!(decision == "deny" && reason.contains("`never.areas`"), "{reason}");
    // What is denied does not count, what is edited twice counts once, and the last one is too many.
    for name in ["a", "b", "a", "c"] {
        assert_ne!(write(&workspace, &format!("{name}.tf"), &topic(name)).0, "deny", "{name}");
        workspace.write(&format!("{name}.tf"), &topic(name));
        workspace.write(&format!("{name}.tf"), "");
    }
    let (decision, reason) = write(&workspace, "d.tf", &topic("d"));
    assert!(
        decision == "deny" && reason.contains("With it this session changes 4 resources. `most.resources`"),
        "{reason}"
    );
    // Another agent has another scope.
    assert_ne!(
        codex(&workspace, "*** Add File: d.tf\n+resource \"aws_sns_topic\" \"d\" {\n+  name = \"d\"\n+}\n").0,
        "deny"
    );
}

#[test]
fn edits_that_cannot_be_judged() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    fs::write(workspace.path("bad.tf"), b"a = \"\xff\"\n").expect("the file is written");
    let judge = |file: &str, old: &str| edit(&workspace, file, old, "b");
    assert_eq!((judge("main.tf", "not there").0, judge("bad.tf", "a").0), (String::new(), String::new()));
    workspace.write("countersign.toml", "[agents]\nunjudged = \"deny\"\n");
    let (decision, reason) = judge("main.tf", "not there");
    assert!(decision == "deny" && reason.contains("is not in the file"), "{reason}");
    let (decision, reason) = judge("bad.tf", "a");
    assert!(decision == "deny" && reason.contains("not UTF-8"), "{reason}");
    // Twice: the first counts.
    workspace.write("main.tf", &format!("{SAFE}{SAFE}"));
    assert_eq!(edit(&workspace, "main.tf", "false", "true").0, "deny");
    // A folder elsewhere has a policy of its own, or none.
    let elsewhere = Workspace::new();
    let input = json!({ "file_path": elsewhere.path("main.tf"), "content": PUBLIC });
    assert_eq!(decision_of(&workspace, &input), "deny");
}

#[test]
fn where_nothing_can_be_written_the_answer_is_the_same() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    // As with a disk that is full or a folder that is for reading only.
    fs::write(workspace.path(".git/countersign"), "a file in the place of the folder").expect("it is written");
    assert_eq!(bash(&workspace, "terraform destroy").0, "deny");
    assert_eq!(bash(&workspace, "ls -l").0, "");
    assert_eq!(edit(&workspace, "main.tf", "= false", "= true").0, "deny");
    assert_eq!(edit(&workspace, "main.tf", "= false", "=  false").0, "");
    let payload = json!({
        "session_id": "s1", "cwd": workspace.root(), "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_use_id": "t1", "tool_input": { "command": "terraform destroy" },
    });
    let output = hook(&workspace, "claude", payload.to_string().as_bytes());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("countersign hook claude-code: "), "it is said: {said}");
    assert_eq!(
        fs::read(workspace.path(".git/countersign")).expect("it is there"),
        b"a file in the place of the folder"
    );
    assert_eq!(
        (workspace.read("main.tf").as_str(), workspace.run_git(&["status", "--porcelain"]).as_str()),
        (SAFE, "")
    );
}

fn decision_of(workspace: &Workspace, input: &Value) -> String {
    decision(&claude(workspace, "Write", input)).0
}

#[test]
fn what_is_denied_is_written_down() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    bash(&workspace, "PGPASSWORD=t0p-s3cret psql -h prod-db -c 'DROP TABLE orders'");
    bash(&workspace, "ls");
    edit(&workspace, "main.tf", "false", "true");
    let said = countersign(&workspace, &["log", "--kind", "verdict", "--agent", "claude", "--format", "json"]).stdout;
    assert!(!said.contains("s3cret"), "{said}");
    let entries: Value = serde_json::from_str(&said).expect("JSON");
    let [command, edited] = entries.as_array().expect("entries").as_slice() else { panic!("{said}") };
    assert_eq!(
        (&command["body"]["verdict"], &command["body"]["risk"]),
        (&json!("deny"), &json!("command/data-delete"))
    );
    assert_eq!((&command["file"], &command["body"]["session"]), (&Value::Null, &json!("s1")));
    assert_eq!((&edited["file"], &edited["body"]["risk"]), (&json!("main.tf"), &json!("database-public")));
}
