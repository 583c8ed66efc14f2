//! From the store to whoever reads.

use super::connection::{PATIENCE, Store};
use super::copy::{NoRows, Reader};
use super::error::StoreError;
use countersign_ledger::{Anchor, Chain, Disclosed, Entry, Hash, Name, Named, Sealed};
use futures_util::TryStreamExt;
use sqlx_core::connection::Connection;
use sqlx_core::query::query;
use sqlx_core::query_as::query_as;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use tokio::time::timeout;

/// Entries that go from one thread to the other at once, and how many such lots may wait.
const LOT: usize = 4_096;
const LOTS: usize = 16;

/// Which entries are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All, ledger by ledger, each in its order; the chains are verified. Files are named with the repository before them, as in
    /// `github.com/example/shop: main.tf`.
    All,
    /// Those of one repository from a time on, in milliseconds since 1970, in order of their times. Chains are not verified.
    Of {
        /// The repository, as requests for reviews name it.
        repository: String,
        /// The time.
        since: i64,
    },
}

/// A ledger of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its number in the store.
    pub(crate) id: i64,
    /// The repository, as requests for reviews name it.
    pub(crate) repository: String,
    /// The last entry that it has in common with another ledger, which has it; 0 where it has nothing in common with any.
    pub(crate) forked_after: u64,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// The ledgers.
    pub(crate) sources: Vec<Arc<Source>>,
    /// Entries.
    pub(crate) entries: u64,
    /// Of what chain something is wrong: the repository, and what.
    pub(crate) faults: Vec<String>,
}

impl Read {
    /// The repositories.
    pub(crate) fn repositories(&self) -> BTreeSet<&str> {
        self.sources.iter().map(|source| source.repository.as_str()).collect()
    }
}

/// Number, family, repository, begin, and the hash of the entry before that.
type LedgerRow = (i64, Vec<u8>, String, i64, Option<Vec<u8>>);

/// Commitment, family, salt and name.
type NameRow = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What goes from the thread that reads to the one that asked.
enum Lot {
    Names(HashMap<Hash, Named>),
    Entries(Arc<Source>, Vec<Sealed>),
}

impl Store {
    /// Reads entries of one moment, one at a time: they need not fit into memory. Blocks, and uses another thread.
    pub(crate) fn read(
        address: &str,
        wanted: &Wanted,
        mut each: impl FnMut(&Source, Entry),
    ) -> Result<Read, StoreError> {
        thread::scope(|scope| {
            let (to, from) = sync_channel(LOTS);
            let reading = scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| StoreError::Unreachable {
                    store: "the store".to_owned(),
                    why: error.to_string(),
                })?;
                runtime.block_on(async {
                    let mut store = Self::connect(address).await?;
                    let read = store.read_to(wanted, &to).await;
                    store.close().await;
                    read
                })
            });
            let mut names = HashMap::new();
            let mut unread = None;
            for lot in from {
                let (source, entries) = match lot {
                    Lot::Names(all) => {
                        names = all;
                        continue;
                    }
                    Lot::Entries(source, entries) => (source, entries),
                };
                for sealed in entries {
                    let number = sealed.number;
                    let name_of = |commitment| {
                        names.get(&commitment).cloned().unwrap_or(Named { commitment, name: Name::Erased })
                    };
                    match sealed.open(name_of) {
                        Ok(entry) => each(&source, entry),
                        Err(why) => {
                            unread.get_or_insert_with(|| format!("entry {number} of {}: {why}", source.repository));
                        }
                    }
                }
            }
            let panicked =
                |_| StoreError::Unreadable { store: "the store".to_owned(), why: "reading ended".to_owned() };
            let mut read = reading.join().map_err(panicked)??;
            read.faults.extend(unread);
            Ok(read)
        })
    }

    async fn read_to(&mut self, wanted: &Wanted, to: &SyncSender<Lot>) -> Result<Read, StoreError> {
        let name = self.name.clone();
        let failed = |error| StoreError::of(&name, &error);
        let slow = |_| StoreError::Slow { store: name.clone(), seconds: PATIENCE.as_secs() };
        let unreadable = |why: &str| StoreError::Unreadable { store: name.clone(), why: why.to_owned() };
        let mut moment = self.connection.begin().await.map_err(failed)?;
        // The whole of it may take longer than a statement otherwise may; that nothing comes for so long is noticed below.
        for setting in ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SET LOCAL statement_timeout = 0"]
        {
            query(setting).execute(&mut *moment).await.map_err(failed)?;
        }
        let (repository, since) = match wanted {
            Wanted::All => (None, None),
            Wanted::Of { repository, since } => (Some(repository.as_str()), Some(*since)),
        };
        let rows: Vec<LedgerRow> = query_as(
            "SELECT l.id, l.family, l.repository, l.begins, (
                SELECT e.hash FROM countersign.entries AS e WHERE e.ledger = l.parent AND e.number = l.begins - 1
            ) FROM countersign.ledgers AS l WHERE $1::text IS NULL OR l.repository = $1 ORDER BY l.id",
        )
        .bind(repository)
        .fetch_all(&mut *moment)
        .await
        .map_err(failed)?;
        let hash = |bytes: &[u8]| bytes.try_into().map(Hash).map_err(|_| unreadable("a hash has not 32 bytes"));
        let mut families = HashMap::new();
        let mut sources: HashMap<i64, (Arc<Source>, Option<Anchor>)> = HashMap::new();
        let mut read = Read::default();
        for (id, family, repository, begins, before) in rows {
            families.insert(hash(&family)?, repository.clone());
            let number = u64::try_from(begins).unwrap_or_default().saturating_sub(1);
            let source = Arc::new(Source { id, repository, forked_after: number });
            let before = before.as_deref().map(hash).transpose()?.map(|hash| Anchor { number, hash });
            read.sources.push(Arc::clone(&source));
            sources.insert(id, (source, before));
        }
        let names: Vec<NameRow> = query_as("SELECT commitment, family, salt, name FROM countersign.names")
            .fetch_all(&mut *moment)
            .await
            .map_err(failed)?;
        let mut known = HashMap::new();
        for (commitment, family, salt, name) in names {
            let (commitment, family) = (hash(&commitment)?, hash(&family)?);
            let Some(repository) = families.get(&family) else { continue };
            let Some((salt, name)) = salt.zip(name) else { continue };
            let mut checked = Disclosed { commitment, salt, name }.named();
            if let (Wanted::All, Name::Known(name)) = (wanted, &mut checked.name) {
                *name = format!("{repository}: {name}");
            }
            known.insert(commitment, checked);
        }
        let _ = to.send(Lot::Names(known));
        let ids = read.sources.iter().map(|source| source.id.to_string()).collect::<Vec<_>>().join(", ");
        if ids.is_empty() {
            return Ok(read);
        }
        let (condition, order) = match since {
            None => (String::new(), "ledger, number"),
            Some(since) => (format!(" AND at >= {since}"), "at, ledger, number"),
        };
        let statement = format!(
            "COPY (SELECT ledger, number, at, kind, agent, person, file, body, previous, hash FROM countersign.entries
            WHERE ledger IN ({ids}){condition} ORDER BY {order}) TO STDOUT (FORMAT binary)"
        );
        let mut rows = moment.copy_out_raw(&statement).await.map_err(failed)?;
        let mut reader = Reader::default();
        let mut lots = Lots { to, wanted, sources: &sources, current: None, lot: Vec::new(), read: &mut read };
        while let Some(bytes) = timeout(PATIENCE, rows.try_next()).await.map_err(slow)?.map_err(failed)? {
            reader
                .push(&bytes, |fields| lots.add(fields))
                .map_err(|NoRows| unreadable("its rows are not what was asked for"))?;
        }
        lots.flush();
        if !reader.is_ended() {
            return Err(unreadable("it ended before its last row"));
        }
        Ok(read)
    }
}

/// Entries on their way, ledger by ledger.
struct Lots<'a> {
    to: &'a SyncSender<Lot>,
    wanted: &'a Wanted,
    sources: &'a HashMap<i64, (Arc<Source>, Option<Anchor>)>,
    /// The ledger, and its chain as far as it is right.
    current: Option<(Arc<Source>, Option<Chain>)>,
    lot: Vec<Sealed>,
    read: &'a mut Read,
}

impl Lots<'_> {
    fn add(&mut self, fields: &[Option<&[u8]>]) -> Result<(), NoRows> {
        let [ledger, number, at, kind, agent, person, file, body, previous, hash] = fields else { return Err(NoRows) };
        let integer =
            |field: Option<&[u8]>| field.and_then(|it| it.try_into().ok()).map(i64::from_be_bytes).ok_or(NoRows);
        // Whoever may write may have made up an entry, and that one is no reason to read none.
        let mut is_text = true;
        let mut text = |field: &[u8]| {
            let read = str::from_utf8(field);
            is_text &= read.is_ok();
            read.unwrap_or_default().to_owned()
        };
        let hash_of = |field: &[u8]| field.try_into().map(Hash).map_err(|_| NoRows);
        let ledger = integer(*ledger)?;
        if self.current.as_ref().is_none_or(|(source, _)| source.id != ledger) {
            self.flush();
            let (source, before) = self.sources.get(&ledger).ok_or(NoRows)?;
            let chain = (*self.wanted == Wanted::All).then(|| Chain::after(*before));
            self.current = Some((Arc::clone(source), chain));
        }
        let sealed = Sealed {
            number: u64::try_from(integer(*number)?).map_err(|_| NoRows)?,
            at: integer(*at)?,
            kind: text(kind.ok_or(NoRows)?),
            agent: agent.map(&mut text),
            person: person.map(hash_of).transpose()?,
            file: file.map(hash_of).transpose()?,
            body: text(body.ok_or(NoRows)?),
            previous: hash_of(previous.ok_or(NoRows)?)?,
            hash: hash_of(hash.ok_or(NoRows)?)?,
        };
        if let Some((source, chain)) = &mut self.current
            && let Some(Err(fault)) = chain.as_mut().map(|chain| chain.step(&sealed))
        {
            self.read.faults.push(format!("{}: {fault}", source.repository));
            // What comes after it cannot be told from what was put in.
            *chain = None;
        }
        self.read.entries += 1;
        if is_text {
            self.lot.push(sealed);
        }
        if self.lot.len() == LOT {
            self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) {
        let Some((source, _)) = &self.current else { return };
        if !self.lot.is_empty() {
            // Where nobody takes them any more, the error of whoever asked is told there.
            let _ = self.to.send(Lot::Entries(Arc::clone(source), std::mem::take(&mut self.lot)));
        }
    }
}
