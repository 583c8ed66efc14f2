//! The table, and the arithmetic of its figures.

use std::fmt::Write as _;
use std::time::Duration;

/// One figure.
pub(crate) struct Row {
    figure: String,
    target: String,
    measured: String,
    /// `None` where it could not be measured.
    met: Option<bool>,
}

impl Row {
    /// A figure that was measured.
    pub(crate) fn new(
        figure: impl Into<String>,
        target: impl Into<String>,
        measured: impl Into<String>,
        met: bool,
    ) -> Self {
        Self { figure: figure.into(), target: target.into(), measured: measured.into(), met: Some(met) }
    }

    /// A figure that cannot be measured here, and why.
    pub(crate) fn skipped(figure: impl Into<String>, target: impl Into<String>, why: &str) -> Self {
        Self { figure: figure.into(), target: target.into(), measured: format!("skipped: {why}"), met: None }
    }
}

/// All figures as one table.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut table = "| figure | target | measured | met |\n|---|---|---|---|\n".to_owned();
    for Row { figure, target, measured, met } in rows {
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        let _ = writeln!(table, "| {figure} | {target} | {measured} | {met} |");
    }
    table
}

/// The sample below which `percent` of all samples are, by nearest rank.
pub(crate) fn percentile<T: Ord + Copy>(samples: &[T], percent: usize) -> T {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    *sorted.get(rank - 1).expect("there are samples")
}

/// Milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A count for arithmetic with fractions.
pub(crate) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("counts here are far below four thousand million"))
}

/// A count of bytes in MB.
pub(crate) fn mb(bytes: usize) -> f64 {
    float(bytes) / 1e6
}
