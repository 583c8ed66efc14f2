//! What a command prints, where its words say so.

use super::state::Shell;
use super::walk::{At, Walk};
use super::word::{Stream, Word};
use crate::call::Call;
use crate::limits::MAX_COMMAND_BYTES;

impl Walk<'_> {
    /// What a program prints.
    pub(crate) fn output(&mut self, program: &str, call: &Call, shell: &Shell) -> Stream {
        let words = call.words.get(1..).unwrap_or_default();
        match program {
            "echo" => {
                let rest =
                    words.iter().skip_while(|word| matches!(word.text.as_str(), "-n" | "-e" | "-ne" | "-en" | "-E"));
                printed(rest, " ", "\n")
            }
            "printf" => {
                let rest =
                    if words.first().is_some_and(|word| word.text == "--") { words.get(1..) } else { Some(words) };
                rest.unwrap_or_default()
                    .split_first()
                    .map_or(Stream::Nothing, |(format, words)| formatted(format, words))
            }
            "yes" => Stream::Text(words.first().map_or("y", |word| word.text.as_str()).to_owned() + "\n"),
            "cat" | "envsubst" | "tee" | "head" | "tail" | "sort" | "uniq" | "cut" | "sponge" => {
                let files: Vec<&Word> = words.iter().filter(|word| !word.text.starts_with('-')).collect();
                if program != "cat" || files.is_empty() {
                    return match (program, &call.stdin) {
                        ("cat" | "tee" | "envsubst", stdin) => stdin.clone(),
                        (_, Stream::Text(_)) if files.is_empty() => call.stdin.clone(),
                        _ => Stream::Unknown(format!("what `{program}` prints")),
                    };
                }
                let at = At { text: "", origin: &call.origin };
                let mut text = String::new();
                for file in files {
                    match self.content(file, shell, at) {
                        Stream::Text(part) => text.push_str(&part),
                        Stream::Nothing => {}
                        unknown @ Stream::Unknown(_) => return unknown,
                    }
                }
                Stream::Text(text)
            }
            "mktemp" => Stream::Text("/tmp/mktemp\n".to_owned()),
            "pwd" => shell.folder.clone().map_or(Stream::Unknown("the folder".to_owned()), |folder| {
                Stream::Text(if folder.is_empty() { ".".to_owned() } else { folder })
            }),
            "which" | "command" | "type" => match words.iter().rev().find_map(Word::known) {
                Some(name) => Stream::Text(format!("{name}\n")),
                None => Stream::Unknown(format!("what `{program}` prints")),
            },
            "find" | "fd" => found(words),
            "true" | ":" | "cd" | "export" | "set" | "mkdir" | "touch" | "sleep" | "test" | "[" => Stream::Nothing,
            _ => Stream::Unknown(format!("what `{program}` prints")),
        }
    }
}

fn printed<'w>(words: impl Iterator<Item = &'w Word>, between: &str, end: &str) -> Stream {
    let words: Vec<&Word> = words.collect();
    if let Some(unknown) = words.iter().find(|word| word.is_opaque()) {
        return Stream::Unknown(unknown.reason.clone().unwrap_or_else(|| unknown.text.clone()));
    }
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(between);
    Stream::Text(text.replace("\\n", "\n") + end)
}

/// What `printf` prints: its format once for as many words as it takes, until there are no more.
fn formatted(format: &Word, words: &[Word]) -> Stream {
    if let Some(unknown) = [format].into_iter().chain(words).find(|word| word.is_opaque()) {
        return Stream::Unknown(unknown.reason.clone().unwrap_or_else(|| unknown.text.clone()));
    }
    let mut out = String::new();
    let mut words = words.iter();
    loop {
        let left = words.len();
        let mut parts = format.text.split('%');
        out.push_str(parts.next().unwrap_or_default());
        while let Some(part) = parts.next() {
            if part.is_empty() {
                // `%%`
                out.push('%');
                out.push_str(parts.next().unwrap_or_default());
                continue;
            }
            let at = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
            out.push_str(words.next().map(|word| word.text.as_str()).unwrap_or_default());
            out.push_str(part.get(at..).unwrap_or_default());
        }
        if out.len() > MAX_COMMAND_BYTES {
            return Stream::Unknown("what `printf` prints".to_owned());
        }
        if words.len() == 0 || words.len() == left {
            return Stream::Text(out.replace("\\n", "\n"));
        }
    }
}

/// What `find -name X` prints: paths that end with that pattern.
fn found(words: &[Word]) -> Stream {
    let name = words.iter().position(|word| matches!(word.text.as_str(), "-name" | "-iname"));
    let pattern = name.and_then(|at| words.get(at + 1)).and_then(Word::known);
    let root = words.first().and_then(Word::known).filter(|root| !root.starts_with('-')).unwrap_or(".");
    match pattern {
        Some(pattern) => Stream::Text(format!("{}/{pattern}\n", root.trim_end_matches('/'))),
        None => Stream::Unknown("what `find` prints".to_owned()),
    }
}
