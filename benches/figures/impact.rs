//! What an edit would do, and what depends on it, in a workspace of 10,000 files and 100,000 resources.

use crate::programs::commit_all;
use crate::start::memory;
use crate::table::{Row, float, ms, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign::cache::snapshots;
use countersign_engine::{Lowered, Snapshot, Workspace, module_of, read, units};
use countersign_grammars::Language;
use countersign_impact::graph::{Links, dependents};
use countersign_impact::predict;
use countersign_impact::tables::Tables;
use countersign_syntax::Budget;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Folders, each a configuration of its own; one of ten is a module that others call.
const FOLDERS: usize = 1000;
const FILES: usize = 10;
const RESOURCES: usize = 10;

/// Files that one change touches.
const CHANGED: usize = 200;

/// Timed edits and questions.
const SAMPLES: usize = 1000;

/// Measures the index, one edit, one question, and the command.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let (folders, samples) = if settings.quick { (FOLDERS / 20, SAMPLES / 20) } else { (FOLDERS, SAMPLES) };
    let files: Vec<(String, String)> =
        (0..folders).flat_map(|folder| (0..FILES).map(move |file| (path(folder, file), text(folder, file)))).collect();
    let resources = files.len() * RESOURCES;
    let size = format!("{} files, {resources} resources", files.len());
    let before = memory(std::process::id(), "VmRSS");
    let begun = Instant::now();
    let workspace = index(&files);
    let cold = begun.elapsed();
    let after = memory(std::process::id(), "VmRSS");

    let mut rows = vec![Row::new(
        format!("Index of {size}, cold"),
        "at most 20 s",
        format!("{:.1} s", cold.as_secs_f64()),
        cold <= Duration::from_secs(20),
    )];
    let memory = ("Memory of that index", "at most 1.5 KB a resource");
    rows.push(match (before, after) {
        (Some(before), Some(after)) => {
            let each = float(after.saturating_sub(before)) / float(resources);
            Row::new(memory.0, memory.1, format!("{:.2} KB a resource", each / 1e3), each <= 1500.0)
        }
        _ => Row::skipped(memory.0, memory.1, "this system has no `/proc`"),
    });
    rows.push(questions(&workspace, folders, samples));
    rows.push(edits(&workspace, &files, samples));
    rows.extend(on_disk(&files));
    rows
}

fn path(folder: usize, file: usize) -> String {
    format!("/w/{}/f{file}.tf", name(folder))
}

fn name(folder: usize) -> String {
    if folder.is_multiple_of(10) { format!("modules/m{folder}") } else { format!("live/prod/s{folder}") }
}

/// A file of ten resources. Those of a folder form chains; some come from a module, some from the state of a neighbour.
fn text(folder: usize, file: usize) -> String {
    let mut text = String::new();
    let module = folder / 10 * 10;
    if file == 0 {
        let _ = writeln!(
            text,
            "variable \"env\" {{\n  default = \"prod\"\n}}\n\nvariable \"vpc\" {{\n  default = \"vpc-0\"\n}}\n"
        );
        let _ = writeln!(
            text,
            "locals {{\n  tags = {{ env = var.env, stack = \"s{folder}\" }}\n  vpc  = aws_vpc.v0_0.id\n}}\n"
        );
        let _ = writeln!(text, "output \"vpc\" {{\n  value = local.vpc\n}}\n");
        if folder != module {
            let _ = writeln!(
                text,
                "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key    = \"s{folder}\"\n  }}\n}}\n\n\
                 module \"base\" {{\n  source = \"../../../modules/m{module}\"\n  vpc    = local.vpc\n}}\n\n\
                 data \"terraform_remote_state\" \"next\" {{\n  backend = \"s3\"\n  config = {{\n    bucket = \"states\"\n    \
                 key    = \"s{}\"\n  }}\n}}\n",
                folder - 1
            );
        }
    }
    for index in 0..RESOURCES {
        let vpc = match index {
            _ if file == 0 && index == 0 => "var.vpc".to_owned(),
            0 => format!("aws_vpc.v{}_0.id", file - 1),
            1 if folder != module => "module.base.vpc".to_owned(),
            2 if folder != module => "data.terraform_remote_state.next.outputs.vpc".to_owned(),
            _ => "local.vpc".to_owned(),
        };
        let (kind, other) = match index {
            0 => ("aws_vpc", String::new()),
            1..=4 => ("aws_subnet", String::new()),
            5..=8 => ("aws_instance", format!("  subnet_id  = aws_subnet.v{file}_{}.id\n", index - 4)),
            _ => (
                "aws_db_instance",
                format!("  identifier = \"db-{folder}-{file}\"\n  depends_on = [aws_vpc.v{file}_0]\n"),
            ),
        };
        let _ = writeln!(
            text,
            "resource \"{kind}\" \"v{file}_{index}\" {{\n  cidr_block = \"10.{file}.{index}.0/24\"\n  vpc_id     = {vpc}\n{other}  \
             tags       = local.tags\n}}\n"
        );
    }
    text
}

fn lowered(path: &str, text: &str) -> Vec<Arc<Lowered>> {
    let mut snapshot = Snapshot::new(Language::Terraform, 0, text);
    snapshot.file = path.into();
    assert!(read(&snapshot, &mut Budget::unbounded()), "a file of some kilobytes is read");
    units(&snapshot)
}

fn index(files: &[(String, String)]) -> Workspace {
    let read: Vec<_> = files.par_iter().map(|(path, text)| (path, lowered(path, text))).collect();
    let mut workspace = Workspace::default();
    for (path, units) in read {
        workspace.update(&path.as_str().into(), &[], &units);
    }
    workspace
}

fn questions(workspace: &Workspace, folders: usize, samples: usize) -> Row {
    let links = Links::default();
    let begun = Instant::now();
    dependents(workspace, &links, &format!("/w/{}", name(1)), "aws_vpc.v0_0");
    let first = begun.elapsed();
    let (mut times, mut found) = (Vec::new(), Vec::new());
    for sample in 0..samples {
        let folder = sample * 7 % folders;
        let (file, index) = (sample % FILES, sample * 3 % RESOURCES);
        let kind = match index {
            0 => "aws_vpc",
            1..=4 => "aws_subnet",
            5..=8 => "aws_instance",
            _ => "aws_db_instance",
        };
        let begun = Instant::now();
        let radius = dependents(workspace, &links, &format!("/w/{}", name(folder)), &format!("{kind}.v{file}_{index}"));
        times.push(begun.elapsed());
        found.push(radius.dependents.len());
    }
    let (median, last) = (percentile(&times, 50), percentile(&times, 99));
    Row::new(
        "Blast radius of one resource there",
        "median at most 2 ms, p99 at most 10 ms",
        format!(
            "median {:.3} ms, p99 {:.2} ms (the first {:.0} ms); {} dependents at the median, {} at most",
            ms(median),
            ms(last),
            ms(first),
            percentile(&found, 50),
            percentile(&found, 100)
        ),
        ms(median) <= 2.0 && ms(last) <= 10.0,
    )
}

/// Each edit changes an attribute that replaces the resource, and then another file.
fn edits(workspace: &Workspace, files: &[(String, String)], samples: usize) -> Row {
    let (before, mut after) = (workspace.clone(), workspace.clone());
    let links = Links::default();
    dependents(&before, &links, &format!("/w/{}", name(1)), "aws_vpc.v0_0");
    let (mut times, mut sum) = (Vec::new(), 0);
    for sample in 0..samples {
        let (path, text) = &files[sample * 37 % files.len()];
        let edited = text.replacen("10.", "172.", 1);
        let (then, now) = (lowered(path, text), lowered(path, &edited));
        let file: Arc<str> = path.as_str().into();
        let begun = Instant::now();
        after.update(&file, &then, &now);
        let modules = BTreeSet::from([module_of(path).to_owned()]);
        let touched = predict(&before, &after, &modules, &Tables::default());
        for change in &touched {
            dependents(&before, &links, &change.module, &change.address);
        }
        times.push(begun.elapsed());
        sum += touched.len();
        after.update(&file, &now, &then);
    }
    let (median, last) = (percentile(&times, 50), percentile(&times, 99));
    Row::new(
        "One edit there: impact and blast radius of all that it touches, beyond the parse",
        "median at most 2 ms, p99 at most 10 ms",
        format!(
            "median {:.2} ms, p99 {:.2} ms; {:.1} resources touched at the mean",
            ms(median),
            ms(last),
            float(sum) / float(samples)
        ),
        ms(median) <= 2.0 && ms(last) <= 10.0,
    )
}

/// The index made from files on disk, and the command; each with nothing kept, and with what was kept then.
fn on_disk(files: &[(String, String)]) -> [Row; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |path: &str| folder.path().join(path.trim_start_matches('/'));
    let write = |path: &str, text: &str| {
        let path = place(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    };
    for (path, text) in files {
        write(path, text);
    }
    commit_all(folder.path());
    let kept = folder.path().join(".git/countersign/units");

    let paths: Vec<_> = files.iter().map(|(path, _)| (place(path), Language::Terraform)).collect();
    let index = || {
        let begun = Instant::now();
        let mut workspace = Workspace::default();
        for snapshot in snapshots(&paths) {
            workspace.update(&snapshot.file, &[], &units(&snapshot));
        }
        let elapsed = begun.elapsed();
        assert_eq!(workspace.everywhere("aws_vpc").count(), files.len());
        elapsed
    };
    let (cold, warm) = (index(), index());
    let bytes = std::fs::read_dir(&kept)
        .expect("something is kept")
        .flatten()
        .map(|entry| entry.metadata().map_or(0, |metadata| metadata.len()))
        .sum::<u64>();
    let index = Row::new(
        "The same index from files on disk, warm from its cache there",
        "at most 1 s",
        format!(
            "{:.2} s ({:.2} s the first time, which writes {:.0} MB)",
            warm.as_secs_f64(),
            cold.as_secs_f64(),
            float(usize::try_from(bytes).unwrap_or(usize::MAX)) / 1e6
        ),
        warm <= Duration::from_secs(1),
    );

    // What one person changes at once stands in neighbouring folders.
    for (path, text) in files.iter().take(CHANGED) {
        write(path, &text.replacen("10.", "172.", 1));
    }
    std::fs::remove_dir_all(&kept).expect("it is taken away");
    let command = || {
        let begun = Instant::now();
        let status = Command::new(COUNTERSIGN)
            .args(["impact", "--format", "json", "--fail-on", "never", "--base", "HEAD"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .status()
            .expect("the program starts");
        assert!(status.success(), "impact ended with {status}");
        begun.elapsed()
    };
    let (cold, warm) = (command(), command());
    let command = Row::new(
        format!("`countersign impact --base` on a change of {CHANGED} files among {}, warm", files.len()),
        "at most 1 s",
        format!("{:.2} s ({:.2} s the first time)", warm.as_secs_f64(), cold.as_secs_f64()),
        warm <= Duration::from_secs(1),
    );
    [index, command]
}
