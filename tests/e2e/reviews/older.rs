//! Who wrote what is older than a change, where that counts.

use super::{FILE, Team};
use serde_json::json;

const PUBLIC: &str =
    "resource \"aws_db_instance\" \"shop\" {\n  identifier          = \"shop\"\n  publicly_accessible = true\n}\n";

/// Says in a note of the last commit that an AI wrote a line of a file.
fn notes(team: &Team, path: &str, line: usize) {
    let session = json!({ "agent_id": { "tool": "claude", "id": "1", "model": "m" } });
    let more = json!({
        "schema_version": "authorship/3.0.0", "base_commit_sha": "", "prompts": {},
        "sessions": { "s_0123456789abcd": session },
    });
    let note = format!("{path}\n  s_0123456789abcd::t_0123456789abcd {line}\n---\n{more}");
    team.git(&["notes", "--ref", "ai", "add", "-f", "-m", &note]);
}

/// The row that holds for the database, and the risks in it, once somebody has changed another line of it.
fn row(team: &Team, path: &str) -> (u64, String) {
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write(path, &PUBLIC.replace("\n}", "\n  tags = {}\n}"));
    team.commit("Tags");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let change = changes.iter().find(|change| change["address"] == "aws_db_instance.shop");
    let change = change.unwrap_or_else(|| panic!("{}", gate.said.stdout));
    (change["row"].as_u64().expect("a row"), change["risks"].to_string())
}

fn team(path: &str) -> Team {
    let team = Team::new("[[tier]]\nkinds = [\"aws_db_instance\"]\ntier = \"standard\"\n");
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write(path, PUBLIC);
    team.commit("Open it");
    team
}

#[test]
fn what_an_ai_wrote_before_is_still_an_ais() {
    let path = "live/prod/shop.tf";
    let nobodys = row(&team(path), path);
    let noted = team(path);
    notes(&noted, path, 3);
    let of_ai = row(&noted, path);
    assert_eq!(nobodys.1, of_ai.1);
    assert!(of_ai.0 < nobodys.0, "what an AI wrote is denied, what nobody wrote is reviewed: {of_ai:?} {nobodys:?}");

    // Also where the file has another name by now.
    let renamed = team("live/prod/old.tf");
    notes(&renamed, "live/prod/old.tf", 3);
    renamed.git(&["mv", "live/prod/old.tf", path]);
    renamed.commit("Another name");
    assert_eq!(row(&renamed, path), of_ai);

    // And where other files have notes, of which git does not have to be asked for this one.
    let others = team(path);
    others.workspace.write(FILE, "# nothing\n");
    others.commit("Something else");
    notes(&others, FILE, 1);
    assert_eq!(row(&others, path), nobodys);
}
