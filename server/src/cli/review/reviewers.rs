//! Whom to ask for a review at a forge, and which labels say what it is about.
//!
//! Who may approve is what policy, the signers' file and CODEOWNERS say; what those are called at the forge, `handle` of
//! `[[person]]` says. An e-mail address is no name there, so where none is known that is said.

use crate::review::{Change, Situation, email};
use countersign_impact::Action;
use countersign_policy::{Environment, Origin};
use countersign_review::{Standing, digest};
use serde_json::json;
use std::collections::BTreeSet;

/// Where a pull request or a merge request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forge {
    GitHub,
    GitLab,
}

/// Who is to be asked, and what it is about.
#[derive(Debug)]
pub(super) struct Wanted {
    forge: Forge,
    /// Names of users, without `@`.
    users: BTreeSet<String>,
    /// Teams: at GitHub without the organisation, at GitLab with all groups above.
    teams: BTreeSet<String>,
    labels: BTreeSet<String>,
    /// What is not known, and what to do about it.
    unknown: BTreeSet<String>,
}

/// Whom to ask about some changes: so many people, and as few, as their approvals need.
pub(super) fn wanted<'c>(situation: &Situation, changes: impl Iterator<Item = &'c Change>, forge: Forge) -> Wanted {
    let mut wanted = Wanted {
        forge,
        users: BTreeSet::new(),
        teams: BTreeSet::new(),
        labels: BTreeSet::new(),
        unknown: BTreeSet::new(),
    };
    let mut tier = None;
    for change in changes {
        tier = tier.max(Some(change.tier));
        wanted.label(change);
        wanted.ask(situation, change);
    }
    wanted.labels.extend(tier.map(|tier| format!("countersign:{}", tier.name())));
    wanted
}

impl Wanted {
    fn label(&mut self, change: &Change) {
        let by = match (change.origin, change.counts_as()) {
            (Origin::Ai | Origin::Mixed, _) => Some("ai"),
            (_, Origin::Ai) => Some("unknown-origin"),
            _ => None,
        };
        let does = match change.impact.map(|impact| impact.action) {
            Some(Action::Destroy) => Some("destroys"),
            Some(Action::Replace) => Some("replaces"),
            _ => None,
        };
        let place = (change.environment == Environment::Production).then_some("production");
        let loses = change.impact.is_some_and(|impact| impact.data_loss).then_some("data-loss");
        let names = [by, does, place, loses].into_iter().flatten();
        self.labels.extend(names.map(|name| format!("countersign:{name}")));
    }

    /// Adds those who are needed for a change and were not asked about another one yet.
    fn ask(&mut self, situation: &Situation, change: &Change) {
        let row = change.required.as_ref().map(|(_, row)| row);
        let stands = situation.stands(change);
        let needed = row.map_or(1, |row| row.approvals.max(1));
        let needed = match stands.standing {
            Some(Standing::Approved(_) | Standing::Rejected(_)) => return,
            Some(Standing::Waits(more)) => more.max(1),
            Some(Standing::Void(_)) | None => needed,
        };
        let named = row.map(|row| row.teams.as_slice()).unwrap_or_default();
        let owners = if row.is_some_and(|row| row.owners) { change.owners.as_slice() } else { &[] };
        let teams: Vec<String> =
            named.iter().chain(owners.iter().filter(|_| named.is_empty())).filter_map(|name| self.team(name)).collect();
        // Whom of a team, the forge knows better. At GitLab a group cannot be asked.
        let is_asked = self.forge == Forge::GitHub && !teams.is_empty();
        self.teams.extend(teams);
        if is_asked {
            return;
        }
        let people = situation.config.config.people();
        let have_answered: Vec<&str> =
            stands.judged.iter().filter_map(|one| one.said.as_ref().ok()).map(|(who, _)| who.as_str()).collect();
        let request = situation.reviews.request(&change.bound.id());
        let asks = request.and_then(|request| email(&request.requested_by)).filter(|_| !row.is_some_and(|row| row.own));
        let may = situation.who_may(change);
        // One of the names of each person is enough.
        let mut seen = BTreeSet::new();
        let mut candidates: Vec<(Vec<&str>, &str)> = may
            .iter()
            .map(|email| (situation.signers.same_person(email), email.as_str()))
            .filter(|(names, _)| !names.iter().any(|name| have_answered.contains(name) || asks == Some(*name)))
            .filter(|(names, _)| seen.insert(names.clone()))
            .collect();
        if candidates.is_empty() {
            self.unknown.insert(format!(
                "{} needs an approval, and none of the signers may give it, by countersign.toml and the signers' file",
                change.bound.place()
            ));
            return;
        }
        // Not always the first one: whose turn it is follows from the change, so that it stays the same.
        let turn = digest(change.bound.id().as_bytes()).bytes().fold(0_usize, |sum, byte| sum + usize::from(byte));
        let count = candidates.len();
        candidates.rotate_left(turn % count);
        let handle = |names: &[&str]| people.handle(names).and_then(user);
        candidates.sort_by_key(|(names, _)| {
            let handle = handle(names);
            let is_asked = handle.is_some_and(|handle| self.users.contains(handle));
            (handle.is_none(), !is_asked, !people.is_owner(names, &change.owners))
        });
        for (names, email) in candidates.into_iter().take(needed) {
            if let Some(handle) = handle(&names) {
                self.users.insert(handle.to_owned());
                continue;
            }
            self.unknown.insert(format!(
                "{email} may approve {}, and what that person is called at the forge is not known: set `handle = \"@…\"` in a \
                 [[person]] of countersign.toml with that address",
                change.bound.place()
            ));
        }
    }

    /// What a team of policy or CODEOWNERS is called at the forge; `None` for a name that is none of the forge's.
    fn team(&self, name: &str) -> Option<String> {
        let (organisation, team) = name.strip_prefix('@')?.split_once('/')?;
        let is_name = |name: &str| name.split('/').all(self::is_name);
        match self.forge {
            Forge::GitHub => (is_name(organisation) && self::is_name(team)).then(|| team.to_owned()),
            Forge::GitLab => (is_name(organisation) && is_name(team)).then(|| format!("{organisation}/{team}")),
        }
    }

    /// As JSON, of which the parts are what the forge's API takes.
    pub(super) fn json(&self) -> anyhow::Result<String> {
        let value = match self.forge {
            Forge::GitHub => json!({
                "requestedReviewers": { "reviewers": self.users, "team_reviewers": self.teams },
                "labels": { "labels": self.labels },
                "unknown": self.unknown,
            }),
            Forge::GitLab => json!({
                "reviewers": self.users,
                "groups": self.teams,
                "labels": self.labels,
                "note": { "body": self.quick_actions() },
                "unknown": self.unknown,
            }),
        };
        Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
    }

    /// A comment on a merge request that asks the reviewers and sets the labels.
    fn quick_actions(&self) -> String {
        let users: Vec<String> = self.users.iter().map(|user| format!("@{user}")).collect();
        let labels: Vec<String> = self.labels.iter().map(|label| format!("~\"{label}\"")).collect();
        let line =
            |command: &str, names: &[String]| (!names.is_empty()).then(|| format!("/{command} {}", names.join(" ")));
        let lines = [line("assign_reviewer", &users), line("label", &labels)];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

/// The name of a user, without `@`; `None` for what is none: what a forge is told must not be a command.
fn user(handle: &str) -> Option<&str> {
    let name = handle.strip_prefix('@').unwrap_or(handle);
    is_name(name).then_some(name)
}

/// Whether a text may be the name of a user or a team at GitHub or GitLab.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(forge: Forge) -> Wanted {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Wanted {
            forge,
            users: set(&["bob", "eve"]),
            teams: set(&[]),
            labels: set(&["countersign:ai"]),
            unknown: set(&[]),
        }
    }

    #[test]
    fn a_comment_asks_and_labels() {
        assert_eq!(wanted(Forge::GitLab).quick_actions(), "/assign_reviewer @bob @eve\n/label ~\"countersign:ai\"");
        let nobody = Wanted { users: BTreeSet::new(), labels: BTreeSet::new(), ..wanted(Forge::GitLab) };
        assert_eq!(nobody.quick_actions(), "");
    }

    #[test]
    fn only_names_are_names() {
        assert_eq!(user("@ann-b"), Some("ann-b"));
        for handle in ["ann@example.org", "@ann\n/merge", "", "@", "@acme/platform"] {
            assert_eq!(user(handle), None, "{handle}");
        }
        let (hub, lab) = (wanted(Forge::GitHub), wanted(Forge::GitLab));
        assert_eq!(hub.team("@acme/platform").as_deref(), Some("platform"));
        assert_eq!(lab.team("@acme/infra/platform").as_deref(), Some("acme/infra/platform"));
        for name in ["platform", "@acme", "@acme/infra/platform", "ann@example.org", "@acme/a b"] {
            assert_eq!(hub.team(name), None, "{name}");
        }
    }
}
