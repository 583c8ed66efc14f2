//! `countersign incident new`, `list` and `show`.

use super::affected::Asked;
use super::close::{CloseArguments, close};
use super::closed::{Incidents, Judge, Kept, MAX_BYTES, files, folder};
use super::{Incident, Question, incident, markdown, one_line};
use crate::cli::person::shown;
use crate::cli::sync::StoreArgument;
use crate::cli::{FAILED, Format, ledger, print};
use crate::disk::display;
use crate::git::Git;
use crate::record::now;
use crate::state::write_atomically;
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum IncidentCommand {
    /// Gather what may have caused an incident: changes that reached what was deployed, and commands of agents; ranked, with the
    /// evidence for each, and with a draft of the post-mortem. Two files, to be read and committed.
    New(NewArguments),
    /// List the incidents of the repository, and what was decided about each.
    List(ListArguments),
    /// Show one.
    Show(ShowArguments),
    /// Decide what caused an incident and what part AI tools had in it, with your SSH key. Has to be confirmed at a terminal.
    Close(CloseArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewArguments {
    /// It in a few words.
    #[arg(long, value_name = "TEXT", default_value = "Incident")]
    title: String,
    /// The last moment at which all was well: a date and time (`2026-03-01T12:00:00Z`), a date in UTC, or how long ago (`6h`, `2d`).
    /// Without it, --good says so.
    #[arg(long, value_name = "TIME", required_unless_present = "good")]
    from: Option<String>,
    /// When it was noticed, in the same form; else now.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The commit that was deployed; else the last one of this branch before --until.
    #[arg(long, value_name = "REV")]
    deploy: Option<String>,
    /// The last commit that is known to have been good; else the last one before --from.
    #[arg(long, value_name = "REV")]
    good: Option<String>,
    /// The address of a resource that is affected, as `countersign impact` takes it. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    resource: Vec<String>,
    /// Files that are affected: globs from the root of the repository, as in `live/prod/**`.
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    path: Vec<String>,
    #[command(flatten)]
    of: StoreArgument,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
    /// Print it and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// What comes first, for people.
    Human,
    /// The draft of the post-mortem.
    Markdown,
    /// For programs; `countersign schema incident` prints the schema.
    Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// How to print them.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// Its name.
    #[arg(value_name = "ID")]
    id: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
}

/// One of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonListed<'a> {
    id: &'a str,
    title: &'a str,
    #[schemars(with = "String")]
    noticed: Timestamp,
    proposed: &'a str,
    /// What was decided; left out while nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<&'a str>,
    /// Why a decision does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

pub(in crate::cli) fn run(command: &IncidentCommand) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new("")).context("incidents are kept with the commits of a repository")?;
    match command {
        IncidentCommand::New(arguments) => new(&git, arguments),
        IncidentCommand::List(arguments) => list(&git, arguments),
        IncidentCommand::Show(arguments) => show(&git, arguments),
        IncidentCommand::Close(arguments) => close(&git, arguments),
    }
}

fn new(git: &Git, arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let now = now();
    let time = |text: &String| ledger::time(text, TimeZone::UTC);
    let question = Question {
        title: arguments.title.trim().chars().take(200).collect(),
        from: arguments.from.as_ref().map(time).transpose()?,
        until: arguments.until.as_ref().map(time).transpose()?.unwrap_or(now),
        deployed: arguments.deploy.clone().unwrap_or_else(|| "HEAD".to_owned()),
        is_deployed: arguments.deploy.is_some(),
        good: arguments.good.clone(),
        asked: Asked { resources: arguments.resource.clone(), paths: arguments.path.clone() },
        store: arguments.of.store.clone(),
        words: [&arguments.from, &arguments.until, &arguments.good, &arguments.deploy]
            .map(|word| word.clone().unwrap_or_default())
            .to_vec(),
    };
    if question.until > now {
        bail!("--until is ahead of this machine's clock; an incident was noticed already");
    }
    let found = incident(git, &question, now)?;
    let bytes = format!("{}\n", serde_json::to_string_pretty(&found)?);
    let draft = markdown::post_mortem(&found);
    let printed = match arguments.format {
        Shown::Human => human(&found),
        Shown::Markdown => draft.clone(),
        Shown::Json => bytes.clone(),
    };
    let code = if found.unread_steps == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    if arguments.dry_run {
        print(&printed)?;
        return Ok(code);
    }
    if bytes.len() > MAX_BYTES {
        bail!(
            "what was found has {} bytes, and {MAX_BYTES} at most are kept; let --from be later, or name less",
            bytes.len()
        );
    }
    let [file, post_mortem, closed, _] = files(&found.id);
    if git.root().join(&closed).exists() {
        bail!(
            "{} says what was decided about this incident already; whoever asks anew gives it another --title",
            display(&closed)
        );
    }
    // What somebody wrote into it since is not lost.
    if let Some(known) = changed_since(git, &post_mortem, &file) {
        bail!(
            "{known} was changed since it was drafted, and nothing is written over that; move it away, give another --title, or look with --dry-run"
        );
    }
    let is_anew = git.root().join(&file).exists();
    write_atomically(&git.root().join(&post_mortem), draft.as_bytes())?;
    write_atomically(&git.root().join(&file), bytes.as_bytes())?;
    print(&printed)?;
    if arguments.format == Shown::Human {
        let text = format!(
            "\n{}: {} and {}. Read and commit them; `countersign incident close {}` decides.\n",
            if is_anew { "Written anew, for the same was asked before" } else { "Written" },
            display(&file),
            display(&post_mortem),
            found.id
        );
        print(&text)?;
    }
    Ok(code)
}

/// The draft of a post-mortem, where it is not what was drafted.
fn changed_since(git: &Git, post_mortem: &Path, file: &Path) -> Option<String> {
    let known = std::fs::read(git.root().join(post_mortem)).ok()?;
    let drafted =
        std::fs::read(git.root().join(file)).ok().and_then(|bytes| serde_json::from_slice::<Incident>(&bytes).ok());
    let is_draft = drafted.is_some_and(|drafted| markdown::post_mortem(&drafted).as_bytes() == known);
    (!is_draft).then(|| display(post_mortem))
}

fn list(git: &Git, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let found = Incidents::on_disk(git.root(), &Judge::of(git));
    let listed: Vec<JsonListed<'_>> = found.all.iter().map(listed).collect();
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&listed)?))?,
        Format::Human if listed.is_empty() => print(&format!("There is no incident under {}.\n", folder()))?,
        Format::Human => {
            let mut out = String::new();
            for JsonListed { id, title, noticed, proposed, decided, problem } in &listed {
                let state = match (decided, problem) {
                    (Some(role), _) => format!("decided: {role}"),
                    (None, Some(why)) => format!("not decided, for the decision does not count: {why}"),
                    (None, None) => format!("open; proposed: {proposed}"),
                };
                let _ = writeln!(out, "{id}  {} (noticed {noticed}): {}", one_line(title), one_line(&state));
            }
            print(&shown(&out))?
        }
    };
    for (path, why) in &found.problems {
        anstream::eprintln!("countersign: {path}: {}", shown(why));
    }
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn listed(kept: &Kept) -> JsonListed<'_> {
    let Incident { id, title, until, proposal, .. } = &kept.incident;
    JsonListed {
        id,
        title,
        noticed: *until,
        proposed: proposal.role.name(),
        decided: kept.closed.as_ref().and_then(|closed| closed.as_ref().ok()).map(|closed| closed.role.name()),
        problem: kept.closed.as_ref().and_then(|closed| closed.as_ref().err()).map(String::as_str),
    }
}

fn show(git: &Git, arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let kept = Kept::named(git.root(), &arguments.id, &Judge::of(git))?;
    let printed = match arguments.format {
        Shown::Json => format!("{}\n", serde_json::to_string_pretty(&kept.incident)?),
        Shown::Markdown => shown(&markdown::post_mortem(&kept.incident)),
        Shown::Human => {
            let mut out = human(&kept.incident);
            match &kept.closed {
                Some(Ok(closed)) => {
                    let _ = writeln!(
                        out,
                        "\nDecided by {} at {}: {}. {} {}",
                        closed.by,
                        closed.at,
                        closed.role.name(),
                        closed.cause,
                        closed.why
                    );
                }
                Some(Err(why)) => {
                    let _ = writeln!(out, "\nThere is a decision that does not count: {why}");
                }
                None => out.push_str("\nNobody has decided yet.\n"),
            }
            shown(&out)
        }
    };
    print(&printed)
}

/// What comes first.
fn human(found: &Incident) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}", found.id, found.title);
    let steps = crate::cli::stamp::counted(found.steps, "step");
    let commands = match found.commands {
        Some(count) => crate::cli::stamp::counted(count, "command"),
        None => "no record of commands".to_owned(),
    };
    let _ = writeln!(out, "from {} to {}: {steps}, {commands}", found.from, found.until);
    let affected = found.affected.iter().take(5).map(|place| match &place.address {
        Some(address) => format!("{address} in {}", place.path),
        None => place.path.clone(),
    });
    let affected: Vec<String> = affected.collect();
    if !affected.is_empty() {
        let more = found.affected.len().saturating_sub(affected.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "affected: {}{more}", affected.join(", "));
    }
    out.push('\n');
    if found.candidates.is_empty() {
        out.push_str("Nothing that came in or was run is known to have anything to do with it.\n");
    }
    for (number, candidate) in found.candidates.iter().take(5).enumerate() {
        let _ = writeln!(
            out,
            "{}. [{}] {}, by {}",
            number + 1,
            candidate.score,
            super::role::what(candidate),
            markdown::writer(candidate)
        );
        for line in candidate.evidence.iter().chain(&candidate.gaps) {
            let _ = writeln!(out, "   {line}");
        }
    }
    let more = found.candidates.len().saturating_sub(5) + found.more_candidates;
    if more > 0 {
        let _ = writeln!(out, "and {more} more");
    }
    let _ = writeln!(out, "\nProposed part of AI tools, for a person to decide: {}.", found.proposal.role.name());
    for reason in &found.proposal.reasons {
        let _ = writeln!(out, "   {reason}");
    }
    if !found.doubts.is_empty() {
        out.push_str("\nWhat is not known:\n");
        for doubt in &found.doubts {
            let _ = writeln!(out, " - {doubt}");
        }
    }
    shown(&out)
}
