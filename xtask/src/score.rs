//! `cargo xtask score`: how much of what Checkov's labelled fixtures expect is found.
//!
//! A risk stands for the checks that its `same_as` names. A resource that a check is to fail on counts as found where a finding
//! on it comes from such a risk; one that it is to pass counts as silent where none does. Checks that no risk stands for, and
//! labels that we hold to be wrong, are listed with their reasons in `rules/peers.toml`.

use anyhow::Context;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bars in percent: checks mapped, resources found, resources left alone.
const BARS: [f64; 3] = [75.0, 90.0, 97.0];

/// A check of Checkov, with the addresses that it is to fail on and to pass.
struct Check {
    id: String,
    name: String,
    folder: String,
    fail: Vec<String>,
    pass: Vec<String>,
}

/// `rules/peers.toml`: reasons, by check and by check and resource.
#[derive(Default)]
struct Peers {
    unmapped: BTreeMap<String, String>,
    disputed: BTreeMap<(String, String), String>,
}

/// Labels that are met, and all of them.
#[derive(Default, Clone, Copy)]
struct Count {
    met: u32,
    all: u32,
}

impl Count {
    fn add(&mut self, met: bool) {
        self.met += u32::from(met);
        self.all += 1;
    }

    fn percent(self) -> f64 {
        if self.all == 0 { 100.0 } else { 100.0 * f64::from(self.met) / f64::from(self.all) }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} ({:.1} %)", self.met, self.all, self.percent())
    }
}

/// Scores against the corpus in a folder, by default the one beside the workspace.
pub(crate) fn run(corpus: Option<&str>) -> anyhow::Result<ExitCode> {
    let fixtures = corpus.map_or_else(super::corpus, PathBuf::from).join("fixtures/checkov");
    let mut out = std::io::stdout().lock();
    if corpus.is_none() && !fixtures.is_dir() {
        writeln!(
            out,
            "skipped: there are no labelled fixtures in {}; --corpus says where they are",
            fixtures.display()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let checks = checks(&fixtures)?;
    let risks: Value = serde_json::from_str(&super::countersign(&["risks", "--format", "json"])?)?;
    let findings = findings(&fixtures)?;
    let (report, passed) = score(&checks, &mapping(&risks), &findings, &peers()?);
    out.write_all(report.as_bytes())?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn checks(fixtures: &Path) -> anyhow::Result<Vec<Check>> {
    let path = fixtures.join("labels.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let labels: Vec<Value> = serde_json::from_str(&text)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let terraform = labels.iter().filter(|label| label["lang"] == "terraform");
    let mut checks: Vec<_> = terraform
        .map(|label| Check {
            id: text(&label["check"]),
            name: text(&label["name"]),
            folder: text(&label["dir"]),
            fail: list(&label["fail"]),
            pass: list(&label["pass"]),
        })
        .collect();
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(checks)
}

/// Which risks stand for a check.
fn mapping(risks: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut mapping: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for risk in risks.as_array().into_iter().flatten() {
        for check in risk["sameAs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            mapping.entry(check.to_owned()).or_default().extend(risk["id"].as_str().map(str::to_owned));
        }
    }
    mapping
}

/// What is found in all fixtures: folder, address as labels write it, risk.
fn findings(fixtures: &Path) -> anyhow::Result<BTreeSet<(String, String, String)>> {
    let folder = fixtures.join("terraform");
    let report = super::countersign(&["check", &folder.to_string_lossy(), "--format", "json"])?;
    let report: Value = serde_json::from_str(&report)?;
    let mut found = BTreeSet::new();
    for finding in report["findings"].as_array().context("findings")? {
        let path = finding["path"].as_str().unwrap_or_default().replace('\\', "/");
        let Some((_, inside)) = path.rsplit_once("/terraform/") else { continue };
        let folder = format!("terraform/{}", inside.split('/').next().unwrap_or_default());
        let address = finding["resource"]["address"].as_str().unwrap_or_default();
        found.insert((folder, plain(address).to_owned(), finding["risk"].as_str().unwrap_or_default().to_owned()));
    }
    Ok(found)
}

/// An address as labels write it: without modules, without `data.`, without an instance's key.
fn plain(address: &str) -> &str {
    let mut rest = address;
    while let Some(inner) = rest.strip_prefix("module.").and_then(|inner| inner.split_once('.')) {
        rest = inner.1;
    }
    let rest = rest.strip_prefix("data.").unwrap_or(rest);
    rest.split('[').next().unwrap_or(rest)
}

fn peers() -> anyhow::Result<Peers> {
    let path = super::root().join("rules/peers.toml");
    if !path.exists() {
        return Ok(Peers::default());
    }
    let table: toml::Table = std::fs::read_to_string(&path)?.parse().with_context(|| path.display().to_string())?;
    let rows = |name: &str| table.get(name).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let text = |row: &toml::Value, key: &str| {
        row.get(key).and_then(toml::Value::as_str).map(str::to_owned).with_context(|| format!("`{key}` in {row}"))
    };
    let mut peers = Peers::default();
    for row in rows("unmapped") {
        peers.unmapped.insert(text(&row, "check")?, text(&row, "reason")?);
    }
    for row in rows("disputed") {
        let resource = plain(&text(&row, "resource")?).to_owned();
        peers.disputed.insert((text(&row, "check")?, resource), text(&row, "reason")?);
    }
    Ok(peers)
}

/// The report, and whether every bar is met.
fn score(
    checks: &[Check],
    mapping: &BTreeMap<String, BTreeSet<String>>,
    findings: &BTreeSet<(String, String, String)>,
    peers: &Peers,
) -> (String, bool) {
    let mut mapped = Count::default();
    // Of all labels, and of those that are not disputed.
    let mut found = [Count::default(); 2];
    let mut silent = [Count::default(); 2];
    let (mut unmapped, mut misses, mut alarms, mut disputed, mut errors) = Default::default();
    let mut used = BTreeSet::new();
    for check in checks {
        let Some(risks) = mapping.get(&check.id) else {
            mapped.add(false);
            line(&mut unmapped, &[&check.id, &check.name, peers.unmapped.get(&check.id).map_or("?", String::as_str)]);
            if !peers.unmapped.contains_key(&check.id) {
                line(&mut errors, &[&check.id, "is mapped by no risk, and rules/peers.toml has no reason"]);
            }
            continue;
        };
        mapped.add(true);
        if peers.unmapped.contains_key(&check.id) {
            line(&mut errors, &[&check.id, "is called unmapped in rules/peers.toml, and is mapped"]);
        }
        let names = risks.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        for (addresses, expected) in [(&check.fail, true), (&check.pass, false)] {
            for address in addresses {
                let address = plain(address);
                let is = |risk: &String| findings.contains(&(check.folder.clone(), address.to_owned(), risk.clone()));
                let met = risks.iter().any(is) == expected;
                let counts = if expected { &mut found } else { &mut silent };
                counts[0].add(met);
                let key = (check.id.clone(), address.to_owned());
                if let Some(reason) = peers.disputed.get(&key) {
                    let label = if expected { "to fail" } else { "to pass" };
                    line(&mut disputed, &[&check.id, address, label, if met { "met" } else { "not met" }, reason]);
                    used.insert(key);
                } else {
                    counts[1].add(met);
                    if !met {
                        line(if expected { &mut misses } else { &mut alarms }, &[&check.id, address, &names]);
                    }
                }
            }
        }
    }
    for (check, resource) in peers.disputed.keys().filter(|key| !used.contains(*key)) {
        line(&mut errors, &[check, resource, "is disputed in rules/peers.toml, and no mapped check has this label"]);
    }

    let figures = [mapped.percent(), found[1].percent(), silent[1].percent()];
    let met = |at: usize| if figures[at] >= BARS[at] { "met" } else { "MISSED" };
    let mut report = "| figure | without disputed labels | with them | bar | |\n|---|---|---|---|---|\n".to_owned();
    line(&mut report, &["checks mapped", &mapped.to_string(), "", "75 %", met(0)]);
    line(&mut report, &["to fail, found", &found[1].to_string(), &found[0].to_string(), "90 %", met(1)]);
    line(&mut report, &["to pass, silent", &silent[1].to_string(), &silent[0].to_string(), "97 %", met(2)]);
    for (title, columns, rows) in [
        ("Not mapped", "check | what | why", &unmapped),
        ("Missed", "check | resource | risks", &misses),
        ("False alarms", "check | resource | risks", &alarms),
        ("Disputed", "check | resource | label | | why", &disputed),
        ("Errors", "what | | ", &errors),
    ] {
        if !rows.is_empty() {
            let dashes = "---|".repeat(columns.split('|').count());
            let _ = write!(report, "\n## {title}\n\n| {columns} |\n|{dashes}\n{rows}");
        }
    }
    (report, errors.is_empty() && (0..BARS.len()).all(|at| figures[at] >= BARS[at]))
}

/// A line of a Markdown table.
fn line(table: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(table, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(plain("data.aws_iam_policy_document.x"), "aws_iam_policy_document.x");
        assert_eq!(plain("module.a.module.b[0].aws_s3_bucket.x[\"k\"]"), "aws_s3_bucket.x");
        assert_eq!(plain("aws_s3_bucket.x"), "aws_s3_bucket.x");
    }

    #[test]
    fn counts() {
        let check = |id: &str| Check {
            id: id.to_owned(),
            name: "name".to_owned(),
            folder: format!("terraform/{id}"),
            fail: vec!["a.bad".to_owned(), "a.worse".to_owned()],
            pass: vec!["a.good".to_owned()],
        };
        let mapping = BTreeMap::from([("ONE".to_owned(), BTreeSet::from(["risk".to_owned()]))]);
        let found = ("terraform/ONE".to_owned(), "a.bad".to_owned(), "risk".to_owned());
        let elsewhere = ("terraform/TWO".to_owned(), "a.worse".to_owned(), "risk".to_owned());
        let findings = BTreeSet::from([found, elsewhere]);
        let (report, passed) = score(&[check("ONE"), check("TWO")], &mapping, &findings, &Peers::default());
        assert!(!passed);
        for part in
            ["1 of 2 (50.0 %)", "1 of 1 (100.0 %)", "| ONE | a.worse | risk |", "| TWO | name | ? |", "## Errors"]
        {
            assert!(report.contains(part), "{part} in\n{report}");
        }
        let key = ("ONE".to_owned(), "a.worse".to_owned());
        let peers = Peers { disputed: BTreeMap::from([(key, "is fine".to_owned())]), ..Peers::default() };
        let (report, passed) = score(&[check("ONE")], &mapping, &findings, &peers);
        assert!(passed, "{report}");
        assert!(report.contains("| ONE | a.worse | to fail | not met | is fine |"), "{report}");
    }
}
