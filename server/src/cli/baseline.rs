//! The baseline: findings that a project has when it begins to use Countersign, so that a check tells what is new.
//!
//! A finding is known by its file, risk, resource and a digest of the text that it is about: not by its line, so that it
//! stays known when lines move, and not by its risk alone, so that another text is another finding.

use super::check::Check;
use super::checked::absolute;
use super::human::plural;
use super::print;
use crate::disk::{self, Configs};
use crate::impact::Checked as Live;
use crate::state::write_atomically;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use countersign_engine::Finding;
use countersign_engine::report::JsonProblem;
use countersign_provenance::sha256;
use countersign_text::Text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// Version of the file's format.
const VERSION: u64 = 1;

/// How many digits of a digest are kept.
const DIGITS: usize = 32;

/// How many of a secret's: a change shows, and a list of likely passwords cannot be tried against them.
const SECRET_DIGITS: usize = 2;

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Write what is found now to a file, for `check --baseline` to leave out.
    ///
    /// What was in the file before is replaced.
    Write(WriteArguments),
}

#[derive(Debug, Args)]
pub(super) struct WriteArguments {
    /// Files and folders, as for `check`.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// The file to write.
    #[arg(long, short, value_name = "FILE", default_value = "countersign-baseline.json")]
    output: PathBuf,
}

/// What tells a finding from others of its file, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fingerprint {
    risk: String,
    address: String,
    digest: String,
    /// How many equal ones stand before it.
    nth: usize,
    secret: bool,
}

impl Fingerprint {
    /// As one text for other programs. It says nothing about a secret.
    pub(super) fn for_others(&self) -> String {
        let digest = if self.secret { "" } else { self.digest.as_str() };
        let all = sha256(&[self.risk.as_str(), &self.address, digest].join("\n"));
        format!("{}:{}", &all[..DIGITS], self.nth + 1)
    }
}

/// The fingerprints of the findings of one file.
pub(super) fn fingerprints(text: &Text, findings: &[Finding]) -> Vec<Fingerprint> {
    let mut seen: HashMap<Fingerprint, usize> = HashMap::new();
    let print = |finding: &Finding| {
        let secret = finding.is_secret;
        let about = format!("{}\n{}", names(finding), without_layout(&text.slice(finding.range.clone())));
        let mut digest = sha256(&about);
        digest.truncate(if secret { SECRET_DIGITS } else { DIGITS });
        let address = finding.resource.as_ref().map(|resource| resource.address.to_string()).unwrap_or_default();
        let mut print = Fingerprint { risk: finding.risk.to_owned(), address, digest, nth: 0, secret };
        let nth = seen.entry(print.clone()).or_default();
        print.nth = *nth;
        *nth += 1;
        print
    };
    findings.iter().map(print).collect()
}

/// What a finding's message and help name, without the words around it, which the next version may put better.
fn names(finding: &Finding) -> String {
    let all = [&*finding.message, &*finding.help];
    all.iter().flat_map(|text| text.split('`').skip(1).step_by(2)).collect::<Vec<_>>().join("\n")
}

/// A text without the white space that a formatter may change: all of it but that in quotes.
fn without_layout(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        if *c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = *c == '\\' && !escaped;
        quoted || !c.is_whitespace()
    };
    text.chars().filter(keep).collect()
}

/// A baseline as it stands in its file.
#[derive(Debug)]
pub(super) struct Baseline {
    folder: PathBuf,
    entries: BTreeMap<Key, usize>,
}

/// What an entry is about: path, risk, address, digest.
type Key = (String, String, String, String);

#[derive(Serialize, Deserialize)]
struct Entry {
    path: String,
    risk: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    address: String,
    digest: String,
    count: usize,
}

#[derive(Deserialize)]
struct Stored {
    findings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl Baseline {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = disk::display(path);
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("{name}: the baseline cannot be read; `countersign baseline write --output {name}` writes one")
        })?;
        if let Some(line) = text.lines().position(is_conflict_marker) {
            let line = line + 1;
            bail!("{name}:{line}: the baseline has conflicts of a merge in it; merge it by hand, or write it again")
        }
        let malformed = |error: serde_json::Error| {
            let line = error.line();
            anyhow::anyhow!("{name}:{line}: this is no baseline: {error}; `countersign baseline write` writes one")
        };
        let Version { version } = serde_json::from_str(&text).map_err(malformed)?;
        if version != VERSION {
            let line = text.lines().position(|line| line.contains("\"version\"")).unwrap_or_default() + 1;
            bail!(
                "{name}:{line}: this baseline is of version {version}, and this Countersign reads version {VERSION}; use the Countersign that wrote it, or write it again"
            )
        }
        let stored: Stored = serde_json::from_str(&text).map_err(malformed)?;
        let mut entries = BTreeMap::new();
        for entry in stored.findings {
            *entries.entry((entry.path, entry.risk, entry.address, entry.digest)).or_default() += entry.count;
        }
        Ok(Self { folder: folder_of(path), entries })
    }

    /// As it stands in its file: sorted, one finding a line, so that changes of it can be read and merged.
    fn render(&self) -> anyhow::Result<String> {
        let mut out = format!("{{\n  \"version\": {VERSION},\n  \"findings\": [");
        for (index, ((path, risk, address, digest), count)) in self.entries.iter().enumerate() {
            let [path, risk, address, digest] = [path, risk, address, digest].map(Clone::clone);
            let entry = serde_json::to_string(&Entry { path, risk, address, digest, count: *count })?;
            let _ = write!(out, "{}\n    {entry}", if index == 0 { "" } else { "," });
        }
        out.push_str(if self.entries.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        Ok(out)
    }
}

/// Whether a line is one of those that git puts around what it could not merge.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|marker| line.starts_with(marker))
}

/// The folder that a baseline's paths are taken from: its own.
fn folder_of(file: &Path) -> PathBuf {
    absolute(file).and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default()
}

/// A file's path from a folder, with forward slashes.
fn path_from(folder: &Path, file: &Path) -> String {
    let file = absolute(file).unwrap_or_else(|| file.to_owned());
    let common = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(common)).collect();
    disk::display(&path)
}

/// A baseline that files are checked against.
#[derive(Debug)]
pub(super) struct Known {
    baseline: Baseline,
    /// The findings of each file that was checked, as last seen.
    seen: Mutex<HashMap<String, HashMap<Key, usize>>>,
}

impl Known {
    pub(super) fn new(baseline: Baseline) -> Self {
        Self { baseline, seen: Mutex::default() }
    }

    /// Which findings of a file are known, by their index.
    pub(super) fn known(&self, file: &Path, prints: &[Fingerprint]) -> HashSet<usize> {
        let path = path_from(&self.baseline.folder, file);
        let mut seen: HashMap<Key, usize> = HashMap::new();
        let mut known = HashSet::new();
        for (index, print) in prints.iter().enumerate() {
            let key = (path.clone(), print.risk.clone(), print.address.clone(), print.digest.clone());
            if self.baseline.entries.get(&key).is_some_and(|count| print.nth < *count) {
                known.insert(index);
            }
            *seen.entry(key).or_default() += 1;
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path, seen);
        known
    }

    /// How many entries are about something that is no longer there. What was not looked at counts as there.
    pub(super) fn outdated(&self) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = |(key, count): &(&Key, &usize)| match seen.get(&key.0) {
            Some(seen) => seen.get(*key).is_none_or(|seen| seen < *count),
            None => !self.baseline.folder.join(&key.0).exists(),
        };
        self.baseline.entries.iter().filter(gone).count()
    }
}

/// `countersign baseline`.
pub(super) fn run(command: &BaselineCommand) -> anyhow::Result<ExitCode> {
    let BaselineCommand::Write(arguments) = command;
    let configs = Configs::default();
    let (files, mut problems) = disk::files(&arguments.paths, &configs);
    // What an edit does to what is live is news, and no old debt.
    let check = Check::plain(&configs, Live::default());
    let folder = folder_of(&arguments.output);
    let mut entries: BTreeMap<Key, usize> = BTreeMap::new();
    for (checked, _) in check.files(&files) {
        let path = path_from(&folder, &checked.path);
        for Fingerprint { risk, address, digest, .. } in checked.findings.into_iter().map(|found| found.fingerprint) {
            *entries.entry((path.clone(), risk, address, digest)).or_default() += 1;
        }
        problems.extend(checked.problem);
    }
    problems.extend(configs.problems().into_iter().map(|(path, message)| JsonProblem { path, message }));
    for problem in &problems {
        anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
    }
    let name = disk::display(&arguments.output);
    if !problems.is_empty() {
        bail!("{name}: no baseline was written, for it might not have all findings");
    }
    let count = entries.values().sum();
    let text = Baseline { folder, entries }.render()?;
    write_atomically(&arguments.output, text.as_bytes())
        .with_context(|| format!("{name}: the baseline cannot be written"))?;
    print(&format!(
        "{name}: {} in {} known from now on; `countersign check --baseline {name}` says what is new.\n",
        plural(count, "finding"),
        plural(files.len(), "file"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_white_space_outside_of_quotes() {
        assert_eq!(without_layout("[ \"a b\",\n\t\"c\\\" d\" ]  x"), "[\"a b\",\"c\\\" d\"]x");
    }

    #[test]
    fn a_path_from_a_folder() {
        assert_eq!(path_from(Path::new("/nowhere/a"), Path::new("/nowhere/a/b/c.tf")), "b/c.tf");
        assert_eq!(path_from(Path::new("/nowhere/a/x"), Path::new("/nowhere/a/b/c.tf")), "../b/c.tf");
    }
}
