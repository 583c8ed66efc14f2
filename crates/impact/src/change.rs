//! What happens to one resource.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// What applying an edit does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It comes into being.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed and created anew.
    Replace,
    /// It is destroyed.
    Destroy,
    /// It gets another address and stays what it is.
    Rename,
    /// It cannot be told from what is known.
    Unknown,
}

/// A state of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The baseline: what is presumed live.
    Before,
    /// What it is compared with.
    After,
}

/// A place in one of the two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub side: Side,
    /// The file.
    pub file: Arc<str>,
    /// Digest of the unit (`Lowered::digest`).
    pub unit: u64,
    /// In bytes from the start of that unit.
    pub range: Range<usize>,
}

/// Why something is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The attribute path that brings it about, where one does.
    pub attribute: Option<String>,
    /// One sentence for a person, without a full stop at its end.
    pub why: String,
    /// Where it stands, where that is in the text.
    pub place: Option<Place>,
}

/// What is lost for good when a resource is destroyed or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What it holds, and that it goes: "the database and its automated backups".
    pub why: String,
    /// What would save it: a final snapshot, a retention setting.
    pub saved_by: Option<String>,
}

/// In which direction something is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Widened {
    /// Who can reach it.
    Exposure,
    /// Who may do what.
    Identity,
    /// What is no longer encrypted.
    Encryption,
}

/// A difference that opens something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widening {
    /// In which direction.
    pub what: Widened,
    /// The difference.
    pub reason: Reason,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Folder of its module.
    pub module: Arc<str>,
    /// Its address there: before the edit, where it was there before.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// Where it is shown: in the state after where it is still there, else where it was.
    pub place: Place,
    /// What happens.
    pub action: Action,
    /// Whether it follows from what is known alone. A value or a condition that the text does not determine makes it
    /// uncertain.
    pub certain: bool,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Its new address.
    pub renamed_to: Option<String>,
    /// What is lost for good, where that is so.
    pub loss: Option<Loss>,
    /// What does not answer, or answers less, while it is applied or from then on.
    pub interruption: Option<Reason>,
    /// What would have kept it from harm and is off or gone.
    pub protections_removed: Vec<Reason>,
    /// What is opened.
    pub widened: Vec<Widening>,
}
