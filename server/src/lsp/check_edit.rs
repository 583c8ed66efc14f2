//! `countersign/checkEdit`: what would be said of an edit.

use super::backend::invalid;
use super::features::{View, file_path, from_wire, to_bytes};
use super::protocol::{CheckEditParams, CheckEditResult};
use crate::disk;
use crate::surroundings::{self, Surroundings};
use crate::would_be::{WouldBe, in_one_line};
use countersign_engine::report::JsonFinding;
use countersign_engine::{Change, Policy, Snapshot, alone, read};
use countersign_grammars::Language;
use countersign_policy::{Surface, Verdict};
use countersign_syntax::Budget;
use countersign_text::{Encoding, Text};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::Uri;

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
    let workspace = match (view, &path) {
        (Some(view), _) if view.analysis.is_some() => view.workspace.clone(),
        (None, Some(_)) => Surroundings::of([Arc::new(snapshot.clone())]).workspace,
        _ => alone(&snapshot),
    };
    let changes = changes(&snapshot.text, encoding, params)?;
    let would_be = WouldBe::of(&snapshot, &workspace, &policy, changes, params.origin.evidence());
    Ok(result(&would_be.ok_or_else(Error::internal_error)?, &shown_path(path.as_deref(), &uri, view)))
}

/// What is said of a document that the settings leave out.
fn left_out() -> CheckEditResult {
    let message = "The settings leave this file out.".to_owned();
    CheckEditResult { verdict: Verdict::Allow, findings: Vec::new(), message }
}

/// A document and its policy from disk; `None` where the settings leave it out.
fn from_disk(path: &Path, may_be_new: bool) -> Result<Option<(Snapshot, Policy)>> {
    let Some(language) = Language::of_path(&path.to_string_lossy()) else {
        return Err(invalid("Countersign does not read this kind of file"));
    };
    let text = match disk::read(path) {
        Ok(text) => text,
        Err(_) if may_be_new && !path.exists() => String::new(),
        Err(disk::Unread::Limit(message) | disk::Unread::Io(message)) => return Err(invalid(message)),
    };
    let config = disk::Configs::default().of(path);
    if config.excludes(path) {
        return Ok(None);
    }
    let policy = config.policy(Surface::Editor, crate::cli::today());
    Ok(Some((surroundings::snapshot(path, language, &text), policy)))
}

/// The changes, the last in the text first, because all of them count in the text as it is.
fn changes(text: &Text, encoding: Encoding, params: &CheckEditParams) -> Result<Vec<Change>> {
    let edits = match (&params.edits, &params.new_text) {
        (Some(edits), None) => edits,
        (None, Some(text)) => return Ok(vec![Change { range: None, text: text.clone() }]),
        _ => return Err(invalid("give either `edits` or `newText`")),
    };
    let mut edits: Vec<_> =
        edits.iter().map(|edit| (to_bytes(text, encoding, &from_wire(&edit.range)), edit.new_text.clone())).collect();
    edits.sort_by_key(|(range, _)| Reverse(range.start));
    if edits.windows(2).any(|pair| pair[1].0.end > pair[0].0.start) {
        return Err(invalid("the `edits` overlap"));
    }
    Ok(edits.into_iter().map(|(range, text)| Change { range: Some(range), text }).collect())
}

/// The file from its workspace folder, as people know it.
fn shown_path(path: Option<&Path>, uri: &Uri, view: Option<&View>) -> String {
    let Some(path) = path else { return uri.as_str().to_owned() };
    let roots: &[PathBuf] = view.map_or(&[], |view| &view.roots);
    let relative = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    disk::display(relative.unwrap_or(path))
}

/// The findings that the edit brings or touches.
fn result(would_be: &WouldBe, path: &str) -> CheckEditResult {
    let gravest = would_be.gravest();
    let text = &would_be.snapshot.text;
    CheckEditResult {
        verdict: gravest.map_or(Verdict::Allow, |finding| finding.verdict),
        findings: would_be.brought().map(|finding| JsonFinding::new(path, text, finding)).collect(),
        message: gravest.map_or_else(|| "Nothing to say about this edit.".to_owned(), in_one_line),
    }
}
