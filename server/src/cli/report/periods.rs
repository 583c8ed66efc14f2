//! A time cut into days, weeks, months or years, in UTC.

use anyhow::{Context, bail};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Years that a report may be about.
const MAX_YEARS: i64 = 50;

const DAY: i64 = 86_400_000;

/// A time, and the parts that it is shown in. Moments are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Periods {
    /// What each part is but for the first and the last: `day`, `week`, `month` or `year`.
    pub(super) length: &'static str,
    /// Where each part begins, and behind the last where that ends.
    bounds: Vec<i64>,
}

impl Periods {
    /// The time from one moment up to, and without, another one. An error where there is none, or too much of it.
    pub(super) fn of(since: i64, until: i64) -> anyhow::Result<Self> {
        let time = until.saturating_sub(since);
        if time <= 0 {
            bail!("the time of the report ends before it begins: --since has to be before --until");
        }
        if time > MAX_YEARS * 366 * DAY {
            bail!("the time of the report is more than {MAX_YEARS} years; let --since be later");
        }
        let length = match time / DAY {
            0..=16 => "day",
            17..=126 => "week",
            127..=731 => "month",
            _ => "year",
        };
        let mut bounds = vec![since];
        let mut date = date(since)?;
        loop {
            date = match length {
                "day" => date.tomorrow()?,
                // The next one, on Mondays as well.
                "week" => date.nth_weekday(1, Weekday::Monday)?,
                "month" => date.last_of_month().checked_add(1.day())?,
                _ => date.last_of_year().checked_add(1.day())?,
            };
            let bound = date.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond();
            if bound >= until {
                break;
            }
            bounds.push(bound);
        }
        bounds.push(until);
        Ok(Self { length, bounds })
    }

    /// Where the first begins.
    pub(super) fn since(&self) -> i64 {
        self.bounds.first().copied().unwrap_or_default()
    }

    /// Where the last ends.
    pub(super) fn until(&self) -> i64 {
        self.bounds.last().copied().unwrap_or_default()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Begin and end of each.
    pub(super) fn all(&self) -> impl Iterator<Item = (i64, i64)> {
        self.bounds.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
    }

    /// The one that a moment is in.
    pub(super) fn index(&self, at: i64) -> Option<usize> {
        let is_in = (self.since()..self.until()).contains(&at);
        is_in.then(|| self.bounds.partition_point(|bound| *bound <= at) - 1)
    }
}

/// The day of a moment.
pub(super) fn date(at: i64) -> anyhow::Result<Date> {
    let timestamp = Timestamp::from_millisecond(at).context("a moment that no calendar has")?;
    Ok(timestamp.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a moment").as_millisecond()
    }

    fn periods(since: &str, until: &str) -> (&'static str, Vec<String>) {
        let periods = Periods::of(at(since), at(until)).expect("a time");
        let starts = periods.all().map(|(from, _)| date(from).expect("a day").to_string()).collect();
        (periods.length, starts)
    }

    #[test]
    fn a_time_is_cut_where_the_calendar_cuts_it() {
        // The 4th of March 2026 is a Wednesday.
        let weeks = periods("2026-03-04T12:00:00Z", "2026-03-25T00:00:00Z");
        assert_eq!(weeks, ("week", ["2026-03-04", "2026-03-09", "2026-03-16", "2026-03-23"].map(str::to_owned).into()));
        let months = periods("2025-12-31T00:00:00Z", "2026-06-01T00:00:00Z");
        assert_eq!(months.0, "month");
        assert_eq!(months.1.last().map(String::as_str), Some("2026-05-01"));
        assert_eq!(periods("2026-03-04T12:00:00Z", "2026-03-04T13:00:00Z").1.len(), 1);
        assert_eq!(periods("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z").0, "year");
    }

    #[test]
    fn each_moment_of_it_is_in_one_part() {
        let periods = Periods::of(at("2026-03-04T12:00:00Z"), at("2026-03-25T00:00:00Z")).expect("a time");
        for (index, (from, to)) in periods.all().enumerate() {
            assert_eq!((periods.index(from), periods.index(to - 1)), (Some(index), Some(index)));
        }
        assert_eq!((periods.index(periods.since() - 1), periods.index(periods.until())), (None, None));
        assert_eq!(periods.count(), 4);
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        assert!(Periods::of(5, 5).is_err());
        assert!(Periods::of(0, at("2060-01-01T00:00:00Z")).is_err());
        assert!(Periods::of(i64::MIN, i64::MAX).is_err());
    }
}
