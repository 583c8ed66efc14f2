//! Who may do what: as a difference.

use super::{At, States, at, blocks, elements, for_each_leaf, last};
use crate::change::{Widened, Widening};
use crate::predict::module::Pair;
use crate::predict::moves::plain;
use countersign_infra::{Body, Format, Value, ValueKind, document};
use std::collections::BTreeMap;

/// Managed policies with which one can do everything, or become who can.
const ADMIN_POLICIES: &[&str] = &["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];

/// Roles with which one can do everything, or become who can, by their names in Google Cloud, Azure and Kubernetes.
const ADMIN_ROLES: &[&str] = &[
    "roles/owner",
    "roles/editor",
    "roles/iam.securityAdmin",
    "roles/resourcemanager.organizationAdmin",
    "roles/resourcemanager.projectIamAdmin",
    "Owner",
    "Contributor",
    "User Access Administrator",
    "Role Based Access Control Administrator",
    "cluster-admin",
];

/// Members that stand for everybody.
const EVERYBODY: &[&str] = &["allUsers", "allAuthenticatedUsers", "system:anonymous", "system:unauthenticated"];

/// Something that is allowed, by what tells it from others: where it stands and what it is.
#[derive(Debug)]
struct Grant {
    path: String,
    range: std::ops::Range<usize>,
    why: String,
    /// To what: resources of a statement, written.
    on: String,
}

/// What tells grants apart.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    what: String,
    /// Principals, as they are written; empty in the policy of an identity.
    who: String,
    /// Resources, as they are written.
    on: String,
    /// A condition, as it is written.
    under: String,
}

type Grants = BTreeMap<Key, Grant>;

/// Principals of AWS that stand for everybody.
const EVERYBODY_OF_AWS: &str = "*";

impl Pair<'_> {
    /// What is allowed now and was not before.
    pub(super) fn widened(&self, kind: &str, states: &States<'_>) -> Vec<Widening> {
        let Some(after) = states.after else { return Vec::new() };
        let new = grants(kind, after, &states.definition.unit.source);
        let source = states.old.map_or("", |old| &old.unit.source);
        let old = states.before.map(|before| grants(kind, before, source)).unwrap_or_default();
        let is_new = |key: &Key| {
            // Who was allowed it on everything, or without a condition, is allowed nothing more; nor is anybody, where everybody
            // was.
            let covers = |other: &Key| {
                other.what == key.what
                    && (other.who == key.who || other.who == EVERYBODY_OF_AWS)
                    && (other.on == key.on || other.on == "*")
                    && (other.under == key.under || other.under.is_empty())
            };
            !old.keys().any(covers)
        };
        let mut found = self.unconfined(kind, states);
        for (key, grant) in new.into_iter().filter(|(key, _)| is_new(key)) {
            let value = Value::new(grant.range.clone(), ValueKind::UNKNOWN);
            let on = if key.on.is_empty() || grant.on.is_empty() { String::new() } else { format!(" on {}", grant.on) };
            let reason = self.reason_at(states, &grant.path, Some(&value), format!("{}{on}", grant.why));
            found.push(Widening { what: Widened::Identity, reason });
        }
        found
    }
}

/// Settings of pods by which what runs in them reaches past its container.
const UNCONFINED: &[&str] = &["privileged", "hostNetwork", "hostPID", "hostIPC"];

impl Pair<'_> {
    /// What reaches past its container now and did not before. Of new objects the risks say it.
    fn unconfined(&self, kind: &str, states: &States<'_>) -> Vec<Widening> {
        let mut found = Vec::new();
        let (Some(before), Some(after)) = (states.before, states.after) else { return found };
        if Format::of_kind(kind) != Format::Kubernetes {
            return found;
        }
        let on = |body: &Body| {
            let mut on: BTreeMap<String, std::ops::Range<usize>> = BTreeMap::new();
            for_each_leaf(body, "", &mut |path, value| {
                if UNCONFINED.contains(&last(path)) && value.as_bool() == Some(true) {
                    on.entry(path.to_owned()).or_insert_with(|| value.range.clone());
                }
            });
            on
        };
        let old = on(before);
        for (path, range) in on(after).into_iter().filter(|(path, _)| !old.contains_key(path)) {
            let value = Value::new(range, ValueKind::UNKNOWN);
            let why = format!("`{path}` is on now: what runs in it reaches past its container");
            let reason = self.reason_at(states, &path, Some(&value), why);
            found.push(Widening { what: Widened::Identity, reason });
        }
        found
    }
}

/// Everything that a resource allows and that is worth a word.
fn grants(kind: &str, body: &Body, source: &str) -> Grants {
    let mut grants = Grants::new();
    for_each_document(body, "", source, &mut |path, document, whole| {
        statements(path, document, whole, source, &mut grants);
    });
    let mut add = |path: &str, value: &Value, what: String, why: String| {
        let grant = Grant { path: path.to_owned(), range: value.range.clone(), why, on: String::new() };
        grants.insert(Key { what, ..Key::default() }, grant);
    };
    for_each_leaf(body, "", &mut |path, value| {
        let Some(text) = value.as_str() else { return };
        let policy = text.rsplit('/').next().filter(|_| text.contains(":policy/"));
        if let Some(policy) = policy.filter(|policy| ADMIN_POLICIES.contains(policy)) {
            add(path, value, format!("policy {policy}"), format!("attaches `{policy}`"));
        }
    });
    let is_rbac = kind.starts_with("rbac.authorization.k8s.io/");
    let is_role =
        is_rbac || kind.contains("_iam_") || kind.contains("role_assignment") || kind.contains("role_binding");
    if is_role {
        for path in ["role", "role_definition_name", "role_ref.name", "roleRef.name"] {
            if let At::Value(value) = at(body, path)
                && let Some(role) = value.as_str().filter(|role| ADMIN_ROLES.contains(role))
            {
                let members = members(body);
                add(path, value, format!("role {role} {members}"), format!("gives the role `{role}`"));
            }
        }
        for path in ["member", "members", "subject.name", "subjects.name"] {
            if let At::Value(value) = at(body, path) {
                for member in elements(value).iter().filter(|it| it.as_str().is_some_and(|it| EVERYBODY.contains(&it)))
                {
                    let name = member.as_str().unwrap_or_default();
                    add(
                        path,
                        member,
                        format!("member {name}"),
                        format!("gives a role to `{name}`, which is everybody"),
                    );
                }
            }
        }
    }
    if is_rbac || kind.starts_with("kubernetes_") && kind.contains("role") {
        let name = if is_rbac { "rules" } else { "rule" };
        for rule in blocks(body, name) {
            let all = |name: &str| {
                rule.value(name).and_then(|value| elements(value).iter().find(|it| it.as_str() == Some("*")))
            };
            if let (Some(verb), Some(_)) = (all("verbs"), all("resources")) {
                add(
                    &format!("{name}.verbs"),
                    verb,
                    "rule *".to_owned(),
                    "allows everything to be done to every resource".to_owned(),
                );
            }
        }
    }
    let principal = if kind == "AWS::Lambda::Permission" { "Principal" } else { "principal" };
    if matches!(kind, "aws_lambda_permission" | "AWS::Lambda::Permission")
        && let At::Value(value) = at(body, principal)
        && value.as_str() == Some("*")
    {
        add(principal, value, "principal *".to_owned(), "lets everybody call the function".to_owned());
    }
    grants
}

fn members(body: &Body) -> String {
    ["member", "principal_id"].iter().filter_map(|name| body.value(name)?.as_str()).collect::<Vec<_>>().join(" ")
}

/// Calls `each` with every policy document in a body: with its path, itself and the value that holds it.
fn for_each_document(body: &Body, path: &str, source: &str, each: &mut impl FnMut(&str, &Body, &Value)) {
    for field in &body.fields {
        let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
        match &field.value.kind {
            ValueKind::Object(inner) if inner.value("Statement").is_some() => each(&path, inner, &field.value),
            ValueKind::Object(inner) => for_each_document(inner, &path, source, each),
            ValueKind::String { .. } | ValueKind::Unknown { .. } => {
                if let Some(found) = document(&field.value, source)
                    && let ValueKind::Object(inner) = &found.kind
                    && inner.value("Statement").is_some()
                {
                    each(&path, inner, &field.value);
                }
            }
            _ => {}
        }
    }
}

/// What the statements of a policy document allow.
fn statements(path: &str, document: &Body, whole: &Value, source: &str, grants: &mut Grants) {
    for statement in blocks(document, "Statement") {
        if !statement.value("Effect").and_then(Value::as_str).is_some_and(|effect| effect.eq_ignore_ascii_case("allow"))
        {
            continue;
        }
        let list = |name: &str| statement.value(name).map(elements).unwrap_or_default();
        let written = |value: &Value| match value.as_str() {
            Some(text) => text.to_owned(),
            // Of an instance or of the whole: it is the same thing.
            None => plain(source.get(value.range.clone()).unwrap_or("?")),
        };
        let mut on: Vec<String> = list("Resource").iter().map(written).collect();
        on.sort();
        let on = if on.iter().any(|resource| resource == "*") { "*".to_owned() } else { on.join(", ") };
        let under = if statement.value("Condition").is_some() { ", under a condition" } else { "" };
        let shown = match on.as_str() {
            "*" => "every resource".to_owned(),
            text if text.len() <= 80 && !text.is_empty() => format!("`{text}`"),
            _ => String::new(),
        };
        let principals = statement.value("Principal").map(principals).unwrap_or_default();
        let is_everybody = |(of, value): &&(&str, &Value)| *of != "Service" && value.as_str().is_some_and(is_everybody);
        let everybody = principals.iter().find(is_everybody).map(|(_, value)| *value);
        // The account itself: what AWS puts into the policy of every key.
        let is_own_account = !principals.is_empty()
            && principals.iter().all(|(_, value)| written(value).trim_matches('"').ends_with(":root"));
        let mut who: Vec<String> = principals.iter().map(|(of, value)| format!("{of} {}", written(value))).collect();
        who.sort();
        let who = if everybody.is_some() { EVERYBODY_OF_AWS.to_owned() } else { who.join(", ") };
        let condition = statement.value("Condition").map(|it| written_condition(it, source)).unwrap_or_default();
        let mut add = |what: String, value: &Value, why: String| {
            let range = if whole.via.is_some() { whole.range.clone() } else { value.range.clone() };
            let key = Key { what, who: who.clone(), on: on.clone(), under: condition.clone() };
            grants.insert(key, Grant { path: path.to_owned(), range, why, on: shown.clone() });
        };
        for action in list("Action") {
            let Some(name) = action.as_str() else { continue };
            let every = match name {
                "*" | "*:*" => Some("every action".to_owned()),
                _ => name.strip_suffix(":*").map(|service| format!("every action of `{service}`")),
            };
            if let Some(every) = every.filter(|_| !is_own_account) {
                add(format!("action {name}"), action, format!("allows {every}{under}"));
            }
            if let Some(everybody) = everybody {
                add(format!("everybody {name}"), everybody, format!("allows `{name}` to everybody{under}"));
            }
        }
        if let Some(others) = statement.value("NotAction").filter(|_| !is_own_account) {
            add("other actions".to_owned(), others, format!("allows every action but some{under}"));
        }
    }
}

/// A condition, as it is written or as far as it is known.
fn written_condition(value: &Value, source: &str) -> String {
    match &value.kind {
        ValueKind::Object(body) => {
            let each =
                body.fields.iter().map(|field| format!("{}={}", field.name, written_condition(&field.value, source)));
            each.collect::<Vec<_>>().join(";")
        }
        ValueKind::List(values) => {
            values.iter().map(|value| written_condition(value, source)).collect::<Vec<_>>().join(",")
        }
        ValueKind::String { text, .. } => text.clone(),
        _ => plain(source.get(value.range.clone()).unwrap_or("?")),
    }
}

/// The principals of a statement, each with what it is one of: `AWS`, `Service`, `Federated`.
fn principals(value: &Value) -> Vec<(&str, &Value)> {
    match &value.kind {
        ValueKind::Object(body) => {
            let each = body
                .fields
                .iter()
                .flat_map(|field| elements(&field.value).iter().map(move |value| (field.name.as_str(), value)));
            each.collect()
        }
        _ => elements(value).iter().map(|value| ("AWS", value)).collect(),
    }
}

fn is_everybody(principal: &str) -> bool {
    principal == "*" || principal.starts_with("arn:") && principal.contains(":iam::*:")
}
