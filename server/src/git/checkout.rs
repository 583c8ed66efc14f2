//! The files of a commit in a folder of their own.

use super::{Git, MergeBases, Revision};
use crate::surroundings::MAX_TEXT;
use anyhow::{Context, bail};
use countersign_grammars::Language;
use countersign_policy::{CONFIG_FILE, OWN_RISKS};
use std::path::Path;
use tempfile::TempDir;

/// A work tree of its own, which has a commit checked out and is gone when it is dropped. Nothing is written into the repository:
/// it knows nothing of the work tree.
pub(crate) struct Checkout {
    git: Git,
    _folder: TempDir,
}

impl Checkout {
    /// Checks a commit out.
    pub(crate) fn of(git: &Git, commit: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("countersign-").tempdir().context("no folder can be made")?;
        let root = folder.path().canonicalize()?;
        let (tree, own) = (root.join("tree"), root.join("git"));
        let common = git.read(&["rev-parse", "--path-format=absolute", "--git-common-dir"], b"")?;
        let common = String::from_utf8_lossy(&common).trim_end_matches('\n').to_owned();
        // A linked work tree, as `git worktree add` makes one, but for the repository's own list.
        std::fs::create_dir(&tree)?;
        std::fs::create_dir(&own)?;
        std::fs::write(own.join("HEAD"), format!("{commit}\n"))?;
        std::fs::write(own.join("commondir"), format!("{common}\n"))?;
        std::fs::write(own.join("gitdir"), format!("{}\n", tree.join(".git").display()))?;
        std::fs::write(tree.join(".git"), format!("gitdir: {}\n", own.display()))?;
        unpack(&tree, commit)?;
        Ok(Self { git: Git::of(&tree)?, _folder: folder })
    }

    /// The work tree.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }
}

/// Writes the files of a commit that are read, as they are in it: nothing is run, no attribute of git changes them, links lead
/// nowhere, and nothing hides one from us.
fn unpack(tree: &Path, commit: &str) -> anyhow::Result<()> {
    let revision = Revision::presumed(tree, Some(commit), &MergeBases::default())?;
    for (path, id) in revision.files_below("")?.0 {
        if path.split('/').any(is_elsewhere) {
            bail!("the commit has a file {path:?}, which leads out of its own folder; nobody should check it out");
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        let is_hiding = [".gitignore", ".ignore", ".rgignore", ".gitattributes", ".gitmodules"].contains(&name);
        let is_read = Language::of_path(&path).is_some() || name == CONFIG_FILE || path.starts_with(OWN_RISKS);
        if !is_read && (is_hiding || revision.size(id).is_none_or(|size| size > MAX_TEXT)) {
            continue;
        }
        let file = tree.join(&path);
        file.parent().map(std::fs::create_dir_all).transpose()?;
        std::fs::write(&file, revision.content(id)?).with_context(|| format!("{path} cannot be unpacked"))?;
    }
    Ok(())
}

/// Whether a part of a path leads somewhere else than its name says.
fn is_elsewhere(part: &str) -> bool {
    matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git")
}
