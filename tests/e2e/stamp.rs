//! `countersign stamp`: what AI tools had a part in of a release.

use crate::cli::{Said, countersign, printed};
use crate::reviews::{FILE, Team};
use serde_json::{Value, json};

/// Commits another engine for the database, and notes that an AI wrote it.
pub(crate) fn engine(team: &Team, from: &str, to: &str) {
    let text = team.workspace.read(FILE).replace(from, to);
    team.workspace.write(FILE, &text);
    team.commit("Another engine");
    let session = json!({ "agent_id": { "tool": "claude", "id": "1", "model": "m" } });
    let more = json!({
        "schema_version": "authorship/3.0.0", "base_commit_sha": "", "prompts": {},
        "sessions": { "s_0123456789abcd": session },
    });
    let line = text.lines().position(|line| line.contains(to)).expect("the engine") + 1;
    let note = format!("{FILE}\n  s_0123456789abcd::t_0123456789abcd {line}\n---\n{more}");
    team.git(&["notes", "--ref", "ai", "add", "-f", "-m", &note]);
}

fn stamp(team: &Team, arguments: &[&str]) -> Said {
    countersign(&team.workspace, &[&["stamp", "main..change"], arguments].concat())
}

fn json(team: &Team) -> Value {
    printed(&team.workspace, "stamp", &["stamp", "main..change", "--format", "json"])
}

#[test]
fn a_release_says_what_ai_tools_had_a_part_in() {
    let team = Team::new("");
    assert_eq!(json(&team)["aiChanges"], 0);
    engine(&team, "\"postgres\"", "\"mysql\"");
    let stamp_of = json(&team);
    assert_eq!((&stamp_of["aiChanges"], &stamp_of["open"]), (&json!(1), &json!(1)), "{stamp_of:#}");
    assert_eq!(stamp_of["items"][0]["address"], "aws_db_instance.orders");
    let id = team.requests();
    team.approves(&id, "bob");
    let stamp_of = json(&team);
    assert_eq!((&stamp_of["approved"], &stamp_of["open"]), (&json!(1), &json!(0)), "{stamp_of:#}");
    assert_eq!(stamp_of["items"][0]["approvedBy"], json!(["bob@example.org"]));

    // The same once more, on top of what was approved: each step has to be.
    team.git(&["checkout", "-q", "-B", "merged"]);
    team.git(&["checkout", "-q", "change"]);
    engine(&team, "\"mysql\"", "\"mariadb\"");
    assert_eq!(json(&team)["open"], 1);
    let said = countersign(&team.workspace, &["review", "request", "--base", "merged"]);
    let id = said.stdout.strip_prefix("Requested ").and_then(|rest| rest.split(' ').next()).expect("a name").to_owned();
    team.commit("Ask for a review");
    team.approves(&id, "eve");
    let stamp_of = json(&team);
    assert_eq!((&stamp_of["approved"], &stamp_of["open"]), (&json!(1), &json!(0)), "{stamp_of:#}");
    assert_eq!(stamp_of["items"][0]["approvedBy"], json!(["bob@example.org", "eve@example.org"]));
}

#[test]
fn a_stamp_has_the_form_that_is_asked_for() {
    let team = Team::new("");
    engine(&team, "\"postgres\"", "\"mysql\"");
    let lines = |format: &str| stamp(&team, &["--format", format]).stdout;
    for (format, line) in [
        ("env", "COUNTERSIGN_AI_CHANGES=1"),
        ("env", "COUNTERSIGN_AI_CHANGES_CRITICAL=1"),
        ("env", "COUNTERSIGN_AI_OPEN=1"),
        ("k8s-annotations", "countersign/ai-open: \"1\""),
        ("oci-labels", "countersign.ai-open=1"),
        ("markdown", "## AI-assisted changes"),
    ] {
        let said = lines(format);
        assert!(said.lines().any(|it| it == line), "{line}: {said}");
        assert_eq!(said, lines(format), "it is the same each time");
    }
    let markdown = lines("markdown");
    assert!(
        markdown.contains("| `aws_db_instance.orders` in `live/prod/main.tf` | critical, production |"),
        "{markdown}"
    );
    assert!(markdown.contains("| **open** |"), "{markdown}");
}

#[test]
fn what_is_no_range_is_one_clear_error() {
    let team = Team::new("");
    for (range, why) in
        [("..change", "does not say where it begins"), ("v9..change", "`v9` is no commit of this repository")]
    {
        let said = countersign(&team.workspace, &["stamp", range]);
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains(why), "{}", said.stderr);
    }
}
