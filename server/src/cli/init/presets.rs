//! `countersign init --preset`: a `countersign.toml` that a team can start from.

use super::{InitArguments, show, write};
use crate::git;
use anyhow::{Context, bail};
use clap::ValueEnum;
use countersign_policy::CONFIG_FILE;

/// What a team begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Preset {
    /// Everything is said and recorded, nothing is stopped.
    Observe,
    /// What matters waits for a second person, the rest is a warning.
    Balanced,
    /// What an AI wrote where it matters needs two people; agents ask or are denied.
    Strict,
}

impl Preset {
    /// The text of its `countersign.toml`.
    const fn text(self) -> &'static str {
        match self {
            Self::Observe => include_str!("presets/observe.toml"),
            Self::Balanced => include_str!("presets/balanced.toml"),
            Self::Strict => include_str!("presets/strict.toml"),
        }
    }
}

/// Writes the settings at the root of the repository, or takes them away where they are still those of a preset. Settings of somebody
/// else stay as they are.
pub(super) fn run(arguments: &InitArguments, preset: Preset, shown: &mut String) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let root = git::work_tree(&here.join("-")).unwrap_or(here);
    let path = root.join(CONFIG_FILE);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let is_own = |text: &str| Preset::value_variants().iter().any(|preset| preset.text() == text);
    let after = match (&before, arguments.undo) {
        (None, true) => return Ok(()),
        (Some(text), true) if is_own(text) => None,
        (Some(_), true) => bail!(
            "{} is not as a preset has it any more, so it is left as it is; take away by hand what you do not want",
            path.display()
        ),
        (Some(text), false) if text == preset.text() => return Ok(()),
        // From one preset to another, as long as nobody has written anything into it.
        (Some(text), false) if !is_own(text) => bail!(
            "{} is there already, and what somebody wrote is not written over; `countersign init --preset … --dry-run` in an empty \
             folder shows the preset, to take over by hand what you want of it",
            path.display()
        ),
        (_, false) => Some(preset.text()),
    };
    show(shown, &path, before.as_deref(), after);
    if !arguments.dry_run {
        write(&path, after, false)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_impact::Action;
    use countersign_policy::{
        ChangeUnderReview, Circumstances, Config, Environment, Impacted, Mode, Origin, Severity, Surface, Tier, Verdict,
    };

    fn config(preset: Preset) -> Config {
        let (config, problems) = Config::read(preset.text());
        assert_eq!(problems, [], "{preset:?}");
        config
    }

    fn change(tier: Tier, origin: Origin, path: &str) -> ChangeUnderReview<'_> {
        let environment = Environment::Unknown;
        ChangeUnderReview { path, tier, environment, origin, author: "junior", found: None, impact: None }
    }

    /// How many have to approve a change, and what becomes of it without; `None` where nobody has to.
    fn needs(config: &Config, change: &ChangeUnderReview<'_>) -> Option<(usize, Mode)> {
        let (_, row) = config.required(change)?;
        Some((row.approvals, config.mode(change, [None], row.mode))).filter(|(approvals, _)| *approvals > 0)
    }

    #[test]
    fn what_each_preset_wants_is_what_its_page_says() {
        use Mode::{Enforce, Observe, Warn};
        let [observe, balanced, strict] = [Preset::Observe, Preset::Balanced, Preset::Strict].map(config);
        let critical = change(Tier::Critical, Origin::Ai, "main.tf");
        let unknown = change(Tier::Critical, Origin::Unknown, "main.tf");
        let high = change(Tier::High, Origin::Ai, "main.tf");
        let policy = change(Tier::Critical, Origin::Human, "live/countersign.toml");
        let person = change(Tier::Critical, Origin::Human, "main.tf");
        let found = Some((Verdict::Review, Severity::High));
        let risky = ChangeUnderReview { found, ..change(Tier::Standard, Origin::Ai, "main.tf") };
        let live = ChangeUnderReview { environment: Environment::Production, ..risky.clone() };
        let plain = change(Tier::Standard, Origin::Ai, "main.tf");
        let all = [critical, unknown, high, policy, person, risky, live, plain];
        let of = |config: &Config| all.iter().map(|change| needs(config, change)).collect::<Vec<_>>();
        let with = |mode| Some((1, mode));
        let o = with(Observe);
        assert_eq!(of(&observe), [o, o, None, o, None, o, o, None]);
        let e = with(Enforce);
        assert_eq!(of(&balanced), [e, e, None, e, None, with(Warn), e, None]);
        let two = Some((2, Enforce));
        assert_eq!(of(&strict), [two, two, e, two, None, e, e, None]);
    }

    #[test]
    fn verdicts_agents_and_emergencies() {
        let verdict = |preset: Preset, severity, impact| {
            let circumstances = Circumstances {
                origin: Origin::Ai,
                severity,
                surface: Surface::CommandLine,
                changed: true,
                environment: Environment::Unknown,
                impact,
            };
            config(preset).table().decide(circumstances).0
        };
        let loss = Some(Impacted {
            action: Action::Destroy,
            data_loss: true,
            interruption: false,
            tier: Tier::Critical,
            dependents: 0,
            more_dependents: false,
            at_once: 1,
        });
        for (preset, high) in
            [(Preset::Observe, Verdict::Review), (Preset::Balanced, Verdict::Review), (Preset::Strict, Verdict::Deny)]
        {
            assert_eq!(verdict(preset, Severity::Critical, None), Verdict::Deny, "{preset:?}");
            assert_eq!(verdict(preset, Severity::High, None), high, "{preset:?}");
            assert_eq!(verdict(preset, Severity::Low, loss), Verdict::Deny, "{preset:?}");
        }
        let glass = |preset: Preset| config(preset).break_glass.map(|it| (it.level, it.hours.get(), it.hardware));
        let senior = || Some("senior".to_owned());
        assert_eq!(glass(Preset::Observe), None);
        assert_eq!(glass(Preset::Balanced), Some((senior(), 4, false)));
        assert_eq!(glass(Preset::Strict), Some((senior(), 2, true)));
    }
}
