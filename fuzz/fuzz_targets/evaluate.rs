//! Several files of a module and of one that it calls, from arbitrary bytes and from a grammar: no panic, places inside of
//! their units and on the borders of characters, and what is said after edits equals what is said from scratch.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign_engine::{Change, Document, Finding, Policy, Snapshot, Workspace, analyze, locate, read, units};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use libfuzzer_sys::fuzz_target;
use std::fmt::Write;
use std::sync::Arc;

const FILES: &[&str] =
    &["/w/main.tf", "/w/override.tf", "/w/terraform.tfvars", "/w/m/main.tf", "/w/more.tf.json", "/w/prod.tfvars"];

const NAMES: &[&str] = &["a", "b", "open", "env", "publicly_accessible", "policy", "é"];

const KINDS: &[&str] = &["aws_db_instance", "aws_s3_bucket", "aws_iam_policy", "aws_security_group", "a"];

const FUNCTIONS: &[&str] = &[
    "upper",
    "title",
    "length",
    "merge",
    "concat",
    "lookup",
    "coalesce",
    "try",
    "can",
    "toset",
    "tolist",
    "flatten",
    "jsonencode",
    "jsondecode",
    "format",
    "join",
    "split",
    "replace",
    "substr",
    "element",
    "slice",
    "keys",
    "values",
    "zipmap",
    "contains",
    "distinct",
    "range",
    "one",
    "sum",
    "max",
    "file",
    "dirname",
    "basename",
    "alltrue",
    "compact",
];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    texts: Vec<(u8, Text<'a>)>,
    edits: Vec<(u8, u16, u8, Text<'a>)>,
}

/// Text as it may come.
#[derive(Debug)]
enum Text<'a> {
    Any(&'a str),
    Blocks(String),
}

impl<'a> Arbitrary<'a> for Text<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if u.ratio(1, 4)? {
            return Ok(Text::Any(<&str>::arbitrary(u)?));
        }
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=4)? {
            block(u, &mut text)?;
        }
        Ok(Text::Blocks(text))
    }
}

fn pick<'s>(u: &mut Unstructured<'_>, of: &[&'s str]) -> Result<&'s str> {
    u.choose(of).copied()
}

fn block(u: &mut Unstructured<'_>, out: &mut String) -> Result<()> {
    let name = pick(u, NAMES)?;
    match u.int_in_range(0..=8)? {
        0 | 1 => _ = write!(out, "resource \"{}\" \"{name}\" {{\n", pick(u, KINDS)?),
        2 => out.push_str("locals {\n"),
        3 => _ = write!(out, "variable \"{name}\" {{\n  default = "),
        4 => _ = write!(out, "output \"{name}\" {{\n  value = "),
        5 => _ = write!(out, "module \"{name}\" {{\n  source = \"{}\"\n", pick(u, &["./m", "../", "./", "x/y/z"])?),
        6 => _ = write!(out, "data \"aws_iam_policy_document\" \"{name}\" {{\n  statement {{\n    actions = "),
        7 => {
            _ = write!(out, "{name} = ");
            expression(u, out, 0)?;
            out.push('\n');
            return Ok(());
        }
        _ => _ = write!(out, "{{\"locals\": {{\"{name}\": \"${{"),
    }
    if out.ends_with("= ") || out.ends_with("${") {
        expression(u, out, 0)?;
        let is_json = out.contains("\": \"${");
        out.push_str(if is_json { "}\"}}\n" } else { "\n" });
        out.push_str(if out.contains("statement {") { "}\n}\n" } else { "}\n" });
        return Ok(());
    }
    for _ in 0..u.int_in_range(0..=4)? {
        attribute(u, out, 0)?;
    }
    out.push_str("}\n");
    Ok(())
}

fn attribute(u: &mut Unstructured<'_>, out: &mut String, depth: usize) -> Result<()> {
    let name = match u.int_in_range(0..=9)? {
        0 => "count",
        1 => "for_each",
        2 if depth < 3 => {
            _ = write!(out, "dynamic \"{}\" {{\n  for_each = ", pick(u, NAMES)?);
            expression(u, out, depth + 1)?;
            out.push_str("\n  content {\n");
            attribute(u, out, depth + 1)?;
            out.push_str("}\n}\n");
            return Ok(());
        }
        3 if depth < 3 => {
            _ = write!(out, "{} {{\n", pick(u, NAMES)?);
            attribute(u, out, depth + 1)?;
            out.push_str("}\n");
            return Ok(());
        }
        _ => pick(u, NAMES)?,
    };
    _ = write!(out, "  {name} = ");
    expression(u, out, depth + 1)?;
    out.push('\n');
    Ok(())
}

fn expression(u: &mut Unstructured<'_>, out: &mut String, depth: usize) -> Result<()> {
    let most = if depth > 5 { 6 } else { 16 };
    match u.int_in_range(0..=most)? {
        0 => out.push_str(pick(
            u,
            &["true", "false", "null", "0", "1", "2.5", "-1", "1e9", "\"true\"", "\"*\"", "\"é\\u0041$${\""],
        )?),
        1 => _ = write!(out, "var.{}", pick(u, NAMES)?),
        2 => _ = write!(out, "local.{}", pick(u, NAMES)?),
        3 => _ = write!(out, "module.{}.{}", pick(u, NAMES)?, pick(u, NAMES)?),
        4 => _ = write!(out, "{}.{}.{}", pick(u, KINDS)?, pick(u, NAMES)?, pick(u, NAMES)?),
        5 => _ = write!(out, "data.aws_iam_policy_document.{}.json", pick(u, NAMES)?),
        6 => out.push_str(pick(
            u,
            &["each.key", "each.value", "count.index", "x", "x.a", "path.module", "a.value", "self.b"],
        )?),
        7 => {
            out.push('[');
            for _ in 0..u.int_in_range(0..=3)? {
                expression(u, out, depth + 1)?;
                out.push_str(", ");
            }
            out.push(']');
        }
        8 => {
            out.push('{');
            for _ in 0..u.int_in_range(0..=3)? {
                if u.ratio(1, 4)? {
                    out.push('(');
                    expression(u, out, depth + 1)?;
                    out.push(')');
                } else {
                    out.push_str(pick(u, NAMES)?);
                }
                out.push_str(" = ");
                expression(u, out, depth + 1)?;
                out.push_str(", ");
            }
            out.push('}');
        }
        9 => {
            _ = write!(out, "{}(", pick(u, FUNCTIONS)?);
            for _ in 0..u.int_in_range(0..=3)? {
                expression(u, out, depth + 1)?;
                out.push_str(", ");
            }
            out.push_str(pick(u, &[")", "\"/\")", "1)", "[]...)"])?);
        }
        10 => {
            expression(u, out, depth + 1)?;
            out.push_str(pick(u, &[" + ", " - ", " * ", " / ", " % ", " == ", " != ", " < ", " && ", " || ", " >= "])?);
            expression(u, out, depth + 1)?;
        }
        11 => {
            out.push_str(pick(u, &["!", "-", "!(", "-("])?);
            let is_open = out.ends_with('(');
            expression(u, out, depth + 1)?;
            out.push_str(if is_open { ")" } else { "" });
        }
        12 => {
            expression(u, out, depth + 1)?;
            out.push_str(" ? ");
            expression(u, out, depth + 1)?;
            out.push_str(" : ");
            expression(u, out, depth + 1)?;
        }
        13 => {
            let is_list = bool::arbitrary(u)?;
            out.push_str(if is_list { "[for " } else { "{for " });
            out.push_str(pick(u, &["x in ", "k, x in ", "x, x in "])?);
            expression(u, out, depth + 1)?;
            out.push_str(" : ");
            if !is_list {
                expression(u, out, depth + 1)?;
                out.push_str(" => ");
            }
            expression(u, out, depth + 1)?;
            if u.ratio(1, 3)? {
                out.push_str(if is_list { " if " } else { "... if " });
                expression(u, out, depth + 1)?;
            }
            out.push(if is_list { ']' } else { '}' });
        }
        14 => {
            out.push_str("\"é");
            out.push_str(pick(u, &["${", "%{ if ", "${~ "])?);
            let is_if = out.ends_with("if ");
            expression(u, out, depth + 1)?;
            out.push_str(if is_if { " }x%{ else }y%{ endif }\"" } else { "}\"" });
        }
        15 => {
            out.push_str(pick(
                u,
                &["<<E\n{\"Statement\": \"${", "<<-E\n  {\"é\": \"${", "<<E\n${", "<<-E\n    a\n  ${"],
            )?);
            expression(u, out, depth + 1)?;
            out.push_str(pick(u, &["}\"}\nE\n", "}\n  E\n", "}"])?);
        }
        _ => {
            expression(u, out, depth + 1)?;
            out.push_str(pick(u, &["[0]", ".a", "[*].a", ".*.a", "[\"a\"]", ".0", "[*]"])?);
        }
    }
    Ok(())
}

fn snapshot(file: &str, text: &str) -> Snapshot {
    let mut snapshot = Snapshot::new(Language::of_path(file).expect("a language"), 0, text);
    snapshot.file = Arc::from(file);
    assert!(read(&snapshot, &mut Budget::unbounded()));
    snapshot
}

fn said(snapshot: &Snapshot, workspace: &Workspace, policy: &Policy) -> Vec<Finding> {
    let analysis = analyze(snapshot, workspace, policy, &mut Budget::unbounded()).expect("unbounded");
    let text = snapshot.text.to_string();
    for range in analysis.findings.iter().map(|finding| &finding.range).chain(&analysis.secrets) {
        assert!(text.get(range.clone()).is_some(), "{range:?} in {text:?}");
    }
    analysis.findings
}

fuzz_target!(|input: Input<'_>| {
    let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
    let mut texts = vec![String::new(); FILES.len()];
    for (file, text) in input.texts.iter().take(8) {
        texts[usize::from(*file) % FILES.len()].push_str(match text {
            Text::Any(text) => text,
            Text::Blocks(text) => text,
        });
    }
    let mut workspace = Workspace::default();
    let mut documents: Vec<Document> =
        FILES.iter().zip(&texts).map(|(file, text)| Document::of(snapshot(file, text))).collect();
    for document in &mut documents {
        document.index(&mut workspace);
    }
    for (version, (file, start, len, text)) in (1..).zip(input.edits.iter().take(8)) {
        let document = &mut documents[usize::from(*file) % FILES.len()];
        let start = usize::from(*start) % (document.text().len() + 1);
        let text = match text {
            Text::Any(text) => (*text).to_owned(),
            Text::Blocks(text) => text.clone(),
        };
        document.change(version, [()], |_, ()| Change {
            range: Some(start..start + usize::from(*len)),
            text: text.clone(),
        });
        assert!(read(document.snapshot(), &mut Budget::unbounded()));
        document.index(&mut workspace);
        if version % 2 == 0 {
            for document in &mut documents {
                said(document.snapshot(), &workspace, &policy);
            }
        }
    }
    let scratches: Vec<Snapshot> =
        FILES.iter().zip(&documents).map(|(file, document)| snapshot(file, &document.text().to_string())).collect();
    let mut fresh = Workspace::default();
    for snapshot in &scratches {
        fresh.update(&snapshot.file, &[], &units(snapshot));
    }
    for (document, scratch) in documents.iter_mut().zip(&scratches) {
        let found = said(scratch, &fresh, &policy);
        for place in found.iter().flat_map(|finding| finding.elsewhere.iter()) {
            let there = scratches.iter().find(|scratch| scratch.file == place.file).expect("a file");
            let range = locate(there, place).expect("a unit");
            assert!(there.text.to_string().get(range.clone()).is_some(), "{place:?}");
        }
        assert_eq!(said(document.snapshot(), &workspace, &policy), found);
    }
});
