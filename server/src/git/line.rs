//! The line of first parents that leads to a commit: what a branch was, step by step.

use super::{Git, Step};

/// The commits of a line, the oldest first, with times that only go on.
pub(crate) struct Line {
    commits: Vec<String>,
    times: Vec<i64>,
    /// How many commits are dated ahead of the clock.
    pub(crate) ahead: usize,
}

impl Line {
    /// The line that leads to a commit. `now` is in milliseconds since 1970; no time is later than that.
    pub(crate) fn to(git: &Git, tip: &str, now: i64) -> anyhow::Result<Self> {
        let mut line = git.first_parents(tip)?;
        line.reverse();
        let times: Vec<i64> = line.iter().map(|(_, time)| time.saturating_mul(1000)).collect();
        let ahead = times.iter().filter(|time| **time > now).count();
        // Where a time ends now, what is made just now is in it.
        let times = smoothed(&times.iter().map(|time| (*time).min(now - 1)).collect::<Vec<_>>());
        Ok(Self { commits: line.into_iter().map(|(commit, _)| commit).collect(), times, ahead })
    }

    /// The last commit before a moment, in milliseconds since 1970, by its place in the line.
    pub(crate) fn before(&self, at: i64) -> Option<usize> {
        self.times.partition_point(|time| *time < at).checked_sub(1)
    }

    /// The place of a commit; `None` where it is not on the line.
    pub(crate) fn place(&self, commit: &str) -> Option<usize> {
        self.commits.iter().position(|known| known == commit)
    }

    /// The commit at a place.
    pub(crate) fn commit(&self, place: usize) -> &str {
        self.commits.get(place).map_or("", String::as_str)
    }

    /// When the commit at a place was made, in milliseconds since 1970.
    pub(crate) fn time(&self, place: usize) -> i64 {
        self.times.get(place).copied().unwrap_or_default()
    }

    /// The steps after one place up to another, each with its time in milliseconds since 1970.
    pub(crate) fn steps(&self, git: &Git, after: usize, last: usize) -> anyhow::Result<Vec<(Step, i64)>> {
        let steps = git.steps(self.commit(after), self.commit(last))?.into_iter();
        Ok(steps.zip(self.times.iter().skip(after + 1).copied()).collect())
    }
}

/// Times of commits, the oldest first, as if no clock had gone wrong: one that is out of line with its neighbours counts as they do,
/// and none is before one that it comes after.
fn smoothed(times: &[i64]) -> Vec<i64> {
    let median = |index: usize| {
        // As many neighbours on either side.
        let reach = index.min(times.len() - 1 - index).min(2);
        let mut near = times.get(index - reach..=index + reach).unwrap_or_default().to_vec();
        near.sort_unstable();
        near.get(reach).copied().unwrap_or_default()
    };
    let mut smoothed: Vec<i64> = (0..times.len()).map(median).collect();
    // All others would follow the first one.
    if let (Some(first), Some(second)) = (smoothed.first().copied(), times.get(1)) {
        smoothed[0] = first.min(*second);
    }
    let mut last = i64::MIN;
    for time in &mut smoothed {
        last = last.max(*time);
        *time = last;
    }
    smoothed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_that_is_wrong_moves_nothing() {
        assert_eq!(smoothed(&[10, 20, 30, 40, 50]), [10, 20, 30, 40, 50]);
        assert_eq!(smoothed(&[10, 20, 9_999, 40, 50]), [10, 20, 40, 50, 50]);
        assert_eq!(smoothed(&[10, 20, 0, 40, 50]), [10, 10, 20, 40, 50]);
        assert_eq!(smoothed(&[9_999, 20, 30]), [20, 30, 30]);
        assert_eq!(smoothed(&[]), [0_i64; 0]);
        assert_eq!(smoothed(&[7]), [7]);
        let all = smoothed(&[5, 4, 3, 2, 1]);
        assert!(all.is_sorted(), "{all:?}");
    }
}
