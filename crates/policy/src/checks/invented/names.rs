//! Names that do not exist: resource types, arguments, AWS actions.

use super::super::{Context, iam};
use super::{name_range, place, place_at, tables};
use crate::evaluate::Place;
use countersign_infra::Found;

/// Providers in the tables, and how a message calls the version that the tables know.
const PROVIDERS: &[(&str, &str)] = &[
    ("aws", "AWS provider 6.58"),
    ("azurerm", "AzureRM provider 5.2"),
    ("google", "Google provider of August 2026"),
    ("kubernetes", "Kubernetes provider of August 2026"),
    ("helm", "Helm provider of May 2026"),
];

/// A resource's type, where it is none of its provider's and it is known which one is meant.
pub(in super::super) fn kind(context: &Context<'_>) -> Vec<Place> {
    let resource = context.resource;
    let Some((prefix, provider)) = provider(context) else { return Vec::new() };
    if tables::kind(&resource.kind).is_some() {
        return Vec::new();
    }
    let Some(meant) = meant_type(&resource.kind, prefix) else { return Vec::new() };
    let start = resource.body.anchor.start;
    let quotes = 2 * usize::from(context.source.get(start..).is_some_and(|text| text.starts_with('"')));
    let range = start..start + resource.kind.len() + quotes;
    vec![place(range, format!("{provider}; did you mean `{meant}`?"))]
}

/// The provider of a resource that comes from the one that its type's name says.
fn provider(context: &Context<'_>) -> Option<(&'static str, &'static str)> {
    let (prefix, _) = context.resource.kind.split_once('_')?;
    let provider = PROVIDERS.iter().find(|(name, _)| *name == prefix)?;
    let same = context.resource.body.value("provider").is_none_or(|value| {
        let text = context.source.get(value.range.clone()).unwrap_or_default();
        text.trim_matches('"').split('.').next() == Some(prefix)
    });
    same.then_some(*provider)
}

/// The type that is meant by a name that is none.
fn meant_type(name: &str, prefix: &str) -> Option<&'static str> {
    if let Some(meant) = tables::mistaken_type(name) {
        return Some(meant);
    }
    let short = |known: &str| known.len() < prefix.len() + 7;
    let words = sorted_words(name);
    tables::kinds(&format!("{prefix}_")).find(|known| {
        let near = known.len().abs_diff(name.len()) <= 3;
        near && (same_letters(name, known)
            || !short(known) && is_slip(name, known)
            || known.len() == name.len() && words == sorted_words(known))
    })
}

fn sorted_words(name: &str) -> Vec<&str> {
    let mut words: Vec<_> = name.split('_').collect();
    words.sort_unstable();
    words
}

/// Whether two names differ in nothing but where words are divided.
fn same_letters(a: &str, b: &str) -> bool {
    a.bytes().filter(|byte| *byte != b'_').eq(b.bytes().filter(|byte| *byte != b'_'))
}

/// Whether one name is the other with two letters swapped, or with one letter too many, too few or wrong. What may tell two
/// real names apart is no slip: a digit, an `s` or `d` at the end of a word, the first letter of a word.
fn is_slip(name: &str, known: &str) -> bool {
    let (name, known) = (name.as_bytes(), known.as_bytes());
    let start = name.iter().zip(known).take_while(|(one, other)| one == other).count();
    let (rest, known_rest) = (&name[start..], &known[start..]);
    let end = rest.iter().rev().zip(known_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let (differs, known_differs) = (&rest[..rest.len() - end], &known_rest[..known_rest.len() - end]);
    let starts_word = start == 0 || name[start - 1] == b'_';
    let ends_word = end == 0 || name[name.len() - end] == b'_';
    let letters = |text: &[u8]| text.iter().all(u8::is_ascii_lowercase);
    if starts_word || !letters(differs) || !letters(known_differs) {
        return false;
    }
    match (differs, known_differs) {
        ([first, second], [known_first, known_second]) => first == known_second && second == known_first,
        // `enable` and `enabled`, `id` and `ids`.
        ([letter], []) | ([], [letter]) => !(ends_word && matches!(letter, b's' | b'd' | b'e')),
        ([_], [_]) => !ends_word,
        _ => false,
    }
}

/// What every resource may have.
const META: &[&str] = &[
    "connection",
    "count",
    "depends_on",
    "for_each",
    "id",
    "lifecycle",
    "provider",
    "provisioner",
    "region",
    "tags",
    "tags_all",
    "timeouts",
];

/// Names that different types have for the same thing: a type has one of them.
const SAME_THING: &[&[&str]] = &[
    &[
        "delete_protection",
        "delete_protection_enabled",
        "deletion_protection",
        "deletion_protection_enabled",
        "enable_delete_protection",
        "enable_deletion_protection",
    ],
    &["force_delete", "force_destroy"],
];

/// Arguments that a resource's type does not have, where it is known which one is meant.
pub(in super::super) fn argument(context: &Context<'_>) -> Vec<Place> {
    let resource = context.resource;
    let Some((prefix, provider)) = provider(context) else { return Vec::new() };
    let Some(kind) = tables::kind(&resource.kind).filter(|kind| !kind.removed) else { return Vec::new() };
    let mut places = Vec::new();
    for field in &resource.body.fields {
        let name = field.name.as_str();
        if META.contains(&name) || kind.has(name) {
            continue;
        }
        let Some(range) = name_range(field, context.source) else { continue };
        let same_thing = || {
            let group = SAME_THING.iter().find(|group| group.contains(&name))?;
            kind.arguments().find(|known| group.contains(known))
        };
        let slip = || {
            let written_too = |known: &str| resource.body.value(known).is_some();
            let near = |known: &&str| !written_too(known) && known.len() >= 8 && is_slip(name, known);
            kind.arguments().find(near).filter(|_| !tables::is_a_name_of(prefix, name))
        };
        if let Some(meant) = same_thing().or_else(slip) {
            places.push(place(range, format!("`{name}` in the {provider}; did you mean `{meant}`?")));
        } else if kind.complete && prefix == "aws" && !older_aws(context) {
            places.push(place(range, format!("`{name}` that can be set in the {provider}.")));
        }
    }
    places
}

/// Whether the module says that it is for a version of the AWS provider before that of the tables, which may have had
/// arguments that are gone.
fn older_aws(context: &Context<'_>) -> bool {
    context.world.of_kind("terraform").iter().any(|terraform| {
        terraform.body.find("required_providers.aws.version").into_iter().any(|found| match found {
            Found::Value(value) => value.as_str().is_none_or(|version| version.split(',').any(is_before_six)),
            Found::Unknown => true,
            Found::Missing { .. } => false,
        })
    })
}

/// Whether a constraint (`~> 5.0`, `< 6`, `4.67.0`) keeps the version below 6.
fn is_before_six(constraint: &str) -> bool {
    let constraint = constraint.trim();
    let number = constraint.trim_start_matches(['~', '>', '<', '=', '!', ' ']);
    let Ok(major) = number.split('.').next().unwrap_or_default().parse::<u32>() else { return false };
    match &constraint[..constraint.len() - number.len()].trim() {
        &">" | &">=" | &"!=" => false,
        &"<" => major <= 6,
        _ => major < 6,
    }
}

/// Actions in a policy that no AWS service has.
pub(in super::super) fn action(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    iam::for_each_action(context, |action| {
        if let Some(reason) = action.as_str().and_then(no_action) {
            places.push(place_at(action, reason));
        }
    });
    places
}

/// Why there is no such action, if there is none.
fn no_action(action: &str) -> Option<String> {
    let (service, name) = action.split_once(':')?;
    let is_name =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'?'));
    if name.is_empty() || !is_name(service) || !is_name(name) {
        return None;
    }
    let lower = action.to_ascii_lowercase();
    if let Some(meant) = tables::mistaken_action(&lower) {
        return Some(format!("`{action}` (probably `{meant}` is meant)"));
    }
    // A wildcard in the service may stand for any; of the name, what is before the first one counts.
    let lower = &lower[service.len() + 1..];
    let end = lower.find(['*', '?']);
    let known = tables::begins_as_an_action(&lower[..end.unwrap_or(lower.len())], end.is_some());
    (!service.contains(['*', '?']) && !known).then(|| format!("`{action}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_not_what_tells_real_names_apart() {
        for (wrong, right) in [
            ("aws_kms_kye", "aws_kms_key"),
            ("aws_security_gruop", "aws_security_group"),
            ("aws_iam_policy_attachement", "aws_iam_policy_attachment"),
            ("azurerm_postgresql_flexable_server", "azurerm_postgresql_flexible_server"),
        ] {
            assert!(is_slip(wrong, right), "{wrong}");
        }
        for (one, other) in [
            ("subnet_id", "subnet_ids"),
            ("subnets_id", "subnet_id"),
            ("aws_alb", "aws_elb"),
            ("ipv4_cidr", "ipv6_cidr"),
            ("enabled_log", "enable_log"),
            ("google_project_services", "google_project_service"),
            ("same", "same"),
        ] {
            assert!(!is_slip(one, other), "{one}");
        }
    }

    #[test]
    fn versions_before_six() {
        for constraint in ["~> 5.0", "< 6", "<6.0.0", "4.67.0", "= 5.1", "<= 5.99"] {
            assert!(is_before_six(constraint), "{constraint}");
        }
        for constraint in [">= 5.0", "~> 6.1", "!= 5.1", "6.58.0", "", "x"] {
            assert!(!is_before_six(constraint), "{constraint}");
        }
    }

    #[test]
    fn the_type_that_is_meant() {
        for (wrong, right) in [
            ("aws_ec2_instance", "aws_instance"),
            ("aws_cloud_watch_log_group", "aws_cloudwatch_log_group"),
            ("azurerm_account_storage", "azurerm_storage_account"),
        ] {
            let (prefix, _) = wrong.split_once('_').unwrap_or_default();
            assert_eq!(meant_type(wrong, prefix), Some(right), "{wrong}");
        }
        // Real, of another version or of the beta provider.
        for real in
            ["azurerm_policy_assignment", "google_project_service_identity", "google_project_services", "aws_dynamo"]
        {
            let (prefix, _) = real.split_once('_').unwrap_or_default();
            assert_eq!(meant_type(real, prefix), None, "{real}");
        }
    }

    #[test]
    fn actions() {
        for real in [
            "s3:GetObject",
            "S3:getobject",
            "s3:Get*",
            "s3:*",
            "*",
            "*:*",
            "kms:ReEncrypt*",
            "kms:Re*",
            "a?s:Foo",
            "es:ESHttp*",
            "s3:G*",
            "rds-db:connect",
            "not an action: at all",
            "${var.x}:Foo",
        ] {
            assert_eq!(no_action(real), None, "{real}");
        }
        assert_eq!(no_action("iam:WhoAmI").as_deref(), Some("`iam:WhoAmI`"));
        assert_eq!(no_action("s3:Empty*").as_deref(), Some("`s3:Empty*`"));
        assert_eq!(
            no_action("s3:listobjects").as_deref(),
            Some("`s3:listobjects` (probably `s3:ListBucket` is meant)")
        );
    }
}
