//! Who wrote what in a file on disk, from everything that is remembered of it.

use crate::committed;
use crate::spool;
use crate::state::Store;
use countersign_provenance::Regions;
use std::path::Path;

/// The regions of a text that a file has: what was written down of it last, and what an agent's hook said of this very text,
/// which an editor that has not read it yet may have written over.
pub(crate) fn of(store: &Store, file: &Path, text: &str) -> Regions {
    let mut regions = remembered(store, file, text);
    if let Some(reported) = spool::reports(store, file).find_map(|report| report.saved.restore_same(text)) {
        regions.attribute_all(&reported);
    }
    regions
}

/// What was written down of a file, or of another one that has the same text and that it was made from.
pub(crate) fn remembered(store: &Store, file: &Path, text: &str) -> Regions {
    let saved = store.load(file).map(|saved| saved.restore(text));
    saved.or_else(|| store.same(file, text)).unwrap_or_default()
}

/// What is known of a text, and where that is nothing of a line, what was recorded with the commit that the line comes from.
/// `None` where that adds nothing. Asks git where the lines come from, which takes long in a long history.
pub(crate) fn with_committed(file: &committed::File, known: &Regions) -> Option<Regions> {
    if !file.is_recorded() {
        return None;
    }
    let mut regions = known.clone();
    regions.attribute_all(&file.regions(known)?);
    Some(regions)
}
