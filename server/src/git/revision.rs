//! A committed state of a repository, read from git's own objects.

use super::repository;
use anyhow::{Context, bail};
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Names of the default branch, the surest first, where `origin/HEAD` says nothing.
const DEFAULT_BRANCHES: [&str; 4] =
    ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];

/// A file's name or path, and what names its content.
type Named = (String, ObjectId);

/// Merge bases that were found already: of which two commits. To find one takes a walk through their history.
#[derive(Debug, Default)]
pub(crate) struct MergeBases(Mutex<HashMap<(ObjectId, ObjectId), ObjectId>>);

/// A commit's files.
pub(crate) struct Revision {
    repository: gix::Repository,
    root: PathBuf,
    tree: ObjectId,
    /// What a sparse checkout leaves out of the work tree, by paths from the root; a folder that is left out as a whole ends
    /// with a slash.
    left_out: OnceCell<BTreeSet<String>>,
    /// The commit, in seven digits.
    pub(crate) commit: String,
    /// The commit, in full.
    pub(crate) id: String,
    /// Which one it is, in words: `the merge base with origin/main`.
    pub(crate) name: String,
    /// Why it may not be what one expects, and what to do.
    pub(crate) doubt: Option<String>,
}

impl Revision {
    /// What is presumed to be live for a path: the commit that a revision names, else the merge base with the default
    /// branch, else `HEAD`.
    pub(crate) fn presumed(path: &Path, named: Option<&str>, bases: &MergeBases) -> anyhow::Result<Self> {
        let folder = std::path::absolute(path)?;
        let Some((repository, root)) = repository(&folder.join("-"))
            .and_then(|repository| Some((std::path::absolute(repository.workdir()?).ok()?, repository)))
            .map(|(root, repository)| (repository, root))
        else {
            bail!(
                "{} is in no git repository, so there is no earlier state to compare with; name both states with \
                 --before PATH --after PATH",
                path.display()
            );
        };
        let Ok(head) = repository.head_id().map(gix::Id::detach) else {
            bail!(
                "the repository of {} has no commit yet, so nothing is presumed to be live; commit first, or name both \
                 states with --before PATH --after PATH",
                path.display()
            );
        };
        let (commit, name, doubt) = match named {
            Some(named) => (self::named(&repository, named)?, format!("`{named}`"), None),
            None => merge_base(&repository, head, bases),
        };
        let tree = repository
            .find_object(commit)
            .ok()
            .and_then(|object| object.peel_to_kind(gix::objs::Kind::Tree).ok())
            .map(|tree| tree.id)
            .with_context(|| format!("{name} ({commit}) names no files, or they are not in this clone; fetch them"))?;
        let (id, commit) = (commit.to_string(), commit.to_hex_with_len(7).to_string());
        Ok(Self { repository, root, tree, left_out: OnceCell::new(), commit, id, name, doubt })
    }

    /// The root of the work tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path is in the commit, with forward slashes; empty for the root. `None` for what is not in the work tree.
    pub(crate) fn inside(&self, path: &Path) -> Option<String> {
        let path = path.strip_prefix(&self.root).ok()?;
        Some(path.to_string_lossy().replace('\\', "/"))
    }

    /// Whether a file or folder is in the commit.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.entry(path).is_some()
    }

    /// The files directly in a folder, by name.
    pub(crate) fn files_in(&self, folder: &str) -> Vec<Named> {
        let Some(tree) = self.folder(folder) else { return Vec::new() };
        let entries = tree.iter().flatten().filter(|entry| is_file(entry.kind()));
        entries.map(|entry| (entry.filename().to_string(), entry.object_id())).collect()
    }

    /// The files below a folder by their paths from the root, and the folders there that are repositories of their own.
    pub(crate) fn files_below(&self, folder: &str) -> anyhow::Result<(Vec<Named>, Vec<String>)> {
        let (mut files, mut foreign) = (Vec::new(), Vec::new());
        let Some(tree) = self.folder(folder) else { return Ok((files, foreign)) };
        let entries = tree.traverse().breadthfirst.files();
        let entries =
            entries.map_err(|error| anyhow::anyhow!("the files of {} cannot be listed: {error}", self.name))?;
        for entry in entries {
            let path =
                if folder.is_empty() { entry.filepath.to_string() } else { format!("{folder}/{}", entry.filepath) };
            match entry.mode.kind() {
                EntryKind::Commit => foreign.push(path),
                kind if is_file(kind) => files.push((path, entry.oid)),
                _ => {}
            }
        }
        Ok((files, foreign))
    }

    /// Where a link leads to, as it says itself; `None` for what is no link.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let entry = self.entry(path).filter(|entry| entry.mode().kind() == EntryKind::Link)?;
        Some(String::from_utf8_lossy(&self.content(entry.object_id()).ok()?).into_owned())
    }

    /// What stands below a folder and is a link.
    pub(crate) fn links_below(&self, folder: &str) -> Vec<String> {
        let Some(entries) = self.folder(folder).and_then(|tree| tree.traverse().breadthfirst.files().ok()) else {
            return Vec::new();
        };
        let links = entries.into_iter().filter(|entry| entry.mode.kind() == EntryKind::Link);
        links.map(|entry| format!("{folder}/{}", entry.filepath)).collect()
    }

    /// A file's content.
    pub(crate) fn content(&self, id: ObjectId) -> anyhow::Result<Vec<u8>> {
        match self.repository.find_object(id) {
            Ok(object) => Ok(object.detach().data),
            Err(_) => bail!("its content at {} is not in this clone; fetch it with `git fetch --refetch`", self.name),
        }
    }

    /// How long a content is, in bytes; `None` where it is not in this clone.
    pub(crate) fn size(&self, id: ObjectId) -> Option<u64> {
        self.repository.find_header(id).ok().map(|header| header.size())
    }

    /// What names the content of a file; `None` for a folder and for what is not in the commit.
    pub(crate) fn id(&self, path: &str) -> Option<ObjectId> {
        let entry = self.entry(path).filter(|entry| is_file(entry.mode().kind()))?;
        Some(entry.object_id())
    }

    /// A file's content by its path; `None` where it is not in the commit.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.content(self.id(path)?).ok()
    }

    /// Whether a file of the commit is not in the work tree because a sparse checkout leaves it out.
    pub(crate) fn is_left_out(&self, path: &str) -> bool {
        let left_out = self.left_out.get_or_init(|| {
            let Ok(index) = self.repository.index_or_empty() else { return BTreeSet::new() };
            let is = |entry: &&gix::index::Entry| entry.flags.contains(gix::index::entry::Flags::SKIP_WORKTREE);
            index.entries().iter().filter(is).map(|entry| entry.path(&index).to_string()).collect()
        });
        let mut folders = path.match_indices('/').filter_map(|(at, _)| path.get(..=at));
        left_out.contains(path) || folders.any(|folder| left_out.contains(folder))
    }

    /// Whether a path is in a repository of its own that the commit names and does not hold.
    pub(crate) fn is_foreign(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let mut folders = ends.filter_map(|end| self.entry(path.get(..end)?));
        folders.any(|entry| entry.mode().kind() == EntryKind::Commit)
    }

    /// How objects are named here.
    pub(crate) fn names(&self) -> Names {
        Names(self.repository.object_hash())
    }

    fn entry(&self, path: &str) -> Option<gix::object::tree::Entry<'_>> {
        self.repository.find_object(self.tree).ok()?.try_into_tree().ok()?.lookup_entry_by_path(path).ok()?
    }

    fn folder(&self, path: &str) -> Option<gix::Tree<'_>> {
        let object = if path.is_empty() {
            self.repository.find_object(self.tree).ok()?
        } else {
            self.entry(path)?.object().ok()?
        };
        object.try_into_tree().ok()
    }
}

/// How a repository names its objects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names(gix::hash::Kind);

impl Names {
    /// Whether a content is the one that is committed. Where a checkout has changed the ends of lines, it still is.
    pub(crate) fn is_same(self, id: ObjectId, content: &[u8]) -> bool {
        let is =
            |content: &[u8]| gix::objs::compute_hash(self.0, gix::objs::Kind::Blob, content).is_ok_and(|own| own == id);
        is(content) || (content.windows(2).any(|end| end == b"\r\n") && is(&without_returns(content)))
    }
}

/// A text with each line ended as git keeps it.
fn without_returns(content: &[u8]) -> Vec<u8> {
    let is_end = |at: usize| content.get(at..at + 2) == Some(b"\r\n");
    content.iter().enumerate().filter(|(at, _)| !is_end(*at)).map(|(_, byte)| *byte).collect()
}

fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable)
}

/// The commit that somebody named.
fn named(repository: &gix::Repository, name: &str) -> anyhow::Result<ObjectId> {
    let found = repository.rev_parse_single(name).ok().map(gix::Id::detach);
    found.with_context(|| {
        let shallow =
            if repository.is_shallow().unwrap_or(false) { "; this clone is shallow, fetch it first" } else { "" };
        format!(
            "`{name}` is no revision of this repository{shallow}; --base, or `baseline` in countersign.toml, names a commit, \
             branch or tag"
        )
    })
}

/// Where this branch left the default branch; what it is called; and what is doubtful about it.
fn merge_base(repository: &gix::Repository, head: ObjectId, bases: &MergeBases) -> (ObjectId, String, Option<String>) {
    let last = |doubt: Option<String>| (head, "the last commit".to_owned(), doubt);
    let Some((branch, tip)) = default_branch(repository) else {
        return last(Some(
            "no default branch is known here (origin/HEAD, main or master), so only what is not committed is compared; \
             --base REV names another state"
                .to_owned(),
        ));
    };
    if tip == head {
        return last(None);
    }
    let mut known = bases.0.lock().unwrap_or_else(PoisonError::into_inner);
    let find = || Some(repository.merge_base(head, tip).ok()??.detach());
    match known.get(&(head, tip)).copied().or_else(find) {
        Some(base) => {
            known.insert((head, tip), base);
            (base, format!("the merge base with {branch}"), None)
        }
        _ if repository.is_shallow().unwrap_or(false) => last(Some(format!(
            "this clone is shallow and does not reach the commit where {branch} was left, so only what is not committed \
             is compared; `git fetch --unshallow` or --base REV helps"
        ))),
        _ => last(Some(format!(
            "{branch} has no commit in common with this branch, so only what is not committed is compared; --base REV \
             names another state"
        ))),
    }
}

/// The default branch and the commit at its tip.
fn default_branch(repository: &gix::Repository) -> Option<(String, ObjectId)> {
    let tip = |name: &str| {
        let mut reference = repository.find_reference(name).ok()?;
        Some(reference.peel_to_id().ok()?.detach())
    };
    if let Ok(head) = repository.find_reference("refs/remotes/origin/HEAD")
        && let Some(branch) = head.target().try_name().map(|name| name.as_bstr().to_string())
        && let Some(commit) = tip(&branch)
    {
        return Some((short(&branch), commit));
    }
    DEFAULT_BRANCHES.iter().find_map(|name| Some((short(name), tip(name)?)))
}

fn short(name: &str) -> String {
    name.trim_start_matches("refs/").trim_start_matches("remotes/").trim_start_matches("heads/").to_owned()
}
