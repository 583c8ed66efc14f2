//! `countersign proxy`: between an editor and a completion server, to see which of its suggestions are taken over.
//!
//! Two threads pass bytes, one for each direction, and know of messages no more than where they end; nothing that they do
//! takes time that grows with what there is to understand. What passed is looked at in a third thread.

pub mod cut;
mod document;
mod inspect;
mod judge;
mod reading;
mod suggestions;

use anyhow::Context;
use cut::{Cutter, Frame, Piece};
use inspect::{Inspector, Side, Tap};
use judge::Judge;
use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Longest message that is looked at.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// How long what another process writes is waited for, which the server that is gone has left its output to.
const SILENCE: Duration = Duration::from_millis(500);

/// How long it may take at the end to write down who wrote what.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The arguments of `countersign proxy`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProxyArguments {
    /// Name of the tool that makes the suggestions; without this, what the server calls itself.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Judge suggestions for infrastructure code before the editor sees them.
    ///
    /// What policy denies is taken out of the server's answer. What it says of other suggestions is added to their
    /// documentation, where they have one.
    #[arg(long)]
    judge: bool,
    /// How long one answer may wait for that; then it passes as it is.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 50, requires = "judge")]
    judge_within: u64,
    /// The completion server and its arguments.
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    server: Vec<OsString>,
}

/// How the direction from the server is doing.
#[derive(Default)]
struct Progress {
    bytes: AtomicUsize,
    /// Something was read that is not written yet.
    is_passing: AtomicBool,
}

/// Runs the server and passes everything on. Ends with its exit code.
pub(crate) fn run(arguments: ProxyArguments) -> anyhow::Result<ExitCode> {
    let mut server = arguments.server.into_iter();
    let program = server.next().unwrap_or_default();
    let mut child = Command::new(&program)
        .args(server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", Path::new(&program).display()))?;
    let to_server = child.stdin.take().context("the server has no input")?;
    let from_server = child.stdout.take().context("the server has no output")?;
    let to_client = standard_output()?;

    let limit = Duration::from_millis(arguments.judge_within);
    let judge = arguments.judge.then(|| Judge::new(limit));
    let name = Path::new(&program).file_stem().unwrap_or_default().to_string_lossy();
    let (events, incoming) = channel();
    let tap = Tap::new(events);
    tap.inspect(Inspector::new(arguments.tool, &name, judge), incoming);

    thread::spawn({
        let tap = tap.clone();
        move || to_the_server(std::io::stdin().lock(), to_server, &tap)
    });
    let progress = Arc::new(Progress::default());
    let (passed, all_passed) = sync_channel::<()>(1);
    thread::spawn({
        let (tap, progress) = (tap.clone(), Arc::clone(&progress));
        let judge = arguments.judge.then_some(limit);
        move || {
            to_the_client(from_server, to_client, &tap, judge, &progress);
            let _ = passed.send(());
        }
    });
    let status = child.wait().context("the server cannot be waited for")?;
    wait_for_rest(&all_passed, &progress);
    let (done, all_done) = sync_channel(1);
    tap.end(done);
    let _ = all_done.recv_timeout(LAST_WORDS);
    Ok(exit_code(status))
}

/// Standard output without the buffer of the standard library, which would cut messages in two.
fn standard_output() -> anyhow::Result<std::fs::File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&std::io::stdout()).try_clone_to_owned();
    Ok(owned.context("standard output cannot be used")?.into())
}

/// Waits until everything that the server wrote is passed on. A process that it started may hold its output open and say
/// nothing more.
fn wait_for_rest(all_passed: &Receiver<()>, progress: &Progress) {
    loop {
        let before = progress.bytes.load(Ordering::Relaxed);
        if all_passed.recv_timeout(SILENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let is_silent = progress.bytes.load(Ordering::Relaxed) == before;
        if is_silent && !progress.is_passing.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Reads what there is; 0 at the end of the stream, which an error is, too.
fn read_some(from: &mut impl Read, buffer: &mut [u8]) -> usize {
    loop {
        match from.read(buffer) {
            Ok(length) => return length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other end set the pipe to not block.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            Err(_) => return 0,
        }
    }
}

/// Writes all of it. False where nobody reads any more.
fn write_all(to: &mut impl Write, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return false,
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            Err(_) => return false,
        }
    }
    to.flush().is_ok()
}

/// Passes on what the client writes. The server's input is closed at its end.
fn to_the_server(mut from: impl Read, to: impl Write, tap: &Tap) {
    let mut to = Some(to);
    let mut buffer = vec![0; CHUNK];
    let mut cutter = Cutter::new(MAX_MESSAGE_BYTES);
    loop {
        let length = read_some(&mut from, &mut buffer);
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        // It is queued before it passes, so that no answer comes before its question; it is read later.
        cutter.push(bytes, |piece| match piece {
            Piece::Message(frame) => tap.message(Side::Client, frame.body()),
            Piece::Other(_) => tap.unseen(),
        });
        // A server that takes no more may still have something to say, and the client must not be held up.
        if to.as_mut().is_some_and(|to| !write_all(to, bytes)) {
            to = None;
        }
    }
}

/// Passes on what the server writes. With `judge`, messages that may be suggestions wait that long for a judgement.
fn to_the_client(mut from: impl Read, mut to: impl Write, tap: &Tap, judge: Option<Duration>, progress: &Progress) {
    let mut buffer = vec![0; CHUNK];
    let mut cutter = Cutter::new(MAX_MESSAGE_BYTES);
    // A judgement that came too late to be waited for and is still being worked out.
    let mut late: Option<Receiver<Option<Vec<u8>>>> = None;
    let mut write = |bytes: &[u8]| {
        let written = write_all(&mut to, bytes);
        progress.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        written
    };
    loop {
        progress.is_passing.store(false, Ordering::Relaxed);
        let length = read_some(&mut from, &mut buffer);
        progress.is_passing.store(true, Ordering::Relaxed);
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            // What was held back in the hope that it would become a message.
            let rest = cutter.finish();
            if judge.is_some() {
                write(&rest);
            }
            return;
        }
        let Some(limit) = judge else {
            cutter.push(bytes, |piece| {
                if let Piece::Message(frame) = piece {
                    tap.message(Side::Server, frame.body());
                }
            });
            if !write(bytes) {
                return;
            }
            continue;
        };
        let mut is_read = true;
        cutter.push(bytes, |piece| {
            is_read &= match piece {
                Piece::Other(bytes) => write(&bytes),
                Piece::Message(frame) => write(&judged(frame, tap, limit, &mut late)),
            };
        });
        if !is_read {
            return;
        }
    }
}

/// What to send in place of a message: itself, or what a judgement makes of it in time.
fn judged(frame: Frame, tap: &Tap, limit: Duration, late: &mut Option<Receiver<Option<Vec<u8>>>>) -> Vec<u8> {
    late.take_if(|late| late.try_recv() != Err(TryRecvError::Empty));
    if late.is_some() || !may_suggest(frame.body()) {
        tap.message(Side::Server, frame.body());
        return frame.bytes;
    }
    let bytes = frame.bytes.clone();
    let (reply, judgement) = sync_channel(1);
    tap.judge(frame, reply);
    if let Ok(judged) = judgement.recv_timeout(limit) {
        return judged.unwrap_or(bytes);
    }
    *late = Some(judgement);
    bytes
}

/// Whether a message can be an answer with suggestions, as far as a look at its bytes tells.
fn may_suggest(body: &[u8]) -> bool {
    let has = |name: &[u8]| body.windows(name.len()).any(|window| window == name);
    has(b"\"result\"") && [b"ext\"".as_slice(), b"\"label\""].into_iter().any(has)
}

/// The exit code of the server; of one that a signal ended, what a shell says of it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or(signal).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
