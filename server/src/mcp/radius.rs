//! `blast_radius`.

use super::workspace::{Told, Workspace};
use crate::disk::Configs;
use crate::impact::report::{Impact, JsonChange, JsonDependent, Told as Resource};
use crate::impact::{Besides, narrow, since, words};
use crate::surroundings::key;
use countersign_engine::report::JsonProblem;
use countersign_impact::graph::parts;
use countersign_policy::Tier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Dependents that are listed of a resource, the nearest.
const MAX_DEPENDENTS: usize = 100;

/// Resources that are listed where several have the address.
const MAX_RESOURCES: usize = 10;

/// A resource.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlastRadius {
    /// Its address in its module, as in `aws_vpc.main`, or through the calls from `folder`, as in `module.network.aws_vpc.main`.
    address: String,
    /// Look below this folder only; everywhere in the workspace where it is left out.
    folder: Option<String>,
    /// Compare with this commit, branch or tag; where it is left out, with what countersign.toml names, else with where this
    /// branch left the default branch.
    base: Option<String>,
}

/// What depends on it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlastRadiusAnswer {
    /// The state that the files are compared with, which is presumed to be live.
    compared_with: String,
    /// The resource, once for each module in which it is.
    resources: Vec<Reached>,
    /// Modules with a resource of this address that are not listed.
    left_out: usize,
    /// What makes the answer less than one expects.
    doubts: Vec<String>,
    /// Files that could not be read.
    problems: Vec<JsonProblem>,
}

/// A resource and what depends on it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Reached {
    /// The resource, what happens to it by the changes since then, and how many depend on it.
    #[serde(flatten)]
    change: JsonChange,
    /// What depends on it, the nearest first.
    listed: Vec<JsonDependent>,
    /// Dependents that are not listed.
    left_out: usize,
    /// Calls of modules among the dependents whose text is not here: what depends on the resource behind them is not known.
    unseen: usize,
}

pub(super) fn blast_radius(workspace: &Workspace, asked: &BlastRadius) -> Told<BlastRadiusAnswer> {
    let address = asked.address.trim();
    let (_, own) = parts(address);
    if own.split('.').count() < 2 || own.split('.').any(str::is_empty) {
        return Err(
            "`address` is no address. Give one as in `aws_vpc.main` or `module.network.aws_vpc.main`.".to_owned()
        );
    }
    let root = workspace.root()?;
    let folder = match &asked.folder {
        Some(folder) => workspace.place(folder)?,
        None => root.to_owned(),
    };
    if !folder.is_dir() {
        return Err(format!("`folder`: {} is no folder.", workspace.shown(&folder).display()));
    }
    let configs = Configs::default();
    let words = words(address);
    let told = |error: anyhow::Error| format!("{error:#}.");
    let besides = Besides { folder: None, words: &words };
    let compared = since(&folder, asked.base.as_deref(), &configs, &besides).map_err(told)?;
    let mut impact = Impact::new(&compared, &configs);
    narrow(&mut impact, &key(&folder), address).map_err(told)?;
    Ok(BlastRadiusAnswer {
        compared_with: compared.baseline.clone(),
        resources: impact.told.iter().take(MAX_RESOURCES).map(|resource| reached(&impact, resource)).collect(),
        left_out: impact.told.len().saturating_sub(MAX_RESOURCES),
        doubts: compared.doubts.clone(),
        problems: compared.problems.clone(),
    })
}

fn reached(impact: &Impact<'_>, resource: &Resource) -> Reached {
    let radius = &resource.radius;
    let listed = radius.dependents.iter().take(MAX_DEPENDENTS).map(|dependent| JsonDependent {
        address: radius.full_address(dependent),
        tier: Tier::of(dependent.kind()),
        environment: impact.environment(resource.lives, radius, dependent),
        via: radius.via(dependent),
    });
    Reached {
        change: resource.json.clone(),
        listed: listed.collect(),
        left_out: radius.dependents.len().saturating_sub(MAX_DEPENDENTS),
        unseen: radius.unseen().count(),
    }
}
