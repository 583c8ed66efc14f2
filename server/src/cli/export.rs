//! `countersign export`: who wrote what, in formats of others.

use super::print;
use crate::git::Git;
use anyhow::Context;
use clap::{Args, Subcommand};
use countersign_provenance::agent_trace::{
    Contributor, ContributorKind, Conversation, Revision, Tool, Trace, TraceFile, TraceRange, content_hash,
};
use countersign_provenance::git_ai::{LineRange, Note};
use countersign_provenance::{Writer, sha256};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// Agent Trace 0.1.0, as JSON Lines: a record for each commit of which a note says who wrote its lines.
    AgentTrace(AgentTraceArguments),
}

#[derive(Debug, Args)]
pub(super) struct AgentTraceArguments {
    /// Commits, as `git rev-list` takes them: `HEAD`, `main..topic`.
    #[arg(default_value = "HEAD", allow_hyphen_values = false)]
    commits: String,
    /// Not more commits than this.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: usize,
}

pub(super) fn run(command: &ExportCommand) -> anyhow::Result<ExitCode> {
    let ExportCommand::AgentTrace(arguments) = command;
    let git = Git::of(&std::env::current_dir()?)?;
    let commits = git.commits(&arguments.commits, arguments.limit)?;
    let notes = git.notes(commits.iter().map(|(commit, _)| commit.as_str()))?;
    for (commit, seconds) in &commits {
        let Some(note) = notes.get(commit) else { continue };
        let trace = trace(&git, commit, *seconds, &Note::read(note).note)?;
        if let Some(line) = trace.filter(|trace| !trace.files.is_empty()).and_then(|trace| trace.write()) {
            print(&format!("{line}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The record of a commit.
fn trace(git: &Git, commit: &str, seconds: i64, note: &Note) -> anyhow::Result<Option<Trace>> {
    let mut tools = Vec::new();
    let mut files = Vec::new();
    for file in &note.files {
        // A note may name what the commit does not have any more.
        let Ok(text) = git.show(commit, &file.path) else { continue };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut conversations = Vec::new();
        for entry in &file.entries {
            let Some(origin) = note.origin_of(entry) else { continue };
            let contributor = match &origin.writer {
                Writer::Human => Contributor { kind: ContributorKind::Human, model: None },
                Writer::Disputed(_) => Contributor { kind: ContributorKind::Unknown, model: None },
                Writer::Ai(agent) => {
                    tools.push(agent.tool.clone());
                    Contributor { kind: ContributorKind::Ai, model: agent.model.clone() }
                }
            };
            let ranges = entry.ranges.iter().map(|range| TraceRange {
                lines: *range,
                content_hash: hashed(&lines, *range),
                contributor: None,
            });
            conversations.push(Conversation {
                contributor: Some(contributor),
                ranges: ranges.collect(),
                ..Conversation::default()
            });
        }
        if !conversations.is_empty() {
            files.push(TraceFile { path: file.path.clone(), conversations });
        }
    }
    tools.sort();
    tools.dedup();
    let timestamp = jiff::Timestamp::from_second(seconds).context("the commit's time is none")?;
    Ok(Some(Trace {
        id: uuid(commit),
        timestamp: Some(timestamp),
        revision: Some(Revision { system: "git".to_owned(), id: commit.to_owned() }),
        // One record has one tool.
        tool: (tools.len() == 1).then(|| Tool { name: tools.pop(), version: None }),
        files,
        confidence: None,
        vendor: Some(json!({ "source": "refs/notes/ai" })),
        ..Trace::default()
    }))
}

fn hashed(lines: &[&str], range: LineRange) -> Option<String> {
    let index = |line: u32| usize::try_from(line).ok();
    let inside = lines.get(index(range.first)?.checked_sub(1)?..index(range.last)?)?;
    Some(content_hash(&inside.concat()))
}

/// A UUID that is the same for the same commit: version 8, which leaves its making to the program.
fn uuid(commit: &str) -> String {
    let digits = sha256(&format!("countersign agent-trace {commit}"));
    format!("{}-{}-8{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
}
