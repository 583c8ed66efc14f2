//! The settings of agents.

use super::wiring::{Place, wiring};
use super::{InitArguments, settings, show, write};
use countersign_agents::AgentKind;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What the hooks of no agent see.
const NO_HOOK: &str = "\
No hook sees: completions as somebody types, but those that pass through `countersign proxy`; agents that have no hooks;
agents that run in a vendor's cloud. `countersign check` in CI sees what they leave; `countersign doctor` says whether it runs.
";

/// Sets agents up, or takes that back. Says what was changed, and what remains to be done.
pub(super) fn run(arguments: &InitArguments, shown: &mut String, remarks: &mut String) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let root = crate::git::work_tree(&here.join("-")).unwrap_or(here);
    let agents = if arguments.all { in_use(&root, arguments.undo) } else { arguments.agent.clone() };
    if agents.is_empty() {
        let names: Vec<&str> = AgentKind::ALL.iter().map(|agent| agent.name()).collect();
        let _ = writeln!(remarks, "No coding agent was found here; name one with --agent: {}.", names.join(", "));
    }
    for agent in &agents {
        let wiring = wiring(*agent);
        for place in &wiring.files {
            set_up(&root, place, arguments, shown)?;
        }
        for remark in wiring.remarks.iter().filter(|_| !arguments.undo) {
            let _ = writeln!(remarks, "{agent}: {remark}");
        }
    }
    if !(agents.is_empty() || arguments.undo) {
        remarks.push_str(NO_HOOK);
    }
    Ok(())
}

/// The agents that are in use here. VS Code runs the hooks of Claude Code and Copilot CLI, so it is left out beside them.
pub(in crate::cli) fn in_use(root: &Path, is_undo: bool) -> Vec<AgentKind> {
    let home = etcetera::home_dir().ok();
    let is_there = |sign: &str| match (sign.strip_prefix("~/"), &home) {
        (Some(rest), Some(home)) => home.join(rest).exists(),
        (Some(_), None) => false,
        (None, _) => root.join(sign).exists(),
    };
    if is_undo {
        return AgentKind::ALL.to_vec();
    }
    let mut found: Vec<AgentKind> =
        AgentKind::ALL.iter().copied().filter(|agent| wiring(*agent).signs.iter().any(|sign| is_there(sign))).collect();
    if found.iter().any(|agent| matches!(agent, AgentKind::ClaudeCode | AgentKind::CopilotCli)) {
        found.retain(|agent| *agent != AgentKind::VsCode);
    }
    found
}

fn set_up(root: &Path, place: &Place, arguments: &InitArguments, shown: &mut String) -> anyhow::Result<()> {
    let (path, is_program) = match place {
        Place::Settings { path, .. } => (path, false),
        Place::Own { path, is_program, .. } => (path, *is_program),
    };
    let path = root.join(path);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let _ = writeln!(shown, "{}: left as it is: {error}", path.display());
            return Ok(());
        }
    };
    let after = match (place, before.as_deref(), arguments.undo) {
        (Place::Settings { others, hooks, .. }, before, false) => settings::with(before, others, hooks).map(Some),
        (Place::Settings { others, .. }, Some(before), true) => settings::without(before, others),
        (Place::Own { text, .. }, Some(before), _) if before != *text && !before.contains("countersign hook") => {
            Err("it is somebody else's; have it call Countersign as well".to_owned())
        }
        (Place::Own { text, .. }, _, false) => Ok(Some((*text).to_owned())),
        (Place::Own { .. }, Some(_), true) | (_, None, true) => Ok(None),
    };
    let after = match after {
        Ok(after) => after,
        Err(why) if arguments.undo => {
            tracing::debug!("{}: {why}", path.display());
            return Ok(());
        }
        Err(why) => {
            let _ = writeln!(shown, "{}: left as it is: {why}", path.display());
            return Ok(());
        }
    };
    if after == before {
        return Ok(());
    }
    show(shown, &path, before.as_deref(), after.as_deref());
    if !arguments.dry_run {
        write(&path, after.as_deref(), is_program)?;
        if after.is_none() {
            tidy(&path, root);
        }
    }
    Ok(())
}

/// Removes the folders of a file that is gone, as far as nothing is left in them.
fn tidy(path: &Path, root: &Path) {
    let mut folder = path.parent().map(PathBuf::from);
    while let Some(empty) = folder.filter(|folder| folder != root && folder.starts_with(root)) {
        if std::fs::remove_dir(&empty).is_err() {
            return;
        }
        folder = empty.parent().map(PathBuf::from);
    }
}
