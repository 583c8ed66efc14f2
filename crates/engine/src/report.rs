//! Findings as JSON, the same from the command line and from the server. `docs/schemas/` has the schema, made from these
//! types.

use crate::analysis::{Finding, OriginSummary};
use countersign_policy::{Environment, EnvironmentEvidence, Origin, Severity, Verdict};
use countersign_provenance::Authority;
use countersign_text::{Encoding, LinePosition, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the format. A field that is added does not change it; one that goes or changes its meaning does.
pub const FORMAT_VERSION: u32 = 1;

/// What `countersign check --format json` prints.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonReport {
    /// Version of this format.
    pub version: u32,
    /// All findings, by path and place.
    pub findings: Vec<JsonFinding>,
    /// Risks of which it is not known whether they are there; with `--undecided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Vec<JsonGap>>,
    /// What could not be looked at.
    pub problems: Vec<JsonProblem>,
}

/// A risk of which it is not known whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonGap {
    /// The file, as given or found, with forward slashes.
    pub path: String,
    /// The value that is not known.
    pub range: JsonRange,
    /// Id of the risk.
    pub risk: String,
    /// Address of the resource.
    pub address: String,
    /// What would have to be known.
    pub needs: String,
}

/// A file or folder that could not be looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonProblem {
    /// As given or found.
    pub path: String,
    /// Why not, and what would help.
    pub message: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonFinding {
    /// The file, as given or found, with forward slashes.
    pub path: String,
    /// What to underline.
    pub range: JsonRange,
    /// Id of the risk.
    pub risk: String,
    /// Its area.
    pub area: String,
    /// How bad it is.
    pub severity: Severity,
    /// What policy says of it.
    pub verdict: Verdict,
    /// Who wrote the text that makes it so.
    pub origin: JsonOrigin,
    /// The resource, where the finding is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<JsonResource>,
    /// What is so and why it matters.
    pub message: String,
    /// What to do.
    pub help: String,
    /// A change that makes it safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<JsonFix>,
    /// Other places that have to do with it: where a value comes from, the other end of a connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<JsonRelated>,
    /// The environment that the resource belongs to.
    #[serde(default)]
    pub environment: Environment,
    /// What tells the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_by: Option<EnvironmentEvidence>,
}

/// A place that has to do with a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonRelated {
    /// The file.
    pub path: String,
    /// Where in it.
    pub range: JsonRange,
    /// What is there.
    pub message: String,
}

/// A zero-based line and a zero-based count of UTF-16 code units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonPosition {
    /// Zero-based line.
    pub line: usize,
    /// Zero-based UTF-16 code unit within the line.
    pub character: usize,
}

/// From a position up to and not including another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonRange {
    /// First position.
    pub start: JsonPosition,
    /// Position behind the last.
    pub end: JsonPosition,
}

/// Who wrote a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonOrigin {
    /// In one word.
    pub by: Origin,
    /// The AI tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// How we know: `declared`, `observed`, `reported` or `corrected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// A declared piece of infrastructure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JsonResource {
    /// Its type.
    pub kind: String,
    /// Its name in its language's convention.
    pub address: String,
}

/// A replacement of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonFix {
    /// What is replaced; empty for an insertion.
    pub range: JsonRange,
    /// What stands there afterwards.
    pub new_text: String,
}

impl JsonRange {
    /// A byte range of a text.
    pub fn new(text: &Text, range: &std::ops::Range<usize>) -> Self {
        let position = |offset| {
            let LinePosition { line, character } = text.position(offset, Encoding::Utf16);
            JsonPosition { line, character }
        };
        Self { start: position(range.start), end: position(range.end) }
    }
}

impl JsonFinding {
    /// A finding in a text. Other places are in other texts, so whoever has those adds them.
    pub fn new(path: &str, text: &Text, finding: &Finding) -> Self {
        Self {
            path: path.to_owned(),
            range: JsonRange::new(text, &finding.range),
            risk: finding.risk.to_owned(),
            area: finding.area.to_owned(),
            severity: finding.severity,
            verdict: finding.verdict,
            origin: JsonOrigin::from(&finding.origin),
            resource: finding.resource.as_ref().map(|resource| JsonResource {
                kind: resource.kind.to_string(),
                address: resource.address.to_string(),
            }),
            message: finding.message.to_string(),
            help: finding.help.to_string(),
            fix: finding
                .fix
                .as_ref()
                .map(|fix| JsonFix { range: JsonRange::new(text, &fix.range), new_text: fix.text.clone() }),
            related: Vec::new(),
            environment: finding.environment,
            environment_by: finding.environment_by,
        }
    }
}

impl From<&OriginSummary> for JsonOrigin {
    fn from(summary: &OriginSummary) -> Self {
        let agent = summary.evidence.as_ref().and_then(|origin| origin.agent());
        Self {
            by: summary.by,
            tool: agent.map(|agent| agent.tool.clone()),
            model: agent.and_then(|agent| agent.model.clone()),
            session: agent.and_then(|agent| agent.session.clone()),
            authority: summary.evidence.as_ref().map(|origin| authority_name(origin.authority).to_owned()),
        }
    }
}

/// The word for an authority.
pub fn authority_name(authority: Authority) -> &'static str {
    match authority {
        Authority::Declared => "declared",
        Authority::Observed => "observed",
        Authority::Reported => "reported",
        Authority::Corrected => "corrected",
    }
}
