//! Who has to agree before an agent runs a command that was denied.

use crate::environment::Environment;
use crate::people::People;
use crate::require::RequireRow;
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
    /// Of which level they are at least. They have to sign then, so that it is known who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Whether they have to sign with a key that the signers' file knows. Where it is left out, they have to wherever that file names
    /// anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    /// Whether they have to sign with a key in hardware, which somebody has to touch.
    #[serde(default)]
    pub hardware: bool,
    /// Whether the one may in whose name the agent works: whose e-mail address git has where it was requested.
    #[serde(default = "yes")]
    pub own: bool,
    /// For how many minutes after it was requested it holds.
    #[serde(default = "hour")]
    pub minutes: NonZeroU32,
}

impl ApprovalRow {
    /// Whether people have to sign by this row.
    fn signs(&self) -> Option<bool> {
        if self.hardware || self.level.is_some() { Some(true) } else { self.signed }
    }
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
    /// Levels, each of which a person has to have reached.
    pub levels: Vec<String>,
    /// Whether they have to sign; `None`: wherever somebody is known who can.
    pub signed: Option<bool>,
    /// Whether only keys in hardware count, which somebody has to touch.
    pub hardware: bool,
}

impl Approval {
    /// All that is asked for any of the operations. Where no row holds, nobody can agree.
    pub(crate) fn of(
        rows: &[ApprovalRow],
        agent: AgentKind,
        operations: impl IntoIterator<Item = (Effect, Environment)>,
    ) -> Self {
        let mut all = Self {
            people: 1,
            minutes: u32::MAX,
            own: true,
            by: Vec::new(),
            levels: Vec::new(),
            signed: Some(false),
            hardware: false,
        };
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
            all.levels.extend(row.level.clone().filter(|level| !all.levels.contains(level)));
            all.hardware |= row.hardware;
            all.signed = match (all.signed, row.signs()) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (None, _) | (_, None) => None,
                _ => Some(false),
            };
        }
        all
    }

    /// Whether people have to sign what they agree to. `has_signers` says whether the signers' file names anybody.
    pub fn wants_signatures(&self, has_signers: bool) -> bool {
        self.signed.unwrap_or(has_signers)
    }

    /// Whether a person may agree, by all of the person's e-mail addresses; `None` where so, else why not. `worker` is the address of
    /// the one in whose name the agent works, where that is known.
    pub fn refuses(&self, people: People<'_>, emails: &[&str], worker: Option<&str>) -> Option<String> {
        let email = emails.first().copied().unwrap_or("nobody");
        let is = |pattern: &String| {
            let glob = GlobBuilder::new(&pattern.to_lowercase()).build().map(|glob: Glob| glob.compile_matcher());
            glob.is_ok_and(|glob| emails.iter().any(|email| glob.is_match(email.to_lowercase())))
        };
        if !self.by.iter().all(|list| list.iter().any(is)) {
            return Some(format!("`by` of countersign.toml does not name {email}"));
        }
        for level in &self.levels {
            if people.rank(level).is_none() {
                return Some(format!("`{level}` of `[[approval]]` is none of the levels, so nobody is of it"));
            }
            let row = RequireRow { level: Some(level.clone()), ..RequireRow::default() };
            if let Some(why) = row.refuses(people, emails, &[]) {
                return Some(why);
            }
        }
        let is_own = worker.is_none_or(|worker| emails.iter().any(|email| worker.eq_ignore_ascii_case(email)));
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
        assert!(default.wants_signatures(true) && !default.wants_signatures(false), "{default:?}");
        let people = config.people();
        assert_eq!(default.refuses(people, &["ann@example"], Some("ann@example")), None);
        let both = asked(&[(Effect::Destroy, Environment::Production), (Effect::DataDelete, Environment::Staging)]);
        assert_eq!((both.people, both.minutes, both.own), (2, 10, false));
        assert_eq!(both.refuses(people, &["DBA@ops.example"], Some("ann@example")), None);
        for (email, worker) in [
            ("cto@example", Some("ann@example")),
            ("ann@ops.example", Some("x@example")),
            ("dba@ops.example", Some("Dba@ops.example")),
            ("dba@ops.example", None),
        ] {
            assert!(both.refuses(people, &[email], worker).is_some(), "{email}");
        }
        let several = ["dba@ops.example", "ann@example"];
        assert!(both.refuses(people, &several, Some("Ann@example")).is_some(), "another address is the same person");
    }

    #[test]
    fn who_has_to_sign() {
        let (config, problems) = Config::read(
            "[[approval]]\nenvironment = [\"production\"]\npeople = 1\nlevel = \"senior\"\n\
             [[approval]]\neffect = [\"data-delete\"]\npeople = 1\nhardware = true\n\
             [[approval]]\neffect = [\"apply\"]\npeople = 1\nsigned = false\n\
             [[person]]\nemails = [\"ann@example\"]\nlevel = \"senior\"\n",
        );
        assert_eq!(problems, []);
        let asked =
            |operations: &[(Effect, Environment)]| config.approval(AgentKind::Codex, operations.iter().copied());
        let production = asked(&[(Effect::Apply, Environment::Production)]);
        assert!(production.wants_signatures(false) && !production.hardware);
        assert_eq!(production.refuses(config.people(), &["ann@example"], None), None);
        assert!(production.refuses(config.people(), &["bob@example"], None).is_some_and(|why| why.contains("senior")));
        let data = asked(&[(Effect::DataDelete, Environment::Staging)]);
        assert!(data.wants_signatures(false) && data.hardware);
        let apply = (Effect::Apply, Environment::Staging);
        assert!(!asked(&[apply]).wants_signatures(true));
        assert!(asked(&[apply, (Effect::Destroy, Environment::Staging)]).wants_signatures(true), "the stricter row");
        for wrong in ["hardware = true", "level = \"senior\""] {
            let (_, problems) = Config::read(&format!("[[approval]]\npeople = 1\nsigned = false\n{wrong}\n"));
            assert!(problems.len() == 1 && problems[0].message.contains("`signed = false`"), "{problems:?}");
        }
        let (config, problems) = Config::read("[[approval]]\npeople = 1\nlevel = \"chief\"\n");
        assert!(problems.len() == 1 && problems[0].message.contains("none of the levels"), "{problems:?}");
        let nobody = config.approval(AgentKind::Codex, [apply]);
        assert!(nobody.refuses(config.people(), &["ann@example"], None).is_some());
    }

    #[test]
    fn nobody_is_not_enough() {
        let (config, problems) = Config::read("[[approval]]\npeople = 0\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(config.approval.len(), 1, "the default holds");
        assert_eq!(Approval::of(&[], AgentKind::Codex, [(Effect::Destroy, Environment::Unknown)]).people, usize::MAX);
    }
}
