//! `countersign check --fix`: the changes that rules name as safe to make unread.

use super::baseline::Fingerprint;
use super::check::Looked;
use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

/// How often a file is looked at again for changes that stood in each other's way.
const ROUNDS: usize = 10;

/// Whether changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixing {
    /// No.
    Off,
    /// They are shown.
    Shown,
    /// They are made.
    Written,
}

/// What the changes make of a file.
#[derive(Debug)]
pub(super) struct Fixed {
    /// The text afterwards.
    pub(super) text: String,
    /// How many findings are gone.
    pub(super) count: usize,
    /// What changes, as a unified diff.
    pub(super) diff: String,
}

/// A change of a text.
type Change = (Range<usize>, String);

/// Fixes a text as far as it goes. `look` says what is to be said about one, and how many of its blocks do not parse.
pub(super) fn fixed(path: &str, text: &str, look: impl Fn(&str) -> (Looked, usize)) -> Option<Fixed> {
    let first = look(text);
    let (mut now, mut looked) = (text.to_owned(), None);
    let mut count = 0;
    for _ in 0..ROUNDS {
        let before = looked.as_ref().unwrap_or(&first);
        let changes = changes(&before.0);
        // All that do not overlap; where they do not go together, the first that does good on its own.
        let alone = changes.iter().map(std::slice::from_ref).filter(|_| changes.len() > 1);
        let tried = std::iter::once(changes.as_slice()).filter(|all| !all.is_empty()).chain(alone);
        let better = tried
            .map(|changes| apply(&now, changes))
            .map(|text| (look(&text), text))
            .find(|(after, _)| is_better(before, after));
        let Some((after, better)) = better else { break };
        count += before.0.findings.len() - after.0.findings.len();
        now = better;
        looked = Some(after);
    }
    let after = looked?;
    let shown = |text: &str, looked: &Looked| printable(&masked(text, &looked.secrets));
    let diff = diff(&printable(path), &shown(text, &first.0), &shown(&now, &after.0));
    Some(Fixed { text: now, count, diff })
}

/// The changes of a text that neither overlap nor touch, in its order.
fn changes(looked: &Looked) -> Vec<Change> {
    let fixes = looked.findings.iter().filter_map(|(finding, _)| finding.fix.as_ref());
    let mut all: Vec<Change> = fixes.map(|fix| (fix.range.clone(), fix.text.clone())).collect();
    all.sort_by_key(|(range, _)| (range.start, range.end));
    let mut end = None;
    all.retain(|(range, _)| {
        let apart = end.is_none_or(|end| range.start > end);
        if apart {
            end = Some(range.end);
        }
        apart
    });
    all
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for (range, new) in changes.iter().rev() {
        if text.get(range.clone()).is_some() {
            text.replace_range(range.clone(), new);
        }
    }
    text
}

/// Whether there is less to say than before, nothing new, and no more that does not parse.
fn is_better((before, broken): &(Looked, usize), (after, still_broken): &(Looked, usize)) -> bool {
    let mut left: BTreeMap<&Fingerprint, usize> = BTreeMap::new();
    for (_, print) in &before.findings {
        *left.entry(print).or_default() += 1;
    }
    let nothing_new = after.findings.iter().all(|(_, print)| left.contains_key(print));
    nothing_new && after.findings.len() < before.findings.len() && still_broken <= broken
}

/// A text in which secrets are blotted out, line by line as it was.
fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let mut secrets = secrets.to_vec();
    secrets.sort_by_key(|secret| secret.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        let secret = secret.start.max(at)..secret.end.max(at);
        out.push_str(text.get(at..secret.start).unwrap_or_default());
        let hidden = text.get(secret.clone()).unwrap_or_default();
        out.extend(hidden.chars().map(|c| if matches!(c, '"' | '\n' | '\r') { c } else { '*' }));
        at = secret.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A text without what would make a terminal do or hide something.
fn printable(text: &str) -> String {
    let hides = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace("\r\n", "\n").chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

fn diff(path: &str, before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    format!("--- {path}\n+++ {path}\n{}", diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input))
}

/// Replaces a file, or says why not. It is replaced whole, keeps its permissions, and is left alone if it is not what was
/// read. A link is not followed: what it names may stand outside of the folder that was asked for.
pub(super) fn write(path: &Path, read: &str, new: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("could not be fixed: {error}; it is as it was");
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    if metadata.is_symlink() {
        return Err("is a link, which --fix does not follow; name the file that it leads to".to_owned());
    }
    if metadata.permissions().readonly() {
        return Err("may not be written, so it was not fixed; make it writable first".to_owned());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".countersign-").tempfile_in(folder).map_err(failed)?;
    file.write_all(new.as_bytes()).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root can give a file away, and only root makes one that is not its owner's.
        let _ = fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid()));
    }
    file.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if std::fs::read(path).map_err(failed)? != read.as_bytes() {
        return Err("changed while it was checked, so it was not fixed; run the command again".to_owned());
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_blotted_out() {
        assert_eq!(masked("a = \"geheim\"\nb", &[4..12, 6..8]), "a = \"******\"\nb");
    }

    #[test]
    fn nothing_that_is_shown_steers_a_terminal() {
        assert_eq!(printable("a\tb\r\n\u{1b}[2J\rc\u{202e}"), "a\tb\n\u{fffd}[2J\u{fffd}c\u{fffd}");
    }

    #[test]
    fn what_changed_on_disk_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("main.tf");
        std::fs::write(&path, "new").expect("written");
        assert!(write(&path, "old", "fixed").is_err_and(|why| why.contains("changed while")));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "new");
        assert_eq!(write(&path, "new", "fixed"), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "fixed");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
