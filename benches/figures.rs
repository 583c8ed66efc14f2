//! The figures that Countersign promises, measured: `cargo bench -p countersign --bench figures`.
//!
//! Prints one Markdown table. A bar that is not met is reported and does not fail the run. Every comparison (with an echo
//! over the same pipes, with tree-sitter's own parse) is made in the same run, in turns.
//!
//! Options: `--only latency,traces,check,start,provenance,impact,agents,gate,languages,report,incident,store` for some of the groups, `--quick` for a run of seconds that
//! shows whether the benchmark itself works. The traces and corpora are looked for in `$COUNTERSIGN_SHARED`, else in `../shared` beside
//! the workspace.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that measures: what goes wrong ends it, and its table goes to standard output"
)]

#[path = "figures/agents.rs"]
mod agents;
#[path = "figures/check.rs"]
mod check;
#[path = "figures/document.rs"]
mod document;
#[path = "figures/echo.rs"]
mod echo;
#[path = "figures/gate.rs"]
mod gate;
#[path = "figures/impact.rs"]
mod impact;
#[path = "figures/incident.rs"]
mod incident;
#[path = "figures/languages.rs"]
mod languages;
#[path = "figures/latency.rs"]
mod latency;
#[path = "figures/programs.rs"]
mod programs;
#[path = "figures/provenance.rs"]
mod provenance;
#[path = "figures/report.rs"]
mod report;
#[path = "figures/start.rs"]
mod start;
#[cfg(target_os = "linux")]
#[path = "figures/store.rs"]
mod store;
#[path = "figures/table.rs"]
mod table;
#[path = "figures/traces.rs"]
mod traces;

use std::path::PathBuf;
use table::Row;

/// The program that is measured.
const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// Measures one group of figures.
type Group = fn(&Settings) -> Vec<Row>;

/// The groups, by the names that `--only` takes.
const GROUPS: &[(&str, Group)] = &[
    ("latency", latency::measure),
    ("traces", traces::measure),
    ("check", check::measure),
    ("start", start::measure),
    ("provenance", provenance::measure),
    ("impact", impact::measure),
    ("agents", agents::measure),
    ("gate", gate::measure),
    ("languages", languages::measure),
    ("report", report::measure),
    ("incident", incident::measure),
    #[cfg(target_os = "linux")]
    ("store", store::measure),
];

/// What a measurement goes by.
struct Settings {
    /// Few samples: to see that the benchmark works, not for its figures.
    quick: bool,
    /// Where the traces and corpora are.
    shared: PathBuf,
}

fn main() {
    let mut only = None;
    let mut quick = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--echo" => return echo::run(&arguments.next().expect("--echo takes the size of an answer")),
            "--only" => only = Some(arguments.next().expect("--only takes names of groups")),
            "--quick" => quick = true,
            // `cargo bench` adds it.
            "--bench" => {}
            other => panic!("there is no option {other}; see the first lines of benches/figures.rs"),
        }
    }
    let shared = std::env::var_os("COUNTERSIGN_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let settings = Settings { quick, shared };
    let is_wanted = |name: &str| only.as_ref().is_none_or(|only: &String| only.split(',').any(|wanted| wanted == name));

    let mut rows = Vec::new();
    for (name, measure) in GROUPS.iter().filter(|(name, _)| is_wanted(name)) {
        eprintln!("measuring {name} …");
        rows.extend(measure(&settings));
    }
    print!("{}", table::markdown(&rows));
}
