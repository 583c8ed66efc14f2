//! The text of a file as an agent's edit would leave it: no panic, and what an edit does not name stays as it is.
#![no_main]

use arbitrary::Arbitrary;
use countersign::proposal::text::{Left, left};
use countersign_agents::{Action, AgentKind, Change, Replacement, Span, read};
use libfuzzer_sys::fuzz_target;

/// Few pieces, so that what is replaced is often there, often several times, and often but for white space.
const PIECES: &[&str] =
    &["a", "b", " ", "\t", "\n", "\r\n", "{", "}", "é", "😀", "resource", "  x = 1\n", "\r", "*** ", "@@", "-", "+"];

#[derive(Debug, Arbitrary)]
struct Input {
    found: Option<Vec<u8>>,
    old: Vec<u8>,
    new: Vec<u8>,
    all: bool,
    start: (u8, u8),
    end: (u8, u8),
    line: u16,
    hunk: Vec<(u8, Vec<u8>)>,
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| PIECES[usize::from(*byte) % PIECES.len()]).collect()
}

fuzz_target!(|input: Input| {
    let found = input.found.as_deref().map(text);
    let before = found.as_deref().unwrap_or_default();
    let (old, new) = (text(&input.old), text(&input.new));
    let of = |change: &Change| left(found.as_deref(), change);
    assert_eq!(of(&Change::Write(new.clone())), Left::Text(new.clone()));
    assert_eq!(of(&Change::Delete), Left::Gone);

    // Where the line breaks are the same everywhere, nothing is adapted.
    let is_plain = !before.contains('\r') && !old.contains('\r') && !new.contains('\r');
    let replacement = Replacement { old: old.clone(), new: new.clone(), all: input.all, at: None };
    match of(&Change::Replace(vec![replacement])) {
        Left::Text(after) if is_plain && !old.is_empty() && before.contains(&old) => {
            assert_eq!(after, if input.all { before.replace(&old, &new) } else { before.replacen(&old, &new, 1) });
        }
        Left::Text(after) => assert!(after.len() + before.len() >= new.len()),
        Left::Gone => panic!("a replacement removes no file"),
        Left::Unknown(why) => assert!(!why.is_empty() && (old.is_empty() || !is_plain || !before.contains(&old))),
    }

    // By its place: what is before and behind stays.
    let number = |number: u8| u64::from(number % 12);
    let at =
        Span { start: (number(input.start.0), number(input.start.1)), end: (number(input.end.0), number(input.end.1)) };
    let placed = Replacement { old: old.clone(), new: new.clone(), all: false, at: Some(at) };
    if let Left::Text(after) = of(&Change::Replace(vec![placed])) {
        let new = if before.contains("\r\n") && !new.contains('\r') { new.replace('\n', "\r\n") } else { new.clone() };
        let is_kept = |start: usize| {
            let end = start + new.len();
            let (Some(head), Some(tail)) = (after.get(..start), after.get(end..)) else { return false };
            after.get(start..end) == Some(new.as_str())
                && before.starts_with(head)
                && before.ends_with(tail)
                && head.len() + tail.len() <= before.len()
        };
        assert!((0..=after.len()).any(is_kept), "{before:?} {after:?}");
    }

    if let Left::Text(after) = of(&Change::Append(new.clone())) {
        assert!(after.starts_with(before) && after.len() >= before.len() + new.len());
    }
    if let Left::Text(after) = of(&Change::Insert { after_line: u64::from(input.line % 20), text: new.clone() }) {
        assert!(after.len() >= before.len() + new.len());
    }

    // A patch as Codex gives it.
    let lines: String = input
        .hunk
        .iter()
        .map(|(mark, line)| {
            let mark = [" ", "-", "+", "@@ ", "*** Update File: ", "*** Move to: ", ""][usize::from(mark % 7)];
            format!("{mark}{}\n", text(line).replace(['\n', '\r'], " "))
        })
        .collect();
    let patch = format!("*** Begin Patch\n*** Update File: main.tf\n{lines}*** End Patch\n");
    let payload = serde_json::json!({
        "session_id": "s", "turn_id": "t", "model": "m", "cwd": "/r", "hook_event_name": "PreToolUse", "tool_name": "apply_patch",
        "tool_use_id": "c", "tool_input": { "command": patch },
    });
    let Ok(call) = read(AgentKind::Codex, payload.to_string().as_bytes()) else { return };
    let Action::Edits(edits) = call.action else { return };
    let mut now = found;
    for edit in &edits {
        match left(now.as_deref(), &edit.change) {
            Left::Text(text) => now = Some(text),
            Left::Gone => now = None,
            Left::Unknown(why) => assert!(!why.is_empty()),
        }
    }
});
