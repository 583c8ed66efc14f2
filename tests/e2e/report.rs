//! `countersign report`: what AI tools did in a time, by the record and the commits.

use crate::cli::{Said, countersign, printed};
use crate::editor::{PUBLIC, SAFE, Workspace};
use crate::reviews::{FILE, Team};
use crate::stamp::engine;
use countersign_ledger::{Kind, Ledger, NewEntry};
use countersign_testkit::run;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const DAY: i64 = 86_400_000;

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn report(workspace: &Workspace, arguments: &[&str]) -> Said {
    countersign(workspace, &[&["report"], arguments].concat())
}

/// The report as JSON, which its schema fits.
fn json(workspace: &Workspace, arguments: &[&str]) -> Value {
    printed(workspace, "report", &[&["report", "--format", "json"], arguments].concat())
}

/// A ledger of a repository, with entries of such times.
fn record(workspace: &Workspace, entries: &[NewEntry]) {
    let folder = workspace.path(".git/countersign");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut ledger = Ledger::open(folder.join("ledger.sqlite")).expect("a ledger");
    ledger.append(entries).expect("it is recorded");
}

fn entry(at: i64, kind: Kind, agent: &str, file: Option<&str>, body: Value) -> NewEntry {
    let file = file.map(str::to_owned);
    NewEntry { at, kind, agent: Some(agent.to_owned()), person: None, file, body }
}

#[test]
fn a_report_says_what_was_written_seen_and_committed() {
    let team = Team::new("");
    engine(&team, "\"postgres\"", "\"mysql\"");
    let report_of = json(&team.workspace, &[]);
    let commits = &report_of["commits"];
    assert_eq!(commits["total"], json!({ "changes": 1, "ai": 1, "unknown": 0 }), "{report_of:#}");
    assert_eq!(commits["byTier"][0]["name"], "critical");
    assert_eq!(commits["byLanguage"][0]["name"], "terraform");
    assert_eq!(commits["byFolder"][0]["name"], "live/prod/");
    assert_eq!((&commits["byFolder"][0]["ai"], &commits["open"]["total"]), (&json!(1), &json!(1)), "{report_of:#}");
    let open = &commits["open"]["items"][0];
    assert_eq!((&open["address"], &open["agents"]), (&json!("aws_db_instance.orders"), &json!(["claude"])));
    assert!(open["since"].is_string() && open["missing"][0].is_string(), "{open:#}");
    assert!(report_of.get("record").is_none(), "nothing was recorded: {report_of:#}");

    let id = team.requests();
    team.approves(&id, "bob");
    assert_eq!(json(&team.workspace, &[])["commits"]["open"]["total"], 0);
    // Of a time without commits nothing is said, and of one that ends before it begins neither.
    assert!(json(&team.workspace, &["--since", "2001-01-01", "--until", "2001-02-01"]).get("commits").is_none());
    let said = report(&team.workspace, &["--since", "1d", "--until", "2d"]);
    assert!(said.code == Some(2) && said.stderr.contains("ends before it begins"), "{}", said.stderr);
    let said = report(&team.workspace, &["--since", "1066-10-14"]);
    assert!(said.code == Some(2) && said.stderr.contains("more than 50 years"), "{}", said.stderr);
}

/// Runs git at a date.
fn git_at(workspace: &Workspace, date: &str, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(workspace.root())
        .args(["-c", "commit.gpgsign=false", "-c", "user.name=Bob", "-c", "user.email=bob@example.org"])
        .args(arguments)
        .envs([("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = run(&mut git, Duration::from_mins(1));
    assert!(output.status.success(), "{output:?}");
}

/// Commits a database of so much storage at a date, and notes who wrote the line: an AI tool, or a person.
fn commits_database(workspace: &Workspace, date: &str, storage: usize, is_protected: bool, is_by_ai: bool) {
    let text = format!(
        "resource \"aws_db_instance\" \"orders\" {{\n  identifier = \"orders\"\n  engine = \"postgres\"\n  instance_class = \
         \"db.r6g.large\"\n  storage_encrypted = true\n  backup_retention_period = 14\n  allocated_storage = {storage}\n  deletion_protection = {is_protected}\n}}\n"
    );
    workspace.write("live/prod/db.tf", &text);
    git_at(workspace, date, &["add", "-A"]);
    git_at(workspace, date, &["commit", "-q", "-m", "storage"]);
    let (key, more) = if is_by_ai {
        let session = json!({ "s_0123456789abcd": { "agent_id": { "tool": "claude", "id": "1", "model": "m" } } });
        ("s_0123456789abcd::t_0123456789abcd", json!({ "sessions": session }))
    } else {
        let person = json!({ "h_0123456789abcd": { "author": "Bob <bob@example.org>" } });
        ("h_0123456789abcd", json!({ "humans": person }))
    };
    let mut head = json!({ "schema_version": "authorship/3.0.0", "base_commit_sha": "", "prompts": {} });
    for (name, value) in more.as_object().into_iter().flatten() {
        head[name] = value.clone();
    }
    let note = format!("live/prod/db.tf\n  {key} 7-8\n---\n{head}");
    git_at(workspace, date, &["notes", "--ref", "ai", "add", "-f", "-m", &note]);
}

#[test]
fn what_came_in_counts_in_the_week_in_which_it_did() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    commits_database(&workspace, "2026-01-01T12:00:00Z", 20, true, false);
    commits_database(&workspace, "2026-02-03T12:00:00Z", 30, true, true);
    // A clock that is wrong once moves nothing.
    commits_database(&workspace, "2031-02-03T12:00:00Z", 40, true, false);
    commits_database(&workspace, "2026-03-03T12:00:00Z", 50, true, false);
    commits_database(&workspace, "2026-03-04T12:00:00Z", 60, false, true);
    commits_database(&workspace, "2026-04-02T12:00:00Z", 70, false, true);
    let report_of = json(&workspace, &["--since", "2026-01-15", "--until", "2026-04-01"]);
    let commits = &report_of["commits"];
    assert_eq!(commits["total"], json!({ "changes": 4, "ai": 2, "unknown": 0 }), "{report_of:#}");
    let periods = commits["periods"].as_array().expect("periods");
    let of = |since: &str| periods.iter().find(|it| it["since"] == since).map(|it| (&it["changes"], &it["ai"]));
    assert_eq!(of("2026-02-02T00:00:00Z"), Some((&json!(1), &json!(1))), "{report_of:#}");
    assert_eq!(of("2026-03-02T00:00:00Z"), Some((&json!(3), &json!(1))), "{report_of:#}");
    let share = &commits["byFolder"][0];
    let ai: u64 = share["periods"].as_array().expect("periods").iter().filter_map(|it| it["ai"].as_u64()).sum();
    assert_eq!((&share["name"], ai), (&json!("live/prod/"), 2));
    // The AI took the protection away, and a person has not put it back.
    let protections = &commits["protections"]["items"];
    assert_eq!(protections[0]["at"], "2026-03-04T12:00:00Z", "{report_of:#}");
    assert_eq!(commits["protections"]["total"], 1, "{report_of:#}");
    assert!(report_of["doubts"].to_string().contains("1 of the commits are dated ahead"), "{report_of:#}");
    assert_eq!(commits["unreadSteps"], 0);
}

#[test]
fn whoever_merges_what_they_have_approved_has_approved_it() {
    let team = Team::new("");
    engine(&team, "\"postgres\"", "\"mysql\"");
    let id = team.requests();
    team.approves(&id, "bob");
    team.git(&["checkout", "-q", "main"]);
    let now = jiff::Timestamp::now().to_string();
    git_at(&team.workspace, &now, &["merge", "-q", "--no-ff", "-m", "Merge", "change"]);
    let report_of = json(&team.workspace, &[]);
    let commits = &report_of["commits"];
    assert_eq!((&commits["steps"], &commits["unreadSteps"]), (&json!(1), &json!(0)), "{report_of:#}");
    assert_eq!((&commits["total"]["ai"], &commits["open"]["total"]), (&json!(1), &json!(0)), "{report_of:#}");
}

#[test]
fn what_observing_lets_pass_is_in_the_report() {
    let team = Team::new("[[mode]]\nmode = \"observe\"\n");
    engine(&team, "\"postgres\"", "\"mysql\"");
    let report_of = json(&team.workspace, &[]);
    let commits = &report_of["commits"];
    assert_eq!(commits["letPassByMode"], json!({ "observe": 1 }), "{report_of:#}");
    let passed = &commits["letPass"]["items"][0];
    assert_eq!((&passed["mode"], &passed["path"]), (&json!("observe"), &json!(FILE)));
    let markdown = report(&team.workspace, &[]).stdout;
    assert!(
        markdown.contains("With `enforce`, 1 under `observe` and 0 under `warn` would not have passed."),
        "{markdown}"
    );
}

#[test]
fn what_an_editor_saw_is_in_the_report_with_what_became_of_it() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.save("main.tf");
    editor.settle();
    // Whatever was seen is written down by then.
    let text = editor.text("main.tf").to_owned();
    editor.quit();
    workspace.write("main.tf", &text);
    let mut editor = workspace.editor();
    editor.open("main.tf", &text);
    editor.settle();
    editor.replace("main.tf", "= true", "= false");
    editor.save("main.tf");
    editor.settle();
    editor.quit();
    let report_of = json(&workspace, &[]);
    let record = &report_of["record"];
    assert_eq!(record["intact"], true, "{report_of:#}");
    assert_eq!(record["agents"][0]["insertions"], 1);
    let row = &record["outcomes"][0];
    assert_eq!((&row["cases"], &row["mended"], &row["open"]), (&json!(1), &json!(1), &json!(0)), "{report_of:#}");
    let insertions: u64 =
        record["periods"].as_array().expect("periods").iter().filter_map(|it| it["insertions"].as_u64()).sum();
    assert_eq!(insertions, 1);
}

#[test]
fn clocks_that_are_wrong_and_chains_that_do_not_hold_are_said() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let insertion = |at| entry(at, Kind::Insertion, "claude", Some("main.tf"), json!({ "bytes": 5 }));
    let future = now() + 400 * DAY;
    record(&workspace, &[insertion(now() - DAY), insertion(future), insertion(now() - 2 * DAY), insertion(0)]);
    let report_of = json(&workspace, &["--since", "30d"]);
    let of_record = &report_of["record"];
    let counts = ["ofTheFuture", "clockWentBack", "entries"].map(|name| of_record[name].clone());
    assert_eq!(counts, [json!(1), json!(2), json!(2)], "{report_of:#}");
    assert_eq!(of_record["agents"][0]["insertions"], 2);

    let ledger = workspace.path(".git/countersign/ledger.sqlite");
    let mut bytes = std::fs::read(&ledger).expect("the ledger");
    let place = bytes.windows(11).rposition(|window| window == b"{\"bytes\":5}").expect("a body");
    bytes[place + 9] = b'7';
    std::fs::write(&ledger, bytes).expect("it is changed");
    let report_of = json(&workspace, &["--since", "30d"]);
    assert_eq!(report_of["record"]["intact"], false, "{report_of:#}");
    let doubts = report_of["doubts"].to_string();
    assert!(doubts.contains("the ledger is not intact"), "{doubts}");

    // What is no JSON any more ends what can be read, and not the report.
    let mut bytes = std::fs::read(&ledger).expect("the ledger");
    bytes[place + 8] = b'?';
    std::fs::write(&ledger, bytes).expect("it is changed");
    let said = report(&workspace, &["--since", "30d"]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stdout.contains("of the ledger only what comes before is counted"), "{}", said.stdout);
    assert!(said.stdout.contains("## Who wrote what has changed"), "{}", said.stdout);
}

#[test]
fn what_others_have_named_does_nothing_in_a_page() {
    let evil = "x\"><script>alert(1)</script>|`<img src=q>\n# y";
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let why = json!({ "anomaly": "burst", "why": evil });
    record(
        &workspace,
        &[
            entry(now() - DAY, Kind::Anomaly, evil, Some(evil), why),
            entry(now() - DAY, Kind::Insertion, evil, Some(evil), json!({ "bytes": 1 })),
            entry(
                now() - DAY,
                Kind::Finding,
                evil,
                Some(evil),
                json!({ "risk": "protection-removed", "state": "open", "address": evil }),
            ),
        ],
    );
    let page = workspace.path("report.html");
    let said = report(&workspace, &["--format", "html", "--output", &page.to_string_lossy()]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{}", said.stderr);
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(!html.contains("<script") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
    assert!(html.contains("http-equiv=\"Content-Security-Policy\""), "{html}");
    let markdown = report(&workspace, &[]).stdout;
    // Nothing of it begins a line or a cell of its own.
    assert!(!markdown.contains("\n# y"), "{markdown}");
    let mut columns = None;
    for line in markdown.lines() {
        let count = line.replace("\\|", "").matches('|').count();
        match (line.starts_with('|'), columns) {
            (false, _) => columns = None,
            (true, None) => columns = Some(count),
            (true, Some(columns)) => assert_eq!(count, columns, "{line}"),
        }
    }
}

#[test]
fn outside_of_git_and_without_a_record_a_report_says_that_it_knows_nothing() {
    let outside = Workspace::new();
    let said = report(&outside, &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("nothing was recorded in this clone"), "{}", said.stdout);
    assert!(said.stdout.contains("no repository of git"), "{}", said.stdout);
    let empty = Workspace::new();
    empty.run_git(&["init", "-q"]);
    let said = report(&empty, &[]);
    assert!(said.code == Some(0) && said.stdout.contains("nothing is committed here yet"), "{}", said.stdout);
}
