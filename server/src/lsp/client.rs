//! What the client can do, and requests to it.

use super::features::SHOW_BLAST_RADIUS;
use super::reviews::{APPROVE, REJECT};
use countersign_text::Encoding;
use std::future::Future;
use std::time::Duration;
use tower_lsp::Client;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{
    ClientCapabilities, MarkupKind, MessageType, PositionEncodingKind, ProgressToken, Registration,
    ResourceOperationKind, Unregistration, WorkspaceEdit,
};

/// How long an answer of the client is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the client offered. Nothing else of it is used.
#[expect(clippy::struct_excessive_bools, reason = "each is one capability of the protocol")]
#[derive(Debug, Clone, Default)]
pub(super) struct Features {
    pub(super) encoding: Encoding,
    /// It asks for diagnostics and can be told to ask again; then they are not pushed.
    pub(super) pull_diagnostics: bool,
    pub(super) diagnostic_version: bool,
    /// It keeps what a diagnostic carries beside its text.
    pub(super) diagnostic_data: bool,
    pub(super) action_literals: bool,
    pub(super) lazy_action_edits: bool,
    /// It says why an action that is named cannot be chosen.
    pub(super) disabled_actions: bool,
    pub(super) document_changes: bool,
    pub(super) create_files: bool,
    pub(super) apply_edit: bool,
    pub(super) show_document: bool,
    pub(super) markdown_hover: bool,
    pub(super) related_information: bool,
    pub(super) watch_files: bool,
    /// It can be told at run time which documents it may ask for completions in.
    pub(super) register_completion: bool,
    /// It can be asked at run time to send documents.
    pub(super) register_documents: bool,
    /// What else it can be asked at run time to ask about documents: names of methods.
    pub(super) register_methods: Vec<&'static str>,
    pub(super) refresh_lenses: bool,
    pub(super) refresh_hints: bool,
    /// It has a command of its own that shows a blast radius.
    pub(super) show_blast_radius: bool,
    /// It has commands of its own that approve and reject.
    pub(super) answer_reviews: bool,
    /// It wants to be told where the reviews stand.
    pub(super) reviews: bool,
    /// It shows how far work of the server's own is.
    pub(super) progress: bool,
}

impl Features {
    /// Reads what the client offers.
    pub(super) fn new(capabilities: &ClientCapabilities) -> Self {
        let mut features = Self::default();
        let encodings = capabilities.general.as_ref().and_then(|general| general.position_encodings.as_ref());
        // The client names them in the order of its preference.
        let known = encodings.into_iter().flatten().find_map(encoding);
        features.encoding = known.unwrap_or_default();
        if let Some(window) = &capabilities.window {
            features.show_document = window.show_document.as_ref().is_some_and(|show| show.support);
            features.progress = window.work_done_progress.unwrap_or(false);
        }
        if let Some(workspace) = &capabilities.workspace {
            let can = |refresh: Option<bool>| refresh.unwrap_or(false);
            features.apply_edit = can(workspace.apply_edit);
            features.watch_files =
                workspace.did_change_watched_files.as_ref().is_some_and(|watch| can(watch.dynamic_registration));
            features.refresh_lenses = workspace.code_lens.as_ref().is_some_and(|lens| can(lens.refresh_support));
            features.refresh_hints = workspace.inlay_hint.as_ref().is_some_and(|hint| can(hint.refresh_support));
            features.pull_diagnostics =
                workspace.diagnostics.as_ref().is_some_and(|diagnostics| can(diagnostics.refresh_support));
            if let Some(edit) = &workspace.workspace_edit {
                features.document_changes = can(edit.document_changes);
                let operations = edit.resource_operations.as_ref();
                let creates = operations.is_some_and(|kinds| kinds.contains(&ResourceOperationKind::Create));
                features.create_files = features.document_changes && creates;
            }
        }
        let own = |what: &str| capabilities.experimental.as_ref().and_then(|other| other.pointer(what));
        let commands = own("/countersign/commands").and_then(|commands| commands.as_array());
        let has = |name: &str| commands.is_some_and(|commands| commands.iter().any(|command| command == name));
        features.show_blast_radius = has(SHOW_BLAST_RADIUS);
        features.answer_reviews = has(APPROVE) && has(REJECT);
        features.reviews = own("/countersign/reviews").is_some_and(|wanted| *wanted == true);
        let document = capabilities.text_document.as_ref();
        features.pull_diagnostics &= document.is_some_and(|document| document.diagnostic.is_some());
        if let Some(document) = document {
            features.register_completion =
                document.completion.as_ref().is_some_and(|completion| completion.dynamic_registration.unwrap_or(false));
            features.register_documents =
                document.synchronization.as_ref().is_some_and(|sync| sync.dynamic_registration.unwrap_or(false));
            let dynamic = [
                ("textDocument/hover", document.hover.as_ref().and_then(|it| it.dynamic_registration)),
                ("textDocument/codeAction", document.code_action.as_ref().and_then(|it| it.dynamic_registration)),
                ("textDocument/codeLens", document.code_lens.as_ref().and_then(|it| it.dynamic_registration)),
                ("textDocument/inlayHint", document.inlay_hint.as_ref().and_then(|it| it.dynamic_registration)),
                (
                    "textDocument/diagnostic",
                    document
                        .diagnostic
                        .as_ref()
                        .and_then(|it| it.dynamic_registration)
                        .filter(|_| features.pull_diagnostics),
                ),
            ];
            features.register_methods =
                dynamic.into_iter().filter(|(_, can)| can.unwrap_or(false)).map(|(method, _)| method).collect();
            features.diagnostic_version =
                document.publish_diagnostics.as_ref().is_some_and(|publish| publish.version_support.unwrap_or(false));
            features.diagnostic_data =
                document.publish_diagnostics.as_ref().is_some_and(|publish| publish.data_support.unwrap_or(false));
            features.related_information = document
                .publish_diagnostics
                .as_ref()
                .is_some_and(|publish| publish.related_information.unwrap_or(false))
                || document.diagnostic.as_ref().is_some_and(|pull| pull.related_information.unwrap_or(false));
            features.markdown_hover = document
                .hover
                .as_ref()
                .and_then(|hover| hover.content_format.as_ref())
                .and_then(|formats| formats.first())
                .is_some_and(|preferred| *preferred == MarkupKind::Markdown);
            if let Some(action) = &document.code_action {
                features.action_literals = action.code_action_literal_support.is_some();
                features.disabled_actions = features.action_literals && action.disabled_support.unwrap_or(false);
                let lazy = action.resolve_support.as_ref();
                features.lazy_action_edits = action.data_support.unwrap_or(false)
                    && lazy.is_some_and(|lazy| lazy.properties.iter().any(|property| property == "edit"));
            }
        }
        features
    }

    /// The name of the encoding that was chosen.
    pub(super) fn position_encoding(&self) -> PositionEncodingKind {
        match self.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }
}

fn encoding(kind: &PositionEncodingKind) -> Option<Encoding> {
    match kind.as_str() {
        "utf-8" => Some(Encoding::Utf8),
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    }
}

/// Sends requests to the client, each in a task of its own, so that nothing waits for the answer.
#[derive(Debug, Clone)]
pub(super) struct Requester {
    pub(super) client: Client,
    pub(super) runtime: tokio::runtime::Handle,
}

impl Requester {
    fn spawn<T, F>(&self, request: impl FnOnce(Client) -> F + Send + 'static)
    where
        F: Future<Output = jsonrpc::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let client = self.client.clone();
        self.runtime.spawn(async move {
            match tokio::time::timeout(PATIENCE, request(client)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!("the client refused a request: {error}"),
                Err(_) => tracing::warn!("the client did not answer a request within {PATIENCE:?}"),
            }
        });
    }

    /// Asks the client to watch files.
    pub(super) fn register(&self, registrations: Vec<Registration>) {
        self.spawn(|client| async move { client.register_capability(registrations).await });
    }

    /// Asks the client to forget what it was asked for.
    pub(super) fn unregister(&self, unregistrations: Vec<Unregistration>) {
        self.spawn(|client| async move { client.unregister_capability(unregistrations).await });
    }

    /// Asks the client to apply an edit.
    pub(super) fn apply_edit(&self, edit: WorkspaceEdit) {
        self.spawn(|client| async move { client.apply_edit(edit).await });
    }

    /// Asks the client to make a place for the progress of something, and tells whether it did.
    pub(super) fn create_progress(&self, token: ProgressToken, made: impl FnOnce(bool) + Send + 'static) {
        self.spawn(|client| async move {
            let answer = client.create_work_done_progress(token).await;
            made(answer.is_ok());
            answer
        });
    }

    /// Asks the client to show a file.
    pub(super) fn show_document(&self, uri: tower_lsp::ls_types::Uri) {
        let params =
            tower_lsp::ls_types::ShowDocumentParams { uri, external: None, take_focus: Some(true), selection: None };
        self.spawn(|client| async move { client.show_document(params).await });
    }

    /// Tells the client that what it shows beside the text has changed.
    pub(super) fn refresh(&self, features: &Features) {
        if features.pull_diagnostics {
            self.spawn(|client| async move { client.workspace_diagnostic_refresh().await });
        }
        if features.refresh_lenses {
            self.spawn(|client| async move { client.code_lens_refresh().await });
        }
        if features.refresh_hints {
            self.spawn(|client| async move { client.inlay_hint_refresh().await });
        }
    }

    /// Shows a message.
    pub(super) fn show(&self, kind: MessageType, message: String) {
        self.spawn(move |client| async move {
            client.show_message(kind, message).await;
            Ok(())
        });
    }
}
