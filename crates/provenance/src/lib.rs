//! Who wrote which bytes, how that is known, and how it survives what happens to the text.
//!
//! This crate knows text and evidence. It must not know syntax, resources or risks. Only evidence makes a region AI; the
//! shape of an edit can at most raise a question ([`looks_inserted_at_once`]).
//!
//! What other tools recorded of committed text is read by [`git_ai`], [`agent_trace`] and [`trailers`]: leniently, with a
//! count of all that was left out or repaired. What is written is strict.

mod agent_edit;
pub mod agent_trace;
mod diff;
pub mod git_ai;
mod history;
mod inverse;
mod lines;
mod origin;
mod regions;
mod saved;
mod suspicion;
mod tag;
pub mod trailers;

pub use agent_edit::{Step, after_agent, before_agent};
pub use diff::minimal_edits;
pub use history::Attribution;
pub use inverse::{Inverse, inverse};
pub use lines::{line_origins, same_lines};
pub use origin::{Agent, Authority, Means, Origin, Writer};
pub use regions::{Insertion, Piece, RegionView, Regions};
pub use saved::Saved;
pub use suspicion::{is_mostly_in, is_telling, looks_inserted_at_once};
pub use tag::{Tag, TagEdge, may_hold_tag, read_tag, render_tags, session_id, sha256};
