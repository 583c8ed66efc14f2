//! What is about to be applied: a plan as `terraform show -json` and `tofu show -json` print it, or a change set of CloudFormation.
//! The format of plans: <https://developer.hashicorp.com/terraform/internals/json-format>.

mod change_set;

use crate::change::Action;
use crate::graph::parts;
pub use change_set::ChangeSet;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest plan that is read, in bytes. Plans of some ten thousand resources have some ten million.
pub const MAX_PLAN_BYTES: usize = 256 << 20;

/// What a plan says of all instances of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The calls that lead to its module from the root, each as `module.network`.
    pub calls: Vec<String>,
    /// Its address there, without keys.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// What happens to it, the worst of all instances; `None` where nothing does.
    pub action: Option<Action>,
    /// Why, as far as the plan says so; each once.
    pub reasons: Vec<PlannedReason>,
    /// The instances of it to which something happens.
    pub instances: Vec<Instance>,
}

/// One instance of a block, to which a plan does something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// Its address, with calls and keys.
    pub address: String,
    /// What happens to it.
    pub action: Action,
    /// What tells the thing that is live from others: its `id`; `None` where the plan does not say it.
    pub id: Option<String>,
}

/// What is about to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// A plan of Terraform or OpenTofu.
    Terraform(Vec<Planned>),
    /// A change set of CloudFormation.
    CloudFormation(ChangeSet),
}

impl Plan {
    /// Reads a plan or a change set.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        match change_set::read(text)? {
            Some(set) => Ok(Self::CloudFormation(set)),
            None => read(text).map(Self::Terraform),
        }
    }
}

/// Why a plan does something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedReason {
    /// The attribute that brings it about.
    pub attribute: Option<String>,
    /// One sentence, without a full stop at its end.
    pub why: String,
}

/// Why a text is no plan that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no JSON.
    #[error("it is not JSON ({0}); `terraform show -json PLANFILE > plan.json` writes it")]
    NotJson(String),
    /// It is JSON, and no plan.
    #[error(
        "it is {0}, not a plan; `terraform plan -out PLANFILE` and `terraform show -json PLANFILE > plan.json` write one"
    )]
    NotAPlan(&'static str),
    /// It is a plan in a format that is not known.
    #[error(
        "its format is {0}, and format 1 is known here; a newer Countersign may read it, an older Terraform may write it"
    )]
    Version(String),
    /// It is too large.
    #[error("it is larger than {} MiB", MAX_PLAN_BYTES >> 20)]
    TooLarge,
    /// It is one page of a change set.
    #[error(
        "it is a part of a change set: it has a `NextToken`; `aws cloudformation describe-change-set` without \
         `--no-paginate` and `--max-items` prints all of it"
    )]
    APage,
}

#[derive(Deserialize)]
struct Document {
    format_version: Option<String>,
    planned_values: Option<serde::de::IgnoredAny>,
    values: Option<serde::de::IgnoredAny>,
    #[serde(rename = "@level")]
    level: Option<serde::de::IgnoredAny>,
    resource_changes: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    address: String,
    previous_address: Option<String>,
    #[serde(default)]
    mode: String,
    #[serde(rename = "type", default)]
    kind: String,
    action_reason: Option<String>,
    change: Details,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    replace_paths: Vec<serde_json::Value>,
    #[serde(default)]
    before: Before,
}

/// What is live, of which one attribute is read.
#[derive(Default)]
struct Before(Option<String>);

impl<'de> Deserialize<'de> for Before {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Passes over everything else without keeping it.
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Before;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("the attributes of a resource, or null")
            }
            fn visit_unit<E>(self) -> Result<Before, E> {
                Ok(Before(None))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Before, A::Error> {
                let mut id = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == "id" {
                        id = map.next_value::<serde_json::Value>()?.as_str().map(str::to_owned);
                    } else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
                Ok(Before(id))
            }
        }
        deserializer.deserialize_any(Fields)
    }
}

/// Reads a plan: what happens to the resources that it knows, in order of their addresses.
pub fn read(text: &str) -> Result<Vec<Planned>, PlanError> {
    if text.len() > MAX_PLAN_BYTES {
        return Err(PlanError::TooLarge);
    }
    // Some shells write a mark of the byte order.
    let text = text.trim_start_matches('\u{feff}');
    let document = match serde_json::from_str::<Document>(text) {
        Ok(document) => document,
        Err(error) if error.is_data() => return Err(PlanError::NotAPlan("JSON of another kind")),
        Err(_) if is_log(text) => return Err(PlanError::NotAPlan("the log of `terraform plan -json`")),
        Err(error) => return Err(PlanError::NotJson(error.to_string())),
    };
    let Some(version) = document.format_version else {
        let is_log = document.level.is_some();
        return Err(PlanError::NotAPlan(if is_log {
            "the log of `terraform plan -json`"
        } else {
            "JSON of another kind"
        }));
    };
    if version.split('.').next() != Some("1") {
        return Err(PlanError::Version(version));
    }
    let changes = match (document.resource_changes, document.planned_values, document.values) {
        (Some(changes), _, _) => changes,
        // A plan without resources need not list them.
        (None, Some(_), _) => Vec::new(),
        (None, None, Some(_)) => return Err(PlanError::NotAPlan("a state")),
        (None, None, None) => return Err(PlanError::NotAPlan("JSON of another kind")),
    };
    let mut planned: BTreeMap<(Vec<String>, String), Planned> = BTreeMap::new();
    for change in changes.into_iter().filter(|change| change.mode != "data") {
        let (calls, address) = parts(&change.address);
        let action = action(&change);
        let here = planned.entry((calls.clone(), address.clone())).or_insert_with(|| Planned {
            calls,
            address,
            kind: change.kind.clone(),
            action: None,
            reasons: Vec::new(),
            instances: Vec::new(),
        });
        here.instances.extend(action.map(|action| Instance {
            address: change.address.clone(),
            action,
            id: change.change.before.0.clone(),
        }));
        if weight(action) > weight(here.action) {
            here.action = action;
        }
        for reason in reasons(&change) {
            if !here.reasons.contains(&reason) {
                here.reasons.push(reason);
            }
        }
    }
    Ok(planned.into_values().collect())
}

/// Whether a text is the messages that `terraform plan -json` writes, one a line.
fn is_log(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("\"@level\""))
}

fn action(resource: &Resource) -> Option<Action> {
    let actions: Vec<&str> = resource.change.actions.iter().map(String::as_str).collect();
    match actions.as_slice() {
        // What is forgotten stays what it is.
        [] | ["read" | "forget"] => None,
        ["no-op"] => resource.previous_address.as_ref().map(|_| Action::Rename),
        ["create"] => Some(Action::Create),
        ["update"] => Some(Action::Update),
        ["delete"] => Some(Action::Destroy),
        ["delete", "create"] | ["create", "delete"] => Some(Action::Replace),
        _ => Some(Action::Unknown),
    }
}

/// How bad an action is, to find the worst of several.
pub fn weight(action: Option<Action>) -> u8 {
    match action {
        None => 0,
        Some(Action::Create) => 1,
        Some(Action::Rename) => 2,
        Some(Action::Update) => 3,
        Some(Action::Unknown) => 4,
        Some(Action::Replace) => 5,
        Some(Action::Destroy) => 6,
    }
}

fn reasons(resource: &Resource) -> Vec<PlannedReason> {
    let why = match resource.action_reason.as_deref() {
        Some("replace_because_cannot_update") => "the provider cannot change it in place",
        Some("replace_because_tainted") => "it is marked as tainted in the state",
        Some("replace_by_request") => "it was asked for with `-replace`",
        Some("replace_by_triggers") => "something in its `replace_triggered_by` changes",
        Some("delete_because_no_resource_config") => "its block is gone",
        Some("delete_because_no_module") => "the module that it belongs to is gone",
        Some("delete_because_wrong_repetition") => {
            "it is under a key, and the block has no `count` or `for_each` now, or another one"
        }
        Some("delete_because_count_index") => "its number is not below `count`",
        Some("delete_because_each_key") => "its key is not in `for_each`",
        Some("delete_because_no_move_target") => "a `moved` block leads to an address that there is none of",
        _ => "",
    };
    let mut reasons: Vec<_> = resource
        .change
        .replace_paths
        .iter()
        .filter_map(path)
        .map(|path| PlannedReason { attribute: Some(path), why: "the provider cannot change it in place".to_owned() })
        .collect();
    if reasons.is_empty() && !why.is_empty() {
        reasons.push(PlannedReason { attribute: None, why: why.to_owned() });
    }
    reasons
}

/// A path of names and numbers as an attribute path.
fn path(path: &serde_json::Value) -> Option<String> {
    let steps: Vec<_> = path.as_array()?.iter().filter_map(|step| step.as_str().map(str::to_owned)).collect();
    (!steps.is_empty()).then(|| steps.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(changes: &str) -> String {
        format!(r#"{{"format_version":"1.2","planned_values":{{}},"resource_changes":[{changes}]}}"#)
    }

    #[test]
    fn the_worst_of_all_instances_counts() {
        let text = plan(
            r#"{"address":"module.a[\"x\"].aws_db_instance.d[0]","mode":"managed","type":"aws_db_instance",
                "action_reason":"replace_because_cannot_update",
                "change":{"actions":["delete","create"],"before":{"name":{"id":1},"id":"db-1"},"replace_paths":[["engine"],["storage",0,"size"]]}},
               {"address":"module.a[\"y\"].aws_db_instance.d[0]","mode":"managed","type":"aws_db_instance",
                "change":{"actions":["no-op"]}},
               {"address":"data.aws_ami.x","mode":"data","type":"aws_ami","change":{"actions":["read"]}},
               {"address":"aws_vpc.new","previous_address":"aws_vpc.old","mode":"managed","type":"aws_vpc",
                "change":{"actions":["no-op"]}}"#,
        );
        let found = read(&text).unwrap();
        let [vpc, database] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((vpc.address.as_str(), vpc.action), ("aws_vpc.new", Some(Action::Rename)));
        assert_eq!(database.calls, ["module.a"]);
        assert_eq!(database.action, Some(Action::Replace));
        let [instance] = database.instances.as_slice() else { panic!("{database:?}") };
        assert_eq!(
            (instance.address.as_str(), instance.id.as_deref()),
            ("module.a[\"x\"].aws_db_instance.d[0]", Some("db-1"))
        );
        let attributes: Vec<_> = database.reasons.iter().map(|reason| reason.attribute.as_deref()).collect();
        assert_eq!(attributes, [Some("engine"), Some("storage.size")]);
    }

    #[test]
    fn what_is_no_plan_is_told_apart() {
        let error = |text: &str| read(text).unwrap_err();
        assert!(matches!(error("{"), PlanError::NotJson(_)));
        assert_eq!(error("[]"), PlanError::NotAPlan("JSON of another kind"));
        assert_eq!(error("{}"), PlanError::NotAPlan("JSON of another kind"));
        assert_eq!(error(r#"{"format_version":"1.0","values":{}}"#), PlanError::NotAPlan("a state"));
        assert_eq!(error(r#"{"format_version":"2.0","planned_values":{}}"#), PlanError::Version("2.0".to_owned()));
        let log = "{\"@level\":\"info\"}\n{\"@level\":\"info\"}\n";
        assert_eq!(error(log), PlanError::NotAPlan("the log of `terraform plan -json`"));
        assert_eq!(read(r#"{"format_version":"1.2","planned_values":{}}"#), Ok(Vec::new()));
    }
}
