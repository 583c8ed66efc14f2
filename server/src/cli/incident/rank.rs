//! How likely one thing is to have caused an incident, next to others.

use super::Reach;
use countersign_commands::Effect;
use countersign_impact::Action;
use countersign_policy::{Impacted, Severity, Tier};

/// What is known of one thing.
#[derive(Debug, Clone)]
pub(super) struct Facts<'r> {
    /// How bad what it does is, from 0 to 1.
    pub(super) harm: f64,
    /// How it reaches what is affected.
    pub(super) reach: &'r Reach,
    /// How many resources depend on what it hits.
    pub(super) dependents: usize,
    /// Where in the time it lies, from 0 at its begin to 1 at its end.
    pub(super) when: f64,
    /// Whether it is known to be about another environment than what is affected.
    pub(super) is_elsewhere: bool,
    /// How certain it is that it happened as it is told, from 0 to 1.
    pub(super) certainty: f64,
}

/// From this on, what a command does can be noticed from outside.
pub(super) const HARMFUL: f64 = 0.45;

/// From 0 to 100.
pub(super) fn score(facts: &Facts<'_>) -> u32 {
    let reach = match facts.reach {
        Reach::Itself => 1.0,
        Reach::Dependent { distance, .. } => 0.9 / f64::from(u16::try_from(*distance).unwrap_or(u16::MAX)).sqrt(),
        Reach::NotAsked | Reach::Whole => 0.6,
        Reach::Perhaps { .. } => 0.4,
        Reach::Beside => 0.35,
        Reach::Nearby | Reach::Unknown => 0.2,
        Reach::Elsewhere => 0.06,
    };
    // Ten dependents are a tenth more, a hundred a fifth.
    let radius = 1.0 + (f64::from(u32::try_from(facts.dependents).unwrap_or(u32::MAX)) + 1.0).log10() / 10.0;
    // What came at the begin of the time may have slept; it counts for a little less than what came at its end.
    let when = 0.7 + 0.3 * facts.when.clamp(0.0, 1.0);
    let environment = if facts.is_elsewhere { 0.2 } else { 1.0 };
    let score = 100.0 * facts.harm * reach * radius * when * environment * facts.certainty;
    let rounded = score.round().clamp(0.0, 100.0);
    // What there is anything to be said of at all is told.
    (0..=100_u32).rev().find(|whole| f64::from(*whole) <= rounded).unwrap_or_default()
}

/// Risks that are about what a change does to what is live, and not about what is written there
/// (`countersign_engine::impact`).
const OF_CHANGES: [&str; 6] = ["destroys-data", "destroys", "replaces", "interrupts", "protection-removed", "widens"];

/// Whether what a change does to what is live can be noticed. What was found in the text may have been there before.
pub(super) fn is_harmful<'f>(impact: Option<&Impacted>, mut found: impl Iterator<Item = &'f str>) -> bool {
    let by_impact = impact.is_some_and(|impact| {
        impact.data_loss || impact.interruption || matches!(impact.action, Action::Destroy | Action::Replace)
    });
    by_impact || found.any(|risk| OF_CHANGES.contains(&risk))
}

/// How bad what a change does to what is live is. `worst` is the severity of the worst risk that was found in it.
pub(super) fn harm_of_change(impact: Option<&Impacted>, worst: Option<Severity>, tier: Tier) -> f64 {
    let by_impact = impact.map_or(0.0, |impact| match impact.action {
        _ if impact.data_loss => 1.0,
        Action::Destroy | Action::Replace => 0.9,
        _ if impact.interruption => 0.8,
        Action::Unknown => 0.5,
        Action::Update => 0.35,
        Action::Rename => 0.25,
        Action::Create => 0.15,
    });
    let by_risk = match worst {
        // It may have been there before.
        Some(Severity::Critical) => 0.65,
        Some(Severity::High) => 0.5,
        Some(Severity::Medium) => 0.35,
        Some(_) => 0.2,
        None => 0.1,
    };
    let by_tier = match tier {
        Tier::Critical | Tier::High => 1.0,
        Tier::Standard => 0.95,
        Tier::Low => 0.8,
    };
    f64::max(by_impact, by_risk) * by_tier
}

/// The same of what a command does.
pub(super) fn harm_of_command(effect: Effect, is_grave: bool) -> f64 {
    let harm = match effect {
        Effect::DataDelete => 1.0,
        Effect::Destroy | Effect::Replace => 0.95,
        Effect::Interrupt => 0.85,
        Effect::Apply => 0.8,
        Effect::Access | Effect::StateChange => 0.65,
        Effect::BypassControl | Effect::HistoryRewrite | Effect::Unknown => 0.4,
        Effect::FileDelete => 0.15,
    };
    if is_grave { harm } else { harm * 0.8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(reach: &Reach) -> Facts<'_> {
        Facts { harm: 0.9, reach, dependents: 3, when: 0.5, is_elsewhere: false, certainty: 1.0 }
    }

    fn dependent(distance: usize) -> Reach {
        Reach::Dependent { on: "x.y".to_owned(), distance, via: Vec::new() }
    }

    #[test]
    fn what_is_nearer_comes_before_what_is_worse_elsewhere() {
        let near =
            [Reach::Itself, dependent(1), dependent(2), Reach::Whole, Reach::Beside, Reach::Nearby, Reach::Elsewhere];
        let scores: Vec<u32> = near.iter().map(|reach| score(&facts(reach))).collect();
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
        let elsewhere = Facts { harm: 1.0, when: 1.0, dependents: 1_000_000, ..facts(&Reach::Elsewhere) };
        let mild = Facts { harm: 0.35, when: 0.0, ..facts(&Reach::Itself) };
        assert!(score(&elsewhere) < score(&mild));
    }

    #[test]
    fn more_harm_later_and_more_dependents_count_for_more() {
        let reach = Reach::Itself;
        let plain = score(&Facts { harm: 0.5, ..facts(&reach) });
        assert!(score(&Facts { harm: 0.5, when: 1.0, ..facts(&reach) }) > plain);
        assert!(score(&Facts { harm: 0.5, dependents: 300, ..facts(&reach) }) > plain);
        assert!(score(&Facts { harm: 0.5, is_elsewhere: true, ..facts(&reach) }) < plain);
        assert!(score(&Facts { harm: 0.5, certainty: 0.5, ..facts(&reach) }) < plain);
        assert_eq!(score(&Facts { harm: 9.0, dependents: usize::MAX, ..facts(&reach) }), 100);
        assert_eq!(score(&Facts { harm: 0.0, ..facts(&reach) }), 0);
    }
}
