use crate::request::{predicate, statement};
use crate::signature::{verify, verify_as};
use crate::standing::SKEW;
use crate::{Bound, Signers, Unreadable, digest};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The type of a break-glass's predicate.
pub const BREAK_GLASS_TYPE: &str = "urn:countersign:break-glass:v1";

/// That somebody lets changes through alone for some hours, because they cannot wait for a review: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakGlass {
    /// The commit from which the changes start: where their branch left the one that they are to be merged into.
    pub base: String,
    /// Those changes, each of one part of one file of one repository, and nothing else.
    pub changes: Vec<Bound>,
    /// Why they cannot wait.
    pub reason: String,
    /// Who lets them through, as the signers' file names the person.
    pub by: String,
    /// When, in UTC.
    pub at: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// A break-glass that somebody gave who might, for no longer than it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What was signed.
    pub statement: BreakGlass,
    /// Why its key does not count any more, where it would still hold: it lets nothing through then, and was given.
    pub revoked: Option<String>,
}

/// What a break-glass is judged by.
pub struct Rules<'a> {
    /// Whose key is whose.
    pub signers: &'a Signers,
    /// For how long it may hold at most.
    pub longest: SignedDuration,
    /// Whether only keys in hardware count, which somebody has to touch.
    pub hardware: bool,
    /// Why somebody may not, by all names that are one person's; `None` where the person may.
    pub refuses: &'a dyn Fn(&[&str]) -> Option<String>,
}

impl BreakGlass {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        statement(("changes", &self.subject()), BREAK_GLASS_TYPE, self)
    }

    /// Reads the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let read: Self = predicate(bytes, BREAK_GLASS_TYPE)?;
        if read.changes.is_empty() {
            return Err(Unreadable::NotOfThisForm("it names no change".to_owned()));
        }
        if read.reason.trim().is_empty() {
            return Err(Unreadable::NotOfThisForm("it gives no reason".to_owned()));
        }
        Ok(read)
    }

    /// The name that its file has: 16 hexadecimal digits, the same for the same content.
    pub fn id(&self) -> String {
        digest(&self.to_bytes())[..16].to_owned()
    }

    /// The digest of what it lets through.
    fn subject(&self) -> String {
        let ids: Vec<String> = self.changes.iter().map(Bound::id).collect();
        digest(ids.join("\n").as_bytes())
    }
}

impl Given {
    /// Reads a break-glass with its signature; an error says why it counts for nothing. Whether it still holds, and for what, is
    /// another matter ([`Self::refuses`]); so it may have expired.
    pub fn read(bytes: &[u8], signature: &[u8], rules: &Rules<'_>, now: Timestamp) -> Result<Self, String> {
        let read = BreakGlass::read(bytes).map_err(|error| error.to_string())?;
        if read.at > now + SKEW {
            return Err("it is dated in the future".to_owned());
        }
        if read.expires <= read.at {
            return Err("it ends before it begins".to_owned());
        }
        if read.expires.duration_since(read.at) > rules.longest {
            return Err(format!("it is for longer than the {} hours that policy allows", rules.longest.as_hours()));
        }
        verify_as(&read.by, rules.hardware, bytes, signature, rules.signers, &[read.at])?;
        if let Some(why) = (rules.refuses)(&rules.signers.same_person(&read.by)) {
            return Err(why);
        }
        let is_revoked = || verify(bytes, signature, rules.signers, &[now]).err().map(|refused| refused.to_string());
        let revoked = if read.expires > now { is_revoked() } else { None };
        Ok(Self { statement: read, revoked })
    }

    /// Why it does not let a change through; `None` where it does. `base` is the commit from which the changes start here.
    pub fn refuses(&self, change: &Bound, base: &str, now: Timestamp) -> Option<String> {
        let BreakGlass { base: own, changes, expires, .. } = &self.statement;
        if *expires <= now {
            return Some("it has expired".to_owned());
        }
        if let Some(why) = &self.revoked {
            return Some(why.clone());
        }
        let is_there = |bound: &&Bound| (&bound.path, &bound.address) == (&change.path, &change.address);
        let Some(bound) = changes.iter().find(is_there) else {
            return Some(format!("{} is none of the changes that it names", change.place()));
        };
        if let Some(why) = bound.differs(change) {
            return Some(why);
        }
        (own != base).then(|| {
            let short = |commit: &str| commit.chars().take(7).collect::<String>();
            format!("it is about changes that start from {}, and these start from {}", short(own), short(base))
        })
    }
}
