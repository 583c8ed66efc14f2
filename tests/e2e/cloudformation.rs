//! CloudFormation templates: what functions come to, and where a finding leads.

use crate::cli::{countersign, files, report};
use crate::editor::Workspace;
use countersign_testkit::Client;
use serde_json::{Value, json};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
const URI: &str = "file:///cloudformation/template.yaml";

/// A template of one database with a value of `PubliclyAccessible`.
fn template(value: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n  Open:\n    Type: String\n    Default: 'true'\n  Stage:\n    Type: String\n  Region:\n    Type: String\n    Default: eu\nMappings:\n  ByRegion:\n    eu:\n      open: true\n    us:\n      open: false\nConditions:\n  IsOpen: !Equals [!Ref Open, 'true']\n  IsShut: !Not [!Condition IsOpen]\n  IsTest: !Equals [!Ref Stage, test]\nResources:\n  Orders:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      DeletionProtection: true\n      StorageEncrypted: true\n      PubliclyAccessible: {value}\nOutputs:\n  Endpoint:\n    Value: !GetAtt Orders.Endpoint.Address\n"
    )
}

/// The risks that are found in a workspace, in order.
fn risks(workspace: &Workspace) -> Vec<String> {
    let (report, _) = report(workspace, &[]);
    let risk = |finding: &Value| finding["risk"].as_str().unwrap_or_default().to_owned();
    report["findings"].as_array().into_iter().flatten().map(risk).collect()
}

#[test]
fn functions_are_worked_out_where_they_can_be() {
    for open in [
        "true",
        "!Ref Open",
        "{Ref: Open}",
        "!If [IsOpen, true, false]",
        "!If [IsShut, false, true]",
        "{'Fn::If': [IsOpen, true, !Ref 'AWS::NoValue']}",
        "!If [IsTest, true, true]",
        "!FindInMap [ByRegion, !Ref Region, open]",
        "!Select [1, [false, true]]",
        "!Sub '${Open}'",
        "!Sub ['${it}', {it: !Ref Open}]",
        "!Join ['', [tr, ue]]",
    ] {
        let workspace = files(&[("template.yaml", &template(open))]);
        assert_eq!(risks(&workspace), ["database-public"], "{open}");
    }
    for other in [
        "false",
        "!Ref Stage",
        "!Ref Nothing",
        "!If [IsTest, true, false]",
        "!If [IsShut, true, false]",
        "!Ref 'AWS::NoValue'",
        "!FindInMap [ByRegion, us, open]",
        "!ImportValue shared-open",
        "!GetAtt Other.Open",
        "!Sub '${Other.Open}'",
        "!Ref",
        "!If [IsOpen]",
        "{{resolve:ssm:open}}",
    ] {
        let workspace = files(&[("template.yaml", &template(other))]);
        assert!(!risks(&workspace).contains(&"database-public".to_owned()), "{other}");
    }
}

#[test]
fn a_finding_leads_to_the_default_that_makes_it_so() {
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(json!({
        "textDocument": { "publishDiagnostics": { "relatedInformation": true } }
    }));
    client.open(URI, "yaml", &template("!Ref Open"));
    let diagnostics = client.diagnostics(URI, 1);
    let related = &diagnostics[0]["relatedInformation"][0];
    assert_eq!(
        (&diagnostics[0]["code"], &related["location"]["range"]["start"]["line"]),
        (&json!("database-public"), &json!(4))
    );
    // Once the default is another one, so is the property.
    let at = json!({ "start": { "line": 4, "character": 14 }, "end": { "line": 4, "character": 18 } });
    client.change(URI, 2, json!([{ "range": at, "text": "false" }]));
    assert!(client.diagnostics(URI, 2).is_empty());
}

#[test]
fn what_holds_for_all_functions_holds_for_each() {
    let head = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n";
    let globals =
        "Globals:\n  Function:\n    Runtime: python3.8\n    Environment:\n      Variables:\n        STAGE: prod\n";
    let resources = |own: &str| {
        format!(
            "Resources:\n  Resize:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: main.handler\n{own}"
        )
    };
    let found = |text: &str| risks(&files(&[("template.yaml", text)]));
    let old = ["runtime-end-of-life"];
    assert_eq!(found(&format!("{head}{globals}{}", resources(""))), old);
    assert_eq!(found(&format!("{head}{}{globals}", resources(""))), old, "behind the resources");
    assert!(found(&format!("{head}{}", resources(""))).is_empty());
    assert!(
        found(&format!("{head}{globals}{}", resources("      Runtime: python3.13\n"))).is_empty(),
        "its own counts"
    );
    // Of a mapping each key counts by itself.
    let secret = globals.replace("STAGE: prod", "DB_PASSWORD: Wr0ng-horse-battery");
    let own = resources("      Runtime: python3.13\n      Environment:\n        Variables:\n          DEBUG: 'no'\n");
    let both = found(&format!("{head}{secret}{own}"));
    assert!(!both.is_empty() && !both.contains(&"runtime-end-of-life".to_owned()), "{both:?}");
}

#[test]
fn two_templates_in_a_folder_do_not_mix() {
    let shut = template("!Ref Open").replace("Default: 'true'", "Default: 'false'");
    let workspace = files(&[("open.yaml", &template("!Ref Open")), ("shut.yaml", &shut)]);
    assert_eq!(risks(&workspace), ["database-public"]);
    let twice = "Resources:\n  A:\n    Type: AWS::SQS::Queue\n  A:\n    Type: AWS::SQS::Queue\n";
    let said = countersign(&files(&[("twice.yaml", twice)]), &["check"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
}

/// Policies that stand by themselves: of identities, of resources, and of who may take a role.
#[test]
fn policies_in_files_of_their_own() {
    let statement =
        |more: &str| format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", {more}}}]}}\n");
    let of = |text: &str| risks(&files(&[("policy.json", text)]));
    assert_eq!(of(&statement("\"Action\": \"*\", \"Resource\": \"*\"")), ["admin-everything"]);
    assert!(of(&statement("\"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::shop/*\"")).is_empty());
    let everybody = "\"Principal\": \"*\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::shop/*\"";
    assert_eq!(of(&statement(everybody)).len(), 1, "{:?}", of(&statement(everybody)));
    let trust = "\"Principal\": {\"AWS\": \"*\"}, \"Action\": \"sts:AssumeRole\"";
    assert_eq!(of(&statement(trust)), ["trusts-anyone"]);
    for other in
        ["{\"Statement\": 1, \"Effect\": 2}", "{\"Statement\": [], \"Effect\": 1}", "[\"Statement\", \"Effect\"]"]
    {
        assert!(of(other).is_empty(), "{other}");
    }
}
