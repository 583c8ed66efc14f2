//! The thread that reads and writes the disk and asks git, one job after the other, so that what was written for a
//! document is there when it is opened again.

use super::copied::Newcomer;
use super::events::Events;
use super::foreign;
use super::progress::Progress;
use super::reviews;
use super::session::{Event, Snapshots, on_pool};
use super::watcher::Watcher;
use crate::attribution;
use crate::cache::{self, Cache};
use crate::committed::{self, Records, Stamp};
use crate::disk::{self, Configs};
use crate::record::{self, Kind};
use crate::seen::{Look, Seen};
use crate::spool::{self, Report};
use crate::state::Store;
use crate::surroundings::{self, Indexed, Surroundings};
use crate::watch::{self, alert, denied};
use countersign_engine::{Inserted, module_of};
use countersign_grammars::Language;
use countersign_provenance::{Origin, Regions, Saved};
use countersign_text::{Encoding, Text};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;
use tokio::sync::oneshot;

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
    /// Write down in the ledger what is new of what is said about text of AI tools.
    Seen { path: PathBuf, seen: Seen, look: Look },
    /// Note that the editor has saved a document.
    Saved { path: PathBuf, text: Text },
    /// Look up what was recorded with the commits that a document's lines come from, where that may have changed or lines came
    /// `back` that were there before.
    Committed { uri: String, opened: u64, path: PathBuf, version: i32, text: Text, back: bool },
    /// Compare a document with what was committed.
    Compare { uri: String, opened: u64, path: PathBuf, version: i32, text: Text },
    /// Look whether what came in at once stands anywhere else, and who wrote it there. Where it does not, and it `asks` for it,
    /// somebody is asked.
    Inserted {
        uri: String,
        opened: u64,
        path: Option<PathBuf>,
        version: i32,
        text: Text,
        inserted: Inserted,
        asks: bool,
    },
    /// Write down who wrote what, together with what was written down before where that is not `remembered` yet.
    Save { path: PathBuf, text: Text, regions: Regions, remembered: bool },
    /// Read the other files of the module that a document belongs to, and the modules that it calls.
    Around { path: PathBuf },
    /// Read files again that have changed on disk.
    Reread { paths: Vec<PathBuf> },
    /// Read files that expressions read, each with the file that does.
    Texts { wanted: Vec<(String, Arc<str>)> },
    /// Look where the reviews in the repositories of some folders stand. Of those in `known` something was told before.
    Reviews { folders: Vec<PathBuf>, known: HashSet<PathBuf>, encoding: Encoding },
    /// Look up which files below some folders are critical.
    Critical { roots: Vec<PathBuf> },
    /// Say that all jobs before are done.
    Reply(oneshot::Sender<()>),
}

/// Where jobs are sent.
pub(super) struct Worker {
    jobs: Sender<Job>,
    events: Events,
    /// The settings of the folders, which the pool may read too.
    pub(super) configs: Arc<Configs>,
    /// What is remembered, which the pool may read too.
    pub(super) store: Arc<Store>,
}

impl Worker {
    pub(super) fn start(events: Events, snapshots: Snapshots) -> Self {
        let (jobs, incoming) = channel();
        let (configs, store) = (Arc::<Configs>::default(), Arc::<Store>::default());
        let state = State {
            events: events.clone(),
            snapshots,
            configs: Arc::clone(&configs),
            store: Arc::clone(&store),
            around: RefCell::default(),
            recorded: RefCell::default(),
            written: RefCell::default(),
            reported: RefCell::default(),
            watcher: RefCell::new(Watcher::start(events.clone())),
            roots: RefCell::default(),
        };
        std::thread::spawn(move || state.run(&incoming));
        Self { jobs, events, configs, store }
    }

    /// Reads everything below some folders into the index, beside the other jobs; what is `known` and there no more is taken out.
    pub(super) fn index(&self, roots: Vec<PathBuf>, known: Vec<Arc<str>>, progress: Progress) {
        let events = self.events.clone();
        rayon::spawn(move || {
            let read = || {
                let gone: Vec<_> =
                    known.iter().filter(|file| !Path::new(&***file).exists()).cloned().map(Indexed::Gone).collect();
                if !gone.is_empty() {
                    events.send(Event::Indexed(gone));
                }
                let configs = Configs::default();
                let (mut files, _) = disk::files(&roots, &configs);
                files.retain(|(_, language)| language.is_parsed());
                files.truncate(MAX_INDEXED);
                let store = Store::default();
                for (done, batch) in files.chunks(BATCH).enumerate() {
                    if progress.is_cancelled() {
                        break;
                    }
                    progress.report(done * BATCH, files.len());
                    // On this thread alone: the others of the pool are for what somebody waits for.
                    let mut read = Vec::new();
                    for files in batch.chunk_by(|(a, _), (b, _)| a.parent() == b.parent()) {
                        let Some(folder) = files.first().and_then(|(path, _)| path.parent()) else { continue };
                        let cache = Cache::of(folder, &store);
                        read.extend(files.iter().filter_map(|(path, language)| cache.load(path, *language).ok()));
                        cache.save();
                    }
                    events.send(Event::Indexed(read.into_iter().map(|file| Indexed::File(Arc::new(file))).collect()));
                }
                files.len()
            };
            if let Ok(files) = catch_unwind(AssertUnwindSafe(read)) {
                progress.end(&format!("{files} files"));
            } else {
                tracing::error!("reading the workspace panicked");
                progress.end("");
            }
            events.send(Event::IndexRead);
        });
    }

    pub(super) fn send(&self, job: Job) {
        // It ends only with the process.
        let _ = self.jobs.send(job);
    }
}

/// The reports about a document.
#[derive(Default)]
struct Reported {
    /// When the spool had changed last.
    changed: Option<SystemTime>,
    /// The opening of the document.
    opened: u64,
    /// The newest version that was compared with them.
    looked_at: i32,
    /// The document showed the text of the newest of them. Reports about texts before that one may never be shown.
    is_shown: bool,
    reports: Vec<Report>,
}

struct State {
    events: Events,
    snapshots: Snapshots,
    configs: Arc<Configs>,
    store: Arc<Store>,
    /// Folders that were read for the index.
    around: RefCell<HashSet<PathBuf>>,
    /// What was recorded in the repository when a document was looked up there, with its opening.
    recorded: RefCell<HashMap<String, (u64, Stamp)>>,
    /// When what is written down of a file was written, as it was read or written here last.
    written: RefCell<HashMap<PathBuf, Option<SystemTime>>>,
    /// Reports of agents' hooks, by document.
    reported: RefCell<HashMap<String, Reported>>,
    watcher: RefCell<Watcher>,
    /// The work trees that folders are in.
    roots: RefCell<HashMap<PathBuf, PathBuf>>,
}

impl State {
    fn run(self, incoming: &Receiver<Job>) {
        while let Ok(job) = incoming.recv() {
            match catch_unwind(AssertUnwindSafe(|| self.work(job))) {
                Ok(Some(event)) => {
                    self.events.send(event);
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
            Job::Match { uri, opened, path, versions } => Some(self.matched(uri, opened, &path, &versions)),
            Job::Remember { uri, opened, path, version, text } => {
                let regions = attribution::remembered(&self.store, &path, &text.to_string());
                self.written.borrow_mut().insert(path.clone(), self.store.written(&path));
                Some(Event::Remembered { uri, opened, version, regions })
            }
            Job::Record { path, kind, origin, bytes } => {
                let entry = record::entry(kind, &path, &origin, bytes);
                if let Err(error) = record::append(&self.store, &path, &[entry]) {
                    tracing::warn!("who wrote {} could not be recorded: {error}", path.display());
                }
                None
            }
            Job::Seen { path, seen, look } => {
                if let Err(error) = seen.record(&self.store, &path, &look) {
                    tracing::warn!("what was seen in {} could not be recorded: {error}", path.display());
                }
                None
            }
            Job::Saved { path, text } => {
                if let Err(error) = spool::saved(&self.store, &path, &text.to_string()) {
                    tracing::warn!("that {} was saved could not be noted: {error}", path.display());
                }
                None
            }
            Job::Committed { uri, opened, path, version, text, back } => {
                let state = (opened, committed::stamp(&path)?);
                let before = self.recorded.borrow_mut().insert(uri.clone(), state.clone());
                if back || before != Some(state) {
                    self.ask_git(uri, opened, path, version, &text);
                }
                None
            }
            Job::Compare { uri, opened, path, version, text } => {
                let changed = committed::changed(&path, &text)?;
                Some(Event::Compared { uri, opened, version, changed })
            }
            Job::Inserted { uri, opened, path, version, text, inserted, asks } => {
                let path = path.as_deref();
                let newcomer = Newcomer { uri: &uri, path, version, text: &text, inserted: &inserted };
                if let Some(regions) = newcomer.origin(&self.snapshots, &self.store) {
                    return Some(Event::Origins { uri, opened, version, regions });
                }
                let is_new = asks && !newcomer.was_there(&self.snapshots);
                is_new.then_some(Event::Suspicious { uri, opened, version, range: inserted.range })
            }
            Job::Save { path, text, regions, remembered } => {
                if let Err(error) = self.write_down(&path, &text.to_string(), regions, remembered) {
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
                self.look_for_denied(&paths);
                let language = |path: PathBuf| Some((Language::of_path(&path.to_string_lossy())?, path));
                let files: Vec<_> =
                    paths.into_iter().filter_map(language).map(|(language, path)| (path, language)).collect();
                let read = files.iter().zip(cache::load_all(&files)).map(|((path, _), read)| match read {
                    Ok(snapshot) => Indexed::File(Arc::new(snapshot)),
                    Err(_) => Indexed::Gone(surroundings::key(path)),
                });
                Some(Event::Indexed(read.collect()))
            }
            Job::Texts { wanted } => {
                let read = |(path, file): (String, Arc<str>)| {
                    let text = surroundings::text_within(&path, module_of(&file));
                    Indexed::Text(path, text)
                };
                Some(Event::Indexed(wanted.into_iter().map(read).collect()))
            }
            Job::Reviews { folders, known, encoding } => {
                let (mut roots, mut watcher) = (self.roots.borrow_mut(), self.watcher.borrow_mut());
                reviews::look(&folders, &known, encoding, (&mut roots, &mut watcher), &self.events)
            }
            Job::Critical { roots } => Some(foreign::found(&roots, &self.configs)),
            Job::Reply(reply) => {
                let _ = reply.send(());
                None
            }
        }
    }

    /// Writes down who wrote what in a file. What another editor or a hook has written down since stays.
    fn write_down(&self, path: &Path, text: &str, mut regions: Regions, remembered: bool) -> io::Result<()> {
        if self.store.written(path).is_none() && Saved::new(text, &regions).is_none() {
            return Ok(());
        }
        self.store.alone(path, || {
            let is_own = self.written.borrow().get(path) == Some(&self.store.written(path));
            if !(remembered && is_own)
                && let Some(saved) = self.store.load(path)
            {
                let mut known = saved.restore(text);
                known.attribute_all(&regions);
                regions = known;
            }
            self.store.save(path, Saved::new(text, &regions).as_ref())?;
            self.written.borrow_mut().insert(path.to_owned(), self.store.written(path));
            Ok(())
        })?
    }

    /// Raises where files hold what an agent was denied.
    fn look_for_denied(&self, paths: &[PathBuf]) {
        for path in paths {
            if let Err(error) = watch::look(&self.store, path, Some(path)) {
                tracing::warn!("that {} holds a denied edit could not be recorded: {error}", path.display());
            }
        }
    }

    /// Looks for a version that is a text of which there is a report. Each version is looked at once for the same reports.
    fn matched(&self, uri: String, opened: u64, path: &Path, versions: &[(i32, Text)]) -> Event {
        let folder = spool::folder(&self.store, path);
        let besides = [alert::watched(&self.store, path), denied::watched(&self.store, path)];
        for folder in folder.iter().chain(besides.iter().flatten()) {
            self.watcher.borrow_mut().watch(folder);
        }
        self.look_for_denied(&[path.to_owned()]);
        // It changes with every report that comes or goes.
        let changed = folder.and_then(|folder| std::fs::metadata(folder).ok()?.modified().ok());
        let mut all = self.reported.borrow_mut();
        let known = all.entry(uri.clone()).or_default();
        if changed.is_none() || (known.changed, known.opened) != (changed, opened) {
            let reports = spool::reports(&self.store, path).collect();
            *known = Reported { changed, opened, looked_at: i32::MIN, is_shown: false, reports };
        }
        let mut found = None;
        for (version, text) in versions.iter().filter(|(version, _)| *version > known.looked_at) {
            let text = text.to_string();
            let ink = Saved::ink_of(&text);
            let mut same = known.reports.iter().enumerate().filter(|(_, report)| report.saved.ink() == ink);
            if let Some((index, regions)) = same.find_map(|(index, it)| Some((index, it.saved.restore_same(&text)?))) {
                known.is_shown |= index == 0;
                found.get_or_insert((*version, regions));
            }
        }
        let newest = versions.first().map(|(version, _)| *version).unwrap_or_default();
        known.looked_at = newest;
        let is_waiting = !known.reports.is_empty() && !known.is_shown || denied::awaits(&self.store, path);
        Event::Matched { uri, opened, newest, is_waiting, found }
    }

    /// Looks up what was recorded with the commits that the lines of a document come from, beside the other jobs: that takes
    /// long in a long history.
    fn ask_git(&self, uri: String, opened: u64, path: PathBuf, version: i32, text: &Text) {
        let (events, store, text) = (self.events.clone(), Arc::clone(&self.store), text.to_string());
        on_pool(move || {
            let known = attribution::of(&store, &path, &text);
            let file = Records::default().file(&path, text);
            if let Some(regions) = file.and_then(|file| file.regions(&known)) {
                events.send(Event::Origins { uri, opened, version, regions });
            }
        });
    }
}
