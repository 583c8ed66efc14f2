//! `cargo xtask replay`: real edits of a coding agent, told by its hook and shown by an editor in each of the shapes in which
//! editors read a file again. What the agent put there has to be known as its own, and nothing else.

use crate::traces::is_asked;
use anyhow::{Context, bail};
use countersign_agents::{Action, AgentKind, Change as AgentChange, Moment, read};
use countersign_engine::{Change, Document};
use countersign_grammars::Language;
use countersign_provenance::{Agent, Authority, Means, Origin, Regions, Saved, Step, Writer, after_agent};
use flate2::read::GzDecoder;
use imara_diff::{Algorithm, Diff, InternedInput};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

/// Lines of generated text around what is edited.
const AROUND: usize = 20;

#[derive(Default)]
struct Count {
    calls: usize,
    failing: usize,
    shapes: usize,
    /// Bytes of lines that only the agent's text has.
    own: usize,
    missed: usize,
    /// Bytes that were there before, or stand outside of the edit, and were taken for the agent's.
    wrong: usize,
}

/// Replays every call of a file of calls, one JSON object a line, compressed by gzip.
pub(crate) fn run(data: &Path) -> anyhow::Result<ExitCode> {
    if !data.exists() {
        writeln!(std::io::stdout(), "skipped: {} is not there", data.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut count = Count::default();
    for call in calls(data)? {
        let call = call?;
        replay(&call, &mut count).with_context(|| format!("call {}", call["id"]))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "| figure | measured | bar |\n|---|---|---|")?;
    writeln!(out, "| calls that could have succeeded | {} of {} | |", count.calls, count.calls + count.failing)?;
    writeln!(out, "| shapes of a reload | {} | |", count.shapes)?;
    writeln!(out, "| bytes of new lines, attributed | {} of {} | all |", count.own - count.missed, count.own)?;
    writeln!(out, "| bytes of others, attributed | {} | 0 |", count.wrong)?;
    Ok(if count.missed + count.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The calls of a file of calls.
fn calls(data: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Value>>> {
    let lines = BufReader::new(GzDecoder::new(File::open(data)?)).lines();
    Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
}

/// What the hook would report of the first calls that put something into a text.
pub(crate) fn evidence(data: &Path, count: usize) -> anyhow::Result<Vec<Saved>> {
    let mut found = Vec::new();
    for call in calls(data)? {
        let call = call?;
        if let Some((before, after)) = texts(&call) {
            found.extend(reported(&call, &before, &after)?);
        }
        if found.len() == count {
            break;
        }
    }
    Ok(found)
}

/// How many of the calls that insert something would be asked about if no hook told of them, and how many those are.
pub(crate) fn hints(data: &Path) -> anyhow::Result<(u32, u32)> {
    let (mut hinted, mut inserts) = (0, 0);
    for call in calls(data)? {
        let Some((before, after)) = texts(&call?) else { continue };
        let mut document = Document::new(Language::Terraform, 1, &before);
        let inserted = document.change(2, whole(&before, &after), |_, change| change);
        inserts += u32::from(!inserted.is_empty());
        hinted += u32::from(inserted.iter().any(|inserted| is_asked(&document, inserted)));
    }
    Ok((hinted, inserts))
}

fn replay(call: &Value, count: &mut Count) -> anyhow::Result<()> {
    let Some((before, after)) = texts(call) else {
        count.failing += 1;
        return Ok(());
    };
    count.calls += 1;
    let saved = reported(call, &before, &after)?;

    let (own, [ends, lines]) = truth(&before, &after);
    let foreign = [ends, lines, unsaid(call, &after)];
    for changes in [vec![], whole(&before, &after), hunks(&before, &after)] {
        // Without changes it is closed and opened again.
        let reopened = changes.is_empty();
        let mut document = Document::new(Language::Terraform, 1, if reopened { &after } else { &before });
        if !reopened {
            document.change(2, changes, |_, change| change);
        }
        let text = document.text().to_string();
        if text != after {
            bail!("the shapes are wrong");
        }
        if let Some(found) = saved.as_ref().and_then(|saved| saved.restore_same(&text)) {
            document.attribute(document.version(), &found);
        }
        let mut known = vec![false; text.len()];
        let snapshot = document.snapshot();
        for piece in snapshot.regions.pieces(0..text.len()) {
            known[piece.start..piece.end].fill(true);
        }
        let bytes = |ranges: &[Range<usize>], wanted: bool| {
            ranges.iter().flat_map(|range| &known[range.clone()]).filter(|byte| **byte == wanted).count()
        };
        count.shapes += 1;
        count.own += own.iter().map(Range::len).sum::<usize>();
        count.missed += bytes(&own, false);
        let [ends, lines, said] = foreign.each_ref().map(|foreign| wrong(&text, &known, foreign));
        count.wrong += ends.max(lines.min(said));
    }
    Ok(())
}

/// What is written down of a call, by what its hook says after it.
fn reported(call: &Value, before: &str, after: &str) -> anyhow::Result<Option<Saved>> {
    let input = &call["input"];
    let payload = json!({
        "session_id": call["session"], "cwd": "/w", "hook_event_name": "PostToolUse", "tool_name": call["tool"],
        "tool_use_id": call["id"], "tool_input": input, "tool_response": {},
    });
    let told = read(AgentKind::ClaudeCode, payload.to_string().as_bytes())?;
    let (Moment::After, Action::Edits(edits)) = (told.moment, told.action) else { bail!("no edit: {payload}") };
    let mut steps = Vec::new();
    for edit in edits {
        match edit.change {
            AgentChange::Replace(replacements) => {
                steps.extend(replacements.into_iter().map(|it| Step::Replace {
                    old: it.old,
                    new: it.new,
                    all: it.all,
                }));
            }
            AgentChange::Write(text) => steps.push(Step::Write(text)),
            change => bail!("unexpected: {change:?}"),
        }
    }
    let agent = Agent { tool: told.tool, model: told.model, session: told.session };
    let origin =
        Origin { writer: Writer::Ai(agent), authority: Authority::Reported, means: Some(Means::Agent), corrects: None };
    let regions = after_agent(before, &Regions::default(), after, &steps, &origin).context("it is not followed")?;
    let saved = Saved::new(after, &regions);
    let stored = saved.map(|saved| serde_json::to_string(&saved)).transpose()?;
    Ok(stored.map(|stored| serde_json::from_str(&stored)).transpose()?)
}

/// How many bytes are taken for the agent's that are others'. An insertion between equal texts can be put at several places
/// that make the same text (before or after a `}` that it ends with); any of them will do.
fn wrong(text: &str, known: &[bool], foreign: &[Range<usize>]) -> usize {
    let bytes = text.as_bytes();
    let mut is_foreign = vec![false; text.len()];
    for range in foreign {
        is_foreign[range.clone()].fill(true);
    }
    // Sums up to each place.
    let mut sums = vec![0];
    for foreign in is_foreign {
        sums.push(sums.last().copied().unwrap_or_default() + usize::from(foreign));
    }
    let mut wrong = 0;
    let mut at = 0;
    while let Some(start) = (at..known.len()).find(|place| known[*place]) {
        let end = (start..known.len()).find(|place| !known[*place]).unwrap_or(known.len());
        let later = (0..).take_while(|by| bytes.get(end + by) == Some(&bytes[start + by]) && end + by < bytes.len());
        let earlier = (1..=start).take_while(|by| bytes[start - by] == bytes[end - by]);
        let right = later.map(|by| sums[end + by + 1] - sums[start + by + 1]);
        let left = earlier.map(|by| sums[end - by] - sums[start - by]);
        let least = right.chain(left).chain([sums[end] - sums[start]]).min().unwrap_or_default();
        wrong += least;
        at = end;
    }
    wrong
}

/// The file before and after a call, in surroundings that hold nothing of it; `None` where the call cannot have succeeded.
fn texts(call: &Value) -> Option<(String, String)> {
    let input = &call["input"];
    let around = |name: &str| (0..AROUND).map(|line| format!("# {name} {line} ~\n")).collect::<Vec<_>>().concat();
    if let Some(content) = input["content"].as_str() {
        // Some lines of it were there before.
        let kept: String = content.split_inclusive('\n').step_by(3).collect();
        return Some((format!("{}{kept}", around("old")), content.to_owned()));
    }
    let (old, new) = (input["old_string"].as_str()?, input["new_string"].as_str()?);
    if old == new || old.is_empty() {
        return None;
    }
    let again = if input["replace_all"] == true { format!("\n# again ~\n{old}") } else { String::new() };
    let file = |text: &str, again: &str| format!("{}{text}{again}\n{}", around("head"), around("tail"));
    let after = if again.is_empty() { file(new, "") } else { file(new, &format!("\n# again ~\n{new}")) };
    let before = file(old, &again);
    // With `replace_all`, whatever is left is replaced, too.
    let once = if again.is_empty() { before.matches(old).count() == 1 } else { before.replace(old, new) == after };
    once.then_some((before, after))
}

/// Lines that only the text after has, and what is not the agent's in two ways: what both texts begin and end with, and the
/// lines that a diff finds in both.
fn truth(before: &str, after: &str) -> (Vec<Range<usize>>, [Vec<Range<usize>>; 2]) {
    let known: HashSet<&str> = before.lines().map(str::trim).collect();
    let mut own = Vec::new();
    let mut at = 0;
    let mut starts = Vec::new();
    for line in after.split_inclusive('\n') {
        starts.push(at);
        let ink = line.trim();
        // A line that begins or ends as one of before may have been made out of it.
        let is_new = ink.len() > 3 && !known.contains(ink);
        let from_other = || known.iter().any(|other| !other.is_empty() && shares_an_end(ink, other));
        if is_new && !from_other() {
            let start = at + line.len() - line.trim_start().len();
            own.push(start..start + ink.len());
        }
        at += line.len();
    }
    starts.push(at);
    let prefix = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - prefix;
    let suffix = before.bytes().rev().zip(after.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    let ends = vec![0..prefix, after.len() - suffix..after.len()];
    let mut lines = Vec::new();
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let mut line = 0;
    for hunk in diff.hunks() {
        lines.push(starts[line]..starts[hunk.after.start as usize]);
        line = hunk.after.end as usize;
    }
    lines.push(starts[line]..after.len());
    // Where both hold, as in a line that is repeated, the diff may put it either way.
    own.retain(|range: &Range<usize>| !lines.iter().any(|other| other.start < range.end && range.start < other.end));
    (own, [ends, lines])
}

/// What a diff of what is replaced and what with leaves alone, in the text after: the other of two equally small ones.
fn unsaid(call: &Value, after: &str) -> Vec<Range<usize>> {
    let (Some(old), Some(new)) = (call["input"]["old_string"].as_str(), call["input"]["new_string"].as_str()) else {
        return std::iter::once(0..after.len()).collect();
    };
    let mut unsaid = Vec::new();
    let mut at = 0;
    for (start, _) in after.match_indices(new).filter(|_| !new.is_empty()) {
        unsaid.push(at..start);
        unsaid.extend(truth(old, new).1[1].iter().map(|range| start + range.start..start + range.end));
        at = start + new.len();
    }
    unsaid.push(at..after.len());
    unsaid
}

fn shares_an_end(a: &str, b: &str) -> bool {
    a.chars().next() == b.chars().next() || a.chars().next_back() == b.chars().next_back()
}

/// One replacement of all that is between the lines that both texts begin and end with, as VS Code sends it.
fn whole(before: &str, after: &str) -> Vec<Change> {
    let prefix = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let prefix = before[..before.floor_char_boundary(prefix)].rfind('\n').map_or(0, |at| at + 1);
    let most = before.len().min(after.len()) - prefix;
    let suffix = before.bytes().rev().zip(after.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    let start = before.ceil_char_boundary(before.len() - suffix);
    let suffix = before[start..].find('\n').map_or(0, |at| before.len() - start - at - 1);
    vec![Change { range: Some(prefix..before.len() - suffix), text: after[prefix..after.len() - suffix].to_owned() }]
}

/// A change for each hunk of a diff by lines, from the end, as Helix sends them.
fn hunks(before: &str, after: &str) -> Vec<Change> {
    let starts = |text: &str| {
        let ends = text.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        });
        std::iter::once(0).chain(ends).collect::<Vec<_>>()
    };
    let (old, new) = (starts(before), starts(after));
    let input = InternedInput::new(before, after);
    let diff = Diff::compute(Algorithm::Myers, &input);
    let mut changes: Vec<_> = diff
        .hunks()
        .map(|hunk| {
            let (start, end) = (old[hunk.before.start as usize], old[hunk.before.end as usize]);
            let text = &after[new[hunk.after.start as usize]..new[hunk.after.end as usize]];
            Change { range: Some(start..end), text: text.to_owned() }
        })
        .collect();
    changes.reverse();
    changes
}
