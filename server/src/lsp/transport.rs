//! Standard input and output.
//!
//! One thread reads and one writes, so that neither ever waits for the other. What comes in is handed to the framework's
//! service in the order in which it came.

use super::events::Turns;
use super::frame::{BrokenFrame, Framer};
use futures_util::SinkExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{Read, Write};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Id, Request, Response};
use tower_lsp::ls_types::DidChangeTextDocumentParams;
use tower_lsp::ls_types::notification::{DidChangeTextDocument, Notification as _};
use tower_lsp::{ClientSocket, LanguageServer, LspService};
use tower_service::Service;

/// Messages that were read and not handed on yet; the reader waits where there are more.
const READ_AHEAD: usize = 1_000;

/// Bytes that wait for the client to read them, from which on no further message is taken in.
const UNREAD_BYTES: usize = 64 << 20;

/// Bytes that are read from standard input at once.
const READ_BYTES: usize = 64 << 10;

/// What is to be written. Diagnostics of a document replace those that are still unwritten, so that a client which reads
/// slowly gets the newest and the queue stays short.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    shared: Arc<(Mutex<Queue>, Condvar)>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// Newest diagnostics by document.
    diagnostics: HashMap<String, Vec<u8>>,
    bytes: usize,
    closed: bool,
    broken: bool,
}

#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a P,
}

#[derive(Debug)]
enum Item {
    Message(Vec<u8>),
    Diagnostics(String),
}

impl Outbox {
    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut queue);
        drop(queue);
        self.shared.1.notify_all();
        result
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) {
        if let Ok(body) = serde_json::to_vec(message) {
            self.with(|queue| {
                queue.bytes += body.len();
                queue.items.push_back(Item::Message(body));
            });
        }
    }

    /// Sends a notification.
    pub(super) fn notify(&self, method: &str, params: &impl Serialize) {
        self.send(&Notification { jsonrpc: "2.0", method, params });
    }

    /// Sends the diagnostics of a document in place of those that wait.
    pub(super) fn publish(&self, uri: &str, params: &impl Serialize) {
        let message = Notification { jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params };
        if let Ok(body) = serde_json::to_vec(&message) {
            self.with(|queue| {
                queue.bytes += body.len();
                match queue.diagnostics.insert(uri.to_owned(), body) {
                    Some(replaced) => queue.bytes -= replaced.len(),
                    None => queue.items.push_back(Item::Diagnostics(uri.to_owned())),
                }
            });
        }
    }

    fn is_full(&self) -> bool {
        self.with(|queue| queue.bytes > UNREAD_BYTES && !queue.broken)
    }

    /// Writes until the outbox is closed and empty, or nobody reads any more.
    fn write_all(&self, mut out: impl Write) {
        loop {
            let mut queue = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            let body = loop {
                match queue.items.pop_front() {
                    Some(Item::Message(body)) => break body,
                    Some(Item::Diagnostics(uri)) => {
                        if let Some(body) = queue.diagnostics.remove(&uri) {
                            break body;
                        }
                    }
                    None if queue.closed => return,
                    None => queue = self.shared.1.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            queue.bytes -= body.len();
            drop(queue);
            // One write for headers and body: two would be two wake-ups of the client.
            let mut message = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
            message.extend_from_slice(&body);
            if out.write_all(&message).and_then(|()| out.flush()).is_err() {
                self.with(|queue| {
                    queue.broken = true;
                    queue.items.clear();
                    queue.diagnostics.clear();
                });
                return;
            }
        }
    }
}

/// What the reader found.
enum Incoming {
    Request(Request),
    Response(Response),
    Broken(Value),
    /// What comes with every key, read without the framework.
    Change(DidChangeTextDocumentParams),
}

/// What the reader leaves to the task that waits.
enum Rest {
    /// A request whose answer is not there yet.
    Waiting(Option<Id>, Running),
    /// The client's answer to a request of ours.
    Response(Response),
    /// The client said `exit`.
    Exit,
}

type Running = BoxFuture<'static, Outcome>;

/// Serves until the client says `exit`, closes the stream, or `ended` comes. Returns whether it said `exit`.
pub(super) async fn serve<S: LanguageServer>(
    service: LspService<S>,
    socket: ClientSocket,
    turns: Arc<Turns>,
    outbox: &Outbox,
    ended: impl Future<Output = ()>,
) -> bool {
    let (sender, mut incoming) = mpsc::channel(READ_AHEAD);
    let reader = Reader { service, sender, turns, outbox: outbox.clone(), is_open: false };
    std::thread::spawn(move || reader.run(std::io::stdin().lock()));
    let writing = outbox.clone();
    let writer = std::thread::spawn(move || writing.write_all(unbuffered_stdout()));

    let (mut requests, mut responses) = socket.split();
    let mut running = FuturesUnordered::new();
    tokio::pin!(ended);
    let said_exit = loop {
        tokio::select! {
            biased;
            () = &mut ended => break false,
            rest = incoming.recv() => match rest {
                None => break false,
                Some(Rest::Exit) => break true,
                Some(Rest::Response(response)) => {
                    let _ = responses.send(response).await;
                }
                Some(Rest::Waiting(id, future)) => running.push(async move { (id, future.await) }),
            },
            Some((id, outcome)) = running.next(), if !running.is_empty() => answer(outbox, id, outcome),
            Some(request) = requests.next() => outbox.send(&request),
        }
    };
    outbox.with(|queue| queue.closed = true);
    if said_exit {
        let _ = writer.join();
    }
    said_exit
}

/// Standard output without the buffer of `std`, which ends at line breaks and so would write the headers by themselves and
/// wake the client twice for a message.
#[cfg(unix)]
fn unbuffered_stdout() -> Box<dyn Write> {
    use std::os::fd::AsFd;
    match std::io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(std::fs::File::from(descriptor)),
        Err(_) => Box::new(std::io::stdout().lock()),
    }
}

#[cfg(not(unix))]
fn unbuffered_stdout() -> Box<dyn Write> {
    Box::new(std::io::stdout().lock())
}

type Outcome = std::thread::Result<Result<Option<Response>, tower_lsp::ExitedError>>;

fn answer(outbox: &Outbox, id: Option<Id>, outcome: Outcome) {
    match outcome {
        Ok(Ok(Some(response))) => outbox.send(&response),
        // The framework is silent on unknown methods that start with `$/`, which only notifications may be met with.
        Ok(Ok(None)) => {
            if let Some(id) = id {
                outbox.send(&Response::from_error(id, tower_lsp::jsonrpc::Error::method_not_found()));
            }
        }
        Ok(Err(_)) => {}
        Err(_) => {
            tracing::error!("a handler panicked");
            if let Some(id) = id {
                outbox.send(&Response::from_error(id, tower_lsp::jsonrpc::Error::internal_error()));
            }
        }
    }
}

/// Reads messages and calls the service with them. A handler hands its message on when it is polled for the first time,
/// which is done here, so messages take effect in the order in which they came and without another thread between. What
/// then still waits for its answer is left to the task.
struct Reader<S: LanguageServer> {
    service: LspService<S>,
    sender: mpsc::Sender<Rest>,
    turns: Arc<Turns>,
    outbox: Outbox,
    /// Between `initialized` and `shutdown`, where the framework hands on whatever comes.
    is_open: bool,
}

impl<S: LanguageServer> Reader<S> {
    fn run(mut self, mut input: impl Read) {
        let mut framer = Framer::default();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            // A client that does not read gets no further answers to read.
            while self.outbox.is_full() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let read = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            framer.push(&buffer[..read]);
            while let Some(message) = framer.next_message() {
                let (incoming, fatal) = match message {
                    Ok(body) => (self.decode(&body), false),
                    Err(BrokenFrame { message, fatal }) => (Incoming::Broken(error(-32700, &message)), fatal),
                };
                if !self.take(incoming) || fatal {
                    return;
                }
            }
            // Once for everything that came together.
            self.turns.take();
        }
        if framer.is_inside_message() {
            self.outbox.send(&error(-32700, "the stream ended inside of a message"));
        }
    }

    /// A change as such where the session is open, everything else for the framework.
    fn decode(&self, body: &[u8]) -> Incoming {
        let change = if self.is_open { change(body) } else { None };
        change.unwrap_or_else(|| decode(body))
    }

    /// Takes one message. Returns whether there is anything to come.
    fn take(&mut self, incoming: Incoming) -> bool {
        let request = match incoming {
            Incoming::Broken(error) => {
                self.outbox.send(&error);
                return true;
            }
            Incoming::Response(response) => return self.sender.blocking_send(Rest::Response(response)).is_ok(),
            Incoming::Change(params) => {
                // It is through when it was polled once, and has nothing to answer.
                let _ = AssertUnwindSafe(self.service.inner().did_change(params)).catch_unwind().now_or_never();
                return true;
            }
            Incoming::Request(request) => request,
        };
        match request.method() {
            "initialized" => self.is_open = true,
            "shutdown" => self.is_open = false,
            _ => {}
        }
        let (exit, id) = (request.method() == "exit", request.id().cloned());
        let mut future = AssertUnwindSafe(self.service.call(request)).catch_unwind().boxed();
        // The task polls again what is not done, so nobody has to be woken by this first time.
        match future.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => answer(&self.outbox, id, outcome),
            Poll::Pending => return self.sender.blocking_send(Rest::Waiting(id, future)).is_ok(),
        }
        !(exit && self.sender.blocking_send(Rest::Exit).is_ok())
    }
}

/// The parameters of `textDocument/didChange`, where a message is that.
fn change(body: &[u8]) -> Option<Incoming> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        jsonrpc: &'a str,
        method: &'a str,
        #[serde(borrow)]
        params: &'a RawValue,
        id: Option<IgnoredAny>,
    }
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let is_change = message.method == DidChangeTextDocument::METHOD && message.jsonrpc == "2.0" && message.id.is_none();
    is_change.then(|| serde_json::from_str(message.params.get()).ok().map(Incoming::Change)).flatten()
}

/// A message as the framework's service takes it, or the answer to what is none.
fn decode(body: &[u8]) -> Incoming {
    // Read once into a value: that tells what is no JSON from what is no JSON-RPC.
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(broken) => return Incoming::Broken(error(-32700, &format!("the message is not JSON: {broken}"))),
    };
    let is_call = value.get("method").is_some();
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    let decoded = if is_call {
        serde_json::from_value(value).map(Incoming::Request)
    } else {
        serde_json::from_value(value).map(Incoming::Response)
    };
    decoded.unwrap_or_else(|broken| {
        let id = if is_call { id } else { Value::Null };
        let message = format!("the message is not JSON-RPC 2.0: {broken}");
        Incoming::Broken(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32600, "message": message } }))
    })
}

/// An error that belongs to no request.
fn error(code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } })
}
