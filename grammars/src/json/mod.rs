//! JSON: Terraform's configuration and values in their JSON form; templates of CloudFormation and manifests.
//!
//! Most files of Terraform in JSON are written by programs, and their order and grouping say nothing: the file is one unit. Of a
//! template each entry of its `Resources` is one, with the line break before it and the comma behind it; what stands before
//! the first and behind the last are units too. See [`masked`] for how these are parsed by themselves.

use crate::{Scan, ScannedUnit};

/// What stands between tokens.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// How far a text has been read.
#[derive(Default)]
struct Walk {
    depth: usize,
    deepest: usize,
    in_string: bool,
    escaped: bool,
}

impl Walk {
    /// Takes a byte; says whether it is outside of strings.
    fn take(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            // A string that is not closed ends with its line.
            b'\n' if self.in_string => self.in_string = false,
            _ if self.in_string => {}
            b'{' | b'[' => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
                return true;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return true;
            }
            _ => return true,
        }
        false
    }
}

/// Finds where a unit of a template or of anything else in JSON ends.
pub(crate) fn scan_entry(bytes: &[u8], complete: bool) -> Scan {
    let start = bytes.iter().position(|byte| !is_blank(*byte));
    let mut walk = Walk::default();
    // Where a key of the outermost object may have begun.
    let mut key = None;
    for (at, byte) in bytes.iter().enumerate().skip(start.unwrap_or(bytes.len())) {
        let found = |len, reach, nesting| Scan::Found(ScannedUnit { len, reach, nesting });
        let is_entry = bytes.get(start.unwrap_or_default()) == Some(&b'"');
        match byte {
            b'}' | b']' if is_entry && walk.depth == 0 && !walk.in_string => return found(at, at + 1, walk.deepest),
            b',' if is_entry && walk.depth == 0 && !walk.in_string => return found(at + 1, at + 1, walk.deepest),
            b'"' if !is_entry && walk.depth == 1 && !walk.in_string => key = Some(at),
            b'{' if !is_entry && walk.depth == 1 && !walk.in_string => {
                let key = key.take().and_then(|key| bytes.get(key..at));
                if key.is_some_and(|key| is_section(key) && bytes.get(start.unwrap_or_default()) == Some(&b'{')) {
                    // Entries begin in lines of their own.
                    match bytes
                        .get(at + 1..)
                        .unwrap_or_default()
                        .iter()
                        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
                    {
                        Some(blanks) if bytes.get(at + 1 + blanks) == Some(&b'\n') => {
                            return found(at + 1, at + blanks + 2, walk.deepest + 1);
                        }
                        None if !complete => return Scan::NeedMore,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        walk.take(*byte);
    }
    if !complete {
        return Scan::NeedMore;
    }
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting: walk.deepest })
}

/// Whether what stands before a brace is the key of the section whose entries are units.
fn is_section(before: &[u8]) -> bool {
    let rest = before.strip_prefix(b"\"Resources\"".as_slice());
    rest.is_some_and(|rest| rest.trim_ascii() == b":")
}

/// A unit of a template as a document of its own, in as many bytes: an entry in braces, what stands before the entries with a
/// number in their place, what stands behind them with a brace before it. `None` where it is a document as it is.
pub(crate) fn masked(text: &str) -> Option<String> {
    let mut out = text.as_bytes().to_vec();
    let start = out.iter().position(|byte| !is_blank(*byte))?;
    let last = out.iter().rposition(|byte| !is_blank(*byte))?;
    match (out.get(start)?, out.get(last)?) {
        (b'"', end) => {
            let closing = if *end == b',' { last } else { out.len() - 1 };
            let opening = start.checked_sub(1)?;
            if closing <= last && *end != b',' {
                return None;
            }
            *out.get_mut(opening)? = b'{';
            *out.get_mut(closing)? = b'}';
        }
        (b'{', b'{') if last > start => {
            let before = out.get(..last)?;
            let key = text.get(..last)?.rfind("\"Resources\"")?;
            if before.last().is_some_and(|byte| is_blank(*byte)) {
                *out.get_mut(last - 1)? = b'0';
            } else {
                let comma = before.get(..key)?.iter().rposition(|byte| !is_blank(*byte)).filter(|at| *at > start);
                out.get_mut(comma.unwrap_or(key)..last)?.fill(b' ');
            }
            *out.get_mut(last)? = b'}';
        }
        (b'}', _) => {
            *out.get_mut(start)? = b' ';
            let next = start + 1 + out.get(start + 1..)?.iter().position(|byte| !is_blank(*byte))?;
            match out.get(next)? {
                b',' => *out.get_mut(next)? = b'{',
                b'}' => *out.get_mut(next)? = b' ',
                _ => {}
            }
        }
        _ => return None,
    }
    String::from_utf8(out).ok()
}

/// Whether a unit may declare infrastructure.
pub(crate) fn may_declare(text: &str) -> bool {
    let has = |word: &str| text.contains(word);
    let kubernetes = || has("\"apiVersion\"") && has("\"kind\"");
    let section = || has("\"Outputs\"") || has("\"Globals\"");
    let start = || has("\"Resources\"") || has("\"AWSTemplateFormatVersion\"");
    let cloudformation = || start() || section() || (has("\"Type\"") && has("::"));
    let policy = || has("\"Statement\"") && has("\"Effect\"");
    kubernetes() || cloudformation() || policy()
}

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    if !complete {
        return Scan::NeedMore;
    }
    let mut walk = Walk::default();
    for byte in bytes {
        walk.take(*byte);
    }
    // Whatever is added behind it belongs to it.
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting: walk.deepest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;

    #[test]
    fn entries_of_a_template_are_units() {
        let units = [
            "{\n  \"Parameters\": {\"Resources\": {\"a\": 1}},\n  \"Resources\": {",
            "\n    \"A\": {\n      \"Type\": \"X, }\"\n    },",
            "\n    \"B\": {}\n  ",
            "},\n  \"Outputs\": {}\n}\n",
        ];
        assert_eq!(split(scan_entry, &units.concat()), units);
        let masked: Vec<_> = units.iter().map(|unit| masked(unit).expect("a mask")).collect();
        assert_eq!(
            masked,
            [
                "{\n  \"Parameters\": {\"Resources\": {\"a\": 1}},\n  \"Resources\":0}",
                "\n   {\"A\": {\n      \"Type\": \"X, }\"\n    }}",
                "\n   {\"B\": {}\n }",
                " {\n  \"Outputs\": {}\n}\n",
            ]
        );
    }

    #[test]
    fn what_is_on_one_line_is_one_unit() {
        for text in ["{\"Resources\": {\"A\": {}}}", "[1, 2]\n", "\"a\"", "{\"a\": {\"Resources\": {\n}}}\n", " \n"] {
            assert_eq!(split(scan_entry, text), [text]);
            assert_eq!(masked(text), None, "{text}");
        }
    }

    #[test]
    fn masks_are_as_long_as_what_they_mask() {
        for text in
            ["{\"Resources\":{", "{ \"a\": 1, \"Resources\":{", "}\n}\n", "}", "},{", "\n\"a\": 1", "{{", "\"", "}x"]
        {
            if let Some(masked) = masked(text) {
                assert_eq!(masked.len(), text.len(), "{text}");
            }
        }
        assert_eq!(masked("{ \"a\": 1, \"Resources\":{").as_deref(), Some("{ \"a\": 1              }"));
    }

    #[test]
    fn a_string_that_is_not_closed_ends_with_its_line() {
        let units = ["{\n\"Resources\": {", "\n\"A\": \"x,\n,", "\n\"B\": 1\n", "}}\n"];
        assert_eq!(split(scan_entry, &units.concat()), units);
    }
}
