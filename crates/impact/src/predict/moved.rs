//! Instances that `moved` blocks name one by one.

use super::half::Declared;
use super::moves::plain;
use crate::change::{Action, Change, Reason};
use countersign_infra::terraform::Instances;
use std::collections::BTreeSet;

/// A resource that becomes one instance of another: which bodies are to be compared.
pub(super) fn moved_to_instance(
    change: &mut Change,
    key: &str,
    before: &Declared,
    after: &Declared,
) -> Vec<(usize, usize)> {
    let keys: Option<Vec<String>> = match &after.instances {
        Instances::One => Some(vec![String::new()]),
        Instances::Count(count) => count.map(|count| (0..count).map(|index| format!("[{index}]")).collect()),
        Instances::Keys(keys) => keys.as_ref().map(|keys| keys.iter().map(|key| format!("[{key:?}]")).collect()),
    };
    let first = |index| if before.bodies.is_empty() { Vec::new() } else { vec![(0, index)] };
    match keys.as_ref().map(|keys| keys.iter().position(|known| known == key)) {
        Some(Some(index)) if keys.map(|keys| keys.len()) == Some(after.bodies.len()) => first(index),
        Some(Some(_)) => first(0),
        Some(None) => {
            let why = format!("there is no instance `{key}` there, so it is destroyed");
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Destroy, !after.soft);
            Vec::new()
        }
        None => {
            let why = "whether that instance is there is not known; if it is not, it is destroyed".to_owned();
            change.reasons.push(Reason { attribute: None, why, place: None });
            change.certain = false;
            first(0)
        }
    }
}

/// Instances that `moved` blocks name one by one.
pub(super) fn moved_instances(change: &mut Change, moved: &[(&str, &str)], before: &Instances) -> bool {
    let named: BTreeSet<&str> = moved.iter().map(|(from, _)| *from).collect();
    let address = moved.first().map(|(from, _)| plain(from)).unwrap_or_default();
    let all: Option<Vec<String>> = match before {
        Instances::One => Some(vec![address.clone()]),
        Instances::Count(Some(count)) => Some((0..*count).map(|index| format!("{address}[{index}]")).collect()),
        Instances::Keys(Some(keys)) => Some(keys.iter().map(|key| format!("{address}[{key:?}]")).collect()),
        Instances::Count(None) | Instances::Keys(None) => None,
    };
    let is_complete = all.is_some_and(|all| all.iter().all(|instance| named.contains(instance.as_str())));
    let why = if is_complete {
        "`moved` blocks give its instances other addresses".to_owned()
    } else {
        "`moved` blocks give some of its instances other addresses; it is not known whether there are others, which would \
         be destroyed"
            .to_owned()
    };
    change.reasons.push(Reason { attribute: None, why, place: None });
    let action = if is_complete { Action::Rename } else { Action::Unknown };
    (change.action, change.certain) = (action, is_complete);
    true
}
