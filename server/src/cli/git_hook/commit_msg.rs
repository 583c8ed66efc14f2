//! `countersign git-hook commit-msg`: trailers for the message of a commit, from what is known of what is about to be committed.

use crate::attribution;
use crate::git::{Git, git_folder};
use crate::review::{REVIEWS, parts};
use crate::state::Store;
use anyhow::Context;
use clap::Args;
use countersign_provenance::{Writer, line_origins, same_lines};
use countersign_review::Request;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Files of a commit that are looked at for lines of AI tools, and requests that are read; what is beyond has no trailer.
const MAX_FILES: usize = 1_000;

/// Characters of a name of a tool or model.
const MAX_NAME: usize = 100;

/// What git puts before the difference that it shows below a message, behind the character of comments.
const SCISSORS: &str = "------------------------ >8 ------------------------";

#[derive(Debug, Args)]
pub(in crate::cli) struct CommitMsgArguments {
    /// The file of the message, as git tells its hook.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Add `Assisted-by: TOOL:MODEL` for each AI tool that wrote lines of the commit.
    #[arg(long, required_unless_present = "reviews")]
    assisted_by: bool,
    /// Add `Countersign-Review: ID` for each request for a review of what the commit changes.
    #[arg(long)]
    reviews: bool,
}

pub(super) fn run(arguments: &CommitMsgArguments) -> ExitCode {
    if let Err(error) = add(arguments) {
        anstream::eprintln!(
            "countersign: no trailer was added to the message, and the commit goes on without: {error:#}"
        );
    }
    ExitCode::SUCCESS
}

fn add(arguments: &CommitMsgArguments) -> anyhow::Result<()> {
    let git = Git::of(Path::new(""))?;
    let file = std::path::absolute(&arguments.file)?;
    let message = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    if is_in_between(&git) || !takes_trailers(&git, &String::from_utf8_lossy(&message))? {
        return Ok(());
    }
    let mut trailers = Vec::new();
    if arguments.assisted_by {
        trailers.extend(assistants(&git)?.into_iter().map(|name| format!("Assisted-by: {name}")));
    }
    if arguments.reviews {
        trailers.extend(reviews(&git)?.into_iter().map(|id| format!("Countersign-Review: {id}")));
    }
    if trailers.is_empty() {
        return Ok(());
    }
    let mut command = vec!["interpret-trailers", "--in-place", "--no-divider", "--if-exists", "addIfDifferent"];
    command.extend(["--if-missing", "add"]);
    for trailer in &trailers {
        command.extend(["--trailer", trailer]);
    }
    let file = file.to_str().context("the name of the message's file is no text")?;
    command.extend(["--", file]);
    git.read(&command, b"").map(drop)
}

/// Whether git is in the middle of something of which this commit is a step: a merge or a rebase.
fn is_in_between(git: &Git) -> bool {
    let is_merge = git_folder(&git.root().join("-")).is_some_and(|folder| folder.join("MERGE_HEAD").exists());
    is_merge || git.is_rebasing()
}

/// Whether a message is one of its own. An empty one would not be empty any more, and so the commit would not be given up; one of a
/// commit that is to be folded into another is not kept.
fn takes_trailers(git: &Git, message: &str) -> anyhow::Result<bool> {
    let mut own = String::new();
    for line in message.split_inclusive('\n') {
        if line.trim_end().strip_suffix(SCISSORS).is_some_and(|before| before.trim().chars().count() <= 2) {
            break;
        }
        own.push_str(line);
    }
    let text = git.read(&["stripspace", "--strip-comments"], own.as_bytes())?;
    let text = String::from_utf8_lossy(&text);
    let is_folded = ["fixup! ", "squash! ", "amend! "].iter().any(|start| text.starts_with(start));
    // Git itself takes a message for empty that has nothing but who signs it off.
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.starts_with("Signed-off-by: "));
    Ok(!is_folded && !is_empty)
}

/// The AI tools that wrote lines which are about to be committed, each with its model, by what was recorded here.
fn assistants(git: &Git) -> anyhow::Result<BTreeSet<String>> {
    let store = Store::default();
    let mut names = BTreeSet::new();
    for path in staged(git, "AM")?.iter().take(MAX_FILES) {
        // What is no text has no lines.
        let Ok(now) = text(git, "", path) else { continue };
        let regions = attribution::of(&store, &git.root().join(path), &now);
        let before = text(git, "HEAD", path).unwrap_or_default();
        let known: HashSet<usize> = same_lines(&before, &now).into_iter().map(|(_, line)| line).collect();
        let new = line_origins(&now, &regions).into_iter().enumerate().filter(|(line, _)| !known.contains(line));
        for origin in new.filter_map(|(_, origin)| origin) {
            // Which of several tools it was is not known.
            let Writer::Ai(agent) = &origin.writer else { continue };
            let model = agent.model.as_deref().map(name).filter(|model| !model.is_empty());
            names.insert(format!("{}:{}", name(&agent.tool), model.as_deref().unwrap_or("unknown")));
        }
    }
    Ok(names)
}

/// A name as one word on one line, whatever an agent called itself.
fn name(text: &str) -> String {
    let is_part = |c: &char| !c.is_control() && *c != ',';
    let text: String = text.chars().filter(is_part).take(MAX_NAME).collect();
    text.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The requests that come with the commit, and those about what it changes to just that.
fn reviews(git: &Git) -> anyhow::Result<Vec<String>> {
    let staged: HashSet<String> = staged(git, "AMD")?.into_iter().collect();
    let listed = git.read(&["ls-files", "-z", "--", REVIEWS], b"")?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let is_request = |path: &&str| {
        let name = path.strip_prefix(REVIEWS).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
        name.strip_suffix(".json").is_some_and(|name| !name.contains('/'))
    };
    let mut ids = Vec::new();
    for path in listed.split('\0').filter(is_request).take(MAX_FILES) {
        let Ok(request) = Request::read(&git.blob("", path)?) else { continue };
        let bound = &request.bound;
        let is_this = || {
            let now = git.blob("", &bound.path).unwrap_or_default();
            let parts = parts(Path::new(&bound.path), &now);
            let part = parts.into_iter().find(|part| part.address == bound.address);
            part.map(|part| part.seal) == bound.to_sha256
        };
        if staged.contains(path) || (staged.contains(&bound.path) && is_this()) {
            ids.push(request.request_id);
        }
    }
    Ok(ids)
}

/// The files that are not as they were in the last commit, from the root; of these kinds of change, as git's diff has them.
fn staged(git: &Git, kinds: &str) -> anyhow::Result<Vec<String>> {
    let filter = format!("--diff-filter={kinds}");
    let printed = git.read(&["diff", "--cached", "--name-only", "-z", "--no-renames", &filter], b"")?;
    let names = String::from_utf8_lossy(&printed).into_owned();
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The text of a file in a commit, or in the index where none is named.
fn text(git: &Git, commit: &str, path: &str) -> anyhow::Result<String> {
    Ok(String::from_utf8(git.blob(commit, path)?)?)
}
