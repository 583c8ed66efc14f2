//! What git knows: where a repository keeps its own files, what was committed, who is at work.

mod checkout;
mod history;
mod line;
mod revision;

pub(crate) use checkout::Checkout;
pub(crate) use history::{BlamedLine, Git, NOTES, Step};
pub(crate) use line::Line;
pub(crate) use revision::{MergeBases, Revision};

use crate::upwards::folders_from;
use std::path::{Path, PathBuf};

/// The repository that a file is in.
fn repository(file: &Path) -> Option<gix::Repository> {
    // The file may be new and its folder too.
    let file = std::path::absolute(file).ok()?;
    let folder = folders_from(file.parent()?).find(|folder| folder.is_dir())?;
    gix::discover(folder).ok()
}

/// Why the repository that a folder is in cannot be opened; `None` where it can, or where there is none.
fn unopened(folder: &Path) -> Option<String> {
    gix::discover::upwards(folder).ok()?;
    gix::discover(folder).err().map(|error| error.to_string())
}

/// The folder in which git keeps this work tree's files.
pub(crate) fn git_folder(file: &Path) -> Option<PathBuf> {
    repository(file).map(|repository| repository.git_dir().to_owned())
}

/// The root of the work tree that a file is in.
pub(crate) fn work_tree(file: &Path) -> Option<PathBuf> {
    let root = repository(file)?.workdir()?.to_owned();
    std::path::absolute(&root).ok()
}

/// Whether the clone that a folder is in lacks a part of its history.
pub(crate) fn is_shallow(folder: &Path) -> bool {
    repository(&folder.join("-")).is_some_and(|repository| repository.is_shallow().unwrap_or(false))
}

/// The branch that is checked out in the work tree of a file.
pub(crate) fn branch(file: &Path) -> Option<String> {
    repository(file)?.head_name().ok()?.map(|name| name.shorten().to_string())
}

/// What was committed of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The file is in no repository, or the repository has no commit.
    NoBaseline,
    /// The last commit does not have the file.
    Absent,
    /// The text in the last commit.
    Text(String),
}

/// The text of a file at `HEAD`. A file that is no text there counts as absent.
pub(crate) fn at_head(file: &Path) -> Committed {
    let Some(repository) = repository(file) else {
        return Committed::NoBaseline;
    };
    let Ok(tree) = repository.head_tree() else {
        return Committed::NoBaseline;
    };
    let Some(relative) = work_tree(file).and_then(|root| file.strip_prefix(root).ok().map(Path::to_owned)) else {
        return Committed::NoBaseline;
    };
    let entry = tree.lookup_entry_by_path(&relative).ok().flatten();
    let text =
        entry.and_then(|entry| entry.object().ok()).and_then(|object| String::from_utf8(object.data.clone()).ok());
    text.map_or(Committed::Absent, Committed::Text)
}

/// The object that the notes of git-ai stand in, where there are any, and the last commit, of the repository of a file.
pub(crate) fn notes_and_head(file: &Path) -> Option<(Option<String>, Option<String>)> {
    let repository = repository(file)?;
    let notes = repository.find_reference(NOTES).ok().and_then(|reference| Some(reference.try_id()?.to_string()));
    Some((notes, repository.head_id().ok().map(|id| id.to_string())))
}

/// Whether the repository of a file holds a text, as of any file in any commit or in the index.
pub(crate) fn has_text(file: &Path, text: &str) -> bool {
    let Some(repository) = repository(file) else { return false };
    let id = gix::objs::compute_hash(repository.object_hash(), gix::objs::Kind::Blob, text.as_bytes());
    id.is_ok_and(|id| repository.has_object(id))
}

/// The files that git tracks in the work tree of a file and that have this text in the index.
pub(crate) fn files_with(file: &Path, text: &str) -> Vec<PathBuf> {
    let find = || {
        let repository = repository(file)?;
        let id = gix::objs::compute_hash(repository.object_hash(), gix::objs::Kind::Blob, text.as_bytes()).ok()?;
        let root = std::path::absolute(repository.workdir()?).ok()?;
        let index = repository.index_or_empty().ok()?;
        let same = index.entries().iter().filter(|entry| entry.id == id);
        let path = |entry: &gix::index::Entry| Some(root.join(gix::path::from_bstr(entry.path(&index)).ok()?));
        Some(same.filter_map(path).collect())
    };
    find().unwrap_or_default()
}

/// Name and address of who is at work here, as git would sign a commit.
pub(crate) fn author(file: &Path) -> Option<String> {
    let repository = repository(file)?;
    let config = repository.config_snapshot();
    let name = config.string("user.name")?;
    Some(match config.string("user.email") {
        Some(email) => format!("{name} <{email}>"),
        None => name.to_string(),
    })
}
