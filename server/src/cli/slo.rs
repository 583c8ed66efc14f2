//! `countersign slo`: whether what a team wants of changes by AI tools holds, by the record.

use super::{FAILED, Format, incident, ledger, print};
use crate::disk::Configs;
use crate::git::Git;
use crate::record;
use crate::slo::{Case, Cases, Measure, Measured, Objective, State, Status, measure, said_in_files};
use clap::Args;
use countersign_ledger::Filter;
use countersign_policy::{Config, Objectives};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Cases of one objective that are shown.
const SHOWN: usize = 5;

#[derive(Debug, Args)]
pub(super) struct SloArguments {
    /// Cases of so many days, up to now.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
    /// End with 1 unless each objective that countersign.toml sets is kept: where one is missed, and where it is not known.
    #[arg(long)]
    check: bool,
    /// How to print it; `countersign schema slo` prints the schema of the JSON.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What the objectives come to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonSlo {
    /// The first moment of the time that is looked at, in UTC, as RFC 3339 has it.
    since: String,
    /// Each objective, also those that `countersign.toml` sets no limit for.
    objectives: Vec<JsonObjective>,
    /// What makes the answer less than one expects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<String>,
}

/// What one objective comes to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonObjective {
    /// `blast-radius`, `detection`, `review`, `decision` or `rollback`.
    pub(super) name: &'static str,
    /// `milliseconds` or `resources`.
    pub(super) unit: &'static str,
    /// The limit, as it is written in `countersign.toml`; left out where none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<String>,
    /// Of a hundred cases, how many have to be within it.
    pub(super) percent: u8,
    /// `kept` or `missed`, whatever the unknown cases are; `unknown` where it depends on these; `no-cases` where there is none;
    /// `no-limit` where none is set.
    pub(super) state: &'static str,
    /// Cases that are certainly within the limit.
    pub(super) met: usize,
    /// Cases that are certainly over it.
    pub(super) missed: usize,
    /// Cases of which that is not known.
    pub(super) unknown: usize,
    /// Cases that have time left; they are not counted.
    pub(super) pending: usize,
    /// Of the cases that something is known of; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantiles: Option<JsonQuantiles>,
    /// The worst cases first: over the limit, then what is not known, then the rest. Five at most; in a report a hundred.
    pub(super) worst: Vec<JsonCase>,
}

/// What so many of a hundred known cases do not exceed, by the nearest rank, each case taken at the most that it can be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonQuantiles {
    /// How many cases are known.
    pub(super) cases: usize,
    /// Of half of them.
    pub(super) p50: i64,
    /// Of nine in ten.
    pub(super) p90: i64,
    /// Of all.
    pub(super) most: i64,
}

/// One case.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonCase {
    /// The entry of the ledger that says first that it was seen; 0 for an incident, which its file says.
    pub(super) entry: u64,
    /// When that was, in UTC, as RFC 3339 has it.
    pub(super) at: String,
    /// The file, from the root of the repository; a digest where the name was erased.
    pub(super) path: String,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// The risk.
    pub(super) risk: String,
    /// The AI tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    /// `met`, `missed`, `unknown`, `pending`, or `measured` where no limit is set.
    pub(super) state: &'static str,
    /// So much at least. Which insertion a text came in by is not always known, so there are two bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_least: Option<i64>,
    /// So much at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_most: Option<i64>,
    /// Why nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
}

/// The cases of a record from a moment on, in milliseconds since 1970, with what requests, answers and incidents say that are kept in
/// files.
pub(super) fn cases(
    recorded: Cases,
    git: Option<&Git>,
    config: &Config,
    since: i64,
    doubts: &mut Vec<String>,
) -> Vec<Case> {
    let said = git.map(|git| said_in_files(git, config)).unwrap_or_default();
    let mut cases: Vec<Case> = recorded.finish(said);
    cases.extend(git.into_iter().flat_map(|git| incident::cases(git, doubts)));
    cases.retain(|case| case.at >= since);
    cases
}

pub(super) fn run(arguments: &SloArguments) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let since = now.checked_sub(SignedDuration::from_hours(24 * i64::from(arguments.days)))?;
    let here = std::env::current_dir()?;
    let git = Git::of(&here).ok();
    let root = git.as_ref().map_or(here.as_path(), Git::root);
    let configs = Configs::default();
    let settings = configs.of(&root.join("-"));
    let mut cases = Cases::default();
    let mut doubts = Vec::new();
    match ledger::open()? {
        Some(ledger) => ledger.entries(&Filter::default(), |entry| {
            cases.add(&entry);
            ControlFlow::Continue(())
        })?,
        None => doubts.push("nothing was recorded here, so nothing is known".to_owned()),
    }
    let cases = self::cases(cases, git.as_ref(), &settings.config, since.as_millisecond(), &mut doubts);
    let measured = measure(&cases, &settings.config.objectives, record::now());
    let report =
        JsonSlo { since: since.to_string(), objectives: measured.iter().map(|one| json(one, SHOWN)).collect(), doubts };
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        Format::Human => print(&super::person::shown(&human(&report, arguments.days)))?,
    };
    for (path, message) in configs.problems() {
        anstream::eprintln!("countersign: {path}: {message}");
    }
    if !configs.problems().is_empty() {
        return Ok(ExitCode::from(FAILED));
    }
    let is_kept = |one: &Measure<'_>| !matches!(one.state, State::Missed | State::Unknown);
    let is_fine = !arguments.check || measured.iter().all(is_kept);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What each objective comes to by some cases, with so many of the worst.
pub(super) fn objectives(cases: &[Case], objectives: &Objectives, shown: usize) -> Vec<JsonObjective> {
    measure(cases, objectives, record::now()).iter().map(|one| json(one, shown)).collect()
}

/// Its name, and what is measured.
const fn name(objective: Objective) -> (&'static str, &'static str) {
    match objective {
        Objective::BlastRadius => {
            ("blast-radius", "resources that depend on what is destroyed, replaced or interrupted")
        }
        Objective::Detection => ("detection", "from the insertion until it was seen"),
        Objective::Review => ("review", "from the insertion until somebody was asked"),
        Objective::Decision => ("decision", "from the insertion until somebody answered"),
        Objective::Rollback => ("rollback", "from the insertion until what was denied was gone"),
    }
}

fn json(measure: &Measure<'_>, shown: usize) -> JsonObjective {
    let quantiles = match [50, 90, 100].map(|percent| measure.quantile(percent)) {
        [Some(p50), Some(p90), Some(most)] => Some(JsonQuantiles { cases: measure.known(), p50, p90, most }),
        _ => None,
    };
    JsonObjective {
        name: name(measure.objective).0,
        unit: if measure.objective == Objective::BlastRadius { "resources" } else { "milliseconds" },
        limit: measure.limit.clone(),
        percent: measure.percent.get(),
        state: match measure.state {
            State::Kept => "kept",
            State::Missed => "missed",
            State::Unknown => "unknown",
            State::NoCases => "no-cases",
            State::NoLimit => "no-limit",
        },
        met: measure.counts.met,
        missed: measure.counts.missed,
        unknown: measure.counts.unknown,
        pending: measure.counts.pending,
        quantiles,
        worst: measure.cases.iter().take(shown).map(|one| case(one, measure.limit.is_some())).collect(),
    }
}

fn case(measured: &Measured<'_>, has_limit: bool) -> JsonCase {
    let Measured { case, status, is_met } = measured;
    let (bounds, why) = match *status {
        Status::Known(least, most) => (Some((least, most)), None),
        Status::Pending => (None, None),
        Status::Unknown(why) => (None, Some(why)),
    };
    JsonCase {
        entry: case.entry,
        at: Timestamp::from_millisecond(case.at).map(|at| at.to_string()).unwrap_or_default(),
        path: case.file.clone(),
        address: case.address.clone(),
        risk: case.risk.clone(),
        agent: case.agent.clone(),
        state: match (status, is_met) {
            (Status::Pending, _) => "pending",
            (_, Some(true)) => "met",
            (_, Some(false)) => "missed",
            (Status::Known(..), None) if !has_limit => "measured",
            (_, None) => "unknown",
        },
        at_least: bounds.map(|(least, _)| least),
        at_most: bounds.map(|(_, most)| most),
        why,
    }
}

fn human(report: &JsonSlo, days: u16) -> String {
    let mut text = format!("What AI tools wrote, by the record of the last {days} days.\n");
    for (one, objective) in report.objectives.iter().zip(Objective::ALL) {
        let amount = |number: i64| one.amount(number);
        let (_, what) = name(objective);
        let word = match one.state {
            "kept" => "kept     ",
            "missed" => "MISSED   ",
            "unknown" => "not known",
            "no-cases" => "no cases ",
            _ => "no limit ",
        };
        let _ = writeln!(text, "\n{word}  {}: {what}", one.name);
        match &one.limit {
            Some(limit) => {
                let of = if one.percent == 100 { "all".to_owned() } else { format!("{} of 100", one.percent) };
                let all = one.met + one.missed + one.unknown;
                let _ = writeln!(text, "           at most {limit} in {of} cases");
                let _ = write!(
                    text,
                    "           {} of {all} within, {} over, {} not known",
                    one.met, one.missed, one.unknown
                );
                let _ = match one.pending {
                    0 => writeln!(text),
                    more => writeln!(text, "; {more} more have time left"),
                };
            }
            None => {
                let _ = writeln!(text, "           no limit under [objectives] of countersign.toml");
            }
        }
        if let Some(JsonQuantiles { cases, p50, p90, most }) = &one.quantiles {
            let [p50, p90, most] = [p50, p90, most].map(|number| amount(*number));
            let _ = writeln!(
                text,
                "           of {cases} known: half within {p50}, 9 of 10 within {p90}, all within {most}"
            );
        }
        for case in one.worst.iter().filter(|case| matches!(case.state, "missed" | "unknown")) {
            let address = case.address.as_ref().map(|address| format!(" {address}")).unwrap_or_default();
            let so_much = one.so_much(case);
            let agent = case.agent.as_ref().map(|agent| format!(" by {agent}")).unwrap_or_default();
            let _ = writeln!(text, "           - {}{address}: {}{agent}, {so_much}", case.path, case.risk);
        }
    }
    for doubt in &report.doubts {
        let _ = writeln!(text, "\ncountersign: {doubt}");
    }
    text
}

impl JsonObjective {
    /// A number of what it measures, in words.
    pub(super) fn amount(&self, number: i64) -> String {
        if self.unit == "resources" { number.to_string() } else { time(number) }
    }

    /// What one of its cases comes to, in words.
    pub(super) fn so_much(&self, case: &JsonCase) -> String {
        match (case.at_least, case.at_most, case.why) {
            (Some(least), Some(most), _) if least == most => self.amount(most),
            (Some(least), Some(most), _) => format!("{} to {}", self.amount(least), self.amount(most)),
            (_, _, why) => format!("not known: {}", why.unwrap_or_default()),
        }
    }
}

/// A time, in the two largest units that it has.
fn time(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let parts: Vec<String> = units
        .iter()
        .filter_map(|(size, unit)| {
            let count = rest / size;
            rest %= size;
            (count > 0).then(|| format!("{count} {unit}"))
        })
        .take(2)
        .collect();
    if parts.is_empty() { format!("{milliseconds} ms") } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_in_words() {
        for (milliseconds, expected) in
            [(0, "0 ms"), (999, "999 ms"), (61_000, "1 min 1 s"), (3_600_000, "1 h"), (90_061_000, "1 d 1 h")]
        {
            assert_eq!(time(milliseconds), expected);
        }
    }
}
