//! What the hooks of coding agents say: one file per agent, in `adapter`.
//!
//! An agent calls a hook before and after it uses a tool, and gives it one JSON object on standard input. [`read`]
//! turns that object into a [`Call`]: which agent, which session, which files, which text. [`Answer::reply`] turns an answer
//! into what the agent expects of its hook. This crate must not touch files, git or a clock, and decides nothing: whether an
//! edit is allowed and whose text it becomes is for others to say.

mod adapter;
mod answer;
mod blocks;
mod call;
mod identify;
mod json;
mod kind;
mod patch;
mod refusal;
mod sample;

pub use answer::{Answer, Reply};
pub use call::{Action, Call, Change, Edit, MAX_PATH_BYTES, Moment, Replacement, Span};
pub use json::MAX_PAYLOAD_BYTES;
pub use kind::{AgentKind, UnknownAgent};
pub use refusal::Refusal;
pub use sample::{Sample, SamplePayload, sample};

/// What one call of a hook says. `agent` is the agent whose hook was configured, `payload` what came on standard input.
///
/// Some agents also run the hooks that were configured for another. Where the fields of the payload say so, the
/// [`Call`] names the agent that really called; where `agent` cannot have been called in that way, the answer is
/// [`Refusal::OtherAgent`]. Events and tools that are not known are no error: they give [`Action::Nothing`] and
/// [`Action::Tool`].
pub fn read(agent: AgentKind, payload: &[u8]) -> Result<Call, Refusal> {
    let object = json::parse(payload)?;
    let agent = identify::sender(agent, &object)?;
    let call = adapter::read(json::Fields::new(agent, &object))?;
    call.path_that_is_too_long().map_or(Ok(()), |path| Err(Refusal::path_too_long(agent, path)))?;
    Ok(call)
}
