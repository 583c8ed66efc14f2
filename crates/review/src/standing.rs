use crate::signature::verify_as;
use crate::{Answer, Bound, Decision, Request, Signers};
use jiff::{SignedDuration, Timestamp};

/// How far a reviewer's clock may be ahead.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a request needs.
pub struct Need<'a> {
    /// How many people have to approve it.
    pub approvals: usize,
    /// E-mail addresses of those whose own approval does not count: who wrote the change, who asks, in whose name an agent works.
    pub own: Vec<String>,
    /// Whether only keys in hardware count, which somebody has to touch.
    pub hardware: bool,
    /// Why somebody may not answer, by all names that are one person's; `None` where the person may.
    pub refuses: &'a dyn Fn(&[&str]) -> Option<String>,
}

impl Need<'_> {
    /// So many people, whoever they are.
    pub fn people(approvals: usize) -> Self {
        Self { approvals, own: Vec::new(), hardware: false, refuses: &|_| None }
    }
}

/// One answer, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The file that it stands in.
    pub file: String,
    /// Who gave it and what it says, or why it does not count.
    pub said: Result<(String, Decision), String>,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// So many people more have to approve it.
    Waits(usize),
    /// These people have approved it, and that is enough.
    Approved(Vec<String>),
    /// These people have rejected it.
    Rejected(Vec<String>),
    /// It is about something else than what is there now.
    Void(String),
}

/// Where a request stands, from its answers: each the name of its file, its bytes and its signature. `here` is what is there now in
/// the place that the request is about; `Err` says why there is nothing.
pub fn standing(
    request: &Request,
    here: Result<&Bound, &str>,
    answers: &[(String, Vec<u8>, Vec<u8>)],
    signers: &Signers,
    need: &Need<'_>,
    now: Timestamp,
) -> (Standing, Vec<Judged>) {
    let mut judged = Vec::new();
    // By person: the answer that was given last.
    let mut last: Vec<(Vec<&str>, String, Decision, Timestamp)> = Vec::new();
    for (file, bytes, signature) in answers {
        let said = judge(request, bytes, signature, signers, need, now);
        if let Ok((answer, name)) = &said {
            let person = signers.same_person(name);
            match last.iter_mut().find(|(known, ..)| known.iter().any(|known| person.contains(known))) {
                Some(known) if known.3 > answer.at => {}
                Some(known) => (known.2, known.3) = (answer.decision, answer.at),
                None => last.push((person, name.clone(), answer.decision, answer.at)),
            }
        }
        judged.push(Judged { file: file.clone(), said: said.map(|(answer, name)| (name, answer.decision)) });
    }
    let who = |decision: Decision| -> Vec<String> {
        last.iter().filter(|(.., said, _)| *said == decision).map(|(_, name, ..)| name.clone()).collect()
    };
    let (approved, rejected) = (who(Decision::Approve), who(Decision::Reject));
    let standing = match here {
        Err(why) => Standing::Void(why.to_owned()),
        Ok(here) => match request.bound.differs(here) {
            Some(why) => Standing::Void(why),
            None if !rejected.is_empty() => Standing::Rejected(rejected),
            None if approved.len() >= need.approvals => Standing::Approved(approved),
            None => Standing::Waits(need.approvals - approved.len()),
        },
    };
    (standing, judged)
}

/// An answer and who gave it, or why it does not count.
fn judge(
    request: &Request,
    bytes: &[u8],
    signature: &[u8],
    signers: &Signers,
    need: &Need<'_>,
    now: Timestamp,
) -> Result<(Answer, String), String> {
    let answer = Answer::read(bytes).map_err(|error| error.to_string())?;
    verify_as(&answer.reviewer, need.hardware, bytes, signature, signers, &[answer.at, now])?;
    // Whoever has said no to this has said so, however it is asked again.
    let is_same = answer.decision == Decision::Reject || answer.request_sha256 == request.digest;
    if answer.request_id != request.request_id || !is_same {
        return Err("it answers another request, or this one before it was changed".to_owned());
    }
    if let Some(why) = answer.bound.differs(&request.bound) {
        return Err(why);
    }
    if answer.at > now + SKEW {
        return Err("it is dated in the future".to_owned());
    }
    if answer.expires.is_some_and(|expires| expires <= now) {
        return Err("it has expired".to_owned());
    }
    let person = signers.same_person(&answer.reviewer);
    if let Some(why) = (need.refuses)(&person) {
        return Err(why);
    }
    let is_own = need.own.iter().any(|own| person.iter().any(|name| name.eq_ignore_ascii_case(own)));
    if is_own && answer.decision == Decision::Approve {
        let name = &answer.reviewer;
        return Err(format!("{name} wrote the change or asks for the review, and nobody approves what is their own"));
    }
    let name = person.iter().find(|name| name.eq_ignore_ascii_case(&answer.reviewer)).copied();
    let name = name.unwrap_or(&answer.reviewer).to_owned();
    Ok((answer, name))
}
