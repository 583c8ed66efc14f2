//! How much a place matters.

use crate::environment::Environment;
use crate::globs::Globs;
use countersign_impact::tables;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a resource matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// What can be made anew without anybody noticing.
    Low,
    /// What serves, and most that nothing is known of.
    Standard,
    /// What says who may do what and who can reach what.
    High,
    /// What much stands on or what cannot be made anew: data, keys, DNS zones, networks, clusters, identity roots.
    Critical,
}

impl Tier {
    /// The tier of a kind of resource, by what it is.
    pub fn of(kind: &str) -> Self {
        match tables::class(kind).and_then(|class| class.tier) {
            Some(0 | 1) => Self::Critical,
            Some(2) => Self::High,
            Some(3) | None => Self::Standard,
            Some(_) => Self::Low,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Standard => "standard",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// `[[tier]]`: one row of the table of how much places matter. Conditions, all of which must hold, and the tier that a place then
/// has. A condition that is left out holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierRow {
    /// Where it is: globs from the root of the repository. A row with this and without `kinds` counts for files of any
    /// language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
    /// The environment that the resource belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// The kind of resource: globs, `aws_db_*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Globs>,
    /// How much it matters.
    pub tier: Tier,
}

/// The table of how much places matter. The tier is that of the first row that holds; where none does, it is by what the kind of
/// resource is.
#[derive(Debug, Clone, Default)]
pub struct Tiers {
    rows: Vec<TierRow>,
}

impl Tiers {
    /// A table of rows, first match first.
    pub fn new(rows: Vec<TierRow>) -> Self {
        Self { rows }
    }

    /// The tier of a resource. The path counts from the root of the repository.
    pub fn of(&self, path: &str, kind: &str, environment: Environment) -> Tier {
        self.row(path, Some(kind), environment).unwrap_or_else(|| Tier::of(kind))
    }

    /// The tier that the table gives a file as such, whatever it holds; `None` where it gives none.
    pub fn of_file(&self, path: &str, environment: Environment) -> Option<Tier> {
        self.row(path, None, environment)
    }

    fn row(&self, path: &str, kind: Option<&str>, environment: Environment) -> Option<Tier> {
        let holds = |row: &&TierRow| {
            row.paths.as_ref().is_none_or(|paths| paths.fit(path))
                && row.environment.as_ref().is_none_or(|environments| environments.contains(&environment))
                && row.kinds.as_ref().is_none_or(|kinds| kind.is_some_and(|kind| kinds.fit(kind)))
                && (kind.is_some() || row.paths.is_some())
        };
        self.rows.iter().find(holds).map(|row| row.tier)
    }
}
