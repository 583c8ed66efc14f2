//! Which format a value in YAML is of, told by what it says.

use crate::terraform::syntax::Block;
use crate::{cloudformation, kubernetes, workflows, yaml};
use tree_sitter::Tree;

/// The blocks of a unit in YAML, in order of the text.
pub(crate) fn in_yaml(source: &str, tree: &Tree) -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in yaml::documents(source, tree, &cloudformation::tagged) {
        kubernetes::add(source, &document, &mut blocks);
        cloudformation::add(&document, &mut blocks);
        workflows::add(&document, &mut blocks);
    }
    blocks
}
