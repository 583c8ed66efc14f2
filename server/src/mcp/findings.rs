//! `list_findings`.

use super::workspace::{Told, Workspace};
use crate::cli::{Listed, listed};
use countersign_engine::report::{JsonFinding, JsonProblem};
use countersign_policy::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Findings that are listed where nothing else is said, and at most.
const LISTED: usize = 50;
const MAX_LISTED: usize = 200;

/// Problems that are listed.
const MAX_PROBLEMS: usize = 50;

/// Which findings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFindings {
    /// Files and folders; the whole workspace where it is left out.
    paths: Option<Vec<String>>,
    /// Only this risk.
    risk: Option<String>,
    /// Leave out what is less severe.
    min_severity: Option<Severity>,
    /// How many to list: from 1 to 200, 50 where it is left out.
    limit: Option<u64>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedFindings {
    /// The findings, the gravest first. Lines and characters count from 0.
    findings: Vec<JsonFinding>,
    /// How many match.
    total: usize,
    /// How many of these are not listed.
    left_out: usize,
    /// How many a suppression in the code takes away.
    suppressed: usize,
    /// What could not be read; nothing is known of that.
    problems: Vec<JsonProblem>,
    /// Problems that are not listed.
    problems_left_out: usize,
    /// What makes the answer less than one expects.
    doubts: Vec<String>,
}

pub(super) fn list_findings(workspace: &Workspace, asked: &ListFindings) -> Told<ListedFindings> {
    let root = workspace.root()?;
    if let Some(risk) = asked.risk.as_deref().filter(|risk| workspace.catalogue().risk(risk).is_none()) {
        let risk: String = risk.chars().take(100).collect();
        return Err(format!("There is no risk `{risk}`. Leave `risk` out to see which ones are found."));
    }
    let limit = match asked.limit.map(usize::try_from) {
        None => LISTED,
        Some(Ok(limit @ 1..=MAX_LISTED)) => limit,
        Some(_) => return Err(format!("`limit` is from 1 to {MAX_LISTED}. Narrow the question with `paths` instead.")),
    };
    let paths = match asked.paths.as_deref() {
        None => vec![workspace.shown(root)],
        Some([]) => return Err("`paths` is empty. Leave it out for the whole workspace.".to_owned()),
        Some(paths) => {
            paths.iter().map(|path| Ok(workspace.shown(&workspace.place(path)?))).collect::<Told<Vec<_>>>()?
        }
    };
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(format!("{}: there is no such file or folder.", missing.display()));
    }
    let Listed { mut findings, suppressed, mut problems, doubts } =
        listed(&paths, asked.min_severity.unwrap_or(Severity::Low));
    findings.retain(|finding| asked.risk.as_ref().is_none_or(|risk| finding.risk == *risk));
    // Stable: by path and place where they weigh the same.
    findings.sort_by_key(|finding| Reverse((finding.verdict, finding.severity)));
    let total = findings.len();
    findings.truncate(limit);
    let problems_left_out = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    let left_out = total - findings.len();
    Ok(ListedFindings { findings, total, left_out, suppressed, problems, problems_left_out, doubts })
}
