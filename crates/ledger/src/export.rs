//! The whole chain as JSON Lines, and its verification without the ledger.
//!
//! The first line says what follows: `{"format":"countersign-ledger","version":1,"head":"12:<hash>"}`. Then comes one line
//! an entry, with everything that is hashed and, where they are disclosed, the names with their salts. The body stands
//! there byte for byte as it was hashed: a program that writes the numbers in it another way breaks the verification.

use crate::entry::{Anchor, Fields, MAX_BODY_BYTES, MAX_TEXT_BYTES, Name, Named};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::ledger::{Ledger, head};
use crate::verify::{Fault, Verification, Walk};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{BufRead, Read, Write};

const FORMAT: &str = "countersign-ledger";
const VERSION: u32 = 1;

/// Bytes of a line: the largest body and the largest texts with every byte written as `\u0000`.
const MAX_LINE_BYTES: usize = MAX_BODY_BYTES + 6 * 4 * MAX_TEXT_BYTES + 4096;

/// Whether an export says who and which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// With names and their salts, but for those that were erased.
    Disclosed,
    /// Only the commitments to them. The chain can be verified all the same.
    Withheld,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    head: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    number: u64,
    at: i64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    person: Option<Committed<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    file: Option<Committed<'a>>,
    #[serde(borrow)]
    body: &'a RawValue,
    previous: Hash,
    hash: Hash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Committed<'a> {
    commitment: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<Hash>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
}

impl Ledger {
    /// Writes all entries, as of one moment, and gives their number. Nothing is checked: see [`verify_export`].
    pub fn export(&self, out: &mut impl Write, names: Names) -> Result<u64, LedgerError> {
        let failed = |error| LedgerError::of(&self.path, error);
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        let head = head(&self.path, &moment)?.map(|head| head.to_string().into());
        write_line(out, &Header { format: FORMAT.into(), version: VERSION, head })?;
        let mut query = moment
            .prepare(
                "SELECT e.number, e.at, e.kind, e.agent, e.body, e.previous, e.hash,
                    e.person, p.salt, p.name, e.file, f.salt, f.name
                FROM entries e
                LEFT JOIN names p ON ?1 AND p.commitment = e.person LEFT JOIN names f ON ?1 AND f.commitment = e.file
                ORDER BY e.number",
            )
            .map_err(failed)?;
        let mut rows = query.query([names == Names::Disclosed]).map_err(failed)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i64 = row.get(0).map_err(failed)?;
            let unreadable = |reason| LedgerError::Unreadable { path: self.path.clone(), number, reason };
            let body: String = row.get(4).map_err(|error| unreadable(error.to_string()))?;
            let body = RawValue::from_string(body).map_err(|error| unreadable(error.to_string()))?;
            if body.get().contains(['\n', '\r']) {
                return Err(unreadable("its body has a line break".to_owned()));
            }
            write_line(out, &line(row, &body).map_err(|error| unreadable(error.to_string()))?)?;
            count += 1;
        }
        out.flush().map_err(LedgerError::Write)?;
        Ok(count)
    }
}

fn line<'a>(row: &Row<'_>, body: &'a RawValue) -> rusqlite::Result<Line<'a>> {
    let committed = |index: usize| -> rusqlite::Result<Option<Committed<'a>>> {
        let Some(commitment) = row.get::<_, Option<[u8; 32]>>(index)? else { return Ok(None) };
        let salt: Option<[u8; 32]> = row.get(index + 1)?;
        let name = row.get::<_, Option<String>>(index + 2)?.map(Cow::Owned);
        Ok(Some(Committed { commitment: Hash(commitment), salt: salt.map(Hash), name }))
    };
    Ok(Line {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: Cow::Owned(row.get(2)?),
        agent: row.get::<_, Option<String>>(3)?.map(Cow::Owned),
        person: committed(7)?,
        file: committed(10)?,
        body,
        previous: Hash(row.get(5)?),
        hash: Hash(row.get(6)?),
    })
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> Result<(), LedgerError> {
    let mut bytes = serde_json::to_vec(line).map_err(|error| LedgerError::Write(error.into()))?;
    bytes.push(b'\n');
    out.write_all(&bytes).map_err(LedgerError::Write)
}

/// Verifies what [`Ledger::export`] wrote, in memory that does not grow with it. An error means that it is no export; what
/// is wrong with the chain or with a name is in the answer. That the export is whole rests on its own first line; that
/// nobody shortened both rests on the anchors.
pub fn verify_export(mut export: impl BufRead, anchors: &[Anchor]) -> Result<Verification, LedgerError> {
    let mut buffer = Vec::new();
    let mut number = 1;
    let bad = |line, reason: String| LedgerError::Export { line, reason };
    let is_there = read_line(&mut export, &mut buffer).map_err(|reason| bad(number, reason))?;
    let header: Header<'_> = serde_json::from_slice(&buffer)
        .ok()
        .filter(|header: &Header<'_>| is_there && header.format == FORMAT)
        .ok_or_else(|| bad(number, "not an export of a ledger of Countersign".to_owned()))?;
    if header.version != VERSION {
        let reason = format!(
            "an export of version {}; this version of Countersign reads version {VERSION}, use the newer one",
            header.version
        );
        return Err(bad(number, reason));
    }
    let promised: Option<Anchor> =
        header.head.map(|head| head.parse()).transpose().map_err(|_| bad(1, "its head is none".to_owned()))?;
    let mut walk = Walk::new(anchors);
    let mut false_name = None;
    loop {
        number += 1;
        if !read_line(&mut export, &mut buffer).map_err(|reason| bad(number, reason))? {
            break;
        }
        let line: Line<'_> = serde_json::from_slice(&buffer).map_err(|error| bad(number, error.to_string()))?;
        let fields = Fields {
            previous: line.previous,
            at: line.at,
            kind: line.kind.as_bytes(),
            agent: line.agent.as_deref().map(str::as_bytes),
            person: line.person.as_ref().map(|person| person.commitment.0.as_slice()),
            file: line.file.as_ref().map(|file| file.commitment.0.as_slice()),
            body: line.body.get().as_bytes(),
        };
        if let Err(fault) = walk.step(line.number, &fields, line.hash) {
            return Ok(walk.finish(Some(fault)));
        }
        for committed in [&line.person, &line.file].into_iter().flatten() {
            let (salt, name) = (committed.salt.as_ref(), committed.name.as_deref());
            let named = Named::new(committed.commitment, salt.map(|salt| salt.0.as_slice()), name.map(str::as_bytes));
            if named.name == Name::False && false_name.is_none() {
                false_name = Some(Fault::FalseName { commitment: committed.commitment });
            }
        }
    }
    let head = walk.head();
    let newest = head.map_or(0, |head| head.number);
    let cut = match promised {
        _ if promised == head => None,
        Some(promised) if promised.number > newest => Some(Fault::Truncated { newest, expected: promised.number }),
        _ => return Err(bad(1, "its head is not that of the entries".to_owned())),
    };
    Ok(walk.finish(cut.or(false_name)))
}

/// Reads a line without its end; `false` after the last one.
fn read_line(export: &mut impl BufRead, buffer: &mut Vec<u8>) -> Result<bool, String> {
    buffer.clear();
    let limit = MAX_LINE_BYTES as u64 + 1;
    let count = export.by_ref().take(limit).read_until(b'\n', buffer).map_err(|error| error.to_string())?;
    if buffer.len() > MAX_LINE_BYTES {
        return Err(format!("longer than {MAX_LINE_BYTES} bytes, which no entry is"));
    }
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
    }
    Ok(count > 0)
}
