//! `check_command`.

use super::judged::Judged;
use super::workspace::{Told, Workspace};
use crate::disk::Configs;
use crate::proposal;
use countersign_agents::{Action, Call, Moment};
use countersign_commands::MAX_COMMAND_BYTES;
use schemars::JsonSchema;
use serde::Deserialize;

/// A command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckCommand {
    /// The command as the shell would get it, of at most 1 MiB.
    command: String,
    /// The folder that it would run in; the folder at work where it is left out.
    folder: Option<String>,
}

pub(super) fn check_command(workspace: &Workspace, asked: &CheckCommand) -> Told<Judged> {
    workspace.root()?;
    if asked.command.trim().is_empty() {
        return Err("`command` is empty. Give the command as the shell would get it.".to_owned());
    }
    if asked.command.len() > MAX_COMMAND_BYTES {
        return Err(format!(
            "`command` has {} bytes and at most {MAX_COMMAND_BYTES} are read, so nothing is known of it. Ask about its parts.",
            asked.command.len()
        ));
    }
    let folder = workspace.place(asked.folder.as_deref().unwrap_or("."))?;
    if !folder.is_dir() {
        return Err(format!("`folder`: {} is no folder.", workspace.shown(&folder).display()));
    }
    let agent = workspace.agent(&Configs::default().of(&folder.join("-")).config);
    let call = Call {
        cwd: Some(folder),
        moment: Moment::Before,
        action: Action::Command(asked.command.clone()),
        ..Call::of(agent)
    };
    let judgement = proposal::judge(&call).ok_or("Countersign has no judgement of this command.")?;
    Ok(Judged::new(&judgement, Vec::new()))
}
