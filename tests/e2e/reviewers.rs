//! `review show` for a pull request: whom to ask, labels, what to look at, tests to begin with.

use crate::cli::countersign;
use crate::reviews::{DATABASE, FILE, Team};
use serde_json::{Value, json};
use tree_sitter::Parser;

const PEOPLE: &str = "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"senior\"\nhandle = \"@bob-s\"\nteams = [\"@shop/data\"]\n\
                      [[person]]\nemails = [\"eve@example.org\"]\nlevel = \"senior\"\n";

fn shown(team: &Team, arguments: &[&str]) -> Value {
    let said = countersign(&team.workspace, &[&["review", "show", "--base", "main"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

#[test]
fn reviewers_and_labels_for_github() {
    let team = Team::new(PEOPLE);
    let id = team.asks();
    let of_one = shown(&team, &[&id, "--format", "github"]);
    assert_eq!(of_one["requestedReviewers"], json!({ "reviewers": ["bob-s"], "team_reviewers": [] }));
    assert_eq!(
        of_one["labels"]["labels"],
        json!([
            "countersign:critical",
            "countersign:data-loss",
            "countersign:production",
            "countersign:replaces",
            "countersign:unknown-origin"
        ])
    );
    assert_eq!(of_one["unknown"], json!([]), "one is enough, and that one's name is known");
    assert_eq!(shown(&team, &["--format", "github"]), of_one, "of the whole branch");
    team.approves(&id, "bob");
    let done = shown(&team, &["--format", "github"]);
    assert_eq!(done["requestedReviewers"]["reviewers"], json!([]), "nobody is asked twice");
    assert_eq!(done["labels"], of_one["labels"]);
}

#[test]
fn an_address_is_no_name_at_a_forge() {
    let team = Team::new(&format!("{PEOPLE}[[require]]\naction = [\"replace\"]\napprovals = 2\n"));
    let id = team.asks();
    for format in ["github", "gitlab"] {
        let json = shown(&team, &["--format", format]);
        let users = if format == "github" { &json["requestedReviewers"]["reviewers"] } else { &json["reviewers"] };
        assert_eq!(users, &json!(["bob-s"]), "{json}");
        let unknown = json["unknown"][0].as_str().unwrap_or_default();
        assert!(unknown.starts_with("eve@example.org may approve") && unknown.contains("handle"), "{unknown}");
    }
    team.approves(&id, "eve");
    assert_eq!(shown(&team, &["--format", "gitlab"])["unknown"], json!([]), "the one who is left has a name");
}

#[test]
fn teams_are_asked_where_the_forge_knows_them() {
    let row = "[[require]]\naction = [\"replace\"]\napprovals = 1\nteams = [\"@shop/data\"]\n";
    let team = Team::new(&format!("{PEOPLE}{row}"));
    team.asks();
    let github = shown(&team, &["--format", "github"]);
    assert_eq!(github["requestedReviewers"], json!({ "reviewers": [], "team_reviewers": ["data"] }));
    let gitlab = shown(&team, &["--format", "gitlab"]);
    assert_eq!((&gitlab["reviewers"], &gitlab["groups"]), (&json!(["bob-s"]), &json!(["shop/data"])));
    let note = gitlab["note"]["body"].as_str().unwrap_or_default();
    assert!(note.starts_with("/assign_reviewer @bob-s\n/label ~\"countersign:critical\""), "{note}");

    // What is no name of the forge's is none of its teams.
    let team = Team::new(&format!("{PEOPLE}{}", row.replace("@shop/data", "data")));
    team.asks();
    let github = shown(&team, &["--format", "github"]);
    assert_eq!(github["requestedReviewers"]["team_reviewers"], json!([]));
    assert!(
        github["unknown"][0].as_str().is_some_and(|said| said.contains("none of the signers may give it")),
        "{github}"
    );
}

#[test]
fn owners_are_asked_before_others() {
    let people = "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"senior\"\nhandle = \"@bob\"\n\
                  [[person]]\nemails = [\"eve@example.org\"]\nlevel = \"senior\"\nhandle = \"@eve\"\n";
    for (owner, user) in [("@eve", "eve"), ("bob@example.org", "bob")] {
        let team = Team::new(people);
        team.git(&["checkout", "-q", "main"]);
        team.workspace.write("CODEOWNERS", &format!("/live/ {owner}\n"));
        team.commit("Owners");
        team.git(&["checkout", "-q", "-B", "change"]);
        team.asks();
        assert_eq!(shown(&team, &["--format", "github"])["requestedReviewers"]["reviewers"], json!([user]));
    }
}

/// The code of each fence of a language.
fn fences<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn markdown_has_a_checklist_and_a_test() {
    let team = Team::new("");
    let text = team.workspace.read(FILE).replace("\"postgres\"\n", "\"mysql\"\n  publicly_accessible = true\n");
    team.workspace.write(FILE, &text);
    team.commit("Open it");
    let show = |arguments: &[&str]| {
        let said = countersign(
            &team.workspace,
            &[&["review", "show", "--base", "main", "--format", "markdown"], arguments].concat(),
        );
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    };
    let before = show(&[]);
    assert!(before.contains("Nobody has asked for it yet"), "{before}");
    let id = team.requests();
    let text = show(&[&id]);
    assert_eq!(text, show(&[]));
    assert!(text.contains("Asked by Ann"), "{text}");
    let items: Vec<&str> = text.lines().filter(|line| line.starts_with("- [ ] ")).collect();
    assert!(items.iter().any(|item| item.contains("snapshot or another copy of the data was taken")), "{text}");
    assert!(items.iter().any(|item| item.contains("Who can reach it now that could not before")), "{text}");
    let mut once = items.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), items.len(), "nothing twice: {text}");

    let [plan] = fences(&text, "sh")[..] else { panic!("{text}") };
    assert!(plan.contains("--arg approved 'aws_db_instance.orders'"), "{plan}");
    let tests = fences(&text, "hcl");
    assert!(tests.iter().any(|test| test.contains("aws_db_instance.orders.publicly_accessible != true")), "{text}");
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_hcl::LANGUAGE.into()).expect("the grammar");
    for test in tests {
        assert!(!parser.parse(test, None).expect("a tree").root_node().has_error(), "{test}");
    }
}

#[test]
fn a_branch_that_needs_nobody_asks_nobody() {
    let team = Team::new("");
    team.workspace.write("README.md", DATABASE);
    team.commit("Read me");
    let github = shown(&team, &["--format", "github"]);
    assert_eq!(
        github,
        json!({ "requestedReviewers": { "reviewers": [], "team_reviewers": [] }, "labels": { "labels": [] }, "unknown": [] })
    );
    assert_eq!(shown(&team, &["--format", "gitlab"])["note"]["body"], "");
    let said = countersign(&team.workspace, &["review", "show", "--base", "main"]);
    assert!(said.stdout.contains("needs a review"), "{}", said.stdout);
}
