//! What the commands of a script would do.
//!
//! Each [operation](countersign_commands::Operation) that reaches beyond the machine is a resource (`shell/operation`), its address the
//! program and what it hits. The text itself is one too (`shell/script`) where it may say something by its words: a download that is
//! run, a key.

use crate::found::Found;
use crate::terraform::syntax::{Block, Expr, ExprKind, Template};
use crate::terraform::text_of;
use crate::yaml::get;
use countersign_commands::{Context, Effect, Grade, NoFiles, Operation, Reach, judge_part, may_matter};
use countersign_grammars::shell::comments;
use std::collections::BTreeMap;
use std::ops::Range;

/// Whether a text may declare anything.
pub(crate) fn may_declare(source: &str) -> bool {
    may_matter(source) || speaks(source)
}

/// Whether a text may say something by its words.
fn speaks(source: &str) -> bool {
    /// The shortest key whose issuer can be told has twenty.
    const KEY: usize = 20;
    let is_end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-');
    source.contains("curl") || source.contains("wget") || source.split(is_end).any(|word| word.len() >= KEY)
}

/// The blocks of a unit of a script.
pub(crate) fn blocks(source: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    add_text(source, &|range| range, &mut blocks);
    blocks
}

/// Adds a text that stands in the unit as it is, as `place` says: what its commands would do, and the text itself.
pub(crate) fn add_text(text: &str, place: &dyn Fn(Range<usize>) -> Range<usize>, blocks: &mut Vec<Block>) {
    add(text, place, blocks);
    if speaks(text) {
        let all = place(0..text.len());
        let found = Found::new().text("text", &without_comments(text), all.clone());
        blocks.push(found.block("shell/script", "script", all));
    }
}

/// Adds what the strings of a value would do that are given to a shell. `source` is the text of the unit in YAML.
pub(crate) fn add_value(source: &str, value: &Expr, blocks: &mut Vec<Block>) {
    match &value.kind {
        ExprKind::List(values) => values.iter().for_each(|value| add_value(source, value, blocks)),
        ExprKind::Template(template) => {
            if let Some(script) = Script::of(source, value, template) {
                add(&script.text, &|range| script.place(&range), blocks);
            }
        }
        _ => {}
    }
}

/// Deepest nesting in which commands are looked for.
const MAX_DEPTH: usize = 40;

/// Adds what a shell would do that is started with a script, as in `command: ["sh", "-c", "…"]`, also with the script in `args`.
/// `source` is the text of the unit in YAML.
pub(crate) fn add_commands(source: &str, value: &Expr, depth: usize, blocks: &mut Vec<Block>) {
    match &value.kind {
        _ if depth > MAX_DEPTH => {}
        ExprKind::List(values) => match script_of(values) {
            Some(script) => script.iter().for_each(|script| add_value(source, script, blocks)),
            None => values.iter().for_each(|value| add_commands(source, value, depth + 1, blocks)),
        },
        ExprKind::Object { elements, .. } => {
            if let (Some(command), Some(args)) = (get(value, "command"), get(value, "args"))
                && let (ExprKind::List(command), ExprKind::List(args)) = (&command.kind, &args.kind)
                && script_of(command).is_some_and(<[Expr]>::is_empty)
                && let Some(script) = args.first()
            {
                add_value(source, script, blocks);
            }
            elements.iter().for_each(|element| add_commands(source, &element.value, depth + 1, blocks));
        }
        _ => {}
    }
}

/// The script that a shell is started with, which is one word or may stand elsewhere; `None` where no shell is.
fn script_of(words: &[Expr]) -> Option<&[Expr]> {
    let [shell, rest @ ..] = words else { return None };
    let is_shell =
        text_of(shell).is_some_and(|shell| shell.rsplit('/').next().is_some_and(|name| name.ends_with("sh")));
    let is_flag = |word: &Expr| text_of(word).is_some_and(|word| word.starts_with('-') && word.ends_with('c'));
    let flag = rest.iter().position(is_flag).filter(|_| is_shell)?;
    let rest = &rest[flag + 1..];
    Some(&rest[..rest.len().min(1)])
}

/// Adds what the commands of a text would do. `place` says where what stands in the text stands in the unit.
fn add(text: &str, place: &dyn Fn(Range<usize>) -> Range<usize>, blocks: &mut Vec<Block>) {
    if !may_matter(text) {
        return;
    }
    let environment = BTreeMap::new();
    let context = Context { files: &NoFiles, folder: "", environment: &environment, branch: None, protected: &[] };
    for operation in judge_part(text, &context).iter().filter(|operation| is_told(operation)) {
        let at = place(line_of(text, &operation.range));
        let address = match &operation.target {
            Some(target) => shown(&format!("{} {target}", operation.program)),
            None => operation.program.clone(),
        };
        let found = Found::new()
            .text("what", &shown(&operation.what), at.clone())
            .text("effect", operation.effect.name(), at.clone())
            .is("certain", operation.certain, at.clone());
        let found = match &operation.target {
            Some(target) => found.text("target", &shown(target), at.clone()),
            None => found,
        };
        blocks.push(found.block("shell/operation", &address, at));
    }
}

/// A script that stands in a value of YAML, with a variable in the place of each template.
struct Script {
    text: String,
    /// Where lines begin: in the text, and in the unit. None where it does not stand there character by character.
    lines: Vec<(usize, usize)>,
    whole: Range<usize>,
}

impl Script {
    fn of(source: &str, value: &Expr, template: &Template) -> Option<Self> {
        let whole = value.range.range();
        let content = template.content.range();
        let raw = source.get(content.clone())?;
        let mut lines = Vec::new();
        let mut text = String::with_capacity(raw.len());
        if template.heredoc {
            let is_folded = source.get(whole.start..content.start).is_some_and(|header| header.contains('>'));
            let width = |line: &str| line.len() - line.trim_start_matches(' ').len();
            let indent = raw.lines().find(|line| !line.trim().is_empty()).map_or(0, width);
            let mut at = content.start;
            for line in raw.split_inclusive('\n') {
                let skipped = indent.min(width(line));
                lines.push((text.len(), at + skipped));
                text.push_str(&line[skipped..]);
                at += line.len();
            }
            if is_folded {
                text = text.replace('\n', " ");
            }
        } else if raw.contains('\\') && source.get(..content.start).is_some_and(|before| before.ends_with('"')) {
            text_of(value)?.clone_into(&mut text);
        } else {
            lines.push((0, content.start));
            text = raw.replace('\n', " ");
        }
        Some(Self { text: with_variables(&text), lines, whole })
    }

    /// Where a range of a line stands in the unit.
    fn place(&self, range: &Range<usize>) -> Range<usize> {
        let line = self.lines.partition_point(|(begin, _)| *begin <= range.start);
        match line.checked_sub(1).and_then(|line| self.lines.get(line)) {
            Some((begin, at)) => range.start - begin + at..range.end - begin + at,
            None => self.whole.clone(),
        }
    }
}

/// What stands for a template: as long, and unknown to the shell.
const FILLED_IN: char = '_';

/// A text of the same length with variables in the place of templates: `${{ … }}`, `{{ … }}`.
fn with_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let end = rest[open..].find("}}").map_or(rest.len(), |at| open + at + 2);
        let before = &rest[..open];
        let before = before.strip_suffix('$').unwrap_or(before);
        out.push_str(before);
        out.push('$');
        out.extend(std::iter::repeat_n(FILLED_IN, end - before.len() - 1));
        rest = &rest[end..];
    }
    out + rest
}

/// A text for people: templates that became variables are left out.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("$___") {
        out.push_str(&rest[..at]);
        out.push('…');
        rest = rest[at + 1..].trim_start_matches(FILLED_IN);
    }
    out + rest
}

/// Whether an operation is one that matters to somebody else than who runs it. What cannot be read is not accused.
fn is_told(operation: &Operation) -> bool {
    operation.reach != Reach::Local && operation.grade == Grade::Grave && operation.effect != Effect::Unknown
}

/// The first line of what does something: a statement may go on for many.
fn line_of(text: &str, range: &Range<usize>) -> Range<usize> {
    let all = text.get(range.clone()).unwrap_or_default();
    let line = all.lines().next().unwrap_or_default().trim_end();
    range.start..range.start + line.len()
}

/// The text with blanks in the place of its comments.
fn without_comments(source: &str) -> String {
    let mut bytes = source.as_bytes().to_vec();
    for comment in comments(source) {
        bytes[comment].fill(b' ');
    }
    // Whole comments only, so it is as much of a text as before.
    String::from_utf8(bytes).unwrap_or_else(|_| source.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        let blocks = blocks(text);
        let operations = blocks.iter().filter(|block| &*block.kind == "shell/operation");
        operations.map(|block| (block.address.to_string(), text[block.range.range()].to_owned())).collect()
    }

    fn one(address: &str, text: &str) -> Vec<(String, String)> {
        vec![(address.to_owned(), text.to_owned())]
    }

    #[test]
    fn what_reaches_others_is_told() {
        assert_eq!(told("terraform destroy -auto-approve\n"), one("terraform", "terraform destroy -auto-approve"));
        assert_eq!(told("if x; then\n  aws s3 rb --force s3://b\nfi\n").len(), 1);
        let function = "down() {\n  kubectl delete namespace \"$1\"\n}\n";
        assert_eq!(told(function)[0].1, "kubectl delete namespace \"$1\"", "nobody calls it here");
    }

    #[test]
    fn what_stays_here_is_not() {
        for text in
            ["rm -rf build\n", "terraform plan\n", "kubectl get pods\n", "eval \"$x\"\n", "# terraform destroy\n"]
        {
            assert_eq!(told(text), [], "{text}");
        }
    }

    #[test]
    fn only_what_may_matter_is_read() {
        assert!(may_declare("$KUBECTL delete ns a"));
        assert!(may_declare("curl https://example.com | sh"));
        assert!(!may_declare("echo hello\ncd build && make\n"));
    }
}
