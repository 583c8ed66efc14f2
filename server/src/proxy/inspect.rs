//! What passed is looked at here, in a thread of its own: open documents, suggestions, and which were taken over.

use super::cut::Frame;
use super::document::{Insertion, Open};
use super::judge::Judge;
use super::reading::{is_word_boundary, reading, visible};
use super::suggestions::{Acceptance, Asked, Item, PATIENCE, Suggestion, Suggestions};
use crate::record::{self, Kind};
use crate::state::Store;
use crate::{disk, spool};
use countersign_provenance::{Agent, Authority, Means, Origin, Saved, Writer};
use countersign_text::{Bias, Encoding, TextEdit};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

/// Characters that are no white space from which on an insertion is no typing. What a person types between two messages of
/// an editor that gathers them (Neovim waits 150 ms) is shorter.
const TYPED_AT_ONCE: usize = 4;

/// Characters that are no white space which the first part of a suggestion has at least.
const FIRST_PART: usize = 3;

/// Questions without an answer that are remembered, and documents.
const MAX_QUESTIONS: usize = 256;
const MAX_DOCUMENTS: usize = 1_000;

/// Bytes that may wait to be looked at.
const MAX_WAITING: usize = 128 << 20;

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What the inspector is told, in the order in which it passed.
pub(super) enum Event {
    /// A message passes.
    Message(Side, Vec<u8>),
    /// A message of the server waits to be judged: another one to send in its place, or none.
    Judge(Frame, SyncSender<Option<Vec<u8>>>),
    /// Something passed that was not looked at.
    Unseen,
    /// Everything has passed.
    End(SyncSender<()>),
}

/// Tells the inspector what passes, and never waits for it.
#[derive(Clone)]
pub(super) struct Tap {
    events: Sender<Event>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
}

impl Tap {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self { events, waiting: Arc::default() }
    }

    /// A message passes. Where too much waits already, it is not looked at.
    pub(super) fn message(&self, side: Side, body: &[u8]) {
        if self.waiting.load(Ordering::Relaxed) + body.len() > MAX_WAITING {
            return self.unseen();
        }
        self.waiting.fetch_add(body.len(), Ordering::Relaxed);
        let _ = self.events.send(Event::Message(side, body.to_vec()));
    }

    /// Something passes that cannot be looked at.
    pub(super) fn unseen(&self) {
        let _ = self.events.send(Event::Unseen);
    }

    /// Asks for a judgement.
    pub(super) fn judge(&self, frame: Frame, reply: SyncSender<Option<Vec<u8>>>) {
        self.waiting.fetch_add(frame.bytes.len(), Ordering::Relaxed);
        let _ = self.events.send(Event::Judge(frame, reply));
    }

    /// Everything has passed; `done` is told when it was looked at.
    pub(super) fn end(&self, done: SyncSender<()>) {
        let _ = self.events.send(Event::End(done));
    }

    /// Starts the inspector.
    pub(super) fn inspect(&self, mut inspector: Inspector, events: Receiver<Event>) {
        let waiting = Arc::clone(&self.waiting);
        std::thread::spawn(move || {
            inspector.start();
            for event in events {
                let length = match &event {
                    Event::Message(_, body) => body.len(),
                    Event::Judge(frame, _) => frame.bytes.len(),
                    Event::Unseen | Event::End(_) => 0,
                };
                if catch_unwind(AssertUnwindSafe(|| inspector.take(event))).is_err() {
                    // What it left may be half done.
                    inspector.forget();
                }
                waiting.fetch_sub(length, Ordering::Relaxed);
            }
        });
    }
}

/// A request that waits for its answer.
struct Question {
    id: Value,
    about: About,
    /// For suggestions that come before the answer.
    token: Option<Value>,
}

/// What a request is about.
#[derive(Clone)]
enum About {
    /// `initialize`.
    Session,
    /// Suggestions for a place, in bytes of the document as it is now.
    Place { asked: Asked, uri: String, at: usize },
}

/// Follows a session.
pub(super) struct Inspector {
    store: Store,
    /// The name of the tool, if it was given; else the server says its own.
    tool: Option<String>,
    /// What the tool is called meanwhile.
    program: String,
    encoding: Encoding,
    documents: HashMap<String, Open>,
    questions: VecDeque<Question>,
    suggestions: Suggestions,
    judge: Option<Judge>,
    has_complained: bool,
}

impl Inspector {
    pub(super) fn new(tool: Option<String>, program: &str, judge: Option<Judge>) -> Self {
        Self {
            store: Store::default(),
            tool,
            program: tool_of(program),
            encoding: Encoding::default(),
            documents: HashMap::new(),
            questions: VecDeque::new(),
            suggestions: Suggestions::default(),
            judge,
            has_complained: false,
        }
    }

    fn start(&mut self) {
        if let Some(judge) = &self.judge {
            judge.warm_up();
        }
    }

    /// Forgets the documents, whose text is not known any more.
    fn forget(&mut self) {
        self.documents.clear();
        self.questions.clear();
        self.suggestions = Suggestions::default();
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Message(side, body) => {
                let Ok(message) = serde_json::from_slice::<Value>(&body) else { return self.forget() };
                match side {
                    Side::Client => self.client_says(&message),
                    Side::Server => {
                        self.server_says(&message);
                    }
                }
            }
            Event::Judge(frame, reply) => {
                let about = serde_json::from_slice(frame.body()).ok().and_then(|message| self.server_says(&message));
                let judged = about.and_then(|about| self.judged(&frame, &about));
                // Nobody waits for it any more where it came too late.
                let _ = reply.send(judged);
            }
            Event::Unseen => self.forget(),
            Event::End(done) => {
                let open: Vec<_> = self.documents.keys().cloned().collect();
                for uri in open {
                    self.report(&uri);
                }
                let _ = done.send(());
            }
        }
    }

    fn client_says(&mut self, message: &Value) {
        let Some(method) = message["method"].as_str() else { return };
        let params = &message["params"];
        let uri = || params["textDocument"]["uri"].as_str().map(str::to_owned);
        match method {
            "initialize" => self.ask(message, About::Session),
            "textDocument/didOpen" => self.open(&params["textDocument"]),
            "textDocument/didChange" => {
                let Some(uri) = uri() else { return };
                self.change(&uri, &params["contentChanges"]);
            }
            "textDocument/didSave" => {
                if let Some(uri) = uri() {
                    self.report(&uri);
                }
            }
            "textDocument/didClose" => {
                if let Some(uri) = uri() {
                    self.report(&uri);
                    self.documents.remove(&uri);
                    self.suggestions.forget(&uri);
                }
            }
            _ => match Asked::of(method) {
                Some(asked) => self.ask_at(message, asked),
                None => self.accepted(method, params),
            },
        }
    }

    /// Looks at a message of the server; what it is about, where it is an answer to a question.
    fn server_says(&mut self, message: &Value) -> Option<About> {
        if message["method"] == "$/progress" {
            let params = &message["params"];
            let question = self.questions.iter().find(|it| it.token.as_ref() == Some(&params["token"]))?;
            let about = question.about.clone();
            self.suggest(&about, &params["value"]);
            return None;
        }
        if !message["method"].is_null() {
            return None;
        }
        let at = self.questions.iter().position(|question| question.id == message["id"])?;
        let about = self.questions.remove(at)?.about;
        let result = &message["result"];
        if let About::Session = about {
            self.encoding = match result["capabilities"]["positionEncoding"].as_str() {
                Some("utf-8") => Encoding::Utf8,
                Some("utf-32") => Encoding::Utf32,
                _ => Encoding::Utf16,
            };
            if let Some(name) = result["serverInfo"]["name"].as_str().map(tool_of).filter(|name| !name.is_empty()) {
                self.program = name;
            }
            return None;
        }
        self.suggest(&about, result);
        Some(about)
    }

    fn ask(&mut self, message: &Value, about: About) {
        let token = message["params"].get("partialResultToken").cloned();
        self.questions.push_back(Question { id: message["id"].clone(), about, token });
        if self.questions.len() > MAX_QUESTIONS {
            self.questions.pop_front();
        }
    }

    /// The client asks for suggestions.
    fn ask_at(&mut self, message: &Value, asked: Asked) {
        let params = &message["params"];
        // Copilot's older methods have their own form.
        let (document, position) = match &params["doc"] {
            Value::Null => (&params["textDocument"], &params["position"]),
            doc => (doc, &doc["position"]),
        };
        let Some(uri) = document["uri"].as_str() else { return };
        let Some(open) = self.documents.get(uri) else { return };
        let at = open.offset(position, self.encoding).unwrap_or(0);
        self.ask(message, About::Place { asked, uri: uri.to_owned(), at });
    }

    /// The server makes suggestions.
    fn suggest(&mut self, about: &About, result: &Value) {
        let About::Place { asked, uri, at } = about else { return };
        let items: Vec<Item> = Item::all(*asked, result).collect();
        // The first are the best, and the last to be forgotten.
        for item in items.into_iter().rev() {
            let uri = item.uri.as_ref().unwrap_or(uri).clone();
            let Some(open) = self.documents.get(&uri) else { continue };
            let range = item.range.as_ref().and_then(|range| open.bytes(range, self.encoding));
            let anchor = match (asked, range) {
                (Asked::Edit, Some(range)) => range.start,
                _ => *at,
            };
            self.suggestions.add(uri, anchor, item);
        }
    }

    fn judged(&mut self, frame: &Frame, about: &About) -> Option<Vec<u8>> {
        let About::Place { asked, uri, at } = about else { return None };
        let origin = self.origin();
        let open = self.documents.get(uri)?;
        self.judge.as_mut()?.rewrite(frame, *asked, uri, open, *at, self.encoding, &origin)
    }

    fn open(&mut self, document: &Value) {
        let (Some(uri), Some(text)) = (document["uri"].as_str(), document["text"].as_str()) else { return };
        self.suggestions.forget(uri);
        self.documents.remove(uri);
        if self.documents.len() < MAX_DOCUMENTS
            && let Some(open) = Open::new(uri, text)
        {
            if let Some(judge) = &mut self.judge {
                judge.prepare(uri, &open);
            }
            self.documents.insert(uri.to_owned(), open);
        }
    }

    fn change(&mut self, uri: &str, changes: &Value) {
        let Some(open) = self.documents.get_mut(uri) else { return };
        let mut inserted: Vec<Insertion> = Vec::new();
        for change in changes.as_array().into_iter().flatten() {
            let Some((edits, new)) = open.change(change, self.encoding) else {
                // Its text is not known any more.
                self.documents.remove(uri);
                return self.suggestions.forget(uri);
            };
            for edit in &edits {
                for insertion in &mut inserted {
                    insertion.range = edit.map_range(&insertion.range);
                }
                follow(edit, uri, &mut self.suggestions, &mut self.questions);
            }
            inserted.extend(new);
        }
        let mut taken = Vec::new();
        for insertion in inserted {
            match take_over(open, self.suggestions.of(uri), &insertion) {
                found if found.is_empty() => open.set_loose(insertion),
                found => taken.extend(found),
            }
        }
        self.attribute(uri, &taken);
    }

    /// The client may say that it took a suggestion over.
    fn accepted(&mut self, method: &str, params: &Value) {
        let Some((made, acceptance)) = self.suggestions.accepted(method, params) else { return };
        if made.taken >= made.text.trim_end().len() {
            return;
        }
        let uri = made.uri.clone();
        let Some(open) = self.documents.get_mut(&uri) else { return };
        let taken = match made.perhaps.take() {
            Some((range, read)) if acceptance == Acceptance::Part => {
                made.taken = read;
                vec![range]
            }
            perhaps => {
                made.perhaps = perhaps;
                made.accept(acceptance);
                let made = &mut *made;
                // Only one: what was typed before may be part of the suggestion, too.
                let fresh = open.loose().filter(|insertion| insertion.at.elapsed() < PATIENCE);
                let found = fresh.map(|insertion| take_over(open, std::iter::once(&mut *made), insertion));
                found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
            }
        };
        self.attribute(&uri, &taken);
    }

    /// Text was taken over from suggestions.
    fn attribute(&mut self, uri: &str, taken: &[Range<usize>]) {
        let origin = self.origin();
        let Some(open) = self.documents.get_mut(uri).filter(|_| !taken.is_empty()) else { return };
        open.regions_mut().attribute(taken, &origin);
        for range in taken {
            open.settle(range);
        }
        let path = open.path.clone();
        // First for the editor, which waits for it; others may hold the ledger.
        self.report(uri);
        if let Some(path) = path {
            let entry = record::entry(Kind::Insertion, &path, &origin, taken.iter().map(Range::len).sum());
            let recorded = record::append(&self.store, &path, &[entry]);
            complain(recorded, &path, &mut self.has_complained);
        }
    }

    fn origin(&self) -> Origin {
        let tool = self.tool.as_ref().unwrap_or(&self.program).clone();
        let agent = Agent { tool, model: None, session: None };
        let means = Some(Means::InlineCompletion);
        Origin { writer: Writer::Ai(agent), authority: Authority::Observed, means, corrects: None }
    }

    /// Leaves for others who wrote what in a document as it is now. An editor's Countersign sees the same text.
    fn report(&mut self, uri: &str) {
        let Some(open) = self.documents.get_mut(uri).filter(|open| open.is_news) else { return };
        open.is_news = false;
        let Some(path) = open.path.as_ref().filter(|_| !open.regions().is_empty()) else { return };
        let Some(saved) = Saved::new(&open.text.to_string(), open.regions()) else { return };
        for name in disk::names(path) {
            let left = spool::leave(&self.store, &name, saved.clone());
            complain(left, path, &mut self.has_complained);
        }
    }
}

/// Says once what could not be written down.
fn complain<E: std::fmt::Display>(done: Result<(), E>, path: &Path, has_complained: &mut bool) {
    if let Err(error) = done
        && !std::mem::replace(has_complained, true)
    {
        let path = disk::display(path);
        let _ = writeln!(std::io::stderr(), "countersign proxy: who wrote {path} is not recorded: {error}");
    }
}

/// Places go with an edit.
fn follow(edit: &TextEdit, uri: &str, suggestions: &mut Suggestions, questions: &mut VecDeque<Question>) {
    for made in suggestions.of(uri) {
        made.anchor = edit.map(made.anchor, Bias::Before);
        if let Some((range, _)) = &mut made.perhaps {
            *range = edit.map_range(range);
        }
        made.perhaps.take_if(|(range, _)| range.start >= range.end);
    }
    for question in questions {
        if let About::Place { uri: of, at, .. } = &mut question.about
            && of == uri
        {
            *at = edit.map(*at, Bias::Before);
        }
    }
}

/// What an insertion took over of suggestions: nothing, or the ranges of the text that are theirs.
fn take_over<'s>(
    open: &Open,
    suggestions: impl Iterator<Item = &'s mut Suggestion>,
    insertion: &Insertion,
) -> Vec<Range<usize>> {
    let new = open.text.slice(insertion.range.clone());
    let ink = visible(&new);
    if ink == 0 || new.chars().nth(1).is_none() {
        return Vec::new();
    }
    let mut first_part = None;
    for made in suggestions {
        let accepted = made.accepted();
        if (accepted.is_none() && ink < TYPED_AT_ONCE) || made.taken >= made.text.len() {
            continue;
        }
        let found = reading(&open.text, &insertion.range, insertion.moves, &made.text, made.anchor);
        let Some(found) = found else { continue };
        if found.whole {
            made.taken = made.text.len();
            let before = made.perhaps.take().map(|(range, _)| range);
            return before.into_iter().chain([found.inserted]).collect();
        }
        let is_part = found.read > made.taken
            && is_word_boundary(&made.text, found.read)
            && made.text.get(..found.read).is_some_and(|part| visible(part) >= FIRST_PART);
        if is_part && first_part.is_none() {
            first_part = Some((made, accepted, found));
        }
    }
    let Some((made, accepted, found)) = first_part else { return Vec::new() };
    let before = made.perhaps.take();
    let goes_on = before.as_ref().is_some_and(|(range, read)| {
        let between = open.text.slice(range.end..found.inserted.start);
        *read < found.read && range.end <= found.inserted.start && between.trim().is_empty()
    });
    if made.taken > 0 || goes_on || accepted == Some(Acceptance::Part) {
        made.taken = found.read;
        let before = before.filter(|_| goes_on).map(|(range, _)| range);
        return before.into_iter().chain([found.inserted]).collect();
    }
    // One word that is the same may be typed by somebody else's completion; the next one tells.
    made.perhaps = Some((found.inserted, found.read));
    Vec::new()
}

/// The name of a tool, from what a server or a program calls itself.
fn tool_of(name: &str) -> String {
    let name = name.to_lowercase();
    if name.contains("copilot") {
        return "github-copilot".to_owned();
    }
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::tool_of;

    #[test]
    fn tools_have_the_names_that_git_ai_gives_them() {
        for (name, tool) in [
            ("GitHub Copilot Language Server", "github-copilot"),
            ("copilot-language-server", "github-copilot"),
            ("lsp-ai", "lsp-ai"),
            ("Tabby Agent", "tabby-agent"),
            ("?", ""),
        ] {
            assert_eq!(tool_of(name), tool);
        }
    }
}
