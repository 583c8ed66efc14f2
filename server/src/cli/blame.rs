//! `countersign blame`: who wrote each line of a file, and how that is known.

use super::human::written_by;
use super::{Format, print};
use crate::attribution;
use crate::committed::{Line, Records, Source};
use crate::disk;
use crate::state::Store;
use anyhow::Context;
use clap::Args;
use countersign_engine::OriginSummary;
use countersign_engine::report::JsonOrigin;
use countersign_provenance::{Origin, line_origins};
use schemars::JsonSchema;
use serde::Serialize;
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
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonBlame {
    /// The file, as it was named.
    path: String,
    /// Its lines, in order.
    lines: Vec<JsonLine>,
}

/// Who wrote a line.
#[derive(Debug, Serialize, JsonSchema)]
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
    let mut blamed = match Records::default().file(file, text.to_owned()) {
        Some(file_in_git) => file_in_git.lines().with_context(|| format!("{}", file.display()))?,
        None => Vec::new(),
    };
    blamed.resize_with(recorded.len(), || Line { commit: None, origin: None, source: Source::None });
    let join = |(index, (recorded, line)): (usize, (Option<&Origin>, Line))| {
        let (origin, source) = match recorded {
            Some(recorded) => (Some(recorded.clone()), Source::Recorded),
            None => (line.origin, line.source),
        };
        let commit = line.commit;
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
        Source::Trace => format!("{written}; a record of Agent Trace says so, and has the hash of these lines"),
        Source::Trailer => {
            format!("{written}; the commit's message names the tool, and does not say which of the lines it wrote")
        }
        Source::None => written,
    }
}
