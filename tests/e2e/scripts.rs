//! Shell scripts, scripts in jobs, and Dockerfiles.

use crate::cli::{countersign, files, findings, report};
use crate::editor::{WARNING, Workspace, finding};

const DOWN: &str = "kubectl delete namespace shop\n";

const ALLOWED: &str = "# countersign: allow script-destroys reason=\"The sandbox only.\"\n";

/// A workflow with a step that runs some lines.
fn workflow(lines: &str) -> String {
    let head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n";
    let lines = lines.trim_end().replace('\n', "\n          ");
    format!("{head}      # A step.\n      - run: |\n          {lines}\n")
}

#[test]
fn a_folder_of_scripts() {
    let workspace = files(&[
        ("scripts/down.sh", &format!("#!/bin/sh\nset -e\nif [ \"$1\" = all ]; then\n  {DOWN}fi\n")),
        ("scripts/build.sh", "#!/bin/sh\nset -e\nmake\nrm -rf build\n"),
        (".github/workflows/a.yml", &workflow(&format!("set -e\n{DOWN}"))),
        ("Dockerfile", "FROM node:latest AS prod\nRUN npm ci\n"),
        ("build/Dockerfile.dockerignore", "*\n"),
    ]);
    let (said, code) = report(&workspace, &["."]);
    let expected = [
        (".github/workflows/a.yml", "script-destroys", "review"),
        ("Dockerfile", "image-unpinned", "note"),
        ("scripts/down.sh", "script-destroys", "review"),
    ];
    assert_eq!((findings(&said), code), (expected.to_vec(), Some(1)));
    assert_eq!(said["findings"][0]["resource"]["address"], "kubectl namespace shop");
    assert_eq!(said["findings"][0]["range"]["start"]["line"], 9);
    // What stays on the machine is no file that was checked, and a stage is of no environment.
    let human = countersign(&workspace, &["check", "."]);
    assert!(human.stdout.contains("3 findings (2 high, 1 medium) in 3 files"), "{}", human.stdout);
    assert!(!human.stdout.contains("in production"), "{}", human.stdout);
}

#[test]
fn what_an_ai_writes_is_told_while_it_does() {
    let workspace = Workspace::git(&[("down.sh", "set -e\n"), ("Dockerfile", "FROM debian:12.7\n")]);
    let mut editor = workspace.editor();
    editor.open_as("down.sh", "shellscript", "set -e\n");
    editor.ai_appends("down.sh", "f() {\n  kubectl delete namespace \"$1\"\n}\n");
    let told = [finding(WARNING, "script-destroys", "kubectl delete namespace \"$1\"")];
    assert_eq!(editor.findings("down.sh"), told);
    editor.choose("down.sh", "delete", "Tag as written by");
    assert!(editor.text("down.sh").contains("# ai-provenance: begin"), "{}", editor.text("down.sh"));
    assert_eq!(editor.findings("down.sh"), told);
    editor.open_as("Dockerfile", "dockerfile", "FROM debian:12.7\n");
    editor.ai_appends("Dockerfile", "RUN <<EOF\nset -e\nkubectl delete namespace shop\nEOF\n");
    assert_eq!(editor.findings("Dockerfile"), [finding(WARNING, "script-destroys", DOWN.trim_end())]);
}

#[test]
fn a_comment_takes_a_finding_away() {
    let behind = DOWN.replace('\n', &format!(" {ALLOWED}"));
    let step = workflow(DOWN).replace("      # A step.\n", &format!("      {ALLOWED}"));
    let image = format!("FROM debian:12.7\n{ALLOWED}RUN {DOWN}");
    for (name, text) in [("a.sh", format!("{ALLOWED}{DOWN}")), ("a.sh", behind), ("a.yml", step), ("Dockerfile", image)]
    {
        let (said, code) = report(&files(&[(name, &text)]), &["."]);
        assert_eq!((findings(&said), code), (Vec::new(), Some(0)), "{text}");
    }
    let elsewhere = format!("{ALLOWED}echo\n{DOWN}");
    let (said, _) = report(&files(&[("a.sh", &elsewhere)]), &["."]);
    let expected = [("a.sh", "suppression-without-effect", "note"), ("a.sh", "script-destroys", "review")];
    assert_eq!(findings(&said), expected);
}

#[test]
fn no_secret_is_repeated() {
    let key = format!("ghp_{}", "0123456789abcdefghijklmnopqrstuvwxyz");
    let text = format!(
        "curl -H 'Authorization: Bearer {key}' https://a.example | sh\ncurl -X DELETE https://me:geheim@a.example/b\n"
    );
    let workspace = files(&[("a.sh", &text)]);
    let (said, _) = report(&workspace, &["."]);
    let expected = [
        ("a.sh", "script-from-internet", "note"),
        ("a.sh", "credentials-in-code", "review"),
        ("a.sh", "script-destroys", "review"),
    ];
    assert_eq!(findings(&said), expected);
    assert!(!said.to_string().contains(&key) && !said.to_string().contains("geheim"), "{said}");
    let human = countersign(&workspace, &["check", "."]).stdout;
    assert!(!human.contains(&key), "{human}");
    assert!(human.contains("Bearer ****"), "{human}");
}

#[test]
fn what_goes_on_without_end_gets_an_answer() {
    let cases = [
        ("a.sh", "cat <<EOF\n".repeat(20_000)),
        ("b.sh", "if a; then\n".repeat(20_000)),
        ("c.sh", format!("{}{DOWN}", "$(".repeat(5_000))),
        ("d.sh", format!("kubectl{}\n", " \\\n".repeat(50_000))),
        ("a.dockerfile", "FROM a:1\nRUN <<A\n".repeat(20_000)),
        ("b.dockerfile", format!("FROM a:1\nRUN a{}", " \\\n".repeat(50_000))),
        ("c.dockerfile", format!("FROM a:1\nENV {}\n", "A=b ".repeat(50_000))),
        ("d.dockerfile", "FROM a:1\n".repeat(20_000)),
    ];
    let cases: Vec<_> = cases.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (said, code) = report(&files(&cases), &["."]);
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
    assert!(said["findings"].is_array(), "{said}");
}
