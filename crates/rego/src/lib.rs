//! Policies in Rego, as Conftest runs them: which rules of which packages count, what they say of an input, what is excepted.
//!
//! This crate knows texts and JSON. It must not know the disk, processes, documents, resources or findings. What is in
//! `input` is the caller's.
//!
//! Sources: Conftest's `policy/engine.go` and `output/result.go` (0.60) for the names of rules, exceptions and results.

mod functions;
mod load;
mod run;

pub use load::{MAX_POLICY_BYTES, Policies};
pub use run::{Level, MAX_SAID_BYTES, Outcome, Said};

use serde::{Deserialize, Serialize};

/// A text with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file, as people see it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A document below `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The file, JSON or YAML.
    pub source: Source,
    /// The names below `data` where it stands; empty for what is put together with the others at the top.
    pub below: Vec<String>,
}

/// Which packages count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Namespaces {
    /// These, each with its dots: `main`, `main.gke`.
    Named(Vec<String>),
    /// All that there are.
    All,
}

/// Everything that a run needs to know before it sees an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The policies.
    pub policies: Vec<Source>,
    /// What stands below `data`.
    pub data: Vec<Data>,
    /// Which packages count.
    pub namespaces: Namespaces,
    /// How long all rules together may take for one input, in milliseconds.
    pub limit_ms: u64,
}

/// Why policies say nothing: the place, what is so, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{place}: {message}")]
pub struct Failure {
    /// The file, with line and column where they are known; the rule, where no line is to blame.
    pub place: String,
    /// What is so and what to do.
    pub message: String,
}

impl Failure {
    /// Of a place.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    /// What the interpreter says: a place (`--> main.rego:3:9`), some lines of the text, and `error: …`.
    fn of(error: &anyhow::Error, otherwise: &str) -> Self {
        let said = error.to_string();
        let place = said.lines().find_map(|line| line.trim_start().strip_prefix("--> ")).unwrap_or(otherwise).trim();
        let what = said.rsplit("error: ").next().unwrap_or(&said).trim();
        match what.strip_prefix("could not find function ") {
            Some(function) => Self::lacking(function, place),
            None => Self::new(place, format!("{what}. Mend the policy.")),
        }
    }

    /// That a function was called that there is not.
    fn lacking(function: &str, place: &str) -> Self {
        Self::new(
            place,
            format!(
                "there is no function `{function}` here. A policy has its input and its data alone, no network and no \
                 environment, and not every function of OPA (docs/rego.md). Pass in what it needs with --data, or leave the \
                 policy out."
            ),
        )
    }
}
