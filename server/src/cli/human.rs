//! Findings for people: the source with what is wrong underlined, why it matters, what to do.

use super::catalogue::severity;
use super::checked::Report;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use countersign_engine::Finding;
use countersign_engine::report::{JsonOrigin, JsonRelated};
use countersign_policy::{Environment, Origin, Severity, Verdict};
use countersign_text::Text;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// Longest line that is shown, in bytes; a longer one is cut around what is underlined.
const SHOWN_LINE: usize = 160;

/// One finding, with its source, in which `secrets` are blotted out.
pub(super) fn finding(
    path: &str,
    text: &Text,
    finding: &Finding,
    related: &[JsonRelated],
    secrets: &[Range<usize>],
) -> String {
    let level = match finding.severity {
        Severity::Critical | Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low => Level::INFO,
    };
    let title = level.clone().with_name(severity(finding.severity)).primary_title(&*finding.message).id(finding.risk);
    let source = Excerpt::new(text, finding, secrets);
    let snippet = Snippet::source(source.text.as_str())
        .path(path)
        .line_start(source.first_line)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(source.underlined.clone()));
    let help = finding.help.clone();
    let about = about(finding);
    let places: Vec<String> = related
        .iter()
        .map(|place| format!("{}:{}: {}", place.path, place.range.start.line + 1, place.message))
        .collect();
    let mut group = Group::with_title(title);
    group = if text.is_empty() { group.element(annotate_snippets::Origin::path(path)) } else { group.element(snippet) };
    group = group.element(Level::HELP.message(&*help));
    for place in &places {
        group = group.element(Level::NOTE.message(place.as_str()));
    }
    group = group.element(Level::NOTE.message(about.as_str()));
    Renderer::styled().render(&[group])
}

/// The lines that a finding is on.
struct Excerpt {
    text: String,
    first_line: usize,
    underlined: Range<usize>,
}

impl Excerpt {
    fn new(text: &Text, finding: &Finding, secrets: &[Range<usize>]) -> Self {
        let first = text.line_of(finding.range.start);
        let line = text.line_content(first);
        // What spans several lines is shown by its first.
        let end = finding.range.end.min(line.end).max(finding.range.start);
        let start = if line.len() > SHOWN_LINE {
            text.clamp(finding.range.start.saturating_sub(SHOWN_LINE / 4).max(line.start)..line.end).start
        } else {
            line.start
        };
        let shown_end = text.clamp(start..line.end.min(start + SHOWN_LINE)).end.max(start);
        let end = end.min(shown_end).max(finding.range.start.min(shown_end));
        let shown = |part: Range<usize>| {
            let within = |secret: &Range<usize>| {
                let clip = |at: usize| at.clamp(part.start, part.end) - part.start;
                clip(secret.start)..clip(secret.end)
            };
            let secrets: Vec<_> = secrets.iter().map(within).filter(|secret| !secret.is_empty()).collect();
            masked(&text.slice(part.clone()), &secrets)
        };
        let begin = finding.range.start.min(end);
        let [before, inside, after] = [start..begin, begin..end, end..shown_end].map(shown);
        let underlined = before.len()..before.len() + inside.len();
        Self { text: before + &inside + &after, first_line: first + 1, underlined }
    }
}

/// A text in which secrets are blotted out, line by line as it was.
pub(super) fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let mut secrets = secrets.to_vec();
    secrets.sort_by_key(|secret| secret.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        let secret = secret.start.max(at)..secret.end.max(at);
        out.push_str(text.get(at..secret.start).unwrap_or_default());
        let hidden = text.get(secret.clone()).unwrap_or_default();
        out.extend(hidden.chars().map(|c| if matches!(c, '"' | '\n' | '\r') { c } else { '*' }));
        at = secret.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Who wrote it and what follows.
fn about(finding: &Finding) -> String {
    let mut about = String::new();
    if let Some(resource) = &finding.resource {
        let _ = write!(about, "{}, ", resource.address);
    }
    let _ = write!(about, "{}", written_by(&JsonOrigin::from(&finding.origin)));
    let follows = match finding.verdict {
        Verdict::Allow => "allowed",
        Verdict::Note => "noted",
        Verdict::Review => "needs a review by a second person",
        Verdict::Deny => "must not be applied as it is",
    };
    if finding.environment != Environment::Unknown {
        let _ = write!(about, ", in {}", finding.environment.name());
    }
    let _ = write!(about, "; {follows}");
    about
}

/// Who wrote a text, in words.
pub(crate) fn written_by(origin: &JsonOrigin) -> String {
    let tool = origin.tool.as_deref().filter(|tool| *tool != "unknown").unwrap_or("an AI tool");
    let known = origin.authority.as_deref().map(|authority| format!(" ({authority})")).unwrap_or_default();
    match origin.by {
        Origin::Ai if origin.tool.is_none() => "taken as written by an AI".to_owned(),
        Origin::Ai => format!("written by {tool}{known}"),
        Origin::Mixed => format!("written in part by {tool}{known}"),
        Origin::Human if origin.authority.is_none() => "taken as written by a person".to_owned(),
        Origin::Human => format!("written by a person{known}"),
        Origin::Unknown | Origin::Suspected => "of unknown origin".to_owned(),
    }
}

/// The whole report: the findings, and what was found in one line.
pub(super) fn report(report: &Report) -> String {
    let mut out = String::new();
    for found in report.findings() {
        out.push_str(&found.shown);
        out.push_str("\n\n");
    }
    for file in &report.files {
        for gap in file.gaps.iter().flatten() {
            let _ = writeln!(
                out,
                "{}:{}: not known whether `{}` holds for {}: it needs {}",
                gap.path,
                gap.range.start.line + 1,
                gap.risk,
                gap.address,
                gap.needs
            );
        }
    }
    out.push_str(&summary(report));
    out
}

/// Entries of the baseline that can go.
pub(super) fn outdated(outdated: usize) -> Option<String> {
    let entries = match outdated {
        0 => return None,
        1 => "1 entry of the baseline is gone; `countersign baseline write` takes it out".to_owned(),
        _ => format!("{outdated} entries of the baseline are gone; `countersign baseline write` takes them out"),
    };
    Some(entries)
}

/// A count with its word.
pub(super) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn summary(report: &Report) -> String {
    let mut by_severity: BTreeMap<Severity, usize> = BTreeMap::new();
    for found in report.findings() {
        *by_severity.entry(found.json.severity).or_default() += 1;
    }
    let counts: Vec<_> =
        by_severity.iter().rev().map(|(level, count)| format!("{count} {}", severity(*level))).collect();
    let mut summary = plural(report.findings().count(), "finding");
    if !counts.is_empty() {
        let _ = write!(summary, " ({})", counts.join(", "));
    }
    let suppressed = report.files.iter().map(|file| file.suppressed).sum::<usize>() + report.excepted;
    if suppressed > 0 {
        let _ = write!(summary, ", {suppressed} suppressed");
    }
    let known: usize = report.files.iter().map(|file| file.known).sum();
    if known > 0 {
        let _ = write!(summary, ", {known} known from the baseline");
    }
    match (report.fixed, report.dry_run) {
        (0, _) => {}
        (fixed, true) => drop(write!(summary, ", {fixed} can be fixed")),
        (fixed, false) => drop(write!(summary, ", {fixed} fixed")),
    }
    let _ = writeln!(summary, " in {}, {:.2} s", plural(report.files.len(), "file"), report.took.as_secs_f64());
    if let Some(found) = report.findings().max_by_key(|found| found.json.severity) {
        let _ = writeln!(summary, "`countersign explain {}` says more about a risk.", found.json.risk);
    }
    if let Some(outdated) = outdated(report.outdated) {
        let _ = writeln!(summary, "{outdated}.");
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_secret_is_blotted_out() {
        assert_eq!(masked("a = \"geheim\"\nb", &[4..12, 6..8]), "a = \"******\"\nb");
    }
}
