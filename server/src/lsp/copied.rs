//! Where a text that came in at once stood before: in this document, in another open one, or in a file beside it.

use super::session::Snapshots;
use crate::attribution;
use crate::disk;
use crate::state::Store;
use countersign_engine::Inserted;
use countersign_grammars::Language;
use countersign_provenance::{Origin, Regions, is_mostly_in, is_telling};
use countersign_text::Text;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Files beside a document that are searched for a text that came in at once.
const NEIGHBOURS: usize = 200;

/// Places of one text that are compared with each other.
const MAX_PLACES: usize = 16;

/// A text that came in at once, and the document that it came into.
pub(super) struct Newcomer<'a> {
    pub(super) uri: &'a str,
    pub(super) path: Option<&'a Path>,
    pub(super) version: i32,
    pub(super) text: &'a Text,
    pub(super) inserted: &'a Inserted,
}

/// Who wrote the pieces of a text, from its start.
type Pieces = Vec<(Range<usize>, Origin)>;

impl Newcomer<'_> {
    /// Who wrote it where it was copied from, in the place where it stands now. `None` where it stands nowhere else, where
    /// nothing is known of it there, and where it stands in several places that do not have the same writers.
    pub(super) fn origin(&self, snapshots: &Snapshots, store: &Store) -> Option<Regions> {
        let wanted = self.inserted.text.as_str();
        is_telling(wanted).then_some(())?;
        let mut places: Vec<Pieces> = Vec::new();
        let mut add = |text: &str, regions: &dyn Fn() -> Regions, but: Option<&Range<usize>>| {
            let all = text.match_indices(wanted).map(|(start, _)| start..start + wanted.len());
            let mut found = all.filter(|range| Some(range) != but).take(MAX_PLACES).peekable();
            if found.peek().is_some() {
                let regions = regions();
                places.extend(found.map(|range| regions.part(&range)));
            }
        };
        for entry in snapshots.iter() {
            let snapshot = entry.value();
            let own = entry.key() == self.uri;
            if own && snapshot.version > self.version {
                // Where it stands in that version is not known.
                return None;
            }
            let but = (own && snapshot.version == self.version).then_some(&self.inserted.range);
            add(&snapshot.text.to_string(), &|| snapshot.regions.clone(), but);
        }
        let open: Vec<String> = snapshots.iter().map(|entry| entry.value().file.to_string()).collect();
        for file in self.neighbours() {
            if open.contains(&crate::surroundings::key(&file).to_string()) {
                continue;
            }
            if let Ok(text) = disk::read(&file) {
                add(&text, &|| attribution::of(store, &file, &text), None);
            }
        }
        let first = places.first().filter(|first| !first.is_empty())?;
        let writers = |pieces: &Pieces| -> Vec<_> {
            pieces.iter().map(|(range, origin)| (range.clone(), origin.writer.clone())).collect()
        };
        let agree = places.iter().all(|other| writers(other) == writers(first));
        agree.then(|| Regions::of_part(self.inserted.range.start, first))
    }

    /// Whether most of it was there before, or the document is now as it is on disk, which is then a reload.
    pub(super) fn was_there(&self, snapshots: &Snapshots) -> bool {
        let mostly_in = |text: &str| is_mostly_in(&self.inserted.text, text);
        let whole = self.text.to_string();
        if self.path.and_then(|path| disk::read(path).ok()).is_some_and(|on_disk| on_disk == whole) {
            return true;
        }
        let range = &self.inserted.range;
        let (before, after) = (whole.get(..range.start), whole.get(range.end..));
        let rest = [before.unwrap_or_default(), after.unwrap_or_default()].concat();
        if mostly_in(&rest) || mostly_in(&self.inserted.removed) {
            return true;
        }
        let others = snapshots.iter().filter(|entry| entry.key() != self.uri);
        if others.map(|entry| entry.value().text.to_string()).any(|text| mostly_in(&text)) {
            return true;
        }
        self.neighbours().filter_map(|file| disk::read(&file).ok()).any(|text| mostly_in(&text))
    }

    /// The files of our languages beside the document.
    fn neighbours(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.path.and_then(Path::parent).and_then(|folder| std::fs::read_dir(folder).ok());
        let files = folder.into_iter().flatten().flatten().map(|entry| entry.path());
        let is_other =
            |file: &PathBuf| Language::of_path(&file.to_string_lossy()).is_some() && Some(file.as_path()) != self.path;
        files.filter(is_other).take(NEIGHBOURS)
    }
}
