//! What holds in a folder: what it says itself, or else what the folder above does.

use countersign_agents::MAX_PATH_BYTES;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder and those above it, without those whose path is longer than any that can be there.
pub(crate) fn folders_from(folder: &Path) -> impl Iterator<Item = &Path> {
    folder.ancestors().skip_while(|folder| folder.as_os_str().len() > MAX_PATH_BYTES)
}

/// Something that is known of folders. Each is looked at once, until all is forgotten.
#[derive(Debug)]
pub(crate) struct Upwards<T> {
    known: Mutex<HashMap<PathBuf, T>>,
}

impl<T> Default for Upwards<T> {
    fn default() -> Self {
        Self { known: Mutex::default() }
    }
}

impl<T: Clone> Upwards<T> {
    /// What holds in a folder. `look` is given a folder, whether it is the root of a repository, and what holds in the folder
    /// above, if there is one and this is no root.
    pub(crate) fn of(&self, folder: &Path, look: impl Fn(&Path, bool, Option<T>) -> T) -> Option<T> {
        // Up and down again in loops: a path may have more parts than the stack has room for.
        let mut found = None;
        let mut below = Vec::new();
        for folder in folders_from(folder) {
            found = self.known(|known| known.get(folder).cloned());
            if found.is_some() {
                break;
            }
            let is_root = folder.join(".git").exists();
            below.push((folder, is_root));
            if is_root {
                break;
            }
        }
        for (folder, is_root) in below.into_iter().rev() {
            let now = look(folder, is_root, found);
            self.known(|known| known.insert(folder.to_owned(), now.clone()));
            found = Some(now);
        }
        found
    }

    /// Does something with all that is known.
    pub(crate) fn known<R>(&self, with: impl FnOnce(&mut HashMap<PathBuf, T>) -> R) -> R {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_what_the_one_above_does_unless_it_is_a_root() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, inner) = (folder.path().join("a"), folder.path().join("a/b/c"));
        std::fs::create_dir_all(root.join(".git")).expect("a root");
        let upwards = Upwards::default();
        let look = |folder: &Path, is_root: bool, above: Option<PathBuf>| {
            assert_eq!(is_root, folder == root, "{}", folder.display());
            assert!(!is_root || above.is_none());
            above.unwrap_or_else(|| folder.to_owned())
        };
        assert_eq!(upwards.of(&inner, look), Some(root.clone()));
        assert_eq!(upwards.known(|known| known.len()), 3);
        assert_eq!(upwards.of(&root, |_, _, _| panic!("it was looked at")), Some(root.clone()));
    }

    #[test]
    fn a_path_of_any_length_has_an_answer() {
        let deep = PathBuf::from(format!("/there-is-none/{}", "a/".repeat(200_000)));
        let upwards = Upwards::default();
        assert_eq!(upwards.of(&deep, |_, _, above: Option<usize>| above.unwrap_or_default() + 1), Some(2_043));
        assert!(upwards.known(|known| known.len()) < 2_100);
    }
}
