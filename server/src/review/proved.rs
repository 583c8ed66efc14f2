//! What a change has besides approvals: what a pipeline proves and says.

use super::rollout::is_in_steps;
use super::{Change, Situation, signature_beside};
use anyhow::Context;
use countersign_policy::Evidence as Wanted;
use countersign_review::{AboutEvidence, Done, Evidence};
use std::path::Path;

/// What a pipeline proves and says of the commit that is looked at.
#[derive(Default)]
pub(crate) struct Proved {
    /// Evidence that counts.
    done: Vec<Done>,
    /// Why other evidence does not: the file, and the reason.
    refused: Vec<(String, String)>,
    /// The labels of the pull request.
    labels: Vec<String>,
}

/// A file of evidence with its signature, as they were read.
pub(crate) struct EvidenceFile {
    name: String,
    bytes: Vec<u8>,
    signature: Vec<u8>,
}

impl EvidenceFile {
    /// Reads a statement and, beside it, its signature.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("--evidence {}: it cannot be read", path.display()))
        };
        Ok(Self { name: path.display().to_string(), bytes: read(path)?, signature: read(&signature_beside(path))? })
    }
}

impl Situation {
    /// Takes what a pipeline proves and says into account.
    pub(crate) fn prove(&mut self, files: &[EvidenceFile], labels: &[String], plans: &[String]) {
        let mut proved = Proved { labels: labels.to_vec(), ..Proved::default() };
        let about =
            AboutEvidence { repository: &self.repository, commit: self.head.as_deref().unwrap_or_default(), plans };
        for file in files {
            match Evidence::judged(&file.bytes, &file.signature, &self.signers, about, self.at) {
                Ok(evidence) => proved.done.push(evidence.done),
                Err(why) => proved.refused.push((file.name.clone(), why)),
            }
        }
        self.proved = proved;
    }

    /// What a change lacks besides approvals.
    pub(crate) fn lacks(&self, change: &Change) -> Vec<String> {
        let mut lacks = change.lacks.clone();
        let Some((_, row)) = &change.required else { return lacks };
        if let Some(label) = row.label.as_ref().filter(|label| !self.proved.labels.contains(label)) {
            lacks.push(format!("the label `{label}` is not there, by what the pipeline says (`--label`)"));
        }
        for wanted in &row.evidence {
            let (done, what) = match wanted {
                Wanted::Tests => (Done::Tests, "result of tests"),
                Wanted::Plan => (Done::Plan, "plan"),
                Wanted::Rollout => {
                    let is_one = |other: &Change| other.folder() == change.folder() && is_in_steps(other);
                    if !self.changes.iter().any(is_one) {
                        lacks.push("nothing that is changed in its folder makes it come in steps".to_owned());
                    }
                    continue;
                }
            };
            if self.proved.done.contains(&done) {
                continue;
            }
            lacks.push(format!("no signed {what} for this commit was given (`--evidence`)"));
            lacks.extend(self.proved.refused.iter().map(|(file, why)| format!("{file} does not count: {why}")));
        }
        lacks
    }
}
