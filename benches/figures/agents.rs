//! How long an agent waits for its verdict.

use crate::Settings;
use crate::programs::{commit_all, hook};
use crate::table::{Row, ms, percentile};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Files of the module, and lines of the one that is edited.
const FILES: usize = 200;
const LINES: usize = 1_000;

/// Measures the hook before an edit and before a command: whole processes, without a server.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    module(folder.path());
    let samples = if settings.quick { 3 } else { 40 };
    let edit = |open: bool| {
        json!({
            "file_path": folder.path().join("main.tf"),
            "old_string": "publicly_accessible = false # 7",
            "new_string": format!("publicly_accessible = {open} # 7 so"),
        })
    };
    let kept = folder.path().join(".git/countersign/units");
    let row = |name: &str, bar: u32, is_kept: bool, (tool, input): (&str, &Value), expected: &str| {
        let ask = |_| {
            if !is_kept {
                let _ = fs::remove_dir_all(&kept);
            }
            asked(folder.path(), tool, input, expected)
        };
        let times: Vec<Duration> = (0..samples).map(ask).collect();
        let median = percentile(&times, 50);
        let (name, bar_shown) = (format!("{name}, whole process, median"), format!("at most {bar} ms"));
        Row::new(&name, &bar_shown, format!("{:.1} ms", ms(median)), ms(median) <= f64::from(bar))
    };
    let [passes, is_denied, command] = [edit(false), edit(true), json!({ "command": "terraform destroy" })];
    vec![
        row(
            "Verdict on an edit that passes, 1,000 lines among 200 files, nothing kept",
            250,
            false,
            ("Edit", &passes),
            "",
        ),
        row("The same with what units say kept on disk", 40, true, ("Edit", &passes), ""),
        row("Verdict on an edit that is denied, nothing kept", 250, false, ("Edit", &is_denied), "deny"),
        row("The same with what units say kept on disk", 40, true, ("Edit", &is_denied), "deny"),
        row("Verdict on a command", 15, true, ("Bash", &command), "deny"),
    ]
}

/// A repository with one module, all of it committed.
fn module(folder: &Path) {
    let database = |name: usize| {
        format!("resource \"aws_lightsail_database\" \"db_{name}\" {{\n  publicly_accessible = false # {name}\n}}\n\n")
    };
    for file in 1..FILES {
        let text = format!(
            "resource \"aws_sns_topic\" \"topic_{file}\" {{\n  name              = \"topic-{file}\"\n  kms_master_key_id = var.key\n}}\n"
        );
        fs::write(folder.join(format!("file_{file}.tf")), text).expect("the file is written");
    }
    let mut text = "variable \"key\" {}\n\n".to_owned();
    for name in 0..LINES / 4 {
        let _ = write!(text, "{}", database(name));
    }
    fs::write(folder.join("main.tf"), text).expect("the file is written");
    commit_all(folder);
}

/// One call of the hook. What is answered holds `expected`, or is nothing where that is empty.
fn asked(folder: &Path, tool: &str, input: &Value, expected: &str) -> Duration {
    let said = json!({
        "session_id": "s", "cwd": folder, "hook_event_name": "PreToolUse", "tool_name": tool, "tool_use_id": "t",
        "tool_input": input,
    });
    let (elapsed, output) = hook(&folder.join(".git/payload"), &said);
    let answer = String::from_utf8_lossy(&output.stdout);
    let is_expected = if expected.is_empty() { answer.is_empty() } else { answer.contains(expected) };
    assert!(output.status.success() && is_expected, "{output:?}");
    elapsed
}
