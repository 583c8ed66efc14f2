//! Two files or two folders, without git.

use super::{Compared, NOT_COMPARED, State, is_of_module, read_all};
use crate::disk;
use crate::surroundings::{MAX_TEXT, Surroundings, key};
use anyhow::{Context, bail};
use countersign_engine::{module_of, units, wanted_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by their names in the index.
type Files = BTreeMap<Arc<str>, PathBuf>;

/// Compares two files, each by itself, or two folders. Files of the first state stand in the index where those of the second
/// do, so that they are taken for the same.
pub(crate) fn two(before: &Path, after: &Path) -> anyhow::Result<Compared> {
    let is_folder = |path: &Path| {
        let metadata = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok::<_, anyhow::Error>(metadata.is_dir())
    };
    let are_folders = is_folder(before)?;
    if are_folders != is_folder(after)? {
        bail!(
            "{} and {} cannot be compared: one is a file and one is a folder; name two files or two folders",
            before.display(),
            after.display()
        );
    }
    let (then, now) = if are_folders {
        (below(before, after), below(after, after))
    } else {
        (one(before, after)?, one(after, after)?)
    };
    let (snapshots, mut problems) = read_all(&now);
    let around = if are_folders { Surroundings::of(snapshots) } else { Surroundings::alone(snapshots) };
    let after_state = State::now(&around, &problems);

    let mut before_state = State::new(around.workspace.clone(), after_state.files.clone());
    let (snapshots, problems_then) = read_all(&then);
    let mut modules = BTreeSet::new();
    for file in now.keys().filter(|file| !then.contains_key(*file)) {
        before_state.replace(file, None, false);
        modules.insert(module_of(file).to_owned());
    }
    for snapshot in snapshots {
        let file = Arc::clone(&snapshot.file);
        if after_state.file(&file).is_none_or(|now| now.text.to_string() != snapshot.text.to_string()) {
            before_state.replace(&file, Some(snapshot), problems_then.contains_key(&file));
            modules.insert(module_of(&file).to_owned());
        }
    }
    before_state.real = then.iter().map(|(file, path)| (Arc::clone(file), disk::display(path))).collect();

    let (from, to) = (key(before), key(after));
    let mut paths = around.texts().to_vec();
    for (file, snapshot) in before_state.files().filter(|_| are_folders) {
        let wanted = wanted_files(&before_state.workspace, file, &units(snapshot));
        paths.extend(wanted.into_iter().map(|path| (module_of(file).to_owned(), path)));
    }
    for (module, path) in paths {
        let Some(rest) = path.strip_prefix(&*to).filter(|rest| rest.starts_with('/')) else { continue };
        let version = before_state.workspace.version();
        before_state.workspace.set_text(&path, text(&format!("{from}{rest}")));
        if before_state.workspace.version() != version {
            modules.insert(module);
        }
    }
    problems.extend(problems_then.into_iter().map(|(file, why)| (before_state.shown(&file).into(), why)));
    let problems = problems.into_iter().map(|(file, message)| super::problem(&after_state, &file, message)).collect();
    let baseline = disk::display(before);
    Ok(Compared {
        before: before_state,
        after: after_state,
        modules,
        only: None,
        baseline,
        doubts: Vec::new(),
        problems,
    })
}

/// A file as another one.
fn one(path: &Path, at: &Path) -> anyhow::Result<Files> {
    if is_of_module(&key(path)).is_none() {
        bail!("{}: {NOT_COMPARED}", path.display());
    }
    Ok(Files::from([(key(at), path.to_owned())]))
}

/// The files of modules below a folder, by what they are called below another one. Ignored ones count, for Terraform takes
/// them too.
fn below(folder: &Path, at: &Path) -> Files {
    let (from, to) = (key(folder), key(at));
    let walk =
        disk::walk(folder).ignore(false).git_ignore(false).git_global(false).git_exclude(false).parents(false).build();
    let walk = walk.flatten();
    let files =
        walk.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())).map(ignore::DirEntry::into_path);
    let name = |path: &Path| Some(Arc::from(format!("{to}{}", key(path).strip_prefix(&*from)?)));
    files.filter(|path| is_of_module(&key(path)).is_some()).filter_map(|path| Some((name(&path)?, path))).collect()
}

/// A text that an expression reads.
fn text(path: &str) -> Option<Arc<str>> {
    let is_small = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_TEXT);
    is_small.then(|| disk::read(Path::new(path)).ok()).flatten().map(Arc::from)
}
