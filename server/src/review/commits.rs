//! What is known of the commits since the base: who made them, and who wrote the lines that they added.

use super::changes::{Now, email};
use crate::committed;
use crate::git::Git;
use countersign_engine::Snapshot;
use countersign_policy::Origin;
use countersign_provenance::git_ai::{IndexedNote, Note};
use countersign_provenance::trailers::trailers;
use countersign_provenance::{self as provenance, Writer};
use countersign_text::RangeMap;
use imara_diff::{Algorithm, Diff, InternedInput};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// What commits say, as it was read.
pub(super) struct Read {
    notes: HashMap<String, IndexedNote>,
    /// Those whose note can be read and stands as it was first written.
    untouched: HashSet<String>,
    messages: HashMap<String, String>,
    authors: HashMap<String, String>,
}

/// What is known of the commits since the base.
pub(super) struct Commits<'a> {
    git: &'a Git,
    /// Files of which something is not committed.
    uncommitted: &'a BTreeSet<String>,
    read: &'a Read,
    all: Vec<&'a str>,
    /// By file: those that changed it.
    touching: HashMap<&'a str, Vec<&'a str>>,
    /// Those that an AI had a part in: by a trailer, and by that or a note.
    by_trailer: HashSet<&'a str>,
    by_ai: HashSet<&'a str>,
}

/// A line that is not as it was at the base.
pub(super) struct NewLine {
    /// Its first byte.
    pub(super) start: usize,
    /// The commit that it comes from; `None` where it is not committed.
    pub(super) commit: Option<String>,
    /// Who wrote it.
    pub(super) by: Origin,
    /// The AI tool, where a note that stands as it was first written names one alone, or what was recorded here does.
    pub(super) tool: Option<String>,
}

impl Read {
    pub(super) fn of(now: &Now<'_>) -> anyhow::Result<Self> {
        let names: Vec<String> = now.commits.iter().map(|(commit, _)| commit.clone()).collect();
        let each = || names.iter().map(String::as_str);
        let rewritten = now.git.with_rewritten_notes(&names)?;
        let (mut notes, mut untouched) = (HashMap::new(), HashSet::new());
        for (commit, text) in now.git.notes(each())? {
            let reading = Note::read(&text);
            if reading.is_complete() && !rewritten.contains(&commit) {
                untouched.insert(commit.clone());
            }
            notes.insert(commit, IndexedNote::new(reading.note));
        }
        Ok(Self { notes, untouched, messages: now.git.messages(each())?, authors: now.git.authors(each())? })
    }
}

impl<'a> Commits<'a> {
    pub(super) fn of(now: &'a Now<'a>, read: &'a Read) -> Self {
        let is_by_ai = |(_, message): &(&String, &String)| !trailers(message).is_empty();
        let by_trailer: HashSet<&str> =
            read.messages.iter().filter(is_by_ai).map(|(commit, _)| commit.as_str()).collect();
        let has_session =
            |(_, note): &(&String, &IndexedNote)| !(note.note().sessions.is_empty() && note.note().prompts.is_empty());
        let by_note = read.notes.iter().filter(has_session).map(|(commit, _)| commit.as_str());
        let mut touching: HashMap<&str, Vec<&str>> = HashMap::new();
        for (commit, files) in &now.commits {
            for file in files {
                touching.entry(file).or_default().push(commit);
            }
        }
        Self {
            git: now.git,
            uncommitted: &now.uncommitted.0,
            read,
            all: now.commits.iter().map(|(commit, _)| commit.as_str()).collect(),
            touching,
            by_ai: by_note.chain(by_trailer.iter().copied()).collect(),
            by_trailer,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[&'a str] {
        &self.all
    }

    /// Those that changed a file.
    pub(super) fn touching(&self, path: &str) -> &[&'a str] {
        self.touching.get(path).map_or(&[], Vec::as_slice)
    }

    /// Whether an AI had a part in a commit.
    pub(super) fn is_by_ai(&self, commit: &str) -> bool {
        self.by_ai.contains(commit)
    }

    /// Whether the note of a commit stands as it was first written.
    pub(super) fn is_noted(&self, commit: &str) -> bool {
        self.read.untouched.contains(commit)
    }

    /// The message of a commit.
    pub(super) fn message(&self, commit: &str) -> &str {
        self.read.messages.get(commit).map_or("", String::as_str)
    }

    /// The addresses of those whose own some commits are: the authors, and whoever an agent worked for.
    pub(super) fn people(&self, commits: &[&str]) -> BTreeSet<String> {
        let authors = commits.iter().filter_map(|commit| self.read.authors.get(*commit).cloned());
        let notes = commits.iter().filter_map(|commit| self.read.notes.get(*commit));
        let sessions = notes.flat_map(|note| note.note().sessions.values().chain(note.note().prompts.values()));
        let directed = sessions.filter_map(|session| email(session.human_author.as_deref()?).map(str::to_owned));
        authors.chain(directed).collect()
    }

    /// A file's name in the repository; `None` for one that is not in it.
    pub(super) fn path_of(&self, file: &Path) -> Option<String> {
        self.git.relative(file).ok()
    }

    /// Tells the text of a file which lines are new, where one commit made them all.
    pub(super) fn tell(&self, path: &str, new: &[(usize, Range<usize>)], text: committed::File) -> committed::File {
        match self.made(path) {
            [commit] => text.knowing(commit, new.iter().map(|(number, _)| *number).collect()),
            _ => text,
        }
    }

    /// The commits that made the new lines of a file; none where some of it is not committed.
    fn made(&self, path: &str) -> &[&'a str] {
        if self.uncommitted.contains(path) { &[] } else { self.touching(path) }
    }

    /// Who wrote some lines of a file, each with its number from 0 and its bytes.
    pub(super) fn wrote(
        &self,
        path: &str,
        in_git: Option<&committed::File>,
        new: &[(usize, Range<usize>)],
        snapshot: &Snapshot,
        declared: &RangeMap<provenance::Origin>,
    ) -> Vec<NewLine> {
        let from = self.made(path);
        // Where one commit made them all, nobody has to be asked which it was.
        let blamed = match from {
            [_] => Vec::new(),
            _ => in_git.and_then(|file| file.lines().ok()).unwrap_or_default(),
        };
        let by_note = |commit: &str, number: usize| {
            let origins = self.read.notes.get(commit)?.origins(path, u32::try_from(number + 1).ok()?);
            let writers: Vec<Writer> = origins.into_iter().map(|origin| origin.writer).collect();
            let tool = tool(writers.iter()).filter(|_| self.is_noted(commit));
            Some(if writers.iter().any(Writer::is_ai) {
                (Origin::Ai, tool)
            } else if writers.is_empty() {
                (Origin::Unknown, None)
            } else {
                (Origin::Human, None)
            })
        };
        let line = |(number, range): &(usize, Range<usize>)| {
            let (commit, (by, tool)) = match (from, blamed.get(*number)) {
                ([commit], _) => {
                    (Some((*commit).to_owned()), by_note(commit, *number).unwrap_or((Origin::Unknown, None)))
                }
                (_, Some(line)) if line.commit.is_some() => {
                    let writer = line.origin.as_ref().map(|it| &it.writer);
                    let is_noted = line.commit.as_deref().is_some_and(|commit| self.is_noted(commit));
                    (line.commit.clone(), (of_writer(writer), tool(writer.into_iter()).filter(|_| is_noted)))
                }
                _ => (None, by_regions(snapshot, range)),
            };
            let is_ai = |(_, origin): (Range<usize>, &provenance::Origin)| origin.writer.is_ai();
            let is_tagged = declared.overlapping(range.clone()).any(is_ai);
            let by_trailer = commit.as_deref().is_some_and(|commit| self.by_trailer.contains(commit));
            let by = if is_tagged || (by == Origin::Unknown && by_trailer) { Origin::Ai } else { by };
            // A tag and a trailer are easily written by whoever wants to be somebody else.
            let tool = tool.filter(|_| !is_tagged);
            NewLine { start: range.start, commit, by, tool }
        };
        new.iter().map(line).collect()
    }
}

/// The lines of a text that another one does not have, with their numbers from 0 and their bytes; but for blank ones.
pub(super) fn new_lines(base: &str, text: &str) -> Vec<(usize, Range<usize>)> {
    let input = InternedInput::new(base, text);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let mut start = 0;
    let lines: Vec<Range<usize>> = text
        .split_inclusive('\n')
        .map(|line| {
            start += line.len();
            start - line.len()..start
        })
        .collect();
    let added = diff.hunks().flat_map(|hunk| hunk.after).filter_map(|number| {
        let number = usize::try_from(number).ok()?;
        Some((number, lines.get(number)?.clone()))
    });
    added.filter(|(_, range)| !text[range.clone()].trim().is_empty()).collect()
}

fn of_writer(writer: Option<&Writer>) -> Origin {
    match writer {
        Some(writer) if writer.is_ai() => Origin::Ai,
        Some(Writer::Human) => Origin::Human,
        _ => Origin::Unknown,
    }
}

/// Who wrote a line that is not committed, by what was recorded on this machine.
fn by_regions(snapshot: &Snapshot, range: &Range<usize>) -> (Origin, Option<String>) {
    let writers: Vec<&Writer> = snapshot.regions.pieces(range.clone()).map(|piece| &piece.origin.writer).collect();
    let has_ai = writers.iter().any(|writer| writer.is_ai());
    match (writers.is_empty(), has_ai) {
        (true, _) => (Origin::Unknown, None),
        (false, true) => (Origin::Ai, tool(writers.into_iter())),
        (false, false) => (Origin::Human, None),
    }
}

/// The one AI tool among some writers; `None` where there is none, several, or one without a name.
fn tool<'w>(writers: impl Iterator<Item = &'w Writer>) -> Option<String> {
    let mut tools: Vec<Option<&str>> = writers
        .filter(|writer| writer.is_ai())
        .map(|writer| if let Writer::Ai(agent) = writer { Some(agent.tool.as_str()) } else { None })
        .collect();
    tools.dedup();
    if let [Some(tool)] = tools.as_slice() { Some((*tool).to_owned()) } else { None }
}
