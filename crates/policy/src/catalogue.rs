//! The catalogue of risks: built from `rules/` and read once, on first use; with the risks of a team beside them, and set as a team
//! wants them.

use crate::format::{self, AreaReview, Binding, Risk, RiskDocument, Setting, Severity, Shapes, Twins, Wrong};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Longest file of a risk of a team's own that is read, in bytes.
pub const MAX_RISK_BYTES: usize = 256 << 10;

/// Risks of a team's own that are read.
pub const MAX_OWN_RISKS: usize = 500;

/// Where the risks of a team's own stand, from the root of the repository.
pub const OWN_RISKS: &str = ".countersign/risks";

impl Binding {
    /// The path of its attribute from the resource.
    pub fn path(&self) -> String {
        [self.within.as_str(), &self.attribute]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// How a team wants some risks: one `[[risk]]` of `countersign.toml`. Of rows about the same risk the first that says something
/// decides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskRow {
    /// The risks, by their ids as `countersign risks` lists them; where it is left out, all of `area`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Vec<String>>,
    /// The areas that they are in; where it is left out, any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<Vec<String>>,
    /// How bad they are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// They are not looked for here, and this is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<String>,
    /// What their options are set to here, as `countersign explain` lists them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Setting>,
}

impl RiskRow {
    /// A row that names none is about none.
    fn is_about(&self, risk: &Risk) -> bool {
        (self.id.is_some() || self.area.is_some())
            && self.id.as_ref().is_none_or(|ids| ids.iter().any(|id| risk.id == **id))
            && self.area.as_ref().is_none_or(|areas| areas.iter().any(|area| risk.area == **area))
    }
}

/// All risks, and which bindings look at which kinds of resource.
#[derive(Debug)]
pub struct Catalogue {
    /// Tells it from every other one of this process.
    number: u64,
    documents: Vec<Arc<RiskDocument>>,
    by_kind: HashMap<String, Vec<(usize, usize)>>,
    by_id: HashMap<&'static str, usize>,
    off: HashMap<&'static str, String>,
    own: usize,
    areas: Arc<BTreeMap<String, AreaReview>>,
}

/// Reads what the build script wrote from checked values of the same types.
fn built<T: Default + for<'de> Deserialize<'de>>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}

static BUILT_IN: LazyLock<Arc<Catalogue>> = LazyLock::new(|| {
    let documents: Vec<RiskDocument> = built(include_str!(concat!(env!("OUT_DIR"), "/catalogue.json")));
    let areas = Arc::new(built(include_str!(concat!(env!("OUT_DIR"), "/areas.json"))));
    let set = |document: RiskDocument| RiskDocument { risk: document.risk.with_options(&BTreeMap::new()), ..document };
    Arc::new(Catalogue::new(documents.into_iter().map(set).map(Arc::new).collect(), HashMap::new(), 0, areas))
});

/// What there is in many kinds, and which kinds are the same; as risks of a team's own have them too.
static TABLES: LazyLock<(Shapes, Twins)> = LazyLock::new(|| {
    let shapes = built(include_str!(concat!(env!("OUT_DIR"), "/shapes.json")));
    (shapes, built(include_str!(concat!(env!("OUT_DIR"), "/twins.json"))))
});

/// Reads a risk of a team's own: a file like those of the catalogue, in [`OWN_RISKS`]. `id` is what its name says.
///
/// # Errors
///
/// The first thing that is wrong, and where.
pub fn read_own_risk(markdown: &str, id: &str) -> Result<RiskDocument, Wrong> {
    let wrong = |message: String| Err(Wrong { range: 0..markdown.lines().next().unwrap_or_default().len(), message });
    if markdown.len() > MAX_RISK_BYTES {
        return wrong(format!("it is longer than {MAX_RISK_BYTES} bytes and is not read; take out what is not needed"));
    }
    let document = format::read(markdown, id, None, &TABLES.0, &TABLES.1)?;
    if Catalogue::built_in().risk(id).is_some() {
        return wrong(format!(
            "there is a risk `{id}` already, which comes with Countersign; choose another name, or set that one with `[[risk]]` in \
             countersign.toml"
        ));
    }
    if document.risk.engine {
        return wrong(
            "`engine = true` is for what the engine sees by itself; a risk of your own has a `[[binding]]`".to_owned(),
        );
    }
    Ok(document)
}

impl Catalogue {
    /// The risks that come with Countersign.
    pub fn built_in() -> &'static Arc<Self> {
        &BUILT_IN
    }

    /// The risks that come with Countersign and a team's own, as the team wants them.
    pub fn set(own: &[Arc<RiskDocument>], rows: &[RiskRow]) -> Arc<Self> {
        if own.is_empty() && rows.is_empty() {
            return Arc::clone(&BUILT_IN);
        }
        let mut off = HashMap::new();
        let mut documents: Vec<_> = BUILT_IN.documents.iter().chain(own).cloned().collect();
        for document in &mut documents {
            let about: Vec<_> = rows.iter().filter(|row| row.is_about(&document.risk)).collect();
            let why = about.iter().find_map(|row| row.off.clone()).filter(|why| !why.trim().is_empty());
            if let Some(why) = why.filter(|_| document.risk.can_be_off()) {
                off.insert(document.risk.id.as_str(), why);
            }
            let severity = about.iter().find_map(|row| row.severity);
            let mut options = BTreeMap::new();
            for (name, setting) in about.iter().flat_map(|row| &row.options) {
                let is_like = |option: &format::RiskOption| option.default.is_like(setting);
                if document.risk.options.get(name).is_some_and(is_like) {
                    options.entry(name.clone()).or_insert_with(|| setting.clone());
                }
            }
            let is_own = BUILT_IN.risk(&document.risk.id).is_none();
            if severity.is_none() && options.is_empty() && !is_own {
                continue;
            }
            let mut risk = document.risk.clone().with_options(&options);
            risk.severity = severity.unwrap_or(risk.severity);
            *document = Arc::new(RiskDocument { risk, body: document.body.clone() });
        }
        documents.sort_by_key(|document| document.risk.id);
        Arc::new(Self::new(documents, off, own.len(), Arc::clone(&BUILT_IN.areas)))
    }

    fn new(
        documents: Vec<Arc<RiskDocument>>,
        off: HashMap<&'static str, String>,
        own: usize,
        areas: Arc<BTreeMap<String, AreaReview>>,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let mut by_kind: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (risk, document) in documents.iter().enumerate() {
            if off.contains_key(document.risk.id.as_str()) {
                continue;
            }
            for (binding, declared) in document.risk.bindings.iter().enumerate() {
                for kind in &declared.kinds {
                    by_kind.entry(kind.clone()).or_default().push((risk, binding));
                }
            }
        }
        let by_id = documents.iter().enumerate().map(|(index, document)| (document.risk.id.as_str(), index)).collect();
        Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), documents, by_kind, by_id, off, own, areas }
    }

    /// A number that no other catalogue of this process has.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// All risks in order of their ids.
    pub fn documents(&self) -> &[Arc<RiskDocument>] {
        &self.documents
    }

    /// How many of them are a team's own.
    pub fn own(&self) -> usize {
        self.own
    }

    /// A risk with its page.
    pub fn document(&self, id: &str) -> Option<&Arc<RiskDocument>> {
        self.by_id.get(id).map(|index| &self.documents[*index])
    }

    /// A risk by its id.
    pub fn risk(&self, id: &str) -> Option<&Risk> {
        self.document(id).map(|document| &document.risk)
    }

    /// Why a risk is not looked for; `None` where it is.
    pub fn off(&self, id: &str) -> Option<&str> {
        self.off.get(id).map(String::as_str)
    }

    /// What to look at before approving a change with a risk: its own list, else its area's.
    pub fn checklist(&self, id: &str) -> &[String] {
        let Some(risk) = self.risk(id) else { return &[] };
        let of_area = || self.areas.get(risk.area.as_str()).map_or(&[][..], |area| &area.checklist);
        if risk.checklist.is_empty() { of_area() } else { &risk.checklist }
    }

    /// What a plan of a change with a risk has to show: its own template, else its area's.
    pub(crate) fn plan<'a>(&'a self, risk: &'a Risk) -> Option<&'a str> {
        risk.plan.as_deref().or_else(|| self.areas.get(risk.area.as_str())?.plan.as_deref())
    }

    /// Every binding that looks at a kind of resource, as index of the risk and of its binding.
    pub(crate) fn bindings(&self, kind: &str) -> impl Iterator<Item = (usize, usize)> {
        let of = |kind| self.by_kind.get(kind).into_iter().flatten().copied();
        of(kind).chain(of("*"))
    }

    /// What is wrong with a row about risks, each with the key that it is about.
    pub(crate) fn problems(&self, row: &RiskRow) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if row.id.is_none() && row.area.is_none() {
            return vec![("", "it says neither `id` nor `area`; name the risks that it is about".to_owned())];
        }
        for id in row.id.iter().flatten().filter(|id| self.risk(id).is_none()) {
            let message =
                format!("there is no risk `{id}`, neither here nor in {OWN_RISKS}; `countersign risks` lists all");
            problems.push(("id", message));
        }
        for area in row.area.iter().flatten().filter(|area| !format::AREAS.contains(&area.as_str())) {
            problems.push(("area", format!("there is no area `{area}`, only {}", format::AREAS.join(", "))));
        }
        let risks = self.documents.iter().map(|document| &document.risk);
        let about: Vec<&Risk> = risks.filter(|risk| row.is_about(risk)).collect();
        if let Some(why) = &row.off {
            if why.trim().is_empty() {
                problems.push(("off", "say between the quotes why they are not looked for here".to_owned()));
            }
            if let Some(risk) = about.iter().find(|risk| !risk.can_be_off()) {
                let what = "says what could not be looked at, or who wrote what, and is always said";
                problems.push(("off", format!("`{}` {what}", risk.id)));
            }
        }
        for (name, setting) in row.options.iter().filter(|_| !about.is_empty()) {
            let known: Vec<_> = about.iter().filter_map(|risk| risk.options.get(name)).collect();
            if known.is_empty() {
                let message = format!("none of these risks has an option `{name}`; `countersign explain` lists them");
                problems.push(("options", message));
            }
            if let Some(option) = known.iter().find(|option| !option.default.is_like(setting)) {
                problems.push(("options", format!("the option `{name}` has to be {}", option.default.shape())));
            }
        }
        problems
    }
}
