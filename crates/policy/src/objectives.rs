//! What a team wants to hold of changes by AI tools, as `countersign slo` reports it.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `[objectives]`: limits, each of which may be left out, and how many of a hundred cases have to keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// The largest blast radius: so many resources at most depend on one that an AI's change destroys, replaces or interrupts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependents: Option<u64>,
    /// From the insertion of a text to the first time that a risk in it is said: `5m`, `36h`, `2d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<Within>,
    /// From the insertion to the request of a review, where policy wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Within>,
    /// From the insertion to somebody's approval or rejection, where policy wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Within>,
    /// From the insertion to the moment at which what policy denies is gone again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Within>,
    /// Of a hundred cases, how many have to be within a limit of time; the blast radius is for every case.
    #[schemars(range(min = 1, max = 100))]
    pub percent: Percent,
}

impl Default for Objectives {
    fn default() -> Self {
        Self { dependents: None, detection: None, review: None, decision: None, rollback: None, percent: Percent(95) }
    }
}

/// A number from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8")]
pub struct Percent(u8);

impl Percent {
    /// Every case.
    pub const ALL: Self = Self(100);

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if (1..=100).contains(&number) { Ok(Self(number)) } else { Err(format!("{number} is none of 1 to 100")) }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// A limit of time, more than nothing: `90s`, `5m`, `36h`, `2d`, `1d 12h`. A day has 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Within {
    text: String,
    duration: SignedDuration,
}

impl Within {
    /// How long that is, in milliseconds.
    pub fn milliseconds(&self) -> i64 {
        i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX)
    }
}

impl TryFrom<String> for Within {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span = text.parse::<Span>();
        let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        match duration {
            Ok(duration) if duration.is_positive() => Ok(Self { text, duration }),
            _ => Err(format!("`{text}` is no limit of time; write `5m`, `36h` or `2d`")),
        }
    }
}

impl From<Within> for String {
    fn from(within: Within) -> Self {
        within.text
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn limits_are_read_and_what_is_none_is_told() {
        let (config, problems) = Config::read(
            "[objectives]\ndependents = 20\ndetection = \"5m\"\nreview = \"1d 12h\"\ndecision = \"90s\"\npercent = 100\n",
        );
        assert_eq!(problems, []);
        let Objectives { dependents, detection, review, decision, rollback, percent } = config.objectives;
        let milliseconds = |within: Option<Within>| within.map(|within| within.milliseconds());
        assert_eq!((dependents, rollback, percent), (Some(20), None, Percent::ALL));
        let limits = [detection, review, decision].map(milliseconds);
        assert_eq!(limits, [300_000, 36 * 3_600_000, 90_000].map(Some));
        for wrong in [
            "detection = \"soon\"",
            "detection = \"-5m\"",
            "detection = \"0s\"",
            "detection = \"1mo\"",
            "detection = 5",
            "percent = 0",
            "percent = 101",
            "dependents = -1",
            "speed = 1",
        ] {
            let (config, problems) = Config::read(&format!("[objectives]\n{wrong}\n"));
            assert_eq!(problems.len(), 1, "{wrong}");
            assert_eq!(config.objectives, Objectives::default(), "{wrong}");
        }
    }
}
