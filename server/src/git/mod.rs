//! What git knows: where a repository keeps its own files, what was committed, who is at work.

mod history;
mod revision;

pub(crate) use history::{BlamedLine, Git, NOTES};
pub(crate) use revision::Revision;

use std::path::{Path, PathBuf};

/// The repository that a file is in.
fn repository(file: &Path) -> Option<gix::Repository> {
    // The file may be new and its folder too.
    let folder = file.ancestors().skip(1).find(|folder| folder.is_dir())?;
    gix::discover(folder).ok()
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

/// Whether the repository of a file holds a text, as of any file in any commit or in the index.
pub(crate) fn has_text(file: &Path, text: &str) -> bool {
    let Some(repository) = repository(file) else { return false };
    let id = gix::objs::compute_hash(repository.object_hash(), gix::objs::Kind::Blob, text.as_bytes());
    id.is_ok_and(|id| repository.has_object(id))
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
