//! A change set as `aws cloudformation describe-change-set` prints it.
//! The format: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>.

use super::{Instance, MAX_PLAN_BYTES, PlanError, Planned, PlannedReason};
use crate::change::Action;
use serde::Deserialize;

/// A change set of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// The name of the stack.
    pub stack: String,
    /// What happens to its resources: each by its logical name, and its type as its kind.
    pub resources: Vec<Planned>,
    /// The logical names of stacks inside, whose change sets are others.
    pub nested: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    change_set_name: Option<String>,
    #[serde(default)]
    stack_name: String,
    changes: Option<Vec<Change>>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    resource_change: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    #[serde(default)]
    action: String,
    #[serde(default)]
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(rename = "ResourceType", default)]
    kind: String,
    #[serde(default)]
    replacement: String,
    #[serde(default)]
    policy_action: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    target: Option<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    name: Option<String>,
    #[serde(default)]
    requires_recreation: String,
}

/// Reads a change set; `None` for what is none.
pub(super) fn read(text: &str) -> Result<Option<ChangeSet>, PlanError> {
    if text.len() > MAX_PLAN_BYTES {
        return Err(PlanError::TooLarge);
    }
    let Ok(document) = serde_json::from_str::<Document>(text.trim_start_matches('\u{feff}')) else { return Ok(None) };
    let (Some(_), Some(changes)) = (document.change_set_name, document.changes) else { return Ok(None) };
    if document.next_token.is_some() {
        return Err(PlanError::APage);
    }
    let resources: Vec<Resource> = changes.into_iter().filter_map(|change| change.resource_change).collect();
    let is_stack = |resource: &&Resource| resource.kind == "AWS::CloudFormation::Stack";
    let nested = resources.iter().filter(is_stack).map(|resource| resource.logical_resource_id.clone()).collect();
    let mut planned: Vec<Planned> = resources.into_iter().map(Resource::planned).collect();
    planned.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(Some(ChangeSet { stack: document.stack_name, resources: planned, nested }))
}

impl Resource {
    fn planned(self) -> Planned {
        let action = self.happens();
        let recreates = self.details.iter().filter_map(|detail| detail.target.as_ref());
        let recreates = recreates.filter(|target| target.requires_recreation != "Never");
        let mut reasons: Vec<PlannedReason> = recreates
            .filter_map(|target| {
                let why = if target.requires_recreation == "Always" {
                    "CloudFormation cannot change it in place"
                } else {
                    "CloudFormation may not be able to change it in place"
                };
                Some(PlannedReason { attribute: Some(target.name.clone()?), why: why.to_owned() })
            })
            .collect();
        reasons.sort();
        reasons.dedup();
        if action == Some(Action::Destroy) {
            reasons = vec![PlannedReason { attribute: None, why: "it is not in the template".to_owned() }];
        }
        let id = self.physical_resource_id.filter(|id| !id.is_empty());
        let instances = action.map(|action| Instance { address: self.logical_resource_id.clone(), action, id });
        Planned {
            calls: Vec::new(),
            address: self.logical_resource_id,
            kind: self.kind,
            action,
            reasons,
            instances: instances.into_iter().collect(),
        }
    }

    fn happens(&self) -> Option<Action> {
        match (self.action.as_str(), self.replacement.as_str()) {
            ("Add" | "Import", _) => Some(Action::Create),
            // What is retained stays as it is, and only leaves the stack.
            ("Remove", _) if self.policy_action == "Retain" => None,
            ("Remove", _) => Some(Action::Destroy),
            ("Modify", "True") => Some(Action::Replace),
            ("Modify", "False") => Some(Action::Update),
            // `Conditional`, `Dynamic`, and whatever comes to be added to the format.
            _ => Some(Action::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(changes: &str, more: &str) -> String {
        format!(r#"{{"ChangeSetName":"c","StackName":"shop"{more},"Changes":[{changes}]}}"#)
    }

    fn change(name: &str, action: &str, more: &str) -> String {
        format!(
            r#"{{"Type":"Resource","ResourceChange":{{"Action":"{action}","LogicalResourceId":"{name}",
               "PhysicalResourceId":"{name}-1","ResourceType":"AWS::RDS::DBInstance"{more}}}}}"#
        )
    }

    #[test]
    fn what_happens_to_each_resource() {
        let changes = [
            change("Gone", "Remove", r#","PolicyAction":"Snapshot""#),
            change("Kept", "Remove", r#","PolicyAction":"Retain""#),
            change(
                "Anew",
                "Modify",
                r#","Replacement":"True","Details":[{"Target":{"Name":"Engine","RequiresRecreation":"Always"}}]"#,
            ),
            change("Perhaps", "Modify", r#","Replacement":"Conditional""#),
            change("Same", "Modify", r#","Replacement":"False""#),
            change("Odd", "Dynamic", ""),
            change("New", "Add", ""),
        ];
        let found = read(&set(&changes.join(","), "")).unwrap().unwrap();
        let happens: Vec<_> = found.resources.iter().map(|one| (one.address.as_str(), one.action)).collect();
        let expected = [
            ("Anew", Some(Action::Replace)),
            ("Gone", Some(Action::Destroy)),
            ("Kept", None),
            ("New", Some(Action::Create)),
            ("Odd", Some(Action::Unknown)),
            ("Perhaps", Some(Action::Unknown)),
            ("Same", Some(Action::Update)),
        ];
        assert_eq!(happens, expected);
        let anew = &found.resources[0];
        assert_eq!(anew.reasons[0].attribute.as_deref(), Some("Engine"));
        assert_eq!(anew.instances[0].id.as_deref(), Some("Anew-1"));
    }

    #[test]
    fn what_is_only_a_part_is_refused() {
        assert_eq!(read(&set("", r#","NextToken":"x""#)), Err(PlanError::APage));
        assert_eq!(read(r#"{"format_version":"1.2","planned_values":{}}"#), Ok(None));
        assert_eq!(read("{"), Ok(None));
        let nested = change("Inner", "Modify", "").replace("AWS::RDS::DBInstance", "AWS::CloudFormation::Stack");
        assert_eq!(read(&set(&nested, "")).unwrap().unwrap().nested, ["Inner"]);
    }
}
