//! Watches the folders in which agents' hooks leave their reports and alerts.

use super::events::Events;
use super::session::Event;
use crate::spool;
use crate::watch::{alert, denied};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The folders that are watched.
pub(super) struct Watcher {
    inner: Option<RecommendedWatcher>,
    folders: HashSet<PathBuf>,
}

impl Watcher {
    pub(super) fn start(events: Events) -> Self {
        // One file may be told of several times.
        let mut alerted: HashSet<PathBuf> = HashSet::new();
        let seen = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() || event.kind.is_remove() {
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
        Self { inner: inner.ok(), folders: HashSet::new() }
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
