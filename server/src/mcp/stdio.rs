//! Messages on standard input and output, one on a line.
//!
//! The transport that the kit has would drop a line that it cannot read, and end at a notification that comes before
//! `initialize`. Here each line that is no message is answered, and the next one is read.

use rmcp::model::{ErrorCode, ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use std::future::Future;
use std::io::{BufRead, Error, ErrorKind, Read, Write};
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// Longest line that is read, in bytes. An edit holds a whole file, and hooks take as much.
const MAX_LINE_BYTES: usize = countersign_agents::MAX_PAYLOAD_BYTES;

/// Messages that wait to be taken up; more of them wait in the pipe.
const WAITING: usize = 64;

type Incoming = RxJsonRpcMessage<RoleServer>;
type Outgoing = TxJsonRpcMessage<RoleServer>;

/// Both ends: one thread reads, another writes, so that nothing that waits for the client holds up anything else.
pub(super) struct Stdio {
    incoming: mpsc::Receiver<Incoming>,
    outgoing: Option<blocking::Sender<Outgoing>>,
    writer: Option<JoinHandle<()>>,
}

impl Stdio {
    pub(super) fn open() -> std::io::Result<Self> {
        let (outgoing, to_write) = blocking::channel();
        let (read, incoming) = mpsc::channel(WAITING);
        let answers = outgoing.clone();
        std::thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || read_all(std::io::stdin().lock(), &read, &answers))?;
        let writer = std::thread::Builder::new().name("write".to_owned()).spawn(move || write_all(&to_write))?;
        Ok(Self { incoming, outgoing: Some(outgoing), writer: Some(writer) })
    }
}

impl Transport<RoleServer> for Stdio {
    type Error = Error;

    fn send(&mut self, message: Outgoing) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let sent = self.outgoing.as_ref().is_some_and(|outgoing| outgoing.send(message).is_ok());
        let closed = || Error::new(ErrorKind::BrokenPipe, "standard output is closed");
        std::future::ready(if sent { Ok(()) } else { Err(closed()) })
    }

    async fn receive(&mut self) -> Option<Incoming> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Error> {
        // No one reads what could still come in, so the other thread lets go of its end when it comes to send.
        self.incoming.close();
        self.outgoing = None;
        if let Some(writer) = self.writer.take() {
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        Ok(())
    }
}

/// Writes messages until nobody sends any, or nobody reads them.
fn write_all(messages: &blocking::Receiver<Outgoing>) {
    let mut out = std::io::stdout().lock();
    for message in messages {
        let Ok(mut line) = serde_json::to_vec(&message) else { continue };
        line.push(b'\n');
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// Reads messages until the input ends, and answers what is none.
fn read_all(mut input: impl BufRead, messages: &mpsc::Sender<Incoming>, answers: &blocking::Sender<Outgoing>) {
    let mut is_begun = false;
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        match (&mut input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let message = if line.len() > MAX_LINE_BYTES && !line.ends_with(b"\n") {
            if skip_line(&mut input).is_err() {
                return;
            }
            let why = format!("the message is longer than {} MiB and was not read", MAX_LINE_BYTES >> 20);
            Err((ErrorData::invalid_request(why, None), None))
        } else {
            match message(&line) {
                Some(message) => message,
                None => continue,
            }
        };
        let is_sent = match message {
            // A session begins with a request; what comes before means nothing.
            Ok(message) if !is_begun && !matches!(message, JsonRpcMessage::Request(_)) => true,
            Ok(message) => {
                is_begun = true;
                messages.blocking_send(message).is_ok()
            }
            Err((error, id)) => answers.send(Outgoing::error(error, id)).is_ok(),
        };
        if !is_sent {
            return;
        }
    }
}

/// Reads to the end of a line without keeping it.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        input.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Why a line is no message, with the id of the request that it was, where that can be told.
type Broken = (ErrorData, Option<RequestId>);

/// The message of a line; `None` for one that says nothing.
fn message(line: &[u8]) -> Option<Result<Incoming, Broken>> {
    #[derive(Deserialize)]
    struct WithId {
        id: Option<RequestId>,
    }
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return None;
    }
    let text = match str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let why = format!("the message is not UTF-8 from byte {} on", error.valid_up_to());
            return Some(Err((ErrorData::parse_error(why, None), None)));
        }
    };
    Some(serde_json::from_str(text).map_err(|error| {
        if !error.is_data() {
            return (ErrorData::parse_error(format!("the message is not JSON: {error}"), None), None);
        }
        let id = serde_json::from_str::<WithId>(text).ok().and_then(|message| message.id);
        let why = "this is no message of JSON-RPC 2.0 as MCP uses it, one object on a line";
        (ErrorData::new(ErrorCode::INVALID_REQUEST, why, None), id)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_messages_are_answered() {
        let code = |line: &[u8]| message(line).expect("something").expect_err("no message").0.code;
        assert_eq!(code(b"{\"jsonrpc\""), ErrorCode::PARSE_ERROR);
        assert_eq!(code(b"\xff\n"), ErrorCode::PARSE_ERROR);
        assert_eq!(code(b"[]\n"), ErrorCode::INVALID_REQUEST);
        let broken = message(b"{\"id\":7,\"foo\":1}\n").expect("something").expect_err("no message");
        assert_eq!(broken.1, Some(RequestId::Number(7)));
        assert!(message(b" \r\n").is_none());
        let ping = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n";
        assert!(matches!(message(ping.as_bytes()), Some(Ok(JsonRpcMessage::Request(_)))));
    }

    #[test]
    fn a_line_that_is_too_long_costs_no_more_than_itself() {
        let mut input = vec![b' '; MAX_LINE_BYTES + 10];
        input.extend_from_slice(b"x\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
        input.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
        let (read, mut incoming) = mpsc::channel(WAITING);
        let (answer, answers) = blocking::channel();
        read_all(input.as_slice(), &read, &answer);
        let Ok(Outgoing::Error(error)) = answers.try_recv() else { panic!("it is answered") };
        assert!(error.error.message.contains("32 MiB"), "{error:?}");
        assert!(
            matches!(incoming.try_recv(), Ok(JsonRpcMessage::Request(_))),
            "what comes before the first is left out"
        );
        assert!(incoming.try_recv().is_err() && answers.try_recv().is_err());
    }
}
