//! The floor under every latency: a process that answers each change at once, without looking at it.

use countersign_testkit::{frame, read_frame};
use serde_json::{Value, json};
use std::io::Write;

/// Answers each `textDocument/didChange` on stdin with a `textDocument/publishDiagnostics` of its version that is `size`
/// bytes long, until stdin ends.
pub(crate) fn run(size: &str) {
    let size: usize = size.parse().expect("the size is a number of bytes");
    let padding = " ".repeat(size);
    let mut stdin = std::io::stdin().lock();
    let mut stdout = std::io::stdout().lock();
    while let Ok(Some(body)) = read_frame(&mut stdin) {
        let message: Value = serde_json::from_slice(&body).expect("the client writes JSON");
        if message["method"] == "textDocument/didChange" {
            let document = &message["params"]["textDocument"];
            let params = json!({ "uri": document["uri"], "version": document["version"], "diagnostics": [] });
            let answer = json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params });
            let mut answer = answer.to_string();
            // White space at the end is still JSON.
            answer.push_str(&padding[answer.len().min(size)..]);
            stdout.write_all(&frame(answer.as_bytes())).and_then(|()| stdout.flush()).expect("the client reads");
        }
    }
}
