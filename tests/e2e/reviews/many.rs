//! Very large changes.

use super::Team;
use std::fmt::Write as _;

#[test]
fn a_change_is_not_asked_for_less_because_it_is_large() {
    let row = "[[require]]\naction = [\"destroy\"]\ndependents = 5\napprovals = 1\n[[require]]\naction = [\"destroy\"]\napprovals = 1\n";
    let team = Team::new(row);
    team.git(&["checkout", "-q", "main"]);
    let all = (0..120).fold(String::new(), |mut text, number| {
        let _ = write!(
            text,
            "resource \"aws_cloudwatch_dashboard\" \"d{number}\" {{\n  dashboard_name = \"d{number}\"\n}}\n\n"
        );
        text
    });
    team.workspace.write("live/prod/dashboards.tf", &all);
    team.commit("Dashboards");
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write("live/prod/dashboards.tf", "");
    team.commit("No dashboards");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let by = |row: u64| changes.iter().filter(|change| change["row"] == row).count();
    // Nothing depends on them; but of a hundred alone that is counted.
    assert_eq!((by(1), by(2)), (20, 100), "{}", gate.said.stdout);
}
