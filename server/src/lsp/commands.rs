//! The commands: what a person chose to do.

use super::client::Requester;
use super::features::{self, View};
use super::protocol::ActionArguments;
use super::reviews;
use super::session::{Event, Session, on_pool};
use super::worker::Job;
use crate::cli::page;
use crate::record::Kind;
use crate::state::{write_atomically, write_page};
use countersign_policy::Catalogue;
use countersign_provenance::{Authority, Origin, Writer};
use std::ops::Range;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{self, Error};
use tower_lsp::ls_types::{ExecuteCommandParams, LSPAny, MessageType, Uri};

impl Session {
    pub(super) fn command(
        &mut self,
        params: ExecuteCommandParams,
        reply: oneshot::Sender<jsonrpc::Result<Option<LSPAny>>>,
    ) {
        let name = params.command;
        let argument = params.arguments.into_iter().next().unwrap_or_default();
        if name == features::EXPLAIN {
            let _ = reply.send(self.explain(&argument));
            return;
        }
        if name == features::CHECK_WORKSPACE {
            self.check_workspace(reply);
            return;
        }
        // Editors that list the commands may send one without saying where.
        if argument.is_null() {
            let message = format!("`{name}` has to be told a place; choose the code action of that name there instead");
            let _ = reply.send(Err(super::backend::invalid(message)));
            return;
        }
        if [reviews::APPROVE, reviews::REJECT].contains(&name.as_str()) {
            let _ = reply.send(self.answer_review(&name, &argument));
            return;
        }
        let arguments: ActionArguments = match serde_json::from_value(argument) {
            Ok(arguments) => arguments,
            Err(error) => {
                let _ = reply.send(Err(super::backend::invalid(format!("`{name}` takes {{uri, range, …}}: {error}"))));
                return;
            }
        };
        self.refresh_dirty();
        let Some(view) = self.view(&arguments.uri) else {
            let _ = reply.send(Err(super::backend::invalid(format!("the document is not open: {}", arguments.uri))));
            return;
        };
        match name.as_str() {
            features::I_WROTE_THIS => {
                let range = view.bytes(&features::from_wire(&arguments.range));
                let origin =
                    Origin { writer: Writer::Human, authority: Authority::Corrected, means: None, corrects: None };
                self.declare(&arguments.uri, range, &origin);
                let _ = reply.send(Ok(None));
            }
            features::SHOW_ORIGIN => {
                let range = view.bytes(&features::from_wire(&arguments.range));
                let origin = view.analysis().origin(&view.snapshot, &range);
                let words = features::origin_in_words(&origin);
                let words = words.unwrap_or_else(|| "Nothing is known about who wrote this.".to_owned());
                self.requester.show(MessageType::INFO, words.clone());
                let _ = reply.send(Ok(Some(LSPAny::String(words))));
            }
            features::REQUEST_REVIEW if !(self.features.create_files && self.features.apply_edit) => {
                let (requester, events) = (self.requester.clone(), self.events.clone());
                on_pool(move || {
                    let _ = reply.send(write_review(&view, &arguments, &requester));
                    events.send(Event::ReviewsChanged);
                });
            }
            features::FIX
            | features::FIX_ALL
            | features::SUPPRESS
            | features::TAKE_BACK
            | features::TAG
            | features::REQUEST_REVIEW => {
                let (requester, events, can_apply) =
                    (self.requester.clone(), self.events.clone(), self.features.apply_edit);
                on_pool(move || {
                    let _ = reply.send(match features::edit_of(&view, &name, &arguments) {
                        Ok(Some(_)) if !can_apply => Err(super::backend::invalid(
                            "this client cannot apply edits of the server; use the code action",
                        )),
                        Ok(Some(edit)) => {
                            requester.apply_edit(edit);
                            Ok(None)
                        }
                        // The language has no comments, so the tag is remembered beside the file.
                        Ok(None) => {
                            let params = super::protocol::tag_beside(&arguments, view.snapshot.version);
                            events.send(Event::Edit(params));
                            Ok(None)
                        }
                        Err(error) => Err(error),
                    });
                });
            }
            _ => {
                let _ = reply.send(Err(super::backend::invalid(format!("there is no command `{name}`"))));
            }
        }
    }

    /// Takes a person's word about who wrote a text.
    fn declare(&mut self, uri: &str, range: Range<usize>, origin: &Origin) {
        if let Some(path) = self.documents.get(uri).and_then(|open| open.path().cloned()) {
            let (kind, origin, bytes) = (Kind::Correction, origin.clone(), range.len());
            self.worker.send(Job::Record { path, kind, origin, bytes });
        }
        self.declared(uri, |document| document.declare(range, origin));
    }

    /// Shows the page of a risk, in the editor where that can be, and returns it.
    fn explain(&self, argument: &LSPAny) -> jsonrpc::Result<Option<LSPAny>> {
        let id = argument.get("risk").unwrap_or(argument).as_str().unwrap_or_default();
        // A risk of a repository's own is known where one of its files is open.
        let of_open = self.documents.values().filter_map(|open| open.policy.as_ref()).map(|policy| &policy.catalogue);
        let mut catalogues = of_open.chain([Catalogue::built_in()]);
        let Some((catalogue, document)) = catalogues.find_map(|it| Some((it, it.document(id)?))) else {
            return Err(super::backend::invalid(format!("there is no risk `{id}`")));
        };
        let page = page(document, catalogue.off(id));
        if self.features.show_document {
            let (requester, name, content) = (self.requester.clone(), id.to_owned(), page.clone());
            on_pool(move || {
                let written = write_page(&name, &content).ok();
                if let Some(uri) = written.and_then(Uri::from_file_path) {
                    requester.show_document(uri);
                }
            });
        } else {
            self.requester.show(MessageType::INFO, page.clone());
        }
        Ok(Some(LSPAny::String(page)))
    }
}

/// Writes the requests for a review and says so.
fn write_review(view: &View, arguments: &ActionArguments, requester: &Requester) -> jsonrpc::Result<Option<LSPAny>> {
    let requests = features::review_requests(view, arguments)?;
    let mut written = Vec::new();
    for (file, statement) in &requests {
        write_atomically(file, statement.as_bytes()).map_err(|error| {
            let mut failed = Error::internal_error();
            failed.message = format!("the request could not be written to {}: {error}", file.display()).into();
            failed
        })?;
        written.push(crate::disk::display(file));
    }
    let Some(first) = written.first() else {
        requester.show(MessageType::INFO, format!("No request was written: {}.", features::REQUESTED));
        return Ok(None);
    };
    let shown = written.join(", ");
    requester.show(MessageType::INFO, format!("The review request was written to {shown}. Commit it with the change."));
    Ok(Some(serde_json::json!({ "file": first })))
}
