//! Which format a value in YAML is of, told by what it says.

use crate::terraform::syntax::Block;
use crate::{kubernetes, yaml};
use tree_sitter::Tree;

/// The blocks of a unit in YAML, in order of the text.
pub(crate) fn in_yaml(source: &str, tree: &Tree) -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in yaml::documents(source, tree, &|_, value| value) {
        kubernetes::add(source, &document, &mut blocks);
    }
    blocks
}
