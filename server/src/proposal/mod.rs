//! What an agent is about to do, and what policy says of it: an edit, a command, a call of a tool.

mod commands;
mod control;
mod edits;
mod inherited;
pub mod text;

pub(crate) use commands::{Judged, JudgedOperation, UNREADABLE};

use crate::watch::Deed;
use crate::watch::denied::Left;
use countersign_agents::{Action, AgentKind, Answer, Call, Moment};
use countersign_commands::Effect;
use countersign_policy::{Agents, Review, Tier, Unjudged, Verdict};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Sayings that are written out; the rest are counted.
const SHOWN: usize = 3;

/// What is to be said of something that an agent is about to do.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// What it is, for people: `this command`, `this edit of main.tf`.
    what: String,
    /// The gravest first.
    sayings: Vec<Saying>,
    /// What could not be judged, and why.
    pub(crate) unjudged: Vec<String>,
    /// What a verdict of `review` comes to here.
    review: Option<Review>,
    /// What holds where something could not be judged.
    if_unjudged: Option<Unjudged>,
    /// Of a command, what it was judged by.
    judged: Option<Judged>,
    /// What it would do to what runs.
    pub(crate) deeds: Vec<Deed>,
    /// Resources that an edit makes, changes or removes.
    pub(crate) doing: Vec<Doing>,
    /// The files that an edit changes.
    pub(crate) left: Vec<Left>,
}

/// A resource that an edit makes, changes or removes.
#[derive(Debug)]
pub(crate) struct Doing {
    /// How much hangs on its kind.
    pub(crate) tier: Tier,
    /// What stands for it where a session's are counted.
    pub(crate) key: String,
}

/// One thing that is to be said of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Saying {
    /// What follows.
    pub(crate) verdict: Verdict,
    /// What is so and why it matters, in whole sentences.
    pub(crate) what: String,
    /// What to do instead, in whole sentences.
    pub(crate) instead: String,
    /// The risk, or the effect of a command: `command/destroy`.
    pub(crate) id: String,
}

/// Judges what an agent is about to do; `None` where the call is nothing to be judged. Whatever goes wrong here is told as
/// something that could not be judged.
pub(crate) fn judge(call: &Call) -> Option<Judgement> {
    let judge = || match &call.action {
        _ if call.moment == Moment::Start => inherited::session(call),
        _ if call.moment != Moment::Before => None,
        Action::Command(command) => Some(commands::command(call, command)),
        Action::Tool { name, arguments } => commands::tool(call, name, arguments),
        Action::Edits(edits) => Some(edits::edits(call, edits)),
        Action::Nothing => None,
    };
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| {
        let why =
            "Countersign failed while it judged this; please report it with what the agent was about to do".to_owned();
        Some(Judgement { unjudged: vec![why], ..Judgement::new("this", &commands::settings(call)) })
    })
}

/// What a call has done, by what is there to be read now; `None` where it is no command and no call of a tool that may change what
/// others share. Nothing where it cannot be judged.
pub(crate) fn done(call: &Call) -> Option<Vec<JudgedOperation>> {
    let judge = || match &call.action {
        Action::Command(command) => commands::command(call, command).judged.map(|judged| judged.operations),
        Action::Tool { name, arguments } => commands::done_by_tool(call, name, arguments),
        Action::Edits(_) | Action::Nothing => None,
    };
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| Some(Vec::new()))
}

/// The answer where the payload itself could not be read.
pub(crate) fn unreadable(why: &str) -> Answer {
    let mut judgement = Judgement::new("this", &commands::settings_here());
    judgement.unjudged.push(why.to_owned());
    judgement.answer()
}

impl Saying {
    /// What is said where the agent may not go. `what` is what it would do, in a sentence.
    fn out_of_scope(agent: AgentKind, what: &str, forbidden: &str) -> Self {
        Self {
            verdict: Verdict::Deny,
            what: format!("{what} `{forbidden}` of countersign.toml does not let {agent} do that."),
            instead: "Say what is needed and why, and let a person do it.".to_owned(),
            id: format!("scope/{forbidden}"),
        }
    }
}

impl Judgement {
    fn new(what: &str, agents: &Agents) -> Self {
        let (review, if_unjudged) = (Some(agents.review_of_commands), Some(agents.unjudged));
        Self { what: what.to_owned(), review, if_unjudged, ..Self::default() }
    }

    fn say(&mut self, saying: Saying) {
        let same = |known: &Saying| (&known.what, &known.id) == (&saying.what, &saying.id);
        if saying.verdict != Verdict::Allow && !self.sayings.iter().any(same) {
            self.sayings.push(saying);
            // Stable: what was said first of two equal ones stays first.
            self.sayings.sort_by_key(|saying| std::cmp::Reverse(saying.verdict));
        }
    }

    /// The risks and effects that there is anything to say about, the gravest first.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for saying in &self.sayings {
            if !ids.contains(&saying.id.as_str()) {
                ids.push(&saying.id);
            }
        }
        ids
    }

    /// What is to be said, the gravest first.
    pub(crate) fn sayings(&self) -> &[Saying] {
        &self.sayings
    }

    /// What follows from all of it.
    pub(crate) fn verdict(&self) -> Verdict {
        self.sayings.first().map_or(Verdict::Allow, |saying| saying.verdict)
    }

    /// What the agent is answered.
    pub(crate) fn answer(&self) -> Answer {
        let what = &self.what;
        match (self.verdict(), self.review) {
            (Verdict::Deny, _) => Answer::Deny(self.text(&format!("Countersign denies {what}."))),
            (Verdict::Review, Some(Review::Deny)) => {
                Answer::Deny(self.text(&format!("Countersign denies {what}: a person has to look at it first.")))
            }
            (verdict, review) => match (self.if_unjudged, self.unjudged.is_empty()) {
                (Some(Unjudged::Deny), false) => Answer::Deny(self.text(&format!("Countersign cannot judge {what}."))),
                (Some(Unjudged::Ask), false) => Answer::Ask(self.text(&format!("Countersign cannot judge {what}."))),
                _ => match (verdict, review) {
                    (Verdict::Review, Some(Review::Ask)) => {
                        Answer::Ask(self.text(&format!("Countersign asks for a review of {what}.")))
                    }
                    (Verdict::Review, _) => {
                        Answer::Tell(self.text(&format!("Countersign: somebody has to review {what}.")))
                    }
                    (Verdict::Note, _) => Answer::Tell(self.text(&format!("Countersign notes of {what}:"))),
                    _ => Answer::Pass,
                },
            },
        }
    }

    /// What a command was judged by, where people may let it through that was denied or that somebody would be asked about; else
    /// why they may not.
    pub(crate) fn approvable(&self) -> Result<&Judged, String> {
        let judged = self.judged.as_ref().ok_or("only commands can be approved")?;
        if !matches!(self.answer(), Answer::Deny(_) | Answer::Ask(_)) {
            return Err("nothing stands in its way; it can simply be run".to_owned());
        }
        if !self.unjudged.is_empty() {
            return Err("not all of it could be judged, so nobody can say what would be approved".to_owned());
        }
        if let Some(saying) = self.sayings.iter().find(|saying| saying.id.starts_with("scope/")) {
            return Err(format!("{} No approval goes beyond that.", saying.what));
        }
        let stopped = judged.operations.iter().filter(|one| one.is_stopped);
        for one in stopped.map(|one| &one.operation) {
            match one.effect {
                Effect::BypassControl => {
                    return Err(format!("`{}` {}, which a person has to do", one.program, one.what));
                }
                Effect::Unknown => {
                    return Err(format!("`{}` {}, so nobody can say what would be approved", one.program, one.what));
                }
                _ => {}
            }
        }
        Ok(judged)
    }

    /// A few lines: what, why, what to do instead, and the id. Where something is denied, only that is said.
    fn text(&self, head: &str) -> String {
        let mut text = head.to_owned();
        let verdict = self.verdict();
        let is_said = |saying: &&Saying| verdict != Verdict::Deny || saying.verdict == verdict;
        let sayings: Vec<_> = self.sayings.iter().filter(is_said).collect();
        for saying in sayings.iter().take(SHOWN) {
            let _ = write!(text, "\n{} {} ({})", saying.what, saying.instead, saying.id);
        }
        if sayings.len() > SHOWN {
            let _ = write!(text, "\nAnd {} more.", sayings.len() - SHOWN);
        }
        for why in self.unjudged.iter().take(SHOWN) {
            let _ = write!(text, "\nNot judged: {why}.");
        }
        text
    }
}
