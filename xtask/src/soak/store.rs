//! `cargo xtask soak store`: eight that send to one store are killed at any moment, and nothing is lost or there twice.

use crate::sample::Random;
use anyhow::{Context, ensure};
use countersign_ledger::{Kind, Ledger, NewEntry};
use countersign_testkit::Postgres;
use serde_json::json;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Those that send at once.
const SENDERS: usize = 8;

/// Ledgers: each is sent by two at once.
const LEDGERS: usize = 4;

/// Entries that a ledger has more of whenever somebody has sent all of it.
const MORE: usize = 20_000;

/// The longest time between two kills, in milliseconds.
const LONGEST_PAUSE: u64 = 300;

/// Starts those that send, kills them `kills` times, lets each come to its end and looks at what is there.
pub(crate) fn run(kills: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "countersign"]).status()?;
    ensure!(built.success(), "countersign cannot be built");
    let program = crate::root().join("target/debug/countersign");
    let folder = crate::root().join(format!("target/soak/store-{}", std::process::id()));
    let roots: Vec<PathBuf> = (0..LEDGERS).map(|number| folder.join(format!("repository-{number}"))).collect();
    let mut expected = 0;
    for root in &roots {
        fs::create_dir_all(root.join(".git/countersign"))?;
        let made = Command::new("git").args(["init", "-q"]).current_dir(root).status()?;
        ensure!(made.success(), "git init");
        expected += record(root)?;
    }
    let store = Postgres::new();
    let address = store.address("owner");
    let set_up =
        Command::new(&program).args(["sync", "--store", &address, "--set-up"]).current_dir(&folder).output()?;
    ensure!(set_up.status.success(), "{}", String::from_utf8_lossy(&set_up.stderr));
    let start = |index: usize| -> anyhow::Result<Child> {
        let root = roots.get(index % LEDGERS).context("a repository")?;
        let mut sender = Command::new(&program);
        sender.args(["sync", "--store", &address]).current_dir(root).stdout(Stdio::null());
        Ok(sender.spawn()?)
    };
    let mut senders = (0..SENDERS).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let mut random = Random(u64::from(std::process::id()));
    let (mut killed, mut ended) = (0, 0);
    while killed < kills {
        thread::sleep(Duration::from_millis(random.next() % LONGEST_PAUSE));
        let index = usize::try_from(random.next() % SENDERS as u64)?;
        let sender = senders.get_mut(index).context("a sender")?;
        if let Some(status) = sender.try_wait()? {
            ensure!(status.success(), "a sender failed: {status}");
            ended += 1;
            expected += record(roots.get(index % LEDGERS).context("a repository")?)?;
        } else {
            sender.kill()?;
            sender.wait()?;
            killed += 1;
        }
        *sender = start(index)?;
    }
    for sender in &mut senders {
        ensure!(sender.wait()?.success(), "a sender failed");
    }
    // Each once more: the last of a pair may have begun before the other one was killed.
    for index in 0..LEDGERS {
        ensure!(start(index)?.wait()?.success(), "a sender failed");
    }
    let found = store.says("SELECT count(*), count(DISTINCT hash), count(DISTINCT ledger) FROM countersign.entries");
    ensure!(
        found == format!("{expected}|{expected}|{LEDGERS}"),
        "{expected} entries were recorded, and there are {found}"
    );
    let report = Command::new(&program).args(["report", "--store", &address]).current_dir(&folder).output()?;
    ensure!(report.status.success(), "the chains do not verify: {}", String::from_utf8_lossy(&report.stdout));
    fs::remove_dir_all(&folder)?;
    writeln!(
        std::io::stdout(),
        "{killed} times one of {SENDERS} senders was killed, in {:.0} s; {ended} came to their end in between; {expected} entries recorded, as many there, \
         none twice, the chains of {LEDGERS} ledgers verify",
        begun.elapsed().as_secs_f64(),
    )?;
    Ok(())
}

/// Adds entries to a ledger.
fn record(root: &Path) -> anyhow::Result<usize> {
    let at = jiff::Timestamp::now().as_millisecond();
    let entry = |number: usize| NewEntry {
        at,
        kind: Kind::Insertion,
        agent: Some("claude".to_owned()),
        person: None,
        file: Some(format!("file {}", number % 100)),
        body: json!({ "bytes": number }),
    };
    let entries: Vec<NewEntry> = (0..MORE).map(entry).collect();
    Ledger::open(root.join(".git/countersign/ledger.sqlite"))?.append(&entries)?;
    Ok(MORE)
}
