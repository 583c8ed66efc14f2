//! Units of a file, kept through edits, each with its own syntax tree.
//!
//! A [`Units`] is a value like the text that it belongs to: cheap to clone, and a clone never changes. What is worked out
//! about a unit (its tree, and a memo of the caller's) is kept with the unit until its text changes, so a keystroke costs
//! what the unit under the cursor costs. This crate knows languages and text; it must not know what a unit declares.

mod parse;
mod units;

pub use parse::{Budget, ParseFailure, parse};
pub use units::{Carry, Neighbours, Unit, Units};
