//! The session: it alone owns the state, in turns ([`super::events`]), and one `match` is the map of the server.
//!
//! Nothing here waits for the disk, for git or for the client: the first two have a worker ([`super::worker`]), the last
//! is asked in tasks of their own.

use super::client::{Features, Requester};
use super::events::Events;
use super::features::{self, Around, View};
use super::foreign::{self, Foreign};
use super::protocol::EditParams;
use super::published::{PublishParams, ShownDiagnostics};
use super::reviews::{self, Reviews};
use super::settings::{self, Settings, Which};
use super::survey::{Overview, Report, SurveyEnd};
use super::transport::Outbox;
use super::worker::{Job, Worker};
use crate::cli::today;
use crate::disk::FolderConfig;
use crate::impact::Impacts;
use crate::impact::live::{self, Live};
use crate::record::Kind;
use crate::seen::{Look, Seen};
use crate::surroundings::{self, Indexed};
use countersign_engine::{
    Analysis, Document, Inserted, Policy, Snapshot, Workspace, analyze, is_affected, read, units, wanted_files,
};
use countersign_grammars::Language;
use countersign_policy::{CONFIG_FILE, Config, Surface};
use countersign_provenance::{Origin, Regions, is_telling, looks_inserted_at_once};
use countersign_syntax::Budget;
use countersign_text::{RangeMap, Text};
use dashmap::DashMap;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{
    Diagnostic, DidChangeTextDocumentParams, DidChangeWatchedFilesRegistrationOptions, DidOpenTextDocumentParams,
    ExecuteCommandParams, FileSystemWatcher, GlobPattern, LSPAny, MessageType, ProgressToken, Registration,
    TextDocumentContentChangeEvent, TextDocumentItem, Uri, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
};

/// Steps of the parser that a change may take on the main loop, some three milliseconds. What needs more goes to the
/// pool, and until it is done the client keeps what it was shown last.
const INLINE_STEPS: usize = 150;

/// The same as a time, for broken text in which a step takes longer.
const INLINE_TIME: Duration = Duration::from_millis(4);

/// How long all documents together may take there that depend on one that was changed.
const DEPENDENTS_TIME: Duration = Duration::from_millis(10);

/// Alerts that are shown within a time; of more it is said once that there are.
const MAX_ALERTS: usize = 5;
const ALERTS_WITHIN: Duration = Duration::from_mins(10);

/// How long after a change who wrote what is written down.
const SAVE_AFTER: Duration = Duration::from_millis(700);

/// How long the text must not change before what it does to what is live is worked out: a block that is being typed is no
/// block that is gone.
const SETTLED: Duration = Duration::from_millis(800);

/// Versions of a document that are compared with what an agent's hook said, which may come later than the edit.
const MATCHED_VERSIONS: usize = 8;

/// The newest snapshot of each open document, written here only.
pub(super) type Snapshots = Arc<DashMap<String, Arc<Snapshot>>>;

/// Everything that happens.
pub(super) enum Event {
    Initialize {
        features: Features,
        roots: Vec<PathBuf>,
    },
    Initialized,
    Open(DidOpenTextDocumentParams),
    Change(DidChangeTextDocumentParams),
    Save(Uri),
    Close(Uri),
    SettingsChanged,
    /// Files changed on disk.
    FilesChanged(Vec<PathBuf>),
    Folders {
        added: Vec<PathBuf>,
        removed: Vec<PathBuf>,
    },
    /// Evidence from the client.
    Edit(EditParams),
    /// A request that is answered from a snapshot.
    Query {
        uri: String,
        run: Question,
    },
    /// A request that does something.
    Command {
        params: ExecuteCommandParams,
        reply: oneshot::Sender<jsonrpc::Result<Option<LSPAny>>>,
    },
    /// The worker read the settings for a document.
    Settings {
        uri: String,
        config: Arc<FolderConfig>,
    },
    /// The worker read what is remembered of a document, as it was in some version.
    Remembered {
        uri: String,
        opened: u64,
        version: i32,
        regions: Regions,
    },
    /// The worker looked for reports of agents' hooks about a document: the version that shows a text of which there is one,
    /// and who wrote what in it.
    Matched {
        uri: String,
        opened: u64,
        /// The newest version that was looked at.
        newest: i32,
        found: Option<(i32, Regions)>,
        /// There are reports about texts that it has not shown yet.
        is_waiting: bool,
    },
    /// The worker found out who wrote text of a version of which nothing was known: where it was copied from, or by what was
    /// recorded with the commit that it comes from.
    Origins {
        uri: String,
        opened: u64,
        version: i32,
        regions: Regions,
    },
    /// The pool compared the open documents with what is presumed to be live. The versions are those that it looked at.
    Impacts {
        versions: HashMap<String, i32>,
        impacts: Impacts,
        /// What is wrong with the settings.
        problems: BTreeSet<String>,
    },
    /// Agents' hooks left reports about files.
    Reported(Vec<PathBuf>),
    /// Something happened that the reviews hang on.
    ReviewsChanged,
    /// It was looked where the reviews stand, by the root of the repository.
    Reviewed(Vec<reviews::Looked>),
    /// Something out of the ordinary was seen in what an agent does.
    Alert(String),
    /// The worker compared a version of a document with the baseline.
    Compared {
        uri: String,
        opened: u64,
        version: i32,
        changed: RangeMap<()>,
    },
    /// The worker found nowhere else what some version inserted at once.
    Suspicious {
        uri: String,
        opened: u64,
        version: i32,
        range: Range<usize>,
    },
    /// The pool has done what it was given, or given it up because the text has changed.
    Analyzed {
        uri: String,
        revision: u64,
        snapshot: Arc<Snapshot>,
        outcome: Outcome,
    },
    /// The worker read files that are not open, or are no more.
    Indexed(Vec<Indexed>),
    /// Everything below some folders was read.
    IndexRead,
    /// The settings are read anew from now on.
    SettingsForgotten,
    /// The client asks about all files.
    Survey {
        params: WorkspaceDiagnosticParams,
        reply: oneshot::Sender<jsonrpc::Result<WorkspaceDiagnosticReportResult>>,
    },
    /// The pool looked at files of a survey that was not asked for with a request for diagnostics.
    Surveyed(Vec<Report>),
    /// It is through with all of them.
    SurveyEnded(SurveyEnd),
    /// The person does not want to wait for something.
    Cancel(ProgressToken),
    /// The worker looked up the globs of files that are critical.
    Critical(BTreeSet<String>),
    /// Write down everything, then answer.
    Flush(oneshot::Sender<()>),
    /// End.
    End,
}

/// What became of a job on the pool.
pub(super) enum Outcome {
    /// The units were read; what they make in the workspace comes next.
    Read,
    /// This is to be said.
    Analysis(Arc<Analysis>),
    /// It was given up, for the text has moved on.
    GivenUp,
    /// It panicked. The client keeps what it was shown last; the panic itself is on standard error.
    Failed,
}

/// Why there is no view of a document.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// It was never opened, or was closed.
    NotOpen,
    /// It is open and in no language that is analysed.
    NotOurs,
    /// It is a `countersign.toml`.
    Settings(Box<Settings>),
}

/// What answers a request, once there is a view of its document.
type Question = Box<dyn FnOnce(Result<View, Missing>) + Send>;

/// An open document.
#[expect(clippy::struct_excessive_bools, reason = "each is about something else, and all of them change on their own")]
pub(super) struct Open {
    pub(super) uri: Uri,
    path: Option<PathBuf>,
    pub(super) document: Document,
    /// The settings; until they are there nothing is shown.
    pub(super) policy: Option<Policy>,
    excluded: bool,
    /// Tells this opening of the document from others of the same name.
    opened: u64,
    /// Counts its states. No two states of the session have the same number.
    revision: u64,
    /// The analysis of `revision`, once it is there.
    analysis: Option<(Arc<Snapshot>, Arc<Analysis>)>,
    shown: ShownDiagnostics,
    /// While an analysis runs on the pool, what ends it. There is never more than one of a document.
    on_pool: Option<Arc<AtomicBool>>,
    /// Requests that are answered when it has ended.
    waiting: Vec<Question>,
    /// Something changed that was not analysed yet.
    dirty: bool,
    /// What is remembered on disk was read.
    remembered: bool,
    /// Agents' hooks reported about a text that the document has not shown yet: the editor has still to read it.
    awaits_text: bool,
    /// What was written down last of what is said about text of AI tools.
    seen: Option<Seen>,
    /// When that was looked at last, in milliseconds since 1970.
    looked_at: Option<i64>,
    /// When who wrote what has to be written down.
    save_at: Option<Instant>,
}

impl Open {
    /// The file, where it is one.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// Answers what waits for an analysis that does not come any more.
    pub(super) fn answer_waiting_with(&mut self, missing: &Missing) {
        for run in std::mem::take(&mut self.waiting) {
            run(Err(missing.clone()));
        }
    }

    /// What has it looked up what was recorded with the commits that its lines come from; `back` where lines came in that may
    /// have been there before.
    fn to_look_up(&self, uri: &str, back: bool) -> Job {
        Job::Committed {
            uri: uri.to_owned(),
            opened: self.opened,
            path: self.path.clone().unwrap_or_default(),
            version: self.document.version(),
            text: self.document.text().clone(),
            back,
        }
    }

    /// What has its latest versions compared with what agents' hooks said.
    fn to_match(&self, uri: &str) -> Job {
        Job::Match {
            uri: uri.to_owned(),
            opened: self.opened,
            path: self.path.clone().unwrap_or_default(),
            versions: self.document.versions(MATCHED_VERSIONS),
        }
    }
}

/// The state of the session.
pub(super) struct Session {
    pub(super) features: Features,
    pub(super) roots: Vec<PathBuf>,
    pub(super) documents: HashMap<String, Open>,
    settings: HashMap<String, Settings>,
    /// Open documents in languages that are not ours.
    pub(super) foreign: HashMap<String, Foreign>,
    /// The globs of files in such languages that the client was asked to send.
    pub(super) registered: BTreeSet<String>,
    pub(super) snapshots: Snapshots,
    pub(super) outbox: Outbox,
    pub(super) requester: Requester,
    pub(super) events: Events,
    pub(super) worker: Worker,
    /// Something that is shown beside the text has changed, and not by an edit, after which clients ask by themselves.
    pub(super) stale: bool,
    /// The last number that was given to an opening or a state of a document.
    counter: u64,
    /// The index of all files that are known.
    pub(super) workspace: Workspace,
    /// Files that are not open, as they are on disk.
    pub(super) on_disk: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
    /// Files that were opened and are still in the index as they are on disk.
    replaced: HashMap<Arc<str>, Arc<Snapshot>>,
    /// Files that expressions read, by path, with the file that does. Each was asked for.
    wanted: HashMap<String, Arc<str>>,
    /// Names of such files that the client watches.
    watched: HashSet<String>,
    /// All files, and what was said of them.
    pub(super) overview: Overview,
    /// What compares documents with what is presumed to be live.
    live: Arc<Live>,
    /// When they are to be compared.
    compare_at: Option<Instant>,
    /// The state of the index that was compared last, or is being compared.
    compared: u64,
    /// They are being compared.
    is_comparing: bool,
    /// What was wrong with the settings the last time.
    baseline_problems: BTreeSet<String>,
    /// Since when alerts are counted, and how many there were.
    alerts: Option<(Instant, usize)>,
    /// Where the reviews stand.
    pub(super) reviews: Reviews,
}

impl Session {
    pub(super) fn new(events: Events, outbox: Outbox, requester: Requester) -> Self {
        let snapshots = Snapshots::default();
        let worker = Worker::start(events.clone(), Arc::clone(&snapshots));
        Self {
            features: Features::default(),
            roots: Vec::new(),
            documents: HashMap::new(),
            settings: HashMap::new(),
            foreign: HashMap::new(),
            registered: BTreeSet::new(),
            snapshots,
            outbox,
            requester,
            events,
            worker,
            stale: false,
            counter: 0,
            workspace: Workspace::default(),
            on_disk: Arc::default(),
            replaced: HashMap::new(),
            wanted: HashMap::new(),
            watched: HashSet::new(),
            overview: Overview::default(),
            live: Arc::default(),
            compare_at: None,
            compared: 0,
            is_comparing: false,
            baseline_problems: BTreeSet::new(),
            alerts: None,
            reviews: Reviews::default(),
        }
    }

    /// Takes in what has happened. Returns false where [`Event::End`] was among it.
    pub(super) fn turn(&mut self, events: impl IntoIterator<Item = Event>) -> bool {
        for event in events {
            if matches!(event, Event::End) {
                return false;
            }
            self.guard(|session| session.handle(event));
        }
        self.guard(Self::refresh_dirty);
        self.guard(Self::answer_waiting);
        self.guard(Self::survey_again);
        if std::mem::take(&mut self.stale) {
            self.requester.refresh(&self.features);
        }
        self.guard(Self::save_due);
        self.guard(Self::compare_due);
        self.guard(Self::look_at_reviews);
        true
    }

    /// When there is something to do, whatever happens.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.next_save().into_iter().chain(self.compare_at.filter(|_| !self.is_comparing)).min()
    }

    /// Runs one step; a panic in it is reported and the server goes on.
    fn guard(&mut self, step: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            self.log(MessageType::ERROR, "An internal error was caught; please report it. Countersign goes on.");
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Initialize { features, roots } => (self.features, self.roots) = (features, roots),
            Event::Initialized => {
                self.watch_files();
                self.help_with_settings();
                self.look_up_critical();
                self.index(self.roots.clone());
                self.reviews.set_due();
            }
            Event::Open(params) => self.open(params),
            Event::Change(params) => self.change(params),
            Event::Save(uri) => self.saved(&uri),
            Event::Close(uri) => self.close(&uri),
            Event::SettingsChanged => self.reload_settings(),
            Event::Folders { added, removed } => {
                self.roots.retain(|root| !removed.contains(root));
                self.index(added.clone());
                self.reviews.set_due();
                self.roots.extend(added);
                self.look_up_critical();
                self.overview.is_due = true;
            }
            Event::FilesChanged(paths) => {
                self.reviews.set_due();
                for path in &paths {
                    self.reread_text(path);
                }
                self.worker.send(Job::Reread { paths });
            }
            Event::Indexed(read) => self.indexed(read),
            Event::IndexRead => self.index_read(),
            Event::Critical(globs) => self.ask_for_critical(globs),
            Event::SettingsForgotten => {
                self.look_up_critical();
                self.overview.is_due = true;
                (self.compare_at, self.compared) = (Some(Instant::now()), 0);
                self.stale |= self.features.pull_diagnostics;
            }
            Event::Survey { params, reply } => self.survey_asked(params, reply),
            Event::Surveyed(reports) => self.surveyed(reports),
            Event::SurveyEnded(end) => self.survey_ended(end),
            Event::Cancel(token) => self.overview.cancel(&token),
            Event::Edit(params) => self.evidence(&params),
            Event::Query { uri, run } => self.query(&uri, run),
            Event::Command { params, reply } => self.command(params, reply),
            Event::Settings { uri, config } => self.settings(&uri, &config),
            Event::Remembered { uri, opened, version, regions } => self.remembered(&uri, opened, version, &regions),
            Event::Matched { uri, opened, newest, found, is_waiting } => {
                self.matched(&uri, opened, found, is_waiting.then_some(newest));
            }
            Event::Reported(files) => self.reported(&files),
            Event::ReviewsChanged => self.reviews.set_due(),
            Event::Reviewed(looked) => self.reviewed(looked),
            Event::Alert(message) => self.alert(&message),
            Event::Impacts { versions, impacts, problems } => {
                for problem in problems.difference(&self.baseline_problems) {
                    self.log(MessageType::WARNING, problem);
                }
                self.baseline_problems = problems;
                self.impacts(&versions, &impacts);
            }
            Event::Origins { uri, opened, version, regions } => {
                self.stale = true;
                self.with_opened(&uri, opened, |open| {
                    open.document.attribute_unknown(version, &regions);
                    open.dirty = true;
                    open.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
                });
            }
            Event::Compared { uri, opened, version, changed } => {
                self.stale = true;
                self.with_opened(&uri, opened, |open| {
                    open.document.set_changed(version, changed);
                    open.dirty = true;
                });
            }
            Event::Suspicious { uri, opened, version, range } => {
                self.stale = true;
                self.with_opened(&uri, opened, |open| {
                    open.document.suspect(version, &range);
                    open.dirty = true;
                });
            }
            Event::Analyzed { uri, revision, snapshot, outcome } => {
                self.with(&uri, |open| {
                    // A job of an earlier opening says nothing about this one's.
                    if revision >= open.opened {
                        open.on_pool = None;
                    }
                    open.dirty |= open.revision != revision || matches!(outcome, Outcome::Read);
                });
                if let Outcome::Analysis(analysis) = outcome {
                    self.stale |= self.features.pull_diagnostics;
                    self.analyzed(&uri, revision, snapshot, analysis);
                }
            }
            Event::Flush(reply) => self.flush(reply),
            Event::End => {}
        }
    }

    /// Takes what was remembered of a document. Where the text has moved on too far meanwhile, it is looked up again.
    fn remembered(&mut self, uri: &str, opened: u64, version: i32, regions: &Regions) {
        let same = |open: &&mut Open| open.opened == opened;
        let Some(open) = self.documents.get_mut(uri).filter(same) else { return };
        if open.document.attribute(version, regions) {
            open.remembered = true;
            open.dirty |= !regions.is_empty();
            self.stale |= !regions.is_empty();
        } else if let Some(path) = open.path.clone() {
            let (version, text) = (open.document.version(), open.document.text().clone());
            self.worker.send(Job::Remember { uri: uri.to_owned(), opened, path, version, text });
        }
    }

    /// Takes what agents' hooks said of a text that the document shows or showed.
    /// `waiting` is the newest version that was looked at, where there are others to come.
    fn matched(&mut self, uri: &str, opened: u64, found: Option<(i32, Regions)>, waiting: Option<i32>) {
        let same = |open: &&mut Open| open.opened == opened;
        let Some(open) = self.documents.get_mut(uri).filter(same) else { return };
        open.awaits_text = waiting.is_some();
        // What has changed meanwhile, may be what is waited for.
        if waiting.is_some_and(|newest| newest != open.document.version()) {
            self.worker.send(open.to_match(uri));
        }
        if let Some((version, regions)) = found
            && open.document.attribute(version, &regions)
        {
            open.dirty = true;
            open.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
            self.stale = true;
        }
    }

    /// Has open documents compared with what agents' hooks said.
    fn reported(&mut self, files: &[PathBuf]) {
        self.overview.is_due = true;
        let files: HashSet<_> = files.iter().map(|file| surroundings::key(file)).collect();
        for (uri, open) in &self.documents {
            if open.path.as_ref().is_some_and(|path| files.contains(&surroundings::key(path))) {
                self.worker.send(open.to_match(uri));
            }
        }
    }

    /// Tells the person at work what is out of the ordinary, a few times in a while; the ledger has all of it.
    fn alert(&mut self, message: &str) {
        let now = Instant::now();
        if self.alerts.is_none_or(|(since, _)| now.duration_since(since) > ALERTS_WITHIN) {
            self.alerts = Some((now, 0));
        }
        let Some((_, count)) = &mut self.alerts else { return };
        *count += 1;
        match *count {
            ..=MAX_ALERTS => self.requester.show(MessageType::WARNING, format!("Countersign: {message}")),
            count if count == MAX_ALERTS + 1 => self.requester.show(
                MessageType::WARNING,
                "Countersign: more is out of the ordinary in what agents do; `countersign log --anomalies` lists it."
                    .to_owned(),
            ),
            _ => {}
        }
    }

    /// Follows a person's word about who wrote a text.
    pub(super) fn declared(&mut self, uri: &str, declare: impl FnOnce(&mut Document)) {
        self.with(uri, |open| {
            declare(&mut open.document);
            open.dirty = true;
            open.save_at = Some(Instant::now() + SAVE_AFTER);
        });
        self.stale = true;
    }

    fn with(&mut self, uri: &str, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.documents.get_mut(uri) {
            change(open);
        }
    }

    /// The same for what the worker found out about a document, unless that was closed meanwhile and opened anew: its
    /// versions are then those of another text.
    fn with_opened(&mut self, uri: &str, opened: u64, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.documents.get_mut(uri).filter(|open| open.opened == opened) {
            change(open);
        }
    }

    /// Takes what the worker read into the index. What is open counts as it is in the editor.
    fn indexed(&mut self, read: Vec<Indexed>) {
        let open: HashSet<Arc<str>> =
            self.documents.values_mut().map(|open| Arc::clone(&open.document.snapshot().file)).collect();
        let on_disk = Arc::make_mut(&mut self.on_disk);
        let mut wanted: Vec<(String, Arc<str>)> = Vec::new();
        self.overview.is_due |= !read.is_empty();
        for read in read {
            match read {
                Indexed::File(snapshot) if !open.contains(&snapshot.file) => {
                    let file = Arc::clone(&snapshot.file);
                    let now = units(&snapshot);
                    let before = on_disk.insert(Arc::clone(&file), snapshot).map(|before| units(&before));
                    self.workspace.update(&file, &before.unwrap_or_default(), &now);
                    wanted.extend(
                        wanted_files(&self.workspace, &file, &now).into_iter().map(|path| (path, Arc::clone(&file))),
                    );
                }
                Indexed::Gone(file) if !open.contains(&file) => {
                    if let Some(before) = on_disk.remove(&file) {
                        self.workspace.update(&file, &units(&before), &[]);
                    }
                }
                Indexed::Text(path, text) => self.workspace.set_text(&path, text),
                Indexed::Module(module, call, folder) => self.workspace.set_installed(&module, &call, &folder),
                Indexed::File(_) | Indexed::Gone(_) => {}
            }
        }
        self.want(wanted);
        self.compare_at.get_or_insert_with(|| Instant::now() + SETTLED);
        self.look_again("");
    }

    /// Has files read that expressions read, each once until it changes.
    fn want(&mut self, mut wanted: Vec<(String, Arc<str>)>) {
        wanted.retain(|(path, file)| {
            let is_new = !self.wanted.contains_key(path);
            if is_new {
                self.wanted.insert(path.clone(), Arc::clone(file));
            }
            is_new
        });
        if wanted.is_empty() {
            return;
        }
        if self.features.watch_files {
            let names = wanted.iter().filter_map(|(path, _)| path.rsplit('/').next());
            // What stands for itself in a pattern only; another name is read again when it is saved here.
            let plain =
                names.filter(|name| !name.is_empty() && !name.contains(['*', '?', '{', '}', '[', ']', ',', '!']));
            let new: Vec<_> = plain.filter(|name| self.watched.insert((*name).to_owned())).map(str::to_owned).collect();
            if !new.is_empty() {
                self.watch(
                    format!("countersign-read-{}", self.watched.len()),
                    new.iter().map(|name| format!("**/{name}")),
                );
            }
        }
        self.worker.send(Job::Texts { wanted });
    }

    /// Has a file read again that an expression reads.
    fn reread_text(&mut self, path: &std::path::Path) {
        let key = surroundings::key(path);
        if let Some(file) = self.wanted.get(&*key) {
            self.worker.send(Job::Texts { wanted: vec![(key.to_string(), Arc::clone(file))] });
        }
    }

    /// Has documents looked at again, by their files. Returns whether there are any.
    pub(super) fn show_again(&mut self, files: &HashSet<Arc<str>>) -> bool {
        let mut is_any = false;
        for open in self.documents.values_mut() {
            let is_meant = files.contains(&open.document.snapshot().file);
            open.dirty |= is_meant;
            is_any |= is_meant;
        }
        is_any
    }

    /// Marks the documents that a change of the workspace may say something else about.
    fn look_again(&mut self, but: &str) {
        for (uri, open) in &mut self.documents {
            if uri != but
                && !open.dirty
                && open.analysis.as_ref().is_none_or(|(shown, _)| is_affected(shown, &self.workspace))
            {
                open.dirty = true;
                self.stale |= self.features.pull_diagnostics;
            }
        }
    }

    /// Has a client that can be told so ask what can stand in the settings' files, and in no others.
    fn help_with_settings(&self) {
        if self.features.register_completion {
            let pattern = format!("**/{CONFIG_FILE}");
            let options = serde_json::json!({
                "documentSelector": [{ "scheme": "file", "pattern": pattern }],
                "triggerCharacters": settings::TRIGGERS,
            });
            self.requester.register(vec![Registration {
                id: "countersign-settings".to_owned(),
                method: "textDocument/completion".to_owned(),
                register_options: Some(options),
            }]);
        }
    }

    /// Has it looked up which files the client is to send besides those of our languages.
    fn look_up_critical(&self) {
        if self.features.register_documents {
            self.worker.send(Job::Critical { roots: self.roots.clone() });
        }
    }

    fn watch_files(&self) {
        if !self.features.watch_files {
            return;
        }
        let files = "**/*.{tf,tofu,tfvars,tf.json,tofu.json,tfvars.json}";
        let others = ["**/.countersign/**", "**/CODEOWNERS"].map(str::to_owned);
        let patterns = [format!("**/{CONFIG_FILE}"), files.to_owned()].into_iter().chain(others);
        self.watch("countersign-files".to_owned(), patterns);
    }

    fn watch(&self, id: String, patterns: impl IntoIterator<Item = String>) {
        let watcher = |glob| FileSystemWatcher { glob_pattern: GlobPattern::String(glob), kind: None };
        let watchers = patterns.into_iter().map(watcher).collect();
        self.requester.register(vec![Registration {
            id,
            method: "workspace/didChangeWatchedFiles".to_owned(),
            register_options: serde_json::to_value(DidChangeWatchedFilesRegistrationOptions { watchers }).ok(),
        }]);
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let item = params.text_document;
        let key = item.uri.as_str().to_owned();
        let path = features::file_path(&item.uri);
        let name = path.as_ref().map_or_else(|| key.clone(), |path| path.to_string_lossy().into_owned());
        if let Some(which) = Which::of(Path::new(&name)) {
            let text = Text::from(item.text.as_str());
            let settings = Settings { which, text, version: item.version, features: self.features.clone() };
            self.settings.insert(key.clone(), settings);
            self.show_settings(&key);
            if let Some(path) = path {
                self.worker.send(Job::Settings { uri: key, path });
            }
            return;
        }
        match Language::of_path(&name).or_else(|| Language::of_id(&item.language_id)) {
            Some(language) => self.open_as(item, path, language),
            None => self.open_foreign(item),
        }
    }

    /// Opens a document.
    pub(super) fn open_as(&mut self, item: TextDocumentItem, path: Option<PathBuf>, language: Language) {
        let key = item.uri.as_str().to_owned();
        // Helix opens a document twice now and then; what the first opening put into the index goes.
        if let Some(mut before) = self.documents.remove(&key) {
            before.answer_waiting_with(&Missing::NotOpen);
            before.document.unindex(&mut self.workspace);
        }
        let mut snapshot = Snapshot::new(language, item.version, &item.text);
        snapshot.file = path.as_deref().map_or_else(|| key.as_str().into(), surroundings::key);
        if let Some(before) = Arc::make_mut(&mut self.on_disk).remove(&snapshot.file) {
            // Until the document is read, the file on disk stands for it.
            self.replaced.insert(Arc::clone(&snapshot.file), before);
        }
        self.overview.opened(&snapshot.file);
        let document = Document::of(snapshot);
        self.counter += 1;
        let opened = self.counter;
        if let Some(path) = &path {
            self.reviews.opened(path);
            self.worker.send(Job::Settings { uri: key.clone(), path: path.clone() });
            if language.is_parsed() {
                self.worker.send(Job::Around { path: path.clone() });
            }
            let text = document.text().clone();
            self.worker.send(Job::Remember {
                uri: key.clone(),
                opened,
                path: path.clone(),
                version: item.version,
                text,
            });
            let versions = document.versions(1);
            self.worker.send(Job::Match { uri: key.clone(), opened, path: path.clone(), versions });
            let text = document.text().clone();
            self.worker.send(Job::Compare {
                uri: key.clone(),
                opened,
                path: path.clone(),
                version: item.version,
                text,
            });
        }
        let is_file = path.is_some();
        let policy = path.is_none().then(|| Policy::new(&Config::defaults(), Surface::Editor, today()));
        let open = Open {
            uri: item.uri,
            remembered: path.is_none(),
            path,
            document,
            policy,
            excluded: false,
            opened,
            revision: opened,
            analysis: None,
            shown: ShownDiagnostics::default(),
            on_pool: None,
            waiting: Vec::new(),
            dirty: true,
            awaits_text: false,
            seen: None,
            looked_at: None,
            save_at: None,
        };
        if is_file {
            self.worker.send(open.to_look_up(&key, false));
        }
        self.documents.insert(key, open);
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let key = params.text_document.uri.as_str();
        let version = params.text_document.version;
        let encoding = self.features.encoding;
        let resolve = |text: &Text, change: TextDocumentContentChangeEvent| foreign::resolve(text, change, encoding);
        if let Some(settings) = self.settings.get_mut(key) {
            for change in params.content_changes {
                let change = resolve(&settings.text, change);
                let range = change.range.unwrap_or(0..settings.text.len());
                settings.text.edit(&countersign_text::TextEdit::new(range, change.text));
            }
            settings.version = version;
            self.show_settings(key);
            return;
        }
        let Some(open) = self.documents.get_mut(key) else {
            if let Some(foreign) = self.foreign.get_mut(key) {
                foreign.change(params, encoding);
            } else {
                let message = format!("A change of {key} came before the document was opened; it is ignored.");
                self.log(MessageType::WARNING, &message);
            }
            return;
        };
        let went_back = version <= open.document.version();
        let inserted = open.document.change(version, params.content_changes, resolve);
        open.dirty = true;
        if !open.document.regions_are_empty() {
            open.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
        }
        // What came in at once may be a text that was there before: after a stash, say.
        let asks = |inserted: &Inserted| looks_inserted_at_once(&inserted.text, &inserted.removed);
        let at_once = inserted.iter().any(asks);
        if open.path.is_some() && (open.awaits_text || at_once) {
            self.worker.send(open.to_match(key));
        }
        if open.path.is_some() && at_once {
            self.worker.send(open.to_look_up(key, true));
        }
        for inserted in inserted.into_iter().filter(|inserted| is_telling(&inserted.text) || asks(inserted)) {
            self.came_in(key, version, inserted);
        }
        if went_back {
            let message =
                format!("The version of {key} did not go up ({version}); the change is applied all the same.");
            self.log(MessageType::WARNING, &message);
        }
    }

    /// Looks where a text was before that came in at once.
    fn came_in(&mut self, key: &str, version: i32, inserted: Inserted) {
        let mut others = self.documents.iter().filter(|(uri, _)| uri.as_str() != key);
        let cut = others.find_map(|(_, open)| open.document.deleted(&inserted));
        let Some(open) = self.documents.get_mut(key) else { return };
        if let Some(regions) = cut {
            open.document.attribute_unknown(version, &regions);
        } else if !open.document.was_deleted(&inserted.text) {
            self.worker.send(Job::Inserted {
                uri: key.to_owned(),
                opened: open.opened,
                path: open.path.clone(),
                version,
                text: open.document.text().clone(),
                asks: looks_inserted_at_once(&inserted.text, &inserted.removed),
                inserted,
            });
        }
    }

    fn saved(&mut self, uri: &Uri) {
        let key = uri.as_str();
        if self.settings.contains_key(key) {
            self.reload_settings();
        }
        self.overview.is_due = true;
        self.reviews.set_due();
        // What is saved is meant, and may be compared with another commit than before.
        (self.compare_at, self.compared) = (Some(Instant::now()), 0);
        if let Some(path) = features::file_path(uri) {
            self.reread_text(&path);
        }
        // Before what asks git, so that little is lost where the process is killed.
        self.save_state(key);
        if let Some(open) = self.documents.get_mut(key)
            && let Some(path) = &open.path
        {
            self.worker.send(open.to_look_up(key, false));
            let (path, version, text) = (path.clone(), open.document.version(), open.document.text().clone());
            self.worker.send(Job::Saved { path: path.clone(), text: text.clone() });
            self.worker.send(Job::Compare { uri: key.to_owned(), opened: open.opened, path, version, text });
        }
        self.record_seen(key);
    }

    fn close(&mut self, uri: &Uri) {
        let key = uri.as_str();
        self.refresh_dirty();
        self.save_state(key);
        let mut closed = self.documents.remove(key);
        let was_open = closed.is_some() || self.settings.remove(key).is_some();
        if let Some(open) = &mut closed {
            open.answer_waiting_with(&Missing::NotOpen);
            open.document.unindex(&mut self.workspace);
            let file = Arc::clone(&open.document.snapshot().file);
            if let Some(before) = self.replaced.remove(&file) {
                self.workspace.update(&file, &units(&before), &[]);
            }
            // From now on the file counts as it is on disk.
            if let Some(path) = open.path.clone() {
                self.worker.send(Job::Reread { paths: vec![path] });
            }
            self.overview.is_due = true;
            self.look_again(key);
        }
        self.snapshots.remove(key);
        if self.foreign.remove(key).is_some() {
            return;
        }
        if !was_open {
            self.log(MessageType::WARNING, &format!("{key} was closed and had not been opened."));
        } else if !self.features.pull_diagnostics {
            self.publish(uri, None, Vec::new());
        }
    }

    fn evidence(&mut self, params: &EditParams) {
        let encoding = self.features.encoding;
        let Some(open) = self.documents.get_mut(&params.text_document.uri) else {
            return;
        };
        let ranges: Vec<_> = params.ranges.iter().map(features::from_wire).collect();
        let resolve = move |text: &Text| ranges.iter().map(|range| features::to_bytes(text, encoding, range)).collect();
        let evidence = params.origin.evidence();
        let record = evidence.origin.clone().filter(Origin::is_ai).zip(open.path.clone());
        if open.document.evidence(params.text_document.version, evidence, Box::new(resolve)) {
            if let Some((origin, path)) = record {
                let bytes = open.document.snapshot().regions.bytes_of(&origin);
                self.worker.send(Job::Record { path, kind: Kind::Insertion, origin, bytes });
            }
            open.dirty = true;
            open.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
            self.stale = true;
        }
    }

    /// The settings of a document are there, for the first time or anew.
    pub(super) fn settings(&mut self, uri: &str, config: &FolderConfig) {
        if let Some(settings) = self.settings.get_mut(uri) {
            settings.which.set(&config.catalogue);
            self.show_settings(uri);
            return;
        }
        if self.settings_of_foreign(uri, config) {
            return;
        }
        let is_plain = |open: &Open| !open.document.language().is_parsed();
        let is_critical = |open: &Open| open.path.as_deref().is_some_and(|path| config.singles_out(path));
        if self.documents.get(uri).is_some_and(|open| is_plain(open) && !is_critical(open)) {
            self.leave(uri);
            return;
        }
        let Some(open) = self.documents.get_mut(uri) else {
            return;
        };
        open.policy = Some(config.policy(Surface::Editor, today()));
        open.excluded = open.path.as_deref().is_some_and(|path| config.excludes(path));
        open.dirty = true;
        self.stale = true;
    }

    fn reload_settings(&mut self) {
        self.worker.send(Job::ForgetSettings);
        let open = self.documents.iter().map(|(uri, open)| (uri, open.path.as_deref()));
        let foreign = self.foreign.iter().map(|(uri, foreign)| (uri, foreign.path()));
        for (uri, path) in open.chain(foreign) {
            if let Some(path) = path {
                self.worker.send(Job::Settings { uri: uri.clone(), path: path.to_owned() });
            }
        }
        for uri in self.settings.keys() {
            if let Some(path) = uri.parse::<Uri>().ok().and_then(|uri| features::file_path(&uri)) {
                self.worker.send(Job::Settings { uri: uri.clone(), path });
            }
        }
    }

    fn show_settings(&self, key: &str) {
        if let Some(settings) = self.settings.get(key)
            && let Ok(uri) = key.parse::<Uri>()
            && !self.features.pull_diagnostics
        {
            self.publish(&uri, Some(settings.version), settings.diagnostics());
        }
    }

    /// Brings the documents up to date that changed, and then those that depend on them.
    pub(super) fn refresh_dirty(&mut self) {
        let mut until = None;
        loop {
            let can = |open: &Open| open.dirty && open.policy.is_some();
            let dirty: Vec<_> =
                self.documents.iter().filter(|(_, open)| can(open)).map(|(uri, _)| uri.clone()).collect();
            if dirty.is_empty() {
                return;
            }
            for uri in dirty {
                self.refresh(&uri, until.unwrap_or_else(|| Instant::now() + INLINE_TIME));
            }
            // However many there are, they do not keep the next change waiting.
            until = until.or_else(|| Some(Instant::now() + DEPENDENTS_TIME));
        }
    }

    /// Analyses the newest state of a document, here if that is quick and done before some time, else on the pool.
    fn refresh(&mut self, uri: &str, until: Instant) {
        self.counter += 1;
        let Some(open) = self.documents.get_mut(uri) else { return };
        let Some(policy) = &mut open.policy else { return };
        policy.today = today();
        open.dirty = false;
        open.revision = self.counter;
        let snapshot = Arc::new(open.document.snapshot().clone());
        // Taking it apart can wait until the new one is shown.
        let _before = (open.analysis.take(), self.snapshots.insert(uri.to_owned(), Arc::clone(&snapshot)));
        if open.excluded {
            let analysis = Arc::default();
            let revision = open.revision;
            self.analyzed(uri, revision, snapshot, analysis);
            return;
        }
        let mut budget = Budget::of_steps(INLINE_STEPS).before(until);
        let is_read = read(&snapshot, &mut budget);
        let before = self.workspace.version();
        let mut wanted = Vec::new();
        if is_read {
            if let Some(on_disk) = self.replaced.remove(&snapshot.file) {
                self.workspace.update(&snapshot.file, &units(&on_disk), &[]);
            }
            let added = open.document.index(&mut self.workspace);
            let file = &snapshot.file;
            let paths = wanted_files(&self.workspace, file, &added).into_iter();
            wanted.extend(paths.map(|path| (path, Arc::clone(file))));
            if let Some(analysis) = analyze(&snapshot, &self.workspace, policy, &mut budget) {
                let revision = open.revision;
                self.analyzed(uri, revision, Arc::clone(&snapshot), Arc::new(analysis));
                self.want(wanted);
                self.reindexed(uri, before);
                return;
            }
        }
        self.want(wanted);
        self.reindexed(uri, before);
        let Some(open) = self.documents.get_mut(uri) else { return };
        if let Some(running) = &open.on_pool {
            // When it has ended, the newest state is taken up.
            running.store(true, Ordering::Relaxed);
            return;
        }
        let Some(policy) = open.policy.clone() else { return };
        let cancel = Arc::new(AtomicBool::new(false));
        open.on_pool = Some(Arc::clone(&cancel));
        let (workspace, events) = (self.workspace.clone(), self.events.clone());
        let (key, revision) = (uri.to_owned(), open.revision);
        rayon::spawn(move || {
            let work = || {
                let mut budget = Budget::unbounded().until(cancel);
                if !is_read {
                    return if read(&snapshot, &mut budget) { Outcome::Read } else { Outcome::GivenUp };
                }
                analyze(&snapshot, &workspace, &policy, &mut budget)
                    .map_or(Outcome::GivenUp, |analysis| Outcome::Analysis(Arc::new(analysis)))
            };
            let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Outcome::Failed);
            events.send(Event::Analyzed { uri: key, revision, snapshot, outcome });
        });
    }

    /// Follows a change of the index that a document made.
    fn reindexed(&mut self, uri: &str, before: u64) {
        if self.workspace.version() != before {
            self.compare_at = Some(Instant::now() + SETTLED);
            self.look_again(uri);
        }
    }

    /// Shows an analysis, unless it is of a state that has passed or says what is shown already.
    fn analyzed(&mut self, uri: &str, revision: u64, snapshot: Arc<Snapshot>, analysis: Arc<Analysis>) {
        // What has changed since, within the same batch of events, is looked at when the batch is through.
        let current = |open: &&mut Open| open.revision == revision && !open.dirty;
        let Some(open) = self.documents.get_mut(uri).filter(current) else { return };
        let version = snapshot.version;
        open.analysis = Some((snapshot, analysis));
        if self.features.pull_diagnostics {
            return;
        }
        let Some(view) = self.view(uri) else { return };
        let Some(open) = self.documents.get_mut(uri) else { return };
        if open.shown.update(&view) {
            let version = self.features.diagnostic_version.then_some(version);
            self.outbox.publish(uri, &PublishParams { uri, diagnostics: open.shown.diagnostics(), version });
        }
    }

    pub(super) fn publish(&self, uri: &Uri, version: Option<i32>, diagnostics: Vec<Diagnostic>) {
        let version = version.filter(|_| self.features.diagnostic_version);
        let uri = uri.as_str();
        self.outbox.publish(uri, &PublishParams { uri, diagnostics, version });
    }

    pub(super) fn view(&mut self, uri: &str) -> Option<View> {
        let open = self.documents.get_mut(uri)?;
        let policy = open.policy.clone().unwrap_or_else(|| Policy::new(&Config::defaults(), Surface::Editor, today()));
        let fresh = open.analysis.as_ref().filter(|_| !open.dirty).cloned();
        let (snapshot, analysis) = match fresh {
            Some((snapshot, analysis)) => (snapshot, Some(analysis)),
            None => (Arc::new(open.document.snapshot().clone()), None),
        };
        Some(View {
            reviews: self.reviews.of(&snapshot.file),
            uri: open.uri.clone(),
            path: open.path.clone(),
            snapshot,
            policy,
            excluded: open.excluded,
            analysis: if open.excluded { Some(Arc::default()) } else { analysis },
            features: self.features.clone(),
            revision: open.revision,
            roots: self.roots.clone(),
            workspace: self.workspace.clone(),
            around: self.around(),
        })
    }

    pub(super) fn around(&self) -> Around {
        Around { on_disk: Arc::clone(&self.on_disk), open: Arc::clone(&self.snapshots), live: Arc::clone(&self.live) }
    }

    fn query(&mut self, uri: &str, run: Question) {
        self.refresh_dirty();
        if let Some(open) = self.documents.get_mut(uri)
            && open.on_pool.is_some()
            && open.analysis.is_none()
        {
            open.waiting.push(run);
            return;
        }
        let missing = match self.settings.get(uri) {
            Some(settings) => Missing::Settings(Box::new(settings.clone())),
            None if self.foreign.contains_key(uri) => Missing::NotOurs,
            None => Missing::NotOpen,
        };
        let view = self.view(uri).ok_or(missing);
        on_pool(move || run(view));
    }

    /// Answers what waited for an analysis that has ended.
    fn answer_waiting(&mut self) {
        let ready: Vec<_> = self
            .documents
            .iter()
            .filter(|(_, open)| !open.waiting.is_empty() && open.on_pool.is_none())
            .map(|(uri, _)| uri.clone())
            .collect();
        for uri in ready {
            let waiting = self.documents.get_mut(&uri).map(|open| std::mem::take(&mut open.waiting));
            for run in waiting.into_iter().flatten() {
                let view = self.view(&uri).ok_or(Missing::NotOpen);
                on_pool(move || run(view));
            }
        }
    }

    /// Has the pool compare the open documents with what is presumed to be live, where the text has settled.
    fn compare_due(&mut self) {
        let is_due = self.compare_at.is_some_and(|at| at <= Instant::now());
        if !is_due || self.is_comparing {
            return;
        }
        self.compare_at = None;
        if self.compared == self.workspace.version() {
            return;
        }
        (self.compared, self.is_comparing) = (self.workspace.version(), true);
        let mut versions = HashMap::new();
        let mut open = HashMap::new();
        for (uri, document) in &mut self.documents {
            if document.path.is_some() && !document.excluded && document.document.language().is_parsed() {
                versions.insert(uri.clone(), document.document.version());
                let snapshot = document.document.snapshot();
                open.insert(Arc::clone(&snapshot.file), Arc::new(snapshot.clone()));
            }
        }
        let files = live::Session { workspace: self.workspace.clone(), open, on_disk: Arc::clone(&self.on_disk) };
        let (live, configs, events) = (Arc::clone(&self.live), Arc::clone(&self.worker.configs), self.events.clone());
        rayon::spawn(move || {
            let impacts = catch_unwind(AssertUnwindSafe(|| live.impacts(files, &configs)));
            let (impacts, problems) = impacts.unwrap_or_else(|_| {
                tracing::error!("comparing with what is live panicked");
                Default::default()
            });
            events.send(Event::Impacts { versions, impacts, problems });
        });
    }

    /// Takes what the open documents do to what is live. What has changed meanwhile is compared again.
    fn impacts(&mut self, versions: &HashMap<String, i32>, impacts: &Impacts) {
        self.is_comparing = false;
        if self.compared != self.workspace.version() {
            self.compare_at.get_or_insert_with(|| Instant::now() + SETTLED);
        }
        for (uri, open) in &mut self.documents {
            if versions.get(uri) != Some(&open.document.version()) {
                continue;
            }
            let file = Arc::clone(&open.document.snapshot().file);
            if open.document.set_impacts(impacts.get(&file).cloned().unwrap_or_default()) {
                open.dirty = true;
                self.stale = true;
            }
        }
    }

    fn next_save(&self) -> Option<Instant> {
        self.documents.values().filter_map(|open| open.save_at).min()
    }

    fn save_due(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self
            .documents
            .iter()
            .filter(|(_, open)| open.save_at.is_some_and(|at| at <= now))
            .map(|(uri, _)| uri.clone())
            .collect();
        for uri in due {
            self.save_state(&uri);
        }
    }

    /// Has the worker write down who wrote what. Where what was remembered is not known yet, the worker adds it.
    pub(super) fn save_state(&mut self, uri: &str) {
        let Some(open) = self.documents.get_mut(uri) else { return };
        if open.save_at.take().is_none() {
            return;
        }
        if let Some(path) = open.path.clone() {
            let (remembered, snapshot) = (open.remembered, open.document.snapshot());
            let (text, regions) = (snapshot.text.clone(), snapshot.regions.clone());
            self.worker.send(Job::Save { path, text, regions, remembered });
        }
        self.record_seen(uri);
    }

    /// Has the worker write down what is new of what is said about text of AI tools.
    fn record_seen(&mut self, uri: &str) {
        let Some(open) = self.documents.get_mut(uri) else { return };
        let Some(path) = open.path.clone() else { return };
        let Some((_, analysis)) = open.analysis.as_ref().filter(|_| !open.dirty) else {
            open.save_at = Some(Instant::now() + SAVE_AFTER);
            return;
        };
        let seen = Seen::of(analysis);
        let before = open.looked_at.replace(crate::record::now());
        if open.seen.as_ref() != Some(&seen) {
            let look = Look::of(analysis, before);
            open.seen = Some(seen.clone());
            self.worker.send(Job::Seen { path, seen, look });
        }
    }

    fn flush(&mut self, reply: oneshot::Sender<()>) {
        let all: Vec<_> = self.documents.keys().cloned().collect();
        for uri in all {
            self.save_state(&uri);
        }
        self.worker.send(Job::Reply(reply));
    }

    pub(super) fn log(&self, kind: MessageType, message: &str) {
        self.outbox.notify("window/logMessage", &serde_json::json!({ "type": kind, "message": message }));
    }
}

/// Runs a job on the pool; a panic in it ends the job and nothing else.
pub(super) fn on_pool(job: impl FnOnce() + Send + 'static) {
    rayon::spawn(move || {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a job panicked");
        }
    });
}
