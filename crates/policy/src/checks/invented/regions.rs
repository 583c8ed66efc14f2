//! Regions, zones and locations that do not exist.

use super::super::Context;
use super::{emulated, for_each_leaf, place_at};
use crate::evaluate::Place;

/// Regions of AWS in all partitions, and some that are announced or may be.
const AWS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-central-2",
    "me-south-1",
    "me-south-2",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// What regions of AWS begin with.
const AWS_AREAS: &[&str] = &["af", "ap", "ca", "cn", "eu", "il", "me", "mx", "sa", "us"];

const AWS_DIRECTIONS: &[&str] =
    &["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

/// Regions of Google Cloud, and some that are not open to everybody or may come next.
const GOOGLE: &[&str] = &[
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-south3",
    "asia-southeast1",
    "asia-southeast2",
    "asia-southeast3",
    "asia-southeast4",
    "australia-southeast1",
    "australia-southeast2",
    "australia-southeast3",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west11",
    "europe-west12",
    "europe-west13",
    "europe-west14",
    "europe-west15",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west5",
    "europe-west6",
    "europe-west7",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-central2",
    "me-central3",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-central2",
    "us-east1",
    "us-east2",
    "us-east3",
    "us-east4",
    "us-east5",
    "us-east6",
    "us-east7",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
    "us-west5",
    "us-west6",
    "us-west8",
];

/// What regions of Google Cloud begin with.
const GOOGLE_AREAS: &[&str] = &["africa", "asia", "australia", "europe", "me", "northamerica", "southamerica", "us"];

/// Locations of Azure in all clouds, and some that are announced or have been, without spaces.
const AZURE: &[&str] = &[
    "asia",
    "asiapacific",
    "attatlanta1",
    "attdallas1",
    "attdetroit1",
    "attnewyork1",
    "australia",
    "australiacentral",
    "australiacentral2",
    "australiaeast",
    "australiasoutheast",
    "austriaeast",
    "belgiumcentral",
    "brazil",
    "brazilnortheast",
    "brazilsouth",
    "brazilsoutheast",
    "brazilus",
    "canada",
    "canadacentral",
    "canadaeast",
    "centralindia",
    "centralus",
    "centraluseuap",
    "centralusstage",
    "chilecentral",
    "chinaeast",
    "chinaeast2",
    "chinaeast3",
    "chinanorth",
    "chinanorth2",
    "chinanorth3",
    "denmarkeast",
    "eastasia",
    "eastasiastage",
    "eastus",
    "eastus2",
    "eastus2euap",
    "eastus2stage",
    "eastus3",
    "eastusstage",
    "eastusstg",
    "europe",
    "finlandcentral",
    "france",
    "francecentral",
    "francesouth",
    "germany",
    "germanycentral",
    "germanynorth",
    "germanynortheast",
    "germanywestcentral",
    "global",
    "greececentral",
    "india",
    "indiasouthcentral",
    "indonesia",
    "indonesiacentral",
    "israel",
    "israelcentral",
    "israelnorthwest",
    "italy",
    "italynorth",
    "japan",
    "japaneast",
    "japanwest",
    "jioindiacentral",
    "jioindiawest",
    "korea",
    "koreacentral",
    "koreasouth",
    "malaysiasouth",
    "malaysiawest",
    "mexico",
    "mexicocentral",
    "newzealand",
    "newzealandnorth",
    "northcentralus",
    "northcentralusstage",
    "northeastus5",
    "northeurope",
    "northeurope2",
    "norway",
    "norwayeast",
    "norwaywest",
    "poland",
    "polandcentral",
    "qatar",
    "qatarcentral",
    "saudiarabiaeast",
    "singapore",
    "singaporegov",
    "southafrica",
    "southafricanorth",
    "southafricawest",
    "southcentralus",
    "southcentralus2",
    "southcentralusstage",
    "southcentralusstg",
    "southeastasia",
    "southeastasiastage",
    "southeastus",
    "southeastus3",
    "southeastus5",
    "southindia",
    "southwestus",
    "spain",
    "spaincentral",
    "sweden",
    "swedencentral",
    "swedensouth",
    "switzerland",
    "switzerlandnorth",
    "switzerlandwest",
    "taiwan",
    "taiwannorth",
    "taiwannorthwest",
    "uae",
    "uaecentral",
    "uaenorth",
    "uk",
    "uknorth",
    "uksouth",
    "uksouth2",
    "ukwest",
    "unitedkingdom",
    "unitedstates",
    "unitedstateseuap",
    "usdodcentral",
    "usdodeast",
    "usgovarizona",
    "usgoviowa",
    "usgovtexas",
    "usgovvirginia",
    "usnateast",
    "usnatwest",
    "usseceast",
    "ussecwest",
    "ussecwestcentral",
    "westcentralus",
    "westeurope",
    "westindia",
    "westus",
    "westus2",
    "westus2stage",
    "westus3",
    "westusstage",
];

/// Regions in the values of a resource or provider that its cloud does not have.
pub(in super::super) fn region(context: &Context<'_>) -> Vec<Place> {
    let resource = context.resource;
    let kind = resource.kind.as_str();
    let name = kind.strip_prefix("data.").or_else(|| kind.strip_prefix("provider.")).unwrap_or(kind);
    let (check, names): (fn(&str) -> Option<String>, _) = match name.split('_').next() {
        Some("aws") => (not_aws as _, ["region", "regions", "region_name", "availability_zone", "availability_zones"]),
        Some("backend.s3") if stands_on_aws(context) => (not_aws as _, ["region"; 5]),
        // Some of its services are about other clouds.
        Some("google" | "google-beta") if !name.contains("_aws") && !name.contains("_azure") => {
            (not_google as _, ["location", "region", "zone", "zones", "node_locations"])
        }
        Some("azurerm") => (not_azure as _, ["location"; 5]),
        _ => return Vec::new(),
    };
    let mut places = Vec::new();
    for_each_leaf(&resource.body, &mut |name, value| {
        if names.contains(&name)
            && let Some(reason) = value.as_str().and_then(check)
        {
            places.push(place_at(value, reason));
        }
    });
    let own_endpoints = kind == "provider.aws" && resource.body.value("endpoints").is_some();
    if !places.is_empty() && (own_endpoints || emulated(context.world)) {
        places.clear();
    }
    places
}

/// Whether a bucket for state is one of AWS and not of a service with the same protocol, which has regions of its own.
fn stands_on_aws(context: &Context<'_>) -> bool {
    !["endpoint", "endpoints", "skip_region_validation"].iter().any(|name| context.resource.body.value(name).is_some())
}

/// Why a text is no region or zone of AWS although it looks like one.
fn not_aws(text: &str) -> Option<String> {
    let base =
        text.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|base| base.ends_with(|c: char| c.is_ascii_digit()));
    let base = base.unwrap_or(text);
    if AWS.contains(&base) {
        return None;
    }
    let parts: Vec<_> = base.split('-').collect();
    let looks_like_one = matches!(parts.as_slice(), [area, direction, number]
        if AWS_AREAS.contains(area) && AWS_DIRECTIONS.contains(direction) && is_number(number));
    if looks_like_one || GOOGLE.contains(&base) {
        let letters = letters_of(base);
        let meant = AWS.iter().find(|known| letters_of(known) == letters).copied();
        return Some(message(text, "AWS", meant.or_else(|| nearest(base, AWS))));
    }
    None
}

/// Why a text is no region or zone of Google Cloud although it looks like one.
fn not_google(text: &str) -> Option<String> {
    let base = match text.rsplit_once('-') {
        Some((base, zone)) if zone.len() == 1 && zone.bytes().all(|byte| byte.is_ascii_lowercase()) => base,
        _ => text,
    };
    if GOOGLE.contains(&base) {
        return None;
    }
    if let Some(meant) = GOOGLE.iter().find(|known| letters_of(known) == letters_of(base) && base.contains('-')) {
        return Some(message(text, "Google Cloud", Some(meant)));
    }
    let (area, rest) = base.split_once('-')?;
    let direction = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let looks_like_one =
        GOOGLE_AREAS.contains(&area) && AWS_DIRECTIONS.contains(&direction) && direction.len() < rest.len();
    (looks_like_one || AWS.contains(&base)).then(|| message(text, "Google Cloud", nearest(base, GOOGLE)))
}

/// Why a text is no location of Azure although it looks like one.
fn not_azure(text: &str) -> Option<String> {
    let plain = text.to_ascii_lowercase().replace(' ', "");
    if AZURE.contains(&plain.as_str()) {
        return None;
    }
    if AWS.contains(&text) || GOOGLE.contains(&text) {
        return Some(message(text, "Azure", None));
    }
    let base = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    if base != plain && base.len() > 4 && AZURE.contains(&base) {
        return Some(message(text, "Azure", Some(base)));
    }
    let sorted = sorted_bytes(&plain);
    AZURE
        .iter()
        .find(|known| known.len() == plain.len() && sorted_bytes(known) == sorted && swapped(known, &plain))
        .map(|known| message(text, "Azure", Some(known)))
}

/// Whether one text is the other with its two parts swapped (`europewest`), or with two neighbouring letters swapped.
fn swapped(a: &str, b: &str) -> bool {
    (1..a.len()).any(|at| b.strip_prefix(&a[at..]).is_some_and(|rest| rest == &a[..at]))
        || a.bytes().zip(b.bytes()).filter(|(x, y)| x != y).count() == 2
}

fn sorted_bytes(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes
}

fn letters_of(text: &str) -> String {
    text.replace('-', "")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The known region with the longest common beginning, where that says something.
fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let common = |other: &str| text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    known.iter().copied().rev().max_by_key(|other| common(other)).filter(|other| common(other) > 5)
}

fn message(text: &str, cloud: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("`{text}` is no region of {cloud}; did you mean `{meant}`?"),
        None => format!("`{text}` is no region of {cloud}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_aws() {
        for real in [
            "eu-west-2",
            "eu-west-2a",
            "us-east-1f",
            "us-west-2-lax-1a",
            "use1-az1",
            "global",
            "*",
            "",
            "us-gov-west-1",
            "region1",
        ] {
            assert_eq!(not_aws(real), None, "{real}");
        }
        for wrong in ["us-east-3", "us-east-3a", "eu-north-2", "us-central-1", "us-central1", "us-north-1"] {
            assert!(not_aws(wrong).is_some(), "{wrong}");
        }
        assert!(not_aws("us-east1").is_some_and(|reason| reason.contains("`us-east-1`")));
    }

    #[test]
    fn regions_of_google_cloud() {
        for real in [
            "us-central1",
            "us-central1-a",
            "US",
            "EU",
            "eur3",
            "nam4",
            "asia1",
            "global",
            "aws-us-east-1",
            "us-central1-ai1a",
            "-",
        ] {
            assert_eq!(not_google(real), None, "{real}");
        }
        for wrong in ["us-central-1", "us-north1", "europe-east1-b", "us-east-1", "eu-west-1"] {
            assert!(not_google(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn locations_of_azure() {
        for real in [
            "West Europe",
            "westeurope",
            "eastus2",
            "East US 2",
            "global",
            "region1",
            "",
            "example --West-US",
            "Static",
        ] {
            assert_eq!(not_azure(real), None, "{real}");
        }
        for wrong in ["westeurope2", "Europe West", "eastus5", "us-east-1", "europe-west1", "westeuorpe"] {
            assert!(not_azure(wrong).is_some(), "{wrong}");
        }
    }
}
