//! `cargo xtask soak editors`: every test in a real editor, several at once and several times in a row, and nothing is tried again.

use anyhow::{Context, ensure};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

/// What is run each time, with the name that it is shown by.
const SUITES: [(&str, &str); 2] = [("terminal", "tests/editors/run-terminal"), ("VS Code", "tests/editors/vscode/run")];

/// Runs all editor tests `times` times with the program that `COUNTERSIGN` names, else with a release build. What a run
/// printed is kept in `target/soak`.
pub(crate) fn run(times: usize) -> anyhow::Result<()> {
    let root = crate::root();
    let folder = root.join("target/soak");
    fs::create_dir_all(&folder)?;
    let program = std::env::var_os("COUNTERSIGN");
    let program: PathBuf = program.map_or_else(|| root.join("target/release/countersign"), Into::into);
    ensure!(
        program.is_file(),
        "{} is not there; cargo build --release --package countersign makes it",
        program.display()
    );
    let setup = Command::new(root.join("tests/editors/setup-terminal")).current_dir(&root).status()?;
    ensure!(setup.success(), "tests/editors/setup-terminal ended with {setup}");

    let mut out = std::io::stdout().lock();
    let mut green = 0;
    for time in 1..=times {
        write!(out, "{time} of {times}:")?;
        let begun = Instant::now();
        // All at once: what only a quiet machine passes is not passed.
        let running =
            SUITES.map(|(name, script)| (name, start(&root, &program, script, &folder.join(log(time, name)))));
        let mut all = true;
        for (name, running) in running {
            let status = running?.wait()?;
            let said = if status.success() { "passed" } else { "FAILED" };
            write!(out, " {name} {said} in {} s;", begun.elapsed().as_secs())?;
            out.flush()?;
            all &= status.success();
        }
        green += usize::from(all);
        writeln!(out, " {green} green so far")?;
    }
    ensure!(green == times, "{} of {times} runs failed; what they printed is in {}", times - green, folder.display());
    Ok(())
}

/// The file that keeps what a suite printed.
fn log(time: usize, suite: &str) -> String {
    format!("editors-{time}-{}.log", suite.replace(' ', "-"))
}

fn start(root: &Path, program: &Path, script: &str, log: &Path) -> anyhow::Result<Child> {
    let log = File::create(log).with_context(|| log.display().to_string())?;
    let mut command = Command::new(root.join(script));
    command.current_dir(root).env("COUNTERSIGN", program).env("STRICT", "1").env("JOBS", "2");
    command.stdout(log.try_clone()?).stderr(log).spawn().context(script.to_owned())
}
