//! What would have kept a resource from harm and is off or gone.

use super::{At, States, at, for_each_leaf, last};
use crate::change::Reason;
use crate::predict::module::Pair;
use crate::tables::{Polarity, Protection, class};
use countersign_infra::{Body, Format, Value};
use std::collections::BTreeMap;

/// Settings that keep data or a record of what was done, beside those of the tables: while they are on, something is left.
/// By the last names of their paths, which mean the same in every type that has them.
///
/// Source: the providers' documentation of the attribute.
const KEEPING: &[(&str, &str)] = &[
    ("versioning.enabled", "older versions of objects are kept no more"),
    ("versioning_configuration.status", "older versions of objects are kept no more"),
    ("point_in_time_recovery.enabled", "it cannot be brought back to an earlier time any more"),
    ("point_in_time_recovery_enabled", "it cannot be brought back to an earlier time any more"),
    ("backup_configuration.enabled", "there are no backups any more"),
    ("backup_enabled", "there are no backups any more"),
    ("multi_az", "there is no second one to take over"),
    ("automatic_failover_enabled", "there is no second one to take over"),
    ("enable_key_rotation", "the key is not rotated any more"),
    ("enable_logging", "what is done is not logged any more"),
    ("enable_log_file_validation", "logs can be changed unseen"),
    ("access_logs.enabled", "access is not logged any more"),
    ("mfa_delete", "deleting asks for no second factor any more"),
    ("VersioningConfiguration.Status", "older versions of objects are kept no more"),
    ("PointInTimeRecoveryEnabled", "it cannot be brought back to an earlier time any more"),
    ("MultiAZ", "there is no second one to take over"),
    ("AutomaticFailoverEnabled", "there is no second one to take over"),
    ("EnableKeyRotation", "the key is not rotated any more"),
    ("IsLogging", "what is done is not logged any more"),
    ("EnableLogFileValidation", "logs can be changed unseen"),
];

/// Values of policies about what becomes of a resource that goes by which something stays of it.
const PROTECTING: &[&str] = &["PREVENT", "ABANDON", "Retain", "RetainExceptOnCreate", "Snapshot"];

/// Kinds whose retention of 0 days means that nothing is ever deleted.
const ZERO_IS_FOREVER: &[&str] = &["aws_cloudwatch_log_group", "AWS::Logs::LogGroup"];

/// Protections by their names alone, for modules and kinds that are not known.
const NAMES: &[&str] = &[
    "deletion_protection",
    "deletion_protection_enabled",
    "enable_deletion_protection",
    "termination_protection",
    "disable_api_termination",
    "force_destroy",
    "force_delete",
    "skip_final_snapshot",
    "delete_automated_backups",
    "backup_retention_period",
    "recovery_window_in_days",
    "deletion_window_in_days",
    "soft_delete_retention_days",
    "purge_protection_enabled",
];

impl Pair<'_> {
    /// Protections that were on and are off, or weaker.
    pub(super) fn protections(&self, kind: &str, states: &States<'_>) -> Vec<Reason> {
        let (Some(before), Some(after)) = (states.before, states.after) else { return Vec::new() };
        let mut found = Vec::new();
        let is_on = |body: &Body, path: &str| matches!(at(body, path), At::Value(value) if on(value));
        if is_on(before, "lifecycle.prevent_destroy")
            && !is_on(after, "lifecycle.prevent_destroy")
            && !matches!(at(after, "lifecycle.prevent_destroy"), At::Unknown)
        {
            let why = "`prevent_destroy` is gone: Terraform does not refuse to destroy it any more".to_owned();
            found.push(self.reason_at(states, "lifecycle.prevent_destroy", None, why));
        }
        for protection in protections_of(kind, before, after) {
            if let Some(why) = weakened(kind, &protection, before, after) {
                let value = match at(after, protection.path) {
                    At::Value(value) => Some(value),
                    _ => None,
                };
                found.push(self.reason_at(states, protection.path, value, why));
            }
        }
        if kind == "github/job" {
            found.extend(self.approval(states, before, after));
        }
        let (old, new) = (keeping(before), keeping(after));
        for (path, (was_on, _, what)) in &old {
            let is_off = match new.get(path) {
                Some((is_on, ..)) => *is_on == Some(false),
                // A block that is gone is in the type's own resource now, as often as not.
                None => kind != "aws_s3_bucket" && matches!(at(after, path), At::Missing) && !after.open,
            };
            if *was_on == Some(true) && is_off {
                let value = new.get(path).map(|(_, value, _)| *value);
                found.push(self.reason_at(states, path, value, format!("`{path}` was on and is off: {what}")));
            }
        }
        found
    }
}

impl Pair<'_> {
    /// What held up a job that deploys: the rules of its environment, and that no other run deploys at the same time.
    fn approval(&self, states: &States<'_>, before: &Body, after: &Body) -> Vec<Reason> {
        let is_gone = |name: &str| {
            !matches!(at(before, name), At::Missing) && matches!(at(after, name), At::Missing) && !after.open
        };
        // Other jobs may as well run twice.
        if matches!(at(before, "environment"), At::Missing) {
            return Vec::new();
        }
        let guards = [
            (
                "environment",
                "nobody is asked before it deploys any more, and the other rules of the environment do not hold either",
            ),
            ("concurrency", "two runs may deploy at the same time"),
        ];
        let gone = guards.into_iter().filter(|(name, _)| is_gone(name));
        gone.map(|(name, what)| self.reason_at(states, name, None, format!("`{name}` is gone: {what}"))).collect()
    }
}

/// The attributes that protect resources of a kind; of a module or an unknown kind, those of which the names say so.
fn protections_of(kind: &str, before: &Body, after: &Body) -> Vec<Protection> {
    let format = Format::of_kind(kind);
    if format == Format::CloudFormation {
        // Every type has these two.
        let policies = ["DeletionPolicy", "UpdateReplacePolicy"];
        let policies = policies.map(|path| Protection { path, default: None, polarity: Polarity::Policy });
        return class(kind)
            .into_iter()
            .flat_map(|known| known.protections().collect::<Vec<_>>())
            .chain(policies)
            .collect();
    }
    if let Some(known) = class(kind) {
        return known.protections().collect();
    }
    if matches!(format, Format::Sql | Format::Workflow) {
        return Vec::new();
    }
    let is_named = |name: &&str| before.value(name).is_some() || after.value(name).is_some();
    let known = NAMES.iter().copied().filter(is_named);
    known
        .filter_map(|path| Some(Protection { path, default: None, polarity: crate::tables::polarity(path)? }))
        .collect()
}

fn weakened(kind: &str, protection: &Protection, before: &Body, after: &Body) -> Option<String> {
    let path = protection.path;
    let (old, new) = (at(before, path), at(after, path));
    if matches!(new, At::Unknown) || matches!(old, At::Unknown) {
        return None;
    }
    match protection.polarity {
        Polarity::Guards | Polarity::Keeps => {
            let is_on = |at: At<'_>| match at {
                At::Value(value) => Some(on(value)),
                At::Missing => protection.default.map(|default| default == "true").or(Some(false)),
                At::Unknown => None,
            };
            let gone = is_on(old) == Some(true) && is_on(new) == Some(false);
            let what = if protection.polarity == Polarity::Guards {
                "nothing refuses to destroy it any more"
            } else {
                "nothing is kept of what is destroyed or overwritten"
            };
            gone.then(|| format!("`{path}` was on and is off: {what}"))
        }
        Polarity::KeepsWhenSet => (matches!(old, At::Value(_)) && matches!(new, At::Missing))
            .then(|| format!("`{path}` is gone: no last snapshot is taken when it is destroyed")),
        Polarity::Discards => {
            let is_on = |at: At<'_>| match at {
                At::Value(value) => on(value),
                _ => protection.default == Some("true"),
            };
            (!is_on(old) && is_on(new)).then(|| format!("`{path}` is on: {}", discards(path)))
        }
        Polarity::Period => {
            let is_forever = |days: f64| days <= 0.0 && ZERO_IS_FOREVER.contains(&kind);
            let days = |at: At<'_>| match at {
                At::Value(value) => value.as_number(),
                _ => protection.default.and_then(|default| default.parse().ok()),
            };
            let (old, new) = (days(old)?, days(new)?);
            let length = |days: f64| if is_forever(days) { f64::INFINITY } else { days };
            (length(new) < length(old)).then(|| {
                let said = |days: f64| if is_forever(days) { "for ever".to_owned() } else { format!("{days} days") };
                format!("`{path}` goes from {} to {}: what is older is deleted, or less is left", said(old), said(new))
            })
        }
        Polarity::Policy => {
            let protects = |at: At<'_>| matches!(at, At::Value(value) if value.as_str().is_some_and(|it| PROTECTING.contains(&it)));
            (protects(old) && !protects(new)).then(|| format!("`{path}` protected it and does not any more"))
        }
    }
}

fn discards(path: &str) -> &'static str {
    match last(path) {
        "skip_final_snapshot" => "no last snapshot is taken when it is destroyed",
        "delete_automated_backups" => "its backups are deleted with it",
        "delete_on_termination" => "the volume is deleted with the machine",
        "disable_on_destroy" => "the service is switched off when it is destroyed",
        _ => "it is destroyed with all that is in it, where that was refused before",
    }
}

/// Settings that keep something, with whether they are on.
fn keeping(body: &Body) -> BTreeMap<String, (Option<bool>, &Value, &'static str)> {
    let mut found = BTreeMap::new();
    for_each_leaf(body, "", &mut |path, value| {
        let is = |name: &str| {
            path == name || path.ends_with(name) && path.as_bytes().get(path.len() - name.len() - 1) == Some(&b'.')
        };
        if let Some((_, what)) = KEEPING.iter().find(|(name, _)| is(name)) {
            let state = if value.is_unknown() { None } else { Some(on(value)) };
            found.insert(path.to_owned(), (state, value, *what));
        }
    });
    found
}

/// Whether a value switches something on.
fn on(value: &Value) -> bool {
    match value.as_bool() {
        Some(bool) => bool,
        None => value.as_str().is_some_and(|text| {
            matches!(
                text.to_ascii_lowercase().as_str(),
                "enabled" | "on" | "active" | "cannotdelete" | "readonly" | "deletion_protection_enabled"
            )
        }),
    }
}
