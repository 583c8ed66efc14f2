//! `countersign revert`: takes back what an AI wrote.

use super::print;
use crate::attribution;
use crate::disk::Configs;
use crate::impact::{self, Besides, Compared};
use crate::record::{self, Kind};
use crate::state::Store;
use crate::surroundings::key;
use anyhow::{Context, bail};
use clap::Args;
use countersign_impact::predict;
use countersign_provenance::{Origin, inverse};
use countersign_text::Text;
use serde_json::json;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct RevertArguments {
    /// What: a session of an agent, as `countersign log` and `blame` name it; a file; or lines of a file, `main.tf:10-20`.
    /// Of lines, what was deleted there comes back too, whoever did it.
    what: String,
    /// The state to go back to; else the merge base with the default branch, else the last commit.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Write the files. Else it is only shown what would be changed.
    #[arg(long)]
    write: bool,
}

/// What is to be taken back.
enum Wanted {
    /// What was written in a session.
    Session(String),
    /// What AI tools wrote in a file, in some of its lines or all.
    File(PathBuf, Option<(usize, usize)>),
}

pub(super) fn run(arguments: &RevertArguments) -> anyhow::Result<ExitCode> {
    let wanted = wanted(&arguments.what)?;
    let scope = match &wanted {
        Wanted::Session(_) => std::env::current_dir()?,
        Wanted::File(file, _) => file.clone(),
    };
    let configs = Configs::default();
    let compared = impact::since(&scope, arguments.base.as_deref(), &configs, &Besides::default())?;
    let store = Store::of_one_run();
    let mut out = String::new();
    let mut found = false;
    let mut files: Vec<_> = compared.after.files().collect();
    files.sort_by_key(|(name, _)| (*name).clone());
    for (name, snapshot) in files {
        let path = Path::new(&**name);
        if matches!(&wanted, Wanted::File(file, _) if key(file) != *name) {
            continue;
        }
        let text = snapshot.text.to_string();
        let before = compared.before.file(name).map(|before| before.text.to_string()).unwrap_or_default();
        if before == text {
            continue;
        }
        let regions = attribution::of(&store, path, &text);
        let (within, deleted) = match &wanted {
            Wanted::File(_, Some(lines)) => (bytes(&snapshot.text, *lines), true),
            _ => (0..text.len(), false),
        };
        let is_wanted = |origin: &Origin| match &wanted {
            Wanted::Session(session) => origin.agent().is_some_and(|agent| agent.session.as_ref() == Some(session)),
            Wanted::File(..) => origin.is_ai(),
        };
        let inverse = inverse(&before, &text, &regions, is_wanted, &within, deleted);
        found |= !inverse.edits.is_empty() || !inverse.kept.is_empty();
        let shown = compared.after.shown(name);
        if !inverse.edits.is_empty() {
            let mut reverted = text.clone();
            for edit in &inverse.edits {
                reverted.replace_range(edit.range.clone(), &edit.text);
            }
            out += &super::fix::diff(&shown, &text, &reverted);
            if arguments.write {
                super::fix::write(path, &text, &reverted).map_err(|why| anyhow::anyhow!("{shown}: {why}"))?;
                log(&store, path, &wanted, inverse.kept.is_empty());
            }
        }
        for range in &inverse.kept {
            let line = snapshot.text.line_of(range.start) + 1;
            let _ = writeln!(
                out,
                "{shown}:{line}: left as it is, for text of others stands in between; take it back by hand"
            );
        }
    }
    if !found {
        bail!(
            "nothing that is there now and was not at {} is known to be of {}; `countersign blame FILE` says what is known",
            compared.baseline,
            arguments.what
        );
    }
    out += &lost(&compared, &configs);
    if !arguments.write {
        out.push_str("Nothing was changed; --write makes the change.\n");
    }
    print(&out)
}

/// Adds to the ledger that something was taken back, and whether that was all that was meant in the file. What could not be recorded
/// is said, and changes nothing.
fn log(store: &Store, file: &Path, wanted: &Wanted, is_all: bool) {
    let mut body = json!({ "whole": is_all && !matches!(wanted, Wanted::File(_, Some(_))) });
    if let Wanted::Session(session) = wanted {
        body["session"] = session.as_str().into();
    }
    let entry = record::entry_of(Kind::Revert, file, None, None, body);
    if let Err(error) = record::append(store, file, &[entry]) {
        anstream::eprintln!("countersign: that it was taken back could not be recorded: {error}");
    }
}

/// What does not come back with the text, once it was applied.
fn lost(compared: &Compared, configs: &Configs) -> String {
    let tables = impact::tables(configs, &compared.modules);
    let changes = predict(&compared.before.workspace, &compared.after.workspace, &compared.modules, &tables);
    let mut out = String::new();
    for change in changes {
        let Some(loss) = &change.loss else { continue };
        let saved = loss.saved_by.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
        let _ = writeln!(
            out,
            "If the change was applied already, `{}` does not come back with the text: {}{saved}.",
            change.address, loss.why
        );
    }
    out
}

fn wanted(what: &str) -> anyhow::Result<Wanted> {
    if Path::new(what).is_file() {
        return Ok(Wanted::File(PathBuf::from(what), None));
    }
    if let Some((file, lines)) = what.rsplit_once(':')
        && Path::new(file).is_file()
    {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let number = |text: &str| text.parse::<usize>().ok().filter(|line| *line > 0);
        let lines = number(first).zip(number(last)).filter(|(first, last)| first <= last);
        let lines = lines.with_context(|| format!("`{what}` names no lines; write `{file}:10-20`"))?;
        return Ok(Wanted::File(PathBuf::from(file), Some(lines)));
    }
    Ok(Wanted::Session(what.to_owned()))
}

/// The bytes of lines, from 1.
fn bytes(text: &Text, (first, last): (usize, usize)) -> Range<usize> {
    let line = |number: usize| text.line_range((number - 1).min(text.line_count().saturating_sub(1)));
    line(first).start..line(last).end
}
