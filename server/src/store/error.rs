//! What can go wrong with a store, and what to do then.

use countersign_ledger::{Fault, LedgerError};
use sqlx_core::error::Error;

/// Why something could not be done. Every message names the store, and never a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The address is none.
    #[error("this is no address of PostgreSQL; write `postgres://USER@HOST/DATABASE`: {0}")]
    Address(String),
    /// It cannot be connected to, or not any more.
    #[error("{store} cannot be reached: {why}")]
    Unreachable {
        /// The store.
        store: String,
        /// What the system said.
        why: String,
    },
    /// It does not answer.
    #[error("{store} did not answer for {seconds} seconds")]
    Slow {
        /// The store.
        store: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It has no tables yet, or older ones.
    #[error("{store} is not set up for this version; whoever owns the database runs `countersign sync --set-up` once")]
    NotSetUp {
        /// The store.
        store: String,
    },
    /// A newer version has set it up.
    #[error(
        "{store} was set up by a newer version of Countersign ({version}; this one knows {known}); update this one"
    )]
    Newer {
        /// The store.
        store: String,
        /// The version of its tables.
        version: i64,
        /// The version that is known here.
        known: i64,
    },
    /// It lets nobody write.
    #[error("{store} is read-only: it is a replica, or set so; send to the primary")]
    ReadOnly {
        /// The store.
        store: String,
    },
    /// Its disk is full.
    #[error("{store} is full: {why}")]
    Full {
        /// The store.
        store: String,
        /// What it said.
        why: String,
    },
    /// Whoever connects may not do that.
    #[error(
        "{store} does not allow this: {why}; whoever sends is a member of the role `countersign_writer`, whoever reads of \
         `countersign_reader`, and `--set-up` needs who owns the database and may create roles"
    )]
    Denied {
        /// The store.
        store: String,
        /// What it said.
        why: String,
    },
    /// The store keeps texts in another encoding.
    #[error("{store} keeps texts as {encoding}; Countersign needs a database in UTF8")]
    Encoding {
        /// The store.
        store: String,
        /// Its encoding.
        encoding: String,
    },
    /// The ledger that is to be sent is not as it was recorded.
    #[error("the ledger is not intact: {0}; nothing from there on is sent. `countersign ledger verify` says more")]
    Broken(Fault),
    /// Another one changes the same, again and again.
    #[error("{store} is being sent the same ledger by somebody else; try again later")]
    Busy {
        /// The store.
        store: String,
    },
    /// What it gave cannot be what was kept.
    #[error("what {store} gave cannot be read: {why}")]
    Unreadable {
        /// The store.
        store: String,
        /// In which way.
        why: String,
    },
    /// The ledger that is to be sent cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Anything else that it says.
    #[error("{store} says: {why}")]
    Other {
        /// The store.
        store: String,
        /// What.
        why: String,
    },
}

impl StoreError {
    /// What an error of the database is.
    pub(crate) fn of(store: &str, error: &Error) -> Self {
        let store = store.to_owned();
        let why = error.to_string();
        let Some(database) = error.as_database_error() else {
            return match error {
                Error::Configuration(_) | Error::Tls(_) | Error::Io(_) | Error::Protocol(_) | Error::PoolClosed => {
                    Self::Unreachable { store, why }
                }
                _ => Self::Other { store, why },
            };
        };
        let why = database.message().to_owned();
        // Source: appendix A of the manual of PostgreSQL.
        match database.code().as_deref().unwrap_or_default() {
            "25006" => Self::ReadOnly { store },
            "53100" => Self::Full { store, why },
            "42501" | "28000" | "28P01" | "3D000" => Self::Denied { store, why },
            "57014" => Self::Slow { store, seconds: super::connection::PATIENCE.as_secs() },
            "42P01" | "3F000" => Self::NotSetUp { store },
            code if code.starts_with("08")
                || code.starts_with("57P")
                || matches!(code, "53300" | "53200" | "40P01" | "40001") =>
            {
                Self::Unreachable { store, why }
            }
            _ => Self::Other { store, why },
        }
    }

    /// Whether the same may be well a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Slow { .. })
    }
}
