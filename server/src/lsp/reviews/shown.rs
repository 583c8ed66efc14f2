//! What an editor shows of the reviews where they are about: that an approval does not hold any more, what can be answered, and where
//! a request stands.

use super::ReviewResult;
use super::{APPROVE, REJECT};
use crate::lsp::features::{View, arguments, command, request_review};
use crate::lsp::protocol::ReviewArguments;
use crate::review::State;
use countersign_text::Text;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;
use tower_lsp::ls_types::{
    CodeAction, CodeActionDisabled, CodeActionKind, CodeActionOrCommand, Command, Diagnostic, DiagnosticSeverity,
};

/// The lines of a range, without blank ones at both ends.
pub(super) fn trimmed(text: &Text, range: &Range<usize>) -> Range<usize> {
    let source = text.slice(range.clone());
    let start = range.start + (source.len() - source.trim_start().len());
    start..(start + source.trim().len())
}

/// Where what a request is about stands in a document as it is now: all that has its address.
fn places(view: &View, review: &ReviewResult) -> Vec<Range<usize>> {
    let parts = countersign_engine::parts(&view.snapshot).into_iter();
    let own = parts.filter(|part| part.block.as_ref().map(|(_, address)| address) == review.address.as_ref());
    own.map(|part| trimmed(&view.snapshot.text, &part.range)).filter(|range| !range.is_empty()).collect()
}

/// The first line of a part that is no comment: what it declares.
fn header(view: &View, range: &Range<usize>) -> Range<usize> {
    let mut at = range.start;
    for line in view.snapshot.text.slice(range.clone()).split_inclusive('\n') {
        let said = line.trim();
        if !(said.is_empty() || said.starts_with(['#', '/', '*'])) {
            let start = at + (line.len() - line.trim_start().len());
            return start..start + said.len();
        }
        at += line.len();
    }
    range.clone()
}

/// The requests about the document whose approvals do not hold any more, one for each part: the one that was asked last.
fn voided(view: &View) -> Vec<&ReviewResult> {
    let of_file = view.reviews.iter().filter(|_| !view.excluded).flat_map(|of_file| &of_file.reviews);
    let mut voided: Vec<&ReviewResult> = of_file.filter(|review| !review.voided.is_empty()).collect();
    voided.sort_by(|a, b| b.requested_at.cmp(&a.requested_at));
    let mut known = HashSet::new();
    voided.retain(|review| known.insert(&review.address));
    voided
}

/// That approvals do not hold any more: where somebody had approved what stood there, and nobody what stands there now.
pub(in crate::lsp) fn diagnostics(view: &View) -> Vec<Diagnostic> {
    voided(view).into_iter().filter_map(|review| diagnostic(view, review)).collect()
}

fn diagnostic(view: &View, review: &ReviewResult) -> Option<Diagnostic> {
    let place = places(view, review).into_iter().next()?;
    Some(Diagnostic {
        range: view.range(&header(view, &place)),
        severity: Some(DiagnosticSeverity::INFORMATION),
        source: Some("countersign".to_owned()),
        message: format!(
            "The approval by {} (review {}) does not hold any more: {}.\nWhat was approved is not what would be merged. Ask for the \
             review anew, with the code action here or `countersign review request {}`.",
            review.voided.join(" and "),
            review.id,
            review.why_void.as_deref().unwrap_or("the text has changed since"),
            review.path
        ),
        ..Diagnostic::default()
    })
}

/// What can be done about the reviews of what is selected.
pub(in crate::lsp) fn actions(
    view: &View,
    selection: &Range<usize>,
    wanted: &dyn Fn(&CodeActionKind) -> bool,
) -> Vec<CodeActionOrCommand> {
    let mut actions = Vec::new();
    let Some(of_file) = view.reviews.as_ref().filter(|_| !view.excluded) else { return actions };
    let touches = |range: &Range<usize>| range.start <= selection.end && selection.start <= range.end;
    if wanted(&CodeActionKind::QUICKFIX) {
        for review in voided(view) {
            let Some(place) = places(view, review).into_iter().find(touches) else { continue };
            let title = format!("Request the review of {} anew", review.place());
            actions.push(request_review(view, title, &arguments(view, &place, None), diagnostic(view, review)));
        }
    }
    if !wanted(&CodeActionKind::REFACTOR) {
        return actions;
    }
    let is_open = |review: &&ReviewResult| !matches!(review.state, State::Void | State::Past);
    for review in of_file.reviews.iter().filter(is_open) {
        if !places(view, review).iter().any(touches) {
            continue;
        }
        let asked = format!("the review of {}, asked by {}", review.place(), review.requested_by);
        let arguments = ReviewArguments { root: of_file.root.clone(), id: review.id.clone() };
        let answers = [("Approve", APPROVE, review.may_approve), ("Reject", REJECT, review.may_reject)];
        for (verb, name, may) in answers {
            let title = format!("{verb} {asked}");
            if may {
                actions.push(answer(view, command(title, name, &arguments)));
            } else if name == APPROVE && view.features.disabled_actions {
                // Only of the first is it known why not.
                actions.extend(review.why_not.clone().map(|reason| disabled(title, reason)));
            }
        }
    }
    actions
}

fn answer(view: &View, command: Command) -> CodeActionOrCommand {
    if !view.features.action_literals {
        return CodeActionOrCommand::Command(command);
    }
    CodeActionOrCommand::CodeAction(CodeAction {
        title: command.title.clone(),
        kind: Some(CodeActionKind::REFACTOR),
        command: Some(command),
        ..CodeAction::default()
    })
}

/// An action that is named and cannot be chosen.
fn disabled(title: String, reason: String) -> CodeActionOrCommand {
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(CodeActionKind::REFACTOR),
        disabled: Some(CodeActionDisabled { reason }),
        ..CodeAction::default()
    })
}

/// Where the requests stand whose resource is declared in the line of a byte.
pub(in crate::lsp) fn hover(view: &View, offset: usize) -> Vec<String> {
    let of_file = view.reviews.iter().filter(|_| !view.excluded).flat_map(|of_file| &of_file.reviews);
    let open = of_file.filter(|review| review.state != State::Past);
    let is_here = |place: &Range<usize>| {
        let header = header(view, place);
        header.start <= offset && offset <= header.end
    };
    open.filter(|review| places(view, review).iter().any(is_here)).map(|review| in_words(view, review)).collect()
}

fn in_words(view: &View, review: &ReviewResult) -> String {
    // What others have written is no Markdown.
    let plain = |text: &str| if view.features.markdown_hover { escaped(text) } else { text.to_owned() };
    let stands = match review.state {
        State::Waiting => "waits for approval",
        State::Approved => "is approved",
        State::Rejected => "is rejected",
        State::Void | State::Past => "does not hold any more",
    };
    let mut words = format!("Review {} {stands}", review.id);
    let _ = match &review.why_void {
        Some(why) => write!(words, ": {}.", plain(why)),
        None => write!(words, "."),
    };
    let _ = write!(words, " Asked by {}: {}", plain(&review.requested_by), plain(&review.why));
    if let Some(needs) = &review.needs {
        let _ = write!(words, "\n\nIt needs {}.", plain(needs));
    }
    for answer in &review.answers {
        let who = plain(&answer.who);
        let _ = match (&answer.said, &answer.does_not_count) {
            (Some(said), _) if answer.why.is_empty() => write!(words, "\n\n{who} has {said} it."),
            (Some(said), _) => write!(words, "\n\n{who} has {said} it: {}", plain(&answer.why)),
            (None, why) => write!(words, "\n\n{who} does not count: {}.", plain(why.as_deref().unwrap_or_default())),
        };
    }
    if let Some(why_not) = review.why_not.as_ref().filter(|_| review.state != State::Void) {
        let _ = write!(words, "\n\nIt is not for you to approve: {}.", plain(why_not));
    }
    words
}

/// A text as it stands between others in Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
