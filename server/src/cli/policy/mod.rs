//! `countersign policy`: why policy says what it says, and whether it says what was meant.

mod explain;
mod test;

pub(super) use explain::JsonExplained;

use clap::Subcommand;
use countersign_policy::{ChangeUnderReview, Circumstances, Impacted, Tried};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say why a verdict is what it is, row by row.
    ///
    /// For each finding of the block or the file that a line is in: the rows of `[[verdict]]` that were tried, with the first
    /// condition of each that does not hold. Where the block is changed, the same of `[[require]]`: what it needs before it is merged.
    Explain(explain::ExplainArguments),
    /// Try policy on example cases.
    ///
    /// A file has a table `[[case]]` for each: `name`, what is so (`path`, `kind`, `tier`, `environment`, `origin`, `author`, `severity`,
    /// `surface`, `changed`, `action`, `data_loss`, `interruption`, `dependents`, `at_once`) and under `expect` what has to
    /// follow (`tier`, `verdict`, `approvals`, `level`, `mode`). The policy is that of `path`, from the folder of the file on. Ends with 0
    /// where all is as expected, 1 where something is not, and 2 where a file or the policy cannot be read.
    Test(test::TestArguments),
}

pub(super) fn run(command: &PolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Explain(arguments) => explain::run(arguments),
        PolicyCommand::Test(arguments) => test::run(arguments),
    }
}

/// A row of a table that was tried.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonTried {
    /// Its number, from 1; your own rows come before the defaults.
    row: usize,
    /// Whether it is one of the defaults.
    is_default: bool,
    /// What it says, but for its conditions.
    says: BTreeMap<String, Value>,
    /// The first condition that does not hold; left out where all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fails: Option<JsonCondition>,
}

/// A condition that does not hold.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonCondition {
    /// Its key.
    key: String,
    /// What it asks for.
    wants: Value,
    /// What is so; left out where there is nothing of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Value>,
}

/// What is so, by the keys of conditions.
type Facts = BTreeMap<&'static str, Value>;

/// The keys of rows that are conditions, but for those that a row of its kind has for what follows.
const CONDITIONS: &[&str] = &[
    "paths",
    "origin",
    "severity",
    "surface",
    "changed",
    "environment",
    "author",
    "action",
    "data_loss",
    "interruption",
    "tier",
    "dependents",
    "at_once",
];

/// The rows of a table that were tried. `follows` are keys that are no conditions in it, and `own` rows come before the defaults.
fn tried<R: Serialize>(tried: &[Tried<'_, R>], facts: &Facts, (follows, own): (&[&str], usize)) -> Vec<JsonTried> {
    let one = |tried: &Tried<'_, R>| {
        let row = serde_json::to_value(tried.row).unwrap_or_default();
        let fields = row.as_object().cloned().unwrap_or_default();
        let is_said = |(key, value): &(String, Value)| {
            let is_condition =
                !follows.contains(&key.as_str()) && (CONDITIONS.contains(&key.as_str()) || key == "verdict");
            let is_nothing =
                matches!(value, Value::Null | Value::Bool(false)) || value.as_array().is_some_and(Vec::is_empty);
            !is_condition && !is_nothing
        };
        let fails = tried.fails.map(|key| JsonCondition {
            key: key.to_owned(),
            wants: row.get(key).cloned().unwrap_or_default(),
            is: facts.get(key).cloned(),
        });
        JsonTried {
            row: tried.number + 1,
            is_default: tried.number >= own,
            says: fields.into_iter().filter(is_said).collect(),
            fails,
        }
    };
    tried.iter().map(one).collect()
}

/// A value as `countersign.toml` has it, without quotes.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(word).collect::<Vec<_>>().join(" or "),
        other => other.to_string(),
    }
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// What the table of verdicts was asked about.
fn facts(at: &Circumstances) -> Facts {
    let mut facts = Facts::from([
        ("origin", value(at.origin)),
        ("severity", value(at.severity)),
        ("surface", value(at.surface)),
        ("changed", value(at.changed)),
        ("environment", value(at.environment)),
    ]);
    facts.extend(at.impact.iter().flat_map(facts_of_impact));
    facts
}

fn facts_of_impact(impact: &Impacted) -> [(&'static str, Value); 6] {
    [
        ("action", value(impact.action)),
        ("data_loss", value(impact.data_loss)),
        ("interruption", value(impact.interruption)),
        ("tier", value(impact.tier)),
        ("dependents", value(impact.dependents)),
        ("at_once", value(impact.at_once)),
    ]
}

/// What `[[require]]` was asked about.
fn requirement_facts(asked: &ChangeUnderReview<'_>) -> Facts {
    let mut facts = Facts::from([
        ("paths", value(asked.path)),
        ("environment", value(asked.environment)),
        ("origin", value(asked.counts_as())),
        ("author", value(asked.author)),
    ]);
    if let Some((verdict, severity)) = asked.found {
        facts.extend([("verdict", value(verdict)), ("severity", value(severity))]);
    }
    facts.extend(asked.impact.iter().flat_map(facts_of_impact));
    facts.insert("tier", value(asked.tier));
    facts
}

/// The keys of a row of `[[require]]` that say what is needed.
const FOLLOWS: &[&str] =
    &["approvals", "level", "teams", "owners", "own", "hardware", "trailer", "ticket", "label", "evidence", "mode"];

/// Rows that were tried, for people.
fn human(rows: &[JsonTried], indent: &str) -> String {
    let mut text = String::new();
    for row in rows {
        let whose = if row.is_default { "default" } else { "yours" };
        let says: Vec<String> = row.says.iter().map(|(key, value)| format!("{key} = {}", word(value))).collect();
        let _ = match &row.fails {
            None => writeln!(text, "{indent}row {:>2} ({whose}) holds: {}", row.row, says.join(", ")),
            Some(JsonCondition { key, wants, is: None }) => {
                writeln!(text, "{indent}row {:>2} ({whose}) no: {key} = {}, and there is none", row.row, word(wants))
            }
            Some(JsonCondition { key, wants, is: Some(is) }) => {
                writeln!(
                    text,
                    "{indent}row {:>2} ({whose}) no: {key} = {}, and it is {}",
                    row.row,
                    word(wants),
                    word(is)
                )
            }
        };
    }
    text
}

/// What is so, for people.
fn in_words(facts: &Facts) -> String {
    let is_told = |(key, _): &(&&str, &Value)| **key != "surface";
    let facts = facts.iter().filter(is_told).map(|(key, value)| format!("{key} {}", word(value)));
    facts.collect::<Vec<_>>().join(" · ")
}
