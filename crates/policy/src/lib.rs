//! Policy: which risks there are and where they show, how loud they are and what follows, and what people asked not to be
//! told again.
//!
//! This crate knows resources and text ranges. It must not know documents, editors, files or git; the time of day is
//! passed in.

mod agents;
mod approval;
mod break_glass;
mod catalogue;
mod checks;
mod config;
mod environment;
mod evaluate;
pub mod format;
mod globs;
mod live;
mod mode;
mod name;
mod objectives;
mod options;
mod owners;
mod pattern;
mod people;
mod require;
mod skeleton;
mod suppression;
mod tier;
mod verdict;

pub use agents::{Agents, Area, Asked, CommandRow, Limits, Most, Review, Scope, Unjudged};
pub use approval::{Approval, ApprovalRow};
pub use break_glass::{BreakGlass, is_rulebook};
pub use catalogue::{Catalogue, MAX_OWN_RISKS, MAX_RISK_BYTES, OWN_RISKS, RiskRow, read_own_risk};
pub use config::{CONFIG_FILE, Config, ConfigProblem, DEFAULT_CONFIG, Editor, Files, MAX_CONFIG_BYTES, Suppressions};
pub use environment::{Environment, EnvironmentEvidence, Environments, Written};
pub use evaluate::{Fix, Gap, Hit, Related, Seen, hits};
pub use format::{AREAS, Binding, Companion, Risk, RiskDocument, Severity, Wrong};
pub use globs::Globs;
pub use live::{Attribute, Baseline, Change, Live, Since};
pub use mode::ModeRow;
pub use name::Name;
pub use objectives::{Objectives, Percent, Within};
pub use owners::{CODEOWNERS, Owners};
pub use pattern::{Called, Only, PatternRow, Place};
pub use people::{Ladder, People, Person};
pub use require::{Change as ChangeUnderReview, Evidence, Mode, Pattern, RequireRow, Review as Reviews, SIGNERS};
pub use skeleton::{Skeleton, skeletons};
pub use suppression::peers::{Checks, PeerSuppression, Reach, may_hold as may_hold_peer, read as read_peers};
pub use suppression::{
    Suppression, may_hold as may_hold_suppression, render as render_suppression, suppressions as read_suppression,
};
pub use tier::{Tier, TierRow, Tiers};
pub use verdict::{Circumstances, Impacted, Loudness, Origin, Row, Surface, Table, Tried, Verdict};
