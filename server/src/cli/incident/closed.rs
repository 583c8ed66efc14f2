//! Incidents as they are kept, and what people have decided about them: a file each under `.countersign/incidents`, to be committed.

use super::{Incident, Question, moment, one_line};
use crate::disk::{Configs, read_most};
use crate::git::Git;
use crate::review::{read_signers, repository_at, signers_on_disk};
use crate::slo::Case;
use anyhow::{Context, bail};
use countersign_review::{IncidentClosed, Role, Signers, digest};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Where they stand, from the root of the repository.
pub(super) const fn folder() -> &'static str {
    ".countersign/incidents"
}

/// Bytes of a file of an incident that are read.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// Incidents that are read.
const MAX_INCIDENTS: usize = 5_000;

/// The risk that an incident stands for among the cases of the objectives.
const RISK: &str = "incident";

/// The files of an incident, from the root: what was found, the post-mortem, what was decided, and the signature of that.
pub(super) fn files(id: &str) -> [PathBuf; 4] {
    ["json", "md", "closed.json", "closed.json.sig"].map(|end| Path::new(folder()).join(format!("{id}.{end}")))
}

/// The name of an incident: the day on which it was noticed, and eight digits that are the same for the same question, so that who
/// asks again does not get another one.
pub(super) fn name(repository: &str, question: &Question) -> String {
    let Question { title, words, asked, .. } = question;
    let all = [&[repository.to_owned(), title.clone()], words.as_slice(), &asked.resources, &asked.paths].concat();
    let day: String = moment(question.until).to_string().chars().take(10).filter(char::is_ascii_digit).collect();
    let digits = digest(all.join("\n").as_bytes());
    format!("{day}-{}", digits.get(..8).unwrap_or(&digits))
}

/// One that is kept.
pub(super) struct Kept {
    /// What was found.
    pub(super) incident: Incident,
    /// The digest of its file.
    pub(super) sha256: String,
    /// What was decided; where that does not count, why.
    pub(super) closed: Option<Result<IncidentClosed, String>>,
}

/// What a decision is judged by.
pub(super) struct Judge {
    /// The repository, as incidents name it.
    repository: String,
    /// Whose key is whose.
    pub(super) signers: Signers,
    /// The file that says so, from the root.
    pub(super) signers_file: String,
    /// Now.
    pub(super) now: Timestamp,
}

impl Judge {
    /// That of a work tree.
    pub(super) fn of(git: &Git) -> Self {
        let configs = Configs::default();
        let config = &configs.of(&git.root().join("-")).config;
        let signers_file = config.review.signers.clone();
        let (signers, problems) = read_signers(&signers_file, &signers_on_disk(&git.root().join(&signers_file)));
        for problem in problems {
            anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
        }
        Self { repository: repository_at(git.root(), Some(git), config), signers, signers_file, now: Timestamp::now() }
    }
}

/// All of a work tree.
#[derive(Default)]
pub(super) struct Incidents {
    /// By their names, that is by the day.
    pub(super) all: Vec<Kept>,
    /// What cannot be read: the file, from the root, and why.
    pub(super) problems: Vec<(String, String)>,
}

impl Incidents {
    /// Those of a work tree. Whose key is whose say the signers.
    pub(super) fn on_disk(root: &Path, judge: &Judge) -> Self {
        let mut found = Self::default();
        let mut names = ids(root);
        if names.len() > MAX_INCIDENTS {
            let why = format!("it has {} incidents, and the last {MAX_INCIDENTS} are read", names.len());
            found.problems.push((folder().to_owned(), why));
            names.drain(..names.len() - MAX_INCIDENTS);
        }
        for id in names {
            match Kept::read(root, &id, judge) {
                Ok(kept) => found.all.push(kept),
                Err(error) => found.problems.push((crate::disk::display(&files(&id)[0]), format!("{error:#}"))),
            }
        }
        found
    }
}

/// The names of those of a work tree, in order.
fn ids(root: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(root.join(folder())).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        ids.extend(name.strip_suffix(".json").filter(|id| is_file && is_id(id)).map(str::to_owned));
    }
    ids.sort();
    ids
}

/// Whether a text may be the name of an incident, and of no file elsewhere.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl Kept {
    /// One by its name.
    pub(super) fn named(root: &Path, id: &str, judge: &Judge) -> anyhow::Result<Self> {
        if !is_id(id) || !root.join(&files(id)[0]).exists() {
            let all = Incidents::on_disk(root, judge).all;
            let names: Vec<&str> = all.iter().map(|kept| kept.incident.id.as_str()).collect();
            let known =
                if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
            bail!("there is no incident `{id}` under {}; {known}", folder());
        }
        Self::read(root, id, judge).with_context(|| format!("{} cannot be read", crate::disk::display(&files(id)[0])))
    }

    fn read(root: &Path, id: &str, judge: &Judge) -> anyhow::Result<Self> {
        let [file, _, closed, signature] = files(id).map(|file| root.join(file));
        let bytes = limited(&file)?;
        let incident: Incident = serde_json::from_slice(&bytes).map_err(|error| {
            let version =
                serde_json::from_slice::<serde_json::Value>(&bytes).ok().and_then(|it| it.get("version")?.as_u64());
            if version.is_some_and(|version| version > u64::from(super::VERSION)) {
                anyhow::anyhow!("it was written by a newer Countersign")
            } else {
                anyhow::anyhow!("it is no incident: {error}")
            }
        })?;
        if incident.id != id {
            bail!("it is about the incident {}", one_line(&incident.id));
        }
        let sha256 = digest(&bytes);
        let closed = closed.exists().then(|| {
            let bytes = limited(&closed).map_err(|error| error.to_string())?;
            let signature = limited(&signature).map_err(|_| "it is not signed".to_owned())?;
            if incident.repository != judge.repository {
                return Err(format!("it is about another repository, {}", one_line(&incident.repository)));
            }
            IncidentClosed::signed(&bytes, &signature, (id, &sha256), &judge.signers, judge.now)
        });
        Ok(Self { incident, sha256, closed })
    }
}

fn limited(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_most(path, MAX_BYTES)?;
    if bytes.len() > MAX_BYTES {
        bail!("it has more than {MAX_BYTES} bytes");
    }
    Ok(bytes)
}

/// What the incidents of a work tree add to the cases of the objectives: those in which AI tools had a part, by a person's signed word.
/// How soon one was noticed counts from when its cause went live, and so does how soon that was undone. What cannot be read, and what
/// does not count, is added to `doubts`.
pub(in crate::cli) fn cases(git: &Git, doubts: &mut Vec<String>) -> Vec<Case> {
    let judge = Judge::of(git);
    let mut cases = Vec::new();
    let mut ids = ids(git.root());
    // Of one that nobody has decided about nothing counts.
    ids.retain(|id| git.root().join(&files(id)[2]).exists());
    if ids.len() > MAX_INCIDENTS {
        doubts.push(format!("of the incidents the last {MAX_INCIDENTS} are counted"));
        ids.drain(..ids.len() - MAX_INCIDENTS);
    }
    for id in ids {
        match Kept::read(git.root(), &id, &judge) {
            Ok(Kept { closed: Some(Ok(closed)), .. }) => cases.extend(case(&id, &closed)),
            Ok(Kept { closed: Some(Err(why)), .. }) => {
                doubts.push(format!("the decision about the incident {id} does not count: {why}"));
            }
            Ok(Kept { closed: None, .. }) => {}
            Err(error) => doubts.push(format!("the incident {id} cannot be read: {error:#}")),
        }
    }
    cases
}

fn case(id: &str, closed: &IncidentClosed) -> Option<Case> {
    if !matches!(closed.role, Role::Primary | Role::Contributory) {
        return None;
    }
    let detected = closed.detected_at.as_millisecond();
    let deployed = closed.deployed_at.map(Timestamp::as_millisecond);
    Some(Case {
        risk: RISK.to_owned(),
        file: crate::disk::display(&files(id)[0]),
        agent: closed.agents.first().cloned(),
        at: detected,
        inserted: deployed.map(|at| (at, at)),
        detection: deployed.map(|at| (detected - at, detected - at)),
        is_denied: true,
        gone: closed.rolled_back_at.map(|at| (at.as_millisecond(), Some(true))),
        ..Case::default()
    })
}
