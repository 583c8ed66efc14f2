//! What it costs to have the server at all.

use crate::table::{Row, mb, ms, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_testkit::Client;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Measures the start, the memory of an idle server and the size of the program.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let starts: Vec<Duration> = (0..if settings.quick { 3 } else { 20 }).map(|_| start()).collect();
    let start = percentile(&starts, 50);
    let size = std::fs::metadata(COUNTERSIGN).expect("the program is there").len();
    let size = mb(usize::try_from(size).expect("a size that fits"));
    let idle = ("Memory of an idle server", "at most 30 MB");
    vec![
        Row::new(
            "Start to the answer to `initialize`, median",
            "at most 30 ms",
            format!("{:.1} ms", ms(start)),
            ms(start) <= 30.0,
        ),
        match idle_memory() {
            Some(bytes) => Row::new(idle.0, idle.1, format!("{:.1} MB", mb(bytes)), mb(bytes) <= 30.0),
            None => Row::skipped(idle.0, idle.1, "this system has no `/proc`"),
        },
        Row::new("Size of the program", "at most 30 MB", format!("{size:.1} MB"), size <= 30.0),
    ]
}

fn start() -> Duration {
    let begun = Instant::now();
    let mut client = Client::start(COUNTERSIGN);
    let id = client.send_request("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
    client.wait("the answer to initialize", |message| message["id"] == id).at - begun
}

/// Resident memory a second after the session began.
fn idle_memory() -> Option<usize> {
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(Value::Object(serde_json::Map::default()));
    std::thread::sleep(Duration::from_secs(1));
    memory(client.id(), "VmRSS")
}

/// A size from Linux' `/proc/<pid>/status` in bytes; `None` where there is none, as when the process has ended.
pub(crate) fn memory(process: u32, field: &str) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1024)
}
