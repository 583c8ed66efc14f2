//! Hours of people's real typing, as fast as the server takes it, and whether it still has the same text afterwards.
//!
//! The traces are josephg/editing-traces (CC BY 4.0). Each is typed in every position encoding, as it is and in other
//! scripts with CR LF, so that no two ways of counting agree by chance.

use crate::table::{Row, float};
use crate::{COUNTERSIGN, Settings};
use countersign_testkit::{Client, Encoding, LspText, frame};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// Edits of each trace with `--quick`.
const QUICK_EDITS: usize = 2_000;

/// A block that has a finding wherever it stands.
const SYNC_CHECK: &str = "\nresource \"aws_db_instance\" \"sync_check\" {\n  publicly_accessible = true\n}\n";

/// What somebody typed.
struct Trace {
    name: String,
    /// Where, how many characters go, and what comes; counted in code points.
    patches: Vec<(usize, usize, String)>,
    end: String,
}

/// How a trace is typed.
#[derive(Debug, Clone, Copy)]
struct Variant {
    encoding: Encoding,
    /// Letters are replaced by characters of two to four bytes, and LF by CR LF.
    foreign: bool,
}

/// A trace as messages.
struct Script {
    messages: Vec<u8>,
    edits: usize,
    text: LspText,
}

/// Types all traces in all variants.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let speed = ("Real editing traces, slowest of 6 variants", "at least 20,000 edits a second");
    let sync = ("Texts out of step after a trace", "0");
    let traces = load(settings);
    if traces.is_empty() {
        let why = "the traces are not there";
        return vec![Row::skipped(speed.0, speed.1, why), Row::skipped(sync.0, sync.1, why)];
    }
    let (mut rates, mut failures, mut texts, mut edits) = (Vec::new(), 0, 0, 0);
    for foreign in [false, true] {
        for encoding in Encoding::ALL {
            let variant = Variant { encoding, foreign };
            let mut server = start(encoding);
            let (mut time, mut typed) = (Duration::ZERO, 0);
            for trace in &traces {
                let uri = format!("file:///figures/{}.tf", trace.name);
                let script = variant.script(trace, &uri);
                time += play(&mut server, &uri, &script);
                typed += script.edits;
                texts += 1;
                if let Err(how) = check_sync(&mut server, &uri, script, variant) {
                    eprintln!("{} is out of step, {variant:?}: {how}", trace.name);
                    failures += 1;
                }
            }
            edits += typed;
            rates.push((float(typed) / time.as_secs_f64(), variant));
        }
    }
    let (rate, variant) = rates.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are variants");
    let script = if variant.foreign { "foreign scripts and CR LF" } else { "as they are" };
    let encoding = variant.encoding.name();
    vec![
        Row::new(speed.0, speed.1, format!("{rate:.0} edits a second ({encoding}, {script})"), rate >= 20_000.0),
        Row::new(sync.0, sync.1, format!("{failures} of {texts}, after {edits} edits"), failures == 0),
    ]
}

fn load(settings: &Settings) -> Vec<Trace> {
    let folder = std::fs::read_dir(settings.shared.join("data/traces"));
    let mut paths: Vec<_> = folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| read(path, settings.quick)).collect()
}

fn read(path: &Path, quick: bool) -> Option<Trace> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json.gz")?.to_owned();
    let mut json = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).ok()?).read_to_string(&mut json).expect("gzip");
    let trace: Value = serde_json::from_str(&json).expect("JSON");
    let transactions = trace["txns"].as_array().expect("transactions");
    let all = transactions.iter().flat_map(|transaction| transaction["patches"].as_array().expect("patches"));
    let mut patches: Vec<(usize, usize, String)> =
        all.map(|patch| serde_json::from_value(patch.clone()).expect("a patch")).collect();
    let mut end = trace["endContent"].as_str().expect("a text").to_owned();
    if quick {
        patches.truncate(QUICK_EDITS);
        end.clear();
    }
    Some(Trace { name, patches, end })
}

impl Variant {
    fn script(self, trace: &Trace, uri: &str) -> Script {
        // The text is kept with LF: the line breaks are no part of any position.
        let mut text = LspText::new("", self.encoding);
        let mut messages = Vec::new();
        for (version, (start, removed, inserted)) in (2..).zip(&trace.patches) {
            let start = offset(text.as_str(), 0, *start);
            let end = offset(text.as_str(), start, *removed);
            let inserted = self.letters(inserted);
            let mut change = text.edit(start..end, &inserted);
            change["text"] = self.line_breaks(&inserted).into();
            messages.extend(did_change(uri, version, &change));
        }
        assert!(trace.end.is_empty() || text.as_str() == self.letters(&trace.end), "the model follows the trace");
        Script { messages, edits: trace.patches.len(), text }
    }

    /// Replaces letters one for one, always in the same way.
    fn letters(self, text: &str) -> String {
        let foreign = |c: char| {
            let seed = u32::from(c).wrapping_mul(0x9E37_79B1) >> 16;
            let first = [0xC0, 0x4E00, 0x1F300][seed as usize % 3];
            char::from_u32(first + (u32::from(c) & 0x3F)).expect("these ranges have no gaps")
        };
        text.chars().map(|c| if self.foreign && c.is_ascii_alphabetic() { foreign(c) } else { c }).collect()
    }

    fn line_breaks(self, text: &str) -> String {
        if self.foreign { text.replace('\n', "\r\n") } else { text.to_owned() }
    }
}

/// Byte offset of so many characters behind a byte offset.
fn offset(text: &str, from: usize, characters: usize) -> usize {
    let mut rest = text[from..].chars();
    if characters > 0 {
        rest.nth(characters - 1).expect("the patch lies within the text");
    }
    text.len() - rest.as_str().len()
}

fn did_change(uri: &str, version: usize, change: &Value) -> Vec<u8> {
    let document = json!({ "uri": uri, "version": version });
    let params = json!({ "textDocument": document, "contentChanges": [change] });
    let message = json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": params });
    frame(message.to_string().as_bytes())
}

fn start(encoding: Encoding) -> Client {
    let mut server = Client::start(COUNTERSIGN);
    server.set_lifetime(Duration::from_hours(1));
    let offers = server.initialize(json!({ "general": { "positionEncodings": [encoding.name()] } }));
    assert_eq!(offers["capabilities"]["positionEncoding"], encoding.name(), "the encoding is taken");
    server
}

/// Types a whole trace and returns how long it took until the server had followed it to its end.
fn play(server: &mut Client, uri: &str, script: &Script) -> Duration {
    server.open(uri, "terraform", "");
    let begun = Instant::now();
    server.write_raw(&script.messages);
    let id = server.send_request(
        "textDocument/hover",
        json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 0 } }),
    );
    server.set_patience(Duration::from_mins(10));
    let followed = server.wait("the answer to the hover at the end", |message| message["id"] == id).at;
    server.set_patience(Duration::from_secs(10));
    followed - begun
}

/// Whether the server has the text that was typed: the digest of all of it, and the place of a finding at its end.
fn check_sync(server: &mut Client, uri: &str, script: Script, variant: Variant) -> Result<(), String> {
    let Script { mut text, edits, .. } = script;
    let mut version = edits + 1;
    for (at, new) in [(text.as_str().len(), SYNC_CHECK), (0, "# From here on everything is a line lower.\n")] {
        version += 1;
        let mut change = text.edit(at..at, new);
        change["text"] = variant.line_breaks(new).into();
        server.write_raw(&did_change(uri, version, &change));
    }
    let value = text.as_str().rfind("true\n}").expect("the block is there");
    let expected = text.range(&(value..value + "true".len()));
    let found = server.wait_for(|message| {
        let params = &message["params"];
        let is_there = |diagnostic: &Value| diagnostic["code"] == "database-public" && diagnostic["range"] == expected;
        params["uri"] == uri
            && params["version"] == version
            && params["diagnostics"].as_array().is_some_and(|all| all.iter().any(is_there))
    });
    // Evidence about a version that brought new text is about that text only, hence one that brings none.
    version += 1;
    let document = json!({ "uri": uri, "version": version });
    server.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [] }));
    let all = text.range(&(0..text.as_str().len()));
    let origin = json!({ "tool": "figures", "means": "agent" });
    server.notify("countersign/edit", json!({ "textDocument": document, "ranges": [all], "origin": origin }));
    let regions = server.request("countersign/regions", json!({ "textDocument": { "uri": uri } }));
    server.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));

    let expected_digest = digest(&variant.line_breaks(text.as_str()));
    let regions = regions.map_err(|error| error.message)?;
    if regions[0]["contentSha256"] != expected_digest {
        return Err(format!("the text of {all} is another one; the first region is {}", regions[0]));
    }
    found.map(|_| ()).ok_or_else(|| format!("no finding stands at {expected}"))
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
