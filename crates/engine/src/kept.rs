//! What units say, kept from one run to the next by the very text that says it. Where that is kept, the caller knows.

use crate::document::Snapshot;
use crate::facts::Facts;
use countersign_grammars::Language;
use countersign_infra::terraform::Lowered;
use countersign_syntax::Budget;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Tells programs apart that may read one text as different things: made of everything that reads units. What one of them
/// kept is nothing to another.
pub const READER: &str = env!("COUNTERSIGN_READER");

/// Names a unit's text and its language: SHA-256.
pub type UnitName = [u8; 32];

/// Reads every unit of a snapshot, of which `text` is the text; of those that are `known`, only what is known. Returns the names of
/// the units that are worth keeping, each with what it says where that was not known.
///
/// What could not be read in full and what holds a suppression or a tag is read again each time: it is rare.
pub fn read_known<'k>(
    snapshot: &Snapshot,
    text: &str,
    known: impl Fn(&UnitName) -> Option<&'k [u8]>,
) -> Vec<(UnitName, Option<Vec<u8>>)> {
    let (mut kept, mut missing) = (Vec::new(), Vec::new());
    for (start, unit) in snapshot.units.iter() {
        let Some(source) = text.get(start..start + unit.len()) else { continue };
        let name = name(snapshot.language, source);
        match known(&name).and_then(|bytes| Lowered::from_bytes(bytes, source)) {
            Some(lowered) => {
                unit.set_memo(Facts { lowered: Arc::new(lowered), ..Facts::default() });
                kept.push((name, None));
            }
            None => missing.push((name, unit)),
        }
    }
    crate::read(snapshot, &mut Budget::unbounded());
    for (name, unit) in missing {
        let facts = unit.memo().filter(|facts| !facts.is_notable());
        kept.extend(facts.and_then(|facts| facts.lowered.to_bytes()).map(|bytes| (name, Some(bytes))));
    }
    kept
}

fn name(language: Language, source: &str) -> UnitName {
    Sha256::new().chain_update([language as u8]).chain_update(source).finalize().into()
}
