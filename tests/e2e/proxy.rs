//! `countersign proxy`, between an editor and a completion server that are both played here.

use crate::cli::{findings, report};
use crate::editor::{COUNTERSIGN, Editor, FORCE, LIMIT, PUBLIC, SAFE, Workspace, path_of};
use crate::ledger::log;
use countersign_testkit::{frame, read_frame, run, run_on};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::ops::Range;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes what the proxy writes to one pipe and what comes from another to the proxy, so that a test can be the server.
const RELAY: &str = r#"cat <"$1" & exec cat >"$2""#;

/// How long a session may last; everything that waits for it ends with it.
const LIFETIME: Duration = Duration::from_secs(40);

/// A proxy with a server that is a shell script.
fn proxy(workspace: &Workspace, options: &[&str], script: &str) -> Command {
    let mut command = Command::new(COUNTERSIGN);
    command.arg("proxy").args(options).args(["--", "sh", "-c", script, "sh"]);
    command.current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    command
}

/// Runs a proxy whose client writes this and closes its end.
fn passed(options: &[&str], script: &str, input: &[u8]) -> Output {
    let workspace = Workspace::new();
    let path = workspace.state().join("input");
    fs::write(&path, input).expect("the input is written");
    run_on(&mut proxy(&workspace, options, script), File::open(path).expect("the input"), LIMIT)
}

/// Both ends of a proxy, and an editor with Countersign's own server beside it.
struct Session {
    process: Arc<Mutex<Child>>,
    to_proxy: Option<ChildStdin>,
    from_proxy: BufReader<ChildStdout>,
    server_reads: BufReader<File>,
    server_writes: Option<File>,
    editor: Editor,
    next_id: i64,
    _watchdog: Sender<()>,
}

impl Session {
    /// A session in which `main.tf` is open with this text.
    fn on(workspace: &Workspace, text: &str, options: &[&str]) -> Self {
        let pipes = ["out", "in"].map(|name| workspace.state().join(name));
        for pipe in &pipes {
            let _ = fs::remove_file(pipe);
        }
        assert!(run(Command::new("mkfifo").args(&pipes), LIMIT).status.success());
        let mut command = proxy(workspace, options, RELAY);
        command.args(&pipes).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the proxy starts");
        let to_proxy = process.stdin.take();
        let from_proxy = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let server_reads = BufReader::new(File::open(&pipes[1]).expect("the relay writes"));
        let server_writes = File::options().write(true).open(&pipes[0]).ok();
        let process = Arc::new(Mutex::new(process));
        let (watchdog, gone) = mpsc::channel();
        thread::spawn({
            let process = Arc::clone(&process);
            move || {
                if gone.recv_timeout(LIFETIME) == Err(RecvTimeoutError::Timeout) {
                    let _ = process.lock().expect("nobody failed with it").kill();
                }
            }
        });
        let editor = workspace.editor_on(text);
        let mut session = Self {
            process,
            to_proxy,
            from_proxy,
            server_reads,
            server_writes,
            editor,
            next_id: 0,
            _watchdog: watchdog,
        };
        let offered = json!({ "capabilities": {}, "serverInfo": { "name": "GitHub Copilot Language Server" } });
        session.ask("initialize", json!({ "capabilities": {} }), &offered);
        let document = json!({ "uri": session.editor.uri("main.tf"), "languageId": "x", "version": 1, "text": text });
        session.notify("textDocument/didOpen", json!({ "textDocument": document }));
        session
    }

    /// The client sends a message, which the server gets as it is.
    fn say_to_server(&mut self, message: &Value) {
        let stdin = self.to_proxy.as_mut().expect("stdin is open");
        stdin.write_all(&frame(message.to_string().as_bytes())).expect("the proxy reads");
        let read = read_frame(&mut self.server_reads).expect("a frame").expect("a message");
        assert_eq!(String::from_utf8(read).expect("UTF-8"), message.to_string());
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.say_to_server(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The server writes a message; what the client gets of it.
    fn say_to_client(&mut self, message: &str) -> String {
        let stdout = self.server_writes.as_mut().expect("the server's output is open");
        stdout.write_all(&frame(message.as_bytes())).expect("the proxy reads");
        let read = read_frame(&mut self.from_proxy).expect("a frame").expect("a message");
        String::from_utf8(read).expect("UTF-8")
    }

    /// The client asks, and the server answers this. What the client gets.
    fn ask(&mut self, method: &str, params: Value, result: &Value) -> String {
        self.next_id += 1;
        let id = self.next_id;
        self.say_to_server(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        // Spaces that no serializer writes: what passes is not written anew.
        self.say_to_client(&format!("{{ \"jsonrpc\":\"2.0\",  \"id\": {id}, \"result\" : {result} }}"))
    }

    /// The same for something at a byte of the text.
    fn ask_at(&mut self, method: &str, at: usize, result: &Value) -> String {
        let position = self.editor.range_of("main.tf", &(at..at))["start"].clone();
        let document = self.editor.document("main.tf");
        self.ask(method, json!({ "textDocument": document, "position": position }), result)
    }

    /// An inline completion is shown at the end of the text.
    fn suggest(&mut self, text: &str) -> usize {
        let at = self.editor.text("main.tf").len();
        let command = json!({ "command": "accept", "title": "", "arguments": [text] });
        self.ask_at(
            "textDocument/inlineCompletion",
            at,
            &json!({ "items": [{ "insertText": text, "command": command }] }),
        );
        at
    }

    /// Both servers are told of a change.
    fn edit(&mut self, range: Range<usize>, new: &str) {
        let changes = self.editor.prepare("main.tf", &[(range, new)]);
        self.send(changes.clone());
        self.editor.send("main.tf", changes);
    }

    fn send(&mut self, changes: Vec<Value>) {
        let document = json!({ "uri": self.editor.uri("main.tf"), "version": self.editor.version("main.tf") });
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    fn append(&mut self, new: &str) {
        let end = self.editor.text("main.tf").len();
        self.edit(end..end, new);
    }

    /// Ends the proxy, which leaves all that it knows, and waits until these are the texts by an AI.
    #[track_caller]
    fn ends_with(mut self, expected: &[&str]) {
        drop(self.to_proxy.take());
        drop(self.server_writes.take());
        let mut rest = Vec::new();
        self.from_proxy.read_to_end(&mut rest).expect("the proxy ends");
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        let status = self.process.lock().expect("nobody failed with it").wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
        if expected.is_empty() {
            let state = path_of(&self.editor.uri("main.tf").into()).with_file_name(".git/countersign/spool");
            let reports = fs::read_dir(state).into_iter().flatten().flatten();
            let names: Vec<_> = reports.map(|entry| entry.path()).filter(|path| path.extension().is_some()).collect();
            assert!(names.is_empty(), "nothing is to be reported: {names:?}");
        }
        for _ in 0..100 {
            if self.editor.ai_texts("main.tf") == expected {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.editor.ai_texts("main.tf"), expected);
    }
}

// Passing on.

#[test]
fn every_byte_passes_in_both_directions() {
    let large = vec![b' '; 70 << 20];
    let mut noise: Vec<u8> = (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    noise.extend_from_slice(&frame(b"{}"));
    let cases: [&[u8]; 8] = [
        b"",
        b"Content-Length: 5\r\n\r\n{\"a\"",
        b"Content-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}A: b\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"content-length:2\r\nContent-Type: x\r\n\r\n[]Content-Length: 0\r\n\r\nContent-Le",
        b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        &noise,
        &frame(&large),
    ];
    for input in cases {
        for options in [&[][..], &["--judge"]] {
            let output = passed(options, "cat", input);
            let start = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
            assert!(output.stdout == input, "{start:?} came as {} bytes", output.stdout.len());
            assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{start:?}");
        }
    }
}

#[test]
fn a_server_that_dies_within_a_message() {
    let workspace = Workspace::new();
    for options in [&[][..], &["--judge"]] {
        for (end, code) in [("exit 7", 7), ("kill -KILL $$", 137)] {
            let script = format!("printf 'Content-Length: 100\\r\\n\\r\\n{{'; echo oops >&2; {end}");
            let mut command = proxy(&workspace, options, &script);
            // The client does not close its end.
            let (reader, writer) = std::io::pipe().expect("a pipe");
            let output = run_on(&mut command, reader, LIMIT);
            drop(writer);
            assert_eq!(output.status.code(), Some(code));
            assert_eq!(output.stdout, b"Content-Length: 100\r\n\r\n{");
            assert_eq!(output.stderr, b"oops\n");
        }
    }
}

#[test]
fn a_server_that_leaves_its_output_to_another_process() {
    let started = std::time::Instant::now();
    let output = passed(&[], "sleep 30 2>/dev/null & echo last words; exit 3", b"");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), b"last words\n".as_slice()));
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_server_that_is_not_there() {
    let mut command = Command::new(COUNTERSIGN);
    let output = run(command.args(["proxy", "--", "/nowhere/server", "--stdio"]), LIMIT);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/server does not start"), "{output:?}");
}

#[test]
fn neither_direction_waits_for_the_other() {
    // The server writes much before it reads, and the client does the same.
    let workspace = Workspace::new();
    let mut command = proxy(&workspace, &[], "head -c 3000000 /dev/zero & wc -c >&2; wait");
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(&vec![b'x'; 5_000_000]).expect("the proxy reads");
    drop(stdin);
    let output = process.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, vec![0; 3_000_000]);
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "5000000");
}

#[test]
fn a_flood_of_messages_that_nobody_asked_for() {
    let script = r#"i=0; while [ $i -lt 20000 ]; do printf 'Content-Length: 40\r\n\r\n{"id":1,"result":[{"insertText":"abcde"}]}'; i=$((i+1)); done"#;
    for options in [&[][..], &["--judge"]] {
        let output = passed(options, script, b"");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 20_000 * 64), "{options:?}");
    }
}

// Who wrote what.

#[test]
fn an_accepted_inline_completion() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    let at = session.suggest(PUBLIC);
    session.edit(at..at, PUBLIC);
    let text = session.editor.text("main.tf").to_owned();
    workspace.write("main.tf", &text);
    session.ends_with(&[PUBLIC]);
    let (said, _) = report(&workspace, &["."]);
    assert_eq!(findings(&said), [("main.tf", "database-public", "deny")]);
    let origin = &said["findings"][0]["origin"];
    assert_eq!((&origin["tool"], &origin["authority"]), (&json!("github-copilot"), &json!("observed")));
    let entries = log(&workspace, &["--kind", "insertion"]);
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let told = (&entry["kind"], &entry["agent"], &entry["file"], &entry["body"]["means"], &entry["body"]["bytes"]);
    let means = json!("inlineCompletion");
    assert_eq!(told, (&json!("insertion"), &json!("github-copilot"), &json!("main.tf"), &means, &json!(PUBLIC.len())));
}

#[test]
fn the_editor_is_told_at_once() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &["--tool", "tabby"]);
    let at = session.suggest(FORCE);
    session.edit(at..at, FORCE);
    for _ in 0..100 {
        if !session.editor.regions("main.tf").is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let regions = session.editor.regions("main.tf");
    let [region] = regions.as_slice() else { panic!("{regions:?}") };
    assert_eq!((region.by.as_str(), region.text.as_str()), ("ai", FORCE));
    assert_eq!((&region.origin["tool"], &region.origin["authority"]), (&json!("tabby"), &json!("observed")));
    session.ends_with(&[FORCE]);
}

#[test]
fn every_method_that_suggests() {
    let edit = |text: &str| json!({ "text": text, "range": { "start": { "line": 3, "character": 0 }, "end": { "line": 3, "character": 0 } } });
    for (method, result) in [
        ("textDocument/inlineCompletion", json!([{ "insertText": { "kind": "snippet", "value": FORCE } }])),
        ("textDocument/completion", json!([{ "label": "zone", "insertText": FORCE }])),
        ("textDocument/completion", json!({ "items": [{ "label": "zone", "textEdit": { "newText": FORCE } }] })),
        ("textDocument/copilotInlineEdit", json!({ "edits": [edit(FORCE)] })),
        ("textDocument/copilotPanelCompletion", json!({ "items": [{ "insertText": FORCE }] })),
        ("getCompletions", json!({ "completions": [{ "text": FORCE, "displayText": FORCE, "uuid": "1" }] })),
        ("getCompletionsCycling", json!({ "completions": [{ "displayText": FORCE }] })),
    ] {
        let workspace = Workspace::git(&[("main.tf", SAFE)]);
        let mut session = Session::on(&workspace, SAFE, &[]);
        if method.starts_with("getCompletions") {
            let position = json!({ "line": 3, "character": 0 });
            let document = json!({ "uri": session.editor.uri("main.tf"), "position": position });
            session.ask(method, json!({ "doc": document }), &result);
        } else {
            session.ask_at(method, SAFE.len(), &result);
        }
        session.append(FORCE);
        session.ends_with(&[FORCE]);
    }
}

#[test]
fn what_was_there_before_stays_a_persons() {
    let before = "# 😀\nresource \"aws_route53_zone\" \"logs\" {\n  force";
    let workspace = Workspace::git(&[("main.tf", before)]);
    let mut session = Session::on(&workspace, before, &[]);
    // The suggestion is the whole line, and the editor replaces it.
    session.suggest("  force_destroy = true\n}\n");
    let line = session.editor.find("main.tf", "  force");
    session.edit(line, "  force_destroy = true\n}\n");
    session.ends_with(&["_destroy = true\n}\n"]);
}

#[test]
fn the_whole_text_sent_anew() {
    let before = "resource \"aws_route53_zone\" \"logs\" {\n  name = \"a\"\n}\n";
    let workspace = Workspace::git(&[("main.tf", before)]);
    let mut session = Session::on(&workspace, before, &[]);
    let at = before.find("\n}").expect("an end");
    session.ask_at("textDocument/inlineCompletion", at, &json!([{ "insertText": "\n  force_destroy = true" }]));
    let after = before.replace("\n}", "\n  force_destroy = true\n}");
    session.editor.replace_all("main.tf", &after);
    session.send(vec![json!({ "text": after })]);
    session.ends_with(&["\n  force_destroy = true"]);
}

#[test]
fn typed_letters_are_a_persons() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    session.suggest("locals {}\n");
    for letter in "locals {}\n".chars() {
        session.append(&letter.to_string());
    }
    // As an editor sends what is typed fast.
    session.suggest("variable \"a\" {}\n");
    for letters in ["va", "ria", "ble", " \"a", "\" {", "}\n"] {
        session.append(letters);
    }
    // Nor is white space, or the same text somewhere else.
    session.suggest("\n\n");
    session.append("\n\n");
    session.suggest("# hello world");
    session.edit(0..0, "# hello world");
    session.ends_with(&[]);
}

#[test]
fn the_rest_of_a_suggestion() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    session.suggest(FORCE);
    for letter in FORCE[..5].chars() {
        session.append(&letter.to_string());
    }
    session.append(&FORCE[5..]);
    session.ends_with(&[&FORCE[5..]]);
}

#[test]
fn parts_of_a_suggestion() {
    let item = json!({ "insertText": FORCE, "command": { "command": "accept", "arguments": [FORCE] } });
    // A first part alone is not enough, unless the client says so.
    for said in [false, true] {
        let workspace = Workspace::git(&[("main.tf", SAFE)]);
        let mut session = Session::on(&workspace, SAFE, &[]);
        session.suggest(FORCE);
        session.append("resource ");
        if said {
            session.notify("textDocument/didPartiallyAcceptCompletion", json!({ "item": item, "acceptedLength": 9 }));
        }
        session.ends_with(if said { &["resource "] } else { &[] });
    }
    // Two after each other are enough, and what follows, too.
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    session.suggest(FORCE);
    session.append("resource ");
    session.append("\"aws_route53_zone\" ");
    session.append("\"logs\" {\n");
    session.ends_with(&["resource \"aws_route53_zone\" ", "\"logs\" {\n"]);
    // A word is not cut.
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    session.suggest(FORCE);
    session.append("resou");
    session.append("rce \"aws");
    session.ends_with(&[]);
}

#[test]
fn a_short_suggestion_that_the_client_says_it_accepted() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let accept = json!({ "command": "accept", "arguments": ["# x"] });
    for said in [false, true] {
        let mut session = Session::on(&workspace, SAFE, &[]);
        session.suggest("# x");
        session.append("# x");
        if said {
            session.ask("workspace/executeCommand", accept.clone(), &Value::Null);
        }
        session.ends_with(if said { &["# x"] } else { &[] });
    }
}

#[test]
fn undo_and_redo() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &[]);
    let at = session.suggest(FORCE);
    session.append(FORCE);
    session.edit(at..at + FORCE.len(), "");
    session.edit(at..at, FORCE);
    session.append("# mine\n");
    session.ends_with(&[FORCE]);
}

// Judging.

/// What the client gets of these suggestions for the end of the text.
fn judged(session: &mut Session, method: &str, result: &Value) -> (String, Value) {
    let at = session.editor.text("main.tf").len();
    let answer = session.ask_at(method, at, result);
    let message: Value = serde_json::from_str(&answer).expect("JSON");
    (answer, message["result"].clone())
}

const JUDGE: &[&str] = &["--judge", "--judge-within", "10000"];

#[test]
fn a_suggestion_that_policy_denies_is_withheld() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, JUDGE);
    let safe = json!({ "insertText": SAFE.replace("safe", "two"), "score": 0.5 });
    let items = json!({ "items": [{ "insertText": PUBLIC }, safe] });
    let (answer, result) = judged(&mut session, "textDocument/inlineCompletion", &items);
    assert_eq!(result, json!({ "items": [safe] }));
    assert!(answer.starts_with("{ \"jsonrpc\":\"2.0\",  \"id\""), "the rest is as it was: {answer}");
    // Nothing to withhold: not a byte is another.
    let expected = format!("\"result\" : {} }}", json!([safe]));
    let (answer, _) = judged(&mut session, "textDocument/inlineCompletion", &json!([safe]));
    assert!(answer.ends_with(&expected), "{answer}");
    // What comes after a change is judged by the text as it is then.
    session.append("resource \"aws_lightsail_database\" \"db\" {\n");
    let (_, result) = judged(&mut session, "getCompletions", &json!([]));
    assert_eq!(result, json!([]));
    let rest = json!([{ "insertText": "  publicly_accessible = true\n}\n" }]);
    assert_eq!(judged(&mut session, "textDocument/inlineCompletion", &rest).1, json!([]));
    session.ends_with(&[]);
}

#[test]
fn a_suggestion_of_a_list_is_annotated() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, JUDGE);
    let items = json!([
        { "label": "zone", "insertText": FORCE, "documentation": "A zone." },
        { "label": "database", "insertText": PUBLIC },
        { "label": "locals" },
    ]);
    let (_, result) = judged(&mut session, "textDocument/completion", &items);
    assert_eq!(result[1], json!({ "label": "locals" }), "{result}");
    let documentation = result[0]["documentation"].as_str().expect("a text");
    assert!(documentation.starts_with("Countersign (review): ") && documentation.ends_with("\n\nA zone."), "{result}");
    assert_eq!(result[0]["labelDetails"]["description"], "Countersign: see documentation");
    session.ends_with(&[]);
}

#[test]
fn what_is_not_judged_passes() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    workspace.write("countersign.toml", "[files]\nexclude = [\"main.tf\"]\n");
    let mut session = Session::on(&workspace, SAFE, JUDGE);
    let items = json!([{ "insertText": PUBLIC }]);
    assert_eq!(judged(&mut session, "textDocument/inlineCompletion", &items).1, items, "excluded by the settings");
    session.ends_with(&[]);
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::on(&workspace, SAFE, &["--judge", "--judge-within", "0"]);
    assert_eq!(judged(&mut session, "textDocument/inlineCompletion", &items).1, items, "no time for it");
    session.ends_with(&[]);
}
