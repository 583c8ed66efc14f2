//! The risks of a repository's own: files like those of the catalogue, under `.countersign/risks`.

use crate::disk::read_most;
use countersign_policy::{
    Catalogue, ConfigProblem, MAX_OWN_RISKS, MAX_RISK_BYTES, OWN_RISKS, RiskDocument, Wrong, read_own_risk,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The risks of one repository.
#[derive(Debug, Default)]
pub(crate) struct OwnRisks {
    /// Those that could be read.
    pub(crate) documents: Vec<Arc<RiskDocument>>,
    /// What is wrong in the files of the others.
    pub(crate) problems: Vec<(PathBuf, Vec<ConfigProblem>)>,
}

impl OwnRisks {
    /// Those of the repository with this root.
    pub(crate) fn of(root: &Path) -> Self {
        let mut own = Self::default();
        let files = files(root);
        for (nth, path) in files.into_iter().enumerate() {
            let read = match read_most(&path, MAX_RISK_BYTES) {
                _ if nth >= MAX_OWN_RISKS => {
                    Err(format!("there are more than {MAX_OWN_RISKS} files; this one is not read"))
                }
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) => Err(format!("it cannot be read: {error}")),
            };
            let read = read.map_err(|message| Wrong { range: 0..0, message });
            match read.and_then(|text| read_own_risk(&text, &id_of(&path))) {
                Ok(document) => own.documents.push(Arc::new(document)),
                Err(Wrong { range, message }) => own.problems.push((path, vec![ConfigProblem { range, message }])),
            }
        }
        own
    }
}

/// The files of risks in a repository, in order.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(OWN_RISKS)).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| is_of_risk(path) && path.is_file()).collect();
    files.sort();
    files
}

/// Whether a file is one of a risk of a repository's own, by where it stands.
pub(crate) fn is_of_risk(path: &Path) -> bool {
    let is_there = path.parent().is_some_and(|folder| folder.ends_with(OWN_RISKS));
    is_there && path.extension().is_some_and(|it| it == "md") && !path.ends_with("README.md")
}

/// What a file's name says that the risk is called.
pub(crate) fn id_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The risk by its id, with those of the repository that the command runs in.
pub(crate) fn here() -> Arc<Catalogue> {
    let at = std::env::current_dir().unwrap_or_default();
    Arc::clone(&crate::disk::Configs::default().of(&at.join("-")).catalogue)
}
