//! Findings as SARIF 2.1.0, for code scanning. Suppressed findings are only counted by the engine and left out here; the
//! text of a finding's lines is left out too, for it may hold a secret.

use super::catalogue::page;
use super::checked::{Found, Report, Root, absolute};
use countersign_engine::report::{JsonFix, JsonOrigin, JsonProblem, JsonRange, JsonRelated};
use countersign_policy::{Catalogue, RiskDocument, Severity, Verdict};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Name of the fingerprint; its number changes where its meaning does.
const FINGERPRINT: &str = "countersignFinding/v1";

#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Value; 1],
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short_description: Message,
    pub(super) full_description: Message,
    pub(super) help: Help,
    pub(super) default_configuration: Configuration,
    pub(super) properties: RuleProperties,
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) text: String,
}

#[derive(Serialize)]
pub(super) struct Help {
    pub(super) text: String,
    pub(super) markdown: String,
}

#[derive(Serialize)]
pub(super) struct Configuration {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct RuleProperties {
    pub(super) tags: Vec<String>,
    /// From this number GitHub makes critical, high, medium or low.
    #[serde(rename = "security-severity")]
    pub(super) security_severity: &'static str,
    pub(super) precision: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    pub(super) rule_id: String,
    pub(super) rule_index: usize,
    pub(super) level: &'static str,
    pub(super) message: Message,
    pub(super) locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_locations: Vec<RelatedLocation>,
    pub(super) partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fixes: Vec<Value>,
    pub(super) properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) logical_locations: Vec<Value>,
}

/// Another place that has to do with a finding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RelatedLocation {
    physical_location: PhysicalLocation,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: ArtifactLocation,
    pub(super) region: Region,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    pub(super) uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: usize,
    /// Left out where whole lines are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_column: Option<usize>,
    pub(super) end_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_column: Option<usize>,
}

/// What is said of a result that SARIF has no place for.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Properties {
    /// Of a finding.
    Finding { verdict: Verdict, origin: JsonOrigin },
    /// Of anything else, as it has it.
    Other(Value),
}

/// The whole log. It has the rules that were seen, each once.
pub(super) fn log(report: &Report, root: &Root) -> Log {
    let mut rules: Vec<Rule> = Vec::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut results = Vec::new();
    for file in &report.files {
        let artifact = artifact(&file.path, root);
        for found in &file.findings {
            let id = found.json.risk.as_str();
            let rule_index = *index.entry(id).or_insert_with(|| {
                let catalogue = file.catalogue.as_ref().unwrap_or(Catalogue::built_in());
                rules.extend(catalogue.document(id).map(|document| rule(document)));
                rules.len().saturating_sub(1)
            });
            results.push(result(found, rule_index, &artifact, root));
        }
    }
    let notifications: Vec<Value> = report.problems.iter().map(|problem| notification(problem, root)).collect();
    log_of(rules, results, &notifications)
}

/// A log of results, with the rules that they name by their place, and what else is to be said: an error is what could not be
/// looked at.
pub(super) fn log_of(rules: Vec<Rule>, results: Vec<SarifResult>, notifications: &[Value]) -> Log {
    let is_error = |notification: &Value| notification["level"] == "error";
    let driver = Driver { name: "Countersign", semantic_version: env!("CARGO_PKG_VERSION"), rules };
    let run = Run {
        tool: Tool { driver },
        column_kind: "utf16CodeUnits",
        invocations: [json!({
            "executionSuccessful": !notifications.iter().any(is_error),
            "toolExecutionNotifications": notifications,
        })],
        results,
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

/// A file, by its path from the root of the repository.
pub(super) fn in_repository(path: &str) -> ArtifactLocation {
    ArtifactLocation { uri: encoded(path), uri_base_id: Some("%SRCROOT%") }
}

fn result(found: &Found, rule_index: usize, artifact: &ArtifactLocation, root: &Root) -> SarifResult {
    let finding = &found.json;
    let resource = finding.resource.iter();
    let location = Location {
        physical_location: PhysicalLocation { artifact_location: artifact.clone(), region: region(&finding.range) },
        logical_locations: resource
            .map(|resource| json!({ "fullyQualifiedName": resource.address, "kind": "resource" }))
            .collect(),
    };
    SarifResult {
        rule_id: finding.risk.clone(),
        rule_index,
        level: level(finding.severity),
        message: Message { text: format!("{} {}", finding.message, finding.help) },
        locations: [location],
        related_locations: finding.related.iter().map(|place| related_location(place, root)).collect(),
        partial_fingerprints: [(FINGERPRINT, found.fingerprint.for_others())].into(),
        fixes: finding.fix.iter().map(|fix| sarif_fix(fix, &finding.help, artifact)).collect(),
        properties: Properties::Finding { verdict: finding.verdict, origin: finding.origin.clone() },
    }
}

fn related_location(place: &JsonRelated, root: &Root) -> RelatedLocation {
    RelatedLocation {
        physical_location: PhysicalLocation {
            artifact_location: artifact(Path::new(&place.path), root),
            region: region(&place.range),
        },
        message: Message { text: place.message.clone() },
    }
}

fn sarif_fix(fix: &JsonFix, help: &str, artifact: &ArtifactLocation) -> Value {
    json!({
        "description": { "text": help },
        "artifactChanges": [{
            "artifactLocation": artifact,
            "replacements": [{ "deletedRegion": region(&fix.range), "insertedContent": { "text": fix.new_text } }],
        }],
    })
}

fn notification(problem: &JsonProblem, root: &Root) -> Value {
    let path = Path::new(&problem.path);
    let locations: Vec<_> = path
        .is_file()
        .then(|| json!({ "physicalLocation": { "artifactLocation": artifact(path, root) } }))
        .into_iter()
        .collect();
    json!({
        "level": "error",
        "message": { "text": format!("{}: {}", problem.path, problem.message) },
        "locations": locations,
    })
}

fn rule(document: &RiskDocument) -> Rule {
    let risk = &document.risk;
    let security_severity = match risk.severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
    };
    Rule {
        id: risk.id.to_string(),
        name: risk.id.split('-').map(capital).collect(),
        short_description: Message { text: format!("{}.", risk.title) },
        full_description: Message { text: document.body.split("\n\n").next().unwrap_or_default().replace('\n', " ") },
        help: Help { text: what_to_do(&document.body), markdown: page(document, None) },
        default_configuration: Configuration { level: level(risk.severity) },
        properties: RuleProperties {
            tags: ["security", "infrastructure-as-code", &risk.area]
                .map(str::to_owned)
                .into_iter()
                // As code scanning shows them: https://docs.github.com/en/code-security/code-scanning (CodeQL's own have three digits).
                .chain(risk.cwe.iter().map(|number| format!("external/cwe/cwe-{number:03}")))
                .collect(),
            security_severity,
            // A rule fires on what stands in the text only; what the engine asks or says about itself is no more sure than
            // what it was told.
            precision: if risk.engine { "medium" } else { "very-high" },
        },
    }
}

/// The section of a risk's page that says what to do.
fn what_to_do(body: &str) -> String {
    let section = body.split_once("## What to do\n").map_or(body, |(_, section)| section);
    section.split("\n## ").next().unwrap_or_default().trim().to_owned()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn region(range: &JsonRange) -> Region {
    Region {
        start_line: range.start.line + 1,
        start_column: Some(range.start.character + 1),
        end_line: range.end.line + 1,
        end_column: Some(range.end.character + 1),
    }
}

/// Where a file is: from the root of the repository, and only what is elsewhere from the root of the disk. What the root is
/// on this machine is not said; whoever reads the log knows their own.
fn artifact(path: &Path, root: &Root) -> ArtifactLocation {
    if let Some(relative) = root.relative(path) {
        return in_repository(&relative);
    }
    let absolute = absolute(path).unwrap_or_else(|| path.to_owned());
    let absolute = absolute.to_string_lossy().replace('\\', "/");
    ArtifactLocation { uri: format!("file:///{}", encoded(absolute.trim_start_matches('/'))), uri_base_id: None }
}

/// A path as part of a URI.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded() {
        assert_eq!(encoded("a b/ü#?%:.tf"), "a%20b/%C3%BC%23%3F%25%3A.tf");
    }

    #[test]
    fn every_risk_makes_a_rule() {
        for document in Catalogue::built_in().documents() {
            let rule = rule(document);
            let texts = [&rule.name, &rule.short_description.text, &rule.full_description.text, &rule.help.text];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", rule.id);
            assert!(!rule.help.text.contains("## "), "{}", rule.id);
        }
    }
}
