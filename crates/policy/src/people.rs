//! Who people are, for what they may approve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[people]`: the ladder of levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ladder {
    /// Its levels, the lowest first. Whoever is not listed is of the lowest.
    pub levels: Vec<String>,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { levels: ["junior", "mid", "senior"].map(str::to_owned).to_vec() }
    }
}

/// `[[person]]`: one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's e-mail addresses, as git and the signers' file have them.
    pub emails: Vec<String>,
    /// The person's level, one of `people.levels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Teams that the person is in, as CODEOWNERS and `[[require]]` name them: `@acme/platform`, `platform`.
    #[serde(default)]
    pub teams: Vec<String>,
    /// The person's name at the forge, as CODEOWNERS has it: `@ann`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

/// Everybody who is listed.
#[derive(Debug, Clone, Copy)]
pub struct People<'a> {
    ladder: &'a Ladder,
    people: &'a [Person],
}

impl<'a> People<'a> {
    /// Those of a `countersign.toml`.
    pub fn new(ladder: &'a Ladder, people: &'a [Person]) -> Self {
        Self { ladder, people }
    }

    /// Whether nobody is listed; then whoever signs counts as of the highest level, for the signers' file says who may.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The place of a level on the ladder, from 0; `None` where it is not on it.
    pub fn rank(&self, level: &str) -> Option<usize> {
        self.ladder.levels.iter().position(|known| known == level)
    }

    /// The level of a person, by all of the person's addresses; the lowest for somebody who is not listed.
    pub fn level(&self, emails: &[&str]) -> &'a str {
        let rank = self.of(emails).filter_map(|person| self.rank(person.level.as_deref()?)).max().unwrap_or(0);
        self.ladder.levels.get(rank).map_or("", String::as_str)
    }

    /// Whether a person is in a team.
    pub fn is_in(&self, emails: &[&str], team: &str) -> bool {
        self.of(emails).any(|person| person.teams.iter().any(|known| known.eq_ignore_ascii_case(team)))
    }

    /// Whether a person is one of the owners that CODEOWNERS names: by address, name at the forge or team.
    pub fn is_owner(&self, emails: &[&str], owners: &[String]) -> bool {
        owners.iter().any(|owner| {
            emails.iter().any(|email| email.eq_ignore_ascii_case(owner))
                || self.is_in(emails, owner)
                || self.of(emails).any(|person| {
                    let names = person.emails.iter().chain(&person.handle);
                    names.into_iter().any(|name| name.eq_ignore_ascii_case(owner))
                })
        })
    }

    /// What a person is called at the forge, as far as somebody has said so.
    pub fn handle(&self, emails: &[&str]) -> Option<&'a str> {
        self.of(emails).find_map(|person| person.handle.as_deref())
    }

    /// Everybody, each by the first address.
    pub fn emails(&self) -> impl Iterator<Item = &'a str> {
        self.people.iter().filter_map(|person| person.emails.first().map(String::as_str))
    }

    fn of<'e>(&self, emails: &'e [&str]) -> impl Iterator<Item = &'a Person> + use<'a, 'e> {
        let people = self.people;
        people.iter().filter(|person| {
            person.emails.iter().any(|known| emails.iter().any(|email| email.eq_ignore_ascii_case(known)))
        })
    }
}
