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

impl Origin {
    /// Whether an AI tool is known to have had a part in it.
    #[must_use]
    pub const fn is_ai(self) -> bool {
        matches!(self, Self::Ai | Self::Mixed)
    }

    /// The same, as far as that raises what is needed in a place of a tier: where it matters most, nobody's counts as an AI's.
    #[must_use]
    pub fn counts_as(self, tier: Tier) -> Self {
        match self {
            Self::Unknown | Self::Suspected if tier >= Tier::High => Self::Ai,
            origin => origin,
        }
    }
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

impl Verdict {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Note => "note",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }
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
    /// Whether there may be more of them, so that a condition on how many there are holds whatever it asks for.
    pub more_dependents: bool,
    /// Resources that are destroyed or replaced at once, this one included.
    pub at_once: usize,
}

impl Impacted {
    /// Whether so many resources depend on it, as far as that is known; what is not counted counts as any number.
    pub(crate) const fn depend(&self, least: usize) -> bool {
        self.more_dependents || self.dependents >= least
    }
}

/// The table. The verdict is that of the first row that holds and names one; so is the loudness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Row>,
}

impl Row {
    fn holds(&self, at: Circumstances) -> bool {
        self.fails(at).is_none()
    }

    /// The first condition that does not hold, by its key; `None` where all do.
    fn fails(&self, at: Circumstances) -> Option<&'static str> {
        let of = |is: &dyn Fn(&Impacted) -> bool| at.impact.as_ref().is_some_and(is);
        let conditions = [
            ("origin", self.origin.as_ref().is_none_or(|origins| origins.contains(&at.origin))),
            ("severity", self.severity.as_ref().is_none_or(|severities| severities.contains(&at.severity))),
            ("surface", self.surface.is_none_or(|surface| surface == at.surface)),
            ("changed", self.changed.is_none_or(|changed| changed == at.changed)),
            ("environment", self.environment.as_ref().is_none_or(|all| all.contains(&at.environment))),
            ("action", self.action.as_ref().is_none_or(|actions| of(&|impact| actions.contains(&impact.action)))),
            ("data_loss", self.data_loss.is_none_or(|is| of(&|impact| is == impact.data_loss))),
            ("interruption", self.interruption.is_none_or(|is| of(&|impact| is == impact.interruption))),
            ("tier", self.tier.as_ref().is_none_or(|tiers| of(&|impact| tiers.contains(&impact.tier)))),
            ("dependents", self.dependents.is_none_or(|least| of(&|impact| impact.depend(least)))),
            ("at_once", self.at_once.is_none_or(|least| of(&|impact| impact.at_once >= least))),
        ];
        conditions.into_iter().find_map(|(name, holds)| (!holds).then_some(name))
    }
}

/// A row of a table that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried<'t, R> {
    /// Its number, from 0.
    pub number: usize,
    /// What it says.
    pub row: &'t R,
    /// The first condition that does not hold, by its key; `None` where all do.
    pub fails: Option<&'static str>,
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

    /// The rows, in the order in which they are tried, up to the one by which everything is decided.
    pub fn tried(&self, at: Circumstances) -> Vec<Tried<'_, Row>> {
        let (mut verdict, mut show) = (false, false);
        let mut tried = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let fails = row.fails(at);
            tried.push(Tried { number, row, fails });
            if fails.is_none() {
                verdict |= row.verdict.is_some();
                show |= row.show.is_some();
            }
            if verdict && show {
                break;
            }
        }
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn what_nobody_has_counted_may_be_any_number() {
        let (config, problems) = Config::read(
            "[[verdict]]\naction = [\"update\"]\ndependents = 50\nverdict = \"deny\"\n\
             [[verdict]]\naction = [\"update\"]\nverdict = \"note\"\n",
        );
        assert_eq!(problems, []);
        let verdict = |dependents, more_dependents| {
            let impact = Impacted {
                action: Action::Update,
                data_loss: false,
                interruption: false,
                tier: Tier::Standard,
                dependents,
                more_dependents,
                at_once: 1,
            };
            let at = Circumstances {
                origin: Origin::Unknown,
                severity: Severity::Low,
                surface: Surface::CommandLine,
                changed: true,
                environment: Environment::Unknown,
                impact: Some(impact),
            };
            config.table().decide(at).0
        };
        assert_eq!([verdict(49, false), verdict(50, false)], [Verdict::Note, Verdict::Deny]);
        assert_eq!([verdict(0, true), verdict(7, true)], [Verdict::Deny, Verdict::Deny]);
    }
}
