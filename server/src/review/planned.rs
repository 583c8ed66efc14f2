//! What a plan takes away: it is covered by the review of a change that was predicted to do so, or it needs one of its own.

use super::Part;
use super::change::{Change, takes};
use super::one_file::OneFile;
use crate::disk::Configs;
use crate::git::Git;
use crate::impact::report::Impact;
use crate::impact::{Besides, environment, read_plan, since};
use crate::surroundings::key;
use anyhow::Context;
use countersign_engine::impact::verb;
use countersign_engine::report::JsonProblem;
use countersign_impact::Action;
use countersign_impact::graph::parts;
use countersign_impact::plan::{self, Instance, Plan};
use countersign_impact::tables;
use countersign_policy::{Environment, Impacted, Surface, Tier};
use countersign_review::digest;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A plan, and what it is of.
pub(crate) struct PlanFile {
    /// As it was named.
    name: String,
    /// The folder of the configuration, or the template, from the root of the repository; empty for the root.
    of: String,
    /// The digest of the file.
    pub(crate) digest: String,
    plan: Plan,
}

impl PlanFile {
    /// Reads a plan that is named as `FILE`, for the folder at work, or as `PATH=FILE`.
    pub(crate) fn read(git: &Git, named: &str) -> anyhow::Result<Self> {
        let (of, file) = match named.split_once('=') {
            Some((of, file)) if !Path::new(named).exists() => (PathBuf::from(of), file),
            _ => (PathBuf::new(), named),
        };
        let of = if of.as_os_str().is_empty() { PathBuf::from(".") } else { of };
        let (bytes, text) = read_plan(Path::new(file), &format!("--plan {file}"))?;
        let plan = Plan::read(&text).with_context(|| format!("--plan {file} cannot be used"))?;
        let of = git.relative(&of).with_context(|| format!("--plan {named}"))?;
        Ok(Self { name: file.to_owned(), of, digest: digest(&bytes), plan })
    }
}

/// A resource that a plan destroys, replaces, or does to what it does not say.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// The file that its block stands in, from the root; what the plan is of where there is none.
    pub(crate) path: String,
    /// Its address in the plan, without keys.
    pub(crate) address: String,
    /// What happens to it.
    pub(crate) impact: Impacted,
    /// Why, by the plan.
    pub(crate) reasons: Vec<String>,
    /// The instances that it happens to.
    pub(crate) instances: Vec<Instance>,
    kind: String,
    environment: Environment,
    /// Its names: in each folder on the way to it the address that it has from there.
    names: Vec<(String, String)>,
}

/// What plans take away.
#[derive(Default)]
pub(super) struct AllPlanned {
    pub(super) taken: Vec<Planned>,
    pub(super) problems: Vec<JsonProblem>,
    pub(super) doubts: Vec<String>,
}

/// What plans take away of what is below a root.
pub(super) fn planned(plans: &[PlanFile], root: &Path, base: &str, configs: &Configs) -> anyhow::Result<AllPlanned> {
    let mut all = AllPlanned::default();
    for file in plans {
        match &file.plan {
            Plan::Terraform(resources) => all.add_terraform(file, resources, root, base, configs)?,
            Plan::CloudFormation(set) => {
                let environment = configs.of(&root.join(&file.of)).config.environment.of_path(&file.of);
                let taken = set.resources.iter().filter(|one| one.action.is_some_and(takes));
                let at_once = taken.clone().count();
                all.taken.extend(taken.map(|one| Planned {
                    environment,
                    names: vec![(file.of.clone(), one.address.clone())],
                    ..Planned::of(one, &file.of, at_once, 0)
                }));
                all.doubts.extend(set.nested.iter().map(|stack| {
                    format!(
                        "{}: {stack} is a stack of its own, and what happens inside it stands in another change set; \
                         name that with another --plan",
                        file.name
                    )
                }));
            }
        }
    }
    Ok(all)
}

impl AllPlanned {
    fn add_terraform(
        &mut self,
        file: &PlanFile,
        resources: &[plan::Planned],
        root: &Path,
        base: &str,
        configs: &Configs,
    ) -> anyhow::Result<()> {
        let folder = root.join(&file.of);
        let besides = Besides { folder: Some(&folder), words: &[] };
        let compared =
            since(&folder, Some(base), configs, &besides).with_context(|| format!("--plan {}", file.name))?;
        let impact = Impact::new(&compared, configs);
        let (placed, doubt) =
            impact.placed(resources, &key(&folder)).with_context(|| format!("--plan {}", file.name))?;
        // One that is not of this text says nothing of what is about to be applied.
        self.problems.extend(doubt.map(|message| JsonProblem { path: file.name.clone(), message }));
        let placed: Vec<_> = placed.into_iter().filter(|placed| placed.planned.action.is_some_and(takes)).collect();
        let config = configs.of(&folder.join("-"));
        let policy = config.policy(Surface::CommandLine, crate::cli::today());
        let (root, folder) = (key(root), key(&folder));
        let relative = |path: &str| {
            let inside = Path::new(path).strip_prefix(&*root).map(crate::disk::display);
            inside.unwrap_or_else(|_| path.to_owned())
        };
        for one in &placed {
            let told = one.told.as_ref();
            let path = told.and_then(|told| Some(relative(&told.place.as_ref()?.0)));
            let dependents = told.map_or(0, |told| told.radius.dependents.len());
            let environment = match told {
                Some(told) => {
                    let workspace = &impact.state(told.side).workspace;
                    environment(workspace, &policy, (&told.module, &one.planned.address), &folder)
                }
                None => config.config.environment.of_path(&file.of),
            };
            self.taken.push(Planned {
                environment,
                names: one.names.iter().map(|(folder, address)| (relative(folder), address.clone())).collect(),
                ..Planned::of(one.planned, path.as_deref().unwrap_or(&file.of), placed.len(), dependents)
            });
        }
        Ok(())
    }
}

impl Planned {
    fn of(planned: &plan::Planned, path: &str, at_once: usize, dependents: usize) -> Self {
        let action = planned.action.unwrap_or(Action::Unknown);
        let reason = |reason: &plan::PlannedReason| match &reason.attribute {
            Some(attribute) => format!("`{attribute}`: {}", reason.why),
            None => reason.why.clone(),
        };
        let instances = planned.instances.iter().filter(|instance| takes(instance.action)).cloned();
        Self {
            path: if path.is_empty() { ".".to_owned() } else { path.to_owned() },
            address: [planned.calls.as_slice(), std::slice::from_ref(&planned.address)].concat().join("."),
            impact: Impacted {
                action,
                // What holds data loses it where it goes, for all that a plan says.
                data_loss: tables::class(&planned.kind).is_some_and(|kind| kind.holds_data()),
                interruption: true,
                tier: Tier::of(&planned.kind),
                dependents,
                more_dependents: false,
                at_once,
            },
            reasons: planned.reasons.iter().map(reason).collect(),
            instances: instances.collect(),
            kind: planned.kind.clone(),
            environment: Environment::Unknown,
            names: Vec::new(),
        }
    }

    /// Whether a change was predicted to take it away, and no less than it does, so that a review of the change was one of that.
    pub(super) fn is_covered_by(&self, change: &Change) -> bool {
        let (folder, planned) = (change.folder(), self.impact.action);
        let is_as_bad = |predicted: Action| {
            predicted == Action::Unknown
                || planned == Action::Unknown
                || plan::weight(Some(predicted)) >= plan::weight(Some(planned))
        };
        change.takes.iter().any(|(taken, predicted)| {
            let (mut calls, address) = parts(taken);
            calls.push(address);
            let taken = calls.join(".");
            // A call whose module is not here stands for all that is inside.
            let is_or_holds = |own: &str| {
                own.strip_prefix(taken.as_str())
                    .is_some_and(|rest| rest.is_empty() || (taken.starts_with("module.") && rest.starts_with('.')))
            };
            is_as_bad(*predicted) && self.names.iter().any(|(of, own)| of == folder && is_or_holds(own))
        })
    }

    /// What happens, in one sentence without a full stop.
    pub(crate) fn in_words(&self) -> String {
        let what = match self.impact.action {
            Action::Destroy => "destroys",
            Action::Replace => "replaces",
            _ => "may destroy or replace",
        };
        let mut text = format!("the plan {what} {}", self.address);
        let ids: Vec<&str> = self.instances.iter().filter_map(|instance| instance.id.as_deref()).take(3).collect();
        if !ids.is_empty() {
            let more = self.instances.len().saturating_sub(ids.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = write!(text, " ({}{more})", ids.join(", "));
        }
        if !self.reasons.is_empty() {
            let _ = write!(text, ": {}", self.reasons.join("; "));
        }
        text
    }

    /// What tells it from anything else that a plan may do: to the very things that are live.
    fn seal(&self, text: &str) -> String {
        let mut all = format!("plan\n{}\n", self.address);
        let mut instances = self.instances.clone();
        instances.sort();
        for Instance { address, action, id } in instances {
            for part in [address.as_str(), verb(action), id.as_deref().unwrap_or_default()] {
                let _ = write!(all, "{}\n{part}\n", part.len());
            }
        }
        all.push_str(text);
        digest(all.as_bytes())
    }
}

impl OneFile<'_> {
    /// What a plan takes away, and no change of the text was predicted to: it is a change of its own.
    pub(super) fn only_planned(&self, planned: Planned, before: &[Part], now: &[Part], text: &str) -> Change {
        let own = parts(&planned.address).1;
        let is_it = |part: &&Part| part.address.as_deref() == Some(own.as_str());
        let (then, now) = (before.iter().find(is_it), now.iter().find(is_it));
        let seal = planned.seal(now.map_or("", |now| now.seal.as_str()));
        let from = then.map(|then| then.seal.clone());
        // Not the address of the block, whose text may be changed, too.
        let bound = self.bound(Some(format!("plan:{}", planned.address)), from, Some(seal));
        let tier = self.policy.config.tiers.of(&planned.path, &planned.kind, planned.environment);
        let mut change = self.bare(bound, (tier, planned.environment), now, true);
        let text = now.map(|now| now.text(text)).unwrap_or_default();
        change.texts = (text.clone(), text);
        change.impact = Some(planned.impact);
        change.planned.push(planned);
        self.require(&mut change);
        change
    }
}
