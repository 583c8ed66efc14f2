//! `countersign check`.

mod arguments;
mod rego;

pub(super) use arguments::{CheckArguments, OriginName};
pub(super) use rego::serve as serve_policies;

use super::baseline::{Baseline, Fingerprint, Known, fingerprints};
use super::checked::{Checked, Format, Found, Report};
use super::fix::{self, Fixed, Fixing};
use super::{human, print};
use crate::attribution;
use crate::cache::{self, Cache};
use crate::committed::{self, Records};
use crate::disk::{self, Configs};
use crate::impact::Checked as Live;
use crate::state::{Store, write_atomically};
use crate::surroundings::{self, Surroundings};
use anyhow::Context;
use countersign_engine::report::{JsonFinding, JsonGap, JsonProblem, JsonRange, JsonRelated};
use countersign_engine::{Analysis, Finding, Policy, Snapshot, Workspace, analyze, gaps};
use countersign_grammars::Language;
use countersign_policy::{Gap, Origin, Severity, Surface};
use countersign_provenance::{self as provenance, Saved};
use countersign_syntax::{Budget, parse};
use countersign_text::{RangeMap, Text};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use rego::{Asked, Rego};
use std::io::IsTerminal;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Checks everything that was named and prints what was found.
pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let configs = Configs::default();
    let mut policies = Rego::load(&arguments.rego)?;
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?.map(Known::new);
    let (files, mut problems) = disk::files(&arguments.paths, &configs);
    let fix = match (arguments.fix, arguments.dry_run) {
        (false, _) => Fixing::Off,
        (true, true) => Fixing::Shown,
        (true, false) => Fixing::Written,
    };
    let live = || {
        if arguments.no_impact {
            return Live::default();
        }
        Live::of(&arguments.paths, arguments.base.as_deref(), &configs)
    };
    let mut check = Check {
        configs: &configs,
        // Of files that are fixed it is looked at afterwards.
        live: if fix == Fixing::Written { Live::default() } else { live() },
        today: today(),
        store: Store::of_one_run(),
        records: Records::default(),
        assume_origin: arguments.assume_origin,
        least: arguments.min_severity.into(),
        for_people: arguments.format == Format::Human,
        undecided: arguments.undecided,
        baseline: baseline.as_ref(),
        fix,
        at_gate: false,
        rego: None,
    };
    let excepted = policies.as_mut().map_or(0, |policies| check.together(&files, policies));
    check.rego = policies.as_ref();
    let (mut checked, diffs): (Vec<Checked>, Vec<Option<Fixed>>) = check.files(&files).into_iter().unzip();
    let diffs: Vec<Fixed> = diffs.into_iter().flatten().collect();
    if fix == Fixing::Written {
        (check.fix, check.live) = (Fixing::Off, live());
        if !check.live.is_empty() {
            let again = check.files(&files).into_iter().zip(checked);
            checked =
                again.map(|((now, _), first)| Checked { problem: now.problem.or(first.problem), ..now }).collect();
        }
    }
    let mut files = checked;
    files.extend(check.gone());
    files.sort_by(|a, b| a.path.cmp(&b.path));
    problems.append(&mut check.live.problems);
    problems.extend(policies.iter().flat_map(Rego::problems));

    problems.extend(configs.problems().into_iter().map(|(path, message)| JsonProblem { path, message }));
    problems.extend(files.iter_mut().filter_map(|checked| checked.problem.take()));
    let report = Report {
        outdated: baseline.as_ref().map_or(0, Known::outdated),
        excepted,
        fixed: diffs.iter().map(|fixed| fixed.count).sum(),
        dry_run: arguments.dry_run,
        files,
        problems,
        took: started.elapsed(),
    };
    show_diffs(arguments, &diffs)?;
    let rendered = report.render(arguments.format)?;
    match &arguments.output {
        Some(path) => write_output(path, &rendered)?,
        None => drop(print(&rendered)?),
    }
    say_beside(arguments, &report);
    for doubt in check.live.doubts.iter().chain(&check.live.not_said) {
        anstream::eprintln!("countersign: {doubt}");
    }
    let failed =
        report.findings().any(|found| arguments.fail_on.iter().any(|threshold| threshold.is_reached(&found.json)));
    Ok(match (report.problems.is_empty(), failed) {
        (false, _) => ExitCode::from(super::FAILED),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    })
}

/// What is found below some paths where nothing else is said than the least severity.
pub(crate) struct Listed {
    /// By path and place.
    pub(crate) findings: Vec<JsonFinding>,
    /// How many a suppression takes away.
    pub(crate) suppressed: usize,
    /// What could not be read.
    pub(crate) problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    pub(crate) doubts: Vec<String>,
}

/// Lists what `check` finds, for those who ask over a protocol.
pub(crate) fn listed(paths: &[PathBuf], least: Severity) -> Listed {
    let configs = Configs::default();
    let (files, mut problems) = disk::files(paths, &configs);
    let mut check = Check { least, ..Check::plain(&configs, Live::of(paths, None, &configs)) };
    let mut checked: Vec<Checked> = check.files(&files).into_iter().map(|(checked, _)| checked).collect();
    checked.extend(check.gone());
    checked.sort_by(|a, b| a.path.cmp(&b.path));
    problems.append(&mut check.live.problems);
    problems.extend(configs.problems().into_iter().map(|(path, message)| JsonProblem { path, message }));
    problems.extend(checked.iter_mut().filter_map(|checked| checked.problem.take()));
    Listed {
        suppressed: checked.iter().map(|checked| checked.suppressed).sum(),
        findings: checked.into_iter().flat_map(|checked| checked.findings).map(|found| found.json).collect(),
        problems,
        doubts: check.live.doubts.into_iter().chain(check.live.not_said).collect(),
    }
}

/// What was or would be changed: before the findings for people, beside them for programs.
fn show_diffs(arguments: &CheckArguments, diffs: &[Fixed]) -> anyhow::Result<()> {
    let diffs: String = diffs.iter().map(|fixed| fixed.diff.as_str()).collect();
    match arguments.format {
        _ if diffs.is_empty() => {}
        Format::Human if arguments.output.is_none() => drop(print(&format!("{diffs}\n"))?),
        _ => anstream::eprint!("{diffs}"),
    }
    Ok(())
}

/// What people want to know and a format has no place for.
fn say_beside(arguments: &CheckArguments, report: &Report) {
    if arguments.format == Format::Human {
        for problem in &report.problems {
            anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
        }
    } else if let Some(outdated) = human::outdated(report.outdated) {
        anstream::eprintln!("countersign: {outdated}");
    }
}

/// Writes the report to a file whole or not at all; what is no file, a pipe for instance, is written to as it is.
pub(super) fn write_output(path: &Path, text: &str) -> anyhow::Result<()> {
    let text = anstream::adapter::strip_str(text).to_string();
    // What a link names is replaced, not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let special = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let written = if special { std::fs::write(path, text) } else { write_atomically(path, text.as_bytes()) };
    written.with_context(|| format!("{}: the report cannot be written", path.display()))
}

/// Text that is held at once, unless more of it goes together; each byte of it takes some thirty.
const BATCH_BYTES: usize = 1 << 20;

/// How files are checked.
pub(crate) struct Check<'a> {
    pub(super) configs: &'a Configs,
    /// What the files do to what is live.
    pub(crate) live: Live,
    pub(super) today: jiff::civil::Date,
    pub(super) store: Store,
    /// What is recorded with commits.
    pub(crate) records: Records,
    pub(super) assume_origin: OriginName,
    pub(super) least: Severity,
    /// Whether findings are rendered for people.
    pub(super) for_people: bool,
    /// Whether what cannot be decided is listed.
    pub(super) undecided: bool,
    pub(super) baseline: Option<&'a Known>,
    pub(super) fix: Fixing,
    /// Whether what is changed is judged before it is merged.
    pub(crate) at_gate: bool,
    /// Policies beside the catalogue.
    rego: Option<&'a Rego>,
}

impl<'a> Check<'a> {
    /// Everything that is found, and nothing else.
    pub(crate) fn plain(configs: &'a Configs, live: Live) -> Self {
        Self {
            configs,
            live,
            today: today(),
            store: Store::of_one_run(),
            records: Records::default(),
            assume_origin: OriginName::Unknown,
            least: Severity::Low,
            for_people: false,
            undecided: false,
            baseline: None,
            fix: Fixing::Off,
            at_gate: false,
            rego: None,
        }
    }

    /// Asks policies about all files at once, where they want that; how much exceptions took away.
    fn together(&self, files: &[(PathBuf, Language)], policies: &mut Rego) -> usize {
        if !policies.is_combined() {
            return 0;
        }
        let asked = self.each(files, |path, snapshot, around| {
            let in_git = self.in_git(path, snapshot);
            let known = in_git.and_then(|file| attribution::with_committed(&file, &snapshot.regions));
            let snapshot = &Snapshot { regions: known.unwrap_or_else(|| snapshot.regions.clone()), ..snapshot.clone() };
            let (policy, analysis) = self.analysed(path, snapshot, &around.workspace);
            let input = policies.input(path, (snapshot, &around.workspace), &policy, &analysis)?;
            Some(Asked { path: path.to_owned(), text: snapshot.text.clone(), input })
        });
        // What could not be read is said when the files themselves are checked.
        let asked: Vec<Asked> = asked.into_iter().filter_map(Result::ok).flatten().collect();
        policies.look_together(&asked)
    }

    /// Checks files, in their order, and fixes them where asked to.
    pub(super) fn files(&self, files: &[(PathBuf, Language)]) -> Vec<(Checked, Option<Fixed>)> {
        let checked = self.each(files, |path, snapshot, around| self.file(path, snapshot, around));
        let files = checked.into_iter().zip(files);
        files.map(|(done, (path, _))| done.unwrap_or_else(|why| (not_done(path, why), None))).collect()
    }

    /// A text that a file has, to be asked where its lines come from; `None` outside of git.
    pub(crate) fn in_git(&self, path: &Path, snapshot: &Snapshot) -> Option<committed::File> {
        self.records.file(path, snapshot.text.to_string())
    }

    /// What is to be said about a file, for those who make something else of it than a report; with what was recorded of who
    /// wrote it, where that is more than the snapshot has, and what tags declare.
    pub(crate) fn findings(
        &self,
        path: &Path,
        snapshot: &Snapshot,
        in_git: Option<&committed::File>,
        around: &Surroundings,
    ) -> (Option<Snapshot>, RangeMap<provenance::Origin>, Vec<(Finding, JsonFinding)>) {
        let committed = self.with_committed(path, snapshot, in_git, around);
        let snapshot = committed.as_ref().unwrap_or(snapshot);
        let looked = self.look(path, snapshot, &around.workspace, self.rego);
        let shown = disk::display(path);
        let json = |finding: Finding| (finding.clone(), JsonFinding::new(&shown, &snapshot.text, &finding));
        let findings = looked.findings.into_iter().map(|(finding, _)| json(finding)).collect();
        (committed.clone(), looked.declared, findings)
    }

    /// Reads files with what stands around them and does something with each, in their order; why one could not be read.
    pub(crate) fn each<T: Send>(
        &self,
        files: &[(PathBuf, Language)],
        done: impl Fn(&Path, &Snapshot, &Surroundings) -> T + Sync,
    ) -> Vec<Result<T, String>> {
        let progress = progress(self.for_people, files.len());
        let mut all: Vec<_> = files.iter().map(|_| Err(String::new())).collect();
        for batch in surroundings::batches(files, BATCH_BYTES) {
            let files_of: Vec<_> = batch.iter().filter_map(|index| files.get(*index)).collect();
            let read = cache::by_folder(&files_of, |(path, _)| path, |cache, (path, of)| self.read(cache, path, *of));
            let parsed = read.iter().filter_map(|read| read.as_ref().ok()).filter(|it| it.language.is_parsed());
            let around = Surroundings::of(parsed.cloned());
            let done = batch.par_iter().zip(read).map(|(index, read)| {
                let done = read.map(|snapshot| done(&files[*index].0, &snapshot, &around));
                progress.inc(1);
                (*index, done)
            });
            for (index, done) in done.collect::<Vec<_>>() {
                all[index] = done;
            }
            // Taking it apart needs as long as a tenth of the work on it, and nobody has to wait for that.
            rayon::spawn(move || drop(around));
        }
        progress.finish_and_clear();
        all
    }

    /// Reads a file, with what is known of who wrote it.
    fn read(&self, cache: &Cache, path: &Path, language: Language) -> Result<Arc<Snapshot>, String> {
        let mut snapshot = match cache.load(path, language) {
            Ok(snapshot) => snapshot,
            Err(disk::Unread::Limit(message)) => {
                let mut snapshot = surroundings::snapshot(path, language, "");
                snapshot.unread = Some(message);
                return Ok(Arc::new(snapshot));
            }
            Err(disk::Unread::Io(message)) => return Err(message),
        };
        snapshot.regions = attribution::of(&self.store, path, &snapshot.text.to_string());
        snapshot.impacts = self.live.of_file(path);
        if self.configs.of(path).singles_out(path) {
            // There it matters what is new.
            snapshot.changed = committed::changed(&disk::place(None, path), &snapshot.text).unwrap_or_default();
        }
        Ok(Arc::new(snapshot))
    }

    /// What went with files that are gone, said of these.
    fn gone(&self) -> Vec<Checked> {
        let here = std::env::current_dir().map(|here| surroundings::key(&here)).unwrap_or_default();
        let shown =
            |file: &str| PathBuf::from(file.strip_prefix(&*here).map_or(file, |rest| rest.trim_start_matches('/')));
        self.each_gone(shown, |path, snapshot| {
            let around = Surroundings::default();
            self.shown(path, snapshot, &around, self.look(path, snapshot, &Workspace::default(), None))
        })
    }

    /// Does something with each file that is gone and that something that is live went with.
    pub(crate) fn each_gone<T>(&self, shown: impl Fn(&str) -> PathBuf, done: impl Fn(&Path, &Snapshot) -> T) -> Vec<T> {
        let gone = |(file, impacts): (&Arc<str>, &Arc<[_]>)| {
            let path = shown(file);
            let mut snapshot = surroundings::snapshot(&path, Language::of_path(file)?, "");
            snapshot.impacts = Arc::clone(impacts);
            Some(done(&path, &snapshot))
        };
        self.live.gone.iter().filter_map(gone).collect()
    }

    /// A file with what was recorded with its commits, where that matters: where something is said about it, or who wrote it is
    /// what counts.
    fn with_committed(
        &self,
        path: &Path,
        snapshot: &Snapshot,
        in_git: Option<&committed::File>,
        around: &Surroundings,
    ) -> Option<Snapshot> {
        let in_git = in_git.filter(|file| file.is_recorded())?;
        if !self.rego.is_some_and(Rego::asks_for_more) {
            let looked = self.look(path, snapshot, &around.workspace, self.rego);
            if looked.findings.is_empty() && looked.suppressed == 0 && !self.configs.of(path).singles_out(path) {
                return None;
            }
        }
        let regions = attribution::with_committed(in_git, &snapshot.regions)?;
        Some(Snapshot { regions, ..snapshot.clone() })
    }

    fn file(&self, path: &Path, snapshot: &Snapshot, around: &Surroundings) -> (Checked, Option<Fixed>) {
        let committed = self.with_committed(path, snapshot, self.in_git(path, snapshot).as_ref(), around);
        let snapshot = committed.as_ref().unwrap_or(snapshot);
        if self.fix == Fixing::Off || snapshot.unread.is_some() {
            return (self.report(path, snapshot, around, &around.workspace), None);
        }
        let text = snapshot.text.to_string();
        let saved = Saved::new(&text, &snapshot.regions);
        let changed = |text: &str| {
            let mut changed = surroundings::snapshot(path, snapshot.language, text);
            if let Some(saved) = &saved {
                changed.regions = saved.restore(text);
            }
            changed
        };
        let fixed = fix::fixed(&disk::display(path), &text, |text| {
            let changed = changed(text);
            (self.look(path, &changed, &around.with(&changed), None), broken(&changed))
        });
        let Some(fixed) = fixed else { return (self.report(path, snapshot, around, &around.workspace), None) };
        if self.fix == Fixing::Shown {
            return (self.report(path, snapshot, around, &around.workspace), Some(fixed));
        }
        match fix::write(path, &text, &fixed.text) {
            Ok(()) => {
                let changed = changed(&fixed.text);
                (self.report(path, &changed, around, &around.with(&changed)), Some(fixed))
            }
            Err(why) => {
                let mut checked = self.report(path, snapshot, around, &around.workspace);
                checked.problem = Some(JsonProblem { path: disk::display(path), message: why });
                (checked, None)
            }
        }
    }

    /// What the engine says about a text, and the policy that it goes by.
    fn analysed(&self, path: &Path, snapshot: &Snapshot, workspace: &Workspace) -> (Policy, Analysis) {
        let mut policy = self.configs.of(path).policy(Surface::CommandLine, self.today);
        policy.at_gate = self.at_gate;
        policy.assumed_origin = match self.assume_origin {
            OriginName::Ai => Some(Origin::Ai),
            OriginName::Human => Some(Origin::Human),
            OriginName::Unknown => None,
        };
        let analysis = analyze(snapshot, workspace, &policy, &mut Budget::unbounded()).unwrap_or_default();
        (policy, analysis)
    }

    /// What is to be said about a file: what no suppression, baseline or threshold takes away.
    fn look(&self, path: &Path, snapshot: &Snapshot, workspace: &Workspace, rego: Option<&Rego>) -> Looked {
        let (policy, mut analysis) = self.analysed(path, snapshot, workspace);
        if let Some(rego) = rego {
            let (findings, excepted) = rego.of(path, (snapshot, workspace), &policy, &analysis);
            analysis.findings.extend(findings);
            analysis.findings.sort_by(|a, b| (a.range.start, a.risk).cmp(&(b.range.start, b.risk)));
            analysis.suppressed += excepted;
        }
        let prints = fingerprints(&snapshot.text, &analysis.findings);
        let baseline = self.baseline.filter(|_| snapshot.unread.is_none());
        let known = baseline.map(|baseline| baseline.known(path, &prints)).unwrap_or_default();
        let mut looked = Looked {
            suppressed: analysis.suppressed,
            secrets: analysis.secrets,
            declared: analysis.declared,
            gaps: if self.undecided { gaps(snapshot) } else { Vec::new() },
            ..Looked::default()
        };
        for (index, (finding, print)) in analysis.findings.into_iter().zip(prints).enumerate() {
            if known.contains(&index) {
                looked.known += 1;
            } else if finding.severity >= self.least {
                looked.findings.push((finding, print));
            }
        }
        looked
    }

    fn report(&self, path: &Path, snapshot: &Snapshot, around: &Surroundings, workspace: &Workspace) -> Checked {
        self.shown(path, snapshot, around, self.look(path, snapshot, workspace, self.rego))
    }

    fn shown(&self, path: &Path, snapshot: &Snapshot, around: &Surroundings, looked: Looked) -> Checked {
        let shown_path = disk::display(path);
        let related = |finding: &Finding| {
            let places = finding.elsewhere.iter().filter_map(|place| Some((place, around.locate(place)?)));
            places.map(|(place, (other, range))| related(&other.file, &other.text, &range, &place.message)).collect()
        };
        let secrets = looked.secrets;
        let found = |(finding, fingerprint): (Finding, Fingerprint)| {
            let related: Vec<JsonRelated> = related(&finding);
            let shown = if self.for_people {
                human::finding(&shown_path, &snapshot.text, &finding, &related, &secrets)
            } else {
                String::new()
            };
            let json = JsonFinding { related, ..JsonFinding::new(&shown_path, &snapshot.text, &finding) };
            Found { json, fingerprint, shown }
        };
        let gap = |gap: Gap| JsonGap {
            path: shown_path.clone(),
            range: JsonRange::new(&snapshot.text, &gap.range),
            risk: gap.risk,
            address: gap.address,
            needs: gap.needs,
        };
        Checked {
            path: path.to_owned(),
            findings: looked.findings.into_iter().map(found).collect(),
            suppressed: looked.suppressed,
            known: looked.known,
            gaps: self.undecided.then(|| looked.gaps.into_iter().map(gap).collect()),
            problem: None,
            catalogue: Some(Arc::clone(&self.configs.of(path).catalogue)),
        }
    }
}

/// Another place, as the report has it.
fn related(file: &str, text: &Text, range: &Range<usize>, message: &str) -> JsonRelated {
    let here = std::env::current_dir().map(|here| surroundings::key(&here)).unwrap_or_default();
    let relative = file.strip_prefix(&*here).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file);
    JsonRelated { path: relative.to_owned(), range: JsonRange::new(text, range), message: message.to_owned() }
}

/// How many blocks of a text do not parse.
fn broken(snapshot: &Snapshot) -> usize {
    let units = snapshot.units.iter().map(|(start, unit)| snapshot.text.slice(start..start + unit.len()));
    units
        .filter(|source| {
            let parsed = parse(snapshot.language, source, 0, None, &mut Budget::unbounded());
            !parsed.is_ok_and(|tree| tree.is_ok_and(|tree| !tree.root_node().has_error()))
        })
        .count()
}

fn not_done(path: &Path, message: String) -> Checked {
    let problem = Some(JsonProblem { path: disk::display(path), message });
    Checked { path: path.to_owned(), problem, ..Checked::default() }
}

/// What is to be said about one text.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) findings: Vec<(Finding, Fingerprint)>,
    /// Where secrets stand, also those that nothing is said about.
    pub(super) secrets: Vec<std::ops::Range<usize>>,
    /// What in-file tags declare.
    declared: RangeMap<provenance::Origin>,
    gaps: Vec<Gap>,
    suppressed: usize,
    known: usize,
}

/// Today, where this machine is.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}

fn progress(for_people: bool, files: usize) -> ProgressBar {
    let hidden = !for_people || !std::io::stderr().is_terminal();
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(4) };
    let bar = ProgressBar::with_draw_target(u64::try_from(files).ok(), target);
    let style = ProgressStyle::with_template("checking {pos} of {len} files {wide_bar} {eta}").context("template");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_elapsed(Duration::ZERO).with_finish(indicatif::ProgressFinish::AndClear)
}
