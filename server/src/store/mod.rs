//! A team's store: the ledgers of any number of repositories and machines in `PostgreSQL`, 14 and newer.
//!
//! **What is there.** Each ledger with its entries as they are in its own file, byte for byte (`migrations/`). The store itself checks
//! of every entry that it is what its hash says and follows the one before it, and of every name that it is the one that was committed
//! to; so whoever may write to it cannot put in what no ledger had. Who owns the tables can do everything, and is found by
//! [`Store::read`], which verifies the chains again; against an owner who rewrites a chain to its end stand the anchors in the notes of
//! commits, as for a ledger's own file.
//!
//! **Exactly once.** An entry is there once, by its hash. How far a ledger has come is asked of the store and not remembered, so that
//! sending may end at any moment and goes on from there ([`Store::send`]).
//!
//! **Forks.** Two machines that go on with copies of one ledger, or one that was rewritten, make chains with a common begin. Both are
//! kept: the part that differs as a ledger of its own that says where it begins.
//!
//! **Roles.** `countersign_writer` adds, and sees of others only how far they have come; `countersign_reader` reads. Neither can change
//! or remove an entry. They cannot log in; whoever may is made a member.

mod connection;
mod copy;
mod error;
mod receive;
mod send;

pub(crate) use connection::Store;
pub(crate) use receive::Wanted;
pub(crate) use send::Sent;
