//! Machine and container images that cannot exist.

use super::super::Context;
use super::placeholders::{is_id_body, is_placeholder_id};
use super::{emulated, for_each_leaf, place_at};
use crate::evaluate::Place;
use countersign_infra::{Value, ValueKind, document};

/// Arguments that take the id of an AMI.
const AMI: &[&str] = &["ami", "ami_id", "image_id", "source_ami", "source_ami_id"];
/// Arguments that take the name of a container's image.
const CONTAINER: &[&str] = &["container_image", "docker_image", "image", "image_uri"];
/// Beginnings of names that documentation uses for a registry or repository of one's own.
const NOBODYS: &[&str] = &[
    "your-",
    "your_",
    "yourregistry",
    "yourrepo",
    "yourimage",
    "example.com/",
    "registry.example.com/",
    "example/",
    "path/to/",
];

/// Images that stand for one, or that cannot be one.
pub(in super::super) fn image(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    let variable = context.resource.address.strip_prefix("var.");
    let mut visit = |name: &str, value: &Value| {
        let name = if name == "default" { variable.unwrap_or(name) } else { name };
        let Some(text) = value.as_str() else { return };
        let wrong = if AMI.contains(&name) {
            no_ami(text)
        } else if CONTAINER.contains(&name) {
            no_container(text)
        } else {
            None
        };
        places.extend(wrong.map(|reason| place_at(value, format!("`{text}` {reason}"))));
    };
    for_each_leaf(&context.resource.body, &mut visit);
    if let Some(value) = context.resource.body.value("container_definitions")
        && value.as_str().is_some()
        && let Some(definitions) = document(value, context.source)
        && let ValueKind::List(containers) = &definitions.kind
    {
        for container in containers {
            if let ValueKind::Object(body) = &container.kind {
                for_each_leaf(body, &mut |name, value| visit(name, value));
            }
        }
    }
    if !places.is_empty() && emulated(context.world) {
        places.clear();
    }
    places
}

fn no_ami(text: &str) -> Option<&'static str> {
    let id = text.strip_prefix("ami-")?;
    if is_placeholder_id(id) {
        return Some("is a placeholder");
    }
    (!is_id_body(id)).then_some("is no id of an image, which has 8 or 17 hexadecimal digits")
}

fn no_container(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if NOBODYS.iter().any(|begin| lower.starts_with(begin)) || lower.contains("/your-") || lower.contains("/your_") {
        return Some("is a placeholder");
    }
    let (_, digest) = lower.split_once("@sha256:")?;
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("names a digest that is none: a SHA-256 has 64 hexadecimal digits");
    }
    let made_up = digest.bytes().all(|byte| byte == digest.as_bytes()[0])
        || digest.starts_with("0123456789abcdef0123456789abcdef");
    made_up.then_some("names a digest that is a placeholder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images() {
        for real in ["ami-0c55b159cbfafe1f0", "ami-1a2b3c4e", "resolve:ssm:/aws/x", "", "img-1"] {
            assert_eq!(no_ami(real), None, "{real}");
        }
        for wrong in ["ami-12345678", "ami-0123456789abcdef0", "ami-123", "ami-xxxxxxxx", "ami-ubuntu-22.04"] {
            assert!(no_ami(wrong).is_some(), "{wrong}");
        }
        for real in [
            "nginx",
            "nginx:1.27",
            "ghcr.io/org/app@sha256:9b2a28eb47540823042a2ba401386845089bb7b62a9637d55816132c4c3c36eb",
        ] {
            assert_eq!(no_container(real), None, "{real}");
        }
        for wrong in ["your-registry/app:1", "gcr.io/your-project/app", "nginx@sha256:abc123", "example/image"] {
            assert!(no_container(wrong).is_some(), "{wrong}");
        }
        assert!(no_container(&format!("nginx@sha256:{}", "0".repeat(64))).is_some());
    }
}
