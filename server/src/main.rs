//! `countersign`: the language server and the command line, on one engine.

mod cli;
mod disk;
mod git;
mod lsp;
mod review;
mod state;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
