//! How much a place matters.

use crate::environment::{Environment, Environments};
use crate::globs::Globs;
use crate::owners::Owners;
use countersign_impact::tables;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How much a resource matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// What can be made anew without anybody noticing.
    Low,
    /// What serves, and most that nothing is known of.
    Standard,
    /// What says who may do what and who can reach what.
    High,
    /// What much stands on or what cannot be made anew: data, keys, DNS zones, networks, clusters, identity roots.
    Critical,
}

impl Tier {
    /// The tier of a kind of resource, by what it is.
    pub fn of(kind: &str) -> Self {
        match tables::class(kind).and_then(|class| class.tier) {
            Some(0 | 1) => Self::Critical,
            Some(2) => Self::High,
            Some(3) | None => Self::Standard,
            Some(_) => Self::Low,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Standard => "standard",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// `[[tier]]`: one row of the table of how much places matter. Conditions, all of which must hold, and the tier that a place then
/// has. A condition that is left out holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierRow {
    /// Where it is: globs from the root of the repository. A row with this or `owners`, and without `kinds`, counts for files
    /// of any language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
    /// The environment that the resource belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// The kind of resource: globs, `aws_db_*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Globs>,
    /// Who owns the file by CODEOWNERS: any of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<Vec<String>>,
    /// How much it matters.
    pub tier: Tier,
}

/// The table of how much places matter. The tier is that of the first row that holds; where none does, it is by what the kind of
/// resource is.
#[derive(Debug, Clone, Default)]
pub struct Tiers {
    rows: Vec<TierRow>,
    /// How many of them the team wrote itself; these stand first.
    own: usize,
    /// Whether one of these may say of a file as such that it is critical.
    singles_out: bool,
    owners: Arc<Owners>,
}

impl TierRow {
    /// The globs of files that it says are critical, whatever they hold.
    fn critical_paths(&self) -> Option<&Globs> {
        self.paths.as_ref().filter(|_| self.tier == Tier::Critical && self.kinds.is_none())
    }
}

impl Tiers {
    /// A table of rows, first match first. The first `own` of them the team wrote itself. Who owns which files counts where a
    /// row asks for it.
    pub fn new(rows: Vec<TierRow>, own: usize, owners: Arc<Owners>) -> Self {
        let singles_out = rows.iter().take(own).any(|row| row.critical_paths().is_some());
        Self { rows, own, singles_out, owners }
    }

    /// Whether the team says of any file as such that it is critical.
    pub const fn may_single_out(&self) -> bool {
        self.singles_out
    }

    /// Whether the team says of a file, whatever it holds, that it is critical. Built-in rows do not count here: what they name
    /// is in every repository, and the gate asks for it.
    pub fn single_out(&self, path: &str, environments: &Environments) -> bool {
        self.singles_out && {
            let row = self.find(path, None, environments.of_path(path));
            row.is_some_and(|index| index < self.own && self.rows[index].critical_paths().is_some())
        }
    }

    /// The globs of the files of which the team may say so, as they are written.
    pub fn critical_globs(&self) -> Vec<String> {
        let own = self.rows.iter().take(self.own).filter_map(TierRow::critical_paths);
        own.flat_map(|globs| Vec::from(globs.clone())).collect()
    }

    /// The tier of a resource. The path counts from the root of the repository.
    pub fn of(&self, path: &str, kind: &str, environment: Environment) -> Tier {
        self.row(path, Some(kind), environment).unwrap_or_else(|| Tier::of(kind))
    }

    /// The tier that the table gives a file as such, whatever it holds; `None` where it gives none.
    pub fn of_file(&self, path: &str, environment: Environment) -> Option<Tier> {
        self.row(path, None, environment)
    }

    fn row(&self, path: &str, kind: Option<&str>, environment: Environment) -> Option<Tier> {
        self.find(path, kind, environment).map(|index| self.rows[index].tier)
    }

    /// The first row that holds.
    fn find(&self, path: &str, kind: Option<&str>, environment: Environment) -> Option<usize> {
        let is_owned = |owners: &Vec<String>| {
            self.owners.of(path).iter().any(|owner| owners.iter().any(|known| known.eq_ignore_ascii_case(owner)))
        };
        let holds = |row: &TierRow| {
            row.paths.as_ref().is_none_or(|paths| paths.fit(path))
                && row.environment.as_ref().is_none_or(|environments| environments.contains(&environment))
                && row.kinds.as_ref().is_none_or(|kinds| kind.is_some_and(|kind| kinds.fit(kind)))
                && row.owners.as_ref().is_none_or(is_owned)
                && (kind.is_some() || row.paths.is_some() || row.owners.is_some())
        };
        self.rows.iter().position(holds)
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn singled_out(text: &str, path: &str) -> bool {
        let (config, problems) = Config::read(text);
        assert_eq!(problems, []);
        config.tiers().single_out(path, &config.environment)
    }

    #[test]
    fn a_file_is_singled_out_by_a_row_of_the_teams_own() {
        let row = "[[tier]]\npaths = [\"src/pricing/**\"]\ntier = \"critical\"\n";
        assert!(singled_out(row, "src/pricing/a/total.py"));
        assert!(!singled_out(row, "src/other.py"));
        assert!(!singled_out(row, ".github/workflows/deploy.yml"), "the built-in rows do not count");
        assert!(!singled_out("", "countersign.toml"));
        let first = "[[tier]]\npaths = [\"src/pricing/tests/**\"]\ntier = \"low\"\n";
        assert!(!singled_out(&format!("{first}{row}"), "src/pricing/tests/total.py"), "the first row decides");
        assert!(!singled_out(&row.replace("critical", "high"), "src/pricing/total.py"));
        let kinds = "[[tier]]\npaths = [\"src/**\"]\nkinds = [\"aws_*\"]\ntier = \"critical\"\n";
        assert!(!singled_out(kinds, "src/main.py"), "it is about resources");
        let production = "[[tier]]\npaths = [\"**\"]\nenvironment = [\"production\"]\ntier = \"critical\"\n";
        assert!(singled_out(production, "live/prod/flags.json") && !singled_out(production, "live/dev/flags.json"));
    }

    #[test]
    fn the_globs_are_those_that_the_team_wrote() {
        let (config, _) = Config::read(
            "[[tier]]\npaths = [\"a/**\", \"*.sql\"]\ntier = \"critical\"\n[[tier]]\npaths = [\"b/**\"]\ntier = \"low\"\n",
        );
        assert_eq!(config.tiers().critical_globs(), ["a/**", "*.sql"]);
        assert_eq!(Config::defaults().tiers().critical_globs(), [] as [&str; 0]);
    }
}
