//! `countersign/checkEdit`: what would be said of an edit.

use super::backend::invalid;
use super::features::{View, file_path, from_wire, to_bytes};
use super::protocol::{CheckEditParams, CheckEditResult};
use crate::disk::{self, Configs};
use crate::impact::live::{Live, Session};
use crate::surroundings::{self, Surroundings};
use crate::would_be::{WouldBe, changed, in_one_line};
use countersign_engine::report::JsonFinding;
use countersign_engine::{Change, Evidence, Finding, Policy, Snapshot, Workspace, alone, read, units};
use countersign_policy::{Surface, Verdict};
use countersign_syntax::Budget;
use countersign_text::{Encoding, Text};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::Uri;

/// The risk that it cannot be told what becomes of a resource.
const UNTOLD: &str = "impact-unknown";

/// Judges an edit. `view` is there where the document is open; else it is read from disk.
pub(super) fn check_edit(view: Option<&View>, encoding: Encoding, params: &CheckEditParams) -> Result<CheckEditResult> {
    let uri: Uri = params.text_document.uri.parse().map_err(|_| invalid("`textDocument.uri` is not a URI"))?;
    let path = file_path(&uri);
    let (snapshot, mut policy) = match (view, &path) {
        (Some(view), _) if view.excluded => return Ok(left_out()),
        (Some(view), _) => (Snapshot::clone(&view.snapshot), view.policy.clone()),
        (None, Some(path)) => match from_disk(path, params.new_text.is_some())? {
            Some(found) => found,
            None => return Ok(left_out()),
        },
        (None, None) => return Err(invalid("the document is neither open nor a file")),
    };
    policy.ask_about_unknown_origin = false;
    read(&snapshot, &mut Budget::unbounded());
    let changes = changes(&snapshot.text, encoding, params)?;
    let evidence = params.origin.evidence();
    let is_ai = evidence.origin.as_ref().is_some_and(|origin| origin.writer.is_ai());
    let would_be = would_be(view, path.as_deref(), snapshot, &policy, changes, evidence);
    let shown = shown_path(path.as_deref(), &uri, view);
    Ok(result(&would_be.ok_or_else(Error::internal_error)?, &shown, is_ai.then_some(&policy)))
}

/// The text as it would be, with what it does to what is live where that can be told.
fn would_be(
    view: Option<&View>,
    path: Option<&Path>,
    mut before: Snapshot,
    policy: &Policy,
    changes: Vec<Change>,
    evidence: Evidence,
) -> Option<WouldBe> {
    let after_of = |workspace: &Workspace, before: &Snapshot, after: &Snapshot| {
        let mut workspace = workspace.clone();
        workspace.update(&after.file, &units(before), &units(after));
        workspace
    };
    let mut after = changed(&before, changes, evidence);
    if !before.language.is_parsed() {
        let nothing = Workspace::default();
        return WouldBe::between((&before, &nothing), (after, &nothing), policy);
    }
    // What stands around on disk, with what is open in its place: the index of a session may not be complete yet.
    let around = path.map(|_| {
        let others = view.into_iter().flat_map(|view| view.around.open.iter());
        let others = others.map(|entry| Arc::clone(entry.value())).filter(|other| other.file != before.file);
        Surroundings::and_beside(others.chain([Arc::new(before.clone())]).collect::<Vec<_>>())
    });
    if let Some(around) = &around {
        let (live, configs, on_disk) = (Live::default(), Configs::default(), Arc::new(around.files().clone()));
        let impacts = |snapshot: &Snapshot, workspace: Workspace| {
            let open = HashMap::from([(Arc::clone(&snapshot.file), Arc::new(snapshot.clone()))]);
            let session = Session { workspace, open, on_disk: Arc::clone(&on_disk) };
            live.impacts(session, &configs).0.remove(&snapshot.file).unwrap_or_default()
        };
        let workspace_after = after_of(&around.workspace, &before, &after);
        after.impacts = impacts(&after, workspace_after);
        before.impacts = impacts(&before, around.workspace.clone());
    }
    let workspace = match (view, around) {
        (Some(view), _) if view.analysis.is_some() => view.workspace.clone(),
        (None, Some(around)) => around.workspace,
        _ => alone(&before),
    };
    let workspace_after = after_of(&workspace, &before, &after);
    WouldBe::between((&before, &workspace), (after, &workspace_after), policy)
}

/// What is said of a document that the settings leave out.
fn left_out() -> CheckEditResult {
    let message = "The settings leave this file out.".to_owned();
    CheckEditResult { verdict: Verdict::Allow, findings: Vec::new(), message }
}

/// A document and its policy from disk; `None` where the settings leave it out.
fn from_disk(path: &Path, may_be_new: bool) -> Result<Option<(Snapshot, Policy)>> {
    let config = Configs::default().of(path);
    let Some(language) = config.language(path) else {
        return Err(invalid("Countersign does not read this kind of file"));
    };
    let text = match disk::read(path) {
        Ok(text) => text,
        Err(_) if may_be_new && !path.exists() => String::new(),
        Err(disk::Unread::Limit(message) | disk::Unread::Io(message)) => return Err(invalid(message)),
    };
    if config.excludes(path) {
        return Ok(None);
    }
    let policy = config.policy(Surface::Editor, crate::cli::today());
    Ok(Some((surroundings::snapshot(path, language, &text), policy)))
}

/// The changes, the last in the text first, because all of them count in the text as it is.
fn changes(text: &Text, encoding: Encoding, params: &CheckEditParams) -> Result<Vec<Change>> {
    let edits = match (&params.edits, &params.new_text, &params.old_text) {
        (Some(edits), None, None) => edits,
        (None, Some(new), None) => return Ok(vec![Change { range: None, text: new.clone() }]),
        (None, Some(new), Some(old)) => return Ok(vec![replacement(&text.to_string(), old, new)?]),
        _ => return Err(invalid("give either `edits` or `newText`, with `oldText` or without")),
    };
    let mut edits: Vec<_> =
        edits.iter().map(|edit| (to_bytes(text, encoding, &from_wire(&edit.range)), edit.new_text.clone())).collect();
    edits.sort_by_key(|(range, _)| Reverse(range.start));
    if edits.windows(2).any(|pair| pair[1].0.end > pair[0].0.start) {
        return Err(invalid("the `edits` overlap"));
    }
    Ok(edits.into_iter().map(|(range, text)| Change { range: Some(range), text }).collect())
}

/// What puts a text in the place of another one.
fn replacement(text: &str, old: &str, new: &str) -> Result<Change> {
    if text == old {
        return Ok(Change { range: None, text: new.to_owned() });
    }
    let mut places = text.match_indices(old).map(|(at, _)| at);
    match (places.next(), places.count()) {
        (Some(at), 0) if !old.is_empty() => Ok(Change { range: Some(at..at + old.len()), text: new.to_owned() }),
        (None, _) => Err(invalid("`oldText` is not in the document; the diff was made for another text")),
        (Some(_), _) => Err(invalid(
            "`oldText` stands in the document more than once, so it cannot be told which place is meant; give `edits`",
        )),
    }
}

/// The file from its workspace folder, as people know it.
fn shown_path(path: Option<&Path>, uri: &Uri, view: Option<&View>) -> String {
    let Some(path) = path else { return uri.as_str().to_owned() };
    let roots: &[PathBuf] = view.map_or(&[], |view| &view.roots);
    let relative = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    disk::display(relative.unwrap_or(path))
}

/// The findings that the edit brings or touches. With a policy, the verdicts are those of an edit by an AI, as its hook has them.
fn result(would_be: &WouldBe, path: &str, of_ai: Option<&Policy>) -> CheckEditResult {
    let text = &would_be.snapshot.text;
    let verdict = |finding: &Finding| of_ai.map_or(finding.verdict, |policy| would_be.verdict_of_ai(finding, policy));
    // What a person puts in is often a part that is completed behind it, so as long as it cannot be read nothing is said of it.
    let brought = || would_be.brought().filter(|finding| of_ai.is_some() || finding.risk != UNTOLD);
    let gravest = brought().max_by_key(|finding| (verdict(finding), finding.severity));
    let json = |finding| JsonFinding { verdict: verdict(finding), ..JsonFinding::new(path, text, finding) };
    CheckEditResult {
        verdict: gravest.map_or(Verdict::Allow, verdict),
        findings: brought().map(json).collect(),
        message: gravest.map_or_else(|| "Nothing to say about this edit.".to_owned(), in_one_line),
    }
}
