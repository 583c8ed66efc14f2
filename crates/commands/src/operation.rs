//! What a command would do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What becomes of the thing that an operation hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is gone: a resource, a cluster, a release.
    Destroy,
    /// It is destroyed and made anew.
    Replace,
    /// It stops serving, for a while or until somebody starts it again.
    Interrupt,
    /// Other people or programs may do more or less with it, or it can be reached from elsewhere.
    Access,
    /// Changes go live that nobody confirms; a plan says which, and they may destroy.
    Apply,
    /// What a tool believes about the world differs from the world: state files, locks, workspaces.
    StateChange,
    /// Commits or references that others build on are lost or other than they were.
    HistoryRewrite,
    /// Data is gone: rows, tables, objects, volumes, devices.
    DataDelete,
    /// Files are gone from this machine.
    FileDelete,
    /// A check no longer stands in the way: a hook, a policy, a protection, a review.
    BypassControl,
    /// What would happen cannot be read.
    Unknown,
}

impl Effect {
    /// Every effect, in the order of the type.
    pub const ALL: &'static [Self] = &[
        Self::Destroy,
        Self::Replace,
        Self::Interrupt,
        Self::Access,
        Self::Apply,
        Self::StateChange,
        Self::HistoryRewrite,
        Self::DataDelete,
        Self::FileDelete,
        Self::BypassControl,
        Self::Unknown,
    ];

    /// The word for it, in lower case with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Replace => "replace",
            Self::Interrupt => "interrupt",
            Self::Access => "access",
            Self::Apply => "apply",
            Self::StateChange => "state-change",
            Self::HistoryRewrite => "history-rewrite",
            Self::DataDelete => "data-delete",
            Self::FileDelete => "file-delete",
            Self::BypassControl => "bypass-control",
            Self::Unknown => "unknown",
        }
    }
}

/// Where an operation takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// On this machine, in this working copy.
    Local,
    /// In what others share: a remote repository, its checks.
    Shared,
    /// In systems that run. Which environment they belong to is told by the evidence.
    Live,
}

/// How much it matters, before the environment is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// It can be got back, is a small part, or is not known to matter.
    Lesser,
    /// It cannot simply be undone.
    Grave,
}

/// Where a word stands that may tell the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A flag of the program: `--profile`, `-var-file`.
    Flag,
    /// A variable that is set for the program: `AWS_PROFILE`.
    Variable,
    /// What an earlier command of the same text chose: `kubectl config use-context`, `terraform workspace select`.
    Choice,
    /// The workspace that a file in the folder names.
    Workspace,
    /// The machine that the command runs on.
    Host,
    /// What is hit.
    Target,
    /// The folder that the command runs in.
    Folder,
}

/// A word that may tell the environment. Whether it does is for the caller to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it stands.
    pub source: Source,
    /// The name of the flag, variable or command, as it is spelled there.
    pub name: String,
    /// The word: `prod.tfvars`, `arn:aws:eks:eu-west-1:1:cluster/prod`, `live/prod`.
    pub word: String,
}

/// One thing that a command would do to what cannot simply be had again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The program that does it, without its folder: `terraform`. Of a tool, its name.
    pub program: String,
    /// What becomes of what it hits.
    pub effect: Effect,
    /// Where.
    pub reach: Reach,
    /// How much it matters, before the environment is asked.
    pub grade: Grade,
    /// Whether the text leaves no doubt. `false` where it depends on what is not written: a branch of a script, a variable, an
    /// answer to a question, an argument that cannot be read.
    pub certain: bool,
    /// What it does, a clause without subject and full stop: "destroys every resource of the Terraform state in prod".
    pub what: String,
    /// What to do instead, in whole sentences.
    pub instead: String,
    /// What is hit, as the text says it.
    pub target: Option<String>,
    /// The file of a plan that is applied.
    pub plan: Option<String>,
    /// Words that may tell the environment, those that are nearest to the program first.
    pub evidence: Vec<Evidence>,
    /// The folder that it runs in; `None` where the text changes to one that cannot be read.
    pub folder: Option<String>,
    /// How it is reached, from the outside in: `make destroy`, `scripts/down.sh`, `bash -c`, `xargs`, `ssh db1`.
    pub via: Vec<String>,
    /// The file that `range` is in; `None` for the command itself.
    pub file: Option<String>,
    /// The bytes of the innermost text that can be pointed at.
    pub range: Range<usize>,
}
