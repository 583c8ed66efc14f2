//! What a change has to have besides approvals: tickets, labels, and what a pipeline proves.

use super::{FILE, Gate, Team};
use crate::cli::{Said, countersign};
use countersign_review::{EVIDENCE_NAMESPACE, NAMESPACE};

const JUNIT: &str = "<testsuites><testsuite name=\"db\"><testcase name=\"is encrypted\"/></testsuite></testsuites>\n";

/// A team that wants something of every change, with a pipeline among the signers.
fn team(wants: &str) -> Team {
    let team = Team::new(&format!("[[require]]\napprovals = 0\n{wants}\n"));
    team.git(&["checkout", "-q", "main"]);
    let pipeline = team.signer("ci", &format!("namespaces=\"{EVIDENCE_NAMESPACE}\""));
    let signers = format!("{}{pipeline}", team.workspace.read(super::SIGNERS));
    team.workspace.write(super::SIGNERS, &signers);
    team.commit("The pipeline signs");
    team.git(&["checkout", "-q", "-B", "change"]);
    let text = team.workspace.read(FILE).replace("10.0.0.0/16", "10.1.0.0/16");
    team.workspace.write(FILE, &text);
    team.commit("Move the network");
    team
}

impl Team {
    fn gate_given(&self, given: &[&str]) -> Gate {
        let said = countersign(&self.workspace, &[&["gate", "--base", "main", "--format", "json"], given].concat());
        let json = serde_json::from_str(&said.stdout).unwrap_or_default();
        Gate { said, json }
    }

    /// Signs results with a key.
    fn proves(&self, done: &str, results: &str, key: &str) -> Said {
        self.signer(key, "");
        let key = self.keys.path().join(key).display().to_string();
        self.workspace.write(".git/results", results);
        countersign(&self.workspace, &["evidence", done, ".git/results", "--key", &key, "--output", ".git/proof"])
    }
}

const PROOF: &[&str] = &["--evidence", ".git/proof"];

#[test]
fn tests_are_proved_by_the_pipeline_for_this_commit() {
    let team = team("evidence = [\"tests\"]");
    let lacks = |given: &[&str], why: &str| {
        let gate = team.gate_given(given);
        assert!(
            gate.said.code == Some(1) && gate.said.stdout.contains(why),
            "{why}: {}{}",
            gate.said.stdout,
            gate.said.stderr
        );
    };
    lacks(&[], "no signed result of tests for this commit was given");
    let said = team.proves("tests", JUNIT, "ci");
    assert!(said.code == Some(0) && said.stdout.contains("1 tests, 0 failed"), "{}{}", said.stdout, said.stderr);
    let gate = team.gate_given(PROOF);
    assert_eq!(gate.said.code, Some(0), "{}{}", gate.said.stdout, gate.said.stderr);
    // Another's key, failed tests, and another commit.
    assert_eq!(team.proves("tests", JUNIT, "ann").code, Some(0));
    lacks(PROOF, "its key is a person's");
    let failed = JUNIT.replace("/></testsuite>", "><failure/></testcase></testsuite>");
    assert_eq!(team.proves("tests", &failed, "ci").code, Some(0));
    lacks(PROOF, "it did not pass: 1 tests, 1 failed");
    assert_eq!(team.proves("tests", JUNIT, "ci").code, Some(0));
    team.workspace.write("README.md", "# Shop\n");
    team.commit("One more");
    lacks(PROOF, "it is of the commit");
    // A pipeline's key approves nothing.
    assert_ne!(EVIDENCE_NAMESPACE, NAMESPACE);
    let said = team.proves("tests", "{", "ci");
    assert!(said.code == Some(2) && said.stderr.contains("no XML"), "{}", said.stderr);
    assert_eq!(team.gate_given(&["--evidence", ".git/none"]).said.code, Some(2));
}

#[test]
fn a_plan_is_proved_to_be_the_one_that_is_looked_at() {
    let team = team("evidence = [\"plan\"]");
    let plan = r#"{"format_version":"1.2","planned_values":{},"resource_changes":[]}"#;
    team.workspace.write(".git/plan.json", plan);
    assert_eq!(team.proves("plan", plan, "ci").code, Some(0));
    let with_plan = [PROOF, &["--plan", "live/prod=.git/plan.json"]].concat();
    let gate = team.gate_given(&with_plan);
    assert_eq!(gate.said.code, Some(0), "{}{}", gate.said.stdout, gate.said.stderr);
    assert!(team.gate_given(PROOF).said.stdout.contains("it is of another plan"));
    team.workspace.write(".git/plan.json", &plan.replace("1.2", "1.1"));
    assert!(team.gate_given(&with_plan).said.stdout.contains("it is of another plan"));
}

#[test]
fn tickets_labels_and_steps() {
    let team = team("ticket = \"OPS-[0-9]+\"\nlabel = \"window\"\nevidence = [\"rollout\"]");
    let gate = team.gate_given(&[]);
    for why in ["names a ticket", "the label `window` is not there", "makes it come in steps"] {
        assert!(gate.said.code == Some(1) && gate.said.stdout.contains(why), "{why}: {}", gate.said.stdout);
    }
    assert!(gate.json["changes"][0]["needs"].as_str().is_some_and(|needs| needs.contains("the label `window`")));
    let alias = "resource \"aws_lambda_alias\" \"live\" {\n  name = \"live\"\n  routing_config {\n    additional_version_weights = { \"2\" = 0.1 }\n  }\n}\n";
    team.workspace.write(FILE, &format!("{}\n{alias}", team.workspace.read(FILE)));
    team.commit("A tenth at first\n\nSee OPS-12.");
    let gate = team.gate_given(&["--label", "window"]);
    assert_eq!(gate.said.code, Some(0), "{}{}", gate.said.stdout, gate.said.stderr);
}
