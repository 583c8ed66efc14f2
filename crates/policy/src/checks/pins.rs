//! What is fetched without saying which: container images by a tag that moves, providers in any version.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::{Body, Found, Value, ValueKind, document};

/// Images in the container definitions of an ECS task, given as JSON.
pub(super) fn container_image(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for found in context.resource.body.find(context.attribute) {
        let Found::Value(value) = found else { continue };
        let Some(definitions) = document(value, context.source) else { continue };
        let ValueKind::List(containers) = &definitions.kind else { continue };
        for container in containers {
            if let ValueKind::Object(container) = &container.kind
                && let Some(image) = container.value("image")
                && image.as_str().is_some_and(moves)
            {
                places.push(Place::at(image));
            }
        }
    }
    places
}

/// Whether an image has neither digest nor tag, or the tag `latest`.
fn moves(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !image.is_empty() && !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// A module without a version. The other names in it are those of its inputs.
pub(super) fn module(context: &Context<'_>) -> Vec<Place> {
    let body = &context.resource.body;
    match body.value("version").map(|version| &version.kind) {
        None | Some(ValueKind::Null) => vec![Place { range: body.anchor.clone(), ..Place::default() }],
        Some(_) => Vec::new(),
    }
}

/// Providers of `required_providers` without a version, in a root module: one with a backend or with the provider's own
/// configuration. A module that is called may bound the version, as may the caller.
pub(super) fn provider(context: &Context<'_>) -> Vec<Place> {
    let backend = ["backend", "cloud"].iter().any(|name| context.resource.body.value(name).is_some());
    let configured = |name: &str| !context.world.of_kind(&format!("provider.{name}")).is_empty();
    if context.world.is_called() || !context.world.of_kind("module").is_empty() {
        return Vec::new();
    }
    let required = context.resource.body.named("required_providers").filter_map(|field| object(&field.value));
    let mut places = Vec::new();
    for provider in required.flat_map(|body| &body.fields) {
        if let Some(body) = object(&provider.value)
            && !body.open
            && body.value("version").is_none()
            && (backend || configured(&provider.name))
            && !body.value("source").is_some_and(|source| source.as_str().is_none_or(|text| text.contains("builtin")))
            && context.world.has_kind(&|kind| is_of(kind, &provider.name))
        {
            let range = provider.range.start..provider.range.start + provider.name.len();
            places.push(Place { range, value: Some(provider.name.clone()), ..Place::default() });
        }
    }
    places
}

/// Whether a resource or data source is of the provider that is known by a name.
fn is_of(kind: &str, provider: &str) -> bool {
    let kind = kind.strip_prefix("data.").unwrap_or(kind);
    kind.split_once('_').is_some_and(|(prefix, _)| prefix == provider)
}

fn object(value: &Value) -> Option<&Body> {
    match &value.kind {
        ValueKind::Object(body) => Some(body),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_of, moves};

    #[test]
    fn kinds_of_a_provider() {
        assert!(is_of("aws_instance", "aws") && is_of("data.google_project", "google"));
        assert!(!is_of("awscc_x", "aws") && !is_of("variable", "variable") && !is_of("provider.aws", "aws"));
    }

    #[test]
    fn tags() {
        for image in ["nginx", "nginx:latest", "ghcr.io/acme/api", "localhost:5000/api"] {
            assert!(moves(image), "{image}");
        }
        for image in ["", "nginx:1.27", "ghcr.io/acme/api@sha256:00", "localhost:5000/api:3"] {
            assert!(!moves(image), "{image}");
        }
    }
}
