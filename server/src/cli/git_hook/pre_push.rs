//! `countersign git-hook pre-push`: what the gate will say of what is pushed.

use crate::cli::gate;
use crate::git::Git;
use anyhow::{Context, bail};
use clap::Args;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

/// Bytes of standard input that are read.
const MAX_INPUT: u64 = 16 << 20;

/// What only branches begin with; nothing else is merged.
const BRANCHES: &str = "refs/heads/";

#[derive(Debug, Args)]
pub(in crate::cli) struct PrePushArguments {
    /// What git calls the remote, or its address, as git tells its hook.
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    /// The address of the remote, as git tells its hook.
    #[arg(value_name = "URL", requires = "remote")]
    url: Option<String>,
    /// Hold it against this commit, branch or tag, and not against the default branch of the remote.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
}

/// A branch that is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Push {
    /// The commit that it is to have, in full or by name.
    head: String,
    /// What it is called there, in full: `refs/heads/feature`.
    branch: String,
    /// The commit that it has there; `None` for a new one.
    there: Option<String>,
}

pub(super) fn run(arguments: &PrePushArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new(""))?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (remote, pushes) = match under_framework(&variable) {
        Some((remote, push)) => (remote.or_else(|| arguments.remote.clone()), vec![push]),
        None => (arguments.remote.clone(), pushes(&told()?)?),
    };
    let remote = remote.unwrap_or_else(|| "origin".to_owned());
    let mut done = BTreeSet::new();
    let mut worst = 0;
    for push in pushes.iter().filter(|push| push.branch.starts_with(BRANCHES)) {
        let Some(base) = arguments.base.clone().or_else(|| base(&git, &remote, push)) else {
            anstream::eprintln!(
                "countersign: {} is new at {remote}, and nobody knows which branch it will be merged into, so it was not looked \
                 at; `git remote set-head {remote} --auto` or --base says so",
                push.branch
            );
            continue;
        };
        let head = git.commit(&push.head).with_context(|| format!("{} is no commit", push.head))?;
        if !done.insert((head.clone(), base.clone())) {
            continue;
        }
        let (text, code) = gate::said(&git, &base, &head)?;
        worst = worst.max(code);
        // Standard output is git's own.
        anstream::eprint!("{}", if code == 0 { last_paragraph(&text) } else { &text });
        if code != 0 {
            anstream::eprintln!(
                "countersign: {} is not pushed; the gate of {base} would say the same. Ask with `countersign review request`, or \
                 push it as a draft with `git push --no-verify`.",
                push.branch
            );
        }
    }
    Ok(ExitCode::from(worst))
}

/// What stands below the changes that pass.
fn last_paragraph(text: &str) -> &str {
    text.trim_end_matches('\n').rsplit_once("\n\n").map_or(text, |(before, _)| &text[before.len() + 2..])
}

/// What git says on standard input.
fn told() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        bail!(
            "git's pre-push hook calls this, and says on standard input what is pushed; to look at a branch by hand, run \
             `countersign gate --base origin/main`"
        );
    }
    let mut input = String::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut input).context("standard input cannot be read")?;
    Ok(input)
}

/// What is pushed, `<local ref> <local id> <remote ref> <remote id>` a line, as githooks(5) has it. A local name may have blanks
/// in it, `HEAD@{one hour ago}`; deleted branches are left out.
fn pushes(input: &str) -> anyhow::Result<Vec<Push>> {
    let mut pushes = Vec::new();
    for line in input.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.rsplitn(4, ' ');
        let (Some(there), Some(branch), Some(head), Some(_)) = (words.next(), words.next(), words.next(), words.next())
        else {
            bail!("`{line}` does not say what is pushed; git says LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID, one a line");
        };
        for id in [head, there] {
            if !matches!(id.len(), 40 | 64) || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                bail!("`{id}` in `{line}` is no id of a commit");
            }
        }
        if !is_none(head) {
            let there = (!is_none(there)).then(|| there.to_owned());
            pushes.push(Push { head: head.to_owned(), branch: branch.to_owned(), there });
        }
    }
    Ok(pushes)
}

/// Whether an id stands for nothing, as git says it: all zeros, of whichever length.
fn is_none(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

/// What is pushed and where to, as the framework `pre-commit` says it, which takes standard input for itself: its documentation
/// names the variables. It tells of the first branch alone.
fn under_framework(variable: &dyn Fn(&str) -> Option<String>) -> Option<(Option<String>, Push)> {
    variable("PRE_COMMIT")?;
    let branch = variable("PRE_COMMIT_REMOTE_BRANCH")?;
    // Where a whole history is new there is no TO_REF.
    let head = variable("PRE_COMMIT_TO_REF").or_else(|| variable("PRE_COMMIT_LOCAL_BRANCH"))?;
    let there = variable("PRE_COMMIT_FROM_REF");
    Some((variable("PRE_COMMIT_REMOTE_NAME"), Push { head, branch, there }))
}

/// What a branch will be merged into: the default branch of the remote, as it was fetched last; what is there already where the
/// default branch itself is pushed, or none is known.
fn base(git: &Git, remote: &str, push: &Push) -> Option<String> {
    let tracking = format!("refs/remotes/{remote}/");
    let head = git.read(&["symbolic-ref", "--quiet", &format!("{tracking}HEAD")], b"").ok();
    let head = head.map(|name| String::from_utf8_lossy(&name).trim().to_owned());
    let names = head.into_iter().chain(["main", "master"].map(|name| format!("{tracking}{name}")));
    let default = names.into_iter().find(|name| git.commit(name).is_ok());
    let is_itself = |name: &String| name.strip_prefix(&tracking) == push.branch.strip_prefix(BRANCHES);
    let there = || push.there.clone().filter(|id| git.commit(id).is_ok());
    match default {
        Some(default) if is_itself(&default) => there().or(Some(default)),
        Some(default) => Some(default),
        None => there(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn what_git_says_is_read() {
        let long = A.repeat(2)[..64].to_owned();
        let said = format!(
            "refs/heads/a {A} refs/heads/b {NONE}\n(delete) {NONE} refs/heads/gone {A}\nHEAD@{{1 hour ago}} {long} refs/heads/c {long}\n"
        );
        let push = |head: &str, branch: &str, there: Option<&str>| Push {
            head: head.to_owned(),
            branch: branch.to_owned(),
            there: there.map(str::to_owned),
        };
        let expected = [push(A, "refs/heads/b", None), push(&long, "refs/heads/c", Some(&long))];
        assert_eq!(pushes(&said).expect("it can be read"), expected);
        assert_eq!(pushes("").expect("nothing is pushed"), []);
        assert!(pushes("refs/heads/a").is_err());
        assert!(pushes(&format!("a {A} b --upload-pack=x")).is_err());
    }

    #[test]
    fn the_framework_says_it_in_variables() {
        let with = |variables: &[(&str, &str)]| {
            let of =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            under_framework(&of)
        };
        let all = [
            ("PRE_COMMIT", "1"),
            ("PRE_COMMIT_REMOTE_NAME", "up"),
            ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/b"),
            ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/a"),
            ("PRE_COMMIT_FROM_REF", A),
            ("PRE_COMMIT_TO_REF", "HEAD"),
        ];
        let (remote, push) = with(&all).expect("it is pushed");
        assert_eq!((remote.as_deref(), push.head.as_str(), push.there.as_deref()), (Some("up"), "HEAD", Some(A)));
        let (_, push) = with(&all[..4]).expect("it is pushed");
        assert_eq!((push.head.as_str(), push.there), ("refs/heads/a", None));
        assert_eq!(with(&all[1..]), None);
    }
}
