//! `countersign git-hook`: what git's own hooks call, and the framework `pre-commit` for them.

mod commit_msg;
mod pre_push;

use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum GitHookCommand {
    /// Before a push, hold what is pushed against the branch that it will be merged into, as the gate in CI will.
    ///
    /// Git says on standard input what is pushed; under `pre-commit` its variables say so. Deleted branches, tags and notes are
    /// passed over. Policy and signers are those of the base. Ends with 0 where nothing is missing, 1 where something is, and 2
    /// where something could not be read; git pushes nothing then.
    PrePush(pre_push::PrePushArguments),
    /// Add trailers to the message of a commit: which AI tools wrote lines of it, which reviews belong to it.
    ///
    /// Only what was recorded of the lines that are about to be committed says that a tool wrote them. Trailers are added by `git
    /// interpret-trailers`, none twice. A merge, a commit that is being rebased, `fixup!`, `squash!`, `amend!` and an empty
    /// message stay as they are. Whatever goes wrong is said on standard error, and the commit goes on without.
    CommitMsg(commit_msg::CommitMsgArguments),
}

pub(super) fn run(command: &GitHookCommand) -> anyhow::Result<ExitCode> {
    match command {
        GitHookCommand::PrePush(arguments) => pre_push::run(arguments),
        GitHookCommand::CommitMsg(arguments) => Ok(commit_msg::run(arguments)),
    }
}
