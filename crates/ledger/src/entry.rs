//! Entries, what they hold, and their hash.

use crate::hash::{BadHash, Hash};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Bytes of a body, as JSON without white space.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// Bytes of any other text of an entry: long enough for every path that a system allows.
pub const MAX_TEXT_BYTES: usize = 32 << 10;

/// Opens every hash, so that it is none of something else.
const DOMAIN: &[u8] = b"countersign ledger 1";

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text came in from an AI tool.
    Insertion,
    /// A person or a file declared who wrote a text.
    Tag,
    /// A person corrected what was known before.
    Correction,
    /// A risk was seen.
    Finding,
    /// Policy said what follows from a risk.
    Verdict,
    /// What an agent said of a text cannot be matched with it, so it counts for nothing.
    Unmatched,
    /// The head of the chain was written down elsewhere.
    Anchor,
    /// A command that was denied was requested, approved, declined or used.
    Approval,
    /// An agent has run a command or called a tool.
    Command,
    /// What an agent does is out of the ordinary.
    Anomaly,
    /// What an AI tool wrote was taken back.
    Revert,
    /// What a newer version of Countersign may write.
    Other(String),
}

impl Kind {
    /// As it stands in the table.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Insertion => "insertion",
            Self::Tag => "tag",
            Self::Correction => "correction",
            Self::Finding => "finding",
            Self::Verdict => "verdict",
            Self::Unmatched => "unmatched",
            Self::Anchor => "anchor",
            Self::Approval => "approval",
            Self::Command => "command",
            Self::Anomaly => "anomaly",
            Self::Revert => "revert",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Kind {
    fn from(text: &str) -> Self {
        let known = [
            Self::Insertion,
            Self::Tag,
            Self::Correction,
            Self::Finding,
            Self::Verdict,
            Self::Unmatched,
            Self::Anchor,
            Self::Approval,
            Self::Command,
            Self::Anomaly,
            Self::Revert,
        ];
        known.into_iter().find(|kind| kind.as_str() == text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// When, in milliseconds since 1970 in UTC. Nothing asks that it grows.
    pub at: i64,
    /// What it is about.
    pub kind: Kind,
    /// The AI tool. Cannot be erased.
    pub agent: Option<String>,
    /// Name of the person, which can be erased.
    pub person: Option<String>,
    /// Path of the file, which can be erased.
    pub file: Option<String>,
    /// Everything else. Cannot be erased, so neither a person nor a file is named in it.
    pub body: Value,
}

/// What was appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place in the chain; the first is 1.
    pub number: u64,
    /// When, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// What it is about.
    pub kind: Kind,
    /// The AI tool.
    pub agent: Option<String>,
    /// The person.
    pub person: Option<Named>,
    /// The file.
    pub file: Option<Named>,
    /// Everything else.
    pub body: Value,
    /// Hash of the entry before.
    pub previous: Hash,
    /// Hash of this entry.
    pub hash: Hash,
}

/// Somebody or something by name, which may have been erased.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Named {
    /// What the entry holds: the same for every entry until the name is erased.
    pub commitment: Hash,
    /// What is known of the name.
    pub name: Name,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// The name that the entry was appended with.
    Known(String),
    /// It was erased.
    Erased,
    /// There is a name, and the entry was not appended with it.
    False,
}

impl Named {
    /// What a commitment and the row of names that stands for it say.
    pub(crate) fn new(commitment: Hash, salt: Option<&[u8]>, name: Option<&[u8]>) -> Self {
        let name = match (salt, name) {
            (None, None) => Name::Erased,
            (Some(salt), Some(name)) if commit(salt, name) == commitment => {
                str::from_utf8(name).map_or(Name::False, |name| Name::Known(name.to_owned()))
            }
            _ => Name::False,
        };
        Self { commitment, name }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.commitment.to_string().chars().take(8).collect();
        match &self.name {
            Name::Known(name) => f.write_str(name),
            Name::Erased => write!(f, "(name erased, {short})"),
            Name::False => write!(f, "(name changed after it was recorded, {short})"),
        }
    }
}

/// The commitment to a name. The salt has always the same length, so no other pair gives the same bytes.
pub(crate) fn commit(salt: &[u8], name: &[u8]) -> Hash {
    Sha256::new_with_prefix(salt).chain_update(name).into()
}

/// An entry's number and hash, to be kept where whoever writes the ledger cannot reach it. As text `12:<64 hex digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Anchor {
    /// The entry.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for Anchor {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let (number, hash) = text.split_once(':').ok_or(BadHash)?;
        Ok(Self { number: number.parse().map_err(|_| BadHash)?, hash: hash.parse()? })
    }
}

/// What is hashed of an entry but for its number, as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) previous: Hash,
    pub(crate) at: i64,
    pub(crate) kind: &'a [u8],
    pub(crate) agent: Option<&'a [u8]>,
    pub(crate) person: Option<&'a [u8]>,
    pub(crate) file: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
}

impl Fields<'_> {
    /// Everything up to the number, which stands last.
    pub(crate) fn seal(&self) -> Seal {
        let mut state = Sha256::new_with_prefix(DOMAIN);
        state.update(self.previous.0);
        state.update(self.at.to_be_bytes());
        text(&mut state, self.kind);
        for field in [self.agent, self.person, self.file] {
            state.update([u8::from(field.is_some())]);
            if let Some(field) = field {
                text(&mut state, field);
            }
        }
        text(&mut state, self.body);
        Seal(state)
    }
}

fn text(state: &mut Sha256, text: &[u8]) {
    state.update((text.len() as u64).to_be_bytes());
    state.update(text);
}

/// An entry hashed but for its number.
pub(crate) struct Seal(Sha256);

impl Seal {
    /// The hash of the entry with this number.
    pub(crate) fn hash(&self, number: u64) -> Hash {
        self.0.clone().chain_update(number.to_be_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ledgers live longer than versions: this hash was worked out from the description by other means.
    #[test]
    fn the_encoding_stays() {
        let fields = Fields {
            previous: Hash::ZERO,
            at: 1_700_000_000_000,
            kind: b"tag",
            agent: Some(b"claude"),
            person: None,
            file: Some(&[7; 32]),
            body: br#"{"a":1}"#,
        };
        assert_eq!(
            fields.seal().hash(1).to_string(),
            "9bbeb13d90a3178e27a3dc8d4cef12be80ba3ac19ff53f9564ced89bcdb452f4"
        );
    }

    #[test]
    fn anchors_are_read_as_they_are_shown() {
        let anchor = Anchor { number: 12, hash: Hash([0xab; 32]) };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        assert_eq!("12".parse::<Anchor>(), Err(BadHash));
    }
}
