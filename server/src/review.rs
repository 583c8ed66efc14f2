//! The request for a review: a statement about exact content, in a file that is committed with the change.

use countersign_engine::report::{JsonFinding, JsonRange};
use countersign_provenance::sha256;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where requests stand, from the root of the repository.
pub(crate) const REVIEWS: &str = ".countersign/reviews";

/// A request for a review.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The file, from the root of the repository.
    pub(crate) path: &'a str,
    /// All of the file's text.
    pub(crate) text: &'a str,
    /// The text that is to be looked at, and where it stands.
    pub(crate) part: &'a str,
    pub(crate) range: JsonRange,
    /// What was found in it.
    pub(crate) findings: &'a [JsonFinding],
    /// Who asks.
    pub(crate) requested_by: &'a str,
    /// Why.
    pub(crate) why: &'a str,
    /// When, in UTC.
    pub(crate) at: jiff::Timestamp,
}

impl Request<'_> {
    /// The name of the request: the same content and risks give the same.
    pub(crate) fn id(&self) -> String {
        let risks: Vec<_> = self.findings.iter().map(|finding| finding.risk.as_str()).collect();
        let name = sha256(&format!("{}\n{}\n{}", self.path, sha256(self.part), risks.join(",")));
        name[..16].to_owned()
    }

    /// The file that holds the request, from the root of the repository.
    pub(crate) fn file(&self, root: &Path) -> PathBuf {
        root.join(REVIEWS).join(format!("{}.json", self.id()))
    }

    /// The request as an in-toto statement.
    pub(crate) fn statement(&self) -> String {
        #[derive(Serialize)]
        struct Statement {
            #[serde(rename = "_type")]
            kind: &'static str,
            subject: Value,
            #[serde(rename = "predicateType")]
            predicate_type: &'static str,
            predicate: Value,
        }
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "risk": finding.risk,
                    "severity": finding.severity,
                    "verdict": finding.verdict,
                    "resource": finding.resource,
                    "origin": finding.origin,
                    "range": finding.range,
                    "message": finding.message,
                })
            })
            .collect();
        let statement = Statement {
            kind: "https://in-toto.io/Statement/v1",
            subject: json!([{ "name": self.path, "digest": { "sha256": sha256(self.text) } }]),
            predicate_type: "urn:countersign:review-request:v1",
            predicate: json!({
                "requestId": self.id(),
                "region": { "path": self.path, "range": self.range, "contentSha256": sha256(self.part) },
                "findings": findings,
                "requestedBy": self.requested_by,
                "requestedAt": self.at.to_string(),
                "why": self.why,
            }),
        };
        format!("{}\n", serde_json::to_string_pretty(&statement).unwrap_or_default())
    }
}
