//! What a file falls into: the parts that are asked for, approved and changed one by one.

use countersign_engine::{Snapshot, UnitAt, parts_with};
use countersign_grammars::Language;
use countersign_review::{digest, seal};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its address; `None` for what is no single block with one, and for files of a language that is not read.
    pub(crate) address: Option<String>,
    /// Its kind, where it has an address.
    pub(crate) kind: Option<String>,
    /// Where it stands, in bytes: all that has this address.
    pub(crate) ranges: Vec<Range<usize>>,
    /// What tells its content from others.
    pub(crate) seal: String,
    /// Whether it could be read, as far as its language is.
    pub(crate) is_read: bool,
}

impl Part {
    /// Its text, in the text of the file.
    pub(crate) fn text(&self, text: &str) -> String {
        self.ranges.iter().filter_map(|range| text.get(range.clone())).collect()
    }

    /// Whether an address is its own, or that of something in the module that it calls.
    pub(crate) fn is_or_holds(&self, address: Option<&str>) -> bool {
        let rest = address.zip(self.address.as_deref()).and_then(|(address, own)| address.strip_prefix(own));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// Whether a byte of the file is in it.
    pub(crate) fn holds(&self, offset: usize) -> bool {
        self.ranges.iter().any(|range| range.contains(&offset))
    }
}

/// The parts of a file, in order of the text. One that stands there several times is one, and so is all that has no address.
pub(crate) fn parts(path: &Path, content: &[u8]) -> Vec<Part> {
    let text = std::str::from_utf8(content);
    let language = Language::of_path(&path.to_string_lossy());
    // What declares nothing is a file as any other.
    let language = language.filter(|language| text.is_err() || text.is_ok_and(|text| language.may_declare(text)));
    let whole = |seal: String| {
        let ranges = std::iter::once(0..content.len()).collect();
        vec![Part { address: None, kind: None, ranges, seal, is_read: language.is_none() }]
    };
    let Ok(text) = text else { return whole(digest(content)) };
    let Some(language) = language else { return whole(seal(text, None)) };
    let snapshot = Snapshot::new(language, 0, text);
    if snapshot.unread.is_some() {
        return whole(seal(text, None));
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut known: HashMap<Option<String>, usize> = HashMap::new();
    let units = parts_with(&snapshot, |source, tree| {
        let is_read = !language.may_declare(source) || tree.is_some_and(|tree| !tree.root_node().has_error());
        let tree = tree.filter(|_| !language.is_laid_out());
        (!source.trim().is_empty()).then(|| (seal(source, tree), is_read))
    });
    for (UnitAt { range, block }, sealed) in units {
        let Some((sealed, is_read)) = sealed else { continue };
        let (kind, address) = block.map_or((None, None), |(kind, address)| (Some(kind), Some(address)));
        if let Some(part) = known.get(&address).and_then(|index| parts.get_mut(*index)) {
            part.seal = digest(format!("{}\n{sealed}", part.seal).as_bytes());
            part.ranges.push(range);
            part.is_read &= is_read;
        } else {
            known.insert(address.clone(), parts.len());
            parts.push(Part { address, kind, ranges: vec![range], seal: sealed, is_read });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(Option<String>, String)> {
        parts(Path::new("main.tf"), text.as_bytes()).into_iter().map(|part| (part.address, part.seal)).collect()
    }

    const A: &str = "# The orders.\nresource \"aws_db_instance\" \"a\" {\n  size = 1\n}\n";
    const B: &str = "resource \"aws_vpc\" \"b\" {\n}\n";

    #[test]
    fn a_part_may_move_within_its_file_and_others_may_change() {
        let one = of(&format!("{A}\n{B}"));
        let names: Vec<_> = one.iter().map(|(address, _)| address.as_deref()).collect();
        assert_eq!(names, [Some("aws_db_instance.a"), Some("aws_vpc.b")]);
        let other = of(&format!("{}\n\n{A}", B.replace("{\n", "{\n  x = 2\n")));
        assert_eq!((&one[0], other[0].0.as_deref()), (&other[1], Some("aws_vpc.b")));
        assert_ne!(one[1], other[0]);
        assert_ne!(of(&A.replace("orders", "users"))[0], one[0], "what is said above it belongs to it");
    }

    #[test]
    fn what_stands_there_twice_is_one_part() {
        let once = of(A);
        let twice = of(&format!("{A}\n{A}"));
        assert_eq!(twice.len(), 1);
        assert_ne!(twice, once);
        assert_eq!(of("locals {\n  a = 1\n  b = 2\n}\nterraform {\n  required_version = \"1\"\n}\n").len(), 2);
    }

    #[test]
    fn where_white_space_means_something_it_counts() {
        let of = |text: &str| parts(Path::new("web.yaml"), text.as_bytes());
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    a: b\n    c: d\n";
        let other = of("kind: x\n");
        assert_eq!((other.len(), other[0].address.as_deref(), other[0].is_read), (1, None, true));
        let one = of(pod);
        assert_eq!((one[0].address.as_deref(), one[0].is_read), (Some("Pod web"), true));
        let two = of(&format!("{pod}---\n{}", pod.replace("web", "api")));
        assert_eq!((two.len(), &two[0].seal), (2, &one[0].seal));
        assert_ne!(of(&pod.replace("    c: d", "  c: d"))[0].seal, one[0].seal, "it belongs to another mapping");
        assert!(!of(&pod.replace("a: b", "a: {"))[0].is_read);
    }

    #[test]
    fn a_file_of_another_language_is_one_part_as_it_is() {
        let of = |text: &str| parts(Path::new("src/checkout.py"), text.as_bytes());
        assert_eq!(of("a = 1\n").len(), 1);
        assert_ne!(of("a = 1\n")[0].seal, of("a  = 1\n")[0].seal);
    }
}
