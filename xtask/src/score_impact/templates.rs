//! `cargo xtask score impact templates`: what is predicted of real edits to Kubernetes manifests and CloudFormation templates,
//! file by file, held against labels that a simple script made of them. Files that are deleted as a whole are left out.

use super::data::{Judgements, judgements, pairs, workspace};
use super::{BARS, Count, how, interval, share};
use countersign_engine::Workspace;
use countersign_impact::tables::Tables;
use countersign_impact::{Action, Change, Widened, predict};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Scores against a file, by default the one beside the workspace.
pub(crate) fn run(data: Option<&str>, list: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = data.map_or_else(|| crate::shared().join("data/pairs/yaml-pairs.jsonl.gz"), PathBuf::from);
    let mut out = std::io::stdout().lock();
    if data.is_none() && !path.is_file() {
        writeln!(out, "skipped: there are no labelled edits in {}; --data says where they are", path.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut score = Score { judgements: judgements()?, ..Score::default() };
    for pair in pairs(&path)?.iter().filter(|pair| !pair["after"].is_null()) {
        score.pair(pair);
    }
    let (report, passed) = score.report();
    out.write_all(report.as_bytes())?;
    if let Some(list) = list {
        std::fs::write(Path::new(list), score.disagreements.concat())?;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Score {
    judgements: Judgements,
    /// By class: as the labels are, and as they were judged.
    classes: BTreeMap<String, [Count; 2]>,
    /// Predictions about what the labels do not look at, by what that is.
    beyond: BTreeMap<&'static str, u32>,
    /// Labels that are about something else than they say, by why.
    mistaken: BTreeMap<&'static str, u32>,
    /// Judgements that were of use.
    used: std::cell::RefCell<BTreeSet<(String, String, String)>>,
    disagreements: Vec<String>,
    pairs: u32,
}

impl Score {
    fn pair(&mut self, pair: &Value) {
        let path = format!("/w/{}", pair["path"].as_str().unwrap_or_default());
        let labels = || pair["labels"].as_array().into_iter().flatten();
        self.pairs += 1;
        let [before, after] =
            ["before", "after"].map(|side| workspace([(path.as_str(), pair[side].as_str())].into_iter()));
        let changes = predict(&before, &after, &BTreeSet::from([path.clone()]), &Tables::default());
        for label in labels() {
            let kind = label["k"].as_str().unwrap_or_default();
            let address = label["addr"].as_str().unwrap_or_default();
            if kind.starts_with("k8s_object_re") && is_still_there(&after, &path, address) {
                *self.mistaken.entry("removed or renamed, and there in another version of its API").or_default() += 1;
                continue;
            }
            let found: Vec<&Change> = changes.iter().filter(|change| is_at(change, address)).collect();
            let hit = found.iter().any(|change| meets(label, change));
            self.count(pair, kind, address, hit, &format!("{label}"), &found);
        }
        for change in &changes {
            let Some(class) = class(change) else { continue };
            let is_labelled = labels().any(|label| {
                let address = label["addr"].as_str().unwrap_or_default();
                is_at(change, address) && meets(label, change)
            });
            match beyond(change, (&before, &after)) {
                _ if is_labelled => {}
                Some(what) => {
                    *self.beyond.entry(what).or_default() += 1;
                    self.note(pair, &format!("beyond the labels: {what}"), None, &said(change));
                }
                None => self.alarm(pair, class, change),
            }
        }
    }

    fn count(&mut self, pair: &Value, class: &str, address: &str, hit: bool, label: &str, found: &[&Change]) {
        let judged = self.judged(pair, class, address);
        let [raw, all] = self.classes.entry(class.to_owned()).or_default();
        if hit {
            raw.hits += 1;
            all.hits += 1;
            return;
        }
        raw.misses += 1;
        if !matches!(judged, Some((true, _))) {
            all.misses += 1;
        }
        let found: Vec<_> = found.iter().map(|change| said(change)).collect();
        self.note(pair, &format!("missed {class}"), judged, &format!("{label}\n  {}", found.join("\n  ")));
    }

    fn alarm(&mut self, pair: &Value, class: &str, change: &Change) {
        let judged = self.judged(pair, class, &change.address);
        let [raw, all] = self.classes.entry(class.to_owned()).or_default();
        raw.alarms += 1;
        match judged {
            Some((true, _)) => all.hits += 1,
            _ => all.alarms += 1,
        }
        self.note(pair, &format!("alarm {class}"), judged, &said(change));
    }

    fn judged(&self, pair: &Value, class: &str, address: &str) -> Option<(bool, String)> {
        let commit = pair["commit"].as_str().unwrap_or_default().to_owned();
        let key = (commit, address.to_owned(), class.to_owned());
        let judged = self.judgements.get(&key)?;
        self.used.borrow_mut().insert(key);
        Some((judged.right == "prediction", judged.reason.clone()))
    }

    fn note(&mut self, pair: &Value, what: &str, judged: Option<(bool, String)>, text: &str) {
        let judged = judged.map(|(_, why)| format!(" (judged: {why})")).unwrap_or_default();
        let (path, commit) = (pair["path"].as_str().unwrap_or_default(), pair["commit"].as_str().unwrap_or_default());
        self.disagreements.push(format!("{what}{judged}\n  {path} {commit}\n  {text}\n\n"));
    }

    fn report(&self) -> (String, bool) {
        let (precision, recall, least) = BARS;
        let mut passed = true;
        let mut report = format!(
            "# Predictions held against labels: Kubernetes and CloudFormation\n\n{} edits. Bars where n is {least} or more: \
             precision {precision} %, recall {recall} %.\n\n| class | n | precision % | recall % | judged: precision % | judged: \
             recall % | |\n|---|---|---|---|---|---|---|\n",
            self.pairs
        );
        for (class, [raw, judged]) in &self.classes {
            let n = raw.hits + raw.misses;
            let is_met = share(judged.hits, judged.hits + judged.alarms) >= precision
                && share(judged.hits, judged.hits + judged.misses) >= recall;
            let verdict = match (n >= least, is_met) {
                (false, _) => "no bar",
                (true, true) => "met",
                (true, false) => "MISSED",
            };
            passed &= n < least || is_met;
            let _ = writeln!(
                report,
                "| {class} | {n} | {} | {} | {} | {} | {verdict} |",
                interval(raw.hits, raw.hits + raw.alarms),
                interval(raw.hits, n),
                interval(judged.hits, judged.hits + judged.alarms),
                interval(judged.hits, judged.hits + judged.misses),
            );
        }
        report.push_str("\n## Predictions about what the labels do not look at\n\n");
        for (what, count) in &self.beyond {
            let _ = writeln!(report, "- {count}: {what}");
        }
        let used = self.used.borrow();
        for key in self.judgements.keys().filter(|key| is_own(&key.2) && !used.contains(*key)) {
            let _ = writeln!(report, "\nA judgement is of no use any more: {} {} {}", key.0, key.1, key.2);
            passed = false;
        }
        report.push_str("\n## Labels that are left out\n\n");
        for (why, count) in &self.mistaken {
            let _ = writeln!(report, "- {count}: {why}");
        }
        (report, passed)
    }
}

fn said(change: &Change) -> String {
    let reasons: Vec<&str> = change.reasons.iter().map(|reason| reason.why.as_str()).collect();
    format!("{} {}: {}", change.address, how(change), reasons.join("; "))
}

/// Whether judgements of a class are for this score.
pub(super) fn is_own(class: &str) -> bool {
    class.starts_with("k8s_") || class.starts_with("cfn_")
}

/// What a prediction rests on that the script did not look at, which compared what is written under a logical id.
fn beyond(change: &Change, (before, after): (&Workspace, &Workspace)) -> Option<&'static str> {
    let takes = |text: &'static str| move |reason: &&countersign_impact::Reason| reason.why.contains(text);
    let mut replacing = change.reasons.iter().filter(takes("replaces"));
    if change.action == Action::Destroy && change.reasons.iter().any(|it| it.attribute.as_deref() == Some("Condition"))
    {
        return Some("a condition decides whether it is there");
    }
    if change.action != Action::Replace || change.address.contains(' ') || replacing.clone().next().is_none() {
        return None;
    }
    if replacing.clone().all(|reason| takes("is taken from")(&reason)) {
        return Some("it takes the name of something that is replaced");
    }
    let written = |workspace: &Workspace, attribute: &str| {
        let definition = workspace.definition(&change.module, &change.address)?;
        let mut text = String::new();
        let name = attribute.split('.').next().unwrap_or(attribute);
        definition.block().body.attribute(name)?.write(&|_| None, &mut text);
        Some(text)
    };
    let is_same =
        |attribute: &str| written(before, attribute).is_some_and(|text| Some(text) == written(after, attribute));
    let elsewhere = replacing.all(|reason| reason.attribute.as_deref().is_some_and(is_same));
    elsewhere.then_some("a parameter, mapping or condition that it refers to says something else")
}

/// Whether an object that a label calls removed is declared in the state after.
fn is_still_there(after: &Workspace, path: &str, address: &str) -> bool {
    let all = after.all(path);
    all.iter().any(|definition| is_called(&definition.block().address, address))
}

/// Whether a change is of what a label names: a logical id, or `Kind/namespace/name`.
fn is_at(change: &Change, address: &str) -> bool {
    change.address == address || is_called(&change.address, address)
}

/// Whether an address of Kubernetes is what a label calls `Kind/namespace/name`.
fn is_called(ours: &str, address: &str) -> bool {
    let Some((kind, name)) = ours.split_once(' ') else { return false };
    let kind = kind.split('.').next().unwrap_or(kind);
    let (namespace, name) = name.split_once('/').unwrap_or(("None", name));
    address == format!("{kind}/{namespace}/{name}") || address == name
}

/// Whether a prediction says what a label says.
fn meets(label: &Value, change: &Change) -> bool {
    let goes = matches!(change.action, Action::Destroy | Action::Replace);
    match label["k"].as_str().unwrap_or_default() {
        "k8s_immutable_changed" | "cfn_create_only_changed" | "cfn_cond_create_only_changed" | "cfn_type_changed" => {
            goes
        }
        // What is retained is not destroyed.
        "cfn_resource_removed" | "cfn_resource_renamed" if label["retain"] == true => change.action == Action::Update,
        "k8s_object_removed" | "k8s_object_renamed" | "cfn_resource_removed" | "cfn_resource_renamed" => {
            change.action == Action::Destroy
        }
        "cfn_retain_removed" => !change.protections_removed.is_empty(),
        "k8s_service_exposed" => change.widened.iter().any(|it| it.what == Widened::Exposure),
        "k8s_rbac_star_added" | "k8s_priv_added" => change.widened.iter().any(|it| it.what == Widened::Identity),
        _ => false,
    }
}

/// The class in which a prediction without a label counts as a false alarm.
fn class(change: &Change) -> Option<&'static str> {
    let is_kubernetes = change.address.contains(' ');
    Some(match (change.action, is_kubernetes, change.renamed_to.is_some()) {
        (Action::Replace, true, _) => "k8s_immutable_changed",
        (Action::Replace, false, _) => {
            let is_conditional = |why: &str| why.contains("depends on a condition");
            let rests = change.reasons.iter().map(|reason| reason.why.as_str());
            let mut replacing = rests.filter(|why| why.contains("replaces it") || why.contains("changes from `AWS"));
            let all = replacing.all(is_conditional);
            if all { "cfn_cond_create_only_changed" } else { "cfn_create_only_changed" }
        }
        (Action::Destroy, true, true) => "k8s_object_renamed",
        (Action::Destroy, true, false) => "k8s_object_removed",
        (Action::Destroy, false, true) => "cfn_resource_renamed",
        (Action::Destroy, false, false) => "cfn_resource_removed",
        _ => return None,
    })
}
