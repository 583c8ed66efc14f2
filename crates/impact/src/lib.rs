//! What an edit would do to what is live, from the text alone: two states of a workspace are compared resource by resource
//! ([`predict`]), and the references of one state say who depends on whom.
//!
//! This crate knows the resource model. It must not know documents, editors, who wrote what, policy, the disk or git.

mod change;
pub mod graph;
pub mod plan;
mod predict;
pub mod tables;

pub use change::{Action, Change, Loss, Place, Reason, Side, Widened, Widening};
pub use predict::predict;
