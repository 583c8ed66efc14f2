//! All safe changes of a document at once.

use super::features::View;
use countersign_engine::{Analysis, Change, Document, Finding, Snapshot, alone, analyze, read, units};
use countersign_provenance::minimal_edits;
use countersign_syntax::Budget;
use countersign_text::TextEdit;
use std::collections::HashMap;

/// How often a text is looked at again for changes that stood in each other's way.
const ROUNDS: usize = 10;

/// The edits that make every safe change, or every one for a risk. None that would bring anything new or that does no good
/// is among them. They do not overlap, and the last comes first.
pub(super) fn fix_all(view: &View, risk: Option<&str>) -> Vec<TextEdit> {
    let workspace = if view.analysis.is_some() { view.workspace.clone() } else { alone(&view.snapshot) };
    let look = |snapshot: &Snapshot| {
        read(snapshot, &mut Budget::unbounded());
        let mut workspace = workspace.clone();
        workspace.update(&snapshot.file, &units(&view.snapshot), &units(snapshot));
        analyze(snapshot, &workspace, &view.policy, &mut Budget::unbounded()).unwrap_or_default()
    };
    let (mut now, mut before) = (Snapshot::clone(&view.snapshot), Analysis::clone(&view.analysis()));
    let mut first = None;
    for round in 0..ROUNDS {
        let changes = changes(&before, risk);
        // All together; where that does not do, the first that does good on its own.
        let alone = changes.iter().map(std::slice::from_ref).filter(|_| changes.len() > 1);
        let tried = std::iter::once(changes.as_slice()).filter(|all| !all.is_empty()).chain(alone);
        let better = tried
            .map(|changes| {
                let after = applied(&now, changes);
                let analysis = look(&after);
                (changes, after, analysis)
            })
            .find(|(_, _, analysis)| is_better(&before, analysis));
        let Some((changes, after, analysis)) = better else { break };
        first = if round == 0 { Some(changes.iter().rev().cloned().collect()) } else { None };
        (now, before) = (after, analysis);
    }
    first.unwrap_or_else(|| minimal_edits(0, &view.snapshot.text.to_string(), &now.text.to_string()))
}

/// The changes of an analysis that neither overlap nor touch, in order of the text.
fn changes(analysis: &Analysis, risk: Option<&str>) -> Vec<TextEdit> {
    // What becomes of what is live is decided one by one.
    let findings = analysis.findings.iter().filter(|finding| finding.impact.is_none());
    let wanted = findings.filter(|finding| risk.is_none_or(|risk| finding.risk == risk));
    let mut all: Vec<_> = wanted
        .filter_map(|finding| finding.fix.as_ref())
        .map(|fix| TextEdit::new(fix.range.clone(), fix.text.as_str()))
        .collect();
    all.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut end = None;
    all.retain(|edit| {
        let apart = end.is_none_or(|end| edit.range.start > end);
        if apart {
            end = Some(edit.range.end);
        }
        apart
    });
    all
}

fn applied(snapshot: &Snapshot, edits: &[TextEdit]) -> Snapshot {
    let mut document = Document::of(snapshot.clone());
    let changes = edits.iter().rev().map(|edit| Change { range: Some(edit.range.clone()), text: edit.text.clone() });
    document.change(snapshot.version, changes, |_, change| change);
    document.snapshot().clone()
}

/// Whether there is less to say than before, and nothing new.
fn is_better(before: &Analysis, after: &Analysis) -> bool {
    fn name(finding: &Finding) -> (&str, Option<&str>) {
        (finding.risk, finding.resource.as_ref().map(|resource| &*resource.address))
    }
    let mut left: HashMap<_, usize> = HashMap::new();
    for finding in &before.findings {
        *left.entry(name(finding)).or_default() += 1;
    }
    let mut is_new = false;
    for finding in &after.findings {
        match left.get_mut(&name(finding)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => is_new = true,
        }
    }
    !is_new && after.findings.len() < before.findings.len()
}
