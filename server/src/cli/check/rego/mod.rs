//! Policies in Rego beside the catalogue: what `check --policy` asks, and what it makes of the answers.

mod files;
mod place;
mod worker;

pub(in crate::cli) use worker::serve;

use crate::disk;
use clap::Args;
use countersign_engine::input::Input;
use countersign_engine::report::JsonProblem;
use countersign_engine::{Analysis, Finding, OriginSummary, Policy, Shown, Snapshot, Workspace};
use countersign_grammars::Language;
use countersign_policy::{Catalogue, Environment, Origin, Verdict};
use countersign_rego::{Failure, Level, Namespaces, Outcome, Said, Setup};
use countersign_text::Text;
use place::At;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use worker::Pool;

/// Longest message that is shown, in bytes.
const MAX_MESSAGE: usize = 2_000;

#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    /// Also run the policies in Rego of this file or folder, with Conftest's rules `deny`, `violation` and `warn`.
    ///
    /// May be given more than once. What a policy finds in `input` says docs/rego.md, and `countersign schema policy-input`.
    #[arg(long, value_name = "DIR")]
    policy: Vec<PathBuf>,
    /// The package whose rules count, `main` where none is named; may be given more than once.
    #[arg(long, value_name = "PACKAGE", requires = "policy")]
    namespace: Vec<String>,
    /// The rules of all packages count.
    #[arg(long, requires = "policy", conflicts_with = "namespace")]
    all_namespaces: bool,
    /// JSON and YAML for policies to find below `data`: a file or a folder, whose folders are names; may be given more than once.
    #[arg(long, value_name = "PATH", requires = "policy")]
    data: Vec<PathBuf>,
    /// Give policies all files at once, as a list of `path` and `contents`.
    #[arg(long, requires = "policy", conflicts_with = "fix")]
    combine: bool,
    /// How long policies may take for one input, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "policy", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    policy_timeout: u64,
}

/// Policies in Rego that files are checked by.
pub(super) struct Rego {
    pool: Pool,
    /// Whether they look at what Countersign knows beyond the text.
    asks_for_more: bool,
    /// What was said of all files at once; `None` where each is looked at by itself.
    together: Option<HashMap<PathBuf, Vec<Finding>>>,
    wrong: Mutex<Wrong>,
}

/// What went wrong.
#[derive(Default)]
struct Wrong {
    /// With the policies: after that they are asked nothing more.
    failure: Option<Failure>,
    /// With files, by their names.
    files: BTreeMap<String, String>,
}

/// A file that policies are asked about.
pub(super) struct Asked {
    pub(super) path: PathBuf,
    pub(super) text: Text,
    pub(super) input: Input,
}

impl Rego {
    /// Reads the policies that were named; `None` where none were.
    pub(super) fn load(arguments: &PolicyArguments) -> anyhow::Result<Option<Self>> {
        if arguments.policy.is_empty() {
            return Ok(None);
        }
        let policies = files::policies(&arguments.policy)?;
        let namespaces = match (arguments.all_namespaces, arguments.namespace.is_empty()) {
            (true, _) => Namespaces::All,
            (false, true) => Namespaces::Named(vec!["main".to_owned()]),
            (false, false) => Namespaces::Named(arguments.namespace.clone()),
        };
        let limit = Duration::from_secs(arguments.policy_timeout);
        let setup = Setup {
            policies,
            data: files::data(&arguments.data)?,
            namespaces,
            limit_ms: arguments.policy_timeout.saturating_mul(1_000),
        };
        Ok(Some(Self {
            asks_for_more: setup.policies.iter().any(|policy| policy.text.contains("countersign")),
            pool: Pool::start(&setup, limit)?,
            together: arguments.combine.then(HashMap::new),
            wrong: Mutex::default(),
        }))
    }

    /// Whether all files are looked at at once.
    pub(super) fn is_combined(&self) -> bool {
        self.together.is_some()
    }

    /// Whether who wrote what matters to the policies.
    pub(super) fn asks_for_more(&self) -> bool {
        self.asks_for_more
    }

    /// What is to be said of one file, and how much exceptions took away.
    pub(super) fn of(
        &self,
        path: &Path,
        (snapshot, workspace): (&Snapshot, &Workspace),
        policy: &Policy,
        analysis: &Analysis,
    ) -> (Vec<Finding>, usize) {
        if let Some(together) = &self.together {
            return (together.get(path).cloned().unwrap_or_default(), 0);
        }
        if self.wrong().failure.is_some() {
            return (Vec::new(), 0);
        }
        let Some(input) = self.input(path, (snapshot, workspace), policy, analysis) else { return (Vec::new(), 0) };
        let asked = [Asked { path: path.to_owned(), text: snapshot.text.clone(), input }];
        match self.ask(&asked, false) {
            Ok((said, excepted)) => (said.into_iter().map(|(_, finding)| finding).collect(), excepted),
            Err(failure) => {
                self.wrong().failure.get_or_insert(failure);
                (Vec::new(), 0)
            }
        }
    }

    /// The input of a file; that there is none is kept as what is wrong with it.
    pub(super) fn input(
        &self,
        path: &Path,
        (snapshot, workspace): (&Snapshot, &Workspace),
        policy: &Policy,
        analysis: &Analysis,
    ) -> Option<Input> {
        // Policies are handed what Terraform, Terragrunt and Packer say.
        if matches!(snapshot.language, Language::Yaml | Language::ChartValues) {
            return None;
        }
        let input = Input::new(snapshot, workspace, policy, &analysis.declared);
        input
            .map_err(|why| {
                let message = format!(
                    "not checked by the policies: {why}. A policy could not tell what is missing from what could not be \
                     read. Mend the file, or leave it out with `files.exclude` in countersign.toml."
                );
                self.wrong().files.insert(disk::display(path), message);
            })
            .ok()
    }

    /// Looks at all files at once; what was found is what `of` says of each later. How much exceptions took away.
    pub(super) fn look_together(&mut self, asked: &[Asked]) -> usize {
        let (said, excepted) = match self.ask(asked, true) {
            Ok(said) => said,
            Err(failure) => {
                self.wrong().failure.get_or_insert(failure);
                return 0;
            }
        };
        let together = self.together.get_or_insert_default();
        for (path, finding) in said {
            together.entry(path).or_default().push(finding);
        }
        excepted
    }

    /// What went wrong, for the report.
    pub(super) fn problems(&self) -> Vec<JsonProblem> {
        let wrong = self.wrong();
        let failure = wrong.failure.iter().map(|failure| (&failure.place, &failure.message));
        let problem =
            |(path, message): (&String, &String)| JsonProblem { path: path.clone(), message: message.clone() };
        failure.chain(&wrong.files).map(problem).collect()
    }

    fn wrong(&self) -> MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, asked: &[Asked], is_list: bool) -> Result<(Vec<(PathBuf, Finding)>, usize), Failure> {
        let Some(first) = asked.first() else { return Ok((Vec::new(), 0)) };
        let (name, folder) = if is_list {
            ("Combined".to_owned(), std::env::current_dir().unwrap_or_default())
        } else {
            let whole = std::path::absolute(&first.path).unwrap_or_else(|_| first.path.clone());
            let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (name, whole.parent().map(Path::to_owned).unwrap_or_default())
        };
        let run = |without: Option<(usize, usize)>| -> Result<Outcome, Failure> {
            let input = document(asked, is_list, without)?;
            let outcome = self.pool.run(&input, &name, &disk::display(&folder));
            outcome.map_err(|failure| match failure.place.as_str() {
                "input" => Failure::new(disk::display(&first.path), failure.message),
                _ => failure,
            })
        };
        let outcome = run(None)?;
        let started = Instant::now();
        let places = place::places(asked, &outcome.said, |without| {
            let in_time = started.elapsed() < self.pool.limit;
            in_time.then(|| run(Some(without)).ok()).flatten()
        });
        let found = outcome.said.iter().zip(places).filter_map(|(said, at)| {
            let of = asked.get(at.file)?;
            Some((of.path.clone(), finding(of, said, &at)?))
        });
        Ok((found.collect(), outcome.excepted))
    }
}

/// What policies find in `input`, perhaps without one part of one file.
fn document(asked: &[Asked], is_list: bool, without: Option<(usize, usize)>) -> Result<Value, Failure> {
    let of = |(index, asked): (usize, &Asked)| {
        let left_out = without.filter(|(file, _)| *file == index).map(|(_, part)| part);
        asked.input.document(left_out).map_err(|why| {
            Failure::new(disk::display(&asked.path), format!("not checked by the policies: {why}. Mend the file."))
        })
    };
    if !is_list {
        return asked.iter().enumerate().next().map_or(Ok(Value::Null), of);
    }
    let entry = |(index, asked): (usize, &Asked)| {
        Ok(json!({"path": disk::display(&asked.path), "contents": of((index, asked))?}))
    };
    asked.iter().enumerate().map(entry).collect()
}

/// The finding that comes of what a rule says; `None` where the catalogue has no such risk.
fn finding(of: &Asked, said: &Said, at: &At) -> Option<Finding> {
    let (risk, verdict) = match said.level {
        Level::Deny => ("policy-denies", Verdict::Deny),
        Level::Warn => ("policy-warns", Verdict::Note),
    };
    let risk = Catalogue::built_in().risk(risk)?;
    let part = at.part.and_then(|part| of.input.parts().get(part));
    let range = match (part, at.line) {
        (_, Some(line)) => of.text.line_content(line),
        (Some(part), None) => part.anchor.clone(),
        (None, None) => 0..0,
    };
    let resource = part.and_then(|part| part.declared.clone());
    let known = resource.as_ref().and_then(|resource| of.input.resource(&resource.address));
    Some(Finding {
        risk: risk.id.as_str(),
        area: risk.area.as_str(),
        title: std::sync::Arc::clone(&risk.title),
        is_secret: risk.secret,
        severity: risk.severity,
        verdict,
        shown: Shown::As(risk.severity),
        origin: part.map_or(OriginSummary { by: Origin::Unknown, evidence: None }, |part| part.origin.clone()),
        range,
        environment: known.map_or(Environment::Unknown, |known| known.environment),
        environment_by: known.and_then(|known| known.environment_by),
        resource: resource.filter(|_| known.is_some()),
        message: one_line(&said.message).into(),
        help: format!("Do as the policy says, or change the policy: it is `{}` in {}.", said.rule, said.file).into(),
        fix: None,
        elsewhere: std::sync::Arc::default(),
        causes: Vec::new(),
        impact: None,
    })
}

/// A message without what a terminal would act on, and not too long.
fn one_line(message: &str) -> String {
    let clean: String = message.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.len() <= MAX_MESSAGE {
        return clean;
    }
    let end = (0..=MAX_MESSAGE).rev().find(|end| clean.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", clean.get(..end).unwrap_or_default())
}
