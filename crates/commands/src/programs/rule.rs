//! The table of a program: which sub-commands and flags do what.

use crate::args::{Args, Spec};
use crate::call::Call;
use crate::operation::{Effect, Grade, Reach};
use crate::shell::{Shell, Walk};
use std::fmt::Write as _;

/// A look at a call that a table cannot give. Returns whether all is said.
pub(crate) type Special = fn(&mut Walk<'_>, &mut Shell, &Call, &Args, &'static Program) -> bool;

/// A program whose arguments are judged.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    /// Its name, and other names that it goes by.
    pub(crate) names: &'static [&'static str],
    pub(crate) spec: Spec,
    /// Where it takes effect.
    pub(crate) reach: Reach,
    /// Flags whose value may tell the environment.
    pub(crate) evidence: &'static [&'static str],
    /// Variables that may.
    pub(crate) variables: &'static [&'static str],
    /// Flags that only print help.
    pub(crate) help: &'static [&'static str],
    /// Flags that only show what would be done.
    pub(crate) dry: &'static [&'static str],
    /// Looked at in this order; the first that fits says it.
    pub(crate) rules: &'static [Rule],
    pub(crate) special: Option<Special>,
    /// What `special` looks for, for the documentation.
    pub(crate) looks_for: &'static str,
}

impl Program {
    pub(crate) const fn new(names: &'static [&'static str], valued: &'static [&'static str]) -> Self {
        Self {
            names,
            spec: Spec { valued, attached: &[], clusters: true, stops: false },
            reach: Reach::Live,
            evidence: &[],
            variables: &[],
            help: &["--help", "-h"],
            dry: &["--dry-run"],
            rules: &[],
            special: None,
            looks_for: "",
        }
    }

    /// The same, with flags whose value stands right behind them.
    pub(crate) const fn attached(self, attached: &'static [&'static str]) -> Self {
        Self { spec: Spec { attached, ..self.spec }, ..self }
    }

    /// Whether it only shows what it would do.
    pub(crate) fn dry_run(&self, args: &Args) -> bool {
        args.flags.iter().any(|flag| self.dry.contains(&flag.name.as_str()) && !flag.is_off())
    }

    /// What is recognised, for the documentation.
    pub(crate) fn about(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for rule in self.rules {
            let mut part = rule.path.replace('|', "/");
            for when in rule.when {
                match when {
                    When::Has(flags) => {
                        let _ = write!(part, " {}", flags.first().copied().unwrap_or_default());
                    }
                    When::Is(flags, value) => {
                        let _ = write!(part, " {}={value}", flags.first().copied().unwrap_or_default());
                    }
                }
            }
            let part = format!("`{}`", part.trim());
            if part.len() > 2 && !parts.contains(&part) {
                parts.push(part);
            }
        }
        if !self.looks_for.is_empty() {
            parts.push(self.looks_for.to_owned());
        }
        if parts.is_empty() {
            parts.push("every call".to_owned());
        }
        parts.join(", ")
    }
}

/// What a flag must be for a rule to fit.
#[derive(Clone, Copy)]
pub(crate) enum When {
    /// One of them is there.
    Has(&'static [&'static str]),
    /// One of them has this value.
    Is(&'static [&'static str], &'static str),
}

/// One thing that a program does.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    /// Sub-commands, apart by spaces; `|` between other names of one.
    pub(crate) path: &'static str,
    pub(crate) when: &'static [When],
    pub(crate) effect: Effect,
    pub(crate) grade: Grade,
    pub(crate) certain: bool,
    /// `{target|what stands for none}` is what is hit, `{folder}` where.
    pub(crate) what: &'static str,
    pub(crate) instead: &'static str,
}

/// A rule that always fits its sub-commands.
pub(crate) const fn rule(path: &'static str, effect: Effect, what: &'static str, instead: &'static str) -> Rule {
    Rule { path, when: &[], effect, grade: Grade::Grave, certain: true, what, instead }
}

impl Rule {
    pub(crate) const fn when(self, when: &'static [When]) -> Self {
        Self { when, ..self }
    }

    pub(crate) const fn lesser(self) -> Self {
        Self { grade: Grade::Lesser, ..self }
    }

    pub(crate) const fn uncertain(self) -> Self {
        Self { certain: false, ..self }
    }

    /// How many positional arguments are sub-commands, where the rule fits.
    pub(crate) fn matches(&self, args: &Args) -> Option<usize> {
        let mut depth = 0;
        for part in self.path.split_whitespace() {
            let given = args.positional(depth)?;
            if !part.split('|').any(|name| name == given) {
                return None;
            }
            depth += 1;
        }
        let fits = self.when.iter().all(|when| match when {
            When::Has(flags) => args.has_any(flags),
            When::Is(flags, value) => args.values(flags).any(|word| word.known() == Some(value)),
        });
        fits.then_some(depth)
    }

    pub(crate) fn describe(&self, target: Option<&str>, folder: Option<&str>) -> String {
        let mut text = self.what.to_owned();
        if let Some((before, rest)) = self.what.split_once("{target|")
            && let Some((default, after)) = rest.split_once('}')
        {
            let value = target.map(|target| format!("`{}`", crate::shell::short(target)));
            text = format!("{before}{}{after}", value.as_deref().unwrap_or(default));
        }
        let place = folder.map(|folder| format!(" in {}", crate::shell::short(folder)));
        text.replace(" {folder}", place.as_deref().unwrap_or("")).trim_end_matches([' ', ':']).to_owned()
    }
}
