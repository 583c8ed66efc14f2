//! Which format a value in YAML or JSON is of, told by what it says.

use crate::terraform::json_syntax;
use crate::terraform::syntax::Block;
use crate::{cloudformation, compose, gitlab, kubernetes, policies, shell, workflows, yaml};
use countersign_grammars::Language;
use tree_sitter::Tree;

/// What a resource is declared in, and with that what becomes of it when it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Terraform and what reads its language.
    Terraform,
    /// A template of CloudFormation.
    CloudFormation,
    /// Kubernetes: objects that are applied to a cluster.
    Kubernetes,
    /// Statements of SQL, which run once: one that is there no more has run.
    Sql,
    /// A pipeline of GitHub Actions or GitLab CI, a file of Compose, a policy by itself, commands, an image: what is there no more
    /// takes nothing along.
    Workflow,
}

impl Format {
    /// The format in which there are resources of a kind.
    pub fn of_kind(kind: &str) -> Self {
        if kind.contains("::") {
            Self::CloudFormation
        } else if kind.starts_with("sql/") {
            Self::Sql
        } else if ["github/", "gitlab/", "compose/", "aws/", "docker/", "shell/"]
            .iter()
            .any(|start| kind.starts_with(start))
        {
            Self::Workflow
        } else if kind.contains('/') {
            Self::Kubernetes
        } else {
            Self::Terraform
        }
    }
}

/// Whether a unit may declare something; one that may not need not be read. Of a whole text, whether any of its units may.
pub fn may_declare(language: Language, source: &str) -> bool {
    language.may_declare(source) && (language != Language::Shell || shell::may_declare(source))
}

/// The blocks of a unit in JSON, in order of the text.
pub(crate) fn in_json(source: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(document) = json_syntax::document(source) {
        kubernetes::add(source, &document, &mut blocks);
        cloudformation::add(&document, &mut blocks);
        policies::add(&document, &mut blocks);
    }
    blocks
}

/// The blocks of a unit in YAML, in order of the text.
pub(crate) fn in_yaml(source: &str, tree: &Tree) -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in yaml::documents(source, tree, &cloudformation::tagged) {
        kubernetes::add(source, &document, &mut blocks);
        cloudformation::add(&document, &mut blocks);
        workflows::add(source, &document, &mut blocks);
        compose::add(source, &document, &mut blocks);
        gitlab::add(source, &document, &mut blocks);
        if !blocks.is_empty() {
            shell::add_commands(source, &document, 0, &mut blocks);
        }
    }
    blocks
}
