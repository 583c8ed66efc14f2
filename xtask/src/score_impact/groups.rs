//! Which prediction meets which label.

use super::data::Label;
use countersign_engine::Workspace;
use countersign_impact::{Action, Change, Widened};
use std::collections::BTreeSet;

/// The group of a label that is to be predicted.
pub(super) fn group(label: &Label) -> Option<&'static str> {
    Some(match (label.kind.as_str(), label.effect.as_str()) {
        (_, "destroy") => "destroy",
        (_, "destroy+create") => "destroy+create",
        ("force_new_literal", _) => "replace",
        (_, "protection_off") => "protection off",
        (_, "exposure") => "exposure",
        (_, "permission") => "permission",
        (_, "exposure/unsafe_flag") => "unsafe flag",
        (_, "data_retention") => "retention",
        (_, "state") => "state",
        _ => return None,
    })
}

/// The groups of a prediction.
pub(super) fn groups(change: &Change) -> Vec<&'static str> {
    let mut groups = Vec::new();
    let is_re_addressed = change.renamed_to.is_some()
        || change.reasons.iter().any(|reason| {
            matches!(reason.attribute.as_deref(), Some("for_each" | "count")) && reason.why.contains("created anew")
        });
    match change.action {
        Action::Destroy if is_re_addressed => groups.push("destroy+create"),
        Action::Destroy => groups.push("destroy"),
        Action::Replace if change.certain => groups.push("replace"),
        _ if change.kind.starts_with("backend.") => groups.push("state"),
        _ => {}
    }
    if !change.protections_removed.is_empty() {
        groups.push("protection off");
    }
    let widened: BTreeSet<&str> = change
        .widened
        .iter()
        .map(|widening| match widening.what {
            Widened::Exposure => "exposure",
            Widened::Identity => "permission",
            Widened::Encryption => "unsafe flag",
        })
        .collect();
    groups.extend(widened);
    groups
}

/// Groups of which a label of one is met by a prediction of another: what is destroyed is destroyed, whatever comes after it,
/// and the script calls flags protections, exposure or unsafe by their names.
pub(super) fn meets(label: &str, predicted: &str) -> bool {
    let same = |names: &[&str]| names.contains(&label) && names.contains(&predicted);
    label == predicted
        || same(&["destroy", "destroy+create"])
        || same(&["protection off", "unsafe flag", "retention"])
        || same(&["exposure", "unsafe flag"])
}

/// The resources that name a data source, whose changes show in them.
pub(super) fn users(address: &str, folder: &str, (before, after): (&Workspace, &Workspace)) -> BTreeSet<String> {
    if !address.starts_with("data.") {
        return BTreeSet::new();
    }
    let of = |workspace: &Workspace| {
        let blocks = workspace.all(folder).into_iter().filter(|it| it.block().mentions(address));
        blocks.map(|it| it.block().address.to_string()).collect::<Vec<_>>()
    };
    of(before).into_iter().chain(of(after)).collect()
}

/// Whether what a label rests on is there to be seen: where a resource went, or the block that says so.
pub(super) fn is_in_data(label: &Label, here: &str, (_, after): (&Workspace, &Workspace)) -> bool {
    match label.kind.as_str() {
        "moved_to_other_dir" => {
            let others = after.modules().into_iter().filter(|folder| *folder != here);
            others.into_iter().any(|folder| after.definition(folder, &label.address).is_some())
        }
        "moved_block" | "removed_block" => {
            let names = |name: &str| name.split('[').next() == Some(&label.address);
            let blocks = after.all(here);
            let from = blocks.iter().filter(|it| matches!(&*it.block().kind, "moved" | "removed"));
            let from = from.filter_map(|it| it.block().body.attribute("from")?.address());
            from.into_iter().any(|from| names(&from))
        }
        _ => true,
    }
}
