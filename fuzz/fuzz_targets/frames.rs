//! The boundary to JSON-RPC: any bytes, in any pieces, give the same messages and never a panic.
#![no_main]

use countersign::lsp::frame::Framer;
use libfuzzer_sys::fuzz_target;

fn messages(bytes: &[u8], step: usize) -> Vec<Option<Vec<u8>>> {
    let mut framer = Framer::default();
    let mut messages = Vec::new();
    for piece in bytes.chunks(step) {
        framer.push(piece);
        while let Some(message) = framer.next_message() {
            match message {
                Ok(body) => {
                    let _ = serde_json::from_slice::<serde_json::Value>(&body);
                    messages.push(Some(body));
                }
                Err(broken) => {
                    messages.push(None);
                    if broken.fatal {
                        return messages;
                    }
                }
            }
        }
    }
    messages
}

fuzz_target!(|bytes: &[u8]| {
    // A header block that is too long is given up as soon as it is seen to be, which depends on the pieces.
    if bytes.len() < 8_000 {
        assert_eq!(messages(bytes, bytes.len().max(1)), messages(bytes, 3));
    }
});
