//! Kubernetes: manifests, lists of them, and custom resources.
//!
//! A resource's kind is `GROUP/VERSION/KIND`, the core group's `VERSION/KIND`; one that has moved from one group or version to
//! another since (`extensions/v1beta1`) has the kind that it has today. Its address is as people say it to `kubectl`:
//! `Deployment shop/cart`, of a custom resource `Certificate.cert-manager.io shop/cart`.

use crate::terraform::lower::{finished, mentioning};
use crate::terraform::syntax::{Block, Content, Expr, ExprKind, Item, Items};
use crate::terraform::text_of;
use crate::yaml::{get, last, name, shared, text};
use std::collections::BTreeMap;

/// Kinds that Kubernetes itself has, with group and version as of today.
///
/// Source: the API reference of Kubernetes 1.34, and its deprecation guide for the groups that they came from.
const BUILT_IN: &[(&str, &[&str])] = &[
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("apps/v1", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch/v1", &["CronJob", "Job"]),
    ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("policy/v1", &["PodDisruptionBudget"]),
    ("policy/v1beta1", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("storage.k8s.io/v1", &["StorageClass"]),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("admissionregistration.k8s.io/v1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
];

/// Adds the resources that a document declares, where it is of Kubernetes.
pub(crate) fn add(source: &str, document: &Expr, blocks: &mut Vec<Block>) {
    match &document.kind {
        ExprKind::List(items) => items.iter().for_each(|item| add(source, item, blocks)),
        ExprKind::Object { elements, open } => {
            let Some((kind, written)) = kind(document) else { return };
            let items = get(document, "items").filter(|_| written.ends_with("List"));
            if let Some(ExprKind::List(items)) = items.map(|items| &items.kind) {
                items.iter().for_each(|item| add(source, item, blocks));
                return;
            }
            let entry = |element: &crate::terraform::syntax::Element| {
                let content = Content::Attribute(element.value.clone());
                Some(Item { name: shared(name(element)?), range: element.range, content })
            };
            let entries: Vec<_> = elements.iter().filter_map(entry).collect();
            let metadata = get(document, "metadata");
            let named = metadata.and_then(|metadata| get(metadata, "name"));
            let anchor = named.or_else(|| get(document, "kind")).map_or(document.range, |value| value.range);
            let items = Items { entries, anchor, close: last(document), open: *open };
            let block = finished(&kind, &address(source, document, &kind), document.range.range(), items);
            let namespace = metadata.and_then(|metadata| get(metadata, "namespace")).and_then(|it| name_in(source, it));
            // With a namespace goes everything in it.
            let mut named: Vec<_> = namespace.iter().map(|namespace| format!("Namespace {namespace}")).collect();
            references(source, document, namespace.as_deref(), 0, &mut named);
            // One label is enough to be found by.
            let selector = if kind == SERVICE { labels(document, SELECTOR) } else { None };
            named.extend(selector.iter().flatten().next().map(pods));
            blocks.push(mentioning(block, named));
        }
        _ => {}
    }
}

/// The kind of a service.
pub const SERVICE: &str = "v1/Service";

/// Where the labels stand that a service selects pods by.
const SELECTOR: &str = "spec.selector";

/// Kinds that make pods, with where the labels of these stand.
///
/// Source: the API reference of Kubernetes 1.34.
pub const WORKLOADS: &[(&str, &str)] = &[
    ("apps/v1/DaemonSet", "spec.template.metadata.labels"),
    ("apps/v1/Deployment", "spec.template.metadata.labels"),
    ("apps/v1/ReplicaSet", "spec.template.metadata.labels"),
    ("apps/v1/StatefulSet", "spec.template.metadata.labels"),
    ("v1/Pod", "metadata.labels"),
    ("v1/ReplicationController", "spec.template.metadata.labels"),
];

/// Labels by their names.
type Labels = BTreeMap<String, String>;

/// The labels at a place of an object, where all of them are written out; none where nothing stands there.
fn labels(object: &Expr, path: &str) -> Option<Labels> {
    let Some(value) = path.split('.').try_fold(object, get) else { return Some(Labels::new()) };
    let ExprKind::Object { elements, open: false } = &value.kind else { return None };
    elements.iter().map(|element| Some((name(element)?.to_owned(), text_of(&element.value)?.to_owned()))).collect()
}

/// The labels at a place of what a block declares.
fn labels_of(block: &Block, path: &str) -> Option<Labels> {
    let (first, rest) = path.split_once('.')?;
    block.body.attribute(first).map_or_else(|| Some(Labels::new()), |value| labels(value, rest))
}

/// A label as a name that services are found by: of all that select by it first.
fn pods((name, value): (&String, &String)) -> String {
    format!("Pods {name}={value}")
}

/// The names by which the services are found that may lead to the pods that a block makes.
pub(crate) fn selected_by(block: &Block) -> Vec<String> {
    let workload = WORKLOADS.iter().find(|(kind, _)| **kind == *block.kind);
    let labels = workload.and_then(|(_, path)| labels_of(block, path));
    labels.iter().flatten().map(pods).collect()
}

/// Whether a block is a service that leads to the pods that another one makes, as far as that is written out.
pub(crate) fn selects(service: &Block, workload: &Block) -> bool {
    let path = WORKLOADS.iter().find(|(kind, _)| **kind == *workload.kind).map(|(_, path)| *path);
    let pods = path.and_then(|path| labels_of(workload, path));
    let selector = labels_of(service, SELECTOR).filter(|selector| *service.kind == *SERVICE && !selector.is_empty());
    let fits = |(selector, pods): (Labels, Labels)| selector.iter().all(|(name, value)| pods.get(name) == Some(value));
    selector.zip(pods).is_some_and(fits)
}

/// The kind of a document's resource, and the last part of it as it is written.
fn kind(document: &Expr) -> Option<(String, &str)> {
    let kind = text(document, "kind").filter(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()))?;
    let version = get(document, "apiVersion")?;
    let built_in = BUILT_IN.iter().find(|(_, kinds)| kinds.contains(&kind));
    let Some(version) = text_of(version) else {
        // A chart picks the version by what the cluster has.
        return built_in.map(|(today, _)| (format!("{today}/{kind}"), kind));
    };
    let group = |version: &str| version.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
    let is_same = |today: &str| group(version) == group(today) || group(version) == "extensions";
    let version = built_in.filter(|(today, _)| is_same(today)).map_or(version, |(today, _)| today);
    Some((format!("{version}/{kind}"), kind))
}

/// Deepest nesting in which references are looked for.
const MAX_DEPTH: usize = 40;

/// Keys under which the name of an object of some kind stands, and under which it stands as `name` of a mapping.
///
/// Source: the API reference of Kubernetes 1.34.
const NAMING: &[(&str, &str)] = &[
    ("claimName", "PersistentVolumeClaim"),
    ("configMap", "ConfigMap"),
    ("configMapKeyRef", "ConfigMap"),
    ("configMapRef", "ConfigMap"),
    ("priorityClassName", "PriorityClass"),
    ("secret", "Secret"),
    ("secretKeyRef", "Secret"),
    ("secretName", "Secret"),
    ("secretRef", "Secret"),
    ("service", "Service"),
    ("serviceAccountName", "ServiceAccount"),
    ("serviceName", "Service"),
    ("storageClassName", "StorageClass"),
];

/// Kinds that are in no namespace.
const OF_CLUSTER: &[&str] = &["ClusterRole", "Namespace", "PersistentVolume", "PriorityClass", "StorageClass"];

/// Whether an address is that of an object in no namespace, as far as the kinds are known.
pub(crate) fn is_object_of_cluster(address: &str) -> bool {
    address.split_once(' ').is_some_and(|(kind, _)| OF_CLUSTER.contains(&kind))
}

/// A name as it is written; a template stands for itself, for within a chart the same one comes to the same.
fn written(source: &str, value: &Expr) -> Option<String> {
    let whole = || source.get(value.range.range()).map(|text| text.trim_matches(['"', '\'']));
    let text = match &value.kind {
        ExprKind::Object { .. } | ExprKind::List(_) => None,
        _ => text_of(value).or_else(whole),
    };
    text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The same of a reference, which names something.
fn name_in(source: &str, value: &Expr) -> Option<String> {
    written(source, value).filter(|name| !name.is_empty())
}

/// The addresses of the objects that a value names, in its namespace where the value says none.
fn references(source: &str, value: &Expr, namespace: Option<&str>, depth: usize, found: &mut Vec<String>) {
    match &value.kind {
        _ if depth > MAX_DEPTH => {}
        ExprKind::List(values) => {
            values.iter().for_each(|value| references(source, value, namespace, depth + 1, found));
        }
        ExprKind::Object { elements, .. } => {
            let address = |kind: &str, of: &Expr| {
                let named = name_in(source, get(of, "name").unwrap_or(of))?;
                if OF_CLUSTER.contains(&kind) {
                    return Some(format!("{kind} {named}"));
                }
                let own = get(of, "namespace").and_then(|it| name_in(source, it));
                Some(match own.as_deref().or(namespace) {
                    Some(namespace) => format!("{kind} {namespace}/{named}"),
                    None => format!("{kind} {named}"),
                })
            };
            for element in elements {
                let Some(key) = name(element) else { continue };
                let kind = NAMING.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind);
                found.extend(kind.and_then(|kind| address(kind, &element.value)));
                // `kind` and `name` side by side, as in `roleRef`, `scaleTargetRef` and `subjects`.
                if key == "kind" && depth > 0 {
                    found.extend(text_of(&element.value).and_then(|kind| address(kind, value)));
                }
                references(source, &element.value, namespace, depth + 1, found);
            }
        }
        _ => {}
    }
}

/// What people call a resource.
fn address(source: &str, document: &Expr, kind: &str) -> String {
    let metadata = get(document, "metadata");
    let written = |key: &str| written(source, metadata.and_then(|metadata| get(metadata, key))?);
    let (version, short) = kind.rsplit_once('/').unwrap_or(("", kind));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is_built_in = BUILT_IN.iter().any(|(today, kinds)| *today == version && kinds.contains(&short));
    let short = if is_built_in || group.is_empty() { short.to_owned() } else { format!("{short}.{group}") };
    let name = written("name").or_else(|| written("generateName").map(|name| format!("{name}*")));
    match (written("namespace"), name) {
        (Some(namespace), Some(name)) => format!("{short} {namespace}/{name}"),
        (None, Some(name)) => format!("{short} {name}"),
        (_, None) => short,
    }
}
