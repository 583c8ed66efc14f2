//! Who wrote what in a file on disk, from everything that is remembered of it.

use crate::spool;
use crate::state::Store;
use countersign_provenance::Regions;
use std::path::Path;

/// The regions of a text that a file has: what was written down of it last, and what an agent's hook said of this very text,
/// which an editor that has not read it yet may have written over.
pub(crate) fn of(store: &Store, file: &Path, text: &str) -> Regions {
    let mut regions = store.load(file).map(|saved| saved.restore(text)).unwrap_or_default();
    if let Some(reported) = spool::reports(store, file).iter().find_map(|report| report.saved.restore_same(text)) {
        regions.attribute_all(&reported);
    }
    regions
}
