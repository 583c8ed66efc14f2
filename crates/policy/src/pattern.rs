//! What AI tools may write in some places.

use crate::environment::Environment;
use crate::globs::Globs;
use crate::tier::Tier;
use countersign_impact::versions::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[[pattern]]`: one row of the table of what AI tools may write in some places. Conditions, all of which must hold for a block, and
/// what they may write then: the first row that holds for a block decides. A condition that is left out holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatternRow {
    /// Where it is: globs from the root of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
    /// How much the place matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Vec<Tier>>,
    /// The environment that the block belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// The kind of block: globs, `aws_db_*`, `module`, `provider.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Globs>,
    /// What AI tools may write there; what is left out is not limited.
    pub only: Only,
}

/// `[pattern.only]`: what AI tools may write. Each list says all that they may; a list without anything in it: nothing of the sort.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Only {
    /// The kinds of blocks but calls of modules: globs, `aws_sqs_*`, `data.*`. Variables, local values and outputs are not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Globs>,
    /// Modules that they may call: the source, `*` for any text without a slash, and behind it the versions:
    /// `terraform-aws-modules/vpc/aws ~> 5.1`. Of a folder of the repository, its path from the root: `modules/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modules: Option<Vec<ModulePattern>>,
    /// Attributes and nested blocks of resources and arguments of modules, each with all that is in it: globs, `tags`,
    /// `scaling_config.*_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Globs>,
}

/// A source of modules, and the versions that are meant: `terraform-aws-modules/vpc/aws ~> 5.1`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ModulePattern {
    written: String,
    source: Globs,
    versions: Option<Span>,
}

/// A block that an AI tool wrote some of, as `[[pattern]]` is asked about it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file, from the root of the repository, with forward slashes.
    pub path: &'a str,
    /// The kind of block.
    pub kind: &'a str,
    /// How much it matters and the environment that it belongs to; `None` where nobody has worked that out.
    pub known: Option<(Tier, Environment)>,
}

/// A module that is called.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Its source, as it is written; `None` where that is not known.
    pub source: Option<&'a str>,
    /// Its folder in the repository, from the root, where it is in one.
    pub folder: Option<&'a str>,
    /// The constraint on its version; `None` where there is none, or where it is not known.
    pub version: Option<&'a str>,
}

impl PatternRow {
    /// Whether it may hold for something in a file.
    pub fn may_hold_in(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.fit(path))
    }

    /// Whether it holds for a block; `None` where that depends on what is not known of it.
    pub fn holds(&self, place: &Place<'_>) -> Option<bool> {
        let is_there = self.may_hold_in(place.path) && self.kinds.as_ref().is_none_or(|kinds| kinds.fit(place.kind));
        if !is_there {
            return Some(false);
        }
        if self.tier.is_none() && self.environment.is_none() {
            return Some(true);
        }
        let (tier, environment) = place.known?;
        let is_of_tier = self.tier.as_ref().is_none_or(|tiers| tiers.contains(&tier));
        Some(is_of_tier && self.environment.as_ref().is_none_or(|all| all.contains(&environment)))
    }
}

impl Only {
    /// Whether a kind of block is a name for a value, which does nothing by itself and is not limited.
    pub fn is_value(kind: &str) -> bool {
        matches!(kind, "variable" | "local" | "output")
    }

    /// Whether AI tools may write something of a block of a kind that is no call of a module.
    pub fn allows_kind(&self, kind: &str) -> bool {
        Self::is_value(kind) || self.kinds.as_ref().is_none_or(|kinds| kinds.fit(kind))
    }

    /// Whether they may call a module. One of which it is not known which it is, or in which version, they may not.
    pub fn allows_module(&self, called: &Called<'_>) -> bool {
        self.modules.as_ref().is_none_or(|modules| modules.iter().any(|module| module.fits(called)))
    }

    /// Whether they may write an attribute, by the names that lead to it: `scaling_config`, `max_size`.
    pub fn allows_attribute(&self, path: &[&str]) -> bool {
        let Some(attributes) = &self.attributes else { return true };
        (1..=path.len()).any(|length| attributes.fit(&path[..length].join(".")))
    }

    /// What they may call, in words.
    pub fn modules_in_words(&self) -> String {
        in_words(&self.modules.iter().flatten().map(|module| module.written.clone()).collect::<Vec<_>>())
    }

    /// What kinds they may write, in words.
    pub fn kinds_in_words(&self) -> String {
        in_words(&self.kinds.clone().map(Vec::from).unwrap_or_default())
    }

    /// What attributes they may write, in words.
    pub fn attributes_in_words(&self) -> String {
        in_words(&self.attributes.clone().map(Vec::from).unwrap_or_default())
    }
}

/// Names for people: `a`, `b`.
fn in_words(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl ModulePattern {
    fn fits(&self, called: &Called<'_>) -> bool {
        let (source, reference) = called.source.map(source_and_ref).unzip();
        let is_meant = [source, called.folder].into_iter().flatten().any(|name| self.source.fit(name));
        let versions = || Span::of(called.version.or(reference.flatten())?);
        is_meant && self.versions.is_none_or(|wanted| versions().is_some_and(|span| span.is_within(wanted)))
    }
}

/// A source without what it is fetched with, and the tag that names a version there: `git::https://…?ref=v1.2.0`.
fn source_and_ref(source: &str) -> (&str, Option<&str>) {
    let Some((source, query)) = source.split_once('?') else { return (source, None) };
    (source, query.split('&').find_map(|part| part.strip_prefix("ref=")))
}

impl TryFrom<String> for ModulePattern {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let (source, versions) = written.trim().split_once(char::is_whitespace).unwrap_or((written.trim(), ""));
        let source = Globs::try_from(vec![source.to_owned()])?;
        let versions = Some(versions.trim()).filter(|versions| !versions.is_empty());
        let span = versions.map(|versions| {
            Span::of(versions).filter(|_| !versions.contains('!')).ok_or_else(|| {
                format!("`{versions}` is no constraint on versions; write `~> 5.1`, `5.1.2` or `>= 5.1, < 7`")
            })
        });
        let versions = span.transpose()?;
        Ok(Self { written, source, versions })
    }
}

impl From<ModulePattern> for String {
    fn from(pattern: ModulePattern) -> Self {
        pattern.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn only(list: &str) -> Only {
        let (config, problems) = Config::read(&format!("[[pattern]]\n[pattern.only]\n{list}\n"));
        assert_eq!(problems, []);
        config.pattern.first().expect("a row").only.clone()
    }

    #[test]
    fn modules_in_their_versions() {
        let only = only(
            "modules = [\"terraform-aws-modules/*/aws ~> 5.1\", \"modules/*\", \"git::https://git.example/net.git//vpc >= 1.2, < 2\"]",
        );
        let allows = |source: &str, version: Option<&str>| {
            only.allows_module(&Called { source: Some(source), folder: None, version })
        };
        for version in ["5.1.0", "~> 5.1", "~> 5.2.1", ">= 5.1, < 5.9", "= 5.4"] {
            assert!(allows("terraform-aws-modules/vpc/aws", Some(version)), "{version}");
        }
        for version in ["5.0.9", "~> 5.0", ">= 5.1", "6.0.0", "~> 4.2", "", "latest"] {
            assert!(!allows("terraform-aws-modules/vpc/aws", Some(version)), "{version}");
        }
        assert!(!allows("terraform-aws-modules/vpc/aws", None), "any version");
        assert!(!allows("evil/vpc/aws", Some("5.1.0")) && !allows("terraform-aws-modules/vpc/aws/x", Some("5.1.0")));
        assert!(allows("git::https://git.example/net.git//vpc?ref=v1.4.0", None));
        for source in ["git::https://git.example/net.git//vpc", "git::https://git.example/net.git//vpc?ref=main"] {
            assert!(!allows(source, None), "{source}");
        }
        let folder = |folder| only.allows_module(&Called { source: Some("../x"), folder: Some(folder), version: None });
        assert!(folder("modules/vpc") && !folder("modules/vpc/inner") && !folder("elsewhere"));
        assert!(!only.allows_module(&Called { source: None, folder: None, version: None }), "nobody knows which");
    }

    #[test]
    fn kinds_and_attributes() {
        let only = only("kinds = [\"aws_sqs_*\", \"data.*\"]\nattributes = [\"tags\", \"scaling_config.*_size\"]");
        for kind in ["aws_sqs_queue", "data.aws_ami", "variable", "local", "output"] {
            assert!(only.allows_kind(kind), "{kind}");
        }
        for kind in ["aws_db_instance", "provider.aws", "backend.s3", "removed"] {
            assert!(!only.allows_kind(kind), "{kind}");
        }
        for path in [&["tags"][..], &["tags", "owner"], &["scaling_config", "max_size"]] {
            assert!(only.allows_attribute(path), "{path:?}");
        }
        for path in [&["engine"][..], &["scaling_config"], &["scaling_config", "x"], &["a", "tags"]] {
            assert!(!only.allows_attribute(path), "{path:?}");
        }
        let (config, _) = Config::read("[[pattern]]\n[pattern.only]\nkinds = []\n");
        assert!(
            !config.pattern[0].only.allows_kind("aws_sqs_queue") && config.pattern[0].only.allows_attribute(&["a"])
        );
    }

    #[test]
    fn a_row_holds_where_its_conditions_do() {
        let (config, problems) = Config::read(
            "[[pattern]]\npaths = [\"live/**\"]\nkinds = [\"aws_db_*\"]\nenvironment = [\"production\"]\n[pattern.only]\nattributes = []\n",
        );
        assert_eq!(problems, []);
        let row = &config.pattern[0];
        let place = Place { path: "live/prod/main.tf", kind: "aws_db_instance", known: None };
        assert_eq!(row.holds(&place), None);
        let known = |environment| Place { known: Some((Tier::Critical, environment)), ..place };
        assert_eq!(row.holds(&known(Environment::Production)), Some(true));
        assert_eq!(row.holds(&known(Environment::Staging)), Some(false));
        assert_eq!(row.holds(&Place { kind: "aws_s3_bucket", ..place }), Some(false));
        assert_eq!(row.holds(&Place { path: "main.tf", ..place }), Some(false));
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (row, why) in [
            ("modules = [\"acme/vpc/aws newest\"]", "no constraint"),
            ("modules = [\"acme/vpc/aws >= 5, != 5.4.0\"]", "no constraint"),
            ("modules = [\"acme/[vpc 1.0\"]", "not a glob"),
            ("kind = [\"a\"]", "unknown field"),
        ] {
            let (config, problems) = Config::read(&format!("[[pattern]]\n[pattern.only]\n{row}\n"));
            assert!(problems.len() == 1 && problems[0].message.contains(why), "{row}: {problems:?}");
            assert!(config.pattern.is_empty());
        }
    }
}
