//! What workflows do with code that strangers wrote.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::{Body, Value, ValueKind};

/// Events that run for pull requests of strangers, with what the repository has.
const PRIVILEGED: [&str; 2] = ["pull_request_target", "workflow_run"];

/// The head of a pull request, as the ref of a checkout names it.
const HEADS: [&str; 5] = [
    "github.event.pull_request.head.",
    "github.event.workflow_run.head_",
    "github.head_ref",
    "github.event.pull_request.merge_commit_sha",
    "refs/pull/",
];

/// Checkouts of the head of a pull request, in a workflow that runs for those of strangers with secrets.
pub(super) fn untrusted_checkout(context: &Context<'_>) -> Vec<Place> {
    let Some(workflow) = context.world.resource("workflow") else { return Vec::new() };
    if !workflow.body.value("on").is_some_and(is_privileged) {
        return Vec::new();
    }
    let Some(ValueKind::List(steps)) = context.resource.body.value(context.attribute).map(|steps| &steps.kind) else {
        return Vec::new();
    };
    steps.iter().filter_map(object).filter_map(head_of).map(Place::at).collect()
}

/// Whether a workflow is started by one of the events.
fn is_privileged(on: &Value) -> bool {
    match &on.kind {
        ValueKind::String { text, .. } => PRIVILEGED.contains(&text.as_str()),
        ValueKind::List(events) => events.iter().any(is_privileged),
        ValueKind::Object(events) => events.fields.iter().any(|event| PRIVILEGED.contains(&event.name.as_str())),
        _ => false,
    }
}

/// What a step checks out, where that is the head of a pull request.
fn head_of(step: &Body) -> Option<&Value> {
    let uses = step.value("uses")?.as_str()?;
    uses.starts_with("actions/checkout").then_some(())?;
    let reference = object(step.value("with")?)?.value("ref")?;
    let text = reference.as_str()?;
    HEADS.iter().any(|head| text.contains(head)).then_some(reference)
}

fn object(value: &Value) -> Option<&Body> {
    match &value.kind {
        ValueKind::Object(body) => Some(body),
        _ => None,
    }
}
