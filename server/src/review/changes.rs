//! What changed between two states, part by part, and what policy wants for each.

use super::commits::{Commits, NewLine, Read, new_lines};
use super::planned::{PlanFile, Planned, planned};
use super::{Part, REVIEWS, parts, repository};
use crate::cli::Check;
use crate::disk::{Configs, FolderConfig};
use crate::git::{Git, Revision};
use crate::impact::Checked as Live;
use crate::surroundings::{Surroundings, files_in, key};
use countersign_engine::report::{JsonFinding, JsonProblem};
use countersign_engine::{Elsewhere, Finding, Snapshot, UnitAt, environment_at};
use countersign_grammars::Language;
use countersign_impact::Action;
use countersign_policy::{
    CODEOWNERS, ChangeUnderReview, Circumstances, Config, Environment, Impacted, Origin, Owners, RequireRow, SIGNERS,
    Severity, Surface, Table, Tier, Verdict,
};
use countersign_review::{Bound, digest};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

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

/// One part of a file that is not as it was.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// What a review of it is bound to.
    pub(crate) bound: Bound,
    /// Where it stands now, in bytes of the file; nowhere where it is gone.
    pub(crate) ranges: Vec<Range<usize>>,
    /// Its first and its last line there, from 1, without the comments before it.
    pub(crate) lines: Option<(usize, usize)>,
    /// What stood there, and what stands there now.
    pub(crate) texts: (String, String),
    /// How much the place matters.
    pub(crate) tier: Tier,
    /// The environment that it belongs to.
    pub(crate) environment: Environment,
    /// Who wrote what is different.
    pub(crate) origin: Origin,
    /// The addresses of those whose own it is.
    pub(crate) own: BTreeSet<String>,
    /// Who owns the file by CODEOWNERS.
    pub(crate) owners: Vec<String>,
    /// What was found in it.
    pub(crate) found: Vec<JsonFinding>,
    /// The worst verdict and the worst severity of that.
    worst: Option<(Verdict, Severity)>,
    /// The lowest level of those whose own it is.
    level: String,
    /// What happens to what is live, in the worst case.
    pub(crate) impact: Option<Impacted>,
    /// The resources that are taken away with it, or may be, by what is predicted, and how.
    pub(super) takes: Vec<(String, Action)>,
    /// What a plan takes away with it.
    pub(crate) planned: Vec<Planned>,
    /// The row of `[[require]]` that holds for it, and its number from 0, which is left out where a plan alone asks for it.
    pub(crate) required: Option<(Option<usize>, RequireRow)>,
    /// The AI tools that wrote it; `None` among these for whatever is a person's or nobody's.
    writers: BTreeSet<Option<String>>,
    /// The commits that it comes from.
    commits: Vec<String>,
    /// What is required of their messages and is not there.
    pub(crate) lacks: Vec<String>,
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
struct Looked {
    findings: Vec<Seen>,
    /// By the place of a part in the text.
    environments: HashMap<usize, Environment>,
    /// Who wrote the lines that are new.
    lines: Vec<NewLine>,
}

/// A finding.
struct Seen {
    finding: Finding,
    json: JsonFinding,
    /// Whether something that is different brings it about, wherever it stands itself.
    is_caused: bool,
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
    // What a change accepts for itself, somebody else has to look at.
    let mut check = Check::plain(configs, live);
    check.new_suppressions = false;
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
    let one = |path: &str| OneFile {
        path: path.to_owned(),
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
    for path in &paths {
        let file = one(path);
        if file.policy.config.excludes(&root.join(path)) || is_of_reviews(path) {
            continue;
        }
        let (before, there, after) = (base.file(path), tip.file(path), (now.file)(path));
        all.extend(file.changes(before.as_deref(), there.as_deref(), after.as_deref()));
    }
    let mut doubts = check.live.doubts;
    let plans = planned(plans, root, &base.id, configs)?;
    for planned in plans.taken {
        let covering = all.iter_mut().find(|change: &&mut Change| planned.is_covered_by(change));
        if let Some(change) = covering {
            change.impact = change.impact.into_iter().chain([planned.impact]).max_by_key(severity_of);
            change.planned.push(planned);
            one(&change.bound.path).require(change);
            continue;
        }
        let (before, (now, text)) =
            (parts_of(&planned.path, tip.file(&planned.path)).0, parts_of(&planned.path, (now.file)(&planned.path)));
        all.push(one(&planned.path).only_planned(planned, &before, &now, &String::from_utf8_lossy(&text)));
    }
    problems.extend(plans.problems);
    doubts.extend(plans.doubts);
    Ok(Changes { parts: all, problems, doubts })
}

/// What holds for the files of a folder.
pub(super) struct FilePolicy {
    pub(super) config: Arc<FolderConfig>,
    table: Table,
    repository: String,
}

impl FilePolicy {
    fn of(
        known: &RefCell<HashMap<*const FolderConfig, Rc<Self>>>,
        file: &Path,
        git: &Git,
        configs: &Configs,
    ) -> Rc<Self> {
        let config = configs.of(file);
        let make = || {
            let (table, repository) = (config.config.table(), repository(git, &config.config));
            Rc::new(Self { table, repository, config: Arc::clone(&config) })
        };
        Rc::clone(known.borrow_mut().entry(Arc::as_ptr(&config)).or_insert_with(make))
    }
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
    let beside = folders.into_iter().flat_map(files_in).map(|(path, _)| path);
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
    let in_git = check.in_git(path, &snapshot);
    let (committed, declared, findings) = check.findings(path, &snapshot, in_git.as_ref(), around);
    let snapshot = committed.unwrap_or(snapshot);
    let at = |unit: UnitAt| {
        unit.block?;
        let (_, environment, _) = environment_at(&snapshot, &around.workspace, &policy, header(&text, &unit.range))?;
        Some((unit.range.start, environment))
    };
    let environments = countersign_engine::parts(&snapshot).into_iter().filter_map(at).collect();
    let lines = commits.wrote(path, in_git.as_ref(), own, &snapshot, &declared);
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
fn header(text: &str, range: &Range<usize>) -> usize {
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

/// One file that is not as it was.
pub(super) struct OneFile<'a> {
    path: String,
    pub(super) policy: Rc<FilePolicy>,
    looked: Option<&'a Looked>,
    /// What tells all that is different from anything else.
    whole: &'a str,
    commits: &'a Commits<'a>,
    owners: &'a Owners,
    /// Whoever is at work on it, and on anything.
    worker: Option<&'a str>,
    any_worker: Option<&'a str>,
}

impl OneFile<'_> {
    fn changes(&self, base: Option<&[u8]>, tip: Option<&[u8]>, now: Option<&[u8]>) -> Vec<Change> {
        let of = |content: Option<&[u8]>| content.map(|it| parts(Path::new(&self.path), it)).unwrap_or_default();
        let (before, there, after) = (of(base), of(tip), of(now));
        let by_address = |parts: &[Part]| -> BTreeMap<Option<String>, String> {
            parts.iter().map(|part| (part.address.clone(), part.seal.clone())).collect()
        };
        let (before_by, there_by, after_by) = (by_address(&before), by_address(&there), by_address(&after));
        let text_of = |content: Option<&[u8]>| String::from_utf8_lossy(content.unwrap_or_default()).into_owned();
        let (base, text) = (text_of(base), text_of(now));
        let breaks: Vec<usize> =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        let line_at = |offset: usize| breaks.partition_point(|at| *at < offset) + 1;
        let lines_of = |part: &Part| {
            let range = part.ranges.first()?;
            let filled = text.get(range.clone())?.trim_end().len();
            Some((line_at(header(&text, range)), line_at(range.start + filled.saturating_sub(1))))
        };
        let is_same = |part: &&Part| before_by.get(&part.address) == Some(&part.seal);
        let is_gone = |part: &&Part| !after_by.contains_key(&part.address);
        let gone: Vec<&Part> = before.iter().filter(is_gone).collect();
        let mut told: Vec<bool> = self.seen().map(|_| false).collect();
        let mut changes = Vec::new();
        let mut add = |part: &Part, now: Option<&Part>, to: Option<String>, is_only_caused: bool| {
            let is_of_gone = |seen: &Seen| {
                let address = seen.finding.resource.as_ref().map(|resource| &*resource.address);
                seen.finding.impact.is_some() && gone.iter().any(|part| part.is_or_holds(address))
            };
            let mut about: Vec<&Seen> = Vec::new();
            for (seen, told) in self.seen().zip(&mut told) {
                let address = seen.finding.resource.as_ref().map(|resource| &*resource.address);
                let is = match now {
                    None => part.is_or_holds(address),
                    Some(now) => now.holds(seen.finding.range.start) && !is_of_gone(seen),
                };
                *told |= is;
                about.extend((is && (seen.is_caused || !is_only_caused)).then_some(seen));
            }
            if is_only_caused && about.is_empty() {
                return;
            }
            let bound = self.bound(part.address.clone(), there_by.get(&part.address).cloned(), to);
            let then = before.iter().find(|then| then.address == part.address);
            let texts = (
                then.map(|then| then.text(&base)).unwrap_or_default(),
                now.map(|now| now.text(&text)).unwrap_or_default(),
            );
            let lines = now.and_then(lines_of);
            changes.extend(self.change(bound, part, now, (&about, is_only_caused)).map(|change| Change {
                lines,
                texts,
                ..change
            }));
        };
        for part in after.iter().filter(|part| !is_same(part)) {
            add(part, Some(part), Some(part.seal.clone()), false);
        }
        for part in &gone {
            add(part, None, None, false);
        }
        // What is as it was and does something else all the same, because of what is different elsewhere: it is as much as all of that.
        let with_whole = |seal: &str| Some(digest(format!("{seal}\n{}", self.whole).as_bytes()));
        for part in after.iter().filter(is_same) {
            add(part, Some(part), with_whole(&part.seal), true);
        }
        let rest = self.seen().zip(&told).filter(|(seen, told)| seen.is_caused && !**told).map(|(seen, _)| seen);
        let rest: Vec<&Seen> = rest.collect();
        if !rest.is_empty() {
            let part = Part { address: None, kind: None, ranges: Vec::new(), seal: String::new(), is_read: true };
            let bound = self.bound(None, there_by.get(&None).cloned(), with_whole(""));
            changes.extend(self.change(bound, &part, Some(&part), (&rest, true)));
        }
        changes
    }

    /// What a review is bound to.
    pub(super) fn bound(&self, address: Option<String>, from: Option<String>, to: Option<String>) -> Bound {
        Bound {
            repository: self.policy.repository.clone(),
            path: self.path.clone(),
            address,
            from_sha256: from,
            to_sha256: to,
        }
    }

    fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.looked.iter().flat_map(|looked| &looked.findings)
    }

    /// A change of a part, with what was found in it, and whether nothing else makes it one; `None` where policy has nothing to do
    /// with it.
    fn change(
        &self,
        bound: Bound,
        part: &Part,
        now: Option<&Part>,
        (findings, is_only_caused): (&[&Seen], bool),
    ) -> Option<Change> {
        let config = &self.policy.config.config;
        let told = now.and_then(|now| self.looked?.environments.get(&now.ranges.first()?.start).copied());
        let by_finding = findings.iter().map(|seen| seen.finding.environment).max();
        let environment = told.or(by_finding).unwrap_or_else(|| config.environment.of_path(&self.path));
        let policy_path = policy_path(&self.path, config);
        let of_file = self.policy.config.tiers.of_file(policy_path, environment);
        let names = |row: &RequireRow| row.paths.as_ref().is_some_and(|paths| paths.fit(policy_path));
        let is_named = || of_file.is_some() || config.require.iter().any(names);
        if Language::of_path(&self.path).is_none() && !is_named() {
            return None;
        }
        let tier = match &part.kind {
            Some(kind) => self.policy.config.tiers.of(&self.path, kind, environment),
            None => of_file.unwrap_or(Tier::Standard),
        };
        let mut change = self.bare(bound, (tier, environment), now, is_only_caused);
        change.impact = findings.iter().filter_map(|seen| seen.finding.impact).max_by_key(severity_of);
        let taken = findings.iter().filter_map(|seen| {
            let action = seen.finding.impact.map(|impact| impact.action).filter(|action| takes(*action))?;
            Some((seen.finding.resource.as_ref()?.address.to_string(), action))
        });
        change.takes = taken.collect();
        // What goes has no text of its own that says whose it was: whoever changed the part has done it. And where it matters most,
        // the rest of the part is an AI's too, as it is where nobody knows who changed it.
        let is_by_ai = matches!(change.counts_as(), Origin::Ai | Origin::Mixed);
        let verdict = |finding: &Finding| match finding.origin.by {
            Origin::Unknown | Origin::Suspected
                if is_by_ai && (change.tier >= Tier::High || finding.impact.is_some()) =>
            {
                let about = Circumstances {
                    origin: change.counts_as(),
                    severity: finding.severity,
                    surface: Surface::CommandLine,
                    changed: true,
                    environment: finding.environment,
                    impact: finding.impact,
                };
                self.policy.table.decide(about).0.max(finding.verdict)
            }
            _ => finding.verdict,
        };
        let found = findings.iter().map(|seen| (verdict(&seen.finding), seen.finding.severity));
        // What cannot be read may do anything.
        let unread = now.filter(|now| !now.is_read).map(|_| (Verdict::Deny, Severity::High));
        change.worst = found.chain(unread).reduce(|(a, b), (c, d): (Verdict, Severity)| (a.max(c), b.max(d)));
        let json = |seen: &&Seen| JsonFinding { path: self.path.clone(), ..seen.json.clone() };
        change.found = findings.iter().map(json).collect();
        self.require(&mut change);
        Some(change)
    }

    /// A change of which nothing is known but who made it.
    pub(super) fn bare(
        &self,
        bound: Bound,
        (tier, environment): (Tier, Environment),
        now: Option<&Part>,
        is_only_caused: bool,
    ) -> Change {
        let (origin, commits, writers) = self.origin(now, is_only_caused);
        let people = self.policy.config.config.people();
        let mut own = self.commits.people(commits);
        own.extend(if is_only_caused { self.any_worker } else { self.worker }.map(str::to_owned));
        let lowest = own.iter().map(|email| people.level(&[email])).min_by_key(|level| people.rank(level));
        let level = lowest.unwrap_or_else(|| people.level(&[])).to_owned();
        Change {
            ranges: now.map(|now| now.ranges.clone()).unwrap_or_default(),
            lines: None,
            texts: Default::default(),
            bound,
            tier,
            environment,
            origin,
            own,
            owners: self.owners.of(&self.path).to_vec(),
            found: Vec::new(),
            worst: None,
            level,
            impact: None,
            takes: Vec::new(),
            planned: Vec::new(),
            required: None,
            writers,
            commits: commits.iter().map(|commit| (*commit).to_owned()).collect(),
            lacks: Vec::new(),
        }
    }

    /// Finds out what a change needs.
    pub(super) fn require(&self, change: &mut Change) {
        change.require(&self.policy.config.config, self.commits);
    }

    /// Who wrote what is different in a part, the commits that it comes from, and the AI tools that wrote it; `None` among these for
    /// whatever is a person's or nobody's.
    fn origin(&self, now: Option<&Part>, is_only_caused: bool) -> (Origin, &[&str], BTreeSet<Option<String>>) {
        // What brings it about may be anything of the branch.
        let touching = if is_only_caused { self.commits.all() } else { self.commits.touching(&self.path) };
        let new = self.looked.map(|looked| looked.lines.as_slice()).unwrap_or_default();
        let here = || new.iter().filter(|line| now.is_some_and(|now| now.holds(line.start)));
        let mut writers: BTreeSet<Option<String>> = here().map(|line| line.tool.clone()).collect();
        // Whoever only took something away has left no line to be told by.
        let by_tools: BTreeSet<&str> =
            new.iter().filter(|line| line.tool.is_some()).filter_map(|line| line.commit.as_deref()).collect();
        if touching.iter().any(|commit| !by_tools.contains(commit)) {
            writers.insert(None);
        }
        let mut lines: Vec<(Option<&str>, Origin)> = here().map(|line| (line.commit.as_deref(), line.by)).collect();
        // What is gone, or in no language, is nobody's line: those who changed the file since have done it.
        if lines.is_empty() {
            let by = |commit: &&str| if self.commits.is_by_ai(commit) { Origin::Ai } else { Origin::Unknown };
            lines = touching.iter().map(|commit| (Some(*commit), by(commit))).collect();
        }
        // What a note says that was written over does not make it a person's.
        let is_human = |(commit, by): &(Option<&str>, Origin)| {
            *by == Origin::Human && commit.is_none_or(|commit| self.commits.is_noted(commit))
        };
        let ai = lines.iter().filter(|(_, by)| *by == Origin::Ai).count();
        let origin = if ai > 0 && ai == lines.len() {
            Origin::Ai
        } else if ai > 0 {
            Origin::Mixed
        } else if !lines.is_empty() && lines.iter().all(is_human) {
            Origin::Human
        } else {
            Origin::Unknown
        };
        (origin, touching, writers)
    }
}

impl Change {
    /// Who wrote it, where what nobody knows the writer of counts as an AI's.
    pub(crate) fn counts_as(&self) -> Origin {
        self.origin.counts_as(self.tier)
    }

    /// The folder that it is in, from the root of the repository; empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.bound.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What `[[require]]` is asked about it.
    pub(crate) fn asked<'a>(&'a self, config: &Config) -> ChangeUnderReview<'a> {
        ChangeUnderReview {
            path: policy_path(&self.bound.path, config),
            tier: self.tier,
            environment: self.environment,
            origin: self.origin,
            author: &self.level,
            found: self.worst,
            impact: self.impact,
        }
    }

    /// Finds out what it needs, and whether it has what is no approval.
    fn require(&mut self, config: &Config, commits: &Commits<'_>) {
        let by_plan =
            || (!self.planned.is_empty()).then(|| (None, RequireRow { approvals: 1, ..RequireRow::default() }));
        let asked = self.asked(config);
        let required = config.required(&asked).map(|(number, row)| (Some(number), row)).or_else(by_plan);
        let required = required.map(|(number, row)| {
            let mode = config.mode(&asked, self.writers.iter().map(Option::as_deref), row.mode);
            (number, RequireRow { mode, ..row })
        });
        self.required = required;
        let Some((_, row)) = &self.required else { return };
        let messages = || self.commits.iter().map(|commit| commits.message(commit));
        let trailer = row.trailer.iter().filter(|name| !messages().any(|message| has_trailer(message, name)));
        let ticket = row.ticket.iter().filter(|ticket| !messages().any(|message| ticket.is_in(message)));
        let lacks =
            trailer
                .map(|name| format!("no commit of it has the trailer `{name}:` in the last paragraph of its message"))
                .chain(ticket.map(|it| {
                    format!("no commit of it names a ticket (`{}`) in its message", String::from(it.clone()))
                }));
        self.lacks = lacks.collect();
    }
}

/// The path for policy: wherever the signers' file is, it is what it is.
fn policy_path<'p>(path: &'p str, config: &Config) -> &'p str {
    if path == config.review.signers { SIGNERS } else { path }
}

/// Whether something may be gone afterwards that was there.
pub(super) const fn takes(action: Action) -> bool {
    matches!(action, Action::Destroy | Action::Replace | Action::Unknown)
}

/// What is worst first.
fn severity_of(impact: &Impacted) -> (bool, bool, usize) {
    use countersign_impact::Action::{Destroy, Replace};
    (impact.data_loss, matches!(impact.action, Destroy | Replace), impact.dependents)
}

/// Whether the last paragraph of a message has a line that begins with a name and a colon.
fn has_trailer(message: &str, name: &str) -> bool {
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    last.lines().any(|line| {
        let Some((token, value)) = line.split_once(':') else { return false };
        token.eq_ignore_ascii_case(name) && !value.trim().is_empty()
    })
}
