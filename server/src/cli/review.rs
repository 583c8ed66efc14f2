//! `countersign review`: who is asked to look at which change, and what they say.

use super::catalogue::severity;
use super::gate::{self, JsonChange, json};
use super::{FAILED, Format, fix, person, print};
use crate::git::{self, Git};
use crate::record::{Kind, append, entry_of};
use crate::review::{Asked, Change, PlanFile, Situation, answer_files, email, word};
use crate::state::{Store, write_atomically};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use countersign_engine::report::JsonRange;
use countersign_ledger::NewEntry;
use countersign_review::{Answer, Decision, NAMESPACE, Request, Standing, digest, verify};
use countersign_text::Text;
use jiff::{SignedDuration, Timestamp};
use serde_json::json as object;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// Ask for a review of what changed and needs one: one file a change, to be committed with it.
    Request(RequestArguments),
    /// List the changes that need somebody, and where each stands.
    List(ListArguments),
    /// Show a request: the change, what was found in it, what depends on it, who has answered.
    Show(ShowArguments),
    /// Approve a change as it is, with your SSH key. Has to be confirmed at a terminal.
    ///
    /// The signature is what `ssh-keygen -Y sign -n countersign` makes, over a statement that names this change alone: repository,
    /// file, resource, what it was and what it becomes. Anything else that it becomes, or another base, and it does not hold.
    Approve(AnswerArguments),
    /// Reject a change, with your SSH key. Has to be confirmed at a terminal.
    Reject(AnswerArguments),
}

/// What is looked at.
#[derive(Debug, Args)]
struct Against {
    /// Compare with this commit, branch or tag, and not with what is presumed to be live.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// What is about to be applied, as `countersign gate --plan` takes it: what that destroys or replaces counts, too.
    #[arg(long, value_name = "[PATH=]FILE")]
    plan: Vec<String>,
}

impl Against {
    fn situation(&self, git: &Git) -> anyhow::Result<Situation> {
        let plans = self.plan.iter().map(|plan| PlanFile::read(git, plan)).collect::<anyhow::Result<Vec<_>>>()?;
        Situation::of_work_tree(git, self.base.as_deref(), &plans)
    }
}

#[derive(Debug, Args)]
pub(super) struct RequestArguments {
    /// Files and folders whose changes are meant.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    against: Against,
    /// Also of what policy wants nobody to look at.
    #[arg(long)]
    all: bool,
    /// Why it is changed.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    against: Against,
    /// How to print them; `countersign schema reviews` prints the schema of the JSON.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The name of the request.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    against: Against,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// For people.
    Human,
    /// For the description of a pull request.
    Markdown,
}

#[derive(Debug, Args)]
pub(super) struct AnswerArguments {
    /// The name of the request.
    #[arg(value_name = "ID")]
    id: String,
    /// The key: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// For how many days it holds; for good where it is left out.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    against: Against,
}

pub(super) fn run(command: &ReviewCommand) -> anyhow::Result<ExitCode> {
    let git = Git::of(Path::new("")).context("reviews are kept with the commits of a repository")?;
    match command {
        ReviewCommand::Request(arguments) => request(&git, arguments),
        ReviewCommand::List(arguments) => list(&git, arguments),
        ReviewCommand::Show(arguments) => show(&git, arguments),
        ReviewCommand::Approve(arguments) => answer(&git, arguments, Decision::Approve),
        ReviewCommand::Reject(arguments) => answer(&git, arguments, Decision::Reject),
    }
}

fn request(git: &Git, arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let meant: Vec<String> = arguments.paths.iter().map(|path| git.relative(path)).collect::<anyhow::Result<_>>()?;
    let is_meant = |change: &&Change| {
        let path = Path::new(&change.bound.path);
        let is_there = meant.is_empty() || meant.iter().any(|meant| path.starts_with(meant));
        is_there && (arguments.all || gate::is_worth_asking(change))
    };
    let requested_by = git::author(&git.root().join("-")).context(
        "nobody knows who you are: set `git config user.name` and `user.email`, which the request will name",
    )?;
    let (mut said, mut known) = (String::new(), 0);
    for change in situation.changes.iter().filter(is_meant) {
        if situation.reviews.request(&change.bound.id()).is_some() {
            known += 1;
            continue;
        }
        let content = std::fs::read(git.root().join(&change.bound.path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&content).into_owned();
        let range = change.ranges.first().cloned().unwrap_or_default();
        let why = arguments.why.clone().or_else(|| Some(messages(change)).filter(|why| !why.is_empty()));
        let asked = Asked {
            bound: change.bound.clone(),
            range: JsonRange::new(&Text::from(text.as_str()), &range),
            part: text.get(range).unwrap_or_default(),
            text: &text,
            findings: &change.found,
            requested_by: requested_by.clone(),
            why: why.unwrap_or_else(|| "A second person should look at this.".to_owned()),
        };
        let (file, statement) = asked.file(Timestamp::now());
        write_atomically(&git.root().join(&file), &statement)
            .with_context(|| format!("{}: the request cannot be written", file.display()))?;
        let _ = writeln!(said, "Requested {} of {}.", change.bound.id(), change.bound.place());
        let who = situation.who_may(change);
        if !who.is_empty() {
            let _ = writeln!(said, "  {} may answer it.", who.join(", "));
        }
    }
    if said.is_empty() {
        said = match known {
            0 => format!("No change against {} needs a review.\n", situation.base),
            _ => "All reviews were requested already; `countersign review list` says where they stand.\n".to_owned(),
        };
    } else {
        said.push_str("Commit the files under .countersign/reviews with the change.\n");
    }
    print(&person::shown(&said))?;
    Ok(report_problems(&situation))
}

fn list(git: &Git, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let changes: Vec<JsonChange> = situation.changes.iter().filter_map(|change| json(&situation, change)).collect();
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&changes)?))?,
        Format::Human if changes.is_empty() => {
            print(&format!("No change against {} needs a review.\n", situation.base))?
        }
        Format::Human => print(&person::shown(&gate::human_changes(&changes)))?,
    };
    Ok(report_problems(&situation))
}

/// Says what could not be read, and the exit code that follows.
fn report_problems(situation: &Situation) -> ExitCode {
    for problem in &situation.problems {
        anstream::eprintln!("countersign: {}: {}", problem.path, problem.message);
    }
    for (path, why) in &situation.reviews.problems {
        anstream::eprintln!("countersign: {path}: {why}");
    }
    for doubt in &situation.doubts {
        anstream::eprintln!("countersign: {doubt}");
    }
    let is_whole = situation.problems.is_empty() && situation.reviews.problems.is_empty();
    if is_whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// A request and the change that it is about.
fn found<'s>(situation: &'s Situation, id: &str) -> anyhow::Result<(&'s Request, &'s Change)> {
    let Some(request) = situation.reviews.request(id) else {
        let names: Vec<&str> = situation.reviews.requests().map(|request| request.request_id.as_str()).collect();
        let known =
            if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
        bail!("there is no request `{id}` under .countersign/reviews; {known}");
    };
    let is_there =
        |change: &&Change| (&change.bound.path, &change.bound.address) == (&request.bound.path, &request.bound.address);
    let is_same = |change: &&Change| change.bound.id() == request.request_id;
    let all = &situation.changes;
    let Some(change) = all.iter().find(is_same).or_else(|| all.iter().find(is_there)) else {
        bail!(
            "the review {id} is about {}, of which nothing is different from {} now",
            request.bound.place(),
            situation.base
        );
    };
    if let Some(why) = request.bound.differs(&change.bound) {
        bail!("the review {id} does not hold any more: {why}; have it requested anew");
    }
    Ok((request, change))
}

fn show(git: &Git, arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let (request, change) = found(&situation, &arguments.id)?;
    let text = match arguments.format {
        Shown::Human => human(&situation, request, change),
        Shown::Markdown => markdown(&situation, request, change),
    };
    print(&person::shown(&text))?;
    Ok(report_problems(&situation))
}

fn human(situation: &Situation, request: &Request, change: &Change) -> String {
    let mut text = format!("Review {}: {}\n", request.request_id, change.bound.place());
    if let Some(json) = json(situation, change) {
        let _ = writeln!(text, "{}", gate::human_changes(&[json]).trim_end());
    }
    let _ =
        writeln!(text, "Asked by {} at {}{}\n", request.requested_by, request.requested_at, own_why(request, change));
    for found in &change.found {
        let _ = writeln!(text, "- {} ({}): {}", found.risk, severity(found.severity), found.message);
    }
    let _ = writeln!(text, "\n{}", difference(change));
    text
}

/// What was found in a change, and what a plan does.
fn messages(change: &Change) -> String {
    let planned = change.planned.iter().map(|planned| format!("By a plan: {}.", planned.in_words()));
    change.found.iter().map(|found| found.message.clone()).chain(planned).collect::<Vec<_>>().join(" ")
}

/// Why somebody asks, behind a colon, where that is more than what was found.
fn own_why(request: &Request, change: &Change) -> String {
    if request.why == messages(change) { ".".to_owned() } else { format!(": {}", request.why) }
}

fn difference(change: &Change) -> String {
    fix::diff(&change.bound.path, &change.texts.0, &change.texts.1)
}

/// A text as it stands between others in Markdown: none of its marks counts but those of code.
fn plain(text: &str) -> String {
    let text = text.replace('\n', " ");
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        // Between two of them; the last of an odd number ends nothing.
        if index % 2 == 1 && index + 1 < parts.len() {
            let _ = write!(out, "`{part}`");
            continue;
        }
        if index % 2 == 1 {
            out.push_str("\\`");
        }
        for c in part.chars() {
            if matches!(c, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '@' | '~') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

fn markdown(situation: &Situation, request: &Request, change: &Change) -> String {
    let mut text = format!("### Review {}: {}\n\n", request.request_id, plain(&change.bound.place()));
    if let Some(json) = json(situation, change) {
        let _ = writeln!(text, "{}.\n\nNeeds {}.\n", plain(&json.in_words()), plain(json.needs()));
    }
    let _ = writeln!(text, "Asked by {}{}\n", plain(&request.requested_by), plain(&own_why(request, change)));
    for found in &change.found {
        let _ =
            writeln!(text, "- **{}** ({}): {}", plain(&found.risk), severity(found.severity), plain(&found.message));
    }
    for planned in &change.planned {
        let _ = writeln!(text, "- By a plan: {}.", plain(&planned.in_words()));
    }
    if let Some(impact) = change.impact.filter(|impact| impact.dependents > 0) {
        let _ = writeln!(text, "- Blast radius: {} depend on it.", impact.dependents);
    }
    let difference = difference(change);
    // A fence that is longer than any in it.
    let longest = difference.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "\n{fence}diff\n{}\n{fence}\n\nBefore approving:\n", difference.trim_end());
    let mut help: Vec<&str> = change.found.iter().map(|found| found.help.as_str()).collect();
    help.dedup();
    for help in help.into_iter().filter(|help| !help.is_empty()) {
        let _ = writeln!(text, "- [ ] {}", plain(help));
    }
    let _ = writeln!(text, "- [ ] A plan of this very commit shows what is expected, and nothing else.");
    let _ = writeln!(text, "- [ ] It is known how to go back, and how long that takes.\n");
    let _ = writeln!(text, "Answer with `countersign review approve {}` or `reject`.", request.request_id);
    text
}

fn answer(git: &Git, arguments: &AnswerArguments, decision: Decision) -> anyhow::Result<ExitCode> {
    let situation = arguments.against.situation(git)?;
    let id = &arguments.id;
    let (request, change) = found(&situation, id)?;
    person::at_terminal()?;
    let person = git::author(&git.root().join("-"));
    let Some(reviewer) = person.as_deref().and_then(email) else {
        bail!("nobody knows who you are: set `git config user.email`, by which the signers' file names you");
    };
    let signers = &situation.config.config.review.signers;
    let names = situation.signers.same_person(reviewer);
    if names.is_empty() {
        bail!(
            "{reviewer} is not among the signers, so the signature would count for nothing; a line `{reviewer} \
             namespaces=\"{NAMESPACE}\" ssh-ed25519 AAAA…` in {signers} of the base makes you one"
        );
    }
    let row = change.required.as_ref().map(|(_, row)| row);
    let people = situation.config.config.people();
    if let Some(why) = row.and_then(|row| row.refuses(people, &names, &change.owners)) {
        bail!("this is not for you to answer: {why}");
    }
    let own = change.not_own(row.is_some_and(|row| row.own), &request.requested_by);
    let is_own = names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)));
    if is_own && decision == Decision::Approve {
        bail!("{reviewer} wrote the change or asks for the review, and nobody approves what is their own");
    }
    let verb = if decision == Decision::Approve { "Approve" } else { "Reject" };
    let question = person::shown(&format!("{}\n{verb} this as {reviewer}?", human(&situation, request, change)));
    if !person::says_yes(&question)? {
        bail!("it was not {}", word(decision));
    }
    let now = Timestamp::now();
    let said = Answer {
        expires: arguments.days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days))),
        why: arguments.why.clone(),
        ..Answer::to(request, decision, reviewer, now)
    };
    let bytes = said.to_bytes();
    let signature = sign(git, arguments.key.as_deref(), &bytes)?;
    let signed = verify(&bytes, &signature, &situation.signers, &[now])
        .map_err(|refused| anyhow::anyhow!("this key cannot answer: {refused}; {signers} says whose key is whose"))?;
    if !signed.principals.iter().any(|name| name.eq_ignore_ascii_case(reviewer)) {
        let whose = signed.principals.join(", ");
        bail!(
            "this key is {whose}'s by {signers}, and you are {reviewer} by git's `user.email`; name your own with --key"
        );
    }
    if row.is_some_and(|row| row.hardware) && !signed.in_hardware {
        bail!(
            "policy asks for a key in hardware here (`ssh-keygen -t ed25519-sk` makes one), and this one is in a file"
        );
    }
    let (file, signature_file) = answer_files(id, reviewer);
    // The signature first: an answer without one counts for nothing, and the other way round there is nothing to read.
    write_atomically(&git.root().join(&signature_file), &signature)?;
    write_atomically(&git.root().join(&file), &bytes)?;
    record(git, &said, &signed.fingerprint, person.clone())?;
    let now = arguments.against.situation(git)?;
    let stands = now.changes.iter().find(|other| other.bound == change.bound).map(|change| now.stands(change));
    let then = match stands.and_then(|stands| stands.standing) {
        Some(Standing::Approved(_)) => "It has all approvals that it needs.".to_owned(),
        Some(Standing::Waits(1)) => "It waits for 1 more.".to_owned(),
        Some(Standing::Waits(more)) => format!("It waits for {more} more."),
        Some(Standing::Rejected(who)) => format!("It is rejected by {}.", who.join(" and ")),
        Some(Standing::Void(why)) => format!("It does not hold: {why}."),
        None => String::new(),
    };
    let text = format!("Review {id} is {} by {reviewer}. {then} Commit {}.\n", word(decision), file.display());
    print(&person::shown(&text))
}

/// Signs bytes as git signs commits: with its program and its key, unless another one is named.
fn sign(git: &Git, key: Option<&str>, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let program = git.setting("gpg.ssh.program").unwrap_or_else(|| "ssh-keygen".to_owned());
    let key = match key {
        Some(key) => key.to_owned(),
        None => git.path_setting("user.signingKey").context(
            "nobody knows which key to sign with: name one with --key, or set `git config user.signingKey` to the path of an SSH \
             key",
        )?,
    };
    let folder = tempfile::tempdir()?;
    let statement = folder.path().join("statement");
    std::fs::write(&statement, bytes)?;
    let mut command = Command::new(&program);
    command.args(["-Y", "sign", "-n", NAMESPACE]);
    let literal = key
        .strip_prefix("key::")
        .or(Some(key.as_str()).filter(|key| key.starts_with("ssh-") || key.starts_with("sk-")));
    match literal {
        // It is held by an agent.
        Some(public) => {
            let file = folder.path().join("key.pub");
            std::fs::write(&file, format!("{public}\n"))?;
            command.arg("-U").arg("-f").arg(file);
        }
        None => drop(command.arg("-f").arg(&key)),
    }
    // What it asks, a passphrase or a touch, it asks at the terminal.
    let output = command.arg(&statement).stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    let status = output.with_context(|| format!("`{program}` cannot be run; it comes with OpenSSH"))?;
    if !status.success() {
        bail!("`{program}` did not sign with {key}, and nothing was written");
    }
    std::fs::read(folder.path().join("statement.sig")).context("the signature cannot be read")
}

fn record(git: &Git, said: &Answer, fingerprint: &str, person: Option<String>) -> anyhow::Result<()> {
    let file = git.root().join(&said.bound.path);
    let body = object!({
        "state": word(said.decision), "review": said.request_id, "address": said.bound.address,
        "statement": digest(&said.to_bytes()), "key": fingerprint,
    });
    let entry: NewEntry = entry_of(Kind::Approval, &file, None, person, body);
    append(&Store::default(), &file, &[entry])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_that_somebody_wrote_is_a_mark_of_markdown_but_code() {
        assert_eq!(plain("`a_b` is [x](y) @ann\n# z"), "`a_b` is \\[x\\](y) \\@ann \\# z");
        assert_eq!(plain("one ` of <b>"), "one \\` of \\<b\\>");
        assert_eq!(plain("`a` and ` b_c"), "`a` and \\` b\\_c");
    }
}
