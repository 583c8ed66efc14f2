//! Many commands with what must be said of them: `commands.txt`, against the files under `repository/`.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_commands::{Context, Grade, Operation, judge};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The repository that the commands run in.
fn repository() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repository");
    let mut files = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("inside").to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    files
}

fn run(command: &str, files: &BTreeMap<String, String>) -> Vec<Operation> {
    let environment = BTreeMap::new();
    let context = Context { files, folder: "", environment: &environment, branch: Some("feature/x"), protected: &[] };
    judge(command, &context)
}

/// What was found, as the tables write it.
fn shown(operations: &[Operation], certain_matters: bool) -> String {
    let mut effects: Vec<String> = operations
        .iter()
        .map(|operation| {
            let lesser = if operation.grade == Grade::Lesser { "~" } else { "" };
            let doubt = if certain_matters && !operation.certain { "?" } else { "" };
            format!("{lesser}{}{doubt}", operation.effect.name())
        })
        .collect();
    effects.sort();
    effects.dedup();
    if effects.is_empty() { "-".to_owned() } else { effects.join(",") }
}

/// A table's lines: what is expected, and the command.
fn table(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (expected, command) = line.split_once("  ").expect("two columns");
            (expected.to_owned(), command.trim_start().replace('⏎', "\n"))
        })
        .collect()
}

/// Runs a table. Returns how many lines there are, and those that are wrong.
fn score(text: &str) -> (usize, Vec<String>, usize) {
    let files = repository();
    let cases = table(text);
    let mut wrong = Vec::new();
    let mut false_alarms = 0;
    for (expected, command) in &cases {
        let operations = run(command, &files);
        let found = shown(&operations, expected.contains('?'));
        if found != *expected {
            let mut line = format!("{command}\n    expected {expected}, found {found}");
            for operation in &operations {
                write!(line, "\n      {} via {:?}", operation.what, operation.via).expect("a string");
            }
            false_alarms += usize::from(expected == "-");
            wrong.push(line);
        }
    }
    (cases.len(), wrong, false_alarms)
}

#[test]
fn the_table() {
    let text = include_str!("commands.txt");
    let (all, wrong, false_alarms) = score(text);
    assert!(all >= 300, "{all} commands");
    assert_eq!(false_alarms, 0, "harmless commands are taken for others:\n{}", wrong.join("\n"));
    assert!(wrong.len() * 100 <= all * 2, "{} of {all} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn others() {
    let (all, wrong, false_alarms) = score(include_str!("others.txt"));
    assert_eq!(false_alarms, 0, "harmless commands are taken for others:\n{}", wrong.join("\n"));
    assert!(wrong.len() * 100 <= all * 2, "{} of {all} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
