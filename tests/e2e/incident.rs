//! `countersign incident`: what may have caused an incident, and what people decide about it.

use crate::agents::hook;
use crate::cli::{Said, at_terminal, countersign, printed};
use crate::editor::{COUNTERSIGN, LIMIT, Workspace};
use crate::reviews::Team;
use crate::stamp::engine;
use countersign_testkit::{Scene, scripted};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

fn new(workspace: &Workspace, arguments: &[&str]) -> Said {
    countersign(workspace, &[&["incident", "new"], arguments].concat())
}

/// An incident as JSON, which its schema fits.
fn json_of(workspace: &Workspace, arguments: &[&str]) -> Value {
    printed(workspace, "incident", &[&["incident", "new", "--format", "json"], arguments].concat())
}

#[test]
fn the_cause_is_among_the_first_three() {
    let workspace = Workspace::new();
    let scenes = scripted(&workspace.root(), Path::new(COUNTERSIGN));
    let mut told = String::new();
    let mut first_three = 0;
    for Scene { arguments, cause } in &scenes {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let found = json_of(&workspace, &[&["--dry-run"], arguments.as_slice()].concat());
        let place = cause.place(&found);
        first_three += usize::from(place.is_some_and(|place| place <= 3));
        let _ = writeln!(told, "{place:?} {cause:?} {}", found["proposal"]["role"]);
        if place != Some(1) {
            told += &new(&workspace, &[&["--dry-run"], arguments.as_slice()].concat()).stdout;
        }
    }
    assert!(first_three >= 9, "{told}");
}

/// A team of which an agent has had the database replaced, and that was merged.
fn team_with_incident() -> Team {
    let team = Team::new("[objectives]\ndetection = \"5m\"\n");
    engine(&team, "\"postgres\"", "\"mysql\"");
    team
}

const OPEN: &[&str] = &["--good", "main", "--resource", "aws_db_instance.orders", "--title", "Orders are down"];

/// The name of the incident that was found.
fn opened(team: &Team) -> String {
    let said = new(&team.workspace, OPEN);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("It is what is affected."), "{}", said.stdout);
    said.stdout.split("  ").next().expect("a name").to_owned()
}

/// Runs `incident close` at a terminal at which somebody types something.
fn closes(team: &Team, who: &str, key: &str, more: &str, typed: &str) -> (bool, String) {
    team.git(&["config", "user.name", who]);
    team.git(&["config", "user.email", &format!("{who}@example.org")]);
    let line = format!("incident close {more} --key {}", team.keys.path().join(key).display());
    let (code, said) = at_terminal(&team.workspace, &line, typed);
    (code == Some(0), said)
}

#[test]
fn an_incident_is_found_decided_and_counted() {
    let team = team_with_incident();
    let id = opened(&team);
    let file = format!(".countersign/incidents/{id}.json");
    let found: Value = serde_json::from_str(&team.workspace.read(&file)).expect("JSON");
    let first = &found["candidates"][0];
    assert_eq!((&first["subject"], &first["origin"]), (&json!("Another engine"), &json!("ai")), "{found:#}");
    assert_eq!((&first["agents"], &first["reach"]["by"]), (&json!(["claude"]), &json!("itself")));
    assert_eq!((&first["parts"][0]["action"], &first["parts"][0]["dataLoss"]), (&json!("replace"), &json!(true)));
    assert_eq!(found["proposal"]["role"], "primary", "{found:#}");
    let doubts = found["doubts"].to_string();
    assert!(doubts.contains("nothing was recorded in this clone"), "{doubts}");

    let draft = team.workspace.read(&format!(".countersign/incidents/{id}.md"));
    let row = draft.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a row");
    assert!(row.contains("[[require]]") && row.contains("live/prod/**") && row.contains("replace"), "{row}");

    // Asked again it is the same incident, and what somebody wrote into it is not lost.
    assert_eq!(opened(&team), id);
    let post_mortem = format!(".countersign/incidents/{id}.md");
    team.workspace.write(&post_mortem, "# Ours\n");
    let again = new(&team.workspace, OPEN);
    assert!(again.code == Some(2) && again.stderr.contains("was changed since it was drafted"), "{}", again.stderr);
    assert_eq!(team.workspace.read(&post_mortem), "# Ours\n");

    let list = || countersign(&team.workspace, &["incident", "list"]).stdout;
    assert!(list().contains("Orders are down") && list().contains("open; proposed: primary"), "{}", list());
    let decide = format!("{id} --role primary --cause 1 --why 'It replaced the database' --deployed 10m");
    let decide = format!("{decide} --detected 1s");
    let (done, said) = closes(&team, "bob", "bob", &decide, "no");
    assert!(!done && said.contains("nothing was decided"), "{said}");
    team.signer("mallory", "");
    let (done, said) = closes(&team, "mallory", "mallory", &decide, "yes");
    assert!(!done && said.contains("this key cannot answer"), "{said}");
    let (done, said) = closes(&team, "bob", "bob", &format!("{decide} --rolled-back 2001-01-01"), "yes");
    assert!(!done && said.contains("it was undone before it was deployed"), "{said}");
    let (done, said) = closes(&team, "bob", "bob", &format!("{id} --role none --cause 99 --why x"), "yes");
    assert!(!done && said.contains("there is no candidate 99"), "{said}");
    assert!(!team.workspace.path(&format!(".countersign/incidents/{id}.closed.json")).exists(), "nothing was written");
    assert!(said_by_an_agent(&team, &id).contains("an agent cannot approve its own work"));

    let (done, said) = closes(&team, "bob", "bob", &decide, "yes");
    assert!(done && said.contains("is decided: primary"), "{said}");
    assert!(list().contains("decided: primary"), "{}", list());
    let shown = countersign(&team.workspace, &["incident", "show", &id]).stdout;
    assert!(shown.contains("Decided by bob@example.org") && shown.contains("It replaced the database"), "{shown}");
    let (done, said) = closes(&team, "eve", "eve", &decide, "yes");
    assert!(!done && said.contains("bob@example.org has decided"), "{said}");

    // It counts among the objectives, and does not any more once the incident is another one than was signed.
    let counted = || {
        let slo = countersign(&team.workspace, &["slo", "--format", "json"]).stdout;
        let slo: Value = serde_json::from_str(&slo).expect("JSON");
        let detection = slo["objectives"].as_array().expect("objectives").iter().find(|it| it["name"] == "detection");
        let worst = detection.expect("it is measured")["worst"].as_array().expect("cases").clone();
        worst.iter().filter(|case| case["risk"] == "incident" && case["agent"] == "claude").count()
    };
    assert_eq!(counted(), 1);
    let text = team.workspace.read(&file).replace("Orders are down", "Orders are up");
    team.workspace.write(&file, &text);
    assert_eq!(counted(), 0);
    assert!(list().contains("the incident's file is not what it was when this was signed"), "{}", list());
}

/// What an agent is told that decides about an incident.
fn said_by_an_agent(team: &Team, id: &str) -> String {
    let mut agent = Command::new(COUNTERSIGN);
    agent.args(["incident", "close", id, "--role", "none", "--cause", "x", "--why", "y"]);
    agent.current_dir(team.workspace.root()).env("CLAUDECODE", "1");
    String::from_utf8_lossy(&countersign_testkit::run(&mut agent, LIMIT).stderr).into_owned()
}

#[test]
fn what_cannot_be_answered_is_said() {
    let team = team_with_incident();
    let refused = |arguments: &[&str], why: &str| {
        let said = new(&team.workspace, arguments);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{arguments:?}: {}{}", said.stdout, said.stderr);
    };
    refused(&[], "--from");
    refused(&["--from", "1d", "--until", "2d"], "ends before it begins");
    refused(&["--from", "1d", "--until", "2999-01-01"], "ahead of this machine's clock");
    refused(&["--from", "1066-10-14"], "more than 366 days");
    refused(&["--from", "1d", "--deploy", "nowhere"], "is no commit of this repository");
    refused(&["--good", "nowhere"], "is no commit of this repository");
    refused(&["--good", "main", "--resource", "aws_db_instance.none"], "there is no `aws_db_instance.none`");
    refused(&["--good", "main", "--resource", "live/staging:aws_db_instance.orders"], "there is no `live/staging:");
    refused(&["--good", "main", "--path", "live/[prod"], "is not a glob");
    for id in ["../../countersign", "nothing", ""] {
        let said = countersign(&team.workspace, &["incident", "show", id]);
        assert!(said.code == Some(2) && said.stderr.contains("there is no incident"), "{}", said.stderr);
    }
    // Where nobody says what is affected, all of it may be.
    let found = json_of(&team.workspace, &["--good", "main", "--dry-run"]);
    assert_eq!(
        (&found["candidates"][0]["reach"]["by"], &found["affected"]),
        (&json!("not-asked"), &json!([])),
        "{found:#}"
    );
    // A time in which nothing came in has no candidates, and that there was none of an AI tool is not known.
    let quiet = json_of(&team.workspace, &["--from", "2001-01-01", "--until", "2001-02-01", "--dry-run"]);
    assert_eq!((&quiet["candidates"], &quiet["proposal"]["role"]), (&json!([]), &json!("unknown")), "{quiet:#}");
    assert!(!team.workspace.path(".countersign/incidents").exists(), "a dry run writes nothing");

    // What is no incident is named, and the others are listed.
    team.workspace.write(".countersign/incidents/20260101-aaaaaaaa.json", "{\"version\": 9}");
    team.workspace.write(".countersign/incidents/20260101-bbbbbbbb.json", "no JSON");
    let id = opened(&team);
    let said = countersign(&team.workspace, &["incident", "list"]);
    assert!(said.code == Some(2) && said.stdout.contains(&id), "{}", said.stdout);
    assert!(
        said.stderr.contains("a newer Countersign") && said.stderr.contains("it is no incident"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_others_have_named_does_nothing_in_a_post_mortem() {
    let team = Team::new("");
    let subject = "Fix `x` | <script>alert(1)</script> ](javascript:y) \u{1b}[31m\u{202e}";
    team.workspace.write("live/prod/`a`|<b>.tf", "resource \"aws_s3_bucket\" \"x\" {\n  bucket = \"x\"\n}\n");
    team.commit(subject);
    let said =
        new(&team.workspace, &["--good", "main", "--format", "markdown", "--title", "<i>\u{1b}[31m", "--dry-run"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let marks = outside_of_code(&said.stdout);
    let printed = new(&team.workspace, &["--good", "main", "--dry-run"]).stdout;
    for said in [&said.stdout, &printed] {
        assert!(said.contains("alert(1)"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
    assert!(marks.is_empty(), "{marks:?}");
}

/// Lines in which something stands outside of code that is a mark of HTML or a link.
fn outside_of_code(markdown: &str) -> Vec<&str> {
    let fenced = markdown.split("```toml").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap_or_default();
    let outside = |line: &str| {
        // Of code, all between two fences of the same length.
        let mut out = String::new();
        let line = line.replace("\\`", "");
        let mut rest = line.as_str();
        while let Some(start) = rest.find('`') {
            out.push_str(&rest[..start]);
            let fence: String = rest[start..].chars().take_while(|c| *c == '`').collect();
            let inside = &rest[start + fence.len()..];
            let mut from = 0;
            let end = loop {
                let Some(at) = inside[from..].find('`').map(|at| at + from) else { break None };
                let length = inside[at..].chars().take_while(|c| *c == '`').count();
                if length == fence.len() {
                    break Some(at + length);
                }
                from = at + length;
            };
            rest = end.map_or("", |end| &inside[end..]);
        }
        // A mark with a backslash before it means nothing.
        (out + rest).replace("\\<", "").replace("\\[", "")
    };
    markdown.lines().filter(|line| !fenced.contains(line) && outside(line).contains(['<', '['])).collect()
}

#[test]
fn what_agents_run_is_recorded_without_its_text() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    workspace.write("live/prod/db.tf", "resource \"aws_s3_bucket\" \"invoices\" {\n  bucket = \"shop-invoices\"\n}\n");
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "start"]);
    let command = "PGPASSWORD=hunter2 aws s3 rm s3://shop-invoices --recursive";
    let says = |event: &str| {
        let payload = json!({
            "session_id": "s1", "cwd": workspace.path("live/prod"), "hook_event_name": event, "tool_name": "Bash",
            "tool_use_id": "t1", "tool_input": { "command": command }, "tool_response": {},
        });
        hook(&workspace, "claude-code", payload.to_string().as_bytes())
    };
    says("PreToolUse");
    says("PostToolUse");
    let log = countersign(&workspace, &["log", "--format", "json", "--kind", "command"]).stdout;
    let entries: Value = serde_json::from_str(&log).expect("JSON");
    let operation = &entries[0]["body"]["operations"][0];
    assert_eq!(
        (&operation["program"], &operation["effect"], &operation["reach"]),
        (&json!("aws"), &json!("data-delete"), &json!("live")),
        "{log}"
    );
    assert!(!log.contains("hunter2") && !log.contains("invoices"), "{log}");

    // It was denied and run all the same, and what it hit is known by its name.
    let found = json_of(&workspace, &["--from", "1h", "--resource", "aws_s3_bucket.invoices", "--dry-run"]);
    let first = &found["candidates"][0];
    assert_eq!(
        (&first["kind"], &first["reach"]["by"], &first["state"]),
        (&json!("command"), &json!("itself"), &json!("done")),
        "{found:#}"
    );
    assert_eq!((&first["passed"], &found["proposal"]["role"]), (&json!("overridden"), &json!("primary")), "{found:#}");
    assert_eq!(first["operations"][0]["target"], "aws_s3_bucket.invoices");

    // A record that was changed is not believed without saying so.
    let ledger = workspace.path(".git/countersign/ledger.sqlite");
    let mut bytes = fs::read(&ledger).expect("the ledger");
    let at = bytes.windows(11).position(|window| window == b"data-delete").expect("the effect");
    bytes[at..at + 11].copy_from_slice(b"file-delete");
    fs::write(&ledger, bytes).expect("it is changed");
    let found = json_of(&workspace, &["--from", "1h", "--resource", "aws_s3_bucket.invoices", "--dry-run"]);
    assert!(found["doubts"].to_string().contains("what is said of commands may be false"), "{found:#}");
}

/// What Claude Code says of a command in a folder.
fn says(workspace: &Workspace, folder: &str, call: &str, command: &str, event: &str) {
    let payload = json!({
        "session_id": "s1", "cwd": workspace.path(folder), "hook_event_name": event, "tool_name": "Bash",
        "tool_use_id": call, "tool_input": { "command": command }, "tool_response": {},
    });
    hook(workspace, "claude-code", payload.to_string().as_bytes());
}

/// A repository with the same network in two environments, made by one module, and a bucket of the same name.
fn networks() -> Workspace {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    workspace.write(
        "modules/net/main.tf",
        "variable \"cidr\" {}\nresource \"aws_vpc\" \"main\" {\n  cidr_block = var.cidr\n}\n",
    );
    for environment in ["prod", "staging"] {
        let text = "module \"net\" {\n  source = \"../../modules/net\"\n  cidr   = \"10.0.0.0/16\"\n}\nresource \"aws_s3_bucket\" \"main\" {\n  bucket = \"NAME\"\n}\n";
        workspace.write(&format!("live/{environment}/main.tf"), &text.replace("NAME", &format!("shop-{environment}")));
    }
    commits(&workspace, "start");
    workspace
}

fn commits(workspace: &Workspace, subject: &str) {
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", subject]);
}

const VPC_OF_PROD: &str = "live/prod:module.net.aws_vpc.main";

#[test]
fn a_name_alone_accuses_nobody() {
    let workspace = networks();
    let run = |folder: &str, call: &str, command: &str| {
        says(&workspace, folder, call, command, "PreToolUse");
        says(&workspace, folder, call, command, "PostToolUse");
    };
    run("live/prod", "1", "terraform destroy -target=aws_s3_bucket.main -auto-approve");
    run("live/staging", "2", "terraform destroy -auto-approve");
    run("", "3", "kubectl delete deployment main -n shop");
    let asked = |resource: &str| json_of(&workspace, &["--from", "1h", "--resource", resource, "--dry-run"]);
    let found = asked(VPC_OF_PROD);
    let reaches: Vec<&str> =
        found["candidates"].as_array().expect("all").iter().filter_map(|it| it["reach"]["by"].as_str()).collect();
    assert!(!reaches.iter().any(|by| matches!(*by, "itself" | "whole" | "dependent")), "{found:#}");
    assert_eq!(found["proposal"]["role"], "unknown", "{found:#}");
    // The bucket of this folder, and not the one of the other.
    let found = asked("live/prod:aws_s3_bucket.main");
    assert_eq!(found["candidates"][0]["operations"][0]["target"], "aws_s3_bucket.main", "{found:#}");
    assert_eq!(found["candidates"][0]["reach"]["by"], "itself", "{found:#}");
    let found = asked("live/staging:aws_s3_bucket.main");
    assert_eq!(found["candidates"][0]["reach"]["by"], "whole", "{found:#}");

    // Where the text says in which folder it runs, that counts.
    run("", "4", "cd live/prod && terraform destroy -auto-approve");
    let found = asked(VPC_OF_PROD);
    let first = &found["candidates"][0];
    assert_eq!((&first["reach"]["by"], &first["folder"]), (&json!("whole"), &json!("live/prod")), "{found:#}");
}

#[test]
fn what_an_agent_was_told_counts_for_that_call_alone() {
    let workspace = networks();
    let command = "terraform destroy -target=aws_s3_bucket.main -auto-approve";
    let passed = || {
        let found = json_of(&workspace, &["--from", "1h", "--resource", "live/prod:aws_s3_bucket.main", "--dry-run"]);
        let all = found["candidates"].as_array().expect("all").clone();
        all.iter()
            .map(|it| (it["state"].as_str().map(str::to_owned), it["passed"].as_str().map(str::to_owned)))
            .collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    // It was denied and not run, and its agent says that the call failed.
    says(&workspace, "live/prod", "1", command, "PreToolUse");
    assert_eq!(passed(), [(some("not-recorded"), None)]);
    says(&workspace, "live/prod", "1", command, "PostToolUseFailure");
    assert_eq!(passed(), []);
    // Another call of the same command, of which the record has no denial.
    says(&workspace, "live/prod", "2", command, "PostToolUse");
    assert_eq!(passed(), [(some("done"), None)]);
    says(&workspace, "live/prod", "3", command, "PreToolUse");
    says(&workspace, "live/prod", "3", command, "PostToolUse");
    assert!(passed().contains(&(some("done"), some("overridden"))), "{:?}", passed());
    assert!(passed().contains(&(some("done"), None)), "{:?}", passed());
}

#[test]
fn a_call_of_a_module_reaches_what_is_in_it() {
    let workspace = networks();
    let base = workspace.run_git(&["rev-parse", "HEAD"]);
    let change = |environment: &str| {
        let path = format!("live/{environment}/main.tf");
        workspace.write(&path, &workspace.read(&path).replace("10.0.0.0", "10.1.0.0"));
        commits(&workspace, &format!("Renumber {environment}"));
    };
    change("staging");
    let asked = || json_of(&workspace, &["--good", base.trim(), "--resource", VPC_OF_PROD, "--dry-run"]);
    let by = |found: &Value, subject: &str| {
        let all = found["candidates"].as_array().expect("all").clone();
        all.iter()
            .find(|it| it["subject"] == *subject)
            .map(|it| it["reach"]["by"].as_str().unwrap_or_default().to_owned())
    };
    let found = asked();
    assert_ne!(by(&found, "Renumber staging").as_deref(), Some("dependent"), "{found:#}");
    assert_ne!(by(&found, "Renumber staging").as_deref(), Some("itself"), "{found:#}");
    change("prod");
    let found = asked();
    assert_eq!(found["candidates"][0]["subject"], "Renumber prod", "{found:#}");
    assert_eq!(by(&found, "Renumber prod").as_deref(), Some("dependent"), "{found:#}");
    assert_eq!(found["proposal"]["role"], "unknown", "nobody knows who wrote it: {found:#}");
}
