//! `countersign otlp`: verdicts, anomalies and objectives for whoever has a collector of OpenTelemetry.
//!
//! Nothing runs by itself and nothing listens: each call sends what the ledger has since the last one. What a name stands for that can
//! be erased is not sent, for nobody could erase it there.

use super::slo::JsonObjective;
use super::{FAILED, ledger, print, slo};
use crate::disk::Configs;
use crate::git::Git;
use crate::record;
use crate::review::repository;
use crate::slo::Cases;
use crate::state::{Store, write_atomically};
use anyhow::{Context, bail};
use clap::Args;
use countersign_ledger::{Entry, Filter, Kind, Ledger};
use jiff::tz::TimeZone;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// Records of one request.
const BATCH: usize = 1_000;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// Days whose cases the objectives are worked out from.
const DAYS: i64 = 30;

#[derive(Debug, Args)]
pub(super) struct OtlpArguments {
    /// The collector: its address for OTLP over HTTP, without `/v1/logs`. It takes protobuf at `/v1/logs` and `/v1/metrics`.
    #[arg(
        long,
        value_name = "URL",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        default_value = "http://localhost:4318",
        hide_env_values = true
    )]
    endpoint: String,
    /// A header of each request, for a token for instance. May be given several times.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    header: Vec<String>,
    /// Send what was recorded from this time on, and not what is new since the last call: a date and time, a date in UTC, or how long
    /// ago (`7d`).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// Up to where everything was sent, by collector.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sent {
    by_endpoint: BTreeMap<String, Mark>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    number: u64,
    /// Its hash: of another ledger nothing was sent.
    hash: String,
}

pub(super) fn run(arguments: &OtlpArguments) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir()?;
    let git = Git::of(&here).ok();
    let root = git.as_ref().map_or(here.as_path(), Git::root).to_owned();
    let configs = Configs::default();
    let settings = configs.of(&root.join("-"));
    let collector = Collector::of(arguments)?;
    let Some(ledger) = ledger::open_in(&root)? else {
        print("Nothing was recorded here, so there is nothing to send.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let since = arguments.since.as_deref().map(|text| ledger::time(text, TimeZone::UTC)).transpose()?;
    let store = Store::default();
    let place = store.folder(&root.join("-")).context("this platform names no folder for state")?.join("otlp.json");
    let mut sent = read(&place);
    let mark = sent.by_endpoint.get(&collector.endpoint).cloned();
    let named = git.as_ref().map(|git| repository(git, &settings.config)).unwrap_or_default();
    let resource = resource(&named);

    // With --since it is for whoever asks, and what is new stays new.
    let after = mark.filter(|_| since.is_none()).map_or(Ok(0), |mark| sent_up_to(&ledger, &mark))?;
    let (mut cases, mut batch, mut new) = (Cases::default(), Vec::new(), Counted::default());
    let (mut failed, mut last) = (None, None);
    ledger.entries(&Filter::default(), |entry| {
        cases.add(&entry);
        if entry.number > after {
            let is_wanted = since.is_none_or(|since| entry.at >= since);
            batch.extend(record(&entry).filter(|_| is_wanted));
            last = Some(Mark { number: entry.number, hash: entry.hash.to_string() });
        }
        if batch.len() < BATCH {
            return ControlFlow::Continue(());
        }
        match collector.logs(&resource, std::mem::take(&mut batch)) {
            Ok(counted) => new.add(counted),
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        if let Some(mark) = last.as_ref().filter(|_| since.is_none()) {
            keep(&place, &mut sent, &collector.endpoint, mark);
        }
        ControlFlow::Continue(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    new.add(collector.logs(&resource, batch)?);
    if let Some(mark) = last.as_ref().filter(|_| since.is_none()) {
        keep(&place, &mut sent, &collector.endpoint, mark);
    }
    let mut doubts = Vec::new();
    let now = record::now();
    let cases = slo::cases(cases, git.as_ref(), &settings.config, now - DAYS * 86_400_000, &mut doubts);
    let objectives = slo::objectives(&cases, &settings.config.objectives, 0);
    new.add(collector.metrics(&resource, metrics(&objectives, now))?);
    for doubt in &doubts {
        anstream::eprintln!("countersign: {doubt}");
    }
    print(&format!(
        "Sent to {}: {} of verdicts and anomalies, and {} objectives of the last {DAYS} days.\n",
        collector.endpoint,
        super::stamp::counted(new.accepted, "record"),
        objectives.len()
    ))?;
    if new.rejected > 0 {
        anstream::eprintln!(
            "countersign: the collector did not take {} of them: {}",
            new.rejected,
            super::person::shown(&new.why)
        );
        return Ok(ExitCode::from(FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Up to which entry everything of this very ledger was sent; nothing where it is another one.
fn sent_up_to(ledger: &Ledger, mark: &Mark) -> anyhow::Result<u64> {
    let mut is_same = false;
    ledger.entries(&Filter { after: mark.number.checked_sub(1), limit: Some(1), ..Filter::default() }, |entry| {
        is_same = entry.number == mark.number && entry.hash.to_string() == mark.hash;
        ControlFlow::Break(())
    })?;
    Ok(if is_same { mark.number } else { 0 })
}

/// What a collector took.
#[derive(Debug, Default)]
struct Counted {
    accepted: usize,
    rejected: i64,
    why: String,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected = self.rejected.saturating_add(other.rejected);
        if self.why.is_empty() {
            self.why = other.why;
        }
    }
}

fn read(place: &Path) -> Sent {
    let bytes = crate::disk::read_most(place, 1 << 20).unwrap_or_default();
    // What cannot be read is as if nothing was sent: twice is better than never.
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Keeps up to where everything was sent. That it cannot be kept is said, and the same is sent again.
fn keep(place: &Path, sent: &mut Sent, endpoint: &str, mark: &Mark) {
    sent.by_endpoint.insert(endpoint.to_owned(), mark.clone());
    let bytes = serde_json::to_vec(sent).unwrap_or_default();
    if let Err(error) = write_atomically(place, &bytes) {
        anstream::eprintln!(
            "countersign: it cannot be kept up to where everything was sent, so it is sent again: {error}"
        );
    }
}

/// Where it is sent.
struct Collector {
    endpoint: String,
    headers: Vec<(String, String)>,
    agent: Agent,
}

impl Collector {
    fn of(arguments: &OtlpArguments) -> anyhow::Result<Self> {
        let endpoint = arguments.endpoint.trim_end_matches('/').to_owned();
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            bail!("`{endpoint}` is no address for OTLP over HTTP; write `http://localhost:4318`");
        }
        if endpoint.contains('@') {
            bail!("an address with a password in it would be kept in a file; give it as a header, with --header");
        }
        let header = |text: &String| {
            let (name, value) = text.split_once('=').with_context(|| "a header is NAME=VALUE".to_owned())?;
            Ok::<_, anyhow::Error>((name.trim().to_owned(), value.trim().to_owned()))
        };
        let headers =
            arguments.header.iter().filter(|text| !text.trim().is_empty()).map(header).collect::<Result<_, _>>()?;
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        Ok(Self { endpoint, headers, agent: config.build().new_agent() })
    }

    fn logs(&self, resource: &Resource, records: Vec<LogRecord>) -> anyhow::Result<Counted> {
        let count = records.len();
        if count == 0 {
            return Ok(Counted::default());
        }
        let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records: records, ..ScopeLogs::default() }];
        let logs = ResourceLogs { resource: Some(resource.clone()), scope_logs, ..ResourceLogs::default() };
        let answer = self.post("logs", &ExportLogsServiceRequest { resource_logs: vec![logs] })?;
        let refused =
            ExportLogsServiceResponse::decode(answer.as_slice()).ok().and_then(|answer| answer.partial_success);
        let (rejected, why) = refused.map_or((0, String::new()), |it| (it.rejected_log_records, it.error_message));
        let accepted = count.saturating_sub(usize::try_from(rejected).unwrap_or_default());
        Ok(Counted { accepted, rejected, why })
    }

    fn metrics(&self, resource: &Resource, metrics: Vec<Metric>) -> anyhow::Result<Counted> {
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
        let metrics = ResourceMetrics { resource: Some(resource.clone()), scope_metrics, ..ResourceMetrics::default() };
        let answer = self.post("metrics", &ExportMetricsServiceRequest { resource_metrics: vec![metrics] })?;
        let refused =
            ExportMetricsServiceResponse::decode(answer.as_slice()).ok().and_then(|answer| answer.partial_success);
        let (rejected, why) = refused.map_or((0, String::new()), |it| (it.rejected_data_points, it.error_message));
        Ok(Counted { accepted: 0, rejected, why })
    }

    fn post(&self, signal: &str, message: &impl Message) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}/v1/{signal}", self.endpoint);
        let mut request = self.agent.post(&url).header("content-type", "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = request.send(message.encode_to_vec().as_slice());
        let again = "what was taken before is not sent again; run this once more when it can be reached";
        let mut answer = answer.with_context(|| format!("{url} cannot be reached; {again}"))?;
        if !answer.status().is_success() {
            bail!("{url} answered {}; {again}", answer.status());
        }
        answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .with_context(|| format!("the answer of {url} cannot be read"))
    }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Any::StringValue(text.to_owned())) }
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn resource(repository: &str) -> Resource {
    let service = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let mut attributes = vec![
        pair("service.name", text(service.as_deref().unwrap_or("countersign"))),
        pair("service.version", text(env!("CARGO_PKG_VERSION"))),
    ];
    if !repository.is_empty() {
        attributes.push(pair("vcs.repository.name", text(repository)));
    }
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "countersign".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// Milliseconds since 1970 as nanoseconds.
fn nanoseconds(at: i64) -> u64 {
    u64::try_from(at).unwrap_or_default().saturating_mul(1_000_000)
}

/// An entry that is a verdict or an anomaly.
fn record(entry: &Entry) -> Option<LogRecord> {
    let word = |name: &str| entry.body.get(name).and_then(Value::as_str);
    let who = entry.agent.as_deref().unwrap_or(super::stamp::UNNAMED);
    let (name, severity, body) = match &entry.kind {
        Kind::Verdict => {
            let verdict = word("verdict").unwrap_or(super::stamp::UNNAMED);
            let severity = match verdict {
                "deny" => SeverityNumber::Error,
                "review" => SeverityNumber::Warn,
                _ => SeverityNumber::Info,
            };
            let risk = word("risk").unwrap_or("what could not be judged");
            ("countersign.verdict", severity, format!("{verdict}: {risk}, by {who}"))
        }
        Kind::Anomaly => {
            let why = word("why").unwrap_or("did something out of the ordinary.");
            ("countersign.anomaly", SeverityNumber::Warn, format!("{who} {why}"))
        }
        _ => return None,
    };
    let mut attributes = vec![
        pair("countersign.agent", text(who)),
        pair(
            "countersign.entry",
            AnyValue { value: Some(Any::IntValue(i64::try_from(entry.number).unwrap_or(i64::MAX))) },
        ),
        pair("countersign.entry.hash", text(&entry.hash.to_string())),
    ];
    let words =
        ["anomaly", "risk", "verdict", "answer", "surface", "severity", "session", "address", "tool", "command"];
    attributes.extend(words.iter().filter_map(|name| Some(pair(&format!("countersign.{name}"), text(word(name)?)))));
    if let Some(count) = entry.body.get("dependents").and_then(Value::as_i64) {
        attributes.push(pair("countersign.dependents", AnyValue { value: Some(Any::IntValue(count)) }));
    }
    Some(LogRecord {
        time_unix_nano: nanoseconds(entry.at),
        observed_time_unix_nano: nanoseconds(entry.at),
        severity_number: severity.into(),
        severity_text: severity.as_str_name().trim_start_matches("SEVERITY_NUMBER_").to_owned(),
        body: Some(text(&body)),
        attributes,
        event_name: name.to_owned(),
        ..LogRecord::default()
    })
}

/// What each objective comes to.
fn metrics(objectives: &[JsonObjective], now: i64) -> Vec<Metric> {
    let point = |objective: &JsonObjective, more: &[(&str, &str)], value: i64| {
        let names = [("countersign.objective", objective.name)];
        let attributes = names.iter().chain(more).map(|(key, value)| pair(key, text(value))).collect();
        NumberDataPoint {
            attributes,
            time_unix_nano: nanoseconds(now),
            value: Some(Number::AsInt(value)),
            ..NumberDataPoint::default()
        }
    };
    let mut cases = Vec::new();
    let (mut milliseconds, mut resources) = (Vec::new(), Vec::new());
    for one in objectives {
        let counts = [("met", one.met), ("missed", one.missed), ("unknown", one.unknown), ("pending", one.pending)];
        for (state, count) in counts {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            cases.push(point(one, &[("countersign.case.state", state)], count));
        }
        let to = if one.unit == "resources" { &mut resources } else { &mut milliseconds };
        if let Some(quantiles) = &one.quantiles {
            for (name, value) in [("0.5", quantiles.p50), ("0.9", quantiles.p90), ("1", quantiles.most)] {
                to.push(point(one, &[("quantile", name)], value));
            }
        }
    }
    let gauge = |name: &str, description: &str, unit: &str, data_points: Vec<NumberDataPoint>| Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    };
    let all = [
        gauge(
            "countersign.objective.cases",
            "Cases of each safety objective, by whether they are within its limit",
            "{case}",
            cases,
        ),
        gauge("countersign.objective.duration", "How long it took, of the known cases", "ms", milliseconds),
        gauge(
            "countersign.objective.dependents",
            "How many resources depend on what was hit, of the known cases",
            "{resource}",
            resources,
        ),
    ];
    all.into_iter()
        .filter(|metric| !matches!(&metric.data, Some(Data::Gauge(gauge)) if gauge.data_points.is_empty()))
        .collect()
}
