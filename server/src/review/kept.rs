//! Requests and answers as they are kept: a file a request, and beside it a folder with a file for each person who has answered,
//! each with its signature.

use super::break_glass::BREAK_GLASS;
use super::{Change, REVIEWS};
use crate::git::Revision;
use countersign_policy::People;
use countersign_review::{
    Answer, Bound, Decision, Judged, MAX_BYTES, Need, Request, Signers, Standing, digest, standing,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files of requests and answers that are read; more are left out, and that is said.
const MAX_FILES: usize = 20_000;

/// Ends the name of the file of a signature.
const SIGNATURE: &str = ".sig";

/// Ends the name of what was there once.
const TAKEN_AWAY: &str = ", taken away since)";

/// The requests of a repository.
#[derive(Default)]
pub(crate) struct Reviews {
    requests: BTreeMap<String, Request>,
    /// By the name of the request and of the file.
    answers: BTreeMap<String, BTreeMap<String, Answered>>,
    /// What cannot be read: the file, from the root, and why.
    pub(crate) problems: Vec<(String, String)>,
}

#[derive(Default, Clone)]
struct Answered {
    bytes: Vec<u8>,
    signature: Vec<u8>,
}

/// Where a change stands.
pub(crate) struct Stands {
    /// Where its request does; `None` where nobody has asked.
    pub(crate) standing: Option<Standing>,
    /// The answers to it, as they were judged.
    pub(crate) judged: Vec<Judged>,
    /// Why requests about the same place do not hold for it.
    pub(crate) void: Vec<String>,
}

impl Reviews {
    /// Those in a work tree.
    pub(crate) fn on_disk(root: &Path) -> Self {
        let mut reviews = Self::default();
        let mut files = Vec::new();
        let mut folders = vec![root.join(REVIEWS)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_symlink() => reviews.link(&inside(root, &path)),
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    _ => files.push(path),
                }
            }
        }
        files.sort();
        for path in files {
            let content = std::fs::File::open(&path).and_then(|file| {
                let mut content = Vec::new();
                file.take(MAX_BYTES as u64 + 1).read_to_end(&mut content).map(|_| content)
            });
            match content {
                Ok(content) => reviews.add(&inside(root, &path), content),
                Err(error) => reviews.problems.push((inside(root, &path), format!("cannot be read: {error}"))),
            }
        }
        reviews
    }

    /// Those in a commit.
    pub(crate) fn in_commit(revision: &Revision) -> anyhow::Result<Self> {
        let mut reviews = Self::default();
        for path in revision.links_below(REVIEWS) {
            reviews.link(&path);
        }
        for (path, id) in revision.files_below(REVIEWS)?.0 {
            reviews.add(&path, revision.content(id)?);
        }
        Ok(reviews)
    }

    fn link(&mut self, path: &str) {
        self.problems.push((path.to_owned(), "is a link, and what a link leads to is not read here".to_owned()));
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        let Some(inside) = path.strip_prefix(REVIEWS).and_then(|path| path.strip_prefix('/')) else { return };
        if self.requests.len() + self.answers.len() >= MAX_FILES {
            if self.problems.last().is_none_or(|(last, _)| last != REVIEWS) {
                let why =
                    format!("only the first {MAX_FILES} reviews are read; take away those of changes that are merged");
                self.problems.push((REVIEWS.to_owned(), why));
            }
            return;
        }
        match inside.split_once('/') {
            None => {
                let Some(id) = inside.strip_suffix(".json") else { return };
                match Request::read(&content) {
                    Ok(request) if request.request_id == id => drop(self.requests.insert(id.to_owned(), request)),
                    Ok(request) => {
                        let why = format!("it is the request {}, and its file has to be called so", request.request_id);
                        self.problems.push((path.to_owned(), why));
                    }
                    Err(error) => self.problems.push((path.to_owned(), error.to_string())),
                }
            }
            Some((id, name)) => {
                let answers = self.answers.entry(id.to_owned()).or_default();
                match name.strip_suffix(SIGNATURE) {
                    Some(name) => answers.entry(name.to_owned()).or_default().signature = content,
                    None => answers.entry(name.to_owned()).or_default().bytes = content,
                }
            }
        }
    }

    /// Adds the rejections and break-glasses that were there once and are not any more, under names of their own: who has said so has
    /// said so, whoever takes the file away.
    pub(crate) fn add_earlier(&mut self, earlier: &Self) {
        for (id, answers) in &earlier.answers {
            let is_break_glass = id == BREAK_GLASS;
            let known = self.answers.entry(id.clone()).or_default();
            for (name, answer) in answers {
                let is_no = Answer::read(&answer.bytes).is_ok_and(|answer| answer.decision == Decision::Reject);
                if (is_no || is_break_glass)
                    && known.values().all(|one| one.bytes != answer.bytes || one.signature != answer.signature)
                {
                    let short = digest(&answer.bytes)[..8].to_owned();
                    known.insert(format!("{name} ({short}{TAKEN_AWAY}"), answer.clone());
                }
            }
        }
    }

    /// A request by its name.
    pub(crate) fn request(&self, id: &str) -> Option<&Request> {
        self.requests.get(id)
    }

    /// All requests, by name.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.values()
    }

    /// The answers to a request: the name of the file, what it says, its signature.
    pub(crate) fn answers(&self, id: &str) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let answers = self.answers.get(id).into_iter().flatten();
        answers
            .map(|(name, one)| (format!("{REVIEWS}/{id}/{name}"), one.bytes.clone(), one.signature.clone()))
            .collect()
    }

    /// The bytes of an answer to a request, by its file from the root of the repository.
    pub(super) fn answer(&self, id: &str, file: &str) -> Option<&[u8]> {
        let name = file.strip_prefix(REVIEWS)?.strip_prefix('/')?.strip_prefix(id)?.strip_prefix('/')?;
        Some(&self.answers.get(id)?.get(name)?.bytes)
    }

    /// Where a change stands that needs approvals.
    pub(crate) fn stands(&self, change: &Change, signers: &Signers, people: People<'_>, now: Timestamp) -> Stands {
        let place = |request: &&Request| {
            (&request.bound.path, &request.bound.address) == (&change.bound.path, &change.bound.address)
        };
        let differs = |request: &Request| request.bound.differs(&change.bound);
        let void = self.requests.values().filter(place).filter_map(|request| {
            Some(format!("the review {} does not hold for it: {}", request.request_id, differs(request)?))
        });
        let void = void.collect();
        let Some(request) = self.requests.get(&change.bound.id()).filter(|request| differs(request).is_none()) else {
            return Stands { standing: None, judged: Vec::new(), void };
        };
        let (standing, judged) = self.judged(request, &change.bound, change, signers, people, now);
        Stands { standing: Some(standing), judged, void }
    }

    /// Where a request stands if `here` is what is there now, by what a change needs; and its answers.
    pub(super) fn judged(
        &self,
        request: &Request,
        here: &Bound,
        change: &Change,
        signers: &Signers,
        people: People<'_>,
        now: Timestamp,
    ) -> (Standing, Vec<Judged>) {
        let row = change.required.as_ref().map(|(_, row)| row);
        let refuses = |emails: &[&str]| row?.refuses(people, emails, &change.owners);
        let need = Need {
            approvals: row.map_or(1, |row| row.approvals),
            own: change.not_own(row.is_some_and(|row| row.own), &request.requested_by),
            hardware: row.is_some_and(|row| row.hardware),
            refuses: &refuses,
        };
        standing(request, Ok(here), &self.answers(&request.request_id), signers, &need, now)
    }
}

impl Change {
    /// The addresses of those whose approval does not count, because it is their own.
    pub(crate) fn not_own(&self, own_counts: bool, requested_by: &str) -> Vec<String> {
        if own_counts {
            return Vec::new();
        }
        self.own.iter().cloned().chain(super::changes::email(requested_by).map(str::to_owned)).collect()
    }
}

/// The names of the files of an answer and its signature, from the root of the repository: one for each person.
pub(crate) fn answer_files(id: &str, reviewer: &str) -> (PathBuf, PathBuf) {
    let name = format!("{}.json", &digest(reviewer.to_ascii_lowercase().as_bytes())[..16]);
    with_signature(Path::new(REVIEWS).join(id).join(name))
}

/// A file and the one of its signature.
pub(super) fn with_signature(file: PathBuf) -> (PathBuf, PathBuf) {
    let signature = signature_beside(&file);
    (file, signature)
}

/// The file of the signature of another one, which stands beside it.
pub(crate) fn signature_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SIGNATURE);
    PathBuf::from(name)
}

/// Whether the name of a file is that of one that was there once.
pub(super) fn is_taken_away(file: &str) -> bool {
    file.ends_with(TAKEN_AWAY)
}

/// A decision, in a word.
pub(crate) const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
    }
}

fn inside(root: &Path, path: &Path) -> String {
    crate::disk::display(path.strip_prefix(root).unwrap_or(path))
}
