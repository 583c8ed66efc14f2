//! Git: what others have is rewritten, what is not committed is lost, hooks are passed by.

use super::control;
use super::rule::Program;
use crate::args::{Args, Spec};
use crate::call::{Call, Found};
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Stream, Walk, Word};

const PUSH: &str = "Push a new branch, or revert with a commit of its own, and let a person decide about the branch.";
const KEEP: &str = "Keep it with `git stash -u` or a commit on another branch first, and say what is to go.";
const HOOKS: &str = "Let the hooks run, and mend what they complain about.";
const NOTES: &str = "Leave the notes to the hooks that write them.";

pub(super) const PROGRAMS: &[Program] = &[Program {
    spec: Spec {
        valued: &[
            "-C",
            "-c",
            "--git-dir",
            "--work-tree",
            "--namespace",
            "--exec-path",
            "--config-env",
            "--super-prefix",
        ],
        attached: &[],
        clusters: true,
        stops: true,
    },
    reach: Reach::Local,
    help: &["--help", "-h"],
    dry: &[],
    special: Some(git),
    looks_for: "`push --force`, `--delete`, `--mirror` and `:branch`; `reset --hard`, `clean -f`, `checkout .`, `restore`, `stash drop`, \
                `branch -D`, `tag -d`, `update-ref -d`, `reflog expire`, `filter-branch`, `filter-repo`; `--no-verify`, \
                `core.hooksPath`, `notes`; `rm` and `mv` of files that control a check",
    ..Program::new(&["git", "hub"], &[])
}];

/// Flags of sub-commands that take a word.
const VALUED: &[&str] = &[
    "-m",
    "--message",
    "-F",
    "--file",
    "-C",
    "-c",
    "--author",
    "--date",
    "-o",
    "--push-option",
    "--repo",
    "-e",
    "--exclude",
    "-t",
    "--template",
    "--grep",
    "-S",
    "-G",
    "--format",
    "--since",
    "--until",
    "--onto",
    "-x",
    "--exec",
    "-s",
    "--source",
    "--strategy",
    "-X",
    "--ref",
    "-n",
];

fn git(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let hooks_off = args.values(&["-c", "--config-env"]).any(|word| is_hooks_path(&word.text));
    let Some((first, words)) = args.rest.split_first() else { return true };
    let name = first.known().unwrap_or_default();
    let spec = Spec { valued: valued(name), attached: &[], clusters: true, stops: false };
    let git = Git { call, args: Args::parse(words, &spec), program };
    if git.args.has_any(&["--help", "-h"]) && !matches!(name, "grep" | "log" | "ls-remote") {
        return true;
    }
    let outer = shell.folder.clone();
    if let Some(folder) = args.value("-C") {
        shell.folder = shell.path(&folder.text);
    }
    let skips = ["HUSKY", "SKIP", "GIT_CONFIG_PARAMETERS", "HUSKY_SKIP_HOOKS", "LEFTHOOK"];
    let skipped = call.variables.iter().find(|(name, word)| {
        skips.contains(&name.as_str())
            && (name.starts_with("SKIP")
                || name == "GIT_CONFIG_PARAMETERS"
                || matches!(word.text.as_str(), "0" | "1" | "false"))
    });
    let commits = matches!(name, "commit" | "push" | "merge" | "rebase" | "am" | "cherry-pick" | "revert" | "pull");
    if commits && (hooks_off || skipped.is_some()) {
        git.found(
            walk,
            shell,
            Found::new(
                Effect::BypassControl,
                Reach::Local,
                format!("runs `git {name}` without the repository's hooks"),
                HOOKS,
            ),
        );
    }
    git.run(walk, shell, name, words);
    shell.folder = outer;
    true
}

/// The flags of a sub-command that take a word; `-n` is one of `log` and none of `commit`.
fn valued(name: &str) -> &'static [&'static str] {
    match name {
        "commit" => &["-m", "--message", "-F", "--file", "-C", "-c", "--author", "--date", "-t", "--template"],
        "push" => &["-o", "--push-option", "--repo", "--receive-pack"],
        "clean" => &["-e", "--exclude"],
        "reset" | "rm" | "mv" | "stash" | "update-ref" | "gc" | "reflog" | "config" | "branch" | "checkout"
        | "switch" => &["-m", "--message", "-b", "-B", "--orphan"],
        "restore" => &["-s", "--source"],
        "tag" => &["-m", "--message", "-F", "--file", "-u"],
        "notes" => &["--ref", "-m", "--message", "-F", "--file", "-C", "-c"],
        "rebase" => &["-x", "--exec", "--onto", "-s", "--strategy", "-X"],
        "merge" | "am" | "cherry-pick" | "revert" | "pull" => &["-m", "-F", "-s", "-X", "--mainline"],
        _ => VALUED,
    }
}

fn is_hooks_path(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    name.eq_ignore_ascii_case("core.hookspath") || name.eq_ignore_ascii_case("core.fsmonitor")
}

struct Git<'c> {
    call: &'c Call,
    args: Args,
    program: &'static Program,
}

impl Git<'_> {
    fn found(&self, walk: &mut Walk<'_>, shell: &Shell, found: Found) {
        walk.report(shell, self.call, Some(&self.args), Some(self.program), found);
    }

    fn lost(&self, walk: &mut Walk<'_>, shell: &Shell, what: &str, lesser: bool) {
        self.found(walk, shell, Found::new(Effect::FileDelete, Reach::Local, what, KEEP).lesser_if(lesser));
    }

    fn rewritten(&self, walk: &mut Walk<'_>, shell: &Shell, what: &str, lesser: bool) {
        self.found(walk, shell, Found::new(Effect::HistoryRewrite, Reach::Local, what, KEEP).lesser_if(lesser));
    }

    fn run(&self, walk: &mut Walk<'_>, shell: &mut Shell, name: &str, words: &[Word]) {
        let args = &self.args;
        let no_verify = args.has_abbreviated("--no-verify", 7)
            || (matches!(name, "commit" | "am") && args.has("-n") && name == "commit");
        if no_verify && matches!(name, "commit" | "push" | "merge" | "rebase" | "am" | "cherry-pick" | "pull") {
            let what = format!("runs `git {name}` without the repository's hooks");
            self.found(walk, shell, Found::new(Effect::BypassControl, Reach::Local, what, HOOKS));
        }
        match (name, args.positional(0)) {
            ("push", _) => self.push(walk, shell),
            ("reset", _) if args.has_abbreviated("--hard", 5) => {
                self.lost(walk, shell, "throws away every change that is not committed", false);
            }
            ("reset", _) if args.has("--merge") => self.lost(walk, shell, "throws away what is staged", true),
            ("clean", _) => {
                let force = args.has("-f") || args.has_abbreviated("--force", 4);
                if force && !args.has("-n") && !args.has_abbreviated("--dry-run", 5) {
                    let some = !args.positionals.is_empty();
                    self.lost(walk, shell, "deletes files that git does not know and nobody can bring back", some);
                }
            }
            ("checkout" | "switch", _) if args.has_any(&["-f", "--force", "--discard-changes"]) => {
                self.lost(walk, shell, "throws away changes that are not committed", true);
            }
            ("checkout", _) if args.positionals.iter().any(|word| matches!(word.text.as_str(), "." | "*" | ":/")) => {
                self.lost(walk, shell, "throws away changes that are not committed", true);
            }
            ("restore", _) if !args.has_any(&["--staged", "-S"]) || args.has_any(&["--worktree", "-W"]) => {
                let all = args.positionals.iter().any(|word| matches!(word.text.as_str(), "." | "*" | ":/"));
                if all {
                    self.lost(walk, shell, "throws away changes that are not committed", true);
                }
            }
            ("stash", Some("drop")) => self.lost(walk, shell, "throws away changes that were put aside", true),
            ("stash", Some("clear")) => self.lost(walk, shell, "throws away all changes that were put aside", false),
            ("branch", _) => self.branch(walk, shell),
            ("tag", _) if args.has_any(&["-d", "--delete"]) => self.rewritten(walk, shell, "deletes a tag", true),
            ("update-ref", _) if args.has_any(&["-d", "--delete", "--stdin"]) => {
                let notes = args.positionals.iter().any(|word| word.text.starts_with("refs/notes"));
                if notes {
                    self.notes(walk, shell, "deletes the notes of who wrote what");
                } else {
                    self.rewritten(
                        walk,
                        shell,
                        "deletes a reference, and with it perhaps the last way to commits",
                        false,
                    );
                }
            }
            ("update-ref", Some(name)) if name.starts_with("refs/notes") => {
                self.notes(walk, shell, "moves the notes of who wrote what");
            }
            ("reflog", Some("expire" | "delete")) => {
                self.rewritten(walk, shell, "forgets where branches were, which is the last way back", false);
            }
            ("gc" | "prune", _)
                if name == "prune" || args.flags.iter().any(|flag| flag.name == "--prune" && flag.value.is_some()) =>
            {
                self.rewritten(walk, shell, "deletes commits that no branch holds", true);
            }
            ("filter-branch" | "filter-repo", _) => self.rewritten(walk, shell, "rewrites every commit", false),
            ("notes", Some("add" | "append" | "copy" | "edit" | "merge" | "remove" | "prune")) => {
                self.notes(walk, shell, "changes git's notes, which say who wrote what");
            }
            ("config", _) => self.config(walk, shell),
            ("rm", _) if !args.has_any(&["--cached", "-n", "--dry-run"]) => {
                self.controls(walk, shell, "deletes");
                if args.has("-r") {
                    let target = args.named_from(0);
                    let found = Found::new(Effect::FileDelete, Reach::Local, "deletes folders of the repository", KEEP)
                        .lesser();
                    self.found(walk, shell, found.target(target));
                }
            }
            ("mv", _) => self.controls(walk, shell, "moves"),
            ("worktree", Some("remove")) if args.has_any(&["-f", "--force"]) => {
                self.lost(walk, shell, "deletes a working tree with what is not committed in it", true);
            }
            ("submodule", Some("foreach")) => {
                let text: Vec<&str> = args.positionals.iter().skip(1).map(|word| word.text.as_str()).collect();
                let origin = self.call.origin.inner(&self.call.range, None).through("git submodule foreach");
                walk.text(&text.join(" "), &origin, &mut shell.clone(), &Stream::Nothing);
            }
            ("bisect", Some("run")) => {
                let inner: Vec<Word> = words.iter().skip(1).cloned().collect();
                walk.call(self.call.rest(&inner, "git bisect run"), &mut shell.clone());
            }
            ("rebase", _) => {
                for word in args.values(&["-x", "--exec"]) {
                    let origin = self.call.origin.inner(&word.range, word.verbatim).through("git rebase --exec");
                    walk.text(&word.text, &origin, &mut shell.clone(), &Stream::Nothing);
                }
            }
            _ => {}
        }
    }

    fn notes(&self, walk: &mut Walk<'_>, shell: &Shell, what: &str) {
        self.found(walk, shell, Found::new(Effect::BypassControl, Reach::Local, what, NOTES));
    }

    fn controls(&self, walk: &mut Walk<'_>, shell: &Shell, does: &str) {
        for path in &self.args.positionals {
            let absolute = shell.path(&path.text).unwrap_or_else(|| path.text.clone());
            if let Some(found) = control::touched(&absolute, does) {
                self.found(walk, shell, found);
                return;
            }
        }
    }

    fn branch(&self, walk: &mut Walk<'_>, shell: &Shell) {
        let args = &self.args;
        let forced = args.has("-D") || (args.has_any(&["-d", "--delete"]) && args.has_any(&["-f", "--force"]));
        if forced && !args.has_any(&["-r", "--remotes"]) {
            let protected = args.positionals.iter().any(|word| walk.context.is_protected(&word.text));
            let target = args.named_from(0);
            let found = Found::new(
                Effect::HistoryRewrite,
                Reach::Local,
                "deletes branches whose commits may be nowhere else",
                KEEP,
            );
            self.found(walk, shell, found.lesser_if(!protected).target(target));
        }
    }

    fn config(&self, walk: &mut Walk<'_>, shell: &Shell) {
        let args = &self.args;
        let verb = args.positional(0).filter(|verb| matches!(*verb, "set" | "unset" | "get" | "list" | "edit"));
        let at = usize::from(verb.is_some());
        let reads = args.has_any(&["--get", "--get-all", "-l", "--list", "--get-regexp"])
            || matches!(verb, Some("get" | "list"));
        let sets =
            args.positionals.len() > at + 1 || args.has_any(&["--unset", "--unset-all"]) || verb == Some("unset");
        if !reads && sets && args.positionals.get(at).is_some_and(|word| is_hooks_path(&word.text)) {
            let what = "changes where git looks for hooks, so that the repository's no longer run";
            self.found(walk, shell, Found::new(Effect::BypassControl, Reach::Local, what, HOOKS));
        }
    }

    fn push(&self, walk: &mut Walk<'_>, shell: &Shell) {
        let args = &self.args;
        if args.has("-n") || args.has_abbreviated("--dry-run", 4) {
            return;
        }
        let force = args.has("-f")
            || args.flags.iter().any(|flag| {
                flag.name.len() >= 5
                    && (flag.name.starts_with("--forc") || "--force-with-lease".starts_with(&flag.name))
            });
        let delete = args.has("-d") || args.has_abbreviated("--delete", 5);
        let references: Vec<&Word> = args.positionals.iter().skip(1).collect();
        let shared = |what: String| Found::new(Effect::HistoryRewrite, Reach::Shared, what, PUSH);
        if args.has("--mirror") || (args.has_any(&["--all", "--branches"]) && force) || args.has("--prune") {
            self.found(
                walk,
                shell,
                shared("overwrites or deletes branches of the remote, protected ones among them".to_owned()),
            );
            return;
        }
        if references.is_empty() && force {
            let branch = walk.context.branch;
            let protected = branch.is_some_and(|branch| walk.context.is_protected(branch));
            let what = format!(
                "overwrites the remote's branch {}",
                branch.map_or_else(|| "that is checked out here".to_owned(), |branch| format!("`{branch}`"))
            );
            self.found(walk, shell, shared(what).lesser_if(!protected).target(branch.map(str::to_owned)));
        }
        for reference in references {
            let text = reference.text.as_str();
            let (source, destination) = text.trim_start_matches('+').rsplit_once(':').unwrap_or((text, text));
            let deletes = delete || text.starts_with(':') || (text.contains(':') && source.is_empty());
            let overwrites = force || text.starts_with('+');
            let name = destination.trim_start_matches('+').trim_start_matches("refs/heads/");
            let name = if matches!(name, "HEAD" | "@") { walk.context.branch.unwrap_or(name) } else { name };
            if name.starts_with("refs/notes") {
                if deletes || overwrites {
                    let what = "overwrites or deletes the remote's notes of who wrote what";
                    self.found(walk, shell, Found::new(Effect::BypassControl, Reach::Shared, what, NOTES));
                }
                continue;
            }
            if !deletes && !overwrites {
                continue;
            }
            let protected = walk.context.is_protected(name);
            let does = if deletes { "deletes" } else { "overwrites" };
            let found = shared(format!("{does} the remote's branch `{name}`")).lesser_if(!protected);
            self.found(walk, shell, found.uncertain_if(!reference.is_known()).target(Some(name.to_owned())));
        }
    }
}
