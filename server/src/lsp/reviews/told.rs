//! What a client is told of the reviews of a repository.

use crate::cli::change_in_json;
use crate::disk::display;
use crate::git::{self, Git};
use crate::lsp::features::{to_range, to_wire};
use crate::lsp::protocol::WireRange;
use crate::review::{REVIEWS, Said, Situation, State, Told, email, word};
use countersign_text::{Encoding, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use tower_lsp::ls_types::Uri;

/// The requests for reviews of one repository, told anew whenever something of it is different. All of it is what the disk has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct ReviewsParams {
    /// The root of the repository, as a URI.
    pub(in crate::lsp) root: String,
    /// The e-mail address of who is at work here, as git says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) you: Option<String>,
    /// The requests, by name; none where the last one was taken away.
    pub(in crate::lsp) reviews: Vec<ReviewResult>,
    /// What could not be read, so that something may be missing.
    pub(in crate::lsp) problems: Vec<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct ReviewResult {
    /// Its name.
    pub(in crate::lsp) id: String,
    /// Its own file.
    pub(in crate::lsp) file: String,
    /// The file that it is about, which may be gone.
    pub(in crate::lsp) uri: String,
    /// The same from the root of the repository.
    pub(in crate::lsp) path: String,
    /// The resource; left out where it is no single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) address: Option<String>,
    /// Where that stands; left out where it does not, or where nothing of it is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) range: Option<WireRange>,
    /// Where the request stands.
    pub(in crate::lsp) state: State,
    /// Why it does not hold for what is there now, where it is `void` or `past`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) why_void: Option<String>,
    /// Those who had approved it before it became void, where no approval of the place counts now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lsp) voided: Vec<String>,
    /// What is to be known of the change, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) about: Option<String>,
    /// What policy wants for it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) needs: Option<String>,
    /// Who asks: name and address, as the request says it.
    pub(in crate::lsp) requested_by: String,
    /// When, in UTC.
    pub(in crate::lsp) requested_at: String,
    /// Why, as the request says it.
    pub(in crate::lsp) why: String,
    /// Who has answered.
    pub(in crate::lsp) answers: Vec<AnswerResult>,
    /// The addresses of the signers who may approve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lsp) who_may: Vec<String>,
    /// Whether who is at work here may approve it.
    pub(in crate::lsp) may_approve: bool,
    /// Whether they may reject it.
    pub(in crate::lsp) may_reject: bool,
    /// Why they may not approve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) why_not: Option<String>,
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct AnswerResult {
    /// Who, by the signature; the answer's file where it does not count.
    pub(in crate::lsp) who: String,
    /// `approved` or `rejected`; left out where it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) said: Option<String>,
    /// When, in UTC; only where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) at: Option<String>,
    /// Why, in the words of who has answered; only where it counts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(in crate::lsp) why: String,
    /// Why it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::lsp) does_not_count: Option<String>,
}

impl ReviewsParams {
    /// That there are none.
    pub(super) fn none(root: &Path) -> Self {
        Self { root: uri(root), you: None, reviews: Vec::new(), problems: Vec::new() }
    }

    /// Those of a work tree as it is on disk.
    pub(super) fn of(root: &Path, encoding: Encoding) -> anyhow::Result<Self> {
        let situation = Situation::of_work_tree(&Git::of(root)?, None, &[])?;
        let you = git::author(&root.join("-")).as_deref().and_then(email).map(str::to_owned);
        let mut texts: HashMap<String, Text> = HashMap::new();
        let reviews = situation.told(you.as_deref());
        let reviews = reviews.into_iter().map(|told| {
            let path = told.request.bound.path.clone();
            let text = texts.entry(path).or_insert_with_key(|path| text_of(&root.join(path)));
            ReviewResult::of(root, &situation, told, text, encoding)
        });
        let reviews = reviews.collect();
        let own = situation.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
        let of_reviews = situation.reviews.problems.iter().map(|(path, why)| format!("{path}: {why}"));
        Ok(Self { root: uri(root), you, reviews, problems: own.chain(of_reviews).collect() })
    }

    /// Whether there is nothing to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.reviews.is_empty() && self.problems.is_empty()
    }
}

impl ReviewResult {
    fn of(root: &Path, situation: &Situation, told: Told<'_>, text: &Text, encoding: Encoding) -> Self {
        let Told { request, change, state, why_void, answers, voided, refused: [no_approval, no_rejection] } = told;
        let bound = &request.bound;
        let range = change.and_then(|change| change.ranges.first()).map(|range| super::shown::trimmed(text, range));
        let json = change.and_then(|change| change_in_json(situation, change));
        let (about, needs) = json.map(|json| (json.in_words(), json.needs().to_owned())).unzip();
        let is_open = matches!(state, State::Waiting | State::Rejected);
        let who_may = change.filter(|_| is_open).map(|change| situation.who_may(change));
        let is_here = matches!(state, State::Waiting | State::Approved | State::Rejected);
        Self {
            id: request.request_id.clone(),
            file: uri(&root.join(REVIEWS).join(format!("{}.json", request.request_id))),
            uri: uri(&root.join(&bound.path)),
            path: bound.path.clone(),
            address: bound.address.clone(),
            range: range.map(|range| to_wire(&to_range(text, encoding, &range))),
            state,
            why_void,
            voided,
            about,
            needs,
            requested_by: request.requested_by.clone(),
            requested_at: request.requested_at.to_string(),
            why: request.why.clone(),
            answers: answers.into_iter().map(AnswerResult::of).collect(),
            who_may: who_may.unwrap_or_default(),
            may_approve: is_here && no_approval.is_none(),
            may_reject: is_here && no_rejection.is_none(),
            why_not: no_approval,
        }
    }

    /// What it is about, in short.
    pub(super) fn place(&self) -> &str {
        self.address.as_deref().unwrap_or(&self.path)
    }
}

impl AnswerResult {
    fn of(said: Said) -> Self {
        Self {
            who: said.who,
            said: said.decision.map(|decision| word(decision).to_owned()),
            at: said.at.map(|at| at.to_string()),
            why: said.why,
            does_not_count: said.refused,
        }
    }
}

fn uri(path: &Path) -> String {
    Uri::from_file_path(path).map_or_else(|| display(path), |uri| uri.as_str().to_owned())
}

fn text_of(file: &Path) -> Text {
    let content = std::fs::read(file).unwrap_or_default();
    Text::from(String::from_utf8_lossy(&content).as_ref())
}
