//! What a change needs before it is merged: whose approval, and what else.

use crate::config::Config;
use crate::environment::Environment;
use crate::format::Severity;
use crate::globs::Globs;
use crate::people::People;
use crate::tier::Tier;
use crate::verdict::{Impacted, Origin, Tried, Verdict};
use countersign_impact::Action;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the signers' file is, from the root of the repository, unless policy says otherwise.
pub const SIGNERS: &str = ".countersign/allowed_signers";

/// `[review]` of `countersign.toml`: what reviews are bound to and whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// The repository, as requests and approvals name it: host and path, `github.com/acme/infra`. Where it is empty, that of the
    /// remote `origin`. Set it where forks are reviewed.
    pub repository: String,
    /// The file that says whose key is whose, from the root of the repository: OpenSSH's `allowed_signers`.
    pub signers: String,
}

impl Default for Review {
    fn default() -> Self {
        Self { repository: String::new(), signers: SIGNERS.to_owned() }
    }
}

/// What becomes of a change that lacks what it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is in the report, as what enforcement would have stopped.
    Observe,
    /// The same, and it is told as a warning.
    Warn,
    /// It does not pass.
    #[default]
    Enforce,
}

/// `[[require]]`: one row of the table of what a change needs. Conditions, all of which must hold, and what is then needed. A
/// condition that is left out holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequireRow {
    /// Where it is: globs from the root of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
    /// How much the place matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Vec<Tier>>,
    /// The environment that the resource belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// Who wrote it. In places that are critical or high, what nobody knows the writer of counts as an AI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Vec<Origin>>,
    /// The lowest level of those who committed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Vec<String>>,
    /// The worst verdict of what was found in it. This and the next one never hold where nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Vec<Verdict>>,
    /// The worst severity of what was found in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Vec<Severity>>,
    /// What applying it does to the resource that is live. This and the next ones never hold where nothing happens to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Vec<Action>>,
    /// Whether data is lost for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_loss: Option<bool>,
    /// At least so many resources depend on it, directly or through others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependents: Option<usize>,
    /// How many people have to approve it.
    pub approvals: usize,
    /// Of which level they are at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Of which teams they are; any of them will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// Whether they have to be owners of the file by CODEOWNERS.
    pub owners: bool,
    /// Whether the own approval of who wrote it counts. It never does for what an AI wrote in a critical place.
    pub own: bool,
    /// Whether only keys in hardware count, which somebody has to touch.
    pub hardware: bool,
    /// A trailer that the message of a commit of the change has to have: `Change-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailer: Option<String>,
    /// What the number of a ticket looks like, as a regular expression: `OPS-[0-9]+`. The message of a commit of the change has to
    /// hold one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Pattern>,
    /// A label that the pull request has to have, as the pipeline says with `gate --label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What has to be proved, all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What becomes of a change that lacks it.
    pub mode: Mode,
}

/// What a change may have to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// That its tests passed: a result for the commit that is merged, signed by a pipeline.
    Tests,
    /// That the plan that is looked at is one of that commit, signed by a pipeline.
    Plan,
    /// That it comes in steps: a canary, weighted traffic or a staged rollout in what is changed in the folder.
    Rollout,
}

/// A regular expression.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern(Regex);

impl Pattern {
    /// Whether it stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        Regex::new(&pattern).map(Self).map_err(|error| format!("`{pattern}` is no regular expression: {error}"))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

/// A change, as `[[require]]` is asked about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The file, from the root of the repository, with forward slashes.
    pub path: &'a str,
    /// How much the place matters.
    pub tier: Tier,
    /// The environment that the resource belongs to.
    pub environment: Environment,
    /// Who wrote it.
    pub origin: Origin,
    /// The lowest level of those who committed it.
    pub author: &'a str,
    /// The worst verdict and the worst severity of what was found in it.
    pub found: Option<(Verdict, Severity)>,
    /// What happens to what is live.
    pub impact: Option<Impacted>,
}

impl Change<'_> {
    /// Who wrote it, as far as that raises what is needed: where it matters most, nobody's counts as an AI's.
    pub fn counts_as(&self) -> Origin {
        self.origin.counts_as(self.tier)
    }

    fn is_ai(&self) -> bool {
        self.counts_as().is_ai()
    }
}

impl RequireRow {
    fn holds(&self, change: &Change<'_>) -> bool {
        self.fails(change).is_none()
    }

    /// The first condition that does not hold, by its key; `None` where all do.
    fn fails(&self, change: &Change<'_>) -> Option<&'static str> {
        let found = |is: &dyn Fn(Verdict, Severity) -> bool| change.found.is_some_and(|(one, other)| is(one, other));
        let of = |is: &dyn Fn(&Impacted) -> bool| change.impact.as_ref().is_some_and(is);
        let conditions = [
            ("paths", self.paths.as_ref().is_none_or(|paths| paths.fit(change.path))),
            ("tier", self.tier.as_ref().is_none_or(|tiers| tiers.contains(&change.tier))),
            ("environment", self.environment.as_ref().is_none_or(|all| all.contains(&change.environment))),
            ("origin", self.origin.as_ref().is_none_or(|origins| origins.contains(&change.counts_as()))),
            ("author", self.author.as_ref().is_none_or(|levels| levels.iter().any(|level| level == change.author))),
            ("verdict", self.verdict.as_ref().is_none_or(|all| found(&|verdict, _| all.contains(&verdict)))),
            ("severity", self.severity.as_ref().is_none_or(|all| found(&|_, severity| all.contains(&severity)))),
            ("action", self.action.as_ref().is_none_or(|all| of(&|impact| all.contains(&impact.action)))),
            ("data_loss", self.data_loss.is_none_or(|is| of(&|impact| impact.data_loss == is))),
            ("dependents", self.dependents.is_none_or(|least| of(&|impact| impact.depend(least)))),
        ];
        conditions.into_iter().find_map(|(name, holds)| (!holds).then_some(name))
    }

    /// Whether nothing is needed.
    pub fn is_nothing(&self) -> bool {
        self.approvals == 0 && self.besides().is_empty()
    }

    /// What is needed, in words: `2 approvals by people of the level senior or above`.
    pub fn in_words(&self) -> String {
        let mut words = match self.approvals {
            0 => String::new(),
            1 => "1 approval".to_owned(),
            more => format!("{more} approvals"),
        };
        let mut by = Vec::new();
        by.extend(self.level.as_ref().map(|level| format!("of the level {level} or above")));
        by.extend((!self.teams.is_empty()).then(|| format!("of {}", self.teams.join(" or "))));
        by.extend(self.owners.then(|| "who own the file by CODEOWNERS".to_owned()));
        by.extend((!self.own).then(|| "who neither wrote it nor asked".to_owned()));
        if self.approvals > 0 && !by.is_empty() {
            words = format!("{words} by people {}", by.join(", "));
        }
        if self.approvals > 0 && self.hardware {
            words.push_str(", with keys in hardware");
        }
        let approvals = Some(words).filter(|words| !words.is_empty());
        approvals.into_iter().chain(self.besides()).collect::<Vec<_>>().join(", and ")
    }

    /// What is needed besides approvals, each in words.
    fn besides(&self) -> Vec<String> {
        let trailer = self.trailer.iter().map(|name| format!("a trailer `{name}:` in the message of a commit"));
        let ticket = self.ticket.iter().map(|it| format!("a ticket `{}` in the message of a commit", it.0));
        let label = self.label.iter().map(|label| format!("the label `{label}`"));
        let evidence = self.evidence.iter().map(|evidence| {
            let words = match evidence {
                Evidence::Tests => "a signed result of its tests",
                Evidence::Plan => "a signed plan of it",
                Evidence::Rollout => "a canary or a rollout in steps",
            };
            words.to_owned()
        });
        trailer.chain(ticket).chain(label).chain(evidence).collect()
    }

    /// Why somebody may not approve, by all of the person's addresses; `None` where the person may. `owners` are those of the file.
    pub fn refuses(&self, people: People<'_>, emails: &[&str], owners: &[String]) -> Option<String> {
        let who = emails.first().copied().unwrap_or("nobody");
        if let Some(level) = &self.level
            && !people.is_empty()
        {
            let own = people.level(emails);
            if people.rank(own) < people.rank(level) {
                return Some(format!("{who} is of the level {own}, and {level} is asked for"));
            }
        }
        if !self.teams.is_empty() && !self.teams.iter().any(|team| people.is_in(emails, team)) {
            return Some(format!("{who} is not of {}", self.teams.join(" or ")));
        }
        (self.owners && !people.is_owner(emails, owners)).then(|| {
            let owners = if owners.is_empty() { "which names nobody for it".to_owned() } else { owners.join(", ") };
            format!("{who} does not own the file by CODEOWNERS ({owners})")
        })
    }
}

impl Config {
    /// What a change needs: the first row that holds, and its number from 0. `None` where none does.
    pub fn required(&self, change: &Change<'_>) -> Option<(usize, RequireRow)> {
        let (number, row) = self.require.iter().enumerate().find(|(_, row)| row.holds(change))?;
        let mut row = row.clone();
        row.own &= !(change.is_ai() && change.tier == Tier::Critical);
        Some((number, row))
    }

    /// The rows of `[[require]]`, in the order in which they are tried, up to the one that holds.
    pub fn requirements_tried(&self, change: &Change<'_>) -> Vec<Tried<'_, RequireRow>> {
        let mut tried = Vec::new();
        for (number, row) in self.require.iter().enumerate() {
            let fails = row.fails(change);
            tried.push(Tried { number, row, fails });
            if fails.is_none() {
                break;
            }
        }
        tried
    }
}
