//! What a Dockerfile says of an image.
//!
//! A stage is a resource (`docker/stage`), its address `stage NAME`; what it runs is read [as a script](crate::shell). What takes
//! something from another stage has an address of its own (`uses NAME`), so that it can be asked whether a stage is one that is shipped.
//! Arguments and variables (`$VERSION`) are filled in when the image is built, and unknown.

use crate::found::Found;
use crate::shell;
use crate::terraform::syntax::Block;
use countersign_grammars::dockerfile::{Instruction, escape, instructions, joined};
use std::ops::Range;

/// The blocks of a unit: of the stage in it.
pub(crate) fn blocks(source: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut reader = Reader { source, escape: escape(source), stage: None };
    for instruction in instructions(source) {
        reader.read(&instruction, &mut blocks);
    }
    blocks.extend(reader.stage.map(Stage::block));
    blocks
}

/// A stage, as far as it was read.
struct Stage {
    address: String,
    range: Range<usize>,
    found: Found,
    user: Option<(String, Range<usize>)>,
    variables: Vec<(String, String, Range<usize>)>,
}

struct Reader<'s> {
    source: &'s str,
    escape: u8,
    stage: Option<Stage>,
}

/// A word of an instruction, without quotes.
struct Word<'t> {
    text: &'t str,
    range: Range<usize>,
}

impl Reader<'_> {
    fn read(&mut self, instruction: &Instruction, blocks: &mut Vec<Block>) {
        let name = self.source.get(instruction.name.clone()).unwrap_or_default().to_ascii_uppercase();
        let rest = instruction.rest.clone();
        let text = joined(self.source.get(rest.clone()).unwrap_or_default(), self.escape);
        let all = words(&text, rest.start);
        let (flags, words): (Vec<_>, Vec<_>) = all.into_iter().partition(|word| word.text.starts_with("--"));
        match name.as_str() {
            "FROM" => {
                let Some(image) = words.first() else { return };
                let is_named = words.get(1).is_some_and(|word| word.text.eq_ignore_ascii_case("as"));
                let alias = words.get(2).filter(|_| is_named).map(|word| word.text.to_ascii_lowercase());
                blocks.extend(uses(image));
                let found = Found::new().value("image", image.text, image.range.clone());
                let address = alias.map_or_else(|| "stage".to_owned(), |alias| format!("stage {alias}"));
                let range = instruction.name.start..rest.end;
                self.stage = Some(Stage { address, range, found, user: None, variables: Vec::new() });
            }
            "COPY" | "ADD" => blocks.extend(flags.iter().filter_map(|flag| from_flag(flag, "--from="))),
            "RUN" => {
                blocks.extend(flags.iter().filter_map(|flag| mounted(flag)));
                self.run(instruction, &text, flags.last().map_or(0, |flag| flag.range.end - rest.start), blocks);
            }
            "USER" => {
                if let (Some(stage), Some(user)) = (&mut self.stage, words.first()) {
                    stage.user = Some((user.text.to_owned(), user.range.clone()));
                }
            }
            "ENV" | "ARG" => {
                let Some(stage) = &mut self.stage else { return };
                let spaced = name == "ENV" && words.first().is_some_and(|word| !word.text.contains('='));
                if spaced {
                    if let [name, value, ..] = &*words {
                        stage.variables.push((name.text.to_owned(), value.text.to_owned(), value.range.clone()));
                    }
                    return;
                }
                for word in words {
                    let Some((name, value)) = word.text.split_once('=') else { continue };
                    let quoted = value.trim_matches(['"', '\'']);
                    let start = word.range.start + name.len() + 1 + usize::from(quoted.len() < value.len());
                    stage.variables.push((name.to_owned(), quoted.to_owned(), start..start + quoted.len()));
                }
            }
            _ => {}
        }
        if let Some(stage) = &mut self.stage {
            stage.range.end = stage.range.end.max(instruction.heredocs.last().map_or(rest.end, |heredoc| heredoc.end));
        }
    }

    /// What an instruction runs: a line for a shell, or heredocs for one. In the form of a list there is no shell.
    fn run(&self, instruction: &Instruction, text: &str, from: usize, blocks: &mut Vec<Block>) {
        let line = text.get(from..).unwrap_or_default();
        if !line.trim_start().starts_with('[') && instruction.heredocs.is_empty() {
            let start = instruction.rest.start + from;
            shell::add_text(line, &|range| start + range.start..start + range.end, blocks);
        }
        // A heredoc by itself is the script; else it is what a program reads.
        if line.trim_start().starts_with("<<") {
            for heredoc in &instruction.heredocs {
                let script = self.source.get(heredoc.clone()).unwrap_or_default();
                shell::add_text(script, &|range| heredoc.start + range.start..heredoc.start + range.end, blocks);
            }
        }
    }
}

impl Stage {
    fn block(self) -> Block {
        let mut found = self.found;
        if let Some((user, range)) = self.user {
            found = found.value("user", &user, range);
        }
        if !self.variables.is_empty() {
            found = found.map("variables", &self.variables, self.range.clone());
        }
        found.block("docker/stage", &self.address, self.range)
    }
}

/// The words of a text that stands somewhere; what is in quotes is one.
fn words(text: &str, at: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let bytes = text.as_bytes();
    let mut from = 0;
    while from < bytes.len() {
        if bytes[from].is_ascii_whitespace() {
            from += 1;
            continue;
        }
        let mut quote = None;
        let mut to = from;
        while to < bytes.len() {
            match (quote, bytes[to]) {
                (None, byte) if byte.is_ascii_whitespace() => break,
                (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
                (Some(open), byte) if open == byte => quote = None,
                _ => {}
            }
            to += 1;
        }
        words.push(Word { text: text.get(from..to).unwrap_or_default(), range: at + from..at + to });
        from = to;
    }
    words
}

/// That a stage is taken something from.
fn uses(image: &Word<'_>) -> Option<Block> {
    let is_name = !image.text.contains(['$', '/', ':', '@']);
    is_name.then(|| {
        let address = format!("uses {}", image.text.to_ascii_lowercase());
        Found::new().block("docker/uses", &address, image.range.clone())
    })
}

/// The stage that a flag of this name names.
fn from_flag(flag: &Word<'_>, name: &str) -> Option<Block> {
    let text = flag.text.strip_prefix(name)?;
    uses(&Word { text, range: flag.range.clone() })
}

/// The stage that a mount is from.
fn mounted(flag: &Word<'_>) -> Option<Block> {
    let from = flag.text.strip_prefix("--mount=")?.split(',').find_map(|part| part.strip_prefix("from="))?;
    uses(&Word { text: from, range: flag.range.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, String)> {
        let tell =
            |block: Block| (block.kind.to_string(), block.address.to_string(), text[block.range.range()].to_owned());
        blocks(text).into_iter().map(tell).collect()
    }

    fn of(kind: &str, text: &str) -> Vec<String> {
        told(text).into_iter().filter(|(of, ..)| of == kind).map(|(_, address, _)| address).collect()
    }

    #[test]
    fn a_stage_says_what_it_takes() {
        let text = "FROM --platform=linux/amd64 node:22 AS Build\nCOPY --from=assets /a /b\nRUN --mount=type=bind,from=tools,target=/t make\n";
        assert_eq!(of("docker/stage", text), ["stage build"]);
        assert_eq!(of("docker/uses", text), ["uses assets", "uses tools"]);
        assert_eq!(of("docker/uses", "FROM build\n"), ["uses build"]);
        assert_eq!(of("docker/uses", "FROM $BASE\nCOPY --from=nginx:1 /a /b\n"), [""; 0]);
    }

    #[test]
    fn what_it_runs_is_a_script() {
        let line = "FROM a:1\nRUN apt-get update && \\\n  # the tool\n  curl -fsSL https://x.example | sh\n";
        assert_eq!(of("shell/script", line), ["script"]);
        let heredoc = "FROM a:1\nRUN <<EOF\nset -e\nkubectl delete namespace shop\nEOF\n";
        let operations: Vec<_> = told(heredoc).into_iter().filter(|(kind, ..)| kind == "shell/operation").collect();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].2, "kubectl delete namespace shop");
        assert_eq!(of("shell/operation", "FROM a:1\nRUN [\"kubectl\", \"delete\", \"ns\", \"a\"]\n"), [""; 0]);
    }
}
