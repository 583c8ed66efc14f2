//! Who has to agree before an agent runs a command that was denied.

use crate::environment::Environment;
use countersign_agents::AgentKind;
use countersign_commands::Effect;
use globset::{Glob, GlobBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// `[[approval]]`: one row of the table of who lets a denied command through. Conditions, all of which must hold, and who then
/// has to agree. A condition that is left out holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRow {
    /// What becomes of what is hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Vec<Effect>>,
    /// The environment that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// Which agent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Vec<AgentKind>>,
    /// How many people have to agree.
    pub people: NonZeroU32,
    /// Who may: e-mail addresses as git has them, `*` for any text. Anybody where none is named.
    #[serde(default)]
    pub by: Vec<String>,
    /// Whether the one may in whose name the agent works: whose e-mail address git has where it was requested.
    #[serde(default = "yes")]
    pub own: bool,
    /// For how many minutes after it was requested it holds.
    #[serde(default = "hour")]
    pub minutes: NonZeroU32,
}

fn yes() -> bool {
    true
}

fn hour() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(59)
}

/// What is asked for a command as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// How many people have to agree.
    pub people: usize,
    /// For how many minutes after it was requested it holds.
    pub minutes: u32,
    /// Whether the one may in whose name the agent works.
    pub own: bool,
    /// Who may, list by list: a person has to be in each that is not empty.
    pub by: Vec<Vec<String>>,
}

impl Approval {
    /// All that is asked for any of the operations. Where no row holds, nobody can agree.
    pub(crate) fn of(
        rows: &[ApprovalRow],
        agent: AgentKind,
        operations: impl IntoIterator<Item = (Effect, Environment)>,
    ) -> Self {
        let mut all = Self { people: 1, minutes: u32::MAX, own: true, by: Vec::new() };
        for (effect, environment) in operations {
            let holds = |row: &&ApprovalRow| {
                row.effect.as_ref().is_none_or(|effects| effects.contains(&effect))
                    && row.environment.as_ref().is_none_or(|environments| environments.contains(&environment))
                    && row.agent.as_ref().is_none_or(|agents| agents.contains(&agent))
            };
            let Some(row) = rows.iter().find(holds) else {
                all.people = usize::MAX;
                continue;
            };
            all.people = all.people.max(usize::try_from(row.people.get()).unwrap_or(usize::MAX));
            all.minutes = all.minutes.min(row.minutes.get());
            all.own &= row.own;
            if !row.by.is_empty() && !all.by.contains(&row.by) {
                all.by.push(row.by.clone());
            }
        }
        all
    }

    /// Whether a person may agree, by the e-mail address; `None` where so, else why not. `worker` is the address of the one in
    /// whose name the agent works, where that is known.
    pub fn refuses(&self, email: &str, worker: Option<&str>) -> Option<String> {
        let is = |pattern: &String| {
            let glob = GlobBuilder::new(&pattern.to_lowercase()).build().map(|glob: Glob| glob.compile_matcher());
            glob.is_ok_and(|glob| glob.is_match(email.to_lowercase()))
        };
        if !self.by.iter().all(|list| list.iter().any(is)) {
            return Some(format!("`by` of countersign.toml does not name {email}"));
        }
        let is_own = worker.is_none_or(|worker| worker.eq_ignore_ascii_case(email));
        (!self.own && is_own).then(|| match worker {
            Some(_) => format!("the agent works in the name of {email}, and `own = false` of countersign.toml asks for somebody else"),
            None => "`own = false` of countersign.toml asks for somebody else than the one in whose name the agent works, and nobody \
                     knows who that is: git has no `user.email` where the command was requested"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn all_that_is_asked_for_any_of_them() {
        let (config, problems) = Config::read(
            "[[approval]]\nenvironment = [\"production\"]\npeople = 2\nby = [\"*@ops.example\"]\nown = false\n\
             [[approval]]\neffect = [\"data-delete\"]\npeople = 1\nby = [\"dba@ops.example\", \"cto@example\"]\nminutes = 10\n",
        );
        assert_eq!(problems, []);
        let asked =
            |operations: &[(Effect, Environment)]| config.approval(AgentKind::Codex, operations.iter().copied());
        let default = asked(&[(Effect::Destroy, Environment::Staging)]);
        assert_eq!((default.people, default.minutes, default.own), (1, 60, true));
        assert_eq!(default.refuses("ann@example", Some("ann@example")), None);
        let both = asked(&[(Effect::Destroy, Environment::Production), (Effect::DataDelete, Environment::Staging)]);
        assert_eq!((both.people, both.minutes, both.own), (2, 10, false));
        assert_eq!(both.refuses("DBA@ops.example", Some("ann@example")), None);
        for (email, worker) in [
            ("cto@example", Some("ann@example")),
            ("ann@ops.example", Some("x@example")),
            ("dba@ops.example", Some("Dba@ops.example")),
            ("dba@ops.example", None),
        ] {
            assert!(both.refuses(email, worker).is_some(), "{email}");
        }
    }

    #[test]
    fn nobody_is_not_enough() {
        let (config, problems) = Config::read("[[approval]]\npeople = 0\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(config.approval.len(), 1, "the default holds");
        assert_eq!(Approval::of(&[], AgentKind::Codex, [(Effect::Destroy, Environment::Unknown)]).people, usize::MAX);
    }
}
