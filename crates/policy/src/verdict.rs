//! The one table that says what follows from a finding.

use crate::environment::Environment;
use crate::format::Severity;
use crate::tier::Tier;
use countersign_impact::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who wrote the text that a finding is about, as far as the evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An AI tool.
    Ai,
    /// Partly an AI tool.
    Mixed,
    /// A person.
    Human,
    /// There is no evidence.
    Unknown,
    /// There is no evidence but the shape of one edit; a question, never an answer.
    Suspected,
}

/// What policy says of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to say.
    Allow,
    /// Said, and nothing follows.
    Note,
    /// A second person has to look at it.
    Review,
    /// Not to be applied as it is.
    Deny,
}

/// Where a finding is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// While somebody writes.
    Editor,
    /// The command line and CI.
    CommandLine,
}

/// How loud a finding is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Loudness {
    /// As its severity says.
    Full,
    /// One step below its severity.
    Lower,
    /// As a hint.
    Hint,
    /// Not at all.
    Off,
}

/// One row of the table: conditions, all of which must hold, and what then follows. A condition that is left out holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Who wrote the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Vec<Origin>>,
    /// How bad the risk is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Vec<Severity>>,
    /// Where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// Whether the text is changed against the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// The environment that the resource belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// What applying the change does to the resource that is live. This and the next ones never hold for a finding that is
    /// not about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Vec<Action>>,
    /// Whether data is lost for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_loss: Option<bool>,
    /// Whether something does not answer, or answers less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruption: Option<bool>,
    /// How much the resource matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Vec<Tier>>,
    /// At least so many resources depend on it, directly or through others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependents: Option<usize>,
    /// At least so many resources are destroyed or replaced at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<usize>,
    /// What follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How loud it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<Loudness>,
}

/// What the table is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// Who wrote the text.
    pub origin: Origin,
    /// How bad the risk is.
    pub severity: Severity,
    /// Where it is shown.
    pub surface: Surface,
    /// Whether the text is changed against the baseline. A file on the command line is not compared and counts as
    /// changed.
    pub changed: bool,
    /// The environment that the resource belongs to.
    pub environment: Environment,
    /// What happens to what is live, where the finding is about that.
    pub impact: Option<Impacted>,
}

/// What applying a change does to a resource that is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impacted {
    /// What.
    pub action: Action,
    /// Whether data is lost for good.
    pub data_loss: bool,
    /// Whether something does not answer, or answers less.
    pub interruption: bool,
    /// How much the resource matters.
    pub tier: Tier,
    /// Resources that depend on it, directly or through others.
    pub dependents: usize,
    /// Resources that are destroyed or replaced at once, this one included.
    pub at_once: usize,
}

/// The table. The verdict is that of the first row that holds and names one; so is the loudness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Row>,
}

impl Row {
    fn holds(&self, at: Circumstances) -> bool {
        self.origin.as_ref().is_none_or(|origins| origins.contains(&at.origin))
            && self.severity.as_ref().is_none_or(|severities| severities.contains(&at.severity))
            && self.surface.is_none_or(|surface| surface == at.surface)
            && self.changed.is_none_or(|changed| changed == at.changed)
            && self.environment.as_ref().is_none_or(|environments| environments.contains(&at.environment))
            && (!self.is_about_impact() || at.impact.is_some_and(|impact| self.holds_of(&impact)))
    }

    fn is_about_impact(&self) -> bool {
        self.action.is_some()
            || self.data_loss.is_some()
            || self.interruption.is_some()
            || self.tier.is_some()
            || self.dependents.is_some()
            || self.at_once.is_some()
    }

    fn holds_of(&self, impact: &Impacted) -> bool {
        self.action.as_ref().is_none_or(|actions| actions.contains(&impact.action))
            && self.data_loss.is_none_or(|is| is == impact.data_loss)
            && self.interruption.is_none_or(|is| is == impact.interruption)
            && self.tier.as_ref().is_none_or(|tiers| tiers.contains(&impact.tier))
            && self.dependents.is_none_or(|least| impact.dependents >= least)
            && self.at_once.is_none_or(|least| impact.at_once >= least)
    }
}

impl Table {
    /// A table of rows, first match first.
    pub fn new(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// What follows, and how loud it is shown. Where no row says so: `note`, as its severity says.
    pub fn decide(&self, at: Circumstances) -> (Verdict, Loudness) {
        let mut rows = self.rows.iter().filter(|row| row.holds(at));
        let verdict = rows.clone().find_map(|row| row.verdict).unwrap_or(Verdict::Note);
        (verdict, rows.find_map(|row| row.show).unwrap_or(Loudness::Full))
    }
}
