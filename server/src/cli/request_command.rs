//! `countersign request-command`: a command that was denied, and the people who let it through once.

use super::sign::Signer;
use super::{Format, person, print};
use crate::approvals::record::{Kept, Request, SignedWord, Standing};
use crate::approvals::{self, Rules, in_words, log, now};
use crate::disk::Configs;
use crate::git::{self, Git};
use crate::proposal::{self, UNREADABLE};
use crate::review::email;
use crate::state::Store;
use anyhow::{Context, bail};
use clap::Args;
use countersign_agents::{Action, AgentKind, Call, Moment};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[group(id = "request", required = true, args = ["command", "list", "approve", "decline"])]
pub(super) struct RequestArguments {
    /// The agent that is to run it.
    #[arg(long, value_name = "AGENT", value_parser = super::agents(), requires = "command")]
    agent: Option<AgentKind>,
    /// Its session, as the denial says it.
    #[arg(long, value_name = "SESSION", requires = "command")]
    session: Option<String>,
    /// For how many minutes it is asked, where that is less than policy allows.
    #[arg(long, value_name = "MINUTES", requires = "command", value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// The command: its words, or one word with all of it, as a shell takes it.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// List what was requested in this repository.
    #[arg(long, conflicts_with_all = ["command", "approve", "decline"])]
    list: bool,
    /// Let a command through once. Has to be confirmed at a terminal, and signed where the signers' file names anybody.
    #[arg(long, value_name = "ID", conflicts_with_all = ["command", "decline"])]
    approve: Option<String>,
    /// The key to sign with: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY", requires = "approve")]
    key: Option<String>,
    /// Do not let a command through, or no longer.
    #[arg(long, value_name = "ID", conflicts_with = "command")]
    decline: Option<String>,
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// A command that was requested.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JsonRequest {
    /// Its name.
    id: String,
    /// The words of the command; one word where only a shell can take it apart.
    argv: Vec<String>,
    /// Where it is to run.
    folder: String,
    /// Who asks.
    agent: AgentKind,
    /// In which session; left out where the agent names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// What it would do.
    does: Vec<String>,
    /// When it was requested, in UTC, as RFC 3339 has it.
    at: String,
    /// Until when it holds.
    expires: String,
    /// Who has agreed, as far as that counts.
    approved_by: Vec<String>,
    /// `waiting`, `approved`, `declined`, `used` or `expired`.
    state: String,
}

pub(super) fn run(arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let at = approvals::real(&std::env::current_dir()?).join("-");
    let store = Store::default();
    match (&arguments.approve, &arguments.decline) {
        (Some(id), _) => approve(&store, &at, id, arguments.key.as_deref()),
        (_, Some(id)) => decline(&store, &at, id),
        _ if arguments.list => list(&store, &at, arguments.format),
        _ => request(&store, &at, arguments),
    }
}

fn request(store: &Store, at: &Path, arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let Some(agent) = arguments.agent else {
        bail!("--agent has to say who is to run it; the denial has the whole line to copy");
    };
    let line = countersign_commands::line(&arguments.command);
    let folder = at.parent().map(PathBuf::from).unwrap_or_default();
    let call = call(agent, arguments.session.clone(), &folder, &line);
    let judgement = proposal::judge(&call).context("this is no command")?;
    let judged = match judgement.approvable() {
        Ok(judged) => judged,
        Err(why) => bail!("this cannot be requested: {why}"),
    };
    let approval = approvals::approval(judged, agent, &Configs::default().of(at));
    if approval.people == usize::MAX {
        bail!("this cannot be requested: no row of `[[approval]]` in countersign.toml holds for it");
    }
    let basis = judged.basis();
    if let Some((path, _)) = basis.files.iter().find(|(_, digest)| *digest == UNREADABLE) {
        bail!("this cannot be requested: {path} cannot be read, so nobody can say what would be approved");
    }
    let minutes = approval.minutes.min(arguments.minutes.unwrap_or(u32::MAX));
    let who = (agent, arguments.session.clone());
    let request = Request::new(approvals::argv(&line), folder, who, basis, git::author(at), (now(), minutes));
    log(store, at, &request, "requested", None, None)?;
    request.keep(store, at).context("the request could not be kept")?;
    let words = in_words(&request.id, &Standing::Waits(approval.people));
    print(&format!("Requested as {}, for {minutes} minutes. {words}\n", request.id))
}

/// What the agent's hook will say when the command comes.
fn call(agent: AgentKind, session: Option<String>, folder: &Path, line: &str) -> Call {
    Call {
        agent,
        tool: agent.tool().to_owned(),
        model: None,
        session,
        call: None,
        cwd: Some(folder.to_owned()),
        event: None,
        moment: Moment::Before,
        action: Action::Command(line.to_owned()),
        transcript: None,
    }
}

fn approve(store: &Store, at: &Path, id: &str, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let one = Kept::of(store, at, id).map_err(anyhow::Error::msg)?;
    person::at_terminal()?;
    let rules = Rules::of(Configs::default().of(at));
    let approval = one.request.approval(&rules.config.config);
    let person = git::author(at);
    let Some((person, address)) = person.and_then(|person| Some((person.clone(), email(&person)?.to_owned()))) else {
        bail!("nobody knows who you are: set `git config user.name` and `user.email`, which the approval will name");
    };
    let worker = one.request.worker.as_deref().and_then(email);
    if let Some(why) = rules.refuse(&approval, &address, worker) {
        bail!("this is not for {person} to approve: {why}");
    }
    let signers_file = rules.config.config.review.signers.as_str();
    let has_to_sign = rules.want_signatures(&approval);
    if has_to_sign && rules.signers.is_empty() {
        let why = rules.problems.first().map_or("it names nobody", String::as_str);
        bail!("an approval of this has to be signed, and {signers_file} says whose key is whose: {why}");
    }
    match one.standing(&approval, &rules, now()) {
        Standing::Waits(more) if more != usize::MAX => {}
        standing => bail!("{}", in_words(id, &standing)),
    }
    if let Some(path) = approvals::stale(&one.request) {
        bail!(
            "`{path}` has changed since this was requested, so it would not be what was judged; have it requested anew"
        );
    }
    let question = format!("{}\nLet this run once, approved by {person}?", shown(&one, &rules));
    if !person::says_yes(&person::shown(&question))? {
        bail!("it was not approved; `--decline {id}` declines it for good");
    }
    let signed = if has_to_sign {
        let hardware = approval.hardware;
        let by = Signer { person: &address, key, signers: &rules.signers, signers_file, hardware };
        let at = Timestamp::now();
        let statement = one.to_sign(&address, at).to_bytes();
        let (signature, signed) = by.sign(&Git::of(Path::new(""))?, &statement, at)?;
        let word = SignedWord { statement: String::from_utf8(statement)?, signature: String::from_utf8(signature)? };
        Some((word, signed.fingerprint))
    } else if key.is_some() {
        bail!(
            "nobody has to sign this, by `[[approval]]` of countersign.toml and {signers_file}, so --key has no use here"
        );
    } else {
        None
    };
    // Before it counts, so that nothing counts that was not recorded.
    let noted = signed.as_ref().map(|(word, key)| (word.statement.as_bytes(), key.as_str()));
    log(store, at, &one.request, "approved", Some(person.clone()), noted)?;
    if !one.approve(&person, now(), signed.map(|(word, _)| word))? {
        bail!("{person} has approved this already, and each person counts once");
    }
    let standing = Kept::of(store, at, id).map_err(anyhow::Error::msg)?.standing(&approval, &rules, now());
    print(&format!("{}\n", in_words(id, &standing)))
}

fn decline(store: &Store, at: &Path, id: &str) -> anyhow::Result<ExitCode> {
    let one = Kept::of(store, at, id).map_err(anyhow::Error::msg)?;
    if one.is_used {
        bail!("request {id} has been used already");
    }
    let person = git::author(at).unwrap_or_else(|| "somebody".to_owned());
    if !one.decline(&person, now())? {
        bail!("request {id} was declined before");
    }
    log(store, at, &one.request, "declined", Some(person), None)?;
    print(&format!("Request {id} is declined, whoever has approved it.\n"))
}

fn list(store: &Store, at: &Path, format: Format) -> anyhow::Result<ExitCode> {
    let (kept, problems) = Kept::all(store, at);
    let rules = Rules::of(Configs::default().of(at));
    for problem in problems.iter().chain(rules.problems.iter().filter(|_| !kept.is_empty())) {
        writeln!(std::io::stderr(), "countersign: {problem}")?;
    }
    if format == Format::Json {
        let all: Vec<JsonRequest> = kept.iter().map(|one| json(one, &rules)).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
    } else if kept.is_empty() {
        print("Nothing was requested.\n")?;
    } else {
        let texts: Vec<String> = kept
            .iter()
            .map(|one| {
                let standing = one.standing(&one.request.approval(&rules.config.config), &rules, now());
                person::shown(&format!("{}{}\n", shown(one, &rules), in_words(&one.request.id, &standing)))
            })
            .collect();
        print(&texts.join("\n"))?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(super::FAILED) })
}

fn json(one: &Kept, rules: &Rules) -> JsonRequest {
    let approval = one.request.approval(&rules.config.config);
    let state = match one.standing(&approval, rules, now()) {
        Standing::Waits(_) => "waiting",
        Standing::Approved => "approved",
        Standing::Declined(_) => "declined",
        Standing::Used => "used",
        Standing::Expired => "expired",
    };
    let request = &one.request;
    JsonRequest {
        id: request.id.clone(),
        argv: request.argv.clone(),
        folder: crate::disk::display(&request.folder),
        agent: request.agent,
        session: request.session.clone(),
        does: request.basis.operations.iter().map(|done| done.what.clone()).collect(),
        at: time(request.at),
        expires: time(request.expires),
        approved_by: one.counting(&approval, rules, now()).into_iter().map(|word| word.person.clone()).collect(),
        state: state.to_owned(),
    }
}

/// A request for people.
fn shown(one: &Kept, rules: &Rules) -> String {
    let request = &one.request;
    let session = match &request.session {
        Some(session) => format!("in session {session}"),
        None => "in any of its sessions, for it names none".to_owned(),
    };
    let mut text = format!(
        "Request {}: {} {session} asks to run\n\n    {}\n\nin {}, until {}.\n",
        request.id,
        request.agent,
        request.line().replace('\n', "\n    "),
        request.folder.display(),
        time(request.expires),
    );
    for done in &request.basis.operations {
        let _ = writeln!(text, "- {} Environment: {}.", done.what, done.environment.name());
    }
    for (path, digest) in &request.basis.files {
        let short: String = digest.chars().take(12).collect();
        let _ = writeln!(text, "- It stands on {path} ({short}).");
    }
    let approval = request.approval(&rules.config.config);
    for word in &one.approvals {
        let _ = match one.refuses(word, &approval, rules, now()) {
            None => writeln!(text, "- Approved by {}.", word.person),
            Some(why) => writeln!(text, "- Approved by {}, which does not count: {why}.", word.person),
        };
    }
    text
}

fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}
