//! `countersign status`: what an AI wrote that is in no commit yet, and so in no note.

use super::{Format, print};
use crate::attribution;
use crate::disk;
use crate::git::Git;
use crate::state::Store;
use clap::Args;
use countersign_provenance::{Writer, line_origins};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Days for which is counted what could not be matched.
const UNMATCHED_DAYS: i64 = 30;

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What waits to be committed, and what could not be made out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonStatus {
    /// Files with lines of which it is known who wrote them.
    files: Vec<JsonStatusFile>,
    /// How many edits that agents told about in the last 30 days could not be matched with a text, and so count for nothing.
    unmatched: u64,
}

/// Lines of a file that are in no commit and whose writer is known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonStatusFile {
    /// The file, from the root of the work tree.
    path: String,
    /// How many lines each AI tool wrote.
    tools: BTreeMap<String, usize>,
    /// How many lines a person is known to have written.
    human: usize,
    /// How many lines are new and of unknown origin.
    unknown: usize,
}

pub(super) fn run(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(&std::env::current_dir()?)?;
    let store = Store::default();
    let mut files = Vec::new();
    for path in git.changed()? {
        let file = git.root().join(&path);
        // What was deleted or is no text has no lines.
        let Ok(text) = disk::read(&file) else { continue };
        let regions = attribution::of(&store, &file, &text);
        let committed = git.blame(&file, &text).unwrap_or_default();
        let mut status = JsonStatusFile { path, tools: BTreeMap::new(), human: 0, unknown: 0 };
        for (index, origin) in line_origins(&text, &regions).into_iter().enumerate() {
            if committed.get(index).is_some_and(|line| line.commit.is_some()) {
                continue;
            }
            match origin.map(|origin| &origin.writer) {
                Some(Writer::Ai(agent)) => *status.tools.entry(agent.tool.clone()).or_default() += 1,
                Some(Writer::Human) => status.human += 1,
                // Which AI tool it was is not known.
                Some(writer @ Writer::Disputed(_)) if writer.is_ai() => {
                    *status.tools.entry("unknown".to_owned()).or_default() += 1;
                }
                Some(Writer::Disputed(_)) | None => status.unknown += 1,
            }
        }
        if !status.tools.is_empty() || status.human > 0 {
            files.push(status);
        }
    }
    let status = JsonStatus { files, unmatched: super::ledger::unmatched(UNMATCHED_DAYS)? };
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&status)?)),
        Format::Human => print(&table(&status)),
    }
}

fn table(status: &JsonStatus) -> String {
    let mut out = String::new();
    if status.files.is_empty() {
        out.push_str("Nothing that an AI is known to have written waits to be committed.\n");
    }
    for file in &status.files {
        let lines = |count: usize| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
        let mut parts: Vec<String> =
            file.tools.iter().map(|(tool, count)| format!("{} by {tool}", lines(*count))).collect();
        if file.human > 0 {
            parts.push(format!("{} by a person", lines(file.human)));
        }
        if file.unknown > 0 {
            parts.push(format!("{} of unknown origin", lines(file.unknown)));
        }
        let _ = writeln!(out, "{}: {}", file.path, parts.join(", "));
    }
    if status.unmatched > 0 {
        let edits = if status.unmatched == 1 { "edit" } else { "edits" };
        let _ = writeln!(
            out,
            "{} {edits} that agents told about in the last {UNMATCHED_DAYS} days could not be matched with a text, so nobody is \
             named for them; `countersign log --kind unmatched` says why.",
            status.unmatched
        );
    }
    out
}
