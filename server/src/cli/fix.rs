//! `countersign check --fix`: the changes that rules name as safe to make unread.

use super::baseline::Fingerprint;
use super::check::Looked;
use super::human::masked;
use imara_diff::{Algorithm, Diff, InternedInput, Token};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

/// How often a file is looked at again for changes that stood in each other's way.
const ROUNDS: usize = 10;

/// How often a file is looked at in all to find changes that do good.
const TRIES: usize = 64;

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

/// What there is to say about a text, and how many of its blocks do not parse.
type Looks = (Looked, usize);

/// Fixes a text as far as it goes.
pub(super) fn fixed(path: &str, text: &str, look: impl Fn(&str) -> Looks) -> Option<Fixed> {
    let first = look(text);
    let (mut now, mut last) = (text.to_owned(), None);
    let (mut count, mut tries) = (0, TRIES);
    for _ in 0..ROUNDS {
        let before = last.as_ref().unwrap_or(&first);
        let Some((better, after)) = improved(&now, before, &changes(&before.0), &look, &mut tries) else { break };
        count += before.0.findings.len() - after.0.findings.len();
        now = better;
        last = Some(after);
    }
    let after = last?;
    let shown = |text: &str, looked: &Looked| printable(&masked(text, &looked.secrets));
    let diff = diff(&printable(path), &shown(text, &first.0), &shown(&now, &after.0));
    Some(Fixed { text: now, count, diff })
}

/// The text with all of these changes; where they do no good together, with as many of them as half and half of the halves
/// show to do good.
fn improved(
    text: &str,
    before: &Looks,
    changes: &[Change],
    look: &impl Fn(&str) -> Looks,
    tries: &mut usize,
) -> Option<(String, Looks)> {
    if changes.is_empty() || *tries == 0 {
        return None;
    }
    *tries -= 1;
    let better = apply(text, changes);
    let after = look(&better);
    if is_better(before, &after, changes.len()) {
        return Some((better, after));
    }
    if changes.len() == 1 {
        return None;
    }
    let (first, second) = changes.split_at(changes.len() / 2);
    improved(text, before, first, look, tries).or_else(|| improved(text, before, second, look, tries))
}

/// The changes of a text that can be made at once.
fn changes(looked: &Looked) -> Vec<Change> {
    let fixes = looked.findings.iter().filter_map(|(finding, _)| finding.fix.as_ref());
    apart(fixes.map(|fix| (fix.range.clone(), fix.text.clone())).collect())
}

/// Those that neither overlap nor touch one before them, in order of the text.
fn apart(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|(range, _)| (range.start, range.end));
    let mut end = None;
    changes.retain(|(range, _)| {
        let apart = end.is_none_or(|end| range.start > end);
        if apart {
            end = Some(range.end);
        }
        apart
    });
    changes
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in changes {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(new);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Whether every change took something away, and brought nothing new and nothing that does not parse.
fn is_better((before, broken): &Looks, (after, still_broken): &Looks, changes: usize) -> bool {
    let known: BTreeSet<&Fingerprint> = before.findings.iter().map(|(_, print)| print).collect();
    let nothing_new = after.findings.iter().all(|(_, print)| known.contains(print));
    nothing_new && after.findings.len() + changes <= before.findings.len() && still_broken <= broken
}

/// A text without what would make a terminal do or hide something.
fn printable(text: &str) -> String {
    let hides = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace("\r\n", "\n").chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

/// How many lines are shown before and after a change.
const CONTEXT: u32 = 3;

/// What changes, as a unified diff.
pub(super) fn diff(path: &str, before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let lines = input.before.len().try_into().unwrap_or(u32::MAX);
    let mut out = format!("--- {path}\n+++ {path}\n");
    let mut hunks = diff.hunks().peekable();
    while let Some(first) = hunks.next() {
        // Changes whose surroundings meet are shown together.
        let mut group = vec![first];
        while let Some(last) = group.last()
            && let Some(next) = hunks.next_if(|next| next.before.start <= last.before.end + 2 * CONTEXT)
        {
            group.push(next);
        }
        let (Some(first), Some(last)) = (group.first(), group.last()) else { break };
        let old = first.before.start.saturating_sub(CONTEXT)..(last.before.end + CONTEXT).min(lines);
        let new = first.after.start - (first.before.start - old.start)..last.after.end + (old.end - last.before.end);
        let _ = writeln!(out, "@@ -{} +{} @@", span(&old), span(&new));
        let mut line = |mark: char, token: Token| {
            let text: &str = input.interner[token];
            let ending = if text.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            let _ = write!(out, "{mark}{text}{ending}");
        };
        let mut at = old.start;
        for hunk in &group {
            (at..hunk.before.start).for_each(|index| line(' ', input.before[index as usize]));
            hunk.before.clone().for_each(|index| line('-', input.before[index as usize]));
            hunk.after.clone().for_each(|index| line('+', input.after[index as usize]));
            at = hunk.before.end;
        }
        (at..old.end).for_each(|index| line(' ', input.before[index as usize]));
    }
    out
}

/// Lines as the head of a part of a diff names them: the first, from one, and how many.
fn span(lines: &Range<u32>) -> String {
    let first = if lines.is_empty() { lines.start } else { lines.start + 1 };
    format!("{first},{}", lines.len())
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
    fn changes_that_overlap_or_touch_wait_for_the_next_round() {
        let change = |start, end, text: &str| (start..end, text.to_owned());
        let made =
            apart(vec![change(5, 5, "y"), change(0, 2, "a"), change(2, 3, "b"), change(5, 5, "x"), change(4, 4, "c")]);
        assert_eq!(made, [change(0, 2, "a"), change(4, 4, "c"), change(5, 5, "y")]);
        assert_eq!(apply("0123456", &made), "a23c4y56");
    }

    #[test]
    fn a_diff_is_one_that_patch_reads() {
        let old = (1..=30).fold(String::new(), |text, line| format!("{text}{line}\n"));
        let new = old.replace("\n6\n", "\n6\n6b\n").replace("\n12\n", "\n").replace("\n30\n", "\nthirty");
        let parts = "--- f\n+++ f\n@@ -4,12 +4,12 @@\n 4\n 5\n 6\n+6b\n 7\n 8\n 9\n 10\n 11\n-12\n 13\n 14\n 15\n@@ -27,4 +27,4 @@\n 27\n 28\n 29\n-30\n+thirty\n\\ No newline at end of file\n";
        assert_eq!(diff("f", &old, &new), parts);
        assert_eq!(diff("f", "a\n", "x\na\n"), "--- f\n+++ f\n@@ -1,1 +1,2 @@\n+x\n a\n");
        assert_eq!(diff("f", "", "x\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+x\n");
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
