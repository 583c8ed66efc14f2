//! What the grammar cannot read, read as plain words.

use super::state::Shell;
use super::walk::{At, Walk, children};
use super::word::{Stream, Word};
use crate::call::Call;
use tree_sitter::Node;

impl Walk<'_> {
    /// Looks at the statements that hold an error as at commands of plain words. What is found is not certain.
    pub(super) fn lenient(&mut self, root: Node<'_>, at: At<'_>, shell: &mut Shell) {
        let whole = root.kind() == "ERROR";
        let broken = if whole { vec![root] } else { children(root) };
        for node in broken.into_iter().filter(|node| whole || node.has_error()) {
            let text = at.of(node);
            // The text of a heredoc is no command.
            if text.contains("<<") {
                continue;
            }
            let mut begin = node.start_byte();
            for command in text.split_inclusive(['\n', ';', '|', '&', '(', ')', '{', '}']) {
                let range = begin..begin + command.len();
                begin = range.end;
                let mut words = plain_words(command.trim_end_matches(['\n', ';', '|', '&', '(', ')', '{', '}']));
                let skipped = words.iter().take_while(|word| KEYWORDS.contains(&word.text.as_str())).count();
                words.drain(..skipped);
                if words.is_empty() || !self.spend(1, at.origin) {
                    continue;
                }
                for word in &mut words {
                    word.range = range.clone();
                }
                let mut inner = shell.clone();
                inner.undecided = true;
                let call = Call {
                    words,
                    variables: Vec::new(),
                    stdin: Stream::Nothing,
                    origin: at.origin.clone(),
                    range,
                    uncertain: true,
                };
                self.call(call, &mut inner);
            }
        }
    }
}

const KEYWORDS: &[&str] = &["if", "then", "else", "elif", "do", "while", "until", "!", "time"];

/// The words of a text, by white space and quotes alone; what has a `$` or a backtick is not known.
pub(crate) fn plain_words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open: Option<Word> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                open.get_or_insert_default().quoted = true;
            }
            (Some(of), c) if of == c => quote = None,
            (None, c) if c.is_whitespace() => words.extend(open.take()),
            (None, '#') if open.is_none() => break,
            (None | Some('"'), '\\') => open.get_or_insert_default().text.extend(chars.next()),
            (quote, c) => {
                let word = open.get_or_insert_default();
                if quote != Some('\'') && matches!(c, '$' | '`') {
                    word.unknown_from.get_or_insert(word.text.len());
                }
                word.text.push(c);
            }
        }
    }
    words.extend(open);
    words
}
