//! What passes through the proxy: no byte is lost or added, however it comes.
#![no_main]

use countersign::proxy::cut::{Cutter, Piece};
use libfuzzer_sys::fuzz_target;

/// Longest message that is given in one piece.
const LIMIT: usize = 100;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, stream) = input;
    let mut cutter = Cutter::new(LIMIT);
    let mut passed = Vec::new();
    for bytes in stream.chunks(usize::from(step).max(1)) {
        cutter.push(bytes, |piece| match piece {
            Piece::Message(frame) => {
                assert!(frame.body().len() <= LIMIT);
                passed.extend_from_slice(&frame.bytes);
            }
            Piece::Other(bytes) => passed.extend_from_slice(&bytes),
        });
    }
    passed.extend(cutter.finish());
    assert_eq!(passed, stream);
});
