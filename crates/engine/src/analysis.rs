//! The analysis: from a snapshot to findings.

use crate::derive::{Elsewhere, Notable, Sight, alone, derive, locate, resource_at};
use crate::document::Snapshot;
use crate::facts::Facts;
use crate::impact::{self, Impact};
use crate::pattern::{self, OUTSIDE};
use crate::peers;
use crate::place;
use countersign_infra::Format;
use countersign_infra::terraform::Workspace;
use countersign_policy::{
    Catalogue, Circumstances, Config, Environment, EnvironmentEvidence, Environments, Fix, Impacted, Loudness, Origin,
    PatternRow, Risk, Severity, Surface, Table, Tiers, Verdict, Written,
};
use countersign_provenance::{self as provenance, Tag, TagEdge};
use countersign_syntax::Budget;
use countersign_text::RangeMap;
use jiff::civil::Date;
use std::ops::Range;
use std::sync::Arc;

/// What the analysis goes by besides the text.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The risks that are looked for.
    pub catalogue: Arc<Catalogue>,
    /// The table of verdicts.
    pub table: Table,
    /// Whether to ask about blocks of unknown origin.
    pub ask_about_unknown_origin: bool,
    /// Whether suppressions for other tools are heeded.
    pub peers: bool,
    /// What AI tools may write in some places.
    pub patterns: Arc<[PatternRow]>,
    /// Whether a change is judged before it is merged (`Snapshot::changed`): suppressions that stand in it have no effect, and where
    /// it matters most what is nobody's counts as an AI's.
    pub at_gate: bool,
    /// What text without evidence counts as.
    pub assumed_origin: Option<Origin>,
    /// How environments are told.
    pub environments: Arc<Environments>,
    /// How much places matter.
    pub tiers: Arc<Tiers>,
    /// The folder from which paths count, with forward slashes; empty where there is none.
    pub root: String,
    /// Where the findings will be shown.
    pub surface: Surface,
    /// Today.
    pub today: Date,
}

impl Policy {
    /// The policy of a `countersign.toml`, with the risks that come with Countersign, as it wants them.
    pub fn new(config: &Config, surface: Surface, today: Date) -> Self {
        Self::with(Catalogue::set(&[], &config.risk), config, surface, today)
    }

    /// The policy of a `countersign.toml`, with these risks.
    pub fn with(catalogue: Arc<Catalogue>, config: &Config, surface: Surface, today: Date) -> Self {
        Self {
            catalogue,
            table: config.table(),
            ask_about_unknown_origin: config.editor.ask_about_unknown_origin,
            peers: config.suppressions.peers,
            patterns: config.pattern.as_slice().into(),
            at_gate: false,
            assumed_origin: None,
            environments: Arc::new(config.environment.clone()),
            tiers: Arc::new(config.tiers()),
            root: String::new(),
            surface,
            today,
        }
    }

    /// Whether the team says of a file, whatever it holds, that it is critical.
    pub fn singles_out(&self, file: &str) -> bool {
        self.tiers.single_out(self.relative(file), &self.environments)
    }

    /// A file's path from the root.
    pub(crate) fn relative<'f>(&self, file: &'f str) -> &'f str {
        file.strip_prefix(&self.root).unwrap_or(file).trim_start_matches('/')
    }
}

/// Everything that is to be said about a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// In order of the text.
    pub findings: Vec<Finding>,
    /// Findings that a valid suppression took away.
    pub suppressed: usize,
    /// Where secrets stand, also those that nothing is said about.
    pub secrets: Vec<Range<usize>>,
    /// What in-file tags declare.
    pub declared: RangeMap<provenance::Origin>,
}

/// A risk seen at a place, with its origin and what follows. Ranges are bytes of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The risk.
    pub risk: &'static str,
    /// Its area.
    pub area: &'static str,
    /// It in a few words.
    pub title: Arc<str>,
    /// The text that it underlines is a secret, which is never printed.
    pub is_secret: bool,
    /// How bad it is.
    pub severity: Severity,
    /// What follows.
    pub verdict: Verdict,
    /// How loud it is shown.
    pub shown: Shown,
    /// Who wrote the text that makes it so.
    pub origin: OriginSummary,
    /// That text.
    pub range: Range<usize>,
    /// The resource, where the finding is about one.
    pub resource: Option<ResourceRef>,
    /// What is so and why it matters.
    pub message: Arc<str>,
    /// What to do.
    pub help: Arc<str>,
    /// A change that makes it safe.
    pub fix: Option<Fix>,
    /// Other places that have to do with it.
    pub elsewhere: Arc<[Elsewhere]>,
    /// Those of them that are in the same text.
    pub causes: Vec<Range<usize>>,
    /// The environment of the resource.
    pub environment: Environment,
    /// What tells the environment.
    pub environment_by: Option<EnvironmentEvidence>,
    /// What happens to what is live, where it is about that.
    pub impact: Option<Impacted>,
}

impl Finding {
    fn new(risk: &Risk, origin: OriginSummary, range: Range<usize>) -> Self {
        Self {
            risk: risk.id.as_str(),
            area: risk.area.as_str(),
            title: Arc::clone(&risk.title),
            is_secret: risk.secret,
            severity: risk.severity,
            verdict: Verdict::Allow,
            shown: Shown::Hint,
            origin,
            range,
            resource: None,
            message: Arc::default(),
            help: Arc::default(),
            fix: None,
            elsewhere: Arc::default(),
            causes: Vec::new(),
            environment: Environment::Unknown,
            environment_by: None,
            impact: None,
        }
    }
}

/// How loud a finding is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// A hint, whatever its severity.
    Hint,
    /// As this severity.
    As(Severity),
}

/// The resource that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRef {
    /// Its kind.
    pub kind: Arc<str>,
    /// Its address.
    pub address: Arc<str>,
    /// The block that declares it.
    pub range: Range<usize>,
}

/// Who wrote a range of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginSummary {
    /// In one word.
    pub by: Origin,
    /// The evidence, where there is any: the strongest for an AI's part, else for a person's.
    pub evidence: Option<provenance::Origin>,
}

/// Reads every unit of a snapshot, which is what an index of the workspace needs. Returns false where the budget did not
/// suffice; what was done is kept, so asking again goes on from there.
pub fn read(snapshot: &Snapshot, budget: &mut Budget) -> bool {
    let language = snapshot.language;
    snapshot.units.compute(&snapshot.text, budget, |source, tree| Facts::of(language, source, tree))
}

/// Analyses a snapshot. `workspace` is the index of everything around it, the snapshot itself included. Returns `None` where
/// the budget did not suffice; what was done is kept, so asking again goes on from there.
pub fn analyze(snapshot: &Snapshot, workspace: &Workspace, policy: &Policy, budget: &mut Budget) -> Option<Analysis> {
    if !read(snapshot, budget) {
        return None;
    }
    let units = derive(snapshot, workspace, &policy.catalogue, budget)?;
    Some(Analyzer { snapshot, workspace, policy, analysis: Analysis::default() }.run(&units))
}

/// The same for a file of which nothing around it is known.
pub fn analyze_alone(snapshot: &Snapshot, policy: &Policy, budget: &mut Budget) -> Option<Analysis> {
    read(snapshot, budget).then_some(())?;
    analyze(snapshot, &alone(snapshot), policy, budget)
}

/// The resource whose header stands at a place, its environment and what tells that; `None` where nothing does.
pub fn environment_at(
    snapshot: &Snapshot,
    workspace: &Workspace,
    policy: &Policy,
    offset: usize,
) -> Option<(String, Environment, EnvironmentEvidence)> {
    let (address, written) = resource_at(snapshot, workspace, offset)?;
    let written = Written { path: policy.relative(&snapshot.file).to_owned(), ..written };
    let (environment, evidence) = policy.environments.of(&written);
    Some((address, environment, evidence?))
}

struct Analyzer<'a> {
    snapshot: &'a Snapshot,
    workspace: &'a Workspace,
    policy: &'a Policy,
    analysis: Analysis,
}

impl Analyzer<'_> {
    fn run(mut self, units: &[Notable<'_>]) -> Analysis {
        if let Some(why) = &self.snapshot.unread {
            // Of plain text nobody expects that it is read.
            if self.snapshot.language.is_parsed() {
                self.add_engine("not-analysed", 0..0, why, None);
            }
            return self.analysis;
        }
        self.read(units)
    }

    /// The same of a text that could be read.
    fn read(mut self, units: &[Notable<'_>]) -> Analysis {
        let catalogue = &*self.policy.catalogue;
        self.declare(units.iter().flat_map(|(start, facts, _)| facts.tags.iter().map(|tag| (*start, tag))));

        for (start, facts, derived) in units {
            for sight in &derived.sights {
                let Sight { hit, elsewhere, .. } = sight;
                let resource = ResourceRef {
                    kind: hit.kind.clone(),
                    address: hit.address.clone(),
                    range: shift(&hit.resource, *start),
                };
                let fix = hit.fix.as_ref().map(|fix| Fix { range: shift(&fix.range, *start), text: fix.text.clone() });
                let Some(risk) = catalogue.risk(hit.risk) else { continue };
                let range = shift(&hit.range, *start);
                if risk.secret {
                    self.analysis.secrets.push(range.clone());
                }
                // Who wrote what makes it so: here, and elsewhere in this file.
                let causes: Vec<_> = elsewhere
                    .iter()
                    .filter(|place| place.file == self.snapshot.file)
                    .filter_map(|place| locate(self.snapshot, place))
                    .collect();
                let origin = causes
                    .iter()
                    .fold(self.origin_of_setting(&range), |origin, cause| together(origin, self.origin(cause)));
                let path = self.policy.relative(&self.snapshot.file);
                let (environment, environment_by) = sight.environment(&self.policy.environments, path);
                self.push(Finding {
                    resource: Some(resource),
                    message: hit.message.clone(),
                    help: hit.help.clone(),
                    fix,
                    elsewhere: elsewhere.clone(),
                    causes,
                    environment,
                    environment_by,
                    ..Finding::new(risk, origin, range)
                });
            }
            for (range, message, elsewhere) in &derived.refusals {
                let Some(risk) = catalogue.risk("not-evaluated") else { continue };
                let range = shift(range, *start);
                let origin = self.origin(&range);
                self.push(Finding {
                    message: message.clone(),
                    help: risk.help.as_str().into(),
                    elsewhere: elsewhere.clone(),
                    ..Finding::new(risk, origin, range)
                });
            }
            if let Some((failure, line)) = &facts.failure {
                self.add_engine(
                    "not-analysed",
                    shift(line, *start),
                    &format!("This block is not analysed: {failure}."),
                    None,
                );
            }
        }
        let impacts = Arc::clone(&self.snapshot.impacts);
        for impact in impacts.iter() {
            self.say_impact(impact);
        }
        let is_critical = self.say_writers(units);
        self.say_outside(units);
        let mut unused = Vec::new();
        for (start, facts, _) in units {
            for (suppression, target) in &facts.suppressions {
                let range = shift(&suppression.range, *start);
                if let Err(why) = self.suppress(suppression, &range, &shift(target, *start)) {
                    unused.push((range, why));
                }
            }
        }
        if self.policy.peers {
            let all = units.iter().flat_map(|(start, facts, _)| facts.peers.iter().map(|peer| (*start, peer)));
            let refuses = |analysis: &Analysis, range: &Range<usize>| {
                let origin = origin(self.snapshot, &analysis.declared, range, self.policy.assumed_origin);
                refuses_suppression(self.snapshot, self.policy, origin.by, range)
            };
            unused.extend(peers::suppress(&mut self.analysis, catalogue, all, self.policy.today, refuses));
        }
        for (range, why) in unused {
            self.add_engine(
                "suppression-without-effect",
                range,
                &format!("This suppression has no effect: {why}."),
                None,
            );
        }
        // Where all that is new and nobody's is a finding, the question is asked with that.
        if self.policy.ask_about_unknown_origin && !is_critical {
            let declared = &self.analysis.declared;
            let open = |range: &Range<usize>| declared.overlapping(range.clone()).next().is_none();
            let suspected = self.snapshot.suspected.iter().map(|(range, ())| range);
            for range in suspected.filter(open).collect::<Vec<_>>() {
                self.ask(&range);
            }
        }
        self.analysis.findings.sort_by(|a, b| (a.range.start, &a.risk).cmp(&(b.range.start, &b.risk)));
        self.analysis
    }

    /// Adds what a change does to what is live. Where a risk of the same resource is seen on the same line already, that it is
    /// new is no second finding.
    fn say_impact(&mut self, impact: &Impact) {
        if Format::of_kind(&impact.change.kind) == Format::Sql {
            self.deepen(impact);
            return;
        }
        for saying in impact.sayings(self.snapshot) {
            let Some(risk) = self.policy.catalogue.risk(saying.risk) else { continue };
            let address = impact.change.address.as_str();
            let line = |range: &Range<usize>| self.snapshot.text.line_of(range.start);
            let is_said = self.analysis.findings.iter().any(|known| {
                known.resource.as_ref().is_some_and(|resource| &*resource.address == address)
                    && line(&known.range) == line(&saying.range)
            });
            if is_said && matches!(saying.risk, "protection-removed" | "widens") {
                continue;
            }
            let origin = saying
                .causes
                .iter()
                .fold(self.origin(&saying.range), |origin, cause| together(origin, self.origin(cause)));
            let resource = ResourceRef {
                kind: impact.change.kind.as_str().into(),
                address: address.into(),
                range: impact.range(self.snapshot).unwrap_or_else(|| saying.range.clone()),
            };
            let finding = Finding {
                resource: Some(resource),
                message: saying.message.into(),
                help: risk.help.as_str().into(),
                fix: saying.fix,
                causes: saying.causes,
                impact: Some(self.circumstances(impact)),
                ..Finding::new(risk, origin, saying.range)
            };
            self.push(impact::with_reach(finding, impact));
        }
    }

    /// Judges what is found of a statement once more, now that it is known what it does: its risks say that it does.
    fn deepen(&mut self, impact: &Impact) {
        let line = |range: &Range<usize>| self.snapshot.text.line_of(range.start);
        let lines: Vec<_> = impact.places(self.snapshot).iter().map(line).collect();
        let is_about = |known: &mut Finding| {
            let is_it = |it: &ResourceRef| *it.address == *impact.change.address;
            known.resource.as_ref().is_some_and(is_it) && lines.contains(&line(&known.range))
        };
        let deepened: Vec<_> = self.analysis.findings.extract_if(.., is_about).collect();
        let circumstances = Some(self.circumstances(impact));
        for finding in deepened {
            self.push(Finding { impact: circumstances, ..finding });
        }
    }

    /// What the table of verdicts is asked about.
    fn circumstances(&self, impact: &Impact) -> Impacted {
        let path = self.policy.relative(&self.snapshot.file);
        let tier = self.policy.tiers.of(path, &impact.change.kind, impact.environment);
        Impacted { tier, ..impact.circumstances() }
    }

    /// Adds who wrote what, in a file that the team calls critical. Returns whether it is one.
    fn say_writers(&mut self, units: &[Notable<'_>]) -> bool {
        if !self.policy.singles_out(&self.snapshot.file) {
            return false;
        }
        let path = self.policy.relative(&self.snapshot.file).to_owned();
        let (environment, environment_by) = self.policy.environments.of(&Written { path, ..Written::default() });
        for said in place::said(self.snapshot, &self.analysis.declared, tags(units)) {
            let Some(risk) = self.policy.catalogue.risk(said.risk) else { continue };
            let message = said.message();
            let origin = match said.origin.by {
                Origin::Unknown => {
                    OriginSummary { by: self.policy.assumed_origin.unwrap_or(Origin::Unknown), ..said.origin }
                }
                _ => said.origin,
            };
            self.push(Finding {
                message: message.into(),
                help: risk.help.as_str().into(),
                causes: said.ranges,
                environment,
                environment_by,
                ..Finding::new(risk, origin, said.shown)
            });
        }
        true
    }

    /// Adds what AI tools wrote that a pattern keeps from them.
    fn say_outside(&mut self, units: &[Notable<'_>]) {
        let Some(risk) = self.policy.catalogue.risk(OUTSIDE) else { return };
        let around = (self.snapshot, self.workspace);
        for said in pattern::outside(around, self.policy, &self.analysis.declared, tags(units)) {
            let origin = self.origin(&said.shown);
            self.push(Finding {
                resource: Some(said.resource),
                message: said.message.into(),
                help: risk.help.as_str().into(),
                causes: said.ranges,
                environment: said.environment,
                environment_by: said.environment_by,
                ..Finding::new(risk, origin, said.shown)
            });
        }
    }

    /// Joins the two ends of each tag.
    fn declare<'t>(&mut self, tags: impl Iterator<Item = (usize, &'t Tag)>) {
        let mut open: Vec<(usize, &Tag)> = Vec::new();
        for (start, tag) in tags {
            match tag.edge {
                TagEdge::Begin => open.push((start + tag.range.end, tag)),
                TagEdge::End => {
                    if let Some(index) = open.iter().rposition(|(_, begin)| begin.id == tag.id) {
                        let (from, begin) = open.remove(index);
                        let line = self.snapshot.text.line_of(start + tag.range.start);
                        let to = self.snapshot.text.line_range(line).start.max(from);
                        self.analysis.declared.set(from..to, Some(begin.origin()));
                    }
                }
            }
        }
    }

    /// Adds a finding, with what policy says of it.
    fn push(&mut self, finding: Finding) {
        let Finding { range, severity, .. } = &finding;
        if self.policy.catalogue.off(finding.risk).is_some() {
            return;
        }
        let changed = match self.policy.surface {
            Surface::CommandLine => true,
            Surface::Editor => std::iter::once(range)
                .chain(&finding.causes)
                .any(|range| self.snapshot.changed.overlapping(range.clone()).next().is_some()),
        };
        let (verdict, loudness) = self.policy.table.decide(Circumstances {
            origin: finding.origin.by,
            severity: *severity,
            surface: self.policy.surface,
            changed,
            environment: finding.environment,
            impact: finding.impact,
        });
        let shown = match (loudness, *severity) {
            (Loudness::Off, _) => return,
            (Loudness::Hint, _) | (Loudness::Lower, Severity::Low) => Shown::Hint,
            (Loudness::Full, severity) => Shown::As(severity),
            (Loudness::Lower, Severity::Critical) => Shown::As(Severity::High),
            (Loudness::Lower, Severity::High) => Shown::As(Severity::Medium),
            (Loudness::Lower, Severity::Medium) => Shown::As(Severity::Low),
        };
        if verdict == Verdict::Allow {
            return;
        }
        self.analysis.findings.push(Finding { verdict, shown, ..finding });
    }

    /// A finding of the engine itself. `origin` where it is not that of the text.
    fn add_engine(&mut self, risk: &str, range: Range<usize>, message: &str, origin: Option<OriginSummary>) {
        if let Some(risk) = self.policy.catalogue.risk(risk) {
            let origin = origin.unwrap_or_else(|| self.origin(&range));
            let (message, help) = (message.into(), risk.help.as_str().into());
            self.push(Finding { message, help, ..Finding::new(risk, origin, range) });
        }
    }

    /// Takes away what a suppression is about, or says why it has no effect.
    fn suppress(
        &mut self,
        suppression: &countersign_policy::Suppression,
        range: &Range<usize>,
        target: &Range<usize>,
    ) -> Result<(), String> {
        let risk = &suppression.risk;
        if let Some(malformed) = &suppression.malformed {
            return Err(malformed.clone());
        }
        if self.policy.catalogue.risk(risk).is_none() {
            return Err(format!("there is no risk `{risk}`; `countersign risks` lists them"));
        }
        if suppression.reason.is_none() {
            return Err("it gives no reason; say why between the quotes of `reason=\"\"`".to_owned());
        }
        if let Some(until) = suppression.until.filter(|until| *until < self.policy.today) {
            return Err(format!("it ended on {until}"));
        }
        if let Some(why) = refuses_suppression(self.snapshot, self.policy, self.origin(range).by, range) {
            return Err(why.to_owned());
        }
        let before = self.analysis.findings.len();
        let about = |finding: &Finding| finding.risk == *risk && target.contains(&finding.range.start);
        self.analysis.findings.retain(|finding| !about(finding));
        let taken = before - self.analysis.findings.len();
        self.analysis.suppressed += taken;
        if taken == 0 { Err(format!("`{risk}` is not seen here")) } else { Ok(()) }
    }

    fn ask(&mut self, range: &Range<usize>) {
        let text = self.snapshot.text.slice(range.clone());
        let start = range.start + (text.len() - text.trim_start().len());
        let line = self.snapshot.text.line_content(self.snapshot.text.line_of(start));
        let shown = start..line.end.min(range.end).max(start);
        let lines = text.trim().lines().count();
        let message =
            format!("Did an AI write these {lines} lines? They came in at once, and nothing says from where.");
        self.add_engine(
            "unconfirmed-origin",
            shown,
            &message,
            Some(OriginSummary { by: Origin::Suspected, evidence: None }),
        );
    }

    /// Who made a value what it is. Where the value itself stood there before and the name before it is new, it was whoever
    /// wrote the name.
    fn origin_of_setting(&self, value: &Range<usize>) -> OriginSummary {
        let origin = self.origin(value);
        let is_old = self.snapshot.changed.overlapping(value.clone()).next().is_none();
        if origin.by == Origin::Unknown && is_old && self.policy.surface == Surface::Editor {
            let line = self.snapshot.text.line_of(value.start);
            let name = self.snapshot.text.line_range(line).start..value.start;
            if self.snapshot.changed.overlapping(name.clone()).next().is_some() {
                return self.origin(&(name.start..value.end));
            }
        }
        origin
    }

    fn origin(&self, range: &Range<usize>) -> OriginSummary {
        origin(self.snapshot, &self.analysis.declared, range, self.policy.assumed_origin)
    }
}

/// Where tags stand.
fn tags<'u>(units: &'u [Notable<'_>]) -> impl Iterator<Item = Range<usize>> + use<'u> {
    units.iter().flat_map(|(start, facts, _)| facts.tags.iter().map(|tag| shift(&tag.range, *start)))
}

/// Why a suppression has no effect by who wrote it and when; `None` where it has.
fn refuses_suppression(snapshot: &Snapshot, policy: &Policy, by: Origin, range: &Range<usize>) -> Option<&'static str> {
    if by.is_ai() {
        return Some("an AI wrote it, and an AI cannot accept a risk; a person has to write it");
    }
    let is_new = || snapshot.changed.overlapping(range.clone()).next().is_some();
    (policy.at_gate && is_new()).then_some("it is new, and a second person has to look at what it accepts")
}

/// Who wrote two texts that make something so together: an AI's part counts, whoever wrote the other.
fn together(a: OriginSummary, b: OriginSummary) -> OriginSummary {
    let is_ai = |origin: &OriginSummary| origin.by.is_ai();
    match (is_ai(&a), is_ai(&b)) {
        (false, true) => OriginSummary { by: Origin::Mixed, ..b },
        (true, false) => OriginSummary { by: Origin::Mixed, ..a },
        _ if a.by == Origin::Human && b.by == Origin::Unknown => b,
        _ => a,
    }
}

impl Analysis {
    /// Who wrote a range of the snapshot that was analysed.
    pub fn origin(&self, snapshot: &Snapshot, range: &Range<usize>) -> OriginSummary {
        origin(snapshot, &self.declared, range, None)
    }
}

/// Longest range that is looked at byte by byte for who wrote it.
const SUMMARISED_BYTES: usize = 64 << 10;

/// Who wrote a range, not counting white space: a formatter may have changed that.
pub(crate) fn origin(
    snapshot: &Snapshot,
    declared: &RangeMap<provenance::Origin>,
    range: &Range<usize>,
    assumed: Option<Origin>,
) -> OriginSummary {
    let unknown = OriginSummary { by: assumed.unwrap_or(Origin::Unknown), evidence: None };
    if snapshot.regions.is_empty() && declared.is_empty() {
        return unknown;
    }
    let range = range.start..range.end.min(range.start + SUMMARISED_BYTES);
    let text = snapshot.text.slice(range.clone());
    let mut writers: RangeMap<&provenance::Origin> = RangeMap::default();
    for (part, origin) in declared.overlapping(range.clone()) {
        writers.set(part, Some(origin));
    }
    for piece in snapshot.regions.pieces(range.clone()) {
        writers.set(piece.start..piece.end, Some(piece.origin));
    }
    let visible = |part: &Range<usize>| {
        let part = part.start - range.start..part.end - range.start;
        text.get(part).is_some_and(|text| text.contains(|c: char| !c.is_whitespace()))
    };
    let (mut ai, mut human, mut nobody): (Option<&provenance::Origin>, Option<&provenance::Origin>, bool) =
        (None, None, false);
    let mut at = range.start;
    for (part, origin) in writers.iter() {
        nobody |= visible(&(at..part.start));
        at = part.end;
        if origin.is_disputed() {
            nobody |= visible(&part);
        } else if visible(&part) {
            let strongest = if origin.is_ai() { &mut ai } else { &mut human };
            if strongest.is_none_or(|known| known.authority < origin.authority) {
                *strongest = Some(origin);
            }
        }
    }
    nobody |= visible(&(at..range.end));
    match (ai, human, nobody) {
        (Some(ai), None, false) => OriginSummary { by: Origin::Ai, evidence: Some(ai.clone()) },
        (Some(ai), _, _) => OriginSummary { by: Origin::Mixed, evidence: Some(ai.clone()) },
        (None, Some(human), false) => OriginSummary { by: Origin::Human, evidence: Some(human.clone()) },
        _ => unknown,
    }
}

pub(crate) fn shift(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}
