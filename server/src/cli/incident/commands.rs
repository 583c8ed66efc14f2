//! What agents ran and called, by the record of this clone.

use super::affected::Affected;
use super::changes::{before, reaches, when};
use super::rank::{Facts, HARMFUL, harm_of_command, score};
use super::{Candidate, Event, Operation, Reach, What, moment};
use crate::cli::ledger::open_in;
use crate::cli::stamp::UNNAMED;
use crate::store::{Store, Wanted};
use countersign_commands::Effect;
use countersign_ledger::{Entry, Filter, Kind, LedgerError, Name};
use countersign_policy::{Environment, Origin};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// How long after an answer a command with the same text may still be the one that was answered.
const WITHIN: i64 = 3_600_000;

/// How long before the time an answer may have been given to what ended in it.
const BEFORE: i64 = 24 * WITHIN;

/// How far ahead of this machine's clock the clock of another process may be, in milliseconds.
const SKEW: i64 = 60_000;

/// What an entry says of the call that it is about.
struct Call {
    at: i64,
    agent: Option<String>,
    session: Option<String>,
    /// The agent's number of the call.
    number: Option<String>,
    sha256: Option<String>,
    tool: Option<String>,
}

impl Call {
    fn of(entry: &Entry) -> Self {
        let word = |name: &str| entry.body.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            at: entry.at,
            agent: entry.agent.clone(),
            session: word("session"),
            number: word("call"),
            sha256: word("command"),
            tool: word("tool"),
        }
    }

    /// What it is known by for certain.
    fn key(&self) -> Option<(String, String)> {
        self.session.clone().zip(self.number.clone())
    }

    /// What calls of one text have in common.
    fn text(&self) -> Text {
        (self.session.clone(), self.sha256.clone(), self.tool.clone())
    }

    fn who(&self) -> &str {
        self.agent.as_deref().unwrap_or(UNNAMED)
    }
}

/// A command that was run, or asked for.
struct Ran {
    of: Call,
    folder: Option<String>,
    state: &'static str,
    operations: Vec<Done>,
    passed: Option<&'static str>,
}

/// What one command did.
struct Done {
    told: Operation,
    /// Digests of the names of what was hit; `None` where nothing was named.
    names: Option<Vec<String>>,
    /// Whether it ran in the folder of the command.
    is_here: bool,
}

/// What stood before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It was denied.
    Denied,
    /// A person was asked.
    Asked,
    /// People had let it through.
    Approved,
}

/// An answer to a command.
struct Answer {
    of: Call,
    effects: Vec<Effect>,
    word: Word,
    is_taken: bool,
}

/// Session, digest of the text, and tool of a command.
type Text = (Option<String>, Option<String>, Option<String>);

/// What the record has of a time.
pub(super) struct Record {
    ran: Vec<Ran>,
    events: Vec<Event>,
    /// Whose commands are in it; `None` where there is no record.
    whose: Option<&'static str>,
    /// Why it may not have all that agents did in the time.
    gaps: Vec<String>,
    /// How often what agents do was out of the ordinary.
    pub(super) anomalies: usize,
}

/// What is taken out of the entries before it is joined.
#[derive(Default)]
struct Taken {
    answers: Vec<Answer>,
    /// Entries that are ahead of this machine's clock.
    future: usize,
}

impl Taken {
    /// Takes the next entry, in order of their times.
    fn take(&mut self, record: &mut Record, entry: &Entry, (from, until): (i64, i64), now: i64) {
        if entry.at > now.saturating_add(SKEW) {
            self.future += 1;
        } else if entry.at < until {
            record.add(entry, &mut self.answers, from);
        }
    }
}

impl Record {
    const fn new() -> Self {
        Self { ran: Vec::new(), events: Vec::new(), whose: None, gaps: Vec::new(), anomalies: 0 }
    }

    /// Reads what all machines have sent to a team's store of a repository.
    pub(super) fn of_store(
        address: &str,
        repository: &str,
        (from, until): (i64, i64),
        now: i64,
    ) -> anyhow::Result<Self> {
        let mut record = Self::new();
        let mut taken = Taken::default();
        let wanted = Wanted::Of { repository: repository.to_owned(), since: from - BEFORE };
        let read = Store::read(address, &wanted, |_, entry| taken.take(&mut record, &entry, (from, until), now))?;
        if read.sources.is_empty() {
            record.gaps.push(format!(
                "nothing of {repository} was sent to the store, so it is not known what agents ran; `countersign sync` sends it"
            ));
            return Ok(record);
        }
        record.whose = Some("in a clone that sends to the store");
        record.gaps.push("what a machine has not sent to the store yet is not known".to_owned());
        record.gaps.extend(read.faults.iter().map(|fault| format!("of the store something cannot be read: {fault}")));
        record.gaps.extend(read.sources.iter().filter(|source| source.forked_after > 0).map(|source| {
            format!(
                "a ledger goes another way than another one after entry {}: two machines go on with copies of one, or one was rewritten",
                source.forked_after
            )
        }));
        record.finish(taken, from);
        Ok(record)
    }

    /// Reads the ledger of a work tree.
    pub(super) fn of(root: &Path, (from, until): (i64, i64), now: i64) -> anyhow::Result<Self> {
        let mut record = Self::new();
        let Some(ledger) = open_in(root)? else {
            record.gaps.push(
                "nothing was recorded in this clone, so it is not known what agents ran; the record is in the clone in which they \
                 worked, so ask those who did for `countersign incident new` there"
                    .to_owned(),
            );
            return Ok(record);
        };
        record.whose = Some("in this clone");
        let mut first = None;
        let begins = ledger.entries(&Filter::default(), |entry| {
            first = Some(entry.at);
            ControlFlow::Break(())
        });
        let mut taken = Taken::default();
        // Answers may be older than what they were about.
        let filter = Filter { since: Some(from - BEFORE), ..Filter::default() };
        let read = begins.and_then(|()| {
            ledger.entries(&filter, |entry| {
                taken.take(&mut record, &entry, (from, until), now);
                ControlFlow::Continue(())
            })
        });
        match read {
            Err(error @ (LedgerError::Unreadable { .. } | LedgerError::Damaged { .. })) => {
                record.gaps.push(format!("of the ledger only what comes before is counted: {error}"));
            }
            read => read?,
        }
        let found = ledger.verify(&crate::cli::ledger::anchors(&ledger))?;
        if !found.is_intact() {
            record.gaps.push(format!("the ledger is {found}; what is said of commands may be false"));
        }
        if let Some(first) = first.filter(|first| *first > from) {
            record.gaps.push(format!("the record begins at {}, within the time", moment(first)));
        }
        record.finish(taken, from);
        Ok(record)
    }

    /// Says what is missing in what was taken, and joins it.
    fn finish(&mut self, taken: Taken, from: i64) {
        if taken.future > 0 {
            self.gaps.push(format!(
                "{} entries of the record are ahead of this machine's clock; they are left out",
                taken.future
            ));
        }
        if self.ran.is_empty() {
            self.gaps.push(
                "the record has no command of the time: none was run, or what recorded it did not record commands yet"
                    .to_owned(),
            );
        }
        self.join(taken.answers, from);
    }

    /// What it cannot know, whatever is in it.
    pub(super) fn doubts(&self) -> Vec<String> {
        let always = |whose| {
            format!(
                "of commands only those are known that an agent with Countersign's hook ran {whose}; what people typed, other machines \
                 did, or agents without the hook is not. A command's time is that at which it ended"
            )
        };
        self.gaps.iter().cloned().chain(self.whose.map(always)).collect()
    }

    /// Takes the next entry.
    fn add(&mut self, entry: &Entry, answers: &mut Vec<Answer>, from: i64) {
        let word = |name: &str| entry.body.get(name).and_then(Value::as_str).map(str::to_owned);
        let who = entry.agent.clone().unwrap_or_else(|| UNNAMED.to_owned());
        let mut say = |what: String| {
            if entry.at >= from {
                self.events.push(Event { at: moment(entry.at), what });
            }
        };
        let answer = |effects: Vec<Effect>, word: Word| Answer { of: Call::of(entry), effects, word, is_taken: false };
        match &entry.kind {
            Kind::Command => self.ran.push(Ran {
                of: Call::of(entry),
                folder: entry.file.as_ref().and_then(|file| match &file.name {
                    Name::Known(name) => Some(name.clone()),
                    Name::Erased | Name::False => None,
                }),
                state: if word("state").as_deref() == Some("failed") { "failed" } else { "done" },
                operations: operations(&entry.body),
                passed: None,
            }),
            Kind::Verdict
                if word("surface").as_deref() == Some("hook") && word("command").or(word("tool")).is_some() =>
            {
                // What is older says only what followed from policy.
                let said = match word("answer").or(word("verdict")).as_deref() {
                    Some("deny") => Word::Denied,
                    Some("ask") => Word::Asked,
                    _ => return,
                };
                let risks = entry.body.get("risks").and_then(Value::as_array).into_iter().flatten();
                let effects = risks.filter_map(Value::as_str).filter_map(|risk| effect(risk.strip_prefix("command/")?));
                let risk = word("risk").unwrap_or_else(|| "it could not be judged".to_owned());
                say(match said {
                    Word::Asked => format!("A person was asked about a command of {who}: {risk}."),
                    _ => format!("A command of {who} was denied: {risk}."),
                });
                answers.push(answer(effects.collect(), said));
            }
            Kind::Approval if word("request").is_some() => {
                let state = word("state").unwrap_or_default();
                let request = word("request").unwrap_or_default();
                say(format!("The request {request} of {who} for a command was {state}."));
                if state == "used" {
                    let effects = entry.body.get("effects").and_then(Value::as_array).into_iter().flatten();
                    let effects = effects.filter_map(Value::as_str).filter_map(effect);
                    answers.push(answer(effects.collect(), Word::Approved));
                }
            }
            Kind::Anomaly => {
                self.anomalies += usize::from(entry.at >= from);
                say(format!(
                    "{who} {}",
                    word("why").unwrap_or_else(|| "did something out of the ordinary.".to_owned())
                ));
            }
            Kind::Revert => say(format!("Text of {who} was taken back.")),
            _ => {}
        }
    }

    /// Puts answers to the commands that they were about, by the agent's number of the call. Where an agent gives none, it is not
    /// known whether a command with the same text in the same session is the one.
    fn join(&mut self, mut answers: Vec<Answer>, from: i64) {
        self.ran.retain(|ran| ran.of.at >= from);
        let mut by_call: HashMap<(String, String), usize> = HashMap::new();
        let mut by_text: HashMap<Text, Vec<usize>> = HashMap::new();
        for (index, answer) in answers.iter().enumerate() {
            match answer.of.key() {
                Some(key) => drop(by_call.insert(key, index)),
                None => by_text.entry(answer.of.text()).or_default().push(index),
            }
        }
        for ran in &mut self.ran {
            let by_call = ran.of.key().and_then(|key| by_call.get(&key)).and_then(|index| answers.get_mut(*index));
            if let Some(answer) = by_call {
                answer.is_taken = true;
                ran.passed = Some(match (answer.word, ran.state) {
                    // An agent that heeds a denial may say afterwards that its call failed.
                    (Word::Denied, "failed") => "refused",
                    (Word::Denied, _) => "overridden",
                    (Word::Asked, _) => "asked",
                    (Word::Approved, _) => "approved",
                });
                continue;
            }
            let all = by_text.get(&ran.of.text()).map(Vec::as_slice).unwrap_or_default();
            let is_before = |index: &usize| answers.get(*index).is_some_and(|answer| answer.of.at <= ran.of.at);
            let before = all.partition_point(is_before);
            let last = before.checked_sub(1).and_then(|last| all.get(last)).and_then(|index| answers.get_mut(*index));
            let is_near = |answer: &&mut Answer| answer.of.at.saturating_add(WITHIN) >= ran.of.at && !answer.is_taken;
            if let Some(answer) = last.filter(is_near) {
                answer.is_taken = true;
                ran.passed = Some("perhaps");
            }
        }
        self.ran.retain(|ran| ran.passed != Some("refused"));
        // What people let through was run, as far as one can tell. Of what was denied that is not known, and of what a person was
        // asked about neither.
        for answer in answers.into_iter().filter(|answer| !answer.is_taken && answer.of.at >= from) {
            let done = |effect: &Effect| Done {
                told: Operation {
                    program: "not recorded".to_owned(),
                    effect: *effect,
                    reach: "not-recorded".to_owned(),
                    grave: true,
                    certain: false,
                    environment: Environment::Unknown,
                    target: None,
                },
                names: None,
                is_here: false,
            };
            self.ran.push(Ran {
                operations: answer.effects.iter().map(done).collect(),
                of: answer.of,
                folder: None,
                state: "not-recorded",
                passed: match answer.word {
                    Word::Denied => None,
                    Word::Asked => Some("asked"),
                    Word::Approved => Some("approved"),
                },
            });
        }
        self.ran.sort_by_key(|ran| ran.of.at);
    }

    /// How many commands are known; `None` where there is no record.
    pub(super) fn commands(&self) -> Option<usize> {
        self.whose.map(|_| self.ran.len())
    }

    /// Why it may not have all that agents did in the time.
    pub(super) fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// What each of them may have done. `time` is that in which the cause lies, in milliseconds since 1970.
    pub(super) fn candidates(&self, affected: &Affected, time: (i64, i64)) -> Vec<Candidate> {
        self.ran.iter().filter_map(|ran| ran.candidate(affected, time)).collect()
    }

    /// What happened when, but for commands that do nothing that is known.
    pub(super) fn events(&self) -> Vec<Event> {
        let event = |ran: &Ran| {
            let first = ran.operations.first()?;
            let who = ran.of.who();
            let what = match ran.state {
                "failed" => "ran and failed",
                "done" => "was run",
                _ => return None,
            };
            let passed = ran.passed.map(|passed| format!(", {passed}")).unwrap_or_default();
            Some(Event {
                at: moment(ran.of.at),
                what: format!(
                    "A command of {who} {what}: {} ({}{passed}).",
                    first.told.program,
                    first.told.effect.name()
                ),
            })
        };
        self.ran.iter().filter_map(event).chain(self.events.iter().cloned()).collect()
    }
}

impl Ran {
    fn candidate(&self, affected: &Affected, time: (i64, i64)) -> Option<Candidate> {
        let mut ranked: Vec<(u32, Reach, Operation, f64)> = Vec::new();
        for one in &self.operations {
            let folder = self.folder.as_deref().filter(|_| one.is_here);
            let (reach, target, dependents) = match &one.names {
                Some(names) => affected.named(&one.told.program, names, folder),
                None => (affected.whole(&one.told.program, folder), None, 0),
            };
            let harm =
                harm_of_command(one.told.effect, one.told.grave) * if one.told.reach == "local" { 0.2 } else { 1.0 };
            let facts = Facts {
                harm,
                reach: &reach,
                dependents,
                when: when(self.of.at, time),
                is_elsewhere: affected.is_elsewhere(one.told.environment, &reach),
                certainty: self.certainty() * if one.told.certain { 1.0 } else { 0.85 },
            };
            ranked.push((score(&facts), reach.clone(), Operation { target, ..one.told.clone() }, harm));
        }
        ranked.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
        let (score, reach, first, harm) = ranked.first()?;
        let who = self.of.who();
        let target = first.target.as_ref().filter(|_| !matches!(reach, Reach::Perhaps { .. }));
        let target = target.map(|it| format!(", hitting {it} by its name")).unwrap_or_default();
        let is_certain = first.certain && self.state == "done";
        let perhaps = if is_certain { "" } else { "perhaps " };
        let environment = match first.environment {
            Environment::Unknown => String::new(),
            known => format!(", in {}", known.name()),
        };
        let mut evidence = vec![format!(
            "`{}` {perhaps}{}{target}{environment}. {}",
            first.program,
            verb(first.effect),
            reaches(reach)
        )];
        if affected.is_elsewhere(first.environment, reach) {
            evidence.push(format!("It is about {}, and what is affected is not.", first.environment.name()));
        }
        evidence.push(before(self.of.at, time));
        evidence.extend(match self.state {
            "failed" => Some("It failed, and may have done a part of it.".to_owned()),
            "not-recorded" if self.passed.is_none() => {
                Some("It was denied, and nothing recorded says that it was run.".to_owned())
            }
            "not-recorded" => Some("It was let through, and nothing recorded says what came of it.".to_owned()),
            _ => None,
        });
        evidence.extend(match self.passed {
            Some("approved") => Some("People had let it through."),
            Some("asked") => Some("A person was asked about it; who agreed is not recorded."),
            Some("perhaps") => {
                Some("A command with this text was stopped in this session before; whether this is the same is not recorded.")
            }
            _ => None,
        }.map(str::to_owned));
        if let Some(session) = &self.of.session {
            evidence.push(format!("The transcript of session {session} of {who} has its text."));
        }
        let gaps = match self.passed {
            Some("overridden") => vec!["it was denied, and was run nevertheless".to_owned()],
            None if *harm >= HARMFUL && self.state == "done" => {
                vec!["no word of a person about it is recorded".to_owned()]
            }
            _ => Vec::new(),
        };
        Some(Candidate {
            score: *score,
            at: moment(self.of.at),
            origin: Origin::Ai,
            agents: vec![who.to_owned()],
            reach: reach.clone(),
            is_harmful: *harm >= HARMFUL,
            is_certain,
            evidence,
            gaps,
            what: What::Command {
                session: self.of.session.clone(),
                sha256: self.of.sha256.clone(),
                tool: self.of.tool.clone(),
                folder: self.folder.clone(),
                state: self.state.to_owned(),
                operations: ranked.iter().map(|(.., operation, _)| operation.clone()).collect(),
                passed: self.passed.map(str::to_owned),
            },
        })
    }

    fn certainty(&self) -> f64 {
        match (self.state, self.passed) {
            ("failed", _) => 0.6,
            ("not-recorded", Some("approved")) => 0.9,
            ("not-recorded", _) => 0.15,
            _ => 1.0,
        }
    }
}

/// What a command with an effect does, in words.
pub(super) const fn verb(effect: Effect) -> &'static str {
    match effect {
        Effect::Destroy => "destroys",
        Effect::Replace => "destroys and makes anew",
        Effect::Interrupt => "stops or restarts",
        Effect::Access => "changes who may do what or reach what",
        Effect::Apply => "applies changes",
        Effect::StateChange => "changes what a tool believes of the world",
        Effect::HistoryRewrite => "rewrites history",
        Effect::DataDelete => "deletes data",
        Effect::FileDelete => "deletes files",
        Effect::BypassControl => "goes around a check",
        Effect::Unknown => "does what could not be read",
    }
}

fn effect(name: &str) -> Option<Effect> {
    Effect::ALL.iter().copied().find(|effect| effect.name() == name)
}

/// What an entry says that a command did.
fn operations(body: &Value) -> Vec<Done> {
    let all = body.get("operations").and_then(Value::as_array).into_iter().flatten();
    let done = |one: &Value| {
        let word = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is = |name: &str| one.get(name).and_then(Value::as_bool).unwrap_or_default();
        let environment = one.get("environment").and_then(|it| serde_json::from_value(it.clone()).ok());
        Some(Done {
            names: one
                .get("names")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            is_here: is("here"),
            told: Operation {
                program: word("program"),
                effect: effect(&word("effect"))?,
                reach: word("reach"),
                grave: is("grave"),
                certain: is("certain"),
                environment: environment.unwrap_or_default(),
                target: None,
            },
        })
    };
    all.filter_map(done).collect()
}
