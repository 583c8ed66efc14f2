//! Workflows of GitHub Actions: jobs by themselves, and what the head of the file makes of them.

use crate::cli::{countersign, files, report};
use countersign_testkit::Client;
use serde_json::{Value, json};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
const URI: &str = "file:///workflows/.github/workflows/ci.yml";

const WORKFLOW: &str = "on: pull_request\npermissions: {}\njobs:\n  lint:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: make lint\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n      - run: |\n          make test\n";

/// Code and first line, from zero, of diagnostics.
fn told(diagnostics: &[Value]) -> Vec<(&str, u64)> {
    let line = |diagnostic: &Value| diagnostic["range"]["start"]["line"].as_u64().unwrap_or_default();
    diagnostics.iter().map(|diagnostic| (diagnostic["code"].as_str().unwrap_or_default(), line(diagnostic))).collect()
}

#[test]
fn the_head_of_a_workflow_decides_what_a_job_does() {
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(json!({}));
    client.open(URI, "yaml", WORKFLOW);
    assert!(told(&client.diagnostics(URI, 1)).is_empty());
    let end = json!({ "line": 0, "character": 16 });
    client.change(URI, 2, json!([{ "range": { "start": end, "end": end }, "text": "_target" }]));
    assert_eq!(told(&client.diagnostics(URI, 2)), [("untrusted-checkout", 12)]);
    let back = json!({ "start": end, "end": { "line": 0, "character": 23 } });
    client.change(URI, 3, json!([{ "range": back, "text": "" }]));
    assert!(told(&client.diagnostics(URI, 3)).is_empty());
}

#[test]
fn an_expression_in_a_script_is_underlined_where_it_stands() {
    let script = "      - run: |\n          echo hello\n          echo \"${{ github.event.issue.title }}\"\n";
    let text = WORKFLOW.replace("      - run: make lint\n", script);
    let workspace = files(&[(".github/workflows/ci.yml", &text)]);
    // Once from the text, and once from what is kept of it.
    for _ in 0..2 {
        let (report, _) = report(&workspace, &[".github"]);
        let finding = &report["findings"][0];
        assert_eq!(
            (&finding["risk"], &finding["range"]["start"]),
            (&json!("run-injection"), &json!({ "line": 8, "character": 16 }))
        );
        assert_eq!(finding["resource"]["address"], "jobs.lint");
    }
}

/// A script of one line in a block scalar is underlined in its own line.
#[test]
fn a_script_of_one_line_is_underlined_where_it_stands() {
    for (header, line) in [("|", 8), ("|-", 8), (">-", 7)] {
        let script = format!("      - run: {header}\n          curl -s https://get.example.net/x.sh | bash\n");
        let text = WORKFLOW.replace("      - run: make lint\n", &script);
        let workspace = files(&[(".github/workflows/ci.yml", &text)]);
        let (report, _) = report(&workspace, &[".github"]);
        let found: Vec<_> = report["findings"].as_array().expect("findings").iter().collect();
        let script = found.iter().find(|it| it["risk"] == "script-from-internet").expect("a finding");
        assert_eq!(script["range"]["start"]["line"], line - 1, "{header}");
    }
}

#[test]
fn a_block_of_too_many_lines_is_said_to_be_that() {
    let text = format!("stages: [deploy]\ndeploy:\n  script:\n{}", "    - make\n".repeat(32_000));
    let workspace = files(&[(".gitlab-ci.yml", &text)]);
    let said = countersign(&workspace, &["check"]);
    assert!(said.stdout.contains("the block is longer than 32000 lines"), "{}", said.stdout);
}
