//! What units say, kept from one run to the next by the very text that says it. Where that is kept, the caller knows.
//!
//! Nothing of the text stays behind where it is kept: what a unit says is covered with a key that is made of the text, so only who
//! has the very text can read it. Of what was in a file once and is there no more, nobody learns more than from a digest of it.

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
        let name = digest(NAME, snapshot.language, source);
        let uncovered = |bytes: &[u8]| cover(bytes.to_owned(), snapshot.language, source);
        match known(&name).and_then(|bytes| Lowered::from_bytes(&uncovered(bytes), source)) {
            Some(lowered) => {
                unit.set_memo(Facts { lowered: Arc::new(lowered), ..Facts::default() });
                kept.push((name, None));
            }
            None => missing.push((name, unit, source)),
        }
    }
    crate::read(snapshot, &mut Budget::unbounded());
    for (name, unit, source) in missing {
        let facts = unit.memo().filter(|facts| !facts.is_notable());
        let bytes = facts.and_then(|facts| facts.lowered.to_bytes());
        kept.extend(bytes.map(|bytes| (name, Some(cover(bytes, snapshot.language, source)))));
    }
    kept
}

/// What a digest of a text is for: none tells another one.
const NAME: u8 = 0;
const KEY: u8 = 1;

fn digest(what_for: u8, language: Language, source: &str) -> [u8; 32] {
    Sha256::new().chain_update([what_for, language as u8]).chain_update(source).finalize().into()
}

/// Covers bytes with a stream that is made of a text (SHA-256 in counter mode), or uncovers them.
fn cover(mut bytes: Vec<u8>, language: Language, source: &str) -> Vec<u8> {
    let key = digest(KEY, language, source);
    for (count, part) in (0_u64..).zip(bytes.chunks_mut(32)) {
        let stream = Sha256::new().chain_update(key).chain_update(count.to_le_bytes()).finalize();
        part.iter_mut().zip(stream).for_each(|(byte, with)| *byte ^= with);
    }
    bytes
}
