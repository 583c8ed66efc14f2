//! Reading entries one after the other.

use crate::entry::{Entry, Kind, Named};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::ledger::Ledger;
use rusqlite::{Row, params};
use std::ops::ControlFlow;

/// Which entries to read; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
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
        let mut query = self
            .connection
            .prepare_cached(&format!(
                "SELECT e.number, e.at, e.kind, e.agent, e.body, e.previous, e.hash,
                    e.person, p.salt, p.name, e.file, f.salt, f.name
                FROM entries e LEFT JOIN names p ON p.commitment = e.person LEFT JOIN names f ON f.commitment = e.file
                WHERE (?1 IS NULL OR e.at >= ?1) AND (?2 IS NULL OR e.at < ?2)
                    AND (?3 IS NULL OR e.agent = ?3) AND (?4 IS NULL OR e.kind = ?4)
                ORDER BY e.number {order} LIMIT ?5"
            ))
            .map_err(failed)?;
        let kind = filter.kind.as_ref().map(Kind::as_str);
        // A negative limit is none.
        let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1));
        let mut rows = query.query(params![filter.since, filter.until, filter.agent, kind, limit]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i64 = row.get(0).map_err(failed)?;
            let entry =
                entry(row).map_err(|reason| LedgerError::Unreadable { path: self.path.clone(), number, reason })?;
            if each(entry).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn entry(row: &Row<'_>) -> Result<Entry, String> {
    let bad = |error: rusqlite::Error| error.to_string();
    let hash = |index| -> Result<Hash, String> { row.get(index).map(Hash).map_err(bad) };
    let named = |index: usize| -> Result<Option<Named>, String> {
        let Some(commitment) = row.get::<_, Option<[u8; 32]>>(index).map_err(bad)? else { return Ok(None) };
        let salt = row.get_ref(index + 1).map_err(bad)?.as_blob_or_null().map_err(|error| error.to_string())?;
        let name = row.get_ref(index + 2).map_err(bad)?.as_bytes_or_null().map_err(|error| error.to_string())?;
        Ok(Some(Named::new(Hash(commitment), salt, name)))
    };
    let number: i64 = row.get(0).map_err(bad)?;
    let body = row.get_ref(4).map_err(bad)?.as_str().map_err(|error| error.to_string())?;
    Ok(Entry {
        number: u64::try_from(number).map_err(|error| error.to_string())?,
        at: row.get(1).map_err(bad)?,
        kind: Kind::from(row.get_ref(2).map_err(bad)?.as_str().map_err(|error| error.to_string())?),
        agent: row.get(3).map_err(bad)?,
        person: named(7)?,
        file: named(10)?,
        body: serde_json::from_str(body).map_err(|error| error.to_string())?,
        previous: hash(5)?,
        hash: hash(6)?,
    })
}
