//! The resource model: what a unit declares, with the source range of every value.
//!
//! One adapter a format turns a syntax tree into blocks and, with what else is known of the workspace, into [`Resource`]s. All ranges are bytes from the start of the unit, so that
//! what was read from a unit stays true while text before it changes. This crate knows trees and formats; it must not
//! know risks, documents or who wrote what.

pub mod charts;
mod cloudformation;
mod compose;
mod declared;
mod dockerfile;
mod found;
mod gitlab;
mod json;
mod kubernetes;
mod model;
pub mod outside;
mod policies;
mod shell;
mod sql;
pub mod terraform;
mod workflows;
mod yaml;

pub use declared::{Format, may_declare};
pub use json::document;
pub use model::{Alone, Body, Field, Found, Resource, Value, ValueKind, Via, ViaSource, World};
