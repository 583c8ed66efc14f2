//! The pieces of a program text: names, texts, signs. Enough for Python, JavaScript and their kin.

use super::Language;
use std::ops::Range;

/// A piece of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<'t> {
    Name(&'t str),
    Text(&'t str),
    Sign(u8),
}

/// A piece, and its bytes.
pub(super) type Token<'t> = (Piece<'t>, Range<usize>);

/// `deleteDBInstance`, `delete_db_instance` and `DeleteDBInstance` as `delete-db-instance`.
pub(crate) fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            out.push('-');
        }
        match c {
            '_' | '.' | '/' | ' ' => out.push('-'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// The pieces of a text, without comments.
pub(super) fn tokens(text: &str, language: Language) -> Vec<Token<'_>> {
    let hashes = language != Language::Node;
    let slashes = language == Language::Node;
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        if byte.is_ascii_whitespace() {
            at += 1;
        } else if (hashes && byte == b'#') || (slashes && rest.starts_with("//")) {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if slashes && rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if matches!(byte, b'"' | b'\'' | b'`') {
            let triple = ["\"\"\"", "'''"].into_iter().find(|quote| rest.starts_with(quote));
            let (begin, end, after) = if let Some(quote) = triple {
                let end = rest.get(3..).and_then(|inside| inside.find(quote)).map_or(rest.len(), |end| end + 3);
                (3, end, (end + 3).min(rest.len()))
            } else {
                let end = close(rest.as_bytes(), byte);
                (1, end, (end + 1).min(rest.len()))
            };
            if byte == b'`' {
                tokens.push((Piece::Sign(b'`'), at..at + 1));
            }
            tokens.push((Piece::Text(rest.get(begin..end).unwrap_or_default()), at + begin..at + end.max(begin)));
            at += after.max(1);
        } else if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(rest.len()).max(1);
            match rest.get(..end) {
                Some(name) => {
                    // `f"…"`: a letter before a quote is no name.
                    let prefix = matches!(name, "f" | "r" | "b" | "rb" | "fr" | "u" | "F")
                        && matches!(bytes.get(at + end), Some(b'"' | b'\''));
                    if !prefix {
                        tokens.push((Piece::Name(name), at..at + end));
                    }
                    at += end;
                }
                None => at += 1,
            }
        } else {
            tokens.push((Piece::Sign(byte), at..at + 1));
            at += 1;
        }
    }
    tokens
}

/// Where a quoted text ends.
fn close(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if byte == quote => return at,
            b'\n' if quote != b'`' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_three_spellings() {
        for name in ["delete_db_instance", "deleteDbInstance", "DeleteDBInstance"] {
            assert_eq!(kebab(name), "delete-db-instance");
        }
    }
}
