//! `cargo xtask score impact`: what is predicted of real edits, held against labels that a simple script made of them.
//!
//! A label is an opinion. Where we hold one to be wrong, or where a prediction without a label is right, that is listed with the
//! reason in `xtask/data/impact-judgements.toml`, by commit, address and group; figures are given with and without it.

mod data;
mod groups;
pub(crate) mod templates;

use countersign_engine::Workspace;
use countersign_impact::tables::Tables;
use countersign_impact::{Change, predict};
use data::{Commit, Judgements, Label, commit_of, folder, judgements, pairs, workspace};
use groups::{group, groups, is_in_data, meets, users};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Precision and recall that are asked for, in percent, where there are at least so many labels.
const BARS: (f64, f64, u32) = (95.0, 90.0, 30);

/// What labels and predictions are grouped by, and whether bars are set for it.
const GROUPS: &[(&str, bool)] = &[
    ("destroy", true),
    ("destroy+create", true),
    ("replace", true),
    ("protection off", true),
    ("exposure", true),
    ("permission", true),
    ("unsafe flag", false),
    ("retention", false),
    ("state", false),
];

#[derive(Default, Clone, Copy)]
struct Count {
    hits: u32,
    misses: u32,
    alarms: u32,
}

#[derive(Default)]
struct Tally {
    raw: Count,
    judged: Count,
}

/// Scores against a file, by default the one beside the workspace.
pub(crate) fn run(data: Option<&str>, list: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = data.map_or_else(|| super::shared().join("data/pairs/terraform-eval.jsonl.gz"), PathBuf::from);
    let mut out = std::io::stdout().lock();
    if data.is_none() && !path.is_file() {
        writeln!(out, "skipped: there are no labelled edits in {}; --data says where they are", path.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let judgements = judgements()?;
    let mut score = Score { judgements, ..Score::default() };
    let pairs = pairs(&path)?;
    // Files of the same commits that are there without their folders: what was moved from one folder to another shows so.
    let more = path.with_file_name("terraform-pairs.jsonl.gz");
    let more = if more.is_file() { data::pairs(&more)? } else { Vec::new() };
    let mut commits: BTreeMap<String, Commit> = BTreeMap::new();
    for pair in &pairs {
        commits.entry(commit_of(pair)).or_default().pairs.push(pair);
    }
    for pair in pairs.iter().chain(&more) {
        if let Some(commit) = commits.get_mut(&commit_of(pair)) {
            commit.take(pair);
        }
    }
    for commit in commits.values() {
        score.commit(commit);
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
    used: BTreeSet<(String, String, String)>,
    tallies: BTreeMap<&'static str, Tally>,
    /// Labels that say that it may be replaced: how they are predicted.
    maybe: BTreeMap<String, u32>,
    /// Labels that say that nothing is destroyed: how they are predicted.
    spared: BTreeMap<String, u32>,
    /// Disagreements that no figure counts: judged to be right here, there, and not judged.
    others: BTreeMap<String, Count>,
    disagreements: Vec<String>,
    pairs: u32,
}

impl Score {
    fn commit(&mut self, commit: &Commit<'_>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let modules: BTreeSet<String> = commit.files.keys().map(|path| folder(path).to_owned()).collect();
        let before = workspace(commit.files.iter().map(|(path, (before, _))| (path.as_str(), *before)));
        let after = workspace(commit.files.iter().map(|(path, (_, after))| (path.as_str(), *after)));
        let changes = predict(&before, &after, &modules, &Tables::default());
        for pair in &commit.pairs {
            self.pairs += 1;
            let label = |label: &Value| Label {
                kind: text(&label["k"]),
                address: text(&label["addr"]),
                effect: text(&label["effect"]),
                text: label.to_string(),
            };
            let labels: Vec<Label> = pair["labels"].as_array().into_iter().flatten().map(label).collect();
            let path = format!("/w/{}", text(&pair["path"]));
            self.held(pair, &path, &labels, &changes, (&before, &after));
        }
    }

    fn held(
        &mut self,
        pair: &Value,
        path: &str,
        labels: &[Label],
        changes: &[Change],
        states: (&Workspace, &Workspace),
    ) {
        let commit = pair["commit"].as_str().unwrap_or_default();
        let here = folder(path);
        let changes: Vec<&Change> = changes.iter().filter(|change| &*change.module == here).collect();
        let of = |address: &str| -> Vec<&Change> {
            let users = users(address, here, states);
            changes.iter().copied().filter(|it| is_at(it, address) || users.contains(&it.address)).collect()
        };
        for label in labels {
            let found = of(&label.address);
            if let Some(group) = group(label) {
                let hit = found.iter().any(|change| groups(change).iter().any(|other| meets(group, other)));
                self.count(pair, group, &label.address, hit, &label.text, &found);
            } else if label.effect == "maybe_replace" {
                let how = found.first().map_or("nothing".to_owned(), |change| how(change));
                *self.maybe.entry(how.clone()).or_default() += 1;
                // Certain is what rests on another attribute than a conditional one, or on values that are known on both sides.
                let is_certain = how == "replace certain"
                    && !labels.iter().any(|it| it.address == label.address && it.kind == "force_new_literal");
                if how == "nothing" || how.starts_with("update") || is_certain {
                    self.other(commit, "may be replaced", label, &found, path);
                }
            } else {
                let how = found.first().map_or("nothing".to_owned(), |change| how(change));
                let how =
                    if is_in_data(label, here, states) { how } else { "(where it goes is not in the data)".to_owned() };
                *self.spared.entry(format!("{}: {how}", label.kind)).or_default() += 1;
                if how.starts_with("destroy") {
                    self.other(commit, "spared", label, &found, path);
                }
            }
        }
        // Labels are about the file that the pair is of, and about what stands at the top of it.
        for change in changes.iter().copied().filter(|change| &*change.place.file == path && is_top(&change.address)) {
            for predicted in groups(change) {
                let is_labelled = labels.iter().any(|label| {
                    is_at(change, &label.address)
                        && (group(label).is_some_and(|group| meets(group, predicted))
                            || predicted == "replace" && label.kind.starts_with("force_new"))
                });
                let is_through_document =
                    || labels.iter().any(|label| users(&label.address, here, states).contains(&change.address));
                // Where the label says that it goes elsewhere, and that is not in the data, nobody could know.
                let is_hidden = labels.iter().any(|it| is_at(change, &it.address) && !is_in_data(it, here, states));
                if !is_labelled && !is_hidden && !is_through_document() {
                    self.alarm(pair, predicted, change);
                }
            }
        }
    }

    /// A disagreement that no figure counts.
    fn other(&mut self, commit: &str, group: &str, label: &Label, found: &[&Change], path: &str) {
        let key = (commit.to_owned(), label.address.clone(), group.to_owned());
        let judged = self.judgements.get(&key).map(|it| (it.right == "prediction", it.reason.clone()));
        let count = self.others.entry(group.to_owned()).or_default();
        match &judged {
            Some((true, _)) => count.hits += 1,
            Some((false, _)) => count.misses += 1,
            None => count.alarms += 1,
        }
        let why = judged.map_or_else(|| group.to_owned(), |(_, why)| format!("{group}, judged: {why}"));
        self.used.insert(key);
        self.note(commit, &why, &label.address, &label.text, found, path);
    }

    fn count(&mut self, pair: &Value, group: &'static str, address: &str, hit: bool, text: &str, found: &[&Change]) {
        let commit = pair["commit"].as_str().unwrap_or_default();
        let key = (commit.to_owned(), address.to_owned(), group.to_owned());
        let judged = self.judgements.get(&key).map(|it| (it.right == "prediction", it.reason.clone()));
        let tally = self.tallies.entry(group).or_default();
        let raw = if hit { &mut tally.raw.hits } else { &mut tally.raw.misses };
        *raw += 1;
        match (hit, &judged) {
            (true, _) => tally.judged.hits += 1,
            (false, Some((true, _))) => {}
            (false, _) => tally.judged.misses += 1,
        }
        if !hit {
            if judged.is_some() {
                self.used.insert(key);
            }
            let path = pair["path"].as_str().unwrap_or_default();
            let why =
                judged.map_or_else(|| format!("missed {group}"), |(_, why)| format!("missed {group}, judged: {why}"));
            self.note(commit, &why, address, text, found, path);
        }
    }

    fn alarm(&mut self, pair: &Value, group: &'static str, change: &Change) {
        let commit = pair["commit"].as_str().unwrap_or_default();
        let key = (commit.to_owned(), change.address.clone(), group.to_owned());
        let judged = self.judgements.get(&key).map(|it| (it.right == "prediction", it.reason.clone()));
        let tally = self.tallies.entry(group).or_default();
        tally.raw.alarms += 1;
        match &judged {
            Some((true, _)) => tally.judged.hits += 1,
            _ => tally.judged.alarms += 1,
        }
        if judged.is_some() {
            self.used.insert(key);
        }
        let why = judged.map_or_else(|| format!("alarm {group}"), |(_, why)| format!("alarm {group}, judged: {why}"));
        let path = pair["path"].as_str().unwrap_or_default();
        self.note(commit, &why, &change.address, "-", &[change], path);
    }

    fn note(&mut self, commit: &str, what: &str, address: &str, label: &str, found: &[&Change], path: &str) {
        let mut text = format!("{what}\t{commit}\t{path}\t{address}\n  label {label}\n");
        for change in found {
            let why: Vec<_> = change.reasons.iter().map(|reason| reason.why.as_str()).collect();
            let more: Vec<_> = change
                .protections_removed
                .iter()
                .chain(change.widened.iter().map(|widening| &widening.reason))
                .map(|reason| reason.why.as_str())
                .collect();
            let _ =
                writeln!(text, "  ours {} {}: {} || {}", how(change), change.address, why.join("; "), more.join("; "));
        }
        self.disagreements.push(text);
    }

    fn report(&self) -> (String, bool) {
        let mut passed = true;
        let mut report = format!(
            "{} edits. Precision and recall in percent, with the 95 % confidence interval (Wilson).\n\n\
             | group | n | precision | recall | judged: n | precision | recall | bar |\n|---|---|---|---|---|---|---|---|\n",
            self.pairs
        );
        for (group, has_bar) in GROUPS {
            let Some(tally) = self.tallies.get(group) else { continue };
            let judged = tally.judged;
            let labels = judged.hits + judged.misses;
            let met = share(judged.hits, judged.hits + judged.alarms) >= BARS.0 && share(judged.hits, labels) >= BARS.1;
            let verdict = match (*has_bar && labels >= BARS.2, met) {
                (false, _) => "none",
                (true, true) => "met",
                (true, false) => "MISSED",
            };
            passed &= verdict != "MISSED";
            let figures = |count: Count| {
                let (hits, misses, alarms) = (count.hits, count.misses, count.alarms);
                format!("{} | {} | {}", hits + misses, interval(hits, hits + alarms), interval(hits, hits + misses))
            };
            let _ = writeln!(report, "| {group} | {} | {} | {verdict} |", figures(tally.raw), figures(judged));
        }
        for (title, counts) in
            [("Labels that it may be replaced", &self.maybe), ("Labels that nothing is destroyed", &self.spared)]
        {
            let _ = write!(report, "\n## {title}\n\n| predicted | n |\n|---|---|\n");
            for (how, count) in counts {
                let _ = writeln!(report, "| {how} | {count} |");
            }
        }
        let _ = write!(
            report,
            "\n## Other disagreements\n\n| group | the prediction is right | the label is | not judged |\n|---|---|---|---|\n"
        );
        for (group, count) in &self.others {
            let _ = writeln!(report, "| {group} | {} | {} | {} |", count.hits, count.misses, count.alarms);
        }
        for (commit, address, group) in
            self.judgements.keys().filter(|key| !self.used.contains(*key) && !templates::is_own(&key.2))
        {
            let _ = writeln!(report, "\nA judgement is of no use any more: {commit} {address} {group}");
            passed = false;
        }
        (report, passed)
    }
}

fn is_top(address: &str) -> bool {
    address.matches('.').count() == 1 || address.starts_with("data.") && address.matches('.').count() == 2
}

fn is_at(change: &Change, address: &str) -> bool {
    change.address == address
        || change.renamed_to.as_deref() == Some(address)
        || address == "terraform.backend" && change.kind.starts_with("backend.")
}

fn how(change: &Change) -> String {
    format!("{:?} {}", change.action, if change.certain { "certain" } else { "uncertain" }).to_lowercase()
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * f64::from(part) / f64::from(whole) }
}

/// A share with its interval: `97.1 (95.0–98.4)`.
fn interval(part: u32, whole: u32) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    // The quantile of the normal distribution for 95 %.
    let z = 1.96_f64;
    let (n, p) = (f64::from(whole), f64::from(part) / f64::from(whole));
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    format!("{:.1} ({:.1}–{:.1})", 100.0 * p, 100.0 * (centre - half).max(0.0), 100.0 * (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        assert_eq!(interval(0, 0), "-");
        assert_eq!(interval(95, 100), "95.0 (88.8–97.8)");
        assert_eq!(interval(10, 10), "100.0 (72.2–100.0)");
    }

    #[test]
    fn what_meets_a_label() {
        assert!(meets("destroy", "destroy+create"));
        assert!(meets("protection off", "unsafe flag"));
        assert!(!meets("destroy", "replace"));
        assert!(!meets("exposure", "permission"));
    }
}
