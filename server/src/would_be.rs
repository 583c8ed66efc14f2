//! What an edit that is not made yet would bring: the analysis of the text as it would be.

use countersign_engine::{
    Analysis, Change, Document, Evidence, Finding, Policy, Snapshot, Workspace, analyze, read, units,
};
use countersign_policy::{Circumstances, Origin, Verdict};
use countersign_syntax::Budget;
use countersign_text::RangeMap;
use std::ops::Range;

/// A text as it would be after an edit, and what is to be said of it.
pub(crate) struct WouldBe {
    /// The text.
    pub(crate) snapshot: Snapshot,
    before: Analysis,
    analysis: Analysis,
}

impl WouldBe {
    /// Works it out. `workspace` is the index of everything around the text, the text itself included. The `changes` are made
    /// one after the other. Returns `None` where the text cannot be analysed.
    pub(crate) fn of(
        snapshot: &Snapshot,
        workspace: &Workspace,
        policy: &Policy,
        changes: Vec<Change>,
        evidence: Evidence,
    ) -> Option<Self> {
        read(snapshot, &mut Budget::unbounded());
        let after = changed(snapshot, changes, evidence);
        let mut workspace_after = workspace.clone();
        workspace_after.update(&after.file, &units(snapshot), &units(&after));
        Self::between((snapshot, workspace), (after, &workspace_after), policy)
    }

    /// What is to be said of a text between two states of it and of what is around it.
    pub(crate) fn between(
        (before, around_before): (&Snapshot, &Workspace),
        (after, around_after): (Snapshot, &Workspace),
        policy: &Policy,
    ) -> Option<Self> {
        let before = analyze(before, around_before, policy, &mut Budget::unbounded()).unwrap_or_default();
        let analysis = analyze(&after, around_after, policy, &mut Budget::unbounded())?;
        Some(Self { snapshot: after, before, analysis })
    }

    /// The findings that the edit brings or touches.
    pub(crate) fn brought(&self) -> impl Iterator<Item = &Finding> {
        let address = |finding: &Finding| finding.resource.as_ref().map(|resource| resource.address.clone());
        let was_there = move |finding: &Finding| {
            let known = self.before.findings.iter();
            known.into_iter().any(|known| known.risk == finding.risk && address(known) == address(finding))
        };
        let is_changed = |range: &Range<usize>| self.snapshot.changed.overlapping(range.clone()).next().is_some();
        // What is said of text as such is shown at its first line and is about all of it.
        let about_text = move |finding: &Finding| finding.resource.is_none() && finding.causes.iter().any(is_changed);
        let touched = move |finding: &Finding| is_changed(&finding.range) || about_text(finding);
        self.analysis.findings.iter().filter(move |finding| touched(finding) || !was_there(finding))
    }

    /// Whether the very same was to be said of the same resource before the edit.
    pub(crate) fn was_said(&self, finding: &Finding) -> bool {
        let is_same = |other: &&Finding| {
            let address = |finding: &Finding| finding.resource.as_ref().map(|resource| resource.address.clone());
            other.risk == finding.risk && other.message == finding.message && address(other) == address(finding)
        };
        let count = |findings: &[Finding]| findings.iter().filter(is_same).count();
        count(&self.before.findings) >= count(&self.analysis.findings)
    }

    /// What follows from one of them where an AI makes the edit. Whoever wrote what makes it so, this edit is an AI's; and what was
    /// so before is no reason to stop it.
    pub(crate) fn verdict_of_ai(&self, finding: &Finding, policy: &Policy) -> Verdict {
        let origin = match finding.origin.by {
            Origin::Ai => Origin::Ai,
            _ => Origin::Mixed,
        };
        let (verdict, _) = policy.table.decide(Circumstances {
            origin,
            severity: finding.severity,
            surface: policy.surface,
            changed: true,
            environment: finding.environment,
            impact: finding.impact,
        });
        if self.was_said(finding) { verdict.min(Verdict::Review) } else { verdict }
    }

    /// The worst of them.
    pub(crate) fn gravest(&self) -> Option<&Finding> {
        self.brought().max_by_key(|finding| (finding.verdict, finding.severity))
    }
}

/// A text after changes, which are made one after the other, with what is known of who made them. Its units are read.
pub(crate) fn changed(snapshot: &Snapshot, changes: Vec<Change>, evidence: Evidence) -> Snapshot {
    let version = snapshot.version.saturating_add(1);
    let mut document = Document::of(Snapshot { changed: RangeMap::default(), ..snapshot.clone() });
    document.change(version, changes, |_, change| change);
    let whole = 0..document.text().len();
    // Evidence about a version is about what came in with it, so this is about the edit alone.
    document.evidence(version, evidence, Box::new(move |_| vec![whole.clone()]));
    let after = document.snapshot().clone();
    read(&after, &mut Budget::unbounded());
    after
}

/// A finding in one line: what is so, what to do, and the risk.
pub(crate) fn in_one_line(finding: &Finding) -> String {
    format!("{} {} ({})", finding.message, finding.help, finding.risk)
}
