//! From texts to rules that can be asked.

use crate::functions::{self, Missed};
use crate::run::Rule;
use crate::{Data, Failure, Namespaces, Setup, Source};
use regorus::{Engine, PolicyLengthConfig, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Largest policy that is read, in bytes. Those that people write have some kilobytes.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// Longest line of a policy, in bytes, and most lines: those that people write have a hundred bytes and some hundred lines.
const MAX_LINE: NonZeroU32 = match NonZeroU32::new(16 << 10) {
    Some(bytes) => bytes,
    None => NonZeroU32::MIN,
};
const MAX_LINES: NonZeroUsize = match NonZeroUsize::new(50_000) {
    Some(lines) => lines,
    None => NonZeroUsize::MIN,
};

/// The package of the one rule that is asked to see whether the policies fit together.
const PROBE: &str = "countersign_probe";

/// Policies that are ready to be asked.
#[derive(Clone)]
pub struct Policies {
    pub(crate) engine: Engine,
    /// In order of package and name.
    pub(crate) rules: Vec<Rule>,
    /// Packages that have exceptions.
    pub(crate) excepting: BTreeSet<String>,
    /// Whether a policy asks for the file that it is asked about.
    pub(crate) asks_for_file: bool,
    pub(crate) limit: Duration,
    /// Which function was called that there is not.
    pub(crate) missed: Missed,
}

impl Policies {
    /// Reads policies and data. Each policy is read as Rego v1 or v0, whichever it is written in.
    pub fn load(setup: &Setup) -> Result<Self, Failure> {
        let mut engine = Engine::new();
        // What OPA does: a call that fails is undefined.
        engine.set_strict_builtin_errors(false);
        engine.set_gather_prints(true);
        let max_file_bytes = NonZeroUsize::new(MAX_POLICY_BYTES).unwrap_or(NonZeroUsize::MIN);
        engine.set_policy_length_config(PolicyLengthConfig { max_col: MAX_LINE, max_file_bytes, max_lines: MAX_LINES });

        let missed = functions::add(&mut engine).map_err(|error| Failure::of(&error, "Rego"))?;

        let mut packages: BTreeMap<String, Vec<&Source>> = BTreeMap::new();
        for policy in &setup.policies {
            let package = add(&mut engine, policy)?;
            let package = package.strip_prefix("data.").unwrap_or(&package).to_owned();
            packages.entry(package).or_default().push(policy);
        }
        let wanted: Vec<&String> = match &setup.namespaces {
            Namespaces::Named(names) => names.iter().collect(),
            Namespaces::All => packages.keys().collect(),
        };
        let (mut rules, mut excepting) = (BTreeMap::new(), BTreeSet::new());
        for namespace in wanted {
            let Some(policies) = packages.get(namespace) else {
                let all: Vec<_> = packages.keys().map(|package| format!("`{package}`")).collect();
                return Err(Failure::new(
                    format!("package {namespace}"),
                    format!(
                        "no policy is in this package, so nothing would be checked. There are: {}. Name one with \
                         --namespace, or take all with --all-namespaces.",
                        all.join(", ")
                    ),
                ));
            };
            for policy in policies {
                for name in words(&policy.text) {
                    let is_declared = || engine.has_declared_rule_rooted_at(&policy.name, name).unwrap_or(false);
                    if name == "exception" && is_declared() {
                        excepting.insert(namespace.clone());
                    } else if let Some(level) = Rule::level(name)
                        && is_declared()
                    {
                        let rule = || Rule {
                            namespace: namespace.clone(),
                            name: name.to_owned(),
                            level,
                            file: policy.name.clone(),
                        };
                        rules.entry((namespace.clone(), name)).or_insert_with(rule);
                    }
                }
            }
        }
        if rules.is_empty() {
            let place = setup.policies.first().map(|policy| policy.name.clone()).unwrap_or_default();
            return Err(Failure::new(
                place,
                "there is no rule `deny`, `violation` or `warn`, nor one whose name begins so and goes on with `_`, in the \
                 packages that count, so nothing would be checked. Name another package with --namespace, or take all with \
                 --all-namespaces.",
            ));
        }
        for data in &setup.data {
            engine.add_data(document(data)?).map_err(|error| Failure::of(&error, &data.source.name))?;
        }
        // What is wrong between policies is found once, and not for each input anew.
        let probe = format!("package {PROBE}\nx := 1\n");
        let first = setup.policies.first().map_or("", |policy| policy.name.as_str());
        engine
            .add_policy(PROBE.to_owned(), probe)
            .and_then(|_| engine.eval_rule(format!("data.{PROBE}.x")))
            .map_err(|error| Failure::of(&error, first))?;
        Ok(Self {
            engine,
            rules: rules.into_values().collect(),
            excepting,
            asks_for_file: setup.policies.iter().any(|policy| policy.text.contains("conftest")),
            limit: Duration::from_millis(setup.limit_ms),
            missed,
        })
    }
}

/// Adds a policy in the syntax that it is written in, and returns its package.
fn add(engine: &mut Engine, policy: &Source) -> Result<String, Failure> {
    if policy.text.len() > MAX_POLICY_BYTES {
        return Err(Failure::new(
            &policy.name,
            format!("the policy is larger than {} KiB. Split it, or leave it out.", MAX_POLICY_BYTES >> 10),
        ));
    }
    let mut read = |v0: bool| {
        engine.set_rego_v0(v0);
        engine.add_policy(policy.name.clone(), policy.text.clone())
    };
    let as_v1 = match read(false) {
        Ok(package) => return Ok(package),
        Err(error) => error,
    };
    // Read as v0, much of v1 means something else without being wrong.
    if is_v1(&policy.text) {
        return Err(Failure::of(&as_v1, &policy.name));
    }
    read(true).map_err(|error| Failure::of(&error, &policy.name))
}

/// Whether a policy uses the words of Rego v1 without asking for them one by one, as v0 has to.
fn is_v1(text: &str) -> bool {
    if text.contains("future.keywords") {
        return false;
    }
    let is_word = |word: &str| matches!(word, "if" | "contains" | "every");
    text.contains("import rego.v1") || text.lines().any(|line| code(line).split_whitespace().any(is_word))
}

/// A line without its strings and its comment.
fn code(line: &str) -> String {
    let (mut code, mut quoted, mut escaped) = (String::new(), None, false);
    for character in line.chars() {
        match quoted {
            Some(quote) => {
                if character == quote && !escaped {
                    quoted = None;
                }
                escaped = character == '\\' && !escaped && quote == '"';
            }
            None if character == '#' => break,
            None if matches!(character, '"' | '`') => (quoted, escaped) = (Some(character), false),
            None => code.push(character),
        }
    }
    code
}

/// The names in a text, once each.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

/// A document as it is put below `data`.
fn document(data: &Data) -> Result<Value, Failure> {
    let Data { source, below } = data;
    let read = if source.name.to_ascii_lowercase().ends_with(".json") {
        Value::from_json_str(&source.text)
    } else {
        Value::from_yaml_str(&source.text)
    };
    let mut value = read.map_err(|error| Failure::of(&error, &source.name))?;
    for name in below.iter().rev() {
        let mut outer = BTreeMap::new();
        outer.insert(Value::from(name.as_str()), value);
        value = Value::from(outer);
    }
    if value.as_object().is_err() {
        return Err(Failure::new(
            &source.name,
            "data is an object at its top: put it below a name, or in a folder of its own.",
        ));
    }
    Ok(value)
}
