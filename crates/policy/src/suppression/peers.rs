//! Suppressions that other tools read, understood where a risk is the same as one of their checks: Checkov, Trivy and tfsec,
//! KICS. Their rules are theirs; what they would not heed is not heeded here.

use crate::format::Risk;
use jiff::civil::Date;
use std::ops::Range;

const CHECKOV: [&str; 2] = ["checkov:skip=", "bridgecrew:skip="];
const TRIVY: [&str; 2] = ["trivy:ignore:", "tfsec:ignore:"];
const KICS: &str = "kics-scan ";

/// A suppression for another tool, as it stands in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSuppression {
    /// The checks that it is about.
    pub checks: Checks,
    /// The text that it is about.
    pub reach: Reach,
    /// Last day on which it holds.
    pub until: Option<Date>,
    /// The comment, in bytes of the text that it was read from.
    pub range: Range<usize>,
}

/// The checks that another tool's suppression is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checks {
    /// All.
    All,
    /// Those with these ids; a `*` stands for anything.
    Ids(Vec<String>),
}

/// The text that another tool's suppression is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The top-level block that the comment stands in.
    Around,
    /// The line of the comment, or the one below where it stands alone, with the block or attribute that starts there.
    Beside,
    /// The line below.
    NextLine,
    /// The file, of which the comment has to stand at the top.
    File,
}

impl PeerSuppression {
    /// Whether it is about this risk.
    pub fn is_about(&self, risk: &Risk) -> bool {
        match &self.checks {
            Checks::All => true,
            Checks::Ids(ids) => ids.iter().any(|id| risk.same_as.iter().any(|check| is_same(id, check))),
        }
    }
}

/// Whether a text can hold a suppression for another tool at all; cheap.
pub fn may_hold(text: &str) -> bool {
    CHECKOV.iter().chain(&TRIVY).any(|mark| text.contains(mark)) || text.contains(KICS)
}

/// The suppressions for other tools that a comment holds. `comment` is its text with the characters that start it, and
/// `start` where that stands.
pub fn read(comment: &str, start: usize) -> Vec<PeerSuppression> {
    let range = start..start + comment.trim_end().len();
    let body = comment.trim_start_matches(['#', '/', '*', '-', ' ', '\t']).trim_end_matches("*/").trim_end();
    let mut found: Vec<_> = checkov(body).into_iter().chain(kics(body)).collect();
    found.extend(body.split_whitespace().filter_map(trivy));
    let with_range = |(checks, reach, until)| PeerSuppression { checks, reach, until, range: range.clone() };
    found.into_iter().map(with_range).collect()
}

type Read = (Checks, Reach, Option<Date>);

/// `checkov:skip=CKV_AWS_20:reason`, anywhere in the block; several ids are separated by commas.
fn checkov(body: &str) -> Option<Read> {
    let rest = CHECKOV.iter().find_map(|mark| body.split_once(mark)).map(|(_, rest)| rest.trim_start_matches(' '))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ',')).unwrap_or(rest.len());
    let ids: Vec<_> = rest[..end].split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    (!ids.is_empty()).then_some((Checks::Ids(ids), Reach::Around, None))
}

/// `trivy:ignore:AVD-AWS-0086`, `tfsec:ignore:aws-s3-no-public-buckets:exp:2027-01-31`: one word of a comment. What narrows
/// it down in a way that the text does not tell, to a workspace for instance, is not known to hold.
fn trivy(word: &str) -> Option<Read> {
    let word = word.trim_start_matches(['#', '/', '*']);
    let mut rest = TRIVY.iter().find_map(|mark| word.strip_prefix(mark))?.split(':');
    let id = rest.next().filter(|id| !id.is_empty() && !id.contains('['))?;
    let mut until = None;
    while let (Some(key), Some(value)) = (rest.next(), rest.next()) {
        match key {
            "exp" => until = Some(value.parse().ok()?),
            "ws" => return None,
            _ => {}
        }
    }
    let checks = if id == "*" { Checks::All } else { Checks::Ids(vec![id.to_owned()]) };
    Some((checks, Reach::Beside, until))
}

/// `kics-scan ignore-line`, `ignore-block`, `ignore`, `disable=ID,ID`.
fn kics(body: &str) -> Option<Read> {
    let command = body.strip_prefix(KICS)?.trim();
    match command.split_once('=') {
        None if command == "ignore-line" => Some((Checks::All, Reach::NextLine, None)),
        None if command == "ignore-block" => Some((Checks::All, Reach::Beside, None)),
        None if command == "ignore" => Some((Checks::All, Reach::File, None)),
        Some(("disable", ids)) => {
            let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
            Some((Checks::Ids(ids), Reach::File, None))
        }
        _ => None,
    }
}

/// Whether an id as written is that of a check. Trivy has dropped the `AVD-` of its ids and takes both; KICS's stand behind
/// `kics:` in the catalogue.
fn is_same(written: &str, check: &str) -> bool {
    let check = check.strip_prefix("kics:").unwrap_or(check);
    let plain = |id| match str::split_at_checked(id, 4) {
        Some((start, rest)) if start.eq_ignore_ascii_case("avd-") => rest,
        _ => id,
    };
    let (written, check) = (plain(written), plain(check));
    if written.contains('*') {
        return matches(&written.to_ascii_lowercase(), &check.to_ascii_lowercase());
    }
    written.eq_ignore_ascii_case(check)
}

/// Whether a text is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(comment: &str) -> (Checks, Reach, Option<Date>) {
        let mut read = read(comment, 3);
        assert_eq!(read.len(), 1, "{comment}: {read:?}");
        let read = read.remove(0);
        assert_eq!(read.range, 3..3 + comment.len());
        (read.checks, read.reach, read.until)
    }

    fn ids(ids: &[&str]) -> Checks {
        Checks::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn every_form_is_read() {
        let day = Some(Date::constant(2027, 1, 31));
        assert_eq!(one("#checkov:skip=CKV_AWS_20:a public site"), (ids(&["CKV_AWS_20"]), Reach::Around, None));
        assert_eq!(one("// checkov:skip= CKV_AWS_20"), (ids(&["CKV_AWS_20"]), Reach::Around, None));
        let both = ids(&["CKV_AWS_20", "CKV2_AWS_6"]);
        assert_eq!(one("# bridgecrew:skip=CKV_AWS_20,CKV2_AWS_6:why"), (both, Reach::Around, None));
        assert_eq!(one("#trivy:ignore:AVD-AWS-0086"), (ids(&["AVD-AWS-0086"]), Reach::Beside, None));
        assert_eq!(one("# trivy:ignore:AVD-AWS-0107: words"), (ids(&["AVD-AWS-0107"]), Reach::Beside, None));
        assert_eq!(one("#tfsec:ignore:aws-s3-x:exp:2027-01-31"), (ids(&["aws-s3-x"]), Reach::Beside, day));
        assert_eq!(one("/* trivy:ignore:* */"), (Checks::All, Reach::Beside, None));
        assert_eq!(one("# kics-scan ignore-line"), (Checks::All, Reach::NextLine, None));
        assert_eq!(one("# kics-scan ignore-block"), (Checks::All, Reach::Beside, None));
        assert_eq!(one("# kics-scan ignore"), (Checks::All, Reach::File, None));
        assert_eq!(one("# kics-scan disable=0afa-1, 0afa-2"), (ids(&["0afa-1", "0afa-2"]), Reach::File, None));
        assert_eq!(read("#tfsec:ignore:aws-s3-a tfsec:ignore:aws-s3-b", 0).len(), 2);
    }

    #[test]
    fn what_the_tool_itself_would_not_heed_or_we_cannot_know_is_none() {
        for comment in [
            "# checkov:skip=",
            "# trivy:ignore:",
            "# see trivy:ignore",
            "# trivy:ignore:AVD-AWS-0086:exp:soon",
            "# trivy:ignore:AVD-AWS-0086:ws:dev",
            "# trivy:ignore:AVD-AWS-0086[name=x]",
            "# kics-scan enable=1",
            "# kics-scan ignored",
            "# about kics-scan ignore",
        ] {
            assert_eq!(read(comment, 0), [], "{comment}");
        }
    }

    #[test]
    fn ids_are_compared_as_the_tools_do() {
        assert!(is_same("avd-aws-0086", "AVD-AWS-0086") && is_same("AWS-0086", "AVD-AWS-0086"));
        assert!(is_same("aws-s3-*", "aws-s3-no-public-buckets") && is_same("*", "CKV_AWS_20"));
        assert!(is_same("aws-*-public-*s", "aws-s3-no-public-buckets"));
        assert!(!is_same("CKV_AWS_2", "CKV_AWS_20") && !is_same("aws-rds-*", "aws-s3-no-public-buckets"));
        assert!(!is_same("aws-*-0086x", "aws-0086"));
        let kics = "f1f4d8da-1ac4-47d0-b1aa-91e69d33f7d5";
        assert!(is_same(kics, &format!("kics:{kics}")));
    }
}
