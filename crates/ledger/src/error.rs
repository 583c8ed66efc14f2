//! What can go wrong, where, and what to do.

use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file or its folder could not be made, moved or locked.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file belongs to something else, or its first bytes are damaged.
    #[error(
        "{}: not a ledger of Countersign, or its first bytes are damaged; move the file away, and a new ledger is started",
        path.display()
    )]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Countersign wrote it.
    #[error(
        "{}: the ledger has schema {found}, and this version of Countersign knows schema {known}; use the newer version, or \
         move the file away, and a new ledger is started",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// The file is a ledger and damaged.
    #[error(
        "{}: the ledger is damaged ({reason}); take it back from a backup, or move it away, and a new ledger is started",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// One entry cannot be read.
    #[error("{}: entry {number} cannot be read ({reason}); verify the ledger to see where it was changed first", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The entry.
        number: i64,
        /// What was found.
        reason: String,
    },
    /// Other processes kept the ledger for longer than this one waits.
    #[error("{}: other processes write to the ledger all the time; nothing was recorded, try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// An entry is over a limit; nothing of its batch was appended.
    #[error("entry {} of the batch was not recorded: its {field} is over the limit of {limit}", index + 1)]
    TooLarge {
        /// Its index in the batch.
        index: usize,
        /// What is too large.
        field: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// The system gives no random bytes, without which no name can be hidden.
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// An export cannot be written.
    #[error("the export could not be written: {0}")]
    Write(io::Error),
    /// An export cannot be read.
    #[error("line {line} of the export: {reason}")]
    Export {
        /// The line; the first is 1.
        line: u64,
        /// What was found.
        reason: String,
    },
    /// The database refused.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

impl LedgerError {
    /// What an error of the database means for the ledger at `path`.
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            // The last comes up when a write-ahead log is opened while another process recovers it.
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Self::Busy { path }
            }
            Some(ErrorCode::NotADatabase) => Self::NotALedger { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason: source.to_string() },
            _ => Self::Database { path, source },
        }
    }

    /// Whether the file itself is of no use to this version of Countersign, so that another one may take its place.
    pub(crate) fn is_about_the_file(&self) -> bool {
        matches!(self, Self::NotALedger { .. } | Self::Newer { .. } | Self::Damaged { .. })
    }
}
