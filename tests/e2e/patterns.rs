//! What AI tools may write in some places: the same in an editor, on the command line, for an agent and at the gate.

use crate::agents::{claude, decision};
use crate::cli::{countersign, report};
use crate::editor::{WARNING, Workspace, finding};
use crate::reviews::{DATABASE, FILE, Team, VPC};
use serde_json::json;

const PATTERN: &str = "[[pattern]]\npaths = [\"live/prod/**\"]\n[pattern.only]\nkinds = [\"aws_db_*\"]\nmodules = [\"acme/vpc/aws ~> 5.1\"]\n\
                       attributes = [\"tags\"]\n";
const TEXT: &str = "resource \"aws_db_instance\" \"orders\" {\n  engine = \"postgres\"\n}\n";
const TAGS: &str = "  tags = { a = \"b\" }\n";
const QUEUE: &str = "\nresource \"aws_sqs_queue\" \"jobs\" {\n  name = \"jobs\"\n}\n";

#[test]
fn in_an_editor_it_follows_the_text() {
    let workspace = Workspace::git(&[("countersign.toml", PATTERN), (FILE, TEXT)]);
    let mut editor = workspace.editor();
    editor.open(FILE, TEXT);
    editor.settle();
    let outside = |editor: &mut crate::editor::Editor| {
        editor.settle();
        let found = editor.findings(FILE);
        found.into_iter().filter(|it| format!("{it:?}").contains("outside-pattern")).collect::<Vec<_>>()
    };
    editor.insert_after(FILE, "\"postgres\"\n", TAGS);
    editor.ai_wrote(FILE, TAGS);
    assert_eq!(outside(&mut editor), [], "the pattern names it");
    editor.ai_appends(FILE, QUEUE);
    let shown = finding(WARNING, "outside-pattern", "resource \"aws_sqs_queue\" \"jobs\" {");
    assert_eq!(outside(&mut editor), [shown]);
    // A person types a module that the pattern does not name.
    editor.append(FILE, "\nmodule \"a\" {\n  source = \"evil/vpc/aws\"\n}\n");
    assert_eq!(outside(&mut editor).len(), 1);
    editor.replace(FILE, QUEUE, "");
    assert_eq!(outside(&mut editor), []);
}

#[test]
fn an_agent_is_told_before_it_writes() {
    let workspace = Workspace::git(&[("countersign.toml", PATTERN), (FILE, TEXT)]);
    let said = claude(
        &workspace,
        "Edit",
        &json!({
            "file_path": workspace.path(FILE), "old_string": "\"postgres\"\n", "new_string": format!("\"postgres\"\n{TAGS}"),
        }),
    );
    let (_, reason) = decision(&said["hookSpecificOutput"]);
    assert!(!reason.contains("[[pattern]]"), "{reason}");
    let said = claude(
        &workspace,
        "Edit",
        &json!({
            "file_path": workspace.path(FILE), "old_string": "\"postgres\"", "new_string": "\"postgres\"\n  monitoring_interval = 60",
        }),
    );
    let said = said.to_string();
    assert!(said.contains("AI tools may write only `tags` of it here, by row 1 of `[[pattern]]`"), "{said}");
    // Elsewhere it may.
    let elsewhere = "live/dev/main.tf";
    workspace.write(elsewhere, TEXT);
    let said = claude(
        &workspace,
        "Write",
        &json!({
            "file_path": workspace.path(elsewhere), "content": format!("{TEXT}{QUEUE}"),
        }),
    );
    assert!(!said.to_string().contains("[[pattern]]"), "{said}");
}

#[test]
fn the_gate_asks_for_somebody_and_the_policy_is_that_of_the_base() {
    let team = Team::new(PATTERN);
    let call = "\nmodule \"vpc\" {\n  source  = \"acme/vpc/aws\"\n  version = \"4.0.0\"\n}\n";
    let text = format!("{DATABASE}{VPC}{call}");
    team.workspace.write(FILE, &text);
    let (said, _) = report(&team.workspace, &["--assume-origin", "ai", FILE]);
    let told: Vec<_> = said["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["risk"] == "outside-pattern")
        .map(|finding| finding["resource"]["address"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(told, ["aws_db_instance.orders", "aws_vpc.main", "module.vpc"]);
    // The change frees itself, which the policy of the base does not do.
    team.workspace.write("countersign.toml", "");
    team.commit("Call a module");
    let risks = |address: &str| {
        let gate = team.gate();
        let changes = gate.json["changes"].as_array().expect("changes").clone();
        let change = changes.into_iter().find(|change| change["address"] == address);
        change.map_or_else(|| gate.said.stdout.clone(), |change| change["risks"].to_string())
    };
    // Nobody knows who wrote it, and a call of a module is in no high tier.
    assert!(!risks("module.vpc").contains("outside-pattern"), "{}", risks("module.vpc"));
    let tagged = call.replace("  source", "  # ai-provenance: begin id=t1 tool=claude\n  source");
    let tagged = tagged.replace("}\n", "  # ai-provenance: end id=t1\n}\n");
    team.workspace.write(FILE, &format!("{DATABASE}{VPC}{tagged}"));
    team.commit("Say whose it is");
    assert!(risks("module.vpc").contains("outside-pattern"), "{}", risks("module.vpc"));
    team.is_refused("module.vpc");
    // What nobody knows the writer of counts where it matters most.
    team.workspace.write(FILE, &format!("{DATABASE}{}", VPC.replace("\n}", "\n  enable_dns_support = true\n}")));
    team.commit("Nobody says who");
    assert!(risks("aws_vpc.main").contains("outside-pattern"), "{}", risks("aws_vpc.main"));
    let shown = countersign(&team.workspace, &["policy", "explain", FILE, "--base", "main"]);
    assert!(shown.stdout.contains("aws_vpc.main"), "{}{}", shown.stdout, shown.stderr);
}

#[test]
fn what_is_wrong_in_a_pattern_is_said() {
    let workspace = Workspace::git(&[
        ("countersign.toml", "[[pattern]]\n[pattern.only]\nmodules = [\"acme/vpc/aws newest\"]\n"),
        (FILE, TEXT),
    ]);
    let said = countersign(&workspace, &["check", "."]);
    assert!(said.code == Some(2) && said.stderr.contains("countersign.toml:3"), "{}", said.stderr);
    assert!(said.stderr.contains("`newest` is no constraint on versions; write `~> 5.1`"), "{}", said.stderr);
}
