use crate::request::{predicate, statement};
use crate::{Bound, Request, Unreadable};
use serde::{Deserialize, Serialize};

/// The type of an answer's predicate.
pub const ANSWER_TYPE: &str = "urn:countersign:review:v1";

/// What somebody says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may go on.
    Approve,
    /// It may not.
    Reject,
}

/// An answer to a request: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// The request's name.
    pub request_id: String,
    /// The digest of the request's bytes.
    pub request_sha256: String,
    /// What the request is about.
    pub bound: Bound,
    /// What is said.
    pub decision: Decision,
    /// Who says it, as the signers' file names the person.
    pub reviewer: String,
    /// When, in UTC.
    pub at: jiff::Timestamp,
    /// Until when it holds; for good where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<jiff::Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Answer {
    /// An answer to a request.
    pub fn to(request: &Request, decision: Decision, reviewer: &str, at: jiff::Timestamp) -> Self {
        Self {
            request_id: request.request_id.clone(),
            request_sha256: request.digest.clone(),
            bound: request.bound.clone(),
            decision,
            reviewer: reviewer.to_owned(),
            at,
            expires: None,
            why: String::new(),
        }
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        statement((&self.bound.path, &self.request_sha256), ANSWER_TYPE, self)
    }

    /// Reads the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        predicate(bytes, ANSWER_TYPE)
    }
}
