//! The resource model: what a unit declares, with the source range of every value.
//!
//! One adapter a format turns a syntax tree into [`Resource`]s. All ranges are bytes from the start of the unit, so that
//! what was read from a unit stays true while text before it changes. This crate knows trees and formats; it must not
//! know risks, documents or who wrote what.

mod json;
mod model;
mod terraform;

pub use json::document;
pub use model::{Alone, Body, Field, Found, Resource, Value, ValueKind, World};

use countersign_grammars::Language;
use tree_sitter::Tree;

/// The resources that one unit declares, in order of the text. `source` is the unit's text and `tree` its tree.
pub fn resources(language: Language, source: &str, tree: &Tree) -> Vec<Resource> {
    match language {
        Language::Terraform | Language::TerraformVars | Language::Terragrunt | Language::Packer => {
            terraform::resources(source, tree)
        }
    }
}
