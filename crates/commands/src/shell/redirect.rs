//! Redirections: what a command reads, and which files it writes.

use super::state::Shell;
use super::walk::{At, Walk, children};
use super::word::{Stream, Word};
use crate::context::File;
use tree_sitter::Node;

/// The redirections of a command.
#[derive(Default)]
pub(super) struct Redirects<'t> {
    /// What it reads instead.
    pub(super) stdin: Option<Stream>,
    pub(super) outputs: Vec<Output>,
    /// Commands that its output goes to, where they stand behind a heredoc's name.
    pub(super) piped: Vec<Node<'t>>,
    /// What stands behind `&&` or `||` on a heredoc's line.
    pub(super) right: Vec<(&'static str, Node<'t>)>,
}

/// A file that is written.
pub(super) struct Output {
    pub(super) path: Word,
    pub(super) appends: bool,
    /// Whether it is the standard output that goes there.
    pub(super) stdout: bool,
}

impl Walk<'_> {
    pub(super) fn redirects<'t>(&mut self, node: Node<'t>, at: At<'_>, shell: &mut Shell) -> Redirects<'t> {
        let mut redirects = Redirects::default();
        for child in children(node) {
            self.redirect(child, at, shell, &mut redirects);
        }
        redirects
    }

    fn redirect<'t>(&mut self, node: Node<'t>, at: At<'_>, shell: &mut Shell, redirects: &mut Redirects<'t>) {
        match node.kind() {
            "file_redirect" => {
                let operator = operator(node);
                let descriptor = node.child_by_field_name("descriptor").map_or("1", |node| at.of(node));
                let mut cursor = node.walk();
                let destinations: Vec<_> = node.children_by_field_name("destination", &mut cursor).collect();
                let Some(path) = destinations.first().map(|destination| self.joined(*destination, at, shell)) else {
                    return;
                };
                match operator {
                    "<" => redirects.stdin = Some(self.content(&path, shell, at)),
                    ">" | ">>" | ">|" | "&>" | "&>>" => redirects.outputs.push(Output {
                        path,
                        appends: operator.ends_with(">>"),
                        stdout: descriptor == "1",
                    }),
                    _ => {}
                }
            }
            "herestring_redirect" => {
                for word in children(node) {
                    let word = self.joined(word, at, shell);
                    redirects.stdin = Some(match word.known() {
                        Some(text) => Stream::Text(format!("{text}\n")),
                        None => Stream::Unknown(word.reason.unwrap_or(word.text)),
                    });
                }
            }
            "heredoc_redirect" => self.heredoc(node, at, shell, redirects),
            _ => {}
        }
    }

    fn heredoc<'t>(&mut self, node: Node<'t>, at: At<'_>, shell: &mut Shell, redirects: &mut Redirects<'t>) {
        let mut literal = false;
        let mut body = Stream::Text(String::new());
        for child in children(node) {
            match child.kind() {
                "heredoc_start" => literal = at.of(child).contains(['\'', '"', '\\']),
                "heredoc_body" if literal => body = Stream::Text(at.of(child).to_owned()),
                "heredoc_body" => {
                    let word = self.template(child, child.byte_range(), at, shell);
                    // The parts that are known are worth reading, so variables stand as they are written.
                    body = Stream::Text(word.text);
                }
                "pipeline" => redirects.piped = children(child),
                "heredoc_end" => {}
                "file_redirect" | "herestring_redirect" | "heredoc_redirect" => {
                    self.redirect(child, at, shell, redirects);
                }
                _ => redirects.right.push((operator(node), child)),
            }
        }
        redirects.stdin = Some(body);
    }

    /// What is in a file that a command reads.
    pub(crate) fn content(&mut self, path: &Word, shell: &Shell, at: At<'_>) -> Stream {
        if let Some(stream) = &path.stream {
            return stream.clone();
        }
        let Some(known) = path.known() else {
            return Stream::Unknown(path.reason.clone().unwrap_or_else(|| format!("what `{}` holds", path.text)));
        };
        if matches!(known, "/dev/null" | "/dev/tty" | "/dev/stdin" | "-") {
            return Stream::Nothing;
        }
        match self.file(known, shell, at.origin) {
            File::Text(text) => Stream::Text(text),
            File::Absent | File::Unreadable => Stream::Unknown(format!("what `{known}` holds")),
        }
    }

    /// A file as the text has left it so far.
    pub(crate) fn file(&mut self, path: &str, shell: &Shell, origin: &super::Origin) -> File {
        let file = self.file_inside(path, shell, origin);
        match file {
            File::Text(text) if self.over_limit || !self.expand(text.len(), origin) => File::Unreadable,
            file => file,
        }
    }

    fn file_inside(&mut self, path: &str, shell: &Shell, origin: &super::Origin) -> File {
        let Some(path) = shell.path(path) else { return File::Unreadable };
        match shell.written.get(&path) {
            Some(Some(text)) => return File::Text(text.to_string()),
            Some(None) => return File::Unreadable,
            None => {}
        }
        if shell.remote || shell.container {
            return File::Unreadable;
        }
        self.ask(&path, origin)
    }

    /// Remembers what a text writes to a file, and looks at which file that is.
    pub(super) fn overwrite(&mut self, output: &Output, out: &Stream, at: At<'_>, shell: &mut Shell) {
        let range = output.path.range.clone();
        crate::programs::files::written(
            self,
            shell,
            &output.path,
            output.appends,
            &at.origin.inner(&range, Some(range.start)),
        );
        let Some(path) = output.path.known().and_then(|path| shell.path(path)) else { return };
        let text = match out {
            Stream::Text(text) if !output.appends && output.stdout => Some(text.as_str().into()),
            Stream::Text(text) if output.stdout => match shell.written.get(&path) {
                Some(Some(before)) => Some(format!("{before}{text}").into()),
                _ => None,
            },
            _ => None,
        };
        shell.written.insert_mut(path, text);
    }
}

fn operator(node: Node<'_>) -> &'static str {
    let mut cursor = node.walk();
    let found = node.children(&mut cursor).find(|child| !child.is_named() && child.kind() != "<<");
    found.map_or("", |child| child.kind())
}
