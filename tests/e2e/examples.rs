//! The examples for CI and the hooks for `pre-commit` call commands and options that there are.

use crate::cli::countersign;
use crate::editor::Workspace;
use std::fs;
use std::path::Path;

fn text(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).expect("the file is there")
}

/// The commands of ours in a text, in words as a shell would have them, up to what follows the command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let at = line.match_indices("countersign ").find(|(at, _)| is_called(&line[..*at]));
        let Some((at, _)) = at else { continue };
        let words = line[at..].split_whitespace().skip(1);
        let words = words.take_while(|word| !word.starts_with(['|', '>', '&', ';']));
        commands.push(words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect());
    }
    commands
}

/// Whether what stands before a word says that the word is run.
fn is_called(before: &str) -> bool {
    let before = before.trim();
    before.is_empty() || [":", "-", "|"].iter().any(|end| before.ends_with(end))
}

/// Whether our own reader of the command line takes it, which reads as far as `--help`.
fn is_taken(command: &[String]) -> bool {
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    countersign(&Workspace::new(), &words).code == Some(0)
}

#[test]
fn no_example_names_what_does_not_exist() {
    for (name, least) in [("docs/ci/github-actions.yml", 4), ("docs/ci/gitlab-ci.yml", 5)] {
        let commands = commands(&text(name));
        assert!(commands.len() >= least, "{name}: {commands:?}");
        for command in commands {
            assert!(is_taken(&command), "{name}: countersign {}", command.join(" "));
        }
    }
    let words = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for wrong in ["gate --bass x", "gate --base x --format sarfi", "gates", "review show --format githab"] {
        assert!(!is_taken(&words(wrong)), "{wrong}: the test sees what is wrong");
    }
}

#[test]
fn examples_fetch_what_the_gate_reads() {
    let (github, gitlab) = (text("docs/ci/github-actions.yml"), text("docs/ci/gitlab-ci.yml"));
    for example in [&github, &gitlab] {
        assert!(example.contains("\"+refs/notes/ai:refs/notes/ai\""), "{example}");
        assert!(example.contains("countersign check ") && example.contains("countersign gate "), "{example}");
    }
    assert!(github.contains("fetch-depth: 0") && github.contains("\npermissions: {}\n"), "{github}");
    assert!(gitlab.contains("GIT_DEPTH: \"0\""), "{gitlab}");
}

#[test]
fn hooks_for_pre_commit_are_commands_of_ours() {
    let hooks = text(".pre-commit-hooks.yaml");
    let mut ids = Vec::new();
    for hook in hooks.split("\n- id: ").skip(1) {
        let value = |key: &str| hook.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: ")));
        let entry = value("entry").and_then(|entry| entry.strip_prefix("countersign ")).expect("a command of ours");
        let arguments = value("args").unwrap_or("[]").trim_matches(['[', ']']);
        let arguments = arguments.split(", ").filter(|argument| !argument.is_empty()).map(str::to_owned);
        let mut command: Vec<String> = entry.split(' ').map(str::to_owned).chain(arguments).collect();
        command.extend((value("pass_filenames") != Some("false")).then(|| "FILE".to_owned()));
        assert!(is_taken(&command), "{command:?}");
        assert_eq!(value("language"), Some("system"), "{hook}");
        ids.push(hook.lines().next().unwrap_or_default());
    }
    assert_eq!(ids, ["countersign", "countersign-gate", "countersign-trailers", "countersign-note"]);
}
