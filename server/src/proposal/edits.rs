//! Edits of files: the text as it would be goes through the same analysis as in an editor, with what stands around it and
//! what it does to what is live.

use super::text::{Left, left};
mod scope;

use super::{Doing, Judgement, Saying, control};
use crate::cache::{self, Cache};
use crate::disk::{self, Configs, FolderConfig};
use crate::impact::Impacts;
use crate::impact::live::{self, Live};
use crate::surroundings::{Surroundings, holds_values, stands_beside};
use crate::watch::denied::Left as Kept;
use crate::watch::{self, Class, Deed};
use crate::would_be::{WouldBe, changed};
use countersign_agents::{Call, Change, Edit};
use countersign_commands::Operation;
use countersign_engine::{Evidence, Finding, Policy, Snapshot, Workspace, chart_of, module_of, units};
use countersign_grammars::Language;
use countersign_policy::{Asked, Environment, Surface, Tier};
use countersign_provenance::{self as provenance, Agent, Means};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one call that are judged.
const MAX_FILES: usize = 1_000;

/// Files around them in which is looked what the edit brings about there.
const MAX_AROUND: usize = 400;

/// A file that is edited.
struct Edited {
    /// For people.
    shown: String,
    /// The text that it has; `None` where it is not there.
    found: Result<Option<String>, String>,
    left: Left,
    config: Arc<FolderConfig>,
}

impl Edited {
    /// What becomes of it, where that is known and it changes at all.
    fn left(&self, path: &Path) -> Option<Kept> {
        let before = self.found.as_ref().ok()?.clone();
        let after = match &self.left {
            Left::Text(text) => Some(text.clone()),
            Left::Gone => None,
            Left::Unknown(_) => return None,
        };
        (before != after).then(|| Kept { file: path.to_owned(), before, after })
    }
}

/// Judges edits.
pub(super) fn edits(call: &Call, edits: &[Edit]) -> Judgement {
    let configs = Configs::default();
    let files = collect(call, edits, &configs);
    let what = match files.values().next() {
        Some(only) if files.len() == 1 => format!("this edit of {}", only.shown),
        _ => format!("this edit of {} files", files.len()),
    };
    let at_work = configs.of(&disk::place(call.cwd.as_deref(), Path::new("-")));
    let agents = files.values().next().map_or(&at_work, |file| &file.config).config.agents.clone();
    let mut judgement = Judgement { review: Some(agents.review_of_edits), ..Judgement::new(&what, &agents) };
    let mut analysed = Vec::new();
    for (path, file) in files.iter().take(MAX_FILES) {
        let found = file.found.as_ref().ok().and_then(Option::as_deref);
        if matches!(&file.left, Left::Text(left) if Some(left.as_str()) == found) {
            continue;
        }
        if let Some(operation) = control::edited(path, &file.shown, found) {
            judgement.say(bypassing(call, &file.config, &operation));
        }
        if let Some(forbidden) = file.config.config.forbids(call.agent, Asked::Path(&relative(path, &file.config))) {
            judgement.say(Saying::out_of_scope(call.agent, &format!("It edits `{}`.", file.shown), forbidden));
        }
        let language = file.config.language(path);
        let Some(language) = language.filter(|_| !file.config.excludes(path)) else { continue };
        match (&file.found, &file.left) {
            // What is no text is nothing to judge there.
            (Err(_), _) if !language.is_parsed() => {}
            (Err(why), _) => judgement.unjudged.push(format!("{}: {}", file.shown, why.trim_end_matches('.'))),
            (_, Left::Unknown(why)) => judgement.unjudged.push(format!("{}: {why}", file.shown)),
            (Ok(found), Left::Gone | Left::Text(_)) => {
                let text = if let Left::Text(text) = &file.left { text.as_str() } else { "" };
                analysed.push((path.as_path(), file, language, found.as_deref().unwrap_or_default(), text));
            }
        }
    }
    judgement.left = files.iter().filter_map(|(path, file)| file.left(path)).collect();
    if files.len() > MAX_FILES {
        judgement.unjudged.push(format!("the call edits {} files, and {MAX_FILES} are judged", files.len()));
    }
    if !analysed.is_empty() {
        Analysed::new(call, &analysed).judge(call, &configs, &mut judgement);
    }
    judgement
}

/// The files that a call edits, each with the text that it has and would have.
fn collect(call: &Call, edits: &[Edit], configs: &Configs) -> BTreeMap<PathBuf, Edited> {
    let mut files: BTreeMap<PathBuf, Edited> = BTreeMap::new();
    let new = |path: &Path| {
        let found = disk::found(path);
        let left = found.clone().unwrap_or_default().map_or(Left::Gone, Left::Text);
        let config = configs.of(path);
        Edited { shown: relative(path, &config), found, left, config }
    };
    for Edit { path, change } in edits {
        let path = disk::place(call.cwd.as_deref(), path);
        let file = files.entry(path.clone()).or_insert_with(|| new(&path));
        let now = match &file.left {
            _ if matches!(change, Change::MoveTo(_)) => Left::Gone,
            Left::Text(text) => left(Some(text), change),
            Left::Gone => left(None, change),
            Left::Unknown(why) => Left::Unknown(why),
        };
        let was = std::mem::replace(&mut file.left, now);
        if let Change::MoveTo(target) = change {
            let target = disk::place(call.cwd.as_deref(), target);
            files.entry(target.clone()).or_insert_with(|| new(&target)).left = was;
        }
    }
    files
}

/// A file's path from the folder of `countersign.toml`, else from the root of the repository.
fn relative(path: &Path, config: &FolderConfig) -> String {
    let folder = config.source.as_ref().and_then(|(source, _)| source.parent()).or(config.root.as_deref());
    let relative = folder.and_then(|folder| path.strip_prefix(disk::place(None, folder)).ok());
    disk::display(relative.unwrap_or(path))
}

/// What is said where a check would be taken out of the way.
fn bypassing(call: &Call, config: &FolderConfig, operation: &Operation) -> Saying {
    Saying {
        verdict: config.config.of_operation(call.agent, operation, Environment::Unknown),
        what: format!("It {}.", operation.what),
        instead: operation.instead.clone(),
        id: format!("edit/{}", operation.effect.name()),
    }
}

/// The files of languages that are analysed, before and after, with what is around them.
struct Analysed<'e> {
    files: Vec<One<'e>>,
    around: Surroundings,
    /// The index with all files as they would be.
    after: Workspace,
    /// What is done to what is live before and after, where it is shown in other files.
    elsewhere: [Impacts; 2],
}

/// One of them.
struct One<'e> {
    edited: &'e Edited,
    before: Snapshot,
    after: Snapshot,
}

impl<'e> Analysed<'e> {
    fn new(call: &Call, files: &[(&'e Path, &'e Edited, Language, &str, &str)]) -> Self {
        let agent = Agent { tool: call.tool.clone(), model: call.model.clone(), session: call.session.clone() };
        let origin = provenance::Origin::reported(agent);
        let found = |cache: &Cache, (path, _, language, found, _): &(&Path, &Edited, Language, &str, &str)| {
            cache.snapshot(path, *language, found)
        };
        let before = cache::by_folder(files, |(path, ..)| path, found);
        let files: Vec<_> = files
            .iter()
            .zip(before)
            .map(|((_, edited, _, _, left), before)| {
                let evidence = Evidence { origin: Some(origin.clone()), means: Means::Agent };
                let change = countersign_engine::Change { range: None, text: (*left).to_owned() };
                let after = changed(&before, vec![change], evidence);
                One { edited, before, after }
            })
            .collect();
        let parsed = files.iter().filter(|file| file.before.language.is_parsed());
        let around = Surroundings::and_beside(parsed.map(|file| Arc::new(file.before.clone())));
        let mut after = around.workspace.clone();
        for file in &files {
            after.update(&file.after.file, &units(&file.before), &units(&file.after));
        }
        Self { files, around, after, elsewhere: <[Impacts; 2]>::default() }
    }

    fn judge(mut self, call: &Call, configs: &Configs, judgement: &mut Judgement) {
        self.add_impacts(configs, judgement);
        for file in &self.files {
            let policy = policy(&file.edited.config);
            let touched = scope::touched(file);
            self.check_scope(call, file, &touched, &policy, judgement);
            let module = module_of(&file.before.file);
            judgement.doing.extend(
                touched
                    .into_iter()
                    .map(|one| Doing { key: watch::resource(module, &one.address), tier: Tier::of(&one.kind) }),
            );
            let states = ((&file.before, &self.around.workspace), (file.after.clone(), &self.after));
            let Some(would_be) = WouldBe::between(states.0, states.1, &policy) else {
                judgement.unjudged.push(format!("{}: it cannot be analysed", file.edited.shown));
                continue;
            };
            for finding in would_be.brought() {
                judgement.deeds.extend(deed(finding));
                judgement.say(saying(call, &would_be, finding, &file.edited.shown, &file.edited.config, &policy));
            }
        }
        if self.after.version() != self.around.workspace.version() {
            self.look_around(call, configs, judgement);
        }
        self.check_session(call, judgement);
    }

    /// Adds what each state does to what is live: what only the second does, the edit brings.
    fn add_impacts(&mut self, configs: &Configs, judgement: &mut Judgement) {
        let live = Live::default();
        let on_disk = Arc::new(self.around.files().clone());
        let mut states = [(&self.around.workspace, false), (&self.after, true)].map(|(workspace, is_after)| {
            let open = self.files.iter().filter(|file| file.before.language.is_parsed()).map(|file| {
                let snapshot = if is_after { &file.after } else { &file.before };
                (Arc::clone(&snapshot.file), Arc::new(snapshot.clone()))
            });
            let files =
                live::Session { workspace: workspace.clone(), open: open.collect(), on_disk: Arc::clone(&on_disk) };
            let (impacts, problems) = live.impacts(files, configs);
            if is_after {
                judgement.unjudged.extend(problems);
            }
            impacts
        });
        let [before, after] = &mut states;
        for file in &mut self.files {
            let name = Arc::clone(&file.before.file);
            file.before.impacts = before.remove(&name).unwrap_or_default();
            file.after.impacts = after.remove(&name).unwrap_or_default();
        }
        self.elsewhere = states;
    }

    /// Looks in the files around for what the edit brings about there: a value that one file sets may open what another declares.
    fn look_around(&self, call: &Call, configs: &Configs, judgement: &mut Judgement) {
        let edited: BTreeSet<&Arc<str>> = self.files.iter().map(|file| &file.before.file).collect();
        // What stands by itself rests on nothing but the values of its chart.
        let has_values = edited.iter().any(|name| holds_values(name));
        let may_rest = |name: &str| !stands_beside(name) || has_values && chart_of(name).is_some();
        let mut others: Vec<_> =
            self.around.files().iter().filter(|(name, _)| !edited.contains(name) && may_rest(name)).collect();
        others.sort_by_key(|(name, _)| *name);
        if others.len() > MAX_AROUND {
            judgement.unjudged.push(format!(
                "{} files stand around, and in {MAX_AROUND} of them it was looked at what the edit brings about there",
                others.len()
            ));
        }
        let sayings: Vec<(Saying, Option<Deed>)> = others
            .par_iter()
            .take(MAX_AROUND)
            .flat_map_iter(|(name, snapshot)| {
                let config = configs.of(Path::new(&***name));
                if config.excludes(Path::new(&***name)) {
                    return Vec::new();
                }
                let policy = policy(&config);
                let [before, after] = self.elsewhere.each_ref().map(|impacts| Snapshot {
                    impacts: impacts.get(*name).cloned().unwrap_or_default(),
                    ..Snapshot::clone(snapshot)
                });
                let would_be = WouldBe::between((&before, &self.around.workspace), (after, &self.after), &policy);
                let shown = relative(Path::new(&***name), &config);
                let Some(would_be) = would_be else { return Vec::new() };
                let said = |finding| (saying(call, &would_be, finding, &shown, &config, &policy), deed(finding));
                would_be.brought().map(said).collect()
            })
            .collect();
        for (saying, deed) in sayings {
            judgement.say(saying);
            judgement.deeds.extend(deed);
        }
    }
}

/// What a finding says that an edit would do to what runs.
fn deed(finding: &Finding) -> Option<Deed> {
    Some(Deed {
        class: Class::of_risk(finding.risk)?,
        target: finding.resource.as_ref().map(|resource| watch::name(&resource.address)),
        environment: finding.environment,
        route: "edit".to_owned(),
        way: watch::digest("edit"),
        is_grave: true,
        is_live: false,
    })
}

fn policy(config: &FolderConfig) -> Policy {
    Policy { ask_about_unknown_origin: false, ..config.policy(Surface::Editor, crate::cli::today()) }
}

/// What is said of a finding that an edit brings or touches.
fn saying(
    call: &Call,
    would_be: &WouldBe,
    finding: &Finding,
    shown: &str,
    config: &FolderConfig,
    policy: &Policy,
) -> Saying {
    if finding.risk == "suppression-without-effect" && !would_be.was_said(finding) && finding.origin.by.is_ai() {
        let operation =
            control::bypass(format!("writes a suppression into `{shown}`, and an agent cannot accept a risk"));
        return bypassing(call, config, &operation);
    }
    let line = would_be.snapshot.text.line_of(finding.range.start) + 1;
    Saying {
        verdict: would_be.verdict_of_ai(finding, policy),
        what: format!("{shown}, line {line}: {}", finding.message),
        instead: finding.help.to_string(),
        id: finding.risk.to_owned(),
    }
}
