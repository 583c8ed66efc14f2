//! `if` and `case`: which branch is run, where the text decides it.

use super::state::Shell;
use super::walk::{At, Walk, children};
use super::word::{Stream, Word};
use tree_sitter::Node;

impl Walk<'_> {
    pub(super) fn condition(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        // Each part is a test and its statements; an `else` has no test.
        let mut parts: Vec<(Vec<Node<'_>>, Vec<Node<'_>>)> = Vec::new();
        let (mut tests, mut body) = (Vec::new(), Vec::new());
        let mut cursor = node.walk();
        let mut then = false;
        for child in node.children(&mut cursor) {
            match child.kind() {
                "then" => then = true,
                "elif_clause" => {
                    let (mut tests, mut body, mut then) = (Vec::new(), Vec::new(), false);
                    let mut cursor = child.walk();
                    for inner in child.children(&mut cursor) {
                        match inner.kind() {
                            "then" => then = true,
                            _ if !inner.is_named() => {}
                            _ if then => body.push(inner),
                            _ => tests.push(inner),
                        }
                    }
                    parts.push((tests, body));
                }
                "else_clause" => parts.push((Vec::new(), children(child))),
                _ if !child.is_named() => {}
                _ if then => body.push(child),
                _ => tests.push(child),
            }
        }
        parts.insert(0, (std::mem::take(&mut tests), std::mem::take(&mut body)));
        self.branches(parts, at, shell, stdin)
    }

    fn branches(
        &mut self,
        parts: Vec<(Vec<Node<'_>>, Vec<Node<'_>>)>,
        at: At<'_>,
        shell: &mut Shell,
        stdin: &Stream,
    ) -> Stream {
        let mut ends = Vec::new();
        let mut decided = true;
        for (tests, body) in parts {
            let mut holds = tests.is_empty().then_some(true);
            for test in &tests {
                self.statement(*test, at, shell, stdin);
                holds = self.holds(*test, at, shell);
            }
            if holds == Some(false) {
                continue;
            }
            let mut branch = shell.clone();
            branch.undecided |= !(decided && holds == Some(true));
            for statement in body {
                self.statement(statement, at, &mut branch, stdin);
            }
            branch.undecided = shell.undecided;
            ends.push(branch);
            if holds == Some(true) {
                decided = true;
                break;
            }
            decided = false;
        }
        if decided && ends.len() == 1 {
            *shell = ends.remove(0);
        } else {
            let looked_at = shell.join(&ends);
            self.spend(looked_at / 8, at.origin);
        }
        Stream::Unknown("what a condition prints".to_owned())
    }

    /// Whether a test holds, where its words say so.
    fn holds(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Option<bool> {
        if node.kind() != "test_command" {
            return match at.of(node).trim() {
                "true" | ":" => Some(true),
                "false" => Some(false),
                _ => None,
            };
        }
        let inner = children(node);
        let [expression] = inner.as_slice() else { return None };
        if expression.kind() != "binary_expression" {
            return None;
        }
        let operator = expression.child_by_field_name("operator")?.kind();
        let left = self.joined(expression.child_by_field_name("left")?, at, shell);
        let right = self.joined(expression.child_by_field_name("right")?, at, shell);
        if left.guessed || right.guessed || right.text.contains(['*', '?', '[']) {
            return None;
        }
        let (left, right) = (left.known()?, right.known()?);
        match operator {
            "=" | "==" => Some(left == right),
            "!=" => Some(left != right),
            _ => None,
        }
    }

    pub(super) fn case(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        let subject = node.child_by_field_name("value").map(|value| self.joined(value, at, shell)).unwrap_or_default();
        let subject = subject.known().filter(|_| !subject.guessed).map(str::to_owned);
        let mut ends = Vec::new();
        let mut chosen = false;
        for item in children(node).into_iter().filter(|child| child.kind() == "case_item") {
            let mut cursor = item.walk();
            let patterns: Vec<_> = item.children_by_field_name("value", &mut cursor).collect();
            let words: Vec<Word> = patterns.iter().map(|pattern| self.joined(*pattern, at, shell)).collect();
            let fits = subject.as_deref().and_then(|subject| fits(subject, &words));
            if fits == Some(false) {
                continue;
            }
            let mut branch = shell.clone();
            branch.undecided |= fits != Some(true) || !ends.is_empty();
            let statements = children(item).into_iter().filter(|child| !patterns.contains(child));
            for statement in statements {
                self.statement(statement, at, &mut branch, stdin);
            }
            branch.undecided = shell.undecided;
            ends.push(branch);
            if fits == Some(true) {
                chosen = ends.len() == 1;
                break;
            }
        }
        if chosen {
            *shell = ends.remove(0);
        } else {
            let looked_at = shell.join(&ends);
            self.spend(looked_at / 8, at.origin);
        }
        Stream::Unknown("what a condition prints".to_owned())
    }
}

/// Whether a word fits one of the patterns, where they are simple enough to say.
fn fits(subject: &str, patterns: &[Word]) -> Option<bool> {
    let mut unknown = false;
    for pattern in patterns {
        match pattern.known() {
            Some("*") => return Some(true),
            Some(text) if !text.contains(['*', '?', '[']) => {
                if text == subject {
                    return Some(true);
                }
            }
            _ => unknown = true,
        }
    }
    (!unknown).then_some(false)
}
