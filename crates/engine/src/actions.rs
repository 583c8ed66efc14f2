//! What a person can do about a finding or a stretch of text, as edits of the text.

use crate::document::Snapshot;
use countersign_policy::render_suppression;
use countersign_provenance::{Agent, render_tags, session_id, sha256};
use countersign_syntax::{Budget, parse};
use countersign_text::TextEdit;
use std::ops::Range;

/// The edits that put a tag around the lines of a range, last first. `None` where the language has no comments.
pub fn tag(snapshot: &Snapshot, range: &Range<usize>, agent: &Agent) -> Option<Vec<TextEdit>> {
    let comment = snapshot.language.line_comment(&snapshot.file)?;
    let lines = whole_lines(snapshot, range);
    let text = snapshot.text.slice(lines.clone());
    let conversation = agent.session.clone().unwrap_or_else(|| sha256(&text));
    let (begin, end) = render_tags(comment, &session_id(&agent.tool, &conversation), agent);
    let indent: String = text.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let newline = newline(snapshot);
    let missing = if text.ends_with('\n') { "" } else { newline };
    Some(vec![
        TextEdit::new(lines.end..lines.end, format!("{missing}{indent}{end}{newline}")),
        TextEdit::new(lines.start..lines.start, format!("{indent}{begin}{newline}")),
    ])
}

/// The edit that puts a suppression above a finding at `range`. `None` where the language has no comments.
pub fn suppress(snapshot: &Snapshot, range: &Range<usize>, risk: &str, reason: &str) -> Option<TextEdit> {
    let comment = snapshot.language.line_comment(&snapshot.file)?;
    let lines = whole_lines(snapshot, &(range.start..range.start));
    let text = snapshot.text.slice(lines.clone());
    let indent: String = text.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let line = render_suppression(comment, risk, reason);
    Some(TextEdit::new(lines.start..lines.start, format!("{indent}{line}{}", newline(snapshot))))
}

/// How the text breaks its lines.
fn newline(snapshot: &Snapshot) -> &'static str {
    let first = snapshot.text.slice(snapshot.text.line_range(0));
    if first.ends_with("\r\n") { "\r\n" } else { "\n" }
}

/// The range grown to whole lines, and around any heredoc or template that it touches, where a comment would be text.
fn whole_lines(snapshot: &Snapshot, range: &Range<usize>) -> Range<usize> {
    let lines = |range: &Range<usize>| {
        let text = &snapshot.text;
        // A range that ends with a line break ends on that line.
        let last = range.end.saturating_sub(usize::from(range.end > range.start));
        text.line_range(text.line_of(range.start)).start..text.line_range(text.line_of(last)).end
    };
    let mut grown = lines(range);
    for (start, unit) in snapshot.units.iter() {
        if start + unit.len() <= grown.start || start >= grown.end {
            continue;
        }
        let source = snapshot.text.slice(start..start + unit.len());
        let Ok(Ok(tree)) = parse(snapshot.language, &source, 0, None, &mut Budget::unbounded()) else {
            continue;
        };
        for edge in [grown.start, grown.end] {
            let Some(within) = edge.checked_sub(start).filter(|within| *within < source.len()) else {
                continue;
            };
            let mut node = tree.root_node().descendant_for_byte_range(within, within);
            while let Some(current) = node {
                let inside = current.start_byte() < within && within < current.end_byte();
                if inside && matches!(current.kind(), "heredoc_template" | "quoted_template" | "string_lit" | "comment")
                {
                    let around = lines(&(start + current.start_byte()..start + current.end_byte()));
                    grown = grown.start.min(around.start)..grown.end.max(around.end);
                }
                node = current.parent();
            }
        }
    }
    grown
}
