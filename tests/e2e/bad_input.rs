//! What no well-behaved client sends and no sane person writes. Nothing of it may end the server, wedge it, or leave it
//! with a wrong text.

use countersign_testkit::{Client, Encoding, LspText, RpcError, frame, run};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
const URI: &str = "file:///bad-input/main.tf";

/// Has the finding `database-public` in its second line.
const PUBLIC: &str = "resource \"aws_db_instance\" \"db\" {\n  publicly_accessible = true\n}\n";

/// How long a command may take on any input.
const LIMIT: Duration = Duration::from_secs(10);

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const NOT_INITIALIZED: i64 = -32002;

fn session() -> Client {
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(json!({}));
    client
}

/// A session with `text` in version 1 of [`URI`].
fn session_with(text: &str) -> Client {
    let mut client = session();
    client.open(URI, "terraform", text);
    client
}

fn document() -> Value {
    json!({ "uri": URI })
}

fn code(answer: Result<Value, RpcError>) -> i64 {
    answer.expect_err("an error").code
}

/// Lines with a finding of this risk.
fn lines(diagnostics: &[Value], risk: &str) -> Vec<u64> {
    let found = diagnostics.iter().filter(|diagnostic| diagnostic["code"] == risk);
    found.filter_map(|diagnostic| diagnostic["range"]["start"]["line"].as_u64()).collect()
}

/// A new document gets its findings.
fn assert_goes_on(client: &mut Client) {
    let uri = "file:///bad-input/after.tf";
    client.open(uri, "terraform", PUBLIC);
    assert_eq!(lines(&client.diagnostics(uri, 1), "database-public"), [1]);
}

/// The server has exactly this text: a block that is appended to it has its finding where it stands.
fn assert_in_step(client: &mut Client, version: i32, text: &str) {
    let mut text = LspText::new(text, Encoding::Utf16);
    let end = text.as_str().len();
    let change = text.edit(end..end, &format!("\n{PUBLIC}"));
    client.change(URI, version, json!([change]));
    let expected = text.position(text.as_str().rfind("publicly").expect("it was just appended")).0 as u64;
    let found = lines(&client.diagnostics(URI, version), "database-public");
    assert_eq!(found.last(), Some(&expected), "{found:?}");
}

/// Runs `countersign check` on a file that `write` makes, and returns its findings.
fn check(write: impl FnOnce(&Path)) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("main.tf");
    write(&path);
    let output = run(Command::new(COUNTERSIGN).args(["check", "--format", "json"]).arg(&path), LIMIT);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    serde_json::from_value(report["findings"].take()).expect("findings")
}

fn check_text(text: &str) -> Vec<Value> {
    check(|path| std::fs::write(path, text).expect("the file is written"))
}

/// One finding says that a limit was met, and which.
fn assert_not_analysed(findings: &[Value], risk: &str, limit: &str) {
    let named = findings.iter().filter(|finding| finding[risk] == "not-analysed");
    let messages: Vec<_> = named.map(|finding| finding["message"].as_str().expect("a message")).collect();
    assert!(messages.iter().any(|message| message.contains(limit)), "{limit:?} is not in {messages:?}");
}

// Documents.

#[test]
fn nul_bytes_hide_their_own_block_only() {
    let text = format!("resource \"a\" \"b\" {{\n  c = \"\0\"\n}}\n\n{PUBLIC}");
    let mut client = session_with(&text);
    let diagnostics = client.diagnostics(URI, 1);
    assert_eq!(lines(&diagnostics, "database-public"), [5]);
    assert_not_analysed(&diagnostics, "code", "NUL");
    assert_in_step(&mut client, 2, &text);
}

#[test]
fn a_huge_file_is_not_read() {
    let findings = check(|path| {
        File::create(path).and_then(|file| file.set_len(200 << 20)).expect("a sparse file");
    });
    assert_not_analysed(&findings, "risk", "16 MiB");
}

#[test]
fn a_huge_document_is_not_analysed() {
    let mut client = session_with(&"# twenty byte line.\n".repeat(1 << 20));
    assert_not_analysed(&client.diagnostics(URI, 1), "code", "16 MiB");
    assert_goes_on(&mut client);
}

#[test]
fn one_line_of_50_mb() {
    let findings = check_text(&format!("a = \"{}\"\n", "b".repeat(50_000_000)));
    assert_not_analysed(&findings, "risk", "16 MiB");
}

#[test]
fn one_line_just_below_the_limit_of_a_file() {
    let findings = check_text(&format!("a = \"{}\"\n\n{PUBLIC}", "b".repeat(15 << 20)));
    assert_not_analysed(&findings, "risk", "KiB");
    assert!(findings.iter().any(|finding| finding["risk"] == "database-public"), "the next block is analysed");
}

#[test]
fn nested_brackets() {
    let text = format!("a = {}\n", "[".repeat(100_000));
    assert_not_analysed(&check_text(&text), "risk", "nested");
    let mut client = session_with(&text);
    assert_not_analysed(&client.diagnostics(URI, 1), "code", "nested");
    assert_goes_on(&mut client);
}

#[test]
fn a_change_behind_the_end_is_made_at_the_end() {
    let mut client = session_with("a = 1\n");
    let far = json!({ "line": 1_000_000_000, "character": i32::MAX });
    let behind_the_line = json!({ "line": 0, "character": i32::MAX });
    client.change(
        URI,
        2,
        json!([
            { "range": { "start": far, "end": far }, "text": "b = 2" },
            { "range": { "start": behind_the_line, "end": behind_the_line }, "text": "0" },
        ]),
    );
    assert_in_step(&mut client, 3, "a = 10\nb = 2");
}

#[test]
fn a_reversed_range_does_no_lasting_harm() {
    let mut client = session_with("a = 1\nb = 2\n");
    let (start, end) = (json!({ "line": 1, "character": 3 }), json!({ "line": 0, "character": 1 }));
    client.change(URI, 2, json!([{ "range": { "start": start, "end": end }, "text": "x" }]));
    client.change(URI, 3, json!([{ "text": "c = 3\n" }]));
    assert_in_step(&mut client, 4, "c = 3\n");
}

#[test]
fn a_version_that_goes_back_is_taken() {
    let mut client = session_with("a = 1\n");
    client.change(URI, 7, json!([{ "text": "b = 2\n" }]));
    assert_in_step(&mut client, 3, "b = 2\n");
}

/// Where the block stands is known after the first of the changes and another place after the second.
#[test]
fn a_block_and_a_letter_before_it_in_one_message() {
    let mut client = session_with("# é");
    let at = |character: u32| {
        let place = json!({ "line": 0, "character": character });
        json!({ "start": place, "end": place })
    };
    let block = "\nsome_setting_of_many = \"and its value\"".repeat(20);
    client.change(URI, 2, json!([{ "range": at(3), "text": block }, { "range": at(0), "text": "#" }]));
    assert_in_step(&mut client, 3, &format!("## é{block}"));
}

#[test]
fn a_document_that_was_never_opened() {
    let mut client = session();
    client.change(URI, 1, json!([{ "text": PUBLIC }]));
    assert!(client.notification("window/logMessage")["message"].as_str().is_some_and(|message| message.contains(URI)));
    let answer = client.request(
        "textDocument/hover",
        json!({ "textDocument": document(), "position": { "line": 0, "character": 0 } }),
    );
    let error = answer.expect_err("an error");
    assert_eq!(error.code, INVALID_PARAMS);
    assert!(error.message.contains(URI), "{error:?}");
    client.notify("textDocument/didClose", json!({ "textDocument": document() }));
    assert!(client.notification("window/logMessage")["message"].as_str().is_some_and(|message| message.contains(URI)));
    assert_goes_on(&mut client);
}

/// The server looks upwards from a file, in a path that has more parts than its stack has room for.
#[test]
fn a_document_whose_path_no_system_opens() {
    let mut client = session();
    let uri = format!("file:///bad-input/{}main.tf", "a/".repeat(200_000));
    client.open(&uri, "terraform", PUBLIC);
    assert_eq!(lines(&client.diagnostics(&uri, 1), "database-public"), [1]);
    assert_goes_on(&mut client);
}

// Messages.

#[test]
fn unknown_methods() {
    let mut client = session();
    assert_eq!(code(client.request("textDocument/unknown", json!({}))), METHOD_NOT_FOUND);
    assert_eq!(code(client.request("$/unknown", json!({}))), METHOD_NOT_FOUND);
    client.notify("textDocument/unknown", json!({}));
    client.notify("$/unknown", json!({}));
    assert_goes_on(&mut client);
}

#[test]
fn wrong_parameters() {
    let mut client = session();
    assert_eq!(code(client.request("textDocument/hover", json!({ "textDocument": 1 }))), INVALID_PARAMS);
    client.notify("textDocument/didOpen", json!([]));
    assert_goes_on(&mut client);
}

#[test]
fn a_body_that_is_no_utf_8() {
    let mut client = session();
    client.write_raw(&frame(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}"));
    assert_eq!(code(client.reply(Value::Null)), PARSE_ERROR);
    assert_goes_on(&mut client);
}

#[test]
fn a_body_that_is_no_json() {
    let mut client = session();
    client.write_raw(&frame(b"{\"jsonrpc\":"));
    assert_eq!(code(client.reply(Value::Null)), PARSE_ERROR);
    assert_goes_on(&mut client);
}

#[test]
fn a_body_that_nests_too_deep() {
    let mut client = session();
    client.write_raw(&frame("[".repeat(1_000_000).as_bytes()));
    assert_eq!(code(client.reply(Value::Null)), PARSE_ERROR);
    assert_goes_on(&mut client);
}

#[test]
fn json_that_is_no_json_rpc() {
    let mut client = session();
    for body in ["{}", "[]", "42", "null", "\"text\"", "{\"jsonrpc\":\"2.0\"}"] {
        client.write_raw(&frame(body.as_bytes()));
        assert_eq!(code(client.reply(Value::Null)), INVALID_REQUEST, "{body}");
    }
    assert_goes_on(&mut client);
}

#[test]
fn an_answer_to_no_question() {
    let mut client = session();
    client.write_message(&json!({ "jsonrpc": "2.0", "id": 4_711, "result": null }));
    client.write_message(&json!({ "jsonrpc": "2.0", "id": "x", "error": { "code": 1, "message": "no" } }));
    assert_goes_on(&mut client);
}

// Headers.

#[test]
fn half_a_header_and_then_nothing() {
    let mut client = session();
    client.write_raw(b"Content-Len");
    drop(client.take_stdin());
    assert_eq!(client.wait_exit(), Some(1));
}

#[test]
fn half_a_body_and_then_nothing() {
    let mut client = session();
    client.write_raw(b"Content-Length: 100\r\n\r\n{");
    drop(client.take_stdin());
    assert_eq!(client.wait_exit(), Some(1));
}

#[test]
fn headers_without_a_usable_length() {
    let headers =
        ["Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 999999999999", "X-Other: 1"];
    for header in headers {
        let mut client = session();
        client.write_raw(format!("{header}\r\n\r\n").as_bytes());
        let error = client.reply(Value::Null).expect_err("an error");
        let names_length = error.message.contains("Content-Length") || error.message.contains("bytes");
        assert!(names_length, "{header}: {error:?}");
        // What follows such a header cannot be told apart from its body, so the server may end now, or go on.
        drop(client.take_stdin());
        assert_eq!(client.wait_exit(), Some(1), "{header}");
    }
}

#[test]
fn other_headers_are_accepted() {
    let mut client = session();
    let body = json!({ "jsonrpc": "2.0", "id": "mine", "method": "textDocument/unknown" }).to_string();
    let length = body.len();
    let content_type = "Content-Type: application/vscode-jsonrpc; charset=utf-8";
    client.write_raw(format!("X-Other: 1\r\n{content_type}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes());
    assert_eq!(code(client.reply("mine")), METHOD_NOT_FOUND);
}

// The life of a session.

#[test]
fn a_request_before_initialize() {
    let mut client = Client::start(COUNTERSIGN);
    assert_eq!(code(client.request("textDocument/hover", json!({}))), NOT_INITIALIZED);
    client.initialize(json!({}));
}

#[test]
fn initialize_twice() {
    let mut client = session();
    assert_eq!(code(client.request("initialize", json!({ "capabilities": {} }))), INVALID_REQUEST);
    assert_goes_on(&mut client);
}

#[test]
fn a_request_after_shutdown() {
    let mut client = session();
    client.request("shutdown", Value::Null).expect("shutdown");
    assert_eq!(code(client.request("textDocument/hover", json!({}))), INVALID_REQUEST);
    client.notify("exit", Value::Null);
    assert_eq!(client.wait_exit(), Some(0));
}

#[test]
fn exit_without_shutdown() {
    let mut client = session();
    client.notify("exit", Value::Null);
    assert_eq!(client.wait_exit(), Some(1));
}

#[test]
fn exit_before_initialize() {
    let mut client = Client::start(COUNTERSIGN);
    client.notify("exit", Value::Null);
    assert_eq!(client.wait_exit(), Some(1));
}

#[test]
fn a_client_that_goes_away() {
    let mut client = session_with(PUBLIC);
    drop(client.take_stdin());
    assert_eq!(client.wait_exit(), Some(1));
}

#[test]
fn a_client_that_dies_and_leaves_the_pipe_open() {
    let mut client = Client::start(COUNTERSIGN);
    client.set_patience(Duration::from_secs(20));
    let mut dead =
        Command::new(COUNTERSIGN).arg("--help").stdout(std::process::Stdio::null()).spawn().expect("a process");
    dead.wait().expect("it ends");
    client.send_request("initialize", json!({ "processId": dead.id(), "rootUri": null, "capabilities": {} }));
    assert_eq!(client.wait_exit(), Some(1));
}

/// A client that is busy for a while: the server may stop reading too, and goes on when the client does.
#[test]
fn a_client_that_stops_reading() {
    const CHANGES: i32 = 2_000;
    let mut client = session_with(PUBLIC).lenient();
    client.set_reading(false);
    let mut messages = Vec::new();
    for version in 2..CHANGES + 2 {
        let value = if version % 2 == 0 { "false" } else { "true" };
        let text = PUBLIC.replace("true", value);
        let change =
            json!({ "textDocument": { "uri": URI, "version": version }, "contentChanges": [{ "text": text }] });
        let hover = json!({ "textDocument": document(), "position": { "line": 1, "character": 4 } });
        for message in [
            json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": change }),
            json!({ "jsonrpc": "2.0", "id": version, "method": "textDocument/hover", "params": hover }),
        ] {
            messages.extend(frame(message.to_string().as_bytes()));
        }
    }
    let mut stdin = client.take_stdin();
    let (done, written) = mpsc::channel();
    thread::spawn(move || {
        let outcome = stdin.write_all(&messages);
        let _ = done.send((stdin, outcome));
    });
    // Long enough for all of it, or for both pipes to be full.
    let early = written.recv_timeout(Duration::from_secs(2));
    client.set_reading(true);
    let (stdin, outcome) = early.or_else(|_| written.recv_timeout(LIMIT)).expect("the server reads again");
    outcome.expect("the server lives");
    client.return_stdin(stdin);
    let last = CHANGES + 1;
    assert_eq!(lines(&client.diagnostics(URI, last), "database-public"), [1]);
    client.reply(last).expect("the last hover is answered");
}
