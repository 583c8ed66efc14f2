//! What is said of the place under the pointer.

use super::features::{View, about, origin_in_words, to_range};
use super::reviews;
use countersign_engine::{Elsewhere, Finding, environment_at, gaps};
use countersign_policy::{Environment, EnvironmentEvidence, Gap};
use std::fmt::Write;
use std::ops::Range as ByteRange;
use tower_lsp::ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Range};

/// Things that would have to be known and are named; the rest are left out.
const MAX_NEEDS: usize = 3;

/// Risks that are named for one such thing; the rest are counted.
const MAX_RISKS: usize = 4;

/// What is to be said of a place.
pub(super) fn hover(view: &View, position: Position) -> Option<Hover> {
    let analysis = view.analysis();
    let offset = view.bytes(&Range { start: position, end: position }).start;
    let at = |range: &ByteRange<usize>| range.start <= offset && offset <= range.end;
    let words = Words { view, markdown: view.features.markdown_hover };
    let findings: Vec<_> = analysis.findings.iter().filter(|finding| at(&finding.range)).collect();
    let undecided = gaps(&view.snapshot);
    let gaps: Vec<_> = undecided.iter().filter(|gap| at(&gap.range)).collect();

    let mut parts: Vec<_> = findings.iter().map(|finding| words.finding(finding)).collect();
    parts.extend(words.gaps(&gaps));
    parts.extend(reviews::hover(view, offset));
    let told: Vec<_> =
        findings.iter().filter_map(|finding| Some((finding.environment, finding.environment_by?))).collect();
    let environment = told.first().copied().or_else(|| {
        if view.excluded {
            return None;
        }
        let (_, environment, by) = environment_at(&view.snapshot, &view.workspace, &view.policy, offset)?;
        Some((environment, by))
    });
    parts.extend(environment.map(|(environment, by)| environment_in_words(environment, by)));
    let around = offset..view.snapshot.text.clamp(offset..offset + 1).end.max(offset + 1);
    parts.extend(origin_in_words(&analysis.origin(&view.snapshot, &around)));
    if parts.is_empty() {
        return None;
    }
    let separator = if words.markdown { "\n\n---\n\n" } else { "\n\n" };
    let range = findings.first().map(|finding| &finding.range).or(gaps.first().map(|gap| &gap.range));
    let kind = if words.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let contents = MarkupContent { kind, value: parts.join(separator) };
    Some(Hover { contents: HoverContents::Markup(contents), range: range.map(|range| view.range(range)) })
}

/// "Production, told by the path."
fn environment_in_words(environment: Environment, by: EnvironmentEvidence) -> String {
    let environment = match environment {
        Environment::Production => "Production",
        Environment::Staging => "Staging",
        Environment::Development => "Development",
        Environment::Unknown => "Unknown",
    };
    let by = match by {
        EnvironmentEvidence::Path => "the path",
        EnvironmentEvidence::Workspace => "the workspace",
        EnvironmentEvidence::Variables => "a variable",
        EnvironmentEvidence::Tags => "a tag",
        EnvironmentEvidence::Names => "a name",
    };
    format!("{environment}, told by {by}.")
}

/// How it is said to this client.
struct Words<'a> {
    view: &'a View,
    markdown: bool,
}

impl Words<'_> {
    fn plain(&self, text: &str) -> String {
        if self.markdown { text.to_owned() } else { text.replace('`', "") }
    }

    fn code(&self, text: &str) -> String {
        if self.markdown { format!("`{text}`") } else { text.to_owned() }
    }

    fn finding(&self, finding: &Finding) -> String {
        let title = &finding.title;
        let (bold, emphasis) = if self.markdown { ("**", "*") } else { ("", "") };
        let mut words = format!(
            "{bold}{title}{bold} ({})\n\n{}\n\n{emphasis}What to do:{emphasis} {}\n\n{}",
            self.code(finding.risk),
            self.plain(&finding.message),
            self.plain(&finding.help),
            about(finding)
        );
        let places: Vec<_> = finding.elsewhere.iter().filter_map(|place| self.place(place)).collect();
        if !places.is_empty() {
            let _ = write!(words, "\n\n{}", places.join("\n"));
        }
        words
    }

    /// Another place, with a link to it.
    fn place(&self, place: &Elsewhere) -> Option<String> {
        let (uri, snapshot, range) = self.view.around.locate(place)?;
        let line = to_range(&snapshot.text, self.view.features.encoding, &range).start.line + 1;
        let name = place.file.rsplit('/').next().unwrap_or(&place.file);
        let message = self.plain(&place.message);
        Some(if self.markdown {
            let name: String = name
                .chars()
                .flat_map(|c| matches!(c, '[' | ']' | '\\').then_some('\\').into_iter().chain([c]))
                .collect();
            // A bracket would end the link.
            let uri = uri.as_str().replace('(', "%28").replace(')', "%29");
            format!("- [{name}:{line}]({uri}#L{line}): {message}")
        } else {
            format!("{name}:{line}: {message}")
        })
    }

    /// What cannot be decided, by what would have to be known.
    fn gaps(&self, gaps: &[&Gap]) -> Vec<String> {
        let mut needs: Vec<(&str, Vec<&str>)> = Vec::new();
        for gap in gaps {
            match needs.iter_mut().find(|(need, _)| *need == gap.needs) {
                Some((_, risks)) if risks.contains(&gap.risk.as_str()) => {}
                Some((_, risks)) => risks.push(&gap.risk),
                None => needs.push((&gap.needs, vec![&gap.risk])),
            }
        }
        let in_words = |(need, risks): &(&str, Vec<&str>)| {
            let named: Vec<_> = risks.iter().take(MAX_RISKS).map(|risk| self.code(risk)).collect();
            let mut named = named.join(", ");
            if risks.len() > MAX_RISKS {
                let _ = write!(named, " and {} more", risks.len() - MAX_RISKS);
            }
            let hold = if risks.len() == 1 { "holds" } else { "hold" };
            let (name, why) = need.split_at(need.find(", ").unwrap_or(need.len()));
            format!("Not known: whether {named} {hold} here. It needs {}{why}.", self.code(name))
        };
        needs.iter().take(MAX_NEEDS).map(in_words).collect()
    }
}
