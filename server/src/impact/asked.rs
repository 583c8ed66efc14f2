//! The address of a resource that somebody asks about.

use super::report::Impact;
use anyhow::bail;
use countersign_impact::graph::parts;
use std::sync::Arc;

/// Kind and name in the address of an object of Kubernetes, `Deployment shop/cart`.
pub(crate) fn object(address: &str) -> Option<(&str, &str)> {
    let (kind, name) = address.split_once(' ')?;
    let is_kind = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    let name = name.rsplit('/').next().filter(|name| is_kind && !name.is_empty())?;
    Some((kind.split('.').next().unwrap_or(kind), name))
}

/// What stands in the text that declares an address: its labels, of one that goes through calls that of the first call.
pub(crate) fn words(address: &str) -> Vec<String> {
    if let Some((kind, name)) = object(address) {
        return vec![kind.to_owned(), name.to_owned()];
    }
    let (calls, address) = parts(address);
    let last = |address: &str, count: usize| -> Vec<String> {
        address.split('.').rev().take(count).map(|label| format!("\"{label}\"")).collect()
    };
    match calls.first() {
        Some(call) => last(call, 1),
        None if ["module.", "var.", "output."].iter().any(|prefix| address.starts_with(prefix)) => last(&address, 1),
        // Those stand there without quotes.
        None if address.starts_with("local.") => Vec::from(["locals".to_owned()]),
        None => last(&address, 2),
    }
}

/// Leaves only what is asked about; where nothing happens to that, it is there nevertheless. `here` is the folder that
/// calls go out from, as the index names it.
pub(crate) fn narrow(impact: &mut Impact<'_>, here: &str, asked: &str) -> anyhow::Result<()> {
    let (calls, address) = parts(asked);
    let places = impact.places(here, &calls, &address);
    if places.is_empty() {
        bail!(
            "there is no `{asked}` in the files below this folder, neither now nor before; an address is that in its module, as \
             in `aws_vpc.main` or `Deployment shop/cart`, or through the calls from this folder, as in `module.network.aws_vpc.main`"
        );
    }
    let is_asked = |module: &str, told: &str| {
        let (told_calls, told_address) = parts(told);
        told_address == address
            && ((told_calls.is_empty() && places.iter().any(|place| **place == *module))
                || (told_calls == calls && module == here))
    };
    impact.told.retain(|told| {
        is_asked(&told.module, &told.json.address)
            || told.json.renamed_to.as_deref().is_some_and(|to| is_asked(&told.module, to))
    });
    if impact.told.is_empty() {
        let (module, address) =
            if calls.is_empty() { (None, address) } else { (Some(Arc::from(here)), asked.to_owned()) };
        for place in places {
            let told = impact.untouched(module.as_ref().unwrap_or(&place), &address);
            impact.told.extend(told);
            if module.is_some() {
                break;
            }
        }
    }
    Ok(())
}
