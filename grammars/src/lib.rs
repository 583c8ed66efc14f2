//! The languages that Countersign reads, one folder each: how a file is recognised, its tree-sitter grammar, the light
//! scanner that finds its units, its comment syntax, and what names a tool's files go by.
//!
//! This crate knows bytes and grammars. It must not know resources, risks, or editors.

pub mod dockerfile;
pub mod hcl;
mod json;
mod plain;
mod scan;
pub mod shell;
pub mod sql;
mod yaml;

pub use scan::{Scan, ScannedUnit};
pub use yaml::template_start;

use std::ops::Range;

/// Largest unit that is parsed, in bytes. A unit is one block; the largest in real repositories are policy documents
/// of some ten kilobytes, and the parser takes about 300 ms for a mebibyte.
pub const MAX_UNIT_BYTES: usize = 1 << 20;

/// Deepest nesting of brackets and templates in a unit that is parsed. The parser's own stack and every walk over its
/// tree grow with it.
pub const MAX_NESTING: usize = 200;

/// Most rows of a unit of YAML that is parsed. The grammar counts them in sixteen bits.
pub const MAX_UNIT_ROWS: usize = 32_000;

/// The nesting of a unit with more rows: it is not parsed either.
pub const TOO_MANY_ROWS: usize = usize::MAX;

/// Files in HCL that declare no infrastructure: lock files, settings of linters, tests.
const NOT_OURS: &[&str] =
    &[".terraform.lock.hcl", ".tflint.hcl", ".tftest.hcl", ".tofutest.hcl", ".tfmock.hcl", ".tfquery.hcl"];

/// How a language writes a comment that ends with its line; `None` where a format has no comments.
pub type LineComment = Option<&'static str>;

/// One language, or one dialect of it that is told apart by the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Terraform and OpenTofu configuration: `.tf`, `.tofu`.
    Terraform,
    /// Values of Terraform variables: `.tfvars`.
    TerraformVars,
    /// Terraform configuration as JSON: `.tf.json`, `.tofu.json`.
    TerraformJson,
    /// Values of Terraform variables as JSON: `.tfvars.json`.
    TerraformVarsJson,
    /// Terragrunt: `terragrunt.hcl`, `root.hcl` and their like.
    Terragrunt,
    /// Packer templates and values: `.pkr.hcl`, `.pkrvars.hcl`.
    Packer,
    /// YAML. What a document says tells whether it is infrastructure.
    Yaml,
    /// JSON that is not Terraform's. What it says tells whether it is infrastructure.
    Json,
    /// What the templates of a Helm chart are filled with: `values.yaml`, `values-prod.yaml`.
    ChartValues,
    /// Statements of SQL: `.sql`.
    Sql,
    /// Statements of SQL that take others back: `.down.sql` and what else is called so.
    SqlRollback,
    /// Shell scripts: `.sh`, `.bash`.
    Shell,
    /// What images are built from: `Dockerfile`, `Containerfile`.
    Dockerfile,
    /// Text in any other language, which is not parsed. No name tells it: a team says which of its files count.
    Plain,
}

impl Language {
    /// Recognises a file by its name. `path` may use either slash.
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let ends = |suffix: &str| name.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty());
        if ends(".tf") || ends(".tofu") {
            Some(Self::Terraform)
        } else if ends(".tfvars") {
            Some(Self::TerraformVars)
        } else if ends(".tf.json") || ends(".tofu.json") {
            Some(Self::TerraformJson)
        } else if ends(".tfvars.json") {
            Some(Self::TerraformVarsJson)
        } else if ends(".pkr.hcl") || ends(".pkrvars.hcl") {
            Some(Self::Packer)
        } else if NOT_OURS.iter().any(|suffix| name.ends_with(suffix)) {
            None
        } else if ends(".hcl") {
            Some(Self::Terragrunt)
        } else if yaml::is_values(&name) {
            Some(Self::ChartValues)
        } else if ends(".yaml") || ends(".yml") || ends(".template") {
            Some(Self::Yaml)
        } else if ends(".json") && !path.contains(".countersign/") {
            Some(Self::Json)
        } else if ends(".sql") {
            Some(if is_rollback(path, &name) { Self::SqlRollback } else { Self::Sql })
        } else if ends(".sh") || ends(".bash") {
            Some(Self::Shell)
        } else if dockerfile::is_name(&name) {
            Some(Self::Dockerfile)
        } else {
            None
        }
    }

    /// Recognises the language id that an editor sends with `textDocument/didOpen`.
    pub fn of_id(id: &str) -> Option<Self> {
        match id {
            "terraform" | "tf" | "opentofu" | "tofu" => Some(Self::Terraform),
            "terraform-vars" | "tfvars" | "opentofu-vars" => Some(Self::TerraformVars),
            "terragrunt" | "hcl" => Some(Self::Terragrunt),
            "packer" => Some(Self::Packer),
            "yaml" | "helm" | "dockercompose" | "github-actions-workflow" => Some(Self::Yaml),
            "json" | "jsonc" => Some(Self::Json),
            "sql" | "postgres" | "postgresql" | "pgsql" | "mysql" => Some(Self::Sql),
            "shellscript" | "sh" | "bash" => Some(Self::Shell),
            "dockerfile" | "containerfile" => Some(Self::Dockerfile),
            _ => None,
        }
    }

    /// The name for people and for JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::TerraformVars => "terraform-vars",
            Self::TerraformJson => "terraform-json",
            Self::TerraformVarsJson => "terraform-vars-json",
            Self::Terragrunt => "terragrunt",
            Self::Packer => "packer",
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::ChartValues => "chart-values",
            Self::Sql => "sql",
            Self::SqlRollback => "sql-rollback",
            Self::Shell => "shell",
            Self::Dockerfile => "dockerfile",
            Self::Plain => "plain",
        }
    }

    /// Whether its units are read.
    pub const fn is_parsed(self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// Whether its units are parsed with a grammar; else their tokens are all there is.
    pub const fn has_grammar(self) -> bool {
        !matches!(self, Self::Plain | Self::Sql | Self::SqlRollback | Self::Shell | Self::Dockerfile)
    }

    /// Whether white space between its tokens means something.
    pub const fn is_laid_out(self) -> bool {
        matches!(self, Self::Yaml | Self::ChartValues | Self::Plain | Self::Shell | Self::Dockerfile)
    }

    /// Whether it is told by the content alone that a file declares infrastructure.
    pub const fn is_of_many(self) -> bool {
        matches!(self, Self::Yaml | Self::Json | Self::Sql | Self::SqlRollback | Self::Shell)
    }

    /// Whether a unit may declare something, as far as its words tell without reading them; one that may not need not be parsed. Of a
    /// whole text, whether any of its units may.
    pub fn may_declare(self, source: &str) -> bool {
        match self {
            Self::Yaml => yaml::may_declare(source),
            Self::Json => json::may_declare(source),
            Self::Sql => sql::may_declare(source),
            // What takes a migration back destroys what that made, and says so.
            Self::SqlRollback => false,
            _ => true,
        }
    }

    /// A unit as the grammar is to read it, of the same length: without what is no part of the language, as a document of its own.
    /// `None` where that is the unit as it is.
    pub fn masked(self, source: &str) -> Option<String> {
        match self {
            Self::Yaml | Self::ChartValues => yaml::masked(source),
            Self::Json => json::masked(source),
            _ => None,
        }
    }

    /// The grammar that its units are parsed with, if it [has](Self::has_grammar) one.
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::TerraformJson | Self::TerraformVarsJson | Self::Json => tree_sitter_json::LANGUAGE.into(),
            Self::Yaml | Self::ChartValues => tree_sitter_yaml::LANGUAGE.into(),
            _ => tree_sitter_hcl::LANGUAGE.into(),
        }
    }

    /// The comments of a unit in a language without a [grammar](Self::has_grammar), in order; with one, its tree tells.
    pub fn comments(self, source: &str) -> Vec<Range<usize>> {
        match self {
            Self::Sql | Self::SqlRollback => sql::comments(source),
            Self::Shell => shell::comments(source),
            Self::Dockerfile => dockerfile::comments(source),
            _ => Vec::new(),
        }
    }

    /// What starts a comment that ends with the line, in a file of this name.
    pub fn line_comment(self, path: &str) -> LineComment {
        match self {
            Self::TerraformJson | Self::TerraformVarsJson | Self::Json => None,
            Self::Plain => plain::line_comment(path),
            Self::Sql | Self::SqlRollback => Some("--"),
            _ => Some("#"),
        }
    }

    /// Finds where the unit that starts at the first of `bytes` ends. `complete` says that nothing follows `bytes`.
    pub fn scan_unit(self, bytes: &[u8], complete: bool) -> Scan {
        match self {
            Self::TerraformJson | Self::TerraformVarsJson => json::scan_unit(bytes, complete),
            Self::Plain => plain::scan_unit(bytes, complete),
            Self::Yaml => yaml::scan_unit(bytes, complete, false),
            Self::ChartValues => yaml::scan_unit(bytes, complete, true),
            Self::Json => json::scan_entry(bytes, complete),
            Self::Sql | Self::SqlRollback => sql::scan_unit(bytes, complete),
            Self::Shell => shell::scan_unit(bytes, complete),
            Self::Dockerfile => dockerfile::scan_unit(bytes, complete),
            _ => hcl::scan_unit(bytes, complete),
        }
    }
}

/// Whether a file of SQL takes a migration back, by its name in small letters, or by that of its folder.
fn is_rollback(path: &str, name: &str) -> bool {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let ends = ["down", "undo", "rollback"]
        .iter()
        .any(|word| stem.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '_', '-'])));
    // Flyway: `U2__name.sql`.
    let is_undo = stem.strip_prefix('u').is_some_and(|rest| {
        rest.split_once("__")
            .is_some_and(|(version, _)| version.bytes().all(|b| b.is_ascii_digit() || b"._".contains(&b)))
    });
    let folder = path.rsplit(['/', '\\']).nth(1).unwrap_or_default();
    ends || is_undo || ["down", "undo", "rollback", "rollbacks"].iter().any(|word| folder.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn files_are_recognised_by_name() {
        let of = Language::of_path;
        assert_eq!(of("a/main.tf"), Some(Language::Terraform));
        assert_eq!(of("main.TF"), Some(Language::Terraform));
        assert_eq!(of(r"a\main.tofu"), Some(Language::Terraform));
        assert_eq!(of("prod.auto.tfvars"), Some(Language::TerraformVars));
        assert_eq!(of("live/terragrunt.hcl"), Some(Language::Terragrunt));
        assert_eq!(of("ubuntu.pkr.hcl"), Some(Language::Packer));
        assert_eq!(of("ubuntu.pkrvars.hcl"), Some(Language::Packer));
        assert_eq!(of(".terraform.lock.hcl"), None, "a lock file declares nothing");
        assert_eq!(of("main.tf.json"), Some(Language::TerraformJson));
        assert_eq!(of("prod.auto.tfvars.json"), Some(Language::TerraformVarsJson));
        assert_eq!(of("package.json"), Some(Language::Json));
        assert_eq!(of("stack.template"), Some(Language::Yaml));
        for values in ["chart/values.yaml", "values-prod.yaml", "Values.eu.yml", "values_eu.yaml"] {
            assert_eq!(of(values), Some(Language::ChartValues), "{values}");
        }
        for other in ["valuesets.yaml", "my-values.yaml", "values.yaml.gotmpl", "values/a.yaml"] {
            assert_ne!(of(other), Some(Language::ChartValues), "{other}");
        }
        assert_eq!(of("tests/plan.tftest.hcl"), None);
        assert_eq!(of("migrations/0001_users.sql"), Some(Language::Sql));
        for back in ["0001_users.down.sql", "m/down.sql", "down/0001.sql", "U2__users.sql", "a_rollback.sql"] {
            assert_eq!(of(back), Some(Language::SqlRollback), "{back}");
        }
        assert_eq!(of("countdown.sql"), Some(Language::Sql));
        assert_eq!(of("users__x.sql"), Some(Language::Sql));
        assert_eq!(of("scripts/down.sh"), Some(Language::Shell));
        assert_eq!(of("api/Dockerfile"), Some(Language::Dockerfile));
        assert_eq!(of(".sh"), None);
        assert_eq!(of(".tf"), None);
    }
}
