//! What only a person may do.

use crate::git::{self, Git};
use crate::review::email;
use anyhow::{Context, bail};
use std::io::{BufRead, IsTerminal, Write};

/// Variables that agents set for what they run: Claude Code, Cursor, Gemini CLI, Codex, OpenCode.
const SET_BY_AGENTS: &[&str] =
    &["CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "OPENCODE"];

/// An error where no person is at a terminal.
pub(super) fn at_terminal() -> anyhow::Result<()> {
    if let Some(name) = SET_BY_AGENTS.iter().find(|name| std::env::var_os(name).is_some()) {
        bail!(
            "an agent runs this, by `{name}`, and an agent cannot approve its own work; approve it at a terminal of your own"
        );
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        bail!("an approval is given by a person at a terminal, and this is none; run it yourself, without pipes");
    }
    Ok(())
}

/// Who is at work, by git: name and address as a commit has them, and the address alone, by which the signers' file names people.
pub(super) fn who_signs(git: &Git) -> anyhow::Result<(String, String)> {
    let person = git::author(&git.root().join("-"));
    let signs = person.and_then(|person| Some((person.clone(), email(&person)?.to_owned())));
    signs.context("nobody knows who you are: set `git config user.email`, by which the signers' file names you")
}

/// Whether the person at the terminal types `yes`.
pub(super) fn says_yes(question: &str) -> anyhow::Result<bool> {
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{question} Type yes: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Waits until the person at the terminal has read what it says; where nobody is, for nothing.
pub(super) fn waits() -> anyhow::Result<()> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(());
    }
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "Press Enter to close this. ")?;
    terminal.flush()?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// A text without what a terminal would take for its own, and without what turns the order of letters around: nobody is to be shown
/// another command than the one that is let through.
pub(super) fn shown(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if (c.is_control() && c != '\n') || turns(c) { '\u{fffd}' } else { c }).collect()
}
