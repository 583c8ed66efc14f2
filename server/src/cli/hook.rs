//! `countersign hook`: what a coding agent says before and after it uses a tool.
//!
//! Before, it is answered in the agent's own words whether that may be (`crate::proposal`). Before and after, it is recorded
//! who wrote what. Whatever goes wrong here is said on standard error, and the agent goes on unless the policy says otherwise.

use crate::approvals::{self, Admission};
use crate::attribution;
use crate::disk;
use crate::git_ai;
use crate::proposal::{self, Judgement};
use crate::record::{self, Kind, Unmatched};
use crate::spool;
use crate::state::Store;
use crate::watch;
use countersign_agents::{Action, AgentKind, Answer, Call, Change, Edit, MAX_PAYLOAD_BYTES, Moment, Reply};
use countersign_policy::Verdict;
use countersign_provenance::{Agent, Origin, Regions, Saved, Step, after_agent, before_agent};
use countersign_text::{Encoding, LinePosition, Text};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of a transcript that are searched from its end for the model.
const TRANSCRIPT_BYTES: u64 = 256 << 10;

/// Files of one call that are looked at.
const MAX_FILES: usize = 1_000;

/// Answers what a hook says on standard input, and records it.
pub(super) fn run(agent: AgentKind) -> ExitCode {
    let mut payload = Vec::new();
    let limit = u64::try_from(MAX_PAYLOAD_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let said = std::io::stdin().lock().take(limit).read_to_end(&mut payload);
    let call = match said {
        Ok(_) => countersign_agents::read(agent, &payload).map_err(|refusal| refusal.to_string()),
        Err(error) => Err(format!("standard input cannot be read: {error}")),
    };
    let (reply, problems) = match call {
        Ok(call) => {
            let judgement = proposal::judge(&call);
            let store = Store::default();
            let mut problems = Vec::new();
            problems.extend(watch::look(&store, &watch::place(&call), None).err());
            let (answer, is_let_through) = match &judgement {
                Some(judgement) => answer(&store, &call, judgement, &mut problems),
                None => (Answer::Pass, false),
            };
            let is_denied = matches!(answer, Answer::Deny(_));
            // What people let through is nothing strange.
            if let Some(judgement) = judgement.as_ref().filter(|_| !is_let_through) {
                problems.extend(log_answer(&store, &call, judgement, &answer).err());
                problems.extend(watch::decided(&store, &call, judgement, is_denied).err());
            }
            problems.extend(judgement.into_iter().flat_map(|judgement| judgement.unjudged));
            // Also of what is denied: it may come about all the same, by a person's will or where an agent does not listen.
            problems.extend(record(&store, &call, is_denied));
            problems.extend(log_done(&store, &call).err());
            // Where a tool has run already there is nothing to answer.
            let is_asked = matches!(call.moment, Moment::Before | Moment::Start);
            (is_asked.then(|| answer.reply(call.agent, call.event.as_deref())), problems)
        }
        Err(why) => (Some(proposal::unreadable(&why).reply(agent, None)), vec![why]),
    };
    for problem in problems {
        let _ = writeln!(std::io::stderr(), "countersign hook {agent}: {problem}");
    }
    reply.map_or(ExitCode::SUCCESS, |reply| say(&reply))
}

/// What an agent is answered, and whether that is because people have approved what would be denied.
fn answer(store: &Store, call: &Call, judgement: &Judgement, problems: &mut Vec<String>) -> (Answer, bool) {
    let more = |text: String, more: &str| format!("{text}\n{more}");
    match (judgement.answer(), approvals::admit(store, call, judgement, problems)) {
        (_, Some(Admission::Through(note))) => (Answer::Tell(note), true),
        (Answer::Deny(text), Some(Admission::Stays(why))) => (Answer::Deny(more(text, &why)), false),
        // Whoever is asked decides at once.
        (answer, _) => (answer, false),
    }
}

/// Adds to the ledger that something was denied, asked about, or has to be reviewed.
fn log_answer(store: &Store, call: &Call, judgement: &Judgement, answer: &Answer) -> Result<(), String> {
    let answered = match answer {
        Answer::Deny(_) => "deny",
        Answer::Ask(_) => "ask",
        _ if judgement.verdict() < Verdict::Review => return Ok(()),
        Answer::Tell(_) => "tell",
        Answer::Pass => "pass",
    };
    let named = match &call.action {
        Action::Edits(edits) => edits.first().map(|edit| edit.path.as_path()),
        _ => None,
    };
    let file = disk::place(call.cwd.as_deref(), named.unwrap_or(Path::new("-")));
    let entry = record::answered(&file, call, judgement.verdict(), answered, &judgement.ids());
    record::append(store, &file, &[entry]).map_err(|error| error.to_string())
}

/// Adds to the ledger that a command was run or a tool called, whether or not anything stood in its way.
fn log_done(store: &Store, call: &Call) -> Result<(), String> {
    if !matches!(call.moment, Moment::After | Moment::Failed) {
        return Ok(());
    }
    let Some(operations) = proposal::done(call) else { return Ok(()) };
    let at = disk::place(call.cwd.as_deref(), Path::new("-"));
    let folder = at.parent().unwrap_or(&at);
    record::append(store, &at, &[record::ran(folder, call, &operations)]).map_err(|error| error.to_string())
}

/// Prints a reply, and gives its exit code.
fn say(reply: &Reply) -> ExitCode {
    let _ = std::io::stdout().write_all(reply.stdout.as_bytes());
    let _ = std::io::stderr().write_all(reply.stderr.as_bytes());
    ExitCode::from(reply.code)
}

/// Records a call and returns what could not be recorded.
fn record(store: &Store, call: &Call, is_denied: bool) -> Vec<String> {
    let key = format!(
        "{}\n{}\n{}",
        call.tool,
        call.session.as_deref().unwrap_or_default(),
        call.call.as_deref().unwrap_or_default()
    );
    let edits = match &call.action {
        Action::Edits(edits) => edits,
        Action::Command(command) => return record_command(store, call, &key, (command, is_denied)),
        Action::Tool { .. } | Action::Nothing => return Vec::new(),
    };
    let mut files: BTreeMap<PathBuf, Vec<&Change>> = BTreeMap::new();
    for Edit { path, change } in edits {
        files.entry(disk::place(call.cwd.as_deref(), path)).or_default().push(change);
    }
    let mut problems = Vec::new();
    if files.len() > MAX_FILES {
        problems.push(format!("the call edits {} files; who wrote what is recorded for {MAX_FILES}", files.len()));
    }
    let mut origin = None;
    for (path, changes) in files.iter().take(MAX_FILES) {
        let done = match call.moment {
            Moment::Before => before(store, path, &key, is_denied),
            Moment::After => after(store, path, &key, call, changes, origin.get_or_insert_with(|| origin_of(call))),
            Moment::Failed => {
                let _ = spool::take(store, path, &key);
                Ok(())
            }
            Moment::Start | Moment::Other => Ok(()),
        };
        if let Err(why) = done {
            problems.push(format!("{}: {why}", disk::display(path)));
        }
    }
    problems.extend(hand_over(call, files.into_keys(), origin.as_ref()).err());
    problems
}

/// Tells git-ai, where it is installed, what the agent is about to do or has done.
fn hand_over(call: &Call, files: impl Iterator<Item = PathBuf>, origin: Option<&Origin>) -> Result<(), String> {
    let Some(program) = git_ai::program() else { return Ok(()) };
    let files: Vec<PathBuf> = files.collect();
    let Some(root) = files.first().and_then(|file| crate::git::work_tree(file)) else { return Ok(()) };
    match (call.moment, origin) {
        (Moment::Before, _) => git_ai::before(&program, &root, &files),
        (Moment::After, Some(origin)) => git_ai::after(&program, &root, &files, origin),
        _ => Ok(()),
    }
}

/// Records what a shell command does to the files that it names. What it does to others is not known to be the agent's: a
/// person may work there at the same time.
fn record_command(store: &Store, call: &Call, key: &str, (command, is_denied): (&str, bool)) -> Vec<String> {
    let Some(folder) = call.cwd.clone().or_else(|| std::env::current_dir().ok()) else { return Vec::new() };
    let root = crate::git::work_tree(&folder.join("-")).unwrap_or(folder);
    let mut problems = Vec::new();
    let (files, _) = disk::files(std::slice::from_ref(&root), &disk::Configs::default());
    let named = files.iter().map(|(path, _)| path).filter(|path| is_named(command, path));
    let named: Vec<PathBuf> = named.take(MAX_FILES).map(|path| disk::place(None, path)).collect();
    // Stands for the moment before, with the files that were there: what was not, is new.
    let moment = root.join("-");
    match call.moment {
        Moment::Before => {
            let there = serde_json::to_string(&named).unwrap_or_default();
            let kept = keep(store, &moment, key, &there, is_denied);
            let kept = std::iter::once((&moment, kept))
                .chain(named.iter().map(|path| (path, before(store, path, key, is_denied))));
            for (path, kept) in kept {
                problems.extend(kept.err().map(|why| format!("{}: {why}", disk::display(path))));
            }
        }
        // A command that failed may have changed files all the same.
        Moment::After | Moment::Failed => {
            let there = spool::take(store, &moment, key);
            let Some(there) = there.and_then(|there| serde_json::from_str::<Vec<PathBuf>>(&there).ok()) else {
                return problems;
            };
            let origin = origin_of(call);
            for path in named {
                let found = spool::take(store, &path, key).or_else(|| (!there.contains(&path)).then(String::new));
                let Some(found) = found else { continue };
                let done = after_command(store, &path, &found, &origin);
                problems.extend(done.err().map(|why| format!("{}: {why}", disk::display(&path))));
            }
        }
        Moment::Start | Moment::Other => {}
    }
    problems
}

/// Whether a command names a file, by its name or by a pattern for all that end as it does.
fn is_named(command: &str, path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_word = |at: usize| {
        let before = command[..at].chars().next_back();
        let after = command[at + name.len()..].chars().next();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        !before.is_some_and(is_part) && !after.is_some_and(|c| is_part(c) && c != '.')
    };
    let pattern = path.extension().map(|extension| format!("*.{}", extension.to_string_lossy()));
    command.match_indices(&name).any(|(at, _)| is_word(at)) || pattern.is_some_and(|pattern| command.contains(&pattern))
}

/// Writes down who wrote what in a file that a command has changed.
fn after_command(store: &Store, path: &Path, found: &str, origin: &Origin) -> Result<(), String> {
    let done = store.alone(path, || {
        let Some(left) = disk::found(path)? else { return Ok(()) };
        // What git has was written before, whoever it was; what an editor saved meanwhile, a person did.
        if left == found || crate::git::has_text(path, &left) || spool::was_saved(store, path, &left) {
            return Ok(());
        }
        let known = attribution::of(store, path, found);
        let steps = [Step::Write(left.clone())];
        match after_agent(found, &known, &left, &steps, origin) {
            Some(regions) => {
                write(store, path, &left, &regions)?;
                log(store, path, &regions, origin)
            }
            None => Ok(()),
        }
    });
    done.map_err(|error| error.to_string())?
}

/// Keeps the text that the agent found.
fn before(store: &Store, path: &Path, key: &str, is_denied: bool) -> Result<(), String> {
    // The agent may make a new file.
    let text = disk::found(path)?.unwrap_or_default();
    keep(store, path, key, &text, is_denied)
}

/// Works out and writes down who wrote what in the text that the agent left.
fn after(
    store: &Store,
    path: &Path,
    key: &str,
    call: &Call,
    changes: &[&Change],
    origin: &Origin,
) -> Result<(), String> {
    let found = spool::take(store, path, key);
    let done = store.alone(path, || {
        let Some(left) = disk::found(path)? else { return moved(store, path, call, changes) };
        let mut steps = steps(changes, &left);
        // Some agents speak after the edit only.
        let found = found.or_else(|| {
            let found = before_place(&left, changes).or_else(|| before_agent(&left, &steps));
            steps = vec![Step::Write(left.clone())];
            found
        });
        let Some(found) = found else {
            return Err(unmatched(store, path, call, Unmatched::Before));
        };
        if found == left {
            return Ok(());
        }
        let known = attribution::of(store, path, &found);
        let Some(regions) = after_agent(&found, &known, &left, &steps, origin) else {
            return Err(unmatched(store, path, call, Unmatched::After));
        };
        write(store, path, &left, &regions)?;
        log(store, path, &regions, origin)
    });
    done.map_err(|error| error.to_string())?
}

/// Adds to the ledger that what an agent said counts for nothing, and says why.
fn unmatched(store: &Store, path: &Path, call: &Call, why: Unmatched) -> String {
    let entry = record::unmatched(path, &call.tool, why);
    match record::append(store, path, &[entry]) {
        Ok(()) => why.message().to_owned(),
        Err(error) => format!("{}; {error}", why.message()),
    }
}

/// Keeps a text until the agent says what it did, and adds to the ledger what no agent came back to.
fn keep(store: &Store, path: &Path, key: &str, text: &str, is_denied: bool) -> Result<(), String> {
    match spool::keep(store, path, key, text, is_denied).map_err(|error| error.to_string())? {
        0 => Ok(()),
        count => record::append(store, path, &[record::expired(path, count)]).map_err(|error| error.to_string()),
    }
}

/// Adds to the ledger how much of a file is of an origin.
fn log(store: &Store, path: &Path, regions: &Regions, origin: &Origin) -> Result<(), String> {
    let entry = record::entry(Kind::Insertion, path, origin, regions.bytes_of(origin));
    record::append(store, path, &[entry]).map_err(|error| error.to_string())
}

/// Writes down who wrote what in a text, for all who ask later and for the server that has it open.
fn write(store: &Store, path: &Path, text: &str, regions: &Regions) -> Result<(), String> {
    for name in disk::names(path) {
        let saved = Saved::new(text, regions);
        store.save(&name, saved.as_ref()).map_err(|error| error.to_string())?;
        if let Some(saved) = saved {
            spool::leave(store, &name, saved).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// A file that is there no more: what is known goes with it.
fn moved(store: &Store, path: &Path, call: &Call, changes: &[&Change]) -> Result<(), String> {
    let saved = store.load(path);
    store.save(path, None).map_err(|error| error.to_string())?;
    let target = changes.iter().find_map(|change| match change {
        Change::MoveTo(target) => Some(disk::place(call.cwd.as_deref(), target)),
        _ => None,
    });
    match (target, saved) {
        (Some(target), Some(saved)) => store.save(&target, Some(&saved)).map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

/// The text before the one replacement of which it is said where it stands.
fn before_place(left: &str, changes: &[&Change]) -> Option<String> {
    let [Change::Replace(replacements)] = changes else { return None };
    let [replacement] = replacements.as_slice() else { return None };
    let place = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
    let (line, column) = replacement.at?.start;
    let position = LinePosition { line: place(line)?, character: place(column)? };
    let start = Text::from(left).offset(position, Encoding::Utf16);
    let end = start + replacement.new.len();
    let is_there = left.get(start..end)? == replacement.new;
    is_there.then(|| format!("{}{}{}", &left[..start], replacement.old, &left[end..]))
}

/// What the changes of one file come to.
fn steps(changes: &[&Change], left: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for change in changes {
        match change {
            Change::Replace(replacements) => steps.extend(replacements.iter().map(|replacement| Step::Replace {
                old: replacement.old.clone(),
                new: replacement.new.clone(),
                all: replacement.all,
            })),
            Change::Insert { after_line, text } => steps.push(Step::Insert {
                after_line: usize::try_from(*after_line).unwrap_or(usize::MAX),
                text: text.clone(),
            }),
            Change::Append(text) => steps.push(Step::Append(text.clone())),
            Change::Write(text) => steps.push(Step::Write(text.clone())),
            // The agent says that it changed the file and not how: all that changed meanwhile is its own.
            Change::Patched => steps.push(Step::Write(left.to_owned())),
            Change::Delete | Change::MoveTo(_) => {}
        }
    }
    steps
}

fn origin_of(call: &Call) -> Origin {
    let model = call.model.clone().or_else(|| call.transcript.as_deref().and_then(model_of));
    Origin::reported(Agent { tool: call.tool.clone(), model, session: call.session.clone() })
}

/// The model that wrote the last message of a transcript, of which every line is a JSON object.
fn model_of(transcript: &Path) -> Option<String> {
    // Anything else might never end, or never begin.
    let length = std::fs::metadata(transcript).ok().filter(std::fs::Metadata::is_file)?.len();
    let mut file = std::fs::File::open(transcript).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(TRANSCRIPT_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(TRANSCRIPT_BYTES).read_to_end(&mut tail).ok()?;
    let model = |line: &[u8]| {
        let line: serde_json::Value = serde_json::from_slice(line).ok()?;
        let model = line.get("message")?.get("model")?.as_str()?;
        // What the tool itself adds is by no model.
        (!model.starts_with('<')).then(|| model.to_owned())
    };
    tail.rsplit(|byte| *byte == b'\n').find_map(model)
}
