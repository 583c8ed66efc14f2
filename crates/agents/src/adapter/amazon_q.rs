//! Amazon Q Developer in a terminal.
//!
//! Source: `docs/hooks.md` of aws/amazon-q-developer-cli for the payload,
//! `crates/chat-cli/src/cli/chat/tools/fs_write.rs` for the arguments of `fs_write`. It was renamed Kiro, and the
//! payloads are the same.

use crate::json::Fields;
use crate::{Call, Refusal};

pub(super) fn read(payload: Fields<'_>) -> Result<Call, Refusal> {
    super::kiro::read(payload)
}
