//! The catalogue of risks: built from `rules/` and read once, on first use.

use crate::format::{AreaReview, Binding, Risk, RiskDocument};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

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

/// All risks, and which bindings look at which kinds of resource.
#[derive(Debug)]
pub struct Catalogue {
    documents: Vec<RiskDocument>,
    by_kind: HashMap<String, Vec<(usize, usize)>>,
    by_id: HashMap<String, usize>,
    areas: BTreeMap<String, AreaReview>,
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    // The build script wrote this from checked values of the same types.
    let documents = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/catalogue.json")));
    let areas = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/areas.json")));
    Catalogue { areas: areas.unwrap_or_default(), ..Catalogue::new(documents.unwrap_or_default()) }
});

impl Catalogue {
    /// The risks that come with Countersign.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    fn new(documents: Vec<RiskDocument>) -> Self {
        let mut by_kind: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (risk, document) in documents.iter().enumerate() {
            for (binding, declared) in document.risk.bindings.iter().enumerate() {
                for kind in &declared.kinds {
                    by_kind.entry(kind.clone()).or_default().push((risk, binding));
                }
            }
        }
        let by_id = documents.iter().enumerate().map(|(index, document)| (document.risk.id.clone(), index)).collect();
        Self { documents, by_kind, by_id, areas: BTreeMap::new() }
    }

    /// All risks in order of their ids.
    pub fn documents(&self) -> &[RiskDocument] {
        &self.documents
    }

    /// A risk with its page.
    pub fn document(&self, id: &str) -> Option<&RiskDocument> {
        self.by_id.get(id).map(|index| &self.documents[*index])
    }

    /// A risk by its id.
    pub fn risk(&self, id: &str) -> Option<&Risk> {
        self.document(id).map(|document| &document.risk)
    }

    /// What to look at before approving a change with a risk: its own list, else its area's.
    pub fn checklist(&self, id: &str) -> &[String] {
        let Some(risk) = self.risk(id) else { return &[] };
        let of_area = || self.areas.get(&risk.area).map_or(&[][..], |area| &area.checklist);
        if risk.checklist.is_empty() { of_area() } else { &risk.checklist }
    }

    /// What a plan of a change with a risk has to show: its own template, else its area's.
    pub(crate) fn plan(&self, risk: &'static Risk) -> Option<&str> {
        risk.plan.as_deref().or_else(|| self.areas.get(&risk.area)?.plan.as_deref())
    }

    /// Every binding that looks at a kind of resource, as index of the risk and of its binding.
    pub(crate) fn bindings(&self, kind: &str) -> impl Iterator<Item = (usize, usize)> {
        let of = |kind| self.by_kind.get(kind).into_iter().flatten().copied();
        of(kind).chain(of("*"))
    }
}
