//! Tries a hook: what must not pass is given to the command that stands in an agent's settings, as the agent would give it.
//!
//! What is asked about lies in a repository of its own that is made for it and removed again, with the default policy, so that no
//! record of this one tells of an attempt that nobody made.

use countersign_agents::{AgentKind, Reply, Sample, SamplePayload, sample};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a hook may take, as what `init` sets up gives it.
const LIMIT: Duration = Duration::from_secs(15);

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 1 << 20;

/// What must not pass, and the id with which it is denied.
const TEXT: &str = "resource \"aws_lightsail_database\" \"doctor\" {\n  publicly_accessible = true\n}\n";
const RISK: &str = "database-public";
/// In production by its own words, whatever the variables of the person at work say.
const COMMAND: &str = "terraform -chdir=live/prod destroy -auto-approve";
const EFFECT: &str = "command/destroy";

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    Edit,
    Command,
}

impl Attempt {
    /// In words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Command => "command",
        }
    }
}

/// A repository in which nothing is lost.
pub(super) struct Ground {
    folder: TempDir,
}

/// What comes of it, in words for people where it is no denial.
pub(super) type Outcome = Result<(), String>;

impl Ground {
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("countersign-doctor-").tempdir()?;
        gix::init(folder.path())?;
        Ok(Self { folder })
    }

    fn path(&self) -> PathBuf {
        // As the hook names it, so that both mean the same folder.
        self.folder.path().canonicalize().unwrap_or_else(|_| self.folder.path().to_owned())
    }

    /// What an agent gives to its hook before it makes an attempt.
    pub(super) fn sample(&self, agent: AgentKind, attempt: Attempt) -> SamplePayload {
        let folder = self.path();
        let file = folder.join("doctor.tf");
        let (folder, file) = (folder.to_string_lossy(), file.to_string_lossy());
        match attempt {
            Attempt::Edit => sample(agent, &folder, Sample::Write(&file, TEXT)),
            Attempt::Command => sample(agent, &folder, Sample::Command(COMMAND)),
        }
    }

    /// Runs a command of an agent's settings in a folder, and says whether it denies an attempt.
    pub(super) fn attempt(&self, agent: AgentKind, attempt: Attempt, command: &mut Command, root: &Path) -> Outcome {
        let SamplePayload { payload, .. } = self.sample(agent, attempt);
        let call = countersign_agents::read(agent, payload.to_string().as_bytes()).map_err(|why| why.to_string())?;
        let input = self.folder.path().join("payload");
        std::fs::write(&input, payload.to_string()).map_err(|error| format!("it cannot be tried: {error}"))?;
        let input = File::open(&input).map_err(|error| format!("it cannot be tried: {error}"))?;
        // Some agents name the folder to their hooks in this way.
        command.current_dir(root).env("CLAUDE_PROJECT_DIR", root);
        let reply = answer(command, input)?;
        let expected = if attempt == Attempt::Edit { RISK } else { EFFECT };
        let is_ours = reply.stdout.contains(expected) || reply.stderr.contains(expected);
        if reply.is_denial(agent, call.event.as_deref()) && is_ours {
            return Ok(());
        }
        let said = reply.stderr.lines().chain(reply.stdout.lines()).find(|line| !line.trim().is_empty());
        let said: String = said.unwrap_or("nothing").chars().take(200).collect();
        Err(format!("it does not deny what has to be denied: it ended with {} and said: {said}", reply.code))
    }
}

/// What a process answers.
fn answer(command: &mut Command, input: File) -> Result<Reply, String> {
    let mut process = command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let stdout = process.stdout.take().map(read);
    let stderr = process.stderr.take().map(read);
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        match process.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(format!("it did not answer within {} seconds", LIMIT.as_secs()));
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    };
    let text = |reader: Option<std::thread::JoinHandle<String>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let Some(code) = code else { return Err(format!("it was stopped ({status})")) };
    Ok(Reply { stdout: text(stdout), stderr: text(stderr), code })
}

/// Reads beside the process, which else would wait for room in the pipe.
fn read(pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe.take(MAX_ANSWER);
        let _ = pipe.read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe.into_inner(), &mut std::io::sink());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
