//! Which of the resources that depend on another one matters most.

use countersign_engine::impact::environment_of;
use countersign_engine::{Policy, Workspace};
use countersign_impact::graph::{Dependent, Radius};
use countersign_policy::{Environment, Tier};
use std::cmp::Reverse;

/// Dependents of the highest tier whose environments are compared.
const MAX_COMPARED: usize = 100;

/// The dependent that matters most.
pub(crate) struct Critical<'r> {
    /// Its place among the dependents.
    pub(crate) place: usize,
    pub(crate) dependent: &'r Dependent,
    pub(crate) tier: Tier,
    pub(crate) environment: Environment,
}

/// The dependent of the highest tier, of these in the environment that counts most, of these the nearest.
pub(crate) fn most_critical(radius: &Radius, environment: impl Fn(&Dependent) -> Environment) -> Option<Critical<'_>> {
    let tier_of = |dependent: &Dependent| Tier::of(dependent.kind());
    let tier = radius.dependents.iter().map(tier_of).max()?;
    let candidates = radius.dependents.iter().enumerate().filter(|(_, dependent)| tier_of(dependent) == tier);
    let told = candidates.take(MAX_COMPARED).map(|(place, dependent)| Critical {
        place,
        dependent,
        tier,
        environment: environment(dependent),
    });
    told.max_by_key(|critical| (rank(critical.environment), Reverse(critical.place)))
}

/// How much an environment matters. What nobody knows may be production.
pub(crate) fn rank(environment: Environment) -> u8 {
    match environment {
        Environment::Production => 3,
        Environment::Unknown => 2,
        Environment::Staging => 1,
        Environment::Development => 0,
    }
}

/// The environment of a block by what it says itself, else by the folder from which the calls go out that lead to it.
pub(crate) fn environment(
    workspace: &Workspace,
    policy: &Policy,
    (module, address): (&str, &str),
    root: &str,
) -> Environment {
    let (own, evidence) = environment_of(workspace, policy, module, address);
    if evidence.is_some() {
        return own;
    }
    policy.environments.of_path(root.strip_prefix(&policy.root).unwrap_or(root).trim_start_matches('/'))
}

/// The same for a dependent.
pub(crate) fn environment_in(
    workspace: &Workspace,
    policy: &Policy,
    radius: &Radius,
    dependent: &Dependent,
) -> Environment {
    environment(workspace, policy, (&dependent.module, &dependent.address), radius.root(dependent))
}
