//! Who was asked about a place, and what was said: by the ledger, and by the requests and signed answers in a work tree.

use crate::git::Git;
use crate::review::Reviews;
use countersign_ledger::{Entry, Name, Named};
use countersign_policy::Config;
use countersign_review::{Answer, Signers, verify};
use serde_json::Value;

/// That somebody was asked or has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The file, as [`key`] has it.
    pub(crate) file: String,
    /// The resource; `None` for what has no address.
    pub(crate) address: Option<String>,
    /// When, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Whether it is an answer, and not a question.
    pub(crate) is_answer: bool,
}

/// What a file is told by: its path from the root, or where that was erased its digest.
pub(crate) fn key(file: &Named) -> String {
    match &file.name {
        Name::Known(name) => name.clone(),
        Name::Erased | Name::False => file.commitment.to_string(),
    }
}

impl Said {
    /// What an entry of the kind `approval` says of a review. An answer also says when it was asked for.
    pub(crate) fn of(entry: &Entry) -> Vec<Self> {
        let word = |name: &str| entry.body.get(name).and_then(Value::as_str);
        let Some((file, state)) = entry.file.as_ref().zip(word("state")).filter(|_| word("review").is_some()) else {
            return Vec::new();
        };
        let is_answer = match state {
            "requested" => false,
            "approved" | "rejected" => true,
            _ => return Vec::new(),
        };
        let of = |at, is_answer| Self { file: key(file), address: word("address").map(str::to_owned), at, is_answer };
        let asked = entry.body.get("requestedAt").and_then(Value::as_i64).map(|at| of(at, false));
        asked.into_iter().chain([of(entry.at, is_answer)]).collect()
    }

    /// Whether it is about a resource, or about what holds it.
    pub(crate) fn is_about(&self, address: Option<&str>) -> bool {
        match (self.address.as_deref(), address) {
            (None, None) => true,
            (Some(own), Some(address)) => {
                address.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            }
            _ => false,
        }
    }
}

/// What the requests of a work tree and the answers to them say. An answer counts where the signers of the work tree know its key.
pub(crate) fn said_in_files(git: &Git, config: &Config) -> Vec<Said> {
    let reviews = Reviews::on_disk(git.root());
    let signers = std::fs::read(git.root().join(&config.review.signers)).unwrap_or_default();
    let (signers, _) = Signers::read(&String::from_utf8_lossy(&signers));
    let mut said = Vec::new();
    for request in reviews.requests() {
        let of = |at: jiff::Timestamp, is_answer| Said {
            file: request.bound.path.clone(),
            address: request.bound.address.clone(),
            at: at.as_millisecond(),
            is_answer,
        };
        said.push(of(request.requested_at, false));
        for (_, bytes, signature) in reviews.answers(&request.request_id) {
            let Ok(answer) = Answer::read(&bytes) else { continue };
            let is_of = answer.request_id == request.request_id && answer.bound == request.bound;
            if is_of && verify(&bytes, &signature, &signers, &[answer.at]).is_ok() {
                said.push(of(answer.at, true));
            }
        }
    }
    said
}
