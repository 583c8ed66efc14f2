//! `cargo xtask traces`: real people at work, with evidence about other texts open. Nothing that they write may be taken for an
//! AI's, and little of it may be asked about.

use crate::replay;
use anyhow::{Context, ensure};
use countersign_engine::{Change, Document, Inserted};
use countersign_grammars::Language;
use countersign_provenance::{Saved, is_mostly_in, looks_inserted_at_once};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde_json::Value;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Pieces of evidence about other texts that are open while somebody writes.
const EVIDENCE: usize = 200;

/// A pause from which on nobody is at work, in seconds.
const PAUSE: f64 = 300.0;

/// Most hints in an hour of work, and the least share of an agent's inserts that would be hinted at.
const MOST_HINTS: f64 = 1.0;
const LEAST_SHARE: f64 = 0.25;

/// What came of one trace.
#[derive(Default)]
struct Count {
    edits: usize,
    /// Bytes that were taken for an AI's, after any edit.
    wrong: usize,
    hints: u32,
    /// Hours of work, where the trace has a clock.
    hours: f64,
}

pub(crate) fn run(data: &Path) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let calls = data.join("agents/claude-edits.jsonl.gz");
    let traces = data.join("traces");
    if !calls.exists() || !traces.exists() {
        writeln!(out, "skipped: {} and {} are not both there", calls.display(), traces.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let evidence = replay::evidence(&calls, EVIDENCE)?;
    ensure!(evidence.len() == EVIDENCE, "there are {} pieces of evidence only", evidence.len());
    let mut files: Vec<_> = std::fs::read_dir(&traces)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    writeln!(out, "| trace | edits | bytes taken for an AI's | hints | hours of work |\n|---|---|---|---|---|")?;
    let (mut wrong, mut hints, mut hours) = (0, 0, 0.0);
    for path in files {
        let trace: Value = serde_json::from_reader(GzDecoder::new(File::open(&path)?))?;
        let count = replayed(&trace, &evidence).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.trim_end_matches(".json.gz");
        let clock = if count.hours > 0.0 { format!("{:.1}", count.hours) } else { "no clock".to_owned() };
        writeln!(out, "| {name} | {} | {} | {} | {clock} |", count.edits, count.wrong, count.hints)?;
        wrong += count.wrong;
        if count.hours > 0.0 {
            hints += count.hints;
            hours += count.hours;
        }
    }
    let (hinted, inserts) = replay::hints(&calls)?;
    let an_hour = f64::from(hints) / hours;
    let share = f64::from(hinted) / f64::from(inserts);
    writeln!(out, "\n| figure | measured | bar |\n|---|---|---|")?;
    writeln!(out, "| bytes of people taken for an AI's, {EVIDENCE} pieces of evidence open | {wrong} | 0 |")?;
    writeln!(out, "| hints in an hour of work ({hints} in {hours:.1} h) | {an_hour:.2} | {MOST_HINTS:.0} |")?;
    writeln!(
        out,
        "| inserts of an agent that would be hinted at ({hinted} of {inserts}) | {:.0} % | {:.0} % |",
        share * 100.0,
        LEAST_SHARE * 100.0
    )?;
    let holds = wrong == 0 && an_hour <= MOST_HINTS && share >= LEAST_SHARE;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Replays a trace as the changes of an editor.
fn replayed(trace: &Value, evidence: &[Saved]) -> anyhow::Result<Count> {
    let mut document = Document::new(Language::Terraform, 0, trace["startContent"].as_str().unwrap_or_default());
    let mut count = Count::default();
    let mut before: Option<Timestamp> = None;
    for (version, step) in (1..).zip(trace["txns"].as_array().context("no steps")?) {
        if let Some(at) = step["time"].as_str().and_then(|time| time.parse::<Timestamp>().ok()) {
            let passed = before.map_or(0.0, |before| at.duration_since(before).as_secs_f64());
            count.hours += if (0.0..PAUSE).contains(&passed) { passed / 3600.0 } else { 0.0 };
            before = Some(at);
        }
        let patches = step["patches"].as_array().context("no patches")?;
        let inserted = document.change(version, patches, |text, patch| {
            let number = |index: usize| usize::try_from(patch[index].as_u64().unwrap_or_default()).unwrap_or_default();
            // Positions count code points.
            let text = text.to_string();
            let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]).skip(number(0));
            let start = places.next().unwrap_or(text.len());
            let end = if number(1) == 0 { Some(start) } else { places.nth(number(1) - 1) };
            Change {
                range: Some(start..end.unwrap_or(text.len())),
                text: patch[2].as_str().unwrap_or_default().to_owned(),
            }
        });
        count.edits += 1;
        count.hints += u32::try_from(inserted.iter().filter(|inserted| is_asked(&document, inserted)).count())?;
        let text = document.text().to_string();
        let ink = Saved::ink_of(&text);
        let same = evidence.iter().filter(|saved| saved.ink() == ink).find_map(|saved| saved.restore_same(&text));
        if let Some(regions) = same {
            document.attribute(version, &regions);
        }
        count.wrong += document.regions().pieces(0..text.len()).map(|piece| piece.end - piece.start).sum::<usize>();
    }
    ensure!(
        Some(document.text().to_string().as_str()) == trace["endContent"].as_str(),
        "the text at the end is another"
    );
    Ok(count)
}

/// Whether a person would be asked about what came in, where there is no other file.
pub(crate) fn is_asked(document: &Document, inserted: &Inserted) -> bool {
    if !looks_inserted_at_once(&inserted.text, &inserted.removed) || document.was_deleted(&inserted.text) {
        return false;
    }
    let text = document.text();
    let rest = format!("{}{}", text.slice(0..inserted.range.start), text.slice(inserted.range.end..text.len()));
    !is_mostly_in(&inserted.text, &rest) && !is_mostly_in(&inserted.text, &inserted.removed)
}
