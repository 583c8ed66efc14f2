//! HCL: Terraform, OpenTofu, Terragrunt, Packer.
//!
//! A unit is a top-level block or attribute with the comments and blank lines before it. The scanner knows just enough
//! of the language to find its end: comments, quoted templates with their interpolations, heredocs, brackets.
//!
//! While somebody types, text is broken more often than not, and a scanner that believed an opened brace would read to
//! the end of the file. So what is broken ends early:
//! - a quoted template ends with its line, as the language says;
//! - a heredoc or block comment without its end is taken as no heredoc or comment at all, and so is a heredoc that seems
//!   to hold top-level blocks and the start of another heredoc with its own name;
//! - inside brackets, a line at column 0 that opens a top-level block (`resource "a" "b" {`) ends the unit. No such line
//!   is valid inside a block, so nothing that Terraform accepts is cut.

use crate::{MAX_UNIT_BYTES, Scan, ScannedUnit};

/// Top-level blocks with how many labels each has. A line at column 0 that opens one of these starts a new unit.
/// Terraform and OpenTofu language reference; Terragrunt and Packer reference for the last rows.
const TOP_LEVEL_BLOCKS: &[(&str, usize)] = &[
    ("resource", 2),
    ("data", 2),
    ("ephemeral", 2),
    ("module", 1),
    ("variable", 1),
    ("output", 1),
    ("provider", 1),
    ("check", 1),
    ("locals", 0),
    ("terraform", 0),
    ("moved", 0),
    ("removed", 0),
    ("import", 0),
    ("source", 2),
    ("build", 0),
    ("dependency", 1),
    ("include", 1),
    ("generate", 1),
    ("remote_state", 0),
];

/// What the scanner is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Bracket,
    Quoted,
    Interpolation,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    complete: bool,
    at: usize,
    reach: usize,
    nesting: usize,
    frames: Vec<Frame>,
}

/// More bytes are needed to go on.
struct Exhausted;

/// See [`crate::Language::scan_unit`].
pub fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    let mut scanner = Scanner { bytes, complete, at: 0, reach: 0, nesting: 0, frames: Vec::new() };
    match scanner.run() {
        Ok(len) => Scan::Found(ScannedUnit { len, reach: scanner.reach.max(len), nesting: scanner.nesting }),
        Err(Exhausted) => Scan::NeedMore,
    }
}

impl Scanner<'_> {
    /// Reads to the end of the unit and returns its length.
    fn run(&mut self) -> Result<usize, Exhausted> {
        let mut has_content = false;
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                self.end_of_bytes()?;
                return Ok(self.at);
            };
            if self.frames.last() == Some(&Frame::Quoted) {
                self.quoted(byte);
                continue;
            }
            match byte {
                b'\n' => {
                    self.at += 1;
                    if has_content && self.frames.is_empty() {
                        return Ok(self.at);
                    }
                    if !self.frames.is_empty() && self.top_level_block_opens(self.at)? {
                        return Ok(self.at);
                    }
                    continue;
                }
                b'#' => self.skip_line(),
                b'/' => match self.peek(1)? {
                    Some(b'/') => self.skip_line(),
                    Some(b'*') => {
                        self.block_comment()?;
                        continue;
                    }
                    _ => self.at += 1,
                },
                b'<' if self.peek(1)? == Some(b'<') => {
                    has_content = true;
                    self.heredoc()?;
                    continue;
                }
                b'"' => self.push(Frame::Quoted),
                b'{' | b'[' | b'(' => self.push(Frame::Bracket),
                b'}' | b']' | b')' => {
                    self.frames.pop();
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            has_content |= !matches!(byte, b' ' | b'\t' | b'\r' | b'#' | b'/');
        }
    }

    fn push(&mut self, frame: Frame) {
        self.frames.push(frame);
        self.nesting = self.nesting.max(self.frames.len());
        self.at += 1;
    }

    /// One step inside a quoted template.
    fn quoted(&mut self, byte: u8) {
        let next = self.bytes.get(self.at + 1).copied();
        match byte {
            b'\\' if !matches!(next, Some(b'\n') | None) => self.at += 2,
            b'"' => {
                self.frames.pop();
                self.at += 1;
            }
            // A template that is not closed on its line. The line break is left to the caller.
            b'\n' => {
                self.frames.pop();
            }
            b'$' | b'%' if next == Some(byte) && self.bytes.get(self.at + 2) == Some(&b'{') => self.at += 3,
            b'$' | b'%' if next == Some(b'{') => {
                self.at += 1;
                self.push(Frame::Interpolation);
            }
            _ => self.at += 1,
        }
    }

    /// Moves to the line break that ends this line.
    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
    }

    /// The byte `ahead` of the current one; `None` at the end of the text.
    fn peek(&self, ahead: usize) -> Result<Option<u8>, Exhausted> {
        match self.bytes.get(self.at + ahead) {
            Some(&byte) => Ok(Some(byte)),
            None if self.complete => Ok(None),
            None => Err(Exhausted),
        }
    }

    /// Stands at `/*`. Moves behind the comment, or behind these two bytes where it is never closed.
    fn block_comment(&mut self) -> Result<(), Exhausted> {
        let body = self.at + 2;
        if let Some(length) = self.look_for(body, |rest| rest.windows(2).position(|w| w == b"*/"))? {
            self.at = body + length + 2;
        } else {
            self.at = body;
        }
        Ok(())
    }

    /// Stands at `<<`. Moves behind the heredoc's last line, or behind its introduction where it is broken.
    fn heredoc(&mut self) -> Result<(), Exhausted> {
        let introduction = &self.bytes[self.at..];
        let tag_start = if introduction.get(2) == Some(&b'-') { 3 } else { 2 };
        let tag_len = introduction[tag_start.min(introduction.len())..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || !b.is_ascii())
            .count();
        let tag_end = self.at + tag_start + tag_len;
        let line_end = match &self.bytes[tag_end.min(self.bytes.len())..] {
            [b'\n', ..] => tag_end + 1,
            [b'\r', b'\n', ..] => tag_end + 2,
            [] | [b'\r'] if !self.complete => return Err(Exhausted),
            _ => 0,
        };
        if tag_len == 0 || line_end == 0 {
            self.at += 2;
            return Ok(());
        }
        let tag = self.bytes[self.at + tag_start..tag_end].to_vec();
        match self.look_for(line_end, |rest| heredoc_end(rest, &tag))? {
            Some(length) if !swallows_blocks(&self.bytes[line_end..line_end + length], &tag) => {
                self.at = line_end + length;
            }
            Some(length) => {
                self.reach = self.reach.max(line_end + length + tag.len() + 1);
                self.at = tag_end;
            }
            None => self.at = tag_end,
        }
        Ok(())
    }

    /// Searches from `start` for something that is looked for no further than a unit may be long, and notes how far
    /// that was.
    fn look_for(&mut self, start: usize, find: impl Fn(&[u8]) -> Option<usize>) -> Result<Option<usize>, Exhausted> {
        let limit = start + MAX_UNIT_BYTES;
        let available = self.bytes.len().min(limit);
        if let Some(found) = find(&self.bytes[start.min(available)..available]) {
            return Ok(Some(found));
        }
        if available < limit && !self.complete {
            return Err(Exhausted);
        }
        self.reach = self.reach.max(limit);
        Ok(None)
    }

    /// Whether a line at `line_start` opens a top-level block at column 0.
    fn top_level_block_opens(&mut self, line_start: usize) -> Result<bool, Exhausted> {
        let rest = &self.bytes[line_start..];
        if rest.first().is_some_and(|b| !b.is_ascii_lowercase()) {
            return Ok(false);
        }
        let line = match rest.iter().position(|&b| b == b'\n') {
            Some(length) => &rest[..length],
            None if self.complete => rest,
            // A line is judged whole, so that the answer does not depend on how much was given.
            None => return Err(Exhausted),
        };
        let opens = opens_top_level_block(line);
        if opens {
            self.reach = self.reach.max(line_start + line.len() + 1);
        }
        Ok(opens)
    }

    fn end_of_bytes(&mut self) -> Result<(), Exhausted> {
        if !self.complete {
            return Err(Exhausted);
        }
        self.at = self.bytes.len();
        // Whatever is appended to the text belongs to this unit.
        self.reach = self.reach.max(self.at + 1);
        Ok(())
    }
}

/// Length of a heredoc's body and of its last line up to the end of the tag, or `None` where the tag never comes.
fn heredoc_end(rest: &[u8], tag: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < rest.len() {
        let line_end = rest[at..].iter().position(|&b| b == b'\n').map_or(rest.len(), |length| at + length);
        let line = &rest[at..line_end];
        if line.trim_ascii() == tag {
            return Some(at + line.trim_ascii_end().len());
        }
        at = line_end + 1;
    }
    None
}

/// Whether a heredoc's body holds a top-level block and, after it, the start of a heredoc with the same tag. The end that
/// was found is then the other's, and this one lost its own.
fn swallows_blocks(body: &[u8], tag: &[u8]) -> bool {
    let mut block_seen = false;
    for line in body.split(|&b| b == b'\n') {
        let line = line.trim_ascii_end();
        if !block_seen {
            block_seen = opens_top_level_block(line);
        } else if let Some(before) = line.strip_suffix(tag)
            && (before.ends_with(b"<<") || before.ends_with(b"<<-"))
        {
            return true;
        }
    }
    false
}

/// Whether a line, from column 0, opens one of [`TOP_LEVEL_BLOCKS`] with the labels that belong to it.
fn opens_top_level_block(line: &[u8]) -> bool {
    let word_len = line.iter().take_while(|b| b.is_ascii_lowercase() || **b == b'_').count();
    let Some(&(_, labels)) = TOP_LEVEL_BLOCKS.iter().find(|(name, _)| name.as_bytes() == &line[..word_len]) else {
        return false;
    };
    let mut rest = line[word_len..].trim_ascii_start();
    for _ in 0..labels {
        let quoted = rest.first() == Some(&b'"');
        let label_len = if quoted {
            rest[1..].iter().position(|&b| b == b'"').map(|length| length + 2)
        } else {
            Some(rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count())
        };
        match label_len {
            Some(length) if length > 0 => rest = rest[length..].trim_ascii_start(),
            _ => return false,
        }
    }
    rest.first() == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;

    fn check(units: &[&str]) {
        assert_eq!(split(scan_unit, &units.concat()), units);
    }

    #[test]
    fn blocks_attributes_and_trivia() {
        check(&[
            "# about a\n\nresource \"a\" \"b\" {\n  x = 1\n}\n",
            "\n/* c { */\nlocals { a = { b = [1, (2)] } } # end\n",
            "region = \"eu\"\r\n",
            "list = [\n  1,\n]\n",
            "// last\n",
        ]);
    }

    #[test]
    fn brackets_in_templates_heredocs_and_comments_do_not_count() {
        check(&[
            "locals {\n  a = \"}${var.x[\"}\"]}{\"\n  b = \"$${\"\n  c = \"\\\"{\"\n}\n",
            "locals {\n  a = <<-EOT\n    } ${x}\n  EOT\n  # }\n  // }\n}\n",
            "locals {\n  a = <<EOT\nresource \"in\" \"heredoc\" {\n}\nEOT\n}\n",
        ]);
    }

    #[test]
    fn what_is_broken_stays_inside_its_unit() {
        let next = "resource \"c\" \"d\" {\n  y = 2\n}\n";
        check(&["resource \"a\" \"b\" {\n  x = {\n}\n", next]);
        check(&["resource \"a\" \"b\" {\n  x = \"open\n}\n", next]);
        check(&["resource \"a\" \"b\" {\n  x = \"${open\n}\n", next]);
        check(&["resource \"a\" \"b\" {\n  x = <<EOF\n text\n}\n", next]);
        check(&["resource \"a\" \"b\" {\n  /* open\n}\n", next]);
        check(&["resource \"a\" \"b\" {\n  x = [(\n}\n", "data c d {\n}\n"]);
        check(&["resource \"a\" \"b\" {\n  x = 1\n}}\n", next]);
        check(&[
            "resource \"a\" \"b\" {\n  x = <<EOF\n lost its end\n}\n",
            "resource \"c\" \"d\" {\n  x = <<EOF\n  text\nEOF\n}\n",
            next,
        ]);
    }

    #[test]
    fn an_indented_or_nested_block_is_no_boundary() {
        check(&["a \"b\" {\nlifecycle {\n}\n  resource \"x\" \"y\" {\n  }\n}\n"]);
    }

    #[test]
    fn deep_nesting_is_counted() {
        let text = format!("a = {}", "[".repeat(100_000));
        assert_eq!(
            scan_unit(text.as_bytes(), true),
            Scan::Found(ScannedUnit { len: text.len(), reach: text.len() + 1, nesting: 100_000 })
        );
    }
}
