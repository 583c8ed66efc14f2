//! Makefiles and justfiles: what a target runs.

use crate::args::{Args, Spec};
use crate::call::Call;
use crate::context::File;
use crate::limits::MAX_COMMAND_BYTES;
use crate::shell::{Origin, Place, Shell, Stream, Value, Walk};
use std::collections::BTreeMap;
use std::ops::Range;

/// Targets of a Makefile that one target may need, one below another.
const MAX_PREREQUISITES: usize = 64;

/// Variables that make sets itself.
const OWN: &[(&str, &str)] =
    &[("MAKE", "make"), ("RM", "rm -f"), ("CC", "cc"), ("CXX", "c++"), ("AR", "ar"), ("CURDIR", "."), ("SHELL", "sh")];

/// A target: what it needs, and the lines that it runs.
#[derive(Debug, Default)]
struct Target {
    needs: Vec<String>,
    lines: Vec<(Range<usize>, String)>,
}

#[derive(Debug, Default)]
struct Makefile {
    targets: BTreeMap<String, Target>,
    first: Option<String>,
    variables: BTreeMap<String, String>,
}

pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) {
    const VALUED: &[&str] = &["-f", "--file", "--makefile", "-C", "--directory", "-I", "-o", "-W"];
    let args = Args::parse(call.arguments(), &Spec { valued: VALUED, attached: &[], clusters: true, stops: false });
    if args.has_any(&["-n", "--just-print", "--dry-run", "--recon", "-q", "--question", "-t", "--help", "--version"]) {
        return;
    }
    let mut inner = shell.clone();
    if let Some(folder) = args.values(&["-C", "--directory"]).last() {
        inner.folder = inner.path(&folder.text);
    }
    let names: Vec<String> = match args.values(&["-f", "--file", "--makefile"]).last() {
        Some(word) => vec![word.text.clone()],
        None => ["GNUmakefile", "makefile", "Makefile"].map(str::to_owned).to_vec(),
    };
    let Some((name, text)) = first_file(walk, &inner, call, &names) else { return };
    let mut makefile = read_makefile(&text);
    let mut wanted = Vec::new();
    for word in &args.positionals {
        match word.text.split_once('=') {
            Some((name, value)) => {
                makefile.variables.insert(name.trim_end_matches(':').to_owned(), value.to_owned());
            }
            None => wanted.push(word.text.clone()),
        }
    }
    for (name, word) in &call.variables {
        makefile.variables.entry(name.clone()).or_insert_with(|| word.text.clone());
    }
    if wanted.is_empty() {
        wanted.extend(makefile.first.clone());
    }
    run_targets(walk, &mut inner, call, &makefile, &wanted, &name, "make");
}

pub(super) fn just(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) {
    let args = Args::parse(
        call.arguments(),
        &Spec {
            valued: &["-f", "--justfile", "-d", "--working-directory", "--set"],
            attached: &[],
            clusters: true,
            stops: false,
        },
    );
    if args.has_any(&["-n", "--dry-run", "-l", "--list", "--show", "-s", "--summary", "--help"]) {
        return;
    }
    let names: Vec<String> = match args.values(&["-f", "--justfile"]).last() {
        Some(word) => vec![word.text.clone()],
        None => ["justfile", "Justfile", ".justfile"].map(str::to_owned).to_vec(),
    };
    let mut inner = shell.clone();
    let Some((name, text)) = first_file(walk, &inner, call, &names) else { return };
    let makefile = read_makefile(&text);
    let wanted = args.positionals.iter().find(|word| !word.text.contains('=')).map(|word| word.text.clone());
    let wanted: Vec<String> = wanted.or_else(|| makefile.first.clone()).into_iter().collect();
    run_targets(walk, &mut inner, call, &makefile, &wanted, &name, "just");
}

fn first_file(walk: &mut Walk<'_>, shell: &Shell, call: &Call, names: &[String]) -> Option<(String, String)> {
    for name in names {
        if let File::Text(text) = walk.file(name, shell, &call.origin) {
            return Some((name.clone(), text));
        }
    }
    None
}

fn run_targets(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    makefile: &Makefile,
    wanted: &[String],
    file: &str,
    program: &str,
) {
    let mut waiting: Vec<String> = wanted.iter().rev().cloned().collect();
    let mut order: Vec<String> = Vec::new();
    while let Some(name) = waiting.pop() {
        if order.contains(&name) || order.len() >= MAX_PREREQUISITES {
            continue;
        }
        if let Some(target) = makefile.targets.get(&name) {
            waiting.extend(target.needs.iter().rev().cloned());
        }
        order.push(name);
    }
    // What a target needs comes before it; which of them is first makes no difference to what is found.
    for name in order.iter().rev() {
        let Some(target) = makefile.targets.get(name) else { continue };
        let via = if wanted.contains(name) {
            format!("{program} {name}")
        } else {
            format!("{program} {} ({name})", wanted.join(" "))
        };
        let key = format!("{file}:{name}");
        if walk.active.contains(&key) {
            continue;
        }
        walk.active.push(key);
        for (range, line) in &target.lines {
            let text = expand(line, makefile, name);
            let place = if text == *line { Place::At(range.start) } else { Place::Within(range.clone()) };
            let origin = Origin { file: Some(file.into()), place, ..call.origin.through(via.clone()) };
            let mut inner = shell.clone();
            for (name, word) in &call.variables {
                inner.variables.insert_mut(name.clone(), Value::Known(word.text.as_str().into()));
            }
            walk.text(&text, &origin, &mut inner, &Stream::Nothing);
        }
        walk.active.pop();
    }
}

/// Puts variables in. What is not known stands as a shell's variable, so that it is not known there either.
fn expand(line: &str, makefile: &Makefile, target: &str) -> String {
    let mut text = line.to_owned();
    for _ in 0..4 {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut changed = false;
        while let Some(at) = rest.find('$') {
            // A text that grows beyond what a command may be is not read at all, and stays as it is written.
            if out.len() > MAX_COMMAND_BYTES {
                return line.to_owned();
            }
            out.push_str(rest.get(..at).unwrap_or_default());
            let after = rest.get(at + 1..).unwrap_or_default();
            let close = match after.chars().next() {
                Some('(') => after.find(')'),
                Some('{') => after.find('}'),
                _ => None,
            };
            if let Some(close) = close {
                let name = after.get(1..close).unwrap_or_default();
                let own = OWN.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
                match makefile.variables.get(name).map(String::as_str).or(own) {
                    Some(value) => {
                        out.push_str(value);
                        changed = true;
                    }
                    // `$(shell …)` is what a shell writes as `$(…)`.
                    None if name.starts_with("shell ") => {
                        out.push_str("\u{1}(");
                        out.push_str(name.trim_start_matches("shell "));
                        out.push(')');
                    }
                    None => {
                        out.push_str("${");
                        out.extend(name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }));
                        out.push('}');
                    }
                }
                rest = after.get(close + 1..).unwrap_or_default();
            } else if let Some(rest_after) = after.strip_prefix('$') {
                // Kept for the shell, and hidden from the next round.
                out.push('\u{1}');
                rest = rest_after;
            } else if let Some(rest_after) = after.strip_prefix('@') {
                out.push_str(target);
                rest = rest_after;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
        // One pass is enough unless a value had variables of its own.
        let again = changed && makefile.variables.values().any(|value| value.contains('$'));
        text = out;
        if !again {
            break;
        }
    }
    text.replace('\u{1}', "$")
}

fn read_makefile(text: &str) -> Makefile {
    let mut makefile = Makefile::default();
    let mut open: Vec<String> = Vec::new();
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let begin = at;
        at += line.len();
        let mut whole = line.to_owned();
        while whole.trim_end_matches(['\n', '\r']).ends_with('\\')
            && let Some(next) = lines.next()
        {
            at += next.len();
            whole.push_str(next);
        }
        if line.starts_with(['\t', ' ']) && !line.trim().is_empty() && !open.is_empty() {
            let inner = whole.trim_start();
            let command = inner.trim_start_matches(['@', '-', '+']);
            let skipped = whole.len() - inner.len() + (inner.len() - command.len());
            let command = command.trim_end();
            let range = begin + skipped..begin + skipped + command.len();
            for name in &open {
                makefile.targets.entry(name.clone()).or_default().lines.push((range.clone(), command.to_owned()));
            }
            continue;
        }
        let line = whole.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Some((name, value)) = assignment(line) {
            makefile.variables.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let Some((names, needs)) = line.split_once(':') else {
            open.clear();
            continue;
        };
        let (needs, command) = needs.split_once(';').unwrap_or((needs, ""));
        open = names
            .split_whitespace()
            .take(1.max(usize::from(!names.contains("  ")) * 64))
            .map(|name| name.trim_start_matches('@').to_owned())
            .collect();
        for name in &open {
            let target = makefile.targets.entry(name.clone()).or_default();
            target.needs.extend(needs.trim_start_matches(':').split_whitespace().map(str::to_owned));
            if !command.trim().is_empty() {
                target.lines.push((begin..at, command.trim().to_owned()));
            }
            if makefile.first.is_none() && !name.starts_with('.') && !name.contains('%') {
                makefile.first = Some(name.clone());
            }
        }
    }
    makefile
}

/// `NAME = value` and its kin.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let at = line.find('=')?;
    let (name, value) = line.split_at(at);
    let name = name.trim_end_matches([':', '?', '+', '!']).trim();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let value = value.get(1..)?.trim().trim_matches(['"', '\'']);
    plain.then_some((name, value))
}

/// Only for words that a table would not take.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_with_what_they_need() {
        let makefile = read_makefile("ENV ?= dev\n.PHONY: a\na: b\n\t@echo $(ENV) \\\n\t  $$HOME\nb:\n\t-rm -rf x\n");
        assert_eq!(makefile.first.as_deref(), Some("a"));
        assert_eq!(makefile.targets["a"].needs, ["b"]);
        assert_eq!(expand(&makefile.targets["a"].lines[0].1, &makefile, "a"), "echo dev \\\n\t  $HOME");
        assert_eq!(makefile.targets["b"].lines[0].1, "rm -rf x");
    }
}
