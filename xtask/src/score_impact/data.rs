//! Labelled edits, grouped by commit, and the judgements on them.

use anyhow::Context;
use countersign_engine::{Snapshot, Workspace, read, units};
use countersign_grammars::Language;
use countersign_syntax::Budget;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// A label.
pub(super) struct Label {
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) effect: String,
    pub(super) text: String,
}

/// A judgement that stands in the list.
pub(super) struct Judgement {
    pub(super) right: String,
    pub(super) reason: String,
}

pub(super) type Judgements = BTreeMap<(String, String, String), Judgement>;

/// One change of several files.
#[derive(Default)]
pub(super) struct Commit<'d> {
    /// What is labelled of it.
    pub(super) pairs: Vec<&'d Value>,
    /// Texts before and after, by path.
    pub(super) files: BTreeMap<String, (Option<&'d str>, Option<&'d str>)>,
}

impl<'d> Commit<'d> {
    pub(super) fn take(&mut self, pair: &'d Value) {
        let siblings = pair["siblings"].as_array().map(Vec::as_slice).unwrap_or_default();
        for file in std::iter::once(pair).chain(siblings) {
            let path = format!("/w/{}", file["path"].as_str().unwrap_or_default());
            self.files.insert(path, (file["before"].as_str(), file["after"].as_str()));
        }
    }
}

pub(super) fn pairs(path: &Path) -> anyhow::Result<Vec<Value>> {
    let lines = BufReader::new(GzDecoder::new(File::open(path)?)).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

pub(super) fn commit_of(pair: &Value) -> String {
    format!("{} {}", pair["repo"].as_str().unwrap_or_default(), pair["commit"].as_str().unwrap_or_default())
}

pub(super) fn judgements() -> anyhow::Result<Judgements> {
    let path = crate::root().join("xtask/data/impact-judgements.toml");
    let table: toml::Table = std::fs::read_to_string(&path)?.parse().with_context(|| path.display().to_string())?;
    let mut judgements = Judgements::new();
    for row in table.get("judgement").and_then(toml::Value::as_array).into_iter().flatten() {
        let text = |key: &str| {
            row.get(key).and_then(toml::Value::as_str).map(str::to_owned).with_context(|| format!("`{key}` in {row}"))
        };
        let key = (text("commit")?, text("address")?, text("group")?);
        anyhow::ensure!(matches!(text("right")?.as_str(), "label" | "prediction"), "`right` in {row}");
        let known = judgements.insert(key, Judgement { right: text("right")?, reason: text("reason")? });
        anyhow::ensure!(known.is_none(), "{row} is there twice");
    }
    Ok(judgements)
}

pub(super) fn workspace<'f>(files: impl Iterator<Item = (&'f str, Option<&'f str>)>) -> Workspace {
    let mut workspace = Workspace::default();
    for (path, text) in files {
        let (Some(language), Some(text)) = (Language::of_path(path), text) else { continue };
        let mut snapshot = Snapshot::new(language, 0, text);
        snapshot.file = Arc::from(path);
        read(&snapshot, &mut Budget::unbounded());
        workspace.update(&snapshot.file, &[], &units(&snapshot));
    }
    workspace
}

pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
