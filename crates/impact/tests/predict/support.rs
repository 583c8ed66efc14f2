//! Two states of a workspace from texts.

use countersign_grammars::Language;
use countersign_impact::tables::Tables;
use countersign_impact::{Action, Change, predict};
use countersign_infra::terraform::{Workspace, lower, lower_tokens, module_of};
use std::collections::BTreeSet;
use std::sync::Arc;
use tree_sitter::Parser;

/// A workspace of files, each with its path and text. As in the editor, a block at the start of a line begins a unit, so what is
/// broken costs no other block.
pub(crate) fn workspace(files: &[(&str, &str)]) -> Workspace {
    let mut workspace = Workspace::default();
    let mut parser = Parser::new();
    for (path, text) in files {
        let language = Language::of_path(path).expect("a language");
        let units: Vec<_> = if language.has_grammar() {
            parser.set_language(&language.grammar()).expect("a grammar");
            let mut tree = |piece| parser.parse(piece, None).expect("a tree");
            pieces(text).into_iter().map(|piece| Arc::new(lower(language, piece, &tree(piece)))).collect()
        } else {
            text.split_inclusive(";\n").map(|piece| Arc::new(lower_tokens(language, piece))).collect()
        };
        workspace.update(&Arc::from(*path), &[], &units);
    }
    workspace
}

fn pieces(text: &str) -> Vec<&str> {
    const STARTS: &[&str] = &[
        "resource ",
        "data ",
        "module ",
        "locals ",
        "variable ",
        "output ",
        "provider ",
        "moved ",
        "removed ",
        "import ",
        "terraform ",
    ];
    let mut cuts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && STARTS.iter().any(|start| line.starts_with(start)) {
            cuts.push(at);
        }
        at += line.len();
    }
    cuts.push(text.len());
    cuts.windows(2).filter_map(|pair| text.get(pair[0]..pair[1])).filter(|piece| !piece.is_empty()).collect()
}

/// What is predicted between two sets of files, for all their modules.
pub(crate) fn changes(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<Change> {
    let modules: BTreeSet<String> = before.iter().chain(after).map(|(path, _)| module_of(path).to_owned()).collect();
    predict(&workspace(before), &workspace(after), &modules, &Tables::default())
}

/// What is predicted between two texts of one file.
pub(crate) fn between(before: &str, after: &str) -> Vec<Change> {
    changes(&[("/w/main.tf", before)], &[("/w/main.tf", after)])
}

/// In short: `destroy aws_x.a`, with a question mark where it is not certain, and ` -> ` the new address where it has one.
pub(crate) fn short(changes: &[Change]) -> Vec<String> {
    let each = changes.iter().map(|change| {
        let action = match change.action {
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Destroy => "destroy",
            Action::Rename => "rename",
            Action::Unknown => "unknown",
        };
        let sure = if change.certain || change.action == Action::Unknown { "" } else { "?" };
        let to = change.renamed_to.as_ref().map(|to| format!(" -> {to}")).unwrap_or_default();
        format!("{action}{sure} {}{to}", change.address)
    });
    each.collect()
}

/// Holds predictions between two texts against what is expected, in order of addresses.
pub(crate) fn check(before: &str, after: &str, expected: &[&str]) {
    let found = between(before, after);
    assert_eq!(short(&found), expected, "\n{before}\n->\n{after}\n{found:#?}");
}
