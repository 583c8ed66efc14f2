//! What an agent is about to do to what runs, so that two ways to the same can be told to be that.

use countersign_commands::{Effect, Grade, Operation, Reach};
use countersign_policy::Environment;
use countersign_provenance::sha256;
use serde::{Deserialize, Serialize};

/// What becomes of something, whichever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// It is gone, or made anew.
    Loss,
    /// It stops serving.
    Interruption,
    /// Others may do more, or reach it.
    Access,
    /// Changes go live that nobody confirms.
    Apply,
    /// What a tool believes about the world differs from it.
    State,
    /// History that others build on is lost.
    History,
}

impl Class {
    /// Of an effect of a command; `None` where two of it are not the same thing.
    fn of_effect(effect: Effect) -> Option<Self> {
        match effect {
            Effect::Destroy | Effect::Replace | Effect::DataDelete => Some(Self::Loss),
            Effect::Interrupt => Some(Self::Interruption),
            Effect::Access => Some(Self::Access),
            Effect::Apply => Some(Self::Apply),
            Effect::StateChange => Some(Self::State),
            Effect::HistoryRewrite => Some(Self::History),
            Effect::FileDelete | Effect::BypassControl | Effect::Unknown => None,
        }
    }

    /// Of a risk that an edit brings.
    pub(crate) fn of_risk(risk: &str) -> Option<Self> {
        match risk {
            "destroys" | "destroys-data" | "replaces" => Some(Self::Loss),
            "interrupts" => Some(Self::Interruption),
            "widens" => Some(Self::Access),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loss => "destroying",
            Self::Interruption => "stopping",
            Self::Access => "opening",
            Self::Apply => "applying unseen",
            Self::State => "changing the state",
            Self::History => "rewriting history",
        }
    }
}

/// Something that an agent is about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    pub(crate) class: Class,
    /// A digest of the name of what is hit.
    pub(crate) target: Option<String>,
    pub(crate) environment: Environment,
    /// The way to it: the program with what leads to it, the tool, `edit`. No names of files or machines are in it.
    pub(crate) route: String,
    /// A digest of the way with all names.
    pub(crate) way: String,
    /// Whether it cannot simply be undone.
    pub(crate) is_grave: bool,
    /// Whether it is done to what runs.
    pub(crate) is_live: bool,
}

impl Deed {
    /// What a command or a tool would do.
    pub(crate) fn of(operation: &Operation, environment: Environment) -> Option<Self> {
        let way: Vec<&str> = operation.via.iter().chain([&operation.program]).map(String::as_str).collect();
        let route: Vec<&str> = way.iter().map(|step| program(step)).collect();
        Some(Self {
            class: Class::of_effect(operation.effect)?,
            target: operation.target.as_deref().map(name),
            environment,
            route: route.join(" › "),
            way: digest(&way.join("\n")),
            is_grave: operation.grade == Grade::Grave,
            is_live: operation.reach == Reach::Live,
        })
    }

    /// Whether this leads to the very same as another by another way. Where nothing tells that both mean the same, they do not.
    pub(crate) fn is_other_way_to(&self, other: &Self) -> bool {
        let is_same_place = match self.target.as_ref().zip(other.target.as_ref()) {
            Some((one, two)) => one == two,
            None => self.environment == other.environment && self.environment != Environment::Unknown,
        };
        self.class == other.class && self.is_grave && other.is_grave && self.way != other.way && is_same_place
    }
}

/// A digest of the name in an address, a path or an identifier.
pub(crate) fn name(target: &str) -> String {
    let last = target.trim_end_matches('/').rsplit(['.', '/', ':', ' ']).next().unwrap_or(target);
    digest(&last.to_lowercase())
}

/// Digests of the words of a target, each as a whole and of the name in it, so that it can be told whether something has that name.
pub(crate) fn names(target: &str) -> Vec<String> {
    let words = target.split([' ', ',', '\t']).filter(|word| !word.is_empty()).take(MAX_NAMES);
    let mut names: Vec<String> = words.flat_map(|word| [digest(&word.to_lowercase()), name(word)]).collect();
    names.dedup();
    names
}

/// Words of a target of which digests are kept.
const MAX_NAMES: usize = 10;

pub(crate) fn digest(text: &str) -> String {
    sha256(text).chars().take(16).collect()
}

/// The program of a step that leads to what is done; of a script only that it is one.
fn program(step: &str) -> &str {
    let first = step.split_whitespace().next().unwrap_or(step);
    if first.contains(['/', '.']) { "a script" } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(class: Class, target: Option<&str>, environment: Environment, route: &str) -> Deed {
        let (target, route) = (target.map(name), route.to_owned());
        Deed { class, target, environment, way: digest(&route), route, is_grave: true, is_live: true }
    }

    #[test]
    fn the_same_by_another_way() {
        use Environment::{Development, Production, Unknown};
        let edit = deed(Class::Loss, Some("aws_db_instance.orders"), Production, "edit");
        let all = deed(Class::Loss, None, Production, "terraform");
        for (other, expected) in [
            (deed(Class::Loss, Some("orders"), Unknown, "aws"), true),
            (deed(Class::Loss, Some("drafts"), Production, "aws"), false),
            (deed(Class::Access, Some("orders"), Production, "aws"), false),
            (deed(Class::Loss, Some("aws_db_instance.orders"), Production, "edit"), false),
            (Deed { is_grave: false, ..deed(Class::Loss, Some("orders"), Production, "aws") }, false),
        ] {
            assert_eq!(other.is_other_way_to(&edit), expected, "{other:?}");
        }
        assert!(deed(Class::Loss, None, Production, "bash -c › terraform").is_other_way_to(&all));
        assert!(deed(Class::Loss, Some("shop"), Production, "kubectl").is_other_way_to(&all));
        assert!(!deed(Class::Loss, None, Development, "make dev › terraform").is_other_way_to(&all));
        let nowhere = deed(Class::Loss, None, Unknown, "terraform");
        assert!(
            !deed(Class::Loss, None, Unknown, "kubectl").is_other_way_to(&nowhere),
            "nobody knows that it is the same"
        );
    }
}
