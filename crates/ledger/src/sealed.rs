//! Entries and names as they are stored, to be kept and verified elsewhere.

use crate::entry::{Anchor, Entry, Fields, Kind, Named};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::ledger::Ledger;
use crate::verify::{Fault, Walk};
use rusqlite::{Row, params};
use std::collections::HashSet;

/// An entry with all that is hashed of it: names are their commitments, and the body is the very text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its place in the chain; the first is 1.
    pub number: u64,
    /// When, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// What it is about, as [`Kind::as_str`] has it.
    pub kind: String,
    /// The AI tool.
    pub agent: Option<String>,
    /// Commitment to the person.
    pub person: Option<Hash>,
    /// Commitment to the file.
    pub file: Option<Hash>,
    /// Everything else, as JSON.
    pub body: String,
    /// Hash of the entry before.
    pub previous: Hash,
    /// Hash of this entry.
    pub hash: Hash,
}

/// A name that is not erased, with what its commitment was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// What entries hold.
    pub commitment: Hash,
    /// 32 bytes.
    pub salt: Vec<u8>,
    /// The name, in UTF-8.
    pub name: Vec<u8>,
}

impl Sealed {
    /// Its place and hash.
    pub fn anchor(&self) -> Anchor {
        Anchor { number: self.number, hash: self.hash }
    }

    /// The entry, with what is known of its names. An error says why its body cannot be read.
    pub fn open(self, mut named: impl FnMut(Hash) -> Named) -> Result<Entry, String> {
        Ok(Entry {
            number: self.number,
            at: self.at,
            kind: Kind::from(self.kind.as_str()),
            agent: self.agent,
            person: self.person.map(&mut named),
            file: self.file.map(named),
            body: serde_json::from_str(&self.body).map_err(|error| error.to_string())?,
            previous: self.previous,
            hash: self.hash,
        })
    }

    /// Reads the columns `number, at, kind, agent, person, file, body, previous, hash`.
    pub(crate) fn of(row: &Row<'_>) -> Result<Self, String> {
        let bad = |error: rusqlite::Error| error.to_string();
        let hash = |index| row.get(index).map(Hash).map_err(bad);
        let maybe = |index| row.get::<_, Option<[u8; 32]>>(index).map(|it| it.map(Hash)).map_err(bad);
        let number: i64 = row.get(0).map_err(bad)?;
        Ok(Self {
            number: u64::try_from(number).map_err(|error| error.to_string())?,
            at: row.get(1).map_err(bad)?,
            kind: row.get(2).map_err(bad)?,
            agent: row.get(3).map_err(bad)?,
            person: maybe(4)?,
            file: maybe(5)?,
            body: row.get(6).map_err(bad)?,
            previous: hash(7)?,
            hash: hash(8)?,
        })
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            previous: self.previous,
            at: self.at,
            kind: self.kind.as_bytes(),
            agent: self.agent.as_deref().map(str::as_bytes),
            person: self.person.as_ref().map(|hash| hash.0.as_slice()),
            file: self.file.as_ref().map(|hash| hash.0.as_slice()),
            body: self.body.as_bytes(),
        }
    }
}

impl Disclosed {
    /// What is known of the name: that it is the one, or that it is not.
    pub fn named(&self) -> Named {
        Named::new(self.commitment, Some(&self.salt), Some(&self.name))
    }
}

/// Verifies one entry after the other.
#[derive(Debug)]
pub struct Chain(Walk);

impl Chain {
    /// From the first entry on, or from the one that follows another.
    pub fn after(anchor: Option<Anchor>) -> Self {
        Self(Walk::after(anchor))
    }

    /// Takes the next entry; an error says in which way it cannot be that.
    pub fn step(&mut self, entry: &Sealed) -> Result<(), Fault> {
        self.0.step(entry.number, &entry.fields(), entry.hash)
    }

    /// The last entry that was right.
    pub fn head(&self) -> Option<Anchor> {
        self.0.head()
    }
}

impl Ledger {
    /// The entries after one, in order, not more than `limit`. Nothing is checked: see [`Chain`].
    pub fn sealed(&self, after: u64, limit: usize) -> Result<Vec<Sealed>, LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        let [after, limit] = [i64::try_from(after), i64::try_from(limit)].map(|it| it.unwrap_or(i64::MAX));
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT number, at, kind, agent, person, file, body, previous, hash FROM entries
                WHERE number > ?1 ORDER BY number LIMIT ?2",
            )
            .map_err(failed)?;
        let mut rows = query.query(params![after, limit]).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i64 = row.get(0).map_err(failed)?;
            found.push(Sealed::of(row).map_err(|reason| LedgerError::Unreadable {
                path: self.path.clone(),
                number,
                reason,
            })?);
        }
        Ok(found)
    }

    /// The entry with a number.
    pub fn sealed_at(&self, number: u64) -> Result<Option<Sealed>, LedgerError> {
        let Some(before) = number.checked_sub(1) else { return Ok(None) };
        Ok(self.sealed(before, 1)?.into_iter().find(|entry| entry.number == number))
    }

    /// Those of some commitments that entries hold and of which the name is erased.
    pub fn erased(&self, commitments: &[Hash]) -> Result<Vec<Hash>, LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        if commitments.is_empty() {
            return Ok(Vec::new());
        }
        // One walk, for there is no index by names.
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        let mut held: HashSet<Hash> = HashSet::new();
        for column in ["person", "file"] {
            let mut query = moment
                .prepare(&format!("SELECT DISTINCT {column} FROM entries WHERE {column} IS NOT NULL"))
                .map_err(failed)?;
            let rows = query.query_map([], |row| Ok(Hash(row.get(0)?))).map_err(failed)?;
            for row in rows {
                held.insert(row.map_err(failed)?);
            }
        }
        let mut known = moment.prepare("SELECT 1 FROM names WHERE commitment = ?").map_err(failed)?;
        let mut erased = Vec::new();
        for commitment in commitments.iter().filter(|commitment| held.contains(commitment)) {
            if !known.exists([commitment.0]).map_err(failed)? {
                erased.push(*commitment);
            }
        }
        Ok(erased)
    }

    /// All names that are not erased.
    pub fn disclosed(&self) -> Result<Vec<Disclosed>, LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        let mut query = self.connection.prepare("SELECT commitment, salt, name FROM names").map_err(failed)?;
        let row = |row: &Row<'_>| {
            let name: String = row.get(2)?;
            Ok(Disclosed { commitment: Hash(row.get(0)?), salt: row.get(1)?, name: name.into_bytes() })
        };
        let names = query.query_map([], row).map_err(failed)?.collect::<Result<_, _>>();
        names.map_err(failed)
    }
}
