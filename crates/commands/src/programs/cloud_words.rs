//! What the words of cloud programs and their interfaces mean: `delete`, `stop`, `purge`.

use crate::operation::Effect;

/// What a verb does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// It only reads, or changes nothing but this machine.
    Reads,
    /// It does this.
    Does(Effect),
    /// It does this, to little or so that it can be got back.
    DoesLesser(Effect),
    /// It changes something else: makes, updates, starts.
    Changes,
}

const READS: &[&str] = &[
    "get", "list", "describe", "show", "search", "read", "view", "find", "fetch", "query", "lookup", "check", "validate",
    "preview", "explain", "count", "wait", "watch", "tail", "export", "download", "diff", "plan", "status", "logs", "help",
    "resolve", "ls", "inspect", "print", "analyze", "estimate", "simulate", "test", "head", "stat", "scan", "history", "docs",
    "version", "whoami", "verify", "lint", "browse", "navigate", "screenshot", "snapshot", "detect", "compare", "summarize", "retrieve", "ask",
    "recommend", "suggest", "echo", "ping", "open", "exists", "discover", "calculate", "top", "can", "info", "select", "think",
];

const DESTROYS: &[&str] = &[
    "delete", "terminate", "destroy", "purge", "remove", "rm", "deprovision", "wipe", "erase", "drop", "flush", "decommission",
    "undeploy", "uninstall", "nuke", "del", "teardown", "unpublish", "obliterate", "expunge", "truncate", "release", "evict", "empty",
];

const INTERRUPTS: &[&str] = &[
    "stop", "reboot", "restart", "shutdown", "suspend", "pause", "disable", "failover", "deallocate", "drain", "detach",
    "deactivate", "halt", "kill", "poweroff", "hibernate", "unassign", "disassociate", "deregister", "rollback", "undo",
    "quarantine", "isolate", "cordon", "unregister", "switchover", "reset", "reimage", "redeploy",
];

const CHANGES: &[&str] = &[
    "create", "update", "put", "set", "apply", "write", "patch", "modify", "add", "start", "run", "execute", "exec", "deploy",
    "scale", "resize", "attach", "enable", "move", "rename", "copy", "send", "post", "push", "merge", "edit", "insert", "upload",
    "import", "invoke", "call", "trigger", "change", "replace", "restore", "promote", "grant", "revoke", "rotate", "register",
    "associate", "tag", "untag", "upsert", "migrate", "publish", "provision", "install", "upgrade", "sync", "save", "assign",
    "submit", "approve", "close", "archive", "cancel", "abort", "append", "transfer", "schedule", "configure", "mutate", "fork", "mark",
    "clear", "retry", "rerun", "dismiss", "resolve_thread", "commit",
];

/// What a word means as a verb; `None` where it is none that is known.
pub(crate) fn verb(word: &str) -> Option<Verb> {
    if READS.contains(&word) {
        Some(Verb::Reads)
    } else if DESTROYS.contains(&word) {
        Some(Verb::Does(Effect::Destroy))
    } else if INTERRUPTS.contains(&word) {
        Some(Verb::Does(Effect::Interrupt))
    } else if matches!(word, "cancel" | "abort" | "revoke" | "clear") {
        Some(Verb::DoesLesser(Effect::Interrupt))
    } else if CHANGES.contains(&word) {
        Some(Verb::Changes)
    } else {
        None
    }
}

/// Nouns that hold data, so that deleting one loses what is in it.
const DATA: &[&str] = &[
    "bucket", "object", "blob", "database", "db", "table", "volume", "snapshot", "disk", "backup", "recovery", "dataset",
    "sql", "storage", "index", "keyspace", "collection", "topic", "queue", "secret", "file", "filesystem", "instance-snapshot", "dynamodb",
];

/// The effect of deleting something of that name.
pub(crate) fn of_noun(effect: Effect, noun: &str) -> Effect {
    let data = noun.split('-').any(|part| DATA.contains(&part) || part.strip_suffix('s').is_some_and(|one| DATA.contains(&one)));
    if effect == Effect::Destroy && data { Effect::DataDelete } else { effect }
}
