//! What a team may set about a risk.

use crate::format::{Operand, Risk, RiskOption, Scalar, Setting, When};
use std::collections::BTreeMap;
use std::fmt;

impl Setting {
    /// Whether another one may stand in its place.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(this), Self::One(other)) => std::mem::discriminant(this) == std::mem::discriminant(other),
            (Self::Many(_), Self::Many(_)) => true,
            _ => false,
        }
    }

    /// What it has to be, in words.
    pub(crate) fn shape(&self) -> &'static str {
        match self {
            Self::One(Scalar::Bool(_)) => "`true` or `false`",
            Self::One(Scalar::Number(_)) => "a number",
            Self::One(Scalar::String(_)) => "a string",
            Self::Many(_) => "a list",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |scalar: &Scalar| match scalar {
            Scalar::Bool(bool) => bool.to_string(),
            Scalar::Number(number) => number.to_string(),
            Scalar::String(string) => string.clone(),
        };
        match self {
            Self::One(scalar) => f.write_str(&one(scalar)),
            Self::Many(scalars) => f.write_str(&scalars.iter().map(one).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl<T> Operand<T> {
    /// What it is compared with.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Set(by) => by.value.as_ref(),
        }
    }

    fn set(&mut self, value: impl Fn(&str) -> Option<T>) {
        if let Self::Set(by) = self {
            by.value = value(&by.option);
        }
    }
}

impl Risk {
    /// The risk with some of its options set to these, and what is compared with options to what they are set to.
    #[must_use]
    pub fn with_options(mut self, set: &BTreeMap<String, Setting>) -> Self {
        for (name, option) in &mut self.options {
            if let Some(setting) = set.get(name) {
                option.default = setting.clone();
            }
        }
        let list = |name: &str| match &self.options.get(name)?.default {
            Setting::Many(scalars) => Some(scalars.clone()),
            Setting::One(_) => None,
        };
        let number = |name: &str| match self.options.get(name)?.default {
            Setting::One(Scalar::Number(number)) => Some(number),
            _ => None,
        };
        for binding in &mut self.bindings {
            let guards = binding.only_if.iter_mut().chain(&mut binding.unless);
            let guards = guards.chain(binding.companion.iter_mut().flat_map(|companion| &mut companion.when));
            for when in guards.map(|guard| &mut guard.when).chain(&mut binding.when) {
                let When::Compare(compare) = when else { continue };
                let lists = [&mut compare.one_of, &mut compare.none_of, &mut compare.starts_with, &mut compare.lacks];
                lists.into_iter().flatten().for_each(|operand| operand.set(list));
                let numbers = [&mut compare.less_than, &mut compare.greater_than];
                numbers.into_iter().flatten().for_each(|operand| operand.set(number));
            }
        }
        self
    }

    /// A template with what the options are set to.
    pub fn filled(&self, template: &str) -> String {
        let with = |text: String, (name, option): (&String, &RiskOption)| {
            text.replace(&format!("{{{name}}}"), &option.default.to_string())
        };
        self.options.iter().fold(template.to_owned(), with)
    }

    /// Whether a team may turn it off. What the engine says of its own work is always said.
    pub fn can_be_off(&self) -> bool {
        self.area != *"record"
    }
}
