//! `countersign init --git`: what makes git keep who wrote what from commit to commit.
//!
//! Everything that is changed is shown, stands between marks, and can be taken back with `--undo`. What others have put there
//! stays as it is.

use super::{InitArguments, show, write};
use crate::git::{Git, NOTES};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The marks around what is ours in somebody's script.
const BEGIN: &str = "# countersign: begin (`countersign init --git --undo` takes this out)";
const END: &str = "# countersign: end";

/// The first line of a script that was not there.
const SHELL: &str = "#!/bin/sh";

/// Hooks and what is put into them, behind the first line: what stands there may end the script.
const HOOKS: &[(&str, &str)] = &[
    ("post-commit", "if command -v countersign >/dev/null 2>&1; then\n  countersign note || true\nfi\n"),
    (
        "post-rewrite",
        "if command -v countersign >/dev/null 2>&1; then\n  countersign_rewritten=$(cat)\n  printf '%s\\n' \"$countersign_rewritten\" | countersign note --rewritten || true\n  # What stands below reads the same.\n  exec <<COUNTERSIGN\n$countersign_rewritten\nCOUNTERSIGN\nfi\n",
    ),
    (
        "pre-push",
        "if command -v countersign >/dev/null 2>&1; then\n  countersign note --push \"$1\" </dev/null || true\nfi\n",
    ),
];

/// Sets a repository up, or takes that back, and says what was changed.
pub(super) fn run(arguments: &InitArguments, shown: &mut String) -> anyhow::Result<()> {
    let git = Git::of(&std::env::current_dir()?)?;
    let folder = hooks_folder(&git)?;
    for (name, block) in HOOKS {
        let path = folder.join(name);
        let before = match std::fs::read(&path) {
            Ok(bytes) => {
                let Ok(text) = String::from_utf8(bytes) else {
                    let _ = writeln!(shown, "{}: left as it is, for it is no script", path.display());
                    continue;
                };
                Some(text)
            }
            Err(_) => None,
        };
        let bare = before.as_deref().map(without);
        // A script of which only the first line is left was ours.
        let is_worth_it = |text: &String| !text.trim().is_empty() && text.trim() != SHELL;
        let after = if arguments.undo { Ok(bare.filter(is_worth_it)) } else { with(bare.as_deref(), block).map(Some) };
        let after = match after {
            Ok(after) => after,
            Err(line) => {
                let _ = writeln!(
                    shown,
                    "{}: left as it is, for it is no shell script (`{line}`); have it call: {}",
                    path.display(),
                    block.lines().nth(1).unwrap_or_default().trim()
                );
                continue;
            }
        };
        if after == before {
            continue;
        }
        show(shown, &path, before.as_deref(), after.as_deref());
        if !arguments.dry_run {
            write(&path, after.as_deref(), true)?;
        }
    }
    config(&git, arguments, shown)
}

/// Where this repository's hooks stand: where git looks for them, or where husky keeps those that people write.
fn hooks_folder(git: &Git) -> anyhow::Result<PathBuf> {
    let printed = git.read(&["rev-parse", "--git-path", "hooks"], b"")?;
    let folder = git.root().join(String::from_utf8_lossy(&printed).trim());
    if folder.ends_with(".husky/_") {
        return Ok(folder.parent().map(Path::to_owned).unwrap_or(folder));
    }
    Ok(folder)
}

/// A script without what is ours.
fn without(text: &str) -> String {
    let (Some(start), Some(end)) = (text.find(BEGIN), text.find(END)) else { return text.to_owned() };
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    if start > end { text.to_owned() } else { format!("{}{}", &text[..start], &text[end..]) }
}

/// A script with what is ours, or the first line of what is none.
fn with(text: Option<&str>, block: &str) -> Result<String, String> {
    let text = text.unwrap_or(SHELL);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_shell = |first: &str| {
        let program =
            first.trim_start_matches("#!").split(['/', ' ']).rfind(|word| !word.is_empty() && !word.starts_with('-'));
        matches!(program, Some("sh" | "bash" | "dash" | "zsh" | "ksh"))
    };
    if first.starts_with("#!") {
        if !is_shell(first) {
            return Err(first.to_owned());
        }
        return Ok(format!("{first}\n{BEGIN}\n{block}{END}\n{rest}"));
    }
    // Without a first line that says otherwise, the shell runs it.
    Ok(format!("{BEGIN}\n{block}{END}\n{text}"))
}

/// The settings: notes go with commits that are rewritten, and come with those that are fetched.
fn config(git: &Git, arguments: &InitArguments, shown: &mut String) -> anyhow::Result<()> {
    let remotes = git.read(&["remote"], b"")?;
    let remotes = String::from_utf8_lossy(&remotes).into_owned();
    let mut settings = vec![("notes.rewriteRef".to_owned(), NOTES.to_owned())];
    for remote in remotes.lines() {
        // Beside our own, for a fetch must never write over what was not pushed yet.
        settings.push((format!("remote.{remote}.fetch"), format!("+{NOTES}:refs/notes/ai-remote/{remote}")));
    }
    for (name, value) in settings {
        let known = git.read(&["config", "--local", "--get-all", &name], b"").unwrap_or_default();
        let is_set = String::from_utf8_lossy(&known).lines().any(|line| line == value);
        match (arguments.undo, is_set) {
            (false, false) => {
                let _ = writeln!(shown, "git config: + {name} = {value}");
                if !arguments.dry_run {
                    git.read(&["config", "--local", "--add", &name, &value], b"")?;
                }
            }
            (true, true) => {
                let _ = writeln!(shown, "git config: - {name} = {value}");
                if !arguments.dry_run {
                    git.read(&["config", "--local", "--fixed-value", "--unset-all", &name, &value], b"")?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
