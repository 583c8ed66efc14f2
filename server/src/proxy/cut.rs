//! Cuts a stream of bytes into messages and what is none, without losing or adding a byte.

use crate::lsp::frame::{MAX_HEADER_BYTES, content_length};

/// A piece of the stream. All pieces one after the other are the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A whole message.
    Message(Frame),
    /// What is no message, or part of one that is too long.
    Other(Vec<u8>),
}

/// A message with its headers.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Where the JSON starts.
    pub body: usize,
}

impl Frame {
    /// The JSON.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }
}

/// Takes bytes as they come and gives pieces.
#[derive(Debug)]
pub struct Cutter {
    /// Longest message that is given in one piece.
    limit: usize,
    held: Vec<u8>,
    /// Where the body starts in `held`, and where it ends.
    expected: Option<(usize, usize)>,
    /// Bytes of a message that is too long and still to come.
    too_long: usize,
    /// No message can be found any more.
    lost: bool,
}

impl Cutter {
    /// One that gives messages of up to `limit` bytes in one piece.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), expected: None, too_long: 0, lost: false }
    }

    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8], mut give: impl FnMut(Piece)) {
        if self.lost {
            return give(Piece::Other(bytes.to_vec()));
        }
        // What is passed over need not be held first.
        let over = self.too_long.min(bytes.len());
        self.too_long -= over;
        let (over, bytes) = bytes.split_at(over);
        if !over.is_empty() {
            give(Piece::Other(over.to_vec()));
        }
        self.held.extend_from_slice(bytes);
        while let Some(piece) = self.next() {
            give(piece);
        }
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.expected = None;
        std::mem::take(&mut self.held)
    }

    fn next(&mut self) -> Option<Piece> {
        if let Some((body, end)) = self.expected {
            if self.held.len() < end {
                return None;
            }
            self.expected = None;
            return Some(Piece::Message(Frame { bytes: self.take(end), body }));
        }
        let Some(header) = self.held.windows(4).position(|window| window == b"\r\n\r\n") else {
            let is_lost = self.held.len() > MAX_HEADER_BYTES;
            self.lost |= is_lost;
            return is_lost.then(|| Piece::Other(std::mem::take(&mut self.held)));
        };
        let body = header + 4;
        match content_length(&self.held[..header]) {
            Ok(length) if length <= self.limit => {
                self.expected = Some((body, body + length));
                self.next()
            }
            Ok(length) => {
                let here = length.min(self.held.len() - body);
                self.too_long = length - here;
                Some(Piece::Other(self.take(body + here)))
            }
            Err(_) => Some(Piece::Other(self.take(body))),
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.held.split_off(length);
        std::mem::replace(&mut self.held, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(input: &[u8], step: usize, limit: usize) -> (Vec<Piece>, Vec<u8>) {
        let mut cutter = Cutter::new(limit);
        let mut pieces = Vec::new();
        for bytes in input.chunks(step) {
            cutter.push(bytes, |piece| pieces.push(piece));
        }
        (pieces, cutter.finish())
    }

    #[test]
    fn no_byte_is_lost_and_messages_are_found() {
        let mut input =
            b"Content-Length: 2\r\n\r\n{}content-length:3\r\nA: b\r\n\r\n[1]A: b\r\n\r\nContent-Length: x\r\n\r\n"
                .to_vec();
        input.extend_from_slice(
            b"Content-Length: 20\r\n\r\n[0123456789,0123456]Content-Length: 4\r\n\r\nnullContent-Le",
        );
        for step in 1..input.len() {
            let (pieces, rest) = cut(&input, step, 10);
            let mut whole = Vec::new();
            let mut bodies = Vec::new();
            for piece in &pieces {
                match piece {
                    Piece::Message(frame) => {
                        whole.extend_from_slice(&frame.bytes);
                        bodies.push(frame.body().to_vec());
                    }
                    Piece::Other(bytes) => whole.extend_from_slice(bytes),
                }
            }
            whole.extend_from_slice(&rest);
            assert_eq!(whole, input, "in steps of {step}");
            assert_eq!(bodies, [b"{}".as_slice(), b"[1]", b"null"], "in steps of {step}");
        }
    }

    #[test]
    fn a_stream_without_headers_is_given_as_it_is() {
        let (pieces, rest) = cut(&vec![b'x'; 100_000], 1000, 10);
        let length: usize =
            pieces.iter().map(|piece| if let Piece::Other(bytes) = piece { bytes.len() } else { 0 }).sum();
        assert_eq!((length, rest.len()), (100_000, 0));
    }
}
