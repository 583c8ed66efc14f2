//! `countersign.toml`: what it may say, and what is wrong with what it says.

use crate::agents::{self, Agents, Asked, CommandRow, Scope};
use crate::approval::{Approval, ApprovalRow};
use crate::break_glass::BreakGlass;
use crate::catalogue::{Catalogue, RiskRow};
use crate::environment::{Environment, Environments};
use crate::live::Live;
use crate::mode::ModeRow;
use crate::objectives::Objectives;
use crate::owners::Owners;
use crate::pattern::PatternRow;
use crate::people::{Ladder, People, Person};
use crate::require::{RequireRow, Review};
use crate::tier::{TierRow, Tiers};
use crate::verdict::{Row, Table, Verdict};
use countersign_agents::AgentKind;
use countersign_commands::{Effect, Operation};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Name of the file. The nearest one, from a document's folder upwards, holds.
pub const CONFIG_FILE: &str = "countersign.toml";

/// Longest file that is read, in bytes. Every file of a repository is held against every glob of it.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// The defaults, in the format of the file itself.
pub const DEFAULT_CONFIG: &str = include_str!("default.toml");

/// The settings of one `countersign.toml`, over the defaults.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which files are looked at.
    pub files: Files,
    /// What is shown in editors.
    pub editor: Editor,
    /// How environments are told.
    pub environment: Environments,
    /// What is not told again.
    pub suppressions: Suppressions,
    /// What is presumed to be live, and what changes do to it.
    pub impact: Live,
    /// Rows of the table of verdicts; tried before the default rows.
    pub verdict: Vec<Row>,
    /// What the hooks of agents answer.
    pub agents: Agents,
    /// Rows of the table for commands and tools; tried before the default rows.
    pub command: Vec<CommandRow>,
    /// Who lets a command through that was denied; tried before the default row.
    pub approval: Vec<ApprovalRow>,
    /// How far agents may go.
    pub scope: Vec<Scope>,
    /// Rows of the table of how much places matter; tried before the default rows.
    pub tier: Vec<TierRow>,
    /// The levels that people have.
    pub people: Ladder,
    /// Who people are.
    pub person: Vec<Person>,
    /// What reviews are bound to and whose signatures count.
    pub review: Review,
    /// Rows of the table of what a change needs before it is merged; tried before the default rows.
    pub require: Vec<RequireRow>,
    /// Rows of the table of what becomes of changes that lack what they need.
    pub mode: Vec<ModeRow>,
    /// Rows of the table of what AI tools may write in some places.
    pub pattern: Vec<PatternRow>,
    /// Who may let a change through in an emergency; nobody where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// What is to hold of changes by AI tools, as `countersign slo` reports it.
    pub objectives: Objectives,
    /// How some risks are wanted; of rows about the same risk the first that says something decides.
    pub risk: Vec<RiskRow>,
    #[serde(skip)]
    exclude: GlobSet,
    /// Who owns which files by CODEOWNERS, which stands in a file of its own.
    #[serde(skip)]
    pub owners: Arc<Owners>,
    /// How many rows of `tier` are the file's own.
    #[serde(skip)]
    own_tiers: usize,
}

/// Which files are looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// Files that are passed over: globs relative to the folder of `countersign.toml`, `**` for any folders.
    pub exclude: Vec<String>,
}

/// What is shown in editors.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Editor {
    /// Ask, as a hint, who wrote a large block that was inserted at once.
    pub ask_about_unknown_origin: bool,
}

impl Default for Editor {
    fn default() -> Self {
        Self { ask_about_unknown_origin: true }
    }
}

/// What is not told again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Suppressions {
    /// Heed comments for Checkov, Trivy, tfsec and KICS where a risk is the same as their check.
    pub peers: bool,
}

impl Default for Suppressions {
    fn default() -> Self {
        Self { peers: true }
    }
}

/// Something that is wrong in a `countersign.toml`, and where. What it says there is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Bytes of the file.
    pub range: Range<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Config {
    /// Reads a file. Each part that is wrong is reported and left out; the rest holds.
    pub fn read(text: &str) -> (Self, Vec<ConfigProblem>) {
        let mut config = Self::default();
        let mut problems = Vec::new();
        if text.len() > MAX_CONFIG_BYTES {
            let message = format!(
                "it is longer than {MAX_CONFIG_BYTES} bytes and is not read, so the defaults hold; take out what is not needed"
            );
            problems.push(ConfigProblem { range: 0..0, message });
            config.add_default_rows();
            return (config, problems);
        }
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                problems.push(problem(&error, 0..text.len().min(1)));
                config.add_default_rows();
                return (config, problems);
            }
        };
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            match (name, value.get_ref()) {
                ("verdict", DeValue::Array(rows)) => config.verdict = parts(rows, text, &mut problems),
                ("command", DeValue::Array(rows)) => config.command = parts(rows, text, &mut problems),
                ("approval", DeValue::Array(rows)) => config.approval = parts(rows, text, &mut problems),
                ("scope", DeValue::Array(rows)) => config.scope = parts(rows, text, &mut problems),
                ("tier", DeValue::Array(rows)) => config.tier = parts(rows, text, &mut problems),
                ("person", DeValue::Array(rows)) => config.person = parts(rows, text, &mut problems),
                ("require", DeValue::Array(rows)) => config.require = parts(rows, text, &mut problems),
                ("mode", DeValue::Array(rows)) => config.mode = parts(rows, text, &mut problems),
                ("pattern", DeValue::Array(rows)) => config.pattern = parts(rows, text, &mut problems),
                ("risk", DeValue::Array(rows)) => config.risk = parts(rows, text, &mut problems),
                (
                    "verdict" | "command" | "approval" | "scope" | "tier" | "person" | "require" | "mode" | "pattern"
                    | "risk",
                    _,
                ) => {
                    problems.push(ConfigProblem {
                        range: value.span(),
                        message: format!("`{name}` is a list of tables; write each as `[[{name}]]`"),
                    });
                }
                ("agents", _) => config.agents = part(value, text, &mut problems).unwrap_or_default(),
                ("files", _) => config.files = part(value, text, &mut problems).unwrap_or_default(),
                ("editor", _) => config.editor = part(value, text, &mut problems).unwrap_or_default(),
                ("environment", _) => config.environment = part(value, text, &mut problems).unwrap_or_default(),
                ("suppressions", _) => config.suppressions = part(value, text, &mut problems).unwrap_or_default(),
                ("impact", _) => config.impact = impact(value, text, &mut problems),
                ("people", _) => config.people = part(value, text, &mut problems).unwrap_or_default(),
                ("review", _) => config.review = part(value, text, &mut problems).unwrap_or_default(),
                ("break_glass", _) => config.break_glass = part(value, text, &mut problems),
                ("objectives", _) => config.objectives = part(value, text, &mut problems).unwrap_or_default(),
                _ => problems.push(ConfigProblem {
                    range: key.span(),
                    message: format!(
                        "unknown key `{name}`; known are `files`, `editor`, `environment`, `suppressions`, `impact`, \
                         `verdict`, `agents`, `command`, `approval`, `scope`, `tier`, `people`, `person`, `review`, \
                         `require`, `mode`, `pattern`, `break_glass`, `objectives` and `risk`"
                    ),
                }),
            }
        }
        config.exclude = globs(&config.files.exclude, table.get_ref(), &mut problems);
        problems.extend(agents::problems(&config.scope, text));
        problems.extend(levels(&config, table.get_ref()));
        problems.extend(contradictions(table.get_ref()));
        config.add_default_rows();
        problems.sort_by_key(|problem| problem.range.start);
        (config, problems)
    }

    /// The defaults.
    pub fn defaults() -> Self {
        Self::read("").0
    }

    fn add_default_rows(&mut self) {
        #[derive(Default, Deserialize)]
        struct Rows {
            verdict: Vec<Row>,
            command: Vec<CommandRow>,
            approval: Vec<ApprovalRow>,
            tier: Vec<TierRow>,
            require: Vec<RequireRow>,
        }
        let rows = toml::from_str::<Rows>(DEFAULT_CONFIG).unwrap_or_default();
        self.verdict.extend(rows.verdict);
        self.command.extend(rows.command);
        self.approval.extend(rows.approval);
        self.own_tiers = self.tier.len();
        self.tier.extend(rows.tier);
        self.require.extend(rows.require);
    }

    /// How much places matter, with the default rows last.
    pub fn tiers(&self) -> Tiers {
        Tiers::new(self.tier.clone(), self.own_tiers, Arc::clone(&self.owners))
    }

    /// Whether it matters to it who owns which files.
    pub fn asks_for_owners(&self) -> bool {
        self.tier.iter().any(|row| row.owners.is_some())
    }

    /// Everybody who is listed.
    pub fn people(&self) -> People<'_> {
        People::new(&self.people, &self.person)
    }

    /// The table of verdicts, with the default rows last.
    pub fn table(&self) -> Table {
        Table::new(self.verdict.clone())
    }

    /// What follows from what a command or a tool of an agent would do in an environment.
    pub fn of_operation(&self, agent: AgentKind, operation: &Operation, environment: Environment) -> Verdict {
        agents::decide(&self.command, agent, operation, environment)
    }

    /// Who has to agree before an agent runs what was denied: all that is asked for any of its effects, each with its environment.
    pub fn approval(&self, agent: AgentKind, operations: impl IntoIterator<Item = (Effect, Environment)>) -> Approval {
        Approval::of(&self.approval, agent, operations)
    }

    /// What of the file forbids something to an agent: `never.paths`; `None` where nothing does.
    pub fn forbids(&self, agent: AgentKind, asked: Asked<'_>) -> Option<&'static str> {
        agents::forbidden(&self.scope, agent, asked)
    }

    /// What is wrong with the rows about risks of a file that was read: names that `catalogue` does not have, options that are not
    /// there. They have no effect.
    pub fn problems_of_risks(text: &str, catalogue: &Catalogue) -> Vec<ConfigProblem> {
        let Some(table) = (text.len() <= MAX_CONFIG_BYTES).then(|| DeTable::parse(text).ok()).flatten() else {
            return Vec::new();
        };
        let Some(DeValue::Array(rows)) = table.get_ref().get("risk").map(Spanned::get_ref) else { return Vec::new() };
        let mut problems = Vec::new();
        for row in rows {
            // What is no row is told of by `read`.
            let Some(read) = part::<RiskRow>(row, text, &mut Vec::new()) else { continue };
            let place = |key: &str| match row.get_ref() {
                DeValue::Table(table) => table.get(key).map(Spanned::span),
                _ => None,
            };
            let first_line = || {
                let span = row.span();
                span.start..span.end.min(text[span.start..].find('\n').map_or(span.end, |length| span.start + length))
            };
            let found = catalogue.problems(&read);
            problems.extend(
                found
                    .into_iter()
                    .map(|(key, message)| ConfigProblem { range: place(key).unwrap_or_else(first_line), message }),
            );
        }
        problems
    }

    /// Whether a file is passed over. `path` is relative to the folder of the `countersign.toml`, with forward slashes.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.is_match(path)
    }
}

/// Levels that are named and are not on the ladder.
fn levels(config: &Config, table: &DeTable<'_>) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    let ladder = &config.people.levels;
    let mut look = |value: Option<&Spanned<DeValue<'_>>>| {
        if let Some(value) = value
            && let DeValue::String(level) = value.get_ref()
            && !ladder.iter().any(|known| known == level)
        {
            let message = format!("`{level}` is none of the levels of `[people]`: {}", ladder.join(", "));
            problems.push(ConfigProblem { range: value.span(), message });
        }
    };
    if let Some(DeValue::Table(table)) = table.get("break_glass").map(Spanned::get_ref) {
        look(table.get("level"));
    }
    for (list, key) in [("approval", "level"), ("person", "level"), ("require", "level"), ("require", "author")] {
        let Some(DeValue::Array(rows)) = table.get(list).map(Spanned::get_ref) else { continue };
        for row in rows {
            let DeValue::Table(row) = row.get_ref() else { continue };
            match row.get(key).map(Spanned::get_ref) {
                Some(DeValue::Array(levels)) => levels.iter().for_each(|level| look(Some(level))),
                _ => look(row.get(key)),
            }
        }
    }
    problems
}

/// What says one thing and its opposite: rows that say who has to approve and that nobody has to, or how to sign and that nobody has
/// to, and people who are listed twice.
fn contradictions(table: &DeTable<'_>) -> Vec<ConfigProblem> {
    let rows = |list: &str| match table.get(list).map(Spanned::get_ref) {
        Some(DeValue::Array(rows)) => Some(rows),
        _ => None,
    };
    let mut problems = Vec::new();
    for row in rows("require").into_iter().flatten() {
        let DeValue::Table(keys) = row.get_ref() else { continue };
        let nobody = match keys.get("approvals").map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Integer(count)) => count.as_str().trim_matches('0').is_empty(),
            Some(_) => false,
        };
        let is_said = |value: &Spanned<DeValue<'_>>| !matches!(value.get_ref(), DeValue::Boolean(false));
        let mut said =
            ["level", "teams", "owners", "own", "hardware"].into_iter().filter_map(|key| keys.get_key_value(key));
        if let Some((key, _)) = said.find(|(_, value)| nobody && is_said(value)) {
            let message = format!(
                "`{}` says who approves, and without `approvals` nobody has to; add `approvals = 1`, or take it out",
                key.get_ref()
            );
            problems.push(ConfigProblem { range: key.span(), message });
        }
    }
    for row in rows("approval").into_iter().flatten() {
        let DeValue::Table(keys) = row.get_ref() else { continue };
        let is = |key: &str, is: bool| matches!(keys.get(key).map(Spanned::get_ref), Some(DeValue::Boolean(it)) if *it == is);
        let Some((key, _)) = keys.get_key_value("signed").filter(|_| is("signed", false)) else { continue };
        let by = if is("hardware", true) { "hardware" } else { "level" };
        if is("hardware", true) || keys.contains_key("level") {
            let message = format!(
                "`signed = false` says that nobody has to sign, and `{by}` is told by a signature; take one of them out"
            );
            problems.push(ConfigProblem { range: key.span(), message });
        }
    }
    let mut known: BTreeSet<String> = BTreeSet::new();
    for row in rows("person").into_iter().flatten() {
        let DeValue::Table(keys) = row.get_ref() else { continue };
        let Some(DeValue::Array(emails)) = keys.get("emails").map(Spanned::get_ref) else { continue };
        let mut own = BTreeSet::new();
        for email in emails {
            let DeValue::String(text) = email.get_ref() else { continue };
            let address = text.to_lowercase();
            if known.contains(&address) {
                let message =
                    format!("`{text}` is listed in another [[person]] too; write everything about one person into one");
                problems.push(ConfigProblem { range: email.span(), message });
            }
            own.insert(address);
        }
        known.extend(own);
    }
    problems
}

/// Reads `[impact]`; a row of `[[impact.attribute]]` that is wrong takes nothing else along.
fn impact(value: &Spanned<DeValue<'_>>, text: &str, problems: &mut Vec<ConfigProblem>) -> Live {
    let mut rest = value.clone();
    let rows = match rest.get_mut() {
        DeValue::Table(table) if matches!(table.get("attribute").map(Spanned::get_ref), Some(DeValue::Array(_))) => {
            table.remove("attribute")
        }
        _ => None,
    };
    let mut live: Live = part(&rest, text, problems).unwrap_or_default();
    if let Some(DeValue::Array(rows)) = rows.as_ref().map(Spanned::get_ref) {
        live.attribute.extend(rows.iter().filter_map(|row| part(row, text, problems)));
    }
    live
}

/// Reads a list of tables of the file; one that is wrong takes no other along.
fn parts<'d, T: DeserializeOwned>(
    rows: impl IntoIterator<Item = &'d Spanned<DeValue<'d>>>,
    text: &str,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<T> {
    rows.into_iter().filter_map(|row| part(row, text, problems)).collect()
}

/// Reads one table of the file.
fn part<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, text: &str, problems: &mut Vec<ConfigProblem>) -> Option<T> {
    let read = T::deserialize(toml::de::ValueDeserializer::from(value.clone()));
    read.map_err(|error| {
        let mut span = value.span();
        span.end = span.end.min(span.start + text[span.start..].find('\n').unwrap_or(usize::MAX - span.start));
        problems.push(problem(&error, span));
    })
    .ok()
}

fn problem(error: &toml::de::Error, whole: Range<usize>) -> ConfigProblem {
    ConfigProblem { range: error.span().unwrap_or(whole), message: error.message().to_owned() }
}

/// Compiles the globs of `files.exclude`; a bad one is reported where it stands.
fn globs(patterns: &[String], table: &DeTable<'_>, problems: &mut Vec<ConfigProblem>) -> GlobSet {
    let place = |index: usize| -> Option<Range<usize>> {
        let DeValue::Table(files) = table.get("files")?.get_ref() else {
            return None;
        };
        let DeValue::Array(exclude) = files.get("exclude")?.get_ref() else {
            return None;
        };
        Some(exclude.get(index)?.span())
    };
    let mut set = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
            }
            Err(error) => problems.push(ConfigProblem {
                range: place(index).unwrap_or_default(),
                message: format!("`{pattern}` is not a glob: {}; no file is excluded by it", error.kind()),
            }),
        }
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Surface::{CommandLine, Editor};
    use crate::{Baseline, Circumstances, Environment, Loudness, Origin, Severity, Verdict};
    use countersign_impact::tables::{Effect, Extra};

    #[test]
    fn the_defaults_have_no_problems_and_say_what_the_documents_say() {
        let (config, problems) = Config::read(DEFAULT_CONFIG);
        assert_eq!(problems, []);
        assert_eq!(config.environment, Environments::default(), "what the code says, the file says");
        assert_eq!(config.impact.baseline, Baseline::default());
        assert_eq!(config.agents, Agents::default(), "what the code says, the file says");
        let decide = |origin, severity, surface, changed| {
            config.table().decide(Circumstances {
                origin,
                severity,
                surface,
                changed,
                environment: Environment::Unknown,
                impact: None,
            })
        };
        assert_eq!(decide(Origin::Ai, Severity::Critical, Editor, true), (Verdict::Deny, Loudness::Full));
        assert_eq!(decide(Origin::Ai, Severity::High, Editor, false), (Verdict::Review, Loudness::Full));
        assert_eq!(decide(Origin::Mixed, Severity::Low, Editor, true), (Verdict::Note, Loudness::Full));
        assert_eq!(decide(Origin::Unknown, Severity::Critical, Editor, false), (Verdict::Review, Loudness::Lower));
        assert_eq!(decide(Origin::Unknown, Severity::Critical, Editor, true), (Verdict::Review, Loudness::Full));
        assert_eq!(decide(Origin::Unknown, Severity::High, CommandLine, true), (Verdict::Review, Loudness::Full));
        assert_eq!(decide(Origin::Human, Severity::Critical, CommandLine, true), (Verdict::Note, Loudness::Hint));
        assert_eq!(decide(Origin::Suspected, Severity::Low, Editor, true), (Verdict::Note, Loudness::Hint));
    }

    #[test]
    fn what_changes_of_attributes_do() {
        let text = "[impact]\nbaseline = \"HEAD\"\n[[impact.attribute]]\ntype = \"acme_store\"\nattribute = \"a.b\"\nchange = \"may-replace\"\nsince = \"2.1\"\n[[impact.attribute]]\ntype = \"acme_store\"\nattribute = \"c\"\nchange = \"replace\"\n[[impact.attribute]]\ntype = \"acme_store\"\nattribute = \"d\"\nchange = \"in-place\"\nsince = \"two\"\n";
        let (config, problems) = Config::read(text);
        let places: Vec<_> = problems.iter().map(|problem| &text[problem.range.clone()]).collect();
        assert_eq!(places, ["\"replace\"", "\"two\""], "{problems:?}");
        assert_eq!(config.impact.baseline, Baseline::Revision("HEAD".to_owned()));
        let fact = Extra {
            kind: "acme_store".to_owned(),
            attribute: "a.b".to_owned(),
            effect: Effect::MayReplace,
            since: Some([2, 1, 0]),
        };
        assert_eq!(config.impact.facts(), [fact]);
    }

    #[test]
    fn a_baseline_is_a_state_or_a_revision() {
        let of = |text: &str| Config::read(&format!("[impact]\nbaseline = \"{text}\"\n"));
        assert_eq!(of("merge-base").0.impact.baseline, Baseline::MergeBase);
        assert_eq!(of("saved").0.impact.baseline, Baseline::Saved);
        assert_eq!(of("HEAD").0.impact.baseline, Baseline::Revision("HEAD".to_owned()));
        for wrong in ["", " ", "--upload-pack=x"] {
            let (config, problems) = of(wrong);
            assert_eq!(config.impact.baseline, Baseline::MergeBase, "{wrong}");
            assert!(problems.len() == 1 && problems[0].message.contains("`merge-base`, `saved`"), "{problems:?}");
        }
        assert_eq!(String::from(Baseline::Saved), "saved");
    }

    #[test]
    fn each_mistake_is_named_where_it_stands_and_the_rest_holds() {
        let text = "nonsense = 1\n[files]\nexclude = [\"a/**\", \"b[\"]\n[editor]\nask_about_unknown_origin = \"yes\"\n[[verdict]]\nseverty = [\"low\"]\n[[verdict]]\norigin = [\"ai\"]\nseverity = [\"low\"]\nverdict = \"allow\"\n";
        let (config, problems) = Config::read(text);
        let places: Vec<_> = problems.iter().map(|problem| &text[problem.range.clone()]).collect();
        assert_eq!(places, ["nonsense", "\"b[\"", "\"yes\"", "severty"], "{problems:?}");
        assert!(config.excludes("a/x/main.tf") && !config.excludes("c/a/main.tf"));
        let at = Circumstances {
            origin: Origin::Ai,
            severity: Severity::Low,
            surface: Editor,
            changed: true,
            environment: Environment::Unknown,
            impact: None,
        };
        assert_eq!(config.table().decide(at).0, Verdict::Allow);
        let (_, problems) = Config::read("[files\n");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn what_says_one_thing_and_its_opposite_is_named() {
        let text = "[[require]]\nlevel = \"senior\"\n[[require]]\nhardware = true\napprovals = 0\n\
                    [[require]]\nteams = [\"a\"]\napprovals = 1\n[[require]]\ntrailer = \"Ticket\"\n\
                    [[person]]\nemails = [\"Bob@x.org\", \"bob@x.org\"]\nlevel = \"mid\"\n\
                    [[person]]\nemails = [\"bob@X.org\"]\nlevel = \"senior\"\n";
        let (_, problems) = Config::read(text);
        let places: Vec<_> = problems.iter().map(|problem| &text[problem.range.clone()]).collect();
        assert_eq!(places, ["level", "hardware", "\"bob@X.org\""], "{problems:?}");
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let (config, problems) = Config::read(&"# nothing\n".repeat(MAX_CONFIG_BYTES / 10 + 1));
        assert!(problems.len() == 1 && problems[0].message.contains("1048576 bytes"), "{problems:?}");
        assert_eq!(config.verdict.len(), Config::defaults().verdict.len());
    }
}
