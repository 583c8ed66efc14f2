//! Whether the chain holds, and where it first does not.

use crate::entry::{Anchor, Fields, Name, Named};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::ledger::Ledger;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Transaction, params};
use std::fmt;

/// How many numbers behind the newest an entry is looked for that does not stand where it was appended.
const MOVED_AT_MOST: u64 = 1000;

/// Where and how the chain is broken first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The entry is not what its hash was made of.
    Changed {
        /// The entry.
        number: u64,
    },
    /// The entry was changed together with its hash: the one after it knows another.
    Replaced {
        /// The entry.
        number: u64,
    },
    /// Entries are missing.
    Removed {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Entries were put in that were not appended there.
    Inserted {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// An entry stands here that was appended elsewhere.
    Reordered {
        /// Where it stands.
        number: u64,
        /// Where it was appended.
        was: u64,
    },
    /// The file is damaged here.
    Damaged {
        /// The entry that was to be read.
        number: u64,
        /// What the database said.
        reason: String,
    },
    /// An entry is not the one that was anchored: since then something was rewritten, from one of these entries on.
    Rewritten {
        /// The first that may have been rewritten.
        first: u64,
        /// The anchored one.
        last: u64,
    },
    /// The end was cut off.
    Truncated {
        /// The newest entry that there is; 0 where there is none.
        newest: u64,
        /// The entry that must be there.
        expected: u64,
    },
    /// A name is not the one that entries were appended with.
    FalseName {
        /// What those entries hold.
        commitment: Hash,
    },
}

impl Fault {
    /// The first entry that is wrong; `None` where all entries are right and only a name is not.
    pub fn number(&self) -> Option<u64> {
        match *self {
            Self::Changed { number }
            | Self::Replaced { number }
            | Self::Reordered { number, .. }
            | Self::Damaged { number, .. } => Some(number),
            Self::Removed { first, .. } | Self::Inserted { first, .. } | Self::Rewritten { first, .. } => Some(first),
            Self::Truncated { newest, .. } => Some(newest + 1),
            Self::FalseName { .. } => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { number } => write!(f, "entry {number} was changed"),
            Self::Replaced { number } => {
                write!(f, "entry {number} was replaced: entry {} follows another one", number + 1)
            }
            Self::Removed { first, last } => write!(f, "{} removed", entries(*first, *last)),
            Self::Inserted { first, last } => write!(f, "{} inserted later", entries(*first, *last)),
            Self::Reordered { number, was } => {
                write!(f, "entry {was} was moved to the place of entry {number}")
            }
            Self::Damaged { number, reason } => write!(f, "the file is damaged at entry {number}: {reason}"),
            Self::Rewritten { first, last } if first == last => {
                write!(f, "entry {last} is not the one that was anchored")
            }
            Self::Rewritten { first, last } => {
                write!(
                    f,
                    "entry {last} is not the one that was anchored: the ledger was rewritten from an entry between {first} and {last} on"
                )
            }
            Self::Truncated { newest: 0, expected } => {
                write!(f, "the ledger is empty, and entry {expected} was anchored")
            }
            Self::Truncated { newest, expected } => {
                write!(f, "the end was cut off: the newest entry is {newest}, and entry {expected} was anchored")
            }
            Self::FalseName { commitment } => {
                write!(f, "a name was changed after it was recorded; its entries hold the commitment {commitment}")
            }
        }
    }
}

fn entries(first: u64, last: u64) -> String {
    if first == last { format!("entry {first} was") } else { format!("entries {first} to {last} were") }
}

/// What [`Ledger::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many entries from the first on are as they were appended.
    pub verified: u64,
    /// The newest entry, where nothing is wrong.
    pub head: Option<Anchor>,
    /// The last of the anchors that was found. Entries after it could have been rewritten or cut off unseen.
    pub anchored: Option<u64>,
    /// What is wrong first.
    pub fault: Option<Fault>,
}

impl Verification {
    /// Whether nothing is wrong, as far as the anchors can tell.
    pub fn is_intact(&self) -> bool {
        self.fault.is_none()
    }

    /// How many verified entries stand after the last anchor.
    pub fn unprotected(&self) -> u64 {
        self.verified.saturating_sub(self.anchored.unwrap_or_default())
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            None => write!(f, "intact, {} entries", self.verified)?,
            Some(fault) => write!(f, "not intact: {fault}; {} entries before that are as appended", self.verified)?,
        }
        match (self.anchored, self.unprotected()) {
            (_, 0) => Ok(()),
            (None, count) => write!(f, "; no anchor protects any of the {count} against rewriting or cutting off"),
            (Some(anchor), count) => {
                write!(f, "; the {count} after entry {anchor}, the last anchored, could be rewritten or cut off unseen")
            }
        }
    }
}

impl Ledger {
    /// Goes through the whole chain, in memory that does not grow with it, and through the names. An error means that it
    /// could not be looked at; what is wrong with it is in the answer.
    pub fn verify(&self, anchors: &[Anchor]) -> Result<Verification, LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        // All of it as of one moment, the look-ups for a fault included.
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        let mut walk = Walk::new(anchors);
        let mut fault = match walk.table(&moment) {
            Ok(fault) => fault,
            Err(error) => Some(damaged(walk.expected(), LedgerError::of(&self.path, error))?),
        };
        if fault.is_none() {
            fault = match false_name(&moment) {
                Ok(fault) => fault,
                Err(error) => Some(damaged(walk.expected(), LedgerError::of(&self.path, error))?),
            };
        }
        Ok(walk.finish(fault))
    }
}

/// A damaged file is what a verification is there to find.
fn damaged(number: u64, error: LedgerError) -> Result<Fault, LedgerError> {
    match error {
        LedgerError::Damaged { reason, .. } => Ok(Fault::Damaged { number, reason }),
        LedgerError::NotALedger { .. } => {
            Ok(Fault::Damaged { number, reason: "this is no database any more".to_owned() })
        }
        error => Err(error),
    }
}

/// How far a verification has come.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Those still to come, the nearest last.
    anchors: Vec<Anchor>,
    verified: u64,
    last: Hash,
    anchored: Option<u64>,
}

impl Walk {
    pub(crate) fn new(anchors: &[Anchor]) -> Self {
        let mut anchors = anchors.to_vec();
        anchors.sort_unstable_by(|one, other| other.cmp(one));
        Self { anchors, ..Self::after(None) }
    }

    /// A walk that goes on after an entry that was right.
    pub(crate) fn after(head: Option<Anchor>) -> Self {
        let Anchor { number: verified, hash: last } = head.unwrap_or(Anchor { number: 0, hash: Hash::ZERO });
        Self { anchors: Vec::new(), verified, last, anchored: None }
    }

    pub(crate) fn expected(&self) -> u64 {
        self.verified + 1
    }

    /// The last entry that was right.
    pub(crate) fn head(&self) -> Option<Anchor> {
        (self.verified > 0).then_some(Anchor { number: self.verified, hash: self.last })
    }

    /// Looks at what stands where the next entry should.
    pub(crate) fn step(&mut self, number: u64, fields: &Fields<'_>, stored: Hash) -> Result<(), Fault> {
        let expected = self.expected();
        if number > expected {
            return Err(Fault::Removed { first: expected, last: number - 1 });
        }
        if number < expected {
            return Err(Fault::Inserted { first: number, last: number });
        }
        if fields.seal().hash(number) != stored {
            return Err(Fault::Changed { number });
        }
        if fields.previous != self.last {
            // Its hash covers what it says of the one before, so it is that one which was exchanged.
            return Err(if number == 1 { Fault::Changed { number } } else { Fault::Replaced { number: number - 1 } });
        }
        while let Some(anchor) = self.anchors.pop_if(|anchor| anchor.number <= number) {
            if anchor != (Anchor { number, hash: stored }) {
                return Err(Fault::Rewritten { first: self.anchored.map_or(1, |last| last + 1), last: anchor.number });
            }
            self.anchored = Some(number);
        }
        self.verified = number;
        self.last = stored;
        Ok(())
    }

    /// What is there to say, after the last entry or the first fault.
    pub(crate) fn finish(self, fault: Option<Fault>) -> Verification {
        let head = self.head();
        let Self { anchors, mut verified, anchored, .. } = self;
        let missing = anchors.first().map(|anchor| Fault::Truncated { newest: verified, expected: anchor.number });
        let fault = fault.or(missing);
        let head = head.filter(|_| fault.is_none());
        if let Some(first) = fault.as_ref().and_then(Fault::number) {
            verified = verified.min(first.saturating_sub(1));
        }
        Verification { verified, head, anchored, fault }
    }

    fn table(&mut self, moment: &Transaction<'_>) -> rusqlite::Result<Option<Fault>> {
        let mut query = moment.prepare(
            "SELECT number, at, kind, agent, person, file, body, previous, hash FROM entries ORDER BY number",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(number) = u64::try_from(row.get::<_, i64>(0)?) else {
                return Ok(Some(Fault::Inserted { first: 0, last: 0 }));
            };
            let Some((fields, stored)) = fields(row)? else {
                return Ok(Some(match self.expected() {
                    expected if number > expected => Fault::Removed { first: expected, last: number - 1 },
                    _ => Fault::Changed { number },
                }));
            };
            match self.step(number, &fields, stored) {
                Ok(()) => {}
                Err(Fault::Changed { number }) => return moved(moment, number, &fields, stored).map(Some),
                Err(fault) => return Ok(Some(fault)),
            }
        }
        Ok(None)
    }
}

/// An entry as it is stored, where each column has its type.
fn fields<'a>(row: &'a Row<'_>) -> rusqlite::Result<Option<(Fields<'a>, Hash)>> {
    let text = |index| row.get_ref(index).map(|value| if let ValueRef::Text(text) = value { Some(text) } else { None });
    let blob = |index| row.get_ref(index).map(|value| if let ValueRef::Blob(blob) = value { Some(blob) } else { None });
    let is_null = |index| row.get_ref(index).map(|value| value == ValueRef::Null);
    let (ValueRef::Integer(at), Some(kind), Some(body), Some(previous), Some(hash)) =
        (row.get_ref(1)?, text(2)?, text(6)?, blob(7)?, blob(8)?)
    else {
        return Ok(None);
    };
    let (agent, person, file) = (text(3)?, blob(4)?, blob(5)?);
    for (index, is_missing) in [(3, agent.is_none()), (4, person.is_none()), (5, file.is_none())] {
        if is_missing != is_null(index)? {
            return Ok(None);
        }
    }
    let (Some(previous), Some(hash)) = (Hash::from_slice(previous), Hash::from_slice(hash)) else {
        return Ok(None);
    };
    Ok(Some((Fields { previous, at, kind, agent, person, file, body }, hash)))
}

/// What it means that an entry is not what its hash was made of: whether the same entry with another number is, and what
/// stands around it.
fn moved(moment: &Connection, number: u64, fields: &Fields<'_>, stored: Hash) -> rusqlite::Result<Fault> {
    let count: u64 = moment.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
    let seal = fields.seal();
    let Some(was) = (1..=count.saturating_add(MOVED_AT_MOST)).find(|number| seal.hash(*number) == stored) else {
        return Ok(Fault::Changed { number });
    };
    let holds = |sql, hash: Hash, at| moment.prepare(sql)?.exists(params![hash.0, at]);
    Ok(if was < number {
        if holds("SELECT 1 FROM entries WHERE hash = ? AND number = ?", stored, was)? {
            // A copy of an entry that still stands where it was.
            Fault::Inserted { first: number, last: number }
        } else {
            Fault::Inserted { first: was, last: number - 1 }
        }
    } else if holds("SELECT 1 FROM entries WHERE hash = ? AND number >= ?", fields.previous, 1)? {
        Fault::Reordered { number, was }
    } else {
        // Its predecessor is gone, and it was given a number that hides that.
        Fault::Removed { first: number, last: was - 1 }
    })
}

/// The first name that its commitment was not made of.
fn false_name(moment: &Connection) -> rusqlite::Result<Option<Fault>> {
    let mut query = moment.prepare("SELECT commitment, salt, name FROM names ORDER BY commitment")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (ValueRef::Blob(commitment), ValueRef::Blob(salt), ValueRef::Text(name)) =
            (row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?)
        else {
            return Ok(Some(Fault::FalseName { commitment: Hash::ZERO }));
        };
        let commitment = Hash::from_slice(commitment).unwrap_or(Hash::ZERO);
        if Named::new(commitment, Some(salt), Some(name)).name == Name::False {
            return Ok(Some(Fault::FalseName { commitment }));
        }
    }
    Ok(None)
}
