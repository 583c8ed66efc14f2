//! The file: made, recognised, set aside.

use crate::error::LedgerError;
use crate::ledger::{Ledger, PATIENCE, patiently};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The newest schema that this version can read and write.
pub const MAX_SCHEMA: i64 = 1;

/// Tells a ledger from other `SQLite` files: `CSLG` in ASCII.
const APPLICATION: i64 = 0x4353_4c47;

/// How long the database itself waits for a lock before it is asked again. Short, for it waits longer the longer it has
/// waited, and who has just come would always be first.
const SLICE: Duration = Duration::from_millis(100);

/// A table, and the statement that makes it.
const TABLES: [(&str, &str); 2] = [
    (
        "entries",
        "CREATE TABLE entries (
            number INTEGER PRIMARY KEY CHECK (number > 0),
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            agent TEXT,
            person BLOB,
            file BLOB,
            body TEXT NOT NULL,
            previous BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT",
    ),
    (
        "names",
        "CREATE TABLE names (
            commitment BLOB PRIMARY KEY,
            salt BLOB NOT NULL,
            name TEXT NOT NULL UNIQUE
        ) STRICT, WITHOUT ROWID",
    ),
];

/// A trigger, and the statement that makes it. They stop mistakes; whoever means to change the file can drop them, and is
/// found by the chain.
const TRIGGERS: [(&str, &str); 4] = [
    (
        "entries_are_not_changed",
        "CREATE TRIGGER IF NOT EXISTS entries_are_not_changed BEFORE UPDATE ON entries BEGIN
            SELECT RAISE(ABORT, 'entries of the ledger are not changed');
        END",
    ),
    (
        "entries_are_not_deleted",
        "CREATE TRIGGER IF NOT EXISTS entries_are_not_deleted BEFORE DELETE ON entries BEGIN
            SELECT RAISE(ABORT, 'entries of the ledger are not deleted');
        END",
    ),
    // `INSERT OR REPLACE` deletes without asking the trigger above.
    (
        "entries_are_appended",
        "CREATE TRIGGER IF NOT EXISTS entries_are_appended BEFORE INSERT ON entries
        WHEN NEW.number IS NOT coalesce((SELECT max(number) FROM entries), 0) + 1
            OR NEW.previous IS NOT coalesce((SELECT hash FROM entries ORDER BY number DESC LIMIT 1), zeroblob(32))
        BEGIN
            SELECT RAISE(ABORT, 'entries of the ledger are appended at its end');
        END",
    ),
    (
        "names_are_not_changed",
        "CREATE TRIGGER IF NOT EXISTS names_are_not_changed BEFORE UPDATE ON names BEGIN
            SELECT RAISE(ABORT, 'names in the ledger are not changed');
        END",
    ),
];

/// A file that was in the way of a ledger.
#[derive(Debug)]
pub struct SetAside {
    /// Where it is now.
    pub moved_to: PathBuf,
    /// Why it could not be used.
    pub reason: LedgerError,
}

impl Ledger {
    /// Opens the ledger in a file, or starts one where there is none: readable by the user alone, in a folder that is.
    ///
    /// Fails where the file is none, is damaged as far as one look at its ends can tell, or was written by a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let path = path.as_ref();
        patiently(PATIENCE, || {
            let _alone = alone();
            create_private(path).map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
            let connection = connect(path)?;
            let ledger = Self { path: path.to_owned(), connection, patience: PATIENCE };
            // A look at the newest entry, which a file that was cut short does not have.
            ledger.head()?;
            Ok(ledger)
        })
    }

    /// The same, but a file that cannot be used is moved away, and a new ledger is started. What was moved is for the
    /// caller to tell the user.
    pub fn open_or_set_aside(path: impl AsRef<Path>) -> Result<(Self, Option<SetAside>), LedgerError> {
        let path = path.as_ref();
        match Self::open(path) {
            Err(reason) if reason.is_about_the_file() => {}
            opened => return opened.map(|ledger| (ledger, None)),
        }
        let failed = |source| LedgerError::Io { path: path.to_owned(), source };
        // Alone, or two processes that found the same would move each other's new ledger away.
        let lock = with_suffix(path, ".set-aside-lock");
        let lock = OpenOptions::new().create(true).append(true).open(lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        match Self::open(path) {
            Err(reason) if reason.is_about_the_file() => {
                let moved_to = {
                    let _alone = alone();
                    move_away(path).map_err(failed)?
                };
                Ok((Self::open(path)?, Some(SetAside { moved_to, reason })))
            }
            opened => opened.map(|ledger| (ledger, None)),
        }
    }
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |error| LedgerError::of(path, error);
    // Without `SQLITE_OPEN_URI`: a path is a path, whatever it begins with.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| match error.sqlite_error_code() {
        // Another process has moved it away since it was made.
        Some(ErrorCode::CannotOpen) if matches!(path.try_exists(), Ok(false)) => {
            LedgerError::Busy { path: path.to_owned() }
        }
        _ => failed(error),
    })?;
    connection.busy_timeout(SLICE).map_err(failed)?;
    // Before anything is written: the file may be somebody else's.
    let is_new = recognise(path, &connection.unchecked_transaction().map_err(failed)?)?;
    configure(&connection).map_err(failed)?;
    if is_new || !has_all(&connection, "trigger", &TRIGGERS.map(|(name, _)| name)).map_err(failed)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been faster.
        if recognise(path, &transaction)? {
            for (_, create) in TABLES {
                transaction.execute_batch(create).map_err(failed)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            transaction.pragma_update(None, "user_version", MAX_SCHEMA).map_err(failed)?;
        }
        for (_, create) in TRIGGERS {
            transaction.execute_batch(create).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
    }
    Ok(connection)
}

/// Whether the file is still empty; an error where it is no ledger that can be used. In a transaction, for another process
/// may make the tables between one question and the next.
fn recognise(path: &Path, connection: &Transaction<'_>) -> Result<bool, LedgerError> {
    let failed = |error| LedgerError::of(path, error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    let (application, schema) = (pragma("application_id")?, pragma("user_version")?);
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let path = path.to_owned();
    match (application, schema) {
        (0, 0) if objects == 0 => Ok(true),
        (APPLICATION, found) if found > MAX_SCHEMA => Err(LedgerError::Newer { path, found, known: MAX_SCHEMA }),
        (APPLICATION, 1..) => {
            if has_all(connection, "table", &TABLES.map(|(name, _)| name)).map_err(failed)? {
                Ok(false)
            } else {
                Err(LedgerError::Damaged { path, reason: "a table is missing".to_owned() })
            }
        }
        _ => Err(LedgerError::NotALedger { path }),
    }
}

fn has_all(connection: &Connection, kind: &str, names: &[&str]) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = ? AND name = ?")?;
    for name in names {
        if !query.exists([kind, name])? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // No statement may reach around the tables into the file, and no function runs because the file's schema says so.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Where a file system has no shared memory it stays with a journal, which keeps the same promises more slowly.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // With `NORMAL` the last transactions before a loss of power can be gone, and they had been acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    // What is erased is overwritten.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Lets one thread of the process at a time make, connect to or move a file.
///
/// Locks of files are the process's: one thread's do not hold another one off. Closing a file lets go of all locks that the process
/// holds on it, so one that is there is not opened, and none is connected to before the one who made it has closed it. And a thread
/// that connects to a file while another one moves it away takes the shared memory of the new one for its own, and cuts it short
/// under the other's feet, which ends the process (`SIGBUS`).
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an empty file for the user alone where there is none. The database gives its other files the same permissions.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Moves a file to the first free name, with what the database keeps beside it.
fn move_away(path: &Path) -> io::Result<PathBuf> {
    let mut count = 1;
    let moved_to = loop {
        let name = with_suffix(path, &format!(".set-aside-{count}"));
        if !name.try_exists()? {
            break name;
        }
        count += 1;
    };
    // The file itself last: a write-ahead log beside a new file would be thrown away.
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&moved_to, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(moved_to)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
