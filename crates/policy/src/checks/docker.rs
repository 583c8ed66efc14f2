//! What rules out risks of the stages of a Dockerfile: what other stages are, and take from this one.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::Value;

/// The image is an earlier stage of the file.
pub(super) fn image_is_stage(context: &Context<'_>) -> Vec<Place> {
    let image = context.resource.body.value("image").and_then(Value::as_str);
    let is_stage = |image: &str| context.world.resource(&format!("stage {}", image.to_ascii_lowercase())).is_some();
    image.is_some_and(is_stage).then(Place::default).into_iter().collect()
}

/// Another stage takes something from this one, so it need not be what is shipped. One without a name goes by its number, which is not
/// known here: any number may be its.
pub(super) fn stage_is_used(context: &Context<'_>) -> Vec<Place> {
    let is_used = |name: &str| context.world.resource(&format!("uses {name}")).is_some();
    let used = match context.resource.address.strip_prefix("stage ") {
        Some(name) => is_used(name),
        None => (0..10_u8).any(|number| is_used(&number.to_string())),
    };
    used.then(Place::default).into_iter().collect()
}
