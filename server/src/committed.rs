//! Who wrote the committed lines of a file, by what was recorded with the commits that they come from: notes of git-ai,
//! records of Agent Trace, trailers.

use crate::git::{self, BlamedLine, Committed, Git};
use countersign_provenance::agent_trace::{Trace, Traces, content_hash};
use countersign_provenance::git_ai::{IndexedNote, LineRange, Note};
use countersign_provenance::trailers::trailers;
use countersign_provenance::{Agent, Authority, Origin, Regions, Writer, minimal_edits};
use countersign_text::{RangeMap, Text};
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

/// What is recorded with the commits of repositories. Each repository is looked up once, and so is each note.
#[derive(Default)]
pub(crate) struct Records {
    /// By folder; `None` for one that is in no work tree.
    repositories: Mutex<HashMap<PathBuf, Option<Arc<Repository>>>>,
    /// The commits of a range that is looked at; none where nothing but files is.
    range: Arc<HashSet<String>>,
}

impl Records {
    /// The same for a range of commits, of which it is known which lines they added ([`File::knowing`]).
    pub(crate) fn of_range(commits: impl Iterator<Item = String>) -> Self {
        Self { range: Arc::new(commits.collect()), ..Self::default() }
    }

    /// A text that a file has or is about to have, to be asked where its lines come from; `None` outside of git.
    pub(crate) fn file(&self, path: &Path, text: String) -> Option<File> {
        let folder = path.parent().unwrap_or(path).to_owned();
        let mut known = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = known.get(&folder).cloned().unwrap_or_else(|| {
            let git = Git::of(&folder).ok();
            let same = known.values().flatten().find(|it| git.as_ref().is_some_and(|git| git.root() == it.git.root()));
            let found = same.cloned().or_else(|| Some(Arc::new(Repository::new(git?, Arc::clone(&self.range)))));
            known.insert(folder, found.clone());
            found
        });
        Some(File { repository: repository?, path: path.to_owned(), text, blamed: OnceCell::new(), known: None })
    }
}

/// A text that a file has or is about to have, and where its lines come from. That is asked when it is needed.
pub(crate) struct File {
    repository: Arc<Repository>,
    path: PathBuf,
    text: String,
    blamed: OnceCell<Vec<BlamedLine>>,
    /// Lines of which it is known that one commit added them, by their numbers from 0 in order, and all others are older than the
    /// range that is looked at.
    known: Option<(String, Vec<usize>)>,
}

impl File {
    /// The same, where it is known that one commit of the range that is looked at added some lines, by their numbers from 0 in order, and
    /// all others are older.
    pub(crate) fn knowing(self, commit: &str, lines: Vec<usize>) -> Self {
        Self { known: Some((commit.to_owned(), lines)), ..self }
    }

    /// Whether anything is recorded with the commits of the repository, but for what their messages say.
    pub(crate) fn is_recorded(&self) -> bool {
        !self.repository.noted().is_empty() || !self.repository.traces().is_empty()
    }

    /// Each line. A file that git does not know has no history.
    pub(crate) fn lines(&self) -> anyhow::Result<Vec<Line>> {
        let blamed = self.blamed();
        let recorded = self.repository.by_line(blamed)?;
        let mut unnoted: Vec<&str> = (blamed.iter().filter_map(|line| line.commit.as_deref()))
            .filter(|commit| !self.repository.noted().contains_key(*commit))
            .collect();
        unnoted.dedup();
        let named = self.repository.named(&unnoted)?;
        let known = recorded.into_iter().zip(blamed).map(|(recorded, line)| {
            let commit = line.commit.clone();
            let trailer = || Some((named.get(commit.as_deref()?)?.clone(), Source::Trailer));
            let (origin, source) =
                recorded.or_else(trailer).map_or((None, Source::None), |(origin, source)| (Some(origin), source));
            Line { commit, origin, source }
        });
        Ok(known.collect())
    }

    /// What commits say of those lines of which nothing is `known` otherwise. What a trailer says of a whole commit is not among
    /// it: it does not say which lines it is about.
    pub(crate) fn regions(&self, known: &Regions) -> Option<Regions> {
        let recorded = self.recorded().ok()?;
        let mut blocks: Vec<(Range<usize>, Origin)> = Vec::new();
        let mut start = 0;
        for (line, recorded) in self.text.split_inclusive('\n').zip(recorded) {
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

    /// Who wrote each line, as far as that is recorded. Git is asked where the lines come from, unless it is known of those that may have
    /// a record.
    fn recorded(&self) -> anyhow::Result<Vec<Option<(Origin, Source)>>> {
        let Some((commit, lines)) = &self.known else { return self.repository.by_line(self.blamed()) };
        let path = self.repository.git.relative(&self.path)?;
        if self.repository.may_be_recorded_before(&path) {
            return self.repository.by_line(self.blamed());
        }
        let of = |line: usize| BlamedLine {
            commit: lines.binary_search(&line).is_ok().then(|| commit.clone()),
            path: path.clone(),
            line: line + 1,
        };
        self.repository.by_line(&(0..self.text.split_inclusive('\n').count()).map(of).collect::<Vec<_>>())
    }

    fn blamed(&self) -> &[BlamedLine] {
        self.blamed.get_or_init(|| self.repository.git.blame(&self.path, &self.text).unwrap_or_default())
    }
}

/// What of a text is not as it was committed; `None` where there is nothing to compare with.
pub(crate) fn changed(path: &Path, text: &Text) -> Option<RangeMap<()>> {
    let mut changed = RangeMap::default();
    match git::at_head(path) {
        Committed::NoBaseline => return None,
        Committed::Absent => changed.set(0..text.len(), Some(())),
        Committed::Text(before) => {
            let text = text.to_string();
            // A work tree may be checked out with other line breaks.
            let before =
                if text.contains("\r\n") && !before.contains("\r\n") { before.replace('\n', "\r\n") } else { before };
            for edit in minimal_edits(0, &before, &text) {
                changed.edit(edit.range, edit.text.len(), Some(()));
            }
        }
    }
    Some(changed)
}

/// Tells states of a repository apart in which [`File::regions`] may say something else of the same text.
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

/// What is recorded with the commits of one repository, as far as it was asked for.
struct Repository {
    git: Git,
    /// The commits of the range that is looked at.
    range: Arc<HashSet<String>>,
    /// What is recorded with commits before it.
    before: OnceLock<Before>,
    /// The commits that have a note, each with what names that.
    noted: OnceLock<HashMap<String, String>>,
    notes: Mutex<HashMap<String, Arc<IndexedNote>>>,
    /// Who is named by the trailers of commits, as far as somebody is.
    named: Mutex<HashMap<String, Option<Origin>>>,
    traces: OnceLock<HashMap<String, Vec<Trace>>>,
    /// What records of Agent Trace say of the lines of a file of a commit, as far as that can be relied on.
    traced: Mutex<HashMap<(String, String), Traced>>,
}

/// Which files something is recorded of.
enum Before {
    /// Of any, as far as is known.
    Any,
    /// Of these, from the root.
    Files(HashSet<String>),
}

/// Commits before a range of which it is looked at which files their notes are about.
const MOST_BEFORE: usize = 2_000;

/// Lines of a file, each range with who wrote it.
type Traced = Arc<[(LineRange, Origin)]>;

impl Repository {
    fn new(git: Git, range: Arc<HashSet<String>>) -> Self {
        Self {
            git,
            range,
            before: OnceLock::new(),
            noted: OnceLock::new(),
            notes: Mutex::default(),
            named: Mutex::default(),
            traces: OnceLock::new(),
            traced: Mutex::default(),
        }
    }

    /// Whether anything may be recorded of lines of a file that are older than the range. A file that is recorded and is there no more
    /// may be any other one by its old name.
    fn may_be_recorded_before(&self, path: &str) -> bool {
        let before = self.before.get_or_init(|| {
            let earlier: HashSet<&str> =
                self.noted().keys().filter(|commit| !self.range.contains(*commit)).map(String::as_str).collect();
            let is_traced = self.traces().keys().any(|commit| !self.range.contains(commit));
            if is_traced || earlier.len() > MOST_BEFORE {
                return Before::Any;
            }
            let Ok(notes) = self.notes(&earlier) else { return Before::Any };
            let files: HashSet<String> =
                notes.values().flat_map(|note| note.note().files.iter().map(|file| file.path.clone())).collect();
            let is_there = |file: &String| self.git.root().join(file).symlink_metadata().is_ok();
            // A note that was listed and not read may be about anything.
            if notes.len() < earlier.len() || !files.iter().all(is_there) { Before::Any } else { Before::Files(files) }
        });
        match before {
            Before::Any => true,
            Before::Files(files) => files.contains(path),
        }
    }

    fn noted(&self) -> &HashMap<String, String> {
        self.noted.get_or_init(|| self.git.noted())
    }

    fn traces(&self) -> &HashMap<String, Vec<Trace>> {
        self.traces.get_or_init(|| {
            let mut traces: HashMap<String, Vec<Trace>> = HashMap::new();
            for trace in read_traces(&self.git.root().join(TRACES)) {
                let revision = trace.revision.as_ref().filter(|revision| revision.system == "git");
                if let Some(commit) = revision.map(|revision| revision.id.clone()) {
                    traces.entry(commit).or_default().push(trace);
                }
            }
            traces
        })
    }

    /// The notes of those of some commits that have one.
    fn notes(&self, commits: &HashSet<&str>) -> anyhow::Result<HashMap<String, Arc<IndexedNote>>> {
        let noted = self.noted();
        let mut known = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let missing =
            commits.iter().copied().filter(|commit| noted.contains_key(*commit) && !known.contains_key(*commit));
        for (commit, note) in self.git.notes_of(noted, missing.collect::<Vec<_>>())? {
            known.insert(commit, Arc::new(IndexedNote::new(Note::read(&note).note)));
        }
        Ok(commits.iter().filter_map(|commit| Some(((*commit).to_owned(), Arc::clone(known.get(*commit)?)))).collect())
    }

    /// Who is named by the trailers of some commits.
    fn named(&self, commits: &[&str]) -> anyhow::Result<HashMap<String, Origin>> {
        let mut known = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<&str> = commits.iter().copied().filter(|commit| !known.contains_key(*commit)).collect();
        for (commit, message) in self.git.messages(missing)? {
            let named = trailers(&message).into_iter().next().map(|named| {
                let writer = Writer::Ai(Agent { tool: named.tool, model: named.model, session: None });
                Origin { writer, authority: Authority::Declared, means: None, corrects: None }
            });
            known.insert(commit, named);
        }
        Ok(commits.iter().filter_map(|commit| Some(((*commit).to_owned(), known.get(*commit)?.clone()?))).collect())
    }

    /// Who wrote each line, and which record says so. Nobody knows where records of one kind disagree.
    fn by_line(&self, lines: &[BlamedLine]) -> anyhow::Result<Vec<Option<(Origin, Source)>>> {
        let notes = self.notes(&lines.iter().filter_map(|line| line.commit.as_deref()).collect())?;
        let one = |found: Vec<Origin>| {
            let mut found = found.into_iter();
            let origin = found.next()?;
            found.all(|other| other.writer == origin.writer).then_some(origin)
        };
        let known = |line: &BlamedLine| {
            let commit = line.commit.as_deref()?;
            let number = u32::try_from(line.line).ok()?;
            if let Some(origin) = notes.get(commit).and_then(|note| one(note.origins(&line.path, number))) {
                return Some((origin, Source::Note));
            }
            let traced = self.traced(commit, &line.path)?;
            let here = traced.iter().filter(|(lines, _)| (lines.first..=lines.last).contains(&number));
            Some((one(here.map(|(_, origin)| origin.clone()).collect())?, Source::Trace))
        };
        Ok(lines.iter().map(known).collect())
    }

    /// What records say of a file of a commit. A record may be of a work tree and name the commit before it, so its ranges
    /// count where they have the hash of their text, and there only.
    fn traced(&self, commit: &str, path: &str) -> Option<Traced> {
        let traces = self.traces().get(commit)?;
        let mut files = self.traced.lock().unwrap_or_else(PoisonError::into_inner);
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
        Some(Arc::clone(known))
    }
}

fn read_traces(path: &PathBuf) -> Vec<Trace> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_TRACES_BYTES) {
        tracing::warn!("{} is longer than {} MiB and is not read", path.display(), MAX_TRACES_BYTES >> 20);
        return Vec::new();
    }
    std::fs::read_to_string(path).map(|text| Traces::read(&text).traces).unwrap_or_default()
}
