//! Programs that a measurement runs: git, and the hook of an agent.

use crate::COUNTERSIGN;
use countersign_testkit::run_on;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long one command may take.
const LIMIT: Duration = Duration::from_mins(1);

/// Runs git as nobody in particular, whatever is set up here.
pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"]);
    command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(arguments);
    let output = run_on(&mut command, Stdio::null(), LIMIT);
    assert!(output.status.success(), "{output:?}");
}

/// Makes a folder a repository that has all of its files committed.
pub(crate) fn commit_all(folder: &Path) {
    git(folder, &["init", "-q"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "start"]);
}

/// Tells Claude Code's hook something, by way of a file, and returns how long it took.
pub(crate) fn hook(payload: &Path, said: &Value) -> (Duration, Output) {
    fs::write(payload, said.to_string()).expect("the payload is written");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", "claude-code"]).stdin(File::open(payload).expect("the payload is there"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let output = command.output().expect("the hook runs");
    (begun.elapsed(), output)
}
