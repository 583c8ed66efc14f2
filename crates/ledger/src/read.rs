//! Reading entries one after the other.

use crate::entry::{Entry, Kind, Named};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::ledger::Ledger;
use crate::sealed::Sealed;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Which entries to read; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// After the entry of this number.
    pub after: Option<u64>,
    /// Not before this time, in milliseconds since 1970 in UTC.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
    /// Of this AI tool.
    pub agent: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Not more than this.
    pub limit: Option<u64>,
    /// The newest first, instead of the oldest.
    pub newest_first: bool,
}

impl Ledger {
    /// Gives entries to `each` until it breaks off, one at a time: they need not fit into memory. All of them are of one
    /// moment. Nothing is checked here but that names are those of their commitments; see [`Ledger::verify`].
    ///
    /// There is no index, which would be a second truth beside the entries: every call goes through all of them.
    pub fn entries(&self, filter: &Filter, mut each: impl FnMut(Entry) -> ControlFlow<()>) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        let order = if filter.newest_first { "DESC" } else { "ASC" };
        // Names are looked up on the way, and have to be of the same moment.
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        let mut query = moment
            .prepare_cached(&format!(
                "SELECT number, at, kind, agent, person, file, body, previous, hash FROM entries
                WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR at < ?2)
                    AND (?3 IS NULL OR agent = ?3) AND (?4 IS NULL OR kind = ?4) AND number > ?5
                ORDER BY number {order} LIMIT ?6"
            ))
            .map_err(failed)?;
        let mut names = Names::of(&moment).map_err(failed)?;
        let kind = filter.kind.as_ref().map(Kind::as_str);
        // A negative limit is none.
        let after = filter.after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1));
        let mut rows =
            query.query(params![filter.since, filter.until, filter.agent, kind, after, limit]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i64 = row.get(0).map_err(failed)?;
            let unreadable = |reason| LedgerError::Unreadable { path: self.path.clone(), number, reason };
            let sealed = Sealed::of(row).map_err(unreadable)?;
            names.look_up([sealed.person, sealed.file]).map_err(unreadable)?;
            let entry = sealed.open(|commitment| names.named(commitment)).map_err(unreadable)?;
            if each(entry).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Names by their commitments. Most entries share theirs with others, so each is looked up and held against its commitment once.
struct Names<'m> {
    query: CachedStatement<'m>,
    known: HashMap<Hash, Named>,
}

impl<'m> Names<'m> {
    fn of(moment: &'m Connection) -> rusqlite::Result<Self> {
        let query = moment.prepare_cached("SELECT salt, name FROM names WHERE commitment = ?1")?;
        Ok(Self { query, known: HashMap::new() })
    }

    /// Looks up what is not known yet.
    fn look_up(&mut self, commitments: [Option<Hash>; 2]) -> Result<(), String> {
        for commitment in commitments.into_iter().flatten() {
            if self.known.contains_key(&commitment) {
                continue;
            }
            let read = |row: &Row<'_>| Ok((row.get_ref(0)?.as_bytes()?.to_vec(), row.get_ref(1)?.as_bytes()?.to_vec()));
            let found: Option<(Vec<u8>, Vec<u8>)> =
                self.query.query_row([commitment.0], read).optional().map_err(|error| error.to_string())?;
            let (salt, name) = found.as_ref().map(|(salt, name)| (salt.as_slice(), name.as_slice())).unzip();
            self.known.insert(commitment, Named::new(commitment, salt, name));
        }
        Ok(())
    }

    fn named(&self, commitment: Hash) -> Named {
        self.known.get(&commitment).cloned().unwrap_or_else(|| Named::new(commitment, None, None))
    }
}
