//! Evaluation against a tiny interpreter, and: what is known while something is unknown holds whatever that is.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]
#![expect(clippy::float_cmp, reason = "whole numbers")]
#![expect(clippy::unnecessary_box_returns, reason = "for a tree")]

use countersign_grammars::Language;
use countersign_infra::terraform::{Evaluation, MAX_STEPS, Scope, Workspace, lower};
use countersign_infra::{Value, ValueKind};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::Arc;
use tree_sitter::Parser;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Bool,
    Text,
    List,
    Map,
}

/// An expression. What it is written as, how strong it binds, and what it is made of.
#[derive(Debug, Clone)]
enum Tree {
    Number(i32),
    Bool(bool),
    Text(&'static str),
    List(Vec<Tree>),
    Local(Kind, usize),
    Variable(Kind, usize),
    If(Box<[Tree; 3]>),
    Both(&'static str, Box<[Tree; 2]>),
    Not(Box<Tree>),
    Minus(Box<Tree>),
    Join(Vec<Tree>),
    Length(Box<Tree>),
    Concat(Box<[Tree; 2]>),
    Element(Box<[Tree; 2]>),
    /// Something that the interpreter does not know: words with expressions between them.
    Other(&'static [&'static str], Vec<Tree>),
}

#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Number(f64),
    Bool(bool),
    Text(String),
    List(Vec<Plain>),
}

/// Makes expressions from bytes; none left makes the smallest.
struct Maker<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// Also what the interpreter does not know.
    all: bool,
    /// Locals that may be used, of each kind.
    locals: usize,
}

const TEXTS: &[&str] = &["", "a", "b", "ab", "x y", "é"];

/// Forms of which the parts are, in order, of these kinds.
const OTHERS: &[(Kind, &[&str], &[Kind])] = &[
    (Kind::Map, &["{ a = ", ", b = ", " }"], &[Kind::Number, Kind::Number]),
    (Kind::Map, &["merge(", ", ", ")"], &[Kind::Map, Kind::Map]),
    (Kind::Map, &["{ for k, v in ", " : k => v + ", " }"], &[Kind::Map, Kind::Number]),
    (Kind::Map, &["{ for k, v in ", " : k => v if v > ", " }"], &[Kind::Map, Kind::Number]),
    (Kind::Map, &["{ for x in ", " : \"k${x}\" => x... if ", " }"], &[Kind::List, Kind::Bool]),
    (Kind::Map, &["zipmap([\"a\", \"c\"], [", ", ", "])"], &[Kind::Number, Kind::Number]),
    (Kind::Number, &["lookup(", ", \"a\", ", ")"], &[Kind::Map, Kind::Number]),
    (Kind::Number, &["try(", ".c, ", ")"], &[Kind::Map, Kind::Number]),
    (Kind::Number, &["try(", "[", "], 7)"], &[Kind::List, Kind::Number]),
    (Kind::Number, &["length(", ")"], &[Kind::Map]),
    (Kind::Number, &["sum(concat(", ", [1]))"], &[Kind::List]),
    (Kind::Number, &["max(", ", ", ")"], &[Kind::Number, Kind::Number]),
    (Kind::Number, &["coalesce(", ", ", ")"], &[Kind::Number, Kind::Number]),
    (Kind::Bool, &["can(", ".a)"], &[Kind::Map]),
    (Kind::Bool, &["contains(", ", ", ")"], &[Kind::List, Kind::Number]),
    (Kind::Bool, &["alltrue([", ", ", "])"], &[Kind::Bool, Kind::Bool]),
    (Kind::Bool, &["anytrue([", ", ", "])"], &[Kind::Bool, Kind::Bool]),
    (Kind::Bool, &["startswith(", ", ", ")"], &[Kind::Text, Kind::Text]),
    (Kind::Bool, &["", " == null"], &[Kind::Text]),
    (Kind::List, &["[for x in ", " : x * ", "]"], &[Kind::List, Kind::Number]),
    (Kind::List, &["[for x in ", " : x if x != ", "]"], &[Kind::List, Kind::Number]),
    (Kind::List, &["values(", ")"], &[Kind::Map]),
    (Kind::List, &["flatten([", ", [", "]])"], &[Kind::List, Kind::Number]),
    (Kind::List, &["distinct(", ")"], &[Kind::List]),
    (Kind::List, &["reverse(", ")"], &[Kind::List]),
    (Kind::List, &["slice(", ", 0, ", ")"], &[Kind::List, Kind::Number]),
    (Kind::List, &["[", "][*]"], &[Kind::Number]),
    (Kind::Text, &["upper(", ")"], &[Kind::Text]),
    (Kind::Text, &["join(\"-\", ", ")"], &[Kind::List]),
    (Kind::Text, &["join(\"-\", keys(", "))"], &[Kind::Map]),
    (Kind::Text, &["replace(", ", \"a\", ", ")"], &[Kind::Text, Kind::Text]),
    (Kind::Text, &["format(\"%s-%d\", ", ", ", ")"], &[Kind::Text, Kind::Number]),
    (Kind::Text, &["coalesce(", ", ", ")"], &[Kind::Text, Kind::Text]),
    (Kind::Text, &["\"%{ if ", " }y%{ else }n${", "}%{ endif }\""], &[Kind::Bool, Kind::Text]),
];

impl Maker<'_> {
    fn choose(&mut self, among: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % among
    }

    fn many(&mut self, kind: Kind, depth: usize) -> Vec<Tree> {
        (0..self.choose(4)).map(|_| self.make(kind, depth)).collect()
    }

    fn two(&mut self, kinds: [Kind; 2], depth: usize) -> Box<[Tree; 2]> {
        Box::new(kinds.map(|kind| self.make(kind, depth)))
    }

    fn make(&mut self, kind: Kind, depth: usize) -> Tree {
        let which = if depth == 0 { self.choose(3) } else { self.choose(14) };
        let less = depth.saturating_sub(1);
        match which {
            1 if self.locals > 0 => return Tree::Local(kind, self.choose(self.locals)),
            2 if self.all => return Tree::Variable(kind, self.choose(2)),
            3 => {
                let condition = self.make(Kind::Bool, less);
                return Tree::If(Box::new([condition, self.make(kind, less), self.make(kind, less)]));
            }
            4..=6 if self.all => {
                let forms: Vec<_> = OTHERS.iter().filter(|(of, ..)| *of == kind).collect();
                let (_, words, kinds) = forms[self.choose(forms.len())];
                return Tree::Other(words, kinds.iter().map(|kind| self.make(*kind, less)).collect());
            }
            _ => {}
        }
        match (kind, which) {
            (Kind::Number, 7) => Tree::Length(Box::new(self.make(Kind::List, less))),
            (Kind::Number, 8) => Tree::Minus(Box::new(self.make(Kind::Number, less))),
            (Kind::Number, 9) => Tree::Element(self.two([Kind::List, Kind::Number], less)),
            (Kind::Number, 10..) => {
                let operator = ["+", "-", "*"][self.choose(3)];
                Tree::Both(operator, self.two([Kind::Number; 2], less))
            }
            (Kind::Number, _) => Tree::Number(i32::try_from(self.choose(6)).unwrap_or(0)),
            (Kind::Bool, 7) => Tree::Not(Box::new(self.make(Kind::Bool, less))),
            (Kind::Bool, 8 | 9) => Tree::Both(["&&", "||"][self.choose(2)], self.two([Kind::Bool; 2], less)),
            (Kind::Bool, 10 | 11) => {
                let operator = ["<", "<=", ">", ">=", "==", "!="][self.choose(6)];
                Tree::Both(operator, self.two([Kind::Number; 2], less))
            }
            (Kind::Bool, 12..) => Tree::Both(["==", "!="][self.choose(2)], self.two([Kind::Text; 2], less)),
            (Kind::Bool, _) => Tree::Bool(self.choose(2) == 1),
            (Kind::Text, 7..) => {
                let mut parts = vec![Tree::Text("t")];
                parts.extend(self.many(Kind::Text, less));
                parts.extend(self.many(Kind::Number, less));
                Tree::Join(parts)
            }
            (Kind::Text, _) => Tree::Text(TEXTS[self.choose(TEXTS.len())]),
            (Kind::List, 7 | 8) => Tree::Concat(self.two([Kind::List; 2], less)),
            (Kind::List, _) => Tree::List(self.many(Kind::Number, less)),
            (Kind::Map, _) => Tree::Other(&["{ a = ", " }"], vec![self.make(Kind::Number, less)]),
        }
    }
}

const KINDS: [Kind; 5] = [Kind::Number, Kind::Bool, Kind::Text, Kind::List, Kind::Map];

fn strength(operator: &str) -> u8 {
    match operator {
        "||" => 1,
        "&&" => 2,
        "==" | "!=" => 3,
        "<" | "<=" | ">" | ">=" => 4,
        "+" | "-" => 5,
        _ => 6,
    }
}

/// Writes an expression, with parentheses only where they are needed.
fn write(tree: &Tree, least: u8, out: &mut String) {
    let binds = match tree {
        Tree::If(_) => 0,
        Tree::Both(operator, _) => strength(operator),
        Tree::Not(_) | Tree::Minus(_) => 7,
        // Their last part may be anything.
        Tree::Other(words, _) if words.first() == Some(&"") => 0,
        _ => 9,
    };
    if binds < least {
        out.push('(');
        write(tree, 0, out);
        out.push(')');
        return;
    }
    match tree {
        Tree::Number(number) => write!(out, "{number}").expect("a string"),
        Tree::Bool(bool) => write!(out, "{bool}").expect("a string"),
        Tree::Text(text) => write!(out, "\"{text}\"").expect("a string"),
        Tree::List(trees) => {
            out.push('[');
            for tree in trees {
                write(tree, 0, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Tree::Local(kind, at) => write!(out, "local.{}{at}", name(*kind)).expect("a string"),
        Tree::Variable(kind, at) => write!(out, "var.{}{at}", name(*kind)).expect("a string"),
        Tree::If(parts) => {
            write(&parts[0], 1, out);
            out.push_str(" ? ");
            write(&parts[1], 1, out);
            out.push_str(" : ");
            write(&parts[2], 0, out);
        }
        Tree::Both(operator, parts) => {
            write(&parts[0], binds, out);
            write!(out, " {operator} ").expect("a string");
            write(&parts[1], binds + 1, out);
        }
        Tree::Not(inner) => {
            out.push('!');
            write(inner, 7, out);
        }
        Tree::Minus(inner) => {
            out.push('-');
            write(inner, 8, out);
        }
        Tree::Join(parts) => {
            out.push('"');
            for part in parts {
                if let Tree::Text(text) = part {
                    out.push_str(text);
                } else {
                    out.push_str("${");
                    write(part, 0, out);
                    out.push('}');
                }
            }
            out.push('"');
        }
        Tree::Length(inner) => {
            out.push_str("length(");
            write(inner, 0, out);
            out.push(')');
        }
        Tree::Concat(parts) => {
            out.push_str("concat(");
            write(&parts[0], 0, out);
            out.push_str(", ");
            write(&parts[1], 0, out);
            out.push(')');
        }
        Tree::Element(parts) => {
            write(&parts[0], 9, out);
            out.push('[');
            write(&parts[1], 0, out);
            out.push(']');
        }
        Tree::Other(words, parts) => {
            for (at, word) in words.iter().enumerate() {
                out.push_str(word);
                if let Some(part) = parts.get(at) {
                    // What a word joins to the part behind or before it, binds as strong as can be.
                    let next = words[at + 1];
                    let is_inside =
                        next.starts_with([',', ')', ']', '}']) || next.starts_with(" }") || next.starts_with(" :");
                    write(part, if is_inside && !word.ends_with("+ ") && !word.ends_with("* ") { 0 } else { 9 }, out);
                }
            }
        }
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "n",
        Kind::Bool => "b",
        Kind::Text => "t",
        Kind::List => "l",
        Kind::Map => "m",
    }
}

/// What an expression comes to; nothing where Terraform would refuse it.
fn interpret(tree: &Tree, locals: &[(Kind, usize, Tree)]) -> Option<Plain> {
    let of = |tree: &Tree| interpret(tree, locals);
    let number = |tree: &Tree| match of(tree)? {
        Plain::Number(number) => Some(number),
        _ => None,
    };
    let truth = |tree: &Tree| match of(tree)? {
        Plain::Bool(bool) => Some(bool),
        _ => None,
    };
    let list = |tree: &Tree| match of(tree)? {
        Plain::List(list) => Some(list),
        _ => None,
    };
    Some(match tree {
        Tree::Number(number) => Plain::Number(f64::from(*number)),
        Tree::Bool(bool) => Plain::Bool(*bool),
        Tree::Text(text) => Plain::Text((*text).to_owned()),
        Tree::List(trees) => Plain::List(trees.iter().map(of).collect::<Option<_>>()?),
        Tree::Local(kind, at) => of(&locals.iter().find(|(known, index, _)| known == kind && index == at)?.2)?,
        Tree::If(parts) => of(&parts[if truth(&parts[0])? { 1 } else { 2 }])?,
        Tree::Not(inner) => Plain::Bool(!truth(inner)?),
        Tree::Minus(inner) => Plain::Number(0.0 - number(inner)?),
        Tree::Length(inner) => Plain::Number(f64::from(u32::try_from(list(inner)?.len()).ok()?)),
        Tree::Concat(parts) => Plain::List([list(&parts[0])?, list(&parts[1])?].concat()),
        Tree::Element(parts) => {
            let (list, at) = (list(&parts[0])?, number(&parts[1])?);
            let at = (0u32..10).find(|index| f64::from(*index) == at)?;
            list.get(at as usize)?.clone()
        }
        Tree::Join(parts) => {
            let mut text = String::new();
            for part in parts {
                match of(part)? {
                    Plain::Text(part) => text += &part,
                    Plain::Number(number) => text += &number.to_string(),
                    _ => return None,
                }
            }
            Plain::Text(text)
        }
        Tree::Both(operator, parts) => match *operator {
            "&&" => Plain::Bool(truth(&parts[0])? && truth(&parts[1])?),
            "||" => Plain::Bool(truth(&parts[0])? || truth(&parts[1])?),
            "==" => Plain::Bool(of(&parts[0])? == of(&parts[1])?),
            "!=" => Plain::Bool(of(&parts[0])? != of(&parts[1])?),
            _ => {
                let (a, b) = (number(&parts[0])?, number(&parts[1])?);
                match *operator {
                    "+" => Plain::Number(a + b),
                    "-" => Plain::Number(a - b),
                    "*" => Plain::Number(a * b),
                    "<" => Plain::Bool(a < b),
                    "<=" => Plain::Bool(a <= b),
                    ">" => Plain::Bool(a > b),
                    _ => Plain::Bool(a >= b),
                }
            }
        },
        Tree::Variable(..) | Tree::Other(..) => return None,
    })
}

/// The locals of a module, made from bytes.
fn locals(bytes: &[u8], all: bool) -> Vec<(Kind, usize, Tree)> {
    let mut maker = Maker { bytes: bytes.iter(), all, locals: 0 };
    let mut made = Vec::new();
    for at in 0..3 {
        let kinds = if all { &KINDS[..] } else { &KINDS[..4] };
        for kind in kinds {
            made.push((*kind, at, maker.make(*kind, 4)));
        }
        maker.locals = at + 1;
    }
    made
}

fn text_of(locals: &[(Kind, usize, Tree)]) -> String {
    let mut text = "locals {\n".to_owned();
    for (kind, at, tree) in locals {
        write!(text, "  {}{at} = ", name(*kind)).expect("a string");
        write(tree, 0, &mut text);
        text.push('\n');
    }
    text + "}\n"
}

fn workspace(texts: &[String]) -> Workspace {
    let mut workspace = Workspace::default();
    for (at, text) in texts.iter().enumerate() {
        let mut parser = Parser::new();
        parser.set_language(&Language::Terraform.grammar()).expect("a grammar");
        let tree = parser.parse(text, None).expect("a tree");
        let unit = Arc::new(lower(Language::Terraform, text, &tree));
        workspace.update(&Arc::from(format!("/w/{at}.tf")), &[], &[unit]);
    }
    workspace
}

fn value(workspace: &Workspace, address: &str) -> Value {
    let evaluation = Evaluation::new(workspace, MAX_STEPS);
    Scope::new(&evaluation, "/w").value_of(address).expect("it is declared")
}

/// Whether a value says what it should, as far as it is known.
fn agrees(value: &Value, plain: &Plain) -> bool {
    match (&value.kind, plain) {
        (ValueKind::Number(a), Plain::Number(b)) => a == b,
        (ValueKind::Bool(a), Plain::Bool(b)) => a == b,
        (ValueKind::String { text, .. }, Plain::Text(other)) => text == other,
        (ValueKind::List(a), Plain::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b)),
        _ => false,
    }
}

/// Whether what is known of a value holds for another that is known better.
fn holds(less: &Value, more: &Value) -> bool {
    match (&less.kind, &more.kind) {
        // What Terraform refuses is unknown too.
        (ValueKind::Unknown { .. }, _) | (_, ValueKind::Unknown { .. }) => true,
        (ValueKind::List(a), ValueKind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| holds(a, b)),
        (ValueKind::Object(a), ValueKind::Object(b)) => {
            let all = a.fields.iter().all(|field| match b.value(&field.name) {
                Some(other) => holds(&field.value, other),
                None => b.open,
            });
            all && (a.open || b.open || a.fields.len() == b.fields.len())
        }
        (ValueKind::String { text, .. }, ValueKind::String { text: other, .. }) => text == other,
        (a, b) => a == b,
    }
}

const DEFAULTS: &[(Kind, &[&str])] = &[
    (Kind::Number, &["0", "1", "5"]),
    (Kind::Bool, &["true", "false"]),
    (Kind::Text, &["\"\"", "\"a\"", "\"é\"", "null"]),
    (Kind::List, &["[]", "[1]", "[1, 2, 1]", "[0, 5]"]),
    (Kind::Map, &["{}", "{ a = 1 }", "{ a = 0, c = 3 }"]),
];

fn variables(values: &[u8], known: u16) -> String {
    let mut text = String::new();
    for (index, (kind, defaults)) in DEFAULTS.iter().enumerate() {
        for at in 0..2 {
            let number = index * 2 + at;
            let default = defaults[usize::from(values[number]) % defaults.len()];
            let is_known = known & (1 << number) != 0;
            let default = if is_known { format!("default = {default}") } else { String::new() };
            writeln!(text, "variable \"{}{at}\" {{\n  {default}\n}}", name(*kind)).expect("a string");
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn as_the_interpreter_has_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let locals = locals(&bytes, false);
        let text = text_of(&locals);
        let workspace = workspace(std::slice::from_ref(&text));
        for (kind, at, tree) in &locals {
            let found = value(&workspace, &format!("local.{}{at}", name(*kind)));
            if let Some(expected) = interpret(tree, &locals) {
                prop_assert!(agrees(&found, &expected), "{kind:?}{at}: {:?} is not {expected:?}\n{text}", found.kind);
            }
        }
    }

    #[test]
    fn what_is_known_holds(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        values in prop::collection::vec(any::<u8>(), 10),
        known in any::<u16>(),
    ) {
        let locals = locals(&bytes, true);
        let text = text_of(&locals);
        let more = workspace(&[text.clone(), variables(&values, u16::MAX)]);
        let less = workspace(&[text.clone(), variables(&values, known)]);
        for (kind, at, _) in &locals {
            let address = format!("local.{}{at}", name(*kind));
            let (less, more) = (value(&less, &address), value(&more, &address));
            prop_assert!(holds(&less, &more), "{address}: {:?} and {:?}\n{text}{}", less.kind, more.kind, variables(&values, u16::MAX));
        }
    }
}
