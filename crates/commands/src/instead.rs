//! What to do instead, in the words that many programs share.

pub(crate) const ASK: &str = "Say what is to be done and why, and let a person do it.";

pub(crate) const ASK_OR_CODE: &str =
    "Say what is to be done and why, and let a person do it, or change it in the infrastructure's code.";

pub(crate) const PERMISSIONS: &str =
    "Write the change of permissions into the infrastructure's code, where it is reviewed.";
