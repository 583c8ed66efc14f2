use crate::request::{predicate, statement};
use crate::signature::verify_as;
use crate::standing::SKEW;
use crate::{Signers, Unreadable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The type of the predicate of a decision about an incident.
pub const INCIDENT_TYPE: &str = "urn:countersign:incident:v1";

/// What part AI tools had in an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What an AI tool wrote or ran caused it.
    Primary,
    /// It would not have come to it, or not as far, without something that an AI tool wrote or ran.
    Contributory,
    /// AI tools were at work, and had nothing to do with it.
    Incidental,
    /// No AI tool had anything to do with what may have caused it.
    None,
    /// That is not known.
    Unknown,
}

impl Role {
    /// Every role, in the order of the type.
    pub const ALL: [Self; 5] = [Self::Primary, Self::Contributory, Self::Incidental, Self::None, Self::Unknown];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Contributory => "contributory",
            Self::Incidental => "incidental",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// What a person has decided about an incident: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncidentClosed {
    /// The name of the incident.
    pub incident: String,
    /// The digest of the bytes of its file.
    pub incident_sha256: String,
    /// What part AI tools had in it.
    pub role: Role,
    /// What caused it, in the words of whoever decides.
    pub cause: String,
    /// Why that is so.
    pub why: String,
    /// The AI tools that had that part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// When what caused it went live, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed_at: Option<Timestamp>,
    /// When it was noticed.
    pub detected_at: Timestamp,
    /// When it was undone, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_at: Option<Timestamp>,
    /// Who decides, as the signers' file names the person.
    pub by: String,
    /// When, in UTC.
    pub at: Timestamp,
}

impl IncidentClosed {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        statement((&self.incident, &self.incident_sha256), INCIDENT_TYPE, self)
    }

    /// Reads the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let read: Self = predicate(bytes, INCIDENT_TYPE)?;
        match read.refused() {
            Some(why) => Err(Unreadable::NotOfThisForm(why.to_owned())),
            None => Ok(read),
        }
    }

    /// Why it cannot be so; `None` where it can.
    pub fn refused(&self) -> Option<&'static str> {
        let is_before = |one: Option<Timestamp>, other: Option<Timestamp>| one.zip(other).is_some_and(|(a, b)| a < b);
        if is_before(Some(self.detected_at), self.deployed_at) {
            Some("it was noticed before it was deployed")
        } else if is_before(self.rolled_back_at, self.deployed_at) {
            Some("it was undone before it was deployed")
        } else if is_before(Some(self.at), Some(self.detected_at)) || is_before(Some(self.at), self.rolled_back_at) {
            Some("it was noticed or undone after this was decided")
        } else if self.why.trim().is_empty() || self.cause.trim().is_empty() {
            Some("it does not say what caused it and why")
        } else {
            None
        }
    }

    /// Reads a decision with its signature; an error says why it counts for nothing. `sha256` is the digest of the incident's file.
    pub fn signed(
        bytes: &[u8],
        signature: &[u8],
        (incident, sha256): (&str, &str),
        signers: &Signers,
        now: Timestamp,
    ) -> Result<Self, String> {
        let read = Self::read(bytes).map_err(|error| error.to_string())?;
        if read.incident != incident {
            return Err(format!("it is about {}", read.incident));
        }
        if read.incident_sha256 != sha256 {
            return Err("the incident's file is not what it was when this was signed".to_owned());
        }
        if read.at > now + SKEW {
            return Err("it is dated in the future".to_owned());
        }
        verify_as(&read.by, false, bytes, signature, signers, &[read.at])?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn closed() -> IncidentClosed {
        IncidentClosed {
            incident: "20261120-1a2b3c4d".to_owned(),
            incident_sha256: "00".to_owned(),
            role: Role::Primary,
            cause: "commit 1a2b3c4d".to_owned(),
            why: "it replaced the database".to_owned(),
            agents: vec!["claude".to_owned()],
            deployed_at: Some(at("2026-11-20T10:00:00Z")),
            detected_at: at("2026-11-20T10:20:00Z"),
            rolled_back_at: None,
            by: "bob@example.org".to_owned(),
            at: at("2026-11-21T10:00:00Z"),
        }
    }

    #[test]
    fn what_is_signed_comes_back() {
        let bytes = closed().to_bytes();
        assert_eq!(IncidentClosed::read(&bytes).ok(), Some(closed()));
        assert!(IncidentClosed::read(b"{}").is_err());
        let refused = IncidentClosed::signed(
            &bytes,
            b"",
            ("20261120-1a2b3c4d", "00"),
            &Signers::default(),
            at("2026-11-22T00:00:00Z"),
        );
        assert!(refused.is_err());
    }

    #[test]
    fn times_that_cannot_be_are_refused() {
        let early = IncidentClosed { detected_at: at("2026-11-20T09:00:00Z"), ..closed() };
        assert!(IncidentClosed::read(&early.to_bytes()).is_err());
        let undone = IncidentClosed { rolled_back_at: Some(at("2026-11-20T09:00:00Z")), ..closed() };
        assert_eq!(undone.refused(), Some("it was undone before it was deployed"));
        assert!(IncidentClosed { why: " ".to_owned(), ..closed() }.refused().is_some());
        assert_eq!(closed().refused(), None);
    }
}
