//! Reviews: which changes there are, what each of them needs, who was asked and who has answered.
//!
//! Everything is worked out from two states of a repository, the base and what is there now, and from the files under
//! `.countersign/reviews`. Nothing that stands in these is believed: what a request is about is compared with what is there, and
//! answers are signed.

mod break_glass;
mod change;
mod changes;
mod commits;
mod kept;
mod one_file;
mod parts;
mod planned;
mod proved;
mod rollout;
mod signers;
mod situation;
mod told;

pub(crate) use break_glass::{Broken, break_glass_files};
pub(crate) use change::Change;
pub(crate) use changes::email;
pub(crate) use kept::{Reviews, Stands, answer_files, signature_beside, word};
pub(crate) use parts::{Part, parts};
pub(crate) use planned::{PlanFile, Planned};
pub(crate) use proved::{EvidenceFile, Proved};
pub(crate) use signers::{read_signers, signers_on_disk};
pub(crate) use situation::{Situation, is_of_interest};
pub(crate) use told::{Said, State, Told};

use crate::disk::Configs;
use crate::git::Git;
use countersign_engine::report::{JsonFinding, JsonRange};
use countersign_policy::{Config, Impacted};
use countersign_review::{About, Bound, Region, Request, digest};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where requests and their answers stand, from the root of the repository.
pub(crate) const REVIEWS: &str = ".countersign/reviews";

/// What is asked in a request.
pub(crate) struct Asked<'a> {
    /// What it is about.
    pub(crate) bound: Bound,
    /// All of the file's text.
    pub(crate) text: &'a str,
    /// The text that is to be looked at, and where it stands.
    pub(crate) part: &'a str,
    pub(crate) range: JsonRange,
    /// What was found in it.
    pub(crate) findings: &'a [JsonFinding],
    /// What else is known of it.
    pub(crate) about: About,
    /// Who asks.
    pub(crate) requested_by: String,
    /// Why.
    pub(crate) why: String,
}

impl Asked<'_> {
    /// The name of the file of the request, from the root of the repository, and what it holds.
    pub(crate) fn file(self, at: jiff::Timestamp) -> (PathBuf, Vec<u8>) {
        let finding = |finding: &JsonFinding| {
            json!({
                "risk": finding.risk,
                "severity": finding.severity,
                "verdict": finding.verdict,
                "resource": finding.resource,
                "origin": finding.origin,
                "range": finding.range,
                "message": finding.message,
            })
        };
        let request = Request {
            request_id: self.bound.id(),
            region: Region {
                path: self.bound.path.clone(),
                range: json!(self.range),
                content_sha256: digest(self.part.as_bytes()),
            },
            bound: self.bound,
            findings: self.findings.iter().map(finding).collect(),
            about: self.about,
            requested_by: self.requested_by,
            // Nobody asks twice in a second.
            requested_at: at.round(jiff::Unit::Second).unwrap_or(at),
            why: self.why,
            digest: String::new(),
        };
        let file = Path::new(REVIEWS).join(format!("{}.json", request.request_id));
        (file, request.to_bytes(&digest(self.text.as_bytes())))
    }
}

/// An impact, as requests have it.
pub(crate) fn impact_in_request(impact: Option<Impacted>) -> serde_json::Value {
    let json = |it: Impacted| {
        let mut json = json!({ "action": it.action, "dataLoss": it.data_loss, "dependents": it.dependents });
        if it.more_dependents {
            json["moreDependents"] = true.into();
        }
        json
    };
    impact.map(json).unwrap_or_default()
}

/// A file in a repository, with what it was at the base.
pub(crate) struct Place {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    repository: String,
    before: Vec<Part>,
}

impl Place {
    /// A file below a root, as it is presumed to be live; where nothing is, it is new.
    pub(crate) fn of(root: &Path, file: &Path, config: &Config) -> Self {
        let path = crate::disk::display(file.strip_prefix(root).unwrap_or(file));
        let revision = crate::impact::Kept::default().revision(root, None, &Configs::default()).ok();
        let before = revision.and_then(|revision| revision.file(&path));
        let before = before.map(|before| parts(file, &before)).unwrap_or_default();
        let repository = Git::of(root).map(|git| repository(&git, config)).unwrap_or_default();
        Self { path, repository, before }
    }

    /// What a review of a part is bound to.
    pub(crate) fn bound(&self, address: Option<String>, to: Option<String>) -> Bound {
        let from = self.before.iter().find(|part| part.address == address).map(|part| part.seal.clone());
        Bound {
            repository: self.repository.clone(),
            path: self.path.clone(),
            address,
            from_sha256: from,
            to_sha256: to,
        }
    }
}

/// The name of a repository, that requests are bound to: what policy says, else host and path of the remote `origin`, else nothing.
pub(crate) fn repository(git: &Git, config: &Config) -> String {
    match config.review.repository.trim() {
        "" => git.setting("remote.origin.url").map(|url| without_way(&url)).unwrap_or_default(),
        named => named.to_owned(),
    }
}

/// The same; where that is nothing, or this is no repository, the name of the folder.
pub(crate) fn repository_at(root: &Path, git: Option<&Git>, config: &Config) -> String {
    let folder = || root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    git.map(|git| repository(git, config)).filter(|it| !it.is_empty()).unwrap_or_else(folder)
}

/// Host and path of an address of git, without the way there: neither protocol nor user, nor a `.git` at its end.
fn without_way(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let Some((_, rest)) = url.split_once("://") else {
        // `git@host:path`, and a path of this machine, of which nobody else knows anything: its last part has to do.
        return match url.split_once(':') {
            Some((host, path)) if !host.contains('/') => {
                format!("{}/{}", host.rsplit('@').next().unwrap_or(host), path.trim_start_matches('/'))
            }
            _ => url.rsplit('/').next().unwrap_or(url).to_owned(),
        };
    };
    let rest = rest.trim_start_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    if url.starts_with("file:") { path.rsplit('/').next().unwrap_or(path).to_owned() } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::without_way;

    #[test]
    fn a_repository_has_one_name_whichever_way_leads_there() {
        for url in [
            "https://git.example/acme/infra.git",
            "https://ann:secret@git.example/acme/infra",
            "git@git.example:acme/infra.git",
            "ssh://git@git.example/acme/infra/",
        ] {
            assert_eq!(without_way(url), "git.example/acme/infra", "{url}");
        }
        assert_eq!(without_way("/srv/git/infra.git"), "infra");
        assert_eq!(without_way("file:///srv/git/infra.git"), "infra");
        assert_ne!(without_way("https://git.example/acme/infra"), without_way("https://git.example/eve/infra"));
    }
}
