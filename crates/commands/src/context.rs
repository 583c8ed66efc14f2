//! What is known beside the command's text.

use std::collections::BTreeMap;

/// What became of asking for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// Its text.
    Text(String),
    /// There is none.
    Absent,
    /// It is there and cannot be read: no text, too large, outside of what may be read.
    Unreadable,
}

/// The files that a command may run or read. The caller says which those are.
pub trait Files {
    /// The text of a file. A path is absolute, or relative to where [`Context::folder`] is relative to; it has no `.` or
    /// `..` that could be resolved. One that begins with `~/` is in the home folder.
    fn read(&self, path: &str) -> File;
}

/// No file can be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> File {
        File::Unreadable
    }
}

impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> File {
        self.get(path).map_or(File::Absent, |text| File::Text(text.clone()))
    }
}

/// What is known beside the command's text.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The files of the repository.
    pub files: &'a dyn Files,
    /// The folder that the command runs in, with `/` between its parts.
    pub folder: &'a str,
    /// Variables of the environment that are known. One that is not in here may still be set.
    pub environment: &'a BTreeMap<String, String>,
    /// The branch that is checked out.
    pub branch: Option<&'a str>,
    /// Names of branches that nobody may rewrite, besides [`PROTECTED`]. A `*` at the end stands for any end.
    pub protected: &'a [String],
}

/// Branches that are taken as protected everywhere. A `*` at the end stands for any end.
pub const PROTECTED: &[&str] =
    &["main", "master", "trunk", "production", "prod", "release", "release/*", "release-*", "releases/*", "live"];

impl Context<'_> {
    /// Whether a branch must not be rewritten.
    pub(crate) fn is_protected(&self, branch: &str) -> bool {
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(begin) => branch.starts_with(begin),
            None => branch == pattern,
        };
        PROTECTED.iter().copied().any(matches) || self.protected.iter().any(|pattern| matches(pattern))
    }
}
