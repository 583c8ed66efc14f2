//! How alike two blocks are: which new block is likely to be an old one under another name.
//!
//! The measure is the share of words that both bodies have, each as often as it is there: twice the words in common over the
//! words of both (Dice). Words are runs of letters and digits in one spelling of the body; those of the two names do not count,
//! for they differ by nature.

use countersign_infra::terraform::Definition;
use std::collections::BTreeMap;

/// From here on two blocks of one kind are taken for the same under another name.
const ENOUGH: f64 = 0.75;

/// The words of a block.
pub(super) type Words = BTreeMap<String, usize>;

/// The words of a block, but for those of its name.
pub(super) fn words(definition: &Definition) -> Words {
    let block = definition.block();
    let mut text = String::new();
    block.body.write(&|_| None, &mut text);
    let name = block.address.rsplit('.').next().unwrap_or_default();
    let own: Vec<&str> = split(name).collect();
    let mut words = Words::new();
    for word in split(&text).filter(|word| !own.contains(word)) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// How alike two blocks are, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "words of a block")]
fn likeness(a: &Words, b: &Words) -> f64 {
    let all: usize = a.values().chain(b.values()).sum();
    let common: usize = a.iter().filter_map(|(word, count)| Some((*count).min(*b.get(word)?))).sum();
    if all == 0 { 1.0 } else { 2.0 * common as f64 / all as f64 }
}

/// Pairs what is gone with what is new, each at most once, the most alike first.
pub(super) fn matched(gone: &[(String, Words)], new: &[(String, Words)]) -> BTreeMap<String, String> {
    let mut candidates: Vec<(f64, &str, &str)> = Vec::new();
    for (from, words) in gone {
        for (to, others) in new {
            let likeness = likeness(words, others);
            if likeness >= ENOUGH {
                candidates.push((likeness, from, to));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut matched: BTreeMap<String, String> = BTreeMap::new();
    for (_, from, to) in candidates {
        if !matched.contains_key(from) && !matched.values().any(|taken| taken == to) {
            matched.insert(from.to_owned(), to.to_owned());
        }
    }
    matched
}
