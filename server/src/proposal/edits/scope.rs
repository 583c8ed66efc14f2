//! How far an agent may go with what its edits make, change or remove.

use super::super::{Judgement, Saying};
use super::{Analysed, One};
use crate::watch;
use countersign_agents::Call;
use countersign_engine::impact::environment_of;
use countersign_engine::{Policy, module_of, units};
use countersign_impact::graph::{Links, dependents};
use countersign_policy::{Area, Asked, Environment};
use std::collections::BTreeSet;

/// A resource that is made, changed or removed.
pub(super) struct Touched {
    pub(super) kind: String,
    pub(super) address: String,
    was_there: bool,
    is_left: bool,
}

/// The resources of a file that are made, changed or removed.
pub(super) fn touched(file: &One<'_>) -> Vec<Touched> {
    let [before, after] = [&file.before, &file.after].map(|text| {
        let units = units(text);
        let blocks = units.iter().flat_map(|unit| unit.blocks.iter().map(|block| (unit.digest, block)));
        let resources = blocks.filter(|(_, block)| block.is_resource());
        let named = resources.map(|(digest, block)| (block.address.to_string(), block.kind.to_string(), digest));
        named.collect::<BTreeSet<_>>()
    });
    let mut touched: Vec<Touched> = Vec::new();
    for (address, kind, _) in before.symmetric_difference(&after) {
        // One that changes stands in both, with another text.
        if touched.last().is_some_and(|last| last.address == *address && last.kind == *kind) {
            continue;
        }
        let is_there = |texts: &BTreeSet<(String, String, u64)>| texts.iter().any(|(name, ..)| name == address);
        let (was_there, is_left) = (is_there(&before), is_there(&after));
        touched.push(Touched { kind: kind.clone(), address: address.clone(), was_there, is_left });
    }
    touched
}

impl Analysed<'_> {
    /// Checks what is made, changed or removed against what the agent may do.
    pub(super) fn check_scope(
        &self,
        call: &Call,
        file: &One<'_>,
        touched: &[Touched],
        policy: &Policy,
        judgement: &mut Judgement,
    ) {
        let config = &file.edited.config.config;
        if config.scope.is_empty() {
            return;
        }
        let module = module_of(&file.before.file);
        let limits_radius = config.scope.iter().any(|scope| scope.most.dependents.is_some());
        let links = (limits_radius && !touched.is_empty()).then(Links::default);
        for Touched { kind, address, was_there, is_left } in touched {
            // One that changes may leave an environment as well as come into it.
            let states = [(*was_there, &self.around.workspace), (*is_left, &self.after)];
            let environments: BTreeSet<Environment> = states
                .into_iter()
                .filter(|(is_there, _)| *is_there)
                .map(|(_, workspace)| environment_of(workspace, policy, module, address).0)
                .collect();
            let environments =
                environments.into_iter().map(|environment| (environment, Asked::Environment(environment)));
            let areas = Area::of(kind).into_iter().map(Asked::Area);
            let kinds = std::iter::once(Asked::Kind(kind)).chain(areas);
            let asked = kinds.map(|asked| (Environment::Unknown, asked)).chain(environments);
            for (environment, asked) in asked {
                if let Some(forbidden) = config.forbids(call.agent, asked) {
                    let what = match asked {
                        Asked::Environment(_) => {
                            format!("It changes `{address}` in an environment that is {}.", environment.name())
                        }
                        _ => format!("It changes `{address}`."),
                    };
                    judgement.say(Saying::out_of_scope(call.agent, &what, forbidden));
                }
            }
            let Some(links) = links.as_ref().filter(|_| *was_there) else { continue };
            let radius = dependents(&self.around.workspace, links, module, address);
            // Where there may be more than were counted, there may be too many.
            let count = if radius.is_cut { usize::MAX } else { radius.dependents.len() };
            if let Some(forbidden) = config.forbids(call.agent, Asked::Dependents(count)) {
                let more = if radius.is_cut { "more than " } else { "" };
                let what =
                    format!("It changes `{address}`, on which {more}{} resources depend.", radius.dependents.len());
                judgement.say(Saying::out_of_scope(call.agent, &what, forbidden));
            }
        }
    }

    /// Checks how many resources the session changes in all.
    pub(super) fn check_session(&self, call: &Call, judgement: &mut Judgement) {
        let config = self.files.first().map(|file| &file.edited.config.config);
        let limited = config.filter(|config| config.scope.iter().any(|scope| scope.most.resources.is_some()));
        let Some(config) = limited.filter(|_| !judgement.doing.is_empty()) else { return };
        let mut resources = watch::resources(call, &watch::place(call));
        resources.extend(judgement.doing.iter().map(|one| one.key.clone()));
        let count = resources.len();
        if let Some(forbidden) = config.forbids(call.agent, Asked::Resources(count)) {
            let what = format!("With it this session changes {count} resources.");
            judgement.say(Saying::out_of_scope(call.agent, &what, forbidden));
        }
    }
}
