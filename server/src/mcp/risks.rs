//! `explain_risk`.

use super::workspace::{Told, Workspace};
use crate::cli::page;
use countersign_policy::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names that are suggested for one that is not there.
const MAX_NEAR: usize = 5;

/// A risk.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRisk {
    /// The id of the risk, as in `database-public`.
    risk: String,
}

/// What is known of a risk.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// Its id.
    id: String,
    /// A few words.
    title: String,
    /// How bad it is, whoever wrote it.
    severity: Severity,
    /// What it is about.
    area: String,
    /// The page, as Markdown.
    page: String,
}

pub(super) fn explain_risk(workspace: &Workspace, asked: &ExplainRisk) -> Told<Explained> {
    let id = asked.risk.trim();
    let catalogue = workspace.catalogue();
    if let Some(document) = catalogue.document(id) {
        let risk = &document.risk;
        let (title, area) = (risk.title.to_string(), risk.area.to_string());
        return Ok(Explained {
            id: risk.id.to_string(),
            title,
            severity: risk.severity,
            area,
            page: page(document, catalogue.off(id)),
        });
    }
    if let Some((kind @ ("command" | "edit" | "scope"), _)) = id.split_once('/') {
        let what = match kind {
            "scope" => "a limit for agents in countersign.toml, which a person sets",
            _ => "the effect of what was judged and no risk, and has no page",
        };
        return Err(format!("`{}` is {what}; the reason that came with it says what to do instead.", short(id)));
    }
    let words: Vec<&str> = id.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).collect();
    let known = catalogue.documents().iter().map(|document| document.risk.id.as_str());
    let near = known.filter(|known| words.iter().any(|word| known.contains(word))).take(MAX_NEAR);
    let near: Vec<String> = near.map(|id| format!("`{id}`")).collect();
    let hint = match near.as_slice() {
        [] => "`list_findings` and `check_edit` name the risks that they find".to_owned(),
        near => format!("near it are {}", near.join(", ")),
    };
    Err(format!("There is no risk `{}`; {hint}.", short(id)))
}

/// As much of a text as is quoted.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
