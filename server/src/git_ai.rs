//! git-ai, where it is installed: it keeps the notes then, and is told what we know instead of being written over.

use countersign_provenance::{Origin, Writer};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long git-ai may take; an agent waits for it.
const LIMIT: Duration = Duration::from_secs(2);

/// The program, where it is on the path.
pub(crate) fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join("git-ai")).find(|program| program.is_file())
}

/// Says that an agent is about to edit files: what has changed until now is a person's.
pub(crate) fn before(program: &Path, root: &Path, files: &[PathBuf]) -> Result<(), String> {
    let input = json!({
        "type": "human", "repo_working_dir": root, "will_edit_filepaths": files, "dirty_files": {},
    });
    checkpoint(program, root, &input)
}

/// Says that an agent has edited files.
pub(crate) fn after(program: &Path, root: &Path, files: &[PathBuf], origin: &Origin) -> Result<(), String> {
    let Writer::Ai(agent) = &origin.writer else { return Ok(()) };
    let unknown = || "unknown".to_owned();
    let input = json!({
        "type": "ai_agent", "repo_working_dir": root, "edited_filepaths": files, "dirty_files": {},
        "agent_name": agent.tool, "model": agent.model.clone().unwrap_or_else(unknown),
        "conversation_id": agent.session.clone().unwrap_or_else(unknown),
    });
    checkpoint(program, root, &input)
}

/// Source of the command and its input: `src/commands/checkpoint_agent/presets/agent_v1.rs` of git-ai-project/git-ai.
fn checkpoint(program: &Path, root: &Path, input: &Value) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("git-ai could not be told: {error}");
    let mut process = Command::new(program)
        .args(["checkpoint", "agent-v1", "--hook-input", "stdin"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(input.to_string().as_bytes()).map_err(failed)?;
    }
    let until = Instant::now() + LIMIT;
    loop {
        match process.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("git-ai could not be told: it ended with {status}")),
            None if Instant::now() > until => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(format!("git-ai could not be told: it took longer than {} s", LIMIT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
