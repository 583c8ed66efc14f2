//! `countersign`: the language server and the command line, on one engine.
//!
//! The program is in `main.rs`; this is a library so that its parts can be fuzzed and measured.

mod approvals;
mod attribution;
pub mod cache;
pub mod cli;
mod committed;
mod disk;
mod git;
mod git_ai;
mod impact;
pub mod lsp;
mod mcp;
mod own_risks;
pub mod proposal;
pub mod proxy;
mod record;
mod review;
mod seen;
mod slo;
mod spool;
mod state;
mod store;
mod surroundings;
mod upwards;
mod watch;
mod would_be;
