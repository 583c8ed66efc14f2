//! Open documents in languages that are not read. Such a document is kept as it is, and nothing is made of it, until the settings
//! say that its file is critical; then it is plain text that counts like any other. It goes back when they say so no more.
//!
//! A client that registers capabilities at run time is asked to send the files of the globs in question; others are asked for one
//! file at a time by `countersign/isCritical`.

use super::client::Features;
use super::features;
use super::session::{Event, Missing, Session};
use super::worker::Job;
use crate::disk::{Configs, FolderConfig};
use countersign_engine::{Change, MAX_FILE_BYTES};
use countersign_grammars::Language;
use countersign_text::{Encoding, Text, TextEdit};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tower_lsp::ls_types::{
    DidChangeTextDocumentParams, Registration, TextDocumentContentChangeEvent, TextDocumentItem, TextDocumentSyncKind,
    Unregistration,
};

/// Globs that a client is asked to send the files of; of more, none is.
const MAX_GLOBS: usize = 200;

/// What begins the identifiers of registrations for them.
const REGISTRATION: &str = "countersign-critical";

/// A document in a language that is not read.
pub(super) struct Foreign {
    /// As it was opened, without its text.
    item: TextDocumentItem,
    /// The file; `None` where it is none.
    path: Option<PathBuf>,
    /// The text now; `None` where it is over a limit or no text.
    text: Option<Text>,
}

impl Foreign {
    /// A document that was opened.
    pub(super) fn new(mut item: TextDocumentItem) -> Self {
        let text = std::mem::take(&mut item.text);
        let text = is_text(&text).then(|| Text::from(text.as_str()));
        Self { path: features::file_path(&item.uri), item, text }
    }

    /// The file, where the settings may say something about it.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref().filter(|_| self.text.is_some())
    }

    /// Follows an edit.
    pub(super) fn change(&mut self, params: DidChangeTextDocumentParams, encoding: Encoding) {
        self.item.version = params.text_document.version;
        for change in params.content_changes {
            let Some(text) = &mut self.text else { return };
            let change = resolve(text, change, encoding);
            let range = change.range.unwrap_or(0..text.len());
            text.edit(&TextEdit::new(range, change.text));
            if text.len() > MAX_FILE_BYTES {
                self.text = None;
            }
        }
    }

    fn into_item(self) -> Option<TextDocumentItem> {
        Some(TextDocumentItem { text: self.text?.to_string(), ..self.item })
    }
}

/// Whether a text is one that a person writes: within the limits and without NUL bytes.
fn is_text(text: &str) -> bool {
    text.len() <= MAX_FILE_BYTES && !text.as_bytes().contains(&0)
}

/// A change in bytes.
pub(super) fn resolve(text: &Text, change: TextDocumentContentChangeEvent, encoding: Encoding) -> Change {
    Change { range: change.range.map(|range| features::to_bytes(text, encoding, &range)), text: change.text }
}

impl Session {
    /// Takes a document that is in no language of ours, and asks what the settings say of it.
    pub(super) fn open_foreign(&mut self, item: TextDocumentItem) {
        let key = item.uri.as_str().to_owned();
        let foreign = Foreign::new(item);
        if let Some(path) = foreign.path() {
            self.worker.send(Job::Settings { uri: key.clone(), path: path.to_owned() });
        }
        self.foreign.insert(key, foreign);
    }

    /// Follows what the settings say of a document that is in no language of ours. Returns whether it is one.
    pub(super) fn settings_of_foreign(&mut self, uri: &str, config: &FolderConfig) -> bool {
        let Some(foreign) = self.foreign.get(uri) else { return false };
        let path = foreign.path().filter(|path| config.singles_out(path)).map(Path::to_owned);
        if let Some(path) = path
            && let Some(item) = self.foreign.remove(uri).and_then(Foreign::into_item)
        {
            self.open_as(item, Some(path), Language::Plain);
            self.settings(uri, config);
            self.stale = true;
        }
        true
    }

    /// Makes nothing of a document any more that was plain text. Who wrote what is kept.
    pub(super) fn leave(&mut self, uri: &str) {
        self.save_state(uri);
        let Some(mut open) = self.documents.remove(uri) else { return };
        open.answer_waiting_with(&Missing::NotOurs);
        self.snapshots.remove(uri);
        if !self.features.pull_diagnostics {
            self.publish(&open.uri, None, Vec::new());
        }
        let snapshot = open.document.snapshot();
        let text = snapshot.text.to_string();
        let (version, uri_of) = (snapshot.version, open.uri);
        let item = TextDocumentItem { uri: uri_of, language_id: String::new(), version, text };
        self.foreign.insert(uri.to_owned(), Foreign::new(item));
        self.stale = true;
    }

    /// Has the client send the files of the globs that the settings name, where it can be asked for that.
    pub(super) fn ask_for_critical(&mut self, globs: BTreeSet<String>) {
        let globs = if globs.len() > MAX_GLOBS { BTreeSet::new() } else { globs };
        if !self.features.register_documents || globs == self.registered {
            return;
        }
        if !self.registered.is_empty() {
            let unregistration =
                |method: &str| Unregistration { id: format!("{REGISTRATION}/{method}"), method: method.to_owned() };
            self.requester.unregister(methods(&self.features).map(unregistration).collect());
        }
        self.registered = globs;
        if self.registered.is_empty() {
            return;
        }
        let filter = |glob: &String| serde_json::json!({ "scheme": "file", "pattern": format!("**/{glob}") });
        let selector: Vec<_> = self.registered.iter().map(filter).collect();
        let registration = |method: &str| {
            let mut options = options(method, &self.features);
            if let Some(options) = options.as_object_mut() {
                options.insert("documentSelector".to_owned(), selector.clone().into());
            }
            let id = format!("{REGISTRATION}/{method}");
            Registration { id, method: method.to_owned(), register_options: Some(options) }
        };
        self.requester.register(methods(&self.features).map(registration).collect());
    }
}

/// What is registered: the text of documents, and of the rest what the client takes at run time.
fn methods(features: &Features) -> impl Iterator<Item = &'static str> {
    ["textDocument/didOpen", "textDocument/didChange", "textDocument/didSave", "textDocument/didClose"]
        .into_iter()
        .chain(features.register_methods.iter().copied())
}

/// What a registration says besides the documents that it is about.
fn options(method: &str, features: &Features) -> serde_json::Value {
    match method {
        "textDocument/didChange" => serde_json::json!({ "syncKind": TextDocumentSyncKind::INCREMENTAL }),
        "textDocument/didSave" => serde_json::json!({ "includeText": false }),
        "textDocument/codeAction" => serde_json::json!({ "resolveProvider": features.lazy_action_edits }),
        "textDocument/codeLens" => serde_json::json!({ "resolveProvider": false }),
        "textDocument/diagnostic" => serde_json::json!({
            "identifier": "countersign", "interFileDependencies": true, "workspaceDiagnostics": false,
        }),
        _ => serde_json::json!({}),
    }
}

/// The globs of files below some folders that are called critical, as far as the settings of the folders themselves say so.
/// They count from the root of a repository, and a client takes them in any folder; what they take in addition is left alone.
fn globs(roots: &[PathBuf], configs: &Configs) -> BTreeSet<String> {
    let of = |root: &PathBuf| configs.of(&root.join("-")).critical_globs();
    let plain = |glob: String| glob.trim_start_matches("./").trim_start_matches("**/").to_owned();
    roots.iter().flat_map(of).map(plain).filter(|glob| !glob.is_empty()).collect()
}

/// The event of the globs that were looked up.
pub(super) fn found(roots: &[PathBuf], configs: &Configs) -> Event {
    Event::Critical(globs(roots, configs))
}
