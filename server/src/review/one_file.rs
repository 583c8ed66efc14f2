//! One file that is not as it was: its parts, with what was found in each and who wrote it.

use super::change::{Change, policy_path, severity_of, takes};
use super::changes::{Looked, Seen, header};
use super::commits::Commits;
use super::parts::{Part, parts};
use super::repository;
use crate::disk::{Configs, FolderConfig};
use crate::git::Git;
use countersign_engine::Finding;
use countersign_engine::report::JsonFinding;
use countersign_grammars::Language;
use countersign_policy::{
    Circumstances, Environment, Origin, Owners, RequireRow, Severity, Surface, Table, Tier, Verdict,
};
use countersign_review::{Bound, digest};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// What holds for the files of a folder.
pub(super) struct FilePolicy {
    pub(super) config: Arc<FolderConfig>,
    table: Table,
    repository: String,
}

impl FilePolicy {
    pub(super) fn of(
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

/// One file that is not as it was.
pub(super) struct OneFile<'a> {
    pub(super) path: String,
    /// Whether it is in a language that is read and may declare something, in one of its states.
    pub(super) is_infrastructure: bool,
    pub(super) policy: Rc<FilePolicy>,
    pub(super) looked: Option<&'a Looked>,
    /// What tells all that is different from anything else.
    pub(super) whole: &'a str,
    pub(super) commits: &'a Commits<'a>,
    pub(super) owners: &'a Owners,
    /// Whoever is at work on it, and on anything.
    pub(super) worker: Option<&'a str>,
    pub(super) any_worker: Option<&'a str>,
}

/// A file at the base, at the tip of what it is to go on top of, and now.
pub(super) struct States {
    base: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
    /// What it falls into, in each of the three.
    parts: [Vec<Part>; 3],
    /// Whether it is in a language that is read and may declare something, in one of them.
    pub(super) is_infrastructure: bool,
}

impl States {
    /// Takes them apart. `tip` is often the base.
    pub(super) fn new(path: &Path, base: Option<Vec<u8>>, tip: Option<&[u8]>, now: Option<Vec<u8>>) -> Self {
        let of = |content: Option<&[u8]>| content.map(|it| parts(path, it)).unwrap_or_default();
        let language = Language::of_path(&path.to_string_lossy());
        let declares = |content: &Option<Vec<u8>>| {
            let text = content.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            language.is_some_and(|language| !language.is_of_many() || countersign_engine::may_declare(language, &text))
        };
        let is_infrastructure = declares(&base) || declares(&now);
        let before = of(base.as_deref());
        let there = if tip == base.as_deref() { before.clone() } else { of(tip) };
        let after = of(now.as_deref());
        Self { base, now, parts: [before, there, after], is_infrastructure }
    }
}

impl OneFile<'_> {
    /// What changed in it.
    pub(super) fn changes(&self, states: &States) -> Vec<Change> {
        let States { base, now, parts: [before, there, after], .. } = states;
        let by_address = |parts: &[Part]| -> BTreeMap<Option<String>, String> {
            parts.iter().map(|part| (part.address.clone(), part.seal.clone())).collect()
        };
        let (before_by, there_by, after_by) = (by_address(before), by_address(there), by_address(after));
        let text_of =
            |content: &Option<Vec<u8>>| String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned();
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
        if !self.is_infrastructure && !is_named() {
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
        let is_by_ai = change.counts_as().is_ai();
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
            is_only_caused,
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
