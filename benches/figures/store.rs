//! How fast ledgers are sent to a team's store in PostgreSQL, and how long a report over all of it takes.

use crate::programs::git;
use crate::report::record;
use crate::table::Row;
use crate::{COUNTERSIGN, Settings};
use countersign_testkit::{Postgres, run};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Repositories, and entries of each.
const REPOSITORIES: usize = 5;
const ENTRIES: usize = 1_000_000;

/// Measures sending 5,000,000 entries of five repositories one after the other, and the page over all of them. Server and client share
/// the processors.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let each = if settings.quick { 10_000 } else { ENTRIES };
    let store = Postgres::new();
    let address = store.address("owner");
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let timed = |arguments: &[&str]| {
        let mut command = Command::new(COUNTERSIGN);
        command.args(arguments).current_dir(root);
        let begun = Instant::now();
        let output = run(&mut command, Duration::from_mins(20));
        assert!(output.status.success(), "{output:?}");
        begun.elapsed()
    };
    timed(&["sync", "--store", &address, "--set-up"]);
    let mut sending = Duration::ZERO;
    for number in 0..REPOSITORIES {
        let name = format!("repository-{number}");
        let repository = root.join(&name);
        fs::create_dir(&repository).expect("a folder");
        git(&repository, &["init", "-q"]);
        record(&repository, each);
        sending += timed(&["sync", "--store", &address, &name]);
        fs::remove_dir_all(&repository).expect("it is there");
    }
    let all = each * REPOSITORIES;
    let page = root.join("report.html");
    let took = timed(&["report", "--store", &address, "--since", "700d", "--format", "html", "-o", "report.html"]);
    let text = fs::read_to_string(&page).expect("a page");
    assert!(text.contains(&format!("intact, {all} entries in {REPOSITORIES} ledgers")), "all of it was read");
    let rate = f64::from(u32::try_from(all).expect("it is small")) / sending.as_secs_f64();
    vec![
        Row::new(
            format!(
                "Sync of {all} entries of {REPOSITORIES} ledgers to PostgreSQL on the same machine, whole processes"
            ),
            "at least 10,000 a second",
            format!("{rate:.0} a second"),
            rate >= 10_000.0,
        ),
        Row::new(
            format!("Report over {all} entries in PostgreSQL, their chains verified, whole process"),
            "at most 10 s",
            format!("{:.2} s", took.as_secs_f64()),
            took <= Duration::from_secs(10),
        ),
        Row::new("The same: its page", "at most 1 MB", format!("{} kB", text.len() / 1000), text.len() <= 1_000_000),
    ]
}
