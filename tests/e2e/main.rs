//! Countersign from outside: real processes, real pipes.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]
#![expect(clippy::needless_pass_by_value, reason = "callers pass `json!(…)`")]

mod actions;
mod agents;
mod approvals;
mod bad_input;
mod bad_modules;
mod baseline;
mod break_glass;
mod cache;
mod check_edit;
mod cli;
mod cloudformation;
mod committed;
mod config;
mod critical;
mod display;
mod doctor;
mod editor;
mod examples;
mod fix;
mod formats;
mod gate_formats;
mod git_hook;
mod history;
mod hooks;
mod impact;
mod incident;
#[path = "../incidents/mod.rs"]
mod incidents;
mod inherited;
mod init;
mod kubernetes;
mod ledger;
mod live;
mod mcp;
mod moves;
mod otlp;
mod own_risks;
mod patterns;
mod peers;
mod policy;
mod provenance;
#[cfg(unix)]
mod proxy;
mod radius;
mod rego;
mod report;
mod revert;
mod reviewers;
mod reviews;
mod reviews_in_editors;
mod same_verdict;
mod scripts;
mod services;
mod session;
mod slo;
mod sql;
mod stamp;
#[cfg(target_os = "linux")]
mod store;
mod suspected;
mod watch;
mod workflows;
mod workspace;
