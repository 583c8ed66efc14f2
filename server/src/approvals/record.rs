//! What is kept of a command that an agent asks for: one folder a request, in the state of the repository.
//!
//! Each file is written once, and whole: the request, one file for each person who agrees, one where somebody declines, one where
//! it has been used. So nobody changes what another wrote, and whoever makes a file first has made it: that is how of two hooks
//! only one lets the command through. Who agrees names the digest of the request, so a request that was changed has nobody's
//! agreement. Where people have to sign, what they signed stands beside their word, and is judged anew each time.

use super::Rules;
use crate::review::email;
use crate::state::{Store, create_private};
use countersign_agents::AgentKind;
use countersign_commands::Effect;
use countersign_policy::{Approval, Config, Environment};
use countersign_review::CommandApproval;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of the format; another one counts as unreadable.
const FORMAT: u32 = 1;

/// Bytes of a file of a request that are read.
const MAX_BYTES: u64 = 1 << 20;

/// Requests that are kept; the oldest go first.
const MAX_REQUESTS: usize = 200;

/// How long a request is kept after it has expired.
const KEPT: Duration = Duration::from_hours(24 * 7);

/// How far the clock may have been set back before a request counts as one of the future.
const SKEW: Duration = Duration::from_mins(1);

/// What an agent asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    format: u32,
    /// Its name, of 8 hex digits.
    pub(crate) id: String,
    /// The words of the command; one word where only a shell can take it apart.
    pub(crate) argv: Vec<String>,
    /// Where it is to run, without links.
    pub(crate) folder: PathBuf,
    /// Who asks.
    pub(crate) agent: AgentKind,
    /// In which session; `None` for agents whose hooks name none.
    pub(crate) session: Option<String>,
    /// What it would do, as it was judged.
    pub(crate) basis: Basis,
    /// Name and e-mail address of the one in whose name the agent works.
    pub(crate) worker: Option<String>,
    /// When it was requested, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Until when it holds.
    pub(crate) expires: i64,
}

/// What a command was judged by, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basis {
    /// What it would do: everything of each operation that was known.
    pub(crate) operations: Vec<Done>,
    /// SHA-256 of the files that were read to judge it and of plans that it applies, by path; `absent` where there was none.
    pub(crate) files: BTreeMap<String, String>,
}

/// One thing that a command would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// It in a sentence.
    pub(crate) what: String,
    /// The effect.
    pub(crate) effect: Effect,
    /// What is hit.
    pub(crate) target: Option<String>,
    /// In which environment.
    pub(crate) environment: Environment,
    /// Whether it is what was denied, or what somebody has to look at.
    pub(crate) is_stopped: bool,
    /// What may tell the environment: flags, variables, the folder.
    pub(crate) evidence: Vec<String>,
}

/// Somebody's word about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    /// SHA-256 of the request.
    request: String,
    /// Name and e-mail address.
    pub(crate) person: String,
    /// When, in milliseconds since 1970.
    pub(crate) at: i64,
    /// What the person signed, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<SignedWord>,
}

/// A statement ([`CommandApproval`]) and its signature, as `ssh-keygen -Y sign` makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedWord {
    pub(crate) statement: String,
    pub(crate) signature: String,
}

/// That it was used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Used {
    at: i64,
}

/// A request and what became of it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) request: Request,
    pub(crate) approvals: Vec<Word>,
    pub(crate) declined: Option<Word>,
    pub(crate) is_used: bool,
    folder: PathBuf,
    digest: String,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// So many more people have to agree.
    Waits(usize),
    Approved,
    Declined(String),
    Used,
    Expired,
}

impl Request {
    /// A new request.
    pub(crate) fn new(
        argv: Vec<String>,
        folder: PathBuf,
        (agent, session): (AgentKind, Option<String>),
        basis: Basis,
        worker: Option<String>,
        (at, minutes): (i64, u32),
    ) -> Self {
        let expires = at.saturating_add(i64::from(minutes).saturating_mul(60_000));
        let request =
            Self { format: FORMAT, id: String::new(), argv, folder, agent, session, basis, worker, at, expires };
        let unique = format!("{}\n{}", serde_json::to_string(&request).unwrap_or_default(), std::process::id());
        Self { id: sha256(unique.as_bytes()).chars().take(8).collect(), ..request }
    }

    /// The command, as a shell takes it.
    pub(crate) fn line(&self) -> String {
        countersign_commands::line(&self.argv)
    }

    /// What policy asks for it.
    pub(crate) fn approval(&self, config: &Config) -> Approval {
        let stopped = self.basis.operations.iter().filter(|done| done.is_stopped);
        config.approval(self.agent, stopped.map(|done| (done.effect, done.environment)))
    }

    /// Keeps it. What is old goes.
    pub(crate) fn keep(&self, store: &Store, file: &Path) -> std::io::Result<()> {
        let Some(all) = place(store, file) else {
            return Err(std::io::Error::other("this platform names no folder for state"));
        };
        prune(&all, self.at);
        let folder = all.join(&self.id);
        create_private(&folder)?;
        create(&folder.join("request.json"), self).map(drop)
    }
}

impl Kept {
    /// The one with this name.
    pub(crate) fn of(store: &Store, file: &Path, id: &str) -> Result<Self, String> {
        let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = place(store, file).filter(|_| is_id).map(|all| all.join(id)).filter(|folder| folder.is_dir());
        let Some(folder) = folder else {
            return Err(format!(
                "no request `{id}` is kept for this repository; `countersign request-command --list` shows them"
            ));
        };
        Self::read(folder)
    }

    /// All that are kept for the repository of a file, the oldest first, and what of them cannot be read.
    pub(crate) fn all(store: &Store, file: &Path) -> (Vec<Self>, Vec<String>) {
        let folders = place(store, file).map(|all| store.list(&all)).unwrap_or_default();
        let (mut kept, mut problems) = (Vec::new(), Vec::new());
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            match Self::read(folder.clone()) {
                Ok(one) => kept.push(one),
                Err(why) => problems.push(why),
            }
        }
        kept.sort_by_key(|one| one.request.at);
        (kept, problems)
    }

    fn read(folder: PathBuf) -> Result<Self, String> {
        let id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let corrupt = |why: &str| {
            format!(
                "the record of request {id} counts for nothing: {why}; remove {} and request anew",
                folder.display()
            )
        };
        let (request, digest): (Request, String) = read(&folder.join("request.json")).map_err(|why| corrupt(&why))?;
        if request.format != FORMAT || request.id != id {
            return Err(corrupt("it is of another version or another request"));
        }
        let (mut approvals, mut declined, mut is_used) = (Vec::new(), None, false);
        for entry in std::fs::read_dir(&folder).map_err(|error| corrupt(&error.to_string()))? {
            let path = entry.map_err(|error| corrupt(&error.to_string()))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let word = || -> Result<Word, String> {
                let (word, _): (Word, _) = read(&path).map_err(|why| corrupt(&why))?;
                if word.request != digest {
                    return Err(corrupt("the request is not what was agreed to"));
                }
                Ok(word)
            };
            match name.as_str() {
                // That it is there is enough: one that cannot be read was used, too.
                "used.json" => is_used = true,
                "declined.json" => declined = Some(word()?),
                _ if name.starts_with("approved-") => approvals.push(word()?),
                _ => {}
            }
        }
        approvals.sort_by_key(|word| word.at);
        Ok(Self { request, approvals, declined, is_used, folder, digest })
    }

    /// What somebody signs who agrees to it: an address, and when.
    pub(crate) fn to_sign(&self, reviewer: &str, at: Timestamp) -> CommandApproval {
        CommandApproval {
            request_id: self.request.id.clone(),
            request_sha256: self.digest.clone(),
            command: self.request.line(),
            reviewer: reviewer.to_owned(),
            at,
        }
    }

    /// Why somebody's agreement does not count at a time, by what policy asks for; `None` where it does.
    pub(crate) fn refuses(&self, word: &Word, approval: &Approval, rules: &Rules, now: i64) -> Option<String> {
        let Some(address) = email(&word.person) else { return Some("it names no e-mail address".to_owned()) };
        if rules.want_signatures(approval) {
            let Some(signed) = &word.signed else { return Some("it is not signed".to_owned()) };
            let (statement, signature) = (signed.statement.as_bytes(), signed.signature.as_bytes());
            let now = Timestamp::from_millisecond(now).unwrap_or_default();
            let signers = &rules.signers;
            match CommandApproval::judged(statement, signature, &self.digest, signers, approval.hardware, now) {
                Err(why) => return Some(why),
                Ok((said, _)) if !said.reviewer.eq_ignore_ascii_case(address) => {
                    return Some(format!("it was signed by {}", said.reviewer));
                }
                Ok(_) => {}
            }
        }
        rules.refuse(approval, address, self.request.worker.as_deref().and_then(email))
    }

    /// The agreements that count at a time, one of each person.
    pub(crate) fn counting(&self, approval: &Approval, rules: &Rules, now: i64) -> Vec<&Word> {
        let mut people: Vec<&str> = Vec::new();
        let mut counting = Vec::new();
        for word in self.approvals.iter().filter(|word| self.refuses(word, approval, rules, now).is_none()) {
            let names = email(&word.person).map(|email| rules.names(email)).unwrap_or_default();
            if !names.iter().any(|name| people.iter().any(|known| known.eq_ignore_ascii_case(name))) {
                people.extend(names);
                counting.push(word);
            }
        }
        counting
    }

    /// Where it stands at a time, by what policy asks for.
    pub(crate) fn standing(&self, approval: &Approval, rules: &Rules, now: i64) -> Standing {
        if self.is_used {
            return Standing::Used;
        }
        if let Some(word) = &self.declined {
            return Standing::Declined(word.person.clone());
        }
        let skew = i64::try_from(SKEW.as_millis()).unwrap_or_default();
        // Where policy has become stricter, it holds no longer than that.
        let by_policy = self.request.at.saturating_add(i64::from(approval.minutes).saturating_mul(60_000));
        if now >= self.request.expires.min(by_policy) || now.saturating_add(skew) < self.request.at {
            return Standing::Expired;
        }
        match approval.people.saturating_sub(self.counting(approval, rules, now).len()) {
            0 => Standing::Approved,
            more => Standing::Waits(more),
        }
    }

    /// Notes that a person agrees, with what the person signed. Returns whether that is new.
    pub(crate) fn approve(&self, person: &str, now: i64, signed: Option<SignedWord>) -> std::io::Result<bool> {
        let who = email(person).unwrap_or(person).to_lowercase();
        let name: String = sha256(who.as_bytes()).chars().take(16).collect();
        // Whoever agreed without signing may sign when that comes to be asked.
        let how = if signed.is_some() { "-signed" } else { "" };
        let word = Word { signed, ..self.word(person, now) };
        create(&self.folder.join(format!("approved-{name}{how}.json")), &word)
    }

    /// Notes that a person does not agree, or no longer. Returns whether that is new.
    pub(crate) fn decline(&self, person: &str, now: i64) -> std::io::Result<bool> {
        create(&self.folder.join("declined.json"), &self.word(person, now))
    }

    /// Uses it up. Returns whether this was the first to do so.
    pub(crate) fn use_up(&self, now: i64) -> std::io::Result<bool> {
        create(&self.folder.join("used.json"), &Used { at: now })
    }

    fn word(&self, person: &str, at: i64) -> Word {
        Word { request: self.digest.clone(), person: person.to_owned(), at, signed: None }
    }
}

/// SHA-256 in hex digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// The same of a file; `None` where it is none, or longer than the limit in bytes.
pub(crate) fn digest(path: &Path, limit: u64) -> Option<String> {
    let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= limit)?;
    let mut file = std::fs::File::open(path).ok()?.take(limit);
    let (mut state, mut length, mut bytes) = (Sha256::new(), 0, [0; 8192]);
    loop {
        match file.read(&mut bytes).ok()? {
            0 => break,
            read => {
                state.update(bytes.get(..read)?);
                length += u64::try_from(read).ok()?;
            }
        }
    }
    (length == metadata.len()).then(|| hex(state.finalize().as_slice()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn place(store: &Store, file: &Path) -> Option<PathBuf> {
    Some(store.folder(file)?.join("approvals"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<(T, String), String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    Ok((value, sha256(&bytes)))
}

/// Makes a file, whole or not at all. Returns `false` where somebody made it before.
fn create<T: Serialize>(path: &Path, value: &T) -> std::io::Result<bool> {
    let folder = path.parent().ok_or_else(|| std::io::Error::other("a file has a folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Takes away what expired long ago, and the oldest where there is too much. What cannot be read stays: it is told of.
fn prune(all: &Path, now: i64) {
    let folders = std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut kept: Vec<(i64, PathBuf)> = folders
        .filter_map(|folder| Some((read::<Request>(&folder.join("request.json")).ok()?.0.expires, folder)))
        .collect();
    kept.sort();
    let excess = (kept.len() + 1).saturating_sub(MAX_REQUESTS);
    let gone = now.saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
    for (index, (expires, folder)) in kept.iter().enumerate() {
        if index < excess || *expires < gone {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "Ann <ann@example.org>";

    fn kept(folder: &Path) -> Kept {
        let argv = vec!["terraform".to_owned(), "destroy".to_owned()];
        let who = (AgentKind::ClaudeCode, Some("s1".to_owned()));
        let request =
            Request::new(argv, folder.to_owned(), who, Basis::default(), Some(ANN.to_owned()), (1_000_000, 60));
        let folder = folder.join(&request.id);
        create_private(&folder).expect("a folder");
        assert!(create(&folder.join("request.json"), &request).expect("it is kept"));
        Kept::read(folder).expect("a request")
    }

    fn again(kept: &Kept) -> Kept {
        Kept::read(kept.folder.clone()).expect("a request")
    }

    fn rules() -> Rules {
        Rules::of(std::sync::Arc::default())
    }

    fn asked(rows: &str) -> Approval {
        let mut approval = Config::read(rows).0.approval(AgentKind::ClaudeCode, []);
        approval.minutes = 60;
        approval
    }

    #[test]
    fn it_holds_from_agreement_to_use_and_no_longer_than_its_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, approval) = (kept(folder.path()), asked(""));
        let now = one.request.at + 1;
        assert_eq!(one.standing(&approval, &rules(), now), Standing::Waits(1));
        assert!(one.approve(ANN, now, None).expect("it is written"));
        assert!(!one.approve("Annie <ANN@example.org>", now, None).expect("it is there"), "the same person");
        let one = again(&one);
        assert_eq!(one.standing(&approval, &rules(), now), Standing::Approved);
        assert_eq!(one.standing(&approval, &rules(), one.request.expires), Standing::Expired);
        assert_eq!(
            one.standing(&approval, &rules(), one.request.at - 120_000),
            Standing::Expired,
            "the clock was set back"
        );
        assert_eq!(
            one.standing(&Approval { minutes: 1, ..approval.clone() }, &rules(), now + 60_000),
            Standing::Expired
        );
        assert_eq!(one.standing(&Approval { people: 2, ..approval.clone() }, &rules(), now), Standing::Waits(1));
        assert_eq!(one.standing(&Approval { own: false, ..approval.clone() }, &rules(), now), Standing::Waits(1));
        let signed = Approval { signed: Some(true), ..approval.clone() };
        assert_eq!(one.standing(&signed, &rules(), now), Standing::Waits(1), "nobody has signed");
        assert!(one.use_up(now).expect("it is used"));
        assert!(!one.use_up(now).expect("it was used"), "twice is once");
        assert_eq!(again(&one).standing(&approval, &rules(), now), Standing::Used);
    }

    #[test]
    fn declined_is_declined_whoever_agreed() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = kept(folder.path());
        one.approve(ANN, 1, None).expect("it is written");
        one.decline("Bo <bo@example.org>", 2).expect("it is written");
        assert_eq!(
            again(&one).standing(&asked(""), &rules(), one.request.at + 1),
            Standing::Declined("Bo <bo@example.org>".to_owned())
        );
    }

    #[test]
    fn of_many_at_once_one_uses_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = kept(folder.path());
        let first = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| one.use_up(1).expect("it is used"))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok().filter(|first| *first)).count()
        });
        assert_eq!(first, 1);
    }

    #[test]
    fn what_was_changed_has_nobodys_agreement() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = kept(folder.path());
        one.approve(ANN, 1, None).expect("it is written");
        let path = one.folder.join("request.json");
        let text = std::fs::read_to_string(&path).expect("a request");
        for changed in
            [text.replace("\"destroy\"", "\"apply\""), text.replace("\"format\"", "\"more\""), "{".to_owned()]
        {
            std::fs::write(&path, &changed).expect("it is written");
            let error = Kept::read(one.folder.clone()).expect_err("it is corrupt");
            assert!(error.contains("counts for nothing"), "{error}");
        }
        std::fs::write(&path, text).expect("it is written");
        std::fs::write(one.folder.join("approved-0.json"), "{}").expect("it is written");
        assert!(Kept::read(one.folder.clone()).is_err());
    }
}
