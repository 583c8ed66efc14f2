//! `countersign policy`: why a verdict is what it is, and whether policy says what was meant.

use crate::cli::countersign;
use crate::editor::Workspace;
use serde_json::Value;

const OPEN: &str = "resource \"aws_security_group\" \"web\" {\n  ingress {\n    from_port   = 22\n    to_port     = 22\n    protocol    = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n\nresource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n";

#[test]
fn each_row_says_why_it_does_not_hold() {
    let workspace = Workspace::git(&[("live/prod/main.tf", "# Nothing yet.\n")]);
    workspace.write("countersign.toml", "[[verdict]]\norigin = [\"ai\"]\nverdict = \"deny\"\n\n[[verdict]]\nseverity = [\"high\", \"critical\"]\nverdict = \"deny\"\n");
    workspace.write("live/prod/main.tf", OPEN);
    let json = |place: &str| -> Value {
        let said = countersign(&workspace, &["policy", "explain", place, "--format", "json"]);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        serde_json::from_str(&said.stdout).expect("JSON")
    };
    let explained = json("live/prod/main.tf:3");
    let finding = &explained["findings"][0];
    assert_eq!((finding["verdict"].as_str(), finding["line"].is_u64()), (Some("deny"), true), "{finding}");
    let rows = finding["rows"].as_array().expect("rows");
    assert_eq!(rows[0]["fails"], serde_json::json!({ "key": "origin", "wants": ["ai"], "is": "unknown" }));
    assert_eq!((rows[0]["isDefault"].as_bool(), rows[1]["isDefault"].as_bool()), (Some(false), Some(false)));
    assert!(rows[1].get("fails").is_none() && rows[1]["says"]["verdict"] == "deny", "{}", rows[1]);
    // It decides the verdict; how loud it is shown, a later row does.
    assert!(rows.len() > 2 && rows.last().is_some_and(|row| row.get("fails").is_none() && row["isDefault"] == true));
    let change = &explained["changes"][0];
    assert_eq!(change["address"], "aws_security_group.web");
    assert!(change["rows"].as_array().is_some_and(|rows| rows.last().is_some_and(|row| row.get("fails").is_none())));
    assert!(change["needs"].as_str().is_some_and(|needs| needs.starts_with("1 approval")), "{change}");
    // What is said of another block of the file is said there.
    let other = json("live/prod/main.tf:11");
    let risks = |explained: &Value| -> Vec<String> {
        let findings = explained["findings"].as_array().expect("findings").iter();
        findings.map(|finding| finding["risk"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert!(risks(&other).iter().all(|risk| !risks(&explained).contains(risk)), "{other}");
    let said = countersign(&workspace, &["policy", "explain", "live/prod/main.tf:3"]);
    assert!(said.stdout.contains("row  1 (yours) no: origin = ai, and it is unknown"), "{}", said.stdout);
    assert!(said.stdout.contains("before it is merged it needs 1 approval"), "{}", said.stdout);
}

#[test]
fn what_cannot_be_explained_is_one_clear_error() {
    let workspace = Workspace::git(&[("main.tf", OPEN)]);
    let refused = |place: &str, why: &str| {
        let said = countersign(&workspace, &["policy", "explain", place]);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{why}: {}{}", said.stdout, said.stderr);
    };
    refused("main.tf:99", "has 12 lines, and none with the number 99");
    refused("main.tf:0", "with lines from 1");
    refused("none.tf:1", "none.tf");
    refused(".", "is a folder");
    workspace.write("main.tf", "locals {\n  a = 1\n}\n");
    let said = countersign(&workspace, &["policy", "explain", "main.tf:2"]);
    assert!(said.code == Some(0) && said.stdout.contains("Nothing is found at main.tf:2"), "{}", said.stdout);
}

#[test]
fn cases_say_whether_policy_is_what_was_meant() {
    let workspace = Workspace::new();
    workspace.write("countersign.toml", "[[tier]]\npaths = [\"src/checkout/**\"]\ntier = \"critical\"\n");
    let cases = r#"
[[case]]
name = "an AI destroys a database of production"
path = "live/prod/main.tf"
kind = "aws_db_instance"
origin = "ai"
severity = "critical"
action = "destroy"
data_loss = true
expect = { tier = "critical", verdict = "deny", approvals = 1, level = "senior", mode = "enforce" }

[[case]]
name = "nobody knows who changed the checkout"
path = "src/checkout/cart.py"
expect = { tier = "critical", approvals = 1 }

[[case]]
name = "a person tags a network"
path = "live/dev/main.tf"
kind = "aws_vpc"
origin = "human"
expect = { approvals = 0 }
"#;
    workspace.write("cases.toml", cases);
    let said = countersign(&workspace, &["policy", "test", "cases.toml"]);
    assert!(said.code == Some(0) && said.stdout.contains("3 cases, all as expected"), "{}{}", said.stdout, said.stderr);
    workspace.write("cases.toml", &cases.replace("verdict = \"deny\"", "verdict = \"allow\""));
    let said = countersign(&workspace, &["policy", "test", "cases.toml"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    for part in
        ["FAILED", "verdict is deny, and allow was expected", "holds: show = full, verdict = deny", "1 not as expected"]
    {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    for (text, why) in [
        ("", "no `[[case]]`"),
        ("[[case]]\nname = \"a\"\nexpect = {}\n", "expects nothing"),
        ("[[case]]\nname = \"a\"\ntire = \"low\"\nexpect = { approvals = 1 }\n", "tire"),
        ("[[case]\n", "no file of cases"),
    ] {
        workspace.write("cases.toml", text);
        let said = countersign(&workspace, &["policy", "test", "cases.toml"]);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{why}: {}", said.stderr);
    }
}
