//! Countersign from outside: real processes, real pipes.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

mod actions;
mod bad_input;
mod check_edit;
mod cli;
mod config;
mod display;
mod editor;
mod provenance;
mod session;
mod suspected;
