//! `cargo xtask soak editors`: every test in a real editor, several at once and several times in a row, and nothing is tried again.

use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

/// What is run each time, with the name that it is shown by.
const SUITES: [(&str, &str); 2] = [("terminal", "tests/editors/run-terminal"), ("VS Code", "tests/editors/vscode/run")];

/// Runs all editor tests until `times` runs in a row were green, with the program that `COUNTERSIGN` names, else with a release
/// build; ends where one fails. A series of a commit goes on where it was left, so that it can be done in several sittings.
pub(crate) fn run(times: usize) -> anyhow::Result<()> {
    let root = crate::root();
    let program = if let Some(program) = std::env::var_os("COUNTERSIGN") {
        PathBuf::from(program)
    } else {
        crate::run("cargo", &["build", "--release", "--locked", "--package", "countersign"])?;
        root.join("target/release/countersign")
    };
    ensure!(program.is_file(), "{} is not there", program.display());
    let setup = Command::new(root.join("tests/editors/setup-terminal")).current_dir(&root).status()?;
    ensure!(setup.success(), "tests/editors/setup-terminal ended with {setup}");

    let series = Series::open(&root)?;
    let mut out = std::io::stdout().lock();
    let mut green = series.green()?;
    if green > 0 {
        writeln!(out, "{green} runs of this commit are in {}", series.folder.display())?;
    }
    while green < times {
        let time = green + 1;
        write!(out, "{time} of {times}:")?;
        let begun = Instant::now();
        // All at once: what only a quiet machine passes is not passed.
        let running =
            SUITES.map(|(name, script)| (name, start(&root, &program, script, &series.folder.join(log(time, name)))));
        let mut said = String::new();
        let mut all = true;
        for (name, running) in running {
            let status = running?.wait()?;
            all &= status.success();
            let how = if status.success() { "passed" } else { "FAILED" };
            let part = format!(" {name} {how} in {} s;", begun.elapsed().as_secs());
            write!(out, "{part}")?;
            out.flush()?;
            said += &part;
        }
        writeln!(out)?;
        if !all {
            series.end()?;
            bail!("run {time} failed; what it printed is in {}", series.folder.display());
        }
        series.count(&said)?;
        green = time;
    }
    writeln!(out, "{green} runs in a row were green")?;
    Ok(())
}

/// The runs of a commit, in a folder of their own: what each printed, and a line for each that was green.
struct Series {
    folder: PathBuf,
}

impl Series {
    /// That of the commit that is checked out. Where something is changed, what ran before may have been something else, so a
    /// series begins anew.
    fn open(root: &Path) -> anyhow::Result<Self> {
        let git = |arguments: &[&str]| -> anyhow::Result<String> {
            let output = Command::new("git").args(arguments).current_dir(root).output()?;
            ensure!(output.status.success(), "git {} ended with {}", arguments.join(" "), output.status);
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let commit = git(&["rev-parse", "--short", "HEAD"])?;
        let folder = root.join("target/soak").join(format!("editors-{commit}"));
        fs::create_dir_all(&folder)?;
        let series = Self { folder };
        if !git(&["status", "--porcelain"])?.is_empty() {
            series.end()?;
        }
        Ok(series)
    }

    fn counted(&self) -> PathBuf {
        self.folder.join("green")
    }

    fn green(&self) -> anyhow::Result<usize> {
        let counted = self.counted();
        Ok(if counted.exists() { fs::read_to_string(counted)?.lines().count() } else { 0 })
    }

    fn count(&self, said: &str) -> anyhow::Result<()> {
        let mut counted = File::options().create(true).append(true).open(self.counted())?;
        writeln!(counted, "{}", said.trim())?;
        Ok(())
    }

    /// The next run is the first one.
    fn end(&self) -> anyhow::Result<()> {
        let counted = self.counted();
        if counted.exists() {
            fs::remove_file(counted)?;
        }
        Ok(())
    }
}

/// The file that keeps what a suite printed.
fn log(time: usize, suite: &str) -> String {
    format!("{time}-{}.log", suite.replace(' ', "-"))
}

fn start(root: &Path, program: &Path, script: &str, log: &Path) -> anyhow::Result<Child> {
    let log = File::create(log).with_context(|| log.display().to_string())?;
    let mut command = Command::new(root.join(script));
    command.current_dir(root).env("COUNTERSIGN", program).env("STRICT", "1").env("JOBS", "2");
    command.stdout(log.try_clone()?).stderr(log).spawn().context(script.to_owned())
}
