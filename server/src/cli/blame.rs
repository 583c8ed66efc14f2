//! `countersign blame`: who wrote each line of a file, and how that is known.

use super::human::written_by;
use super::{Format, print};
use crate::attribution;
use crate::disk;
use crate::git::{BlamedLine, Git};
use crate::state::Store;
use anyhow::Context;
use clap::Args;
use countersign_engine::OriginSummary;
use countersign_engine::report::JsonOrigin;
use countersign_provenance::git_ai::{LineIndex, Note};
use countersign_provenance::trailers::trailers;
use countersign_provenance::{Agent, Authority, Origin, Writer, line_origins};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct BlameArguments {
    /// The file.
    file: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Say below the lines how each of the origins is known.
    #[arg(long)]
    explain: bool,
}

/// Who wrote the lines of a file.
#[derive(Debug, Serialize)]
pub(super) struct JsonBlame {
    /// The file, as it was named.
    path: String,
    /// Its lines, in order.
    lines: Vec<JsonLine>,
}

/// Who wrote a line.
#[derive(Debug, Serialize)]
struct JsonLine {
    /// Its number, from 1.
    line: usize,
    /// Who, as far as it is known.
    origin: JsonOrigin,
    /// Where that is known from.
    source: Source,
    /// The commit that the line comes from; absent where it is not committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// Where it is known from who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// What was recorded on this machine.
    Recorded,
    /// The note of the commit.
    Note,
    /// The commit's message names an AI tool, which may have written any of its lines.
    Trailer,
    /// Nowhere.
    None,
}

pub(super) fn run(arguments: &BlameArguments) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    let text = disk::read(file).map_err(|unread| anyhow::anyhow!("{}: {}", file.display(), unread.message()))?;
    let lines = lines(file, &text)?;
    match arguments.format {
        Format::Json => {
            let json =
                JsonBlame { path: disk::display(file), lines: lines.into_iter().map(|(line, _)| line).collect() };
            print(&format!("{}\n", serde_json::to_string_pretty(&json)?))
        }
        Format::Human => print(&table(&text, &lines, arguments.explain)),
    }
}

/// The lines of a file, each with its origin.
fn lines(file: &Path, text: &str) -> anyhow::Result<Vec<(JsonLine, Option<Origin>)>> {
    let regions = attribution::of(&Store::default(), file, text);
    let recorded = line_origins(text, &regions);
    // Outside of git only what was recorded is known.
    let blamed = match Git::of(file.parent().unwrap_or(file)) {
        Ok(git) => committed(&git, file, recorded.len()).with_context(|| format!("{}", file.display()))?,
        Err(_) => vec![(None, None, Source::None); recorded.len()],
    };
    let join = |(index, (recorded, (commit, committed, source))): (usize, (Option<&Origin>, Committed))| {
        let (origin, source) = match recorded {
            Some(recorded) => (Some(recorded.clone()), Source::Recorded),
            None => (committed, source),
        };
        let summary = match &origin {
            None => OriginSummary { by: countersign_policy::Origin::Unknown, evidence: None },
            Some(origin) => OriginSummary {
                by: match (origin.is_ai(), source) {
                    // Which of its lines are an AI's, the commit's message does not say.
                    (true, Source::Trailer) => countersign_policy::Origin::Mixed,
                    (true, _) => countersign_policy::Origin::Ai,
                    (false, _) => countersign_policy::Origin::Human,
                },
                evidence: Some(origin.clone()),
            },
        };
        (JsonLine { line: index + 1, origin: JsonOrigin::from(&summary), source, commit }, origin)
    };
    Ok(recorded.into_iter().zip(blamed).enumerate().map(join).collect())
}

/// What git knows of a line: its commit, who wrote it, and where that stands.
type Committed = (Option<String>, Option<Origin>, Source);

fn committed(git: &Git, file: &Path, count: usize) -> anyhow::Result<Vec<Committed>> {
    // A file that git does not know has no history.
    let mut blamed = git.blame(file).unwrap_or_default();
    blamed.resize_with(count, || BlamedLine { commit: None, path: String::new(), line: 0 });
    let commits = || blamed.iter().filter_map(|line| line.commit.as_deref());
    let notes: HashMap<String, Note> =
        git.notes(commits())?.into_iter().map(|(commit, note)| (commit, Note::read(&note).note)).collect();
    let lines: HashMap<&str, LineIndex<'_>> =
        notes.iter().map(|(commit, note)| (commit.as_str(), LineIndex::new(note))).collect();
    let unnoted = commits().filter(|commit| !notes.contains_key(*commit));
    let trailers: HashMap<String, Origin> = git
        .messages(unnoted)?
        .into_iter()
        .filter_map(|(commit, message)| {
            let named = trailers(&message).into_iter().next()?;
            let agent = Agent { tool: named.tool, model: named.model, session: None };
            let writer = Writer::Ai(agent);
            Some((commit, Origin { writer, authority: Authority::Declared, means: None, corrects: None }))
        })
        .collect();
    let known = |line: BlamedLine| {
        let Some(commit) = line.commit else { return (None, None, Source::None) };
        let noted_on = notes.get(&commit).zip(lines.get(commit.as_str()));
        let said = noted_on.and_then(|(note, lines)| in_note(note, lines, &line.path, line.line));
        let (origin, source) = match (said, trailers.get(&commit)) {
            (Some(origin), _) => (Some(origin), Source::Note),
            (None, Some(origin)) => (Some(origin.clone()), Source::Trailer),
            (None, None) => (None, Source::None),
        };
        (Some(commit), origin, source)
    };
    Ok(blamed.into_iter().map(known).collect())
}

/// Who wrote a line, by the note of its commit; nobody knows where entries disagree.
fn in_note(note: &Note, lines: &LineIndex<'_>, path: &str, line: usize) -> Option<Origin> {
    let entries = lines.at(path, u32::try_from(line).ok()?);
    let mut found = entries.into_iter().filter_map(|entry| note.origin_of(entry));
    let origin = found.next()?;
    found.all(|other| other.writer == origin.writer).then_some(origin)
}

/// The lines for people.
fn table(text: &str, lines: &[(JsonLine, Option<Origin>)], explain: bool) -> String {
    let who: Vec<String> = lines.iter().map(|(line, _)| who(line)).collect();
    let widest = who.iter().map(|who| who.chars().count()).max().unwrap_or_default();
    let digits = lines.len().to_string().len();
    let mut out = String::new();
    for (((line, _), who), text) in lines.iter().zip(&who).zip(text.lines()) {
        let commit = line.commit.as_deref().map_or("-", |commit| &commit[..8]);
        let _ = writeln!(out, "{commit:8}  {who:widest$}  {:digits$}  {text}", line.line);
    }
    if explain {
        let mut reasons: Vec<String> = lines
            .iter()
            .zip(&who)
            .filter_map(|((line, origin), who)| origin.as_ref().map(|_| format!("{who}: {}", reason(line))))
            .collect();
        reasons.sort();
        reasons.dedup();
        let _ = writeln!(out);
        for reason in reasons {
            let _ = writeln!(out, "{reason}");
        }
    }
    out
}

/// Who wrote a line, in a word or two.
fn who(line: &JsonLine) -> String {
    use countersign_policy::Origin;
    let tool = line.origin.tool.as_deref().unwrap_or("an AI tool");
    let model = line.origin.model.as_deref().map(|model| format!(" {model}")).unwrap_or_default();
    match line.origin.by {
        Origin::Ai => format!("{tool}{model}"),
        Origin::Mixed => format!("{tool}{model}?"),
        Origin::Human => "a person".to_owned(),
        Origin::Unknown | Origin::Suspected => String::new(),
    }
}

/// How it is known.
fn reason(line: &JsonLine) -> String {
    let written = written_by(&line.origin);
    match line.source {
        Source::Recorded => format!("{written}; recorded on this machine"),
        Source::Note => format!("{written}; the note of the commit says so"),
        Source::Trailer => {
            format!("{written}; the commit's message names the tool, and does not say which of the lines it wrote")
        }
        Source::None => written,
    }
}
