//! Countersign from outside: real processes, real pipes.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]
#![expect(clippy::needless_pass_by_value, reason = "callers pass `json!(…)`")]

mod actions;
mod agents;
mod approvals;
mod bad_input;
mod bad_modules;
mod baseline;
mod cache;
mod check_edit;
mod cli;
mod committed;
mod config;
mod display;
mod doctor;
mod editor;
mod fix;
mod formats;
mod history;
mod hooks;
mod impact;
#[path = "../incidents/mod.rs"]
mod incidents;
mod inherited;
mod init;
mod ledger;
mod live;
mod mcp;
mod moves;
mod peers;
mod provenance;
#[cfg(unix)]
mod proxy;
mod radius;
mod revert;
mod reviews;
mod session;
mod suspected;
mod watch;
mod workspace;
