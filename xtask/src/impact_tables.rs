//! The table under `crates/impact/data/`: what replaces a resource, what it is and what protects it.

use crate::tables::{entries, read};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const HEADING: &str = "\
# What changes of which attributes replace a resource, what it is, and what protects it. Made by `cargo xtask tables`.
# Facts from the providers' sources (ForceNew and RequiresReplace; MPL-2.0) and their registries, extracted in November 2026;
# types that have been removed since are those of the last version that had them. A type's attributes are complete: one that
# is not here does not replace it.
# A line: the type; its tier, 0 to 4, `-` where there is none; flags: `r` a change of `region` replaces, `A` every settable
# top-level attribute does, `x` the type has been removed, `-` none; classes, joined by commas, `-` where there is none;
# attributes that protect it, with their defaults, joined by commas, `-` where there is none; attributes: `!` a change replaces,
# `?` it does under a condition in the provider's code, `=` it does where a value is set, nothing where only those inside of it
# do, which stand in parentheses. Sorted by bytes. A line `~provider`: the version.
";

/// What is said of the attributes of a block.
#[derive(Default)]
struct Node {
    mark: Option<char>,
    inside: BTreeMap<String, Node>,
}

/// The table, from the facts in a folder.
pub(crate) fn terraform(from: &Path) -> anyhow::Result<String> {
    let types = read(from, "tf_types.json")?;
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for provider in ["aws", "azurerm", "google", "helm", "kubernetes"] {
        let facts = &read(from, &format!("tf_replace_{provider}.json"))?[provider];
        lines.insert(format!("~{provider}"), facts["v"].as_str().context("a version")?.to_owned());
        for (name, facts) in entries(&facts["r"])? {
            lines.insert(name.clone(), line(facts, &types["types"][name], "")?);
        }
    }
    for (name, facts) in entries(&read(from, "tf_replace_legacy.json")?)?.filter(|(name, _)| name.contains('_')) {
        if !lines.contains_key(name) {
            lines.insert(name.clone(), line(facts, &types["types"][name], "x")?);
        }
    }
    for (name, _) in entries(&types["types"])? {
        ensure!(lines.contains_key(name), "{name} has a class, and no line about replacement");
    }
    let mut text = HEADING.to_owned();
    for (name, line) in &lines {
        writeln!(text, "{name} {line}")?;
    }
    Ok(text)
}

fn line(facts: &Value, kind: &Value, flag: &str) -> anyhow::Result<String> {
    let mut flags = flag.to_owned();
    for name in ["r", "A"] {
        if facts[name] == 1 {
            flags.push_str(name);
        }
    }
    let classes: Vec<_> = kind["c"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut protections = Vec::new();
    for pair in kind["p"].as_array().into_iter().flatten() {
        let path = pair[0].as_str().context("a path")?;
        protections.push(match &pair[1] {
            Value::Null => path.to_owned(),
            Value::String(default) => format!("{path}={default}"),
            default => format!("{path}={default}"),
        });
    }
    let mut root = Node::default();
    // The weaker marks first, so that the strongest one of a path stays.
    for (list, mark) in [("w", '='), ("c", '?'), ("f", '!')] {
        for path in facts[list].as_array().into_iter().flatten() {
            let path = path.as_str().context("a path")?;
            let mut node = &mut root;
            for name in path.split('.') {
                ensure!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{path} is no path of names");
                node = node.inside.entry(name.to_owned()).or_default();
            }
            node.mark = Some(mark);
        }
    }
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let tier = kind["t"].as_u64().map_or_else(String::new, |tier| tier.to_string());
    let columns = [tier, flags, classes.join(","), protections.join(",")].map(or_none).join(" ");
    Ok(format!("{columns} {}", inside(&root)).trim_end().to_owned())
}

fn inside(node: &Node) -> String {
    let each = node.inside.iter().map(|(name, node)| {
        let mark = node.mark.map(String::from).unwrap_or_default();
        let inside = if node.inside.is_empty() { String::new() } else { format!("({})", inside(node)) };
        format!("{name}{mark}{inside}")
    });
    each.collect::<Vec<_>>().join(" ")
}
