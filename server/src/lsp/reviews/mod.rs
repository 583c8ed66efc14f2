//! The reviews of the repositories that are open: looked at beside everything else whenever something has happened that they hang
//! on, told to the client, and shown where they are about.

mod shown;
mod told;

pub(super) use shown::{actions, diagnostics, hover};
use told::ReviewResult;
pub(super) use told::ReviewsParams;

use super::backend::invalid;
use super::events::Events;
use super::protocol::ReviewArguments;
use super::session::{Event, Session};
use super::watcher::Watcher;
use crate::disk::display;
use crate::git;
use crate::review::REVIEWS as FOLDER;
use crate::surroundings::key;
use countersign_text::Encoding;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{LSPAny, MessageType};

/// Name of the notification with [`ReviewsParams`].
pub(super) const REVIEWS: &str = "countersign/reviews";
/// Approves a request: a command of the client, where it says that it has it.
pub(super) const APPROVE: &str = "countersign.approveReview";
/// Rejects one.
pub(super) const REJECT: &str = "countersign.rejectReview";

/// What is known of the reviews of all repositories that are open.
#[derive(Default)]
pub(super) struct Reviews {
    /// Something has happened since they were looked at.
    is_due: bool,
    /// They are being looked at.
    is_running: bool,
    /// Folders of documents that were open.
    folders: HashSet<PathBuf>,
    /// What was told last, by the root of the repository.
    told: HashMap<PathBuf, Arc<ReviewsParams>>,
    /// The same by file.
    by_file: HashMap<Arc<str>, Arc<OfFile>>,
    /// Why they could not be looked at the last time.
    problem: Option<String>,
}

/// The requests that are about one file.
#[derive(Debug, PartialEq)]
pub(super) struct OfFile {
    /// The root of its repository.
    root: String,
    reviews: Vec<ReviewResult>,
}

/// What was found in one repository, or why nothing was.
pub(super) type Looked = (PathBuf, Result<ReviewsParams, String>);

impl Reviews {
    /// They are to be looked at again.
    pub(super) fn set_due(&mut self) {
        self.is_due = true;
    }

    /// A file was opened, maybe in a repository that was not looked at yet.
    pub(super) fn opened(&mut self, file: &Path) {
        self.is_due |= file.parent().is_some_and(|folder| self.folders.insert(folder.to_owned()));
    }

    /// The requests that are about a file.
    pub(super) fn of(&self, file: &str) -> Option<Arc<OfFile>> {
        self.by_file.get(file).cloned()
    }

    fn find(&self, root: &str, id: &str) -> Option<(&Path, &ReviewResult)> {
        let (path, told) = self.told.iter().find(|(_, told)| told.root == root)?;
        Some((path, told.reviews.iter().find(|review| review.id == id)?))
    }
}

/// Whether a file says something about reviews: a request, an answer, whose keys are whose.
pub(super) fn is_of_reviews(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == ".countersign")
}

/// Looks at the repositories of some folders that have requests, or had some that were told, on a thread of its own: that asks git
/// and checks what has changed, and nobody waits for it.
///
/// `roots` keeps the work tree that each folder was found in.
pub(super) fn look(
    folders: &[PathBuf],
    known: &HashSet<PathBuf>,
    encoding: Encoding,
    (roots, watcher): (&mut HashMap<PathBuf, PathBuf>, &mut Watcher),
    events: &Events,
) -> Option<Event> {
    for folder in folders {
        if let Entry::Vacant(entry) = roots.entry(folder.clone())
            && let Some(root) = git::work_tree(&folder.join("-"))
        {
            entry.insert(root);
        }
    }
    let roots: BTreeSet<PathBuf> = folders.iter().filter_map(|folder| roots.get(folder).cloned()).collect();
    for root in &roots {
        // Before they are read, so that nothing is missed in between.
        watcher.watch_reviews(root);
    }
    let gone = known.difference(&roots.iter().cloned().collect()).cloned().collect::<Vec<_>>();
    let gone: Vec<Looked> = gone.into_iter().map(|root| (root.clone(), Ok(ReviewsParams::none(&root)))).collect();
    let is_asked = |root: &PathBuf| std::fs::read_dir(root.join(FOLDER)).is_ok_and(|mut files| files.next().is_some());
    let (asked, others): (Vec<_>, Vec<_>) = roots.into_iter().partition(is_asked);
    let others = others.into_iter().filter(|root| known.contains(root));
    let mut looked: Vec<Looked> =
        others.map(|root| (root.clone(), Ok(ReviewsParams::none(&root)))).chain(gone).collect();
    if asked.is_empty() {
        return Some(Event::Reviewed(looked));
    }
    let events = events.clone();
    std::thread::spawn(move || {
        for root in asked {
            let told = catch_unwind(AssertUnwindSafe(|| ReviewsParams::of(&root, encoding)));
            let told = told.unwrap_or_else(|_| Err(anyhow::anyhow!("an internal error; please report it")));
            looked.push((root, told.map_err(|error| format!("{error:#}"))));
        }
        events.send(Event::Reviewed(looked));
    });
    None
}

impl Session {
    /// Has the reviews looked at, where something has happened that they hang on.
    pub(super) fn look_at_reviews(&mut self) {
        if !self.reviews.is_due || self.reviews.is_running {
            return;
        }
        (self.reviews.is_due, self.reviews.is_running) = (false, true);
        let folders = self.roots.iter().chain(&self.reviews.folders).cloned().collect();
        let known = self.reviews.told.keys().cloned().collect();
        self.worker.send(super::worker::Job::Reviews { folders, known, encoding: self.features.encoding });
    }

    /// Takes what was found, and tells what is new of it.
    pub(super) fn reviewed(&mut self, looked: Vec<Looked>) {
        self.reviews.is_running = false;
        let mut is_changed = false;
        for (root, told) in looked {
            let told = match told {
                Ok(told) => told,
                Err(why) => {
                    let problem = format!("Where the reviews in {} stand is not known: {why}", display(&root));
                    if self.reviews.problem.as_ref() != Some(&problem) {
                        self.log(MessageType::WARNING, &problem);
                        self.reviews.problem = Some(problem);
                    }
                    continue;
                }
            };
            let before = self.reviews.told.get(&root);
            if before.map_or(told.is_empty(), |before| **before == told) {
                continue;
            }
            is_changed = true;
            if self.features.reviews {
                self.outbox.notify(REVIEWS, &told);
            }
            if told.is_empty() {
                self.reviews.told.remove(&root);
            } else {
                self.reviews.told.insert(root, Arc::new(told));
            }
        }
        if is_changed {
            self.show_reviews();
        }
    }

    /// Has the documents shown anew of which something else is said now.
    fn show_reviews(&mut self) {
        let mut by_file: HashMap<Arc<str>, OfFile> = HashMap::new();
        for (root, told) in &self.reviews.told {
            for review in &told.reviews {
                let none = || OfFile { root: told.root.clone(), reviews: Vec::new() };
                by_file.entry(key(&root.join(&review.path))).or_insert_with(none).reviews.push(review.clone());
            }
        }
        let by_file = by_file.into_iter().map(|(file, of)| (file, Arc::new(of))).collect();
        let before = std::mem::replace(&mut self.reviews.by_file, by_file);
        let now = &self.reviews.by_file;
        let changed: HashSet<Arc<str>> =
            before.keys().chain(now.keys()).filter(|file| before.get(*file) != now.get(*file)).cloned().collect();
        self.stale |= self.show_again(&changed);
    }

    /// Runs the command that approves or rejects: the signature is a person's, given at a terminal, so the client is told which
    /// command line does it.
    pub(super) fn answer_review(&self, command: &str, argument: &LSPAny) -> jsonrpc::Result<Option<LSPAny>> {
        let (verb, doing) = if command == APPROVE { ("approve", "Approving") } else { ("reject", "Rejecting") };
        let arguments: ReviewArguments = serde_json::from_value(argument.clone())
            .map_err(|error| invalid(format!("`{command}` takes {{root, id}}: {error}")))?;
        let Some((root, review)) = self.reviews.find(&arguments.root, &arguments.id) else {
            return Err(invalid(format!(
                "there is no request `{}` under .countersign/reviews of {}; `countersign review list` says which there are",
                arguments.id, arguments.root
            )));
        };
        let may = if command == APPROVE { review.may_approve } else { review.may_reject };
        if !may {
            let why = review.why_not.as_deref().unwrap_or("it is not open any more");
            return Err(invalid(format!("you cannot {verb} the review {}: {why}", review.id)));
        }
        let program = std::env::current_exe().map_or_else(|_| "countersign".to_owned(), |path| display(&path));
        let quoted = if program.contains(char::is_whitespace) { format!("\"{program}\"") } else { program.clone() };
        let root = display(root);
        let message = format!(
            "{doing} is signed by a person at a terminal. Run this in one, in {root}: {quoted} review {verb} {}",
            review.id
        );
        self.requester.show(MessageType::INFO, message);
        let arguments = ["review", verb, &review.id];
        Ok(Some(serde_json::json!({ "program": program, "arguments": arguments, "folder": root })))
    }
}
