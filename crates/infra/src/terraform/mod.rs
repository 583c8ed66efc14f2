//! Terraform, OpenTofu, Terragrunt and Packer.
//!
//! [`lower`](self::lower) reads a unit's tree into blocks and expressions, which depend on its text alone; a [`Workspace`]
//! holds those of all files; a [`Scope`] evaluates them, as far as they can be known.

mod entries;
mod evaluate;
mod functions;
pub(crate) mod json_syntax;
mod kept;
pub(crate) mod lower;
mod plain;
mod policy_document;
pub(crate) mod syntax;
mod workspace;
mod world;
mod written;

pub use entries::Definition;
pub use evaluate::{Evaluation, Instances, MAX_STEPS, Reads, Refusal, Scope, same};
pub(crate) use lower::text_of;
pub use plain::{Clash, Plain, join, plain};
pub use syntax::{Block, Call, Content, Expr, ExprKind, Item, Items, Lowered, Span, Step, Template};
pub use workspace::{Key, What, Workspace, callee, folder, is_override, is_variable_file, module_of, normal};
pub use written::Names;

use countersign_grammars::Language;
use std::cell::RefCell;
use std::sync::Arc;
use tree_sitter::{Parser, Tree};

/// Reads what a unit says. `source` is the unit's text and `tree` its tree.
pub fn lower(language: Language, source: &str, tree: &Tree) -> Lowered {
    let masked = if language == Language::Json { language.masked(source) } else { None };
    let masked = masked.as_deref().unwrap_or(source);
    let blocks = match language {
        Language::TerraformJson => json_syntax::blocks(source, false),
        Language::TerraformVarsJson => json_syntax::blocks(source, true),
        Language::Yaml => crate::declared::in_yaml(source, tree),
        Language::ChartValues => crate::charts::values(source, tree),
        Language::Json => crate::declared::in_json(masked),
        _ => lower::blocks(source, tree),
    };
    let broken = tree.root_node().has_error() || failure(language, source).is_some();
    lowered(source, blocks, broken)
}

/// Reads what a unit says of which there is no tree, because its language has no grammar.
pub fn lower_tokens(language: Language, source: &str) -> Lowered {
    let blocks = match language {
        Language::Sql => crate::sql::blocks(source),
        Language::Shell => crate::shell::blocks(source),
        Language::Dockerfile => crate::dockerfile::blocks(source),
        _ => Vec::new(),
    };
    lowered(source, blocks, false)
}

fn lowered(source: &str, mut blocks: Vec<Block>, broken: bool) -> Lowered {
    for block in &mut blocks {
        let text = source.get(block.range.range()).unwrap_or_default();
        block.header = syntax::short(text.find('\n').unwrap_or(text.len()));
    }
    Lowered { digest: digest(source), blocks: blocks.into(), broken, source: Lowered::source_of(source, broken) }
}

/// A unit that could not be read: it may declare anything.
pub fn unread(source: &str) -> Lowered {
    Lowered { digest: digest(source), blocks: Box::default(), broken: true, source: source.into() }
}

/// Why a unit says nothing that can be read, where that is so and its tree does not tell.
pub fn failure(language: Language, source: &str) -> Option<&'static str> {
    matches!(language, Language::TerraformJson | Language::TerraformVarsJson)
        .then(|| json_syntax::failure(source))
        .flatten()
}

/// FNV-1a, 64 bits: tells texts apart that one workspace holds; nobody gains by making two collide.
fn digest(text: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01B3).rotate_left(23);
    }
    hash ^ (text.len() as u64)
}

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// Parses a piece of HCL that stands in a string of another format. Nothing nested deeper than a string of some kilobytes
/// can hold comes here.
fn parse_fragment(text: &str) -> Option<Tree> {
    if text.len() > MAX_FRAGMENT || text.contains('\0') {
        return None;
    }
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(&Language::Terraform.grammar()).ok()?;
        parser.parse(text, None)
    })
}

/// Longest string of a JSON file that is read for `${…}`, in bytes.
const MAX_FRAGMENT: usize = 16 << 10;

/// An `Arc` of what a unit says, for those that keep it.
pub type SharedUnit = Arc<Lowered>;
