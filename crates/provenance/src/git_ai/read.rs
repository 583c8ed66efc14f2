//! Reading notes. Real ones come from more than a hundred versions of git-ai and from other programs, so the reader takes
//! what it can and counts the rest. In doubt lines are left without an origin: a gap can be seen, a wrong name cannot.

use super::{AgentId, DIVIDER, Entry, FileEntry, Key, LineRange, Note, OF_NOTE, OF_RECORD, Record, SCHEMA};
use super::{is_word, merge_ranges};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// How much of a note is read. The largest real one has 3.2 MB, nearly all of it transcripts.
pub const MAX_NOTE_BYTES: usize = 4 << 20;

/// How many files of a note are read.
pub const MAX_FILES: usize = 10_000;

/// How many entries of a note are read, over all its files.
pub const MAX_ENTRIES: usize = 100_000;

/// How many ranges of a note are read, over all its entries.
pub const MAX_RANGES: usize = 500_000;

/// A note, and what was odd about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// What could be read.
    pub note: Note,
    /// How often each oddity was met.
    pub oddities: BTreeMap<Oddity, u64>,
}

/// Why something of a note was left out or repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// The note is longer than [`MAX_NOTE_BYTES`]. The rest, and with it the JSON, is not read.
    TooLong,
    /// A file, entry or range beyond its limit; left out.
    TooMany,
    /// No line `---`, and so nothing that says what the keys stand for.
    NoDivider,
    /// What stands after the divider is no JSON object.
    NotJson,
    /// The JSON names no version of the schema, or another one. The entries are read all the same.
    OtherSchema,
    /// A required field of the JSON is missing or of another type.
    MissingField,
    /// A session or person whose record cannot be read; left out.
    BadRecord,
    /// A field of a record, or of the JSON, whose value cannot be kept; left out.
    BadField,
    /// A record held a transcript; left out.
    Transcript,
    /// A field that the standard forbids in sessions; left out.
    Forbidden,
    /// A line that is neither a path nor an entry. Entries under it have no path.
    BadLine,
    /// An entry under no path; left out.
    NoPath,
    /// An entry that is not a key and ranges; left out.
    BadEntry,
    /// A range that is none, or has its ends the wrong way round; left out.
    BadRange,
    /// White space where none belongs.
    Spacing,
    /// A range that starts before the one ahead of it; sorted.
    Unsorted,
    /// A range that covers lines of one ahead of it; merged.
    Overlapping,
    /// A path that stands twice; its entries are put together.
    PathTwice,
    /// A key that stands twice under a path; its ranges are put together.
    KeyTwice,
    /// A key in a form that is no longer written: seven digits, or a session without a trace.
    OldKey,
    /// A key in no known form; kept as it is.
    UnknownKey,
    /// An entry whose key the JSON does not explain; kept, of unknown origin.
    KeyInNoMap,
    /// A line that more than one key names; kept under each.
    SharedLine,
}

impl Oddity {
    /// Whether something was left out that the note written anew would lack, so that it must not take the place of the one
    /// that was read. Transcripts and what the standard
    /// forbids do not count: they are left out on purpose.
    pub fn is_loss(self) -> bool {
        match self {
            Self::TooLong
            | Self::TooMany
            | Self::NoDivider
            | Self::NotJson
            | Self::OtherSchema
            | Self::BadRecord
            | Self::BadField
            | Self::BadLine
            | Self::NoPath
            | Self::BadEntry
            | Self::BadRange => true,
            Self::MissingField
            | Self::Transcript
            | Self::Forbidden
            | Self::Spacing
            | Self::Unsorted
            | Self::Overlapping
            | Self::PathTwice
            | Self::KeyTwice
            | Self::OldKey
            | Self::UnknownKey
            | Self::KeyInNoMap
            | Self::SharedLine => false,
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "note over the limit of bytes",
            Self::TooMany => "file, entry or range over its limit",
            Self::NoDivider => "no divider",
            Self::NotJson => "metadata is no JSON object",
            Self::OtherSchema => "other schema version",
            Self::MissingField => "required field is missing",
            Self::BadRecord => "record cannot be read",
            Self::BadField => "field cannot be read",
            Self::Transcript => "transcript left out",
            Self::Forbidden => "field that sessions must not have",
            Self::BadLine => "line is neither path nor entry",
            Self::NoPath => "entry under no path",
            Self::BadEntry => "entry is not a key and ranges",
            Self::BadRange => "range is none",
            Self::Spacing => "white space where none belongs",
            Self::Unsorted => "range not in order",
            Self::Overlapping => "range overlaps one before",
            Self::PathTwice => "path stands twice",
            Self::KeyTwice => "key stands twice in a file",
            Self::OldKey => "key in an old form",
            Self::UnknownKey => "key in no known form",
            Self::KeyInNoMap => "key is in no map",
            Self::SharedLine => "line with more than one key",
        })
    }
}

impl Reading {
    /// Whether the note can take the place of what was read.
    pub fn is_complete(&self) -> bool {
        !self.oddities.keys().any(|oddity| oddity.is_loss())
    }

    fn odd(&mut self, oddity: Oddity) {
        self.odd_times(oddity, 1);
    }

    fn odd_times(&mut self, oddity: Oddity, times: u64) {
        if times > 0 {
            *self.oddities.entry(oddity).or_default() += times;
        }
    }
}

/// Which file the entries to come are of.
enum Place<'t> {
    /// None that is known.
    Nowhere,
    /// The one with this path, which has no entry yet.
    Path(&'t str),
    /// One that has an index.
    File(usize),
    /// One that is left out, and counted.
    LeftOut,
}

struct Reader<'t> {
    reading: Reading,
    place: Place<'t>,
    known: HashMap<&'t str, usize>,
    entries: usize,
    ranges: usize,
}

pub(super) fn read(text: &str) -> Reading {
    let mut reader =
        Reader { reading: Reading::default(), place: Place::Nowhere, known: HashMap::new(), entries: 0, ranges: 0 };
    let is_cut = text.len() > MAX_NOTE_BYTES;
    let start = &text[..text.floor_char_boundary(MAX_NOTE_BYTES)];
    // Half a line could name lines that the whole one does not: `12` of `123`.
    let start = if is_cut { &start[..start.rfind('\n').map_or(0, |at| at + 1)] } else { start };
    let mut at = 0;
    let mut metadata = None;
    for line in start.split_inclusive('\n') {
        at += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim_end() == DIVIDER {
            if line != DIVIDER {
                reader.reading.odd(Oddity::Spacing);
            }
            metadata = Some(&start[at..]);
            break;
        }
        reader.line(line);
    }
    let mut reading = reader.reading;
    let mut is_explained = false;
    match metadata {
        _ if is_cut => reading.odd(Oddity::TooLong),
        None => reading.odd(Oddity::NoDivider),
        Some(json) => match serde_json::from_str::<Object<'_>>(json) {
            Ok(object) => {
                reading.metadata(&object);
                is_explained = true;
            }
            Err(_) => reading.odd(Oddity::NotJson),
        },
    }
    reading.finish(is_explained);
    reading
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t str) {
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if let Some(entry) = line.strip_prefix("  ") {
            self.entry(entry);
            return;
        }
        let path = line.strip_prefix('"').and_then(|path| path.strip_suffix('"')).unwrap_or(line);
        self.place = if line.starts_with(char::is_whitespace) || path.is_empty() || path.contains('\r') {
            self.reading.odd(Oddity::BadLine);
            // Not the file before: the line may have been meant as a path.
            Place::Nowhere
        } else if let Some(index) = self.known.get(path) {
            self.reading.odd(Oddity::PathTwice);
            Place::File(*index)
        } else {
            Place::Path(path)
        };
    }

    fn entry(&mut self, text: &str) {
        let entry = text.trim_start();
        if entry.len() != text.len() {
            self.reading.odd(Oddity::Spacing);
        }
        match self.place {
            Place::Nowhere => return self.reading.odd(Oddity::NoPath),
            Place::LeftOut => return self.reading.odd(Oddity::TooMany),
            Place::Path(_) | Place::File(_) => {}
        }
        if self.entries == MAX_ENTRIES {
            return self.reading.odd(Oddity::TooMany);
        }
        let Some((key, ranges)) = entry.split_once(' ').filter(|(key, _)| is_word(key)) else {
            return self.reading.odd(Oddity::BadEntry);
        };
        let ranges = self.ranges(ranges);
        if ranges.is_empty() {
            return self.reading.odd(Oddity::BadEntry);
        }
        let Some(file) = self.file() else {
            return self.reading.odd(Oddity::TooMany);
        };
        let key = Key::read(key);
        match &key {
            Key::Other(_) => self.reading.odd(Oddity::UnknownKey),
            Key::Session { trace: None, .. } => self.reading.odd(Oddity::OldKey),
            Key::Legacy(key) if key.len() == 7 => self.reading.odd(Oddity::OldKey),
            Key::Session { .. } | Key::Human(_) | Key::Legacy(_) => {}
        }
        self.entries += 1;
        if let Some(file) = self.reading.note.files.get_mut(file) {
            file.entries.push(Entry { key, ranges });
        }
    }

    /// The file that entries are of. A path without entries makes none.
    fn file(&mut self) -> Option<usize> {
        match self.place {
            Place::File(index) => Some(index),
            Place::Path(path) if self.reading.note.files.len() < MAX_FILES => {
                let index = self.reading.note.files.len();
                self.reading.note.files.push(FileEntry { path: path.to_owned(), entries: Vec::new() });
                self.known.insert(path, index);
                self.place = Place::File(index);
                Some(index)
            }
            Place::Path(_) => {
                self.place = Place::LeftOut;
                None
            }
            Place::Nowhere | Place::LeftOut => None,
        }
    }

    fn ranges(&mut self, text: &str) -> Vec<LineRange> {
        let mut ranges = Vec::new();
        let (mut before, mut end) = (0, 0);
        for piece in text.split(',') {
            let trimmed = piece.trim();
            if trimmed.len() != piece.len() {
                self.reading.odd(Oddity::Spacing);
            }
            let Some(range) = LineRange::read(trimmed) else {
                self.reading.odd(Oddity::BadRange);
                continue;
            };
            if self.ranges == MAX_RANGES {
                self.reading.odd(Oddity::TooMany);
                continue;
            }
            self.ranges += 1;
            if range.first < before {
                self.reading.odd(Oddity::Unsorted);
            } else if range.first <= end {
                self.reading.odd(Oddity::Overlapping);
            }
            before = range.first;
            end = end.max(range.last);
            ranges.push(range);
        }
        merge_ranges(&mut ranges);
        ranges
    }
}

/// An object whose values are not looked into yet, so that transcripts are passed over unparsed.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// A string that is not empty.
fn string(object: &Object<'_>, field: &str) -> Option<String> {
    let text: String = serde_json::from_str(object.get(field)?.get()).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

impl Reading {
    fn metadata(&mut self, object: &Object<'_>) {
        if string(object, "schema_version").as_deref() != Some(SCHEMA) {
            self.odd(Oddity::OtherSchema);
        }
        self.note.base_commit = string(object, "base_commit_sha");
        if self.note.base_commit.is_none() {
            self.odd(Oddity::MissingField);
        }
        self.note.git_ai_version = string(object, "git_ai_version");
        if !object.contains_key("prompts") {
            self.odd(Oddity::MissingField);
        }
        self.note.prompts = self.records(object, "prompts", Self::record);
        self.note.sessions = self.records(object, "sessions", Self::record);
        self.note.humans = self.records(object, "humans", |_, human| string(human, "author"));
        self.note.more = self.others(object, OF_NOTE);
    }

    fn records<T>(
        &mut self,
        object: &Object<'_>,
        field: &str,
        read: impl Fn(&mut Self, &Object<'_>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let Some(raw) = object.get(field).filter(|raw| raw.get() != "null") else {
            return BTreeMap::new();
        };
        let Ok(all) = serde_json::from_str::<Object<'_>>(raw.get()) else {
            self.odd(Oddity::BadField);
            return BTreeMap::new();
        };
        let mut records = BTreeMap::new();
        for (key, raw) in all {
            let record = serde_json::from_str::<Object<'_>>(raw.get()).ok();
            match record.and_then(|record| read(self, &record)) {
                Some(record) => {
                    records.insert(key, record);
                }
                None => self.odd(Oddity::BadRecord),
            }
        }
        records
    }

    fn record(&mut self, record: &Object<'_>) -> Option<Record> {
        let agent: Object<'_> = serde_json::from_str(record.get("agent_id")?.get()).ok()?;
        let agent = AgentId {
            tool: string(&agent, "tool")?,
            id: string(&agent, "id").unwrap_or_default(),
            model: string(&agent, "model").unwrap_or_default(),
        };
        if record.contains_key("messages") {
            self.odd(Oddity::Transcript);
        }
        let mut custom_attributes = Map::new();
        if let Some(raw) = record.get("custom_attributes").filter(|raw| raw.get() != "null") {
            match serde_json::from_str(raw.get()) {
                Ok(attributes) => custom_attributes = attributes,
                Err(_) => self.odd(Oddity::BadField),
            }
        }
        let human_author = string(record, "human_author");
        Some(Record { agent, human_author, custom_attributes, more: self.others(record, OF_RECORD) })
    }

    /// The fields that have no place of their own.
    fn others(&mut self, object: &Object<'_>, known: &[&str]) -> Map<String, Value> {
        let mut others = Map::new();
        for (field, raw) in object.iter().filter(|(field, _)| !known.contains(&field.as_str())) {
            match serde_json::from_str(raw.get()) {
                Ok(value) => {
                    others.insert(field.clone(), value);
                }
                // Too deep.
                Err(_) => self.odd(Oddity::BadField),
            }
        }
        others
    }

    /// Puts in order what was read, and counts what only the whole note shows.
    fn finish(&mut self, is_explained: bool) {
        let mut met = BTreeMap::new();
        self.note.normalise(&mut |oddity| *met.entry(oddity).or_default() += 1);
        for (oddity, times) in met {
            self.odd_times(oddity, times);
        }
        let note = &self.note;
        let shared = note.files.iter().map(FileEntry::shared_lines).sum();
        let unexplained = note.files.iter().flat_map(|file| &file.entries).filter(|entry| !note.knows(&entry.key));
        let unexplained = if is_explained { u64::try_from(unexplained.count()).unwrap_or(u64::MAX) } else { 0 };
        self.odd_times(Oddity::SharedLine, shared);
        self.odd_times(Oddity::KeyInNoMap, unexplained);
    }
}
