//! What is lost for good, and what would save it.

use super::{At, at, takes_away};
use crate::change::{Change, Loss};
use crate::predict::formats::{Left, left, policy_of};
use crate::tables::{Polarity, class};
use countersign_infra::Body;

/// What some kinds hold, for sentences. Others are "the data in it".
const HELD: &[(&str, &str)] = &[
    ("aws_db_instance", "the database and its automated backups"),
    ("aws_rds_cluster", "the databases of the cluster and their automated backups"),
    ("aws_s3_bucket", "the bucket and every object in it"),
    ("aws_dynamodb_table", "the table and every item in it"),
    ("aws_ebs_volume", "the volume"),
    ("aws_efs_file_system", "every file in it"),
    ("aws_kms_key", "the key, and with it all that is encrypted with it"),
    ("aws_secretsmanager_secret", "the secret"),
    ("aws_ecr_repository", "the repository and every image in it"),
    ("aws_cloudwatch_log_group", "the logs"),
    ("google_sql_database_instance", "the databases and their backups"),
    ("google_storage_bucket", "the bucket and every object in it"),
    ("azurerm_storage_account", "everything in the storage account"),
    ("azurerm_key_vault", "the keys and secrets in it"),
    ("kubernetes_namespace", "everything in the namespace"),
    ("kubernetes_persistent_volume_claim", "what is on the volume"),
    ("AWS::RDS::DBInstance", "the database and its automated backups"),
    ("AWS::RDS::DBCluster", "the databases of the cluster and their automated backups"),
    ("AWS::S3::Bucket", "the bucket and every object in it"),
    ("AWS::DynamoDB::Table", "the table and every item in it"),
    ("AWS::EC2::Volume", "the volume"),
    ("AWS::EFS::FileSystem", "every file in it"),
    ("AWS::KMS::Key", "the key, and with it all that is encrypted with it"),
    ("AWS::SecretsManager::Secret", "the secret"),
    ("AWS::ECR::Repository", "the repository and every image in it"),
    ("AWS::Logs::LogGroup", "the logs"),
    ("AWS::CloudFormation::Stack", "every resource of the nested stack"),
    ("v1/Namespace", "everything in the namespace"),
    ("v1/PersistentVolumeClaim", "what is on the volume, unless its reclaim policy is `Retain`"),
    ("v1/PersistentVolume", "what is on the volume, unless its reclaim policy is `Retain`"),
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "every object of this kind in the cluster"),
];

/// What is lost where a resource is destroyed or replaced.
pub(super) fn loss(change: &Change, before: Option<&Body>) -> Option<Loss> {
    if !takes_away(change.action) || !class(&change.kind)?.holds_data() {
        return None;
    }
    let policy = policy_of(change.action);
    let left = before.map_or(Left::Nothing, |body| left(&change.kind, body, policy));
    if left == Left::All {
        return None;
    }
    let snapshot = (left == Left::Snapshot)
        .then(|| format!("a last snapshot, which CloudFormation takes before it is deleted (`{policy}`)"));
    let held = HELD.iter().find(|(kind, _)| *kind == change.kind).map_or("the data in it", |(_, held)| held);
    Some(Loss {
        why: format!("{held}: destroyed with it"),
        saved_by: snapshot.or_else(|| before.and_then(|body| saved_by(&change.kind, body))),
    })
}

/// What saves what a resource holds, by what it said before.
fn saved_by(kind: &str, body: &Body) -> Option<String> {
    let mut saving = Vec::new();
    let known = class(kind)?;
    let skips = known.protections().find(|it| it.path == "skip_final_snapshot").map(|it| match at(body, it.path) {
        At::Value(value) => value.as_bool(),
        At::Missing => Some(false),
        At::Unknown => None,
    });
    if let Some(skips) = skips {
        let named = known.protections().find(|it| it.polarity == Polarity::KeepsWhenSet);
        let is_named = named.is_some_and(|it| !matches!(at(body, it.path), At::Missing));
        match (skips, is_named) {
            (Some(false), true) => saving.push("a last snapshot, which is taken before it is destroyed".to_owned()),
            (Some(false), false) => saving.push(
                "the provider refuses to destroy it without the name of a last snapshot (`skip_final_snapshot` is off)"
                    .to_owned(),
            ),
            _ => {}
        }
    }
    for protection in known.protections() {
        let value = at(body, protection.path);
        let path = protection.path;
        match protection.polarity {
            Polarity::Period
                if matches!(
                    path,
                    "recovery_window_in_days" | "deletion_window_in_days" | "soft_delete_retention_days"
                ) =>
            {
                let days = match value {
                    At::Value(value) => value.as_number(),
                    At::Missing => protection.default.and_then(|default| default.parse().ok()),
                    At::Unknown => None,
                };
                if let Some(days) = days.filter(|days| *days > 0.0) {
                    saving.push(format!("it can be brought back for {days} days (`{path}`)"));
                }
            }
            Polarity::Discards if matches!(path, "force_destroy" | "force_delete") => {
                let is_off = match value {
                    At::Value(value) => value.as_bool() == Some(false),
                    At::Missing => protection.default == Some("false"),
                    At::Unknown => false,
                };
                if is_off {
                    saving.push(format!("destroying it is refused while something is in it (`{path}` is off)"));
                }
            }
            Polarity::Discards if path == "delete_automated_backups" => {
                if matches!(value, At::Value(value) if value.as_bool() == Some(false)) {
                    saving.push("its automated backups stay until they expire".to_owned());
                }
            }
            Polarity::Keeps if path == "skip_destroy" => {
                if matches!(value, At::Value(value) if value.as_bool() == Some(true)) {
                    saving.push("it is left as it is and only forgotten (`skip_destroy`)".to_owned());
                }
            }
            Polarity::Policy => {
                if matches!(value, At::Value(value) if value.as_str() == Some("ABANDON")) {
                    saving.push(format!("it is left as it is and only forgotten (`{path}`)"));
                }
            }
            _ => {}
        }
    }
    (!saving.is_empty()).then(|| saving.join("; "))
}

/// The attribute by which the provider refuses to destroy a resource, where it was on.
pub(in crate::predict) fn guard(kind: &str, before: &Body) -> Option<String> {
    let known = class(kind)?;
    let mut guards = known.protections().filter(|it| it.polarity == Polarity::Guards);
    let guard = guards.find(|it| match at(before, it.path) {
        At::Value(value) => {
            value.as_bool() == Some(true) || matches!(value.as_str(), Some("ENABLED" | "CanNotDelete" | "ReadOnly"))
        }
        At::Missing => it.default == Some("true"),
        At::Unknown => false,
    })?;
    Some(guard.path.to_owned())
}
