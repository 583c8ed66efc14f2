//! `[impact]` of `countersign.toml`: what is presumed to be live, and what changes do to it.

use countersign_impact::tables::{Effect, Extra};
use countersign_impact::versions::{self, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is presumed to be live, and what changes do to it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// The state that changes are compared with: `merge-base`, the commit at which this branch left the default branch, else the
    /// last commit; `saved`, the text that was saved last, in editors only; else the name of a commit, branch or tag: `HEAD`.
    #[schemars(with = "String")]
    pub baseline: Baseline,
    /// What changes of attributes do, beside the built-in tables or against them.
    pub attribute: Vec<Attribute>,
}

/// What a change of an attribute does to a resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// The type of the resource: `aws_db_instance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Names of blocks and of the attribute, joined by dots: `root_block_device.encrypted`.
    pub attribute: String,
    /// What a change of it does.
    pub change: Change,
    /// The version of the provider from which on that is so: `5.2`, by the constraint in `required_providers`; else always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Since>,
}

/// What a change of an attribute does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is changed in place.
    InPlace,
    /// It is replaced.
    Replaces,
    /// It is replaced under a condition.
    MayReplace,
}

/// A version of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Since(Version);

impl TryFrom<String> for Since {
    type Error = String;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let read = versions::version(&written).map(Self);
        read.ok_or_else(|| format!("`{written}` is no version; write numbers and dots: `5`, `5.2` or `5.2.1`"))
    }
}

impl From<Since> for String {
    fn from(Since([major, minor, patch]): Since) -> Self {
        format!("{major}.{minor}.{patch}")
    }
}

impl Live {
    /// What changes of attributes do, beside the built-in tables.
    pub fn facts(&self) -> Vec<Extra> {
        let fact = |stated: &Attribute| Extra {
            kind: stated.kind.clone(),
            attribute: stated.attribute.clone(),
            effect: match stated.change {
                Change::InPlace => Effect::InPlace,
                Change::Replaces => Effect::Replaces,
                Change::MayReplace => Effect::MayReplace,
            },
            since: stated.since.map(|Since(version)| version),
        };
        self.attribute.iter().map(fact).collect()
    }
}

/// The state that is presumed to be live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Baseline {
    /// The commit at which this branch left the default branch; else the last commit; outside of git what was saved last.
    #[default]
    MergeBase,
    /// The text that was saved last.
    Saved,
    /// The commit that a revision names.
    Revision(String),
}

impl TryFrom<String> for Baseline {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "merge-base" => Ok(Self::MergeBase),
            "saved" => Ok(Self::Saved),
            name if name.trim().is_empty() || name.starts_with('-') => {
                Err("`baseline` is `merge-base`, `saved`, or the name of a commit, branch or tag such as `HEAD`")
            }
            _ => Ok(Self::Revision(name)),
        }
    }
}

impl From<Baseline> for String {
    fn from(baseline: Baseline) -> Self {
        match baseline {
            Baseline::MergeBase => "merge-base".to_owned(),
            Baseline::Saved => "saved".to_owned(),
            Baseline::Revision(name) => name,
        }
    }
}
