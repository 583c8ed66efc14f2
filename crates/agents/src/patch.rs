//! The patch format of `apply_patch`, which Codex defined and several agents took over.
//!
//! Source: the grammar at the head of `codex-rs/apply-patch/src/parser.rs` of openai/codex, and public ports of how its
//! `lib.rs` applies hunks.

use crate::{AgentKind, Change, Edit, Refusal, Replacement};
use std::path::PathBuf;

/// Whether a text holds a patch. Some agents leave the lines around the operations out.
pub(crate) fn is_patch(text: &str) -> bool {
    text.lines().any(|line| operation(line.trim()).is_some())
}

enum Operation<'a> {
    Add(&'a str),
    Update(&'a str),
    Delete(&'a str),
}

fn operation(line: &str) -> Option<Operation<'_>> {
    let line = line.strip_prefix("*** ")?;
    let (what, path) = line.split_once(": ")?;
    let path = path.trim();
    match what {
        _ if path.is_empty() => None,
        "Add File" => Some(Operation::Add(path)),
        "Update File" => Some(Operation::Update(path)),
        "Delete File" => Some(Operation::Delete(path)),
        _ => None,
    }
}

/// The changes that a patch makes. Every line of a hunk ends with a line break, also the last one of a file: the tool
/// that applies patches sees to it.
pub(crate) fn read(agent: AgentKind, text: &str) -> Result<Vec<Edit>, Refusal> {
    let bad = |line: usize, why| Refusal::BadPatch { agent, line: line + 1, why };
    let mut edits = Vec::new();
    let mut open: Option<File> = None;
    for (number, line) in text.lines().enumerate() {
        if line.trim_end() == "*** End Patch" {
            break;
        }
        if let Some(operation) = operation(line.trim_end()) {
            edits.extend(open.take().into_iter().flat_map(File::edits));
            open = match operation {
                Operation::Add(path) => Some(File::new(path, true)),
                Operation::Update(path) => Some(File::new(path, false)),
                Operation::Delete(path) => {
                    edits.push(Edit { path: PathBuf::from(path), change: Change::Delete });
                    None
                }
            };
            continue;
        }
        // What stands before the first operation or after a removal belongs to no file.
        let Some(file) = &mut open else { continue };
        if file.is_new {
            let Some(rest) = line.strip_prefix('+') else {
                if line.trim().is_empty() {
                    continue;
                }
                return Err(bad(number, "a line of a new file does not start with +"));
            };
            file.new_line(rest);
        } else if let Some(path) = line.strip_prefix("*** Move to: ") {
            file.to = Some(PathBuf::from(path.trim()));
        } else if line.starts_with("@@") || line.trim_end() == "*** End of File" {
            file.end_hunk();
        } else if let Some(rest) = line.strip_prefix('+') {
            file.new_line(rest);
        } else if let Some(rest) = line.strip_prefix('-') {
            file.old_line(rest);
        } else if line.is_empty() || line.starts_with(' ') {
            let rest = line.strip_prefix(' ').unwrap_or(line);
            file.old_line(rest);
            file.new_line(rest);
        } else {
            return Err(bad(number, "a line of a hunk starts with none of space, + and -"));
        }
    }
    edits.extend(open.into_iter().flat_map(File::edits));
    if edits.is_empty() {
        return Err(bad(0, "no file is added, updated or deleted"));
    }
    Ok(edits)
}

/// A file while its part of the patch is read.
struct File {
    path: PathBuf,
    is_new: bool,
    to: Option<PathBuf>,
    hunks: Vec<Replacement>,
    old: String,
    new: String,
}

impl File {
    fn new(path: &str, is_new: bool) -> Self {
        let (path, to, hunks) = (PathBuf::from(path), None, Vec::new());
        Self { path, is_new, to, hunks, old: String::new(), new: String::new() }
    }

    fn old_line(&mut self, line: &str) {
        self.old.push_str(line);
        self.old.push('\n');
    }

    fn new_line(&mut self, line: &str) {
        self.new.push_str(line);
        self.new.push('\n');
    }

    fn end_hunk(&mut self) {
        let (old, new) = (std::mem::take(&mut self.old), std::mem::take(&mut self.new));
        if old != new {
            self.hunks.push(Replacement { old, new, all: false, at: None });
        }
    }

    fn edits(mut self) -> Vec<Edit> {
        if self.is_new {
            return vec![Edit { path: self.path, change: Change::Write(self.new) }];
        }
        self.end_hunk();
        let mut changes = Vec::new();
        let mut replacements = Vec::new();
        for hunk in self.hunks {
            if hunk.old.is_empty() {
                // A hunk of nothing but new lines is put at the end of the file, whatever its `@@` line says.
                changes.push(Change::Append(hunk.new));
            } else {
                replacements.push(hunk);
            }
        }
        if !replacements.is_empty() {
            changes.insert(0, Change::Replace(replacements));
        }
        changes.extend(self.to.map(Change::MoveTo));
        changes.into_iter().map(|change| Edit { path: self.path.clone(), change }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = concat!(
        "*** Begin Patch\n*** Update File: a.tf\n@@ resource \"x\"\n one\n-two\n+three\n\n@@\n-four\n",
        "*** Add File: b.tf\n+five\n+\n*** Delete File: c.tf\n",
        "*** Update File: d.tf\n*** Move to: e.tf\n@@\n+six\n*** End of File\n*** End Patch\n",
    );

    #[test]
    fn a_patch_of_every_kind() {
        let replacement =
            |old: &str, new: &str| Replacement { old: old.to_owned(), new: new.to_owned(), all: false, at: None };
        let edit = |path: &str, change| Edit { path: PathBuf::from(path), change };
        assert_eq!(
            read(AgentKind::Codex, PATCH).expect("a patch"),
            [
                edit(
                    "a.tf",
                    Change::Replace(vec![replacement("one\ntwo\n\n", "one\nthree\n\n"), replacement("four\n", "")])
                ),
                edit("b.tf", Change::Write("five\n\n".to_owned())),
                edit("c.tf", Change::Delete),
                edit("d.tf", Change::Append("six\n".to_owned())),
                edit("d.tf", Change::MoveTo(PathBuf::from("e.tf"))),
            ]
        );
        let windows = PATCH.replace('\n', "\r\n");
        assert_eq!(read(AgentKind::Codex, &windows), read(AgentKind::Codex, PATCH));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        let bad = |text: &str, line, why| {
            assert_eq!(read(AgentKind::Codex, text), Err(Refusal::BadPatch { agent: AgentKind::Codex, line, why }));
        };
        bad("*** Begin Patch\n*** End Patch", 1, "no file is added, updated or deleted");
        bad("*** Update File: a\n@@\n x\ny", 4, "a line of a hunk starts with none of space, + and -");
        bad("*** Add File: a\nx", 2, "a line of a new file does not start with +");
        assert!(is_patch(PATCH) && !is_patch("*** Begin Patch"));
    }
}
