//! `cargo xtask soak ledger`: writers of one ledger are killed at any moment, and nothing that was acknowledged is lost.

use crate::sample::Random;
use anyhow::{Context, bail, ensure};
use countersign_ledger::{Anchor, Filter, Kind, Ledger, NewEntry};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

/// Processes that write at once.
const WRITERS: usize = 4;

/// Entries of the largest batch. What is acknowledged of it fits into one write to a pipe, so no line is cut in two.
const LARGEST_BATCH: u64 = 20;

/// The longest time between two kills, in milliseconds. Short enough that many hit a writer that is still opening the ledger.
const LONGEST_PAUSE: u64 = 60;

/// One kill of so many hits all writers at once, so that none is left that could repair what the others leave behind.
const ALL_AT_ONCE: u64 = 8;

/// Kills after which the chain is verified while others write, and its head taken as an anchor.
const BETWEEN_ANCHORS: usize = 25;

/// The argument by which the program knows that it is to write. It is not for people.
pub(crate) const WRITER: &str = "soak-ledger-writer";

/// What writers said: number of the entry, and the token in it.
type Acknowledged = Arc<Mutex<Vec<(u64, u64)>>>;

/// Appends until it is killed, or until nobody listens any more. Tokens are unique: `writer` in their upper half, which no other process has.
pub(crate) fn write(path: &str, writer: &str) -> anyhow::Result<()> {
    let Err(error) = append(path, writer.parse()?);
    // Where it is heard even if the kill comes before the process has ended.
    writeln!(std::io::stdout(), "{error:#}")?;
    Err(error)
}

fn append(path: &str, writer: u64) -> anyhow::Result<Infallible> {
    let mut random = Random(writer);
    let mut ledger = Ledger::open(path)?;
    let mut out = std::io::stdout().lock();
    let mut token = writer << 32;
    loop {
        let first = token;
        let count = random.next() % LARGEST_BATCH + 1;
        let batch: Vec<NewEntry> = (0..count)
            .map(|index| NewEntry {
                at: 0,
                kind: Kind::Insertion,
                agent: Some(format!("writer {writer}")),
                person: Some(format!("person {}", random.next() % 50)),
                file: Some(format!("file {}", random.next() % 500)),
                body: json!({"token": first + index, "first": first, "count": count}),
            })
            .collect();
        token += count;
        let numbers = ledger.append(&batch)?;
        let mut said = String::new();
        for (number, token) in numbers.iter().zip(first..token) {
            writeln!(said, "{number} {token}")?;
        }
        out.write_all(said.as_bytes())?;
        out.flush()?;
    }
}

/// Starts writers, kills them `kills` times, and looks at what is left.
pub(crate) fn run(kills: usize) -> anyhow::Result<()> {
    let folder = crate::root().join("target/soak");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("ledger-{}.db", std::process::id()));
    let result = soak(&path, kills);
    if result.is_ok() {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            // Most of them are gone already.
            let _ = fs::remove_file(file);
        }
    }
    result.with_context(|| format!("the ledger was left at {}", path.display()))
}

fn soak(path: &Path, kills: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    let acknowledged = Acknowledged::default();
    let mut crew = Crew { path: path.to_owned(), acknowledged: Arc::clone(&acknowledged), started: 0 };
    let mut writers = (0..WRITERS).map(|_| crew.start()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut random = Random(u64::from(std::process::id()));
    let mut pick = move |below: u64| random.next() % below;
    let mut anchors: Vec<Anchor> = Vec::new();
    let (mut killed, mut all_at_once, mut next_anchor) = (0, 0, BETWEEN_ANCHORS);
    let mut silent = 0;
    while killed < kills {
        thread::sleep(Duration::from_millis(pick(LONGEST_PAUSE)));
        let victims: Vec<Writer> = if pick(ALL_AT_ONCE) == 0 {
            all_at_once += 1;
            std::mem::take(&mut writers)
        } else {
            let at = usize::try_from(pick(WRITERS as u64))?;
            vec![writers.swap_remove(at)]
        };
        killed += victims.len();
        silent += Writer::kill(victims)?;
        while writers.len() < WRITERS {
            writers.push(crew.start()?);
        }
        if killed >= next_anchor {
            next_anchor = killed + BETWEEN_ANCHORS;
            let ledger = Ledger::open(path)?;
            let found = ledger.verify(&anchors)?;
            ensure!(found.is_intact(), "after {killed} kills: {found}");
            anchors.extend(found.head);
        }
    }
    Writer::kill(writers)?;
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    let left = Left::check(path, &anchors, &acknowledged)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{killed} writers killed in {:.0} s ({all_at_once} times all {WRITERS} at once, {silent} before they had written); \
         {} entries acknowledged, {} lost; {} entries in the ledger, {} of them committed and never acknowledged; \
         {} batches, none in part; chain intact with {} anchors",
        start.elapsed().as_secs_f64(),
        acknowledged.len(),
        left.lost,
        left.entries,
        left.entries - (acknowledged.len() as u64 - left.lost),
        left.batches,
        anchors.len(),
    )?;
    ensure!(left.lost == 0, "acknowledged entries were lost");
    Ok(())
}

/// Starts writers, each with a number of its own.
struct Crew {
    path: PathBuf,
    acknowledged: Acknowledged,
    started: u64,
}

impl Crew {
    fn start(&mut self) -> anyhow::Result<Writer> {
        self.started += 1;
        let mut child = Command::new(env::current_exe()?)
            .arg(WRITER)
            .arg(&self.path)
            .arg(self.started.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("a writer")?;
        let said = BufReader::new(child.stdout.take().context("a pipe")?);
        let acknowledged = Arc::clone(&self.acknowledged);
        let reader = thread::spawn(move || {
            let mut count = 0;
            for line in said.lines() {
                let line = line?;
                let pair = line.split_once(' ').and_then(|(number, token)| number.parse().ok().zip(token.parse().ok()));
                let Some(pair) = pair else { bail!("a writer gave up: {line}") };
                acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(pair);
                count += 1;
            }
            Ok(count)
        });
        Ok(Writer { child, reader })
    }
}

/// A running process, and the thread that hears it.
struct Writer {
    child: Child,
    reader: JoinHandle<anyhow::Result<usize>>,
}

impl Writer {
    /// Kills all of these before it waits for any, and says how many had not acknowledged anything.
    fn kill(mut writers: Vec<Self>) -> anyhow::Result<usize> {
        for writer in &mut writers {
            writer.child.kill()?;
        }
        let mut silent = 0;
        for mut writer in writers {
            let status = writer.child.wait()?;
            let Ok(count) = writer.reader.join() else { bail!("the reader of a writer panicked") };
            silent += usize::from(count? == 0);
            ensure!(was_killed(status), "a writer ended by itself: {status}");
        }
        Ok(silent)
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGKILL)
}

#[cfg(not(unix))]
fn was_killed(status: ExitStatus) -> bool {
    !status.success()
}

/// What is in the ledger at the end.
struct Left {
    entries: u64,
    batches: usize,
    lost: u64,
}

impl Left {
    fn check(path: &Path, anchors: &[Anchor], acknowledged: &[(u64, u64)]) -> anyhow::Result<Self> {
        let ledger = Ledger::open(path)?;
        let found = ledger.verify(anchors)?;
        ensure!(found.is_intact(), "{found}");
        let mut tokens: HashMap<u64, u64> = HashMap::new();
        // For each batch how many of it were found, and how many there must be.
        let mut batches: HashMap<u64, (u64, u64)> = HashMap::new();
        let mut twice = 0;
        ledger.entries(&Filter::default(), |entry| {
            let field = |name: &str| entry.body.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX);
            twice += u64::from(tokens.insert(field("token"), entry.number).is_some());
            let batch = batches.entry(field("first")).or_insert((0, field("count")));
            batch.0 += 1;
            ControlFlow::Continue(())
        })?;
        ensure!(twice == 0, "{twice} entries are there twice");
        let in_part = batches.values().filter(|(found, count)| found != count).count();
        ensure!(in_part == 0, "{in_part} batches are there in part");
        let is_lost = |(number, token): &&(u64, u64)| tokens.get(token) != Some(number);
        let lost = acknowledged.iter().filter(is_lost).count() as u64;
        Ok(Self { entries: found.verified, batches: batches.len(), lost })
    }
}
