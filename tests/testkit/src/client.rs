//! A language client that waits, checks and never hangs.

use crate::frame::{frame, read_frame};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a process may live. It is killed then, which also ends a write that it does not take.
const LIFETIME: Duration = Duration::from_mins(1);

/// What to answer to a request of the server, from its method and its parameters.
type Answer = Box<dyn FnMut(&str, &Value) -> Value>;

/// A message from the server.
#[derive(Debug, Clone)]
pub struct Received {
    /// When the last byte of it was read.
    pub at: Instant,
    /// The message.
    pub message: Value,
}

/// The error of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// What kind, `-32601` and its like.
    pub code: i64,
    /// In words.
    pub message: String,
}

/// A server process and the client's side of the talk with it.
///
/// Dropping it shuts the server down in order and checks that it ends with code 0, without a panic, and without having
/// said anything that nobody asked for: see [`Client::lenient`].
pub struct Client {
    process: Arc<Mutex<Child>>,
    stdin: Option<ChildStdin>,
    inbox: Receiver<Result<Received, String>>,
    unread: VecDeque<Received>,
    requests: Vec<Value>,
    answer: Answer,
    reading: Arc<(Mutex<bool>, Condvar)>,
    stderr: Arc<Mutex<String>>,
    stderr_reader: Option<JoinHandle<()>>,
    state: Option<PathBuf>,
    next_id: i64,
    patience: Duration,
    strict: bool,
    waited: bool,
    /// Dropped with the client, which tells the watchdog that it is no longer needed.
    watchdog: Sender<()>,
}

/// What a client that supports everything and decides nothing answers to a server's request.
pub fn default_answer(method: &str, params: &Value) -> Value {
    match method {
        "workspace/configuration" => json!(vec![Value::Null; params["items"].as_array().map_or(0, Vec::len)]),
        "workspace/applyEdit" => json!({ "applied": true }),
        _ => Value::Null,
    }
}

impl Client {
    /// Starts `program lsp`. What it remembers goes to a folder of this client alone, so that no test sees what another
    /// left, and no test touches what the user's own server remembers.
    pub fn start(program: impl AsRef<Path>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let state = std::env::temp_dir().join(format!("countersign-state-{}-{count}", std::process::id()));
        let mut client = Self::spawn(Command::new(program.as_ref()).arg("lsp").env("XDG_STATE_HOME", &state));
        client.state = Some(state);
        client
    }

    /// Starts a command that speaks LSP on stdio.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut errors = child.stderr.take().expect("stderr is piped");
        let process = Arc::new(Mutex::new(child));

        let reading = Arc::new((Mutex::new(true), Condvar::new()));
        let (send, inbox) = mpsc::channel();
        thread::spawn({
            let reading = Arc::clone(&reading);
            move || read_all(stdout, &reading, &send)
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let stderr_reader = thread::spawn({
            let stderr = Arc::clone(&stderr);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = errors.read(&mut buffer) {
                    lock(&stderr).push_str(&String::from_utf8_lossy(&buffer[..count]));
                }
            }
        });
        Self {
            stdin,
            inbox,
            unread: VecDeque::new(),
            requests: Vec::new(),
            answer: Box::new(default_answer),
            reading,
            stderr,
            stderr_reader: Some(stderr_reader),
            state: None,
            next_id: 0,
            patience: PATIENCE,
            strict: true,
            waited: false,
            watchdog: watch(&process, LIFETIME),
            process,
        }
    }

    /// Sets how long one answer may take, 10 s without this.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sets how long the process may live from now on, a minute without this.
    pub fn set_lifetime(&mut self, lifetime: Duration) {
        self.watchdog = watch(&self.process, lifetime);
    }

    /// Does not check at the end for messages that nobody read: answers without a question, `window/showMessage`, and
    /// errors among `window/logMessage`. Diagnostics are never checked for, since a later version replaces them.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.strict = false;
        self
    }

    /// Answers the server's requests with `answer(method, params)` instead of [`default_answer`].
    pub fn answer_with(&mut self, answer: impl FnMut(&str, &Value) -> Value + 'static) {
        self.answer = Box::new(answer);
    }

    /// Initializes a session without a workspace folder and returns what the server offers. That this client reads the
    /// version of diagnostics is added to its capabilities.
    #[track_caller]
    pub fn initialize(&mut self, mut capabilities: Value) -> Value {
        capabilities["textDocument"]["publishDiagnostics"]["versionSupport"] = true.into();
        self.initialize_with(json!({
            "processId": std::process::id(),
            "clientInfo": { "name": "testkit" },
            "rootUri": null,
            "capabilities": capabilities,
        }))
    }

    /// Initializes a session with all the parameters given.
    #[track_caller]
    pub fn initialize_with(&mut self, params: Value) -> Value {
        let result = self.request("initialize", params).expect("initialize succeeds");
        self.notify("initialized", json!({}));
        result
    }

    /// Asks and waits for the answer.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.send_request(method, params);
        self.reply(id)
    }

    /// Asks without waiting, and returns the request's id for [`Client::reply`].
    #[track_caller]
    pub fn send_request(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        self.write_message(&message(method, params, Some(self.next_id)));
        self.next_id
    }

    /// Waits for the answer to a request. The id is `null` for what the server could not read as a request.
    #[track_caller]
    pub fn reply(&mut self, id: impl Into<Value>) -> Result<Value, RpcError> {
        let id = id.into();
        let is_reply = |message: &Value| message.get("method").is_none() && message["id"] == id;
        let mut message = self.wait(&format!("the answer to request {id}"), is_reply).message;
        match message.get("error") {
            None => Ok(message["result"].take()),
            Some(error) => Err(RpcError {
                code: error["code"].as_i64().expect("an error has a code"),
                message: error["message"].as_str().expect("an error has a message").to_owned(),
            }),
        }
    }

    /// Sends a notification.
    #[track_caller]
    pub fn notify(&mut self, method: &str, params: Value) {
        self.write_message(&message(method, params, None));
    }

    /// Opens a document in version 1.
    #[track_caller]
    pub fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Changes a document; `changes` is the list of `contentChanges`.
    #[track_caller]
    pub fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// Waits until the diagnostics of one version of a document are published.
    #[track_caller]
    pub fn diagnostics(&mut self, uri: &str, version: i32) -> Vec<Value> {
        let mut received = self.diagnostics_where(uri, version, |_| true);
        match received.message["params"]["diagnostics"].take() {
            Value::Array(diagnostics) => diagnostics,
            other => panic!("{other} is not a list of diagnostics"),
        }
    }

    /// Waits until diagnostics of one version of a document are published that are as wanted, and forgets those of
    /// earlier versions.
    #[track_caller]
    pub fn diagnostics_where(&mut self, uri: &str, version: i32, wanted: impl Fn(&[Value]) -> bool) -> Received {
        let of_document =
            |message: &Value| message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri;
        let received = self.wait(&format!("diagnostics of version {version} of {uri}"), |message| {
            of_document(message)
                && message["params"]["version"] == version
                && message["params"]["diagnostics"].as_array().is_some_and(|diagnostics| wanted(diagnostics))
        });
        self.unread.retain(|unread| {
            !of_document(&unread.message) || unread.message["params"]["version"].as_i64() >= Some(version.into())
        });
        received
    }

    /// Waits for the next notification of a method and returns its parameters.
    #[track_caller]
    pub fn notification(&mut self, method: &str) -> Value {
        self.wait(method, |message| message["method"] == method).message["params"].take()
    }

    /// Waits for a response or notification, answering the server's requests meanwhile. What is not wanted now is kept
    /// for a later call. A failure names what was waited for as `what`.
    #[track_caller]
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Received {
        match self.wait_for(wanted) {
            Some(received) => received,
            None => panic!("no {what} within {:?}{}", self.patience, self.circumstances()),
        }
    }

    /// Like [`Client::wait`], and `None` where it does not come in time.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Received> {
        if let Some(index) = self.unread.iter().position(|received| wanted(&received.message)) {
            return self.unread.remove(index);
        }
        let deadline = Instant::now() + self.patience;
        loop {
            match self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(received)) => {
                    if let Some(received) = self.sort(received) {
                        if wanted(&received.message) {
                            return Some(received);
                        }
                        self.unread.push_back(received);
                    }
                }
                Ok(Err(malformed)) => panic!("the server wrote what is not LSP: {malformed}"),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the server closed stdout{}", self.circumstances()),
            }
        }
    }

    /// Waits for the next request of a method that the server sends, which is answered as always, and returns its
    /// parameters.
    #[track_caller]
    pub fn server_request(&mut self, method: &str) -> Value {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(index) = self.requests.iter().position(|request| request["method"] == method) {
                return self.requests.remove(index)["params"].take();
            }
            match self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(received)) => {
                    let other = self.sort(received);
                    self.unread.extend(other);
                }
                Ok(Err(malformed)) => panic!("the server wrote what is not LSP: {malformed}"),
                Err(error) => panic!("no request {method}: {error}{}", self.circumstances()),
            }
        }
    }

    /// Takes the notifications of a method that have come and that nobody waited for; their parameters, oldest first.
    pub fn take_unread(&mut self, method: &str) -> Vec<Value> {
        let (taken, left) =
            std::mem::take(&mut self.unread).into_iter().partition(|unread| unread.message["method"] == method);
        self.unread = left;
        let taken: VecDeque<Received> = taken;
        taken.into_iter().map(|mut unread| unread.message["params"].take()).collect()
    }

    /// Answers a request of the server, and hands everything else back.
    fn sort(&mut self, received: Received) -> Option<Received> {
        let message = &received.message;
        let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) else {
            return Some(received);
        };
        let reply = json!({ "jsonrpc": "2.0", "id": id, "result": (self.answer)(method, &message["params"]) });
        self.requests.push(message.clone());
        self.write_message(&reply);
        None
    }

    /// What the server asked so far, as far as this side has read and without what [`Client::server_request`] took.
    pub fn server_requests(&self) -> &[Value] {
        &self.requests
    }

    /// What the server wrote to stderr so far.
    pub fn stderr(&self) -> String {
        lock(&self.stderr).clone()
    }

    /// Stops and starts reading what the server writes. Some kilobytes on their way are still read.
    pub fn set_reading(&self, reading: bool) {
        *lock(&self.reading.0) = reading;
        self.reading.1.notify_all();
    }

    /// Sends one message.
    #[track_caller]
    pub fn write_message(&mut self, message: &Value) {
        self.write_raw(&frame(message.to_string().as_bytes()));
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn write_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        if let Err(error) = stdin.write_all(bytes).and_then(|()| stdin.flush()) {
            panic!("the server does not take what is written: {error}{}", self.circumstances());
        }
    }

    /// Takes the server's stdin, to write to it from another thread or to close it.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin is open")
    }

    /// Gives back what [`Client::take_stdin`] took.
    pub fn return_stdin(&mut self, stdin: ChildStdin) {
        self.stdin = Some(stdin);
    }

    /// The process id of the server.
    pub fn id(&self) -> u32 {
        lock(&self.process).id()
    }

    /// Waits until the process ends by itself and returns its code; nothing is checked any more when the client is
    /// dropped. `None` where a signal ended it.
    #[track_caller]
    pub fn wait_exit(&mut self) -> Option<i32> {
        self.waited = true;
        let deadline = Instant::now() + self.patience;
        while Instant::now() < deadline {
            if let Some(status) = lock(&self.process).try_wait().expect("the process can be waited for") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("the process did not end within {:?}{}", self.patience, self.circumstances());
    }

    /// For messages of failure: the state of the process, what was not read and what it wrote to stderr.
    fn circumstances(&self) -> String {
        let mut text = String::new();
        if let Ok(Some(status)) = lock(&self.process).try_wait() {
            let _ = write!(text, "\nthe process has ended: {status}");
        }
        for received in self.unread.iter().rev().take(5).rev() {
            let message: String = received.message.to_string().chars().take(500).collect();
            let _ = write!(text, "\nunread: {message}");
        }
        let stderr = self.stderr();
        if !stderr.is_empty() {
            let _ = write!(text, "\nstderr:\n{stderr}");
        }
        text
    }

    fn finish(&mut self) {
        let ended = lock(&self.process).try_wait().expect("the process can be waited for");
        if let Some(status) = ended {
            panic!("the process ended by itself: {status}{}", self.circumstances());
        }
        self.set_reading(true);
        self.request("shutdown", Value::Null).expect("shutdown succeeds");
        self.notify("exit", Value::Null);
        let code = self.wait_exit();
        assert_eq!(code, Some(0), "the exit code after shutdown{}", self.circumstances());
        while let Ok(received) = self.inbox.recv_timeout(self.patience) {
            self.unread.push_back(received.expect("the server writes LSP to the end"));
        }
        let left: Vec<_> =
            self.unread.iter().map(|received| &received.message).filter(|left| is_of_interest(left)).collect();
        assert!(!self.strict || left.is_empty(), "nobody read these messages of the server: {left:#?}");
    }

    /// To be called when the process has ended.
    fn assert_no_panic(&mut self) {
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().expect("reading stderr does not panic");
        }
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked at"), "the server panicked:\n{stderr}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !thread::panicking() {
            if !self.waited {
                self.finish();
            }
            self.assert_no_panic();
        }
        let mut process = lock(&self.process);
        // It has ended already, unless the test failed.
        let _ = process.kill();
        let _ = process.wait();
        if let Some(state) = &self.state {
            let _ = std::fs::remove_dir_all(state);
        }
    }
}

/// A request, or a notification where there is no id.
fn message(method: &str, params: Value, id: Option<i64>) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "method": method });
    if let Some(id) = id {
        message["id"] = id.into();
    }
    if !params.is_null() {
        message["params"] = params;
    }
    message
}

fn is_of_interest(message: &Value) -> bool {
    match message["method"].as_str() {
        None | Some("window/showMessage") => true,
        Some("window/logMessage") => message["params"]["type"] == 1,
        Some(_) => false,
    }
}

/// Reads frames until the stream ends. The time is taken before the body is looked at.
fn read_all(stdout: ChildStdout, reading: &(Mutex<bool>, Condvar), inbox: &Sender<Result<Received, String>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        drop(reading.1.wait_while(lock(&reading.0), |reading| !*reading));
        let received = match read_frame(&mut stdout) {
            Ok(None) => return,
            Ok(Some(body)) => {
                let at = Instant::now();
                serde_json::from_slice(&body)
                    .map(|message| Received { at, message })
                    .map_err(|error| format!("{error} in {}", String::from_utf8_lossy(&body)))
            }
            Err(error) => Err(error.to_string()),
        };
        let failed = received.is_err();
        if inbox.send(received).is_err() || failed {
            return;
        }
    }
}

/// Kills the process after `lifetime`, unless what is returned is dropped before.
fn watch(process: &Arc<Mutex<Child>>, lifetime: Duration) -> Sender<()> {
    let process = Arc::clone(process);
    let (send, dropped) = mpsc::channel();
    thread::spawn(move || {
        if dropped.recv_timeout(lifetime) == Err(RecvTimeoutError::Timeout) {
            let _ = lock(&process).kill();
        }
    });
    send
}

/// A thread that failed while it held the lock has said so; what it left is good enough to report.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
