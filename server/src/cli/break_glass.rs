//! `countersign review break-glass`: lets changes through alone in an emergency, to be reviewed afterwards.

use super::gate::{JsonChange, human_changes, json};
use super::review::{Against, ask};
use super::sign::sign;
use super::{person, print};
use crate::git::Git;
use crate::record::{Kind, append, entry_of};
use crate::review::{Broken, Change, Situation, break_glass_files};
use crate::state::{Store, write_atomically};
use anyhow::{Context, bail};
use clap::Args;
use countersign_ledger::NewEntry;
use countersign_policy::is_rulebook;
use countersign_review::{Bound, BreakGlass, MAX_BYTES, NAMESPACE};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json as object;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct BreakGlassArguments {
    /// What is let through: files, folders and addresses of resources. All that lacks what it needs where none is named.
    #[arg(value_name = "PLACE")]
    places: Vec<String>,
    /// Why it cannot wait. Everybody will read it.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// For how many hours; policy says how many at most.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..))]
    hours: u32,
    /// The key: a file, or the public key of one that an agent holds. Else what git signs with (`user.signingKey`).
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    against: Against,
}

/// A break-glass of which somebody else has still to look at something.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonBroken {
    /// Its file, from the root of the repository.
    file: String,
    /// Who let the changes through.
    by: String,
    /// When, in UTC, as RFC 3339 has it.
    at: String,
    /// Until when, in UTC, as RFC 3339 has it.
    until: String,
    /// Why.
    reason: String,
    /// The commit that the changes start from; `review approve ID --base` takes it.
    base: String,
    /// The changes that nobody else has looked at.
    changes: Vec<JsonUnreviewed>,
}

/// A change that was let through and that nobody else has looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonUnreviewed {
    /// The file, from the root of the repository.
    path: String,
    /// The resource; left out where it is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The name that a review of it has.
    review: String,
}

impl JsonBroken {
    fn of((broken, bounds): (Broken, Vec<Bound>)) -> Self {
        let Broken { file, given } = broken;
        let glass = given.statement;
        let change = |bound: Bound| JsonUnreviewed { review: bound.id(), path: bound.path, address: bound.address };
        Self {
            file,
            by: glass.by,
            at: glass.at.to_string(),
            until: glass.expires.to_string(),
            reason: glass.reason,
            base: glass.base,
            changes: bounds.into_iter().map(change).collect(),
        }
    }

    /// That it waits, and what to do.
    pub(super) fn in_words(&self) -> String {
        let Self { file, by, at, until, reason, base, changes } = self;
        let places: Vec<String> = changes
            .iter()
            .map(|change| match &change.address {
                Some(address) => format!("{address} in {} ({})", change.path, change.review),
                None => format!("{} ({})", change.path, change.review),
            })
            .collect();
        format!(
            "{by} broke the glass at {at} until {until} ({reason}), and nobody else has looked at {} yet; somebody who is not {by} \
             runs `countersign review approve ID --base {base}`, or `reject` ({file})",
            places.join(", ")
        )
    }
}

/// The break-glasses of which somebody else has still to look at something.
pub(super) fn unreviewed(situation: &Situation) -> Vec<JsonBroken> {
    situation.unreviewed().into_iter().map(JsonBroken::of).collect()
}

pub(super) fn run(git: &Git, arguments: &BreakGlassArguments) -> anyhow::Result<ExitCode> {
    person::at_terminal()?;
    let situation = arguments.against.situation(git)?;
    let config = &situation.config.config;
    let Some(policy) = &config.break_glass else {
        bail!(
            "nobody may break the glass here: countersign.toml has no `[break_glass]`, and the one of the base holds at the gate; have \
             the changes approved"
        );
    };
    if arguments.why.trim().is_empty() {
        bail!("say why it cannot wait, with --why; whoever looks at it afterwards will want to know");
    }
    if arguments.hours > policy.hours.get() {
        bail!("`[break_glass]` of countersign.toml allows {} hours at most; name fewer with --hours", policy.hours);
    }
    let (person, by) = person::who_signs(git)?;
    let names = situation.names_of(&by).map_err(anyhow::Error::msg)?;
    let signers = &config.review.signers;
    if let Some(why) = policy.refuses(config.people(), &names) {
        bail!("this glass is not yours to break: {why}");
    }
    let lacking = lacking(git, &situation, &arguments.places)?;
    let (rulebook, covered): (Vec<_>, Vec<_>) =
        lacking.into_iter().partition(|(change, _)| is_rulebook(&change.bound.path, signers));
    let mut remarks = String::new();
    for (change, _) in &rulebook {
        let _ = writeln!(
            remarks,
            "{} is not let through: it says who may do what, and needs its approvals in any emergency.",
            change.bound.place()
        );
    }
    let (changes, shown): (Vec<&Change>, Vec<JsonChange>) = covered.into_iter().unzip();
    if changes.is_empty() {
        bail!("nothing that is meant lacks what it needs, so there is no glass to break\n{}", remarks.trim_end());
    }
    let now = Timestamp::now();
    let now = now.round(jiff::Unit::Second).map_or(now, |rounded| rounded.min(now));
    let glass = BreakGlass {
        base: situation.left.clone(),
        changes: changes.iter().map(|change| change.bound.clone()).collect(),
        reason: arguments.why.trim().to_owned(),
        by: by.clone(),
        at: now,
        expires: now + SignedDuration::from_hours(i64::from(arguments.hours)),
    };
    let bytes = glass.to_bytes();
    if bytes.len() > MAX_BYTES {
        bail!("these are too many changes for one statement ({} bytes of {MAX_BYTES}); name fewer places", bytes.len());
    }
    let question = format!(
        "{}{remarks}Let {} through alone as {by} until {}, to be reviewed afterwards?",
        human_changes(&shown),
        if changes.len() == 1 { "this change".to_owned() } else { format!("these {} changes", changes.len()) },
        glass.expires
    );
    if !person::says_yes(&person::shown(&question))? {
        bail!("the glass was not broken");
    }
    let signature = sign(git, NAMESPACE, arguments.key.as_deref(), &bytes)?;
    situation
        .judge_glass(&bytes, &signature, Timestamp::now())
        .map_err(|why| anyhow::anyhow!("this would count for nothing: {why}; {signers} says whose key is whose"))?;
    let mut entries = Vec::new();
    for change in &changes {
        if situation.reviews.request(&change.bound.id()).is_none() {
            entries.push(ask(git, &situation, change, &person, Some(&glass.reason))?);
        }
    }
    let (file, signature_file) = break_glass_files(&glass.id());
    // The signature first: without one the statement counts for nothing.
    write_atomically(&git.root().join(&signature_file), &signature)?;
    write_atomically(&git.root().join(&file), &bytes)?;
    entries.extend(recorded(git, &glass, &person));
    append(&Store::default(), &git.root().join("-"), &entries)?;
    let text = format!(
        "The glass is broken until {}, for {} of the changes. Commit the files under .countersign/reviews; somebody else has to approve \
         or reject what was let through.\n",
        glass.expires,
        changes.len()
    );
    print(&person::shown(&text))
}

/// The changes that are meant and that the gate would stop.
fn lacking<'s>(
    git: &Git,
    situation: &'s Situation,
    places: &[String],
) -> anyhow::Result<Vec<(&'s Change, JsonChange)>> {
    let stopped = situation.changes.iter().filter_map(|change| Some((change, json(situation, change)?)));
    let stopped: Vec<_> = stopped.filter(|(_, json)| json.stops()).collect();
    if places.is_empty() {
        return Ok(stopped);
    }
    let mut wanted = Vec::new();
    for place in places {
        let is_address = stopped.iter().any(|(change, _)| change.bound.address.as_deref() == Some(place.as_str()));
        let path = if is_address { None } else { Some(git.relative(Path::new(place)).context(place.clone())?) };
        wanted.push((place, path));
    }
    let is_meant = |change: &Change| {
        wanted.iter().any(|(place, path)| match path {
            None => change.bound.address.as_ref() == Some(*place),
            Some(path) => Path::new(&change.bound.path).starts_with(path),
        })
    };
    Ok(stopped.into_iter().filter(|(change, _)| is_meant(change)).collect())
}

/// What is added to the ledger: once for each change. The reason may name people, so it is not there.
fn recorded(git: &Git, glass: &BreakGlass, person: &str) -> Vec<NewEntry> {
    let entry = |bound: &Bound| {
        let body = object!({
            "state": "break-glass", "review": bound.id(), "address": bound.address, "breakGlass": glass.id(),
            "expires": glass.expires.as_millisecond(),
        });
        entry_of(Kind::Approval, &git.root().join(&bound.path), None, Some(person.to_owned()), body)
    };
    glass.changes.iter().map(entry).collect()
}
