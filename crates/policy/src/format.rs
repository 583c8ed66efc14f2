//! The format of a risk's file; `docs/risk-files.md` is its description for people.
//!
//! This file is compiled twice: into the build script, which reads and checks the catalogue, and into the library.

use crate::name::Name;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;

/// Areas that a risk can be in, each a folder of the catalogue.
pub const AREAS: &[&str] = &[
    "audit-trail",
    "availability",
    "data-loss",
    "destructive-operation",
    "encryption",
    "exposure",
    "identity",
    "interruption",
    "invented",
    "isolation",
    "pipeline",
    "record",
    "rollout",
    "secrets",
    "state",
    "supply-chain",
];

/// Names of the checks that are written in Rust; `checks::find` has the functions.
pub const CHECKS: &[&str] = &[
    "bucket_is_public",
    "container_image_unpinned",
    "docker_image_is_stage",
    "docker_stage_is_used",
    "iam_allows_everything",
    "iam_any_action",
    "iam_document_public",
    "iam_escalation",
    "iam_github_open",
    "iam_locks_out",
    "iam_public_principal",
    "iam_trusts_anyone",
    "invented_action",
    "invented_argument",
    "invented_image",
    "invented_kind",
    "invented_region",
    "known_secret_format",
    "module_unpinned",
    "open_acl_port",
    "open_admin_port",
    "open_admin_role",
    "open_cleartext_port",
    "open_database_port",
    "open_group",
    "placeholder",
    "provider_unpinned",
    "reachable_admin",
    "routed_through_nat",
    "secret_in_base64",
    "secret_in_environment",
    "sql_goes_on",
    "sql_lock_is_short",
    "sql_table_is_empty",
    "sql_table_is_new",
    "state_bucket",
    "untrusted_checkout",
];

/// How bad a risk is, whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Hurts together with something else.
    Medium,
    /// Hurts on its own, in the wrong moment.
    High,
    /// Hurts at once, and cannot be taken back.
    Critical,
}

/// The front matter of a risk's file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// Name of the risk, kebab-case.
    pub id: Name,
    /// One of [`AREAS`].
    pub area: Name,
    /// How bad it is.
    pub severity: Severity,
    /// A few words.
    pub title: Arc<str>,
    /// What is so and why it matters; a template.
    pub message: String,
    /// What to do; a template.
    pub help: String,
    /// Ids of the same check in other tools.
    #[serde(default)]
    pub same_as: Vec<String>,
    /// The weaknesses that it is, by their numbers in the Common Weakness Enumeration (<https://cwe.mitre.org>).
    #[serde(default)]
    pub cwe: Vec<NonZeroU16>,
    /// What a team may set for itself, by name.
    #[serde(default)]
    pub options: BTreeMap<String, RiskOption>,
    /// Seen by the engine itself and not by a binding.
    #[serde(default)]
    pub engine: bool,
    /// The text that it underlines is a secret, which is never printed.
    #[serde(default)]
    pub secret: bool,
    /// What to look at before approving a change with it, in the place of its area's.
    #[serde(default)]
    pub checklist: Vec<String>,
    /// What a plan of such a change has to show, in the place of its area's: a template of a shell script, which fails where it
    /// does not.
    pub plan: Option<String>,
    /// Where it shows.
    #[serde(default, rename = "binding")]
    pub bindings: Vec<Binding>,
}

/// What a team may set for itself about a risk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskOption {
    /// What holds where nobody sets it.
    pub default: Setting,
    /// What it says, in a sentence.
    pub about: String,
}

/// What an option is set to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Setting {
    /// A string, number or boolean.
    One(Scalar),
    /// Several of them.
    Many(Vec<Scalar>),
}

/// Where a risk shows up in some kinds of resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Kinds of resource; `*` is any. None where it has a `shape`.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Name of a [`Shape`]: it is about every place where that stands, each by itself.
    pub shape: Option<String>,
    /// Kinds in which the shape is not looked at.
    #[serde(default)]
    pub except: Vec<String>,
    /// Path to what it is about, each by itself, from which its attributes and conditions count; empty for the resource.
    #[serde(default)]
    pub within: String,
    /// Attribute path; empty for the resource itself.
    #[serde(default)]
    pub attribute: String,
    /// The condition; absent where a check decides.
    pub when: Option<When>,
    /// All of these must hold for certain.
    #[serde(default)]
    pub only_if: Vec<Guard>,
    /// None of these may hold or be unknown.
    #[serde(default)]
    pub unless: Vec<Guard>,
    /// Another resource that would take care of it.
    pub companion: Option<Companion>,
    /// Name of a check, one of [`CHECKS`], that rules it out wherever it finds something.
    pub unless_check: Option<String>,
    /// Text that makes the attribute safe.
    pub fix: Option<String>,
    /// What holds of the resource where the risk is not there: a template of a condition in HCL, for what does not follow from `when`.
    pub holds: Option<String>,
    /// Name of a check, one of [`CHECKS`].
    pub check: Option<String>,
    /// Replaces the risk's message.
    pub message: Option<String>,
    /// Replaces the risk's help.
    pub help: Option<String>,
}

/// Something that stands in resources of many kinds, such as a container; one table of `rules/shapes.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// What it is, for people.
    pub about: String,
    /// Where it stands.
    pub at: Vec<Stand>,
}

/// Where a shape stands in some kinds of resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stand {
    /// The kinds.
    pub kinds: Vec<String>,
    /// Attribute paths from the resource; an empty one is the resource itself.
    pub paths: Vec<String>,
    /// The names of attributes from there are written as `security_context` and not as `securityContext`.
    #[serde(default)]
    pub snake_case: bool,
}

/// All shapes by their names.
pub type Shapes = BTreeMap<String, Shape>;

/// Reads what shapes there are.
pub fn read_shapes(text: &str) -> Result<Shapes, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// A kind of one language that is the same resource as a kind of another; one table of `rules/twins.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    /// The kind that bindings name.
    pub of: String,
    /// The other one.
    pub kind: String,
    /// What attributes are called there, by their paths. A binding that looks at others does not hold there.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// All twins.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twins {
    /// In the order of the file.
    #[serde(rename = "twin")]
    pub all: Vec<Twin>,
}

/// Reads what twins there are.
pub fn read_twins(text: &str) -> Result<Twins, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

impl Twin {
    /// A binding as it holds for this kind, where it does.
    fn binding(&self, of: &Binding) -> Option<Binding> {
        let is_about = of.kinds.contains(&self.of) && of.companion.is_none() && of.within.is_empty();
        is_about.then_some(())?;
        // The resource itself has no other name.
        let name = |attribute: &str| match attribute {
            "" => Some(String::new()),
            attribute => self.names.get(attribute).cloned(),
        };
        let mut twin = Binding { kinds: vec![self.kind.clone()], holds: None, ..of.clone() };
        twin.attribute = name(&of.attribute)?;
        for guard in twin.only_if.iter_mut().chain(&mut twin.unless) {
            guard.attribute = name(&guard.attribute)?;
        }
        Some(twin)
    }
}

/// A binding for each place where its shape stands; one without a shape as it is.
fn expanded(binding: Binding, shapes: &Shapes) -> Result<Vec<Binding>, String> {
    let Some(name) = binding.shape.clone() else { return Ok(vec![binding]) };
    let shape = shapes.get(&name).ok_or_else(|| format!("there is no shape `{name}` in shapes.toml"))?;
    if !binding.kinds.is_empty() {
        return Err("a binding has either `kinds` or a `shape`".to_owned());
    }
    let mut bindings = Vec::new();
    for stand in &shape.at {
        let named = |attribute: &str| if stand.snake_case { snake_case(attribute) } else { attribute.to_owned() };
        let kinds: Vec<_> = stand.kinds.iter().filter(|kind| !binding.except.contains(kind)).cloned().collect();
        for path in stand.paths.iter().filter(|_| !kinds.is_empty()) {
            let mut one = Binding { kinds: kinds.clone(), within: path.clone(), ..binding.clone() };
            (one.shape, one.except) = (None, Vec::new());
            one.attribute = named(&binding.attribute);
            for guard in one.only_if.iter_mut().chain(&mut one.unless) {
                guard.attribute = named(&guard.attribute);
            }
            bindings.push(one);
        }
    }
    Ok(bindings)
}

/// `securityContext` as `security_context`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut is_lower = false;
    for c in name.chars() {
        // `hostPID` is one word after another.
        if c.is_ascii_uppercase() && is_lower {
            out.push('_');
        }
        is_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A resource whose presence takes a risk away from another.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// Its kinds.
    pub kinds: Vec<String>,
    /// Its attribute that names the resource that it takes care of.
    pub attribute: String,
    /// Another name of that attribute, of older versions of the provider.
    pub older: Option<String>,
    /// None of these may be known not to hold.
    #[serde(default)]
    pub when: Vec<Guard>,
}

/// A condition on another attribute of the same resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Attribute path from the resource.
    pub attribute: String,
    /// What it has to be.
    pub when: When,
}

/// A condition on a value.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum When {
    /// A condition without operands.
    Word(Word),
    /// A comparison.
    Compare(Box<Comparison>),
}

// An untagged enum would not say which key is wrong.
impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = When;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word such as \"false\", or a comparison such as { in = [\"a\"] }")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<When, E> {
                Word::deserialize(StrDeserializer::new(word)).map(When::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<When, A::Error> {
                Comparison::deserialize(MapAccessDeserializer::new(map)).map(|it| When::Compare(Box::new(it)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Conditions without operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The literal `true`.
    True,
    /// The literal `false`.
    False,
    /// Not there, or `null`.
    Missing,
    /// `true`, or missing.
    TrueOrMissing,
    /// `false`, or missing.
    FalseOrMissing,
    /// There and not `null`.
    Present,
    /// A non-empty string that stands in the text.
    Literal,
    /// An empty string, list or object.
    Empty,
    /// The same, or missing.
    EmptyOrMissing,
}

/// A comparison with what the rule names. Exactly one operator is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// One of these.
    #[serde(rename = "in")]
    pub one_of: Option<Operand<Vec<Scalar>>>,
    /// None of these.
    #[serde(rename = "not_in")]
    pub none_of: Option<Operand<Vec<Scalar>>>,
    /// Begins with one of these.
    pub starts_with: Option<Operand<Vec<Scalar>>>,
    /// A list of which all elements are known, and one of these is not among them.
    pub lacks: Option<Operand<Vec<Scalar>>>,
    /// A list of which all elements are known, and none matches this regular expression.
    pub none_match: Option<String>,
    /// A smaller number.
    pub less_than: Option<Operand<f64>>,
    /// A larger number.
    pub greater_than: Option<Operand<f64>>,
    /// A regular expression.
    pub matches: Option<String>,
    /// Holds also where there is nothing.
    #[serde(default)]
    pub or_missing: bool,
}

/// What a value is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Operand<T> {
    /// This.
    Value(T),
    /// What an option of the risk is set to.
    Set(ByOption<T>),
}

/// An option, and what it is set to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByOption<T> {
    /// One of the risk's `options`.
    pub option: String,
    /// What [`Risk::with_options`] found it to be.
    #[serde(skip, default = "unset")]
    pub(crate) value: Option<T>,
}

fn unset<T>() -> Option<T> {
    None
}

impl<T> Operand<T> {
    fn option(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Set(by) => Some(&by.option),
        }
    }
}

/// A string, number or boolean in a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string, compared without regard to case.
    String(String),
}

/// What there is to say of all risks of an area; one table of `rules/areas.toml`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaReview {
    /// What to look at before approving a change with one of its risks.
    pub checklist: Vec<String>,
    /// What a plan of such a change has to show; as [`Risk::plan`].
    pub plan: Option<String>,
}

/// A risk with the Markdown behind its front matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskDocument {
    /// The front matter.
    pub risk: Risk,
    /// The Markdown behind it.
    pub body: String,
}

/// Reads and checks what there is to say of areas, by their names.
pub fn read_areas(text: &str) -> Result<BTreeMap<String, AreaReview>, String> {
    let areas: BTreeMap<String, AreaReview> = toml::from_str(text).map_err(|error| error.to_string())?;
    if !areas.keys().map(String::as_str).eq(AREAS.iter().copied()) {
        return Err(format!("it has one table for each of {AREAS:?}, and no other"));
    }
    for (area, review) in &areas {
        if review.checklist.is_empty() {
            return Err(format!("`{area}` needs a `checklist`"));
        }
        check_review(&review.checklist, review.plan.as_deref()).map_err(|error| format!("`{area}`: {error}"))?;
    }
    Ok(areas)
}

/// What is wrong in a risk's file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Bytes of the file.
    pub range: Range<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The two parts of a risk's file, as bytes of it.
struct Parts {
    /// Between the two lines of `+++`.
    front: Range<usize>,
    /// Behind them.
    body: Range<usize>,
}

impl Parts {
    fn of(markdown: &str) -> Result<Self, Wrong> {
        let mut at = 0;
        let mut start = None;
        for line in markdown.split_inclusive('\n') {
            let is_edge = line.trim_end() == "+++";
            let wrong = |range, message: &str| Err(Wrong { range, message: message.to_owned() });
            match start {
                None if !is_edge => {
                    return wrong(0..line.trim_end().len(), "the file has to start with a line of `+++`");
                }
                None => start = Some(at + line.len()),
                Some(start) if is_edge => return Ok(Self { front: start..at, body: at + line.len()..markdown.len() }),
                Some(_) => {}
            }
            at += line.len();
        }
        let message = match start {
            None => "the file is empty; it has to start with a line of `+++`",
            Some(_) => "the front matter has no closing line of `+++`",
        };
        Err(Wrong { range: 0..markdown.lines().next().unwrap_or_default().len(), message: message.to_owned() })
    }

    /// The line of the front matter, or of the body, of which something is said; of the first line where there is none.
    fn line(&self, markdown: &str, place: &Place) -> Range<usize> {
        let within = if matches!(place, Place::Heading) { &self.body } else { &self.front };
        let mut bindings = 0;
        let mut is_it = |line: &str| match *place {
            Place::Key(key) => line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')),
            Place::Binding(nth) => {
                bindings += usize::from(line.starts_with("[[binding]]"));
                bindings > nth
            }
            Place::Heading => line.starts_with('#'),
        };
        let mut at = within.start;
        for line in markdown[within.clone()].split_inclusive('\n') {
            if is_it(line) {
                return at..at + line.trim_end().len();
            }
            at += line.len();
        }
        0..markdown.lines().next().unwrap_or_default().len()
    }
}

/// Where in a risk's file something is wrong.
enum Place {
    /// A key at the top.
    Key(&'static str),
    /// The nth table of `[[binding]]`.
    Binding(usize),
    /// The headings.
    Heading,
}

/// Reads and checks one file. `id` is what its name says, `area` what its folder does, where that says something.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn read(
    markdown: &str,
    id: &str,
    area: Option<&str>,
    shapes: &Shapes,
    twins: &Twins,
) -> Result<RiskDocument, Wrong> {
    let parts = Parts::of(markdown)?;
    let at = |(place, message): (Place, String)| Wrong { range: parts.line(markdown, &place), message };
    let mut risk: Risk = toml::from_str(&markdown[parts.front.clone()]).map_err(|error| {
        let range = error.span().map_or(0..0, |span| parts.front.start + span.start..parts.front.start + span.end);
        Wrong { range, message: error.message().to_owned() }
    })?;
    let mut bindings = Vec::new();
    for (nth, binding) in std::mem::take(&mut risk.bindings).into_iter().enumerate() {
        let of_it = |message| at((Place::Binding(nth), message));
        check_binding(&binding, &risk.options, risk.secret).map_err(of_it)?;
        bindings.extend(expanded(binding, shapes).map_err(of_it)?);
    }
    risk.bindings = bindings;
    check(&risk, id, area).map_err(at)?;
    let body = &markdown[parts.body.clone()];
    check_body(&risk, body).map_err(|message| at((Place::Heading, message)))?;
    let of = |twin: &Twin| risk.bindings.iter().filter_map(|binding| twin.binding(binding)).collect::<Vec<_>>();
    let mut more: Vec<_> = twins.all.iter().flat_map(of).collect();
    // A kind of Terraform may be split, and each part of it be the same as one kind here.
    more.dedup_by(|a, b| a.kinds == b.kinds && a.attribute == b.attribute && a.check.is_some() && a.check == b.check);
    risk.bindings.extend(more);
    Ok(RiskDocument { risk, body: body.trim().to_owned() })
}

/// Longest id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

fn check(risk: &Risk, id: &str, area: Option<&str>) -> Result<(), (Place, String)> {
    let is_kebab = |id: &str| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let at = |key| move |message| (Place::Key(key), message);
    if risk.id != *id || !is_kebab(id) || id.len() > MAX_ID_BYTES {
        let message = format!(
            "`id` has to be the file's name without `.md`, `{id}`, in small letters, digits and hyphens, at most {MAX_ID_BYTES} of them"
        );
        return Err((Place::Key("id"), message));
    }
    if area.is_some_and(|area| risk.area != *area) || !AREAS.contains(&risk.area.as_str()) {
        let folder = area.map(|area| format!("the folder's name, `{area}`, and ")).unwrap_or_default();
        return Err((Place::Key("area"), format!("`area` has to be {folder}one of {}", AREAS.join(", "))));
    }
    if risk.engine != risk.bindings.is_empty() {
        let message = "a risk has at least one `[[binding]]`, or `engine = true` and none";
        return Err((Place::Key("id"), message.to_owned()));
    }
    check_template(&risk.message, &risk.options, risk.secret).map_err(at("message"))?;
    check_template(&risk.help, &risk.options, risk.secret).map_err(at("help"))?;
    check_review(&risk.checklist, None).map_err(at("checklist"))?;
    check_review(&[], risk.plan.as_deref()).map_err(at("plan"))
}

fn check_review(checklist: &[String], plan: Option<&str>) -> Result<(), String> {
    if let Some(item) = checklist.iter().find(|item| !item.ends_with(['.', '?']) || item.contains('\n')) {
        return Err(format!(
            "what is to be looked at is one line that ends with a full stop or a question mark, not `{item}`"
        ));
    }
    plan.map_or(Ok(()), |plan| check_skeleton(plan, &["address"]))
}

/// A template in which braces around a word stand for something; others are the language's own.
fn check_skeleton(template: &str, known: &[&str]) -> Result<(), String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let words = template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(word, _)| word);
    if let Some(other) = words.into_iter().find(|word| is_word(word) && !known.contains(word)) {
        return Err(format!("`{{{other}}}` is not known here, only {known:?}"));
    }
    if template.contains("{address}") { Ok(()) } else { Err("a test names the resource as `{address}`".to_owned()) }
}

fn check_template(template: &str, options: &BTreeMap<String, RiskOption>, secret: bool) -> Result<(), String> {
    for part in template.split('{').skip(1) {
        match part.split('}').next().unwrap_or_default() {
            "value" if secret => return Err("a message about a secret must not show `{value}`".to_owned()),
            "kind" | "address" | "attribute" | "value" => {}
            option if options.contains_key(option) => {}
            other => {
                return Err(format!(
                    "`{{{other}}}` is not known in a message, only `{{kind}}`, `{{address}}`, `{{attribute}}`, `{{value}}` and the \
                     risk's `options`"
                ));
            }
        }
    }
    Ok(())
}

fn check_binding(binding: &Binding, options: &BTreeMap<String, RiskOption>, secret: bool) -> Result<(), String> {
    if binding.kinds.is_empty() && binding.shape.is_none() {
        return Err("a binding needs `kinds` or a `shape`".to_owned());
    }
    for template in binding.message.iter().chain(&binding.help) {
        check_template(template, options, secret)?;
    }
    match (&binding.when, &binding.check) {
        (Some(when), None) => {
            check_when(when, options)?;
            if binding.attribute.is_empty() {
                return Err("a binding with `when` needs an `attribute`".to_owned());
            }
        }
        (None, Some(check)) if CHECKS.contains(&check.as_str()) => {}
        (None, Some(check)) => return Err(format!("there is no check `{check}`, only {CHECKS:?}")),
        _ => return Err("a binding has either `when` or `check`".to_owned()),
    }
    if let Some(holds) = &binding.holds {
        check_skeleton(holds, &["address", "attribute"])?;
    }
    if let Some(check) = binding.unless_check.as_ref().filter(|check| !CHECKS.contains(&check.as_str())) {
        return Err(format!("there is no check `{check}`, only {CHECKS:?}"));
    }
    let companions = binding.companion.iter().flat_map(|companion| &companion.when);
    let guards = binding.only_if.iter().chain(&binding.unless).chain(companions);
    guards.map(|guard| &guard.when).try_for_each(|when| check_when(when, options))
}

fn check_when(when: &When, options: &BTreeMap<String, RiskOption>) -> Result<(), String> {
    let When::Compare(compare) = when else { return Ok(()) };
    let operators = usize::from(compare.one_of.is_some())
        + usize::from(compare.none_of.is_some())
        + usize::from(compare.starts_with.is_some())
        + usize::from(compare.lacks.is_some())
        + usize::from(compare.none_match.is_some())
        + usize::from(compare.less_than.is_some())
        + usize::from(compare.greater_than.is_some())
        + usize::from(compare.matches.is_some());
    if operators != 1 {
        return Err(
            "a comparison has exactly one of `in`, `not_in`, `starts_with`, `lacks`, `none_match`, `less_than`, \
                    `greater_than`, `matches`"
                .to_owned(),
        );
    }
    for pattern in compare.matches.iter().chain(&compare.none_match) {
        regex::Regex::new(pattern).map_err(|error| error.to_string())?;
    }
    let lists = [&compare.one_of, &compare.none_of, &compare.starts_with, &compare.lacks];
    let lists = lists.into_iter().flatten().filter_map(Operand::option);
    let numbers = [&compare.less_than, &compare.greater_than].into_iter().flatten().filter_map(Operand::option);
    for (name, is_list) in lists.map(|name| (name, true)).chain(numbers.map(|name| (name, false))) {
        match options.get(name).map(|option| &option.default) {
            Some(Setting::Many(_)) if is_list => {}
            Some(Setting::One(Scalar::Number(_))) if !is_list => {}
            Some(_) => {
                return Err(format!("the option `{name}` has to be {}", if is_list { "a list" } else { "a number" }));
            }
            None => return Err(format!("there is no option `{name}`; write it as `[options.{name}]`")),
        }
    }
    Ok(())
}

fn check_body(risk: &Risk, body: &str) -> Result<(), String> {
    if body.trim_start().starts_with('#') {
        return Err("the body starts with prose".to_owned());
    }
    let headings: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let needed: &[&str] =
        if risk.engine { &["What to do"] } else { &["What to do", "Flagged", "Not flagged", "References"] };
    let order = ["What to do", "Flagged", "Not flagged", "Fixed", "References"];
    let places: Vec<_> = headings.iter().map(|heading| order.iter().position(|known| known == heading)).collect();
    if places.contains(&None) || !places.is_sorted() {
        return Err(format!("the sections are {order:?}, in this order, not {headings:?}"));
    }
    match needed.iter().find(|needed| !headings.contains(needed)) {
        Some(missing) => Err(format!("the section `## {missing}` is missing")),
        None => Ok(()),
    }
}
