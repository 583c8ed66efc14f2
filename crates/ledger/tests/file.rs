//! The file: who may read it, who writes at once, and files that are none.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_ledger::{Fault, Kind, Ledger, LedgerError, MAX_SCHEMA, NewEntry};
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

fn entry(body: serde_json::Value) -> NewEntry {
    NewEntry { at: 1, kind: Kind::Insertion, agent: None, person: Some("alice".to_owned()), file: None, body }
}

fn filled(path: &Path, count: usize) -> Ledger {
    let mut ledger = Ledger::open(path).expect("a ledger");
    let batch: Vec<_> = (0..count).map(|index| entry(json!({"index": index}))).collect();
    ledger.append(&batch).expect("appended");
    ledger
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/countersign/ledger.db");
    let _ledger = filled(&path, 3);
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(&path, suffix)), 0o600, "{suffix}");
    }
}

#[test]
fn many_write_at_once() {
    const WRITERS: usize = 6;
    const BATCHES: usize = 25;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    // All of them start the ledger, too.
    let numbers: Vec<u64> = thread::scope(|scope| {
        let write = |writer: usize| {
            let path = &path;
            move || {
                let mut numbers = Vec::new();
                for batch in 0..BATCHES {
                    // Some come and go, others stay: each close of a file must leave the others their locks.
                    let mut ledger = Ledger::open(path).expect("a ledger");
                    for half in 0..2 {
                        let name = Some(format!("{}", batch % 7));
                        let body = json!([writer, batch, half]);
                        let entries: Vec<_> =
                            (0..3).map(|_| NewEntry { file: name.clone(), ..entry(body.clone()) }).collect();
                        let appended = ledger.append(&entries).expect("appended");
                        assert!(appended.windows(2).all(|two| two[1] == two[0] + 1), "a batch is not interrupted");
                        numbers.extend(appended);
                    }
                }
                numbers
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(write(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("a writer")).collect()
    });
    let count = WRITERS * BATCHES * 6;
    assert_eq!(numbers.len(), count);
    assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), (1..=count as u64).collect());
    let found = Ledger::open(&path).expect("a ledger").verify(&[]).expect("verified");
    assert!(found.is_intact(), "{found}");
    assert_eq!(found.verified, count as u64);
}

#[test]
fn many_start_it_at_once() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| Ledger::open(&path).expect("a ledger"));
            }
        });
    }
}

#[test]
fn one_waits_for_another_and_not_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 1);
    ledger.set_patience(Duration::from_millis(50));
    let other = Connection::open(&path).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    assert!(matches!(ledger.append(&[entry(json!(1))]), Err(LedgerError::Busy { .. })));
    assert_eq!(ledger.head().expect("reading goes on").expect("a head").number, 1);
    other.execute_batch("COMMIT").expect("let go");
    assert_eq!(ledger.append(&[entry(json!(1))]).expect("appended"), [2]);
    // A reader keeps what is erased in the log, and that is said.
    other.execute_batch("BEGIN; SELECT count(*) FROM names").expect("a reader");
    let erased = ledger.erase("alice").expect("erased");
    assert!(erased.was_known && !erased.is_overwritten);
    other.execute_batch("COMMIT").expect("let go");
    let erased = ledger.erase("alice").expect("erased");
    assert!(!erased.was_known && erased.is_overwritten);
}

#[test]
fn a_newer_schema_is_left_alone_or_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    drop(filled(&path, 3));
    let newer = Connection::open(&path).expect("a connection");
    newer.pragma_update(None, "user_version", MAX_SCHEMA + 1).expect("a newer schema");
    drop(newer);
    let before = fs::read(&path).expect("a file");
    let error = Ledger::open(&path).expect_err("a newer schema");
    assert!(matches!(error, LedgerError::Newer { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("ledger.db") && message.contains("schema 2") && message.contains("move"), "{message}");
    assert_eq!(fs::read(&path).expect("a file"), before);
    let (ledger, set_aside) = Ledger::open_or_set_aside(&path).expect("a ledger");
    let set_aside = set_aside.expect("set aside");
    assert_eq!(set_aside.moved_to, beside(&path, ".set-aside-1"));
    assert!(matches!(set_aside.reason, LedgerError::Newer { .. }));
    assert_eq!(fs::read(&set_aside.moved_to).expect("a file"), before);
    assert_eq!(ledger.head().expect("read"), None);
    drop(ledger);
    let (_ledger, set_aside) = Ledger::open_or_set_aside(&path).expect("a ledger");
    assert!(set_aside.is_none());
}

#[test]
fn what_is_no_ledger_is_not_touched_and_can_be_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    fs::write(&text, "resource \"aws_s3_bucket\" \"logs\" {}\n".repeat(200)).expect("written");
    let foreign = folder.path().join("foreign");
    let connection = Connection::open(&foreign).expect("a connection");
    connection.execute_batch("CREATE TABLE entries (number)").expect("a table");
    drop(connection);
    for path in [text, foreign] {
        let before = fs::read(&path).expect("a file");
        let error = Ledger::open(&path).expect_err("no ledger");
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error:?}");
        assert_eq!(fs::read(&path).expect("a file"), before);
        for count in 1..3 {
            let (ledger, set_aside) = Ledger::open_or_set_aside(&path).expect("a ledger");
            assert_eq!(set_aside.expect("set aside").moved_to, beside(&path, &format!(".set-aside-{count}")));
            drop(ledger);
            fs::write(&path, &before).expect("written");
        }
        assert_eq!(fs::read(beside(&path, ".set-aside-1")).expect("a file"), before);
    }
    let error = Ledger::open(folder.path()).expect_err("a folder is no file").to_string();
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn many_set_the_same_file_aside_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    fs::write(&path, "no ledger, and longer than a header of a database is: ".repeat(9)).expect("written");
    let moved: Vec<_> = thread::scope(|scope| {
        let open = || {
            let (mut ledger, set_aside) = Ledger::open_or_set_aside(&path).expect("a ledger");
            ledger.append(&[entry(json!(1))]).expect("appended");
            set_aside
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("a thread")).collect()
    });
    assert_eq!(moved.len(), 1);
    assert_eq!(Ledger::open(&path).expect("a ledger").verify(&[]).expect("verified").verified, 6);
}

/// Whatever happens to the bytes of the file: an error or a fault, and never an entry that is wrong and taken for right.
#[test]
fn a_damaged_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let ledger = filled(&path, 2000);
    let anchor = ledger.head().expect("read").expect("a head");
    drop(ledger);
    let whole = fs::read(&path).expect("a file");
    let (mut at_open, mut at_verify, mut unharmed) = (0, 0, 0);
    for step in 0..60 {
        let mut bytes = whole.clone();
        let start = step * whole.len() / 60;
        let end = (start + 1500).min(whole.len());
        bytes[start..end].fill(if step % 2 == 0 { 0xff } else { 0 });
        fs::write(&path, &bytes).expect("written");
        match Ledger::open(&path) {
            Err(error) => {
                assert!(matches!(error, LedgerError::Damaged { .. } | LedgerError::NotALedger { .. }), "{error:?}");
                at_open += 1;
            }
            Ok(ledger) => match ledger.verify(&[anchor]) {
                Ok(found) if found.is_intact() => {
                    assert_eq!(found.verified, 2000);
                    unharmed += 1;
                }
                Ok(found) => {
                    assert!(
                        found.fault.as_ref().and_then(Fault::number).is_none_or(|number| number <= 2001),
                        "{found}"
                    );
                    at_verify += 1;
                }
                Err(error) => panic!("{error:?}"),
            },
        }
    }
    assert!(at_open > 0 && at_verify > 40, "{at_open} when opened, {at_verify} when verified, {unharmed} unharmed");
    // A file that lost its end.
    fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    let (_ledger, set_aside) = Ledger::open_or_set_aside(&path).expect("a ledger");
    assert!(matches!(set_aside.expect("set aside").reason, LedgerError::Damaged { .. }));
}

/// `cargo nextest run -p countersign-ledger --release --run-ignored only --no-capture`
#[test]
#[ignore = "a measurement"]
fn rate() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut ledger = Ledger::open(folder.path().join("ledger.db")).expect("a ledger");
    let batch: Vec<_> = (0..100)
        .map(|index| NewEntry {
            agent: Some("claude".to_owned()),
            file: Some(format!("modules/network/{index}.tf")),
            ..entry(json!({"digest": "00".repeat(32), "range": [index, index + 100], "lines": 12}))
        })
        .collect();
    let start = std::time::Instant::now();
    for _ in 0..200 {
        ledger.append(&batch).expect("appended");
    }
    let appended = start.elapsed();
    let start = std::time::Instant::now();
    assert!(ledger.verify(&[]).expect("verified").is_intact());
    let verified = start.elapsed();
    let start = std::time::Instant::now();
    for new in &batch {
        ledger.append(std::slice::from_ref(new)).expect("appended");
    }
    let single = start.elapsed();
    let rate = |count: f64, time: Duration| count / time.as_secs_f64();
    println!(
        "appended in batches of 100: {:.0} entries/s; one by one: {:.0}/s; verified: {:.0}/s",
        rate(20_000.0, appended),
        rate(100.0, single),
        rate(20_000.0, verified)
    );
    assert!(rate(20_000.0, appended) >= 2000.0, "{appended:?}");
}
