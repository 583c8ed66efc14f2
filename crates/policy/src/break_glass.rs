//! Who may let a change through alone in an emergency, and for how long.

use crate::catalogue::OWN_RISKS;
use crate::config::CONFIG_FILE;
use crate::people::People;
use crate::require::{RequireRow, SIGNERS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// `[break_glass]`: who may let a change through for some hours without what `[[require]]` asks for. Where the table is left out,
/// nobody may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakGlass {
    /// Who may: e-mail addresses, as the signers' file has them. Any of the signers where none is named.
    pub by: Vec<String>,
    /// Of which level they are at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Of which teams they are; any of them will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// For how many hours it holds at most.
    pub hours: NonZeroU32,
    /// Whether only keys in hardware count, which somebody has to touch.
    pub hardware: bool,
}

impl Default for BreakGlass {
    fn default() -> Self {
        let hours = NonZeroU32::MIN.saturating_add(3);
        Self { by: Vec::new(), level: None, teams: Vec::new(), hours, hardware: false }
    }
}

impl BreakGlass {
    /// Why somebody may not, by all of the person's addresses; `None` where the person may.
    pub fn refuses(&self, people: People<'_>, emails: &[&str]) -> Option<String> {
        let is_named = |email: &&str| self.by.iter().any(|by| by.eq_ignore_ascii_case(email));
        if !self.by.is_empty() && !emails.iter().any(is_named) {
            let who = emails.first().copied().unwrap_or("nobody");
            return Some(format!("`by` of `[break_glass]` does not name {who}"));
        }
        if let Some(level) = self.level.as_deref().filter(|level| people.rank(level).is_none()) {
            return Some(format!("`{level}` of `[break_glass]` is none of the levels, so nobody is of it"));
        }
        let row = RequireRow { level: self.level.clone(), teams: self.teams.clone(), ..RequireRow::default() };
        row.refuses(people, emails, &[])
    }
}

/// Whether a file says who may do what, so that no emergency lets a change of it through: any `countersign.toml`, the signers' file
/// (`signers` is where policy says that it is), CODEOWNERS, and the risks of a team's own. Paths count from the root of the
/// repository; letters of both cases are the same, as they are to some file systems.
pub fn is_rulebook(path: &str, signers: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [CONFIG_FILE, "CODEOWNERS"].iter().any(|rulebook| name.eq_ignore_ascii_case(rulebook))
        || path.to_ascii_lowercase().starts_with(&format!("{OWN_RISKS}/"))
        || [SIGNERS, signers].iter().any(|known| path.eq_ignore_ascii_case(known.trim_start_matches("./")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn nobody_may_unless_policy_says_so() {
        assert_eq!(Config::defaults().break_glass, None);
        let (config, problems) = Config::read("[break_glass]\nhours = 0\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(config.break_glass, None, "what cannot be read lets nobody through");
        let (config, problems) = Config::read("[break_glass]\nlevel = \"chief\"\n");
        assert!(problems.len() == 1 && problems[0].message.contains("none of the levels"), "{problems:?}");
        let allowed = config.break_glass.as_ref().expect("it is there");
        assert!(allowed.refuses(config.people(), &["ann@example"]).is_some(), "nobody is of a level that there is not");
    }

    #[test]
    fn who_may() {
        let (config, problems) = Config::read(
            "[break_glass]\nby = [\"Ann@example\", \"eve@example\"]\nlevel = \"senior\"\nhours = 2\n\
             [[person]]\nemails = [\"ann@example\"]\nlevel = \"senior\"\n[[person]]\nemails = [\"bob@example\"]\nlevel = \"senior\"\n",
        );
        assert_eq!(problems, []);
        let allowed = config.break_glass.as_ref().expect("it is there");
        let refuses = |email| allowed.refuses(config.people(), &[email]);
        assert_eq!((allowed.hours.get(), refuses("ann@example")), (2, None));
        assert!(refuses("bob@example").is_some_and(|why| why.contains("does not name bob@example")));
        assert!(refuses("eve@example").is_some_and(|why| why.contains("senior is asked for")));
        let (anybody, _) = Config::read("[break_glass]\n");
        let anybody = anybody.break_glass.expect("it is there");
        assert_eq!((anybody.hours.get(), anybody.refuses(config.people(), &["bob@example"])), (4, None));
    }

    #[test]
    fn what_says_who_may_do_what() {
        for path in [
            "countersign.toml",
            "live/prod/Countersign.toml",
            "CODEOWNERS",
            ".github/CODEOWNERS",
            ".countersign/risks/own.md",
            ".countersign/allowed_signers",
            "keys/signers",
        ] {
            assert!(is_rulebook(path, "keys/signers"), "{path}");
        }
        for path in ["live/prod/main.tf", "my-countersign.toml", "keys/other", "docs/CODEOWNERS.md"] {
            assert!(!is_rulebook(path, "keys/signers"), "{path}");
        }
    }
}
