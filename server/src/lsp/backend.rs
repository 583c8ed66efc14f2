//! The methods of the protocol. Each hands its message to the main loop before it waits for anything, so the order in
//! which messages came is the order in which they take effect.

use super::check_edit::check_edit;
use super::client::Features;
use super::events::Events;
use super::features::{self, View};
use super::hierarchy;
use super::hover::hover;
use super::protocol::{
    BlastRadiusParams, BlastRadiusResult, CheckEditParams, CheckEditResult, EditParams, IsCriticalParams,
    IsCriticalResult, RegionResult, RegionsParams,
};
use super::radius::blast_radius;
use super::session::{Event, Missing, on_pool};
use super::settings::{Settings, TRIGGERS, Which};
use crate::disk::Configs;
use countersign_text::Encoding;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;

/// The server as the framework sees it.
pub(super) struct Backend {
    pub(super) events: Events,
    pub(super) shut_down: std::sync::Arc<AtomicBool>,
    pub(super) parent: std::sync::Arc<OnceLock<u32>>,
    pub(super) encoding: OnceLock<Encoding>,
}

impl Backend {
    /// Leaves an event. The reader, which is who polls a handler first, takes a turn afterwards.
    fn send(&self, event: Event) {
        self.events.leave(event);
    }

    /// Answers from a snapshot, on the pool.
    fn query<T: Send + 'static>(
        &self,
        uri: &Uri,
        answer: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<Option<T>>> {
        self.query_or(uri, answer, |_| None)
    }

    /// The same, with an answer for a `countersign.toml`.
    fn query_or<T: Send + 'static>(
        &self,
        uri: &Uri,
        answer: impl FnOnce(&View) -> Result<T> + Send + 'static,
        of_settings: impl FnOnce(&Settings) -> Option<T> + Send + 'static,
    ) -> impl Future<Output = Result<Option<T>>> {
        let (reply, answered) = oneshot::channel();
        let uri = uri.as_str().to_owned();
        let name = uri.clone();
        let run = Box::new(move |view: std::result::Result<View, Missing>| {
            // Nobody waits any more: the request was cancelled.
            if reply.is_closed() {
                return;
            }
            let _ = reply.send(match view {
                Ok(view) => answer(&view).map(Some),
                Err(Missing::Settings(settings)) => Ok(of_settings(&settings)),
                Err(Missing::NotOurs) => Ok(None),
                Err(Missing::NotOpen) => Err(not_open(&name)),
            });
        });
        self.send(Event::Query { uri, run });
        async move { answered.await.unwrap_or_else(|_| Err(Error::internal_error())) }
    }

    /// `countersign/edit`.
    #[expect(clippy::unused_async, reason = "the framework takes async methods")]
    pub(super) async fn edit(&self, params: EditParams) {
        self.send(Event::Edit(params));
    }

    /// `window/workDoneProgress/cancel`.
    #[expect(clippy::unused_async, reason = "the framework takes async methods")]
    pub(super) async fn cancel(&self, params: WorkDoneProgressCancelParams) {
        self.send(Event::Cancel(params.token));
    }

    /// `countersign/regions`.
    pub(super) async fn regions(&self, params: RegionsParams) -> Result<Vec<RegionResult>> {
        let uri = parse_uri(&params.text_document.uri)?;
        Ok(self.query(&uri, |view| Ok(features::regions(view))).await?.unwrap_or_default())
    }

    /// `countersign/checkEdit`.
    pub(super) async fn check_edit(&self, params: CheckEditParams) -> Result<CheckEditResult> {
        let (reply, answered) = oneshot::channel();
        let uri = params.text_document.uri.clone();
        let encoding = self.encoding.get().copied().unwrap_or_default();
        let run = Box::new(move |view: std::result::Result<View, Missing>| {
            let _ = reply.send(check_edit(view.ok().as_ref(), encoding, &params));
        });
        self.send(Event::Query { uri, run });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    /// `countersign/isCritical`.
    pub(super) async fn is_critical(&self, params: IsCriticalParams) -> Result<IsCriticalResult> {
        let path = features::file_path(&parse_uri(&params.text_document.uri)?);
        let (reply, answered) = oneshot::channel();
        on_pool(move || {
            let critical = path.is_some_and(|path| {
                let config = Configs::default().of(&path);
                config.singles_out(&path) && !config.excludes(&path)
            });
            let _ = reply.send(Ok(IsCriticalResult { critical }));
        });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    /// `countersign/blastRadius`.
    pub(super) async fn blast_radius(&self, params: BlastRadiusParams) -> Result<Option<BlastRadiusResult>> {
        if params.position.is_some() == params.address.is_some() {
            return Err(invalid("`countersign/blastRadius` takes either a `position` or an `address`"));
        }
        let uri = parse_uri(&params.text_document.uri)?;
        Ok(self.query(&uri, move |view| Ok(blast_radius(view, &params))).await?.flatten())
    }
}

fn parse_uri(uri: &str) -> Result<Uri> {
    uri.parse().map_err(|_| invalid(format!("`{uri}` is not a URI")))
}

/// The answer to parameters that are wrong.
pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error { code: ErrorCode::InvalidParams, message: message.into(), data: None }
}

fn not_open(uri: &str) -> Error {
    invalid(format!("the document is not open: {uri}; send textDocument/didOpen first"))
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let features = Features::new(&params.capabilities);
        let _ = self.encoding.set(features.encoding);
        if let Some(parent) = params.process_id {
            let _ = self.parent.set(parent);
        }
        let result = InitializeResult {
            capabilities: capabilities(&features),
            server_info: Some(ServerInfo {
                name: "countersign".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        };
        #[expect(deprecated, reason = "clients that know no workspace folders still send it")]
        let root = params.root_uri;
        let folders = params.workspace_folders.unwrap_or_default().into_iter().map(|folder| folder.uri);
        let roots = folders.chain(root).filter_map(|uri| features::file_path(&uri)).collect();
        self.send(Event::Initialize { features, roots });
        Ok(result)
    }

    async fn initialized(&self, _: InitializedParams) {
        self.send(Event::Initialized);
    }

    async fn shutdown(&self) -> Result<()> {
        let (reply, done) = oneshot::channel();
        self.shut_down.store(true, Ordering::SeqCst);
        self.send(Event::Flush(reply));
        let _ = done.await;
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.send(Event::Open(params));
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.send(Event::Change(params));
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.send(Event::Save(params.text_document.uri));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.send(Event::Close(params.text_document.uri));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        let paths: Vec<_> = params.changes.iter().filter_map(|change| features::file_path(&change.uri)).collect();
        let is_policy = |path: &std::path::PathBuf| Which::of(path).is_some() || path.ends_with("CODEOWNERS");
        if paths.iter().any(is_policy) || paths.is_empty() {
            self.send(Event::SettingsChanged);
        }
        self.send(Event::FilesChanged(paths));
    }

    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {
        self.send(Event::SettingsChanged);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let paths = |folders: Vec<WorkspaceFolder>| {
            folders.into_iter().filter_map(|folder| features::file_path(&folder.uri)).collect()
        };
        self.send(Event::Folders { added: paths(params.event.added), removed: paths(params.event.removed) });
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        let of_settings = move |settings: &Settings| Some(settings.hover(position));
        Ok(self.query_or(&text_document.uri, move |view| Ok(hover(view, position)), of_settings).await?.flatten())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        let of_settings = move |settings: &Settings| Some(settings.completion(position));
        Ok(self.query_or(&text_document.uri, |_| Ok(None), of_settings).await?.flatten())
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let uri = params.text_document.uri.clone();
        self.query(&uri, move |view| Ok(features::code_actions(view, &params))).await
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        let Some((uri, version)) = features::action_target(&action) else {
            return Err(invalid("the code action is none of this server's"));
        };
        let resolved = self.query(&parse_uri(&uri)?, move |view| features::resolve(view, version, action)).await?;
        resolved.ok_or_else(|| not_open(&uri))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.query(&params.text_document.uri, |view| Ok(features::code_lenses(view))).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        Ok(self.query(&text_document.uri, move |view| Ok(hierarchy::prepare(view, position))).await?.flatten())
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        let Some(uri) = hierarchy::document(&params.item) else { return Ok(None) };
        Ok(self.query(&uri, move |view| Ok(hierarchy::incoming(view, &params.item))).await?.flatten())
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        let Some(uri) = hierarchy::document(&params.item) else { return Ok(None) };
        Ok(self.query(&uri, move |view| Ok(hierarchy::outgoing(view, &params.item))).await?.flatten())
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.query(&params.text_document.uri, move |view| Ok(features::inlay_hints(view, params.range))).await
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        let (reply, answered) = oneshot::channel();
        let uri = params.text_document.uri.as_str().to_owned();
        let name = uri.clone();
        let run = Box::new(move |view: std::result::Result<View, Missing>| {
            let _ = reply.send(match view {
                Ok(view) => Ok(features::pulled(&view, params.previous_result_id.as_deref())),
                Err(Missing::Settings(settings)) => Ok(features::full_report(None, settings.diagnostics())),
                Err(Missing::NotOurs) => Ok(features::full_report(None, Vec::new())),
                Err(Missing::NotOpen) => Err(not_open(&name)),
            });
        });
        self.send(Event::Query { uri, run });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    async fn workspace_diagnostic(&self, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReportResult> {
        let (reply, answered) = oneshot::channel();
        self.send(Event::Survey { params, reply });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let (reply, answered) = oneshot::channel();
        self.send(Event::Command { params, reply });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }
}

fn capabilities(features: &Features) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(features.position_encoding()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        // Who can be told so later is told in which files.
        completion_provider: (!features.register_completion).then(|| CompletionOptions {
            trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
            resolve_provider: Some(false),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_action_provider: Some(if features.action_literals {
            CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![
                    CodeActionKind::QUICKFIX,
                    CodeActionKind::REFACTOR,
                    CodeActionKind::new(features::FIX_ALL_KIND),
                ]),
                resolve_provider: Some(features.lazy_action_edits),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            })
        } else {
            CodeActionProviderCapability::Simple(true)
        }),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        inlay_hint_provider: Some(OneOf::Left(true)),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: features::commands(features),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        diagnostic_provider: features.pull_diagnostics.then(|| {
            DiagnosticServerCapabilities::Options(DiagnosticOptions {
                identifier: Some("countersign".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: true,
                work_done_progress_options: WorkDoneProgressOptions { work_done_progress: Some(true) },
            })
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            ..WorkspaceServerCapabilities::default()
        }),
        ..ServerCapabilities::default()
    }
}
