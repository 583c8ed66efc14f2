//! Records of Agent Trace 0.1.0, an open format for who wrote which lines of a revision.
//!
//! Source: cursor/agent-trace, `README.md` (January 2026). The format leaves open where records are kept and how
//! `content_hash` is made. Countersign writes them as an export, one JSON object a line, and reads those of others.

use crate::git_ai::LineRange;
use crate::origin::{Agent, Authority, Origin, Writer};
use crate::tag::sha256;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// The version that is written.
pub const VERSION: &str = "0.1.0";

/// The media type of a record.
pub const MEDIA_TYPE: &str = "application/vnd.agent-trace.record+json";

/// Under what name Countersign adds to `metadata`.
pub const VENDOR: &str = "dev.countersign";

/// How long a record may be that is read.
pub const MAX_TRACE_BYTES: usize = 4 << 20;

/// How many records of a text are read.
pub const MAX_TRACES: usize = 100_000;

/// How many characters the format allows in the name of a model.
const MAX_MODEL_CHARS: usize = 250;

/// A record: who wrote which lines of some files at one revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// A UUID.
    pub id: String,
    /// When it was recorded.
    pub timestamp: Option<Timestamp>,
    /// The revision whose lines are counted.
    pub revision: Option<Revision>,
    /// The tool that wrote the text.
    pub tool: Option<Tool>,
    /// The files.
    pub files: Vec<TraceFile>,
    /// How sure the writer is, from 0 to 1.
    pub confidence: Option<f64>,
    /// What Countersign adds, under [`VENDOR`].
    pub vendor: Option<Value>,
    /// What else stands in `metadata`; written back.
    pub metadata: Map<String, Value>,
}

/// A revision of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// `git`, `jj`, `hg` or `svn`.
    pub system: String,
    /// The system's name for it: for git, the commit.
    pub id: String,
}

/// A tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// What a record says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceFile {
    /// Path from the root of the repository.
    pub path: String,
    /// What was written in which conversation.
    pub conversations: Vec<Conversation>,
}

/// What was written in one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Where the conversation is found.
    pub url: Option<String>,
    /// Who wrote the ranges that do not say it themselves.
    pub contributor: Option<Contributor>,
    /// The lines.
    pub ranges: Vec<TraceRange>,
    /// Other places, with what they are.
    pub related: Vec<Related>,
}

/// Lines that were written in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRange {
    /// The lines.
    pub lines: LineRange,
    /// [`content_hash`] of their text, or what another program wrote there.
    pub content_hash: Option<String>,
    /// Who wrote these, where it is not the conversation's contributor.
    pub contributor: Option<Contributor>,
}

/// Something that belongs to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What it is: `session`, `prompt`.
    pub kind: String,
    /// Where it is.
    pub url: String,
}

/// Who wrote lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contributor {
    /// What sort of writer.
    pub kind: ContributorKind,
    /// The model, as `provider/model`.
    pub model: Option<String>,
}

/// The sorts of writers that the format knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContributorKind {
    /// A person.
    Human,
    /// An AI.
    Ai,
    /// A person and an AI, one after the other.
    Mixed,
    /// Nobody knows.
    Unknown,
}

/// Why something of a record was left out or repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraceOddity {
    /// A record that is longer than [`MAX_TRACE_BYTES`]; left out.
    TooLong,
    /// A record beyond [`MAX_TRACES`]; left out.
    TooMany,
    /// A line that is no JSON object; left out.
    NotJson,
    /// The record names no version, or none that is known. It is read all the same.
    OtherVersion,
    /// No id, time or files, or of another type.
    MissingField,
    /// A file without a path or conversations; left out.
    BadFile,
    /// A conversation without ranges. It says of no line who wrote it.
    NoRanges,
    /// A range that is none, or has its ends the wrong way round; left out.
    BadRange,
    /// A writer of a sort that is not known; read as unknown.
    BadContributor,
}

/// Records, and what was odd about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traces {
    /// What could be read.
    pub traces: Vec<Trace>,
    /// How often each oddity was met.
    pub oddities: BTreeMap<TraceOddity, u64>,
}

/// What is written as the `content_hash` of lines: SHA-256 of their text as it stands in the file, line breaks and all.
pub fn content_hash(text: &str) -> String {
    format!("sha256:{}", sha256(text))
}

impl Traces {
    /// Reads records, one a line. Whatever the text is, what cannot be read is left out and counted.
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
            if line.len() > MAX_TRACE_BYTES {
                read.odd(TraceOddity::TooLong);
            } else if read.traces.len() == MAX_TRACES {
                read.odd(TraceOddity::TooMany);
            } else if let Ok(record) = serde_json::from_str::<Map<String, Value>>(line) {
                let trace = read.record(record);
                read.traces.push(trace);
            } else {
                read.odd(TraceOddity::NotJson);
            }
        }
        read
    }

    fn odd(&mut self, oddity: TraceOddity) {
        *self.oddities.entry(oddity).or_default() += 1;
    }

    fn record(&mut self, mut record: Map<String, Value>) -> Trace {
        // The reference implementation writes `1.0`, which is no version of the format.
        let is_known = |version: &str| version == "1.0" || version == "0.1" || version.starts_with("0.1.");
        if !record.get("version").and_then(Value::as_str).is_some_and(is_known) {
            self.odd(TraceOddity::OtherVersion);
        }
        let mut metadata = match record.remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        let revision = record
            .get("vcs")
            .and_then(|vcs| Some(Revision { system: string(vcs, "type")?, id: string(vcs, "revision")? }));
        let tool = record.get("tool").map(|tool| Tool { name: string(tool, "name"), version: string(tool, "version") });
        let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let timestamp = record.get("timestamp").and_then(Value::as_str).and_then(|time| time.parse().ok());
        let files = record.get("files").and_then(Value::as_array);
        for is_missing in [id.is_empty(), timestamp.is_none(), files.is_none()] {
            if is_missing {
                self.odd(TraceOddity::MissingField);
            }
        }
        Trace {
            id,
            timestamp,
            revision,
            tool: tool.filter(|tool| *tool != Tool::default()),
            files: files.into_iter().flatten().filter_map(|file| self.file(file)).collect(),
            confidence: metadata.remove("confidence").and_then(|confidence| confidence.as_f64()),
            vendor: metadata.remove(VENDOR),
            metadata,
        }
    }

    fn file(&mut self, file: &Value) -> Option<TraceFile> {
        let (path, conversations) = (string(file, "path"), file.get("conversations").and_then(Value::as_array));
        let (Some(path), Some(conversations)) = (path, conversations) else {
            self.odd(TraceOddity::BadFile);
            return None;
        };
        let conversations = conversations.iter().map(|conversation| self.conversation(conversation)).collect();
        Some(TraceFile { path, conversations })
    }

    fn conversation(&mut self, conversation: &Value) -> Conversation {
        let ranges = conversation.get("ranges").and_then(Value::as_array);
        if ranges.is_none() {
            self.odd(TraceOddity::NoRanges);
        }
        let related = conversation.get("related").and_then(Value::as_array).into_iter().flatten();
        let related = related
            .filter_map(|related| Some(Related { kind: string(related, "type")?, url: string(related, "url")? }));
        Conversation {
            url: string(conversation, "url"),
            contributor: self.contributor(conversation),
            related: related.collect(),
            ranges: ranges.into_iter().flatten().filter_map(|range| self.range(range)).collect(),
        }
    }

    fn range(&mut self, range: &Value) -> Option<TraceRange> {
        let line = |field| u32::try_from(range.get(field)?.as_u64()?).ok();
        let lines = line("start_line").zip(line("end_line")).map(|(first, last)| LineRange { first, last });
        let Some(lines) = lines.filter(|lines| lines.is_valid()) else {
            self.odd(TraceOddity::BadRange);
            return None;
        };
        let contributor = self.contributor(range);
        Some(TraceRange { lines, content_hash: string(range, "content_hash"), contributor })
    }

    /// The writer of a conversation or a range.
    fn contributor(&mut self, of: &Value) -> Option<Contributor> {
        let contributor = of.get("contributor").filter(|contributor| !contributor.is_null())?;
        let kind = contributor.get("type").and_then(Value::as_str).and_then(ContributorKind::read);
        if kind.is_none() {
            self.odd(TraceOddity::BadContributor);
        }
        Some(Contributor { kind: kind.unwrap_or(ContributorKind::Unknown), model: string(contributor, "model_id") })
    }
}

impl Trace {
    /// The record as one line of JSON, valid under the format. `None` where it cannot be: the id is no UUID, or there is no
    /// time. What has no place in the format is left out, see [`Trace::normalised`].
    pub fn write(&self) -> Option<String> {
        let trace = self.normalised();
        let timestamp = trace.timestamp?;
        is_uuid(&trace.id).then_some(())?;
        let mut metadata = trace.metadata;
        if let Some(confidence) = trace.confidence {
            metadata.insert("confidence".to_owned(), confidence.into());
        }
        if let Some(vendor) = trace.vendor {
            metadata.insert(VENDOR.to_owned(), vendor);
        }
        let files: Vec<_> = trace.files.iter().map(TraceFile::write).collect();
        let mut record =
            json!({ "version": VERSION, "id": trace.id, "timestamp": timestamp.to_string(), "files": files });
        if let Some(Revision { system, id }) = trace.revision {
            record["vcs"] = json!({ "type": system, "revision": id });
        }
        if let Some(tool) = trace.tool {
            record["tool"] = object([("name", tool.name), ("version", tool.version)]).into();
        }
        if !metadata.is_empty() {
            record["metadata"] = metadata.into();
        }
        Some(record.to_string())
    }

    /// The record as it reads after it was written. Left out are paths that are not relative, ranges that are none, names of
    /// models that are too long, addresses that are no URI, and systems that the format does not know. `confidence` is
    /// brought between 0 and 1.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let mut trace = self.clone();
        let is_system = |revision: &Revision| matches!(revision.system.as_str(), "git" | "jj" | "hg" | "svn");
        trace.revision.take_if(|revision| !is_system(revision) || revision.id.is_empty());
        if let Some(tool) = &mut trace.tool {
            tool.name.take_if(|name| name.is_empty());
            tool.version.take_if(|version| version.is_empty());
        }
        trace.tool.take_if(|tool| *tool == Tool::default());
        trace.confidence = trace.confidence.filter(|sure| !sure.is_nan()).map(|sure| sure.clamp(0.0, 1.0));
        trace.metadata.retain(|field, _| field != "confidence" && field != VENDOR);
        trace.files.retain(|file| !file.path.is_empty() && !file.path.starts_with('/'));
        for conversation in trace.files.iter_mut().flat_map(|file| &mut file.conversations) {
            conversation.url.take_if(|url| !is_uri(url));
            conversation.related.retain(|related| !related.kind.is_empty() && is_uri(&related.url));
            conversation.ranges.retain(|range| range.lines.is_valid());
            let ranges = &mut conversation.ranges;
            for range in &mut *ranges {
                range.content_hash.take_if(|hash| hash.is_empty());
            }
            let of_ranges = ranges.iter_mut().filter_map(|range| range.contributor.as_mut());
            for contributor in conversation.contributor.iter_mut().chain(of_ranges) {
                let is_too_long = |model: &String| model.chars().count() > MAX_MODEL_CHARS;
                contributor.model.take_if(|model| model.is_empty() || is_too_long(model));
            }
        }
        trace
    }

    /// Who wrote a range of a conversation, as far as the record says. What is mixed counts as the AI's: that a person
    /// touched it too does not make it reviewed.
    pub fn origin_of(&self, conversation: &Conversation, range: &TraceRange) -> Option<Origin> {
        let contributor = range.contributor.as_ref().or(conversation.contributor.as_ref())?;
        let writer = match contributor.kind {
            ContributorKind::Human => Writer::Human,
            ContributorKind::Ai | ContributorKind::Mixed => Writer::Ai(Agent {
                tool: self.tool.as_ref().and_then(|tool| tool.name.clone()).unwrap_or_else(|| "unknown".to_owned()),
                model: contributor.model.clone(),
                session: conversation.url.clone(),
            }),
            ContributorKind::Unknown => return None,
        };
        Some(Origin { writer, authority: Authority::Declared, means: None, corrects: None })
    }
}

impl TraceFile {
    fn write(&self) -> Value {
        let conversations: Vec<_> = self.conversations.iter().map(Conversation::write).collect();
        json!({ "path": self.path, "conversations": conversations })
    }
}

impl Conversation {
    fn write(&self) -> Value {
        let mut out = object([("url", self.url.clone())]);
        let ranges: Vec<_> = self.ranges.iter().map(TraceRange::write).collect();
        out.insert("ranges".to_owned(), ranges.into());
        if let Some(contributor) = &self.contributor {
            out.insert("contributor".to_owned(), contributor.write());
        }
        if !self.related.is_empty() {
            let related = self.related.iter().map(|related| json!({ "type": related.kind, "url": related.url }));
            out.insert("related".to_owned(), related.collect::<Vec<_>>().into());
        }
        out.into()
    }
}

impl TraceRange {
    fn write(&self) -> Value {
        let mut out = object([("content_hash", self.content_hash.clone())]);
        out.insert("start_line".to_owned(), self.lines.first.into());
        out.insert("end_line".to_owned(), self.lines.last.into());
        if let Some(contributor) = &self.contributor {
            out.insert("contributor".to_owned(), contributor.write());
        }
        out.into()
    }
}

impl Contributor {
    fn write(&self) -> Value {
        object([("type", Some(self.kind.to_string())), ("model_id", self.model.clone())]).into()
    }
}

impl ContributorKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Human, Self::Ai, Self::Mixed, Self::Unknown];

    fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.to_string() == text)
    }
}

impl fmt::Display for ContributorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Ai => "ai",
            Self::Mixed => "mixed",
            Self::Unknown => "unknown",
        })
    }
}

/// A string that is not empty.
fn string(object: &Value, field: &str) -> Option<String> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An object of the fields that are there.
fn object<const N: usize>(fields: [(&str, Option<String>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text?.into()))).collect()
}

/// Whether a text has the form of a UUID: 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let is_part = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_part)
}

/// Whether a text can be a URI: a scheme, a colon and something without white space.
fn is_uri(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let is_rest = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_rest(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{
        "version": "0.1.0", "id": "550e8400-e29b-41d4-a716-446655440000", "timestamp": "2026-01-23T14:30:00Z",
        "vcs": {"type": "git", "revision": "a1b2c3d4"}, "tool": {"name": "cursor", "version": "2.4.0"},
        "files": [{"path": "main.tf", "conversations": [{
            "url": "https://example.com/1", "contributor": {"type": "ai", "model_id": "anthropic/claude"},
            "ranges": [
                {"start_line": 4, "end_line": 6, "content_hash": "murmur3:9f2e8a1b"},
                {"start_line": 9, "end_line": 9, "contributor": {"type": "human"}}
            ],
            "related": [{"type": "session", "url": "https://example.com/2"}]
        }]}],
        "metadata": {"confidence": 0.95, "dev.countersign": {"rules": ["a"]}, "dev.cursor": {"x": 1}}
    }"#;

    fn read(text: &str) -> (Trace, Vec<(TraceOddity, u64)>) {
        let read = Traces::read(&text.replace('\n', " "));
        (read.traces.first().cloned().unwrap_or_default(), read.oddities.into_iter().collect())
    }

    #[test]
    fn a_full_record_is_written_as_it_was() {
        let (trace, odd) = read(FULL);
        assert_eq!(odd, []);
        let written = trace.write().expect("a valid record");
        assert!(!written.contains('\n'));
        let as_json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(as_json(&written), as_json(FULL));
    }

    #[test]
    fn a_range_may_have_a_writer_of_its_own() {
        let (trace, _) = read(FULL);
        let conversation = &trace.files[0].conversations[0];
        let origins: Vec<_> = conversation.ranges.iter().map(|range| trace.origin_of(conversation, range)).collect();
        let agent = Agent {
            tool: "cursor".to_owned(),
            model: Some("anthropic/claude".to_owned()),
            session: Some("https://example.com/1".to_owned()),
        };
        let origin = |writer| Some(Origin { writer, authority: Authority::Declared, means: None, corrects: None });
        assert_eq!(origins, [origin(Writer::Ai(agent)), origin(Writer::Human)]);
        for (kind, is_ai) in [("mixed", Some(true)), ("unknown", None), ("robot", None)] {
            let (trace, _) = read(&FULL.replace("\"ai\"", &format!("\"{kind}\"")));
            let conversation = &trace.files[0].conversations[0];
            let origin = trace.origin_of(conversation, &conversation.ranges[0]);
            assert_eq!(origin.map(|origin| origin.is_ai()), is_ai, "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let odd = |from: &str, to: &str| read(&FULL.replace(from, to)).1;
        assert_eq!(odd("0.1.0", "1.0"), []);
        assert_eq!(odd("0.1.0", "7.0.0"), [(TraceOddity::OtherVersion, 1)]);
        assert_eq!(odd("\"ranges\"", "\"x\""), [(TraceOddity::NoRanges, 1)]);
        assert_eq!(odd("\"path\"", "\"x\""), [(TraceOddity::BadFile, 1)]);
        assert_eq!(odd("\"start_line\": 4", "\"start_line\": 7"), [(TraceOddity::BadRange, 1)]);
        assert_eq!(odd("\"start_line\": 4", "\"start_line\": -4"), [(TraceOddity::BadRange, 1)]);
        assert_eq!(odd("\"human\"", "\"alien\""), [(TraceOddity::BadContributor, 1)]);
        assert_eq!(odd("\"timestamp\"", "\"time\""), [(TraceOddity::MissingField, 1)]);
        let traces = Traces::read("{}\nx\n[]\n\n{}");
        assert_eq!((traces.traces.len(), traces.oddities.get(&TraceOddity::NotJson)), (2, Some(&2)));
    }

    #[test]
    fn only_a_valid_record_is_written() {
        let (trace, _) = read(FULL);
        assert_eq!(Trace { id: "1".to_owned(), ..trace.clone() }.write(), None);
        assert_eq!(Trace { timestamp: None, ..trace.clone() }.write(), None);
        let mut odd = trace.clone();
        odd.confidence = Some(7.0);
        odd.files[0].conversations[0].url = Some("not an address".to_owned());
        odd.files[0].conversations[0].contributor =
            Some(Contributor { kind: ContributorKind::Ai, model: Some("m".repeat(MAX_MODEL_CHARS + 1)) });
        odd.files.push(TraceFile { path: "/etc/passwd".to_owned(), conversations: Vec::new() });
        let (read, _) = read(&odd.write().expect("a valid record"));
        assert_eq!(read, odd.normalised());
        assert_eq!((read.confidence, read.files.len()), (Some(1.0), 1));
        let conversation = &read.files[0].conversations[0];
        assert_eq!((&conversation.url, conversation.contributor.as_ref().map(|ai| &ai.model)), (&None, Some(&None)));
    }

    #[test]
    fn the_hash_names_its_algorithm() {
        // printf '' | sha256sum
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(content_hash(""), empty);
    }
}
