//! Texts that are made to be hard: each ends, and says which limit it is over where it is over one.

use countersign_commands::{
    Context, Effect, File, Files, MAX_COMMAND_BYTES, MAX_OPERATIONS, NoFiles, Operation, judge, judge_tool,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn run_with(command: &str, files: &dyn Files) -> Vec<Operation> {
    let environment = BTreeMap::new();
    judge(command, &Context { files, folder: "/work", environment: &environment, branch: None, protected: &[] })
}

fn run(command: &str) -> Vec<Operation> {
    run_with(command, &NoFiles)
}

/// What the last operation says of a limit.
fn limit(command: &str) -> String {
    let operations = run(command);
    let last = operations.last();
    assert!(last.is_some_and(|last| last.effect == Effect::Unknown), "{operations:?}");
    last.map(|last| last.what.clone()).unwrap_or_default()
}

/// What ends the process in the grammar's scanner, if it gets it: its issue 337.
#[test]
fn characters_behind_a_brace() {
    for c in ['\u{31860}', '\u{e0107}', '\u{10ffff}', 'é', '\u{2003}'] {
        assert_eq!(run(&format!("{{{c}")), []);
        assert_eq!(run(&format!("echo {{1..{c}")), []);
        let operations = run(&format!("echo {c}; terraform destroy -target {c}{{{c}"));
        assert_eq!(operations.len(), 1);
        assert!(operations[0].evidence.iter().any(|evidence| evidence.word.contains(c)), "{operations:?}");
    }
}

#[test]
fn limits_are_named() {
    assert!(limit(&"a".repeat(MAX_COMMAND_BYTES + 1)).contains("longer than 1024 KiB"));
    let nested = format!("echo {}x{}", "$(".repeat(10_000), ")".repeat(10_000));
    assert!(limit(&nested).contains("more than 200 deep"));
    assert!(limit("terraform destroy \0").contains("NUL"));
    let many = limit(&"terraform destroy;".repeat(55_000));
    assert!(many.contains("more than 50000 statements"), "{many}");
    let doubling = limit(&format!("x=ab; {}", "x=$x$x; ".repeat(60)));
    assert!(doubling.contains("more than 16 MiB"), "{doubling}");
    let rounds = "for x in 1 2 3 4 5 6 7 8; do ".repeat(20) + "y=1" + &"; done".repeat(20);
    assert!(limit(&rounds).contains("more than 50000 statements"));
    let quoted = (0..40).fold("terraform destroy".to_owned(), |inner, _| format!("eval {}", inner.replace(' ', "\\ ")));
    assert!(quoted.len() < MAX_COMMAND_BYTES || !run(&quoted).is_empty());
}

#[test]
fn operations_are_bounded() {
    let many = (0..500).fold(String::new(), |text, n| text + &format!("kubectl delete pod p{n}\n"));
    let operations = run(&many);
    assert_eq!(operations.len(), MAX_OPERATIONS);
    assert!(operations.last().is_some_and(|last| last.effect == Effect::Unknown));
}

/// Every file is there, and runs the next one.
struct Endless;

impl Files for Endless {
    fn read(&self, path: &str) -> File {
        let number: usize = path.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
        File::Text(format!("#!/bin/sh\nsh {}.sh; sh {}.sh\n", number + 1, number + 2))
    }
}

#[test]
fn scripts_that_run_each_other_end() {
    let operations = run_with("sh 1.sh", &Endless);
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].effect, Effect::Unknown);
    assert_eq!(run_with("f() { f; f; }; f; echo done", &Endless), []);
}

#[test]
fn long_texts_end() {
    for text in [
        "a && ".repeat(20_000) + "a",
        "if ".repeat(20_000),
        "! ".repeat(20_000),
        "<<A\n".repeat(10_000),
        "\"$x".repeat(20_000),
        "{a,".repeat(150),
        "x=$x$x;".repeat(10_000),
        "case x in ".repeat(20_000),
        "`".repeat(20_000),
        "a | ".repeat(20_000) + "a",
        "f() { ".repeat(150) + &"}".repeat(150),
        "for x in a b c d; do ".repeat(30) + ":" + &"; done".repeat(30),
        "((".repeat(90),
        // These took gigabytes, or minutes, as one text.
        "a | ".repeat(100_000),
        ")${x:-".repeat(30_000),
        "a)[".repeat(50_000),
        "\"~\n".repeat(50_000),
        "\\\n".repeat(40_000),
        "é".repeat(60_000),
        "psql -c '".to_owned() + &"DO $$ EXECUTE ".repeat(20_000),
        format!("python3 -c '{}'", "f(".repeat(20_000)),
        format!("python3 -c '{}'", "os.system(a, ".repeat(10_000)),
    ] {
        run(&text);
    }
}

/// Pieces of commands, so that chance makes texts that are nearly commands.
const PIECES: &[&str] = &[
    "terraform",
    " ",
    "destroy",
    "kubectl",
    "delete",
    "-n",
    "'",
    "\"",
    "$(",
    ")",
    "`",
    "|",
    "&&",
    ";",
    "\n",
    "<<EOF\n",
    "EOF\n",
    "${x:-",
    "}",
    "$x",
    "{",
    "rm -rf",
    "bash -c",
    "xargs",
    "psql -c",
    "DROP TABLE",
    "git push",
    "-f",
    "+main",
    ":",
    "=",
    "\\",
    "if",
    "then",
    "fi",
    "case",
    "esac",
    "in",
    "for",
    "do",
    "done",
    "é",
    "find . -exec",
    "\\;",
    "{}",
    "sudo",
    "env A=b",
    "<(",
    "$'",
    "*",
    "#",
    "\t",
    "aws",
    "s3",
    "--",
    "ssh h",
    "docker run x",
    "make",
    "python -c",
    "boto3",
    "trap",
    "eval",
    "<<<",
    ">",
    "countersign.toml",
    "alias a=b",
    "f() {",
    "$((",
    "))",
    "[[",
    "]]",
    "!",
    "--x=",
    "&",
    "||",
    "0",
    "(",
    "DO $$",
    "mongosh --eval",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_text_ends(text in any::<String>()) {
        run(&text);
    }

    #[test]
    fn pieces_of_commands_end(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        for operation in run_with(&text, &BTreeMap::from([("/work/x".to_owned(), text.clone()), ("/work/Makefile".to_owned(), text.clone())])) {
            if operation.file.is_none() {
                prop_assert!(operation.range.end <= text.len(), "{operation:?}");
                prop_assert!(text.get(operation.range.clone()).is_some(), "{operation:?}");
            }
            prop_assert!(!operation.what.is_empty() && !operation.instead.is_empty());
        }
    }

    #[test]
    fn any_tool_ends(name in any::<String>(), key in prop::sample::select(&["command", "sql", "args", "action", "x"][..]), text in any::<String>()) {
        let environment = BTreeMap::new();
        let context = Context { files: &NoFiles, folder: "", environment: &environment, branch: None, protected: &[] };
        let _ = judge_tool(&name, &serde_json::json!({ key: text.clone(), "list": [text] }), &context);
    }
}
