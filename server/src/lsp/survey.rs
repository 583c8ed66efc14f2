//! All files of the workspace, open or not: what a client pulls with `workspace/diagnostic`, and what the command
//! `countersign.checkWorkspace` publishes.

use super::features::{self, Around, View};
use super::progress::Progress;
use super::session::{Event, Session, on_pool};
use crate::attribution;
use crate::cli::today;
use crate::committed::{Records, changed};
use crate::disk::{Configs, FolderConfig};
use crate::state::Store;
use crate::surroundings;
use countersign_engine::{Snapshot, analyze};
use countersign_policy::Surface;
use countersign_syntax::Budget;
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::*;

/// Files that are looked at; the rest are counted.
const MAX_FILES: usize = 5_000;

/// Files whose reports are handed on at once.
const CHUNK: usize = 64;

/// The identifier of a report for a file that is no more.
const GONE: &str = "gone";

/// What the session knows of all files.
#[derive(Default)]
pub(super) struct Overview {
    /// Folders that are being read.
    indexing: usize,
    /// What waits until they are.
    waiting: Vec<Waiting>,
    /// Work that can be cancelled.
    running: Vec<Progress>,
    /// Tells pieces of work apart.
    counter: usize,
    /// The person asked for all files, so what is published of those that are not open is kept up to date.
    is_checked: bool,
    /// Something has changed since that.
    pub(super) is_due: bool,
    is_running: bool,
    /// What was published of files that are not open.
    published: HashMap<Arc<str>, (Uri, Arc<Vec<Diagnostic>>)>,
    reports: Cache,
}

impl Overview {
    /// From now on a file is told about as a document.
    pub(super) fn opened(&mut self, file: &str) {
        self.published.remove(file);
    }

    /// Ends the work that a token stands for.
    pub(super) fn cancel(&self, token: &ProgressToken) {
        for progress in self.running.iter().filter(|progress| progress.has_token(token)) {
            progress.cancel();
        }
    }

    fn run(&mut self, progress: &Progress) {
        self.running.retain(Progress::is_running);
        self.running.push(progress.clone());
    }
}

/// Work that is put off.
type Waiting = Box<dyn FnOnce(&mut Session) + Send>;

/// What was last said of a file that is not open, and what that depends on.
struct Known {
    /// The text as it was read.
    snapshot: Arc<Snapshot>,
    /// The same with who wrote what and what is not committed.
    told: Arc<Snapshot>,
    config: Arc<FolderConfig>,
    workspace: u64,
    today: Date,
    id: String,
    diagnostics: Arc<Vec<Diagnostic>>,
}

type Cache = Arc<Mutex<HashMap<Arc<str>, Known>>>;

/// A file that is looked at.
enum File {
    Open(Box<View>),
    OnDisk(Arc<str>, Arc<Snapshot>),
}

impl File {
    fn name(&self) -> &Arc<str> {
        match self {
            Self::Open(view) => &view.snapshot.file,
            Self::OnDisk(name, _) => name,
        }
    }
}

/// What is said of a file.
pub(super) struct Report {
    file: Arc<str>,
    uri: Uri,
    /// The version, where it is open.
    version: Option<i32>,
    /// The text that was looked at.
    snapshot: Arc<Snapshot>,
    /// Tells what is said from what was said.
    id: String,
    diagnostics: Arc<Vec<Diagnostic>>,
}

/// How a survey ended.
pub(super) struct SurveyEnd {
    /// Files that are said something about now; `None` where it was cancelled.
    files: Option<HashSet<Arc<str>>>,
    answer: Option<(oneshot::Sender<Result<Option<LSPAny>>>, LSPAny)>,
}

/// All files as they were at one time.
struct Survey {
    files: Vec<File>,
    left_out: usize,
    /// Documents that are open and that are not told about here.
    pending: HashSet<Arc<str>>,
    workspace: countersign_engine::Workspace,
    features: super::client::Features,
    roots: Vec<PathBuf>,
    around: Around,
    configs: Arc<Configs>,
    store: Arc<Store>,
    records: Records,
    cache: Cache,
}

impl Survey {
    /// With the files that are not open, in order behind those that are and no more than the limit.
    fn complete(mut self) -> Self {
        let roots: Vec<String> = self.roots.iter().map(|root| format!("{}/", surroundings::key(root))).collect();
        // What `terraform init` put there is somebody else's.
        let ours = |file: &str| roots.iter().any(|root| file.starts_with(root)) && !file.contains("/.terraform/");
        let on_disk = &self.around.on_disk;
        let files = on_disk.iter().filter(|(file, _)| ours(file));
        self.files.extend(files.map(|(file, snapshot)| File::OnDisk(Arc::clone(file), Arc::clone(snapshot))));
        let order = |file: &File| matches!(file, File::OnDisk(..));
        self.files.sort_by(|a, b| (order(a), a.name()).cmp(&(order(b), b.name())));
        self.left_out = self.files.len().saturating_sub(MAX_FILES);
        self.files.truncate(MAX_FILES);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).retain(|file, _| on_disk.contains_key(file));
        self
    }

    /// Looks at all files, and hands reports on. Returns whether it came to the end.
    fn run(&self, progress: &Progress, is_given_up: impl Fn() -> bool, mut take: impl FnMut(Vec<Report>)) -> bool {
        for (done, chunk) in self.files.chunks(CHUNK).enumerate() {
            progress.report(done * CHUNK, self.files.len());
            let mut reports = Vec::new();
            for file in chunk {
                if progress.is_cancelled() || is_given_up() {
                    progress.end("cancelled");
                    return false;
                }
                // What cannot be looked at leaves the others as they are.
                if let Ok(report) = catch_unwind(AssertUnwindSafe(|| self.report(file))) {
                    reports.extend(report);
                } else {
                    tracing::error!("looking at {} panicked", file.name());
                }
                // What a person waits for goes first.
                while rayon::yield_now() == Some(rayon::Yield::Executed) {}
            }
            take(reports);
        }
        let of_all = match self.left_out {
            0 => String::new(),
            left_out => format!(" of {}", self.files.len() + left_out),
        };
        progress.end(&format!("{}{of_all} files", self.files.len()));
        true
    }

    fn report(&self, file: &File) -> Option<Report> {
        match file {
            File::Open(view) => Some(Report {
                file: Arc::clone(&view.snapshot.file),
                uri: view.uri.clone(),
                version: Some(view.snapshot.version),
                snapshot: Arc::clone(&view.snapshot),
                id: view.revision.to_string(),
                diagnostics: Arc::new(features::diagnostics(view)),
            }),
            File::OnDisk(file, snapshot) => self.report_on_disk(file, snapshot),
        }
    }

    /// What is said of a file that is not open; `None` where the settings leave it out.
    fn report_on_disk(&self, file: &Arc<str>, snapshot: &Arc<Snapshot>) -> Option<Report> {
        let path = Path::new(&**file);
        let config = self.configs.of(path);
        if config.excludes(path) {
            return None;
        }
        let (uri, today) = (Uri::from_file_path(path)?, today());
        let report = |id: String, diagnostics: Arc<Vec<Diagnostic>>| Report {
            file: Arc::clone(file),
            uri: uri.clone(),
            version: None,
            snapshot: Arc::clone(snapshot),
            id,
            diagnostics,
        };
        let mut told = None;
        if let Some(known) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(file)
            && Arc::ptr_eq(&known.snapshot, snapshot)
        {
            let is_same = (known.workspace, known.today) == (self.workspace.version(), today);
            if is_same && Arc::ptr_eq(&known.config, &config) {
                return Some(report(known.id.clone(), Arc::clone(&known.diagnostics)));
            }
            told = Some(Arc::clone(&known.told));
        }
        let policy = config.policy(Surface::Editor, today);
        let look =
            |told: &Snapshot| analyze(told, &self.workspace, &policy, &mut Budget::unbounded()).unwrap_or_default();
        let is_new = told.is_none();
        let mut told = told.unwrap_or_else(|| Arc::new(self.with_origins(path, snapshot)));
        let mut analysis = look(&told);
        // Asking git is worth it where something is said about the file.
        if is_new
            && !analysis.findings.is_empty()
            && let Some(file) = self.records.file(path, told.text.to_string())
            && let Some(regions) = attribution::with_committed(&file, &told.regions)
        {
            told = Arc::new(Snapshot { regions, ..Snapshot::clone(&told) });
            analysis = look(&told);
        }
        let view = View {
            uri: uri.clone(),
            path: Some(path.to_owned()),
            snapshot: Arc::clone(&told),
            policy,
            excluded: false,
            analysis: Some(Arc::new(analysis)),
            features: self.features.clone(),
            revision: 0,
            roots: self.roots.clone(),
            workspace: self.workspace.clone(),
            around: self.around.clone(),
            reviews: None,
        };
        let diagnostics = Arc::new(features::diagnostics(&view));
        let id = digest(&diagnostics);
        let known = Known {
            snapshot: Arc::clone(snapshot),
            told,
            config,
            workspace: self.workspace.version(),
            today,
            id: id.clone(),
            diagnostics: Arc::clone(&diagnostics),
        };
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(file), known);
        Some(report(id, diagnostics))
    }

    /// A file as it would be told about if it were open.
    fn with_origins(&self, path: &Path, snapshot: &Snapshot) -> Snapshot {
        let mut told = snapshot.clone();
        told.regions = attribution::of(&self.store, path, &snapshot.text.to_string());
        if let Some(changed) = changed(path, &snapshot.text) {
            told.changed = changed;
        }
        told
    }
}

/// Tells diagnostics from others; never what the revision of a document is.
fn digest(diagnostics: &[Diagnostic]) -> String {
    let mut hash = DefaultHasher::new();
    serde_json::to_string(diagnostics).unwrap_or_default().hash(&mut hash);
    format!("{:016x}-disk", hash.finish())
}

/// The report as a client takes it; without diagnostics where it has these already.
fn item(report: Report, previous: Option<&str>) -> WorkspaceDocumentDiagnosticReport {
    let version = report.version.map(i64::from);
    if previous == Some(report.id.as_str()) {
        return WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
            uri: report.uri,
            version,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: report.id },
        });
    }
    let items = Arc::unwrap_or_clone(report.diagnostics);
    full(report.uri, version, report.id, items)
}

fn full(uri: Uri, version: Option<i64>, id: String, items: Vec<Diagnostic>) -> WorkspaceDocumentDiagnosticReport {
    WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
        uri,
        version,
        full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(id), items },
    })
}

/// A file's name in the index from its URI, however the client writes that.
fn name_of(uri: &Uri) -> Arc<str> {
    features::file_path(uri).map_or_else(|| uri.as_str().into(), |path| surroundings::key(&path))
}

impl Session {
    /// Reads folders into the index.
    pub(super) fn index(&mut self, roots: Vec<PathBuf>) {
        if roots.is_empty() {
            return;
        }
        let progress = self.own_progress("Countersign reads the workspace");
        self.overview.indexing += 1;
        self.worker.index(roots, self.on_disk.keys().cloned().collect(), progress);
    }

    /// Folders were read.
    pub(super) fn index_read(&mut self) {
        self.overview.indexing = self.overview.indexing.saturating_sub(1);
        self.stale |= self.features.pull_diagnostics;
        if self.overview.indexing == 0 {
            for run in std::mem::take(&mut self.overview.waiting) {
                run(self);
            }
        }
    }

    fn own_progress(&mut self, title: &str) -> Progress {
        if !self.features.progress {
            return Progress::silent(&self.outbox);
        }
        self.overview.counter += 1;
        let name = format!("countersign/{}", self.overview.counter);
        let progress = Progress::of_server(name, title, &self.outbox, &self.requester);
        self.overview.run(&progress);
        progress
    }

    /// Runs something once the workspace is read.
    fn once_indexed(&mut self, run: impl FnOnce(&mut Self) + Send + 'static) {
        if self.overview.indexing == 0 {
            run(self);
        } else {
            self.overview.waiting.push(Box::new(run));
        }
    }

    fn survey(&mut self) -> Survey {
        self.refresh_dirty();
        let mut files = Vec::new();
        let mut pending = HashSet::new();
        let open: Vec<_> = self.documents.keys().cloned().collect();
        for view in open.iter().filter_map(|uri| self.view(uri)).collect::<Vec<_>>() {
            if view.analysis.is_some() {
                files.push(File::Open(Box::new(view)));
            } else {
                pending.insert(Arc::clone(&view.snapshot.file));
            }
        }
        Survey {
            files,
            left_out: 0,
            pending,
            workspace: self.workspace.clone(),
            features: self.features.clone(),
            roots: self.roots.clone(),
            around: self.around(),
            configs: Arc::clone(&self.worker.configs),
            store: Arc::clone(&self.worker.store),
            records: Records::default(),
            cache: Arc::clone(&self.overview.reports),
        }
    }

    /// Answers `workspace/diagnostic`.
    pub(super) fn survey_asked(
        &mut self,
        params: WorkspaceDiagnosticParams,
        reply: oneshot::Sender<Result<WorkspaceDiagnosticReportResult>>,
    ) {
        let token = params.work_done_progress_params.work_done_token.clone();
        let progress = Progress::of_request(token, "Countersign checks the workspace", &self.outbox);
        self.overview.run(&progress);
        self.once_indexed(move |session| {
            let (survey, outbox) = (session.survey(), session.outbox.clone());
            on_pool(move || {
                let survey = survey.complete();
                let partial = params.partial_result_params.partial_result_token;
                let previous: HashMap<_, _> =
                    params.previous_result_ids.iter().map(|known| (name_of(&known.uri), known)).collect();
                let mut told: HashSet<_> = survey.pending.clone();
                let mut items = Vec::new();
                let is_whole = survey.run(
                    &progress,
                    || reply.is_closed(),
                    |reports| {
                        told.extend(reports.iter().map(|report| Arc::clone(&report.file)));
                        let item = |report: Report| {
                            let id = previous.get(&report.file).map(|known| known.value.as_str());
                            item(report, id)
                        };
                        items.extend(reports.into_iter().map(item));
                        if let Some(token) = partial.as_ref().filter(|_| !items.is_empty()) {
                            let value = WorkspaceDiagnosticReportPartialResult { items: std::mem::take(&mut items) };
                            outbox.notify("$/progress", &serde_json::json!({ "token": token, "value": value }));
                        }
                    },
                );
                if !is_whole {
                    let _ = reply.send(Err(Error::request_cancelled()));
                    return;
                }
                // What the client still shows of files that are no more.
                let gone = previous.iter().filter(|(file, known)| !told.contains(*file) && known.value != GONE);
                items.extend(gone.map(|(_, known)| full(known.uri.clone(), None, GONE.to_owned(), Vec::new())));
                let _ = reply.send(Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items })));
            });
        });
    }

    /// Runs `countersign.checkWorkspace`.
    pub(super) fn check_workspace(&mut self, reply: oneshot::Sender<Result<Option<LSPAny>>>) {
        let progress = self.own_progress("Countersign checks the workspace");
        self.overview.is_checked = true;
        // Where the client does not watch files, nobody told what has become of them since they were read.
        if !self.features.watch_files && self.overview.indexing == 0 {
            self.index(self.roots.clone());
        }
        self.once_indexed(move |session| session.start_check(progress, Some(reply)));
    }

    /// Looks again at what was published of files that are not open, once something has changed.
    pub(super) fn survey_again(&mut self) {
        let overview = &self.overview;
        let is_ready = overview.indexing == 0 && !overview.is_running && !self.features.pull_diagnostics;
        if overview.is_checked && overview.is_due && is_ready {
            self.start_check(Progress::silent(&self.outbox), None);
        }
    }

    fn start_check(&mut self, progress: Progress, reply: Option<oneshot::Sender<Result<Option<LSPAny>>>>) {
        (self.overview.is_due, self.overview.is_running) = (false, true);
        let (survey, events) = (self.survey(), self.events.clone());
        on_pool(move || {
            let survey = survey.complete();
            let (mut files, mut findings) = (HashSet::new(), 0);
            let is_whole = survey.run(
                &progress,
                || reply.as_ref().is_some_and(oneshot::Sender::is_closed),
                |reports| {
                    files.extend(reports.iter().map(|report| Arc::clone(&report.file)));
                    findings += reports.iter().map(|report| report.diagnostics.len()).sum::<usize>();
                    events.send(Event::Surveyed(reports));
                },
            );
            let answer = serde_json::json!({
                "files": files.len(), "findings": findings, "leftOut": survey.left_out, "cancelled": !is_whole,
            });
            let answer = reply.map(|reply| (reply, answer));
            events.send(Event::SurveyEnded(SurveyEnd { files: is_whole.then_some(files), answer }));
        });
    }

    /// Publishes what the pool found in files that are not open.
    pub(super) fn surveyed(&mut self, reports: Vec<Report>) {
        if self.features.pull_diagnostics {
            return;
        }
        for report in reports {
            // A file that was opened or has changed meanwhile is looked at again.
            let on_disk = self.on_disk.get(&report.file);
            if on_disk.is_none_or(|on_disk| !Arc::ptr_eq(on_disk, &report.snapshot)) {
                continue;
            }
            let shown = self.overview.published.get(&report.file);
            let is_shown = shown.map_or(report.diagnostics.is_empty(), |(_, shown)| *shown == report.diagnostics);
            if is_shown {
                continue;
            }
            self.publish(&report.uri, None, report.diagnostics.to_vec());
            self.overview.published.insert(report.file, (report.uri, report.diagnostics));
        }
    }

    /// Takes back what is not so any more, and answers.
    pub(super) fn survey_ended(&mut self, end: SurveyEnd) {
        self.overview.is_running = false;
        if end.files.is_none() {
            self.overview.is_checked = false;
        }
        let files = end.files.unwrap_or_default();
        let (kept, gone) =
            std::mem::take(&mut self.overview.published).into_iter().partition(|(file, _)| files.contains(file));
        self.overview.published = kept;
        let gone: HashMap<Arc<str>, (Uri, Arc<Vec<Diagnostic>>)> = gone;
        for (uri, _) in gone.into_values() {
            self.publish(&uri, None, Vec::new());
        }
        self.stale |= self.features.pull_diagnostics && end.answer.is_some();
        if let Some((reply, answer)) = end.answer {
            let _ = reply.send(Ok(Some(answer)));
        }
    }
}
