//! The tables under `crates/policy/data`, searched as they are: a line is found by bisection, so nothing is built at start.

use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::LazyLock;

/// Made by `cargo xtask tables`: types and arguments.
const TERRAFORM: &str = include_str!("../../../data/terraform.txt");
/// Made by `cargo xtask tables`: how the names of AWS actions begin.
const ACTIONS: &str = include_str!("../../../data/actions.txt");
/// Written by hand: types that are made up often.
const MISTAKEN_TYPES: &str = include_str!("../../../data/mistaken-types.txt");
/// Written by hand: actions that are made up often.
const MISTAKEN_ACTIONS: &str = include_str!("../../../data/mistaken-actions.txt");

/// A type of the tables.
pub(super) struct Type {
    /// It has been removed from its provider.
    pub(super) removed: bool,
    /// `arguments` are all that it has but for computed and common ones.
    pub(super) complete: bool,
    arguments: &'static str,
    /// The same, for looking one up.
    names: FxHashSet<&'static str>,
}

impl Type {
    /// The arguments that are known.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'static str> {
        self.arguments.split_ascii_whitespace()
    }

    /// Whether an argument is one of them.
    pub(super) fn has(&self, argument: &str) -> bool {
        self.names.contains(argument)
    }
}

thread_local! {
    /// Types that were looked up, by name. There are no more than in the table.
    static TYPES: RefCell<FxHashMap<&'static str, Rc<Type>>> = RefCell::default();
}

/// A type by its name.
pub(super) fn kind(name: &str) -> Option<Rc<Type>> {
    TYPES.with_borrow_mut(|types| {
        if let Some(known) = types.get(name) {
            return Some(Rc::clone(known));
        }
        let table = body(TERRAFORM);
        let line = table[lower_bound(table, name)..].lines().next()?;
        let (own, rest) = line.split_once(' ').filter(|(own, _)| *own == name)?;
        let (mark, arguments) = rest.split_at_checked(1)?;
        let names = arguments.split_ascii_whitespace().collect();
        let found = Rc::new(Type { removed: mark == "-", complete: mark == "=", arguments, names });
        types.insert(own, Rc::clone(&found));
        Some(found)
    })
}

/// The names of all types with a prefix that are still there.
pub(super) fn kinds(prefix: &str) -> impl Iterator<Item = &'static str> {
    of_prefix(prefix).lines().filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        (!rest.starts_with('-')).then_some(name)
    })
}

/// Whether any type of a provider has something of this name.
pub(super) fn is_a_name_of(provider: &str, name: &str) -> bool {
    let is_in = |text: &str| text.split_ascii_whitespace().any(|word| word == name);
    is_in(of_prefix(&format!("{provider}_"))) || find(body(TERRAFORM), &format!("~{provider}")).is_some_and(is_in)
}

/// What is meant by a type that is made up often.
pub(super) fn mistaken_type(name: &str) -> Option<&'static str> {
    find(body(MISTAKEN_TYPES), name)
}

/// What is meant by an action that is made up often, if it is one; in lower case.
pub(super) fn mistaken_action(action: &str) -> Option<&'static str> {
    static ACTIONS: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
        let pairs = body(MISTAKEN_ACTIONS).lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(wrong, right)| (wrong.to_ascii_lowercase(), right)).collect()
    });
    ACTIONS.get(action).copied()
}

/// Whether an action's name begins with a word that names of actions begin with; in lower case. A name that is `cut` short
/// may also be the beginning of such a word.
pub(super) fn begins_as_an_action(name: &str, cut: bool) -> bool {
    static VERBS: LazyLock<Vec<&str>> = LazyLock::new(|| body(ACTIONS).lines().collect());
    let at = VERBS.partition_point(|verb| *verb <= name);
    let same_letter = |verb: &&&str| verb.as_bytes().first() == name.as_bytes().first();
    VERBS[..at].iter().rev().take_while(same_letter).any(|verb| name.starts_with(verb))
        || cut && VERBS.get(at).is_some_and(|verb| verb.starts_with(name))
}

/// A table without its heading.
fn body(table: &'static str) -> &'static str {
    let heading = table.lines().take_while(|line| line.starts_with('#')).map(|line| line.len() + 1).sum();
    table.get(heading..).unwrap_or_default()
}

/// What stands behind a name at the start of a line.
fn find(table: &'static str, name: &str) -> Option<&'static str> {
    let at = lower_bound(table, name);
    table[at..].lines().next()?.strip_prefix(name)?.strip_prefix(' ')
}

/// The lines whose names have a prefix.
fn of_prefix(prefix: &str) -> &'static str {
    let table = body(TERRAFORM);
    let range: Range<usize> = lower_bound(table, prefix)..lower_bound(table, &format!("{prefix}\u{7f}"));
    &table[range]
}

/// Where the first line begins whose name is not before `name`.
fn lower_bound(table: &str, name: &str) -> usize {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let start = table.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = table[start..].lines().next().unwrap_or_default();
        if line.split(' ').next().unwrap_or_default() < name {
            low = start + line.len() + 1;
        } else {
            high = start;
        }
    }
    low.min(table.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        for table in [TERRAFORM, MISTAKEN_TYPES] {
            for line in body(table).lines() {
                let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
                assert_eq!(find(body(table), name), Some(rest), "{name}");
            }
        }
        assert!(kind("aws_instance").is_some_and(|kind| !kind.removed));
        assert!(kind("aws_opsworks_application").is_some_and(|kind| kind.removed));
        assert!(kind("aws_instanc").is_none() && kind("").is_none() && kind("zzz").is_none());
    }

    #[test]
    fn what_is_made_up_is_not_in_the_tables() {
        for line in body(MISTAKEN_TYPES).lines() {
            let (wrong, right) = line.split_once(' ').unwrap_or_default();
            assert!(kind(wrong).is_none() && kind(right).is_some_and(|kind| !kind.removed), "{line}");
        }
        for line in body(MISTAKEN_ACTIONS).lines() {
            let (wrong, right) = line.split_once(' ').unwrap_or_default();
            assert!(wrong.contains(':') && mistaken_action(&wrong.to_ascii_lowercase()) == Some(right), "{line}");
            assert!(mistaken_action(&right.to_ascii_lowercase()).is_none(), "{line}");
        }
    }

    #[test]
    fn the_version_that_messages_name_is_that_of_the_table() {
        assert!(TERRAFORM.contains("aws 6.58.0,"));
    }
}
