//! `cargo xtask notes`: whether real notes of git-ai are read and written back without loss.
//!
//! Each note is read a second time here, line by line and by the letter of the standard, so that the reader is not measured
//! by itself. What is valid under the standard has to stand in the written note with the same lines.

use anyhow::Context;
use countersign_provenance::git_ai::{Note, Oddity};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Ranges, as they stand in a note.
type Ranges = Vec<(u32, u32)>;

/// What was counted over all notes.
#[derive(Default)]
struct Count {
    notes: u64,
    odd_notes: u64,
    incomplete_notes: u64,
    entries: u64,
    ranges: u64,
    read_entries: u64,
    valid_entries: u64,
    kept_entries: u64,
    same_text: u64,
    with_origin: u64,
    records: u64,
    kept_records: u64,
    oddities: BTreeMap<Oddity, u64>,
    wrong: Vec<String>,
}

/// Reads the notes of a file, by default the one beside the workspace.
pub(crate) fn run(data: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = data.map_or_else(|| super::shared().join("data/agents/git-ai-notes.jsonl.gz"), PathBuf::from);
    let mut out = std::io::stdout().lock();
    if data.is_none() && !path.is_file() {
        writeln!(out, "skipped: there are no notes in {}; --data says where they are", path.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut count = Count::default();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let value: Value = serde_json::from_str(&line?).context("a line is no JSON")?;
        let commit = value["commit"].as_str().unwrap_or_default();
        let attestation = value["attestation"].as_str().context("a line has no `attestation`")?;
        count.note(commit, attestation, &value["metadata"]);
    }
    out.write_all(count.table()?.as_bytes())?;
    Ok(if count.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Count {
    fn note(&mut self, commit: &str, attestation: &str, metadata: &Value) {
        let line_break = if attestation.is_empty() { "" } else { "\n" };
        let reading = Note::read(&format!("{attestation}{line_break}---\n{metadata:#}"));
        self.notes += 1;
        self.odd_notes += u64::from(!reading.oddities.is_empty());
        self.incomplete_notes += u64::from(!reading.is_complete());
        for (oddity, times) in &reading.oddities {
            *self.oddities.entry(*oddity).or_default() += times;
        }
        for entry in reading.note.files.iter().flat_map(|file| &file.entries) {
            self.read_entries += 1;
            self.with_origin += u64::from(reading.note.origin_of(entry).is_some());
        }

        let written = reading.note.write();
        let (entries, json) = written.split_once("---\n").unwrap_or((&written, ""));
        let after = lines(entries);
        for ((path, key), (_, ranges)) in &after {
            if ranges.as_deref().is_none_or(|ranges| joined(ranges) != ranges) {
                self.wrong.push(format!("{commit}: {path}: {key} is not written as the standard has it"));
            }
        }
        for ((path, key), (text, ranges)) in lines(attestation) {
            self.entries += 1;
            self.ranges += u64::try_from(text.split(',').count()).unwrap_or_default();
            let Some(ranges) = ranges.filter(|_| is_key(&key, metadata)) else {
                continue;
            };
            self.valid_entries += 1;
            match after.get(&(path.clone(), key.clone())) {
                Some((now, Some(same))) if *same == joined(&ranges) => {
                    self.kept_entries += 1;
                    self.same_text += u64::from(*now == text);
                }
                _ => self.wrong.push(format!("{commit}: {path}: {key} {text} is not written back")),
            }
        }
        self.metadata(commit, metadata, json);
    }

    /// Compares what the JSON says of each key and of the commit.
    fn metadata(&mut self, commit: &str, before: &Value, json: &str) {
        let after: Value = serde_json::from_str(json).unwrap_or_default();
        let is_same = |field: &str| before[field] == after[field];
        if !["schema_version", "base_commit_sha", "git_ai_version"].into_iter().all(is_same)
            || !after["prompts"].is_object()
        {
            self.wrong.push(format!("{commit}: a required field is not written back"));
        }
        for map in ["prompts", "sessions", "humans"] {
            for (key, record) in before[map].as_object().into_iter().flatten() {
                self.records += 1;
                let fields = ["agent_id", "human_author", "custom_attributes", "author", "accepted_lines"];
                let now = &after[map][key];
                if fields.into_iter().all(|field| record[field] == now[field]) {
                    self.kept_records += 1;
                } else {
                    self.wrong.push(format!("{commit}: {map}: {key} is not written back"));
                }
            }
        }
    }

    fn table(&self) -> anyhow::Result<String> {
        let mut out = String::new();
        for (what, number) in [
            ("notes read", self.notes),
            ("of them with an oddity", self.odd_notes),
            ("of them with a loss", self.incomplete_notes),
            ("entries", self.entries),
            ("ranges", self.ranges),
            ("entries read", self.read_entries),
            ("of them of known origin", self.with_origin),
            ("entries valid under the standard", self.valid_entries),
            ("of them written back with the same lines", self.kept_entries),
            ("of them written back letter for letter", self.same_text),
            ("sessions and people", self.records),
            ("of them written back", self.kept_records),
        ] {
            writeln!(out, "{what:<42} {number:>8}")?;
        }
        out.push('\n');
        for (oddity, times) in &self.oddities {
            writeln!(out, "{:<42} {times:>8}", oddity.to_string())?;
        }
        for wrong in &self.wrong {
            writeln!(out, "{wrong}")?;
        }
        Ok(out)
    }
}

/// The entries of a note by path and key: the text of their ranges, and these where they are valid.
fn lines(attestation: &str) -> BTreeMap<(String, String), (String, Option<Ranges>)> {
    let mut entries = BTreeMap::new();
    let mut path = "";
    for line in attestation.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ").and_then(|entry| entry.split_once(' ')) {
            Some((key, text)) => {
                entries.insert((path.to_owned(), key.to_owned()), (text.to_owned(), ranges(text)));
            }
            None => path = line,
        }
    }
    entries
}

/// Ranges that ascend without an overlap, from line 1.
fn ranges(text: &str) -> Option<Ranges> {
    let mut ranges = Ranges::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let before = ranges.last().map_or(0, |(_, last)| *last);
        if first <= before || last < first {
            return None;
        }
        ranges.push((first, last));
    }
    Some(ranges)
}

/// The same lines in as few ranges as can be.
fn joined(ranges: &[(u32, u32)]) -> Ranges {
    let mut joined = Ranges::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if *end + 1 == *first => *end = *last,
            _ => joined.push((*first, *last)),
        }
    }
    joined
}

/// Whether a key has a form of the standard and stands in the map that this form belongs to.
fn is_key(key: &str, metadata: &Value) -> bool {
    let is_id = |text: &str, prefix: &str, digits: usize| {
        text.strip_prefix(prefix)
            .is_some_and(|id| id.len() == digits && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if let Some((session, trace)) = key.split_once("::") {
        is_id(session, "s_", 14) && is_id(trace, "t_", 14) && !metadata["sessions"][session].is_null()
    } else if key.starts_with("h_") {
        is_id(key, "h_", 14) && !metadata["humans"][key].is_null()
    } else {
        is_id(key, "", 16) && !metadata["prompts"][key].is_null()
    }
}
