//! What others recorded: any text is read without a panic, and what is written reads as it was.

use countersign_provenance::agent_trace::{
    Contributor, ContributorKind, Conversation, Related, Revision, Tool, Trace, TraceFile, TraceRange, Traces,
    content_hash,
};
use countersign_provenance::git_ai::{AgentId, Entry, FileEntry, Key, LineRange, Note, Record};
use countersign_provenance::trailers::trailers;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}",
        "[ab \"/.\t-]{0,5}",
        Just("---".to_owned()),
        Just("/a".to_owned()),
        Just("a\nb".to_owned()),
        any::<String>(),
    ]
}

/// Few keys, so that some stand twice; and ranges that are none.
fn range() -> impl Strategy<Value = LineRange> {
    let number = prop_oneof![0u32..30, 0u32..30, 0u32..30, Just(u32::MAX - 1), Just(u32::MAX)];
    (number, 0u32..9).prop_map(|(first, length)| LineRange { first, last: first.saturating_add(length) })
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        "[01]{1,2}".prop_map(|id| Key::session("a", &id, &id)),
        "[ab]".prop_map(|author| Key::human(&author)),
        prop_oneof![
            Just("abcdef0"),
            Just("s_1"),
            Just("h_1"),
            Just("s_1::t_1"),
            Just("human"),
            Just("0123456789abcdef")
        ]
        .prop_map(Key::read),
        any::<String>().prop_map(Key::Other),
        any::<String>().prop_map(Key::Human),
        any::<(String, Option<String>)>().prop_map(|(session, trace)| Key::Session { session, trace }),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::from), fields(inner).prop_map(Value::from)]
    })
}

fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let field = prop_oneof![
        "[a-c]",
        Just("messages".to_owned()),
        Just("messages_url".to_owned()),
        Just("total_additions".to_owned()),
        Just("prompts".to_owned()),
        Just("agent_id".to_owned()),
        Just("confidence".to_owned()),
        any::<String>(),
    ];
    btree_map(field, value, 0..3).prop_map(|fields| fields.into_iter().collect())
}

fn record() -> impl Strategy<Value = Record> {
    let agent = ("[ab]?", any::<String>(), "[cd]?").prop_map(|(tool, id, model)| AgentId { tool, id, model });
    (agent, option::of("[a ]?"), fields(json()), fields(json())).prop_map(
        |(agent, human_author, custom_attributes, more)| Record { agent, human_author, custom_attributes, more },
    )
}

prop_compose! {
    fn entry()(key in key(), ranges in vec(range(), 0..6)) -> Entry {
        Entry { key, ranges }
    }
}

prop_compose! {
    fn file_entry()(path in path(), entries in vec(entry(), 0..5)) -> FileEntry {
        FileEntry { path, entries }
    }
}

prop_compose! {
    fn note()(
        files in vec(file_entry(), 0..5),
        base_commit in option::of("[a-f0-9]{0,2}"),
        git_ai_version in option::of("[0-9.]{0,3}"),
        sessions in btree_map(key().prop_map(|key| key.to_string()), record(), 0..3),
        prompts in btree_map(key().prop_map(|key| key.to_string()), record(), 0..3),
        humans in btree_map(key().prop_map(|key| key.to_string()), "[a ]?", 0..3),
        more in fields(json()),
    ) -> Note {
        Note { files, base_commit, git_ai_version, sessions, prompts, humans, more }
    }
}

fn contributor() -> impl Strategy<Value = Contributor> {
    let kind = proptest::sample::select(ContributorKind::ALL);
    (kind, option::of(prop_oneof!["[a/]{0,4}", "x{240,260}"])).prop_map(|(kind, model)| Contributor { kind, model })
}

fn uri() -> impl Strategy<Value = String> {
    prop_oneof!["https://[a-z]{1,3}", "[a:/ ]{0,4}"]
}

prop_compose! {
    fn trace_range()(
        lines in range(),
        content_hash in option::of(".{0,3}".prop_map(|text| content_hash(&text))),
        contributor in option::of(contributor()),
    ) -> TraceRange {
        TraceRange { lines, content_hash, contributor }
    }
}

prop_compose! {
    fn conversation()(
        url in option::of(uri()),
        contributor in option::of(contributor()),
        ranges in vec(trace_range(), 0..4),
        related in vec(("[a]?", uri()).prop_map(|(kind, url)| Related { kind, url }), 0..2),
    ) -> Conversation {
        Conversation { url, contributor, ranges, related }
    }
}

prop_compose! {
    fn trace()(
        seconds in 0i64..4_000_000_000,
        revision in option::of(("git|jj|cvs", "[a-f]?").prop_map(|(system, id)| Revision { system, id })),
        tool in option::of((option::of("[a]?"), option::of("[0-9]?")).prop_map(|(name, version)| Tool { name, version })),
        files in vec((path(), vec(conversation(), 0..3)), 0..3),
        confidence in option::of(-20i32..120),
        vendor in option::of(json()),
        metadata in fields(json()),
    ) -> Trace {
        Trace {
            id: "550e8400-e29b-41d4-a716-446655440000".to_owned(),
            timestamp: jiff::Timestamp::from_second(seconds).ok(),
            revision,
            tool,
            files: files.into_iter().map(|(path, conversations)| TraceFile { path, conversations }).collect(),
            confidence: confidence.map(|percent| f64::from(percent) / 100.0),
            vendor,
            metadata,
        }
    }
}

/// Every line of a note with its file and key.
fn lines(note: &Note) -> BTreeSet<(&str, String, u32)> {
    let mut lines = BTreeSet::new();
    for file in &note.files {
        for entry in &file.entries {
            for range in &entry.ranges {
                lines.extend((range.first..=range.last).map(|line| (file.path.as_str(), entry.key.to_string(), line)));
            }
        }
    }
    lines
}

/// Text that is nearly a note.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just("\n"),
        Just("\n  "),
        Just("---"),
        Just(" "),
        Just("a"),
        Just("s_1::t_2"),
        Just("h_1 "),
        Just("1-3"),
        Just("9,2"),
        Just(","),
        Just("\""),
        Just("{\"prompts\":"),
        Just("{}"),
        Just("}"),
        Just("é"),
        Just("\r\n"),
        Just(": "),
        Just("Co-authored-by: "),
        Just("Assisted-by: a:"),
        Just("("),
        Just("Claude"),
        Just("<noreply@anthropic.com>"),
    ];
    prop_oneof![vec(piece, 0..40).prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn a_note_reads_as_it_was_written(note in note()) {
        let reading = Note::read(&note.write());
        prop_assert!(reading.is_complete(), "{:?}", reading.oddities);
        let normalised = note.normalised();
        prop_assert_eq!(&reading.note, &normalised);
        prop_assert_eq!(reading.note.write(), note.write());
    }

    #[test]
    fn order_and_merging_change_no_line(ranges in vec(range(), 0..8)) {
        let valid = ranges.iter().copied().filter(|range| range.first > 0).collect();
        let of = |ranges| {
            let entries = vec![Entry { key: Key::human("a"), ranges }];
            Note { files: vec![FileEntry { path: "a".to_owned(), entries }], ..Note::default() }
        };
        let (all, valid) = (of(ranges), of(valid));
        let normalised = all.normalised();
        prop_assert_eq!(lines(&normalised), lines(&valid));
        let ranges: Vec<_> = normalised.files.iter().flat_map(|file| &file.entries).flat_map(|entry| &entry.ranges).collect();
        prop_assert!(ranges.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
    }

    #[test]
    fn merging_keeps_every_line(a in note(), b in note()) {
        let (a, b) = (a.normalised(), b.normalised());
        let merged = Note::merge(a.clone(), b.clone());
        let (of_a, of_b) = (lines(&a), lines(&b));
        prop_assert_eq!(lines(&merged.note), &of_a | &of_b);
        let lines = lines(&merged.note);
        let places: BTreeSet<_> = lines.iter().map(|(path, _, line)| (path, line)).collect();
        let shared = places.iter().filter(|(path, line)| {
            lines.iter().filter(|(other, _, at)| (other, at) == (*path, *line)).count() > 1
        });
        prop_assert_eq!(merged.shared_lines, u64::try_from(shared.count()).expect("few"));
    }

    #[test]
    fn a_trace_reads_as_it_was_written(trace in trace()) {
        let written = trace.write().expect("it has an id and a time");
        let read = Traces::read(&format!("{written}\n{written}\n"));
        prop_assert_eq!(&read.oddities.len(), &0);
        prop_assert_eq!(read.traces, [trace.normalised(), trace.normalised()]);
    }

    #[test]
    fn any_text_is_read(text in text()) {
        let reading = Note::read(&text);
        prop_assert_eq!(&Note::read(&reading.note.write()).note, &reading.note);
        let read = Traces::read(&text);
        prop_assert!(read.traces.iter().all(|trace| trace.write().is_none_or(|line| !line.contains('\n'))));
        let lines = text.lines().count();
        prop_assert!(trailers(&text).iter().all(|trailer| (1..=lines).contains(&trailer.line)));
    }
}
