//! What `check` prints for other programs: SARIF, GitHub's workflow commands, JUnit, and files of them.

use crate::cli::{countersign, files};
use crate::editor::{COUNTERSIGN, FORCE, LIMIT, PUBLIC, SAFE, Workspace};
use countersign_testkit::run;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// OASIS's schema, which the crate `serde-sarif` ships.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", current_platform().as_str()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let sarif = packages.iter().find(|package| package["name"] == "serde-sarif").expect("a dependency of the tests");
    let manifest = PathBuf::from(sarif["manifest_path"].as_str().expect("a path"));
    let schema = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).expect("the schema");
    // Its bracket without a partner is no regular expression; nothing here names a language.
    let broken = "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$";
    let schema = schema.replace(broken, "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
});

fn current_platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

/// The SARIF log of a check, which is valid.
fn sarif(workspace: &Workspace, arguments: &[&str]) -> Value {
    let said = countersign(workspace, &[&["check", "--format", "sarif"], arguments].concat());
    valid(&said.stdout)
}

/// A SARIF log, which is valid.
pub(crate) fn valid(text: &str) -> Value {
    let log = serde_json::from_str(text).expect("JSON");
    let errors: Vec<_> = SCHEMA.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    log
}

const PASSWORD: &str = "resource \"aws_db_instance\" \"db\" {\n  password = \"correct-horse\"\n}\n";

#[test]
fn sarif_says_what_was_found_and_where() {
    let workspace = files(&[("a/main.tf", &PUBLIC.replace("  publicly", "  /* 😀 */ publicly")), ("b.tf", FORCE)]);
    let log = sarif(&workspace, &[]);
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["columnKind"]), (&json!("2.1.0"), &json!("utf16CodeUnits")));
    assert_eq!(run["tool"]["driver"]["name"], "Countersign");
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!((&rule["id"], &rule["name"]), (&json!("database-public"), &json!("DatabasePublic")));
    assert_eq!(rule["defaultConfiguration"]["level"], "error");
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    assert_eq!(
        rule["properties"]["tags"],
        json!(["security", "infrastructure-as-code", "exposure", "external/cwe/cwe-668"])
    );
    assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.contains("## What to do")), "{rule}");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["ruleIndex"]), (&json!("database-public"), &json!(0)));
    assert_eq!(run["results"][1]["ruleIndex"], 1);
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": { "uri": "a/main.tf", "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": 2, "startColumn": 34, "endLine": 2, "endColumn": 38 },
        })
    );
    assert_eq!(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "aws_lightsail_database.db");
    let change = &result["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["replacements"][0]["insertedContent"]["text"], "false");
    assert_eq!(change["replacements"][0]["deletedRegion"]["startColumn"], 34);
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn every_risk_makes_valid_sarif() {
    let workspace = crate::fix::examples();
    let log = sarif(&workspace, &[]);
    assert!(log["runs"][0]["tool"]["driver"]["rules"].as_array().is_some_and(|rules| rules.len() > 20));
}

#[test]
fn paths_in_sarif_are_encoded_and_start_at_the_root_of_the_repository() {
    let workspace = Workspace::git(&[("deep/a b#ü.tf", PUBLIC)]);
    let uri = |arguments: &[&str]| {
        let log = sarif(&workspace, arguments);
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].clone()
    };
    let expected = json!({ "uri": "deep/a%20b%23%C3%BC.tf", "uriBaseId": "%SRCROOT%" });
    assert_eq!(uri(&["."]), expected);
    let absolute = workspace.path("deep");
    assert_eq!(uri(&[absolute.to_str().expect("UTF-8")]), expected);
    let elsewhere = files(&[("main.tf", PUBLIC)]);
    let outside = uri(&[elsewhere.path("main.tf").to_str().expect("UTF-8")]);
    assert_eq!(outside, json!({ "uri": elsewhere.uri("main.tf") }), "what is elsewhere has its whole path");
}

#[test]
fn fingerprints_in_sarif_stay_when_lines_move() {
    let two = format!("{PUBLIC}{PUBLIC}");
    let workspace = files(&[("main.hcl", &two)]);
    let prints = || {
        let log = sarif(&workspace, &[]);
        let results = log["runs"][0]["results"].as_array().cloned().unwrap_or_default();
        results.into_iter().map(|mut result| result["partialFingerprints"].take()).collect::<Vec<_>>()
    };
    let before = prints();
    assert_eq!(before.len(), 2);
    assert_ne!(before[0], before[1]);
    workspace.write("main.hcl", &format!("# new\n\n{}", two.replace("= true", "=   true")));
    assert_eq!(prints(), before);
}

#[test]
fn sarif_tells_what_was_not_read() {
    let workspace = files(&[("main.tf", SAFE)]);
    let log = sarif(&workspace, &["main.tf", "gone.tf"]);
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let text = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().expect("a text");
    assert!(text.starts_with("gone.tf: cannot be read"), "{text}");
    std::fs::write(workspace.path("binary.tf"), [0xff, 0xfe, 0x00]).expect("written");
    let log = sarif(&workspace, &["binary.tf"]);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "not-analysed");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
}

#[test]
fn commands_for_github() {
    let medium = "resource \"aws_s3_bucket_versioning\" \"v\" {\n  versioning_configuration {\n    status = \"Suspended\"\n  }\n}\n";
    let workspace = files(&[("a,b:c%.tf", PUBLIC), ("m.tf", medium)]);
    let said = countersign(&workspace, &["check", "--format", "github", ".", "gone.tf"]);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.stdout);
    let start = "::error file=a%2Cb%3Ac%25.tf,line=2,endLine=2,col=25,endColumn=28,title=countersign database-public::`aws_lightsail_database.db` gets a public address: `publicly_accessible` is `true`.%0ASet ";
    assert!(lines[0].starts_with(start), "{}", lines[0]);
    assert!(lines[1].starts_with("::warning file=m.tf,line=3,"), "{}", lines[1]);
    assert!(lines[2].starts_with("::error title=countersign::gone.tf: cannot be read"), "{}", lines[2]);
    assert_eq!(said.code, Some(2));
}

#[test]
fn annotations_name_files_from_the_root_of_the_repository() {
    let workspace = Workspace::git(&[("deep/main.tf", PUBLIC)]);
    let mut command = Command::new(COUNTERSIGN);
    command.args(["check", "--format", "github"]).current_dir(workspace.path("deep"));
    let output = run(command.env("XDG_STATE_HOME", workspace.state()), LIMIT);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(said.starts_with("::error file=deep/main.tf,line=2,"), "{said}");
}

/// That a report is one that GitLab reads: its documentation names these keys, and takes two of one fingerprint for one.
pub(crate) fn issues(text: &str) -> Vec<Value> {
    let issues: Vec<Value> = serde_json::from_str(text).expect("an array");
    let mut fingerprints: Vec<&str> = Vec::new();
    for issue in &issues {
        let known = ["info", "minor", "major", "critical", "blocker"];
        assert!(issue["severity"].as_str().is_some_and(|severity| known.contains(&severity)), "{issue}");
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
        assert!(issue["location"]["path"].as_str().is_some_and(|path| !path.starts_with(['.', '/'])), "{issue}");
        assert!(["description", "check_name"].iter().all(|key| issue[key].is_string()), "{issue}");
        fingerprints.extend(issue["fingerprint"].as_str());
    }
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), issues.len(), "{text}");
    issues
}

#[test]
fn code_quality_for_gitlab() {
    let workspace = Workspace::git(&[("a/main.tf", &format!("{PUBLIC}{FORCE}")), ("b/main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["check", "--format", "gitlab"]);
    let found = issues(&said.stdout);
    let places: Vec<_> = found
        .iter()
        .map(|issue| {
            (
                issue["location"]["path"].as_str(),
                issue["location"]["lines"]["begin"].as_u64(),
                issue["check_name"].as_str(),
            )
        })
        .collect();
    assert_eq!(places[0], (Some("a/main.tf"), Some(2), Some("database-public")));
    assert_eq!((places.len(), found[0]["severity"].as_str()), (3, Some("critical")));
    // Where lines move it is the same, and in another file another.
    workspace.write("a/main.tf", &format!("# new\n\n{PUBLIC}{FORCE}"));
    let again = issues(&countersign(&workspace, &["check", "--format", "gitlab"]).stdout);
    assert_eq!(again[0]["fingerprint"], found[0]["fingerprint"]);
    let said = countersign(&workspace, &["check", "--format", "gitlab", "b", "gone.tf"]);
    let found = issues(&said.stdout);
    assert_eq!(
        (said.code, found[1]["check_name"].as_str(), found[1]["severity"].as_str()),
        (Some(2), Some("not-read"), Some("blocker"))
    );
    workspace.write("safe/main.tf", SAFE);
    assert_eq!(countersign(&workspace, &["check", "--format", "gitlab", "safe"]).stdout, "[]\n");
}

#[test]
fn junit_is_xml_with_a_test_for_each_finding() {
    let two = format!("{PUBLIC}{PUBLIC}");
    let workspace = files(&[("a<&\".hcl", &two), ("b.tf", SAFE), ("c\u{1b}\u{1}.tf", FORCE)]);
    let said = countersign(&workspace, &["check", "--format", "junit", ".", "gone.tf"]);
    let document = roxmltree::Document::parse(&said.stdout).expect("XML");
    let root = document.root_element();
    assert_eq!((root.attribute("tests"), root.attribute("failures")), (Some("5"), Some("3")));
    assert_eq!(root.attribute("errors"), Some("1"));
    let suites: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
    let names: Vec<_> = suites.iter().filter_map(|suite| suite.attribute("name")).collect();
    assert_eq!(names, ["a<&\".hcl", "b.tf", "c\\u{1b}\\u{1}.tf", "not checked"]);
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let case = |index: usize| (cases[index].attribute("classname"), cases[index].attribute("name"));
    assert_eq!(case(0), (Some("a<&\".hcl"), Some("database-public aws_lightsail_database.db")));
    assert_eq!(case(1), (Some("a<&\".hcl"), Some("database-public aws_lightsail_database.db #2")));
    assert_eq!(case(2), (Some("b.tf"), Some("no findings")));
    assert!(cases[2].first_element_child().is_none());
    let failure = cases[0].first_element_child().expect("a failure");
    assert!(failure.has_tag_name("failure") && failure.attribute("type") == Some("critical"));
    assert!(failure.text().is_some_and(|text| text.starts_with("a<&\".hcl:2:25\n")), "{:?}", failure.text());
    assert!(cases[4].first_element_child().is_some_and(|error| error.has_tag_name("error")));
}

#[test]
fn no_format_prints_a_secret() {
    let workspace = files(&[("main.tf", PASSWORD)]);
    for format in ["sarif", "github", "gitlab", "junit"] {
        let said = countersign(&workspace, &["check", "--format", format]);
        assert!(said.stdout.contains("password-in-code"), "{}", said.stdout);
        assert!(!said.stdout.contains("horse"), "{}", said.stdout);
    }
}

#[test]
fn a_report_goes_to_a_file() {
    let workspace = files(&[("main.tf", PUBLIC), ("report.sarif", "old")]);
    for (format, start) in [
        ("human", "critical["),
        ("json", "{"),
        ("sarif", "{"),
        ("github", "::error"),
        ("gitlab", "[\n  {"),
        ("junit", "<?xml"),
    ] {
        let said = countersign(&workspace, &["check", "main.tf", "--format", format, "--output", "report.sarif"]);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(1), "", ""), "{format}");
        assert!(workspace.read("report.sarif").starts_with(start), "{format}");
    }
    let said = countersign(&workspace, &["check", "--output", "main.tf/report"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("main.tf/report: the report cannot be written"), "{}", said.stderr);
}

#[test]
fn shells_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = countersign(&Workspace::new(), &["completions", shell]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(said.stdout.contains("baseline") && said.stdout.contains("min-severity"), "{shell}");
    }
}
