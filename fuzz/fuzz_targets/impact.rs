//! Two states of a few files, from arbitrary bytes and from blocks that mean something: no panic, nothing where nothing has
//! changed, the same again, and places inside of their units.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign_engine::{Snapshot, Workspace, read, units};
use countersign_grammars::Language;
use countersign_impact::tables::Tables;
use countersign_impact::{Change, Side, predict};
use countersign_syntax::Budget;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

const FILES: &[&str] =
    &["/w/main.tf", "/w/override.tf", "/w/terraform.tfvars", "/w/m/main.tf", "/w/more.tf.json", "/w/n/main.tf"];

const KINDS: &[&str] =
    &["aws_db_instance", "aws_s3_bucket", "aws_iam_policy", "aws_security_group", "aws_instance", "acme_x"];

const NAMES: &[&str] = &["a", "b", "é"];

const ATTRIBUTES: &[&str] = &[
    "engine",
    "bucket",
    "policy",
    "name",
    "ami",
    "instance_type",
    "deletion_protection",
    "desired_count",
    "cidr_blocks",
    "count",
    "for_each",
    "provider",
    "region",
    "subnet_id",
];

const VALUES: &[&str] = &[
    "1",
    "0",
    "true",
    "false",
    "null",
    "\"a\"",
    "\"0.0.0.0/0\"",
    "[\"a\", \"b\"]",
    "toset([\"a\"])",
    "var.a",
    "local.b",
    "aws_s3_bucket.a.id",
    "aws_s3_bucket.a[0].id",
    "module.a.b",
    "each.key",
    "count.index",
    "{ a = 1 }",
    "aws.b",
    "jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"*\", Principal = \"*\" }] })",
    "\"${var.a}-b\"",
    "<<E\n{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"${f(\"}\")}\"}}\nE\n",
];

const ADDRESSES: &[&str] = &[
    "aws_s3_bucket.a",
    "aws_s3_bucket.b",
    "aws_s3_bucket.a[0]",
    "aws_s3_bucket.b[\"a\"]",
    "module.a",
    "module.b",
    "module.a.aws_s3_bucket.a",
    "module.a[\"k\"]",
    "x",
    "aws_db_instance.a",
];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    files: Vec<(u8, Text<'a>, Option<Text<'a>>)>,
}

#[derive(Debug)]
enum Text<'a> {
    Any(&'a str),
    Blocks(String),
}

impl Text<'_> {
    fn get(&self) -> &str {
        match self {
            Text::Any(text) => text,
            Text::Blocks(text) => text,
        }
    }
}

impl<'a> Arbitrary<'a> for Text<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if u.ratio(1, 6)? {
            return Ok(Text::Any(<&str>::arbitrary(u)?));
        }
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=5)? {
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
    match u.int_in_range(0..=10)? {
        0..=4 => _ = write!(out, "resource \"{}\" \"{name}\" {{\n", pick(u, KINDS)?),
        5 => {
            let sources = ["./m", "./n", "../m", "./", "acme/a/b", "${var.a}"];
            _ = write!(out, "module \"{name}\" {{\n  source = \"{}\"\n", pick(u, &sources)?);
        }
        6 => {
            let (from, to) = (pick(u, ADDRESSES)?, pick(u, ADDRESSES)?);
            _ = write!(out, "moved {{\n  from = {from}\n  to = {to}\n}}\n");
            return Ok(());
        }
        7 => {
            let keep = pick(u, &["", "lifecycle {\n destroy = false\n}\n"])?;
            _ = write!(out, "removed {{\n  from = {}\n{keep}}}\n", pick(u, ADDRESSES)?);
            return Ok(());
        }
        8 => {
            _ = write!(out, "variable \"a\" {{\n  default = {}\n}}\n", pick(u, VALUES)?);
            return Ok(());
        }
        9 => {
            _ = write!(out, "locals {{\n  b = {}\n}}\n", pick(u, VALUES)?);
            return Ok(());
        }
        _ => out.push_str("provider \"aws\" {\n"),
    }
    for _ in 0..u.int_in_range(0..=4)? {
        match u.int_in_range(0..=6)? {
            0 => {
                let ignored = pick(u, &["all", "[engine]", "[bucket, x.y]"])?;
                let address = pick(u, ADDRESSES)?;
                _ = write!(
                    out,
                    "  lifecycle {{\n    ignore_changes = {ignored}\n    replace_triggered_by = [{address}]\n  }}\n"
                );
            }
            1 => _ = write!(out, "  ingress {{\n    {} = {}\n  }}\n", pick(u, ATTRIBUTES)?, pick(u, VALUES)?),
            2 => {
                let over = pick(u, VALUES)?;
                _ = write!(
                    out,
                    "  dynamic \"ingress\" {{\n    for_each = {over}\n    content {{\n      cidr_blocks = ingress.value\n    }}\n  }}\n"
                );
            }
            _ => _ = write!(out, "  {} = {}\n", pick(u, ATTRIBUTES)?, pick(u, VALUES)?),
        }
    }
    out.push_str(if u.ratio(1, 12)? { "" } else { "}\n" });
    Ok(())
}

fn index(workspace: &mut Workspace, file: &str, text: &str) {
    let mut snapshot = Snapshot::new(Language::of_path(file).expect("a language"), 0, text);
    snapshot.file = Arc::from(file);
    assert!(read(&snapshot, &mut Budget::unbounded()));
    workspace.update(&snapshot.file, &[], &units(&snapshot));
}

/// Every place is in a unit of its state, and on the borders of characters.
fn hold(changes: &[Change], states: [&[(&str, String)]; 2]) {
    for change in changes {
        let reasons = change.reasons.iter().chain(&change.interruption).chain(&change.protections_removed);
        let reasons = reasons.chain(change.widened.iter().map(|it| &it.reason));
        for place in reasons.filter_map(|reason| reason.place.as_ref()).chain([&change.place]) {
            let files = states[usize::from(place.side == Side::After)];
            let text = &files.iter().find(|(file, _)| *file == &*place.file).expect("a file").1;
            let mut snapshot = Snapshot::new(Language::of_path(&place.file).expect("a language"), 0, text);
            snapshot.file = Arc::clone(&place.file);
            assert!(read(&snapshot, &mut Budget::unbounded()));
            let unit = units(&snapshot).into_iter().find(|unit| unit.digest == place.unit).expect("a unit");
            assert!(unit.source.get(place.range.clone()).is_some(), "{place:?}");
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let mut before: Vec<(&str, String)> = FILES.iter().map(|file| (*file, String::new())).collect();
    let mut after = before.clone();
    for (file, old, new) in input.files.iter().take(8) {
        let at = usize::from(*file) % FILES.len();
        before[at].1.push_str(old.get());
        after[at].1.push_str(new.as_ref().unwrap_or(old).get());
    }
    let mut states = [Workspace::default(), Workspace::default()];
    for (state, files) in states.iter_mut().zip([&before, &after]) {
        for (file, text) in files {
            index(state, file, text);
        }
    }
    let modules: BTreeSet<String> = ["/w", "/w/m", "/w/n"].map(str::to_owned).into();
    let tables = Tables::default();
    let found = predict(&states[0], &states[1], &modules, &tables);
    hold(&found, [&before, &after]);
    assert_eq!(found, predict(&states[0], &states[1], &modules, &tables));
    assert!(predict(&states[0], &states[0], &modules, &tables).is_empty());
});
