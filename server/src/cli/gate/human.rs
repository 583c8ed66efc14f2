//! What the gate says, for people.

use super::{JsonChange, JsonGate};
use crate::cli::person;
use countersign_policy::Mode;
use std::fmt::Write as _;

/// Changes, for people.
pub(in crate::cli) fn human_changes(changes: &[JsonChange]) -> String {
    let mut text = String::new();
    for change in changes {
        let sign = match (change.has_it, change.mode) {
            (true, _) => "passed  ",
            (false, Mode::Enforce) if change.break_glass.is_some() => "BROKEN  ",
            (false, Mode::Enforce) => "MISSING ",
            (false, Mode::Warn) => "warning ",
            (false, Mode::Observe) => "observed",
        };
        let _ = writeln!(text, "{sign}  {}\n          {}", change.place(), change.in_words());
        for planned in &change.planned {
            let _ = writeln!(text, "          {planned}");
        }
        let by = change.row.map_or("for the plan".to_owned(), |row| format!("row {row} of [[require]]"));
        let _ = writeln!(text, "          needs {} ({by})", change.needs);
        for said in change.break_glass.iter().chain(&change.answered).chain(&change.missing) {
            let _ = writeln!(text, "          {said}");
        }
        if !change.who_may.is_empty() {
            let _ = writeln!(text, "          {} may approve it", change.who_may.join(", "));
        } else if !change.has_it && change.state != "rejected" && change.break_glass.is_none() {
            let _ = writeln!(
                text,
                "          none of the signers may approve it, by countersign.toml and the signers' file"
            );
        }
        text.push('\n');
    }
    text
}

/// The whole answer.
pub(super) fn human(gate: &JsonGate) -> String {
    let mut text = human_changes(&gate.changes);
    for problem in &gate.problems {
        let _ = writeln!(text, "countersign: {}: {}", problem.path, problem.message);
    }
    for doubt in &gate.doubts {
        let _ = writeln!(text, "countersign: {doubt}");
    }
    for broken in &gate.break_glasses {
        let _ = writeln!(text, "countersign: {}", broken.in_words());
    }
    let missing = gate.changes.iter().filter(|change| change.stops()).count();
    let broken = gate.changes.iter().filter(|change| change.break_glass.is_some()).count();
    let would = gate.changes.iter().filter(|change| !change.has_it && change.mode != Mode::Enforce).count();
    let against = format!("against {}", gate.base);
    let _ = match (gate.problems.is_empty(), missing) {
        (false, _) => writeln!(text, "Not passed {against}: something could not be read."),
        (true, 0) if gate.changes.is_empty() => writeln!(text, "Passed {against}: no change needs anything."),
        (true, 0) if broken > 0 => writeln!(
            text,
            "Passed {against} BY BREAK-GLASS: what {broken} of the changes lack is to be made up for afterwards."
        ),
        (true, 0) => writeln!(text, "Passed {against}."),
        (true, 1) => writeln!(text, "Not passed {against}: 1 change lacks what it needs."),
        (true, more) => writeln!(text, "Not passed {against}: {more} changes lack what they need."),
    };
    if would > 0 {
        let _ = writeln!(text, "Enforcement would have stopped {would} more.");
    }
    person::shown(&text)
}
