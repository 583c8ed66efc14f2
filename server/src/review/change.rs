//! One part of a file that is not as it was, and what policy wants for it.

use super::commits::Commits;
use super::planned::Planned;
use countersign_engine::report::JsonFinding;
use countersign_impact::Action;
use countersign_policy::{
    ChangeUnderReview, Config, Environment, Impacted, Origin, RequireRow, SIGNERS, Severity, Tier, Verdict,
};
use countersign_review::Bound;
use std::collections::BTreeSet;
use std::ops::Range;

/// One part of a file that is not as it was.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// What a review of it is bound to.
    pub(crate) bound: Bound,
    /// Where it stands now, in bytes of the file; nowhere where it is gone.
    pub(crate) ranges: Vec<Range<usize>>,
    /// Its first and its last line there, from 1, without the comments before it.
    pub(crate) lines: Option<(usize, usize)>,
    /// What stood there, and what stands there now.
    pub(crate) texts: (String, String),
    /// How much the place matters.
    pub(crate) tier: Tier,
    /// The environment that it belongs to.
    pub(crate) environment: Environment,
    /// Who wrote what is different.
    pub(crate) origin: Origin,
    /// The addresses of those whose own it is.
    pub(crate) own: BTreeSet<String>,
    /// Who owns the file by CODEOWNERS.
    pub(crate) owners: Vec<String>,
    /// What was found in it.
    pub(crate) found: Vec<JsonFinding>,
    /// The worst verdict and the worst severity of that.
    pub(super) worst: Option<(Verdict, Severity)>,
    /// The lowest level of those whose own it is.
    pub(super) level: String,
    /// What happens to what is live, in the worst case.
    pub(crate) impact: Option<Impacted>,
    /// The resources that are taken away with it, or may be, by what is predicted, and how.
    pub(super) takes: Vec<(String, Action)>,
    /// What a plan takes away with it.
    pub(crate) planned: Vec<Planned>,
    /// The row of `[[require]]` that holds for it, and its number from 0, which is left out where a plan alone asks for it.
    pub(crate) required: Option<(Option<usize>, RequireRow)>,
    /// The AI tools that wrote it; `None` among these for whatever is a person's or nobody's.
    pub(super) writers: BTreeSet<Option<String>>,
    /// The commits that it comes from.
    pub(super) commits: Vec<String>,
    /// What is required of their messages and is not there.
    pub(crate) lacks: Vec<String>,
    /// Whether it is as it was, and does something else because of what is different elsewhere.
    pub(crate) is_only_caused: bool,
}

impl Change {
    /// Who wrote it, where what nobody knows the writer of counts as an AI's.
    pub(crate) fn counts_as(&self) -> Origin {
        self.origin.counts_as(self.tier)
    }

    /// The AI tools that had a part in it, as far as records name them.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &str> {
        self.writers.iter().flatten().map(String::as_str)
    }

    /// The folder that it is in, from the root of the repository; empty for the root.
    pub(crate) fn folder(&self) -> &str {
        self.bound.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What `[[require]]` is asked about it.
    pub(crate) fn asked<'a>(&'a self, config: &Config) -> ChangeUnderReview<'a> {
        ChangeUnderReview {
            path: policy_path(&self.bound.path, config),
            tier: self.tier,
            environment: self.environment,
            origin: self.origin,
            author: &self.level,
            found: self.worst,
            impact: self.impact,
        }
    }

    /// Finds out what it needs, and whether it has what is no approval.
    pub(super) fn require(&mut self, config: &Config, commits: &Commits<'_>) {
        let by_plan =
            || (!self.planned.is_empty()).then(|| (None, RequireRow { approvals: 1, ..RequireRow::default() }));
        let asked = self.asked(config);
        let required = config.required(&asked).map(|(number, row)| (Some(number), row)).or_else(by_plan);
        let required = required.map(|(number, row)| {
            let mode = config.mode(&asked, self.writers.iter().map(Option::as_deref), row.mode);
            (number, RequireRow { mode, ..row })
        });
        self.required = required;
        let Some((_, row)) = &self.required else { return };
        let messages = || self.commits.iter().map(|commit| commits.message(commit));
        let trailer = row.trailer.iter().filter(|name| !messages().any(|message| has_trailer(message, name)));
        let ticket = row.ticket.iter().filter(|ticket| !messages().any(|message| ticket.is_in(message)));
        let lacks =
            trailer
                .map(|name| format!("no commit of it has the trailer `{name}:` in the last paragraph of its message"))
                .chain(ticket.map(|it| {
                    format!("no commit of it names a ticket (`{}`) in its message", String::from(it.clone()))
                }));
        self.lacks = lacks.collect();
    }
}

/// The path for policy: wherever the signers' file is, it is what it is.
pub(super) fn policy_path<'p>(path: &'p str, config: &Config) -> &'p str {
    if path == config.review.signers { SIGNERS } else { path }
}

/// Whether something may be gone afterwards that was there.
pub(super) const fn takes(action: Action) -> bool {
    matches!(action, Action::Destroy | Action::Replace | Action::Unknown)
}

/// What is worst first.
pub(super) fn severity_of(impact: &Impacted) -> (bool, bool, usize) {
    use countersign_impact::Action::{Destroy, Replace};
    (impact.data_loss, matches!(impact.action, Destroy | Replace), impact.dependents)
}

/// Whether the last paragraph of a message has a line that begins with a name and a colon.
fn has_trailer(message: &str, name: &str) -> bool {
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    last.lines().any(|line| {
        let Some((token, value)) = line.split_once(':') else { return false };
        token.eq_ignore_ascii_case(name) && !value.trim().is_empty()
    })
}
