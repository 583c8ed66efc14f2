//! Frames of the base protocol: a header that says how long the body is, and the body.

use std::io::{self, BufRead};

/// Puts a body into a frame.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame
}

/// Reads the body of the next frame; `None` where the stream ends between two frames. Stricter than the protocol asks,
/// for what a server writes is to be exact.
pub fn read_frame(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return if length.is_none() { Ok(None) } else { Err(invalid("the stream ends in a header".to_owned())) };
        }
        if line == "\r\n" {
            break;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse::<usize>().ok(),
            Some(("Content-Type", _)) => {}
            _ => return Err(invalid(format!("not a header: {line:?}"))),
        }
    }
    let mut body = vec![0; length.ok_or_else(|| invalid("a header without Content-Length".to_owned()))?];
    input.read_exact(&mut body)?;
    Ok(Some(body))
}
