//! What policy says of what agents are about to do: what they are answered, how far each may go, and what follows from what a
//! command or a tool would do.

use crate::config::ConfigProblem;
use crate::environment::{Environment, Environments};
use crate::verdict::Verdict;
use countersign_agents::AgentKind;
use countersign_commands::{Effect, Evidence, Grade, Operation, Reach, Source};
use countersign_impact::tables::{self, Class};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[agents]` of `countersign.toml`: what the hooks of agents answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// What an agent is answered before an edit of which the verdict is `review`.
    pub review_of_edits: Review,
    /// What an agent is answered before a command or a tool of which the verdict is `review`.
    pub review_of_commands: Review,
    /// What an agent is answered where its session inherits what a scope does not let it have: always when the session starts, and
    /// with `ask` and `deny` also before each command and tool that acts on what runs.
    pub inherited: Review,
    /// What an agent is answered where Countersign cannot judge.
    pub unjudged: Unjudged,
    /// Branches that nobody may rewrite, besides those that are always taken as such. A `*` at the end stands for any end.
    pub protected_branches: Vec<String>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            review_of_edits: Review::Tell,
            review_of_commands: Review::Ask,
            inherited: Review::Tell,
            unjudged: Unjudged::Pass,
            protected_branches: Vec::new(),
        }
    }
}

/// What an agent is answered where the verdict is `review`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Review {
    /// It goes on, and is told why somebody has to look at it.
    Tell,
    /// The person at work is asked, where the agent can ask; else as `tell`.
    Ask,
    /// It does not go on.
    Deny,
}

/// What an agent is answered where Countersign cannot judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unjudged {
    /// It goes on.
    Pass,
    /// The person at work is asked, where the agent can ask; else it goes on.
    Ask,
    /// It does not go on.
    Deny,
}

/// `[[command]]`: one row of the table for commands and tools. Conditions, all of which must hold, and what then follows. A
/// condition that is left out holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRow {
    /// What becomes of what is hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Vec<Effect>>,
    /// Where it takes effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Vec<Reach>>,
    /// How much it matters, before the environment is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Whether the text leaves no doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certain: Option<bool>,
    /// The environment that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// Which agent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Vec<AgentKind>>,
    /// The program or tool, without its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Vec<String>>,
    /// What follows.
    pub verdict: Verdict,
}

impl CommandRow {
    fn holds(&self, agent: AgentKind, operation: &Operation, environment: Environment) -> bool {
        self.effect.as_ref().is_none_or(|effects| effects.contains(&operation.effect))
            && self.reach.as_ref().is_none_or(|reaches| reaches.contains(&operation.reach))
            && self.grade.is_none_or(|grade| grade == operation.grade)
            && self.certain.is_none_or(|certain| certain == operation.certain)
            && self.environment.as_ref().is_none_or(|environments| environments.contains(&environment))
            && self.agent.as_ref().is_none_or(|agents| agents.contains(&agent))
            && self.program.as_ref().is_none_or(|programs| programs.contains(&operation.program))
    }
}

/// `[[scope]]`: how far agents may go. What is `never` allowed is not, whatever `only` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Which agents; all of them where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Vec<AgentKind>>,
    /// Nothing but this is allowed.
    pub only: Limits,
    /// This is not allowed.
    pub never: Limits,
    /// No more than this is allowed.
    pub most: Most,
}

/// How much a scope allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Most {
    /// Resources that the edits of one session make, change or remove in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<usize>,
    /// Resources that depend, directly or through others, on one that is changed or removed: the blast radius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependents: Option<usize>,
}

/// What a kind of resource is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// It holds data.
    Data,
    /// It says who may do what.
    Identity,
    /// It says who can reach what.
    Network,
    /// Others are run or controlled by it.
    Control,
    /// Anything else.
    Other,
}

impl Area {
    /// The areas of a kind of resource, by what it is. There may be several.
    pub fn of(kind: &str) -> Vec<Self> {
        let area = |class| match class {
            Class::Data | Class::WeakData => Self::Data,
            Class::Identity => Self::Identity,
            Class::Network => Self::Network,
            Class::Control => Self::Control,
        };
        let mut areas: Vec<Self> =
            tables::class(kind).into_iter().flat_map(|kind| kind.classes().map(area).collect::<Vec<_>>()).collect();
        areas.dedup();
        if areas.is_empty() { vec![Self::Other] } else { areas }
    }
}

/// What a scope is about. An empty list says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Files that are edited: globs relative to the folder of `countersign.toml`, `**` for any folders.
    pub paths: Vec<String>,
    /// Kinds of resources that are made, changed or removed: `aws_iam_*`.
    pub kinds: Vec<String>,
    /// Environments that resources are changed in, or that commands act in.
    pub environments: Vec<Environment>,
    /// What kinds of resources are about that are made, changed or removed.
    pub areas: Vec<Area>,
    /// Programs and tools whose calls do anything of note: `terraform`, `mcp__aws__*`.
    pub commands: Vec<String>,
    /// What the session inherits, by name, and where it is no secret by its value: `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE=prod*`,
    /// `kubernetes-context=*`.
    pub inherits: Vec<String>,
}

/// What a scope is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A file is edited: its path from the folder of `countersign.toml`, with forward slashes.
    Path(&'a str),
    /// A resource of this kind is made, changed or removed.
    Kind(&'a str),
    /// Something is done in this environment.
    Environment(Environment),
    /// A program or tool does something of note.
    Command(&'a str),
    /// A resource of this area is made, changed or removed.
    Area(Area),
    /// The session inherits this: a name, or a name and its value (`AWS_PROFILE=prod`).
    Inherits(&'a str),
    /// The edits of the session make, change or remove so many resources in all.
    Resources(usize),
    /// So many resources depend on one that is changed or removed.
    Dependents(usize),
}

impl Scope {
    /// What forbids it, in the words of the file: `never.paths`; `None` where it is allowed.
    fn forbids(&self, agent: AgentKind, asked: Asked<'_>) -> Option<&'static str> {
        if self.agent.as_ref().is_some_and(|agents| !agents.contains(&agent)) {
            return None;
        }
        let is_over = |most: Option<usize>, count| most.is_some_and(|most| count > most);
        match asked {
            Asked::Resources(count) => return is_over(self.most.resources, count).then_some("most.resources"),
            Asked::Dependents(count) => return is_over(self.most.dependents, count).then_some("most.dependents"),
            _ => {}
        }
        let [never, only] = [&self.never, &self.only].map(|limits| limits.match_with(asked));
        let (never_name, only_name) = match asked {
            Asked::Path(_) => ("never.paths", "only.paths"),
            Asked::Kind(_) => ("never.kinds", "only.kinds"),
            Asked::Environment(_) => ("never.environments", "only.environments"),
            Asked::Command(_) => ("never.commands", "only.commands"),
            Asked::Area(_) => ("never.areas", "only.areas"),
            Asked::Inherits(_) => ("never.inherits", "only.inherits"),
            Asked::Resources(_) | Asked::Dependents(_) => return None,
        };
        match (never, only) {
            (Some(true), _) => Some(never_name),
            (_, Some(false)) => Some(only_name),
            _ => None,
        }
    }

    /// Every glob, to be checked.
    fn globs(&self) -> impl Iterator<Item = &String> {
        [&self.only, &self.never]
            .into_iter()
            .flat_map(|it| it.paths.iter().chain(&it.kinds).chain(&it.commands).chain(&it.inherits))
    }
}

impl Limits {
    /// Whether it is among them; `None` where they say nothing of the sort.
    fn match_with(&self, asked: Asked<'_>) -> Option<bool> {
        let among = |globs: &[String], text: &str, is_path: bool| {
            (!globs.is_empty()).then(|| set(globs, is_path).is_match(text))
        };
        match asked {
            Asked::Path(path) => among(&self.paths, path, true),
            Asked::Kind(kind) => among(&self.kinds, kind, false),
            Asked::Command(command) => among(&self.commands, command, false),
            Asked::Inherits(inherited) => among(&self.inherits, inherited, false),
            Asked::Area(area) => (!self.areas.is_empty()).then(|| self.areas.contains(&area)),
            Asked::Resources(_) | Asked::Dependents(_) => None,
            Asked::Environment(environment) => {
                (!self.environments.is_empty()).then(|| self.environments.contains(&environment))
            }
        }
    }
}

fn set(globs: &[String], is_path: bool) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs.iter().filter_map(|glob| GlobBuilder::new(glob).literal_separator(is_path).build().ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

/// What is wrong with the globs of scopes. `text` is that of the file: a glob is pointed at where it stands first.
pub(crate) fn problems(scopes: &[Scope], text: &str) -> Vec<ConfigProblem> {
    let bad = scopes.iter().flat_map(Scope::globs).filter_map(|glob| {
        let error = GlobBuilder::new(glob).build().err()?;
        let at = text.find(glob.as_str()).unwrap_or_default();
        let message = format!("`{glob}` is not a glob: {}; nothing is matched by it", error.kind());
        Some(ConfigProblem { range: at..at + glob.len().min(text.len() - at), message })
    });
    bad.collect()
}

/// What forbids something to an agent, in the words of the file; `None` where nothing does.
pub(crate) fn forbidden(scopes: &[Scope], agent: AgentKind, asked: Asked<'_>) -> Option<&'static str> {
    scopes.iter().find_map(|scope| scope.forbids(agent, asked))
}

/// What follows from an operation. Where no row says so: `note`.
pub(crate) fn decide(
    rows: &[CommandRow],
    agent: AgentKind,
    operation: &Operation,
    environment: Environment,
) -> Verdict {
    rows.iter().find(|row| row.holds(agent, operation, environment)).map_or(Verdict::Note, |row| row.verdict)
}

/// Beginnings of the names that programs for clusters on one's own machine give to their contexts.
const LOCAL_BEGINNINGS: &[&str] = &["kind-", "k3d-", "colima-"];

/// A path without what every machine calls so, whatever it is for: `/dev` and the names of its users.
fn below_machine(path: &str) -> &str {
    if path.starts_with("/dev/") {
        return "";
    }
    let below =
        |folder: &str| path.strip_prefix(folder).map(|rest| rest.split_once('/').map_or("", |(_, below)| below));
    ["/home/", "/Users/"].into_iter().find_map(below).unwrap_or(path)
}

/// Names that stand for one's own machine.
const LOCAL: &[&str] = &[
    "minikube",
    "docker-desktop",
    "rancher-desktop",
    "orbstack",
    "colima",
    "localhost",
    "127.0.0.1",
    "::1",
    "0.0.0.0",
    "localstack",
];

impl Environments {
    /// The environment that an operation is done in, and the word that tells. `root` is the folder from which paths count.
    ///
    /// Flags, variables, choices, workspaces and hosts that name two environments say nothing; only where they say nothing are
    /// target and folder asked, the nearest first.
    pub fn of_operation<'o>(&self, operation: &'o Operation, root: &str) -> (Environment, Option<&'o Evidence>) {
        self.of_evidence(&operation.evidence, root)
    }

    /// The same by evidence alone.
    pub fn of_evidence<'o>(&self, evidence: &'o [Evidence], root: &str) -> (Environment, Option<&'o Evidence>) {
        let found = |evidence: &'o Evidence| {
            let environment = self.in_word(evidence, root);
            (environment != Environment::Unknown).then_some((environment, Some(evidence)))
        };
        let is_weak = |evidence: &&Evidence| matches!(evidence.source, Source::Target | Source::Folder);
        let mut strong = evidence.iter().filter(|evidence| !is_weak(evidence)).filter_map(found);
        if let Some(first) = strong.next() {
            let is_disputed = strong.any(|(environment, _)| environment != first.0);
            return if is_disputed { (Environment::Unknown, None) } else { first };
        }
        evidence.iter().filter(is_weak).find_map(found).unwrap_or_default()
    }

    /// The environment that a word names, the last part of a path first.
    fn in_word(&self, evidence: &Evidence, root: &str) -> Environment {
        let word = match evidence.source {
            Source::Folder => evidence.word.strip_prefix(root).unwrap_or(&evidence.word),
            _ => &evidence.word,
        };
        let word = below_machine(word);
        let bare = word.split("://").last().unwrap_or(word);
        let host = bare.split(['/', '?']).next().unwrap_or(bare);
        let host = host.rsplit('@').next().unwrap_or(host);
        let host = host.rsplit_once(':').map_or(host, |(name, port)| {
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
        });
        let is_local = LOCAL.contains(&host) || LOCAL_BEGINNINGS.iter().any(|begin| host.starts_with(begin));
        if is_local && !matches!(evidence.source, Source::Folder | Source::Target) {
            return Environment::Development;
        }
        let mut parts = word.rsplit('/').map(|part| self.in_words(part));
        parts.find(|found| *found != Environment::Unknown).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn operation(effect: Effect, grade: Grade, reach: Reach, evidence: &[(Source, &str)]) -> Operation {
        let evidence = evidence.iter().map(|(source, word)| Evidence {
            source: *source,
            name: String::new(),
            word: (*word).to_owned(),
        });
        Operation {
            program: "terraform".to_owned(),
            effect,
            reach,
            grade,
            certain: true,
            what: String::new(),
            instead: String::new(),
            target: None,
            plan: None,
            evidence: evidence.collect(),
            folder: None,
            via: Vec::new(),
            file: None,
            range: 0..0,
        }
    }

    #[test]
    fn the_environment_of_an_operation() {
        use Environment::{Development, Production, Staging, Unknown};
        use Source::{Flag, Folder, Host, Target, Variable};
        for (evidence, expected) in [
            (&[][..], Unknown),
            (&[(Flag, "prod.tfvars")], Production),
            (&[(Flag, "arn:aws:eks:eu-west-1:1:cluster/prod")], Production),
            (&[(Flag, "dev.tfvars"), (Variable, "prod")], Unknown),
            (&[(Flag, "shop"), (Variable, "prod")], Production),
            (&[(Flag, "dev"), (Target, "prod-copy")], Development),
            (&[(Target, "s3://prod-orders"), (Folder, "/repo/dev")], Production),
            (&[(Folder, "/home/dev/repo/live/staging/db")], Staging),
            (&[(Folder, "/home/dev/repo")], Unknown),
            (&[(Folder, "/home/dev/other")], Unknown),
            (&[(Folder, "/Users/dev")], Unknown),
            (&[(Target, "/home/dev/live/prod")], Production),
            (&[(Target, "/dev/sda")], Unknown),
            (&[(Flag, "kind-orders")], Development),
            (&[(Host, "localhost:5432")], Development),
            (&[(Flag, "postgres://app@127.0.0.1:5432/prod")], Development),
            (&[(Folder, "/home/dev/repo/localhost")], Unknown),
        ] {
            let operation = operation(Effect::Destroy, Grade::Grave, Reach::Live, evidence);
            let found = Environments::default().of_operation(&operation, "/home/dev/repo");
            assert_eq!(found.0, expected, "{evidence:?}");
            assert_eq!(found.1.is_some(), expected != Unknown, "{evidence:?}");
        }
    }

    #[test]
    fn what_scopes_forbid() {
        let text = "[[scope]]\n[scope.only]\nareas = [\"network\", \"other\"]\n[scope.never]\n\
                    inherits = [\"*_TOKEN\", \"AWS_PROFILE=prod*\"]\n[scope.most]\nresources = 3\ndependents = 0\n\
                    [[scope]]\nagent = [\"codex\"]\n[scope.most]\nresources = 1\n";
        let (config, problems) = Config::read(text);
        assert_eq!(problems, []);
        let forbids = |agent, asked| config.forbids(agent, asked);
        for (asked, expected) in [
            (Asked::Area(Area::Data), Some("only.areas")),
            (Asked::Area(Area::Network), None),
            (Asked::Inherits("GITHUB_TOKEN"), Some("never.inherits")),
            (Asked::Inherits("AWS_PROFILE"), None),
            (Asked::Inherits("AWS_PROFILE=prod-eu"), Some("never.inherits")),
            (Asked::Resources(3), None),
            (Asked::Resources(4), Some("most.resources")),
            (Asked::Dependents(0), None),
            (Asked::Dependents(1), Some("most.dependents")),
        ] {
            assert_eq!(forbids(AgentKind::Cursor, asked), expected, "{asked:?}");
        }
        assert_eq!(forbids(AgentKind::Codex, Asked::Resources(2)), Some("most.resources"), "the narrower one counts");
        assert_eq!(Area::of("aws_db_instance"), [Area::Data]);
        assert_eq!(Area::of("aws_iam_role"), [Area::Identity]);
        assert_eq!(Area::of("acme_unheard_of"), [Area::Other]);
    }

    #[test]
    fn the_default_table_of_commands() {
        use Effect::{BypassControl, Destroy, FileDelete, HistoryRewrite};
        use Environment::{Development, Production, Staging, Unknown};
        let config = Config::defaults();
        let says = |effect, grade, reach, environment| {
            config.of_operation(AgentKind::Codex, &operation(effect, grade, reach, &[]), environment)
        };
        for (environment, grave, lesser) in [
            (Production, Verdict::Deny, Verdict::Review),
            (Unknown, Verdict::Deny, Verdict::Review),
            (Staging, Verdict::Review, Verdict::Review),
            (Development, Verdict::Note, Verdict::Note),
        ] {
            assert_eq!(says(Destroy, Grade::Grave, Reach::Live, environment), grave, "{environment:?}");
            assert_eq!(says(Destroy, Grade::Lesser, Reach::Live, environment), lesser, "{environment:?}");
        }
        assert_eq!(says(BypassControl, Grade::Lesser, Reach::Local, Development), Verdict::Deny);
        assert_eq!(says(HistoryRewrite, Grade::Grave, Reach::Shared, Unknown), Verdict::Deny);
        assert_eq!(says(HistoryRewrite, Grade::Lesser, Reach::Shared, Unknown), Verdict::Note);
        assert_eq!(says(FileDelete, Grade::Lesser, Reach::Local, Unknown), Verdict::Note);
        assert_eq!(says(FileDelete, Grade::Grave, Reach::Local, Unknown), Verdict::Deny);
        assert_eq!(says(Effect::Unknown, Grade::Lesser, Reach::Live, Production), Verdict::Deny);
        assert_eq!(says(Effect::Unknown, Grade::Lesser, Reach::Live, Unknown), Verdict::Allow);
        assert_eq!(says(Effect::Unknown, Grade::Grave, Reach::Live, Unknown), Verdict::Review);
        let perhaps = Operation { certain: false, ..operation(Destroy, Grade::Grave, Reach::Live, &[]) };
        for (environment, expected) in [(Production, Verdict::Deny), (Unknown, Verdict::Review)] {
            assert_eq!(config.of_operation(AgentKind::Codex, &perhaps, environment), expected);
        }
    }

    #[test]
    fn rows_and_scopes_of_a_file() {
        let text = "[[command]]\nagent = [\"codex\"]\nprogram = [\"terraform\"]\nverdict = \"allow\"\n\
                    [[scope]]\nagent = [\"cursor\"]\n[scope.only]\npaths = [\"infra/**\"]\n\
                    [scope.never]\npaths = [\"infra/live/**\"]\nkinds = [\"aws_iam_*\"]\nenvironments = [\"production\"]\n\
                    [[scope]]\n[scope.never]\ncommands = [\"helm\", \"[\"]\n";
        let (config, problems) = Config::read(text);
        let places: Vec<_> = problems.iter().map(|problem| &text[problem.range.clone()]).collect();
        assert_eq!(places, ["["], "{problems:?}");
        let destroy = operation(Effect::Destroy, Grade::Grave, Reach::Live, &[]);
        assert_eq!(config.of_operation(AgentKind::Codex, &destroy, Environment::Production), Verdict::Allow);
        assert_eq!(config.of_operation(AgentKind::Cursor, &destroy, Environment::Production), Verdict::Deny);
        let cursor = |asked| config.forbids(AgentKind::Cursor, asked);
        assert_eq!(cursor(Asked::Path("infra/main.tf")), None);
        assert_eq!(cursor(Asked::Path("app/main.tf")), Some("only.paths"));
        assert_eq!(cursor(Asked::Path("infra/live/main.tf")), Some("never.paths"));
        assert_eq!(cursor(Asked::Kind("aws_iam_role")), Some("never.kinds"));
        assert_eq!(cursor(Asked::Environment(Environment::Production)), Some("never.environments"));
        assert_eq!(cursor(Asked::Command("helm")), Some("never.commands"), "of every agent");
        let codex = |asked| config.forbids(AgentKind::Codex, asked);
        assert_eq!((codex(Asked::Path("app/main.tf")), codex(Asked::Command("kubectl"))), (None, None));
        let (_, problems) = Config::read("[[scope]]\nagent = [\"claude\"]\n");
        assert!(problems.len() == 1 && problems[0].message.contains("claude-code"), "{problems:?}");
    }
}
