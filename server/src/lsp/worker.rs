//! The thread that reads and writes the disk and asks git, one job after the other, so that what was written for a
//! document is there when it is opened again.

use super::progress::Progress;
use super::session::{Event, Snapshots};
use super::watcher::Watcher;
use crate::disk::{self, Configs};
use crate::git::{self, Committed};
use crate::record::{self, Kind};
use crate::spool::{self, Report};
use crate::state::Store;
use crate::surroundings::{self, Indexed, Surroundings};
use countersign_engine::{Inserted, module_of};
use countersign_grammars::Language;
use countersign_provenance::{Origin, Regions, Saved, distinctive_lines, minimal_edits};
use countersign_text::{RangeMap, Text};
use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use tokio::sync::oneshot;

/// Files beside a document that are searched for a text that came in at once.
const NEIGHBOURS: usize = 200;

/// Files that the index holds at most when a workspace is opened; more are read once one beside them is opened.
const MAX_INDEXED: usize = 20_000;

/// Files that are handed to the main loop at once.
const BATCH: usize = 64;

/// What the worker does.
pub(super) enum Job {
    /// Find the settings for a document.
    Settings { uri: String, path: PathBuf },
    /// Read the settings anew.
    ForgetSettings,
    /// Read what is remembered of a document and find it in its text.
    Remember { uri: String, opened: u64, path: PathBuf, version: i32, text: Text },
    /// Look whether a document showed a text that an agent's hook reported about.
    Match { uri: String, opened: u64, path: PathBuf, versions: Vec<(i32, Text)> },
    /// Write down in the ledger what came to be known of a part of a document.
    Record { path: PathBuf, kind: Kind, origin: Origin, bytes: usize },
    /// Note that the editor has saved a document.
    Saved { path: PathBuf, text: Text },
    /// Compare a document with what was committed.
    Compare { uri: String, opened: u64, path: PathBuf, version: i32, text: Text },
    /// Look whether what came in at once stands anywhere else.
    Question { uri: String, opened: u64, path: Option<PathBuf>, version: i32, text: Text, inserted: Inserted },
    /// Write down who wrote what, together with what was written down before where that is not `remembered` yet.
    Save { path: PathBuf, text: Text, regions: Regions, remembered: bool },
    /// Read the other files of the module that a document belongs to, and the modules that it calls.
    Around { path: PathBuf },
    /// Read files again that have changed on disk.
    Reread { paths: Vec<PathBuf> },
    /// Read files that expressions read, each with the file that does.
    Texts { wanted: Vec<(String, Arc<str>)> },
    /// Say that all jobs before are done.
    Reply(oneshot::Sender<()>),
}

/// Where jobs are sent.
pub(super) struct Worker {
    jobs: Sender<Job>,
    events: SyncSender<Event>,
    /// The settings of the folders, which the pool may read too.
    pub(super) configs: Arc<Configs>,
    /// What is remembered, which the pool may read too.
    pub(super) store: Arc<Store>,
}

impl Worker {
    pub(super) fn start(events: SyncSender<Event>, snapshots: Snapshots) -> Self {
        let (jobs, incoming) = channel();
        let (configs, store) = (Arc::<Configs>::default(), Arc::<Store>::default());
        let state = State {
            events: events.clone(),
            snapshots,
            configs: Arc::clone(&configs),
            store: Arc::clone(&store),
            around: RefCell::default(),
            watcher: RefCell::new(Watcher::start(events.clone())),
        };
        std::thread::spawn(move || state.run(&incoming));
        Self { jobs, events, configs, store }
    }

    /// Reads everything below some folders into the index, beside the other jobs.
    pub(super) fn index(&self, roots: Vec<PathBuf>, progress: Progress) {
        let events = self.events.clone();
        rayon::spawn(move || {
            let read = || {
                let configs = Configs::default();
                let (mut files, _) = disk::files(&roots, &configs);
                files.truncate(MAX_INDEXED);
                for (done, batch) in files.chunks(BATCH).enumerate() {
                    if progress.is_cancelled() {
                        break;
                    }
                    progress.report(done * BATCH, files.len());
                    let load = |(path, language): &(PathBuf, Language)| surroundings::load(path, *language).ok();
                    let read = batch.iter().filter_map(load).map(|snapshot| Indexed::File(Arc::new(snapshot)));
                    let _ = events.send(Event::Indexed(read.collect()));
                }
                files.len()
            };
            if let Ok(files) = catch_unwind(AssertUnwindSafe(read)) {
                progress.end(&format!("{files} files"));
            } else {
                tracing::error!("reading the workspace panicked");
                progress.end("");
            }
            let _ = events.send(Event::IndexRead);
        });
    }

    pub(super) fn send(&self, job: Job) {
        // It ends only with the process.
        let _ = self.jobs.send(job);
    }
}

struct State {
    events: SyncSender<Event>,
    snapshots: Snapshots,
    configs: Arc<Configs>,
    store: Arc<Store>,
    /// Folders that were read for the index.
    around: RefCell<HashSet<PathBuf>>,
    watcher: RefCell<Watcher>,
}

impl State {
    fn run(self, incoming: &Receiver<Job>) {
        while let Ok(job) = incoming.recv() {
            match catch_unwind(AssertUnwindSafe(|| self.work(job))) {
                Ok(Some(event)) => {
                    let _ = self.events.send(event);
                }
                Ok(None) => {}
                Err(_) => tracing::error!("a job on disk panicked"),
            }
        }
    }

    fn work(&self, job: Job) -> Option<Event> {
        match job {
            Job::Settings { uri, path } => Some(Event::Settings { uri, config: self.configs.of(&path) }),
            Job::ForgetSettings => {
                self.configs.forget();
                Some(Event::SettingsForgotten)
            }
            Job::Match { uri, opened, path, versions } => {
                if let Some(folder) = spool::folder(&self.store, &path) {
                    self.watcher.borrow_mut().watch(&folder);
                }
                let reports = spool::reports(&self.store, &path);
                let texts: Vec<_> = versions.iter().map(|(version, text)| (*version, text.to_string())).collect();
                let of = |(version, text): &(i32, String)| {
                    let found = reports.iter().find_map(|report| report.saved.restore_same(text));
                    found.map(|regions| (*version, regions))
                };
                let found = texts.iter().find_map(of);
                // Reports about texts before the newest one may never be shown; that one is on disk.
                let is_shown =
                    |report: &Report| texts.iter().any(|(_, text)| report.saved.restore_same(text).is_some());
                let is_waiting = reports.first().is_some_and(|newest| !is_shown(newest));
                let newest = versions.first().map(|(version, _)| *version).unwrap_or_default();
                Some(Event::Matched { uri, opened, newest, is_waiting, found })
            }
            Job::Remember { uri, opened, path, version, text } => {
                let saved = self.store.load(&path);
                let regions = saved.map(|saved| saved.restore(&text.to_string())).unwrap_or_default();
                Some(Event::Remembered { uri, opened, version, regions })
            }
            Job::Record { path, kind, origin, bytes } => {
                let entry = record::entry(kind, &path, &origin, bytes);
                if let Err(error) = record::append(&self.store, &path, &[entry]) {
                    tracing::warn!("who wrote {} could not be recorded: {error}", path.display());
                }
                None
            }
            Job::Saved { path, text } => {
                if let Err(error) = spool::saved(&self.store, &path, &text.to_string()) {
                    tracing::warn!("that {} was saved could not be noted: {error}", path.display());
                }
                None
            }
            Job::Compare { uri, opened, path, version, text } => {
                let changed = changed(&path, &text)?;
                Some(Event::Compared { uri, opened, version, changed })
            }
            Job::Question { uri, opened, path, version, text, inserted } => {
                let elsewhere = self.is_elsewhere(&uri, path.as_deref(), &text, &inserted);
                (!elsewhere).then_some(Event::Suspicious { uri, opened, version, range: inserted.range })
            }
            Job::Save { path, text, mut regions, remembered } => {
                let whole = text.to_string();
                if !remembered && let Some(saved) = self.store.load(&path) {
                    let mut known = saved.restore(&whole);
                    known.attribute_all(&regions);
                    regions = known;
                }
                if let Err(error) = self.store.save(&path, Saved::new(&whole, &regions).as_ref()) {
                    tracing::warn!("who wrote {} could not be written down: {error}", path.display());
                }
                None
            }
            Job::Around { path } => {
                let folder = path.parent()?.to_owned();
                if !self.around.borrow_mut().insert(folder.clone()) {
                    return None;
                }
                Some(Event::Indexed(Surroundings::of_folder(&folder).into_indexed()))
            }
            Job::Reread { paths } => {
                let read = |path: &PathBuf| {
                    let language = Language::of_path(&path.to_string_lossy())?;
                    Some(match surroundings::load(path, language) {
                        Ok(snapshot) => Indexed::File(Arc::new(snapshot)),
                        Err(_) => Indexed::Gone(surroundings::key(path)),
                    })
                };
                Some(Event::Indexed(paths.iter().filter_map(read).collect()))
            }
            Job::Texts { wanted } => {
                let read = |(path, file): (String, Arc<str>)| {
                    let text = surroundings::text_within(&path, module_of(&file));
                    Indexed::Text(path, text)
                };
                Some(Event::Indexed(wanted.into_iter().map(read).collect()))
            }
            Job::Reply(reply) => {
                let _ = reply.send(());
                None
            }
        }
    }

    /// Whether a text that came in at once is one that was there before: in this document, in another open one, in a file
    /// beside it, or as this very document on disk, which is then a reload.
    fn is_elsewhere(&self, uri: &str, path: Option<&Path>, text: &Text, inserted: &Inserted) -> bool {
        let wanted = distinctive_lines(&inserted.text);
        if wanted.is_empty() {
            return true;
        }
        let mostly_in = |text: &str| wanted.iter().filter(|line| text.contains(**line)).count() * 2 > wanted.len();
        let whole = text.to_string();
        if path.and_then(|path| disk::read(path).ok()).is_some_and(|on_disk| on_disk == whole) {
            return true;
        }
        let (before, after) = (whole.get(..inserted.range.start), whole.get(inserted.range.end..));
        let rest = [before.unwrap_or_default(), after.unwrap_or_default()].concat();
        if mostly_in(&rest) || mostly_in(&inserted.removed) {
            return true;
        }
        let others = self.snapshots.iter().filter(|entry| entry.key() != uri);
        if others.map(|entry| entry.value().text.to_string()).any(|text| mostly_in(&text)) {
            return true;
        }
        let folder = path.and_then(Path::parent).and_then(|folder| std::fs::read_dir(folder).ok());
        let files = folder.into_iter().flatten().flatten().map(|entry| entry.path());
        files
            .filter(|file| Language::of_path(&file.to_string_lossy()).is_some() && Some(file.as_path()) != path)
            .take(NEIGHBOURS)
            .filter_map(|file| disk::read(&file).ok())
            .any(|text| mostly_in(&text))
    }
}

/// What of a text is not as it was committed; `None` where there is nothing to compare with.
pub(super) fn changed(path: &Path, text: &Text) -> Option<RangeMap<()>> {
    let mut changed = RangeMap::default();
    match git::at_head(path) {
        Committed::NoBaseline => return None,
        Committed::Absent => changed.set(0..text.len(), Some(())),
        Committed::Text(before) => {
            let text = text.to_string();
            // A work tree may be checked out with other line breaks.
            let before =
                if text.contains("\r\n") && !before.contains("\r\n") { before.replace('\n', "\r\n") } else { before };
            for edit in minimal_edits(0, &before, &text) {
                changed.edit(edit.range, edit.text.len(), Some(()));
            }
        }
    }
    Some(changed)
}
