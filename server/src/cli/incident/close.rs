//! `countersign incident close`: what a person decides, and signs.

use super::closed::{Judge, Kept, files};
use super::one_line;
use crate::cli::sign::Signer;
use crate::cli::{ledger, person, print};
use crate::disk::display;
use crate::git::Git;
use crate::record::{Kind, append, entry_of};
use crate::state::{Store, write_atomically};
use anyhow::bail;
use clap::Args;
use countersign_review::{IncidentClosed, Role, digest};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct CloseArguments {
    /// The name of the incident.
    #[arg(value_name = "ID")]
    id: String,
    /// What part AI tools had in it.
    #[arg(long, value_name = "ROLE", value_parser = ["primary", "contributory", "incidental", "none", "unknown"])]
    role: String,
    /// What caused it: the number of a candidate, or in your own words.
    #[arg(long, value_name = "NUMBER|TEXT")]
    cause: String,
    /// Why that is so.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// The AI tool that had that part; else those of the candidate. May be given several times.
    #[arg(long, value_name = "TOOL")]
    agent: Vec<String>,
    /// When what caused it went live. Where nobody says, it is not known how soon it was noticed.
    #[arg(long, value_name = "TIME")]
    deployed: Option<String>,
    /// When it was noticed; else where the time of the incident ends.
    #[arg(long, value_name = "TIME")]
    detected: Option<String>,
    /// When it was undone.
    #[arg(long, value_name = "TIME")]
    rolled_back: Option<String>,
    /// The key: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub(super) fn close(git: &Git, arguments: &CloseArguments) -> anyhow::Result<ExitCode> {
    person::at_terminal()?;
    let judge = Judge::of(git);
    let now = judge.now;
    let kept = Kept::named(git.root(), &arguments.id, &judge)?;
    let incident = &kept.incident;
    if let Some(Ok(closed)) = &kept.closed {
        bail!("{} has decided about {} already: {}", closed.by, incident.id, closed.role.name());
    }
    let candidate = match arguments.cause.trim().parse::<usize>() {
        Ok(number) => match number.checked_sub(1).and_then(|index| incident.candidates.get(index)) {
            Some(candidate) => Some(candidate),
            None => bail!("there is no candidate {number}; {} has {}", incident.id, incident.candidates.len()),
        },
        Err(_) => None,
    };
    let time = |text: &String| Ok::<_, anyhow::Error>(Timestamp::from_millisecond(ledger::time(text, TimeZone::UTC)?)?);
    let agents = match candidate {
        Some(candidate) if arguments.agent.is_empty() => candidate.agents.clone(),
        _ => arguments.agent.clone(),
    };
    let (name, by) = person::who_signs(git)?;
    let role = Role::ALL.into_iter().find(|role| role.name() == arguments.role).unwrap_or(Role::Unknown);
    let closed = IncidentClosed {
        incident: incident.id.clone(),
        incident_sha256: kept.sha256.clone(),
        role,
        cause: one_line(&candidate.map_or_else(|| arguments.cause.trim().to_owned(), super::role::what)),
        why: one_line(arguments.why.trim()),
        agents: if matches!(role, Role::Primary | Role::Contributory) { agents } else { Vec::new() },
        deployed_at: arguments.deployed.as_ref().map(time).transpose()?,
        detected_at: match &arguments.detected {
            Some(text) => time(text)?,
            None => incident.until,
        },
        rolled_back_at: arguments.rolled_back.as_ref().map(time).transpose()?,
        by: by.clone(),
        at: now,
    };
    if let Some(why) = closed.refused() {
        bail!("this cannot be: {why}");
    }
    let moment = |at: Option<Timestamp>| at.map_or_else(|| "not said".to_owned(), |at| at.to_string());
    let question = format!(
        "{} {}\nPart of AI tools: {} {}\nCause: {}\nWhy: {}\nWent live: {}\nNoticed: {}\nUndone: {}\nDecide this as {by}?",
        incident.id,
        one_line(&incident.title),
        closed.role.name(),
        closed.agents.join(", "),
        closed.cause,
        closed.why,
        moment(closed.deployed_at),
        closed.detected_at,
        moment(closed.rolled_back_at),
    );
    if !person::says_yes(&person::shown(&question))? {
        bail!("nothing was decided");
    }
    let bytes = closed.to_bytes();
    let key_of = Signer {
        person: &by,
        key: arguments.key.as_deref(),
        signers: &judge.signers,
        signers_file: &judge.signers_file,
        hardware: false,
    };
    let (signature, signed) = key_of.sign(git, &bytes, now)?;
    let [_, _, file, signature_file] = files(&incident.id);
    // The signature first: a decision without one counts for nothing, and the other way round there is nothing to read.
    write_atomically(&git.root().join(&signature_file), &signature)?;
    write_atomically(&git.root().join(&file), &bytes)?;
    let body = json!({
        "state": "decided", "incident": incident.id, "role": closed.role, "statement": digest(&bytes), "key": signed.fingerprint,
    });
    let at = git.root().join(&file);
    append(&Store::default(), &at, &[entry_of(Kind::Approval, &at, None, Some(name), body)])?;
    let text = format!(
        "Incident {} is decided: {}. Commit {} and its signature.\n",
        incident.id,
        closed.role.name(),
        display(&file)
    );
    print(&person::shown(&text))
}
