//! What is said of a comparison, for people and for programs.

use super::critical::{Critical, environment_in, most_critical, rank};
use super::{Compared, State};
use crate::disk::Configs;
use countersign_engine::report::JsonRange;
use countersign_engine::{Definition, Policy};
use countersign_impact::graph::{Dependent, Radius, dependents, parts};
use countersign_impact::{Action, Change, Reason, Side, Widened, predict};
use countersign_policy::{Environment, Surface, Tier};
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What `countersign impact --format json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonImpact {
    /// What happens to which resource, by path and place.
    pub(crate) resources: Vec<JsonChange>,
}

/// What happens to one resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonChange {
    /// Its address in its module: before the edit, where it was there before.
    pub(crate) address: String,
    /// Its type.
    pub(crate) kind: String,
    /// The file, from the folder at work where it is below that, with forward slashes; where it was, if it is no more.
    pub(crate) path: String,
    /// The labels of its block in that file; in the text that it had before, if it is no more.
    pub(crate) range: JsonRange,
    /// What happens.
    pub(crate) action: JsonAction,
    /// Whether it follows from the text alone. A value or a condition that the text does not determine makes it uncertain.
    pub(crate) certain: bool,
    /// Why.
    pub(crate) reasons: Vec<JsonReason>,
    /// Its new address, where it has another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renamed_to: Option<String>,
    /// Whether data is lost for good; what and what would save it is among the reasons.
    pub(crate) data_loss: bool,
    /// What does not answer, or answers less, while it is applied or from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interruption: Option<JsonReason>,
    /// What would have kept it from harm and is off or gone.
    pub(crate) protections_removed: Vec<JsonReason>,
    /// What is opened.
    pub(crate) widened: Vec<JsonWidening>,
    /// What depends on it: in the state before, where it was there; else as it is now.
    pub(crate) dependents: JsonDependents,
    /// What the plan says of it; with `--plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<JsonPlanned>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JsonAction {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and created anew.
    Replace,
    /// It cannot be told from the text.
    Unknown,
    /// It is changed in place.
    Update,
    /// It gets another address and stays what it is.
    Rename,
    /// It comes into being.
    Create,
    /// Nothing: it is here because it was asked about.
    None,
}

/// Why something is so.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct JsonReason {
    /// The attribute path that brings it about, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attribute: Option<String>,
    /// One sentence.
    pub(crate) why: String,
}

/// A difference that opens something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct JsonWidening {
    /// Who can reach it, who may do what, or what is no longer encrypted.
    pub(crate) what: JsonWidened,
    /// The difference.
    pub(crate) why: String,
}

/// In which direction something is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JsonWidened {
    /// Who can reach it.
    Exposure,
    /// Who may do what.
    Identity,
    /// What is no longer encrypted.
    Encryption,
}

/// What depends on a resource.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonDependents {
    /// How many resources depend on it directly.
    pub(crate) direct: usize,
    /// How many depend on it directly or through others. A call of a module whose text is not here counts as one.
    pub(crate) transitive: usize,
    /// Whether there may be more, because there are too many to be followed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) at_least: bool,
    /// The most critical of them: by tier, then environment, then the nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worst: Option<JsonDependent>,
}

/// A resource that depends on another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct JsonDependent {
    /// Its address, with the calls of modules on the way.
    pub(crate) address: String,
    /// How much it matters, by its kind.
    pub(crate) tier: Tier,
    /// The environment that it belongs to.
    pub(crate) environment: Environment,
    /// What leads to it, in order: resources, values, outputs, arguments of calls.
    pub(crate) via: Vec<String>,
}

/// What a plan says of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct JsonPlanned {
    /// What happens by the plan.
    pub(crate) action: JsonAction,
    /// What that means for the prediction.
    pub(crate) prediction: JsonAgreement,
}

/// What a plan means for a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JsonAgreement {
    /// Both say the same.
    Confirmed,
    /// The prediction left it open or was not certain, and the plan says something.
    Settled,
    /// The prediction is wrong, or says nothing where the plan does.
    Corrected,
}

/// A resource with what happens to it and what depends on it.
pub(crate) struct Told {
    pub(crate) json: JsonChange,
    /// Folder of its module.
    pub(crate) module: Arc<str>,
    /// The state that it is shown in.
    pub(crate) side: Side,
    /// Name of its file in the index, and its bytes there.
    pub(crate) place: Option<(Arc<str>, std::ops::Range<usize>)>,
    /// What depends on it, and the state in which it does.
    pub(crate) radius: Radius,
    pub(crate) lives: Side,
}

/// What a comparison comes to.
pub(crate) struct Impact<'a> {
    pub(crate) compared: &'a Compared,
    pub(crate) told: Vec<Told>,
    configs: &'a Configs,
}

impl<'a> Impact<'a> {
    /// Predicts, and looks for what depends on what.
    pub(crate) fn new(compared: &'a Compared, configs: &'a Configs) -> Self {
        let Compared { before, after, modules, .. } = compared;
        let mut impact = Self { compared, told: Vec::new(), configs };
        for change in predict(&before.workspace, &after.workspace, modules, &super::tables(configs, modules)) {
            let told = impact.tell(&change);
            impact.told.push(told);
        }
        if let Some(only) = &compared.only {
            impact.told.retain(|told| told.place.as_ref().is_none_or(|(file, _)| file == only));
        }
        impact.sort();
        impact
    }

    pub(super) fn sort(&mut self) {
        self.told.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    pub(crate) fn state(&self, side: Side) -> &'a State {
        match side {
            Side::Before => &self.compared.before,
            Side::After => &self.compared.after,
        }
    }

    fn tell(&self, change: &Change) -> Told {
        let side = change.place.side;
        let place = self.state(side).locate(&change.place.file, change.place.unit, &change.place.range);
        let range = place.as_ref().map(|(snapshot, range)| JsonRange::new(&snapshot.text, range));
        let place = place.map(|(_, range)| (Arc::clone(&change.place.file), range));
        let mut reasons: Vec<_> = change.reasons.iter().map(reason).collect();
        if let Some(loss) = &change.loss {
            let why = match &loss.saved_by {
                Some(saved) => format!("data loss: {}; what saves it: {saved}", loss.why),
                None => format!("data loss: {}", loss.why),
            };
            reasons.push(JsonReason { attribute: None, why });
        }
        // What is live depends on what is live.
        let is_there = |side: &Side| self.find(*side, &change.module, &change.address).is_some();
        let lives = [Side::Before, side].into_iter().find(is_there).unwrap_or(side);
        let radius = self.radius(lives, &change.module, &change.address);
        Told {
            json: JsonChange {
                address: change.address.clone(),
                kind: change.kind.clone(),
                path: self.state(side).shown(&change.place.file),
                range: range.unwrap_or_else(nowhere),
                action: action(change.action),
                certain: change.certain,
                reasons,
                renamed_to: change.renamed_to.clone(),
                data_loss: change.loss.is_some(),
                interruption: change.interruption.as_ref().map(reason),
                protections_removed: change.protections_removed.iter().map(reason).collect(),
                widened: change.widened.iter().map(|widened| widening(widened.what, &widened.reason)).collect(),
                dependents: self.dependents(lives, &radius),
                plan: None,
            },
            module: Arc::clone(&change.module),
            side,
            place,
            lives,
            radius,
        }
    }

    /// A resource to which nothing happens, as it is now or was before; `None` where it is in neither state.
    pub(crate) fn untouched(&self, module: &str, address: &str) -> Option<Told> {
        let sides = [Side::After, Side::Before];
        let (side, definition) = sides.into_iter().find_map(|side| Some((side, self.find(side, module, address)?)))?;
        let state = self.state(side);
        let block = definition.block();
        let place = state.locate(&definition.file, definition.unit.digest, &block.body.anchor.range());
        let range = place.as_ref().map_or_else(nowhere, |(snapshot, range)| JsonRange::new(&snapshot.text, range));
        let place = place.map(|(_, range)| (Arc::clone(&definition.file), range));
        let radius = self.radius(side, module, address);
        Some(Told {
            json: JsonChange {
                address: address.to_owned(),
                kind: block.kind.to_string(),
                path: state.shown(&definition.file),
                range,
                dependents: self.dependents(side, &radius),
                ..JsonChange::none()
            },
            module: module.into(),
            side,
            place,
            lives: side,
            radius,
        })
    }

    /// The block with an address, which may go through calls, in one of the states.
    fn find(&self, side: Side, module: &str, address: &str) -> Option<&'a Definition> {
        let (calls, own) = parts(address);
        let folder = self.state(side).enter(module, &calls)?;
        self.state(side).workspace.definition(&folder, &own)
    }

    /// The folders of the modules in which there is a block with an address, now or before: the one that calls lead to from
    /// a folder, and without calls all from there on down.
    pub(crate) fn places(&self, from: &str, calls: &[String], address: &str) -> Vec<Arc<str>> {
        let mut places = BTreeSet::new();
        for state in [&self.compared.after, &self.compared.before] {
            let workspace = &state.workspace;
            if calls.is_empty() {
                let below = workspace.modules().into_iter().filter(|module| Path::new(module).starts_with(from));
                let there = below.filter(|module| workspace.definition(module, address).is_some());
                places.extend(there.map(Arc::from));
                continue;
            }
            places.extend(state.enter(from, calls).filter(|folder| workspace.definition(folder, address).is_some()));
        }
        places.into_iter().collect()
    }

    /// Whether a folder holds a module in one of the states.
    pub(crate) fn knows(&self, folder: &str) -> bool {
        self.compared.after.workspace.has_module(folder) || self.compared.before.workspace.has_module(folder)
    }

    /// What depends on a resource in one of the states.
    fn radius(&self, side: Side, module: &str, address: &str) -> Radius {
        let state = self.state(side);
        dependents(&state.workspace, &state.links, module, address)
    }

    fn dependents(&self, side: Side, radius: &Radius) -> JsonDependents {
        JsonDependents {
            direct: radius.direct(),
            transitive: radius.dependents.len(),
            at_least: radius.is_cut,
            worst: self.worst(side, radius),
        }
    }

    fn worst(&self, side: Side, radius: &Radius) -> Option<JsonDependent> {
        let Critical { dependent, tier, environment, .. } =
            most_critical(radius, |dependent| self.environment(side, radius, dependent))?;
        Some(JsonDependent { address: radius.full_address(dependent), tier, environment, via: radius.via(dependent) })
    }

    /// The environment of a dependent.
    pub(crate) fn environment(&self, side: Side, radius: &Radius, dependent: &Dependent) -> Environment {
        let policy = self.policy(&dependent.definition.file);
        environment_in(&self.state(side).workspace, &policy, radius, dependent)
    }

    fn policy(&self, file: &str) -> Policy {
        self.configs.of(Path::new(file)).policy(Surface::CommandLine, crate::cli::today())
    }

    /// Everything that depends on what is changed or gone, each once.
    pub(crate) fn all_dependents(&self) -> usize {
        let touched = self.told.iter().filter(|told| told.json.action != JsonAction::Create);
        let all = touched.flat_map(|told| &told.radius.dependents);
        let all: BTreeSet<_> = all.map(|dependent| (&dependent.module, &dependent.address)).collect();
        all.len()
    }

    /// The most critical of everything that depends on what is changed or gone.
    pub(crate) fn worst_of_all(&self) -> Option<&JsonDependent> {
        let touched = self.told.iter().filter(|told| told.json.action != JsonAction::Create);
        let worst = touched.filter_map(|told| told.json.dependents.worst.as_ref());
        worst.min_by_key(|worst| (Reverse(worst.tier), Reverse(rank(worst.environment)), worst.via.len()))
    }

    /// For programs.
    pub(crate) fn json(&self) -> JsonImpact {
        JsonImpact { resources: self.told.iter().map(|told| told.json.clone()).collect() }
    }
}

impl Told {
    /// By path and place.
    fn order(&self) -> (&str, usize, usize, &str) {
        let start = self.json.range.start;
        (&self.json.path, start.line, start.character, &self.json.address)
    }
}

impl JsonChange {
    /// That nothing happens, to what is nowhere.
    pub(super) fn none() -> Self {
        Self {
            address: String::new(),
            kind: String::new(),
            path: String::new(),
            range: nowhere(),
            action: JsonAction::None,
            certain: true,
            reasons: Vec::new(),
            renamed_to: None,
            data_loss: false,
            interruption: None,
            protections_removed: Vec::new(),
            widened: Vec::new(),
            dependents: JsonDependents::default(),
            plan: None,
        }
    }

    /// What really happens, as far as it is known: what the plan says, where there is one.
    pub(crate) fn outcome(&self) -> JsonAction {
        self.plan.map_or(self.action, |plan| plan.action)
    }

    /// Whether anything happens at all.
    pub(crate) fn is_change(&self) -> bool {
        self.outcome() != JsonAction::None
    }

    /// Whether somebody has to look at it before it is applied: something goes, stops, is opened, or is not known.
    pub(crate) fn is_dangerous(&self) -> bool {
        let goes = matches!(self.outcome(), JsonAction::Destroy | JsonAction::Replace | JsonAction::Unknown);
        goes || (self.plan.is_none_or(|plan| plan.action != JsonAction::None)
            && (self.data_loss
                || self.interruption.is_some()
                || !self.protections_removed.is_empty()
                || !self.widened.is_empty()))
    }
}

fn action(action: Action) -> JsonAction {
    match action {
        Action::Create => JsonAction::Create,
        Action::Update => JsonAction::Update,
        Action::Replace => JsonAction::Replace,
        Action::Destroy => JsonAction::Destroy,
        Action::Rename => JsonAction::Rename,
        Action::Unknown => JsonAction::Unknown,
    }
}

fn reason(reason: &Reason) -> JsonReason {
    JsonReason { attribute: reason.attribute.clone(), why: reason.why.clone() }
}

fn widening(what: Widened, reason: &Reason) -> JsonWidening {
    let what = match what {
        Widened::Exposure => JsonWidened::Exposure,
        Widened::Identity => JsonWidened::Identity,
        Widened::Encryption => JsonWidened::Encryption,
    };
    JsonWidening { what, why: reason.why.clone() }
}

/// The range of what stands in no text that is here.
pub(crate) fn nowhere() -> JsonRange {
    JsonRange::new(&countersign_text::Text::from(""), &(0..0))
}
