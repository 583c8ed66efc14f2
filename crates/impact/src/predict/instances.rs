//! `count` and `for_each`: which instances go.
//!
//! Terraform moves `x` to `x[0]` and back by itself when `count` is added to a resource or taken away, and nothing else: not
//! with `for_each`, and not a module. Source: `ImpliedMoveStatements` in Terraform's `internal/refactoring`.

use super::half::Declared;
use crate::change::Action;
use countersign_infra::terraform::Instances;

/// Instances that are named one by one.
const NAMED: usize = 4;

/// What becomes of the instances of one block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) action: Action,
    pub(super) certain: bool,
    /// The setting that brings it about.
    pub(super) setting: &'static str,
    pub(super) why: String,
    pub(super) renamed_to: Option<String>,
}

/// What becomes of the instances; `None` where they stay what they are. `same` says that the setting says the same in the same
/// words as before and that nothing it mentions has changed; `soft`, that how many there are rests on the default of a variable.
pub(super) fn fate(
    address: &str,
    (before, after): (&Instances, &Instances),
    (same, soft): (bool, bool),
    is_module: bool,
) -> Option<Fate> {
    use Instances::{Count, Keys, One};
    let setting = setting(after).or(setting(before)).unwrap_or("count");
    let fate = |action, certain, why: &str| Fate { action, certain, setting, why: why.to_owned(), renamed_to: None };
    let mut fate = match (before, after) {
        (One, One) => return None,
        _ if is_none(before) && is_none(after) => return None,
        _ if is_none(before) => fate(Action::Create, true, "there was no instance before"),
        (Count(None) | Keys(None), _) if same => return None,
        _ if is_none(after) => {
            let why = format!("`{setting}` comes to nothing now, so what was there is destroyed");
            fate(Action::Destroy, !matches!(before, Count(None) | Keys(None)), &why)
        }
        (One, Count(count)) if !is_module => Fate {
            renamed_to: Some(format!("{address}[0]")),
            ..match count {
                Some(_) => {
                    fate(Action::Rename, true, "`count` is new; Terraform itself moves it to the first instance")
                }
                None => fate(
                    Action::Rename,
                    false,
                    "`count` is new; Terraform itself moves it to the first instance, and destroys it where `count` comes to \
                     0, which is not known",
                ),
            }
        },
        (Count(Some(count)), One) if !is_module && *count > 1 => {
            let gone: Vec<_> = (1..*count).map(number).collect();
            fate(Action::Destroy, true, &dropped(address, &gone, "`count` is gone"))
        }
        (Count(count), One) if !is_module => Fate {
            renamed_to: Some(address.to_owned()),
            ..fate(
                Action::Rename,
                count.is_some(),
                "`count` is gone; Terraform itself moves the first instance, and destroys others if there are any",
            )
        },
        (Count(old), Count(new)) => counted(address, (*old, *new), fate)?,
        (Keys(old), Keys(new)) => keyed(address, (old.as_deref(), new.as_deref()), fate)?,
        _ => {
            let renamed_to = match after {
                Keys(Some(keys)) if *before == One => match keys.as_slice() {
                    [key] => Some(format!("{address}[{key:?}]")),
                    _ => None,
                },
                _ => None,
            };
            let certain = !matches!(before, Count(None) | Keys(None));
            Fate { renamed_to, ..fate(Action::Destroy, certain, re_addressed((before, after), is_module)) }
        }
    };
    let is_counted = matches!((before, after), (Count(_), Count(_) | One) | (Keys(_), Keys(_)));
    if soft && is_counted && fate.certain {
        fate.certain = false;
        fate.why.push_str(", unless another value is given than the default");
    }
    Some(fate)
}

/// Why everything gets another address that Terraform does not move it to.
fn re_addressed(states: (&Instances, &Instances), is_module: bool) -> &'static str {
    use Instances::{Keys, One};
    match states {
        _ if is_module => {
            "its content gets other addresses, and Terraform does not move the content of a module by itself: it is destroyed \
             and created anew unless `moved` blocks say so"
        }
        (One, Keys(_)) => {
            "with `for_each` its instances have keys, and Terraform does not move it to one of them by itself: it is destroyed \
             and created anew unless a `moved` block says so"
        }
        (Keys(_), One) => {
            "without `for_each` its instances lose their keys: they are destroyed and it is created anew unless a `moved` block \
             says so"
        }
        _ => {
            "`count` and `for_each` give instances other addresses: those that are there are destroyed and created anew unless \
             `moved` blocks say so"
        }
    }
}

/// What becomes of them where another number of them is asked for.
fn counted(
    address: &str,
    numbers: (Option<u64>, Option<u64>),
    fate: impl Fn(Action, bool, &str) -> Fate,
) -> Option<Fate> {
    match numbers {
        (Some(old), Some(new)) if new < old => {
            let gone: Vec<_> = (new..old).map(number).collect();
            Some(fate(Action::Destroy, true, &dropped(address, &gone, &format!("`count` goes from {old} to {new}"))))
        }
        (Some(old), Some(new)) if new > old => {
            Some(fate(Action::Create, true, &format!("`count` goes from {old} to {new}; those that are there stay")))
        }
        (Some(_), Some(_)) => None,
        _ => Some(fate(
            Action::Unknown,
            false,
            "`count` changes and it is not known to what: instances that it drops are destroyed",
        )),
    }
}

/// What becomes of them where other keys are given.
fn keyed(
    address: &str,
    keys: (Option<&[String]>, Option<&[String]>),
    fate: impl Fn(Action, bool, &str) -> Fate,
) -> Option<Fate> {
    let (Some(old), Some(new)) = keys else {
        return Some(fate(
            Action::Unknown,
            false,
            "`for_each` changes and it is not known to what: instances that it drops are destroyed",
        ));
    };
    let gone: Vec<_> = old.iter().filter(|key| !new.contains(key)).map(|key| format!("[{key:?}]")).collect();
    let more = new.iter().filter(|key| !old.contains(key)).count();
    match (gone.is_empty(), more) {
        (true, 0) => None,
        (true, _) => Some(fate(Action::Create, true, &format!("{more} more; those that are there stay"))),
        (false, _) => Some(fate(Action::Destroy, true, &dropped(address, &gone, "`for_each` has fewer keys"))),
    }
}

/// Whether it is known that there are none.
pub(super) fn is_none(instances: &Instances) -> bool {
    match instances {
        Instances::Count(count) => *count == Some(0),
        Instances::Keys(keys) => keys.as_ref().is_some_and(Vec::is_empty),
        Instances::One => false,
    }
}

fn setting(instances: &Instances) -> Option<&'static str> {
    match instances {
        Instances::One => None,
        Instances::Count(_) => Some("count"),
        Instances::Keys(_) => Some("for_each"),
    }
}

fn number(number: u64) -> String {
    format!("[{number}]")
}

fn dropped(address: &str, keys: &[String], why: &str) -> String {
    let named: Vec<_> = keys.iter().take(NAMED).map(|key| format!("`{address}{key}`")).collect();
    let more = keys.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{why}: {}{more} {} destroyed", named.join(", "), if keys.len() == 1 { "is" } else { "are" })
}

/// Which bodies of both states are of the same instance.
pub(super) fn pairs(before: &Declared, after: &Declared) -> Vec<(usize, usize)> {
    match (&before.instances, &after.instances) {
        (Instances::Keys(Some(left)), Instances::Keys(Some(right)))
            if left.len() == before.bodies.len() && right.len() == after.bodies.len() =>
        {
            let at = |key: &String| right.iter().position(|other| other == key);
            left.iter().enumerate().filter_map(|(index, key)| Some((index, at(key)?))).collect()
        }
        (Instances::Count(Some(_)), Instances::Count(Some(_))) => {
            (0..before.bodies.len().min(after.bodies.len())).map(|index| (index, index)).collect()
        }
        _ if before.bodies.is_empty() || after.bodies.is_empty() => Vec::new(),
        _ => vec![(0, 0)],
    }
}
