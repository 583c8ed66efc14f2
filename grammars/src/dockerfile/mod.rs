//! Dockerfiles: a unit is a stage, from its `FROM` with the comments before it to the next one.
//!
//! The language is one of lines: an instruction begins with its name and goes on where a line ends with the escape character, and what
//! it is given is read by each in its own way. No tree says more than that, so there is none.
//!
//! Source: the Dockerfile reference of Docker, as of `BuildKit`'s frontend 1.19.

use crate::{Scan, ScannedUnit};
use std::ops::Range;

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its name: `RUN`.
    pub name: Range<usize>,
    /// What it is given, with the lines that it goes on in, without white space around it.
    pub rest: Range<usize>,
    /// The texts of its heredocs.
    pub heredocs: Vec<Range<usize>>,
}

/// Whether a file's name, in small letters, is that of a Dockerfile.
pub(crate) fn is_name(name: &str) -> bool {
    const OTHERS: [&str; 8] = [".dockerignore", ".md", ".txt", ".j2", ".erb", ".tmpl", ".tpl", ".template"];
    let begins =
        |word: &str| name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
    let ends = [".dockerfile", ".containerfile"].iter().any(|end| name.len() > end.len() && name.ends_with(end));
    (begins("dockerfile") || begins("containerfile") || ends) && !OTHERS.iter().any(|end| name.ends_with(end))
}

/// What the lines of a text are.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
    escape: u8,
    /// Whether parser directives may still come.
    begins: bool,
    /// Whether a heredoc has no end. None is looked for any more: each look goes to the end of the text.
    endless: bool,
}

/// An instruction with the lines that it is made of, or a line that is none.
struct Line {
    /// The bytes, with the line break behind it.
    range: Range<usize>,
    instruction: Option<Instruction>,
    comment: bool,
    /// Whether more bytes might make it longer.
    open: bool,
}

impl<'t> Lines<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, at: 0, escape: b'\\', begins: true, endless: false }
    }

    /// The end of a line, behind its line break.
    fn end_of_line(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        rest.iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |length| from + length + 1)
    }

    fn text(&self, range: Range<usize>) -> &'t [u8] {
        self.bytes[range].trim_ascii()
    }

    fn next(&mut self) -> Option<Line> {
        let start = self.at;
        if start >= self.bytes.len() {
            return None;
        }
        let mut end = self.end_of_line(start);
        let text = self.text(start..end);
        if text.is_empty() || text.starts_with(b"#") {
            self.at = end;
            self.begins &= !text.is_empty() && self.directive(text);
            let open = !self.bytes[start..end].ends_with(b"\n");
            return Some(Line { range: start..end, instruction: None, comment: !text.is_empty(), open });
        }
        self.begins = false;
        // It goes on behind a line that ends with the escape character, past comments and empty lines.
        let mut last = start..end;
        let mut open = !self.bytes[..end].ends_with(b"\n");
        while self.goes_on(&last) {
            open = true;
            while end < self.bytes.len() {
                last = end..self.end_of_line(end);
                end = last.end;
                let text = self.text(last.clone());
                if !(text.is_empty() || text.starts_with(b"#")) {
                    open = !self.bytes[..end].ends_with(b"\n");
                    break;
                }
            }
            if open {
                break;
            }
        }
        let from = start + self.bytes[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let name_len = self.bytes[from..end].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let name = from..from + name_len;
        let rest = self.bytes[name.end..end].trim_ascii_start();
        let rest_start = end - rest.len();
        let rest = rest_start..rest_start + rest.trim_ascii_end().len();
        let mut heredocs = Vec::new();
        let takes =
            ["run", "copy", "add"].iter().any(|known| self.bytes[name.clone()].eq_ignore_ascii_case(known.as_bytes()));
        if takes && !self.endless {
            for (word, strips) in heredoc_words(&self.bytes[rest.clone()]) {
                let begin = end;
                let mut at = end;
                let found = loop {
                    if at >= self.bytes.len() {
                        break None;
                    }
                    let line = at..self.end_of_line(at);
                    at = line.end;
                    let text = self.bytes[line.clone()].strip_suffix(b"\n").unwrap_or(&self.bytes[line.clone()]);
                    let text = text.strip_suffix(b"\r").unwrap_or(text);
                    let tabs = if strips { text.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
                    if text[tabs..] == word {
                        break Some(line);
                    }
                };
                let Some(line) = found else {
                    open = true;
                    self.endless = true;
                    break;
                };
                heredocs.push(begin..line.start);
                end = line.end;
                open |= !self.bytes[line].ends_with(b"\n");
            }
        }
        self.at = end;
        Some(Line { range: start..end, instruction: Some(Instruction { name, rest, heredocs }), comment: false, open })
    }

    /// Whether the instruction goes on in the line behind this one.
    fn goes_on(&self, line: &Range<usize>) -> bool {
        self.text(line.clone()).ends_with(&[self.escape])
    }

    /// Reads a parser directive, `# escape=…`. Returns whether it is one.
    fn directive(&mut self, comment: &[u8]) -> bool {
        let text = String::from_utf8_lossy(comment).trim_start_matches('#').trim().to_ascii_lowercase();
        let Some((name, value)) = text.split_once('=') else { return false };
        if name.trim() == "escape" && value.trim() == "`" {
            self.escape = b'`';
        }
        matches!(name.trim(), "escape" | "syntax" | "check")
    }
}

/// The words that end the heredocs of an instruction, and whether tabs before them are passed over.
fn heredoc_words(rest: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(next) = rest[at..].windows(2).position(|window| window == b"<<") {
        at += next + 2;
        if rest.get(at) == Some(&b'<') {
            at += 1;
            continue;
        }
        let strips = rest.get(at) == Some(&b'-');
        at += usize::from(strips);
        let quote = rest.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
        at += usize::from(quote.is_some());
        let len = rest[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if len > 0 && !rest[at].is_ascii_digit() {
            words.push((rest[at..at + len].to_vec(), strips));
        }
        at += len;
    }
    words
}

/// Whether an instruction begins a stage.
fn is_from(bytes: &[u8], instruction: &Instruction) -> bool {
    bytes[instruction.name.clone()].eq_ignore_ascii_case(b"from")
}

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    let mut lines = Lines::new(bytes);
    // Where the last instruction ends: what follows are comments on the next stage.
    let mut end = 0;
    let mut has_stage = false;
    while let Some(line) = lines.next() {
        if line.open && !complete {
            return Scan::NeedMore;
        }
        if lines.endless {
            // The builder refuses it, so nothing that follows is known to be an instruction.
            break;
        }
        let Some(instruction) = &line.instruction else { continue };
        if is_from(bytes, instruction) {
            if has_stage {
                return Scan::Found(ScannedUnit {
                    len: end,
                    reach: line.range.end + usize::from(line.open),
                    nesting: 0,
                });
            }
            has_stage = true;
        }
        end = line.range.end;
    }
    if !complete {
        return Scan::NeedMore;
    }
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting: 0 })
}

/// The instructions of a text, in order.
pub fn instructions(text: &str) -> Vec<Instruction> {
    let mut lines = Lines::new(text.as_bytes());
    std::iter::from_fn(|| lines.next()).filter_map(|line| line.instruction).collect()
}

/// The comments of a text that stand between instructions, in order.
pub(crate) fn comments(text: &str) -> Vec<Range<usize>> {
    let mut lines = Lines::new(text.as_bytes());
    let comments = std::iter::from_fn(|| lines.next()).filter(|line| line.comment);
    comments.map(|line| line.range.start..line.range.start + text[line.range].trim_end().len()).collect()
}

/// What an instruction is given as a builder reads it, of the same length: with blanks in the place of comments and of what joins lines.
pub fn joined(text: &str, escape: u8) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        if begin > 0 && (line.trim_start().starts_with('#') || line.trim().is_empty()) {
            out[begin..at].fill(b' ');
        } else if line.trim_end().as_bytes().ends_with(&[escape]) && at < text.len() {
            out[begin + line.trim_end().len() - 1..at].fill(b' ');
        }
    }
    // Whole lines, and single bytes of ASCII.
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// What stands at the end of a line that goes on, in a file that begins like this.
pub fn escape(text: &str) -> u8 {
    let mut lines = Lines::new(text.as_bytes());
    while lines.begins && lines.next().is_some() {}
    lines.escape
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;
    use proptest::prelude::*;

    #[test]
    fn a_unit_is_a_stage_with_its_comments() {
        let units = [
            "# syntax=docker/dockerfile:1\nARG V=1\n\n# builds\nFROM a:$V AS build\nRUN b \\\n  # c\n\n  && d\n",
            "\n# runs\nFROM e\nCOPY <<EOF /f\nFROM g\nEOF\nCOPY --from=build /x /y\n",
            "from h",
        ];
        assert_eq!(split(scan_unit, &units.concat()), units);
    }

    #[test]
    fn instructions_go_on_over_lines() {
        let text = "FROM a\n run  x \\\n# y\n  z\nRUN <<-A <<'B'\n1\n\tA\n2\nB\nEXPOSE 22";
        let found: Vec<_> = instructions(text)
            .into_iter()
            .map(|it| {
                (
                    &text[it.name],
                    joined(&text[it.rest], b'\\'),
                    it.heredocs.into_iter().map(|at| &text[at]).collect::<Vec<_>>(),
                )
            })
            .collect();
        let expected = [
            ("FROM", "a".to_owned(), vec![]),
            ("run", format!("x {}z", " ".repeat(8)), vec![]),
            ("RUN", "<<-A <<'B'".to_owned(), vec!["1\n", "2\n"]),
            ("EXPOSE", "22".to_owned(), vec![]),
        ];
        assert_eq!(found, expected);
        assert_eq!(comments("# a\nRUN b \\\n# c\n d\n  # e"), [0..3, 19..24]);
        assert_eq!(instructions("# escape=`\nRUN a `\n b\nRUN c \\\nRUN d").len(), 3);
    }

    #[test]
    fn files_are_told_by_their_names() {
        for name in ["dockerfile", "dockerfile.prod", "api.dockerfile", "containerfile", "dockerfile-dev"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["dockerfile.md", "dockerfile.dockerignore", "dockerfiles", ".dockerfile", "dockerfile.j2"] {
            assert!(!is_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn units_do_not_depend_on_the_window(text in "(FROM a|RUN b|COPY|\n|\\\\\n|# c|<<E|E\n|\r\n| |x|\t|# escape=`\n|`\n){0,24}") {
            prop_assert_eq!(split(scan_unit, &text).concat(), text);
        }

        #[test]
        fn instructions_stand_in_order(text in "(\\PC|\n|\\\\\n|RUN <<A\n|A\n|#){0,60}") {
            let mut end = 0;
            for instruction in instructions(&text) {
                prop_assert!(instruction.name.start >= end && instruction.rest.start >= instruction.name.end);
                prop_assert!(text.get(instruction.name.clone()).is_some());
                prop_assert_eq!(joined(&text[instruction.rest.clone()], b'\\').len(), instruction.rest.len());
                end = instruction.heredocs.last().map_or(instruction.rest.end, |heredoc| heredoc.end);
            }
        }
    }
}
