//! What becomes of a change that lacks what it needs, by where it is and by which agents wrote it.

use crate::config::Config;
use crate::environment::Environment;
use crate::globs::Globs;
use crate::require::{Change, Mode};
use crate::tier::Tier;
use countersign_agents::AgentKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[[mode]]`: one row of the table of what becomes of changes that lack what they need. Conditions, all of which must hold, and the
/// mode. A condition that is left out holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeRow {
    /// Where it is: globs from the root of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
    /// How much the place matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Vec<Tier>>,
    /// The environment that the resource belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// Which agents wrote it, by the notes of its commits. A change of which any line is somebody else's, or nobody's, is none of
    /// theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Vec<AgentKind>>,
    /// What becomes of it.
    pub mode: Mode,
}

impl ModeRow {
    /// Whether it holds for what a tool wrote of a change; `None` stands for people and for what nobody knows the writer of.
    fn holds(&self, change: &Change<'_>, writer: Option<&str>) -> bool {
        let is_by = |agents: &Vec<AgentKind>| agents.iter().any(|agent| Some(agent.tool()) == writer);
        self.paths.as_ref().is_none_or(|paths| paths.fit(change.path))
            && self.tier.as_ref().is_none_or(|tiers| tiers.contains(&change.tier))
            && self.environment.as_ref().is_none_or(|environments| environments.contains(&change.environment))
            && self.agent.as_ref().is_none_or(is_by)
    }
}

impl Config {
    /// What becomes of a change that lacks what it needs, where the row of `[[require]]` says `own`: of each of its writers the first
    /// row of `[[mode]]` that holds decides, else `own`; of all of them the strictest. `None` among the writers stands for people
    /// and for what nobody knows the writer of; so does an empty list.
    pub fn mode<'w>(&self, change: &Change<'_>, writers: impl IntoIterator<Item = Option<&'w str>>, own: Mode) -> Mode {
        let of = |writer: Option<&str>| {
            let row = self.mode.iter().find(|row| row.holds(change, writer));
            row.map_or(own, |row| row.mode)
        };
        writers.into_iter().map(of).max().unwrap_or_else(|| of(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Origin;

    fn change(tier: Tier, path: &str) -> Change<'_> {
        Change {
            path,
            tier,
            environment: Environment::Production,
            origin: Origin::Ai,
            author: "senior",
            found: None,
            impact: None,
        }
    }

    #[test]
    fn a_mode_is_that_of_the_place_and_of_those_who_wrote_it_alone() {
        let (config, problems) = Config::read(
            "[[mode]]\ntier = [\"low\"]\nmode = \"warn\"\n\
             [[mode]]\nagent = [\"claude-code\"]\nenvironment = [\"production\"]\nmode = \"observe\"\n\
             [[mode]]\nagent = [\"cursor\", \"codex\"]\nmode = \"warn\"\n",
        );
        assert_eq!(problems, []);
        let high = change(Tier::High, "main.tf");
        let of = |writers: &[Option<&str>]| config.mode(&high, writers.iter().copied(), Mode::Enforce);
        assert_eq!(of(&[Some("claude")]), Mode::Observe);
        assert_eq!(of(&[Some("claude"), Some("codex")]), Mode::Warn, "the strictest of all who wrote it");
        for others in [&[][..], &[None], &[Some("claude"), None], &[Some("windsurf")]] {
            assert_eq!(of(others), Mode::Enforce, "{others:?}");
        }
        let low = change(Tier::Low, "main.tf");
        assert_eq!(config.mode(&low, [Some("claude")], Mode::Enforce), Mode::Warn, "the first row that holds");
        assert_eq!(config.mode(&high, [None], Mode::Observe), Mode::Observe, "what the row of [[require]] says");
        assert_eq!(Config::defaults().mode(&high, [Some("claude")], Mode::Enforce), Mode::Enforce);
        let (_, problems) = Config::read("[[mode]]\nagent = [\"claud\"]\nmode = \"warn\"\n");
        assert_eq!(problems.len(), 1, "an agent that there is not");
        let (config, problems) = Config::read("[[mode]]\ntier = [\"low\"]\n");
        assert!(problems.len() == 1 && config.mode.is_empty(), "a row without a mode says nothing");
    }
}
