//! The files of policies, and of what stands below `data`.

use crate::disk;
use anyhow::{Context, bail};
use countersign_rego::{Data, Source};
use ignore::WalkBuilder;
use std::path::{Path, PathBuf};

/// Most files that are read of policies, and as many of data.
const MAX_FILES: usize = 1_000;

/// What a policy's file ends with, and what that of a test of policies does, which says nothing about files.
const REGO: &str = ".rego";
const TEST: &str = "_test.rego";

/// The policies below paths, in order and once each.
pub(super) fn policies(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        let is_policy = |name: &str| name.ends_with(REGO) && !name.ends_with(TEST);
        let files = below(path, "--policy", is_policy)?;
        if files.is_empty() {
            bail!(
                "{}: there is no policy in this folder: no file ends with {REGO}, those that end with {TEST} left aside. Nothing \
                 would be checked. Name the folder that has them with --policy",
                disk::display(path)
            );
        }
        found.extend(files);
    }
    found.sort();
    found.dedup();
    found.iter().map(|path| read(path)).collect()
}

/// What stands below `data`: files at its top, those of folders below the names of these.
pub(super) fn data(paths: &[PathBuf]) -> anyhow::Result<Vec<Data>> {
    let mut found = Vec::new();
    for path in paths {
        let is_data = |name: &str| [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let files = below(path, "--data", is_data)?;
        if files.is_empty() {
            bail!(
                "{}: there is no data in this folder: no file ends with .json, .yaml or .yml. Name the folder that has it with \
                 --data, or leave that out",
                disk::display(path)
            );
        }
        for file in files {
            let folder = file.strip_prefix(path).ok().and_then(Path::parent).unwrap_or(Path::new(""));
            let below = folder.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            found.push(Data { source: read(&file)?, below });
        }
    }
    Ok(found)
}

/// A file itself, or the files below a folder that are wanted, in order.
fn below(path: &Path, option: &str, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let shown = disk::display(path);
    let metadata = std::fs::metadata(path)
        .with_context(|| format!("{shown}: cannot be read; {option} takes a file or a folder that is there"))?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !metadata.is_dir() {
        bail!("{shown}: it is neither a file nor a folder; {option} takes one of these");
    }
    let mut files = Vec::new();
    for entry in WalkBuilder::new(path).standard_filters(false).follow_links(true).build() {
        let entry = entry.with_context(|| format!("{shown}: cannot be read"))?;
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(&is_wanted) {
            files.push(entry.into_path());
        }
        if files.len() > MAX_FILES {
            bail!("{shown}: there are more than {MAX_FILES} files for {option}. Name the folder that is meant");
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let name = disk::display(path);
    match disk::read(path) {
        Ok(text) => Ok(Source { name, text }),
        Err(why) => bail!("{name}: {}", why.message()),
    }
}
