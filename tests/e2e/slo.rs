//! Safety objectives: what the record says of them, and what it does not.

use crate::cli::{countersign, fits};
use crate::editor::{PUBLIC, SAFE, Workspace};
use crate::hooks::claude_writes;
use crate::ledger::log;
use serde_json::Value;

const OBJECTIVES: &str = "[objectives]\ndependents = 5\ndetection = \"5m\"\nreview = \"1h\"\ndecision = \"1d\"\nrollback = \"1h\"\npercent = 100\n";

fn slo(workspace: &Workspace, more: &[&str]) -> (Value, Option<i32>) {
    let said = countersign(workspace, &[&["slo", "--format", "json"], more].concat());
    let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
    fits("slo", &report);
    (report, said.code)
}

/// What each objective comes to.
fn states(report: &Value) -> Vec<(&str, &str)> {
    let objectives = report["objectives"].as_array().expect("objectives").iter();
    objectives
        .map(|one| (one["name"].as_str().unwrap_or_default(), one["state"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn without_a_record_and_without_limits_nothing_is_claimed() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let (report, code) = slo(&workspace, &["--check"]);
    assert!(states(&report).iter().all(|(_, state)| *state == "no-limit") && code == Some(0), "{report}");
    assert!(report["doubts"][0].as_str().is_some_and(|doubt| doubt.contains("nothing was recorded")), "{report}");
    workspace.write("countersign.toml", OBJECTIVES);
    let (report, code) = slo(&workspace, &["--check"]);
    assert!(states(&report).iter().all(|(_, state)| *state == "no-cases") && code == Some(0), "{report}");
    workspace.write("countersign.toml", "[objectives]\ndetection = \"soon\"\n");
    let said = countersign(&workspace, &["slo"]);
    assert!(said.code == Some(2) && said.stderr.contains("`soon` is no limit of time"), "{}", said.stderr);
    let outside = countersign(&Workspace::new(), &["slo"]);
    assert!(outside.code == Some(0) && outside.stdout.contains("nothing was recorded here"), "{}", outside.stdout);
}

#[test]
fn what_an_editor_saw_come_and_go_is_measured() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    workspace.write("countersign.toml", OBJECTIVES);
    let mut editor = workspace.editor_on(SAFE);
    editor.ai_appends("main.tf", PUBLIC);
    editor.save("main.tf");
    editor.settle();
    editor.quit();
    let (report, code) = slo(&workspace, &["--check"]);
    // What has time left is no case yet.
    let expected = [
        ("blast-radius", "no-cases"),
        ("detection", "kept"),
        ("review", "no-cases"),
        ("decision", "no-cases"),
        ("rollback", "no-cases"),
    ];
    assert_eq!((states(&report), code), (expected.to_vec(), Some(0)), "{report}");
    assert_eq!(report["objectives"][4]["pending"], 1);
    let case = &report["objectives"][1]["worst"][0];
    assert_eq!(
        (&case["path"], &case["risk"], &case["state"]),
        (&"main.tf".into(), &"database-public".into(), &"met".into())
    );
    let text = format!("{SAFE}{PUBLIC}");
    workspace.write("main.tf", &text);
    let mut editor = workspace.editor();
    editor.open("main.tf", &text);
    editor.settle();
    editor.replace("main.tf", "= true", "= false");
    editor.save("main.tf");
    editor.settle();
    editor.quit();
    assert_eq!(log(&workspace, &["--kind", "finding"])[1]["body"]["mended"], true);
    let (report, _) = slo(&workspace, &[]);
    let rollback = &report["objectives"][4];
    assert_eq!(
        (&rollback["state"], &rollback["met"], &rollback["quantiles"]["cases"]),
        (&"kept".into(), &1.into(), &1.into())
    );
    assert_eq!(report["objectives"][2]["pending"], 0, "nothing is left to look at: {report}");
    // It took longer than no time at all.
    workspace.write("countersign.toml", "[objectives]\nrollback = \"1ms\"\n");
    let (report, code) = slo(&workspace, &["--check"]);
    assert_eq!((states(&report)[4], code), (("rollback", "missed"), Some(1)), "{report}");
    let human = countersign(&workspace, &["slo"]);
    assert!(human.code == Some(0) && human.stdout.contains("MISSED     rollback"), "{}", human.stdout);
    assert!(human.stdout.contains("main.tf aws_lightsail_database.db"), "{}", human.stdout);
}

#[test]
fn what_was_claimed_or_accepted_is_not_taken_back() {
    for how in ["claimed", "accepted"] {
        let workspace = Workspace::git(&[("main.tf", SAFE)]);
        workspace.write("countersign.toml", OBJECTIVES);
        let mut editor = workspace.editor_on(SAFE);
        editor.ai_appends("main.tf", PUBLIC);
        editor.save("main.tf");
        editor.settle();
        // Whatever was seen is written down by then.
        let text = editor.text("main.tf").to_owned();
        editor.quit();
        let mut editor = workspace.editor_on(&text);
        if how == "claimed" {
            let said = editor.command("countersign.iWroteThis", "main.tf", PUBLIC, Value::Null);
            assert_eq!(said, Ok(Value::Null));
        } else {
            let accept = "# countersign: allow database-public reason=\"only for now\"\n  publicly_accessible = true";
            editor.replace("main.tf", "publicly_accessible = true", accept);
        }
        editor.save("main.tf");
        editor.settle();
        editor.quit();
        let (report, code) = slo(&workspace, &["--check"]);
        assert_eq!((states(&report)[4], code), (("rollback", "unknown"), Some(1)), "{how}: {report}");
        assert!(report["objectives"][4]["worst"][0]["why"].is_string(), "{how}: {report}");
    }
}

#[test]
fn what_only_an_agent_was_told_is_a_case_and_taking_it_back_is_recorded() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    workspace.write("countersign.toml", &format!("{OBJECTIVES}[[verdict]]\nverdict = \"review\"\n"));
    workspace.run_git(&["add", "-A"]);
    workspace.run_git(&["commit", "-q", "-m", "Policy"]);
    claude_writes(&workspace, "main.tf", &format!("{SAFE}{PUBLIC}"));
    let (report, _) = slo(&workspace, &[]);
    let detection = &report["objectives"][1];
    assert_eq!((&detection["state"], &detection["quantiles"]["most"]), (&"kept".into(), &0.into()), "{report}");
    let said = countersign(&workspace, &["revert", "main.tf", "--write"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let reverts = log(&workspace, &["--kind", "revert"]);
    assert_eq!((reverts.len(), &reverts[0]["body"]["whole"]), (1, &true.into()), "{reverts:?}");
}
