//! The files of a commit in a folder of their own.

use super::Git;
use anyhow::{Context, bail};
use std::path::Path;
use std::process::{Command, Stdio};
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
        unpack(&tree)?;
        Ok(Self { git: Git::of(&tree)?, _folder: folder })
    }

    /// The work tree.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }
}

/// Writes the files of a work tree as they are in its commit: links as files, nothing run, nothing left out.
fn unpack(tree: &Path) -> anyhow::Result<()> {
    let output = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args(["-c", "core.symlinks=false", "-c", "core.autocrlf=false", "-c", "core.sparseCheckout=false"])
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "checkout.workers=0"])
        .args(["-c", "submodule.recurse=false", "read-tree", "--reset", "-u", "HEAD"])
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .stdin(Stdio::null())
        .output()
        .context("git cannot be run; is it installed?")?;
    if !output.status.success() {
        bail!("git could not check the commit out: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
