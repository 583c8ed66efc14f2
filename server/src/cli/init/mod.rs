//! `countersign init`: what makes git keep who wrote what, what makes agents ask before they act, and settings to begin with.
//!
//! Everything that is changed is shown, and can be taken back. What others have put there stays as it is.

mod agents;
mod git;
mod presets;
mod settings;
mod wiring;

pub(super) use agents::in_use;
pub(super) use wiring::{Place, Wiring, wiring};

use super::print;
use clap::Args;
use countersign_agents::AgentKind;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[group(id = "what", required = true, multiple = true, args = ["git", "gate", "trailers", "agent", "all", "preset"])]
pub(super) struct InitArguments {
    /// Set up this repository of git: hooks that keep the notes of commits, and the notes' way to and from remotes.
    #[arg(long)]
    git: bool,
    /// Set up a hook of git that pushes nothing that the gate would not let pass.
    #[arg(long)]
    gate: bool,
    /// Set up a hook of git that adds `Assisted-by:` and the names of reviews to the messages of commits.
    #[arg(long)]
    trailers: bool,
    /// Set up these coding agents in this repository: they ask before they edit or run anything, and tell what they wrote.
    #[arg(long, value_name = "AGENT", num_args = 1.., value_parser = super::agents())]
    agent: Vec<AgentKind>,
    /// Set up every coding agent that is in use here, by its folders in the repository and in the home folder.
    #[arg(long, conflicts_with = "agent")]
    all: bool,
    /// Begin with these settings: a `countersign.toml` at the root of the repository, with a comment for each part.
    #[arg(long, value_enum, value_name = "PRESET")]
    preset: Option<presets::Preset>,
    /// Take back what was set up.
    #[arg(long, visible_alias = "uninstall")]
    undo: bool,
    /// Show what would be changed, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let (mut shown, mut remarks) = (String::new(), String::new());
    if arguments.git || arguments.gate || arguments.trailers {
        git::run(arguments, &mut shown)?;
    }
    if arguments.all || !arguments.agent.is_empty() {
        agents::run(arguments, &mut shown, &mut remarks)?;
    }
    if let Some(preset) = arguments.preset {
        presets::run(arguments, preset, &mut shown)?;
    }
    if shown.is_empty() {
        shown.push_str(if arguments.undo { "There is nothing to take back.\n" } else { "It is set up already.\n" });
    } else if arguments.dry_run {
        shown.push_str("Nothing was changed (--dry-run).\n");
    }
    print(&format!("{shown}{remarks}"))
}

fn show(shown: &mut String, path: &Path, before: Option<&str>, after: Option<&str>) {
    let _ = writeln!(shown, "{}:", path.display());
    let lines = |text: Option<&str>| text.unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    let start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - start;
    let same = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    for line in &before[start..before.len() - same] {
        let _ = writeln!(shown, "  - {line}");
    }
    for line in &after[start..after.len() - same] {
        let _ = writeln!(shown, "  + {line}");
    }
}

/// Writes a file, or removes it where there is no text for it. A program may be run afterwards.
fn write(path: &Path, text: Option<&str>, is_program: bool) -> anyhow::Result<()> {
    let Some(text) = text else { return Ok(std::fs::remove_file(path)?) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mode = std::fs::metadata(path).ok().map(|metadata| metadata.permissions());
    crate::state::write_atomically(path, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Git and some agents run only what may be run; what was there before keeps who may read it.
        let mode = mode.map_or(0o644, |mode| mode.mode()) | if is_program { 0o111 } else { 0 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    drop((mode, is_program));
    Ok(())
}
