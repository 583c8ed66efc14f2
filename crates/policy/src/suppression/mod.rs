//! `# countersign: allow RISK reason="…" until=YYYY-MM-DD`: a person's word that a risk is accepted here.

pub(crate) mod peers;

use jiff::civil::Date;
use std::ops::Range;

/// What starts a suppression, behind the characters that start the comment.
const MARK: &str = "countersign: allow";

/// A suppression as it stands in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The risk's id as written, which may be empty or unknown.
    pub risk: String,
    /// Why, if it says so.
    pub reason: Option<String>,
    /// Last day on which it holds.
    pub until: Option<Date>,
    /// What could not be read in it.
    pub malformed: Option<String>,
    /// The comment, in bytes of the text that it was read from.
    pub range: Range<usize>,
}

/// Whether a text can hold a suppression at all; cheap.
pub fn may_hold(text: &str) -> bool {
    text.contains(MARK)
}

/// The suppression that a comment holds. `comment` is its text with the characters that start it, and `start` where that
/// stands.
pub fn suppressions(comment: &str, start: usize) -> Option<Suppression> {
    let body = comment.trim_start_matches(['#', '/', '*', '-', ' ', '\t']);
    let mut rest = body.strip_prefix(MARK)?.trim().trim_end_matches("*/").trim();
    let risk_len = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let mut suppression = Suppression {
        risk: rest[..risk_len].to_owned(),
        reason: None,
        until: None,
        malformed: None,
        range: start..start + comment.trim_end().len(),
    };
    if suppression.risk.contains('=') {
        suppression.risk.clear();
        suppression.malformed = Some("it names no risk".to_owned());
        return Some(suppression);
    }
    rest = rest[risk_len..].trim_start();
    while !rest.is_empty() {
        let Some((key, value, after)) = pair(rest) else {
            suppression.malformed = Some(format!("`{rest}` is not `reason=\"…\"` or `until=YYYY-MM-DD`"));
            break;
        };
        match key {
            "reason" => suppression.reason = Some(value.trim().to_owned()).filter(|reason| !reason.is_empty()),
            "until" => match value.parse() {
                Ok(date) => suppression.until = Some(date),
                Err(_) => suppression.malformed = Some(format!("`{value}` is not a date, YYYY-MM-DD")),
            },
            _ => suppression.malformed = Some(format!("`{key}` is not known; known are `reason` and `until`")),
        }
        rest = after.trim_start();
    }
    Some(suppression)
}

/// `key="value"` or `key=value`, and what follows.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.split_once('=')?;
    if key.is_empty() || key.contains(char::is_whitespace) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = quoted.split_once('"')?;
        return Some((key, value, after));
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some((key, &rest[..end], &rest[end..]))
}

/// The comment that suppresses a risk, without a line break.
pub fn render(line_comment: &str, risk: &str, reason: &str) -> String {
    let reason: String = reason.chars().map(|c| if c == '"' || c.is_control() { '\'' } else { c }).collect();
    format!("{line_comment} {MARK} {risk} reason=\"{reason}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let comment = "# countersign: allow force-destroy reason=\"scratch bucket\" until=2027-01-31";
        let read = suppressions(comment, 5).expect("a suppression");
        assert_eq!(read.risk, "force-destroy");
        assert_eq!(read.reason.as_deref(), Some("scratch bucket"));
        assert_eq!(read.until, Some(Date::constant(2027, 1, 31)));
        assert_eq!(read.malformed, None);
        assert_eq!(read.range, 5..5 + comment.len());
        let rendered = render("#", "a-b", "say \"why\"\n");
        assert_eq!(suppressions(&rendered, 0).and_then(|read| read.reason).as_deref(), Some("say 'why''"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |comment: &str| suppressions(comment, 0).expect("a suppression").malformed.unwrap_or_default();
        assert_eq!(wrong("// countersign: allow x until=soon"), "`soon` is not a date, YYYY-MM-DD");
        assert_eq!(wrong("# countersign: allow reason=\"y\""), "it names no risk");
        assert!(wrong("# countersign: allow x because I say so").contains("because I say so"));
        assert_eq!(suppressions("# about countersign", 0), None);
        assert_eq!(suppressions("/* countersign: allow x */", 0).map(|read| read.risk).as_deref(), Some("x"));
    }
}
