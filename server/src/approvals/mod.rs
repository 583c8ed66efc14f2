//! Commands that were denied and that people let through once.
//!
//! What was approved is one command, in one folder, of one agent in one session, doing what it was judged to do by files that
//! were the same. The hook rules the command anew when it comes; where anything of that differs, the approval does not hold and
//! the agent is told what differs.

pub(crate) mod record;

use crate::disk::{Configs, FolderConfig};
use crate::proposal::{Judged, Judgement};
use crate::record::{Kind, append, entry_of};
use crate::review::{read_signers, signers_on_disk};
use crate::state::Store;
use countersign_agents::{Action, AgentKind, Call};
use countersign_ledger::{LedgerError, NewEntry};
use countersign_policy::Approval;
use countersign_review::Signers;
use record::{Basis, Done, Kept, Request, Standing};
use serde_json::json;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a command that a hint quotes.
const HINTED: usize = 200;

/// What becomes of a command that is denied, or that a person would be asked about.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is let through this once, and this is to be known.
    Through(String),
    /// It stays as it was judged, and this is to be said besides.
    Stays(String),
}

/// Whose word about a command counts: what `countersign.toml` says of people, and whose key is whose.
pub(crate) struct Rules {
    /// The settings.
    pub(crate) config: Arc<FolderConfig>,
    /// Whose key is whose.
    pub(crate) signers: Signers,
    /// What of the signers' file does not count.
    pub(crate) problems: Vec<String>,
}

impl Rules {
    /// Those of the repository that the settings are of.
    pub(crate) fn of(config: Arc<FolderConfig>) -> Self {
        let file = &config.config.review.signers;
        let content = config.root.as_ref().map(|root| signers_on_disk(&root.join(file)));
        let (signers, problems) = read_signers(file, &content.unwrap_or_default());
        let problems = problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        Self { config, signers, problems }
    }

    /// Whether people have to sign. A signers' file of which nothing counts is no reason not to.
    pub(crate) fn want_signatures(&self, approval: &Approval) -> bool {
        approval.wants_signatures(!self.signers.is_empty() || !self.problems.is_empty())
    }

    /// Why a person's word does not count, by the person's address; `None` where it does. `worker` is the address of the one in whose
    /// name the agent works.
    pub(crate) fn refuse(&self, approval: &Approval, email: &str, worker: Option<&str>) -> Option<String> {
        approval.refuses(self.config.config.people(), &self.names(email), worker)
    }

    /// All addresses of a person, this one first.
    pub(crate) fn names<'a>(&'a self, email: &'a str) -> Vec<&'a str> {
        let others = self.signers.same_person(email).into_iter().filter(|other| !other.eq_ignore_ascii_case(email));
        std::iter::once(email).chain(others).collect()
    }
}

/// Lets a command through that was approved, and notes that. `problems` gets what else has to be said.
pub(crate) fn admit(
    store: &Store,
    call: &Call,
    judgement: &Judgement,
    problems: &mut Vec<String>,
) -> Option<Admission> {
    let Action::Command(command) = &call.action else { return None };
    let judged = judgement.approvable().ok()?;
    let folder = real(&judged.folder);
    let at = folder.join("-");
    let argv = argv(command);
    let (kept, unreadable) = Kept::all(store, &at);
    let mut said = unreadable.clone();
    problems.extend(unreadable);
    let is_same = |request: &Request| {
        (request.agent, &request.session, &request.argv, &request.folder) == (call.agent, &call.session, &argv, &folder)
    };
    let asked = LazyCell::new(|| {
        let config = Configs::default().of(&at);
        (approval(judged, call.agent, &config), Rules::of(config))
    });
    let mut basis = None;
    // The newest that was asked for says where it stands; an older one may hold all the same.
    let mut standing = None;
    for one in kept.iter().rev().filter(|one| is_same(&one.request)) {
        let id = &one.request.id;
        let (approval, rules) = &*asked;
        let stands = one.standing(approval, rules, now());
        if stands == Standing::Approved {
            let basis = basis.get_or_insert_with(|| judged.basis());
            if let Some(why) = differs(&one.request.basis, basis) {
                standing.get_or_insert((format!("Request {id} was approved for something else: {why}."), false));
                continue;
            }
            match one.use_up(now()) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    said.push(format!("Request {id} is approved, and it cannot be noted that it is used: {error}."));
                    continue;
                }
            }
            return Some(match log_used(store, &at, &one.request, call) {
                Ok(()) => {
                    let words = one.counting(approval, rules, now());
                    let people: Vec<&str> = words.iter().map(|word| word.person.as_str()).collect();
                    Admission::Through(format!(
                        "Countersign lets this command through once: request {id}, approved by {}.",
                        people.join(" and ")
                    ))
                }
                Err(error) => Admission::Stays(format!(
                    "Request {id} was approved and is used up, but it could not be recorded ({error}), and nothing of this kind \
                     runs unrecorded. Request it anew."
                )),
            });
        }
        standing.get_or_insert_with(|| (in_words(id, &stands), matches!(stands, Standing::Waits(_))));
    }
    let (words, is_open) = standing.unwrap_or_default();
    said.extend((!words.is_empty()).then_some(words));
    said.extend((!is_open).then(|| hint(call, command)));
    Some(Admission::Stays(said.join("\n")))
}

/// The words that two spellings of one command share.
pub(crate) fn argv(command: &str) -> Vec<String> {
    countersign_commands::argv(command).unwrap_or_else(|| vec![command.trim().to_owned()])
}

/// What policy asks for before a command may run.
pub(crate) fn approval(judged: &Judged, agent: AgentKind, config: &FolderConfig) -> Approval {
    let stopped = judged.operations.iter().filter(|one| one.is_stopped);
    config.config.approval(agent, stopped.map(|one| (one.operation.effect, one.environment)))
}

/// A folder without links.
pub(crate) fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// What is no longer as it was when a command was requested; `None` where all is.
pub(crate) fn differs(then: &Basis, now: &Basis) -> Option<String> {
    if let Some(path) = changed_files(&then.files, &now.files) {
        return Some(format!("`{path}` has changed since"));
    }
    if then.operations == now.operations {
        return None;
    }
    let same = |part: fn(&Done) -> String| {
        let of = |basis: &Basis| basis.operations.iter().map(part).collect::<Vec<_>>();
        of(then) == of(now)
    };
    let what = if !same(|done| format!("{} {} {:?}", done.what, done.effect.name(), done.target)) {
        "what it would do differs"
    } else if !same(|done| done.environment.name().to_owned()) {
        "it would run in another environment"
    } else if !same(|done| done.evidence.join("\n")) {
        "what tells its environment (profile, workspace, variables) differs"
    } else {
        "it is judged otherwise"
    };
    Some(what.to_owned())
}

/// A file that a request stands on and that is not as it was.
pub(crate) fn stale(request: &Request) -> Option<&String> {
    let home = etcetera::home_dir().ok();
    let now = |path: &String| {
        let path = match (path.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => request.folder.join(path),
        };
        if path.exists() { record::digest(&path, u64::MAX) } else { Some("absent".to_owned()) }
    };
    request.basis.files.iter().find(|(path, then)| now(path).as_ref() != Some(then)).map(|(path, _)| path)
}

/// A file that is not as it was.
fn changed_files<'f>(then: &'f BTreeMap<String, String>, now: &'f BTreeMap<String, String>) -> Option<&'f String> {
    then.keys().chain(now.keys()).find(|path| then.get(*path) != now.get(*path))
}

/// Adds to the ledger that a request was used up, by which call.
fn log_used(store: &Store, file: &Path, request: &Request, call: &Call) -> Result<(), LedgerError> {
    let mut entry = entry_of_request(file, request, "used", None);
    if let Some(call) = &call.call {
        entry.body["call"] = call.as_str().into();
    }
    append(store, file, &[entry])
}

/// Adds to the ledger what became of a request, with the statement that somebody signed and the fingerprint of the key.
pub(crate) fn log(
    store: &Store,
    file: &Path,
    request: &Request,
    state: &str,
    person: Option<String>,
    signed: Option<(&[u8], &str)>,
) -> Result<(), LedgerError> {
    let mut entry = entry_of_request(file, request, state, person);
    if let Some((statement, key)) = signed {
        entry.body["statement"] = record::sha256(statement).into();
        entry.body["key"] = key.into();
    }
    append(store, file, &[entry])
}

/// What became of a request. The command itself may hold secrets, so only digests are there.
fn entry_of_request(file: &Path, request: &Request, state: &str, person: Option<String>) -> NewEntry {
    let body = json!({
        "state": state, "request": request.id, "session": request.session,
        "command": record::sha256(request.line().as_bytes()),
        "effects": request.basis.operations.iter().map(|done| done.effect).collect::<Vec<_>>(),
    });
    let entry = entry_of(Kind::Approval, file, Some(request.agent.tool().to_owned()), person, body);
    NewEntry { file: None, ..entry }
}

/// Where a request stands, in a sentence.
pub(crate) fn in_words(id: &str, standing: &Standing) -> String {
    match standing {
        Standing::Waits(1) => format!(
            "Request {id} waits for a person, who runs `countersign request-command --approve {id}` at a terminal of their own; \
             then run the very same command again."
        ),
        Standing::Waits(usize::MAX) => {
            format!("Request {id} cannot be approved: no row of `[[approval]]` holds for it.")
        }
        Standing::Waits(more) => format!(
            "Request {id} waits for {more} people, who each run `countersign request-command --approve {id}` at a terminal of \
             their own; then run the very same command again."
        ),
        Standing::Approved => format!("Request {id} is approved: run the very same command, and it passes once."),
        Standing::Declined(person) => format!("Request {id} was declined by {person}. Do something else."),
        Standing::Used => format!("Request {id} has been used, and holds once."),
        Standing::Expired => format!("Request {id} has expired."),
    }
}

/// How to ask for a command that was denied.
fn hint(call: &Call, command: &str) -> String {
    let session = call.session.as_ref().map(|session| format!(" --session {}", countersign_commands::quoted(session)));
    let session = session.unwrap_or_default();
    let command = command.trim();
    let quoted = match countersign_commands::argv(command) {
        _ if command.len() > HINTED || command.contains('\n') => "'…the command as it is…'".to_owned(),
        Some(argv) if argv.len() > 1 => countersign_commands::line(&argv),
        _ => format!("'{}'", command.replace('\'', "'\"'\"'")),
    };
    format!(
        "Where it has to run as it is, ask for it: `countersign request-command --agent {}{session} -- {quoted}`. Once a person \
         has approved that, the very same command passes once.",
        call.agent
    )
}
