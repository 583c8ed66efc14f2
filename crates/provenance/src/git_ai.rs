//! The authorship note of git-ai, schema `authorship/3.0.0`: which lines of a commit were written in which session.
//!
//! A note hangs on a commit under `refs/notes/ai`. It is a list of files with entries (a key and ranges of lines), a line
//! `---`, and a JSON object that says what the keys stand for. Source: `specs/git_ai_standard_v3.0.0.md` of
//! git-ai-project/git-ai. Lines that no key names are of unknown origin, which is not the same as written by a person.

mod read;

pub use read::{MAX_ENTRIES, MAX_FILES, MAX_NOTE_BYTES, MAX_RANGES, Oddity, Reading};

use crate::origin::{Agent, Authority, Origin, Writer};
use crate::tag::{session_id, sha256};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fmt::Write as _;

/// The version of the format that is written, and the only one that is read without a remark.
pub const SCHEMA: &str = "authorship/3.0.0";

/// The line between the entries and the JSON.
const DIVIDER: &str = "---";

/// What stands in the place of a name that nobody gave.
const UNKNOWN: &str = "unknown";

/// What a session record must not hold under the standard.
const NOT_IN_SESSIONS: &[&str] =
    &["messages_url", "total_additions", "total_deletions", "accepted_lines", "overriden_lines"];

/// What a prompt record must hold, as whole numbers. The spelling is the standard's.
const PROMPT_COUNTS: &[&str] = &["total_additions", "total_deletions", "accepted_lines", "overriden_lines"];

/// Fields of a record that have a place of their own in [`Record`], and the transcript, which has none.
const OF_RECORD: &[&str] = &["agent_id", "human_author", "custom_attributes", "messages"];

/// Fields of the JSON object that have a place of their own in [`Note`].
const OF_NOTE: &[&str] = &["schema_version", "base_commit_sha", "git_ai_version", "prompts", "sessions", "humans"];

/// A note: who wrote which lines of the files of one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Note {
    /// The files of which something is known.
    pub files: Vec<FileEntry>,
    /// The commit that the note was made for.
    pub base_commit: Option<String>,
    /// The version of git-ai that wrote the note; `None` where another program did.
    pub git_ai_version: Option<String>,
    /// Sessions by their `s_…` id.
    pub sessions: BTreeMap<String, Record>,
    /// Sessions as versions before 1.4 wrote them, by their key.
    pub prompts: BTreeMap<String, Record>,
    /// People, as `Name <email>`, by their `h_…` key.
    pub humans: BTreeMap<String, String>,
    /// Fields that the standard does not name; written back.
    pub more: Map<String, Value>,
}

/// The entries of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Path from the root of the repository.
    pub path: String,
    /// Who wrote which lines of it.
    pub entries: Vec<Entry>,
}

/// Lines that were written under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stands for a session or a person.
    pub key: Key,
    /// Ascending, and not touching each other, in what was read.
    pub ranges: Vec<LineRange>,
}

/// Lines, counted from 1, with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineRange {
    /// First line.
    pub first: u32,
    /// Last line, which belongs to it.
    pub last: u32,
}

/// What an entry is filed under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `s_…::t_…`: a session and, in what is written today, one call of a tool in it.
    Session {
        /// With its `s_`.
        session: String,
        /// With its `t_`.
        trace: Option<String>,
    },
    /// `h_…`: a person.
    Human(String),
    /// 16 hexadecimal digits, or 7 before version 1.0: a session in [`Note::prompts`].
    Legacy(String),
    /// Anything else.
    Other(String),
}

/// What a note says of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The agent.
    pub agent: AgentId,
    /// The person who directed it.
    pub human_author: Option<String>,
    /// What the user's settings added.
    pub custom_attributes: Map<String, Value>,
    /// Fields beyond these, but never `messages`: transcripts are not kept.
    pub more: Map<String, Value>,
}

/// An agent's conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentId {
    /// Name of the tool.
    pub tool: String,
    /// The tool's own name for the conversation.
    pub id: String,
    /// The model, or `unknown`.
    pub model: String,
}

/// Two notes made one.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The note.
    pub note: Note,
    /// Lines of it that more than one key names.
    pub shared_lines: u64,
}

impl Note {
    /// Reads a note, whatever it is: what cannot be read is left out and counted.
    pub fn read(text: &str) -> Reading {
        read::read(text)
    }

    /// The note as the standard has it: ranges ascending and merged, one entry a key, and the required fields. Keys stay as
    /// they are, also in forms that the standard does not know: a note that is carried over must not lose what another
    /// program recorded. Left out is what has no place in the format, see [`Note::normalised`].
    pub fn write(&self) -> String {
        let note = self.normalised();
        let mut out = String::new();
        for file in &note.files {
            let quote = if needs_quotes(&file.path) { "\"" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{quote}{}{quote}", file.path);
            for entry in &file.entries {
                let ranges: Vec<_> = entry.ranges.iter().map(LineRange::to_string).collect();
                let _ = writeln!(out, "  {} {}", entry.key, ranges.join(","));
            }
        }
        let _ = write!(out, "{DIVIDER}\n{:#}", note.metadata());
        out
    }

    fn metadata(&self) -> Value {
        let records = |records: &BTreeMap<String, Record>| -> Map<String, Value> {
            records.iter().map(|(key, record)| (key.clone(), record.write())).collect()
        };
        let mut object = self.more.clone();
        object.insert("schema_version".to_owned(), SCHEMA.into());
        object.insert("base_commit_sha".to_owned(), self.base_commit.clone().unwrap_or_default().into());
        object.insert("prompts".to_owned(), records(&self.prompts).into());
        if let Some(version) = &self.git_ai_version {
            object.insert("git_ai_version".to_owned(), version.clone().into());
        }
        if !self.sessions.is_empty() {
            object.insert("sessions".to_owned(), records(&self.sessions).into());
        }
        if !self.humans.is_empty() {
            let humans = self.humans.iter().map(|(key, author)| (key.clone(), json!({ "author": author })));
            object.insert("humans".to_owned(), humans.collect::<Map<_, _>>().into());
        }
        object.into()
    }

    /// The note as it reads after it was written. Left out are paths that are empty or hold a line break, keys that are not
    /// one word, ranges that are none, transcripts, and fields that the standard forbids in sessions.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let mut note = self.clone();
        note.normalise(&mut |_| {});
        note
    }

    fn normalise(&mut self, odd: &mut impl FnMut(Oddity)) {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut files: Vec<FileEntry> = Vec::new();
        for file in std::mem::take(&mut self.files) {
            if file.path.is_empty() || file.path.contains(['\n', '\r']) {
                continue;
            }
            if let Some(index) = known.get(&file.path) {
                odd(Oddity::PathTwice);
                files[*index].entries.extend(file.entries);
            } else {
                known.insert(file.path.clone(), files.len());
                files.push(file);
            }
        }
        for file in &mut files {
            file.normalise(odd);
        }
        files.retain(|file| !file.entries.is_empty());
        self.files = files;
        self.base_commit.take_if(|commit| commit.is_empty());
        self.git_ai_version.take_if(|version| version.is_empty());
        self.more.retain(|field, _| !OF_NOTE.contains(&field.as_str()));
        self.humans.retain(|_, author| !author.is_empty());
        for record in self.sessions.values_mut().chain(self.prompts.values_mut()) {
            record.human_author.take_if(|author| author.is_empty());
            record.more.retain(|field, _| !OF_RECORD.contains(&field.as_str()));
            if record.agent.tool.is_empty() {
                UNKNOWN.clone_into(&mut record.agent.tool);
            }
        }
        for record in self.sessions.values_mut() {
            for field in NOT_IN_SESSIONS {
                if record.more.remove(*field).is_some() {
                    odd(Oddity::Forbidden);
                }
            }
        }
        for record in self.prompts.values_mut() {
            for count in PROMPT_COUNTS {
                let value = record.more.entry(*count).or_insert_with(|| 0.into());
                if value.as_u64().is_none_or(|number| number > u64::from(u32::MAX)) {
                    *value = 0.into();
                }
            }
        }
    }

    /// Who wrote the lines of an entry, as far as the note says. `None` where its key stands for nobody: neither an AI nor
    /// a person is guessed at.
    pub fn origin_of(&self, entry: &Entry) -> Option<Origin> {
        let writer = match &entry.key {
            Key::Session { session, .. } => Writer::Ai(self.sessions.get(session)?.agent()),
            Key::Legacy(key) | Key::Other(key) => Writer::Ai(self.prompts.get(key)?.agent()),
            Key::Human(key) => self.humans.get(key).map(|_| Writer::Human)?,
        };
        Some(Origin { writer, authority: Authority::Declared, means: None, corrects: None })
    }

    /// Whether the note says what the key stands for.
    fn knows(&self, key: &Key) -> bool {
        match key {
            Key::Session { session, .. } => self.sessions.contains_key(session),
            Key::Legacy(key) | Key::Other(key) => self.prompts.contains_key(key),
            Key::Human(key) => self.humans.contains_key(key),
        }
    }

    /// All that two notes say, as when commits become one. Where they describe the same key or field, `a` holds. Lines that
    /// different keys name keep both: who wrote them is for readers to decide.
    pub fn merge(a: Self, b: Self) -> Merged {
        let mut note = a;
        note.files.extend(b.files);
        note.base_commit = note.base_commit.or(b.base_commit);
        note.git_ai_version = note.git_ai_version.or(b.git_ai_version);
        for (key, record) in b.sessions {
            note.sessions.entry(key).or_insert(record);
        }
        for (key, record) in b.prompts {
            note.prompts.entry(key).or_insert(record);
        }
        for (key, author) in b.humans {
            note.humans.entry(key).or_insert(author);
        }
        for (field, value) in b.more {
            note.more.entry(field).or_insert(value);
        }
        note.normalise(&mut |_| {});
        let shared_lines = note.files.iter().map(FileEntry::shared_lines).sum();
        Merged { note, shared_lines }
    }
}

/// A note, in which the entries that name a line are found fast.
pub struct IndexedNote {
    note: Note,
    /// By file and in order of their first lines.
    files: HashMap<String, Vec<Place>>,
}

/// Lines, where in the note they are named, and the numbers of the file and of the entry there.
type Place = (LineRange, usize, (usize, usize));

impl IndexedNote {
    /// Makes the index.
    pub fn new(note: Note) -> Self {
        let mut files: HashMap<String, Vec<Place>> = HashMap::new();
        for (at, file) in note.files.iter().enumerate() {
            let lines = files.entry(file.path.clone()).or_default();
            for (entry, Entry { ranges, .. }) in file.entries.iter().enumerate() {
                let place = lines.len();
                lines.extend(ranges.iter().map(|range| (*range, place, (at, entry))));
            }
        }
        for lines in files.values_mut() {
            lines.sort_by_key(|(range, place, _)| (*range, *place));
        }
        Self { note, files }
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The entries that name a line, in the order of the note.
    pub fn at(&self, path: &str, line: u32) -> Vec<&Entry> {
        let Some(lines) = self.files.get(path) else { return Vec::new() };
        let until = lines.partition_point(|(range, _, _)| range.first <= line);
        let mut found: Vec<_> = lines[..until].iter().filter(|(range, _, _)| range.last >= line).collect();
        found.sort_by_key(|(_, place, _)| *place);
        let entry = |(file, entry): (usize, usize)| self.note.files.get(file)?.entries.get(entry);
        found.into_iter().filter_map(|(_, _, at)| entry(*at)).collect()
    }

    /// The origins that the note names for a line.
    pub fn origins(&self, path: &str, line: u32) -> Vec<crate::Origin> {
        self.at(path, line).into_iter().filter_map(|entry| self.note.origin_of(entry)).collect()
    }
}

impl FileEntry {
    fn normalise(&mut self, odd: &mut impl FnMut(Oddity)) {
        let mut known: HashMap<Key, usize> = HashMap::new();
        let mut entries: Vec<Entry> = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            let text = entry.key.to_string();
            if !is_word(&text) {
                continue;
            }
            let key = Key::read(&text);
            if let Some(index) = known.get(&key) {
                odd(Oddity::KeyTwice);
                entries[*index].ranges.extend(entry.ranges);
            } else {
                known.insert(key.clone(), entries.len());
                entries.push(Entry { key, ranges: entry.ranges });
            }
        }
        for entry in &mut entries {
            merge_ranges(&mut entry.ranges);
        }
        entries.retain(|entry| !entry.ranges.is_empty());
        self.entries = entries;
    }

    /// How many lines more than one entry names. Each entry's ranges have to be disjoint.
    fn shared_lines(&self) -> u64 {
        let ranges = || self.entries.iter().flat_map(|entry| &entry.ranges);
        let mut edges: Vec<(u64, i64)> = Vec::new();
        edges.extend(ranges().map(|range| (u64::from(range.first), 1)));
        edges.extend(ranges().map(|range| (u64::from(range.last) + 1, -1)));
        edges.sort_unstable();
        let (mut shared, mut depth, mut from) = (0, 0, 0);
        for (at, step) in edges {
            if depth > 1 {
                shared += at - from;
            }
            depth += step;
            from = at;
        }
        shared
    }
}

impl LineRange {
    /// `7` or `3-9`.
    fn read(text: &str) -> Option<Self> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: number(first)?, last: number(last)? };
        range.is_valid().then_some(range)
    }

    pub(crate) fn is_valid(self) -> bool {
        self.first > 0 && self.first <= self.last
    }
}

impl fmt::Display for LineRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl Key {
    /// The key of a session; `trace` is 14 hexadecimal digits, new for each call of a tool.
    pub fn session(tool: &str, conversation: &str, trace: &str) -> Self {
        Self::Session { session: session_id(tool, conversation), trace: Some(format!("t_{trace}")) }
    }

    /// The key of a person, `Name <email>` as git has the committer.
    pub fn human(author: &str) -> Self {
        Self::Human(format!("h_{}", &sha256(author)[..14]))
    }

    /// A key from its text. How many digits follow `s_`, `t_` and `h_` is not fixed: the standard calls only the prefixes
    /// stable.
    pub fn read(text: &str) -> Self {
        let is_id = |text: &str, prefix: &str| text.strip_prefix(prefix).is_some_and(is_hex);
        match text.split_once("::") {
            Some((session, trace)) if is_id(session, "s_") && is_id(trace, "t_") => {
                Self::Session { session: session.to_owned(), trace: Some(trace.to_owned()) }
            }
            None if is_id(text, "s_") => Self::Session { session: text.to_owned(), trace: None },
            None if is_id(text, "h_") => Self::Human(text.to_owned()),
            None if matches!(text.len(), 7 | 16) && is_hex(text) => Self::Legacy(text.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { session, trace: Some(trace) } => write!(f, "{session}::{trace}"),
            Self::Session { session: text, trace: None }
            | Self::Human(text)
            | Self::Legacy(text)
            | Self::Other(text) => f.write_str(text),
        }
    }
}

impl Record {
    fn write(&self) -> Value {
        let AgentId { tool, id, model } = &self.agent;
        let mut object = self.more.clone();
        object.insert("agent_id".to_owned(), json!({ "tool": tool, "id": id, "model": model }));
        if let Some(author) = &self.human_author {
            object.insert("human_author".to_owned(), author.clone().into());
        }
        if !self.custom_attributes.is_empty() {
            object.insert("custom_attributes".to_owned(), self.custom_attributes.clone().into());
        }
        object.into()
    }

    fn agent(&self) -> Agent {
        let said = |text: &str| Some(text).filter(|text| !matches!(*text, "" | UNKNOWN)).map(str::to_owned);
        Agent {
            tool: said(&self.agent.tool).unwrap_or_else(|| UNKNOWN.to_owned()),
            model: said(&self.agent.model),
            session: said(&self.agent.id),
        }
    }
}

/// Sorts ranges, joins those that overlap or touch, and takes away those that are none.
fn merge_ranges(ranges: &mut Vec<LineRange>) {
    ranges.retain(|range| range.is_valid());
    ranges.sort_unstable();
    ranges.dedup_by(|range, before| {
        let joined = range.first <= before.last.saturating_add(1);
        if joined {
            before.last = before.last.max(range.last);
        }
        joined
    });
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Whether a path would be read as something else without quotes. The format has no escapes: within quotes all stands for
/// itself.
fn needs_quotes(path: &str) -> bool {
    path.contains(char::is_whitespace) || path.starts_with('"') || path == DIVIDER
}

#[cfg(test)]
mod tests;
