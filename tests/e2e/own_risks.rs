//! Risks of a repository's own, and those that come with Countersign as a team wants them: the same in an editor, on the command
//! line and at the gate.

use crate::cli::{countersign, files, findings, report};
use crate::editor::{ERROR, HINT, PUBLIC, WARNING, Workspace, finding};
use crate::reviews::{DATABASE, FILE, Team};
use serde_json::json;

const RISK: &str = ".countersign/risks/queue-without-dead-letters.md";

/// A risk of a team's own.
const QUEUE_RISK: &str = r#"+++
id = "queue-without-dead-letters"
area = "availability"
severity = "high"
title = "A queue drops what nobody could read"
message = "What nobody could read is gone from `{address}` after a while: it has no `{attribute}`."
help = "Give it a `{attribute}`."

[[binding]]
kinds = ["aws_sqs_queue"]
attribute = "redrive_policy"
when = "missing"
+++

Ours are read by three teams.

## What to do

Add one.

## Flagged

```hcl
resource "aws_sqs_queue" "jobs" {
#        ^^^^^^^^^^^^^^^^^^^^^^ expect
  name = "jobs"
}
```

## Not flagged

```hcl
resource "aws_sqs_queue" "jobs" {
  name           = "jobs"
  redrive_policy = local.policy
}
```

## References

- None.
"#;

const QUEUE: &str = "resource \"aws_sqs_queue\" \"jobs\" {\n  name = \"jobs\"\n}\n";

#[test]
fn an_own_risk_is_seen_on_the_command_line_and_explained() {
    let workspace = Workspace::git(&[(RISK, QUEUE_RISK), ("a/b/main.tf", QUEUE)]);
    let (said, code) = report(&workspace, &["."]);
    assert_eq!((findings(&said), code), (vec![("a/b/main.tf", "queue-without-dead-letters", "review")], Some(1)));
    assert_eq!(
        said["findings"][0]["message"],
        "What nobody could read is gone from `aws_sqs_queue.jobs` after a while: it has no `redrive_policy`."
    );
    let page = countersign(&workspace, &["explain", "queue-without-dead-letters"]);
    assert!(page.stdout.contains("Ours are read by three teams."), "{}{}", page.stdout, page.stderr);
    assert!(countersign(&workspace, &["risks"]).stdout.contains("queue-without-dead-letters   high"));
    let sarif = countersign(&workspace, &["check", "--format", "sarif", "."]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).expect("SARIF");
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"], "queue-without-dead-letters");
    let tested = countersign(&workspace, &["risks", "test"]);
    assert_eq!(
        (tested.stdout.as_str(), tested.code),
        ("1 risk tested: every example does what its file says.\n", Some(0))
    );
    // A comment takes it away as it does any other.
    let comment = "# countersign: allow queue-without-dead-letters reason=\"It is read by hand.\"\n";
    workspace.write("a/b/main.tf", &format!("{comment}{QUEUE}"));
    let (said, code) = report(&workspace, &["."]);
    assert_eq!((findings(&said), code), (Vec::new(), Some(0)));
}

#[test]
fn an_own_risk_is_seen_in_an_editor_as_soon_as_it_is_saved() {
    let workspace = Workspace::git(&[(RISK, "")]);
    let mut editor = workspace.editor_on(QUEUE);
    assert_eq!(editor.findings("main.tf"), []);
    editor.open(RISK, "");
    assert_eq!(editor.diagnostics(RISK).len(), 1, "an empty file is no risk");
    editor.append(RISK, QUEUE_RISK);
    assert_eq!(editor.diagnostics(RISK), [] as [serde_json::Value; 0]);
    workspace.write(RISK, QUEUE_RISK);
    editor.save(RISK);
    let seen = finding(WARNING, "queue-without-dead-letters", "\"aws_sqs_queue\" \"jobs\"");
    assert_eq!(editor.findings("main.tf"), [seen]);
    let explained =
        json!({ "command": "countersign.explain", "arguments": [{ "risk": "queue-without-dead-letters" }] });
    let page = editor.client.request("workspace/executeCommand", explained).expect("a page");
    assert!(page.to_string().contains("Ours are read by three teams."), "{page}");
    assert_eq!(editor.client.notification("window/showMessage")["message"], page);
    // Gone again, as it is when another branch is checked out.
    std::fs::remove_file(workspace.path(RISK)).expect("it is removed");
    let changes = json!([{ "uri": editor.uri(RISK), "type": 3 }]);
    editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    assert_eq!(editor.findings("main.tf"), []);
}

#[test]
fn what_is_wrong_in_the_file_is_said_where_it_stands() {
    for (from, to, underlined, says) in [
        ("severity = \"high\"", "severty = \"high\"", "severty", "unknown field `severty`"),
        ("severity = \"high\"", "severity = \"bad\"", "\"bad\"", "unknown variant `bad`"),
        ("when = \"missing\"", "when = \"gone\"", "\"gone\"", "unknown variant `gone`"),
        ("when = \"missing\"", "when = { inn = [1] }", "inn", "unknown field `inn`"),
        ("when = \"missing\"", "when = { matches = \"(\" }", "[[binding]]", "unclosed group"),
        ("when = \"missing\"", "when = { less_than = { option = \"days\" } }", "[[binding]]", "no option `days`"),
        ("area = \"availability\"", "area = \"queues\"", "area = \"queues\"", "one of audit-trail"),
        ("it has no `{attribute}`", "it has no `{thing}`", "message = ", "`{thing}` is not known"),
        ("id = \"queue-without-dead-letters\"", "id = \"queues\"", "id = \"queues\"", "the file's name"),
        ("## What to do", "## To do", "## To do", "the sections are"),
    ] {
        let text = QUEUE_RISK.replace(from, to);
        assert_ne!(text, QUEUE_RISK, "{from}");
        let workspace = Workspace::git(&[(RISK, &text), ("main.tf", QUEUE)]);
        let mut editor = workspace.editor();
        editor.open(RISK, &text);
        let diagnostics = editor.diagnostics(RISK);
        let found = editor.in_short(RISK, &diagnostics);
        let [(severity, _, place)] = found.as_slice() else { panic!("{to}: {diagnostics:?}") };
        assert!(*severity == ERROR && place.starts_with(underlined), "{to}: {place}");
        assert!(diagnostics[0]["message"].as_str().expect("a message").contains(says), "{to}: {diagnostics:?}");
        // The same on the command line, with its line; what else there is to check is checked.
        let said = countersign(&workspace, &["check", "."]);
        let line = text[..text.find(underlined).expect(underlined)].matches('\n').count() + 1;
        assert!(said.stderr.contains(&format!("{RISK}:{line}")) && said.stderr.contains(says), "{to}: {}", said.stderr);
        assert_eq!(said.code, Some(2), "{to}");
        assert_eq!(countersign(&workspace, &["risks", "test"]).code, Some(2), "{to}");
    }
    let taken = QUEUE_RISK.replace("queue-without-dead-letters", "database-public");
    let workspace = Workspace::git(&[(".countersign/risks/database-public.md", &taken), ("main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["check", "."]);
    assert!(said.stderr.contains("there is a risk `database-public` already"), "{}", said.stderr);
    assert!(said.stdout.contains("critical[database-public]"), "{}", said.stdout);
}

#[test]
fn examples_that_do_something_else_are_told_with_their_lines() {
    let text = QUEUE_RISK
        .replace("  name = \"jobs\"\n}\n```\n\n## Not", "  name = \"jobs\"\n  redrive_policy = \"\"\n}\n```\n\n## Not")
        .replace("  redrive_policy = local.policy\n", "");
    let workspace = Workspace::git(&[(RISK, &text)]);
    let said = countersign(&workspace, &["risks", "test"]);
    let line = |what: &str| text[..text.find(what).expect(what)].matches('\n').count() + 1;
    let expected = format!(
        "{RISK}:{}: `queue-without-dead-letters` is expected here, and is not seen: \"aws_sqs_queue\" \"jobs\"\n\
         {RISK}:{}: `queue-without-dead-letters` is seen here, and is not expected: \"aws_sqs_queue\" \"jobs\"\n\
         1 risk tested: 1 risk with examples that do something else.\n",
        line("## Flagged") + 3,
        line("## Not flagged") + 3,
    );
    assert_eq!((said.stdout.as_str(), said.code), (expected.as_str(), Some(1)));
}

#[test]
fn a_new_risk_holds_as_it_is_written() {
    for (id, given) in [
        ("protection-off", vec![]),
        ("protection-of-stacks-off", vec!["--kind", "AWS::RDS::DBInstance"]),
        (
            "nested",
            vec!["--kind", "google_sql_database_instance", "--attribute", "settings.ip_configuration.require_ssl"],
        ),
        ("of-data", vec!["--kind", "data.aws_ami", "--attribute", "include_deprecated"]),
        ("job-off", vec!["--kind", "batch/v1/CronJob", "--attribute", "spec.suspend", "--area", "availability"]),
    ] {
        let workspace = Workspace::git(&[("main.tf", "")]);
        let said = countersign(&workspace, &[&["risks", "new", id], given.as_slice()].concat());
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{id}");
        let tested = countersign(&workspace, &["risks", "test"]);
        assert_eq!(tested.code, Some(0), "{id}: {}{}", tested.stdout, tested.stderr);
        let again = countersign(&workspace, &["risks", "new", id]);
        assert!(again.code == Some(2) && again.stderr.contains("is there already"), "{}", again.stderr);
    }
    let workspace = Workspace::git(&[("main.tf", "")]);
    for (id, says) in [("Big", "small letters"), ("../out", "small letters"), ("database-public", "already")] {
        let said = countersign(&workspace, &["risks", "new", id]);
        assert!(said.code == Some(2) && said.stderr.contains(says), "{id}: {}", said.stderr);
    }
    assert!(!workspace.path(".countersign/risks").exists());
}

#[test]
fn a_team_sets_risks_as_it_wants_them() {
    let kept = "resource \"aws_docdb_cluster\" \"c\" {\n  deletion_protection = true\n  storage_encrypted = true\n  backup_retention_period = 10\n}\n";
    let row = |row: &str| files(&[("countersign.toml", row), ("main.tf", PUBLIC), ("docdb.tf", kept)]);
    let told = |workspace: &Workspace| {
        let (said, _) = report(workspace, &["."]);
        let severity = |finding: &serde_json::Value| (finding["risk"].clone(), finding["severity"].clone());
        said["findings"].as_array().expect("findings").iter().map(severity).collect::<Vec<_>>()
    };
    let public = |severity: &str| (json!("database-public"), json!(severity));
    assert_eq!(told(&row("")), [public("critical")]);
    assert_eq!(told(&row("[[risk]]\nid = [\"database-public\"]\nseverity = \"low\"\n")), [public("low")]);
    // The first row that says something decides.
    let both = "[[risk]]\nid = [\"database-public\"]\nseverity = \"medium\"\n[[risk]]\narea = [\"exposure\"]\nseverity = \"low\"\n";
    assert_eq!(told(&row(both)), [public("medium")]);
    let off = row("[[risk]]\narea = [\"exposure\"]\noff = \"A proxy of ours stands before all of it.\"\n");
    assert_eq!(told(&off), []);
    let page = countersign(&off, &["explain", "database-public"]).stdout;
    assert!(page.contains("It is turned off here: A proxy of ours stands before all of it."), "{page}");
    let days = row("[[risk]]\nid = [\"backups-kept-briefly\"]\noptions = { days = 14 }\n");
    assert_eq!(told(&days), [(json!("backups-kept-briefly"), json!("medium")), public("critical")]);
    let (said, _) = report(&days, &["docdb.tf"]);
    assert_eq!(said["findings"][0]["help"], "Set `backup_retention_period` to at least `14`.");
    assert_eq!(said["findings"][0]["fix"]["newText"], "14");
    assert!(countersign(&days, &["explain", "backups-kept-briefly"]).stdout.contains("- `days` = `14`: For how many"));
}

#[test]
fn what_is_wrong_with_a_row_is_said_where_it_stands() {
    let workspace = Workspace::git(&[(RISK, QUEUE_RISK)]);
    let rows = "[[risk]]\nid = [\"queue-without-dead-letters\", \"databse-public\"]\noff = \"\"\n\n\
                [[risk]]\narea = [\"queues\"]\n\n[[risk]]\nseverity = \"low\"\n\n\
                [[risk]]\nid = [\"backups-kept-briefly\"]\noptions = { days = \"many\" }\n\n\
                [[risk]]\narea = [\"exposure\"]\noptions = { weeks = 3 }\n\n\
                [[risk]]\nid = [\"not-analysed\"]\noff = \"We know.\"\n";
    let mut editor = workspace.editor();
    editor.open("countersign.toml", rows);
    editor.settle();
    let said = editor.diagnostics("countersign.toml");
    let messages: Vec<_> = said.iter().map(|problem| problem["message"].as_str().expect("a message")).collect();
    for (message, part) in messages.iter().zip([
        "there is no risk `databse-public`",
        "say between the quotes why",
        "there is no area `queues`",
        "neither `id` nor `area`",
        "`days` has to be a number",
        "none of these risks has an option `weeks`",
        "`not-analysed` says what could not be looked at",
    ]) {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(messages.len(), 7, "{messages:?}");
    workspace.write("countersign.toml", rows);
    workspace.write("main.tf", QUEUE);
    let checked = countersign(&workspace, &["check", "main.tf"]);
    assert!(checked.stderr.contains("countersign.toml:2"), "{}", checked.stderr);
    // An empty reason turns nothing off.
    assert!(
        checked.stdout.contains("high[queue-without-dead-letters]") && checked.code == Some(2),
        "{}",
        checked.stdout
    );
}

#[test]
fn rows_change_what_an_editor_shows_at_once() {
    let workspace = files(&[("countersign.toml", "")]);
    let mut editor = workspace.editor_on(PUBLIC);
    assert_eq!(editor.findings("main.tf"), [finding(WARNING, "database-public", "true")]);
    for (row, expected) in [
        ("severity = \"low\"", vec![finding(HINT, "database-public", "true")]),
        ("off = \"It is a test.\"", vec![]),
        ("severity = \"critical\"", vec![finding(WARNING, "database-public", "true")]),
    ] {
        workspace.write("countersign.toml", &format!("[[risk]]\nid = [\"database-public\"]\n{row}\n"));
        let changes = json!([{ "uri": editor.uri("countersign.toml"), "type": 2 }]);
        editor.client.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
        assert_eq!(editor.findings("main.tf"), expected, "{row}");
    }
}

#[test]
fn the_gate_goes_by_the_risks_of_the_base() {
    let team = Team::new("");
    team.workspace.write(RISK, QUEUE_RISK);
    team.commit("A risk of our own");
    team.git(&["branch", "-f", "main", "HEAD"]);
    // The change takes the risk away that it would be told of.
    std::fs::remove_file(team.workspace.path(RISK)).expect("it is removed");
    team.workspace.write(FILE, &format!("{DATABASE}\n{QUEUE}"));
    team.commit("A queue");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes").clone();
    let queue = changes.iter().find(|change| change["address"] == "aws_sqs_queue.jobs").expect("the queue");
    assert!(queue["risks"].to_string().contains("queue-without-dead-letters"), "{queue}");
}
