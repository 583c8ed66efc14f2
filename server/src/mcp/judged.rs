//! What policy says of what an agent is about to do, as a tool answers it.

use crate::proposal::Judgement;
use countersign_agents::Answer;
use countersign_policy::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// Reasons that are listed; the rest is counted.
const MAX_REASONS: usize = 50;

/// What policy says of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged {
    /// What follows. `unknown` where it could not be judged.
    verdict: JsonVerdict,
    /// What the agent's hook answers to the same: `pass`, `tell` (goes on, with this reason), `ask` (a person is asked), `deny`.
    hook: HookAnswer,
    /// All of it in a few lines.
    message: String,
    /// Why, the gravest first.
    reasons: Vec<JsonReason>,
    /// Reasons that are not listed because there are too many.
    left_out: usize,
    /// What could not be judged, and why. Nothing is known of that.
    unjudged: Vec<String>,
}

/// What follows.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum JsonVerdict {
    /// Nothing to say.
    Allow,
    /// To be known.
    Note,
    /// A person has to look at it.
    Review,
    /// Not to be done.
    Deny,
    /// It could not be judged.
    Unknown,
}

/// What a hook answers.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum HookAnswer {
    /// Nothing: the agent goes on.
    Pass,
    /// The agent goes on and is told.
    Tell,
    /// A person is asked, where the agent can ask.
    Ask,
    /// The agent does not go on.
    Deny,
}

/// One reason.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonReason {
    /// What follows from this alone.
    verdict: Verdict,
    /// What is so and why it matters.
    what: String,
    /// What to do instead.
    instead: String,
    /// The risk, which `explain_risk` explains; of a command its effect, as in `command/destroy`.
    id: String,
}

impl Judged {
    /// `unread` says which files have a content of which nothing is known, because Countersign does not read such.
    pub(super) fn new(judgement: &Judgement, unread: Vec<String>) -> Self {
        let sayings = judgement.sayings();
        let reasons = sayings.iter().take(MAX_REASONS).map(|saying| JsonReason {
            verdict: saying.verdict,
            what: saying.what.clone(),
            instead: saying.instead.clone(),
            id: saying.id.clone(),
        });
        let unjudged: Vec<String> = judgement.unjudged.iter().cloned().chain(unread).collect();
        let verdict = match judgement.verdict() {
            Verdict::Allow if !unjudged.is_empty() => JsonVerdict::Unknown,
            Verdict::Allow => JsonVerdict::Allow,
            Verdict::Note => JsonVerdict::Note,
            Verdict::Review => JsonVerdict::Review,
            Verdict::Deny => JsonVerdict::Deny,
        };
        let (hook, message) = match judgement.answer() {
            Answer::Pass if unjudged.is_empty() => (HookAnswer::Pass, "Countersign has nothing to say.".to_owned()),
            Answer::Pass => {
                let unjudged = unjudged.join(". ");
                (HookAnswer::Pass, format!("Countersign has nothing to say of what it judged. Not judged: {unjudged}."))
            }
            Answer::Tell(text) => (HookAnswer::Tell, text),
            Answer::Ask(text) => (HookAnswer::Ask, text),
            Answer::Deny(text) => (HookAnswer::Deny, text),
        };
        let left_out = sayings.len().saturating_sub(MAX_REASONS);
        Self { verdict, hook, message, reasons: reasons.collect(), left_out, unjudged }
    }
}
