//! What the end-to-end tests and the benchmark share: a language client over stdio, and a text that counts as a client
//! does.
//!
//! The client knows JSON-RPC and as much of LSP as every session needs. It shares no code with the server, so that the
//! two check each other.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "what goes wrong ends the test, with a message that says what was expected; callers pass `json!(…)`"
)]

mod client;
mod frame;
mod postgres;
mod process;
mod scripted;
mod text;

pub use client::{Client, Received, RpcError, default_answer};
pub use frame::{frame, read_frame};
pub use postgres::Postgres;
pub use process::{run, run_on};
pub use scripted::{Cause, Scene, scripted};
pub use text::{Encoding, LspText};
