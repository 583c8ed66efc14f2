//! The walk over a command's tree: what is run, in which order, with what.

use super::parse::{parse, statements};
use super::redirect::Redirects;
use super::state::{Function, Origin, Shell, Value};
use super::word::{Stream, Word};
use crate::call::Call;
use crate::context::{Context, File};
use crate::limits::{
    MAX_BROKEN_OPERATORS, MAX_EXPANDED_BYTES, MAX_FILES, MAX_LEVELS, MAX_ROUNDS, MAX_STEPS, MAX_TREE_DEPTH,
};
use crate::operation::Operation;
use std::collections::BTreeMap;
use std::rc::Rc;
use tree_sitter::Node;

/// One judgement: what was found, and what may still be done.
pub(crate) struct Walk<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) operations: Vec<Operation>,
    files: BTreeMap<String, File>,
    steps: usize,
    pub(crate) level: usize,
    /// What `trap` has put off to the end of the text.
    pub(crate) traps: Vec<(String, Origin)>,
    /// Functions and files that are being run: one that runs itself says nothing new.
    pub(crate) active: Vec<String>,
    depth: usize,
    /// Bytes that variables, substitutions and files have become.
    expanded: usize,
    /// Operators of the statements that had errors.
    broken: usize,
    pub(crate) over_limit: bool,
}

/// The text that a node belongs to.
#[derive(Clone, Copy)]
pub(crate) struct At<'t> {
    pub(crate) text: &'t str,
    pub(crate) origin: &'t Origin,
}

impl<'t> At<'t> {
    pub(crate) fn of(self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

/// The named children of a node but comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

impl<'a> Walk<'a> {
    pub(crate) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            operations: Vec::new(),
            files: BTreeMap::new(),
            steps: 0,
            level: 0,
            traps: Vec::new(),
            active: Vec::new(),
            depth: 0,
            expanded: 0,
            broken: 0,
            over_limit: false,
        }
    }

    /// Takes steps. Returns whether there were any left.
    pub(crate) fn spend(&mut self, steps: usize, origin: &Origin) -> bool {
        self.steps += steps;
        if self.steps > MAX_STEPS {
            self.limit(origin, &format!("runs more than {MAX_STEPS} statements"));
            return false;
        }
        true
    }

    /// Counts bytes that something became. Returns whether that was not too much.
    pub(super) fn expand(&mut self, bytes: usize, origin: &Origin) -> bool {
        self.expanded += bytes;
        if self.expanded > MAX_EXPANDED_BYTES {
            self.limit(
                origin,
                &format!(
                    "puts variables and files into each other until they are more than {} MiB",
                    MAX_EXPANDED_BYTES >> 20
                ),
            );
            return false;
        }
        true
    }

    /// The file at a path, which is asked for once.
    pub(super) fn ask(&mut self, path: &str, origin: &Origin) -> File {
        if let Some(file) = self.files.get(path) {
            return file.clone();
        }
        let texts = self.files.values().filter(|file| matches!(file, File::Text(_))).count();
        if texts >= MAX_FILES || self.files.len() >= 4 * MAX_FILES {
            self.limit(origin, &format!("runs or reads more than {MAX_FILES} files"));
            return File::Unreadable;
        }
        let file = match self.context.files.read(path) {
            File::Text(text) if text.as_bytes().contains(&0) => File::Unreadable,
            file => file,
        };
        self.files.insert(path.to_owned(), file.clone());
        file
    }

    /// Whether a few files more may be asked for that are good to know and no more.
    pub(crate) fn may_ask(&self) -> bool {
        self.files.len() < MAX_FILES
    }

    /// Runs a text in a shell. Returns what it prints.
    pub(crate) fn text(&mut self, text: &str, origin: &Origin, shell: &mut Shell, stdin: &Stream) -> Stream {
        if self.over_limit {
            return Stream::Nothing;
        }
        if self.level >= MAX_LEVELS {
            self.limit(
                origin,
                &format!("puts scripts and strings of commands into each other more than {MAX_LEVELS} deep"),
            );
            return Stream::Nothing;
        }
        let pieces = match statements(text) {
            Ok(pieces) => pieces,
            Err(reason) => {
                self.limit(&origin.inner(&(0..text.len()), Some(0)), &reason);
                return Stream::Nothing;
            }
        };
        self.level += 1;
        let depth = std::mem::take(&mut self.depth);
        let traps = std::mem::take(&mut self.traps);
        let mut out = Stream::Nothing;
        for piece in pieces {
            let inner = origin.inner(&piece.range, Some(piece.range.start));
            let next =
                self.piece_of_text(text.get(piece.range).unwrap_or_default(), piece.operators, &inner, shell, stdin);
            out = out.then(next);
        }
        for (text, origin) in std::mem::replace(&mut self.traps, traps) {
            self.text(&text, &origin, &mut shell.clone(), &Stream::Nothing);
        }
        self.depth = depth;
        self.level -= 1;
        out
    }

    fn piece_of_text(
        &mut self,
        text: &str,
        operators: usize,
        origin: &Origin,
        shell: &mut Shell,
        stdin: &Stream,
    ) -> Stream {
        if self.over_limit {
            return Stream::Nothing;
        }
        let tree = match parse(text, operators) {
            Ok(tree) => tree,
            Err(reason) => {
                self.limit(origin, &reason);
                return Stream::Nothing;
            }
        };
        let at = At { text, origin };
        let root = tree.root_node();
        let out = self.block(root, at, shell, stdin);
        if root.has_error() {
            self.broken += operators;
            if self.broken > MAX_BROKEN_OPERATORS {
                self.limit(origin, "is too broken to be read");
            }
            self.lenient(root, at, shell);
        }
        out
    }

    /// Runs the children of a node one after the other.
    pub(super) fn block(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        let mut out = Stream::Nothing;
        for child in children(node) {
            let next = self.statement(child, at, shell, stdin);
            out = out.then(next);
        }
        out
    }

    /// Runs one statement. Returns what it prints.
    pub(super) fn statement(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        if self.over_limit {
            return Stream::Nothing;
        }
        if self.depth >= MAX_TREE_DEPTH {
            self.limit(at.origin, &format!("nests statements more than {MAX_TREE_DEPTH} deep"));
            return Stream::Nothing;
        }
        if !self.spend(1, at.origin) {
            return Stream::Nothing;
        }
        self.depth += 1;
        let out = self.statement_inside(node, at, shell, stdin);
        self.depth -= 1;
        out
    }

    fn statement_inside(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        match node.kind() {
            "command" => self.command(node, at, shell, stdin),
            "list" => self.list(node, at, shell, stdin),
            "pipeline" => self.pipeline(&children(node), at, shell, stdin.clone()),
            "redirected_statement" => {
                let body = node.child_by_field_name("body");
                let redirects = self.redirects(node, at, shell);
                let stdin = redirects.stdin.clone().unwrap_or_else(|| stdin.clone());
                let out = body.map_or(Stream::Nothing, |body| self.statement(body, at, shell, &stdin));
                self.after_redirects(&redirects, out, at, shell)
            }
            "subshell" => {
                let mut inner = shell.clone();
                self.block(node, at, &mut inner, stdin)
            }
            "variable_assignment" => {
                self.assignment(node, at, shell);
                Stream::Nothing
            }
            "variable_assignments" => {
                for assignment in children(node) {
                    self.assignment(assignment, at, shell);
                }
                Stream::Nothing
            }
            "declaration_command" => {
                for child in children(node) {
                    if child.kind() == "variable_assignment" {
                        self.assignment(child, at, shell);
                    } else {
                        let _ = self.words(child, at, shell);
                    }
                }
                Stream::Nothing
            }
            "unset_command" => {
                for name in children(node) {
                    shell.variables.remove_mut(at.of(name));
                }
                Stream::Nothing
            }
            "function_definition" => {
                if let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body")) {
                    let origin = at.origin.inner(&body.byte_range(), Some(body.start_byte()));
                    let function = Function { body: at.of(body).to_owned(), origin };
                    shell.functions.insert_mut(at.of(name).to_owned(), Rc::new(function));
                }
                Stream::Nothing
            }
            "if_statement" => self.condition(node, at, shell, stdin),
            "case_statement" => self.case(node, at, shell, stdin),
            "for_statement" => self.each(node, at, shell, stdin),
            "while_statement" | "c_style_for_statement" => {
                let out = self.maybe(shell, |walk, shell| walk.block(node, at, shell, stdin), at.origin);
                out.then(Stream::Unknown("what a loop prints".to_owned()))
            }
            "program" | "compound_statement" | "do_group" | "negated_command" | "ERROR" => {
                self.block(node, at, shell, stdin)
            }
            _ => {
                self.substitutions(node, at, shell);
                Stream::Nothing
            }
        }
    }

    /// `a && b || c`, which the grammar nests to the left.
    fn list(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        let mut parts = Vec::new();
        let mut rest = node;
        while rest.kind() == "list" {
            let mut cursor = rest.walk();
            let all: Vec<_> = rest.children(&mut cursor).collect();
            let operator = all.iter().find(|child| matches!(child.kind(), "&&" | "||")).map_or("&&", Node::kind);
            let named: Vec<_> = children(rest);
            let [left, right] = named.as_slice() else { break };
            parts.push((operator, *right));
            rest = *left;
        }
        let mut out = self.statement(rest, at, shell, stdin);
        for (operator, part) in parts.into_iter().rev() {
            let next = if operator == "||" {
                self.maybe(shell, |walk, shell| walk.statement(part, at, shell, stdin), at.origin)
            } else {
                self.statement(part, at, shell, stdin)
            };
            out = out.then(next);
        }
        out
    }

    /// Runs what may not be run: what it changes is not known afterwards.
    pub(super) fn maybe<T>(
        &mut self,
        shell: &mut Shell,
        run: impl FnOnce(&mut Self, &mut Shell) -> T,
        origin: &Origin,
    ) -> T {
        let mut branch = shell.clone();
        branch.undecided = true;
        let out = run(self, &mut branch);
        let looked_at = shell.join(&[branch]);
        self.spend(looked_at / 8, origin);
        out
    }

    pub(super) fn pipeline(&mut self, parts: &[Node<'_>], at: At<'_>, shell: &Shell, stdin: Stream) -> Stream {
        let mut stream = stdin;
        for part in parts {
            let mut inner = shell.clone();
            stream = self.statement(*part, at, &mut inner, &stream);
        }
        stream
    }

    fn each(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        let name = node.child_by_field_name("variable").map(|name| at.of(name).to_owned()).unwrap_or_default();
        let mut cursor = node.walk();
        let values: Vec<_> = node.children_by_field_name("value", &mut cursor).collect();
        let mut words = Vec::new();
        for value in values {
            words.extend(self.words(value, at, shell));
        }
        let Some(body) = node.child_by_field_name("body") else { return Stream::Nothing };
        let known = !words.is_empty() && words.len() <= MAX_ROUNDS && words.iter().all(Word::is_known);
        if known {
            for word in words {
                shell.variables.insert_mut(name.clone(), Value::Known(word.text.into()));
                self.statement(body, at, shell, stdin);
            }
        } else {
            shell.variables.insert_mut(name, Value::Unknown);
            self.statement(body, at, shell, stdin);
        }
        Stream::Unknown("what a loop prints".to_owned())
    }

    fn assignment(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) {
        let Some((name, word)) = self.assigned(node, at, shell) else { return };
        let value = match word.known() {
            Some(text) => Value::Known(text.into()),
            None => Value::Unknown,
        };
        shell.variables.insert_mut(name, value);
    }

    /// The name and the value of an assignment.
    fn assigned(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell) -> Option<(String, Word)> {
        let name = at.of(node.child_by_field_name("name")?).to_owned();
        let adds = at.text.get(..node.end_byte()).and_then(|text| text.get(node.start_byte() + name.len()..));
        let adds = adds.is_some_and(|text| text.starts_with("+="));
        let mut word = match node.child_by_field_name("value") {
            None => Word::default(),
            Some(value) if value.kind() == "array" => {
                // `${A[@]}` is not followed, but as one word with spaces `$A` is.
                let mut words = Vec::new();
                for element in children(value) {
                    words.extend(self.words(element, at, shell));
                }
                let unknown = words.iter().any(|word| !word.is_known()).then_some(0);
                let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                Word { text, unknown_from: unknown, ..Word::default() }
            }
            Some(value) => self.joined(value, at, shell),
        };
        if adds {
            match shell.variables.get(&name) {
                Some(Value::Known(before)) => word.text = format!("{before} {}", word.text.trim_start()),
                _ => word.unknown_from = Some(0),
            }
        }
        Some((name, word))
    }

    fn command(&mut self, node: Node<'_>, at: At<'_>, shell: &mut Shell, stdin: &Stream) -> Stream {
        let redirects = self.redirects(node, at, shell);
        let stdin = redirects.stdin.clone().unwrap_or_else(|| stdin.clone());
        let mut variables = Vec::new();
        let mut words = Vec::new();
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => variables.extend(self.assigned(child, at, shell)),
                "command_name" => {
                    for name in children(child) {
                        words.extend(self.words(name, at, shell));
                    }
                }
                "file_redirect" | "heredoc_redirect" | "herestring_redirect" => {}
                _ => words.extend(self.words(child, at, shell)),
            }
        }
        let call =
            Call { words, variables, stdin, origin: at.origin.clone(), range: node.byte_range(), uncertain: false };
        let out = self.call(call, shell);
        self.after_redirects(&redirects, out, at, shell)
    }

    /// What is written to files, and what stands behind a heredoc on the same line.
    fn after_redirects(&mut self, redirects: &Redirects<'_>, out: Stream, at: At<'_>, shell: &mut Shell) -> Stream {
        let mut out = out;
        for output in &redirects.outputs {
            self.overwrite(output, &out, at, shell);
        }
        if redirects.outputs.iter().any(|output| output.stdout) {
            out = Stream::Nothing;
        }
        if !redirects.piped.is_empty() {
            out = self.pipeline(&redirects.piped, at, shell, out);
        }
        for (operator, right) in &redirects.right {
            let next = if *operator == "||" {
                self.maybe(shell, |walk, shell| walk.statement(*right, at, shell, &Stream::Nothing), at.origin)
            } else {
                self.statement(*right, at, shell, &Stream::Nothing)
            };
            out = out.then(next);
        }
        out
    }
}

impl Stream {
    /// This and then that.
    fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Nothing, next) => next,
            (first, Self::Nothing) => first,
            (Self::Text(first), Self::Text(second)) => Self::Text(first + &second),
            (Self::Unknown(reason), _) | (_, Self::Unknown(reason)) => Self::Unknown(reason),
        }
    }
}
