//! The command line.

use crate::editor::{COUNTERSIGN, FORCE, LIMIT, PUBLIC, SAFE, Workspace};
use countersign_testkit::run;
use serde_json::{Value, json};
use std::process::Command;

/// What a command said, and its code.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn countersign(workspace: &Workspace, arguments: &[&str]) -> Said {
    let mut command = Command::new(COUNTERSIGN);
    command.args(arguments).current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    let output = run(&mut command, LIMIT);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What is printed as JSON, which its schema fits.
pub(crate) fn printed(workspace: &Workspace, schema: &str, arguments: &[&str]) -> Value {
    let said = countersign(workspace, arguments);
    let printed: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    fits(schema, &printed);
    printed
}

/// That something is as a schema says.
pub(crate) fn fits(name: &str, printed: &Value) {
    let schema = jsonschema::validator_for(&schema(name)).expect("a schema");
    let wrong = schema.iter_errors(printed).map(|error| format!("{}: {error}", error.instance_path()));
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0], "{name}");
}

/// What `countersign` says and ends with at a terminal at which somebody types a line. `line` is as a shell takes it.
pub(crate) fn at_terminal(workspace: &Workspace, line: &str, typed: &str) -> (Option<i32>, String) {
    let input = workspace.state().join("typed");
    std::fs::write(&input, format!("{typed}\n")).expect("it is written");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &format!("{COUNTERSIGN} {line}"), "/dev/null"]).current_dir(workspace.root());
    terminal.env("XDG_STATE_HOME", workspace.state()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    // Whoever runs the tests may be an agent; who types here is none.
    for name in ["CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI", "CODEX_SANDBOX", "OPENCODE"] {
        terminal.env_remove(name);
    }
    let input = std::fs::File::open(input).expect("it is there");
    let output = countersign_testkit::run_on(&mut terminal, input, LIMIT);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder with these files.
pub(crate) fn files(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new();
    for (name, text) in files {
        workspace.write(name, text);
    }
    workspace
}

/// The report of `check` as JSON, and the exit code.
pub(crate) fn report(workspace: &Workspace, arguments: &[&str]) -> (Value, Option<i32>) {
    let said = countersign(workspace, &[&["check", "--format", "json"], arguments].concat());
    (serde_json::from_str(&said.stdout).expect("JSON"), said.code)
}

/// Path, risk and verdict of each finding.
pub(crate) fn findings(report: &Value) -> Vec<(&str, &str, &str)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    findings
        .map(|finding| {
            let [path, risk, verdict] =
                ["path", "risk", "verdict"].map(|field| finding[field].as_str().expect("a text"));
            (path, risk, verdict)
        })
        .collect()
}

fn schema(of: &str) -> Value {
    let said = countersign(&Workspace::new(), &["schema", of]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&said.stdout).expect("JSON")
}

// `check`.

#[test]
fn findings_for_people() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["check", "main.tf"]);
    let expected = "\
critical[database-public]: `aws_lightsail_database.db` gets a public address: `publicly_accessible` is `true`.
 --> main.tf:2:25
  |
2 |   publicly_accessible = true
  |                         ^^^^
  |
  = help: Set `publicly_accessible` to `false` and reach the database from inside the network.
  = note: aws_lightsail_database.db, of unknown origin; needs a review by a second person

1 finding (1 critical) in 1 file, ";
    let rest = said.stdout.strip_prefix(expected);
    let rest = rest.unwrap_or_else(|| panic!("{}", said.stdout));
    let (time, hint) = rest.split_once(" s\n").expect("a time");
    assert!(time.parse::<f64>().is_ok(), "{time}");
    assert_eq!(hint, "`countersign explain database-public` says more about a risk.\n");
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
}

#[test]
fn nothing_is_coloured_where_it_is_piped() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    for arguments in [&["check"][..], &["risks"], &["explain", "database-public"], &["--help"], &["check", "gone.tf"]] {
        let said = countersign(&workspace, arguments);
        assert!(!said.stdout.contains('\u{1b}') && !said.stderr.contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn columns_for_people_are_characters() {
    let workspace = files(&[("main.tf", &PUBLIC.replace("  publicly", "  /* 😀é */ publicly"))]);
    let said = countersign(&workspace, &["check"]);
    assert!(said.stdout.contains(" --> main.tf:2:34\n"), "{}", said.stdout);
}

#[test]
fn a_secret_is_not_printed() {
    let text = "resource \"aws_db_instance\" \"db\" {\n  password            = \"correct-horse\"\n}\n";
    let workspace = files(&[("main.tf", text)]);
    for format in ["human", "json"] {
        let said = countersign(&workspace, &["check", "--format", format]);
        assert!(said.stdout.contains("password-in-code"), "{}", said.stdout);
        assert!(!said.stdout.contains("horse"), "{}", said.stdout);
    }
}

#[test]
fn nothing_found() {
    let workspace = files(&[("main.tf", SAFE)]);
    let said = countersign(&workspace, &["check"]);
    assert!(said.stdout.starts_with("0 findings in 1 file, "), "{}", said.stdout);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[test]
fn findings_for_programs() {
    let workspace = files(&[("main.tf", &PUBLIC.replace("  publicly", "  /* 😀 */ publicly"))]);
    let (report, code) = report(&workspace, &[]);
    assert_eq!(code, Some(1));
    let range = json!({ "start": { "line": 1, "character": 33 }, "end": { "line": 1, "character": 37 } });
    assert_eq!(
        report,
        json!({
            "version": 1,
            "findings": [{
                "path": "main.tf",
                "range": range,
                "risk": "database-public",
                "area": "exposure",
                "severity": "critical",
                "verdict": "review",
                "origin": { "by": "unknown" },
                "resource": { "kind": "aws_lightsail_database", "address": "aws_lightsail_database.db" },
                "message": "`aws_lightsail_database.db` gets a public address: `publicly_accessible` is `true`.",
                "help": "Set `publicly_accessible` to `false` and reach the database from inside the network.",
                "fix": { "range": range, "newText": "false" },
                "environment": "unknown",
            }],
            "problems": [],
        })
    );
}

#[test]
fn findings_are_in_order_and_once_each() {
    let both = format!("{FORCE}{PUBLIC}");
    let other = PUBLIC.replace("\"db\"", "\"other\"");
    let workspace = files(&[("b.tf", &other), ("a.tf", &both), ("a/z.tofu", PUBLIC), ("notes.md", PUBLIC)]);
    let (report, _) = report(&workspace, &[".", "a.tf", "./b.tf", "a"]);
    assert_eq!(
        findings(&report),
        [
            ("a/z.tofu", "database-public", "review"),
            ("a.tf", "force-destroy", "review"),
            ("a.tf", "database-public", "review"),
            ("b.tf", "database-public", "review"),
        ]
    );
}

#[test]
fn the_least_severity() {
    let both = format!("{FORCE}{PUBLIC}");
    let workspace = files(&[("main.tf", &both)]);
    let (all, code) = report(&workspace, &["--min-severity", "critical"]);
    assert_eq!(findings(&all), [("main.tf", "database-public", "review")]);
    assert_eq!(code, Some(1));
    workspace.write("main.tf", FORCE);
    let (none, code) = report(&workspace, &["--min-severity", "critical"]);
    assert_eq!((findings(&none), code), (vec![], Some(0)));
}

#[test]
fn the_origin_that_is_assumed() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    for (origin, verdict) in [("unknown", "review"), ("human", "note"), ("ai", "deny")] {
        let (report, _) = report(&workspace, &["--assume-origin", origin]);
        assert_eq!(findings(&report), [("main.tf", "database-public", verdict)]);
        assert_eq!(report["findings"][0]["origin"], json!({ "by": origin }));
    }
}

#[test]
fn evidence_is_stronger_than_what_is_assumed() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    workspace.write("main.tf", editor.text("main.tf"));
    editor.settle();
    editor.quit();
    let (report, code) = report(&workspace, &["--assume-origin", "human", "--fail-on", "deny"]);
    assert_eq!(findings(&report), [("main.tf", "database-public", "deny")]);
    assert_eq!(report["findings"][0]["origin"]["tool"], "claude");
    assert_eq!(code, Some(1));
}

#[test]
fn an_assumed_ai_cannot_accept_a_risk() {
    let text = format!("# countersign: allow database-public reason=\"a honeypot\"\n{PUBLIC}");
    let workspace = files(&[("main.tf", &text)]);
    let (unknown, code) = report(&workspace, &[]);
    assert_eq!((findings(&unknown), code), (vec![], Some(0)));
    let (ai, _) = report(&workspace, &["--assume-origin", "ai"]);
    assert_eq!(
        findings(&ai),
        [("main.tf", "suppression-without-effect", "note"), ("main.tf", "database-public", "deny"),]
    );
}

#[test]
fn exit_codes() {
    let medium = "resource \"aws_s3_bucket_versioning\" \"v\" {\n  versioning_configuration {\n    status = \"Suspended\"\n  }\n}\n";
    let workspace = files(&[("critical.tf", PUBLIC), ("high.tf", FORCE), ("medium.tf", medium), ("safe.tf", SAFE)]);
    for (file, arguments, code) in [
        ("safe.tf", &[][..], 0),
        ("safe.tf", &["--fail-on", "low"], 0),
        ("medium.tf", &[], 0),
        ("medium.tf", &["--fail-on", "medium"], 1),
        ("medium.tf", &["--fail-on", "note"], 1),
        ("medium.tf", &["--fail-on", "high"], 0),
        ("high.tf", &[], 1),
        ("high.tf", &["--fail-on", "critical"], 0),
        ("high.tf", &["--fail-on", "review"], 1),
        ("high.tf", &["--fail-on", "deny"], 0),
        ("high.tf", &["--fail-on", "critical", "--fail-on", "review"], 1),
        ("critical.tf", &["--fail-on", "critical"], 1),
        ("critical.tf", &["--fail-on", "deny"], 0),
        ("critical.tf", &["--fail-on", "deny", "--assume-origin", "ai"], 1),
        ("critical.tf", &["--fail-on", "review", "--assume-origin", "human"], 0),
        ("critical.tf", &["--assume-origin", "human"], 1),
        ("critical.tf", &["--fail-on", "nonsense"], 2),
        ("critical.tf", &["--min-severity", "nonsense"], 2),
        ("critical.tf", &["--assume-origin", "robot"], 2),
        ("gone.tf", &[], 2),
    ] {
        let said = countersign(&workspace, &[&["check", file], arguments].concat());
        assert_eq!(said.code, Some(code), "{file} {arguments:?}: {} {}", said.stdout, said.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_checked() {
    let workspace = files(&[("main.tf", PUBLIC), ("notes.md", "")]);
    let said = countersign(&workspace, &["check", "gone", "notes.md", "main.tf"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stdout.contains("database-public"), "{}", said.stdout);
    assert!(said.stderr.contains("countersign: gone: cannot be read"), "{}", said.stderr);
    assert!(said.stderr.contains("countersign: notes.md: "), "{}", said.stderr);
    assert!(said.stderr.contains(".tf, .tofu"), "{}", said.stderr);
    let (report, code) = report(&workspace, &["gone"]);
    assert_eq!(code, Some(2));
    assert_eq!(report["problems"][0]["path"], "gone");
}

#[test]
fn what_git_ignores_is_left_out() {
    let generated = PUBLIC.replace("\"db\"", "\"generated\"");
    let workspace = files(&[
        (".gitignore", "build/\n*.gen.tf\n"),
        ("build/main.tf", PUBLIC),
        ("a.gen.tf", &generated),
        ("main.tf", PUBLIC),
    ]);
    let (found, _) = report(&workspace, &["."]);
    assert_eq!(findings(&found), [("main.tf", "database-public", "review")]);
    let (named, _) = report(&workspace, &["a.gen.tf"]);
    assert_eq!(findings(&named), [("a.gen.tf", "database-public", "review")], "a file that is named is checked");
}

#[test]
fn what_the_settings_exclude_is_left_out() {
    let workspace = files(&[
        ("countersign.toml", "[files]\nexclude = [\"vendor/**\"]\n"),
        ("vendor/main.tf", PUBLIC),
        ("deep/vendor/main.tf", PUBLIC),
        ("main.tf", PUBLIC),
    ]);
    let expected = [("deep/vendor/main.tf", "database-public", "review"), ("main.tf", "database-public", "review")];
    assert_eq!(findings(&report(&workspace, &[]).0), expected);
    assert_eq!(findings(&report(&workspace, &["vendor"]).0), [], "also where the folder is named");
}

#[test]
fn the_settings_decide_on_verdicts_and_their_problems_are_said() {
    let workspace = files(&[
        ("countersign.toml", "[[verdict]]\nseverity = [\"critical\"]\nverdict = \"note\"\n"),
        ("main.tf", PUBLIC),
    ]);
    let (found, _) = report(&workspace, &[]);
    assert_eq!(findings(&found), [("main.tf", "database-public", "note")]);
    workspace.write("countersign.toml", "\n\nnonsense = 1\n");
    let said = countersign(&workspace, &["check"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("countersign.toml:3: unknown key `nonsense`"), "{}", said.stderr);
    assert!(said.stdout.contains("database-public"), "{}", said.stdout);
}

#[test]
fn what_is_suppressed_is_counted() {
    let text = PUBLIC.replace("  publicly", "  # countersign: allow database-public reason=\"a honeypot\"\n  publicly");
    let workspace = files(&[("main.tf", &text)]);
    let said = countersign(&workspace, &["check"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.starts_with("0 findings, 1 suppressed in 1 file, "), "{}", said.stdout);
}

// Other commands.

#[test]
fn a_risk_is_explained() {
    let said = countersign(&Workspace::new(), &["explain", "database-public"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let start = "# A database gets a public address\n\n`database-public` · critical · exposure\n\n";
    assert!(said.stdout.starts_with(start), "{}", said.stdout);
    assert!(said.stdout.contains("## What to do"), "{}", said.stdout);
    assert!(said.stdout.contains("`aws_lightsail_database`"), "{}", said.stdout);
}

#[test]
fn a_risk_that_does_not_exist_is_not_explained() {
    let said = countersign(&Workspace::new(), &["explain", "nothing"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.contains("there is no risk `nothing`; `countersign risks` lists all"), "{}", said.stderr);
    let near = countersign(&Workspace::new(), &["explain", "public-database"]);
    assert_eq!(near.code, Some(2));
    assert!(near.stderr.contains("there is no risk `public-database`"), "{}", near.stderr);
    let near = countersign(&Workspace::new(), &["explain", "database"]);
    assert!(near.stderr.contains("did you mean `database-public`?"), "{}", near.stderr);
}

#[test]
fn all_risks_are_listed_and_explained() {
    let workspace = Workspace::new();
    let said = countersign(&workspace, &["risks", "--format", "json"]);
    let risks: Vec<Value> = serde_json::from_str(&said.stdout).expect("JSON");
    assert!(risks.len() >= 12, "{risks:?}");
    let areas = ["data-loss", "identity", "exposure", "encryption", "secrets", "state"];
    for area in areas {
        assert!(risks.iter().any(|risk| risk["area"] == area), "{area}");
    }
    let list = countersign(&workspace, &["risks"]).stdout;
    for risk in risks {
        let id = risk["id"].as_str().expect("an id");
        assert!(list.contains(id), "{id}");
        let languages = match id {
            "run-injection" => json!(["github-actions"]),
            "open-admin-port" => json!(["cloudformation", "terraform"]),
            "privileged-container" => json!(["cloudformation", "compose", "kubernetes", "terraform"]),
            _ => risk["languages"].clone(),
        };
        assert!(languages.as_array().is_some_and(|all| !all.is_empty()) && risk["languages"] == languages, "{id}");
        assert!(risk["kinds"].is_array() && risk["sameAs"].is_array(), "{id}");
        let explained = countersign(&workspace, &["explain", id]);
        assert_eq!(explained.code, Some(0), "{id}");
        for number in risk["cwe"].as_array().expect("numbers") {
            assert!(explained.stdout.contains(&format!("/definitions/{number}.html")), "{id}");
        }
        assert!(
            risk["area"] == "record" || risk["url"].as_str().is_some_and(|url| url.starts_with("https://")),
            "{id}"
        );
    }
}

#[test]
fn the_version() {
    let said = countersign(&Workspace::new(), &["--version"]);
    assert_eq!(said.code, Some(0));
    assert_eq!(said.stdout, format!("countersign {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage() {
    let workspace = Workspace::new();
    for arguments in [&[][..], &["nonsense"], &["explain"], &["schema", "nonsense"], &["check", "--nonsense"]] {
        let said = countersign(&workspace, arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(said.stderr.contains("help"), "{arguments:?}: {}", said.stderr);
    }
}

// Schemas.

#[test]
fn the_schemas_name_what_there_is() {
    let config = schema("config");
    for key in ["files", "editor", "verdict"] {
        assert!(config["properties"].get(key).is_some(), "{key}");
    }
    assert_eq!(config["additionalProperties"], false);
    let findings = schema("findings");
    for key in ["version", "findings", "problems"] {
        assert!(findings["properties"].get(key).is_some(), "{key}");
    }
    let protocol = schema("protocol");
    for key in ["edit", "regions", "regionsResult", "checkEdit", "checkEditResult", "blastRadius", "blastRadiusResult"]
    {
        assert!(protocol["properties"].get(key).is_some(), "{key}");
    }
}

/// What is printed has no field that the schema does not know, and every field that it requires.
#[test]
fn the_schema_of_findings_describes_them() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    let (report, _) = report(&workspace, &[]);
    let schema = schema("findings");
    let definition = &schema["$defs"]["JsonFinding"];
    let finding = report["findings"][0].as_object().expect("a finding");
    for key in finding.keys() {
        assert!(definition["properties"].get(key).is_some(), "{key}");
    }
    for key in definition["required"].as_array().expect("a list") {
        assert!(finding.contains_key(key.as_str().expect("a key")), "{key}");
    }
}
