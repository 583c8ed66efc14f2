//! What is known of resource types: which changes replace them, what they are, what protects them. The tables under `data/`
//! are searched as they are: a line is found by bisection, so nothing is built at start.

use crate::versions::{Span, Version};
use countersign_infra::Format;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Made by `cargo xtask tables`.
const TERRAFORM: &str = include_str!("../data/terraform.txt");
/// Written by hand.
const UTILITY: &str = include_str!("../data/utility.txt");
/// Made by `cargo xtask tables`.
const CLOUDFORMATION: &str = include_str!("../data/cloudformation.txt");
/// Written by hand.
const KUBERNETES: &str = include_str!("../data/kubernetes.txt");

/// What a change of an attribute does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It is changed in place.
    InPlace,
    /// It is replaced.
    Replaces,
    /// It is replaced under a condition in the provider's code.
    MayReplace,
    /// It is replaced where the new state gives the attribute a value.
    ReplacesWhenSet,
    /// It cannot be told.
    Unknown,
}

/// Attributes that types have beside their own and that are changed in place.
const COMMON: &[&str] = &["tags", "tags_all", "labels", "region", "timeouts", "Tags"];

/// A fact that a repository states beside the tables, or against them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Resource type.
    pub kind: String,
    /// Names of blocks and of the attribute, joined by dots.
    pub attribute: String,
    /// What a change of it does.
    pub effect: Effect,
    /// The version of the provider from which on that is so; without one always.
    pub since: Option<Version>,
}

/// What is stated: by type and attribute what a change does, and from which version of the provider on.
type Facts = BTreeMap<String, BTreeMap<String, (Effect, Option<Version>)>>;

/// The tables, and what a repository states beside them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    extra: Arc<Facts>,
    /// By folder of the module for which it is stated.
    folders: Arc<BTreeMap<String, Arc<Facts>>>,
}

/// What the tables say of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// How much hangs on it: 0 organisation, keys, DNS zones, clusters, networks, identity roots, backup vaults; 1 data;
    /// 2 permission and exposure; 3 control and compute; 4 the rest. `None` where it is not known.
    pub tier: Option<u8>,
    /// The provider has it no more.
    pub removed: bool,
    /// A change of its `region` replaces it.
    pub region: bool,
    /// Every settable top-level attribute replaces it.
    pub all: bool,
    flags: &'static str,
    classes: &'static str,
    protections: &'static str,
    attributes: &'static str,
}

/// What a resource of a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It holds data that is not elsewhere.
    Data,
    /// It holds data that can be made again, or may hold some.
    WeakData,
    /// It says who may do what.
    Identity,
    /// It says who can reach what.
    Network,
    /// Others are run or controlled by it.
    Control,
}

/// What a value of a protecting attribute means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// While it is on, destroying is refused.
    Guards,
    /// While it is on, something is left of what is destroyed.
    Keeps,
    /// While it is set, something is left of what is destroyed.
    KeepsWhenSet,
    /// While it is on, destroying takes along what would otherwise hold it up or be left.
    Discards,
    /// A span: the shorter, the less is left.
    Period,
    /// `PREVENT` refuses to destroy, `ABANDON` and `Retain` leave the thing as it is, `Snapshot` takes a last one.
    Policy,
}

/// An attribute that protects a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Names of blocks and of the attribute, joined by dots.
    pub path: &'static str,
    /// What holds where it is not written, where the provider says so.
    pub default: Option<&'static str>,
    /// What its values mean.
    pub polarity: Polarity,
}

impl Tables {
    /// The tables with facts that come before theirs.
    pub fn new(extra: impl IntoIterator<Item = Extra>) -> Self {
        Self { extra: Arc::new(facts(extra)), ..Self::default() }
    }

    /// The tables with facts that come before theirs in the modules of some folders, and in what these call.
    pub fn of_folders(folders: impl IntoIterator<Item = (String, Vec<Extra>)>) -> Self {
        let stated = folders.into_iter().filter(|(_, extra)| !extra.is_empty());
        let folders = stated.map(|(folder, extra)| (folder, Arc::new(facts(extra)))).collect();
        Self { folders: Arc::new(folders), ..Self::default() }
    }

    /// The tables for what is applied in a folder. `span` says which versions of a provider it may be applied with.
    pub(crate) fn of(&self, folder: &str, span: impl Fn(&str) -> Span) -> Self {
        let facts = self.folders.get(folder).unwrap_or(&self.extra);
        let is_bound = facts.values().flat_map(BTreeMap::values).any(|(_, since)| since.is_some());
        if !is_bound {
            return Self { extra: Arc::clone(facts), ..Self::default() };
        }
        let mut here = Facts::new();
        for (kind, attributes) in &**facts {
            let span = span(kind.split('_').next().unwrap_or(kind));
            for (attribute, (effect, since)) in attributes {
                let holds = since.map_or(Some(true), |since| span.is_from(since));
                let built_in = || Self::default().effect(kind, attribute);
                let effect = match holds {
                    Some(true) => *effect,
                    Some(false) => continue,
                    None => either(*effect, built_in()),
                };
                here.entry(kind.clone()).or_default().insert(attribute.clone(), (effect, None));
            }
        }
        Self { extra: Arc::new(here), ..Self::default() }
    }

    /// Whether a repository states what a change of an attribute does.
    pub(crate) fn is_stated(&self, kind: &str, path: &str) -> bool {
        self.extra.get(kind).is_some_and(|facts| facts.contains_key(path))
    }

    /// Whether anything is known of a type.
    pub fn knows(&self, kind: &str) -> bool {
        self.extra.contains_key(kind) || class(kind).is_some()
    }

    /// What a change of an attribute does. `path` are the names of blocks and of the attribute, joined by dots. Unknown for a
    /// type that is not in the tables, and where a block is said to replace and nothing is said of what changes inside of it.
    pub fn effect(&self, kind: &str, path: &str) -> Effect {
        if let Some((effect, _)) = self.extra.get(kind).and_then(|facts| facts.get(path)) {
            return *effect;
        }
        let Some(known) = class(kind) else {
            return match Format::of_kind(kind) {
                Format::Kubernetes | Format::Sql | Format::Workflow => Effect::InPlace,
                Format::Terraform | Format::CloudFormation => Effect::Unknown,
            };
        };
        if path == "region" && known.region {
            return Effect::Replaces;
        }
        known.effect(path)
    }

    /// Whether a change of something inside of a block may replace.
    pub(crate) fn replaces_inside(&self, kind: &str, path: &str) -> bool {
        let own = self.extra.get(kind).is_some_and(|facts| {
            facts.iter().any(|(known, (effect, _))| is_inside(known, path) && *effect != Effect::InPlace)
        });
        own || class(kind)
            .and_then(|known| known.node(path))
            .is_some_and(|(_, inside)| inside.contains(['!', '?', '=']))
    }

    /// Whether something is said of attributes inside of one.
    pub(crate) fn goes_into(&self, kind: &str, path: &str) -> bool {
        let own = self.extra.get(kind).is_some_and(|facts| facts.keys().any(|known| is_inside(known, path)));
        own || class(kind).is_some_and(|known| known.node(path).is_some_and(|(_, inside)| !inside.is_empty()))
    }
}

fn facts(extra: impl IntoIterator<Item = Extra>) -> Facts {
    let mut by_kind = Facts::new();
    for fact in extra {
        by_kind.entry(fact.kind).or_default().insert(fact.attribute, (fact.effect, fact.since));
    }
    by_kind
}

/// What a change does of which it is known only that it does one of these.
fn either(one: Effect, other: Effect) -> Effect {
    let may = |effect| matches!(effect, Effect::Replaces | Effect::MayReplace | Effect::ReplacesWhenSet);
    match (one, other) {
        (one, other) if one == other => one,
        (one, other) if may(one) || may(other) => Effect::MayReplace,
        _ => Effect::Unknown,
    }
}

fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

/// What is known of a type.
pub fn class(kind: &str) -> Option<Kind> {
    let line = match Format::of_kind(kind) {
        Format::Terraform => find(TERRAFORM, kind).or_else(|| find(UTILITY, kind)),
        Format::CloudFormation => find(CLOUDFORMATION, kind).or_else(|| find(UTILITY, kind)),
        Format::Kubernetes => find(KUBERNETES, kind),
        Format::Sql | Format::Workflow => None,
    }?;
    let mut columns = line.splitn(5, ' ');
    let tier = columns.next()?.parse().ok();
    let flags = columns.next()?;
    let or_none = |column: &'static str| if column == "-" { "" } else { column };
    Some(Kind {
        tier,
        removed: flags.contains('x'),
        region: flags.contains('r'),
        all: flags.contains('A'),
        flags,
        classes: or_none(columns.next()?),
        protections: or_none(columns.next()?),
        attributes: columns.next().unwrap_or_default(),
    })
}

/// The version of a type's provider that the tables are of.
pub fn version(kind: &str) -> Option<&'static str> {
    let provider = kind.split_once('_')?.0;
    find(TERRAFORM, &format!("~{provider}"))
}

impl Kind {
    /// What it is.
    pub fn classes(&self) -> impl Iterator<Item = Class> {
        self.classes.split(',').filter_map(|class| match class {
            "data" => Some(Class::Data),
            "data-weak" => Some(Class::WeakData),
            "iam" => Some(Class::Identity),
            "net" => Some(Class::Network),
            "ctl" => Some(Class::Control),
            _ => None,
        })
    }

    /// Whether the old one goes before the new one is there, where it is replaced.
    pub fn deletes_first(&self) -> bool {
        self.flags.contains('d')
    }

    /// Whether it holds data that is not elsewhere.
    pub fn holds_data(&self) -> bool {
        self.classes().any(|class| class == Class::Data)
    }

    /// The attributes that protect it.
    pub fn protections(&self) -> impl Iterator<Item = Protection> {
        self.protections.split(',').filter_map(|written| {
            let (path, default) = written.split_once('=').map_or((written, None), |(path, it)| (path, Some(it)));
            Some(Protection { path, default, polarity: polarity(path)? })
        })
    }

    fn effect(&self, path: &str) -> Effect {
        match self.node(path) {
            Some((mark, _)) => match mark {
                Some('!') => Effect::Replaces,
                Some('?') => Effect::MayReplace,
                Some('=') => Effect::ReplacesWhenSet,
                _ => Effect::InPlace,
            },
            // A block of which a change replaces: what is inside of it and is not named may do so as well.
            None => match path.rsplit_once('.').map(|(outer, _)| self.effect(outer)) {
                // Of such a type all are in the tables, so this is one that they do not know.
                None if self.all && !COMMON.contains(&path) => Effect::Unknown,
                None | Some(Effect::InPlace) => Effect::InPlace,
                Some(Effect::Unknown) => Effect::Unknown,
                Some(_) => Effect::MayReplace,
            },
        }
    }

    /// Mark of an attribute, and what is said of those inside of it.
    fn node(&self, path: &str) -> Option<(Option<char>, &'static str)> {
        let mut inside = self.attributes;
        let mut found = None;
        for name in path.split('.') {
            let (mark, within) = child(inside, name)?;
            inside = within;
            found = Some((mark, within));
        }
        found
    }
}

/// Finds a name among those that stand side by side.
fn child(list: &'static str, name: &str) -> Option<(Option<char>, &'static str)> {
    let mut rest = list;
    while !rest.is_empty() {
        let end = rest.find(['!', '?', '=', '(', ' ']).unwrap_or(rest.len());
        let (own, behind) = rest.split_at(end);
        let mark = behind.chars().next().filter(|c| matches!(c, '!' | '?' | '='));
        let behind = if mark.is_some() { behind.get(1..)? } else { behind };
        let (inside, behind) = if behind.starts_with('(') { enclosed(behind)? } else { ("", behind) };
        if own == name {
            return Some((mark, inside));
        }
        rest = behind.trim_start_matches(' ');
    }
    None
}

/// What stands in the parentheses that a text begins with, and what stands behind them.
fn enclosed(text: &'static str) -> Option<(&'static str, &'static str)> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// What the values of a protecting attribute mean, by its name, which means the same in all types that have it.
///
/// Source: the providers' documentation of the attribute.
pub(crate) fn polarity(path: &str) -> Option<Polarity> {
    Some(match path.rsplit('.').next().unwrap_or(path) {
        "deletion_protection"
        | "deletion_protection_enabled"
        | "enable_deletion_protection"
        | "delete_protection"
        | "termination_protection"
        | "termination_protection_enabled"
        | "disable_api_termination"
        | "lock_level"
        | "DeletionProtection"
        | "DeletionProtectionEnabled"
        | "DeleteProtection"
        | "TerminationProtectionEnabled"
        | "DisableApiTermination" => Polarity::Guards,
        "skip_destroy"
        | "point_in_time_recovery"
        | "versioning"
        | "object_lock_enabled"
        | "purge_protection_enabled"
        | "ObjectLockEnabled" => Polarity::Keeps,
        "final_snapshot_identifier" | "final_snapshot_name" => Polarity::KeepsWhenSet,
        "force_destroy"
        | "force_delete"
        | "skip_final_snapshot"
        | "delete_automated_backups"
        | "delete_on_termination"
        | "delete_contents_on_destroy"
        | "disable_on_destroy"
        | "DeleteAutomatedBackups"
        | "ForceDelete"
        | "EmptyOnDelete" => Polarity::Discards,
        "retention_days"
        | "retention_in_days"
        | "backup_retention_period"
        | "snapshot_retention_limit"
        | "deletion_window_in_days"
        | "recovery_window_in_days"
        | "soft_delete_retention_days"
        | "BackupRetentionPeriod"
        | "RetentionInDays"
        | "PendingWindowInDays"
        | "AutomatedSnapshotRetentionPeriod" => Polarity::Period,
        "deletion_policy" | "DeletionPolicy" | "UpdateReplacePolicy" | "persistentVolumeReclaimPolicy" => {
            Polarity::Policy
        }
        _ => return None,
    })
}

/// What stands behind a name at the start of a line.
fn find(table: &'static str, name: &str) -> Option<&'static str> {
    let heading: usize = table.lines().take_while(|line| line.starts_with('#')).map(|line| line.len() + 1).sum();
    let table = table.get(heading..)?;
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = table.get(..middle)?.rfind('\n').map_or(0, |at| at + 1);
        let line = table.get(start..)?.lines().next()?;
        let own = line.split(' ').next()?;
        if own == name {
            return line.get(name.len()..)?.strip_prefix(' ');
        }
        if own < name {
            low = start + line.len() + 1;
        } else {
            high = start;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> impl Iterator<Item = &'static str> {
        TERRAFORM.lines().chain(UTILITY.lines()).filter(|line| !line.starts_with('#'))
    }

    #[test]
    fn every_line_is_found() {
        for table in [TERRAFORM, UTILITY] {
            let lines: Vec<_> = table.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(lines.is_sorted());
            assert!(lines.len() > 10);
            for line in lines {
                let (name, rest) = line.split_once(' ').unwrap();
                assert_eq!(find(table, name), Some(rest), "{name}");
            }
        }
        assert_eq!(find(TERRAFORM, "aws_db_instanc"), None);
        assert_eq!(find(TERRAFORM, "zzz"), None);
        assert_eq!(find(TERRAFORM, ""), None);
    }

    #[test]
    fn every_protection_means_something() {
        for name in lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.starts_with('~')) {
            let kind = class(name).unwrap();
            let written = kind.protections.split(',').filter(|path| !path.is_empty()).count();
            assert_eq!(kind.protections().count(), written, "{name}: {}", kind.protections);
            let classes = kind.classes.split(',').filter(|class| !class.is_empty()).count();
            assert_eq!(kind.classes().count(), classes, "{name}: {}", kind.classes);
        }
    }

    #[test]
    fn effects() {
        let tables = Tables::default();
        let of = |kind: &str, path: &str| tables.effect(kind, path);
        assert_eq!(of("aws_db_instance", "engine"), Effect::Replaces);
        assert_eq!(of("aws_db_instance", "tags"), Effect::InPlace);
        assert_eq!(of("aws_db_instance", "region"), Effect::Replaces);
        assert_eq!(of("aws_db_instance", "s3_import.bucket_name"), Effect::Replaces);
        assert_eq!(of("aws_db_instance", "s3_import.nothing"), Effect::InPlace);
        assert_eq!(of("aws_instance", "instance_type"), Effect::MayReplace);
        assert_eq!(of("aws_instance", "launch_template.version"), Effect::MayReplace);
        assert_eq!(of("aws_instance", "launch_template.nothing"), Effect::MayReplace);
        assert_eq!(of("made_up", "name"), Effect::Unknown);
        assert_eq!(of("random_password", "length"), Effect::Replaces);
        assert_eq!(of("aws_acm_certificate_validation", "certificate_arn"), Effect::Replaces);
        assert_eq!(of("aws_acm_certificate_validation", "made_up"), Effect::Unknown);
        assert_eq!(of("aws_accessanalyzer_analyzer", "tags"), Effect::InPlace);
        assert!(tables.goes_into("aws_instance", "launch_template"));
        assert!(!tables.goes_into("aws_instance", "ami"));
    }

    #[test]
    fn a_repository_comes_first() {
        let fact = |kind: &str, attribute: &str, effect| Extra {
            kind: kind.into(),
            attribute: attribute.into(),
            effect,
            since: None,
        };
        let tables = Tables::new([
            fact("acme_store", "name", Effect::Replaces),
            fact("aws_db_instance", "engine", Effect::InPlace),
        ]);
        assert_eq!(tables.effect("acme_store", "name"), Effect::Replaces);
        assert_eq!(tables.effect("acme_store", "other"), Effect::Unknown);
        assert_eq!(tables.effect("aws_db_instance", "engine"), Effect::InPlace);
        assert!(tables.knows("acme_store"));
    }

    #[test]
    fn a_fact_holds_where_it_is_stated_and_from_a_version_on() {
        let fact = |effect, since| Extra {
            kind: "aws_db_instance".into(),
            attribute: "engine".into(),
            effect,
            since: Some(since),
        };
        let of = |effect, constraint: &str| {
            let tables = Tables::of_folders([("/a".to_owned(), vec![fact(effect, [5, 2, 0])])]);
            let span = |provider: &str| {
                let mut span = Span::default();
                assert_eq!(provider, "aws");
                span.narrow(constraint);
                span
            };
            assert_eq!(tables.of("/b", span).effect("aws_db_instance", "engine"), Effect::Replaces);
            tables.of("/a", span).effect("aws_db_instance", "engine")
        };
        assert_eq!(of(Effect::InPlace, "~> 5.2"), Effect::InPlace);
        assert_eq!(of(Effect::InPlace, "~> 4.0"), Effect::Replaces);
        assert_eq!(of(Effect::InPlace, ">= 4.0"), Effect::MayReplace, "it is not known which version it is");
        assert_eq!(of(Effect::Replaces, ""), Effect::Replaces, "it is so either way");
    }

    #[test]
    fn what_a_type_is() {
        let kind = class("aws_db_instance").unwrap();
        assert_eq!(kind.tier, Some(1));
        assert!(kind.holds_data());
        assert!(kind.protections().any(|it| it.path == "skip_final_snapshot"
            && it.default == Some("false")
            && it.polarity == Polarity::Discards));
        assert!(version("aws_db_instance").is_some());
        assert_eq!(version("random_id"), None);
    }
}
