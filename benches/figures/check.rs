//! `countersign check` on real repositories against nothing but tree-sitter's parse of the same files.

use crate::start::memory;
use crate::table::{Row, mb, percentile};
use crate::{COUNTERSIGN, Settings};
use rayon::prelude::*;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each side.
const RUNS: usize = 3;

/// Measures throughput and peak memory.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let throughput = ("`check` against a bare parse, throughput", "at least 0.5×");
    let peak = ("Memory of `check` at its peak", "at most 100 MB + 200 bytes for each byte of the largest file");
    let mut files = Vec::new();
    find(&settings.shared.join("corpus/real"), &mut files);
    if files.is_empty() {
        let why = "the corpora are not there";
        return vec![Row::skipped(throughput.0, throughput.1, why), Row::skipped(peak.0, peak.1, why)];
    }
    let bytes: usize = files.iter().map(|(_, size)| size).sum();
    let largest = files.iter().map(|(_, size)| *size).max().unwrap_or_default();

    let (mut parses, mut checks) = (Vec::new(), Vec::new());
    for _ in 0..if settings.quick { 1 } else { RUNS } {
        parses.push(parse(&files));
        checks.push(check(&files));
    }
    let parse = percentile(&parses, 50);
    let check_time = percentile(&checks.iter().map(|(time, _)| *time).collect::<Vec<_>>(), 50);
    let ratio = parse.as_secs_f64() / check_time.as_secs_f64();
    let rate = |time: Duration| mb(bytes) / time.as_secs_f64();
    let limit = 100.0 + 200.0 * mb(largest);
    vec![
        Row::new(
            throughput.0,
            throughput.1,
            format!(
                "{ratio:.2}×: {:.1} MB/s of {:.1} MB/s, {} files, {:.1} MB",
                rate(check_time),
                rate(parse),
                files.len(),
                mb(bytes)
            ),
            ratio >= 0.5,
        ),
        match checks.iter().filter_map(|(_, peak)| *peak).max() {
            Some(bytes) => {
                let measured = format!("{:.1} MB; with a largest file of {largest} bytes, {limit:.1} MB", mb(bytes));
                Row::new(peak.0, peak.1, measured, mb(bytes) <= limit)
            }
            None => Row::skipped(peak.0, peak.1, "this system has no `/proc`"),
        },
    ]
}

/// Terraform files below a folder, with their sizes.
fn find(folder: &Path, files: &mut Vec<(PathBuf, usize)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            find(&path, files);
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "tf" || end == "tofu" || end == "tfvars")
        {
            let size = entry.metadata().expect("a file has a size").len();
            files.push((path, usize::try_from(size).expect("a size that fits")));
        }
    }
}

/// Reads and parses all files, on as many threads as `check` uses.
fn parse(files: &[(PathBuf, usize)]) -> Duration {
    thread_local! {
        static PARSER: RefCell<tree_sitter::Parser> = RefCell::new({
            let mut parser = tree_sitter::Parser::new();
            parser.set_language(&tree_sitter_hcl::LANGUAGE.into()).expect("the grammar fits the library");
            parser
        });
    }
    let begun = Instant::now();
    files.par_iter().for_each(|(path, _)| {
        let source = std::fs::read(path).expect("the file can be read");
        PARSER.with_borrow_mut(|parser| parser.parse(&source, None)).expect("nothing cancels the parse");
    });
    begun.elapsed()
}

/// Checks the same files and returns how long it took and the peak of its memory.
fn check(files: &[(PathBuf, usize)]) -> (Duration, Option<usize>) {
    let begun = Instant::now();
    let mut process = Command::new(COUNTERSIGN)
        .args(["check", "--format", "json", "--fail-on", "never"])
        .args(files.iter().map(|(path, _)| path))
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut peak = None;
    let status = loop {
        // The kernel keeps the peak, so it is enough to ask shortly before the end.
        peak = memory(process.id(), "VmHWM").or(peak);
        if let Some(status) = process.try_wait().expect("the process can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let time = begun.elapsed();
    assert!(status.success(), "check ended with {status}");
    (time, peak)
}
