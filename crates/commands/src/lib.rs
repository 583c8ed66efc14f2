//! What a shell command or a call of a tool would do to what cannot simply be had again.
//!
//! [`judge`] reads a command as an agent gives it to its shell and names each [`Operation`] in it: what is destroyed,
//! stopped, opened, rewritten or switched off. [`judge_tool`] does the same for a call of a tool, by its name and arguments.
//! What only reads, builds or prints is no operation. What cannot be read is one with [`Effect::Unknown`].
//!
//! The text is parsed (tree-sitter-bash) and followed as a shell would: through pipes, lists, subshells, functions, aliases,
//! variables that are set to something literal, heredocs, and strings that are given to another shell; through programs that
//! run others, such as `sudo`, `xargs`, `ssh`, `kubectl exec`; and into scripts, Makefiles and package scripts, which the
//! caller reads ([`Files`]). Nothing is run. This crate touches no disk, no process and no clock, and limits are counts, so the
//! same command gets the same answer. Which environment is meant is not decided here: an operation has the words that may
//! tell it.

mod args;
mod argv;
mod call;
mod context;
mod instead;
mod limits;
mod operation;
mod programs;
mod shell;
mod sql;
mod tool;

pub use argv::{argv, line, quoted};
pub use context::{Context, File, Files, NoFiles, PROTECTED};
pub use limits::{
    MAX_COMMAND_BYTES, MAX_EXPANDED_BYTES, MAX_FILES, MAX_LEVELS, MAX_NESTING, MAX_OPERATIONS, MAX_OPERATORS, MAX_STEPS,
};
pub use operation::{Effect, Evidence, Grade, Operation, Reach, Source};
pub use programs::control::is_control;
pub use programs::{may_matter, recognised};
pub use tool::judge_tool;

use shell::{Origin, Shell, Stream, Walk};

/// What a command would do. A command that does nothing of note gives nothing.
///
/// Over a limit (see [`MAX_COMMAND_BYTES`] and its neighbours) the last operation has [`Effect::Unknown`] and says which.
pub fn judge(command: &str, context: &Context<'_>) -> Vec<Operation> {
    let mut walk = Walk::new(context);
    let mut shell = Shell::new(context.folder.trim_end_matches('/'));
    walk.text(command, &Origin::default(), &mut shell, &Stream::Nothing);
    walk.operations
}

/// What a part of a script would do, where nothing is known of the rest: the functions that it defines are looked at as if something
/// called them, with arguments that are not known.
pub fn judge_part(part: &str, context: &Context<'_>) -> Vec<Operation> {
    let mut walk = Walk::new(context);
    let mut shell = Shell::new(context.folder.trim_end_matches('/'));
    walk.text(part, &Origin::default(), &mut shell, &Stream::Nothing);
    shell.undecided = true;
    // In the order of the text: an operation that is there twice is reported at its first place.
    let mut functions: Vec<_> = shell.functions.values().cloned().collect();
    functions.sort_by_key(|function| function.origin.range(&(0..0)).start);
    for function in functions {
        walk.text(&function.body, &function.origin, &mut shell.clone(), &Stream::Unknown("its input".to_owned()));
    }
    walk.operations
}
