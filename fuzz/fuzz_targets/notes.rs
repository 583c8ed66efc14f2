//! What other tools recorded of who wrote what: notes of git-ai, Agent Trace, commit messages. What is read and written
//! reads the same again.
#![no_main]

use countersign_provenance::agent_trace::Traces;
use countersign_provenance::git_ai::Note;
use countersign_provenance::trailers::trailers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let reading = Note::read(text);
    let again = Note::read(&reading.note.write());
    assert_eq!(again.note.files, reading.note.files);
    for entry in reading.note.files.iter().flat_map(|file| &file.entries) {
        let _ = reading.note.origin_of(entry);
        assert!(entry.ranges.iter().all(|range| 0 < range.first && range.first <= range.last));
        assert!(entry.ranges.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
    }
    let (a, b) = text.split_once("\n\n").unwrap_or((text, ""));
    let merged = Note::merge(Note::read(a).note, Note::read(b).note).note;
    assert_eq!(merged.normalised(), merged);
    for trace in Traces::read(text).traces {
        if let Some(line) = trace.write() {
            assert_eq!(Traces::read(&line).traces.len(), 1);
        }
    }
    let lines = text.lines().count();
    assert!(trailers(text).iter().all(|trailer| (1..=lines).contains(&trailer.line)));
});
