//! What a change does to what is live, as findings of the file that it is shown in.

use crate::analysis::{Finding, Policy};
use crate::derive::{Elsewhere, locate, written_of};
use crate::document::Snapshot;
use crate::facts::Facts;
use countersign_impact::{Action, Change, Reason, Side};
use countersign_infra::Format;
use countersign_infra::terraform::{Workspace, module_of};
use countersign_policy::{Environment, EnvironmentEvidence, Fix, Impacted, Tier, Written};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// What a change does to one resource that is live, in the file that it is shown in.
#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// What.
    pub change: Arc<Change>,
    /// Where it is shown.
    pub at: At,
    /// Who depends on the resource.
    pub reach: Reach,
    /// The environment of the resource.
    pub environment: Environment,
    /// What tells the environment.
    pub environment_by: Option<EnvironmentEvidence>,
    /// Resources that are destroyed or replaced together with it, itself included.
    pub at_once: usize,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// In a unit, by its digest and in bytes from its start.
    Unit(u64, Range<usize>),
    /// Where something stood that is gone: a byte of the text, which follows edits.
    Gone(usize),
}

/// Who depends on a resource, directly or through others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// How many depend on it directly.
    pub direct: usize,
    /// How many depend on it, all in all.
    pub transitive: usize,
    /// Whether there may be more.
    pub is_cut: bool,
    /// The one that matters most.
    pub worst: Option<Worst>,
    /// Where those stand that depend directly, as far as they are shown.
    pub places: Vec<Elsewhere>,
}

/// The dependent that matters most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worst {
    /// Its address.
    pub address: String,
    /// How much it matters.
    pub tier: Tier,
    /// Its environment.
    pub environment: Environment,
    /// What leads to it, from the resource on; itself last.
    pub via: Vec<String>,
}

impl Impact {
    /// What the table of verdicts is asked about.
    pub(crate) fn circumstances(&self) -> Impacted {
        Impacted {
            action: self.change.action,
            data_loss: self.change.loss.is_some(),
            interruption: self.change.interruption.is_some(),
            tier: Tier::of(&self.change.kind),
            dependents: self.reach.transitive,
            more_dependents: self.reach.is_cut,
            at_once: self.at_once,
        }
    }

    /// Where it is shown in a text; `None` where that has moved on.
    pub fn range(&self, snapshot: &Snapshot) -> Option<Range<usize>> {
        match &self.at {
            At::Unit(unit, range) => place(snapshot, *unit, range),
            At::Gone(offset) => {
                let line = snapshot.text.line_of((*offset).min(snapshot.text.len()));
                Some(snapshot.text.line_content(line))
            }
        }
    }

    /// The risk that is the first to be said of it.
    pub fn risk(&self) -> &'static str {
        match self.change.action {
            Action::Unknown => "impact-unknown",
            _ if self.change.loss.is_some() => "destroys-data",
            Action::Destroy => "destroys",
            Action::Replace => "replaces",
            _ if self.change.interruption.is_some() => "interrupts",
            _ if !self.change.protections_removed.is_empty() => "protection-removed",
            _ => "widens",
        }
    }

    /// Where in a text it is brought about, and where it is shown.
    pub(crate) fn places(&self, snapshot: &Snapshot) -> Vec<Range<usize>> {
        let change = &self.change;
        let widened = change.widened.iter().map(|it| &it.reason);
        let reasons = change.reasons.iter().chain(&change.interruption).chain(widened);
        reasons.filter_map(|reason| place_of(reason, snapshot)).chain(self.range(snapshot)).collect()
    }

    /// It in a few words, for a line above the resource: `replace, 14 dependents, production`.
    pub fn in_short(&self) -> String {
        let mut words = vec![match (self.change.action, self.change.certain) {
            (action, true) => verb(action).to_owned(),
            (Action::Unknown, false) => verb(Action::Unknown).to_owned(),
            (action, false) => format!("perhaps {}", verb(action)),
        }];
        if self.change.loss.is_some() {
            words.push("data loss".to_owned());
        }
        if self.reach.transitive > 0 {
            words.push(dependents(&self.reach));
        } else if self.reach.is_cut {
            words.push("dependents not counted".to_owned());
        }
        if self.environment != Environment::Unknown {
            words.push(self.environment.name().to_owned());
        }
        words.join(" · ")
    }

    /// What is to be said about it: risk, where, message, help.
    pub(crate) fn sayings(&self, snapshot: &Snapshot) -> Vec<Saying> {
        let change = &self.change;
        let Some(whole) = self.range(snapshot) else { return Vec::new() };
        let mut sayings = Vec::new();
        let here = |reason: &Reason| place_of(reason, snapshot);
        if matches!(change.action, Action::Destroy | Action::Replace | Action::Unknown) {
            let places: Vec<_> = change.reasons.iter().filter_map(here).collect();
            let range = places.first().cloned().unwrap_or_else(|| whole.clone());
            sayings.push(Saying {
                risk: self.risk(),
                range,
                causes: places,
                message: self.message(),
                fix: self.moved(snapshot),
            });
        } else if let Some(interruption) = &change.interruption {
            let range = here(interruption).unwrap_or_else(|| whole.clone());
            let message = format!("`{}`: {}.", change.address, interruption.why);
            sayings.push(Saying { risk: "interrupts", causes: vec![range.clone()], range, message, fix: None });
        }
        for (risk, reason) in change
            .protections_removed
            .iter()
            .map(|reason| ("protection-removed", reason))
            .chain(change.widened.iter().map(|widening| ("widens", &widening.reason)))
        {
            let range = here(reason).unwrap_or_else(|| whole.clone());
            let message = format!("`{}`: {}.", change.address, reason.why);
            sayings.push(Saying { risk, causes: vec![range.clone()], range, message, fix: None });
        }
        sayings
    }

    /// What happens, why, what is lost, and who depends on it.
    fn message(&self) -> String {
        let change = &self.change;
        let would = if change.certain { "would be" } else { "may be" };
        let mut message = match change.action {
            Action::Destroy => format!("`{}` {would} destroyed", change.address),
            Action::Replace => format!("`{}` {would} destroyed and created anew", change.address),
            _ => format!("What this does to `{}` cannot be told", change.address),
        };
        let reasons: Vec<&str> = change.reasons.iter().map(|reason| reason.why.as_str()).collect();
        if !reasons.is_empty() {
            let _ = write!(message, ": {}", reasons.join("; "));
        }
        message.push('.');
        let sentence = |text: &str| {
            let mut chars = text.chars();
            chars.next().map(|first| format!(" {}{}.", first.to_uppercase(), chars.as_str())).unwrap_or_default()
        };
        if let Some(loss) = &change.loss {
            message += &sentence(&loss.why);
            message += &loss.saved_by.as_deref().map(sentence).unwrap_or_default();
        }
        if let Some(interruption) = &change.interruption {
            message += &sentence(&interruption.why);
        }
        if self.reach.transitive > 0 {
            let _ = write!(message, " {} on it", depend(&self.reach));
            if let Some(worst) = &self.reach.worst {
                let _ = write!(message, ", most of all `{}` ({}", worst.address, worst.tier.name());
                if worst.environment != Environment::Unknown {
                    let _ = write!(message, ", {}", worst.environment.name());
                }
                message.push(')');
            }
            message.push('.');
        }
        message
    }

    /// The `moved` block that keeps a renamed resource: behind its unit, and at the end of the text where that is in another file.
    fn moved(&self, snapshot: &Snapshot) -> Option<Fix> {
        let change = &self.change;
        let is_terraform = Format::of_kind(&change.kind) == Format::Terraform;
        let to = change.renamed_to.as_ref().filter(|_| change.action == Action::Destroy && is_terraform)?;
        // The addresses are those of its module.
        if module_of(&snapshot.file) != &*change.module {
            return None;
        }
        let end = match &self.at {
            At::Unit(unit, _) => {
                let is_it = |other: &Facts| other.lowered.digest == *unit;
                let (start, unit) = snapshot.units.iter().find(|(_, other)| other.memo().is_some_and(is_it))?;
                start + snapshot.text.slice(start..start + unit.len()).trim_end().len()
            }
            At::Gone(_) => snapshot.text.to_string().trim_end().len(),
        };
        let before = if end == 0 { "" } else { "\n\n" };
        let text = format!("{before}moved {{\n  from = {}\n  to   = {to}\n}}", change.address);
        Some(Fix { range: end..end, text })
    }
}

/// One thing to be said.
pub(crate) struct Saying {
    pub(crate) risk: &'static str,
    pub(crate) range: Range<usize>,
    /// The text that brings it about.
    pub(crate) causes: Vec<Range<usize>>,
    pub(crate) message: String,
    pub(crate) fix: Option<Fix>,
}

/// Adds what is known of who wrote and who depends to a finding.
pub(crate) fn with_reach(finding: Finding, impact: &Impact) -> Finding {
    Finding {
        elsewhere: impact.reach.places.clone().into(),
        environment: impact.environment,
        environment_by: impact.environment_by,
        ..finding
    }
}

/// The environment of the resource with an address in the module of a folder, by what is written.
pub fn environment_of(
    workspace: &Workspace,
    policy: &Policy,
    module: &str,
    address: &str,
) -> (Environment, Option<EnvironmentEvidence>) {
    let Some((file, written)) = written_of(workspace, module, address) else {
        return (Environment::Unknown, None);
    };
    policy.environments.of(&Written { path: policy.relative(&file).to_owned(), ..written })
}

/// Where a reason stands, where that is in a text.
fn place_of(reason: &Reason, snapshot: &Snapshot) -> Option<Range<usize>> {
    let own = reason.place.as_ref().filter(|it| it.side == Side::After && it.file == snapshot.file)?;
    place(snapshot, own.unit, &own.range)
}

fn place(snapshot: &Snapshot, unit: u64, range: &Range<usize>) -> Option<Range<usize>> {
    let place = Elsewhere { file: Arc::clone(&snapshot.file), unit, range: range.clone(), message: String::new() };
    locate(snapshot, &place).filter(|range| range.end <= snapshot.text.len())
}

/// What happens, as a word.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Destroy => "destroy",
        Action::Rename => "rename",
        Action::Unknown => "impact unknown",
    }
}

/// How many depend on something: "14 dependents".
pub fn dependents(reach: &Reach) -> String {
    let more = if reach.is_cut { "at least " } else { "" };
    let noun = if reach.transitive == 1 { "dependent" } else { "dependents" };
    format!("{more}{} {noun}", reach.transitive)
}

fn depend(reach: &Reach) -> String {
    let more = if reach.is_cut { "At least " } else { "" };
    match reach.transitive {
        1 => format!("{more}1 resource depends"),
        count => format!("{more}{count} resources depend"),
    }
}
