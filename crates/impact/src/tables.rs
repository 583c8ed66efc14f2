//! What is known of resource types: which changes replace them, what they are, what protects them. The tables under `data/`
//! are searched as they are: a line is found by bisection, so nothing is built at start.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Made by `cargo xtask tables`.
const TERRAFORM: &str = include_str!("../data/terraform.txt");
/// Written by hand.
const UTILITY: &str = include_str!("../data/utility.txt");

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
const COMMON: &[&str] = &["tags", "tags_all", "labels", "region", "timeouts"];

/// A fact that a repository states beside the tables, or against them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Resource type.
    pub kind: String,
    /// Names of blocks and of the attribute, joined by dots.
    pub attribute: String,
    /// What a change of it does.
    pub effect: Effect,
}

/// The tables, and what a repository states beside them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    extra: Arc<BTreeMap<String, BTreeMap<String, Effect>>>,
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
    /// `PREVENT` refuses to destroy, `ABANDON` leaves the thing as it is.
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
        let mut by_kind: BTreeMap<String, BTreeMap<String, Effect>> = BTreeMap::new();
        for fact in extra {
            by_kind.entry(fact.kind).or_default().insert(fact.attribute, fact.effect);
        }
        Self { extra: Arc::new(by_kind) }
    }

    /// Whether anything is known of a type.
    pub fn knows(&self, kind: &str) -> bool {
        self.extra.contains_key(kind) || class(kind).is_some()
    }

    /// What a change of an attribute does. `path` are the names of blocks and of the attribute, joined by dots. Unknown for a
    /// type that is not in the tables, and where a block is said to replace and nothing is said of what changes inside of it.
    pub fn effect(&self, kind: &str, path: &str) -> Effect {
        if let Some(effect) = self.extra.get(kind).and_then(|facts| facts.get(path)) {
            return *effect;
        }
        let Some(known) = class(kind) else { return Effect::Unknown };
        if path == "region" && known.region {
            return Effect::Replaces;
        }
        known.effect(path)
    }

    /// Whether a change of something inside of a block may replace.
    pub(crate) fn replaces_inside(&self, kind: &str, path: &str) -> bool {
        let own = self.extra.get(kind).is_some_and(|facts| {
            facts.iter().any(|(known, effect)| is_inside(known, path) && *effect != Effect::InPlace)
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

fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

/// What is known of a type.
pub fn class(kind: &str) -> Option<Kind> {
    let line = find(TERRAFORM, kind).or_else(|| find(UTILITY, kind))?;
    let mut columns = line.splitn(5, ' ');
    let tier = columns.next()?.parse().ok();
    let flags = columns.next()?;
    let or_none = |column: &'static str| if column == "-" { "" } else { column };
    Some(Kind {
        tier,
        removed: flags.contains('x'),
        region: flags.contains('r'),
        all: flags.contains('A'),
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
        | "lock_level" => Polarity::Guards,
        "skip_destroy"
        | "point_in_time_recovery"
        | "versioning"
        | "object_lock_enabled"
        | "purge_protection_enabled" => Polarity::Keeps,
        "final_snapshot_identifier" | "final_snapshot_name" => Polarity::KeepsWhenSet,
        "force_destroy"
        | "force_delete"
        | "skip_final_snapshot"
        | "delete_automated_backups"
        | "delete_on_termination"
        | "delete_contents_on_destroy"
        | "disable_on_destroy" => Polarity::Discards,
        "retention_days"
        | "retention_in_days"
        | "backup_retention_period"
        | "snapshot_retention_limit"
        | "deletion_window_in_days"
        | "recovery_window_in_days"
        | "soft_delete_retention_days" => Polarity::Period,
        "deletion_policy" => Polarity::Policy,
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
        let fact =
            |kind: &str, attribute: &str, effect| Extra { kind: kind.into(), attribute: attribute.into(), effect };
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
