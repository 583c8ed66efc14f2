//! The language server. The only place that knows LSP and JSON-RPC.

mod backend;
mod check_edit;
mod client;
mod commands;
mod copied;
mod events;
mod features;
mod fix_all;
mod foreign;
pub mod frame;
mod hierarchy;
mod hover;
mod progress;
mod protocol;
mod published;
mod radius;
mod reviews;
mod session;
mod settings;
mod survey;
mod transport;
mod watcher;
mod worker;

pub(crate) use features::file_of;

use backend::Backend;
use client::Requester;
use events::{Events, Turns};
use session::{Event, Session};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tower_lsp::LspService;
use transport::Outbox;

/// How often it is looked whether the process that started the server is still there.
const PARENT_POLL: Duration = Duration::from_secs(2);

/// How long the state may take to be written when the client is gone.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves one client on standard input and output. The exit code is 0 after `shutdown` and `exit`, else 1.
pub(crate) fn serve() -> anyhow::Result<ExitCode> {
    log_to_stderr();
    // One thread polls everything that waits; what computes has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;

    let events = Events::default();
    let (shut_down, parent) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::new()));
    let outbox = Outbox::default();
    let mut client = None;
    let (service, socket) = LspService::build(|handle| {
        client = Some(handle);
        Backend {
            events: events.clone(),
            shut_down: Arc::clone(&shut_down),
            parent: Arc::clone(&parent),
            encoding: OnceLock::new(),
        }
    })
    .custom_method(protocol::EDIT, Backend::edit)
    .custom_method(protocol::REGIONS, Backend::regions)
    .custom_method(protocol::CHECK_EDIT, Backend::check_edit)
    .custom_method(protocol::BLAST_RADIUS, Backend::blast_radius)
    .custom_method(protocol::IS_CRITICAL, Backend::is_critical)
    .custom_method("window/workDoneProgress/cancel", Backend::cancel)
    .finish();
    let Some(client) = client else { anyhow::bail!("the framework gave no handle to the client") };

    let requester = Requester { client, runtime: runtime.handle().clone() };
    let session = Session::new(events.clone(), outbox.clone(), requester);
    let turns = Arc::new(Turns::new(session, events.clone()));
    let main = Arc::clone(&turns);
    let main_loop = std::thread::Builder::new().name("main-loop".to_owned()).spawn(move || main.run())?;

    let said_exit = runtime.block_on(transport::serve(service, socket, turns, &outbox, parent_ended(parent)));
    // Also after `shutdown`, for a client may go without waiting for the answer, as Neovim does.
    runtime.block_on(flush(&events));
    events.send(Event::End);
    let _ = main_loop.join();
    // What still waits for the client must not keep the process.
    runtime.shutdown_background();
    let in_order = said_exit && shut_down.load(Ordering::SeqCst);
    Ok(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes what is logged to standard error, where standard output belongs to a protocol. `COUNTERSIGN_LOG` says how much.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COUNTERSIGN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}

/// The JSON schema of the methods that are ours.
pub(crate) fn protocol_schema() -> schemars::Schema {
    schemars::schema_for!(protocol::Protocol)
}

async fn flush(events: &Events) {
    let (reply, done) = tokio::sync::oneshot::channel();
    events.send(Event::Flush(reply));
    let _ = tokio::time::timeout(LAST_WORDS, done).await;
}

/// Resolves when the client's process is gone, as it said its id with `initialize`.
async fn parent_ended(parent: Arc<OnceLock<u32>>) {
    loop {
        tokio::time::sleep(PARENT_POLL).await;
        if parent.get().is_some_and(|parent| !is_alive(*parent)) {
            return;
        }
    }
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    // A process of another user is there all the same.
    id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    // The end of standard input tells there.
    true
}
