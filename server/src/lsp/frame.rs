//! Messages in a stream of bytes: headers, a blank line, so many bytes of JSON (LSP 3.17, "Base Protocol").
//!
//! The transport of the framework ends the session at the first message that it cannot decode and reads no more than two
//! headers; this one answers what is broken and goes on wherever the next message can be found.

/// Longest header block. Two headers of some forty bytes are usual.
pub(crate) const MAX_HEADER_BYTES: usize = 8 << 10;

/// Longest message. The longest that an editor sends is the text of one file.
pub const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFrame {
    /// What is wrong.
    pub message: String,
    /// The next message cannot be found any more.
    pub fatal: bool,
}

/// Takes bytes as they come and gives messages.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
    /// How much of `bytes` is used up.
    at: usize,
    /// Bytes of a message that is too long and still to come.
    skip: usize,
    /// Length of the message whose headers were read.
    expected: Option<usize>,
}

impl Framer {
    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
        self.bytes.extend_from_slice(&bytes[skipped..]);
    }

    /// Whether a message has begun and not ended.
    pub fn is_inside_message(&self) -> bool {
        self.skip > 0 || self.expected.is_some() || self.at < self.bytes.len()
    }

    /// The next message, if it is there as a whole.
    pub fn next_message(&mut self) -> Option<Result<Vec<u8>, BrokenFrame>> {
        loop {
            let rest = &self.bytes[self.at..];
            if let Some(length) = self.expected {
                if rest.len() < length {
                    return None;
                }
                let message = rest[..length].to_vec();
                self.at += length;
                self.expected = None;
                return Some(Ok(message));
            }
            let Some(header_len) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
                return (rest.len() > MAX_HEADER_BYTES).then(|| {
                    self.at = self.bytes.len();
                    let message = format!("no end of the headers within {MAX_HEADER_BYTES} bytes");
                    Err(BrokenFrame { message, fatal: true })
                });
            };
            let length = content_length(&rest[..header_len]);
            self.at += header_len + 4;
            match length {
                Ok(length) if length > MAX_MESSAGE_BYTES => {
                    let here = length.min(self.bytes.len() - self.at);
                    self.at += here;
                    self.skip = length - here;
                    let message = format!(
                        "the message has {length} bytes and is passed over; at most {MAX_MESSAGE_BYTES} are read"
                    );
                    return Some(Err(BrokenFrame { message, fatal: false }));
                }
                Ok(length) => self.expected = Some(length),
                Err(message) => return Some(Err(BrokenFrame { message, fatal: false })),
            }
        }
    }
}

/// What the headers of a message say of its length.
pub(crate) fn content_length(headers: &[u8]) -> Result<usize, String> {
    for line in headers.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            let value = value.trim();
            return value.parse().map_err(|_| format!("`Content-Length: {value}` is not a length"));
        }
    }
    Err("the headers have no `Content-Length`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], step: usize) -> Vec<Result<Vec<u8>, BrokenFrame>> {
        let mut framer = Framer::default();
        let mut messages = Vec::new();
        for bytes in input.chunks(step) {
            framer.push(bytes);
            while let Some(message) = framer.next_message() {
                messages.push(message);
            }
        }
        messages
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let input = b"Content-Length: 2\r\n\r\n{}content-length:3\r\nContent-Type: x\r\nA: b\r\n\r\n[1]Content-Length: 0\r\n\r\n";
        for step in 1..input.len() {
            assert_eq!(all(input, step), [Ok(b"{}".to_vec()), Ok(b"[1]".to_vec()), Ok(Vec::new())]);
        }
    }

    #[test]
    fn what_is_broken_is_said_and_the_next_message_read() {
        for broken in ["A: b\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: x\r\n\r\n"] {
            let input = format!("{broken}Content-Length: 2\r\n\r\n{{}}");
            for step in [1, 7, 1000] {
                let messages = all(input.as_bytes(), step);
                assert!(matches!(&messages[0], Err(broken) if !broken.fatal), "{messages:?}");
                assert_eq!(messages[1], Ok(b"{}".to_vec()));
            }
        }
        let mut long = format!("Content-Length: {}\r\n\r\n", MAX_MESSAGE_BYTES + 1).into_bytes();
        long.resize(long.len() + MAX_MESSAGE_BYTES + 1, b'x');
        long.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
        let messages = all(&long, 1 << 20);
        assert_eq!((messages.len(), &messages[1]), (2, &Ok(b"{}".to_vec())));
        assert!(matches!(&all(&[b'x'; 10_000], 100)[0], Err(broken) if broken.fatal));
    }
}
