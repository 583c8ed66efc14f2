//! The open ledger: appending, its head, forgetting.

use crate::canonical::{MAX_DEPTH, canonical};
use crate::entry::{Anchor, Fields, MAX_BODY_BYTES, MAX_TEXT_BYTES, NewEntry, commit};
use crate::error::LedgerError;
use crate::hash::Hash;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a ledger waits for other processes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long apart it is tried to get a turn, beside what the database waits itself.
const PAUSE: Duration = Duration::from_millis(5);

/// Bytes of a salt: nobody tries as many.
const SALT_BYTES: usize = 32;

/// An open ledger. Each thread that writes has its own.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) patience: Duration,
}

/// What [`Ledger::erase`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Whether the name was known.
    pub was_known: bool,
    /// Whether the name is gone from the file and its write-ahead log. Where another process is reading it is not: no
    /// reader shows it any more, but the bytes stay until that process is done and something is written or the name is
    /// erased again.
    pub is_overwritten: bool,
}

impl Ledger {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long to wait for other processes, instead of ten seconds.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Appends entries, all or none, and gives their numbers. When this returns they are on the disk.
    pub fn append(&mut self, batch: &[NewEntry]) -> Result<Vec<u64>, LedgerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        // What can be done before others have to wait.
        let drafts: Vec<Draft<'_>> =
            batch.iter().enumerate().map(|(index, new)| Draft::new(index, new)).collect::<Result<_, _>>()?;
        patiently(self.patience, || self.append_once(&drafts))
    }

    /// The newest entry, to be kept elsewhere.
    pub fn head(&self) -> Result<Option<Anchor>, LedgerError> {
        head(&self.path, &self.connection)
    }

    /// Forgets a name of a person or a file. The entries that were appended with it stay, and so does the chain. Where the
    /// name is appended again, nothing shows that it is the same. Exports and copies of the file keep what they have.
    pub fn erase(&mut self, name: &str) -> Result<Erased, LedgerError> {
        let was_known = patiently(self.patience, || {
            let failed = |error| LedgerError::of(&self.path, error);
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            let erased = transaction.execute("DELETE FROM names WHERE name = ?", [name]).map_err(failed)?;
            transaction.commit().map_err(failed)?;
            Ok(erased > 0)
        })?;
        // Whether it was known or not: the log may still hold what was erased before.
        let overwrite = || {
            let busy: i64 = self
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                .map_err(|error| LedgerError::of(&self.path, error))?;
            if busy == 0 { Ok(()) } else { Err(LedgerError::Busy { path: self.path.clone() }) }
        };
        match patiently(self.patience, overwrite) {
            Ok(()) => Ok(Erased { was_known, is_overwritten: true }),
            Err(LedgerError::Busy { .. }) => Ok(Erased { was_known, is_overwritten: false }),
            Err(error) => Err(error),
        }
    }

    fn append_once(&mut self, drafts: &[Draft<'_>]) -> Result<Vec<u64>, LedgerError> {
        let path = &self.path;
        let failed = |error| LedgerError::of(path, error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut head = head(path, &transaction)?.unwrap_or(Anchor { number: 0, hash: Hash::ZERO });
        let mut numbers = Vec::with_capacity(drafts.len());
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").map_err(failed)?;
            for draft in drafts {
                let NewEntry { at, agent, .. } = draft.new;
                let commitment = |name: &Option<String>| {
                    name.as_deref().map(|name| commitment(path, &transaction, name)).transpose()
                };
                let (person, file) = (commitment(&draft.new.person)?, commitment(&draft.new.file)?);
                let kind = draft.new.kind.as_str();
                let fields = Fields {
                    previous: head.hash,
                    at: *at,
                    kind: kind.as_bytes(),
                    agent: agent.as_deref().map(str::as_bytes),
                    person: person.as_ref().map(|hash| hash.0.as_slice()),
                    file: file.as_ref().map(|hash| hash.0.as_slice()),
                    body: draft.body.as_bytes(),
                };
                let number = head.number + 1;
                let next = Anchor { number, hash: fields.seal().hash(number) };
                let (person, file) = (person.map(|hash| hash.0), file.map(|hash| hash.0));
                insert
                    .execute(params![next.number, at, kind, agent, person, file, draft.body, head.hash.0, next.hash.0])
                    .map_err(failed)?;
                numbers.push(next.number);
                head = next;
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(numbers)
    }
}

/// An entry that is within the limits.
struct Draft<'a> {
    new: &'a NewEntry,
    body: String,
}

impl<'a> Draft<'a> {
    fn new(index: usize, new: &'a NewEntry) -> Result<Self, LedgerError> {
        let texts = [
            ("kind", Some(new.kind.as_str())),
            ("agent", new.agent.as_deref()),
            ("person", new.person.as_deref()),
            ("file", new.file.as_deref()),
        ];
        for (field, text) in texts {
            if text.is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
                return Err(LedgerError::TooLarge { index, field, limit: format!("{MAX_TEXT_BYTES} bytes") });
            }
        }
        let field = "body";
        let body = canonical(&new.body).ok_or_else(|| LedgerError::TooLarge {
            index,
            field,
            limit: format!("{MAX_DEPTH} levels"),
        })?;
        if body.len() > MAX_BODY_BYTES {
            return Err(LedgerError::TooLarge { index, field, limit: format!("{MAX_BODY_BYTES} bytes") });
        }
        Ok(Self { new, body })
    }
}

/// The commitment that stands for a name until it is erased.
fn commitment(path: &Path, transaction: &Transaction<'_>, name: &str) -> Result<Hash, LedgerError> {
    let failed = |error| LedgerError::of(path, error);
    let mut find = transaction.prepare_cached("SELECT commitment FROM names WHERE name = ?").map_err(failed)?;
    if let Some(bytes) = find.query_row([name], |row| row.get(0)).optional().map_err(failed)? {
        return Ok(Hash(bytes));
    }
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(LedgerError::Random)?;
    let commitment = commit(&salt, name.as_bytes());
    let mut insert = transaction.prepare_cached("INSERT INTO names VALUES (?, ?, ?)").map_err(failed)?;
    insert.execute(params![commitment.0, salt, name]).map_err(failed)?;
    Ok(commitment)
}

/// The newest entry.
pub(crate) fn head(path: &Path, connection: &Connection) -> Result<Option<Anchor>, LedgerError> {
    let failed = |error| LedgerError::of(path, error);
    let mut query =
        connection.prepare_cached("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").map_err(failed)?;
    let found: Option<(i64, Vec<u8>)> =
        query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(failed)?;
    let Some((number, hash)) = found else { return Ok(None) };
    let anchor = u64::try_from(number).ok().zip(Hash::from_slice(&hash)).map(|(number, hash)| Anchor { number, hash });
    let damaged = || {
        let reason = format!("the number or the hash of its newest entry, {number}, cannot be");
        LedgerError::Damaged { path: path.to_owned(), reason }
    };
    anchor.map(Some).ok_or_else(damaged)
}

/// Tries until others let it, or for so long.
pub(crate) fn patiently<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(LedgerError::Busy { .. }) if start.elapsed() < patience => thread::sleep(PAUSE),
            result => return result,
        }
    }
}
