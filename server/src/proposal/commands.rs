//! Shell commands and calls of tools.

use super::{Judgement, Saying, inherited};
use crate::approvals::record::{Basis, Done, digest, sha256};
use crate::disk::{Configs, FolderConfig};
use crate::surroundings::key;
use crate::watch::Deed;
use countersign_agents::{AgentKind, Call};
use countersign_commands::{Context, Effect, Evidence, File, Files, Operation, Reach, Source};
use countersign_policy::{Agents, Asked, Environment, Verdict};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest script that is read, in bytes: as much as one command may have.
const MAX_SCRIPT: u64 = countersign_commands::MAX_COMMAND_BYTES as u64;

/// Judges a shell command.
pub(super) fn command(call: &Call, command: &str) -> Judgement {
    let place = Place::of(call);
    let files = OnDisk::default();
    let operations = place.with_context(&files, |context| countersign_commands::judge(command, context));
    let mut judgement = place.judgement("this command", &operations);
    let operations = place.judged(operations);
    judgement.judged = Some(Judged { folder: place.folder, operations, files: files.read.into_inner() });
    judgement
}

/// What a command was judged by.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Where it is run.
    pub(crate) folder: PathBuf,
    /// What it would do.
    pub(crate) operations: Vec<JudgedOperation>,
    /// What was read for that, by path: a digest, `absent` or `unreadable`.
    files: BTreeMap<String, String>,
}

/// Something that a command would do.
#[derive(Debug)]
pub(crate) struct JudgedOperation {
    /// What.
    pub(crate) operation: Operation,
    /// Where.
    pub(crate) environment: Environment,
    /// Whether it is denied, or somebody has to look at it.
    pub(crate) is_stopped: bool,
}

impl Judged {
    /// All of it, so that it can be told whether another time is the same. Reads the plans that are applied.
    pub(crate) fn basis(&self) -> Basis {
        let mut files = self.files.clone();
        for operation in self.operations.iter().map(|one| &one.operation) {
            let Some(plan) = &operation.plan else { continue };
            let folder = operation.folder.as_ref().map_or(self.folder.as_path(), Path::new);
            let path = self.folder.join(folder).join(plan);
            let digest = digest(&path, MAX_PLAN).unwrap_or_else(|| UNREADABLE.to_owned());
            files.insert(key(&path).to_string(), digest);
        }
        let done = |JudgedOperation { operation, environment, is_stopped }: &JudgedOperation| Done {
            what: does(operation),
            effect: operation.effect,
            target: operation.target.clone(),
            environment: *environment,
            is_stopped: *is_stopped,
            evidence: operation.evidence.iter().map(|it| format!("{:?} {} {}", it.source, it.name, it.word)).collect(),
        };
        Basis { operations: self.operations.iter().map(done).collect(), files }
    }
}

/// Longest plan of which the digest is taken, in bytes.
const MAX_PLAN: u64 = 256 << 20;

/// Stands for the digest of what cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Judges a call of a tool; `None` for an agent's own tools, which change nothing that others share.
pub(super) fn tool(call: &Call, name: &str, arguments: &Value) -> Option<Judgement> {
    if !is_foreign(call, name) || crate::mcp::is_own_tool(name) {
        return None;
    }
    let place = Place::of(call);
    let operations =
        place.with_context(&OnDisk::default(), |context| countersign_commands::judge_tool(name, arguments, context));
    Some(place.judgement(&format!("this call of {name}"), &operations))
}

/// What a call of a tool has done, as [`tool`] judges it.
pub(super) fn done_by_tool(call: &Call, name: &str, arguments: &Value) -> Option<Vec<JudgedOperation>> {
    if !is_foreign(call, name) || crate::mcp::is_own_tool(name) {
        return None;
    }
    let place = Place::of(call);
    let operations =
        place.with_context(&OnDisk::default(), |context| countersign_commands::judge_tool(name, arguments, context));
    Some(place.judged(operations))
}

/// Whether a tool is none of the agent's own: one of a server, or one for a cloud.
///
/// Servers' tools are told by what agents put into their names (`mcp__server__tool`, `@server/tool`, `MCP:tool`,
/// `mcp_server_tool`), or by the event.
fn is_foreign(call: &Call, name: &str) -> bool {
    const CLOUDS: &[&str] = &[
        "aws",
        "azure",
        "az",
        "gcp",
        "gcloud",
        "kubernetes",
        "kubectl",
        "k8s",
        "helm",
        "terraform",
        "sql",
        "database",
    ];
    let name = name.to_lowercase();
    let event = call.event.as_deref().unwrap_or_default().to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    name.contains("__")
        || name.contains([':', '/'])
        || event.contains("mcp")
        || words.any(|word| word == "mcp" || CLOUDS.contains(&word))
}

/// The settings that hold where a call is made.
pub(super) fn settings(call: &Call) -> Agents {
    Place::of(call).config.config.agents.clone()
}

/// The settings that hold in the folder of this process.
pub(super) fn settings_here() -> Agents {
    Configs::default().of(Path::new("-")).config.agents.clone()
}

/// Where a call is made.
pub(super) struct Place {
    agent: AgentKind,
    pub(super) folder: PathBuf,
    pub(super) config: Arc<FolderConfig>,
}

impl Place {
    pub(super) fn of(call: &Call) -> Self {
        let here = || std::env::current_dir().unwrap_or_default();
        let folder = call.cwd.clone().filter(|folder| folder.is_absolute()).unwrap_or_else(here);
        let config = Configs::default().of(&folder.join("-"));
        Self { agent: call.agent, folder, config }
    }

    /// The folder from which paths count.
    pub(super) fn root(&self) -> Arc<str> {
        key(self.config.root.as_deref().unwrap_or(&self.folder))
    }

    fn with_context<T>(&self, files: &OnDisk, judge: impl FnOnce(&Context<'_>) -> T) -> T {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let branch = crate::git::branch(&self.folder.join("-"));
        judge(&Context {
            files,
            folder: &key(&self.folder),
            environment: &environment,
            branch: branch.as_deref(),
            protected: &self.config.config.agents.protected_branches,
        })
    }

    /// Operations, each with its environment and whether somebody has to look at it.
    fn judged(&self, operations: Vec<Operation>) -> Vec<JudgedOperation> {
        let judged = |operation: Operation| {
            let (environment, verdict) = self.verdict(&operation);
            JudgedOperation { operation, environment, is_stopped: verdict >= Verdict::Review }
        };
        operations.into_iter().map(judged).collect()
    }

    /// The environment of an operation, and what follows.
    fn verdict(&self, operation: &Operation) -> (Environment, Verdict) {
        let environment = self.config.config.environment.of_operation(operation, &self.root()).0;
        (environment, self.config.config.of_operation(self.agent, operation, environment))
    }

    fn judgement(&self, what: &str, operations: &[Operation]) -> Judgement {
        let mut judgement = Judgement::new(what, &self.config.config.agents);
        let root = self.root();
        for operation in operations {
            let by = self.config.config.environment.of_operation(operation, &root).1;
            let (environment, verdict) = self.verdict(operation);
            let asked = [Some(Asked::Command(&operation.program)), in_environment(operation, environment)];
            for forbidden in
                asked.into_iter().flatten().filter_map(|asked| self.config.config.forbids(self.agent, asked))
            {
                judgement.say(Saying::out_of_scope(self.agent, &does(operation), forbidden));
            }
            judgement.deeds.extend(Deed::of(operation, environment).filter(|_| verdict > Verdict::Allow));
            judgement.say(saying(operation, verdict, environment, by, &root));
        }
        if operations.iter().any(|operation| operation.reach == Reach::Live) {
            inherited::add(self.agent, self, &mut judgement);
        }
        judgement
    }
}

fn saying(
    operation: &Operation,
    verdict: Verdict,
    environment: Environment,
    by: Option<&Evidence>,
    root: &str,
) -> Saying {
    let mut what = does(operation);
    if operation.reach == Reach::Live && operation.effect != Effect::BypassControl {
        let _ = match by.map(|evidence| told_by(evidence, root)) {
            Some(by) => write!(what, " Its environment is {}, by {by}.", environment.name()),
            None => write!(what, " Nothing tells which environment it means, so it may be production."),
        };
    }
    Saying { verdict, what, instead: operation.instead.clone(), id: format!("command/{}", operation.effect.name()) }
}

/// A scope that names environments is about what is done to systems that run.
fn in_environment(operation: &Operation, environment: Environment) -> Option<Asked<'static>> {
    (operation.reach == Reach::Live).then_some(Asked::Environment(environment))
}

/// What an operation does, in a sentence, and how it is reached.
fn does(operation: &Operation) -> String {
    let perhaps = if operation.certain { "" } else { "perhaps " };
    let via =
        if operation.via.is_empty() { String::new() } else { format!(", by way of `{}`", operation.via.join("`, `")) };
    format!("`{}` {perhaps}{}{via}.", operation.program, operation.what)
}

/// What tells an environment: `--context prod`, `the folder live/prod`.
fn told_by(evidence: &Evidence, root: &str) -> String {
    let Evidence { source, name, word } = evidence;
    match source {
        Source::Flag => format!("`{name} {word}`"),
        Source::Variable => format!("`{name}={word}`"),
        Source::Choice => format!("`{name} {word}` before it"),
        Source::Workspace => format!("the workspace `{word}` that `{name}` names"),
        Source::Host => format!("the machine `{word}`"),
        Source::Target => format!("the name `{word}`"),
        Source::Folder => {
            let below =
                word.strip_prefix(root).map(|rest| rest.trim_start_matches('/')).filter(|rest| !rest.is_empty());
            format!("the folder `{}`", below.unwrap_or(word))
        }
    }
}

/// Scripts and the like, which are about to be run anyway. What is no file of a sensible length is not opened: a pipe would
/// keep the agent waiting.
#[derive(Default)]
struct OnDisk {
    /// What was read, by path: a digest, `absent` or `unreadable`.
    read: RefCell<BTreeMap<String, String>>,
}

impl Files for OnDisk {
    fn read(&self, path: &str) -> File {
        let file = Self::look(path);
        let digest = match &file {
            File::Text(text) => sha256(text.as_bytes()),
            File::Absent => "absent".to_owned(),
            File::Unreadable => UNREADABLE.to_owned(),
        };
        self.read.borrow_mut().insert(path.to_owned(), digest);
        file
    }
}

impl OnDisk {
    fn look(path: &str) -> File {
        let path = match (path.strip_prefix("~/"), home()) {
            (Some(rest), Some(home)) => home.join(rest),
            (Some(_), None) => return File::Unreadable,
            (None, _) => PathBuf::from(path),
        };
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return File::Absent,
            Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_SCRIPT => {}
            _ => return File::Unreadable,
        }
        let mut text = String::new();
        let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_SCRIPT).read_to_string(&mut text));
        if read.is_ok() { File::Text(text) } else { File::Unreadable }
    }
}

fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}
