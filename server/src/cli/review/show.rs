//! `countersign review show`: what a reviewer has to know of a change, for people and for a pull request.

use super::reviewers::{Forge, wanted};
use super::{Against, found, messages, report_problems};
use crate::cli::catalogue::severity;
use crate::cli::gate::{self, json};
use crate::cli::{fix, person, print};
use crate::git::Git;
use crate::review::{Change, Situation};
use clap::Args;
use countersign_engine::report::JsonFinding;
use countersign_policy::{Catalogue, Skeleton, skeletons};
use countersign_review::Request;
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The name of the request; without one, every change is shown that needs somebody, whether a review was requested or not.
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    against: Against,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// For people.
    Human,
    /// For the description of a pull request.
    Markdown,
    /// Whom to ask and the labels, as JSON with the bodies that GitHub's API takes.
    Github,
    /// Whom to ask and the labels, as JSON, for GitLab.
    Gitlab,
}

pub(super) fn show(git: &Git, arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let meant: Vec<(Option<&Request>, &Change)> = match &arguments.id {
        Some(id) => {
            let (request, change) = found(&situation, id)?;
            vec![(Some(request), change)]
        }
        None => (situation.changes.iter().filter(|change| gate::is_worth_asking(change)))
            .map(|change| (situation.reviews.request(&change.bound.id()), change))
            .collect(),
    };
    let changes = || meant.iter().map(|(_, change)| *change);
    let text = match arguments.format {
        Shown::Github => wanted(&situation, changes(), Forge::GitHub).json()?,
        Shown::Gitlab => wanted(&situation, changes(), Forge::GitLab).json()?,
        Shown::Human | Shown::Markdown if meant.is_empty() => {
            format!("No change against {} needs a review.\n", situation.base)
        }
        Shown::Human => texts(&meant, |request, change| human(&situation, request, change)),
        Shown::Markdown => texts(&meant, |request, change| markdown(&situation, request, change)),
    };
    print(&person::shown(&text))?;
    Ok(report_problems(&situation))
}

fn texts(meant: &[(Option<&Request>, &Change)], text: impl Fn(Option<&Request>, &Change) -> String) -> String {
    meant.iter().map(|(request, change)| text(*request, change)).collect::<Vec<_>>().join("\n")
}

pub(super) fn human(situation: &Situation, request: Option<&Request>, change: &Change) -> String {
    let mut text = format!("Review {}: {}\n", change.bound.id(), change.bound.place());
    if let Some(json) = json(situation, change) {
        let _ = writeln!(text, "{}", gate::human_changes(&[json]).trim_end());
    }
    match request {
        Some(request) => {
            let why = own_why(request, change);
            let _ = writeln!(text, "Asked by {} at {}{why}\n", request.requested_by, request.requested_at);
        }
        None => text.push_str("Nobody has asked for it yet.\n\n"),
    }
    for found in &change.found {
        let _ = writeln!(text, "- {} ({}): {}", found.risk, severity(found.severity), found.message);
    }
    let _ = writeln!(text, "\n{}", difference(change));
    text
}

/// Why somebody asks, behind a colon, where that is more than what was found.
fn own_why(request: &Request, change: &Change) -> String {
    if request.why == messages(change) { ".".to_owned() } else { format!(": {}", request.why) }
}

fn difference(change: &Change) -> String {
    fix::diff(&change.bound.path, &change.texts.0, &change.texts.1)
}

/// A text as it stands between others in Markdown: none of its marks counts but those of code.
fn plain(text: &str) -> String {
    let text = text.replace('\n', " ");
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        // Between two of them; the last of an odd number ends nothing.
        if index % 2 == 1 && index + 1 < parts.len() {
            let _ = write!(out, "`{part}`");
            continue;
        }
        if index % 2 == 1 {
            out.push_str("\\`");
        }
        for c in part.chars() {
            if matches!(c, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '@' | '~') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

fn markdown(situation: &Situation, request: Option<&Request>, change: &Change) -> String {
    let id = change.bound.id();
    let mut text = format!("### Review {id}: {}\n\n", plain(&change.bound.place()));
    if let Some(json) = json(situation, change) {
        let _ = writeln!(text, "{}.\n\nNeeds {}.\n", plain(&json.in_words()), plain(json.needs()));
    }
    match request {
        Some(request) => {
            let _ = writeln!(text, "Asked by {}{}\n", plain(&request.requested_by), plain(&own_why(request, change)));
        }
        None => text.push_str("Nobody has asked for it yet: `countersign review request` does.\n\n"),
    }
    for found in &change.found {
        let _ =
            writeln!(text, "- **{}** ({}): {}", plain(&found.risk), severity(found.severity), plain(&found.message));
    }
    for planned in &change.planned {
        let _ = writeln!(text, "- By a plan: {}.", plain(&planned.in_words()));
    }
    if let Some(impact) = change.impact.filter(|impact| impact.dependents > 0) {
        let _ = writeln!(text, "- Blast radius: {} depend on it.", impact.dependents);
    }
    text.push('\n');
    fenced(&mut text, "diff", &difference(change));
    text.push_str("\nBefore approving:\n\n");
    let catalogue = &situation.config.catalogue;
    for item in checklist(catalogue, change) {
        let _ = writeln!(text, "- [ ] {}", plain(item));
    }
    tests(&mut text, catalogue, change);
    let _ = writeln!(text, "\nAnswer with `countersign review approve {id}` or `reject`.");
    text
}

/// What to look at before approving a change: what helps against what was found in it, what the catalogue has for that, and what
/// always holds. Nothing twice.
fn checklist<'a>(catalogue: &'a Catalogue, change: &'a Change) -> Vec<&'a str> {
    let help = change.found.iter().map(|found| found.help.as_str());
    let listed = change.found.iter().flat_map(|found| catalogue.checklist(&found.risk)).map(String::as_str);
    let always = [
        "A plan of this very commit shows what is expected, and nothing else.",
        "It is known how to go back, and how long that takes.",
    ];
    let mut items: Vec<&str> = Vec::new();
    for item in help.chain(listed).chain(always).filter(|item| !item.is_empty()) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

/// How tests for what was found could begin, as far as that is known.
fn tests(text: &mut String, catalogue: &Catalogue, change: &Change) {
    let mut all: Vec<Skeleton> = Vec::new();
    for skeleton in change.found.iter().flat_map(|found| of_finding(catalogue, found)) {
        if !all.contains(&skeleton) {
            all.push(skeleton);
        }
    }
    if all.is_empty() {
        return;
    }
    text.push_str("\n<details><summary>A test to begin with</summary>\n");
    for skeleton in &all {
        let (what, language, code) = match skeleton {
            Skeleton::Test(code) => ("In a file `NAME.tftest.hcl`, for `terraform test`:", "hcl", code),
            Skeleton::Plan(code) => ("Of the plan, in the pipeline before it is applied:", "sh", code),
        };
        let _ = writeln!(text, "\n{what}\n");
        fenced(text, language, code);
    }
    text.push_str("\n</details>\n");
}

fn of_finding(catalogue: &Catalogue, found: &JsonFinding) -> Vec<Skeleton> {
    let Some(resource) = &found.resource else { return Vec::new() };
    skeletons(catalogue, &found.risk, &resource.kind, &resource.address, &found.message)
}

/// Puts code into a fence that is longer than any in it.
fn fenced(text: &mut String, language: &str, code: &str) {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}{language}\n{}\n{fence}", code.trim_end());
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_that_somebody_wrote_is_a_mark_of_markdown_but_code() {
        assert_eq!(plain("`a_b` is [x](y) @ann\n# z"), "`a_b` is \\[x\\](y) \\@ann \\# z");
        assert_eq!(plain("one ` of <b>"), "one \\` of \\<b\\>");
        assert_eq!(plain("`a` and ` b_c"), "`a` and \\` b\\_c");
    }
}
