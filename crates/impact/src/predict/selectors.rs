//! Services of Kubernetes whose selector matches no pods any more.
//!
//! What is looked at is one file: there a service and what it leads to stand together more often than not. Nothing is said of a
//! service that matched nothing there before, or of which the pods are gone.

use super::half::Half;
use super::harm::{At, at};
use super::module::Pair;
use crate::change::{Action, Change, Reason};
use countersign_infra::{Body, ValueKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kinds that make pods, with where the labels of these stand.
const WORKLOADS: &[(&str, &str)] = &[
    ("apps/v1/DaemonSet", "spec.template.metadata.labels"),
    ("apps/v1/Deployment", "spec.template.metadata.labels"),
    ("apps/v1/ReplicaSet", "spec.template.metadata.labels"),
    ("apps/v1/StatefulSet", "spec.template.metadata.labels"),
    ("v1/Pod", "metadata.labels"),
    ("v1/ReplicationController", "spec.template.metadata.labels"),
];

type Labels = BTreeMap<String, String>;

impl Pair<'_> {
    /// Adds the services that lead nowhere now.
    pub(super) fn selectors(&self, found: &mut Vec<Change>) {
        let services: Vec<_> = self.after.of_kind("v1/Service").collect();
        if services.is_empty() {
            return;
        }
        let (Some(pods_before), Some(pods_after)) = (pods(&self.before), pods(&self.after)) else { return };
        for service in services {
            let address = &service.block().address;
            let selector = |half: &Half<'_>| {
                let body = half.declared(half.main(address)?)?.bodies.into_iter().next()?.body;
                labels(&body, "spec.selector").filter(|selector| !selector.is_empty())
            };
            let (Some(old), Some(new)) = (selector(&self.before), selector(&self.after)) else { continue };
            let matched: Vec<_> =
                pods_before.iter().filter(|(_, labels)| fits(&old, labels)).map(|(it, _)| it).collect();
            let Some(left) = matched.iter().find(|address| self.after.blocks.contains_key(&****address)) else {
                continue;
            };
            if pods_after.iter().any(|(_, labels)| fits(&new, labels)) {
                continue;
            }
            let why = format!("its selector does not match the pods of `{left}` any more, so it leads nowhere");
            let place = Some(self.after.anchor(service));
            let reason = Reason { attribute: Some("spec.selector".to_owned()), why, place };
            if let Some(change) = found.iter_mut().find(|change| *change.address == **address) {
                change.interruption.get_or_insert(reason);
            } else {
                let mut change = self.change("v1/Service", address, self.after.anchor(service), Action::Update);
                change.interruption = Some(reason);
                found.push(change);
            }
        }
    }
}

/// What makes pods, with their labels; `None` where those of one are not known.
fn pods(half: &Half<'_>) -> Option<Vec<(Arc<str>, Labels)>> {
    let mut all = Vec::new();
    for (kind, path) in WORKLOADS {
        for definition in half.of_kind(kind) {
            let body = half.declared(definition)?.bodies.into_iter().next()?.body;
            all.push((Arc::clone(&definition.block().address), labels(&body, path)?));
        }
    }
    half.broken.is_empty().then_some(all)
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
