//! `countersign baseline` and `check --baseline`: adopt today, fail on what is new.

use crate::cli::{countersign, files, findings, report};
use crate::editor::{FORCE, PUBLIC, SAFE, Workspace};

const FILE: &str = "countersign-baseline.json";

fn adopted(these: &[(&str, &str)]) -> Workspace {
    let workspace = files(these);
    let said = countersign(&workspace, &["baseline", "write"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    workspace
}

/// The last line of a check that says how much was found, up to the time.
fn summary(workspace: &Workspace) -> (String, Option<i32>) {
    let said = countersign(workspace, &["check", "--baseline", FILE]);
    let line = said.stdout.lines().find(|line| line.contains(" in ")).unwrap_or_default();
    (line.rsplit_once(", ").map(|(counts, _)| counts.to_owned()).unwrap_or_default(), said.code)
}

#[test]
fn what_is_known_is_counted_and_what_is_new_is_told() {
    let workspace = adopted(&[("a/main.tf", PUBLIC), ("b.tf", FORCE)]);
    assert_eq!(summary(&workspace), ("0 findings, 2 known from the baseline in 2 files".to_owned(), Some(0)));
    workspace.write("c/main.tf", FORCE);
    let (found, code) = report(&workspace, &["--baseline", FILE]);
    assert_eq!((findings(&found), code), (vec![("c/main.tf", "force-destroy", "review")], Some(1)));
}

#[test]
fn the_file_has_one_finding_a_line_sorted() {
    let workspace = adopted(&[("b.hcl", &format!("{FORCE}{FORCE}")), ("a.tf", PUBLIC)]);
    let text = workspace.read(FILE);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["{", "  \"version\": 1,", "  \"findings\": ["]);
    assert!(lines[3].starts_with(
        "    {\"path\":\"a.tf\",\"risk\":\"database-public\",\"address\":\"aws_lightsail_database.db\",\"digest\":\""
    ));
    assert!(lines[3].ends_with("\"count\":1},") && lines[4].ends_with("\"count\":2}"), "{text}");
    assert_eq!(lines[5..], ["  ]", "}"]);
    countersign(&workspace, &["baseline", "write"]);
    assert_eq!(workspace.read(FILE), text, "written again it is the same");
}

#[test]
fn a_finding_stays_known_when_its_file_is_edited_elsewhere() {
    let workspace = adopted(&[("main.tf", PUBLIC)]);
    for text in [
        format!("# a new line\n\n{SAFE}{PUBLIC}"),
        PUBLIC.replace("  publicly_accessible = true", "\n\n\tpublicly_accessible    =    true"),
        PUBLIC.replace('\n', "\r\n"),
        PUBLIC.replace("}\n", "  name = \"x\"\n}\n"),
    ] {
        workspace.write("main.tf", &text);
        assert_eq!(summary(&workspace).1, Some(0), "{text}");
    }
}

#[test]
fn a_finding_whose_text_changed_is_new() {
    let open = "resource \"aws_security_group\" \"g\" {\n  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n";
    let workspace = adopted(&[("main.tf", open)]);
    assert_eq!(summary(&workspace).1, Some(0));
    workspace
        .write("main.tf", &open.replace("\"0.0.0.0/0\"", "\"0.0.0.0/1\", \"0.0.0.0/0\"").replace("g\" {", "h\" {"));
    assert_eq!(summary(&workspace).1, Some(1), "another resource");
    let password = |word: &str| format!("resource \"aws_db_instance\" \"db\" {{\n  password = \"{word}\"\n}}\n");
    let workspace = adopted(&[("main.tf", &password("correct-horse"))]);
    assert!(!workspace.read(FILE).contains("horse"));
    workspace.write("main.tf", &password("battery-staple"));
    assert_eq!(summary(&workspace).1, Some(1), "another password");
}

#[test]
fn one_more_of_the_same_is_new() {
    let workspace = adopted(&[("main.hcl", FORCE)]);
    workspace.write("main.hcl", &format!("{FORCE}{FORCE}"));
    assert_eq!(summary(&workspace).0, "1 finding (1 high), 1 known from the baseline in 1 file");
}

#[test]
fn entries_that_are_gone_are_told() {
    let workspace = adopted(&[("a/main.tf", FORCE), ("b/main.tf", FORCE), ("c/main.tf", FORCE)]);
    workspace.write("a/main.tf", SAFE);
    std::fs::remove_file(workspace.path("b/main.tf")).expect("removed");
    let said = countersign(&workspace, &["check", "--baseline", FILE]);
    let expected = "2 entries of the baseline are gone; `countersign baseline write` takes them out.\n";
    assert!(said.stdout.ends_with(expected), "{}", said.stdout);
    assert_eq!(said.code, Some(0));
    let said = countersign(&workspace, &["check", "c/main.tf", "--baseline", FILE, "--format", "sarif"]);
    assert!(said.stderr.contains("1 entry of the baseline is gone"), "{}", said.stderr);
}

#[test]
fn paths_are_those_from_the_baseline() {
    let workspace = adopted(&[("deep/main.tf", PUBLIC)]);
    let absolute = workspace.path("deep");
    let (found, _) = report(&workspace, &[absolute.to_str().expect("UTF-8"), "--baseline", FILE]);
    assert_eq!(findings(&found), []);
    let said = countersign(&workspace, &["baseline", "write", "--output", "deep/er/known.json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(workspace.read("deep/er/known.json").contains("\"path\":\"../main.tf\""));
    assert_eq!(report(&workspace, &["--baseline", "deep/er/known.json"]).1, Some(0));
}

#[test]
fn a_baseline_that_cannot_be_used_is_an_error_that_names_the_line() {
    let workspace = adopted(&[("main.tf", PUBLIC)]);
    let good = workspace.read(FILE);
    for (text, expected) in [
        (good.replace("\n    {", "\n<<<<<<< HEAD\n    {"), "countersign-baseline.json:4: the baseline has conflicts"),
        (
            good.replace("\"version\": 1", "\"version\": 2"),
            "countersign-baseline.json:2: this baseline is of version 2",
        ),
        (good.replace("\"risk\":", "\"risk\""), "countersign-baseline.json:4: this is no baseline: "),
        (String::new(), "countersign-baseline.json:1: this is no baseline: "),
    ] {
        workspace.write(FILE, &text);
        let said = countersign(&workspace, &["check", "--baseline", FILE]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{text}");
        assert!(said.stderr.starts_with(&format!("countersign: {expected}")), "{}", said.stderr);
        assert_eq!(said.stderr.lines().count(), 1);
    }
    let said = countersign(&workspace, &["check", "--baseline", "gone.json"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("gone.json: the baseline cannot be read"), "{}", said.stderr);
}

#[test]
fn no_baseline_is_written_where_something_was_not_read() {
    let workspace = files(&[("main.tf", PUBLIC)]);
    let said = countersign(&workspace, &["baseline", "write", ".", "gone.tf"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("gone.tf: cannot be read"), "{}", said.stderr);
    assert!(said.stderr.contains("no baseline was written"), "{}", said.stderr);
    workspace.write("countersign.toml", "nonsense = 1\n");
    assert_eq!(countersign(&workspace, &["baseline", "write"]).code, Some(2), "its settings may leave out too much");
    assert!(!workspace.path(FILE).exists());
}
