//! The diagnostics that a client was sent, kept as they were sent: most of them are the same after an edit.

use super::features::{self, MAX_DIAGNOSTICS, View};
use super::reviews;
use countersign_engine::{Finding, OriginSummary, Shown};
use countersign_policy::{Environment, Verdict};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use tower_lsp::ls_types::{Diagnostic, Range};

/// Parameters of `textDocument/publishDiagnostics`, with diagnostics in any form that is written as one.
#[derive(Serialize)]
pub(super) struct PublishParams<'a, D> {
    pub(super) uri: &'a str,
    pub(super) diagnostics: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i32>,
}

/// The diagnostics that a client shows of a document.
#[derive(Default)]
pub(super) struct ShownDiagnostics {
    sent: Option<Vec<Sent>>,
}

/// A diagnostic as it was sent.
struct Sent {
    /// What it was made of; `None` where that is not all in one place.
    of: Option<Ingredients>,
    json: Box<RawValue>,
}

/// Everything in a finding that its diagnostic says.
struct Ingredients {
    risk: &'static str,
    range: Range,
    message: Arc<str>,
    help: Arc<str>,
    shown: Shown,
    verdict: Verdict,
    environment: Environment,
    origin: OriginSummary,
}

impl Ingredients {
    fn new(finding: &Finding, range: Range) -> Self {
        Self {
            risk: finding.risk,
            range,
            message: Arc::clone(&finding.message),
            help: Arc::clone(&finding.help),
            shown: finding.shown,
            verdict: finding.verdict,
            environment: finding.environment,
            origin: finding.origin.clone(),
        }
    }

    fn are_of(&self, finding: &Finding, range: Range) -> bool {
        self.risk == finding.risk
            && self.range == range
            && same(&self.message, &finding.message)
            && same(&self.help, &finding.help)
            && (self.shown, self.verdict, self.environment) == (finding.shown, finding.verdict, finding.environment)
            && self.origin == finding.origin
    }
}

/// Whether two texts are equal, which they mostly are because they are one.
fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl ShownDiagnostics {
    /// Makes them those of a view. Returns whether that changed anything.
    pub(super) fn update(&mut self, view: &View) -> bool {
        let analysis = view.analysis();
        let mut is_changed = self.sent.is_none();
        let mut before: Vec<_> = self.sent.take().into_iter().flatten().map(Some).collect();
        // Both are in the order of the text.
        let mut next = 0;
        let mut sent = Vec::with_capacity(before.len());
        let anew = |diagnostic: &Diagnostic, of| to_raw_value(diagnostic).ok().map(|json| Sent { of, json });
        let is_as_before = |before: &[Option<Sent>], index: usize, now: &Sent| {
            before.get(index).and_then(Option::as_ref).is_some_and(|then| then.json.get() == now.json.get())
        };
        for finding in analysis.findings.iter().take(MAX_DIAGNOSTICS) {
            let range = view.range(&finding.range);
            let is_behind = |sent: &&Option<Sent>| of(sent.as_ref()).is_some_and(|of| of.range.start > range.start);
            let mut ahead = before[next..].iter().take_while(|sent| !is_behind(sent));
            let kept = ahead.position(|sent| of(sent.as_ref()).is_some_and(|of| of.are_of(finding, range)));
            if let Some(ahead) = kept {
                let index = next + ahead;
                next = index + 1;
                is_changed |= index != sent.len();
                sent.extend(before[index].take());
                continue;
            }
            let of = finding.elsewhere.is_empty().then(|| Ingredients::new(finding, range));
            let now = anew(&features::diagnostic(view, finding), of);
            is_changed |= !now.as_ref().is_some_and(|now| is_as_before(&before, sent.len(), now));
            sent.extend(now);
        }
        if let Some(now) = features::left_out(&analysis).and_then(|diagnostic| anew(&diagnostic, None)) {
            is_changed |= !is_as_before(&before, sent.len(), &now);
            sent.push(now);
        }
        for now in reviews::diagnostics(view).iter().filter_map(|diagnostic| anew(diagnostic, None)) {
            is_changed |= !is_as_before(&before, sent.len(), &now);
            sent.push(now);
        }
        is_changed |= sent.len() != before.len();
        self.sent = Some(sent);
        is_changed
    }

    /// They, as they are sent.
    pub(super) fn diagnostics(&self) -> Vec<&RawValue> {
        self.sent.iter().flatten().map(|sent| &*sent.json).collect()
    }
}

fn of(sent: Option<&Sent>) -> Option<&Ingredients> {
    sent?.of.as_ref()
}
