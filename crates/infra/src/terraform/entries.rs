//! Blocks in a fixed order, as the tables of a workspace hold them.

use super::syntax::{Block, Lowered};
use super::workspace::is_override;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block and where it stands.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The file.
    pub file: Arc<str>,
    /// The unit.
    pub unit: Arc<Lowered>,
    /// Which of the unit's blocks.
    pub index: u32,
    /// How many equal ones there are.
    count: u32,
}

impl Definition {
    /// The block of a unit with an index.
    pub fn new(file: &Arc<str>, unit: &Arc<Lowered>, index: usize) -> Self {
        // A unit is at most a megabyte long.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Self { file: Arc::clone(file), unit: Arc::clone(unit), index, count: 1 }
    }

    /// What entries are in the order of: file, digest of the unit, index of the block.
    pub(super) fn place_cmp(&self, other: &Self) -> Ordering {
        (&self.file, self.unit.digest, self.index).cmp(&(&other.file, other.unit.digest, other.index))
    }

    /// How many equal ones there are.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The block.
    pub fn block(&self) -> &Block {
        &self.unit.blocks[self.index as usize]
    }

    /// Whether it stands in an override file, whose blocks change those of the others.
    pub fn is_override(&self) -> bool {
        is_override(&self.file)
    }
}

/// Blocks in a fixed order, with a number that tells sets of them apart.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    blocks: Blocks,
    sum: u64,
}

/// Most sets are of one block, which needs no room of its own, or of some; a few are of ten thousands, of which an edit copies one
/// chunk and the list of chunks. None of the chunks is empty.
#[derive(Debug, Clone)]
enum Blocks {
    One(Definition),
    Some(Arc<[Definition]>),
    Many(Arc<[Arc<[Definition]>]>),
}

/// Blocks in one chunk at most.
const CHUNK: usize = 64;

impl Blocks {
    /// Those of lists, one after the other.
    fn of(lists: Vec<Arc<[Definition]>>) -> Self {
        match <[_; 1]>::try_from(lists) {
            Ok([list]) => match &*list {
                [one] => Self::One(one.clone()),
                _ => Self::Some(list),
            },
            Err(lists) if lists.is_empty() => Self::Some(Arc::default()),
            Err(lists) => Self::Many(lists.into()),
        }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self { blocks: Blocks::Some(Arc::default()), sum: 0 }
    }
}

impl Entries {
    /// With blocks that come (`true`) and without those that go.
    pub(super) fn with(&self, changes: &[(Definition, bool)]) -> Self {
        let mut sum = self.sum;
        let mut apply = |list: &mut Vec<Definition>, definition: &Definition, add: bool| {
            match list.binary_search_by(|known| known.place_cmp(definition)) {
                Ok(at) if add => list[at].count += 1,
                Err(at) if add => list.insert(at, definition.clone()),
                Ok(at) if list[at].count > 1 => list[at].count -= 1,
                Ok(at) => drop(list.remove(at)),
                Err(_) => return,
            }
            let number = number(definition);
            sum = if add { sum.wrapping_add(number) } else { sum.wrapping_sub(number) };
        };
        let mut lists = Vec::new();
        if let Blocks::Many(chunks) = &self.blocks {
            let mut edited: BTreeMap<usize, Vec<Definition>> = BTreeMap::new();
            for (definition, add) in changes {
                let is_before =
                    |chunk: &Arc<[Definition]>| chunk.first().is_some_and(|first| first.place_cmp(definition).is_le());
                let index = chunks.partition_point(is_before).saturating_sub(1);
                apply(edited.entry(index).or_insert_with(|| chunks[index].to_vec()), definition, *add);
            }
            lists.reserve(chunks.len() + edited.len());
            for (index, chunk) in chunks.iter().enumerate() {
                match edited.remove(&index) {
                    Some(list) => push(&mut lists, list),
                    None => lists.push(Arc::clone(chunk)),
                }
            }
        } else {
            let mut list: Vec<_> = self.iter().cloned().collect();
            for (definition, add) in changes {
                apply(&mut list, definition, *add);
            }
            push(&mut lists, list);
        }
        Self { blocks: Blocks::of(lists), sum }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Definition> {
        let (list, chunks): (&[Definition], &[Arc<[Definition]>]) = match &self.blocks {
            Blocks::One(one) => (std::slice::from_ref(one), &[]),
            Blocks::Some(list) => (list, &[]),
            Blocks::Many(chunks) => (&[], chunks),
        };
        list.iter().chain(chunks.iter().flat_map(|chunk| chunk.iter()))
    }

    /// Tells sets of blocks apart.
    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Puts a list behind others, as chunks that are neither too large nor, where it can be joined with the one before, small.
fn push(lists: &mut Vec<Arc<[Definition]>>, mut list: Vec<Definition>) {
    if let Some(last) = lists.last()
        && last.len() + list.len() <= CHUNK / 2
    {
        list.splice(..0, last.iter().cloned());
        lists.pop();
    }
    let chunks = list.len().div_ceil(CHUNK).max(1);
    lists.extend(list.chunks(list.len().div_ceil(chunks).max(1)).map(Arc::from));
}

/// A number for a block at a place; never 0.
pub(super) fn number(definition: &Definition) -> u64 {
    let mut hash = definition.unit.digest ^ (u64::from(definition.index) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in definition.file.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    }
    hash | 1
}
