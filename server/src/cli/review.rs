//! `countersign review`: who is asked to look at which change, and what they say.

mod reviewers;
mod show;

use super::gate::{self, JsonChange, json};
use super::sign::Signer;
use super::{FAILED, Format, break_glass, person, print};
use crate::git::{self, Git};
use crate::record::{Kind, append, entry_of};
use crate::review::{Asked, Change, PlanFile, Situation, answer_files, word};
use crate::state::{Store, write_atomically};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use countersign_engine::report::JsonRange;
use countersign_ledger::NewEntry;
use countersign_review::{Answer, Decision, Request, Standing, digest};
use countersign_text::Text;
use jiff::{SignedDuration, Timestamp};
use serde_json::json as object;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// Ask for a review of what changed and needs one: one file a change, to be committed with it.
    Request(RequestArguments),
    /// List the changes that need somebody, and where each stands.
    List(ListArguments),
    /// Show a request, or all changes that need somebody: the change, what was found in it, what depends on it, who has answered;
    /// or whom to ask and what to call it at a forge.
    Show(show::ShowArguments),
    /// Approve a change as it is, with your SSH key. Has to be confirmed at a terminal.
    ///
    /// The signature is what `ssh-keygen -Y sign -n countersign` makes, over a statement that names this change alone: repository,
    /// file, resource, what it was and what it becomes. Anything else that it becomes, or another base, and it does not hold.
    Approve(AnswerArguments),
    /// Reject a change, with your SSH key. Has to be confirmed at a terminal.
    Reject(AnswerArguments),
    /// Let changes through alone in an emergency, for some hours, to be reviewed afterwards. Has to be confirmed at a terminal.
    ///
    /// For whoever `[break_glass]` of countersign.toml names. What is signed names these changes alone, as they are now, and the
    /// commit that they start from. `gate` lets them through until then and says so; it goes on to say so until somebody else
    /// has approved or rejected them. Never for countersign.toml, the signers' file and CODEOWNERS.
    BreakGlass(break_glass::BreakGlassArguments),
}

/// What is looked at.
#[derive(Debug, Args)]
pub(super) struct Against {
    /// Compare with this commit, branch or tag, and not with what is presumed to be live.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// What is about to be applied, as `countersign gate --plan` takes it: what that destroys or replaces counts, too.
    #[arg(long, value_name = "[PATH=]FILE")]
    plan: Vec<String>,
}

impl Against {
    pub(super) fn situation(&self, git: &Git) -> anyhow::Result<Situation> {
        let plans = self.plan.iter().map(|plan| PlanFile::read(git, plan)).collect::<anyhow::Result<Vec<_>>>()?;
        Situation::of_work_tree(git, self.base.as_deref(), &plans)
    }
}

#[derive(Debug, Args)]
pub(super) struct RequestArguments {
    /// Files and folders whose changes are meant.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    against: Against,
    /// Also of what policy wants nobody to look at.
    #[arg(long)]
    all: bool,
    /// Why it is changed.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    against: Against,
    /// How to print them; `countersign schema reviews` prints the schema of the JSON.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct AnswerArguments {
    /// The name of the request.
    #[arg(value_name = "ID")]
    id: String,
    /// The key: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// For how many days it holds; for good where it is left out.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    against: Against,
    /// Wait for Enter at the end, where the terminal closes with it.
    #[arg(long)]
    stay: bool,
}

pub(super) fn run(command: &ReviewCommand) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new("")).context("reviews are kept with the commits of a repository")?;
    match command {
        ReviewCommand::Request(arguments) => request(&git, arguments),
        ReviewCommand::List(arguments) => list(&git, arguments),
        ReviewCommand::Show(arguments) => show::show(&git, arguments),
        ReviewCommand::Approve(arguments) => answered(&git, arguments, Decision::Approve),
        ReviewCommand::Reject(arguments) => answered(&git, arguments, Decision::Reject),
        ReviewCommand::BreakGlass(arguments) => break_glass::run(&git, arguments),
    }
}

fn request(git: &Git, arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let meant: Vec<String> = arguments.paths.iter().map(|path| git.relative(path)).collect::<anyhow::Result<_>>()?;
    let is_meant = |change: &&Change| {
        let path = Path::new(&change.bound.path);
        let is_there = meant.is_empty() || meant.iter().any(|meant| path.starts_with(meant));
        is_there && (arguments.all || gate::is_worth_asking(change))
    };
    let requested_by = git::author(&git.root().join("-")).context(
        "nobody knows who you are: set `git config user.name` and `user.email`, which the request will name",
    )?;
    let (mut said, mut known, mut entries) = (String::new(), 0, Vec::new());
    for change in situation.changes.iter().filter(is_meant) {
        if situation.reviews.request(&change.bound.id()).is_some() {
            known += 1;
            continue;
        }
        entries.push(ask(git, &situation, change, &requested_by, arguments.why.as_deref())?);
        let _ = writeln!(said, "Requested {} of {}.", change.bound.id(), change.bound.place());
        let who = situation.who_may(change);
        if !who.is_empty() {
            let _ = writeln!(said, "  {} may answer it.", who.join(", "));
        }
    }
    append(&Store::default(), &git.root().join("-"), &entries)?;
    if said.is_empty() {
        said = match known {
            0 => format!("No change against {} needs a review.\n", situation.base),
            _ => "All reviews were requested already; `countersign review list` says where they stand.\n".to_owned(),
        };
    } else {
        said.push_str("Commit the files under .countersign/reviews with the change.\n");
    }
    print(&person::shown(&said))?;
    Ok(report_problems(&situation))
}

/// Writes the request of a review of a change, in somebody's name, and gives what is to be added to the ledger.
pub(super) fn ask(
    git: &Git,
    situation: &Situation,
    change: &Change,
    requested_by: &str,
    why: Option<&str>,
) -> anyhow::Result<NewEntry> {
    let path = git.root().join(&change.bound.path);
    let content = std::fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&content).into_owned();
    let range = change.ranges.first().cloned().unwrap_or_default();
    let why = why.map(str::to_owned).or_else(|| Some(messages(change)).filter(|why| !why.is_empty()));
    let asked = Asked {
        bound: change.bound.clone(),
        range: JsonRange::new(&Text::from(text.as_str()), &range),
        part: text.get(range).unwrap_or_default(),
        text: &text,
        findings: &change.found,
        about: situation.about(change),
        requested_by: requested_by.to_owned(),
        why: why.unwrap_or_else(|| "A second person should look at this.".to_owned()),
    };
    let (file, statement) = asked.file(Timestamp::now());
    write_atomically(&git.root().join(&file), &statement)
        .with_context(|| format!("{}: the request cannot be written", file.display()))?;
    let body = object!({ "state": "requested", "review": change.bound.id(), "address": change.bound.address });
    Ok(entry_of(Kind::Approval, &path, None, Some(requested_by.to_owned()), body))
}

fn list(git: &Git, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let changes: Vec<JsonChange> = situation.changes.iter().filter_map(|change| json(&situation, change)).collect();
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&changes)?))?,
        Format::Human if changes.is_empty() => {
            print(&format!("No change against {} needs a review.\n", situation.base))?
        }
        Format::Human => print(&person::shown(&gate::human_changes(&changes)))?,
    };
    Ok(report_problems(&situation))
}

/// Says what could not be read, and the exit code that follows.
fn report_problems(situation: &Situation) -> ExitCode {
    for problem in &situation.problems {
        anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
    }
    for (path, why) in &situation.reviews.problems {
        anstream::eprintln!("countersign: {path}: {why}");
    }
    for doubt in &situation.doubts {
        anstream::eprintln!("countersign: {doubt}");
    }
    for broken in break_glass::unreviewed(situation) {
        anstream::eprintln!("countersign: {}", person::shown(&broken.in_words()));
    }
    let is_whole = situation.problems.is_empty() && situation.reviews.problems.is_empty();
    if is_whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// What was found in a change, and what a plan does.
fn messages(change: &Change) -> String {
    let planned = change.planned.iter().map(|planned| format!("By a plan: {}.", planned.in_words()));
    change.found.iter().map(|found| found.message.clone()).chain(planned).collect::<Vec<_>>().join(" ")
}

/// A request and the change that it is about.
fn found<'s>(situation: &'s Situation, id: &str) -> anyhow::Result<(&'s Request, &'s Change)> {
    let Some(request) = situation.reviews.request(id) else {
        let names: Vec<&str> = situation.reviews.requests().map(|request| request.request_id.as_str()).collect();
        let known =
            if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
        bail!("there is no request `{id}` under .countersign/reviews; {known}");
    };
    let is_there =
        |change: &&Change| (&change.bound.path, &change.bound.address) == (&request.bound.path, &request.bound.address);
    let Some(change) = situation.changes.iter().find(is_there) else {
        bail!(
            "the review {id} is about {}, of which nothing is different from {} now",
            request.bound.place(),
            situation.base
        );
    };
    if let Some(why) = request.bound.differs(&change.bound) {
        bail!("the review {id} does not hold any more: {why}; have it requested anew");
    }
    Ok((request, change))
}

fn answered(git: &Git, arguments: &AnswerArguments, decision: Decision) -> anyhow::Result<ExitCode> {
    let done = answer(git, arguments, decision);
    if !arguments.stay {
        return done;
    }
    let code = done.unwrap_or_else(|error| {
        anstream::eprintln!("countersign: {error:#}");
        ExitCode::from(FAILED)
    });
    person::waits()?;
    Ok(code)
}

fn answer(git: &Git, arguments: &AnswerArguments, decision: Decision) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let id = &arguments.id;
    let (request, change) = found(&situation, id)?;
    person::at_terminal()?;
    let (person, reviewer) = person::who_signs(git)?;
    let reviewer = reviewer.as_str();
    if let Some(why) = situation.refuses(request, change, reviewer, decision) {
        bail!(why);
    }
    let row = change.required.as_ref().map(|(_, row)| row);
    let verb = if decision == Decision::Approve { "Approve" } else { "Reject" };
    let question =
        person::shown(&format!("{}\n{verb} this as {reviewer}?", show::human(&situation, Some(request), change)));
    if !person::says_yes(&question)? {
        bail!("it was not {}", word(decision));
    }
    let now = Timestamp::now();
    let said = Answer {
        expires: arguments.days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days))),
        why: arguments.why.clone(),
        ..Answer::to(request, decision, reviewer, now)
    };
    let bytes = said.to_bytes();
    let by = Signer {
        person: reviewer,
        key: arguments.key.as_deref(),
        signers: &situation.signers,
        signers_file: &situation.config.config.review.signers,
        hardware: row.is_some_and(|row| row.hardware),
    };
    let (signature, signed) = by.sign(git, &bytes, now)?;
    let (file, signature_file) = answer_files(id, reviewer);
    // The signature first: an answer without one counts for nothing, and the other way round there is nothing to read.
    write_atomically(&git.root().join(&signature_file), &signature)?;
    write_atomically(&git.root().join(&file), &bytes)?;
    record(git, request, &said, &signed.fingerprint, person)?;
    let now = arguments.against.situation(git)?;
    let stands = now.changes.iter().find(|other| other.bound == change.bound).map(|change| now.stands(change));
    let then = match stands.and_then(|stands| stands.standing) {
        Some(Standing::Approved(_)) => "It has all approvals that it needs.".to_owned(),
        Some(Standing::Waits(1)) => "It waits for 1 more.".to_owned(),
        Some(Standing::Waits(more)) => format!("It waits for {more} more."),
        Some(Standing::Rejected(who)) => format!("It is rejected by {}.", who.join(" and ")),
        Some(Standing::Void(why)) => format!("It does not hold: {why}."),
        None => String::new(),
    };
    let text = format!("Review {id} is {} by {reviewer}. {then} Commit {}.\n", word(decision), file.display());
    print(&person::shown(&text))
}

fn record(git: &Git, request: &Request, said: &Answer, fingerprint: &str, person: String) -> anyhow::Result<()> {
    let file = git.root().join(&said.bound.path);
    let body = object!({
        "state": word(said.decision), "review": said.request_id, "address": said.bound.address,
        "statement": digest(&said.to_bytes()), "key": fingerprint,
        "requestedAt": request.requested_at.as_millisecond(),
    });
    let entry: NewEntry = entry_of(Kind::Approval, &file, None, Some(person), body);
    append(&Store::default(), &file, &[entry])?;
    Ok(())
}
