//! What is predicted of an edit, by the two texts alone.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "in a test what goes wrong ends the test")]

mod harm;
mod modules;
mod properties;
mod resources;
mod statements;
mod support;
mod templates;
