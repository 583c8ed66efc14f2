//! `countersign log` and `countersign ledger`: what was recorded, and whether it is as it was recorded.

use super::{Format, print};
use crate::git::Git;
use crate::record;
use crate::state::Store;
use anyhow::Context;
use clap::{Args, Subcommand};
use countersign_ledger::{Anchor, Entry, Filter, Kind, Ledger, Named, Names, Verification, verify_export};
use countersign_provenance::git_ai::Note;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Entries that `log` prints where it is not told how many.
const SHOWN: u64 = 50;

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Only entries from this time on: a date and time (`2026-03-01T12:00:00Z`), or how long ago (`2h`, `7d`).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only entries about this AI tool.
    #[arg(long, value_name = "TOOL")]
    agent: Option<String>,
    /// Only entries of this kind: `insertion`, `tag`, `correction`, `finding`, `verdict`, `unmatched`, `anchor`, `approval`, `command`,
    /// `anomaly`, `revert`.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only what is out of the ordinary in what agents do: repeated denials, the same effect by another route after a denial, the
    /// first entry of an agent into a tier, bursts, a denied edit that stands on disk all the same.
    #[arg(long, conflicts_with = "kind")]
    anomalies: bool,
    /// Not more than this many, the newest.
    #[arg(long, value_name = "COUNT", default_value_t = SHOWN)]
    limit: u64,
    /// How to print them.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Check that no entry was changed, taken out or put in.
    ///
    /// Ends with 1 where one was. Heads of the ledger are written into the notes of commits: what comes after the last of
    /// them could be cut off unseen.
    Verify {
        /// Check a file that `ledger export` wrote, instead of the ledger.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Print the ledger with everything that is needed to verify it elsewhere, as JSON Lines.
    Export {
        /// Leave out the names of people and files. The chain can be verified all the same.
        #[arg(long)]
        withhold_names: bool,
    },
    /// Take a person's or a file's name out of the ledger. The chain still verifies.
    Erase {
        /// The name, as `log` shows it.
        name: String,
    },
}

/// An entry of the ledger.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonEntry {
    /// Its place; the first is 1.
    number: u64,
    /// When, in UTC, as RFC 3339 has it.
    at: String,
    /// `insertion`, `tag`, `correction`, `finding`, `verdict`, `unmatched`, `anchor`, `approval`,
    /// `anomaly`, `revert`.
    kind: String,
    /// The AI tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The person; a digest where the name was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// The file, from the root of the work tree; a digest where the name was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Everything else.
    body: Value,
    /// SHA-256 of the entry and all before it.
    hash: String,
}

/// The ledger of the folder that the command was started in; `None` where nothing was recorded.
pub(super) fn open() -> anyhow::Result<Option<Ledger>> {
    open_in(&std::env::current_dir()?)
}

pub(super) fn open_in(folder: &Path) -> anyhow::Result<Option<Ledger>> {
    let path = record::path(&Store::default(), &folder.join("-")).context("this platform names no folder for state")?;
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(Ledger::open(path)?))
}

pub(super) fn log(arguments: &LogArguments) -> anyhow::Result<ExitCode> {
    let since = arguments.since.as_deref().map(|at| time(at, TimeZone::system())).transpose()?;
    let filter = Filter {
        since,
        agent: arguments.agent.clone(),
        kind: arguments.kind.as_deref().map(Kind::from).or(arguments.anomalies.then_some(Kind::Anomaly)),
        limit: Some(arguments.limit),
        newest_first: true,
        ..Filter::default()
    };
    let mut entries = Vec::new();
    if let Some(ledger) = open()? {
        ledger.entries(&filter, |entry| {
            entries.push(json(entry));
            ControlFlow::Continue(())
        })?;
    }
    entries.reverse();
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&entries)?)),
        Format::Human if entries.is_empty() && arguments.anomalies => {
            print("Nothing out of the ordinary was recorded.\n")
        }
        Format::Human if entries.is_empty() => print("Nothing was recorded.\n"),
        Format::Human => print(&table(&entries)),
    }
}

fn json(entry: Entry) -> JsonEntry {
    let shown = |named: Option<Named>| named.map(|named| named.to_string());
    let at = jiff::Timestamp::from_millisecond(entry.at).map(|at| at.to_string()).unwrap_or_default();
    JsonEntry {
        number: entry.number,
        at,
        kind: entry.kind.to_string(),
        agent: entry.agent,
        person: shown(entry.person),
        file: shown(entry.file),
        body: entry.body,
        hash: entry.hash.to_string(),
    }
}

fn table(entries: &[JsonEntry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let who = entry.agent.as_deref().or(entry.person.as_deref()).unwrap_or("-");
        let file = entry.file.as_deref().unwrap_or("-");
        let what = in_words(&entry.body);
        let _ = writeln!(out, "{:>6}  {}  {:10}  {who}  {file}  ({what})", entry.number, entry.at, entry.kind);
    }
    out
}

/// What the body of an entry says, in a few words.
fn in_words(body: &Value) -> String {
    let word = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let count = |name: &str, of: &str| body.get(name).and_then(Value::as_u64).map(|count| format!("{count} {of}"));
    let words = [
        word("authority"),
        count("bytes", "bytes"),
        word("anomaly"),
        word("risk"),
        word("address"),
        word("severity"),
        word("state"),
        word("request").map(|request| format!("request {request}")),
        word("verdict"),
        word("why"),
        count("count", "times"),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How many edits that agents told about in the last days could not be matched with a text.
pub(super) fn unmatched(days: i64) -> anyhow::Result<u64> {
    let since = jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(24 * days))?;
    let filter = Filter { since: Some(since.as_millisecond()), kind: Some(Kind::Unmatched), ..Filter::default() };
    let mut count = 0;
    if let Some(ledger) = open()? {
        ledger.entries(&filter, |entry| {
            count += entry.body.get("count").and_then(Value::as_u64).unwrap_or(1);
            ControlFlow::Continue(())
        })?;
    }
    Ok(count)
}

/// A moment, as milliseconds since 1970; a day begins where it does in a time zone.
pub(super) fn time(text: &str, zone: TimeZone) -> anyhow::Result<i64> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Ok(date.to_zoned(zone)?.timestamp().as_millisecond());
    }
    let ago: jiff::SignedDuration = text
        .parse::<jiff::Span>()
        .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .with_context(|| {
            format!("`{text}` is no time; write `2026-03-01T12:00:00Z`, `2026-03-01`, `2h`, `7d` or `12w`")
        })?;
    Ok(jiff::Timestamp::now().checked_sub(ago)?.as_millisecond())
}

pub(super) fn run(command: &LedgerCommand) -> anyhow::Result<ExitCode> {
    match command {
        LedgerCommand::Verify { export } => verify(export.as_deref()),
        LedgerCommand::Export { withhold_names } => {
            let Some(ledger) = open()? else { return print("") };
            let names = if *withhold_names { Names::Withheld } else { Names::Disclosed };
            let mut out = BufWriter::new(std::io::stdout().lock());
            ledger.export(&mut out, names)?;
            out.flush()?;
            Ok(ExitCode::SUCCESS)
        }
        LedgerCommand::Erase { name } => {
            let erased = open()?.map(|mut ledger| ledger.erase(name)).transpose()?;
            match erased {
                Some(erased) if erased.was_known && erased.is_overwritten => print(&format!("`{name}` is erased.\n")),
                Some(erased) if erased.was_known => print(&format!(
                    "`{name}` is erased, and its bytes are still in the file: another process reads the ledger. Run this again.\n"
                )),
                _ => print(&format!("`{name}` is not in the ledger.\n")),
            }
        }
    }
}

fn verify(export: Option<&Path>) -> anyhow::Result<ExitCode> {
    // An export can be checked where the ledger itself cannot be read any more.
    let ledger = open();
    let anchors = ledger.as_ref().ok().and_then(Option::as_ref).map(anchors).unwrap_or_default();
    let found: Verification = match export {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
            verify_export(BufReader::new(file), &anchors)?
        }
        None => match ledger? {
            Some(ledger) => ledger.verify(&anchors)?,
            None => return print("Nothing was recorded.\n"),
        },
    };
    print(&format!("The ledger is {found}.\n"))?;
    Ok(if found.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Field of a note's metadata in which the head of the ledger stands.
pub(super) const ANCHOR: &str = "countersign_ledger";

/// Heads of this ledger that notes of commits name. Those of other clones are about other ledgers.
pub(super) fn anchors(ledger: &Ledger) -> Vec<Anchor> {
    let Ok(here) = std::env::current_dir() else { return Vec::new() };
    let Ok(git) = Git::of(&here) else { return Vec::new() };
    let id = identity(ledger);
    let notes = git.all_notes().unwrap_or_default();
    let anchor = |note: &String| {
        let metadata = Note::read(note).note.more.remove(ANCHOR)?;
        let of = metadata.get("of")?.as_str()?;
        (Some(of) == id.as_deref()).then(|| metadata.get("head")?.as_str()?.parse::<Anchor>().ok())?
    };
    let mut anchors: Vec<Anchor> = notes.iter().filter_map(anchor).collect();
    anchors.sort_by_key(|anchor| anchor.number);
    anchors
}

/// What tells a ledger from those of other clones: the hash of its first entry.
fn identity(ledger: &Ledger) -> Option<String> {
    let mut first = None;
    let filter = Filter { limit: Some(1), ..Filter::default() };
    ledger
        .entries(&filter, |entry| {
            first = Some(entry.hash.to_string());
            ControlFlow::Break(())
        })
        .ok()?;
    first
}

/// The head of the ledger of a work tree, as a note's metadata holds it.
pub(super) fn head(git: &Git) -> Option<Value> {
    let ledger = open_in(git.root()).ok().flatten()?;
    let head = ledger.head().ok().flatten()?;
    Some(serde_json::json!({ "of": identity(&ledger)?, "head": head.to_string() }))
}
