//! `check_edit`.

use super::judged::Judged;
use super::workspace::{Told, Workspace};
use crate::disk::{self, Configs};
use crate::proposal;
use crate::proposal::text::{Left, left};
use countersign_agents::{Action, Call, Change, Edit, Moment, Replacement};
use countersign_engine::MAX_FILE_BYTES;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most edits of one question: as many files as are judged together.
const MAX_EDITS: usize = 1_000;

/// One change of one or several files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckEdit {
    /// The edits, at most 1,000. Several of the same file apply one after the other.
    edits: Vec<OneEdit>,
}

/// An edit of one file: `content`, or `old_string` and `new_string`, or `delete`, or `move_to`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OneEdit {
    /// The file, relative to the folder at work or absolute. With `content` it may be new.
    path: String,
    /// The whole text that the file would have.
    content: Option<String>,
    /// The text that is replaced, exactly as it stands in the file; it has to stand there once, unless `replace_all` is set.
    old_string: Option<String>,
    /// What stands there then.
    new_string: Option<String>,
    /// Replace `old_string` wherever it stands.
    #[serde(default)]
    replace_all: bool,
    /// Delete the file.
    #[serde(default)]
    delete: bool,
    /// Give the file this path.
    move_to: Option<String>,
}

pub(super) fn check_edit(workspace: &Workspace, asked: &CheckEdit) -> Told<Judged> {
    workspace.root()?;
    if asked.edits.is_empty() {
        return Err("`edits` is empty. Give at least one edit with a `path`.".to_owned());
    }
    if asked.edits.len() > MAX_EDITS {
        return Err(format!("There are {} edits, and at most {MAX_EDITS} are judged at once.", asked.edits.len()));
    }
    let mut files = Files { workspace, texts: BTreeMap::new() };
    let mut edits = Vec::new();
    for edit in &asked.edits {
        edits.push(files.apply(edit)?);
    }
    let configs = Configs::default();
    let unread = files.texts.keys().filter_map(|path| {
        let shown = disk::display(&workspace.shown(path));
        if configs.of(path).language(path).is_none() {
            return Some(format!("{shown}: Countersign does not read this kind of file"));
        }
        configs.of(path).excludes(path).then(|| format!("{shown}: the settings leave this file out"))
    });
    let unread = unread.collect();
    let config = edits.first().map(|edit| configs.of(&edit.path)).unwrap_or_default();
    let call = Call {
        cwd: Some(workspace.here().to_owned()),
        moment: Moment::Before,
        action: Action::Edits(edits),
        ..Call::of(workspace.agent(&config.config))
    };
    let judgement = proposal::judge(&call).ok_or("Countersign has no judgement of this edit.")?;
    Ok(Judged::new(&judgement, unread))
}

/// The files of a question, each with the text that it has by then; `None` where it is not there.
struct Files<'w> {
    workspace: &'w Workspace,
    texts: BTreeMap<PathBuf, Option<String>>,
}

impl Files<'_> {
    /// Makes an edit in memory; what cannot be made is told before anything is judged.
    fn apply(&mut self, edit: &OneEdit) -> Told<Edit> {
        let path = self.workspace.place(&edit.path)?;
        let change = self.change(edit)?;
        let shown = &edit.path;
        let found = match self.texts.get(&path) {
            Some(known) => known.clone(),
            None => disk::found(&path).map_err(|why| format!("{shown}: {}.", why.trim_end_matches('.')))?,
        };
        match (&change, &found) {
            (Change::Write(text), _) if text.len() > MAX_FILE_BYTES => {
                return Err(format!(
                    "{shown}: `content` has {} bytes, and at most {MAX_FILE_BYTES} are analysed.",
                    text.len()
                ));
            }
            (Change::Write(_), _) => {}
            (_, None) => {
                return Err(format!(
                    "{shown}: there is no such file. Relative paths count from {}; a new file needs its `content`.",
                    self.workspace.here().display()
                ));
            }
            (Change::Replace(replacements), Some(text)) => {
                for Replacement { old, all, .. } in replacements.iter().filter(|one| !one.all) {
                    let plain = |text: &str| text.replace("\r\n", "\n");
                    let count = plain(text).matches(plain(old).as_str()).count();
                    if !all && count > 1 {
                        return Err(format!(
                            "{shown}: `old_string` stands there {count} times. Give more of the text around it, or set `replace_all`."
                        ));
                    }
                }
            }
            _ => {}
        }
        let after = match left(found.as_deref(), &change) {
            Left::Text(text) => Some(text),
            Left::Gone => None,
            Left::Unknown(_) => {
                return Err(format!(
                    "{shown}: `old_string` is not in the file. Read the file again and give the text as it is."
                ));
            }
        };
        if let Change::MoveTo(target) = &change {
            self.texts.insert(target.clone(), found);
        }
        self.texts.insert(path.clone(), after);
        Ok(Edit { path, change })
    }

    fn change(&self, edit: &OneEdit) -> Told<Change> {
        let shown = &edit.path;
        match (&edit.content, &edit.old_string, &edit.new_string, edit.delete, &edit.move_to) {
            (Some(content), None, None, false, None) => Ok(Change::Write(content.clone())),
            (None, Some(old), Some(_), false, None) if old.is_empty() => Err(format!(
                "{shown}: `old_string` is empty. Give the text that is replaced, or the whole text as `content`."
            )),
            (None, Some(old), Some(new), false, None) => {
                let all = edit.replace_all;
                Ok(Change::Replace(vec![Replacement { old: old.clone(), new: new.clone(), all, at: None }]))
            }
            (None, None, None, true, None) => Ok(Change::Delete),
            (None, None, None, false, Some(target)) => Ok(Change::MoveTo(self.workspace.place(target)?)),
            _ => Err(format!(
                "{shown}: say what becomes of the file in one way: `content`, or `old_string` and `new_string`, or `delete`, or `move_to`."
            )),
        }
    }
}
