//! What the editor shows: pure functions of a view, run on the pool.

use super::backend::invalid;
use super::client::Features;
use super::fix_all::fix_all;
use super::protocol::{ActionArguments, RegionOrigin, RegionResult, WirePosition, WireRange};
use super::reviews;
use crate::cli::written_by;
use crate::disk::{self, Configs, FolderConfig};
use crate::impact::Kept;
use crate::impact::live::Live;
use crate::{git, review};
use countersign_engine::impact::Impact;
use countersign_engine::report::{JsonFinding, JsonOrigin, JsonRange, authority_name};
use countersign_engine::{
    Analysis, Elsewhere, Finding, OriginSummary, Policy, Shown, Snapshot, Workspace, actions, analyze_alone, locate,
};
use countersign_impact::Change;
use countersign_policy::{Environment, Origin, Owners, Severity, Verdict};
use countersign_provenance::{Agent, Writer, inverse, sha256};
use countersign_review::About;
use countersign_syntax::Budget;
use countersign_text::{Encoding, LinePosition, Text, TextEdit as ByteEdit};
use dashmap::DashMap;
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::ops::Range as ByteRange;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::*;

/// Diagnostics that are shown for one file; the rest are counted.
pub(super) const MAX_DIAGNOSTICS: usize = 500;

/// Makes the change that a risk's file suggests.
pub(super) const FIX: &str = "countersign.fix";
/// Makes all changes that are safe.
pub(super) const FIX_ALL: &str = "countersign.fixAll";
/// Looks at every file of the workspace.
pub(super) const CHECK_WORKSPACE: &str = "countersign.checkWorkspace";
/// Puts comments around text that an AI wrote.
pub(super) const TAG: &str = "countersign.tagProvenance";
/// Says that a person wrote a text.
pub(super) const I_WROTE_THIS: &str = "countersign.iWroteThis";
/// Asks for a review.
pub(super) const REQUEST_REVIEW: &str = "countersign.requestReview";
/// Accepts a risk, with a reason.
pub(super) const SUPPRESS: &str = "countersign.suppress";
/// Shows the page of a risk.
pub(super) const EXPLAIN: &str = "countersign.explain";
/// Brings back what stood there before an AI changed it.
pub(super) const TAKE_BACK: &str = "countersign.takeBack";
/// Says who wrote a text and how that is known.
pub(super) const SHOW_ORIGIN: &str = "countersign.showOrigin";
/// Shows what depends on a resource: a command of the client, where it says that it has it.
pub(super) const SHOW_BLAST_RADIUS: &str = "countersign.showBlastRadius";

/// Every command that the server runs.
pub(super) const COMMANDS: &[&str] =
    &[FIX, FIX_ALL, TAG, TAKE_BACK, I_WROTE_THIS, REQUEST_REVIEW, SUPPRESS, EXPLAIN, SHOW_ORIGIN, CHECK_WORKSPACE];

/// Those that are offered to a client: none that it has itself.
pub(super) fn commands(features: &Features) -> Vec<String> {
    let answers: &[&str] = if features.answer_reviews { &[] } else { &[reviews::APPROVE, reviews::REJECT] };
    COMMANDS.iter().chain(answers).map(|command| (*command).to_owned()).collect()
}

/// The kind of the action that makes all safe changes.
pub(super) const FIX_ALL_KIND: &str = "source.fixAll.countersign";

/// One state of an open document and what is needed to speak about it.
#[derive(Clone)]
pub(super) struct View {
    pub(super) uri: Uri,
    pub(super) path: Option<PathBuf>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) policy: Policy,
    /// The settings leave this document out.
    pub(super) excluded: bool,
    pub(super) analysis: Option<Arc<Analysis>>,
    pub(super) features: Features,
    /// Tells states of a document apart that have the same version.
    pub(super) revision: u64,
    /// Folders of the workspace.
    pub(super) roots: Vec<PathBuf>,
    /// The index.
    pub(super) workspace: Workspace,
    /// The files that the index is made of.
    pub(super) around: Around,
    /// The requests for reviews that are about it.
    pub(super) reviews: Option<Arc<reviews::OfFile>>,
}

/// The files that an index is made of.
#[derive(Clone, Default)]
pub(super) struct Around {
    /// Those that are not open.
    pub(super) on_disk: Arc<HashMap<Arc<str>, Arc<Snapshot>>>,
    /// Those that are, by their URI.
    pub(super) open: Arc<DashMap<String, Arc<Snapshot>>>,
    /// What was worked out of links between their configurations.
    pub(super) live: Arc<Live>,
}

impl Around {
    /// Where a place is.
    pub(super) fn locate(&self, place: &Elsewhere) -> Option<(Uri, Arc<Snapshot>, ByteRange<usize>)> {
        let open = self.open.iter().find(|entry| entry.value().file == place.file);
        let (uri, snapshot) = match open {
            Some(entry) => (entry.key().parse().ok()?, Arc::clone(entry.value())),
            None => (Uri::from_file_path(&*place.file)?, Arc::clone(self.on_disk.get(&place.file)?)),
        };
        let range = locate(&snapshot, place)?;
        Some((uri, snapshot, range))
    }
}

impl View {
    /// The analysis, worked out where it is not there yet.
    pub(super) fn analysis(&self) -> Arc<Analysis> {
        self.analysis.clone().unwrap_or_else(|| {
            // It is not in the index yet; what the index changes is told when it is.
            Arc::new(analyze_alone(&self.snapshot, &self.policy, &mut Budget::unbounded()).unwrap_or_default())
        })
    }

    pub(super) fn range(&self, range: &ByteRange<usize>) -> Range {
        to_range(&self.snapshot.text, self.features.encoding, range)
    }

    pub(super) fn bytes(&self, range: &Range) -> ByteRange<usize> {
        to_bytes(&self.snapshot.text, self.features.encoding, range)
    }

    fn wire_range(&self, range: &ByteRange<usize>) -> WireRange {
        to_wire(&self.range(range))
    }
}

/// The file that a URI names. Another scheme may have a path too, that of a file it shows an older version of, say.
pub(super) fn file_path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    is_file.then(|| uri.to_file_path().map(Cow::into_owned)).flatten()
}

/// The file that a URI names, if it names one.
pub(crate) fn file_of(uri: &str) -> Option<PathBuf> {
    file_path(&uri.parse().ok()?)
}

/// A byte range as the client counts.
pub(super) fn to_range(text: &Text, encoding: Encoding, range: &ByteRange<usize>) -> Range {
    let position = |LinePosition { line, character }| {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: number(line), character: number(character) }
    };
    let (start, end) = text.positions(range, encoding);
    Range { start: position(start), end: position(end) }
}

/// A range of the client in bytes; one that is turned around is empty.
pub(super) fn to_bytes(text: &Text, encoding: Encoding, range: &Range) -> ByteRange<usize> {
    let offset = |position: Position| {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        text.offset(LinePosition { line: number(position.line), character: number(position.character) }, encoding)
    };
    let start = offset(range.start);
    start..offset(range.end).max(start)
}

/// A range in the protocol's own type.
pub(super) fn to_wire(range: &Range) -> WireRange {
    let position = |position: Position| WirePosition { line: position.line, character: position.character };
    WireRange { start: position(range.start), end: position(range.end) }
}

/// A range of the protocol's own type.
pub(super) fn from_wire(range: &WireRange) -> Range {
    let position = |position: WirePosition| Position { line: position.line, character: position.character };
    Range { start: position(range.start), end: position(range.end) }
}

/// The diagnostics of an analysis.
pub(super) fn diagnostics(view: &View) -> Vec<Diagnostic> {
    let analysis = view.analysis();
    let shown = analysis.findings.iter().take(MAX_DIAGNOSTICS).map(|finding| diagnostic(view, finding));
    shown.chain(left_out(&analysis)).chain(reviews::diagnostics(view)).collect()
}

/// What is said of findings that are more than a client is shown.
pub(super) fn left_out(analysis: &Analysis) -> Option<Diagnostic> {
    let left_out = analysis.findings.len().checked_sub(MAX_DIAGNOSTICS + 1)? + 1;
    Some(Diagnostic {
        range: Range::default(),
        severity: Some(DiagnosticSeverity::INFORMATION),
        source: Some("countersign".to_owned()),
        message: format!("{left_out} more findings in this file are not shown; `countersign check` prints all."),
        ..Diagnostic::default()
    })
}

pub(super) fn diagnostic(view: &View, finding: &Finding) -> Diagnostic {
    Diagnostic {
        range: view.range(&finding.range),
        severity: Some(match finding.shown {
            Shown::As(Severity::Critical) => DiagnosticSeverity::ERROR,
            Shown::As(Severity::High) => DiagnosticSeverity::WARNING,
            Shown::As(Severity::Medium) => DiagnosticSeverity::INFORMATION,
            Shown::As(Severity::Low) | Shown::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.risk.to_owned())),
        source: Some("countersign".to_owned()),
        message: format!("{}\n{}\n{}", finding.message, finding.help, about(finding)),
        related_information: related_information(view, finding),
        data: view.features.diagnostic_data.then(|| serde_json::json!({ "verdict": finding.verdict })),
        ..Diagnostic::default()
    }
}

/// The other places of a finding, for clients that show them.
fn related_information(view: &View, finding: &Finding) -> Option<Vec<DiagnosticRelatedInformation>> {
    if finding.elsewhere.is_empty() || !view.features.related_information {
        return None;
    }
    let place = |place: &Elsewhere| {
        let (uri, snapshot, range) = view.around.locate(place)?;
        let range = to_range(&snapshot.text, view.features.encoding, &range);
        Some(DiagnosticRelatedInformation { location: Location { uri, range }, message: place.message.clone() })
    };
    Some(finding.elsewhere.iter().filter_map(place).collect())
}

/// Severity, origin and what follows, in one line.
pub(super) fn about(finding: &Finding) -> String {
    let follows = match finding.verdict {
        Verdict::Allow => "allowed",
        Verdict::Note => "noted",
        Verdict::Review => "needs a review",
        Verdict::Deny => "must not be applied as it is",
    };
    if finding.origin.by == Origin::Suspected {
        return "Tag it as AI, or say that you wrote it.".to_owned();
    }
    let written = written_by(&JsonOrigin::from(&finding.origin));
    let severity = match finding.severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
    };
    let place = if finding.environment == Environment::Production { ", in production" } else { "" };
    format!("{severity} risk, {written}{place}; {follows}.")
}

/// The report for a client that asks for diagnostics.
pub(super) fn pulled(view: &View, previous: Option<&str>) -> DocumentDiagnosticReportResult {
    let id = view.revision.to_string();
    if previous == Some(id.as_str()) {
        return DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Unchanged(
            RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
            },
        ));
    }
    full_report(Some(id), diagnostics(view))
}

/// A report with diagnostics.
pub(super) fn full_report(result_id: Option<String>, items: Vec<Diagnostic>) -> DocumentDiagnosticReportResult {
    DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
        related_documents: None,
        full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id, items },
    }))
}

/// Who wrote a text and how that is known; `None` where nothing is.
pub(super) fn origin_in_words(origin: &OriginSummary) -> Option<String> {
    let evidence = origin.evidence.as_ref()?;
    let how = match evidence.authority {
        countersign_provenance::Authority::Declared => "a tag in the file, a note or a person says so",
        countersign_provenance::Authority::Observed => "the editor saw it come in",
        countersign_provenance::Authority::Reported => "the agent's own hook reported it",
        countersign_provenance::Authority::Corrected => "a person corrected what was recorded",
    };
    let mut words = match &evidence.writer {
        Writer::Ai(agent) => {
            let model = agent.model.as_ref().map(|model| format!(", model {model}")).unwrap_or_default();
            let part = if origin.by == Origin::Mixed { "in part " } else { "" };
            format!("Written {part}by the AI tool {}{model}: {how}.", agent.tool)
        }
        Writer::Human => format!("Written by a person: {how}."),
        Writer::Disputed(claims) => {
            let name = |writer: &Writer| match writer {
                Writer::Ai(agent) => format!("the AI tool {}", agent.tool),
                Writer::Human | Writer::Disputed(_) => "a person".to_owned(),
            };
            let names: Vec<_> = claims.iter().map(name).collect();
            format!("It is not known who wrote this: evidence of the same rank names {}.", names.join(" and "))
        }
    };
    if let Some(before) = &evidence.corrects
        && let Some(agent) = before.agent()
    {
        let _ = write!(words, " Before, {} was on record ({}).", agent.tool, authority_name(before.authority));
    }
    Some(words)
}

/// The regions as they are shown: what was recorded, what tags declare beside that, and what is asked about.
struct Region {
    range: ByteRange<usize>,
    origin: OriginSummary,
    retained: f64,
}

fn shown_regions(view: &View) -> Vec<Region> {
    let snapshot = &view.snapshot;
    let mut regions: Vec<_> = snapshot
        .regions
        .views(|range| snapshot.text.slice(range))
        .into_iter()
        .filter(|region| !snapshot.text.slice(region.range.clone()).trim().is_empty())
        .map(|region| {
            let by = match (&region.origin.writer, region.mixed) {
                (_, true) => Origin::Mixed,
                (writer, false) if writer.is_ai() => Origin::Ai,
                (Writer::Human, false) => Origin::Human,
                (Writer::Ai(_) | Writer::Disputed(_), false) => Origin::Unknown,
            };
            let origin = OriginSummary { by, evidence: Some(region.origin) };
            Region { range: region.range, origin, retained: region.retained }
        })
        .collect();
    for (declared, origin) in view.analysis().declared.iter() {
        let mut at = declared.start;
        let mut free = Vec::new();
        for piece in snapshot.regions.pieces(declared.clone()) {
            free.push(at..piece.start);
            at = piece.end;
        }
        free.push(at..declared.end);
        for range in free.into_iter().filter(|range| !snapshot.text.slice(range.clone()).trim().is_empty()) {
            let origin = OriginSummary { by: Origin::Ai, evidence: Some(origin.clone()) };
            regions.push(Region { range, origin, retained: 1.0 });
        }
    }
    let declared = &view.analysis().declared;
    let open = |range: &ByteRange<usize>| declared.overlapping(range.clone()).next().is_none();
    for (range, ()) in snapshot.suspected.iter().filter(|(range, ())| open(range)) {
        regions.push(Region { range, origin: OriginSummary { by: Origin::Unknown, evidence: None }, retained: 1.0 });
    }
    regions.sort_by_key(|region| (region.range.start, region.range.end));
    regions
}

/// The answer to `countersign/regions`.
pub(super) fn regions(view: &View) -> Vec<RegionResult> {
    let result = |region: Region| {
        let json = JsonOrigin::from(&region.origin);
        RegionResult {
            range: view.wire_range(&region.range),
            content_sha256: sha256(&view.snapshot.text.slice(region.range)),
            origin: RegionOrigin {
                by: json.by,
                tool: json.tool,
                model: json.model,
                session: json.session,
                authority: json.authority.unwrap_or_else(|| "suspected".to_owned()),
                retained: region.retained,
            },
        }
    };
    shown_regions(view).into_iter().map(result).collect()
}

/// A lens over each region that an AI wrote.
pub(super) fn code_lenses(view: &View) -> Vec<CodeLens> {
    let analysis = view.analysis();
    let mut lenses = impact_lenses(view);
    for region in shown_regions(view).into_iter().filter(|region| region.origin.by.is_ai()) {
        let start = view.range(&region.range).start;
        let range = Range { start, end: start };
        let arguments = arguments(view, &region.range, None);
        let json = JsonOrigin::from(&region.origin);
        let mut title = format!("AI: {}", written_by(&json));
        if region.retained < 1.0 {
            let _ = write!(title, ", {:.0} % still there", region.retained * 100.0);
        }
        lenses.push(CodeLens { range, command: Some(command(title, SHOW_ORIGIN, &arguments)), data: None });
        let open = analysis
            .findings
            .iter()
            .filter(|finding| region.range.contains(&finding.range.start) && finding.verdict >= Verdict::Review);
        let open = open.count();
        if open > 0 {
            let title = format!("{open} to review: request a review");
            lenses.push(CodeLens { range, command: Some(command(title, REQUEST_REVIEW, &arguments)), data: None });
        }
    }
    lenses
}

/// Above each resource that is live, what the changes do to it.
fn impact_lenses(view: &View) -> Vec<CodeLens> {
    let lens = |impact: &Impact| {
        let block = impact.range(&view.snapshot)?;
        let start = view.range(&block).start;
        let range = Range { start: Position { character: 0, ..start }, end: Position { character: 0, ..start } };
        let (name, argument) = if view.features.show_blast_radius {
            let Change { module, address, renamed_to, .. } = &*impact.change;
            // What has a new name is known by that now.
            let address = renamed_to.as_ref().unwrap_or(address);
            (SHOW_BLAST_RADIUS, serde_json::json!({ "uri": view.uri.as_str(), "module": module, "address": address }))
        } else {
            (EXPLAIN, serde_json::json!({ "risk": impact.risk() }))
        };
        let command = Command { title: impact.in_short(), command: name.to_owned(), arguments: Some(vec![argument]) };
        Some(CodeLens { range, command: Some(command), data: None })
    };
    view.snapshot.impacts.iter().filter(|_| !view.excluded).filter_map(lens).collect()
}

/// A hint with the origin behind the first line of each region.
pub(super) fn inlay_hints(view: &View, window: Range) -> Vec<InlayHint> {
    let window = view.bytes(&window);
    let mut hints = Vec::new();
    for region in shown_regions(view) {
        let text = &view.snapshot.text;
        let slice = text.slice(region.range.clone());
        let start = region.range.start + (slice.len() - slice.trim_start().len());
        let end = text.line_content(text.line_of(start)).end;
        if !(window.start..=window.end).contains(&end) {
            continue;
        }
        let json = JsonOrigin::from(&region.origin);
        let label = match json.by {
            Origin::Human => "by a person".to_owned(),
            Origin::Unknown | Origin::Suspected => "by an AI?".to_owned(),
            Origin::Ai | Origin::Mixed => format!("by {}", json.tool.as_deref().unwrap_or("an AI tool")),
        };
        hints.push(InlayHint {
            position: view.range(&(end..end)).start,
            label: InlayHintLabel::String(label),
            kind: None,
            text_edits: None,
            tooltip: origin_in_words(&region.origin).map(InlayHintTooltip::String),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        });
    }
    hints
}

/// What can be done about a range.
pub(super) fn code_actions(view: &View, params: &CodeActionParams) -> CodeActionResponse {
    let analysis = view.analysis();
    let selection = view.bytes(&params.range);
    let touches = |range: &ByteRange<usize>| range.start <= selection.end && selection.start <= range.end;
    let wanted = |kind: &CodeActionKind| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| only.iter().any(|only| is_kind_of(kind.as_str(), only.as_str())))
    };
    let mut actions = CodeActionResponse::new();
    let mut add = |kind: CodeActionKind,
                   title: String,
                   name: &'static str,
                   arguments: ActionArguments,
                   about: Option<&Finding>| {
        if wanted(&kind) {
            actions.push(action(view, kind, title, name, &arguments, about));
        }
    };
    let fixable = || analysis.findings.iter().filter(|finding| finding.fix.is_some() && finding.impact.is_none());
    // Only on demand: an editor may be told to make these when it saves.
    let asked = params.context.only.iter().flatten().any(|kind| !kind.as_str().is_empty());
    if asked && fixable().next().is_some() {
        let title = "Fix all that can be fixed safely".to_owned();
        add(CodeActionKind::new(FIX_ALL_KIND), title, FIX_ALL, arguments(view, &(0..0), None), None);
    }
    // Neovim sends a place, and the diagnostics of its whole line.
    let named = |finding: &Finding| {
        let code = Some(NumberOrString::String(finding.risk.to_owned()));
        let diagnostics = &params.context.diagnostics;
        diagnostics.iter().any(|named| named.code == code && view.bytes(&named.range) == finding.range)
    };
    let mut offered = HashSet::new();
    for finding in analysis.findings.iter().filter(|finding| touches(&finding.range) || named(finding)) {
        let about = Some(finding);
        let for_finding = || arguments(view, &finding.range, Some(finding.risk));
        let title = &finding.title;
        if finding.origin.by != Origin::Suspected {
            if let Some(fix) = &finding.fix {
                let title = match finding.impact {
                    Some(_) => "Keep it: add the `moved` block for its new name".to_owned(),
                    None => format!("Fix: {title} ({})", fix.text.trim()),
                };
                add(CodeActionKind::QUICKFIX, title, FIX, for_finding(), about);
                let risk = &finding.risk;
                if offered.insert(risk) && fixable().filter(|other| other.risk == *risk).nth(1).is_some() {
                    let title = format!("Fix all `{risk}` in this file");
                    add(CodeActionKind::QUICKFIX, title, FIX_ALL, arguments(view, &(0..0), Some(risk)), about);
                }
            }
            add(CodeActionKind::QUICKFIX, format!("Request a review: {title}"), REQUEST_REVIEW, for_finding(), about);
            if !finding.area.eq("record") {
                add(CodeActionKind::QUICKFIX, format!("Accept with a reason: {title}"), SUPPRESS, for_finding(), about);
            }
        }
        add(CodeActionKind::QUICKFIX, format!("Explain: {title}"), EXPLAIN, for_finding(), about);
    }
    let region = shown_regions(view).into_iter().find(|region| touches(&region.range));
    // Text of which nobody is known to be the writer, where that matters.
    let nobodys =
        analysis.findings.iter().filter(|finding| finding.resource.is_none() && finding.origin.by == Origin::Unknown);
    let nobodys = nobodys.flat_map(|finding| &finding.causes).find(|range| touches(range));
    let subject = region
        .as_ref()
        .map(|region| region.range.clone())
        .or(Some(selection.clone()).filter(|range| !range.is_empty()))
        .or(nobodys.cloned());
    if let Some(range) = subject {
        let agent = region.as_ref().and_then(|region| JsonOrigin::from(&region.origin).tool);
        let model = region.as_ref().and_then(|region| JsonOrigin::from(&region.origin).model);
        let by = region.as_ref().map(|region| region.origin.by);
        let mut tag = arguments(view, &range, None);
        tag.tool.clone_from(&agent);
        tag.model = model;
        if by != Some(Origin::Human) {
            let tool = agent.unwrap_or_else(|| "an AI".to_owned());
            add(CodeActionKind::REFACTOR, format!("Tag as written by {tool}"), TAG, tag, None);
            add(CodeActionKind::REFACTOR, "I wrote this".to_owned(), I_WROTE_THIS, arguments(view, &range, None), None);
        }
        if by.is_some_and(Origin::is_ai) && view.path.is_some() {
            let title = "Take back what the AI changed here".to_owned();
            add(CodeActionKind::REFACTOR, title, TAKE_BACK, arguments(view, &range, None), None);
        }
        if by.is_some_and(Origin::is_ai) || !selection.is_empty() {
            let title = "Request a review of this".to_owned();
            add(CodeActionKind::REFACTOR, title, REQUEST_REVIEW, arguments(view, &range, None), None);
        }
    }
    actions.extend(reviews::actions(view, &selection, &wanted));
    actions
}

/// Whether a kind of action is another or below it: `refactor.rewrite` is a `refactor`.
fn is_kind_of(kind: &str, wanted: &str) -> bool {
    wanted.is_empty() || kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(super) fn arguments(view: &View, range: &ByteRange<usize>, risk: Option<&str>) -> ActionArguments {
    ActionArguments {
        uri: view.uri.as_str().to_owned(),
        range: view.wire_range(range),
        risk: risk.map(str::to_owned),
        reason: None,
        tool: None,
        model: None,
    }
}

pub(super) fn command(title: String, name: &str, arguments: &impl Serialize) -> Command {
    let arguments = serde_json::to_value(arguments).unwrap_or_default();
    Command { title, command: name.to_owned(), arguments: Some(vec![arguments]) }
}

/// An action as the client can take it: with its edit, with the promise of one, or as a command.
fn action(
    view: &View,
    kind: CodeActionKind,
    title: String,
    name: &'static str,
    arguments: &ActionArguments,
    about: Option<&Finding>,
) -> CodeActionOrCommand {
    let command = command(title.clone(), name, arguments);
    if !view.features.action_literals {
        return CodeActionOrCommand::Command(command);
    }
    let mut action = CodeAction {
        title,
        kind: Some(kind),
        is_preferred: (name == FIX).then_some(true),
        diagnostics: about.map(|finding| vec![diagnostic(view, finding)]),
        ..CodeAction::default()
    };
    let edits_text = match name {
        FIX | FIX_ALL | SUPPRESS | TAG | TAKE_BACK => true,
        REQUEST_REVIEW => view.features.create_files,
        _ => false,
    };
    if !edits_text {
        action.command = Some(command);
    } else if view.features.lazy_action_edits {
        let data = serde_json::json!({ "command": name, "version": view.snapshot.version, "arguments": arguments });
        action.data = Some(data);
    } else {
        match edit_of(view, name, arguments) {
            Ok(Some(edit)) => action.edit = Some(edit),
            _ => action.command = Some(command),
        }
    }
    CodeActionOrCommand::CodeAction(action)
}

/// An action that asks for a review, about a diagnostic that is no finding.
pub(super) fn request_review(
    view: &View,
    title: String,
    arguments: &ActionArguments,
    about: Option<Diagnostic>,
) -> CodeActionOrCommand {
    let mut action = action(view, CodeActionKind::QUICKFIX, title, REQUEST_REVIEW, arguments, None);
    if let CodeActionOrCommand::CodeAction(action) = &mut action {
        action.diagnostics = about.map(|about| vec![about]);
    }
    action
}

/// The document and version that an action was offered for.
pub(super) fn action_target(action: &CodeAction) -> Option<(String, i32)> {
    let data = action.data.as_ref()?;
    let uri = data.get("arguments")?.get("uri")?.as_str()?.to_owned();
    Some((uri, i32::try_from(data.get("version")?.as_i64()?).ok()?))
}

/// Adds its edit to an action.
pub(super) fn resolve(view: &View, version: i32, mut action: CodeAction) -> Result<CodeAction> {
    if version != view.snapshot.version {
        return Err(Error::content_modified());
    }
    let data = action.data.clone().unwrap_or_default();
    let name = data.get("command").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    let arguments = data.get("arguments").cloned().unwrap_or_default();
    let arguments: ActionArguments = serde_json::from_value(arguments).map_err(|error| invalid(error.to_string()))?;
    action.edit = edit_of(view, &name, &arguments)?;
    Ok(action)
}

/// The edit that a command makes; `None` where it makes none.
pub(super) fn edit_of(view: &View, name: &str, arguments: &ActionArguments) -> Result<Option<WorkspaceEdit>> {
    let range = view.bytes(&from_wire(&arguments.range));
    let analysis = view.analysis();
    let finding = || {
        let risk = arguments.risk.as_deref().unwrap_or_default();
        let found = analysis.findings.iter().find(|finding| finding.risk == risk && finding.range == range);
        found.ok_or_else(|| invalid(format!("there is no finding `{risk}` at this place any more")))
    };
    let no_comments = || invalid("this language has no comments");
    let edits = match name {
        FIX => {
            let Some(fix) = &finding()?.fix else {
                return Err(invalid("there is no safe fix for this finding"));
            };
            vec![ByteEdit::new(fix.range.clone(), fix.text.as_str())]
        }
        FIX_ALL => {
            let edits = fix_all(view, arguments.risk.as_deref());
            if edits.is_empty() {
                return Err(invalid("there is nothing in this file that can be fixed safely"));
            }
            edits
        }
        SUPPRESS => {
            let reason = arguments.reason.as_deref().unwrap_or_default();
            let risk = &finding()?.risk;
            vec![actions::suppress(&view.snapshot, &range, risk, reason).ok_or_else(no_comments)?]
        }
        TAKE_BACK => take_back(view, &range)?,
        TAG => {
            let agent = agent(arguments);
            match actions::tag(&view.snapshot, &range, &agent) {
                Some(edits) => edits,
                None => return Ok(None),
            }
        }
        REQUEST_REVIEW if view.features.create_files => {
            let requests = review_requests(view, arguments)?;
            return if requests.is_empty() { Err(invalid(REQUESTED)) } else { create_files(&requests).map(Some) };
        }
        _ => return Ok(None),
    };
    Ok(Some(text_edits(view, &edits)))
}

/// The edits that bring back what stood in a range before AI tools changed it.
fn take_back(view: &View, range: &ByteRange<usize>) -> Result<Vec<ByteEdit>> {
    let before = view.path.as_deref().and_then(|path| {
        let revision = Kept::default().revision(path.parent()?, None, &Configs::default()).ok()?;
        let before = revision.file(&revision.inside(path)?).unwrap_or_default();
        disk::decode(before).ok()
    });
    let before = before.ok_or_else(|| invalid("there is no committed state to go back to"))?;
    let text = view.snapshot.text.to_string();
    let inverse = inverse(&before, &text, &view.snapshot.regions, countersign_provenance::Origin::is_ai, range, false);
    if inverse.edits.is_empty() {
        return Err(invalid(if inverse.kept.is_empty() {
            "nothing here is known to be changed by an AI"
        } else {
            "text of others stands in between; take it back by hand"
        }));
    }
    Ok(inverse.edits)
}

/// The tool that a tag names.
pub(super) fn agent(arguments: &ActionArguments) -> Agent {
    let tool = arguments.tool.clone().unwrap_or_else(|| "unknown".to_owned());
    Agent { tool, model: arguments.model.clone(), session: None }
}

fn text_edits(view: &View, edits: &[ByteEdit]) -> WorkspaceEdit {
    let edit = |edit: &ByteEdit| {
        let edit = with_last_break(&view.snapshot.text, edit);
        TextEdit { range: view.range(&edit.range), new_text: edit.text }
    };
    let edits: Vec<_> = edits.iter().map(edit).collect();
    if view.features.document_changes {
        let text_document =
            OptionalVersionedTextDocumentIdentifier { uri: view.uri.clone(), version: Some(view.snapshot.version) };
        let edits = edits.into_iter().map(OneOf::Left).collect();
        return WorkspaceEdit {
            document_changes: Some(DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }])),
            ..WorkspaceEdit::default()
        };
    }
    WorkspaceEdit { changes: Some(HashMap::from([(view.uri.clone(), edits)])), ..WorkspaceEdit::default() }
}

/// Lines that are added behind the last line break replace it by itself and them, to the same effect: at the place
/// behind it, Neovim (0.11) adds an empty line more.
fn with_last_break(text: &Text, edit: &ByteEdit) -> ByteEdit {
    let end = text.len();
    let last = text.slice(end.saturating_sub(2)..end);
    let newline = if last.ends_with("\r\n") { "\r\n" } else { "\n" };
    if edit.range == (end..end) && last.ends_with(newline) {
        return ByteEdit::new(end - newline.len()..end, format!("{newline}{}", edit.text));
    }
    edit.clone()
}

fn create_files(files: &[(PathBuf, String)]) -> Result<WorkspaceEdit> {
    let mut operations = Vec::new();
    for (file, content) in files {
        let uri = Uri::from_file_path(file).ok_or_else(Error::internal_error)?;
        let options = CreateFileOptions { overwrite: Some(true), ignore_if_exists: None };
        let create = CreateFile { uri: uri.clone(), options: Some(options), annotation_id: None };
        let insert = TextEdit { range: Range::default(), new_text: content.clone() };
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: None };
        let edit = TextDocumentEdit { text_document, edits: vec![OneOf::Left(insert)] };
        operations.push(DocumentChangeOperation::Op(ResourceOp::Create(create)));
        operations.push(DocumentChangeOperation::Edit(edit));
    }
    Ok(WorkspaceEdit { document_changes: Some(DocumentChanges::Operations(operations)), ..WorkspaceEdit::default() })
}

/// Requests for a review of a finding, or of all that is in a range: one for each part of the file, each a file and its text.
/// What was requested already is left out.
pub(super) fn review_requests(view: &View, arguments: &ActionArguments) -> Result<Vec<(PathBuf, String)>> {
    let Some(path) = &view.path else {
        return Err(invalid("a review can be requested for a file; save this document first"));
    };
    let analysis = view.analysis();
    let range = view.bytes(&from_wire(&arguments.range));
    let about = |finding: &&Finding| match &arguments.risk {
        Some(risk) => finding.risk == *risk && finding.range == range,
        None => range.contains(&finding.range.start),
    };
    let found: Vec<_> = analysis.findings.iter().filter(about).collect();
    if arguments.risk.is_some() && found.is_empty() {
        return Err(invalid("the finding is not there any more"));
    }
    let root = git::work_tree(path)
        .or_else(|| view.roots.iter().find(|root| path.starts_with(root)).cloned())
        .or_else(|| path.parent().map(Path::to_owned))
        .unwrap_or_default();
    let text = view.snapshot.text.to_string();
    let parts = review::parts(path, text.as_bytes());
    let is_meant = |part: &&review::Part| {
        let is_in = |own: &ByteRange<usize>| own.start < range.end.max(range.start + 1) && range.start < own.end;
        part.ranges.iter().any(is_in)
    };
    let meant: Vec<_> = parts.iter().filter(is_meant).collect();
    let configs = Configs::default();
    let config = configs.of(path);
    let place = review::Place::of(&root, path, &config.config);
    let owners = disk::owners(&root);
    let mut requests = Vec::new();
    for part in &meant {
        let found: Vec<_> =
            found.iter().filter(|finding| meant.len() == 1 || part.holds(finding.range.start)).collect();
        // What a reviewer has to see is the whole resource, not the one value.
        let shown = match (&arguments.risk, found.first().and_then(|finding| finding.resource.as_ref())) {
            (Some(_), Some(resource)) => resource.range.clone(),
            _ if meant.len() == 1 => range.clone(),
            _ => part.ranges.first().cloned().unwrap_or_default(),
        };
        let why = arguments.reason.clone().unwrap_or_else(|| {
            let messages: Vec<_> = found.iter().map(|finding| &*finding.message).collect();
            if messages.is_empty() { "A second person should look at this.".to_owned() } else { messages.join(" ") }
        });
        let relative = place.path.clone();
        let findings: Vec<_> =
            found.iter().map(|finding| JsonFinding::new(&relative, &view.snapshot.text, finding)).collect();
        let request = review::Asked {
            bound: place.bound(part.address.clone(), Some(part.seal.clone())),
            text: &text,
            range: JsonRange::new(&view.snapshot.text, &shown),
            part: &view.snapshot.text.slice(shown),
            findings: &findings,
            about: known_of(part, &found, &place.path, (&config, &owners)),
            requested_by: git::author(path).unwrap_or_else(|| "unknown".to_owned()),
            why,
        };
        let (file, content) = request.file(jiff::Timestamp::now());
        let file = root.join(file);
        if !file.exists() {
            requests.push((file, String::from_utf8(content).map_err(|_| Error::internal_error())?));
        }
    }
    Ok(requests)
}

/// What an editor knows of a part that a review is asked for.
fn known_of(part: &review::Part, found: &[&&Finding], path: &str, (config, owners): (&FolderConfig, &Owners)) -> About {
    let environment = found.iter().map(|finding| finding.environment).max();
    let kind = part.kind.as_deref();
    let tier = kind.map(|kind| config.tiers.of(path, kind, environment.unwrap_or_default()));
    let worst = found.iter().filter_map(|finding| finding.impact).max_by_key(|it| (it.data_loss, it.dependents));
    About {
        tier: json!(tier),
        environment: json!(environment),
        origin: json!(found.iter().map(|finding| finding.origin.by).min()),
        impact: review::impact_in_request(worst),
        requested_from: owners.of(path).to_vec(),
        policy_sha256: config.sha256(),
        ..About::default()
    }
}

/// That all of a review was requested already.
pub(super) const REQUESTED: &str =
    "this review was requested already: `countersign review list` says where it stands, and so does the Reviews view";
