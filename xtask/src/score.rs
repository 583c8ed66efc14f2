//! `cargo xtask score`: how much of what other tools' labelled fixtures expect is found.
//!
//! A risk stands for the checks that its `same_as` names. Where a check is to fail, on a resource or at a line of one, that counts
//! as found where a finding on that resource comes from such a risk; where it is to pass, that counts as silent where none does.
//! Checks that no risk stands for, and labels that we hold to be wrong, are listed with their reasons in `rules/peers.toml`.

use anyhow::Context;
use countersign_engine::{Snapshot, parts, read};
use countersign_grammars::Language;
use countersign_syntax::Budget;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bars in percent: checks mapped, places found, places left alone.
const BARS: [f64; 3] = [70.0, 90.0, 97.0];

/// Labels from which on a bar has to be met.
const ENOUGH: u32 = 30;

/// The checks of one tool for one language.
struct Suite {
    name: String,
    checks: Vec<Check>,
}

/// A check, with where it is to fail and where it is to pass.
struct Check {
    /// As `same_as` names it.
    id: String,
    name: String,
    /// The folder of its cases, from that of the fixtures.
    folder: String,
    cases: Vec<Case>,
}

/// A place that is labelled.
struct Case {
    place: Place,
    /// Whether the check is to fail there.
    fails: bool,
}

/// Where something is to be found or not.
enum Place {
    /// On the resource with an address, as the labels write it.
    Resource(String),
    /// On the resource that a line of a file is in, or, without a line, anywhere in the file.
    Line(String, Option<u64>),
    /// At a line of a file.
    At(String, u64),
    /// In any file: the labels do not say which.
    Anywhere,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Resource(address) => f.write_str(address),
            Self::Line(file, Some(line)) | Self::At(file, line) => write!(f, "{file}:{line}"),
            Self::Line(file, None) => f.write_str(file),
            Self::Anywhere => f.write_str("*"),
        }
    }
}

/// A finding in the fixtures.
struct Found {
    /// The path of the file from the folder of the fixtures.
    path: String,
    risk: String,
    address: String,
    /// The line where it begins, from 1.
    line: u64,
    /// The lines of its resource, from 1.
    lines: RangeInclusive<u64>,
    /// Those of the file where a value is written that makes it so.
    from: Vec<u64>,
}

impl Found {
    /// Whether it is where a check of a folder is labelled.
    fn is_at(&self, folder: &str, place: &Place) -> bool {
        let Some(file) = self.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { return false };
        match place {
            Place::Resource(address) => plain(&self.address) == *address,
            Place::Anywhere => true,
            Place::At(other, line) => file == other && (self.line == *line || self.from.contains(line)),
            Place::Line(other, line) => {
                file == other && line.is_none_or(|line| self.lines.contains(&line) || self.from.contains(&line))
            }
        }
    }
}

/// `rules/peers.toml`: reasons, by check and by check and place.
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
    let fixtures = corpus.map_or_else(super::corpus, PathBuf::from).join("fixtures");
    let mut out = std::io::stdout().lock();
    if corpus.is_none() && !fixtures.is_dir() {
        writeln!(
            out,
            "skipped: there are no labelled fixtures in {}; --corpus says where they are",
            fixtures.display()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let risks: Value = serde_json::from_str(&super::countersign(&["risks", "--format", "json"])?)?;
    let mut suites = checkov(&fixtures)?;
    suites.extend(kics(&fixtures)?);
    suites.push(by_rule(&fixtures, "zizmor", "GitHub Actions")?);
    suites.push(by_rule(&fixtures, "squawk", "SQL")?);
    let (report, passed) = score(&suites, &mapping(&risks), &findings(&fixtures)?, &peers()?);
    out.write_all(report.as_bytes())?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The languages that are read, as the labels of each tool call them.
const CHECKOV: [(&str, &str); 3] =
    [("terraform", "Terraform"), ("kubernetes", "Kubernetes"), ("cloudformation", "CloudFormation")];
const KICS: [(&str, &str); 5] = [
    ("k8s", "Kubernetes"),
    ("cloudFormation", "CloudFormation"),
    ("dockerCompose", "Docker Compose"),
    ("dockerfile", "Dockerfile"),
    ("cicd", "GitHub Actions"),
];

/// Checks of zizmor that ask the network.
const ONLINE: [&str; 3] = ["impostor-commit", "known-vulnerable-actions", "ref-confusion"];

fn labels(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Checkov's labels, by resource.
fn checkov(fixtures: &Path) -> anyhow::Result<Vec<Suite>> {
    let labels = labels(&fixtures.join("checkov/labels.json"))?;
    let suite = |(language, name): &(&str, &str)| {
        let of_language = labels.iter().filter(|label| label["lang"] == *language);
        let mut checks: Vec<_> = of_language
            .map(|label| {
                let cases = [("fail", true), ("pass", false)].into_iter().flat_map(|(key, fails)| {
                    let addresses = label[key].as_array().into_iter().flatten();
                    addresses.map(move |it| Case { place: Place::Resource(plain(&text(it))), fails })
                });
                let folder = format!("checkov/{}", text(&label["dir"]));
                Check { id: text(&label["check"]), name: text(&label["name"]), folder, cases: cases.collect() }
            })
            .collect();
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        Suite { name: format!("Checkov, {name}"), checks }
    };
    Ok(CHECKOV.iter().map(suite).collect())
}

/// The labels of KICS, by file and line; what is called negative is to stay silent.
fn kics(fixtures: &Path) -> anyhow::Result<Vec<Suite>> {
    let folder = fixtures.join("kics");
    let labels = labels(&folder.join("labels.json"))?;
    let mut suites = Vec::new();
    for (language, name) in KICS {
        let mut checks = Vec::new();
        for label in labels.iter().filter(|label| label["platform"] == language) {
            let mut cases = Vec::new();
            for expected in label["expected"].as_array().into_iter().flatten() {
                let place = match expected["file"].as_str() {
                    Some(file) => Place::Line(file.to_owned(), expected["line"].as_u64()),
                    None => Place::Anywhere,
                };
                cases.push(Case { place, fails: true });
            }
            let folder = folder.join(text(&label["dir"]));
            let mut files: Vec<_> = std::fs::read_dir(&folder)
                .with_context(|| folder.display().to_string())?
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|file| file.starts_with("negative"))
                .collect();
            files.sort();
            cases.extend(files.into_iter().map(|file| Case { place: Place::Line(file, None), fails: false }));
            // Files in languages of other suites stand beside them.
            let is_fair = |file: &str| is_read(file) && !has_lost_references(&folder.join(file));
            cases.retain(|case| !matches!(&case.place, Place::Line(file, _) if !is_fair(file)));
            checks.push(Check {
                id: format!("kics:{}", text(&label["query"])),
                name: text(&label["name"]),
                folder: format!("kics/{}", text(&label["dir"])),
                cases,
            });
        }
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        suites.push(Suite { name: format!("KICS, {name}"), checks });
    }
    Ok(suites)
}

/// The labels of zizmor and squawk, by file and, where they say it, line.
fn by_rule(fixtures: &Path, tool: &str, language: &str) -> anyhow::Result<Suite> {
    let mut checks: BTreeMap<String, Check> = BTreeMap::new();
    for label in labels(&fixtures.join(tool).join("labels.json"))? {
        let rule = text(&label["rule"]);
        if ONLINE.contains(&rule.as_str()) {
            continue;
        }
        let fails = label["expect"] == "pos";
        let file = text(&label["file"]);
        let place = match label["line"].as_u64() {
            Some(line) => Place::At(file, line),
            None => Place::Line(file, None),
        };
        let folder = tool.to_owned();
        let check = checks.entry(rule.clone()).or_insert_with(|| Check {
            id: format!("{tool}:{rule}"),
            name: rule.replace('-', " "),
            folder,
            cases: Vec::new(),
        });
        check.cases.push(Case { place, fails });
    }
    Ok(Suite { name: format!("{tool}, {language}"), checks: checks.into_values().collect() })
}

/// Whether a file is of a language that is read.
fn is_read(file: &str) -> bool {
    [".yaml", ".yml", ".json", ".dockerfile"].iter().any(|end| file.ends_with(end))
}

/// Whether a template in JSON was made of one in YAML without its functions: the name of a parameter stands where the YAML refers
/// to it, so that it says something else than its label is about.
fn has_lost_references(file: &Path) -> bool {
    let text =
        if file.extension().is_some_and(|end| end == "json") { std::fs::read_to_string(file) } else { return false };
    let Ok(template) = serde_json::from_str::<Value>(&text.unwrap_or_default()) else { return false };
    let names = |section: &str| template[section].as_object().into_iter().flat_map(|it| it.keys().cloned());
    let names: BTreeSet<String> = names("Parameters").chain(names("Resources")).collect();
    let each = template["Resources"].as_object().into_iter().flat_map(|it| it.values());
    each.into_iter().any(|resource| says_a_name(&resource["Properties"], &names))
}

/// Whether a name stands in a value without a function around it.
fn says_a_name(value: &Value, names: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => {
            names.contains(text) || text.split('.').next().is_some_and(|id| id != text && names.contains(id))
        }
        Value::Array(values) => values.iter().any(|value| says_a_name(value, names)),
        Value::Object(fields) => {
            let is_function = |name: &str| name == "Ref" || name.starts_with("Fn::");
            fields.iter().any(|(name, value)| !is_function(name) && says_a_name(value, names))
        }
        _ => false,
    }
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

/// What is found in all fixtures.
fn findings(fixtures: &Path) -> anyhow::Result<Vec<Found>> {
    let place = super::root().join("target/tmp/score");
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    // A folder of their own, with settings for what the labels are stricter about than the defaults.
    copy(fixtures, &place.join("fixtures"))?;
    std::fs::copy(super::root().join("xtask/data/score.toml"), place.join("countersign.toml"))?;
    let report = super::countersign(&["check", &place.to_string_lossy(), "--format", "json"])?;
    let report: Value = serde_json::from_str(&report)?;
    let mut found = Vec::new();
    let mut parts: BTreeMap<String, Vec<RangeInclusive<u64>>> = BTreeMap::new();
    for finding in report["findings"].as_array().context("findings")? {
        let path = text(&finding["path"]).replace('\\', "/");
        let Some((_, path)) = path.rsplit_once("/fixtures/") else { continue };
        if !parts.contains_key(path) {
            parts.insert(path.to_owned(), lines_of_parts(&fixtures.join(path))?);
        }
        let line = finding["range"]["start"]["line"].as_u64().unwrap_or_default() + 1;
        let part = parts[path].iter().find(|lines| lines.contains(&line));
        found.push(Found {
            path: path.to_owned(),
            risk: text(&finding["risk"]),
            address: address(&finding["resource"]),
            line,
            lines: part.cloned().unwrap_or(line..=line),
            from: lines_of_related(finding),
        });
    }
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The lines of the same file that have to do with a finding, from 1.
fn lines_of_related(finding: &Value) -> Vec<u64> {
    let related = finding["related"].as_array().into_iter().flatten();
    let name = |path: &Value| path.as_str().and_then(|path| path.rsplit(['/', '\\']).next().map(str::to_owned));
    let here = related.filter(|related| name(&related["path"]) == name(&finding["path"]));
    here.filter_map(|related| Some(related["range"]["start"]["line"].as_u64()? + 1)).collect()
}

/// The address of a resource; of a template, which has logical ids, behind its kind.
fn address(resource: &Value) -> String {
    let (kind, address) = (text(&resource["kind"]), text(&resource["address"]));
    if kind.contains("::") { format!("{kind}.{address}") } else { address }
}

/// The lines of each part of a file, from 1.
fn lines_of_parts(path: &Path) -> anyhow::Result<Vec<RangeInclusive<u64>>> {
    let language = Language::of_path(&path.to_string_lossy()).with_context(|| path.display().to_string())?;
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let snapshot = Snapshot::new(language, 0, &text);
    read(&snapshot, &mut Budget::unbounded());
    let line = |offset| snapshot.text.line_of(offset) as u64 + 1;
    Ok(parts(&snapshot)
        .into_iter()
        .map(|part| line(part.range.start)..=line(part.range.end.saturating_sub(1)))
        .collect())
}

/// An address as Checkov's labels write it: in Terraform without modules, without `data.`, without an instance's key; in
/// Kubernetes `Kind.namespace.name`.
fn plain(address: &str) -> String {
    if let Some((kind, name)) = address.split_once(' ') {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        return format!("{kind}.{namespace}.{name}");
    }
    let mut rest = address;
    while let Some(inner) = rest.strip_prefix("module.").and_then(|inner| inner.split_once('.')) {
        rest = inner.1;
    }
    let rest = rest.strip_prefix("data.").unwrap_or(rest);
    rest.split('[').next().unwrap_or(rest).to_owned()
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
        let place = plain(&text(&row, "resource")?);
        peers.disputed.insert((text(&row, "check")?, place), text(&row, "reason")?);
    }
    Ok(peers)
}

/// Rows of the report's tables.
#[derive(Default)]
struct Rows {
    unmapped: String,
    misses: String,
    alarms: String,
    disputed: String,
    errors: String,
}

/// The report, and whether every bar is met.
fn score(
    suites: &[Suite],
    mapping: &BTreeMap<String, BTreeSet<String>>,
    findings: &[Found],
    peers: &Peers,
) -> (String, bool) {
    let mut report =
        "| suite | figure | without disputed labels | with them | bar | |\n|---|---|---|---|---|---|\n".to_owned();
    let mut rows = Rows::default();
    let mut used = BTreeSet::new();
    let mut passed = true;
    for suite in suites {
        let mut mapped = Count::default();
        // Of all labels, and of those that are not disputed.
        let mut counts = [[Count::default(); 2]; 2];
        for check in &suite.checks {
            let risks = mapping.get(&check.id);
            mapped.add(risks.is_some());
            tell_mapped(check, risks.is_some(), peers, &mut rows);
            let Some(risks) = risks else { continue };
            let names = risks.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            for Case { place, fails } in &check.cases {
                let is = |found: &Found| risks.contains(&found.risk) && found.is_at(&check.folder, place);
                let met = findings.iter().any(is) == *fails;
                let counts = &mut counts[usize::from(*fails)];
                counts[0].add(met);
                let key = (check.id.clone(), place.to_string());
                if let Some(reason) = peers.disputed.get(&key) {
                    let label = if *fails { "to fail" } else { "to pass" };
                    let met = if met { "met" } else { "not met" };
                    line(&mut rows.disputed, &[&check.id, &key.1, label, met, reason]);
                    used.insert(key);
                } else {
                    counts[1].add(met);
                    if !met {
                        let table = if *fails { &mut rows.misses } else { &mut rows.alarms };
                        line(table, &[&check.id, &check.name, &key.1, &names]);
                    }
                }
            }
        }
        let [silent, found] = counts;
        let figures = [("checks mapped", [mapped; 2]), ("to fail, found", found), ("to pass, silent", silent)];
        for (at, (name, [all, undisputed])) in figures.into_iter().enumerate() {
            let met = undisputed.percent() >= BARS[at];
            let counts = at == 0 || undisputed.all >= ENOUGH;
            passed &= met || !counts;
            let bar = format!("{} %", BARS[at]);
            let said = if met {
                "met"
            } else if counts {
                "MISSED"
            } else {
                "too few"
            };
            let with = if at == 0 { String::new() } else { all.to_string() };
            line(&mut report, &[&suite.name, name, &undisputed.to_string(), &with, &bar, said]);
        }
    }
    for (check, place) in peers.disputed.keys().filter(|key| !used.contains(*key)) {
        line(&mut rows.errors, &[check, place, "is disputed in rules/peers.toml, and no mapped check has this label"]);
    }
    for (title, columns, rows) in [
        ("Not mapped", "check | what | why", &rows.unmapped),
        ("Missed", "check | what | place | risks", &rows.misses),
        ("False alarms", "check | what | place | risks", &rows.alarms),
        ("Disputed", "check | place | label | | why", &rows.disputed),
        ("Errors", "what | | ", &rows.errors),
    ] {
        if !rows.is_empty() {
            let dashes = "---|".repeat(columns.split('|').count());
            let _ = write!(report, "\n## {title}\n\n| {columns} |\n|{dashes}\n{rows}");
        }
    }
    (report, passed && rows.errors.is_empty())
}

/// Says of a check that no risk stands for it, and why not.
fn tell_mapped(check: &Check, mapped: bool, peers: &Peers, rows: &mut Rows) {
    let reason = peers.unmapped.get(&check.id);
    match (mapped, reason) {
        (true, Some(_)) => {
            line(&mut rows.errors, &[&check.id, "is called unmapped in rules/peers.toml, and is mapped"]);
        }
        (true, None) => {}
        (false, reason) => {
            line(&mut rows.unmapped, &[&check.id, &check.name, reason.map_or("?", String::as_str)]);
            if reason.is_none() {
                line(&mut rows.errors, &[&check.id, "is mapped by no risk, and rules/peers.toml has no reason"]);
            }
        }
    }
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
        assert_eq!(plain("Deployment web"), "Deployment.default.web");
        assert_eq!(plain("Pod kube-system/etcd"), "Pod.kube-system.etcd");
    }

    #[test]
    fn counts() {
        let resource = |address: &str, fails| Case { place: Place::Resource(address.to_owned()), fails };
        let cases = || vec![resource("a.bad", true), resource("a.worse", true), resource("a.good", false)];
        let check =
            |id: &str, cases| Check { id: id.to_owned(), name: "name".to_owned(), folder: format!("tool/{id}"), cases };
        let suite = |checks| [Suite { name: "Tool".to_owned(), checks }];
        let mapping = BTreeMap::from([("ONE".to_owned(), BTreeSet::from(["risk".to_owned()]))]);
        let found = |path: &str, address: &str, lines| Found {
            path: path.to_owned(),
            risk: "risk".to_owned(),
            address: address.to_owned(),
            line: 2,
            lines,
            from: vec![9],
        };
        let findings = [found("tool/ONE/main.tf", "a.bad", 1..=4), found("tool/TWO/main.tf", "a.worse", 1..=4)];
        let two = suite(vec![check("ONE", cases()), check("TWO", cases())]);
        let (report, passed) = score(&two, &mapping, &findings, &Peers::default());
        assert!(!passed);
        for part in [
            "1 of 2 (50.0 %)",
            "1 of 1 (100.0 %)",
            "| ONE | name | a.worse | risk |",
            "| TWO | name | ? |",
            "## Errors",
        ] {
            assert!(report.contains(part), "{part} in\n{report}");
        }
        let key = ("ONE".to_owned(), "a.worse".to_owned());
        let peers = Peers { disputed: BTreeMap::from([(key, "is fine".to_owned())]), ..Peers::default() };
        let (report, passed) = score(&suite(vec![check("ONE", cases())]), &mapping, &findings, &peers);
        assert!(passed, "{report}");
        assert!(report.contains("| ONE | a.worse | to fail | not met | is fine |"), "{report}");
        let line = |line, fails| Case { place: Place::Line("main.tf".to_owned(), line), fails };
        let cases = vec![
            line(Some(4), true),
            line(Some(5), false),
            line(Some(9), true),
            line(None, true),
            Case { place: Place::At("main.tf".to_owned(), 2), fails: true },
            Case { place: Place::At("main.tf".to_owned(), 3), fails: false },
        ];
        let (report, _) = score(&suite(vec![check("ONE", cases)]), &mapping, &findings, &Peers::default());
        assert!(
            report.contains("| to fail, found | 4 of 4") && report.contains("| to pass, silent | 2 of 2"),
            "{report}"
        );
    }
}
