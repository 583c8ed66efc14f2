//! How much a place matters.

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
