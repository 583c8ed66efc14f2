//! How often the cause of an incident is among the first candidates, and how long that takes.

use crate::table::{Row, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_testkit::{Scene, run, scripted};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Asks about the ten incidents of the scripted history: 300 changes and 100 commands of agents, with ten known causes.
pub(crate) fn measure(_: &Settings) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it is there");
    let scenes = scripted(&root, Path::new(COUNTERSIGN));
    let mut times = Vec::new();
    let mut places = Vec::new();
    for Scene { arguments, cause } in &scenes {
        let mut command = Command::new(COUNTERSIGN);
        command.args(["incident", "new", "--dry-run", "--format", "json"]).args(arguments).current_dir(&root);
        let begun = Instant::now();
        let output = run(&mut command, Duration::from_mins(2));
        times.push(begun.elapsed());
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        places.push(cause.place(&found));
    }
    let within = |most: usize| places.iter().filter(|place| place.is_some_and(|place| place <= most)).count();
    vec![
        Row::new(
            "Incidents of the scripted history: the cause is among the first three",
            "at least 9 of 10",
            format!("{} of {}, {} of them first", within(3), places.len(), within(1)),
            within(3) * 10 >= places.len() * 9,
        ),
        Row::new(
            "The same: time of one, some 20 steps, whole process, median",
            "no bar",
            format!("{:.2} s", percentile(&times, 50).as_secs_f64()),
            true,
        ),
    ]
}
