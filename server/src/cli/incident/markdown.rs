//! The draft of a post-mortem, in Markdown.

use super::role::{tools, what};
use super::{Candidate, Incident, Part, Place, What};
use crate::cli::person::shown;
use crate::cli::stamp;
use countersign_impact::Action;
use countersign_policy::{Config, Environment, Origin};
use std::fmt::Write as _;

/// Candidates and moments of the timeline that the draft has.
const MAX_TOLD: usize = 10;
const MAX_MOMENTS: usize = 100;

/// What others have written, as code, without what turns the order of letters around.
fn code(text: &str) -> String {
    stamp::code(&shown(text))
}

/// A sentence in which others may have written something: nothing in it means anything in Markdown, and it stays readable.
fn prose(text: &str) -> String {
    let text = super::one_line(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        let is_mark = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' => true,
            // Within a word it is a letter.
            '_' => !(before.is_alphanumeric() && rest.starts_with(char::is_alphanumeric)),
            // What would be made a link.
            ':' => rest.starts_with("//"),
            '.' => out.ends_with("www"),
            _ => false,
        };
        if is_mark {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Who wrote a candidate, in words.
pub(super) fn writer(candidate: &Candidate) -> String {
    let agents = tools(candidate);
    match candidate.origin {
        Origin::Ai => agents,
        Origin::Mixed => format!("{agents} and somebody else"),
        Origin::Human => "a person".to_owned(),
        Origin::Unknown | Origin::Suspected => "nobody known".to_owned(),
    }
}

/// The draft.
pub(super) fn post_mortem(incident: &Incident) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(&format!("# Post-mortem {}: {}\n", incident.id, code(&incident.title)));
    line(
        "> A draft. What is ranked here is where to look first, and the part of AI tools is a proposal; a person decides with",
    );
    line(&format!("> `countersign incident close {}`. Fill in what is marked with _…_.\n", incident.id));
    line("## Summary\n");
    line("_What happened, to whom, and how long._\n");
    line("| | |\n|---|---|");
    line(&format!("| repository | {} |", code(&incident.repository)));
    line(&format!("| last known to be well | {} |", incident.from));
    line(&format!("| noticed | {} |", incident.until));
    line("| went live | _…_ |\n| undone | _…_ |");
    let commit = |name: &Option<String>| name.as_deref().map_or_else(|| "not known".to_owned(), code);
    line(&format!("| last good commit | {} |", commit(&incident.good)));
    line(&format!("| deployed commit | {} |", commit(&incident.deployed)));
    line(&format!("| opened by | {} |\n", incident.opened_by.as_deref().map_or_else(|| "_…_".to_owned(), code)));
    line("## What is affected\n");
    let asked = incident.asked.resources.iter().chain(&incident.asked.paths).map(|it| code(it)).collect::<Vec<_>>();
    line(&if asked.is_empty() {
        "Nobody said what is affected.\n".to_owned()
    } else {
        format!("Asked about: {}.\n", asked.join(", "))
    });
    for affected in incident.affected.iter().take(MAX_TOLD) {
        line(&format!("- {}", place(affected)));
    }
    if incident.affected.len() > MAX_TOLD {
        line(&format!("- and {} more", incident.affected.len() - MAX_TOLD));
    }
    line("\n## What may have caused it\n");
    let commands = incident
        .commands
        .map_or_else(|| "no commands, for nothing was recorded".to_owned(), |it| stamp::counted(it, "command"));
    line(&format!(
        "Looked at: {} of the branch, and {commands}. The likeliest first; the number orders them and is no probability.\n",
        stamp::counted(incident.steps, "step")
    ));
    for (number, candidate) in incident.candidates.iter().take(MAX_TOLD).enumerate() {
        line(&format!(
            "{}. **{}** ({}, by {}, at {})",
            number + 1,
            prose(&what(candidate)),
            candidate.score,
            prose(&writer(candidate)),
            candidate.at
        ));
        for sentence in candidate.evidence.iter().chain(&candidate.gaps) {
            line(&format!("   - {}", prose(sentence)));
        }
    }
    let more = incident.candidates.len().saturating_sub(MAX_TOLD) + incident.more_candidates;
    if incident.candidates.is_empty() {
        line("Nothing that came in or was run is known to have anything to do with it.");
    } else if more > 0 {
        line(&format!("\nAnd {more} more."));
    }
    line("\n## The part of AI tools\n");
    line(&format!("Proposed: **{}**, for a person to decide.\n", incident.proposal.role.name()));
    for reason in &incident.proposal.reasons {
        line(&format!("- {}", prose(reason)));
    }
    line("\n## Factors\n");
    let factors =
        [("AI", &incident.factors.ai), ("People", &incident.factors.human), ("Process", &incident.factors.process)];
    for (name, factors) in factors {
        line(&format!("### {name}\n"));
        for factor in factors {
            line(&format!("- {}", prose(factor)));
        }
        line("- _…_\n");
    }
    timeline(incident, &mut line);
    line("\n## What would have caught it\n");
    match incident.candidates.first().and_then(row) {
        Some((says, row)) => {
            line(&format!("{says} Try it with `countersign policy test` before it holds.\n"));
            line(&format!("```toml\n{row}```"));
        }
        None => line("_A row of policy, a risk, a test, an alarm._"),
    }
    line("\n## What follows\n\n| what | who | until |\n|---|---|---|\n| _…_ | _…_ | _…_ |");
    line("\n## What is not known\n");
    for doubt in &incident.doubts {
        line(&format!("- {}", prose(doubt)));
    }
    if incident.doubts.is_empty() {
        line("_…_");
    }
    out
}

fn timeline(incident: &Incident, line: &mut dyn FnMut(&str)) {
    line("## Timeline\n");
    line("| when (UTC) | what |\n|---|---|");
    let skipped = incident.timeline.len().saturating_sub(MAX_MOMENTS);
    for event in incident.timeline.iter().skip(skipped) {
        line(&format!("| {} | {} |", event.at, prose(&event.what)));
    }
    if skipped > 0 {
        line(&format!("\nThe {skipped} moments before are in the JSON beside this."));
    }
}

fn place(place: &Place) -> String {
    match &place.address {
        Some(address) => format!("{} in {}", code(address), code(&place.path)),
        None => code(&place.path),
    }
}

/// A row of policy that would have stopped the like of a candidate, and what it does.
pub(super) fn row(candidate: &Candidate) -> Option<(String, String)> {
    let (says, row) = match &candidate.what {
        What::Change { parts, .. } => row_of_change(parts.iter().find(|part| part.action.is_some()).or(parts.first())?),
        What::Command { operations, .. } => {
            let first = operations.first()?;
            let environment = match first.environment {
                Environment::Unknown => String::new(),
                known => format!("environment = [\"{}\"]\n", known.name()),
            };
            let program = serde_json::to_string(&first.program).ok()?;
            let says = "This row of `countersign.toml` denies agents the like of that command; it has to stand before the rows that it is to come before.";
            (
                says.to_owned(),
                format!(
                    "[[command]]\neffect = [\"{}\"]\nprogram = [{program}]\n{environment}verdict = \"deny\"\n",
                    first.effect.name()
                ),
            )
        }
    };
    // What would not be read is not proposed.
    Config::read(&row).1.is_empty().then_some((says, row))
}

fn row_of_change(part: &Part) -> (String, String) {
    let folder = part.place.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let glob = serde_json::to_string(&format!("{folder}**")).unwrap_or_default();
    let mut row = format!("[[require]]\npaths = [{glob}]\n");
    let mut does = "any change".to_owned();
    if let Some(action) =
        part.action.filter(|action| matches!(action, Action::Destroy | Action::Replace | Action::Unknown))
    {
        let name = serde_json::to_value(action).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
        let _ = writeln!(row, "action = [\"{name}\"]");
        does = format!("a change that comes to `{name}`");
    }
    row.push_str("approvals = 1\nmode = \"enforce\"\n");
    (
        format!("This row of `countersign.toml` wants one approval for {does} below {}.", code(&format!("{folder}**"))),
        row,
    )
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn a_sentence_means_nothing_in_markdown() {
        assert_eq!(prose("aws_db_instance.orders is _gone_"), "aws_db_instance.orders is \\_gone\\_");
        assert_eq!(
            prose("a|b <i>[x](https://y) `c` *d* &lt;"),
            "a\\|b \\<i\\>\\[x\\](https\\://y) \\`c\\` \\*d\\* \\&lt;"
        );
        assert_eq!(prose("www.example.com\n# \u{1b}[31m"), "www\\.example.com # \u{fffd}\\[31m");
    }
}
