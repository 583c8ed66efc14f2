//! What the gate says, for other programs.

use super::{JsonChange, JsonGate};
use crate::cli::junit::{self, Case, Outcome, Suite};
use crate::cli::sarif::{
    Configuration, Help, Location, Log, Message, PhysicalLocation, Properties, Region, Rule, RuleProperties,
    SarifResult, in_repository, log_of,
};
use crate::cli::{github as commands, gitlab as quality};
use countersign_policy::Mode;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// What the one thing that the gate finds is called.
const RULE: &str = "not-approved";
const TITLE: &str = "A change lacks what policy wants for it";
const WHAT: &str = "Policy wants somebody to approve this change, or a trailer, and that is missing.";
const HELP: &str = "`countersign review request` asks, `countersign review approve` answers with a signature; both are committed with the \
                    change. `[[require]]` in countersign.toml says what is wanted.";

/// Name of the fingerprint; its number changes where its meaning does.
const FINGERPRINT: &str = "countersignChange/v1";

/// One command for each change that lacks something, and for what could not be read.
pub(super) fn github(gate: &JsonGate) -> String {
    let mut text = String::new();
    for (change, lacks) in lacking(gate) {
        let level = match change.told_as() {
            Mode::Enforce => "error",
            Mode::Warn => "warning",
            Mode::Observe => "notice",
        };
        let lines = change.lines.map(|(first, last)| format!(",line={first},endLine={last}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "::{level} file={}{lines},title={}::{}",
            commands::property(&change.path),
            commands::property(match change.break_glass {
                Some(_) => "Countersign: passed by break-glass",
                None => "Countersign: an approval is missing",
            }),
            commands::data(&lacks)
        );
    }
    for broken in &gate.break_glasses {
        let title = commands::property("Countersign: a break-glass waits for a review");
        let _ = writeln!(text, "::warning title={title}::{}", commands::data(&broken.in_words()));
    }
    for problem in &gate.problems {
        let message = commands::data(&format!("{}: {}", problem.path, problem.message));
        let _ = writeln!(text, "::error title=countersign::{message}");
    }
    text
}

/// One result for each change that lacks something.
pub(super) fn sarif(gate: &JsonGate) -> Log {
    let results: Vec<SarifResult> = lacking(gate).map(|(change, lacks)| result(gate, change, lacks)).collect();
    let rules = if results.is_empty() { Vec::new() } else { vec![rule()] };
    let problem =
        |path: &str, message: &str| json!({ "level": "error", "message": { "text": format!("{path}: {message}") } });
    let broken = gate.break_glasses.iter();
    let broken = broken.map(|it| json!({ "level": "warning", "message": { "text": it.in_words() } }));
    let problems = gate.problems.iter().map(|it| problem(&it.path, &it.message));
    log_of(rules, results, &problems.chain(broken).collect::<Vec<_>>())
}

fn rule() -> Rule {
    Rule {
        id: RULE.to_owned(),
        name: "NotApproved".to_owned(),
        short_description: Message { text: format!("{TITLE}.") },
        full_description: Message { text: WHAT.to_owned() },
        help: Help { text: HELP.to_owned(), markdown: format!("{WHAT}\n\n{HELP}\n") },
        default_configuration: Configuration { level: "error" },
        properties: RuleProperties {
            tags: ["security", "infrastructure-as-code", "review"].map(str::to_owned).to_vec(),
            security_severity: "8.0",
            precision: "very-high",
        },
    }
}

fn result(gate: &JsonGate, change: &JsonChange, lacks: String) -> SarifResult {
    // What is there no more has no lines; whoever shows results wants one.
    let (start_line, end_line) = change.lines.unwrap_or((1, 1));
    let region = Region { start_line, start_column: None, end_line, end_column: None };
    let place = PhysicalLocation { artifact_location: in_repository(&change.path), region };
    let address = change.address.iter();
    SarifResult {
        rule_id: RULE.to_owned(),
        rule_index: 0,
        level: match change.told_as() {
            Mode::Enforce => "error",
            Mode::Warn => "warning",
            Mode::Observe => "note",
        },
        message: Message { text: lacks },
        locations: [Location {
            physical_location: place,
            logical_locations: address
                .map(|address| json!({ "fullyQualifiedName": address, "kind": "resource" }))
                .collect(),
        }],
        related_locations: Vec::new(),
        partial_fingerprints: [(FINGERPRINT, fingerprint(gate, change))].into(),
        fixes: Vec::new(),
        properties: Properties::Other(json!({
            "review": change.review,
            "tier": change.tier,
            "mode": change.mode,
            "state": change.state,
            "whoMay": change.who_may,
        })),
    }
}

/// One issue for each change that lacks something.
pub(super) fn gitlab(gate: &JsonGate) -> Vec<quality::Issue> {
    let issue = |(change, lacks): (&JsonChange, String)| {
        let (begin, end) = change.lines.unwrap_or((1, 1));
        quality::Issue {
            description: lacks,
            check_name: RULE.to_owned(),
            fingerprint: fingerprint(gate, change),
            severity: match change.told_as() {
                Mode::Enforce => "blocker",
                Mode::Warn => "major",
                Mode::Observe => "info",
            },
            location: quality::Location { path: change.path.clone(), lines: quality::Lines { begin, end } },
        }
    };
    let problems = gate.problems.iter().map(|it| quality::Issue::problem(&it.path, &it.message));
    lacking(gate).map(issue).chain(problems).collect()
}

/// A test for each change that needs something; where enforcement is off, what lacks something is skipped.
pub(super) fn junit(gate: &JsonGate) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for change in &gate.changes {
        let outcome = match (change.lacks(), change.told_as()) {
            (None, _) => Outcome::Passed,
            (Some(lacks), Mode::Enforce) => Outcome::Failed(RULE, change.missing.join("; "), lacks),
            (Some(lacks), _) => Outcome::Skipped(lacks),
        };
        let name = change.address.clone().unwrap_or_else(|| "what has no address".to_owned());
        let case = Case { class: change.path.clone(), name, outcome };
        match suites.last_mut().filter(|suite| suite.name == change.path) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: change.path.clone(), cases: vec![case] }),
        }
    }
    suites.extend(junit::problems(gate.problems.iter().map(|it| (&*it.path, &*it.message))));
    if suites.is_empty() {
        // Without any test some would say that none was run.
        let case =
            Case { class: gate.base.clone(), name: "no change needs anything".to_owned(), outcome: Outcome::Passed };
        suites.push(Suite { name: "countersign gate".to_owned(), cases: vec![case] });
    }
    junit::document(&suites, Duration::ZERO)
}

/// What tells a change from others, and is the same when its text is another.
fn fingerprint(gate: &JsonGate, change: &JsonChange) -> String {
    let address = change.address.as_deref().unwrap_or_default();
    // An address is there once in a file; what has none may be so twice, by itself and by what changed elsewhere.
    let before = gate.changes.iter().take_while(|other| !std::ptr::eq(*other, change));
    let is_same = |other: &&JsonChange| other.address.is_none() && other.path == change.path;
    let nth = if address.is_empty() { before.filter(is_same).count() } else { 0 };
    quality::fingerprint(&[RULE, &change.path, address, &nth.to_string()])
}

/// The changes that lack something, each with what that is.
fn lacking(gate: &JsonGate) -> impl Iterator<Item = (&JsonChange, String)> {
    gate.changes.iter().filter_map(|change| Some((change, change.lacks()?)))
}
