//! A real plan beside the prediction.

use super::State;
use super::report::{Impact, JsonAction, JsonAgreement, JsonChange, JsonPlanned, JsonReason, Told};
use anyhow::{Context, bail};
use countersign_engine::Workspace;
use countersign_impact::graph::{Radius, parts};
use countersign_impact::plan::{Planned, weight};
use countersign_impact::{Action, Side};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Resources of a plan that are named where they are not in the text.
const NAMED: usize = 3;

impl Impact<'_> {
    /// Puts a plan of the configuration in a folder beside the prediction. Returns what makes it doubtful that the plan was
    /// made from this text; one that has nothing in common with it is an error.
    pub(crate) fn put_beside(&mut self, plan: &[Planned], root: &str) -> anyhow::Result<Option<String>> {
        let doubt = fits(plan, root, &self.compared.after, &self.compared.before)?;
        let reach = Reach::new(root, &[&self.compared.before.workspace, &self.compared.after.workspace]);
        let mut is_told = vec![false; plan.len()];
        for told in &mut self.told {
            if !reach.folders.contains(&told.module) {
                continue;
            }
            let mut action = None;
            for (planned, is_told) in plan.iter().zip(&mut is_told) {
                if is_of(told, planned, root, &reach) {
                    *is_told = *is_told || told.json.kind != "module";
                    action = if weight(planned.action) > weight(action) { planned.action } else { action };
                    add_reasons(&mut told.json.reasons, planned);
                }
            }
            told.json.plan = Some(JsonPlanned { action: of(action), prediction: agreement(&told.json, of(action)) });
        }
        for (planned, _) in plan.iter().zip(is_told).filter(|(planned, is_told)| !is_told && planned.action.is_some()) {
            let told = self.only_planned(planned, root, &reach);
            self.told.push(told);
        }
        self.sort();
        Ok(doubt)
    }

    /// Where the blocks stand that a plan is about. What makes it doubtful that the plan was made from this text comes with it; one
    /// that has nothing in common with it is an error.
    pub(crate) fn placed<'p>(
        &self,
        plan: &'p [Planned],
        root: &str,
    ) -> anyhow::Result<(Vec<Placed<'p>>, Option<String>)> {
        let doubt = fits(plan, root, &self.compared.after, &self.compared.before)?;
        let reach = Reach::new(root, &[&self.compared.before.workspace, &self.compared.after.workspace]);
        let place = |planned: &'p Planned| {
            let folder = reach.folder(root, &planned.calls);
            let names = (0..=planned.calls.len()).filter_map(|on_the_way| {
                let (before, rest) = planned.calls.split_at_checked(on_the_way)?;
                let address = [rest, std::slice::from_ref(&planned.address)].concat().join(".");
                Some((reach.folder(root, before)?.to_string(), address))
            });
            let told = folder.and_then(|folder| self.untouched(&folder, &planned.address));
            Placed { planned, told, names: names.collect() }
        };
        Ok((plan.iter().map(place).collect(), doubt))
    }

    /// What the plan says of a resource of which the prediction says nothing.
    fn only_planned(&self, planned: &Planned, root: &str, reach: &Reach) -> Told {
        let is_within_unknown = self.told.iter().any(|told| {
            told.json.kind == "module" && told.json.action == JsonAction::Unknown && is_of(told, planned, root, reach)
        });
        let folder = reach.folder(root, &planned.calls);
        let address =
            |planned: &Planned| [planned.calls.as_slice(), std::slice::from_ref(&planned.address)].concat().join(".");
        let found = folder.as_ref().and_then(|folder| self.untouched(folder, &planned.address));
        let mut told = found.unwrap_or_else(|| Told {
            json: JsonChange {
                address: planned.address.clone(),
                kind: planned.kind.clone(),
                path: self.compared.after.shown(root),
                ..JsonChange::none()
            },
            module: root.into(),
            side: Side::After,
            place: None,
            lives: Side::Before,
            radius: Radius::default(),
        });
        told.json.address = address(planned);
        told.module = root.into();
        add_reasons(&mut told.json.reasons, planned);
        let prediction = if is_within_unknown { JsonAgreement::Settled } else { JsonAgreement::Corrected };
        told.json.plan = Some(JsonPlanned { action: of(planned.action), prediction });
        told
    }
}

/// What a plan says of a block, and where that stands.
pub(crate) struct Placed<'p> {
    pub(crate) planned: &'p Planned,
    /// The block; `None` where it is in no text that is here.
    pub(crate) told: Option<Told>,
    /// In each folder on the way to it the address that it has from there.
    pub(crate) names: Vec<(String, String)>,
}

/// The bytes of a file that a plan stands in, and its text. `named` is what an error calls it.
pub(crate) fn read_plan(path: &Path, named: &str) -> anyhow::Result<(Vec<u8>, String)> {
    let bytes = std::fs::read(path).with_context(|| format!("{named}: it cannot be read"))?;
    let text = text_of(&bytes).with_context(|| format!("{named}: it is no text"))?;
    Ok((bytes, text))
}

/// A text in UTF-8, or in UTF-16 as some shells write it.
fn text_of(bytes: &[u8]) -> Option<String> {
    let units = |of: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).skip(1).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        String::from_utf16(&pairs.map(of).collect::<Vec<_>>()).ok()
    };
    match bytes {
        [0xFF, 0xFE, ..] => units(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// The modules that a configuration consists of.
struct Reach {
    folders: BTreeSet<Arc<str>>,
    /// What a call in a folder leads to.
    calls: HashMap<(Arc<str>, String), Arc<str>>,
}

impl Reach {
    fn new(root: &str, workspaces: &[&Workspace]) -> Self {
        let mut reach = Self { folders: BTreeSet::new(), calls: HashMap::new() };
        let mut open: Vec<Arc<str>> = vec![root.into()];
        while let Some(folder) = open.pop() {
            if !reach.folders.insert(Arc::clone(&folder)) {
                continue;
            }
            for workspace in workspaces {
                for call in workspace.of_kinds(&folder, |kind| kind == "module") {
                    if let Some(inside) = workspace.called(&folder, call.block()) {
                        reach
                            .calls
                            .insert((Arc::clone(&folder), call.block().address.to_string()), Arc::clone(&inside));
                        open.push(inside);
                    }
                }
            }
        }
        reach
    }

    /// The folder that calls lead to.
    fn folder(&self, root: &str, calls: &[String]) -> Option<Arc<str>> {
        calls
            .iter()
            .try_fold(Arc::from(root), |folder: Arc<str>, call| self.calls.get(&(folder, call.clone())).cloned())
    }
}

/// Whether something planned is what is told of, or an instance or a part of it.
fn is_of(told: &Told, planned: &Planned, root: &str, reach: &Reach) -> bool {
    let is_module = told.json.kind == "module";
    let names = [Some(&told.json.address), told.json.renamed_to.as_ref()];
    names.into_iter().flatten().any(|name| {
        let (mut calls, address) = parts(name);
        if is_module {
            calls.push(address);
            return &*told.module == root && planned.calls.starts_with(&calls);
        }
        if address != planned.address {
            return false;
        }
        let from_root = &*told.module == root && calls == planned.calls;
        from_root || (calls.is_empty() && reach.folder(root, &planned.calls).as_ref() == Some(&told.module))
    })
}

fn add_reasons(reasons: &mut Vec<JsonReason>, planned: &Planned) {
    for reason in &planned.reasons {
        let why = format!("by the plan, {}", reason.why);
        if !reasons.iter().any(|known| known.attribute == reason.attribute && known.why == why) {
            reasons.push(JsonReason { attribute: reason.attribute.clone(), why });
        }
    }
}

fn agreement(predicted: &JsonChange, planned: JsonAction) -> JsonAgreement {
    match predicted.action {
        JsonAction::Unknown => JsonAgreement::Settled,
        action if action == planned && predicted.certain => JsonAgreement::Confirmed,
        _ if !predicted.certain => JsonAgreement::Settled,
        _ => JsonAgreement::Corrected,
    }
}

fn of(action: Option<Action>) -> JsonAction {
    match action {
        None => JsonAction::None,
        Some(Action::Create) => JsonAction::Create,
        Some(Action::Update) => JsonAction::Update,
        Some(Action::Replace) => JsonAction::Replace,
        Some(Action::Destroy) => JsonAction::Destroy,
        Some(Action::Rename) => JsonAction::Rename,
        Some(Action::Unknown) => JsonAction::Unknown,
    }
}

/// Whether a plan is one of this text: what it does not destroy has a block.
fn fits(plan: &[Planned], root: &str, after: &State, before: &State) -> anyhow::Result<Option<String>> {
    let reach = Reach::new(root, &[&before.workspace, &after.workspace]);
    let (mut there, mut missing) = (0, Vec::new());
    for planned in plan {
        let state = if planned.action == Some(Action::Destroy) { before } else { after };
        // Of a module that is not here nobody can tell.
        let Some(folder) = reach.folder(root, &planned.calls) else { continue };
        match state.workspace.definition(&folder, &planned.address) {
            Some(_) => there += 1,
            // What is destroyed may have been gone from the text for long.
            None if planned.action == Some(Action::Destroy) => {}
            None => missing.push([planned.calls.as_slice(), std::slice::from_ref(&planned.address)].concat().join(".")),
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let folder = after.shown(root);
    let named = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > NAMED { ", …" } else { "" };
    if there == 0 {
        bail!(
            "the plan is not one of {folder}: none of the resources that it keeps has a block there ({named}{more}); name the \
             folder in which the plan was made"
        );
    }
    Ok(Some(format!(
        "the plan was made from another text than the one in {folder}: {} of its resources have no block there ({named}{more}); \
         make the plan again",
        missing.len()
    )))
}
