//! What the open documents would do to what is live: their modules are compared with what is presumed to be live, on the pool,
//! once the text has settled.

use super::{Baselines, Comparison, Files, Impacts, Kept, State, Then, is_of_module};
use crate::disk::Configs;
use countersign_engine::{Snapshot, Workspace, module_of};
use countersign_impact::graph::Links;
use countersign_policy::Surface;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The files of the session, as they were at one moment.
pub(crate) struct Session {
    pub(crate) workspace: Workspace,
    /// Files that are open.
    pub(crate) open: HashMap<Arc<str>, Arc<Snapshot>>,
    /// Files that are not.
    pub(crate) on_disk: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
}

/// Compares, and keeps what it has read.
#[derive(Default)]
pub(crate) struct Live {
    kept: Kept,
    links: Links,
}

impl Live {
    /// What leads from one configuration to another, as far as it was asked for.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// What the open files and those beside them do to what is live, by the file that it is shown in; and what is wrong with
    /// the settings.
    pub(crate) fn impacts(&self, now: Session, configs: &Configs) -> (Impacts, BTreeSet<String>) {
        let modules: BTreeSet<String> = now
            .open
            .keys()
            .filter(|file| is_of_module(file).is_some())
            .map(|file| module_of(file).to_owned())
            .collect();
        let open: BTreeSet<Arc<str>> = now.open.keys().cloned().collect();
        let after = State::new(now.workspace, Files::new(now.on_disk, now.open));
        let mut baselines = Baselines::new(&self.kept, configs, None);
        let mut then = Then::new(&after, &self.kept);
        then.go_back(modules.clone(), |folder| baselines.of(folder));
        let comparison = Comparison {
            before: &then.state,
            after: &after,
            links: &self.links,
            configs,
            surface: Surface::Editor,
            open: Some(&open),
        };
        (comparison.impacts(&modules), baselines.problems)
    }
}
