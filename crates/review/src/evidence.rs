use crate::request::{predicate, statement};
use crate::signature::verify_in;
use crate::{Signers, Unreadable};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The type of the predicate of evidence.
pub const EVIDENCE_TYPE: &str = "urn:countersign:evidence:v1";

/// What `ssh-keygen -Y sign -n` is given for evidence. A key signs it only where its line among the signers names this namespace,
/// so that a person's key is none of a pipeline by the way.
pub const EVIDENCE_NAMESPACE: &str = "countersign-evidence";

/// How far the pipeline's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What was done with a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Done {
    /// It was tested.
    Tests,
    /// It was planned.
    Plan,
}

/// That something was done with a commit, and what came of it: what a pipeline signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// What was done.
    pub done: Done,
    /// The repository, as requests name it.
    pub repository: String,
    /// The commit, in full.
    pub commit: String,
    /// The file that holds the results, and its digest.
    pub results: String,
    /// SHA-256 of that, in hexadecimal digits.
    pub results_sha256: String,
    /// Whether it went well.
    pub passed: bool,
    /// What came of it, in a few words: `12 tests, 1 failed`.
    pub summary: String,
    /// When, in UTC.
    pub at: Timestamp,
}

/// What evidence has to be about to count.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The repository.
    pub repository: &'a str,
    /// The commit, in full.
    pub commit: &'a str,
    /// The digests of plans that are looked at; evidence of a plan is of one of these.
    pub plans: &'a [String],
}

impl Evidence {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        statement((&self.results, &self.results_sha256), EVIDENCE_TYPE, self)
    }

    /// Reads the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        predicate(bytes, EVIDENCE_TYPE)
    }

    /// Reads and judges evidence: what was done, or why it does not count.
    pub fn judged(
        bytes: &[u8],
        signature: &[u8],
        signers: &Signers,
        about: About<'_>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let evidence = Self::read(bytes).map_err(|error| error.to_string())?;
        verify_in(EVIDENCE_NAMESPACE, bytes, signature, signers, &[evidence.at, now])
            .map_err(|refused| refused.to_string())?;
        if evidence.at > now + SKEW {
            return Err("it is dated in the future".to_owned());
        }
        if evidence.repository != about.repository {
            return Err(format!(
                "it is of the repository `{}`, and this is `{}`",
                evidence.repository, about.repository
            ));
        }
        if evidence.commit != about.commit {
            return Err(format!("it is of the commit {}, and this is {}", evidence.commit, about.commit));
        }
        if evidence.done == Done::Plan && !about.plans.contains(&evidence.results_sha256) {
            return Err("it is of another plan than the one that is looked at (--plan)".to_owned());
        }
        if !evidence.passed {
            return Err(format!("it did not pass: {}", evidence.summary));
        }
        Ok(evidence)
    }
}
