//! `countersign init --git`, `--gate` and `--trailers`: what makes git keep who wrote what from commit to commit, what holds a push
//! against policy, and what puts trailers into messages.
//!
//! Everything that is changed is shown, stands between marks, and can be taken back with `--undo`. What others have put there
//! stays as it is.

use super::{InitArguments, show, write};
use crate::git::{Git, NOTES};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The first line of a script that was not there.
const SHELL: &str = "#!/bin/sh";

/// What is put into one of git's hooks, behind the first line: what stands there may end the script.
struct Block {
    /// The hook.
    hook: &'static str,
    /// The option of `init` that it belongs to.
    option: &'static str,
    /// The marks around it in somebody's script.
    marks: (&'static str, &'static str),
    /// What it calls.
    call: &'static str,
    text: &'static str,
}

const NOTES_MARKS: (&str, &str) =
    ("# countersign: begin (`countersign init --git --undo` takes this out)", "# countersign: end");

const BLOCKS: &[Block] = &[
    Block {
        hook: "post-commit",
        option: "git",
        marks: NOTES_MARKS,
        call: "countersign note || true",
        text: "if command -v countersign >/dev/null 2>&1; then\n  countersign note || true\nfi\n",
    },
    Block {
        hook: "post-rewrite",
        option: "git",
        marks: NOTES_MARKS,
        call: "countersign note --rewritten || true",
        text: "if command -v countersign >/dev/null 2>&1; then\n  countersign_rewritten=$(cat)\n  printf '%s\\n' \"$countersign_rewritten\" | countersign note --rewritten || true\n  # What stands below reads the same.\n  exec <<COUNTERSIGN\n$countersign_rewritten\nCOUNTERSIGN\nfi\n",
    },
    Block {
        hook: "pre-push",
        option: "git",
        marks: NOTES_MARKS,
        call: "countersign note --push \"$1\" </dev/null || true",
        text: "if command -v countersign >/dev/null 2>&1; then\n  countersign note --push \"$1\" </dev/null || true\nfi\n",
    },
    Block {
        hook: "pre-push",
        option: "gate",
        marks: (
            "# countersign gate: begin (`countersign init --gate --undo` takes this out)",
            "# countersign gate: end",
        ),
        call: "countersign git-hook pre-push \"$1\" \"$2\"",
        text: "if command -v countersign >/dev/null 2>&1; then\n  countersign_pushed=$(cat)\n  printf '%s\\n' \"$countersign_pushed\" | countersign git-hook pre-push \"$1\" \"$2\" || exit 1\n  # What stands below reads the same.\n  exec <<COUNTERSIGN\n$countersign_pushed\nCOUNTERSIGN\nfi\n",
    },
    Block {
        hook: "commit-msg",
        option: "trailers",
        marks: (
            "# countersign trailers: begin (`countersign init --trailers --undo` takes this out)",
            "# countersign trailers: end",
        ),
        call: "countersign git-hook commit-msg --assisted-by --reviews \"$1\"",
        text: "if command -v countersign >/dev/null 2>&1; then\n  countersign git-hook commit-msg --assisted-by --reviews \"$1\" || true\nfi\n",
    },
];

/// Sets a repository up, or takes that back, and says what was changed.
pub(super) fn run(arguments: &InitArguments, shown: &mut String) -> anyhow::Result<()> {
    let git = Git::of(&std::env::current_dir()?)?;
    let folder = hooks_folder(&git)?;
    let is_asked = |block: &&Block| match block.option {
        "gate" => arguments.gate,
        "trailers" => arguments.trailers,
        _ => arguments.git,
    };
    // What one block is put into, the next one has before it.
    let mut written: HashMap<PathBuf, Option<String>> = HashMap::new();
    for block in BLOCKS.iter().filter(is_asked) {
        let path = folder.join(block.hook);
        let before = match (written.get(&path), std::fs::read(&path)) {
            (Some(text), _) => text.clone(),
            (None, Ok(bytes)) => {
                let Ok(text) = String::from_utf8(bytes) else {
                    let _ = writeln!(shown, "{}: left as it is, for it is no script", path.display());
                    continue;
                };
                Some(text)
            }
            (None, Err(_)) => None,
        };
        let bare = before.as_deref().map(|text| without(text, block));
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
                    block.call
                );
                continue;
            }
        };
        if after == before || is_moved_only(before.as_deref(), after.as_deref(), block) {
            continue;
        }
        show(shown, &path, before.as_deref(), after.as_deref());
        if !arguments.dry_run {
            write(&path, after.as_deref(), true)?;
        }
        written.insert(path, after);
    }
    if arguments.git { config(&git, arguments, shown) } else { Ok(()) }
}

/// Whether all that is different is which of our blocks comes first.
fn is_moved_only(before: Option<&str>, after: Option<&str>, block: &Block) -> bool {
    let (begin, end) = block.marks;
    let whole = format!("{begin}\n{}{end}\n", block.text);
    before.is_some_and(|before| before.contains(&whole)) && after.is_some_and(|after| after.contains(&whole))
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

/// A script without a block of ours.
fn without(text: &str, block: &Block) -> String {
    let (begin, end) = block.marks;
    let (Some(start), Some(end)) = (text.find(begin), text.find(end)) else { return text.to_owned() };
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    if start > end { text.to_owned() } else { format!("{}{}", &text[..start], &text[end..]) }
}

/// A script with a block of ours, or the first line of what is none.
fn with(text: Option<&str>, block: &Block) -> Result<String, String> {
    let text = text.unwrap_or(SHELL);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_shell = |first: &str| {
        let program =
            first.trim_start_matches("#!").split(['/', ' ']).rfind(|word| !word.is_empty() && !word.starts_with('-'));
        matches!(program, Some("sh" | "bash" | "dash" | "zsh" | "ksh"))
    };
    let (begin, end) = block.marks;
    let ours = format!("{begin}\n{}{end}\n", block.text);
    if first.starts_with("#!") {
        if !is_shell(first) {
            return Err(first.to_owned());
        }
        return Ok(format!("{first}\n{ours}{rest}"));
    }
    // Without a first line that says otherwise, the shell runs it.
    Ok(format!("{ours}{text}"))
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
