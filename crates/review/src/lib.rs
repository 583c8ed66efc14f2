//! Requests for reviews, what they are bound to, and the signed answers to them.
//!
//! A request is a statement about exact content: a part of a file, sealed by the digest of its tokens ([`seal`]). An answer is a
//! statement of its own about that request ([`Answer`]), signed with an SSH key in the namespace [`NAMESPACE`], as
//! `ssh-keygen -Y sign` does it. Whose key it is says an `allowed_signers` file ([`Signers`]). Whether the answers to a request
//! are enough is worked out anew each time ([`standing`]), so nothing that stands in a file has to be believed.
//!
//! A command that was denied to a coding agent is let through by the same signatures ([`CommandApproval`]).
//!
//! What a person decides about an incident is signed in the same way ([`IncidentClosed`]).
//!
//! In an emergency somebody may let changes through alone, for some hours ([`BreakGlass`]), to be reviewed afterwards.

mod answer;
mod break_glass;
mod command;
mod evidence;
mod incident;
mod request;
mod seal;
mod signature;
mod signers;
mod standing;

pub use answer::{ANSWER_TYPE, Answer, Decision};
pub use break_glass::{BREAK_GLASS_TYPE, BreakGlass, Given, Rules};
pub use command::{COMMAND_TYPE, CommandApproval};
pub use evidence::{About as AboutEvidence, Done, EVIDENCE_NAMESPACE, EVIDENCE_TYPE, Evidence};
pub use incident::{INCIDENT_TYPE, IncidentClosed, Role};
pub use request::{About, Bound, REQUEST_TYPE, Region, Request, Unreadable};
pub use seal::{digest, seal};
pub use signature::{NAMESPACE, Refused, Signed, verify, verify_in};
pub use signers::{SignerProblem, Signers};
pub use standing::{Judged, Need, Standing, standing};

/// Bytes of a request, an answer or a signature that are read. What people sign is a few kilobytes.
pub const MAX_BYTES: usize = 1 << 20;
