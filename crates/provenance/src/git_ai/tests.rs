use super::*;
use crate::session_id;

/// All that a note can hold, in the form that is written.
const FULL: &str = r#"main.tf
  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-10,15
  h_31dce776f88375 42-50
"my file.tf"
  abcd1234abcd1234 7
---
{
  "base_commit_sha": "7734793b756b3921c88db5375a8c156e9532447b",
  "git_ai_version": "1.4.5",
  "humans": {
    "h_31dce776f88375": {
      "author": "Dev <dev@example.com>"
    }
  },
  "logical_commit_id": "x",
  "prompts": {
    "abcd1234abcd1234": {
      "accepted_lines": 1,
      "agent_id": {
        "id": "9",
        "model": "unknown",
        "tool": "codex"
      },
      "overriden_lines": 0,
      "total_additions": 1,
      "total_deletions": 0
    }
  },
  "schema_version": "authorship/3.0.0",
  "sessions": {
    "s_c9883b05a2487d": {
      "agent_id": {
        "id": "6ef2299e",
        "model": "claude-sonnet-4-5",
        "tool": "cursor"
      },
      "custom_attributes": {
        "team": "platform"
      },
      "human_author": "dev@example.com"
    }
  }
}"#;

/// Entries, how they are written, and what is odd about them.
type Case<'a> = (&'a str, &'a str, &'a [(Oddity, u64)]);

/// The entries of a text, as written, and what was odd about it, but for what it has no JSON.
fn entries(text: &str) -> (String, Vec<(Oddity, u64)>) {
    let reading = Note::read(text);
    let written = reading.note.write();
    let (entries, _) = written.split_once("---\n").expect("a divider");
    let odd = reading.oddities.into_iter().filter(|(oddity, _)| *oddity != Oddity::NoDivider);
    (entries.to_owned(), odd.collect())
}

/// A note with one record of a session, and what was odd about it.
fn session(record: &str) -> Reading {
    let head = r#"{"schema_version":"authorship/3.0.0","base_commit_sha":"1","prompts":{}"#;
    Note::read(&format!("a.tf\n  s_1 1\n---\n{head},\"sessions\":{{\"s_1\":{record}}}}}"))
}

#[test]
fn a_full_note_is_written_as_it_was() {
    let reading = Note::read(FULL);
    assert_eq!(reading.oddities, BTreeMap::new());
    assert!(reading.is_complete());
    assert_eq!(reading.note.write(), FULL);
}

#[test]
fn keys_stand_for_agents_and_people() {
    let note = Note::read(FULL).note;
    let origins: Vec<_> =
        note.files.iter().flat_map(|file| &file.entries).map(|entry| note.origin_of(entry).expect("known")).collect();
    assert!(origins.iter().all(|origin| origin.authority == Authority::Declared));
    let agents: Vec<_> = origins.iter().map(Origin::agent).collect();
    let agent = |tool: &str, model: Option<&str>, session: &str| Agent {
        tool: tool.to_owned(),
        model: model.map(str::to_owned),
        session: Some(session.to_owned()),
    };
    let cursor = agent("cursor", Some("claude-sonnet-4-5"), "6ef2299e");
    assert_eq!(agents, [Some(&cursor), None, Some(&agent("codex", None, "9"))]);
    assert_eq!(origins[1].writer, Writer::Human);
}

#[test]
fn what_no_map_explains_has_no_origin() {
    for key in ["s_1::t_2", "s_1", "h_1", "abcd123", "human", "ai_agent"] {
        let text = FULL.replace("abcd1234abcd1234 7", &format!("{key} 7"));
        let reading = Note::read(&text);
        assert_eq!(reading.oddities.get(&Oddity::KeyInNoMap), Some(&1), "{key}");
        let entry = &reading.note.files[1].entries[0];
        assert_eq!((entry.key.to_string().as_str(), reading.note.origin_of(entry)), (key, None));
    }
}

#[test]
fn ranges_are_put_in_order() {
    let cases: &[Case] = &[
        ("1,2,3,5-6", "1-3,5-6", &[]),
        ("9,1-2", "1-2,9", &[(Oddity::Unsorted, 1)]),
        ("1-5,3-9,4", "1-9", &[(Oddity::Overlapping, 2)]),
        ("1, 3", "1,3", &[(Oddity::Spacing, 1)]),
        ("0,9-5,x,+1,-1,,1-2-3,4294967296,7", "7", &[(Oddity::BadRange, 8)]),
        ("4294967295,1", "1,4294967295", &[(Oddity::Unsorted, 1)]),
    ];
    for (ranges, expected, odd) in cases {
        let text = format!("a\n  s_1::t_1 {ranges}\n");
        assert_eq!(entries(&text), (format!("a\n  s_1::t_1 {expected}\n"), odd.to_vec()), "{ranges}");
    }
}

#[test]
fn lines_that_are_out_of_place_give_nothing() {
    let cases: &[Case] = &[
        ("  s_1::t_1 1\na\n  h_1 2\n", "a\n  h_1 2\n", &[(Oddity::NoPath, 1)]),
        ("a\n  h_1 2\n b\n  h_1 3\n", "a\n  h_1 2\n", &[(Oddity::BadLine, 1), (Oddity::NoPath, 1)]),
        ("a\n  h_1 2\n\"\"\n  h_1 3\n", "a\n  h_1 2\n", &[(Oddity::BadLine, 1), (Oddity::NoPath, 1)]),
        ("a\n  h_1\n  h_1 x\nb\n", "", &[(Oddity::BadEntry, 2), (Oddity::BadRange, 1)]),
        ("a\n   h_1 2\n", "a\n  h_1 2\n", &[(Oddity::Spacing, 1)]),
        (
            "a\n  h_1 2\nb\n  h_1 2\na\n  h_1 3\n",
            "a\n  h_1 2-3\nb\n  h_1 2\n",
            &[(Oddity::PathTwice, 1), (Oddity::KeyTwice, 1)],
        ),
        ("a\n  h_1 2-4\n  h_2 3-9\n", "a\n  h_1 2-4\n  h_2 3-9\n", &[(Oddity::SharedLine, 2)]),
        ("a\r\n\r\n  h_1 2\r\n", "a\n  h_1 2\n", &[]),
    ];
    for (text, expected, odd) in cases {
        assert_eq!(entries(text), ((*expected).to_owned(), odd.to_vec()), "{text}");
    }
}

#[test]
fn paths_with_white_space_and_quotes() {
    for path in ["my file", "a\tb", " a", "a ", "a\u{a0}", "---", "\"", "\"a\"", "a\"b", "\"a", "a b\"", "é"] {
        let entries = vec![Entry { key: Key::human("a"), ranges: vec![LineRange { first: 1, last: 1 }] }];
        let note = Note { files: vec![FileEntry { path: path.to_owned(), entries }], ..Note::default() };
        assert_eq!(Note::read(&note.write()).note, note, "{path:?}");
    }
    assert!(entries("\"my file\"\n  h_1 1\n").0.starts_with("\"my file\"\n"));
    assert!(entries("plain\n  h_1 1\n").0.starts_with("plain\n"));
}

#[test]
fn keys_are_made_as_git_ai_makes_them() {
    let key = Key::session("cursor", "abc", "9f8e7d6c5b4a32").to_string();
    assert_eq!(key, format!("{}::t_9f8e7d6c5b4a32", session_id("cursor", "abc")));
    assert_eq!(key.len(), 16 + 2 + 16);
    // printf 'Dev <dev@example.com>' | sha256sum
    assert_eq!(Key::human("Dev <dev@example.com>").to_string(), "h_384e3f831b1c86");
    for (text, is_known) in
        [("s_1::t_2", true), ("s_x::t_2", false), ("h_", false), ("abcd12", false), ("ABCDEF1", true)]
    {
        assert_eq!(!matches!(Key::read(text), Key::Other(_)), is_known, "{text}");
    }
}

#[test]
fn metadata_that_cannot_be_read_leaves_the_entries() {
    let odd = |json: &str| -> Vec<Oddity> {
        let reading = Note::read(&format!("a\n  h_1 1\n---\n{json}"));
        assert_eq!(reading.note.files.len(), 1);
        reading.oddities.into_keys().collect()
    };
    assert_eq!(odd(""), [Oddity::NotJson]);
    assert_eq!(odd("[]"), [Oddity::NotJson]);
    assert_eq!(odd(&"[".repeat(1_000_000)), [Oddity::NotJson]);
    let other = r#"{"schema_version":"authorship/4.0.0","base_commit_sha":"1","prompts":{}}"#;
    assert_eq!(odd(other), [Oddity::OtherSchema, Oddity::KeyInNoMap]);
    let deep = format!(
        r#"{{"schema_version":"{SCHEMA}","base_commit_sha":"","prompts":3,"x":{}1{}}}"#,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    assert_eq!(odd(&deep), [Oddity::MissingField, Oddity::BadField, Oddity::KeyInNoMap]);
}

#[test]
fn transcripts_are_not_kept() {
    let agent = r#""agent_id":{"tool":"amp","id":"1","model":"m"}"#;
    let reading = session(&format!(r#"{{{agent},"messages":[{{"text":"secret"}}],"messages_url":"https://secret"}}"#));
    assert_eq!(
        reading.oddities,
        BTreeMap::from([(Oddity::Transcript, 1), (Oddity::Forbidden, 1), (Oddity::OldKey, 1)])
    );
    assert!(reading.is_complete());
    assert!(!reading.note.write().contains("secret"));
}

#[test]
fn a_record_without_an_agent_explains_nothing() {
    for record in ["1", "{}", r#"{"agent_id":{}}"#, r#"{"agent_id":{"tool":1}}"#] {
        let reading = session(record);
        assert_eq!(reading.oddities.get(&Oddity::BadRecord), Some(&1), "{record}");
        assert_eq!(reading.note.origin_of(&reading.note.files[0].entries[0]), None);
        assert!(!reading.is_complete());
    }
}

#[test]
fn custom_attributes_are_written_back() {
    let agent = r#""agent_id":{"tool":"amp","id":"1","model":"m"}"#;
    let note = session(&format!(r#"{{{agent},"human_author":null,"custom_attributes":{{"n":42,"on":true}}}}"#)).note;
    let attributes = json!({ "n": 42, "on": true });
    assert_eq!(Some(&note.sessions["s_1"].custom_attributes), attributes.as_object());
    assert_eq!(Note::read(&note.write()).note, note);
}

#[test]
fn no_more_is_read_than_the_limit() {
    let line = "  h_1 12345\n";
    let mut text = "a\n".to_owned();
    text.push_str(&line.repeat(MAX_NOTE_BYTES / line.len() + 10));
    text.push_str("---\n{}");
    let reading = Note::read(&text);
    let lines: Vec<_> = reading.note.files[0].entries[0].ranges.clone();
    // Not 1, 12, 123 or 1234, as which the last line would read where the limit cuts it.
    assert_eq!(lines, [LineRange { first: 12345, last: 12345 }]);
    assert_eq!(reading.oddities.get(&Oddity::TooLong), Some(&1));
    assert!(!reading.is_complete());
    let files: Vec<_> = (0..=MAX_FILES).map(|number| format!("f{number}\n  h_1 1\n  h_2 1\n")).collect();
    let reading = Note::read(&files.concat());
    assert_eq!((reading.note.files.len(), reading.oddities.get(&Oddity::TooMany)), (MAX_FILES, Some(&2)));
}

#[test]
fn merged_notes_hold_what_both_say() {
    let a = Note::read(FULL).note;
    let b = Note::read(
        &FULL
            .replace("1-10,15", "11,15-16")
            .replace("42-50", "49-51")
            .replace("h_31dce776f88375", "h_1")
            .replace("claude-sonnet-4-5", "other"),
    )
    .note;
    let merged = Note::merge(a.clone(), b);
    assert_eq!(merged.shared_lines, 2);
    let written = merged.note.write();
    let expected = "main.tf\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-11,15-16\n  h_31dce776f88375 42-50\n  h_1 49-51\n";
    assert!(written.starts_with(expected), "{written}");
    assert_eq!((merged.note.humans.len(), &merged.note.sessions), (2, &a.sessions));
    assert_eq!(Note::merge(a.clone(), a.clone()), Merged { note: a, shared_lines: 0 });
}

#[test]
fn the_entries_that_name_a_line() {
    let note = Note::read("a.tf\n  s_01::t_02 1-3,9\n  s_03::t_04 2\n---\n{}").note;
    let index = IndexedNote::new(note);
    let keys =
        |path: &str, line| index.at(path, line).into_iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>();
    assert_eq!(keys("a.tf", 2), ["s_01::t_02", "s_03::t_04"]);
    assert_eq!(keys("a.tf", 9), ["s_01::t_02"]);
    assert!(keys("a.tf", 4).is_empty() && keys("a.tf", 0).is_empty() && keys("b.tf", 1).is_empty());
}
