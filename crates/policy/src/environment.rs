//! The environment that a resource belongs to, by what is written: the path, the workspace, variables, tags, names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Nothing says which.
    #[default]
    Unknown,
    /// Where something may break.
    Development,
    /// Where it is tried out before.
    Staging,
    /// Where it counts.
    Production,
}

impl Environment {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// What an environment is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentEvidence {
    /// Names of the folders and the file, the nearest first.
    Path,
    /// The backend's or Terraform Cloud's workspace, prefix or key.
    Workspace,
    /// A variable or local value called `environment`, `env` or `stage`, with the value that applies.
    Variables,
    /// A tag or label of that name.
    Tags,
    /// The resource's own name, or its name in Terraform.
    Names,
}

/// `[environment]` of `countersign.toml`: how environments are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environments {
    /// What is looked at, in this order; the first that says something decides.
    pub order: Vec<EnvironmentEvidence>,
    /// Words that stand for production.
    pub production: Vec<String>,
    /// Words that stand for staging.
    pub staging: Vec<String>,
    /// Words that stand for development.
    pub development: Vec<String>,
}

impl Default for Environments {
    fn default() -> Self {
        use EnvironmentEvidence::{Names, Path, Tags, Variables, Workspace};
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            order: vec![Tags, Variables, Path, Workspace, Names],
            production: words(&["prod", "prd", "production"]),
            staging: words(&["stage", "staging", "stg", "preprod", "preproduction", "uat"]),
            development: words(&[
                "dev",
                "development",
                "develop",
                "sandbox",
                "test",
                "testing",
                "tst",
                "qa",
                "nonprod",
                "nonproduction",
                "example",
                "examples",
                "demo",
                "playground",
            ]),
        }
    }
}

/// What is written that may tell the environment of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The path from the repository's root.
    pub path: String,
    /// Name of the workspace.
    pub workspace: Option<String>,
    /// Value of the variable.
    pub variable: Option<String>,
    /// Value of the tag.
    pub tag: Option<String>,
    /// Names of the resource.
    pub names: Vec<String>,
}

impl Environments {
    /// The environment of a file as such, by its path from the root of the repository.
    pub fn of_path(&self, path: &str) -> Environment {
        self.of(&Written { path: path.to_owned(), ..Written::default() }).0
    }

    /// The environment, and by what it is told.
    pub fn of(&self, written: &Written) -> (Environment, Option<EnvironmentEvidence>) {
        for evidence in &self.order {
            let found = match evidence {
                EnvironmentEvidence::Path => written
                    .path
                    .rsplit('/')
                    .map(|part| self.in_words(part))
                    .find(|found| *found != Environment::Unknown),
                EnvironmentEvidence::Workspace => written.workspace.as_deref().map(|text| self.in_words(text)),
                EnvironmentEvidence::Variables => written.variable.as_deref().map(|text| self.in_words(text)),
                EnvironmentEvidence::Tags => written.tag.as_deref().map(|text| self.in_words(text)),
                EnvironmentEvidence::Names => {
                    written.names.iter().map(|name| self.in_words(name)).find(|found| *found != Environment::Unknown)
                }
            };
            if let Some(found) = found.filter(|found| *found != Environment::Unknown) {
                return (found, Some(*evidence));
            }
        }
        (Environment::Unknown, None)
    }

    /// The environment that a name holds a word for. One that holds words for two says nothing.
    pub(crate) fn in_words(&self, name: &str) -> Environment {
        let lower = name.to_lowercase();
        let parts: Vec<&str> = lower
            .split(|c: char| !c.is_alphanumeric())
            .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()))
            .collect();
        let mut found = Environment::Unknown;
        let mut index = 0;
        while index < parts.len() {
            // `non-prod` and `pre-prod` are one word.
            let joined = [parts[index], parts.get(index + 1).copied().unwrap_or_default()].concat();
            let (word, used) =
                if matches!(parts[index], "non" | "pre") { (joined.as_str(), 2) } else { (parts[index], 1) };
            let of = |words: &[String]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
            let here = if of(&self.production) {
                Environment::Production
            } else if of(&self.staging) {
                Environment::Staging
            } else if of(&self.development) {
                Environment::Development
            } else {
                Environment::Unknown
            };
            if here != Environment::Unknown {
                if found != Environment::Unknown && found != here {
                    return Environment::Unknown;
                }
                found = here;
            }
            index += used;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_evidence_that_says_something_decides() {
        let environments = Environments::default();
        let mut written = Written { path: "live/prod/db/main.tf".to_owned(), ..Written::default() };
        assert_eq!(environments.of(&written), (Environment::Production, Some(EnvironmentEvidence::Path)));
        written.tag = Some("Staging".to_owned());
        assert_eq!(environments.of(&written), (Environment::Staging, Some(EnvironmentEvidence::Tags)));
        written = Written { names: vec!["orders-non-prod-2".to_owned()], ..Written::default() };
        assert_eq!(environments.of(&written).0, Environment::Development);
        written = Written { names: vec!["dev-to-prod".to_owned()], ..Written::default() };
        assert_eq!(environments.of(&written), (Environment::Unknown, None));
        written = Written { path: "product/main.tf".to_owned(), ..Written::default() };
        assert_eq!(environments.of(&written).0, Environment::Unknown, "a word is not a part of one");
        written.path = "envs/preprod1/x.tf".to_owned();
        assert_eq!(environments.of(&written).0, Environment::Staging);
    }
}
