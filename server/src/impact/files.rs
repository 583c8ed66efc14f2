//! The files of a state.

use countersign_engine::Snapshot;
use std::collections::HashMap;
use std::sync::Arc;

/// Files by their names in the index: those that states share, and those in which this one differs from them. A clone costs
/// what is different.
#[derive(Clone, Default)]
pub(crate) struct Files {
    shared: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
    /// `None` for what is not there.
    own: HashMap<Arc<str>, Option<Arc<Snapshot>>>,
}

impl Files {
    /// Files that others share, with some in place of theirs or beside them.
    pub(crate) fn new(
        shared: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
        own: impl IntoIterator<Item = (Arc<str>, Arc<Snapshot>)>,
    ) -> Self {
        Self { shared, own: own.into_iter().map(|(name, file)| (name, Some(file))).collect() }
    }

    /// A file.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Snapshot>> {
        match self.own.get(name) {
            Some(own) => own.as_ref(),
            None => self.shared.get(name),
        }
    }

    /// Puts a file in the place of one, or takes it away.
    pub(crate) fn set(&mut self, name: &Arc<str>, file: Option<Arc<Snapshot>>) {
        self.own.insert(Arc::clone(name), file);
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Snapshot>)> {
        let shared = self.shared.iter().filter(|(name, _)| !self.own.contains_key(*name));
        shared.chain(self.own.iter().filter_map(|(name, file)| Some((name, file.as_ref()?))))
    }
}
