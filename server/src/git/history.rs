//! What git itself is asked for: which commit a line comes from, what a commit says of its lines, and what is written there.

use anyhow::{Context, bail};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where git-ai and Countersign keep who wrote what: a note for each commit.
pub(crate) const NOTES: &str = "refs/notes/ai";

/// Longest note that is read, in bytes; what is behind that is left out.
const MAX_NOTE_BYTES: usize = 4 << 20;

/// A work tree.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    root: PathBuf,
}

/// Where a line of a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlamedLine {
    /// The commit, in hexadecimal digits; `None` where the line is not committed.
    pub(crate) commit: Option<String>,
    /// The file in that commit, from the root of the work tree.
    pub(crate) path: String,
    /// The line there, from 1.
    pub(crate) line: usize,
}

/// One step of a branch: a commit on it, or the merge of another branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The commit.
    pub(crate) commit: String,
    /// Its parents; the first is the step before.
    pub(crate) parents: Vec<String>,
    /// The files that differ from that.
    pub(crate) files: Vec<String>,
}

impl Git {
    /// The work tree that a file or folder is in.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let folder = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let root = super::work_tree(&std::path::absolute(folder)?.join("-"));
        let none = || match super::unopened(folder) {
            Some(why) => format!(
                "the repository of {} cannot be opened: {why}; see with `git config --list --show-origin` what sets that",
                folder.display()
            ),
            None => format!("{} is in no work tree of git", path.display()),
        };
        Ok(Self { root: root.with_context(none)? })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What git prints.
    pub(crate) fn read(&self, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut process = Command::new("git")
            // Whoever works here must not find the index locked by somebody who only looks.
            .arg("--no-optional-locks")
            .arg("-C")
            .arg(&self.root)
            // What a user has set up for reading must not change what programs read.
            .args(["-c", "core.quotePath=false", "-c", "color.ui=false", "-c", "blame.ignoreRevsFile="])
            .args(arguments)
            // Git tells its hooks which repository is meant, and here it is the one of the work tree.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_COMMON_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("git cannot be run; is it installed?")?;
        let stdin = process.stdin.take();
        let input = input.to_vec();
        // Beside, for git writes before it has read everything.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let output = process.wait_with_output()?;
        let _ = writer.join();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`git {}` failed: {}", arguments.join(" "), said.trim());
        }
        Ok(output.stdout)
    }

    fn text(&self, arguments: &[&str], input: &[u8]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.read(arguments, input)?).into_owned())
    }

    /// Where each line of a text comes from that a file has or is about to have.
    pub(crate) fn blame(&self, file: &Path, text: &str) -> anyhow::Result<Vec<BlamedLine>> {
        let name = self.relative(file)?;
        let printed = self.read(&["blame", "--porcelain", "--contents", "-", "--", &name], text.as_bytes())?;
        Ok(blamed(&printed, &name))
    }

    /// The same as the file is in a commit; a line that was moved or copied comes from where it was before.
    pub(crate) fn blame_at(&self, commit: &str, path: &str) -> anyhow::Result<Vec<BlamedLine>> {
        let printed = self.read(&["blame", "--porcelain", "-M", "-C", "-C", commit, "--", path], b"")?;
        Ok(blamed(&printed, path))
    }

    /// Files that are not as they were committed, those that git does not know yet included.
    pub(crate) fn changed(&self) -> anyhow::Result<Vec<String>> {
        let printed = self.text(&["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"], b"")?;
        Ok(printed.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect())
    }

    /// A file's name from the root of the work tree.
    pub(crate) fn relative(&self, file: &Path) -> anyhow::Result<String> {
        let absolute = std::path::absolute(file)?;
        let real = absolute.canonicalize().unwrap_or(absolute);
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let relative =
            real.strip_prefix(&root).with_context(|| format!("{} is outside of the work tree", file.display()))?;
        Ok(relative.to_string_lossy().replace('\\', "/"))
    }

    /// The notes of commits, by commit.
    pub(crate) fn notes<'c>(
        &self,
        commits: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<HashMap<String, String>> {
        self.notes_of(&self.noted(), commits)
    }

    /// The commits that have a note, each with what names that.
    pub(crate) fn noted(&self) -> HashMap<String, String> {
        let listed = self.text(&["notes", "--ref", NOTES, "list"], b"").unwrap_or_default();
        let entry = |line: &str| line.split_once(' ').map(|(note, commit)| (commit.to_owned(), note.to_owned()));
        listed.lines().filter_map(entry).collect()
    }

    /// The same as [`Self::notes`], where it is known already which commits have one.
    pub(crate) fn notes_of<'c>(
        &self,
        noted: &HashMap<String, String>,
        commits: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<HashMap<String, String>> {
        let wanted: BTreeMap<&str, &str> =
            commits.into_iter().filter_map(|commit| Some((commit, noted.get(commit)?.as_str()))).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let input: String = wanted.values().flat_map(|note| [*note, "\n"]).collect();
        let printed = self.read(&["cat-file", "--batch"], input.as_bytes())?;
        let mut rest = printed.as_slice();
        let mut found = HashMap::new();
        for commit in wanted.keys() {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let Some(size) =
                head.strip_suffix(" missing").is_none().then(|| head.rsplit(' ').next()?.parse().ok()).flatten()
            else {
                continue;
            };
            let size: usize = size;
            let Some(body) = rest.get(..size) else { break };
            let body = &body[..size.min(MAX_NOTE_BYTES)];
            found.insert((*commit).to_owned(), String::from_utf8_lossy(body).into_owned());
            rest = rest.get(size + 1..).unwrap_or_default();
        }
        Ok(found)
    }

    /// All notes.
    pub(crate) fn all_notes(&self) -> anyhow::Result<Vec<String>> {
        let noted = self.noted();
        Ok(self.notes_of(&noted, noted.keys().map(String::as_str))?.into_values().collect())
    }

    /// The messages of commits, by commit.
    pub(crate) fn messages<'c>(
        &self,
        commits: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<HashMap<String, String>> {
        let mut input: Vec<&str> = commits.into_iter().collect();
        input.sort_unstable();
        input.dedup();
        if input.is_empty() {
            return Ok(HashMap::new());
        }
        let printed =
            self.text(&["log", "--no-walk=unsorted", "--stdin", "--format=%H%n%B%x00"], input.join("\n").as_bytes())?;
        let commits = printed.split('\0').filter_map(|commit| commit.trim_start().split_once('\n'));
        Ok(commits.map(|(commit, message)| (commit.to_owned(), message.to_owned())).collect())
    }

    /// The commit that a name stands for.
    pub(crate) fn commit(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.text(&["rev-parse", "--verify", &format!("{name}^{{commit}}")], b"")?.trim().to_owned())
    }

    /// Commits by name or range, the newest first, each with its time in seconds since 1970.
    pub(crate) fn commits(&self, range: &str, most: usize) -> anyhow::Result<Vec<(String, i64)>> {
        let most = format!("--max-count={most}");
        self.timed(&[&most, "--end-of-options", range, "--"])
    }

    /// The commits of the line of first parents that leads to one, the newest first, each with its time in seconds since 1970.
    pub(crate) fn first_parents(&self, tip: &str) -> anyhow::Result<Vec<(String, i64)>> {
        self.timed(&["--first-parent", "--end-of-options", tip, "--"])
    }

    /// Those of them that come after a commit, the oldest first, each with its parents and the files that are not as in the first of
    /// these.
    pub(crate) fn steps(&self, after: &str, tip: &str) -> anyhow::Result<Vec<Step>> {
        let options = ["rev-list", "--first-parent", "--parents", "--reverse", tip];
        let listed = self.text(&[options.as_slice(), &[&format!("^{after}")]].concat(), b"")?;
        let step = |line: &str| {
            let mut commits = line.split(' ').map(str::to_owned);
            Some(Step { commit: commits.next()?, parents: commits.collect(), files: Vec::new() })
        };
        let mut steps: Vec<Step> = listed.lines().filter_map(step).collect();
        // Each with the parent that it is to be compared with.
        let pairs = steps.iter().filter_map(|step| Some(format!("{} {}\n", step.commit, step.parents.first()?)));
        let pairs: String = pairs.collect();
        let options = ["diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames"];
        let printed = self.text(&options, pairs.as_bytes())?;
        let by_name: HashMap<String, usize> =
            steps.iter().enumerate().map(|(index, step)| (step.commit.clone(), index)).collect();
        let mut current = None;
        for name in printed.split('\0') {
            // With `-z` a commit stands on a line of its own before the names.
            if let Some(index) = by_name.get(name.trim_start_matches('\n').trim_end_matches('\n')) {
                current = Some(*index);
            } else if let Some(step) = current.and_then(|index| steps.get_mut(index)).filter(|_| !name.is_empty()) {
                step.files.push(name.to_owned());
            }
        }
        Ok(steps)
    }

    fn timed(&self, what: &[&str]) -> anyhow::Result<Vec<(String, i64)>> {
        let printed = self.text(&[&["log", "--format=%H %ct"], what].concat(), b"")?;
        let commits = printed.lines().filter_map(|line| line.split_once(' '));
        Ok(commits.filter_map(|(commit, time)| Some((commit.to_owned(), time.parse().ok()?))).collect())
    }

    /// The commits of a branch that another commit does not come after, the oldest first.
    pub(crate) fn commits_of(&self, branch: &str, but: &str) -> anyhow::Result<Vec<String>> {
        let branch = self.commit(branch)?;
        let printed =
            self.text(&["rev-list", "--reverse", "--topo-order", "--no-merges", &branch, "--not", but], b"")?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// The best common ancestor of two commits.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        let found = self.text(&["merge-base", one, other], b"").ok()?;
        Some(found.trim().to_owned()).filter(|found| !found.is_empty())
    }

    /// The files that differ between two commits; a file that was renamed is gone in one place and new in another.
    pub(crate) fn changed_between(&self, from: &str, to: &str) -> anyhow::Result<Vec<String>> {
        let printed = self.read(&["diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to, "--"], b"")?;
        let names = printed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let name = |name: &[u8]| -> anyhow::Result<String> {
            let refused =
                |why: &str| format!("the name of the file {:?} {why}; rename it", String::from_utf8_lossy(name));
            let text = std::str::from_utf8(name);
            let text = text.with_context(|| refused("is no UTF-8, so nobody can say what is in it"))?;
            if text.contains(char::is_control) {
                bail!(refused(
                    "has a line break or another control character, so what is said of it could be mistaken"
                ));
            }
            Ok(text.to_owned())
        };
        names.map(name).collect()
    }

    /// The commits that come after one and not after another, the newest first, merges included; each with the files that it
    /// changed against any of its parents.
    pub(crate) fn commits_between(&self, from: &str, to: &str) -> anyhow::Result<Vec<(String, Vec<String>)>> {
        let listed = self.text(&["rev-list", "--topo-order", to, &format!("^{from}")], b"")?;
        let mut commits: Vec<(String, Vec<String>)> =
            listed.lines().map(|commit| (commit.to_owned(), Vec::new())).collect();
        let by_name: HashMap<String, usize> =
            commits.iter().enumerate().map(|(index, (commit, _))| (commit.clone(), index)).collect();
        let options = ["diff-tree", "--stdin", "-r", "-m", "-z", "--root", "--name-only", "--no-renames"];
        let printed = self.text(&options, listed.as_bytes())?;
        let mut current = None;
        for name in printed.split('\0') {
            // With `-z` a commit stands on a line of its own before the names.
            if let Some(index) = by_name.get(name.trim_start_matches('\n').trim_end_matches('\n')) {
                current = Some(*index);
            } else if let Some((_, files)) = current.and_then(|index| commits.get_mut(index))
                && !name.is_empty()
                && !files.iter().any(|known| known == name)
            {
                files.push(name.to_owned());
            }
        }
        Ok(commits)
    }

    /// The e-mail addresses of those who wrote commits, by commit.
    pub(crate) fn authors<'c>(
        &self,
        commits: impl IntoIterator<Item = &'c str>,
    ) -> anyhow::Result<HashMap<String, String>> {
        let input: Vec<&str> = commits.into_iter().collect();
        if input.is_empty() {
            return Ok(HashMap::new());
        }
        let printed =
            self.text(&["log", "--no-walk=unsorted", "--stdin", "--format=%H %ae"], input.join("\n").as_bytes())?;
        let lines = printed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.map(|(commit, email)| (commit.to_owned(), email.to_owned())).collect())
    }

    /// Of some commits those whose note was changed or taken away since it was first written, as far as the history of the notes
    /// says so.
    pub(crate) fn with_rewritten_notes(&self, commits: &[String]) -> anyhow::Result<HashSet<String>> {
        let exists = self.read(&["rev-parse", "--verify", "--quiet", NOTES], b"").is_ok();
        if commits.is_empty() || !exists {
            return Ok(HashSet::new());
        }
        // git spreads notes over folders as they become many.
        let spread = |commit: &String| [commit.clone(), format!("{}/{}", &commit[..2], &commit[2..])];
        let mut arguments = vec!["log", "--format=", "--raw", "-z", "-m", "--no-renames", "--no-abbrev", NOTES, "--"];
        let paths: Vec<String> = commits.iter().filter(|commit| commit.len() > 2).flat_map(spread).collect();
        arguments.extend(paths.iter().map(String::as_str));
        let printed = self.text(&arguments, b"")?;
        let mut contents: HashMap<String, BTreeSet<&str>> = HashMap::new();
        let mut fields = printed.split('\0');
        while let Some(head) = fields.next() {
            // `:100644 100644 <old> <new> M`, and then the path.
            let words: Vec<&str> = head.trim_start_matches('\n').split(' ').collect();
            let (Some(new), true) = (words.get(3), head.contains(':')) else { continue };
            let Some(path) = fields.next() else { break };
            contents.entry(path.replace('/', "")).or_default().insert(new);
        }
        Ok(contents.into_iter().filter(|(_, contents)| contents.len() > 1).map(|(commit, _)| commit).collect())
    }

    /// The value of a setting of git.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        let value = self.text(&["config", "--get", name], b"").ok()?;
        Some(value.trim_end_matches('\n').to_owned()).filter(|value| !value.is_empty())
    }

    /// The same of one that names a path, in which `~` stands for the home folder.
    pub(crate) fn path_setting(&self, name: &str) -> Option<String> {
        let value = self.text(&["config", "--type=path", "--get", name], b"").ok()?;
        Some(value.trim_end_matches('\n').to_owned()).filter(|value| !value.is_empty())
    }

    /// The lines that a commit added, by file: those that none of its parents has.
    pub(crate) fn added(&self, commit: &str) -> anyhow::Result<BTreeMap<String, Vec<Range<usize>>>> {
        let parents = self.text(&["rev-list", "--parents", "--max-count=1", commit], b"")?;
        let mut parents = parents.split_whitespace().skip(1);
        let Some(first) = parents.next() else { return self.added_to(&["--root", commit]) };
        let mut added = self.added_to(&[first, commit])?;
        for parent in parents {
            let other = self.added_to(&[parent, commit])?;
            for (path, ranges) in &mut added {
                let is_new =
                    |line: &usize| other.get(path).is_some_and(|other| other.iter().any(|it| it.contains(line)));
                *ranges = ranges.iter().cloned().flatten().filter(is_new).map(|line| line..line + 1).collect();
            }
        }
        added.retain(|_, ranges| !ranges.is_empty());
        Ok(added)
    }

    /// The lines that a difference adds, by file.
    fn added_to(&self, between: &[&str]) -> anyhow::Result<BTreeMap<String, Vec<Range<usize>>>> {
        const OPTIONS: &[&str] = &[
            "diff-tree",
            "-p",
            "-M",
            "--unified=0",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-commit-id",
            "--src-prefix=a/",
            "--dst-prefix=b/",
        ];
        let printed = self.text(&[OPTIONS, between].concat(), b"")?;
        let mut added: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
        let (mut file, mut left) = (None, 0);
        for line in printed.lines() {
            // Lines of the texts look like anything.
            if left > 0 {
                left -= usize::from(line.starts_with(['+', '-']));
                continue;
            }
            if let Some(name) = line.strip_prefix("+++ ") {
                file = name.strip_prefix("b/").map(|name| name.trim_end_matches('\t').to_owned());
            } else if let Some(hunk) = line.strip_prefix("@@ -")
                && let Some((old, rest)) = hunk.split_once(" +")
                && let Some((new, _)) = rest.split_once(" @@")
            {
                let count = |range: &str| match range.split_once(',') {
                    Some((start, count)) => Some((start.parse::<usize>().ok()?, count.parse::<usize>().ok()?)),
                    None => Some((range.parse().ok()?, 1)),
                };
                let (Some((_, removed)), Some((start, count))) = (count(old), count(new)) else { continue };
                left = removed + count;
                if let Some(file) = &file
                    && count > 0
                {
                    added.entry(file.clone()).or_default().push(start..start + count);
                }
            }
        }
        Ok(added)
    }

    /// The text of a file in a commit.
    pub(crate) fn show(&self, commit: &str, path: &str) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.blob(commit, path)?).into_owned())
    }

    /// The content of a file in a commit, or in the index where none is named.
    pub(crate) fn blob(&self, commit: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        self.read(&["cat-file", "blob", &format!("{commit}:{path}")], b"")
    }

    /// Whether git is in the middle of picking commits.
    pub(crate) fn is_rebasing(&self) -> bool {
        super::git_folder(&self.root.join("-"))
            .is_some_and(|folder| folder.join("rebase-merge").exists() || folder.join("rebase-apply").exists())
    }

    /// Fetches the notes of a remote, joins them with those that are here, and pushes them.
    pub(crate) fn push_notes(&self, remote: &str) -> anyhow::Result<()> {
        let theirs = format!("refs/notes/ai-remote/{remote}");
        // A remote without notes has nothing to fetch.
        if self.read(&["fetch", "--quiet", "--no-tags", remote, &format!("+{NOTES}:{theirs}")], b"").is_ok() {
            self.read(&["notes", "--ref", NOTES, "merge", "--quiet", "--strategy", "ours", &theirs], b"")?;
        }
        if self.read(&["rev-parse", "--verify", "--quiet", NOTES], b"").is_ok() {
            self.read(&["push", "--quiet", "--no-verify", remote, &format!("{NOTES}:{NOTES}")], b"")?;
        }
        Ok(())
    }

    /// Writes the note of a commit in place of the one that it has.
    pub(crate) fn write_note(&self, commit: &str, note: &str) -> anyhow::Result<()> {
        self.read(&["notes", "--ref", NOTES, "add", "-f", "-F", "-", commit], note.as_bytes()).map(drop)
    }
}

/// What `git blame --porcelain` prints of the lines of a file.
fn blamed(printed: &[u8], name: &str) -> Vec<BlamedLine> {
    // A commit's file is named once, and again where its lines come from several.
    let mut paths: HashMap<String, String> = HashMap::new();
    let mut lines: Vec<BlamedLine> = Vec::new();
    for line in printed.split(|byte| *byte == b'\n') {
        // The text of a line comes behind a tab, and its head before.
        if line.first() == Some(&b'\t') {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if first == "filename" {
            let path = line["filename ".len()..].to_owned();
            if let Some(last) = lines.last_mut() {
                last.path.clone_from(&path);
                paths.insert(last.commit.clone().unwrap_or_default(), path);
            }
        } else if first.len() >= 40 && first.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let commit = Some(first.to_owned()).filter(|commit| commit.bytes().any(|byte| byte != b'0'));
            let path = paths.get(commit.as_deref().unwrap_or_default()).cloned().unwrap_or_else(|| name.to_owned());
            lines.push(BlamedLine { commit, path, line: second.parse().unwrap_or_default() });
        }
    }
    lines
}
