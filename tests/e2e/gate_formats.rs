//! What the gate prints for other programs.

use crate::cli::{Said, countersign};
use crate::formats::{issues, valid};
use crate::reviews::{DATABASE, FILE, Team};
use serde_json::{Value, json};

fn gate(team: &Team, format: &str) -> Said {
    countersign(&team.workspace, &["gate", "--base", "main", "--format", format])
}

fn results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn sarif_has_a_result_for_each_change_that_lacks_something() {
    let team = Team::new("");
    assert_eq!(results(&valid(&gate(&team, "sarif").stdout)).len(), 0);
    let id = team.asks();
    let said = gate(&team, "sarif");
    let log = valid(&said.stdout);
    let [result] = results(&log) else { panic!("{log}") };
    assert_eq!(
        (said.code, result["ruleId"].as_str(), result["level"].as_str()),
        (Some(1), Some("not-approved"), Some("error"))
    );
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": { "uri": FILE, "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": 1, "endLine": 4 },
        })
    );
    assert_eq!(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "aws_db_instance.orders");
    assert_eq!(result["properties"]["review"], id.as_str());
    let text = result["message"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("aws_db_instance.orders in live/prod/main.tf needs 1 approval"), "{text}");
    let fingerprint = result["partialFingerprints"].clone();

    // Below a comment that belongs to it, and with another text, it is the same.
    team.workspace.write(FILE, &format!("# The orders.\n{}", DATABASE.replace("postgres", "mariadb")));
    team.commit("Use MariaDB, and no network");
    let log = valid(&gate(&team, "sarif").stdout);
    let of = |address: &str| {
        let is = |result: &&Value| result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == address;
        results(&log).iter().find(is).unwrap_or_else(|| panic!("{address}: {log}"))
    };
    assert_eq!(of("aws_db_instance.orders")["partialFingerprints"], fingerprint);
    assert_eq!(of("aws_db_instance.orders")["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
    let gone = &of("aws_vpc.main")["locations"][0]["physicalLocation"]["region"];
    assert_eq!(gone["startLine"], 1, "what is gone has a line for those who want one");
}

#[test]
fn what_has_all_that_it_needs_is_no_result() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    for format in ["sarif", "gitlab", "junit", "github"] {
        assert_eq!(gate(&team, format).code, Some(0), "{format}");
    }
    assert_eq!(results(&valid(&gate(&team, "sarif").stdout)).len(), 0);
    assert_eq!(issues(&gate(&team, "gitlab").stdout), Vec::<Value>::new());
    assert_eq!(gate(&team, "github").stdout, "");
}

#[test]
fn modes_are_levels() {
    for (mode, sarif, gitlab, junit, code) in [
        ("enforce", "error", "blocker", "failure", 1),
        ("warn", "warning", "major", "skipped", 0),
        ("observe", "note", "info", "skipped", 0),
    ] {
        let team = Team::new(&format!("[[require]]\naction = [\"replace\"]\napprovals = 1\nmode = \"{mode}\"\n"));
        team.asks();
        let said = gate(&team, "sarif");
        assert_eq!(
            (said.code, results(&valid(&said.stdout))[0]["level"].as_str()),
            (Some(code), Some(sarif)),
            "{mode}"
        );
        let found = issues(&gate(&team, "gitlab").stdout);
        assert_eq!((found.len(), found[0]["severity"].as_str()), (1, Some(gitlab)), "{mode}");
        assert_eq!(found[0]["location"], json!({ "path": FILE, "lines": { "begin": 1, "end": 4 } }));
        let said = gate(&team, "junit").stdout;
        let document = roxmltree::Document::parse(&said).expect("XML");
        let case = document.descendants().find(|node| node.has_tag_name("testcase")).expect("a test");
        assert_eq!((case.attribute("classname"), case.attribute("name")), (Some(FILE), Some("aws_db_instance.orders")));
        let outcome = case.first_element_child().expect("what is wrong");
        assert!(outcome.has_tag_name(junit) && outcome.attribute("message").is_some(), "{said}");
    }
}

#[test]
fn every_report_has_a_test() {
    let team = Team::new("");
    let count = |said: &str, name: &str| {
        let document = roxmltree::Document::parse(said).expect("XML");
        document.root_element().attribute(name).map(str::to_owned)
    };
    let said = gate(&team, "junit").stdout;
    assert_eq!((count(&said, "tests").as_deref(), count(&said, "failures").as_deref()), (Some("1"), Some("0")));
    let id = team.asks();
    let said = gate(&team, "junit").stdout;
    assert_eq!((count(&said, "tests").as_deref(), count(&said, "failures").as_deref()), (Some("1"), Some("1")));
    team.approves(&id, "bob");
    let said = gate(&team, "junit").stdout;
    assert_eq!((count(&said, "tests").as_deref(), count(&said, "failures").as_deref()), (Some("1"), Some("0")));
    assert!(said.contains("aws_db_instance.orders"), "{said}");
}

#[test]
fn annotations_stand_at_the_lines() {
    let team = Team::new("");
    team.asks();
    let said = gate(&team, "github").stdout;
    let start = "::error file=live/prod/main.tf,line=1,endLine=4,title=Countersign%3A an approval is missing::aws_db_instance.orders";
    assert!(said.starts_with(start), "{said}");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_in_every_format() {
    let team = Team::new("");
    team.workspace.write("live/prod/other.txt", "resource \"aws_vpc\" \"x\" {}\n");
    std::os::unix::fs::symlink("other.txt", team.workspace.path("live/prod/link.tf")).expect("a link");
    team.commit("A link");
    let said = gate(&team, "sarif");
    let log = valid(&said.stdout);
    assert_eq!((said.code, &log["runs"][0]["invocations"][0]["executionSuccessful"]), (Some(2), &json!(false)));
    let said = gate(&team, "gitlab");
    let found = issues(&said.stdout);
    assert!(found.iter().any(|issue| issue["check_name"] == "not-read"), "{}", said.stdout);
    assert!(gate(&team, "junit").stdout.contains("<error type=\"problem\""));
    assert!(gate(&team, "github").stdout.contains("::error title=countersign::live/prod/link.tf"));
}

#[test]
fn a_report_goes_to_a_file() {
    let team = Team::new("");
    team.asks();
    let said = countersign(&team.workspace, &["gate", "--base", "main", "--format", "sarif", "--output", "gate.sarif"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert_eq!(results(&valid(&team.workspace.read("gate.sarif"))).len(), 1);
}
