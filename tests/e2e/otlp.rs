//! `countersign otlp`: what a collector of OpenTelemetry is sent.

use crate::cli::{Said, countersign};
use crate::editor::Workspace;
use countersign_ledger::{Kind, Ledger, NewEntry};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// One request: its path, its headers, what it sends.
type Request = (String, String, Vec<u8>);

/// What answers each request: a status, and a body.
type Answer = fn(&Request) -> (&'static str, Vec<u8>);

/// A collector on this machine that answers for as long as the test runs.
fn collector(answer: Answer) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (to, from) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("the same"));
            loop {
                let mut head = String::new();
                while reader.read_line(&mut head).unwrap_or(0) > 2 && !head.ends_with("\r\n\r\n") {}
                let Some(path) = head.split(' ').nth(1).map(str::to_owned) else { break };
                let length = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|it| it.split("\r\n").next()?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut body).expect("the body");
                let request = (path, head, body);
                let (status, body) = answer(&request);
                let _ = to.send(request);
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
                    break;
                }
            }
        }
    });
    (address, from)
}

fn fine(_: &Request) -> (&'static str, Vec<u8>) {
    ("200 OK", Vec::new())
}

fn otlp(workspace: &Workspace, arguments: &[&str]) -> Said {
    countersign(workspace, &[&["otlp"], arguments].concat())
}

fn records(requests: &Receiver<Request>) -> Vec<LogRecord> {
    let logs = requests.try_iter().filter(|(path, ..)| path == "/v1/logs");
    let decoded = logs.map(|(.., body)| ExportLogsServiceRequest::decode(body.as_slice()).expect("a request"));
    let resources = decoded.flat_map(|it| it.resource_logs);
    resources.flat_map(|it| it.scope_logs).flat_map(|it| it.log_records).collect()
}

fn words(record: &LogRecord, key: &str) -> Option<String> {
    let value = record.attributes.iter().find(|pair| pair.key == key)?.value.clone()?.value?;
    if let Any::StringValue(text) = value { Some(text) } else { None }
}

fn append(workspace: &Workspace, entries: &[(Kind, Value)]) {
    let folder = workspace.path(".git/countersign");
    std::fs::create_dir_all(&folder).expect("a folder");
    let at = jiff::Timestamp::now().as_millisecond();
    let entry = |(kind, body): &(Kind, Value)| NewEntry {
        at,
        kind: kind.clone(),
        agent: Some("claude".to_owned()),
        person: None,
        file: Some("live/prod/secret-project.tf".to_owned()),
        body: body.clone(),
    };
    let entries: Vec<NewEntry> = entries.iter().map(entry).collect();
    Ledger::open(folder.join("ledger.sqlite")).expect("a ledger").append(&entries).expect("it is recorded");
}

fn denied(risk: &str) -> (Kind, Value) {
    (Kind::Verdict, json!({ "surface": "hook", "verdict": "deny", "risk": risk, "risks": [risk], "session": "s1" }))
}

#[test]
fn a_collector_is_sent_what_is_new() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    let (address, requests) = collector(fine);
    let send = || otlp(&workspace, &["--endpoint", &address, "--header", "x-token=t1"]);
    let said = send();
    assert!(said.code == Some(0) && said.stdout.contains("Nothing was recorded"), "{}{}", said.stdout, said.stderr);

    append(
        &workspace,
        &[
            denied("command/destroy"),
            (
                Kind::Anomaly,
                json!({ "anomaly": "burst", "why": "changed what runs with 20 calls within two minutes." }),
            ),
            (Kind::Insertion, json!({ "authority": "reported", "bytes": 3 })),
        ],
    );
    let said = send();
    assert!(said.code == Some(0) && said.stdout.contains("2 records"), "{}{}", said.stdout, said.stderr);
    let all: Vec<Request> = requests.try_iter().collect();
    assert!(all.iter().all(|(_, head, _)| head.to_lowercase().contains("x-token: t1")), "{all:?}");
    assert!(all.iter().all(|(.., body)| !String::from_utf8_lossy(body).contains("secret-project")), "no name is sent");
    let metrics = all.iter().find(|(path, ..)| path == "/v1/metrics").expect("metrics");
    let metrics = ExportMetricsServiceRequest::decode(metrics.2.as_slice()).expect("a request");
    let names: Vec<&str> =
        metrics.resource_metrics[0].scope_metrics[0].metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["countersign.objective.cases"]);
    let logs = all.iter().find(|(path, ..)| path == "/v1/logs").expect("logs");
    let logs = ExportLogsServiceRequest::decode(logs.2.as_slice()).expect("a request");
    let taken = &logs.resource_logs[0].scope_logs[0].log_records;
    assert_eq!((taken.len(), taken[0].severity_text.as_str(), taken[1].severity_text.as_str()), (2, "ERROR", "WARN"));
    assert_eq!(words(&taken[0], "countersign.risk").as_deref(), Some("command/destroy"));
    assert_eq!(words(&taken[1], "countersign.anomaly").as_deref(), Some("burst"));

    // What was taken is not sent again, but for whoever asks for it.
    send();
    assert!(records(&requests).is_empty());
    append(&workspace, &[denied("command/data-delete")]);
    send();
    assert_eq!(records(&requests).len(), 1);
    otlp(&workspace, &["--endpoint", &address, "--since", "1h"]);
    assert_eq!(records(&requests).len(), 3);
    // Another ledger was not sent.
    std::fs::remove_file(workspace.path(".git/countersign/ledger.sqlite")).expect("the ledger");
    append(&workspace, &[denied("a"), denied("b"), denied("c"), denied("d"), denied("e")]);
    send();
    assert_eq!(records(&requests).len(), 5);
    // Several requests are needed for many.
    append(&workspace, &vec![denied("many"); 2_500]);
    let said = send();
    assert!(said.stdout.contains("2500 records"), "{}{}", said.stdout, said.stderr);
    assert_eq!(records(&requests).len(), 2_500);
}

#[test]
fn a_collector_that_does_not_take_it_is_named() {
    let workspace = Workspace::new();
    workspace.run_git(&["init", "-q"]);
    append(&workspace, &[denied("command/destroy")]);
    let refused = |arguments: &[&str], why: &str| {
        let said = otlp(&workspace, arguments);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{arguments:?}: {}{}", said.stdout, said.stderr);
    };
    let (busy, requests) = collector(|_| ("503 Service Unavailable", Vec::new()));
    refused(&["--endpoint", &busy], "answered 503");
    assert_eq!(records(&requests).len(), 1);
    refused(&["--endpoint", "http://127.0.0.1:1"], "cannot be reached");
    refused(&["--endpoint", "localhost:4318"], "is no address for OTLP over HTTP");
    refused(&["--endpoint", "http://me:secret@localhost"], "give it as a header");
    refused(&["--endpoint", &busy, "--header", "token"], "a header is NAME=VALUE");
    let (part, requests) = collector(|(path, ..)| {
        let partial_success =
            Some(ExportLogsPartialSuccess { rejected_log_records: 1, error_message: "too old\u{1b}[31m".to_owned() });
        let answer = ExportLogsServiceResponse { partial_success }.encode_to_vec();
        ("200 OK", if path == "/v1/logs" { answer } else { Vec::new() })
    });
    refused(&["--endpoint", &part], "did not take 1 of them: too old\u{fffd}[31m");
    assert_eq!(records(&requests).len(), 1);
    // It could not be sent before and is sent now.
    let (address, requests) = collector(fine);
    assert_eq!(otlp(&workspace, &["--endpoint", &address]).code, Some(0));
    assert_eq!(records(&requests).len(), 1);
}
