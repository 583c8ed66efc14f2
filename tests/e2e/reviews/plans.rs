//! `countersign gate --plan`: nothing is destroyed or replaced that nobody has approved.

use super::{DATABASE, FILE, Gate, Team, VPC};
use crate::cli::countersign;
use serde_json::{Value, json};

impl Team {
    fn plan(&self, changes: &[Value]) {
        let plan = json!({ "format_version": "1.2", "planned_values": {}, "resource_changes": changes });
        self.workspace.write(".git/plan.json", &plan.to_string());
    }

    fn gate_with(&self, plan: &str) -> Gate {
        let said = countersign(&self.workspace, &["gate", "--base", "main", "--format", "json", "--plan", plan]);
        let json = serde_json::from_str(&said.stdout).unwrap_or_default();
        Gate { said, json }
    }

    /// The exit code with the plan of the folder, and what is said.
    fn applies(&self) -> (Option<i32>, String) {
        let gate = self.gate_with(PLAN);
        (gate.said.code, format!("{}{}", gate.said.stdout, gate.said.stderr))
    }

    fn asks_with_plan(&self) -> String {
        let said = countersign(&self.workspace, &["review", "request", "--plan", PLAN]);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        self.commit("Ask for a review");
        let id = said.stdout.strip_prefix("Requested ").and_then(|rest| rest.split(' ').next());
        id.unwrap_or_else(|| panic!("{}", said.stdout)).to_owned()
    }
}

const PLAN: &str = "live/prod=.git/plan.json";

fn change(address: &str, actions: &[&str], id: &str) -> Value {
    let kind = address.rsplit('.').nth(1).expect("a type");
    let before = if id.is_empty() { Value::Null } else { json!({ "id": id, "tags": { "id": "no" } }) };
    json!({ "address": address, "mode": "managed", "type": kind, "change": { "actions": actions, "before": before } })
}

const REPLACE: &[&str] = &["delete", "create"];

#[test]
fn what_was_approved_as_what_it_is_covers_the_plan() {
    let team = Team::new("");
    let id = team.asks();
    team.plan(&[change("aws_db_instance.orders", REPLACE, "db-1"), change("aws_vpc.main", &["no-op"], "vpc-1")]);
    let (code, said) = team.applies();
    assert!(code == Some(1) && said.contains("the plan replaces aws_db_instance.orders (db-1)"), "{said}");
    team.approves(&id, "bob");
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
    // More than was looked at.
    team.plan(&[change("aws_db_instance.orders", REPLACE, "db-1"), change("aws_vpc.main", &["delete"], "vpc-1")]);
    let (code, said) = team.applies();
    assert!(code == Some(1) && said.contains("the plan destroys aws_vpc.main (vpc-1)"), "{said}");
}

#[test]
fn what_no_text_says_needs_an_approval_of_its_own() {
    let team = Team::new("");
    team.workspace.write("README.md", "# Shop\n");
    team.commit("Say what it is");
    team.passes();
    team.plan(&[change("aws_vpc.main", &["delete"], "vpc-1")]);
    let (code, said) = team.applies();
    assert!(code == Some(1) && said.contains("review request --plan"), "{said}");
    let id = team.asks_with_plan();
    assert_eq!(team.asks_with_plan_again(), "All reviews were requested already");
    team.approves(&id, "bob");
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
    // It is of the thing that is live, of what happens to it, and of the text.
    for other in [change("aws_vpc.main", &["delete"], "vpc-2"), change("aws_vpc.main", REPLACE, "vpc-1")] {
        team.plan(std::slice::from_ref(&other));
        assert_eq!(team.applies().0, Some(1), "{other}: {}", team.applies().1);
    }
    team.plan(&[change("aws_vpc.main", &["delete"], "vpc-1")]);
    team.workspace.write(FILE, &format!("{DATABASE}{}", VPC.replace("/16", "/17")));
    team.commit("Another network");
    assert_eq!(team.applies().0, Some(1));
}

impl Team {
    fn asks_with_plan_again(&self) -> String {
        let said = countersign(&self.workspace, &["review", "request", "--plan", PLAN]);
        said.stdout.split(';').next().unwrap_or_default().to_owned()
    }
}

#[test]
fn who_approved_a_change_in_place_has_not_approved_a_replacement() {
    let team = Team::new("[[require]]\napprovals = 1\n");
    let text =
        team.workspace.read(FILE).replace("\"10.0.0.0/16\"\n", "\"10.0.0.0/16\"\n  tags       = { a = \"b\" }\n");
    team.workspace.write(FILE, &text);
    team.commit("Tag it");
    let id = team.requests();
    team.approves(&id, "bob");
    team.passes();
    team.plan(&[change("aws_vpc.main", REPLACE, "vpc-1")]);
    let (code, said) = team.applies();
    assert!(code == Some(1) && said.contains("the plan replaces aws_vpc.main"), "{said}");
    let id = team.asks_with_plan();
    team.approves(&id, "bob");
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
}

#[test]
fn who_approved_a_replacement_has_not_approved_a_loss() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    team.plan(&[change("aws_db_instance.orders", &["delete"], "db-1")]);
    let (code, said) = team.applies();
    assert!(code == Some(1) && said.contains("the plan destroys aws_db_instance.orders (db-1)"), "{said}");
}

#[test]
fn what_goes_with_a_module_is_found_through_its_call() {
    let team = Team::new("");
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write(
        "modules/db/main.tf",
        &format!("variable \"engine\" {{}}\n{}", DATABASE.replace("\"postgres\"", "var.engine")),
    );
    let call = "module \"db\" {\n  source   = \"../../modules/db\"\n  for_each = toset([\"eu\"])\n  engine   = \"postgres\"\n}\n";
    team.workspace.write("live/prod/db.tf", call);
    team.commit("A module");
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write("live/prod/db.tf", &call.replace("postgres", "mysql"));
    team.commit("Use MySQL");
    team.plan(&[change("module.db[\"eu\"].aws_db_instance.orders[0]", REPLACE, "db-7")]);
    let gate = team.gate_with(PLAN);
    assert_eq!(gate.said.code, Some(1), "{}", gate.said.stdout);
    let all = gate.json["changes"].as_array().expect("changes");
    let with_plan: Vec<_> = all.iter().filter(|change| change["planned"].is_array()).collect();
    let [change] = with_plan.as_slice() else { panic!("{all:?}") };
    assert_eq!(change["planned"][0], "the plan replaces module.db.aws_db_instance.orders (db-7)");
    assert_ne!(change["path"], ".", "it is a change of a file: {change}");
    let said = countersign(&team.workspace, &["review", "request"]);
    team.commit("Ask for a review");
    assert!(said.stdout.contains("Requested"), "{}", said.stdout);
    for line in said.stdout.lines().filter_map(|line| line.strip_prefix("Requested ")) {
        team.approves(line.split(' ').next().expect("a name"), "bob");
    }
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
}

#[test]
fn what_takes_nothing_away_needs_nothing() {
    let team = Team::new("");
    let forgotten = change("aws_vpc.main", &["forget"], "vpc-1");
    let made = change("aws_db_instance.orders", &["update"], "db-1");
    team.plan(&[forgotten, made]);
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
    // What a team's own row asks nothing for.
    let team = Team::new("[[require]]\nenvironment = [\"production\"]\napprovals = 0\n");
    team.plan(&[change("aws_vpc.main", &["delete"], "vpc-1")]);
    assert_eq!(team.applies().0, Some(0), "{}", team.applies().1);
}

#[test]
fn a_change_set_is_a_plan() {
    let team = Team::new("");
    let set = |changes: Value| json!({ "ChangeSetName": "c", "StackName": "shop", "Changes": changes }).to_string();
    let one = |action: &str, replacement: &str, kind: &str| {
        json!([{ "Type": "Resource", "ResourceChange": { "Action": action, "LogicalResourceId": "Orders", "PhysicalResourceId":
            "orders-1", "ResourceType": kind, "Replacement": replacement } }])
    };
    let named = "stacks/prod/shop.yaml=.git/set.json";
    team.workspace.write("stacks/prod/shop.yaml", "Resources: {}\n");
    let applies = |changes: Value| {
        team.workspace.write(".git/set.json", &set(changes));
        let gate = team.gate_with(named);
        (gate.said.code, format!("{}{}", gate.said.stdout, gate.said.stderr))
    };
    let (code, said) = applies(one("Modify", "True", "AWS::RDS::DBInstance"));
    assert!(code == Some(1) && said.contains("the plan replaces Orders (orders-1)"), "{said}");
    let (code, said) = applies(one("Modify", "Conditional", "AWS::RDS::DBInstance"));
    assert!(code == Some(1) && said.contains("the plan may destroy or replace Orders"), "{said}");
    assert_eq!(applies(one("Modify", "False", "AWS::RDS::DBInstance")).0, Some(0));
    let (code, said) = applies(one("Modify", "False", "AWS::CloudFormation::Stack"));
    assert!(code == Some(0) && said.contains("Orders is a stack of its own"), "{said}");
    team.workspace
        .write(".git/set.json", &set(json!([])).replace("\"StackName\"", "\"NextToken\":\"x\",\"StackName\""));
    let gate = team.gate_with(named);
    assert!(gate.said.code == Some(2) && gate.said.stderr.contains("NextToken"), "{}", gate.said.stderr);
}

#[test]
fn what_is_no_plan_of_this_text_passes_nothing() {
    let team = Team::new("");
    team.workspace.write(".git/plan.json", "{");
    let refused = |named: &str, why: &str| {
        let gate = team.gate_with(named);
        let said = format!("{}{}", gate.said.stdout, gate.said.stderr);
        assert!(gate.said.code == Some(2) && said.contains(why), "{why}: {said}");
    };
    refused(PLAN, "it is not JSON");
    refused("live/prod=.git/none.json", "it cannot be read");
    refused("nowhere=.git/plan.json", "it is not JSON");
    team.plan(&[change("aws_vpc.main", &["delete"], "vpc-1")]);
    refused("nowhere=.git/plan.json", "nowhere");
    refused("/etc=.git/plan.json", "outside of the work tree");
    team.plan(&[change("aws_vpc.main", &["no-op"], "vpc-1"), change("aws_vpc.other", &["no-op"], "vpc-2")]);
    refused(PLAN, "aws_vpc.other");
}
