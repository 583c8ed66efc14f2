//! `countersign evidence`: what a pipeline proves about a commit.

use super::print;
use super::sign::sign;
use crate::disk::Configs;
use crate::git::Git;
use crate::impact::read_plan;
use crate::review::{repository, signature_beside};
use crate::state::write_atomically;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use countersign_impact::plan::Plan;
use countersign_review::{Done, EVIDENCE_NAMESPACE, Evidence, digest};
use jiff::{Timestamp, Unit};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Longest file of results that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum EvidenceCommand {
    /// Sign what tests came to: a file in the format of `JUnit`, as `terraform test -junit-xml=FILE` and most programs that test
    /// write it.
    Tests(EvidenceArguments),
    /// Sign that a plan is one of a commit: what `terraform show -json PLANFILE` or `aws cloudformation describe-change-set` printed.
    Plan(EvidenceArguments),
}

#[derive(Debug, Args)]
pub(super) struct EvidenceArguments {
    /// The results.
    #[arg(value_name = "FILE")]
    results: PathBuf,
    /// The commit that they are of.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    commit: String,
    /// The pipeline's key: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The file to write; the signature is written beside it, with `.sig` behind its name.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(command: &EvidenceCommand) -> anyhow::Result<ExitCode> {
    let (done, arguments) = match command {
        EvidenceCommand::Tests(arguments) => (Done::Tests, arguments),
        EvidenceCommand::Plan(arguments) => (Done::Plan, arguments),
    };
    let git = Git::of(Path::new(""))?;
    let shown = arguments.results.display().to_string();
    let (bytes, passed, summary) = match done {
        Done::Tests => {
            let bytes = results(&arguments.results).with_context(|| shown.clone())?;
            let (passed, summary) = tests(&String::from_utf8_lossy(&bytes)).with_context(|| shown.clone())?;
            (bytes, passed, summary)
        }
        Done::Plan => {
            let (bytes, text) = read_plan(&arguments.results, &shown)?;
            Plan::read(&text).with_context(|| format!("{shown} cannot be used"))?;
            (bytes, true, "a plan".to_owned())
        }
    };
    let configs = Configs::default();
    let now = Timestamp::now();
    let evidence = Evidence {
        done,
        repository: repository(&git, &configs.of(&git.root().join("-")).config),
        commit: git.commit(&arguments.commit)?,
        results: arguments.results.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        results_sha256: digest(&bytes),
        passed,
        summary,
        at: now.round(Unit::Second).unwrap_or(now),
    };
    let statement = evidence.to_bytes();
    let signature = sign(&git, EVIDENCE_NAMESPACE, arguments.key.as_deref(), &statement)?;
    write_atomically(&signature_beside(&arguments.output), &signature)?;
    write_atomically(&arguments.output, &statement)?;
    let word = if passed { "passed" } else { "did not pass" };
    print(&format!("Signed for {}: {}, which {word}.\n", evidence.commit, evidence.summary))
}

/// A file of results, within the limit.
fn results(path: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(path).context("it cannot be read")?.len();
    if size > MAX_BYTES {
        bail!("it has {size} bytes, and at most {MAX_BYTES} are read; write the results of fewer tests into one file");
    }
    std::fs::read(path).context("it cannot be read")
}

/// Whether tests passed, and what came of them, by a file of `JUnit`.
fn tests(text: &str) -> anyhow::Result<(bool, String)> {
    let document = roxmltree::Document::parse(text).context("it is no XML")?;
    let is = |node: &roxmltree::Node<'_, '_>, name: &str| node.has_tag_name(name);
    if !["testsuites", "testsuite"].iter().any(|name| is(&document.root_element(), name)) {
        bail!("it is not in the format of JUnit: its first element is neither `testsuites` nor `testsuite`");
    }
    let cases = || document.descendants().filter(|node| is(node, "testcase"));
    let with = |names: &[&str]| {
        cases().filter(|case| case.children().any(|child| names.iter().any(|name| is(&child, name)))).count()
    };
    let (all, failed, skipped) = (cases().count(), with(&["failure", "error"]), with(&["skipped"]));
    // Suites may fail as a whole.
    let broken = document.descendants().filter(|node| is(node, "testsuite")).flat_map(|suite| suite.children());
    let broken = broken.filter(|child| is(child, "failure") || is(child, "error")).count();
    let ran = all - skipped.min(all);
    let passed = ran > 0 && failed + broken == 0;
    Ok((passed, format!("{all} tests, {} failed, {skipped} skipped", failed + broken)))
}

#[cfg(test)]
mod unit {
    use super::tests;

    #[test]
    fn what_tests_came_to() {
        let of = |cases: &str| {
            tests(&format!("<testsuites><testsuite name=\"a\">{cases}</testsuite></testsuites>")).unwrap()
        };
        assert_eq!(of("<testcase name=\"a\"/>"), (true, "1 tests, 0 failed, 0 skipped".to_owned()));
        assert!(!of("<testcase name=\"a\"/><testcase name=\"b\"><failure/></testcase>").0);
        assert!(!of("<testcase name=\"b\"><error/></testcase>").0);
        assert!(!of("<testcase name=\"b\"><skipped/></testcase>").0, "nothing was tested");
        assert!(!of("").0 && !of("<testcase name=\"a\"/><error/>").0);
        assert!(tests("<a/>").is_err() && tests("{").is_err());
    }
}
