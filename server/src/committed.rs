//! Who wrote the committed lines of a file, by what was recorded with the commits that they come from: notes of git-ai,
//! records of Agent Trace, trailers.

use crate::git::{self, BlamedLine, Git};
use countersign_provenance::agent_trace::{Trace, Traces, content_hash};
use countersign_provenance::git_ai::{LineIndex, LineRange, Note};
use countersign_provenance::trailers::trailers;
use countersign_provenance::{Agent, Authority, Origin, Regions, Writer};
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Where the reference implementation of Agent Trace keeps its records, from the root of the work tree; the format itself
/// names no place.
const TRACES: &str = ".agent-trace/traces.jsonl";

/// Longest file of records that is read, in bytes.
const MAX_TRACES_BYTES: u64 = 64 << 20;

/// Where it is known from who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// What was recorded on this machine.
    Recorded,
    /// The note of the commit.
    Note,
    /// A record of Agent Trace for the commit, with a hash that these very lines have there.
    Trace,
    /// The commit's message names an AI tool, which may have written any of its lines.
    Trailer,
    /// Nowhere.
    None,
}

/// A line, with what was recorded of it.
pub(crate) struct Line {
    /// The commit that it comes from; `None` where it is not committed.
    pub(crate) commit: Option<String>,
    /// Who wrote it.
    pub(crate) origin: Option<Origin>,
    /// Where that is known from.
    pub(crate) source: Source,
}

/// Each line of a text that a file has or is about to have. A file that git does not know has no history.
pub(crate) fn lines(git: &Git, file: &Path, text: &str) -> anyhow::Result<Vec<Line>> {
    let blamed = git.blame(file, text).unwrap_or_default();
    let records = Records::of(git, &blamed)?;
    let commits = blamed.iter().filter_map(|line| line.commit.as_deref());
    let unnoted = commits.filter(|commit| !records.notes.contains_key(*commit));
    let named: HashMap<String, Origin> = git
        .messages(unnoted)?
        .into_iter()
        .filter_map(|(commit, message)| {
            let named = trailers(&message).into_iter().next()?;
            let writer = Writer::Ai(Agent { tool: named.tool, model: named.model, session: None });
            Some((commit, Origin { writer, authority: Authority::Declared, means: None, corrects: None }))
        })
        .collect();
    let known = records.by_line(&blamed).into_iter().zip(&blamed).map(|(recorded, line)| {
        let commit = line.commit.clone();
        let trailer = || Some((named.get(commit.as_deref()?)?.clone(), Source::Trailer));
        let (origin, source) =
            recorded.or_else(trailer).map_or((None, Source::None), |(origin, source)| (Some(origin), source));
        Line { commit, origin, source }
    });
    Ok(known.collect())
}

/// What commits say of those lines of a text, which a file has or is about to have, of which nothing is `known` otherwise.
/// What a trailer says of a whole commit is not among it: it does not say which lines it is about.
pub(crate) fn regions(file: &Path, text: &str, known: &Regions) -> Option<Regions> {
    let git = Git::of(file.parent().unwrap_or(file)).ok()?;
    let blamed = git.blame(file, text).ok()?;
    let recorded = Records::of(&git, &blamed).ok()?.by_line(&blamed);
    let mut blocks: Vec<(Range<usize>, Origin)> = Vec::new();
    let mut start = 0;
    for (line, recorded) in text.split_inclusive('\n').zip(recorded) {
        let range = start..start + line.len();
        start = range.end;
        let Some((origin, _)) = recorded.filter(|_| known.pieces(range.clone()).next().is_none()) else { continue };
        match blocks.last_mut().filter(|(before, by)| before.end == range.start && *by == origin) {
            Some((before, _)) => before.end = range.end,
            None => blocks.push((range, origin)),
        }
    }
    let mut regions = Regions::default();
    for (range, origin) in &blocks {
        regions.attribute(std::slice::from_ref(range), origin);
    }
    (!regions.is_empty()).then_some(regions)
}

/// Tells states of a repository apart in which [`regions`] may say something else of the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    notes: Option<String>,
    traces: Option<SystemTime>,
    head: Option<String>,
}

/// The state that the repository of a file is in; `None` where nothing is recorded with its commits.
pub(crate) fn stamp(file: &Path) -> Option<Stamp> {
    let (notes, head) = git::notes_and_head(file)?;
    let traces = git::work_tree(file).map(|root| root.join(TRACES));
    let traces = traces.and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    (notes.is_some() || traces.is_some()).then_some(Stamp { notes, traces, head })
}

/// What is recorded of the commits that lines come from.
struct Records<'g> {
    git: &'g Git,
    notes: HashMap<String, Note>,
    traces: HashMap<String, Vec<Trace>>,
    /// What records of Agent Trace say of the lines of a file of a commit, as far as that can be relied on.
    traced: RefCell<HashMap<(String, String), Traced>>,
}

/// Lines of a file, each range with who wrote it.
type Traced = Rc<[(LineRange, Origin)]>;

impl<'g> Records<'g> {
    fn of(git: &'g Git, lines: &[BlamedLine]) -> anyhow::Result<Self> {
        let commits: HashSet<&str> = lines.iter().filter_map(|line| line.commit.as_deref()).collect();
        let notes = git.notes(commits.iter().copied())?;
        let mut traces: HashMap<String, Vec<Trace>> = HashMap::new();
        for trace in read_traces(&git.root().join(TRACES)) {
            let commit =
                trace.revision.as_ref().filter(|revision| revision.system == "git").map(|revision| revision.id.clone());
            if let Some(commit) = commit.filter(|commit| commits.contains(commit.as_str())) {
                traces.entry(commit).or_default().push(trace);
            }
        }
        let notes = notes.into_iter().map(|(commit, note)| (commit, Note::read(&note).note)).collect();
        Ok(Self { git, notes, traces, traced: RefCell::default() })
    }

    /// Who wrote each line, and which record says so. Nobody knows where records of one kind disagree.
    fn by_line(&self, lines: &[BlamedLine]) -> Vec<Option<(Origin, Source)>> {
        let indexes: HashMap<&str, LineIndex<'_>> =
            self.notes.iter().map(|(commit, note)| (commit.as_str(), LineIndex::new(note))).collect();
        let one = |found: Vec<Origin>| {
            let mut found = found.into_iter();
            let origin = found.next()?;
            found.all(|other| other.writer == origin.writer).then_some(origin)
        };
        let known = |line: &BlamedLine| {
            let commit = line.commit.as_deref()?;
            let number = u32::try_from(line.line).ok()?;
            if let Some((note, index)) = self.notes.get(commit).zip(indexes.get(commit)) {
                let entries = index.at(&line.path, number).into_iter();
                if let Some(origin) = one(entries.filter_map(|entry| note.origin_of(entry)).collect()) {
                    return Some((origin, Source::Note));
                }
            }
            let traced = self.traced(commit, &line.path)?;
            let here = traced.iter().filter(|(lines, _)| (lines.first..=lines.last).contains(&number));
            Some((one(here.map(|(_, origin)| origin.clone()).collect())?, Source::Trace))
        };
        lines.iter().map(known).collect()
    }

    /// What records say of a file of a commit. A record may be of a work tree and name the commit before it, so its ranges
    /// count where they have the hash of their text, and there only.
    fn traced(&self, commit: &str, path: &str) -> Option<Traced> {
        let traces = self.traces.get(commit)?;
        let mut files = self.traced.borrow_mut();
        let known = files.entry((commit.to_owned(), path.to_owned())).or_insert_with(|| {
            let text = self.git.show(commit, path).unwrap_or_default();
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let inside = |range: LineRange| {
                let index = |line: u32| usize::try_from(line).ok();
                lines.get(index(range.first)?.checked_sub(1)?..index(range.last)?).map(<[&str]>::concat)
            };
            let mut sure = Vec::new();
            for trace in traces {
                for conversation in
                    trace.files.iter().filter(|file| file.path == path).flat_map(|file| &file.conversations)
                {
                    for range in &conversation.ranges {
                        let hash = inside(range.lines).map(|text| content_hash(&text));
                        if hash.is_some() && hash == range.content_hash {
                            sure.extend(trace.origin_of(conversation, range).map(|origin| (range.lines, origin)));
                        }
                    }
                }
            }
            sure.into()
        });
        Some(Rc::clone(known))
    }
}

fn read_traces(path: &PathBuf) -> Vec<Trace> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_TRACES_BYTES) {
        tracing::warn!("{} is longer than {} MiB and is not read", path.display(), MAX_TRACES_BYTES >> 20);
        return Vec::new();
    }
    std::fs::read_to_string(path).map(|text| Traces::read(&text).traces).unwrap_or_default()
}
