//! From an input to what the rules say of it.

use crate::Failure;
use crate::functions::Missed;
use crate::load::Policies;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Most that rules may say and print about one input, in bytes.
pub const MAX_SAID_BYTES: usize = 1 << 20;

/// Steps between two looks at the clock.
const STEPS: NonZeroU32 = match NonZeroU32::new(64) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// What follows from what a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// `warn`.
    Warn,
    /// `deny`, `violation`.
    Deny,
}

/// A rule that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) level: Level,
    /// The policy that has it, or the first of them.
    pub(crate) file: String,
}

/// One thing that a rule says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What follows.
    pub level: Level,
    /// Package and name of the rule: `main.deny_public`.
    pub rule: String,
    /// The policy that has the rule.
    pub file: String,
    /// The message.
    pub message: String,
    /// What stands beside the message, where the rule gives an object.
    pub metadata: Map<String, Json>,
}

/// What all rules say of an input.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// In order of the rules.
    pub said: Vec<Said>,
    /// How much an `exception` took away.
    pub excepted: usize,
}

impl Rule {
    /// What follows from a rule of this name; `None` where it is none that counts. The names are those of Conftest:
    /// `^(deny|violation|warn)(_[a-zA-Z0-9]+)*$`.
    pub(crate) fn level(name: &str) -> Option<Level> {
        let starts = [("deny", Level::Deny), ("violation", Level::Deny), ("warn", Level::Warn)];
        let (rest, level) = starts.iter().find_map(|(start, level)| Some((name.strip_prefix(start)?, *level)))?;
        let is_suffix = |rest: &str| {
            rest.strip_prefix('_').is_some_and(|rest| {
                rest.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            })
        };
        (rest.is_empty() || is_suffix(rest)).then_some(level)
    }

    /// What an exception names it by: what follows its first word.
    fn suffix(&self) -> &str {
        self.name.split_once('_').map_or("", |(_, suffix)| suffix)
    }

    fn full_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }
}

impl Policies {
    /// Asks every rule about an input. `file` is the name and the folder of the file, which policies find in
    /// `data.conftest.file`.
    pub fn run(&self, input: Json, file: (&str, &str)) -> Result<Outcome, Failure> {
        let mut asked = Asked {
            engine: self.engine.clone(),
            started: Instant::now(),
            limit: self.limit,
            printed: 0,
            missed: self.missed.clone(),
        };
        if self.asks_for_file {
            let (name, folder) = file;
            let about = serde_json::json!({"conftest": {"file": {"name": name, "dir": folder}}});
            let added = asked.engine.add_data(Value::from(about));
            added.map_err(|error| Failure::of(&error, "data.conftest"))?;
        }
        asked.engine.set_input(Value::from(input));
        let mut outcome = Outcome::default();
        let mut bytes = 0;
        for rule in &self.rules {
            let mut said = rule.read(&asked.ask(&rule.full_name(), rule)?)?;
            if !said.is_empty() && self.excepting.contains(&rule.namespace) {
                let exceptions = asked.ask(&format!("{}.exception", rule.namespace), rule)?;
                if names(&exceptions, rule.suffix()) {
                    outcome.excepted += said.len();
                    said.clear();
                }
            }
            bytes += said.iter().map(Said::bytes).sum::<usize>();
            if bytes > MAX_SAID_BYTES {
                return Err(rule.says_too_much());
            }
            outcome.said.append(&mut said);
        }
        Ok(outcome)
    }
}

/// An input that is being looked at.
struct Asked {
    engine: Engine,
    started: Instant,
    limit: Duration,
    printed: usize,
    missed: Missed,
}

impl Asked {
    /// The value of a rule as JSON, where sets are lists; `Null` where it is undefined.
    fn ask(&mut self, path: &str, on_behalf: &Rule) -> Result<Json, Failure> {
        let left = self.limit.saturating_sub(self.started.elapsed());
        self.engine.set_execution_timer_config(ExecutionTimerConfig { limit: left, check_interval: STEPS });
        let value = self.engine.eval_rule(format!("data.{path}"));
        let is_late = |error: &anyhow::Error| error.to_string().contains("exceeded time limit");
        // In a function of a policy, to be stopped comes to undefined, and the rule goes on with that.
        if value.as_ref().is_err_and(is_late) || self.started.elapsed() > self.limit {
            return Err(Failure::new(
                format!("{}, rule {path}", on_behalf.file),
                format!(
                    "the policies took longer than {} s for one input and were stopped. Make the rule look at less, or give it \
                     more time with --policy-timeout.",
                    self.limit.as_secs_f64()
                ),
            ));
        }
        let missed = self.missed.take();
        let value = value.map_err(|error| Failure::of(&error, &on_behalf.file))?;
        if let Some(function) = missed {
            return Err(Failure::lacking(function, &on_behalf.file));
        }
        let printed = self.engine.take_prints().map_err(|error| Failure::of(&error, &on_behalf.file))?;
        self.printed += printed.iter().map(String::len).sum::<usize>();
        if self.printed > MAX_SAID_BYTES {
            return Err(on_behalf.says_too_much());
        }
        if value == Value::Undefined {
            return Ok(Json::Null);
        }
        let text = value.to_json_str().map_err(|error| Failure::of(&error, &on_behalf.file))?;
        if text.len() > MAX_SAID_BYTES {
            return Err(on_behalf.says_too_much());
        }
        serde_json::from_str(&text).map_err(|error| Failure::new(&on_behalf.file, format!("rule {path}: {error}.")))
    }
}

impl Rule {
    /// What the value of the rule says.
    fn read(&self, value: &Json) -> Result<Vec<Said>, Failure> {
        match value {
            Json::Null | Json::Bool(false) => Ok(Vec::new()),
            Json::Array(all) => all.iter().map(|one| self.read_one(one)).filter(is_said).collect(),
            Json::Object(none) if none.is_empty() => Ok(Vec::new()),
            _ => Err(Failure::new(
                &self.file,
                format!(
                    "the rule `{}` gives no set of messages, so nobody could be told what is wrong. Write `{} contains msg \
                     if {{ … }}`, in older Rego `{}[msg] {{ … }}`.",
                    self.full_name(),
                    self.name,
                    self.name
                ),
            )),
        }
    }

    fn read_one(&self, value: &Json) -> Result<Said, Failure> {
        let (message, metadata) = match value {
            Json::String(message) => (Some(message.clone()), Map::new()),
            Json::Object(object) => {
                let metadata =
                    object.iter().filter(|(key, _)| *key != "msg").map(|(key, of)| (key.clone(), of.clone()));
                (object.get("msg").and_then(Json::as_str).map(str::to_owned), metadata.collect())
            }
            _ => (None, Map::new()),
        };
        let Some(message) = message else {
            return Err(Failure::new(
                &self.file,
                format!(
                    "the rule `{}` gives something that is neither a text nor an object with a text `msg`, so nobody could \
                     be told what is wrong.",
                    self.full_name()
                ),
            ));
        };
        Ok(Said { level: self.level, rule: self.full_name(), file: self.file.clone(), message, metadata })
    }

    fn says_too_much(&self) -> Failure {
        Failure::new(
            format!("{}, rule {}", self.file, self.full_name()),
            format!(
                "the policies say or print more than {} KiB about one input. Say each thing once, and leave `print` out.",
                MAX_SAID_BYTES >> 10
            ),
        )
    }
}

/// An empty message says nothing, in Conftest too.
fn is_said(said: &Result<Said, Failure>) -> bool {
    !said.as_ref().is_ok_and(|said| said.message.is_empty())
}

impl Said {
    fn bytes(&self) -> usize {
        self.message.len() + self.metadata.values().map(|value| value.to_string().len()).sum::<usize>()
    }
}

/// Whether one of the lists of an `exception` has a name.
fn names(exceptions: &Json, name: &str) -> bool {
    let lists = exceptions.as_array().into_iter().flatten().filter_map(Json::as_array);
    lists.flatten().any(|named| named.as_str() == Some(name))
}
