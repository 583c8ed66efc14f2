//! `moved`, `removed` and `import`: what Terraform is told about addresses.

use super::half::Half;
use countersign_infra::Found;
use countersign_infra::terraform::{Definition, Expr};
use std::collections::{BTreeMap, BTreeSet};

/// Moves that lead to each other are followed so far.
const MAX_CHAIN: usize = 64;

/// What the blocks of one module say about addresses.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// From an address, instances included, to another.
    moved: BTreeMap<String, String>,
    /// Addresses that are no longer managed.
    removed: BTreeMap<String, Removal>,
    /// Addresses that take over what is there already.
    imported: BTreeSet<String>,
    /// A `moved` or `removed` block whose addresses cannot be read.
    pub(super) unread: bool,
}

/// What a `removed` block says of what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    Destroyed,
    /// It stays as it is and is managed no longer.
    Forgotten,
    Unknown,
}

impl Statements {
    fn of(half: &Half<'_>) -> Self {
        let mut statements = Self::default();
        let address =
            |definition: &Definition, name: &str| definition.block().body.attribute(name).and_then(Expr::address);
        for definition in half.of_kind("moved") {
            match (address(definition, "from"), address(definition, "to")) {
                (Some(from), Some(to)) => _ = statements.moved.insert(from, to),
                _ => statements.unread = true,
            }
        }
        for definition in half.of_kind("removed") {
            let Some(from) = address(definition, "from") else {
                statements.unread = true;
                continue;
            };
            statements.removed.insert(from, removal(half, definition));
        }
        statements.imported = half.of_kind("import").filter_map(|definition| address(definition, "to")).collect();
        statements
    }

    /// What is new in them: moves that were there before have been made, unless what they move was still there.
    pub(super) fn new(before: &Half<'_>, after: &Half<'_>) -> Self {
        let (made, mut statements) = (Self::of(before), Self::of(after));
        let is_open = |from: &str, to: &str| before.blocks.contains_key(from) && plain(to) != from;
        statements.moved.retain(|from, to| made.moved.get(from) != Some(to) || is_open(from, to));
        statements.unread &= !made.unread;
        statements
    }

    /// Where an address goes, along all moves; `None` where it stays.
    pub(super) fn target(&self, address: &str) -> Option<String> {
        let mut at = self.step(address)?;
        for _ in 0..MAX_CHAIN {
            match self.step(&at) {
                Some(next) if next != address => at = next,
                _ => break,
            }
        }
        Some(at)
    }

    /// One move: of the address itself, or of a module that it is in.
    fn step(&self, address: &str) -> Option<String> {
        if let Some(to) = self.moved.get(address) {
            return Some(to.clone());
        }
        // `module.a.aws_x.y` goes along with `module.a`.
        let mut at = address.len();
        while let Some(dot) = address.get(..at)?.rfind('.') {
            if let (Some(outer), Some(rest)) = (address.get(..dot), address.get(dot..))
                && let Some(to) = self.moved.get(outer)
                && outer.starts_with("module.")
            {
                return Some(format!("{to}{rest}"));
            }
            at = dot;
        }
        None
    }

    /// Whether something is moved to an address, whatever the keys on the way are.
    pub(super) fn arrives(&self, address: &str) -> bool {
        self.moved.values().any(|to| plain(to) == address)
    }

    /// Where instances of an address go, whatever the keys on the way are.
    pub(super) fn moved_within<'a>(&'a self, address: &'a str) -> impl Iterator<Item = &'a str> {
        self.moved.iter().filter(move |(from, _)| plain(from) == address).map(|(_, to)| to.as_str())
    }

    /// Instances of an address that are moved by themselves, with where they go.
    pub(super) fn instances<'a>(&'a self, address: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_instance = move |from: &str| from.strip_prefix(address).is_some_and(|rest| rest.starts_with('['));
        self.moved.iter().filter(move |(from, _)| is_instance(from)).map(|(from, to)| (from.as_str(), to.as_str()))
    }

    /// What is said of the removal of an address.
    pub(super) fn removal(&self, address: &str) -> Option<Removal> {
        self.removed.iter().find(|(from, _)| plain(from) == address).map(|(_, removal)| *removal)
    }

    /// Whether an address takes over what is there already.
    pub(super) fn imports(&self, address: &str) -> bool {
        self.imported.iter().any(|to| plain(to) == address)
    }
}

/// What a `removed` block says of what is live. Without `destroy` it is destroyed. Source: the page "removed block" of the
/// Terraform language.
fn removal(half: &Half<'_>, definition: &Definition) -> Removal {
    let mut lifecycle = definition.block().body.blocks("lifecycle");
    if lifecycle.next().and_then(|items| items.attribute("destroy")).is_none() {
        return Removal::Destroyed;
    }
    let body = half.declared(definition).and_then(|it| it.bodies.into_iter().next());
    let found = body.as_ref().map(|resource| resource.body.find("lifecycle.destroy"));
    let destroy = match found.as_deref() {
        Some([Found::Value(value)]) => value.as_bool(),
        _ => None,
    };
    match destroy {
        Some(true) => Removal::Destroyed,
        Some(false) => Removal::Forgotten,
        None => Removal::Unknown,
    }
}

/// An address without the keys of instances: `module.a["x"].aws_b.c[0]` is of `module.a.aws_b.c`.
pub(super) fn plain(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in address.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses() {
        assert_eq!(plain("module.a[\"x]\\\"\"].aws_b.c[0]"), "module.a.aws_b.c");
        assert_eq!(plain("aws_b.c"), "aws_b.c");
        assert_eq!(plain("aws_b.c[\""), "aws_b.c");
    }

    #[test]
    fn chains_end() {
        let moved = |pairs: &[(&str, &str)]| Statements {
            moved: pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
            ..Statements::default()
        };
        let chain = moved(&[("a.b", "a.c"), ("a.c", "module.x.a.c"), ("module.x", "module.y")]);
        assert_eq!(chain.target("a.b").as_deref(), Some("module.y.a.c"));
        assert_eq!(chain.target("a.d"), None);
        let cycle = moved(&[("a.b", "a.c"), ("a.c", "a.b")]);
        assert_eq!(cycle.target("a.b").as_deref(), Some("a.c"));
        let deeper = moved(&[("module.a", "module.a.module.a")]);
        assert!(deeper.target("module.a.x.y").is_some());
    }
}
