//! `cargo xtask soak editors`: every test in a real editor, several times in a row, and nothing is tried again.

use anyhow::{Context, ensure};
use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;
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
    let program = program.map_or_else(|| root.join("target/release/countersign"), Into::into);
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
        let mut all = true;
        for (name, script) in SUITES {
            let path = folder.join(format!("editors-{time}-{}.log", name.replace(' ', "-")));
            let log = File::create(&path).with_context(|| path.display().to_string())?;
            let begun = Instant::now();
            let mut command = Command::new(root.join(script));
            command.current_dir(&root).env("COUNTERSIGN", &program).env("STRICT", "1");
            let status = command.stdout(log.try_clone()?).stderr(log).status().context(script)?;
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
