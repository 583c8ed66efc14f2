//! `countersign note`: who wrote the lines of a commit, as a note on it; called by the hooks that `countersign init --git`
//! sets up.

use super::print;
use crate::attribution;
use crate::git::{self, BlamedLine, Git};
use crate::git_ai;
use crate::state::Store;
use anyhow::Context;
use clap::Args;
use countersign_provenance::git_ai::{AgentId, Entry, FileEntry, IndexedNote, Key, LineRange, Note, Record};
use countersign_provenance::{Agent, Origin, Writer, line_origins, same_lines, sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::ops::Range;
use std::process::ExitCode;

/// Lines that have to be new and of unknown origin before it is looked whether they were moved here.
const MOVED_LINES: usize = 3;

/// Bytes of a hook's input that are read.
const MAX_INPUT: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct NoteArguments {
    /// The commit.
    #[arg(default_value = "HEAD")]
    commit: String,
    /// Print the note and do not write it.
    #[arg(long)]
    dry_run: bool,
    /// Carry the notes of commits over to those that took their place, which standard input names as git's `post-rewrite`
    /// hook is told them: `OLD NEW` a line.
    #[arg(long, conflicts_with_all = ["commit", "push"])]
    rewritten: bool,
    /// Carry the notes of the commits of a branch over to the one commit that they were squashed into, as a server does
    /// when it merges a pull request.
    #[arg(long, value_name = "BRANCH", conflicts_with_all = ["rewritten", "push"])]
    squashed: Option<String>,
    /// Fetch the notes of a remote, join them with those that are here, and push them.
    #[arg(long, value_name = "REMOTE", conflicts_with_all = ["commit", "dry_run"])]
    push: Option<String>,
}

pub(super) fn run(arguments: &NoteArguments) -> anyhow::Result<ExitCode> {
    let git = Git::of(&std::env::current_dir()?)?;
    if let Some(remote) = &arguments.push {
        return git.push_notes(remote).map(|()| ExitCode::SUCCESS);
    }
    // Two that write the same note would lose each other's lines.
    if git_ai::program().is_some() && !arguments.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let notes = match &arguments.squashed {
        Some(branch) => {
            let new = git.commit(&arguments.commit)?;
            let olds = git.commits_of(branch, &new)?;
            rewritten(&git, BTreeMap::from([(new, olds)]))?
        }
        None if arguments.rewritten => rewritten(&git, told()?)?,
        None => committed(&git, &arguments.commit)?.into_iter().collect(),
    };
    for (commit, note) in notes {
        let text = note.write();
        if arguments.dry_run {
            print(&format!("{text}\n"))?;
        } else {
            git.write_note(&commit, &text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The note of a commit, from what was recorded of its files and from the note that it has.
fn committed(git: &Git, name: &str) -> anyhow::Result<Option<(String, Note)>> {
    // While commits are picked one after the other, the files are not what is committed; `post-rewrite` comes after that.
    if git.is_rebasing() {
        return Ok(None);
    }
    let commit = git.commit(name)?;
    let author = git::author(&git.root().join("-"));
    let store = Store::default();
    let before = git.notes([commit.as_str()])?.remove(&commit);
    let mut made = Making::new(&commit, before, author, super::ledger::head(git));
    let added = git.added(&commit)?;
    for (path, added) in &added {
        // What is no text has no lines.
        let Ok(text) = git.show(&commit, path) else { continue };
        let regions = attribution::of(&store, &git.root().join(path), &text);
        let owners = line_origins(&text, &regions);
        for line in added.iter().cloned().flatten() {
            if let Some(origin) = line.checked_sub(1).and_then(|index| owners.get(index)).copied().flatten() {
                made.add(path, line, origin);
            }
        }
    }
    // What was there before has its writer from there: what is picked from another branch, brought back by a revert, or
    // moved from one file to another.
    if let Ok(picked) = git.commit("CHERRY_PICK_HEAD") {
        if let Some(note) = git.notes([picked.as_str()])?.get(&picked) {
            made.carry(git, &picked, &Note::read(note).note, &commit, &added);
        }
    } else if let Some(reverted) = git.messages([commit.as_str()])?.get(&commit).and_then(|message| reverted(message))
        && let Ok(before) = git.commit(&format!("{reverted}^"))
    {
        made.carry_from(git, &before, &commit, &added)?;
    }
    made.carry_moved(git, &commit, &added)?;
    Ok(made.finish().map(|note| (commit, note)))
}

/// The commit that a message says is reverted, as git itself puts it.
fn reverted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("This reverts commit ")?;
    let id = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    (id.len() >= 40).then_some(id)
}

/// The commits that took the place of others, with those, as standard input tells them.
fn told() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut input = String::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut input).context("standard input cannot be read")?;
    let mut olds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in input.lines() {
        let mut words = line.split_whitespace();
        if let (Some(old), Some(new)) = (words.next(), words.next())
            && old != new
        {
            olds.entry(new.to_owned()).or_default().push(old.to_owned());
        }
    }
    Ok(olds)
}

/// The notes of commits that took the place of others, the oldest first. A line keeps its writer where the new commit adds
/// the very line.
fn rewritten(git: &Git, olds: BTreeMap<String, Vec<String>>) -> anyhow::Result<Vec<(String, Note)>> {
    let known = git.notes(olds.keys().chain(olds.values().flatten()).map(String::as_str))?;
    let head = super::ledger::head(git);
    let mut notes = Vec::new();
    for (new, olds) in olds {
        let mut made = Making::new(&new, known.get(&new).cloned(), None, head.clone());
        // A note that git itself has copied counts lines of the old commit.
        if olds.iter().any(|old| known.get(old).is_some_and(|note| made.is_copy_of(note))) {
            made = Making { note: Note { base_commit: Some(new.clone()), ..Note::default() }, ..made };
            made.known.clear();
        }
        let added = git.added(&new)?;
        // What came last is what stands there.
        for old in olds.iter().rev() {
            if let Some(note) = known.get(old) {
                made.carry(git, old, &Note::read(note).note, &new, &added);
            }
        }
        // Without anything that could be carried over, a copy that git made says something wrong.
        let note = made.finish().unwrap_or_else(|| Note { base_commit: Some(new.clone()), ..Note::default() });
        notes.push((new, note));
    }
    Ok(notes)
}

/// Lines by file.
type Added = BTreeMap<String, Vec<Range<usize>>>;

/// A note that is being made.
struct Making {
    note: Note,
    commit: String,
    author: Option<String>,
    /// Lines of which the writer is known.
    known: HashSet<(String, u32)>,
    lines: BTreeMap<String, BTreeMap<Key, Vec<LineRange>>>,
    /// The note that was there.
    before: Option<String>,
    /// The head of the ledger, which the note anchors.
    head: Option<serde_json::Value>,
}

impl Making {
    /// Starts from the note that a commit has, if it has one.
    fn new(commit: &str, before: Option<String>, author: Option<String>, head: Option<serde_json::Value>) -> Self {
        let mut note = before.as_deref().map(|before| Note::read(before).note).unwrap_or_default();
        note.base_commit = Some(commit.to_owned());
        let known = lines_of(&note).map(|(path, line, _)| (path.to_owned(), line)).collect();
        Self { note, commit: commit.to_owned(), author, known, lines: BTreeMap::new(), before, head }
    }

    fn is_copy_of(&self, note: &str) -> bool {
        self.before.as_deref().is_some_and(|before| before.trim_end() == note.trim_end())
    }

    fn add(&mut self, path: &str, line: usize, origin: &Origin) {
        let Ok(line) = u32::try_from(line) else { return };
        let unknown = Agent { tool: "unknown".to_owned(), ..Agent::default() };
        let key = match &origin.writer {
            Writer::Disputed(_) if !origin.is_ai() => return,
            // Which AI tool it was is not known.
            writer @ (Writer::Ai(_) | Writer::Disputed(_)) => {
                let agent = if let Writer::Ai(agent) = writer { agent } else { &unknown };
                // Without a name of its own, a conversation is one a commit.
                let conversation = agent.session.clone().unwrap_or_else(|| self.commit.clone());
                let trace = sha256(&format!("{}\n{path}", self.commit));
                let key = Key::session(&agent.tool, &conversation, &trace[..14]);
                if let Key::Session { session, .. } = &key {
                    self.note.sessions.entry(session.clone()).or_insert_with(|| Record {
                        agent: AgentId {
                            tool: agent.tool.clone(),
                            id: conversation,
                            model: agent.model.clone().unwrap_or_else(|| "unknown".to_owned()),
                        },
                        human_author: self.author.clone(),
                        ..Record::default()
                    });
                }
                key
            }
            Writer::Human => {
                let Some(author) = &self.author else { return };
                let key = Key::human(author);
                if let Key::Human(name) = &key {
                    self.note.humans.insert(name.clone(), author.clone());
                }
                key
            }
        };
        self.push(path, line, key);
    }

    fn push(&mut self, path: &str, line: u32, key: Key) {
        if self.known.insert((path.to_owned(), line)) {
            let ranges = self.lines.entry(path.to_owned()).or_default().entry(key).or_default();
            ranges.push(LineRange { first: line, last: line });
        }
    }

    /// Takes over what the note of another commit says of lines that this one adds.
    fn carry(&mut self, git: &Git, old: &str, note: &Note, new: &str, added: &Added) {
        for (path, ranges) in added {
            // A file that has got another name meanwhile stands under the one that its lines are found in.
            let Ok(after) = git.show(new, path) else { continue };
            let said: Vec<_> = lines_of(note).filter(|(of, _, _)| of == path).collect();
            let Ok(before) = git.show(old, path) else { continue };
            let now: HashMap<usize, usize> = same_lines(&before, &after).into_iter().collect();
            for (_, line, key) in said {
                let Some(line) = usize::try_from(line).ok().and_then(|line| now.get(&(line - 1))) else { continue };
                let line = line + 1;
                if ranges.iter().any(|range| range.contains(&line))
                    && let Ok(line) = u32::try_from(line)
                {
                    self.push(path, line, key.clone());
                }
            }
        }
        self.learn(note);
    }

    /// Takes over what the history of another commit says of lines that this one adds.
    fn carry_from(&mut self, git: &Git, old: &str, new: &str, added: &Added) -> anyhow::Result<()> {
        for (path, ranges) in added {
            let (Ok(before), Ok(after)) = (git.show(old, path), git.show(new, path)) else { continue };
            let blamed = git.blame_at(old, path)?;
            let is_added = |line: usize| ranges.iter().any(|range| range.contains(&line));
            let same = same_lines(&before, &after).into_iter().filter(|(_, now)| is_added(now + 1));
            let lines = same.filter_map(|(then, now)| Some((now + 1, blamed.get(then)?.clone())));
            self.take_over(git, path, lines.collect())?;
        }
        Ok(())
    }

    /// Takes over what is known of lines that were moved here from elsewhere.
    fn carry_moved(&mut self, git: &Git, commit: &str, added: &Added) -> anyhow::Result<()> {
        for (path, ranges) in added {
            let unknown =
                |line: &usize| u32::try_from(*line).is_ok_and(|line| !self.known.contains(&(path.clone(), line)));
            let unknown: Vec<usize> = ranges.iter().cloned().flatten().filter(unknown).collect();
            // One line or two may be anybody's.
            if unknown.len() < MOVED_LINES {
                continue;
            }
            let blamed = git.blame_at(commit, path)?;
            let from = |line: &usize| blamed.get(line.checked_sub(1)?).cloned();
            let lines = unknown.iter().filter_map(|line| Some((*line, from(line)?)));
            let moved = lines.filter(|(_, from)| from.commit.as_deref().is_some_and(|from| from != commit));
            self.take_over(git, path, moved.collect())?;
        }
        Ok(())
    }

    /// Takes over what notes say of the lines where these come from.
    fn take_over(&mut self, git: &Git, path: &str, lines: Vec<(usize, BlamedLine)>) -> anyhow::Result<()> {
        let notes = git.notes(lines.iter().filter_map(|(_, from)| from.commit.as_deref()))?;
        let indexed = |(commit, note): (String, String)| (commit, IndexedNote::new(Note::read(&note).note));
        let notes: HashMap<String, IndexedNote> = notes.into_iter().map(indexed).collect();
        for (line, from) in lines {
            let commit = from.commit.as_deref().unwrap_or_default();
            let Some(note) = notes.get(commit) else { continue };
            let (Ok(line), Ok(then)) = (u32::try_from(line), u32::try_from(from.line)) else { continue };
            if let Some(entry) = note.at(&from.path, then).first() {
                self.push(path, line, entry.key.clone());
                self.learn(note.note());
            }
        }
        Ok(())
    }

    /// What the keys of another note stand for.
    fn learn(&mut self, note: &Note) {
        for (session, record) in &note.sessions {
            self.note.sessions.entry(session.clone()).or_insert_with(|| record.clone());
        }
        for (key, record) in &note.prompts {
            self.note.prompts.entry(key.clone()).or_insert_with(|| record.clone());
        }
        for (key, author) in &note.humans {
            self.note.humans.entry(key.clone()).or_insert_with(|| author.clone());
        }
    }

    /// The note, where it says anything. What it says of nobody's lines is left out.
    fn finish(mut self) -> Option<Note> {
        for (path, entries) in std::mem::take(&mut self.lines) {
            let entries = entries.into_iter().map(|(key, ranges)| Entry { key, ranges }).collect();
            self.note.files.push(FileEntry { path, entries });
        }
        let keys: HashSet<String> = self
            .note
            .files
            .iter()
            .flat_map(|file| &file.entries)
            .map(|entry| match &entry.key {
                Key::Session { session, .. } => session.clone(),
                key => key.to_string(),
            })
            .collect();
        self.note.sessions.retain(|key, _| keys.contains(key));
        self.note.prompts.retain(|key, _| keys.contains(key));
        self.note.humans.retain(|key, _| keys.contains(key));
        if let Some(head) = std::mem::take(&mut self.head) {
            self.note.more.insert(super::ledger::ANCHOR.to_owned(), head);
        }
        (!self.note.files.is_empty()).then(|| self.note.normalised())
    }
}

/// Every line that a note names, with its file and key.
fn lines_of(note: &Note) -> impl Iterator<Item = (&str, u32, &Key)> {
    note.files.iter().flat_map(|file| {
        file.entries.iter().flat_map(move |entry| {
            let lines = entry.ranges.iter().flat_map(|range| range.first..=range.last);
            lines.map(move |line| (file.path.as_str(), line, &entry.key))
        })
    })
}
