//! Policies run in processes of their own: whatever a policy does there, recursion without end or a text without end, ends that
//! process and not this one. One message is one line of JSON.

use anyhow::Context;
use countersign_rego::{Failure, Outcome, Policies, Setup};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much longer than the limit is waited for a policy that stops by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Most memory that policies may take, in bytes; where the system counts it.
#[cfg(target_os = "linux")]
const MAX_MEMORY: u64 = 2 << 30;

/// What such a process wrote last to standard error, in bytes.
const KEPT_ERRORS: usize = 4 << 10;

/// A question about one input.
#[derive(Serialize, Deserialize)]
struct Question<T> {
    input: T,
    name: String,
    folder: String,
}

/// The other side: reads policies, then inputs, from standard input, and answers each.
pub(in crate::cli) fn serve() -> anyhow::Result<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        let limit = rustix::process::Rlimit { current: Some(MAX_MEMORY), maximum: Some(MAX_MEMORY) };
        rustix::process::setrlimit(rustix::process::Resource::As, limit)?;
    }
    let mut lines = std::io::stdin().lock().lines();
    let mut stdout = std::io::stdout().lock();
    let Some(setup) = lines.next() else { return Ok(ExitCode::SUCCESS) };
    let setup: Setup = serde_json::from_str(&setup?).context("the first line is no setup")?;
    let (policies, loaded) = match Policies::load(&setup) {
        Ok(policies) => (Some(policies), Ok(())),
        Err(failure) => (None, Err(failure)),
    };
    answer(&mut stdout, &loaded)?;
    let Some(policies) = policies else { return Ok(ExitCode::SUCCESS) };
    for line in lines {
        let outcome = match serde_json::from_str(&line?) {
            Ok(Question { input, name, folder }) => policies.run(input, (&name, &folder)),
            Err(error) => Err(Failure::new(
                "input",
                format!(
                    "it cannot be given to policies: {error}. Leave out what nests deeper than 100 levels, with \
                     `files.exclude` in countersign.toml."
                ),
            )),
        };
        answer(&mut stdout, &outcome)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer<T: Serialize>(stdout: &mut impl Write, answer: &Result<T, Failure>) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stdout.write_all(&line)?;
    Ok(stdout.flush()?)
}

/// Processes that run the same policies, as many as are asked at once.
pub(super) struct Pool {
    setup: String,
    /// A policy, for what cannot be told more exactly.
    place: String,
    pub(super) limit: Duration,
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    /// Starts the first, and so tells whether the policies can be read.
    pub(super) fn start(setup: &Setup, limit: Duration) -> Result<Self, anyhow::Error> {
        let place = setup.policies.first().map(|policy| policy.name.clone()).unwrap_or_default();
        let pool = Self { setup: serde_json::to_string(setup)?, place, limit, idle: Mutex::default() };
        let first = pool.worker()?;
        pool.idle().push(first);
        Ok(pool)
    }

    /// Asks about one input.
    pub(super) fn run(&self, input: &Value, name: &str, folder: &str) -> Result<Outcome, Failure> {
        let question = Question { input, name: name.to_owned(), folder: folder.to_owned() };
        let question = serde_json::to_string(&question).map_err(|error| self.broken(&error.to_string()))?;
        let idle = self.idle().pop();
        let mut worker = idle.map_or_else(|| self.worker(), Ok)?;
        let outcome = self.ask(&mut worker, &question)?;
        self.idle().push(worker);
        outcome
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker(&self) -> Result<Worker, Failure> {
        let mut worker = Worker::spawn().map_err(|error| self.broken(&error.to_string()))?;
        self.ask::<()>(&mut worker, &self.setup)??;
        Ok(worker)
    }

    /// The answer to one line; the outer failure is that there is none.
    fn ask<T: DeserializeOwned>(&self, worker: &mut Worker, line: &str) -> Result<Result<T, Failure>, Failure> {
        let sent = worker.stdin.write_all(line.as_bytes()).and_then(|()| worker.stdin.write_all(b"\n"));
        let answer = match sent.and_then(|()| worker.stdin.flush()) {
            Ok(()) => worker.answers.recv_timeout(self.limit + GRACE),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(answer) => serde_json::from_str(&answer).map_err(|error| self.broken(&error.to_string())),
            Err(RecvTimeoutError::Timeout) => Err(Failure::new(
                &self.place,
                format!(
                    "the policies took longer than {} s for one input and were stopped. Make them look at less, or give them \
                     more time with --policy-timeout.",
                    self.limit.as_secs()
                ),
            )),
            Err(RecvTimeoutError::Disconnected) => Err(self.broken(&worker.last_words())),
        }
    }

    /// Why there is no answer, from what the process said last.
    fn broken(&self, said: &str) -> Failure {
        let message = if said.contains("overflowed its stack") {
            "a rule or function of the policies calls itself again and again, which Rego does not allow. Write it without: \
             `walk` goes through a document, and a comprehension makes a new one."
                .to_owned()
        } else if said.contains("memory allocation") || said.contains("capacity overflow") {
            "the policies need more than 2 GiB of memory and were stopped. Look for a list or text that grows with every step."
                .to_owned()
        } else {
            let said = said.trim().lines().last().unwrap_or("no reason is known");
            format!(
                "the process that runs the policies ended ({said}). Leave policies out one by one to find which does it."
            )
        };
        Failure::new(&self.place, message)
    }
}

/// A process that runs policies.
struct Worker {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    errors: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Worker {
    fn spawn() -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("policy-worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || std::io::Error::other("a pipe is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let mut stderr = child.stderr.take().ok_or_else(missing)?;
        let (sender, answers) = sync_channel(1);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let errors = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&errors);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 1 << 10];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(bytes.iter().take(count));
                let excess = kept.len().saturating_sub(KEPT_ERRORS);
                kept.drain(..excess);
            }
        });
        Ok(Self { child, stdin, answers, errors, reader: Some(reader) })
    }

    /// What it wrote to standard error before it ended.
    fn last_words(&mut self) -> String {
        let _ = self.child.kill();
        let ended = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let kept = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&kept);
        if said.trim().is_empty() {
            ended.map(|status| status.to_string()).unwrap_or_default()
        } else {
            said.into_owned()
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It is waiting for a question, or it is to be stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
