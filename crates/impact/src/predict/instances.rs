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
/// words as before and that nothing it mentions has changed.
/// `soft` says that how many there are rests on the default of a variable.
pub(super) fn fate(
    address: &str,
    (before, after): (&Instances, &Instances),
    (same, soft): (bool, bool),
    is_module: bool,
) -> Option<Fate> {
    let mut fate = certain_fate(address, (before, after), same, is_module)?;
    let is_counted = matches!(
        (before, after),
        (Instances::Count(_), Instances::Count(_) | Instances::One) | (Instances::Keys(_), Instances::Keys(_))
    );
    if soft && is_counted && fate.certain {
        fate.certain = false;
        fate.why.push_str(", unless another value is given than the default");
    }
    Some(fate)
}

fn certain_fate(address: &str, (before, after): (&Instances, &Instances), same: bool, is_module: bool) -> Option<Fate> {
    use Instances::{Count, Keys, One};
    let to = setting(after).or(setting(before)).unwrap_or("count");
    let fate = |action, certain, why: String| Some(Fate { action, certain, setting: to, why, renamed_to: None });
    match (before, after) {
        (One, One) => None,
        // Nothing was there.
        (Count(Some(0)), Count(Some(0))) => None,
        (Count(Some(0)), _) => fate(Action::Create, true, "there was no instance before".to_owned()),
        (Keys(Some(keys)), Keys(Some(others))) if keys.is_empty() && others.is_empty() => None,
        (Keys(Some(keys)), _) if keys.is_empty() => {
            fate(Action::Create, true, "there was no instance before".to_owned())
        }
        (One, Count(Some(0))) => fate(Action::Destroy, true, "`count` is 0 now, so it is destroyed".to_owned()),
        (Count(None) | Keys(_), Count(Some(0))) if !same => {
            let certain = matches!(before, Keys(Some(_)));
            fate(Action::Destroy, certain, "`count` is 0 now, so every instance that was there is destroyed".to_owned())
        }
        (One, Count(count)) if is_module => fate(
            Action::Destroy,
            true,
            format!(
                "with `count` everything in it is at `{address}[0]`, and Terraform does not move the content of a module by \
                 itself: it is destroyed{} unless a `moved` block says so",
                if count.is_some() { " and created anew" } else { "" }
            ),
        ),
        (One, Count(count)) => Some(Fate {
            renamed_to: Some(format!("{address}[0]")),
            ..fate(
                Action::Rename,
                count.is_some(),
                match count {
                    Some(_) => "`count` is new; Terraform itself moves it to the first instance".to_owned(),
                    None => "`count` is new; Terraform itself moves it to the first instance, and destroys it where \
                             `count` comes to 0, which is not known"
                        .to_owned(),
                },
            )?
        }),
        (Count(count), One) if is_module => fate(
            Action::Destroy,
            count.is_some(),
            "without `count` its content has other addresses, and Terraform does not move the content of a module by itself: \
             it is destroyed and created anew unless a `moved` block says so"
                .to_owned(),
        ),
        (Count(count), One) => match count {
            Some(count) if *count > 1 => {
                fate(Action::Destroy, true, dropped(address, &(1..*count).map(number).collect::<Vec<_>>(), "`count` is gone"))
            }
            _ => Some(Fate {
                renamed_to: Some(address.to_owned()),
                ..fate(
                    Action::Rename,
                    count.is_some(),
                    "`count` is gone; Terraform itself moves the first instance, and destroys others if there are any"
                        .to_owned(),
                )?
            }),
        },
        (One, Keys(keys)) => {
            let renamed_to = match keys.as_deref() {
                Some([key]) => Some(format!("{address}[{key:?}]")),
                _ => None,
            };
            let why = "with `for_each` its instances have keys, and Terraform does not move it to one of them by itself: it is \
                       destroyed and created anew unless a `moved` block says so";
            Some(Fate { renamed_to, ..fate(Action::Destroy, true, why.to_owned())? })
        }
        (Keys(keys), One) => fate(
            Action::Destroy,
            keys.is_some(),
            "without `for_each` its instances lose their keys: they are destroyed and it is created anew unless a `moved` \
             block says so"
                .to_owned(),
        ),
        (Count(_), Keys(_)) | (Keys(_), Count(_)) => fate(
            Action::Destroy,
            matches!(before, Count(Some(_)) | Keys(Some(_))),
            "`count` and `for_each` give instances other addresses: those that are there are destroyed and created anew \
             unless `moved` blocks say so"
                .to_owned(),
        ),
        (Count(Some(before)), Count(Some(after))) if after < before => {
            let gone: Vec<_> = (*after..*before).map(number).collect();
            fate(Action::Destroy, true, dropped(address, &gone, &format!("`count` goes from {before} to {after}")))
        }
        (Count(Some(before)), Count(Some(after))) if after > before => fate(
            Action::Create,
            true,
            format!("`count` goes from {before} to {after}; those that are there stay"),
        ),
        (Keys(Some(before)), Keys(Some(after))) => {
            let gone: Vec<_> = before.iter().filter(|key| !after.contains(key)).map(|key| format!("[{key:?}]")).collect();
            let new = after.iter().filter(|key| !before.contains(key)).count();
            match (gone.is_empty(), new) {
                (true, 0) => None,
                (true, _) => fate(Action::Create, true, format!("{new} more; those that are there stay")),
                (false, _) => fate(Action::Destroy, true, dropped(address, &gone, "`for_each` has fewer keys")),
            }
        }
        (Count(_), Count(_)) | (Keys(_), Keys(_)) if same => None,
        (Count(Some(_)), Count(Some(_))) => None,
        (Keys(_), Keys(Some(keys))) if keys.is_empty() => fate(
            Action::Destroy,
            false,
            "`for_each` has no element now, so every instance that was there is destroyed".to_owned(),
        ),
        (Count(_), Count(_)) | (Keys(_), Keys(_)) => {
            let why = format!("`{to}` changes and it is not known to what: instances that it drops are destroyed");
            fate(Action::Unknown, false, why)
        }
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
