//! Everything that there is to know about the reviews of a repository at one moment.

use super::changes::{Changes, Now, changes};
use super::kept::{Reviews, Stands};
use super::signers::read_signers;
use super::{Change, PlanFile, Proved, REVIEWS, email, impact_in_request, repository};
use crate::disk::{Configs, FolderConfig};
use crate::git::{self, Checkout, Git, MergeBases, Revision, Step};
use crate::impact::Kept;
use anyhow::{Context, bail};
use countersign_engine::normal;
use countersign_engine::report::JsonProblem;
use countersign_grammars::Language;
use countersign_policy::{CODEOWNERS, CONFIG_FILE, Globs, OWN_RISKS};
use countersign_review::{About, Request, Signers, Standing};
use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Commits since the base that are looked at.
const MAX_COMMITS: usize = 20_000;

/// Steps that are judged before they are told: each has its files unpacked for so long.
const STEPS_AT_ONCE: usize = 16;

/// Requests one behind the other by which a change may have been approved.
const MAX_STEPS: usize = 100;

/// The changes of a repository, who was asked about them, and whose answers count.
pub(crate) struct Situation {
    /// What changed.
    pub(crate) changes: Vec<Change>,
    /// The requests and answers.
    pub(crate) reviews: Reviews,
    /// Whose key is whose.
    pub(crate) signers: Signers,
    /// The policy of the repository's root.
    pub(crate) config: Arc<FolderConfig>,
    /// What is compared with, in words.
    pub(crate) base: String,
    /// The repository, as requests name it.
    pub(crate) repository: String,
    /// The commit that is looked at; `None` for a work tree.
    pub(crate) head: Option<String>,
    /// What a pipeline proves and says.
    pub(super) proved: Proved,
    /// The moment for which it is asked what holds.
    pub(super) at: Timestamp,
    /// The commit at which what is there left what is compared with.
    pub(crate) left: String,
    /// The requests and answers of what the change is to be merged into.
    pub(super) merged: Reviews,
    /// The break-glasses, once they were judged.
    pub(super) glasses: OnceLock<super::break_glass::Judged>,
    /// What could not be read.
    pub(crate) problems: Vec<JsonProblem>,
    /// What makes the answer less than one expects.
    pub(crate) doubts: Vec<String>,
}

impl Situation {
    /// What is in a work tree against what is presumed to be live, by the policy and the signers of the work tree.
    pub(crate) fn of_work_tree(git: &Git, base: Option<&str>, plans: &[PlanFile]) -> anyhow::Result<Self> {
        let root = git.root().to_owned();
        let configs = Configs::default();
        let base = Kept::default().revision(&root, base, &configs)?;
        let mut paths: BTreeSet<String> = git.changed_between(&base.id, "HEAD")?.into_iter().collect();
        let uncommitted: BTreeSet<String> = git.changed()?.into_iter().collect();
        paths.extend(uncommitted.iter().cloned());
        let file = |path: &str| {
            let path = root.join(path);
            path.symlink_metadata().is_ok_and(|it| it.is_file()).then(|| std::fs::read(path).ok()).flatten()
        };
        let now = Now {
            git,
            paths: paths.into_iter().collect(),
            file: &file,
            commits: commits(git, &base.id, "HEAD")?,
            uncommitted: (uncommitted, git::author(&root.join("-")).as_deref().and_then(email).map(str::to_owned)),
        };
        let changes = changes(&base, &base, &now, plans, &configs)?;
        let mut situation = Self::new(git, &configs, &base, changes, Reviews::on_disk(&root));
        situation.left = git.merge_base(&base.id, "HEAD").unwrap_or_default();
        situation.read_signers(&file);
        Ok(situation)
    }

    /// What a commit has against another one that it is to be merged into, by the policy and the signers of that one.
    pub(crate) fn of_commit(git: &Git, base: &str, head: &str, plans: &[PlanFile]) -> anyhow::Result<Self> {
        Self::between(git, (base, head), base, plans)
    }

    /// What came in by one step of a branch, as the gate saw it then: by the policy and the signers of the branch, as of the time of the
    /// step, in milliseconds since 1970. Of a merge it is what its branch brought.
    pub(crate) fn of_step(git: &Git, step: &Step, at: i64) -> anyhow::Result<Self> {
        let (base, head) = match step.parents.as_slice() {
            [base, branch] => (base, branch),
            [base, ..] => (base, &step.commit),
            [] => bail!("nothing comes before it here"),
        };
        Ok(Self { at: Timestamp::from_millisecond(at)?, ..Self::between(git, (base, head), base, &[])? })
    }

    /// The same of many steps, each with its time: several at once, and told in their order.
    pub(crate) fn of_steps(git: &Git, steps: &[(Step, i64)], mut each: impl FnMut(&Step, i64, anyhow::Result<Self>)) {
        for some in steps.chunks(STEPS_AT_ONCE) {
            let judged: Vec<_> = some.par_iter().map(|(step, at)| Self::of_step(git, step, *at)).collect();
            some.iter().zip(judged).for_each(|((step, at), judged)| each(step, *at, judged));
        }
    }

    /// What a commit has against one of its past, by the policy and the signers of its own and as of its time: each step was judged
    /// when it was merged.
    pub(crate) fn of_release(git: &Git, base: &str, head: &str) -> anyhow::Result<Self> {
        let mut situation = Self::between(git, (base, head), head, &[])?;
        let time = git.commits(head, 1)?.first().and_then(|(_, time)| Timestamp::from_second(*time).ok());
        situation.at = time.unwrap_or(situation.at);
        Ok(situation)
    }

    /// What a commit has against another one, by the policy and the signers of a third one.
    fn between(git: &Git, (base, head): (&str, &str), policy: &str, plans: &[PlanFile]) -> anyhow::Result<Self> {
        let commit = |name: &str| git.commit(name).ok().with_context(|| unknown(git, name));
        let (base_id, head_id) = (commit(base)?, commit(head)?);
        let Some(left) = git.merge_base(&base_id, &head_id) else {
            let shallow = if git::is_shallow(git.root()) {
                "; this clone is shallow, and `git fetch --unshallow` gets the rest"
            } else {
                ""
            };
            bail!("`{base}` and `{head}` have no commit in common, so nobody knows what the change is{shallow}");
        };
        let checkout = Checkout::of(git, &head_id)?;
        let own = checkout.git();
        let of = |commit: &str| Revision::presumed(own.root(), Some(commit), &MergeBases::default());
        let (left, tip, head_now) = (of(&left)?, of(&base_id)?, of(&head_id)?);
        let policy = of(&commit(policy)?)?;
        put_policy(own.root(), &policy, &head_now)?;
        let configs = Configs::default();
        let file = |path: &str| head_now.file(path);
        let now = Now {
            git: own,
            paths: own.changed_between(&left.id, &head_id)?,
            file: &file,
            commits: commits(own, &left.id, &head_id)?,
            uncommitted: Default::default(),
        };
        let changes = changes(&left, &tip, &now, plans, &configs)?;
        let mut reviews = Reviews::in_commit(&head_now)?;
        let merged = Reviews::in_commit(&tip)?;
        reviews.add_earlier(&merged);
        for (commit, files) in &now.commits {
            if files.iter().any(|file| file.starts_with(REVIEWS)) {
                reviews.add_earlier(&Reviews::in_commit(&of(commit)?)?);
            }
        }
        let paths = &now.paths;
        let links = paths.iter().filter_map(|path| misleading(&head_now, path));
        let foreign = paths.iter().filter(|path| head_now.is_foreign(path));
        let mut situation = Self::new(own, &configs, &tip, changes, reviews);
        situation.problems.extend(links);
        situation.doubts.extend(foreign.map(|path| {
            format!("{path} is a repository of its own, and what it brings along is not looked at; its own gate has to do that")
        }));
        situation.base = format!("`{base}` ({})", tip.commit);
        situation.head = Some(head_id);
        situation.left = left.id;
        situation.merged = merged;
        situation.read_signers(&|path| policy.file(path));
        for problem in &mut situation.problems {
            let root = crate::disk::display(own.root());
            problem.path = problem
                .path
                .strip_prefix(&root)
                .map_or(problem.path.as_str(), |it| it.trim_start_matches('/'))
                .to_owned();
        }
        Ok(situation)
    }

    fn new(git: &Git, configs: &Configs, base: &Revision, changes: Changes, reviews: Reviews) -> Self {
        let mut problems = changes.problems;
        problems.extend(configs.problems().into_iter().map(|(path, message)| JsonProblem { path, message }));
        let config = configs.of(&git.root().join("-"));
        Self {
            changes: changes.parts,
            reviews,
            signers: Signers::default(),
            repository: repository(git, &config.config),
            head: None,
            at: Timestamp::now(),
            proved: Proved::default(),
            config,
            base: format!("{} ({})", base.name, base.commit),
            left: String::new(),
            merged: Reviews::default(),
            glasses: OnceLock::new(),
            problems,
            doubts: changes.doubts,
        }
    }

    fn read_signers(&mut self, file: &dyn Fn(&str) -> Option<Vec<u8>>) {
        let path = self.config.config.review.signers.clone();
        let Some(content) = file(&path) else { return };
        let (signers, problems) = read_signers(&path, &content);
        self.problems.extend(problems);
        self.signers = signers;
    }

    /// Where a change stands.
    pub(crate) fn stands(&self, change: &Change) -> Stands {
        self.reviews.stands(change, &self.signers, self.config.config.people(), self.at)
    }

    /// Who has approved a change step by step: one review from what was there at first to something else, another one from there on.
    /// `None` where a step is missing.
    pub(crate) fn approved_by_steps(&self, change: &Change) -> Option<Vec<String>> {
        let (bound, mut to) = (&change.bound, change.bound.to_sha256.clone());
        let (mut who, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..MAX_STEPS {
            let place = |request: &&Request| {
                let of = &request.bound;
                (&of.repository, &of.path, &of.address) == (&bound.repository, &bound.path, &bound.address)
                    && of.to_sha256 == to
                    && !seen.contains(&request.request_id)
            };
            let (request, names) = self.reviews.requests().filter(place).find_map(|request| {
                let step = Change { bound: request.bound.clone(), ..change.clone() };
                match self.stands(&step).standing {
                    Some(Standing::Approved(names)) => Some((request, names)),
                    _ => None,
                }
            })?;
            who.extend(names);
            if request.bound.from_sha256 == bound.from_sha256 {
                return Some(who.into_iter().collect());
            }
            seen.insert(request.request_id.clone());
            to = request.bound.from_sha256.clone();
        }
        None
    }

    /// What could not be read, of the changes and of the reviews.
    pub(crate) fn all_problems(&self) -> Vec<JsonProblem> {
        let reviews = self.reviews.problems.iter();
        let reviews = reviews.map(|(path, message)| JsonProblem { path: path.clone(), message: message.clone() });
        self.problems.iter().cloned().chain(reviews).collect()
    }

    /// What is known of a change, for the request of its review.
    pub(crate) fn about(&self, change: &Change) -> About {
        let may = self.who_may(change).into_iter();
        let owners = change.owners.iter().cloned();
        let requested_from: BTreeSet<String> = may.chain(owners).collect();
        About {
            tier: json!(change.tier),
            environment: json!(change.environment),
            origin: json!(change.origin),
            impact: impact_in_request(change.impact),
            needs: change.required.as_ref().map(|(_, row)| row.in_words()).unwrap_or_default(),
            requested_from: requested_from.into_iter().collect(),
            policy_sha256: self.config.sha256(),
        }
    }

    /// The addresses of those who may approve a change, as far as they are known.
    pub(crate) fn who_may(&self, change: &Change) -> Vec<String> {
        let people = self.config.config.people();
        let row = change.required.as_ref().map(|(_, row)| row);
        let own = change.not_own(row.is_some_and(|row| row.own), "");
        let may = |name: &&str| {
            let names = self.signers.same_person(name);
            let is_own = names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)));
            !is_own && row.is_none_or(|row| row.refuses(people, &names, &change.owners).is_none())
        };
        self.signers.names().into_iter().filter(may).map(str::to_owned).collect()
    }
}

/// Whether policy may have something to do with what a step changed.
pub(crate) fn is_of_interest(step: &Step, config: &FolderConfig) -> bool {
    let is_named = |file: &str| {
        let environment = config.config.environment.of_path(file);
        let names = |paths: &Option<Globs>| paths.as_ref().is_some_and(|paths| paths.fit(file));
        config.tiers.of_file(file, environment).is_some() || config.config.require.iter().any(|row| names(&row.paths))
    };
    let is_of_it = |file: &String| Language::of_path(file).is_some() || file.starts_with(REVIEWS) || is_named(file);
    step.files.iter().any(is_of_it)
}

/// That a file is a link to something that nobody looks at, and that Terraform would read.
fn misleading(head: &Revision, path: &str) -> Option<JsonProblem> {
    let language = Language::of_path(path)?;
    let target = head.link(path)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let there = normal(&format!("{folder}/{target}"));
    let there = there.trim_start_matches('/');
    let is_read = !target.starts_with('/') && Language::of_path(there) == Some(language) && head.id(there).is_some();
    let message = format!("it is a link to {target}, which is not looked at; commit the file itself");
    (!is_read).then(|| JsonProblem { path: path.to_owned(), message })
}

fn unknown(git: &Git, name: &str) -> String {
    let why = if git.commit("HEAD").is_err() {
        "; nothing is committed here yet, so commit first"
    } else if git::is_shallow(git.root()) {
        "; this clone is shallow, fetch it first"
    } else {
        "; `git fetch` gets what is only at the remote, and `git branch --all` lists what is here"
    };
    format!("`{name}` is no commit of this repository{why}")
}

fn commits(git: &Git, from: &str, to: &str) -> anyhow::Result<Vec<(String, Vec<String>)>> {
    let commits = git.commits_between(from, to)?;
    if commits.len() > MAX_COMMITS {
        bail!("{} commits are new, and at most {MAX_COMMITS} are looked at; name a base that is nearer", commits.len());
    }
    Ok(commits)
}

/// Puts the policy files of one commit in the place of those of the one that is checked out, so that no change loosens what it is
/// judged by.
fn put_policy(root: &Path, from: &Revision, head: &Revision) -> anyhow::Result<()> {
    let is_policy = |path: &str| {
        let is_config = path == CONFIG_FILE || path.ends_with(&format!("/{CONFIG_FILE}"));
        is_config || CODEOWNERS.contains(&path) || path.strip_prefix(OWN_RISKS).is_some_and(|it| it.starts_with('/'))
    };
    for (path, _) in head.files_below("")?.0.into_iter().filter(|(path, _)| is_policy(path)) {
        match std::fs::remove_file(root.join(path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    for (path, id) in from.files_below("")?.0.into_iter().filter(|(path, _)| is_policy(path)) {
        let file = root.join(path);
        file.parent().map(std::fs::create_dir_all).transpose()?;
        std::fs::write(file, from.content(id)?)?;
    }
    Ok(())
}
