//! The record: an append-only log in which every entry holds the hash of the one before it, on `SQLite`.
//!
//! **What the chain shows.** [`Ledger::verify`] finds entries that were changed, removed, inserted or moved. Nothing here
//! is secret, so whoever can write the file can also rewrite it from some entry on to its end, or cut its end off. Against
//! that stand anchors: an [`Anchor`] is the number and hash of an entry, kept where the writer of the file cannot reach it
//! (a signed note, a review system, another machine). Up to the last anchor nothing can be altered unseen; what follows it
//! is not protected, and a [`Verification`] says so.
//!
//! **What survives.** An entry is acknowledged when [`Ledger::append`] returns. Then its transaction is committed and the
//! write-ahead log synchronised to the disk (`synchronous=FULL`, on macOS with `F_FULLFSYNC`): it survives `kill -9`, and a
//! crash of the operating system or a loss of power as far as the disk keeps its word. A batch is there whole or not at all.
//! Several processes may write at once; they take turns. The file must be on a disk of this machine: over a network file
//! system several writers are not safe, as for any `SQLite` file.
//!
//! **What can be forgotten.** Names of people and of files are not in the entries. An entry holds a commitment, the SHA-256
//! of a random salt of 32 bytes followed by the name; salt and name stand in another table, from which
//! [`Ledger::erase`] takes them. The chain holds as before, and without the salt nobody can find the name by guessing.
//! Agents, kinds and bodies are stored as they are and cannot be erased, so no name belongs there.
//!
//! **The bytes that are hashed.** The hash of an entry is the SHA-256 over these, one after the other. Numbers are
//! big-endian and 8 bytes long; a text is its length in bytes, as such a number, and its UTF-8; what may be missing is a
//! byte 0, or a byte 1 and the text (a commitment counts as a text of 32 bytes).
//!
//! | field | form |
//! |---|---|
//! | domain | the 20 bytes `countersign ledger 1` |
//! | hash of the entry before | 32 bytes, all zero before the first entry |
//! | time, milliseconds since 1970 in UTC | number, two's complement |
//! | kind | text |
//! | agent | text or missing |
//! | commitment to the person | text or missing |
//! | commitment to the file | text or missing |
//! | body | text: JSON without white space, keys sorted by their bytes, else as `serde_json` writes it |
//! | number of the entry, the first is 1 | number |
//!
//! The number stands last so that what was moved is found cheaply: the state before it is hashed once and tried with many.

mod canonical;
mod entry;
mod error;
mod export;
mod hash;
mod ledger;
mod read;
mod sealed;
mod store;
mod verify;

pub use canonical::MAX_DEPTH;
pub use entry::{Anchor, Entry, Kind, MAX_BODY_BYTES, MAX_TEXT_BYTES, Name, Named, NewEntry};
pub use error::LedgerError;
pub use export::{Names, verify_export};
pub use hash::{BadHash, Hash};
pub use ledger::{Erased, Ledger};
pub use read::Filter;
pub use sealed::{Chain, Disclosed, Sealed};
pub use store::{MAX_SCHEMA, SetAside};
pub use verify::{Fault, Verification};
