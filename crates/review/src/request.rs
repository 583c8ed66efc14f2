use crate::{MAX_BYTES, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type of a request's predicate.
pub const REQUEST_TYPE: &str = "urn:countersign:review-request:v1";

/// The type of a statement of in-toto (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>).
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Why a file of a review says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More than [`MAX_BYTES`].
    #[error("it has {0} bytes, and at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// No JSON, or not of this form.
    #[error("{0}")]
    NotOfThisForm(String),
    /// A statement about something else.
    #[error("it is a statement of the type {found:?}, and not {wanted:?}")]
    OtherType {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
}

/// What a request and its answers are bound to: that change of that part of that file of that repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bound {
    /// The repository: host and path of its remote, without the way there; empty where it has none.
    pub repository: String,
    /// The file, from the root of the repository, with forward slashes.
    pub path: String,
    /// The resource; `None` where the whole file is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// [`crate::seal`] of the resource, or of the file, before; left out where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_sha256: Option<String>,
    /// The same afterwards; left out where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_sha256: Option<String>,
}

impl Bound {
    /// Why what is here is not what is bound; `None` where it is.
    pub fn differs(&self, here: &Self) -> Option<String> {
        if self.repository != here.repository {
            let name = |name: &str| if name.is_empty() { "one without a remote".to_owned() } else { name.to_owned() };
            Some(format!(
                "it is about the repository {}, and this is {}",
                name(&self.repository),
                name(&here.repository)
            ))
        } else if (&self.path, &self.address) != (&here.path, &here.address) {
            Some(format!("it is about {}, and not about {}", self.place(), here.place()))
        } else if self.to_sha256 != here.to_sha256 {
            let what = if here.to_sha256.is_some() { "has changed since" } else { "is gone since" };
            Some(format!("{} {what}", self.place()))
        } else if self.from_sha256 != here.from_sha256 {
            Some(format!("{} was another one before than the one that it is about: the base has moved", self.place()))
        } else {
            None
        }
    }

    /// Where that is, for people.
    pub fn place(&self) -> String {
        match &self.address {
            Some(address) => format!("{address} in {}", self.path),
            None => self.path.clone(),
        }
    }

    /// The name of a request for a review of this: 16 hexadecimal digits, the same for the same content.
    pub fn id(&self) -> String {
        let seals = [&self.address, &self.from_sha256, &self.to_sha256].map(|part| part.as_deref().unwrap_or_default());
        let parts = [self.repository.as_str(), self.path.as_str()].into_iter().chain(seals);
        let mut all = String::new();
        for part in parts {
            all.push_str(&part.len().to_string());
            all.push('\n');
            all.push_str(part);
            all.push('\n');
        }
        digest(all.as_bytes())[..16].to_owned()
    }
}

/// A request for a review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Its name: [`Bound::id`].
    pub request_id: String,
    /// What it is about.
    pub bound: Bound,
    /// Where that stood when the review was asked for: nothing but a help to find it.
    pub region: Region,
    /// What was found, as `check --format json` says it.
    #[serde(default)]
    pub findings: Vec<Value>,
    /// What was known of the place when the review was asked for; nothing but a help, for it is worked out anew.
    #[serde(default)]
    pub about: About,
    /// Who asks: name and e-mail address.
    pub requested_by: String,
    /// When, in UTC.
    pub requested_at: jiff::Timestamp,
    /// Why.
    pub why: String,
    /// The digest of the bytes that it was read from, which answers name.
    #[serde(skip)]
    pub digest: String,
}

/// What is known of a change, for whoever reads the request: none of it is believed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    /// How much the place matters: `critical`, `high`, `standard` or `low`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tier: Value,
    /// The environment that it belongs to.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub environment: Value,
    /// Who wrote it: `ai`, `mixed`, `human` or `unknown`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub origin: Value,
    /// What happens to what is live: `action`, `dataLoss`, `dependents`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub impact: Value,
    /// What policy wants for it, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub needs: String,
    /// Who is asked: addresses of signers who may answer, and owners by CODEOWNERS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requested_from: Vec<String>,
    /// The digest of the `countersign.toml` that said so; of the defaults where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy_sha256: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// The file, from the root of the repository, with forward slashes.
    pub path: String,
    /// As in LSP, in UTF-16 code units.
    pub range: Value,
    /// The digest of the text that stood there.
    pub content_sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: P,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: SubjectDigest,
}

#[derive(Serialize, Deserialize)]
struct SubjectDigest {
    sha256: String,
}

/// A statement of a type about a file, as bytes: the same content gives the same bytes.
pub(crate) fn statement<P: Serialize>(subject: (&str, &str), predicate_type: &str, predicate: P) -> Vec<u8> {
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: subject.0.to_owned(), digest: SubjectDigest { sha256: subject.1.to_owned() } }],
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    let mut bytes = serde_json::to_vec_pretty(&statement).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The predicate of a statement of a type.
pub(crate) fn predicate<P: for<'de> Deserialize<'de>>(bytes: &[u8], wanted: &'static str) -> Result<P, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge(bytes.len()));
    }
    let broken = |error: serde_json::Error| Unreadable::NotOfThisForm(error.to_string());
    // Its type first, so that another statement is told from a broken one.
    let statement: Statement<Value> = serde_json::from_slice(bytes).map_err(broken)?;
    if statement.subject.len() != 1 {
        return Err(Unreadable::NotOfThisForm("it is about no file, or about several".to_owned()));
    }
    for (found, wanted) in [(&statement.kind, STATEMENT_TYPE), (&statement.predicate_type, wanted)] {
        if found != wanted {
            return Err(Unreadable::OtherType { found: found.chars().take(100).collect(), wanted });
        }
    }
    serde_json::from_value(statement.predicate).map_err(broken)
}

impl Request {
    /// The bytes of its file. `file` is the digest of the whole file that it is about.
    pub fn to_bytes(&self, file: &str) -> Vec<u8> {
        statement((&self.bound.path, file), REQUEST_TYPE, self)
    }

    /// Reads the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let request: Self = predicate(bytes, REQUEST_TYPE)?;
        if request.request_id != request.bound.id() {
            return Err(Unreadable::NotOfThisForm("its name is not that of what it is about".to_owned()));
        }
        Ok(Self { digest: digest(bytes), ..request })
    }
}
