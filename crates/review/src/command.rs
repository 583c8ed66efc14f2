use crate::request::{predicate, statement};
use crate::signature::verify_as;
use crate::standing::SKEW;
use crate::{Signed, Signers, Unreadable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The type of the predicate of an agreement to a command.
pub const COMMAND_TYPE: &str = "urn:countersign:command:v1";

/// That somebody lets a command through once that was denied to a coding agent: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandApproval {
    /// The request's name.
    pub request_id: String,
    /// The digest of the request's bytes: of who asks, where, until when, and of what the command would do.
    pub request_sha256: String,
    /// The command, as a shell takes it.
    pub command: String,
    /// Who agrees, as the signers' file names the person.
    pub reviewer: String,
    /// When, in UTC.
    pub at: Timestamp,
}

impl CommandApproval {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        statement((&self.request_id, &self.request_sha256), COMMAND_TYPE, self)
    }

    /// Reads the bytes of such a statement.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        predicate(bytes, COMMAND_TYPE)
    }

    /// Reads and judges one with its signature: what was agreed to and with which key, or why it does not count. `request` is the
    /// digest of the request that is looked at; `hardware` says whether only keys in hardware count.
    pub fn judged(
        bytes: &[u8],
        signature: &[u8],
        request: &str,
        signers: &Signers,
        hardware: bool,
        now: Timestamp,
    ) -> Result<(Self, Signed), String> {
        let read = Self::read(bytes).map_err(|error| error.to_string())?;
        let signed = verify_as(&read.reviewer, hardware, bytes, signature, signers, &[read.at, now])?;
        if read.request_sha256 != request {
            return Err("it agrees to another request, or to this one before it was changed".to_owned());
        }
        if read.at > now + SKEW {
            return Err("it is dated in the future".to_owned());
        }
        Ok((read, signed))
    }
}
