//! Watches the folders in which agents' hooks leave their reports and alerts, and what says where reviews stand.

use super::events::Events;
use super::reviews::is_of_reviews;
use super::session::Event;
use crate::git;
use crate::review::REVIEWS;
use crate::spool;
use crate::watch::{alert, denied};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The folders that are watched.
pub(super) struct Watcher {
    inner: Option<RecommendedWatcher>,
    folders: HashSet<PathBuf>,
    /// Work trees of which it is watched what is checked out.
    roots: HashSet<PathBuf>,
}

impl Watcher {
    pub(super) fn start(events: Events) -> Self {
        // One file may be told of several times.
        let mut alerted: HashSet<PathBuf> = HashSet::new();
        let seen = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            // What is committed or checked out writes `HEAD` or its log.
            if event.paths.iter().any(|path| is_of_reviews(path) || path.ends_with("HEAD")) {
                events.send(Event::ReviewsChanged);
            }
            if event.kind.is_remove() {
                return;
            }
            for path in &event.paths {
                if let Some(message) = alert::message(path)
                    && alerted.insert(path.clone())
                {
                    events.send(Event::Alert(message));
                }
            }
            let files: Vec<PathBuf> =
                event.paths.iter().filter_map(|path| spool::file_of(path).or_else(|| denied::file_of(path))).collect();
            if !files.is_empty() {
                events.send(Event::Reported(files));
            }
        };
        let inner = notify::recommended_watcher(seen);
        if let Err(error) = &inner {
            tracing::warn!("agents' reports are seen only when a file is opened: {error}");
        }
        Self { inner: inner.ok(), folders: HashSet::new(), roots: HashSet::new() }
    }

    /// Watches what says where the reviews of a work tree stand: their files, as far as there are any, and what is checked out.
    pub(super) fn watch_reviews(&mut self, root: &Path) {
        if self.roots.insert(root.to_owned()) {
            let git = git::git_folder(&root.join("-"));
            let folders = git.iter().flat_map(|folder| [folder.clone(), folder.join("logs")]);
            for folder in folders.filter(|folder| folder.is_dir()) {
                self.watch(&folder);
            }
        }
        let folders =
            [(Path::new(REVIEWS), RecursiveMode::Recursive), (Path::new(".countersign"), RecursiveMode::NonRecursive)];
        for (folder, mode) in folders {
            let folder = root.join(folder);
            let Some(inner) = self.inner.as_mut().filter(|_| folder.is_dir()) else { continue };
            // They come and go with what is checked out, and inotify goes by the folder and not by its name.
            if (self.folders.insert(folder.clone()) || cfg!(target_os = "linux"))
                && let Err(error) = inner.watch(&folder, mode)
            {
                tracing::warn!("{} cannot be watched for reviews: {error}", folder.display());
            }
        }
    }

    /// Watches a folder.
    pub(super) fn watch(&mut self, folder: &Path) {
        let Some(inner) = &mut self.inner else { return };
        if self.folders.insert(folder.to_owned())
            && let Err(error) = inner.watch(folder, RecursiveMode::NonRecursive)
        {
            tracing::warn!("{} cannot be watched for agents' reports: {error}", folder.display());
        }
    }
}
