//! Programs that run to their end.

use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Runs a command to its end and returns what it wrote; one that takes longer than `limit` fails the test.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    run_on(command, Stdio::null(), limit)
}

/// The same with something on standard input.
pub fn run_on(command: &mut Command, input: impl Into<Stdio>, limit: Duration) -> Output {
    let mut process = command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let stdout = read(process.stdout.take().expect("stdout is piped"));
    let stderr = read(process.stderr.take().expect("stderr is piped"));
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = process.try_wait().expect("the process can be waited for") {
            break status;
        }
        if Instant::now() > deadline {
            let _ = process.kill();
            panic!("{command:?} did not end within {limit:?}");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: JoinHandle<Vec<u8>>| reader.join().expect("reading does not panic");
    Output { status, stdout: text(stdout), stderr: text(stderr) }
}

/// Reads beside the process, which else would wait for room in the pipe.
fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is what there is.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
