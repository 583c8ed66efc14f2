//! From a keystroke to its diagnostics.

use crate::document::{self, Document, Spot};
use crate::table::{Row, ms, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_testkit::{Client, frame};
use serde_json::{Value, json};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Findings of each file. The same number for every size, for a file is not worse because it is longer.
const FINDINGS: usize = 20;

/// Timed edits of each session and pace.
const EDITS: usize = 400;

/// Edits before that, while caches are cold and branches unknown.
const WARM_UP: usize = 40;

/// Other files of the module that are open in one of the sessions, and how long they are.
const OTHERS: usize = 199;
const OTHER_LINES: usize = 100;

/// How edits follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Each as soon as the one before was answered.
    AtOnce,
    /// Each after a pause and the edits of the other sessions, so that processor and caches have turned to something else:
    /// the same instructions take four to five times as long then.
    Typed,
}

impl Pace {
    /// Edits of one session before the next session has its turn.
    fn edits(self) -> usize {
        match self {
            Self::AtOnce => 20,
            Self::Typed => 1,
        }
    }

    /// Before each edit. Ten milliseconds are about the distance of two keys of a chord, and far less than that of two keys of
    /// a typist.
    fn pause(self) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::Typed => Duration::from_millis(10),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::AtOnce => "one edit after the other",
            Self::Typed => "10 ms apart",
        }
    }
}

/// Two rounds of edits through the spots in this order are spread over the whole file. It has no divisor in common with
/// [`FINDINGS`].
const STRIDE: usize = 7;

const URI: &str = "file:///figures/main.tf";

/// What is typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typing {
    /// A letter that makes a finding go or come.
    Letter,
    /// The same, and in the line above a bracket or a quote that nothing closes, by turns typed and taken away.
    Opener,
}

/// One document in one process.
pub(crate) struct Session {
    client: Client,
    uri: &'static str,
    version: i32,
    /// Edits so far.
    turn: usize,
    spots: Vec<Spot>,
    typing: Typing,
    /// An echo knows no findings.
    is_echo: bool,
}

impl Session {
    fn start(lines: usize, typing: Typing) -> Self {
        let session = Self::of(document::terraform(lines, FINDINGS), URI, "terraform");
        Self { typing, ..session }
    }

    /// With one document, which has [`FINDINGS`].
    pub(crate) fn of(Document { text, spots }: Document, uri: &'static str, language: &str) -> Self {
        let mut client = Client::start(COUNTERSIGN);
        client.initialize(json!({}));
        client.open(uri, language, &text);
        Self::new(client, uri, spots, Typing::Letter, false)
    }

    /// The same with so many other files of the module open, each of a hundred lines.
    fn in_module(lines: usize, others: usize) -> Self {
        let mut session = Self::start(lines, Typing::Letter);
        for other in 0..others {
            let Document { text, .. } = document::terraform_from(10_000 + other * 10, OTHER_LINES, 0);
            session.client.open(&format!("file:///figures/other{other}.tf"), "terraform", &text);
        }
        session
    }

    /// A process that answers with as many bytes as `of` does.
    fn echo(of: &mut Self) -> Self {
        let size = of.client.diagnostics_where(URI, 1, |_| true).message.to_string().len();
        let program = std::env::current_exe().expect("this program knows its own path");
        let client = Client::spawn(Command::new(program).args(["--echo", &size.to_string()]));
        let spots = document::terraform(5_000, FINDINGS).spots;
        Self::new(client, URI, spots, Typing::Letter, true)
    }

    fn new(mut client: Client, uri: &'static str, spots: Vec<Spot>, typing: Typing, is_echo: bool) -> Self {
        client.set_lifetime(Duration::from_hours(1));
        Self { client, uri, version: 1, turn: 0, spots, typing, is_echo }
    }

    /// Makes the next edit and returns how long its diagnostics took. An edit of an even turn takes a finding away, the next
    /// brings it back.
    pub(crate) fn edit(&mut self, pause: Duration) -> Duration {
        let pair = self.turn / 2;
        let is_removal = self.turn.is_multiple_of(2);
        self.turn += 1;
        let spot = &self.spots[pair * STRIDE % FINDINGS];
        let mut changes = Vec::new();
        if self.typing == Typing::Opener {
            let opener = if pair.is_multiple_of(2) { "{" } else { "\"" };
            changes.push(letter(spot.line - 1, spot.column_above, opener, !is_removal));
        }
        changes.push(letter(spot.line, spot.column, &spot.letter.to_string(), is_removal));

        self.version += 1;
        let message = json!({
            "jsonrpc": "2.0",
            "method": "textDocument/didChange",
            "params": { "textDocument": { "uri": self.uri, "version": self.version }, "contentChanges": changes },
        });
        let message = frame(message.to_string().as_bytes());
        let (line, is_echo) = (spot.line, self.is_echo);
        let is_answer = |diagnostics: &[Value]| {
            let is_found = diagnostics.iter().any(|diagnostic| diagnostic["range"]["start"]["line"] == line);
            is_echo || is_found != is_removal
        };
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let written = Instant::now();
        self.client.write_raw(&message);
        self.client.diagnostics_where(self.uri, self.version, is_answer).at - written
    }
}

/// The change that removes or inserts a letter.
fn letter(line: usize, column: usize, letter: &str, is_removal: bool) -> Value {
    let start = json!({ "line": line, "character": column });
    if is_removal {
        json!({ "range": { "start": start, "end": { "line": line, "character": column + 1 } }, "text": "" })
    } else {
        json!({ "range": { "start": start, "end": start }, "text": letter })
    }
}

/// Edits in turns between all sessions, so that whatever else the machine does meets all of them.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let mut short = Session::start(5_000, Typing::Letter);
    let echo = Session::echo(&mut short);
    let long = Session::start(100_000, Typing::Letter);
    let broken = Session::start(5_000, Typing::Opener);
    let module = Session::in_module(5_000, OTHERS);
    let mut sessions = [short, echo, long, broken, module];
    let edits = if settings.quick { EDITS / 10 } else { EDITS };
    let mut all = Vec::new();
    for pace in [Pace::AtOnce, Pace::Typed] {
        let mut samples: [Vec<Duration>; 5] = Default::default();
        for turn in (0..WARM_UP + edits).step_by(pace.edits()) {
            for (session, samples) in sessions.iter_mut().zip(&mut samples) {
                for _ in 0..pace.edits() {
                    let sample = session.edit(pace.pause());
                    if turn >= WARM_UP {
                        samples.push(sample);
                    }
                }
            }
        }
        all.extend(rows(&samples, pace));
    }
    for session in &mut sessions {
        if session.is_echo {
            // It knows no `shutdown` either, and ends with its input.
            drop(session.client.take_stdin());
            assert_eq!(session.client.wait_exit(), Some(0), "the echo");
        }
    }
    all
}

fn rows(samples: &[Vec<Duration>; 5], pace: Pace) -> Vec<Row> {
    let [short, echo, long, broken, module] =
        samples.each_ref().map(|samples| (percentile(samples, 50), percentile(samples, 99)));
    let above = ms(short.0) - ms(echo.0);
    let with_echo = |own: Duration, echo: Duration| format!("{:.2} ms; echo {:.2} ms", ms(own), ms(echo));
    let ratio = |long: Duration, short: Duration| long.as_secs_f64() / short.as_secs_f64();
    let of =
        |ratio: f64, long: Duration, short: Duration| format!("{ratio:.2}×: {:.2} ms of {:.2} ms", ms(long), ms(short));
    let (p50, p99) = (ratio(long.0, short.0), ratio(long.1, short.1));
    let name = |figure: &str| format!("{figure}; {}", pace.in_words());
    vec![
        Row::new(
            name("Edit to diagnostics, 5,000 lines, p50"),
            "at most 0.5 ms above echo",
            format!("{above:.2} ms above: {}", with_echo(short.0, echo.0)),
            above <= 0.5,
        ),
        Row::new(
            name("Edit to diagnostics, 5,000 lines, p99"),
            "at most 2 ms",
            with_echo(short.1, echo.1),
            ms(short.1) <= 2.0,
        ),
        Row::new(name("The same in 100,000 lines, p50"), "at most 1.5× as long", of(p50, long.0, short.0), p50 <= 1.5),
        Row::new(name("The same in 100,000 lines, p99"), "at most 1.5× as long", of(p99, long.1, short.1), p99 <= 1.5),
        Row::new(
            name("With a bracket or quote left open, 5,000 lines, p99"),
            "at most 5 ms",
            format!("{:.2} ms; p50 {:.2} ms", ms(broken.1), ms(broken.0)),
            ms(broken.1) <= 5.0,
        ),
        Row::new(
            name("With 199 other files of the module open, 5,000 lines, p50"),
            "at most 0.5 ms above echo",
            format!("{:.2} ms above: {}", ms(module.0) - ms(echo.0), with_echo(module.0, echo.0)),
            ms(module.0) - ms(echo.0) <= 0.5,
        ),
        Row::new(
            name("With 199 other files of the module open, 5,000 lines, p99"),
            "at most 2 ms",
            with_echo(module.1, echo.1),
            ms(module.1) <= 2.0,
        ),
    ]
}
