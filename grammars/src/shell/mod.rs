//! Shell scripts: a unit is a statement with the comments before it, to the end of its line; a function or a loop is one.
//!
//! A script is read by what its commands do (`countersign-commands`), which parses it statement by statement. So no tree is kept here.
//!
//! Source: the shell command language of POSIX, and what bash adds to it.

mod pieces;

pub use pieces::{Piece, pieces};

use crate::{Scan, ScannedUnit};
use pieces::Scanner;
use std::ops::Range;

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    let mut scanner = Scanner::new(bytes);
    let (mut nesting, mut begun) = (0, false);
    while scanner.at < bytes.len() {
        let byte = bytes[scanner.at];
        let ends = scanner.step();
        begun |= scanner.comment.take().is_none() && !byte.is_ascii_whitespace();
        nesting = nesting.max(scanner.depth());
        if scanner.endless > 0 {
            // To a shell, a heredoc without an end goes on to the end of the text.
            break;
        }
        if ends && byte == b'\n' && begun && scanner.is_outside() {
            // The end of a heredoc may not be its end yet.
            let is_line = bytes[..scanner.at].ends_with(b"\n");
            if is_line || complete {
                let reach = scanner.at + usize::from(!is_line);
                return Scan::Found(ScannedUnit { len: scanner.at, reach, nesting });
            }
        }
    }
    if !complete {
        return Scan::NeedMore;
    }
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting })
}

/// The comments of a text, in order.
pub fn comments(text: &str) -> Vec<Range<usize>> {
    let mut scanner = Scanner::new(text.as_bytes());
    let mut comments = Vec::new();
    while scanner.at < text.len() {
        scanner.step();
        comments.extend(scanner.comment.take());
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::split;
    use proptest::prelude::*;

    #[test]
    fn a_unit_is_a_statement_with_its_comments() {
        for units in [
            &["#!/bin/sh\nset -e\n", "\n# about a\na; b # c\n", "d"][..],
            &["if a\nthen\n  b\nfi\n", "c\n"],
            &["for x in a b\ndo\n  c\ndone\n", "d\n"],
            &["f() {\n  a\n}\n", "f\n"],
            &["f()\n{\n  a\n}\n", "f\n"],
            &["a \\\n  b\n", "c\n"],
            &["a &&\n  b\n", "c\n"],
            &["cat <<EOF > x\nif '\nEOF\n", "c\n"],
            &["case $1 in\n  up) a ;;\n  down) b ;;\nesac\n", "c\n"],
            &["x='a\nb'\n", "y=\"$(a\nb)\"\n", "c\n"],
            &["a\n", "cat <<EOF\nb\nc\n"],
            &["a\n", "# b\n\n"],
        ] {
            assert_eq!(split(scan_unit, &units.concat()), units);
        }
    }

    #[test]
    fn comments_are_found_where_a_shell_sees_them() {
        let text = "# a\necho \"# b\" '# c' d#e $# ${#x} # f\ncat <<EOF\n# g\nEOF\n  # h\n";
        let found: Vec<_> = comments(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["# a", "# f", "# h"]);
    }

    proptest! {
        #[test]
        fn units_do_not_depend_on_the_window(text in "([a-c;'\"$\\-\n(){}`#|&<>\\\\ ]|if |fi\n|do |done\n|case |esac|<<EOF\n|EOF\n|\\(\\)|for |\n){0,24}") {
            prop_assert_eq!(split(scan_unit, &text).concat(), text);
        }

        #[test]
        fn comments_stand_in_order(text in "\\PC{0,80}") {
            let mut end = 0;
            for comment in comments(&text) {
                prop_assert!(comment.start >= end && text.get(comment.clone()).is_some());
                end = comment.end;
            }
        }
    }
}
