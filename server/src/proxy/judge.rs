//! Suggestions are judged before the client sees them, with the analysis of the editor.

use super::cut::Frame;
use super::document::Open;
use super::suggestions::{Asked, Item, LISTS};
use crate::disk::Configs;
use crate::surroundings::{self, Surroundings};
use crate::would_be::{WouldBe, in_one_line};
use countersign_engine::{Change, Evidence, Policy, Snapshot};
use countersign_grammars::Language;
use countersign_policy::{Surface, Verdict};
use countersign_provenance::{Means, Origin};
use countersign_text::Encoding;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long what stands around files counts as it was read.
const READ_AGAIN: Duration = Duration::from_secs(10);

/// Folders of which it is kept.
const MAX_FOLDERS: usize = 16;

/// Suggestions of one answer that are judged.
const MAX_JUDGED: usize = 64;

/// Judges suggestions.
pub(super) struct Judge {
    /// How long one answer may take.
    limit: Duration,
    configs: Configs,
    around: HashMap<PathBuf, (Instant, Surroundings)>,
    /// The document that was judged last, with its units.
    last: Option<(String, u64, Snapshot)>,
}

/// What is to become of an item.
enum Judged {
    /// It is not shown.
    Withheld,
    /// It is shown with a word to it.
    Noted(String),
}

impl Judge {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, configs: Configs::default(), around: HashMap::new(), last: None }
    }

    /// Reads the rules, so that the first judgement does not have to.
    pub(super) fn warm_up(&self) {
        let text = "resource \"aws_s3_bucket\" \"a\" {\n  bucket = \"a\"\n}\n";
        let snapshot = Snapshot::new(Language::Terraform, 0, text);
        let policy = self.configs.of(Path::new("a.tf")).policy(Surface::Editor, crate::cli::today());
        let _ = countersign_engine::analyze_alone(&snapshot, &policy, &mut countersign_syntax::Budget::unbounded());
    }

    /// Reads what stands around a document that is opened.
    pub(super) fn prepare(&mut self, uri: &str, open: &Open) {
        self.prepared(uri, open);
    }

    /// The text with what stands around it; `None` for what is not judged.
    fn prepared(&mut self, uri: &str, open: &Open) -> Option<(Snapshot, Policy)> {
        let path = open.path.as_ref()?;
        let language = Language::of_path(&path.to_string_lossy())?;
        let folder = path.parent()?;
        if self.around.get(folder).is_none_or(|(read, _)| read.elapsed() > READ_AGAIN) {
            self.configs.forget();
            if self.around.len() >= MAX_FOLDERS {
                self.around.clear();
            }
            self.around.insert(folder.to_owned(), (Instant::now(), Surroundings::of_folder(folder)));
        }
        let config = self.configs.of(path);
        if config.excludes(path) {
            return None;
        }
        let policy = Policy { ask_about_unknown_origin: false, ..config.policy(Surface::Editor, crate::cli::today()) };
        let is_last = |(of, revision, _): &&(String, u64, Snapshot)| of == uri && *revision == open.revision;
        let mut snapshot = match self.last.as_ref().filter(is_last) {
            Some((_, _, snapshot)) => snapshot.clone(),
            None => surroundings::snapshot(path, language, &open.text.to_string()),
        };
        snapshot.regions = open.regions().clone();
        self.last = Some((uri.to_owned(), open.revision, snapshot.clone()));
        Some((snapshot, policy))
    }

    /// The message to send in place of an answer with suggestions; `None` where it may pass as it is, also where there is no
    /// time to tell. `at` is where they were asked for.
    #[expect(clippy::too_many_arguments, reason = "an answer, what was asked, and the document that it is about")]
    pub(super) fn rewrite(
        &mut self,
        frame: &Frame,
        asked: Asked,
        uri: &str,
        open: &Open,
        at: usize,
        encoding: Encoding,
        origin: &Origin,
    ) -> Option<Vec<u8>> {
        let deadline = Instant::now() + self.limit;
        let body = std::str::from_utf8(frame.body()).ok()?;
        let (list, defaults) = list(body)?;
        let items: Vec<&RawValue> = serde_json::from_str(body.get(list.clone())?).ok()?;
        let (snapshot, policy) = self.prepared(uri, open)?;
        let workspace = self.around.get(open.path.as_ref()?.parent()?)?.1.with(&snapshot);
        let mut changed = false;
        let mut kept: Vec<String> = Vec::new();
        for (index, raw) in items.iter().enumerate() {
            let mut value: Value = serde_json::from_str(raw.get()).ok()?;
            let read = Item::read(asked, &value, &defaults).filter(|_| index < MAX_JUDGED);
            // An edit of another document is not judged.
            let read = read.filter(|item| item.uri.as_deref().is_none_or(|of| of == uri));
            let judged = read.and_then(|item| {
                let range = item.range.as_ref().and_then(|range| open.bytes(range, encoding));
                let range = range.unwrap_or_else(|| if asked == Asked::List { word_before(open, at) } else { at..at });
                let change = Change { range: Some(range), text: item.text };
                let evidence = Evidence { origin: Some(origin.clone()), means: Means::InlineCompletion };
                judge(&WouldBe::of(&snapshot, &workspace, &policy, vec![change], evidence)?)
            });
            if Instant::now() > deadline {
                return None;
            }
            match judged {
                Some(Judged::Withheld) => changed = true,
                Some(Judged::Noted(note)) if asked == Asked::List => {
                    changed = true;
                    annotate(&mut value, &note);
                    kept.push(value.to_string());
                }
                _ => kept.push(raw.get().to_owned()),
            }
        }
        if !changed {
            return None;
        }
        let body = [body.get(..list.start)?, "[", &kept.join(","), "]", body.get(list.end..)?].concat();
        Some(framed(frame, &body))
    }
}

fn judge(would_be: &WouldBe) -> Option<Judged> {
    let gravest = would_be.gravest()?;
    match gravest.verdict {
        Verdict::Deny => Some(Judged::Withheld),
        Verdict::Allow => None,
        verdict @ (Verdict::Review | Verdict::Note) => {
            let verdict = if verdict == Verdict::Review { "review" } else { "note" };
            Some(Judged::Noted(format!("Countersign ({verdict}): {}", in_one_line(gravest))))
        }
    }
}

/// Where the list of suggestions stands in an answer, and the defaults of its items.
fn list(body: &str) -> Option<(Range<usize>, Value)> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        result: &'a RawValue,
    }
    let Answer { result } = serde_json::from_str(body).ok()?;
    let place = |part: &RawValue| {
        let start = part.get().as_ptr().addr().checked_sub(body.as_ptr().addr())?;
        Some(start..start + part.get().len())
    };
    if result.get().starts_with('[') {
        return Some((place(result)?, Value::Null));
    }
    let fields: HashMap<&str, &RawValue> = serde_json::from_str(result.get()).ok()?;
    let list = LISTS.iter().find_map(|name| fields.get(name).filter(|list| list.get().starts_with('[')))?;
    let defaults = fields.get("itemDefaults").and_then(|defaults| serde_json::from_str(defaults.get()).ok());
    Some((place(list)?, defaults.unwrap_or_default()))
}

/// The word that a completion without a range takes the place of.
fn word_before(open: &Open, at: usize) -> Range<usize> {
    let line = open.text.slice(open.text.line_content(open.text.line_of(at)).start..at);
    let word = line.chars().rev().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    at - word.map(char::len_utf8).sum::<usize>()..at
}

/// Adds a note where a list of completions shows it.
fn annotate(item: &mut Value, note: &str) {
    let details = &mut item["labelDetails"];
    let description = match details["description"].as_str() {
        Some(known) => format!("{known} · Countersign: see documentation"),
        None => "Countersign: see documentation".to_owned(),
    };
    if !details.is_object() {
        *details = json!({});
    }
    details["description"] = description.into();
    let documentation = &mut item["documentation"];
    let text = if documentation.is_object() { &mut documentation["value"] } else { documentation };
    let known = text.as_str().unwrap_or_default();
    *text = if known.is_empty() { note.into() } else { format!("{note}\n\n{known}").into() };
}

/// A body with the headers of another message.
fn framed(frame: &Frame, body: &str) -> Vec<u8> {
    let head = String::from_utf8_lossy(frame.bytes.get(..frame.body).unwrap_or_default());
    let is_other = |line: &&str| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        !line.is_empty() && !name.trim().eq_ignore_ascii_case("content-length")
    };
    let mut head: String = head.split("\r\n").filter(is_other).flat_map(|line| [line, "\r\n"]).collect();
    let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body.as_bytes()].concat()
}
