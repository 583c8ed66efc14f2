//! Where the tools may look: one repository, or the folder that was named.

use crate::disk::{self, Configs};
use crate::surroundings::key;
use anyhow::{Context, bail};
use countersign_agents::AgentKind;
use countersign_policy::{Catalogue, Config};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest path that is looked at, in bytes: systems take no longer ones.
const MAX_PATH: usize = 4_096;

/// What an answer is, or why there is none, in whole sentences for the model that asked.
pub(super) type Told<T> = Result<T, String>;

/// Where the tools look, and for whom.
pub(super) struct Workspace {
    /// Its folder as it is without links.
    root: Told<PathBuf>,
    /// The folder from which relative paths count.
    here: PathBuf,
    /// The agent whose rules in `countersign.toml` hold.
    agent: Option<AgentKind>,
}

impl Workspace {
    /// The folder that is named, which becomes the folder at work; else the repository around the folder at work.
    pub(super) fn new(named: Option<&Path>, agent: Option<AgentKind>) -> anyhow::Result<Self> {
        if let Some(named) = named {
            std::env::set_current_dir(named).with_context(|| format!("--workspace {}", named.display()))?;
        }
        let here = std::env::current_dir().context("the folder at work is gone")?;
        let real = here.canonicalize().with_context(|| here.display().to_string())?;
        let root = match named {
            Some(_) => Ok(real),
            None => match crate::git::work_tree(&here.join("-")) {
                Some(root) => Ok(root.canonicalize().with_context(|| root.display().to_string())?),
                None => Err(format!(
                    "The MCP server of Countersign was started in {}, which is in no git repository, so there is nothing to look \
                     at. Have it started in the repository, or with `countersign mcp --workspace FOLDER`.",
                    here.display()
                )),
            },
        };
        if root.as_ref().is_ok_and(|root| root.parent().is_none()) {
            bail!("the workspace is the root of the file system; name a folder with --workspace FOLDER");
        }
        Ok(Self { root, here, agent })
    }

    /// The folder from which relative paths count.
    pub(super) fn here(&self) -> &Path {
        &self.here
    }

    /// The folder of the workspace.
    pub(super) fn root(&self) -> Told<&Path> {
        self.root.as_deref().map_err(Clone::clone)
    }

    /// A file or folder that a model names, which may not be there yet, by its absolute path.
    pub(super) fn place(&self, path: &str) -> Told<PathBuf> {
        let root = self.root()?;
        if path.trim().is_empty() || path.contains('\0') {
            return Err("A path is empty or holds a NUL. Give the path of a file, relative or absolute.".to_owned());
        }
        if path.len() > MAX_PATH {
            return Err(format!("A path is longer than {MAX_PATH} bytes, and there is no file of such a name."));
        }
        let placed = disk::place(Some(&self.here), Path::new(path));
        if !real(&placed).is_some_and(|real| real.starts_with(root)) {
            return Err(format!(
                "{path} is outside of the workspace {}, and Countersign does not look there. Relative paths count from {}.",
                root.display(),
                self.here.display()
            ));
        }
        Ok(placed)
    }

    /// The risks that are looked for there, the repository's own among them.
    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        let root = self.root.as_deref().unwrap_or(&self.here);
        Arc::clone(&Configs::default().of(&root.join("-")).catalogue)
    }

    /// A path as answers have it: relative to the folder at work where it is below that.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        let here = PathBuf::from(&*key(&self.here));
        match path.strip_prefix(here) {
            Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
            Ok(rest) => rest.to_owned(),
            Err(_) => path.to_owned(),
        }
    }

    /// The agent for which it is asked. Where that is not said, one of which the settings say nothing in particular.
    pub(super) fn agent(&self, config: &Config) -> AgentKind {
        let of_rows = config.command.iter().filter_map(|row| row.agent.as_ref());
        let named: Vec<_> =
            config.scope.iter().filter_map(|scope| scope.agent.as_ref()).chain(of_rows).flatten().collect();
        let stranger = || AgentKind::ALL.iter().find(|agent| !named.contains(agent)).copied();
        self.agent.or_else(stranger).unwrap_or(AgentKind::ClaudeCode)
    }
}

/// A path without links, as far as there is anything.
fn real(path: &Path) -> Option<PathBuf> {
    let mut there = path;
    loop {
        // A link that leads nowhere is there all the same.
        if there.symlink_metadata().is_ok() {
            return Some(there.canonicalize().ok()?.join(path.strip_prefix(there).ok()?));
        }
        there = there.parent()?;
    }
}
