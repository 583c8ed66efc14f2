//! Services of Kubernetes whose selector matches no pods any more.
//!
//! What is looked at is one folder: there a service and what it leads to stand together more often than not. Nothing is said of a
//! service that matched nothing there before, or of which the pods are gone.

use super::half::Half;
use super::harm::{At, at};
use super::module::Pair;
use crate::change::{Action, Change, Reason};
use countersign_infra::outside::{SERVICE, WORKLOADS, namespace};
use countersign_infra::terraform::{Definition, folder};
use countersign_infra::{Body, ValueKind};
use std::collections::BTreeMap;

type Labels = BTreeMap<String, String>;

/// What makes pods, with the labels of these where all of them are known.
struct Pods<'h> {
    of: &'h Definition,
    labels: Option<Labels>,
}

impl Pair<'_> {
    /// Adds the services that lead nowhere now, and what they do not lead to any more.
    pub(super) fn selectors(&self, found: &mut Vec<Change>) {
        let is_one = |it: &Definition| is_service_or_workload(&it.block().kind);
        if ![&self.before, &self.after].iter().any(|half| half.blocks.values().flatten().any(is_one)) {
            return;
        }
        let services: Vec<_> = beside(&self.after, SERVICE).collect();
        if services.is_empty() {
            return;
        }
        let (pods_before, pods_after) = (pods(&self.before), pods(&self.after));
        for service in services {
            let address = &service.block().address;
            let is_own = *service.file == *self.after.folder;
            let then = if is_own {
                self.before.main(address)
            } else {
                self.before.workspace.definition(&service.file, address)
            };
            let selector = |half: &Half<'_>, service: &Definition| {
                let body = half.declared(service)?.bodies.into_iter().next()?.body;
                labels(&body, "spec.selector").filter(|selector| !selector.is_empty())
            };
            let old = then.and_then(|then| selector(&self.before, then));
            let (Some(old), Some(new)) = (old, selector(&self.after, service)) else { continue };
            // One that is edited as well is looked at with its own file.
            if !is_own && old != new {
                continue;
            }
            let is_left = |of: &Definition| {
                let other = *of.file != *self.before.folder;
                let now = &self.after.blocks;
                now.contains_key(&of.block().address)
                    || other && self.after.workspace.definition(&of.file, &of.block().address).is_some()
            };
            let matched = |pods: &&Pods<'_>| {
                let is_same = namespace(&pods.of.block().address) == namespace(address);
                is_same && pods.labels.as_ref().is_some_and(|labels| fits(&old, labels)) && is_left(pods.of)
            };
            let is_mine = |pods: &&Pods<'_>| is_own || *pods.of.file == *self.before.folder;
            let Some(left) = pods_before.iter().filter(matched).find(is_mine) else { continue };
            let may_match = |pods: &Pods<'_>| {
                let [one, other] = [namespace(&pods.of.block().address), namespace(address)];
                let is_apart = one.is_some() && other.is_some() && one != other;
                !is_apart && pods.labels.as_ref().is_none_or(|labels| fits(&new, labels))
            };
            if pods_after.iter().any(may_match) || is_broken(&self.after) {
                continue;
            }
            let (kind, address, path, why, anchor) = if is_own {
                let why = format!(
                    "its selector does not match the pods of `{}` any more, so it leads nowhere",
                    left.of.block().address
                );
                (SERVICE, address, "spec.selector", why, self.after.anchor(service))
            } else {
                let block = left.of.block();
                let file = service.file.rsplit('/').next().unwrap_or_default();
                let why = format!(
                    "`{address}` in {file} does not match the labels of its pods any more, so it leads nowhere"
                );
                let path = WORKLOADS.iter().find(|(kind, _)| **kind == *block.kind).map_or("", |(_, path)| *path);
                let Some(now) = self.after.main(&block.address) else { continue };
                (&*block.kind, &block.address, path, why, self.after.anchor(now))
            };
            let reason = Reason { attribute: Some(path.to_owned()), why, place: Some(anchor.clone()) };
            if let Some(change) = found.iter_mut().find(|change| *change.address == **address) {
                change.interruption.get_or_insert(reason);
            } else {
                let mut change = self.change(kind, address, anchor, Action::Update);
                change.interruption = Some(reason);
                found.push(change);
            }
        }
    }
}

fn is_service_or_workload(kind: &str) -> bool {
    kind == SERVICE || WORKLOADS.iter().any(|(workload, _)| *workload == kind)
}

/// The blocks of a kind in the files of the folder of a module.
fn beside<'h>(half: &'h Half<'_>, kind: &str) -> impl Iterator<Item = &'h Definition> {
    let folder_of = folder(&half.folder);
    half.workspace.everywhere(kind).filter(move |definition| folder(&definition.file) == folder_of)
}

/// What makes pods in the files of the folder of a module.
fn pods<'h>(half: &'h Half<'_>) -> Vec<Pods<'h>> {
    let mut all = Vec::new();
    for (kind, path) in WORKLOADS {
        for of in beside(half, kind) {
            let body = half.declared(of).and_then(|declared| Some(declared.bodies.into_iter().next()?.body));
            all.push(Pods { of, labels: body.and_then(|body| labels(&body, path)) });
        }
    }
    all
}

/// Whether something in the files of the folder of a module could not be read in full.
fn is_broken(half: &Half<'_>) -> bool {
    let folder_of = folder(&half.folder);
    let modules = half.workspace.modules();
    let beside = modules.into_iter().filter(|module| folder(module) == folder_of);
    let mut broken = beside.flat_map(|module| half.workspace.broken(module));
    broken.any(|(file, _)| folder(&file) == folder_of)
}

/// Labels, where all of them are known.
fn labels(body: &Body, path: &str) -> Option<Labels> {
    match at(body, path) {
        At::Missing => Some(Labels::new()),
        At::Value(value) => match &value.kind {
            ValueKind::Object(labels) if !labels.open => {
                labels.fields.iter().map(|it| Some((it.name.clone(), it.value.as_str()?.to_owned()))).collect()
            }
            _ => None,
        },
        At::Unknown => None,
    }
}

fn fits(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}
