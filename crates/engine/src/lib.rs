//! Where text, units and regions meet: the document, and the one analysis that the language server, the command line and
//! everything else call, so that they all say the same.
//!
//! The analysis is a pure function of a snapshot, the policy and today's date. This crate must not know LSP, files, git or
//! the clock.

pub mod actions;
mod analysis;
mod derive;
mod document;
mod examples;
mod facts;
pub mod impact;
pub mod input;
mod kept;
mod pattern;
mod peers;
mod place;
pub mod report;

pub use analysis::{
    Analysis, Finding, OriginSummary, Policy, ResourceRef, Shown, analyze, analyze_alone, environment_at, read,
};
pub use countersign_infra::charts::{chart_of, parent_of};
pub use countersign_infra::terraform::{Definition, Lowered, Workspace, folder, module_of, normal, unread};
pub use countersign_infra::{Format, may_declare};
pub use derive::{
    Digest, Elsewhere, UnitAt, alone, block_at, gaps, is_affected, locate, names_of, parts, parts_with, units,
    wanted_files,
};
pub use document::{Change, Document, Evidence, Inserted, Ranges, Snapshot, over_limit};
pub use examples::{Failed, failed_examples};
pub use facts::Facts;
pub use kept::{READER, UnitName, read_known};

/// Largest file that is looked at, in bytes. Generated files of some megabytes exist; the largest file that a person
/// writes by hand is a hundred times smaller.
pub const MAX_FILE_BYTES: usize = 16 << 20;
