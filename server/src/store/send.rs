//! From a ledger to the store.

use super::connection::{PATIENCE, Store};
use super::copy::Rows;
use super::error::StoreError;
use countersign_ledger::{Anchor, Chain, Hash, Ledger, Names, Sealed};
use sqlx_core::connection::Connection;
use sqlx_core::query::query;
use sqlx_core::query_as::query_as;
use sqlx_core::query_scalar::query_scalar;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Entries that are sent at once, all or none.
const BATCH: usize = 5_000;

/// Bytes of bodies after which no more entries are sent at once: what a slow line takes within the time that is waited.
const BATCH_BYTES: usize = 1 << 20;

/// Names that are sent at once.
const NAMES: usize = 5_000;

/// How often something is tried again that may be well a moment later, and how long it is waited at first; then twice as long.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);

/// How often in a row somebody else may have added to the same ledger.
const REFUSED: u32 = 100;

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Entries.
    pub(crate) entries: u64,
    /// Names.
    pub(crate) names: u64,
    /// Names that are erased in the ledger, and now in the store as well.
    pub(crate) erased: u64,
    /// The last entry that this ledger has in common with another one in the store, where the two go different ways.
    pub(crate) forked_after: Option<u64>,
    /// How many entries the store has beyond the end of this ledger: it was cut off, or an older copy was put in its place.
    pub(crate) ahead: u64,
}

/// A ledger of the store, and how far it has come.
#[derive(Debug, Clone, Copy)]
struct Line {
    id: i64,
    begins: u64,
    head: Anchor,
}

/// What became of a batch.
enum Step {
    /// It is there.
    Added,
    /// Somebody else has added to the same ledger in the meantime.
    Refused,
    /// There was nothing left to send.
    Done,
}

/// Where sending goes on.
enum From {
    /// After the last entry of a ledger that is there.
    After(Line),
    /// At the first entry: nothing of it is there. Where it parts from another ledger, after that one's entry with this number.
    Begin(Option<(i64, u64)>),
    /// The store has so many more.
    Behind(u64),
}

impl Store {
    /// Sends what the store does not have yet of a ledger. Each batch is there as a whole or not at all, and may have been sent by
    /// anybody. Where the store restarts in between, it is tried again for some seconds. `told` is given the number of entries so far.
    pub(crate) async fn send(
        &mut self,
        ledger: &Ledger,
        repository: &str,
        names: Names,
        mut told: impl FnMut(u64),
    ) -> Result<Sent, StoreError> {
        let mut sent = Sent::default();
        let Some(first) = ledger.sealed_at(1)? else { return Ok(sent) };
        let (mut tries, mut refused) = (0, 0);
        loop {
            match self.step(ledger, &first, repository, &mut sent).await {
                Ok(Step::Added) => {
                    (tries, refused) = (0, 0);
                    told(sent.entries);
                }
                // Somebody else has added to it, which is seen when it is looked at anew.
                Ok(Step::Refused) if refused < REFUSED => {
                    refused += 1;
                    sleep(PAUSE).await;
                }
                Ok(Step::Refused) => return Err(StoreError::Busy { store: self.name.clone() }),
                Ok(Step::Done) => break,
                Err(error) => self.wait_for(error, &mut tries).await?,
            }
        }
        tries = 0;
        loop {
            let done = timeout(PATIENCE, self.names(ledger, first.hash, names, &mut sent)).await;
            let slow = StoreError::Slow { store: self.name.clone(), seconds: PATIENCE.as_secs() };
            match done.unwrap_or(Err(slow)) {
                Ok(()) => break,
                Err(error) => self.wait_for(error, &mut tries).await?,
            }
        }
        Ok(sent)
    }

    /// Waits a moment and connects anew where that may help, else gives the error back.
    async fn wait_for(&mut self, error: StoreError, tries: &mut u32) -> Result<(), StoreError> {
        let mut error = error;
        while error.is_passing() && *tries < TRIES {
            sleep(PAUSE * 2_u32.pow(*tries)).await;
            *tries += 1;
            match self.again().await {
                Ok(()) => return Ok(()),
                Err(other) => error = other,
            }
        }
        Err(error)
    }

    /// Sends one batch.
    async fn step(
        &mut self,
        ledger: &Ledger,
        first: &Sealed,
        repository: &str,
        sent: &mut Sent,
    ) -> Result<Step, StoreError> {
        let name = self.name.clone();
        let within = |seconds: Duration| StoreError::Slow { store: name.clone(), seconds: seconds.as_secs() };
        let from = timeout(PATIENCE, self.from(ledger, first)).await.map_err(|_| within(PATIENCE))??;
        let (head, parent) = match &from {
            From::Behind(ahead) => {
                sent.ahead = *ahead;
                return Ok(Step::Done);
            }
            From::After(line) => (Some(line.head), None),
            From::Begin(None) => (None, None),
            From::Begin(Some((parent, after))) => (ledger.sealed_at(*after)?.map(|it| it.anchor()), Some(*parent)),
        };
        let begins = head.map_or(1, |head| head.number + 1);
        let batch = batch(ledger, head)?;
        let Some(root) = batch.first().map(|entry| entry.hash) else { return Ok(Step::Done) };
        // A killed sender leaves a transaction that its connection takes with it.
        let adding = async {
            let ledger_of = match from {
                From::After(line) => NewLine::Known(line),
                _ => NewLine::New { root, family: first.hash, begins, parent },
            };
            self.add(&ledger_of, repository, &batch).await
        };
        let is_added = timeout(PATIENCE, adding).await.map_err(|_| within(PATIENCE))??;
        if !is_added {
            return Ok(Step::Refused);
        }
        sent.entries += batch.len() as u64;
        if parent.is_some() {
            sent.forked_after = Some(begins - 1);
        }
        Ok(Step::Added)
    }

    /// Where sending of a ledger with this first entry goes on.
    async fn from(&mut self, ledger: &Ledger, first: &Sealed) -> Result<From, StoreError> {
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = query_as(
            "SELECT l.id, l.begins, head.number, head.hash FROM countersign.ledgers AS l, LATERAL (
                SELECT e.number, e.hash FROM countersign.entries AS e WHERE e.ledger = l.id ORDER BY e.number DESC LIMIT 1
            ) AS head WHERE l.family = $1 ORDER BY l.id",
        )
        .bind(first.hash.0.as_slice())
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| self.failed(&error))?;
        let line = |(id, begins, number, hash): (i64, i64, i64, Vec<u8>)| {
            let [begins, number] = [u64::try_from(begins), u64::try_from(number)].map(Result::unwrap_or_default);
            Some(Line { id, begins, head: Anchor { number, hash: Hash(hash.try_into().ok()?) } })
        };
        let lines: Vec<Line> = rows.into_iter().filter_map(line).collect();
        let end = ledger.head()?.map_or(0, |head| head.number);
        let mut known = None;
        for line in &lines {
            let is_same = ledger.sealed_at(line.head.number)?.is_some_and(|own| own.hash == line.head.hash);
            if is_same && known.is_none_or(|known: Line| known.head.number < line.head.number) {
                known = Some(*line);
            }
        }
        if let Some(line) = known {
            return Ok(From::After(line));
        }
        // The last entry that both have: up to there all are the same, and after it none is.
        let mut common: Option<(i64, u64)> = None;
        for line in &lines {
            let (mut low, mut high) = (line.begins - 1, line.head.number.min(end));
            while low < high {
                let middle = low + (high - low).div_ceil(2);
                let own = ledger.sealed_at(middle)?.map(|entry| entry.hash);
                let theirs = self.hash(line.id, middle).await?;
                if own.is_some() && own == theirs { low = middle } else { high = middle - 1 }
            }
            if low >= line.begins && common.is_none_or(|(_, number)| number < low) {
                common = Some((line.id, low));
            }
        }
        let head_of = |id| lines.iter().find(|line| line.id == id).map_or(end, |line| line.head.number);
        Ok(match common {
            Some((id, number)) if number == end => From::Behind(head_of(id).saturating_sub(end)),
            common => From::Begin(common),
        })
    }

    async fn hash(&mut self, ledger: i64, number: u64) -> Result<Option<Hash>, StoreError> {
        let hash: Option<Vec<u8>> =
            query_scalar("SELECT hash FROM countersign.entries WHERE ledger = $1 AND number = $2")
                .bind(ledger)
                .bind(number.cast_signed())
                .fetch_optional(&mut self.connection)
                .await
                .map_err(|error| self.failed(&error))?;
        Ok(hash.and_then(|hash| hash.try_into().ok()).map(Hash))
    }

    /// Adds entries to a ledger of the store; `false` where somebody else has added to it in the meantime.
    async fn add(&mut self, line: &NewLine, repository: &str, batch: &[Sealed]) -> Result<bool, StoreError> {
        let name = self.name.clone();
        let failed = |error| StoreError::of(&name, &error);
        let mut moment = self.connection.begin().await.map_err(failed)?;
        let id: i64 = match line {
            // Whoever else sends the same waits here.
            NewLine::Known(line) => {
                query_scalar("UPDATE countersign.ledgers SET repository = $2 WHERE id = $1 RETURNING id")
                    .bind(line.id)
                    .bind(repository)
            }
            NewLine::New { root, family, begins, parent } => query_scalar(
                "INSERT INTO countersign.ledgers (root, family, begins, parent, repository) VALUES ($3, $4, $5, $1, $2)
                ON CONFLICT (root) DO UPDATE SET repository = excluded.repository RETURNING id",
            )
            .bind(*parent)
            .bind(repository)
            .bind(root.0.to_vec())
            .bind(family.0.to_vec())
            .bind(begins.cast_signed()),
        }
        .fetch_one(&mut *moment)
        .await
        .map_err(failed)?;
        let head: Option<i64> =
            query_scalar("SELECT number FROM countersign.entries WHERE ledger = $1 ORDER BY number DESC LIMIT 1")
                .bind(id)
                .fetch_optional(&mut *moment)
                .await
                .map_err(failed)?;
        let expected = match line {
            NewLine::Known(line) => Some(line.head.number.cast_signed()),
            NewLine::New { .. } => None,
        };
        if head != expected {
            return Ok(false);
        }
        let mut rows = Rows::new();
        for entry in batch {
            rows.row(10);
            rows.number(id);
            rows.number(entry.number.cast_signed());
            rows.number(entry.at);
            rows.bytes(Some(entry.kind.as_bytes()));
            rows.bytes(entry.agent.as_deref().map(str::as_bytes));
            rows.bytes(entry.person.as_ref().map(|hash| hash.0.as_slice()));
            rows.bytes(entry.file.as_ref().map(|hash| hash.0.as_slice()));
            rows.bytes(Some(entry.body.as_bytes()));
            rows.bytes(Some(&entry.previous.0));
            rows.bytes(Some(&entry.hash.0));
        }
        let mut copy = moment
            .copy_in_raw(
                "COPY countersign.entries (ledger, number, at, kind, agent, person, file, body, previous, hash)
                FROM STDIN (FORMAT binary)",
            )
            .await
            .map_err(failed)?;
        copy.send(rows.finish()).await.map_err(failed)?;
        copy.finish().await.map_err(failed)?;
        moment.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// Sends the names that the store does not have, and erases there what is erased in the ledger.
    async fn names(&mut self, ledger: &Ledger, family: Hash, names: Names, sent: &mut Sent) -> Result<(), StoreError> {
        // What the store has is asked first: what is recorded and sent by others in the meantime is not missing here then.
        let there: Vec<(Vec<u8>, bool)> =
            query_as("SELECT commitment, is_erased FROM countersign.names WHERE family = $1")
                .bind(family.0.as_slice())
                .fetch_all(&mut self.connection)
                .await
                .map_err(|error| self.failed(&error))?;
        let hash = |bytes: Vec<u8>| bytes.try_into().ok().map(Hash);
        let there: Vec<(Hash, bool)> =
            there.into_iter().filter_map(|(commitment, is_erased)| Some((hash(commitment)?, is_erased))).collect();
        let own: BTreeMap<Hash, _> = ledger.disclosed()?.into_iter().map(|name| (name.commitment, name)).collect();
        let missing = there.iter().filter(|(commitment, is_erased)| !is_erased && !own.contains_key(commitment));
        let missing: Vec<Hash> = missing.map(|(commitment, _)| *commitment).collect();
        // A name that no entry here holds is of another ledger that has parted from this one.
        for some in ledger.erased(&missing)?.chunks(NAMES) {
            let erased: i64 = query_scalar("SELECT countersign.erase($1)")
                .bind(some.iter().map(|hash| hash.0.to_vec()).collect::<Vec<_>>())
                .fetch_one(&mut self.connection)
                .await
                .map_err(|error| self.failed(&error))?;
            sent.erased += u64::try_from(erased).unwrap_or_default();
        }
        if names == Names::Withheld {
            return Ok(());
        }
        let known: HashSet<Hash> = there.into_iter().map(|(commitment, _)| commitment).collect();
        // In one order, whoever sends them: else two would wait for each other.
        let new: Vec<_> = own.into_values().filter(|name| !known.contains(&name.commitment)).collect();
        for some in new.chunks(NAMES) {
            let column = |of: fn(&countersign_ledger::Disclosed) -> Vec<u8>| some.iter().map(of).collect::<Vec<_>>();
            let done = query(
                "INSERT INTO countersign.names (commitment, family, salt, name)
                SELECT n.commitment, $1, n.salt, n.name FROM unnest($2::bytea[], $3::bytea[], $4::bytea[]) AS n (commitment, salt, name)
                ON CONFLICT (commitment) DO NOTHING",
            )
            .bind(family.0.as_slice())
            .bind(column(|name| name.commitment.0.to_vec()))
            .bind(column(|name| name.salt.clone()))
            .bind(column(|name| name.name.clone()))
            .execute(&mut self.connection)
            .await
            .map_err(|error| self.failed(&error))?;
            sent.names += done.rows_affected();
        }
        Ok(())
    }
}

/// The ledger of the store that entries are added to.
enum NewLine {
    Known(Line),
    New { root: Hash, family: Hash, begins: u64, parent: Option<i64> },
}

/// The next entries after one, of which it is known that they follow it and are what their hashes say.
fn batch(ledger: &Ledger, head: Option<Anchor>) -> Result<Vec<Sealed>, StoreError> {
    let mut batch = ledger.sealed(head.map_or(0, |head| head.number), BATCH)?;
    let mut bytes = 0;
    let fitting = batch.iter().take_while(|entry| {
        let before = bytes;
        bytes += entry.body.len();
        before < BATCH_BYTES
    });
    batch.truncate(fitting.count());
    let mut chain = Chain::after(head);
    let wrong = batch.iter().enumerate().find_map(|(index, entry)| Some((index, chain.step(entry).err()?)));
    match wrong {
        Some((0, fault)) => return Err(StoreError::Broken(fault)),
        // What comes before it is sent first.
        Some((index, _)) => batch.truncate(index),
        None => {}
    }
    Ok(batch)
}
