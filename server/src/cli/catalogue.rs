//! `countersign explain` and `countersign risks`.

use super::{Format, print};
use crate::own_risks;
use anyhow::bail;
use countersign_policy::{RiskDocument, Severity};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::num::NonZeroU16;
use std::process::ExitCode;

/// Prints the page of a risk.
pub(super) fn explain(id: &str) -> anyhow::Result<ExitCode> {
    let catalogue = own_risks::here();
    let Some(document) = catalogue.document(id) else {
        let near = catalogue.documents().iter().map(|document| document.risk.id.as_str());
        match near.clone().find(|known| known.contains(id) || id.contains(known)) {
            Some(near) => bail!("there is no risk `{id}`; did you mean `{near}`? `countersign risks` lists all"),
            None => bail!("there is no risk `{id}`; `countersign risks` lists all"),
        }
    };
    print(&page(document, catalogue.off(id)))
}

/// The page of a risk as Markdown; `off` is why it is not looked for here.
pub(crate) fn page(document: &RiskDocument, off: Option<&str>) -> String {
    let risk = &document.risk;
    let mut page = format!("# {}\n\n`{}` · {} · {}\n\n", risk.title, risk.id, severity(risk.severity), risk.area);
    if let Some(why) = off {
        let _ = writeln!(page, "It is turned off here: {why}\n");
    }
    let _ = writeln!(page, "{}", document.body);
    let kinds: BTreeSet<_> =
        risk.bindings.iter().flat_map(|binding| &binding.kinds).filter(|kind| *kind != "*").collect();
    if !kinds.is_empty() {
        let kinds: Vec<_> = kinds.into_iter().map(|kind| format!("`{kind}`")).collect();
        let _ = writeln!(page, "\n## Where it is looked for\n\n{}", kinds.join(", "));
    }
    if !risk.options.is_empty() {
        let _ = writeln!(page, "\n## Options\n");
        for (name, option) in &risk.options {
            let _ = writeln!(page, "- `{name}` = `{}`: {}", option.default, option.about);
        }
    }
    if !risk.cwe.is_empty() {
        let link = |number| format!("[CWE-{number}](https://cwe.mitre.org/data/definitions/{number}.html)");
        let _ = writeln!(page, "\nWeakness: {}", risk.cwe.iter().map(link).collect::<Vec<_>>().join(", "));
    }
    if !risk.same_as.is_empty() {
        let _ = writeln!(page, "\nThe same check elsewhere: {}", risk.same_as.join(", "));
    }
    page
}

/// A risk as `countersign risks --format json` lists it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonRisk<'a> {
    /// Its id, which `countersign explain` takes.
    id: &'a str,
    /// What it is about.
    area: &'a str,
    /// How bad it is, whoever wrote it.
    severity: Severity,
    /// Why it is not looked for here.
    #[serde(skip_serializing_if = "Option::is_none")]
    off: Option<&'a str>,
    /// A few words.
    title: &'a str,
    /// Languages in which it is looked for; all of them where the engine sees it by itself.
    languages: BTreeSet<&'static str>,
    /// Kinds of resource in which it is looked for; `*` is any.
    kinds: BTreeSet<&'a str>,
    /// Ids of the same check in other tools.
    same_as: &'a [String],
    /// The weaknesses that it is, by their numbers in the Common Weakness Enumeration.
    cwe: &'a [NonZeroU16],
    /// The first page that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> JsonRisk<'a> {
    fn new(document: &'a RiskDocument, off: Option<&'a str>) -> Self {
        let risk = &document.risk;
        let references = document.body.split_once("\n## References\n").map(|(_, references)| references);
        let kinds: BTreeSet<_> = risk.bindings.iter().flat_map(|binding| &binding.kinds).map(String::as_str).collect();
        let everywhere = if risk.engine { languages("*") } else { &[] };
        let is_end = |c: char| c.is_whitespace() || "<>()".contains(c);
        let url = references.and_then(|text| text.split(is_end).find(|part| part.starts_with("https://")));
        Self {
            id: &risk.id,
            area: &risk.area,
            severity: risk.severity,
            off,
            title: &risk.title,
            languages: kinds.iter().copied().flat_map(languages).chain(everywhere).copied().collect(),
            kinds,
            same_as: &risk.same_as,
            cwe: &risk.cwe,
            url,
        }
    }
}

/// The languages that have resources of a kind.
fn languages(kind: &str) -> &'static [&'static str] {
    match kind {
        "*" => &[
            "cloudformation",
            "compose",
            "dockerfile",
            "github-actions",
            "gitlab-ci",
            "kubernetes",
            "shell",
            "sql",
            "terraform",
        ],
        kind if kind.contains("::") => &["cloudformation"],
        kind if kind.starts_with("github/") => &["github-actions"],
        kind if kind.starts_with("gitlab/") => &["gitlab-ci"],
        kind if kind.starts_with("compose/") => &["compose"],
        kind if kind.starts_with("aws/") => &["iam-policy"],
        kind if kind.starts_with("docker/") => &["dockerfile"],
        kind if kind.starts_with("shell/") => &["shell"],
        kind if kind.starts_with("sql/") => &["sql"],
        kind if kind.contains('/') => &["kubernetes"],
        _ => &["terraform"],
    }
}

/// Lists all risks.
pub(super) fn list(format: Format) -> anyhow::Result<ExitCode> {
    let catalogue = own_risks::here();
    let documents = catalogue.documents();
    if format == Format::Json {
        let risks: Vec<_> =
            documents.iter().map(|document| JsonRisk::new(document, catalogue.off(&document.risk.id))).collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&risks)?));
    }
    let mut out = String::new();
    let mut areas: Vec<_> = documents.iter().map(|document| document.risk.area.as_str()).collect();
    areas.sort_unstable();
    areas.dedup();
    for area in areas {
        let _ = writeln!(out, "{area}");
        for risk in documents.iter().map(|document| &document.risk).filter(|risk| risk.area == *area) {
            let off = if catalogue.off(&risk.id).is_some() { " (turned off here)" } else { "" };
            let _ = writeln!(out, "  {:<28} {:<9} {}{off}", risk.id, severity(risk.severity), risk.title);
        }
    }
    let _ = writeln!(out, "\n`countersign explain RISK` says what each one means and what to do.");
    print(&out)
}

/// The word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
