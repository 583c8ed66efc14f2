//! The report in sections, each with its sentences, its table and its chart: what a page of HTML and one of Markdown both show.

use super::commits::{JsonCommits, JsonCount, JsonPlace, JsonShare};
use super::record::{JsonRecord, JsonVerdicts};
use super::{Distribution, JsonReport, Listed, MAX_LISTED};
use crate::cli::stamp::counted;
use countersign_policy::{Environment, Mode, Origin};

/// Columns of a table over time; what is older is in the sum alone.
const MAX_COLUMNS: usize = 6;

/// All of it.
pub(super) struct Page {
    pub(super) title: String,
    /// What it is about.
    pub(super) subtitle: String,
    /// What makes it less than one expects.
    pub(super) doubts: Vec<String>,
    pub(super) sections: Vec<Section>,
}

/// One question and its answer.
pub(super) struct Section {
    /// A name for links, unique on the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// Paragraphs in our own words.
    pub(super) says: Vec<String>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
}

/// Numbers by name. The table of the section holds the same ones.
pub(super) struct Chart {
    /// What is shown, in a sentence.
    pub(super) shows: &'static str,
    /// The names along the axis, in our own words.
    pub(super) names: Vec<String>,
    /// Whether what is drawn adds up, so that it stands on each other and not side by side.
    pub(super) is_stacked: bool,
    /// What is drawn, from below, each with as many numbers as there are names.
    pub(super) series: Vec<(&'static str, Vec<usize>)>,
}

/// Rows under names of columns.
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    /// Each as long as the head.
    pub(super) rows: Vec<Vec<Cell>>,
    /// What follows below it, where something does.
    pub(super) note: Option<String>,
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Words of ours.
    Words(String),
    /// A number, or one of another.
    Number(String),
    /// What others have written: names, paths, reasons.
    Foreign(String),
}

impl Section {
    fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title, says: Vec::new(), charts: Vec::new(), tables: Vec::new() }
    }

    fn says(mut self, sentence: impl Into<String>) -> Self {
        self.says.push(sentence.into());
        self
    }

    /// Puts a table there, or where it has no rows a sentence.
    fn table(mut self, mut table: Table, none: &str) -> Self {
        let more = table.rows.len().saturating_sub(MAX_LISTED);
        if more > 0 {
            table.rows.truncate(MAX_LISTED);
            table.note = Some(format!("{more} more are not shown; `--format json` has them all."));
        }
        if table.rows.is_empty() {
            self.says.push(none.to_owned());
        } else {
            self.tables.push(table);
        }
        self
    }

    /// Puts a chart there, unless it would be empty.
    fn chart(mut self, chart: Chart) -> Self {
        if chart.series.iter().any(|(_, numbers)| numbers.iter().any(|number| *number > 0)) {
            self.charts.push(chart);
        }
        self
    }
}

impl Table {
    fn new(caption: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { caption: caption.to_owned(), head, rows: Vec::new(), note: None }
    }

    fn row(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Fills in a list, and says below how many more there are.
    fn list<T>(mut self, listed: &Listed<T>, row: impl Fn(&T) -> Vec<Cell>) -> Self {
        self.rows.extend(listed.items.iter().map(row));
        let more = listed.total - listed.items.len();
        self.note = (more > 0).then(|| format!("{more} more are not shown; a shorter time shows them."));
        self
    }
}

fn words(text: impl Into<String>) -> Cell {
    Cell::Words(text.into())
}

fn foreign(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { words("–") } else { Cell::Foreign(text) }
}

/// What others have written, where there is any.
fn perhaps(text: Option<&String>) -> Cell {
    text.map_or_else(|| words("–"), foreign)
}

fn number(number: usize) -> Cell {
    Cell::Number(number.to_string())
}

/// The page of a report.
pub(super) fn of(report: &JsonReport) -> Page {
    let labels = |starts: Vec<&str>| -> Vec<String> { starts.iter().map(|at| day(at)).collect() };
    let mut sections = vec![overview(report)];
    if let Some(commits) = &report.commits {
        let labels = labels(commits.periods.iter().map(|period| period.since.as_str()).collect());
        sections.extend(shares(commits, &labels, report.parts));
    }
    if let Some(record) = &report.record {
        let labels = labels(record.periods.iter().map(|period| period.since.as_str()).collect());
        sections.push(verdicts(record, labels, report.parts));
        sections.push(agents(record));
    }
    sections.push(objectives(report));
    if let Some(commits) = &report.commits {
        sections.push(let_pass(commits));
    }
    sections.push(blast_radius(report));
    sections.push(protections(report));
    if let Some(commits) = &report.commits {
        sections.push(open(commits));
    }
    if let Some(record) = &report.record {
        sections.push(corrections(record));
        sections.push(anomalies(record));
        sections.push(trust(record));
    }
    Page {
        title: format!("What AI tools did in {}", report.repository),
        subtitle: format!("From {} up to {}, in UTC.", minute(&report.since), minute(&report.until)),
        doubts: report.doubts.clone(),
        sections,
    }
}

/// The day of a moment that is written as RFC 3339 has it.
fn day(at: &str) -> String {
    at.get(..10).unwrap_or(at).to_owned()
}

/// The same to the minute.
fn minute(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// How many of all, with the share.
fn share(count: JsonCount) -> Cell {
    let JsonCount { changes, ai, .. } = count;
    let percent = (ai * 100).checked_div(changes).map(|percent| format!(" ({percent} %)")).unwrap_or_default();
    Cell::Number(format!("{ai} of {changes}{percent}"))
}

fn overview(report: &JsonReport) -> Section {
    let mut table = Table::new("What it comes to", &["what", "how many"]);
    if let Some(commits) = &report.commits {
        table.row([words("changes that AI tools had a part in"), share(commits.total)]);
        table.row([words("of these, open in critical places"), number(commits.open.total)]);
        table.row([words("changes of which nobody knows who wrote them"), number(commits.total.unknown)]);
        table.row([words("changes that observing or warning let pass"), number(commits.let_pass.total)]);
    }
    if let Some(record) = &report.record {
        let denied: usize = record.agents.iter().map(|agent| agent.edits.deny + agent.commands.deny).sum();
        let cases: usize = record.outcomes.iter().map(|row| row.cases).sum();
        table.row([words("risks that were seen in text of AI tools"), number(cases)]);
        table.row([words("edits, commands and calls that were denied to agents"), number(denied)]);
        table.row([words("times that something was out of the ordinary"), number(record.anomalies.total)]);
    }
    let states = |state: &str| report.objectives.iter().filter(|it| it.state == state).count();
    let with_limit = report.objectives.len() - states("no-limit");
    for (state, what) in [("kept", "kept"), ("missed", "missed"), ("unknown", "not known")] {
        let what = format!("objectives with a limit: {what}");
        table.row([words(what), Cell::Number(format!("{} of {with_limit}", states(state)))]);
    }
    Section::new("overview", "At a glance").table(table, "")
}

/// A table of shares over the last parts of the time.
fn over_time(caption: &str, name: &str, shares: &[JsonShare], labels: &[String], is_foreign: bool) -> Table {
    let skipped = labels.len().saturating_sub(MAX_COLUMNS);
    let mut table = Table::new(caption, &[name, "all of the time"]);
    table.head.extend(labels.iter().skip(skipped).map(|label| format!("from {label}")));
    for share_of in shares {
        let name = if is_foreign { foreign(&share_of.name) } else { words(&share_of.name) };
        let parts = share_of.periods.iter().skip(skipped).map(|count| match count.changes {
            0 => words("–"),
            changes => Cell::Number(format!("{} of {changes}", count.ai)),
        });
        table.row([name, share(share_of.total)].into_iter().chain(parts));
    }
    if skipped > 0 {
        table.note = Some(format!("The parts of the time before {} are in the sum alone.", labels[skipped]));
    }
    table
}

fn shares(commits: &JsonCommits, labels: &[String], part: &str) -> [Section; 4] {
    let counts = || commits.periods.iter().map(|period| period.count);
    let mut table = Table::new(
        &format!("Changes by {part}"),
        &["from", "changes", "AI tools had a part in", "nobody knows who wrote it"],
    );
    for (label, count) in labels.iter().zip(counts()) {
        table.row([words(label), number(count.changes), share(count), number(count.unknown)]);
    }
    let chart = Chart {
        shows: "Changes over time, by who wrote them; the table below has the numbers.",
        names: labels.to_vec(),
        is_stacked: true,
        series: vec![
            ("AI tools had a part in it", counts().map(|count| count.ai).collect()),
            ("nobody knows", counts().map(|count| count.unknown).collect()),
            ("people", counts().map(|it| it.changes.saturating_sub(it.ai + it.unknown)).collect()),
        ],
    };
    let mut share = Section::new("share", "Who wrote what has changed").says(
        "A change is a part of a file, a resource or a statement for instance, that is not as it was before a commit or a merge. AI \
         tools had a part in it where a note, a trailer or a tag says so; nothing is guessed.",
    );
    if commits.unread_steps > 0 {
        let all = commits.steps;
        share = share.says(format!(
            "{} of {all} commits and merges could not be read, so what they changed is missing in all of this.",
            commits.unread_steps
        ));
    }
    if commits.total.changes > 0 && commits.total.unknown == commits.total.changes {
        share = share.says(
            "No note, trailer or tag says of any of these who wrote them. `countersign init --git` sets up hooks that write it down from \
             the next commit on.",
        );
    }
    let share = share.chart(chart).table(table, "");
    let none = "No change was made in the time.";
    let of = |caption: &str, name: &str, shares: &[JsonShare], is_foreign: bool| {
        over_time(&format!("{caption} that AI tools had a part in"), name, shares, labels, is_foreign)
    };
    [
        share,
        Section::new("tiers", "By how much the place matters")
            .table(of("Changes by tier", "tier", &commits.by_tier, false), none),
        Section::new("areas", "By what may go wrong")
            .says(
                "The areas of the risks that were found in what has changed. A change may be in several, and in none.",
            )
            .table(of("Changes by area", "area", &commits.by_area, true), "No risk was found in what has changed.")
            .table(of("Changes by language", "language", &commits.by_language, false), none),
        Section::new("folders", "By folder").table(of("Changes by folder", "folder", &commits.by_folder, true), none),
    ]
}

fn verdicts(record: &JsonRecord, labels: Vec<String>, part: &str) -> Section {
    let periods = || record.periods.iter();
    let mut table = Table::new(
        &format!("Risks in text of AI tools by {part}, when they were seen first"),
        &["from", "insertions of AI tools", "note", "review", "deny", "denials to agents"],
    );
    for (label, period) in labels.iter().zip(periods()) {
        let JsonVerdicts { note, review, deny } = period.cases;
        let counts = [period.insertions, note, review, deny, period.denials];
        table.row([words(label)].into_iter().chain(counts.map(number)));
    }
    let mut outcomes = Table::new(
        "What became of them",
        &[
            "AI tool",
            "verdict",
            "risks",
            "somebody was asked",
            "somebody answered",
            "mended or taken back",
            "accepted or taken over",
            "gone, not known why",
            "not known to be gone",
        ],
    );
    for row in &record.outcomes {
        let counts = [row.cases, row.asked, row.answered, row.mended, row.taken_on, row.unclear, row.open];
        outcomes.row([foreign(&row.agent), words(row.verdict)].into_iter().chain(counts.map(number)));
    }
    let cases = |of: fn(JsonVerdicts) -> usize| periods().map(|period| of(period.cases)).collect();
    let chart = Chart {
        shows: "Risks that were seen in text of AI tools over time, by verdict; the table below has the numbers.",
        names: labels,
        is_stacked: true,
        series: vec![("deny", cases(|it| it.deny)), ("review", cases(|it| it.review)), ("note", cases(|it| it.note))],
    };
    Section::new("verdicts", "Verdicts, and what became of them")
        .says("A risk counts by the strictest verdict that it had, at the time at which it was seen first.")
        .chart(chart)
        .table(table, "")
        .table(outcomes, "No risk was seen in text of AI tools.")
}

fn agents(record: &JsonRecord) -> Section {
    let mut table = Table::new(
        "Before edits, commands and calls of tools, by what was answered",
        &[
            "AI tool",
            "insertions",
            "edits: review",
            "edits: deny",
            "commands: run",
            "commands: review",
            "commands: deny",
            "requested",
            "approved",
            "declined",
            "used",
        ],
    );
    for agent in &record.agents {
        let (edits, commands, requests) = (agent.edits, agent.commands, agent.requests);
        let counts = [
            agent.insertions,
            edits.review,
            edits.deny,
            agent.ran,
            commands.review,
            commands.deny,
            requests.requested,
            requests.approved,
            requests.declined,
            requests.used,
        ];
        table.row([foreign(&agent.agent)].into_iter().chain(counts.map(number)));
    }
    Section::new("agents", "What agents were told")
        .says(
            "Commands and calls of tools that it ran, and answers of the hook before it went on; that something was allowed or only noted is not recorded. What was denied may be \
             requested; a person agrees or declines, and the agreement is used once.",
        )
        .table(table, "No agent did anything that was recorded.")
}

fn objectives(report: &JsonReport) -> Section {
    let mut table = Table::new(
        "Objectives",
        &[
            "objective",
            "at most",
            "in how many of 100",
            "state",
            "within",
            "over",
            "not known",
            "time left",
            "median",
            "90th percentile",
        ],
    );
    let mut breaches =
        Table::new("What is over a limit", &["objective", "seen", "file", "resource", "risk", "AI tool", "so much"]);
    for one in &report.objectives {
        let amount = |number: Option<i64>| Cell::Number(number.map_or_else(|| "–".to_owned(), |it| one.amount(it)));
        let quantiles = one.quantiles.as_ref();
        table.row([
            words(one.name),
            words(one.limit.clone().unwrap_or_else(|| "–".to_owned())),
            number(usize::from(one.percent)),
            words(one.state.replace('-', " ")),
            number(one.met),
            number(one.missed),
            number(one.unknown),
            number(one.pending),
            amount(quantiles.map(|it| it.p50)),
            amount(quantiles.map(|it| it.p90)),
        ]);
        for case in one.worst.iter().filter(|case| case.state == "missed") {
            breaches.row([
                words(one.name),
                words(minute(&case.at)),
                foreign(&case.path),
                perhaps(case.address.as_ref()),
                foreign(&case.risk),
                case.agent.as_ref().map_or_else(|| words("unknown"), foreign),
                Cell::Number(one.so_much(case)),
            ]);
        }
    }
    let told = breaches.rows.len();
    let more = report.objectives.iter().map(|it| it.missed).sum::<usize>().saturating_sub(told);
    let breaches = Table { note: (more > 0).then(|| format!("{more} more are over a limit.")), ..breaches };
    Section::new("objectives", "How soon it was seen, asked about, decided on and taken back")
        .says(
            "From the insertion, by the record, against `[objectives]` of countersign.toml. What is not known is \
             never counted as kept; the median and the 90th percentile are of the known cases. What became of a case counts up to now, \
             also where that is after the time of the report.",
        )
        .table(table, "")
        .table(breaches, "Nothing is over a limit.")
}

fn place(place: &JsonPlace) -> [Cell; 4] {
    let matters = match place.environment {
        Environment::Unknown => place.tier.name().to_owned(),
        environment => format!("{}, {}", place.tier.name(), environment.name()),
    };
    [
        perhaps(place.address.as_ref()),
        foreign(&place.path),
        words(matters),
        if place.agents.is_empty() { words("–") } else { foreign(place.agents.join(", ")) },
    ]
}

fn let_pass(commits: &JsonCommits) -> Section {
    let [observe, warn] =
        ["observe", "warn"].map(|mode| commits.let_pass_by_mode.get(mode).copied().unwrap_or_default());
    let table = Table::new(
        "Changes that came in while something was missing",
        &["came in", "resource", "file", "tier", "AI tools", "written by", "mode", "missing"],
    );
    let table = table.list(&commits.let_pass, |it| {
        let by = match it.origin {
            Origin::Ai => "AI",
            Origin::Mixed => "AI in part",
            Origin::Human => "a person",
            Origin::Unknown | Origin::Suspected => "nobody knows",
        };
        let mode = if it.mode == Mode::Warn { "warn" } else { "observe" };
        let rest = [words(by), words(mode), foreign(it.missing.join("; "))];
        [words(minute(&it.at))].into_iter().chain(place(&it.place)).chain(rest).collect()
    });
    Section::new("let-pass", "What observing and warning would have stopped")
        .says(format!("With `enforce`, {observe} under `observe` and {warn} under `warn` would not have passed."))
        .table(table, "Nothing came in that enforcement would have stopped.")
}

fn blast_radius(report: &JsonReport) -> Section {
    let names = Distribution::default().rows().map(|(name, _)| name);
    let steps = |of: Option<&Distribution>| of.map(|of| of.rows().map(|(_, count)| count));
    let columns = [
        ("risks seen while it was written", steps(report.record.as_ref().map(|record| &record.blast_radius))),
        ("changes committed", steps(report.commits.as_ref().map(|commits| &commits.blast_radius))),
    ];
    let mut table = Table::new(
        "Resources that depend on what AI tools destroy, replace or interrupt",
        &["dependents", columns[0].0, columns[1].0],
    );
    for (index, name) in names.iter().enumerate() {
        let count = |counts: Option<[usize; 6]>| match counts.and_then(|it| it.get(index).copied()) {
            Some(count) => number(count),
            None => words("not known"),
        };
        table.row([words(*name), count(columns[0].1), count(columns[1].1)]);
    }
    let series = columns.into_iter().filter_map(|(name, counts)| Some((name, counts?.to_vec())));
    let chart = Chart {
        shows: "How many resources depend on what AI tools destroy, replace or interrupt; the table below has the numbers.",
        names: names.map(str::to_owned).to_vec(),
        is_stacked: false,
        series: series.collect(),
    };
    Section::new("blast-radius", "Blast radius of what AI tools change")
        .says(
            "What was written may have been mended before it was committed, and what was committed may have been written elsewhere.",
        )
        .chart(chart)
        .table(table, "")
}

fn protections(report: &JsonReport) -> Section {
    let mut section = Section::new("protections", "Protections removed or left off");
    if let Some(record) = &report.record {
        let head = ["seen", "resource", "file", "AI tool", "risk", "what became of it"];
        let table = Table::new("Seen while it was written", &head).list(&record.protections, |it| {
            let outcome = match it.outcome {
                "mended" => "mended or taken back",
                "taken-on" => "accepted or taken over",
                "unclear" => "gone, not known why",
                _ => "not known to be gone",
            };
            let address = perhaps(it.address.as_ref());
            let rest = [foreign(&it.agent), foreign(&it.risk), words(outcome)];
            [words(minute(&it.at)), address, foreign(&it.path)].into_iter().chain(rest).collect()
        });
        section = section.table(table, "None was seen while it was written.");
    }
    if let Some(commits) = &report.commits {
        let head = ["came in", "resource", "file", "tier", "AI tools", "risks"];
        let table = Table::new("Committed", &head).list(&commits.protections, |it| {
            let risks = foreign(it.risks.join(", "));
            [words(minute(&it.at))].into_iter().chain(place(&it.place)).chain([risks]).collect()
        });
        section = section.table(table, "None was committed.");
    }
    section
}

fn open(commits: &JsonCommits) -> Section {
    let table = Table::new(
        "Changes by AI tools in critical places that lack what policy wants, the oldest first",
        &["since", "resource", "file", "tier", "AI tools", "missing when it came in"],
    );
    let table = table.list(&commits.open, |it| {
        let missing = foreign(it.missing.join("; "));
        [words(minute(&it.since))].into_iter().chain(place(&it.place)).chain([missing]).collect()
    });
    Section::new("open", "Open in critical places")
        .says(
            "Of what came in in the time: by the policy of the moment at which it came in, not approved since, and not taken away. What \
             is older is not looked at; a longer time has it.",
        )
        .table(table, "Nothing that came in in the time is open.")
}

fn corrections(record: &JsonRecord) -> Section {
    let mut table = Table::new("Corrections", &["it was said to be of", "and is of", "times"]);
    for it in &record.corrections {
        let who = |name: &Option<String>, nobody: &str| name.as_ref().map_or_else(|| words(nobody), foreign);
        table.row([who(&it.from, "nobody on record"), who(&it.to, "a person, or nobody knows"), number(it.times)]);
    }
    Section::new("corrections", "Corrections of who wrote it")
        .says(format!(
            "{} of agents could not be matched with a text, so nothing is attributed for them.",
            counted(usize::try_from(record.unmatched).unwrap_or(usize::MAX), "edit")
        ))
        .table(table, "Nobody corrected anything.")
}

fn anomalies(record: &JsonRecord) -> Section {
    let mut counts = Table::new("How often", &["AI tool", "what", "times"]);
    for it in &record.anomaly_counts {
        counts.row([foreign(&it.agent), foreign(&it.anomaly), number(it.times)]);
    }
    let table = Table::new("The newest", &["when", "AI tool", "what", "file"]).list(&record.anomalies, |it| {
        let file = perhaps(it.path.as_ref());
        vec![words(minute(&it.at)), foreign(&it.agent), foreign(&it.why), file]
    });
    let section = Section::new("anomalies", "Out of the ordinary").table(counts, "Nothing was out of the ordinary.");
    if table.rows.is_empty() { section } else { section.table(table, "") }
}

fn trust(record: &JsonRecord) -> Section {
    let mut section =
        Section::new("trust", "How far the record can be trusted").says(format!("The ledger is {}.", record.chain));
    if record.of_the_future > 0 {
        let count = record.of_the_future;
        section =
            section.says(format!("Entries that are ahead of this machine's clock: {count}. They are not counted."));
    }
    if record.clock_went_back > 0 {
        let count = record.clock_went_back;
        section = section.says(format!(
            "Times that an entry is more than a minute older than the one before it: {count}. A clock was set back, or several disagree, \
             so times may be wrong."
        ));
    }
    section
}
