//! What changed between two states, part by part, and what policy wants for each.

use super::change::{Change, severity_of};
use super::commits::{Commits, NewLine, Read, new_lines};
use super::one_file::{FilePolicy, OneFile, States};
use super::planned::{PlanFile, planned};
use super::{REVIEWS, parts};
use crate::cli::Check;
use crate::committed::Records;
use crate::disk::Configs;
use crate::git::{Git, Revision};
use crate::impact::Checked as Live;
use crate::surroundings::{Surroundings, files_in, holds_values, key, templates_of};
use countersign_engine::report::{JsonFinding, JsonProblem};
use countersign_engine::{Elsewhere, Finding, Snapshot, UnitAt, environment_at};
use countersign_grammars::Language;
use countersign_policy::{CODEOWNERS, Environment, Owners, Surface};
use countersign_review::digest;
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are taken apart at once: what they say is held for so long.
const AT_ONCE: usize = 256;

/// What is there now.
pub(crate) struct Now<'a> {
    /// The work tree, as git names it.
    pub(crate) git: &'a Git,
    /// The files that are not as they were at the base, from the root.
    pub(crate) paths: Vec<String>,
    /// A file as it is now; `None` where there is none.
    pub(crate) file: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// The commits since the base, with the files that each changed.
    pub(crate) commits: Vec<(String, Vec<String>)>,
    /// The files of which something is not committed, and the address of whoever is at work here.
    pub(crate) uncommitted: (BTreeSet<String>, Option<String>),
}

/// Everything that changed where policy may want something.
pub(crate) struct Changes {
    /// By path, and in order of the text.
    pub(crate) parts: Vec<Change>,
    /// What could not be looked at.
    pub(crate) problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    pub(crate) doubts: Vec<String>,
}

/// What a look at a file of a language found.
pub(super) struct Looked {
    pub(super) findings: Vec<Seen>,
    /// By the place of a part in the text.
    pub(super) environments: HashMap<usize, Environment>,
    /// Who wrote the lines that are new.
    pub(super) lines: Vec<NewLine>,
}

/// A finding.
pub(super) struct Seen {
    pub(super) finding: Finding,
    pub(super) json: JsonFinding,
    /// Whether something that is different brings it about, wherever it stands itself.
    pub(super) is_caused: bool,
}

/// Lines that are new, by file.
type NewLines = HashMap<Arc<str>, Vec<(usize, Range<usize>)>>;

/// What changed from one state to the one that is there now. `tip` is the state that it is to go on top of: the base, or what the
/// branch that was left at the base has become.
pub(crate) fn changes(
    base: &Revision,
    tip: &Revision,
    now: &Now<'_>,
    plans: &[PlanFile],
    configs: &Configs,
) -> anyhow::Result<Changes> {
    let root = now.git.root();
    let live = Live::of(&[root.to_owned()], Some(&base.id), configs);
    let mut check = Check::plain(configs, live);
    check.at_gate = true;
    check.records = Records::of_range(now.commits.iter().map(|(commit, _)| commit.clone()));
    let read = Read::of(now)?;
    let commits = Commits::of(now, &read);
    let text = |content: Option<Vec<u8>>| String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let is_read = |path: &&String| Language::of_path(path).is_some();
    let new: NewLines = (now.paths.iter().filter(is_read))
        .map(|path| (key(&root.join(path)), new_lines(&text(base.file(path)), &text((now.file)(path)))))
        .collect();
    let files = to_look_at(now, &check.live, configs);
    let looked =
        check.each(&files, |path, snapshot, around| look(&commits, &new, &check, configs, path, snapshot, around));
    let mut by_path: HashMap<PathBuf, Looked> = HashMap::new();
    let mut problems = std::mem::take(&mut check.live.problems);
    let not_said = check.live.not_said.take();
    problems.extend(not_said.map(|message| JsonProblem { path: String::from("."), message }));
    for ((path, _), looked) in files.into_iter().zip(looked) {
        match looked {
            Ok(looked) => drop(by_path.insert(path, looked)),
            Err(message) => problems.push(JsonProblem { path: crate::disk::display(&path), message }),
        }
    }
    by_path.extend(check.each_gone(
        |file: &str| PathBuf::from(file),
        |path, snapshot| {
            let (_, _, findings) = check.findings(path, snapshot, None, &Surroundings::default());
            let seen = |(finding, json): (Finding, JsonFinding)| Seen { finding, json, is_caused: true };
            let findings = findings.into_iter().map(seen).collect();
            (path.to_owned(), Looked { findings, environments: HashMap::new(), lines: Vec::new() })
        },
    ));
    let codeowners = CODEOWNERS.iter().find_map(|name| tip.file(name));
    let codeowners = Owners::read(&String::from_utf8_lossy(&codeowners.unwrap_or_default()));
    let is_caused = |(path, looked): (&PathBuf, &Looked)| {
        let relative = crate::disk::display(path.strip_prefix(root).ok()?);
        looked.findings.iter().any(|seen| seen.is_caused).then_some(relative)
    };
    let paths: BTreeSet<String> = by_path.iter().filter_map(is_caused).chain(now.paths.iter().cloned()).collect();
    let (whole, policies) = (whole(now), RefCell::default());
    let one = |path: &str, is_infrastructure: bool| OneFile {
        path: path.to_owned(),
        is_infrastructure,
        policy: FilePolicy::of(&policies, &root.join(path), now.git, configs),
        looked: by_path.get(&root.join(path)),
        whole: &whole,
        commits: &commits,
        owners: &codeowners,
        worker: now.uncommitted.1.as_deref().filter(|_| now.uncommitted.0.contains(path)),
        any_worker: now.uncommitted.1.as_deref().filter(|_| !now.uncommitted.0.is_empty()),
    };
    let parts_of = |path: &str, content: Option<Vec<u8>>| {
        content.map(|content| (parts(Path::new(path), &content), content)).unwrap_or_default()
    };
    let mut all = Vec::new();
    let is_meant = |path: &&String| !configs.of(&root.join(path)).excludes(&root.join(path)) && !is_of_reviews(path);
    let paths: Vec<&String> = paths.iter().filter(is_meant).collect();
    for paths in paths.chunks(AT_ONCE) {
        let contents = paths.iter().map(|path| (*path, base.file(path), tip.file(path), (now.file)(path)));
        let contents: Vec<_> = contents.collect();
        let apart = |(path, base, tip, now): (&String, _, Option<Vec<u8>>, _)| {
            States::new(Path::new(path), base, tip.as_deref(), now)
        };
        let states: Vec<States> = contents.into_par_iter().map(apart).collect();
        for (path, states) in paths.iter().zip(&states) {
            all.extend(one(path, states.is_infrastructure).changes(states));
        }
    }
    let mut doubts = check.live.doubts;
    let plans = planned(plans, root, &base.id, configs)?;
    for planned in plans.taken {
        let covering = all.iter_mut().find(|change: &&mut Change| planned.is_covered_by(change));
        if let Some(change) = covering {
            change.impact = change.impact.into_iter().chain([planned.impact]).max_by_key(severity_of);
            change.planned.push(planned);
            one(&change.bound.path, true).require(change);
            continue;
        }
        let (before, (now, text)) =
            (parts_of(&planned.path, tip.file(&planned.path)).0, parts_of(&planned.path, (now.file)(&planned.path)));
        all.push(one(&planned.path, true).only_planned(planned, &before, &now, &String::from_utf8_lossy(&text)));
    }
    problems.extend(plans.problems);
    doubts.extend(plans.doubts);
    Ok(Changes { parts: all, problems, doubts })
}

/// Whether a file is one of a request or of an answer, which say themselves whom they are from.
fn is_of_reviews(path: &str) -> bool {
    let inside = path.strip_prefix(REVIEWS).and_then(|path| path.strip_prefix('/'));
    let is_known = |name: &str| Path::new(name).extension().is_some_and(|it| it == "json" || it == "sig");
    inside.is_some_and(is_known) && Language::of_path(path).is_none()
}

/// The files that have to be looked at: those that are different, those beside them, for what is different there may change what
/// holds here, and those of which something that is live would change.
fn to_look_at(now: &Now<'_>, live: &Live, configs: &Configs) -> Vec<(PathBuf, Language)> {
    let root = now.git.root();
    let changed: Vec<PathBuf> = now.paths.iter().map(|path| root.join(path)).collect();
    let is_read = |path: &&PathBuf| Language::of_path(&path.to_string_lossy()).is_some();
    let folders: BTreeSet<&Path> = changed.iter().filter(is_read).filter_map(|path| path.parent()).collect();
    let charts: BTreeSet<&Path> =
        changed.iter().filter(|path| holds_values(&path.to_string_lossy())).filter_map(|path| path.parent()).collect();
    let beside = folders.into_iter().flat_map(files_in).chain(charts.into_iter().flat_map(templates_of));
    let beside = beside.map(|(path, _)| path);
    let of_live = live.files().map(|file| PathBuf::from(&**file));
    let all: BTreeSet<PathBuf> = changed.iter().cloned().chain(beside).chain(of_live).collect();
    let language = |file: PathBuf| {
        let language = Language::of_path(&file.to_string_lossy())?;
        (file.is_file() && !configs.of(&file).excludes(&file)).then_some((file, language))
    };
    all.into_iter().filter_map(language).collect()
}

/// What tells all that is different from anything else.
fn whole(now: &Now<'_>) -> String {
    let mut all = String::new();
    for path in now.paths.iter().filter(|path| !is_of_reviews(path)) {
        let content = (now.file)(path).map(|content| digest(&content)).unwrap_or_default();
        let _ = writeln!(all, "{}\n{path}\n{content}", path.len());
    }
    digest(all.as_bytes())
}

fn look(
    commits: &Commits<'_>,
    new: &NewLines,
    check: &Check<'_>,
    configs: &Configs,
    path: &Path,
    snapshot: &Snapshot,
    around: &Surroundings,
) -> Looked {
    let policy = configs.of(path).policy(Surface::CommandLine, crate::cli::today());
    let text = snapshot.text.to_string();
    let own = new.get(&snapshot.file).map(Vec::as_slice).unwrap_or_default();
    let mut snapshot = snapshot.clone();
    for (_, range) in own {
        snapshot.changed.set(range.clone(), Some(()));
    }
    let relative = commits.path_of(path);
    let tell = |file| match &relative {
        Some(relative) => commits.tell(relative, own, file),
        None => file,
    };
    let in_git = check.in_git(path, &snapshot).map(tell);
    let (committed, declared, findings) = check.findings(path, &snapshot, in_git.as_ref(), around);
    let snapshot = committed.unwrap_or(snapshot);
    let at = |unit: UnitAt| {
        unit.block?;
        let (_, environment, _) = environment_at(&snapshot, &around.workspace, &policy, header(&text, &unit.range))?;
        Some((unit.range.start, environment))
    };
    let environments = countersign_engine::parts(&snapshot).into_iter().filter_map(at).collect();
    let wrote = |relative: &String| commits.wrote(relative, in_git.as_ref(), own, &snapshot, &declared);
    let lines = relative.as_ref().map(wrote).unwrap_or_default();
    let is_new = |place: &Elsewhere| {
        let Some((other, range)) = around.locate(place) else { return false };
        let lines = new.get(&other.file).map(Vec::as_slice).unwrap_or_default();
        lines.iter().any(|(_, line)| line.start < range.end && range.start < line.end)
    };
    let seen = |(finding, json): (Finding, JsonFinding)| {
        let is_caused = finding.impact.is_some() || finding.elsewhere.iter().any(is_new);
        Seen { finding, json, is_caused }
    };
    let findings = findings.into_iter().map(seen).collect();
    Looked { findings, environments, lines }
}

/// The first byte behind the comments before a block.
pub(super) fn header(text: &str, range: &Range<usize>) -> usize {
    let mut at = range.start;
    for line in text.get(range.clone()).unwrap_or_default().split_inclusive('\n') {
        let is_before = line.trim().is_empty() || line.trim_start().starts_with(['#', '/', '*']);
        if !is_before {
            return at + (line.len() - line.trim_start().len());
        }
        at += line.len();
    }
    range.start
}

/// The address in `Name <address>`, or the whole where there is none.
pub(crate) fn email(person: &str) -> Option<&str> {
    let inside = person.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(email, _)| email);
    inside.or(Some(person)).map(str::trim).filter(|email| email.contains('@'))
}
