//! `countersign report`: what AI tools did in a time, by the record and the commits of a repository.

mod charts;
mod commits;
mod html;
mod markdown;
mod page;
mod periods;
mod record;

use super::check::write_output;
use super::slo::{JsonObjective, objectives};
use super::stamp::{UNNAMED, counted};
use super::sync::StoreArgument;
use super::{FAILED, incident, ledger, print};
use crate::disk::Configs;
use crate::git::Git;
use crate::record::now;
use crate::review::repository_at;
use crate::slo::{Case, Said, said_in_files};
use crate::store::{Store, Wanted};
use clap::{Args, ValueEnum};
use commits::JsonCommits;
use countersign_ledger::{Filter, LedgerError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use periods::Periods;
use record::{JsonRecord, Tally};
use schemars::JsonSchema;
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Version of the JSON.
const VERSION: u32 = 1;

/// Rows of a list that are told.
const MAX_LISTED: usize = 100;

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    of: StoreArgument,
    /// From this time on: a date and time (`2026-03-01T12:00:00Z`), a date in UTC, or how long ago (`7d`, `12w`).
    #[arg(long, value_name = "TIME", default_value = "12w")]
    since: String,
    /// Up to this time, in the same form; else up to now.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Write it to this file instead of standard output, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page with charts that stands for itself, for a browser.
    Html,
    /// The same in text.
    Markdown,
    /// For programs; `countersign schema report` prints the schema.
    Json,
}

/// What AI tools did in a time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonReport {
    /// Version of this form.
    version: u32,
    /// The repository, as requests for reviews name it; without a remote, its folder.
    repository: String,
    /// Where the time begins, in UTC, as RFC 3339 has it.
    since: String,
    /// Where it ends, without that moment.
    until: String,
    /// In what parts it is told: `day`, `week`, `month` or `year`, in UTC; the first and the last may be shorter.
    parts: &'static str,
    /// What the ledger of this clone says; left out where nothing was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<JsonRecord>,
    /// Whether what is wanted of changes by AI tools holds, by the record, as of now.
    objectives: Vec<JsonObjective>,
    /// What the commits say; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    commits: Option<JsonCommits>,
    /// What makes the report less than one expects.
    doubts: Vec<String>,
}

/// The first of many.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Listed<T> {
    /// How many there are.
    total: usize,
    /// A hundred of them at most.
    items: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { total: 0, items: Vec::new() }
    }
}

impl<T> Listed<T> {
    fn of(all: impl Iterator<Item = T>) -> Self {
        let mut listed = Self::default();
        for item in all {
            listed.total += 1;
            if listed.items.len() < MAX_LISTED {
                listed.items.push(item);
            }
        }
        listed
    }
}

/// How many resources depend on something, over many of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Distribution {
    /// How often none.
    none: usize,
    /// How often 1 to 5.
    few: usize,
    /// How often 6 to 20.
    some: usize,
    /// How often 21 to 100.
    many: usize,
    /// How often more.
    more: usize,
    /// How often it is not known.
    unknown: usize,
}

impl Distribution {
    fn add(&mut self, dependents: Option<u64>) {
        let count = match dependents {
            Some(0) => &mut self.none,
            Some(1..=5) => &mut self.few,
            Some(6..=20) => &mut self.some,
            Some(21..=100) => &mut self.many,
            Some(_) => &mut self.more,
            None => &mut self.unknown,
        };
        *count += 1;
    }

    /// Each step with its name.
    fn rows(&self) -> [(&'static str, usize); 6] {
        let Self { none, few, some, many, more, unknown } = *self;
        [
            ("none", none),
            ("1 to 5", few),
            ("6 to 20", some),
            ("21 to 100", many),
            ("more than 100", more),
            ("not known", unknown),
        ]
    }
}

pub(super) fn run(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir()?;
    let now = now();
    let time = |text: &str| ledger::time(text, TimeZone::UTC);
    let until = arguments.until.as_deref().map(time).transpose()?.unwrap_or(now);
    let periods = Periods::of(time(&arguments.since)?, until)?;
    let (report, is_whole) = match &arguments.of.store {
        Some(address) => report_of_store(&here, address, &periods, now)?,
        None => report(&here, &periods, now)?,
    };
    let rendered = match arguments.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        Format::Markdown => markdown::text(&page::of(&report)),
        Format::Html => html::text(&page::of(&report)),
    };
    match &arguments.output {
        Some(path) => write_output(path, &rendered)?,
        None => drop(print(&rendered)?),
    }
    Ok(ExitCode::from(if is_whole { 0 } else { FAILED }))
}

/// What there is to say of a repository, and whether everything could be read.
fn report(here: &Path, periods: &Periods, now: i64) -> anyhow::Result<(JsonReport, bool)> {
    let git = Git::of(here).ok();
    let root = git.as_ref().map_or(here, Git::root);
    let configs = Configs::default();
    let settings = configs.of(&root.join("-"));
    let mut doubts = Vec::new();
    let said = || git.as_ref().map(|git| said_in_files(git, &settings.config)).unwrap_or_default();
    let (record, cases) = recorded(root, periods, now, said)?.unzip();
    if record.is_none() {
        doubts.push(
            "nothing was recorded in this clone, so nothing is known of what was done before a commit".to_owned(),
        );
    }
    if let Some(record) = record.as_ref().filter(|record| !record.intact) {
        doubts.push(format!("the ledger is {}; what is said by it here may be false", record.chain));
    }
    if let Some(why) = record.as_ref().and_then(|record| record.unread.as_ref()) {
        doubts.push(format!("of the ledger only what comes before is counted: {why}"));
    }
    let mut cases = cases.unwrap_or_default();
    let of_incidents = git.iter().flat_map(|git| incident::cases(git, &mut doubts)).collect::<Vec<_>>();
    cases.extend(of_incidents.into_iter().filter(|case| periods.index(case.at).is_some()));
    let objectives = objectives(&cases, &settings.config.objectives, MAX_LISTED);
    if git.is_none() {
        doubts.push("this is no repository of git, so nothing is known of changes".to_owned());
    }
    let commits = git.as_ref().map(|git| commits::commits(git, &settings, (periods, now), &mut doubts));
    let commits = commits.transpose()?.flatten();
    let problems = configs.problems();
    for (path, message) in &problems {
        anstream::eprintln!("countersign: {path}: {message}");
    }
    let report = JsonReport {
        version: VERSION,
        repository: repository_at(root, git.as_ref(), &settings.config),
        since: moment(periods.since()),
        until: moment(periods.until()),
        parts: periods.length,
        record,
        objectives,
        commits,
        doubts,
    };
    let is_read = report.record.as_ref().is_none_or(|record| record.unread.is_none());
    let is_whole = is_read && report.commits.as_ref().is_none_or(|commits| commits.unread_steps == 0);
    Ok((report, is_whole && problems.is_empty()))
}

/// Repositories that are named one by one.
const MAX_NAMED: usize = 20;

/// What there is to say of all repositories of a team's store, by the record alone; objectives are those of the current folder.
fn report_of_store(here: &Path, address: &str, periods: &Periods, now: i64) -> anyhow::Result<(JsonReport, bool)> {
    let git = Git::of(here).ok();
    let configs = Configs::default();
    let settings = configs.of(&git.as_ref().map_or(here, Git::root).join("-"));
    let mut tally = Tally::new(periods, now);
    let mut last = None;
    let read = Store::read(address, &Wanted::All, |source, entry| {
        if last.replace(source.id).is_some_and(|last| last != source.id) {
            tally.next_ledger();
        }
        tally.add(&entry);
    })?;
    let (mut record, cases) = tally.finish(Vec::new());
    record.intact = read.faults.is_empty();
    record.chain = match read.faults.as_slice() {
        [] => format!("intact, {} entries in {} ledgers", read.entries, read.sources.len()),
        faults => format!("not intact: {}", faults.join("; ")),
    };
    let mut doubts = Vec::new();
    if !record.intact {
        doubts.push(format!("of the store something is {}; what is said by it here may be false", record.chain));
    }
    doubts.extend(read.sources.iter().filter(|source| source.forked_after > 0).map(|source| {
        format!(
            "a ledger of {} goes another way than another one after entry {}: two machines go on with copies of one, or one was rewritten",
            source.repository, source.forked_after
        )
    }));
    let repositories = read.repositories();
    let mut named: Vec<String> = repositories.iter().take(MAX_NAMED).map(|it| (*it).to_owned()).collect();
    if repositories.len() > MAX_NAMED {
        named.push(format!("{} more", repositories.len() - MAX_NAMED));
    }
    doubts.push(format!(
        "this is by what was sent to the store of {}; changes by commits, and requests and answers in files, are in the report of each repository",
        if named.is_empty() { "no repository yet".to_owned() } else { named.join(", ") }
    ));
    let report = JsonReport {
        version: VERSION,
        repository: counted(repositories.len(), "repository"),
        since: moment(periods.since()),
        until: moment(periods.until()),
        parts: periods.length,
        objectives: objectives(&cases, &settings.config.objectives, MAX_LISTED),
        record: Some(record),
        commits: None,
        doubts,
    };
    let is_whole = read.faults.is_empty() && configs.problems().is_empty();
    Ok((report, is_whole))
}

/// What the ledger says, and the cases in it; `None` where there is none. The chain is verified at the same time, over a connection of
/// its own.
fn recorded(
    root: &Path,
    periods: &Periods,
    now: i64,
    said: impl Fn() -> Vec<Said>,
) -> anyhow::Result<Option<(JsonRecord, Vec<Case>)>> {
    let Some(ledger) = ledger::open_in(root)? else { return Ok(None) };
    let anchors = ledger::anchors(&ledger);
    let (verified, tally) = std::thread::scope(|scope| {
        let verifying = scope.spawn(|| ledger::open_in(root).map(|it| it.map(|it| it.verify(&anchors)).transpose()));
        let mut tally = Tally::new(periods, now);
        let read: Result<(), LedgerError> = ledger.entries(&Filter::default(), |entry| {
            tally.add(&entry);
            ControlFlow::Continue(())
        });
        (verifying.join(), (read, tally))
    });
    let (read, tally) = tally;
    let (mut record, cases) = tally.finish(said());
    match read {
        Err(error @ (LedgerError::Unreadable { .. } | LedgerError::Damaged { .. })) => {
            record.unread = Some(error.to_string());
        }
        read => read?,
    }
    match verified.map_err(|_| anyhow::anyhow!("the ledger could not be verified"))?? {
        Ok(Some(found)) => {
            record.intact = found.is_intact();
            record.chain = found.to_string();
        }
        Ok(None) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Some((record, cases)))
}

/// A moment in milliseconds since 1970, as RFC 3339 has it, in UTC.
fn moment(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_dependents_is_in_one_step() {
        let mut distribution = Distribution::default();
        for number in [0, 1, 5, 6, 20, 21, 100, 101, u64::MAX] {
            distribution.add(Some(number));
        }
        distribution.add(None);
        assert_eq!(distribution.rows().map(|(_, count)| count), [1, 2, 2, 2, 2, 1]);
    }

    #[test]
    fn of_many_the_first_are_told() {
        let listed = Listed::of(0..1000);
        assert_eq!((listed.total, listed.items.len(), listed.items.last()), (1000, MAX_LISTED, Some(&99)));
    }
}
