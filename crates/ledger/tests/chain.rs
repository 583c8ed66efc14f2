//! The ledger against a plain list, and against whoever changes the file behind its back.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]

use countersign_ledger::{
    Anchor, Entry, Fault, Filter, Hash, Kind, Ledger, Name, Names, NewEntry, Verification, verify_export,
};
use proptest::prelude::*;
use rusqlite::types::Value as Column;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const COLUMNS: [&str; 9] = ["number", "at", "kind", "agent", "person", "file", "body", "previous", "hash"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just("alice".to_owned()), Just("main.tf".to_owned()), "[a-zA-Zé \"\\\\\n\0]{0,8}"]
}

fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Insertion), Just(Kind::Verdict), Just(Kind::Other("of tomorrow".to_owned()))]
}

prop_compose! {
    fn new_entry()(
        at in any::<i64>(),
        kind in kind(),
        agent in prop::option::of(text()),
        person in prop::option::of(text()),
        file in prop::option::of(text()),
        body in body(),
    ) -> NewEntry {
        NewEntry { at, kind, agent, person, file, body }
    }
}

fn batches(entries: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<NewEntry>>> {
    prop::collection::vec(prop::collection::vec(new_entry(), entries), 1..5)
}

fn simple(at: i64) -> NewEntry {
    NewEntry {
        at,
        kind: Kind::Insertion,
        agent: Some("claude".to_owned()),
        person: Some("alice".to_owned()),
        file: Some(format!("{}.tf", at % 3)),
        body: json!({"bytes": at, "digest": "00ff"}),
    }
}

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/ledger.db");
        Self { _folder: folder, path }
    }

    fn with(count: i64) -> (Self, Ledger) {
        let place = Self::new();
        let mut ledger = Ledger::open(&place.path).expect("a ledger");
        let entries: Vec<_> = (1..=count).map(simple).collect();
        ledger.append(&entries).expect("appended");
        (place, ledger)
    }

    /// A connection that nothing stops.
    fn forger(&self) -> Connection {
        let forger = Connection::open(&self.path).expect("a connection");
        let names: Vec<String> = forger
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
            .expect("triggers");
        assert_eq!(names.len(), 4);
        for name in names {
            forger.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped");
        }
        forger.execute_batch("PRAGMA ignore_check_constraints = ON").expect("unchecked");
        forger
    }
}

fn read(ledger: &Ledger, filter: &Filter) -> Vec<Entry> {
    let mut entries = Vec::new();
    let each = |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    };
    ledger.entries(filter, each).expect("entries");
    entries
}

fn all(ledger: &Ledger) -> Vec<Entry> {
    read(ledger, &Filter::default())
}

fn as_appended(entry: Entry) -> NewEntry {
    let name = |named: countersign_ledger::Named| match named.name {
        Name::Known(name) => name,
        other => panic!("{other:?}"),
    };
    let Entry { at, kind, agent, person, file, body, .. } = entry;
    NewEntry { at, kind, agent, person: person.map(name), file: file.map(name), body }
}

fn verify(path: &Path, anchors: &[Anchor]) -> Verification {
    Ledger::open(path).expect("a ledger").verify(anchors).expect("verified")
}

fn exported(ledger: &Ledger, names: Names) -> Vec<u8> {
    let mut out = Vec::new();
    ledger.export(&mut out, names).expect("exported");
    out
}

/// Another value of the same type, or of none where there was one, that differs in one byte.
fn changed(value: Column, at: usize, bit: u8) -> Column {
    let flip = |bytes: &mut [u8]| {
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
    };
    match value {
        Column::Null => Column::Blob(Vec::new()),
        Column::Integer(number) => Column::Integer(number ^ (1 << (at % 62))),
        Column::Blob(mut bytes) if !bytes.is_empty() => {
            flip(&mut bytes);
            Column::Blob(bytes)
        }
        Column::Text(text) if !text.is_empty() => {
            let mut bytes = text.into_bytes();
            // Stays ASCII, so that it stays a text.
            let at = at % bytes.len();
            if bytes[at].is_ascii() {
                bytes[at] ^= 1 << (bit % 7);
            } else {
                return Column::Null;
            }
            Column::Text(String::from_utf8(bytes).expect("still a text"))
        }
        Column::Blob(_) | Column::Text(_) | Column::Real(_) => Column::Null,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_list(batches in batches(0..6), reopen in prop::collection::vec(any::<bool>(), 5)) {
        let place = Place::new();
        let mut model: Vec<NewEntry> = Vec::new();
        let mut ledger = Ledger::open(&place.path).expect("a ledger");
        let mut anchors = Vec::new();
        for (batch, reopen) in batches.iter().zip(reopen) {
            let numbers = ledger.append(batch).expect("appended");
            let first = model.len() as u64 + 1;
            prop_assert_eq!(numbers, (first..first + batch.len() as u64).collect::<Vec<_>>());
            model.extend_from_slice(batch);
            anchors.extend(ledger.head().expect("a head"));
            if reopen {
                ledger = Ledger::open(&place.path).expect("a ledger");
            }
        }
        let entries = all(&ledger);
        prop_assert!(entries.windows(2).all(|two| two[1].previous == two[0].hash));
        prop_assert_eq!(entries.into_iter().map(as_appended).collect::<Vec<_>>(), model.clone());
        let found = ledger.verify(&anchors).expect("verified");
        prop_assert!(found.is_intact(), "{}", found);
        prop_assert_eq!(found.verified, model.len() as u64);
        prop_assert_eq!(found.head, anchors.last().copied());
        prop_assert_eq!(found.unprotected(), 0);
        for names in [Names::Disclosed, Names::Withheld] {
            prop_assert_eq!(&verify_export(exported(&ledger, names).as_slice(), &anchors).expect("an export"), &found);
        }
    }

    #[test]
    fn a_changed_column_is_found(
        batches in batches(1..6),
        row in any::<prop::sample::Index>(),
        column in 0..COLUMNS.len(),
        at in any::<u16>(),
        bit in 0u8..8,
    ) {
        let place = Place::new();
        let mut ledger = Ledger::open(&place.path).expect("a ledger");
        for batch in &batches {
            ledger.append(batch).expect("appended");
        }
        let count = batches.iter().flatten().count();
        let (number, column) = (row.index(count).cast_signed() as i64 + 1, COLUMNS[column]);
        let forger = place.forger();
        let select = format!("SELECT {column} FROM entries WHERE number = ?");
        let value: Column = forger.query_row(&select, [number], |row| row.get(0)).expect("a value");
        let update = format!("UPDATE entries SET {column} = ? WHERE number = ?");
        let done = forger.execute(&update, params![changed(value, at.into(), bit), number]);
        // The file refuses some values whoever writes them: a number that is there, another type.
        prop_assume!(done.is_ok());
        let found = ledger.verify(&[]).expect("verified");
        let place = found.fault.as_ref().and_then(Fault::number).expect("an entry");
        prop_assert!(place == number.cast_unsigned() || column == "number" && place < number.cast_unsigned(), "{} for {}", found, number);
    }

    #[test]
    fn a_changed_name_is_found(
        batches in batches(1..6),
        row in any::<prop::sample::Index>(),
        column in 0..3usize,
        at in any::<u16>(),
        bit in 0u8..8,
    ) {
        let place = Place::new();
        let mut ledger = Ledger::open(&place.path).expect("a ledger");
        for batch in &batches {
            ledger.append(batch).expect("appended");
        }
        let forger = place.forger();
        let count: usize = forger.query_row("SELECT count(*) FROM names", [], |row| row.get(0)).expect("a count");
        prop_assume!(count > 0);
        let (row, column) = (row.index(count), ["commitment", "salt", "name"][column]);
        let (commitment, value): (Vec<u8>, Column) = forger
            .query_row(&format!("SELECT commitment, {column} FROM names LIMIT 1 OFFSET {row}"), [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .expect("a name");
        let update = format!("UPDATE names SET {column} = ? WHERE commitment = ?");
        prop_assume!(forger.execute(&update, params![changed(value, at.into(), bit), commitment]).is_ok());
        let found = ledger.verify(&[]).expect("verified");
        prop_assert!(matches!(found.fault, Some(Fault::FalseName { .. })), "{}", found);
        let export = exported(&ledger, Names::Disclosed);
        if column != "commitment" {
            let found = verify_export(export.as_slice(), &[]).expect("an export");
            prop_assert!(matches!(found.fault, Some(Fault::FalseName { .. })), "{}", found);
        }
    }

    #[test]
    fn a_changed_export_is_found(row in 1usize..12, at in any::<u16>(), bit in 0u8..7) {
        let (_place, ledger) = Place::with(12);
        let export = exported(&ledger, Names::Disclosed);
        let mut lines: Vec<Vec<u8>> = export.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let at = usize::from(at) % (lines[row].len() - 1);
        lines[row][at] ^= 1 << bit;
        match verify_export(lines.concat().as_slice(), &[]) {
            Ok(found) => prop_assert!(!found.is_intact(), "{}", found),
            Err(error) => prop_assert!(error.to_string().contains(&format!("line {}", row + 1)), "{}", error),
        }
    }

    #[test]
    fn a_deleted_entry_is_found(number in 1i64..=9, renumbered in any::<bool>()) {
        let (place, ledger) = Place::with(10);
        let forger = place.forger();
        forger.execute("DELETE FROM entries WHERE number = ?", [number]).expect("deleted");
        if renumbered {
            forger.execute("UPDATE entries SET number = number - 1 WHERE number > ?", [number]).expect("renumbered");
        }
        let number = number.cast_unsigned();
        let found = ledger.verify(&[]).expect("verified");
        prop_assert_eq!(found.fault, Some(Fault::Removed { first: number, last: number }));
        prop_assert_eq!(found.verified, number - 1);
        let found = verify_export(exported(&ledger, Names::Withheld).as_slice(), &[]).expect("an export");
        prop_assert_eq!(found.fault.as_ref().and_then(Fault::number), Some(number));
    }

    #[test]
    fn swapped_entries_are_found(one in 1i64..=10, other in 1i64..=10) {
        prop_assume!(one < other);
        let (place, ledger) = Place::with(10);
        let forger = place.forger();
        for (from, to) in [(one, 99), (other, one), (99, other)] {
            forger.execute("UPDATE entries SET number = ? WHERE number = ?", [to, from]).expect("moved");
        }
        let found = ledger.verify(&[]).expect("verified");
        prop_assert_eq!(found.fault, Some(Fault::Reordered { number: one.cast_unsigned(), was: other.cast_unsigned() }));
        let found = verify_export(exported(&ledger, Names::Withheld).as_slice(), &[]).expect("an export");
        prop_assert_eq!(found.fault, Some(Fault::Changed { number: one.cast_unsigned() }));
    }
}

/// The hash as the documentation of the crate describes it, written down a second time.
fn forged_hash(number: i64, at: i64, body: &str, previous: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    let text = |text: &[u8]| [&(text.len() as u64).to_be_bytes(), text].concat();
    let parts = [
        b"countersign ledger 1".to_vec(),
        previous.to_vec(),
        at.to_be_bytes().to_vec(),
        text(b"insertion"),
        vec![0, 0, 0],
        text(body.as_bytes()),
        number.to_be_bytes().to_vec(),
    ];
    sha2::Sha256::digest(parts.concat()).into()
}

fn forge(forger: &Connection, number: i64) -> [u8; 32] {
    let previous: Vec<u8> = forger
        .query_row("SELECT hash FROM entries WHERE number = ?", [number - 1], |row| row.get(0))
        .expect("the one before");
    let hash = forged_hash(number, 7, "{}", &previous);
    forger
        .execute(
            "REPLACE INTO entries VALUES (?, 7, 'insertion', NULL, NULL, NULL, '{}', ?, ?)",
            params![number, previous, hash],
        )
        .expect("forged");
    hash
}

#[test]
fn an_inserted_entry_is_found() {
    let (place, _ledger) = Place::with(10);
    let forger = place.forger();
    forger.execute_batch("UPDATE entries SET number = -number - 1 WHERE number >= 6; UPDATE entries SET number = -number WHERE number < 0").expect("renumbered");
    forge(&forger, 6);
    assert_eq!(verify(&place.path, &[]).fault, Some(Fault::Inserted { first: 6, last: 6 }));
    // A copy of an entry at the end.
    let (place, ledger) = Place::with(10);
    let fault = || ledger.verify(&[]).expect("verified").fault;
    let forger = place.forger();
    forger
        .execute_batch("INSERT INTO entries SELECT 11, at, kind, agent, person, file, body, previous, hash FROM entries WHERE number = 4")
        .expect("copied");
    assert_eq!(fault(), Some(Fault::Inserted { first: 11, last: 11 }));
    // One before the first.
    forger.execute_batch("UPDATE entries SET number = -1 WHERE number = 11").expect("moved");
    assert_eq!(fault(), Some(Fault::Inserted { first: 0, last: 0 }));
}

#[test]
fn a_replaced_entry_is_found_and_a_rewritten_end_where_it_is_anchored() {
    let (place, mut ledger) = Place::with(10);
    let anchor = ledger.head().expect("read").expect("a head");
    ledger.append(&[simple(11), simple(12)]).expect("appended");
    let newer = ledger.head().expect("read").expect("a head");
    let forger = place.forger();
    forge(&forger, 12);
    let found = ledger.verify(&[anchor]).expect("verified");
    assert!(found.is_intact(), "nothing can tell: {found}");
    assert_eq!((found.anchored, found.unprotected()), (Some(10), 2));
    let found = ledger.verify(&[newer, anchor]).expect("verified");
    assert_eq!(found.fault, Some(Fault::Rewritten { first: 11, last: 12 }));
    assert_eq!(found.verified, 10);
    forge(&forger, 6);
    assert_eq!(ledger.verify(&[anchor]).expect("verified").fault, Some(Fault::Replaced { number: 6 }));
    for number in 7..=12 {
        forge(&forger, number);
    }
    assert!(ledger.verify(&[]).expect("verified").is_intact());
    let found = ledger.verify(&[anchor]).expect("verified");
    assert_eq!(found.fault, Some(Fault::Rewritten { first: 1, last: 10 }));
    let export = exported(&ledger, Names::Disclosed);
    assert_eq!(verify_export(export.as_slice(), &[anchor]).expect("an export"), found);
}

#[test]
fn an_end_that_was_cut_off_is_found_by_an_anchor_alone() {
    let (place, ledger) = Place::with(10);
    let anchor = ledger.head().expect("read").expect("a head");
    let export = exported(&ledger, Names::Disclosed);
    place.forger().execute_batch("DELETE FROM entries WHERE number > 8").expect("deleted");
    let found = ledger.verify(&[]).expect("verified");
    assert!(found.is_intact());
    assert_eq!((found.verified, found.unprotected()), (8, 8));
    assert!(found.to_string().contains("no anchor"), "{found}");
    let found = ledger.verify(&[anchor]).expect("verified");
    assert_eq!(found.fault, Some(Fault::Truncated { newest: 8, expected: 10 }));
    assert_eq!(found.verified, 8);
    // An export that broke off says so by itself.
    let cut = export.iter().rposition(|byte| *byte == b'\n').expect("lines");
    let cut = export[..cut].iter().rposition(|byte| *byte == b'\n').expect("lines");
    let found = verify_export(&export[..=cut], &[]).expect("an export");
    assert_eq!(found.fault, Some(Fault::Truncated { newest: 9, expected: 10 }));
    let empty = Place::new();
    let anchors = [Anchor { number: 3, hash: Hash([1; 32]) }];
    assert_eq!(verify(&empty.path, &anchors).fault, Some(Fault::Truncated { newest: 0, expected: 3 }));
}

#[test]
fn the_file_refuses_other_changes() {
    let (place, ledger) = Place::with(3);
    let connection = Connection::open(&place.path).expect("a connection");
    for statement in [
        "UPDATE entries SET at = 0 WHERE number = 2",
        "DELETE FROM entries WHERE number = 3",
        "DELETE FROM entries",
        "REPLACE INTO entries SELECT * FROM entries WHERE number = 2",
        "INSERT INTO entries SELECT 9, at, kind, agent, person, file, body, previous, hash FROM entries WHERE number = 2",
        "INSERT INTO entries SELECT 4, at, kind, agent, person, file, body, previous, hash FROM entries WHERE number = 2",
        "UPDATE names SET name = 'mallory'",
    ] {
        let refused = connection.execute_batch(statement).expect_err(statement).to_string();
        assert!(refused.contains("of the ledger") || refused.contains("in the ledger"), "{statement}: {refused}");
    }
    assert!(ledger.verify(&[]).expect("verified").is_intact());
    // Dropped triggers come back.
    drop(place.forger());
    drop(Ledger::open(&place.path).expect("a ledger"));
    drop(place.forger());
}

#[test]
fn a_name_is_forgotten_and_the_chain_holds() {
    let place = Place::new();
    let mut ledger = Ledger::open(&place.path).expect("a ledger");
    let entries: Vec<_> = (0..500)
        .map(|at| NewEntry { person: Some(format!("person-{}-who-is-known", at % 50)), ..simple(at) })
        .collect();
    ledger.append(&entries).expect("appended");
    let before = all(&ledger);
    let name = "person-7-who-is-known";
    let erased = ledger.erase(name).expect("erased");
    assert!(erased.was_known && erased.is_overwritten);
    assert!(!ledger.erase(name).expect("nothing to erase").was_known);
    ledger.append(&entries[7..8]).expect("appended");
    ledger.erase(name).expect("erased again");
    assert!(ledger.verify(&[]).expect("verified").is_intact());
    let after = all(&ledger);
    assert_eq!((before[7].hash, after[7].hash), (after[7].hash, before[7].hash));
    let person = after[7].person.clone().expect("a person");
    assert_eq!(person.name, Name::Erased);
    assert!(person.to_string().contains("erased"));
    assert_eq!(Some(person.commitment), before[57].person.as_ref().map(|person| person.commitment));
    assert_ne!(Some(person.commitment), after[500].person.as_ref().map(|person| person.commitment));
    assert_eq!(after[8].person, before[8].person);
    let export = exported(&ledger, Names::Disclosed);
    assert!(verify_export(export.as_slice(), &[]).expect("an export").is_intact());
    for suffix in ["", "-wal"] {
        let mut file = place.path.clone().into_os_string();
        file.push(suffix);
        let bytes = std::fs::read(file).expect("a file");
        let holds = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(!holds(name));
        assert_eq!(holds("person-8-who-is-known"), suffix.is_empty());
    }
    let withheld = String::from_utf8(exported(&ledger, Names::Withheld)).expect("a text");
    assert!(!withheld.contains("who-is-known"));
}

#[test]
fn entries_are_filtered() {
    let place = Place::new();
    let mut ledger = Ledger::open(&place.path).expect("a ledger");
    let entries: Vec<_> = (1..=20)
        .map(|at| NewEntry {
            kind: if at % 2 == 0 { Kind::Tag } else { Kind::Finding },
            agent: (at % 5 == 0).then(|| "cursor".to_owned()),
            ..simple(at)
        })
        .collect();
    ledger.append(&entries).expect("appended");
    let numbers = |filter: Filter| read(&ledger, &filter).iter().map(|entry| entry.number).collect::<Vec<_>>();
    assert_eq!(numbers(Filter { since: Some(3), until: Some(6), ..Filter::default() }), [3, 4, 5]);
    assert_eq!(
        numbers(Filter { agent: Some("cursor".to_owned()), kind: Some(Kind::Tag), ..Filter::default() }),
        [10, 20]
    );
    assert_eq!(numbers(Filter { limit: Some(2), newest_first: true, ..Filter::default() }), [20, 19]);
    assert!(numbers(Filter { limit: Some(0), ..Filter::default() }).is_empty());
    let mut seen = 0;
    let each = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    ledger.entries(&Filter::default(), each).expect("entries");
    assert_eq!(seen, 1);
}

#[test]
fn what_is_over_a_limit_leaves_its_batch_out() {
    let (_place, mut ledger) = Place::with(1);
    let deep = (0..101).fold(json!(1), |inner, _| json!([inner]));
    let long = "x".repeat((1 << 20) + 1);
    for bad in [
        NewEntry { body: deep, ..simple(2) },
        NewEntry { body: json!(long), ..simple(2) },
        NewEntry { file: Some(long.clone()), ..simple(2) },
        NewEntry { kind: Kind::Other(long.clone()), ..simple(2) },
    ] {
        let refused = ledger.append(&[simple(2), bad]).expect_err("too large").to_string();
        assert!(refused.starts_with("entry 2 of the batch"), "{refused}");
    }
    let text = || Some("\u{1}".repeat(countersign_ledger::MAX_TEXT_BYTES));
    let body = json!("x".repeat(countersign_ledger::MAX_BODY_BYTES - 2));
    let kind = Kind::Other(text().expect("a text"));
    let largest = NewEntry { at: 3, kind, agent: text(), person: text(), file: text(), body };
    ledger.append(&[largest]).expect("as large as can be");
    let export = exported(&ledger, Names::Disclosed);
    assert!(verify_export(export.as_slice(), &[]).expect("an export").is_intact());
    assert_eq!(all(&ledger).len(), 2);
}
